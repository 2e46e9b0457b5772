"""Exponentials with large exponents: their exponents are compared first, as polynomials.

The normal form opens `exp(a+b)` into one generator for each monomial, which is too much for the quotients
that stand in Gaussian densities with general covariance matrices. Where the exponents of two terms are
proved to be equal, the terms share one exponential.
"""

from __future__ import annotations

import sympy as sp

from verify.meaning.facts import Facts
from verify.proof.normal_form import ZeroDecision, decide_zero

LARGE = 60  # operations of an exponent from which it is worth comparing
MOST_TERMS = 12


def by_equal_exponents(residual: sp.Expr, facts: Facts) -> list[ZeroDecision] | None:
    """Decisions that together settle the residual; None when no two large exponents are proved equal."""
    terms = sp.Add.make_args(residual)
    split = [_split(term) for term in terms]
    if not 2 <= len(terms) <= MOST_TERMS or not any(sp.count_ops(exponent) > LARGE for exponent, _ in split):
        return None
    decisions: list[ZeroDecision] = []
    groups: list[tuple[sp.Expr, list[sp.Expr]]] = []
    for exponent, rest in split:
        for known, coefficients in groups:
            found = decide_zero(exponent - known, facts)
            if found.zero:
                decisions.append(found)
                coefficients.append(rest)
                break
        else:
            groups.append((exponent, [rest]))
    if len(groups) == len(terms):
        return None
    if len(groups) == 1:  # an exponential is never zero
        return [*decisions, decide_zero(sp.Add(*groups[0][1]), facts)]
    merged = [sp.Add(*coefficients) * sp.exp(exponent) for exponent, coefficients in groups]
    return [*decisions, decide_zero(sp.Add(*merged), facts)]


def _split(term: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """The exponent of the exponential factors of a term (0 when it has none), and the other factors."""
    factors = sp.Mul.make_args(term)
    exponent = sp.Add(*[factor.args[0] for factor in factors if isinstance(factor, sp.exp)])
    return exponent, sp.Mul(*[factor for factor in factors if not isinstance(factor, sp.exp)])
