r"""Which declared matrix may be taken diagonal: one symmetric matrix, in its eigenbasis, without loss of generality.

A statement of the language is about *all* vectors, matrices, functions and fields of their declared kinds.
When every construct in it means the same in every orthonormal basis, the statement about Sigma, x, f, ... is
the statement about R Sigma R^T, R x, R f(R^T .), ... for a rotation R, and R may be the one that makes Sigma
diagonal. That holds for one matrix only, and only for constructs that name no basis: those listed here. A
construct that is not listed (an entry, a diagonal part, independent signs) leaves every matrix general.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from verify.language import tree
from verify.language.scope import GENERAL, REAL, Declaration, Scope
from verify.language.tree import Call, Name, Negate, Node, Number, Power, Root

# Constructs that mean the same in every orthonormal basis.
EQUIVARIANT = frozenset({
    tree.Number, tree.Constant, tree.Identity, tree.Name, tree.Call, tree.Add, tree.Negate, tree.Multiply,
    tree.DotProduct, tree.Divide, tree.Power, tree.Root, tree.Function, tree.Extremum, tree.Absolute, tree.Norm,
    tree.Inner, tree.Transpose, tree.Trace, tree.Determinant, tree.Derivative, tree.Dotted, tree.Primed,
    tree.Gradient, tree.Divergence, tree.Laplacian, tree.Hessian, tree.Integral, tree.Summation, tree.Product,
    tree.AtPoint, tree.Differential, tree.BigO, tree.Gaussian, tree.Moment, tree.KullbackLeibler, tree.ArgMin,
})  # fmt: skip


def coordinates_in(nodes: Iterable[Node]) -> str | None:
    """The name of a construct that may depend on the basis, or None."""
    for node in nodes:
        for part in node.walk():
            if type(part) not in EQUIVARIANT:
                return type(part).__name__
    return None


def diagonal_matrix(scope: Scope, sides: Iterable[Node] = ()) -> str | None:
    """The key of the declared matrix that is taken diagonal, or None.

    The first symmetric matrix under a fractional power in the sides or in a definition, else the first
    symmetric matrix declared.
    """
    symmetric = [d.key for d in scope if _is_symmetric_name(d)]
    if not symmetric:
        return None
    trees = [*sides, *_trees_of(scope)]
    if coordinates_in(trees) is not None or any(_names_a_basis(d) for d in scope):
        return None
    return next((key for key in _under_roots(trees, scope) if key in symmetric), symmetric[0])


def _names_a_basis(declaration: Declaration) -> bool:
    """Independent signs, or a vector with a domain for its entries, are not the same in every basis."""
    return declaration.rademacher or (declaration.value != "scalar" and declaration.domain != REAL)


def _is_symmetric_name(declaration: Declaration) -> bool:
    plain = declaration.kind == "variable" and declaration.definition is None
    return plain and declaration.value == "matrix" and declaration.structure != GENERAL


def _trees_of(scope: Scope) -> Iterator[Node]:
    for d in scope:
        own = (d.definition, d.mean, d.variance, d.lower, d.upper, d.law, d.root_of[1] if d.root_of else None)
        yield from (node for node in own if node is not None)
    yield from (node for pair in (*scope.equations, *scope.instances) for node in pair)
    yield from (*scope.assumptions, *scope.boundary, *scope.sde.values(), *scope.joint.values())


def _under_roots(trees: list[Node], scope: Scope) -> Iterator[str]:
    """The names under fractional powers and roots, through definitions, in the order of writing."""
    for node in trees:
        for part in node.walk():
            if isinstance(part, Root):
                yield from _names(part.radicand, scope)
            elif isinstance(part, Power) and not _is_whole(part.exponent):
                yield from _names(part.base, scope)


def _is_whole(exponent: Node) -> bool:
    inner = exponent.operand if isinstance(exponent, Negate) else exponent
    return isinstance(inner, Number) and inner.text.isdigit()


def _names(node: Node, scope: Scope, depth: int = 8) -> Iterator[str]:
    for part in node.walk():
        if isinstance(part, Name | Call):
            yield part.key
            declaration = scope.get(part.key)
            if declaration is not None and declaration.definition is not None and depth:
                yield from _names(declaration.definition, scope, depth - 1)
