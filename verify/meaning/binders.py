"""Integrals, sums and products: operators that bind a variable.

The domain of a bound variable is what the limits prove, not what the page declares about the name.
"""

from __future__ import annotations

from collections.abc import Callable

import sympy as sp

from verify.language.scope import INDEX, INTEGER, POSITIVE, REAL
from verify.language.tree import Integral, Product, Span, Summation
from verify.meaning.algebra import SCALAR, Value
from verify.meaning.errors import MeaningError, Unsupported
from verify.meaning.evaluation import Evaluation, evaluate, scalar_or_infinite
from verify.meaning.expressions import close, depends
from verify.meaning.facts import Facts
from verify.meaning.hidden import refuse_hidden
from verify.meaning.positivity import provably_positive
from verify.meaning.sizes import expand

WRITTEN_OUT = 16  # a sum between numbers with at most this many terms is written out


class LongSum(sp.Sum):
    """A sum between numbers that is not written out. SymPy must not take it for a number: it would try floats."""

    is_number = False


class LongProduct(sp.Product):
    """A product between numbers that is not written out, kept from SymPy's floats in the same way."""

    is_number = False


def _not_negative(value: sp.Expr, reading: Evaluation) -> bool:
    return bool(value.is_nonnegative) or value is sp.oo or provably_positive(value, reading.facts)


@evaluate.register
def _(node: Integral, reading: Evaluation) -> Value:
    for key in node.variables:
        reading.declaration(key, node.span)
        refuse_hidden(reading, key, node, node.integrand)
    if node.lower is None or node.upper is None:
        if node.lower is not node.upper:
            raise MeaningError("an integral needs both limits or none", node.span)
        variables = {key: reading.fresh(key) for key in node.variables}
        with reading.bind(variables):
            value = evaluate(node.integrand, reading)
        for key in node.variables:
            value = over_all(reading, value, key, variables[key], node.span)
        return value
    if len(node.variables) != 1:
        raise MeaningError("limits belong to an integral in one variable", node.span)
    limits = scalar_or_infinite(node.lower, reading), scalar_or_infinite(node.upper, reading)
    return _definite(node, node.variables[0], limits, reading)


def over_all(reading: Evaluation, value: Value, key: str, variable: Value, span: Span) -> Value:
    """Integral over all values of a fresh variable for the declared name `key`."""
    declared = reading.declaration(key, span)
    if reading.shape(variable) == SCALAR and declared.domain in (INTEGER, INDEX):
        raise MeaningError(f"{key} is an integer: there is no integral over it", span)
    return reading.integrate_everywhere(value, variable)


def _definite(node: Integral, key: str, limits: tuple[sp.Expr, sp.Expr], reading: Evaluation) -> Value:
    declared = reading.declaration(key, node.span)
    if declared.value != SCALAR:
        raise MeaningError(f"{key} is a vector: limits are not read", node.span)
    if declared.domain in (INTEGER, INDEX):
        raise MeaningError(f"{key} is an integer: there is no integral over it", node.span)
    lower, upper = limits
    inside = POSITIVE if _not_negative(lower, reading) and _not_negative(upper, reading) else REAL
    variable = reading.table.temporary(inside)
    with reading.bind({key: variable}):
        value = evaluate(node.integrand, reading)
    if lower == -sp.oo and upper is sp.oo:
        return reading.integrate_everywhere(value, variable)

    def integral(body: sp.Expr) -> sp.Expr:
        exact = _elementary_integral(body, variable, lower, upper, reading.facts)
        return close(sp.Integral, body, variable, lower, upper, reading.table) if exact is None else exact

    return _operated(reading, integral, value, variable)


def _elementary_integral(
    body: sp.Expr, variable: sp.Symbol, lower: sp.Expr, upper: sp.Expr, facts: Facts
) -> sp.Expr | None:
    """The integral of a sum of c u^n exp(k u), exactly, or None where the body has another form."""
    if lower.is_infinite:
        return None
    if body.is_polynomial(variable):
        if upper.is_infinite:
            return None
        return _between(_primitive(sp.Poly(body, variable), sp.Integer(0), variable), variable, lower, upper)
    by_rate: dict[sp.Expr, list[sp.Expr]] = {}
    for term in sp.Add.make_args(expand(body)):
        exponent = sp.Add(*[factor.args[0] for factor in sp.Mul.make_args(term) if isinstance(factor, sp.exp)])
        rest = sp.Mul(*[factor for factor in sp.Mul.make_args(term) if not isinstance(factor, sp.exp)])
        if not (exponent.is_polynomial(variable) and rest.is_polynomial(variable)):
            return None
        slope = sp.Poly(exponent, variable)
        if slope.degree() > 1:
            return None
        rate = slope.coeff_monomial(variable)
        by_rate.setdefault(rate, []).append(rest * sp.exp(slope.coeff_monomial(1)))
    if upper.is_infinite:  # every term falls to 0
        if not all(provably_positive(-rate, facts) for rate in by_rate):
            return None
    elif not all(rate == 0 or _certainly_not_zero(rate, facts) for rate in by_rate):
        return None
    return sp.Add(
        *[
            _between(_primitive(sp.Poly(sp.Add(*terms), variable), rate, variable), variable, lower, upper)
            for rate, terms in by_rate.items()
        ]
    )


