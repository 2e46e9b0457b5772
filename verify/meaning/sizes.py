"""Bounds on numbers, powers and expansions, applied before SymPy evaluates anything."""

from __future__ import annotations

import math

import sympy as sp

from verify.meaning.errors import Unsupported

MAX_BITS = 10_000  # of a numerator or denominator
MAX_EXPONENT = 64  # of anything but a symbol
MAX_SYMBOL_EXPONENT = 10_000
MAX_TERMS = 20_000  # of an expanded expression
MAX_DIGITS = 3_000  # of a literal


def decimal(text: str) -> sp.Rational:
    """The exact rational of a decimal literal such as `0.05`."""
    whole, _, fraction = text.partition(".")
    digits = whole + fraction
    if not digits.isascii() or not digits.isdigit():
        raise Unsupported(f"not a decimal number: {text[:20]}")
    if len(digits) > MAX_DIGITS:
        raise Unsupported("a number with too many digits")
    return sp.Rational(int(digits), 10 ** len(fraction))


def _bits(number: sp.Rational) -> int:
    return max(int(number.p).bit_length(), int(number.q).bit_length())


def power(base: sp.Expr, exponent: sp.Expr) -> sp.Expr:
    """`base ** exponent`, refused when the result would be huge."""
    if exponent.is_Rational:
        size = abs(exponent)
        if size > (MAX_SYMBOL_EXPONENT if base.is_Symbol else MAX_EXPONENT):
            raise Unsupported(f"the exponent {_short(exponent)} is too large")
        if base.is_Rational and base not in (0, 1, -1) and _bits(base) * size > MAX_BITS:
            raise Unsupported("the number is too large")
        if exponent.is_Integer and exponent > 0 and term_count(base) > 1:
            _bounded(math.comb(term_count(base) + int(exponent) - 1, int(exponent)))
    elif exponent.is_number and base.is_Rational and base not in (0, 1, -1) and _too_large(base, exponent):
        raise Unsupported("the number is too large")
    result = base**exponent
    if result.is_Rational and _bits(result) > MAX_BITS:
        raise Unsupported("the number is too large")
    return result


def _too_large(base: sp.Rational, exponent: sp.Expr) -> bool:
    """An irrational power of a number stays symbolic, but its size must stay in reach."""
    return not exponent.is_real or bool(abs(sp.Float(exponent, 15)) * _bits(base) > MAX_BITS)


def product(left: sp.Expr, right: sp.Expr) -> sp.Expr:
    """`left * right`, refused when it is a huge number."""
    if left.is_Rational and right.is_Rational and _bits(left) + _bits(right) > MAX_BITS:
        raise Unsupported("the number is too large")
    return left * right


def _short(number: sp.Expr) -> str:
    text = str(number)
    return text if len(text) <= 12 else text[:9] + "..."


def _bounded(count: int) -> int:
    if count > MAX_TERMS:
        raise Unsupported("the expression has too many terms when multiplied out")
    return count


def term_count(expression: sp.Expr) -> int:
    """An upper bound on the number of terms of the expanded expression; refused beyond MAX_TERMS."""
    if expression.is_Add:
        return _bounded(sum(term_count(term) for term in expression.args))
    if expression.is_Mul:
        count = 1
        for factor in expression.args:
            count = _bounded(count * term_count(factor))
        return count
    if expression.is_Pow and expression.exp.is_Integer and expression.exp > 1:
        terms = term_count(expression.base)
        if terms > 1:
            return _bounded(math.comb(terms + int(expression.exp) - 1, int(expression.exp)))
    return 1


def expand(expression: sp.Expr) -> sp.Expr:
    """Multiplied out, exponents and logarithms left alone; refused when that would be huge."""
    term_count(expression)
    return sp.expand(expression, power_base=False, power_exp=False, log=False)
