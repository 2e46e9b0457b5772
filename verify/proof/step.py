"""One step of a derivation judged: read, prove exactly, else refute rigorously, else say why not."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import sympy as sp

from verify.language.claim import EQUAL, SAME_LAW
from verify.language.scope import Scope
from verify.language.tree import ArgMin, BigO, Constant, Limit, Negate, Node
from verify.ledger.verdict import PROVED, REFUTED, SUPPORTED, UNDECIDED, VACUOUS, StepVerdict
from verify.meaning.errors import MeaningError, Unsupported
from verify.meaning.expansions import order_of, order_of_step
from verify.meaning.functional import missing_field
from verify.meaning.reading import read_in
from verify.proof.boundaries import fields_that_exclude_each_other
from verify.proof.dimensions import mentions_dimension, next_dimension
from verify.proof.enclosure import MIN_DIGITS, separate
from verify.proof.exact import NOT_ZERO, Proof, obligations, prove
from verify.proof.inequality import certainly_nonnegative
from verify.proof.minimum import judge_minimum
from verify.proof.normal_form import decide_zero
from verify.proof.numbers import may_vanish, sign_of_number
from verify.proof.proportional import compare_ratio, ratio_obstacle, variable_of
from verify.proof.refutation import (
    Comparison,
    Constraints,
    agreement,
    compare,
    euler_finding,
    instances_are_laws,
    refute,
    with_instances,
)
from verify.proof.regions import BRANCHING
from verify.proof.vacuity import admissible_point, equations_contradict

COMPONENTS = (1, 2, 3)
INEQUALITIES = {"<=": (-1, False), "<": (-1, True), ">=": (1, False), ">": (1, True)}  # sign, strict
INFINITE = {Constant("infinity"): 1, Negate(Constant("infinity")): -1}
NOT_DECIDED = {
    "approx": "an approximation says nothing exact: write = and a term O(h^n), or an inequality",
    "to": "\\to does not say which name tends where: write \\lim_{n\\to\\infty} ... = ...",
    "propto": "\\propto in which variable? write \\propto_x",
}
REGION_POINTS = 40  # an inequality may fail in a small part of the domain
BEYOND = "true in d = 1, 2, 3, which does not settle every d here"
NO_WITNESS = "no point inside the declared domain separates the sides"


@dataclass
class _Attempts:
    """What was found on the way to a verdict: comparisons in components, reasons, dimensions without a witness."""

    comparisons: list[Comparison] = field(default_factory=list)
    why: list[str] = field(default_factory=list)
    searched: set[int] = field(default_factory=set)

    def reason(self) -> str:
        """The reasons in order, each once."""
        return "; ".join(dict.fromkeys(text for text in self.why if text)) or "no reading applies"


def judge_step(
    left: Node, right: Node, scope: Scope, relation: str = EQUAL, reason: str = "", doubtful: bool = False
) -> StepVerdict:
    """Judge `left relation right` in the scope.

    The author's `reason` is not used: nothing in prose may change a verdict. A `doubtful` step is likely wrong:
    see `refuted_at_once`, which is then tried first. Raises MeaningError when a side is ill-typed; everything
    that is merely not supported ends as `undecided`.
    """
    start = time.perf_counter()
    verdict = _judge(left, right, scope, relation, doubtful)
    verdict.seconds = time.perf_counter() - start
    return verdict


def is_proved(left: Node, right: Node, scope: Scope, relation: str = EQUAL) -> bool:
    """Whether the exact routes alone prove an equality; no refutation is looked for.

    Raises MeaningError as `judge_step` does.
    """
    order = order_of_step(left, right)
    attempts = _Attempts()
    return any(
        _prove_in(group, left, right, scope, relation, order, attempts) is not None
        for group in _groups(scope)
    )


def refuted_at_once(left: Node, right: Node, scope: Scope, relation: str = EQUAL) -> StepVerdict | None:
    """The verdict when a rigorous counterexample is found in the lowest dimension, without trying a proof."""
    return _refuted_at_once(left, right, scope, relation, _Attempts())


def _refuted_at_once(
    left: Node, right: Node, scope: Scope, relation: str, attempts: _Attempts
) -> StepVerdict | None:
    if relation not in (EQUAL, SAME_LAW) or any(isinstance(side, ArgMin | Limit) for side in (left, right)):
        return None
    order, dimension = order_of_step(left, right), lowest_dimension(scope)
    try:
        comparison = _compare(left, right, scope, dimension, relation, order)
        witness = refute(comparison, scope)
    except Unsupported:
        return None
    if witness is not None:
        return _refuted(witness, "interval enclosure", dimension, scope)
    attempts.searched.add(dimension)
    return _refuted_by_instance(left, right, scope, dimension) if _free_integrals(comparison, scope) else None


def settled(left: Node, right: Node, scope: Scope, relation: str = EQUAL) -> StepVerdict | None:
    """The verdict when the exact routes alone settle an equality in every declared dimension, else None.

    Whether the declarations can hold at all is not looked at (see `unless_vacuous`). Raises MeaningError as
    `judge_step` does.
    """
    order = order_of_step(left, right)
    attempts = _Attempts()
    for group in _groups(scope):
        proof = _prove_in(group, left, right, scope, relation, order, attempts)
        if proof is not None:
            settles = _settles(group, left, right, scope, attempts)
            settles = settles and _counterexample_beyond(group, left, right, scope, relation, order) is None
            return _certified(proof, group) if settles else None
    return None


def unless_vacuous(verdict: StepVerdict, scope: Scope) -> StepVerdict:
    """The verdict itself, or `vacuous` when the declarations of the scope exclude each other."""
    return _vacuous(scope) or verdict


def _judge(left: Node, right: Node, scope: Scope, relation: str, doubtful: bool) -> StepVerdict:
    if relation in INEQUALITIES:
        return _judge_inequality(left, right, scope, *INEQUALITIES[relation])
    if relation in NOT_DECIDED:
        return StepVerdict(UNDECIDED, why=NOT_DECIDED[relation])
    if relation != EQUAL and order_of_step(left, right) is not None:
        return StepVerdict(UNDECIDED, why="O() is read in an equation only")
    if isinstance(left, ArgMin) or isinstance(right, ArgMin):
        return _judge_minimum(left, right, scope)
    if isinstance(left, Limit) and right in INFINITE:
        return _judge_infinite(left, INFINITE[right], scope)
    order = order_of_step(left, right)
    attempts = _Attempts()
    if doubtful and (found := _refuted_at_once(left, right, scope, relation, attempts)) is not None:
        return found
    for group in _groups(scope):
        proof = _prove_in(group, left, right, scope, relation, order, attempts)
        if proof is not None and _settles(group, left, right, scope, attempts):
            refuted = _counterexample_beyond(group, left, right, scope, relation, order)
            return refuted or _proved(proof, group, scope)
        if proof is not None:
            return _beyond(left, right, scope, relation, order)
    return _not_proved(left, right, scope, relation, order, attempts)


def _groups(scope: Scope) -> list[tuple[int | None, ...]]:
    """Dimensions that count together as one proof; the most general one first."""
    return [(None,), COMPONENTS] if scope.dimension == "any" else [_components(scope)]


def _settles(
    group: tuple[int | None, ...], left: Node, right: Node, scope: Scope, attempts: _Attempts
) -> bool:
    """Whether a proof in this group may stand for the declared dimensions.

    Components in d = 1, 2, 3 do so for every d when nothing depends on d itself: not when the sides
    mention d, and not when symbolic d was read and the difference is not zero.
    """
    if group == (None,) or scope.dimension != "any":
        return True
    return not any(NOT_ZERO in text for text in attempts.why) and not mentions_dimension([left, right], scope)


def _settles_every(group: tuple[int | None, ...], left: Node, right: Node, scope: Scope) -> bool:
    """The same for what is no equality: not where d is left in symbolic d."""
    if group == (None,) or scope.dimension != "any":
        return True
    if mentions_dimension([left, right], scope):
        return False
    try:
        reading = read_in(scope, None, (left, right))
        if any(reading.counts_dimensions(reading.value(side)) for side in (left, right)):
            return False
    except Unsupported:
        pass  # declared matrices, for instance: the components are all there is
    return True


def _counterexample_beyond(
    group: tuple[int | None, ...], left: Node, right: Node, scope: Scope, relation: str, order: BigO | None,
    sense: int = 0,
) -> StepVerdict | None:
    """Refuted in a higher dimension, with numbers for matrices: true in d = 1, 2, 3 and said for every d.

    Below d = n there are identities between n matrices or vectors that hold in no higher dimension.
    """
    if group == (None,) or scope.dimension != "any" or scope.equations or variable_of(relation) is not None:
        return None
    dimension = next_dimension((left, right), scope)
    try:
        comparison = _compare(left, right, scope, dimension, relation, order, True)
    except (MeaningError, Unsupported):  # the numbers may make a divisor zero or a covariance indefinite
        return None
    if not sense:
        same = all(decide_zero(residual, comparison.facts).zero for residual in comparison.residuals)
        witness = None if same else refute(comparison, scope)
    else:
        ((first, second),) = comparison.pairs
        found = separate(first, second, comparison.facts, -sense, REGION_POINTS)
        witness = None if found is None else found.as_dict()
    return None if witness is None else _refuted(witness, "interval enclosure", dimension, scope)


def _beyond(left: Node, right: Node, scope: Scope, relation: str, order: BigO | None) -> StepVerdict:
    """True in d = 1, 2, 3, and said for every d: a witness in the next dimension, or undecided."""
    dimension = next_dimension((left, right), scope)
    try:
        witness = refute(_compare(left, right, scope, dimension, relation, order), scope)
    except Unsupported:
        witness = None
    if witness is not None:
        return _refuted(witness, "interval enclosure", dimension, scope)
    return StepVerdict(UNDECIDED, why=BEYOND)


def lowest_dimension(scope: Scope) -> int:
    """The first dimension in which explicit components are looked at."""
    return _components(scope)[0]


def _components(scope: Scope) -> tuple[int, ...]:
    """The dimensions in which explicit components are looked at."""
    return COMPONENTS if isinstance(scope.dimension, str) else scope.dimension


# ---------------------------------------------------------------- equality


def _compare(
    left: Node, right: Node, scope: Scope, dimension: int | None, relation: str, order: BigO | None,
    sample: bool = False,
) -> Comparison:
    reading = read_in(scope, dimension, (left, right), sample)
    values = reading.sides(left, right)
    if relation == SAME_LAW:
        residuals = reading.law_residuals(*values)
        return Comparison(reading, [(residual, sp.Integer(0)) for residual in residuals], residuals)
    if (name := variable_of(relation)) is not None:
        return compare_ratio(*values, name, reading)
    return compare(*values, reading, order)


def _prove_in(
    group: tuple[int | None, ...], left: Node, right: Node, scope: Scope, relation: str,
    order: BigO | None, attempts: _Attempts,
) -> Proof | None:
    """A proof in every dimension of the group, or None."""
    total = Proof()
    for dimension in group:
        try:
            comparison = _compare(left, right, scope, dimension, relation, order)
        except Unsupported as reason:
            attempts.why.append(_in(dimension, reason.message))
            return None
        if dimension is not None:
            attempts.comparisons.append(comparison)
        proof = prove(comparison.residuals, comparison.reading, scope)
        if proof.proved and variable_of(relation) is not None:
            reading = comparison.reading
            proof.why = ratio_obstacle(reading.value(left), reading.value(right), reading)
            proof.proved = not proof.why
        if not proof.proved:
            attempts.why.append(_in(dimension, proof.why))
            return None
        total.merge(proof)
    return total


def _in(dimension: int | None, text: str) -> str:
    return f"{'every d' if dimension is None else f'd = {dimension}'}: {text}"


def _proved(proof: Proof, group: tuple[int | None, ...], scope: Scope) -> StepVerdict:
    return _vacuous(scope) or _certified(proof, group)


def _certified(proof: Proof, group: tuple[int | None, ...]) -> StepVerdict:
    if group == (None,):
        method, dimensions = "normal form, every d", "any"
    elif group == (1,):
        method, dimensions = "normal form, scalar", "scalar"
    else:
        dimensions = ", ".join(map(str, group))
        method = f"normal form, d = {dimensions}"
    return StepVerdict(PROVED, method, dimensions, proof.certificate())


def _vacuous(scope: Scope) -> StepVerdict | None:
    """The verdict `vacuous` when the premises exclude each other, or no point is found at which they hold."""
    if scope.equations:
        contradiction = equations_contradict(scope)
        if contradiction is not None:
            return contradiction
    if scope.boundary and (fields := fields_that_exclude_each_other(scope)):
        return StepVerdict(VACUOUS, why=f"no functions were found for which all of these vanish at infinity: {fields}")
    if not scope.assumptions and not any(d.root_of is not None for d in scope):
        return None
    try:
        if admissible_point(scope) is not None:
            return None
    except Unsupported as reason:
        return StepVerdict(UNDECIDED, why=f"the assumptions could not be tried out: {reason.message}")
    return StepVerdict(VACUOUS, why="no point was found at which all declarations hold")


def _not_proved(
    left: Node, right: Node, scope: Scope, relation: str, order: BigO | None, attempts: _Attempts
) -> StepVerdict:
    """Refuted with a certificate, supported by numbers, or undecided; in explicit components."""
    dimensions = _components(scope)
    compared = {int(c.reading.dimension): c for c in attempts.comparisons}
    missing: StepVerdict | None = None  # a boundary field that no dimension does without
    for dimension in dimensions:
        if dimension not in compared:
            try:
                compared[dimension] = _compare(left, right, scope, dimension, relation, order)
            except Unsupported as reason:
                attempts.why.append(_in(dimension, reason.message))
                continue
        witness = refute(compared[dimension], scope) if dimension not in attempts.searched else None
        if witness is not None:
            return _refuted(witness, "interval enclosure", dimension, scope)
        verdict = _judge_integrals(compared[dimension], left, right, scope, dimension, attempts)
        if verdict is not None and verdict.verdict == REFUTED:
            return verdict
        missing = missing or verdict
    if missing is not None:
        return missing
    agreements = [agreement(compared[dimension]) for dimension in sorted(compared)]
    known = [item for item in agreements if item is not None]
    unseen = (*BRANCHING, sp.Sum, sp.Product)  # drawn points miss where cases meet, far regions, and longer ranges
    if any(residual.has(*unseen) for comparison in compared.values() for residual in comparison.residuals):
        known = []
    if variable_of(relation) is not None:
        known = []  # a ratio that is constant near every point may have another value beyond a gap
    if max(dimensions) > 1 and max(compared, default=0) == 1:
        known = []  # on a line matrices commute and every vector is parallel to every other
    if known and len(known) == len(agreements) and min(digits for digits, _ in known) >= MIN_DIGITS:
        digits, points = min(d for d, _ in known), min(p for _, p in known)
        return StepVerdict(
            SUPPORTED, f"the sides agree to {digits} digits at {points} points", _names(sorted(compared)),
            why=attempts.reason(),
        )
    empty = _vacuous(scope)
    if empty is not None:
        return empty
    if any(NOT_ZERO in text for text in attempts.why):
        attempts.why.append(NO_WITNESS)
    return StepVerdict(UNDECIDED, why=attempts.reason())


def _refuted(witness: dict[str, Any], method: str, dimension: int, scope: Scope) -> StepVerdict:
    scalar = scope.dimension == (1,)
    label = "" if scalar else f", d = {dimension}"
    return StepVerdict(REFUTED, method + label, "scalar" if scalar else str(dimension), witness=witness)


def _names(dimensions: list[int]) -> str:
    return "scalar" if dimensions == [1] else ", ".join(map(str, dimensions))


def _free_integrals(comparison: Comparison, scope: Scope) -> list[sp.Expr]:
    """The residuals that hold integrals; none where a declared equation binds one of them."""
    integrals = [residual for residual in comparison.residuals if residual.has(sp.Integral)]
    constraints = Constraints(comparison.reading, scope) if integrals else None
    return [] if constraints and any(constraints.touch(residual) for residual in integrals) else integrals


def _refuted_by_instance(left: Node, right: Node, scope: Scope, dimension: int) -> StepVerdict | None:
    """A witness with the declared instances in the place of undefined functions."""
    concrete = with_instances(scope)
    if concrete is None:
        return None
    try:
        there = _compare(left, right, concrete, dimension, EQUAL, None)
        witness = refute(there, concrete) if instances_are_laws(concrete, there.reading) else None
    except Unsupported:
        return None
    method = "interval enclosure for the declared instance"
    return None if witness is None else _refuted(witness, method, dimension, scope)


def _judge_integrals(
    comparison: Comparison, left: Node, right: Node, scope: Scope, dimension: int, attempts: _Attempts
) -> StepVerdict | None:
    """Integrals of undefined functions: concrete instances first, then the Euler operator."""
    integrals = _free_integrals(comparison, scope)
    if not integrals:
        return None
    if dimension not in attempts.searched:
        verdict = _refuted_by_instance(left, right, scope, dimension)
        if verdict is not None:
            return verdict
    findings = [euler_finding(residual, comparison.facts) for residual in integrals]
    for finding in findings:
        if finding.impossible is not None:
            verdict = _refuted(finding.impossible, "Euler operator", dimension, scope)
            verdict.why = "no boundary field can repair this"
            return verdict
    if findings and all(finding.divergence for finding in findings):
        fields = [missing_field(residual, scope.space) for residual in integrals]
        named = f", in one dimension of {fields[0]}" if dimension == 1 and fields[0] is not None else ""
        return StepVerdict(
            UNDECIDED,
            why=f"a boundary field is missing: the difference is the integral of a divergence{named}; "
            "declare the field that vanishes at infinity:  boundary: $...$",
        )
    return None


# ---------------------------------------------------------------- other relations


def _judge_minimum(left: Node, right: Node, scope: Scope) -> StepVerdict:
    if isinstance(left, ArgMin):
        minimum, formula = left, right
    elif isinstance(right, ArgMin):
        minimum, formula = right, left
    else:
        raise TypeError("neither side is a minimiser")
    reasons: list[str] = []
    witness_in: tuple[dict[str, Any], int] | None = None
    for group in _groups(scope):
        total, complete = Proof(), True
        for dimension in group:
            try:
                reading = read_in(scope, dimension)
                finding = judge_minimum(minimum, formula, reading, scope)
            except Unsupported as reason:
                reasons.append(_in(dimension, reason.message))
                complete = False
                break
            if finding.proof is None:
                reasons.append(_in(dimension, finding.why) if finding.why else "")
                if finding.witness and dimension is not None:
                    witness_in = finding.witness, dimension
                complete = False
                break
            total.merge(finding.proof)
        if complete and not _settles_every(group, minimum.objective, formula, scope):
            reasons.append(BEYOND)
        elif complete:
            verdict = _proved(total, group, scope)
            if verdict.verdict == PROVED:
                verdict.method = verdict.method.replace("normal form", "stationary and convex")
            return verdict
        if witness_in is not None:
            return _refuted(witness_in[0], "interval enclosure of the gradient", witness_in[1], scope)
    return StepVerdict(UNDECIDED, why=_Attempts(why=reasons).reason())


def _judge_infinite(limit: Limit, sign: int, scope: Scope) -> StepVerdict:
    r"""`\lim f = \infty`: the leading term of the expansion grows, with a certain sign."""
    attempts = _Attempts()
    for group in _groups(scope):
        total = Proof()
        for dimension in group:
            try:
                reading = read_in(scope, dimension, (limit,))
                value = reading.limit(limit)
            except Unsupported as reason:
                attempts.why.append(_in(dimension, reason.message))
                break
            if value != sign * sp.oo:
                attempts.why.append(_in(dimension, f"the limit is {value}"))
                break
            total.conditions += [c for c in obligations(reading) if c not in total.conditions]
        else:
            if not _settles_every(group, limit.body, limit.body, scope):
                return StepVerdict(UNDECIDED, why=BEYOND)
            verdict = _proved(total, group, scope)
            if verdict.verdict == PROVED:
                verdict.method = verdict.method.replace("normal form", "leading term of the expansion")
            return verdict
    return StepVerdict(UNDECIDED, why=attempts.reason())


def _judge_inequality(left: Node, right: Node, scope: Scope, sense: int, strict: bool) -> StepVerdict:
    """left - right has the sign `sense` (or is zero, unless strict)."""
    if order_of(left) is not None or order_of(right) is not None:
        return StepVerdict(UNDECIDED, why="O() is read in an equation only")
    attempts = _Attempts()
    for group in _groups(scope):
        total = Proof()
        for dimension in group:
            try:
                comparison = _compare(left, right, scope, dimension, EQUAL, None)
            except Unsupported as reason:
                attempts.why.append(_in(dimension, reason.message))
                break
            if comparison.reading.shape(comparison.reading.value(left)) != "scalar":
                return StepVerdict(UNDECIDED, why="an inequality is decided between scalars only")
            (residual,), facts = comparison.residuals, comparison.reading.facts
            number = bool(sign_of_number(residual).value)
            method = "interval enclosure" if number else "sign of the normal form"
            arguments = certainly_nonnegative(sense * residual, facts, strict)
            if arguments is None or any(may_vanish(d, facts) for d in comparison.reading.divisors):
                attempts.why.append(_in(dimension, "the sign of the difference is not certain"))
                if dimension is not None:
                    attempts.comparisons.append(comparison)
                break
            if arguments:
                method = "certified inequality"
            found = [*arguments, *obligations(comparison.reading)]
            total.conditions += [c for c in found if c not in total.conditions]
        else:
            refuted = _counterexample_beyond(group, left, right, scope, EQUAL, None, sense)
            if refuted is not None:
                return refuted
            if not _settles_every(group, left, right, scope):
                return StepVerdict(UNDECIDED, why=BEYOND)
            verdict = _proved(total, group, scope)
            if verdict.verdict == PROVED:
                verdict.method = verdict.method.replace("normal form", method)
            return verdict
    for comparison in attempts.comparisons:
        ((first, second),) = comparison.pairs
        separation = separate(first, second, comparison.facts, -sense, REGION_POINTS)
        if separation is not None:
            return _refuted(
                separation.as_dict(), "interval enclosure", int(comparison.reading.dimension), scope
            )
    return StepVerdict(UNDECIDED, why=attempts.reason())
