"""One step of a derivation judged: read, prove exactly, else refute rigorously, else say why not."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import sympy as sp

from verify.language.claim import EQUAL, SAME_LAW
from verify.language.scope import Scope
from verify.language.tree import ArgMin, BigO, Call, Constant, Name, Node
from verify.ledger.verdict import PROVED, REFUTED, SUPPORTED, UNDECIDED, VACUOUS, StepVerdict
from verify.meaning.errors import Unsupported
from verify.meaning.expansions import order_of_step
from verify.meaning.reading import read_in
from verify.proof.enclosure import MIN_DIGITS, separate
from verify.proof.exact import NOT_ZERO, Proof, obligations, prove
from verify.proof.minimum import judge_minimum
from verify.proof.normal_form import decide_sign, decide_zero
from verify.proof.refutation import Comparison, Constraints, agreement, compare, euler_finding, refute, with_instances
from verify.proof.vacuity import admissible_point, equations_contradict

COMPONENTS = (1, 2, 3)
NEXT_DIMENSION = 4
INEQUALITIES = {"<=": (-1, False), "<": (-1, True), ">=": (1, False), ">": (1, True)}  # sign, strict
NO_WITNESS = "no point inside the declared domain separates the sides"


@dataclass
class _Attempts:
    """What was found on the way to a verdict: comparisons in components, and reasons."""

    comparisons: list[Comparison] = field(default_factory=list)
    why: list[str] = field(default_factory=list)

    def reason(self) -> str:
        """The reasons in order, each once."""
        return "; ".join(dict.fromkeys(text for text in self.why if text)) or "no reading applies"


def judge_step(left: Node, right: Node, scope: Scope, relation: str = EQUAL, reason: str = "") -> StepVerdict:
    """Judge `left relation right` in the scope.

    The author's `reason` is not used: nothing in prose may change a verdict. Raises MeaningError
    when a side is ill-typed; everything that is merely not supported ends as `undecided`.
    """
    start = time.perf_counter()
    verdict = _judge(left, right, scope, relation)
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


def _judge(left: Node, right: Node, scope: Scope, relation: str) -> StepVerdict:
    if relation in INEQUALITIES:
        return _judge_inequality(left, right, scope, *INEQUALITIES[relation])
    if relation not in (EQUAL, SAME_LAW):
        return StepVerdict(UNDECIDED, why=f"relation {relation} is read but not decided yet")
    if isinstance(left, ArgMin) or isinstance(right, ArgMin):
        return _judge_minimum(left, right, scope)
    order = order_of_step(left, right)
    attempts = _Attempts()
    for group in _groups(scope):
        proof = _prove_in(group, left, right, scope, relation, order, attempts)
        if proof is not None and _settles(group, left, right, scope, attempts):
            return _proved(proof, group, scope)
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
    return not any(NOT_ZERO in text for text in attempts.why) and not _mentions_dimension([left, right], scope)


def _mentions_dimension(nodes: list[Node], scope: Scope) -> bool:
    """Whether the number d occurs, in the formulas or in the definitions that they use."""
    seen: set[str] = set()
    waiting = list(nodes)
    while waiting:
        for node in waiting.pop().walk():
            if isinstance(node, Constant) and node.name == "dimension":
                return True
            declaration = scope.get(node.key) if isinstance(node, Call | Name) else None
            if declaration is not None and declaration.definition is not None and declaration.key not in seen:
                seen.add(declaration.key)
                waiting.append(declaration.definition)
    return False


def _beyond(left: Node, right: Node, scope: Scope, relation: str, order: BigO | None) -> StepVerdict:
    """True in d = 1, 2, 3, and said for every d: a witness in the next dimension, or undecided."""
    try:
        witness = refute(_compare(left, right, scope, NEXT_DIMENSION, relation, order), scope)
    except Unsupported:
        witness = None
    if witness is not None:
        return _refuted(witness, "interval enclosure", NEXT_DIMENSION, scope)
    return StepVerdict(UNDECIDED, why="true in d = 1, 2, 3, which does not settle every d here")


def _components(scope: Scope) -> tuple[int, ...]:
    """The dimensions in which explicit components are looked at."""
    return COMPONENTS if isinstance(scope.dimension, str) else scope.dimension


# ---------------------------------------------------------------- equality


def _compare(
    left: Node, right: Node, scope: Scope, dimension: int | None, relation: str, order: BigO | None
) -> Comparison:
    reading = read_in(scope, dimension)
    values = reading.value(left), reading.value(right)
    if relation == SAME_LAW:
        residuals = reading.law_residuals(*values)
        return Comparison(reading, [(residual, sp.Integer(0)) for residual in residuals], residuals)
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
        if not proof.proved:
            attempts.why.append(_in(dimension, proof.why))
            return None
        total.merge(proof)
    return total


def _in(dimension: int | None, text: str) -> str:
    return f"{'every d' if dimension is None else f'd = {dimension}'}: {text}"


def _proved(proof: Proof, group: tuple[int | None, ...], scope: Scope) -> StepVerdict:
    empty = _vacuous(scope)
    if empty is not None:
        return empty
    if group == (None,):
        method, dimensions = "normal form, every d", "any"
    elif group == (1,):
        method, dimensions = "normal form, scalar", "scalar"
    else:
        dimensions = ", ".join(map(str, group))
        method = f"normal form, d = {dimensions}"
    return StepVerdict(PROVED, method, dimensions, proof.certificate())


def _vacuous(scope: Scope) -> StepVerdict | None:
    """The verdict `vacuous` when the assumptions or root relations admit no point that is found."""
    if scope.equations:
        contradiction = equations_contradict(scope)
        if contradiction is not None:
            return contradiction
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
    for dimension in dimensions:
        if dimension not in compared:
            try:
                compared[dimension] = _compare(left, right, scope, dimension, relation, order)
            except Unsupported as reason:
                attempts.why.append(_in(dimension, reason.message))
                continue
        witness = refute(compared[dimension], scope)
        if witness is not None:
            return _refuted(witness, "interval enclosure", dimension, scope)
    for dimension in sorted(compared):
        verdict = _judge_integrals(compared[dimension], left, right, scope, dimension)
        if verdict is not None:
            return verdict
    agreements = [agreement(compared[dimension]) for dimension in sorted(compared)]
    known = [item for item in agreements if item is not None]
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


def _judge_integrals(
    comparison: Comparison, left: Node, right: Node, scope: Scope, dimension: int
) -> StepVerdict | None:
    """Integrals of undefined functions: concrete instances first, then the Euler operator."""
    integrals = [residual for residual in comparison.residuals if residual.has(sp.Integral)]
    if not integrals:
        return None
    constraints = Constraints(comparison.reading, scope)
    if any(constraints.touch(residual) for residual in integrals):
        return None
    findings = [euler_finding(residual, comparison.facts) for residual in integrals]
    concrete = with_instances(scope)
    witness: dict[str, Any] = {}
    if concrete is not None:
        try:
            there = _compare(left, right, concrete, dimension, EQUAL, None)
            witness = refute(there, concrete) or {}
        except Unsupported:
            witness = {}
    if witness:
        return _refuted(witness, "interval enclosure for the declared instance", dimension, scope)
    for finding in findings:
        if finding.impossible is not None:
            verdict = _refuted(finding.impossible, "Euler operator", dimension, scope)
            verdict.why = "no boundary field can repair this"
            return verdict
    if findings and all(finding.divergence for finding in findings):
        return StepVerdict(
            UNDECIDED, why="a boundary field is missing: the difference is the integral of a divergence"
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
        if complete:
            verdict = _proved(total, group, scope)
            if verdict.verdict == PROVED:
                verdict.method = verdict.method.replace("normal form", "stationary and convex")
            return verdict
        if witness_in is not None:
            return _refuted(witness_in[0], "interval enclosure of the gradient", witness_in[1], scope)
    return StepVerdict(UNDECIDED, why=_Attempts(why=reasons).reason())


def _judge_inequality(left: Node, right: Node, scope: Scope, sense: int, strict: bool) -> StepVerdict:
    """left - right has the sign `sense` (or is zero, unless strict)."""
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
            found = decide_sign(residual, facts)
            holds = found.value == sense and (found.strict or not strict)
            holds = holds or not strict and bool(decide_zero(residual, facts).zero)
            if not holds:
                attempts.why.append(_in(dimension, "the sign of the difference is not certain"))
                if dimension is not None:
                    attempts.comparisons.append(comparison)
                break
            total.conditions += [c for c in obligations(comparison.reading) if c not in total.conditions]
        else:
            verdict = _proved(total, group, scope)
            if verdict.verdict == PROVED:
                verdict.method = verdict.method.replace("normal form", "sign of the normal form")
            return verdict
    for comparison in attempts.comparisons:
        ((first, second),) = comparison.pairs
        witness = separate(first, second, comparison.facts, -sense)
        if witness is not None:
            return _refuted(
                witness.as_dict(), "interval enclosure", int(comparison.reading.dimension), scope
            )
    return StepVerdict(UNDECIDED, why=attempts.reason())
