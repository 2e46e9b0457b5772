"""Intervals for variances, means, differences and proportions that hold at every sample size."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import torch
from torch import Tensor

from verify.experiments.statistics.verdicts import FALSE_ALARM, MISS, Interval, Span

# -- Gaussian outputs -----------------------------------------------------------------------------------------------


@functools.cache
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


def normal_reach(tail: float) -> float:
    """The z with P(N(0, 1) > z) = tail."""
    return -NormalDist().inv_cdf(tail)


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
        return normal_reach(tail) * self.deviation / math.sqrt(self.count)

    def interval(self, estimate: float) -> Interval:
        radius = self._radius(self.false_alarm / 2)
        return Interval(estimate - radius, estimate + radius, estimate)

    def blind(self, margin: Span) -> Span:
        reach = self._radius(self.false_alarm / 2) + self._radius(MISS)
        return Span(margin.low - reach, margin.high + reach)


@dataclass(frozen=True)
class NormalDifference:
    """Interval for the mean of `count` independent Gaussian differences of unknown standard deviation.

    For two linear maps of the same Gaussian latents: their outputs differ by little, so the interval is far narrower
    than that of two separate runs. Half of the false alarm bounds the standard deviation by chi-square, half the mean;
    this holds at every n and is a little wider than Student's interval. `deviation` is what theory gives at most for
    the differences' standard deviation; only `blind` uses it.
    """

    count: int
    deviation: float
    false_alarm: float = FALSE_ALARM

    def _radius(self, deviation: float) -> float:
        degrees = self.count - 1
        largest = deviation * math.sqrt(degrees / chi_square_quantile(self.false_alarm / 2, degrees))
        return normal_reach(self.false_alarm / 4) * largest / math.sqrt(self.count)

    def interval(self, values: Tensor) -> Interval:
        """`values` are the differences; see `paired`."""
        values = values.double()
        estimate, radius = float(values.mean()), self._radius(float(values.std()))
        return Interval(estimate - radius, estimate + radius, estimate)

    def blind(self, margin: Span) -> Span:
        """Means outside are refuted with probability at least 1 - MISS, if the deviation is at most the stated one."""
        degrees = self.count - 1
        spread = self.deviation * math.sqrt(chi_square_quantile(1 - MISS / 2, degrees) / degrees)
        reach = self._radius(spread) + normal_reach(MISS / 2) * self.deviation / math.sqrt(self.count)
        return Span(margin.low - reach, margin.high + reach)


# -- bounded numbers ------------------------------------------------------------------------------------------------


def bernstein_radius(count: int, variance: float, bound: float, tail: float) -> float:
    r"""Two-sided Bernstein radius of a mean: |f - E f| <= bound, known variance, P(beyond) <= tail.

    Solves n r^2 / (2 (variance + bound r / 3)) = log(2/tail) for r.
    """
    log = math.log(2 / tail)
    linear = bound * log / 3
    return (linear + math.sqrt(linear**2 + 2 * count * variance * log)) / count


def empirical_radius(count: int, variance: float, width: float, tail: float) -> float:
    """Two-sided radius of the mean of numbers in a range of length `width`, from the sample's own variance.

    Maurer & Pontil (2009, Theorem 4), applied to both sides with half of `tail` each.
    """
    log = math.log(4 / tail)
    return math.sqrt(2 * variance * log / count) + 7 * width * log / (3 * (count - 1))


def paired(first: Tensor, second: Tensor) -> Tensor:
    """first - second in float64: one difference for each row of common latents, for the laws of means.

    The rows must be independent of each other; the two numbers of a row may depend on each other as they like.
    ValueError when the shapes differ: broadcasting would pair every row with every other.
    """
    if first.shape != second.shape:
        raise ValueError(f"paired samples need the same shape, not {tuple(first.shape)} and {tuple(second.shape)}")
    return first.double() - second.double()


@dataclass(frozen=True)
class BoundedMean:
    """Interval for the mean of independent numbers in a range of length `width` (Maurer & Pontil 2009, Theorem 4).

    The sample's own variance enters, so the interval is narrow where the numbers are small, right version or wrong. A
    sample that spreads over more than `width` breaks the assumption: its interval is NaN, which is refuted.
    """

    count: int
    width: float
    false_alarm: float = FALSE_ALARM

    def interval(self, values: Tensor) -> Interval:
        values = values.double()
        estimate = float(values.mean())
        if not float(values.max() - values.min()) <= self.width * (1 + 1e-5):  # the width holds up to rounding
            return Interval(math.nan, math.nan, estimate)
        radius = empirical_radius(self.count, float(values.var()), self.width, self.false_alarm)
        return Interval(estimate - radius, estimate + radius, estimate)

    def blind(self, margin: Span) -> Span:
        """Means outside are refuted with probability at least 1 - MISS, whatever the law in that range.

        A sample variance is at most n/(n-1) width^2/4, and a mean deviates by Hoeffding's width sqrt(log(2/MISS)/2n).
        """
        most = self.count / (self.count - 1) * self.width**2 / 4
        largest = empirical_radius(self.count, most, self.width, self.false_alarm)
        reach = largest + self.width * math.sqrt(math.log(2 / MISS) / (2 * self.count))
        return Span(margin.low - reach, margin.high + reach)


def relative_entropy(q: float, p: float) -> float:
    """KL(Bernoulli(q) || Bernoulli(p)) in nats."""
    if p in (0.0, 1.0):
        return 0.0 if p == q else math.inf
    one = q * math.log(q / p) if q > 0 else 0.0
    other = (1 - q) * math.log((1 - q) / (1 - p)) if q < 1 else 0.0
    return one + other


def _farthest(near: float, end: float, inside: Callable[[float], bool]) -> float:
    """The point between `near`, which is inside, and `end` where `inside` stops; rounded outwards."""
    if inside(end):
        return end
    for _ in range(60):
        middle = (near + end) / 2
        near, end = (middle, end) if inside(middle) else (near, middle)
    return end


@dataclass(frozen=True)
class Proportion:
    r"""Interval for a probability from `count` independent trials: the p with n KL(estimate || p) <= log(2/alpha).

    Chernoff: P(estimate beyond q) <= exp(-n KL(q || p)) on each side, for every n and p. At 1e-9 it is within a few
    per cent of the exact binomial interval and needs no tables.
    """

    count: int
    false_alarm: float = FALSE_ALARM

    def interval(self, estimate: float) -> Interval:
        """`estimate` is the share of successes."""
        if math.isnan(estimate):
            return Interval(math.nan, math.nan, estimate)
        most = math.log(2 / self.false_alarm) / self.count
        low, high = (_farthest(estimate, end, lambda p: relative_entropy(estimate, p) <= most) for end in (0.0, 1.0))
        return Interval(low, high, estimate)

    def blind(self, margin: Span) -> Span:
        """Probabilities outside are refuted with probability at least 1 - MISS.

        From each edge of the margin: the last estimate whose interval still touches it, then the last probability
        which leaves such an estimate too likely.
        """
        alarm, miss = math.log(2 / self.false_alarm) / self.count, math.log(1 / MISS) / self.count

        def reach(edge: float, end: float) -> float:
            edge = min(max(edge, 0.0), 1.0)
            estimate = _farthest(edge, end, lambda q: relative_entropy(q, edge) <= alarm)
            return _farthest(estimate, end, lambda p: relative_entropy(estimate, p) <= miss)

        low, high = reach(margin.low, 0.0), reach(margin.high, 1.0)
        return Span(-math.inf if low == 0.0 else low, math.inf if high == 1.0 else high)
