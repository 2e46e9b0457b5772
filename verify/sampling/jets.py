"""Derivatives without symbols: numbers extended by nilpotent infinitesimals.

A `Jet` is a polynomial in infinitesimals e_0, e_1, ... with e_i^2 = 0. Bit i of a key of `terms`
says that e_i takes part. Evaluating f at x + e_0 + e_1 leaves f''(x) at e_0 e_1; derivatives nest
because each one takes an infinitesimal of its own. Plain numbers and jets mix freely. `mp` is the
package's own mpmath context, so nobody else's precision changes ours.
"""

from __future__ import annotations

from typing import Union

import mpmath
from mpmath import MPContext

from verify.sampling.errors import BudgetExceeded, Undefined

mp = MPContext()
LARGEST_EXPONENT = 10**6  # of exp(...), and of a power in units of log|base|
LARGEST_INTEGER_POWER = 4096

Number = Union["Jet", "mpmath.mpf"]


class Jet:
    """A number with infinitesimal parts: `terms[0]` is the number itself."""

    __slots__ = ("terms",)

    def __init__(self, terms: dict[int, mpmath.mpf]) -> None:
        self.terms = terms

    def __add__(self, other: Number) -> Jet:
        terms = dict(self.terms)
        for key, value in _terms(other).items():
            terms[key] = terms[key] + value if key in terms else value
        return Jet(terms)

    __radd__ = __add__

    def __neg__(self) -> Jet:
        return Jet({key: -value for key, value in self.terms.items()})

    def __sub__(self, other: Number) -> Jet:
        return self + (-other)

    def __rsub__(self, other: Number) -> Jet:
        return -self + other

    def __mul__(self, other: Number) -> Jet:
        if not isinstance(other, Jet):
            return Jet({key: value * other for key, value in self.terms.items()})
        terms: dict[int, mpmath.mpf] = {}
        for a, x in self.terms.items():
            for b, y in other.terms.items():
                if not a & b:
                    key = a | b
                    terms[key] = terms[key] + x * y if key in terms else x * y
        return Jet(terms)

    __rmul__ = __mul__

    def __truediv__(self, other: Number) -> Jet:
        return self * reciprocal(other if isinstance(other, Jet) else mp.mpf(other))

    def __rtruediv__(self, other: Number) -> Jet:
        return other * reciprocal(self)


def _terms(value: Number) -> dict[int, mpmath.mpf]:
    return value.terms if isinstance(value, Jet) else {0: value}


def infinitesimal(level: int) -> Jet:
    """The infinitesimal e_level."""
    return Jet({0: mp.zero, 1 << level: mp.one})


def part(value: Number, bits: int) -> Number:
    """The coefficient of the product of the infinitesimals in `bits`, itself a jet in the others."""
    if not isinstance(value, Jet):
        return mp.zero
    terms = {key ^ bits: term for key, term in value.terms.items() if key & bits == bits}
    if not terms:
        return mp.zero
    terms.setdefault(0, mp.zero)
    return terms[0] if len(terms) == 1 else Jet(terms)


def real(value: Number) -> mpmath.mpf:
    """The number without its infinitesimal parts."""
    return value.terms[0] if isinstance(value, Jet) else value


def size(value: Number) -> mpmath.mpf:
    """The largest absolute value among all parts."""
    return max(abs(term) for term in value.terms.values()) if isinstance(value, Jet) else abs(value)


def compose(value: Jet, taylor: list[mpmath.mpf]) -> Jet:
    """f(value), from the Taylor coefficients f^(k)(a)/k! at its real part a."""
    small = Jet({key: term for key, term in value.terms.items() if key})
    result = Jet({0: taylor[-1]})
    for coefficient in reversed(taylor[:-1]):
        result = result * small + coefficient
    return result


def _order(value: Jet) -> int:
    """The highest power of the infinitesimal part that does not vanish: how many there are."""
    bits = 0
    for key in value.terms:
        bits |= key
    return bits.bit_count()


# ---------------------------------------------------------------- powers


def reciprocal(value: Number) -> Number:
    """1/value. Raises Undefined at zero."""
    a = real(value)
    if a == 0:
        raise Undefined("division by zero")
    if not isinstance(value, Jet):
        return 1 / a
    inverse = 1 / a
    return compose(value, [(-1) ** k * inverse ** (k + 1) for k in range(_order(value) + 1)])


def integer_power(value: Number, exponent: int) -> Number:
    """value**exponent for an integer exponent. Raises BudgetExceeded beyond any use."""
    if exponent < 0:
        return reciprocal(integer_power(value, -exponent))
    a = real(value)
    if exponent > LARGEST_INTEGER_POWER and a:
        _bound(exponent * mp.log(abs(a)))
    if not isinstance(value, Jet):
        return a**exponent
    if exponent > LARGEST_INTEGER_POWER:
        raise BudgetExceeded(f"the exponent {exponent} is too large to differentiate")
    taylor, binomial = [], 1
    for k in range(min(_order(value), exponent) + 1):
        taylor.append(binomial * a ** (exponent - k))
        binomial = binomial * (exponent - k) // (k + 1)
    return compose(value, taylor)


