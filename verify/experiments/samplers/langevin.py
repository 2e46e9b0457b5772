r"""Langevin dynamics at one noise level, down a ladder of levels, and as the corrector of a predictor.

x + (h/2) score + sqrt(h) z leaves p(x; sigma) invariant as h -> 0 (rev.langevin-split). With score = (D - x)/sigma^2
the step is a lerp towards D by h / (2 sigma^2), so that steps are best stated relative to sigma^2.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from verify.experiments.samplers.ancestral import renoised_step
from verify.experiments.samplers.common import Denoise, Noise, Step, falling
from verify.experiments.samplers.ode import euler_step

Corrector = Callable[[Denoise, Tensor, float, Tensor], Tensor]
"""`corrector(denoise, x, sigma, z)`: x moved at one noise level with the standard normals z."""


def langevin_step(denoise: Denoise, x: Tensor, sigma: float, z: Tensor, h: float) -> Tensor:
    """x + (h/2) score + sqrt(h) z (solver.ula-bias); h has the unit of x^2."""
    return torch.add(torch.lerp(x, denoise(x, sigma), h / (2 * sigma**2)), z, alpha=math.sqrt(h))


def ula(denoise: Denoise, x: Tensor, sigma: float, h: float, count: int, noise: Noise) -> Tensor:
    r"""`count` unadjusted Langevin steps at one noise level (Roberts and Tweedie 1996; solver.ula-bias).

    On N(0, v) a step is x' = (1 - h/(2v)) x + sqrt(h) z, whose stationary variance is v/(1 - h/(4v)): biased for every
    h > 0, and unstable from h = 4v on.
    """
    for i in range(count):
        x = langevin_step(denoise, x, sigma, noise(i), h)
    return x


def annealed(denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise, count: int, relative: float) -> Tensor:
    r"""Annealed Langevin dynamics (Song and Ermon 2019, Alg. 1): `count` steps h = relative sigma^2 at every level.

    The paper's alpha_i = epsilon sigma_i^2/sigma_L^2 has relative = epsilon/sigma_L^2. A last level 0 returns D.
    Draw i count + j is used at step j of level i.
    """
    for i, (t, after) in enumerate(falling(sigmas)):
        for j in range(count):
            x = langevin_step(denoise, x, t, noise(i * count + j), relative * t**2)
        if after == 0:
            x = denoise(x, t)
    return x


def fixed_step(snr: float) -> Corrector:
    r"""h/2 = 2 (snr sigma)^2 (solver.langevin-snr): Song's step for alpha = 1 with |z|/|score| replaced by sigma.

    A score has the norm sqrt(d)/sigma where the noise dominates. No norm is taken, so no row depends on its batch.
    """
    return lambda denoise, x, sigma, z: langevin_step(denoise, x, sigma, z, (2 * snr * sigma) ** 2)


def norm_step(snr: float) -> Corrector:
    r"""Song's corrector (Song et al. 2021, Alg. 4; solver.langevin-snr): e = 2 (snr |z|/|score|)^2, norms averaged.

        x' = x + e score + sqrt(2e) z.

    The norm of the added noise over that of the drift is sqrt(2/e) |z|/|score| = 1/snr. The step stays a tensor: the
    host never waits for it. Where sigma is far below the data's own scale the score no longer grows like 1/sigma, so
    the step grows beyond sigma^2, and D - x loses its digits in single precision; `fixed_step` has neither trouble.
    """

    def corrector(denoise: Denoise, x: Tensor, sigma: float, z: Tensor) -> Tensor:
        score = (denoise(x, sigma) - x) / sigma**2
        ratio = z.flatten(1).norm(dim=1).mean() / score.flatten(1).norm(dim=1).mean()
        step = 2 * (snr * ratio) ** 2
        return x + step * score + (2 * step).sqrt() * z

    return corrector


def predictor_corrector(
    denoise: Denoise,
    x: Tensor,
    sigmas: Sequence[float],
    noise: Noise,
    corrector: Corrector,
    count: int = 1,
    eta: float = 1.0,
    step: Step = euler_step,
) -> Tensor:
    r"""Song et al. 2021, Alg. 1 and 2: a step of the predictor, then `count` Langevin steps at the level it reached.

    The predictor is that of `renoised`: `step` to the lower level of the split, then noise. eta = 1 with Euler's step
    is Song's ancestral predictor, eta = 0 the probability-flow ODE. Nothing is corrected at level 0. Step i takes
    draw i (count + 1) for its predictor and the next `count` draws for its corrector.
    """
    for i, (t, after) in enumerate(falling(sigmas)):
        draw = i * (count + 1)
        x = renoised_step(denoise, x, t, after, partial(noise, draw), eta, step)
        for j in range(count if after > 0 else 0):
            x = corrector(denoise, x, after, noise(draw + 1 + j))
    return x
