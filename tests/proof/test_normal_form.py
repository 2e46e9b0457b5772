"""The exact layer may be incomplete, never wrong: no false statement is proved on its domain."""

from __future__ import annotations

import pytest
import sympy as sp

from verify.language.scope import INDEX, POSITIVE, REAL, UNIT
from verify.meaning.facts import Facts
from verify.proof.enclosure import separate
from verify.proof.normal_form import decide_sign, decide_zero

x, y, z, t = sp.symbols("x y z t", real=True)
p, q, r = sp.symbols("p q r", positive=True)
a, b = sp.symbols("a b", positive=True)
s = sp.Symbol("s", real=True)  # declared positive
i, n = sp.symbols("i n", integer=True, positive=True)
f, g = sp.Function("f", real=True), sp.Function("g", positive=True)
sqrt = sp.sqrt

FACTS = Facts(
    dict.fromkeys((x, y, z, t), REAL) | dict.fromkeys((p, q, r, s), POSITIVE)
    | dict.fromkeys((a, b), UNIT) | dict.fromkeys((i, n), INDEX),
    {"f": REAL, "g": POSITIVE},
)  # fmt: skip


def whole(body: sp.Expr, variable: sp.Symbol) -> sp.Expr:
    return sp.Integral(body, (variable, -sp.oo, sp.oo))


TRUE = {
    "sqrt of a positive square": sqrt(p**2) - p,
    "sqrt of a real square is the absolute value": sqrt(x**2 * y**2) - sp.Abs(x * y),
    "absolute value of a positive quantity": sp.Abs(p - p**2 - p) - p**2,
    "log of a product of positives": sp.log(p**2 * q / 3) - 2 * sp.log(p) - sp.log(q) + sp.log(3),
    "log of a real square": sp.log(x**2) - 2 * sp.log(sp.Abs(x)),
    "root of a product on (0,1)": sqrt(1 - a) * sqrt(1 - b) - sqrt((1 - a) * (1 - b)),
    "root of 1 - a^2": sqrt(1 - a**2) - sqrt(1 - a) * sqrt(1 + a),
    "imaginary root": sqrt(a - 1) - sp.I * sqrt(1 - a),
    "numbers": sqrt(2) * sqrt(3) - sqrt(6),
    "rational power": (p * q) ** sp.Rational(2, 3) - p ** sp.Rational(2, 3) * q ** sp.Rational(2, 3),
    "roots of different degrees": sqrt(p) * p ** (x + sp.Rational(1, 3)) - p ** sp.Rational(5, 6) * p**x,
    "exponent sums": sp.exp(2 * x) - sp.exp(x) ** 2,
    "common denominator in the exponent": sp.exp(x / p + x / q) - sp.exp(x * (p + q) / (p * q)),
    "the number e": sp.exp(p / (p + q)) * sp.exp(q / (p + q)) - sp.E,
    "symbolic powers": p ** (x + 1) - p * p**x,
    "symbolic power of a product": ((1 - a) * (1 - b)) ** x - (1 - a) ** x * (1 - b) ** x,
    "circle": sp.sin(x) ** 2 + sp.cos(x) ** 2 - 1,
    "double angle": sp.sin(2 * x) - 2 * sp.sin(x) * sp.cos(x),
    "addition theorem": sp.cos(x + y) - sp.cos(x) * sp.cos(y) + sp.sin(x) * sp.sin(y),
    "tangent": sp.tan(x) * sp.cos(x) - sp.sin(x),
    "hyperbolas": sp.cosh(x) ** 2 - sp.sinh(x) ** 2 - 1,
    "tanh": sp.tanh(x) - (sp.exp(2 * x) - 1) / (sp.exp(2 * x) + 1),
    "sigmoids": 1 / (1 + sp.exp(-x)) + 1 / (1 + sp.exp(x)) - 1,
    "erf is odd": sp.erf(x - y) + sp.erf(y - x),
    "maximum and minimum": sp.Max(p, -q) - p + sp.Min(x, y) - sp.Min(y, x),
    "product rule": sp.diff(f(t) * g(t), t) - f(t) * sp.diff(g(t), t) - g(t) * sp.diff(f(t), t),
    "derivative at a point": sp.diff(f(x), x).subs(x, 2 * y) - sp.diff(f(y), y).subs(y, 2 * y),
    "arguments": f(sp.Mul(2, x + y, evaluate=False)) - f(2 * x + 2 * y),
    "linear integral": whole(2 * f(y) + x * g(y), y) - 2 * whole(f(y), y) - x * whole(g(y), y),
    "renamed bound variable": sp.Integral(f(y), (y, 0, 1)) - sp.Integral(f(z), (z, 0, 1)),
    "constant out of a sum": sp.Sum(x * f(i), (i, 1, n)) - x * sp.Sum(f(i), (i, 1, n)),
    "sum of ones": sp.Sum(x, (i, 1, n)) - n * x,
    "sum inside a sum": sp.Sum(f(i) * sp.Sum(g(i), (i, 1, n)), (i, 1, n))
    - sp.Sum(g(i), (i, 1, n)) * sp.Sum(f(i), (i, 1, n)),
    "log of an integral of a density": sp.log(whole(g(y), y) ** 2) - 2 * sp.log(whole(g(y), y)),
}  # fmt: skip

