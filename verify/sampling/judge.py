"""One step judged by numbers: `supported`, `refuted` or `undecided`, and never more than was seen."""

from __future__ import annotations

import time

import mpmath

from verify.language.claim import EQUAL, SAME_LAW
from verify.language.scope import Scope
from verify.language.tree import Name, Node
from verify.ledger.verdict import REFUTED, SUPPORTED, UNDECIDED, StepVerdict
from verify.sampling.beyond import beyond_draws
from verify.sampling.compare import (
    CLEAR,
    DIGITS,
    EVALUATIONS,
    LEAST_POINTS,
    ORDERS,
    POINTS,
    POINTS_IN_REGIONS,
    POINTS_WITH_INTEGRALS,
    PROPORTIONAL,
    SMALL,
    Comparison,
    Step,
)
from verify.sampling.draw import Point, shaped_matrix
from verify.sampling.errors import Budget, BudgetExceeded, Undecidable
from verify.sampling.jets import mp


def judge_step(left: Node, right: Node, scope: Scope, relation: str = EQUAL) -> StepVerdict:
    """Judge `left relation right` under the declarations of `scope` by evaluation at drawn points.

    left, right  the two trees, both readable in `scope`
    relation     equality, equality in law, an order or a proportion, as in `verify.language.claim`;
                 any other one stays undecided

    The answer is the same in every run. Nothing but an error of ours is raised.
    """
    start = time.perf_counter()
    if relation in (EQUAL, SAME_LAW, *ORDERS) or relation.startswith(PROPORTIONAL):
        try:
            verdict = _judge(Step(left, right, scope, relation))
        except Undecidable as problem:
            verdict = StepVerdict(UNDECIDED, why=str(problem))
        except RecursionError:
            verdict = StepVerdict(UNDECIDED, why="the formula is nested too deeply to be evaluated")
    else:
        verdict = StepVerdict(UNDECIDED, why=f"the relation {relation!r} is not sampled")
    verdict.seconds = time.perf_counter() - start
    return verdict


def _judge(step: Step) -> StepVerdict:
    done: dict[int, list[Comparison]] = {}
    why, cheap = "", list[Point]()
    for dimension, wanted in plan(step):
        try:
            found = step.compare(dimension, wanted, cheap)
        except (Undecidable, BudgetExceeded) as problem:
            why = str(problem)
            break
        for point, comparison in found:
            if comparison.disagree:
                return _refuted(step, point, comparison, dimension)
        enough = len(found) >= min(wanted, LEAST_POINTS) or bool(found and step.closed)
        drawn = [point for point, _ in found]
        for point, comparison in beyond_draws(step, dimension, drawn) if enough and not done else ():
            if comparison.disagree:
                return _refuted(step, point, comparison, dimension)
        if step.one_sided:
            return StepVerdict(UNDECIDED, why=step.one_sided)
        if not enough:
            why = f"only {len(found)} drawn points satisfy the declarations and give finite values"
            break
        done[dimension] = [comparison for _, comparison in found]
        cheap = [point for point, _ in sorted(found, key=lambda pair: pair[1].level)]
    if not done:
        return StepVerdict(UNDECIDED, why=why)
    return StepVerdict(SUPPORTED, method=_method(step, done), dimensions=_covered(step, list(done)))


def plan(step: Step) -> list[tuple[int, int]]:
    """The dimensions to try in this order, each with the number of points to compare.

    What holds in a part of the domain only needs more points than an identity of smooth functions does.
    An integral over space costs the more the higher the dimension: one point where that is 2, after
    several on the line, and with nested integrals only the line. Else the line comes last: few statements fail
    there alone.
    """
    declared = step.scope.dimension
    allowed = [1, 2, 3] if isinstance(declared, str) else sorted(declared)
    if step.quadrature:
        points = POINTS if step.regions else POINTS_WITH_INTEGRALS
    else:
        points = POINTS_IN_REGIONS if step.regions else POINTS
    if not step.has_vectors:
        return [(1, points)]
    if step.nesting:
        affordable = [d for d in (1, 2) if d in allowed][: 1 if step.nesting > 1 else 2]
        return list(zip(affordable or allowed[:1], (POINTS_WITH_INTEGRALS, 1), strict=False))
    chosen = [2, 3] if isinstance(declared, str) else [2 if 2 in allowed else allowed[0]]
    line = [(1, LEAST_POINTS)] if 1 in allowed and chosen != [1] else []
    return [(dimension, points) for dimension in chosen] + line


