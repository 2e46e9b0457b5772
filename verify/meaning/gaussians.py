"""Gaussians whose covariance is a matrix: means of polynomials, and integrals over all components at once."""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from verify.meaning.errors import Unsupported
from verify.meaning.expressions import depends
from verify.meaning.matrices import Matrices, Matrix
from verify.meaning.moments import MAX_MOMENT, Needs, split_exponent

MOST_OPERATIONS = 400  # of a quadratic form whose definiteness is to be found out


def polynomial_mean(
    expression: sp.Expr, symbols: Sequence[sp.Symbol], means: Sequence[sp.Expr], covariance: Matrix
) -> sp.Expr | None:
    """`E f(x)` for a polynomial f: `exp(sum_ij S_ij d_i d_j / 2) f` at the mean; None for anything else.

    The series ends with the degree. Up to degree 2 it needs the first two moments only.
    """
    if not depends(expression, symbols):
        return expression
    if not expression.is_polynomial(*symbols):
        return None
    degree = degree_bound(expression, symbols)
    if degree > MAX_MOMENT:
        raise Unsupported(f"moments of a Gaussian are read up to order {MAX_MOMENT}, not {degree}")
    total = part = expression
    for order in range(1, degree // 2 + 1):
        part = _diffused(part, symbols, covariance) / order
        total += part
    return total.xreplace(dict(zip(symbols, means, strict=True)))


def degree_bound(expression: sp.Expr, symbols: Sequence[sp.Symbol]) -> int:
    """An upper bound on the total degree of a polynomial in the symbols, without multiplying out."""
    if expression in symbols:
        return 1
    if not depends(expression, symbols):
        return 0
    if expression.is_Add:
        return max(degree_bound(term, symbols) for term in expression.args)
    if expression.is_Mul:
        return sum(degree_bound(factor, symbols) for factor in expression.args)
    base, exponent = expression.as_base_exp()
    return degree_bound(base, symbols) * int(exponent)


def _diffused(expression: sp.Expr, symbols: Sequence[sp.Symbol], covariance: Matrix) -> sp.Expr:
    """`sum_ij S_ij d_i d_j f / 2`."""
    terms = []
    for i, x in enumerate(symbols):
        slope = sp.diff(expression, x)
        for j, y in enumerate(symbols[: i + 1]):
            if covariance[i, j] != 0:
                half = sp.Rational(1, 2) if i == j else sp.Integer(1)
                terms.append(half * covariance[i, j] * sp.diff(slope, y))
    return sp.Add(*terms)


def gaussian_weight(squared_length: sp.Expr, determinant: sp.Expr, size: int) -> sp.Expr:
    """The density from `c^T S^{-1} c` and `det S`."""
    half = sp.Rational(1, 2)
    return sp.exp(-squared_length / 2) * (2 * sp.pi) ** (-half * size) * determinant ** (-half)


def joint_gaussian_integral(
    term: sp.Expr, symbols: Sequence[sp.Symbol], matrices: Matrices, needs: Needs
) -> sp.Expr | None:
    """`int p(x) exp(-x^T A x/2 + b^T x + c) dx` for a polynomial p and an A that is not diagonal, else None.

    The caller is told that the leading minors of A must be positive.
    """
    exponent, inside, outside = split_exponent(term, symbols)
    if len(symbols) < 2 or not depends(exponent, symbols):
        return None
    if not exponent.is_polynomial(*symbols) or not inside.is_polynomial(*symbols):
        return None
    if degree_bound(exponent, symbols) > 2:
        return None
    at_zero = dict.fromkeys(symbols, sp.Integer(0))
    slopes = [sp.diff(exponent, x) for x in symbols]  # not multiplied out: a known inverse matrix stays visible
    curvature = Matrix(len(symbols), len(symbols), lambda i, j: -sp.diff(slopes[min(i, j)], symbols[max(i, j)]))
    if all(curvature[i, j] == 0 for i in range(len(symbols)) for j in range(i)):
        return None
    if matrices.strength(curvature) < 2:
        if sum(sp.count_ops(entry) for entry in curvature) > MOST_OPERATIONS:
            raise Unsupported("a Gaussian integral with a quadratic form that is too large to be looked at")
        for minor in matrices.leading_minors(curvature):
            needs(minor)
    first = [slope.xreplace(at_zero) for slope in slopes]
    inverse = matrices.inverse(curvature)
    mean = list(inverse * sp.Matrix(first))
    moment = polynomial_mean(inside, symbols, mean, inverse)
    if moment is None:
        return None
    peak = exponent.xreplace(at_zero) + sp.Add(*[b * m for b, m in zip(first, mean, strict=True)]) / 2
    size = sp.sqrt((2 * sp.pi) ** len(symbols)) * matrices.determinant(curvature) ** (-sp.Rational(1, 2))
    return outside * size * sp.exp(peak) * moment
