"""Numbers, arithmetic, elementary functions and linear algebra."""

from __future__ import annotations

from collections.abc import Callable

import sympy as sp

from verify.language.tree import (
    Absolute,
    Add,
    ArgMin,
    BigO,
    Constant,
    Determinant,
    Diagonal,
    Differential,
    Divide,
    DotProduct,
    Extremum,
    Function,
    Identity,
    Inner,
    Multiply,
    Negate,
    Norm,
    Number,
    Power,
    Root,
    Span,
    Trace,
    Transpose,
)
from verify.meaning.algebra import MATRIX, SCALAR, VECTOR, Row, Value
from verify.meaning.errors import MeaningError, Unsupported
from verify.meaning.evaluation import Evaluation, evaluate
from verify.meaning.facts import Facts
from verify.meaning.positivity import provably_positive
from verify.meaning.sizes import decimal, power

FUNCTIONS = {
    "exp": sp.exp,
    "sin": sp.sin,
    "cos": sp.cos,
    "tan": sp.tan,
    "arctan": sp.atan,
    "sinh": sp.sinh,
    "cosh": sp.cosh,
    "tanh": sp.tanh,
    "erf": sp.erf,
}


def _finite(value: sp.Expr, span: Span) -> sp.Expr:
    if value.has(sp.zoo, sp.nan):
        raise MeaningError("division by zero, or the logarithm of zero", span)
    return value


def logarithm(argument: sp.Expr, facts: Facts | None = None) -> sp.Expr:
    """`log`, opened over a product only where every factor is known to be positive.

    SymPy knows that of symbols. With `facts`, a product that holds exponentials (a density) is opened too
    where its factors are positive by what is declared.
    """
    opened = sp.expand_log(sp.log(argument), deep=False)
    if facts is None or not opened.has(sp.exp) or not any(log.has(sp.exp) for log in opened.atoms(sp.log)):
        return opened
    factors = sp.Mul.make_args(argument)
    if not all(provably_positive(factor, facts) for factor in factors):
        return opened
    return sp.Add(*[_log_of_positive(factor) for factor in factors])


def _log_of_positive(factor: sp.Expr) -> sp.Expr:
    if isinstance(factor, sp.exp):
        return factor.args[0]
    base, exponent = factor.as_base_exp()
    return exponent * sp.log(base)


@evaluate.register
def _(node: Number, reading: Evaluation) -> Value:
    return decimal(node.text)


@evaluate.register
def _(node: Constant, reading: Evaluation) -> Value:
    if node.name == "pi":
        return sp.pi
    if node.name == "dimension":
        return reading.dimension
    raise MeaningError(f"{node.name} is not a number", node.span)


@evaluate.register
def _(node: Identity, reading: Evaluation) -> Value:
    return reading.identity()


@evaluate.register
def _(node: Add, reading: Evaluation) -> Value:
    total = evaluate(node.terms[0], reading)
    for term in node.terms[1:]:
        total = reading.add(total, evaluate(term, reading), term.span)
    return total


@evaluate.register
def _(node: Negate, reading: Evaluation) -> Value:
    return reading.scale(sp.Integer(-1), evaluate(node.operand, reading))


@evaluate.register
def _(node: Multiply, reading: Evaluation) -> Value:
    total = evaluate(node.factors[0], reading)
    for factor in node.factors[1:]:
        total = reading.multiply(total, evaluate(factor, reading), factor.span)
    return total


@evaluate.register
def _(node: DotProduct, reading: Evaluation) -> Value:
    left, right = evaluate(node.left, reading), evaluate(node.right, reading)
    if reading.shape(left) == reading.shape(right) == VECTOR:
        return reading.inner(left, right)
    return reading.multiply(left, right, node.span)


@evaluate.register
def _(node: Divide, reading: Evaluation) -> Value:
    denominator = reading.scalar(node.denominator)
    if denominator == 0:
        raise MeaningError("division by zero", node.denominator.span)
    reading.divisor(denominator)
    return reading.scale(power(denominator, sp.Integer(-1)), evaluate(node.numerator, reading))


@evaluate.register
def _(node: Power, reading: Evaluation) -> Value:
    base, exponent = evaluate(node.base, reading), reading.scalar(node.exponent)
    match reading.shape(base):
        case "scalar":
            if exponent.is_negative:
                reading.divisor(base)
            return _finite(power(base, exponent), node.span)
        case "vector" if isinstance(node.base, Differential) and exponent == 2:
            return reading.squared_length(base)
        case "vector":
            raise MeaningError("a vector has no powers: write \\|x\\|^2", node.span)
        case "matrix":
            return reading.matrix_power(base, exponent)
        case shape:
            raise MeaningError(f"a {shape} has no powers", node.span)


