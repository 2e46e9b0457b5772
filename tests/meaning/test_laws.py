"""Laws that the symbolic reading keeps, on random formulas."""

from __future__ import annotations

import math

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.declared import scope_of
from tests.meaning.helpers import equal, residuals, value
from verify.language.reader import read_formula
from verify.meaning.errors import Unsupported
from verify.meaning.reading import read_in

SCALARS = scope_of(
    "$m, a, b, c$ : real",
    r"$v, \tau$ : positive",
    "$y$ : random with mean $m$ and variance $v$",
    r"$n \sim \mathcal{N}(a,\tau^2)$",
    "$x, u$ : vector",
    r"$z \sim \mathcal{N}(u,\tau^2 I)$",
    "$f(x), p(x)$ : positive function",
    "$g(x)$ : vector function",
)
FEW = settings(max_examples=20, deadline=None)

numbers = st.integers(-4, 4)
polynomials = st.lists(numbers, min_size=1, max_size=3)


def written(coefficients: list[int], name: str) -> str:
    return "+".join(f"({c}){name}^{{{k}}}" if k else f"({c})" for k, c in enumerate(coefficients))


@FEW
@given(polynomials, polynomials, numbers)
def test_the_mean_is_linear(first, second, factor):
    left = rf"\mathbb{{E}}[{written(first, 'y')}+({factor})({written(second, 'n')})+0y]"
    right = rf"\mathbb{{E}}[{written(first, 'y')}+0y]+({factor})\mathbb{{E}}[{written(second, 'n')}+0n]"
    assert equal(SCALARS, left, right)


@FEW
@given(numbers, numbers, numbers)
def test_the_variance_of_an_affine_function(a, b, c):
    assert equal(SCALARS, rf"\mathrm{{Var}}[({a})y+({b})n+({c})]", rf"({a})^2v+({b})^2\tau^2")


@pytest.mark.parametrize("order", range(1, 7))
def test_gaussian_moments(order):
    scope = scope_of(r"$\tau$ : positive", "$m$ : real", r"$n \sim \mathcal{N}(0,\tau^2)$")
    known = 0 if order % 2 else math.prod(range(1, order, 2))
    for dimension in (None, 1):
        assert equal(scope, rf"\mathbb{{E}}[n^{order}]", rf"{known}\tau^{order}", dimension)
    raw = "+".join(
        rf"({math.comb(order, k) * math.prod(range(1, k, 2))})m^{{{order - k}}}\tau^{k}"
        if k
        else f"m^{order}"
        for k in range(0, order + 1, 2)
    )
    assert equal(scope, rf"\mathbb{{E}}[(n+m)^{order}]", raw)


@pytest.mark.parametrize("half", [1, 2, 3])
def test_moments_of_the_length_of_a_standard_gaussian(half):
    """`E|z|^(2k) = d (d+2) ... (d+2k-2)`, for symbolic d and for each d."""
    scope = scope_of(r"$z \sim \mathcal{N}(0,I)$", "dimensions: any")
    for dimension in (None, 1, 2, 3):
        d = "d" if dimension is None else str(dimension)
        right = "".join(f"({d}+{2 * k})" for k in range(half))
        assert equal(scope, rf"\mathbb{{E}}\|z\|^{2 * half}", right, dimension)


VECTOR_FORMULAS = [
    r"\mathbb{E}\left[\|z\|^2\right]",
    r"\mathbb{E}\left[\|z-x\|^2\langle z,u\rangle\right]",
    r"\mathbb{E}\left[\langle z,x\rangle^2\right]",
    r"\mathbb{E}\left[\|z\|^4\right]",
    r"\Delta_x\mathcal{N}(x;u,\tau^2 I)",
    r"\nabla_x\cdot\left(x\|x-u\|^2\right)",
    r"\int\mathcal{N}(x;z,v I)\,\|x\|^2\,dx",
    r"\int\mathcal{N}(x;u,v I)\,\mathcal{N}(u;z,\tau^2 I)\,du",
    r"D_{\mathrm{KL}}\left(\mathcal{N}(x,vI)\,\middle\|\,\mathcal{N}(u,\tau^2 I)\right)",
    r"\mathrm{tr}\left(\nabla_x^2 \log\mathcal{N}(x;u,vI)\right)",
    r"\mathbb{E}\left[\langle z,x\rangle\, z\right]",
    r"\mathbb{E}\left[z z^\top\right]",
    r"\mathrm{Cov}[2z+x]",
    r"\nabla_x\mathcal{N}(x;u,vI)",
]


def in_components(symbolic, reading, components, name_vectors):
    """A Gram value with its inner products, vectors and d replaced by those of a components reading."""
    gram, explicit = reading._evaluation, components._evaluation
    values = {reading.dimension: components.dimension}
    for symbol, (left, right) in gram._pairs.items():
        if left.name in name_vectors and right.name in name_vectors:
            values[symbol] = explicit.inner(name_vectors[left.name], name_vectors[right.name])
    shape = gram.shape(symbolic)
    if shape == "scalar":
        return symbolic.subs(values)
    if shape == "vector":
        total = explicit.zero_vector()
        for atom, c in symbolic.terms:
            total = explicit.sum_of(total, explicit.scale(c.subs(values), name_vectors[atom.name]))
        return total
    total = explicit.scale(symbolic.scale.subs(values), explicit.identity())
    for (left, right), c in symbolic.outer:
        square = explicit.outer(name_vectors[left.name], name_vectors[right.name])
        total = explicit.sum_of(total, explicit.scale(c.subs(values), square))
    return total


