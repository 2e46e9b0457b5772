r"""graft-quantised-levels: a network known at listed noise levels only, asked at others.

The list is iDDPM's (edm.iddpm-row). A network asked at sigma answers for the nearest listed level in ln sigma, so D
changes by at most sup|dD/dln sigma| times that distance; on N(m, s^2) the supremum is |x - m|/2, reached at sigma = s
(graft.quantised-levels). On the list there is no error. Below its smallest level the answer stays what it was there.
Between levels a continuous index is read off linearly in ln sigma, so index j + 1/2 is the level sqrt(u_j u_{j+1}).

Sampling N(m, s^2) is linear also with rounded levels: Heun's step with gains c = s^2/(s^2 + level^2) multiplies
deviations by a known number, and the whole run by the product.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Sequence
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
from verify.experiments.grids import iddpm, iddpm_table, karras
from verify.experiments.oracles.gaussian import Gaussian
from verify.experiments.samplers.ode import heun
from verify.experiments.statistics.verdicts import exact

MEAN, DEVIATION = 0.4, 0.5
STEPS, LARGEST, SMALLEST = 18, 80.0, 0.002
BELOW = 5e-4
MARGIN = 5e-5
TABLE = tuple(u for u in iddpm_table() if u > 0)[::-1]  # rising

Known = Callable[[float], float]  # the level for which the network answers when asked at sigma


def nearest_logarithm(sigma: float) -> float:
    k = bisect.bisect(TABLE, sigma)
    return min(TABLE[max(k - 1, 0) : k + 1], key=lambda u: abs(math.log(u / sigma)))


def exactly(sigma: float) -> float:
    return sigma


def shares(u: float, v: float, sigma: float, geometric: bool) -> float:
    """The share of the way from u to v, in ln sigma or in sigma."""
    return math.log(sigma / u) / math.log(v / u) if geometric else (sigma - u) / (v - u)


def gain(level: float) -> float:
    return DEVIATION**2 / (DEVIATION**2 + level**2)


def heun_factor(sigmas: Sequence[float], known: Known) -> float:
    """What a run of Heun's method makes of a deviation of sigmas[0], over the data's deviation."""
    x = sigmas[0]
    for t, after in zip(sigmas[:-1], sigmas[1:], strict=True):
        first = gain(known(t)) * x
        predicted = first + (after / t) * (x - first)
        if after > 0:
            predicted += (t - after) / (2 * after) * (gain(known(after)) * predicted - first)
        x = predicted
    return x / DEVIATION


@dataclass(frozen=True)
class Belief:
    """How sigma is rounded; what an unlisted level is said to cost; how an index is read between two levels."""

    known: Known = nearest_logarithm
    said: Known = nearest_logarithm
    geometric: bool = True


@experiment(
    name="graft-quantised-levels",
    title={
        "en": "A network known at listed noise levels errs by the distance to the nearest one",
        "zh": "只在若干噪声水平上训练的网络，误差取决于到最近水平的距离",
    },
    claims=("graft.quantised-levels",),
    prediction={
        "en": "With iDDPM's levels rounded to the nearest in the logarithm, D moves by less than half of the distance "
        "in ln sigma at those of EDM's 18 levels that the list covers, and not at all on the list; below the smallest "
        "level it stays; half of an index between u = 0.00935 and 0.00643 is their geometric mean 0.00775.",
        "zh": "用 iDDPM 的噪声水平、按对数取最近者，EDM 的 18 个水平中，表所覆盖的各处 D 的变化小于 ln σ 距离的一半，"
        "在表内的水平上没有变化；低于最小水平时不再改变；"
        "u = 0.00935 与 0.00643 之间半个序号处是几何平均 0.00775。",
    },
)
class QuantisedLevels(Experiment):
    subject = Belief()
    wrong = {
        "no-cost": Wrong(
            {"en": "the network said to be exact between its levels", "zh": "以为在各水平之间调用没有代价"},
            Belief(said=exactly),
            "largest",
        ),
        "rounded-down": Wrong(
            {"en": "rounded down instead of to the nearest", "zh": "向下取整而不取最近者"},
            Belief(known=lambda sigma: TABLE[max(bisect.bisect(TABLE, sigma) - 1, 0)]),
            "bound",
        ),
        "linear-index": Wrong(
            {"en": "the index interpolated linearly in sigma", "zh": "按 σ 对序号线性插值"},
            Belief(geometric=False),
            "half-index",
        ),
        "right-below": Wrong(
            {"en": "the answer said to stay right below the smallest level", "zh": "以为低于最小水平时仍然正确"},
            Belief(said=exactly),
            "below",
        ),
    }

    def predict(self) -> dict[str, Prediction]:
        titles: dict[str, Text] = {
            "listed": {"en": "change of a run of Heun's method on listed levels", "zh": "在表内水平上 Heun 结果的变化"},
            "largest": {
                "en": "largest change of D for |x - m| = 1 at EDM's levels, less what is said",
                "zh": "EDM 各水平上 |x − m| = 1 时 D 的最大变化，减去所说的值",
            },
            "bound": {
                "en": "what the change exceeds half of the least distance in ln sigma by",
                "zh": "变化超出 ln σ 最近距离之半的部分",
            },
            "run": {"en": "deviation of samples of 18 Heun steps", "zh": "18 步 Heun 样本的标准差（相对）"},
            "below": {
                "en": f"change of D for |x - m| = 1 at sigma = {BELOW:g}, less what is said",
                "zh": f"σ = {BELOW:g} 处 |x − m| = 1 时 D 的变化，减去所说的值",
            },
            "half-index": {"en": "index of the geometric mean of two levels", "zh": "两个水平的几何平均的序号"},
        }
        return stated(self.expect(self.subject), titles, MARGIN, self._rounding, "closed forms")

    def expect(self, subject: Belief) -> dict[str, float]:
        def change(known: Known, sigma: float) -> float:
            return abs(gain(known(sigma)) - gain(sigma))

        def largest(known: Known) -> float:
            return max(change(known, sigma) for sigma in self._levels)

        found = {
            "listed": 0.0,
            "largest": largest(subject.known) - largest(subject.said),
            "run": heun_factor([*self._levels, 0.0], subject.known),
            "below": change(subject.known, BELOW) - change(subject.said, BELOW),
            "half-index": shares(TABLE[1], TABLE[0], math.sqrt(TABLE[1] * TABLE[0]), subject.geometric),
        }
        return found | ({"bound": 0.0} if subject.known is nearest_logarithm else {})

    @property
    def _rounding(self) -> float:
        return 100 * self.setting.rounding

    @property
    def _levels(self) -> list[float]:
        """EDM's, without those beyond the ends of the list."""
        return [sigma for sigma in karras(STEPS, SMALLEST, LARGEST, to_zero=False) if TABLE[0] <= sigma <= TABLE[-1]]

    def _gaussian(self) -> Gaussian:
        one = self.setting.tensor([1.0])
        return Gaussian(MEAN * one, DEVIATION**2 * one)

    def _change(self, known: Known, sigma: float) -> float:
        """|D - D'| one unit from the mean."""
        x, denoise = self.setting.tensor([[MEAN + 1.0]]), self._gaussian().denoise
        return float((denoise(x, known(sigma)) - denoise(x, sigma)).abs())

    def _run(self, known: Known, sigmas: Sequence[float]) -> float:
        """Deviation of samples over the data's: the flow is affine, two starts show it."""
        denoise = self._gaussian().denoise
        start = sigmas[0] * self.setting.tensor([[0.0], [1.0]])
        ends = heun(lambda x, sigma: denoise(x, known(sigma)), start, sigmas)[:, 0].double()
        return float(ends[1] - ends[0]) / DEVIATION

    def measure(self, subject: Belief) -> Measurement:
        changes = {sigma: self._change(subject.known, sigma) for sigma in self._levels}
        half = {sigma: 0.5 * abs(math.log(nearest_logarithm(sigma) / sigma)) for sigma in changes}
        listed = iddpm(STEPS)
        found = {
            "listed": self._run(nearest_logarithm, listed) - self._run(exactly, listed),
            "largest": max(changes.values()) - max(self._change(subject.said, sigma) for sigma in changes),
            "bound": max(0.0, *(changes[sigma] - half[sigma] for sigma in changes)),
            "run": self._run(subject.known, [*self._levels, 0.0]),
            "below": self._change(subject.known, BELOW) - self._change(subject.said, BELOW),
            "half-index": self._index_share(subject.geometric),
        }
        intervals = {name: exact(value, self._rounding) for name, value in found.items()}
        return Measurement(intervals, {"changes": changes, "half": half})

    def _index_share(self, geometric: bool) -> float:
        """The index at which a continuous lookup puts the geometric mean, counted from the upper level."""
        table = self.setting.tensor([TABLE[1], TABLE[0]])
        asked = table.log().mean().exp()
        return float(_share(table.log(), asked.log()) if geometric else _share(table, asked))

    def picture(self, measurements: dict[str, Measurement]) -> Picture:
        grid = [0.01 * 1.035**k for k in range(200)]
        changes, half = (measurements[""].traces[key] for key in ("changes", "half"))
        levels = list(changes)
        line = [DEVIATION**2 * t**2 / (DEVIATION**2 + t**2) ** 2 * 2 for t in grid]
        ratio = [changes[t] / (2 * half[t]) if half[t] > 0 else 0.0 for t in levels]
        return Picture(
            title={"en": "Change of D per distance in ln sigma", "zh": "单位 ln σ 距离上 D 的变化"},
            description={
                "en": f"For N({MEAN:g}, {DEVIATION:g}²) one unit from the mean: the derivative of D in ln sigma, at "
                "most 1/2 at sigma = s, and the changes measured at EDM's levels when each is rounded to the nearest "
                f"of iDDPM's. The largest change is {max(changes.values()):.1e}.",
                "zh": f"在 N({MEAN:g}, {DEVIATION:g}²) 上离均值一个单位处：D 对 ln σ 的导数，在 σ = s 处最大，为 1/2；"
                f"以及把 EDM 的各水平取为 iDDPM 最近的水平时测得的变化。最大的变化为 {max(changes.values()):.1e}。",
            },
            x_title={"en": "noise level sigma", "zh": "噪声水平 σ"},
            y_title={"en": "change of D per unit of ln sigma", "zh": "单位 ln σ 上 D 的变化"},
            series=[
                Series({"en": "derivative", "zh": "导数"}, grid, line, tone=0),
                Series({"en": "measured", "zh": "实测"}, levels, ratio, "points", tone=1),
            ],
            x_log=True,
        )

    def summary(self, measurement: Measurement) -> Text:
        changes, run = measurement.traces["changes"], measurement.intervals["run"].estimate
        free = heun_factor([*self._levels, 0.0], exactly)
        return {
            "en": f"Largest change of D at EDM's levels: {max(changes.values()):.2e} for |x - m| = 1; the samples' "
            f"deviation is {run:.5f} of the data's instead of {free:.5f}.",
            "zh": f"EDM 各水平上 D 的最大变化：|x − m| = 1 时为 {max(changes.values()):.2e}；"
            f"样本标准差为数据的 {run:.5f}，不取整时为 {free:.5f}。",
        }


def _share(ends: Tensor, asked: Tensor) -> Tensor:
    return (asked - ends[0]) / (ends[1] - ends[0])
