r"""cm-consistency: the consistency map is where the flow ends, and the denoiser is where its tangent ends.

On N(m, diag(s^2)) the map is m + sqrt((s^2 + epsilon^2)/(s^2 + sigma^2)) (x - m), a ratio of spreads; the denoiser
shrinks by a ratio of variances (cm.self-consistency). On a mixture on the line it keeps each point's quantile. Both
are compared with the probability-flow ODE integrated by Heun's method in small steps; the map must also be the
identity at epsilon, and the denoiser's distance from it is predicted too.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from verify.experiments.experiment import (
    Experiment,
    Measurement,
    Panel,
    Prediction,
    Series,
    Sheet,
    Text,
    Traces,
    Wrong,
    experiment,
)
from verify.experiments.grids import karras, uniform_logsnr
from verify.experiments.oracles.gaussian import Gaussian
from verify.experiments.oracles.mixture import Mixture
from verify.experiments.oracles.protocol import Oracle
from verify.experiments.orders import distance
from verify.experiments.samplers.common import Denoise
from verify.experiments.samplers.ode import heun, heun_step
from verify.experiments.statistics import around, exact, exact_blind
from verify.experiments.targets import two_bumps
from verify.theory.cm.experiments.maps import gaussian_map, quantile_map

MEANS, DEVIATIONS = (0.3, -0.5, 1.0), (0.15, 0.5, 1.5)
EPSILON, SIGMA = 0.1, 1.0
STEPS = 200
QUANTILES = tuple(-2.0 + 0.25 * k for k in range(17))
MARGIN = 1e-3

Gain = Callable[[float], float]


def map_gain(s: float) -> float:
    return math.sqrt((s**2 + EPSILON**2) / (s**2 + SIGMA**2))


def denoiser_gain(s: float) -> float:
    return s**2 / (s**2 + SIGMA**2)


def blend_gain(s: float) -> float:
    return EPSILON / SIGMA + (1 - EPSILON / SIGMA) * denoiser_gain(s)


def zero_gain(s: float) -> float:
    return s / math.sqrt(s**2 + SIGMA**2)


def denoiser(target: Oracle, epsilon: float) -> Denoise:
    return target.denoise


def blend(target: Oracle, epsilon: float) -> Denoise:
    """One Euler step of the flow: the straight line from x to D, as far as epsilon."""
    return lambda x, sigma: torch.lerp(target.denoise(x, sigma), x, epsilon / sigma)


@dataclass(frozen=True)
class Map:
    """A consistency map on the Gaussian and on the mixture, with its gain (f - m)/(x - m) on the Gaussian at SIGMA."""

    gaussian: Callable[[Gaussian, float], Denoise] = gaussian_map
    mixture: Callable[[Mixture, float], Denoise] = quantile_map
    gain: Gain = map_gain


@experiment(
    name="cm-consistency",
    title={
        "en": "The consistency map ends the flow; the denoiser ends its tangent",
        "zh": "一致性映射给出流的终点，去噪器给出切线的终点",
    },
    claims=("cm.self-consistency",),
    prediction={
        "en": "The map of a Gaussian by its ratio of spreads, and of a mixture by its quantiles, lies on the "
        "integrated flow at every point and is the identity at the smallest level. At noise level 1 the denoiser is "
        "0.293 away from it on the Gaussian.",
        "zh": "高斯的映射按标准差之比，混合分布的映射按分位数，二者处处落在积分出的流上，"
        "并在最小噪声水平处为恒等映射。噪声水平为 1 时，高斯上的去噪器与它相差 0.293。",
    },
)
class ConsistencyMap(Experiment):
    subject = Map()
    wrong = {
        "denoiser": Wrong(
            {"en": "the denoiser taken for the map", "zh": "把去噪器当成该映射"},
            Map(denoiser, denoiser, denoiser_gain),
            "gaussian",
        ),
        "denoiser-mixture": Wrong(
            {"en": "the same on a mixture", "zh": "在混合分布上同样如此"},
            Map(denoiser, denoiser, denoiser_gain),
            "mixture",
        ),
        "blend": Wrong(
            {"en": "a straight blend of the point and the denoiser", "zh": "该点与去噪器的直线插值"},
            Map(blend, blend, blend_gain),
            "gaussian",
        ),
        "zero": Wrong(
            {"en": "the boundary at zero noise", "zh": "边界取在零噪声处"},
            Map(lambda g, e: gaussian_map(g, 0.0), lambda m, e: quantile_map(m, 0.0), zero_gain),
            "identity",
        ),
    }

    def predict(self) -> dict[str, Prediction]:
        titles: dict[str, Text] = {
            "gaussian": {
                "en": "distance of the map from the integrated flow, Gaussian",
                "zh": "映射与积分出的流之间的距离，高斯",
            },
            "mixture": {
                "en": "distance of the map from the integrated flow, mixture",
                "zh": "映射与积分出的流之间的距离，混合分布",
            },
            "identity": {
                "en": "distance of the map from the identity at the smallest level",
                "zh": "最小噪声水平处映射与恒等的距离",
            },
            "denoiser": {
                "en": "distance of the denoiser from the flow at noise level 1, Gaussian",
                "zh": "噪声水平为 1 时去噪器与流的距离，高斯",
            },
        }
        values = self.expect(self.subject)
        return {
            name: Prediction(
                title,
                values[name],
                around(values[name], MARGIN),
                exact_blind(around(values[name], MARGIN), self._rounding),
                0.0,
                f"root mean square; Heun's method, {STEPS} steps",
            )
            for name, title in titles.items()
        }

    @property
    def _rounding(self) -> float:
        return 10 * STEPS * self.setting.rounding

    def expect(self, subject: Map) -> dict[str, float]:
        def distance(gain: Gain) -> float:
            """Root mean square over points x - m = sqrt(s^2 + sigma^2) z and over the axes."""
            squares = [((gain(s) - map_gain(s)) * math.hypot(s, SIGMA) * z) ** 2 for s in DEVIATIONS for z in QUANTILES]
            return math.sqrt(math.fsum(squares) / len(squares))

        found = {"gaussian": distance(subject.gain), "denoiser": distance(denoiser_gain)}
        return found | ({"mixture": 0.0, "identity": 0.0} if subject == self.subject else {})

    @cached_property
    def _gaussian(self) -> Gaussian:
        return Gaussian(self.setting.tensor(MEANS), self.setting.tensor(DEVIATIONS) ** 2)

    @cached_property
    def _mixture(self) -> Mixture:
        return two_bumps(self.setting.device)

    @cached_property
    def _starts(self) -> tuple[Tensor, Tensor]:
        """Points at SIGMA: of the Gaussian, at given numbers of deviations; of the mixture, evenly."""
        z = self.setting.tensor(QUANTILES)[:, None]
        return self._gaussian.mean + (self._gaussian.variance + SIGMA**2).sqrt() * z, 1.5 * z

    @cached_property
    def _ends(self) -> tuple[Tensor, Tensor]:
        levels = uniform_logsnr(STEPS, EPSILON, SIGMA, to_zero=False)
        first, second = self._starts
        return heun(self._gaussian.denoise, first, levels), heun(self._mixture.denoise, second, levels)

    def measure(self, subject: Map) -> Measurement:
        first, second = self._starts
        gaussian, mixture = subject.gaussian(self._gaussian, EPSILON), subject.mixture(self._mixture, EPSILON)
        numbers = {
            "gaussian": distance(gaussian(first, SIGMA), self._ends[0]),
            "mixture": distance(mixture(second, SIGMA), self._ends[1]),
            "identity": max(
                distance(gaussian(first, EPSILON), first),
                distance(mixture(self._ends[1], EPSILON), self._ends[1]),
            ),
            "denoiser": distance(self._gaussian.denoise(first, SIGMA), self._ends[0]),
        }
        return Measurement({name: exact(value, self._rounding) for name, value in numbers.items()})

    def picture(self, measurements: dict[str, Measurement]) -> Sheet:
        target = two_bumps()
        levels = karras(41, EPSILON, 2.0, 3.0, to_zero=False)
        state = torch.linspace(-4.5, 4.5, 19, dtype=torch.float64)[:, None]
        states = [state]
        for t, after in zip(levels[:-1], levels[1:], strict=True):
            state = heun_step(target.denoise, state, t, after)
            states.append(state)
        walked = torch.cat(states, 1).tolist()
        grid = torch.linspace(-3.0, 3.0, 97, dtype=torch.float64)[:, None]
        x = grid[:, 0].tolist()
        maps = [
            ({"en": "consistency map", "zh": "一致性映射"}, quantile_map(target, EPSILON)),
            ({"en": "denoiser", "zh": "去噪器"}, target.denoise),
        ]
        series = [Series(title, x, f(grid, SIGMA)[:, 0].tolist(), tone=tone) for tone, (title, f) in enumerate(maps)]
        gap = measurements["denoiser-mixture"].intervals["mixture"].estimate
        return Sheet(
            title={"en": "A flow, its end, and the end of its tangent", "zh": "流、流的终点与切线的终点"},
            description={
                "en": "Left, trajectories of the flow of a mixture against the noise level. The consistency map sends "
                "every point of a trajectory to its left end. Right, that map and the denoiser at noise level 1: the "
                f"denoiser averages over both parts of the mixture, {gap:.2f} away from the map on average.",
                "zh": "左图是混合分布的流的轨迹，横轴为噪声水平；一致性映射把一条轨迹上的每一点都送到它的左端。"
                f"右图是噪声水平为 1 时的映射与去噪器：去噪器在混合分布的两部分之间取平均，平均与映射相差 {gap:.2f}。",
            },
            panels=[
                Panel(
                    title={"en": "trajectories", "zh": "轨迹"},
                    x_title={"en": "noise level σ", "zh": "噪声水平 σ"},
                    y_title={"en": "x", "zh": "x"},
                    series=[Traces({"en": "flow", "zh": "流"}, [(levels, path) for path in walked])],
                ),
                Panel(
                    title={"en": "from noise level 1", "zh": "从噪声水平 1 出发"},
                    x_title={"en": "x at noise level 1", "zh": "噪声水平为 1 时的 x"},
                    y_title={"en": "where it is sent", "zh": "映到何处"},
                    series=series,
                ),
            ],
            columns=2,
        )

    def summary(self, measurement: Measurement) -> Text:
        found = {name: interval.estimate for name, interval in measurement.intervals.items()}
        return {
            "en": f"Distance of the map from the flow: {found['gaussian']:.1e} (Gaussian), {found['mixture']:.1e} "
            f"(mixture); the denoiser is {found['denoiser']:.4f} away.",
            "zh": f"映射与流的距离：高斯 {found['gaussian']:.1e}，混合分布 {found['mixture']:.1e}；"
            f"去噪器相差 {found['denoiser']:.4f}。",
        }
