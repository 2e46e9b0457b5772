r"""The family of reverse SDEs with the same marginals, by Euler-Maruyama and by exact exponential steps.

For every ell >= 0, dx = [f - (1 + ell^2)/2 g^2 score] dt + ell g dw, run backwards, keeps the marginals (rev.family;
Karras et al. 2022, eq. (6), rev.langevin-split). In sigma-space f = 0 and g^2 dt = d(sigma^2); ell = 0 is the
probability-flow ODE, ell = 1 the reverse SDE of Anderson (rev.anderson).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from verify.experiments.samplers.common import Denoise, Noise, falling
from verify.experiments.samplers.forms import DataPrediction
from verify.experiments.samplers.multistep import Perturb, interpolation, multistep, two_point

Stochasticity = Callable[[float], float]
"""`ell(sigma)`: how much of the forward noise the reverse SDE puts back at that level."""


def constant(ell: float) -> Stochasticity:
    """The same ell at every noise level. ValueError for a negative one."""
    if ell < 0:
        raise ValueError(f"the noise of a reverse SDE has ell >= 0, not {ell:g}")
    return lambda sigma: ell


def euler_maruyama(denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise, ell: Stochasticity) -> Tensor:
    r"""Euler-Maruyama in the variance sigma^2, where the noise has a constant rate (rev.family, sde.em-order).

    A step lowers sigma^2 by t^2 - t'^2 and score = (D - x)/t^2, so

        x' = x + (1 + ell^2)/2 (1 - t'^2/t^2)(D - x) + ell sqrt(t^2 - t'^2) z.

    For ell = 1 the mean is DDPM's, and the noise its limit for data of great variance. The step to 0 returns its mean.
    """
    for i, (t, after) in enumerate(falling(sigmas)):
        part, level = 1 - (after / t) ** 2, ell(t)
        x = torch.lerp(x, denoise(x, t), (1 + level**2) / 2 * part)
        if after > 0 and level > 0:
            x = torch.add(x, noise(i), alpha=level * t * math.sqrt(part))
    return x


def exponential_deviation(t: float, after: float, eta: float) -> float:
    r"""Noise of a step whose linear part is solved exactly (solver.sde-dpmpp), with eta = ell^2.

    In lambda = -ln sigma: dx = (1 + eta)(D - x) dlambda + sqrt(2 eta) sigma dw, and with sigma = t' e^{h-u}

        \int_0^h 2 eta t'^2 e^{2(h-u)} e^{-2(1+eta)(h-u)} du = t'^2 (1 - e^{-2 eta h}).
    """
    return after * math.sqrt(-math.expm1(2 * eta * math.log(after / t)))


def exponential(denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise, ell: Stochasticity) -> Tensor:
    r"""D and ell frozen over a step, and the linear SDE solved exactly (rev.family, solver.sde-dpmpp):

        x' = D + (t'/t)^{1 + ell^2} (x - D) + t' sqrt(1 - (t'/t)^{2 ell^2}) z.

    ell = 0 is DDIM, ell = 1 DDPM ancestral sampling with beta-tilde; in between it is not DDIM's family.
    """
    for i, (t, after) in enumerate(falling(sigmas)):
        eta = ell(t) ** 2
        x = torch.lerp(denoise(x, t), x, (after / t) ** (1 + eta))
        if after > 0 and eta > 0:
            x = torch.add(x, noise(i), alpha=exponential_deviation(t, after, eta))
    return x


def _perturb(noise: Noise, eta: float) -> Perturb:
    if eta < 0:
        raise ValueError(f"the noise of a reverse SDE has eta >= 0, not {eta:g}")
    return lambda x, i, t, after: torch.add(x, noise(i), alpha=exponential_deviation(t, after, eta))


def sde_dpmpp_2m(denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise, eta: float = 1.0) -> Tensor:
    r"""SDE-DPM-Solver++(2M) (Lu et al. 2022b, Section 5; solver.sde-dpmpp).

    The reverse SDE has the data form with rate 1 + eta, so the rule of the ODE's 2M applies in (1 + eta) lambda:

        x' = (t'/t)^{1+eta} x + (1 - (t'/t)^{1+eta}) D^ + t' sqrt(1 - (t'/t)^{2 eta}) z.
    """
    return multistep(denoise, x, sigmas, DataPrediction(1 + eta), 2, two_point, perturb=_perturb(noise, eta))


def sde_dpmpp_3m(denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise, eta: float = 1.0) -> Tensor:
    """The same with three outputs interpolated exactly, so with the right third term (solver.3m-factor)."""
    return multistep(denoise, x, sigmas, DataPrediction(1 + eta), 3, interpolation, perturb=_perturb(noise, eta))
