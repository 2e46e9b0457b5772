r"""Names in a formula: variables, functions with their arguments, members of sequences and families.

What stands between a function's name and its arguments belongs to the function: `g^2(t)` is the square
of g(t), `f'(t)` and `\dot f(t)` are derivatives of f, evaluated at t.
"""

from __future__ import annotations

import dataclasses
import difflib
from typing import TYPE_CHECKING

from verify.language.errors import LanguageError
from verify.language.names import LABELS, WrittenName, canonical, latex_of_key
from verify.language.scope import Declaration
from verify.language.tokens import COMMAND, END, NUMBER, SYMBOL
from verify.language.tree import Call, Dotted, Name, Negate, Node, Number, Power, Primed

if TYPE_CHECKING:
    from verify.language.reader import Reader

BAR = "|"


def read_name(reader: Reader) -> Node:
    """A declared name here: a variable, or a function with or without its arguments."""
    start = reader.token.start
    written = reader.written_name()
    declaration = _labelled(reader, written) or reader.scope.get(written.key)
    if declaration is not None:
        return _applied(reader, declaration, start)
    sequence = reader.scope.get(written.base + "_{.}")
    if sequence is not None and written.sub is not None:
        return _applied(reader, sequence, start, _index(reader, written))
    for accent, order in (("dot", 1), ("ddot", 2)):
        if written.base.startswith(f"\\{accent}{{"):
            plain = WrittenName(written.base[len(accent) + 2 : -1], written.sub, written.sub_tokens)
            return _dotted(reader, plain, order, start)
    raise undeclared(reader, written, start)


def read_variable(reader: Reader) -> str:
    r"""The key of a declared variable, as after `\nabla_`, `\partial_` and `d`."""
    start = reader.token.start
    written = reader.written_name()
    declaration = _labelled(reader, written)
    if declaration is not None:
        return declaration.key
    if written.key not in reader.scope:
        raise undeclared(reader, written, start)
    return written.key


def call_arguments(reader: Reader) -> tuple[tuple[Node, ...], list[str]]:
    """The arguments in brackets and the separators between them (`;` counts as `,`)."""
    reader.expect(SYMBOL, "(")
    with reader.brackets():
        arguments, separators = [reader.expression(stops=(BAR,))], []
        while reader.at_any(SYMBOL, ",;|"):
            separators.append("|" if reader.advance().text == "|" else ",")
            arguments.append(reader.expression(stops=(BAR,)))
        reader.expect(SYMBOL, ")")
    return tuple(arguments), separators


def refuse_call(reader: Reader, name: str, kind: str, start: int) -> None:
    r"""`\sigma(t)` with `\sigma` a number looks like a call and is refused; `\sigma(1-t)` is a product."""
    if not reader.at(SYMBOL, "("):
        return
    ahead, depth = 1, 1
    while depth and reader.peek(ahead).kind != END:
        token = reader.peek(ahead)
        if (token.kind == SYMBOL and token.text in "+-=") or (token.kind == COMMAND and token.text in ("frac", "sqrt")):
            return
        depth += token.is_(SYMBOL, "(") - token.is_(SYMBOL, ")")
        ahead += 1
    inside = reader.tokens[reader.position + 1 : reader.position + ahead - 1]
    inner = "".join(reader.shown(t).strip("'") for t in inside)
    raise reader.fail(
        f"{name}(...) reads like a function call, but {name} is {kind}",
        (start, reader.peek(ahead - 1).end),
        f"did you mean to declare ${name}({inner})$ as a function? For a product write {name}\\cdot(...)",
    )


def undeclared(reader: Reader, written: WrittenName, start: int) -> LanguageError:
    """The error for a name that the claim does not declare, with the name that may be meant."""
    name = latex_of_key(written.key)
    if f"{written.base}_{{.}}" in reader.scope:
        hint = f"{latex_of_key(written.base)} is declared with a subscript: write {latex_of_key(written.base)}_t"
        return reader.fail(f"{name} without its subscript", reader.span_from(start), hint)
    keys = [d.key for d in reader.scope if not d.key.startswith("__")]
    near = difflib.get_close_matches(written.key, keys, n=1, cutoff=0.75)
    hint = f"did you mean {latex_of_key(near[0])}? Else declare it" if near else "declare it"
    return reader.fail(f"undeclared name {name}", reader.span_from(start), f"{hint}: - ${name}$ : real")


def _index(reader: Reader, written: WrittenName) -> Node:
    """The subscript of a member of a sequence or family, as an expression."""
    inner = reader.inside(list(written.sub_tokens))
    index = inner.expression()
    inner.expect_end()
    return index


def _labelled(reader: Reader, written: WrittenName) -> Declaration | None:
    r"""`D^\star`, `x'`: a superscript that is part of a declared name."""
    mark = reader.position
    if reader.at(SYMBOL, "'"):
        declaration = reader.scope.get(f"{written.key}^{{{reader.primes()}}}")
        if declaration is None:
            reader.position = mark
        return declaration
    if not reader.at(SYMBOL, "^"):
        return None
    reader.advance()
    if reader.at_any(COMMAND, LABELS) or reader.at(SYMBOL, "*"):
        tokens = [reader.advance()]
    elif reader.token.kind == NUMBER:
        reader.position = mark
        return None
    else:
        tokens = reader.group_tokens()
    declaration = reader.scope.get(f"{written.key}^{{{canonical(tokens)}}}")
    if declaration is None:
        reader.position = mark
    return declaration


