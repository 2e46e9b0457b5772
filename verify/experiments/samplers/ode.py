r"""Solvers of the probability-flow ODE as EDM writes it: Euler, Heun, the second-order family, Heun with churn.

With sigma(t) = t and s(t) = 1 the ODE is dx/dsigma = (x - D(x; sigma)) / sigma (Karras et al. 2022, eq. (1) and (3);
edm.ode, edm.tangent). The deterministic solvers run in either direction.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from verify.experiments.samplers.common import Denoise, Noise, falling, steps


def euler_step(denoise: Denoise, x: Tensor, t: float, after: float) -> Tensor:
    r"""One slope (edm.tangent):

        x' = x + (t' - t)(x - D) / t = D + (t'/t)(x - D).

    The second form never divides by a small t' and shows that a step to 0 lands on D.
    """
    return torch.lerp(denoise(x, t), x, after / t)


def euler(denoise: Denoise, x: Tensor, sigmas: Sequence[float]) -> Tensor:
    """Order 1, one evaluation a step (solver.euler)."""
    for t, after in steps(sigmas):
        x = euler_step(denoise, x, t, after)
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
    for t, after in steps(sigmas):
        x = heun_step(denoise, x, t, after)
    return x


def two_stage_step(denoise: Denoise, x: Tensor, t: float, after: float, alpha: float = 0.5) -> Tensor:
    r"""One step of the second-order family (Karras et al. 2022, Appendix D.2; solver.alpha-family).

    With h = t' - t, the second slope d'' is taken at m = t + alpha h, and x' = x + h ((1 - 1/(2 alpha)) d +
    d''/(2 alpha)) = x + h d + h (d'' - d)/(2 alpha). As in Heun's step d'' - d = (D - D'')/m, so

        x' = D + (t'/t)(x - D) + h (D - D'') / (2 alpha m).

    alpha = 1 is Heun's method, 1/2 the midpoint, 2/3 Ralston's. Only m = 0 has no second slope.
    """
    middle = t + alpha * (after - t)
    first = denoise(x, t)
    straight = torch.lerp(first, x, after / t)
    if middle <= 0:
        return straight
    second = denoise(torch.lerp(first, x, middle / t), middle)
    return torch.add(straight, first - second, alpha=(after - t) / (2 * alpha * middle))


def two_stage(denoise: Denoise, x: Tensor, sigmas: Sequence[float], alpha: float = 0.5) -> Tensor:
    """Order 2 for every alpha in (0, 1], two evaluations a step; 1/2 is the midpoint method (solver.alpha-family)."""
    if not 0 < alpha <= 1:
        raise ValueError(f"the second slope must lie inside the step, 0 < alpha <= 1, not {alpha:g}")
    for t, after in steps(sigmas):
        x = two_stage_step(denoise, x, t, after, alpha)
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
    (gamma^2 + 2 gamma) t^2 is at most the present t^2. `noise(i)` gives the standard normals of step i. A level may
    repeat: a step from t to t is then the round trip that leaves the marginal alone.
    """
    limit = min(s_churn / (len(sigmas) - 1), math.sqrt(2) - 1)
    for i, (t, after) in enumerate(falling(sigmas, repeats=True)):
        raised = t * (1 + limit) if s_min <= t <= s_max else t
        if raised > t:
            x = inflate(x, t, raised, noise(i), s_noise)
        x = heun_step(denoise, x, raised, after)
    return x
