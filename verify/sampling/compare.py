"""Both sides of a step in numbers, at drawn points, with a measure of their own noise.

Every point is evaluated at least twice, in different working precisions and at different refinements
of every quadrature. What changes between the two is noise. The sides agree when their difference is
below the tolerance, disagree when it stands far above tolerance and noise. A value that is not a
finite real number never counts, for or against.
"""

from __future__ import annotations

from dataclasses import dataclass

import mpmath

from verify.language.claim import SAME_LAW
from verify.language.scope import INDEX, INTEGER, NONNEGATIVE, POSITIVE, REAL, UNIT, Declaration, Scope
from verify.language.tree import (
    Absolute,
    BigO,
    Call,
    Cases,
    Constant,
    Differential,
    Dotted,
    Extremum,
    Identity,
    Integral,
    KullbackLeibler,
    Limit,
    Moment,
    Node,
    Primed,
)
from verify.sampling import (
    arithmetic,  # noqa: F401  (its readings register themselves)
    differentials,
    draw,
    jets,
    limits,  # noqa: F401
    quadrature,
    values,
)
from verify.sampling.draw import Point
from verify.sampling.errors import Budget, OneSided, Touching, Undecidable, Undefined
from verify.sampling.evaluate import Evaluator
from verify.sampling.evolution import left_over
from verify.sampling.jets import mp
from verify.sampling.law import same_law_sides
from verify.sampling.probability import must_integrate_to_one
from verify.sampling.probe import cuts_of
from verify.sampling.reach import Reach, integrals, trees_of
from verify.sampling.values import Value, components

DIGITS = 50  # working precision of the first evaluation; the next have ten more each
EXACT_TOLERANCE, QUADRATURE_TOLERANCE = mp.mpf(10) ** -25, mp.mpf(10) ** -9
SEEN, ROUNDING = mp.mpf("0.1"), mp.mpf(10) ** -30  # of a side that is integrated: relative, and absolute near zero
SETTLED = 1000  # the noise between two refinements may be this many tolerances: the finer one has far less
CLEAR = 1000  # a disagreement is this many times the tolerance and the noise
POINTS, POINTS_WITH_INTEGRALS, POINTS_IN_REGIONS = 5, 3, 40
LEAST_POINTS = 3  # that count, where more than one is wanted
EVALUATIONS = 300_000  # node readings in one dimension, all points together
PROPORTIONAL = "propto "  # of a relation, before the key of its variable
WHOLE = (INTEGER, INDEX)
ORDERS = {"<=": -1, "<": -1, ">=": 1, ">": 1}  # the sign that left - right has
SETTLES = mp.mpf("0.9")  # a remainder over h^n that stays bounded changes less from each h to the next
SMALL = ("1e-3", "1e-4", "1e-5", "1e-6")  # values of h for O(h^n)

Sides = tuple[list[mpmath.mpf], list[mpmath.mpf]]


@dataclass(frozen=True)
class Comparison:
    """Both sides at one point.

    deviation  the largest difference of two components, relative to the largest component
    tolerance  agreement is a deviation below it
    noise      relative, between the last two evaluations
    level      of the last evaluation: what the point costs
    """

    left: list[mpmath.mpf]
    right: list[mpmath.mpf]
    deviation: mpmath.mpf
    tolerance: mpmath.mpf
    noise: mpmath.mpf
    level: int

    @property
    def agree(self) -> bool:
        """Equal as far as can be seen."""
        return self.deviation <= self.tolerance

    @property
    def disagree(self) -> bool:
        """Different beyond doubt."""
        return self.deviation > CLEAR * max(self.tolerance, self.noise)


