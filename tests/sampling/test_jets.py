"""Derivatives by infinitesimals against closed forms and against mpmath's own differentiation."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verify.language.tree import ELEMENTARY
from verify.sampling.errors import BudgetExceeded, Undefined
from verify.sampling.jets import elementary, infinitesimal, mp, part, power, reciprocal

REALS = st.integers(-180, 180).filter(bool).map(lambda k: mp.mpf(k) / 97)
POSITIVES = st.integers(5, 300).map(lambda k: mp.mpf(k) / 97)


def derivative(body, at, order):
    moved = at
    for level in range(order):
        moved = infinitesimal(level) + moved
    return part(body(moved), 2**order - 1)


@pytest.mark.parametrize("name", ELEMENTARY)
@given(x=POSITIVES, order=st.integers(1, 4))
@settings(max_examples=15, deadline=None)
def test_elementary_functions_have_the_derivatives_that_differences_give(name, x, order):
    plain = {"arctan": mp.atan, "sigmoid": lambda y: 1 / (1 + mp.exp(-y))}.get(name) or getattr(mp, name)
    x = x / 3  # away from the pole of tan
    with mp.workdps(60):
        wanted = mp.diff(plain, x, order)
        assert abs(derivative(lambda y: elementary(name, y), x, order) - wanted) < mp.mpf(10) ** -25 * (1 + abs(wanted))


@given(x=POSITIVES, exponent=REALS)
@settings(max_examples=50, deadline=None)
def test_the_power_rule_and_its_exponent(x, exponent):
    with mp.workdps(40):
        slope = derivative(lambda y: power(y, exponent), x, 1)
        assert abs(slope - exponent * x ** (exponent - 1)) < mp.mpf(10) ** -30 * (1 + abs(slope))
        slope = derivative(lambda y: power(x, y), exponent, 1)
        assert abs(slope - mp.log(x) * x**exponent) < mp.mpf(10) ** -30 * (1 + abs(slope))


@given(x=REALS, y=REALS)
def test_mixed_derivatives_of_a_quotient(x, y):
    with mp.workdps(40):
        a, b = infinitesimal(0) + x, infinitesimal(1) + y
        mixed = part(a * a * reciprocal(b), 0b11)
        assert abs(mixed + 2 * x / y**2) < mp.mpf(10) ** -30 * (1 + abs(mixed))


@given(x=REALS)
def test_derivatives_nest(x):
    def cube(y):
        return y * y * y

    with mp.workdps(40):
        inner = derivative(cube, infinitesimal(3) + x, 2)  # 6 (x + e), with e still alive
        assert abs(part(inner, 0b1000) - 6) < mp.mpf(10) ** -30


@pytest.mark.parametrize("body", [
    lambda: elementary("log", mp.mpf(-1)), lambda: reciprocal(mp.zero), lambda: power(mp.mpf(-2), mp.mpf("0.5")),
])  # fmt: skip
def test_outside_the_domain_there_is_no_value(body):
    with pytest.raises(Undefined):
        body()


def test_a_tower_of_powers_is_refused_at_once():
    with pytest.raises(BudgetExceeded):
        power(mp.mpf(9), power(mp.mpf(9), mp.mpf(9**9)))
