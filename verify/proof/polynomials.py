"""Polynomials with rational coefficients: python-flint when it is there, SymPy's pure Python rings otherwise.

Both back-ends have one interface and give identical answers: terms come in lexicographic order,
factors are primitive over the integers, have a positive leading coefficient and are sorted. So a
verdict and its certificate do not depend on which one is installed. `VERIFY_NO_FLINT=1` turns
python-flint off.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from fractions import Fraction
from functools import cache
from typing import Any, Protocol

Exponents = tuple[int, ...]
Polynomial = Any  # an element of one of the two rings; supports +, -, *, ** and truth
Key = tuple[tuple[Exponents, Fraction], ...]


class Ring(Protocol):
    """What the algebra needs of Q[g0, ..., g(n-1)]."""

    size: int

    def constant(self, value: Fraction) -> Polynomial: ...
    def generator(self, index: int) -> Polynomial: ...
    def terms(self, p: Polynomial) -> list[tuple[Exponents, Fraction]]: ...
    def from_terms(self, terms: Mapping[Exponents, Fraction]) -> Polynomial: ...
    def length(self, p: Polynomial) -> int: ...
    def degree(self, p: Polynomial, index: int) -> int: ...
    def used(self, p: Polynomial) -> list[int]: ...
    def factor(self, p: Polynomial) -> tuple[Fraction, list[tuple[Polynomial, int]]]: ...
    def divide(self, p: Polynomial, divisor: Polynomial) -> Polynomial | None: ...
    def key(self, p: Polynomial) -> Key: ...
    def primitive(self, p: Polynomial) -> tuple[Fraction, Polynomial]: ...


class _Canonical:
    """The parts of a ring that both back-ends share: keys, and the normal form of a factor list."""

    def key(self: Any, p: Polynomial) -> Key:
        """A hashable value that identifies the polynomial within its ring."""
        return tuple(self.terms(p))

    def primitive(self: Any, p: Polynomial) -> tuple[Fraction, Polynomial]:
        """(u, f) with p = u f, f primitive over the integers with a positive leading coefficient."""
        terms = self.terms(p)
        coefficients = [c for _, c in terms]
        unit = Fraction(math.gcd(*(c.numerator for c in coefficients)),
                        math.lcm(*(c.denominator for c in coefficients)))
        if coefficients[0] < 0:
            unit = -unit
        if unit == 1:
            return unit, p
        return unit, self.from_terms({e: c / unit for e, c in terms})

    def _canonical(
        self: Any, content: Fraction, factors: Iterable[tuple[Polynomial, int]]
    ) -> tuple[Fraction, list[tuple[Polynomial, int]]]:
        found = []
        for p, exponent in factors:
            unit, f = self.primitive(p)
            content *= unit**exponent
            found.append((f, exponent))
        found.sort(key=lambda item: (self.length(item[0]), self.key(item[0])))
        return content, found


class FlintRing(_Canonical):
    """fmpq_mpoly of python-flint."""

    def __init__(self, size: int) -> None:
        import flint

        self.size = size
        self._rational = flint.fmpq
        self._context = flint.fmpq_mpoly_ctx.get([f"g{i}" for i in range(size)], flint.Ordering.lex)
        self._generators = self._context.gens()

    def constant(self, value: Fraction) -> Polynomial:
        return self._context.constant(self._rational(value.numerator, value.denominator))

    def generator(self, index: int) -> Polynomial:
        return self._generators[index]

    def terms(self, p: Polynomial) -> list[tuple[Exponents, Fraction]]:
        """(exponents, coefficient), leading term first."""
        return [(tuple(map(int, e)), Fraction(int(c.p), int(c.q))) for e, c in p.terms()]

    def from_terms(self, terms: Mapping[Exponents, Fraction]) -> Polynomial:
        return self._context.from_dict(
            {e: self._rational(c.numerator, c.denominator) for e, c in terms.items() if c}
        )

    def length(self, p: Polynomial) -> int:
        return len(p)

    def degree(self, p: Polynomial, index: int) -> int:
        return int(p.degrees()[index]) if p else 0

    def used(self, p: Polynomial) -> list[int]:
        """Numbers of the generators that occur."""
        return [i for i, degree in enumerate(p.degrees()) if degree] if p else []

    def factor(self, p: Polynomial) -> tuple[Fraction, list[tuple[Polynomial, int]]]:
        """(rational content, irreducible factors with exponents), in canonical form."""
        content, factors = p.factor()
        return self._canonical(Fraction(int(content.p), int(content.q)), [(f, int(e)) for f, e in factors])

    def divide(self, p: Polynomial, divisor: Polynomial) -> Polynomial | None:
        """p / divisor when that is a polynomial."""
        quotient, rest = divmod(p, divisor)
        return None if rest else quotient


class SympyRing(_Canonical):
    """The sparse polynomials of `sympy.polys.rings`, in pure Python."""

    def __init__(self, size: int) -> None:
        from sympy import QQ
        from sympy.polys.orderings import lex
        from sympy.polys.rings import ring

        self.size = size
        self._field = QQ
        self._ring, *self._generators = ring([f"g{i}" for i in range(size)], QQ, lex)

    def constant(self, value: Fraction) -> Polynomial:
        return self._ring.ground_new(self._field(value.numerator, value.denominator))

    def generator(self, index: int) -> Polynomial:
        return self._generators[index]

    def terms(self, p: Polynomial) -> list[tuple[Exponents, Fraction]]:
        """(exponents, coefficient), leading term first."""
        if not p:
            return []
        return [(e, Fraction(int(c.numerator), int(c.denominator))) for e, c in p.terms()]

    def from_terms(self, terms: Mapping[Exponents, Fraction]) -> Polynomial:
        return self._ring.from_dict(
            {e: self._field(c.numerator, c.denominator) for e, c in terms.items() if c}
        )

    def length(self, p: Polynomial) -> int:
        return len(p)

    def degree(self, p: Polynomial, index: int) -> int:
        return max((e[index] for e in p), default=0)

    def used(self, p: Polynomial) -> list[int]:
        """Numbers of the generators that occur."""
        return [i for i in range(self.size) if any(e[i] for e in p)]

    def factor(self, p: Polynomial) -> tuple[Fraction, list[tuple[Polynomial, int]]]:
        """(rational content, irreducible factors with exponents), in canonical form."""
        content, factors = p.factor_list()
        return self._canonical(
            Fraction(int(content.numerator), int(content.denominator)), [(f, int(e)) for f, e in factors]
        )

    def divide(self, p: Polynomial, divisor: Polynomial) -> Polynomial | None:
        """p / divisor when that is a polynomial."""
        quotient, rest = p.div(divisor)
        return None if rest else quotient


@cache
def flint_available() -> bool:
    """Whether python-flint is installed and not turned off by VERIFY_NO_FLINT=1."""
    if os.environ.get("VERIFY_NO_FLINT") == "1":
        return False
    try:
        import flint  # noqa: F401
    except ImportError:
        return False
    return True


@cache
def new_ring(size: int, pure: bool = False) -> Ring:
    """A ring with `size` generators; `pure` forces the pure Python back-end."""
    return FlintRing(size) if flint_available() and not pure else SympyRing(size)
