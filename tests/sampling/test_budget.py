"""A share of a budget bounds one evaluation and leaves the rest as it was."""

from __future__ import annotations

import pytest

from verify.sampling.errors import Budget, BudgetExceeded


def test_a_share_ends_one_evaluation_and_says_so() -> None:
    budget = Budget(100)
    with pytest.raises(BudgetExceeded, match="more than 10 evaluations at one point"), budget.at_most(10):
        budget.spend(11)
    budget.spend(50)
    with pytest.raises(BudgetExceeded, match="more than 100 evaluations$"):
        budget.spend(40)


def test_a_share_never_widens_the_budget() -> None:
    budget = Budget(100)
    with pytest.raises(BudgetExceeded, match="more than 100 evaluations$"), budget.at_most(1000):
        budget.spend(101)
