"""The standard definitions as pages show them: formula, conventions, who states it, and the wrong versions of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from verify.language.claim import Claim, Mistake
from verify.language.definitions import Definition, Form
from verify.site import words
from verify.site.contents.model import Library

PAGE = "definitions.html"


@dataclass(frozen=True)
class Said:
    """What one claim says about a standard name: the ledger's finding, and the wrong version it is of, if any."""

    claim: Claim
    finding: Mapping[str, Any]
    mistake: Mistake | None = None

    @property
    def address(self) -> str:
        """Where the definition stands, from the root of an edition."""
        return f"{PAGE}#{self.finding['definition']}"


@dataclass(frozen=True)
class Shown:
    """One definition with what the claims of the project say about its name."""

    definition: Definition
    topic: str
    said: tuple[Said, ...]

    @property
    def standard(self) -> Form:
        return self.definition.forms[0]

    @property
    def conventions(self) -> tuple[Form, ...]:
        return self.definition.forms[1:]

    @property
    def uses(self) -> list[Said]:
        """The claims that define the name in this sense, each once."""
        found = {one.claim.id: one for one in reversed(self.said) if one.mistake is None}
        return [found[id_] for id_ in sorted(found)]

    @property
    def caught(self) -> list[Said]:
        """The claims' own wrong versions that differ."""
        return [one for one in self.said if one.mistake is not None and one.finding["standing"] == "differs"]


def said_by(claim: Claim, entry: Mapping[str, Any]) -> tuple[Said, ...]:
    """What the ledger holds about the standard names of one claim."""
    mistakes = {mistake.name: mistake for mistake in claim.mistakes}
    return tuple(
        Said(claim, finding, mistakes.get(finding["mistake"]))
        for finding in entry.get("definitions", ())
        if not finding["mistake"] or finding["mistake"] in mistakes
    )


def on_card(claim: Claim, entry: Mapping[str, Any]) -> list[Said]:
    """What a card says about the claim's own names: its wrong versions are left to their page."""
    return [said for said in said_by(claim, entry) if said.mistake is None]


def sentence(finding: Mapping[str, Any], language: str) -> str:
    """What is said about a standard name, in one line with `$formulas$`."""
    text = words.TEXT[language]

    def say(texts: Mapping[str, str]) -> str:
        return texts.get(language) or texts.get("en", "")

    name, title = f"${finding['name']}$", say(finding["title"])
    if finding["standing"] == "differs":
        title = text["defined.differs"].format(title)
        numbers = text["defined.numbers"].format(finding["yours_value"], finding["standard_value"])
        return f"! {name} {title}: ${finding['standard']}$ ({numbers})"
    said = text["defined.as"].format(name, title)
    return f"{said} ({say(finding['convention'])})" if finding["convention"] else said


def all_shown(library: Library) -> list[Shown]:
    """Every standard definition, topic by topic, with what the claims say about its name."""
    said: dict[str, list[Said]] = {}
    for id_, claim in library.claims.items():
        for one in said_by(claim, library.entries.get(id_) or {}):
            said.setdefault(one.finding["definition"], []).append(one)
    return [
        Shown(one, one.claims[0].split(".", 1)[0], tuple(said.get(one.id, ()))) for one in library.definitions
    ]
