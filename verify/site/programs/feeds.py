"""Two Atom feeds an edition: new questions, and verdicts that were given or changed.

`feeds/questions.xml` tells the questions by the day they were asked, `feeds/verdicts.xml` the history of verdicts
(`verify.ledger.history`). Both say the same whenever they are built from the same files. A feed needs addresses that
hold anywhere, so there is none where nobody has said where the site is published.
"""

from __future__ import annotations

import uuid
import xml.etree.ElementTree as etree
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from verify.ledger.history import REMOVED
from verify.site import words
from verify.site.cards.card import Shelf, address

FOLDER = Path("feeds")
ATOM = "http://www.w3.org/2005/Atom"
LENGTH = 50  # entries of a feed, the newest


@dataclass(frozen=True)
class Item:
    """One entry; `name` tells it from every other one for ever, wherever the site is published."""

    name: str
    date: str
    title: str
    text: str
    page: str


def write(shelf: Shelf, folder: Path) -> None:
    """Writes the feeds of an edition below `folder`, the root of its pages."""
    if not shelf.imprint.url:
        return
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    for name, items in (("questions", questions(shelf)), ("verdicts", verdicts(shelf))):
        newest = sorted(items, key=lambda item: item.date, reverse=True)[:LENGTH]
        if newest:
            (folder / FOLDER / f"{name}.xml").write_bytes(feed(shelf, name, newest))


def questions(shelf: Shelf) -> Iterator[Item]:
    """Every question with the day it was asked."""
    for one in shelf.questions:
        if one.asked:
            told = [shelf.text.get(one.kind, one.kind), shelf.text.get(one.state, one.state), *one.claims]
            yield Item(f"question/{one.id}", one.asked, one.title, shelf.text["comma"].join(told), one.page)


def verdicts(shelf: Shelf) -> Iterator[Item]:
    """Every event of the history of verdicts, the newest first."""
    claims, text = shelf.library.claims, shelf.text
    for number, event in reversed(list(enumerate(shelf.library.history))):
        steps = [verdict for verdict in (event.before, event.verdict) if verdict]
        now = " → ".join(
            text["feed.removed"] if step == REMOVED else f"{words.SIGNS[step]} {text[step]}" for step in steps
        )
        claim = claims.get(event.id)
        title = shelf.say(claim.title) if claim else ""
        told = shelf.say(claim.slogan) if claim else ""
        yield Item(
            f"verdict/{number}/{event}", event.date, f"{event.id}: {now}", " — ".join(filter(None, (title, told))),
            address(event.id),
        )  # fmt: skip


def feed(shelf: Shelf, name: str, items: list[Item]) -> bytes:
    """The Atom document (RFC 4287) of `items`, the newest first."""
    url = shelf.imprint.url
    etree.register_namespace("", ATOM)
    root = etree.Element(f"{{{ATOM}}}feed", {"{http://www.w3.org/XML/1998/namespace}lang": shelf.language})

    def add(parent: etree.Element, tag: str, text: str = "", **attributes: str) -> etree.Element:
        child = etree.SubElement(parent, f"{{{ATOM}}}{tag}", attributes)
        child.text = _printable(text) or None
        return child

    add(root, "id", _id(f"feed/{shelf.language}/{name}"))
    add(root, "title", f"{shelf.imprint.name}: {shelf.text[f'feed.{name}']}")
    add(root, "updated", f"{items[0].date}T00:00:00Z")
    add(root, "link", rel="self", type="application/atom+xml", href=f"{url}{(FOLDER / f'{name}.xml').as_posix()}")
    add(root, "link", rel="alternate", type="text/html", href=url)
    for author in shelf.imprint.authors or (shelf.imprint.name,):
        add(add(root, "author"), "name", author)
    for item in items:
        entry = add(root, "entry")
        add(entry, "id", _id(f"{shelf.language}/{item.name}"))
        add(entry, "title", item.title)
        add(entry, "updated", f"{item.date}T00:00:00Z")
        add(entry, "link", rel="alternate", type="text/html", href=f"{url}{item.page}")
        add(entry, "summary", item.text)
    etree.indent(root, " ")
    return etree.tostring(root, "utf-8", xml_declaration=True) + b"\n"


def _id(name: str) -> str:
    """An identifier that depends on the name alone, so that it stays when the site moves."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"verified-diffusion/{name}").urn


def _printable(text: str) -> str:
    """`text` without the control characters that XML cannot hold."""
    return "".join(sign for sign in text if sign.isprintable() or sign in "\t\n")
