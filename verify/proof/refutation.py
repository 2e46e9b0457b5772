"""A rigorous counterexample for a step, from explicit components, the Euler operator, or an instance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from verify.language.scope import Scope
from verify.language.tree import BigO, Call, Name, Node
from verify.meaning.errors import MeaningError, Unsupported
from verify.meaning.facts import Facts
from verify.meaning.functional import euler_operator, merge_integrals
from verify.meaning.reading import Reading
from verify.proof.coincidence import where_times_meet
from verify.proof.enclosure import Witness, agree, separate
from verify.proof.jets import Jet, NoJet, jet_of
from verify.proof.normal_form import decide_zero
from verify.proof.regions import BRANCHING, regions

Value = Any
SLOPES = (sp.Heaviside, sp.sign, sp.DiracDelta)  # derivatives of kinks: there is none at the cut itself


@dataclass(frozen=True)
class Comparison:
    """Two sides read in one dimension, cut into scalars: the sides of each, and their residuals."""

    reading: Reading
    pairs: list[tuple[sp.Expr, sp.Expr]]
    residuals: list[sp.Expr]

    @property
    def facts(self) -> Facts:
        """The facts, with what the reading needs to be positive (e.g. for an integral to converge)."""
        known = self.reading.facts
        return replace(known, positive=[*known.positive, *self.reading.obligations])


def compare(left: Value, right: Value, reading: Reading, order: BigO | None = None) -> Comparison:
    """Residuals of left = right with the two sides of each, where the sides can be told apart."""
    residuals = reading.residuals(left, right, order)
    try:
        sides = [reading.residuals(value, sp.Integer(0), order) for value in (left, right)]
    except (MeaningError, Unsupported):
        sides = []
    if [len(side) for side in sides] == [len(residuals)] * 2:
        return Comparison(reading, list(zip(*sides, strict=True)), residuals)
    return Comparison(reading, [(residual, sp.Integer(0)) for residual in residuals], residuals)


def refute(comparison: Comparison, scope: Scope) -> dict[str, Any] | None:
    """A witness against the equality, or None. `compared` names the part when there are several."""
    facts, count = comparison.facts, len(comparison.residuals)
    constraints = Constraints(comparison.reading, scope)
    for number, ((left, right), residual) in enumerate(
        zip(comparison.pairs, comparison.residuals, strict=True), 1
    ):
        if residual == 0:
            continue
        if constraints.touch(residual):
            for consequence, where in where_times_meet(residual, constraints.times(residual), comparison.reading):
                if consequence != 0 and not constraints.touch(consequence):
                    witness = separate(consequence, sp.Integer(0), facts)
                    if witness is not None:
                        return witness.as_dict() | {"compared": f"the difference, {where}"}
            continue
        witness = separate(left, right, facts) or separate(residual, sp.Integer(0), facts)
        if witness is not None:
            return _described(witness, number, count)
        found = _in_a_region(residual, facts)
        if found is not None:
            return found
    return None


def _in_a_region(residual: sp.Expr, facts: Facts) -> dict[str, Any] | None:
    """A witness in one region of a case distinction, such as the cut itself, which drawn points miss."""
    if not residual.has(*BRANCHING) or residual.has(*SLOPES):
        return None
    for part in regions(residual, facts) or []:
        witness = separate(part.expression, sp.Integer(0), part.facts)
        if witness is not None:
            return witness.as_dict() | {"compared": f"the difference where {', '.join(part.words)}"}
    return None


def _described(witness: Witness, number: int, count: int) -> dict[str, Any]:
    part = {"compared": f"part {number} of {count}"} if count > 1 else {}
    return witness.as_dict() | part


def agreement(comparison: Comparison) -> tuple[int, int] | None:
    """(digits, points) to which all parts agree, or None when one cannot be compared."""
    found = [
        agree(left, right, comparison.facts)
        for (left, right), residual in zip(comparison.pairs, comparison.residuals, strict=True)
        if residual != 0
    ]
    known = [item for item in found if item is not None]
    if not known or len(known) < len(found):
        return None
    return min(item.digits for item in known), min(item.points for item in known)


# ---------------------------------------------------------------- declared equations


class Constraints:
    """Declared equations. A generic function need not satisfy them, so it refutes only what is free.

    An equation for one jet, such as the time derivative of a density, leaves all jets free that are
    no derivatives of it: a solution with any such values exists near a point. At a second value of that
    argument, such as a later time, the solution is determined, so nothing is free there. Where several
    equations share a function, or the left side is not one jet, everything in them counts as bound.
    """

    def __init__(self, reading: Reading, scope: Scope) -> None:
        self.jets: list[Jet] = []
        self.bound: set[str] = set()
        for left, right in scope.equations:
            for unknown, known in zip(_parts(reading, left), _parts(reading, right), strict=False):
                try:
                    jet = jet_of(unknown)
                except NoJet:
                    self.bound |= _names(unknown) | _names(known)
                    continue
                if any(jet.function == other.function for other in self.jets):
                    self.bound.add(jet.function.__name__)
                self.jets.append(jet)

    def times(self, expression: sp.Expr) -> list[sp.Expr]:
        """The values, in the argument that an equation differentiates, at which its function occurs."""
        found: dict[sp.Expr, None] = {}
        for e in sorted(expression.atoms(AppliedUndef, sp.Derivative, sp.Subs), key=sp.default_sort_key):
            try:
                jet = jet_of(e)
            except NoJet:
                return []
            for other in self.jets:
                if jet.function == other.function:
                    found |= {jet.arguments[i]: None for i, order in enumerate(other.orders) if order}
        return list(found)

    def touch(self, expression: sp.Expr) -> bool:
        """Whether the expression contains something that an equation binds."""
        if self.bound & _names(expression):
            return True
        if not self.jets:
            return False
        places: dict[tuple[str, int], sp.Expr] = {}
        operators = expression.atoms(sp.Integral, sp.Sum, sp.Product)
        running = {limit[0] for operator in operators for limit in operator.limits}
        for e in expression.atoms(AppliedUndef, sp.Derivative, sp.Subs):
            try:
                jet = jet_of(e)
            except NoJet:
                return True
            for other in self.jets:
                if jet.function != other.function:
                    continue
                if all(map(int.__ge__, jet.orders, other.orders)):
                    return True
                for position, order in enumerate(other.orders):
                    place = jet.arguments[position]
                    first = places.setdefault((jet.function.__name__, position), place)
                    if order and (place != first or place.free_symbols & running):
                        return True
        return False


def _parts(reading: Reading, side: Node) -> list[sp.Expr]:
    value = reading.value(side)
    return [value] if isinstance(value, sp.Expr) else list(value)


def _names(expression: sp.Expr) -> set[str]:
    functions = {call.func.__name__ for call in expression.atoms(AppliedUndef)}
    return functions | {symbol.name for symbol in expression.free_symbols}


# ---------------------------------------------------------------- integrals of undefined functions


@dataclass(frozen=True)
class EulerFinding:
    """What the Euler operator says of an integral identity.

    impossible  a witness that no boundary field can repair it, or None
    divergence  the integrand certainly is a divergence: only a boundary field is missing
    """

    impossible: dict[str, Any] | None
    divergence: bool


def euler_finding(residual: sp.Expr, facts: Facts) -> EulerFinding:
    """Apply the Euler operator to a sum of integrals over all space.

    The integral changes with some admissible function when an Euler expression is not constant in
    space: the variation may keep every density normalised. That is why its gradient is looked at.
    """
    try:
        integrand, variables = merge_integrals(residual)
        expressions = euler_operator(integrand, variables)
    except Unsupported:
        return EulerFinding(None, False)
    for expression in expressions:
        for variable in variables:
            slope = sp.diff(expression, variable).doit(integrals=False, sums=False)
            witness = separate(slope, sp.Integer(0), facts)
            if witness is not None:
                note = {"compared": "slope of the Euler operator of the integrand, which must be 0"}
                return EulerFinding(witness.as_dict() | note, False)
    decisions = [decide_zero(expression, facts) for expression in expressions]
    return EulerFinding(None, bool(decisions) and all(decision.zero for decision in decisions))


def with_instances(scope: Scope) -> Scope | None:
    """The scope with its concrete functions put in; None when it has none, or they may break an equation."""
    if not scope.instances:
        return None
    equations = {n.key for pair in scope.equations for side in pair for n in side.walk() if isinstance(n, Call | Name)}
    if any(isinstance(call, Call | Name) and call.key in equations for call, _ in scope.instances):
        return None
    result = scope.copy()
    for call, body in scope.instances:
        key = call.key if isinstance(call, Call | Name) else None
        declaration = result.get(key) if key is not None else None
        if declaration is None:
            continue
        parameters = _parameters(call, declaration.parameters)
        result.put(replace(declaration, definition=body, parameters=parameters))
    return result


def instances_are_laws(scope: Scope, reading: Reading) -> bool:
    """Whether every instance of a declared density is a density; another one could refute a true statement."""
    keys = [call.key for call, _ in scope.instances if isinstance(call, Call) and call.key in scope]
    return all(reading.integrates_to_one(key) for key in keys if scope.declarations[key].density)


def _parameters(call: Node, declared: Sequence[str]) -> tuple[str, ...]:
    """Names of the arguments in the instance's own left side."""
    if not isinstance(call, Call) or call.arguments is None:
        return tuple(declared)
    names = [argument.key for argument in call.arguments if isinstance(argument, Name)]
    if call.index is not None and isinstance(call.index, Name):
        names.append(call.index.key)
    return tuple(names) if len(names) == len(declared) else tuple(declared)
