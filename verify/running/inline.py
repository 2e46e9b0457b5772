"""The engine without processes: a task runs where it is submitted. For a browser, where Python has one thread.

Nothing can stop a task from inside; whoever runs the whole (a web worker) is stopped from outside.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self

from verify.ledger.verdict import UNDECIDED
from verify.running.engine import SECONDS, OurError


class Inline:
    """Runs each task at once, and is given the next one when its answer has been read."""

    ahead = 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is open."""

    def submit(self, function: Callable[..., Any], *arguments: Any, seconds: float = SECONDS) -> Future[Any]:
        """Run `function(*arguments)` now; `seconds` is what others grant it."""
        future: Future[Any] = Future()
        try:
            future.set_result(function(*arguments))
        except Exception as error:  # `outcome` sorts them
            future.set_exception(error)
        return future

    def outcome(self, future: Future[Any], seconds: float = SECONDS) -> dict[str, Any]:
        """The result; a hit limit is an undecided verdict that says so. OurError when the judgement crashed."""
        try:
            return future.result()
        except MemoryError:
            return {"verdict": UNDECIDED, "why": "stopped: no memory is left"}
        except RecursionError:
            return {"verdict": UNDECIDED, "why": "the expression is nested too deeply"}
        except Exception as error:  # anything else is a crash of ours, and is raised as that
            raise OurError("".join(traceback.format_exception(error))) from error

    def check(self) -> None:
        """Nothing is ever open."""
