"""Which claim rests on which: the edges of the graph, and what follows from them.

An edge leads from a claim to one that it uses. `rests_on` and `falls_with` follow the edges to their ends, so they
answer what a claim needs in all, and what falls if it falls. The reading order stands beside the edges: nothing rests
on it, and only the map shows it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from verify.language.claim import Claim
from verify.language.quotes import quoted_by

STEP, PREMISE, WORDS, AFTER = KINDS = ("step", "premise", "words", "after")


@dataclass(frozen=True, order=True)
class Edge:
    """`claim` uses `uses`.

    kind  step: a step quotes it; premise: a declared equation is taken from it; words: one of the two is
          stated in words, and its author says so; after: it does not use it, but is to be read after it
    """

    claim: str
    uses: str
    kind: str = STEP


@dataclass(frozen=True)
class Graph:
    """Claims by id, in a fixed order, their edges, and the reading order where no edge says it already.

    What leads to a claim that is not there is left out.
    """

    ids: tuple[str, ...]
    edges: tuple[Edge, ...]
    order: tuple[Edge, ...] = ()

    @classmethod
    def of(cls, claims: Mapping[str, Claim]) -> Graph:
        edges = (
            Edge(claim.id, used, _kind(claim, used))
            for claim in claims.values()
            for used in claim.uses
            if used in claims
        )
        order = (
            Edge(claim.id, earlier, AFTER)
            for claim in claims.values()
            for earlier in claim.after
            if earlier in claims and earlier not in claim.uses
        )
        return cls(tuple(claims), tuple(sorted(edges)), tuple(sorted(order)))

    @functools.cached_property
    def uses(self) -> dict[str, tuple[str, ...]]:
        """id -> the claims that it uses."""
        return self._sides(lambda edge: (edge.claim, edge.uses))

    @functools.cached_property
    def used_by(self) -> dict[str, tuple[str, ...]]:
        """id -> the claims that use it."""
        return self._sides(lambda edge: (edge.uses, edge.claim))

    def rests_on(self, id_: str) -> tuple[str, ...]:
        """All claims on which `id_` rests, directly or through others, the nearest first."""
        return self._closure(id_, self.uses)

    def falls_with(self, id_: str) -> tuple[str, ...]:
        """All claims that rest on `id_`, directly or through others, the nearest first."""
        return self._closure(id_, self.used_by)

    def around(self, id_: str, most: int = 14) -> tuple[str, ...]:
        """The claim and those one or two edges above or below it, the nearest first and at most `most` in all.

        A ring that no longer fits is left out, but the nearest one, of which the first are kept.
        """
        found = [id_]
        for depth in (1, 2):
            ring = [
                *self._closure(id_, self.uses, depth)[len(self._closure(id_, self.uses, depth - 1)) :],
                *self._closure(id_, self.used_by, depth)[len(self._closure(id_, self.used_by, depth - 1)) :],
            ]
            if len(found) + len(ring) > most:
                return (*found, *ring[: most - 1]) if depth == 1 else tuple(found)
            found += ring
        return tuple(found)

    def among(self, ids: Iterable[str]) -> tuple[Edge, ...]:
        """The edges between claims of `ids`."""
        chosen = set(ids)
        return tuple(edge for id_ in sorted(chosen) for edge in self._of.get(id_, ()) if edge.uses in chosen)

    @functools.cached_property
    def _of(self) -> dict[str, list[Edge]]:
        found: dict[str, list[Edge]] = {}
        for edge in self.edges:
            found.setdefault(edge.claim, []).append(edge)
        return found

    @functools.cached_property
    def drawn(self) -> Graph:
        """The same claims with the reading order among the edges, as the map shows them."""
        return Graph(self.ids, tuple(sorted((*self.edges, *self.order))))

    def _sides(self, ends: Any) -> dict[str, tuple[str, ...]]:
        found: dict[str, list[str]] = {id_: [] for id_ in self.ids}
        for start, end in map(ends, self.edges):
            found[start].append(end)
        return {id_: tuple(others) for id_, others in found.items()}

    @staticmethod
    def _closure(start: str, sides: Mapping[str, tuple[str, ...]], depth: int | None = None) -> tuple[str, ...]:
        """What is reached from `start` in at most `depth` edges, nearest first, `start` itself left out."""
        found: dict[str, None] = {}
        ring, passed = [start], 0
        while ring and passed != depth:
            ring = list(dict.fromkeys(other for id_ in ring for other in sides[id_] if other not in found))
            ring = [id_ for id_ in ring if id_ != start]
            found.update(dict.fromkeys(ring))
            passed += 1
        return tuple(found)


def _kind(claim: Claim, used: str) -> str:
    if used in quoted_by(claim):
        return STEP
    return PREMISE if used in claim.premises else WORDS
