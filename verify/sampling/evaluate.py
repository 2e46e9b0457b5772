"""The tree as a number: names, calls and arithmetic at one point, in one dimension.

`Evaluator.value` reads any node. The readings of arithmetic, calculus and probability register
themselves from modules of their own. A definition is read where it is used, so a variable that an integral or a
derivative has bound is also bound inside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import mpmath

from verify.language.scope import INDEX, INTEGER, Declaration, Scope
from verify.language.tree import (
    Call,
    Constant,
    Identity,
    Name,
    Node,
    Number,
)
from verify.sampling import evolution as evolutions
from verify.sampling import instances, jets, values
from verify.sampling.draw import Point, shaped_matrix
from verify.sampling.errors import Budget, BudgetExceeded, Undecidable, Undefined
from verify.sampling.jets import mp
from verify.sampling.reach import Instance, Reach
from verify.sampling.values import Matrix, Value, Vector, is_scalar, kind

FARTHEST = 10**12  # an argument of an unspecified function: a stand-in says nothing of its limit
LARGEST_DEPTH = 160  # of nested readings
LONGEST_LITERAL = 60
STAND_IN, STAND_IN_WITH_JETS = 5, 30  # evaluations that one value of a generic stand-in counts for

Reading = Callable[["Evaluator", Any], Value]
READINGS: dict[type[Node], Reading] = {}


def reads(node_type: type[Node]) -> Callable[[Reading], Reading]:
    """Register the reading of one node type."""

    def register(reading: Reading) -> Reading:
        READINGS[node_type] = reading
        return reading

    return register


class Frame:
    """Values bound over the declared ones, and what was computed from nothing bound above it."""

    averaged = False  # bound by a mean over declared random names: a mean inside takes them anew

    def __init__(self, bound: dict[str, Value]) -> None:
        self.bound = bound
        self.known: dict[int, tuple[Node, Value]] = {}  # by id; the node is kept: its id stays its own
        self.made: dict[int, tuple[Node, Any]] = {}


class Evaluator:
    """Reads trees of one scope at one point.

    dimension  of every vector
    level      refinement of the quadratures; two levels are compared by the caller
    """

    def __init__(self, scope: Scope, point: Point, dimension: int, level: int, budget: Budget, reach: Reach) -> None:
        self.scope = scope
        self.point = point
        self.dimension = dimension
        self.level = level
        self.budget = budget
        self.reach = reach
        self.frames = [Frame({})]
        self.depth = 0
        self.infinitesimals = 0
        self.looked_up: set[str] = set()
        self.anchors: dict[str, mpmath.mpf] = {}
        self.largest_term = mp.zero

    # ------------------------------------------------------------ reading

    def value(self, node: Node) -> Value:
        """The value of a node. Raises Undefined, Undecidable or BudgetExceeded."""
        frame = self._frame_of(node)
        known = frame.known.get(id(node))
        if known is not None:
            return known[1]
        self.budget.spend()
        reading = READINGS.get(type(node))
        if reading is None:
            raise Undecidable(f"{type(node).__name__} has no numerical reading here")
        if self.depth >= LARGEST_DEPTH:
            raise BudgetExceeded(f"more than {LARGEST_DEPTH} nested readings")
        self.depth += 1
        try:
            result = reading(self, node)
        finally:
            self.depth -= 1
        frame.known[id(node)] = node, result
        return result

    def remember(self, node: Node, compute: Callable[[], Any]) -> Any:
        """What `compute` makes of the value of `node`, made once as long as that value stays."""
        known = self._frame_of(node).made
        if id(node) not in known:
            known[id(node)] = node, compute()
        return known[id(node)][1]

    def scalar(self, node: Node) -> jets.Number:
        """The value of a node that must be a number."""
        result = self.value(node)
        if not is_scalar(result):
            raise Undecidable(f"a number was expected, this is a {kind(result)}")
        return result

    def integer(self, node: Node) -> int:
        """The value of a node that must be an integer."""
        result = self.scalar(node)
        if isinstance(result, jets.Jet) or not mp.isint(result):
            raise Undefined("a limit or an index is not an integer")
        return int(result)

    def _frame_of(self, node: Node) -> Frame:
        """The innermost frame that binds something the node depends on."""
        names = self.reach.names(node)
        for frame in reversed(self.frames):
            if not names.isdisjoint(frame.bound):
                return frame
        return self.frames[0]

    # ------------------------------------------------------------ names

    @contextmanager
    def binding(self, bound: dict[str, Value]) -> Iterator[None]:
        """Bind names while a body is read."""
        self.frames.append(Frame(bound))
        try:
            yield
        finally:
            self.frames.pop()

    @contextmanager
    def fresh(self, count: int) -> Iterator[list[jets.Jet]]:
        """New infinitesimals for one derivative."""
        first = self.infinitesimals
        self.infinitesimals += count
        try:
            yield [jets.infinitesimal(first + i) for i in range(count)]
        finally:
            self.infinitesimals = first

    def declaration(self, key: str) -> Declaration:
        """The declaration of a key. Raises Undecidable when there is none."""
        found = self.scope.get(key)
        if found is None:
            raise Undecidable(f"{key} is not declared")
        return found

    def is_vector(self, key: str, model: Value | None = None) -> bool:
        """Is the name a vector? An undeclared one is what `model` is."""
        found = self.scope.get(key)
        return found.value == "vector" if found is not None else model is not None and not is_scalar(model)

    def lookup(self, key: str) -> Value:
        """The present value of a name."""
        for frame in reversed(self.frames):
            if key in frame.bound:
                return frame.bound[key]
        declaration = self.declaration(key)
        if declaration.kind == "wiener":
            raise Undecidable("a Wiener process has no value at a point")
        if declaration.definition is not None:
            return self.shaped(declaration, self.value(declaration.definition))
        if declaration.root_of is not None:
            degree, base = declaration.root_of
            return jets.power(self.scalar(base), mp.one / degree)
        drawn = self.point.values.get(key)
        if drawn is None:
            raise Undecidable(f"{key} has no value of its own")
        self.looked_up.add(key)
        if declaration.rademacher:
            signs = tuple(mp.mpf(1 if x > 0 else -1) for x in drawn[: self.dimension])
            return Vector(signs) if declaration.value == "vector" else signs[0]
        if declaration.value == "vector":
            return Vector(tuple(instances.exact(x) for x in drawn[: self.dimension]))
        if declaration.value == "matrix":
            rows = shaped_matrix(drawn, self.dimension, declaration.structure)
            return Matrix(tuple(tuple(instances.exact(x) for x in row) for row in rows))
        if declaration.lower is not None and declaration.upper is not None:
            lower, upper = self.integer(declaration.lower), self.integer(declaration.upper)
            if upper < lower:
                raise Undefined(f"the range of {key} is empty")
            return mp.mpf(lower + int(drawn[0]) % (upper - lower + 1))
        return instances.exact(drawn[0])

    def shaped(self, declaration: Declaration, value: Value) -> Value:
        """A literal zero stands for the zero vector where a vector is declared."""
        return values.like_zero(value, self.zeros()) if declaration.value == "vector" else value

    def zeros(self) -> Vector:
        """The zero vector."""
        return Vector((mp.zero,) * self.dimension)

    # ------------------------------------------------------------ calls

    def arguments(self, call: Call) -> list[Value]:
        """The values of all parameters of a call, the subscript last."""
        declaration = self.declaration(call.key)
        parameters = declaration.parameters
        index = [] if call.index is None else [self.value(call.index)]
        if call.arguments is None:
            given = [self.lookup(key) for key in parameters[: len(parameters) - len(index)]]
        else:
            given = [self.value(argument) for argument in call.arguments]
        both = given + index
        if len(both) != len(parameters):
            raise Undecidable(f"{call.key} takes {len(parameters)} arguments, {len(both)} given")
        return [
            values.like_zero(value, self.zeros()) if self.is_vector(key) else value
            for key, value in zip(parameters, both, strict=True)
        ]

    def apply(self, call: Call, arguments: list[Value]) -> Value:
        """The function of a call at given values of all its parameters."""
        declaration = self.declaration(call.key)
        evolution = self.reach.evolutions.get(call.key)
        if evolution is None:
            return self._at(call, declaration, arguments)

        def rate(there: list[Value]) -> Value:
            with self.binding(dict(zip(declaration.parameters, there, strict=True))):
                return self.shaped(declaration, self.value(evolution.rate))

        return evolutions.moved_on(
            evolution, arguments, lambda time: self._anchor(call.key, time),
            lambda there: self._at(call, declaration, there), rate,
        )  # fmt: skip

    def _anchor(self, key: str, time: mpmath.mpf) -> None:
        """A function that solves an equation is known at one time only, up to rounding."""
        first = self.anchors.setdefault(key, time)
        if abs(time - first) > mp.mpf(10) ** (8 - mp.dps) * (1 + abs(first)):
            raise Undecidable(f"{key} solves a declared equation and is asked for at two times")

    def _at(self, call: Call, declaration: Declaration, arguments: list[Value]) -> Value:
        instance = self.reach.instances.get(call.key)
        if instance is None and declaration.definition is not None:
            instance = Instance(declaration.parameters, declaration.definition)
        if instance is not None:
            with self.binding(dict(zip(instance.parameters, arguments, strict=True))):
                return self.shaped(declaration, self.value(instance.body))
        discrete = [self._is_discrete(declaration, i) for i in range(len(arguments))]
        parts = [x for value in arguments for x in values.components(value)]
        if any(abs(jets.real(x)) > FARTHEST for x in parts):
            raise Undecidable(f"nothing is known of {call.key} far away")
        moved = any(isinstance(x, jets.Jet) for x in parts)
        self.budget.spend(STAND_IN_WITH_JETS if moved else STAND_IN)
        return instances.evaluate_instance(declaration, arguments, discrete, self.dimension, self.point.seed)

    def _is_discrete(self, declaration: Declaration, position: int) -> bool:
        parameter = self.scope.get(declaration.parameters[position])
        if declaration.kind == "sequence" and position == len(declaration.parameters) - 1:
            return True
        return parameter is not None and parameter.value == "scalar" and parameter.domain in (INTEGER, INDEX)


# ---------------------------------------------------------------- atoms


@reads(Number)
def _number(evaluator: Evaluator, node: Number) -> Value:
    if len(node.text) > LONGEST_LITERAL:
        raise BudgetExceeded(f"a literal of more than {LONGEST_LITERAL} digits")
    return mp.mpf(node.text)


@reads(Constant)
def _constant(evaluator: Evaluator, node: Constant) -> Value:
    if node.name == "dimension":
        return mp.mpf(evaluator.dimension)
    if node.name == "pi":
        return +mp.pi
    raise Undecidable(f"{node.name} is not a number")


@reads(Identity)
def _identity(evaluator: Evaluator, node: Identity) -> Value:
    return values.identity(evaluator.dimension)


@reads(Name)
def _name(evaluator: Evaluator, node: Name) -> Value:
    return evaluator.lookup(node.key)


@reads(Call)
def _call(evaluator: Evaluator, node: Call) -> Value:
    return evaluator.apply(node, evaluator.arguments(node))
