"""What the site knows: the claims, what the ledger holds about them, and the works they cite.

The one place where the site meets the catalogue, the ledger and the records. Reading it imports neither
SymPy nor torch: a build shows verdicts, it never makes one.
"""

from __future__ import annotations

import dataclasses
import functools
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from verify.language.claim import Claim, Mistake, Row
from verify.language.errors import LanguageError
from verify.language.ids import Register, load_register
from verify.ledger import verdict as verdicts
from verify.ledger.history import Event, load_history
from verify.ledger.recorded import Kept, unrecorded
from verify.ledger.verdict import StepVerdict
from verify.site.graph.edges import Graph

if TYPE_CHECKING:
    from verify.experiments.records import Record
    from verify.language.definitions import Definition
    from verify.language.notation import Notation, Translation
    from verify.ledger.standing import Standing

Entry = Mapping[str, Any]
MUTANTS = ("refuted", "refused", "equivalent", "undecided", "stopped", "survived")  # what became of a mutant


@dataclass(frozen=True)
class Step:
    """One step of a chain with what each route found."""

    number: int
    left: Row
    right: Row
    found: dict[str, StepVerdict]

    @property
    def verdict(self) -> str:
        """Refuted if any route refutes it, otherwise the strongest that a route found."""
        return _settle([judged.verdict for judged in self.found.values()])


@dataclass(frozen=True)
class Chain:
    latex: str
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class JudgedMistake:
    mistake: Mistake
    found: StepVerdict

    @property
    def verdict(self) -> str:
        return self.found.verdict


@dataclass(frozen=True)
class Experiment:
    """One experiment that judges a claim, and its records, the deciding one first: none while it has not been run."""

    name: str
    verdict: str
    kept: tuple[Kept, ...] = ()

    @property
    def record(self) -> Record | None:
        """The one that decides."""
        return self.kept[0].record if self.kept else None

    @property
    def unrecorded(self) -> list[str]:
        """The devices from which there is no fresh record."""
        return unrecorded(self.kept)

    @property
    def files(self) -> dict[str, Path]:
        """Address in the site -> file, for the records and their figures."""
        return {
            f"records/{one.record.topic}/{name}": one.path.parent / name
            for one in self.kept
            for name in (one.path.name, *one.record.figure.values())
        }


@dataclass(frozen=True)
class Card:
    """Everything that a card shows about one claim."""

    claim: Claim
    standing: Standing
    chains: tuple[Chain, ...]
    mistakes: tuple[JudgedMistake, ...]
    mutants: Mapping[str, Any]
    experiments: tuple[Experiment, ...]
    used_by: tuple[str, ...]

    @property
    def steps(self) -> list[Step]:
        return [step for chain in self.chains for step in chain.steps]


def _settle(found: list[str]) -> str:
    if verdicts.REFUTED in found:
        return verdicts.REFUTED
    return min(found, key=verdicts.VERDICTS.index) if found else verdicts.UNDECIDED


def _judged(entry: Entry) -> StepVerdict:
    """A step or mistake as the ledger keeps it; one that nothing has judged is undecided."""
    known = {item.name: entry[item.name] for item in dataclasses.fields(StepVerdict) if item.name in entry}
    return StepVerdict(**{"verdict": verdicts.UNDECIDED, **known})


