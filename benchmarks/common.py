"""Timing side by side on a shared machine, and counts that do not depend on the machine at all."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

from verify.experiments.capture import Survey

Run = Callable[[], object]
SYNC = "aten::_local_scalar_dense"  # `.item()`, `float(tensor)`, `if tensor`: a stall when the tensor is on a GPU
VIEWS = ("aten::detach",)  # nothing is computed or launched


def operations_and_syncs(counted: Survey) -> tuple[int, int]:
    """Tensor operations that compute something, and the stalls among them."""
    return counted.operations - sum(counted.counts[name] for name in VIEWS), counted.counts[SYNC]


def seconds(run: Run, repeats: int) -> float:
    """CPU seconds of one run, from `repeats` in a row."""
    started = time.process_time()
    for _ in range(repeats):
        run()
    return (time.process_time() - started) / repeats


def interleaved(runs: Mapping[str, Run], rounds: int = 9, repeats: int = 20) -> dict[str, float]:
    """Median CPU seconds of each run. Every round times each of them once, so that a busy moment hits them all."""
    for run in runs.values():
        run()
    found = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            found[name].append(seconds(run, repeats))
    return {name: statistics.median(times) for name, times in found.items()}
