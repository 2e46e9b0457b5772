r"""graft-scale-time: scaling the point and the time turns one path's flow into another's, but not its Euler steps.

Let path 1 have the flow X(t). With tau(r) the time at which path 1 has the noise level of path 2 at r, and
s(r) = sigma_2(r)/sigma_1(tau), the curve Y(r) = s X(tau) is a flow of path 2, with the velocity (graft.scale-time)

    s'/s y + s tau' u_1(y/s, tau),  tau' = level_2'(r)/level_1'(tau),  s'/s = sigma_2'/sigma_2 - tau' sigma_1'/sigma_1.

So both flows carry the same noise to the same data. Their Euler steps do not: on N(m, s^2) a step from t to t' in the
path's time multiplies deviations by 1 + (t' - t)(alpha alpha' s^2 + sigma sigma')/(alpha^2 s^2 + sigma^2), and the
products differ. The straight path is special: x + (t' - t)(n - y) = (1 - t') y + t' n, which is DDIM's step.
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
    Picture,
    Prediction,
    Series,
    Text,
    Wrong,
    experiment,
)
from verify.experiments.grids import karras
from verify.experiments.oracles.gaussian import Gaussian
from verify.experiments.oracles.mixture import Mixture
from verify.experiments.oracles.protocol import Oracle, column
from verify.experiments.paths import Path, cosine, edm, flow_matching, vp_linear
from verify.experiments.samplers.ode import euler
from verify.experiments.statistics.verdicts import exact
from verify.experiments.targets import two_clouds

SOURCE, TARGET = flow_matching(), vp_linear()
NAMES: dict[str, tuple[Path, Text]] = {
    "flow-matching": (SOURCE, {"en": "flow matching", "zh": "流匹配"}),
    "vp": (TARGET, {"en": "VP", "zh": "VP"}),
    "cosine": (cosine(), {"en": "cosine", "zh": "余弦"}),
    "edm": (edm(), {"en": "EDM", "zh": "EDM"}),
}
TIMES = (0.1, 0.3, 0.5, 0.7, 0.9)
FINEST, COARSEST, DEVIATION, MEAN = 0.05, 20.0, 0.5, 0.3
EULER, FINE, POINTS = 8, 100, 128
MARGIN = 2e-3


def factor(path: Path, levels: Sequence[float]) -> float:
    """What Euler's steps on N(m, DEVIATION^2) leave of the exact deviation at the end."""
    times = [path.time_of(level) for level in levels]
    deviation = math.hypot(path.alpha(times[0]) * DEVIATION, path.sigma(times[0]))
    for t, after in zip(times[:-1], times[1:], strict=True):
        a, b, a_dot, b_dot = path.alpha(t), path.sigma(t), path.alpha_dot(t), path.sigma_dot(t)
        square = DEVIATION**2
        deviation *= 1 + (after - t) * (a * a_dot * square + b * b_dot) / (a**2 * square + b**2)
    return deviation / math.hypot(path.alpha(times[-1]) * DEVIATION, path.sigma(times[-1]))


@dataclass(frozen=True)
class Rescaling:
    """The velocity of the target from that of the source, and which path's Euler steps VP is said to share.

    drift, rate   whether s'/s y and tau' are there
    power         tau is the time at which the source's noise level is the target's to this power
    """

    drift: bool = True
    rate: bool = True
    power: float = 1.0
    euler: Callable[[], Path] = lambda: TARGET

    def velocity(self, oracle: Oracle, y: Tensor, r: Tensor) -> Tensor:
        level = TARGET.noise_level(r)
        tau = SOURCE.time_of(level**self.power)
        tau_dot = TARGET.noise_level_dot(r) * self.power * level ** (self.power - 1) / SOURCE.noise_level_dot(tau)
        scale = TARGET.sigma(r) / SOURCE.sigma(tau)
        drift = TARGET.sigma_dot(r) / TARGET.sigma(r) - tau_dot * SOURCE.sigma_dot(tau) / SOURCE.sigma(tau)
        moved = column(scale * (tau_dot if self.rate else torch.ones_like(tau_dot)), y) * SOURCE.velocity(
            oracle, y / column(scale, y), tau
        )
        return moved + column(drift, y) * y if self.drift else moved


