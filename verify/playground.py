"""The playground's way into the package: a text in, what `verify check` finds out. Runs in a browser and anywhere else.

One `Playground` lives as long as the page that it serves. It keeps what it judged, so that after an edit only the steps
that changed are judged again.
"""

from __future__ import annotations

import importlib
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from verify.language.catalog import PACKAGED_THEORY, Catalog, load_vocabularies
from verify.language.claim import Claim
from verify.language.defined import Names, with_defined
from verify.language.definitions import load_definitions
from verify.language.document import Document, load_document, read_document
from verify.language.errors import LanguageError
from verify.language.printer import latex
from verify.language.quotes import link, quoted_by
from verify.ledger.keys import PROOF
from verify.ledger.standing import disagreements, standings
from verify.ledger.store import Ledger
from verify.ledger.verdict import StepVerdict
from verify.running.inline import Inline
from verify.running.judge import judge_claims
from verify.site import words
from verify.site.cards import display
from verify.site.contents.definitions import on_card, sentence
from verify.site.contents.model import Card, Library, Step

FILE = "playground.md"
JUDGES = ("mpmath", "sympy", "verify.proof.rules")  # the others are imported when they are first needed
Tell = Callable[[int, str], object]  # line of a step that has just been judged, its verdict


def load(tell: Callable[[int], object], every: int = 20) -> None:
    """Imports the judges, the longest part of the start; `tell` hears how many modules have been read so far."""
    counter = _Counter(tell, every)
    sys.meta_path.insert(0, counter)  # finds nothing, so no more of a finder is needed
    try:
        for name in JUDGES:
            importlib.import_module(name)
    finally:
        sys.meta_path.remove(counter)


class _Counter:
    def __init__(self, tell: Callable[[int], object], every: int) -> None:
        self.tell, self.every, self.count = tell, every, 0

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: object = None) -> None:
        self.count += 1
        if self.count % self.every == 0:
            self.tell(self.count)


