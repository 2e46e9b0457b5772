r"""Matrices in numbers: drawn as declared, with roots and determinants that keep infinitesimal parts."""

from __future__ import annotations

from fractions import Fraction

import pytest

from tests.declared import scope_of
from verify.language.reader import read_formula
from verify.ledger.verdict import REFUTED, SUPPORTED, UNDECIDED
from verify.sampling import jets, values
from verify.sampling.draw import shaped_matrix
from verify.sampling.errors import Undefined
from verify.sampling.jets import mp
from verify.sampling.judge import judge_step
from verify.sampling.values import Matrix

SCOPE = scope_of(
    r"$A$ : matrix", r"$S$ : symmetric matrix", r"$\Sigma$ : positive definite matrix", r"$\sigma$ : positive",
    r"$\varepsilon$ : Rademacher vector", r"$v \sim \mathcal{N}(0,\Sigma)$",
)  # fmt: skip
NUMBERS = tuple(Fraction(k * k + 1, 7) for k in range(9))


def verdict(left: str, right: str) -> str:
    return judge_step(read_formula(left, SCOPE), read_formula(right, SCOPE), SCOPE).verdict


@pytest.mark.parametrize("structure", ["symmetric", "semidefinite", "definite"])
def test_a_drawn_matrix_is_what_was_declared(structure):
    rows = shaped_matrix(NUMBERS, 3, structure)
    assert rows == [list(column) for column in zip(*rows, strict=True)]
    if structure == "definite":
        values.cholesky(Matrix(tuple(tuple(mp.mpf(x.numerator) / x.denominator for x in row) for row in rows)))


def test_the_root_of_a_matrix_keeps_its_derivative():
    with mp.workdps(40):
        small = jets.infinitesimal(0)
        moving = Matrix(((4 + small, mp.mpf(1)), (mp.mpf(1), 3 + small)))
        square = values.multiply(values.matrix_root(moving), values.matrix_root(moving))
        assert values.magnitude(values.add(square, values.negate(moving))) < mp.mpf(10) ** -30


def test_no_root_of_an_indefinite_matrix():
    with pytest.raises(Undefined):
        values.matrix_root(Matrix(((mp.mpf(1), mp.mpf(0)), (mp.mpf(0), mp.mpf(-1)))))


@pytest.mark.parametrize(
    "left, right, wanted",
    [
        (r"\frac{\mathrm{d}}{\mathrm{d}\sigma}\log\left|\Sigma+\sigma I\right|",
         r"\operatorname{tr}\left(\left(\Sigma+\sigma I\right)^{-1}\right)", SUPPORTED),
        (r"\left(S^2\right)^{1/2}", "S", REFUTED),
        (r"\operatorname{diag}(\Sigma)", r"\Sigma", REFUTED),
        (r"|A|", r"\|A\|_F", REFUTED),
        (r"\mathbb{E}\left[vv^\top\right]", r"\Sigma", SUPPORTED),
        (r"\mathbb{E}\left[\|v\|^2\right]", r"\|\Sigma\|_F", REFUTED),
        (r"\mathrm{Var}\left[\varepsilon^\top S\varepsilon\right]",
         r"2\left\|S-\operatorname{diag}(S)\right\|_F^2", SUPPORTED),
        (r"\|\varepsilon\|^2", "d", SUPPORTED),
        (r"\|A\|", r"\|A\|_F", UNDECIDED),
    ],
)  # fmt: skip
def test_verdicts(left, right, wanted):
    assert verdict(left, right) == wanted
