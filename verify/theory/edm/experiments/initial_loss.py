r"""edm-initial-loss: with a network that returns 0, EDM's loss is 1 per dimension at every noise level.

Let E y = mu and Var y = s^2 in every dimension, x = y + sigma n, and write a = 1 - c_skip, b = c_skip sigma. Then
y - c_skip x = a y - b n has mean square a^2 (s^2 + mu^2) + b^2, so that

    network input    c_in^2 (s^2 + mu^2 + sigma^2)
    network target   (a^2 (s^2 + mu^2) + b^2) / c_out^2
    loss at F = 0    lambda (a^2 (s^2 + mu^2) + b^2)

EDM's coefficients make all three 1 for centred data with s = sigma_data (edm.precond, edm.loss-weight,
edm.init-loss-one), and the target (sigma^2 s^2/sigma_data^2 + sigma_data^2) / (sigma^2 + sigma_data^2) for another s
(edm.sigma-data-mismatch). Only the two moments enter: it is measured on a Gaussian and on two atoms.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

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
from verify.experiments.preconditioning import Preconditioner, edm, ve, vp
from verify.experiments.statistics import FALSE_ALARM, NoncentralSquare, Span, mean

SIGMA_DATA = 0.5
SIGMAS = (0.002, 0.05, 0.5, 5.0, 80.0)
MISMATCH_SIGMAS = (0.01, 0.5, 10.0)
# MNIST scaled to [-1, 1]: mean and standard deviation of its pixels.
MNIST_MEAN, MNIST_DEVIATION = -0.7386, 0.6162
ROWS, DIMENSIONS = 250_000, 4
MARGIN = 0.02
QUANTITIES: dict[str, Text] = {
    "input": {"en": "mean square of the network's input", "zh": "网络输入的均方"},
    "target": {"en": "mean square of the network's target", "zh": "网络目标的均方"},
    "loss": {"en": "loss per dimension at F = 0", "zh": "F = 0 时每维的损失"},
}
LAWS: dict[str, Text] = {
    "gaussian": {"en": "Gaussian data", "zh": "高斯数据"},
    "atoms": {"en": "two atoms", "zh": "两个原子"},
}


def zero(x: Tensor, c_noise: float) -> Tensor:
    """The network at initialisation: its last layer is zero."""
    return torch.zeros_like(x)


@dataclass(frozen=True)
class Training:
    """A preconditioner, the data it meets, and how the loss is reduced (`scale` times the mean over dimensions)."""

    preconditioner: Preconditioner = edm(SIGMA_DATA)
    data_mean: float = 0.0
    data_deviation: float = SIGMA_DATA
    scale: float = 1.0

    def moments(self, sigma: float) -> dict[str, float]:
        """The three closed forms of the module's docstring."""
        c, square = self.preconditioner, self.data_deviation**2 + self.data_mean**2
        residual = (1 - c.c_skip(sigma)) ** 2 * square + (c.c_skip(sigma) * sigma) ** 2
        return {
            "input": c.c_in(sigma) ** 2 * (square + sigma**2),
            "target": residual / c.c_out(sigma) ** 2,
            "loss": self.scale * c.weight(sigma) * residual,
        }


RIGHT = edm(SIGMA_DATA)


def changed(**coefficients: Callable[[float], float]) -> Training:
    """EDM's training with some coefficients replaced."""
    return Training(replace(RIGHT, **coefficients))