@experiment(
    name="graft-scale-time",
    title={
        "en": "The flows of two paths coincide after a change of scale and time, their Euler steps do not",
        "zh": "换尺度、换时间之后两条路径的流重合，Euler 步却不重合",
    },
    claims=("graft.scale-time",),
    prediction={
        "en": "VP's velocity is flow matching's after the change, at every point; both flows map noise to the same "
        "data; eight Euler steps leave 0.8091 of the deviation on flow matching and on EDM, 1.0651 on VP and 1.0060 on "
        "the cosine path.",
        "zh": "经过变换，VP 的速度在每一点上都等于流匹配的速度；两个流把噪声映到同样的数据；"
        "八步 Euler 之后，流匹配与 EDM 的标准差为应有的 0.8091，VP 为 1.0651，余弦路径为 1.0060。",
    },
)
class ScaleTime(Experiment):
    subject = Rescaling()
    wrong = {
        "no-rate": Wrong(
            {"en": "the rate of the new time missing", "zh": "漏掉新时间的变化率"}, Rescaling(rate=False), "velocity"
        ),
        "no-drift": Wrong(
            {"en": "the drift of the scale missing", "zh": "漏掉尺度的变化"}, Rescaling(drift=False), "velocity"
        ),
        "ratio-squared": Wrong(
            {"en": "the ratio squared on one side", "zh": "一边的比值多平方了一次"}, Rescaling(power=2.0), "velocity"
        ),
        "same-steps": Wrong(
            {"en": "VP's Euler steps said to be those of flow matching", "zh": "以为 VP 的 Euler 步与流匹配的相同"},
            Rescaling(euler=lambda: SOURCE),
            "euler.vp",
        ),
    }

    def predict(self) -> dict[str, Prediction]:
        titles: dict[str, Text] = {
            "velocity": {"en": "difference of the velocities, over the largest", "zh": "速度之差与最大速度之比"},
            "map": {"en": "largest distance of the two flows' ends", "zh": "两个流终点的最大距离"},
            "straight": {
                "en": f"flow matching's ends less DDIM's, {EULER} Euler steps",
                "zh": f"{EULER} 步 Euler 后流匹配与 DDIM 终点之差",
            },
        } | {
            f"euler.{key}": {
                "en": f"{name['en']}: deviation after {EULER} Euler steps less the product",
                "zh": f"{name['zh']}：{EULER} 步 Euler 后的标准差减去乘积公式",
            }
            for key, (_, name) in NAMES.items()
        }
        method = f"closed forms; Heun's method, {FINE} steps; Euler's method"
        return stated(self.expect(self.subject), titles, MARGIN, self._rounding, method)

    def expect(self, subject: Rescaling) -> dict[str, float]:
        levels = self._levels(EULER)
        found = {f"euler.{key}": 0.0 for key in NAMES}
        found["euler.vp"] = factor(TARGET, levels) - factor(subject.euler(), levels)
        right = (subject.drift, subject.rate, subject.power) == (True, True, 1.0)
        return found | (dict.fromkeys(("velocity", "map", "straight"), 0.0) if right else {})

    @property
    def _rounding(self) -> float:
        return 10 * FINE * self.setting.rounding

    @staticmethod
    def _levels(steps: int) -> list[float]:
        return karras(steps + 1, FINEST, COARSEST, to_zero=False)

    def _mixture(self) -> Mixture:
        return two_clouds(self.setting.device)

    def _velocity(self, subject: Rescaling) -> float:
        law, worst = self._mixture(), 0.0
        y = 1.2 * self.setting.latents.normal("scale.points", POINTS, 2)
        for time in TIMES:
            r = torch.full((POINTS,), time, dtype=torch.float64, device=y.device)
            own = TARGET.velocity(law, y, r)
            worst = max(worst, float((subject.velocity(law, y, r) - own).abs().max() / own.abs().max()))
        return worst

    def _end(self, path: Path, oracle: Oracle, x: Tensor, levels: Sequence[float], heun: bool) -> Tensor:
        """x in sigma-space, carried in the path's own coordinates and time, and back in sigma-space."""
        times = [path.time_of(level) for level in levels]
        x = path.alpha(times[0]) * x
        for t, after in zip(times[:-1], times[1:], strict=True):
            first = path.velocity(oracle, x, t)
            predicted = x + (after - t) * first
            x = x + 0.5 * (after - t) * (first + path.velocity(oracle, predicted, after)) if heun else predicted
        return x / path.alpha(times[-1])

    @cached_property
    def _ends(self) -> tuple[dict[str, float], dict[str, float]]:
        """Distances on the mixture, and what Euler's steps leave of a deviation on each path of the Gaussian."""
        mixture, fine, few = self._mixture(), self._levels(FINE), self._levels(EULER)
        start = COARSEST * self.setting.latents.normal("scale.start", POINTS, 2)
        ends = [self._end(path, mixture, start, fine, heun=True) for path in (SOURCE, TARGET)]
        ddim = euler(mixture.denoise, start, few)
        apart = {
            "map": float((ends[0] - ends[1]).abs().max()),
            "straight": float((self._end(SOURCE, mixture, start, few, heun=False) - ddim).abs().max()),
        }
        one = self.setting.tensor([1.0])
        gaussian, pair = Gaussian(MEAN * one, DEVIATION**2 * one), self.setting.tensor([[0.0], [1.0]])
        exactly = math.hypot(DEVIATION, FINEST) * COARSEST / math.hypot(DEVIATION, COARSEST)
        left = {}
        for key, (path, _) in NAMES.items():
            a, b = self._end(path, gaussian, COARSEST * pair, few, heun=False)[:, 0].double().tolist()
            left[key] = (b - a) / exactly
        return apart, left

    def measure(self, subject: Rescaling) -> Measurement:
        apart, left = self._ends
        found = {"velocity": self._velocity(subject)} | apart
        for key, (path, _) in NAMES.items():
            said = subject.euler() if key == "vp" else path
            found[f"euler.{key}"] = left[key] - factor(said, self._levels(EULER))
        return Measurement({name: exact(value, self._rounding) for name, value in found.items()}, left)

    def picture(self, measurements: dict[str, Measurement]) -> Picture:
        counts = [4.0, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128]
        series = [
            Series(name, counts, [abs(1 - factor(path, self._levels(int(n)))) for n in counts], "marked", tone=tone)
            for tone, (path, name) in enumerate(NAMES.values())
            if path.name != "edm"
        ]
        left = measurements[""].traces
        return Picture(
            title={"en": "One flow, three sets of Euler steps", "zh": "同一个流，三种 Euler 步"},
            description={
                "en": "Relative error of the deviation after Euler's steps at the same noise levels in each path's own "
                f"time, on N({MEAN:g}, {DEVIATION:g}²), both axes logarithmic. At {EULER} steps flow matching has "
                f"{left['flow-matching']:.4f}, VP {left['vp']:.4f} of the right deviation.",
                "zh": f"在 N({MEAN:g}, {DEVIATION:g}²) 上，各路径按自己的时间、在同样的噪声水平上走 Euler 步，"
                f"标准差的相对误差，双对数坐标。{EULER} 步时流匹配为应有的 {left['flow-matching']:.4f}，"
                f"VP 为 {left['vp']:.4f}。",
            },
            x_title={"en": "steps", "zh": "步数"},
            y_title={"en": "relative error of the deviation", "zh": "标准差的相对误差"},
            series=series,
            x_log=True,
            y_log=True,
        )

    def summary(self, measurement: Measurement) -> Text:
        left, found = measurement.traces, measurement.intervals
        return {
            "en": f"Velocities differ by {found['velocity'].estimate:.1e}, ends of the flows by "
            f"{found['map'].estimate:.1e}. After {EULER} Euler steps flow matching and EDM have "
            f"{left['flow-matching']:.4f} of the right deviation, VP {left['vp']:.4f}, cosine {left['cosine']:.4f}.",
            "zh": f"速度相差 {found['velocity'].estimate:.1e}，两个流的终点相差 {found['map'].estimate:.1e}。"
            f"{EULER} 步 Euler 之后，流匹配与 EDM 的标准差为应有的 {left['flow-matching']:.4f}，"
            f"VP 为 {left['vp']:.4f}，余弦为 {left['cosine']:.4f}。",
        }
