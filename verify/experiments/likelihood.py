r"""Exact log-likelihood by the probability-flow ODE, with the divergence exact or estimated.

Along dx/dsigma = v = (x - D)/sigma the density obeys d log p(x; sigma)/dsigma = -div v (rev.likelihood; Song et al.
2021, eq. (39)), so from the data's level to the noise's

    log p(x_0; s_0) = log p(x_T; s_T) + \int div v dsigma,    div v dsigma = (d - tr dD/dx) dln sigma.

Both are integrated together in ln sigma, where dx/dln sigma = x - D, by the classical Runge-Kutta method of order 4.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from verify.experiments.latents import Latents
from verify.experiments.samplers.common import Denoise, steps

Trace = Callable[[Denoise, Tensor, float], tuple[Tensor, Tensor]]
"""`trace(denoise, x, sigma)`: D (B, ...) and tr dD/dx (B,), without a graph."""


def _pullback(denoise: Denoise, x: Tensor, sigma: float, probes: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    r"""D, and sum over the probes e (each of the shape of x) of e^T (dD/dx) e, one vector-Jacobian product each."""
    with torch.enable_grad():
        x = x.detach().requires_grad_(True)
        denoised = denoise(x, sigma)
        total = x.new_zeros(len(x))
        for probe in probes:
            (row,) = torch.autograd.grad(denoised, x, probe, retain_graph=True)
            total = total + (row * probe).flatten(1).sum(1)
    return denoised.detach(), total


def exact_trace(denoise: Denoise, x: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
    """The whole diagonal of dD/dx: one vector-Jacobian product for each of the d entries of a sample."""
    entries = x[0].numel()
    unit = torch.eye(entries, dtype=x.dtype, device=x.device).reshape(entries, 1, *x.shape[1:])
    return _pullback(denoise, x, sigma, [row.expand_as(x) for row in unit])


def closed_trace(trace: Callable[[Tensor, float], Tensor]) -> Trace:
    """A trace known in closed form, trace(x, sigma) -> (B,): for a Gaussian sum_j v_j / (v_j + sigma^2)."""
    return lambda denoise, x, sigma: (denoise(x, sigma), trace(x, sigma))


def hutchinson(probes: Sequence[Tensor]) -> Trace:
    r"""The mean of e^T (dD/dx) e over fixed probes e (rev.hutchinson): unbiased when E e e^T = I.

    For a symmetric Jacobian J its variance for one probe is 2 sum_{i != j} J_ij^2 with Rademacher and 2 |J|_F^2 with
    Gaussian probes. The probes stay the same along a trajectory: with fresh ones the ODE's right side would be random,
    and a Runge-Kutta method has no order there.
    """

    def trace(denoise: Denoise, x: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
        denoised, total = _pullback(denoise, x, sigma, probes)
        return denoised, total / len(probes)

    return trace


def gaussian_probes(latents: Latents, stream: str, count: int, like: Tensor) -> list[Tensor]:
    """`count` probes of independent standard normals, each of the shape of `like` (B, ...)."""
    entries = like[0].numel()
    return [latents.normal(f"{stream}.{i}", len(like), entries).to(like).reshape(like.shape) for i in range(count)]


def rademacher_probes(latents: Latents, stream: str, count: int, like: Tensor) -> list[Tensor]:
    """`count` probes of independent signs: the least variance of all, and exact in one dimension."""
    return [probe.sign() for probe in gaussian_probes(latents, stream, count, like)]


def log_likelihood(
    denoise: Denoise,
    x: Tensor,
    sigmas: Sequence[float],
    log_prior: Callable[[Tensor], Tensor],
    trace: Trace = exact_trace,
) -> tuple[Tensor, Tensor]:
    r"""log p(x; sigmas[0]) (B,) in nats, and the latent at the last level, of the shape of x.

    `sigmas` rise from the data's level (positive: at 0 a density may not exist) to the noise's; more levels mean a
    smaller error, of order 4. `log_prior` is the log density at the last level: the target's own makes the result
    exact, `normal_prior` is what a model has.
    """
    if any(after <= t for t, after in steps(sigmas)):
        raise ValueError("a likelihood goes from data to noise: give levels that rise from above 0")
    dimensions = x[0].numel()

    def slope(x: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
        denoised, total = trace(denoise, x, sigma)
        return x - denoised, dimensions - total

    volume = x.new_zeros(len(x))
    for t, after in steps(sigmas):
        h, middle = math.log(after / t), math.sqrt(t * after)
        v1, d1 = slope(x, t)
        v2, d2 = slope(x + h / 2 * v1, middle)
        v3, d3 = slope(x + h / 2 * v2, middle)
        v4, d4 = slope(x + h * v3, after)
        x = x + h / 6 * (v1 + 2 * v2 + 2 * v3 + v4)
        volume = volume + h / 6 * (d1 + 2 * d2 + 2 * d3 + d4)
    return log_prior(x) + volume, x


def normal_prior(sigma: float) -> Callable[[Tensor], Tensor]:
    r"""log N(x; 0, sigma^2 I), (B,): a model's stand-in for p(x; sigma_max), which shifts every result by about
    -mean.x / sigma_max^2 (rev.likelihood-prior-bias)."""

    def log_density(x: Tensor) -> Tensor:
        squares = (x / sigma).flatten(1).square()
        return -0.5 * (squares + math.log(2 * math.pi * sigma**2)).sum(1)

    return log_density


def bits_per_dimension(log_density: Tensor, dimensions: int, levels_per_unit: float = 128.0) -> Tensor:
    """-log_2 P / d of data on a grid, from a log density in nats (rev.bits-per-dim): 256 levels on [-1, 1] add 7."""
    return math.log2(levels_per_unit) - log_density / (dimensions * math.log(2))
