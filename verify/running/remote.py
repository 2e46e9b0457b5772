"""What a node of a cluster does: one bounded task, or one experiment. Plain data in, plain data out.

Nothing raises here, so that whatever does come back as an exception is a fault of the cluster and may be retried; a
crash of ours is never retried, for it would crash again, nor is a failed check, for that would change its error rate.
"""

from __future__ import annotations

import functools
import platform
import traceback
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from verify.ledger.keys import JUDGES, judge_version
from verify.running.engine import MEGABYTES, OurError
from verify.running.workers import Workers


def judges() -> str:
    """Hashes of our judging code and its libraries: verdicts of different ones must not share a ledger."""
    return " ".join(judge_version(route) for route in JUDGES)


def bounded(
    function: Callable[..., dict[str, Any]], arguments: tuple[Any, ...], seconds: float, expected: str
) -> dict[str, Any]:
    """Run a task in a process of its own under the bounds of the local engine: {"result": ...}.

    {"crash": traceback} when the task crashed, {"differs": node} when this node has other judges than `expected`.
    """
    if judges() != expected:
        return {"differs": platform.node()}
    pool = _pool()
    future = pool.submit(function, *arguments, seconds=seconds)
    try:
        return {"result": pool.outcome(future, seconds)}
    except OurError as error:
        return {"crash": str(error)}


@functools.cache
def _pool() -> Workers:
    """One warm process for all tasks of this Ray worker, replaced when a bound kills it."""
    return Workers(1, MEGABYTES)


def measured(name: str, device: str, dtype: str, seed: int, threads: int) -> dict[str, Any]:
    """Run one experiment in this process: {"record": ..., "figures": ...}, {"problem": sentence}, {"crash": traceback}.

    `threads` is what the experiment would have had on the machine that asks: the order of its sums depends on it.
    """
    try:
        import torch

        from verify.experiments.run import SettingError, perform

        torch.set_num_threads(threads)
        try:
            outcome = perform(name, device, dtype, seed)
        except SettingError as error:
            return {"problem": f"on {platform.node()}: {error}"}
    except Exception:  # a crash of ours, told as one by who asked
        return {"crash": traceback.format_exc()}
    return {"record": asdict(outcome.record), "figures": outcome.figures}
