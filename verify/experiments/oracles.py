r"""Targets whose denoiser is known exactly: Gaussian, Gaussian mixture, finite data set.

Every oracle speaks of x = y + sigma n with y from the target and n standard normal. A path x_t = a y + b n reduces to
it by x = x_t / a, sigma = b / a. Shapes: x (B, d), sigma a float or (B,), results (B, d) or (B,).

    D(x; sigma) = E[y | x] = x + sigma^2 \nabla \log p(x; sigma)         Tweedie; Karras et al. 2022, eq. (3)
"""

from __future__ import annotations

import math
from typing import Protocol

import torch
from torch import Tensor

from verify.experiments.latents import Latents

Sigma = float | Tensor


class Oracle(Protocol):
    """What every target of this module offers."""

    dimensions: int

    def denoise(self, x: Tensor, sigma: Sigma) -> Tensor:
        """E[y | y + sigma n = x], (B, d)."""

    def score(self, x: Tensor, sigma: Sigma) -> Tensor:
        """Gradient of log_density, (B, d)."""

    def log_density(self, x: Tensor, sigma: Sigma) -> Tensor:
        """log p(x; sigma), (B,)."""

    def sample(self, latents: Latents, stream: str, rows: int, start: int = 0) -> Tensor:
        """Rows start .. start+rows-1 of the target's own sample, (rows, d)."""


def column(sigma: Sigma, x: Tensor) -> Sigma:
    """sigma ready to broadcast against (B, d): floats stay floats, so that a loop makes no host-device traffic."""
    return sigma.to(x).reshape(-1, 1) if isinstance(sigma, Tensor) else sigma


class Gaussian:
    r"""N(mean, diag(variance)). With v = variance + sigma^2:

    D = mean + (variance / v)(x - mean),      score = -(x - mean) / v.
    """

    def __init__(self, mean: Tensor, variance: Tensor) -> None:
        self.mean, self.variance = torch.broadcast_tensors(mean, variance)
        self.dimensions = self.mean.shape[-1]

    def denoise(self, x: Tensor, sigma: Sigma) -> Tensor:
        return torch.lerp(self.mean, x, self.variance / (self.variance + column(sigma, x) ** 2))

    def score(self, x: Tensor, sigma: Sigma) -> Tensor:
        return (self.mean - x) / (self.variance + column(sigma, x) ** 2)

    def log_density(self, x: Tensor, sigma: Sigma) -> Tensor:
        total = self.variance + column(sigma, x) ** 2
        return -0.5 * ((x - self.mean) ** 2 / total + total.log() + math.log(2 * math.pi)).sum(-1)

    def sample(self, latents: Latents, stream: str, rows: int, start: int = 0) -> Tensor:
        return self.mean + self.variance.sqrt() * latents.normal(stream, rows, self.dimensions, start)


class Mixture:
    r"""sum_k w_k N(mean_k, C_k), with C_k = U_k diag(variance_k) U_k^T.

    weights (K,), means (K, d), variances (K, d) or anything that broadcasts to it, axes (K, d, d) with the columns of
    U_k, or None when every C_k is diagonal. The responsibilities are a softmax of log densities, so that a point far
    from every component still has a finite score.

        score = sum_k r_k(x) (C_k + sigma^2 I)^{-1} (mean_k - x),     D = x + sigma^2 score.

    The score is computed first: (D - x) / sigma^2 would lose all digits as sigma -> 0.
    """

    def __init__(self, weights: Tensor, means: Tensor, variances: Tensor, axes: Tensor | None = None) -> None:
        self.log_weights = torch.log_softmax(weights.log(), 0)
        self.means, self.axes = means, axes
        self.variances = torch.broadcast_to(variances, means.shape)
        self.dimensions = means.shape[1]

    @classmethod
    def with_covariances(cls, weights: Tensor, means: Tensor, covariances: Tensor) -> Mixture:
        """From full covariances (K, d, d), diagonalised once in float64."""
        variances, axes = torch.linalg.eigh(covariances.double())
        return cls(weights, means, variances.clamp_min(0).to(means), axes.to(means))

    def _components(self, x: Tensor, sigma: Sigma) -> tuple[Tensor, Tensor]:
        """log w_k N(x; mean_k, C_k + sigma^2 I), (B, K), and (C_k + sigma^2 I)^{-1} (mean_k - x), (B, K, d)."""
        square = column(sigma, x) ** 2
        total = self.variances + (square[:, None] if isinstance(square, Tensor) else square)
        difference = self.means - x[:, None]  # not the expanded square, which cancels for large x
        if self.axes is not None:
            difference = torch.einsum("bkd,kde->bke", difference, self.axes)
        pull = difference / total
        exponent = (difference * pull + total.log()).sum(-1) + self.dimensions * math.log(2 * math.pi)
        if self.axes is not None:
            pull = torch.einsum("bke,kde->bkd", pull, self.axes)
        return self.log_weights - 0.5 * exponent, pull

    def log_density(self, x: Tensor, sigma: Sigma) -> Tensor:
        return torch.logsumexp(self._components(x, sigma)[0], -1)

    def score(self, x: Tensor, sigma: Sigma) -> Tensor:
        log_joint, pull = self._components(x, sigma)
        return (torch.softmax(log_joint, -1)[..., None] * pull).sum(1)

    def denoise(self, x: Tensor, sigma: Sigma) -> Tensor:
        return x + column(sigma, x) ** 2 * self.score(x, sigma)

    def cdf(self, x: Tensor, sigma: Sigma) -> Tensor:
        """P(y + sigma n <= x) for a one-dimensional mixture, (B, 1)."""
        if self.dimensions != 1:
            raise ValueError(f"a cumulative distribution needs dimension 1, not {self.dimensions}")
        spread = (self.variances[:, 0] + column(sigma, x) ** 2).sqrt()
        return (self.log_weights.exp() * torch.special.ndtr((x - self.means[:, 0]) / spread)).sum(-1, keepdim=True)

    def characteristic(self, frequencies: Tensor, sigma: float) -> Tensor:
        """E exp(i w.(y + sigma n)) for frequencies w (M, d): complex (M,)."""
        turned = torch.einsum("md,kde->mke", frequencies, self.axes) if self.axes is not None else frequencies[:, None]
        decay = torch.exp(-0.5 * (turned**2 * (self.variances + sigma**2)).sum(-1))
        phase = frequencies @ self.means.T
        return (self.log_weights.exp() * torch.polar(decay, phase)).sum(-1)

    def sample(self, latents: Latents, stream: str, rows: int, start: int = 0) -> Tensor:
        steps = self.log_weights.double().exp().cumsum(0)
        uniform = latents.uniform(stream + ".component", rows, start)
        chosen = torch.searchsorted(steps, uniform).clamp_max(len(steps) - 1)
        noise = self.variances[chosen].sqrt() * latents.normal(stream + ".noise", rows, self.dimensions, start)
        if self.axes is not None:
            noise = torch.einsum("be,bde->bd", noise, self.axes[chosen])
        return self.means[chosen] + noise


