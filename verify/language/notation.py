r"""Claims in other notations: the same formulas in the letters of EDM, DDPM, the VP SDE, VDM or flow matching.

A notation is itself a claim, with the option `vocabulary: ddpm`. It declares its own letters, defines the names of
the common language in terms of them (`\sigma = \sqrt{...}`), and states each own letter in EDM's names; both
directions are proved as that claim. The common language is EDM's names, and beside them the coefficients
`\alpha_t, \sigma_t` of an unspecified path, which is the notation `path` that nobody chooses to read.

A claim with `notation: edm` is written in EDM's names and can be shown in every other notation, or in those that
`into:` lists; `letters: $\sigma$, $s = \sigma_{\mathrm{next}}$` says which of its letters are names of the notation.
A `/// translation | id` block gives the lines of one target by hand. A translation becomes a claim of its own kind,
judged like any other: its chains hold in the letters of the target, and behind them, for each row, the substituted
row equals what is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from verify.language.claim import EQUAL, Claim
from verify.language.document import Document
from verify.language.errors import LanguageError
from verify.language.mentions import Mentions
from verify.language.names import latex_of_key
from verify.language.printer import latex
from verify.language.scope import Scope
from verify.language.tree import Call, Name, Node

HUB, PATH = "edm", "path"


def is_translation(claim: Claim) -> bool:
    """Is this the judged form of a translation, `edm.precond@ddpm`?"""
    return "@" in claim.id


@dataclass(frozen=True)
class Translation:
    r"""A claim in another notation.

    claim    the id of the claim, `to` the notation
    judged   what is proved: the first `shown` chains are the translated ones, each later one says that a translated
             row (or definition) is the substituted one. Its id is `claim@to`; it is in no register of ids
    letters  what was put for what, as LaTeX, e.g. `\sigma = \sqrt{...}`; then the claim's own definitions, translated
    by_hand  its lines are an author's
    """

    claim: str
    to: str
    judged: Claim
    shown: int
    letters: tuple[str, ...]
    by_hand: bool = False


@dataclass(frozen=True)
class Notation:
    """A vocabulary: its claim, and its letters read off that claim."""

    name: str
    claim: Claim

    @property
    def scope(self) -> Scope:
        return self.claim.scope

    @cached_property
    def own(self) -> tuple[str, ...]:
        """The keys of its own letters: what it declares and does not define."""
        return tuple(d.key for d in self.scope if d.definition is None and not d.key.startswith("__"))

    @cached_property
    def images(self) -> dict[str, Node]:
        """Name of the common language -> formula in these letters."""
        named = {d.key: d.definition for d in self.scope if d.definition is not None and not d.parameters}
        return {**{key: Name(key) for key in self.own if self.name == HUB}, **named}

    @cached_property
    def back(self) -> dict[Node, Node]:
        """Own letter (a name or a call) -> formula in EDM's names: the displays of the claim."""
        return {chain[0].expression: chain[-1].expression for chain in self.claim.chains}


def notations_of(
    documents: Iterable[Document], claims: Mapping[str, Claim], known: Mapping[str, Notation] | None = None
) -> tuple[dict[str, Notation], list[LanguageError]]:
    """Every vocabulary that some claim declares, in the order of the documents, after those `known`; and what is wrong
    with others: a name that another claim has, and what cannot be read there and back."""
    found: dict[str, Notation] = dict(known or {})
    errors = []
    for name, claim in _declared(documents, claims):
        taken, notation = found.get(name), Notation(name, claim)
        if taken and taken.claim.id != claim.id:
            fault = f"{taken.claim.id} declares it already"
        else:
            fault = _fault(notation, found.get(HUB))
        if fault:
            message = f"the vocabulary {name} of {claim.id} is no notation: {fault}"
            errors.append(LanguageError.at_line(claim.file, claim.line, message))
        else:
            found[name] = notation
    return found, errors


def _declared(documents: Iterable[Document], claims: Mapping[str, Claim]) -> Iterator[tuple[str, Claim]]:
    for document in documents:
        for id_, written in document.written.items():
            if written.vocabulary and id_ in claims:
                yield written.vocabulary, claims[id_]


def _fault(notation: Notation, hub: Notation | None) -> str:
    """Why a vocabulary cannot be read there and back, or ''. A claim would be translated into something else."""
    if notation.name == PATH:
        return "this name stands for the coefficients of an unspecified path"
    if notation.name == HUB:
        return ""
    mentions, own, seen = Mentions(notation.scope), set(notation.own), set()
    free = {key: image for key, image in notation.images.items() if hub and key in hub.own}
    for key, image in free.items():
        if not own.intersection(mentions.through([image])):
            return f"{latex_of_key(key)} does not depend on any of its letters"
        if list(free.values()).count(image) > 1:
            return f"{latex_of_key(key)} and another name of {HUB} are one and the same"
    for first, *rest in notation.claim.chains:
        letter = first.expression
        if not isinstance(letter, Name | Call) or letter.key not in own:
            return "each display begins with one of its own letters"
        if any(row.relation != EQUAL for row in rest):
            return f"what is displayed of {latex(letter)} is no equation"
        if letter in seen:
            return f"{latex(letter)} is displayed twice"
        seen.add(letter)
        if own.intersection(mentions.of(rest[-1].expression)) - set(hub.own if hub else ()):
            return f"{latex(letter)} is said in its own letters, not in those of {HUB}"
    return ""