def _primitive(polynomial: sp.Poly, rate: sp.Expr, variable: sp.Symbol) -> sp.Expr:
    """A function whose derivative is polynomial * exp(rate * variable); for a rate that is not 0, by parts."""
    if rate == 0:
        return sp.Add(*[c * variable ** (k + 1) / (k + 1) for (k,), c in polynomial.terms()])
    parts, sign, power = [], 1, rate
    while not polynomial.is_zero:
        parts.append(sign * polynomial.as_expr() / power)
        polynomial, sign, power = polynomial.diff(), -sign, power * rate
    return sp.Add(*parts) * sp.exp(rate * variable)


def _between(primitive: sp.Expr, variable: sp.Symbol, lower: sp.Expr, upper: sp.Expr) -> sp.Expr:
    end = sp.Integer(0) if upper.is_infinite else primitive.subs(variable, upper)
    return end - primitive.subs(variable, lower)


def _certainly_not_zero(number: sp.Expr, facts: Facts) -> bool:
    return provably_positive(number, facts) or provably_positive(-number, facts)


def _operated(
    reading: Evaluation, operator: Callable[[sp.Expr], sp.Expr], value: Value, variable: sp.Symbol
) -> Value:
    """A linear operator applied to each coefficient, once it is clear that nothing else varies."""
    if reading.hides(value, variable):
        raise Unsupported("a sum or integral over the argument of a vector is not expressed in symbolic d")
    return reading.map(operator, value)


def _range(node: Summation | Product, reading: Evaluation) -> tuple[sp.Expr, sp.Expr]:
    declared = reading.declaration(node.index, node.span)
    if declared.value != SCALAR or declared.domain not in (INTEGER, INDEX):
        raise MeaningError(f"{node.index} must be declared as an index", node.span)
    lower = node.lower if node.lower is not None else declared.lower
    upper = node.upper if node.upper is not None else declared.upper
    if lower is None or upper is None:
        raise MeaningError(f"the range of {node.index} is not declared", node.span)
    limits = reading.scalar(lower), reading.scalar(upper)
    for limit in limits:
        if limit.is_integer is not True:
            raise MeaningError(f"a limit of {node.index} must be an integer, not {limit}", node.span)
    if (limits[1] - limits[0]).is_number and limits[1] - limits[0] < -1:
        raise MeaningError(
            f"the range of {node.index} from {limits[0]} to {limits[1]} runs backwards", node.span
        )
    return limits


def _written_out(
    node: Summation | Product, reading: Evaluation, lower: sp.Expr, upper: sp.Expr
) -> list[Value] | None:
    if not (lower.is_Integer and upper.is_Integer) or upper - lower >= WRITTEN_OUT or upper < lower:
        return None
    values = []
    for number in range(int(lower), int(upper) + 1):
        with reading.bind({node.index: sp.Integer(number)}):
            values.append(evaluate(node.body, reading))
    return values


def _between_numbers(lower: sp.Expr, upper: sp.Expr) -> bool:
    return bool(lower.is_Integer and upper.is_Integer)


def _index(reading: Evaluation, lower: sp.Expr, upper: sp.Expr) -> sp.Symbol:
    index = reading.table.temporary(INDEX if (lower - 1).is_nonnegative else INTEGER)
    reading.ranges[index] = lower, upper
    return index


@evaluate.register
def _(node: Summation, reading: Evaluation) -> Value:
    lower, upper = _range(node, reading)
    terms = _written_out(node, reading, lower, upper)
    if terms is not None:
        total = terms[0]
        for term in terms[1:]:
            total = reading.add(total, term, node.span)
        return total
    index = _index(reading, lower, upper)
    with reading.bind({node.index: index}):
        value = evaluate(node.body, reading)

    def summed(body: sp.Expr) -> sp.Expr:
        if body == 0:
            return body
        if not depends(body, [index]) and (upper - lower + 1).is_nonnegative:
            return (upper - lower + 1) * body
        operator = LongSum if _between_numbers(lower, upper) else sp.Sum
        return close(operator, body, index, lower, upper, reading.table)

    return _operated(reading, summed, value, index)


@evaluate.register
def _(node: Product, reading: Evaluation) -> Value:
    lower, upper = _range(node, reading)
    factors = _written_out(node, reading, lower, upper)
    if factors is not None:
        return sp.Mul(*[_scalar_factor(reading, factor, node) for factor in factors])
    index = _index(reading, lower, upper)
    with reading.bind({node.index: index}):
        body = _scalar_factor(reading, evaluate(node.body, reading), node)
    if reading.hides(body, index):
        raise Unsupported("a product over the argument of a vector is not expressed in symbolic d")
    operator = LongProduct if _between_numbers(lower, upper) else sp.Product
    return close(operator, body, index, lower, upper, reading.table)


def _scalar_factor(reading: Evaluation, value: Value, node: Product) -> sp.Expr:
    if reading.shape(value) != SCALAR:
        raise MeaningError(f"a product of {reading.shape(value)}s", node.span)
    return value
