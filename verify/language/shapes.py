r"""Shapes as declarations say them: `vector`, `symmetric matrix`, and whether a covariance is a matrix."""

from __future__ import annotations

from verify.language.errors import LanguageError
from verify.language.lines import domain_of
from verify.language.scope import DEFINITE, GENERAL, REAL, SEMIDEFINITE, SYMMETRIC, Scope
from verify.language.tree import Absolute, Call, Determinant, Identity, Inner, Name, Node, Norm, Number, Trace

_STRUCTURES = {"definite": DEFINITE, "semidefinite": SEMIDEFINITE, "symmetric": SYMMETRIC}
_NUMBERS = Absolute | Determinant | Inner | Norm | Number | Trace  # a number, whatever stands inside


def declared_shape(words: list[str], where: tuple[int, int]) -> tuple[str, str]:
    """(value, structure) that the kinds of a declaration name, e.g. ("matrix", "symmetric").

    Raises LanguageError where the words do not fit together.
    """
    structures = [word for word in words if word in _STRUCTURES]
    if "matrix" not in words or {"random", "vector"} <= set(words):  # "random vector with ... covariance matrix"
        if structures:
            raise LanguageError(f"only a matrix can be {structures[0]}", where, f"write {structures[0]} matrix")
        return ("vector" if "vector" in words else "scalar"), GENERAL
    for word in ("random", "rademacher", "density", "wiener", "vector"):
        if word in words:
            raise LanguageError(f"a {word} matrix is not read", where)
    if domain_of(words) != REAL:
        raise LanguageError(
            "is the matrix positive definite, or is every entry positive?", where, "write positive definite matrix"
        )
    found = [_STRUCTURES[word] for word in structures]
    return "matrix", next((kind for kind in (DEFINITE, SEMIDEFINITE, SYMMETRIC) if kind in found), GENERAL)


def is_matrix(node: Node, scope: Scope) -> bool:
    """Does a formula for a variance or covariance hold a matrix outside traces, determinants and norms?"""
    if isinstance(node, Identity):
        return True
    if isinstance(node, Name | Call):
        declaration = scope.get(node.key)
        if declaration is None or declaration.value == "matrix":
            return declaration is not None
        return declaration.definition is not None and is_matrix(declaration.definition, scope)
    return not isinstance(node, _NUMBERS) and any(is_matrix(child, scope) for child in node.children())
