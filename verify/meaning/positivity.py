"""A small, sound test for `expression > 0` on the declared domain. It may say no to a positive one."""

from __future__ import annotations

import sympy as sp
from sympy.core.function import AppliedUndef

from verify.language.scope import UNIT
from verify.meaning.errors import Unsupported
from verify.meaning.facts import Facts
from verify.meaning.sizes import expand


def provably_positive(expression: sp.Expr, facts: Facts) -> bool:
    """True when the declarations imply that the expression is positive.

    Known assumptions come first, then the declared positive quantities (up to a positive rational
    factor), then coefficient signs after `a = u/(1+u)` for every `a` in (0,1).
    """
    if expression.is_positive is not None:
        return bool(expression.is_positive)
    if isinstance(expression, sp.exp):
        return _certainly_real(expression.args[0], facts)
    if expression in facts.positive or any(_positive_ratio(expression, known) for known in facts.positive):
        return True
    if expression.is_Mul:
        return all(provably_positive(factor, facts) for factor in expression.args)
    if expression.is_Pow and expression.exp.is_real:
        return provably_positive(expression.base, facts)
    if isinstance(expression, sp.Integral) and len(expression.limits) == 1:
        _, *ends = expression.limits[0]
        forward = len(ends) == 2 and provably_positive(ends[1] - ends[0], facts)
        return forward and provably_positive(expression.function, facts)
    units = sorted(
        (a for a in expression.atoms(sp.Symbol, AppliedUndef) if facts.domain(a) == UNIT),
        key=sp.default_sort_key,
    )
    if not units:
        return False
    odds = {a: sp.Symbol(f"_odds{i}", positive=True) for i, a in enumerate(units)}
    opened = sp.together(expression.xreplace({a: u / (1 + u) for a, u in odds.items()}))
    numerator, denominator = (_expanded(part) for part in sp.fraction(opened))
    return numerator is not None and denominator is not None


def _certainly_real(expression: sp.Expr, facts: Facts) -> bool:
    """True for what is built from real quantities without logarithms; roots and divisors must be positive.

    SymPy does not say so of an integral, or of a quotient whose divisor is known to be positive to the facts only.
    """
    if expression.is_real is not None:
        return bool(expression.is_real)
    if expression.is_Pow:
        if expression.exp.is_Integer and expression.exp > 0:
            return _certainly_real(expression.base, facts)
        return bool(expression.exp.is_Rational) and provably_positive(expression.base, facts)
    if isinstance(expression, sp.Integral):
        ends = [end for limit in expression.limits for end in limit[1:]]
        return all(_certainly_real(part, facts) for part in [expression.function, *ends])
    plain = expression.is_Add or expression.is_Mul or isinstance(expression, sp.exp)
    return plain and all(_certainly_real(part, facts) for part in expression.args)


def _positive_ratio(expression: sp.Expr, known: sp.Expr) -> bool:
    ratio = sp.cancel(expression / known) if known != 0 else sp.S.Zero
    return bool(ratio.is_Rational and ratio > 0)


def _expanded(expression: sp.Expr) -> sp.Expr | None:
    """The expanded expression when SymPy then sees that it is positive, else None."""
    try:
        opened = expand(expression)
    except Unsupported:
        return None
    return opened if opened.is_positive else None


def provably_not_positive(expression: sp.Expr, facts: Facts) -> bool:
    """True when the declarations imply that the expression is zero or negative."""
    return bool(expression.is_nonpositive) or provably_positive(-expression, facts)


def may_stand(facts: Facts, domain: str, value: sp.Expr) -> bool:
    """Whether a value certainly lies in a declared domain, so that it may stand for a name with that domain."""
    match domain:
        case "real":
            return True
        case "positive":
            return provably_positive(value, facts)
        case "nonnegative":
            return bool(value.is_nonnegative) or provably_positive(value, facts)
        case "unit":
            return provably_positive(value, facts) and provably_positive(1 - value, facts)
        case _:
            return bool(value.is_integer) and (domain == "integer" or bool(value.is_positive))
