r"""Ancestral sampling: the DDPM posterior with its choices of variance, and the noise split for any ODE step.

In sigma-space the DDPM posterior of x' (level t') given x (level t) and y is a product of two Gaussians
(ddpm.posterior, ddpm.ancestral-is-euler): N(y + w (x - y), t'^2 (1 - w)) with w = t'^2/t^2.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from verify.experiments.samplers.common import Denoise, Noise, Step, falling
from verify.experiments.samplers.ddim import fresh_variance
from verify.experiments.samplers.ode import euler_step

Variance = Callable[[float, float], float]
"""`variance(t, after)`: of the noise that a step from t to `after` adds, in sigma-space."""


def reverse_variance(data_variance: float) -> Variance:
    r"""Var(x' | x) for data of one Gaussian variance s^2 (ddpm.variance-bounds), the exact choice for such data.

    The prior x' has variance s^2 + t'^2 and x adds noise t^2 - t'^2, so precisions add to

        v = (s^2 + t'^2)(t^2 - t'^2) / (s^2 + t^2).
    """

    def variance(t: float, after: float) -> float:
        return (data_variance + after**2) * (t**2 - after**2) / (data_variance + t**2)

    return variance


beta_tilde: Variance = reverse_variance(0.0)
"""DDPM's lower choice, Ho et al. 2020, eq. (7): exact for one point. In sigma-space t'^2 (t^2 - t'^2) / t^2."""

beta: Variance = reverse_variance(1.0)
"""DDPM's upper choice beta_t = 1 - abar/abar', divided by abar': exact for data of unit variance."""


def analytic(residual: Callable[[float], float]) -> Variance:
    r"""The best variance for any data (Bao et al. 2022, Theorem 1; ddpm.variance-bounds).

    x' = (1 - w) y + w x + posterior noise, so by the law of total variance, averaged over x and over dimensions,

        v = t'^2 (1 - w) + (1 - w)^2 r(t),    r(t) = E|y - D(x; t)|^2 / d = t^2 - t^4 E|score|^2 / d.

    `residual(t)` is r(t), for example from `mean_residual`, computed before the loop.
    """

    def variance(t: float, after: float) -> float:
        kept = 1 - (after / t) ** 2
        return after**2 * kept + kept**2 * residual(t)

    return variance


def mean_residual(denoise: Denoise, y: Tensor, noise: Tensor, sigmas: Sequence[float]) -> Callable[[float], float]:
    """r(sigma) = E|y - D(y + sigma n; sigma)|^2 / d at the positive levels, as means over a sample y and noise n."""
    table = {
        sigma: float((y - denoise(torch.add(y, noise, alpha=sigma), sigma)).double().square().mean())
        for sigma in sigmas
        if sigma > 0
    }

    def residual(sigma: float) -> float:
        if sigma not in table:
            raise ValueError(f"no residual was measured at noise level {sigma:g}: measure at the sampler's own levels")
        return table[sigma]

    return residual


def ancestral(
    denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise, variance: Variance = beta_tilde
) -> Tensor:
    r"""DDPM ancestral sampling (Ho et al. 2020, Alg. 2, eq. (7) and (11); ddpm.posterior, ddpm.eps-mean):

        x' = D + (t'^2/t^2)(x - D) + sqrt(v) z.

    The step to 0 returns its mean (ddpm.final-noise): noise there would stay in the sample.
    """
    for i, (t, after) in enumerate(falling(sigmas)):
        x = torch.lerp(denoise(x, t), x, (after / t) ** 2)
        if after > 0:
            x = torch.add(x, noise(i), alpha=math.sqrt(variance(t, after)))
    return x


def split(t: float, after: float, eta: float = 1.0) -> tuple[float, float]:
    r"""The levels (down, up) with down^2 + up^2 = t'^2: solve the ODE to `down`, then add noise of deviation `up`.

    up^2 is DDIM's fresh variance, so an Euler step to `down` is DDIM(eta), and for eta = 1 down = t'^2/t gives the
    DDPM posterior (ddpm.ancestral-is-euler). ValueError outside 0 <= eta <= 1.
    """
    if not 0 <= eta <= 1:
        raise ValueError(f"the split of the noise needs 0 <= eta <= 1, not {eta:g}")
    fresh = fresh_variance(t, after, eta)
    return math.sqrt(after**2 - fresh), math.sqrt(fresh)


def renoised_step(
    denoise: Denoise, x: Tensor, t: float, after: float, draw: Callable[[], Tensor], eta: float, step: Step
) -> Tensor:
    """`step` to the lower level of `split`, then noise up to `after`; `draw()` is called only if noise is added."""
    down, up = split(t, after, eta)
    x = step(denoise, x, t, down)
    return torch.add(x, draw(), alpha=up) if up > 0 else x


def renoised(
    denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise, eta: float = 1.0, step: Step = euler_step
) -> Tensor:
    """Any ODE step made stochastic: the marginal is kept because variances of independent Gaussians add (edm.churn)."""
    for i, (t, after) in enumerate(falling(sigmas)):
        x = renoised_step(denoise, x, t, after, partial(noise, i), eta, step)
    return x
