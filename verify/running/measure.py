"""Runs experiments: here, one after another, or on a cluster, all at once. Torch is imported when one starts.

Each outcome is given as soon as it is there, so that what is done is kept when a later one is interrupted.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import TYPE_CHECKING, Any

from verify.running.engine import EngineError, OurError

if TYPE_CHECKING:
    from verify.experiments.run import Outcome
    from verify.running.ray import Cluster

Progress = Callable[[int, int, str], None]
PATIENCE = 5.0  # seconds without an outcome before the cluster is asked whether it still runs


def measure(
    names: Sequence[str],
    device: str = "cpu",
    dtype: str = "float64",
    seed: int = 0,
    cluster: Cluster | None = None,
    progress: Progress | None = None,
) -> Iterator[Outcome]:
    """The outcome of each experiment: in the order of `names` here, as they finish on a `cluster`.

    `progress(done, total, what)` counts experiments; a single one that runs here counts its own parts instead.

    SettingError for a device or dtype that does not exist; Powerless for an experiment that shows nothing; OurError
    when experiments crashed, after the outcomes of all others; EngineError when the cluster is lost.
    """
    report = progress or (lambda done, total, what: None)
    if cluster:
        yield from _on(cluster, names, device, dtype, seed, report)
        return
    from verify.experiments.experiment import Powerless
    from verify.experiments.run import SettingError, perform

    crashes = []
    for number, name in enumerate(names):
        report(number, len(names), name)
        try:
            outcome = perform(name, device, dtype, seed, progress if len(names) == 1 else None)
        except (SettingError, Powerless):
            raise
        except Exception:  # a fault of one experiment must not keep the others from being measured
            crashes.append(f"{name}:\n{traceback.format_exc()}")
            continue
        yield outcome
    report(len(names), len(names), "done")
    if crashes:
        raise OurError("\n".join(crashes))


def _on(
    cluster: Cluster, names: Sequence[str], device: str, dtype: str, seed: int, report: Progress
) -> Iterator[Outcome]:
    from verify.experiments.records import Record
    from verify.experiments.run import DTYPES, Outcome, SettingError

    if dtype not in DTYPES:
        raise SettingError(f"dtype {dtype!r} is not supported; there is: {', '.join(DTYPES)}")
    pending = {cluster.measure(name, device, dtype, seed): name for name in names}
    crashes = []
    for done, future in enumerate(_finished(set(pending), cluster), 1):
        try:
            answer = cluster.outcome(future)
        except OurError as error:
            crashes.append(f"{pending[future]}:\n{error}")
            continue
        if "problem" in answer:
            raise SettingError(answer["problem"])
        record = Record(**answer["record"])
        if record.stale():
            raise EngineError(f"a node ran {record.name} from other code than this machine's; install the same on all")
        report(done, len(names), record.name)
        yield Outcome(record, answer["figures"])
    if crashes:
        raise OurError("\n".join(crashes))


def _finished(pending: set[Future[Any]], cluster: Cluster) -> Iterator[Future[Any]]:
    while pending:
        done, pending = wait(pending, PATIENCE, FIRST_COMPLETED)
        yield from done
        if not done:
            cluster.check()
