"""Rigorous real interval evaluation of an expression with mpmath.iv, and text that rounds outward.

Nothing here depends on python-flint. An evaluation that leaves the real domain (a logarithm or root
of a negative number, a division by an interval around zero) raises `NotEvaluable`: a point where
that happens is not admissible.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

import sympy as sp
from mpmath import iv
from mpmath.ctx_iv import ivmpf
from mpmath.libmp import finf, fnan, fninf, libmpi, to_rational

Interval = Any  # mpmath's ivmpf: end points .a and .b
Point = Mapping[sp.Expr, Any]  # symbol -> Rational or Interval

DIGITS = 60
MAX_EXPONENT = 10_000
MAX_ARGUMENT = 1_000_000  # of an exponential
MAX_WRITTEN_OUT = 1_000  # terms of a sum or product between numbers
LARGEST_TAIL = 1_000  # where the tail of erf is still computed
PANELS = 48  # of an integral; the width of its enclosure falls with their number
PANELS_INSIDE = 12  # of an integral within another
SLACK_BITS = 8  # elementary functions are widened by this many bits: their last bit is not trusted


class NotEvaluable(Exception):
    """The expression has no enclosed finite real value here; the message says why."""


class NoRealValue(NotEvaluable):
    """A root or a logarithm of something certainly negative: there is nothing to enclose at this point."""


@contextmanager
def precision(digits: int) -> Iterator[None]:
    """Work with that many decimal digits."""
    before = iv.prec
    iv.dps = digits
    try:
        yield
    finally:
        iv.prec = before


def enclose(expression: sp.Expr, point: Point, digits: int = DIGITS) -> Interval:
    """A finite real interval that contains the value of the expression at the point."""
    with precision(digits):
        try:
            return _finite(_Evaluation(point).value(expression))
        except (ZeroDivisionError, OverflowError, ValueError) as error:
            raise NotEvaluable(f"no real value: {error}") from error


class _Evaluation:
    """One pass over an expression; shared parts are evaluated once."""

    def __init__(self, point: Point, depth: int = 0) -> None:
        self.point = point
        self.depth = depth
        self.known: dict[sp.Expr, Interval] = {}

    def value(self, e: sp.Expr) -> Interval:
        if e not in self.known:
            self.known[e] = self._value(e)
        return self.known[e]

    def _value(self, e: sp.Expr) -> Interval:
        if e in self.point:
            given = self.point[e]
            return given if isinstance(given, ivmpf) else rational(given)
        if e.is_Rational:
            return rational(e)
        if e.is_Add:
            total = iv.mpf(0)
            for term in e.args:
                total += self.value(term)
            return total
        if e.is_Mul:
            product = iv.mpf(1)
            for factor in e.args:
                product *= self.value(factor)
            return product
        if e is sp.pi:
            return +iv.pi
        if e is sp.E:
            return _exp(iv.mpf(1))
        if isinstance(e, sp.exp):
            return _exp(self.value(e.args[0]))
        if e.is_Pow:
            return self._power(e.base, e.exp)
        if isinstance(e, sp.Max | sp.Min):
            values = [self.value(a) for a in e.args]
            pick = max if isinstance(e, sp.Max) else min
            return iv.mpf([pick(v.a for v in values), pick(v.b for v in values)])
        if isinstance(e, sp.Sum | sp.Product):
            return self.written_out(e) if e.free_symbols else iv.make_mpf(_closed_value(e, iv.prec))
        if isinstance(e, sp.Integral):
            return self._integral(e)
        if isinstance(e, sp.Piecewise):
            return self._cases(e)
        operation = ELEMENTARY.get(e.func)
        if operation is None:
            raise NotEvaluable(f"{e.func.__name__} has no numerical value here")
        return operation(self.value(e.args[0]))

    def written_out(self, e: sp.Sum | sp.Product) -> Interval:
        """A finite sum or product between whole numbers, term by term; an empty one is 0 or 1."""
        if len(e.limits) != 1:
            raise NotEvaluable("a sum or product over several indices")
        ((index, lower, upper),) = e.limits
        if not (lower.is_Integer and upper.is_Integer) or upper - lower >= MAX_WRITTEN_OUT:
            raise NotEvaluable("a sum or product whose range is not finite here, or too long")
        if upper - lower < -1:
            raise NotEvaluable("a sum or product whose range runs backwards")
        fixed = {part: self.value(part) for part in _free_of(e.function, index)} if upper >= lower else {}
        total = iv.mpf(0 if isinstance(e, sp.Sum) else 1)
        for number in range(int(lower), int(upper) + 1):
            term = _Evaluation({**self.point, index: sp.Integer(number)})
            term.known = dict(fixed)
            value = term.value(e.function)
            total = total + value if isinstance(e, sp.Sum) else total * value
        return total

    def _integral(self, e: sp.Integral) -> Interval:
        """A proper integral: its length times the hull of the integrand, panel by panel.

        Limits may be intervals. With u = a + (b - a) s the integral is (b - a) times one over [0, 1],
        whatever a and b are. An integrand that may be infinite somewhere raises NotEvaluable.
        """
        (variable, *ends), inner = e.limits[-1], e.limits[:-1]
        if len(ends) != 2:
            raise NotEvaluable("an integral without limits")
        body = sp.Integral(e.function, *inner) if inner else e.function
        lower, upper = (self.value(end) for end in ends)
        length, panels = upper - lower, PANELS if self.depth == 0 else PANELS_INSIDE
        fixed = {part: self.value(part) for part in _free_of(body, variable)}
        total = iv.mpf(0)
        for k in range(panels):
            share = iv.mpf([k, k + 1]) / panels
            panel = _Evaluation({**self.point, variable: lower + length * share}, self.depth + 1)
            panel.known = dict(fixed)
            total += _finite(panel.value(body))
        return length * total / panels

    def _cases(self, e: sp.Piecewise) -> Interval:
        """The branch that certainly applies."""
        for value, condition in e.args:
            if condition == True:  # noqa: E712, a truth value of SymPy
                return self.value(value)
            if isinstance(condition, sp.StrictLessThan | sp.LessThan):
                small, large = condition.lhs, condition.rhs
            elif isinstance(condition, sp.StrictGreaterThan | sp.GreaterThan):
                small, large = condition.rhs, condition.lhs
            else:
                raise NotEvaluable("a condition that is no inequality")
            strict = isinstance(condition, sp.StrictLessThan | sp.StrictGreaterThan)
            gap = self.value(large) - self.value(small)
            exact = gap.a == 0 and gap.b == 0
            if gap.a > 0 or (exact and not strict):
                return self.value(value)
            if not (gap.b < 0 or (exact and strict)):
                raise NotEvaluable("a condition that is not certain here")
        raise NotEvaluable("no case applies")

    def _power(self, base: sp.Expr, exponent: sp.Expr) -> Interval:
        x = self.value(base)
        if exponent.is_Integer:
            if abs(exponent) > MAX_EXPONENT:
                raise NotEvaluable("an exponent is too large")
            return x ** int(exponent) if exponent > 0 else _reciprocal(x ** -int(exponent))
        if exponent.is_Rational and exponent.q == 2:
            root = _sqrt(x) ** abs(int(exponent.p))
            return root if exponent > 0 else _reciprocal(root)
        return _exp(_log(x) * self.value(exponent))


@functools.lru_cache(maxsize=256)
def _closed_value(e: sp.Sum | sp.Product, bits: int) -> tuple[Any, ...]:
    """The end points of a sum or product without free symbols: mutants of a step ask for the same one again."""
    assert bits == iv.prec  # the precision belongs to the key
    return _Evaluation({}).written_out(e)._mpi_


def _free_of(e: sp.Expr, index: sp.Symbol) -> list[sp.Expr]:
    """The largest parts without the index: their values are the same in every term."""
    if index not in e.free_symbols:
        return [] if isinstance(e, sp.Integral) else [e]
    if isinstance(e, sp.Sum | sp.Product | sp.Integral):
        return []
    return [part for argument in e.args for part in _free_of(argument, index)]


def rational(value: sp.Rational | Fraction) -> Interval:
    """The interval around an exact rational number."""
    if isinstance(value, Fraction):
        return iv.mpf(value.numerator) / iv.mpf(value.denominator)
    return iv.mpf(int(value.p)) / iv.mpf(int(value.q))


def bounds(x: Interval) -> tuple[Fraction, Fraction]:
    """The exact end points."""
    return tuple(Fraction(*map(int, to_rational(end))) for end in x._mpi_)  # type: ignore[return-value]


def _finite(x: Interval) -> Interval:
    if any(end in (finf, fninf, fnan) for end in x._mpi_):
        raise NotEvaluable("the value is not finite or not enclosed")
    return x


def _widen(x: Interval) -> Interval:
    _finite(x)
    slack = iv.mpf(2) ** (SLACK_BITS - iv.prec)
    return x * iv.mpf([1 - slack.b, 1 + slack.b])


def _reciprocal(x: Interval) -> Interval:
    if x.a <= 0 <= x.b:
        raise NotEvaluable("division by something that may be zero")
    return 1 / x


def _exp(x: Interval) -> Interval:
    _finite(x)
    if x.b > MAX_ARGUMENT or x.a < -MAX_ARGUMENT:
        raise NotEvaluable("the argument of an exponential is too large")
    return _widen(iv.exp(x))


def _sqrt(x: Interval) -> Interval:
    if x.a < 0:
        raise (NoRealValue if x.b < 0 else NotEvaluable)("the root of something that may be negative")
    return iv.sqrt(x)


def _log(x: Interval) -> Interval:
    if x.b < 0:
        raise NoRealValue("logarithm or power of something negative")
    if not x.a > 0:
        raise NotEvaluable("logarithm or power of something that may not be positive")
    tiny = iv.mpf(2) ** (SLACK_BITS - iv.prec)
    return iv.log(x) * iv.mpf([1 - tiny.b, 1 + tiny.b]) + iv.mpf([-tiny.b, tiny.b])


def _bounded_wave(x: Interval) -> Interval:
    """Widen the value of a sine or cosine by an absolute amount."""
    tiny = iv.mpf(2) ** (SLACK_BITS - iv.prec)
    return x + iv.mpf([-tiny.b, tiny.b])


def _sin(x: Interval) -> Interval:
    return _bounded_wave(iv.sin(_finite(x)))


def _cos(x: Interval) -> Interval:
    return _bounded_wave(iv.cos(_finite(x)))


def _tanh(x: Interval) -> Interval:
    return 1 - 2 * _reciprocal(_exp(2 * x) + 1)


def _arctan(x: Interval) -> Interval:
    return _widen(iv.make_mpf(libmpi.mpi_atan(_finite(x)._mpi_, iv.prec)))


def _sign(x: Interval) -> Interval:
    """The sign of what is certainly not zero, or exactly zero."""
    if x.a > 0 or x.b < 0:
        return iv.mpf(1 if x.a > 0 else -1)
    if x.a == 0 and x.b == 0:
        return iv.mpf(0)
    raise NotEvaluable("the sign of something that may be zero")


def _erf(x: Interval) -> Interval:
    """erf is increasing, so the end points are enough."""
    return iv.mpf([_erf_at(x.a).a, _erf_at(x.b).b])


def _erf_at(x: Interval) -> Interval:
    """The alternating series of erf at an exact point; far out the tail t = exp(-x^2)/(x sqrt(pi)) bounds it.

    1 - t <= erf(x) <= 1 - t (1 - 1/(2 x^2)) for x > 0: erf is less than 1 everywhere.
    """
    if abs(x).b > 8:
        far = abs(x)
        if far.b > LARGEST_TAIL:
            return iv.mpf([1 - iv.mpf(2) ** -iv.prec, 1]) if x.a > 0 else iv.mpf([-1, -1 + iv.mpf(2) ** -iv.prec])
        tail = _exp(-(far**2)) / (far * iv.sqrt(iv.pi))
        value = 1 - tail * iv.mpf([(1 - 1 / (2 * far**2)).a, 1])
        return value if x.a > 0 else -value
    before = iv.prec
    iv.prec = before + 200  # the terms grow up to exp(64) before they fall
    try:
        square, term, total, n = x**2, +x, iv.mpf(0), 0
        while True:
            part = term / (2 * n + 1)
            if n > square.b and abs(part).b < iv.mpf(2) ** -(before + 20):
                rest = abs(part).b
                return (total + iv.mpf([-rest, rest])) * 2 / iv.sqrt(iv.pi)
            total += part
            n += 1
            term = -term * square / n
    finally:
        iv.prec = before


ELEMENTARY: dict[type, Callable[[Interval], Interval]] = {
    sp.log: _log,
    sp.sin: _sin,
    sp.cos: _cos,
    sp.tan: lambda x: _sin(x) * _reciprocal(_cos(x)),
    sp.sinh: lambda x: (_exp(x) - _exp(-x)) / 2,
    sp.cosh: lambda x: (_exp(x) + _exp(-x)) / 2,
    sp.tanh: _tanh,
    sp.atan: _arctan,
    sp.erf: _erf,
    sp.Abs: abs,
    sp.sign: _sign,
}


# ---------------------------------------------------------------- text


def text(x: Interval, digits: int = 10) -> str:
    """`[lower, upper]` in decimals, rounded outward."""
    low, high = bounds(x)
    return f"[{_decimal(low, digits, -1)}, {_decimal(high, digits, +1)}]"


def _decimal(value: Fraction, digits: int, direction: int) -> str:
    """The nearest decimal with that many significant digits, below (-1) or above (+1) the value."""
    if value == 0:
        return "0"
    magnitude = _magnitude(abs(value))
    scale = Fraction(10) ** (digits - 1 - magnitude)
    scaled = value * scale
    whole = scaled.numerator // scaled.denominator
    if direction > 0 and whole != scaled:
        whole += 1
    return _place(whole, digits - 1 - magnitude)


def _magnitude(value: Fraction) -> int:
    """floor(log10(value)) for a positive rational number."""
    guess = (value.numerator.bit_length() - value.denominator.bit_length()) * 30103 // 100_000
    while value < Fraction(10) ** guess:
        guess -= 1
    while value >= Fraction(10) ** (guess + 1):
        guess += 1
    return guess


def _place(whole: int, shift: int) -> str:
    """whole / 10**shift, written plainly when that is short, else with an exponent."""
    sign, figures = ("-" if whole < 0 else ""), str(abs(whole))
    exponent = len(figures) - 1 - shift
    figures = figures.rstrip("0") or "0"
    if figures == "0":
        return "0"
    if -5 <= exponent < 0:
        return f"{sign}0.{'0' * (-exponent - 1)}{figures}"
    if 0 <= exponent <= 12:
        padded = figures.ljust(exponent + 1, "0")
        tail = padded[exponent + 1:]
        return sign + padded[: exponent + 1] + (f".{tail}" if tail else "")
    return f"{sign}{figures[0]}{'.' + figures[1:] if len(figures) > 1 else ''}e{exponent}"
