r"""rev-score-error: a score that is off by one factor, carried by the ODE and forgotten by the SDE.

With (1 + delta) times the score of N(0, s^2) and a start N(0, T), T = sigma_max^2, the variance at the end over s^2 is
(rev.score-error)

    ODE   T/(s^2 + T) (s^2/(s^2 + T))^delta
    SDE   1/(1 + 2 delta) + (T/(s^2 + T) - 1/(1 + 2 delta)) (s^2/(s^2 + T))^{1 + 2 delta}.

All samplers are linear here: their variance is the sum of the squares of the responses to a unit start and to each unit
noise, so nothing is sampled. The formulas belong to vanishing steps. With few steps the SDE loses what it gains: its
discretisation errs more than the ODE's (`few`).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
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
from verify.experiments.grids import karras
from verify.experiments.oracles.gaussian import Gaussian
from verify.experiments.samplers.common import Denoise, Noise
from verify.experiments.samplers.ito import constant, exponential, sde_dpmpp_2m
from verify.experiments.samplers.ode import heun
from verify.experiments.statistics import Span, exact, exact_blind

S, TOP = 0.5, 80.0
DELTAS = (0.05, -0.05)
STEPS, FEW = 400, 18
LAST = 1e-3
MARGIN = 0.005

Sampler = Callable[[Denoise, Tensor, Sequence[float], Noise], Tensor]
Ratio = Callable[[float], float]

SHRUNK = S**2 / (S**2 + TOP**2)


def ode_ratio(delta: float) -> float:
    return (1 - SHRUNK) * SHRUNK**delta


def sde_ratio(delta: float) -> float:
    limit = 1 / (1 + 2 * delta)
    return limit + (1 - SHRUNK - limit) * SHRUNK ** (1 + 2 * delta)


def ode(denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise) -> Tensor:
    return heun(denoise, x, sigmas)


def sde(denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise) -> Tensor:
    """With two outputs: so near to vanishing steps that only the error of the score shows."""
    return sde_dpmpp_2m(denoise, x, sigmas, noise)


def first_order_sde(denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise) -> Tensor:
    """DDPM's steps, what an SDE sampler with few steps is."""
    return exponential(denoise, x, sigmas, noise, constant(1.0))


def corrected(sampler: Sampler) -> Sampler:
    """The sampler with the exact score, whatever denoiser it is given: no error is left."""

    def run(denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise) -> Tensor:
        return sampler(lambda x, t: x * (S**2 / (S**2 + t**2)), x, sigmas, noise)

    return run


def few_ode() -> float:
    """Heun's factors multiplied, over s^2."""
    product = TOP
    for t, after in itertools.pairwise(karras(FEW)):
        first = (after - t) * t / (S**2 + t**2)
        second = (after - t) * after / (S**2 + after**2) * (1 + first)
        product *= 1 + (first + second) / 2 if after > 0 else 1 + first
    return (product / S) ** 2


def few_sde() -> float:
    """V' = a^2 V + b^2 with D = s^2 x / (s^2 + t^2) frozen over a step, over s^2."""
    total = TOP**2
    for t, after in itertools.pairwise(karras(FEW)):
        kept, shrunk = (after / t) ** 2, S**2 / (S**2 + t**2)
        total = (kept + (1 - kept) * shrunk) ** 2 * total + after**2 * (1 - kept)
    return total / S**2


@dataclass(frozen=True)
class Samplers:
    """The two samplers, what theory gives of their variance for an error delta, and the SDE's with few steps."""

    ode: Sampler = ode
    sde: Sampler = sde
    ode_ratio: Ratio = ode_ratio
    sde_ratio: Ratio = sde_ratio
    few_sde: Sampler = first_order_sde


