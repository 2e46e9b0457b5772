r"""DDIM: the family of steps that keep every marginal and choose how much noise is fresh; and its inversion.

In sigma-space x = x_t / sqrt(abar), t = sqrt(1/abar - 1), and a noise variance v of a step is DDIM's sigma_t^2 divided
by the next abar.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from verify.experiments.samplers.common import Denoise, Noise, falling, steps


def fresh_variance(t: float, after: float, eta: float) -> float:
    r"""The variance v of the fresh noise (Song et al. 2021, eq. (16); ddim.eta-variance).

    eta^2 (1 - abar')/(1 - abar) (1 - abar/abar') / abar' with abar = 1/(1 + t^2) is

        v = eta^2 t'^2 (t^2 - t'^2) / t^2.

    eta multiplies the deviation, not the variance. eta = 1 is the DDPM posterior's beta-tilde.
    """
    return eta**2 * after**2 * (1 - (after / t) ** 2)


def ddim(denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise | None = None, eta: float = 0.0) -> Tensor:
    r"""DDIM (Song et al. 2021, eq. (12); ddim.step), divided by the next sqrt(abar):

        x' = D + sqrt(t'^2 - v) (x - D)/t + sqrt(v) z.

    eta = 0 is Euler's method in sigma (ddim.is-euler), eta = 1 DDPM ancestral sampling. `noise` is needed for eta > 0
    only; the step to 0 is noiseless, since v = 0 there. ValueError outside 0 <= eta <= 1, where t'^2 - v is certain to
    stay positive, and for eta > 0 without noise.
    """
    if not 0 <= eta <= 1:
        raise ValueError(f"DDIM needs 0 <= eta <= 1, not {eta:g}")
    if noise is None and eta > 0:
        raise ValueError(f"DDIM with eta = {eta:g} draws noise: give `noise`, or eta = 0")
    for i, (t, after) in enumerate(falling(sigmas)):
        fresh = fresh_variance(t, after, eta)
        x = torch.lerp(denoise(x, t), x, math.sqrt(after**2 - fresh) / t)
        if noise is not None and fresh > 0:
            x = torch.add(x, noise(i), alpha=math.sqrt(fresh))
    return x


def ddim_inversion(denoise: Denoise, x: Tensor, sigmas: Sequence[float], iterations: int = 0) -> Tensor:
    r"""From x at the last level back to the noise at the first that DDIM (eta = 0) maps to it (ddim.inversion).

    The step to be undone is x' = D(x; t) + (t'/t)(x - D(x; t)), so that

        x = D(x; t) + (t/t')(x' - D(x; t)),

    an equation with x on both sides. The usual inversion replaces D(x; t) by D(x'; t'): Euler's method upwards, which
    returns only to first order. Then `iterations` fixed-point steps are made, each dividing the remaining error by
    about 1 / ((t/t' - 1) |dD/dx|); where that is below 1 the inversion does not converge. The levels are those of the
    sampler, falling; none may be 0, because the step to 0 forgets x.
    """
    if sigmas[-1] <= 0:
        raise ValueError("a step to noise level 0 forgets where it came from: end the levels above 0 to invert them")
    for below, t in steps(sigmas[::-1]):
        clean = x
        x = torch.lerp(denoise(clean, below), clean, t / below)
        for _ in range(iterations):
            x = torch.lerp(denoise(x, t), clean, t / below)
    return x
