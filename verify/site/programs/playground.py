"""The playground: a page where a reader's own derivation is judged by this package, in the browser.

Here are the block that makes the page, the examples to start from, and the files that it loads when asked to. What runs
there is `verify.playground`.
"""

from __future__ import annotations

import json
import shutil
import xml.etree.ElementTree as etree
from collections.abc import Iterable
from pathlib import Path
from posixpath import relpath
from typing import Any

from markdown.util import AtomicString
from pymdownx.blocks.block import Block

from verify.language.claim import Claim
from verify.language.document import Document, find_blocks
from verify.site import words
from verify.site.cards.card import Printer, Shelf
from verify.site.contents.model import Library
from verify.site.markdown.maths import KATEX
from verify.site.programs import runtime

FOLDER = "assets/playground"  # in the site's root: both editions load the same files
PYODIDE = "assets/vendor/pyodide"
LIMITS = {"characters": 20_000, "seconds": 60}
WORDS = "playground."
SHARED_WORDS = ("proof", "sampling", "as_read", "counterexample", "left", "right", "difference", "hint", "why",
                "mistakes", "uses", "generators", "relations", "conditions", "step", "every", "scalar", "copied",
                *words.SIGNS)  # fmt: skip

# What an example is made from: a claim, and one of its wrong versions, counted from one. See `examples`.
RIGHT, UNREADABLE = "edm.precond", "notation.half-logsnr"
WRONG, QUESTION = ("edm.loss-weight", 2), ("vae.elbo-gap", 3)


def examples(shelf: Shelf) -> dict[str, str]:
    """Name -> a text to start from, made of the claims of the shelf; those whose claim is not there are left out.

    right       a claim as it stands
    wrong       a claim with one of its wrong versions before it, as if that were right too
    unreadable  a claim without the declaration of its first name
    question    a wrong version that people believe, with a question for its title
    """
    found, claims, text = {}, shelf.library.claims, shelf.text
    if claim := claims.get(RIGHT):
        found["right"] = _text("mine.right", shelf.say(claim.title), claim.declared, claim.latex)
    if wrong := _mistake(claims.get(WRONG[0]), WRONG[1]):
        claim = claims[WRONG[0]]
        found["wrong"] = _text("mine.wrong", shelf.say(claim.title), claim.declared, [wrong.latex, *claim.latex])
    if claim := claims.get(UNREADABLE):
        found["unreadable"] = _text("mine.unread", shelf.say(claim.title), claim.declared[1:], claim.latex)
    if wrong := _mistake(claims.get(QUESTION[0]), QUESTION[1]):
        title = text["playground.is-it"].format(shelf.say(wrong.title))
        found["question"] = _text("mine.question", title, claims[QUESTION[0]].declared, [wrong.latex])
    return found


def _mistake(claim: Claim | None, number: int) -> Any:
    return claim.mistakes[number - 1] if claim and len(claim.mistakes) >= number else None


def _text(id_: str, title: str, declared: Iterable[str], displays: Iterable[str]) -> str:
    """A claim as one writes it."""
    lines = [f"/// claim | {id_}", f"    title: {title}", ""]
    lines += [f"- {line.strip().removeprefix('- ').strip()}" for line in declared]
    for display in displays:
        lines += ["", "$$", display.strip(), "$$"]
    return "\n".join([*lines, "///", ""])


def sources(root: Path, library: Library) -> dict[str, dict[str, str]]:
    """topic -> id -> the claim's own block with its wrong versions, as its author wrote it."""
    found: dict[str, dict[str, str]] = {}
    for name in dict.fromkeys(claim.file for claim in library.claims.values()):
        document = Document(name, (root / name).read_text("utf-8"))
        for block in find_blocks(document):
            if block.kind in ("claim", "mistake") and block.name in library.claims:
                held = found.setdefault(library.claims[block.name].topic, {})
                text = document.text[block.start : block.end] + "///\n"
                held[block.name] = f"{held[block.name]}\n{text}" if block.name in held else text
    return found


def publish(root: Path, out: Path, library: Library) -> None:
    """Writes what the page loads on demand into the site `out`: runtime, KaTeX, and the claims' own texts."""
    folder = out / FOLDER
    runtime.publish(root / ".verify" / "playground", folder, root / "docs" / PYODIDE, relpath(PYODIDE, FOLDER))
    shutil.copyfile(KATEX, folder / KATEX.name)
    (folder / "claims").mkdir(exist_ok=True)
    for topic, texts in sources(root, library).items():
        (folder / "claims" / f"{topic}.json").write_text(json.dumps(texts, ensure_ascii=False), "utf-8")


def data(printer: Printer) -> dict[str, Any]:
    """What the page's script is told: words, examples, limits, and where the files lie."""
    shelf = printer.shelf
    top = "" if shelf.language == "en" else "../"
    return {
        "language": shelf.language,
        "words": {key.removeprefix(WORDS): text for key, text in shelf.text.items()
                  if key.startswith(WORDS) or key in SHARED_WORDS},
        "signs": words.SIGNS,
        "examples": examples(shelf),
        "limits": LIMITS,
        "claims": list(shelf.library.claims),
        "home": printer.href("index.html"),
        "folder": printer.href(f"{top}{FOLDER}"),
        "pyodide": printer.href(f"{top}{PYODIDE}"),
        "worker": printer.href(f"{top}assets/playground-worker.js"),
    }  # fmt: skip


class PlaygroundBlock(Block):
    """`/// playground`: the editor, what was judged, and the data that its script reads."""

    NAME = "playground"

    def on_create(self, parent: etree.Element) -> etree.Element:
        printer = self.config["extension"].printer(self.md)
        place = etree.SubElement(parent, "div", {"class": "vd-playground-place"})
        html = printer.render("playground", data=data(printer), limits=LIMITS)
        place.text = AtomicString(self.md.htmlStash.store(html))
        return place
