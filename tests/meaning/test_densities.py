"""Undefined densities: Bayes, Fubini, laws that must be laws, boundary fields by name, values at a point."""

from __future__ import annotations

from typing import Any

import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from verify.language.document import read_document
from verify.ledger.verdict import PROVED, REFUTED, UNDECIDED
from verify.meaning.functional import ordered_integrals, primitive
from verify.running.tasks import prove_step

X, Y = sp.symbols("x y", real=True)


def judged(declarations: str, formula: str) -> dict[str, Any]:
    """The proof verdict of one formula."""
    items = "\n".join(f"- {line}" for line in declarations.split("\n"))
    text = f"/// claim | test.one\n    title: one\n    slogan: one\n\n{items}\n\n$$\n{formula}\n$$\n///\n"
    document = read_document(text, "test.md")
    assert not document.errors, str(document.errors[0])
    ((left, right),) = document.claims[0].chains
    return prove_step(left.expression, right, document.claims[0].scope)


CHAIN = r"""$x_0, x_1, x_2$ : vector
$q(x_0)$ : density
$q(x_1|x_0)$ : density
$q(x_2|x_1)$ : density
$q(x_2|x_0) = \int q(x_2|x_1)q(x_1|x_0)\,\mathrm{d}x_1$
dimensions: 1, 2"""


def test_a_conditional_density_is_defined_beside_declared_ones() -> None:
    assert judged(CHAIN, r"\int q(x_2|x_0)\,\mathrm{d}x_2 = 1")["verdict"] == PROVED
    assert judged(CHAIN, r"\int q(x_2|x_0)\,\mathrm{d}x_0 = 1")["verdict"] != PROVED


def test_the_order_of_integration_does_not_matter() -> None:
    left = r"\iint x_2\cdot x_0\,q(x_0)q(x_1|x_0)\,\mathrm{d}x_0\,\mathrm{d}x_1"
    right = r"\iint x_2\cdot x_0\,q(x_0)q(x_1|x_0)\,\mathrm{d}x_1\,\mathrm{d}x_0"
    assert judged(CHAIN, f"{left} = {right}")["verdict"] == PROVED
    assert judged(CHAIN, f"{left} = 2{right}")["verdict"] != PROVED


def test_a_law_that_is_none_is_named() -> None:
    found = judged("$x$ : real\n$p(x)$ : density\n$m(x) = 2p(x)$\ndimensions: 1", r"\mathbb{E}_{x\sim m}[1] = 1")
    assert found["verdict"] == UNDECIDED
    assert "m is no law of x: it integrates to 2, not to 1" in found["why"]


def test_a_defined_law_that_integrates_to_one_is_a_law() -> None:
    scope = "$x$ : real\n$p(x), r(x)$ : density\n$w$ : (0,1)\n$m(x) = w p(x)+(1-w)r(x)$\ndimensions: 1"
    formula = r"\mathbb{E}_{x\sim m}[x] = w\mathbb{E}_{x\sim p}[x]+(1-w)\mathbb{E}_{x\sim r}[x]"
    assert judged(scope, formula)["verdict"] == PROVED


def test_a_missing_boundary_field_is_named() -> None:
    scope = "$x$ : real\n$p(x)$ : density\n$s(x)$ : function\ndimensions: 1"
    formula = r"\int s(x)\partial_xp(x)\,\mathrm{d}x = -\int p(x)\partial_xs(x)\,\mathrm{d}x"
    found = judged(scope, formula)
    assert found["verdict"] == UNDECIDED
    assert "of p(x)*s(x)" in found["why"]
    assert judged(scope + "\nboundary: $p s$", formula)["verdict"] == PROVED


def test_divergences_of_general_densities() -> None:
    scope = "$x, y$ : real\n$p(x), r(x)$ : density\n$q(y|x)$ : density\n$s$ : positive\ndimensions: 1"
    mean = r"D_{\mathrm{KL}}(p\,\|\,r) = \mathbb{E}_{x\sim p}\left[\log\frac{p(x)}{r(x)}\right]"
    assert judged(scope, mean)["verdict"] == PROVED
    gauss = r"D_{\mathrm{KL}}(p\,\|\,\mathcal{N}(0,s)) = \int p(x)\log p(x)\,\mathrm{d}x"
    added = gauss + r"+\frac12\log(2\pi s)+\frac{1}{2s}\int x^2p(x)\,\mathrm{d}x"
    assert judged(scope, added)["verdict"] == PROVED
    assert judged(scope, gauss)["verdict"] != PROVED
    assert "one variable is needed" in judged(scope, r"D_{\mathrm{KL}}(p(x)\,\|\,q(y|x)) = 0")["why"]


def test_a_name_bound_to_another_name_does_not_move_with_it() -> None:
    assert judged("$a, x$ : real\n$F(x) = \\partial_x(x^2a)$", "F(a) = 2a^2")["verdict"] == PROVED
    assert judged("$a, x$ : real\n$F(x) = \\partial_x(x^2a)$", "F(a) = 3a^2")["verdict"] == REFUTED


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(-4, 4), min_size=1, max_size=5), st.integers(-3, 3), st.integers(1, 3))
def test_a_derivative_at_a_point_is_taken_first(coefficients: list[int], place: int, order: int) -> None:
    s = sp.Symbol("s")
    body = sum((c * s**k for k, c in enumerate(coefficients)), sp.Integer(0))
    value = sp.diff(body, s, order).subs(s, place)
    written = "+".join(f"({c})s^{k}" for k, c in enumerate(coefficients))
    formula = rf"\left.\partial_s^{order}\left({written}\right)\right|_{{s={place}}} = "
    assert judged("$s$ : real", formula + str(value))["verdict"] == PROVED
    assert judged("$s$ : real", formula + str(value + 1))["verdict"] == REFUTED


def jets() -> st.SearchStrategy[sp.Expr]:
    """Products of two undefined functions, their derivatives and logarithms."""
    p, u = sp.Function("p", positive=True)(X), sp.Function("u", real=True)(X)
    return st.sampled_from([p, u, sp.log(p), X, p.diff(X), u.diff(X), u.diff(X, 2), u**2])


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(jets(), jets(), st.integers(-3, 3)), min_size=1, max_size=3))
def test_a_primitive_has_the_derivative_it_was_found_for(terms: list[tuple[sp.Expr, sp.Expr, int]]) -> None:
    integrand = sp.diff(sp.Add(*[c * a * b for a, b, c in terms]), X)
    found = primitive(integrand, X)
    if found is not None:
        assert sp.expand(sp.diff(found, X) - integrand) == 0


def test_what_is_no_derivative_has_no_primitive() -> None:
    u = sp.Function("u", real=True)(X)
    assert primitive(u.diff(X) ** 2, X) is None
    assert primitive(u, X) is None


def test_one_order_is_chosen_for_nested_integrals() -> None:
    f = sp.Function("f", real=True)
    line = (-sp.oo, sp.oo)
    first = sp.Integral(f(X, Y), (X, *line), (Y, *line))
    second = sp.Integral(f(Y, X), (X, *line), (Y, *line))
    assert ordered_integrals(first, 1) == ordered_integrals(second, 1)
    half = sp.Integral(f(X, Y), (X, *line), (Y, 0, sp.oo))
    assert ordered_integrals(half, 1) == half
