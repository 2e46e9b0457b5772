"""What a card and the page of notations show of translations: formulas in other letters, with their verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from verify.language.claim import Claim
from verify.language.names import latex_of_key
from verify.language.notation import HUB, Notation, Translation
from verify.language.printer import latex
from verify.language.tree import Name
from verify.site.contents.model import Chain, Library, Step

# The rows of the table of names, in its order: key in the common language -> the word for it in `words.py`.
ROWS = {
    r"\sigma": "names.level",
    "x": "names.noisy",
    "y": "names.clean",
    "D": "names.denoiser",
    r"\alpha_{t}": "names.signal",
    r"\sigma_{t}": "names.spread",
}


@dataclass(frozen=True)
class Shown:
    """One translation as a card shows it: the notation, what was put for what, and its chains with their verdicts."""

    to: str
    verdict: str
    letters: tuple[str, ...]
    chains: tuple[Chain, ...]
    by_hand: bool


@dataclass(frozen=True)
class Names:
    """One notation as the page of notations shows it.

    forward  formula in its letters, as LaTeX, by row of `ROWS`; `back` (letter, formula in EDM's names, the step)
    """

    name: str
    claim: Claim
    forward: Mapping[str, str]
    back: tuple[tuple[str, str, Step], ...]


def translations(library: Library, id_: str) -> list[Shown]:
    """The translations of a claim, in the order of the notations; none for one in its own notation."""
    return [_shown(library, made) for made in library.translations.get(id_, ())]


def _shown(library: Library, made: Translation) -> Shown:
    verdict = library.standings[made.claim].translations.get(made.to, "undecided")
    chains = tuple(library.judged_chain(made.judged, number) for number in range(made.shown))
    return Shown(made.to, verdict, made.letters, chains, made.by_hand)


def names(library: Library) -> list[Names]:
    """Every notation with its names: the columns of the table."""
    return [_names(library, notation) for notation in library.notations.values()]


def _names(library: Library, notation: Notation) -> Names:
    images = {**{key: Name(key) for key in notation.own}, **notation.images}
    forward = {key: latex(images[key]) if key in images else latex_of_key(key) for key in ROWS}
    card = library.card(notation.claim.id)
    back = () if notation.name == HUB else tuple(_way_back(chain) for chain in card.chains)
    return Names(notation.name, notation.claim, forward, back)


def _way_back(chain: Chain) -> tuple[str, str, Step]:
    step = chain.steps[-1]
    return latex(chain.steps[0].left.expression), latex(step.right.expression), step
