r"""Verdicts with known error rates: intervals that hold at every sample size, and three outcomes.

An estimand is `confirmed` when its interval lies inside the margin stated beforehand, `refuted` when it lies outside,
`inconclusive` otherwise. "Not rejected" is never a pass, and NaN is refuted. Every sampling interval covers the truth
except with probability FALSE_ALARM; every law also gives the values that it would refute except with probability MISS.
Sums are taken in float64: one float32 sum over 10^6 rows turns a 1e-9 test into a 4 % one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import torch
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
    """confirmed inside the margin, refuted outside it or NaN, inconclusive across its edge."""
    if math.isnan(interval.low) or math.isnan(interval.high):
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


# -- moments of Gaussian outputs ------------------------------------------------------------------------------------


def chi_square_quantile(p: float, degrees: int) -> float:
    """The q with P(chi^2 <= q) = p, by bisection on the regularised incomplete gamma function, in float64."""
    shape = torch.tensor(degrees / 2, dtype=torch.float64)

    def below(q: float) -> bool:
        half = torch.tensor(q / 2, dtype=torch.float64)
        if p < 0.5:
            return float(torch.special.gammainc(shape, half)) < p
        return float(torch.special.gammaincc(shape, half)) > 1 - p

    low, high = 0.0, 2.0 * degrees + 200.0
    while high - low > 1e-13 * high:
        middle = 0.5 * (low + high)
        low, high = (middle, high) if below(middle) else (low, middle)
    return 0.5 * (low + high)


@dataclass(frozen=True)
class ChiSquare:
    """Exact interval for a variance (about a known mean) from `degrees` independent Gaussian numbers."""

    degrees: int
    false_alarm: float = FALSE_ALARM

    def _quantiles(self, tail: float) -> tuple[float, float]:
        lower, upper = chi_square_quantile(tail, self.degrees), chi_square_quantile(1 - tail, self.degrees)
        return lower / self.degrees, upper / self.degrees

    def interval(self, variance: float) -> Interval:
        """`variance` is the mean square."""
        lower, upper = self._quantiles(self.false_alarm / 2)
        return Interval(variance / upper, variance / lower, variance)

    def blind(self, margin: Span) -> Span:
        """Variances outside this span are refuted with probability at least 1 - MISS."""
        lower, upper = self._quantiles(self.false_alarm / 2)
        rare, common = self._quantiles(MISS)
        return Span(margin.low * lower / common, margin.high * upper / rare)


@dataclass(frozen=True)
class NoncentralSquare:
    r"""Interval for the mean square T/n of n independent numbers N(m_i, v), for unknown means m_i.

    T/v is noncentral chi^2 with n degrees and noncentrality B. Birge (2001, Lemma 8.1):
    P(T/v >= n + B + 2 sqrt((n + 2B) x) + 2x) and P(T/v <= n + B - 2 sqrt((n + 2B) x)) are at most exp(-x).
    Relative to E T = v (n + B) both radii are largest at B = 0, which gives one bound for all m_i.
    """

    count: int
    false_alarm: float = FALSE_ALARM

    def _factors(self, tail: float) -> tuple[float, float]:
        x = math.log(1 / tail) / self.count
        return 1 - 2 * math.sqrt(x), 1 + 2 * math.sqrt(x) + 2 * x

    def interval(self, mean_square: float) -> Interval:
        lower, upper = self._factors(self.false_alarm / 2)
        return Interval(mean_square / upper, mean_square / lower, mean_square)

    def blind(self, margin: Span) -> Span:
        """Mean squares outside this span are refuted with probability at least 1 - MISS."""
        lower, upper = self._factors(self.false_alarm / 2)
        rare, common = self._factors(MISS)
        return Span(margin.low * lower / common, margin.high * upper / rare)


@dataclass(frozen=True)
class NormalMean:
    """Exact interval for the mean of `count` independent Gaussian numbers of known standard deviation."""

    count: int
    deviation: float
    false_alarm: float = FALSE_ALARM

    def _radius(self, tail: float) -> float:
        return -NormalDist().inv_cdf(tail) * self.deviation / math.sqrt(self.count)

    def interval(self, estimate: float) -> Interval:
        radius = self._radius(self.false_alarm / 2)
        return Interval(estimate - radius, estimate + radius, estimate)

    def blind(self, margin: Span) -> Span:
        reach = self._radius(self.false_alarm / 2) + self._radius(MISS)
        return Span(margin.low - reach, margin.high + reach)


# -- means of bounded numbers ---------------------------------------------------------------------------------------


def bernstein_radius(count: int, variance: float, bound: float, tail: float) -> float:
    r"""Two-sided Bernstein radius of a mean: |f - E f| <= bound, known variance, P(beyond) <= tail.

    Solves n r^2 / (2 (variance + bound r / 3)) = log(2/tail) for r.
    """
    log = math.log(2 / tail)
    linear = bound * log / 3
    return (linear + math.sqrt(linear**2 + 2 * count * variance * log)) / count


@dataclass(frozen=True)
class BoundedMean:
    """Interval for the mean of independent numbers in a range of length `width` (Maurer & Pontil 2009, Theorem 4).

    The sample's own variance enters, so the interval is narrow where the numbers are small, right version or wrong.
    """

    count: int
    width: float
    false_alarm: float = FALSE_ALARM

    def _radius(self, variance: float) -> float:
        log = math.log(4 / self.false_alarm)
        return math.sqrt(2 * variance * log / self.count) + 7 * self.width * log / (3 * (self.count - 1))

    def interval(self, values: Tensor) -> Interval:
        values = values.double()
        estimate, radius = float(values.mean()), self._radius(float(values.var()))
        return Interval(estimate - radius, estimate + radius, estimate)

    def blind(self, margin: Span) -> Span:
        """Means outside are refuted with probability at least 1 - MISS, whatever the law in that range.

        A sample variance is at most n/(n-1) width^2/4, and a mean deviates by Hoeffding's width sqrt(log(2/MISS)/2n).
        """
        largest = self._radius(self.count / (self.count - 1) * self.width**2 / 4)
        reach = largest + self.width * math.sqrt(math.log(2 / MISS) / (2 * self.count))
        return Span(margin.low - reach, margin.high + reach)


@dataclass(frozen=True)
class CharacteristicFunction:
    r"""Largest deviation of the empirical characteristic function from a known law's.

    frequencies (M, d); `law` and `doubled` are the law's characteristic function at w and 2w. cos(w.x) and sin(w.x)
    have means Re phi(w), Im phi(w) and variances (1 + Re phi(2w))/2 - (Re phi(w))^2 and (1 - Re phi(2w))/2 -
    (Im phi(w))^2, so each of the 2M means obeys Bernstein's bound with the false alarm shared among them. A sample
    of the law leaves the interval's low end above 0 with probability at most `false_alarm`.
    """

    frequencies: Tensor
    law: Tensor
    doubled: Tensor
    count: int
    false_alarm: float = FALSE_ALARM

    def _radii(self, tail: float) -> Tensor:
        cosine = (1 + self.doubled.real) / 2 - self.law.real**2
        sine = (1 - self.doubled.real) / 2 - self.law.imag**2
        share = tail / (2 * len(self.frequencies))
        radii = [bernstein_radius(self.count, max(float(v), 0.0), 2.0, share) for v in torch.cat([cosine, sine])]
        return torch.tensor(radii, dtype=torch.float64)

    def interval(self, x: Tensor) -> Interval:
        means = torch.zeros(2, len(self.frequencies), dtype=torch.float64, device=x.device)
        for number, frequency in enumerate(self.frequencies):
            phase = x @ frequency.to(x)
            means[0, number], means[1, number] = phase.cos().double().mean(), phase.sin().double().mean()
        deviation = (means.cpu().reshape(-1) - torch.cat([self.law.real, self.law.imag]).cpu()).abs()
        radii = self._radii(self.false_alarm)
        low, high = (deviation - radii).max(), (deviation + radii).max()
        return Interval(float(low), float(high), float(deviation.max()))

    def distance(self, other: Tensor) -> float:
        """Largest |Re| or |Im| difference between this law and another characteristic function."""
        difference = other - self.law
        return float(torch.maximum(difference.real.abs(), difference.imag.abs()).max())

    def blind(self, margin: Span) -> Span:
        """Distances above are refuted with probability at least 1 - MISS, whatever the other law.

        The other law's means deviate by at most the Bernstein radius at variance 1, which no cosine exceeds.
        """
        other = bernstein_radius(self.count, 1.0, 2.0, MISS)
        return Span(-math.inf, margin.high + float(self._radii(self.false_alarm).max()) + other)


# -- convergence orders ---------------------------------------------------------------------------------------------


def order_interval(sizes: Sequence[float], errors: Sequence[float], floor: float) -> Interval:
    """The order p in error ~ size^p, from refining sizes: the last local order, with an interval from its drift.

    Local orders are p + O(size), so on halving sizes the remaining bias is about the last change; three times the
    larger of the last change and half the one before bounds it. Levels within 200 roundings (`floor`) of zero are
    dropped; fewer than four levels, or an error that is not finite, give NaN, which is refuted.
    """
    kept = [(s, e) for s, e in zip(sizes, errors, strict=True) if not e <= 200 * floor]
    if len(kept) < 4 or not all(math.isfinite(e) for _, e in kept):
        return Interval(math.nan, math.nan, math.nan)
    local = [math.log(e / f) / math.log(s / t) for (s, e), (t, f) in zip(kept[:-1], kept[1:], strict=True)]
    width = 3 * max(abs(local[-1] - local[-2]), 0.5 * abs(local[-2] - local[-3]), 0.01)
    return Interval(local[-1] - width, local[-1] + width, local[-1])
