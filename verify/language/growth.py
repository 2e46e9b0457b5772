"""How large a formula becomes when every definition is written out: bounded before anything is written out."""

from __future__ import annotations

from verify.language.errors import LanguageError
from verify.language.names import latex_of_key
from verify.language.scope import Scope
from verify.language.tree import Call, Name, Node

MAX_NODES = 50_000

# Nodes of a body, as a linear form of the sizes of its parameters; under "" what does not depend on them.
Form = dict[str, int]


def refuse_growth(scope: Scope, place: int) -> None:
    r"""LanguageError when a definition stands for more than MAX_NODES symbols, as `a_2 = a_1 a_1` forty times does.

    The definitions lead to no circle. `place` is where the declarations begin.
    """
    known: dict[str, Form] = {}
    for declaration in scope:
        form = _form_of(declaration.key, scope, known)
        if sum(form.values()) > MAX_NODES:
            raise LanguageError(
                f"the definition of {latex_of_key(declaration.key)} stands for {sum(form.values()):,} symbols "
                f"when it is written out; the limit is {MAX_NODES:,}",
                (place, place + 1),
                "declare an intermediate quantity without a definition",
            )


def written_out(node: Node, scope: Scope) -> int:
    """The number of symbols that a formula of the scope stands for."""
    return sum(_form(node, frozenset(), scope, {}).values())


def _form_of(key: str, scope: Scope, known: dict[str, Form]) -> Form:
    if key not in known:
        declaration = scope.get(key)
        body = declaration.definition if declaration else None
        parameters = declaration.parameters if declaration else ()
        known[key] = {"": 1} if body is None else _form(body, frozenset(parameters), scope, known)
        if any(size > MAX_NODES for size in known[key].values()):
            known[key] = {name: min(size, 10 * MAX_NODES) for name, size in known[key].items()}
    return known[key]


def _form(node: Node, parameters: frozenset[str], scope: Scope, known: dict[str, Form]) -> Form:
    if isinstance(node, Name):
        return {node.key: 1} if node.key in parameters else dict(_form_of(node.key, scope, known))
    total: Form = {"": 1}
    if isinstance(node, Call):
        body = _form_of(node.key, scope, known)
        given = [*(node.arguments or ()), *([node.index] if node.index is not None else [])]
        names = scope.declarations[node.key].parameters if node.key in scope else ()
        _add(total, {"": body.get("", 0)}, 1)
        for name, argument in zip(names, given, strict=False):
            _add(total, _form(argument, parameters, scope, known), max(1, body.get(name, 0)))
        return total
    for child in node.children():
        _add(total, _form(child, parameters, scope, known), 1)
    return total


def _add(total: Form, other: Form, times: int) -> None:
    for name, size in other.items():
        total[name] = total.get(name, 0) + times * size
