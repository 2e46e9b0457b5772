"""Integrals, sums and products: canonical bound variables, linearity, and what is known of the value."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import sympy as sp

from verify.language.scope import INDEX, INTEGER, NONNEGATIVE, POSITIVE, REAL, UNIT
from verify.meaning.facts import Facts
from verify.proof.algebra import COMPLEX, ONE_SIDED, Algebra, Quotient, Undecidable
from verify.proof.polynomials import Polynomial
from verify.proof.signs import sign, sign_of_quotient

OPERATORS = (sp.Integral, sp.Sum, sp.Product)
Translate = Callable[[sp.Expr], Quotient]


# ---------------------------------------------------------------- bound variables


def rename_bound(expression: sp.Expr, facts: Facts, domains: dict[sp.Symbol, str]) -> sp.Expr:
    """Name bound variables by nesting depth, with the domain that the *limits* give them.

    Only operators that contain the variable count for its depth, so that a constant factor has the
    same name inside and outside of a sum. A declared domain is not used: an integral over the whole
    line takes negative values too. `domains` receives the domains of the new symbols.
    """
    known: dict[sp.Basic, sp.Basic] = {}
    depths: dict[sp.Symbol, int] = {}

    def visit(e: sp.Basic) -> sp.Basic:
        if not e.args or not e.has(*OPERATORS):
            return e
        if e not in known:
            known[e] = renamed(e) if isinstance(e, OPERATORS) else e.func(*(visit(a) for a in e.args))
        return known[e]

    def renamed(e: sp.Expr) -> sp.Expr:
        body, depth = visit(e.function), 0
        limits: list[tuple[Any, ...]] = []
        for limit in e.limits:
            if len(limit) != 3:
                raise Undecidable("an integral or sum without limits")
            variable, *ends = limit
            inner = [o for o in body.atoms(*OPERATORS) if variable in o.free_symbols]
            depth = 1 + max([depth, *(depths[v] for o in inner for v, *_ in o.limits)])
            domain = _bound_domain(e, ends, facts)
            new = sp.Symbol(f"bound {depth} {domain}", real=True)
            domains[new], depths[new] = domain, depth
            body = body.xreplace({variable: new})
            limits = [tuple(part.xreplace({variable: new}) for part in old) for old in limits]
            limits.append((new, *(visit(end) for end in ends)))
        return e.func(body, *limits)

    return visit(expression)


def _bound_domain(operator: sp.Expr, ends: list[sp.Expr], facts: Facts) -> str:
    lower, upper = ends
    if not isinstance(operator, sp.Integral):
        if lower.is_Integer and lower >= 1 or facts.domain(lower) == INDEX:
            return INDEX
        return INTEGER
    if lower == 0 and upper == 1:
        return UNIT
    above = upper is sp.oo or facts.domain(upper) in ONE_SIDED or (upper.is_Rational and upper >= 0)
    below = facts.domain(lower) in ONE_SIDED or (lower.is_Rational and lower >= 0)
    return POSITIVE if above and below else REAL


# ---------------------------------------------------------------- linear operators


def linear_operator(algebra: Algebra, translate: Translate, e: sp.Expr) -> Quotient:
    """An integral or a sum, innermost limit first, split over the monomials of its body."""
    body = translate(e.function)
    for limit in e.limits:
        body = _one_limit(algebra, translate, body, limit, type(e))
    return body


def _one_limit(
    algebra: Algebra, translate: Translate, body: Quotient, limit: sp.Tuple, operator: type
) -> Quotient:
    variable, lower, upper = limit
    ring = algebra.ring
    body = algebra.reduce(body)
    dependent = {i for i, g in enumerate(algebra.generators) if variable in g.symbols}

    def depends(p: Polynomial) -> bool:
        return any(i in dependent for i in algebra.used(p))

    numerator, outside, inside, shift = body.numerator, {}, {}, {}
    for key, (p, exponent) in body.denominators.items():
        if not depends(p):
            outside[key] = (p, exponent)
            continue
        terms = ring.terms(p)
        if len(terms) == 1 and sum(terms[0][0]) == 1:  # one generator: a negative power of it
            shift[terms[0][0].index(1)] = exponent
            continue
        while exponent and (quotient := ring.divide(numerator, p)) is not None:
            numerator, exponent = quotient, exponent - 1
        if exponent:
            inside[key] = (p, exponent)
    classes: dict[tuple[int, ...], dict[Any, Any]] = {}
    for exponents, c in ring.terms(numerator):
        within = tuple(k - shift.get(i, 0) if i in dependent else 0 for i, k in enumerate(exponents))
        rest = tuple(0 if i in dependent else k for i, k in enumerate(exponents))
        group = classes.setdefault(within, {})
        group[rest] = group.get(rest, Fraction(0)) + c
    ends = () if lower.is_infinite and upper.is_infinite else tuple(
        _limit_key(algebra, translate, end) for end in (lower, upper)
    )
    if operator is sp.Integral and ends and ends[0] == ends[1]:
        return algebra.constant(0)  # over no length at all
    if len(classes) > 1 and operator is sp.Integral:
        algebra.assume("each term of a split integral converges")
    total = algebra.constant(0)
    for within, group in classes.items():
        factor = Quotient(ring.from_terms(group), outside)
        part = Quotient(ring.constant(Fraction(1)), inside)
        for i, k in enumerate(within):
            if k:
                part = algebra.multiply(part, _plain_power(algebra, i, k))
        value = _constant_body(algebra, translate, part, within, limit, operator)
        if value is None:
            value = _atom(algebra, translate, part, limit, operator, ends)
        total = algebra.add(total, algebra.multiply(factor, value))
    return total


def _plain_power(algebra: Algebra, i: int, k: int) -> Quotient:
    g = algebra.ring.generator(i)
    if k > 0:
        return Quotient(g**k)
    return Quotient(algebra.ring.constant(Fraction(1)), {algebra.ring.key(g): (g, -k)})


def _limit_key(algebra: Algebra, translate: Translate, end: sp.Expr) -> tuple[Any, ...]:
    return (str(end),) if end.is_infinite else algebra.identity(translate(end))


def _constant_body(
    algebra: Algebra, translate: Translate, part: Quotient, within: tuple[int, ...], limit: sp.Tuple,
    operator: type,
) -> Quotient | None:
    """The sum or integral of 1, when its length is certain."""
    if any(within) or part.denominators:
        return None
    _, lower, upper = limit
    if lower.is_infinite or upper.is_infinite:
        return None
    length = translate(upper - lower + (1 if issubclass(operator, sp.Sum) else 0))
    if issubclass(operator, sp.Sum) and sign_of_quotient(algebra, length).value <= 0:
        return None
    return length


def _atom(
    algebra: Algebra, translate: Translate, part: Quotient, limit: sp.Tuple, operator: type, ends: tuple[Any, ...]
) -> Quotient:
    """The generator of one indecomposable integral or sum."""
    variable, lower, upper = limit
    symbols = (algebra.symbols(part) | lower.free_symbols | upper.free_symbols) - {variable}
    body = sign_of_quotient(algebra, part) if algebra.is_real(part) else None
    domain = COMPLEX if body is None else REAL
    if body is not None and body.value > 0:
        length = _length_sign(algebra, translate, lower, upper, operator)
        if length is not None:
            domain = POSITIVE if length and body.strict else NONNEGATIVE
    return algebra.generator(
        ("Sum" if issubclass(operator, sp.Sum) else "Integral", algebra.identity(part), variable.name, ends),
        kind="operator", domain=domain, symbols=symbols,
        build=lambda: operator(algebra.expression(part), limit),
    )


def _length_sign(
    algebra: Algebra, translate: Translate, lower: sp.Expr, upper: sp.Expr, operator: type
) -> bool | None:
    """True when the range is certainly not empty, False when it may be, None when it may be reversed."""
    if upper is sp.oo or lower is -sp.oo:
        return True
    found = sign_of_quotient(algebra, translate(upper - lower + (0 if operator is sp.Integral else 1)))
    return None if found.value <= 0 else found.strict


def product(algebra: Algebra, translate: Translate, e: sp.Product) -> Quotient:
    """A product over a symbolic range, split over the factors of its body."""
    if len(e.limits) != 1:
        raise Undecidable("a product over several indices")
    ((variable, lower, upper),) = e.limits
    content, factors = algebra.factored(algebra.reduce(translate(e.function)))
    ends = tuple(_limit_key(algebra, translate, end) for end in (lower, upper))
    filled = _length_sign(algebra, translate, lower, upper, sp.Product)
    result = algebra.constant(1)
    if content != 1:
        result = _product_atom(algebra, algebra.constant(content), e, ends, filled)
    for f, exponent in factors:
        positive = sign(algebra, f).value >= 0
        atom = _product_atom(algebra, Quotient(f if positive else -f), e, ends, filled)
        if not positive:
            sign_part = _product_atom(algebra, algebra.constant(-1), e, ends, filled)
            atom = algebra.multiply(atom, sign_part)
        result = algebra.multiply(result, algebra.power(atom, exponent))
    return result


def _product_atom(
    algebra: Algebra, body: Quotient, e: sp.Product, ends: tuple[Any, ...], filled: bool | None
) -> Quotient:
    variable, lower, upper = e.limits[0]
    found = sign_of_quotient(algebra, body)
    domain = REAL if algebra.is_real(body) else COMPLEX
    if found.value > 0 and filled is not None:
        domain = POSITIVE if found.strict else NONNEGATIVE
        used = algebra.used(body.numerator)
        single = len(used) == 1 and body.numerator == algebra.ring.generator(used[0])
        if filled and single and algebra.generators[used[0]].domain == UNIT:
            domain = UNIT
    symbols = (algebra.symbols(body) | lower.free_symbols | upper.free_symbols) - {variable}
    return algebra.generator(
        ("Product", algebra.identity(body), variable.name, ends), kind="operator", domain=domain,
        symbols=symbols, build=lambda: e.func(algebra.expression(body), e.limits[0]),
    )
