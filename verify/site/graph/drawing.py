"""Drawings of the graph: where every box, arrow and topic stands, ready for a template to print as SVG.

One map for all claims: a panel a topic, the topics that others rest on at the left. In a panel the claims that use
each other are laid out by Graphviz, the others stand below them in a grid. One small drawing for the neighbourhood of
a claim. Sizes are CSS pixels at the natural size of the drawing.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from verify.site.graph.edges import Edge, Graph
from verify.site.graph.layout import place
from verify.site.words import SIGNS

Curve = Sequence[tuple[float, float]]  # a start, then two handles and an end for each cubic piece

LETTER, LETTERS_ZH = 6.65, 11.5  # widths at the drawing's font size: a letter of the mono face, a Chinese character
HIGH, SIGN = 20.0, 24.0  # of a box: its height, and the room for sign and margins beside the name
GAP, PAD, HEAD = 8.0, 10.0, 24.0  # between boxes, inside a panel, above its boxes
APART = 34.0  # between panels: the curves between topics need room
WIDE = 1500.0  # of the map: what a screen of 1280 shows at the smallest scale, see .vd-map in graph.css


@dataclass(frozen=True)
class Box:
    """A claim: its name as it stands in the box, and the box's top left corner and width."""

    id: str
    name: str
    x: float
    y: float
    width: float

    def moved(self, x: float, y: float) -> Box:
        return Box(self.id, self.name, round(self.x + x, 1), round(self.y + y, 1), self.width)


@dataclass(frozen=True)
class Arrow:
    """An edge: from the claim that is used to the one that uses it. `path` is the `d` of an SVG path, head included."""

    edge: Edge
    path: str
    across: bool = False  # from one topic to another


@dataclass(frozen=True)
class Panel:
    topic: str
    title: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Drawing:
    width: float
    height: float
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    panels: tuple[Panel, ...] = ()


