r"""ldm-scale-shift: scaled latents under a fixed schedule see another logSNR, and decoding has to undo the map.

Latents z have mean b and deviation s, the model is trained on c (z - b). Then (ldm.scale-shift)

    D'(c (x - b); c sigma) = c (D(x; sigma) - b),

so the level at which a given share of the latents is lost moves from sigma to c sigma: the logSNR at which it happens
shifts by 2 ln c, which is -3.4058 for Stable Diffusion's c = 0.18215. Samples are decoded by x/c + b. In one dimension
the flow keeps quantiles, so that the law of what is decoded is checked without sampling.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
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
from verify.experiments.grids import karras
from verify.experiments.oracles.mixture import Mixture
from verify.experiments.samplers.ode import heun
from verify.experiments.statistics.verdicts import exact

SCALE, OTHER_SCALE = 0.18215, 0.13025  # Stable Diffusion 1 and XL
MEAN = 1.3
STEPS, FINEST, COARSEST = 96, 0.02, 40.0
POINTS = 96
MARGIN = 2e-3

Decode = Callable[[Tensor], Tensor]


def unscaled(x: Tensor) -> Tensor:
    return x / SCALE + MEAN


@dataclass(frozen=True)
class Codec:
    """The map from latents to what the model sees, its inverse for the decoder, and the level said to correspond."""

    scale: float = SCALE
    decode: Decode = unscaled
    level: float = SCALE  # of the scaled latents that belongs to level 1 of the latents


@experiment(
    name="ldm-scale-shift",
    title={
        "en": "A scale of the latents shifts the logSNR, and decoding has to undo it",
        "zh": "隐变量的缩放平移 logSNR，解码时必须还原",
    },
    claims=("ldm.scale-shift",),
    prediction={
        "en": "With c = 0.18215 = 1/deviation the scaled latents have unit variance, lose half of it at a logSNR moved "
        "by 2 ln c = -3.4058, and samples of the scaled model decode to the law of the latents.",
        "zh": "取 c = 0.18215，即标准差的倒数，缩放后的隐变量方差为一；损失一半方差处的 logSNR 平移 2 ln c = -3.4058；"
        "缩放后模型的样本解码后服从隐变量的分布。",
    },
)
class ScaleShift(Experiment):
    subject = Codec()
    wrong = {
        "shift-forgotten": Wrong(
            {"en": "the shift of the latents forgotten in decoding", "zh": "解码时忘了加回平移"},
            Codec(decode=lambda x: x / SCALE),
            "law",
            "huggingface/diffusers issue 8708",
        ),
        "other-factor": Wrong(
            {"en": "decoded with the factor 0.13025 of another", "zh": "解码时用了别的系数 0.13025"},
            Codec(decode=lambda x: x / OTHER_SCALE + MEAN),
            "law",
            "hpcaitech/Open-Sora issue 493",
        ),
        "applied-twice": Wrong(
            {"en": "the factor applied twice", "zh": "系数用了两次"}, Codec(scale=SCALE**2), "variance"
        ),
        "same-level": Wrong(
            {"en": "the noise level said not to change", "zh": "以为噪声水平不变"}, Codec(level=1.0), "shift"
        ),
    }

    def predict(self) -> dict[str, Prediction]:
        titles: dict[str, Text] = {
            "variance": {"en": "variance of what the model sees", "zh": "模型所见数据的方差"},
            "denoiser": {
                "en": "largest error of D'(c (x - b); c sigma) = c (D - b)",
                "zh": "D'(c (x − b); cσ) = c (D − b) 的最大误差",
            },
            "shift": {
                "en": "shift of the logSNR at which half of the variance is lost, less what is said",
                "zh": "损失一半方差处的 logSNR 的平移量，减去所说的值",
            },
            "law": {
                "en": "largest distance of the distribution function of decoded samples",
                "zh": "解码后样本的分布函数的最大距离",
            },
        }
        method = f"closed forms; Heun's method, {STEPS} steps; quantiles"
        return stated(self.expect(self.subject), titles, MARGIN, self._rounding, method)

    def expect(self, subject: Codec) -> dict[str, float]:
        found = {
            "variance": (subject.scale / SCALE) ** 2,
            "shift": 2 * math.log(subject.scale) - 2 * math.log(subject.level * subject.scale / SCALE),
        }
        return found | ({"denoiser": 0.0, "law": 0.0} if subject is self.subject else {})

    @property
    def _rounding(self) -> float:
        return 20 * STEPS * self.setting.rounding

    def _latents(self) -> Mixture:
        """A mixture of two modes, of unequal weights and widths, with mean MEAN and deviation 1/SCALE."""
        weights, places, widths = [0.3, 0.7], [-1.0, 0.8], [0.2, 0.35]
        mean = sum(w * p for w, p in zip(weights, places, strict=True))
        square = sum(w * (p * p + s * s) for w, p, s in zip(weights, places, widths, strict=True))
        factor = 1 / (SCALE * math.sqrt(square - mean**2))
        values = (
            weights,
            [[MEAN + factor * (p - mean)] for p in places],
            [[(factor * s) ** 2] for s in widths],
        )
        return Mixture(*(torch.tensor(v, dtype=torch.float64, device=self.setting.device) for v in values))

    def _scaled(self, scale: float) -> Mixture:
        latents = self._latents()
        return Mixture(latents.log_weights.exp(), scale * (latents.means - MEAN), scale**2 * latents.variances)

    @cached_property
    def _start(self) -> tuple[Tensor, Tensor]:
        """Quantiles u (POINTS, 1), and the points of the noisiest scaled law that have them."""
        law = self._scaled(SCALE)
        u = 0.01 + 0.98 * self.setting.latents.uniform("ldm.quantiles", POINTS)[:, None]
        low, high = torch.full_like(u, -10 * COARSEST), torch.full_like(u, 10 * COARSEST)
        for _ in range(64):
            middle = (low + high) / 2
            below = law.cdf(middle, COARSEST) < u
            low, high = torch.where(below, middle, low), torch.where(below, high, middle)
        return u, (low + high) / 2

    @cached_property
    def _sampled(self) -> Tensor:
        levels = karras(STEPS + 1, FINEST, COARSEST, to_zero=False)
        return heun(self._scaled(SCALE).denoise, self._start[1].to(self.setting.dtype), levels)

    @staticmethod
    def _moments(law: Mixture) -> tuple[float, float]:
        """Mean and variance."""
        weights = law.log_weights.exp()[:, None]
        mean = (weights * law.means).sum()
        return float(mean), float((weights * (law.variances + (law.means - mean) ** 2)).sum())

    def _lost(self, law: Mixture, sigma: float) -> float:
        """Share of the variance that the best prediction loses, E|y - D|^2/Var y = (sigma^2 - sigma^4 E score^2)/Var y,
        by the trapezoidal rule."""
        mean, variance = self._moments(law)
        grid = torch.linspace(-1, 1, 2001, dtype=torch.float64, device=law.means.device)[:, None]
        x = mean + 8 * math.sqrt(variance + sigma**2) * grid
        density = law.log_density(x, sigma).exp()
        information = float((density * law.score(x, sigma)[:, 0] ** 2).sum() / density.sum())
        return (sigma**2 - sigma**4 * information) / variance

    def _half(self, law: Mixture) -> float:
        """The logarithm of the noise level at which half of the variance is lost, by bisection."""
        low, high = -10.0, 10.0
        for _ in range(48):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if self._lost(law, math.exp(middle)) < 0.5 else (low, middle)
        return low

    def measure(self, subject: Codec) -> Measurement:
        latents, scaled = self._latents(), self._scaled(subject.scale)
        x = self.setting.tensor(self._start[0] * 20 - 8)
        error = 0.0
        for sigma in (0.5, 2.0, 8.0):
            seen = scaled.denoise(subject.scale * (x - MEAN), subject.scale * sigma)
            error = max(error, float((seen - subject.scale * (latents.denoise(x, sigma) - MEAN)).abs().max()))
        said = subject.level * subject.scale / SCALE
        decoded = subject.decode(self._sampled).double()
        found = {
            "variance": self._moments(scaled)[1],
            "denoiser": error,
            "shift": 2 * (self._half(scaled) - self._half(latents)) - 2 * math.log(said),
            # What is decoded has the noise FINEST/SCALE of the last level left on it.
            "law": float((latents.cdf(decoded, FINEST / SCALE) - self._start[0]).abs().max()),
        }
        return Measurement({name: exact(value, self._rounding) for name, value in found.items()})

    def picture(self, measurements: dict[str, Measurement]) -> Picture:
        latents, scaled = self._latents(), self._scaled(SCALE)
        logsnr = [-8 + 0.4 * k for k in range(41)]
        shown: list[tuple[Text, Mixture]] = [
            ({"en": "latents", "zh": "隐变量"}, latents),
            ({"en": f"latents times {SCALE}", "zh": f"隐变量乘以 {SCALE}"}, scaled),
        ]
        return Picture(
            title={"en": "What is lost at a given logSNR of the schedule", "zh": "时间表的给定 logSNR 处损失多少"},
            description={
                "en": "Share of the variance that the best prediction loses against the logSNR of the schedule, for "
                f"latents of deviation {1 / SCALE:.2f} and for the same latents scaled to deviation 1: the curve moves "
                f"by {-2 * math.log(SCALE):.4f}.",
                "zh": f"最优预测损失的方差比例随时间表 logSNR 的变化：标准差为 {1 / SCALE:.2f} 的隐变量，"
                f"以及缩放到标准差为一的同一隐变量，曲线平移 {-2 * math.log(SCALE):.4f}。",
            },
            x_title={"en": "logSNR of the schedule", "zh": "时间表的 logSNR"},
            y_title={"en": "share of the variance lost", "zh": "损失的方差比例"},
            series=[
                Series(title, logsnr, [self._lost(law, math.exp(-0.5 * value)) for value in logsnr], tone=tone)
                for tone, (title, law) in enumerate(shown)
            ],
        )

    def summary(self, measurement: Measurement) -> Text:
        found = {name: interval.estimate for name, interval in measurement.intervals.items()}
        shift = found["shift"] + 2 * math.log(SCALE)
        return {
            "en": f"Shift of the logSNR {shift:.4f}; variance of the scaled latents {found['variance']:.4f}; decoded "
            f"samples are within {found['law']:.1e} of the law of the latents.",
            "zh": f"logSNR 平移 {shift:.4f}；缩放后隐变量的方差为 {found['variance']:.4f}；"
            f"解码后的样本与隐变量分布相差不到 {found['law']:.1e}。",
        }
