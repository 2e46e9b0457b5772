"""Rational powers, logarithms and absolute values, opened only where the branch is certain."""

from __future__ import annotations

from fractions import Fraction

import sympy as sp

from verify.language.scope import NONNEGATIVE, POSITIVE, REAL
from verify.proof.algebra import COMPLEX, Algebra, Quotient, Undecidable
from verify.proof.polynomials import Polynomial
from verify.proof.signs import sign

Factors = list[tuple[Polynomial, int]]
MAX_PRIME = 10**6
OPAQUE_ROOT = "a principal root of a quantity of undecided sign is kept as it stands"
OPAQUE_LOG = "a logarithm of a quantity of undecided sign is kept as it stands"


def _sorted_by_sign(algebra: Algebra, a: Quotient) -> tuple[Fraction, Factors, Factors]:
    """(content, factors that are never negative, the others); a = content * all of them.

    An even power of a real factor f of undecided sign goes over to |f|.
    """
    content, factors = algebra.factored(algebra.reduce(a))
    certain: Factors = []
    others: Factors = []
    for f, exponent in factors:
        value = sign(algebra, f).value
        if value < 0 and exponent % 2:
            content = -content
        if value:
            certain.append((f if value > 0 else -f, exponent))
            continue
        even = exponent - exponent % 2
        if even and algebra.is_real(Quotient(f)):
            certain.append((absolute_of_factor(algebra, f).numerator, even))
            exponent -= even
        if exponent:
            others.append((f, exponent))
    return content, certain, others


