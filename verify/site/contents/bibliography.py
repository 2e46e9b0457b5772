"""The cited works: `references.bib` read once, each work as a short label, a full line and what it is good for.

Fields of our own in an entry: `keywords` (its shelf: tutorial, lecture, code or list; a paper has none), `claims` (what
it treats, where no claim's source names it), `annote` and `annote-zh` (a sentence, where it treats no claim).
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from verify.language.claim import Claim, Mistake
from verify.site.contents.papers import Equation, PaperMap

SHELVES = ("paper", "tutorial", "lecture", "code", "list")


@dataclass(frozen=True)
class Work:
    """A cited work: `label` as in a margin (Karras et al. 2022), `line` the full reference in Markdown.

    shelf   one of SHELVES
    treats  claims that the bibliography says it treats
    note    a sentence about it, by language
    """

    key: str
    label: str
    line: str
    html: str
    shelf: str = SHELVES[0]
    treats: tuple[str, ...] = ()
    note: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Annotation:
    """What the site knows of a work: the claims it supports, the mistakes seen in it, where its equations differ."""

    claims: tuple[str, ...]
    errors: tuple[tuple[Claim, Mistake], ...]
    differs: tuple[Equation, ...]


def annotation(work: Work, claims: Mapping[str, Claim], paper: PaperMap | None) -> Annotation:
    """Its claims are those whose source names it, and those it is said to treat."""
    supported = [id_ for id_, claim in claims.items() if any(cited.key == work.key for cited in claim.sources)]
    return Annotation(
        tuple(dict.fromkeys((*supported, *(id_ for id_ in work.treats if id_ in claims)))),
        tuple(
            (claim, mistake) for claim in claims.values() for mistake in claim.mistakes if work.key in seen_in(mistake)
        ),
        tuple(equation for equation in paper.equations if equation.differs) if paper else (),
    )


def seen_in(mistake: Mistake) -> set[str]:
    """What a mistake was seen in: the first word of each part of its source, a key where it is one."""
    parts = (part.split() for part in mistake.source.get("en", "").split(";"))
    return {words[0].rstrip(",") for words in parts if words}


def work_faults(known: Mapping[str, Work], claims: Mapping[str, Claim], file: str) -> Iterator[str]:
    """What is wrong with our own fields, as `file: key: message`."""
    for work in known.values():
        if work.shelf not in SHELVES:
            yield f"{file}: {work.key}: keywords is one of {', '.join(SHELVES[1:])}, not {work.shelf!r}"
        for id_ in work.treats:
            if id_ not in claims:
                yield f"{file}: {work.key}: no claim `{id_}`"
        if work.note and work.note.keys() != {"en", "zh"}:
            yield f"{file}: {work.key}: annote and annote-zh go together"


@functools.cache
def _read(path: Path, changed: int) -> dict[str, Work]:
    from pybtex.database import parse_file
    from pybtex.plugin import find_plugin

    style = find_plugin("pybtex.style.formatting", "unsrt")()
    markdown = find_plugin("pybtex.backends", "markdown")()
    page = find_plugin("pybtex.backends", "html")()
    data = parse_file(str(path))
    return {
        entry.key: Work(
            entry.key,
            _label(data.entries[entry.key]),
            entry.text.render(markdown),
            entry.text.render(page),
            *_ours(data.entries[entry.key].fields),
        )
        for entry in style.format_entries(data.entries.values())
    }


def _ours(fields: Mapping[str, str]) -> tuple[str, tuple[str, ...], dict[str, str]]:
    """Shelf, claims and note of an entry."""
    treats = tuple(name.strip() for name in fields.get("claims", "").split(",") if name.strip())
    said = {"en": fields.get("annote", ""), "zh": fields.get("annote-zh", "")}
    return fields.get("keywords", SHELVES[0]), treats, {language: text for language, text in said.items() if text}


def _label(entry: Any) -> str:
    people = [" ".join(person.last_names).strip("{}") for person in entry.persons.get("author", ())]
    who = (
        people[0]
        if len(people) == 1
        else " & ".join(people)
        if len(people) == 2
        else f"{people[0]} et al."
        if people
        else entry.key
    )
    return f"{who} {entry.fields.get('year', '')}".strip()


def works(path: Path) -> dict[str, Work]:
    """Key -> work, in the order of the file; empty when there is no such file."""
    return _read(path, path.stat().st_mtime_ns) if path.exists() else {}
