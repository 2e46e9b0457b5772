r"""`O(h^n)`: where it may stand, and the Taylor coefficients that it leaves to be compared."""

from __future__ import annotations

import sympy as sp
from sympy.core.function import AppliedUndef

from verify.language.scope import INDEX, INTEGER
from verify.language.tree import Add, BigO, Negate, Node
from verify.meaning.errors import MeaningError, Unsupported
from verify.meaning.evaluation import Evaluation
from verify.meaning.expressions import differentiate, substitute
from verify.meaning.limits import approaches, remainder_coefficients
from verify.meaning.smoothness import refuse_outside, smooth_at_zero

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
    if claimed is None or claimed.variable != known.variable or abs(claimed.order) > abs(known.order):
        raise MeaningError(
            f"the left side is known up to O({known.variable}^{known.order}) only: "
            "the right side must keep an O of the same or a lower order",
            right.span,
        )
    return claimed


def taylor_coefficients(reading: Evaluation, expression: sp.Expr, order: BigO) -> list[sp.Expr]:
    """What must vanish for the expression to be `O(h^n)` as h tends to 0, or `O(N^{-n})` as N grows.

    Where it is smooth at h = 0 these are the derivatives there below the order, else the coefficients of
    an asymptotic series. Raises Unsupported where neither is known.
    """
    if not abs(order.order) <= MAX_ORDER:
        raise Unsupported(f"expansions up to order {MAX_ORDER} are read")
    small = reading.own_value(order.variable, order.span)
    if not isinstance(small, sp.Symbol):
        raise MeaningError(f"{order.variable} is not a scalar", order.span)
    if reading.hides(expression, small):
        raise Unsupported("an expansion inside the argument of a vector is not expressed in symbolic d")
    grows = reading.facts.domain(small) in (INTEGER, INDEX)
    if grows != (order.order < 0):
        raise MeaningError(
            f"O({order.variable}^{order.order}) with {order.variable} "
            + ("an integer: write O(N^{-1})" if grows else "going to 0: declare it an index if it grows"),
            order.span,
        )
    for root, (degree, base) in list(reading.facts.roots.items()):
        if small in base.free_symbols:
            expression = expression.xreplace({root: base ** sp.Rational(1, degree)})
    if not grows:
        try:
            return _derivatives_at_zero(reading, expression, small, order)
        except Unsupported as reason:
            problem = reason
    domain = reading.facts.domain(small)
    point = sp.oo if grows else sp.Integer(0)
    reading.condition(f"{order.variable} tends to {'infinity' if grows else '0'} with everything else fixed")
    try:
        return remainder_coefficients(
            reading, expression, approaches(reading, small, point, "", domain), abs(order.order)
        )
    except Unsupported as reason:
        raise (reason if grows else Unsupported(f"{problem.message}; {reason.message}")) from reason


def _derivatives_at_zero(
    reading: Evaluation, expression: sp.Expr, small: sp.Symbol, order: BigO
) -> list[sp.Expr]:
    smooth_at_zero(reading, expression, small)
    for call in sorted(expression.atoms(AppliedUndef), key=str):
        point = [substitute(argument, {small: sp.Integer(0)}, reading.table) for argument in call.args]
        if small in call.free_symbols:
            refuse_outside(reading, call.func.__name__, point)
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
