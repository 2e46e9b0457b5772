"""A provable sign of a polynomial on the declared domain, from the signs of its coefficients."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import NamedTuple

from verify.language.scope import INDEX, UNIT
from verify.proof import intervals
from verify.proof.algebra import ABOVE_ONE, COMPLEX, ONE_SIDED, STRICT, Algebra, Quotient
from verify.proof.polynomials import Exponents, Polynomial

MAX_EXPANDED = 20_000
Terms = dict[Exponents, Fraction]


class Sign(NamedTuple):
    """value is +1, -1 or 0 for undecided; without `strict` the polynomial may vanish somewhere."""

    value: int
    strict: bool


UNKNOWN = Sign(0, False)


def sign(algebra: Algebra, p: Polynomial) -> Sign:
    """The sign of a polynomial for all values of its generators in their domains."""
    unit, primitive = algebra.ring.primitive(p)
    declared = algebra.assumed.get((algebra.ring.key(primitive),))
    if declared:
        return Sign(declared if unit > 0 else -declared, True)
    used = algebra.used(p)
    if any(algebra.generators[i].domain == COMPLEX for i in used):
        return UNKNOWN
    found = _by_coefficients(algebra, p, used)
    if not found.value and used and not any(algebra.generators[i].symbols for i in used):
        return _by_number(algebra, p)
    return found


def sign_of_quotient(algebra: Algebra, q: Quotient) -> Sign:
    """The sign of a quotient as the product of the signs of its factors."""
    q = algebra.reduce(q)
    if not q.numerator:
        return UNKNOWN
    content, factors = algebra.factored(q)
    odd = tuple(algebra.ring.key(f) for f, e in factors if e % 2)
    value, strict = (1 if content > 0 else -1), True
    if odd in algebra.assumed:
        value *= algebra.assumed[odd]
        factors = [(f, e) for f, e in factors if e % 2 == 0]
    for f, exponent in factors:
        found = sign(algebra, f)
        if exponent % 2 == 0:
            strict &= found.strict
            if not algebra.is_real(Quotient(f)):
                return UNKNOWN
        elif found.value == 0:
            return UNKNOWN
        else:
            value, strict = value * found.value, strict and found.strict
    return Sign(value, strict)


def _by_coefficients(algebra: Algebra, p: Polynomial, used: list[int]) -> Sign:
    terms: Terms = dict(algebra.ring.terms(p))
    shifted = set()
    for i in used:
        if algebra.generators[i].range == UNIT:
            terms = _open_unit(terms, i)
        elif algebra.generators[i].range == INDEX:
            terms = _one_and_more(terms, i)
            shifted.add(i)
        elif algebra.generators[i].range == ABOVE_ONE:
            terms = _one_and_more(terms, i)
        if len(terms) > MAX_EXPANDED:
            return UNKNOWN
    positive = negative = strict = False
    for exponents, coefficient in terms.items():
        present = [(i, e) for i, e in enumerate(exponents) if e]
        domains = [algebra.generators[i].domain for i, _ in present]
        if any(e % 2 and d not in ONE_SIDED for (_, e), d in zip(present, domains, strict=True)):
            return UNKNOWN
        strict |= all(d in STRICT and i not in shifted for (i, _), d in zip(present, domains, strict=True))
        positive |= coefficient > 0
        negative |= coefficient < 0
    if positive == negative:
        return UNKNOWN
    return Sign(1 if positive else -1, strict)


def _open_unit(terms: Terms, i: int) -> Terms:
    """a in (0,1) is u/(1+u) with u > 0; the result is multiplied by (1+u)**degree."""
    degree = max(e[i] for e in terms)
    result: Terms = {}
    for exponents, c in terms.items():
        k = exponents[i]
        for j in range(degree - k + 1):
            key = exponents[:i] + (k + j,) + exponents[i + 1:]
            result[key] = result.get(key, Fraction(0)) + c * math.comb(degree - k, j)
    return {e: c for e, c in result.items() if c}


def _one_and_more(terms: Terms, i: int) -> Terms:
    """n >= 1 is 1 + m with m >= 0; E > 1 is 1 + m with m > 0."""
    result: Terms = {}
    for exponents, c in terms.items():
        for j in range(exponents[i] + 1):
            key = exponents[:i] + (j,) + exponents[i + 1:]
            result[key] = result.get(key, Fraction(0)) + c * math.comb(exponents[i], j)
    return {e: c for e, c in result.items() if c}


def _by_number(algebra: Algebra, p: Polynomial) -> Sign:
    """The sign of a number such as pi - 3, from a rigorous enclosure."""
    try:
        value = intervals.enclose(algebra.expression(Quotient(p)), {})
    except intervals.NotEvaluable:
        return UNKNOWN
    if value.a > 0:
        return Sign(1, True)
    return Sign(-1, True) if value.b < 0 else UNKNOWN
