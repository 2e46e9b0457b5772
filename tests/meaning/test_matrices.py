r"""Matrices of declared shape: what is read, what is refused, and when a matrix may be taken diagonal."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.declared import scope_of
from tests.meaning.helpers import equal, value
from verify.language.errors import LanguageError
from verify.language.printer import latex
from verify.language.reader import read_formula
from verify.ledger.verdict import PROVED, REFUTED, UNDECIDED
from verify.meaning.bases import diagonal_matrix
from verify.meaning.errors import MeaningError
from verify.meaning.reading import read_in
from verify.proof.step import judge_step

SCOPE = scope_of(
    r"$A, B$ : matrix", r"$S$ : symmetric matrix", r"$C$ : positive semidefinite matrix",
    r"$\Sigma, \Sigma_1$ : positive definite matrix", r"$x, \mu$ : vector", r"$\sigma$ : positive",
)  # fmt: skip


def judged(left: str, right: str, scope=SCOPE):
    return judge_step(read_formula(left, scope), read_formula(right, scope), scope)


# ---------------------------------------------------------------- declarations


@pytest.mark.parametrize(
    "line, words",
    [
        (r"$M$ : positive matrix", "positive definite"),
        (r"$M$ : symmetric vector", "only a matrix"),
        (r"$M$ : random matrix", "random matrix is not read"),
        (r"$M = 2I$ : positive definite matrix", "follows from its formula"),
    ],
)
def test_words_that_do_not_fit_together(line, words):
    with pytest.raises(LanguageError) as caught:
        scope_of(line)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "words", ["positive definite matrix", "positive-definite matrix", "symmetric positive definite matrix"]
)
def test_spellings_of_definite(words):
    assert scope_of(f"$M, N$ : {words}").declarations["N"].structure == "definite"


def test_a_law_with_a_matrix_is_a_vector():
    scope = scope_of(r"$z \sim \mathcal{N}(0,\Sigma)$", r"$\Sigma$ : positive definite matrix")
    assert scope.declarations["z"].value == "vector"


@pytest.mark.parametrize(
    "formula",
    [r"\det A", r"|A|", r"\|A\|_F^2", r"\Sigma^{-1/2}(x-\mu)", r"\operatorname{diag}(S)", r"x^\top\Sigma^{-1}x"],
)
def test_printed_as_read(formula):
    tree = read_formula(formula, SCOPE)
    assert read_formula(latex(tree), SCOPE) == tree


# ---------------------------------------------------------------- shapes


@pytest.mark.parametrize(
    "formula, words",
    [
        ("A+x", "cannot add a matrix and a vector"),
        ("xA", "no product of a vector and a matrix"),
        (r"\|A\|", "which norm of a matrix"),
        (r"\det x", "determinant of a vector"),
        (r"(xx^\top)^{-1}", "determinant is zero"),
        (r"\mathcal{N}(x;\mu,A)", "symmetric"),
        (r"\mathcal{N}(x;\mu,-\Sigma)", "not positive"),
        (r"\nabla_A\left(x^\top Ax\right)", "derivative in the matrix"),
    ],
)
def test_shapes_that_do_not_fit(formula, words):
    with pytest.raises(Exception) as caught:
        value(SCOPE, formula, 2)
    assert words in str(getattr(caught.value, "message", caught.value))


# ---------------------------------------------------------------- the eigenbasis


def test_one_symmetric_matrix_is_diagonal_and_the_other_is_not():
    assert diagonal_matrix(SCOPE) == "S"
    assert diagonal_matrix(SCOPE, [read_formula(r"\Sigma^{1/2}", SCOPE)]) == r"\Sigma"
    matrix = value(SCOPE, r"S\Sigma", 2)
    assert matrix[0, 1] != 0


def test_a_construct_that_names_the_basis_keeps_matrices_general():
    sides = [read_formula(r"\operatorname{diag}(\Sigma)", SCOPE)]
    assert diagonal_matrix(SCOPE, sides) is None
    verdict = judged(r"\operatorname{diag}(\Sigma)", r"\Sigma")
    assert verdict.verdict == REFUTED


def test_a_side_read_later_may_not_name_the_basis():
    reading = read_in(SCOPE, 2)
    with pytest.raises(Exception, match="Diagonal may depend on the basis"):
        reading.value(read_formula(r"\operatorname{diag}(\Sigma)", SCOPE))


def test_random_signs_keep_matrices_general():
    scope = scope_of(r"$S$ : symmetric matrix", r"$\varepsilon$ : Rademacher vector")
    assert diagonal_matrix(scope) is None
    assert judged(r"\mathrm{Var}\left[\varepsilon^\top S\varepsilon\right]", "0", scope).verdict == REFUTED


def test_signs_outside_an_expectation_are_no_real_numbers():
    scope = scope_of(r"$\varepsilon$ : Rademacher", "dimensions: 1")
    assert judged(r"\varepsilon^4", r"\varepsilon^2", scope).verdict == UNDECIDED


def test_the_certificate_says_so():
    verdict = judged(r"\Sigma^{1/2}\Sigma^{1/2}", r"\Sigma")
    assert verdict.verdict == PROVED
    assert r"in the eigenbasis of \Sigma" in verdict.certificate["conditions"]


def test_a_fractional_power_of_two_matrices_is_not_read():
    verdict = judged(r"\Sigma^{1/2}\Sigma_1^{1/2}", r"\Sigma_1^{1/2}\Sigma^{1/2}")
    assert verdict.verdict == UNDECIDED
    assert "eigenbasis" in verdict.why


def test_a_negative_eigenvalue_has_its_absolute_value_as_root_of_the_square():
    assert judged("(S^2)^{1/2}", "S").verdict == REFUTED


# ---------------------------------------------------------------- laws

MATRICES = st.sampled_from(["A", "B", "S", r"\Sigma", r"\left(A+I\right)", r"\left(S-\sigma\Sigma\right)", r"A^\top"])


@settings(max_examples=12, deadline=None)
@given(MATRICES, MATRICES)
def test_transpose_trace_and_determinant_of_a_product(p, q):
    for dimension in (1, 2):
        assert equal(SCOPE, rf"\left({p}\,{q}\right)^\top", rf"\left({q}\right)^\top\left({p}\right)^\top", dimension)
        traces = [rf"\operatorname{{tr}}\left({one}\,{two}\right)" for one, two in ((p, q), (q, p))]
        assert equal(SCOPE, *traces, dimension)
        assert equal(SCOPE, rf"\det\left({p}\,{q}\right)", rf"\det\left({p}\right)\det\left({q}\right)", dimension)


@settings(max_examples=12, deadline=None)
@given(MATRICES, MATRICES)
def test_the_order_of_factors_counts(p, q):
    if p != q and {p, q} != {"A", r"\left(A+I\right)"}:
        assert not equal(SCOPE, rf"{p}\,{q}", rf"{q}\,{p}", 2)


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_inverse_and_determinant_fit(dimension):
    for name in ("A", "S", r"\Sigma", r"\Sigma_1", r"\left(\Sigma+\Sigma_1\right)"):
        assert equal(SCOPE, rf"{name}\,{name}^{{-1}}", "I", dimension)
        assert equal(SCOPE, rf"\left|{name}^{{-1}}\right|", rf"\frac{{1}}{{|{name}|}}", dimension)


def test_a_fitting_message_type():
    with pytest.raises(MeaningError):
        value(SCOPE, r"\sqrt{x}", 2)
