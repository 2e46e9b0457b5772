r"""The places of a formula where a part may be replaced by an equal one.

Inside a derivative, an integral or a sum the two must be equal for every value that the bound variable takes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from verify.language.mentions import Mentions
from verify.language.scope import POSITIVE, REAL, UNIT, Scope
from verify.language.tree import (
    ArgMin,
    Call,
    Derivative,
    Divergence,
    Gradient,
    Hessian,
    Integral,
    Laplacian,
    Moment,
    Name,
    Node,
    Product,
    Summation,
)
from verify.proof.renaming import ALGEBRAIC, DoesNotApply

CONGRUENT = (*ALGEBRAIC, Name, Call)
DERIVATIVES = (Derivative, Gradient, Divergence, Laplacian, Hessian)


@dataclass(frozen=True)
class Place:
    """A part of one side: how the side looks with another part there, and the variables bound above it."""

    part: Node
    rebuilt: Callable[[Node], Node]
    bound: tuple[tuple[Node, str], ...] = ()


def places(side: Node, scope: Scope) -> Iterator[Place]:
    """Every part of a side whose replacement by an equal one leaves an equal side, from the outside in."""
    yield from _places(side, lambda node: node, (), scope)


def _places(
    node: Node, rebuilt: Callable[[Node], Node], bound: tuple[tuple[Node, str], ...], scope: Scope
) -> Iterator[Place]:
    yield Place(node, rebuilt, bound)
    if isinstance(node, CONGRUENT):
        inner = bound
    elif isinstance(node, DERIVATIVES):
        inner = (*bound, (node, getattr(node, "variable", None) or scope.space))
    elif isinstance(node, Integral):
        inner = (*bound, *((node, key) for key in node.variables))
    elif isinstance(node, Summation | Product):
        inner = (*bound, (node, node.index))
    elif isinstance(node, ArgMin):
        inner = (*bound, (node, node.variable))
    elif isinstance(node, Moment) and not node.laws and node.given is None and node.value is None:
        inner = bound
    else:
        return
    limits = {"lower", "upper"}
    for item in dataclasses.fields(node):
        value = getattr(node, item.name)
        over = bound if item.name in limits else inner

        def put(new: Any, name: str = item.name) -> Node:
            return rebuilt(dataclasses.replace(node, **{name: new}))

        if isinstance(value, Node):
            yield from _places(value, put, over, scope)
        elif isinstance(value, tuple):
            for position, child in enumerate(value):
                if isinstance(child, Node):

                    def put_at(
                        new: Node,
                        position: int = position,
                        value: tuple[Any, ...] = value,
                        put: Callable[..., Any] = put,
                    ) -> Node:
                        return put((*value[:position], new, *value[position + 1 :]))

                    yield from _places(child, put_at, over, scope)


def holds_under(place: Place, scope: Scope) -> None:
    """The instance is proved for the declared domains: so must the bound variables lie there."""
    roots = [d.root_of[1] for d in scope if d.root_of is not None]
    tied = bool(roots) or any(isinstance(left, Name) for left, _ in scope.equations)
    mentions = Mentions(scope)
    restricted = {k: None for node in [*scope.assumptions, *roots] for k in mentions.of(node)}
    for binder, key in place.bound:
        declared = scope.declarations[key]
        if isinstance(binder, DERIVATIVES):
            if declared.value == "scalar" and declared.domain not in (REAL, POSITIVE, UNIT):
                raise DoesNotApply(f"under a derivative in {key}, which takes no neighbouring values", 3)
            if tied:
                raise DoesNotApply("under a derivative, where other declarations tie the names", 3)
        elif declared.value == "scalar" and declared.domain != REAL:
            raise DoesNotApply(f"under an operator that binds {key}, which may leave its declared domain there", 3)
        elif tied or key in restricted:
            raise DoesNotApply(f"under an operator that binds {key}, where other declarations tie the names", 3)
