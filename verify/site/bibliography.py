"""The cited works: `references.bib` read once, each work as a short label and a full line."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Work:
    """A cited work: `label` as in a margin (Karras et al. 2022), `line` the full reference in Markdown."""

    key: str
    label: str
    line: str
    html: str


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
            entry.key, _label(data.entries[entry.key]), entry.text.render(markdown), entry.text.render(page)
        )
        for entry in style.format_entries(data.entries.values())
    }


def _label(entry) -> str:
    people = [str(" ".join(person.last_names)) for person in entry.persons.get("author", ())]
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