@dataclass(frozen=True)
class _Part:
    """The claims of one topic before the map is put together: `linked` as laid out, `loose` as (id, name)."""

    topic: str
    title: str
    linked: tuple[Box, ...]
    arrows: tuple[tuple[Edge, Curve], ...]
    loose: tuple[tuple[str, str], ...]
    wide: float
    high: float

    @property
    def cell(self) -> float:
        """Width of a column of the grid."""
        return max((_width(name) for _, name in self.loose), default=0.0)

    @property
    def least(self) -> float:
        """The narrowest that the panel may be."""
        columns = min(2, len(self.loose))
        return 2 * PAD + max(self.wide, columns * (self.cell + GAP) - GAP, _said(f"{self.topic} {self.title}") + PAD)

    def rows(self, width: float) -> int:
        return -(-len(self.loose) // self.columns(width))

    def columns(self, width: float) -> int:
        return max(1, int((width - 2 * PAD + GAP) // (self.cell + GAP))) if self.loose else 1

    def tall(self, width: float) -> float:
        between = GAP if self.linked and self.loose else 0.0
        rows = self.rows(width) * (HIGH + GAP) - (GAP if self.loose else 0.0)
        return round(HEAD + self.high + between + rows + PAD, 1)

    def grid(self, width: float) -> list[Box]:
        """The claims that use no other of the topic, row by row below the others."""
        columns, top = self.columns(width), self.high + (GAP if self.linked else 0.0)
        step = (width - 2 * PAD + GAP) / columns
        return [
            Box(id_, name, place_ % columns * step, top + place_ // columns * (HIGH + GAP), round(step - GAP, 1))
            for place_, (id_, name) in enumerate(self.loose)
        ]


def around(graph: Graph, id_: str, stale: Collection[str] = ()) -> Drawing:
    """The neighbourhood of a claim, under the full ids; those of `stale` claims carry the sign."""
    ids = sorted(graph.around(id_))
    edges = graph.among(ids)
    names = [_named(name, name in stale) for name in ids]
    boxes, curves, wide, high = _laid_out(ids, names, edges)
    return Drawing(
        wide, high, boxes, tuple(Arrow(edge, _path(curve)) for edge, curve in zip(edges, curves, strict=True))
    )


def whole(
    graph: Graph, topics: Mapping[str, Sequence[str]], titles: Mapping[str, str], stale: Collection[str] = ()
) -> Drawing:
    """The map of all claims, the reading order included; `topics` gives the claims of each as they are taught."""
    graph = graph.drawn
    parts = {topic: _part(graph, topic, titles.get(topic, topic), ids, stale) for topic, ids in topics.items()}
    boxes: list[Box] = []
    arrows: list[Arrow] = []
    panels: list[Panel] = []
    x = 0.0
    for column in _columns(parts, _across(graph)):
        wide, y = max(part.least for part in column), 0.0
        for part in column:
            panels.append(Panel(part.topic, part.title, round(x, 1), round(y, 1), round(wide, 1), part.tall(wide)))
            boxes += [box.moved(x + PAD, y + HEAD) for box in [*part.linked, *part.grid(wide)]]
            arrows += [
                Arrow(edge, _path([(a + x + PAD, b + y + HEAD) for a, b in curve])) for edge, curve in part.arrows
            ]
            y += part.tall(wide) + GAP
        x += wide + APART
    at = {box.id: box for box in boxes}
    arrows += [
        Arrow(edge, _path(_bow(at[edge.uses], at[edge.claim])), across=True)
        for edge in graph.edges
        if _topic(edge.claim) != _topic(edge.uses)
    ]
    high = max((panel.y + panel.height for panel in panels), default=0.0)
    return Drawing(max(x - APART, 0.0), high, tuple(boxes), tuple(arrows), tuple(panels))


def _across(graph: Graph) -> Counter[tuple[str, str]]:
    """How many edges lead from a topic that is used to another that uses it."""
    pairs = ((_topic(edge.uses), _topic(edge.claim)) for edge in graph.edges)
    return Counter(pair for pair in pairs if pair[0] != pair[1])


def _levels(topics: Iterable[str], across: Mapping[tuple[str, str], int]) -> dict[str, int]:
    """Each topic that has edges to others -> its level: above all those on which it rests, where they form no circle.

    In a circle the topic that gives more than it takes comes first.
    """
    given: Counter[str] = Counter()
    taken: Counter[str] = Counter()
    for (used, user), count in across.items():
        given[used] += count
        taken[user] += count
    joined = [topic for topic in topics if given[topic] + taken[topic]]
    joined.sort(key=lambda topic: ((taken[topic] - given[topic]) / (taken[topic] + given[topic]), topic))
    levels: dict[str, int] = {}
    for topic in joined:
        levels[topic] = 1 + max((levels[used] for used, user in across if user == topic and used in levels), default=-1)
    return levels


def _columns(parts: Mapping[str, _Part], across: Mapping[tuple[str, str], int]) -> list[list[_Part]]:
    """The topics in columns: of all ways tried, the best.

    Best is what is no wider than `WIDE`; then what comes near to it, lets most edges lead to the right and leaves
    little room empty.
    """
    levels = _levels(parts, across)
    depth = max(levels.values(), default=0) + 1
    total = sum(part.tall(part.least) + GAP for part in parts.values())
    heights = [total * 4 / quarters for quarters in range(40, 3, -1)]  # of one column to ten: more are too wide

    def cost(columns: list[list[_Part]]) -> tuple[float, float]:
        column = {part.topic: place_ for place_, found in enumerate(columns) for part in found}
        back = sum(count for (used, user), count in across.items() if column[used] >= column[user])
        wide, high, used = _size(columns)
        rest = abs(math.log(wide / WIDE)) + back / max(1, sum(across.values())) + 1 - used / (wide * high)
        return max(0.0, wide - WIDE), rest

    tried = [_filled(parts, levels, merged / depth, height) for merged in range(1, depth + 1) for height in heights]
    return min(tried, key=cost) if parts else []


def _filled(parts: Mapping[str, _Part], levels: Mapping[str, int], merge: float, height: float) -> list[list[_Part]]:
    """Columns up to `height`: the levels from left to right, then the other topics where they fit.

    merge  new levels for each old one, at most 1
    """
    columns: list[list[_Part]] = []
    filled: list[float] = []
    level = -1
    for topic in sorted(levels, key=lambda topic: (int(levels[topic] * merge), levels[topic], topic)):
        tall = parts[topic].tall(parts[topic].least) + GAP
        if int(levels[topic] * merge) != level or filled[-1] + tall > height:
            level = int(levels[topic] * merge)
            columns.append([])
            filled.append(0.0)
        columns[-1].append(parts[topic])
        filled[-1] += tall
    for topic in sorted(set(parts) - set(levels)):
        tall = parts[topic].tall(parts[topic].least) + GAP
        room = next((place_ for place_, used in enumerate(filled) if used + tall <= height), len(columns))
        if room == len(columns):
            columns.append([])
            filled.append(0.0)
        columns[room].append(parts[topic])
        filled[room] += tall
    return columns


def _part(graph: Graph, topic: str, title: str, ids: Sequence[str], stale: Collection[str]) -> _Part:
    edges = graph.among(ids)
    ends = {end for edge in edges for end in (edge.claim, edge.uses)}
    linked = [id_ for id_ in ids if id_ in ends]
    loose = tuple((id_, _named(_short(id_), id_ in stale)) for id_ in ids if id_ not in ends)
    if not linked:
        return _Part(topic, title, (), (), loose, 0.0, 0.0)
    names = [_named(_short(id_), id_ in stale) for id_ in linked]
    boxes, curves, wide, high = _laid_out(linked, names, edges)
    return _Part(topic, title, boxes, tuple(zip(edges, curves, strict=True)), loose, wide, high)


def _size(columns: list[list[_Part]]) -> tuple[float, float, float]:
    """Width and height of the map, and the area of its panels."""
    wides = [max(part.least for part in column) for column in columns]
    highs = [sum(part.tall(wide) + GAP for part in column) for column, wide in zip(columns, wides, strict=True)]
    used = sum((wide + APART) * high for wide, high in zip(wides, highs, strict=True))
    return sum(wides) + APART * len(wides), max(highs), used


def _laid_out(
    ids: Sequence[str], names: Sequence[str], edges: Sequence[Edge]
) -> tuple[tuple[Box, ...], tuple[Curve, ...], float, float]:
    """Boxes and the curves of the edges as Graphviz places them, and the size of it all."""
    number = {id_: place_ for place_, id_ in enumerate(ids)}
    links = tuple((number[edge.uses], number[edge.claim]) for edge in edges)
    placed = place(tuple(map(_width, names)), links, HIGH)
    boxes = tuple(
        Box(id_, name, round(x - _width(name) / 2, 1), round(y - HIGH / 2, 1), _width(name))
        for id_, name, (x, y) in zip(ids, names, placed.centres, strict=True)
    )
    return boxes, placed.curves, placed.width, placed.height


def _bow(start: Box, end: Box) -> Curve:
    """A curve from the right end of one box to the left end of another."""
    x0, y0, x1, y1 = start.x + start.width, start.y + HIGH / 2, end.x, end.y + HIGH / 2
    reach = max((x1 - x0) / 2, APART * 1.5)
    return [(x0, y0), (x0 + reach, y0), (x1 - reach, y1), (x1, y1)]


def _path(points: Curve) -> str:
    """An SVG path through the points of a cubic spline, with an open arrow head at its end."""
    start, *rest = points
    x, y = rest[-1]
    bends = " ".join(f"{a:.0f},{b:.0f}" for a, b in rest)
    return f"M{start[0]:.0f},{start[1]:.0f}C{bends}M{x - 5:.0f},{y - 3:.0f}L{x:.0f},{y:.0f}L{x - 5:.0f},{y + 3:.0f}"


def _topic(id_: str) -> str:
    return id_.split(".", 1)[0]


def _short(id_: str) -> str:
    """The name within its topic."""
    return id_.partition(".")[2] or id_


def _named(name: str, stale: bool) -> str:
    return f"{name} {SIGNS['stale']}" if stale else name


def _width(name: str) -> float:
    return round(len(name) * LETTER + SIGN, 1)


def _said(text: str) -> float:
    """A generous width of a heading."""
    return sum(LETTERS_ZH if letter > "⺀" else LETTER for letter in text)
