r"""`by induction on $t$`: base and step are obligations, proved exactly.

For L(t) = R(t) with t a count from t0: the base is L(t0) = R(t0); the step is L(t+1) = R(t+1), where
L(t) = R(t) may be used once as a rewrite at that t. The hypothesis never becomes a general rule.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import sympy as sp
from sympy.core.function import AppliedUndef

from verify.language.claim import EQUAL
from verify.language.mentions import Mentions
from verify.language.names import latex_of_key
from verify.language.scope import Scope
from verify.language.tree import (
    Add,
    ArgMin,
    BigO,
    Derivative,
    Gradient,
    Integral,
    Moment,
    Name,
    Node,
    Number,
    Product,
    Summation,
)  # fmt: skip
from verify.ledger.verdict import StepVerdict
from verify.meaning.equations import MAX_PASSES
from verify.meaning.errors import Unsupported
from verify.meaning.products import peel_products
from verify.meaning.reading import Reading, read_in
from verify.meaning.sums import peel_sums
from verify.proof.definedness import certainly_defined, inlined, partial_parts
from verify.proof.exact import obligations, obstacle
from verify.proof.instances import range_of
from verify.proof.matching import flat
from verify.proof.normal_form import decide_sign, decide_zero
from verify.proof.step import settled, unless_vacuous

STAGES = 3  # looked at for a counterexample


@dataclass
class Induction:
    """A proof, or the sentence that says which part of the induction is missing."""

    verdict: StepVerdict | None = None
    why: str = ""


def prove_by_induction(left: Node, right: Node, scope: Scope, relation: str, key: str) -> Induction:
    """Prove `left = right` for all values of the count `key`."""
    name = latex_of_key(key)
    problem = _problem(left, right, scope, relation, key)
    if problem:
        return Induction(None, problem)
    left, right = inlined(left, scope), inlined(right, scope)
    first = _first(scope, key)
    if first is None:
        return Induction(None, f"by induction on {name}: its range must begin at 1 or at a larger number")
    base = settled(_at(left, key, first), _at(right, key, first), scope)
    if base is None:
        return Induction(None, f"by induction on {name}: the base {name} = {first.text} is not proved")
    following = Add((Name(key), Number("1")))
    sides = _at(left, key, following), _at(right, key, following)
    why = _undefined(left, right, sides, scope)
    if why:
        return Induction(None, f"by induction on {name}: {why}")
    conditions: list[str] = []
    for dimension in (None,) if isinstance(scope.dimension, str) else scope.dimension:
        try:
            why = _step(left, right, sides, read_in(scope, dimension), conditions)
        except Unsupported as reason:
            why = reason.message
        if why:
            return Induction(None, f"by induction on {name}: the step from {name} to {name}+1 is not proved: {why}")
    base.certificate["conditions"] = [
        f"base: the two sides agree at {name} = {first.text}",
        f"step: they agree at {name}+1 when they agree at {name}",
        *dict.fromkeys([*base.certificate.get("conditions", []), *conditions]),
    ]
    return Induction(unless_vacuous(base, scope))


def first_stages(left: Node, right: Node, scope: Scope, key: str) -> Iterator[tuple[Node, Node]]:
    """The two sides at the first values of the count, where a wrong step often shows."""
    first, last = _first(scope, key), scope.declarations[key].upper
    if first is None or _problem(left, right, scope, EQUAL, key):
        return
    left, right = inlined(left, scope), inlined(right, scope)
    for value in range(int(first.text), int(first.text) + (STAGES if last is None else 1)):
        stage = Number(str(value))
        yield _at(left, key, stage), _at(right, key, stage)


def _problem(left: Node, right: Node, scope: Scope, relation: str, key: str) -> str:
    """Why induction is not tried at all, or ''."""
    name = latex_of_key(key)
    if relation != EQUAL or any(isinstance(side, ArgMin | BigO) for node in (left, right) for side in node.walk()):
        return f"by induction on {name}: only an equality can be proved so"
    mentions = Mentions(scope)
    if key not in [k for node in (left, right) for k in _behind([node], mentions)]:
        return f"by induction on {name}: {name} does not occur in this step"
    for node in (left, right):
        for part in inlined(node, scope).walk():
            variables = _binds(part)
            if key in variables:
                return f"by induction on {name}: {name} is bound inside the formula; give the inner index another name"
            if isinstance(part, Moment):
                return f"by induction on {name}: a mean inside is not carried over yet"
    for declaration in scope:
        base = declaration.root_of[1] if declaration.root_of else None
        trees = [base, declaration.mean, declaration.variance, declaration.law]
        if any(tree is not None and key in _behind([tree], mentions) for tree in trees):
            return f"by induction on {name}: {latex_of_key(declaration.key)} is tied to {name}; define it by a formula"
        body = declaration.definition if declaration.parameters and key not in declaration.parameters else None
        if body is not None and key in _behind([body], mentions):
            return f"by induction on {name}: {latex_of_key(declaration.key)} hides {name}; make it an argument"
    own = scope.declarations[key]
    ranges = range_of(own)
    for assumption in scope.assumptions:
        if assumption not in ranges and key in _behind([assumption], mentions):
            return f"by induction on {name}: an assumption about {name} would have to hold at every stage"
    return ""


def _binds(part: Node) -> tuple[str, ...]:
    match part:
        case Integral(variables=variables):
            return variables
        case Summation(index=index) | Product(index=index):
            return (index,)
        case Derivative(variable=variable):
            return (variable,)
        case Gradient(variable=variable):
            return (variable or "",)
    return ()


def _behind(nodes: list[Node], mentions: Mentions) -> dict[str, None]:
    waiting = [key for node in nodes for key in mentions.of(node)]
    found: dict[str, None] = {}
    while waiting:
        key = waiting.pop()
        if key not in found and key in mentions.scope:
            found[key] = None
            waiting += mentions.by(key)
    return found


def _first(scope: Scope, key: str) -> Number | None:
    lower = scope.declarations[key].lower
    if lower is None:
        return Number("1")
    return lower if isinstance(lower, Number) and lower.text.isdigit() and int(lower.text) >= 1 else None


def _at(node: Node, key: str, value: Node) -> Node:
    if isinstance(node, Name) and node.key == key:
        return value
    return node.map_children(lambda child: _at(child, key, value))


def _undefined(left: Node, right: Node, sides: tuple[Node, Node], scope: Scope) -> str:
    """What of the hypothesis might have no value where the next stage has one."""
    known = [flat(part) for side in sides for part in partial_parts(side, scope)]
    for part in [p for side in (left, right) for p in partial_parts(side, scope)]:
        if flat(part) not in known and not certainly_defined(part, scope):
            return "the hypothesis is not certain to be defined at every stage"
    return ""


def _step(left: Node, right: Node, sides: tuple[Node, Node], reading: Reading, conditions: list[str]) -> str:
    """'' when the difference at the next stage vanishes by the difference at this one."""
    first, second, third, fourth = (reading.value(side) for side in (left, right, *sides))
    here = [r for used in (0, MAX_PASSES) for r in reading.residuals(first, second, passes=used)]
    stages = [reading.residuals(third, fourth, passes=used) for used in (MAX_PASSES, 0, 1)]
    for versions in zip(*stages, strict=True):
        candidates = [versions[0], *(c for residual in versions for c in _by_hypothesis(residual, here, reading))]
        decision = decide_zero(candidates[0], reading.facts)
        for candidate in candidates[1:]:
            if decision.zero:
                break
            decision = decide_zero(reading.using_equations(candidate), reading.facts)
        if not decision.zero:
            return decision.why or "the difference does not vanish"
        conditions += decision.conditions
    if missing := obstacle(reading):
        return missing
    conditions += obligations(reading)
    return ""


def _by_hypothesis(residual: sp.Expr, here: list[sp.Expr], reading: Reading) -> list[sp.Expr]:
    """The residual with one unknown of the hypothesis replaced by what the hypothesis says it is."""
    found = []
    for hypothesis in here:
        together = peel_products(peel_sums(sp.Tuple(residual, hypothesis)))
        wanted, known = together
        atoms = known.atoms(AppliedUndef, sp.Sum, sp.Product)
        for unknown in sorted(atoms, key=sp.default_sort_key):
            if not wanted.has(unknown) or not unknown.free_symbols <= known.free_symbols:
                continue  # the second would speak of a bound variable
            stand_in = sp.Dummy("u")
            linear = sp.expand(known.xreplace({unknown: stand_in}))
            factor = sp.diff(linear, stand_in)
            rest = linear.xreplace({stand_in: sp.Integer(0)})
            if factor.has(stand_in) or sp.expand(linear - factor * stand_in - rest) != 0:
                continue
            sign = decide_sign(factor, reading.facts)
            if not (sign.value and sign.strict):
                continue  # it must be certain not to vanish
            found.append(wanted.xreplace({unknown: -rest / factor}))
    return found
