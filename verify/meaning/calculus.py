"""Derivatives: partial and total, dots and primes, gradient, divergence, Laplacian, Hessian.

A derivative is taken of the operand as a *function* of its variable; the value that the variable
has at that place is inserted afterwards (`Evaluation.with_free`). A dot or a prime differentiates the
named function and evaluates it at the arguments of the call.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import sympy as sp

from verify.language.scope import INDEX, INTEGER
from verify.language.tree import (
    AtPoint,
    Call,
    Derivative,
    Divergence,
    Dotted,
    Gradient,
    Hessian,
    Laplacian,
    Moment,
    Name,
    Node,
    Primed,
    Span,
)
from verify.meaning.algebra import MATRIX, SCALAR, VECTOR, Row, Value
from verify.meaning.errors import MeaningError, Unsupported
from verify.meaning.evaluation import Evaluation, evaluate, is_sequence
from verify.meaning.hidden import refuse_hidden
from verify.meaning.positivity import may_stand


def names_in(reading: Evaluation, node: Node) -> list[str]:
    """Every name that the node uses, through definitions and unwritten arguments, in order."""
    found: dict[str, None] = {}

    def visit(tree: Node) -> None:
        for item in tree.walk():
            if isinstance(item, Moment) and item.given is not None and item.value is None:
                visit(Name(item.given))
            if isinstance(item, Name | Call) and item.key not in found:
                found[item.key] = None
                declaration = reading.scope.get(item.key)
                if declaration is None:
                    continue
                for name in (
                    declaration.parameters if isinstance(item, Call) and item.arguments is None else ()
                ):
                    found.setdefault(name)
                if declaration.definition is not None:
                    visit(declaration.definition)
                if declaration.root_of is not None:
                    visit(declaration.root_of[1])

    visit(node)
    return list(found)


def tied_by_equation(reading: Evaluation, key: str) -> bool:
    """True when an equation for a plain name involves `key`: a change of it would move another name."""
    return any(
        isinstance(left, Name) and key in [left.key, *names_in(reading, right)]
        for left, right in reading.scope.equations
    )


def _free_to_vary(reading: Evaluation, key: str, span: Span) -> None:
    """Refuse a derivative in a name that is not a free continuous quantity."""
    declaration = reading.declaration(key, span)
    if declaration.domain in (INTEGER, INDEX) and declaration.value == SCALAR:
        raise MeaningError(f"{key} is an integer: there is no derivative in it", span)
    if reading.bound_value(key) is None:
        if declaration.definition is not None:
            raise MeaningError(f"{key} is defined by a formula: there is no derivative in it", span)
        if declaration.root_of is not None:
            raise MeaningError(f"{key} is tied by a relation: there is no derivative in it", span)
        if tied_by_equation(reading, key):
            raise MeaningError(f"{key} is tied to another name by an equation: define that name instead", span)


def _no_hidden_dependence(reading: Evaluation, node: Derivative) -> None:
    r"""Refuse a derivative in t of something with a plain name such as `\alpha_t`.

    Such a name is declared as a number that does not depend on t, and the derivative would be 0;
    nobody means that. The place `x_t` of a density under `\partial_t` is kept fixed on purpose.
    """
    for name in names_in(reading, node.operand):
        declaration = reading.scope.get(name)
        subscript = re.search(r"_\{([^{}]*)\}$", name)
        if declaration is None or subscript is None or name == node.variable:
            continue
        plain = declaration.kind in ("variable", "random") and declaration.definition is None
        place = node.partial and declaration.value == VECTOR
        if plain and not place and node.variable in re.findall(r"\\?[A-Za-z]+", subscript.group(1)):
            raise MeaningError(
                f"{name} is declared as a variable that does not depend on {node.variable}; "
                f"for a derivative in {node.variable} declare it as a function",
                node.span,
            )


def _refuse_mixed_partial(reading: Evaluation, node: Derivative) -> None:
    r"""Refuse `\partial_t f(y(t),t)`: it may mean the place t alone, or all that moves with t."""
    for call in node.operand.walk():
        if not node.partial or not isinstance(call, Call) or call.arguments is None:
            continue
        places = [*call.arguments, *([call.index] if call.index is not None else [])]
        others = [place for place in places if not (isinstance(place, Name) and place.key == node.variable)]
        if len(others) < len(places) and any(node.variable in names_in(reading, place) for place in others):
            raise MeaningError(
                f"is {node.variable} varied in its own place only, or wherever it occurs in the arguments? "
                f"write \\frac{{\\mathrm{{d}}}}{{\\mathrm{{d}}{node.variable}}} for the total derivative, "
                "or define the partial derivative as a function",
                node.span,
            )


def _space(reading: Evaluation, variable: str | None, span: Span) -> str:
    key = variable if variable is not None else reading.scope.space
    if reading.scope.get(key) is None:
        raise MeaningError("\\nabla needs a variable: write \\nabla_x", span)
    return key


def _along(
    reading: Evaluation, key: str, node: Derivative | Gradient | Divergence | Laplacian | Hessian,
    compute: Callable[[Value], Value],
) -> Value:
    span = node.span
    _free_to_vary(reading, key, span)
    refuse_hidden(reading, key, node, node.operand)
    if reading.declaration(key, span).value == MATRIX:
        raise Unsupported(f"a derivative in the matrix {key} is not read")
    return reading.with_free(key, compute, span)


@evaluate.register
def _(node: Derivative, reading: Evaluation) -> Value:
    def compute(variable: Value) -> Value:
        if reading.shape(variable) != SCALAR:
            raise MeaningError(f"{node.variable} is a vector: write \\nabla_{{{node.variable}}}", node.span)
        value = evaluate(node.operand, reading)
        for _ in range(node.order):
            value = reading.derivative(value, variable)
        return value

    _no_hidden_dependence(reading, node)
    _refuse_mixed_partial(reading, node)
    return _along(reading, node.variable, node, compute)


def _derivative_of_function(reading: Evaluation, call: Call, position: int, order: int) -> Value:
    """The derivative of the called function in one argument, at the arguments of the call."""
    values = reading.argument_values(call)
    if reading.shape(values[position]) != SCALAR:
        raise MeaningError(f"{call.key} cannot be differentiated in a vector this way", call.span)
    if is_sequence(reading.declaration(call.key)):
        raise MeaningError(f"{call.key} is a sequence: there is no derivative in its index", call.span)
    variable = reading.fresh("", like=values[position])
    arguments = [*values[:position], variable, *values[position + 1 :]]
    result = reading.apply(call.key, arguments, call.span)
    for _ in range(order):
        result = reading.derivative(result, variable)
    return reading.substituted(result, variable, values[position])


@evaluate.register
def _(node: Dotted, reading: Evaluation) -> Value:
    parameters = reading.declaration(node.call.key, node.call.span).parameters
    if "t" in parameters:
        position = parameters.index("t")
    elif len(parameters) == 1:
        position = 0
    else:
        raise MeaningError(
            f"the dot on {node.call.key} is a derivative in t, which is not an argument", node.span
        )
    return _derivative_of_function(reading, node.call, position, node.order)


@evaluate.register
def _(node: Primed, reading: Evaluation) -> Value:
    if len(reading.declaration(node.call.key, node.call.span).parameters) != 1:
        raise MeaningError("a prime needs a function of one variable", node.span)
    return _derivative_of_function(reading, node.call, 0, node.order)


@evaluate.register
def _(node: Gradient, reading: Evaluation) -> Value:
    def compute(variable: Value) -> Value:
        field = evaluate(node.operand, reading)
        if (reading.shape(field), reading.shape(variable)) == (VECTOR, VECTOR):
            return reading.jacobian(field, variable)  # d f_i / d x_j
        return _gradient(reading, node.operand, variable)

    return _along(reading, _space(reading, node.variable, node.span), node, compute)


def _gradient(reading: Evaluation, operand: Node, variable: Value) -> Value:
    scalar = reading.scalar(operand)
    if reading.shape(variable) == SCALAR:
        return reading.derivative(scalar, variable)
    return reading.gradient(scalar, variable)


@evaluate.register
def _(node: Divergence, reading: Evaluation) -> Value:
    def compute(variable: Value) -> sp.Expr:
        field = evaluate(node.operand, reading)
        if reading.shape(field) != reading.shape(variable):
            raise MeaningError(f"the divergence of a {reading.shape(field)}", node.span)
        if reading.shape(variable) == SCALAR:
            return reading.derivative(field, variable)
        return reading.divergence(field, variable)

    return _along(reading, _space(reading, node.variable, node.span), node, compute)


@evaluate.register
def _(node: Laplacian, reading: Evaluation) -> Value:
    def compute(variable: Value) -> sp.Expr:
        slope = _gradient(reading, node.operand, variable)
        if reading.shape(variable) == SCALAR:
            return reading.derivative(slope, variable)
        return reading.divergence(slope, variable)

    return _along(reading, _space(reading, node.variable, node.span), node, compute)


@evaluate.register
def _(node: Hessian, reading: Evaluation) -> Value:
    def compute(variable: Value) -> Value:
        slope = _gradient(reading, node.operand, variable)
        if reading.shape(variable) == VECTOR:
            return reading.jacobian(slope, variable)
        return reading.derivative(slope, variable)

    return _along(reading, _space(reading, node.variable, node.span), node, compute)


@evaluate.register
def _(node: AtPoint, reading: Evaluation) -> Value:
    """The operand with its variable bound to the point: a derivative inside is taken first, as a function."""
    declaration = reading.declaration(node.variable, node.span)
    if reading.bound_value(node.variable) is None and (declaration.definition or declaration.root_of):
        raise MeaningError(f"{node.variable} is defined by a formula: it has no other value", node.span)
    refuse_hidden(reading, node.variable, node, node.operand)
    point = evaluate(node.point, reading)
    if reading.shape(point) == SCALAR and not may_stand(reading.facts, declaration.domain, point):
        raise MeaningError(f"{point} is not certain to lie in the declared domain of {node.variable}", node.span)
    with reading.bind({node.variable: reading.zero_like(point, reading.own_value(node.variable))}):
        value = evaluate(node.operand, reading)
    entries = reading.parts(value.vector if isinstance(value, Row) else value)
    outside = [entry.replace(lambda e: isinstance(e, sp.Integral), lambda e: sp.Dummy()) for entry in entries]
    if any(entry.has(sp.nan, sp.zoo, sp.oo) for entry in outside):
        raise MeaningError(f"there is no value at {node.variable} = {point}", node.span)
    return value
