"""What the page of the graph shows: the map, the claims by what falls with them, and how much of it in tables."""

from __future__ import annotations

from typing import Any

from verify.ledger import verdict as verdicts
from verify.site.cards.card import Shelf
from verify.site.graph.drawing import whole
from verify.site.graph.edges import KINDS

LARGE = 600  # claims; with more the page would be slow under the tables of all, and each card has its own part of them
SHORT = 8, 50  # of a large library: names in a list, rows of the table of what falls


def graph_page(shelf: Shelf) -> dict[str, Any]:
    """The values of the template `graph`."""
    library = shelf.library
    graph = library.graph
    falls = {id_: graph.falls_with(id_) for id_ in library.claims}
    doubted = {
        id_
        for id_, standing in library.standings.items()
        if standing.verdict not in (verdicts.PROVED, verdicts.SUPPORTED)
    }
    shown = sorted(
        ((id_, ids) for id_, ids in falls.items() if ids or id_ in doubted), key=lambda item: (-len(item[1]), item[0])
    )
    names, rows = SHORT if len(library.claims) > LARGE else (len(library.claims), len(library.claims))
    topics = {topic: [claim.id for claim in claims] for topic, claims in library.topics.items()}
    used = {edge.kind for edge in graph.drawn.edges}
    return {
        "graph": graph,
        "drawing": whole(graph, topics, shelf.topics, library.stale),
        "falls": shown[:rows],
        "present": {standing.verdict for standing in library.standings.values()},
        "kinds": [kind for kind in KINDS if kind in used],
        "left_out": len(shown[rows:]),
        "most": names,
        "large": len(library.claims) > LARGE,
    }