def power(value: Number, exponent: Number) -> Number:
    """value**exponent; the base of a fractional power must be positive (or a plain zero)."""
    if not isinstance(exponent, Jet) and mp.isint(exponent):
        if abs(exponent) > 10**9:
            raise BudgetExceeded("an exponent is too large to evaluate")
        return integer_power(value, int(exponent))
    a = real(value)
    if a == 0 and not isinstance(value, Jet) and real(exponent) > 0:
        return mp.zero
    if a <= 0:
        raise Undefined("a fractional power of a number that is not positive")
    if isinstance(exponent, Jet):
        return elementary("exp", exponent * elementary("log", value))
    _bound(exponent * mp.log(a))
    if not isinstance(value, Jet):
        return a**exponent
    taylor = [a**exponent]
    for k in range(_order(value)):
        taylor.append(taylor[-1] * (exponent - k) / ((k + 1) * a))
    return compose(value, taylor)


def square_root(value: Number) -> Number:
    """The nonnegative square root. Raises Undefined for a negative number."""
    if real(value) < 0:
        raise Undefined("the square root of a negative number")
    return mp.sqrt(value) if not isinstance(value, Jet) else power(value, mp.mpf("0.5"))


def absolute(value: Number) -> Number:
    """|value|. Raises Undefined where it has no derivative and one is asked for."""
    a = real(value)
    if a == 0 and isinstance(value, Jet):
        raise Undefined("the absolute value has no derivative at zero")
    return -value if a < 0 else value


def _bound(exponent: mpmath.mpf) -> None:
    if abs(exponent) > LARGEST_EXPONENT:
        raise BudgetExceeded("a power is too large to evaluate")


# ---------------------------------------------------------------- elementary functions


def elementary(name: str, value: Number) -> Number:
    """One of `verify.language.tree.ELEMENTARY` of a number. Raises Undefined outside its domain."""
    a = real(value)
    if name == "log" and a <= 0:
        raise Undefined("the logarithm of a number that is not positive")
    if name in ("exp", "sinh", "cosh", "sigmoid"):
        _bound(a)
    if name == "tan":
        return elementary("sin", value) * reciprocal(elementary("cos", value))
    order = _order(value) if isinstance(value, Jet) else 0
    taylor = _TAYLOR[name](a, order)
    return compose(value, taylor) if isinstance(value, Jet) else taylor[0]


def _exp(a: mpmath.mpf, order: int) -> list[mpmath.mpf]:
    return [mp.exp(a) / mp.factorial(k) for k in range(order + 1)]


def _log(a: mpmath.mpf, order: int) -> list[mpmath.mpf]:
    return [mp.log(a)] + [(-1) ** (k + 1) / (k * a**k) for k in range(1, order + 1)]


def _cycle(values: list[mpmath.mpf], order: int) -> list[mpmath.mpf]:
    return [values[k % len(values)] / mp.factorial(k) for k in range(order + 1)]


def _sin(a: mpmath.mpf, order: int) -> list[mpmath.mpf]:
    s, c = mp.sin(a), mp.cos(a)
    return _cycle([s, c, -s, -c], order)


def _cos(a: mpmath.mpf, order: int) -> list[mpmath.mpf]:
    s, c = mp.sin(a), mp.cos(a)
    return _cycle([c, -s, -c, s], order)


def _sinh(a: mpmath.mpf, order: int) -> list[mpmath.mpf]:
    return _cycle([mp.sinh(a), mp.cosh(a)], order)


def _cosh(a: mpmath.mpf, order: int) -> list[mpmath.mpf]:
    return _cycle([mp.cosh(a), mp.sinh(a)], order)


def _riccati(start: mpmath.mpf, constant: int, linear: int, order: int) -> list[mpmath.mpf]:
    """Taylor coefficients of the solution of y' = constant + linear*y - y^2 through `start`."""
    y = [start]
    for n in range(order):
        square = sum((y[i] * y[n - i] for i in range(n + 1)), mp.zero)
        y.append(((constant if n == 0 else 0) + linear * y[n] - square) / (n + 1))
    return y


def _tanh(a: mpmath.mpf, order: int) -> list[mpmath.mpf]:
    return _riccati(mp.tanh(a), 1, 0, order)


def _sigmoid(a: mpmath.mpf, order: int) -> list[mpmath.mpf]:
    return _riccati(1 / (1 + mp.exp(-a)), 0, 1, order)


def _arctan(a: mpmath.mpf, order: int) -> list[mpmath.mpf]:
    slope = [1 / (1 + a * a)]  # of 1/(1 + (a+u)^2), from (1 + a^2 + 2au + u^2) * slope = 1
    for n in range(1, order):
        before = slope[n - 2] if n > 1 else mp.zero
        slope.append(-(2 * a * slope[n - 1] + before) / (1 + a * a))
    return [mp.atan(a)] + [slope[k] / (k + 1) for k in range(order)]


def _erf(a: mpmath.mpf, order: int) -> list[mpmath.mpf]:
    slope = [2 * mp.exp(-a * a) / mp.sqrt(mp.pi)]  # y' = -2 (a+u) y
    for n in range(1, order):
        before = slope[n - 2] if n > 1 else mp.zero
        slope.append(-2 * (a * slope[n - 1] + before) / n)
    return [mp.erf(a)] + [slope[k] / (k + 1) for k in range(order)]


_TAYLOR = {
    "exp": _exp,
    "log": _log,
    "sin": _sin,
    "cos": _cos,
    "sinh": _sinh,
    "cosh": _cosh,
    "tanh": _tanh,
    "sigmoid": _sigmoid,
    "arctan": _arctan,
    "erf": _erf,
}
