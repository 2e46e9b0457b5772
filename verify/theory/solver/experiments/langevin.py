r"""solver-langevin: finite Langevin steps widen a Gaussian by 1/(1 - h/(4v)), and the corrector keeps its ratio.

On N(0, v) a step x + (h/2) score + sqrt(h) z has the variance V' = (1 - h/(2v))^2 V + h, whose fixed point is
v/(1 - h/(4v)) (solver.ula-bias). Started from the right law the samples drift away to it; two axes of unequal v show
that the bias depends on h/v. The corrector's step e = 2 (r |z|/|score|)^2 makes |noise| / |drift| = 1/r at every noise
level, and e grow like sigma^2 where the noise dominates (solver.langevin-snr). A corrector is linear in z beside the
drift, so the half sum and half difference of its results for z and -z are the two parts.
"""

from __future__ import annotations

import math
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
from verify.experiments.oracles.gaussian import Gaussian
from verify.experiments.oracles.mixture import Mixture
from verify.experiments.samplers.common import Denoise
from verify.experiments.samplers.langevin import Corrector, langevin_step, norm_step
from verify.experiments.statistics import (
    FALSE_ALARM,
    ChiSquare,
    Interval,
    Span,
    around,
    exact,
    exact_blind,
    mean,
)
from verify.theory.solver.experiments import plane

VARIANCES, SIGMA = (1.0, 0.4), 0.3  # of the law that is sampled, and the noise in it
H, STEPS, ROWS = 0.5, 16, 100_000
SHOWN = (0.1, 0.25, 0.5, 0.8, 1.1)
MARGIN = 0.05

SNR, ABAR = 0.16, 0.25
LEVELS = (0.3, 3.0, 100.0)
CORRECTED = 2000
RATIO_MARGIN, GROWTH_MARGIN = 1e-3, 0.02

Step = Callable[[Denoise, Tensor, float, Tensor, float], Tensor]
Response = Callable[[float, float], tuple[float, float]]


def response(h: float, v: float) -> tuple[float, float]:
    """a and b of x' = a x + b z on N(0, v)."""
    return 1 - h / (2 * v), math.sqrt(h)


def full_drift(denoise: Denoise, x: Tensor, sigma: float, z: Tensor, h: float) -> Tensor:
    return x + h * (denoise(x, sigma) - x) / sigma**2 + math.sqrt(h) * z


def noise_of_h(denoise: Denoise, x: Tensor, sigma: float, z: Tensor, h: float) -> Tensor:
    return x + h / 2 * (denoise(x, sigma) - x) / sigma**2 + h * z


def without_bias(denoise: Denoise, x: Tensor, sigma: float, z: Tensor, h: float) -> Tensor:
    """The exact solution of the Langevin equation over h: what a step without bias would do."""
    v = torch.tensor(VARIANCES, dtype=x.dtype, device=x.device)
    kept = torch.exp(-h / (2 * v))
    return kept * x + (v * (1 - kept**2)).sqrt() * z


def wrong_corrector(step: Callable[[float], float], noise: float, power: float) -> Corrector:
    """Song's corrector with another step: `step(sigma) (r |z|/|score|)^power` and sqrt(noise e) z."""

    def corrector(denoise: Denoise, x: Tensor, sigma: float, z: Tensor) -> Tensor:
        score = (denoise(x, sigma) - x) / sigma**2
        ratio = SNR * z.norm(dim=1).mean() / score.norm(dim=1).mean()
        e = step(sigma) * ratio**power
        return x + e * score + (noise * e).sqrt() * z

    return corrector


@dataclass(frozen=True)
class Dynamics:
    """A Langevin step with its response on a Gaussian, and a corrector with its ratio and its growth by theory."""

    step: Step = langevin_step
    response: Response = response
    corrector: Corrector = norm_step(SNR)
    ratio: float = 1 / SNR
    growth: float = 2.0

    def variance(self, v: float, h: float = H) -> float:
        """After STEPS steps from N(0, v)."""
        a, b = self.response(h, v)
        total = v
        for _ in range(STEPS):
            total = a**2 * total + b**2
        return total


def stationary(v: float, h: float) -> float:
    return v / (1 - h / (4 * v))


