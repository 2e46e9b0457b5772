r"""solver-gaussian: what Euler's, Heun's and the midpoint method do to a Gaussian, in closed form.

On N(mu, s^2) the slope is f(sigma)(x - mu) with f = sigma/(s^2 + sigma^2), so each step multiplies x - mu by a number
(solver.euler, solver.heun-gaussian):

    Euler      1 + h f(sigma)
    Heun       1 + h/2 (f(sigma) + f(sigma')(1 + h f(sigma)))
    midpoint   1 + h f(sigma + h/2)(1 + h/2 f(sigma)).

Started, as samplers are, with the spread sigma_max, the spread at the end over s is the product of these factors times
sigma_max / s. With EDM's eighteen levels Heun's is 1.05525 although the denoiser is exact; the exact flow's is 0.99998.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

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
from verify.experiments.grids import karras
from verify.experiments.oracles.gaussian import Gaussian
from verify.experiments.samplers.common import Denoise, steps
from verify.experiments.samplers.ode import euler, heun, two_stage
from verify.experiments.statistics import around, exact, exact_blind

MEAN, DEVIATIONS = (0.3, -1.2, 0.7), (0.5, 0.2, 1.0)
EULER_STEPS, STEPS = 35, 18
MARGIN = 1e-4

Sampler = Callable[[Denoise, Tensor, Sequence[float]], Tensor]
Factor = Callable[[float, float, float], float]


def slope(s: float, sigma: float) -> float:
    return sigma / (s**2 + sigma**2)


def euler_factor(s: float, t: float, after: float) -> float:
    return 1 + (after - t) * slope(s, t)


def heun_factor(s: float, t: float, after: float) -> float:
    first = (after - t) * slope(s, t)
    return 1 + (first + (after - t) * slope(s, after) * (1 + first)) / 2 if after > 0 else 1 + first


def midpoint_factor(s: float, t: float, after: float) -> float:
    h = after - t
    return 1 + h * slope(s, t + h / 2) * (1 + h / 2 * slope(s, t))


def exact_factor(s: float, t: float, after: float) -> float:
    return math.hypot(s, after) / math.hypot(s, t)


def old_level_factor(s: float, t: float, after: float) -> float:
    first = (after - t) * slope(s, t)
    return 1 + (first + first * (1 + first)) / 2 if after > 0 else 1 + first


def ratio(factor: Factor, s: float, sigmas: Sequence[float]) -> float:
    """Spread at the end over that of the data, for a start N(mu, sigma_max^2)."""
    product = math.prod(factor(s, t, after) for t, after in itertools.pairwise(sigmas))
    return product * sigmas[0] / s


def flow(denoise: Denoise, x: Tensor, sigmas: Sequence[float]) -> Tensor:
    """The exact flow of the experiment's target: what a method without error does."""
    mean, s = (torch.tensor(v, dtype=x.dtype, device=x.device) for v in (MEAN, DEVIATIONS))
    return mean + (x - mean) * (s**2 / (s**2 + sigmas[0] ** 2)).sqrt()


def old_level(denoise: Denoise, x: Tensor, sigmas: Sequence[float]) -> Tensor:
    """Heun's method with its second slope at the old noise level."""
    for t, after in steps(sigmas):
        d = (x - denoise(x, t)) / t
        y = x + (after - t) * d
        x = x + (after - t) * (d + (y - denoise(y, t)) / t) / 2 if after > 0 else y
    return x


@dataclass(frozen=True)
class Method:
    """A sampler, its number of steps, and its factor by formula."""

    sampler: Sampler
    steps: int
    factor: Factor


@dataclass(frozen=True)
class Methods:
    euler: Method = Method(euler, EULER_STEPS, euler_factor)
    heun: Method = Method(heun, STEPS, heun_factor)
    midpoint: Method = Method(two_stage, STEPS, midpoint_factor)

    def named(self) -> dict[str, Method]:
        return {"euler": self.euler, "heun": self.heun, "midpoint": self.midpoint}


