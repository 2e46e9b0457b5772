r"""Commands of algebra: fractions, roots, functions, norms, constants, extrema, and signs that only decorate."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from verify.language.calls import refuse_call
from verify.language.derivatives import read_fraction_derivative
from verify.language.names import canonical
from verify.language.operands import DOUBLE_BAR, font_word, read_operand, read_subscript, skip_word
from verify.language.tokens import COMMAND, SYMBOL
from verify.language.tree import (
    ArgMin,
    BigO,
    Constant,
    Determinant,
    Diagonal,
    Divide,
    Extremum,
    Function,
    Inner,
    Name,
    Negate,
    Node,
    Norm,
    Number,
    Power,
    Root,
    Trace,
)

if TYPE_CHECKING:
    from verify.language.reader import Reader


def read_fraction(reader: Reader, stops: tuple[str, ...]) -> Node:
    r"""`\frac{a}{b}`, and the derivatives written as fractions."""
    start = reader.advance().start
    derivative = read_fraction_derivative(reader, start, stops)
    if derivative is not None:
        return derivative
    reader.digit_pair()
    numerator = reader.group()
    return Divide(numerator, reader.group(), span=reader.span_from(start), enclosed=True)


def read_root(reader: Reader, stops: tuple[str, ...]) -> Node:
    r"""`\sqrt{a}`, `\sqrt[3]{a}`."""
    start = reader.advance().start
    degree = None
    if reader.at(SYMBOL, "["):
        reader.advance()
        degree = reader.expression()
        reader.expect(SYMBOL, "]")
    return Root(reader.group(), degree, span=reader.span_from(start), enclosed=True)


def read_function(reader: Reader, stops: tuple[str, ...]) -> Node:
    r"""`\exp x`, `\sin^2 x`: an elementary function of the factor that follows."""
    start, name = reader.token.start, reader.advance().text
    power = None
    if reader.at(SYMBOL, "^"):
        reader.advance()
        power = reader.group()
        if not (isinstance(power, Number) and power.text.isdigit()):
            raise reader.fail(f"ambiguous exponent of \\{name}", power.span, f"write \\left(\\{name} x\\right)^n")
    argument = read_operand(reader, stops, f"\\{name}")
    node: Node = Function(name, argument, span=reader.span_from(start), enclosed=argument.enclosed)
    if power is not None:
        node = Power(node, power, span=reader.span_from(start), enclosed=argument.enclosed)
    return node


def read_named_function(reader: Reader, stops: tuple[str, ...]) -> Node:
    r"""`\mathrm{erf}(x)`, `\operatorname{sigmoid}(x)`: functions without a command of their own."""
    name = font_word(reader)
    start = skip_word(reader)
    argument = read_operand(reader, stops, name)
    return Function(name, argument, span=reader.span_from(start), enclosed=argument.enclosed)


def read_extremum(reader: Reader, stops: tuple[str, ...]) -> Node:
    r"""`\max(a,b)`, `\min\{a,b\}`."""
    start, name = reader.token.start, reader.advance().text
    if not (reader.at(SYMBOL, "(") or reader.at(COMMAND, "{")):
        raise reader.fail(f"\\{name} takes its arguments in brackets: \\{name}(a,b)")
    closing = (SYMBOL, ")") if reader.advance().text == "(" else (COMMAND, "}")
    arguments = [reader.expression()]
    while reader.at(SYMBOL, ","):
        reader.advance()
        arguments.append(reader.expression())
    reader.expect(*closing)
    return Extremum(name, tuple(arguments), span=reader.span_from(start), enclosed=True)


def read_clip(reader: Reader, stops: tuple[str, ...]) -> Node:
    r"""`\operatorname{clip}(x,a,b)` is `\min(\max(x,a),b)`."""
    start = skip_word(reader)
    reader.expect(SYMBOL, "(")
    parts = [reader.expression()]
    while reader.at(SYMBOL, ","):
        reader.advance()
        parts.append(reader.expression())
    reader.expect(SYMBOL, ")")
    if len(parts) != 3:
        raise reader.fail("clip takes a number and two bounds: clip(x,a,b)", reader.span_from(start))
    value, low, high = parts
    span = reader.span_from(start)
    above = Extremum("max", (value, low), span=span, enclosed=True)
    return Extremum("min", (above, high), span=span, enclosed=True)


def read_arg(reader: Reader, stops: tuple[str, ...]) -> Node:
    r"""`\arg\min_c f`."""
    start = reader.advance().start
    if not reader.at(COMMAND, "min"):
        raise reader.fail("only \\arg\\min is supported")
    reader.advance()
    return _arg_min(reader, start, stops)


def read_arg_min_word(reader: Reader, stops: tuple[str, ...]) -> Node:
    r"""`\operatorname*{arg\,min}_{c} f`."""
    return _arg_min(reader, skip_word(reader), stops)


def _arg_min(reader: Reader, start: int, stops: tuple[str, ...]) -> Node:
    if not reader.at(SYMBOL, "_"):
        raise reader.fail("\\arg\\min needs its variable: \\operatorname*{arg\\,min}_{c}")
    reader.advance()
    variable = read_subscript(reader)
    objective = reader.term(stops)
    if reader.at_any(SYMBOL, "+-"):
        raise reader.fail("ambiguous: does \\arg\\min apply to the whole sum?", suggestion="add brackets")
    return ArgMin(variable, objective, span=reader.span_from(start))


def read_pi(reader: Reader, stops: tuple[str, ...]) -> Node:
    r"""The number `\pi`."""
    token = reader.advance()
    refuse_call(reader, "\\pi", "reserved unless declared", token.start)
    return Constant("pi", span=(token.start, token.end))


def read_infinity(reader: Reader, stops: tuple[str, ...]) -> Node:
    r"""`\infty`, as a limit."""
    token = reader.advance()
    return Constant("infinity", span=(token.start, token.end))


def read_identity(reader: Reader, stops: tuple[str, ...]) -> Node:
    r"""`\mathbf{I}`, `\mathrm{I}`: the identity matrix."""
    return reader.identity(skip_word(reader))


def read_zero(reader: Reader, stops: tuple[str, ...]) -> Node:
    r"""`\mathbf{0}`: the zero vector."""
    start = skip_word(reader)
    return Number("0", span=reader.span_from(start), enclosed=True)


def read_euler(reader: Reader, stops: tuple[str, ...]) -> Node:
    r"""`\mathrm{e}`: Euler's number, with its exponent."""
    return reader.euler(skip_word(reader))


