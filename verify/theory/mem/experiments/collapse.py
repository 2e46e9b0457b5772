r"""mem-collapse: with the exact denoiser of a training set, every sampler ends on the training set.

The ideal denoiser of finitely many points gives the exact score of the points blurred by the noise. A sampler that is
exact in law has that blurred law at each level, and at level 0 the blur is gone: samples are training points, each as
often as it stands in the set (mem.collapse-to-data, edm.ideal-denoiser). Fresh noise on the way changes nothing, as
the law at each level is the same. Only a blur that does not vanish, in the denoiser or in the last step, leaves the
points: a Gaussian of deviation h in the plane keeps within a distance r of its centre with probability

    1 - exp(-r^2 / (2 h^2)).

The denoiser of a Gaussian population keeps a whole density; within r of the points lies almost none of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property

import torch
from torch import Tensor

from verify.experiments.experiment import (
    Experiment,
    Measurement,
    Picture,
    Prediction,
    Series,
    Setting,
    Text,
    Traces,
    Wrong,
    experiment,
)
from verify.experiments.grids import karras
from verify.experiments.oracles.data_set import DataSet
from verify.experiments.oracles.gaussian import Gaussian
from verify.experiments.oracles.mixture import Mixture
from verify.experiments.samplers.ancestral import ancestral
from verify.experiments.samplers.common import Denoise, Noise
from verify.experiments.samplers.ode import heun
from verify.experiments.statistics import FALSE_ALARM, Proportion, Span

POINTS = (
    (-1.3, 0.2), (-0.9, -0.4), (-0.5, 0.5), (-0.1, -0.2), (0.2, 0.4),
    (0.6, -0.5), (0.9, 0.3), (1.2, -0.1), (1.6, 0.5), (1.6, 0.5),
)  # fmt: skip
"""Ten examples, the last one twice."""
SAMPLES, STEPS = 8000, 24
TOUCH = 0.02
SIGMA_MIN, SIGMA_MAX = 0.002, 80.0
NARROW, REST = 0.05, 0.05  # the blur that a smoothed denoiser keeps; the noise that a last step leaves
CHECKS = 3
DRAWN = 40

Sampler = Callable[[Denoise, Tensor, list[float], Noise], Tensor]


def ideal(points: Tensor) -> Denoise:
    return DataSet(points).denoise


def smoothed(points: Tensor) -> Denoise:
    """The denoiser of the points with a Gaussian of deviation NARROW around each."""
    return Mixture(torch.ones_like(points[:, 0]), points, torch.full_like(points[:, :1], NARROW**2)).denoise


def population(points: Tensor) -> Denoise:
    """The denoiser of the Gaussian with the mean and the variances of the points."""
    return Gaussian(points.mean(0), points.var(0, correction=0)).denoise


def without_copies(points: Tensor) -> Denoise:
    return DataSet(points[:-1]).denoise


def left_noisy(denoise: Denoise, x: Tensor, sigmas: list[float], noise: Noise) -> Tensor:
    """DDPM sampling that adds noise after the last step too (ddpm.final-noise)."""
    x = ancestral(denoise, x, sigmas, noise)
    return torch.add(x, noise(len(sigmas) - 1), alpha=REST)


@dataclass(frozen=True)
class Model:
    """Whose denoiser is used, and how it is sampled with fresh noise."""

    denoiser: Callable[[Tensor], Denoise] = ideal
    noisy: Sampler = ancestral


def within(blur: float) -> float:
    """Share of a Gaussian in the plane that lies within TOUCH of its centre."""
    return -math.expm1(-0.5 * (TOUCH / blur) ** 2)


@experiment(
    name="mem-collapse",
    title={
        "en": "With the exact denoiser of a training set, every sample is a training point",
        "zh": "用训练集的精确去噪器采样，每个样本都是训练点",
    },
    claims=("mem.collapse-to-data", "edm.ideal-denoiser"),
    prediction={
        "en": "All samples end on one of ten training points, without noise and with it; the point that stands twice "
        "in the set comes twice as often as the others.",
        "zh": "不论采样时加不加噪声，所有样本都落在十个训练点上；在训练集中出现两次的点，被采到的次数是其他点的两倍。",
    },
)
class Collapse(Experiment):
    subject = Model()
    wrong = {
        "population": Wrong(
            {"en": "the denoiser of the Gaussian population", "zh": "高斯总体的去噪器"},
            Model(population),
            "ode",
        ),
        "smoothed": Wrong(
            {"en": f"a denoiser that keeps a blur of {NARROW}", "zh": f"保留标准差为 {NARROW} 的模糊的去噪器"},
            Model(smoothed),
            "ode",
        ),
        "noise-avoids-it": Wrong(
            {"en": "fresh noise leaves a spread at the end", "zh": "以为新加的噪声会在终点留下离散"},
            Model(noisy=left_noisy),
            "sde",
        ),
        "copies-do-not-count": Wrong(
            {"en": "a point that stands twice is sampled once as often", "zh": "以为重复出现的点并不更常被采到"},
            Model(without_copies),
            "twice",
        ),
    }

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.law = Proportion(SAMPLES, FALSE_ALARM / CHECKS)
        self.noise = cache(lambda i: setting.latents.normal(f"collapse.{i}", SAMPLES, 2))

    @cached_property
    def points(self) -> Tensor:
        return self.setting.tensor(POINTS)

    def predict(self) -> dict[str, Prediction]:
        texts: dict[str, tuple[Text, float]] = {
            "ode": ({"en": "share on training points, no noise", "zh": "落在训练点上的比例，不加噪声"}, 0.01),
            "sde": ({"en": "share on training points, fresh noise", "zh": "落在训练点上的比例，加新噪声"}, 0.01),
            "twice": ({"en": "share of the point that stands twice", "zh": "重复出现的点所占比例"}, 0.045),
        }
        predictions = {}
        for name, value in self.expect(self.subject).items():
            title, radius = texts[name]
            margin = Span(value - radius, min(value + radius, 1.0))
            blind, alarm = self.law.blind(margin), self.law.false_alarm
            predictions[name] = Prediction(title, value, margin, blind, alarm, "Chernoff's bound")
        return predictions

    def expect(self, subject: Model) -> dict[str, float]:
        found = {"ode": 1.0, "sde": 1.0, "twice": 2 / len(POINTS)}
        if subject.noisy is left_noisy:
            found["sde"] = within(REST)
        if subject.denoiser is smoothed:
            found = {"ode": within(NARROW), "sde": within(NARROW), "twice": 2 / len(POINTS) * within(NARROW)}
        elif subject.denoiser is without_copies:
            found["twice"] = 1 / (len(POINTS) - 1)
        elif subject.denoiser is population:
            found["ode"] = self._population_share()
        return found

    @staticmethod
    def _population_share() -> float:
        """Mass of the Gaussian within TOUCH of the points: density times area, good to TOUCH^2."""
        points = torch.tensor(sorted(set(POINTS)), dtype=torch.float64)
        law = torch.tensor(POINTS, dtype=torch.float64)
        density = Gaussian(law.mean(0), law.var(0, correction=0)).log_density(points, 0.0).exp()
        return float(density.sum()) * math.pi * TOUCH**2

    def measure(self, subject: Model) -> Measurement:
        denoise, sigmas = subject.denoiser(self.points), karras(STEPS, SIGMA_MIN, SIGMA_MAX)
        start, noise = SIGMA_MAX * self.noise(STEPS + 1), self.noise
        ends = {"ode": heun(denoise, start, sigmas), "sde": subject.noisy(denoise, start, sigmas, noise)}
        shares = {}
        for name, end in ends.items():
            distance, nearest = torch.cdist(end.double(), self.points[:-1].double()).min(1)
            on = distance < TOUCH
            shares[name] = float(on.double().mean())
            if name == "ode":
                shares["twice"] = float((on & (nearest == len(POINTS) - 2)).double().mean())
        intervals = {name: self.law.interval(shares[name]) for name in ("ode", "sde", "twice")}
        return Measurement(intervals, {"ends": ends["ode"][:60].tolist()})

    def _paths(self, denoise: Denoise) -> list[tuple[list[float], list[float]]]:
        """The last part of some trajectories, from noise level 1."""
        sigmas, x = karras(STEPS, SIGMA_MIN, 1.0), self.points.repeat(DRAWN // len(POINTS), 1)
        x = x + self.setting.latents.normal("collapse.drawn", DRAWN, 2)
        states = [x]
        for pair in zip(sigmas[:-1], sigmas[1:], strict=True):
            states.append(heun(denoise, states[-1], list(pair)))
        drawn = torch.stack(states).double()
        return [(drawn[:, i, 0].tolist(), drawn[:, i, 1].tolist()) for i in range(DRAWN)]

    def picture(self, measurements: dict[str, Measurement]) -> Picture:
        points = sorted(set(POINTS))
        kept = measurements["population"].traces["ends"]
        right = measurements[""]
        shares = [right.intervals[name].estimate for name in ("ode", "sde")]
        x, y = ([row[i] for row in kept if abs(row[0]) < 2.2 and abs(row[1]) < 1.2] for i in (0, 1))
        return Picture(
            title={"en": "Where samples end", "zh": "样本的终点"},
            description={
                "en": f"Trajectories of the ideal denoiser of ten examples from noise level 1 end on the examples: "
                f"{100 * shares[0]:.1f} % of the samples without noise, {100 * shares[1]:.1f} % with it. Samples of "
                "the Gaussian population lie between them.",
                "zh": f"十个样例的理想去噪器从噪声水平 1 出发的轨迹都终于样例：不加噪声时有 {100 * shares[0]:.1f}% 的"
                f"样本落在样例上，加噪声时有 {100 * shares[1]:.1f}%。高斯总体的样本则散布其间。",
            },
            x_title={"en": "first coordinate", "zh": "第一坐标"},
            y_title={"en": "second coordinate", "zh": "第二坐标"},
            series=[
                Traces({"en": "trajectories", "zh": "轨迹"}, self._paths(ideal(self.points)), tone=0),
                Series({"en": "samples of the population", "zh": "总体的样本"}, x, y, "points", tone=2),
                Series(
                    {"en": "training points", "zh": "训练点"},
                    [point[0] for point in points],
                    [point[1] for point in points],
                    "points",
                    tone=1,
                ),
            ],
        )

    def summary(self, measurement: Measurement) -> Text:
        ode, sde, twice = (measurement.intervals[name].estimate for name in ("ode", "sde", "twice"))
        return {
            "en": f"Of {SAMPLES} samples {ode:.4f} end within {TOUCH} of a training point without noise, {sde:.4f} "
            f"with it; {twice:.3f} end on the point that stands twice among ten.",
            "zh": f"{SAMPLES} 个样本中，不加噪声时有 {ode:.4f} 落在某个训练点 {TOUCH} 之内，加噪声时有 {sde:.4f}；"
            f"十个样例中重复出现的那个点占 {twice:.3f}。",
        }