@pytest.mark.parametrize("formula", VECTOR_FORMULAS)
@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_symbolic_d_agrees_with_components(formula, dimension):
    tree = read_formula(formula, SCALARS)
    reading, components = read_in(SCALARS, None), read_in(SCALARS, dimension)
    vectors = {name: components.value(read_formula(name, SCALARS)) for name in "xuz"}
    moved = in_components(reading.value(tree), reading, components, vectors)
    for part in components.residuals(moved, components.value(tree)):
        assert sp.simplify(part) == 0


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_product_rules(dimension):
    assert equal(SCALARS, r"\nabla_x(f(x)p(x))", r"f(x)\nabla_x p(x)+p(x)\nabla_x f(x)", dimension)
    assert equal(
        SCALARS, r"\nabla_x\cdot(f(x)g(x))", r"f(x)\nabla_x\cdot g(x)+g(x)\cdot\nabla_x f(x)", dimension
    )
    assert equal(
        SCALARS, r"\Delta_x p(x)", r"p(x)\left(\Delta_x\log p(x)+\|\nabla_x\log p(x)\|^2\right)", dimension
    )
    assert not equal(SCALARS, r"\Delta_x p(x)", r"p(x)\Delta_x\log p(x)", dimension)


@FEW
@given(st.integers(0, 5), st.integers(-3, 3), st.integers(-3, 3))
def test_integrals_of_polynomials(power, lower, upper):
    scope = scope_of("$s$ : real")
    found = value(scope, rf"\int_{{{lower}}}^{{{upper}}} s^{power}\,ds")
    assert found == sp.Rational(upper ** (power + 1) - lower ** (power + 1), power + 1)


def test_equality_in_law():
    scope = scope_of(
        "$x$ : vector",
        r"$\sigma, \tau$ : positive",
        r"$u \sim \mathcal{N}(0,I)$",
        r"$z \sim \mathcal{N}(0,I)$",
    )
    reading = read_in(scope, None)

    def law(left: str, right: str) -> bool:
        sides = [reading.value(read_formula(side, scope)) for side in (left, right)]
        return all(sp.simplify(part) == 0 for part in reading.law_residuals(*sides))

    assert law(r"x+\sigma u+\tau z", r"x+\sqrt{\sigma^2+\tau^2}\,u")
    assert not law(r"x+\sigma u+\tau z", r"x+(\sigma+\tau)u")
    assert not law(r"x+\sigma u+\tau u", r"x+\sqrt{\sigma^2+\tau^2}\,u")
    with pytest.raises(Unsupported):
        law(r"\|u\|^2 x", "x")


def test_minimisation_offers_gradient_and_curvature():
    scope = scope_of("$c, a$ : real", "$x, y$ : vector", r"$\sigma$ : positive")
    for dimension in (None, 2):
        reading = read_in(scope, dimension)
        objective = reading.value(read_formula(r"\sigma\|x-y\|^2+\|x\|^2", scope))
        assert (
            sp.expand(
                reading.second_derivative_in(objective, "x")
                - 2 * reading.value(read_formula(r"\sigma+1", scope))
            )
            == 0
        )
        skewed = reading.value(read_formula(r"\langle x,y\rangle^2", scope))
        with pytest.raises(Unsupported):
            reading.second_derivative_in(skewed, "x")
    reading = read_in(scope, 1)
    objective = reading.value(read_formula("(c-a)^2", scope))
    assert reading.second_derivative_in(objective, "c") == 2


def test_equations_hold_at_every_argument():
    scope = scope_of(
        "$x$ : vector",
        "$t, s$ : real",
        "$p(x,t)$ : positive function",
        r"$\partial_t p(x,t) = \Delta_x p(x,t)$ : equation",
    )
    assert equal(scope, r"\partial_t p(x,t)", r"\Delta_x p(x,t)", 2)
    assert equal(scope, r"\frac{\mathrm{d}}{\mathrm{d}s}p(x,s^2)", r"2s\Delta_x p(x,s^2)", 2)
    assert equal(scope, r"\partial_t^2 p(x,t)", r"\Delta_x\Delta_x p(x,t)", 1)
    assert not equal(scope, r"\frac{\mathrm{d}}{\mathrm{d}s}p(x,s^2)", r"\Delta_x p(x,s^2)", 2)


def test_equations_hold_along_a_curve():
    scope = scope_of(
        "$x$ : vector",
        "$t$ : real",
        r"$\sigma$ : positive",
        r"$q(x,\sigma)$ : positive function",
        r"$r(t)$ : positive function",
        r"$\partial_\sigma q(x,\sigma) = \sigma\Delta_x q(x,\sigma)$ : equation",
    )
    assert equal(scope, r"\frac{\mathrm{d}}{\mathrm{d}t}q(x,r(t))", r"\dot r(t)r(t)\Delta_x q(x,r(t))", 2)


def test_the_limit_of_an_integral_does_not_move_without_its_tied_roots():
    scope = scope_of(
        "$t$ : positive",
        "$s$ : positive",
        r"$\sigma$ : positive",
        r"$\sigma^2 = t$ : relation",
        "$f(t)$ : function",
    )
    _, (residual,) = residuals(scope, r"\sigma\int_0^t f(s)\,ds", r"\int_0^t\sigma f(s)\,ds")
    assert residual == 0
