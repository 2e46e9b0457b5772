"""Sums with a symbolic upper limit: the last term is split off where that helps a comparison."""

from __future__ import annotations

import sympy as sp


def peel_sums(expression: sp.Basic) -> sp.Basic:
    """`sum_{k=a}^{n+1} f(k)` becomes `f(n+1) + sum_{k=a}^{n} f(k)` where the shorter sum occurs too."""
    sums = sorted(expression.atoms(sp.Sum), key=sp.default_sort_key)
    replacements = {}
    for long in sums:
        if len(long.limits) != 1:
            continue
        variable, lower, upper = long.limits[0]
        for short in sums:
            if len(short.limits) != 1 or short.limits[0][1] != lower:
                continue
            same = short.function.xreplace({short.limits[0][0]: variable}) == long.function
            one_less = sp.expand(upper - short.limits[0][2]) == 1
            if same and one_less and (short.limits[0][2] - lower + 1).is_nonnegative:
                last = long.function.xreplace({variable: upper})
                replacements[long] = last + sp.Sum(long.function, (variable, lower, upper - 1))
    return expression.xreplace(replacements)
