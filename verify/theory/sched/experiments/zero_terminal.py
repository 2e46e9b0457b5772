r"""sched-zero-terminal: what sampling from N(0, 1) loses when the schedule never reaches pure noise.

Training ends at x_T = a y + sqrt(1 - a^2) n with a^2 = abar_T > 0, sampling starts from N(0, 1) instead. In sigma-space
the start has mean 0 where y + sigma_T n has mean mu. The flow of N(mu, s^2) shrinks deviations from mu by
s / sqrt(s^2 + sigma_T^2), so the samples have

    mean       mu (1 - s a / sqrt(a^2 s^2 + 1 - a^2))          (sched.zero-terminal-bias)
    deviation  s / sqrt(a^2 s^2 + 1 - a^2).

Every picture tends to the mean brightness 0: the model never saw pure noise. The cure is a schedule that ends there,
and then a network that predicts v: at a = 0 the noise is x itself and D = (x_t - sqrt(1 - a^2) eps) / a asks for 0/0,
so an error e of the network becomes an error |c_out| e of D, which is sigma e for eps and at most e for v
(param.zero-snr).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from verify.experiments import grids
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
from verify.experiments.oracles import Gaussian
from verify.experiments.preconditioning import Preconditioner, noise_prediction, v_prediction
from verify.experiments.samplers import heun
from verify.experiments.statistics import around, exact, exact_blind

DEVIATIONS = (0.1, 0.5, 1.0)
STEPS = 200
MARGIN = 2e-3
LAST = 1e-4  # where the numerical flow stops, short of the data's own deviation
END, END_MARGIN = 0.0682649, 1e-6  # sqrt(abar_T) of Stable Diffusion, the product taken apart in 50 digits
PLACE = 0.3  # x over sigma
ZERO_SNR_SIGMA = 4096.0  # what diffusers puts in the place of infinity: abar_T = 2^-24


def stable_diffusion_end() -> float:
    """sqrt(abar_T) = 0.0682649 of the scaled-linear schedule (sched.linear)."""
    return math.sqrt(grids.alpha_bars(grids.scaled_linear_betas())[-1])


def bias(s: float, a: float) -> float:
    """Mean of the samples less mu, over mu."""
    return -s * a / math.sqrt((a * s) ** 2 + 1 - a * a)


@dataclass(frozen=True)
class Belief:
    """What is said of the bias, the parameterisation used at zero terminal SNR, and sqrt(abar_T)."""

    bias: Callable[[float, float], float] = bias
    parameterisation: Preconditioner = v_prediction()
    end: float = stable_diffusion_end()


@experiment(
    name="sched-zero-terminal",
    title={
        "en": "A schedule that never reaches pure noise darkens bright samples by a known amount",
        "zh": "时间表到不了纯噪声时，样本亮度的偏差有确切大小",
    },
    claims=("sched.zero-terminal-bias", "param.zero-snr"),
    prediction={
        "en": "Started from N(0, 1) on Stable Diffusion's schedule, N(1, s²) is sampled with mean 0.99316, 0.96581, "
        "0.93174 for s = 0.1, 0.5, 1; at zero terminal SNR v-prediction passes an error on unchanged.",
        "zh": "在 Stable Diffusion 的时间表上从 N(0, 1) 出发，N(1, s²) 的样本均值在 s = 0.1、0.5、1 时为 "
        "0.99316、0.96581、0.93174；在末端信噪比为零处，预测 v 时网络的误差原样传给去噪结果。",
    },
)
class ZeroTerminal(Experiment):
    subject = Belief()
    wrong = {
        "no-factor": Wrong(
            {"en": "the bias is sqrt(abar_T) mu, without s", "zh": "偏差写成 sqrt(ᾱ_T) μ，缺少 s"},
            Belief(bias=lambda s, a: -a),
            "mean.0.1",
        ),
        "negligible": Wrong(
            {"en": "no bias, since the SNR at the end is 0.0047", "zh": "因末端信噪比只有 0.0047，以为没有偏差"},
            Belief(bias=lambda s, a: 0.0),
            "mean.1",
        ),
        "end-is-abar": Wrong(
            {"en": "abar_T in the place of its root", "zh": "把 ᾱ_T 当作其平方根"},
            Belief(bias=lambda s, a: bias(s, a * a)),
            "mean.1",
        ),
        "linear-in-beta": Wrong(
            {"en": "rates linear in beta between the same ends", "zh": "噪声率在同样两端之间按 β 线性取值"},
            Belief(end=math.sqrt(grids.alpha_bars(grids.linear_betas(first=0.00085, last=0.012))[-1])),
            "end",
        ),
        "sign-of-v": Wrong(
            {"en": "D = alpha x + sigma v, with the sign of v turned", "zh": "D 写成 αx + σv，v 的符号写反"},
            Belief(parameterisation=replace(v_prediction(), c_out=lambda sigma: -v_prediction().c_out(sigma))),
            "amplification",
        ),
        "x-not-dropped": Wrong(
            {"en": "x itself kept, as with noise prediction", "zh": "像预测噪声那样保留 x 本身"},
            Belief(parameterisation=replace(v_prediction(), c_skip=lambda sigma: 1.0)),
            "silent",
        ),
        "noise-prediction": Wrong(
            {"en": "zero terminal SNR with noise prediction", "zh": "末端信噪比为零，却仍预测噪声"},
            Belief(parameterisation=noise_prediction()),
            "amplification",
            "Lin et al. 2023, section 3",
        ),
    }

    def predict(self) -> dict[str, Prediction]:
        predictions = {}
        for name, value in self.expect(self.subject).items():
            margin = around(value, END_MARGIN if name == "end" else MARGIN)
            blind = exact_blind(margin, self._rounding)
            method = f"Heun's method, {STEPS} steps"
            predictions[name] = Prediction(self._title(name), value, margin, blind, 0.0, method)
        return predictions

    @staticmethod
    def _title(name: str) -> Text:
        kind, _, s = name.partition(".")
        if kind == "mean":
            return {"en": f"mean of the samples less the formula, s = {s}", "zh": f"样本均值减去公式，s = {s}"}
        if kind == "deviation":
            return {"en": f"deviation of the samples, s = {s}", "zh": f"样本标准差，s = {s}"}
        if kind == "end":
            return {"en": "sqrt(abar_T) of the schedule", "zh": "时间表末端的 sqrt(ᾱ_T)"}
        if kind == "silent":
            return {"en": "D over sigma where the network returns 0", "zh": "网络输出为零时的去噪结果与 σ 之比"}
        return {"en": "error of D for a unit error of the network", "zh": "网络误差为一时去噪结果的误差"}

    def expect(self, subject: Belief) -> dict[str, float]:
        """The right version's end is the number above, and its D is alpha x_t - sigma_t v; all else follows."""
        right, level = subject is self.subject, ZERO_SNR_SIGMA
        a = END if right else subject.end
        found = {f"mean.{s:g}": bias(s, a) - subject.bias(s, a) for s in DEVIATIONS}
        found |= {f"deviation.{s:g}": s / math.sqrt((a * s) ** 2 + 1 - a * a) for s in DEVIATIONS}
        c = subject.parameterisation
        amplified = -level / math.hypot(1, level) if right else c.c_out(level)
        silent = PLACE / (1 + level**2) if right else PLACE * c.c_skip(level)
        return found | {"end": a, "amplification": amplified, "silent": silent}

    @property
    def _rounding(self) -> float:
        return 20 * STEPS * self.setting.rounding

    def measure(self, subject: Belief) -> Measurement:
        a = subject.end
        sigmas = grids.karras(STEPS, LAST, math.sqrt(1 - a * a) / a)
        intervals, means = {}, []
        for s in DEVIATIONS:
            # The flow is affine, so the mean and one deviation of N(0, 1) above it show the law of all samples.
            start = self.setting.tensor([[0.0], [1.0]]) / a
            one = self.setting.tensor([1.0])
            ends = heun(Gaussian(one, one * s**2).denoise, start, sigmas)[:, 0].double().tolist()
            means.append(ends[0])
            intervals[f"mean.{s:g}"] = exact(ends[0] - 1 - subject.bias(s, a), self._rounding)
            intervals[f"deviation.{s:g}"] = exact(ends[1] - ends[0], self._rounding)
        intervals["end"] = exact(a, 10 * self.setting.rounding * a)
        amplified, silent = self._answers(subject.parameterisation)
        intervals["amplification"] = exact(amplified, self._rounding)
        intervals["silent"] = exact(silent, self._rounding)
        return Measurement(intervals, {"means": means})

    def _answers(self, c: Preconditioner) -> tuple[float, float]:
        """How far D moves when the network's answer moves by 1, and D over sigma where it answers 0."""
        x = self.setting.tensor([[PLACE]]) * ZERO_SNR_SIGMA
        silent = float(c.denoise(lambda u, level: 0 * u, x, ZERO_SNR_SIGMA))
        moved = float(c.denoise(lambda u, level: 0 * u + 1, x, ZERO_SNR_SIGMA))
        return moved - silent, silent / ZERO_SNR_SIGMA

    def picture(self, measurements: dict[str, Measurement]) -> Picture:
        a = self.subject.end
        grid = [0.02 * k for k in range(1, 61)]
        said: list[tuple[Text, Callable[[float, float], float]]] = [
            ({"en": "formula", "zh": "公式"}, bias),
            (self.wrong["no-factor"].title, self.wrong["no-factor"].subject.bias),
            (self.wrong["negligible"].title, self.wrong["negligible"].subject.bias),
        ]
        series = [Series(title, grid, [1 + f(s, a) for s in grid], tone=tone) for tone, (title, f) in enumerate(said)]
        means = measurements[""].traces["means"]
        series.append(Series({"en": "sampled", "zh": "采样"}, list(DEVIATIONS), means, "points", tone=0))
        return Picture(
            title={"en": "Mean brightness of the samples", "zh": "样本的平均亮度"},
            description={
                "en": "Mean of the samples of N(1, s²) against s, on Stable Diffusion's schedule. It falls from 1 to "
                f"{means[-1]:.4f} at s = 1; the points lie on the formula.",
                "zh": f"在 Stable Diffusion 的时间表上，N(1, s²) 的样本均值随 s 的变化：从 1 降到 s = 1 处的 "
                f"{means[-1]:.4f}；各点落在公式上。",
            },
            x_title={"en": "deviation s of the data", "zh": "数据的标准差 s"},
            y_title={"en": "mean of the samples", "zh": "样本均值"},
            series=series,
        )

    def summary(self, measurement: Measurement) -> Text:
        means = measurement.traces["means"]
        listed = ", ".join(f"{m:.5f}" for m in means)
        return {
            "en": f"Means of samples for s = 0.1, 0.5, 1: {listed}; on a schedule that ends at pure noise, 1. "
            f"At sigma = {ZERO_SNR_SIGMA:g} a unit error of the network is an error "
            f"{abs(measurement.intervals['amplification'].estimate):.4f} of D under v-prediction.",
            "zh": f"s = 0.1、0.5、1 时样本均值为 {listed.replace(', ', '、')}；若时间表到达纯噪声，均应为 1。"
            f"在 σ = {ZERO_SNR_SIGMA:g} 处预测 v，网络的单位误差使去噪结果偏差 "
            f"{abs(measurement.intervals['amplification'].estimate):.4f}。",
        }
