r"""The words by which the search finds a claim, beside its text: its id, its titles and slogans in
both languages, the names in its formulas.

They are a field of their own in the index (`names`), which the results do not show. A formula is found under what a
reader may type for it: `c_{\mathrm{skip}}` under `c_skip`, `cskip` and `skip`, `\bar\alpha_t` under `\bar\alpha_t`
(the search drops backslashes), `alphabar`, `alpha-bar` and `alpha_t`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from verify.language.claim import Claim
from verify.site.cards.card import Shelf, address

CLAIM_BOOST = 3  # a claim stands before the pages that mention it
_TEXT = re.compile(r"\\(?:text|tag|label|begin|end|htmlClass)\s*\{[^{}]*\}")
_FONT = re.compile(
    r"\\(?:mathrm|mathbf|mathbb|mathcal|mathsf|boldsymbol|operatorname\*?|textup|left|right|[bB]igg?[lr]?)\b"
)
_MATHS = re.compile(r"\$([^$]*)\$")
_ACCENT = r"(?:\\(?P<accent>bar|tilde|hat|dot|vec|overline|widetilde|widehat)\s*)"
_NAME = re.compile(
    rf"{_ACCENT}?\{{?(?P<base>\\[A-Za-z]+|[A-Za-z]+)\}}?"
    r"(?:\^\{?[^{}\s]*\}?)?(?:_(?:\{(?P<group>(?:[^{}]|\{[^{}]*\})*)\}|(?P<one>\\[A-Za-z]+|\w)))?"
)
_LAYOUT = {"frac", "tfrac", "dfrac", "cdot", "quad", "qquad", "le", "ge", "ne", "to", "in", "aligned", "mid", "middle"}


def claim_words(claim: Claim) -> list[str]:
    """The words of a claim by which it is known: its id, titles and slogans in both languages, the names it uses."""
    wrong = [mistake.latex for mistake in claim.mistakes]
    formulas = [*claim.latex, *wrong, *(part for line in claim.declared for part in _MATHS.findall(line))]
    said = [_MATHS.sub(" ", text) for texts in (claim.title, claim.slogan) for text in texts.values()]
    words = [claim.id, *re.split(r"[.-]", claim.id), *said]
    return list(dict.fromkeys([*words, *(word for latex in formulas for word in formula_words(latex))]))


def formula_words(latex: str) -> Iterator[str]:
    """What a reader may type for the names of a formula."""
    plain = _FONT.sub("", _TEXT.sub(" ", latex))
    for found in _NAME.finditer(plain):
        base, accent = found["base"].lstrip("\\"), found["accent"] or ""
        index = re.sub(r"[^A-Za-z0-9]", "", found["group"] or found["one"] or "")
        if base in _LAYOUT:
            continue
        ends = [f"_{index}", index] if index else [""]
        if accent:  # a claim about one step leaves out the t that readers write
            shown = ends if index else ["", "_t"]
            yield from (f"{name}{end}" for name in (f"{accent}{base}", f"{base}{accent}") for end in shown)
            yield accent
        if index or len(base) > 1:
            yield from (f"{base}{end}" for end in ends)
        if index and len(base) > 1:
            yield base
        if len(index) > 1 and not index.isdigit():
            yield index


def complete(file: Path, shelf: Shelf) -> None:
    """Gives the claims in the search index `file`, at their permanent addresses, their words.

    It is written again without escapes for what is not ASCII, which double the size of a Chinese index.
    """
    index = json.loads(file.read_text("utf-8"))
    claims = {address(id_): claim for id_, claim in shelf.library.claims.items()}
    for entry in index["docs"]:
        if claim := claims.get(entry["location"]):
            entry["boost"] = CLAIM_BOOST
            entry["names"] = _cut(" ".join(claim_words(claim)))
    file.write_text(json.dumps(index, ensure_ascii=False, separators=(",", ":")), "utf-8")


def _cut(text: str) -> str:
    """`text` with its Chinese cut into words, and long words into their parts too."""
    import jieba

    return re.sub(r"[㐀-鿿]+", lambda found: "\u200b".join(["", *jieba.cut_for_search(found[0]), ""]), text)
