"""Products with a symbolic upper limit: the last factors are split off where that helps a comparison."""

from __future__ import annotations

import sympy as sp

MAX_PEELED = 8


def peel_products(expression: sp.Expr) -> sp.Expr:
    """`prod_{k=a}^{n} f(k)` becomes `f(n) ... f(m+1) prod_{k=a}^{m} f(k)`.

    m is the smallest upper limit that occurs in the expression with the same f and the same a.
    Done only where `m >= a - 1` is certain; the shorter product may be empty, not less.
    """
    products = sorted(expression.atoms(sp.Product), key=sp.default_sort_key)
    replacements = {}
    for long in products:
        if len(long.limits) != 1:
            continue
        variable, lower, upper = long.limits[0]
        most = 0
        for short in products:
            if (
                len(short.limits) != 1
                or short.function.xreplace({short.limits[0][0]: variable}) != long.function
            ):
                continue
            steps = sp.expand(upper - short.limits[0][2])
            not_below = (short.limits[0][2] - lower + 1).is_nonnegative
            if short.limits[0][1] == lower and not_below and steps.is_Integer and 0 < steps <= MAX_PEELED:
                most = max(most, int(steps))
        if most:
            factors = [long.function.xreplace({variable: upper - back}) for back in range(most)]
            replacements[long] = sp.Mul(*factors, sp.Product(long.function, (variable, lower, upper - most)))
    return expression.xreplace(replacements)