def rational_power(algebra: Algebra, a: Quotient, exponent: Fraction, positive: bool = False) -> Quotient:
    """a**exponent on the principal branch; `positive` says that a is declared positive."""
    top, degree = exponent.numerator, exponent.denominator
    if degree == 1:
        return algebra.power(a, top)
    a = algebra.reduce(a)
    if not a.numerator:
        if top < 0:
            raise Undecidable("a denominator is identically zero")
        return algebra.constant(0)
    content, certain, others = _sorted_by_sign(algebra, a)
    result = algebra.constant(1)
    for f, e in certain:
        result = algebra.multiply(result, algebra.power(Quotient(f), (e * top) // degree))
        rest = (e * top) % degree
        if rest:
            result = algebra.multiply(result, algebra.power(_root(algebra, f, degree), rest))
    for prime, e in _primes(abs(content)):
        result = algebra.multiply(result, algebra.constant(Fraction(prime) ** ((e * top) // degree)))
        rest = (e * top) % degree
        if rest:
            root = _root(algebra, algebra.ring.constant(Fraction(prime)), degree)
            result = algebra.multiply(result, algebra.power(root, rest))
    if content > 0 and not others:
        return result
    if degree == 2 and not others:
        return algebra.multiply(result, algebra.power(imaginary_unit(algebra), top))
    opaque = _opaque_root(algebra, -1 if content < 0 else 1, others, degree, positive)
    return algebra.multiply(result, algebra.power(opaque, top))


def _root(algebra: Algebra, f: Polynomial, degree: int) -> Quotient:
    """The real root of a polynomial that is never negative, as a power of the common finest root."""
    if algebra.root_degree > degree and algebra.root_degree % degree == 0:
        return algebra.power(_root(algebra, f, algebra.root_degree), algebra.root_degree // degree)
    base, key = Quotient(f), ("root", degree, algebra.ring.key(f))
    found = sign(algebra, f)
    result = algebra.generator(
        key, kind="root", domain=POSITIVE if found.strict else NONNEGATIVE, argument=base, degree=degree,
        build=lambda: algebra.expression(base) ** sp.Rational(1, degree), symbols=algebra.symbols(base),
    )
    algebra.relate(key, degree, base)
    return result


def _opaque_root(algebra: Algebra, unit: int, others: Factors, degree: int, positive: bool) -> Quotient:
    base = algebra.from_factors(Fraction(unit), others)
    parts = tuple((algebra.ring.key(f), e) for f, e in others)
    key = ("opaque root", degree, unit, parts)
    odd = tuple(algebra.ring.key(f) for f, e in others if e % 2)
    known = positive or algebra.assumed.get(odd) == unit
    result = algebra.generator(
        key, kind="root", domain=POSITIVE if known else COMPLEX, argument=base, degree=degree,
        build=lambda: algebra.expression(base) ** sp.Rational(1, degree), symbols=algebra.symbols(base),
    )
    algebra.relate(key, degree, base)
    if algebra.generators[algebra.index[key]].domain == COMPLEX:
        algebra.assume(OPAQUE_ROOT)
    return result


def imaginary_unit(algebra: Algebra) -> Quotient:
    """i, with i**2 = -1."""
    result = algebra.generator(
        ("i",), kind="constant", domain=COMPLEX, build=lambda: sp.I, symbols=frozenset()
    )
    algebra.relate(("i",), 2, algebra.constant(-1))
    return result


def logarithm(algebra: Algebra, a: Quotient) -> Quotient:
    """log a: a sum over the factors that are never negative, opaque for the rest."""
    content, certain, others = _sorted_by_sign(algebra, a)
    terms = [
        algebra.multiply(algebra.constant(e), _log_of_factor(algebra, f)) for f, e in certain
    ]
    for prime, e in _primes(abs(content)):
        p = algebra.ring.constant(Fraction(prime))
        terms.append(algebra.multiply(algebra.constant(e), _log_generator(algebra, Quotient(p), True)))
    if content < 0 or others:
        rest = algebra.from_factors(Fraction(-1 if content < 0 else 1), others)
        odd = tuple(algebra.ring.key(f) for f, e in others if e % 2)
        known = bool(others) and algebra.assumed.get(odd) == (1 if content > 0 else -1)
        terms.append(_log_generator(algebra, rest, known))
        if not known:
            algebra.assume(OPAQUE_LOG)
    return algebra.total(terms)


def _log_of_factor(algebra: Algebra, f: Polynomial) -> Quotient:
    """log of one factor; logs of single roots and exponentials are opened."""
    terms = algebra.ring.terms(f)
    if len(terms) == 1 and terms[0][1] == 1 and sum(terms[0][0]) == 1:
        generator = algebra.generators[terms[0][0].index(1)]
        argument = generator.argument
        if argument is not None and generator.kind == "root":
            return algebra.multiply(
                algebra.constant(Fraction(1, generator.degree)), logarithm(algebra, argument)
            )
        if argument is not None and generator.kind == "exponential":
            return argument
    return _log_generator(algebra, Quotient(f), True)


def _log_generator(algebra: Algebra, argument: Quotient, real: bool) -> Quotient:
    key = ("log", algebra.identity(argument))
    return algebra.generator(
        key, kind="logarithm", domain=REAL if real else COMPLEX, argument=argument,
        build=lambda: sp.log(algebra.expression(argument)), symbols=algebra.symbols(argument),
    )


def absolute(algebra: Algebra, a: Quotient) -> Quotient:
    """|a| as a product over the factors of a."""
    a = algebra.reduce(a)
    if not a.numerator:
        return algebra.constant(0)
    content, factors = algebra.factored(a)
    result = algebra.constant(abs(content))
    for f, exponent in factors:
        result = algebra.multiply(result, algebra.power(absolute_of_factor(algebra, f), exponent))
    return result


def absolute_of_factor(algebra: Algebra, f: Polynomial) -> Quotient:
    """f or -f when the sign is certain, else a generator with |f|**2 = f**2."""
    found = sign(algebra, f)
    if found.value:
        return Quotient(f if found.value > 0 else -f)
    if not algebra.is_real(Quotient(f)):
        raise Undecidable("the absolute value of a quantity that may be complex")
    base, key = Quotient(f), ("absolute", algebra.ring.key(f))
    result = algebra.generator(
        key, kind="absolute", domain=NONNEGATIVE, build=lambda: sp.Abs(algebra.expression(base)),
        symbols=algebra.symbols(base),
    )
    algebra.relate(key, 2, algebra.multiply(base, base))
    return result


def _primes(content: Fraction) -> list[tuple[int, int]]:
    """Prime factors with exponents; what is left of a large number counts as one prime."""
    found = []
    for number, direction in ((content.numerator, 1), (content.denominator, -1)):
        factors = sp.factorint(number, limit=MAX_PRIME)
        found += [(int(prime), direction * int(e)) for prime, e in sorted(factors.items())]
    return [(prime, e) for prime, e in found if prime != 1]
