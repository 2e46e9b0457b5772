"""Laws of the exact layer on random expressions, and of the two polynomial back-ends."""

from __future__ import annotations

import re
from fractions import Fraction

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from verify.language.scope import POSITIVE, REAL, UNIT
from verify.meaning.facts import Facts
from verify.proof.enclosure import separate
from verify.proof.normal_form import decide_zero
from verify.proof.polynomials import FlintRing, SympyRing, flint_available

x, y = sp.symbols("x y", real=True)
p, q = sp.symbols("p q", positive=True)
a = sp.Symbol("a", positive=True)
FACTS = Facts({x: REAL, y: REAL, p: POSITIVE, q: POSITIVE, a: UNIT})
POSITIVES = (p, q, a, 1 - a, p + q, p * a + 1)

numbers = st.fractions(-3, 3, max_denominator=4).map(lambda c: sp.Rational(c.numerator, c.denominator))
positives = st.sampled_from(POSITIVES)
atoms = st.one_of(numbers, st.sampled_from((x, y, p, q, a)))


def _grow(below: st.SearchStrategy) -> st.SearchStrategy:
    """Pairs (one way to write it, another way to write it) from smaller pairs."""
    two = st.tuples(below, below)
    three = st.tuples(below, below, below)
    return st.one_of(
        two.map(lambda s: (s[0][0] + s[1][0], s[1][1] + s[0][1])),
        two.map(lambda s: (s[0][0] * s[1][0], s[1][1] * s[0][1])),
        three.map(lambda s: (s[0][0] * (s[1][0] + s[2][0]), s[0][1] * s[1][1] + s[0][1] * s[2][1])),
        st.tuples(below, positives).map(lambda s: (s[0][0] / s[1], s[0][1] * p / (s[1] * p))),
        st.tuples(positives, positives).map(lambda s: (sp.sqrt(s[0] * s[1]), sp.sqrt(s[0]) * sp.sqrt(s[1]))),
        st.tuples(positives, positives).map(lambda s: (sp.log(s[0] / s[1]), sp.log(s[0]) - sp.log(s[1]))),
        st.tuples(positives, atoms, atoms).map(lambda s: (s[0] ** (s[1] + s[2]), s[0] ** s[1] * s[0] ** s[2])),
        st.tuples(atoms, atoms, positives).map(
            lambda s: (sp.exp((s[0] + s[1]) / s[2]), sp.exp(s[0] / s[2]) * sp.exp(s[1] / s[2]))
        ),
        st.tuples(atoms, atoms).map(
            lambda s: (sp.sin(s[0] + s[1]), sp.sin(s[0]) * sp.cos(s[1]) + sp.cos(s[0]) * sp.sin(s[1]))
        ),
    )


pairs = st.recursive(atoms.map(lambda e: (e, e)), _grow, max_leaves=6)


@settings(max_examples=150, deadline=None)
@given(pairs)
def test_two_ways_to_write_one_expression_are_proved_equal(pair: tuple[sp.Expr, sp.Expr]) -> None:
    decision = decide_zero(pair[0] - pair[1], FACTS)
    assert decision.zero or re.search("too large|an angle is a multiple", decision.why)


@settings(max_examples=80, deadline=None)
@given(pairs, st.sampled_from((sp.Rational(1, 10**9), p / 1000, a * sp.exp(-x), sp.sqrt(p + q), sp.log(1 + p))))
def test_a_perturbed_expression_is_never_proved(pair: tuple[sp.Expr, sp.Expr], extra: sp.Expr) -> None:
    assert not decide_zero(pair[0] - pair[1] + extra, FACTS).zero


@settings(max_examples=40, deadline=None)
@given(pairs)
def test_equal_expressions_are_never_refuted(pair: tuple[sp.Expr, sp.Expr]) -> None:
    assert separate(pair[0], pair[1], FACTS) is None


@settings(max_examples=60, deadline=None)
@given(pairs)
def test_the_pure_ring_decides_the_same(pair: tuple[sp.Expr, sp.Expr]) -> None:
    assert decide_zero(pair[0] - pair[1], FACTS) == decide_zero(pair[0] - pair[1], FACTS, pure=True)


coefficients = st.fractions(-5, 5, max_denominator=6)
linear = st.lists(coefficients, min_size=5, max_size=5)


def _build(ring: object, forms: list[list[Fraction]]) -> object:
    product = ring.constant(Fraction(1))
    for form in forms:
        total = ring.constant(form[0])
        for i, c in enumerate(form[1:]):
            total = total + ring.constant(c) * ring.generator(i)
        product = product * total * (total + ring.generator(0) * ring.generator(1))
    return product


@pytest.mark.skipif(not flint_available(), reason="python-flint is off: there is only one ring to look at")
@settings(max_examples=60, deadline=None)
@given(st.lists(linear, min_size=1, max_size=3))
def test_both_rings_factor_alike(forms: list[list[Fraction]]) -> None:
    seen = []
    for ring in (FlintRing(4), SympyRing(4)):
        polynomial = _build(ring, forms)
        if not polynomial:
            seen.append(None)
            continue
        content, factors = ring.factor(polynomial)
        product = ring.constant(content)
        for f, exponent in factors:
            product = product * f**exponent
            assert ring.divide(polynomial, f) is not None
            assert ring.terms(f)[0][1] > 0
        assert ring.key(product) == ring.key(polynomial)
        degrees = [ring.degree(polynomial, i) for i in range(4)]
        seen.append((content, [(ring.key(f), e) for f, e in factors], ring.length(polynomial), degrees))
    assert seen[0] == seen[1]
