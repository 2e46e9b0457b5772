"""LaTeX text to tokens. Spacing and sizing commands vanish here; spellings of one thing become one."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace

from verify.language.errors import LanguageError

MAX_CHARACTERS, MAX_TOKENS, MAX_DIGITS = 20_000, 4_000, 30

COMMAND, NUMBER, LETTER, SYMBOL, END = "command", "number", "letter", "symbol", "end"


@dataclass(frozen=True)
class Token:
    r"""`text` is without the backslash for a command. `\|` is the command `|`.

    `apart`: the author set it off with `\quad`, as one does between two statements.
    """

    kind: str
    text: str
    start: int
    end: int
    apart: bool = False

    def is_(self, kind: str, text: str) -> bool:
        return self.kind == kind and self.text == text


SPACING = frozenset(
    """
    , ; : ! > thinspace medspace thickspace displaystyle textstyle scriptstyle limits
    nolimits left right middle big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl Biggr bigm
    Bigm biggm Biggm nonumber notag
    """.split()
) | frozenset(" \t\r\n")
WIDE = frozenset(["quad", "qquad"])

SPELLINGS = {
    "lVert": "|",
    "rVert": "|",
    "Vert": "|",
    "parallel": "|",
    "dfrac": "frac",
    "nicefrac": "frac",
    "sfrac": "frac",
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

# Characters that are not LaTeX, with what stands for them; Unicode itself knows the full-width forms.
_LOOKALIKES = {
    "\u2212": "-", "\u2013": "-", "\u2014": "-", "\u00b7": r"\cdot", "\u22c5": r"\cdot", "\u00d7": r"\times",
    "\u2018": "'", "\u2019": "'", "\u2032": "'", "\u2016": r"\|", "\u2225": r"\|", "\u3001": ",", "\u3002": ".",
    "\u2264": r"\le", "\u2265": r"\ge", "\u2248": r"\approx", "\u2202": r"\partial", "\u2207": r"\nabla",
    "\u222b": r"\int", "\u221a": r"\sqrt", "\u221e": r"\infty", "\u2211": r"\sum", "\u220f": r"\prod",
}  # fmt: skip

_TOKEN = re.compile(
    r"(?P<nothing>\\(?:left|right|[bB]igg?[lrm]?)\s*\.(?![0-9])"  # \left. draws no bracket
    r"|\\(?:mathop|mathopen|mathclose|mathrel|mathbin|mathstrut|mathord)\s*\{\s*\})"  # an empty atom is a space
    r"|(?P<words>\\(?:text|textrm|mbox)\s*\{[^{}]*[^\x00-\x7f{}][^{}]*\})"
    r"|\\(?P<word>[A-Za-z]+)|\\(?P<char>.)|(?P<number>[0-9]+(?:\.[0-9]+)?|\.[0-9]+)|(?P<letter>[A-Za-z])"
    r"|(?P<space>\s+|~)|(?P<comment>%[^\n]*)|(?P<double>\|\|)|(?P<symbol>.)",
    re.S,
)
_SYMBOLS = frozenset("+-*/^_()[]{}|,;=<>!'.:")


_LEFT_OR_RIGHT = re.compile(r"\\(left|right)(?![A-Za-z])")
_BAR_WITH_SUBSCRIPT = re.compile(r"\s*(?:\||\\[rl]?vert(?![A-Za-z]))\s*_")
MAX_OPEN = 60


def check_length(text: str) -> None:
    """Refuse an oversized formula before any work on it."""
    if len(text) > MAX_CHARACTERS:
        raise LanguageError(
            f"this formula has {len(text):,} characters; the limit is {MAX_CHARACTERS:,}",
            (0, 1),
            "split it into several steps",
        )


def tokenize(text: str) -> list[Token]:
    """All tokens of one formula.

    Raises LanguageError for a character that mathematics has no use for and for oversized input.
    """
    check_length(text)
    text = _without_notes(text)
    tokens: list[Token] = []
    apart = False
    for match in _TOKEN.finditer(text):
        if match["nothing"] and match["nothing"].startswith("\\left") and _ends_at_point(text, match.end()):
            tokens.append(Token(COMMAND, "left.", *match.span()))
            continue
        if match["word"] in WIDE:
            apart = True
            continue
        token = _token(match)
        if token is not None:
            tokens.append(replace(token, apart=True) if apart else token)
            apart = False
        if len(tokens) > MAX_TOKENS:
            raise LanguageError(
                f"more than {MAX_TOKENS:,} symbols in one formula", match.span(), "split it into several steps"
            )
    return tokens


def _ends_at_point(text: str, start: int) -> bool:
    r"""Does the `\right` that belongs to a `\left.` stand before a bar with a subscript, `\right|_{s=0}`?"""
    depth = 1
    for match in _LEFT_OR_RIGHT.finditer(text, start):
        depth += 1 if match[1] == "left" else -1
        if depth == 0:
            return _BAR_WITH_SUBSCRIPT.match(text, match.end()) is not None
        if depth > MAX_OPEN:
            return False  # nested deeper than the reader goes
    return False


def _without_notes(text: str) -> str:
    r"""The text with the notes of `\underbrace{...}_{note}` blanked: they may hold words and anything else."""
    if "brace" not in text:
        return text
    partner, opened = {}, []
    for mark in re.finditer(r"\\.|[{}]", text, re.S):
        if mark[0] == "{":
            opened.append(mark.start())
        elif mark[0] == "}" and opened:
            partner[opened.pop()] = mark.start()
    for brace in re.finditer(r"\\(?:under|over)brace\s*(?=\{)", text):
        end = partner.get(brace.end())
        note = re.compile(r"\s*[_^]\s*(?=\{)").match(text, end + 1) if end is not None else None
        if note and (last := partner.get(note.end())) is not None:
            text = text[: note.start()] + " " * (last + 1 - note.start()) + text[last + 1 :]
    return text


def _token(match: re.Match[str]) -> Token | None:
    kind, text, (start, end) = match.lastgroup, match.group(match.lastgroup or 0), match.span()
    if kind in ("space", "comment", "nothing"):
        return None
    if kind == "letter":
        return Token(LETTER, text, start, end)
    if kind == "word":
        if text in SPACING:
            return None
        if text in BARS:
            return Token(SYMBOL, "|", start, end)
        return Token(COMMAND, SPELLINGS.get(text, text), start, end)
    if kind == "number":
        if len(text) > MAX_DIGITS:
            raise LanguageError(f"a number of {len(text)} digits; the limit is {MAX_DIGITS}", (start, end))
        return Token(NUMBER, text, start, end)
    if kind == "double":
        return Token(COMMAND, "|", start, end)
    if kind == "words":
        raise LanguageError("words inside a formula", (start, end), "put them after && as the reason, or outside")
    if kind == "char":
        if text in SPACING:
            return None
        if text not in "|{}":
            raise LanguageError(f"unknown command \\{text}", (start, end))
        return Token(COMMAND, text, start, end)
    if text not in _SYMBOLS:
        raise _meaningless(text, (start, end))
    return Token(SYMBOL, text, start, end)


def _meaningless(text: str, span: tuple[int, int]) -> LanguageError:
    """A character that mathematics in LaTeX has no use for, by its name and with what replaces it."""
    name = unicodedata.name(text, "").lower()
    called = f" ({name})" if name and not text.isascii() else ""
    meant = _LOOKALIKES.get(text, "")
    greek = name.removeprefix("greek small letter ")
    if not meant and greek != name and greek.isalpha():
        meant = f"\\{greek}"
    if not meant:
        plain = unicodedata.normalize("NFKC", text)
        meant = plain if plain.isascii() and plain.strip() and plain != text else ""
    suggestion = f"write {meant}" if meant else "put words outside the formula or in the reason: && \\text{...}"
    return LanguageError(f"the character {text!r}{called} has no meaning in a formula", span, suggestion)
