r"""One formula in many human spellings: each gives the same tree or an error, never another tree.

Random trees are printed and then respelled token by token: other bracket sizes and kinds, other spacing,
`\tfrac` for `\frac`, `{a \over b}`, `\lVert`, `\mid`, subscript after superscript, braces left out,
`\mathrm d` or an italic d, comments and line breaks.
"""

from __future__ import annotations

import random
import re

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.language.strategies import formulas
from verify.language.errors import LanguageError
from verify.language.printer import latex
from verify.language.reader import read_formula

TOKEN = re.compile(
    r"\\left[(\[|]|\\right[)\]|]|\\left\\\||\\right\\\||\\mathrm\{d\}|\\mathbb\{E\}|\\mathcal\{N\}|\\operatorname|\\,\|\\,"
    r"|\\,\\\|\\,|\\[A-Za-z]+|\\.|.",
    re.S,
)
# Spellings that a reader of mathematics takes for the same sign.
SPELLINGS = {
    r"\,": (r"\,", "", " ", r"\;", "~", r"\!", r"\:", "\n", r"\ ", " % a note\n"),
    r"\frac": (r"\frac", r"\tfrac", r"\dfrac", r"\cfrac"),
    r"\log": (r"\log", r"\ln"),
    r"\bar": (r"\bar", r"\overline"),
    r"\hat": (r"\hat", r"\widehat"),
    r"\tilde": (r"\tilde", r"\widetilde"),
    r"\operatorname": (r"\operatorname", r"\mathrm", r"\text", r"\mathop"),
    r"\mathrm{d}": (r"\mathrm{d}", r"\mathrm d", r"\text{d}", r"\rm d", "d", " d "),
    r"\mathbb{E}": (r"\mathbb{E}", r"\mathbb E", "E"),
    r"\mathcal{N}": (r"\mathcal{N}", r"\mathcal N"),
    r"\left\|": (r"\left\|", r"\|", r"\lVert ", r"\big\|", r"\Vert ", r"\left\Vert "),
    r"\right\|": (r"\right\|", r"\|", r"\rVert ", r"\big\|", r"\Vert ", r"\right\Vert "),
    r"\,|\,": (r"\,|\,", "|", r"\mid ", r"\vert ", r"\,\middle|\,", r"\big| "),
    r"\,\|\,": (r"\,\|\,", "||", r"\|", r"\parallel ", r"\Vert ", r"\,\big\|\,"),
    r"\cdot": (r"\cdot", r"\cdot "),
    r"\sum": (r"\sum", r"\sum\limits", r"\textstyle\sum"),
    r"\int": (r"\int", r"\int\limits", r"\displaystyle\int"),
    r"\top": (r"\top", r"\intercal", r"\mathrm{T}", r"\mathsf T", "T"),
    "I": ("I", r"\mathbf{I}", r"\boldsymbol I", r"\mathrm{I}", "I_d"),
}
SEEDS = st.integers(0, 2**32)
ROUND = (("(", ")"), ("\\left(", "\\right)"), ("[", "]"), (r"\big[", r"\big]"), (r"\Bigl(", r"\Bigr)"), (r"\{", r"\}"))


class Pen:
    """Writes a printed formula once more in a hand of its own."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def respell(self, text: str) -> str:
        out, brackets = [], []
        for token in TOKEN.findall(text):
            if token == r"\left(":
                brackets.append(self.random.choice(ROUND))
                token = brackets[-1][0]
            elif token == r"\right)" and brackets:
                token = brackets.pop()[1]
            elif token in SPELLINGS:
                token = str(self.random.choice(SPELLINGS[token]))
            if out and re.search(r"\\[A-Za-z]+$", out[-1]) and token[:1].isalpha():
                token = " " + token
            out.append(token)
        return self.reorder(self.unbrace("".join(out)))

    def unbrace(self, text: str) -> str:
        r"""`x_{t}` to `x_t`, `\bar{x}` to `\bar x`: TeX takes the next token itself."""
        pieces = re.split(r"(?<=[_^])\{([A-Za-z0-9])\}|(?<=\\bar|\\hat)\{([A-Za-z])\}", text)
        out = pieces[0]
        for script, accented, after in zip(pieces[1::3], pieces[2::3], pieces[3::3], strict=True):
            inner = script or accented
            bare = inner if script else f" {inner}"
            out += (bare if self.random.random() < 0.5 else f"{{{inner}}}") + after
        return out

    def reorder(self, text: str) -> str:
        r"""`x_{t}^{2}` to `x^{2}_{t}`."""
        both = r"(_(?:\{[^{}]*\}|[A-Za-z0-9]))(\^(?:\{[^{}]*\}|[A-Za-z0-9]))"
        return re.sub(both, lambda m: m[2] + m[1] if self.random.random() < 0.5 else m[0], text)


@given(formulas(depth=3), SEEDS)
@settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_every_spelling_is_the_same_tree_or_an_error(formula, seed):
    scope, tree = formula
    text = Pen(seed).respell(latex(tree))
    try:
        again = read_formula(text, scope)
    except LanguageError:
        return
    assert again == tree, text


SEEN: list[bool] = []


@given(formulas(depth=2), SEEDS)
@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_most_spellings_are_read(formula, seed):
    scope, tree = formula
    try:
        read_formula(Pen(seed).respell(latex(tree)), scope)
    except LanguageError:
        SEEN.append(False)
    else:
        SEEN.append(True)


def test_the_share_that_is_read():
    if SEEN:  # the test before fills it, in the same worker
        print(f"{sum(SEEN)} of {len(SEEN)} spellings are read")
        assert sum(SEEN) > 0.5 * len(SEEN)
