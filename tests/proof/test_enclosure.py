"""Enclosures contain the true value, text rounds outward, witnesses lie inside the declarations."""

from __future__ import annotations

from fractions import Fraction

import mpmath
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from verify.language.scope import INDEX, INTEGER, NONNEGATIVE, POSITIVE, REAL, UNIT
from verify.meaning.facts import Facts
from verify.proof import intervals
from verify.proof.enclosure import agree, separate
from verify.proof.points import admissible_points, concrete, inside
from verify.proof.vacuity import admissible_point_of

x, y = sp.symbols("x y", real=True)
p, q, s = sp.symbols("p q s", positive=True)
a = sp.Symbol("a", positive=True)
f, g, u = sp.Function("f", real=True), sp.Function("g", positive=True), sp.Function("u", positive=True)

FUNCTIONS = {
    sp.exp: (mpmath.exp, -20, 20), sp.log: (mpmath.log, Fraction(1, 50), 50), sp.sin: (mpmath.sin, -30, 30),
    sp.cos: (mpmath.cos, -30, 30), sp.sqrt: (mpmath.sqrt, Fraction(1, 50), 50), sp.erf: (mpmath.erf, -12, 12),
    sp.atan: (mpmath.atan, -30, 30), sp.tanh: (mpmath.tanh, -20, 20), sp.sinh: (mpmath.sinh, -20, 20),
    sp.cosh: (mpmath.cosh, -20, 20), sp.Abs: (abs, -5, 5),
}  # fmt: skip


@given(st.fractions(-5, 5))
def test_a_sign_is_certain_or_not_given(value: Fraction) -> None:
    number = sp.Rational(value.numerator, value.denominator)
    enclosed = intervals.enclose(sp.sign(x), {x: number})
    assert intervals.bounds(enclosed) == (int(sp.sign(number)),) * 2
    around = intervals.iv.mpf([-1, 1]) * intervals.rational(number)
    if value:
        with pytest.raises(intervals.NotEvaluable, match="sign"):
            intervals.enclose(sp.sign(x), {x: around})


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(list(FUNCTIONS)), st.data())
def test_an_enclosure_contains_the_value(function: type, data: st.DataObject) -> None:
    exact, low, high = FUNCTIONS[function]
    point = data.draw(st.fractions(low, high, max_denominator=50))
    digits = data.draw(st.sampled_from((15, 30, 60)))
    value = intervals.enclose(function(x), {x: sp.Rational(point.numerator, point.denominator)}, digits)
    with mpmath.workdps(digits + 40):
        true = exact(mpmath.mpf(point.numerator) / point.denominator)
        low_end, high_end = (mpmath.mpf(end.numerator) / end.denominator for end in intervals.bounds(value))
        assert low_end <= true <= high_end
        assert high_end - low_end <= mpmath.mpf(10) ** (12 - digits) * (1 + abs(true)) or abs(point) > 8


@settings(max_examples=200, deadline=None)
@given(st.fractions(-1000, 1000), st.integers(-40, 40), st.integers(2, 12))
def test_text_rounds_outward(value: Fraction, shift: int, digits: int) -> None:
    value *= Fraction(10) ** shift
    enclosed = intervals.rational(value)
    low, high = (Fraction(part) for part in intervals.text(enclosed, digits)[1:-1].split(", "))
    bottom, top = intervals.bounds(enclosed)
    assert low <= bottom <= value <= top <= high
    assert high - low <= 3 * abs(value) * Fraction(10) ** (1 - digits)


@pytest.mark.parametrize(
    "expression", [sp.log(x), sp.sqrt(x), 1 / (x + 2), sp.log(0 * x + x + 2), x ** sp.Rational(1, 3)]
)
def test_leaving_the_real_domain_is_refused(expression: sp.Expr) -> None:
    with pytest.raises(intervals.NotEvaluable):
        intervals.enclose(expression, {x: sp.Integer(-2)})


def test_huge_and_tiny_values_have_text() -> None:
    for power in (-5000, 5000):
        text = intervals.text(intervals.enclose(sp.exp(power * x), {x: sp.Integer(1)}))
        assert text.startswith("[") and "e" in text


@pytest.mark.parametrize("domain", [REAL, NONNEGATIVE, POSITIVE, UNIT, INTEGER, INDEX])
def test_points_lie_in_their_domain(domain: str) -> None:
    symbol = sp.Symbol("m", real=True)
    facts = Facts({symbol: domain})
    points = list(admissible_points(concrete([symbol], facts), 60))
    assert len(points) == 60
    assert all(inside(point.rationals[symbol], domain) for point in points)


