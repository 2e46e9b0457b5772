"""Data on a low-dimensional plane: a linear decoder of a known latent law."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from verify.experiments.latents import Latents
from verify.experiments.oracles.gaussian import Gaussian
from verify.experiments.oracles.mixture import Mixture
from verify.experiments.oracles.protocol import Oracle, Sigma, column


class Decoder(Oracle):
    r"""y = A z + b + noise e, with z from `latent` (r dimensions), e standard normal, A (d, r), b (d,).

    With A = Q R (Q orthonormal columns) the plane holds R z, a Gaussian or mixture again, and what is outside of it is
    noise only. Write u = Q^T (x - b), w = x - b - Q u and tau^2 = noise^2 + sigma^2. Then

        p(x; sigma) = p_{Rz}(u; tau) N(w; 0, tau^2 I_{d-r}),        score = Q score_{Rz}(u; tau) - w / tau^2,
        D(x; sigma) = b + Q (u + (sigma/tau)^2 (D_{Rz}(u; tau) - u)) + (noise/tau)^2 w.

    The cost is that of the projection: r, not d, dimensions reach the latent law.
    """

    def __init__(self, latent: Gaussian | Mixture, matrix: Tensor, offset: Tensor, noise: float = 0.0) -> None:
        if matrix.shape != (len(offset), latent.dimensions):
            wanted, given = (len(offset), latent.dimensions), tuple(matrix.shape)
            raise ValueError(f"the decoder's matrix must be {wanted} for this latent law and offset, not {given}")
        self.basis, triangle = torch.linalg.qr(matrix.double())
        self.plane = latent.mapped(triangle)
        self.latent, self.matrix = latent, matrix.double()
        self.offset, self.noise, self.dimensions = offset.double(), noise, len(offset)

    def denoise(self, x: Tensor, sigma: Sigma) -> Tensor:
        inside, outside, tau = self._split(x, sigma)
        share = (column(sigma, inside) / tau) ** 2
        kept = inside + share * (self.plane.denoise(inside, self._level(tau)) - inside)
        return (self.offset + kept @ self.basis.mT + (1 - share) * outside).to(x.dtype)

    def score(self, x: Tensor, sigma: Sigma) -> Tensor:
        inside, outside, tau = self._split(x, sigma)
        return (self.plane.score(inside, self._level(tau)) @ self.basis.mT - outside / tau**2).to(x.dtype)

    def log_density(self, x: Tensor, sigma: Sigma) -> Tensor:
        inside, outside, tau = self._split(x, sigma)
        rest = self.dimensions - self.basis.shape[1]
        scale = tau[:, 0].log() if isinstance(tau, Tensor) else math.log(tau)
        outer = 0.5 * (outside / tau).square().sum(-1) + rest * (0.5 * math.log(2 * math.pi) + scale)
        return (self.plane.log_density(inside, self._level(tau)) - outer).to(x.dtype)

    def characteristic(self, frequencies: Tensor, sigma: float) -> Tensor:
        """E exp(i w.(y + sigma n)) for frequencies w (M, d): complex (M,)."""
        w = frequencies.double()
        decay = torch.exp(-0.5 * (self.noise**2 + sigma**2) * w.square().sum(-1))
        return torch.polar(decay, w @ self.offset) * self.latent.characteristic(w @ self.matrix, 0.0)

    def sample(self, latents: Latents, stream: str, rows: int, start: int = 0) -> Tensor:
        wide = Latents(latents.seed, latents.device)
        code = self.latent.sample(wide, stream + ".latent", rows, start).double()
        noise = self.noise * wide.normal(stream + ".decoder", rows, self.dimensions, start)
        return (code @ self.matrix.mT + self.offset + noise).to(latents.dtype)

    def _split(self, x: Tensor, sigma: Sigma) -> tuple[Tensor, Tensor, Sigma]:
        """u (B, r), w (B, d) and tau, a float or (B, 1)."""
        moved = x.double() - self.offset
        inside = moved @ self.basis
        level = column(sigma, moved)
        tau = (level**2 + self.noise**2) ** 0.5
        if not isinstance(tau, Tensor) and tau == 0:
            raise ValueError("a decoder without noise has no density at noise level 0; take sigma > 0")
        return inside, moved - inside @ self.basis.mT, tau

    @staticmethod
    def _level(tau: Sigma) -> Sigma:
        return tau[:, 0] if isinstance(tau, Tensor) else tau
