"""Names of the page become SymPy symbols and functions: one to one, and safe to print.

A key such as `\\bar{\\alpha}_{t-1}` becomes the readable name `bar_alpha_tm1`; a second key that
would read the same gets a number. Bound variables of integrals and sums are named by their depth
(`_1`, `_2`, ...), so that two integrals that differ in the name of the variable are one expression.
User names never begin with an underscore.
"""

from __future__ import annotations

import re

import sympy as sp
from sympy.core.function import UndefinedFunction

from verify.language.scope import INDEX, INTEGER, NONNEGATIVE, POSITIVE, REAL, UNIT
from verify.meaning.facts import Facts

ASSUMPTIONS: dict[str, dict[str, bool]] = {
    REAL: {"real": True},
    NONNEGATIVE: {"nonnegative": True},
    POSITIVE: {"positive": True},
    UNIT: {"positive": True},  # below one is known to `Facts` only
    INTEGER: {"integer": True},
    INDEX: {"integer": True, "positive": True},
}
_DEPTH_LETTER = {REAL: "", NONNEGATIVE: "z", POSITIVE: "p", UNIT: "u", INTEGER: "i", INDEX: "n"}
_BOUND = re.compile(r"_(\d+)[zpuin]?")


def readable(key: str) -> str:
    """A plain name for a canonical key: letters, digits and underscores only."""
    text = key.replace("-", "m").replace("+", "p").replace("'", "prime").replace("|", "_given_")
    text = re.sub(r"\\(?=[A-Za-z])", " ", text)
    words = re.findall(r"[A-Za-z0-9]+", text)
    return "_".join(words) or "name"


class SymbolTable:
    """The symbols of one reading. The same key always gives the same symbol."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self._names: dict[tuple[str, str], str] = {}  # (kind, key) -> unique name
        self._taken: set[str] = set()
        self.declared: dict[str, str] = {}  # name of an undefined function -> the key that declares it
        self._temporaries = 0

    def name(self, kind: str, key: str, wanted: str | None = None) -> str:
        """The unique name of `key` among all symbols and functions; `wanted` is a first choice."""
        if (kind, key) not in self._names:
            base = wanted or readable(key)
            name, number = base, 1
            while name in self._taken:
                number += 1
                name = f"{base}_{number}"
            self._taken.add(name)
            self._names[kind, key] = name
        return self._names[kind, key]

    def symbol(self, key: str, domain: str, kind: str = "variable", wanted: str | None = None) -> sp.Symbol:
        """The symbol of a declared name."""
        symbol = sp.Symbol(self.name(kind, key, wanted), **ASSUMPTIONS[domain])
        self.facts.symbols[symbol] = domain
        return symbol

    def function(
        self, key: str, domain: str, component: int | None = None, wanted: str | None = None
    ) -> UndefinedFunction:
        """The undefined function of a declared name, or one component of a vector function."""
        if component is None:
            name = self.name("function", key, wanted)
        else:
            name = self.name("function", f"{key} component {component}", f"{readable(key)}_{component}")
        self.facts.functions[name] = domain
        self.declared[name] = key
        return sp.Function(name, **ASSUMPTIONS[domain])

    def temporary(self, domain: str) -> sp.Symbol:
        """A symbol that occurs nowhere else. It never stays in a finished value."""
        self._temporaries += 1
        symbol = sp.Symbol(f"_tmp{self._temporaries}", **ASSUMPTIONS[domain])
        self.facts.symbols[symbol] = domain
        return symbol

    def bound(self, depth: int, domain: str) -> sp.Symbol:
        """The bound variable of an operator that has `depth - 1` operators inside."""
        symbol = sp.Symbol(f"_{depth}{_DEPTH_LETTER[domain]}", **ASSUMPTIONS[domain])
        self.facts.symbols[symbol] = domain
        return symbol


def depth_of(expression: sp.Basic) -> int:
    """The largest depth of a bound variable in the expression; 0 when there is none."""
    depths = [_BOUND.fullmatch(symbol.name) for symbol in expression.atoms(sp.Symbol)]
    return max((int(match.group(1)) for match in depths if match), default=0)
