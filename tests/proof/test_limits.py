r"""Limits and expansions: the value is exact, and what is not certain is undecided by name."""

from __future__ import annotations

import mpmath
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.declared import scope_of
from tests.proof.statements import both, judged
from verify.language.errors import LanguageError
from verify.language.printer import latex
from verify.language.reader import read_formula
from verify.ledger.verdict import PROVED, REFUTED, SUPPORTED, UNDECIDED
from verify.meaning.errors import MeaningError
from verify.meaning.limits import Approach, limit_of, remainder_coefficients
from verify.meaning.reading import read_in

N, H = "$n$ : index", "$h$ : real"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (r"\lim_{n\to\infty}\frac{n+1}{2n} = \frac12", (N,)),
        (r"\lim_{h\to 0}\frac{e^{ah}-1}{h} = a", (H, "$a$ : real")),
        (r"\lim_{h\downarrow 0}\frac{1-\cos h}{h^2} = \frac12", ("$h$ : positive",)),
        (r"\lim_{t\to a}\frac{t^2-a^2}{t-a} = 2a", ("$t, a$ : real",)),
        (r"\lim_{x\to-\infty}\operatorname{sigmoid}(x) = 0", ("$x$ : real",)),
        (r"\lim_{x\to\infty}\arctan(x) = \frac{\pi}{2}", ("$x$ : real",)),
        (r"\lim_{h\to 0}\frac{f(t+h)-f(t)}{h} = f'(t)", (H, "$t$ : real", "$f(t)$ : function")),
    ],
)
def test_true_limits_are_proved(text: str, lines: tuple[str, ...]) -> None:
    assert judged(text, *lines)[0] == PROVED
    assert judged(text, *lines)[1] in (SUPPORTED, UNDECIDED)


def test_a_vector_limit_in_every_dimension() -> None:
    lines = ("$x, v$ : vector", H, "$f(x)$ : function")
    text = r"\lim_{h\to 0}\frac{f(x+hv)-f(x)}{h} = v\cdot\nabla f(x)"
    assert judged(text, *lines, dimensions="any") == (PROVED, SUPPORTED)


@pytest.mark.parametrize(
    ("text", "lines", "word"),
    [
        (r"\lim_{h\to 0}\frac{|h|}{h} = 1", (H,), "two sides"),
        (r"\lim_{n\to\infty}n^p = 0", (N, "$p$ : real"), "sign of the exponent"),
        (r"\lim_{n\to\infty}\log n = 0", (N,), "logarithm"),
        (r"\lim_{n\to\infty}\sum_{k=1}^{n}\frac{1}{k^2} = 1", (N, "$k$ : index"), "range grows"),
        (r"\lim_{h\to 0}\frac{1}{h} = \infty", (H,), "two sides"),
    ],
)
def test_what_is_not_certain_is_undecided(text: str, lines: tuple[str, ...], word: str) -> None:
    verdict, sampled = both(text, *lines)
    assert verdict.verdict == UNDECIDED and word in verdict.why
    assert sampled.verdict != SUPPORTED


def test_a_value_that_is_wrong_is_refuted_with_numbers() -> None:
    verdict, sampled = both(r"\lim_{n\to\infty}\left(1-\frac bn\right)^n = 1-b", N, "$b$ : positive")
    assert verdict.verdict == sampled.verdict == REFUTED
    assert verdict.witness["point"]


def test_infinite_limits_have_a_sign() -> None:
    assert judged(r"\lim_{n\to\infty}\sqrt n = \infty", N)[0] == PROVED
    assert judged(r"\lim_{n\to\infty}\sqrt n = -\infty", N)[0] == UNDECIDED


@pytest.mark.parametrize(
    "formula",
    [
        r"\lim_{h\to 0^+}h", r"\lim_{h\to 0^{-}}h", r"2\left(\lim_{n\to\infty}n^{-1}\right)", r"h+O(h^2)",
        r"n^{-1}+O(n^{-2})",
    ],
)
def test_the_printer_says_what_was_read(formula: str) -> None:
    scope = scope_of(N, H)
    node = read_formula(formula, scope)
    assert read_formula(latex(node), scope) == node


@pytest.mark.parametrize("formula", [r"\lim h", r"\lim_h h", r"\lim_{h\to 0}h+h", r"\lim_{u\to 0}h", r"O(h^{-1}+h)"])
def test_what_has_no_single_reading_is_refused(formula: str) -> None:
    with pytest.raises(LanguageError):
        read_formula(formula, scope_of(N, H))


@pytest.mark.parametrize("formula", [r"\lim_{n\to 0}n", r"n+O(n)", r"h+O(h^{-1})", r"\lim_{h\to\infty^+}h"])
def test_what_cannot_tend_there_is_an_error_of_input(formula: str) -> None:
    scope = scope_of(N, H, "dimensions: 1")
    node = read_formula(formula, scope)
    with pytest.raises(MeaningError):
        reading = read_in(scope, 1)
        reading.residuals(reading.value(node), sp.Integer(0), node.terms[-1] if hasattr(node, "terms") else None)


U = sp.Symbol("u", positive=True)


@st.composite
def expressions(draw: st.DrawFn, depth: int = 2) -> sp.Expr:
    """Expressions in u that stay finite, positive and real near u = 0."""
    if depth == 0:
        return draw(st.sampled_from((U, 2 * U, 1 + U, sp.Integer(2), sp.Rational(1, 3), 3 - U)))
    a, b = draw(expressions(depth - 1)), draw(expressions(depth - 1))
    return draw(st.sampled_from((
        a + b, a * b, sp.exp(-a), sp.log(1 + a), sp.sqrt(1 + a * b), 1 / (1 + a), (1 + a) ** b,
    )))  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(expressions(), st.integers(0, 3))
def test_every_coefficient_is_that_of_the_function(expression: sp.Expr, order: int) -> None:
    """f minus its own series up to the order is small of that order: measured in many digits."""
    evaluation = read_in(scope_of("dimensions: 1"), 1)._evaluation
    evaluation.facts.symbols[U] = "positive"
    way = Approach(U, sp.Integer(0), 1, 1)
    found = remainder_coefficients(evaluation, expression, [way], order + 1)
    with mpmath.workdps(60):
        value = sp.lambdify(U, expression, "mpmath")
        small = mpmath.mpf("1e-12")
        limit = limit_of(evaluation, expression, way)
        assert abs(value(small) - mpmath.mpf(sp.N(limit, 50))) < 1e-9
        if found == [0]:
            assert abs(value(small)) < mpmath.mpf("1e6") * small ** (order + 1)
