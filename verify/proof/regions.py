r"""Absolute values, extrema and case distinctions, decided region by region of the declared domain.

`|q|`, `\max(a,b)` and a case on `q > 0` are cut at q = 0. Where q is affine in a free name s, the name is
replaced by what it is at the distance t from the cut, so each region is a domain of its own and is proved as
it stands: no region is left out, and none is decided at single points.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, replace

import sympy as sp

from verify.language.scope import NONNEGATIVE, POSITIVE, REAL, UNIT
from verify.meaning.errors import Unsupported
from verify.meaning.facts import Facts
from verify.meaning.sizes import expand
from verify.proof.normal_form import decide_sign

BRANCHING = (sp.Abs, sp.Max, sp.Min, sp.Piecewise)
BINDING = (sp.Integral, sp.Sum, sp.Product, sp.Derivative, sp.Subs)
MAX_REGIONS = 128
CONTINUOUS = (REAL, POSITIVE, NONNEGATIVE, UNIT)


@dataclass(frozen=True)
class Region:
    """An expression without the distinction, what holds there, and the cuts in words."""

    expression: sp.Expr
    facts: Facts
    words: tuple[str, ...] = ()


def regions(expression: sp.Expr, facts: Facts) -> list[Region] | None:
    """Regions that cover the domain and on which the expression has no case distinction; None without them."""
    open_regions, done = [Region(expression, facts)], []
    while open_regions:
        region = open_regions.pop(0)
        if not region.expression.has(*BRANCHING):
            done.append(region)
        else:
            parts = _cut(region)
            if parts is None:
                return None
            open_regions += parts
        if len(open_regions) + len(done) > MAX_REGIONS:
            return None
    return done


def _cut(region: Region) -> list[Region] | None:
    """The region cut at the first distinction that can be cut, an inner one first."""
    atoms = sorted(region.expression.atoms(*BRANCHING), key=lambda a: (a.count_ops(), sp.default_sort_key(a)))
    for atom in atoms:
        if any(inner.has(*BRANCHING) for inner in atom.args):
            continue
        parts = _cut_at(atom, region)
        if parts is not None:
            return parts
    return None


def _cut_at(atom: sp.Expr, region: Region) -> list[Region] | None:
    if isinstance(atom, sp.Piecewise):
        value, condition = atom.args[0]
        if not isinstance(condition, sp.core.relational.Relational):
            return None
        rest = sp.Piecewise(*atom.args[1:])
        holds = {1: (sp.StrictGreaterThan, sp.GreaterThan), -1: (sp.StrictLessThan, sp.LessThan),
                 0: (sp.GreaterThan, sp.LessThan)}  # fmt: skip
        pieces = {sign: value if isinstance(condition, kinds) else rest for sign, kinds in holds.items()}
        return _pieces(region, atom, condition.lhs - condition.rhs, pieces)
    if isinstance(atom, sp.Abs):
        return _pieces(region, atom, atom.args[0], {1: atom.args[0], -1: -atom.args[0]})
    first, second, *rest = sorted(atom.args, key=sp.default_sort_key)
    sense = 1 if isinstance(atom, sp.Max) else -1
    return _pieces(region, atom, first - second, {sense: atom.func(first, *rest), -sense: atom.func(second, *rest)})


def _pieces(region: Region, atom: sp.Expr, quantity: sp.Expr, pieces: dict[int, sp.Expr]) -> list[Region] | None:
    """The region cut where the quantity changes its sign: what holds on either side, and exactly at the cut.

    Without a piece 0 the two others agree at the cut.
    """
    try:
        quantity = expand(quantity)
    except Unsupported:
        return None
    facts, closed = region.facts, 0 not in pieces
    certain = decide_sign(quantity, facts)
    if certain.value and (certain.strict or closed):
        return [Region(region.expression.xreplace({atom: pieces[certain.value]}), facts, region.words)]
    names = affine_in(quantity, [region.expression], facts)
    if not names:
        return None
    found = []
    for sign, value in {0: pieces[1], **pieces}.items():
        distance = fresh(POSITIVE, [region.expression, *facts.symbols])
        symbol, place = _best(names, sign * distance, facts, {distance: POSITIVE})
        relation = {1: ">", -1: "<", 0: "="}[sign]
        found.append(Region(
            region.expression.xreplace({atom: value}).xreplace({symbol: place}),
            moved(facts, symbol, place, {distance: POSITIVE}),
            (*region.words, f"{quantity} {relation} 0"),
        ))  # fmt: skip
    return [part for part in found if not _empty(part.facts)]


def _best(
    names: list[tuple[sp.Symbol, sp.Expr, sp.Expr]], target: sp.Expr, facts: Facts, domains: dict[sp.Symbol, str]
) -> tuple[sp.Symbol, sp.Expr]:
    """The name to replace, and its place: one whose own domain the place certainly keeps, else the first."""
    wider = replace(facts, symbols=facts.symbols | domains)
    places = [(symbol, (target - rest) / slope) for symbol, slope, rest in names]
    for symbol, place in places:
        domain = facts.domain(symbol)
        if domain == REAL or domain in (POSITIVE, NONNEGATIVE) and decide_sign(place, wider).value > 0:
            return symbol, place
    return places[0]


def fresh(domain: str, known: Iterable[sp.Expr]) -> sp.Symbol:
    """A symbol of the domain whose name occurs nowhere in what is known."""
    taken = {s.name for e in known for s in e.atoms(sp.Symbol)}
    number = next(n for n in itertools.count(1) if f"_t{n}" not in taken)
    return sp.Symbol(f"_t{number}", **{domain: True})


def affine_in(
    quantity: sp.Expr, others: list[sp.Expr], facts: Facts
) -> list[tuple[sp.Symbol, sp.Expr, sp.Expr]]:
    """(s, a, b) with quantity = a s + b, a of certain sign, s free to be replaced everywhere; real names first."""
    found = []
    tied = {s for _, base in facts.roots.values() for s in base.free_symbols} | set(facts.roots)
    hidden = {s for e in [quantity, *others, *facts.positive] for o in e.atoms(*BINDING) for s in o.free_symbols}
    hidden |= {s for e in others for o in e.atoms(*BINDING) for s in getattr(o, "bound_symbols", [])}
    for symbol in sorted(quantity.free_symbols, key=lambda s: (facts.domain(s) != REAL, s.name)):
        if symbol in tied or symbol in hidden or facts.domain(symbol) not in CONTINUOUS:
            continue
        if not quantity.is_polynomial(symbol) or sp.degree(quantity, symbol) != 1:
            continue
        slope, rest = quantity.coeff(symbol, 1), quantity.coeff(symbol, 0)
        certain = decide_sign(slope, facts)
        if certain.value and certain.strict:
            found.append((symbol, slope, rest))
    return found


def moved(facts: Facts, symbol: sp.Symbol, place: sp.Expr, domains: dict[sp.Symbol, str]) -> Facts:
    """The facts with a name replaced. Its own domain stays as a fact about the place, as far as it is strict."""
    positive = [p.xreplace({symbol: place}) for p in facts.positive]
    if facts.domain(symbol) in (POSITIVE, UNIT):
        positive.append(place)
    if facts.domain(symbol) == UNIT:
        positive.append(1 - place)
    symbols = {s: d for s, d in facts.symbols.items() if s != symbol} | domains
    return replace(facts, symbols=symbols, positive=positive)


def _empty(facts: Facts) -> bool:
    """Whether something that must be positive there certainly is not."""
    for p in facts.positive:
        others = replace(facts, positive=[q for q in facts.positive if q != p])
        if p.is_nonpositive or decide_sign(p, others).value < 0:
            return True
    return False
