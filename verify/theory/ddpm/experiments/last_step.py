r"""ddpm-last-step: the last step goes to no noise and adds none.

On N(0, s^2) a chain is affine, so its final variance is known exactly (`verify.experiments.affine`). Noise of variance
v_1 in the last step is never denoised again, so it widens the result by exactly v_1: beta_1 with the larger usual
choice, nothing with the smaller, which is zero there. On one pixel of two possible values it shows as it is: the exact
denoiser returns a value, the noise stays on top, sqrt(beta_1) = 0.01 or 1.3 of 255 grey levels.

Two other slips at the end. A deterministic sampler whose last entry is the first level of the table, not zero, leaves
that level's noise in; and a last level that is repeated costs an evaluation that moves nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from verify.experiments.affine import law
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
from verify.experiments.grids import linear_betas, of_betas
from verify.experiments.oracles import Gaussian, Mixture
from verify.experiments.samplers import Counted, Denoise, Noise, ancestral, beta, ddim
from verify.experiments.statistics import around, exact, exact_blind

DEVIATION = 0.5
FEW, ROWS = 20, 20_000
PIXEL = 0.5  # the two values of a pixel, -PIXEL and PIXEL, one three times as likely as the other
OFF = tuple(range(-4, 5))
GREY = 127.5  # grey levels for one unit of a pixel in [-1, 1]

Sample = Callable[[Denoise, Tensor, Sequence[float], Noise], Tensor]


def chain(denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise) -> Tensor:
    """DDPM with the larger variance; no noise in the step to zero."""
    return ancestral(denoise, x, sigmas, noise, beta)


def noise_in_the_last(denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise) -> Tensor:
    x = chain(denoise, x, sigmas, noise)
    return x + math.sqrt(beta(sigmas[-2], 0.0)) * noise(len(sigmas) - 2)


def straight(denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise) -> Tensor:
    """DDIM, deterministic, to zero."""
    return ddim(denoise, x, sigmas)


def first_entry(denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise) -> Tensor:
    """DDIM to the cleanest level of the table, and what stands there taken for the clean image."""
    return ddim(denoise, x, sigmas[:-1]) / math.hypot(1, sigmas[-2])


def repeated(denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise) -> Tensor:
    """DDIM with the last positive level twice: x + (t - t)/t (x - D)."""
    t = sigmas[-2]
    x = ddim(denoise, x, sigmas[:-1])
    x = x + (t - t) / t * (x - denoise(x, t))
    return ddim(denoise, x, sigmas[-2:])


@dataclass(frozen=True)
class End:
    """A version of the end: of the stochastic chain, and of the deterministic one.

    What theory needs of them: the variance added in the chain's last step, in units of beta_1; the deviation, in grey
    levels, of a two-valued pixel from its values after each of the two; the evaluations of the second.
    """

    chain: Sample = chain
    straight: Sample = straight
    added: float = 0.0
    grey: tuple[float, float] = (0.0, 0.0)
    calls: int = FEW


BETA_1 = linear_betas()[0]
RESIDUE = GREY * math.sqrt(BETA_1)


@experiment(
    name="ddpm-last-step",
    title={
        "en": "The last step goes to no noise and adds none",
        "zh": "最后一步走到无噪声处，并且不加噪声",
    },
    claims=("ddpm.final-noise", "ddim.previous-index"),
    prediction={
        "en": "With DDPM's 1000 steps noise in the last one adds its 1.000e-4 to the variance, unchanged; a pixel of "
        "two possible values then misses them by 1.275 of 255 grey levels, and ends on one of them without that noise.",
        "zh": "DDPM 走 1000 步时，最后一步的噪声原样给方差增加 1.000e-4；"
        "只有两种取值的像素因此偏离 1.275 个灰度级（共 255 级），不加这份噪声则恰好落在取值上。",
    },
)
class LastStep(Experiment):
    subject = End()
    wrong = {
        "noise-in-the-last": Wrong(
            {"en": "noise in the last step too", "zh": "最后一步也加噪声"},
            End(chain=noise_in_the_last, added=1.0, grey=(RESIDUE, 0.0)),
            "variance",
            "TeaPearce/Conditional_Diffusion_MNIST issue 10",
        ),
        "noise-on-a-pixel": Wrong(
            {"en": "the same, on a pixel of two values", "zh": "同上，看只有两种取值的像素"},
            End(chain=noise_in_the_last, added=1.0, grey=(RESIDUE, 0.0)),
            "pixel.chain",
        ),
        "first-entry": Wrong(
            {"en": "the last target is the first entry of the table", "zh": "把表格第一项当作最后的目标"},
            End(straight=first_entry, grey=(0.0, RESIDUE)),
            "pixel.straight",
            "CompVis/latent-diffusion issue 136",
        ),
        "repeated-level": Wrong(
            {"en": "the last level repeated: a step of length zero", "zh": "最后一个水平重复一次：一步长度为零"},
            End(straight=repeated, calls=FEW + 1),
            "calls",
            "huggingface/diffusers pull request 6477",
        ),
    }

    def predict(self) -> dict[str, Prediction]:
        expected = self.expect(self.subject)
        variance = around(expected["variance"], 0.01)
        grey = around(0.0, 0.05)
        rounding = 100 * self.setting.rounding
        return {
            "variance": Prediction(
                {
                    "en": "variance added by the last step over beta_1, T = 1000",
                    "zh": "最后一步增加的方差与 β₁ 之比，T = 1000",
                },
                expected["variance"], variance, exact_blind(variance, self._rounding), 0.0,
                "the sampler's response to unit inputs",
            ),
            "pixel.chain": Prediction(
                {
                    "en": "root mean square distance of a two-valued pixel from its values, in grey levels, DDPM",
                    "zh": "DDPM：两值像素与其取值的均方根距离，以灰度级计",
                },
                0.0, grey, exact_blind(grey, GREY * rounding), 0.0, f"all of {ROWS} samples",
            ),
            "pixel.straight": Prediction(
                {"en": f"the same, DDIM over the last {FEW} levels", "zh": f"同上，DDIM 走最后 {FEW} 个水平"},
                0.0, grey, exact_blind(grey, GREY * rounding), 0.0, f"all of {ROWS} samples",
            ),
            "calls": Prediction(
                {"en": f"evaluations for {FEW} levels", "zh": f"{FEW} 个水平所用的求值次数"},
                float(FEW), around(float(FEW), 0.0), around(float(FEW), 0.0), 0.0, "counted", counted=True,
            ),
        }  # fmt: skip

    def expect(self, subject: End) -> dict[str, float]:
        return {
            "variance": subject.added,
            "pixel.chain": subject.grey[0],
            "pixel.straight": subject.grey[1],
            "calls": float(subject.calls),
        }

    @property
    def _rounding(self) -> float:
        """Of the last coefficient's square over beta_1."""
        return 10 * self.setting.rounding / math.sqrt(BETA_1)

    def measure(self, subject: End) -> Measurement:
        full = [*of_betas(linear_betas()), 0.0]
        few = full[-FEW - 1 :]
        added = self._variance(subject.chain, full)
        pixels = [self._pixel(subject.chain, few), self._pixel(subject.straight, few)]
        off = [GREY * (x - PIXEL * x.sign()).double() for x in pixels]
        grey = [float(distance.square().mean().sqrt()) for distance in off]
        shares = [float((off[0].round() == k).double().mean()) for k in OFF]
        counted = Counted(self._pixels().denoise)
        subject.straight(counted, self.setting.tensor([[few[0]]]), few, self._noise)
        intervals = {
            "variance": exact(added / BETA_1, self._rounding),
            "pixel.chain": exact(grey[0], 100 * GREY * self.setting.rounding),
            "pixel.straight": exact(grey[1], 100 * GREY * self.setting.rounding),
            "calls": exact(float(counted.calls), 0.0),
        }
        return Measurement(intervals, {"grey": grey, "added": added, "shares": shares})

    def _variance(self, sample: Sample, sigmas: list[float]) -> float:
        """What the sampler's last step adds to the variance on N(0, s^2): the square of its noise's coefficient."""
        zero = self.setting.tensor([0.0])
        found = law(
            lambda denoise, x, noise: sample(denoise, x, sigmas, noise),
            Gaussian(zero, zero + DEVIATION**2).denoise,
            math.hypot(1, sigmas[0]),
            len(sigmas) - 1,
            self.setting,
        )
        return found.coefficients[-1] ** 2

    def _pixels(self) -> Mixture:
        points = torch.tensor([[-PIXEL], [PIXEL]], dtype=torch.float64, device=self.setting.device)
        return Mixture.of_atoms(points, torch.tensor([1.0, 3.0], dtype=torch.float64, device=self.setting.device))

    def _noise(self, i: int) -> Tensor:
        return self.setting.latents.normal(f"last-step.{i}", ROWS, 1)

    def _pixel(self, sample: Sample, sigmas: list[float]) -> Tensor:
        """Samples (ROWS, 1) that start from noisy pixels at the first level."""
        y = self._pixels().sample(self.setting.latents, "last-step.data", ROWS)
        x = y + sigmas[0] * self.setting.latents.normal("last-step.start", ROWS, 1)
        return sample(self._pixels().denoise, x, sigmas, self._noise)

    def picture(self, measurements: dict[str, Measurement]) -> Picture:
        shown = {"": {"en": "right", "zh": "正确"}, "noise-in-the-last": self.wrong["noise-in-the-last"].title}
        shares = {key: measurements[key].traces["shares"] for key in shown}
        right, wrong = (100 * share[OFF.index(0)] for share in shares.values())
        return Picture(
            title={"en": "How far a pixel of two values ends from its value", "zh": "两值像素最终偏离其取值多少"},
            description={
                "en": "Share of pixels by the distance from their value, rounded to whole grey levels of 255. Right: "
                f"{right:.1f} % at zero. With noise in the last step, {wrong:.1f} %.",
                "zh": "按偏离取值的灰度级（取整，共 255 级）统计像素所占的比例。"
                f"正确做法有 {right:.1f} % 恰好为零；最后一步加噪声时只有 {wrong:.1f} %。",
            },
            x_title={"en": "grey levels off", "zh": "偏离的灰度级"},
            y_title={"en": "share of pixels", "zh": "像素比例"},
            series=[Series(title, [float(k) for k in OFF], shares[key], "bars") for key, title in shown.items()],
        )

    def summary(self, measurement: Measurement) -> Text:
        grey = measurement.traces["grey"]
        return {
            "en": f"The last of 1000 steps adds {measurement.traces['added']:.1e} to the variance; a two-valued pixel "
            f"ends within {grey[0]:.1e} grey levels of a value with DDPM and {grey[1]:.1e} with DDIM, in "
            f"{measurement.intervals['calls'].estimate:.0f} evaluations.",
            "zh": f"1000 步中的最后一步给方差增加 {measurement.traces['added']:.1e}；两值像素最终与其取值之差，"
            f"DDPM 为 {grey[0]:.1e} 个灰度级，DDIM 为 {grey[1]:.1e} 个，"
            f"求值 {measurement.intervals['calls'].estimate:.0f} 次。",
        }
