r"""Commands of differentiation: `\partial`, `\frac{\mathrm{d}}{\mathrm{d}t}`, `\nabla`, `\Delta`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from verify.language.names import latex_of_key, starts_name
from verify.language.operands import BAR, occurs_in, read_operand, read_order, read_subscript, skip_word
from verify.language.tokens import COMMAND, LETTER, SYMBOL
from verify.language.tree import (
    AtPoint,
    Call,
    Derivative,
    Divergence,
    Function,
    Gradient,
    Hessian,
    Laplacian,
    Name,
    Node,
    Number,
)

if TYPE_CHECKING:
    from verify.language.reader import Reader


def read_partial(reader: Reader, stops: tuple[str, ...]) -> Node:
    r"""`\partial_t f`, `\partial_x^2 f`."""
    start = reader.advance().start
    order = read_order(reader)
    if not reader.at(SYMBOL, "_"):
        reader.position -= 1
        slash = read_slash_derivative(reader, 1) if order == 1 else None
        if slash is not None:
            return slash
        reader.position += 1
        raise reader.fail(
            "\\partial needs its variable", suggestion="write \\partial_t or \\frac{\\partial}{\\partial t}"
        )
    reader.advance()
    variable = read_subscript(reader)
    if order == 1:
        order = read_order(reader)
    operand = read_operand(reader, stops, "\\partial")
    return Derivative(variable, order, operand, span=reader.span_from(start))


def read_fraction_derivative(reader: Reader, start: int, stops: tuple[str, ...]) -> Node | None:
    r"""`\frac{d}{dt} E`, `\frac{dE}{dt}`, `\frac{\partial^2 E}{\partial x^2}`; None for a plain fraction."""
    if not reader.at(SYMBOL, "{"):
        return None
    mark = reader.position
    reader.advance()
    sign = _derivative_sign(reader)
    if sign is None:
        reader.position = mark
        return None
    partial, length = sign
    reader.position += length
    order = read_order(reader)
    body = None if reader.at(SYMBOL, "}") else reader.expression()
    reader.expect(SYMBOL, "}")
    reader.expect(SYMBOL, "{")
    below = _derivative_sign(reader)
    if below is None or below[0] != partial:
        raise reader.fail("a derivative needs the same d above and below the line")
    reader.position += below[1]
    variable = reader.variable()
    order_below = read_order(reader)
    if not reader.at(SYMBOL, "}"):
        raise reader.fail("only derivatives in one variable", suggestion="write \\partial_x\\partial_y f")
    reader.advance()
    if order != order_below:
        raise reader.fail("the orders of the derivative differ above and below the line", reader.span_from(start))
    if body is not None:
        return Derivative(variable, order, body, partial, span=reader.span_from(start), enclosed=True)
    operand = read_operand(reader, stops, "the derivative")
    return Derivative(variable, order, operand, partial, span=reader.span_from(start))


def read_slash_derivative(reader: Reader, length: int) -> Node | None:
    r"""`\mathrm{d}x/\mathrm{d}t`, `\partial f/\partial t`, from its first sign of `length` tokens; else None."""
    mark, start, partial = reader.position, reader.token.start, reader.at(COMMAND, "partial")
    reader.position += length
    if starts_name(reader.token):
        operand = reader.name()
        if reader.at(SYMBOL, "/"):
            reader.advance()
            below = int(reader.at(COMMAND, "partial")) if partial else reader.upright_d()
            if below:
                reader.position += below
                variable = reader.variable()
                return Derivative(variable, 1, operand, partial, span=reader.span_from(start), enclosed=True)
    reader.position = mark
    return None


def _derivative_sign(reader: Reader) -> tuple[bool, int] | None:
    r"""(partial, tokens) of `\partial`, `\mathrm{d}` or an italic `d` that is no name and no dimension."""
    if reader.at(COMMAND, "partial") and not reader.at(SYMBOL, "_", 1):
        return True, 1
    if upright := reader.upright_d():
        return False, upright
    if not reader.at(LETTER, "d") or "d" in reader.scope:
        return None
    # As the dimension, a d that begins both parts of a fraction would cancel: it is the differential.
    return (False, 1) if _denominator_is_differential(reader) else None


def _denominator_is_differential(reader: Reader) -> bool:
    """Italic d is a differential only when the part below the line is `d`, upright or not, and one name."""
    ahead, depth = 0, 1
    while depth and reader.peek(ahead).kind != "end":
        depth += reader.at(SYMBOL, "{", ahead) - reader.at(SYMBOL, "}", ahead)
        ahead += 1
    if not reader.at(SYMBOL, "{", ahead):  # we are below the line already
        return starts_name(reader.peek(1))
    if upright := reader.upright_d(ahead + 1):
        return starts_name(reader.peek(ahead + 1 + upright))
    return reader.at(LETTER, "d", ahead + 1) and starts_name(reader.peek(ahead + 2))


def read_nabla(reader: Reader, stops: tuple[str, ...]) -> Node:
    r"""`\nabla f`, `\nabla_x f`, `\nabla\cdot f`, `\nabla^2 f`."""
    start = reader.advance().start
    variable, order = None, 1
    if reader.at(SYMBOL, "_"):
        reader.advance()
        variable = read_subscript(reader)
    if reader.at(SYMBOL, "^"):
        order = read_order(reader)
    if variable is None and reader.at(SYMBOL, "_"):
        reader.advance()
        variable = read_subscript(reader)
    if reader.at(COMMAND, "cdot") and order == 1:
        reader.advance()
        operand = read_operand(reader, stops, "\\nabla\\cdot")
        _refuse_unmarked(reader, variable, operand, start)
        return Divergence(variable, operand, span=reader.span_from(start))
    operand = read_operand(reader, stops, "\\nabla")
    _refuse_unmarked(reader, variable, operand, start)
    if order == 2:
        return Hessian(variable, operand, span=reader.span_from(start))
    if order != 1:
        raise reader.fail("only \\nabla and \\nabla^2", reader.span_from(start))
    return Gradient(variable, operand, span=reader.span_from(start))


def read_divergence_word(reader: Reader, stops: tuple[str, ...]) -> Node:
    r"""`\mathrm{div}(f)`, `\operatorname{div}_x f`."""
    start = skip_word(reader)
    variable = None
    if reader.at(SYMBOL, "_"):
        reader.advance()
        variable = read_subscript(reader)
    operand = read_operand(reader, stops, "div")
    _refuse_unmarked(reader, variable, operand, start)
    return Divergence(variable, operand, span=reader.span_from(start))


def read_laplacian(reader: Reader, stops: tuple[str, ...]) -> Node:
    r"""`\Delta f`, `\Delta_x f`."""
    start = reader.advance().start
    variable = None
    if reader.at(SYMBOL, "_"):
        reader.advance()
        variable = read_subscript(reader)
    operand = read_operand(reader, stops, "\\Delta")
    if isinstance(operand, Name | Number):
        raise reader.fail(
            "\\Delta before a variable: a step, or the Laplacian?",
            reader.span_from(start),
            "declare the step as one name: - $\\Delta t$ : positive",
        )
    _refuse_unmarked(reader, variable, operand, start)
    return Laplacian(variable, operand, span=reader.span_from(start))


def read_at_point(reader: Reader, stops: tuple[str, ...]) -> Node:
    r"""`\left. f(s)\right|_{s=0}`; the tokens of `\left.` have checked that the bar with its subscript comes."""
    start = reader.advance().start
    with reader.brackets():
        operand = reader.expression(stops=(BAR,))
        reader.expect(SYMBOL, "|")
    reader.expect(SYMBOL, "_")
    inner = reader.inside(reader.group_tokens())
    variable = inner.variable()
    if not inner.at(SYMBOL, "="):
        raise inner.fail("a value at a point names the variable: \\right|_{s=0}")
    inner.advance()
    point = inner.expression()
    inner.expect_end()
    return AtPoint(variable, point, operand, span=reader.span_from(start), enclosed=True)


def _refuse_unmarked(reader: Reader, variable: str | None, operand: Node, start: int) -> None:
    r"""`\nabla f(X(t))`: the gradient of f there, or of the composition? Only a named variable tells.

    `\nabla f(y)` without the space variable anywhere would be zero: the gradient in y is meant.
    """
    if variable is not None:
        return
    inner = operand.argument if isinstance(operand, Function) else operand
    if isinstance(inner, Call) and any(not isinstance(a, Name) for a in inner.arguments or ()):
        raise reader.fail(
            "ambiguous: the gradient of the composition, or the gradient evaluated there?",
            reader.span_from(start),
            "name the variable: \\nabla_x",
        )
    space = reader.scope.space
    for call in operand.walk():
        if not isinstance(call, Call) or occurs_in(operand, space):
            continue
        for argument in call.arguments or ():
            declared = reader.scope.get(argument.key) if isinstance(argument, Name) else None
            if declared is not None and declared.value == "vector":
                name = latex_of_key(declared.key)
                raise reader.fail(
                    f"\\nabla without a variable means {latex_of_key(space)}, which does not occur here",
                    reader.span_from(start),
                    f"write \\nabla_{{{name}}}, or declare the space variable: - space: ${name}$",
                )
