r"""train-initial-gradient: EDM's preconditioning gives every noise level the same gradient at initialisation.

The last layer is linear and starts at zero, F(x) = W phi(c_in x) with W = 0, so the gradient of one example's loss
lambda |D - y|^2 in W is

    g = -2 lambda c_out r phi(u),    r = y - c_skip x,    u = c_in x.

On Gaussian data r and u are jointly Gaussian, r = b u + e with e independent of u, hence

    E|g|^2 = 4 lambda^2 c_out^2 (b^2 E u^2 |phi(u)|^2 + Var(e) E|phi(u)|^2).

EDM makes u and r / c_out independent standard normals and lambda c_out^2 = 1: E|g|^2 = 4 E|phi(z)|^2 whatever sigma
(edm.precond, edm.loss-weight). On other data of the same variance u and r are only uncorrelated; the norms then stay
within a factor of two. A loss on the score itself has a target of variance 1/sigma^2 (train.dsm-variance), and its
gradient is that of the smallest noise level.
"""

from __future__ import annotations

import math
from dataclasses import replace

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
from verify.experiments.preconditioning import Preconditioner, data_prediction, edm, noise_prediction
from verify.experiments.quadrature import normal_mean, normal_rule
from verify.experiments.statistics import Interval, Span, around, exact, exact_blind

DEVIATION = 0.5
SIGMAS = (0.002, 0.05, 0.5, 5.0, 80.0)
UNITS = 16
MARGIN = 1e-3
LARGEST_RATIO = 2.0
ROUNDINGS = 400  # sums over 9,409 nodes; the target of the smallest level loses ln(sigma_data/sigma) digits

RIGHT = edm(DEVIATION)


def features(u: Tensor) -> Tensor:
    """phi(u): a constant and UNITS silu units of slopes 0.5 to 2, shifts -1.5 to 1.5. (B, 1) -> (B, UNITS + 1)"""
    j = torch.arange(UNITS, dtype=u.dtype, device=u.device) / (UNITS - 1)
    units = torch.nn.functional.silu((0.5 + 1.5 * j) * u + torch.cos(7 * j) * 1.5)
    return torch.cat([torch.ones_like(u), units], 1)


def size(u: Tensor) -> Tensor:
    """|phi(u)|^2 for points (B,)."""
    return features(u[:, None]).square().sum(1)


def score_matching() -> Preconditioner:
    """The network returns the score, D = x + sigma^2 s, and the loss on the score has weight 1: lambda = 1/sigma^4."""
    return Preconditioner(
        c_skip=lambda sigma: 1.0,
        c_out=lambda sigma: sigma**2,
        c_in=RIGHT.c_in,
        c_noise=RIGHT.c_noise,
        weight=lambda sigma: sigma**-4,
    )