@evaluate.register
def _(node: Root, reading: Evaluation) -> Value:
    degree = sp.Integer(2) if node.degree is None else reading.scalar(node.degree)
    if not degree.is_Integer or degree < 1:
        raise MeaningError("the degree of a root must be a positive number such as 3", node.span)
    radicand = evaluate(node.radicand, reading)
    if reading.shape(radicand) == MATRIX:
        return reading.matrix_power(radicand, 1 / degree)
    if reading.shape(radicand) != SCALAR:
        raise MeaningError(f"the root of a {reading.shape(radicand)}", node.radicand.span)
    if degree % 2 == 0 and radicand.is_negative:
        raise MeaningError(f"the root of a quantity that is never positive: {radicand}", node.radicand.span)
    return power(radicand, 1 / degree)


@evaluate.register
def _(node: Function, reading: Evaluation) -> Value:
    argument = reading.scalar(node.argument)
    match node.name:
        case "sigmoid":
            return 1 / (1 + sp.exp(-argument))
        case "log":
            if argument.is_nonpositive and argument != 0:
                raise MeaningError(f"the logarithm of a quantity that is never positive: {argument}", node.span)
            return _finite(logarithm(argument, reading.facts), node.span)
        case name if name in FUNCTIONS:
            return _finite(FUNCTIONS[name](argument), node.span)
        case name:
            raise Unsupported(f"the function {name} is not read")


@evaluate.register
def _(node: Extremum, reading: Evaluation) -> Value:
    choose = sp.Max if node.name == "max" else sp.Min
    return choose(*[reading.scalar(argument) for argument in node.arguments])


def _length(node: Absolute | Norm, reading: Evaluation) -> sp.Expr:
    """Absolute value, length, Frobenius norm; bars around a matrix are its determinant."""
    value = evaluate(node.operand, reading)
    match reading.shape(value):
        case "scalar":
            return sp.Abs(value)
        case "vector":
            return sp.sqrt(reading.squared_length(value))
        case "matrix" if isinstance(node, Absolute):
            return reading.determinant(value)
        case "matrix" if isinstance(node, Norm) and node.frobenius:
            square = reading.trace(reading.matrix_product(value, reading.transposed(value)))
            return sp.sqrt(square)
        case "matrix":
            raise MeaningError("which norm of a matrix? write \\|A\\|_F for the Frobenius norm", node.span)
        case shape:
            raise MeaningError(f"the norm of a {shape} is not read", node.span)


@evaluate.register
def _(node: Absolute, reading: Evaluation) -> Value:
    return _length(node, reading)


@evaluate.register
def _(node: Norm, reading: Evaluation) -> Value:
    return _length(node, reading)


@evaluate.register
def _(node: Inner, reading: Evaluation) -> Value:
    left, right = evaluate(node.left, reading), evaluate(node.right, reading)
    shapes = reading.shape(left), reading.shape(right)
    if shapes == (SCALAR, SCALAR):
        return left * right
    if shapes != (VECTOR, VECTOR):
        raise MeaningError(f"inner product of a {shapes[0]} and a {shapes[1]}", node.span)
    return reading.inner(left, right)


@evaluate.register
def _(node: Transpose, reading: Evaluation) -> Value:
    value = evaluate(node.operand, reading)
    match reading.shape(value):
        case "vector":
            return Row(value)
        case "row vector":
            return value.vector
        case "matrix":
            return reading.transposed(value)
        case _:
            return value


@evaluate.register
def _(node: Trace, reading: Evaluation) -> Value:
    return _number_of(node, "trace", reading.trace, reading)


@evaluate.register
def _(node: Determinant, reading: Evaluation) -> Value:
    return _number_of(node, "determinant", reading.determinant, reading)


def _number_of(node: Trace | Determinant, name: str, of_matrix: Callable[[Value], Value], reading: Evaluation) -> Value:
    """The number that belongs to a matrix; a number is its own."""
    value = evaluate(node.operand, reading)
    match reading.shape(value):
        case "matrix":
            return of_matrix(value)
        case "scalar":
            return value
        case shape:
            raise MeaningError(f"the {name} of a {shape}", node.span)


@evaluate.register
def _(node: Diagonal, reading: Evaluation) -> Value:
    value = evaluate(node.operand, reading)
    if reading.shape(value) not in (VECTOR, MATRIX):
        raise MeaningError(f"the diagonal matrix of a {reading.shape(value)}", node.span)
    return reading.diagonal_of(value)


@evaluate.register
def _(node: BigO, reading: Evaluation) -> Value:
    return sp.Integer(0)  # only at top level, see `expansions.order_of`


@evaluate.register
def _(node: ArgMin, reading: Evaluation) -> Value:
    raise Unsupported("arg min is decided from the derivatives of its objective, not from a value")
