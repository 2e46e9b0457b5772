"""Undefined functions and their derivatives at a point, in one form: function, orders, arguments."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import sympy as sp
from sympy.core.function import AppliedUndef


class NoJet(Exception):
    """A derivative that is not one of an undefined function in its own arguments."""


@dataclass(frozen=True)
class Jet:
    """The derivative of `function` of the given order in each argument, evaluated at `arguments`."""

    function: sp.FunctionClass
    orders: tuple[int, ...]
    arguments: tuple[sp.Expr, ...]


def is_jet(e: sp.Basic) -> bool:
    """Whether the expression may be an undefined function or a derivative of one."""
    return isinstance(e, AppliedUndef | sp.Derivative | sp.Subs)


def jet_of(e: sp.Expr) -> Jet:
    """The jet that an expression stands for. Raises NoJet."""
    places: dict[sp.Expr, sp.Expr] = {}
    if isinstance(e, sp.Subs):
        places = dict(zip(e.variables, e.point, strict=True))
        e = e.expr
    counts: dict[sp.Symbol, int] = {}
    call = e
    if isinstance(e, sp.Derivative):
        call = e.expr
        counts = {v: int(n) for v, n in e.variable_count}
    if not isinstance(call, AppliedUndef):
        raise NoJet("a derivative that could not be carried out")
    for variable in counts:
        if variable not in call.args or sum(a.has(variable) for a in call.args) != 1:
            raise NoJet("a derivative in a variable that stands in several places")
    orders = tuple(counts.get(a, 0) for a in call.args)
    return Jet(call.func, orders, tuple(a.xreplace(places) for a in call.args))


def carry_out(e: sp.Expr, roots: Collection[sp.Symbol]) -> sp.Expr:
    """A derivative (or an evaluation) of something that is not an undefined function, carried out.

    Raises NoJet when a tied root occurs: it may depend on the variable, which SymPy does not know.
    """
    if any(symbol in roots for symbol in e.free_symbols):
        raise NoJet("a derivative of an expression with a tied root")
    opened = e.doit(integrals=False, sums=False, products=False)
    if opened == e:
        raise NoJet("a derivative that could not be carried out")
    return opened
