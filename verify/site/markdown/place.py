"""Which page is being rendered: the one thing that our Markdown extensions have to ask of whoever renders.

MkDocs tells it by the file of its link checker. Zensical, and Markdown alone with `PlaceExtension`, tell it by a
preprocessor that has a `page`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from markdown import Markdown
from markdown.extensions import Extension
from markdown.preprocessors import Preprocessor


@dataclass(frozen=True)
class Place:
    """A page by its address in the edition.

    src_uri       of its source: `edm/sampling.md`
    dest_uri      of the page: `edm/sampling.html`
    abs_src_path  the file that was laid out, '' where nobody knows it
    """

    src_uri: str
    dest_uri: str
    abs_src_path: str = ""


def page_file(md: Markdown) -> Any:
    """The page being rendered, with the fields of `Place`; None where nobody says which it is."""
    if "relpath" in md.treeprocessors:
        return md.treeprocessors["relpath"].file  # MkDocs' own File
    for step in md.preprocessors:
        page = getattr(step, "page", None)
        if isinstance(page, Place):
            return page
        if path := getattr(page, "path", None):
            return Place(path, path.removesuffix(".md") + ".html")
    return None


class _Here(Preprocessor):
    def __init__(self, md: Markdown, page: Place) -> None:
        super().__init__(md)
        self.page = page

    def run(self, lines: list[str]) -> list[str]:
        return lines


class PlaceExtension(Extension):
    """Option `page`: the Place that is being rendered."""

    def __init__(self, page: Place) -> None:
        super().__init__()
        self.page = page

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802 (Markdown's name for it)
        md.preprocessors.register(_Here(md, self.page), "verify.place", 100)
