"""How many samples a check needs, before anything is drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from verify.experiments.statistics.verdicts import Span


class Law(Protocol):
    """What a law offers: the values that it would miss."""

    def blind(self, margin: Span) -> Span: ...


def needed(law: Callable[[int], Law], margin: Span, value: float, most: int = 10**9) -> int:
    """The smallest sample that refutes `value` with probability at least 1 - MISS.

    `law` makes the law from a sample size, e.g. `lambda n: ChiSquare(n, share)`; its blind span shrinks to the margin
    as n grows. ValueError for a value inside the margin, which no sample refutes, or beyond `most`.
    """
    if margin.low <= value <= margin.high:
        raise ValueError(f"{value:g} lies inside the margin [{margin.low:g}, {margin.high:g}]: no sample refutes it")

    def sees(count: int) -> bool:
        blind = law(count).blind(margin)
        return not blind.low <= value <= blind.high

    low, high = 1, 2
    while not sees(high):
        if high > most:
            raise ValueError(f"{value:g} would need more than {most} samples; widen its distance from the margin")
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if sees(middle) else (middle, high)
    return high


def plan(law: Callable[[int], Law], margin: Span, wrong: Mapping[str, float]) -> dict[str, int]:
    """The sample that each wrong variant needs, by name; the largest serves them all."""
    return {name: needed(law, margin, value) for name, value in wrong.items()}