def read_norm(reader: Reader, stops: tuple[str, ...]) -> Node:
    r"""`\|x\|`."""
    start = reader.advance().start
    with reader.brackets():
        node = reader.expression(stops=(DOUBLE_BAR,))
    reader.expect(COMMAND, "|")
    return Norm(node, span=reader.span_from(start), enclosed=True)


def read_norm_subscript(reader: Reader, node: Node) -> Node:
    r"""`\|x\|_2` is the Euclidean norm of a vector, `\|A\|_F` the Frobenius norm of a matrix."""
    if not isinstance(node, Norm):
        return node
    reader.subscript_first()
    if reader.at(SYMBOL, "_"):
        start = reader.advance().start
        which = canonical(reader.group_tokens())
        if which == "F":
            return dataclasses.replace(node, frobenius=True)
        if which != "2":
            raise reader.fail(
                f"only the Euclidean norm \\|x\\| and the Frobenius norm \\|A\\|_F are read, not the norm {which}",
                reader.span_from(start),
            )
    return node


def read_inner(reader: Reader, stops: tuple[str, ...]) -> Node:
    r"""`\langle x, y\rangle`."""
    start = reader.advance().start
    left = reader.expression()
    reader.expect(SYMBOL, ",")
    right = reader.expression()
    reader.expect(COMMAND, "rangle")
    return Inner(left, right, span=reader.span_from(start), enclosed=True)


