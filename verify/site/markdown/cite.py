"""`[@karras2022edm]` or `[@one; @two]` -> author, year and a footnote, as a sentence needs them."""

from __future__ import annotations

import re
from typing import Any

from markdown import Markdown
from markdown.extensions import Extension
from markdown.preprocessors import Preprocessor

from verify.site.markdown.blocks import outside_fences, shelf_of, shelf_options

CITATION = re.compile(r"(?<!\\)\[(@[\w:.-]+(?:\s*;\s*@[\w:.-]+)*)\]")


def keys(found: re.Match[str]) -> list[str]:
    """The keys that one citation names."""
    return [key.strip().removeprefix("@") for key in found[1].split(";")]


class _Citations(Preprocessor):
    def __init__(self, md: Markdown, extension: CitationExtension) -> None:
        super().__init__(md)
        self.extension = extension

    def run(self, lines: list[str]) -> list[str]:
        works = shelf_of(self.extension).works
        used: dict[str, None] = {}

        def note(found: re.Match[str]) -> str:
            for key in keys(found):
                if key not in works:
                    raise ValueError(f"no work {key!r} in the bibliography")
                used[key] = None
            return "; ".join(f"{works[key].label}[^{key}]" for key in keys(found))

        out = [
            CITATION.sub(note, line) if plain else line
            for line, plain in zip(lines, outside_fences(lines), strict=True)
        ]
        return out + [line for key in used for line in ("", f"[^{key}]: {works[key].line}")]


class CitationExtension(Extension):
    """Options: see `shelf_options`."""

    def __init__(self, **options: Any) -> None:
        self.config = shelf_options()
        super().__init__(**options)

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802 (Markdown's name for it)
        md.preprocessors.register(_Citations(md, self), "verify.cite", 40)


def makeExtension(**options: Any) -> CitationExtension:  # noqa: N802 (Markdown's name for it)
    return CitationExtension(**options)
