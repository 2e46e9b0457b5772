"""Gaussian integrals and moments of scalar expressions: exact, or None when the form does not fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sympy as sp

from verify.meaning.errors import Unsupported
from verify.meaning.expressions import depends
from verify.meaning.sizes import expand

MAX_MOMENT = 16

Needs = Callable[[sp.Expr], None]  # told every quantity that must be positive


def split_exponent(term: sp.Expr, variables: Sequence[sp.Symbol]) -> tuple[sp.Expr, sp.Expr, sp.Expr]:
    """A product as (exponent, factor with the variables, factor without them): `exp(q) f c`."""
    exponent, inside, outside = sp.Integer(0), sp.Integer(1), sp.Integer(1)
    for factor in sp.Mul.make_args(term):
        base, power = factor.as_base_exp()
        if not depends(factor, variables):
            outside *= factor
        elif isinstance(factor, sp.exp):
            exponent += factor.args[0]
        elif isinstance(base, sp.exp):
            exponent += base.args[0] * power
        else:
            inside *= factor
    return exponent, inside, outside


def normal_moment(order: int, variance: sp.Expr) -> sp.Expr:
    """The central moment of a Gaussian: `(order-1)!! variance^(order/2)`, 0 for odd orders."""
    if order % 2:
        return sp.Integer(0)
    return (sp.factorial2(order - 1) if order else sp.Integer(1)) * variance ** (order // 2)


def raw_moment(order: int, mean: sp.Expr, variance: sp.Expr) -> sp.Expr:
    """`E[x^order]` of a Gaussian."""
    return sp.Add(
        *[
            sp.binomial(order, k) * mean ** (order - k) * normal_moment(k, variance)
            for k in range(0, order + 1, 2)
        ]
    )


def polynomial_moment(
    expression: sp.Expr, variable: sp.Symbol, mean: sp.Expr, variance: sp.Expr, highest: int | None, name: str
) -> sp.Expr | None:
    """Mean of a polynomial in the variable; None for anything else.

    `highest` is the highest known moment, None for a Gaussian.
    """
    opened = expand(expression)
    if not depends(opened, [variable]):
        return opened
    if not opened.is_polynomial(variable):
        return None
    polynomial = sp.Poly(opened, variable)
    limit = MAX_MOMENT if highest is None else highest
    if polynomial.degree() > limit:
        raise Unsupported(
            f"only the first {limit} moments of {name} are known, order {polynomial.degree()} is needed"
        )
    return sp.Add(*[c * raw_moment(k, mean, variance) for (k,), c in polynomial.terms()])


def gaussian_integral(term: sp.Expr, variable: sp.Symbol, needs: Needs) -> sp.Expr | None:
    """`int p(x) exp(-a x^2/2 + b x + c) dx` over all reals, for a polynomial p; None for other forms.

    The caller is told that `a` must be positive.
    """
    exponent, inside, outside = split_exponent(term, [variable])
    if not depends(exponent, [variable]):
        return None
    opened = expand(exponent)
    if not opened.is_polynomial(variable) or not inside.is_polynomial(variable):
        return None
    quadratic = sp.Poly(opened, variable)
    if quadratic.degree() != 2:
        return None
    second, first, rest = (quadratic.coeff_monomial(variable**k) for k in (2, 1, 0))
    curvature = sp.together(-2 * second)
    needs(curvature)
    mean, variance = sp.together(first / curvature), 1 / curvature
    moment = polynomial_moment(inside, variable, mean, variance, None, "the Gaussian")
    size = sp.sqrt(2 * sp.pi / curvature) * sp.exp(rest + first**2 / (2 * curvature))
    return outside * size * moment
