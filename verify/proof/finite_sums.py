"""Finite sums and products with a symbolic upper limit, by induction on that limit.

The residual r(n) vanishes for every n >= 1 when r(1) does and r(n+1) follows from r(n): either the difference
r(n+1) - r(n) vanishes, or r is linear in one sum or product, which r(n) = 0 then gives.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import sympy as sp

from verify.language.scope import INDEX
from verify.meaning.errors import Unsupported
from verify.meaning.facts import Facts
from verify.meaning.sizes import expand
from verify.proof.normal_form import ZeroDecision, decide_sign, decide_zero

OPERATORS = (sp.Sum, sp.Product)
MAX_POWER = 8
MAX_BASE = 16  # terms that are written out for n = 1


def by_upper_limit(residual: sp.Expr, facts: Facts) -> Iterator[list[ZeroDecision]]:
    """Decisions on the base and on the step, for each name that an upper limit allows; all must be zero."""
    residual = _power_sums(_split(residual), facts)
    if not residual.has(*OPERATORS):
        decision = decide_zero(residual, facts)
        decision.conditions.append("sums of powers of the index in closed form")
        yield [decision]
        return
    for n in _candidates(residual, facts):
        known = _without(facts, n)
        base = decide_zero(_written_out(residual.xreplace({n: sp.Integer(1)})), known)
        if not base.zero:
            continue
        for step in _steps(residual, _next(residual, n), n, known):
            if step.zero:
                step.conditions.append(f"induction on {n}: for {n} = 1, and from {n} to {n} + 1")
                yield [base, step]
                return


def _split(residual: sp.Expr) -> sp.Expr:
    """Sums split over the terms of their bodies, with what does not depend on the index in front."""
    replacements = {}
    for operator in sorted(residual.atoms(sp.Sum), key=sp.default_sort_key):
        if len(operator.limits) != 1 or operator.function.has(*OPERATORS):
            continue
        variable = operator.limits[0][0]
        try:
            body = expand(operator.function)
        except Unsupported:  # too many terms: the sum stays whole
            continue
        total = sp.Integer(0)
        for term in sp.Add.make_args(body):
            outside, inside = term.as_independent(variable, as_Add=False)
            total += outside * sp.Sum(inside, operator.limits[0])
        replacements[operator] = total
    return residual.xreplace(replacements)


def _power_sums(residual: sp.Expr, facts: Facts) -> sp.Expr:
    """Sums of k**m from a to b as F(b) - F(a-1), where F(x) - F(x-1) = x**m; b >= a-1 must be certain."""
    replacements = {}
    for operator in sorted(residual.atoms(sp.Sum), key=sp.default_sort_key):
        variable, lower, upper = operator.limits[0]
        degree = sp.degree(operator.function, variable) if operator.function.is_polynomial(variable) else None
        if len(operator.limits) != 1 or degree is None or operator.function != variable**degree or degree > MAX_POWER:
            continue
        length = upper - lower + 1
        if length.is_nonnegative or decide_sign(length, facts).value > 0:
            place = sp.Dummy()
            total = (sp.bernoulli(degree + 1, place + 1) - sp.bernoulli(degree + 1, 1)) / (degree + 1)
            replacements[operator] = total.xreplace({place: upper}) - total.xreplace({place: lower - 1})
    return residual.xreplace(replacements)


def _operators(expression: sp.Expr, n: sp.Symbol) -> list[sp.Expr]:
    found = [o for o in expression.atoms(*OPERATORS) if n in o.free_symbols]
    return sorted(found, key=sp.default_sort_key)


def _candidates(residual: sp.Expr, facts: Facts) -> list[sp.Symbol]:
    """Free indices n such that every sum in which n occurs runs from a fixed number to n + c."""
    free = [s for s in residual.free_symbols if facts.domain(s) == INDEX]
    tied = {s for _, base in facts.roots.values() for s in base.free_symbols} | set(facts.roots)
    return sorted((s for s in free if s not in tied and _runs_to(residual, s)), key=lambda s: s.name)


def _runs_to(residual: sp.Expr, n: sp.Symbol) -> bool:
    operators = _operators(residual, n)
    for operator in operators:
        if len(operator.limits) != 1 or n in operator.function.free_symbols:
            return False
        _, lower, upper = operator.limits[0]
        beyond = sp.expand(upper - n)
        if not (lower.is_Integer and beyond.is_Integer and -1 <= beyond - lower + 1 < MAX_BASE):
            return False
    # An integral or a derivative that contains n is not opened here.
    hidden = any(n in o.free_symbols for o in residual.atoms(sp.Integral, sp.Derivative, sp.Subs))
    return bool(operators) and not hidden


def _without(facts: Facts, n: sp.Symbol) -> Facts:
    """The facts that hold for every n: an assumption about n may fail at n = 1 or at n + 1."""
    return replace(facts, positive=[p for p in facts.positive if n not in p.free_symbols])


def _written_out(expression: sp.Expr) -> sp.Expr:
    """The sums whose limits have become numbers, term by term; an empty one is 0 or 1."""
    replacements = {}
    for operator in sorted(expression.atoms(*OPERATORS), key=sp.default_sort_key):
        if len(operator.limits) != 1:
            continue
        variable, lower, upper = operator.limits[0]
        if lower.is_Integer and upper.is_Integer and -1 <= upper - lower < MAX_BASE:
            terms = [operator.function.xreplace({variable: sp.Integer(k)}) for k in range(int(lower), int(upper) + 1)]
            replacements[operator] = sp.Add(*terms) if isinstance(operator, sp.Sum) else sp.Mul(*terms)
    return expression.xreplace(replacements)


def _next(residual: sp.Expr, n: sp.Symbol) -> sp.Expr:
    """r(n+1), with the last term of every sum and the last factor of every product split off."""
    stand_ins = {operator: sp.Dummy(real=True) for operator in _operators(residual, n)}
    moved = residual.xreplace(stand_ins).xreplace({n: n + 1})
    back = {}
    for operator, stand_in in stand_ins.items():
        variable, _, upper = operator.limits[0]
        last = operator.function.xreplace({variable: upper + 1})
        back[stand_in] = operator + last if isinstance(operator, sp.Sum) else operator * last
    return moved.xreplace(back)


def _steps(residual: sp.Expr, following: sp.Expr, n: sp.Symbol, facts: Facts) -> Iterator[ZeroDecision]:
    yield decide_zero(following - residual, facts)
    for operator in _operators(residual, n):
        place = sp.Dummy(real=True)
        try:
            opened = expand(residual.xreplace({operator: place}))
        except Unsupported:  # too many terms: not looked at as linear in this sum
            continue
        if not opened.is_polynomial(place) or sp.degree(opened, place) != 1:
            continue
        slope, rest = opened.coeff(place, 1), opened.coeff(place, 0)
        moving = sp.together(slope).as_independent(n, as_Add=False)[1]
        if moving != 1 and not moving.has(*OPERATORS) and _never_zero(moving, facts):
            yield decide_zero(following / moving.xreplace({n: n + 1}) - residual / moving, facts)
        if _never_zero(slope, facts):
            yield decide_zero(following.xreplace({operator: -rest / slope}), facts)


def _never_zero(expression: sp.Expr, facts: Facts) -> bool:
    found = decide_sign(expression, facts)
    return bool(found.value) and found.strict
