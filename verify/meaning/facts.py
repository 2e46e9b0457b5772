"""What is known about the symbols of an expression: domains, tied roots, positive quantities."""

from __future__ import annotations

from dataclasses import dataclass, field

import sympy as sp
from sympy.core.function import AppliedUndef

from verify.language.scope import REAL


@dataclass
class Facts:
    """The mathematical content of a scope, as `verify.proof` needs it.

    symbols    domain of each symbol (one of `verify.language.scope.DOMAINS`)
    functions  domain of the values of each undefined function, by its name
    roots      symbol -> (q, base): the symbol is positive and symbol**q == base
    positive   expressions that are declared positive
    """

    symbols: dict[sp.Symbol, str] = field(default_factory=dict)
    functions: dict[str, str] = field(default_factory=dict)
    roots: dict[sp.Symbol, tuple[int, sp.Expr]] = field(default_factory=dict)
    positive: list[sp.Expr] = field(default_factory=list)

    def domain(self, atom: sp.Expr) -> str:
        """Domain of a symbol or of an applied undefined function; `real` when nothing is declared."""
        if isinstance(atom, AppliedUndef):
            return self.functions.get(atom.func.__name__, REAL)
        return self.symbols.get(atom, REAL)
