"""Which declared names a formula depends on, directly and through definitions."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from verify.language.scope import Scope
from verify.language.tree import Divergence, Gradient, Hessian, Laplacian, Moment, Node


class Mentions:
    """The names of one scope, looked up in many formulas. The scope is not changed meanwhile."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self._known: dict[int, tuple[Node, list[str]]] = {}
        self._by: dict[str, list[str]] = {}
        # A moment may depend on the law of every random name.
        self._random = [d.key for d in scope if d.kind == "random" or d.law is not None]
        rules = [*scope.assumptions, *scope.boundary, *(n for pair in scope.equations for n in pair)]
        rules += [*scope.sde.values(), *scope.joint.values(), *(n for pair in scope.instances for n in pair)]
        self.always = [*scope.sde, *scope.joint, *(key for node in rules for key in self.of(node))]

    def of(self, node: Node) -> list[str]:
        """Every declared key that a tree names, in any of its text fields."""
        known = self._known.get(id(node))
        if known is None or known[0] is not node:
            found: list[str] = []
            self._collect(node, found)
            known = self._known[id(node)] = node, list(dict.fromkeys(found))
        return known[1]

    def by(self, key: str) -> list[str]:
        """The keys that the declaration of `key` names."""
        if key not in self._by:
            self._by[key] = self._named_in_declaration(key)
        return self._by[key]

    def _named_in_declaration(self, key: str) -> list[str]:
        declaration = self.scope.declarations[key]
        named = [*declaration.parameters, *(f"{key}({signature})" for signature in declaration.signatures)]
        for item in fields(declaration):
            value = getattr(declaration, item.name)
            for node in value if isinstance(value, tuple) else (value,):
                if isinstance(node, Node):
                    named += self.of(node)
        return named

    def through(self, nodes: Iterable[Node]) -> list[str]:
        """All keys that the formulas and the rules of the scope depend on, transitively."""
        waiting = [*self.always, *(key for node in nodes for key in self.of(node))]
        found: dict[str, None] = {}
        while waiting:
            key = waiting.pop()
            if key not in found and key in self.scope:
                found[key] = None
                waiting += self.by(key)
        return list(found)

    def _collect(self, value: Any, found: list[str]) -> None:
        if isinstance(value, str):
            if value in self.scope:
                found.append(value)
        elif isinstance(value, tuple):
            for item in value:
                self._collect(item, found)
        elif isinstance(value, Node):
            kind: Any = type(value)
            for name in field_names(kind):
                self._collect(getattr(value, name), found)
            if isinstance(value, Moment):
                found += self._random
            elif isinstance(value, Gradient | Divergence | Laplacian | Hessian) and value.variable is None:
                found.append(self.scope.space)


@functools.cache
def field_names(kind: type[Any]) -> tuple[str, ...]:
    """The fields of a dataclass that take part in comparison."""
    return tuple(item.name for item in fields(kind) if item.compare)
