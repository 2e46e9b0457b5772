"""Admissible points: small rationals in the declared domains, generic concrete functions, tied roots.

Everything is drawn from a fixed seed in a fixed order. A point is admissible when every declared
domain, every root relation and every positivity assumption holds there, rigorously.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import sympy as sp
from sympy.core.function import AppliedUndef

from verify.language.scope import INDEX, INTEGER, NONNEGATIVE, POSITIVE, REAL, UNIT
from verify.meaning.facts import Facts
from verify.proof import intervals
from verify.proof.intervals import Interval, NotEvaluable
from verify.proof.jets import NoJet, carry_out, is_jet, jet_of

SEED = 20220601
RANGE_LENGTHS = (3, 1, -2, 2)  # values of symbolic limits of finite sums and products, tried in turn
OPERATORS = (sp.Sum, sp.Product)
MAX_OPENED = 64
MAX_KNOWN = 20_000  # parts of expressions that are kept with concrete functions put in

SIMPLE = {
    POSITIVE: ("2", "1/2", "3", "3/2", "1/3", "5/3", "2/5", "7/4", "5", "3/7"),
    UNIT: ("1/2", "1/3", "2/3", "3/4", "1/5", "2/5", "5/7", "3/8", "5/6", "2/9"),
    REAL: ("2", "-1", "1/2", "3", "-2/3", "3/2", "-5/2", "1/3", "-3", "7/4"),
    INTEGER: ("2", "3", "-1", "5", "4", "-2", "1", "7"),
    INDEX: ("2", "3", "4", "5", "6", "7"),
}
SIMPLE[NONNEGATIVE] = SIMPLE[POSITIVE]


@dataclass(frozen=True)
class AdmissiblePoint:
    """Exact values of the free symbols, enclosures of the tied roots, and the functions chosen."""

    rationals: dict[sp.Symbol, sp.Rational]
    roots: dict[sp.Symbol, Interval]
    bases: dict[sp.Symbol, tuple[int, Interval]]
    functions: dict[str, str]
    opened: dict[str, int]

    @property
    def values(self) -> dict[sp.Expr, sp.Rational | Interval]:
        """What `intervals.enclose` needs."""
        return {**self.rationals, **self.roots}

    def described(self) -> dict[str, str]:
        """Name -> exact value (a tied root: an enclosure), functions included."""
        shown = {s.name: str(v) for s, v in self.rationals.items()}
        shown |= {s.name: intervals.text(v) for s, v in self.roots.items()}
        shown |= {name: str(n) for name, n in self.opened.items()}
        return dict(sorted(shown.items())) | self.functions


@dataclass(frozen=True)
class Concrete:
    """Expressions without undefined functions, sums or derivatives, and what was chosen for that."""

    expressions: tuple[sp.Expr, ...]
    facts: Facts
    functions: dict[str, str]
    opened: dict[str, int]


# ---------------------------------------------------------------- making statements concrete


def concrete(expressions: Iterable[sp.Expr], facts: Facts, attempt: int = 0) -> Concrete:
    """Open finite sums and put generic concrete functions in; raises NotEvaluable when that fails."""
    expressions = list(expressions)
    everything = [*expressions, *(base for _, base in facts.roots.values()), *facts.positive]
    opened = _limit_values(everything, facts, RANGE_LENGTHS[attempt % len(RANGE_LENGTHS)])
    generator = random.Random(SEED + attempt)
    functions = _instances(everything, facts, generator)

    put_in = _putting_in(tuple((name, body) for name, (_, body) in functions.items()), frozenset(facts.roots))

    def change(e: sp.Expr) -> sp.Expr:
        e = put_in.change(_open_finite(e.xreplace(opened)))
        return _carried_out(e) if e.has(sp.Integral) else e

    changed = tuple(change(e) for e in expressions)
    symbols = {s: d for s, d in facts.symbols.items() if s not in opened}
    roots = {s: (degree, change(base)) for s, (degree, base) in facts.roots.items()}
    new_facts = Facts(symbols, {}, roots, [change(p) for p in facts.positive])
    shown = {f"{name}({', '.join(map(str, body.variables))})": str(body.expr)
             for name, (_, body) in functions.items()}
    return Concrete(changed, new_facts, shown, {s.name: int(n) for s, n in opened.items()})


def _limit_values(expressions: list[sp.Expr], facts: Facts, wanted: int) -> dict[sp.Symbol, sp.Integer]:
    """A small whole number for each symbol in a limit of a finite sum or product."""
    found: set[sp.Symbol] = set()
    for e in expressions:
        for operator in e.atoms(*OPERATORS):
            for _, lower, upper in operator.limits:
                found |= lower.free_symbols | upper.free_symbols
    bound = {v for e in expressions for o in e.atoms(*OPERATORS) for v, *_ in o.limits}
    chosen = sorted(found - bound, key=lambda s: s.name)
    usual = sp.Integer(RANGE_LENGTHS[0])
    if any(s in facts.roots or not inside(usual, facts.domain(s)) for s in chosen):
        raise NotEvaluable("a symbolic limit that cannot be a small whole number")
    number = sp.Integer(wanted)
    return {s: number if inside(number, facts.domain(s)) else usual for s in chosen}


def _open_finite(e: sp.Expr) -> sp.Expr:
    """Finite sums and products with whole limits, written out; one whose range is empty is 0 or 1."""

    def write_out(operator: sp.Expr) -> sp.Expr:
        body = operator.function
        for variable, lower, upper in operator.limits:
            if not (lower.is_Integer and upper.is_Integer):
                raise NotEvaluable("a sum or product whose range is not finite here")
            if upper - lower >= MAX_OPENED:
                return operator  # between numbers: enclosed term by term, not written out
            terms = [body.xreplace({variable: sp.Integer(k)}) for k in range(int(lower), int(upper) + 1)]
            body = sp.Add(*terms) if isinstance(operator, sp.Sum) else sp.Mul(*terms)
        return body

    return e.replace(lambda x: isinstance(x, OPERATORS), write_out) if e.has(*OPERATORS) else e


def _instances(
    expressions: list[sp.Expr], facts: Facts, generator: random.Random
) -> dict[str, tuple[sp.FunctionClass, sp.Lambda]]:
    """A generic polynomial for each undefined function, positive or in (0,1) where that is declared."""
    arities: dict[str, tuple[sp.FunctionClass, int]] = {}
    for e in expressions:
        for call in e.atoms(AppliedUndef):
            arities[call.func.__name__] = (call.func, len(call.args))
    found = {}
    for name in sorted(arities):
        function, arity = arities[name]
        places = sp.symbols(f"u1:{arity + 1}", real=True)
        body = _generic(places, facts.functions.get(name, REAL), generator)
        found[name] = (function, sp.Lambda(places, body))
    return found


class _PutIn:
    """Concrete functions put in for undefined ones, derivatives carried out.

    What it finds depends on the bodies and the tied roots only. A step and its mutants draw the same bodies and
    share most of their parts, so one object serves them all (`_putting_in`).
    """

    def __init__(self, bodies: dict[str, sp.Lambda], roots: frozenset[sp.Symbol]) -> None:
        self.bodies = bodies
        self.roots = roots
        self.known: dict[sp.Basic, sp.Basic] = {}

    def change(self, e: sp.Basic) -> sp.Basic:
        if not e.args or not e.has(AppliedUndef, sp.Derivative, sp.Subs):
            return e
        if e not in self.known:
            if len(self.known) >= MAX_KNOWN:
                self.known.clear()
            self.known[e] = self._jet(e) if is_jet(e) else e.func(*(self.change(a) for a in e.args))
        return self.known[e]

    def _jet(self, e: sp.Expr) -> sp.Expr:
        try:
            jet = jet_of(e)
        except NoJet:
            try:
                return self.change(carry_out(e, self.roots))
            except NoJet as reason:
                raise NotEvaluable(str(reason)) from reason
        body = self.bodies[jet.function.__name__]
        arguments = [self.change(a) for a in jet.arguments]
        return _derivative(body, jet.orders).xreplace(dict(zip(body.variables, arguments, strict=True)))


@lru_cache(maxsize=16)
def _putting_in(bodies: tuple[tuple[str, sp.Lambda], ...], roots: frozenset[sp.Symbol]) -> _PutIn:
    return _PutIn(dict(bodies), roots)


@lru_cache(maxsize=4096)
def _derivative(body: sp.Lambda, orders: tuple[int, ...]) -> sp.Expr:
    steps = [(place, order) for place, order in zip(body.variables, orders, strict=True) if order]
    return sp.diff(body.expr, *steps) if steps else body.expr


def _generic(places: tuple[sp.Symbol, ...], domain: str, generator: random.Random) -> sp.Expr:
    def coefficient() -> sp.Rational:
        return sp.Rational(generator.choice((-1, 1)) * generator.randint(1, 6), generator.randint(3, 7))

    def form(degree: int) -> sp.Expr:
        terms = [coefficient()] + [coefficient() * v for v in places]
        if degree > 1:
            terms += [coefficient() * v * w for i, v in enumerate(places) for w in places[i:]]
        if degree > 2:
            terms += [coefficient() * v**3 for v in places]
        return sp.Add(*terms)

    if domain in (POSITIVE, NONNEGATIVE):
        return sp.Rational(generator.randint(1, 5), 4) + form(2) ** 2
    if domain == UNIT:
        return 1 / (1 + sp.Rational(generator.randint(1, 5), 4) + form(1) ** 2)
    if domain in (INTEGER, INDEX):
        return sp.Integer(generator.randint(2, 5)) + sum((v**2 for v in places), sp.Integer(0))
    return form(3)


def _carried_out(e: sp.Basic) -> sp.Basic:
    """Integrals of polynomials between finite limits in closed form; other proper ones stay, to be enclosed."""
    if not e.has(sp.Integral):
        return e
    e = e.func(*(_carried_out(part) for part in e.args))
    if not isinstance(e, sp.Integral):
        return e
    body, inner = e.function, list(e.limits)
    if any(end.is_infinite for limit in inner for end in limit[1:]):
        raise NotEvaluable("an integral over an infinite range")
    while inner and body.is_polynomial(inner[0][0]):
        variable, lower, upper = inner.pop(0)
        primitive = sp.Poly(body, variable).integrate(variable).as_expr()
        body = primitive.xreplace({variable: upper}) - primitive.xreplace({variable: lower})
    return sp.Integral(body, *inner) if inner else body


# ---------------------------------------------------------------- points


def admissible_points(statement: Concrete, attempts: int) -> Iterator[AdmissiblePoint]:
    """Points at which all declarations hold. Simple values come first, then wider ones."""
    facts = statement.facts
    symbols: set[sp.Symbol] = set()
    for e in [*statement.expressions, *facts.positive, *(base for _, base in facts.roots.values())]:
        symbols |= e.free_symbols
    symbols |= set(facts.roots)
    ordered = sorted(symbols, key=lambda s: (s.name, str(s.sort_key())))
    free = [s for s in ordered if s not in facts.roots]
    generator = random.Random(SEED)
    for attempt in range(attempts):
        rationals = {s: _draw(facts.domain(s), attempt, generator) for s in free}
        point = complete(rationals, statement)
        if point is not None:
            yield point


def complete(rationals: dict[sp.Symbol, sp.Rational], statement: Concrete) -> AdmissiblePoint | None:
    """The point with its tied roots, or None when a declaration fails there."""
    facts = statement.facts
    if not all(inside(value, facts.domain(s)) for s, value in rationals.items()):
        return None
    values: dict[sp.Symbol, sp.Rational | Interval] = dict(rationals)
    bases: dict[sp.Symbol, tuple[int, Interval]] = {}
    try:
        waiting = list(facts.roots)
        while waiting:
            ready = [s for s in waiting if facts.roots[s][1].free_symbols <= set(values)]
            if not ready:
                return None
            for s in ready:
                degree, base = facts.roots[s]
                known = intervals.enclose(base, values)
                if not known.a > 0:
                    return None
                bases[s] = (degree, known)
                values[s] = intervals.enclose(base ** sp.Rational(1, degree), values)
                if facts.domain(s) == UNIT and not values[s].b < 1:
                    return None
                waiting.remove(s)
        if any(not intervals.enclose(p, values).a > 0 for p in facts.positive):
            return None
    except NotEvaluable:
        return None
    roots = {s: values[s] for s in facts.roots}
    return AdmissiblePoint(rationals, roots, bases, statement.functions, statement.opened)


def inside(value: sp.Rational, domain: str) -> bool:
    """Whether a rational number lies in a declared domain."""
    if domain == POSITIVE:
        return value > 0
    if domain == NONNEGATIVE:
        return value >= 0
    if domain == UNIT:
        return 0 < value < 1
    if domain == INTEGER:
        return bool(value.is_Integer)
    if domain == INDEX:
        return bool(value.is_Integer) and value >= 1
    return True


def _draw(domain: str, attempt: int, generator: random.Random) -> sp.Rational:
    if attempt < 8:
        return sp.Rational(generator.choice(SIMPLE[domain]))
    whole = generator.randint(1, 12)
    if domain == UNIT:
        below = generator.choice((7, 11, 13, 20, 50, 100))
        return sp.Rational(generator.randint(1, below - 1), below)
    if domain in (INTEGER, INDEX):
        return sp.Integer(whole if domain == INDEX else whole - 5)
    value = sp.Rational(whole, generator.choice((1, 2, 3, 5, 7, 11, 50, 200)))
    if attempt % 4 == 3:
        value *= 10
    return value * generator.choice((-1, 1)) if domain == REAL else value
