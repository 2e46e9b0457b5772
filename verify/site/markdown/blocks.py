"""The Markdown extension: cards, tables and references to claims.

    /// claim | edm.precond ... ///     a definition: its card stands in its place (the definition itself is
                                        read by `verify.language.document`, and not shown a second time)
    /// mistake | edm.precond ... ///   shows nothing here: it stands on the claim's card
    /// card | edm.precond              the card of a claim that is defined elsewhere
    ///
    /// table | claims                  claims, graph, names, questions, mistakes, papers, coverage, references, tally
                                        or verdicts
    ///
    /// wrong | edm.precond             the wrong versions of a claim, each beside the right one
    ///
    /// glance | edm.precond            a claim in small: its first derivation beside its first wrong version
    ///
    /// path | beginner                 a learning path
    ///
    /// experiment | mem-collapse       what an experiment predicted and found, as on its claim's card
    ///
    /// run | ddpm-digits-eps           what a training came to, over its seeds
    ///
    /// paper | karras2022edm           which claim checks which equation of a paper
    ///
    /// explorer | schedules            pictures that follow a reader's settings
    ///
    /// playground                      where a reader's own derivation is judged in the browser
    ///
    /// former | edm.old                what became of an id that was renamed or retired
    ///
    [edm.precond][]                     a link to the claim's permanent address

It needs no MkDocs: `markdown.markdown(text, extensions=[BlocksExtension(shelf=shelf)])` renders a card.
"""

from __future__ import annotations

import posixpath
import re
import xml.etree.ElementTree as etree
from pathlib import Path
from typing import Any

from markdown import Markdown
from markdown.extensions import Extension
from markdown.preprocessors import Preprocessor
from markdown.util import AtomicString
from pymdownx.blocks import BlocksExtension as PymdownBlocks
from pymdownx.blocks.block import Block, type_ranged_integer

from verify.language.ids import RENAMED
from verify.site.cards.card import Printer, Shelf, address
from verify.site.cards.explorers import faults as explorer_faults
from verify.site.cards.explorers import render as render_explorer
from verify.site.contents.bibliography import SHELVES, annotation
from verify.site.contents.definitions import all_shown
from verify.site.contents.explorer_settings import EXPLORERS
from verify.site.contents.mistakes import all_wrong, mistake_page, slips_of, wrong_versions
from verify.site.contents.notation import ROWS, names, translations
from verify.site.contents.papers import Equation, paper_map
from verify.site.contents.paths import before, needs
from verify.site.contents.runs import FOLDER, spread
from verify.site.graph.page import graph_page
from verify.site.markdown.place import page_file
from verify.site.programs.playground import PlaygroundBlock

OPENS = re.compile(r"\A {0,3}(/{3,})\s*([\w-]+)\s*(?:\|\s*(.*?))?\s*\Z")
CLOSES = re.compile(r"\A {0,3}/{3,}\s*\Z")
FENCE = re.compile(r"\A\s*(`{3,}|~{3,})")
TABLES = (
    "claims", "questions", "mistakes", "papers", "coverage", "references", "tally", "verdicts", "graph", "names",
    "definitions",
)  # fmt: skip


def shelf_options() -> dict[str, list[Any]]:
    """The options of an extension that draws on the shelf: the shelf itself, or where to read it from."""
    return {
        "shelf": ["", "what the pages draw on, a verify.site.cards.card.Shelf"],
        "project": [".", "without a shelf: the folder of the project whose pages and ledger are read"],
        "language": ["en", "without a shelf: the edition"],
    }


def shelf_of(extension: Extension) -> Shelf:
    """The shelf that the extension was given, or the one that it was told where to read."""
    from verify.site.edition import opened  # it reads the pages, and they read this

    return extension.getConfig("shelf") or opened(
        Path(extension.getConfig("project")).resolve(), extension.getConfig("language")
    )


def outside_fences(lines: list[str]) -> list[bool]:
    """For each line whether it is ordinary Markdown, not part of a fenced code block."""
    outside, fence = [], ""
    for line in lines:
        found = FENCE.match(line)
        if found and not fence:
            fence = found[1]
            outside.append(False)
        elif fence:
            outside.append(False)
            if found and found[1].startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
        else:
            outside.append(True)
    return outside


