r"""Samplers in sigma-space: short loops over a decreasing list of noise levels that ends in 0.

With sigma(t) = t and s(t) = 1 the probability-flow ODE is dx/dsigma = (x - D(x; sigma)) / sigma (Karras et al. 2022,
eq. (1) and (3); edm.ode, edm.tangent). `denoise(x, sigma)` is any function of that shape; the noise levels are Python
floats, so that a loop has no host-device synchronisation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Denoise = Callable[[Tensor, float], Tensor]
Noise = Callable[[int], Tensor]


class Counted:
    """A denoiser that counts its evaluations: `calls` is the NFE."""

    def __init__(self, denoise: Denoise) -> None:
        self.denoise, self.calls = denoise, 0

    def __call__(self, x: Tensor, sigma: float) -> Tensor:
        self.calls += 1
        return self.denoise(x, sigma)


def euler(denoise: Denoise, x: Tensor, sigmas: Sequence[float]) -> Tensor:
    r"""One slope a step (edm.tangent; order 1 by edm.heun-algorithm):

        x' = x + (t' - t)(x - D) / t = D + (t'/t)(x - D).

    The second form never divides by a small t' and shows that a step to 0 lands on D.
    """
    for t, after in zip(sigmas[:-1], sigmas[1:], strict=True):
        x = torch.lerp(denoise(x, t), x, after / t)
    return x


def heun_step(denoise: Denoise, x: Tensor, t: float, after: float) -> Tensor:
    r"""One step of Heun's method from noise level t to `after` (Karras et al. 2022, Alg. 1 lines 4-8).

    The predictor y is an Euler step; the corrector averages the slopes d = (x - D)/t and d' = (y - D')/t':

        x' = x + (t' - t)(d + d')/2 = y + (t' - t)(d' - d)/2,

    and since y - D = (t'/t)(x - D), d = (y - D)/t', so d' - d = (D - D')/t'. No slope is ever formed by a division
    that cancels. At t' = 0 the second slope is 0/0, and the Euler step stands.
    """
    first = denoise(x, t)
    predicted = torch.lerp(first, x, after / t)
    if after == 0:
        return predicted
    return torch.add(predicted, denoise(predicted, after) - first, alpha=(t - after) / (2 * after))


def heun(denoise: Denoise, x: Tensor, sigmas: Sequence[float]) -> Tensor:
    """Karras et al. 2022, Alg. 1 (edm.heun-algorithm): order 2, and 2N - 1 evaluations for N steps that end at 0."""
    for t, after in zip(sigmas[:-1], sigmas[1:], strict=True):
        x = heun_step(denoise, x, t, after)
    return x


def inflate(x: Tensor, t: float, raised: float, noise: Tensor, s_noise: float = 1.0) -> Tensor:
    r"""Raise the noise level from t to `raised` (Karras et al. 2022, Alg. 2 line 6; edm.churn).

    Variances of independent Gaussians add: t^2 + (raised^2 - t^2) = raised^2, so with s_noise = 1 a sample of
    p(x; t) becomes an exact sample of p(x; raised).
    """
    return torch.add(x, noise, alpha=math.sqrt(raised**2 - t**2) * s_noise)


def churn(
    denoise: Denoise,
    x: Tensor,
    sigmas: Sequence[float],
    noise: Noise,
    s_churn: float,
    s_min: float = 0.0,
    s_max: float = math.inf,
    s_noise: float = 1.0,
) -> Tensor:
    r"""Karras et al. 2022, Alg. 2 (edm.churn): raise the level to (1 + gamma) t, then a Heun step from there.

    gamma = min(s_churn / N, sqrt 2 - 1) inside [s_min, s_max], else 0. The cap says that the added variance
    (gamma^2 + 2 gamma) t^2 is at most the present t^2. `noise(i)` gives the standard normals of step i.
    """
    limit = min(s_churn / (len(sigmas) - 1), math.sqrt(2) - 1)
    for step, (t, after) in enumerate(zip(sigmas[:-1], sigmas[1:], strict=True)):
        raised = t * (1 + limit) if s_min <= t <= s_max else t
        if raised > t:
            x = inflate(x, t, raised, noise(step), s_noise)
        x = heun_step(denoise, x, raised, after)
    return x
