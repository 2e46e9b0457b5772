r"""Constructs that begin with a command: which command or word in a font is read by which reader.

The readers themselves are in `algebra`, `derivatives`, `integrals` and `laws`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from verify.language.algebra import (
    read_arg,
    read_arg_min_word,
    read_big_o_word,
    read_braces,
    read_colour,
    read_euler,
    read_extremum,
    read_fraction,
    read_function,
    read_identity,
    read_infinity,
    read_inner,
    read_named_function,
    read_norm,
    read_pi,
    read_root,
    read_trace,
    read_underbrace,
    read_zero,
)
from verify.language.derivatives import read_laplacian, read_nabla, read_partial
from verify.language.integrals import big_operator_reader, read_integral
from verify.language.laws import moment_reader, read_gaussian, read_kl_word
from verify.language.names import FONTS, starts_name
from verify.language.operands import font_word
from verify.language.tree import (
    ELEMENTARY,
    Derivative,
    Divergence,
    Function,
    Gradient,
    Hessian,
    Laplacian,
    Moment,
    Node,
    Product,
    Summation,
    Trace,
)

if TYPE_CHECKING:
    from verify.language.reader import Reader

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
    "frac": read_fraction,
    "sqrt": read_root,
    "max": read_extremum,
    "min": read_extremum,
    "pi": read_pi,
    "infty": read_infinity,
    "|": read_norm,
    "langle": read_inner,
    "{": read_braces,
    "partial": read_partial,
    "nabla": read_nabla,
    "Delta": read_laplacian,
    "int": read_integral,
    "iint": read_integral,
    "sum": big_operator_reader(Summation),
    "prod": big_operator_reader(Product),
    "color": read_colour,
    "textcolor": read_colour,
    "underbrace": read_underbrace,
    "overbrace": read_underbrace,
    "arg": read_arg,
}
_WORDS: dict[str, _Handler] = {
    "E": moment_reader("E"),
    "Var": moment_reader("Var"),
    "Cov": moment_reader("Cov"),
    "N": read_gaussian,
    "O": read_big_o_word,
    "I": read_identity,
    "0": read_zero,
    "e": read_euler,
    "tr": read_trace,
    "Tr": read_trace,
    "KL": read_kl_word,
    "argmin": read_arg_min_word,
    "sigmoid": read_named_function,
    "erf": read_named_function,
}


def read_command(reader: Reader, stops: tuple[str, ...]) -> Node:
    """The atom that begins with the command here."""
    token = reader.token
    if token.text in FONTS:
        handler = _WORDS.get(font_word(reader))
        if handler is not None and not _is_declared(reader):
            return handler(reader, stops)
    handler = _COMMANDS.get(token.text)
    if handler is not None and not _is_declared(reader):
        return handler(reader, stops)
    if token.text in ELEMENTARY:
        return read_function(reader, stops)
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


def _is_declared(reader: Reader) -> bool:
    """Does the claim declare the very name that begins here?"""
    if not starts_name(reader.token):
        return False
    mark = reader.position
    key = reader.written_name().key
    reader.position = mark
    return key in reader.scope
