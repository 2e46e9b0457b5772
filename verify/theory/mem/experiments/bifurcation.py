r"""mem-bifurcation: the noise level below which two modes part.

For half N(m, s^2) and half N(-m, s^2), with v = s^2 + sigma^2, Tweedie's formula gives

    D(x) - x = (sigma^2 / v) (m tanh(m x / v) - x),

so the points that the denoiser keeps are those with x = m tanh(m x / v). The middle is one of them; two more appear
when the slope of the right side at 0 passes 1: m^2 = v, sigma_c = sqrt(m^2 - s^2) (mem.bifurcation). As D - x is
sigma^2 times the score, they are also where the density has its peaks and its valley.

For unequal weights the middle is not kept, and the pitchfork comes apart: two points appear together, off the middle,
at a lower level.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from verify.experiments.experiment import (
    Experiment,
    Measurement,
    Picture,
    Prediction,
    Series,
    Text,
    Wrong,
    experiment,
)
from verify.experiments.oracles.mixture import Mixture
from verify.experiments.statistics import Interval, around, exact, exact_blind

M, S = 0.8, 0.35
LEVELS = (0.3, 0.6, 0.7)
SMALL = 1e-3  # D(h)/h is the slope at 0 up to h^2
MARGIN = 1e-4
CELLS = 1000
REACH = 1.5


def level(m: float, s: float) -> float:
    return math.sqrt(m * m - s * s)


@dataclass(frozen=True)
class Belief:
    """The level said to part the modes, and the weight of the upper mode."""

    level: Callable[[float, float], float] = level
    weight: float = 0.5


def kept_point(sigma: float) -> float:
    """The largest x with x = m tanh(m x / v): iterated from m, which is above it, it falls to it; then Newton."""
    v = S * S + sigma * sigma
    x = M
    for _ in range(4000):
        x = M * math.tanh(M * x / v)
    for _ in range(3):
        t = math.tanh(M * x / v)
        x -= (x - M * t) / (1 - M * M / v * (1 - t * t))
    return x


@experiment(
    name="mem-bifurcation",
    title={
        "en": "Two modes part at the noise level sqrt(m² - s²)",
        "zh": "两个峰在噪声水平 sqrt(m² - s²) 处分开",
    },
    claims=("mem.bifurcation",),
    prediction={
        "en": "For m = 0.8 and s = 0.35 the denoiser's slope in the middle is 1 at sigma = 0.719375; above it keeps "
        "one point, below three.",
        "zh": "m = 0.8、s = 0.35 时，去噪器在中点的斜率于 σ = 0.719375 处等于一；"
        "高于它，去噪器只保持一个点不动，低于它则有三个。",
    },
)
class Bifurcation(Experiment):
    subject = Belief()
    wrong = {
        "no-width": Wrong(
            {"en": "the level m, though the modes have a width", "zh": "峰有宽度，却取 m"},
            Belief(level=lambda m, s: m),
            "level",
        ),
        "twice": Wrong({"en": "the level 2 m", "zh": "取 2m"}, Belief(level=lambda m, s: 2 * m), "level"),
        "variance": Wrong(
            {"en": "m² - s² without its root", "zh": "m² - s² 未开平方"},
            Belief(level=lambda m, s: m * m - s * s),
            "level",
        ),
        "unequal": Wrong(
            {"en": "the same level for weights 0.6 and 0.4", "zh": "权重为 0.6 与 0.4 时仍用同一水平"},
            Belief(weight=0.6),
            "points.below",
        ),
    }

    def predict(self) -> dict[str, Prediction]:
        predictions = {}
        for name, value in self.expect(self.subject).items():
            counted = name.startswith("points")
            margin = around(value, 0.0 if counted else MARGIN)
            blind = margin if counted else exact_blind(margin, self._rounding)
            predictions[name] = Prediction(self._title(name), value, margin, blind, 0.0, "bisection", counted)
        return predictions

    @staticmethod
    def _title(name: str) -> Text:
        kind, _, rest = name.partition(".")
        if kind == "level":
            return {"en": "level of unit slope, less the formula", "zh": "斜率为一的水平减去公式"}
        if kind == "points":
            place = {"below": ("1 % below", "低 1%"), "above": ("1 % above", "高 1%")}[rest]
            return {"en": f"points kept, {place[0]} the level", "zh": f"比该水平{place[1]}时，保持不动的点数"}
        return {"en": f"outer point kept at sigma = {rest}", "zh": f"σ = {rest} 时保持不动的外侧点"}

    def expect(self, subject: Belief) -> dict[str, float]:
        found = {"level": level(M, S) - subject.level(M, S)}
        found |= {"points.below": 3.0 if subject.weight == 0.5 else 1.0, "points.above": 1.0}
        if subject.weight == 0.5:
            found |= {f"kept.{sigma:g}": kept_point(sigma) for sigma in LEVELS}
        return found

    @property
    def _rounding(self) -> float:
        return SMALL**2 + 100 * self.setting.rounding

    def measure(self, subject: Belief) -> Measurement:
        target = self._mixture(subject.weight)
        one = self.setting.tensor([[SMALL]])
        low, high = 0.1, 3.0
        for _ in range(60):
            middle = (low + high) / 2
            rising = float((target.denoise(one, middle) - target.denoise(-one, middle))[0, 0]) > 2 * SMALL
            low, high = (middle, high) if rising else (low, middle)
        intervals: dict[str, Interval] = {"level": exact(low - subject.level(M, S), self._rounding)}
        for name, factor in (("below", 0.99), ("above", 1.01)):
            count = float(len(self._kept(target, factor * level(M, S))))
            intervals[f"points.{name}"] = exact(count, 0.0)
        for sigma in LEVELS:
            intervals[f"kept.{sigma:g}"] = exact(max(self._kept(target, sigma)), self._rounding)
        return Measurement(intervals)

    def _mixture(self, weight: float) -> Mixture:
        values = [weight, 1 - weight], [[M], [-M]], [[S * S], [S * S]]
        return Mixture(*map(self.setting.tensor, values))

    def _kept(self, target: Mixture, sigma: float) -> list[float]:
        """Points with D(x) = x: a change of sign on a grid that does not hold 0, then bisection."""
        grid = torch.linspace(-REACH, REACH, CELLS, dtype=torch.float64, device=self.setting.device)[:, None]

        def above(x: Tensor) -> Tensor:
            return target.denoise(x, sigma) > x

        sign = above(grid)
        crossing = (sign[1:] != sign[:-1])[:, 0]
        low, high, rises = grid[:-1][crossing], grid[1:][crossing], sign[:-1][crossing]
        for _ in range(40):
            middle = (low + high) / 2
            same = above(middle) == rises
            low, high = torch.where(same, middle, low), torch.where(same, high, middle)
        return low[:, 0].tolist()

    def picture(self, measurements: dict[str, Measurement]) -> Picture:
        series = []
        levels = [k / 50 for k in range(2, 61)]
        for tone, (weight, title) in enumerate(
            (
                (0.5, {"en": "equal weights", "zh": "权重相等"}),
                (0.6, {"en": "weights 0.6 and 0.4", "zh": "权重 0.6 与 0.4"}),
            )
        ):
            target = self._mixture(weight)
            branches = [(sigma, x) for sigma in levels for x in self._kept(target, sigma)]
            series.append(Series(title, [b[0] for b in branches], [b[1] for b in branches], "points", tone=tone))
        found = measurements[""].intervals["level"].estimate + level(M, S)
        return Picture(
            title={"en": "Points that the denoiser keeps", "zh": "去噪器保持不动的点"},
            description={
                "en": f"For equal weights one point splits into three at sigma = {found:.4f}: a pitchfork. For weights "
                "0.6 and 0.4 the upper branch goes through, and two points appear below it at a lower level.",
                "zh": f"权重相等时，一个点在 σ = {found:.4f} 处分成三个，形如草叉；"
                "权重为 0.6 与 0.4 时，上支连续，另两个点在更低的水平上一同出现。",
            },
            x_title={"en": "noise level sigma", "zh": "噪声水平 σ"},
            y_title={"en": "x with D(x) = x", "zh": "满足 D(x) = x 的 x"},
            series=series,
        )

    def summary(self, measurement: Measurement) -> Text:
        found = measurement.intervals["level"].estimate + level(M, S)
        outer = [measurement.intervals[f"kept.{sigma:g}"].estimate for sigma in LEVELS]
        listed = ", ".join(f"{x:.4f}" for x in outer)
        sigmas = ", ".join(f"{sigma:g}" for sigma in LEVELS)
        return {
            "en": f"The slope passes 1 at sigma = {found:.6f}; at sigma = {sigmas} the outer points are at {listed}.",
            "zh": f"斜率在 σ = {found:.6f} 处等于一；σ = {sigmas.replace(', ', '、')} 时，外侧的点在 "
            f"{listed.replace(', ', '、')}。",
        }