def test_a_witness_respects_roots_and_assumptions() -> None:
    facts = Facts({p: POSITIVE, q: POSITIVE, s: POSITIVE, a: UNIT}, {}, {s: (2, 1 - a**2)}, [p - q, q - 3 * a])
    witness = separate(s * p, a * q, facts)
    assert witness is not None
    rationals = witness.where.rationals
    assert rationals[p] > rationals[q] > 3 * rationals[a]
    low, high = intervals.bounds(witness.where.roots[s])
    assert low**2 <= 1 - Fraction(int(rationals[a].p), int(rationals[a].q)) ** 2 <= high**2
    assert witness.enclosure.a > 0 or witness.enclosure.b < 0
    low, high = (Fraction(part) for part in witness.difference[1:-1].split(", "))
    assert low > 0 or high < 0


def test_functions_keep_their_declared_values_and_are_named() -> None:
    facts = Facts({x: REAL}, {"g": POSITIVE, "u": UNIT})
    assert separate(sp.Abs(g(x)), g(x), facts) is None
    assert separate(sp.sqrt(1 - u(x)) ** 2, 1 - u(x), facts) is None
    witness = separate(g(x), u(x), facts)
    assert witness is not None
    assert {"g(u1)", "u(u1)", "x"} <= set(witness.point)


def test_derivatives_of_undefined_functions_are_told_apart() -> None:
    facts = Facts({x: REAL, y: REAL}, {"f": REAL})
    assert separate(sp.diff(f(x, y), x, y), sp.diff(f(x, y), y, x), facts) is None
    assert separate(sp.diff(f(x, y), x), sp.diff(f(x, y), y), facts) is not None
    assert separate(sp.diff(f(x, y), x).subs(x, y**2), sp.diff(f(x, y), x), facts) is not None


def test_sums_are_opened_and_the_length_is_named() -> None:
    i, n = sp.symbols("i n", integer=True, positive=True)
    facts = Facts({i: INDEX, n: INDEX}, {"f": REAL})
    witness = separate(sp.Sum(f(i), (i, 1, n)) ** 2, sp.Sum(f(i) ** 2, (i, 1, n)), facts)
    assert witness is not None
    assert witness.point["n"] == "3"


def test_integrals_without_a_value_give_no_witness() -> None:
    facts = Facts({x: REAL}, {"g": POSITIVE})
    whole = sp.Integral(g(x), (x, -sp.oo, sp.oo))
    assert separate(whole, 2 * whole, facts) is None
    assert agree(whole, whole, facts) is None


def test_agreement_never_comes_from_an_empty_sample() -> None:
    never = Facts({x: REAL}, {}, {}, [-(x**2) - 1])
    assert agree(x, x, never) is None
    assert separate(x, x + 1, never) is None
    nowhere = sp.log(-(x**2) - 1)
    assert agree(nowhere, nowhere + 1, Facts({x: REAL})) is None
    found = agree(sp.sqrt(5 + 2 * sp.sqrt(6)) + 0 * x, sp.sqrt(2) + sp.sqrt(3), Facts({x: REAL}))
    assert found is not None and found.digits > 40


def test_agreement_counts_digits() -> None:
    found = agree(p, p * (1 + sp.Rational(1, 10**20)), Facts({p: POSITIVE}))
    assert found is not None and 19 <= found.digits <= 20


def test_inequalities_are_refuted_in_the_asked_direction_only() -> None:
    facts = Facts({p: POSITIVE})
    assert separate(p, p + 1, facts, +1) is None
    assert separate(p, p + 1, facts, -1) is not None


@pytest.mark.parametrize(
    "positive", [[p - q, q - p], [-p], [a - 1], [1 - p, p - 2], [-(x**2) - y**2]]
)
def test_contradictory_declarations_have_no_point(positive: list[sp.Expr]) -> None:
    facts = Facts({x: REAL, y: REAL, p: POSITIVE, q: POSITIVE, a: UNIT}, {}, {}, positive)
    assert admissible_point_of(facts) is None


@pytest.mark.parametrize(
    "positive",
    [
        [p - 1000 * q], [p - q, q - p + sp.Rational(1, 1000)], [1 - a - sp.Rational(99, 100)],
        [sp.Rational(1, 50) - (x - 3) ** 2], [x - 40, 41 - x],
    ],
)  # fmt: skip
def test_narrow_declarations_have_a_point(positive: list[sp.Expr]) -> None:
    facts = Facts({x: REAL, p: POSITIVE, q: POSITIVE, a: UNIT}, {}, {}, positive)
    assert admissible_point_of(facts) is not None


def test_a_root_of_a_negative_quantity_has_no_point() -> None:
    facts = Facts({s: POSITIVE, a: UNIT}, {}, {s: (2, a - 1)})
    assert admissible_point_of(facts) is None
