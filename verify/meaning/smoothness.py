"""Whether an expression certainly is smooth where a small quantity is 0, by its structure."""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp
from sympy.core.function import AppliedUndef

from verify.language.scope import NONNEGATIVE, POSITIVE, REAL, UNIT
from verify.meaning.errors import Unsupported
from verify.meaning.evaluation import Evaluation
from verify.meaning.expressions import OPERATORS, substitute
from verify.meaning.positivity import provably_positive

SMOOTH = (sp.exp, sp.sin, sp.cos, sp.sinh, sp.cosh, sp.tanh, sp.atan, sp.erf)


def refuse_outside(reading: Evaluation, function: str, point: Sequence[sp.Expr]) -> None:
    """Unsupported unless an undefined function is known around the point, by the domains of its parameters.

    Of f(x) with x positive nothing is known at 0: it may be 1/x.
    """
    declaration = reading.scope.get(reading.table.declared.get(function, ""))
    known = [reading.scope.get(name) for name in declaration.parameters] if declaration is not None else []
    domains = [one.domain if one is not None else REAL for one in known]
    if all(domain not in (POSITIVE, NONNEGATIVE, UNIT) for domain in domains):
        return
    fits = len(domains) == len(point)
    for domain, value in zip(domains, point, strict=False):
        if domain in (POSITIVE, UNIT):
            fits &= provably_positive(value, reading.facts)
        if domain == UNIT:
            fits &= provably_positive(1 - value, reading.facts)
        if domain == NONNEGATIVE:
            fits &= bool(value.is_zero) or provably_positive(value, reading.facts)
    if not fits:
        raise Unsupported(f"nothing is known of {function} at the limit: it is declared on a smaller domain")


def smooth_at_zero(
    reading: Evaluation, expression: sp.Expr, small: sp.Symbol, inside: tuple[sp.Symbol, ...] = ()
) -> None:
    """Raises Unsupported unless the expression is smooth in `small` near 0, undefined functions being smooth.

    `inside` are the variables of integrals around it. They reach the ends of their ranges, so nothing may have a
    pole there: with x in (0,1) neither 1/(x+h) nor 1/x is bounded.
    """
    if not {small, *inside} & expression.free_symbols:
        return
    refused = Unsupported(f"not known to be smooth at {small} = 0: {expression}")
    match expression:
        case sp.Symbol() | sp.Add() | sp.Mul() | AppliedUndef() | sp.Derivative():
            pass
        case _ if isinstance(expression, SMOOTH):
            pass
        case sp.Pow(base=base, exp=exponent) if exponent.is_Integer and exponent > 0:
            pass
        case sp.Pow(base=base, exp=exponent) if small not in expression.free_symbols and exponent.is_positive:
            pass  # continuous in the variables of the integrals, that is all they need
        case sp.Pow(base=base, exp=exponent):
            start = substitute(base, {small: sp.Integer(0)}, reading.table)
            apart = start.is_nonzero or provably_positive(start, reading.facts)
            if not (apart if exponent.is_Integer else provably_positive(start, reading.facts)):
                raise refused
        case sp.log():
            start = substitute(expression.args[0], {small: sp.Integer(0)}, reading.table)
            if not provably_positive(start, reading.facts):
                raise refused
        case sp.Subs() if small not in expression.expr.free_symbols:
            pass
        case _ if isinstance(expression, OPERATORS):
            if any(limit.is_infinite for limits in expression.limits for limit in limits[1:]):
                raise refused
            if isinstance(expression, sp.Integral):
                closed = {
                    v: reading.table.temporary(_with_ends(reading, v, ends, small)) for v, *ends in expression.limits
                }
                smooth_at_zero(reading, expression.function.xreplace(closed), small, (*inside, *closed.values()))
                for limit in (end for limits in expression.limits for end in limits[1:]):
                    smooth_at_zero(reading, limit, small, inside)
                return
        case _:
            raise refused
    parts = expression.point if isinstance(expression, sp.Subs) else expression.args
    for part in parts:
        if isinstance(part, sp.Expr):
            smooth_at_zero(reading, part, small, inside)
        elif isinstance(part, sp.Tuple) and len(part) == 3:
            for limit in part[1:]:
                smooth_at_zero(reading, limit, small, inside)


def _with_ends(reading: Evaluation, variable: sp.Symbol, ends: list[sp.Expr], small: sp.Symbol) -> str:
    """The domain of a bound variable with the ends of its range, where the small quantity is 0."""
    domain = reading.facts.domain(variable)
    there = [substitute(end, {small: sp.Integer(0)}, reading.table) for end in ends]
    if all(provably_positive(end, reading.facts) for end in there):
        return POSITIVE
    return NONNEGATIVE if domain in (POSITIVE, UNIT) else domain
