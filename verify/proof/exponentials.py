"""Exponentials, powers with symbolic exponents, and angles: one generator for each kind of monomial.

All exponents of one nesting level are brought over one common denominator, so that
exp(x/a) exp(x/b) and exp(x (a+b)/(a b)) meet. Sines and cosines are treated in the same way through
(cos + i sin)**n, with the relation cos**2 = 1 - sin**2.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import sympy as sp

from verify.language.scope import POSITIVE, REAL, UNIT
from verify.proof.algebra import ABOVE_ONE, COMPLEX, Algebra, Quotient, Undecidable, lcm
from verify.proof.branches import logarithm, rational_power
from verify.proof.polynomials import Exponents, Key, Polynomial
from verify.proof.signs import sign_of_quotient

Translate = Callable[[sp.Expr], Quotient]
Exponent = tuple[sp.Expr, Quotient]
Angle = tuple[Quotient, Quotient]  # cosine, sine
TRIGONOMETRIC = (sp.sin, sp.cos, sp.tan)
MAX_MULTIPLE = 32


def is_exponential(e: sp.Basic) -> bool:
    """exp(..), the number e, or a power whose exponent is not a rational number."""
    return isinstance(e, sp.exp) or e is sp.E or (isinstance(e, sp.Pow) and not e.exp.is_Rational)


def open_exponentials(
    algebra: Algebra, translate: Translate, expressions: Sequence[sp.Expr],
    powers: dict[sp.Expr, Quotient], angles: dict[sp.Expr, Angle],
) -> None:
    """Fill `powers` (node -> value) and `angles` (argument -> cosine and sine), inner levels first."""
    for level in _levels(expressions):
        exponents: list[Exponent] = []
        arguments: list[Exponent] = []
        for e in level:
            if isinstance(e, sp.exp):
                exponents.append((e, algebra.reduce(translate(e.args[0]))))
            elif e is sp.E:
                exponents.append((e, algebra.constant(1)))
            elif isinstance(e, sp.Pow):
                product = algebra.multiply(translate(e.exp), logarithm(algebra, translate(e.base)))
                exponents.append((e, algebra.reduce(product)))
            elif e.args[0] not in dict(arguments):
                arguments.append((e.args[0], algebra.reduce(translate(e.args[0]))))
        opened = [_without_logarithms(algebra, q) for _, q in exponents]
        rests = [(e, rest) for (e, _), (_, rest) in zip(exponents, opened, strict=True)]
        for (e, scaled), (factor, _) in zip(_over_common_denominator(algebra, rests), opened, strict=True):
            powers[e] = algebra.multiply(factor, _exponential(algebra, scaled))
        for argument, scaled in _over_common_denominator(algebra, arguments):
            angles[argument] = _angle(algebra, scaled)


def _without_logarithms(algebra: Algebra, q: Quotient) -> tuple[Quotient, Quotient]:
    """(exp of the terms c log f, the rest of the exponent): exp(c log f) is the power f**c."""
    below = [0] * algebra.ring.size
    for p, exponent in q.denominators.values():
        terms = algebra.ring.terms(p)
        if len(terms) != 1:
            return algebra.constant(1), q
        for i, k in enumerate(terms[0][0]):
            below[i] += k * exponent
    factor, rest = algebra.constant(1), {}
    for exponents, coefficient in algebra.ring.terms(q.numerator):
        left_over = [k - b for k, b in zip(exponents, below, strict=True)]
        place = left_over.index(1) if sum(map(abs, left_over)) == 1 and 1 in left_over else None
        generator = algebra.generators[place] if place is not None else None
        if generator is not None and generator.kind == "logarithm" and generator.argument is not None:
            factor = algebra.multiply(factor, rational_power(algebra, generator.argument, coefficient))
        else:
            rest[exponents] = coefficient
    return factor, Quotient(algebra.ring.from_terms(rest), q.denominators if rest else {})


def _levels(expressions: Sequence[sp.Expr]) -> list[list[sp.Expr]]:
    """Exponentials and angles by nesting depth, each level in the order of first occurrence."""
    depth: dict[sp.Basic, int] = {}
    levels: list[list[sp.Expr]] = []

    def visit(e: sp.Basic) -> int:
        if e not in depth:
            below = max((visit(a) for a in e.args), default=0)
            if is_exponential(e) or isinstance(e, TRIGONOMETRIC):
                if below == len(levels):
                    levels.append([])
                levels[below].append(e)
                below += 1
            depth[e] = below
        return depth[e]

    for expression in expressions:
        visit(expression)
    return levels


class _Scaled:
    """A numerator over the level's common denominator, with the least multiple of each monomial."""

    def __init__(self, terms: list[tuple[Exponents, Fraction]], below: dict[Any, Any], steps: dict[Any, Any]) -> None:
        self.terms, self.below, self.steps = terms, below, steps

    def pieces(self, algebra: Algebra) -> list[tuple[int, tuple[Any, ...], Quotient]]:
        """(whole multiple, key, unit) with numerator = sum of multiple * unit."""
        found = []
        label = tuple(sorted(((key, e) for key, (_, e) in self.below.items()), key=lambda k: (len(k[0]), k)))
        for exponents, coefficient in self.terms:
            step = self.steps[exponents]
            unit = Quotient(algebra.ring.from_terms({exponents: Fraction(1, step)}), self.below)
            found.append((int(coefficient * step), (exponents, step, label), unit))
        return found


