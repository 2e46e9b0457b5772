r"""train-parameterisations: which parameterisation errs at which noise level, against the exact denoiser.

At equal networks, data, steps and learning rate only c_skip, c_out and the weight differ. A network's own error e
becomes an error c_out e of D: for eps c_out = sigma, so D is wrong where there is much noise; for x0 c_out = 1, so D
is wrong where there is little and the data need digits; F bounds both, c_out = sigma sigma_d / sqrt(sigma^2 +
sigma_d^2) (param.eps-plateau, edm.precond). The target is a mixture whose denoiser is known, so the error
E|D - D*|^2 is measured and not a loss; several seeds give its spread.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import torch

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
from verify.experiments.preconditioning import Preconditioner, data_prediction, edm, noise_prediction
from verify.experiments.statistics import Interval, Span
from verify.experiments.training.config import Config
from verify.experiments.training.data import SIGMA_DATA, Data, load
from verify.experiments.training.loop import train
from verify.experiments.training.quality import errors_by_level

SEEDS = 2
STEPS, BATCH, WIDTH = 1000, 256, 96
SIGMAS = (0.02, 0.1, 0.5, 2.0, 20.0)
NOISY, CLEAN = SIGMAS[-1], SIGMAS[0]
LARGE, SMALL = 10.0, 2.0
RIGHT: dict[str, Preconditioner] = {"F": edm(SIGMA_DATA), "eps": noise_prediction(), "x0": data_prediction()}
NAMES: dict[str, Text] = {
    "F": {"en": "F, EDM's weight", "zh": "F，EDM 权重"},
    "eps": {"en": "noise, plain loss", "zh": "预测噪声，朴素损失"},
    "x0": {"en": "data, plain loss", "zh": "预测数据，朴素损失"},
}


@dataclass(frozen=True)
class Choice:
    """What stands behind each name."""

    of: tuple[tuple[str, Preconditioner], ...] = tuple(RIGHT.items())


def instead(**other: Preconditioner) -> Choice:
    """The right parameterisations with some exchanged."""
    return Choice(tuple((RIGHT | other).items()))


@experiment(
    name="train-parameterisations",
    title={
        "en": "Noise prediction errs at high noise, data prediction at low noise",
        "zh": "预测噪声在高噪声处出错，预测数据在低噪声处出错",
    },
    claims=("param.eps-plateau", "edm.precond"),
    prediction={
        "en": "Trained alike, noise prediction has more than ten times the error of F at sigma = 20, and data "
        "prediction more than twice the error of F at sigma = 0.02; both on every seed.",
        "zh": "同样训练之后，预测噪声在 σ = 20 处的误差超过 F 的十倍，预测数据在 σ = 0.02 处超过 F 的两倍；"
        "每个种子都如此。",
    },
    quick=False,
)
class Parameterisations(Experiment):
    subject = Choice()
    wrong = {
        "any-at-high-noise": Wrong(
            {"en": "noise prediction with F's skip connection: no worse at high noise",
             "zh": "预测噪声改用 F 的跳跃连接：高噪声处并不更差"},
            instead(eps=RIGHT["F"]),
            "noisy",
        ),
        "any-at-low-noise": Wrong(
            {"en": "data prediction with F's skip connection: no worse at low noise",
             "zh": "预测数据改用 F 的跳跃连接：低噪声处并不更差"},
            instead(x0=RIGHT["F"]),
            "clean",
        ),
        "noise-with-edm-weight": Wrong(
            {"en": "F exchanged for noise prediction under EDM's weight", "zh": "把 F 换成 EDM 权重下的噪声预测"},
            instead(F=replace(noise_prediction(), weight=RIGHT["F"].weight)),
            "noisy",
        ),
    }  # fmt: skip

    def predict(self) -> dict[str, Prediction]:
        titles = {
            "noisy": ({"en": "error of eps over that of F, sigma = 20", "zh": "σ = 20 处 eps 与 F 误差之比"}, LARGE),
            "clean": ({"en": "error of x0 over that of F, sigma = 0.02", "zh": "σ = 0.02 处 x0 与 F 误差之比"}, SMALL),
        }
        return {
            name: Prediction(title, least, Span(least, math.inf), Span(least, math.inf), 0.0, "range over seeds")
            for name, (title, least) in titles.items()
        }

    def expect(self, subject: Choice) -> dict[str, float]:
        return {}

    @cached_property
    def _data(self) -> Data:
        return load("toy").to(self.setting.device)

    @cached_property
    def _errors(self) -> Callable[[Preconditioner], list[list[float]]]:
        """Errors by level, one list a seed; each parameterisation is trained once."""
        known: dict[int, list[list[float]]] = {}

        def errors(chosen: Preconditioner) -> list[list[float]]:
            if id(chosen) not in known:
                known[id(chosen)] = [self._train(chosen, seed) for seed in range(SEEDS)]
            return known[id(chosen)]

        return errors

    def _train(self, chosen: Preconditioner, seed: int) -> list[float]:
        number = self.setting.seed * SEEDS + seed
        config = Config("edm", "toy", steps=STEPS, batch=BATCH, width=WIDTH, seed=number).complete()
        with torch.enable_grad():
            trained = train(config, self._data, chosen=chosen)
        rows = errors_by_level(trained.denoise, self._data, list(SIGMAS), number, rows=4096)
        return [row["error"] for row in rows]

    def measure(self, subject: Choice) -> Measurement:
        found = {name: self._errors(chosen) for name, chosen in subject.of}
        intervals = {
            "noisy": self._ratio(found["eps"], found["F"], SIGMAS.index(NOISY)),
            "clean": self._ratio(found["x0"], found["F"], SIGMAS.index(CLEAN)),
        }
        return Measurement(intervals, found)

    @staticmethod
    def _ratio(above: list[list[float]], below: list[list[float]], level: int) -> Interval:
        """From the least to the greatest ratio over all pairs of seeds; the estimate is their geometric mean."""
        ratios = [a[level] / b[level] for a in above for b in below]
        return Interval(min(ratios), max(ratios), math.exp(sum(map(math.log, ratios)) / len(ratios)))

    def picture(self, measurements: dict[str, Measurement]) -> Picture:
        logsnr = [-2 * math.log(sigma) for sigma in SIGMAS]
        series = []
        for tone, (name, runs) in enumerate(measurements[""].traces.items()):
            low, high = ([pick(run[k] for run in runs) for k in range(len(SIGMAS))] for pick in (min, max))
            middle = [math.sqrt(a * b) for a, b in zip(low, high, strict=True)]
            series.append(Series(NAMES[name], logsnr, middle, "marked", low, high, tone))
        noisy, clean = (measurements[""].intervals[name].estimate for name in ("noisy", "clean"))
        return Picture(
            title={"en": "Error against the exact denoiser by logSNR", "zh": "按 logSNR 与精确去噪器的误差"},
            description={
                "en": f"Mean squared error per dimension, {SEEDS} seeds. At sigma = {NOISY:g} noise prediction errs "
                f"{noisy:.0f} times as much as F, at sigma = {CLEAN:g} data prediction {clean:.1f} times as much.",
                "zh": f"每维的均方误差，{SEEDS} 个种子。σ = {NOISY:g} 处预测噪声的误差是 F 的 {noisy:.0f} 倍，"
                f"σ = {CLEAN:g} 处预测数据的误差是 F 的 {clean:.1f} 倍。",
            },
            x_title={"en": "logSNR", "zh": "logSNR"},
            y_title={"en": "mean squared error per dimension", "zh": "每维的均方误差"},
            series=series,
            y_log=True,
        )

    def summary(self, measurement: Measurement) -> Text:
        noisy, clean = measurement.intervals["noisy"], measurement.intervals["clean"]
        return {
            "en": f"Over F's error: noise prediction at sigma = {NOISY:g} {noisy.low:.0f} to {noisy.high:.0f} times, "
            f"data prediction at sigma = {CLEAN:g} {clean.low:.1f} to {clean.high:.1f} times, over all pairs of "
            f"{SEEDS} seeds.",
            "zh": f"与 F 的误差之比（{SEEDS} 个种子的所有配对）：σ = {NOISY:g} 处预测噪声为 {noisy.low:.0f} 至 "
            f"{noisy.high:.0f} 倍，σ = {CLEAN:g} 处预测数据为 {clean.low:.1f} 至 {clean.high:.1f} 倍。",
        }
