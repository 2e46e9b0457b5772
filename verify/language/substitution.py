r"""Names of a tree replaced by formulas: what a change of notation does to a formula and to its declarations.

A name or one exact call (`D(x;\sigma)`) has an image. What binds a name, differentiates in it or takes a moment over
it keeps a name there, so the image must then be a name too; anything else is refused in words. No dummy of the author
may be a letter of an image.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from verify.language.errors import LanguageError
from verify.language.mentions import field_names
from verify.language.names import latex_of_key
from verify.language.printer import latex
from verify.language.scope import Declaration, Scope
from verify.language.tree import (
    ArgMin,
    AtPoint,
    Call,
    Divergence,
    Gradient,
    Hessian,
    Integral,
    Laplacian,
    Limit,
    Moment,
    Name,
    Node,
    Product,
    Summation,
)

BINDERS = (Integral, Summation, Product, ArgMin, Limit, AtPoint)
_VARIABLES = ("variable", "variables", "index", "given")  # fields that hold names, beside those of `Name` and `Call`
_NOWHERE: frozenset[str] = frozenset()


class Substitution:
    """Images of names and calls, read in `scope`. `finish` is applied to every node that changed, from below.

    `dummies` are the replaced names that also stay, as bound variables.
    """

    def __init__(
        self, images: Mapping[Node, Node], scope: Scope, finish: Callable[[Node], Node] = lambda node: node
    ) -> None:
        self.images, self.scope, self.finish = dict(images), scope, finish
        self.names = {node.key: image for node, image in images.items() if isinstance(node, Name)}
        self.calls = {node: image for node, image in images.items() if isinstance(node, Call)}
        self.functions = {call.key for call in self.calls}
        self.letters = {
            inner.key for image in images.values() for inner in image.walk() if isinstance(inner, Name | Call)
        }
        self.dummies: set[str] = set()

    def __call__(self, node: Node, bound: frozenset[str] = _NOWHERE) -> Node:
        """The tree with every free occurrence replaced. LanguageError where no formula can stand."""
        if isinstance(node, Name):
            image = self.names.get(node.key, node) if node.key not in bound else node
            return node if image == node else image
        if isinstance(node, Call):
            node = self._with_arguments(node)
            if node in self.calls and not bound & set(_named(node)):
                return self.calls[node]
            if node.key in self.functions:
                raise LanguageError(f"{latex(node)} has no translation: only {self._known(node.key)} has one")
        inner = bound | self._bound_by(node)
        changed = node.map_children(lambda child: self(child, inner))
        changed = self._renamed(changed, bound)
        return self.finish(changed) if changed is not node else node

    def declaration(self, declared: Declaration) -> Declaration:
        """A declaration that stays, its formulas and parameters in the new letters."""
        parameters = tuple(self._parameter(key) for key in declared.parameters)
        bound = frozenset(key for key in declared.parameters if self._renames(key) is None)
        self._refuse_capture(bound)
        updates: dict[str, Any] = {"parameters": parameters}
        for item in dataclasses.fields(Declaration):
            value = getattr(declared, item.name)
            if isinstance(value, Node):
                updates[item.name] = self(value, bound)
        if declared.root_of is not None:
            updates["root_of"] = declared.root_of[0], self(declared.root_of[1], bound)
        return dataclasses.replace(declared, **updates)

    def variable(self, key: str) -> str:
        """The name that stands where `key` is a variable: differentiated in, or the space of a gradient."""
        if key not in self.names:
            return key
        name = self._renames(key)
        if name is None:
            raise LanguageError(
                f"{latex_of_key(key)} is a variable here, and {latex(self.names[key])} cannot stand for it"
            )
        return name

    def _renames(self, key: str) -> str | None:
        """The name that a replaced name becomes, None when it becomes a formula; a name that stays is itself."""
        image = self.names.get(key, Name(key))
        return image.key if isinstance(image, Name) else None

    def _parameter(self, key: str) -> str:
        name = self._renames(key)
        if name is None:
            self.dummies.add(key)
        return key if name is None else name

    def _bound_by(self, node: Node) -> frozenset[str]:
        """The dummies of a node whose names stay as they are, because their image is a formula."""
        if not isinstance(node, BINDERS):
            return _NOWHERE
        kept = frozenset(key for key in _held(node) if self._renames(key) is None)
        self.dummies |= kept
        self._refuse_capture(frozenset(key for key in _held(node) if key not in self.names))
        return kept

    def _refuse_capture(self, dummies: frozenset[str]) -> None:
        for key in sorted(dummies & self.letters):
            raise LanguageError(f"the dummy {latex_of_key(key)} is a letter of the other notation")

    def _renamed(self, node: Node, bound: frozenset[str]) -> Node:
        """The node with its variables in the new letters."""
        updates: dict[str, Any] = {}
        kind: Any = type(node)
        for name in field_names(kind):
            value = getattr(node, name)
            if name in _VARIABLES and isinstance(value, str):
                updates[name] = self._held_name(node, value, bound)
            elif name in _VARIABLES and isinstance(value, tuple):
                updates[name] = tuple(self._held_name(node, key, bound) for key in value)
            elif name == "variable" and value is None and isinstance(node, Gradient | Divergence | Laplacian | Hessian):
                self.variable(self.scope.space)  # the space of the new scope is the image of this one
            elif name == "laws" and isinstance(node, Moment):
                updates[name] = tuple((self._held_name(node, key, bound), law) for key, law in value)
        changed = {name: value for name, value in updates.items() if value != getattr(node, name)}
        return dataclasses.replace(node, **changed) if changed else node

    def _held_name(self, node: Node, key: str, bound: frozenset[str]) -> str:
        if key in bound:
            return key
        return self._parameter(key) if isinstance(node, BINDERS) else self.variable(key)

    def _with_arguments(self, call: Call) -> Call:
        """`f p` means `f(x,t) p(x,t)`: the declared parameters, written out where one of them is replaced."""
        declared = self.scope.get(call.key)
        if call.arguments is not None or call.index is not None or declared is None:
            return call
        if not set(declared.parameters) & self.names.keys():
            return call
        return dataclasses.replace(call, arguments=tuple(map(Name, declared.parameters)))

    def _known(self, function: str) -> str:
        return ", ".join(latex(call) for call in self.calls if call.key == function)


def _named(node: Node) -> list[str]:
    return [inner.key for inner in node.walk() if isinstance(inner, Name)]


def _held(node: Node) -> list[str]:
    """The names in the variable fields of a binder."""
    held: list[str] = []
    for name in _VARIABLES:
        value = getattr(node, name, ())
        held += [value] if isinstance(value, str) else value or []
    return held