def _over_common_denominator(algebra: Algebra, several: list[Exponent]) -> list[tuple[sp.Expr, _Scaled]]:
    below: dict[Key, tuple[Polynomial, int]] = lcm(q.denominators for _, q in several)
    numerators = []
    for e, q in several:
        whole = algebra.reduce(Quotient(algebra.over(q, below)))
        if whole.denominators:  # the reduction brought a new denominator: keep this one by itself
            whole = Quotient(algebra.over(q, below))
        numerators.append((e, algebra.ring.terms(whole.numerator)))
    steps: dict[Exponents, int] = {}
    for _, terms in numerators:
        for exponents, c in terms:
            steps[exponents] = math.lcm(steps.get(exponents, 1), c.denominator)
    return [(e, _Scaled(terms, below, steps)) for e, terms in numerators]


def _exponential(algebra: Algebra, scaled: _Scaled) -> Quotient:
    result = algebra.constant(1)
    for multiple, key, unit in scaled.pieces(algebra):
        generator = algebra.generator(
            ("exp", key),
            kind="exponential",
            domain=POSITIVE if algebra.is_real(unit) else COMPLEX,
            narrow=lambda unit=unit: _range_of_exponential(algebra, unit),
            argument=unit,
            build=lambda unit=unit: sp.exp(algebra.expression(unit)),
            symbols=algebra.symbols(unit),
        )
        result = algebra.multiply(result, algebra.power(generator, multiple))
    return result


def _range_of_exponential(algebra: Algebra, exponent: Quotient) -> str:
    """Where exp(exponent) lies, from the sign of the exponent."""
    if not algebra.is_real(exponent):
        return COMPLEX
    found = sign_of_quotient(algebra, exponent)
    if not found.strict or not found.value:
        return POSITIVE
    return ABOVE_ONE if found.value > 0 else UNIT


def _angle(algebra: Algebra, scaled: _Scaled) -> Angle:
    """Cosine and sine of a sum of whole multiples, by the addition theorem."""
    cosine, sine = algebra.constant(1), algebra.constant(0)
    for multiple, key, unit in scaled.pieces(algebra):
        if abs(multiple) > MAX_MULTIPLE:
            raise Undecidable(f"an angle is a multiple of {multiple}")
        real = REAL if algebra.is_real(unit) else COMPLEX
        shared = {"domain": real, "symbols": algebra.symbols(unit), "argument": unit}
        s = algebra.generator(
            ("sin", key), kind="sine", build=lambda unit=unit: sp.sin(algebra.expression(unit)), **shared
        )
        c = algebra.generator(
            ("cos", key), kind="cosine", build=lambda unit=unit: sp.cos(algebra.expression(unit)), **shared
        )
        algebra.relate(
            ("cos", key), 2, algebra.add(algebra.constant(1), algebra.negate(algebra.multiply(s, s)))
        )
        if multiple < 0:
            s = algebra.negate(s)
        for _ in range(abs(multiple)):
            cosine, sine = (
                algebra.reduce(
                    algebra.add(algebra.multiply(cosine, c), algebra.negate(algebra.multiply(sine, s)))
                ),
                algebra.reduce(algebra.add(algebra.multiply(sine, c), algebra.multiply(cosine, s))),
            )
    return cosine, sine
