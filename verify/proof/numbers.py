"""Closed expressions compared as numbers: a sign that intervals certify, finite sums and products included."""

from __future__ import annotations

import sympy as sp
from sympy.core.function import AppliedUndef

from verify.meaning.facts import Facts
from verify.proof import intervals
from verify.proof.intervals import NotEvaluable
from verify.proof.normal_form import decide_zero
from verify.proof.signs import UNKNOWN, Sign

FINE_DIGITS = 200  # of the second and last try


def sign_of_number(e: sp.Expr) -> Sign:
    """The sign of an expression without free symbols; undecided when no enclosure excludes zero.

    A number that is exactly zero stays undecided: no enclosure tells it from a small one.
    """
    return _sign(e) or UNKNOWN


def may_vanish(divisor: sp.Expr, facts: Facts) -> bool:
    """Whether a divisor is zero for certain, or a number that no enclosure tells from zero."""
    return bool(decide_zero(divisor, facts).zero) or _sign(divisor) == UNKNOWN


def _sign(e: sp.Expr) -> Sign | None:
    """None where the expression is not a number or has no enclosure."""
    if e.free_symbols or e.has(AppliedUndef):
        return None
    for digits in (intervals.DIGITS, FINE_DIGITS):
        try:
            value = intervals.enclose(e, {}, digits)
        except NotEvaluable:
            return None
        if value.a > 0:
            return Sign(1, True)
        if value.b < 0:
            return Sign(-1, True)
    return UNKNOWN
