r"""`\operatorname*{arg\,min}_c f(c) = formula`: stationary there, and convex everywhere."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import sympy as sp

from verify.language.scope import NONNEGATIVE, POSITIVE, UNIT, Scope
from verify.language.tree import ArgMin, Name, Node
from verify.meaning.errors import Unsupported
from verify.meaning.reading import Reading
from verify.proof.exact import Proof, prove
from verify.proof.normal_form import decide_sign
from verify.proof.refutation import Comparison, compare, refute


@dataclass
class MinimumFinding:
    """proof of the minimum, a witness against it, or `why` neither was found."""

    proof: Proof | None = None
    witness: dict[str, Any] = field(default_factory=dict)
    why: str = ""


def judge_minimum(minimum: ArgMin, formula: Node, reading: Reading, scope: Scope) -> MinimumFinding:
    """The gradient must vanish at the formula, the second derivative be positive for every value.

    Raises MeaningError and Unsupported as the reading does.
    """
    name = minimum.variable
    if any(isinstance(node, Name) and node.key == name for node in formula.walk()):
        return MinimumFinding(why=f"the formula of the minimiser contains {name} itself")
    if any(isinstance(node, ArgMin) for node in formula.walk()):
        return MinimumFinding(why="two minimisers are not compared with each other")
    objective, value = reading.value(minimum.objective), reading.value(formula)
    gradient = reading.gradient_in(objective, name)
    at_formula = reading.substituted(gradient, name, value)
    comparison = compare(at_formula, sp.Integer(0), reading)
    outside = _outside_domain(value, name, reading, scope)
    proof = prove(comparison.residuals, reading, scope)
    if not proof.proved:
        witness = None if outside else _refute(comparison, scope)
        if witness is None:
            return MinimumFinding(why=outside or f"the gradient at the formula: {proof.why}")
        return MinimumFinding(witness=witness)
    if outside:
        return MinimumFinding(why=outside)
    second = reading.second_derivative_in(objective, name)
    found = decide_sign(second, replace(reading.facts, positive=_without(name, reading)))
    if not (found.value > 0 and found.strict):
        return MinimumFinding(why="the second derivative is not provably positive for every value")
    proof.conditions[:0] = [
        f"the gradient in {name} is exactly 0 at the formula",
        f"the second derivative in {name} is positive everywhere: {second}",
    ]
    return MinimumFinding(proof=proof)


def _refute(comparison: Comparison, scope: Scope) -> dict[str, Any] | None:
    witness = refute(comparison, scope)
    return witness and witness | {"compared": "the gradient at the formula, which must be 0"}


def _outside_domain(value: Any, name: str, reading: Reading, scope: Scope) -> str:
    """A sentence when the formula is not certainly an inner point of the variable's domain, else ''."""
    for quantity in reading.facts.positive:
        if quantity not in _without(name, reading):
            there = decide_sign(reading.substituted(quantity, name, value), reading.facts)
            if not (there.value > 0 and there.strict):
                return f"the formula is not provably where {quantity} is positive"
    declaration = scope.get(name)
    domain = declaration.domain if declaration is not None and declaration.value == "scalar" else None
    if domain not in (POSITIVE, NONNEGATIVE, UNIT):
        return ""
    if not isinstance(value, sp.Expr):
        raise Unsupported("the minimiser is a scalar, its formula is not")
    needed = [value, 1 - value] if domain == UNIT else [value]
    signs = [decide_sign(quantity, reading.facts) for quantity in needed]
    if all(found.value > 0 and found.strict for found in signs):
        return ""
    return f"the formula is not provably inside the domain of {name} ({domain})"


def _without(name: str, reading: Reading) -> list[sp.Expr]:
    """The declared positive quantities that do not restrict the variable."""
    return [quantity for quantity in reading.facts.positive if not reading.depends_on(quantity, name)]
