r"""Names: accents, base letter, subscript, superscript label, and their canonical keys.

`\bar\alpha_{t-1}`, `\overline{\alpha}_{t-1}` and `\bar{\alpha_{t-1}}` are one name with the key
`\bar{\alpha}_{t-1}`. Upright and italic letters in a subscript are not told apart.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from verify.language.errors import LanguageError
from verify.language.tokens import COMMAND, LETTER, SYMBOL, Token

GREEK = frozenset(
    """
    alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi pi
    rho varrho sigma varsigma tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi
    Sigma Upsilon Phi Psi Omega ell
    """.split()
)
ACCENTS = frozenset(["bar", "hat", "tilde", "dot", "ddot", "check", "vec", "breve"])
UPRIGHT = frozenset(["mathrm", "text", "operatorname", "mathit", "mathsf", "rm"])
FONTS = UPRIGHT | frozenset(["mathbf", "mathcal", "mathbb", "boldsymbol", "mathscr", "mathfrak"])
LABELS = frozenset(["star", "ast", "dagger", "prime", "max", "min", "infty", "ddagger"])  # in sub- and superscripts

# What a canonical key may consist of; nothing else becomes the name of a symbol.
_KEY = re.compile(r"[A-Za-z0-9\\{}_^ ,|+\-:*.()/]{1,80}")


@dataclass(frozen=True)
class WrittenName:
    """A name as read: `base` with accents, canonical `sub` and `sup` or None, and the sub's tokens."""

    base: str
    sub: str | None = None
    sub_tokens: tuple[Token, ...] = ()

    @property
    def key(self) -> str:
        return self.base if self.sub is None else f"{self.base}_{{{self.sub}}}"


def canonical(tokens: list[Token] | tuple[Token, ...]) -> str:
    r"""Canonical text of a subscript or superscript label.

    Braces are dropped unless they tell two names apart: `t_{i+1}` is not `t_i+1`.
    """
    out = ""
    needed: list[bool] = []  # for each open brace: is it kept?
    for position, token in enumerate(tokens):
        if token.kind == COMMAND and token.text in UPRIGHT:
            continue
        if token.is_(SYMBOL, "{"):
            needed.append(bool(out) and out[-1] in "_^" and not _single(tokens, position))
            out += "{" * needed[-1]
            continue
        if token.is_(SYMBOL, "}"):
            out += "}" * (needed.pop() if needed else False)
            continue
        piece = "\\" + token.text if token.kind == COMMAND else token.text
        if re.search(r"\\[A-Za-z]+$", out) and piece[0].isalpha():
            out += " "
        out += piece
    return out


def _single(tokens: list[Token] | tuple[Token, ...], opening: int) -> bool:
    """Does the brace that opens here hold one token only?"""
    return opening + 2 < len(tokens) and tokens[opening + 2].is_(SYMBOL, "}")


def check_key(key: str, span: tuple[int, int]) -> str:
    """The key itself when it may be a name; LanguageError otherwise."""
    if not _KEY.fullmatch(key):
        raise LanguageError(f"{key!r} cannot be a name", span)
    return key


def starts_name(token: Token) -> bool:
    """Can a name begin with this token?"""
    if token.kind == LETTER:
        return True
    return token.kind == COMMAND and (token.text in GREEK or token.text in ACCENTS or token.text in FONTS)


_PARTS = re.compile(r"(?P<base>.*?)(?:_\{(?P<sub>(?:[^{}]|\{[^{}]*\})*)\})?(?:\^\{(?P<sup>[^{}]*)\})?")


def latex_of_key(key: str) -> str:
    r"""LaTeX of a canonical key: words of two letters and more are set upright."""
    match = _PARTS.fullmatch(key.removesuffix("_{.}"))
    assert match is not None  # every part is optional and the base takes the rest
    base, sub, sup = match.group("base", "sub", "sup")
    base = rf"\mathrm{{{base}}}" if len(base) > 1 and "\\" not in base else base  # a word: log2, const.
    return base + (f"_{{{_word(sub)}}}" if sub else "") + (f"^{{{_word(sup)}}}" if sup else "")


def _word(text: str) -> str:
    return rf"\mathrm{{{text}}}" if re.fullmatch(r"[A-Za-z]{2,}", text) else text
