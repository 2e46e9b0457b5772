"""Enclosures of integrals, signs of exponentials, and what equations leave free: laws and traps."""

from __future__ import annotations

import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp

from verify.language.document import read_document
from verify.meaning.facts import Facts
from verify.proof.intervals import NotEvaluable, enclose
from verify.proof.normal_form import decide_sign
from verify.running.tasks import prove_step

SMALL = st.fractions(min_value=-2, max_value=2, max_denominator=6)
u, r = sp.symbols("u r", real=True)


def rational(number) -> sp.Rational:  # type: ignore[no-untyped-def]
    return sp.Rational(number.numerator, number.denominator)


@settings(deadline=None)
@given(st.lists(SMALL, min_size=1, max_size=3), SMALL, SMALL)
def test_an_enclosure_contains_the_integral_in_both_directions(coefficients, lower, upper) -> None:  # type: ignore[no-untyped-def]
    body = sp.exp(sum((rational(c) * u**k for k, c in enumerate(coefficients)), sp.Integer(0)))
    found = enclose(sp.Integral(body, (u, rational(lower), rational(upper))), {})
    value = mp.quad(sp.lambdify(u, body, "mpmath"), [mp.mpf(x.numerator) / x.denominator for x in (lower, upper)])
    assert found.a - mp.mpf(10) ** -12 <= value <= found.b + mp.mpf(10) ** -12


@settings(deadline=None)
@given(SMALL, SMALL)
def test_an_enclosure_contains_a_nested_integral(slope, upper) -> None:  # type: ignore[no-untyped-def]
    inner = sp.Integral(sp.exp(rational(slope) * u), (u, 0, r))
    found = enclose(sp.Integral(inner, (r, 0, rational(upper))), {})
    a, b = float(slope), float(upper)
    value = (mp.exp(a * b) - 1 - a * b) / a**2 if a else mp.mpf(b) ** 2 / 2
    assert found.a - 1e-9 <= value <= found.b + 1e-9


def test_an_integrand_with_a_pole_has_no_enclosure() -> None:
    for body in (1 / u, 1 / (u - sp.Rational(1, 3)), sp.log(u)):
        try:
            enclose(sp.Integral(body, (u, 0, 1)), {})
        except NotEvaluable:
            continue
        raise AssertionError(f"{body} was enclosed")


@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), min_size=1, max_size=3))
def test_the_sign_of_an_exponential_less_one_is_that_of_its_exponent(terms) -> None:  # type: ignore[no-untyped-def]
    x, y = sp.symbols("x y", positive=True)
    facts = Facts({x: "positive", y: "positive"})
    exponent = sum((a * x + b * y for a, b in terms), sp.Integer(0))
    found = decide_sign(sp.exp(exponent) - 1, facts)
    a, b = sum(t[0] for t in terms), sum(t[1] for t in terms)
    if found.value:
        assert (a >= 0 and b >= 0) if found.value > 0 else (a <= 0 and b <= 0)
        assert not found.strict or (a, b) != (0, 0)
    if a and b and (a > 0) != (b > 0):
        assert not found.value


DETERMINED = r"""
/// claim | test.determined
    title: a solution at two times

- $t, u$ : real
- $y(t)$ : positive function
- $\dot y(t) = {rate}$ : equation

$$ {formula} $$
///
"""


def test_an_equation_leaves_nothing_free_at_a_second_time() -> None:
    """Each of these is true, so a generic function must not refute it."""
    for rate, formula in (
        ("0", "y(1) = y(0)"),
        ("0", r"\int_0^1(2u-1)y(u)\,\mathrm{d}u = 0"),
        ("y(t)", r"y(1) = e\,y(0)"),
    ):
        text = DETERMINED.replace("{rate}", rate).replace("{formula}", formula)
        (claim,) = read_document(text, "test").claims
        left, right = claim.chains[0]
        assert prove_step(left.expression, right, claim.scope)["verdict"] != "refuted", formula
