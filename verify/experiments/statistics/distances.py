"""Distances between a sample and a law known in closed form: characteristic functions, and cdfs of projections."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from verify.experiments.latents import Latents
from verify.experiments.statistics.moments import bernstein_radius, empirical_radius
from verify.experiments.statistics.verdicts import FALSE_ALARM, MISS, Interval, Span

Cdf = Callable[[Tensor], Tensor]


def frequencies(spread: Sequence[float], count: int, finest: float = 1.0, seed: int = 0) -> Tensor:
    r"""(count, d) frequencies at which two laws of standard deviations `spread` (d numbers) are told apart.

    A frequency w in a direction along which the law has deviation s sees a shift best at s |w| = 1 and a change of
    scale best at sqrt(2); features `finest` times narrower than the law need up to 1/finest more. So s |w| runs
    geometrically from 1/2 to 2/finest. The directions are the axes first, each at every size in turn, as far as half
    of `count` goes, then random ones, so that no correlation between axes is overlooked.
    """
    if not 0 < finest <= 1 or count < 1 or min(spread) <= 0:
        raise ValueError("frequencies need positive deviations, at least one frequency and 0 < finest <= 1")
    scale = torch.tensor(list(spread), dtype=torch.float64)
    dimensions = len(scale)
    directions = Latents(seed).normal("statistics.frequencies", count, dimensions)
    axes = min(count if dimensions == 1 else count // 2, count)
    directions[:axes] = torch.eye(dimensions, dtype=torch.float64)[torch.arange(axes) % dimensions]
    place = torch.cat([torch.arange(axes) // dimensions, torch.arange(count - axes)]).double()
    last = torch.cat([torch.full((axes,), (axes - 1) // dimensions), torch.full((count - axes,), count - axes - 1)])
    reach = (4 / finest) ** (place / last.clamp_min(1)) / 2
    return directions * (reach / (directions * scale).norm(dim=1))[:, None]


@dataclass(frozen=True)
class CharacteristicFunction:
    r"""Largest deviation of the empirical characteristic function from a known law's.

    frequencies (M, d); `law` and `doubled` are the law's characteristic function at w and 2w. cos(w.x) and sin(w.x)
    have means Re phi(w), Im phi(w) and variances (1 + Re phi(2w))/2 - (Re phi(w))^2 and (1 - Re phi(2w))/2 -
    (Im phi(w))^2, so each of the 2M means obeys Bernstein's bound with the false alarm shared among them. A sample
    of the law leaves the interval's low end above 0 with probability at most `false_alarm`. The high end takes the
    sample's own variances instead: it covers the distance of every law, so that what is confirmed is close.
    """

    frequencies: Tensor
    law: Tensor
    doubled: Tensor
    count: int
    false_alarm: float = FALSE_ALARM

    @classmethod
    def of(
        cls, characteristic: Cdf, frequencies: Tensor, count: int, false_alarm: float = FALSE_ALARM
    ) -> CharacteristicFunction:
        """From a law's characteristic function: (M, d) frequencies -> (M,) complex."""
        return cls(frequencies, characteristic(frequencies), characteristic(2 * frequencies), count, false_alarm)

    @property
    def _share(self) -> float:
        return self.false_alarm / (2 * len(self.frequencies))

    def _radii(self) -> Tensor:
        """Bernstein's, for cosines and then sines of the law itself."""
        cosine = (1 + self.doubled.real) / 2 - self.law.real**2
        sine = (1 - self.doubled.real) / 2 - self.law.imag**2
        variances = torch.cat([cosine, sine]).clamp_min(0).tolist()
        return torch.tensor([bernstein_radius(self.count, v, 2.0, self._share) for v in variances], dtype=torch.float64)

    def interval(self, x: Tensor) -> Interval:
        """x (count, d). Sums are taken in float64; one pass over x for each frequency."""
        means, variances = (torch.zeros(2, len(self.frequencies), dtype=torch.float64, device=x.device) for _ in "mv")
        for number, frequency in enumerate(self.frequencies):
            phase = x @ frequency.to(x)
            for row, wave in enumerate((phase.cos(), phase.sin())):
                variances[row, number], means[row, number] = torch.var_mean(wave.double())
        deviation = (means.cpu().reshape(-1) - torch.cat([self.law.real, self.law.imag]).cpu()).abs()
        own = [empirical_radius(self.count, v, 2.0, self._share) for v in variances.reshape(-1).tolist()]
        low = (deviation - self._radii()).max()
        high = (deviation + torch.tensor(own, dtype=torch.float64)).max()
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
        return Span(-math.inf, margin.high + float(self._radii().max()) + other)


def massart_radius(count: int, tail: float) -> float:
    """P(sup |empirical cdf - cdf| > radius) <= tail for every n and every law (Massart 1990)."""
    return math.sqrt(math.log(2 / tail) / (2 * count))


@dataclass(frozen=True)
class KolmogorovSmirnov:
    r"""Largest distance between the empirical cdf of v.x and a known continuous cdf, over several directions v.

    directions (P, d), one cdf for each. Dvoretzky-Kiefer-Wolfowitz with Massart's constant bounds |F_n - F| for
    whatever law F the sample has, so by the triangle inequality the interval covers the distance of right and wrong
    versions alike; the false alarm is shared among the directions.
    """

    directions: Tensor
    cdfs: Sequence[Cdf]
    count: int
    false_alarm: float = FALSE_ALARM

    def interval(self, x: Tensor) -> Interval:
        """x (count, d)."""
        radius = massart_radius(self.count, self.false_alarm / len(self.cdfs))
        steps = torch.arange(self.count + 1, dtype=torch.float64, device=x.device) / self.count
        gaps = []
        for direction, cdf in zip(self.directions, self.cdfs, strict=True):
            u = cdf((x @ direction.to(x)).double().sort().values)
            gaps.append(torch.maximum((steps[1:] - u).max(), (u - steps[:-1]).max()))
        largest = float(torch.stack(gaps).max())
        return Interval(largest - radius, largest + radius, largest)

    def distance(self, others: Sequence[Cdf], grid: Tensor) -> float:
        """Largest difference to other cdfs on a grid: at most the distance itself, so that power is not oversold."""
        pairs = zip(self.cdfs, others, strict=True)
        return max(float((cdf(grid) - other(grid)).abs().max()) for cdf, other in pairs)

    def blind(self, margin: Span) -> Span:
        """Distances above are refuted with probability at least 1 - MISS, whatever the other law."""
        alarm = massart_radius(self.count, self.false_alarm / len(self.cdfs))
        return Span(-math.inf, margin.high + alarm + massart_radius(self.count, MISS))
