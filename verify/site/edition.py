"""What the pages of one edition draw on, gathered from the project; the same for every program that renders them."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

from verify.site import pages
from verify.site.cards.card import Shelf
from verify.site.cards.citation import read_imprint
from verify.site.cards.explorers import read_scripts
from verify.site.contents.bibliography import Work, works
from verify.site.contents.model import Library
from verify.site.contents.papers import read_papers
from verify.site.contents.paths import read_paths
from verify.site.contents.prose import read_prose
from verify.site.contents.runs import read_runs


def gather(root: Path, language: str, library: Library, bibliography: Mapping[str, Work], url: str = "") -> Shelf:
    """The shelf of the edition in `language` of the project at `root`. PageError or ListError for what is wrong.

    url  where the edition is published, with a slash at its end; empty when that is not known
    """
    return Shelf(
        library,
        language,
        bibliography,
        pages.read_questions(root, language),
        pages.count_displays(root, language),
        read_prose(root),
        read_paths(root),
        read_papers(root),
        read_runs(root),
        scripts=read_scripts(root),
        topics={topic: pages.topic_title(root, topic, language) for topic in library.topics},
        imprint=read_imprint(root, url),
    )


@functools.cache
def opened(root: Path, language: str) -> Shelf:
    """The shelf with the verdicts of the project's ledger, read once: for a renderer that cannot hand one over."""
    return gather(root, language, Library.load(root), works(root / "docs" / "references.bib"))
