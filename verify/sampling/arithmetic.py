"""The readings of arithmetic, elementary functions, linear algebra, finite sums and products."""

from __future__ import annotations

from verify.language.tree import (
    Absolute,
    Add,
    BigO,
    Cases,
    Compare,
    Determinant,
    Diagonal,
    Divide,
    DotProduct,
    Extremum,
    Function,
    Inner,
    Multiply,
    Negate,
    Norm,
    Power,
    Product,
    Root,
    Summation,
    Trace,
    Transpose,
)
from verify.sampling import jets, values
from verify.sampling.errors import BudgetExceeded, Undecidable, Undefined
from verify.sampling.evaluate import Evaluator, reads
from verify.sampling.jets import mp
from verify.sampling.values import Matrix, Value, Vector, is_scalar

LONGEST_SUM = 200
ROUNDING = 2**20  # units in the last place that a cancelling sum may leave


@reads(Add)
def _add(evaluator: Evaluator, node: Add) -> Value:
    """The sum; a number that only rounding keeps from zero is zero, at any precision that sees no more."""
    terms = [evaluator.value(term) for term in node.terms]
    total = terms[0]
    for term in terms[1:]:
        total = values.add(total, term)
    largest = max(abs(jets.real(item)) for term in terms for item in values.components(term))
    evaluator.largest_term = max(evaluator.largest_term, largest)
    if is_scalar(total) and not isinstance(total, jets.Jet) and abs(total) <= largest * ROUNDING * mp.eps:
        return mp.zero
    return total


@reads(Negate)
def _negate(evaluator: Evaluator, node: Negate) -> Value:
    return values.negate(evaluator.value(node.operand))


@reads(Multiply)
def _multiply(evaluator: Evaluator, node: Multiply) -> Value:
    return values.product([evaluator.value(factor) for factor in node.factors])


@reads(DotProduct)
def _dot_product(evaluator: Evaluator, node: DotProduct) -> Value:
    left, right = evaluator.value(node.left), evaluator.value(node.right)
    if isinstance(left, Vector) and isinstance(right, Vector):
        return values.inner(left, right)
    return values.multiply(left, right)


@reads(Divide)
def _divide(evaluator: Evaluator, node: Divide) -> Value:
    return values.scale(jets.reciprocal(evaluator.scalar(node.denominator)), evaluator.value(node.numerator))


@reads(Power)
def _power(evaluator: Evaluator, node: Power) -> Value:
    exponent = evaluator.scalar(node.exponent)
    if isinstance(node.base, Norm) and not isinstance(exponent, jets.Jet) and mp.isint(exponent / 2):
        return jets.power(values.norm_squared(evaluator.value(node.base.operand)), exponent / 2)
    base = evaluator.value(node.base)
    if isinstance(base, Vector) and exponent == 2:
        return values.norm_squared(base)  # (dx)^2 of Ito calculus
    return values.raise_to(base, exponent)


@reads(Root)
def _root(evaluator: Evaluator, node: Root) -> Value:
    radicand = evaluator.value(node.radicand)
    if isinstance(radicand, Matrix) and node.degree is None:
        return values.raise_to(radicand, mp.mpf("0.5"))
    if not is_scalar(radicand):
        raise Undecidable(f"the root of a {values.kind(radicand)}")
    if node.degree is None:
        return jets.square_root(radicand)
    return jets.power(radicand, jets.reciprocal(evaluator.scalar(node.degree)))


@reads(Function)
def _function(evaluator: Evaluator, node: Function) -> Value:
    return jets.elementary(node.name, evaluator.scalar(node.argument))


@reads(Extremum)
def _extremum(evaluator: Evaluator, node: Extremum) -> Value:
    pick = max if node.name == "max" else min
    values = [evaluator.scalar(argument) for argument in node.arguments]
    found = pick(values, key=jets.real)
    equal = [value for value in values if jets.real(value) == jets.real(found)]
    if len(equal) > 1 and any(isinstance(value, jets.Jet) for value in equal):
        raise Undefined("an extremum has no derivative where two arguments meet")
    return found


