r"""Case distinctions: `\begin{cases} v & x > 0 \\ w & \text{otherwise} \end{cases}` and indicators `\mathbf{1}_{x>0}`.

The environment is first brought into one group, character for character of the same length, so that its `&`,
`\\` and relation signs are no signs of the chain around it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from verify.language.operands import skip_word
from verify.language.tokens import COMMAND, SYMBOL
from verify.language.tree import Cases, Compare, Node, Number

if TYPE_CHECKING:
    from verify.language.reader import Reader

_BLOCK = re.compile(r"\\begin\{cases\}((?:(?!\\begin\{cases\}).)*?)\\end\{cases\}", re.S)
_INSIDE = re.compile(
    r"(?P<mark>[,;.]?\s*(?P<sign>&|\\\\(?:\[[^\]\n]*\])?))"
    r"|(?P<else>\\(?:text|textrm|mathrm|mbox)\s*\{\s*(?:otherwise|else)\s*[.,]?\s*\}|\botherwise\b)"
    r"|(?P<words>\\(?:text|textrm|mathrm|mbox)\s*\{\s*(?:if|for|when|where)?\s*[.,]?\s*\}|\\q?quad(?![A-Za-z]))"
)
_RELATIONS = {"<": "<", ">": ">", "lt": "<", "gt": ">", "le": "<=", "leq": "<=", "leqslant": "<=", "ge": ">=",
              "geq": ">=", "geqslant": ">="}  # fmt: skip
OPENED, OTHERWISE = "casesof", "otherwise"


def open_cases(text: str) -> str:
    r"""The text with every `cases` environment as `\casesof{v,x>0;w,\otherwise}`, of the same length."""
    return _BLOCK.sub(lambda match: _opened(match[1]), text) if "cases" in text else text


def _opened(inside: str) -> str:
    def changed(match: re.Match[str]) -> str:
        width = len(match.group())
        if match["sign"]:
            return ("," if match["sign"] == "&" else ";").rjust(width)
        return (f"\\{OTHERWISE}" if match["else"] else "").ljust(width)

    body = re.sub(r"[.,;]?\s*\Z", lambda m: " " * len(m.group()), _INSIDE.sub(changed, inside))
    return f"\\{OPENED}".ljust(len(r"\begin{cases}") - 1) + "{" + body + "}".rjust(len(r"\end{cases}"))


def read_cases(reader: Reader, stops: tuple[str, ...]) -> Node:
    r"""The group of an opened environment. The last case must be `\text{otherwise}`."""
    start = reader.advance().start
    inner = reader.inside(reader.group_tokens())
    branches: list[tuple[Node, tuple[Compare, ...]]] = []
    while True:
        value = inner.expression()
        inner.expect(SYMBOL, ",")
        if inner.at(COMMAND, OTHERWISE):
            inner.advance()
            if inner.at(SYMBOL, ";"):
                inner.advance()
            inner.expect_end()
            break
        branches.append((value, _condition(inner)))
        if not inner.at(SYMBOL, ";"):
            raise inner.fail("the cases need not cover everything", suggestion="end with & \\text{otherwise}")
        inner.advance()
    if not branches:
        raise reader.fail("a case distinction without a case", reader.span_from(start))
    return Cases(tuple(branches), value, span=reader.span_from(start), enclosed=True)


def read_indicator(reader: Reader, stops: tuple[str, ...]) -> Node:
    r"""`\mathbf{1}_{x>0}`, `\mathbb{1}[x>0]`, `\mathbf{1}\{x>0\}`: 1 where it holds, else 0."""
    start = skip_word(reader)
    closing = {(SYMBOL, "["): (SYMBOL, "]"), (SYMBOL, "("): (SYMBOL, ")"), (COMMAND, "{"): (COMMAND, "}")}
    if reader.at(SYMBOL, "_"):
        reader.advance()
        inner = reader.inside(reader.group_tokens())
        condition = _condition(inner)
        inner.expect_end()
    elif (opening := (reader.token.kind, reader.token.text)) in closing:
        reader.advance()
        condition = _condition(reader)
        reader.expect(*closing[opening])
    else:
        raise reader.fail("an indicator needs its condition", suggestion="write \\mathbf{1}_{x>0}")
    return Cases(((Number("1"), condition),), Number("0"), span=reader.span_from(start), enclosed=True)


def _condition(reader: Reader) -> tuple[Compare, ...]:
    """`a < b` or `a < b \\le c`: comparisons that all hold."""
    found: list[Compare] = []
    left = reader.expression()
    while reader.token.kind in (SYMBOL, COMMAND) and reader.token.text in _RELATIONS:
        start, relation = left.span[0], _RELATIONS[reader.advance().text]
        right = reader.expression()
        found.append(Compare(relation, left, right, span=reader.span_from(start)))
        left = right
    if not found:
        raise reader.fail("a case needs a condition", suggestion="write x > 0, x \\le a, or \\text{otherwise}")
    return tuple(found)
