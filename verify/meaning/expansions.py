r"""`O(h^n)`: where it may stand, and the Taylor coefficients that it leaves to be compared."""

from __future__ import annotations

import sympy as sp
from sympy.core.function import AppliedUndef

from verify.language.tree import Add, BigO, Negate, Node
from verify.meaning.errors import MeaningError, Unsupported
from verify.meaning.evaluation import Evaluation
from verify.meaning.expressions import OPERATORS, differentiate, substitute
from verify.meaning.positivity import provably_positive

SMOOTH = (sp.exp, sp.sin, sp.cos, sp.sinh, sp.cosh, sp.tanh, sp.atan, sp.erf)
MAX_ORDER = 12


def order_of(node: Node) -> BigO | None:
    """The `O(h^n)` of a side, or None. Raises MeaningError unless it is a term of the whole side."""
    top = _top_terms(node)
    found = [term for term in top if isinstance(term, BigO)]
    inside = [item for term in top for item in term.walk() if isinstance(item, BigO) and item is not term]
    if inside:
        raise MeaningError("O(h^n) must be a term of the whole side", inside[0].span)
    if len({(term.variable, term.order) for term in found}) > 1:
        raise MeaningError("one O(h^n) a side", found[1].span)
    return found[0] if found else None


def _top_terms(node: Node) -> list[Node]:
    match node:
        case Add(terms=terms):
            return [item for term in terms for item in _top_terms(term)]
        case Negate(operand=operand):
            return _top_terms(operand)
        case _:
            return [node]


def order_of_step(left: Node, right: Node) -> BigO | None:
    """The order up to which the two sides of a step are compared; None for an exact step.

    Raises MeaningError when the right side claims to be known better than the left side.
    """
    known, claimed = order_of(left), order_of(right)
    if known is None:
        return claimed
    if claimed is None or claimed.variable != known.variable or claimed.order > known.order:
        raise MeaningError(
            f"the left side is known up to O({known.variable}^{known.order}) only: "
            "the right side must keep an O of the same or a lower order",
            right.span,
        )
    return claimed


def taylor_coefficients(reading: Evaluation, expression: sp.Expr, order: BigO) -> list[sp.Expr]:
    """The derivatives at h = 0 below the order; all vanish when the expression is `O(h^n)`.

    Raises Unsupported where the expression is not known to be smooth at h = 0.
    """
    if not 0 <= order.order <= MAX_ORDER:
        raise Unsupported(f"expansions up to order {MAX_ORDER} are read")
    small = reading.own_value(order.variable, order.span)
    if not isinstance(small, sp.Symbol):
        raise MeaningError(f"{order.variable} is not a scalar", order.span)
    if reading.hides(expression, small):
        raise Unsupported("an expansion inside the argument of a vector is not expressed in symbolic d")
    for root, (degree, base) in list(reading.facts.roots.items()):
        if small in base.free_symbols:
            expression = expression.xreplace({root: base ** sp.Rational(1, degree)})
    _smooth_at_zero(reading, expression, small)
    reading.condition(f"the undefined functions are smooth near {order.variable} = 0")
    coefficients = []
    for power in range(order.order):
        if power:
            expression = differentiate(expression, small, reading.facts)
        value = substitute(expression, {small: sp.Integer(0)}, reading.table)
        if value.has(sp.zoo, sp.nan, sp.oo, -sp.oo):
            raise Unsupported(f"not finite at {order.variable} = 0")
        coefficients.append(value)
    return coefficients


def _smooth_at_zero(reading: Evaluation, expression: sp.Expr, small: sp.Symbol) -> None:
    if small not in expression.free_symbols:
        return
    refused = Unsupported(f"not known to be smooth at {small} = 0: {expression}")
    match expression:
        case sp.Symbol() | sp.Add() | sp.Mul() | AppliedUndef() | sp.Derivative():
            pass
        case _ if isinstance(expression, SMOOTH):
            pass
        case sp.Pow(base=base, exp=exponent) if exponent.is_Integer and exponent > 0:
            pass
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
        case _:
            raise refused
    parts = expression.point if isinstance(expression, sp.Subs) else expression.args
    for part in parts:
        if isinstance(part, sp.Expr):
            _smooth_at_zero(reading, part, small)
        elif isinstance(part, sp.Tuple) and len(part) == 3:
            for limit in part[1:]:
                _smooth_at_zero(reading, limit, small)
