"""HTML of a claim's card and of the generated tables, from templates; every text is escaped by the template."""

from __future__ import annotations

import functools
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

from verify.language.claim import Claim
from verify.language.ids import Id
from verify.ledger import verdict as verdicts
from verify.site import words
from verify.site.cards import display
from verify.site.cards.citation import Imprint, bibtex
from verify.site.contents.bibliography import Work
from verify.site.contents.definitions import on_card
from verify.site.contents.lists import Entry
from verify.site.contents.model import MUTANTS, Chain, Library, Step
from verify.site.contents.paths import LearningPath
from verify.site.contents.runs import Run
from verify.site.graph.drawing import around
from verify.site.markdown import maths

INLINE = re.compile(r"\$([^$]+)\$")


@dataclass(frozen=True)
class Question:
    """A What / Why / How page: its front matter and where it is published.

    topics  topic -> its name in the language of the edition
    short   the first paragraph, which answers in a sentence or two
    """

    id: str
    title: str
    page: str
    kind: str = ""
    state: str = "open"
    asked: str = ""
    claims: tuple[str, ...] = ()
    topics: Mapping[str, str] = field(default_factory=dict)
    short: str = ""


@dataclass(frozen=True)
class Shelf:
    """What the pages of one edition draw on.

    questions  in the language of the edition
    displays   page -> number of displayed formulas outside any claim
    prose      topic -> what its claims say between their displays, English -> 中文
    paths      name -> learning path
    papers     work -> the list of its equations
    runs       name -> a training under several seeds
    scripts    the explorers' scripts by name
    topics     topic -> its name in the language of the edition
    imprint    who publishes this, and where
    """

    library: Library
    language: str = "en"
    works: Mapping[str, Work] = field(default_factory=dict)
    questions: tuple[Question, ...] = ()
    displays: Mapping[str, int] = field(default_factory=dict)
    prose: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    paths: Mapping[str, LearningPath] = field(default_factory=dict)
    papers: Mapping[str, Entry] = field(default_factory=dict)
    runs: Mapping[str, Run] = field(default_factory=dict)
    scripts: Mapping[str, str] = field(default_factory=dict)
    topics: Mapping[str, str] = field(default_factory=dict)
    imprint: Imprint = Imprint()

    @property
    def text(self) -> dict[str, str]:
        return words.TEXT[self.language]

    def say(self, texts: Mapping[str, str]) -> str:
        """A bilingual text of a claim in this edition's language, English where there is no other."""
        return texts.get(self.language) or texts.get("en", "")

    def cite(self, claim: Claim) -> str:
        """A claim's BibTeX entry, under its title in the language of the edition."""
        return bibtex(claim, self.say(claim.title), address(claim.id), self.imprint)

    def passage(self, claim: Claim, text: str) -> dict[str, str]:
        """A passage of a claim's prose by language."""
        return {"en": text, "zh": self.prose.get(claim.topic, {}).get(text, "")}


def address(id_: str) -> str:
    """The permanent address of a claim, or of a question (its id has no dot), from the root of an edition."""
    return f"claims/{id_.split('.', 1)[0]}.html#{id_}" if "." in id_ else f"questions/{id_}.html"


