"""Small SVG figures of pictures and sheets: curves, points, bars, bands, densities, on one or several pairs of axes.

Every figure is 480 pixels wide, so that its type is still legible on a telephone. Axes and text use `currentColor`;
curves use middle tones that stand out on light and on dark paper and differ in dash and marker as well as in colour.
Every figure carries a title and a description for those who do not see it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from verify.experiments.axes import Axis, text_width, wrapped
from verify.experiments.contours import regions
from verify.experiments.picture import Density, Guide, Panel, Picture, Series, Sheet, Traces

WIDTH, SIZE, LINE = 480, 13, 17
PLOT_HEIGHT = 230
GAP = 14
COLOURS = ("#3f83c8", "#d9772b", "#3b9a6d", "#c9528a", "#8a6fd1", "#a8862a", "#4a9fb0", "#b05a4a")
DASHES = ("", "7 4", "2 3", "9 3 2 3", "12 4", "4 4 1 4", "1 4", "6 2")
MARKERS = (
    '<circle r="3.4"/>',
    '<rect x="-3" y="-3" width="6" height="6"/>',
    '<path d="M0-4L3.8 3H-3.8Z"/>',
    '<path d="M0-4.4L4 0L0 4.4L-4 0Z"/>',
    '<path d="M-3.4-3.4L3.4 3.4M-3.4 3.4L3.4-3.4" fill="none"/>',
    '<path d="M0-4V4M-4 0H4" fill="none"/>',
)


@dataclass(frozen=True)
class Frame:
    """The plotting area of one panel with its axes."""

    x: Axis
    y: Axis

    @property
    def edges(self) -> tuple[float, float, float, float]:
        """left, right, top, floor."""
        return self.x.start, self.x.end, self.y.end, self.y.start


def draw(picture: Picture | Sheet, language: str, identity: str) -> str:
    """The SVG in one language; `identity` makes its ids unique on a page with several figures."""
    panels: list[Panel] = picture.panels if isinstance(picture, Sheet) else [picture]
    columns = picture.columns if isinstance(picture, Sheet) else 1
    tones = _tones(panels)
    body: list[str] = []
    top, width = 0.0, (WIDTH - GAP * (columns - 1)) / columns
    for first in range(0, len(panels), columns):
        drawn = [
            _panel(panel, language, place * (width + GAP), top, width, isinstance(picture, Sheet), tones)
            for place, panel in enumerate(panels[first : first + columns])
        ]
        body += [part for parts, _ in drawn for part in parts]
        top = max(bottom for _, bottom in drawn) + GAP
    legend, height = _legend(panels, tones, language, top)
    name = "".join(c if c.isalnum() else "-" for c in f"{identity}-{language}")
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" viewBox="0 0 {WIDTH} {_number(height)}" role="img" '
        f'lang="{language}" aria-labelledby="{name}-title {name}-description" font-size="{SIZE}" fill="currentColor" '
        'font-family="system-ui,sans-serif" style="max-width:100%;height:auto">',
        f'<title id="{name}-title">{escape(picture.title[language])}</title>',
        f'<desc id="{name}-description">{escape(picture.description[language])}</desc>',
    ]
    return "\n".join([*head, *body, *legend, "</svg>"]) + "\n"


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _text(x: float, y: float, content: str, anchor: str = "middle", extra: str = "") -> str:
    place = f'x="{_number(x)}" y="{_number(y)}" text-anchor="{anchor}"'
    return f"<text {place}{extra}>{escape(content)}</text>"


def _tones(panels: list[Panel]) -> dict[str, int]:
    """A tone for each title: series of one title look the same in every panel, those of two titles do not."""
    tones: dict[str, int] = {}
    for panel in panels:
        for one in panel.series:
            tones.setdefault(one.title["en"], len(tones) if one.tone is None else one.tone)
    return tones


# -- one panel ------------------------------------------------------------------------------------------------------


def _panel(
    panel: Panel, language: str, left: float, top: float, width: float, titled: bool, tones: dict[str, int]
) -> tuple[list[str], float]:
    """The parts of a panel whose outer corner is (left, top), and where it ends."""
    parts = []
    for line in wrapped(panel.title[language], SIZE, width) if titled else ():
        top += LINE
        parts.append(_text(left, top - 4, line, "start", ' font-weight="600"'))
    for line in wrapped(panel.y_title[language], SIZE, width):
        top += LINE
        parts.append(_text(left, top - 4, line, "start"))
    frame = _frame(panel, left, top + 5, width)
    parts += _axes(frame, panel, left, language)
    if panel.density:
        parts += _shades(panel.density, frame)
    for one in panel.series:
        tone = tones[one.title["en"]]
        parts += _traces(one, tone, frame) if isinstance(one, Traces) else _series(one, tone, frame, panel)
    for guide in panel.guides:
        parts += _guide(guide, frame, language)
    lines = wrapped(panel.x_title[language], SIZE, width)
    return parts, frame.y.start + 22 + LINE * len(lines)


def _frame(panel: Panel, left: float, top: float, width: float) -> Frame:
    """Axes around all that the panel shows; the left margin is as wide as the labels need."""
    across = [v for points in _points(panel) for v in points[0]]
    up = [v for points in _points(panel) for v in points[1]]
    height = PLOT_HEIGHT if width > WIDTH / 2 else 0.72 * width
    y = Axis(up, panel.y_log, top + height, top)
    margin = max(text_width(label, SIZE) for _, label in y.ticks(28)) + 10
    x = Axis(across, panel.x_log, left + margin, left + width - 8)
    if panel.equal:
        unit = max((x.high - x.low) / x.length, (y.high - y.low) / y.length)
        x.widen(unit * x.length)
        y.widen(unit * y.length)
    return Frame(x, y)


def _points(panel: Panel) -> Iterator[tuple[list[float], list[float]]]:
    """Everything with a place on the axes, as (x values, y values)."""
    for one in panel.series:
        if isinstance(one, Traces):
            yield from one.paths
            continue
        base = [0.0] if one.style == "bars" and not panel.y_log else []
        half = _bar_width(panel) / 2 * len(_bars(panel)) if one.style == "bars" and not panel.x_log else 0.0
        yield [v + way * half for v in one.x for way in (-1, 1)], [*one.y, *one.low, *one.high, *base]
    for guide in panel.guides:
        yield [guide.start[0], guide.end[0]], [guide.start[1], guide.end[1]]
    if panel.density:
        yield panel.density.x, panel.density.y


def _axes(frame: Frame, panel: Panel, outer: float, language: str) -> list[str]:
    left, right, top, floor = frame.edges
    path = f"M{_number(left)} {_number(top)}V{_number(floor)}H{_number(right)}"
    parts, grid = [f'<path class="axis" d="{path}" fill="none" stroke="currentColor"/>'], ""
    for value, label in frame.x.ticks(46):
        grid += f"M{_number(frame.x(value))} {_number(top)}V{_number(floor)}"
        parts.append(_text(frame.x(value), floor + LINE, label))
    for value, label in frame.y.ticks(28):
        grid += f"M{_number(left)} {_number(frame.y(value))}H{_number(right)}"
        parts.append(_text(left - 6, frame.y(value) + 4, label, "end"))
    parts.append(f'<path d="{grid}" stroke="currentColor" stroke-opacity=".13"/>')
    for number, line in enumerate(wrapped(panel.x_title[language], SIZE, right - outer)):
        parts.append(_text((left + right) / 2, floor + 19 + LINE * (number + 1), line))
    return parts


def _look(tone: int) -> tuple[str, str, str]:
    """Colour, dash attribute and marker."""
    dash = DASHES[tone % len(DASHES)]
    return COLOURS[tone % len(COLOURS)], f' stroke-dasharray="{dash}"' if dash else "", MARKERS[tone % len(MARKERS)]


def _path(points: list[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{_number(a)} {_number(b)}" for a, b in points)


def _placed(xs: list[float], ys: list[float], frame: Frame) -> list[tuple[float, float]]:
    """In pixels, without what the axes cannot show."""
    x, y = frame.x, frame.y
    return [(x(a), y(b)) for a, b in zip(xs, ys, strict=True) if x.shows(a) and y.shows(b)]


def _series(one: Series, tone: int, frame: Frame, panel: Panel) -> list[str]:
    colour, dashes, marker = _look(tone)
    points = _placed(one.x, one.y, frame)
    if not points:
        return []
    parts = [f'<g stroke="{colour}" fill="{colour}" stroke-width="1.7">']
    if one.style == "band":
        area = _placed(one.x, one.high, frame) + _placed(one.x, one.low, frame)[::-1]
        parts.append(f'<path d="{_path(area)}Z" stroke="none" fill-opacity=".2"/>')
    if one.style == "bars":
        parts += _bar_paths(one, frame, panel)
    if one.style in ("line", "marked", "band"):
        parts.append(f'<path d="{_path(points)}" fill="none"{dashes}/>')
    if one.style in ("points", "marked"):
        stems = "".join(
            f"M{_number(frame.x(a))} {_number(frame.y(low))}V{_number(frame.y(high))}"
            for a, low, high in zip(one.x, one.low, one.high, strict=False)
            if frame.x.shows(a) and frame.y.shows(low) and frame.y.shows(high)
        )
        parts += [f'<path d="{stems}"/>'] * bool(stems)
        parts += [f'<g transform="translate({_number(a)} {_number(b)})">{marker}</g>' for a, b in points]
    return [*parts, "</g>"]


def _bars(panel: Panel) -> list[Series]:
    return [s for s in panel.series if isinstance(s, Series) and s.style == "bars"]


def _bar_width(panel: Panel) -> float:
    """In units of x: four fifths of the least distance between places, shared among the bar series."""
    places = sorted({v for s in _bars(panel) for v in s.x})
    apart = min((b - a for a, b in zip(places, places[1:], strict=False)), default=1.0)
    return 0.8 * apart / len(_bars(panel))


def _bar_paths(one: Series, frame: Frame, panel: Panel) -> list[str]:
    bars, width = _bars(panel), _bar_width(panel)
    shift = (next(k for k, s in enumerate(bars) if s is one) - len(bars) / 2) * width
    base = frame.y.start if panel.y_log else frame.y(0.0)
    path = "".join(
        f"M{_number(frame.x(a + shift))} {_number(base)}V{_number(frame.y(b))}"
        f"H{_number(frame.x(a + shift + width))}V{_number(base)}"
        for a, b in zip(one.x, one.y, strict=True)
        if frame.y.shows(b)
    )
    return [f'<path d="{path}" fill-opacity=".75" stroke-width=".8"/>']


def _traces(one: Traces, tone: int, frame: Frame) -> list[str]:
    path = "".join(_path(points) for xs, ys in one.paths if (points := _placed(xs, ys, frame)))
    return [f'<path d="{path}" fill="none" stroke="{_look(tone)[0]}" stroke-width=".9" stroke-opacity=".7"/>']


def _shades(density: Density, frame: Frame) -> list[str]:
    """Nested regions, each a little darker."""
    top = max(max(row) for row in density.values)
    parts = ['<g fill="currentColor" fill-opacity=".1" fill-rule="evenodd">']
    for level in density.levels:
        loops = regions(density.values, level * top)
        path = "".join(
            _path([(frame.x(_between(density.x, a)), frame.y(_between(density.y, b))) for a, b in loop]) + "Z"
            for loop in loops
        )
        parts.append(f'<path d="{path}"/>')
    return [*parts, "</g>"]


def _between(values: list[float], place: float) -> float:
    """The value at a fractional index."""
    first = min(math.floor(place), len(values) - 2)
    return values[first] + (place - first) * (values[first + 1] - values[first])


def _guide(guide: Guide, frame: Frame, language: str) -> list[str]:
    (a, b), (c, d) = ((frame.x(x), frame.y(y)) for x, y in (guide.start, guide.end))
    left, right, top, _ = frame.edges
    anchor = "end" if c > (left + right) / 2 else "start"
    line = f'<path d="{_path([(a, b), (c, d)])}" stroke="currentColor" stroke-opacity=".6" stroke-dasharray="3 3"/>'
    return [line, _text(c, max(d - 6, top + SIZE), guide.title[language], anchor, ' font-style="italic"')]


# -- the legend -----------------------------------------------------------------------------------------------------


def _legend(panels: list[Panel], tones: dict[str, int], language: str, top: float) -> tuple[list[str], float]:
    """One entry for each title, in two columns where all titles are short; and where it ends."""
    entries = {one.title["en"]: one for panel in panels for one in panel.series}
    titles = [one.title[language] for one in entries.values()]
    columns = 2 if all(text_width(t, SIZE) < WIDTH / 2 - 46 for t in titles) else 1
    parts: list[str] = []
    row, bottom = top + 8, top
    for number, (key, one) in enumerate(entries.items()):
        left = 8 + number % columns * WIDTH / 2
        parts += _sample(one, tones[key], left, row)
        lines = wrapped(one.title[language], SIZE, WIDTH / columns - 46)
        parts += [_text(left + 38, row + 4 + k * LINE, line, "start") for k, line in enumerate(lines)]
        bottom = max(bottom, row + LINE * len(lines))
        if (number + 1) % columns == 0:
            row = bottom + 2
    return parts, bottom


def _sample(one: Series | Traces, tone: int, left: float, middle: float) -> list[str]:
    colour, dashes, marker = _look(tone)
    line = f'<path d="M{_number(left)} {_number(middle)}h30" fill="none"{dashes}/>'
    point = f'<g transform="translate({_number(left + 15)} {_number(middle)})">{marker}</g>'
    block = f'<path d="M{_number(left)} {_number(middle - 5)}h30v10h-30z" stroke="none" fill-opacity="{{}}"/>'
    if isinstance(one, Traces):
        drawn = f'<path d="M{_number(left)} {_number(middle)}h30" fill="none"/>'
    else:
        drawn = {
            "line": line,
            "points": point,
            "marked": line + point,
            "bars": block.format(".75"),
            "band": block.format(".2") + line,
        }[one.style]
    return [f'<g stroke="{colour}" fill="{colour}" stroke-width="1.7">{drawn}</g>']
