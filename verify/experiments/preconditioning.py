r"""Preconditioned denoisers and their loss: the lower half of Karras et al. 2022, Table 1.

    D(x; sigma) = c_skip x + c_out F(c_in x; c_noise),          eq. (7)
    loss = lambda(sigma) |D(y + sigma n; sigma) - y|^2,         eq. (2), mean over the dimensions

so that the network's own target is (y - c_skip x) / c_out, with weight lambda c_out^2.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from verify.experiments.schedules import vp_sigma_inverse

Coefficient = Callable[[float], float]
Network = Callable[[Tensor, float], Tensor]


@dataclass(frozen=True)
class Preconditioner:
    """The coefficients as functions of sigma, and the loss weight that goes with them."""

    c_skip: Coefficient
    c_out: Coefficient
    c_in: Coefficient
    c_noise: Coefficient
    weight: Coefficient

    def denoise(self, network: Network, x: Tensor, sigma: float) -> Tensor:
        """D(x; sigma) of eq. (7); x (B, d)."""
        return self.c_skip(sigma) * x + self.c_out(sigma) * network(self.c_in(sigma) * x, self.c_noise(sigma))

    def target(self, y: Tensor, x: Tensor, sigma: float) -> Tensor:
        """What the network has to return for D to equal y."""
        return (y - self.c_skip(sigma) * x) / self.c_out(sigma)

    def loss(self, network: Network, y: Tensor, noise: Tensor, sigma: float) -> Tensor:
        """The weighted loss of each row, mean over the dimensions; `noise` is standard normal. (B,)"""
        error = self.denoise(network, y + sigma * noise, sigma) - y
        return self.weight(sigma) * error.square().mean(-1)


def edm(sigma_data: float = 0.5) -> Preconditioner:
    r"""EDM (edm.precond, edm.loss-weight), with v = sigma^2 + sigma_data^2.

    Unit-variance input: c_in = v^(-1/2). Unit-variance target with the smallest c_out: c_skip = sigma_data^2 / v and
    c_out = sigma sigma_data v^(-1/2). Equal effective weight: lambda = 1 / c_out^2.
    """

    def total(sigma: float) -> float:
        return sigma**2 + sigma_data**2

    return Preconditioner(
        c_skip=lambda sigma: sigma_data**2 / total(sigma),
        c_out=lambda sigma: sigma * sigma_data / math.sqrt(total(sigma)),
        c_in=lambda sigma: 1 / math.sqrt(total(sigma)),
        c_noise=lambda sigma: math.log(sigma) / 4,
        weight=lambda sigma: total(sigma) / (sigma * sigma_data) ** 2,
    )


def vp(beta_d: float = 19.9, beta_min: float = 0.1, m: int = 1000) -> Preconditioner:
    r"""VP (edm.vp-precond): the network predicts the noise, c_out = -sigma; c_noise = (M - 1) sigma^{-1}(sigma)."""
    return Preconditioner(
        c_skip=lambda sigma: 1.0,
        c_out=lambda sigma: -sigma,
        c_in=lambda sigma: 1 / math.sqrt(1 + sigma**2),
        c_noise=lambda sigma: (m - 1) * vp_sigma_inverse(sigma, beta_d, beta_min),
        weight=lambda sigma: 1 / sigma**2,
    )


def ve() -> Preconditioner:
    """VE (edm.ve-precond): c_out = +sigma, no input scaling, c_noise = ln(sigma/2)."""
    return Preconditioner(
        c_skip=lambda sigma: 1.0,
        c_out=lambda sigma: sigma,
        c_in=lambda sigma: 1.0,
        c_noise=lambda sigma: math.log(0.5 * sigma),
        weight=lambda sigma: 1 / sigma**2,
    )


def iddpm(sigmas: list[float]) -> Preconditioner:
    """iDDPM (edm.vp-precond): as VP, with c_noise = M - 1 - (index of the nearest u_j); u_M = 0 is no noise level."""
    levels = sigmas[:-1]

    def index(sigma: float) -> float:
        nearest = min(range(len(levels)), key=lambda j: abs(levels[j] - sigma))
        return len(levels) - 1 - nearest

    return Preconditioner(
        c_skip=lambda sigma: 1.0,
        c_out=lambda sigma: -sigma,
        c_in=lambda sigma: 1 / math.sqrt(1 + sigma**2),
        c_noise=index,
        weight=lambda sigma: 1 / sigma**2,
    )
