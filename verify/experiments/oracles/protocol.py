r"""What every oracle offers: a target law whose denoiser is known exactly.

Every oracle speaks of x = y + sigma n with y from the target and n standard normal; a path x_t = alpha y + sigma n
reduces to it (`verify.experiments.paths`). Shapes: x (B, d), sigma a float or one level per row (B,), results (B, d)
or (B,), in the dtype and on the device of x.

    D(x; sigma) = E[y | x] = x + sigma^2 \nabla \log p(x; sigma)         Tweedie; Karras et al. 2022, eq. (3)

The denoiser and the score are each computed by their own formula: (D - x) / sigma^2 loses all digits as sigma -> 0,
and x + sigma^2 score loses them as sigma -> infinity. Oracles of few components work in float64 and round the result
to the dtype of x, so that a float32 run differs from the exact one by the rounding of its own state only.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from verify.experiments.latents import Latents

Sigma = float | Tensor


class Oracle(Protocol):
    """One target law. Only the four abstract methods differ from one to the next."""

    dimensions: int

    def denoise(self, x: Tensor, sigma: Sigma) -> Tensor:
        """E[y | y + sigma n = x], (B, d)."""

    def score(self, x: Tensor, sigma: Sigma) -> Tensor:
        """Gradient of log_density, (B, d)."""

    def log_density(self, x: Tensor, sigma: Sigma) -> Tensor:
        """log p(x; sigma), (B,), in nats."""

    def sample(self, latents: Latents, stream: str, rows: int, start: int = 0) -> Tensor:
        """Rows start .. start+rows-1 of the target's own sample, (rows, d)."""

    def velocity(self, x: Tensor, sigma: Sigma) -> Tensor:
        r"""Slope dx/dsigma = (x - D)/sigma = -sigma score of the probability-flow ODE (edm.tangent), (B, d).

        It is also E[n | x]: what a network that predicts the noise should return.
        """
        return -column(sigma, x) * self.score(x, sigma)


def column(sigma: Sigma, x: Tensor) -> Sigma:
    """sigma ready to broadcast against (B, d): floats stay floats, so that a loop makes no host-device traffic."""
    return sigma.to(x).reshape(-1, 1) if isinstance(sigma, Tensor) else sigma


def pick(log_weights: Tensor, latents: Latents, stream: str, rows: int, start: int = 0) -> Tensor:
    """Which component each row of a sample comes from, int64 (rows,)."""
    steps = log_weights.double().exp().cumsum(0)
    return torch.searchsorted(steps, latents.uniform(stream + ".component", rows, start)).clamp_max(len(steps) - 1)


def spectrum(covariances: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues (..., d) and axes (..., d, d) of positive semidefinite matrices, float64.

    Eigenvalues below rounding, of either sign, are zero: a singular covariance stays singular.
    """
    covariances = covariances.double()
    size = covariances.abs().amax((-2, -1), keepdim=True)
    if bool(((covariances - covariances.mT).abs() > 1e-6 * size).any()):
        raise ValueError("a covariance must be symmetric; take (C + C.mT) / 2 if only rounding made it otherwise")
    variances, axes = torch.linalg.eigh(covariances)
    if bool((variances < -1e-6 * size[..., 0]).any()):
        raise ValueError(f"a covariance must have no negative eigenvalue, but one is {float(variances.min()):.3g}")
    return torch.where(variances > 1e-14 * size[..., 0], variances, 0.0), axes