@experiment(
    name="edm-initial-loss",
    title={
        "en": "At initialisation the EDM loss is 1 at every noise level",
        "zh": "初始化时，EDM 损失在每个噪声水平上都等于 1",
    },
    claims=("edm.init-loss-one", "edm.precond", "edm.loss-weight", "edm.sigma-data-mismatch"),
    prediction={
        "en": "With F = 0 the network's input, its target and the loss per dimension all have mean square 1 at every "
        "sigma, for any centred data of standard deviation sigma_data; with another deviation s the target has mean "
        "square (sigma² s²/sigma_data² + sigma_data²)/(sigma² + sigma_data²).",
        "zh": "当 F = 0 时，对任何均值为零、标准差为 σ_data 的数据，"
        "网络输入、网络目标的均方以及每维的损失在每个 σ 上都等于 1；"
        "若数据标准差为 s，目标的均方为 (σ² s²/σ_data² + σ_data²)/(σ² + σ_data²)。",
    },
)
class InitialLoss(Experiment):
    subject = Training()
    wrong = {
        "c-skip-swapped": Wrong(
            {"en": "c_skip = sigma²/(sigma² + sigma_data²)", "zh": "c_skip 写成 σ²/(σ² + σ_data²)"},
            changed(c_skip=lambda sigma: sigma**2 / (sigma**2 + SIGMA_DATA**2)),
            "gaussian.loss.5",
        ),
        "c-out-no-root": Wrong(
            {"en": "c_out without the square root", "zh": "c_out 缺少根号"},
            changed(c_out=lambda sigma: sigma * SIGMA_DATA / (sigma**2 + SIGMA_DATA**2)),
            "gaussian.target.5",
        ),
        "c-in-no-root": Wrong(
            {"en": "c_in without the square root", "zh": "c_in 缺少根号"},
            changed(c_in=lambda sigma: 1 / (sigma**2 + SIGMA_DATA**2)),
            "gaussian.input.5",
        ),
        "weight-alphafold3": Wrong(
            {
                "en": "weight (sigma² + sigma_data²)/(sigma + sigma_data)²",
                "zh": "权重写成 (σ² + σ_data²)/(σ + σ_data)²",
            },
            changed(weight=lambda sigma: (sigma**2 + SIGMA_DATA**2) / (sigma + SIGMA_DATA) ** 2),
            "gaussian.loss.0.5",
            "AlphaFold 3; lucidrains/alphafold3-pytorch #68",
        ),
        "weight-twice": Wrong(
            {"en": "the weight applied twice", "zh": "权重乘了两次"},
            changed(weight=lambda sigma: RIGHT.weight(sigma) ** 2),
            "gaussian.loss.0.5",
        ),
        "snr-plus-one": Wrong(
            {"en": "weight 1/sigma² + 1 with sigma_data = 0.5", "zh": "σ_data = 0.5 时权重写成 1/σ² + 1"},
            changed(weight=lambda sigma: 1 / sigma**2 + 1),
            "gaussian.loss.0.5",
        ),
        "uncentred": Wrong(
            {
                "en": "data that are not centred (mean and spread of MNIST)",
                "zh": "未中心化的数据（MNIST 的均值与标准差）",
            },
            Training(data_mean=MNIST_MEAN, data_deviation=MNIST_DEVIATION),
            "gaussian.loss.5",
        ),
        "sigma-data-fixed": Wrong(
            {"en": "sigma_data = 0.5 for centred MNIST", "zh": "对中心化的 MNIST 仍取 σ_data = 0.5"},
            Training(data_deviation=MNIST_DEVIATION),
            "gaussian.target.5",
        ),
        "sum": Wrong(
            {"en": "sum over dimensions instead of the mean", "zh": "对各维求和而不是取平均"},
            Training(scale=float(DIMENSIONS)),
            "gaussian.loss.0.5",
        ),
        "ve-row": Wrong(
            {"en": "the VE row's coefficients", "zh": "用 VE 一行的系数"},
            Training(ve()),
            "gaussian.input.0.5",
        ),
        "vp-row": Wrong(
            {"en": "the VP row's coefficients", "zh": "用 VP 一行的系数"},
            Training(vp()),
            "gaussian.input.0.5",
        ),
    }

    @property
    def law(self) -> NoncentralSquare:
        count = len(LAWS) * len(SIGMAS) * len(QUANTITIES) + len(MISMATCH_SIGMAS)
        return NoncentralSquare(ROWS * DIMENSIONS, FALSE_ALARM / count)

    def _prediction(self, title: Text, value: float) -> Prediction:
        margin = Span(value * (1 - MARGIN), value * (1 + MARGIN))
        law = self.law
        return Prediction(title, value, margin, law.blind(margin), law.false_alarm, "mean square; Birgé's bound")

    def predict(self) -> dict[str, Prediction]:
        expected = self.expect(self.subject)
        predictions = {
            f"{law}.{quantity}.{sigma:g}": self._prediction(
                {key: f"{words[key]}, {name[key]}, sigma = {sigma:g}" for key in name},
                expected[f"{law}.{quantity}.{sigma:g}"],
            )
            for law, name in LAWS.items()
            for sigma in SIGMAS
            for quantity, words in QUANTITIES.items()
        }
        words = {
            "en": f"target when the data's deviation is {MNIST_DEVIATION}",
            "zh": f"数据标准差为 {MNIST_DEVIATION} 时目标的均方",
        }
        for sigma in MISMATCH_SIGMAS:
            value = (sigma**2 * MNIST_DEVIATION**2 / SIGMA_DATA**2 + SIGMA_DATA**2) / (sigma**2 + SIGMA_DATA**2)
            title = {key: f"{text}, sigma = {sigma:g}" for key, text in words.items()}
            predictions[f"mismatch.{sigma:g}"] = self._prediction(title, value)
        return predictions

    def expect(self, subject: Training) -> dict[str, float]:
        expected = {
            f"{law}.{quantity}.{sigma:g}": value
            for law in LAWS
            for sigma in SIGMAS
            for quantity, value in subject.moments(sigma).items()
        }
        other = replace(subject, data_deviation=MNIST_DEVIATION)
        return expected | {f"mismatch.{s:g}": other.moments(s)["target"] for s in MISMATCH_SIGMAS}

    @cached_property
    def _draws(self) -> tuple[Tensor, Tensor]:
        """Noise and unit data, the same for every variant."""
        names = ("initial-loss.noise", "initial-loss.data")
        noise, data = (self.setting.latents.normal(name, ROWS, DIMENSIONS) for name in names)
        return noise, data

    def measure(self, subject: Training) -> Measurement:
        c, law = subject.preconditioner, self.law
        noise, gaussian = self._draws
        standard = {"gaussian": gaussian, "atoms": gaussian.sign()}
        intervals = {}
        for name, unit in standard.items():
            y = subject.data_mean + subject.data_deviation * unit
            for sigma in SIGMAS:
                x = y + sigma * noise
                squares = {
                    "input": mean((c.c_in(sigma) * x).double().square()),
                    "target": mean(c.target(y, x, sigma).double().square()),
                    "loss": subject.scale * mean(c.loss(zero, y, noise, sigma)),
                }
                for quantity, value in squares.items():
                    intervals[f"{name}.{quantity}.{sigma:g}"] = law.interval(value)
        y = subject.data_mean + MNIST_DEVIATION * gaussian
        for sigma in MISMATCH_SIGMAS:
            target = c.target(y, y + sigma * noise, sigma)
            intervals[f"mismatch.{sigma:g}"] = law.interval(mean(target.double().square()))
        return Measurement(intervals)

    def picture(self, measurements: dict[str, Measurement]) -> Picture:
        levels = [10 ** (-2.7 + 0.05 * k) for k in range(93)]
        shown = {
            "": {"en": "EDM", "zh": "EDM"},
            "c-skip-swapped": {"en": "c_skip swapped", "zh": "c_skip 写反"},
            "weight-alphafold3": {"en": "AlphaFold 3's weight", "zh": "AlphaFold 3 的权重"},
            "uncentred": {"en": "uncentred MNIST", "zh": "未中心化的 MNIST"},
        }
        series = []
        for tone, (key, title) in enumerate(shown.items()):
            subject = self.wrong[key].subject if key else self.subject
            curve = [subject.moments(sigma)["loss"] for sigma in levels]
            points = [measurements[key].intervals[f"gaussian.loss.{sigma:g}"] for sigma in SIGMAS]
            measured = {"en": f"{title['en']}, measured", "zh": f"{title['zh']}，实测"}
            series.append(Series(title, levels, curve, tone=tone))
            ends = [p.low for p in points], [p.high for p in points]
            series.append(Series(measured, list(SIGMAS), [p.estimate for p in points], "points", *ends, tone))
        return Picture(
            title={"en": "Loss per dimension of a network that returns 0", "zh": "网络输出为 0 时每维的损失"},
            description={
                "en": "Loss against the noise level, both axes logarithmic. EDM's is flat at 1; every wrong version "
                "leaves 1 at some noise level. Lines are the closed forms, points are measured.",
                "zh": "损失随噪声水平的变化，双对数坐标。EDM 恒为 1；"
                "每种错误写法都在某些噪声水平上偏离 1。曲线是公式，点是实测值。",
            },
            x_title={"en": "noise level sigma", "zh": "噪声水平 σ"},
            y_title={"en": "loss per dimension", "zh": "每维的损失"},
            series=series,
            x_log=True,
            y_log=True,
        )

    def summary(self, measurement: Measurement) -> Text:
        losses = [i.estimate for name, i in measurement.intervals.items() if ".loss." in name]
        low, high = min(losses), max(losses)
        radius = self._prediction({}, 1.0).blind.high - 1
        return {
            "en": f"Loss per dimension over all sigma and both data laws: {low:.4f} to {high:.4f}; a deviation of "
            f"{100 * radius:.1f} % would have been seen.",
            "zh": f"在所有 σ 和两种数据分布上，每维的损失为 {low:.4f} 至 {high:.4f}；"
            f"若有 {100 * radius:.1f}% 的偏差，必已察觉。",
        }
