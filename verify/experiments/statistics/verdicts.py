"""Three outcomes: an interval against the margin stated beforehand."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

CONFIRMED, REFUTED, INCONCLUSIVE = "confirmed", "refuted", "inconclusive"
FALSE_ALARM = 1e-9
MISS = 1e-3


@dataclass(frozen=True)
class Interval:
    """low <= estimate <= high, for one number."""

    low: float
    high: float
    estimate: float


@dataclass(frozen=True)
class Span:
    """A range of values, open-ended where infinite: a margin, or what a test does not see."""

    low: float
    high: float


def around(value: float, radius: float) -> Span:
    """value - radius .. value + radius."""
    return Span(value - radius, value + radius)


def verdict(interval: Interval, margin: Span) -> str:
    """confirmed inside the margin, refuted outside it, inconclusive across its edge.

    Refuted too is an interval with a NaN or with its ends exchanged, and an estimate that is not finite: an overflow
    lies inside every margin that is open upwards.
    """
    if not interval.low <= interval.high or not math.isfinite(interval.estimate):
        return REFUTED
    if margin.low <= interval.low and interval.high <= margin.high:
        return CONFIRMED
    if interval.high < margin.low or margin.high < interval.low:
        return REFUTED
    return INCONCLUSIVE


def mean(values: Tensor) -> float:
    """Mean over all elements, summed in float64."""
    return float(values.double().mean())


def exact(value: float, rounding: float) -> Interval:
    """A number that is computed, not sampled: known up to `rounding`."""
    return Interval(value - rounding, value + rounding, value)


def exact_blind(margin: Span, rounding: float) -> Span:
    """Values that `exact` would not refute."""
    return Span(margin.low - 2 * rounding, margin.high + 2 * rounding)
