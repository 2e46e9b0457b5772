"""Concrete, generic stand-ins for functions and laws that a claim leaves unspecified.

Every stand-in is smooth, mixes all its arguments (nothing factors, so a lost dependence shows) and
is fixed by the seed of the point and the name. Positive ones decay like a Gaussian in every real
argument, so they can be integrated; a density is normalised in its first argument.
"""

from __future__ import annotations

from fractions import Fraction
from random import Random

from verify.language.scope import INDEX, INTEGER, NONNEGATIVE, POSITIVE, UNIT, Declaration
from verify.sampling.errors import Undecidable
from verify.sampling.jets import Number, elementary, mp, reciprocal, square_root
from verify.sampling.values import Matrix, Value, Vector, components, is_scalar

# A smooth law with mean 0 and variance 1 that is not Gaussian: (weight, mean) of two Gaussians.
MIXTURE = ((Fraction(7, 20), Fraction(4, 5)), (Fraction(13, 20), Fraction(-28, 65)))
MIXTURE_VARIANCE = 1 - sum((weight * mean**2 for weight, mean in MIXTURE), Fraction(0))
# An asymmetric law with mean 0 and variance 1: (atom, probability).
TWO_ATOMS = ((Fraction(2), Fraction(1, 5)), (Fraction(-1, 2), Fraction(4, 5)))


def exact(number: Fraction) -> Number:
    """A rational in the present working precision."""
    return mp.mpf(number.numerator) / number.denominator


class Coefficients:
    """A reproducible stream of coefficients, the same in every process."""

    def __init__(self, seed: int, key: str) -> None:
        self._random = Random(f"{seed}/{key}")

    def between(self, low: float, high: float) -> Number:
        """A rational between the bounds."""
        return mp.mpf(low) + (mp.mpf(high) - mp.mpf(low)) * self._random.randrange(1, 1000) / 1000

    def signed(self, low: float, high: float) -> Number:
        """A rational with absolute value between the bounds."""
        return self.between(low, high) * self._random.choice((-1, 1))


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
    weight = elementary("sigmoid", _smooth(coefficients, given))
    total: Number = mp.zero
    for share in (weight, 1 - weight):
        term: Number = share
        for x in point:
            mean = elementary("sin", _smooth(coefficients, given))
            width = coefficients.between(0.6, 0.9) + elementary("sigmoid", _smooth(coefficients, given)) / 2
            term = term * normal_density((x - mean) * reciprocal(width)) * reciprocal(width)
        total = total + term
    return total


def normal_density(x: Number) -> Number:
    """The standard normal density."""
    return elementary("exp", -(x * x) / 2) / mp.sqrt(2 * mp.pi)


def mixture_density(x: Number) -> Number:
    """The density of `MIXTURE`."""
    width = mp.sqrt(exact(MIXTURE_VARIANCE))
    total: Number = mp.zero
    for weight, mean in MIXTURE:
        total = total + exact(weight) * normal_density((x - exact(mean)) / width) / width
    return total


def deviation(variance: Value) -> Number:
    """The standard deviation of every component, for `s^2` or `s^2 I`. Raises Undecidable otherwise."""
    if is_scalar(variance):
        return square_root(variance)
    if not isinstance(variance, Matrix):
        raise Undecidable("a variance is a number or a matrix")
    rows = variance.items
    same = all(item == (rows[0][0] if i == j else 0) for i, row in enumerate(rows) for j, item in enumerate(row))
    if not same:
        raise Undecidable("a random vector whose declared covariance is not a multiple of I")
    return square_root(rows[0][0])