class Printer:
    """Renders templates for one page; `page` is its address from the root of the edition."""

    def __init__(self, shelf: Shelf, page: str) -> None:
        self.shelf, self.page = shelf, page

    def render(self, template: str, **values: Any) -> str:
        """The template `name.html` with the shelf at hand, on one line a paragraph for Markdown's sake."""
        text = self.shelf.text
        return (
            _templates()
            .get_template(f"{template}.html")
            .render(
                shelf=self.shelf,
                library=self.shelf.library,
                t=text,
                say=self.shelf.say,
                href=self.href,
                address=address,
                link=self.link,
                around=around,
                chip=self.chip,
                heir=self.heir,
                prose=self.prose,
                tell=self.tell,
                cited=self.cited,
                declaration=self.declaration,
                chain=self.chain,
                badge=self.badge,
                as_read=as_read,
                reason=self.reason,
                finding=self.finding,
                formula=maths.formula,
                verdicts=verdicts.VERDICTS,
                signs=words.SIGNS,
                dimensions=self.dimensions,
                number=number,
                sees=self.sees,
                on_card=on_card,
                mutants=self.mutants,
                mutant_kinds=MUTANTS,
                method=self.method,
                **values,
            )
        )

    def href(self, target: str) -> str:
        """`target`, an address from the root of the edition, relative to this page."""
        path, _, anchor = target.partition("#")
        relative = posixpath.relpath(path, posixpath.dirname(self.page) or ".")
        return f"{relative}#{anchor}" if anchor else relative

    def link(self, id_: str) -> Markup:
        """The claim's id as a link to its permanent address."""
        title = self.shelf.say(self.shelf.library.claims[id_].title)
        return Markup('<a class="vd-id" href="{}" title="{}">{}</a>').format(self.href(address(id_)), title, id_)

    def chip(self, id_: str) -> Markup:
        """The claim's id as a link that also shows its verdict, for lists of claims."""
        standing, text = self.shelf.library.standings[id_], self.shelf.text
        shown = [standing.verdict, *(["stale"] if standing.stale else [])]
        sign = Markup('<span class="vd-sign vd-{}" aria-hidden="true">{}</span>')
        return Markup('<a class="vd-chip" href="{}" title="{}">{}<span class="vd-spoken">{} </span>{}</a>').format(
            self.href(address(id_)),
            self.shelf.say(self.shelf.library.claims[id_].title),
            Markup("").join(sign.format(verdict, words.SIGNS[verdict]) for verdict in shown),
            text["comma"].join(text[verdict] for verdict in shown),
            id_,
        )

    def heir(self, one: Id) -> Markup:
        """Where the link of a renamed or retired id leads today, as a link; empty when nothing came after it."""
        id_ = self.shelf.library.register.now(one.id) or one.to
        titles = {question.id: question.title for question in self.shelf.questions}
        if not id_ or id_ in self.shelf.library.claims:
            return self.link(id_) if id_ else Markup("")
        return Markup('<a href="{}">{}</a>').format(self.href(address(id_)), self.prose(titles.get(id_, id_)))

    def badge(self, verdict: str, note: str = "") -> Markup:
        """Sign, word and colour of a verdict; the sign and the word carry it without the colour."""
        return Markup(
            '<span class="vd-badge vd-{}"><span class="vd-sign" aria-hidden="true">{}</span> {}{}</span>'
        ).format(verdict, words.SIGNS[verdict], self.shelf.text[verdict], note)

    def prose(self, text: str) -> Markup:
        """Text with its `$formulas$` set, and the marks as the edition's language sets them."""
        parts = INLINE.split(words.full_width(text) if self.shelf.language == "zh" else text)
        return Markup("").join(maths.formula(part) if place % 2 else escape(part) for place, part in enumerate(parts))

    def tell(self, texts: Mapping[str, str]) -> Markup:
        """A bilingual text in the language of the edition; where there is only English, English that says so."""
        told = self.prose(self.shelf.say(texts))
        known = texts.get(self.shelf.language) or not told
        return told if known else Markup('<span lang="en">{}</span>').format(told)

    def cited(self, text: str) -> Markup:
        """Text with each key of the bibliography in it replaced by the work's label, linked."""
        known = self.shelf.works
        parts = re.split(r"([\w-]+)", text)
        return Markup("").join(
            Markup('<a href="{}">{}</a>').format(self.href(f"references.html#{part}"), known[part].label)
            if part in known
            else escape(part)
            for part in parts
        )

    def declaration(self, line: str) -> Markup:
        """One declaration line, `$x$ : positive`, in the reader's words."""
        return self.prose(words.declaration(line.strip().removeprefix("- ").strip(), self.shelf.language))

    def mutants(self, found: Mapping[str, Any], possible: int) -> str:
        """One sentence: how many of the possible small changes were tried, and what became of them."""
        text = self.shelf.text
        parts = [text[f"mutant.{kind}"].format(found[kind]) for kind in MUTANTS if found.get(kind)]
        total = sum(found.get(kind, 0) for kind in MUTANTS)
        return text["mutants.sentence"].format(total, possible, text["comma"].join(parts))

    def sees(self, check: Mapping[str, Any]) -> str:
        """What a check would have seen: the relative deviation where that has a meaning, and the two values."""
        low, high = check["sees"]
        ends = [f"≤ {number(low)}"] * (not isinstance(low, str)) + [f"≥ {number(high)}"] * (not isinstance(high, str))
        if not ends:
            return "–"
        found = self.shelf.text["comma"].join(ends)
        size = abs(check["predicted"])
        if len(ends) < 2 or not size or max(high - check["predicted"], check["predicted"] - low) >= size:
            return found
        share = max(high - check["predicted"], check["predicted"] - low) / size
        return f"{self.shelf.text['sees.relative'].format(percent(share))} ({found})"

    def method(self, text: str) -> str:
        return words.method(text, self.shelf.language)

    def reason(self, text: str) -> Markup:
        """A step's reason in the reader's language, its formulas set."""
        reason = display.reason_prose(text)
        return self.tell({"en": reason, "zh": words.reason(reason)})

    def finding(self, text: str) -> Markup:
        """What a judge says of a step: a repair, or what was missing."""
        return self.tell({"en": text, "zh": words.finding(text)})

    def chain(self, chain: Chain) -> Markup:
        """The author's formula with a mark for each step."""
        return maths.formula(display.marked(chain.latex, [step.verdict for step in chain.steps]), display=True)

    def dimensions(self, name: str) -> str:
        """The dimensions a verdict covers, in words."""
        known = {"any": self.shelf.text["every"], "scalar": self.shelf.text["scalar"]}
        return known.get(name, f"d = {name}" if name else "")


def as_read(step: Step) -> Markup:
    """The step printed back from its tree: what the machine took the author's LaTeX to say."""
    from verify.language.printer import latex

    relation = display.relation_sign(step.right.relation)
    return maths.formula(f"{latex(step.left.expression)} {relation} {latex(step.right.expression)}", display=True)


def number(value: float | str | None) -> str:
    """A measured number with four digits; what is not a number is shown as it stands."""
    return f"{value:.4g}" if isinstance(value, int | float) else str(value if value is not None else "–")


def percent(share: float) -> str:
    """A share in per cent with two digits, in full where they would be too many."""
    return f"{100 * share:.2g} %" if share >= 1e-4 else f"{share:.1e}"


@functools.cache
def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent.parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
