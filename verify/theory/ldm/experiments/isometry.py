r"""ldm-isometry: when diffusing latents and diffusing pixels are the same, and when they are not.

Pixels are x = A z + b. With A^T A = I the ideal denoisers agree (ldm.isometry),

    D_x(x; sigma) = b + A D_z(A^T (x - b); sigma),

for every x, also off the plane: what lies across it is common to all data and leaves the posterior. With another A
the isotropic noise of the latents is A A^T sigma^2 in pixels, sigma times the singular values along their axes, and the
decoded latent denoiser is not the pixel one. A score is pulled back with the Jacobian: the gradient in z of
log p_x(A z + b) is A^T score_x.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
from verify.experiments.oracles.decoder import Decoder
from verify.experiments.oracles.mixture import Mixture
from verify.experiments.statistics.verdicts import exact
from verify.experiments.targets import two_bumps, two_clouds

LEVELS = (0.2, 0.6, 2.0)
STRETCH = (2.0, 0.5)
POINTS = 256
MARGIN = 1e-4


@dataclass(frozen=True)
class Belief:
    """The decoder's singular values, those of the noise in pixels as they are said, and how a score is pulled back."""

    stretch: tuple[float, float] = (1.0, 1.0)
    said: tuple[float, float] = STRETCH
    jacobian: bool = True


