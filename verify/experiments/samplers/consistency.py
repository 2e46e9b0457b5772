r"""Consistency models: the boundary condition, and sampling in one step or several.

A consistency function maps a point of a probability-flow trajectory to its end at noise level epsilon
(Song et al. 2023, Def. 1; cm.self-consistency).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from verify.experiments.samplers.common import Denoise, Noise, falling

Scaling = Callable[[float], tuple[float, float]]
"""`scaling(sigma)`: (c_skip, c_out)."""


def boundary(sigma_data: float = 0.5, epsilon: float = 0.002) -> Scaling:
    r"""c_skip and c_out with c_skip(epsilon) = 1 and c_out(epsilon) = 0 (Song et al. 2023, App. C; cm.boundary).

    c_skip = s^2 / ((sigma - epsilon)^2 + s^2),    c_out = s (sigma - epsilon) / sqrt(s^2 + sigma^2).
    """

    def scaling(sigma: float) -> tuple[float, float]:
        above, variance = sigma - epsilon, sigma_data**2
        return variance / (above**2 + variance), sigma_data * above / math.sqrt(variance + sigma**2)

    return scaling


def consistency_function(network: Denoise, scaling: Scaling) -> Denoise:
    """f(x, sigma) = c_skip x + c_out F(x, sigma), which is the identity at epsilon whatever the network F."""

    def function(x: Tensor, sigma: float) -> Tensor:
        skip, out = scaling(sigma)
        return torch.add(skip * x, network(x, sigma), alpha=out)

    return function


def consistency(f: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise, epsilon: float = 0.0) -> Tensor:
    r"""Multistep consistency sampling (Song et al. 2023, Alg. 1; cm.multistep): alternate f and fresh noise.

        x <- f(x, t),    x <- x + sqrt(t'^2 - epsilon^2) z.

    f(x, t) has the law p_epsilon, so the noise brings the level to t' exactly. The last entry of `sigmas` ends the
    walk (0 or epsilon) and gets no noise: [80, 0] is one step.
    """
    for i, (t, after) in enumerate(falling(sigmas)):
        x = f(x, t)
        if after > epsilon:
            x = torch.add(x, noise(i), alpha=math.sqrt(after**2 - epsilon**2))
    return x