def definitions(lines: list[str]) -> list[tuple[int, int, str, str]]:
    """Each block that defines something: (first line, line after the last, `claim` or `mistake`, id), from 0."""
    found, start, kind, id_ = [], -1, "", ""
    for number, (line, plain) in enumerate(zip(lines, outside_fences(lines), strict=True)):
        opening = OPENS.match(line) if plain else None
        if opening and start < 0 and opening[2] in ("claim", "mistake", "translation"):
            start, kind, id_ = number, opening[2], opening[3] or ""
        elif plain and start >= 0 and CLOSES.match(line):
            found.append((start, number + 1, kind, id_))
            start = -1
    return found


class _Page(Preprocessor):
    """Before a page is parsed: definitions become cards, and every claim id becomes a link reference."""

    def __init__(self, md: Markdown, extension: BlocksExtension) -> None:
        super().__init__(md)
        self.extension = extension

    def run(self, lines: list[str]) -> list[str]:
        shelf, page = self.extension.shelf, page_file(self.md)
        here = posixpath.dirname(page.src_uri) if page else ""
        for claim in shelf.library.claims.values():
            target = address(claim.id).replace(".html#", ".md#")  # MkDocs checks links between source pages
            self.md.references[claim.id.lower()] = (posixpath.relpath(target, here or "."), shelf.say(claim.title))
        for start, end, kind, id_ in reversed(definitions(lines)):
            lines[start:end] = ["", f"/// card | {id_}", "///", ""] if kind == "claim" else []
        return lines


class _Ours(Block):
    """A block that knows the extension which it belongs to."""

    def on_init(self) -> None:
        self.extension: BlocksExtension = self.config["extension"]


class _Card(_Ours):
    """`/// card | id` with the heading's `level`, 3 unless told."""

    NAME = "card"
    ARGUMENT = True
    OPTIONS = {"level": (3, type_ranged_integer(2, 6))}

    def on_validate(self, parent: etree.Element) -> bool:
        if self.argument.strip() not in self.extension.shelf.library.claims:
            raise ValueError(f"no claim {self.argument.strip()!r}")
        return True

    def on_create(self, parent: etree.Element) -> etree.Element:
        shelf, id_ = self.extension.shelf, self.argument.strip()
        card = shelf.library.card(id_)
        shown = self.extension.shown
        again = id_ in shown
        notations = translations(shelf.library, id_)
        first = bool(notations) and not any(shelf.library.translations.get(other) for other in shown)
        shown.add(id_)
        classes = f"vd-card vd-{card.standing.verdict}" + (" vd-is-stale" if card.standing.stale else "")
        section = etree.SubElement(parent, "section", {"class": classes, "data-claim": id_})
        heading = etree.SubElement(section, f"h{self.options['level']}", {"class": "vd-title"})
        if not again:  # one anchor a page, however often a page shows the claim
            heading.set("id", id_)
            section.set("aria-labelledby", id_)
        if not at_home(page_file(self.md), id_):
            heading.set("data-search-exclude", "true")  # the search leads to its permanent address
        heading.text = AtomicString(shelf.say(card.claim.title))
        body = etree.SubElement(section, "div", {"class": "vd-body"})
        html = self.extension.printer(self.md).render(
            "card", card=card, notations=notations, with_assets=first, place=self.extension.next_place()
        )
        body.text = AtomicString(self.md.htmlStash.store(html))
        return section


def at_home(page: Any, id_: str) -> bool:
    """Whether `page`, MkDocs' file or None, is the claim's permanent address."""
    return page is not None and page.dest_uri == address(id_).partition("#")[0]


class _Former(_Ours):
    """`/// former | id`: stands where the links of a renamed or retired id lead.

    `book.js` leads on from a renamed one, at its anchor in a page of claims, or at once in a page of its own.
    """

    NAME = "former"
    ARGUMENT = True

    def on_validate(self, parent: etree.Element) -> bool:
        return self.argument.strip() in {one.id for one in self.extension.shelf.library.register.gone}

    def on_create(self, parent: etree.Element) -> etree.Element:
        register, printer = self.extension.shelf.library.register, self.extension.printer(self.md)
        one = register.ids[self.argument.strip()]
        section = etree.SubElement(parent, "section", {"class": "vd-former", "data-state": one.state})
        if one.is_claim:
            heading = etree.SubElement(section, "h3", {"id": one.id})
            heading.text = AtomicString(one.id)
        if one.state == RENAMED:
            section.set("data-moved", printer.href(address(register.now(one.id) or one.to)))
        body = etree.SubElement(section, "div", {"class": "vd-body"})
        body.text = AtomicString(self.md.htmlStash.store(printer.render("former", one=one)))
        return section