class Step:
    """`left relation right` in its scope, and what is worked out once for all points."""

    def __init__(self, left: Node, right: Node, scope: Scope, relation: str) -> None:
        self.scope = scope
        self.relation = relation
        self.loose = left_over(scope)
        self.sides = tuple(insert_equations(side, self.loose) for side in (left, right))
        self.inserted = self.sides != (left, right)
        self.reach = Reach(scope)
        names = frozenset().union(*(self.reach.names(tree) for tree in (*self.sides, *scope.assumptions)))
        self.reached = [declared for declared in scope if declared.key in names]
        trees = [*self.sides, *(tree for declared in self.reached for tree in trees_of(declared))]
        trees += [instance.body for key, instance in self.reach.instances.items() if key in names]
        nodes = [node for tree in trees for node in tree.walk()]
        self.quadrature = any(isinstance(node, (Integral, Moment, KullbackLeibler)) for node in nodes)
        # The sides may agree in one region and differ in another one.
        self.regions = relation in ORDERS or any(isinstance(node, (Extremum, Absolute, Cases)) for node in nodes)
        self.regions |= any(declared.domain == INTEGER for declared in self.reached)
        self.limits = any(isinstance(node, Limit) for node in nodes)
        self.cuts = cuts_of(nodes)
        self.one_sided = ""  # where and why one side had a value and the other had none
        self.nesting = max(integrals(side, scope, self.reach.instances) for side in self.sides)
        self.has_vectors = any(declared.value != "scalar" for declared in self.reached) or any(
            isinstance(node, Identity) or node == Constant("dimension") for node in nodes
        )
        self.differentials = any(isinstance(node, Differential) for side in self.sides for node in side.walk())
        self.used: set[str] = set()  # the names whose drawn values the sides have looked up
        self.laws = [  # instances of densities, which must be densities themselves
            Call(declared.key) for declared in self.reached if declared.density and declared.key in self.reach.instances
        ]
        self.unspecified = [declared.key for declared in self.reached if self._unspecified(declared)]

    def _unspecified(self, declared: Declaration) -> bool:
        if declared.kind == "random":  # of its law only the moments may be known
            return declared.definition is None and not declared.gaussian and not declared.rademacher
        function = declared.kind in ("function", "sequence") and not declared.signatures
        return function and declared.definition is None and declared.key not in self.reach.instances

    # ------------------------------------------------------------ points

    def compare(self, dimension: int, wanted: int, first: list[Point]) -> list[tuple[Point, Comparison]]:
        """Comparisons at up to `wanted` admissible points where both sides are finite, up to the first disagreement.

        Points in `first` are tried before others. A step without a free variable or unspecified
        function is compared once.
        Raises Undecidable or BudgetExceeded.
        """
        names = [
            declared.key for declared in self.reached
            if declared.kind in ("variable", "random") and declared.definition is None and declared.root_of is None
        ]  # fmt: skip
        found: list[tuple[Point, Comparison]] = []
        tried: list[Point] = []
        partial = False  # a drawn point where the sides have no value
        budget = Budget(EVALUATIONS // 3 if self.nesting and dimension > 1 else EVALUATIONS)
        share = budget.limit // (2 * min(wanted, LEAST_POINTS))  # of one evaluation: each point takes two or more
        for asked in (wanted, 4 * wanted):
            drawn = draw.draw(self.scope, names, asked, lambda p: self.admissible(p, dimension))
            for point in [point for point in first if self.admissible(point, dimension)] + drawn:
                if point in tried:
                    continue
                tried.append(point)
                try:
                    comparison = self.at(point, dimension, budget, share)
                except OneSided as reason:
                    self.one_sided = self.one_sided or str(reason)
                    continue
                except Undefined:
                    partial = True
                    continue
                found.append((point, comparison))
                if not comparison.agree or len(found) == wanted or self.closed:
                    return self._more(dimension, found) if partial and not self.one_sided else found
        return found

    def _more(self, dimension: int, found: list[tuple[Point, Comparison]]) -> list[tuple[Point, Comparison]]:
        """Where formulas are defined in a part of the domain only, as many points as for one with regions."""
        if self.regions or self.quadrature or found and not found[-1][1].agree:
            return found
        self.regions = True
        return self.compare(dimension, POINTS_IN_REGIONS, [point for point, _ in found])

    @property
    def closed(self) -> bool:
        """Is every point the same to the sides? Known after the first evaluation."""
        return not self.unspecified and not self.used

    def evaluator(self, point: Point, dimension: int, level: int, budget: Budget) -> Evaluator:
        """A reader of the sides at one point."""
        return Evaluator(self.scope, point, dimension, level, budget, self.reach)

    def admissible(self, point: Point, dimension: int) -> bool:
        """Does the point satisfy every declaration that the step reaches?"""
        evaluator = self.evaluator(point, dimension, 0, Budget(EVALUATIONS))
        defined = [declared for declared in self.reached
                   if declared.kind == "variable" and (declared.definition or declared.root_of)]  # fmt: skip
        with mp.workdps(DIGITS):
            try:
                return all(
                    jets.real(evaluator.scalar(assumption)) > 0 for assumption in self.scope.assumptions
                ) and all(inside(declared, evaluator.lookup(declared.key)) for declared in defined)
            except Undefined:
                return False

    # ------------------------------------------------------------ one point

    def at(self, point: Point, dimension: int, budget: Budget, share: int) -> Comparison:
        """Both sides at one point, the first time with at most `share` evaluations.

        Raises Undefined when either has no finite value there.
        """
        order = self.order()
        if order is not None and self.relation != "=":
            raise Undecidable("O() is read in an equation only")
        if order is not None:
            return self.vanishing(point, dimension, budget, *order)
        tolerance = QUADRATURE_TOLERANCE if self.quadrature else EXACT_TOLERANCE
        comparison: Comparison | None = None
        with budget.at_most(share):
            previous, _ = self.numbers(point, dimension, 0, budget, {})
        for level in range(1, quadrature.LEVELS):
            current, bulk = self.numbers(point, dimension, level, budget, {})
            noises = [largest_difference(old, new) for old, new in zip(previous, current, strict=True)]
            sizes = [max(map(abs, side), default=mp.zero) for side in current]
            noise, largest = max(noises), max(sizes)
            if noise > tolerance * largest and largest <= tolerance * bulk:
                largest = bulk  # both sides vanish but for rounding: their terms give the scale
            if noise <= SETTLED * tolerance * largest:
                deviation = self.deviation(*current) / largest if largest else mp.zero
                if self.relation in ("<", ">") and largest_difference(*current) <= tolerance * largest:
                    raise Touching("the sides are equal at a point, as far as can be seen")
                comparison = Comparison(*current, deviation, tolerance, noise / largest if largest else mp.zero, level)
                # a side far below the other settles beside it before its own quadrature has seen what it integrates
                seen = all(n <= max(SEEN * size, ROUNDING) for n, size in zip(noises, sizes, strict=True))
                if comparison.agree or comparison.disagree and (seen or not self.quadrature):
                    return comparison
            previous = current
        unsettled = [noise > SETTLED * tolerance * size for noise, size in zip(noises, sizes, strict=True)]
        if len(set(unsettled)) > 1:
            raise OneSided(self._lacks(unsettled[1], point, dimension, "its quadrature does not settle"))
        raise Undefined("the quadrature does not settle")

    def _lacks(self, right: bool, point: Point, dimension: int, why: str) -> str:
        """In words: one side has no value at a point, the other one has."""
        where = ", ".join(f"{key} = {numbers[0]}" for key, numbers in point.values.items() if key in self.used)
        sides = ("right", "left") if right else ("left", "right")
        return f"at {where or 'every point'} the {sides[0]} side has no value ({why}) and the {sides[1]} side has one"

    def deviation(self, left: list[mpmath.mpf], right: list[mpmath.mpf]) -> mpmath.mpf:
        """How far the relation is from holding; 0 where an inequality holds."""
        if self.relation not in ORDERS:
            return largest_difference(left, right)
        if len(left) != 1:
            raise Undecidable("an inequality is between numbers")
        return max(mp.zero, ORDERS[self.relation] * (right[0] - left[0]))

    def numbers(self, point: Point, dimension: int, level: int, budget: Budget,
                bound: dict[str, Value], digits: int = DIGITS) -> tuple[Sides, mpmath.mpf]:  # fmt: skip
        """All components of both sides, and the largest term of any sum on the way."""
        with mp.workdps(digits + 10 * level):
            evaluator = self.evaluator(point, dimension, level, budget)
            try:
                sides = self.read(evaluator, bound)
            finally:
                self.used |= evaluator.looked_up
        return sides, evaluator.largest_term

    def read(self, evaluator: Evaluator, bound: dict[str, Value]) -> Sides:
        """Both sides as lists of finite numbers of one length."""
        for law in self.laws:
            must_integrate_to_one(evaluator, self.scope.declarations[law.key].parameters[0], law)
        with evaluator.binding(bound):
            if self.relation == SAME_LAW:
                sides = same_law_sides(evaluator, *self.sides)
            elif self.relation.startswith(PROPORTIONAL):
                sides = self.crosswise(evaluator, self.relation.removeprefix(PROPORTIONAL))
            else:
                sides = self.both(evaluator)
        if self.differentials:
            pairs = list(zip(*(differentials.reduced(side, evaluator.dimension) for side in sides), strict=True))
        else:
            pairs = [sides]
        left, right = [], []
        for a, b in pairs:
            a, b = values.like_zero(a, b), values.like_zero(b, a)
            if values.kind(a) != values.kind(b):
                raise Undecidable(f"a {values.kind(a)} is compared with a {values.kind(b)}")
            left += [finite(item) for item in components(a)]
            right += [finite(item) for item in components(b)]
        return left, right

    def both(self, evaluator: Evaluator) -> tuple[Value, Value]:
        """The values of the two sides. Raises OneSided where one of them has a finite one and the other has none."""
        found: list[Value] = []
        missing: list[tuple[bool, Undefined]] = []
        for side in self.sides:
            try:
                value = evaluator.value(side)
                if not self.differentials:
                    for item in components(value):
                        finite(item)
                found.append(value)
            except Undefined as reason:
                missing.append((side is self.sides[1], reason))
        if len(missing) == 1:
            raise OneSided(self._lacks(missing[0][0], evaluator.point, evaluator.dimension, str(missing[0][1])))
        if missing:
            raise missing[0][1]
        return found[0], found[1]

    def crosswise(self, evaluator: Evaluator, name: str) -> tuple[Value, Value]:
        """f(x) g(y) and g(x) f(y) at two values of the variable: equal when f/g does not depend on it."""
        here = evaluator.lookup(name)
        declared = evaluator.declaration(name)
        if declared.value == "vector":
            shift = values.Vector(tuple(mp.mpf(37 + 11 * i) / 100 for i in range(evaluator.dimension)))
            others = [values.add(here, shift), values.negate(values.add(here, shift))]
        elif not values.is_scalar(here):
            raise Undecidable(f"a proportion in a {values.kind(here)}")
        elif declared.domain == UNIT:
            others = [here * here, (1 + here) / 2]
        else:
            others = [here * 1.375, here / 2 if declared.domain in (POSITIVE, NONNEGATIVE) else -here]
        first, products = [evaluator.scalar(side) for side in self.sides], []
        for other in others:
            with evaluator.binding({name: other}):
                second = [evaluator.scalar(side) for side in self.sides]
            if any(a == b == 0 for a, b in zip(first, second, strict=True)):
                raise Undecidable("a side of the proportion is zero at a drawn point")
            products.append((first[0] * second[1], first[1] * second[0]))
        left, right = zip(*products, strict=True)
        return values.Vector(left), values.Vector(right)

    # ------------------------------------------------------------ O(h^n)

    def order(self) -> tuple[str, int] | None:
        """Variable and order of the O(h^n) that the right side keeps, or None. Raises Undecidable."""
        left, right = ([n for n in side.walk() if isinstance(n, BigO)] for side in self.sides)
        if not left and not right:
            return None
        variables = {node.variable for node in (*left, *right)}
        if len(variables) != 1:
            raise Undecidable("two different variables tend to zero")
        if len({node.order < 0 for node in (*left, *right)}) > 1:
            raise Undecidable("a quantity that falls to zero and grows")
        kept = min((node.order for node in right), key=abs, default=None)
        if kept is None or (left and abs(kept) > min(abs(node.order) for node in left)):
            raise Undecidable("the left side is only known up to its O(), which the right side does not keep")
        variable = variables.pop()
        declared = self.scope.get(variable)
        if declared is not None and (declared.domain in (INTEGER, INDEX)) != (kept < 0):
            raise Undecidable(f"O() of a power of {variable} that its domain does not allow")
        return variable, kept

    def vanishing(self, point: Point, dimension: int, budget: Budget, variable: str, order: int) -> Comparison:
        """|left - right| / h^order at falling h: bounded, or growing like a power of 1/h."""
        declared = self.scope.get(variable)
        both = order > 0 and declared is not None and declared.domain == REAL
        for sign in (1, -1) if both else (1,):
            ratios = []
            for text in SMALL:
                with mp.workdps(DIGITS):
                    h = mp.mpf(text)  # for O(N^{-n}) this is 1/N
                    place = sign * h if order >= 0 else 1 / h
                    sides, _ = self.numbers(point, dimension, 1, budget, {variable: place})
                    ratios.append(largest_difference(*sides) / h ** abs(order))
            floor = mp.mpf(10) ** (-DIGITS // 3)  # what rounding leaves of an exact zero
            first, last = ratios[1] - ratios[0], ratios[-1] - ratios[-2]
            slower = last <= max(SETTLES * abs(first), floor)  # a logarithm grows by the same amount each time
            if slower and all(ratio <= 4 * ratios[0] + floor for ratio in ratios):
                continue
            growth = ratios[-1] / max(ratios[0], floor)
            if growth <= CLEAR / 2:  # a remainder of one order less grows by the ratio of the largest h to the smallest
                raise Undecidable(f"the remainder over {variable}^{order} neither settles nor grows clearly")
            return Comparison(*sides, growth, mp.mpf("0.1"), mp.zero, 1)
        return Comparison(*sides, mp.zero, mp.one, mp.zero, 1)


def largest_difference(left: list[mpmath.mpf], right: list[mpmath.mpf]) -> mpmath.mpf:
    """The largest absolute difference of two components."""
    return max(abs(a - b) for a, b in zip(left, right, strict=True))


def finite(item: jets.Number) -> mpmath.mpf:
    """The number itself. Raises Undefined for NaN and infinity."""
    number = jets.real(item)
    if not mp.isfinite(number):
        raise Undefined("not a finite number")
    return number


def inside(declared: Declaration, value: Value) -> bool:
    """Is the value of a defined name inside the declared domain?"""
    return declared.value != "scalar" or declared.domain in WHOLE or draw.in_domain(declared.domain, jets.real(value))


def insert_equations(tree: Node, equations: list[tuple[Node, Node]]) -> Node:
    """The tree with the left side of each declared equation replaced by its right side."""
    for left, right in equations:
        if tree == left:
            return right
    if isinstance(tree, Dotted | Primed):
        return tree  # a dot belongs to the function, not to a value of it
    return tree.map_children(lambda child: insert_equations(child, equations))
