"""The status document: counts and one entry a claim, for tables, machines and the site."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from verify.language.catalog import Catalog
from verify.language.claim import Claim
from verify.ledger.keys import PROOF, SAMPLING, judge_version, statement_hash, steps_of
from verify.ledger.standing import Standing, standings
from verify.ledger.store import Ledger
from verify.ledger.verdict import PROVED, REFUTED, UNDECIDED

MUTANTS = ("possible", "made", "refuted", "refused", "equivalent", "undecided", "survived", "stopped")


def status_document(
    catalog: Catalog, ledger: Ledger, records: dict[str, Any], chosen: Sequence[Claim] | None = None
) -> dict[str, Any]:
    """`verify status --json`: version, counts, claims, unmeasured, judges (documented in docs/reference/json.md)."""
    everywhere = standings(catalog, ledger, records)
    claims = list(catalog.claims.values()) if chosen is None else list(chosen)
    mine = {claim.id: everywhere[claim.id] for claim in claims}
    entries = [_entry(claim, mine[claim.id], ledger) for claim in claims]
    unmeasured = list(dict.fromkeys(name for standing in mine.values() for name in standing.unmeasured))
    counts = _counts(claims, mine, ledger, records)
    judges = {route: judge_version(route) for route in (PROOF, SAMPLING)}
    return {"version": 1, "counts": counts, "claims": entries, "unmeasured": unmeasured, "judges": judges}


def _entry(claim: Claim, standing: Standing, ledger: Ledger) -> dict[str, Any]:
    proof = (ledger.entry(claim.id) or {}).get(PROOF, {})
    return {
        "id": claim.id,
        "title": claim.title["en"],
        "topic": claim.topic,
        "verdict": standing.verdict,
        "why": _why(claim, standing, ledger),
        "routes": standing.routes,
        "dimensions": standing.dimensions,
        "upstream": {"verdict": standing.upstream, "weakest": standing.weakest},
        "stale": standing.stale,
        "problems": list(standing.problems),
        "seconds": round(standing.seconds, 3),
        "says": statement_hash(claim.scope, steps_of(claim)),
        "declared": list(claim.declared),
        "uses": list(claim.uses),
        "mistakes": _mistakes(claim, proof),
        "translations": standing.translations,
        "survived": proof.get("mutants", {}).get("survived", 0),
    }


def _mistakes(claim: Claim, proof: dict[str, Any]) -> list[dict[str, str]]:
    """Each wrong version of a claim: what it says, and the verdict it got."""
    found = {judged["name"]: judged["verdict"] for judged in proof.get("mistakes", ())}
    return [
        {
            "title": mistake.title["en"],
            "says": statement_hash(mistake.scope, list(zip(mistake.rows, mistake.rows[1:], strict=False))),
            "verdict": found.get(mistake.name, UNDECIDED),
        }
        for mistake in claim.mistakes
    ]


def _why(claim: Claim, standing: Standing, ledger: Ledger) -> str:
    """One sentence on why a claim is not simply proved; empty when it is."""
    if standing.problems:
        return "; ".join(standing.problems)
    if standing.unmeasured:
        return f"no fresh record: verify experiment run {' '.join(standing.unmeasured)}"
    if standing.stale:
        return f"stale or not judged yet: verify run {claim.id}"
    if standing.verdict == PROVED:
        return ""
    if claim.assumed:
        return claim.assumed["en"]
    proof = (ledger.entry(claim.id) or {}).get(PROOF, {})
    reasons = [step["why"] for step in proof.get("steps", []) if step["verdict"] != PROVED and step.get("why")]
    return reasons[0] if reasons else "judged by experiment: " + ", ".join(claim.experiments)


def _counts(
    claims: Sequence[Claim], mine: dict[str, Standing], ledger: Ledger, records: dict[str, Any]
) -> dict[str, Any]:
    """The numbers of a summary, all computed."""
    verdicts: dict[str, int] = {}
    mutants = dict.fromkeys(MUTANTS, 0)
    steps: list[dict[str, Any]] = []
    mistakes: list[dict[str, Any]] = []
    for claim in claims:
        verdict = mine[claim.id].verdict
        verdicts[verdict] = verdicts.get(verdict, 0) + 1
        proof = (ledger.entry(claim.id) or {}).get(PROOF)
        if proof:
            steps += proof["steps"]
            mistakes += proof["mistakes"]
            for name in mutants:
                mutants[name] += proof["mutants"].get(name, 0)  # a stale entry may be of an older form
    translations = [verdict for standing in mine.values() for verdict in standing.translations.values()]
    named = list(dict.fromkeys(name for claim in claims for name in claim.experiments))
    return {
        "claims": len(claims),
        "verdicts": verdicts,
        "steps": len(steps),
        "steps_proved": sum(step["verdict"] == PROVED for step in steps),
        "mistakes": sum(len(claim.mistakes) for claim in claims),
        "mistakes_refuted": sum(mistake["verdict"] == REFUTED for mistake in mistakes),
        "translations": len(translations),
        "translations_proved": translations.count(PROVED),
        "mutants": mutants,
        "experiments": len(named),
        "experiments_confirmed": sum(name in records and records[name].verdict == "confirmed" for name in named),
        "stale": sum(standing.stale for standing in mine.values()),
    }