@experiment(
    name="train-initial-gradient",
    title={
        "en": "At initialisation EDM's gradient has the same size at every noise level",
        "zh": "初始化时，EDM 的梯度在每个噪声水平上大小相同",
    },
    claims=("edm.precond", "edm.loss-weight", "train.dsm-variance"),
    prediction={
        "en": "With a last layer that starts at zero, the root mean square of one example's gradient is the same at "
        "every sigma for Gaussian data of deviation sigma_data, and stays within a factor of two for two atoms.",
        "zh": "末层从零开始时，对标准差为 σ_data 的高斯数据，单个样本梯度的均方根与 σ 无关；"
        "对两个原子，它的变化不超过两倍。",
    },
)
class InitialGradient(Experiment):
    subject = RIGHT
    wrong = {
        "score-weight-one": Wrong(
            {"en": "the loss on the score, with weight 1", "zh": "对得分的损失，权重为 1"},
            score_matching(),
            "gaussian.ratio",
        ),
        "x0-inverse-square": Wrong(
            {"en": "data prediction with weight 1/sigma²", "zh": "预测数据，权重为 1/σ²"},
            replace(data_prediction(), weight=lambda sigma: sigma**-2),
            "gaussian.ratio",
        ),
        "input-unscaled": Wrong(
            {"en": "EDM with an input that is not scaled", "zh": "EDM，但输入未缩放"},
            replace(RIGHT, c_in=lambda sigma: 1.0),
            "gaussian.ratio",
        ),
        "noise-edm-weight": Wrong(
            {"en": "noise prediction with EDM's weight", "zh": "预测噪声，却用 EDM 的权重"},
            replace(noise_prediction(), weight=RIGHT.weight),
            "gaussian.ratio",
        ),
        "weight-twice": Wrong(
            {"en": "EDM's weight applied twice", "zh": "EDM 权重乘了两次"},
            replace(RIGHT, weight=lambda sigma: RIGHT.weight(sigma) ** 2),
            "gaussian.ratio",
        ),
        "skip-swapped": Wrong(
            {"en": "c_skip = sigma²/(sigma² + sigma_data²)", "zh": "c_skip 写成 σ²/(σ² + σ_data²)"},
            replace(RIGHT, c_skip=lambda sigma: sigma**2 / (sigma**2 + DEVIATION**2)),
            "gaussian.ratio",
        ),
    }

    def predict(self) -> dict[str, Prediction]:
        value = self.expect(self.subject)["gaussian.norm.0.5"]
        predictions = {}
        for sigma in SIGMAS:
            title = {
                "en": f"gradient, Gaussian data, sigma = {sigma:g}",
                "zh": f"梯度，高斯数据，σ = {sigma:g}",
            }
            predictions[f"gaussian.norm.{sigma:g}"] = self._prediction(title, value, around(value, MARGIN * value))
        ratios = {
            "gaussian": ({"en": "largest over smallest, Gaussian data", "zh": "最大与最小之比，高斯数据"}, 1 + MARGIN),
            "atoms": ({"en": "largest over smallest, two atoms", "zh": "最大与最小之比，两个原子"}, LARGEST_RATIO),
        }
        for law, (title, most) in ratios.items():
            predictions[f"{law}.ratio"] = self._prediction(title, 1.0, Span(1 - MARGIN, most))
        return predictions

    def _prediction(self, title: Text, value: float, margin: Span) -> Prediction:
        return Prediction(title, value, margin, exact_blind(margin, self._rounding(value)), 0.0, "trapezoidal rule")

    def _rounding(self, value: float) -> float:
        # A target y - c_skip x is a difference of numbers of order sigma_data that leaves one of order sigma.
        return ROUNDINGS * self.setting.rounding * value

    def expect(self, subject: Preconditioner) -> dict[str, float]:
        norms = {sigma: self._closed(subject, sigma) for sigma in SIGMAS}
        return {f"gaussian.norm.{sigma:g}": norm for sigma, norm in norms.items()} | {
            "gaussian.ratio": max(norms.values()) / min(norms.values())
        }

    @staticmethod
    def _closed(c: Preconditioner, sigma: float) -> float:
        """The root of E|g|^2 of the module's docstring."""
        total, kept = DEVIATION**2 + sigma**2, c.c_skip(sigma)
        spread = c.c_in(sigma) * math.sqrt(total)  # of u
        covariance = c.c_in(sigma) * (DEVIATION**2 - kept * total)  # of r and u
        slope = covariance / spread**2
        residual = ((1 - kept) * DEVIATION) ** 2 + (kept * sigma) ** 2 - slope * covariance
        plain = normal_mean(lambda z: size(spread * z))
        squared = normal_mean(lambda z: (spread * z) ** 2 * size(spread * z))
        return 2 * abs(c.weight(sigma) * c.c_out(sigma)) * math.sqrt(slope**2 * squared + residual * plain)

    def measure(self, subject: Preconditioner) -> Measurement:
        z, w = normal_rule(97)
        laws = {
            "gaussian": (DEVIATION * z, w),
            "atoms": (DEVIATION * torch.tensor([-1.0, 1.0], dtype=z.dtype), torch.full((2,), 0.5, dtype=z.dtype)),
        }
        norms = {
            law: [self._norm(subject, sigma, points, shares, z, w) for sigma in SIGMAS]
            for law, (points, shares) in laws.items()
        }
        intervals = {
            f"gaussian.norm.{sigma:g}": self._interval(norm)
            for sigma, norm in zip(SIGMAS, norms["gaussian"], strict=True)
        }
        intervals |= {f"{law}.ratio": self._interval(max(found) / min(found)) for law, found in norms.items()}
        return Measurement(intervals, norms)

    def _interval(self, value: float) -> Interval:
        return exact(value, self._rounding(value))

    def _norm(self, c: Preconditioner, sigma: float, points: Tensor, shares: Tensor, z: Tensor, w: Tensor) -> float:
        """Root mean square of the gradient of one example's loss: every example has its own copy of the last layer."""
        y = self.setting.tensor(points.repeat_interleave(len(z)))[:, None]
        noise = self.setting.tensor(z.repeat(len(points)))[:, None]
        weights = self.setting.tensor((shares[:, None] * w).reshape(-1))
        with torch.enable_grad():
            last = torch.zeros(len(y), UNITS + 1, dtype=y.dtype, device=y.device, requires_grad=True)
            loss = c.loss(lambda u, level: (features(u) * last).sum(1, keepdim=True), y, noise, sigma)
            (gradient,) = torch.autograd.grad(loss.sum(), last)
        return math.sqrt(float((weights * gradient.square().sum(1)).sum(dtype=torch.float64)))

    def picture(self, measurements: dict[str, Measurement]) -> Picture:
        levels = [10 ** (-2.7 + 0.1 * k) for k in range(47)]
        shown = ("", "score-weight-one", "x0-inverse-square", "input-unscaled", "noise-edm-weight")
        series = []
        for tone, key in enumerate(shown):
            subject = self.wrong[key].subject if key else self.subject
            title = self.wrong[key].title if key else {"en": "EDM", "zh": "EDM"}
            curve = [self._closed(subject, sigma) for sigma in levels]
            series.append(Series(title, levels, curve, tone=tone))
            measured = {"en": f"{title['en']}, measured", "zh": f"{title['zh']}，实测"}
            series.append(Series(measured, list(SIGMAS), measurements[key].traces["gaussian"], "points", tone=tone))
        return Picture(
            title={"en": "Size of one example's gradient at initialisation", "zh": "初始化时单个样本梯度的大小"},
            description={
                "en": "Root mean square of the last layer's gradient against the noise level, both axes logarithmic. "
                "EDM's is flat; the others spread over factors of "
                f"{self._spread(measurements, 'input-unscaled'):.0f} to "
                f"{self._spread(measurements, 'score-weight-one'):.0e}. Lines: formula; points: by autograd.",
                "zh": "末层梯度的均方根随噪声水平的变化，双对数坐标。EDM 恒定；其余各种相差 "
                f"{self._spread(measurements, 'input-unscaled'):.0f} 至 "
                f"{self._spread(measurements, 'score-weight-one'):.0e} 倍。曲线为公式，点由自动微分得到。",
            },
            x_title={"en": "noise level sigma", "zh": "噪声水平 σ"},
            y_title={"en": "gradient, root mean square", "zh": "梯度的均方根"},
            series=series,
            x_log=True,
            y_log=True,
        )

    @staticmethod
    def _spread(measurements: dict[str, Measurement], key: str) -> float:
        norms = measurements[key].traces["gaussian"]
        return max(norms) / min(norms)

    def summary(self, measurement: Measurement) -> Text:
        gaussian, atoms = (measurement.intervals[f"{law}.ratio"].estimate for law in ("gaussian", "atoms"))
        return {
            "en": f"Largest over smallest gradient from sigma = {SIGMAS[0]:g} to {SIGMAS[-1]:g}: {gaussian:.6f} for "
            f"Gaussian data, {atoms:.3f} for two atoms.",
            "zh": f"σ 从 {SIGMAS[0]:g} 到 {SIGMAS[-1]:g}，最大与最小梯度之比：高斯数据 {gaussian:.6f}，"
            f"两个原子 {atoms:.3f}。",
        }
