r"""Preconditioned denoisers and their loss: the lower half of Karras et al. 2022, Table 1.

    D(x; sigma) = c_skip x + c_out F(c_in x; c_noise),          eq. (7)
    loss = lambda(sigma) |D(y + sigma n; sigma) - y|^2,         eq. (2), mean over the dimensions

so that the network's own target is (y - c_skip x) / c_out, with weight lambda c_out^2. A parameterisation is such a
preconditioner: what the network returns is the noise, the data, the v of a variance-preserving path, EDM's F, or the
velocity u of a straight path (param.conversions). Every coefficient takes a float, or a column (B, 1) of noise levels,
one for each row of x; only the indices c_noise of the VP and iDDPM rows take floats alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from verify.experiments.paths import vp_linear

Coefficient = Callable[[Any], Any]  # a float gives a float, a tensor a tensor of its shape
Network = Callable[[Tensor, Any], Tensor]


def ln(sigma: Any) -> Any:
    """The natural logarithm of a float or of a tensor."""
    return sigma.log() if isinstance(sigma, Tensor) else math.log(sigma)


@dataclass(frozen=True)
class Preconditioner:
    """The coefficients as functions of sigma, and the loss weight that goes with them."""

    c_skip: Coefficient
    c_out: Coefficient
    c_in: Coefficient
    c_noise: Coefficient
    weight: Coefficient

    def denoise(self, network: Network, x: Tensor, sigma: Any) -> Tensor:
        """D(x; sigma) of eq. (7); x (B, d), sigma a float or (B, 1)."""
        return self.c_skip(sigma) * x + self.c_out(sigma) * network(self.c_in(sigma) * x, self.c_noise(sigma))

    def target(self, y: Tensor, x: Tensor, sigma: Any) -> Tensor:
        """What the network has to return for D to equal y."""
        return (y - self.c_skip(sigma) * x) / self.c_out(sigma)

    def loss(self, network: Network, y: Tensor, noise: Tensor, sigma: Any) -> Tensor:
        """The weighted loss of each row, mean over the dimensions; `noise` is standard normal. (B,)"""
        error = self.denoise(network, y + sigma * noise, sigma) - y
        return (self.weight(sigma) * error.square()).mean(-1)


def edm(sigma_data: float = 0.5) -> Preconditioner:
    r"""EDM (edm.precond, edm.loss-weight), with v = sigma^2 + sigma_data^2.

    Unit-variance input: c_in = v^(-1/2). Unit-variance target with the smallest c_out: c_skip = sigma_data^2 / v and
    c_out = sigma sigma_data v^(-1/2). Equal effective weight: lambda = 1 / c_out^2.
    """

    def total(sigma: Any) -> Any:
        return sigma**2 + sigma_data**2

    return Preconditioner(
        c_skip=lambda sigma: sigma_data**2 / total(sigma),
        c_out=lambda sigma: sigma * sigma_data * total(sigma) ** -0.5,
        c_in=lambda sigma: total(sigma) ** -0.5,
        c_noise=lambda sigma: ln(sigma) / 4,
        weight=lambda sigma: total(sigma) / (sigma * sigma_data) ** 2,
    )


def vp(beta_d: float = 19.9, beta_min: float = 0.1, m: int = 1000) -> Preconditioner:
    r"""VP (edm.vp-precond): the network predicts the noise, c_out = -sigma; c_noise = (M - 1) sigma^{-1}(sigma)."""
    path = vp_linear(beta_min, beta_min + beta_d)
    return Preconditioner(
        c_skip=lambda sigma: 1.0,
        c_out=lambda sigma: -sigma,
        c_in=lambda sigma: (1 + sigma**2) ** -0.5,
        c_noise=lambda sigma: (m - 1) * path.time_of(sigma),
        weight=lambda sigma: 1 / sigma**2,
    )


def ve() -> Preconditioner:
    """VE (edm.ve-precond): c_out = +sigma, no input scaling, c_noise = ln(sigma/2)."""
    return Preconditioner(
        c_skip=lambda sigma: 1.0,
        c_out=lambda sigma: sigma,
        c_in=lambda sigma: 1.0,
        c_noise=lambda sigma: ln(0.5 * sigma),
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
        c_in=lambda sigma: (1 + sigma**2) ** -0.5,
        c_noise=index,
        weight=lambda sigma: 1 / sigma**2,
    )


# -- parameterisations: what the network returns, weighted so that the loss is its own plain mean square -----------


def _predicting(c_skip: Coefficient, c_out: Coefficient, c_in: Coefficient) -> Preconditioner:
    """lambda = 1 / c_out^2 and EDM's c_noise, so that parameterisations differ in nothing else."""
    return Preconditioner(c_skip, c_out, c_in, lambda sigma: ln(sigma) / 4, lambda sigma: c_out(sigma) ** -2)


def noise_prediction() -> Preconditioner:
    """eps: D = x - sigma eps; the loss is DDPM's L_simple (Ho et al. 2020, eq. (14); param.conversions)."""
    return _predicting(lambda sigma: 1.0, lambda sigma: -sigma, lambda sigma: (1 + sigma**2) ** -0.5)


def data_prediction() -> Preconditioner:
    """x0: the network returns D itself."""
    return _predicting(lambda sigma: 0.0, lambda sigma: 1.0, lambda sigma: (1 + sigma**2) ** -0.5)


def v_prediction() -> Preconditioner:
    r"""v of a variance-preserving path (Salimans & Ho 2022, appendix D): D = alpha x_t - sigma_t v.

    With alpha = (1 + sigma^2)^(-1/2), x_t = alpha x and sigma_t = alpha sigma this is EDM at sigma_data = 1 with the
    sign of F turned (param.v-equals-f).
    """
    return _predicting(
        lambda sigma: 1 / (1 + sigma**2),
        lambda sigma: -sigma * (1 + sigma**2) ** -0.5,
        lambda sigma: (1 + sigma**2) ** -0.5,
    )


def velocity_prediction() -> Preconditioner:
    r"""u = n - y of the straight path x_t = (1 - t) y + t n: D = x_t - t u.

    With t = sigma / (1 + sigma) and x_t = x / (1 + sigma) both coefficients divide by 1 + sigma.
    """
    return _predicting(lambda sigma: 1 / (1 + sigma), lambda sigma: -sigma / (1 + sigma), lambda sigma: 1 / (1 + sigma))
