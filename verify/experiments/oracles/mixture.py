"""Mixtures of Gaussians: isotropic, diagonal, full, and of variance zero (atoms)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from verify.experiments.latents import Latents
from verify.experiments.oracles.protocol import Oracle, Sigma, column, pick, spectrum

FLOOR = 1e-200  # stands for sigma^2 + variance of an atom without noise: the limit sigma -> 0 instead of 0/0
WIDE = 1e4  # the product form loses log10(R^2 / variance) digits of sixteen: at most four


class Mixture(Oracle):
    r"""sum_k w_k N(mean_k, C_k), with C_k = U_k diag(variance_k) U_k^T.

    weights (K,), means (K, d), variances (K, d) or what broadcasts to it ((K, 1) is isotropic), axes (K, d, d) with
    the columns of U_k, or None when every C_k is diagonal. With v_k = variance_k + sigma^2 and responsibilities
    r_k(x), a softmax of log densities, so that a point far from every component still has a finite score:

        score = sum_k r_k U_k (U_k^T (mean_k - x) / v_k),
        D     = sum_k r_k (mean_k + U_k (variance_k / v_k) U_k^T (x - mean_k)).

    Variance 0 is an atom: D at sigma = 0 is then the nearest atom, the limit; score and density have none.
    Everything is float64 inside. Isotropic mixtures whose components are wide take |x - mean|^2 and both sums by
    matrix products, and never form B x K x d differences.
    """

    def __init__(self, weights: Tensor, means: Tensor, variances: Tensor, axes: Tensor | None = None) -> None:
        if weights.shape != means.shape[:1] or not bool((weights > 0).all()):
            raise ValueError(f"a mixture of {len(means)} components needs that many positive weights")
        self.log_weights = torch.log_softmax(weights.double().log(), 0)
        self.means, self.axes = means.double(), None if axes is None else axes.double()
        self.variances = torch.broadcast_to(variances.double(), means.shape)
        self.dimensions = means.shape[1]
        smallest = float(self.variances.min())
        if smallest < 0:
            raise ValueError(f"a variance must not be negative, but one is {smallest:.3g}")
        self._atoms = smallest == 0
        self._centre = self.means.mean(0)
        self._centred = self.means - self._centre
        self._halves = 0.5 * self._centred.square().sum(1)
        round_ones = axes is None and bool((self.variances == self.variances[:, :1]).all())
        self._products = round_ones and 2 * float(self._halves.max()) <= WIDE * smallest

    @classmethod
    def with_covariances(cls, weights: Tensor, means: Tensor, covariances: Tensor) -> Mixture:
        """From full covariances (K, d, d), diagonalised once in float64."""
        variances, axes = spectrum(covariances)
        return cls(weights, means, variances, axes)

    @classmethod
    def of_atoms(cls, points: Tensor, weights: Tensor | None = None) -> Mixture:
        """Points (K, d) with the given weights (K,), equal when None. For many points `DataSet` is the fast form."""
        equal = torch.ones_like(points[:, 0])
        return cls(equal if weights is None else weights, points, torch.zeros_like(points[:, :1]))

    def mapped(self, matrix: Tensor, offset: Tensor | float = 0.0) -> Mixture:
        """The law of matrix y + offset: means A mean_k + b, covariances A C_k A^T; matrix (e, d)."""
        matrix = matrix.double()
        half = self.variances.sqrt()[:, None]
        half = matrix * half if self.axes is None else matrix @ self.axes * half
        return Mixture.with_covariances(self.log_weights.exp(), self.means @ matrix.mT + offset, half @ half.mT)

    def log_density(self, x: Tensor, sigma: Sigma) -> Tensor:
        self._needs_density(sigma)
        y = x.double()
        log_joint = self._log_products(y, sigma) if self._products else self._log_joint(*self._differences(y, sigma))
        return torch.logsumexp(log_joint, -1).to(x.dtype)

    def score(self, x: Tensor, sigma: Sigma) -> Tensor:
        self._needs_density(sigma)
        y = x.double()
        if self._products:
            shares = torch.softmax(self._log_products(y, sigma), -1) / self._spread(y, sigma)
            pull = shares @ self._centred - shares.sum(-1, keepdim=True) * (y - self._centre)
        else:
            difference, total = self._differences(y, sigma)
            pull = self._average(self._log_joint(difference, total), difference / total)
        return pull.to(x.dtype)

    def denoise(self, x: Tensor, sigma: Sigma) -> Tensor:
        y = x.double()
        if self._products:
            shares = torch.softmax(self._log_products(y, sigma), -1)
            kept = shares * (self.variances[:, 0] / self._spread(y, sigma))
            mean = (shares - kept) @ self.means + kept.sum(-1, keepdim=True) * y
        else:
            difference, total = self._differences(y, sigma)
            log_joint = self._log_joint(difference, total)
            kept = self._average(log_joint, difference * (self.variances / total))
            mean = torch.softmax(log_joint, -1) @ self.means - kept
        return mean.to(x.dtype)

    def cdf(self, x: Tensor, sigma: Sigma) -> Tensor:
        """P(y + sigma n <= x) for a one-dimensional mixture, (B, 1)."""
        if self.dimensions != 1:
            raise ValueError(f"a cumulative distribution needs dimension 1, not {self.dimensions}")
        y = x.double()
        spread = self._spread(y, sigma).sqrt()
        below = torch.special.ndtr((y - self.means[:, 0]) / spread)
        return (self.log_weights.exp() * below).sum(-1, keepdim=True).to(x.dtype)

    def characteristic(self, frequencies: Tensor, sigma: float) -> Tensor:
        """E exp(i w.(y + sigma n)) for frequencies w (M, d): complex (M,)."""
        w = frequencies.double()
        turned = torch.einsum("md,kde->mke", w, self.axes) if self.axes is not None else w[:, None]
        decay = torch.exp(-0.5 * (turned**2 * (self.variances + sigma**2)).sum(-1))
        return (self.log_weights.exp() * torch.polar(decay, w @ self.means.T)).sum(-1)

    def sample(self, latents: Latents, stream: str, rows: int, start: int = 0) -> Tensor:
        chosen = pick(self.log_weights, latents, stream, rows, start)
        noise = self.variances[chosen].sqrt() * latents.normal(stream + ".noise", rows, self.dimensions, start)
        if self.axes is not None:
            noise = torch.einsum("be,bde->bd", noise, self.axes[chosen])
        return (self.means[chosen] + noise).to(latents.dtype)

    def _needs_density(self, sigma: Sigma) -> None:
        if self._atoms and not isinstance(sigma, Tensor) and sigma == 0:
            raise ValueError("an atom has no density and no score at noise level 0; take sigma > 0")

    def _spread(self, y: Tensor, sigma: Sigma) -> Tensor:
        """Variance of each component of an isotropic mixture at level sigma, (K,) or (B, K)."""
        total = self.variances[:, 0] + column(sigma, y) ** 2
        return total.clamp_min(FLOOR) if self._atoms else total

    def _log_products(self, y: Tensor, sigma: Sigma) -> Tensor:
        """log w_k N(y; mean_k, v_k I), (B, K), with |y - mean|^2 expanded about the centre of the means."""
        moved, total = y - self._centre, self._spread(y, sigma)
        half = 0.5 * moved.square().sum(-1, keepdim=True) - moved @ self._centred.T + self._halves
        return self.log_weights - half / total - 0.5 * self.dimensions * (2 * math.pi * total).log()

    def _differences(self, y: Tensor, sigma: Sigma) -> tuple[Tensor, Tensor]:
        """U_k^T (mean_k - y), (B, K, d), and v_k, (K, d) or (B, K, d)."""
        square = column(sigma, y) ** 2
        total = self.variances + (square[:, None] if isinstance(square, Tensor) else square)
        difference = self.means - y[:, None]
        if self.axes is not None:
            difference = torch.einsum("bkd,kde->bke", difference, self.axes)
        return difference, total.clamp_min(FLOOR) if self._atoms else total

    def _log_joint(self, difference: Tensor, total: Tensor) -> Tensor:
        """log w_k N(y; mean_k, C_k + sigma^2 I), (B, K)."""
        exponent = (difference**2 / total + total.log()).sum(-1) + self.dimensions * math.log(2 * math.pi)
        return self.log_weights - 0.5 * exponent

    def _average(self, log_joint: Tensor, vectors: Tensor) -> Tensor:
        """sum_k r_k U_k vectors_k, (B, d), of vectors (B, K, d) in each component's own axes."""
        shared = torch.softmax(log_joint, -1)[..., None] * vectors
        return shared.sum(1) if self.axes is None else torch.einsum("bke,kde->bd", shared, self.axes)
