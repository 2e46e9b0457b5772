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
    read_boxed,
    read_braces,
    read_clip,
    read_colour,
    read_determinant,
    read_determinant_word,
    read_diagonal,
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
from verify.language.cases import OPENED, read_cases, read_indicator
from verify.language.derivatives import read_at_point, read_divergence_word, read_laplacian, read_nabla, read_partial
from verify.language.integrals import big_operator_reader, read_integral
from verify.language.laws import moment_reader, read_gaussian, read_kl_word
from verify.language.limits import read_limit
from verify.language.names import FONTS, starts_name
from verify.language.operands import font_word
from verify.language.tree import (
    ELEMENTARY,
    Derivative,
    Determinant,
    Diagonal,
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
    ("limsup liminf", "upper and lower limits are not read", "state the limit, or an inequality"),
    ("pm mp", "two statements in one", "give each sign a chain of its own"),
    ("odot otimes oplus circ", "this product is not read", "write the components, or declare a function"),
    ("binom choose", "binomial coefficients are not read", "write the number"),
    ("arcsin arccos arcsinh cosec sec cot", "this function is not read", "declare it: - $f(x)$ : function"),
    ("bf it sf tt cal", "old font commands are not read", "write \\mathbf{x}"),
    ("underset overset stackrel", "a mark over or under a symbol is not read here", "write it as a subscript"),
    ("forall exists notin subset", "this is a statement in words", "put it outside the formula"),
    ("cancel phantom textbf textit", "this is layout", "leave it out"),
)
# Macros that many authors define for themselves: what they usually stand for.
_MACROS = {
    name: f"author macros are not expanded; if it stands for that, write {meaning}"
    for names, meaning in (
        ("norm", "\\|x\\|"),
        ("abs", "|x|"),
        ("E Exp Ex expect expectation", "\\mathbb{E}_{x\\sim p}[x]"),
        ("KL kl KLD DKL", "D_{\\mathrm{KL}}(p\\,\\|\\,q)"),
        ("dd diff dx dt dif", "\\mathrm{d}x"),
        ("dv pdv pd od", "\\frac{\\partial f}{\\partial x}"),
        ("Var var", "\\mathrm{Var}[x]"),
        ("Cov cov", "\\mathrm{Cov}[x]"),
        ("N Normal normal", "\\mathcal{N}(x;\\mu,\\sigma^2 I)"),
        ("argmin argmax", "\\operatorname*{arg\\,min}_c"),
        ("x y z bx by bz vx vy vz xv", "\\mathbf{x}"),
        ("eps veps beps bepsilon", "\\boldsymbol{\\epsilon}"),
        ("I eye Id", "\\mathbf{I}"),
        ("p s b", "brackets: \\left(x\\right)"),
        ("tr Tr trace", "\\operatorname{tr}(A)"),
        ("divergence grad", "\\nabla\\cdot f or \\nabla f"),
    )
    for name in names.split()
}
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
    "left.": read_at_point,
    "int": read_integral,
    "iint": read_integral,
    "sum": big_operator_reader(Summation),
    "prod": big_operator_reader(Product),
    "lim": read_limit,
    OPENED: read_cases,
    "color": read_colour,
    "textcolor": read_colour,
    "boxed": read_boxed,
    "underbrace": read_underbrace,
    "overbrace": read_underbrace,
    "arg": read_arg,
    "det": read_determinant,
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
    "det": read_determinant_word,
    "diag": read_diagonal,
    "KL": read_kl_word,
    "div": read_divergence_word,
    "argmin": read_arg_min_word,
    "sigmoid": read_named_function,
    "indicator": read_indicator,
    "clip": read_clip,
    "clamp": read_clip,
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
        raise reader.fail(f"\\{token.text} is not read here", suggestion="entries of matrices are not read")
    if token.text in ("}", "rangle"):
        raise reader.fail(f"unbalanced \\{token.text}: nothing opens it")
    for words, message, suggestion in _REFUSED:
        if token.text in words.split():
            raise reader.fail(f"\\{token.text}: {message}", suggestion=suggestion)
    raise reader.fail(
        f"unknown macro \\{token.text}",
        suggestion=_MACROS.get(token.text, "write what it stands for: author macros are not expanded"),
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
        case Determinant(operand=operand):
            return "\\det", operand
        case Diagonal(operand=operand):
            return "diag", operand
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
