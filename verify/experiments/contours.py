"""Regions where a function on a grid exceeds a level, as closed polygons (marching squares)."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence

Edge = tuple[str, int, int]  # "h" from node (i, j) to (i, j + 1), "v" to (i + 1, j)
Point = tuple[float, float]


def regions(values: Sequence[Sequence[float]], level: float) -> list[list[Point]]:
    """Closed polygons around {values >= level}, corners as (column, row) in units of the grid.

    Values are interpolated linearly between nodes. The grid is framed by minus infinity, so that a region which
    reaches the border is closed along it. Filled by the even-odd rule the polygons show holes as holes. Where two
    opposite corners of a cell are inside they are kept apart.
    """
    columns = len(values[0])
    frame = [-math.inf] * (columns + 2)
    grid = [frame, *([-math.inf, *row, -math.inf] for row in values), frame]
    neighbours: dict[Edge, list[Edge]] = defaultdict(list)
    for one, other in _segments(grid, level):
        neighbours[one].append(other)
        neighbours[other].append(one)
    polygons = []
    while neighbours:
        start, ends = neighbours.popitem()
        loop, here = [start], ends[0]
        before = start
        while here != start:
            loop.append(here)
            ahead = neighbours.pop(here)
            before, here = here, ahead[1] if ahead[0] == before else ahead[0]
        polygons.append([_crossing(grid, edge, level) for edge in loop])
    return polygons


def _segments(grid: list[list[float]], level: float) -> Iterator[tuple[Edge, Edge]]:
    """The pairs of cell edges that the boundary joins."""
    for i in range(len(grid) - 1):
        for j in range(len(grid[0]) - 1):
            a, b, c, d = (v >= level for v in (grid[i][j], grid[i][j + 1], grid[i + 1][j + 1], grid[i + 1][j]))
            top, bottom = ("h", i, j), ("h", i + 1, j)
            left, right = ("v", i, j), ("v", i, j + 1)
            if a == c and b == d and a != b:
                yield (left, top) if a else (top, right)
                yield (right, bottom) if a else (left, bottom)
            else:
                sides = ((top, a != b), (right, b != c), (bottom, c != d), (left, d != a))
                crossed = [edge for edge, cut in sides if cut]
                if crossed:
                    yield crossed[0], crossed[1]


def _crossing(grid: list[list[float]], edge: Edge, level: float) -> Point:
    """Where the level is met on an edge, in the unframed grid's units."""
    way, i, j = edge
    down, along = (0, 1) if way == "h" else (1, 0)
    one, other = grid[i][j], grid[i + down][j + along]
    if math.isinf(one):
        share = 1.0
    elif math.isinf(other):
        share = 0.0
    else:
        share = (level - one) / (other - one)
    return j - 1 + along * share, i - 1 + down * share
