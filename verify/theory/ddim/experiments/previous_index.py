r"""ddim-previous-index: a step must land where the next one starts, and the list must start at pure noise.

A list of n of DDPM's 1000 levels, a deterministic step from each entry to the next, to no noise after the last. On
N(m, s^2) the map is affine: the response to 0 and to 1 shows the samples' mean and deviation, and both follow from a
product of known factors. When the target of a step is taken one fixed stride back instead, it is not on the list:
the next step reads a point as noisier than it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

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
from verify.experiments.grids import alpha_bars, linear_betas, subset
from verify.experiments.oracles import Gaussian
from verify.experiments.samplers import Counted, Denoise, ddim
from verify.experiments.statistics import around, exact, exact_blind

LEVELS = 1000
BARS = (1.0, *alpha_bars(linear_betas(LEVELS)))  # BARS[k + 1] is the table's entry k; BARS[0] is no noise
MEAN, DEVIATION = 1.0, 0.5
FEW = 7
COUNTS = (5, 7, 10, 15, 20, 30, 50, 100, 200)
EVERY = range(2, 201)
MARGIN = 1e-3

Targets = Callable[[list[int], int], list[int]]


def next_entries(times: list[int], n: int) -> list[int]:
    """-1 stands for no noise."""
    return [*times[1:], -1]


def one_stride_back(times: list[int], n: int) -> list[int]:
    return [max(t - LEVELS // n, -1) for t in times]


def linspace(n: int) -> list[int]:
    return subset(n, LEVELS, "linspace")


def leading(n: int) -> list[int]:
    return subset(n, LEVELS, "leading")


def ending_twice(n: int) -> list[int]:
    """A list with its last entry repeated, as a loop over pairs leaves it."""
    return [*linspace(n), 0]


@dataclass(frozen=True)
class Listing:
    """Which entries are visited, noisiest first, and where the step from each lands."""

    times: Callable[[int], list[int]] = linspace
    targets: Targets = next_entries

    def pairs(self, n: int) -> list[tuple[int, int]]:
        times = self.times(n)
        return list(zip(times, self.targets(times, n), strict=True))

    def stray(self, n: int) -> int:
        """How far, in entries of the table, a step lands from where the next one starts."""
        pairs = self.pairs(n)
        return max(abs(target - t) for (_, target), (t, _) in zip(pairs[:-1], pairs[1:], strict=True))

    def law(self, n: int) -> tuple[float, float]:
        """Mean and deviation of the samples from N(0, 1): x' = sqrt(b) D + sqrt(1 - b) e, step by step."""
        mean, slope = 0.0, 1.0
        for t, target in self.pairs(n):
            a, b = BARS[t + 1], BARS[target + 1]
            v = a * DEVIATION**2 + 1 - a  # of the level
            share = math.sqrt(a) * DEVIATION**2 / v
            factor = math.sqrt(b) * share + math.sqrt((1 - b) * (1 - a)) / v
            mean, slope = math.sqrt(b) * MEAN + factor * (mean - math.sqrt(a) * MEAN), factor * slope
        return mean, slope

    def run(self, denoise: Denoise, x: Tensor, n: int) -> Tensor:
        """The samples that start at x in DDPM's units."""
        for t, target in self.pairs(n):
            a, b = BARS[t + 1], BARS[target + 1]
            level = math.sqrt((1 - a) / a)
            clean = denoise(x / math.sqrt(a), level)
            x = math.sqrt(b) * clean + math.sqrt((1 - b) / (1 - a)) * (x - math.sqrt(a) * clean)
        return x


class Chained(Listing):
    """The right version, run by the sampler of the library in units of the clean signal."""

    def run(self, denoise: Denoise, x: Tensor, n: int) -> Tensor:
        levels = [math.sqrt((1 - BARS[t + 1]) / BARS[t + 1]) for t in self.times(n)]
        return ddim(denoise, x / math.sqrt(BARS[self.times(n)[0] + 1]), [*levels, 0.0])


