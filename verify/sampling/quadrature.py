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

TRAPEZOID_STEPS = ("0.44", "0.31", "0.22", "0.155", "0.11", "0.077")  # not nested, so that levels are independent
LEVELS = len(TRAPEZOID_STEPS)
TAIL = mp.mpf(10) ** -14  # terms this much smaller than the largest end a sum over the line
LEAST_RADIUS, LARGEST_RADIUS = 5, 60


def whole_line(body: Body, level: int) -> Value:
    """The integral over the real line by the trapezoidal rule, exponentially exact for smooth decay.

    Raises Undefined when the terms do not die out.
    """
    step = mp.mpf(TRAPEZOID_STEPS[level])
    start = step / 3
    total = body(start)
    largest = magnitude(total)
    for direction in (1, -1):
        small, index = 0, 0
        while small < 3:
            index += direction
            point = start + index * step
            term = body(point)
            total = add(total, term)
            weight = magnitude(term)
            largest = max(largest, weight)
            small = small + 1 if weight <= TAIL * largest and abs(point) > LEAST_RADIUS else 0
            if abs(point) > LARGEST_RADIUS:
                raise Undefined("an integral over all space does not converge quickly enough")
    return scale(step, total)


def interval(body: Body, lower: Number, upper: Number, level: int) -> Value:
    """The integral from lower to upper by Gauss-Legendre; the limits may have infinitesimal parts."""
    half, middle = (upper - lower) / 2, (upper + lower) / 2
    total: Value | None = None
    for node, weight in _legendre(min(3 + level, 6), mp.prec):
        term = scale(weight, body(middle + half * node))
        total = term if total is None else add(total, term)
    assert total is not None  # every rule has nodes
    return scale(half, total)


def half_line(body: Body, lower: Number, direction: int, level: int) -> Value:
    """The integral from lower to +infinity (direction 1) or from -infinity to lower (direction -1)."""

    def substituted(u: Number) -> Value:
        distance = mp.exp(mp.pi / 2 * mp.sinh(u))
        return scale(mp.pi / 2 * mp.cosh(u) * distance, body(lower + direction * distance))

    step = mp.mpf(TRAPEZOID_STEPS[level]) / 3
    total: Value | None = None
    for index in range(-int(mp.mpf("3.6") / step), int(mp.mpf("2.6") / step) + 1):
        term = substituted(index * step)
        total = term if total is None else add(total, term)
    assert total is not None
    return scale(step, total)


def normal_nodes(level: int) -> list[tuple[mpmath.mpf, mpmath.mpf]]:
    """Nodes and weights for the expectation under the standard normal law.

    The first levels are Gauss-Hermite rules, exact for polynomials; agreement of two of them shows
    that the integrand is one. The later levels are trapezoidal, for everything else.
    """
    if level < 2:
        return list(_hermite((3, 5)[level], mp.prec))
    step = mp.mpf(("0.55", "0.37", "0.25")[min(level - 2, 2)])
    reach = int(10 / step)
    points = [step * (k + mp.mpf(1) / 3) for k in range(-reach, reach + 1)]
    return [(point, step * mp.exp(-point * point / 2) / mp.sqrt(2 * mp.pi)) for point in points]


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
