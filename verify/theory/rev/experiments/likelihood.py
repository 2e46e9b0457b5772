r"""rev-likelihood: the log-density from the probability-flow ODE, and what a Gaussian at its noisy end costs.

On a mixture in the plane with full covariances, whose density is known, the integral of the divergence gives the
log-density to the solver's error (rev.likelihood). Replacing p(x; sigma_max) by N(0, sigma_max^2) shifts it by
log N(x_T; 0, sigma_max^2) - log p(x_T; sigma_max) (rev.likelihood-prior-bias). On a Gaussian x_T is known, so the shift
is a number to predict; it falls like the first power of 1/sigma_max only. Pixels in [-1, 1] add seven bits a dimension
(rev.bits-per-dim).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from verify.experiments.arithmetic import stated_order
from verify.experiments.experiment import (
    Experiment,
    Measurement,
    Picture,
    Prediction,
    Series,
    Text,
    Wrong,
    experiment,
    slope,
)
from verify.experiments.likelihood import Trace, bits_per_dimension, exact_trace, log_likelihood, normal_prior
from verify.experiments.oracles.gaussian import Gaussian
from verify.experiments.oracles.mixture import Mixture
from verify.experiments.samplers.common import Denoise
from verify.experiments.statistics import Interval, around, exact, exact_blind, order_interval

LOW, STEPS, ROWS = 0.1, 40, 64
TOPS = (20.0, 40.0, 80.0, 160.0, 320.0)
MEAN, DEVIATIONS, PLACE = (0.6, -0.3), (0.5, 0.3), (1.0, 0.5)
DENSITY_MARGIN, SHIFT_MARGIN, BITS_MARGIN = 2e-3, 4e-4, 2e-3

Prior = Callable[[float, Tensor], Callable[[Tensor], Tensor]]
Bits = Callable[[Tensor, int], Tensor]


def centred(top: float, x: Tensor) -> Callable[[Tensor], Tensor]:
    """N(0, top^2): a model's prior, the same for every datum."""
    return normal_prior(top)


def at_the_datum(top: float, x: Tensor) -> Callable[[Tensor], Tensor]:
    """N(x_0, top^2), centred at the datum whose likelihood is asked for."""
    return lambda y: normal_prior(top)(y - x)


def the_law_itself(top: float, x: Tensor) -> Callable[[Tensor], Tensor]:
    """p(x; top) of the Gaussian: what makes the likelihood exact, and what no model has."""
    mean, s = (torch.tensor(v, dtype=x.dtype, device=x.device) for v in (MEAN, DEVIATIONS))
    return lambda y: Gaussian(mean, s**2).log_density(y, top)


