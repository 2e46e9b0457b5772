"""Vectors and matrices of the reading in symbolic d, as immutable sums over named vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sympy as sp

ONE = sp.Integer(1)


@dataclass(frozen=True)
class Atom:
    """A named vector, or a vector function at canonical arguments with its derivative orders."""

    name: str
    arguments: tuple[Any, ...] = ()  # sp.Expr or GramVector
    orders: tuple[int, ...] = ()

    @property
    def label(self) -> str:
        """Readable; atoms are ordered by it."""
        if not self.arguments:
            return self.name
        marks = "".join(f"^{order}" for order in self.orders if any(self.orders))
        return f"{self.name}{marks}({', '.join(map(str, self.arguments))})"

    def __str__(self) -> str:
        return self.label


@dataclass(frozen=True)
class GramVector:
    """Atoms with nonzero coefficients, in the order of their labels."""

    terms: tuple[tuple[Atom, sp.Expr], ...] = ()

    @staticmethod
    def of(coefficients: Mapping[Atom, sp.Expr]) -> GramVector:
        """From a dictionary; zero coefficients are left out."""
        kept = [(atom, c) for atom, c in coefficients.items() if c != 0]
        return GramVector(tuple(sorted(kept, key=lambda term: term[0].label)))

    def __str__(self) -> str:
        return " + ".join(f"({c})*{atom}" for atom, c in self.terms) or "0"


@dataclass(frozen=True)
class GramMatrix:
    """`scale I + sum c u v^T` over pairs of atoms (u, v)."""

    scale: sp.Expr
    outer: tuple[tuple[tuple[Atom, Atom], sp.Expr], ...] = field(default=())

    @staticmethod
    def of(scale: sp.Expr, coefficients: Mapping[tuple[Atom, Atom], sp.Expr]) -> GramMatrix:
        """From a dictionary; zero coefficients are left out."""
        kept = [(pair, c) for pair, c in coefficients.items() if c != 0]
        return GramMatrix(scale, tuple(sorted(kept, key=lambda term: (term[0][0].label, term[0][1].label))))


def single(atom: Atom, coefficient: sp.Expr = ONE) -> GramVector:
    """One atom with a coefficient."""
    return GramVector(((atom, coefficient),)) if coefficient != 0 else GramVector()


def added(left: Sequence[tuple[Any, sp.Expr]], right: Sequence[tuple[Any, sp.Expr]]) -> dict[Any, sp.Expr]:
    """Two sums over the same kind of keys added term by term."""
    total = dict(left)
    for key, c in right:
        total[key] = total.get(key, sp.Integer(0)) + c
    return total
