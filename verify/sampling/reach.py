"""What a formula depends on: the names it reaches, through definitions, laws and instances."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from verify.language.scope import Declaration, Scope
from verify.language.tree import (
    ArgMin,
    AtPoint,
    Call,
    Derivative,
    Differential,
    Divergence,
    Gaussian,
    Gradient,
    Hessian,
    Integral,
    KullbackLeibler,
    Laplacian,
    Limit,
    Moment,
    Name,
    Node,
    Product,
    Summation,
)
from verify.sampling.errors import Undecidable
from verify.sampling.evolution import evolutions_of


@dataclass(frozen=True)
class Instance:
    """The concrete body of a function that is declared without one, and the names it gives its arguments."""

    parameters: tuple[str, ...]
    body: Node


def instances_of(scope: Scope) -> dict[str, Instance]:
    """The declared instances by the key of their function; each binds the names in its own call.

    Raises Undecidable for an instance of anything but a function of names.
    """
    found: dict[str, Instance] = {}
    for call, body in scope.instances:
        declared = scope.get(call.key) if isinstance(call, Call) else None
        if not isinstance(call, Call) or declared is None:
            raise Undecidable("an instance is given of a function only")
        written: tuple[Node, ...] = tuple(Name(key) for key in declared.parameters)
        if call.index is not None:
            written = (*written[:-1], call.index)
        if call.arguments is not None:
            written = (*call.arguments, *written[len(call.arguments) :])
        names = tuple(argument.key for argument in written if isinstance(argument, Name))
        if len(set(names)) != len(declared.parameters) or len(written) != len(names):
            raise Undecidable(f"the instance of {call.key} must give each argument a name of its own")
        found[call.key] = Instance(names, body)
    return found


class Reach:
    """The names reached by trees of one scope, memoised. Raises Undecidable for an instance of no use."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.instances = instances_of(scope)
        self._known: dict[int, tuple[Node, frozenset[str]]] = {}
        self._declared: dict[str, frozenset[str]] = {}
        self._in_motion: frozenset[str] | None = None
        self.evolutions = evolutions_of(scope)
        self._in_evolution: frozenset[str] | None = None

    def names(self, node: Node) -> frozenset[str]:
        """All names `node` mentions, itself or through what they are declared to be."""
        known = self._known.get(id(node))
        if known is None:
            found: set[str] = set()
            for key in mentioned(node, self.scope):
                found |= self._behind(key)
            for child in node.children():
                found |= self.names(child)
            if isinstance(node, Moment) and (node.given is not None or not node.laws):
                for density in self.scope.joint.values():
                    found |= self.names(density)
            if isinstance(node, Differential):
                found |= self._increments()
            known = self._known[id(node)] = (node, frozenset(found))  # the node is kept: its id stays its own
        return known[1]

    def _increments(self) -> frozenset[str]:
        """The names behind the declared SDEs, whose own differentials lead back here."""
        if self._in_motion is None:
            self._in_motion = frozenset()
            found: set[str] = set()
            for key, change in self.scope.sde.items():
                found |= self._behind(key) | self.names(change)
            self._in_motion = frozenset(found)
            self._known.clear()  # what was found on the way lacked the rest
        return self._in_motion

    def hidden(self, key: str) -> frozenset[str]:
        """What the rate of a function that solves an equation names besides its arguments."""
        rate = self.evolutions[key].rate
        return self.names(rate) - {key, *self.scope.declarations[key].parameters}

    def _evolving(self) -> frozenset[str]:
        """The names behind all functions that solve a declared equation: their rates lead back to them."""
        if self._in_evolution is None:
            self._in_evolution = frozenset()
            found: set[str] = set()
            for key, evolution in self.evolutions.items():
                found |= self._behind(key) | self.names(evolution.rate)
            self._in_evolution = frozenset(found)
            self._known.clear()  # what was found on the way lacked the rest
            self._declared.clear()
        return self._in_evolution

    def _behind(self, key: str) -> frozenset[str]:
        evolving = self._evolving() if key in self.evolutions else frozenset()
        if key not in self._declared:
            self._declared[key] = frozenset((key,))  # ends a definition that refers to itself
            found = {key, *evolving}
            declaration = self.scope.get(key)
            if declaration is not None:
                for parameter in declaration.parameters:
                    found |= self._behind(parameter)
                for tree in trees_of(declaration):
                    found |= self.names(tree)
            if key in self.instances:
                found |= self.names(self.instances[key].body)
            self._declared[key] = frozenset(found)
        return self._declared[key]


def trees_of(declaration: Declaration) -> Iterator[Node]:
    """The trees a declaration holds."""
    if declaration.root_of is not None:
        yield declaration.root_of[1]
    for tree in (declaration.definition, declaration.mean, declaration.variance, declaration.lower,
                 declaration.upper, declaration.law):  # fmt: skip
        if tree is not None:
            yield tree


def mentioned(node: Node, scope: Scope) -> Iterator[str]:
    """The keys that this one node names, without its children."""
    if isinstance(node, (Name, Call)):
        yield node.key
    elif isinstance(node, (Gradient, Divergence, Laplacian, Hessian)):
        yield node.variable or scope.space
    elif isinstance(node, (Derivative, ArgMin, AtPoint, Limit)):
        yield node.variable
    elif isinstance(node, Integral):
        yield from node.variables
    elif isinstance(node, (Summation, Product)):
        yield node.index
    elif isinstance(node, Moment):
        yield from (name for name, _ in node.laws)
        if node.given is not None:
            yield node.given
        yield from scope.joint


def integrals(node: Node, scope: Scope, instances: dict[str, Instance], seen: tuple[str, ...] = ()) -> int:
    """How many integrals over a whole vector space are nested in `node`, at most."""

    def vector(key: str) -> int:
        declaration = scope.get(key)
        return int(declaration is not None and declaration.value == "vector")

    inside = [integrals(child, scope, instances, seen) for child in node.children()]
    if isinstance(node, (Name, Call)) and node.key not in seen and (declaration := scope.get(node.key)):
        below = (*seen, node.key)
        inside += [integrals(tree, scope, instances, below) for tree in trees_of(declaration)]
        if node.key in instances:
            inside.append(integrals(instances[node.key].body, scope, instances, below))
    own = 0
    if isinstance(node, Integral) and node.lower is None:
        own = sum(vector(key) for key in node.variables)
    elif isinstance(node, Moment) and node.given is not None:
        own = 1
        inside += [integrals(density, scope, instances, seen) for density in scope.joint.values()]
    elif isinstance(node, Moment):
        for key, law in node.laws:
            named = law if law is not None else (scope.declarations[key].law if key in scope else None)
            own += vector(key) * (named is not None and not isinstance(named, Gaussian))
    elif isinstance(node, KullbackLeibler):
        own = int(not isinstance(node.first, Gaussian))
    return own + max(inside, default=0)
