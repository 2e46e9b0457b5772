"""Rigorous refutation: two sides are enclosed in intervals at admissible points and told apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import sympy as sp

from verify.meaning.facts import Facts
from verify.proof import intervals
from verify.proof.intervals import Interval, NoRealValue, NotEvaluable
from verify.proof.points import AdmissiblePoint, Concrete, admissible_points, concrete

ATTEMPTS = 60  # points drawn for one choice of functions
INSTANCES = 6  # choices of functions and ranges
POINTS = 8  # admissible points at which the sides are compared
FINE_DIGITS = 400  # precision of the last try
MIN_DIGITS = 30  # agreement that counts
SHORT = 12  # figures of a numerator that is shown exactly


@dataclass(frozen=True)
class Witness:
    """A point where the sides differ. `difference` is an interval that excludes zero.

    `point` holds the exact values of the symbols, and the concrete functions that were put in.
    """

    point: dict[str, str]
    left: str
    right: str
    difference: str
    enclosure: Interval
    where: AdmissiblePoint
    statement: Concrete

    def as_dict(self) -> dict[str, object]:
        """As the ledger keeps it."""
        return {"point": self.point, "left": self.left, "right": self.right, "difference": self.difference}


@dataclass(frozen=True)
class Agreement:
    """Both sides agree to `digits` digits (relative to their size) at `points` admissible points."""

    digits: int
    points: int


def separate(
    left: sp.Expr, right: sp.Expr, facts: Facts, sense: int = 0, points: int = POINTS
) -> Witness | None:
    """A point where left and right certainly differ, or None.

    sense +1 asks for left > right, -1 for left < right, 0 for either.
    """
    for statement, point in _comparisons(left, right, facts, points):
        witness = _compare(statement, point, sense, intervals.DIGITS)
        if witness is not None:
            return witness
    for statement, point in _comparisons(left, right, facts, 1):
        return _compare(statement, point, sense, FINE_DIGITS)
    return None


def agree(left: sp.Expr, right: sp.Expr, facts: Facts, points: int = 5) -> Agreement | None:
    """To how many digits both sides agree; None without `points` admissible finite points.

    None, too, where one side has a value and the other certainly has none: log(x^2) is not 2 log(x).
    """
    digits: list[int] = []
    for statement, point in _comparisons(left, right, facts, 3 * points):
        if any(e.has(sp.Integral) for e in statement.expressions):
            return None  # the enclosure of an integral is never that narrow
        sides = [_enclosed(e, point) for e in statement.expressions]
        if any(isinstance(one, NoRealValue) and not isinstance(other, NotEvaluable) for one, other in
               (sides, sides[::-1])):  # fmt: skip
            return None
        a, b = sides
        if isinstance(a, NotEvaluable) or isinstance(b, NotEvaluable):
            continue
        digits.append(_common_digits(a, b))
    return Agreement(min(digits), len(digits)) if len(digits) >= points else None


def different_from_zero_somewhere(expression: sp.Expr, facts: Facts) -> bool | None:
    """True when shown at a point, False when no point shows it, None when it cannot be evaluated."""
    if separate(expression, sp.Integer(0), facts) is not None:
        return True
    return None if agree(expression, sp.Integer(0), facts, points=2) is None else False


def negative_somewhere(expression: sp.Expr, facts: Facts, points: int = 3) -> bool:
    """Whether one of a few admissible points shows that the expression is negative there."""
    for statement, point in islice(_comparisons(expression, sp.Integer(0), facts, points), points):
        if _compare(statement, point, -1, intervals.DIGITS) is not None:
            return True
    return False


def _comparisons(
    left: sp.Expr, right: sp.Expr, facts: Facts, wanted: int
) -> Iterator[tuple[Concrete, AdmissiblePoint]]:
    """Admissible points for the statement, `wanted` of them and some for other functions and ranges."""
    seen: list[tuple[sp.Expr, ...]] = []
    for attempt in range(INSTANCES):
        try:
            statement = concrete([left, right], facts, attempt)
        except NotEvaluable:
            return
        if statement.expressions in seen:
            return  # nothing was left to choose
        seen.append(statement.expressions)
        enough = wanted if attempt == 0 else max(1, wanted // 4)
        for found, point in enumerate(admissible_points(statement, ATTEMPTS), 1):
            yield statement, point
            if found == enough:
                break


def _enclosed(e: sp.Expr, point: AdmissiblePoint) -> Interval | NotEvaluable:
    """The value at a point, or why there is none."""
    try:
        return intervals.enclose(e, point.values)
    except NotEvaluable as reason:
        return reason


def _compare(statement: Concrete, point: AdmissiblePoint, sense: int, digits: int) -> Witness | None:
    try:
        left, right = (intervals.enclose(e, point.values, digits) for e in statement.expressions)
    except NotEvaluable:
        return None
    with intervals.precision(digits):
        gap = left - right
    apart = gap.a > 0 if sense > 0 else gap.b < 0 if sense < 0 else gap.a > 0 or gap.b < 0
    if not apart:
        return None
    first, second = (
        _shown(e, v, point) for e, v in zip(statement.expressions, (left, right), strict=True)
    )
    return Witness(point.described(), first, second, intervals.text(gap), gap, point, statement)


def _shown(e: sp.Expr, value: Interval, point: AdmissiblePoint) -> str:
    """The exact value when it is a short rational number, else an enclosure."""
    exact = e.xreplace(point.rationals)
    if exact.is_Rational and max(abs(exact.p), exact.q) < 10**SHORT:
        return str(exact)
    return intervals.text(value)


def _common_digits(a: Interval, b: Interval) -> int:
    with intervals.precision(intervals.DIGITS):
        gap, size = abs(a - b).b, max(abs(a).a, abs(b).a)
    low, high = intervals.bounds(gap)[1], intervals.bounds(size)[1]
    if low == 0:
        return intervals.DIGITS
    ratio = low / high if high else low
    digits = 0
    while ratio * 10 ** (digits + 1) <= 1 and digits < intervals.DIGITS:
        digits += 1
    return digits
