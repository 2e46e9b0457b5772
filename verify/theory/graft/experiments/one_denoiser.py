r"""graft-one-denoiser: one denoiser D(x; level) drives the samplers of five model families to the same law.

Each family runs in its own coordinates and its own time, dx/dt = alpha' D + sigma' (x - alpha D)/sigma, and asks the
one denoiser at (x/alpha; sigma/alpha), graft.denoiser-invariance. In one dimension a flow keeps the quantile of every
point, so the law at the end is checked without sampling: a start at quantile u must end where the known distribution
function has the value u.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from verify.experiments.arithmetic import stated
from verify.experiments.experiment import (
    Experiment,
    Measurement,
    Panel,
    Prediction,
    Sheet,
    Text,
    Traces,
    Wrong,
    experiment,
)
from verify.experiments.grids import karras
from verify.experiments.oracles.mixture import Mixture
from verify.experiments.paths import Path, cosine, flow_matching, sub_vp, ve, vp_linear
from verify.experiments.statistics.verdicts import exact
from verify.experiments.targets import two_bumps

FAMILIES: dict[str, tuple[Path, Text]] = {
    "vp": (vp_linear(), {"en": "VP", "zh": "VP"}),
    "sub-vp": (sub_vp(), {"en": "sub-VP", "zh": "sub-VP"}),
    "ve": (ve(0.01, 100.0), {"en": "VE", "zh": "VE"}),
    "cosine": (cosine(), {"en": "cosine", "zh": "余弦"}),
    "flow-matching": (flow_matching(), {"en": "flow matching", "zh": "流匹配"}),
}
STEPS, FINEST, COARSEST = 64, 0.02, 40.0
POINTS = 96
MARGIN = 4e-3

Drive = Callable[[Path, Mixture, Tensor, float], Tensor]


def of_denoised(path: Path, x: Tensor, t: float, denoised: Tensor) -> Tensor:
    noise = (x - path.alpha(t) * denoised) / path.sigma(t)
    return path.alpha_dot(t) * denoised + path.sigma_dot(t) * noise


def converted(path: Path, law: Mixture, x: Tensor, t: float) -> Tensor:
    return of_denoised(path, x, t, law.denoise(x / path.alpha(t), path.noise_level(t)))


def not_divided(path: Path, law: Mixture, x: Tensor, t: float) -> Tensor:
    return of_denoised(path, x, t, law.denoise(x, path.noise_level(t)))


def noise_coefficient(path: Path, law: Mixture, x: Tensor, t: float) -> Tensor:
    return of_denoised(path, x, t, law.denoise(x / path.alpha(t), path.sigma(t)))


def by_time(path: Path, law: Mixture, x: Tensor, t: float) -> Tensor:
    """A network trained on VP time: at the time t it answers for VP's noise level, whatever the path's."""
    return of_denoised(path, x, t, law.denoise(x / path.alpha(t), FAMILIES["vp"][0].noise_level(t)))


def other_velocity(path: Path, law: Mixture, x: Tensor, t: float) -> Tensor:
    """The v of a variance-preserving network, alpha n - sigma y at the same noise level, taken as it is."""
    denoised = law.denoise(x / path.alpha(t), path.noise_level(t))
    noise = (x - path.alpha(t) * denoised) / path.sigma(t)
    return (path.alpha(t) * noise - path.sigma(t) * denoised) / math.hypot(path.alpha(t), path.sigma(t))


@dataclass(frozen=True)
class Graft:
    """How the velocity of a path is had from the one denoiser."""

    drive: Drive = converted


@experiment(
    name="graft-one-denoiser",
    title={
        "en": "One denoiser drives VP, sub-VP, VE, cosine and flow matching to the same law",
        "zh": "同一个去噪器驱动 VP、sub-VP、VE、余弦与流匹配，得到同一分布",
    },
    claims=("graft.denoiser-invariance",),
    prediction={
        "en": "Asked at (x/alpha; sigma/alpha), the denoiser of one mixture takes every point of all five families to "
        "its quantile, up to the solver's error.",
        "zh": "只要在 (x/α; σ/α) 处询问，同一混合分布的去噪器就把五个族的每个点都送到它的分位数上，只差求解器的误差。",
    },
)
class OneDenoiser(Experiment):
    subject = Graft()
    wrong = {
        "not-divided": Wrong({"en": "x not divided by alpha", "zh": "x 没有除以 α"}, Graft(not_divided), "law.vp"),
        "noise-coefficient": Wrong(
            {"en": "sigma taken for the noise level", "zh": "把 σ 当作噪声水平"},
            Graft(noise_coefficient),
            "law.flow-matching",
        ),
        "by-time": Wrong(
            {"en": "the network asked by t, not by noise level", "zh": "按时间 t 而不是噪声水平询问网络"},
            Graft(by_time),
            "law.cosine",
        ),
        "other-velocity": Wrong(
            {"en": "v-prediction taken for flow matching's velocity", "zh": "把 v 预测当作流匹配的速度"},
            Graft(other_velocity),
            "law.flow-matching",
        ),
    }

    def predict(self) -> dict[str, Prediction]:
        titles: dict[str, Text] = {
            f"law.{key}": {
                "en": f"{name['en']}: largest distance of the distribution function",
                "zh": f"{name['zh']}：分布函数的最大距离",
            }
            for key, (_, name) in FAMILIES.items()
        }
        method = f"Heun's method in each family's time, {STEPS} steps; quantiles"
        return stated(self.expect(self.subject), titles, MARGIN, self._rounding, method)

    def expect(self, subject: Graft) -> dict[str, float]:
        return dict.fromkeys((f"law.{key}" for key in FAMILIES), 0.0) if subject is self.subject else {}

    @property
    def _rounding(self) -> float:
        return 20 * STEPS * self.setting.rounding

    def _law(self) -> Mixture:
        return two_bumps(self.setting.device)

    @cached_property
    def _start(self) -> tuple[Tensor, Tensor]:
        """Quantiles u (POINTS, 1) and the points of the noisiest law that have them, both float64."""
        law = self._law()
        u = 0.01 + 0.98 * self.setting.latents.uniform("graft.quantiles", POINTS)[:, None]
        low, high = torch.full_like(u, -10 * COARSEST), torch.full_like(u, 10 * COARSEST)
        for _ in range(64):
            middle = (low + high) / 2
            below = law.cdf(middle, COARSEST) < u
            low, high = torch.where(below, middle, low), torch.where(below, high, middle)
        return u, (low + high) / 2

    def _carried(self, path: Path, drive: Drive, x: Tensor, levels: Sequence[float]) -> list[Tensor]:
        """States of Heun's method in the path's own coordinates, at the path's times of the levels."""
        law, times = self._law(), [path.time_of(level) for level in levels]
        x = path.alpha(times[0]) * x
        states = [x]
        for t, after in zip(times[:-1], times[1:], strict=True):
            first = drive(path, law, x, t)
            second = drive(path, law, x + (after - t) * first, after)
            x = x + 0.5 * (after - t) * (first + second)
            states.append(x)
        return states

    def measure(self, subject: Graft) -> Measurement:
        law, (u, start) = self._law(), self._start
        found = {}
        for key, (path, _) in FAMILIES.items():
            x = self._carried(path, subject.drive, start.to(self.setting.dtype), self._levels)[-1].double()
            end = x / path.alpha(path.time_of(FINEST))
            found[f"law.{key}"] = float((law.cdf(end, FINEST) - u).abs().max())
        return Measurement({name: exact(value, self._rounding) for name, value in found.items()})

    @property
    def _levels(self) -> list[float]:
        return karras(STEPS + 1, FINEST, COARSEST, to_zero=False)

    def picture(self, measurements: dict[str, Measurement]) -> Sheet:
        _, start = self._start
        chosen = start.sort(0).values[4::8]
        levels = self._levels[::3]
        panels = []
        for tone, (key, (path, name)) in enumerate(FAMILIES.items()):
            if key == "sub-vp":  # looks like VP
                continue
            states = self._carried(path, converted, chosen, levels)
            times = [path.time_of(level) for level in levels]
            curves = [(times, [float(state[k]) for state in states]) for k in range(len(chosen))]
            panels.append(
                Panel(
                    title=name,
                    x_title={"en": "the family's time", "zh": "该族的时间"},
                    y_title={"en": "x", "zh": "x"},
                    series=[Traces(name, curves, tone)],
                )
            )
        worst = max(interval.estimate for interval in measurements[""].intervals.values())
        return Sheet(
            title={"en": "The same points in four families", "zh": "四个模型族中的同一批点"},
            description={
                "en": "Twelve points of the same noise carried by one denoiser, each family in its own coordinates; "
                "the data are at time 0. The paths differ, the ends agree: no distribution function is off by more "
                f"than {worst:.1e}.",
                "zh": "同一噪声的十二个点，由同一个去噪器引导，各族用自己的坐标；数据在时间 0 处。"
                f"路径各不相同，终点一致：分布函数的偏差都不超过 {worst:.1e}。",
            },
            panels=panels,
            columns=2,
        )

    def summary(self, measurement: Measurement) -> Text:
        worst = max(interval.estimate for interval in measurement.intervals.values())
        return {
            "en": f"Largest distance of the distribution functions over five families: {worst:.1e}.",
            "zh": f"五个族的分布函数的最大距离：{worst:.1e}。",
        }
