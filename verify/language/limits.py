r"""The command `\lim`, with the variable, the point and the side under it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from verify.language.tokens import COMMAND, SYMBOL, Token
from verify.language.tree import Limit, Node

if TYPE_CHECKING:
    from verify.language.reader import Reader

_ARROWS = {"to": "", "rightarrow": "", "longrightarrow": "", "downarrow": "+", "searrow": "+", "uparrow": "-",
           "nearrow": "-"}  # fmt: skip


def read_limit(reader: Reader, stops: tuple[str, ...]) -> Node:
    r"""`\lim_{n\to\infty} f`, `\lim_{h\to 0^+} f`, `\lim_{h\downarrow 0} f`; the body is one term."""
    start = reader.advance().start
    if not reader.at(SYMBOL, "_"):
        raise reader.fail("\\lim needs its variable", suggestion="write \\lim_{h\\to 0}")
    reader.advance()
    tokens, side = _side(reader.group_tokens())
    inner = reader.inside(tokens)
    variable = inner.variable()
    if inner.token.kind != COMMAND or inner.token.text not in _ARROWS:
        raise inner.fail("\\lim needs an arrow", suggestion="write \\lim_{h\\to 0}")
    side = _ARROWS[inner.advance().text] or side
    point = inner.expression()
    inner.expect_end()
    body = reader.term(stops)
    if reader.at_any(SYMBOL, "+-"):
        raise reader.fail("ambiguous: does \\lim apply to the whole sum?", suggestion="add brackets")
    return Limit(variable, point, side, body, span=reader.span_from(start))


def _side(tokens: list[Token]) -> tuple[list[Token], str]:
    """The tokens without a last `^+` or `^{-}`, and that sign."""
    for braces in (0, 1):
        tail = tokens[-2 - 2 * braces :]
        shape = [token.text for token in tail if token.kind == SYMBOL]
        for sign in "+-":
            if shape == (["^", "{", sign, "}"] if braces else ["^", sign]) and len(shape) == len(tail):
                return tokens[: -len(tail)], sign
    return tokens, ""
