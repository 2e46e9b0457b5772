r"""Limits and expansions: an expression becomes a series in one small quantity, and its value is read off.

`\lim_{n\to\infty}` puts u = 1/n, `\lim_{h\to 0^+}` puts u = h, and a limit from both sides is taken from each
side. The series keeps its remainder, so the value is exact; where no series is found the limit is
`Unsupported`, never guessed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sympy as sp

from verify.language.scope import INDEX, INTEGER, NONNEGATIVE, POSITIVE, UNIT
from verify.language.tree import Limit
from verify.meaning.algebra import SCALAR, Value
from verify.meaning.errors import MeaningError, Unsupported
from verify.meaning.evaluation import Evaluation, evaluate, scalar_or_infinite
from verify.meaning.expressions import OPERATORS, close, depends, differentiate, substitute
from verify.meaning.hidden import refuse_hidden
from verify.meaning.jets import jet, jet_of
from verify.meaning.positivity import provably_positive
from verify.meaning.series import LOG, Arithmetic, Series, constant, is_undefined, monomial
from verify.meaning.sizes import expand
from verify.meaning.smoothness import refuse_outside, smooth_at_zero

LENGTHS = (2, 4, 7, 11)  # powers of u that are kept, tried in turn
ONE_SIDED = (POSITIVE, NONNEGATIVE, UNIT)
ENTIRE = (sp.sin, sp.cos)


@dataclass(frozen=True)
class Approach:
    """How a symbol goes to its limit: it is `start + sign * u**power` with u falling to 0."""

    symbol: sp.Symbol
    start: sp.Expr
    sign: int
    power: int

    def series(self) -> Series:
        """The symbol itself."""
        moving = monomial(sp.Integer(self.power), sp.Integer(self.sign))
        return Series({**moving.terms, **constant(self.start).terms})


class _Expansion:
    """One expression as a series, with the signs that the declarations give."""

    def __init__(self, reading: Evaluation, approach: Approach, length: int) -> None:
        self.reading = reading
        self.approach = approach
        self.known: dict[sp.Expr, Series] = {}
        self.indices: list[sp.Symbol] = []  # of the sums that are expanded term by term
        self.arithmetic = Arithmetic(length, self._sign, self._nonzero)

    def _sign(self, c: sp.Expr) -> int:
        facts = self.reading.facts
        return 1 if provably_positive(c, facts) else -1 if provably_positive(-c, facts) else 0

    def _nonzero(self, c: sp.Expr, alone: bool) -> None:
        """Divide by c: its sign is certain; or a divisor is c times a power of u, which has no value for c = 0.

        Beside other terms c may vanish, and the limit is another one there. Then it is a polynomial in free
        names, which is not zero identically; an index takes the value where it is.
        """
        if c.is_nonzero or self._sign(c):
            return
        free = c.free_symbols
        tied = not alone or any(symbol in self.reading.facts.roots or symbol in self.indices for symbol in free)
        if tied or self.reading.scope.equations or not free or not c.is_polynomial(*free):
            raise Unsupported(f"not certainly different from zero: {c}")
        self.reading.condition(f"not zero: {c}")

    def of(self, e: sp.Expr) -> Series:
        """The series of e. Raises Unsupported."""
        if e not in self.known:
            free = depends(e, [self.approach.symbol])
            self.known[e] = self._of(e) if free else constant(e)
        return self.known[e]

    def _of(self, e: sp.Expr) -> Series:
        arithmetic = self.arithmetic
        if e == self.approach.symbol:
            return self.approach.series()
        if e.is_Add or e.is_Mul:
            combine = arithmetic.add if e.is_Add else arithmetic.multiply
            result = self.of(e.args[0])
            for part in e.args[1:]:
                result = combine(result, self.of(part))
            return result
        if isinstance(e, sp.exp):
            return arithmetic.exponential(self.of(e.args[0]))
        if e.is_Pow:
            if depends(e.exp, [self.approach.symbol]):
                exponent = arithmetic.multiply(self.of(e.exp), arithmetic.logarithm(self.of(e.base)))
                return arithmetic.exponential(exponent)
            return self._power(e)
        if isinstance(e, sp.log):
            return arithmetic.logarithm(self.of(e.args[0]))
        if isinstance(e, sp.sinh | sp.cosh):
            return self.of(e.rewrite(sp.exp))
        if isinstance(e, sp.tanh):
            return self._tanh(self.of(e.args[0]))
        if isinstance(e, sp.Abs):
            return self._absolute(self.of(e.args[0]))
        if isinstance(e, ENTIRE):
            return arithmetic.smooth(e.func, self.of(e.args[0]))
        if isinstance(e, sp.erf | sp.atan):
            return self._bounded(e.func, self.of(e.args[0]))
        if is_undefined(e):
            return self._undefined(e)
        if isinstance(e, sp.Sum) and not any(depends(part, [self.approach.symbol]) for part in e.limits):
            return self._sum(e)
        if isinstance(e, sp.Integral):
            return self._integral(e)
        if isinstance(e, OPERATORS):
            raise Unsupported("a sum or product whose range grows: write it in closed form first")
        raise Unsupported(f"no expansion of {type(e).__name__} is known")

    def _power(self, e: sp.Expr) -> Series:
        """A fixed power; where exponentials in the base grow, the largest is taken out first."""
        try:
            return self.arithmetic.power(self.of(e.base), e.exp)
        except Unsupported as reason:
            grown = [f.args[0] for t in sp.Add.make_args(e.base) for f in sp.Mul.make_args(t) if isinstance(f, sp.exp)]
            for a in grown if e.exp.is_negative else []:
                rest = sp.Add(*[t * sp.exp(-a) for t in e.base.args])
                try:
                    return self.arithmetic.multiply(
                        self.of(sp.exp(e.exp * a)), self.arithmetic.power(self.of(rest), e.exp)
                    )
                except Unsupported:
                    continue
            raise reason

    def _negative(self, a: Series) -> Series:
        return Series({k: -c for k, c in a.terms.items()}, a.order, a.scale)

    def _doubled(self, a: Series) -> Series:
        return Series({k: 2 * c for k, c in a.terms.items()}, a.order, a.scale)

    def _tanh(self, a: Series) -> Series:
        growing, _, _ = self.arithmetic.split(a)
        if growing.terms and self.arithmetic.growth(growing) < 0:
            return self._negative(self._tanh(self._negative(a)))
        small = self.arithmetic.exponential(self._negative(self._doubled(a)))
        one = constant(sp.Integer(1))
        above = self.arithmetic.add(one, self._negative(small))
        return self.arithmetic.multiply(above, self.arithmetic.power(self.arithmetic.add(one, small), sp.Integer(-1)))

    def _absolute(self, a: Series) -> Series:
        _, c = a.leading()
        found = 0 if c.has(LOG) else self._sign(c)
        if not found:
            raise Unsupported(f"the sign inside an absolute value is not certain: {c}")
        return a if found > 0 else self._negative(a)

    def _bounded(self, function: Callable[[sp.Expr], sp.Expr], a: Series) -> Series:
        """erf and arctan, also at infinity: 1 up to every power, and pi/2 - arctan(1/a)."""
        growing, _, _ = self.arithmetic.split(a)
        if not growing.terms:
            return self.arithmetic.smooth(function, a)
        if self.arithmetic.growth(growing) < 0:
            return self._negative(self._bounded(function, self._negative(a)))
        if function is sp.erf:
            return constant(sp.Integer(1))
        rest = self.arithmetic.smooth(sp.atan, self.arithmetic.power(a, sp.Integer(-1)))
        return self.arithmetic.add(constant(sp.pi / 2), self._negative(rest))

    def _undefined(self, e: sp.Expr) -> Series:
        parts = jet_of(e)
        if parts is None:
            raise Unsupported("a derivative that cannot be expressed in the arguments of its function")
        function, orders, arguments = parts
        self.reading.condition(f"the undefined functions are smooth near the limit of {self.approach.symbol}")

        def make(more: tuple[int, ...], point: list[sp.Expr]) -> sp.Expr:
            refuse_outside(self.reading, function.__name__, point)
            return jet(function, [a + b for a, b in zip(orders, more, strict=True)], point)

        return self.arithmetic.taylor(make, [self.of(argument) for argument in arguments])

    def _sum(self, e: sp.Sum) -> Series:
        """A sum over a range that stays: term by term."""
        variable, lower, upper = e.limits[-1]
        if lower.is_infinite or upper.is_infinite:
            raise Unsupported("the limit of an infinite sum is not taken term by term")
        inner = e.limits[:-1]
        table = self.reading.table
        inside = table.temporary(table.facts.symbols[variable])
        self.indices.append(inside)
        body = (e.func(e.function, *inner) if inner else e.function).xreplace({variable: inside})
        a = self.of(body)
        if depends(a.scale, [inside]):
            raise Unsupported("a sum of powers whose exponents depend on its index")
        summed = {k: close(sp.Sum, c, inside, lower, upper, table) for k, c in a.terms.items()}
        return Series(summed, a.order, a.scale)

    def _integral(self, e: sp.Expr) -> Series:
        """Taylor's theorem for an integral with finite limits that is smooth where u is 0."""
        u, approach = self.approach.symbol, self.approach
        if approach.power != 1:
            raise Unsupported("an integral in the limit of something that grows")
        if approach.start != 0:
            e = substitute(e, {u: approach.start + u}, self.reading.table)
        smooth_at_zero(self.reading, e, u)
        terms, derivative = {}, e
        for n in range(self.arithmetic.length):
            value = substitute(derivative, {u: sp.Integer(0)}, self.reading.table)
            empty = [i for i in value.atoms(sp.Integral) if any(low == high for _, low, high in i.limits)]
            value = value.xreplace(dict.fromkeys(empty, sp.Integer(0)))
            if value != 0:
                terms[sp.Integer(n)] = approach.sign**n * value / sp.factorial(n)
            derivative = differentiate(derivative, u, self.reading.facts)
        return Series(terms, sp.Integer(self.arithmetic.length))