@experiment(
    name="solver-gaussian",
    title={
        "en": "With an exact denoiser EDM's eighteen Heun steps inflate a Gaussian by 5.5 per cent",
        "zh": "去噪器精确时，EDM 的十八步 Heun 仍把高斯放大 5.5%",
    },
    claims=("solver.heun-gaussian", "solver.euler", "solver.alpha-family"),
    prediction={
        "en": "On EDM's levels and data of deviation 0.5 the spread of the samples over that of the data is 0.91979 "
        "for 35 Euler steps, 1.05525 for 18 Heun steps and 0.99556 for 18 midpoint steps; the samplers give the "
        "product of their factors on every axis.",
        "zh": "取 EDM 的噪声水平、数据标准差为 0.5：样本与数据的标准差之比，Euler 35 步为 0.91979，Heun 18 步为 "
        "1.05525，中点法 18 步为 0.99556；在每条轴上，采样器给出的都是各步因子之积。",
    },
)
class GaussianSpread(Experiment):
    subject = Methods()
    wrong = {
        "heun-exact": Wrong(
            {"en": "eighteen Heun steps said to be exact", "zh": "声称 Heun 十八步是精确的"},
            replace(Methods(), heun=Method(flow, STEPS, exact_factor)),
            "heun.0.5",
        ),
        "one-error": Wrong(
            {"en": "all two-slope methods said to err alike", "zh": "声称两斜率的方法误差都相同"},
            replace(Methods(), midpoint=Method(heun, STEPS, heun_factor)),
            "midpoint.0.5",
        ),
        "old-level": Wrong(
            {"en": "Heun's second slope at the old noise level", "zh": "Heun 的第二个斜率取在旧的噪声水平上"},
            replace(Methods(), heun=Method(old_level, STEPS, old_level_factor)),
            "heun.0.2",
        ),
        "euler-eighteen": Wrong(
            {
                "en": "Euler's method given as many steps instead of as many calls",
                "zh": "给 Euler 同样的步数，而不是同样的调用次数",
            },
            replace(Methods(), euler=Method(euler, STEPS, euler_factor)),
            "euler.0.5",
        ),
    }  # fmt: skip

    def predict(self) -> dict[str, Prediction]:
        names = {
            "euler": {"en": f"Euler, {EULER_STEPS} steps", "zh": f"Euler {EULER_STEPS} 步"},
            "heun": {"en": f"Heun, {STEPS} steps", "zh": f"Heun {STEPS} 步"},
            "midpoint": {"en": f"midpoint, {STEPS} steps", "zh": f"中点法 {STEPS} 步"},
        }
        found = {}
        for name, value in self.expect(self.subject).items():
            method, _, s = name.partition(".")
            words = names[method]
            title = {
                "en": f"spread of the samples over s = {s}: {words['en']}",
                "zh": f"样本与数据的标准差之比，s = {s}：{words['zh']}",
            }
            margin = around(value, MARGIN)
            found[name] = Prediction(
                title, value, margin, exact_blind(margin, self._rounding), 0.0, "product of factors"
            )
        return found

    @property
    def _rounding(self) -> float:
        return 20 * EULER_STEPS * self.setting.rounding

    def expect(self, subject: Methods) -> dict[str, float]:
        return {
            f"{name}.{s:g}": ratio(method.factor, s, karras(method.steps))
            for name, method in subject.named().items()
            for s in DEVIATIONS
        }

    def measure(self, subject: Methods) -> Measurement:
        intervals = {}
        for name, method in subject.named().items():
            for s, value in zip(DEVIATIONS, self._ratios(method.sampler, method.steps), strict=True):
                intervals[f"{name}.{s:g}"] = exact(value, self._rounding)
        return Measurement(intervals)

    def _ratios(self, sampler: Sampler, count: int) -> list[float]:
        """sigma_max above the mean on every axis: the flow is affine and does not mix them."""
        mean, s = self.setting.tensor(MEAN), self.setting.tensor(DEVIATIONS)
        sigmas = karras(count)
        start = mean + torch.stack([0 * s, 0 * s + sigmas[0]])
        ends = sampler(Gaussian(mean, s**2).denoise, start, sigmas).double()
        return ((ends[1] - ends[0]) / s.double()).tolist()

    def picture(self, measurements: dict[str, Measurement]) -> Picture:
        calls = (9, 13, 19, 27, 35, 55, 79, 119, 159)
        series = []
        for name, zh, sampler, count in (
            ("Euler", "Euler", euler, lambda n: n),
            ("Heun", "Heun", heun, lambda n: (n + 1) // 2),
            ("midpoint", "中点法", two_stage, lambda n: (n + 1) // 2),
        ):
            ratios = [self._ratios(sampler, count(n))[0] for n in calls]
            series.append(Series({"en": name, "zh": zh}, [float(n) for n in calls], ratios, "marked"))
        found = measurements[""].intervals
        return Picture(
            title={"en": "Spread of the samples of a Gaussian", "zh": "高斯样本的标准差"},
            description={
                "en": "Spread of the samples over that of the data, deviation 0.5, against the calls of the denoiser, "
                "which is exact. Heun's method starts far above 1, Euler's below it; at 35 calls they stand at "
                f"{found['heun.0.5'].estimate:.4f} and {found['euler.0.5'].estimate:.4f}.",
                "zh": "样本与数据的标准差之比（数据标准差为 0.5）随去噪器调用次数的变化，去噪器是精确的。Heun "
                f"从远高于 1 处开始，Euler 低于 1；调用 35 次时分别为 {found['heun.0.5'].estimate:.4f} 与 "
                f"{found['euler.0.5'].estimate:.4f}。",
            },
            x_title={"en": "calls of the denoiser", "zh": "去噪器调用次数"},
            y_title={"en": "spread over that of the data", "zh": "标准差之比"},
            series=series,
            x_log=True,
        )

    def summary(self, measurement: Measurement) -> Text:
        found = [measurement.intervals[f"{name}.0.5"].estimate for name in ("euler", "heun", "midpoint")]
        return {
            "en": f"Spread over that of the data, s = 0.5: Euler {found[0]:.5f}, Heun {found[1]:.5f}, "
            f"midpoint {found[2]:.5f}, each the product of its factors.",
            "zh": f"s = 0.5 时样本与数据的标准差之比：Euler {found[0]:.5f}，Heun {found[1]:.5f}，"
            f"中点法 {found[2]:.5f}，均等于各步因子之积。",
        }
