"""A step looked at beyond its drawn points: in hundreds of digits, and where `probe` says that draws miss something."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from itertools import islice

import mpmath

from verify.language.tree import Node
from verify.sampling import jets
from verify.sampling.compare import DIGITS, EVALUATIONS, ORDERS, WHOLE, Comparison, Sides, Step, largest_difference
from verify.sampling.draw import Point
from verify.sampling.errors import Budget, BudgetExceeded, OneSided, Touching, Undecidable, Undefined
from verify.sampling.jets import mp
from verify.sampling.probe import Probe

FINE_DIGITS = (400, 440)  # of the look at one point, where no quadrature or limit rounds
FINE_TOLERANCE = mp.mpf(10) ** -350
MOST, MOST_WITH_INTEGRALS = 60, 6  # points that a draw misses
CUT_STARTS = 2  # drawn points from which the far side of a cut is looked for
TOUCH = mp.mpf(10) ** -20  # a strict inequality whose sides come so close is not settled by points
NO_VALUE = (Undefined, Undecidable, BudgetExceeded)


def beyond_draws(step: Step, dimension: int, drawn: list[Point]) -> Iterator[tuple[Point, Comparison]]:
    """Comparisons that drawn points with agreement do not make. A point without values is left out. Raises Touching."""
    fine = finely(step, dimension, drawn[0])
    if fine is not None:
        yield drawn[0], fine
    names = sorted(key for key in step.used if step.scope.declarations[key].kind == "variable")
    probe = Probe(step.scope, names, dimension, partial(_is_admissible, step, dimension))
    budget = Budget(EVALUATIONS)
    for point in islice(_missed(step, probe, drawn), MOST_WITH_INTEGRALS if step.quadrature else MOST):
        try:
            yield point, step.at(point, dimension, budget, budget.limit)
        except OneSided as reason:
            if _differ_in_whole_numbers(step, point, drawn[0]):
                step.one_sided = step.one_sided or str(reason)
        except Touching:
            if probe.is_inner(partial(_margin, step, dimension), point):
                raise
        except NO_VALUE:
            continue
    if step.relation in ORDERS and not step.quadrature:
        point = _tightest(step, probe, drawn)
        fine = finely(step, dimension, point)
        if fine is not None:
            yield point, fine


def finely(step: Step, dimension: int, point: Point) -> Comparison | None:
    """The sides at one point in hundreds of digits: a term like e^{-100} shows. None where something rounds."""
    if step.quadrature or step.limits or step.order() is not None or step.reach.evolutions:
        return None
    with suppress(Undefined, BudgetExceeded):
        seen: list[Sides] = []
        for digits in FINE_DIGITS:
            seen.append(step.numbers(point, dimension, 0, Budget(EVALUATIONS), {}, digits)[0])
            largest = max((abs(item) for side in seen[-1] for item in side), default=mp.zero) or mp.one
            deviation = step.deviation(*seen[-1]) / largest
            if deviation <= FINE_TOLERANCE:
                break
        noise = max(largest_difference(a, b) for a, b in zip(seen[0], seen[-1], strict=True))
        return Comparison(*seen[-1], deviation, FINE_TOLERANCE, noise / largest, 1)
    return None


def _differ_in_whole_numbers(step: Step, one: Point, other: Point) -> bool:
    """Whether two points differ in whole numbers only: then no general position excuses what is undefined at one."""
    changed = [key for key, value in one.values.items() if value != other.values[key]]
    return all(step.scope.declarations[key].domain in WHOLE for key in changed)


def _missed(step: Step, probe: Probe, drawn: list[Point]) -> Iterator[Point]:
    yield from probe.ends(drawn[0])
    for cut in step.cuts:
        for start in drawn[:CUT_STARTS]:
            yield from probe.beyond_cut(partial(_number, step, cut, probe.dimension), start)
    yield from probe.whole(drawn[0])
    if step.regions or step.limits or step.order() is not None:
        yield from probe.plain(drawn[0])
    if step.relation in ORDERS and not step.quadrature:
        yield from probe.wide(drawn[0])


def _number(step: Step, node: Node, dimension: int, point: Point) -> mpmath.mpf | None:
    with mp.workdps(DIGITS), suppress(*NO_VALUE):
        return jets.real(step.evaluator(point, dimension, 0, Budget(EVALUATIONS)).scalar(node))
    return None


def _is_admissible(step: Step, dimension: int, point: Point) -> bool:
    """Far from the draws a declaration itself may be too large to evaluate; such a point says nothing."""
    try:
        return step.admissible(point, dimension)
    except NO_VALUE:
        return False


def _margin(step: Step, dimension: int, point: Point) -> mpmath.mpf | None:
    """What an inequality says is not negative."""
    with suppress(*NO_VALUE):
        ((a,), (b,)), _ = step.numbers(point, dimension, 0, Budget(EVALUATIONS), {})
        return ORDERS[step.relation] * (a - b)
    return None


def _tightest(step: Step, probe: Probe, drawn: list[Point]) -> Point:
    """Where an inequality is tightest. Raises Touching for a strict one whose sides meet inside the domain."""
    margin = partial(_margin, step, probe.dimension)
    margins = {number: value for number, point in enumerate(drawn) if (value := margin(point)) is not None}
    start = min(margins, key=lambda number: margins[number], default=0)
    lowest, least = drawn[start], margins.get(start, mp.zero)
    for point, value in probe.descent(margin, lowest):
        lowest, least = point, value
        if value < 0:
            return lowest
    close = step.relation in ("<", ">") and least <= TOUCH * max(margins.values(), default=mp.zero)
    if close and probe.is_inner(margin, lowest):
        raise Touching("the sides come so close at a point that numbers do not tell whether they are equal")
    return lowest