class Library:
    """The claims of a project and their verdicts, ready to be shown.

    claims     id -> Claim
    entries    id -> the ledger's entry of that claim
    standings  id -> Standing
    records    experiment -> its records, one for each device and dtype, the deciding one first
    errors     what the catalogue or the register could not read; a site is not built from it
    register   every id that was ever published, and what became of it
    history    when verdicts were given and changed, oldest first
    definitions  the standard definitions of names
    translations  id -> the claim in other notations; `notations` name -> what it calls things
    """

    def __init__(
        self,
        claims: Mapping[str, Claim],
        entries: Mapping[str, Entry],
        standings: Mapping[str, Standing],
        records: Mapping[str, list[Kept]] | None = None,
        errors: tuple[Any, ...] = (),
        register: Register | None = None,
        history: tuple[Event, ...] = (),
        translations: Mapping[str, tuple[Translation, ...]] | None = None,
        notations: Mapping[str, Notation] | None = None,
        definitions: tuple[Definition, ...] = (),
    ) -> None:
        self.claims = dict(sorted(claims.items()))
        self.entries = entries
        self.standings = standings
        self.records = records or {}
        self.errors = errors
        self.register = register or Register()
        self.history = history
        self.translations = translations or {}
        self.notations = notations or {}
        self.definitions = definitions

    @classmethod
    def load(cls, root: Path) -> Library:
        """The library of the project at `root`, from its pages and its ledger."""
        from verify.language.catalog import load_catalog
        from verify.ledger.recorded import deciding, here
        from verify.ledger.standing import standings
        from verify.ledger.store import Ledger

        catalog, ledger = load_catalog(root), Ledger(root)
        kept, errors, register = here(root), list(catalog.errors), Register()
        history: tuple[Event, ...] = ()
        try:
            register = load_register(root)
            history = load_history(root)
        except LanguageError as error:
            errors.append(error)
        entries = {id_: ledger.entry(id_) or {} for id_ in [*catalog.claims, *(one.id for one in catalog.judged())]}
        stands = standings(catalog, ledger, deciding(kept))
        return cls(catalog.claims, entries, stands, kept, tuple(errors), register, history,
                   catalog.translations, catalog.notations, catalog.definitions)  # fmt: skip

    def card(self, id_: str) -> Card:
        """The card of one claim; KeyError if there is no such claim."""
        claim, entry = self.claims[id_], self.entries.get(id_) or {}
        proof = entry.get("proof") or {}
        return Card(
            claim=claim,
            standing=self.standings[id_],
            chains=tuple(self._chain(claim, number, entry) for number in range(len(claim.chains))),
            mistakes=self._mistakes(claim, proof),
            mutants=proof.get("mutants") or {},
            experiments=tuple(self._experiment(name, id_) for name in claim.experiments),
            used_by=self.used_by.get(id_, ()),
        )

    @functools.cached_property
    def graph(self) -> Graph:
        """Which claim rests on which."""
        return Graph.of(self.claims)

    @functools.cached_property
    def stale(self) -> frozenset[str]:
        """Ids of the claims whose verdict is no longer that of their present inputs."""
        return frozenset(id_ for id_, standing in self.standings.items() if standing.stale)

    @functools.cached_property
    def used_by(self) -> dict[str, tuple[str, ...]]:
        """id -> the claims that rest on it directly."""
        found: dict[str, list[str]] = {}
        for claim in self.claims.values():
            for used in claim.uses:
                found.setdefault(used, []).append(claim.id)
        return {id_: tuple(users) for id_, users in found.items()}

    @functools.cached_property
    def topics(self) -> dict[str, list[Claim]]:
        """topic -> its claims, in the order of the pages that define them."""
        found: dict[str, list[Claim]] = {}
        for claim in sorted(self.claims.values(), key=lambda claim: (claim.topic, claim.file, claim.line)):
            found.setdefault(claim.topic, []).append(claim)
        return found

    @functools.cached_property
    def experiments(self) -> dict[str, Experiment]:
        """name -> the experiment, for each that judges a claim."""
        return {name: self._experiment(name, id_) for id_, claim in self.claims.items() for name in claim.experiments}

    def cards(self) -> list[Card]:
        """All cards, topic by topic."""
        return [self.card(claim.id) for claims in self.topics.values() for claim in claims]

    def counts(self) -> dict[str, Counter[str]]:
        """How many claims, steps, mistakes and mutants have which verdict."""
        cards = self.cards()
        mutants: Counter[str] = Counter()
        for card in cards:
            mutants.update({kind: card.mutants.get(kind, 0) for kind in MUTANTS})
        return {
            "claims": Counter(card.standing.verdict for card in cards),
            "stale": Counter("stale" for card in cards if card.standing.stale),
            "steps": Counter(step.verdict for card in cards for step in card.steps),
            "mistakes": Counter(mistake.verdict for card in cards for mistake in card.mistakes),
            "mutants": +mutants,
            "possible": Counter(mutants=sum(card.mutants.get("possible", 0) for card in cards)),
        }

    def judged_chain(self, claim: Claim, number: int) -> Chain:
        """A chain of a claim or of a translation, with what the ledger holds about it."""
        return self._chain(claim, number, self.entries.get(claim.id) or {})

    def _chain(self, claim: Claim, number: int, entry: Entry) -> Chain:
        rows = claim.chains[number]
        steps = []
        for place, (left, right) in enumerate(zip(rows, rows[1:], strict=False), start=1):
            found = {
                route: _judged(step)
                for route in ("proof", "sampling")
                for step in (entry.get(route) or {}).get("steps", ())
                if (step["chain"], step["step"]) == (number, place)
            }
            steps.append(Step(place, left, right, found))
        return Chain(claim.latex[number], tuple(steps))

    def _mistakes(self, claim: Claim, proof: Entry) -> tuple[JudgedMistake, ...]:
        found = {judged["name"]: judged for judged in proof.get("mistakes", ())}
        return tuple(JudgedMistake(mistake, _judged(found.get(mistake.name, {}))) for mistake in claim.mistakes)

    def _experiment(self, name: str, id_: str) -> Experiment:
        verdict = self.standings[id_].routes.get(f"experiment:{name}", verdicts.UNDECIDED)
        return Experiment(name, verdict, tuple(self.records.get(name, ())))
