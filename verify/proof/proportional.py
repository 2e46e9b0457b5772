r"""`f \propto g` in a stated variable: the ratio of the sides does not depend on it, and neither side vanishes.

The ratio is constant on a connected domain when g f' - f g' = 0 there and both sides keep a strict sign. Steps
and poles cut a domain into pieces with a constant each, so they are refused.
"""

from __future__ import annotations

import sympy as sp

from verify.meaning.errors import MeaningError
from verify.meaning.reading import Reading
from verify.proof.normal_form import decide_sign
from verify.proof.refutation import Comparison

PREFIX = "propto "  # of a relation that names its variable
STEPS = (sp.Piecewise, sp.sign, sp.Heaviside, sp.tan, sp.Max, sp.Min)


def variable_of(relation: str) -> str | None:
    """The key of the variable, or None for another relation."""
    return relation.removeprefix(PREFIX) if relation.startswith(PREFIX) else None


def compare_ratio(left: sp.Expr, right: sp.Expr, name: str, reading: Reading) -> Comparison:
    """What must vanish for the ratio of two numbers not to depend on a free name."""
    if any(reading.shape(side) != "scalar" for side in (left, right)):
        raise MeaningError("\\propto is read between numbers")
    residuals = reading.ratio_residuals(left, right, name)
    return Comparison(reading, [(residual, sp.Integer(0)) for residual in residuals], residuals)


def ratio_obstacle(left: sp.Expr, right: sp.Expr, reading: Reading) -> str:
    """Why the ratio is not certainly one constant though its derivative vanishes, or ''."""
    for side in (left, right):
        if side.has(*STEPS):
            return "a step or an extremum in a proportionality is not decided"
        found = decide_sign(side, reading.facts)
        if not (found.value and found.strict):
            return "a side of the proportionality is not certainly different from zero"
        for power in side.atoms(sp.Pow):
            if power.exp.is_positive is not True:
                below = decide_sign(power.base, reading.facts)
                if not (below.value and below.strict):
                    return f"a denominator may vanish and cut the domain: {power.base}"
    return ""

