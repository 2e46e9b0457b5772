"""Figures as data: what an experiment shows, without saying how it is drawn. `figure.py` draws it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

Text = dict[str, str]  # by language: "en" and "zh"


@dataclass(frozen=True)
class Series:
    """One set of data in a panel. Equal tones share colour, dash and marker.

    style   `line`, `points` (with vertical intervals if `low` and `high` are given), `marked` (both), `bars` from the
            axis or from zero, or `band`: the line with the area between `low` and `high` shaded
    """

    title: Text
    x: list[float]
    y: list[float]
    style: str = "line"
    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)
    tone: int | None = None


@dataclass(frozen=True)
class Traces:
    """Many thin curves under one title, such as trajectories: each a pair of x values and y values."""

    title: Text
    paths: list[tuple[list[float], list[float]]]
    tone: int | None = None


@dataclass(frozen=True)
class Density:
    """A function of two variables, drawn as shaded regions above some of its values, behind the series.

    values[i][j] belongs to (x[j], y[i]); both axes increase. A region for each share of the largest value; `levels`
    must increase.
    """

    x: list[float]
    y: list[float]
    values: list[list[float]]
    levels: tuple[float, ...] = (0.02, 0.1, 0.25, 0.5, 0.75)


@dataclass(frozen=True)
class Guide:
    """A thin line between two points in the units of the axes, with words at its end: a slope, a bound."""

    start: tuple[float, float]
    end: tuple[float, float]
    title: Text


def slope(start: tuple[float, float], x: float, order: float) -> Guide:
    """The line y ~ x^order through `start` as far as `x`, for logarithmic axes."""
    end = (x, start[1] * (x / start[0]) ** order)
    number = f"{order:g}".replace("-", "−")
    return Guide(start, end, {"en": f"slope {number}", "zh": f"斜率 {number}"})


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One pair of axes. `equal` gives both axes the same scale, for densities in the plane."""

    title: Text
    x_title: Text
    y_title: Text
    series: Sequence[Series | Traces] = field(default_factory=list)
    x_log: bool = False
    y_log: bool = False
    density: Density | None = None
    guides: list[Guide] = field(default_factory=list)
    equal: bool = False


@dataclass(frozen=True, kw_only=True)
class Picture(Panel):
    """A panel that stands alone.

    The description tells those who do not see it what it shows, and is its caption: state numbers that were measured.
    """

    description: Text


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """Several panels in one figure, in one column or two; their titles are shown above them."""

    title: Text
    description: Text
    panels: list[Panel]
    columns: int = 1
