"""A statement about a solution at two times, taken where the two times meet.

What holds at all pairs of times holds where they coincide, and so does its derivative in one of them. There the
declared equation leaves the solution free, so that a generic function can refute it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import sympy as sp

from verify.language.scope import POSITIVE, REAL
from verify.meaning.errors import Unsupported
from verify.meaning.expressions import differentiate, substitute
from verify.meaning.facts import Facts
from verify.meaning.positivity import provably_positive
from verify.meaning.reading import Reading
from verify.meaning.symbols import SymbolTable


def where_times_meet(
    residual: sp.Expr, times: Sequence[sp.Expr], reading: Reading
) -> Iterator[tuple[sp.Expr, str]]:
    """Consequences of `residual = 0` with one time only, each with words that say where it was taken."""
    if len(times) != 2:
        return
    facts = reading.facts
    gap = sp.expand(times[0] - times[1])
    for symbol in sorted(gap.free_symbols, key=lambda s: s.name):
        place = _meeting(gap, symbol, facts)
        if place is None:
            continue
        table = SymbolTable(facts)
        try:
            slope = differentiate(residual, symbol, facts)
            for expression, words in ((residual, ""), (slope, f"derivative in {symbol} ")):
                there = substitute(expression, {symbol: place}, table)
                yield reading.using_equations(there), f"{words}at {symbol} = {place}"
        except Unsupported:
            continue


def _meeting(gap: sp.Expr, symbol: sp.Symbol, facts: Facts) -> sp.Expr | None:
    """An interior value of the symbol at which the gap closes, whatever the other symbols are."""
    domain = facts.domain(symbol)
    tied = symbol in facts.roots or any(symbol in base.free_symbols for _, base in facts.roots.values())
    if domain not in (REAL, POSITIVE) or tied or any(symbol in known.free_symbols for known in facts.positive):
        return None
    if not gap.is_polynomial(symbol):
        return None
    form = sp.Poly(gap, symbol)
    if form.degree() == 1 and form.LC().is_Rational:
        place = sp.expand(-gap.xreplace({symbol: sp.Integer(0)}) / form.LC())
    elif sp.expand(gap.xreplace({symbol: sp.Integer(1)})) == 0:
        place = sp.Integer(1)
    else:
        return None
    return place if domain == REAL or provably_positive(place, facts) else None
