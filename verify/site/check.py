"""What a page says wrongly about claims, works and blocks, with file and line, before MkDocs starts."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from verify.site.contents.lists import ListError
from verify.site.contents.model import Library
from verify.site.contents.papers import paper_faults, read_papers
from verify.site.contents.paths import path_faults, read_paths
from verify.site.contents.prose import read_prose
from verify.site.markdown.blocks import OPENS, TABLES, definitions, outside_fences
from verify.site.markdown.cite import CITATION, keys
from verify.site.markdown.numbers import number_faults
from verify.site.pages import PageError, front_matter, sources

REFERENCE = re.compile(r"(?<!!)\[[^\[\]]*\]\[([^\[\]]*)\]|\[([\w-]+\.[\w.-]+)\]\[\]")
DEFINED = re.compile(r"\A {0,3}\[([^\]]+)\]:\s")
CODE = re.compile(r"(`+).*?\1")


@dataclass(frozen=True)
class Fault:
    """One thing to mend: `file:line: message`."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


def faults(
    text: str,
    file: str,
    claims: Iterable[str],
    works: Iterable[str],
    paths: Iterable[str] = (),
    papers: Iterable[str] = (),
    experiments: Iterable[str] = (),
) -> list[Fault]:
    """All faults of one page: what it names and nobody knows, and references that lead nowhere."""
    claims, works = sorted(claims), sorted(works)
    generated = {
        "table": list(TABLES),
        "path": list(paths),
        "paper": list(papers),
        "experiment": list(experiments),
    }
    lines = text.splitlines()
    found: list[Fault] = []

    def miss(number: int, what: str, name: str, known: list[str]) -> None:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean `{near[0]}`?" if near else ""
        found.append(Fault(file, number + 1, f"no {what} `{name}`{hint}"))

    inside = {number for start, end, _, _ in definitions(lines) for number in range(start + 1, end)}
    labels = {match[1].lower() for line in lines if (match := DEFINED.match(line))}
    try:
        meta, _ = front_matter(text, file)
    except PageError as error:
        place, _, message = str(error).removeprefix(f"{file}:").partition(":1: ")
        return [Fault(file, int(place), message)]
    for id_ in map(str, meta.get("claims") or ()):
        if id_ not in claims:
            miss(next((n for n, line in enumerate(lines) if id_ in line), 0), "claim", id_, claims)
    for number, (line, plain) in enumerate(zip(lines, outside_fences(lines), strict=True)):
        if not plain or number in inside:
            continue
        if block := OPENS.match(line):
            name = (block[3] or "").strip()
            if block[2] in ("card", "claim", "mistake", "translation", "wrong") and name not in claims:
                miss(number, "claim", name, claims)
            elif block[2] in generated and name not in generated[block[2]]:
                miss(number, block[2], name, generated[block[2]])
            continue
        prose = CODE.sub("", line)
        for reference in REFERENCE.finditer(prose):
            name = reference[1] or reference[2] or reference[0][1 : reference[0].index("]")]
            if name.lower() not in labels and name not in claims:
                miss(number, "claim", name, claims)
        for citation in CITATION.finditer(prose):
            for key in keys(citation):
                if key not in works:
                    miss(number, "work", key, works)
    return found


def site_faults(root: Path, library: Library, works: Iterable[str]) -> list[Fault]:
    """The faults of all authored pages of both editions, in the order of the files."""
    works, paths, papers = list(works), list(_named(read_paths, root)), list(_named(read_papers, root))
    files = {
        file for language in ("en", "zh") for page, file in sources(root, language).items() if page.endswith(".md")
    }
    found: list[Fault] = []
    for file in sorted(files):
        text, name = file.read_text("utf-8"), str(file.relative_to(root))
        found += faults(text, name, library.claims, works, paths, papers, library.experiments)
        found += (Fault(name, line + 1, message) for line, message in number_faults(text, library))
    return found


def list_faults(root: Path, library: Library, works: Collection[str]) -> list[str]:
    """What is wrong with the lists of learning paths, of equations and of translations, as `file:line: message`."""
    pages = {f"{page[:-3]}.html" for page in sources(root, "en") if page.endswith(".md")}
    found: list[str] = []
    try:
        found += path_faults(read_paths(root), library.claims, pages)
        found += paper_faults(read_papers(root), library.claims, works)
        read_prose(root)
    except ListError as error:
        found.append(str(error))
    return found


def _named(read: Callable[[Path], Mapping[str, object]], root: Path) -> Iterable[str]:
    """The names in a list; none where it cannot be read, which `list_faults` tells."""
    try:
        return read(root)
    except ListError:
        return ()
