"""Points drawn by Hypothesis from the declarations, the same ones in every run; by `seeded` where it does not run.

Each coordinate is built from small drawn integers: Hypothesis mixes the large constants of all loaded
modules into larger ones, which would let an unrelated edit move the points.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from typing import Any

from verify.language.scope import (
    DEFINITE,
    INDEX,
    INTEGER,
    NONNEGATIVE,
    POSITIVE,
    REAL,
    SEMIDEFINITE,
    SYMMETRIC,
    UNIT,
    Scope,
)
from verify.sampling import seeded

try:
    from hypothesis import HealthCheck, Phase, Verbosity, given, settings
    from hypothesis import strategies as st
except ImportError:  # in a browser
    st: Any = seeded  # type: ignore[no-redef]

DIGIT = 64
STEPS = DIGIT**2  # grid steps of a coordinate
ATTEMPTS = (20, 120, 600)  # examples drawn in turn until enough points are admissible
LARGEST_DIMENSION = 3
RANGES = {
    REAL: (Fraction(-2), Fraction(2)),
    NONNEGATIVE: (Fraction(0), Fraction(9, 4)),
    POSITIVE: (Fraction(1, 5), Fraction(11, 5)),
    UNIT: (Fraction(1, 20), Fraction(19, 20)),
}
Names = tuple[tuple[str, str, str], ...]  # name, value (scalar, vector or matrix), domain
WHOLE = {INTEGER: (-3, 4), INDEX: (1, 5)}


@dataclass(frozen=True)
class Point:
    """Exact values of the free names and a seed for the functions.

    A vector has three components. A matrix is drawn as nine numbers; `shaped_matrix` makes of them what is declared.
    """

    values: dict[str, tuple[Fraction, ...]] = field(default_factory=dict)
    seed: int = 0

    def generic(self) -> bool:
        """No two fractional coordinates coincide, and none is zero."""
        seen = [x for values in self.values.values() for x in values if x.denominator > 1]
        return len(set(seen)) == len(seen)


def in_domain(domain: str, number: Any) -> bool:
    """Whether a real number lies in a declared domain."""
    match domain:
        case "positive":
            return bool(number > 0)
        case "nonnegative":
            return bool(number >= 0)
        case "unit":
            return bool(0 < number < 1)
        case "integer" | "index":
            return int(number) == number and (domain == INTEGER or number >= 1)
        case _:
            return True


def step() -> st.SearchStrategy[int]:
    """An integer below STEPS."""
    digit = st.integers(0, DIGIT - 1)
    return st.builds(lambda high, low: high * DIGIT + low, digit, digit)


def coordinate(domain: str) -> st.SearchStrategy[Fraction]:
    """A rational strictly inside the usual range of a domain."""
    if domain in WHOLE:
        low, high = WHOLE[domain]
        return st.integers(low, high).map(Fraction)
    start, end = RANGES[domain]
    return step().map(lambda k: start + (end - start) * Fraction(2 * k + 1, 2 * STEPS))


def values_of(value: str, domain: str) -> st.SearchStrategy[tuple[Fraction, ...]]:
    """One value per component."""
    if value == "vector":
        return st.tuples(*[coordinate(REAL)] * LARGEST_DIMENSION)
    if value == "matrix":
        return st.tuples(*[coordinate(REAL)] * LARGEST_DIMENSION**2)
    return st.tuples(coordinate(domain))


def shaped_matrix(numbers: tuple[Fraction, ...], dimension: int, structure: str) -> list[list[Fraction]]:
    """The leading block of the drawn matrix M: M, (M + M^T)/2, M M^T, or M M^T + I/8, as is declared."""
    drawn = [list(numbers[i * LARGEST_DIMENSION : i * LARGEST_DIMENSION + dimension]) for i in range(dimension)]
    size = range(dimension)
    if structure == SYMMETRIC:
        return [[(drawn[i][j] + drawn[j][i]) / 2 for j in size] for i in size]
    if structure in (SEMIDEFINITE, DEFINITE):
        extra = Fraction(int(structure == DEFINITE), 8)
        return [[sum((drawn[i][k] * drawn[j][k] for k in size), extra * (i == j)) for j in size] for i in size]
    return drawn


def points(names: Names) -> st.SearchStrategy[Point]:
    """Values for names that are declared and have no definition."""
    drawn = {name: values_of(value, domain) for name, value, domain in names}
    return st.builds(Point, st.fixed_dictionaries(drawn), step())


def draw(scope: Scope, names: list[str], wanted: int, admissible: Callable[[Point], bool]) -> list[Point]:
    """Up to `wanted` different admissible points."""
    found: list[Point] = []
    kinds = tuple((name, scope.declarations[name].value, scope.declarations[name].domain) for name in names)
    for attempts in ATTEMPTS:
        found = []
        for point in candidates(kinds, attempts):
            if admissible(point):
                found.append(point)
            if len(found) == wanted:
                return found
    return found


@lru_cache(maxsize=256)
def candidates(names: Names, attempts: int) -> tuple[Point, ...]:
    """The different generic points among the first `attempts` that are drawn."""
    found: list[Point] = []
    if st is seeded:
        for drawn in seeded.examples(points(names), attempts):  # type: ignore[arg-type]
            if drawn.generic() and drawn not in found:
                found.append(drawn)
        return tuple(found)

    @settings(
        max_examples=attempts, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck), verbosity=Verbosity.quiet, print_blob=False,
    )  # fmt: skip
    @given(points(names))
    def collect(point: Point) -> None:
        if point.generic() and point not in found:
            found.append(point)

    collect()
    return tuple(found)
