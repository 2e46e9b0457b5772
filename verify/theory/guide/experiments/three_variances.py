r"""guide-three-variances: one guidance weight, and three variances that are all called its result.

Unconditional N(0, 2), conditional N(0, 1). Everything is linear, so with weight gamma (1 is the conditional model)

    the tilted law p(x|c)^gamma p(x)^{1-gamma}     2 / (gamma + 1)
    guided probability-flow ODE                    2^{1 - gamma}
    guided reverse SDE                             (2 - 2^{2 - 2 gamma}) / (2 gamma - 1)

(guide.gaussian-three-variances). The ODE multiplies its start by a number, which one run gives to the error of
Heun's method; the SDE is sampled with SDE-DPM-Solver++(2M), whose own error in the variance is below 0.5 % here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
from verify.experiments.grids import uniform_logsnr
from verify.experiments.oracles.gaussian import Gaussian
from verify.experiments.samplers.common import Denoise, Noise
from verify.experiments.samplers.guidance import classifier_free, scale_of
from verify.experiments.samplers.ito import sde_dpmpp_2m
from verify.experiments.samplers.ode import heun
from verify.experiments.statistics import FALSE_ALARM, ChiSquare, Span, exact, exact_blind, mean

CONDITIONAL, UNCONDITIONAL = 1.0, 2.0
WEIGHTS = (1.0, 3.0, 5.0)
STEPS, ROWS = 64, 60_000
ODE_STEPS = 256
SIGMA_MIN, SIGMA_MAX = 0.02, 40.0
ODE_MARGIN, SDE_MARGIN = 0.01, 0.07  # relative

Run = Callable[[Denoise, Tensor, Sequence[float], Noise], Tensor]
OfWeight = Callable[[float], float]


def tilted(gamma: float) -> float:
    return 2 / (gamma + 1)


def by_ode(gamma: float) -> float:
    return 2 ** (1 - gamma)


def by_sde(gamma: float) -> float:
    return (2 - 2 ** (2 - 2 * gamma)) / (2 * gamma - 1)


def gaussian(variance: float, like: Tensor) -> Gaussian:
    return Gaussian(torch.zeros_like(like), torch.full_like(like, variance))


def guided(gamma: float, like: Tensor) -> Denoise:
    conditional, unconditional = (gaussian(v, like).denoise for v in (CONDITIONAL, UNCONDITIONAL))
    return classifier_free(conditional, unconditional, gamma)


def weight_for_scale(gamma: float, like: Tensor) -> Denoise:
    """(1 + w) D_c - w D_u with gamma in the place of w = gamma - 1."""
    return guided(scale_of(gamma), like)


def of_law(variance: OfWeight) -> Callable[[float, Tensor], Denoise]:
    """The exact denoiser of a Gaussian that guidance is said to sample."""
    return lambda gamma, like: gaussian(variance(gamma), like).denoise


def ode(denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise) -> Tensor:
    return heun(denoise, x, sigmas)


@dataclass(frozen=True)
class Guidance:
    """The guided denoiser by weight, the sampler called stochastic, and the variances that both samplers must give."""

    field: Callable[[float, Tensor], Denoise] = guided
    stochastic: Run = sde_dpmpp_2m
    by_ode: OfWeight = by_ode
    by_sde: OfWeight = by_sde


@experiment(
    name="guide-three-variances",
    title={
        "en": "Guided ODE, guided SDE and tilted law have three different variances",
        "zh": "带引导的 ODE、带引导的 SDE 与倾斜分布，方差各不相同",
    },
    claims=("guide.gaussian-three-variances", "guide.cfg"),
    prediction={
        "en": "For N(0, 1) guided away from N(0, 2) at weights 1, 3, 5 the ODE gives variances 1, 0.25, 0.0625 and the "
        "SDE 1, 0.3875, 0.2218. The tilted law has 1, 0.5, 0.3333, and neither samples it.",
        "zh": "条件分布 N(0, 1)、无条件分布 N(0, 2)，引导强度为 1、3、5 时，ODE 的方差为 1、0.25、0.0625，"
        "SDE 的方差为 1、0.3875、0.2218；倾斜分布的方差为 1、0.5、0.3333，两种采样都得不到它。",
    },
)
class ThreeVariances(Experiment):
    subject = Guidance()
    wrong = {
        "tilted": Wrong(
            {"en": "the tilted law sampled, as guidance is said to do", "zh": "按通常的说法，采样倾斜分布"},
            Guidance(field=of_law(tilted), by_ode=tilted, by_sde=tilted),
            "ode.3",
        ),
        "tilted-by-sde": Wrong(
            {"en": "the same said of the stochastic sampler", "zh": "对随机采样作同样的断言"},
            Guidance(field=of_law(tilted), by_ode=tilted, by_sde=tilted),
            "sde.5",
        ),
        "reciprocal": Wrong(
            {"en": "the conditional variance divided by the weight", "zh": "条件分布的方差除以引导强度"},
            Guidance(field=of_law(lambda g: 1 / g), by_ode=lambda g: 1 / g, by_sde=lambda g: 1 / g),
            "ode.3",
        ),
        "same-law": Wrong(
            {"en": "the ODE in the place of the SDE, as having the same law", "zh": "认为分布相同，以 ODE 代替 SDE"},
            Guidance(stochastic=ode, by_sde=by_ode),
            "sde.3",
        ),
        "weight-for-scale": Wrong(
            {"en": "the weight w = 0 of the conditional model taken for 1", "zh": "混淆两种记法，强度多出一"},
            Guidance(weight_for_scale, by_ode=lambda g: by_ode(g + 1), by_sde=lambda g: by_sde(g + 1)),
            "ode.1",
        ),
    }  # fmt: skip

    @property
    def law(self) -> ChiSquare:
        return ChiSquare(ROWS, FALSE_ALARM / len(WEIGHTS))

    def predict(self) -> dict[str, Prediction]:
        predictions = {}
        for name, value in self.expect(self.subject).items():
            kind, _, gamma = name.partition(".")
            if kind == "ode":
                title = {
                    "en": f"variance of the guided ODE, weight {gamma}",
                    "zh": f"带引导的 ODE 的方差，强度 {gamma}",
                }
                margin = Span(value * (1 - ODE_MARGIN), value * (1 + ODE_MARGIN))
                blind = exact_blind(margin, self._rounding)
                predictions[name] = Prediction(title, value, margin, blind, 0.0, f"Heun's method, {ODE_STEPS} steps")
            else:
                title = {
                    "en": f"variance of the guided SDE, weight {gamma}",
                    "zh": f"带引导的 SDE 的方差，强度 {gamma}",
                }
                margin = Span(value * (1 - SDE_MARGIN), value * (1 + SDE_MARGIN))
                law = self.law
                method = f"exact chi-square interval; SDE-DPM-Solver++(2M), {STEPS} steps"
                predictions[name] = Prediction(title, value, margin, law.blind(margin), law.false_alarm, method)
        return predictions

    def expect(self, subject: Guidance) -> dict[str, float]:
        found = {f"ode.{g:g}": subject.by_ode(g) for g in WEIGHTS}
        return found | {f"sde.{g:g}": subject.by_sde(g) for g in WEIGHTS}

    @property
    def _rounding(self) -> float:
        return 10 * ODE_STEPS * self.setting.rounding

    @cached_property
    def _latents(self) -> list[Tensor]:
        """Start and the noise of each step; every weight and version uses the same."""
        return [self.setting.latents.normal(f"variances.{i}", ROWS, 1) for i in range(STEPS + 1)]

    def measure(self, subject: Guidance) -> Measurement:
        intervals = {}
        like = self.setting.tensor([0.0])
        fine, coarse = (uniform_logsnr(n, SIGMA_MIN, SIGMA_MAX) for n in (ODE_STEPS, STEPS))
        start, *noise = self._latents
        for g in WEIGHTS:
            denoise = subject.field(g, like)
            factor = heun(denoise, like[None] + SIGMA_MAX, fine)
            intervals[f"ode.{g:g}"] = exact(float(factor.double().square()), self._rounding)
            out = subject.stochastic(denoise, SIGMA_MAX * start, coarse, noise.__getitem__)
            intervals[f"sde.{g:g}"] = self.law.interval(mean(out.double().square()))
        return Measurement(intervals)

    def picture(self, measurements: dict[str, Measurement]) -> Picture:
        grid = [1 + 0.1 * k for k in range(51)]
        found = measurements[""].intervals
        curves: list[tuple[Text, OfWeight]] = [
            ({"en": "tilted law", "zh": "倾斜分布"}, tilted),
            ({"en": "guided SDE", "zh": "带引导的 SDE"}, by_sde),
            ({"en": "guided ODE", "zh": "带引导的 ODE"}, by_ode),
        ]
        series = [Series(title, grid, [f(g) for g in grid], tone=tone) for tone, (title, f) in enumerate(curves)]
        for tone, kind in ((1, "sde"), (2, "ode")):
            points = [found[f"{kind}.{g:g}"] for g in WEIGHTS]
            title = {language: f"{text}{end}" for (language, text), end in zip(
                curves[tone][0].items(), (", sampled", "，实测"), strict=True)}  # fmt: skip
            low, high = [p.low for p in points], [p.high for p in points]
            series.append(Series(title, list(WEIGHTS), [p.estimate for p in points], "points", low, high, tone))
        sampled = found["sde.3"].estimate
        return Picture(
            title={"en": "Variance against the guidance weight", "zh": "方差随引导强度的变化"},
            description={
                "en": "Conditional law N(0, 1), unconditional law N(0, 2). The tilted law, the guided SDE and the "
                f"guided ODE part as soon as the weight exceeds 1; at weight 3 the SDE samples {sampled:.3f}.",
                "zh": "条件分布 N(0, 1)，无条件分布 N(0, 2)。强度一超过 1，倾斜分布、带引导的 SDE 与带引导的 ODE "
                f"就分道扬镳；强度为 3 时，SDE 实测 {sampled:.3f}。",
            },
            x_title={"en": "guidance weight γ", "zh": "引导强度 γ"},
            y_title={"en": "variance", "zh": "方差"},
            series=series,
            y_log=True,
        )

    def summary(self, measurement: Measurement) -> Text:
        found = measurement.intervals
        deterministic, stochastic = (
            ", ".join(f"{found[f'{kind}.{g:g}'].estimate:.4f}" for g in WEIGHTS) for kind in ("ode", "sde")
        )
        return {
            "en": f"Variances at weights 1, 3, 5: guided ODE {deterministic}; guided SDE {stochastic} from "
            f"{ROWS} samples.",
            "zh": f"引导强度为 1、3、5 时的方差：ODE {deterministic.replace(', ', '、')}；"
            f"SDE {stochastic.replace(', ', '、')}（{ROWS} 个样本）。",
        }
