"""Small SVG figures: lines, points and intervals on linear or logarithmic axes.

Axes and text use `currentColor`, so a figure placed inline in a page follows its light or dark theme; curves use
middle tones that stand out on both and differ in dash and marker as well as in colour. Every figure carries a title
and a description for those who do not see it.
"""

from __future__ import annotations

import math
from html import escape

from verify.experiments.experiment import Picture, Series

WIDTH, PLOT_HEIGHT = 640, 340
LEFT, RIGHT, TOP, BOTTOM = 74, 16, 12, 46
LEGEND_ROW = 18
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
SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class Axis:
    """Maps values to pixels and chooses ticks."""

    def __init__(self, values: list[float], log: bool, start: float, end: float) -> None:
        shown = [v for v in values if math.isfinite(v) and (v > 0 or not log)]
        if not shown:
            raise ValueError("a figure needs at least one finite value on each axis")
        self.log, self.start, self.end = log, start, end
        low, high = self._scale(min(shown)), self._scale(max(shown))
        pad = 0.04 * (high - low) or 0.5
        self.low, self.high = low - pad, high + pad

    def _scale(self, value: float) -> float:
        return math.log10(value) if self.log else value

    def shows(self, value: float) -> bool:
        return math.isfinite(value) and (value > 0 or not self.log)

    def __call__(self, value: float) -> float:
        return self.start + (self._scale(value) - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self) -> list[tuple[float, str]]:
        """(value, label) inside the axis."""
        if self.log and self.high - self.low > 2.5:
            every = max(1, math.ceil((self.high - self.low) / 8))
            decades = range(math.ceil(self.low), math.floor(self.high) + 1)
            return [(10.0**k, power(k)) for k in decades if k % every == 0]
        if self.log:
            decades = range(math.floor(self.low), math.ceil(self.high) + 1)
            values = [m * 10.0**k for k in decades for m in (1, 2, 5)]
            return [(v, f"{v:.4g}") for v in values if self.low <= math.log10(v) <= self.high]
        raw = (self.high - self.low) / 6
        unit = 10.0 ** math.floor(math.log10(raw))
        step = next(m * unit for m in (1, 2, 5, 10) if m * unit >= raw)
        count = range(math.ceil(self.low / step), math.floor(self.high / step) + 1)
        return [(k * step, f"{round(k * step, 12):.6g}") for k in count]


def power(k: int) -> str:
    """10 to the k, in type."""
    return {0: "1", 1: "10"}.get(k, "10" + str(k).translate(SUPERSCRIPT))


def _number(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")


def _text(x: float, y: float, content: str, anchor: str = "middle", extra: str = "") -> str:
    place = f'x="{_number(x)}" y="{_number(y)}" text-anchor="{anchor}"'
    return f"<text {place}{extra}>{escape(content)}</text>"


def _frame(picture: Picture, language: str, x: Axis, y: Axis) -> list[str]:
    floor, right = PLOT_HEIGHT - BOTTOM, WIDTH - RIGHT
    parts = [f'<path class="axis" d="M{LEFT} {TOP}V{floor}H{right}" fill="none" stroke="currentColor"/>']
    for value, label in x.ticks():
        at = _number(x(value))
        parts.append(f'<path d="M{at} {TOP}V{floor}" stroke="currentColor" stroke-opacity=".13"/>')
        parts.append(_text(x(value), floor + 17, label))
    for value, label in y.ticks():
        at = _number(y(value))
        parts.append(f'<path d="M{LEFT} {at}H{right}" stroke="currentColor" stroke-opacity=".13"/>')
        parts.append(_text(LEFT - 8, y(value) + 4, label, "end"))
    middle = (TOP + floor) / 2
    parts.append(_text((LEFT + right) / 2, floor + 37, picture.x_title[language]))
    turn = f' transform="rotate(-90 16 {_number(middle)})"'
    parts.append(_text(16, middle, picture.y_title[language], extra=turn))
    return parts


def _look(series: Series, number: int) -> tuple[str, str, str]:
    """Colour, dash and marker of the number-th series."""
    tone = number if series.tone is None else series.tone
    return COLOURS[tone % len(COLOURS)], DASHES[tone % len(DASHES)], MARKERS[tone % len(MARKERS)]


def _curve(series: Series, number: int, x: Axis, y: Axis) -> list[str]:
    colour, dash, marker = _look(series, number)
    points = [(x(a), y(b)) for a, b in zip(series.x, series.y, strict=True) if x.shows(a) and y.shows(b)]
    parts = [f'<g stroke="{colour}" fill="{colour}" stroke-width="1.7">']
    if series.style != "points":
        path = "L".join(f"{_number(a)} {_number(b)}" for a, b in points)
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        parts.append(f'<path d="M{path}" fill="none"{dashes}/>')
    if series.style != "line":
        for a, low, high in zip(series.x, series.low, series.high, strict=False):
            if x.shows(a) and y.shows(low) and y.shows(high):
                parts.append(f'<path d="M{_number(x(a))} {_number(y(low))}V{_number(y(high))}"/>')
        parts += [f'<g transform="translate({_number(a)} {_number(b)})">{marker}</g>' for a, b in points]
    return [*parts, "</g>"]


def _legend(series: list[Series], language: str) -> list[str]:
    parts = []
    for number, one in enumerate(series):
        column, row = number % 2, number // 2
        left, top = LEFT + column * (WIDTH - LEFT - RIGHT) / 2, PLOT_HEIGHT + 10 + row * LEGEND_ROW
        colour, dash, marker = _look(one, number)
        sample = ""
        if one.style != "points":
            dashes = f' stroke-dasharray="{dash}"' if dash else ""
            sample = f'<path d="M{_number(left)} {top}h30" fill="none"{dashes}/>'
        if one.style != "line":
            sample += f'<g transform="translate({_number(left + 15)} {top})">{marker}</g>'
        parts.append(f'<g stroke="{colour}" fill="{colour}" stroke-width="1.7">{sample}</g>')
        parts.append(_text(left + 38, top + 4, one.title[language], "start"))
    return parts


def draw(picture: Picture, language: str, identity: str) -> str:
    """The SVG of a picture in one language; `identity` makes its ids unique on a page with several figures."""
    x = Axis([v for s in picture.series for v in s.x], picture.x_log, LEFT, WIDTH - RIGHT)
    heights = [v for s in picture.series for v in (*s.y, *s.low, *s.high)]
    y = Axis(heights, picture.y_log, PLOT_HEIGHT - BOTTOM, TOP)
    height = PLOT_HEIGHT + 6 + LEGEND_ROW * math.ceil(len(picture.series) / 2)
    name = "".join(c if c.isalnum() else "-" for c in f"{identity}-{language}")
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" lang="{language}" '
        f'aria-labelledby="{name}-title {name}-description" font-size="13" fill="currentColor" '
        'font-family="inherit" style="max-width:100%;height:auto">',
        f'<title id="{name}-title">{escape(picture.title[language])}</title>',
        f'<desc id="{name}-description">{escape(picture.description[language])}</desc>',
        *_frame(picture, language, x, y),
        *(part for number, one in enumerate(picture.series) for part in _curve(one, number, x, y)),
        *_legend(picture.series, language),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"
