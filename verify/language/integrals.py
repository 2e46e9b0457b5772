r"""Commands that run over a variable or an index: integrals, sums, products."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from verify.language.names import canonical, latex_of_key
from verify.language.operands import occurs_in
from verify.language.scope import NONNEGATIVE, POSITIVE, UNIT
from verify.language.tokens import COMMAND, SYMBOL
from verify.language.tree import (
    Constant,
    Divide,
    DotProduct,
    Integral,
    Multiply,
    Name,
    Negate,
    Node,
    Product,
    Summation,
)

if TYPE_CHECKING:
    from verify.language.reader import Reader

_INTEGRALS = {"int": 1, "iint": 2}


def read_integral(reader: Reader, stops: tuple[str, ...]) -> Node:
    r"""`\int_a^b f\,\mathrm{d}t`, `\iint f\,\mathrm{d}x\,\mathrm{d}y`."""
    start, signs = reader.token.start, 0
    lower = upper = None
    while reader.token.kind == COMMAND and reader.token.text in _INTEGRALS:
        signs += _INTEGRALS[reader.advance().text]
    over, everywhere = "", False
    while reader.at_any(SYMBOL, "_^"):
        if reader.advance().text == "^":
            upper = reader.group()
        elif _skip_whole_space(reader):
            everywhere = True
        else:
            lower = reader.group()
    if upper is None and isinstance(lower, Name):
        over, lower = lower.key, None  # \\int_x f dx: over all of x, when x is what it integrates over
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
    if over and variables != [over]:
        raise reader.fail("an integral has both limits or none", reader.span_from(start))
    if lower == Negate(Constant("infinity")) and upper == Constant("infinity"):
        lower, upper, everywhere = None, None, True
    if everywhere:
        _refuse_half_lines(reader, variables, start)
    return Integral(tuple(variables), lower, upper, integrand, span=reader.span_from(start), enclosed=True)


def _refuse_half_lines(reader: Reader, variables: list[str], start: int) -> None:
    """An integral without limits runs over the declared domain; limits at both infinities must say the same."""
    for key in variables:
        domain = reader.scope.declarations[key].domain
        if domain in (POSITIVE, NONNEGATIVE, UNIT):
            name, words = latex_of_key(key), "in (0,1)" if domain == UNIT else domain
            raise reader.fail(
                f"{name} is declared {words}, but the integral runs over the whole line",
                reader.span_from(start),
                f"declare {name} real, or write \\int without limits for all its values",
            )


def _skip_whole_space(reader: Reader) -> bool:
    r"""`\int_{\mathbb{R}^d}` is the integral over all space."""
    mark = reader.position
    if re.fullmatch(r"\\mathbb ?R(\^[A-Za-z0-9])?", canonical(reader.group_tokens())):
        return True
    reader.position = mark
    return False


def big_operator_reader(kind: type[Summation] | type[Product]) -> Callable[[Reader, tuple[str, ...]], Node]:
    r"""A reader of `\sum_{i=1}^{N}` or `\prod_{i=1}^{N}`; its body is one term."""

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
            return _has_free_tail(first, index) or any(not occurs_in(part, index) for part in tail)
        case DotProduct(left=first, right=last) | Divide(numerator=first, denominator=last):
            return _has_free_tail(first, index) or not occurs_in(last, index)
    return False