@experiment(
    name="solver-langevin",
    title={
        "en": "Langevin steps of finite size widen a Gaussian, and the corrector keeps its ratio",
        "zh": "有限步长的 Langevin 采样把高斯变宽；校正步保持噪声与漂移之比",
    },
    claims=("solver.ula-bias", "solver.langevin-snr"),
    prediction={
        "en": "Started from N(0, v), sixteen steps of size 0.5 end at the variance v/(1 - h/(4v)): 1.1428 for v = 1 "
        "and 0.5818 for v = 0.4. Song's corrector with r = 0.16 adds noise 6.25 times the drift at every noise "
        "level, and its step grows like the square of the level.",
        "zh": "从 N(0, v) 出发，步长 0.5 走十六步，方差到 v/(1 − h/(4v))：v = 1 时为 1.1428，v = 0.4 时为 0.5818。"
        "取 r = 0.16，Song 的校正步在每个噪声水平上所加噪声都是漂移的 6.25 倍，步长与噪声水平的平方成正比。",
    },
)
class LangevinBias(Experiment):
    subject = Dynamics()
    wrong = {
        "no-bias": Wrong(
            {"en": "a finite step said to have no bias", "zh": "声称有限步长没有偏差"},
            replace(
                Dynamics(),
                step=without_bias,
                response=lambda h, v: (math.exp(-h / (2 * v)), math.sqrt(v * (1 - math.exp(-h / v)))),
            ),
            "variance.1",
        ),
        "full-drift": Wrong(
            {"en": "the drift h in place of h/2", "zh": "漂移取 h 而不是 h/2"},
            replace(Dynamics(), step=full_drift, response=lambda h, v: (1 - h / v, math.sqrt(h))),
            "variance.1",
        ),
        "noise-of-h": Wrong(
            {"en": "noise of deviation h in place of its root", "zh": "噪声的标准差取 h 而不是其平方根"},
            replace(Dynamics(), step=noise_of_h, response=lambda h, v: (1 - h / (2 * v), h)),
            "variance.0.4",
            "google-research/ibc issue 6",
        ),
        "abar": Wrong(
            {"en": "the product of alphas in the corrector's step", "zh": "校正步长里用了累积系数"},
            replace(Dynamics(), corrector=wrong_corrector(lambda s: 2 * ABAR, 2, 2), ratio=1 / SNR / math.sqrt(ABAR)),
            "ratio.3",
            "score_sde_pytorch issue 73",
        ),
        "noise-without-two": Wrong(
            {"en": "the corrector's noise with the root of e in place of 2e", "zh": "校正步的噪声取 √ε 而不是 √(2ε)"},
            replace(Dynamics(), corrector=wrong_corrector(lambda s: 2, 1, 2), ratio=1 / SNR / math.sqrt(2)),
            "ratio.0.3",
        ),
        "step-like-sigma": Wrong(
            {"en": "a step that grows like the noise level", "zh": "步长与噪声水平成正比"},
            replace(Dynamics(), corrector=wrong_corrector(lambda s: 2, 2, 1), growth=1.0),
            "growth",
        ),
    }  # fmt: skip

    @property
    def _law(self) -> ChiSquare:
        return ChiSquare(ROWS, FALSE_ALARM / len(VARIANCES))

    @property
    def _rounding(self) -> float:
        """The corrector's two parts come from differences of numbers of the size of the largest level."""
        return 400 * self.setting.rounding / SNR

    def predict(self) -> dict[str, Prediction]:
        found = {}
        for name, value in self.expect(self.subject).items():
            kind, _, place = name.partition(".")
            if kind == "variance":
                margin = Span(value * (1 - MARGIN), value * (1 + MARGIN))
                title = {"en": f"variance after the steps, v = {place}", "zh": f"走完各步之后的方差，v = {place}"}
                blind, method = self._law.blind(margin), "exact chi-square interval"
                found[name] = Prediction(title, value, margin, blind, self._law.false_alarm, method)
                continue
            margin = around(value, RATIO_MARGIN * value if kind == "ratio" else GROWTH_MARGIN)
            title = {
                "ratio": {"en": f"noise over drift at level {place}", "zh": f"噪声与漂移之比，噪声水平 {place}"},
                "growth": {"en": "power of the level in the step", "zh": "步长关于噪声水平的幂次"},
            }[kind]
            blind, method = exact_blind(margin, self._rounding), "half sum and half difference"
            found[name] = Prediction(title, value, margin, blind, 0.0, method, unit=1 / SNR**2)
        return found

    def expect(self, subject: Dynamics) -> dict[str, float]:
        variances = {f"variance.{v:g}": subject.variance(v) for v in VARIANCES}
        ratios = {f"ratio.{level:g}": subject.ratio for level in LEVELS} if subject.growth == 2 else {}
        return variances | ratios | {"growth": subject.growth}

    def measure(self, subject: Dynamics) -> Measurement:
        end = self._walk(subject.step, H).double().square().mean(0).tolist()
        intervals: dict[str, Interval] = {
            f"variance.{v:g}": self._law.interval(found) for v, found in zip(VARIANCES, end, strict=True)
        }
        sizes = []
        for level in LEVELS:
            drift, noise, size = self._parts(subject.corrector, level)
            intervals[f"ratio.{level:g}"] = exact(noise / drift, self._rounding)
            sizes.append(size)
        # Between the highest level and a tenth of it the data no longer matter.
        low = self._parts(subject.corrector, LEVELS[-1] / 10)[2]
        intervals["growth"] = exact(2 * math.log10(sizes[-1] / low), self._rounding)
        return Measurement(intervals)

    @cached_property
    def _noise(self) -> list[Tensor]:
        return [self.setting.latents.normal(f"langevin.{i}", ROWS, len(VARIANCES)) for i in range(STEPS + 1)]

    def _walk(self, step: Step, h: float) -> Tensor:
        """STEPS steps from the law itself."""
        v = self.setting.tensor(VARIANCES)
        target = Gaussian(0 * v, v - SIGMA**2)
        x = v.sqrt() * self._noise[-1]
        for z in self._noise[:STEPS]:
            x = step(target.denoise, x, SIGMA, z, h)
        return x

    @cached_property
    def _mixture(self) -> Mixture:
        return plane.mixture(self.setting)

    def _parts(self, corrector: Corrector, level: float) -> tuple[float, float, float]:
        """Mean norms of drift and noise, and the size of the noise over that of z: sqrt(2e)."""
        latents = self.setting.latents
        y = self._mixture.sample(latents, "langevin.data", CORRECTED)
        x = y + level * latents.normal("langevin.level", CORRECTED, 2)
        z = latents.normal("langevin.corrector", CORRECTED, 2)
        one, other = (corrector(self._mixture.denoise, x, level, way * z).double() for way in (1, -1))
        drift, noise = ((one + other) / 2 - x.double()).norm(dim=1), ((one - other) / 2).norm(dim=1)
        return mean(drift), mean(noise), mean(noise) / mean(z.norm(dim=1))

    def picture(self, measurements: dict[str, Measurement]) -> Picture:
        grid = [0.02 * k for k in range(1, 61)]
        formula = [stationary(1.0, h) for h in grid]
        sampled = [float(self._walk(langevin_step, h).double().square().mean(0)[0]) for h in SHOWN]
        low, high = zip(*((i.low, i.high) for i in map(self._law.interval, sampled)), strict=True)
        return Picture(
            title={"en": "Variance that Langevin steps end at", "zh": "Langevin 采样停留的方差"},
            description={
                "en": "Variance against the step h where the target has variance 1. The points, sampled with sixteen "
                f"steps from the target's own law, lie on 1/(1 - h/4): {sampled[-1]:.3f} at h = {SHOWN[-1]:g}.",
                "zh": "目标方差为 1 时，采样方差随步长 h 的变化。各点从目标分布出发走十六步抽样得到，落在 "
                f"1/(1 − h/4) 上：h = {SHOWN[-1]:g} 时为 {sampled[-1]:.3f}。",
            },
            x_title={"en": "step h", "zh": "步长 h"},
            y_title={"en": "variance", "zh": "方差"},
            series=[
                Series({"en": "1/(1 - h/4)", "zh": "1/(1 − h/4)"}, grid, formula, tone=0),
                Series({"en": "sampled", "zh": "抽样"}, list(SHOWN), sampled, "points", list(low), list(high), tone=0),
                Series({"en": "the target", "zh": "目标"}, [grid[0], grid[-1]], [1.0, 1.0], tone=1),
            ],
        )

    def summary(self, measurement: Measurement) -> Text:
        found = {name: interval.estimate for name, interval in measurement.intervals.items()}
        ratios = [found[f"ratio.{level:g}"] for level in LEVELS]
        listed = ", ".join(f"{r:.4f}" for r in ratios)
        return {
            "en": f"Variances {found['variance.1']:.4f} and {found['variance.0.4']:.4f} where the targets have 1 and "
            f"0.4. Noise over drift at levels 0.3, 3, 100: {listed}; power of the level {found['growth']:.3f}.",
            "zh": f"目标方差为 1 与 0.4 时，采样方差为 {found['variance.1']:.4f} 与 {found['variance.0.4']:.4f}。"
            f"噪声水平 0.3、3、100 处噪声与漂移之比：{listed.replace(', ', '、')}；幂次 {found['growth']:.3f}。",
        }
