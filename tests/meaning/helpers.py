"""Short ways to declare, to read and to compare, for the tests of the symbolic reading."""

from __future__ import annotations

import sympy as sp

from verify.language.reader import read_formula
from verify.language.scope import Scope
from verify.meaning.expansions import order_of_step
from verify.meaning.reading import Reading, read_in
from verify.proof.normal_form import decide_zero


def value(scope: Scope, formula: str, dimension: int | None = 1):
    """The value of one formula in a reading of its own."""
    return read_in(scope, dimension).value(read_formula(formula, scope))


def residuals(
    scope: Scope, left: str, right: str, dimension: int | None = 1
) -> tuple[Reading, list[sp.Expr]]:
    """The reading and what must vanish."""
    reading = read_in(scope, dimension)
    trees = read_formula(left, scope), read_formula(right, scope)
    order = order_of_step(*trees)
    return reading, reading.residuals(*(reading.value(tree) for tree in trees), order)


def equal(scope: Scope, left: str, right: str, dimension: int | None = 1) -> bool:
    """True when the two formulas are proved equal."""
    reading, parts = residuals(scope, left, right, dimension)
    decisions = [decide_zero(part, reading.facts) for part in parts]
    return all(decision.zero is True for decision in decisions)
