"""Scalars, vectors, rows and matrices of numbers (or jets), of a concrete dimension."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeGuard, Union

import mpmath

from verify.sampling.errors import Undecidable, Undefined
from verify.sampling.jets import Jet, Number, mp, power, real, reciprocal, size, square_root


@dataclass(frozen=True)
class Vector:
    """A column of numbers."""

    items: tuple[Number, ...]


@dataclass(frozen=True)
class Row:
    """A transposed vector; it lives only inside a product."""

    items: tuple[Number, ...]


@dataclass(frozen=True)
class Matrix:
    """A square matrix, row by row."""

    items: tuple[tuple[Number, ...], ...]


ROOT_STEPS = 60

Value = Union[Jet, "mpmath.mpf", Vector, Row, Matrix]


def is_scalar(value: Value) -> TypeGuard[Number]:
    """True for a number, with or without infinitesimal parts."""
    return not isinstance(value, (Vector, Row, Matrix))


def kind(value: Value) -> str:
    """The word for messages."""
    return "scalar" if is_scalar(value) else type(value).__name__.lower()


def each(value: Value, change: Callable[[Number], Number]) -> Value:
    """The same shape with `change` applied to every component."""
    if isinstance(value, Matrix):
        return Matrix(tuple(tuple(change(item) for item in row) for row in value.items))
    if isinstance(value, (Vector, Row)):
        return type(value)(tuple(change(item) for item in value.items))
    return change(value)


def components(value: Value) -> list[Number]:
    """All numbers of a value, row by row."""
    if isinstance(value, Matrix):
        return [item for row in value.items for item in row]
    return list(value.items) if isinstance(value, (Vector, Row)) else [value]


def magnitude(value: Value) -> mpmath.mpf:
    """The largest absolute value of any part of any component."""
    return max(size(item) for item in components(value))


def identity(dimension: int) -> Matrix:
    """The identity matrix."""
    return Matrix(tuple(tuple(mp.mpf(i == j) for j in range(dimension)) for i in range(dimension)))


def is_zero(value: Value) -> bool:
    """True for a literal zero, which may stand for the zero vector."""
    return is_scalar(value) and not isinstance(value, Jet) and value == 0


def like_zero(zero: Value, model: Value) -> Value:
    """A scalar zero in the shape of `model`; anything else unchanged."""
    return each(model, lambda item: mp.zero) if is_zero(zero) and not is_scalar(model) else zero


def add(left: Value, right: Value) -> Value:
    """The sum of two values of one shape."""
    left, right = like_zero(left, right), like_zero(right, left)
    if is_scalar(left) and is_scalar(right):
        return left + right
    if isinstance(left, Matrix) and isinstance(right, Matrix):
        rows = zip(left.items, right.items, strict=True)
        return Matrix(tuple(tuple(a + b for a, b in zip(x, y, strict=True)) for x, y in rows))
    for shape in (Vector, Row):
        if isinstance(left, shape) and isinstance(right, shape):
            return shape(tuple(a + b for a, b in zip(left.items, right.items, strict=True)))
    raise Undecidable(f"a {kind(left)} and a {kind(right)} cannot be added")


def negate(value: Value) -> Value:
    """The negative of a value."""
    return each(value, lambda item: -item)


def scale(factor: Number, value: Value) -> Value:
    """A number times a value."""
    return each(value, lambda item: factor * item)


def dot(left: Sequence[Number], right: Sequence[Number]) -> Number:
    """The sum of products of two lists of numbers."""
    total: Number = mp.zero
    for a, b in zip(left, right, strict=True):
        if a != 0 and b != 0:  # a triangular or diagonal matrix is mostly zeros
            total = total + a * b
    return total


def outer(left: tuple[Number, ...], right: tuple[Number, ...]) -> Matrix:
    """left right^T."""
    return Matrix(tuple(tuple(a * b for b in right) for a in left))


def transpose(value: Value) -> Value:
    """A vector becomes a row, a matrix is transposed, a scalar stays."""
    if isinstance(value, Vector):
        return Row(value.items)
    if isinstance(value, Row):
        return Vector(value.items)
    return Matrix(tuple(zip(*value.items, strict=True))) if isinstance(value, Matrix) else value


def multiply(left: Value, right: Value) -> Value:
    """The product of two factors set side by side. Raises Undecidable where none exists."""
    if is_scalar(left):
        return scale(left, right)
    if is_scalar(right):
        return scale(right, left)
    if isinstance(left, Row) and isinstance(right, Vector):
        return dot(left.items, right.items)
    if isinstance(left, Vector) and isinstance(right, Row):
        return outer(left.items, right.items)
    if isinstance(left, Matrix) and isinstance(right, Vector):
        return Vector(tuple(dot(row, right.items) for row in left.items))
    if isinstance(left, Row) and isinstance(right, Matrix):
        return Row(tuple(dot(left.items, column) for column in zip(*right.items, strict=True)))
    if isinstance(left, Matrix) and isinstance(right, Matrix):
        columns = tuple(zip(*right.items, strict=True))
        return Matrix(tuple(tuple(dot(row, column) for column in columns) for row in left.items))
    raise Undecidable(f"a {kind(left)} and a {kind(right)} cannot be multiplied")


def product(factors: list[Value]) -> Value:
    """The product of several factors; a row meets the vector on its right first."""
    stack: list[Value] = []
    for factor in factors:
        if stack and isinstance(stack[-1], Row) and isinstance(factor, Vector):
            stack[-1] = multiply(stack[-1], factor)
        else:
            stack.append(factor)
    result = stack[0]
    for factor in stack[1:]:
        result = multiply(result, factor)
    return result


def inner(left: Value, right: Value) -> Number:
    """The inner product of two vectors, or the product of two scalars."""
    if is_scalar(left) and is_scalar(right):
        return left * right
    if isinstance(left, Vector) and isinstance(right, Vector):
        return dot(left.items, right.items)
    raise Undecidable(f"the inner product of a {kind(left)} and a {kind(right)}")


def norm_squared(value: Value) -> Number:
    """The squared Euclidean (or Frobenius) norm."""
    items = tuple(components(value))
    return dot(items, items)


def norm(value: Value) -> Number:
    """The Euclidean norm."""
    return square_root(norm_squared(value))


def trace(value: Value) -> Number:
    """The trace of a matrix; a scalar is its own."""
    if isinstance(value, Matrix):
        return sum((row[i] for i, row in enumerate(value.items)), mp.zero)
    if is_scalar(value):
        return value
    raise Undecidable(f"the trace of a {kind(value)}")


def diagonal(value: Value) -> tuple[Number, ...]:
    """The diagonal of a matrix, or the entries of a vector."""
    if isinstance(value, Matrix):
        return tuple(row[i] for i, row in enumerate(value.items))
    return tuple(components(value))


def cholesky(matrix: Matrix) -> tuple[tuple[Number, ...], ...]:
    """Lower triangular L with L L^T = matrix. Raises Undefined unless symmetric positive definite."""
    n = len(matrix.items)
    lower: list[list[Number]] = [[mp.zero] * n for _ in range(n)]
    for i in range(n):
        for j in range(i + 1):
            if abs(real(matrix.items[i][j]) - real(matrix.items[j][i])) > mp.mpf(10) ** (10 - mp.dps):
                raise Undefined("a covariance matrix is not symmetric")
            rest = matrix.items[i][j] - dot(tuple(lower[i][:j]), tuple(lower[j][:j]))
            if i == j:
                if real(rest) <= 0:
                    raise Undefined("a covariance matrix is not positive definite")
                lower[i][i] = square_root(rest)
            else:
                lower[i][j] = rest * reciprocal(lower[j][j])
    return tuple(tuple(row) for row in lower)


def solve_lower(lower: tuple[tuple[Number, ...], ...], right: tuple[Number, ...]) -> list[Number]:
    """The solution y of L y = right."""
    solution: list[Number] = []
    for i, row in enumerate(lower):
        rest = right[i] - dot(row[:i], solution)
        solution.append(rest * reciprocal(row[i]))
    return solution


def inverse(matrix: Matrix) -> Matrix:
    """The inverse by Gauss-Jordan elimination. Raises Undefined for a singular matrix."""
    n = len(matrix.items)
    rows = [list(row) + list(unit) for row, unit in zip(matrix.items, identity(n).items, strict=True)]
    for column in range(n):
        pivot = max(range(column, n), key=lambda i: abs(real(rows[i][column])))
        rows[column], rows[pivot] = rows[pivot], rows[column]
        factor = reciprocal(rows[column][column])
        rows[column] = [factor * item for item in rows[column]]
        for i in range(n):
            if i != column:
                head = rows[i][column]
                rows[i] = [a - head * b for a, b in zip(rows[i], rows[column], strict=True)]
    return Matrix(tuple(tuple(row[n:]) for row in rows))


def determinant(matrix: Matrix) -> Number:
    """The determinant by elimination, with the largest pivot first."""
    rows = [list(row) for row in matrix.items]
    result: Number = mp.one
    for column in range(len(rows)):
        pivot = max(range(column, len(rows)), key=lambda i: abs(real(rows[i][column])))
        if real(rows[pivot][column]) == 0:
            return _by_first_row([row[column:] for row in rows[column:]], result)
        if pivot != column:
            rows[column], rows[pivot] = rows[pivot], rows[column]
            result = -result
        result = result * rows[column][column]
        factor = reciprocal(rows[column][column])
        for i in range(column + 1, len(rows)):
            head = rows[i][column] * factor
            rows[i] = [a - head * b for a, b in zip(rows[i], rows[column], strict=True)]
    return result


def _by_first_row(rows: list[list[Number]], factor: Number) -> Number:
    """`factor` times a determinant by expansion, which needs no pivot (infinitesimal parts may be left)."""
    if not rows:
        return factor
    total: Number = mp.zero
    for j, head in enumerate(rows[0]):
        rest = [row[:j] + row[j + 1 :] for row in rows[1:]]
        total = total + _by_first_row(rest, head if j % 2 == 0 else -head)
    return factor * total


def matrix_root(matrix: Matrix) -> Matrix:
    """The positive definite square root, by the iteration of Denman and Beavers, which keeps infinitesimal parts.

    Raises Undefined unless the matrix is symmetric positive definite.
    """
    cholesky(Matrix(tuple(tuple(real(item) for item in row) for row in matrix.items)))
    root, other, half = matrix, identity(len(matrix.items)), mp.mpf("0.5")
    settled = 0
    for _ in range(ROOT_STEPS):
        mean, moved = scale(half, add(root, inverse(other))), scale(half, add(other, inverse(root)))
        assert isinstance(mean, Matrix) and isinstance(moved, Matrix)
        settled += magnitude(add(mean, negate(root))) <= mp.mpf(10) ** (8 - mp.dps) * (1 + magnitude(mean))
        root, other = mean, moved
        if settled > 2:
            return root
    raise Undefined("the root of a matrix is not found")


def matrix_power(matrix: Matrix, exponent: Number) -> Matrix:
    """A small integer power of a matrix, or a half or a quarter of one."""
    if isinstance(exponent, Jet) or not mp.isint(4 * exponent) or abs(exponent) > 8:
        raise Undecidable("a matrix is raised to small powers with the denominators 1, 2 and 4 only")
    while not mp.isint(exponent):
        matrix, exponent = matrix_root(matrix), 2 * exponent
    base = inverse(matrix) if exponent < 0 else matrix
    result: Value = identity(len(matrix.items))
    for _ in range(abs(int(exponent))):
        result = multiply(result, base)
    assert isinstance(result, Matrix)
    return result


def raise_to(base: Value, exponent: Number) -> Value:
    """base**exponent for a scalar or a matrix."""
    if isinstance(base, Matrix):
        return matrix_power(base, exponent)
    if not is_scalar(base):
        raise Undecidable(f"a {kind(base)} has no power")
    return power(base, exponent)