def expanded(reading: Evaluation, expression: sp.Expr, approach: Approach, beyond: sp.Expr) -> Series:
    """The series of an expression, known beyond `u**beyond`. Raises Unsupported.

    Tied roots are opened first, so that no coefficient hides u.
    """
    for root, (degree, base) in list(reading.facts.roots.items()):
        if approach.symbol in base.free_symbols:
            expression = expression.xreplace({root: base ** sp.Rational(1, degree)})
    problem = Unsupported("no expansion was found")
    for length in LENGTHS:
        try:
            series = _Expansion(reading, approach, length).of(expression)
        except Unsupported as reason:
            problem = reason
            continue
        if series.scale != 0 or series.order > beyond:
            return series
        problem = Unsupported("the terms cancel further than they are expanded")
    raise problem


def limit_of(reading: Evaluation, expression: sp.Expr, approach: Approach) -> sp.Expr:
    """The limit: a finite value, `oo` or `-oo`. Raises Unsupported where it is not certain."""
    series = expanded(reading, expression, approach, sp.Integer(0))
    sign = _Expansion(reading, approach, 1)._sign
    if series.scale != 0:
        if not series.terms:
            raise Unsupported("the size of the limit is not certain")
        exponent = expand(series.scale + min(series.terms))
        found = sign(exponent)
        if found > 0:
            return sp.Integer(0)
        if found == 0:
            raise Unsupported(f"the sign of the exponent {exponent} is not certain")
        return _infinite(series, sign)
    if any(k < 0 for k in series.terms):
        return _infinite(series, sign)
    value = series.terms.get(sp.Integer(0), sp.Integer(0))
    if value.has(LOG):
        raise Unsupported("the limit grows like a logarithm")
    return value