def read_braces(reader: Reader, stops: tuple[str, ...]) -> Node:
    r"""`\{...\}` used as brackets."""
    start = reader.advance().start
    inside, reader.open_integrals = reader.open_integrals, 0
    node = reader.expression()
    reader.expect(COMMAND, "}")
    reader.open_integrals = inside
    return dataclasses.replace(node, span=reader.span_from(start), enclosed=True)


def read_trace(reader: Reader, stops: tuple[str, ...]) -> Node:
    r"""`\mathrm{tr}(A)`."""
    start = skip_word(reader)
    operand = read_operand(reader, stops, "tr")
    return Trace(operand, span=reader.span_from(start), enclosed=operand.enclosed)


def read_determinant(reader: Reader, stops: tuple[str, ...]) -> Node:
    r"""`\det A`."""
    start = reader.advance().start
    return _determinant(reader, start, stops)


def read_determinant_word(reader: Reader, stops: tuple[str, ...]) -> Node:
    r"""`\mathrm{det}(A)`."""
    return _determinant(reader, skip_word(reader), stops)


def _determinant(reader: Reader, start: int, stops: tuple[str, ...]) -> Node:
    operand = read_operand(reader, stops, "\\det")
    return Determinant(operand, span=reader.span_from(start), enclosed=operand.enclosed)


def read_diagonal(reader: Reader, stops: tuple[str, ...]) -> Node:
    r"""`\operatorname{diag}(v)`."""
    start = skip_word(reader)
    operand = read_operand(reader, stops, "diag")
    return Diagonal(operand, span=reader.span_from(start), enclosed=operand.enclosed)


def read_big_o_word(reader: Reader, stops: tuple[str, ...]) -> Node:
    r"""`\mathcal{O}(h^n)`."""
    return read_big_o(reader, skip_word(reader))


def read_big_o(reader: Reader, start: int) -> Node:
    """`O(h^n)` from its opening bracket on."""
    reader.expect(SYMBOL, "(")
    inside = reader.expression()
    reader.expect(SYMBOL, ")")
    span = reader.span_from(start)
    match inside:
        case Name(key=key):
            return BigO(key, 1, span=span, enclosed=True)
        case Power(base=Name(key=key), exponent=Number(text=text)) if text.isdigit():
            return BigO(key, int(text), span=span, enclosed=True)
        case Power(base=Name(key=key), exponent=Negate(operand=Number(text=text))) if text.isdigit() and int(text):
            return BigO(key, -int(text), span=span, enclosed=True)
        case Divide(numerator=Number(text="1"), denominator=Name(key=key)):
            return BigO(key, -1, span=span, enclosed=True)
        case Divide(numerator=Number(text="1"), denominator=Power(base=Name(key=key), exponent=Number(text=text))) if (
            text.isdigit() and int(text)
        ):
            return BigO(key, -int(text), span=span, enclosed=True)
    raise reader.fail("O(...) takes a power of one variable: O(h^3), or O(N^{-1}) for one that grows", span)


def read_colour(reader: Reader, stops: tuple[str, ...]) -> Node:
    r"""`\color{red}` and `\textcolor{red}{...}` say nothing."""
    reader.advance()
    reader.group_tokens()
    return reader.factor(stops)


def read_boxed(reader: Reader, stops: tuple[str, ...]) -> Node:
    r"""`\boxed{a}` is a."""
    reader.advance()
    return dataclasses.replace(reader.group(), enclosed=True)


def read_underbrace(reader: Reader, stops: tuple[str, ...]) -> Node:
    r"""`\underbrace{a}_{note}` is a; the note says nothing."""
    reader.advance()
    inner = reader.inside(reader.group_tokens())
    node = inner.expression()
    inner.expect_end()
    if reader.at(SYMBOL, "_") or reader.at(SYMBOL, "^"):
        reader.advance()
        reader.group_tokens()
    return dataclasses.replace(node, enclosed=True)
