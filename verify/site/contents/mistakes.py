"""Famous mistakes: each wrong version beside the right one, with what refutes it and a permanent anchor.

Nothing here is written twice: the wrong version, where it was seen and the slip stand in the claim's block, the
numbers in the ledger, and the right version is a step of the claim itself.
"""

from __future__ import annotations

import difflib
import itertools
import re
import unicodedata
from dataclasses import dataclass

from verify.language.claim import SLIPS, Claim, Mistake, Row
from verify.site.cards.display import relation_sign
from verify.site.contents.model import Card, JudgedMistake, Library

CHANGED = 0.75  # likeness above which one formula is the other with something changed
_FORMULA = re.compile(r"\$[^$]*\$")


@dataclass(frozen=True)
class Wrong:
    """One wrong version as a page shows it. `right` is LaTeX, '' where only the claim as a whole says what is right."""

    claim: Claim
    item: JudgedMistake
    anchor: str
    right: str

    @property
    def mistake(self) -> Mistake:
        return self.item.mistake

    @property
    def page(self) -> str:
        """Its permanent address, from the root of an edition."""
        return mistake_page(self.claim, self.mistake)


def wrong_versions(card: Card) -> list[Wrong]:
    """The wrong versions of one claim, in the order of its page."""
    claim = card.claim
    return [
        Wrong(claim, item, anchor(claim, item.mistake), right_version(claim, item.mistake)) for item in card.mistakes
    ]


def all_wrong(library: Library) -> list[Wrong]:
    """The wrong versions of every claim, topic by topic."""
    return [wrong for card in library.cards() for wrong in wrong_versions(card)]


def slips_of(wrongs: list[Wrong]) -> list[str]:
    """The slips that occur, in the order of the vocabulary."""
    present = {wrong.mistake.slip for wrong in wrongs}
    return [slip for slip in SLIPS if slip in present]


def anchor(claim: Claim, mistake: Mistake) -> str:
    """The claim's id and what is wrong, in words: another mistake before this one moves it nowhere."""
    plain = unicodedata.normalize("NFKD", _FORMULA.sub(" ", mistake.title["en"])).encode("ascii", "ignore").decode()
    words = re.findall(r"[a-z0-9]+", plain.lower())
    return f"{claim.id}--{'-'.join(words[:9])}"


def mistake_page(claim: Claim, mistake: Mistake) -> str:
    """The permanent address of a mistake, from the root of an edition."""
    return f"mistakes/{claim.topic}.html#{anchor(claim, mistake)}"


def right_version(claim: Claim, mistake: Mistake) -> str:
    """LaTeX of what the mistake replaces: a step of the claim, or one of its definitions; '' when it is neither.

    Of the pairs of rows that an equality ties (or one step of another relation), one side of which the mistake has,
    the pair whose other side looks most like the mistake's is the one it replaces. A mistake that shares no side may
    still be a pair of rows with something changed on both.
    """
    ends = mistake.rows[0], mistake.rows[-1]
    pairs = [pair for rows in claim.chains for pair in _tied(rows)]
    shared = [
        (_likeness(pair[1 - side].source, ends[1 - end].source), -number, pair)
        for number, pair in enumerate(pairs)
        for side, end in itertools.product((0, 1), (0, 1))
        if pair[side].expression == ends[end].expression and pair[1 - side].expression != ends[1 - end].expression
    ]
    if shared:
        return _stated(*max(shared, key=lambda found: found[:2])[2])
    sides = {_packed(end.source) for end in ends}
    if defined := next((formula for formula, name in _definitions(claim) if name in sides), ""):
        return defined
    wrong = _stated(*ends)
    alike = [(_likeness(formula, wrong), formula) for formula in dict.fromkeys(_stated(*pair) for pair in pairs)]
    close, formula = max(alike, default=(0.0, ""), key=lambda found: found[0])
    return formula if CHANGED <= close < 1 else ""


def _stated(first: Row, second: Row) -> str:
    return f"{first.source.strip()} {relation_sign(second.relation)} {second.source.strip()}"


def _definitions(claim: Claim) -> list[tuple[str, str]]:
    """Each declared equation `name = ...` with its left side."""
    formulas = [found[1] for line in claim.declared if (found := re.search(r"\$([^$]+)\$", line))]
    return [(formula.strip(), _packed(formula.partition("=")[0])) for formula in formulas if "=" in formula]


def _packed(latex: str) -> str:
    return "".join(latex.split())


def _tied(rows: tuple[Row, ...]) -> list[tuple[Row, Row]]:
    """Rows with only equalities between them, and neighbours of any relation."""
    return [
        (rows[first], rows[last])
        for first, last in itertools.combinations(range(len(rows)), 2)
        if last == first + 1 or all(row.relation == "=" for row in rows[first + 1 : last + 1])
    ]


def _likeness(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one, other, autojunk=False).ratio()
