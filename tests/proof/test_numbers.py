"""Closed numbers: a certified sign, finite sums and products of up to a thousand terms, and no sign for zero."""

from __future__ import annotations

from fractions import Fraction

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from verify.language.document import read_document
from verify.ledger.verdict import PROVED, REFUTED
from verify.meaning.binders import LongProduct, LongSum
from verify.meaning.facts import Facts
from verify.proof import intervals
from verify.proof.numbers import may_vanish, sign_of_number
from verify.proof.signs import UNKNOWN
from verify.running.tasks import prove_step

k = sp.Symbol("k", integer=True)
NOTHING = Facts({}, {}, {}, [])


def verdicts(*rows: str) -> list[str]:
    text = "/// claim | n.one\n    title: t\n\n- $k$ : integer\n- $c$ : positive\n\n"
    document = read_document(text + "\n\n".join(f"$$ {row} $$" for row in rows) + "\n///\n", "t")
    assert not document.errors, document.errors[0]
    (claim,) = document.claims
    return [prove_step(a.expression, b, claim.scope)["verdict"] for a, b in claim.chains]


@given(
    st.lists(st.integers(-9, 9), min_size=1, max_size=3), st.integers(-4, 4), st.integers(0, 300), st.booleans()
)
@settings(max_examples=60, deadline=None)
def test_enclosures_contain_the_exact_value(coefficients, lower, length, product):
    body = sum((c * k**i for i, c in enumerate(coefficients)), sp.Integer(0)) / 7
    value = Fraction(1 if product else 0)
    for n in range(lower, lower + length):
        term = Fraction(sum(c * n**i for i, c in enumerate(coefficients)), 7)
        value = value * term if product else value + term
    operator = LongProduct if product else LongSum
    limits = (sp.Symbol("bound", integer=True), sp.Integer(lower), sp.Integer(lower + length - 1))
    expression = operator(body.xreplace({k: limits[0]}), limits)
    low, high = intervals.bounds(intervals.enclose(expression, {}))
    assert low <= value <= high
    sign = sign_of_number(expression).value
    assert sign in (0, (value > 0) - (value < 0))


def test_a_thousand_factors():
    assert verdicts(
        r"\prod_{k=1}^{1000}\frac{k}{k+1} > 0.000999",
        r"\prod_{k=1}^{1000}\frac{k}{k+1} < 0.000999001",
        r"\sum_{k=1}^{1000}\frac{1}{k(k+1)} < 1",
    ) == [PROVED] * 3
    assert verdicts(
        r"\prod_{k=1}^{1000}\frac{k}{k+1} > 0.001",
        r"\sum_{k=1}^{1000}\frac{1}{k(k+1)} > 1",
    ) == [REFUTED] * 2


def test_what_is_not_proved():
    """Equal sides of a strict inequality, a pole inside, a zero below, no real value, too many terms."""
    for verdict in verdicts(
        r"\sum_{k=-20}^{20}k < 0",
        r"\sum_{k=0}^{40}\frac1k > 0",
        r"\sum_{k=1}^{40}\frac{1}{k-20} > -100",
        r"\frac{\sum_{k=1}^{40}k-820}{\sum_{k=1}^{40}k-820} > 0",
        r"\frac{\sum_{k=1}^{40}k-820}{\sum_{k=1}^{40}k-820} = 1",
        r"\frac{\sum_{k=-20}^{20}k}{\sum_{k=-20}^{20}k} = 1",
        r"\sum_{k=1}^{2000}\frac1k < 3",
        r"\prod_{k=1}^{37}c < c^{37}",
        r"\prod_{k=1}^{40}(2c) = 2\prod_{k=1}^{40}c",
    ):
        assert verdict != PROVED


def test_zero_has_no_sign():
    assert sign_of_number(sp.sqrt(2) * sp.sqrt(3) - sp.sqrt(6)) == UNKNOWN
    assert sign_of_number(sp.log(-1 - sp.pi)) == UNKNOWN
    assert sign_of_number(sp.Symbol("x") ** 2 + 1) == UNKNOWN
    assert may_vanish(LongSum(k, (k, -20, 20)), NOTHING)
    assert not may_vanish(LongSum(k, (k, -20, 21)), NOTHING)


@pytest.mark.parametrize("operator", [LongSum, LongProduct])
def test_a_long_operator_is_no_number_to_sympy(operator):
    """SymPy would look for the sign of a number in floats, term by term."""
    assert not operator(1 + 1 / (k + 1), (k, 0, 999)).is_number
    assert sp.sqrt(operator(1 + 1 / (k + 1), (k, 0, 999))).has(operator)
