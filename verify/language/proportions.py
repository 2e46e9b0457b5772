r"""In which variable `\propto` holds: the one written under it, else the one of the density it begins with.

A chain keeps the variable of its first `\propto`. Where none is known the relation stays bare, and undecided.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from verify.language.claim import Row
from verify.language.errors import placed
from verify.language.reader import read_formula
from verify.language.scope import Scope
from verify.language.tree import Call, Gaussian, Name, Node

BARE = "propto"


def proportional_rows(
    rows: Sequence[Row], written: Sequence[tuple[str, int] | None], scope: Scope
) -> tuple[Row, ...]:
    """The rows with `propto x` for `propto` where the variable x is known. Raises LanguageError."""
    found: list[Row] = []
    known: str | None = None
    for row, variable in zip(rows, written, strict=True):
        if row.relation == BARE:
            if variable is not None:
                known = _read(variable, scope)
            elif known is None and found:
                known = _density_variable(found[-1].expression, scope)
            if known is not None:
                row = dataclasses.replace(row, relation=f"{BARE} {known}")
        found.append(row)
    return tuple(found)


def _read(variable: tuple[str, int], scope: Scope) -> str | None:
    text, at = variable
    with placed(at):
        node = read_formula(text, scope)
    return node.key if isinstance(node, Name) else None


def _density_variable(node: Node, scope: Scope) -> str | None:
    """The first argument of a density or Gaussian, when it is a name."""
    point: Node | None = None
    if isinstance(node, Gaussian):
        point = node.point
    elif isinstance(node, Call) and node.arguments:
        declared = scope.get(node.key)
        point = node.arguments[0] if declared is not None and declared.density else None
    return point.key if isinstance(point, Name) else None