@experiment(
    name="rev-score-error",
    title={
        "en": "The ODE carries an error of the score to the end, the SDE forgets it",
        "zh": "得分的误差：ODE 一路带到终点，SDE 会忘掉",
    },
    claims=("rev.score-error",),
    prediction={
        "en": "With a score five per cent too large on N(0, 0.25) the ODE ends at 0.60196 of the variance and the SDE "
        "at 0.90909; five per cent too small, at 1.6611 and 1.1111. With the exact score and 18 steps the ODE misses "
        "the variance by 11 per cent, DDPM's steps by 46.",
        "zh": "数据为 N(0, 0.25)，得分偏大 5% 时，ODE 的最终方差是应有的 0.60196 倍，SDE 是 0.90909 倍；"
        "偏小 5% 时为 1.6611 倍与 1.1111 倍。得分精确而只走 18 步时，ODE 的方差误差为 11%，DDPM 则为 46%。",
    },
)
class ScoreError(Experiment):
    subject = Samplers()
    wrong = {
        "equivalent": Wrong(
            {"en": "the two said to be equivalent for a trained network", "zh": "声称对训练好的网络两者等价"},
            replace(Samplers(), sde=ode, sde_ratio=ode_ratio),
            "sde.0.05",
        ),
        "sde-corrects": Wrong(
            {"en": "the SDE said to correct every error of the score", "zh": "声称 SDE 能修正得分的一切误差"},
            replace(Samplers(), sde=corrected(sde), sde_ratio=lambda delta: 1.0),
            "sde.-0.05",
        ),
        "ode-keeps": Wrong(
            {"en": "the ODE said to forget like the SDE", "zh": "声称 ODE 也像 SDE 那样忘掉误差"},
            replace(Samplers(), ode=sde, ode_ratio=sde_ratio),
            "ode.0.05",
        ),
        "ode-exact": Wrong(
            {
                "en": "an error of five per cent said to leave the ODE's law alone",
                "zh": "声称 5% 的误差不影响 ODE 的分布",
            },
            replace(Samplers(), ode=corrected(ode), ode_ratio=lambda delta: 1.0),
            "ode.-0.05",
        ),
        "sde-always-better": Wrong(
            {
                "en": "the SDE said to err no more than the ODE with few steps",
                "zh": "声称步数很少时 SDE 的误差也不比 ODE 大",
            },
            replace(Samplers(), few_sde=ode),
            "few.sde",
        ),
    }  # fmt: skip

    def predict(self) -> dict[str, Prediction]:
        found = {}
        for name, value in self.expect(self.subject).items():
            kind, _, delta = name.partition(".")
            if kind == "few":
                title = {
                    "en": f"variance over s², exact score, {FEW} steps: {delta.upper()}",
                    "zh": f"方差与 s² 之比，得分精确，{FEW} 步：{delta.upper()}",
                }
            else:
                title = {
                    "en": f"variance over s², score times {1 + float(delta):g}: {kind.upper()}",
                    "zh": f"方差与 s² 之比，得分乘以 {1 + float(delta):g}：{kind.upper()}",
                }
            margin = Span(value * (1 - MARGIN), value * (1 + MARGIN))
            blind = exact_blind(margin, self._rounding)
            found[name] = Prediction(title, value, margin, blind, 0.0, "squares of the linear responses", unit=10.0)
        return found

    @property
    def _rounding(self) -> float:
        return 4 * STEPS * self.setting.rounding

    def expect(self, subject: Samplers) -> dict[str, float]:
        found = {f"ode.{delta:g}": subject.ode_ratio(delta) for delta in DELTAS}
        found |= {f"sde.{delta:g}": subject.sde_ratio(delta) for delta in DELTAS}
        few = {ode: few_ode(), first_order_sde: few_sde()}
        found |= {f"few.{k}": few[v] for k, v in (("ode", subject.ode), ("sde", subject.few_sde)) if v in few}
        return found

    def measure(self, subject: Samplers) -> Measurement:
        found = {}
        for name, sampler in (("ode", subject.ode), ("sde", subject.sde)):
            for delta in DELTAS:
                found[f"{name}.{delta:g}"] = exact(self._ratio(sampler, delta, STEPS, LAST), self._rounding)
        for name, sampler in (("ode", subject.ode), ("sde", subject.few_sde)):
            found[f"few.{name}"] = exact(self._ratio(sampler, 0.0, FEW), self._rounding)
        return Measurement(found)

    def _ratio(self, sampler: Sampler, delta: float, count: int, last: float = 0.002) -> float:
        """Variance at the end over s^2 from N(0, TOP^2): row 0 carries the start, row i + 1 the noise of step i."""
        one = self.setting.tensor([1.0])
        target = Gaussian(0 * one, S**2 * one)

        def denoise(x: Tensor, sigma: float) -> Tensor:
            return torch.lerp(x, target.denoise(x, sigma), 1 + delta)

        unit = torch.eye(count + 1, dtype=one.dtype, device=one.device)
        end = sampler(denoise, TOP * unit[:, :1], karras(count, last, TOP), lambda i: unit[:, i + 1 : i + 2])
        return float(end.double().square().sum()) / S**2

    def picture(self, measurements: dict[str, Measurement]) -> Picture:
        grid = [0.005 * k for k in range(-20, 21)]
        found = measurements[""].intervals
        points = {kind: [found[f"{kind}.{delta:g}"].estimate for delta in sorted(DELTAS)] for kind in ("ode", "sde")}
        series = []
        for tone, (kind, ratio) in enumerate((("ode", ode_ratio), ("sde", sde_ratio))):
            formula = {"en": f"{kind.upper()}, formula", "zh": f"{kind.upper()}，公式"}
            series.append(Series(formula, grid, [ratio(delta) for delta in grid], tone=tone))
            run = {"en": f"{kind.upper()}, sampler", "zh": f"{kind.upper()}，采样器"}
            series.append(Series(run, sorted(DELTAS), points[kind], "points", tone=tone))
        return Picture(
            title={"en": "What a wrong score does to the variance", "zh": "得分有误时的方差"},
            description={
                "en": "Variance of the samples over that of the data against the relative error of the score, noise "
                f"levels up to {TOP:g}. An error of 0.05 leaves the ODE at {points['ode'][1]:.3f} and the SDE at "
                f"{points['sde'][1]:.3f}; an error of -0.05 at {points['ode'][0]:.3f} and {points['sde'][0]:.3f}.",
                "zh": f"样本方差与数据方差之比随得分相对误差的变化，噪声水平最高 {TOP:g}。误差为 0.05 时，ODE 到 "
                f"{points['ode'][1]:.3f}，SDE 到 {points['sde'][1]:.3f}；误差为 −0.05 时，分别为 "
                f"{points['ode'][0]:.3f} 与 {points['sde'][0]:.3f}。",
            },
            x_title={"en": "relative error of the score", "zh": "得分的相对误差"},
            y_title={"en": "variance over that of the data", "zh": "方差之比"},
            series=series,
        )

    def summary(self, measurement: Measurement) -> Text:
        found = {name: interval.estimate for name, interval in measurement.intervals.items()}
        return {
            "en": f"Score 5 % too large: ODE {found['ode.0.05']:.4f}, SDE {found['sde.0.05']:.4f}; 5 % too small: "
            f"{found['ode.-0.05']:.4f} and {found['sde.-0.05']:.4f}. Exact score, {FEW} steps: "
            f"{found['few.ode']:.4f} and {found['few.sde']:.4f}.",
            "zh": f"得分偏大 5%：ODE {found['ode.0.05']:.4f}，SDE {found['sde.0.05']:.4f}；偏小 5%："
            f"{found['ode.-0.05']:.4f} 与 {found['sde.-0.05']:.4f}。得分精确、{FEW} 步："
            f"{found['few.ode']:.4f} 与 {found['few.sde']:.4f}。",
        }
