"""What must hold of a built site, as functions that list every breach; the tests plant faults to see them caught."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from verify.site import display, words
from verify.site.card import address
from verify.site.model import Library

SECTION = re.compile(r'<section [^>]*class="vd-card (vd-\w+)[^"]*" data-claim="([^"]+)".*?</section>', re.S)
ANNOTATION = re.compile(r'<annotation encoding="application/x-tex">(.*?)</annotation>', re.S)


@dataclass
class Page(HTMLParser):
    """The anchors of a page and what it refers to."""

    anchors: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if found.get("id"):
            self.anchors.append(found["id"] or "")
        if tag == "a" and found.get("href"):
            self.links.append(found["href"] or "")
        for name in ("src", "href") if tag != "a" else ():
            if found.get(name) and found.get("rel") not in ("canonical", "prev", "next"):
                self.loaded.append(found[name] or "")


def read(file: Path) -> Page:
    page = Page()
    page.feed(file.read_text("utf-8"))
    return page


def link_breaches(site: Path) -> list[str]:
    """Links and anchors that lead nowhere, anchors that are there twice, files that another host would serve."""
    pages = {file: read(file) for file in sorted(site.rglob("*.html"))}
    found = []
    for file, page in pages.items():
        name = file.relative_to(site)
        found += [
            f"{name}: anchor {anchor} twice"
            for anchor in sorted(set(page.anchors))
            if page.anchors.count(anchor) > 1 and not anchor.startswith("__")
        ]
        found += [f"{name}: loads {url}" for url in page.loaded if urlsplit(url).netloc]
        if name.name == "404.html":
            continue  # its links are absolute, for whatever address was asked for
        for url in [*page.links, *page.loaded]:
            parts = urlsplit(url)
            if parts.scheme or parts.netloc:
                continue
            target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
            if not target.is_file():
                found.append(f"{name}: nothing at {url}")
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
                found.append(f"{name}: no anchor {url}")
    return found


def card_breaches(site: Path, library: Library, language: str) -> list[str]:
    """Claims whose permanent address lacks the card, its verdict in class, sign and word, or one of its formulas."""
    found = []
    edition = site if language == "en" else site / language
    for id_ in library.claims:
        card = library.card(id_)
        page = (edition / address(id_).split("#")[0]).read_text("utf-8")
        sections = {section[2]: section for section in SECTION.finditer(page)}
        if id_ not in sections:
            found.append(f"{id_}: no card")
            continue
        section, verdict = sections[id_], card.standing.verdict
        if section[1] != f"vd-{verdict}":
            found.append(f"{id_}: class {section[1]} for {verdict}")
        badge = f'aria-hidden="true">{words.SIGNS[verdict]}</span> {words.TEXT[language][verdict]}'
        if badge not in section[0].partition('class="vd-line"')[2].partition("</div>")[0]:
            found.append(f"{id_}: no badge {verdict}")
        shown = [html.unescape(tex) for tex in ANNOTATION.findall(section[0])]
        for chain in card.chains:
            if display.marked(chain.latex, [step.verdict for step in chain.steps]).strip() not in shown:
                found.append(f"{id_}: a formula is lost")
        found += [
            f"{id_}: mistake {item.mistake.name} is lost"
            for item in card.mistakes
            if item.mistake.latex.strip() not in shown
        ]
    return found
