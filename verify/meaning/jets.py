"""Derivatives of undefined functions at given arguments, built without SymPy's substitution.

SymPy lets a substituted argument be captured by the variable of a derivative: in
`Derivative(f(x, y), x)` the value `y = x` gives the total derivative of `f(x, x)`. Here a derivative
is a function, an order in each argument, and the arguments it is taken at.
"""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp
from sympy.core.function import AppliedUndef, UndefinedFunction

from verify.meaning.errors import Unsupported

Jet = tuple[UndefinedFunction, tuple[int, ...], tuple[sp.Expr, ...]]


def jet_of(expression: sp.Expr) -> Jet | None:
    """(function, order in each argument, arguments) of a value or derivative; None for others."""
    if isinstance(expression, AppliedUndef):
        return expression.func, (0,) * len(expression.args), expression.args
    if isinstance(expression, sp.Subs):
        inner = jet_of(expression.expr) if isinstance(expression.expr, sp.Derivative) else None
        if inner is None:
            return None
        point = dict(zip(expression.variables, expression.point, strict=True))
        return inner[0], inner[1], tuple(argument.xreplace(point) for argument in inner[2])
    if isinstance(expression, sp.Derivative) and isinstance(expression.expr, AppliedUndef):
        arguments = expression.expr.args
        if not all(_only_there(variable, arguments) for variable in expression.variables):
            return None
        return expression.expr.func, tuple(expression.variables.count(a) for a in arguments), arguments
    return None


def _only_there(variable: sp.Expr, arguments: Sequence[sp.Expr]) -> bool:
    """True when the variable is one of the arguments and occurs in no other."""
    return variable in arguments and sum(a.has(variable) for a in arguments) == 1


def jet(function: UndefinedFunction, orders: Sequence[int], arguments: Sequence[sp.Expr]) -> sp.Expr:
    """The derivative of a function taken at the arguments, in one canonical form."""
    if not any(orders):
        return function(*arguments)
    used = [int(s.name[3:]) for a in arguments for s in a.atoms(sp.Symbol) if s.name.startswith("_at")]
    number = max(used, default=0)
    places, values, steps = list(arguments), [], []
    for position, (order, argument) in enumerate(zip(orders, arguments, strict=True)):
        if not order:
            continue
        place = argument
        if not (argument.is_Symbol and _only_there(argument, arguments)):
            number += 1
            place = sp.Symbol(f"_at{number}", real=True)
            values.append((place, argument))
        places[position] = place
        steps.append((place, order))
    derivative = sp.Derivative(function(*places), *steps)
    if not values:
        return derivative
    return sp.Subs(derivative, tuple(place for place, _ in values), tuple(value for _, value in values))


def canonical(expression: sp.Expr) -> sp.Expr:
    """Every derivative at a point in its canonical form. Raises Unsupported for any other `Subs`."""
    if not expression.has(sp.Subs, sp.Derivative):
        return expression

    def renamed(node: sp.Expr) -> sp.Expr:
        parts = jet_of(node)
        if parts is None:
            raise Unsupported("a derivative that cannot be expressed in the arguments of its function")
        return jet(*parts)

    return expression.replace(_is_loose, renamed)


def _is_loose(node: sp.Basic) -> bool:
    """A derivative at a point, or one in a function such as `sigma(t)` in the place of a variable."""
    if isinstance(node, sp.Derivative):
        return not all(variable.is_Symbol for variable in node.variables)
    return isinstance(node, sp.Subs)
