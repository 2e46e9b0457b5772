"""Questions are written by strangers: their HTML is shown as text, and nothing in them runs or loads.

`verify.intake.markdown` does this when an issue becomes a question. This extension stands at the other end, where
pages are rendered, for text that came another way. It acts on the pages below questions/ and on no other.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as etree
from typing import Any

from markdown import Markdown
from markdown.extensions import Extension
from markdown.preprocessors import Preprocessor
from markdown.treeprocessors import Treeprocessor

from verify.site.markdown.place import page_file

GUARDED = "questions/"
MAX_PAGE, MAX_BRACKETS = 200_000, 2_000
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_FORMULA = re.compile(r"\$[^$\n]+\$")  # a space after `<` means nothing there, and a stash would not be found
_ADDRESS = re.compile(r"(?:https?://|mailto:|[^:&\x00-\x20]*(?:[/?#]|$))", re.I)  # or one without a scheme
_ALLOWED = {"id", "class", "href", "title", "alt", "start", "rel", "role", "tabindex", "hidden", "colspan", "rowspan"}
_OURS = ("section", "div")  # blocks that our extensions make; braces in the text set nothing on them


def is_guarded(md: Markdown) -> bool:
    """Is a stranger's page being rendered?"""
    page = page_file(md)
    return page is not None and page.src_uri.startswith(GUARDED)


class _NoTags(Preprocessor):
    """After fenced code has been put aside and before HTML is looked for: no `<` begins a tag."""

    def run(self, lines: list[str]) -> list[str]:
        if not is_guarded(self.md):
            return lines
        less = self.md.htmlStash.store("&lt;")  # comes back as it stands, also inside of code
        if sum(map(len, lines)) > MAX_PAGE:
            raise ValueError(f"a question has at most {MAX_PAGE:,} characters")
        text = "\n".join(lines)
        if text.count("[") > MAX_BRACKETS:  # Markdown looks for the end of every one
            text = text.replace("[", self.md.htmlStash.store("&#91;"))
        text = _FORMULA.sub(lambda found: _TAG.sub("< ", found[0]), text)
        return _TAG.sub(lambda _: less, text).split("\n")


class _NoActions(Treeprocessor):
    """Attributes that Markdown's braces set: those that act, style or load are dropped."""

    def run(self, root: etree.Element) -> None:
        if not is_guarded(self.md):
            return
        for element in root.iter():
            for name in list(element.attrib):
                ours = element.tag in _OURS and name.startswith(("aria-", "data-"))
                astray = name == "href" and not _ADDRESS.match(element.attrib[name])
                if astray or not (ours or name in _ALLOWED):
                    del element.attrib[name]
            if element.tag == "img":  # a picture from elsewhere would tell its host who reads
                element.tag = "span"
                element.text = element.attrib.pop("alt", "")


class GuardExtension(Extension):
    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802 (Markdown's name for it)
        md.preprocessors.register(_NoTags(md), "verify.guard", 21)  # fences 25, HTML 20
        md.treeprocessors.register(_NoActions(md), "verify.guard", -5)  # attributes in braces 8, links 0


def makeExtension(**options: Any) -> GuardExtension:  # noqa: N802 (Markdown's name for it)
    return GuardExtension(**options)
