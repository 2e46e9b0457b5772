r"""Constructs that begin with a command: fractions, roots, derivatives, integrals, laws, expectations."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from verify.language.calls import refuse_call
from verify.language.names import FONTS, canonical, latex_of_key, starts_name
from verify.language.tokens import COMMAND, LETTER, NUMBER, SYMBOL, Token
from verify.language.tree import (
    ELEMENTARY,
    Absolute,
    ArgMin,
    BigO,
    Call,
    Constant,
    Derivative,
    Divergence,
    Divide,
    DotProduct,
    Extremum,
    Function,
    Gaussian,
    Gradient,
    Hessian,
    Identity,
    Inner,
    Integral,
    KullbackLeibler,
    Laplacian,
    Moment,
    Multiply,
    Name,
    Negate,
    Node,
    Norm,
    Number,
    Power,
    Product,
    Root,
    Summation,
    Trace,
)

if TYPE_CHECKING:
    from verify.language.reader import Reader

MAX_DERIVATIVE = 6
BAR, DOUBLE_BAR = "|", "\\|"
_CLOSING = {"[": (SYMBOL, "]"), "(": (SYMBOL, ")"), "{": (COMMAND, "}")}


def read_command(reader: Reader, stops: tuple[str, ...]) -> Node:
    """The atom that begins with the command here."""
    token = reader.token
    if token.text in FONTS:
        handler = _WORDS.get(_font_word(reader))
        if handler is not None and not _is_declared(reader):
            return handler(reader, stops)
    handler = _COMMANDS.get(token.text)
    if handler is not None and not _is_declared(reader):
        return handler(reader, stops)
    if token.text in ELEMENTARY:
        return _function(reader, stops)
    if starts_name(token):
        return reader.name()
    if token.text in ("begin", "end"):
        raise reader.fail(f"\\{token.text} is not read here", suggestion="matrices and cases are not supported yet")
    if token.text in ("}", "rangle"):
        raise reader.fail(f"unbalanced \\{token.text}: nothing opens it")
    for words, message, suggestion in _REFUSED:
        if token.text in words.split():
            raise reader.fail(f"\\{token.text}: {message}", suggestion=suggestion)
    raise reader.fail(
        f"unknown command \\{token.text}", suggestion="write what it stands for: author macros are not expanded"
    )


def operand_of(node: Node) -> tuple[str, Node] | None:
    """The name and the operand of an operator that is written in front of its operand."""
    match node:
        case Function(name=name, argument=argument):
            return f"\\{name}", argument
        case Gradient(operand=operand) | Hessian(operand=operand) | Divergence(operand=operand):
            return "\\nabla", operand
        case Laplacian(operand=operand):
            return "\\Delta", operand
        case Derivative(operand=operand):
            return "the derivative", operand
        case Trace(operand=operand):
            return "tr", operand
        case Moment(kind=kind, body=body):
            return kind, body
    return None


def skip_norm_subscript(reader: Reader, node: Node) -> None:
    r"""`\|x\|_2`: the Euclidean norm is the only one here."""
    if not isinstance(node, Norm):
        return
    reader.subscript_first()
    if reader.at(SYMBOL, "_"):
        start = reader.advance().start
        which = canonical(reader.group_tokens())
        if which != "2":
            raise reader.fail(f"only the Euclidean norm is supported, not the norm {which}", reader.span_from(start))


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
    raise reader.fail("O(...) takes a power of one variable: O(h^3)", span)


# ---------------------------------------------------------------- helpers


def _font_word(reader: Reader) -> str:
    r"""The word in `\mathrm{Var}`, `\operatorname*{arg\,min}`; '' when it is something else."""
    ahead = 1
    if reader.at(SYMBOL, "*", ahead):
        ahead += 1
    if not reader.at(SYMBOL, "{", ahead):
        token = reader.peek(ahead)
        return _key_word(reader.token.text, token.text) if token.kind in (LETTER, NUMBER) else ""
    word, ahead = "", ahead + 1
    while reader.peek(ahead).kind in (LETTER, COMMAND, NUMBER):
        word += reader.peek(ahead).text
        ahead += 1
    if not reader.at(SYMBOL, "}", ahead):
        return ""
    return _key_word(reader.token.text, word)


def _key_word(font: str, word: str) -> str:
    """One-letter words keep their font: `\\mathbb{E}` is an expectation, `\\mathrm{E}` a name."""
    return _LETTERS.get(font, {}).get(word, "") if len(word) == 1 else word


_BOLD = {"I": "I", "0": "0"}
_LETTERS = {
    "mathbb": {"E": "E", "V": "Var"},
    "mathcal": {"N": "N", "O": "O"},
    "mathbf": _BOLD,
    "boldsymbol": _BOLD,
    "mathrm": {"I": "I", "e": "e"},
    "text": {"e": "e"},
}


def _is_declared(reader: Reader) -> bool:
    """Does the claim declare the very name that begins here?"""
    if not starts_name(reader.token):
        return False
    mark = reader.position
    key = reader.written_name().key
    reader.position = mark
    return key in reader.scope


def _skip_word(reader: Reader) -> int:
    """Step over `\\mathrm{...}` or `\\operatorname*{...}`; returns where it began."""
    start = reader.advance().start
    if reader.at(SYMBOL, "*"):
        reader.advance()
    reader.group_tokens()
    return start


def _operand(reader: Reader, stops: tuple[str, ...], name: str) -> Node:
    """The factor that an operator written in front applies to."""
    if reader.at_any(SYMBOL, "+-"):
        raise reader.fail(f"{name} before a sign needs brackets", suggestion=f"write {name}(...)")
    operand = reader.factor(stops)
    if isinstance(operand, Power) and operand.base.enclosed and not isinstance(operand.base, Norm | Absolute | Inner):
        raise reader.fail(
            f"ambiguous: a power of {name}(...), or {name} of a power?",
            operand.span,
            f"write \\left({name} ...\\right)^n or {name}\\left((...)^n\\right)",
        )
    return operand


def _subscript_variable(reader: Reader) -> str:
    inner = reader.inside(reader.group_tokens())
    key = inner.variable()
    inner.expect_end()
    return key


def _order(reader: Reader) -> int:
    """The order of a derivative after `^`, 1 when there is none."""
    if not reader.at(SYMBOL, "^"):
        return 1
    reader.advance()
    node = reader.group()
    if isinstance(node, Number) and node.text.isdigit() and 1 <= int(node.text) <= MAX_DERIVATIVE:
        return int(node.text)
    raise reader.fail(f"the order of a derivative is a number from 1 to {MAX_DERIVATIVE}", node.span)


# ---------------------------------------------------------------- algebra


def _fraction(reader: Reader, stops: tuple[str, ...]) -> Node:
    start = reader.advance().start
    derivative = _fraction_derivative(reader, start, stops)
    if derivative is not None:
        return derivative
    reader.digit_pair()
    numerator = reader.group()
    return Divide(numerator, reader.group(), span=reader.span_from(start), enclosed=True)


def _root(reader: Reader, stops: tuple[str, ...]) -> Node:
    start = reader.advance().start
    degree = None
    if reader.at(SYMBOL, "["):
        reader.advance()
        degree = reader.expression()
        reader.expect(SYMBOL, "]")
    return Root(reader.group(), degree, span=reader.span_from(start), enclosed=True)


def _function(reader: Reader, stops: tuple[str, ...]) -> Node:
    start, name = reader.token.start, reader.advance().text
    power = None
    if reader.at(SYMBOL, "^"):
        reader.advance()
        power = reader.group()
        if not (isinstance(power, Number) and power.text.isdigit()):
            raise reader.fail(f"ambiguous exponent of \\{name}", power.span, f"write \\left(\\{name} x\\right)^n")
    argument = _operand(reader, stops, f"\\{name}")
    node: Node = Function(name, argument, span=reader.span_from(start), enclosed=argument.enclosed)
    if power is not None:
        node = Power(node, power, span=reader.span_from(start), enclosed=argument.enclosed)
    return node


def _named_function(reader: Reader, stops: tuple[str, ...]) -> Node:
    name = _font_word(reader)
    start = _skip_word(reader)
    argument = _operand(reader, stops, name)
    return Function(name, argument, span=reader.span_from(start), enclosed=argument.enclosed)


def _extremum(reader: Reader, stops: tuple[str, ...]) -> Node:
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


def _pi(reader: Reader, stops: tuple[str, ...]) -> Node:
    token = reader.advance()
    refuse_call(reader, "\\pi", "reserved unless declared", token.start)
    return Constant("pi", span=(token.start, token.end))


def _infinity(reader: Reader, stops: tuple[str, ...]) -> Node:
    token = reader.advance()
    return Constant("infinity", span=(token.start, token.end))


def _identity(reader: Reader, stops: tuple[str, ...]) -> Node:
    start = _skip_word(reader)
    return Identity(span=reader.span_from(start))


def _zero(reader: Reader, stops: tuple[str, ...]) -> Node:
    start = _skip_word(reader)
    return Number("0", span=reader.span_from(start), enclosed=True)


def _euler(reader: Reader, stops: tuple[str, ...]) -> Node:
    return reader.euler(_skip_word(reader))


def _norm(reader: Reader, stops: tuple[str, ...]) -> Node:
    start = reader.advance().start
    with reader.brackets():
        node = reader.expression(stops=(DOUBLE_BAR,))
    reader.expect(COMMAND, "|")
    return Norm(node, span=reader.span_from(start), enclosed=True)


def _inner(reader: Reader, stops: tuple[str, ...]) -> Node:
    start = reader.advance().start
    left = reader.expression()
    reader.expect(SYMBOL, ",")
    right = reader.expression()
    reader.expect(COMMAND, "rangle")
    return Inner(left, right, span=reader.span_from(start), enclosed=True)


def _braces(reader: Reader, stops: tuple[str, ...]) -> Node:
    start = reader.advance().start
    inside, reader.open_integrals = reader.open_integrals, 0
    node = reader.expression()
    reader.expect(COMMAND, "}")
    reader.open_integrals = inside
    return dataclasses.replace(node, span=reader.span_from(start), enclosed=True)


def _trace(reader: Reader, stops: tuple[str, ...]) -> Node:
    start = _skip_word(reader)
    operand = _operand(reader, stops, "tr")
    return Trace(operand, span=reader.span_from(start), enclosed=operand.enclosed)


def _colour(reader: Reader, stops: tuple[str, ...]) -> Node:
    r"""`\color{red}` and `\textcolor{red}{...}` say nothing."""
    reader.advance()
    reader.group_tokens()
    return reader.factor(stops)


def _underbrace(reader: Reader, stops: tuple[str, ...]) -> Node:
    reader.advance()
    inner = reader.inside(reader.group_tokens())
    node = inner.expression()
    inner.expect_end()
    if reader.at(SYMBOL, "_") or reader.at(SYMBOL, "^"):
        reader.advance()
        reader.group_tokens()
    return dataclasses.replace(node, enclosed=True)


# ---------------------------------------------------------------- calculus


def _partial(reader: Reader, stops: tuple[str, ...]) -> Node:
    start = reader.advance().start
    order = _order(reader)
    if not reader.at(SYMBOL, "_"):
        raise reader.fail(
            "\\partial needs its variable", suggestion="write \\partial_t or \\frac{\\partial}{\\partial t}"
        )
    reader.advance()
    variable = _subscript_variable(reader)
    if order == 1:
        order = _order(reader)
    operand = _operand(reader, stops, "\\partial")
    return Derivative(variable, order, operand, span=reader.span_from(start))


def _fraction_derivative(reader: Reader, start: int, stops: tuple[str, ...]) -> Node | None:
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
    order = _order(reader)
    body = None if reader.at(SYMBOL, "}") else reader.expression()
    reader.expect(SYMBOL, "}")
    reader.expect(SYMBOL, "{")
    below = _derivative_sign(reader)
    if below is None or below[0] != partial:
        raise reader.fail("a derivative needs the same d above and below the line")
    reader.position += below[1]
    variable = reader.variable()
    order_below = _order(reader)
    if not reader.at(SYMBOL, "}"):
        raise reader.fail("only derivatives in one variable", suggestion="write \\partial_x\\partial_y f")
    reader.advance()
    if order != order_below:
        raise reader.fail("the orders of the derivative differ above and below the line", reader.span_from(start))
    if body is not None:
        return Derivative(variable, order, body, partial, span=reader.span_from(start), enclosed=True)
    operand = _operand(reader, stops, "the derivative")
    return Derivative(variable, order, operand, partial, span=reader.span_from(start))


def _derivative_sign(reader: Reader) -> tuple[bool, int] | None:
    r"""(partial, tokens) of `\partial`, `\mathrm{d}` or an italic `d` that is no name and no dimension."""
    if reader.at(COMMAND, "partial") and not reader.at(SYMBOL, "_", 1):
        return True, 1
    if (
        reader.at(COMMAND, "mathrm")
        and reader.at(SYMBOL, "{", 1)
        and reader.at(LETTER, "d", 2)
        and reader.at(SYMBOL, "}", 3)
    ):
        return False, 4
    if (reader.at(COMMAND, "mathrm") or reader.at(COMMAND, "rm")) and reader.at(LETTER, "d", 1):
        return False, 2
    if not reader.at(LETTER, "d") or "d" in reader.scope:
        return None
    if not _denominator_is_differential(reader):
        return None
    if reader.scope.dimension == "any":
        raise reader.fail(
            "ambiguous: the dimension d, or a differential?",
            suggestion="write \\frac{\\mathrm{d}}{\\mathrm{d}t} for the derivative",
        )
    return False, 1


def _denominator_is_differential(reader: Reader) -> bool:
    """Italic d is a differential only when the part below the line is `d` and one name."""
    ahead, depth = 0, 1
    while depth and reader.peek(ahead).kind != "end":
        depth += reader.at(SYMBOL, "{", ahead) - reader.at(SYMBOL, "}", ahead)
        ahead += 1
    if not reader.at(SYMBOL, "{", ahead):  # we are below the line already
        return starts_name(reader.peek(1))
    return reader.at(LETTER, "d", ahead + 1) and starts_name(reader.peek(ahead + 2))


def _nabla(reader: Reader, stops: tuple[str, ...]) -> Node:
    start = reader.advance().start
    variable, order = None, 1
    if reader.at(SYMBOL, "_"):
        reader.advance()
        variable = _subscript_variable(reader)
    if reader.at(SYMBOL, "^"):
        order = _order(reader)
    if variable is None and reader.at(SYMBOL, "_"):
        reader.advance()
        variable = _subscript_variable(reader)
    if reader.at(COMMAND, "cdot") and order == 1:
        reader.advance()
        operand = _operand(reader, stops, "\\nabla\\cdot")
        _refuse_unmarked(reader, variable, operand, start)
        return Divergence(variable, operand, span=reader.span_from(start))
    operand = _operand(reader, stops, "\\nabla")
    _refuse_unmarked(reader, variable, operand, start)
    if order == 2:
        return Hessian(variable, operand, span=reader.span_from(start))
    if order != 1:
        raise reader.fail("only \\nabla and \\nabla^2", reader.span_from(start))
    return Gradient(variable, operand, span=reader.span_from(start))


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
        if not isinstance(call, Call) or _mentions(operand, space):
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


def _laplacian(reader: Reader, stops: tuple[str, ...]) -> Node:
    start = reader.advance().start
    variable = None
    if reader.at(SYMBOL, "_"):
        reader.advance()
        variable = _subscript_variable(reader)
    operand = _operand(reader, stops, "\\Delta")
    if isinstance(operand, Name | Number):
        raise reader.fail(
            "\\Delta before a variable: a step, or the Laplacian?",
            reader.span_from(start),
            "give the step a name of its own: - $h$ : positive",
        )
    _refuse_unmarked(reader, variable, operand, start)
    return Laplacian(variable, operand, span=reader.span_from(start))


def _integral(reader: Reader, stops: tuple[str, ...]) -> Node:
    start, signs = reader.token.start, 0
    lower = upper = None
    while reader.token.kind == COMMAND and reader.token.text in _INTEGRALS:
        signs += _INTEGRALS[reader.advance().text]
    while reader.at_any(SYMBOL, "_^"):
        if reader.advance().text == "^":
            upper = reader.group()
        elif not _skip_whole_space(reader):
            lower = reader.group()
    if (lower is None) != (upper is None):
        raise reader.fail("an integral has both limits or none", reader.span_from(start))
    if signs > 1 and lower is not None:
        raise reader.fail("limits on a multiple integral are not supported", reader.span_from(start))
    reader.open_integrals += 1
    integrand = reader.expression(stops)
    variables: list[str] = []
    while (length := reader.differential_length()) and (len(variables) < signs or reader.open_integrals == 1):
        reader.position += length
        variables.append(reader.variable())
    reader.open_integrals -= 1
    if len(variables) != signs:
        raise reader.fail(
            f"{signs} integral sign{'s' * (signs != 1)} but {len(variables)} differential{'s' * (len(variables) != 1)}",
            reader.span_from(start),
            "end the integrand with \\,\\mathrm{d}x",
        )
    if lower == Negate(Constant("infinity")) and upper == Constant("infinity"):
        lower = upper = None
    return Integral(tuple(variables), lower, upper, integrand, span=reader.span_from(start), enclosed=True)


def _skip_whole_space(reader: Reader) -> bool:
    r"""`\int_{\mathbb{R}^d}` is the integral over all space."""
    mark = reader.position
    if re.fullmatch(r"\\mathbb ?R(\^[A-Za-z0-9])?", canonical(reader.group_tokens())):
        return True
    reader.position = mark
    return False


_INTEGRALS = {"int": 1, "iint": 2}


def _big_operator(kind: type[Summation] | type[Product]) -> Callable[[Reader, tuple[str, ...]], Node]:
    def read(reader: Reader, stops: tuple[str, ...]) -> Node:
        start, sign = reader.token.start, reader.advance().text
        lower = upper = None
        reader.subscript_first()
        if not reader.at(SYMBOL, "_"):
            raise reader.fail(f"\\{sign} needs its index", suggestion=f"write \\{sign}_{{i=1}}^{{N}}")
        reader.advance()
        inner = reader.inside(reader.group_tokens())
        index = inner.variable()
        if inner.at(SYMBOL, "="):
            inner.advance()
            lower = inner.expression()
        inner.expect_end()
        if reader.at(SYMBOL, "^"):
            reader.advance()
            upper = reader.group()
        if (lower is None) != (upper is None):
            raise reader.fail(f"\\{sign} has both limits or none", reader.span_from(start))
        body = reader.term(stops)
        if kind is Product and _has_free_tail(body, index):
            raise reader.fail(
                f"ambiguous: does \\prod apply to the factors without {latex_of_key(index)}?",
                reader.span_from(start),
                "add brackets, or put the other factor first",
            )
        return kind(index, lower, upper, body, span=reader.span_from(start))

    return read


def _has_free_tail(body: Node, index: str) -> bool:
    """Do factors follow, outside brackets, in which the index of the product does not occur?"""
    if body.enclosed:
        return False
    match body:
        case Multiply(factors=(first, *tail)):
            return _has_free_tail(first, index) or any(not _mentions(part, index) for part in tail)
        case DotProduct(left=first, right=last) | Divide(numerator=first, denominator=last):
            return _has_free_tail(first, index) or not _mentions(last, index)
    return False


def _mentions(node: Node, key: str) -> bool:
    return any(isinstance(part, Name) and part.key == key for part in node.walk())


# ---------------------------------------------------------------- probability


def _gaussian(reader: Reader, stops: tuple[str, ...]) -> Node:
    start = _skip_word(reader)
    if not (reader.at(SYMBOL, "(") or reader.at(SYMBOL, "[")):
        raise reader.fail("\\mathcal{N} needs its arguments: \\mathcal{N}(x;\\mu,\\sigma^2 I)")
    closing = _CLOSING[reader.advance().text]
    with reader.brackets():
        point, mean = None, reader.expression(stops=(BAR,))
        if reader.at_any(SYMBOL, ";|"):
            reader.advance()
            point, mean = mean, reader.expression()
        if not reader.at(SYMBOL, ","):
            raise reader.fail("\\mathcal{N} needs a mean and a covariance, separated by a comma")
        reader.advance()
        covariance = reader.expression()
    reader.expect(*closing)
    return Gaussian(point, mean, covariance, span=reader.span_from(start))


def _moment(kind: str) -> Callable[[Reader, tuple[str, ...]], Node]:
    def read(reader: Reader, stops: tuple[str, ...]) -> Node:
        start = _skip_word(reader)
        laws: tuple[tuple[str, Node | None], ...] = ()
        if reader.at(SYMBOL, "_"):
            reader.advance()
            laws = _laws(reader, reader.group_tokens())
        if reader.at(COMMAND, "|"):
            return Moment(kind, laws, reader.factor(stops), span=reader.span_from(start))
        closing = _CLOSING.get(reader.token.text)
        if closing is None:
            raise reader.fail(f"{kind} needs brackets: {kind}[...]")
        reader.advance()
        with reader.brackets():
            body, given, value = reader.expression(stops=(BAR,)), None, None
            if reader.at(SYMBOL, "|"):
                reader.advance()
                given = reader.variable()
                if reader.at(SYMBOL, "="):
                    reader.advance()
                    value = reader.expression()
        reader.expect(*closing)
        return Moment(kind, laws, body, given, value, span=reader.span_from(start), enclosed=True)

    return read


def _laws(reader: Reader, tokens: list[Token]) -> tuple[tuple[str, Node | None], ...]:
    r"""The subscript of an expectation: `x\sim p`, `q(x_0)`, or names whose law is declared."""
    inner = reader.inside(tokens)
    laws: list[tuple[str, Node | None]] = []
    while True:
        mark = inner.position
        key = inner.written_name().key
        if inner.at(COMMAND, "sim"):
            inner.advance()
            if key not in inner.scope:
                raise inner.fail(f"undeclared name {key}")
            laws.append((key, inner.factor()))
        elif inner.at(SYMBOL, "("):
            inner.position = mark
            density = inner.name()
            first = density.arguments[0] if isinstance(density, Call) and density.arguments else None
            if not isinstance(first, Name):
                raise inner.fail("the expectation's law must name its variable", suggestion="write x\\sim p(x)")
            laws.append((first.key, density))
        else:
            inner.position = mark
            key = inner.variable()
            if inner.scope.declarations[key].kind == "function":
                raise inner.fail(f"expectation over {key}: which variable?", suggestion=f"write x\\sim {key}")
            laws.append((key, None))
        if not inner.at(SYMBOL, ","):
            inner.expect_end()
            return tuple(laws)
        inner.advance()


def _kullback_leibler(reader: Reader, start: int) -> Node:
    if reader.token.text not in "([" or reader.token.kind != SYMBOL:
        raise reader.fail("D_{KL} needs brackets: D_{\\mathrm{KL}}(p\\,\\|\\,q)")
    closing = _CLOSING[reader.advance().text]
    first = reader.expression(stops=(DOUBLE_BAR,))
    reader.expect(COMMAND, "|")
    second = reader.expression()
    reader.expect(*closing)
    return KullbackLeibler(first, second, span=reader.span_from(start), enclosed=True)


def _kl_word(reader: Reader, stops: tuple[str, ...]) -> Node:
    return _kullback_leibler(reader, _skip_word(reader))


def read_kl_letter(reader: Reader) -> Node | None:
    r"""`D_{\mathrm{KL}}(p\|q)`; None when this D is something else."""
    if not (reader.at(LETTER, "D") and reader.at(SYMBOL, "_", 1)):
        return None
    mark, start = reader.position, reader.token.start
    reader.position += 2
    if canonical(reader.group_tokens()) == "KL":
        return _kullback_leibler(reader, start)
    reader.position = mark
    return None


def _arg_min_word(reader: Reader, stops: tuple[str, ...]) -> Node:
    return _arg_min(reader, _skip_word(reader), stops)


def _arg(reader: Reader, stops: tuple[str, ...]) -> Node:
    start = reader.advance().start
    if not reader.at(COMMAND, "min"):
        raise reader.fail("only \\arg\\min is supported")
    reader.advance()
    return _arg_min(reader, start, stops)


def _arg_min(reader: Reader, start: int, stops: tuple[str, ...]) -> Node:
    if not reader.at(SYMBOL, "_"):
        raise reader.fail("\\arg\\min needs its variable: \\operatorname*{arg\\,min}_{c}")
    reader.advance()
    variable = _subscript_variable(reader)
    objective = reader.term(stops)
    if reader.at_any(SYMBOL, "+-"):
        raise reader.fail("ambiguous: does \\arg\\min apply to the whole sum?", suggestion="add brackets")
    return ArgMin(variable, objective, span=reader.span_from(start))


def _big_o_word(reader: Reader, stops: tuple[str, ...]) -> Node:
    return read_big_o(reader, _skip_word(reader))


# Commands that authors use and that are not read: what to write instead.
_REFUSED = (
    ("cdots ldots dots vdots ddots", "an ellipsis does not say what it leaves out", "write \\sum_{i=1}^{N} or \\prod"),
    ("lim limsup liminf", "limits are not read", "state the expansion with O(h^n), or the value"),
    ("pm mp", "two statements in one", "give each sign a chain of its own"),
    ("odot otimes oplus circ", "this product is not read", "write the components, or declare a function"),
    ("binom choose", "binomial coefficients are not read", "write the number"),
    ("arcsin arccos arcsinh cosec sec cot", "this function is not read", "declare it: - $f(x)$ : function"),
    ("bf it sf tt cal", "old font commands are not read", "write \\mathbf{x}"),
    ("underset overset stackrel", "a mark over or under a symbol is not read here", "write it as a subscript"),
    ("forall exists notin subset", "this is a statement in words", "put it outside the formula"),
    ("boxed cancel phantom textbf textit", "this is layout", "leave it out"),
)

_Handler = Callable[["Reader", tuple[str, ...]], Node]

_COMMANDS: dict[str, _Handler] = {
    "frac": _fraction,
    "sqrt": _root,
    "max": _extremum,
    "min": _extremum,
    "pi": _pi,
    "infty": _infinity,
    "|": _norm,
    "langle": _inner,
    "{": _braces,
    "partial": _partial,
    "nabla": _nabla,
    "Delta": _laplacian,
    "int": _integral,
    "iint": _integral,
    "sum": _big_operator(Summation),
    "prod": _big_operator(Product),
    "color": _colour,
    "textcolor": _colour,
    "underbrace": _underbrace,
    "overbrace": _underbrace,
    "arg": _arg,
}
_WORDS: dict[str, _Handler] = {
    "E": _moment("E"),
    "Var": _moment("Var"),
    "Cov": _moment("Cov"),
    "N": _gaussian,
    "O": _big_o_word,
    "I": _identity,
    "0": _zero,
    "e": _euler,
    "tr": _trace,
    "Tr": _trace,
    "KL": _kl_word,
    "argmin": _arg_min_word,
    "sigmoid": _named_function,
    "erf": _named_function,
}
