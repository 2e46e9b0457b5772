"""A built site as the checks see it: every page read once, formulas reduced to their TeX, faults planted in memory."""

from __future__ import annotations

import html
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote, urlsplit

from verify.site.contents.model import Library

FORMULA = re.compile(r"(<vd-formula\b[^>]*>)(.*?)</vd-formula>", re.S)
ANNOTATION = re.compile(r'<annotation encoding="application/x-tex">(.*?)</annotation>', re.S)
SCRIPT = re.compile(r"(<(script|style)\b[^>]*>)(.*?)</\2>", re.S)
COMMENT = re.compile(r"<!--.*?-->", re.S)
TAG = re.compile(r"""<(/?)([a-zA-Z][\w:-]*)((?:[^<>"']|"[^"]*"|'[^']*')*)>""")
ATTRIBUTE = re.compile(r"""([\w:@.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
ACTIVE = re.compile(r"""\s(?:href|src|id|on[a-z]+)=["']""")
TELLING = ("id=", "href=", "src=", " on", "srcset=", "alt=")
HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
EDITIONS = {"en": "", "zh": "zh/"}


@dataclass
class Page:
    """What one page says about itself. `text` is its HTML with each formula reduced to the TeX it was made from.

    anchors   ids, in order           links     (name of the page or file, fragment, as written) inside the site
    loaded    src and the like        outside   schemes of links that leave the site, `javascript` among them
    handlers  attributes that run     headings  their levels, in order
    faults    what the structure breaks
    """

    name: str
    text: str
    lang: str = ""
    anchors: list[str] = field(default_factory=list)
    links: list[tuple[str, str, str]] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    handlers: list[str] = field(default_factory=list)
    headings: list[int] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, name: str, source: str) -> Page:
        """The page `name`, its address from the root of the site, from its HTML."""
        active: list[str] = []

        def reduce(found: re.Match[str]) -> str:
            tex, body = ANNOTATION.search(found[2]), found[2]
            if ACTIVE.search(body):
                active.append(f"{name}: a formula with an address, an id or an action in it")
            drawn = tex is not None and 'class="katex-html"' in body
            return f"{found[1]}{tex[1] if tex and drawn else ''}</vd-formula>"

        text = COMMENT.sub("", SCRIPT.sub(r"\1</\2>", source))
        page = cls(name, FORMULA.sub(reduce, text), faults=active)
        page._scan()
        return page

    @cached_property
    def ids(self) -> frozenset[str]:
        return frozenset(self.anchors)

    def _scan(self) -> None:
        inside = 0
        for tag in TAG.finditer(self.text):
            kind, said = tag[2].lower(), tag[3]
            if tag[1]:
                inside -= kind == "a"
                continue
            if kind == "a":
                inside += 1
                if inside > 1:
                    self.faults.append(f"{self.name}: a link inside a link: {tag[0][:80]}")
            elif kind in HEADINGS:
                self.headings.append(int(kind[1]))
            if kind in ("html", "img") or any(name in said for name in TELLING):
                self._note(kind, {key.lower(): "".join(values) for key, *values in ATTRIBUTE.findall(said)})

    def _note(self, kind: str, said: Mapping[str, str]) -> None:
        if kind == "html":
            self.lang = said.get("lang", "")
        if kind == "img" and "alt" not in said:
            self.faults.append(f"{self.name}: a picture without words for it")
        if found := said.get("id"):
            self.anchors.append(html.unescape(found))
        self.handlers += [key for key in said if key.startswith("on")]
        for key in ("href", "xlink:href") if kind == "a" else ("src", "href", "srcset", "xlink:href"):
            if key in said and (kind == "a" or said.get("rel") not in ("canonical", "prev", "next", "alternate")):
                self._refer(html.unescape(said[key]), loaded=kind != "a")

    def _refer(self, url: str, loaded: bool) -> None:
        parts = urlsplit(url)
        if loaded:
            self.loaded.append(url)
        if parts.scheme or parts.netloc:
            if not loaded:
                self.outside.append(parts.scheme)
            return
        path = unquote(parts.path)
        target = posixpath.normpath(posixpath.join(posixpath.dirname(self.name), path)) if path else self.name
        self.links.append((target, unquote(parts.fragment), url))


class Site:
    """The files of a built site and the library it was built from."""

    def __init__(self, root: Path, library: Library) -> None:
        self.root, self.library = root, library
        self.files = {file.relative_to(root).as_posix() for file in root.rglob("*") if file.is_file()}
        self.changed: tuple[str, ...] = ()  # the pages that a planted fault changed; of the real site none is
        self._planted: dict[str, str] = {}
        self._pages: dict[str, Page] = {}

    @property
    def names(self) -> list[str]:
        """The addresses of all pages."""
        return sorted(name for name in self.files if name.endswith(".html"))

    def source(self, name: str) -> str:
        """A file as it is published."""
        return self._planted[name] if name in self._planted else (self.root / name).read_text("utf-8")

    def page(self, name: str) -> Page:
        if name not in self._pages:
            self._pages[name] = Page.read(name, self.source(name))
        return self._pages[name]

    def with_file(self, name: str, text: str | None) -> Site:
        """This site with one file changed, or taken away; the other pages are not read again."""
        other = Site.__new__(Site)
        other.root, other.library = self.root, self.library
        other.files = self.files | {name} if text is not None else self.files - {name}
        other.changed = (*self.changed, name)
        other._planted = {**self._planted, **({name: text} if text is not None else {})}
        other._pages = {key: page for key, page in self._pages.items() if key != name}
        return other
