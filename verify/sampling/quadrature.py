"""Rules of integration. None of them adapts: the caller evaluates at two levels and compares.

`level` counts refinements from 0. A body may return any `Value`, with infinitesimal parts.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import mpmath
from mpmath.calculus.quadrature import GaussLegendre

from verify.sampling.errors import Undefined
from verify.sampling.jets import Number, mp
from verify.sampling.values import Value, add, magnitude, scale

Body = Callable[[Number], Value]

STEPS = ("0.5", "0.3", "0.18", "0.11", "0.07")
LEVELS = 2 * len(STEPS)  # two shifted grids a step: their leading errors have opposite signs, so neither hides
TAIL = mp.mpf(10) ** -12  # terms this much smaller than the largest end a sum over the line
LEAST_RADIUS, LARGEST_RADIUS = 3, 60
SHIFTS = 7  # shares of a step by which the grids of nested integrals differ
BEND = mp.mpf(1) / 4  # of the nodes between finite limits
HERMITE = (2, 3, 5)  # nodes; exact for polynomials of degree 3, 5 and 9
OUTERMOST = mp.mpf(10) ** -8  # a mean whose outermost terms are this much of the largest lacks more than it may


def grid(level: int) -> tuple[mpmath.mpf, mpmath.mpf]:
    """Step and offset of the trapezoidal rule of a level."""
    step = mp.mpf(STEPS[level // 2])
    return step, step * (mp.mpf(1) / 3 + mp.mpf(level % 2) / 2)


class WholeLine:
    """Integrals over the real line by the trapezoidal rule, exponentially exact for smooth decay.

    The sums over the several lines of one integral over space share what a negligible term is.
    """

    def __init__(self, level: int, unit: int | mpmath.mpf = 1, nested: int = 0) -> None:
        """`unit` is the length that the steps and radii are multiples of; `nested` integrals have shifted grids."""
        self.unit = unit
        self.step, self.start = (number * unit for number in grid(level))
        self.start += self.step * nested / SHIFTS
        self.largest = mp.zero

    def __call__(self, body: Body) -> Value:
        """Raises Undefined when the terms do not die out."""
        total, middle = self._at(body, 0)
        for direction in (1, -1):
            index, small, last = 0, 0, middle
            while small < 2:
                index += direction
                term, weight = self._at(body, index)
                total = add(total, term)
                distance = abs(self.start + index * self.step) / self.unit
                negligible = weight <= last and weight <= TAIL * self.largest and distance > LEAST_RADIUS
                small, last = small + 1 if negligible else 0, weight
                if distance > LARGEST_RADIUS:
                    raise Undefined("an integral over all space does not converge quickly enough")
        return scale(self.step, total)

    def _at(self, body: Body, index: int) -> tuple[Value, mpmath.mpf]:
        term = body(self.start + index * self.step)
        weight = magnitude(term)
        self.largest = max(self.largest, weight)
        return term, weight


def interval(body: Body, lower: Number, upper: Number, level: int, nested: int = 0) -> Value:
    """The integral from lower to upper by Gauss-Legendre; the limits may have infinitesimal parts.

    The nodes are bent to one side, by another share at every level and in every `nested` integral: neither an odd
    pole in the middle nor one on the diagonal of a square cancels.
    """
    half, middle = (upper - lower) / 2, (upper + lower) / 2
    bend = BEND / (1 + level + nested)
    total: Value | None = None
    degree = 3 + level if level < 4 else 5 + level % 2  # never the same one twice in a row
    for node, weight in _legendre(degree, mp.prec):
        term = scale(weight * (1 - 2 * bend * node), body(middle + half * (node + bend * (1 - node * node))))
        total = term if total is None else add(total, term)
    assert total is not None  # every rule has nodes
    return scale(half, total)


def half_line(body: Body, lower: Number, direction: int, level: int, nested: int = 0) -> Value:
    """The integral from lower to +infinity (direction 1) or from -infinity to lower (direction -1)."""

    def substituted(u: Number) -> Value:
        distance = mp.exp(mp.pi / 2 * mp.sinh(u))
        return scale(mp.pi / 2 * mp.cosh(u) * distance, body(lower + direction * distance))

    return WholeLine(level, mp.mpf(1) / 3, nested)(substituted)


def normal_nodes(level: int) -> list[tuple[mpmath.mpf, mpmath.mpf]]:
    """Nodes and weights for the expectation under the standard normal law.

    The first levels are Gauss-Hermite rules, exact for polynomials; agreement of two of them shows
    that the integrand is one. The later levels are trapezoidal, for everything else.
    """
    if level < len(HERMITE):
        return list(_hermite(HERMITE[level], mp.prec))
    step, start = grid(level - len(HERMITE))
    reach = int(9 / step)
    points = [start + k * step for k in range(-reach - 1, reach + 1)]
    return [(point, step * mp.exp(-point * point / 2) / mp.sqrt(2 * mp.pi)) for point in points]


def normal_is_cut_off(level: int) -> bool:
    """Whether the nodes of a level end where the integrand may not: those of Gauss-Hermite do not."""
    return level >= len(HERMITE)


@lru_cache(maxsize=64)
def _legendre(degree: int, precision: int) -> tuple[tuple[mpmath.mpf, mpmath.mpf], ...]:
    nodes = GaussLegendre(mp).calc_nodes(degree, precision)
    return tuple((mp.mpf(x), mp.mpf(w)) for x, w in nodes)


@lru_cache(maxsize=64)
def _hermite(count: int, precision: int) -> tuple[tuple[mpmath.mpf, mpmath.mpf], ...]:
    """Golub-Welsch for the weight exp(-x^2/2)/sqrt(2 pi)."""
    with mp.workprec(precision + 20):
        jacobi = mp.matrix(count, count)
        for k in range(1, count):
            jacobi[k, k - 1] = jacobi[k - 1, k] = mp.sqrt(k)
        points, vectors = mp.eigsy(jacobi)
        return tuple((points[k], vectors[0, k] ** 2) for k in range(count))
