"""What a cluster costs: the overhead of one task, and the wall time when a node is lost in mid-run.

    python -m benchmarks.cluster

Ray's nodes run on this machine. The tasks sleep, so that the figures are the engine's and not those of shared cores.
"""

from __future__ import annotations

import statistics
import time

from rich.console import Console
from rich.table import Table

from verify.running.ray import Cluster
from verify.running.workers import Workers

TASKS, REPEATS = 2_000, 5
SLEEPS, SECONDS, CPUS, LOST_AT = 200, 0.2, 2, 0.3
MEMORY = 100_000_000  # bytes of each node's object store


def overhead(engine: Cluster | Workers) -> list[float]:
    """Seconds per empty task, submitted all at once, a few times over with warm workers."""
    found = []
    for _ in range(REPEATS + 1):
        started = time.perf_counter()
        for future in [engine.submit(divmod, 1, 1) for _ in range(TASKS)]:
            engine.outcome(future)
        found.append((time.perf_counter() - started) / TASKS)
    return found[1:]


def with_a_node_lost() -> tuple[float, float, int]:
    """(wall, ideal, answers): sleeping tasks on two nodes, one of which is killed when 30 % are done.

    Ideal is all the cores until then and the surviving ones for the rest, with nothing lost and no time between tasks.
    """
    from ray.cluster_utils import Cluster as LocalNodes

    nodes = LocalNodes(initialize_head=True, head_node_args={"num_cpus": 0, "object_store_memory": MEMORY})
    _, doomed = (nodes.add_node(num_cpus=CPUS, object_store_memory=MEMORY) for _ in range(2))
    try:
        with Cluster(nodes.address) as engine:
            for future in [engine.submit(time.sleep, 1.0) for _ in range(8 * CPUS)]:  # every worker has started
                engine.outcome(future)
            started, answers = time.perf_counter(), 0
            for future in [engine.submit(time.sleep, SECONDS) for _ in range(SLEEPS)]:
                engine.outcome(future)
                answers += 1
                if answers == int(LOST_AT * SLEEPS):
                    nodes.remove_node(doomed, allow_graceful=False)
            wall = time.perf_counter() - started
    finally:
        nodes.shutdown()
    work = SLEEPS * SECONDS / CPUS
    return wall, LOST_AT * work / 2 + (1 - LOST_AT) * work, answers


def main() -> None:
    table = Table("", "", box=None)
    with Workers() as here:
        table.add_row("overhead of a task, this machine", _milliseconds(overhead(here)))
    with Cluster() as there:
        table.add_row("overhead of a task, Ray", _milliseconds(overhead(there)))
    wall, ideal, answers = with_a_node_lost()
    words = f"{wall:.1f} s, {wall / ideal:.2f} times the ideal {ideal:.1f} s; {answers} of {SLEEPS} answers"
    table.add_row(f"one of two nodes lost at {LOST_AT:.0%}", words)
    Console().print(table)


def _milliseconds(seconds: list[float]) -> str:
    return f"{statistics.median(seconds) * 1e3:.2f} ms (best {min(seconds) * 1e3:.2f})"


if __name__ == "__main__":
    main()