def _dotted(reader: Reader, plain: WrittenName, order: int, start: int) -> Node:
    """A dot is the derivative of a function of time, never of a number or of a member of a sequence."""
    declaration = reader.scope.get(plain.key)
    name = latex_of_key(plain.key)
    family = reader.scope.get(f"{plain.base}_{{.}}")
    if declaration is None and family is None:
        raise undeclared(reader, plain, start)
    if declaration is None and family is not None and family.family and plain.sub is not None:
        return _applied(reader, family, start, _index(reader, plain), order)
    if declaration is None or declaration.kind != "function":
        raise reader.fail(
            f"a dot over {name}, which is not a function",
            reader.span_from(start),
            f"declare it as a function of time: - ${latex_of_key(plain.base)}(t)$ : function",
        )
    return _applied(reader, declaration, start, dots=order)


def _applied(reader: Reader, declaration: Declaration, start: int, index: Node | None = None, dots: int = 0) -> Node:
    """What follows the name: primes, a power before the arguments, the arguments."""
    name = latex_of_key(declaration.key)
    primes = 0
    while reader.at(SYMBOL, "'"):
        reader.advance()
        primes += 1
    if declaration.kind != "function":
        if primes:
            raise reader.fail(f"{name} is not a function: ' has no meaning here", reader.span_from(start))
        refuse_call(reader, name, f"declared a {declaration.value}", start)
        return Name(declaration.key, span=reader.span_from(start))
    if primes and (dots or index is not None or len(declaration.parameters) != 1):
        raise reader.fail(
            "' needs a function of one variable",
            reader.span_from(start),
            "write \\partial_x f or \\frac{\\partial f}{\\partial x}",
        )
    if reader.at(SYMBOL, "^") and reader.transpose_length():
        return _call(reader, declaration, index, start)
    name_end = reader.span_from(start)
    exponent = reader.exponent() if reader.at(SYMBOL, "^") else None
    call = _call(reader, declaration, index, start)
    if call.arguments is None:
        call = dataclasses.replace(call, span=name_end)
    if exponent is not None and call.arguments is not None and _is_negative(exponent):
        raise reader.fail(
            f"ambiguous: one over {name}, or the inverse function?",
            reader.span_from(start),
            f"write \\frac{{1}}{{{name}(...)}}, or declare the inverse as a function of its own",
        )
    node: Node = call
    if dots:
        node = Dotted(call, dots, span=call.span)
    if primes:
        node = Primed(call, primes, span=call.span)
    if exponent is None:
        return node
    return Power(node, exponent, span=reader.span_from(start))


def _is_negative(node: Node) -> bool:
    return isinstance(node, Negate) and isinstance(node.operand, Number)


def _call(reader: Reader, declaration: Declaration, index: Node | None, start: int) -> Call:
    key = declaration.key
    if index is not None and not declaration.family:
        refuse_call(reader, latex_of_key(key), "declared a sequence", start)
        return Call(key, None, index, span=reader.span_from(start))
    if not reader.at(SYMBOL, "("):
        if declaration.signatures:
            raise reader.fail(
                f"{latex_of_key(key)} stands for several densities here: write its arguments",
                reader.span_from(start),
                "one of " + ", ".join(f"{key}({s})" for s in declaration.signatures),
            )
        return Call(key, None, index, span=reader.span_from(start))
    arguments, separators = call_arguments(reader)
    if declaration.signatures:
        key = _overload(reader, declaration, arguments, separators, start)
    else:
        wanted = len(declaration.parameters) - (index is not None)
        if len(arguments) != wanted:
            raise reader.fail(
                f"{latex_of_key(key)} takes {wanted} argument{'s' * (wanted != 1)}, {len(arguments)} given",
                reader.span_from(start),
            )
        if "|" in separators and not declaration.conditional:
            raise reader.fail(
                f"{latex_of_key(key)} is declared with a comma between its arguments, here stands a bar",
                reader.span_from(start),
                "declare the conditional density on its own: - $p(x|c)$ : density",
            )
        if declaration.conditional and len(arguments) > 1 and "|" not in separators:
            raise reader.fail(
                f"{latex_of_key(key)} is declared with a bar between its arguments, here stands a comma",
                reader.span_from(start),
                "declare the joint density on its own: - $p(x,c)$ : positive function",
            )
    bar = separators.index("|") + 1 if "|" in separators else 0
    return Call(key, arguments, index, bar, span=reader.span_from(start))


def _overload(
    reader: Reader, declaration: Declaration, arguments: tuple[Node, ...], separators: list[str], start: int
) -> str:
    """An overloaded density is told by the names of its arguments: `p(x|c)`, `p(c)`."""
    pattern = ""
    for argument, separator in zip(arguments, [*separators, ""], strict=True):
        pattern += (argument.key if isinstance(argument, Name) else "?") + separator
    if pattern not in declaration.signatures:
        raise reader.fail(
            f"{declaration.key}({pattern}) is not declared",
            reader.span_from(start),
            "declared: " + ", ".join(f"{declaration.key}({s})" for s in declaration.signatures),
        )
    return f"{declaration.key}({pattern})"
