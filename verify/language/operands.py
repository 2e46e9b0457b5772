r"""What the readers of commands share: words in a font, operands, subscripts, orders of a derivative."""

from __future__ import annotations

from typing import TYPE_CHECKING

from verify.language.tokens import COMMAND, LETTER, NUMBER, SYMBOL
from verify.language.tree import Absolute, Inner, Name, Node, Norm, Number, Power

if TYPE_CHECKING:
    from verify.language.reader import Reader

MAX_DERIVATIVE = 6
BAR, DOUBLE_BAR = "|", "\\|"  # what a bracket may have to stop at
CLOSING = {"[": (SYMBOL, "]"), "(": (SYMBOL, ")"), "{": (COMMAND, "}")}
_BOLD = {"I": "I", "0": "0", "1": "indicator"}
_LETTERS = {
    "mathbb": {"E": "E", "V": "Var", "1": "indicator"},
    "mathcal": {"N": "N", "O": "O"},
    "mathbf": _BOLD,
    "boldsymbol": _BOLD,
    "mathrm": {"I": "I", "e": "e"},
    "text": {"e": "e"},
}


def font_word(reader: Reader) -> str:
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


def skip_word(reader: Reader) -> int:
    """Step over `\\mathrm{...}` or `\\operatorname*{...}`; returns where it began."""
    start = reader.advance().start
    if reader.at(SYMBOL, "*"):
        reader.advance()
    reader.group_tokens()
    return start


def read_operand(reader: Reader, stops: tuple[str, ...], name: str) -> Node:
    """The factor that an operator written in front applies to."""
    if reader.at_any(SYMBOL, "+-"):
        raise reader.fail(f"{name} before a sign needs brackets", suggestion=f"write {name}(...)")
    operand = reader.factor(stops)
    open_base = operand.base if isinstance(operand, Power) and not operand.enclosed else None
    if open_base is not None and open_base.enclosed and not isinstance(open_base, Norm | Absolute | Inner):
        raise reader.fail(
            f"ambiguous: a power of {name}(...), or {name} of a power?",
            operand.span,
            f"write \\left({name} ...\\right)^n or {name}\\left((...)^n\\right)",
        )
    return operand


def read_subscript(reader: Reader) -> str:
    r"""The declared variable in a subscript, as in `\nabla_x`: what follows the `_`."""
    inner = reader.inside(reader.group_tokens())
    key = inner.variable()
    inner.expect_end()
    return key


def read_order(reader: Reader) -> int:
    """The order of a derivative after `^`, 1 when there is none."""
    if not reader.at(SYMBOL, "^"):
        return 1
    reader.advance()
    node = reader.group()
    if isinstance(node, Number) and node.text.isdigit() and 1 <= int(node.text) <= MAX_DERIVATIVE:
        return int(node.text)
    raise reader.fail(f"the order of a derivative is a number from 1 to {MAX_DERIVATIVE}", node.span)


def occurs_in(node: Node, key: str) -> bool:
    """Does the name with this key occur in the tree?"""
    return any(isinstance(part, Name) and part.key == key for part in node.walk())
