r"""A formula in the letters of a standard definition.

`\frac{1-\bar\alpha_{k-1}}{1-\bar\alpha_k}\beta_k` of an author becomes the same formula in the names that the
definition declares. A name is carried over by its spelling; else by its own definition; what is left over is unknown
and may stand for anything of its kind.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from verify.language.definitions import Definition
from verify.language.scope import INDEX, Declaration, Scope
from verify.language.spelling import left_letter, letter_among, name_of, spelled
from verify.language.tree import (
    Call,
    Derivative,
    Divergence,
    Divide,
    Dotted,
    Gradient,
    Hessian,
    Integral,
    Laplacian,
    Name,
    Node,
    Number,
    Power,
    Primed,
    Product,
    Root,
    Summation,
)
from verify.proof.matching import with_arguments
from verify.proof.renaming import ALGEBRAIC

SPATIAL = (Gradient, Divergence, Laplacian, Hessian)
MAX_DEPTH = 60


class Untranslatable(Exception):
    """The formula says something that the definition has no word for."""


class Translation:
    """Carries formulas of one author over to one definition.

    table     spelling -> name of the definition
    assigned  key of the author -> name of the definition, for names that no spelling carries over
    matched   names of the definition that a spelling reached, with what the author defines them as, if anything
    unknown   names of the author that nothing carried over, with their kinds
    opened    names of the author that were replaced by their own definitions
    opening   replace every name that the author defines by other names, whether a spelling reaches it or not
    """

    def __init__(
        self, definition: Definition, ours: Scope, letter: str, letters: bool = False,
        assigned: Mapping[str, str] | None = None, opening: bool = False,
    ) -> None:  # fmt: skip
        self.definition, self.ours, self.letter = definition, ours, letter
        self.scope = definition.scope.copy()
        self.table = table_of(definition, letters)
        self.assigned = dict(assigned or {})
        self.opening = opening
        self.matched: dict[str, Node | None] = {}
        self._owner: dict[str, str] = {}
        self.unknown: dict[str, str] = {}
        self.opened: set[str] = set()

    def carried(self, node: Node) -> Node:
        """The formula in the definition's names. Unknown names stay as they are. Raises Untranslatable."""
        return self._carried(node, {}, 0)

    def _carried(self, node: Node, env: Mapping[str, Node], depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise Untranslatable("nested too deeply")

        def go(child: Node) -> Node:
            return self._carried(child, env, depth + 1)

        match node:
            case Name(key=key):
                return env[key] if key in env else self._name(node, key, depth)
            case Call():
                return self._call(node, env, depth)
            case Dotted(call=call) | Primed(call=call):
                inner = go(call)
                if not isinstance(inner, Call):
                    raise Untranslatable("a derivative of what is no function there")
                return dataclasses.replace(node, call=inner)
            case Derivative(variable=variable):
                return dataclasses.replace(node, variable=self._variable(variable, env), operand=go(node.operand))
            case Gradient() | Divergence() | Laplacian() | Hessian():
                variable = self._variable(node.variable or self.ours.space, env)
                return dataclasses.replace(node, variable=variable, operand=go(node.operand))
            case Integral(variables=variables):
                inner_env = {**env, **{key: Name(self._fresh(key)) for key in variables}}
                return Integral(
                    tuple(inner_env[key].key for key in variables),  # type: ignore[attr-defined]
                    None if node.lower is None else go(node.lower),
                    None if node.upper is None else go(node.upper),
                    self._carried(node.integrand, inner_env, depth + 1),
                )
            case Summation(index=key) | Product(index=key):
                fresh = self._fresh(key)
                lower, upper = (None if end is None else go(end) for end in (node.lower, node.upper))
                body = self._carried(node.body, {**env, key: Name(fresh)}, depth + 1)
                return type(node)(fresh, lower, upper, body)
        if isinstance(node, ALGEBRAIC):
            return node.map_children(go)
        raise Untranslatable(type(node).__name__)

    # ---------------------------------------------------------------- names

    def _name(self, node: Name, key: str, depth: int) -> Node:
        declared = self.ours.get(key)
        if declared is None:
            raise Untranslatable(key)
        if (own := self._match(key, declared)):
            return Name(own)
        if key in self.assigned:
            return Name(self.assigned[key])
        if key == self.letter and self.definition.letter in self.definition.scope:
            return Name(self.definition.letter)
        if declared.definition is not None and not declared.parameters:
            self.opened.add(key)
            return self._carried(declared.definition, {}, depth + 1)
        if declared.root_of is not None:
            degree, base = declared.root_of
            self.opened.add(key)
            inside = self._carried(base, {}, depth + 1)
            return Root(inside) if degree == 2 else Power(inside, Divide(Number("1"), Number(str(degree))))
        self.unknown[key] = declared.value
        return node

    def _call(self, node: Call, env: Mapping[str, Node], depth: int) -> Node:
        declared = self.ours.get(node.key)
        if declared is None:
            raise Untranslatable(node.key)
        full = with_arguments(node, self.ours)
        arguments = [*(full.arguments or ()), *([full.index] if full.index is not None else [])]
        plain = name_of(node) if not any(isinstance(a, Name) and a.key in env for a in arguments) else ""
        if plain and (own := self._match(plain, declared, arguments)):
            return Name(own)
        if plain in self.assigned:
            return Name(self.assigned[plain])
        carried = [self._carried(argument, env, depth + 1) for argument in arguments]
        base = self.table.get(spelled(node.key.removesuffix("_{.}"), self.letter), "")
        for key in (base, f"{base}_{{.}}", spelled(node.key)):
            theirs = self.definition.scope.get(key) if key else None
            fits = theirs is not None and theirs.kind == "function" and theirs.value == declared.value
            if fits and theirs is not None and len(theirs.parameters) == len(carried):
                self.matched[key] = None
                if key.endswith("_{.}"):
                    return Call(key, tuple(carried[:-1]) or None, carried[-1])
                return Call(key, tuple(carried))
        if declared.definition is not None and len(declared.parameters) == len(carried):
            self.opened.add(node.key)
            inner = dict(zip(declared.parameters, carried, strict=True))
            return self._carried(declared.definition, inner, depth + 1)
        if not plain:
            raise Untranslatable(node.key)
        self.unknown[plain] = declared.value
        return Name(plain)

    def _match(self, key: str, declared: Declaration, arguments: Sequence[Node] = ()) -> str:
        """The definition's name with this spelling and of this kind, or ''."""
        own = spelled(key, self.letter)
        for spelling in (own, own.removesuffix("_{•}"), f"{own}_{{•}}"):
            name = self.table.get(spelling, "")
            theirs = self.definition.scope.get(name)
            if theirs is not None and theirs.kind != "function" and theirs.value == declared.value:
                body = declared.definition
                if self.opening and body is not None and any(isinstance(part, Name | Call) for part in body.walk()):
                    return ""
                if self._owner.setdefault(name, key) != key:
                    raise Untranslatable(f"{self._owner[name]} and {key} in the place of one name")
                if body is not None and len(declared.parameters) == len(arguments):
                    body = _put(body, dict(zip(declared.parameters, arguments, strict=True)))
                self.matched[name] = body
                return name
        return ""

    def _variable(self, key: str, env: Mapping[str, Node]) -> str:
        image = env[key] if key in env else self._name(Name(key), key, 0)
        if not isinstance(image, Name) or image.key in self.unknown:
            raise Untranslatable(f"a derivative in {key}")
        return image.key

    def _fresh(self, key: str) -> str:
        """A bound name of the author, declared in the scope of the definition under a name of its own."""
        declared = self.ours.get(key) or Declaration(key, domain=INDEX)
        number = sum(1 for name in self.scope.declarations if name.startswith("q_{"))
        fresh = f"q_{{{number}}}"
        self.scope.put(dataclasses.replace(declared, key=fresh, definition=None, lower=None, upper=None))
        return fresh


def _put(node: Node, values: Mapping[str, Node]) -> Node:
    """The formula with values for its parameters."""
    if isinstance(node, Name):
        return values.get(node.key, node)
    return node.map_children(lambda child: _put(child, values))


def table_of(definition: Definition, letters: bool = False) -> dict[str, str]:
    """Spelling -> name of the definition; with `letters` those of the other paper come first."""
    own = {spelled(key.removesuffix("_{.}"), definition.letter): key for key in definition.scope.declarations}
    table = {**own, **definition.spelled}
    if letters:
        renamed = set(definition.letters.values())
        table = {spelling: name for spelling, name in table.items() if name not in renamed}
        table |= definition.letters
    return table


def index_letter(name: str, node: Node, scope: Scope) -> str:
    """The letter of the author's index: that of the defined name, else the only one on the right side."""
    if letter := left_letter(name):
        return letter
    return letter_among([name_of(part) for part in node.walk() if isinstance(part, Name | Call)])
