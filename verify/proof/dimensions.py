"""How far what is true in d = 1, 2, 3 speaks for every d: what mentions d itself, and where an identity may end."""

from __future__ import annotations

from collections.abc import Iterable

from verify.language.scope import Scope
from verify.language.tree import (
    Call,
    Constant,
    Identity,
    Moment,
    Multiply,
    Name,
    Negate,
    Node,
    Norm,
    Number,
    Power,
    Trace,
)
from verify.meaning.reading import MOST_COMPONENTS

LEAST = 4  # the dimension after d = 1, 2, 3
SQUARE, LENGTH = 2, 1  # what a matrix and a vector count: two vectors make one matrix x y^T


def mentions_dimension(nodes: Iterable[Node], scope: Scope) -> bool:
    """Whether the number d occurs, in the formulas or in the definitions that they use."""
    seen: set[str] = set()
    waiting = list(nodes)
    while waiting:
        for node in waiting.pop().walk():
            counted = isinstance(node, Trace | Norm) and any(isinstance(part, Identity) for part in node.walk())
            if counted or isinstance(node, Constant) and node.name == "dimension":
                return True
            declaration = scope.get(node.key) if isinstance(node, Call | Name) else None
            if declaration is not None and declaration.definition is not None and declaration.key not in seen:
                seen.add(declaration.key)
                waiting.append(declaration.definition)
    return False


def next_dimension(nodes: Iterable[Node], scope: Scope) -> int:
    """The dimension after d = 1, 2, 3 in which a counterexample is looked for.

    An identity between n matrices, as that of Cayley and Hamilton, may hold up to d = n and in no higher
    dimension; one that holds in d = n + 1 holds in all (Procesi 1976; Razmyslov 1974). So the longest product
    decides.
    """
    longest = max((_degree(node, scope, frozenset()) for node in nodes), default=0)
    return min(max(LEAST, (longest + 1) // 2 + 1), MOST_COMPONENTS)


def _degree(node: Node, scope: Scope, within: frozenset[str]) -> int:
    """How many matrices (each counts 2) and vectors are multiplied in one term at most, definitions written out."""
    if isinstance(node, Name | Call):
        declared = scope.get(node.key)
        if declared is None or node.key in within:
            return 0
        own = {"matrix": SQUARE, "vector": LENGTH}.get(declared.value, 0)
        body = declared.definition
        return own if body is None else _degree(body, scope, within | {node.key})
    inner = [_degree(child, scope, within) for child in node.children()]
    match node:
        case Multiply():
            return sum(inner)
        case Power(base=base, exponent=exponent):
            size = exponent.operand if isinstance(exponent, Negate) else exponent
            times = int(size.text) if isinstance(size, Number) and size.text.isdigit() else 1
            return times * _degree(base, scope, within)
        case Norm() | Moment(kind="Var" | "Cov"):
            return 2 * max(inner, default=0)
    return max(inner, default=0)
