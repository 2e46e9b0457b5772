r"""Asymptotic series in one small positive quantity u, with a remainder that is kept: the ground of every limit.

A series stands for `u**scale * (sum of c_k u**k + O(u**order))` as u falls to 0 with everything else fixed.
Exponents k are rational, `scale` may be symbolic, coefficients may contain `LOG`, which is log u. Every
operation keeps the remainder, so nothing is read off that is not known. A sign that is needed and not
certain, or a size that no such series has, is `Unsupported`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import sympy as sp
from sympy.core.function import AppliedUndef

from verify.meaning.errors import Unsupported
from verify.meaning.sizes import expand

LOG = sp.Symbol("_log_u", real=True)
EXACT = sp.oo
MAX_TERMS = 40
MAX_INTEGER_POWER = 64
SignTest = Callable[[sp.Expr], int]  # +1 or -1 where the sign is certain, 0 where it is not


@dataclass(frozen=True)
class Series:
    """`u**scale * (sum(terms[k] * u**k) + O(u**order))`; exact when `order` is EXACT.

    A quantity that falls faster than every power of u is an exact zero here: it is never divided by.
    """

    terms: dict[sp.Rational, sp.Expr] = field(default_factory=dict)
    order: sp.Expr = EXACT
    scale: sp.Expr = sp.Integer(0)

    @property
    def least(self) -> sp.Expr:
        """The smallest exponent that may occur."""
        return min([*self.terms, self.order])

    def leading(self) -> tuple[sp.Rational, sp.Expr]:
        """(exponent, coefficient) of the largest term. Raises Unsupported when none is known."""
        if not self.terms:
            raise Unsupported("the leading term of an expansion is not found: it cancels, or falls too fast")
        exponent = min(self.terms)
        return exponent, self.terms[exponent]


def constant(value: sp.Expr) -> Series:
    """A quantity that does not depend on u."""
    return Series({sp.Integer(0): value} if value != 0 else {})


def monomial(exponent: sp.Rational, coefficient: sp.Expr) -> Series:
    """`coefficient * u**exponent`."""
    return Series({sp.Rational(exponent): coefficient})


def _collected(coefficient: sp.Expr) -> sp.Expr:
    return expand(coefficient) if coefficient.is_Add or coefficient.is_Mul else coefficient


def _shifted(a: Series, by: sp.Rational) -> Series:
    return Series({k + by: c for k, c in a.terms.items()}, a.order + by, a.scale)


class Arithmetic:
    """Operations on series that keep `length` powers of u beyond the leading one.

    sign  tells the certain sign of a coefficient
    nonzero  raises Unsupported unless a leading coefficient may be divided by; told whether it stands alone
    """

    def __init__(self, length: int, sign: SignTest, nonzero: Callable[[sp.Expr, bool], None]) -> None:
        self.length = length
        self.sign = sign
        self.nonzero = nonzero

    def _cut(self, terms: dict[sp.Rational, sp.Expr], order: sp.Expr, scale: sp.Expr) -> Series:
        kept = {k: c for k, c in terms.items() if k < order}
        kept = {k: c for k, c in ((k, _collected(c)) for k, c in kept.items()) if c != 0}
        if kept and order > min(kept) + self.length:
            limit = min(kept) + self.length
            if any(k >= limit for k in kept):
                kept, order = {k: c for k, c in kept.items() if k < limit}, limit
        if len(kept) > MAX_TERMS:
            raise Unsupported(f"an expansion of more than {MAX_TERMS} terms")
        return Series(kept, order, scale)

    def add(self, a: Series, b: Series) -> Series:
        """a + b."""
        if not a.terms and a.order is EXACT:
            return b
        if not b.terms and b.order is EXACT:
            return a
        apart = expand(b.scale - a.scale)
        if not apart.is_Rational:
            raise Unsupported(f"powers that cannot be compared: their exponents differ by {apart}")
        b = _shifted(b, apart)
        terms = dict(a.terms)
        for k, c in b.terms.items():
            terms[k] = terms[k] + c if k in terms else c
        return self._cut(terms, min(a.order, b.order), a.scale)

    def multiply(self, a: Series, b: Series) -> Series:
        """a * b."""
        if any(not s.terms and s.order is EXACT for s in (a, b)):
            return Series()
        order = min(a.least + b.order, b.least + a.order)
        terms: dict[sp.Rational, sp.Expr] = {}
        for j, c in a.terms.items():
            for k, e in b.terms.items():
                if j + k < order:
                    terms[j + k] = terms[j + k] + c * e if j + k in terms else c * e
        return self._cut(terms, order, expand(a.scale + b.scale))

    def power(self, a: Series, exponent: sp.Expr) -> Series:
        """a**exponent for an exponent without u, on the positive real branch unless it is an integer."""
        if exponent.is_Integer and 0 <= exponent <= MAX_INTEGER_POWER:
            result = constant(sp.Integer(1))
            for _ in range(int(exponent)):
                result = self.multiply(result, a)
            return result
        lead, c = a.leading()
        if c.has(LOG):
            raise Unsupported("a power of a logarithm that grows without bound")
        if exponent.is_Integer:
            self.nonzero(c, len(a.terms) == 1 and a.order is EXACT)
        elif self.sign(c) <= 0:
            raise Unsupported(f"a power whose base is not certainly positive: {c}")
        total = expand((lead + a.scale) * exponent)
        rational, symbolic = total.as_coeff_Add() if not total.is_Rational else (total, sp.Integer(0))
        ratio = self._relative(a)
        factors = [sp.Integer(1)]
        for n in range(1, self.length * 6 + 2):
            factors.append(factors[-1] * (exponent - n + 1) / n)
        series = self._compose(ratio, factors)
        scaled = Series({k: c**exponent * v for k, v in series.terms.items()}, series.order, sp.Integer(0))
        return Series(_shifted(scaled, rational).terms, series.order + rational, symbolic)

    def _relative(self, a: Series) -> Series:
        """g in `a = leading term * (1 + g)`."""
        lead, c = a.leading()
        rest = {k - lead: v / c for k, v in a.terms.items() if k != lead}
        return Series(rest, a.order - lead)

    def _compose(self, g: Series, coefficients: list[sp.Expr]) -> Series:
        """sum of coefficients[n] * g**n for a small g; the coefficients go as far as the length needs."""
        if not g.terms and g.order is EXACT:
            return constant(coefficients[0])
        least = g.least
        if not least > 0:
            raise Unsupported("an expansion around a quantity that is not small")
        result, power = constant(coefficients[0]), constant(sp.Integer(1))
        reach = sp.Integer(self.length)
        n = 1
        while n * least < reach:
            if n >= len(coefficients):
                raise Unsupported("an expansion in powers that are too fine")
            power = self.multiply(power, g)
            if coefficients[n] != 0:
                result = self.add(result, Series({k: coefficients[n] * v for k, v in power.terms.items()}, power.order))
            n += 1
        return self._with_order(self._cut(result.terms, result.order, result.scale), n * least)

    @staticmethod
    def _with_order(a: Series, order: sp.Expr) -> Series:
        order = min(a.order, order)
        return Series({k: c for k, c in a.terms.items() if k < order}, order, a.scale)

    def split(self, a: Series) -> tuple[Series, sp.Expr, Series]:
        """The growing terms, the constant, and the rest. Raises Unsupported for a size that is not certain."""
        if a.scale != 0:
            if a.terms and self.sign(expand(a.scale + min(a.terms))) > 0:
                raise Unsupported("a symbolic power inside a function")
            raise Unsupported(f"the size of a power with the exponent {a.scale} is not certain")
        if not a.order > 0:
            raise Unsupported("the expansion is not known far enough")
        growing = Series({k: c for k, c in a.terms.items() if k < 0})
        rest = Series({k: c for k, c in a.terms.items() if k > 0}, a.order)
        return growing, a.terms.get(sp.Integer(0), sp.Integer(0)), rest

    def growth(self, growing: Series) -> int:
        """+1 or -1 where a sum of growing terms certainly tends to that infinity."""
        _, c = growing.leading()
        value = 0 if c.has(LOG) else self.sign(c)
        if not value:
            raise Unsupported(f"the sign of a quantity that grows is not certain: {c}")
        return value

    def exponential(self, a: Series) -> Series:
        """exp(a). Raises Unsupported where it grows faster than every power."""
        growing, value, rest = self.split(a)
        if growing.terms:
            if self.growth(growing) > 0:
                raise Unsupported("an exponential that grows faster than every power")
            return Series()
        slope = value.coeff(LOG, 1) if value.has(LOG) else sp.Integer(0)
        value = expand(value - slope * LOG)
        if value.has(LOG) or slope.has(LOG):
            raise Unsupported("the exponential of a power of a logarithm")
        small = self._compose(rest, [1 / sp.factorial(n) for n in range(self.length * 6 + 2)])
        small = Series({k: sp.exp(value) * c for k, c in small.terms.items()}, small.order)
        if slope.is_Rational:
            return _shifted(small, slope)
        return Series(small.terms, small.order, slope)

    def logarithm(self, a: Series) -> Series:
        """log(a) of something certainly positive."""
        lead, c = a.leading()
        if c.has(LOG) or self.sign(c) <= 0:
            raise Unsupported(f"the logarithm of something that is not certainly positive: {c}")
        start = sp.expand_log(sp.log(c), deep=False) + (lead + a.scale) * LOG
        signs = [sp.Integer(0), *(sp.Rational((-1) ** (n + 1), n) for n in range(1, self.length * 6 + 2))]
        return self.add(constant(start), self._compose(self._relative(a), signs))

    def smooth(self, function: Callable[[sp.Expr], sp.Expr], a: Series) -> Series:
        """function(a) for one that is smooth on the whole line."""
        growing, value, rest = self.split(a)
        if growing.terms or value.has(LOG):
            raise Unsupported("a function of a quantity that grows without bound")
        place = sp.Symbol("_place", real=True)
        derivative, coefficients = function(place), []
        for n in range(self.length * 6 + 2):
            coefficients.append(derivative.xreplace({place: value}) / sp.factorial(n))
            if (n + 1) * rest.least >= self.length:
                break
            derivative = sp.diff(derivative, place)
        return self._compose(rest, coefficients)

    def taylor(self, make: Callable[[tuple[int, ...], list[sp.Expr]], sp.Expr], arguments: list[Series]) -> Series:
        """A smooth undefined function of several series; `make(orders, point)` is its derivative there."""
        parts = [self.split(a) for a in arguments]
        if any(growing.terms or value.has(LOG) for growing, value, _ in parts):
            raise Unsupported("an undefined function of a quantity that grows without bound")
        point = [value for _, value, _ in parts]
        moving = [(i, rest) for i, (_, _, rest) in enumerate(parts) if rest.terms or rest.order is not EXACT]
        partial: list[tuple[tuple[int, ...], Series]] = [((0,) * len(arguments), constant(sp.Integer(1)))]
        result = Series()
        while partial:
            following = []
            for orders, power in partial:
                weight = make(orders, point) / sp.Mul(*[sp.factorial(n) for n in orders])
                result = self.add(result, Series({k: weight * c for k, c in power.terms.items()}, power.order))
                last = max((i for i, n in enumerate(orders) if n), default=0)
                for i, rest in moving:
                    if i >= last and power.least + rest.least < self.length:
                        raised = tuple(n + (j == i) for j, n in enumerate(orders))
                        following.append((raised, self.multiply(power, rest)))
            partial = following
        return self._with_order(result, sp.Integer(self.length)) if moving else result


def is_undefined(expression: sp.Expr) -> bool:
    """An undefined function or a derivative of one."""
    return isinstance(expression, AppliedUndef | sp.Derivative | sp.Subs)