@experiment(
    name="ddim-previous-index",
    title={
        "en": "A step lands where the next one starts",
        "zh": "每一步都落在下一步的起点上",
    },
    claims=("ddim.previous-index", "ddim.is-euler"),
    prediction={
        "en": "With the next entry as target no step of any list strays. In seven steps samples of N(1, 0.25) then "
        "have mean 0.998 and deviation 0.302; with targets one stride back they have another law, and a list that "
        "starts short of the last level darkens them.",
        "zh": "以下一项为目标时，任何列表都没有错位。走七步时，N(1, 0.25) 的样本均值为 0.998，标准差为 0.302；"
        "目标取退后固定步幅时分布就变了；列表若不从最后一层开始，样本会偏暗。",
    },
)
class PreviousIndex(Experiment):
    subject = Chained()
    wrong = {
        "one-stride-back": Wrong(
            {"en": "the target is one stride back, whatever the list", "zh": "不管列表如何，目标总取退后一个步幅"},
            Listing(targets=one_stride_back),
            "stray",
            "huggingface/diffusers issues 11347 and 9261",
        ),
        "one-stride-back-law": Wrong(
            {"en": "the same, seen in the samples", "zh": "同上，从样本上看"},
            Listing(targets=one_stride_back),
            "mean",
        ),
        "one-stride-back-always": Wrong(
            {"en": "the same, on lists of other lengths", "zh": "同上，换用其他长度的列表"},
            Listing(targets=one_stride_back),
            "lists",
        ),
        "leading": Wrong(
            {"en": "a list that never visits the last level", "zh": "列表从不经过最后一层"},
            Listing(times=leading),
            "mean",
            "huggingface/diffusers issue 2585",
        ),
        "ending-twice": Wrong(
            {"en": "a list that ends in the same entry twice", "zh": "列表末尾同一项出现两次"},
            Listing(times=ending_twice),
            "calls",
        ),
    }

    def predict(self) -> dict[str, Prediction]:
        titles: dict[str, Text] = {
            "stray": {
                "en": f"entries between a step's end and the next one's start, {FEW} steps",
                "zh": f"一步的终点与下一步起点相差几项，{FEW} 步",
            },
            "lists": {
                "en": f"lists of {EVERY[0]} to {EVERY[-1]} steps with a stray step",
                "zh": f"{EVERY[0]} 到 {EVERY[-1]} 步的列表中有错位的个数",
            },
            "calls": {"en": f"evaluations in {FEW} steps", "zh": f"{FEW} 步的求值次数"},
            "mean": {"en": f"mean of the samples, {FEW} steps", "zh": f"样本均值，{FEW} 步"},
            "deviation": {"en": f"deviation of the samples, {FEW} steps", "zh": f"样本标准差，{FEW} 步"},
        }
        predictions = {}
        for name, value in self.expect(self.subject).items():
            counted = name in ("stray", "lists", "calls")
            margin = around(value, 0.0 if counted else MARGIN)
            blind = margin if counted else exact_blind(margin, self._rounding)
            method = "counted" if counted else "the sampler's response to 0 and 1"
            predictions[name] = Prediction(titles[name], value, margin, blind, 0.0, method, counted=counted)
        return predictions

    def expect(self, subject: Listing) -> dict[str, float]:
        mean, slope = subject.law(FEW)
        return {
            "stray": float(subject.stray(FEW)),
            "lists": float(sum(subject.stray(n) > 0 for n in EVERY)),
            "calls": float(len(subject.times(FEW))),
            "mean": mean,
            "deviation": slope,
        }

    @property
    def _rounding(self) -> float:
        return 200 * self.setting.rounding

    def measure(self, subject: Listing) -> Measurement:
        mean, slope, calls = self._response(subject, FEW)
        intervals = {
            "stray": exact(float(subject.stray(FEW)), 0.0),
            "lists": exact(float(sum(subject.stray(n) > 0 for n in EVERY)), 0.0),
            "calls": exact(float(calls), 0.0),
            "mean": exact(mean, self._rounding),
            "deviation": exact(slope, self._rounding),
        }
        found = [self._response(subject, n) for n in COUNTS]
        return Measurement(intervals, {"means": [f[0] for f in found], "deviations": [f[1] for f in found]})

    def _response(self, subject: Listing, n: int) -> tuple[float, float, int]:
        one = self.setting.tensor([1.0])
        denoise = Counted(Gaussian(MEAN * one, DEVIATION**2 * one).denoise)
        low, high = subject.run(denoise, self.setting.tensor([[0.0], [1.0]]), n)[:, 0].double().tolist()
        return low, high - low, denoise.calls

    def picture(self, measurements: dict[str, Measurement]) -> Picture:
        shown: dict[str, Text] = {
            "": {"en": "the next entry", "zh": "下一项"},
            "one-stride-back": {"en": "one stride back", "zh": "退后一个步幅"},
            "leading": {"en": "never at the last level", "zh": "不经过最后一层"},
        }
        traces = {key: measurements[key].traces for key in shown}
        seven = COUNTS.index(FEW)
        means = [traces[key]["means"][seven] for key in shown]
        deviations = [traces[key]["deviations"][seven] for key in shown]
        return Picture(
            title={"en": "Mean of the samples against the number of steps", "zh": "样本均值随步数的变化"},
            description={
                "en": "Mean of DDIM's samples of N(1, 0.25) against the number of steps, logarithmic. In seven steps "
                f"{means[0]:.3f} with the next entry as target, {means[1]:.3f} with one stride back, {means[2]:.3f} "
                f"for a list that misses the last level. The deviations are {deviations[0]:.3f}, {deviations[1]:.3f}, "
                f"{deviations[2]:.3f}: the noise that stray steps leave happens to make up for some of what few steps "
                "lose, so a look at the spread alone would not show the slip.",
                "zh": "DDIM 对 N(1, 0.25) 采样所得的均值随步数的变化，横轴为对数。走七步时，"
                f"目标取下一项得 {means[0]:.3f}，退后固定步幅得 {means[1]:.3f}，列表缺最后一层得 {means[2]:.3f}。"
                f"标准差依次为 {deviations[0]:.3f}、{deviations[1]:.3f}、{deviations[2]:.3f}："
                "错位的步子留下的噪声碰巧补回了步数少造成的部分损失，只看离散程度发现不了这个错误。",
            },
            x_title={"en": "number of steps", "zh": "步数"},
            y_title={"en": "mean of the samples", "zh": "样本均值"},
            series=[
                Series(title, [float(n) for n in COUNTS], traces[key]["means"], "marked")
                for key, title in shown.items()
            ],
            x_log=True,
        )

    def summary(self, measurement: Measurement) -> Text:
        found = measurement.intervals
        lists = f"{found['lists'].estimate:.0f}"
        return {
            "en": f"Of the lists of {EVERY[0]} to {EVERY[-1]} steps {lists} have a step that strays. In {FEW} steps "
            f"N(1, 0.25) is sampled with mean {found['mean'].estimate:.4f} and deviation "
            f"{found['deviation'].estimate:.4f}.",
            "zh": f"{EVERY[0]} 到 {EVERY[-1]} 步的列表中有 {lists} 个出现错位。走 {FEW} 步时，N(1, 0.25) "
            f"的样本均值为 {found['mean'].estimate:.4f}，标准差为 {found['deviation'].estimate:.4f}。",
        }
