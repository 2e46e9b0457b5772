r"""Readings that look harmless and would make a false step pass."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys

import pytest
import sympy as sp

from tests.declared import scope_of
from tests.meaning.helpers import equal, residuals, value
from verify.language.declare import declare
from verify.language.reader import read_formula
from verify.language.tree import Call, Dotted, Name, Number
from verify.meaning.errors import MeaningError, Unsupported
from verify.meaning.reading import read_in


def refused(kind: type[Exception], words: str, scope, formula: str, dimension: int | None = 1) -> None:
    with pytest.raises(kind) as caught:
        value(scope, formula, dimension)
    assert words in caught.value.message


# ---------------------------------------------------------------- dots and primes

CURVE = scope_of(r"$t, \xi$ : positive", r"$\alpha(t)$ : positive function")


def test_a_dot_at_a_number_is_not_zero():
    assert value(CURVE, r"\dot\alpha(0)") != 0
    assert not equal(CURVE, r"\dot\alpha(0)", "0")


def test_a_dot_under_an_integral_is_the_derivative_of_the_function():
    assert not equal(CURVE, r"\int_0^t \dot\alpha(\xi)\,d\xi", "0")
    reading, (residual,) = residuals(CURVE, r"\int_0^t \dot\alpha(\xi)\,d\xi", r"\alpha(t)-\alpha(0)")
    assert sp.simplify(residual.doit()) == 0


def test_a_dot_at_another_argument_is_no_time_derivative():
    assert not equal(CURVE, r"\dot\alpha(2t)", r"\frac{\mathrm{d}}{\mathrm{d}t}\alpha(2t)")
    assert equal(CURVE, r"2\dot\alpha(2t)", r"\frac{\mathrm{d}}{\mathrm{d}t}\alpha(2t)")


def test_a_dot_of_a_defined_function_is_worked_out_then_evaluated():
    scope = scope_of("$t$ : real", r"$\sigma(t)$ : function", r"$\sigma(t) = t^3$")
    assert value(scope, r"\dot\sigma(2)") == 12
    assert value(scope, r"\ddot\sigma(2)") == 12
    assert equal(scope, r"\sigma'(-t)", "3t^2")


def test_a_dot_in_a_positive_parameter_at_a_negative_place():
    scope = scope_of("$t$ : positive", "$f(t)$ : function", r"$f(t) = \sqrt{t^2}$")
    assert value(scope, r"f'(-1)") == -1


def test_a_dot_needs_a_time():
    scope = scope_of("$x, y$ : real", "$f(x,y)$ : function")
    tree = Dotted(Call("f", (Name("x"), Name("y"))))
    with pytest.raises(MeaningError):
        read_in(scope, 1).value(tree)


# ---------------------------------------------------------------- definitions

NESTED = scope_of(
    "$t, u$ : real",
    "$f(t,u), f_t(t,u)$ : function",
    "$y(t)$ : function",
    r"$f_t(t,u) = \partial_t f(t,u)$",
)


def test_a_definition_with_a_derivative_called_elsewhere():
    assert not equal(NESTED, "f_t(t,y(t))", r"\frac{\mathrm{d}}{\mathrm{d}t} f(t,y(t))")
    assert not value(NESTED, "f_t(t,y(t))").has(
        sp.Derivative(sp.Function("y", real=True)(sp.Symbol("t", real=True)))
    )
    assert value(NESTED, "f_t(3,y(t))") != 0


def test_an_argument_is_not_captured_by_a_derivative():
    scope = scope_of(
        "$x, u$ : real",
        "$f(x,u), g(x,u)$ : function",
        r"$g(x,u) = \partial_x f(x,u)$",
    )
    assert not equal(scope, "g(x,x)", r"\frac{\mathrm{d}}{\mathrm{d}x} f(x,x)")
    assert not equal(scope, "g(x,x^2)", r"\frac{\mathrm{d}}{\mathrm{d}x} f(x,x^2)")
    assert equal(scope, r"\frac{\mathrm{d}}{\mathrm{d}x} f(x,2u)", "g(x,2u)")
    assert not equal(scope, "g(u,x)", "g(x,u)")


def test_a_gradient_in_a_definition_called_elsewhere():
    scope = scope_of("$x, y$ : vector", "$g(x)$ : vector function", r"$g(x) = \nabla_x \|x\|^2$")
    for dimension in (None, 1, 2):
        assert equal(scope, "g(3y)", "6y", dimension)


def test_bound_variables_do_not_capture_arguments():
    scope = scope_of(
        "$s, t, u$ : positive",
        r"$\beta(t)$ : positive function",
        "$B(t)$ : function",
        r"$B(t) = \int_0^t \beta(u)\,\beta(t)\,du$",
    )
    assert equal(scope, "B(u)", r"\beta(u)\int_0^u\beta(s)\,ds")
    assert not equal(scope, "B(u)", r"\int_0^u\beta(s)^2\,ds")


def test_a_sum_in_a_definition_does_not_capture_the_index_of_its_argument():
    scope = scope_of(
        "$N$ : count",
        "$i$ : index from $1$ to $N$",
        "$j$ : index from $1$ to $N$",
        "$a$ : sequence in real",
        "$x$ : real",
        "$S(x)$ : function",
        r"$S(x) = \sum_{i=1}^{N} x\,a_i$",
    )
    assert equal(
        scope, r"\sum_{i=1}^{N} S(a_i)", r"\left(\sum_{i=1}^{N} a_i\right)\left(\sum_{j=1}^{N} a_j\right)"
    )
    assert not equal(scope, r"\sum_{i=1}^{N} S(a_i)", r"\sum_{i=1}^{N} N a_i^2")


def test_renamed_bound_variables_are_the_same_integral():
    scope = scope_of("$s, t, u$ : positive", r"$\beta(t)$ : function")
    assert equal(scope, r"\int_0^t\beta(s)\,ds", r"\int_0^t\beta(u)\,du")


def test_a_definition_through_itself_is_refused():
    scope = scope_of("$x$ : real", "$y$ : real")
    scope.put(scope.get("y").__class__("y", definition=Name("y")))
    refused(MeaningError, "through itself", scope, "y+x")


# ---------------------------------------------------------------- names


def test_derivative_in_a_tied_or_a_defined_name_is_refused():
    scope = scope_of(
        r"$\alpha$ : (0,1)", r"$\sigma$ : positive", r"$\sigma^2 = 1-\alpha^2$ : relation", r"$b = 2\alpha$"
    )
    refused(MeaningError, "tied", scope, r"\partial_\sigma \sigma^2")
    refused(MeaningError, "defined", scope, r"\partial_b b^2")
    assert equal(scope, r"\partial_\alpha\sigma", r"-\frac{\alpha}{\sigma}")


def test_derivative_in_an_integer_is_refused():
    scope = scope_of("$n$ : count", "$x$ : positive")
    refused(MeaningError, "integer", scope, r"\partial_n x^n")


def test_derivative_of_a_plain_name_with_that_subscript_is_refused():
    scope = scope_of("$t$ : real", r"$\alpha_t$ : positive", "$x_t$ : vector")
    refused(MeaningError, "function", scope, r"\frac{\mathrm{d}}{\mathrm{d}t}\alpha_t^2")


def test_names_that_read_alike_stay_apart():
    scope = scope_of(r"$\alpha, \bar\alpha, \hat\alpha, a_{1}, a_{i+1}, a_{ip1}$ : real")
    reading = read_in(scope, 1)
    symbols = [reading.value(Name(d.key)) for d in scope]
    assert len(set(symbols)) == len({s.name for s in symbols}) == len(symbols)


def test_bound_symbols_are_not_free_ones():
    scope = scope_of("$x$ : vector", "$p(x)$ : positive function")
    integral = value(scope, r"\int p(x)\,dx")
    assert not integral.free_symbols
    assert not equal(scope, r"\int p(x)\,\|x\|\,dx", r"\|x\|\int p(x)\,dx")


def test_the_dimension_is_a_positive_integer():
    scope = scope_of("dimensions: any", "$x$ : vector")
    reading = read_in(scope, None)
    dimension = reading.value(read_formula(r"\nabla\cdot x", scope))
    assert dimension.is_integer and dimension.is_positive
    assert value(scope, r"\nabla\cdot x", 3) == 3


def test_a_sequence_keeps_its_subscript():
    scope = scope_of("$t$ : index", r"$\alpha$ : sequence in (0,1)", "$u$ : real")
    assert not equal(scope, r"\alpha_t", r"\alpha_{t-1}")
    refused(MeaningError, "integer", scope, r"\alpha_{u}")
    with pytest.raises(MeaningError):
        read_in(scope, 1).value(Call(r"\alpha_{.}"))


# ---------------------------------------------------------------- vectors

VECTORS = scope_of("$x, y$ : vector", "$a$ : real", r"$\sigma$ : positive")


@pytest.mark.parametrize("dimension", [None, 1, 2])
@pytest.mark.parametrize(
    ("formula", "words"),
    [
        ("x^2", r"\|x\|^2"),
        ("x+a", "cannot add a vector and a scalar"),
        ("a-x", "cannot add"),
        (r"\mathcal{N}(x;y,\sigma^2)", r"\sigma^2 I"),
        (r"\mathcal{N}(a;0,\sigma^2 I)", "scalar"),
        (r"\mathcal{N}(x;y,-\sigma^2 I)", "not positive"),
        (r"\frac{a}{x}", "scalar is expected"),
        (r"\log x", "scalar is expected"),
        (r"\partial_x a", "nabla"),
        (r"\frac{a}{\sigma-\sigma}", "division by zero"),
        (r"\log(\sigma-\sigma)", "zero"),
    ],
)
def test_shapes_are_refused_in_words(dimension, formula, words):
    refused(MeaningError, words, VECTORS, formula, dimension)


def test_a_product_of_two_vectors_is_refused():
    refused(MeaningError, "product of two vectors", VECTORS, r"x\,y")


@pytest.mark.parametrize("dimension", [None, 2])
def test_unlike_sides_name_both_shapes(dimension):
    with pytest.raises(MeaningError, match="the left side is a vector, the right side a scalar"):
        residuals(VECTORS, "x", r"\|x\|", dimension)


# ---------------------------------------------------------------- random variables

RANDOM = scope_of(
    "$y$ : random with mean $m$ and variance $v$",
    "$n$ : random with mean $0$ and variance $s^2$",
    "$m, a$ : real",
    "$v, s$ : positive",
)


def test_two_moments_and_no_more():
    assert equal(RANDOM, r"\mathbb{E}[y^2]", "m^2+v")
    refused(Unsupported, "first 2 moments of y", RANDOM, r"\mathbb{E}[y^3]")
    assert equal(RANDOM, r"\mathbb{E}[y^2n^2]", "(m^2+v)s^2")
    refused(Unsupported, "first 2 moments", RANDOM, r"\mathbb{E}[e^{y}]")


def test_declared_scalars_are_independent_but_not_of_themselves():
    assert equal(RANDOM, r"\mathrm{Var}[y+n]", "v+s^2")
    assert equal(RANDOM, r"\mathrm{Var}[y+y]", "4v")
    assert not equal(RANDOM, r"\mathrm{Var}[y+y]", "2v")


def test_an_expectation_of_nothing_random_is_refused():
    refused(MeaningError, "random", RANDOM, r"\mathbb{E}[a^2]")


@pytest.mark.parametrize("dimension", [None, 1, 2])
def test_moments_beyond_two_of_an_unknown_vector_are_counted_over_components(dimension):
    scope = scope_of("$s$ : positive", "$u, z$ : vector", r"$z \sim \mathcal{N}(0,s^2 I)$")
    scope.put(
        scope.get("z").__class__("z", "random", "vector", mean=Number("0"), variance=scope.get("z").variance)
    )
    assert equal(scope, r"\mathbb{E}\|z\|^2", "s^2d" if dimension is None else f"{dimension}s^2", dimension)
    refused(Unsupported, "moments", scope, r"\mathbb{E}\|z\|^4", dimension)
    if dimension == 2:
        refused(Unsupported, "moments", scope, r"\mathbb{E}\left[\|z\|^2\langle z,u\rangle\right]", dimension)


def test_the_variance_of_a_vector_is_refused():
    scope = scope_of("$s$ : positive", r"$z \sim \mathcal{N}(0,s^2 I)$")
    for dimension in (None, 2):
        refused(MeaningError, "Cov", scope, r"\mathrm{Var}[z]", dimension)
        assert equal(scope, r"\mathrm{Cov}[2z]", "4s^2 I", dimension)


def test_a_positive_name_cannot_be_gaussian():
    scope = scope_of(r"$\sigma$ : positive")
    refused(MeaningError, "Gaussian", scope, r"\mathbb{E}_{\sigma\sim\mathcal{N}(0,1)}[\sigma]")


def test_a_law_that_is_no_density_is_refused():
    scope = scope_of("$x$ : vector", "$f(x)$ : positive function", "$q(x)$ : density")
    refused(MeaningError, "density", scope, r"\mathbb{E}_{x\sim f}[\|x\|^2]")
    assert equal(scope, r"\mathbb{E}_{x\sim q}[1]", "1", 2)


def test_a_law_without_arguments_is_taken_at_the_variable_of_the_expectation():
    scope = scope_of("$x, y$ : vector", "$q(x)$ : density")
    assert equal(scope, r"\mathbb{E}_{y\sim q}[\|y\|^2]", r"\mathbb{E}_{x\sim q}[\|x\|^2]", 2)
    refused(Unsupported, "converge", scope, r"q(x)\int\|y\|^2\,dy", 2)


def test_laws_are_averaged_from_the_last_to_the_first():
    scope = scope_of("$x, a$ : real", r"$\tau$ : positive", r"$y$ : random with mean $a$ and variance $\tau$")
    assert equal(scope, r"\mathbb{E}_{y,x\sim\mathcal{N}(y,1)}[x]", "a")
    refused(MeaningError, "before", scope, r"\mathbb{E}_{x\sim\mathcal{N}(y,1),y}[x]")


def test_logarithms_open_only_over_positive_factors():
    scope = scope_of("$a, b$ : real", r"$\sigma, \tau$ : positive")
    assert equal(scope, r"\log(\sigma\tau)", r"\log\sigma+\log\tau")
    assert not equal(scope, r"\log(a b)", r"\log a+\log b")
    assert not equal(scope, r"\log a^2", r"2\log a")


# ---------------------------------------------------------------- sums, integrals, sizes


def test_ranges_of_sums():
    scope = scope_of(
        "$N$ : count", "$i$ : index from $1$ to $N$", "$k$ : index", "$a$ : sequence in real", "$x$ : real"
    )
    assert value(scope, r"\sum_{k=1}^{3} k^2") == 14
    assert equal(scope, r"\sum_i 1", "N")
    refused(MeaningError, "backwards", scope, r"\sum_{k=3}^{1} a_k")
    refused(MeaningError, "range", scope, r"\sum_k a_k")
    refused(MeaningError, "integer", scope, r"\sum_{k=1}^{x} a_k")
    refused(MeaningError, "integer", scope, r"\prod_{k=1}^{\frac{1}{2}} a_k")


def test_the_last_factors_are_split_off_only_where_they_exist():
    scope = scope_of("$t, s$ : index", r"$\alpha$ : sequence in (0,1)")
    assert equal(scope, r"\prod_{s=1}^{t}\alpha_s", r"\alpha_t\prod_{s=1}^{t-1}\alpha_s")
    assert not equal(scope, r"\prod_{s=1}^{t}\alpha_s", r"\alpha_t\alpha_{t-1}\prod_{s=1}^{t-2}\alpha_s")


def test_a_bound_variable_is_as_positive_as_its_limits():
    scope = scope_of("$s$ : positive", "$f(s)$ : function")
    assert not equal(scope, r"\int_{-1}^{1}\sqrt{s^2}f(s)\,ds", r"\int_{-1}^{1}s f(s)\,ds")
    assert equal(scope, r"\int_{0}^{1}\sqrt{s^2}f(s)\,ds", r"\int_{0}^{1}s f(s)\,ds")


def test_an_integral_that_diverges_is_refused():
    scope = scope_of("$x$ : vector", r"$\sigma$ : positive", "$a$ : real")
    for dimension in (None, 2):
        refused(Unsupported, "converge", scope, r"\int e^{\|x\|^2/\sigma}\,dx", dimension)
    reading = read_in(scope, None)
    reading.value(read_formula(r"\int e^{-a\|x\|^2}\,dx", scope))
    assert reading.conditions == ["integral converges: 2*a > 0"]
    assert len(reading.obligations) == 1


@pytest.mark.parametrize(
    "formula",
    [r"9^{9^{9^9}}", r"(x+y)^{65}", r"(9^{60})^{60}", r"(a+b+x+y+u+v+w)^{60}", r"2^{1000000}", r"9^{9^{9}}"],
)
def test_huge_powers_are_refused(formula):
    scope = scope_of("$a, b, x, y, u, v, w$ : real")
    refused(Unsupported, "large", scope, formula) if "9" in formula or "65" in formula else refused(
        Unsupported, "", scope, formula
    )


# ---------------------------------------------------------------- expansions

SMALL = scope_of("$h, x$ : real", r"$\sigma$ : positive", "$f(x)$ : function")


def test_orders():
    assert equal(SMALL, r"f(x+h)", r"f(x)+h f'(x)+O(h^2)")
    assert not equal(SMALL, r"f(x+h)", r"f(x)+h f'(x)+O(h^3)")
    assert not equal(SMALL, r"f(x+h)", r"f(x)-h f'(x)+O(h^2)")


@pytest.mark.parametrize("left", [r"\sqrt{h^5}", r"\max(h,0)", r"\log h", r"\sin\left(\frac{1}{h}\right)"])
def test_what_is_not_smooth_at_zero_has_no_order(left):
    with pytest.raises(Unsupported):
        residuals(SMALL, left, "O(h^3)")


@pytest.mark.parametrize(
    "left, right",
    [(r"|h|", "O(h^3)"), (r"|h|", "h+O(h^3)"), (r"|h|^3", "h^3+O(h^4)"), (r"\frac{1}{h}", "O(h^3)"),
     (r"e^{-\frac{1}{h}}", "O(h^3)"), (r"e^{-\frac{1}{h}}", r"O(h)")],
)  # fmt: skip
def test_an_order_holds_on_both_sides_of_zero(left, right):
    with contextlib.suppress(Unsupported):  # not decided is not proved
        assert not equal(SMALL, left, right)


def test_what_falls_faster_than_every_power_has_every_order():
    assert equal(SMALL, r"e^{-\frac{1}{h^2}}", "O(h^3)")


def test_the_right_side_cannot_know_more_than_the_left():
    for right in (r"\sigma+O(h^3)", r"\sigma"):
        with pytest.raises(MeaningError, match="only"):
            residuals(SMALL, r"\sigma+O(h^2)", right)
    refused(MeaningError, "term of the whole side", SMALL, r"2O(h^2)")


# ---------------------------------------------------------------- determinism

PROGRAM = """
from tests.declared import scope_of
from tests.meaning.helpers import residuals
scope = scope_of("$x, y$ : vector", r"$\\sigma, \\tau$ : positive", "$a, b$ : real", "$f(x)$ : function")
for dimension in (None, 2):
    reading, parts = residuals(
        scope, r"\\int e^{-a\\|x\\|^2-b\\langle x,y\\rangle}\\mathcal{N}(x;y,\\sigma^2 I)\\,dx", "0", dimension
    )
    print(parts, reading.conditions, reading.obligations, list(reading.facts.symbols.items()))
_, parts = residuals(scope, r"\\Delta_x\\left(f(x)e^{\\|x-y\\|^2}\\right)", "0", 2)
print(parts)
"""


def test_nothing_depends_on_the_hash_seed():
    answers = [
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in "012"
    ]
    assert answers[0] and len(set(answers)) == 1


def test_conditions_keep_their_order():
    scope = declare([(line, 0) for line in ("$x$ : real", "$a, b, c$ : real")])
    reading = read_in(scope, 1)
    reading.value(read_formula(r"\int e^{-a x^2}dx+\int e^{-c x^2}dx+\int e^{-b x^2}dx", scope))
    assert reading.conditions == [f"integral converges: 2*{name} > 0" for name in "acb"]