class _Table(_Ours):
    """`/// table | name`: a generated table, one template each."""

    NAME = "table"
    ARGUMENT = True

    def on_validate(self, parent: etree.Element) -> bool:
        if self.argument.strip() not in TABLES:
            raise ValueError(f"no table {self.argument.strip()!r}; there are {', '.join(TABLES)}")
        return True

    def on_create(self, parent: etree.Element) -> etree.Element:
        place = etree.SubElement(parent, "div", {"class": f"vd-table vd-table-{self.argument.strip()}"})
        html = self.extension.printer(self.md).render(self.argument.strip(), **self._values(self.argument.strip()))
        place.text = AtomicString(self.md.htmlStash.store(html))
        return place

    def _values(self, name: str) -> dict[str, Any]:
        """What the table shows beside what every template has."""
        shelf = self.extension.shelf
        if name == "mistakes":
            wrongs = all_wrong(shelf.library)
            return {"wrongs": wrongs, "slips": slips_of(wrongs)}
        if name == "questions":
            named = {topic: title for question in shelf.questions for topic, title in question.topics.items()}
            return {"topics": dict(sorted(named.items(), key=lambda item: item[1]))}
        if name == "definitions":
            return {"shown": all_shown(shelf.library)}
        if name == "graph":
            return graph_page(shelf)
        if name == "names":
            return {"notations": names(shelf.library), "rows": ROWS}
        if name == "references":
            return _shelves(shelf)
        if name == "papers":
            claims = shelf.library.claims
            return {"maps": [paper_map(key, listed, claims) for key, listed in shelf.papers.items()]}
        return {}


def _shelves(shelf: Shelf) -> dict[str, Any]:
    """The bibliography: shelf -> its works by label, and what is known of each."""
    claims, papers = shelf.library.claims, shelf.papers
    known = sorted(shelf.works.values(), key=lambda work: work.label.casefold())
    shelves = {name: [work for work in known if work.shelf == name] for name in SHELVES}
    maps = {key: paper_map(key, listed, claims) for key, listed in papers.items()}
    return {
        "shelves": {name: works for name, works in shelves.items() if works},
        "annotations": {work.key: annotation(work, claims, maps.get(work.key)) for work in known},
        "mistake_page": mistake_page,
    }


class _Wrong(_Ours):
    """`/// wrong | id`: a claim's wrong versions below its title, whose anchor is the id."""

    NAME = "wrong"
    ARGUMENT = True

    def on_validate(self, parent: etree.Element) -> bool:
        return self.argument.strip() in self.extension.shelf.library.claims

    def on_create(self, parent: etree.Element) -> etree.Element:
        shelf = self.extension.shelf
        card = shelf.library.card(self.argument.strip())
        section = etree.SubElement(parent, "section", {"class": "vd-wrongs", "aria-labelledby": card.claim.id})
        heading = etree.SubElement(section, "h2", {"id": card.claim.id, "class": "vd-title"})
        heading.text = AtomicString(shelf.say(card.claim.title))
        body = etree.SubElement(section, "div", {"class": "vd-body"})
        html = self.extension.printer(self.md).render("wrong", claim=card.claim, wrongs=wrong_versions(card))
        body.text = AtomicString(self.md.htmlStash.store(html))
        return section


class _Glance(_Ours):
    """`/// glance | id`: a claim's first derivation beside its first wrong version, for a page that only introduces."""

    NAME = "glance"
    ARGUMENT = True

    def on_validate(self, parent: etree.Element) -> bool:
        claim = self.extension.shelf.library.claims.get(self.argument.strip())
        return claim is not None and bool(claim.chains and claim.mistakes)

    def on_create(self, parent: etree.Element) -> etree.Element:
        card = self.extension.shelf.library.card(self.argument.strip())
        place = etree.SubElement(parent, "div", {"class": "vd-glance"})
        html = self.extension.printer(self.md).render("glance", card=card, wrong=wrong_versions(card)[0])
        place.text = AtomicString(self.md.htmlStash.store(html))
        return place


class _Experiment(_Ours):
    """`/// experiment | name`: prediction, result and figure of an experiment, away from its claim's card."""

    NAME = "experiment"
    ARGUMENT = True

    def on_validate(self, parent: etree.Element) -> bool:
        return self.argument.strip() in self.extension.shelf.library.experiments

    def on_create(self, parent: etree.Element) -> etree.Element:
        item = self.extension.shelf.library.experiments[self.argument.strip()]
        place = etree.SubElement(parent, "div", {"class": "vd-body"})
        html = self.extension.printer(self.md).render("experiment", item=item)
        place.text = AtomicString(self.md.htmlStash.store(html))
        return place


