r"""Matrices in explicit components: declared ones, determinants, inverses, powers, and which are definite.

A positive (semi)definite matrix is written as L L^T with L lower triangular and a positive (nonnegative)
diagonal: every such matrix has this form, and every L gives one. The matrix that `verify.meaning.bases`
picks is diagonal. Determinants and inverses are found by cofactors, so they stay quotients of polynomials.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import sympy as sp

from verify.language.scope import DEFINITE, GENERAL, NONNEGATIVE, POSITIVE, REAL, SEMIDEFINITE, SYMMETRIC
from verify.meaning.errors import Unsupported
from verify.meaning.facts import Facts
from verify.meaning.positivity import provably_positive
from verify.meaning.sizes import expand, power

Matrix: TypeAlias = sp.ImmutableDenseMatrix
Entry = Callable[[str, str], sp.Expr]  # (label of the entry, its domain) -> symbol or function value

MAX_POWER = 8  # of a matrix that is not diagonal
_DIAGONAL_DOMAIN = {DEFINITE: POSITIVE, SEMIDEFINITE: NONNEGATIVE, SYMMETRIC: REAL}
NO_SPECTRAL_POWER = (
    "a fractional power is read of a function of one declared symmetric matrix only (in its eigenbasis)"
)


def is_diagonal(matrix: Matrix) -> bool:
    """True when every entry off the diagonal is written as 0."""
    return all(matrix[i, j] == 0 for i in range(matrix.rows) for j in range(matrix.cols) if i != j)


class Matrices:
    """What one reading knows of its matrices: which are (semi)definite, their factors and inverses."""

    def __init__(self, size: int, facts: Facts) -> None:
        self.size = size
        self.facts = facts
        self._strength: dict[Matrix, int] = {}  # 2: definite, 1: semidefinite
        self._lower: dict[Matrix, Matrix] = {}  # L of a matrix L L^T
        self._inverse: dict[Matrix, Matrix] = {}
        self._origin: dict[Matrix, Matrix] = {}  # inverse -> what it is the inverse of

    # ---------------------------------------------------------------- declared matrices

    def declared(self, structure: str, diagonal: bool, entry: Entry) -> Matrix:
        """A matrix of the declared structure with entries of its own."""
        n = self.size
        if diagonal:
            domain = _DIAGONAL_DOMAIN[structure]
            return Matrix(n, n, lambda i, j: entry(f"eigenvalue {i + 1}", domain) if i == j else 0)
        if structure in (DEFINITE, SEMIDEFINITE):
            lower = Matrix(n, n, lambda i, j: _lower_entry(entry, i, j, _DIAGONAL_DOMAIN[structure]))
            matrix = Matrix(lower * lower.T)
            self._lower[matrix] = lower
            self._strength[matrix] = 2 if structure == DEFINITE else 1
            return matrix
        if structure == SYMMETRIC:
            return Matrix(n, n, lambda i, j: entry(f"{min(i, j) + 1}{max(i, j) + 1}", REAL))
        assert structure == GENERAL
        return Matrix(n, n, lambda i, j: entry(f"{i + 1}{j + 1}", REAL))

    # ---------------------------------------------------------------- definite matrices

    def strength(self, matrix: Matrix) -> int:
        """2 when the matrix is known to be positive definite, 1 when semidefinite, else 0."""
        if matrix not in self._strength:
            found = 0
            if is_diagonal(matrix):
                entries = [matrix[i, i] for i in range(matrix.rows)]
                if all(provably_positive(e, self.facts) for e in entries):
                    found = 2
                elif all(e.is_nonnegative for e in entries):
                    found = 1
            self._strength[matrix] = found
        return self._strength[matrix]

    def summed(self, left: Matrix, right: Matrix) -> Matrix:
        """The sum; semidefinite terms make a semidefinite sum, and one definite term a definite one."""
        total = Matrix(left + right)
        self._raise(total, max(self.strength(left), self.strength(right)) * bool(
            self.strength(left) and self.strength(right)
        ))  # fmt: skip
        return total

    def scaled(self, factor: sp.Expr, matrix: Matrix, result: Matrix) -> Matrix:
        """Note that `result` is `factor` times `matrix`."""
        strength = self.strength(matrix)
        if strength and not self._strength.get(result):
            if provably_positive(factor, self.facts):
                self._raise(result, strength)
            elif factor.is_nonnegative:
                self._raise(result, 1)
        return result

    def _raise(self, matrix: Matrix, strength: int) -> None:
        if strength > self._strength.get(matrix, 0):
            self._strength[matrix] = strength

    # ---------------------------------------------------------------- determinant, inverse, powers

    def determinant(self, matrix: Matrix) -> sp.Expr:
        """The determinant; that of a definite matrix becomes a known positive quantity."""
        if matrix in self._lower:
            lower = self._lower[matrix]
            return sp.Mul(*[lower[i, i] ** 2 for i in range(lower.rows)])
        if is_diagonal(matrix):
            return sp.Mul(*[matrix[i, i] for i in range(matrix.rows)])
        if matrix in self._origin:
            return power(self.determinant(self._origin[matrix]), sp.Integer(-1))
        result = expand(_cofactors(matrix))
        if self.strength(matrix) == 2 and not provably_positive(result, self.facts):
            self.facts.positive.append(result)
        return result

    def inverse(self, matrix: Matrix) -> Matrix:
        """The inverse, where there is one: the caller records that the determinant is not zero."""
        if matrix in self._inverse:
            return self._inverse[matrix]
        n = matrix.rows
        if is_diagonal(matrix):
            result = Matrix(n, n, lambda i, j: power(matrix[i, i], sp.Integer(-1)) if i == j else 0)
        elif matrix in self._lower:
            upper = _inverse_of_lower(self._lower[matrix])
            result = Matrix(upper.T * upper)
        else:
            over = power(self.determinant(matrix), sp.Integer(-1))
            result = Matrix(n, n, lambda i, j: (-1) ** (i + j) * _minor(matrix, j, i) * over)
            if all(matrix[i, j] == matrix[j, i] for i in range(n) for j in range(i)):
                result = Matrix(n, n, lambda i, j: result[min(i, j), max(i, j)])
        self._inverse[matrix] = result
        if result not in self._inverse and matrix not in self._origin:  # so that origins never lead back
            self._inverse[result] = self._origin[result] = matrix
        self._raise(result, 2 if self.strength(matrix) == 2 else 0)
        return result

    def whole_power(self, matrix: Matrix, exponent: int) -> Matrix:
        """An integer power."""
        if is_diagonal(matrix):
            return Matrix(self.size, self.size, lambda i, j: power(matrix[i, i], sp.Integer(exponent)) if i == j else 0)
        if abs(exponent) > MAX_POWER:
            raise Unsupported(f"powers of a matrix are read up to {MAX_POWER}")
        base = self.inverse(matrix) if exponent < 0 else matrix
        result = Matrix(sp.eye(self.size))
        for _ in range(abs(exponent)):
            result = base if result == Matrix(sp.eye(self.size)) else Matrix(result * base)
        return result

    def leading_minors(self, matrix: Matrix) -> list[sp.Expr]:
        """Quantities that are all positive exactly when the symmetric matrix is positive definite."""
        return [expand(_cofactors(matrix[:k, :k])) for k in range(1, matrix.rows + 1)]


def _lower_entry(entry: Entry, i: int, j: int, domain: str) -> sp.Expr:
    if i < j:
        return sp.Integer(0)
    return entry(f"root {i + 1}{j + 1}", domain if i == j else REAL)


def _cofactors(matrix: Matrix) -> sp.Expr:
    """The determinant by expansion along the first row, for a handful of rows."""
    if matrix.rows == 0:
        return sp.Integer(1)
    return sp.Add(*[(-1) ** j * matrix[0, j] * _minor(matrix, 0, j) for j in range(matrix.cols) if matrix[0, j] != 0])


def _minor(matrix: Matrix, row: int, column: int) -> sp.Expr:
    return expand(_cofactors(matrix.minor_submatrix(row, column)))


def _inverse_of_lower(lower: Matrix) -> Matrix:
    """The inverse of a lower triangular matrix, by forward substitution."""
    n = lower.rows
    rows: list[list[sp.Expr]] = []
    for i in range(n):
        over = power(lower[i, i], sp.Integer(-1))
        rows.append([
            over * ((1 if i == j else 0) - sp.Add(*[lower[i, k] * rows[k][j] for k in range(j, i)]))
            if j <= i else sp.Integer(0)
            for j in range(n)
        ])  # fmt: skip
    return Matrix(rows)
