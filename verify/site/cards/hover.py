"""What a link to a claim, a definition, a question or a cited work shows at once: a small card made at build time.

The cards of a topic are one classic script, `assets/hover/TOPIC.js`, fetched when a reader first rests on a link to
that topic: no page grows by them, and they are there without a server too, where a page may not fetch data.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from verify.site.cards.card import Printer, Shelf

FOLDER = Path("assets") / "hover"
PAGES = ("references", "definitions", "questions")  # other scripts; no topic can have these names, see `write`
_MATHML = re.compile(r'<span class="katex-mathml">.*?</math></span>', re.S)


def write(shelf: Shelf, folder: Path) -> None:
    """Writes the cards of an edition below `folder`, the root of its pages."""
    if taken := [name for name in PAGES if name in shelf.library.topics]:
        raise ValueError(f"a topic cannot be called {taken[0]}: the cards of the {taken[0]} have that name")
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    for name, cards in scripts(shelf):
        (folder / FOLDER / f"{name}.js").write_text(_script(name, cards), "utf-8")


def scripts(shelf: Shelf) -> Iterator[tuple[str, dict[str, str]]]:
    """Each script's name and its cards: anchor -> HTML."""
    printer, library = Printer(shelf, "index.html"), shelf.library

    def small(template: str, **values: Any) -> str:
        """Without MathML: who hears a card is told its words."""
        return _MATHML.sub("", printer.render(template, **values))

    for topic, claims in library.topics.items():
        yield topic, {claim.id: small("hover", card=library.card(claim.id)) for claim in claims}
    yield "references", {key: small("hover-work", work=work) for key, work in shelf.works.items()}
    yield "questions", {one.id: small("hover-question", question=one) for one in shelf.questions}
    yield "definitions", {one.id: small("hover-definition", one=one) for one in library.definitions}


def _script(name: str, cards: dict[str, str]) -> str:
    return f"vdHover({json.dumps(name)}, {json.dumps(cards, ensure_ascii=False)});\n"
