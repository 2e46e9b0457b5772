"""Exponentials, powers with symbolic exponents, and angles: one generator for each kind of monomial.

All exponents of one nesting level are brought over one common denominator, so that
exp(x/a) exp(x/b) and exp(x (a+b)/(a b)) meet. Sines and cosines are treated in the same way through
(cos + i sin)**n, with the relation cos**2 = 1 - sin**2.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction

import sympy as sp

from verify.language.scope import POSITIVE, REAL
from verify.proof.algebra import COMPLEX, Algebra, Quotient, Undecidable, lcm
from verify.proof.branches import logarithm, rational_power
from verify.proof.polynomials import Exponents, Key, Polynomial

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
        for e, scaled in _over_common_denominator(algebra, exponents):
            powers[e] = _exponential(algebra, scaled)
        for argument, scaled in _over_common_denominator(algebra, arguments):
            angles[argument] = _angle(algebra, scaled)


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

    def __init__(self, terms: list[tuple[Exponents, Fraction]], below: dict, steps: dict) -> None:
        self.terms, self.below, self.steps = terms, below, steps

    def pieces(self, algebra: Algebra) -> list[tuple[Exponents, int, tuple, Quotient]]:
        """(monomial, whole multiple, key, unit) with numerator = sum of multiple * unit."""
        found = []
        label = tuple(sorted(((key, e) for key, (_, e) in self.below.items()), key=lambda k: (len(k[0]), k)))
        for exponents, coefficient in self.terms:
            step = self.steps[exponents]
            unit = Quotient(algebra.ring.from_terms({exponents: Fraction(1, step)}), self.below)
            found.append((exponents, int(coefficient * step), (exponents, step, label), unit))
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
    for (exponents, multiple, key, unit), (_, coefficient) in zip(
        scaled.pieces(algebra), scaled.terms, strict=True
    ):
        present = [i for i, e in enumerate(exponents) if e]
        if not scaled.below and len(present) == 1 and exponents[present[0]] == 1:
            inner = algebra.generators[present[0]]
            if inner.kind == "logarithm" and inner.argument is not None:
                result = algebra.multiply(result, rational_power(algebra, inner.argument, coefficient))
                continue
        generator = algebra.generator(
            ("exp", key), kind="exponential", domain=POSITIVE if algebra.is_real(unit) else COMPLEX,
            argument=unit, build=lambda unit=unit: sp.exp(algebra.expression(unit)),
            symbols=algebra.symbols(unit),
        )
        result = algebra.multiply(result, algebra.power(generator, multiple))
    return result


def _angle(algebra: Algebra, scaled: _Scaled) -> Angle:
    """Cosine and sine of a sum of whole multiples, by the addition theorem."""
    cosine, sine = algebra.constant(1), algebra.constant(0)
    for _, multiple, key, unit in scaled.pieces(algebra):
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
