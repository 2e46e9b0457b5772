"""Axes of a figure: values to pixels, ticks that fit, and how wide a text will be."""

from __future__ import annotations

import math
from collections.abc import Sequence

SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
MANTISSAS = ((1, 2, 5), (1, 3), (1,))


class Axis:
    """Maps values to pixels from `start` to `end` and chooses ticks."""

    def __init__(self, values: Sequence[float], log: bool, start: float, end: float) -> None:
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

    @property
    def length(self) -> float:
        """In pixels."""
        return abs(self.end - self.start)

    def widen(self, span: float) -> None:
        """Shows a range of length `span` with the same middle."""
        middle = (self.low + self.high) / 2
        self.low, self.high = middle - span / 2, middle + span / 2

    def ticks(self, apart: float) -> list[tuple[float, str]]:
        """(value, label) inside the axis, about `apart` pixels or more from each other."""
        most = max(2, int(self.length / apart))
        return self._log_ticks(most) if self.log else self._linear_ticks(most)

    def _log_ticks(self, most: int) -> list[tuple[float, str]]:
        decades = range(math.floor(self.low), math.ceil(self.high) + 1)
        wide = self.high - self.low > 2.5
        for mantissas in MANTISSAS[-1:] if wide else MANTISSAS:
            values = [(m, k) for k in decades for m in mantissas if self.low <= math.log10(m) + k <= self.high]
            if 2 <= len(values) <= most:
                break
        if wide:
            every = math.ceil(len(values) / most)
            return [(10.0**k, power(k)) for m, k in values if k % every == 0]
        return [(m * 10.0**k, _label(m * 10.0**k)) for m, k in values]

    def _linear_ticks(self, most: int) -> list[tuple[float, str]]:
        raw = (self.high - self.low) / min(most, 6)
        unit = 10.0 ** math.floor(math.log10(raw))
        step = next(m * unit for m in (1, 2, 5, 10) if m * unit >= raw * (1 - 1e-9))
        count = range(math.ceil(self.low / step), math.floor(self.high / step) + 1)
        return [(k * step, _label(round(k * step, 12))) for k in count]


def _label(value: float) -> str:
    """A number in type, with a minus sign as long as a plus."""
    return f"{value:.6g}".replace("-", "−")


def power(k: int) -> str:
    """10 to the k, in type."""
    return {0: "1", 1: "10"}.get(k, "10" + str(k).translate(SUPERSCRIPT))


def text_width(text: str, size: float) -> float:
    """About how many pixels a text takes: Chinese characters are square, Latin ones a little over half as wide."""
    return sum(size if ord(c) > 0x2E80 else 0.56 * size for c in text)


def wrapped(text: str, size: float, room: float) -> list[str]:
    """The text in lines of at most `room` pixels: broken at spaces, and between Chinese characters."""
    pieces: list[str] = []
    for word in text.split(" "):
        pieces.append(" " if pieces else "")
        pieces += list(word) if any(ord(c) > 0x2E80 for c in word) else [word]
    lines = [""]
    for piece in pieces:
        if text_width(lines[-1] + piece, size) > room and lines[-1]:
            lines.append("")
        lines[-1] += piece if lines[-1] else piece.lstrip()
    return lines
