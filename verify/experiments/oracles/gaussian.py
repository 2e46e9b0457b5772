"""A Gaussian target, with diagonal or full covariance."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from verify.experiments.latents import Latents
from verify.experiments.oracles.protocol import Oracle, Sigma, column, spectrum


class Gaussian(Oracle):
    r"""N(mean, C) with C = U diag(variance) U^T; mean and variance (d,), axes U (d, d), or None when C is diagonal.

    In the coordinates z = U^T (x - mean) everything is diagonal, with v = variance + sigma^2 (rev.gaussian-exact):

        D = mean + U (variance / v) z,      score = -U z / v.

    The diagonal case works in the dtype of x; with axes the rotation works in float64, since 1/v would magnify the
    rounding that a long axis leaves on a short one.
    """

    def __init__(self, mean: Tensor, variance: Tensor, axes: Tensor | None = None) -> None:
        self.mean, self.variance = torch.broadcast_tensors(mean, variance)
        self.axes, self.dimensions = axes, self.mean.shape[-1]

    @classmethod
    def with_covariance(cls, mean: Tensor, covariance: Tensor) -> Gaussian:
        """From a full covariance (d, d), diagonalised once in float64."""
        variance, axes = spectrum(covariance)
        return cls(mean.double(), variance, axes)

    def mapped(self, matrix: Tensor, offset: Tensor | float = 0.0) -> Gaussian:
        """The law of matrix y + offset: N(A mean + b, A C A^T); matrix (e, d)."""
        matrix = matrix.double()
        half = matrix @ self._axes() * self.variance.double().sqrt()
        return Gaussian.with_covariance(matrix @ self.mean.double() + offset, half @ half.mT)

    def denoise(self, x: Tensor, sigma: Sigma) -> Tensor:
        if self.axes is None:
            return torch.lerp(self.mean, x, self.variance / (self.variance + column(sigma, x) ** 2))
        z = self._coordinates(x)
        return (self.mean + (z * (self.variance / self._total(z, sigma))) @ self.axes.mT).to(x.dtype)

    def score(self, x: Tensor, sigma: Sigma) -> Tensor:
        z = self._coordinates(x)
        pull = -z / self._total(z, sigma)
        return pull if self.axes is None else (pull @ self.axes.mT).to(x.dtype)

    def log_density(self, x: Tensor, sigma: Sigma) -> Tensor:
        z = self._coordinates(x)
        total = self._total(z, sigma)
        return -0.5 * (z**2 / total + total.log() + math.log(2 * math.pi)).sum(-1).to(x.dtype)

    def characteristic(self, frequencies: Tensor, sigma: float) -> Tensor:
        """E exp(i w.(y + sigma n)) for frequencies w (M, d): complex (M,)."""
        turned = frequencies if self.axes is None else frequencies @ self.axes
        decay = torch.exp(-0.5 * (turned**2 * (self.variance + sigma**2)).sum(-1))
        return torch.polar(decay, frequencies @ self.mean)

    def sample(self, latents: Latents, stream: str, rows: int, start: int = 0) -> Tensor:
        noise = self.variance.sqrt() * latents.normal(stream, rows, self.dimensions, start)
        return (self.mean + (noise if self.axes is None else noise @ self.axes.mT)).to(latents.dtype)

    def _coordinates(self, x: Tensor) -> Tensor:
        return x - self.mean if self.axes is None else (x.double() - self.mean) @ self.axes

    def _total(self, z: Tensor, sigma: Sigma) -> Tensor:
        return self.variance + column(sigma, z) ** 2

    def _axes(self) -> Tensor:
        if self.axes is not None:
            return self.axes
        return torch.eye(self.dimensions, dtype=torch.float64, device=self.mean.device)
