"""Worker processes that judge under hard limits: a time bound, a memory bound, and a kill when either is hit.

C code ignores Python signals, so the limits are limits of a process. Pebble stops a worker that takes
too long and starts another; the workers stay warm between tasks.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable
from concurrent.futures import Future, TimeoutError
from typing import Any

from verify.ledger.verdict import UNDECIDED
from verify.running.engine import AHEAD, MEGABYTES, SECONDS, OurError


class Workers:
    """The engine of one machine: a pool of judging processes. Leaving it stops them."""

    ahead = AHEAD

    def __init__(self, count: int | None = None, megabytes: int = MEGABYTES) -> None:
        from pebble import ProcessPool

        self.megabytes = megabytes
        self.count = count or max(1, os.cpu_count() or 1)
        self.pool = ProcessPool(
            max_workers=self.count,
            initializer=_limit_memory,
            initargs=[megabytes],
            context=multiprocessing.get_context("spawn"),
        )

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        self.pool.stop()  # every outcome that somebody waits for has been read by now
        self.pool.join()

    def warm(self) -> None:
        """Have every worker import the judges now, so that the first edit does not wait for it."""
        for _ in range(self.count):
            self.submit(_import_judges)

    def submit(self, function: Callable[..., Any], *arguments: Any, seconds: float = SECONDS) -> Future[Any]:
        """Run `function(*arguments)` in a worker; see `outcome` for reading the future."""
        return self.pool.schedule(function, args=list(arguments), timeout=seconds)

    def outcome(self, future: Future[Any], seconds: float = SECONDS) -> dict[str, Any]:
        """The result of a finished future; a hit limit is an undecided verdict that says so.

        Raises OurError when the judgement itself crashed.
        """
        from pebble import ProcessExpired

        try:
            return future.result()
        except TimeoutError:
            return {"verdict": UNDECIDED, "why": f"stopped after {seconds:g} s"}
        except (MemoryError, ProcessExpired):
            return {"verdict": UNDECIDED, "why": f"stopped at the memory bound of {self.megabytes:,} MB"}
        except RecursionError:
            return {"verdict": UNDECIDED, "why": "the expression is nested too deeply"}
        except Exception as error:  # anything else is a crash of ours, and is raised as that
            raise OurError(getattr(error, "traceback", None) or repr(error)) from error

    def check(self) -> None:
        """A worker that died is replaced, so there is always one left."""


def _import_judges() -> None:
    import importlib

    for name in ("verify.proof.step", "verify.proof.hints", "verify.sampling.judge"):
        importlib.import_module(name)


def _limit_memory(megabytes: int) -> None:
    sys.setrecursionlimit(10_000)
    if sys.platform == "linux":  # macOS accepts the call and does not enforce it
        import resource

        limit = megabytes * 1024 * 1024
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
