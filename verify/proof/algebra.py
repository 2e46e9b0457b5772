"""Quotients of polynomials in named generators, and the relations between the generators.

A generator stands for something that is not a polynomial of the others: a symbol, a root, an
exponential, a logarithm, an undefined function. A relation `g**q = base` lowers every power of a
root. No greatest common divisor is ever taken: a quotient is zero when its numerator is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any

import sympy as sp

from verify.language.scope import INDEX, NONNEGATIVE, POSITIVE, UNIT
from verify.meaning.facts import Facts
from verify.proof.polynomials import Key, Polynomial, new_ring

COMPLEX = "complex"  # domain of a generator that need not be real
ABOVE_ONE = "(1,oo)"  # domain of an exponential whose exponent is positive
STRICT = (POSITIVE, UNIT, INDEX, ABOVE_ONE)
ONE_SIDED = (*STRICT, NONNEGATIVE)

MAX_TERMS = 60_000
MAX_PRODUCT = 2_000_000
MAX_POWER = 64
MAX_MONOMIAL_POWER = 10_000
MAX_FACTOR_TERMS = 150
MAX_REDUCTIONS = 60


class Undecidable(Exception):
    """The exact layer cannot decide; the message is one sentence for the reader."""


class NeedsMoreGenerators(Exception):
    """The ring is full: start again with a larger one."""


@dataclass
class Generator:
    """One generator. `argument` is the base of a root or the argument of a logarithm or exponential;
    `independent` says that no hidden identity can tie it to the other generators; `narrow` finds a part of
    the domain in which it certainly lies."""

    kind: str
    domain: str
    build: Callable[[], sp.Expr]
    symbols: frozenset[sp.Symbol]
    argument: Quotient | None = None
    degree: int = 1
    independent: bool = False
    narrow: Callable[[], str] | None = None

    @cached_property
    def range(self) -> str:
        """Where it certainly lies. Found when it is asked for: most decisions need the domain only."""
        return self.narrow() if self.narrow else self.domain

    @cached_property
    def expr(self) -> sp.Expr:
        """What the generator means."""
        return self.build()


@dataclass(frozen=True)
class Quotient:
    """numerator / product of denominator**exponent; the denominators are kept apart by their keys."""

    numerator: Polynomial
    denominators: dict[Key, tuple[Polynomial, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Relation:
    """generator**degree = base, where base only uses generators made before."""

    generator: int
    degree: int
    base: Quotient


class Algebra:
    """The ring of one decision: generators, relations, side conditions and everything inverted."""

    def __init__(self, facts: Facts, size: int, pure: bool = False) -> None:
        self.facts = facts
        self.ring = new_ring(size, pure)
        self.index: dict[tuple[Any, ...], int] = {}
        self.generators: list[Generator] = []
        self.relations: list[Relation] = []
        self.conditions: dict[str, None] = {}
        self.inverted: dict[Key, Polynomial] = {}
        self.root_degree = 1  # roots are taken of this degree where it is a multiple of the wanted one
        self.assumed: dict[tuple[Key, ...], int] = {}  # product of factors -> declared sign

    # ---- generators

    def generator(self, key: tuple[Any, ...], **details: object) -> Quotient:
        """The generator with this key, made from `details` at its first use."""
        if key not in self.index:
            if len(self.generators) >= self.ring.size:
                raise NeedsMoreGenerators
            self.index[key] = len(self.generators)
            self.generators.append(Generator(**details))  # type: ignore[arg-type]
        return Quotient(self.ring.generator(self.index[key]))

    def relate(self, key: tuple[Any, ...], degree: int, base: Quotient) -> None:
        """Record generator**degree = base, once."""
        number = self.index[key]
        if all(relation.generator != number for relation in self.relations):
            self.relations.append(Relation(number, degree, base))

    def assume(self, condition: str) -> None:
        """Record a side condition of the certificate."""
        self.conditions[condition] = None

    def used(self, *polynomials: Polynomial) -> list[int]:
        """Numbers of the generators that occur."""
        return sorted({i for p in polynomials for i in self.ring.used(p)})

    def parts(self, q: Quotient) -> list[Polynomial]:
        """Numerator and denominators."""
        return [q.numerator, *(p for p, _ in q.denominators.values())]

    def symbols(self, q: Quotient) -> frozenset[sp.Symbol]:
        """The free symbols that a quotient depends on."""
        return frozenset().union(*(self.generators[i].symbols for i in self.used(*self.parts(q))))

    def is_real(self, q: Quotient) -> bool:
        """Whether every generator in it is real."""
        return all(self.generators[i].domain != COMPLEX for i in self.used(*self.parts(q)))

    # ---- arithmetic

    def constant(self, value: int | Fraction) -> Quotient:
        return Quotient(self.ring.constant(Fraction(value)))

    def is_zero(self, q: Quotient) -> bool:
        """Whether the numerator reduces to zero by the relations."""
        return not self.reduce(q).numerator

    def add(self, a: Quotient, b: Quotient) -> Quotient:
        common = lcm((a.denominators, b.denominators))
        left = a.numerator * self._cofactor(common, a.denominators)
        return Quotient(self._bounded(left + b.numerator * self._cofactor(common, b.denominators)), common)

    def total(self, terms: Iterable[Quotient]) -> Quotient:
        result = self.constant(0)
        for term in terms:
            result = self.add(result, term)
        return result

    def negate(self, a: Quotient) -> Quotient:
        return Quotient(-a.numerator, a.denominators)

    def multiply(self, a: Quotient, b: Quotient) -> Quotient:
        if self.ring.length(a.numerator) * self.ring.length(b.numerator) > MAX_PRODUCT:
            raise Undecidable(
                "product too large: "
                f"{self.ring.length(a.numerator):,} times {self.ring.length(b.numerator):,} terms"
            )
        denominators = dict(a.denominators)
        for key, (p, exponent) in b.denominators.items():
            denominators[key] = (p, exponent + denominators[key][1]) if key in denominators else (p, exponent)
        return Quotient(self._bounded(a.numerator * b.numerator), denominators)

    def invert(self, a: Quotient) -> Quotient:
        """1/a; what is inverted is remembered, because it must not vanish identically."""
        a = self.reduce(a)
        if not a.numerator:
            raise Undecidable("a denominator is identically zero")
        terms = self.ring.terms(a.numerator)
        content = [min(e[i] for e, _ in terms) for i in range(self.ring.size)]
        unit, rest = self.ring.primitive(a.numerator)
        denominators: dict[Key, tuple[Polynomial, int]] = {}
        for i, exponent in enumerate(content):
            if exponent:
                g = self.ring.generator(i)
                denominators[self.ring.key(g)] = (g, exponent)
        if len(terms) > 1:
            if any(content):
                rest = self.ring.from_terms(
                    {tuple(e - m for e, m in zip(exponents, content, strict=True)): c / unit
                     for exponents, c in terms}
                )
            denominators[self.ring.key(rest)] = (rest, 1)
        for key, (p, _) in denominators.items():
            self.inverted.setdefault(key, p)
        return Quotient(self._expand(a.denominators) * self.ring.constant(1 / unit), denominators)

    def power(self, a: Quotient, exponent: int) -> Quotient:
        if exponent < 0:
            a, exponent = self.invert(a), -exponent
        if exponent == 0:
            return self.constant(1)
        length = self.ring.length(a.numerator)
        most = MAX_MONOMIAL_POWER if self._has_small_numbers(a) else MAX_POWER
        if exponent > most or length > 1 and math.comb(length + exponent - 1, exponent) > MAX_TERMS:
            raise Undecidable(f"power too large: {length:,} terms to the power {exponent}")
        return Quotient(
            self._bounded(a.numerator**exponent),
            {key: (p, e * exponent) for key, (p, e) in a.denominators.items()},
        )

    def _has_small_numbers(self, a: Quotient) -> bool:
        """Whether high powers are cheap: a single monomial with coefficient 1 above, 1 or monomials below."""
        parts = [self.ring.terms(p) for p in self.parts(a)]
        return all(len(terms) == 1 and abs(terms[0][1]) == 1 for terms in parts)

    def reduce(self, a: Quotient) -> Quotient:
        """Lower the powers in the numerator by the relations, the newest first."""
        ring, p, denominators = self.ring, a.numerator, a.denominators
        for relation in reversed(self.relations):
            for _ in range(MAX_REDUCTIONS):
                degree = ring.degree(p, relation.generator)
                if degree < relation.degree:
                    break
                top = degree // relation.degree
                p = self._substitute(p, relation, top)
                denominators = denominator_product(denominators, relation.base.denominators, top)
            else:
                raise Undecidable("the relations between the roots are circular")
        return Quotient(p, denominators)

    def _substitute(self, p: Polynomial, relation: Relation, top: int) -> Polynomial:
        """p with g**(k q + r) replaced by base**k g**r, times the base's denominator to the power `top`."""
        i, ring = relation.generator, self.ring
        groups: dict[int, dict[Any, Any]] = {}
        for exponents, coefficient in ring.terms(p):
            k, rest = divmod(exponents[i], relation.degree)
            group = groups.setdefault(k, {})
            lowered = exponents[:i] + (rest,) + exponents[i + 1:]
            group[lowered] = group.get(lowered, Fraction(0)) + coefficient
        below = self._expand(relation.base.denominators)
        result = ring.constant(Fraction(0))
        for k, group in groups.items():
            factor = relation.base.numerator**k * below ** (top - k)
            result = self._bounded(result + ring.from_terms(group) * factor)
        return result

    # ---- shapes

    def factored(self, a: Quotient) -> tuple[Fraction, list[tuple[Polynomial, int]]]:
        """(rational content, irreducible factors with positive or negative exponents), canonical.

        A polynomial that is too large to factor counts as its own factor, which is sound: it is
        merely not opened.
        """
        content, collected = self._factor(a.numerator)
        for p, exponent in a.denominators.values():
            unit, factors = self._factor(p)
            content /= unit**exponent
            collected = collected + [(f, -e * exponent) for f, e in factors]
        merged: dict[Key, tuple[Polynomial, int]] = {}
        for f, exponent in collected:
            key = self.ring.key(f)
            merged[key] = (f, exponent + (merged[key][1] if key in merged else 0))
        ordered = sorted(merged.items(), key=lambda item: (len(item[0]), item[0]))
        return content, [pair for _, pair in ordered if pair[1]]

    def _factor(self, p: Polynomial) -> tuple[Fraction, list[tuple[Polynomial, int]]]:
        if self.ring.length(p) > MAX_FACTOR_TERMS:
            unit, f = self.ring.primitive(p)
            return unit, [(f, 1)]
        return self.ring.factor(p)

    def from_factors(self, content: Fraction, factors: Iterable[tuple[Polynomial, int]]) -> Quotient:
        result = self.constant(content)
        for f, exponent in factors:
            result = self.multiply(result, self.power(Quotient(f), exponent))
        return result

    def identity(self, a: Quotient) -> tuple[Any, ...]:
        """A hashable canonical form: equal for quotients that are equal as rational functions."""
        a = self.reduce(a)
        if not a.numerator:
            return (Fraction(0),)
        content, factors = self.factored(a)
        return (content, *((self.ring.key(f), e) for f, e in factors))

    def expression(self, q: Quotient) -> sp.Expr:
        """The quotient as a SymPy expression, for certificates and for numbers."""
        below = [self._expression(p) ** e for p, e in q.denominators.values()]
        return self._expression(q.numerator) / sp.Mul(*below)

    def _expression(self, p: Polynomial) -> sp.Expr:
        terms = []
        for exponents, c in self.ring.terms(p):
            powers = [self.generators[i].expr ** e for i, e in enumerate(exponents) if e]
            terms.append(sp.Mul(sp.Rational(c.numerator, c.denominator), *powers))
        return sp.Add(*terms)

    # ---- helpers

    def _bounded(self, p: Polynomial) -> Polynomial:
        length = self.ring.length(p)
        if length > MAX_TERMS:
            raise Undecidable(f"polynomial too large: {length:,} terms")
        return p

    def _expand(self, denominators: dict[Key, tuple[Polynomial, int]]) -> Polynomial:
        result = self.ring.constant(Fraction(1))
        for p, exponent in denominators.values():
            result = self._bounded(result * p**exponent)
        return result

    def _cofactor(self, common: dict[Any, Any], own: dict[Any, Any]) -> Polynomial:
        missing = {
            key: (p, exponent - (own[key][1] if key in own else 0))
            for key, (p, exponent) in common.items()
            if exponent > (own[key][1] if key in own else 0)
        }
        return self._expand(missing)

    def over(self, q: Quotient, common: dict[Any, Any]) -> Polynomial:
        """The numerator of q over a common denominator that its own denominators divide."""
        return self._bounded(q.numerator * self._cofactor(common, q.denominators))


def lcm(several: Iterable[dict[Key, tuple[Polynomial, int]]]) -> dict[Key, tuple[Polynomial, int]]:
    """The least common denominator of several factored denominators."""
    result: dict[Key, tuple[Polynomial, int]] = {}
    for denominators in several:
        for key, (p, exponent) in denominators.items():
            if key not in result or result[key][1] < exponent:
                result[key] = (p, exponent)
    return result


def denominator_product(first: dict[Any, Any], second: dict[Any, Any], times: int) -> dict[Key, tuple[Polynomial, int]]:
    """first * second**times, as factored denominators."""
    result = dict(first)
    for key, (p, exponent) in second.items():
        result[key] = (p, exponent * times + (result[key][1] if key in result else 0))
    return result
