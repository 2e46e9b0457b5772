"""Points that a draw misses: closed ends, equal names, far whole numbers, both sides of a cut, the tightest point.

Each starts from a drawn point and changes few coordinates of it. None is kept unless it is admissible.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import combinations

from verify.language.scope import INDEX, INTEGER, NONNEGATIVE, POSITIVE, REAL, UNIT, Scope
from verify.language.tree import Absolute, Add, Cases, Extremum, Negate, Node
from verify.sampling.draw import Point, in_domain

Function = Callable[[Point], "Fraction | float | None"]  # a number of any kind that can be compared; None: no value
Coordinate = tuple[str, int]

WHOLE = (INTEGER, INDEX)
PLAIN = (Fraction(0), Fraction(1))  # where a name is put beside a limit, a case distinction, an inequality
WIDE = tuple(sign * Fraction(10) ** n for n in (1, 4, -4) for sign in (1, -1))
SMALL = (-1, 0, 1, 2)
FAR = 67  # a whole number beyond every drawn one, small enough for a sum up to it
MOST_PAIRS = 6
FIRST_STEP, LEAST_STEP = Fraction(1, 2), Fraction(1, 2**80)
ASIDE = Fraction(1, 8)  # a minimum is inside the domain when this far on both sides of it the value is larger
MOST_TRIALS = 320  # evaluations of one search


@dataclass
class Probe:
    """The free numbers of a step, and how a point is changed in them.

    names       keys of scalars and vectors that the sides look up
    admissible  whether a point satisfies every declaration
    """

    scope: Scope
    names: list[str]
    dimension: int
    admissible: Callable[[Point], bool]

    # ------------------------------------------------------------ single points

    def ends(self, point: Point) -> Iterator[Point]:
        """A name at the closed end of its domain, where everything must hold too."""
        for key in self._scalars((NONNEGATIVE,)):
            yield from self._kept(point, {key: Fraction(0)})

    def whole(self, point: Point) -> Iterator[Point]:
        """Whole numbers: the smallest ones, which an identity may leave out, and some beyond the drawn ones."""
        names = self._scalars(WHOLE)
        for key in names:
            for value in SMALL:
                yield from self._kept(point, {key: Fraction(value)})
        for keys in dict.fromkeys([tuple(names), *((key,) for key in names)]):
            yield from self._kept(point, {key: Fraction(FAR + i) for i, key in enumerate(keys)} if keys else {})

    def plain(self, point: Point) -> Iterator[Point]:
        """A name at 0 or 1, or equal to another one: what holds at points in general may fail there."""
        numbers = self._scalars((REAL, POSITIVE, NONNEGATIVE, UNIT, *WHOLE))
        for key in self._scalars((REAL, POSITIVE, NONNEGATIVE)):
            for value in PLAIN:
                yield from self._kept(point, {key: value})
        for first, second in list(combinations(numbers, 2))[:MOST_PAIRS]:
            yield from self._kept(point, {second: point.values[first][0]})

    def wide(self, point: Point) -> Iterator[Point]:
        """A name far out, or close to 0: draws stay near 1, where an inequality may hold before it fails."""
        for key in self._scalars((REAL, POSITIVE, NONNEGATIVE)):
            for value in WIDE:
                yield from self._kept(point, {key: value})

    def _scalars(self, domains: Iterable[str]) -> list[str]:
        wanted = tuple(domains)
        declared = [(key, self.scope.declarations[key]) for key in self.names]
        return [key for key, d in declared if d.value == "scalar" and d.domain in wanted and d.lower is None
                and d.kind == "variable" and not d.rademacher]  # fmt: skip

    def _kept(self, point: Point, values: dict[str, Fraction]) -> Iterator[Point]:
        moved = replace(point, values={**point.values, **{key: (value,) for key, value in values.items()}})
        if values and all(self._inside(key, value) for key, value in values.items()) and self.admissible(moved):
            yield moved

    def _inside(self, key: str, value: Fraction) -> bool:
        declared = self.scope.declarations[key]
        return declared.value != "scalar" or in_domain(declared.domain, value)

    # ------------------------------------------------------------ searches

    def beyond_cut(self, quantity: Function, point: Point) -> list[Point]:
        """Points where a quantity has another sign than here, and close to where it changes; none if not found."""
        here = quantity(point)
        if here is None or here == 0:
            return [point] if here == 0 else []
        sense = 1 if here > 0 else -1

        def signed(p: Point) -> Fraction | float | None:
            value = quantity(p)
            return None if value is None else sense * value

        before = point
        for found, value in self.descent(signed, point):
            if value <= 0:
                return [found, *self._close(signed, before, found)]
            before = found
        return []

    def _close(self, signed: Function, above: Point, below: Point) -> list[Point]:
        """The two points halving leaves on either side of a change of sign between two points."""
        key, index = next((k, i) for k, i in self._coordinates() if above.values[k][i] != below.values[k][i])
        whole = self.scope.declarations[key].domain in WHOLE
        while True:
            a, b = above.values[key][index], below.values[key][index]
            if abs(a - b) <= (1 if whole else LEAST_STEP):
                return [above, below]
            middle = Fraction(int((a + b) // 2)) if whole else (a + b) / 2
            between = _with(above, key, index, middle)
            value = signed(between)
            if value is None:
                return [above, below]
            above, below = (between, below) if value > 0 else (above, between)

    def descent(self, function: Function, point: Point) -> Iterator[tuple[Point, Fraction | float]]:
        """Points of falling value, coordinate by coordinate; a step that helps is doubled, one that does not halved."""
        value = function(point)
        coordinates = self._coordinates()
        if value is None:
            return
        whole = {key: self.scope.declarations[key].domain in WHOLE for key, _ in coordinates}
        steps = {c: Fraction(1) if whole[c[0]] else FIRST_STEP for c in coordinates}
        trials = 0
        while trials < MOST_TRIALS and any(step for step in steps.values()):
            for key, index in coordinates:
                step = steps[key, index]
                for moved in (step, -step) if step else ():
                    target = point.values[key][index] + moved
                    trials += 1
                    trial = _with(point, key, index, target)
                    fits = self._inside(key, target) and self.admissible(trial)
                    there = function(trial) if fits else None
                    if there is not None and there < value:
                        point, value, steps[key, index] = trial, there, 2 * moved
                        yield point, value
                        break
                else:
                    half = Fraction(int(step / 2)) if whole[key] else step / 2
                    steps[key, index] = half if abs(half) >= LEAST_STEP else Fraction(0)

    def is_inner(self, function: Function, point: Point) -> bool:
        """Whether the function rises on both sides of a point, in each name that it depends on.

        It does not where a name runs away to infinity or to an open end of its domain.
        """
        here, rises = function(point), False
        for key, index in self._coordinates():
            aside = 1 if self.scope.declarations[key].domain in WHOLE else ASIDE
            old = point.values[key][index]
            beside = [_with(point, key, index, old + moved) for moved in (aside, -aside)]
            fits = [self._inside(key, p.values[key][index]) and self.admissible(p) for p in beside]
            values = [function(p) if fit else None for p, fit in zip(beside, fits, strict=True)]
            if here is None or values != [here, here] and not all(v is not None and v > here for v in values):
                return False
            rises |= values != [here, here]
        return rises

    def _coordinates(self) -> list[Coordinate]:
        found = [(key, 0) for key in self._scalars((REAL, POSITIVE, NONNEGATIVE, UNIT, *WHOLE))]
        vectors = [key for key in self.names if self.scope.declarations[key].value == "vector"
                   and not self.scope.declarations[key].rademacher]  # fmt: skip
        return found + [(key, index) for key in vectors for index in range(self.dimension)]


def _with(point: Point, key: str, index: int, value: Fraction) -> Point:
    old = point.values[key]
    return replace(point, values={**point.values, key: (*old[:index], value, *old[index + 1 :])})


def cuts_of(nodes: Iterable[Node]) -> list[Node]:
    r"""What changes its sign where `|q|`, an extremum or a case distinction goes over from one formula to another."""
    found: dict[Node, None] = {}
    for node in nodes:
        if isinstance(node, Absolute):
            found[node.operand] = None
        elif isinstance(node, Extremum):
            found |= {Add((a, Negate(b))): None for a, b in combinations(node.arguments, 2)}
        elif isinstance(node, Cases):
            found |= {Add((c.left, Negate(c.right))): None for _, conditions in node.branches for c in conditions}
    return list(found)