@reads(Cases)
def _cases(evaluator: Evaluator, node: Cases) -> Value:
    """The first branch whose conditions hold; a point at a cut is undefined where digits decide it."""
    for value, conditions in node.branches:
        if all(_holds(evaluator, condition) for condition in conditions):
            return evaluator.value(value)
    return evaluator.value(node.otherwise)


def _holds(evaluator: Evaluator, condition: Compare) -> bool:
    left, right = evaluator.scalar(condition.left), evaluator.scalar(condition.right)
    if isinstance(left, jets.Jet) or isinstance(right, jets.Jet):
        raise Undecidable("the derivative of a case distinction")
    gap = left - right
    if gap and abs(gap) <= ROUNDING * mp.eps * max(abs(left), abs(right)):
        raise Undefined("a case distinction that rounding decides")
    return {"<": gap < 0, "<=": gap <= 0, ">": gap > 0, ">=": gap >= 0}[condition.relation]


@reads(Absolute)
def _absolute(evaluator: Evaluator, node: Absolute) -> Value:
    operand = evaluator.value(node.operand)
    if isinstance(operand, Matrix):
        return values.determinant(operand)
    return jets.absolute(operand) if is_scalar(operand) else values.norm(operand)


@reads(BigO)
def _big_o(evaluator: Evaluator, node: BigO) -> Value:
    return mp.zero


# ---------------------------------------------------------------- linear algebra


@reads(Norm)
def _norm(evaluator: Evaluator, node: Norm) -> Value:
    operand = evaluator.value(node.operand)
    if isinstance(operand, Matrix) and not node.frobenius:
        raise Undecidable("the norm of a matrix that is not the Frobenius norm")
    return jets.absolute(operand) if is_scalar(operand) else values.norm(operand)


@reads(Inner)
def _inner(evaluator: Evaluator, node: Inner) -> Value:
    return values.inner(evaluator.value(node.left), evaluator.value(node.right))


@reads(Transpose)
def _transpose(evaluator: Evaluator, node: Transpose) -> Value:
    return values.transpose(evaluator.value(node.operand))


@reads(Trace)
def _trace(evaluator: Evaluator, node: Trace) -> Value:
    return values.trace(evaluator.value(node.operand))


@reads(Determinant)
def _determinant(evaluator: Evaluator, node: Determinant) -> Value:
    operand = evaluator.value(node.operand)
    if is_scalar(operand):
        return operand
    if not isinstance(operand, Matrix):
        raise Undecidable(f"the determinant of a {values.kind(operand)}")
    return values.determinant(operand)


@reads(Diagonal)
def _diagonal(evaluator: Evaluator, node: Diagonal) -> Value:
    operand = evaluator.value(node.operand)
    if is_scalar(operand) or isinstance(operand, values.Row):
        raise Undecidable(f"the diagonal matrix of a {values.kind(operand)}")
    entries = values.diagonal(operand)
    return Matrix(tuple(tuple(x if i == j else mp.zero for j in range(len(entries))) for i, x in enumerate(entries)))


# ---------------------------------------------------------------- finite sums and products


def _indices(evaluator: Evaluator, node: Summation | Product) -> range:
    lower, upper = node.lower, node.upper
    declaration = evaluator.scope.get(node.index)
    if declaration is not None:
        lower, upper = lower or declaration.lower, upper or declaration.upper
    if lower is None or upper is None:
        raise Undecidable(f"the range of {node.index} is not declared")
    first, last = evaluator.integer(lower), evaluator.integer(upper)
    if last - first >= LONGEST_SUM:
        raise BudgetExceeded(f"a sum or product of more than {LONGEST_SUM} terms")
    return range(first, last + 1)


def _each_index(evaluator: Evaluator, node: Summation | Product) -> list[Value]:
    results = []
    for index in _indices(evaluator, node):
        with evaluator.binding({node.index: mp.mpf(index)}):
            results.append(evaluator.value(node.body))
    return results


@reads(Summation)
def _summation(evaluator: Evaluator, node: Summation) -> Value:
    total: Value = mp.zero
    for term in _each_index(evaluator, node):
        total = values.add(total, term)
    return total


@reads(Product)
def _product(evaluator: Evaluator, node: Product) -> Value:
    total: Value = mp.one
    for factor in _each_index(evaluator, node):
        total = values.multiply(total, factor)
    return total
