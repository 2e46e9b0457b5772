"""The documents for programs: claims.json, graph.json and ledger.json, what the pages show without the pages.

Their schemas are published beside them, under reference/schema. A field is only ever added.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from verify.site.cards.card import address
from verify.site.contents.model import Card, Library

SCHEMAS = "reference/schema"  # in the site, one file for each document
KEPT = ("results", "id", "schema")  # the ledger's own book-keeping: what it saves so as not to judge twice

Document = dict[str, Any]


def write(out: Path, library: Library) -> None:
    """Writes the documents into `out`, the root of the site."""
    for name, document in documents(library).items():
        (out / name).write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", "utf-8")


def documents(library: Library) -> dict[str, Document]:
    """File name -> document. Claims and nodes stand in the order of their ids, edges in that of their ends."""
    found = {"claims.json": _claims(library), "graph.json": _graph(library), "ledger.json": _ledger(library)}
    return {name: {"version": 1, "schema": f"{SCHEMAS}/{name}", **document} for name, document in found.items()}


def _claims(library: Library) -> Document:
    register = library.register
    return {
        "claims": [_claim(library.card(id_)) for id_ in sorted(library.claims)],
        "former": [
            {
                "id": one.id,
                "state": one.state,
                "address": address(one.id),
                "now": register.now(one.id),
                "reason": one.reason,
            }
            for one in sorted(register.gone, key=lambda one: one.id)
        ],
    }


def _claim(card: Card) -> Document:
    claim, standing = card.claim, card.standing
    return {
        "id": claim.id,
        "title": claim.title,
        "topic": claim.topic,
        "address": address(claim.id),
        "slogan": claim.slogan,
        "declared": list(claim.declared),
        "latex": list(claim.latex),
        "uses": list(claim.uses),
        "used_by": list(card.used_by),
        "after": list(claim.after),
        "sources": [{"key": cited.key, "where": cited.where} for cited in claim.sources],
        "mistakes": [
            {
                "name": judged.mistake.name,
                "title": judged.mistake.title,
                "latex": judged.mistake.latex,
                "verdict": judged.verdict,
            }
            for judged in card.mistakes
        ],
        "verdict": standing.verdict,
        "upstream": standing.upstream,
        "stale": standing.stale,
        "routes": standing.routes,
        "dimensions": standing.dimensions,
    }


def _graph(library: Library) -> Document:
    graph = library.graph
    return {
        "nodes": [
            {
                "id": id_,
                "title": claim.title,
                "topic": claim.topic,
                "verdict": library.standings[id_].verdict,
                "stale": library.standings[id_].stale,
                "address": address(id_),
                "rests_on": len(graph.rests_on(id_)),
                "falls_with": len(graph.falls_with(id_)),
            }
            for id_, claim in sorted(library.claims.items())
        ],
        "edges": [{"claim": edge.claim, "uses": edge.uses, "kind": edge.kind} for edge in graph.edges],
        "order": [{"claim": edge.claim, "after": edge.uses} for edge in graph.order],
    }


def _ledger(library: Library) -> Document:
    def shown(id_: str) -> Document:
        entry = library.entries.get(id_) or {}
        return {key: entry[key] for key in sorted(entry) if key not in KEPT}

    return {"claims": {id_: shown(id_) for id_ in sorted(library.claims)}}
