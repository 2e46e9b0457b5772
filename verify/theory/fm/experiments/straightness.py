r"""fm-straightness: the flow from N(0, 1) to N(m, s^2) with independent ends bends, and one Euler step lands on m.

With x_t = t y + (1 - t) n the marginal velocity is u = m + k(t)(x - t m), k = (t s^2 - (1 - t))/v, v = (1 - t)^2 +
t^2 s^2 (fm.straightness), and the flow is x_t = t m + z sqrt(v). So half-way a start z = 1 is at m/2 + sqrt(1 + s^2)/2,
not on its chord; the bend

    \int_0^1 E|x_1 - x_0 - dx/dt|^2 dt = \int v'^2/(4v) dt - (1 - s)^2 = s (2 - pi/2),

since v'^2/(4v) = 1 + s^2 - s^2/v and \int s^2/v dt = pi s/2. N equal Euler steps multiply deviations by
prod (1 + k(t_i)/N): by 0 for N = 1, because k(0) = -1. On any data the first slope is E y - x, so that one step from
noise sends every start to the mean.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

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
from verify.experiments.oracles.gaussian import Gaussian
from verify.experiments.oracles.protocol import Oracle
from verify.experiments.paths import flow_matching
from verify.experiments.statistics.verdicts import exact
from verify.experiments.targets import two_clouds

MEAN, DEVIATION = 0.3, 0.5
FINE = 400
EULER = (1, 2, 4, 16)
MARGIN = 2e-4
FIRST = 1e-6  # of the noisy end, where the oracle's x/alpha is still finite
PATH = flow_matching(data_at=1)


def spread(t: float) -> float:
    """sqrt(v)."""
    return math.hypot(1 - t, t * DEVIATION)


def rate(t: float) -> float:
    """k(t), the derivative of log sqrt(v)."""
    return (t * DEVIATION**2 - (1 - t)) / spread(t) ** 2


def euler_factor(steps: int) -> float:
    return math.prod(1 + rate(i / steps) / steps for i in range(steps))


@dataclass(frozen=True)
class Belief:
    """What is said of the deviation half-way, of the bend, and of the deviation after N Euler steps."""

    middle: Callable[[], float] = lambda: spread(0.5)
    bend: Callable[[], float] = lambda: DEVIATION * (2 - math.pi / 2)
    euler: Callable[[int], float] = euler_factor


@experiment(
    name="fm-straightness",
    title={
        "en": "The flow of rectified flow bends, and one Euler step returns the mean of the data",
        "zh": "整流流的轨迹是弯的，一步 Euler 只得到数据的均值",
    },
    claims=("fm.straightness",),
    prediction={
        "en": "From N(0, 1) to N(0.3, 0.5²) deviations are 0.5590 half-way (a straight line has 0.75), the bend is "
        "s (2 - pi/2) = 0.2146, and 1, 2, 4, 16 Euler steps leave the deviations 0, 0.2000, 0.3405, 0.4557; on a "
        "mixture one step sends every start to the mean.",
        "zh": "从 N(0, 1) 到 N(0.3, 0.5²)，中途的标准差为 0.5590（直线应为 0.75），弯曲量为 s (2 - π/2) = 0.2146；"
        "1、2、4、16 步 Euler 之后的标准差为 0、0.2000、0.3405、0.4557；在高斯混合上，一步把所有起点送到均值。",
    },
)
class Straightness(Experiment):
    subject = Belief()
    wrong = {
        "straight": Wrong(
            {"en": "the marginal path is said to be straight", "zh": "以为边缘路径是直线"},
            Belief(middle=lambda: (1 + DEVIATION) / 2),
            "middle",
        ),
        "no-bend": Wrong(
            {"en": "the bend of the flow is said to be that of the conditional paths, 0", "zh": "以为流的弯曲量为零"},
            Belief(bend=lambda: 0.0),
            "bend",
        ),
        "one-step": Wrong(
            {"en": "one Euler step is said to give the spread of the data", "zh": "以为一步 Euler 就有数据的标准差"},
            Belief(euler=lambda steps: DEVIATION),
            "euler.1",
        ),
        "few-steps": Wrong(
            {"en": "four Euler steps are said to be enough", "zh": "以为四步 Euler 就够了"},
            Belief(euler=lambda steps: euler_factor(steps) if steps < 4 else DEVIATION),
            "euler.4",
        ),
    }

    def predict(self) -> dict[str, Prediction]:
        titles: dict[str, Text] = {
            "middle": {"en": "deviation half-way less the formula", "zh": "中途的标准差减去公式"},
            "end": {"en": "deviation at the end", "zh": "终点的标准差"},
            "bend": {"en": "bend of the flow less s (2 - pi/2)", "zh": "流的弯曲量减去 s (2 - π/2)"},
            "one-step": {
                "en": "farthest end of one Euler step from the mean of a mixture",
                "zh": "在高斯混合上，一步 Euler 的终点离均值的最大距离",
            },
        } | {
            f"euler.{n}": {
                "en": f"deviation after {n} Euler steps less the product",
                "zh": f"{n} 步 Euler 后的标准差减去乘积公式",
            }
            for n in EULER
        }
        method = f"Heun's method, {FINE} steps; Euler's method"
        return stated(self.expect(self.subject), titles, MARGIN, self._rounding, method)

    def expect(self, subject: Belief) -> dict[str, float]:
        return {
            "middle": spread(0.5) - subject.middle(),
            "end": DEVIATION,
            "bend": DEVIATION * (2 - math.pi / 2) - subject.bend(),
            "one-step": 0.0,
        } | {f"euler.{n}": euler_factor(n) - subject.euler(n) for n in EULER}

    @property
    def _rounding(self) -> float:
        return 50 * FINE**0.5 * self.setting.rounding

    def _gaussian(self) -> Gaussian:
        one = self.setting.tensor([1.0])
        return Gaussian(MEAN * one, DEVIATION**2 * one)

    def _velocity(self, oracle: Oracle, x: Tensor, t: float) -> Tensor:
        return PATH.velocity(oracle, x, max(t, FIRST))

    def _heun(self, x: Tensor) -> list[Tensor]:
        """States at i/FINE; the last step ends on the denoiser, where the velocity is 0/0."""
        law, h = self._gaussian(), 1 / FINE
        states = [x]
        for i in range(FINE):
            first = self._velocity(law, x, i * h)
            after = x + h * first
            x = after if i == FINE - 1 else x + h / 2 * (first + self._velocity(law, after, (i + 1) * h))
            states.append(x)
        return states

    def _euler(self, oracle: Oracle, x: Tensor, steps: int) -> Tensor:
        for i in range(steps):
            x = x + self._velocity(oracle, x, i / steps) / steps
        return x

    def measure(self, subject: Belief) -> Measurement:
        pair = self.setting.tensor([[0.0], [1.0]])  # the flow is affine: two starts show it all

        def deviation(ends: Tensor) -> float:
            return float(ends[1, 0].double() - ends[0, 0].double())

        spreads = [deviation(state) for state in self._heun(pair)]
        chord = spreads[-1] - spreads[0]
        slopes = [(b - a) * FINE for a, b in zip(spreads[:-1], spreads[1:], strict=True)]
        # A mean slope over a step is the slope at its middle but for O(h^2): the midpoint rule.
        bend = math.fsum((chord - slope) ** 2 for slope in slopes) / FINE
        mixture = two_clouds(self.setting.device)
        mean = (mixture.log_weights.exp() @ mixture.means).to(pair)
        landed = self._euler(mixture, self.setting.latents.normal("straightness.start", 256, 2), 1)
        found = {
            "middle": spreads[FINE // 2] - subject.middle(),
            "end": spreads[-1],
            "bend": bend - subject.bend(),
            "one-step": float((landed - mean).abs().max()),
        } | {f"euler.{n}": deviation(self._euler(self._gaussian(), pair, n)) - subject.euler(n) for n in EULER}
        intervals = {name: exact(value, self._rounding) for name, value in found.items()}
        return Measurement(intervals, {"spreads": spreads, "bend": bend})

    def picture(self, measurements: dict[str, Measurement]) -> Picture:
        times = [k / 40 for k in range(41)]
        series = []
        for z, tone in ((-1.5, 0), (0.5, 1), (1.5, 2)):
            curve = [t * MEAN + z * spread(t) for t in times]
            chord = [z + t * (curve[-1] - z) for t in times]
            name = {"en": f"flow from {z:g}", "zh": f"从 {z:g} 出发的流"}
            series.append(Series(name, times, curve, tone=tone))
            line = {"en": f"its chord, {z:g}", "zh": f"它的弦，{z:g}"}
            series.append(Series(line, times[::4], chord[::4], "points", tone=tone))
        landing = {"en": "one Euler step", "zh": "一步 Euler"}
        series.append(Series(landing, [0.0, 1.0], [1.5, MEAN], tone=4))
        half = measurements[""].traces["spreads"][FINE // 2]
        return Picture(
            title={"en": "The flow between two Gaussians is not straight", "zh": "两个高斯之间的流不是直线"},
            description={
                "en": f"Flow lines from N(0, 1) at t = 0 to N({MEAN:g}, {DEVIATION:g}²) at t = 1 with their chords. "
                f"Half-way the deviation is {half:.4f}; the chords have {(1 + DEVIATION) / 2:g}. The tangent at the "
                "start points to the mean of the data.",
                "zh": f"从 t = 0 的 N(0, 1) 到 t = 1 的 N({MEAN:g}, {DEVIATION:g}²) 的流线及其弦。"
                f"中途的标准差为 {half:.4f}，弦上则为 {(1 + DEVIATION) / 2:g}。起点处的切线指向数据的均值。",
            },
            x_title={"en": "time t", "zh": "时间 t"},
            y_title={"en": "x", "zh": "x"},
            series=series,
        )

    def summary(self, measurement: Measurement) -> Text:
        spreads, bend = measurement.traces["spreads"], measurement.traces["bend"]
        left = [measurement.intervals[f"euler.{n}"].estimate + euler_factor(n) for n in EULER]
        listed = [f"{value:.4f}" for value in left]
        counts = [str(n) for n in EULER]
        return {
            "en": f"Deviation half-way {spreads[FINE // 2]:.4f}, bend {bend:.4f}; after {', '.join(counts)} Euler "
            f"steps {', '.join(listed)} of {DEVIATION:g}.",
            "zh": f"中途标准差 {spreads[FINE // 2]:.4f}，弯曲量 {bend:.4f}；{'、'.join(counts)} 步 Euler 后的标准差为 "
            f"{'、'.join(listed)}，应为 {DEVIATION:g}。",
        }
