r"""train-float32: near zero noise the textbook formulas keep few digits in single precision; other forms keep all.

A noise level that is the root of a difference of nearly equal numbers loses what the difference loses. Three of them,
each with a form that does not subtract:

    VP      sqrt(e^B - 1)              sqrt(expm1(B)),                         B(t) = 19.9 t^2/2 + 0.1 t
    DDPM    sqrt((1 - abar)/abar)      sqrt(expm1(-sum log1p(-beta)))
    iDDPM   sqrt(sin^2 a/sin^2 b - 1)  sqrt(sin(a - b) sin(a + b)) / sin b

with the last two angles a > b of the cosine schedule (edm.iddpm-row). At t = 10^-5 the first is off by one part in
forty: e^B - 1 comes out as 2^-20, eight units in the last place of 1, where 1.001e-6 is right (train.float32; Karras
et al. 2022, appendix C). All is computed in float32, whatever the setting, and compared with float64.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
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
from verify.experiments.statistics import around, exact, exact_blind

TIME, BETA = 1e-5, 1e-4
UNIT = math.pi / 2 / (1000 * 1.008)  # angle of one step of the cosine schedule
ANGLES = (1000 * UNIT, 999 * UNIT)
MARGIN = 1e-5
ROUNDING = 2.0**-20  # a few operations of float32, one of them next to a zero of the sine
TIMES = [10 ** (k / 8 - 6) for k in range(41)]

Level = Callable[[Tensor], Tensor]


def rate(t: Tensor) -> Tensor:
    """B(t) of the VP process."""
    return 19.9 / 2 * t * t + 0.1 * t


def vp(t: Tensor) -> Tensor:
    return torch.expm1(rate(t)).sqrt()


def vp_textbook(t: Tensor) -> Tensor:
    return (torch.exp(rate(t)) - 1).sqrt()


def vp_leading(t: Tensor) -> Tensor:
    return (0.1 * t).sqrt()


def ddpm(beta: Tensor) -> Tensor:
    """The first level of the linear schedule."""
    return torch.expm1(-torch.log1p(-beta)).sqrt()


def ddpm_textbook(beta: Tensor) -> Tensor:
    kept = 1 - beta
    return ((1 - kept) / kept).sqrt()


def iddpm(angles: Tensor) -> Tensor:
    """The last level before zero; angles are a, b and a - b."""
    a, b, step = angles
    return (torch.sin(step) * torch.sin(a + b)).sqrt() / torch.sin(b)


def iddpm_textbook(angles: Tensor) -> Tensor:
    a, b, _ = angles
    return (torch.sin(a) ** 2 / torch.sin(b) ** 2 - 1).sqrt()


def single(value: float) -> float:
    """The nearest number of single precision."""
    return float(struct.unpack("f", struct.pack("f", value))[0])


@dataclass(frozen=True)
class Levels:
    """How three small noise levels are computed."""

    vp: Level = vp
    ddpm: Level = ddpm
    iddpm: Level = iddpm


INPUTS: dict[str, float | tuple[float, ...]] = {"vp": TIME, "ddpm": BETA, "iddpm": (*ANGLES, UNIT)}


@experiment(
    name="train-float32",
    title={
        "en": "Small noise levels need formulas that do not subtract",
        "zh": "计算小噪声水平，公式里不能有相近数相减",
    },
    claims=("train.float32",),
    prediction={
        "en": "In single precision, forms without a subtraction give the smallest levels of VP, DDPM and iDDPM to one "
        "part in 100,000; the textbook form of VP gives 0.0009765625 at t = 0.00001 instead of 0.0010004976.",
        "zh": "单精度下，不含相减的写法算出的 VP、DDPM、iDDPM 最小噪声水平误差不到十万分之一；"
        "VP 的教科书公式在 t = 0.00001 处给出 0.0009765625，而不是 0.0010004976。",
    },
)
class SinglePrecision(Experiment):
    subject = Levels()
    wrong = {
        "vp-textbook": Wrong(
            {"en": "VP's level as the root of exp(B) - 1", "zh": "VP 的噪声水平写成 exp(B) - 1 的平方根"},
            replace(Levels(), vp=vp_textbook),
            "vp",
        ),
        "vp-leading": Wrong(
            {"en": "only the leading term of B", "zh": "B 只留首项"},
            replace(Levels(), vp=vp_leading),
            "vp",
        ),
        "one-less-abar": Wrong(
            {"en": "1 - abar by subtraction", "zh": "用减法算 1 - ᾱ"},
            replace(Levels(), ddpm=ddpm_textbook),
            "ddpm",
        ),
        "iddpm-textbook": Wrong(
            {"en": "iDDPM's last level by subtraction", "zh": "用减法算 iDDPM 的最后一个噪声水平"},
            replace(Levels(), iddpm=iddpm_textbook),
            "iddpm",
        ),
    }

    def predict(self) -> dict[str, Prediction]:
        texts: dict[str, Text] = {
            "vp": {"en": f"relative error of VP's level at t = {TIME:g}", "zh": f"VP 在 t = {TIME:g} 处的相对误差"},
            "ddpm": {"en": "of DDPM's first level", "zh": "DDPM 第一个噪声水平的相对误差"},
            "iddpm": {"en": "of iDDPM's last level before zero", "zh": "iDDPM 归零前最后一个噪声水平的相对误差"},
        }
        margin = around(0.0, MARGIN)
        return {
            name: Prediction(texts[name], value, margin, exact_blind(margin, ROUNDING), 0.0, "float64")
            for name, value in self.expect(self.subject).items()
        }

    def expect(self, subject: Levels) -> dict[str, float]:
        """Of the wrong forms, by rounding every operation to 24 bits in Python."""
        found = dict.fromkeys(INPUTS, 0.0)
        power = 19.9 / 2 * TIME**2 + 0.1 * TIME
        if subject.vp is vp_textbook:
            found["vp"] = math.sqrt((single(math.exp(power)) - 1) / math.expm1(power)) - 1
        if subject.vp is vp_leading:
            found["vp"] = math.sqrt(0.1 * TIME / math.expm1(power)) - 1
        if subject.ddpm is ddpm_textbook:
            kept = single(1 - single(BETA))
            found["ddpm"] = math.sqrt((1 - kept) / kept * (1 - BETA) / BETA) - 1
        if subject.iddpm is iddpm_textbook:
            a, b = (single(single(math.sin(single(angle))) ** 2) for angle in ANGLES)
            exact_ratio = math.sin(UNIT) * math.sin(sum(ANGLES)) / math.sin(ANGLES[1]) ** 2
            found["iddpm"] = math.sqrt((single(a / b) - 1) / exact_ratio) - 1
        return found

    def _relative(self, level: Level, right: Level, at: float | tuple[float, ...]) -> float:
        """Error of `level` in float32 against `right` in float64."""
        x = torch.tensor(at, dtype=torch.float64, device=self.setting.device)
        return float(level(x.float()).double() / right(x) - 1)

    def measure(self, subject: Levels) -> Measurement:
        right = Levels()
        found = {name: self._relative(getattr(subject, name), getattr(right, name), at) for name, at in INPUTS.items()}
        curve = [max(abs(self._relative(subject.vp, vp, t)), 2.0**-26) for t in TIMES]
        return Measurement({name: exact(value, ROUNDING) for name, value in found.items()}, {"curve": curve})

    def picture(self, measurements: dict[str, Measurement]) -> Picture:
        shown: list[tuple[str, Text]] = [
            ("", {"en": "expm1", "zh": "expm1"}),
            ("vp-textbook", {"en": "exp, then less 1", "zh": "先 exp 再减一"}),
            ("vp-leading", {"en": "leading term", "zh": "只留首项"}),
        ]
        worst = measurements["vp-textbook"].intervals["vp"].estimate
        return Picture(
            title={"en": "Relative error of VP's noise level", "zh": "VP 噪声水平的相对误差"},
            description={
                "en": f"In single precision, against time. The textbook form is off by {100 * abs(worst):.1f} % at "
                f"t = {TIME:g}, and by more before; expm1 keeps all digits.",
                "zh": f"单精度下随时间的变化。教科书公式在 t = {TIME:g} 处偏差 {100 * abs(worst):.1f}%，"
                "时间更小时更大；expm1 则不损失数字。",
            },
            x_title={"en": "time t", "zh": "时间 t"},
            y_title={"en": "relative error", "zh": "相对误差"},
            series=[Series(title, TIMES, measurements[key].traces["curve"], "marked") for key, title in shown],
            x_log=True,
            y_log=True,
        )

    def summary(self, measurement: Measurement) -> Text:
        worst = max(abs(interval.estimate) for interval in measurement.intervals.values())
        plain = math.sqrt(single(math.exp(19.9 / 2 * TIME**2 + 0.1 * TIME)) - 1)
        return {
            "en": f"The largest relative error of the forms without subtraction is {worst:.1e}; the textbook form of "
            f"VP rounds to {plain:.10f}.",
            "zh": f"不含相减的写法，最大相对误差为 {worst:.1e}；VP 的教科书公式舍入成 {plain:.10f}。",
        }
