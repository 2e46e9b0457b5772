"""Points drawn by Hypothesis from the declarations, the same ones in every run.

Each coordinate is built from drawn booleans: Hypothesis mixes constants of the loaded modules into
drawn integers, which would let an unrelated edit move the points.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis import strategies as st

from verify.language.scope import INDEX, INTEGER, NONNEGATIVE, POSITIVE, REAL, UNIT, Declaration, Scope

BITS = 12
ATTEMPTS = (16, 120, 600)  # examples drawn in turn until enough points are admissible
LARGEST_DIMENSION = 3
RANGES = {
    REAL: (Fraction(-2), Fraction(2)),
    NONNEGATIVE: (Fraction(0), Fraction(9, 4)),
    POSITIVE: (Fraction(1, 5), Fraction(11, 5)),
    UNIT: (Fraction(1, 20), Fraction(19, 20)),
}
WHOLE = {INTEGER: (-3, 4), INDEX: (1, 5)}


@dataclass(frozen=True)
class Point:
    """Exact values of the free names (three components for a vector) and a seed for the functions."""

    values: dict[str, tuple[Fraction, ...]] = field(default_factory=dict)
    seed: int = 0

    def generic(self) -> bool:
        """No two fractional coordinates coincide, and none is zero."""
        seen = [x for values in self.values.values() for x in values if x.denominator > 1]
        return len(set(seen)) == len(seen)


def bits(count: int) -> st.SearchStrategy[int]:
    """An integer of `count` bits."""
    return st.tuples(*[st.booleans()] * count).map(lambda drawn: sum(b << i for i, b in enumerate(drawn)))


def coordinate(domain: str) -> st.SearchStrategy[Fraction]:
    """A rational strictly inside the usual range of a domain."""
    if domain in WHOLE:
        low, high = WHOLE[domain]
        return bits(BITS).map(lambda k: Fraction(low + k % (high - low + 1)))
    low, high = RANGES[domain]
    return bits(BITS).map(lambda k: low + (high - low) * Fraction(2 * k + 1, 2 << BITS))


def values_of(declaration: Declaration) -> st.SearchStrategy[tuple[Fraction, ...]]:
    """One value per component."""
    if declaration.value == "vector":
        return st.tuples(*[coordinate(REAL)] * LARGEST_DIMENSION)
    return st.tuples(coordinate(declaration.domain))


def points(scope: Scope, names: list[str]) -> st.SearchStrategy[Point]:
    """Values for `names` (declared, without a definition)."""
    return st.builds(
        Point,
        st.fixed_dictionaries({name: values_of(scope.declarations[name]) for name in names}),
        bits(BITS),
    )


def draw(scope: Scope, names: list[str], wanted: int, admissible: Callable[[Point], bool]) -> list[Point]:
    """Up to `wanted` different admissible points."""
    for attempts in ATTEMPTS:
        found: list[Point] = []

        @settings(
            max_examples=attempts, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck), verbosity=Verbosity.quiet, print_blob=False,
        )  # fmt: skip
        @given(points(scope, names))
        def collect(point: Point, found: list[Point] = found) -> None:
            if len(found) < wanted and point.generic() and point not in found and admissible(point):
                found.append(point)

        collect()
        if len(found) == wanted:
            break
    return found
