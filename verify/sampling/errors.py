"""Why a formula could not be evaluated. None of these is ever a pass."""

from __future__ import annotations


class Undefined(Exception):
    """No finite real value at this point; another point may have one."""


class Undecidable(Exception):
    """The construct has no numerical reading here; the message says why."""


class BudgetExceeded(Exception):
    """The evaluation would cost more than its bound; the message says of what."""


class Budget:
    """A bound on the number of node evaluations."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.spent = 0

    def spend(self, amount: int = 1) -> None:
        """Count `amount` evaluations. Raises BudgetExceeded past the limit."""
        self.spent += amount
        if self.spent > self.limit:
            raise BudgetExceeded(f"more than {self.limit} evaluations")
