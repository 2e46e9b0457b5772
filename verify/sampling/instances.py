"""Concrete, generic stand-ins for functions and laws that a claim leaves unspecified.

Every stand-in is smooth, mixes all its arguments (nothing factors, so a lost dependence shows) and
is fixed by the seed of the point and the name. Positive ones decay like a Gaussian in every real
argument, so they can be integrated; a density is normalised in its first argument.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from random import Random

import mpmath

from verify.language.scope import (
    DEFINITE,
    INDEX,
    INTEGER,
    NONNEGATIVE,
    POSITIVE,
    SEMIDEFINITE,
    SYMMETRIC,
    UNIT,
    Declaration,
)
from verify.sampling.errors import Undecidable
from verify.sampling.jets import Jet, Number, elementary, mp, reciprocal, square_root
from verify.sampling.values import (
    Matrix,
    Value,
    Vector,
    add,
    cholesky,
    components,
    identity,
    is_scalar,
    multiply,
    scale,
    transpose,
)

# Independent signs: (atom, probability).
SIGNS = ((Fraction(1), Fraction(1, 2)), (Fraction(-1), Fraction(1, 2)))


def exact(number: Fraction) -> mpmath.mpf:
    """A rational in the present working precision."""
    return mp.mpf(number.numerator) / number.denominator


class Coefficients:
    """A reproducible stream of coefficients, the same in every process."""

    def __init__(self, seed: int, key: str) -> None:
        self.seed, self.key = seed, key
        self._drawn = _draws(seed, key, mp.prec)
        self._next = 0

    def between(self, low: float, high: float) -> mpmath.mpf:
        """A rational between the bounds."""
        return self._draw(low, high, False)

    def signed(self, low: float, high: float) -> mpmath.mpf:
        """A rational with absolute value between the bounds."""
        return self._draw(low, high, True)

    def _draw(self, low: float, high: float, signed: bool) -> mpmath.mpf:
        drawn, numbers, stream = self._drawn
        if self._next == len(drawn):
            drawn.append((stream.randrange(1, 1000), stream.choice((-1, 1))))
        asked = self._next, low, high, signed
        if asked not in numbers:
            place, sign = drawn[self._next]
            number = mp.mpf(low) + (mp.mpf(high) - mp.mpf(low)) * place / 1000
            numbers[asked] = sign * number if signed else number
        self._next += 1
        return numbers[asked]


Asked = tuple[int, float, float, bool]  # number in the stream, bounds, signed


@lru_cache(maxsize=1024)
def _draws(seed: int, key: str, precision: int) -> tuple[list[tuple[int, int]], dict[Asked, mpmath.mpf], Random]:
    """What a stream has given so far; a stand-in asks for the same coefficients at every evaluation.

    The draws do not depend on the bounds: another function of the same name may have asked before for others.
    """
    return [], {}, Random(f"{seed}/{key}")


def evaluate_instance(declaration: Declaration, values: list[Value], discrete: list[bool], dimension: int,
                      seed: int) -> Value:  # fmt: skip
    """The stand-in of an undefined function at `values`; `discrete` marks integer arguments."""
    numbers: list[Number] = []
    for value, whole in zip(values, discrete, strict=True):
        numbers += [elementary("sin", item * mp.mpf("1.7") + mp.mpf("0.4")) if whole else item
                    for item in components(value)]  # fmt: skip
    key = f"{declaration.key}/{len(numbers)}"
    if declaration.value == "vector":
        return Vector(tuple(_smooth(Coefficients(seed, f"{key}/{i}"), numbers) for i in range(dimension)))
    if declaration.value == "matrix":
        return _matrix(declaration.structure, seed, key, numbers, dimension)
    if declaration.density:
        first = len(components(values[0]))
        return _density(Coefficients(seed, key), numbers[:first], numbers[first:])
    coefficients = Coefficients(seed, key)
    if declaration.domain in (POSITIVE, NONNEGATIVE):
        return _positive(coefficients, numbers, all(discrete))
    if declaration.domain == UNIT:
        return elementary("sigmoid", _smooth(coefficients, numbers))
    if declaration.domain in (INTEGER, INDEX):
        raise Undecidable(f"{declaration.key} is an unspecified function with integer values")
    return _smooth(coefficients, numbers)


def _matrix(structure: str, seed: int, key: str, numbers: list[Number], dimension: int) -> Value:
    """Generic smooth entries, symmetric where that is declared; M M^T + I/8 for a definite one."""
    size = range(dimension)
    rows = [[_smooth(Coefficients(seed, f"{key}/{i}/{j}"), numbers) for j in size] for i in size]
    drawn = Matrix(tuple(tuple(row) for row in rows))
    if structure == SYMMETRIC:
        return scale(mp.mpf("0.5"), add(drawn, transpose(drawn)))
    if structure in (SEMIDEFINITE, DEFINITE):
        square = multiply(drawn, transpose(drawn))
        return add(square, scale(mp.mpf(structure == DEFINITE) / 8, identity(dimension)))
    return drawn


def _smooth(coefficients: Coefficients, numbers: list[Number]) -> Number:
    """A constant, a linear and a quadratic form and a wave, all generic."""
    total: Number = coefficients.signed(0.3, 0.9)
    phase: Number = coefficients.signed(0.2, 0.8)
    for i, x in enumerate(numbers):
        total = total + coefficients.signed(0.3, 0.9) * x
        phase = phase + coefficients.signed(0.5, 1.1) * x
        for y in numbers[: i + 1]:
            total = total + coefficients.signed(0.1, 0.4) * x * y
    return total + coefficients.signed(0.3, 0.7) * elementary("sin", phase)


def _positive(coefficients: Coefficients, numbers: list[Number], discrete: bool) -> Number:
    """exp(-quadratic + linear + wave); without decay when no argument is a real number."""
    total: Number = coefficients.signed(0.1, 0.5)
    phase: Number = coefficients.signed(0.2, 0.8)
    for i, x in enumerate(numbers):
        total = total + coefficients.signed(0.1, 0.5) * x
        phase = phase + coefficients.signed(0.5, 1.1) * x
        if not discrete:
            total = total - coefficients.between(0.5, 0.8) * x * x
            for y in numbers[:i]:
                total = total + coefficients.signed(0.3, 0.6) / len(numbers) * x * y
    return elementary("exp", total + coefficients.signed(0.2, 0.4) * elementary("sin", phase))


def _density(coefficients: Coefficients, point: list[Number], given: list[Number]) -> Number:
    """A mixture of two Gaussians whose means and widths depend on `given`; it integrates to one."""
    plain = not any(isinstance(number, Jet) for number in given)
    make = _known_shape if plain else _shape
    total: Number = mp.zero
    for factor, axes in make(coefficients.seed, coefficients.key, mp.prec, len(point), tuple(given)):
        length: Number = mp.zero
        for x, (mean, inverse) in zip(point, axes, strict=True):
            deviate = (x - mean) * inverse
            length = length + deviate * deviate
        total = total + factor * elementary("exp", -length / 2)
    return total


def _shape(
    seed: int, key: str, precision: int, size: int, given: tuple[Number, ...]
) -> list[tuple[Number, list[tuple[Number, Number]]]]:
    """The two parts of a density: the factor before the exponential, then mean and inverse width on each axis."""
    coefficients = Coefficients(seed, key)
    weight = elementary("sigmoid", _smooth(coefficients, list(given)))
    parts = []
    for share in (weight, 1 - weight):
        axes, factor = [], share / mp.sqrt(2 * mp.pi) ** size
        for _ in range(size):
            mean = elementary("sin", _smooth(coefficients, list(given)))
            width = coefficients.between(0.6, 0.9) + elementary("sigmoid", _smooth(coefficients, list(given))) / 2
            inverse = reciprocal(width)
            axes.append((mean, inverse))
            factor = factor * inverse
        parts.append((factor, axes))
    return parts


_known_shape = lru_cache(maxsize=4096)(_shape)  # a quadrature comes back to the same conditions again and again


def normal_density(x: Number) -> Number:
    """The standard normal density."""
    return elementary("exp", -(x * x) / 2) / mp.sqrt(2 * mp.pi)


def two_atoms(coefficients: Coefficients) -> list[tuple[Number, Number]]:
    """An asymmetric law with mean 0 and variance 1 on two atoms, as (atom, probability)."""
    atom = coefficients.signed(1.4, 2.6)
    rare = 1 / (1 + atom**2)
    return [(atom, rare), (-1 / atom, 1 - rare)]


def mixture_density(x: Number, coefficients: Coefficients) -> Number:
    """The density of an asymmetric mixture of two Gaussians of one width, with mean 0 and variance 1."""
    weight, mean = coefficients.between(0.3, 0.45), coefficients.signed(0.5, 0.9)
    other = -weight * mean / (1 - weight)
    width = mp.sqrt(1 - weight * mean**2 - (1 - weight) * other**2)
    parts = [share * normal_density((x - centre) / width) / width
             for share, centre in ((weight, mean), (1 - weight, other))]  # fmt: skip
    return parts[0] + parts[1]


def deviation(variance: Value, size: int) -> tuple[tuple[Number, ...], ...]:
    """The lower triangular L with L L^T equal to the covariance, for `s^2` (of every component) or a matrix."""
    if is_scalar(variance):
        width = square_root(variance)
        return tuple(tuple(width if i == j else mp.zero for j in range(size)) for i in range(size))
    if not isinstance(variance, Matrix):
        raise Undecidable("a variance is a number or a matrix")
    return cholesky(variance)