def _covered(step: Step, done: list[int]) -> str:
    return ", ".join(str(d) for d in sorted(done)) if step.has_vectors else "scalar"


def _method(step: Step, done: dict[int, list[Comparison]]) -> str:
    comparisons = [comparison for found in done.values() for comparison in found]
    worst = max(comparison.deviation for comparison in comparisons)
    tolerance = max(max(comparison.tolerance, comparison.noise) for comparison in comparisons)
    words = ["no free variable, evaluated once" if step.closed else _counts(step, done)]
    order = step.order()
    if order is not None:
        words.append(f"the remainder over {order[0]}^{order[1]} stays bounded from {SMALL[0]} to {SMALL[-1]}")
    else:
        digits = min(DIGITS, int(-mp.log10(worst))) if worst > 0 else DIGITS
        words.append(f"agreement to {digits} of {DIGITS} digits")
        words.append(f"a relative deviation of {mp.nstr(CLEAR * tolerance, 1)} would have shown")
    if step.quadrature:
        words.append("integrals and expectations by quadrature at two refinements")
    if step.inserted:
        words.append("the declared equation inserted")
    if any(declared.key in step.reach.evolutions for declared in step.reached):
        words.append("functions that solve the declared equations near one time")
    return "; ".join(words)


def _counts(step: Step, done: dict[int, list[Comparison]]) -> str:
    counts = {d: f"{len(done[d])} drawn point{'s' * (len(done[d]) > 1)}" for d in sorted(done)}
    where = (f"d = {dimension}: {count}" for dimension, count in counts.items())
    return "; ".join(where if step.has_vectors else counts.values())


def _refuted(step: Step, point: Point, comparison: Comparison, dimension: int) -> StepVerdict:
    if step.loose:
        return StepVerdict(UNDECIDED, why="a declared equation cannot be sampled, and the sides differ at a point "
                                          "where it need not hold")  # fmt: skip
    difference = [a - b for a, b in zip(comparison.left, comparison.right, strict=True)]
    witness = {
        "point": _exact(step, point, dimension),
        "left": _shown(comparison.left),
        "right": _shown(comparison.right),
        "difference": _shown(difference),
    }
    if step.unspecified:
        witness["functions"] = f"generic ones, number {point.seed}, for {', '.join(step.unspecified)}"
    if step.order() is None:
        method = f"evaluated in {DIGITS} digits; relative deviation {mp.nstr(comparison.deviation, 3)}"
    else:
        method = f"the remainder grows by {mp.nstr(comparison.deviation, 3)} from {SMALL[0]} to {SMALL[-1]}"
    return StepVerdict(REFUTED, method=method, dimensions=_covered(step, [dimension]), witness=witness)


def _exact(step: Step, point: Point, dimension: int) -> dict[str, str]:
    """The coordinates of a point as exact text, of the names that the sides use."""
    shown = {}
    for key, numbers in point.values.items():
        if key in step.used:
            declared = step.scope.declarations[key]
            texts = [str(x) for x in numbers[:dimension]]
            if declared.rademacher:
                texts = ["1" if x > 0 else "-1" for x in numbers[:dimension]]
            if declared.lower is not None:  # an index is drawn as a place in its range
                texts = [str(step.evaluator(point, dimension, 0, Budget(EVALUATIONS)).integer(Name(key)))]
            shown[key] = f"({', '.join(texts)})" if declared.value == "vector" else texts[0]
            if declared.value == "matrix":
                rows = shaped_matrix(numbers, dimension, declared.structure)
                shown[key] = f"({'; '.join(', '.join(map(str, row)) for row in rows)})"
    return shown


def _shown(numbers: list[mpmath.mpf]) -> str:
    texts = [mp.nstr(number, 20) for number in numbers]
    return texts[0] if len(texts) == 1 else f"({', '.join(texts)})"