def _infinite(series: Series, sign: Callable[[sp.Expr], int]) -> sp.Expr:
    exponent, c = series.leading()
    found = 0 if c.has(LOG) else sign(c)
    if not found:
        raise Unsupported(f"terms that grow are not seen to cancel: {c} u**({exponent + series.scale})")
    return sp.oo if found > 0 else -sp.oo


def approaches(reading: Evaluation, symbol: sp.Symbol, point: sp.Expr, side: str, domain: str) -> list[Approach]:
    """The ways in which the symbol reaches its limit inside its declared domain, as one or two series."""
    if point in (sp.oo, -sp.oo):
        if side:
            raise MeaningError("infinity is reached from one side only")
        if domain == UNIT or (point == -sp.oo and domain not in ("real", INTEGER)):
            raise MeaningError(f"nothing in the domain of the variable ({domain}) tends to {point}")
        return [Approach(symbol, sp.Integer(0), 1 if point > 0 else -1, -1)]
    if domain in (INTEGER, INDEX):
        raise MeaningError(f"an integer tends to infinity, not to {point}")
    if domain in ONE_SIDED and point == 0:
        if side == "-":
            raise MeaningError("the variable is never negative: it tends to 0 from above")
        side = "+"
    elif domain in ONE_SIDED and not provably_positive(point, reading.facts):
        raise Unsupported(f"{point} is not certainly in the domain of the variable ({domain})")
    if domain == UNIT and point != 0:
        if point == 1:
            side = "-"
        elif not provably_positive(1 - point, reading.facts):
            raise Unsupported(f"{point} is not certainly in the domain of the variable (0,1)")
    return [Approach(symbol, point, sign, 1) for name, sign in (("+", 1), ("-", -1)) if side in ("", name)]


