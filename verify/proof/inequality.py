r"""Inequalities: a residual that certainly is never negative, or never zero or negative, on the declared domain.

The arguments, each exact: the sign of the normal form; regions of absolute values and extrema; an assumption
`p > 0` used up by writing a name through the distance from its boundary; a quadratic by its discriminant; a
convex function by its minimum; a monotone function from the end of its domain. What none of them settles
stays undecided.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import sympy as sp
from sympy.core.function import AppliedUndef

from verify.language.scope import NONNEGATIVE, POSITIVE, REAL, UNIT
from verify.meaning.errors import Unsupported
from verify.meaning.expressions import differentiate
from verify.meaning.facts import Facts
from verify.meaning.sizes import expand
from verify.proof.enclosure import negative_somewhere
from verify.proof.normal_form import decide_sign, decide_zero
from verify.proof.numbers import sign_of_number
from verify.proof.regions import BINDING, BRANCHING, affine_in, fresh, moved, regions

MAX_DEPTH = 5
MAX_QUESTIONS = 90
MAX_SIZE = 200  # operations in an expression that is looked at
ENTIRE = (sp.exp, sp.sin, sp.cos, sp.sinh, sp.cosh, sp.tanh, sp.erf, sp.atan)


@dataclass
class _Search:
    """How many questions may still be asked, and the arguments that led to the answer."""

    left: int = MAX_QUESTIONS
    words: list[str] = field(default_factory=list)


def certainly_nonnegative(expression: sp.Expr, facts: Facts, strict: bool) -> list[str] | None:
    """The arguments in words when the expression is >= 0 (> 0 if strict) wherever the facts hold, else None."""
    search = _Search()
    return search.words if _holds(expression, facts, strict, 0, search) else None


def _holds(e: sp.Expr, facts: Facts, strict: bool, depth: int, search: _Search) -> bool:
    if depth > MAX_DEPTH or search.left <= 0 or e.count_ops() > MAX_SIZE:
        return False
    search.left -= 1
    if _by_sign(e, facts, strict):
        return True
    if negative_somewhere(e, facts):
        return False
    before = list(search.words)
    for argument in (_by_regions, _by_assumptions, _by_squares, _by_discriminant, _by_convexity, _by_monotony):
        try:
            if argument(e, facts, strict, depth + 1, search):
                return True
        except Unsupported:  # too large to be multiplied out, or no derivative: this argument does not apply
            pass
        search.words[:] = before
    return False


def _by_sign(e: sp.Expr, facts: Facts, strict: bool) -> bool:
    number = sign_of_number(e)
    if number.value:
        return number.value > 0  # its normal form may be huge: exp(0.0001) is a high root
    found = decide_sign(e, facts)
    if found.value > 0 and (found.strict or not strict):
        return True
    return not strict and bool(decide_zero(e, facts).zero)


# ---------------------------------------------------------------- domains


def _by_regions(e: sp.Expr, facts: Facts, strict: bool, depth: int, search: _Search) -> bool:
    if not e.has(*BRANCHING):
        return False
    parts = regions(e, facts)
    search.left -= len(parts or [])
    if parts is None or not all(_holds(part.expression, part.facts, strict, depth, search) for part in parts):
        return False
    search.words += ["region " + ", ".join(part.words) for part in parts if part.words]
    return True


def _by_assumptions(e: sp.Expr, facts: Facts, strict: bool, depth: int, search: _Search) -> bool:
    """p > 0 is used up: a name in which p is affine becomes what it is where p has the value t > 0."""
    for p in facts.positive:
        if not p.free_symbols & e.free_symbols:
            continue
        rest = replace(facts, positive=[q for q in facts.positive if q != p])
        for symbol, slope, other in affine_in(expand(p), [e], rest):
            distance = fresh(POSITIVE, [e, *facts.symbols])
            place = (distance - other) / slope
            there = moved(rest, symbol, place, {distance: POSITIVE})
            there = replace(there, positive=[q for q in there.positive if not _certain(q, there)])
            if _holds(e.xreplace({symbol: place}), there, strict, depth, search):
                search.words.append(f"assumed: {p} > 0")
                return True
    return False


def _certain(p: sp.Expr, facts: Facts) -> bool:
    """Whether p > 0 follows from the other facts, so that it need not be kept."""
    found = decide_sign(p, replace(facts, positive=[q for q in facts.positive if q != p]))
    return found.value > 0 and found.strict


def _by_squares(e: sp.Expr, facts: Facts, strict: bool, depth: int, search: _Search) -> bool:
    r"""A name under a root is the square (cube, ...) of another: x + y - 2\sqrt{xy} becomes a square."""
    values = {}
    for symbol in sorted(e.free_symbols, key=lambda s: s.name):
        powers = [p for p in e.atoms(sp.Pow) if p.exp.is_Rational and p.exp.q > 1 and symbol in p.base.free_symbols]
        degrees = {int(p.exp.q) for p in powers}
        plain = facts.domain(symbol) in (POSITIVE, NONNEGATIVE, UNIT) and symbol not in facts.roots
        if len(degrees) == 1 and plain and not _bound_somewhere(e, symbol):
            values[symbol] = degrees.pop()
    for symbol, degree in values.items():
        domain = facts.domain(symbol)
        root = fresh(domain, [e, *facts.symbols])
        e = e.xreplace({symbol: root**degree})
        facts = moved(facts, symbol, root**degree, {root: domain})
        facts = replace(facts, positive=[q for q in facts.positive if q not in (root**degree, 1 - root**degree)])
    return bool(values) and _holds(sp.powdenest(e), facts, strict, depth, search)


def _bound_somewhere(e: sp.Expr, symbol: sp.Symbol) -> bool:
    return any(symbol in o.free_symbols for o in e.atoms(*BINDING))


# ---------------------------------------------------------------- quadratics


def _by_discriminant(e: sp.Expr, facts: Facts, strict: bool, depth: int, search: _Search) -> bool:
    """a s^2 + b s + c with a >= 0, c >= 0 and 4ac >= b^2 is nowhere negative; strictly if 4ac > b^2 and c > 0."""
    outside = e.xreplace({operator: sp.Dummy() for operator in e.atoms(*BINDING)})
    if not outside.free_symbols & e.free_symbols and not outside.has(AppliedUndef):
        return False  # a quadratic in nothing: its numerator need not be multiplied out, which may take minutes
    numerator = _numerator(e, facts)
    if numerator is None:
        return False
    for name in sorted(numerator.free_symbols | numerator.atoms(AppliedUndef), key=sp.default_sort_key):
        place = sp.Dummy(real=True)
        opened = numerator.xreplace({name: place})
        inside = any(o.has(name) for o in numerator.atoms(*BINDING))
        if inside or name in facts.roots or opened.has(name) or not opened.is_polynomial(place):
            continue
        if sp.degree(opened, place) != 2:
            continue
        a, b, c = (opened.coeff(place, n) for n in (2, 1, 0))
        gap = expand(4 * a * c - b**2)
        needed = ((a, False), (c, strict), (gap, strict))
        if b != 0 and all(_holds(part, facts, s, depth, search) for part, s in needed):
            search.words.append(f"the discriminant in {name} is not positive: {-gap}")
            return True
    return False


def _numerator(e: sp.Expr, facts: Facts) -> sp.Expr | None:
    """e times its denominator, expanded, when that is certainly positive; |denominator| otherwise of one sign."""
    above, below = sp.fraction(sp.together(e))
    found = decide_sign(below, facts)
    if not (found.value and found.strict):
        return None
    try:
        return expand(above * found.value)
    except Unsupported:
        return None


# ---------------------------------------------------------------- functions of one variable


def _by_convexity(e: sp.Expr, facts: Facts, strict: bool, depth: int, search: _Search) -> bool:
    """The least value is where the slope vanishes, if the function is convex or falls before and rises after."""
    for symbol in _variables(e, facts):
        if not _regular(e, symbol, facts):
            continue
        slope = differentiate(e, symbol, facts)
        for place in _stationary(e, slope, symbol, facts):
            curvature = differentiate(slope, symbol, facts)
            if not _holds(e.xreplace({symbol: place}), _free_of(facts, symbol), strict, depth, search):
                continue
            for quantity, word in ((curvature, "convex"), ((symbol - place) * slope, "falls and rises")):
                if _holds(quantity, facts, False, depth, search):
                    search.words.append(f"{word} in {symbol} with its minimum at {place}")
                    return True
    return False


def _by_monotony(e: sp.Expr, facts: Facts, strict: bool, depth: int, search: _Search) -> bool:
    """From 0 upward with a slope that is never negative; a real name is looked at on both sides of 0."""
    for symbol in _variables(e, facts):
        domain = facts.domain(symbol)
        sides = (1, -1) if domain == REAL else (1,)
        if all(_rises(e, symbol, sign, facts, strict, depth, search) for sign in sides):
            return True
        if domain == UNIT and _rises(e.xreplace({symbol: 1 - symbol}), symbol, 1, facts, strict, depth, search):
            return True
    return False


def _rises(
    e: sp.Expr, symbol: sp.Symbol, sign: int, facts: Facts, strict: bool, depth: int, search: _Search
) -> bool:
    if any(symbol in p.free_symbols for p in facts.positive):
        return False
    domain = facts.domain(symbol)
    ray = fresh(NONNEGATIVE, [e, *facts.symbols])
    on_ray = e.xreplace({symbol: sign * ray})
    closed = replace(facts, symbols={s: d for s, d in facts.symbols.items() if s != symbol} | {ray: NONNEGATIVE})
    if domain == UNIT:
        closed = replace(closed, positive=[*closed.positive, 1 - ray])
    if not _regular(on_ray, ray, closed):
        return False
    start = on_ray.xreplace({ray: sp.Integer(0)})
    slope = differentiate(on_ray, ray, closed)
    open_end = strict and domain in (POSITIVE, UNIT)  # 0 itself is outside: a strict slope is enough
    inner = facts if sign > 0 and domain in (POSITIVE, UNIT) else closed
    slope_there = slope.xreplace({ray: symbol}) if inner is facts else slope
    if not _holds(start, closed, strict and not open_end, depth, search):
        return False
    if not _holds(slope_there, inner, open_end, depth, search):
        return False
    search.words.append(f"monotone in {symbol}, from its value at 0")
    return True


def _variables(e: sp.Expr, facts: Facts) -> list[sp.Symbol]:
    """Free names of an interval domain that nothing ties or hides."""
    tied = {s for _, base in facts.roots.values() for s in base.free_symbols} | set(facts.roots)
    return [
        s for s in sorted(e.free_symbols, key=lambda s: s.name)
        if facts.domain(s) in (REAL, POSITIVE, NONNEGATIVE, UNIT) and s not in tied and not _bound_somewhere(e, s)
    ]  # fmt: skip


def _regular(e: sp.Expr, symbol: sp.Symbol, facts: Facts) -> bool:
    """Whether e certainly is smooth in the symbol on its whole domain: no pole, no branch point, no kink."""
    if symbol not in e.free_symbols:
        return True
    if e.is_Symbol:
        return True
    if e.is_Add or e.is_Mul or isinstance(e, ENTIRE):
        return all(_regular(a, symbol, facts) for a in e.args)
    if e.is_Pow:
        if e.exp.is_Integer and e.exp > 0:
            return _regular(e.base, symbol, facts)
        found = decide_sign(e.base, facts)
        certain = found.strict and (found.value > 0 or bool(found.value and e.exp.is_Integer))
        return certain and _regular(e.base, symbol, facts) and _regular(e.exp, symbol, facts)
    if isinstance(e, sp.log):
        found = decide_sign(e.args[0], facts)
        return found.value > 0 and found.strict and _regular(e.args[0], symbol, facts)
    return False


def _stationary(e: sp.Expr, slope: sp.Expr, symbol: sp.Symbol, facts: Facts) -> Iterator[sp.Expr]:
    """Simple places inside the domain where the slope certainly vanishes."""
    domain = facts.domain(symbol)
    places: list[sp.Expr] = [sp.Integer(n) for n in ((1,) if domain in (POSITIVE, NONNEGATIVE) else (0, 1, -1))]
    places = places if domain != UNIT else [sp.Rational(1, 2)]
    wide = (REAL, *((POSITIVE,) if domain != REAL else (POSITIVE, NONNEGATIVE, UNIT)))
    for other in sorted(e.free_symbols - {symbol}, key=lambda s: s.name):
        fits = facts.domain(other) == domain or (domain == REAL and facts.domain(other) in wide)
        fits = fits or (domain in (POSITIVE, NONNEGATIVE) and facts.domain(other) in (POSITIVE, UNIT))
        if fits and other not in facts.roots:
            places += [other, 1 / other] if domain == POSITIVE else [other]
    limited = any(symbol in p.free_symbols for p in facts.positive)
    for place in places:
        if not limited and decide_zero(slope.xreplace({symbol: place}), _free_of(facts, symbol)).zero:
            yield place


def _free_of(facts: Facts, symbol: sp.Symbol) -> Facts:
    """The facts that do not concern a symbol."""
    return replace(facts, positive=[p for p in facts.positive if symbol not in p.free_symbols])
