"""The status document: counts and one entry a claim, for tables, machines and the site."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from verify.language.catalog import Catalog
from verify.language.claim import Claim
from verify.ledger.keys import PROOF
from verify.ledger.standing import Standing, standings
from verify.ledger.store import Ledger
from verify.ledger.verdict import PROVED, REFUTED

MUTANTS = ("possible", "made", "refuted", "refused", "equivalent", "undecided", "survived", "stopped")


def status_document(
    catalog: Catalog, ledger: Ledger, records: dict[str, Any], chosen: Sequence[Claim] | None = None
) -> dict[str, Any]:
    """`verify status --json`: version, counts, claims, unmeasured (documented in docs/reference/json.md)."""
    everywhere = standings(catalog, ledger, records)
    claims = list(catalog.claims.values()) if chosen is None else list(chosen)
    mine = {claim.id: everywhere[claim.id] for claim in claims}
    entries = [_entry(claim, mine[claim.id], ledger) for claim in claims]
    unmeasured = list(dict.fromkeys(name for standing in mine.values() for name in standing.unmeasured))
    counts = _counts(claims, mine, ledger, records)
    return {"version": 1, "counts": counts, "claims": entries, "unmeasured": unmeasured}


def _entry(claim: Claim, standing: Standing, ledger: Ledger) -> dict[str, Any]:
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
    }


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
                mutants[name] += proof["mutants"][name]
    named = list(dict.fromkeys(name for claim in claims for name in claim.experiments))
    return {
        "claims": len(claims),
        "verdicts": verdicts,
        "steps": len(steps),
        "steps_proved": sum(step["verdict"] == PROVED for step in steps),
        "mistakes": sum(len(claim.mistakes) for claim in claims),
        "mistakes_refuted": sum(mistake["verdict"] == REFUTED for mistake in mistakes),
        "mutants": mutants,
        "experiments": len(named),
        "experiments_confirmed": sum(name in records and records[name].verdict == "confirmed" for name in named),
        "stale": sum(standing.stale for standing in mine.values()),
    }