class _Explorer(_Ours):
    """`/// explorer | name`: pictures of docs/assets/explorers with their controls and the claims they show."""

    NAME = "explorer"
    ARGUMENT = True

    def on_validate(self, parent: etree.Element) -> bool:
        name = self.argument.strip()
        if name not in EXPLORERS:
            raise ValueError(f"no explorer {name!r}; there are {', '.join(EXPLORERS)}")
        if wrong := explorer_faults(EXPLORERS[name], self.extension.shelf.library):
            raise ValueError("; ".join(wrong))
        return True

    def on_create(self, parent: etree.Element) -> etree.Element:
        place = etree.SubElement(parent, "div")
        html = render_explorer(self.argument.strip(), self.extension.printer(self.md))
        place.text = AtomicString(self.md.htmlStash.store(html))
        return place


class _Path(_Ours):
    """`/// path | name`: a learning path of docs/paths.yml."""

    NAME = "path"
    ARGUMENT = True

    def on_validate(self, parent: etree.Element) -> bool:
        return self.argument.strip() in self.extension.shelf.paths

    def on_create(self, parent: etree.Element) -> etree.Element:
        shelf = self.extension.shelf
        path = shelf.paths[self.argument.strip()]
        taught, need = before(path, shelf.paths), {}
        for step in path.steps:
            need[step.key] = needs(step, taught, shelf.library.claims)
            taught = [*taught, step]
        place = etree.SubElement(parent, "div")
        html = self.extension.printer(self.md).render("path", path=path, needs=need)
        place.text = AtomicString(self.md.htmlStash.store(html))
        return place


class _Paper(_Ours):
    """`/// paper | work`: the map of a paper that docs/papers.yml lists."""

    NAME = "paper"
    ARGUMENT = True

    def on_validate(self, parent: etree.Element) -> bool:
        return self.argument.strip() in self.extension.shelf.papers

    def on_create(self, parent: etree.Element) -> etree.Element:
        shelf, key = self.extension.shelf, self.argument.strip()
        claims = shelf.library.claims

        def experiments(equation: Equation) -> list[str]:
            return list(dict.fromkeys(name for id_ in equation.claims for name in claims[id_].experiments))

        place = etree.SubElement(parent, "div", {"class": "vd-table vd-table-paper"})
        paper = paper_map(key, shelf.papers[key], claims)
        html = self.extension.printer(self.md).render("paper", map=paper, experiments=experiments)
        place.text = AtomicString(self.md.htmlStash.store(html))
        return place


class _Run(_Ours):
    """`/// run | ddpm-digits-eps`: what a training under several seeds came to."""

    NAME = "run"
    ARGUMENT = True

    def on_validate(self, parent: etree.Element) -> bool:
        if self.argument.strip() not in self.extension.shelf.runs:
            raise ValueError(f"no run {self.argument.strip()!r} in {FOLDER}")
        return True

    def on_create(self, parent: etree.Element) -> etree.Element:
        run = self.extension.shelf.runs[self.argument.strip()]
        place = etree.SubElement(parent, "div", {"class": "vd-table vd-table-run"})
        html = self.extension.printer(self.md).render("run", run=run, spread=spread)
        place.text = AtomicString(self.md.htmlStash.store(html))
        return place


class BlocksExtension(PymdownBlocks):
    """Options: see `shelf_options`."""

    def __init__(self, **options: Any) -> None:
        self.config = shelf_options()
        super().__init__(**options)
        self.shown: set[str] = set()
        self.places = 0

    @property
    def shelf(self) -> Shelf:
        return shelf_of(self)

    def next_place(self) -> int:
        """A number for each card of a page: a claim that is shown twice has two groups of choices."""
        self.places += 1
        return self.places

    def printer(self, md: Markdown) -> Printer:
        """A printer for the page that `md` renders."""
        page = page_file(md)
        return Printer(self.shelf, page.dest_uri if page else "index.html")

    def extendMarkdownBlocks(self, md: Markdown, blocks: Any) -> None:  # noqa: N802 (pymdownx's name for it)
        md.preprocessors.register(_Page(md, self), "verify.page", 50)
        blocks.register(_Card, {"extension": self})
        blocks.register(_Table, {"extension": self})
        for block in (_Former, _Wrong, _Glance, _Experiment, _Explorer, _Path, _Paper, _Run, PlaygroundBlock):
            blocks.register(block, {"extension": self})

    def reset(self) -> None:
        super().reset()
        self.shown.clear()
        self.places = 0


def makeExtension(**options: Any) -> BlocksExtension:  # noqa: N802 (Markdown's name for it)
    return BlocksExtension(**options)
