r"""What a function depends on through a declared equation, though it is not among its arguments.

With `\dot y(t) = c\,y(t)` the function y depends on c as well. A derivative in c, a limit or an integral over
it would take y as fixed, and be wrong. So it is refused.
"""

from __future__ import annotations

from verify.language.scope import Scope
from verify.language.tree import ArgMin, AtPoint, Call, Integral, Limit, Name, Node, Product, Summation
from verify.meaning.errors import MeaningError
from verify.meaning.evaluation import Evaluation

Names = dict[str, None]  # an ordered set


def refuse_hidden(reading: Evaluation, key: str, node: Node, operand: Node) -> None:
    """Refuse `node`, which varies `key` in `operand`, where a function in it depends on `key` unsaid."""
    if not reading.scope.equations:
        return
    if reading.hidden is None:
        reading.hidden = hidden_parameters(reading.scope)
    for name in free_names(reading.scope, operand):
        if key in reading.hidden.get(name, ()):
            raise MeaningError(
                f"{name} depends on {key} through a declared equation: declare {name} with {key} among its arguments",
                node.span,
            )


def hidden_parameters(scope: Scope) -> dict[str, Names]:
    """For each undefined function with an equation, the names in the equations that are not its arguments."""
    hidden: dict[str, Names] = {}
    places: dict[str, Names] = {}
    for left, right in scope.equations:
        call = next((part for part in left.walk() if isinstance(part, Call) and _undefined(scope, part.key)), None)
        if call is None:
            continue
        arguments = scope.declarations[call.key].parameters if call.arguments is None else [
            part.key for part in (*call.arguments, call.index) if isinstance(part, Name)
        ]  # fmt: skip
        places.setdefault(call.key, {}).update(dict.fromkeys(arguments))
        hidden.setdefault(call.key, {}).update(free_names(scope, left) | free_names(scope, right))
    for _ in hidden:  # through one another
        for found in hidden.values():
            for name in list(found):
                found.update(hidden.get(name, {}))
    return {
        key: {name: None for name in found if name not in places[key] and name != key} for key, found in hidden.items()
    }


def _undefined(scope: Scope, key: str) -> bool:
    declared = scope.get(key)
    return declared is not None and declared.kind == "function" and declared.definition is None


def free_names(scope: Scope, node: Node, opened: tuple[str, ...] = ()) -> Names:
    """The names that the value of a tree depends on, through definitions, without those that it binds."""
    found: Names = {}
    for child in node.children():
        found |= free_names(scope, child, opened)
    for bound in _bound_by(node):
        found.pop(bound, None)
    if isinstance(node, AtPoint | Limit):
        found |= free_names(scope, node.point, opened)
    if not isinstance(node, Name | Call):
        return found
    found[node.key] = None
    declared = scope.get(node.key)
    if declared is None or node.key in opened:
        return found
    inside: Names = {}
    for tree in (declared.definition, declared.root_of[1] if declared.root_of is not None else None):
        if tree is not None:
            inside |= free_names(scope, tree, (*opened, node.key))
    found |= {name: None for name in inside if name not in declared.parameters}
    if isinstance(node, Call) and node.arguments is None:
        found |= dict.fromkeys(declared.parameters)
    return found


def _bound_by(node: Node) -> tuple[str, ...]:
    match node:
        case Integral():
            return tuple(node.variables)
        case Summation() | Product():
            return (node.index,)
        case ArgMin() | AtPoint() | Limit():
            return (node.variable,)
        case _:
            return ()
