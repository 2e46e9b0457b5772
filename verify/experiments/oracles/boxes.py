"""Mixtures of uniform boxes, such as the checkerboard: a target with sharp edges and a closed form."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from verify.experiments.latents import Latents
from verify.experiments.oracles.protocol import Oracle, Sigma, column, pick


class Boxes(Oracle):
    r"""sum_k w_k Uniform([low_k, high_k]), with low, high (K, d) and weights (K,), equal when None; sigma > 0.

    Coordinates of one box are independent. In each, y given x is a normal cut off at a = (low - x)/sigma and
    b = (high - x)/sigma, so that with Z = Phi(b) - Phi(a) and the normal density phi

        m = (phi(a) - phi(b)) / Z,     E[y | x] = x + sigma m,     score = m / sigma,     p(x) = Z / (high - low).

    Far from a box Z underflows. Reflected so that |a| <= b, with the nearest point c = max(a, 0) of [a, b] and Mills'
    ratio M(z) = (1 - Phi(z)) / phi(z) = sqrt(pi/2) erfcx(z / sqrt 2), everything is written over phi(c):

        Z / phi(c) = M(a) - M(b) exp((a^2 - b^2)/2)               if a > 0,
        Z / phi(c) = sqrt(pi/2) (erf(b/sqrt 2) - erf(a/sqrt 2))   otherwise,

    which neither under- nor overflows. All in float64. Where sigma is much wider than a box, Z is a small difference
    and the mean of the box is x + sigma m: relative error about 1e-15 (sigma / width)^2.
    """

    def __init__(self, low: Tensor, high: Tensor, weights: Tensor | None = None) -> None:
        self.low, self.high = torch.broadcast_tensors(low.double(), high.double())
        if not bool((self.low < self.high).all()):
            raise ValueError("a box needs low < high in every coordinate")
        weights = torch.ones_like(self.low[:, 0]) if weights is None else weights.double()
        self.log_weights = torch.log_softmax(weights.log(), 0)
        self.dimensions = low.shape[1]

    @classmethod
    def checkerboard(cls, squares: int = 4, reach: float = 2.0, device: str = "cpu") -> Boxes:
        """The dark squares of a board of squares x squares on [-reach, reach]^2."""
        side = 2 * reach / squares
        corners = [[i * side - reach, j * side - reach] for i in range(squares) for j in range(i % 2, squares, 2)]
        low = torch.tensor(corners, dtype=torch.float64, device=device)
        return cls(low, low + side)

    def log_density(self, x: Tensor, sigma: Sigma) -> Tensor:
        return torch.logsumexp(self._components(x, sigma)[0], -1).to(x.dtype)

    def score(self, x: Tensor, sigma: Sigma) -> Tensor:
        return (self._pull(x, sigma) / column(sigma, x.double())).to(x.dtype)

    def denoise(self, x: Tensor, sigma: Sigma) -> Tensor:
        return (x.double() + column(sigma, x.double()) * self._pull(x, sigma)).to(x.dtype)

    def characteristic(self, frequencies: Tensor, sigma: float) -> Tensor:
        """E exp(i w.(y + sigma n)) for frequencies w (M, d): complex (M,). A box has a product of sines over w."""
        w = frequencies.double()
        waves = torch.sinc(w[:, None] * (self.high - self.low) / (2 * math.pi)).prod(-1)
        decay = torch.exp(-0.5 * sigma**2 * w.square().sum(-1))
        phase = w @ (0.5 * (self.low + self.high)).T
        return decay * (self.log_weights.exp() * waves * torch.polar(torch.ones_like(phase), phase)).sum(-1)

    def sample(self, latents: Latents, stream: str, rows: int, start: int = 0) -> Tensor:
        chosen, d = pick(self.log_weights, latents, stream, rows, start), self.dimensions
        place = latents.uniform(stream + ".place", rows * d, start * d).reshape(rows, d)
        return torch.lerp(self.low[chosen], self.high[chosen], place).to(latents.dtype)

    def _pull(self, x: Tensor, sigma: Sigma) -> Tensor:
        log_joint, pull = self._components(x, sigma)
        return (torch.softmax(log_joint, -1)[..., None] * pull).sum(1)

    def _components(self, x: Tensor, sigma: Sigma) -> tuple[Tensor, Tensor]:
        """log w_k p_k(x), (B, K), and m, (B, K, d)."""
        y = x.double()[:, None]
        spread = column(sigma, y[:, 0])
        spread = spread[:, None] if isinstance(spread, Tensor) else spread
        left, right = (self.low - y) / spread, (self.high - y) / spread
        reflected = left + right < 0
        a, b = torch.where(reflected, -right, left), torch.where(reflected, -left, right)
        nearest = a.clamp_min(0)
        at_a = torch.exp(0.5 * (nearest - a) * (nearest + a))
        at_b = torch.exp(0.5 * (nearest - b) * (nearest + b))
        half = math.sqrt(0.5)
        outside = torch.special.erfcx(half * nearest) - torch.special.erfcx(half * b) * at_b
        mass = math.sqrt(math.pi / 2) * torch.where(a > 0, outside, torch.erf(half * b) - torch.erf(half * a))
        pull = (at_a - at_b) / mass
        log_mass = mass.log() - 0.5 * nearest**2 - 0.5 * math.log(2 * math.pi) - (self.high - self.low).log()
        return self.log_weights + log_mass.sum(-1), torch.where(reflected, -pull, pull)
