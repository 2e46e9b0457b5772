"""Why a formula could not be evaluated. None of these is ever a pass."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class Undefined(Exception):
    """No finite real value at this point; another point may have one."""


class OneSided(Undefined):
    """One side of a step has a value at this point and the other one has none."""


class Undecidable(Exception):
    """The construct has no numerical reading here; the message says why."""


class Touching(Undecidable):
    """The sides of a strict inequality are equal somewhere, as far as can be seen."""


class BudgetExceeded(Exception):
    """The evaluation would cost more than its bound; the message says of what."""


class Budget:
    """A bound on the number of node evaluations."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.spent = 0

    @contextmanager
    def at_most(self, amount: int) -> Iterator[None]:
        """Bound what the block spends, too: a first evaluation beyond its share shows that the rest is too dear."""
        before = self.limit
        self.limit = min(before, self.spent + amount)
        try:
            yield
        except BudgetExceeded as reason:
            if self.spent > before:
                raise
            raise BudgetExceeded(f"more than {amount} evaluations at one point") from reason
        finally:
            self.limit = before

    def spend(self, amount: int = 1) -> None:
        """Count `amount` evaluations. Raises BudgetExceeded past the limit."""
        self.spent += amount
        if self.spent > self.limit:
            raise BudgetExceeded(f"more than {self.limit} evaluations")
