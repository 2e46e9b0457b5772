"""SymPy expressions with integrals and sums: closing, substituting, differentiating without capture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sympy as sp

from verify.language.scope import INDEX, INTEGER, NONNEGATIVE, POSITIVE, REAL, UNIT
from verify.meaning.errors import Unsupported
from verify.meaning.facts import Facts
from verify.meaning.jets import canonical, jet, jet_of
from verify.meaning.sizes import expand
from verify.meaning.symbols import SymbolTable, depth_of

OPERATORS = (sp.Integral, sp.Sum, sp.Product)


def domain_of(expression: sp.Expr, facts: Facts) -> str:
    """The smallest domain that the value of the expression is known to lie in."""
    if expression.is_Symbol or isinstance(expression, sp.core.function.AppliedUndef):
        return facts.domain(expression)
    if expression.is_integer:
        return INDEX if expression.is_positive else INTEGER
    if expression.is_positive:
        return UNIT if expression.is_Rational and expression < 1 else POSITIVE
    return NONNEGATIVE if expression.is_nonnegative else REAL


def close(
    operator: type, body: sp.Expr, variable: sp.Symbol, lower: sp.Expr, upper: sp.Expr, table: SymbolTable
) -> sp.Expr:
    """`operator` over a temporary `variable`, which gets its canonical bound name.

    Factors without the variable come out of sums and integrals.
    """
    if issubclass(operator, sp.Product):
        return _closed(operator, body, variable, lower, upper, table)
    terms = sp.Add.make_args(_separated(body, variable)) if issubclass(operator, sp.Sum) else (body,)
    total = sp.Integer(0)
    for term in terms:
        factors = sp.Mul.make_args(term)
        outside = sp.Mul(*[factor for factor in factors if not depends(factor, [variable])])
        inside = sp.Mul(*[factor for factor in factors if depends(factor, [variable])])
        total += outside * _closed(operator, inside, variable, lower, upper, table)
    return total


def _closed(
    operator: type, body: sp.Expr, variable: sp.Symbol, lower: sp.Expr, upper: sp.Expr, table: SymbolTable
) -> sp.Expr:
    bound = table.bound(depth_of(body) + 1, table.facts.symbols[variable])
    return operator(rename(body, {variable: bound}), (bound, lower, upper))


def _separated(body: sp.Expr, variable: sp.Symbol) -> sp.Expr:
    """The body of a sum multiplied out, where it contains sums that do not depend on its index.

    They come out as factors then, and the same sum has the same depth wherever it occurs.
    """
    inner = body.atoms(*OPERATORS)
    if all(depends(operator, [variable]) for operator in inner):
        return body
    return expand(body)


def rename(expression: sp.Expr, names: Mapping[sp.Symbol, sp.Symbol]) -> sp.Expr:
    """Symbols for symbols. The new ones must not be bound anywhere inside."""
    return expression.xreplace(dict(names))


def substitute(expression: sp.Expr, values: Mapping[sp.Basic, sp.Expr], table: SymbolTable) -> sp.Expr:
    """Free symbols replaced by values, simultaneously; bound variables never capture anything."""
    if expression in values:
        return values[expression]
    if not expression.args or not any(key in expression.free_symbols for key in values):
        return expression
    if isinstance(expression, OPERATORS):
        variable, lower, upper = expression.limits[-1]
        inner = expression.limits[:-1]
        body = expression.func(expression.function, *inner) if inner else expression.function
        temporary = table.temporary(table.facts.symbols[variable])
        body = substitute(rename(body, {variable: temporary}), values, table)
        lower, upper = (substitute(limit, values, table) for limit in (lower, upper))
        return close(expression.func, body, temporary, lower, upper, table)
    if isinstance(expression, sp.Derivative | sp.Subs):
        parts = jet_of(expression)
        if parts is None:
            raise Unsupported("a derivative that cannot be expressed in the arguments of its function")
        function, orders, arguments = parts
        return jet(function, orders, [substitute(argument, values, table) for argument in arguments])
    return expression.func(*[substitute(argument, values, table) for argument in expression.args])


def differentiate(expression: sp.Expr, symbol: sp.Symbol, facts: Facts) -> sp.Expr:
    """Derivative in a free symbol; tied roots `s**q = base` follow the chain rule."""
    if any(symbol in case.free_symbols for case in expression.atoms(sp.Piecewise)):
        raise Unsupported("the derivative of a case distinction: it may jump where the cases meet")
    result = canonical(_derivative(expression, symbol))
    for root, (degree, base) in facts.roots.items():
        if root != symbol and expression.has(root):
            inner = differentiate(base, symbol, facts)
            if inner != 0:
                outer = canonical(_derivative(expression, root))
                result += outer * inner / (degree * root ** (degree - 1))
    return result


def _derivative(expression: sp.Expr, symbol: sp.Symbol) -> sp.Expr:
    """`sp.diff`, with integrals and sums differentiated by rule: SymPy's own way substitutes and is slow."""
    stand_ins: dict[sp.Basic, sp.Expr] = {}
    back: dict[sp.Basic, sp.Expr] = {}
    for number, operator in enumerate(_outermost_operators(expression, symbol)):
        stand_in = sp.Function(f"operator{number}", real=True)(symbol)
        stand_ins[operator] = stand_in
        back[sp.Derivative(stand_in, symbol)] = _derivative_inside(operator, symbol)
        back[stand_in] = operator
    return sp.diff(expression.xreplace(stand_ins), symbol).xreplace(back)


def _outermost_operators(expression: sp.Basic, symbol: sp.Symbol) -> list[sp.Expr]:
    """The integrals and sums that depend on the symbol and lie in no other one, in the order of the tree."""
    found: dict[sp.Expr, None] = {}
    parts = sp.preorder_traversal(expression)
    for part in parts:
        if isinstance(part, sp.Integral | sp.Sum):
            parts.skip()
            if symbol in part.free_symbols:
                found[part] = None
    return list(found)


def _derivative_inside(operator: sp.Expr, symbol: sp.Symbol) -> sp.Expr:
    """Leibniz: differentiate under the sign, and add what moving limits of an integral bring."""
    (variable, lower, upper), inner = operator.limits[-1], operator.limits[:-1]
    if isinstance(operator, sp.Sum) and symbol in (lower.free_symbols | upper.free_symbols):
        raise Unsupported("the derivative of a sum in its own limits")
    body = operator.func(operator.function, *inner) if inner else operator.function
    inside = canonical(_derivative(body, symbol))
    total = sp.Integer(0) if inside == 0 else operator.func(inside, (variable, lower, upper))
    for limit, sign in ((upper, 1), (lower, -1)):
        if symbol in limit.free_symbols:
            total += sign * _at(body, variable, limit) * _derivative(limit, symbol)
    return total


def _at(body: sp.Expr, variable: sp.Symbol, value: sp.Expr) -> sp.Expr:
    """The body at the end of its range. Derivatives are taken first and evaluated then."""
    if variable not in body.free_symbols:
        return body
    if isinstance(body, sp.Derivative | sp.Subs):
        parts = jet_of(body)
        if parts is None:
            raise Unsupported("a derivative that cannot be expressed in the arguments of its function")
        function, orders, arguments = parts
        return jet(function, orders, [_at(argument, variable, value) for argument in arguments])
    if not body.args:
        return value if body == variable else body
    return body.func(*[_at(argument, variable, value) for argument in body.args])


def depends(expression: sp.Basic, symbols: Sequence[sp.Symbol]) -> bool:
    """True when one of the symbols is free in the expression."""
    free = expression.free_symbols
    return any(symbol in free for symbol in symbols)