@evaluate.register
def _(node: Limit, reading: Evaluation) -> Value:
    value = limit_value(node, reading)
    if any(part.is_infinite for part in reading.parts(value)):
        raise Unsupported(f"the limit in {node.variable} is infinite")
    return value


def limit_value(node: Limit, reading: Evaluation) -> Value:
    """The value of a limit; a scalar one may be infinite. Raises Unsupported and MeaningError."""
    declared = reading.declaration(node.variable, node.span)
    plain = declared.kind == "variable" and declared.definition is None and declared.root_of is None
    if not plain or declared.value != SCALAR:
        raise MeaningError(f"{node.variable} is no free number: nothing can tend to a limit in it", node.span)
    refuse_hidden(reading, node.variable, node, node.body)
    point = scalar_or_infinite(node.point, reading)
    symbol = reading.table.temporary(declared.domain)
    with reading.bind({node.variable: symbol}):
        value = evaluate(node.body, reading)
    if reading.hides(value, symbol):
        raise Unsupported("a limit inside the argument of a vector is not expressed in symbolic d")
    ways = approaches(reading, symbol, point, node.side, declared.domain)

    def taken(expression: sp.Expr) -> sp.Expr:
        if not depends(expression, [symbol]):
            return expression
        found = [limit_of(reading, expression, way) for way in ways]
        if any(other != found[0] and expand(other - found[0]) != 0 for other in found[1:]):
            raise Unsupported(f"the limits from the two sides are not seen to be equal: {found[0]} and {found[1]}")
        return found[0]

    reading.condition(f"{node.variable} tends to its limit with everything else fixed")
    return reading.map(taken, value)


def remainder_coefficients(
    reading: Evaluation, expression: sp.Expr, ways: list[Approach], order: int
) -> list[sp.Expr]:
    """What must vanish for the expression to be O(u**order) from every side. Raises Unsupported."""
    found: list[sp.Expr] = []
    for way in ways:
        series = expanded(reading, expression, way, sp.Integer(order))
        if series.scale != 0:
            raise Unsupported(f"powers with the exponent {series.scale} in an expansion")
        for exponent in sorted(series.terms):
            c = series.terms[exponent]
            if exponent < order:
                found += [c] if not c.has(LOG) else _log_coefficients(c)
            elif c.has(LOG) and exponent == order:
                raise Unsupported("a logarithm times the order of the remainder")
    return list(dict.fromkeys(c for c in found if c != 0)) or [sp.Integer(0)]


def _log_coefficients(c: sp.Expr) -> list[sp.Expr]:
    """Every coefficient of a polynomial in log u. Raises Unsupported for anything else."""
    opened = expand(c)
    if not opened.is_polynomial(LOG):
        raise Unsupported("a function of a logarithm that grows without bound")
    return list(sp.Poly(opened, LOG).all_coeffs())

