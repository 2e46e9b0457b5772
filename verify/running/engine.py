"""What an engine is: something that runs bounded tasks elsewhere and gives each answer back as a future.

The judge knows this protocol alone. `workers.Workers` is the engine of one machine, `ray.Cluster` that of many; the
answers are the same, so the ledger does not tell which engine made it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from types import TracebackType

SECONDS, MEGABYTES = 30.0, 3_000  # bounds of one task
AHEAD = 1000  # tasks that wait or run at a time, where there are processes


class OurError(Exception):
    """A judgement crashed: a fault of the program, never a verdict. The text is the traceback."""


class EngineError(Exception):
    """The engine cannot be used, or was lost: no fault of any claim. The text is one sentence for the user."""


class Engine(Protocol):
    """Runs tasks: module-level functions with plain arguments and plain results.

    A context manager; leaving it with an exception (Ctrl-C) stops all that is open.

    ahead    how many tasks it is given before the first answer is read; verdicts are kept as answers are read
    """

    ahead: int

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def submit(self, function: Callable[..., Any], *arguments: Any, seconds: float = SECONDS) -> Future[Any]:
        """Run `function(*arguments)` for at most `seconds`; read the future with `outcome`."""
        ...

    def outcome(self, future: Future[Any], seconds: float = SECONDS) -> dict[str, Any]:
        """The result of a finished future; a hit limit is an undecided verdict that says so.

        Raises OurError when the task crashed, EngineError when the engine could not run it.
        """
        ...

    def check(self) -> None:
        """Raises EngineError when nothing is left that could finish the open tasks."""
        ...
