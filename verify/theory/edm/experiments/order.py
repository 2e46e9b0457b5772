r"""edm-order: Heun's method has order 2 and Euler's order 1 on the probability-flow ODE.

Two targets whose flow is known without any solver. On a Gaussian of standard deviation s the flow is a scaling,
x(sigma') = x(sigma) sqrt((s^2 + sigma'^2) / (s^2 + sigma^2)). In one dimension every flow keeps each point's quantile,
F(x(sigma'); sigma') = F(x(sigma); sigma), so a mixture's reference is the inverse of a known distribution function.

A method of order p leaves O(h^p) over a fixed span and O(h^(p+1)) in one step from an exact point. The second, local
order is measured too, because a global order alone is blind to errors that telescope.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from verify.experiments.arithmetic import stated_order
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
from verify.experiments.grids import karras
from verify.experiments.oracles import Gaussian, Mixture
from verify.experiments.samplers import Denoise, euler, heun
from verify.experiments.statistics import Interval, order_interval
from verify.experiments.targets import two_bumps

Sampler = Callable[[Denoise, Tensor, Sequence[float]], Tensor]

SIGMA_MAX, SIGMA_MIN, RHO = 10.0, 0.2, 7.0
STEPS = (16, 32, 64, 128, 256, 512)
LOCAL_SIGMA, LOCAL_SIZES = 1.6, tuple(0.8 / 2 ** (k / 2) for k in range(12))
POINTS = 256
MARGIN = 0.25
# An interval wider than the margin is inconclusive; a wrong order is a whole number away.


@dataclass(frozen=True)
class Solvers:
    """The two samplers, claimed to have orders 1 and 2; `orders` is what theory gives for what stands here."""

    euler: Sampler = euler
    heun: Sampler = heun
    orders: tuple[int, int] = (1, 2)


def slopes(corrector: Callable[..., Tensor]) -> Sampler:
    """A two-slope method written with x, the predicted y, the first slope d and the levels t -> after."""

    def sampler(denoise: Denoise, x: Tensor, sigmas: Sequence[float]) -> Tensor:
        for t, after in zip(sigmas[:-1], sigmas[1:], strict=True):
            d = (x - denoise(x, t)) / t
            x = corrector(denoise, x, x + (after - t) * d, d, t, after)
        return x

    return sampler


def old_level(denoise: Denoise, x: Tensor, y: Tensor, d: Tensor, t: float, after: float) -> Tensor:
    return x + (after - t) * (d + (y - denoise(y, t)) / t) / 2


def old_point(denoise: Denoise, x: Tensor, y: Tensor, d: Tensor, t: float, after: float) -> Tensor:
    return x + (after - t) * (d + (x - denoise(x, after)) / after) / 2


def no_half(denoise: Denoise, x: Tensor, y: Tensor, d: Tensor, t: float, after: float) -> Tensor:
    return x + (after - t) * (d + (y - denoise(y, after)) / after)


def old_divisor(denoise: Denoise, x: Tensor, y: Tensor, d: Tensor, t: float, after: float) -> Tensor:
    return x + (after - t) * (d + (y - denoise(y, after)) / t) / 2


def half_correction(denoise: Denoise, x: Tensor, y: Tensor, d: Tensor, t: float, after: float) -> Tensor:
    return y + (after - t) * ((y - denoise(y, after)) / after - d) / 4


def quantile(target: Mixture, level: Tensor, sigma: float) -> Tensor:
    """The x (B, 1) with cdf(x; sigma) = level, by bisection down to neighbouring floats."""
    reach = target.means.abs().max() + 12 * (target.variances.max() + sigma**2).sqrt()
    low, high = torch.zeros_like(level) - reach, torch.zeros_like(level) + reach
    for _ in range(64):
        middle = (low + high) / 2
        below = target.cdf(middle, sigma) < level
        low, high = torch.where(below, middle, low), torch.where(below, high, middle)
    return (low + high) / 2


@experiment(
    name="edm-order",
    title={
        "en": "Heun's method has order 2, Euler's order 1",
        "zh": "Heun 方法为二阶，Euler 方法为一阶",
    },
    claims=("edm.heun-algorithm",),
    prediction={
        "en": "Doubling the number of steps divides Euler's error by 2 and Heun's by 4; one step from an exact point "
        "errs like the second and the third power of its length.",
        "zh": "步数加倍时，Euler 的误差减为二分之一，Heun 的误差减为四分之一；"
        "从精确点出发走一步，误差分别与步长的二次方和三次方成正比。",
    },
)
class Order(Experiment):
    subject = Solvers()
    wrong = {
        "old-level": Wrong(
            {
                "en": "Heun's second slope taken at the old noise level",
                "zh": "Heun 的第二个斜率取在旧的噪声水平上",
            },
            replace(Solvers(), heun=slopes(old_level), orders=(1, 1)),
            "heun.mixture",
        ),
        "old-point": Wrong(
            {"en": "Heun's second slope taken at the old point", "zh": "Heun 的第二个斜率取在旧的点上"},
            replace(Solvers(), heun=slopes(old_point), orders=(1, 1)),
            "heun.mixture",
        ),
        "no-half": Wrong(
            {"en": "the two slopes added, not averaged", "zh": "两个斜率相加而不取平均"},
            replace(Solvers(), heun=slopes(no_half), orders=(1, 0)),
            "heun.mixture",
        ),
        "old-divisor": Wrong(
            {"en": "the second slope divided by the old sigma", "zh": "第二个斜率除以旧的 σ"},
            replace(Solvers(), heun=slopes(old_divisor), orders=(1, 1)),
            "heun.local",
        ),
        "half-correction": Wrong(
            {"en": "only half of the correction applied", "zh": "只加了一半的修正"},
            replace(Solvers(), heun=slopes(half_correction), orders=(1, 1)),
            "heun.local",
        ),
        "euler-order-2": Wrong(
            {"en": "Euler's method said to have order 2", "zh": "声称 Euler 方法为二阶"},
            Solvers(heun=euler, orders=(1, 1)),
            "heun.mixture",
        ),
        "heun-order-1": Wrong(
            {"en": "Heun's method said to have order 1", "zh": "声称 Heun 方法为一阶"},
            Solvers(euler=heun, orders=(2, 2)),
            "euler.mixture",
        ),
    }

    def predict(self) -> dict[str, Prediction]:
        where = {
            "mixture": {"en": "global order on a mixture", "zh": "在高斯混合上的整体阶"},
            "gaussian": {"en": "global order on a Gaussian", "zh": "在高斯上的整体阶"},
            "local": {"en": "order of one step from an exact point", "zh": "从精确点走一步的阶"},
        }
        expected = self.expect(self.subject)
        return {
            f"{method}.{place}": stated_order(
                {language: f"{name}: {text}" for language, text in words.items()}, expected[f"{method}.{place}"], MARGIN
            )
            for (method, name) in (("euler", "Euler"), ("heun", "Heun"))
            for place, words in where.items()
        }

    def expect(self, subject: Solvers) -> dict[str, float]:
        return {
            f"{method}.{place}": float(order + (place == "local"))
            for method, order in zip(("euler", "heun"), subject.orders, strict=True)
            for place in ("mixture", "gaussian", "local")
        }

    def measure(self, subject: Solvers) -> Measurement:
        intervals: dict[str, Interval] = {}
        traces = {}
        for method, sampler in (("euler", subject.euler), ("heun", subject.heun)):
            for place, errors in (
                ("mixture", self._mixture_errors(sampler)),
                ("gaussian", self._gaussian_errors(sampler)),
                ("local", self._local_errors(sampler)),
            ):
                sizes = LOCAL_SIZES if place == "local" else [1 / n for n in STEPS]
                intervals[f"{method}.{place}"] = order_interval(sizes, errors, self.setting.rounding)
                traces[f"{method}.{place}"] = errors
        return Measurement(intervals, traces)

    def _mixture(self, dtype: torch.dtype) -> Mixture:
        return two_bumps(self.setting.device, dtype)

    def _error(self, sampler: Sampler, denoise: Denoise, x: Tensor, truth: Tensor, grid: list[float]) -> float:
        """Root mean square distance to the truth (float64) of a run in the setting's dtype."""
        out = sampler(denoise, x.to(self.setting.dtype), grid)
        return float((out.double() - truth).square().mean().sqrt())

    @cached_property
    def _exact(self) -> dict[float, Tensor]:
        """The points at every noise level that is needed: the same quantiles, hence one trajectory each. Float64."""
        reference = self._mixture(torch.float64)
        level = 0.02 + 0.96 * self.setting.latents.uniform("order.quantiles", POINTS)[:, None]
        local = [LOCAL_SIGMA * math.exp(-size) for size in LOCAL_SIZES]
        return {sigma: quantile(reference, level, sigma) for sigma in (SIGMA_MAX, SIGMA_MIN, LOCAL_SIGMA, *local)}

    def _mixture_errors(self, sampler: Sampler) -> list[float]:
        denoise = self._mixture(self.setting.dtype).denoise
        start, truth = self._exact[SIGMA_MAX], self._exact[SIGMA_MIN]
        grids = (karras(n + 1, SIGMA_MIN, SIGMA_MAX, RHO, to_zero=False) for n in STEPS)
        return [self._error(sampler, denoise, start, truth, grid) for grid in grids]

    def _gaussian_errors(self, sampler: Sampler) -> list[float]:
        deviation = self.setting.tensor([1.0, 0.5, 0.2, 0.1])
        target = Gaussian(torch.zeros_like(deviation), deviation**2)
        start = SIGMA_MAX * self.setting.latents.normal("order.start", POINTS, 4)
        square = deviation.double() ** 2
        truth = start.double() * ((square + SIGMA_MIN**2) / (square + SIGMA_MAX**2)).sqrt()
        grids = (karras(n + 1, SIGMA_MIN, SIGMA_MAX, RHO, to_zero=False) for n in STEPS)
        return [self._error(sampler, target.denoise, start, truth, grid) for grid in grids]

    def _local_errors(self, sampler: Sampler) -> list[float]:
        denoise, start = self._mixture(self.setting.dtype).denoise, self._exact[LOCAL_SIGMA]
        levels = (LOCAL_SIGMA * math.exp(-size) for size in LOCAL_SIZES)
        return [self._error(sampler, denoise, start, self._exact[after], [LOCAL_SIGMA, after]) for after in levels]

    def picture(self, measurements: dict[str, Measurement]) -> Picture:
        traces = measurements[""].traces
        series = []
        for method, name, order in (("euler", "Euler", 1), ("heun", "Heun", 2)):
            errors = traces[f"{method}.mixture"]
            guide = [errors[-1] * (STEPS[-1] / n) ** order for n in STEPS]
            series.append(Series({"en": name, "zh": name}, list(STEPS), errors, "points", tone=order))
            series.append(Series({"en": f"slope -{order}", "zh": f"斜率 -{order}"}, list(STEPS), guide, tone=order))
        return Picture(
            title={"en": "Error against the number of steps", "zh": "误差随步数的变化"},
            description={
                "en": "Root mean square error on a Gaussian mixture, both axes logarithmic: Euler's points lie on a "
                "line of slope minus one, Heun's on a line of slope minus two.",
                "zh": "高斯混合上的均方根误差，双对数坐标："
                "Euler 的点落在斜率为负一的直线上，Heun 的点落在斜率为负二的直线上。",
            },
            x_title={"en": "steps", "zh": "步数"},
            y_title={"en": "root mean square error", "zh": "均方根误差"},
            series=series,
            x_log=True,
            y_log=True,
        )

    def summary(self, measurement: Measurement) -> Text:
        value = {name: f"{interval.estimate:.3f}" for name, interval in measurement.intervals.items()}
        return {
            "en": f"Measured orders on the mixture: Euler {value['euler.mixture']}, Heun {value['heun.mixture']}; "
            f"of one step: {value['euler.local']} and {value['heun.local']}.",
            "zh": f"在高斯混合上测得的阶：Euler {value['euler.mixture']}，Heun {value['heun.mixture']}；"
            f"单步：{value['euler.local']} 与 {value['heun.local']}。",
        }