FALSE = {
    "sqrt of a real square": sqrt(x**2) - x,
    "log of a real square, halved": sp.log(x**2) - 2 * sp.log(x),
    "roots of real factors": sqrt(1 - x) * sqrt(1 - y) - sqrt((1 - x) * (1 - y)),
    "roots of opposite signs": sqrt(a - 1) - sqrt(1 - a),
    "root of a squared difference": sqrt((a - b) ** 2) - (a - b),
    "product in the exponent": sp.exp(x) * sp.exp(y) - sp.exp(x * y),
    "a difference of 1e-40": p * (1 + sp.Rational(1, 10**40)) - p,
    "a tiny exponential": sp.exp(-1000 * p),
    "wronskian": sp.diff(f(t), t) * g(t) - f(t) * sp.diff(g(t), t),
    "another argument": f(x) - f(y),
    "derivative at another point": sp.diff(f(x), x) - sp.diff(f(x), x).subs(x, y),
    "product of integrals": whole(f(y) * g(y), y) - whole(f(y), y) * whole(g(y), y),
    "bound variable pulled out": sp.Integral(x * f(x), (x, 0, 1)) - x * sp.Integral(f(x), (x, 0, 1)),
    "other limits": sp.Integral(f(y), (y, 0, 1)) - sp.Integral(f(y), (y, 0, 2)),
    "absolute value dropped": sp.Abs(x) - x,
    "a positive name as a variable over the whole line": whole(g(s) * sqrt(s**2), s) - whole(g(s) * s, s),
    "root of a squared bound variable": whole(g(y) * sqrt(y**2), y) - whole(g(y) * y, y),
    "sum of a product": sp.Sum(f(i) * g(i), (i, 1, n)) - sp.Sum(f(i), (i, 1, n)) * sp.Sum(g(i), (i, 1, n)),
    "sine of a sum": sp.sin(x + y) - sp.sin(x) - sp.sin(y),
    "maximum": sp.Max(x, y) - x,
    "complex exponential is not positive": sqrt(sp.exp(2 * sp.I * x)) - sp.exp(sp.I * x),
}

HIDDEN = sqrt(5 + 2 * sqrt(6)) - sqrt(2) - sqrt(3)  # zero
UNDEFINED = {
    "division by a hidden zero": 1 / sp.Add(p * (1 + q), -p, -p * q, evaluate=False) * x,
    "division by a zero that the ring does not see": (1 + x) / (HIDDEN + HIDDEN * x) - 1 / HIDDEN,
    "floating point": sp.Float(0.1) * p + sp.Float(0.2) * p - sp.Float(0.3) * p,
}


@pytest.mark.parametrize("pure", [False, True])
@pytest.mark.parametrize("name", TRUE)
def test_true_statements_are_proved(name: str, pure: bool) -> None:
    decision = decide_zero(TRUE[name], FACTS, pure)
    assert decision.zero, decision.why


@pytest.mark.parametrize("name", TRUE)
def test_true_statements_are_never_refuted(name: str) -> None:
    assert separate(TRUE[name], sp.Integer(0), FACTS) is None


@pytest.mark.parametrize("pure", [False, True])
@pytest.mark.parametrize("name", [*FALSE, *UNDEFINED])
def test_false_statements_are_never_proved(name: str, pure: bool) -> None:
    assert not decide_zero((FALSE | UNDEFINED)[name], FACTS, pure).zero