def opposite(denoise: Denoise, x: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
    """d - tr becomes tr - d."""
    denoised, trace = exact_trace(denoise, x, sigma)
    return denoised, 2 * x[0].numel() - trace


def of_the_sde(denoise: Denoise, x: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
    """The drift of the forward SDE in place of the flow's: in sigma-space it is 0, and so is its divergence."""
    return denoise(x, sigma), torch.full_like(x[:, 0], x[0].numel())


def over_dimensions(denoise: Denoise, x: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
    denoised, trace = exact_trace(denoise, x, sigma)
    return denoised, trace / x[0].numel()


def shift(top: float) -> float:
    """log N(x_T; 0, top^2) - log p(x_T; top) at the end of the trajectory through mean + deviation * place."""
    total = 0.0
    for m, s, z in zip(MEAN, DEVIATIONS, PLACE, strict=True):
        spread = s**2 + top**2
        x = m + s * z * math.sqrt(spread / (s**2 + LOW**2))
        total += -0.5 * (x**2 / top**2 + math.log(top**2)) + 0.5 * ((x - m) ** 2 / spread + math.log(spread))
    return total


def shift_at_the_datum(top: float) -> float:
    """The same for a prior centred at the datum."""
    total = shift(top)
    for m, s, z in zip(MEAN, DEVIATIONS, PLACE, strict=True):
        x = m + s * z * math.sqrt((s**2 + top**2) / (s**2 + LOW**2))
        total += 0.5 * (x**2 - (x - m - s * z) ** 2) / top**2
    return total


def bits_here() -> float:
    """-log_2 p + 7 a dimension at that point, at the level LOW."""
    total = 0.0
    for s, z in zip(DEVIATIONS, PLACE, strict=True):
        spread = s**2 + LOW**2
        total += 0.5 * (s**2 * z**2 / spread + math.log(2 * math.pi * spread))
    return total / (len(MEAN) * math.log(2)) + 7


@dataclass(frozen=True)
class Likelihood:
    """The divergence that is integrated, the prior, the conversion to bits; what theory gives for the last two."""

    trace: Trace = exact_trace
    prior: Prior = centred
    bits: Bits = bits_per_dimension
    shift: Callable[[float], float] = shift
    offset: float = 7.0


@experiment(
    name="rev-likelihood",
    title={
        "en": "The flow gives the exact log-density, a centred prior shifts it",
        "zh": "流给出精确的对数密度，零均值先验使它偏移",
    },
    claims=("rev.likelihood", "rev.likelihood-prior-bias", "rev.bits-per-dim"),
    prediction={
        "en": "On a mixture the integral of the divergence gives the log-density to 0.002. On a Gaussian of mean "
        "(0.6, -0.3) a centred prior shifts the log-likelihood of one point by -0.0228 at a largest level of 20 and "
        "by -0.0056 at 80; the shift falls like the first power of the level.",
        "zh": "在高斯混合上，散度的积分给出对数密度，误差小于 0.002。在均值为 (0.6, −0.3) 的高斯上，零均值先验"
        "使一个点的对数似然在最大噪声为 20 时偏移 −0.0228，为 80 时偏移 −0.0056；偏移只与最大噪声的一次方成反比。",
    },
)
class LikelihoodOfTheFlow(Experiment):
    subject = Likelihood()
    wrong = {
        "opposite-sign": Wrong(
            {"en": "the divergence with the opposite sign", "zh": "散度的符号写反了"},
            replace(Likelihood(), trace=opposite),
            "density",
        ),
        "drift-of-the-sde": Wrong(
            {"en": "the divergence of the drift of the SDE", "zh": "用了 SDE 漂移的散度"},
            replace(Likelihood(), trace=of_the_sde),
            "density",
        ),
        "mean-over-dimensions": Wrong(
            {"en": "the trace divided by the number of dimensions", "zh": "迹又除以了维数"},
            replace(Likelihood(), trace=over_dimensions),
            "density",
        ),
        "exact": Wrong(
            {"en": "the likelihood of a model said to be exact", "zh": "声称模型的似然是精确的"},
            replace(Likelihood(), prior=the_law_itself, shift=lambda top: 0.0),
            "shift.80",
        ),
        "prior-at-the-datum": Wrong(
            {"en": "the prior centred at the datum", "zh": "把先验的中心放在数据点上"},
            replace(Likelihood(), prior=at_the_datum, shift=shift_at_the_datum),
            "shift.20",
            "asked in score_sde_pytorch issue 64",
        ),
        "no-offset": Wrong(
            {"en": "bits per dimension without the seven", "zh": "每维比特数漏掉了 7"},
            replace(Likelihood(), bits=lambda log_density, d: -log_density / (d * math.log(2)), offset=0.0),
            "bits",
        ),
    }

    @property
    def _rounding(self) -> float:
        return 1000 * self.setting.rounding

    def predict(self) -> dict[str, Prediction]:
        titles: dict[str, Text] = {
            "density": {
                "en": "largest error of the log-density on a mixture",
                "zh": "高斯混合上对数密度的最大误差",
            },
            "order": {"en": "power of 1 / largest level in the shift", "zh": "偏移关于最大噪声倒数的幂次"},
            "bits": {"en": "bits per dimension at one point", "zh": "一个点的每维比特数"},
        }
        margins = {"density": DENSITY_MARGIN, "bits": BITS_MARGIN}
        found = {}
        for name, value in self.expect(self.subject).items():
            top = name.removeprefix("shift.")
            title = titles.get(
                name, {"en": f"shift by the prior, largest level {top}", "zh": f"先验造成的偏移，最大噪声 {top}"}
            )
            if name == "order":
                found[name] = stated_order(title, value, 0.25, unit=1e5)
                continue
            margin = around(value, margins.get(name, SHIFT_MARGIN))
            blind = exact_blind(margin, self._rounding)
            found[name] = Prediction(title, value, margin, blind, 0.0, f"Runge-Kutta, {STEPS} steps", unit=10.0)
        return found

    def expect(self, subject: Likelihood) -> dict[str, float]:
        found = {f"shift.{top:g}": subject.shift(top) for top in (20.0, 80.0)}
        found |= {"bits": bits_here() - 7 + subject.offset}
        return found | ({"density": 0.0, "order": 1.0} if subject == self.subject else {})

    def measure(self, subject: Likelihood) -> Measurement:
        x = self._mixture.sample(self.setting.latents, "likelihood", ROWS)
        top = TOPS[0]
        found, _ = log_likelihood(
            self._mixture.denoise, x, grid(top), lambda y: self._mixture.log_density(y, top), subject.trace
        )
        error = float((found - self._mixture.log_density(x, LOW)).abs().max())
        double = torch.float64  # the shifts of the largest levels would drown in roundings of float32
        shifts = [self._shift(subject.prior, top, double) for top in TOPS]
        intervals: dict[str, Interval] = {
            f"shift.{top:g}": exact(self._shift(subject.prior, top, self.setting.dtype), self._rounding)
            for top in (20.0, 80.0)
        }
        log_density = self.setting.tensor(self._log_likelihood(the_law_itself, top, self.setting.dtype))
        intervals |= {
            "bits": exact(float(subject.bits(log_density, len(MEAN))), self._rounding),
            "density": exact(error, self._rounding),
            "order": order_interval([1 / top for top in TOPS], [abs(s) for s in shifts], self.setting.rounding / 1e3),
        }
        return Measurement(intervals, {"shifts": shifts})

    @property
    def _mixture(self) -> Mixture:
        weights, means = [0.3, 0.7], [[-1.0, 0.2], [0.8, -0.4]]
        covariances = [[[0.3, 0.2], [0.2, 0.25]], [[0.2, -0.1], [-0.1, 0.4]]]
        values = (
            torch.tensor(v, dtype=torch.float64, device=self.setting.device) for v in (weights, means, covariances)
        )
        return Mixture.with_covariances(*values)

    def _point(self, dtype: torch.dtype) -> tuple[Tensor, Gaussian]:
        mean, s, z = (torch.tensor(v, dtype=dtype, device=self.setting.device) for v in (MEAN, DEVIATIONS, PLACE))
        return (mean + s * z)[None], Gaussian(mean, s**2)

    @cached_property
    def _known(self) -> dict[tuple[Prior, float, torch.dtype], float]:
        """Log-likelihoods already found: most wrong versions share a prior."""
        return {}

    def _log_likelihood(self, prior: Prior, top: float, dtype: torch.dtype) -> float:
        if (prior, top, dtype) not in self._known:
            x, target = self._point(dtype)
            found, _ = log_likelihood(target.denoise, x, grid(top), prior(top, x), exact_trace)
            self._known[prior, top, dtype] = float(found)
        return self._known[prior, top, dtype]

    def _shift(self, prior: Prior, top: float, dtype: torch.dtype) -> float:
        return self._log_likelihood(prior, top, dtype) - self._log_likelihood(the_law_itself, top, dtype)

    def picture(self, measurements: dict[str, Measurement]) -> Picture:
        shifts = [abs(s) for s in measurements[""].traces["shifts"]]
        return Picture(
            title={"en": "What a centred prior costs the likelihood", "zh": "零均值先验使似然偏移多少"},
            description={
                "en": "Shift of the log-likelihood of one point against the largest noise level, logarithmic axes: "
                f"{shifts[0]:.4f} at {TOPS[0]:g}, {shifts[2]:.4f} at {TOPS[2]:g}, on a line of slope minus one.",
                "zh": "一个点的对数似然的偏移随最大噪声的变化，双对数坐标："
                f"最大噪声 {TOPS[0]:g} 处为 {shifts[0]:.4f}，{TOPS[2]:g} 处为 {shifts[2]:.4f}，斜率为负一。",
            },
            x_title={"en": "largest noise level", "zh": "最大噪声水平"},
            y_title={"en": "shift in nats", "zh": "偏移（奈特）"},
            series=[
                Series({"en": "measured", "zh": "实测"}, list(TOPS), shifts, "points", tone=0),
                Series({"en": "formula", "zh": "公式"}, list(TOPS), [abs(shift(top)) for top in TOPS], tone=0),
            ],
            guides=[slope((TOPS[0], shifts[0] * 1.6), TOPS[3], -1)],
            x_log=True,
            y_log=True,
        )

    def summary(self, measurement: Measurement) -> Text:
        found = {name: interval.estimate for name, interval in measurement.intervals.items()}
        return {
            "en": f"Largest error of the log-density {found['density']:.1e} nats. A centred prior shifts the point by "
            f"{found['shift.20']:.4f} at a largest level of 20 and {found['shift.80']:.4f} at 80: order "
            f"{found['order']:.2f}.",
            "zh": f"对数密度的最大误差为 {found['density']:.1e} 奈特。零均值先验使该点偏移：最大噪声 20 时 "
            f"{found['shift.20']:.4f}，80 时 {found['shift.80']:.4f}，阶为 {found['order']:.2f}。",
        }


def grid(top: float) -> list[float]:
    """Equal steps in ln sigma from LOW to `top`."""
    return [LOW * (top / LOW) ** (i / STEPS) for i in range(STEPS + 1)]
