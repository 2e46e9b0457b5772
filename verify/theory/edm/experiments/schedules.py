r"""edm-schedules: the numbers of EDM's Table 1, row by row, and of its training noise distribution.

Two kinds of check. Printed numbers: what the papers' tables or their authors' code give, to the last printed digit.
Identities: sigma' and s' against differentiation, s^2 (1 + sigma^2) = 1 of the VP row, the VE row's Euler step
written in t against the one written in sigma, and the training noise ln(sigma) ~ N(-1.2, 1.2^2) against its own
quantiles and against samples.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import NormalDist

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
from verify.experiments.grids import iddpm_table, karras, ve_times, vp_times
from verify.experiments.oracles import Gaussian
from verify.experiments.paths import Curve, Path, brownian, edm, vp_linear
from verify.experiments.statistics import (
    FALSE_ALARM,
    ChiSquare,
    Interval,
    NormalMean,
    Span,
    around,
    exact,
    mean,
)

ROWS = 1_000_000
P_MEAN, P_STD = -1.2, 1.2
MEAN_MARGIN, SPREAD_MARGIN = 0.015, 0.02
N = 18
SLACK = 1e-9  # float64 on every device; differentiation and quotients lose a few digits
# Name of the check: what is computed, the printed value, and half a unit of its last digit.
PRINTED: dict[str, tuple[Text, float, float]] = {
    "vp.sigma-top": ({"en": "VP: sigma(1)", "zh": "VP：σ(1)"}, 152.167, 5e-4),
    "vp.sigma-bottom": ({"en": "VP: sigma(0.001)", "zh": "VP：σ(0.001)"}, 0.0104860, 5e-8),
    "vp.last-step": ({"en": "VP: last of 128 times", "zh": "VP：128 个时间中的最后一个"}, 0.001, 5e-9),
    "iddpm.top": ({"en": "iDDPM: u_0", "zh": "iDDPM：u_0"}, 20291.2, 5e-2),
    "iddpm.next": ({"en": "iDDPM: u_1", "zh": "iDDPM：u_1"}, 641.66, 5e-3),
    "iddpm.ninth": ({"en": "iDDPM: u_8, where EDM starts", "zh": "iDDPM：u_8，即 EDM 的起点"}, 80.20, 5e-3),
    "iddpm.bottom": ({"en": "iDDPM: u_999", "zh": "iDDPM：u_999"}, 0.00642541, 5e-9),
    "edm.second": ({"en": "EDM: sigma_1 of 18", "zh": "EDM：18 步中的 σ_1"}, 57.58598, 5e-6),
    "edm.third": ({"en": "EDM: sigma_2 of 18", "zh": "EDM：18 步中的 σ_2"}, 40.78557, 5e-6),
    "edm.last-but-one": ({"en": "EDM: sigma_16 of 18", "zh": "EDM：18 步中的 σ_16"}, 0.00752802, 5e-9),
    "edm.last": ({"en": "EDM: sigma_17 of 18", "zh": "EDM：18 步中的 σ_17"}, 0.002, 5e-10),
    "noise.median": ({"en": "training noise: median", "zh": "训练噪声：中位数"}, 0.30119, 5e-6),
    "noise.mean": ({"en": "training noise: mean", "zh": "训练噪声：均值"}, 0.61878, 5e-6),
    "noise.below": (
        {"en": "training noise: P(sigma < 0.002)", "zh": "训练噪声：P(σ < 0.002)"},
        1.465e-5,
        5e-9,
    ),
    "noise.above": ({"en": "training noise: P(sigma > 80)", "zh": "训练噪声：P(σ > 80)"}, 1.646e-6, 5e-10),
}
IDENTITIES: dict[str, Text] = {
    "vp.sigma-dot": {"en": "VP: sigma' against differentiation", "zh": "VP：σ' 与求导结果之差"},
    "vp.s-dot": {"en": "VP: s' against differentiation", "zh": "VP：s' 与求导结果之差"},
    "vp.preserves": {"en": "VP: s^2 (1 + sigma^2) - 1", "zh": "VP：s²(1 + σ²) − 1"},
    "vp.inverse": {"en": "VP: sigma^{-1}(sigma(t)) - t", "zh": "VP：σ⁻¹(σ(t)) − t"},
    "ve.sigma-dot": {"en": "VE: sigma' against differentiation", "zh": "VE：σ' 与求导结果之差"},
    "ve.euler": {
        "en": "VE: Euler in t minus x + (sigma_i^2 - sigma_{i+1}^2)/2 score",
        "zh": "VE：t 上的 Euler 一步与 x + (σ_i² − σ_{i+1}²)/2 · 得分 之差",
    },
    "ve.ends": {"en": "VE: first and last sigma against 100 and 0.02", "zh": "VE：首末 σ 与 100、0.02 之差"},
}


@dataclass(frozen=True)
class Table:
    """Table 1 as code: paths (noise level and alpha are the table's sigma and s), times, and the training noise."""

    vp: Path = vp_linear()
    vp_times: Callable[[int], list[float]] = vp_times
    ve_times: Callable[[int], list[float]] = ve_times
    ve: Path = brownian()
    ve_coefficient: float = 0.5
    iddpm: Callable[[], list[float]] = iddpm_table
    levels: Callable[[int], list[float]] = karras
    p_mean: float = P_MEAN
    p_std: float = P_STD
    base: float = math.e


def song_times(n: int) -> list[float]:
    """Steps of -1/N from 1, as in the score SDE's sampler: the last time is 1/N, whatever eps_s."""
    return [1 - i / n for i in range(n)]


def ramp_over_n(n: int) -> list[float]:
    return karras(n + 1)[:n] + [0.0]


def reversed_iddpm() -> list[float]:
    return iddpm_table()[::-1]


@experiment(
    name="edm-schedules",
    title={
        "en": "The rows of EDM's Table 1 in numbers",
        "zh": "EDM 表 1 各行的数值",
    },
    claims=("edm.vp-row", "edm.ve-row", "edm.iddpm-row", "edm.time-steps", "edm.noise-distribution"),
    prediction={
        "en": "The schedules, time steps and noise distribution reproduce the printed numbers to their last digit, and "
        "their derivatives and Euler steps agree with the formulas of each row.",
        "zh": "各时间表、时间步与噪声分布在最后一位数字上都与已发表的数值一致，其导数与 Euler 步也与各行公式相符。",
    },
)
class Schedules(Experiment):
    subject = Table()
    wrong = {
        "beta-d-19.1": Wrong(
            {"en": "beta_d = 19.1", "zh": "β_d = 19.1"},
            Table(vp=vp_linear(beta_max=0.1 + 19.1)),
            "vp.sigma-top",
            "NVlabs/edm #5, first version",
        ),
        "s-without-half": Wrong(
            {"en": "VP: s = exp(-B)", "zh": "VP：s = e^{-B}"},
            Table(vp=replace(vp_linear(), alpha=Curve(lambda t: vp_linear().alpha(t) ** 2))),
            "vp.preserves",
            "NVlabs/edm #1",
        ),
        "song-steps": Wrong(
            {"en": "VP: time steps of -1/N", "zh": "VP：时间步取 −1/N"},
            Table(vp_times=song_times),
            "vp.last-step",
        ),
        "ve-coefficient-1": Wrong(
            {"en": "VE: coefficient 1 instead of 1/2", "zh": "VE：系数取 1 而不是 1/2"},
            Table(ve_coefficient=1.0),
            "ve.euler",
        ),
        "ve-half-range": Wrong(
            {"en": "VE: 0.01 and 50 for data in [-1, 1]", "zh": "VE：对 [−1, 1] 的数据取 0.01 与 50"},
            Table(ve_times=lambda n: ve_times(n, 0.01, 50.0)),
            "ve.ends",
        ),
        "ve-is-edm": Wrong(
            {"en": "VE: sigma = t with the times of the VE row", "zh": "VE：沿用 VE 的时间步却取 σ = t"},
            Table(ve=edm()),
            "ve.ends",
        ),
        "iddpm-reversed": Wrong(
            {"en": "iDDPM: j counted from the data end", "zh": "iDDPM：j 从数据一端数起"},
            Table(iddpm=reversed_iddpm),
            "iddpm.top",
        ),
        "ramp-over-n": Wrong(
            {"en": "EDM: ramp i/N", "zh": "EDM：取 i/N"},
            Table(levels=ramp_over_n),
            "edm.last",
        ),
        "ends-swapped": Wrong(
            {"en": "EDM: sigma_min and sigma_max swapped", "zh": "EDM：σ_min 与 σ_max 写反"},
            Table(levels=lambda n: karras(n, sigma_min=80.0, sigma_max=0.002)),
            "edm.last",
            "huggingface/diffusers #5077",
        ),
        "std-as-variance": Wrong(
            {"en": "P_std read as a variance", "zh": "把 P_std 当作方差"},
            Table(p_std=math.sqrt(P_STD)),
            "noise.sampled-spread",
        ),
        "log10": Wrong(
            {"en": "log10 instead of ln", "zh": "用 log₁₀ 代替 ln"},
            Table(base=10.0),
            "noise.sampled-spread",
        ),
        "sign-of-mean": Wrong(
            {"en": "P_mean = +1.2", "zh": "P_mean 的符号写反"},
            Table(p_mean=-P_MEAN),
            "noise.sampled-mean",
        ),
    }

    @property
    def _mean_law(self) -> NormalMean:
        return NormalMean(ROWS, P_STD, FALSE_ALARM / 2)

    @property
    def _spread_law(self) -> ChiSquare:
        return ChiSquare(ROWS - 1, FALSE_ALARM / 2)

    def predict(self) -> dict[str, Prediction]:
        predictions = {}
        for name, (title, value, half) in PRINTED.items():
            margin = around(value, half)
            predictions[name] = Prediction(title, value, margin, margin, 0.0, "arithmetic; printed digits")
        for name, title in IDENTITIES.items():
            margin = around(0.0, SLACK)
            predictions[name] = Prediction(title, 0.0, margin, margin, 0.0, "arithmetic")
        margin, title = (
            around(P_MEAN, MEAN_MARGIN),
            {"en": "mean of ln sigma, sampled", "zh": "ln σ 的均值，抽样"},
        )
        law = self._mean_law
        predictions["noise.sampled-mean"] = Prediction(
            title, P_MEAN, margin, law.blind(margin), law.false_alarm, "exact normal interval"
        )
        value = P_STD**2
        margin = Span(value * (1 - SPREAD_MARGIN), value * (1 + SPREAD_MARGIN))
        title = {"en": "variance of ln sigma, sampled", "zh": "ln σ 的方差，抽样"}
        spread = self._spread_law
        predictions["noise.sampled-spread"] = Prediction(
            title, value, margin, spread.blind(margin), spread.false_alarm, "exact chi-square interval"
        )
        return predictions

    def expect(self, subject: Table) -> dict[str, float]:
        scale = math.log(subject.base)
        return {
            "noise.sampled-mean": scale * subject.p_mean,
            "noise.sampled-spread": (scale * subject.p_std) ** 2,
        }

    def measure(self, subject: Table) -> Measurement:
        values = self._rows(subject) | self._noise(subject) | self._identities(subject)
        intervals = {name: exact(value, 0.0) for name, value in values.items()}
        return Measurement(intervals | self._sampled(subject))

    def _rows(self, subject: Table) -> dict[str, float]:
        ends = torch.tensor([1.0, 1e-3], dtype=torch.float64)
        top, bottom = subject.vp.noise_level(ends).tolist()
        u, levels = subject.iddpm(), subject.levels(N)
        return {
            "vp.sigma-top": top,
            "vp.sigma-bottom": bottom,
            "vp.last-step": subject.vp_times(128)[-1],
            "iddpm.top": u[0],
            "iddpm.next": u[1],
            "iddpm.ninth": u[8],
            "iddpm.bottom": u[-2],
            "edm.second": levels[1],
            "edm.third": levels[2],
            "edm.last-but-one": levels[-3],
            "edm.last": levels[-2],
        }

    def _noise(self, subject: Table) -> dict[str, float]:
        scale = math.log(subject.base)
        law = NormalDist(scale * subject.p_mean, scale * subject.p_std)
        upper = 0.5 * math.erfc((math.log(80) - law.mean) / (law.stdev * math.sqrt(2)))
        return {
            "noise.median": math.exp(law.mean),
            "noise.mean": math.exp(law.mean + law.variance / 2),
            "noise.below": law.cdf(math.log(0.002)),
            "noise.above": upper,
        }

    def _identities(self, subject: Table) -> dict[str, float]:
        t = torch.tensor(vp_times(33), dtype=torch.float64)
        found = {
            "vp.sigma-dot": relative(subject.vp.noise_level_dot(t), derivative(subject.vp.noise_level, t)),
            "vp.s-dot": relative(subject.vp.alpha_dot(t), derivative(subject.vp.alpha, t)),
            "vp.preserves": float((subject.vp.alpha(t) ** 2 * (1 + subject.vp.noise_level(t) ** 2) - 1).abs().max()),
            "vp.inverse": float((subject.vp.time_of(subject.vp.noise_level(t)) - t).abs().max()),
        }
        times = torch.tensor(subject.ve_times(33), dtype=torch.float64)
        sigma = subject.ve.sigma(times)
        ends = max(abs(float(sigma[0]) / 100 - 1), abs(float(sigma[-1]) / 0.02 - 1))
        return found | {
            "ve.sigma-dot": relative(subject.ve.sigma_dot(times), derivative(subject.ve.sigma, times)),
            "ve.euler": self._ve_euler(subject, times),
            "ve.ends": ends,
        }

    def _ve_euler(self, subject: Table, times: Tensor) -> float:
        """Largest relative difference of the two ways to write an Euler step, at x = 1.7 on N(0, 0.5^2)."""
        x = torch.full((len(times) - 1, 1), 1.7, dtype=torch.float64)
        zero = torch.zeros(1, dtype=torch.float64)
        sigma, step = subject.ve.sigma(times), times.diff()
        score = Gaussian(zero, zero + 0.25).score(x, sigma[:-1])[:, 0]
        slope = -subject.ve.sigma_dot(times)[:-1] * sigma[:-1] * score
        other = subject.ve_coefficient * (sigma[:-1] ** 2 - sigma[1:] ** 2) * score
        return relative(step * slope, other)

    @cached_property
    def _normal(self) -> Tensor:
        return self.setting.latents.normal("schedules.noise", ROWS, 1)

    def _sampled(self, subject: Table) -> dict[str, Interval]:
        sigma = subject.base ** (subject.p_mean + subject.p_std * self._normal)
        log = sigma.double().log()
        return {
            "noise.sampled-mean": self._mean_law.interval(mean(log)),
            "noise.sampled-spread": self._spread_law.interval(float(log.var())),
        }

    def picture(self, measurements: dict[str, Measurement]) -> Picture:
        u = iddpm_table()
        pick = [u[round(8 + (999 - 8) * i / (N - 1))] for i in range(N)]
        rows = (
            ({"en": "EDM", "zh": "EDM"}, karras(N)[:-1]),
            ({"en": "VP", "zh": "VP"}, [vp_linear().noise_level(t) for t in vp_times(N)]),
            ({"en": "VE", "zh": "VE"}, [math.sqrt(t) for t in ve_times(N)]),
            ({"en": "iDDPM", "zh": "iDDPM"}, pick),
        )
        series = [Series(title, [float(i) for i in range(N)], levels, "marked") for title, levels in rows]
        return Picture(
            title={"en": "Noise levels of the four rows, N = 18", "zh": "四行的噪声水平，N = 18"},
            description={
                "en": "Noise level on a logarithmic axis against the step. EDM runs from 80 to 0.002, VP from 152 to "
                "0.01, VE geometrically from 100 to 0.02, iDDPM from 80 to 0.006.",
                "zh": "噪声水平（对数坐标）随步序的变化。EDM 由 80 到 0.002，"
                "VP 由 152 到 0.01，VE 按几何级数由 100 到 0.02，iDDPM 由 80 到 0.006。",
            },
            x_title={"en": "step", "zh": "步序"},
            y_title={"en": "noise level sigma", "zh": "噪声水平 σ"},
            series=series,
            y_log=True,
        )

    def summary(self, measurement: Measurement) -> Text:
        found = {name: interval.estimate for name, interval in measurement.intervals.items()}
        count = len(PRINTED)
        return {
            "en": f"{count} printed numbers reproduced, among them sigma(1) = {found['vp.sigma-top']:.3f} (VP), "
            f"u_0 = {found['iddpm.top']:.1f} (iDDPM), sigma_1 = {found['edm.second']:.5f} (EDM). "
            f"Sampled ln sigma: mean {found['noise.sampled-mean']:.4f}, variance {found['noise.sampled-spread']:.4f}.",
            "zh": f"{count} 个已发表的数值全部复现，其中 σ(1) = {found['vp.sigma-top']:.3f}（VP），"
            f"u_0 = {found['iddpm.top']:.1f}（iDDPM），σ_1 = {found['edm.second']:.5f}（EDM）。抽样的 ln σ："
            f"均值 {found['noise.sampled-mean']:.4f}，方差 {found['noise.sampled-spread']:.4f}。",
        }


def derivative(function: Callable[[Tensor], Tensor], t: Tensor) -> Tensor:
    """By automatic differentiation."""
    with torch.enable_grad():
        t = t.clone().requires_grad_(True)
        return torch.autograd.grad(function(t).sum(), t)[0].detach()


def relative(found: Tensor, reference: Tensor) -> float:
    """Largest relative difference."""
    return float(((found - reference) / reference).abs().max())
