"""What a way of reading vectors must be able to do: explicit components and symbolic d both do it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from verify.language.scope import Declaration

Value = Any  # sp.Expr, or a vector, matrix or Row of the reading
SCALAR, VECTOR, ROW, MATRIX = "scalar", "vector", "row vector", "matrix"


@dataclass(frozen=True)
class Row:
    """A transposed vector."""

    vector: Value


class Algebra(ABC):
    """Vectors and matrices, functions of them, derivatives and integrals.

    dimension    the symbol d, or the number of components
    """

    dimension: sp.Expr

    @abstractmethod
    def shape(self, value: Value) -> str:
        """SCALAR, VECTOR, ROW or MATRIX."""

    @abstractmethod
    def own_vector(self, key: str) -> Value:
        """The vector of a declared name."""

    @abstractmethod
    def fresh_vector(self, key: str) -> Value:
        """A vector that occurs nowhere else."""

    @abstractmethod
    def zero_vector(self) -> Value:
        """The zero vector."""

    @abstractmethod
    def identity(self) -> Value:
        """The identity matrix."""

    @abstractmethod
    def sum_of(self, left: Value, right: Value) -> Value:
        """Sum of two vectors or of two matrices."""

    @abstractmethod
    def map(self, change: Callable[[sp.Expr], sp.Expr], value: Value) -> Value:
        """A linear change of scalars applied to each coefficient."""

    @abstractmethod
    def inner(self, left: Value, right: Value) -> sp.Expr:
        """Inner product of two vectors."""

    @abstractmethod
    def outer(self, left: Value, right: Value) -> Value:
        """The matrix `left right^T`."""

    @abstractmethod
    def matrix_product(self, matrix: Value, other: Value) -> Value:
        """A matrix times a vector or a matrix."""

    @abstractmethod
    def transposed(self, matrix: Value) -> Value:
        """The transposed matrix."""

    @abstractmethod
    def trace(self, matrix: Value) -> sp.Expr:
        """Sum of the diagonal."""

    @abstractmethod
    def isotropic(self, matrix: Value) -> sp.Expr | None:
        """`a` when the matrix is `a I`, else None."""

    @abstractmethod
    def parts(self, value: Value) -> list[sp.Expr]:
        """Scalars that all vanish exactly when the value does (in symbolic d: for generic vectors)."""

    @abstractmethod
    def is_affine(self, value: Value, variables: Sequence[Value]) -> bool:
        """True when the value is affine in the variables jointly. May say no to an affine value."""

    @abstractmethod
    def scalar_function(self, declaration: Declaration, values: Sequence[Value]) -> sp.Expr:
        """An undefined scalar function applied to values."""

    @abstractmethod
    def vector_function(self, declaration: Declaration, values: Sequence[Value]) -> Value:
        """An undefined vector function applied to values."""

    # ---------------------------------------------------------------- calculus

    @abstractmethod
    def is_variable(self, value: Value) -> bool:
        """True for a symbol, or a vector of free symbols, in which one can differentiate."""

    @abstractmethod
    def depends(self, value: Value, variable: Value) -> bool:
        """True when the variable occurs in the value, hidden places included."""

    @abstractmethod
    def hides(self, value: Value, symbol: sp.Symbol) -> bool:
        """True when a scalar occurs where an operation on coefficients does not reach it."""

    @abstractmethod
    def substituted(self, value: Value, variable: Value, replacement: Value) -> Value:
        """The value with a free variable replaced."""

    @abstractmethod
    def derivative(self, value: Value, symbol: sp.Symbol) -> Value:
        """Derivative of any value in a scalar symbol."""

    @abstractmethod
    def gradient(self, scalar: sp.Expr, variable: Value) -> Value:
        """Gradient in a vector variable."""

    @abstractmethod
    def divergence(self, vector: Value, variable: Value) -> sp.Expr:
        """Divergence in a vector variable."""

    @abstractmethod
    def jacobian(self, vector: Value, variable: Value) -> Value:
        """Matrix of derivatives, row by component."""

    @abstractmethod
    def integrate_everywhere(self, value: Value, variable: Value) -> Value:
        """Integral over all values of a variable."""

    @abstractmethod
    def expect(
        self, value: Value, variable: Value, mean: Value, variance: Value, highest: int | None, name: str
    ) -> Value:
        """Mean over a variable with the given mean and variance (a scalar times I, or a matrix).

        `highest` is the highest moment known, None for a Gaussian. `name` is for messages.
        """