def test_most_false_statements_get_a_witness() -> None:
    """Those without one have no real value, or an integral over the whole line."""
    without = [name for name, e in FALSE.items() if separate(e, sp.Integer(0), FACTS) is None]
    assert set(without) <= {
        "log of a real square, halved", "roots of real factors", "roots of opposite signs",
        "product of integrals", "a positive name as a variable over the whole line",
        "root of a squared bound variable", "complex exponential is not positive",
    }  # fmt: skip


def test_both_rings_give_the_same_certificate() -> None:
    for e in [*TRUE.values(), *FALSE.values()]:
        assert decide_zero(e, FACTS) == decide_zero(e, FACTS, pure=True)


def test_bounds_are_named_not_hit_silently() -> None:
    many = sp.symbols("m1:60", real=True)
    decision = decide_zero(sp.Add(*many) ** 4 * sp.Add(*many) ** 4 - x, Facts())
    assert decision.zero is None
    assert "too large" in decision.why
    several = sp.symbols("m1:300", real=True)
    decision = decide_zero(sp.Add(*several), Facts())
    assert decision.zero is None
    assert "generators" in decision.why


def test_tied_roots_are_principal_roots() -> None:
    s, alpha = sp.symbols("s alpha", positive=True)
    facts = Facts({s: POSITIVE, alpha: UNIT}, {}, {s: (2, 1 - alpha**2)})
    assert decide_zero(s**2 + alpha**2 - 1, facts).zero
    assert decide_zero(s - sqrt(1 - alpha**2), facts).zero
    assert decide_zero(sp.log(alpha**2 / s**2) - 2 * sp.log(alpha) + 2 * sp.log(s), facts).zero
    assert decide_zero(s + sqrt(1 - alpha**2), facts).zero is False


def test_a_derivative_of_a_tied_root_is_not_taken_as_constant() -> None:
    s = sp.Symbol("s", positive=True)
    facts = Facts({s: POSITIVE, t: REAL}, {}, {s: (2, 1 + t**2)})
    assert decide_zero(sp.Derivative(s * t, t) - s, facts).zero is None
    assert separate(sp.Derivative(s * t, t), s, facts) is None


def test_circular_roots_are_refused() -> None:
    s, u = sp.symbols("s u", positive=True)
    facts = Facts({s: POSITIVE, u: POSITIVE}, {}, {s: (2, 1 + u), u: (2, 1 + s)})
    assert decide_zero(s - u, facts).zero is None


def test_declared_positive_quantities_open_roots_and_logs() -> None:
    gap = p - q
    facts = Facts({p: POSITIVE, q: POSITIVE}, {}, {}, [gap])
    statement = sqrt(gap * (p + q)) - sqrt(gap) * sqrt(p + q)
    assert decide_zero(statement, facts).zero
    assert not decide_zero(sqrt(gap * x) - sqrt(gap) * sqrt(x) + sqrt(gap**2) + gap, facts).zero
    assert not decide_zero(sqrt(gap**2) + gap, facts).zero
    assert decide_zero(sp.log(gap / p) - sp.log(gap) + sp.log(p), facts).zero


def test_signs() -> None:
    assert decide_sign(1 - a * b, FACTS) == (1, True)
    assert decide_sign(a**2 - 1, FACTS) == (-1, True)
    assert decide_sign(x**2 + y**2, FACTS) == (1, False)
    assert decide_sign(x**2 + p, FACTS) == (1, True)
    assert decide_sign(n - 1, FACTS) == (1, False)
    assert decide_sign(sp.pi - 3, FACTS) == (1, True)
    assert decide_sign(p - q, FACTS).value == 0
    assert decide_sign(x, FACTS).value == 0
    assert decide_sign(sp.exp(x) * (1 - a), FACTS) == (1, True)
    assert decide_sign(sp.exp(sp.I * x) ** 2, FACTS).value == 0


def test_denominators_of_uncertain_sign_are_conditions() -> None:
    decision = decide_zero((x**2 - y**2) / (x - y) - x - y, FACTS)
    assert decision.zero
    assert decision.conditions == ["not zero: x - y"]
    assert decide_zero((p**2 - q**2) / (p + q) - p + q, FACTS).conditions == []
