"""Mutants: small automatic changes of a formula, as tired people make them.

A check that lets a mutant pass which says something else proves nothing. Pure work on trees: a mutant
has the types of the original wherever a node keeps them, and it is up to the caller to judge it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from verify.language.scope import Declaration, Scope
from verify.language.tree import (
    Add,
    Call,
    Constant,
    Derivative,
    Diagonal,
    Divide,
    DotProduct,
    Dotted,
    Function,
    Gaussian,
    Gradient,
    Hessian,
    Identity,
    Integral,
    KullbackLeibler,
    Moment,
    Multiply,
    Name,
    Negate,
    Node,
    Number,
    Power,
    Primed,
    Root,
    Summation,
    Transpose,
)

OPERATORS = ("SIGN", "DROP-TERM", "DROP-FACTOR", "NUMBER", "INVERT", "DROP-POWER", "DROP-SQRT", "SQUARE",
             "RENAME", "INDEX", "DERIV", "SWAP")  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """A changed formula and the operator that changed it, one of OPERATORS."""

    operator: str
    node: Node


def mutants(node: Node, scope: Scope) -> Iterator[Mutant]:
    """All different mutants of a formula, in a fixed order: by place from the outside in."""
    seen = {node}
    for operator, changed in _everywhere(node, scope):
        if changed not in seen:
            seen.add(changed)
            yield Mutant(operator, changed)


def spread(found: Sequence[Mutant], most: int) -> list[int]:
    """The numbers of at most `most` of these mutants: operators in turn, each evenly along the formula."""
    by_operator: dict[str, list[int]] = {}
    for number, mutant in enumerate(found):
        by_operator.setdefault(mutant.operator, []).append(number)
    shares = dict.fromkeys(by_operator, 0)
    while sum(shares.values()) < min(most, len(found)):
        for operator, numbers in by_operator.items():
            if shares[operator] < len(numbers) and sum(shares.values()) < most:
                shares[operator] += 1
    return sorted(
        numbers[(2 * turn + 1) * len(numbers) // (2 * shares[operator])]
        for operator, numbers in by_operator.items()
        for turn in range(shares[operator])
    )


def _everywhere(node: Node, scope: Scope) -> Iterator[tuple[str, Node]]:
    yield from _here(node, scope)
    if isinstance(node, Call) and node.key.endswith(")"):
        return  # an overloaded density is told by the names of its arguments
    for field in dataclasses.fields(node):
        yield from _inside(node, field.name, scope)


def _inside(node: Node, name: str, scope: Scope) -> Iterator[tuple[str, Node]]:
    for operator, value in _changed(getattr(node, name), scope):
        field: dict[str, Any] = {name: value}
        yield operator, dataclasses.replace(node, **field)


def _changed(value: object, scope: Scope) -> Iterator[tuple[str, object]]:
    """The value of a field with one node below it changed; tuples may be nested."""
    if isinstance(value, Node):
        yield from _everywhere(value, scope)
    elif isinstance(value, tuple):
        for position, item in enumerate(value):
            for operator, changed in _changed(item, scope):
                yield operator, (*value[:position], changed, *value[position + 1 :])


def _here(node: Node, scope: Scope) -> Iterator[tuple[str, Node]]:
    """The changes of the node itself that keep its shape."""
    before = shape(node, scope)
    for kind, changes in _CHANGES:
        if isinstance(node, kind):
            for operator, changed in changes(node, scope):
                if shape(changed, scope) == before:
                    yield operator, changed


# ---------------------------------------------------------------- the operators


def _without(items: tuple[Node, ...], position: int, join: Callable[[tuple[Node, ...]], Node]) -> Node:
    rest = items[:position] + items[position + 1 :]
    return rest[0] if len(rest) == 1 else join(rest)


def _opposite(node: Node) -> Node:
    return node.operand if isinstance(node, Negate) else Negate(node)


def _sum(node: Add, scope: Scope) -> Iterator[tuple[str, Node]]:
    for i, term in enumerate(node.terms):
        yield "SIGN", Add((*node.terms[:i], _opposite(term), *node.terms[i + 1 :]))
        yield "DROP-TERM", _without(node.terms, i, Add)


def _negative(node: Negate, scope: Scope) -> Iterator[tuple[str, Node]]:
    yield "SIGN", node.operand


def _product(node: Multiply, scope: Scope) -> Iterator[tuple[str, Node]]:
    for i in range(len(node.factors)):
        yield "DROP-FACTOR", _without(node.factors, i, Multiply)


def _dot_product(node: DotProduct, scope: Scope) -> Iterator[tuple[str, Node]]:
    yield "DROP-FACTOR", node.right
    yield "DROP-FACTOR", node.left


def _number(node: Number, scope: Scope) -> Iterator[tuple[str, Node]]:
    """The last digit one up and one down, as long as the number stays positive."""
    whole, _, fraction = node.text.partition(".")
    places, units = len(fraction), int(whole + fraction)
    for changed in (units + 1, units - 1):
        if changed > 0:
            digits = str(changed).zfill(places + 1)
            yield "NUMBER", Number(f"{digits[:-places]}.{digits[-places:]}" if places else digits)


def _constant(node: Constant, scope: Scope) -> Iterator[tuple[str, Node]]:
    if node.name == "dimension":
        yield "NUMBER", Add((node, Number("1")))
        yield "NUMBER", Number("1")


def _fraction(node: Divide, scope: Scope) -> Iterator[tuple[str, Node]]:
    if not (isinstance(node.numerator, Number) and isinstance(node.denominator, Number)):
        yield "INVERT", Divide(node.denominator, node.numerator)


def _power(node: Power, scope: Scope) -> Iterator[tuple[str, Node]]:
    yield "DROP-POWER", node.base


def _root(node: Root, scope: Scope) -> Iterator[tuple[str, Node]]:
    yield "DROP-SQRT", node.radicand


def _function(node: Function, scope: Scope) -> Iterator[tuple[str, Node]]:
    if node.name == "exp":
        yield "SIGN", Function("exp", _opposite(node.argument))


def _name(node: Name, scope: Scope) -> Iterator[tuple[str, Node]]:
    own = scope.get(node.key)
    if own is None:
        return
    if shape(node, scope) == SCALAR and own.kind in ("variable", "random"):
        yield "SQUARE", Power(node, Number("2"))
    for other in scope:
        if _kin(own, other):
            yield "RENAME", Name(other.key)


def _call(node: Call, scope: Scope) -> Iterator[tuple[str, Node]]:
    if node.index is not None:
        yield "INDEX", dataclasses.replace(node, index=_neighbour(node.index))
    own = scope.get(node.key)
    for other in scope:
        if own is not None and _kin(own, other):
            yield "RENAME", dataclasses.replace(node, key=other.key)


def _neighbour(index: Node) -> Node:
    """t becomes t-1 and t-1 becomes t."""
    if isinstance(index, Add) and len(index.terms) == 2 and isinstance(index.terms[0], Name):
        return index.terms[0]
    return Add((index, Negate(Number("1"))))


def _kin(own: Declaration, other: Declaration) -> bool:
    """Might a writer take one name for the other? Same kind, value and arguments."""
    return (
        own.key != other.key
        and not other.key.startswith("__")
        and not own.signatures and not other.signatures
        and (own.kind, own.value, own.family) == (other.kind, other.value, other.family)
        and own.parameters == other.parameters
        and own.key.endswith("_{.}") == other.key.endswith("_{.}")
    )  # fmt: skip


def _derivative(node: Dotted | Primed, scope: Scope) -> Iterator[tuple[str, Node]]:
    yield "DERIV", node.call
    if isinstance(node, Primed) or node.order < 2:
        yield "DERIV", dataclasses.replace(node, order=node.order + 1)


def _divergence(node: KullbackLeibler, scope: Scope) -> Iterator[tuple[str, Node]]:
    """Swapped, but for two Gaussians of one covariance: their divergence is symmetric."""
    first, second = node.first, node.second
    if not (isinstance(first, Gaussian) and isinstance(second, Gaussian) and first.covariance == second.covariance):
        yield "SWAP", KullbackLeibler(second, first)


# ---------------------------------------------------------------- shapes


SCALAR, VECTOR, ROW, MATRIX, LAW = "scalar", "vector", "row", "matrix", "law"


def shape(node: Node, scope: Scope) -> str:
    """SCALAR, VECTOR, ROW (a transposed vector), MATRIX, LAW, or "" for a formula of no shape."""
    if isinstance(node, (Name, Call)):
        own = scope.get(node.key)
        if own is None or own.value != SCALAR or own.definition is None:
            return SCALAR if own is None else own.value
        return shape(own.definition, scope)
    if isinstance(node, (Diagonal, Identity, Hessian)):
        return MATRIX
    if isinstance(node, Add):
        shapes = {shape(term, scope) for term in node.terms if term != Number("0")}
        return shapes.pop() if len(shapes) == 1 else ""
    if isinstance(node, (Multiply, DotProduct)):
        factors = node.factors if isinstance(node, Multiply) else (node.left, node.right)
        shapes_in_order = [shape(factor, scope) for factor in factors]
        if isinstance(node, DotProduct) and shapes_in_order == [VECTOR, VECTOR]:
            return SCALAR
        result = SCALAR
        for each in shapes_in_order:
            result = _PRODUCTS.get((result, each), "")
        return result
    if isinstance(node, Transpose):
        inner = shape(node.operand, scope)
        return {VECTOR: ROW, ROW: VECTOR}.get(inner, inner)
    if isinstance(node, Gradient):
        variable = scope.get(node.variable or scope.space)
        if variable is None or variable.value != VECTOR:
            return shape(node.operand, scope)
        return {SCALAR: VECTOR, VECTOR: MATRIX}.get(shape(node.operand, scope), "")
    if isinstance(node, Gaussian) and node.point is None:
        return LAW
    if isinstance(node, Power):
        return shape(node.base, scope) if shape(node.exponent, scope) == SCALAR else ""
    if isinstance(node, Root):
        return shape(node.radicand, scope) if shape(node.radicand, scope) in (SCALAR, MATRIX) else ""
    if isinstance(node, Divide):
        return shape(node.numerator, scope) if shape(node.denominator, scope) == SCALAR else ""
    kept = _KEEPS_SHAPE.get(type(node))
    return shape(getattr(node, kept), scope) if kept is not None else SCALAR


_KEEPS_SHAPE: dict[type[Node], str] = {
    Negate: "operand", Derivative: "operand", Dotted: "call", Primed: "call", Integral: "integrand",
    Summation: "body", Moment: "body",
}  # fmt: skip
_PRODUCTS = {
    (SCALAR, SCALAR): SCALAR, (SCALAR, VECTOR): VECTOR, (VECTOR, SCALAR): VECTOR, (SCALAR, ROW): ROW,
    (ROW, SCALAR): ROW, (SCALAR, MATRIX): MATRIX, (MATRIX, SCALAR): MATRIX, (ROW, VECTOR): SCALAR,
    (VECTOR, ROW): MATRIX, (MATRIX, VECTOR): VECTOR, (ROW, MATRIX): ROW, (MATRIX, MATRIX): MATRIX,
}  # fmt: skip


_CHANGES: tuple[tuple[type[Node] | tuple[type[Node], ...], Callable[..., Iterator[tuple[str, Node]]]], ...] = (
    (Add, _sum), (Negate, _negative), (Multiply, _product), (DotProduct, _dot_product), (Number, _number),
    (Divide, _fraction), (Power, _power), (Root, _root), (Function, _function), (Name, _name), (Call, _call),
    ((Dotted, Primed), _derivative), (KullbackLeibler, _divergence),
    (Constant, _constant),
)  # fmt: skip
