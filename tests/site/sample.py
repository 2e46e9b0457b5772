"""Made-up verdicts for the project's real claims, so that every kind of card is on the site."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

from verify.language.catalog import load_catalog
from verify.language.defined import shown_name
from verify.language.ids import read_register
from verify.ledger.history import read_history
from verify.ledger.standing import Standing
from verify.ledger.verdict import PROVED, REFUTED, SUPPORTED, UNDECIDED, VERDICTS
from verify.site.contents.model import Library

# Ids of every kind that are no more: in a topic with claims and in one that has none left, of claims and of questions.
REGISTER = """
live edm.precond
live gauss.sum
live why-sqrt-dt
renamed edm.old-name to edm.precond
renamed edm.older-name to edm.old-name
retired edm.gone for gauss.sum: It held only for even $d$. | 它只对偶数维 $d$ 成立。
retired lost.alone: Nothing used it, and <b>nobody</b> missed it.
renamed why-the-root to why-sqrt-dt
retired what-was-asked: It was asked twice.
"""
HISTORY = """
2026-11-19 undecided edm.precond
2026-11-19 proved gauss.sum
2026-11-20 proved edm.precond
2026-11-20 removed gauss.sum
2026-11-21 refuted edm.precond
"""
WITNESS = {"point": {"sigma": "235/101"}, "left": "0.9567", "right": "4.4135", "difference": "[-3.45687, -3.45686]"}
CERTIFICATE = {"generators": ["sigma", "sigma_data"], "relations": ["E[n] = 0"], "conditions": ["sigma != 0"]}
DETAILS = {
    PROVED: {"method": "normal form, every d", "dimensions": "any", "certificate": CERTIFICATE},
    REFUTED: {"method": "interval enclosure", "witness": WITNESS, "hint": "a plus sign makes it true"},
    UNDECIDED: {"why": "the integral has no closed form that is known here"},
}


STANDINGS = {
    "same": {},
    "convention": {"convention": {"en": "counting from zero", "zh": "下标从零开始"}},
    "differs": {"standard": "x", "yours": "-x", "point": {"x": "2"}, "yours_value": "-2", "standard_value": "2"},
}


def finding(defined, standing: str) -> dict:
    """What the ledger would keep about a name with a standard definition."""
    definition = defined.definitions[0]
    return {
        "name": shown_name(defined),
        "line": defined.line,
        "mistake": defined.mistake,
        "definition": definition.id,
        "title": dict(definition.title),
        "claims": list(definition.claims),
        "standing": "differs" if defined.mistake else standing,
        "convention": {},
        **STANDINGS["differs" if defined.mistake else standing],
    }


def sample_library(root: Path) -> Library:
    """The claims at `root`; the n-th has the n-th verdict, and its steps too where a step can have it."""
    catalog = load_catalog(root)
    assert not catalog.errors
    entries, standings = {}, {}
    for number, (claim, verdict) in enumerate(zip(catalog.claims.values(), itertools.cycle(VERDICTS))):
        step = verdict if verdict in (*DETAILS, SUPPORTED) else PROVED
        places = [(chain, place) for chain, rows in enumerate(claim.chains) for place in range(1, len(rows))]
        steps = [{"chain": chain, "step": place, "verdict": step, **DETAILS.get(step, {})} for chain, place in places]
        mistakes = [{"name": mistake.name, "verdict": REFUTED, **DETAILS[REFUTED]} for mistake in claim.mistakes]
        mutants = {"possible": 9, "made": 7, "refuted": 4, "refused": 2, "equivalent": 1, "undecided": 0, "survived": 0}
        entries[claim.id] = {"proof": {"verdict": verdict, "steps": steps, "mistakes": mistakes, "mutants": mutants}}
        entries[claim.id]["definitions"] = [
            finding(one, standing) for one, standing in zip(claim.defined, itertools.cycle(STANDINGS), strict=False)
        ]
        weakest = claim.uses[0] if claim.uses else ""
        standings[claim.id] = Standing(
            verdict,
            VERDICTS[number % 3] if weakest else "",
            weakest,
            {"proof": verdict},
            "any",
            stale=number == 0,
            seconds=0.1,
        )
    for claim_id, several in catalog.translations.items():
        standings[claim_id] = replace(standings[claim_id], translations={made.to: PROVED for made in several})
    return Library(
        catalog.claims,
        entries,
        standings,
        register=read_register(REGISTER),
        history=read_history(HISTORY),
        translations=catalog.translations,
        notations=catalog.notations,
        definitions=catalog.definitions,
    )