class DataSet:
    r"""The uniform law on N points y_i, with the ideal denoiser (Karras et al. 2022, eq. (57), edm.ideal-denoiser):

        D(x; sigma) = sum_i softmax_i(-|x - y_i|^2 / (2 sigma^2)) y_i.

    |x|^2 is the same for every i and leaves the softmax, so the logits are (x.y_i - |y_i|^2 / 2) / sigma^2: a matrix
    product. The points come in chunks with a running maximum, weight and average (online softmax), so that memory
    holds B x chunk logits and never N x B x d differences. Points are centred: |y|^2 then has no large common part.
    """

    def __init__(self, points: Tensor, chunk: int = 16384) -> None:
        self.centre = points.double().mean(0).to(points)
        self.points = points - self.centre
        self.halves = (0.5 * self.points.double().square().sum(-1)).to(points)
        self.chunk, self.dimensions = chunk, points.shape[1]

    def _average(self, x: Tensor, sigma: Sigma) -> tuple[Tensor, Tensor]:
        """The softmax average of the centred points (B, d) and the log of its normaliser (B, 1); x is centred."""
        precision = 1.0 / column(sigma, x) ** 2
        peak = x.new_full((len(x), 1), -math.inf)
        weight, average = torch.zeros_like(peak), torch.zeros_like(x)
        for points, halves in zip(self.points.split(self.chunk), self.halves.split(self.chunk), strict=True):
            logits = (x @ points.T - halves) * precision
            higher = torch.maximum(peak, logits.amax(1, keepdim=True))
            shares = torch.exp(logits - higher)
            fade = torch.exp(peak - higher)
            weight = weight * fade + shares.sum(1, keepdim=True)
            average = average * fade + shares @ points
            peak = higher
        return average / weight, peak + weight.log()

    def denoise(self, x: Tensor, sigma: Sigma) -> Tensor:
        return self._average(x - self.centre, sigma)[0] + self.centre

    def score(self, x: Tensor, sigma: Sigma) -> Tensor:
        return (self.denoise(x, sigma) - x) / column(sigma, x) ** 2

    def log_density(self, x: Tensor, sigma: Sigma) -> Tensor:
        moved, spread = x - self.centre, column(sigma, x)
        log_sum = self._average(moved, sigma)[1] - 0.5 * (moved / spread).square().sum(-1, keepdim=True)
        scale = spread.log() if isinstance(spread, Tensor) else math.log(spread)
        constant = math.log(len(self.points)) + self.dimensions * (0.5 * math.log(2 * math.pi) + scale)
        return (log_sum - constant)[:, 0]

    def sample(self, latents: Latents, stream: str, rows: int, start: int = 0) -> Tensor:
        return self.points[self.sample_index(latents, stream, rows, start)] + self.centre

    def sample_index(self, latents: Latents, stream: str, rows: int, start: int = 0) -> Tensor:
        """Which point each row of `sample` is, int64 (rows,)."""
        return (latents.uniform(stream + ".point", rows, start) * len(self.points)).long()