class Playground:
    """Judges texts, each a Markdown file as `verify check` reads it.

    language  `en` or `zh`: in which the reasons, methods and findings come out
    """

    def __init__(self, language: str = "en", theory: Path = PACKAGED_THEORY) -> None:
        self.language, self.theory = language, theory
        self.vocabularies, _ = load_vocabularies(theory)
        self.names = Names(load_definitions(theory)[0])
        self._folder = tempfile.TemporaryDirectory()
        self.ledger = Ledger(Path(self._folder.name))
        self._topics: dict[str, list[Claim]] = {}
        self._linked: dict[str, Claim] = {}

    def judge_json(self, text: str, tell: Tell | None = None) -> str:
        """`judge` as JSON text, for whoever is not Python."""
        return json.dumps(self.judge(text, tell), ensure_ascii=False)

    def judge(self, text: str, tell: Tell | None = None) -> dict[str, Any]:
        """What a page shows of a text: its claims with a verdict for every step, and what could not be read.

        claims   id, title, verdict, dimensions, why, rests (the claims it quotes), chains, mistakes, definitions
                 (what the standard definitions of its names say)
        errors   message, suggestion, line, column, width, source (the line that the caret stands under)
        faults   what is our own fault, one traceback or sentence each
        seconds  how long it took
        """
        started = time.perf_counter()
        document = self._read(text)
        judged = [claim for claim in document.claims if claim.chains]
        report = judge_claims(judged, self.ledger, Inline(), mutants=0, tell=_steps_only(tell) if tell else None)
        stands = standings(Catalog({claim.id: claim for claim in document.claims}), self.ledger)
        entries = {claim.id: self.ledger.entry(claim.id) or {} for claim in judged}
        library = Library({claim.id: claim for claim in document.claims}, entries, stands)
        return {
            "claims": [self._claim(library.card(c.id), entries.get(c.id, {})) for c in document.claims
                       if c.id not in report.crashes],
            "errors": [_error(error) for error in document.errors],
            "faults": [*report.crashes.values(), *_disagreements(entries)],
            "seconds": round(time.perf_counter() - started, 3),
        }  # fmt: skip

    # ------------------------------------------------------------ reading

    def _read(self, text: str) -> Document:
        document = read_document(text, FILE, self.vocabularies)
        own = {claim.id: claim for claim in document.claims}
        others = {id_: claim for id_, claim in self._behind(document.claims).items() if id_ not in own}
        document.claims, errors = link(own, others)
        document.claims = [with_defined(claim, self.names) for claim in document.claims]
        document.errors += errors
        return document

    def _behind(self, claims: Iterable[Claim]) -> dict[str, Claim]:
        """The claims of the theory that these may rest on; whole topics are read, once each, when first named."""
        waiting, fresh = [name for claim in claims for name in _named(claim)], False
        while waiting:
            topic = waiting.pop().split(".", 1)[0]
            path = self.theory / topic / "claims.md"
            if topic in self._topics or not path.is_file():
                continue
            self._topics[topic] = load_document(path, f"{topic}/claims.md", self.vocabularies).claims
            waiting += [name for claim in self._topics[topic] for name in _named(claim)]
            fresh = True
        if fresh:
            linked, _ = link({claim.id: claim for topic in self._topics.values() for claim in topic})
            self._linked = {claim.id: claim for claim in linked}
        return self._linked

    # ------------------------------------------------------------ what is shown

    def _claim(self, card: Card, entry: dict[str, Any]) -> dict[str, Any]:
        claim, standing = card.claim, card.standing
        return {
            "id": claim.id,
            "title": self._say(claim.title),
            "verdict": standing.verdict,
            "dimensions": standing.dimensions,
            "why": entry.get("proof", {}).get("why", ""),
            "assumed": self._say(claim.assumed),
            "rests": list(claim.uses),
            "chains": [
                {
                    "latex": display.marked(chain.latex, [step.verdict for step in chain.steps]),
                    "steps": [self._step(step) for step in chain.steps],
                }
                for chain in card.chains
            ],
            "mistakes": [
                {
                    "title": self._say(item.mistake.title),
                    "latex": item.mistake.latex,
                    "line": item.mistake.line,
                    **self._found(item.found),
                }
                for item in card.mistakes
            ],
            "definitions": [sentence(said.finding, self.language) for said in on_card(claim, entry)],
        }

    def _step(self, step: Step) -> dict[str, Any]:
        said = display.reason_prose(step.right.reason)
        relation = display.relation_sign(step.right.relation)
        return {
            "number": step.number,
            "line": step.right.line,
            "verdict": step.verdict,
            "reason": (words.reason(said) if self.language == "zh" else "") or said,
            "read": f"{latex(step.left.expression)} {relation} {latex(step.right.expression)}",
            "routes": [{"route": route, **self._found(found)} for route, found in step.found.items()],
        }

    def _found(self, found: StepVerdict) -> dict[str, Any]:
        return {
            "verdict": found.verdict,
            "method": words.method(found.method, self.language),
            "certificate": found.certificate,
            "witness": found.witness,
            "why": self._finding(found.why),
            "hint": self._finding(found.hint),
        }

    def _say(self, texts: dict[str, str]) -> str:
        return texts.get(self.language) or texts.get("en", "")

    def _finding(self, text: str) -> str:
        return (words.finding(text) if self.language == "zh" else "") or text


def _named(claim: Claim) -> tuple[str, ...]:
    """The ids that a claim names, whether there are such claims or not."""
    return (*quoted_by(claim), *claim.premises, *claim.uses)


def _steps_only(tell: Tell) -> Callable[[Claim, tuple[Any, ...], dict[str, Any]], None]:
    """Tells of each step of a claim as soon as the prover is done with it."""

    def heard(claim: Claim, slot: tuple[Any, ...], result: dict[str, Any]) -> None:
        if slot[:2] == ("step", PROOF):
            chain, step = slot[2:]
            tell(claim.chains[chain][step].line, result["verdict"])

    return heard


def _error(error: LanguageError) -> dict[str, Any]:
    return {
        "message": error.message,
        "suggestion": error.suggestion,
        "line": error.line,
        "column": error.column,
        "width": error.width,
        "source": error.source_line,
    }


def _disagreements(entries: dict[str, dict[str, Any]]) -> list[str]:
    return [
        f"{id_}: {problem}"
        for id_, entry in entries.items()
        if entry
        for problem in disagreements(entry["proof"], entry["sampling"])
    ]
