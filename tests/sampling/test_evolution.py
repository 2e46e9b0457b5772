"""Functions that solve a declared equation, in numbers: what one derivative sees, and nothing more."""

from __future__ import annotations

import pytest

from verify.language.document import read_document
from verify.running.tasks import sample_step

HEAT = r"""
- $x, \tau, T$ : real
- $t$ : real
- $c$ : positive
- $p(x,t)$ : positive function
- $\partial_t p = c\,\partial_x\partial_x p$ : equation
- $q(x,\tau) = p(x,T-\tau)$
"""
FLOW = r"""
- $t$ : real
- $y(t)$ : positive function
- $\dot y(t) = y(t)^2$ : equation
"""


@pytest.mark.parametrize(
    ("declarations", "formula", "verdict"),
    [
        (HEAT, r"\partial_t\log p(x,t) = \frac{c}{p(x,t)}\partial_x\partial_x p(x,t)", "supported"),
        (HEAT, r"\frac{\mathrm{d}}{\mathrm{d}\tau}q(x,\tau) = -c\,\partial_x\partial_x q(x,\tau)", "supported"),
        (HEAT, r"\frac{\mathrm{d}}{\mathrm{d}\tau}q(x,\tau) = c\,\partial_x\partial_x q(x,\tau)", "refuted"),
        (HEAT, r"\partial_c p(x,t) = 0", "undecided"),  # p depends on c through its equation
        (FLOW, r"\frac{\mathrm{d}}{\mathrm{d}t}\frac{1}{y(t)} = -1", "supported"),
        (FLOW, r"\frac{\mathrm{d}}{\mathrm{d}t}\frac{1}{y(t)} = 1", "refuted"),
        (FLOW, r"\ddot y(t) = 2y(t)^3", "undecided"),  # true, and not seen by a first derivative
        (FLOW, r"y(2t) = y(t)", "undecided"),  # another time
        (FLOW + r"- $\dot y(t) = y(t)$ : equation" + "\n", r"\dot y(t) = 0", "undecided"),  # two equations
    ],
)
def test_a_stand_in_solves_its_equation(declarations: str, formula: str, verdict: str) -> None:
    text = f"/// claim | test.evolution\n    title: t\n{declarations}- dimensions: 1\n\n$$ {formula} $$\n///\n"
    document = read_document(text, "test")
    assert not document.errors
    left, right = document.claims[0].chains[0]
    assert sample_step(left.expression, right, document.claims[0].scope)["verdict"] == verdict
