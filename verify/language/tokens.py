"""LaTeX text to tokens. Spacing and sizing commands vanish here; spellings of one thing become one."""

from __future__ import annotations

import re
from dataclasses import dataclass

from verify.language.errors import LanguageError

MAX_CHARACTERS, MAX_TOKENS, MAX_DIGITS = 20_000, 4_000, 30

COMMAND, NUMBER, LETTER, SYMBOL, END = "command", "number", "letter", "symbol", "end"


@dataclass(frozen=True)
class Token:
    """`text` is without the backslash for a command. `\\|` is the command `|`."""

    kind: str
    text: str
    start: int
    end: int

    def is_(self, kind: str, text: str) -> bool:
        return self.kind == kind and self.text == text


SPACING = frozenset(
    """
    , ; : ! > thinspace medspace thickspace quad qquad displaystyle textstyle scriptstyle limits
    nolimits left right middle big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl Biggr bigm
    Bigm biggm Biggm nonumber notag
    """.split()
) | {" "}

SPELLINGS = {
    "lVert": "|",
    "rVert": "|",
    "Vert": "|",
    "parallel": "|",
    "dfrac": "frac",
    "tfrac": "frac",
    "cfrac": "frac",
    "intercal": "top",
    "bm": "boldsymbol",
    "symbf": "boldsymbol",
    "pmb": "boldsymbol",
    "ln": "log",
    "lbrace": "{",
    "rbrace": "}",
    "overline": "bar",
    "widehat": "hat",
    "widetilde": "tilde",
    "mathop": "operatorname",
    "textrm": "text",
    "mathbbm": "mathbb",
}
BARS = frozenset({"lvert", "rvert", "vert", "mid"})

_TOKEN = re.compile(
    r"\\(?P<word>[A-Za-z]+)|\\(?P<char>.)|(?P<number>\d+(?:\.\d+)?|\.\d+)|(?P<letter>[A-Za-z])"
    r"|(?P<space>\s+|~)|(?P<comment>%[^\n]*)|(?P<symbol>.)",
    re.S,
)
_SYMBOLS = frozenset("+-*/^_()[]{}|,;=<>!'.:")


def tokenize(text: str) -> list[Token]:
    """All tokens of one formula.

    Raises LanguageError for a character that mathematics has no use for and for oversized input.
    """
    if len(text) > MAX_CHARACTERS:
        raise LanguageError(
            f"this formula has {len(text):,} characters; the limit is {MAX_CHARACTERS:,}",
            (0, 1),
            "split it into several steps",
        )
    tokens: list[Token] = []
    for match in _TOKEN.finditer(text):
        token = _token(match)
        if token is not None:
            tokens.append(token)
        if len(tokens) > MAX_TOKENS:
            raise LanguageError(
                f"more than {MAX_TOKENS:,} symbols in one formula", match.span(), "split it into several steps"
            )
    return tokens


def _token(match: re.Match[str]) -> Token | None:
    kind, text, (start, end) = match.lastgroup, match.group(match.lastgroup or 0), match.span()
    if kind in ("space", "comment"):
        return None
    if kind == "word":
        if text in SPACING:
            return None
        if text in BARS:
            return Token(SYMBOL, "|", start, end)
        return Token(COMMAND, SPELLINGS.get(text, text), start, end)
    if kind == "char":
        if text in SPACING:
            return None
        if text not in "|{}":
            raise LanguageError(f"unknown command \\{text}", (start, end))
        return Token(COMMAND, text, start, end)
    if kind == "number":
        if len(text) > MAX_DIGITS:
            raise LanguageError(f"a number of {len(text)} digits; the limit is {MAX_DIGITS}", (start, end))
        return Token(NUMBER, text, start, end)
    if kind == "letter":
        return Token(LETTER, text, start, end)
    if text not in _SYMBOLS:
        raise LanguageError(
            f"the character {text!r} has no meaning in a formula",
            (start, end),
            "put words outside the formula or in the reason: && \\text{...}",
        )
    return Token(SYMBOL, text, start, end)
