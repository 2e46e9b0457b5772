"""Where each claim stands: its own verdict, the weakest one among all it rests on, and whether both are fresh.

Everything is computed here from the ledger and the records; no file holds a status by hand.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from verify.language.catalog import Catalog
from verify.language.claim import Claim
from verify.language.notation import Translation
from verify.ledger.keys import PROOF, SAMPLING, claim_key
from verify.ledger.store import Ledger
from verify.ledger.verdict import ASSUMED, PROVED, REFUTED, SUPPORTED, UNDECIDED, VACUOUS, worst

_FROM_EXPERIMENT = {"confirmed": SUPPORTED, "refuted": REFUTED, "inconclusive": UNDECIDED}


@dataclass(frozen=True)
class Standing:
    """One claim's place.

    verdict     its own verdict, `upstream` the weakest among all it rests on ('' when it rests on nothing)
    routes      verdict by route: `proof`, `sampling`, `experiment:NAME`
    dimensions  what the proof covers: `any`, `scalar`, `1, 2, 3`, or ''
    stale       an input of some verdict changed since it was made, or it was never made
    unmeasured  the experiments among them that have no fresh record
    problems    what fails the build, one sentence each
    translations  verdict by notation; one that is judged and not proved is a problem
    """

    verdict: str
    upstream: str
    weakest: str
    routes: dict[str, str]
    dimensions: str
    stale: bool
    seconds: float
    problems: tuple[str, ...] = ()
    unmeasured: tuple[str, ...] = ()
    translations: dict[str, str] = field(default_factory=dict)


@dataclass
class _Own:
    verdict: str
    routes: dict[str, str] = field(default_factory=dict)
    dimensions: str = ""
    stale: bool = False
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)
    unmeasured: list[str] = field(default_factory=list)
    translations: dict[str, str] = field(default_factory=dict)


def standings(catalog: Catalog, ledger: Ledger, records: dict[str, Any] | None = None) -> dict[str, Standing]:
    """Standing of every claim. `records` maps an experiment's name to the record that decides, see `recorded`."""
    own = {claim.id: _own(claim, ledger.entry(claim.id), records or {}) for claim in catalog.claims.values()}
    for claim_id, translations in catalog.translations.items():
        for translation in translations:
            _add_translation(own[claim_id], translation, ledger.entry(translation.judged.id) or {})
    out = {}
    for claim_id, mine in own.items():
        above = catalog.upstream(claim_id)
        weakest = worst([own[name].verdict for name in above]) if above else ""
        out[claim_id] = Standing(
            verdict=mine.verdict,
            upstream=weakest,
            weakest=next((name for name in above if own[name].verdict == weakest), ""),
            routes=mine.routes,
            dimensions=mine.dimensions,
            stale=mine.stale,
            seconds=mine.seconds,
            problems=tuple(mine.problems),
            unmeasured=tuple(mine.unmeasured),
            translations=mine.translations,
        )
    return out


def _own(claim: Claim, entry: dict[str, Any] | None, records: dict[str, Any]) -> _Own:
    own = _Own(UNDECIDED)
    if claim.chains:
        _judged_routes(claim, entry or {}, own)
    for name in claim.experiments:
        record = records.get(name)
        own.routes[f"experiment:{name}"] = _FROM_EXPERIMENT[record.verdict] if record else UNDECIDED
        if record is None or record.stale():
            own.unmeasured.append(name)
        own.seconds += record.seconds if record else 0.0
    own.stale |= bool(own.unmeasured)
    own.verdict = _combine(claim, own.routes)
    measured = [name for name in claim.experiments if own.routes[f"experiment:{name}"] == REFUTED]
    own.problems += [f"the experiment {name} refutes it" for name in measured]
    if own.verdict == REFUTED and not measured:
        own.problems.append("a step is refuted")
    if own.verdict == VACUOUS:
        own.problems.append(own.routes.get("vacuous", "its check proves nothing"))
    own.routes.pop("vacuous", None)
    return own


def _add_translation(own: _Own, translation: Translation, entry: dict[str, Any]) -> None:
    """A translation is shown as the claim itself, so nothing less than a proof will do."""
    found = _Own(UNDECIDED)
    _judged_routes(translation.judged, entry, found)
    verdict = _combine(translation.judged, found.routes) if found.routes else UNDECIDED
    own.translations[translation.to] = verdict
    own.stale |= found.stale
    own.seconds += found.seconds
    if entry and verdict != PROVED:
        why = found.problems[0] if found.problems else _first_doubt(translation, entry)
        own.problems.append(f"its translation to {translation.to} is {verdict}: {why}")


def _first_doubt(translation: Translation, entry: dict[str, Any]) -> str:
    """Where a translation fails: a step of it, or a row that is not what substitution gives."""
    step = next((one for one in entry[PROOF]["steps"] if one["verdict"] != PROVED), None)
    if step is None:
        return "the second reading refutes it"
    if step["chain"] < translation.shown:
        return f"chain {step['chain'] + 1}, step {step['step']}"
    row = translation.judged.chains[step["chain"]][1]
    return f"what is shown differs from the substituted claim at  {row.source}"


def _judged_routes(claim: Claim, entry: dict[str, Any], own: _Own) -> None:
    proof, sampling = entry.get(PROOF), entry.get(SAMPLING)
    keys = [(part or {}).get("key") for part in (proof, sampling)]
    own.stale = keys != [claim_key(claim, PROOF), claim_key(claim, SAMPLING)]
    if proof:
        own.routes[PROOF] = proof["verdict"]
        own.dimensions = proof["dimensions"]
        own.seconds += proof["seconds"]
        own.problems += [
            f"the mistake {m['name']} is not refuted" for m in proof["mistakes"] if m["verdict"] != REFUTED
        ]
        if proof["verdict"] == VACUOUS:
            own.routes["vacuous"] = proof["why"]
    if sampling:
        own.routes[SAMPLING] = sampling["verdict"]
        own.seconds += sampling["seconds"]
    if proof and sampling:
        own.problems += disagreements(proof, sampling)


def disagreements(proof: dict[str, Any], sampling: dict[str, Any]) -> list[str]:
    """Steps that one reading proves and the other refutes, in a dimension that both looked at: an error of ours."""
    opposite = {(PROVED, REFUTED), (REFUTED, SUPPORTED)}
    return [
        f"the two readings disagree on step {one['step']}: proof says {one['verdict']}, sampling {two['verdict']}"
        for one, two in zip(proof["steps"], sampling["steps"], strict=False)
        if (one["verdict"], two["verdict"]) in opposite and not _beyond(one["dimensions"], two["dimensions"])
    ]


def _beyond(proof: str, sampling: str) -> bool:
    """Whether a verdict is about a dimension above all those in which points were drawn."""
    return proof.isdigit() and sampling != "scalar" and all(int(proof) > int(d) for d in sampling.split(", ") if d)


def _combine(claim: Claim, routes: dict[str, str]) -> str:
    """One verdict from all routes: any refutation wins, then the strongest support."""
    found = list(routes.values())
    if REFUTED in found:
        return REFUTED
    if routes.get(PROOF) in (PROVED, VACUOUS):
        return routes[PROOF]
    if claim.chains:
        return SUPPORTED if routes.get(SAMPLING) == SUPPORTED else UNDECIDED
    measured = [verdict for route, verdict in routes.items() if route.startswith("experiment:")]
    if measured:
        return worst(measured)
    return ASSUMED if claim.assumed else UNDECIDED