@experiment(
    name="ldm-isometry",
    title={
        "en": "Latent and pixel diffusion agree when the decoder is an isometry",
        "zh": "解码器为等距映射时，隐空间与像素空间的扩散一致",
    },
    claims=("ldm.isometry",),
    prediction={
        "en": "For a decoder from two to five dimensions with orthonormal columns the decoded latent denoiser is the "
        "pixel denoiser at every point and level; a decoder that stretches by 2 and 0.5 turns latent noise sigma into "
        "pixel noise 2 sigma and sigma/2.",
        "zh": "对列正交的二维到五维解码器，隐空间去噪器解码后在每一点、每个噪声水平上都等于像素空间的去噪器；"
        "若解码器拉伸 2 倍与 0.5 倍，隐空间的噪声 σ 在像素空间变成 2σ 与 σ/2。",
    },
)
class Isometry(Experiment):
    subject = Belief()
    wrong = {
        "any-decoder": Wrong(
            {"en": "the same said of a decoder that stretches", "zh": "以为对会拉伸的解码器也成立"},
            Belief(stretch=STRETCH),
            "denoiser.0.6",
        ),
        "same-level": Wrong(
            {"en": "the noise level in pixels said to be that of the latents", "zh": "以为两处的噪声水平相同"},
            Belief(said=(1.0, 1.0)),
            "noise",
        ),
        "no-jacobian": Wrong(
            {"en": "the score pulled back without the Jacobian", "zh": "把得分拉回时漏掉雅可比"},
            Belief(jacobian=False),
            "score",
        ),
    }

    def predict(self) -> dict[str, Prediction]:
        titles: dict[str, Text] = {
            f"denoiser.{sigma:g}": {
                "en": f"largest difference of the denoisers at sigma = {sigma:g}",
                "zh": f"σ = {sigma:g} 处两个去噪器的最大差",
            }
            for sigma in LEVELS
        } | {
            "noise": {
                "en": "largest error of the noise levels in pixels, sigma = 1",
                "zh": "像素空间噪声水平的最大误差，σ = 1",
            },
            "score": {
                "en": "difference of the pulled-back score, over the largest",
                "zh": "拉回的得分之差与最大值之比",
            },
        }
        return stated(self.expect(self.subject), titles, MARGIN, self._rounding, "closed forms")

    def expect(self, subject: Belief) -> dict[str, float]:
        found = {"noise": max(abs(a - b) for a, b in zip(STRETCH, subject.said, strict=True))}
        if subject.stretch == (1.0, 1.0):
            found |= {f"denoiser.{sigma:g}": 0.0 for sigma in LEVELS}
        return found | ({"score": 0.0} if subject.jacobian else {})

    @property
    def _rounding(self) -> float:
        return 200 * self.setting.rounding

    def _latent(self) -> Mixture:
        return two_clouds(self.setting.device)

    def _decoder(self, stretch: Sequence[float]) -> Decoder:
        """Two latents to five pixels: orthonormal columns that mix both axes, stretched first."""
        device = self.setting.device
        raw = [[0.9, 0.2], [-0.3, 0.7], [0.5, -0.4], [0.1, 0.8], [-0.6, 0.3]]
        basis = torch.linalg.qr(torch.tensor(raw, dtype=torch.float64, device=device)).Q
        offset = torch.tensor([0.3, -0.2, 0.1, 0.5, -0.4], dtype=torch.float64, device=device)
        return Decoder(self._latent(), basis * torch.tensor(stretch, dtype=torch.float64, device=device), offset)

    def _difference(self, decoder: Decoder, x: Tensor, sigma: float) -> float:
        """Largest difference of the pixel denoiser and the latent one, which is reached by the pseudo-inverse."""
        inverse = torch.linalg.pinv(decoder.matrix)
        z = ((x.double() - decoder.offset) @ inverse.mT).to(x.dtype)
        decoded = decoder.latent.denoise(z, sigma).double() @ decoder.matrix.mT + decoder.offset
        return float((decoder.denoise(x, sigma).double() - decoded).abs().max())

    def _score(self, jacobian: bool) -> float:
        """The gradient in z of log p_x(A z + b) against the score in pixels, for the decoder that stretches."""
        decoder, sigma = self._decoder(STRETCH), LEVELS[1]
        with torch.enable_grad():
            z = self.setting.latents.normal("isometry.codes", POINTS, 2).requires_grad_()
            x = (z.double() @ decoder.matrix.mT + decoder.offset).to(z.dtype)
            (gradient,) = torch.autograd.grad(decoder.log_density(x, sigma).sum(), z)
        matrix = decoder.matrix if jacobian else decoder.matrix / self.setting.tensor(STRETCH).double()
        pulled = decoder.score(x.detach(), sigma).double() @ matrix
        return float((pulled - gradient.double()).abs().max() / gradient.abs().max())

    def measure(self, subject: Belief) -> Measurement:
        x = 1.5 * self.setting.latents.normal("isometry.points", POINTS, 5)
        decoder = self._decoder(subject.stretch)
        found = {f"denoiser.{sigma:g}": self._difference(decoder, x, sigma) for sigma in LEVELS}
        # A unit of latent noise on each axis, decoded: its length in pixels is the level there.
        units = self._decoder(STRETCH).matrix.to(self.setting.dtype).norm(dim=0).double().tolist()
        found["noise"] = max(abs(a - b) for a, b in zip(units, subject.said, strict=True))
        found["score"] = self._score(subject.jacobian)
        return Measurement({name: exact(value, self._rounding) for name, value in found.items()})

    def picture(self, measurements: dict[str, Measurement]) -> Picture:
        law = two_bumps()
        sigma = LEVELS[1]
        z = torch.linspace(-2.5, 2.5, 101, dtype=torch.float64)[:, None]
        series = []
        for tone, k in enumerate((1.0, 2.0, 0.5)):
            # The decoder z -> k z (times a unit vector): the pixel denoiser at k z, read back as a latent.
            pixels = law.mapped(torch.tensor([[k]], dtype=torch.float64)).denoise(k * z, sigma) / k
            name = {"en": f"pixel denoiser, stretch {k:g}", "zh": f"像素去噪器，拉伸 {k:g} 倍"}
            series.append(Series(name, z[:, 0].tolist(), pixels[:, 0].tolist(), tone=tone))
        latent = law.denoise(z[::8], sigma)
        points = z[::8, 0].tolist(), latent[:, 0].tolist()
        series.append(Series({"en": "latent denoiser", "zh": "隐空间去噪器"}, *points, "points", tone=0))
        largest = measurements["any-decoder"].intervals["denoiser.0.6"].estimate
        return Picture(
            title={"en": "Denoisers in latents and in pixels", "zh": "隐空间与像素空间的去噪器"},
            description={
                "en": f"A mixture decoded by z -> k z along a line, at sigma = {sigma:g}: the pixel denoiser read back "
                "as a latent. It is the latent denoiser for k = 1 only. For the stretch 2 and 0.5 in five pixels the "
                f"two differ by up to {largest:.2f}.",
                "zh": f"混合分布沿一条直线按 z -> k z 解码，σ = {sigma:g}：像素去噪器读回隐空间。"
                f"只有 k = 1 时与隐空间去噪器相同。五个像素、拉伸 2 倍与 0.5 倍时，两者最多相差 {largest:.2f}。",
            },
            x_title={"en": "noisy latent", "zh": "含噪隐变量"},
            y_title={"en": "denoised latent", "zh": "去噪后的隐变量"},
            series=series,
        )

    def summary(self, measurement: Measurement) -> Text:
        found = measurement.intervals
        largest = max(found[f"denoiser.{sigma:g}"].estimate for sigma in LEVELS)
        return {
            "en": f"Largest difference of the two denoisers for the isometry: {largest:.1e}; of the pulled-back score "
            f"for a stretching decoder: {found['score'].estimate:.1e}.",
            "zh": f"等距解码器下两个去噪器的最大差为 {largest:.1e}；"
            f"会拉伸的解码器下，拉回的得分相差 {found['score'].estimate:.1e}。",
        }
