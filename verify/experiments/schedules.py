r"""Schedules sigma(t), s(t) with their derivatives and time steps: the rows of Karras et al. 2022, Table 1.

A sample is x = s(t) (y + sigma(t) n). Functions take and give float64 tensors of times; time steps are lists of
floats, from the noisiest to the cleanest.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Function = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Schedule:
    """sigma(t) and s(t), each with its derivative in t."""

    sigma: Function
    sigma_dot: Function
    s: Function
    s_dot: Function


def vp_sigma(t: float, beta_d: float = 19.9, beta_min: float = 0.1) -> float:
    r"""sigma(t) = sqrt(exp(beta_d t^2/2 + beta_min t) - 1) (Table 1, VP; edm.vp-row)."""
    return math.sqrt(math.expm1(0.5 * beta_d * t**2 + beta_min * t))


def vp_sigma_inverse(sigma: float, beta_d: float = 19.9, beta_min: float = 0.1) -> float:
    r"""The t with sigma(t) = sigma: the positive root of beta_d t^2/2 + beta_min t = ln(1 + sigma^2)."""
    return (math.sqrt(beta_min**2 + 2 * beta_d * math.log1p(sigma**2)) - beta_min) / beta_d


def vp(beta_d: float = 19.9, beta_min: float = 0.1) -> Schedule:
    r"""Variance preserving (edm.vp-row): s = 1/sqrt(1 + sigma^2) keeps s^2 (1 + sigma^2) at 1 for unit-variance data.

    From 1 + sigma^2 = exp(B), dB/dt = b = beta_min + beta_d t:
    2 sigma sigma' = b (1 + sigma^2), so sigma' = b (sigma + 1/sigma)/2; and s = exp(-B/2) gives s' = -b s/2.
    """

    def rate(t: Tensor) -> Tensor:
        return beta_min + beta_d * t

    def sigma(t: Tensor) -> Tensor:
        return torch.expm1(0.5 * beta_d * t**2 + beta_min * t).sqrt()

    def s(t: Tensor) -> Tensor:
        return torch.exp(-0.25 * beta_d * t**2 - 0.5 * beta_min * t)

    return Schedule(
        sigma=sigma,
        sigma_dot=lambda t: 0.5 * rate(t) * (sigma(t) + 1 / sigma(t)),
        s=s,
        s_dot=lambda t: -0.5 * rate(t) * s(t),
    )


def _unscaled(sigma: Function, sigma_dot: Function) -> Schedule:
    return Schedule(sigma, sigma_dot, s=torch.ones_like, s_dot=torch.zeros_like)


def ve() -> Schedule:
    """Variance exploding (edm.ve-row): sigma = sqrt t, s = 1."""
    return _unscaled(torch.sqrt, lambda t: 0.5 / t.sqrt())


def edm() -> Schedule:
    """EDM and iDDPM (edm.tangent): sigma = t, s = 1, the choice whose ODE has slope (x - D)/sigma."""
    return _unscaled(torch.clone, torch.ones_like)


def vp_steps(n: int, eps_s: float = 1e-3) -> list[float]:
    """Times t_i = 1 + i/(N-1) (eps_s - 1) of the VP row (edm.vp-row)."""
    return [1 + i / (n - 1) * (eps_s - 1) for i in range(n)]


def ve_steps(n: int, sigma_min: float = 0.02, sigma_max: float = 100.0) -> list[float]:
    """Times t_i = sigma_max^2 (sigma_min^2/sigma_max^2)^(i/(N-1)) of the VE row (edm.ve-row); sigma = sqrt t_i."""
    return [sigma_max**2 * (sigma_min**2 / sigma_max**2) ** (i / (n - 1)) for i in range(n)]


def iddpm_sigmas(m: int = 1000, c1: float = 0.001, c2: float = 0.008) -> list[float]:
    r"""u_0 .. u_M of the iDDPM row (edm.iddpm-row): u_M = 0 and, downwards,

        u_{j-1} = sqrt((u_j^2 + 1) / max(a_{j-1}/a_j, C_1) - 1),   a_j = sin^2(pi/2 j / (M (C_2 + 1))).

    While C_1 does not bind, u_j^2 + 1 = a_M/a_j telescopes: the cosine schedule of iDDPM.
    """

    def a(j: int) -> float:
        return math.sin(0.5 * math.pi * j / (m * (c2 + 1))) ** 2

    u = [0.0] * (m + 1)
    for j in range(m, 0, -1):
        u[j - 1] = math.sqrt((u[j] ** 2 + 1) / max(a(j - 1) / a(j), c1) - 1)
    return u


def karras_steps(n: int, sigma_min: float = 0.002, sigma_max: float = 80.0, rho: float = 7.0) -> list[float]:
    r"""EDM's noise levels (Karras et al. 2022, eq. (5); edm.time-steps): N equal steps in sigma^(1/rho), then 0."""
    if n < 2:
        raise ValueError(f"EDM's time steps need N >= 2, not {n}")
    top, bottom = sigma_max ** (1 / rho), sigma_min ** (1 / rho)
    return [(top + i / (n - 1) * (bottom - top)) ** rho for i in range(n)] + [0.0]


def power_grid(steps: int, sigma_min: float, sigma_max: float, rho: float) -> list[float]:
    """The same spacing with both ends kept and no jump to 0: `steps` steps, for measuring orders."""
    return karras_steps(steps + 1, sigma_min, sigma_max, rho)[:-1]
