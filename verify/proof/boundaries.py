"""Whether the declared boundary fields can vanish at infinity together: functions are tried for which they do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product

import sympy as sp
from sympy.core.function import AppliedUndef, UndefinedFunction

from verify.language.scope import REAL, Scope
from verify.language.tree import Name
from verify.meaning.errors import MeaningError, Unsupported
from verify.meaning.reading import read_in

FAR = 12  # where the forms below have decayed, or not, for all to see
SMALL = 10**-6
ELSEWHERE = sp.Rational(1, 2)  # the value of every name but the space variable

Form = Callable[..., sp.Expr]


def _decaying(*arguments: sp.Expr) -> sp.Expr:
    return sp.exp(-sp.Add(*[a**2 for a in arguments]))


def _levelling(*arguments: sp.Expr) -> sp.Expr:
    return 1 + _decaying(*arguments)


def _growing(*arguments: sp.Expr) -> sp.Expr:
    return 1 / _decaying(*arguments)


FORMS: tuple[Form, ...] = (_decaying, _levelling, _growing)


def fields_that_exclude_each_other(scope: Scope) -> str:
    """The boundary fields that vanish together for none of the functions tried, in words; '' when they may.

    A density decays. Every other function may decay, level off or grow, positive ones in one way and the rest in
    one way. Fields that are no elementary formula for such functions are passed over.
    """
    reading = read_in(scope, 1 if isinstance(scope.dimension, str) else scope.dimension[0])
    try:
        space = reading.value(Name(scope.space))
        values = [reading.value(node) for node in scope.boundary]
    except (MeaningError, Unsupported):
        return ""
    fields = [part for value in values for part in ([value] if isinstance(value, sp.Expr) else value)]
    fields = [field for field in fields if not field.has(sp.Integral, sp.Sum, sp.Product)]
    functions = sorted({call.func for field in fields for call in field.atoms(AppliedUndef)}, key=str)
    keys = reading.function_keys
    line = [space] if isinstance(space, sp.Expr) else list(space)
    places = [{x: sp.Integer(side * FAR) for x in line} for side in (1, -1)]
    densities = [f for f in functions if (d := scope.get(keys.get(str(f), ""))) is not None and d.density]
    for positive, other in product(FORMS, FORMS):
        forms = {f: positive if reading.facts.functions[str(f)] != REAL else other for f in functions}
        forms |= dict.fromkeys(densities, _decaying)
        if all(_vanishes(field, forms, places) for field in fields):
            return ""
    return ", ".join(map(str, fields))


def _vanishes(
    field: sp.Expr, forms: Mapping[UndefinedFunction, Form], places: Sequence[Mapping[sp.Symbol, sp.Expr]]
) -> bool:
    """Whether the field is small far away on both sides, with these functions put in."""
    concrete = field.replace(lambda e: isinstance(e, AppliedUndef), lambda e: forms[e.func](*e.args)).doit()
    for place in places:
        others = {s: sp.Integer(1) if s.is_integer else ELSEWHERE for s in concrete.free_symbols - set(place)}
        value = concrete.xreplace({**others, **place}).evalf()
        if not (value.is_real and abs(value) < SMALL):
            return False
    return True
