r"""Guidance: denoisers made of other denoisers.

D is affine in the score, the noise and the velocity at fixed x and sigma, so every combination whose weights sum to 1
is the same combination of each of them (guide.cfg). None samples the tilted law it is named after (guide.not-tilted).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from verify.experiments.samplers.common import Denoise

LogGradient = Callable[[Tensor, float], Tensor]
"""`gradient(x, sigma)`: the gradient in x of log p(c | x; sigma), of the shape of x."""


def scale_of(w: float) -> float:
    """s = 1 + w: from Ho and Salimans' weight w (0 means conditional) to the scale s (1 means conditional)."""
    return 1 + w


def classifier_free(conditional: Denoise, unconditional: Denoise, s: float) -> Denoise:
    r"""D_u + s (D_c - D_u) (Ho and Salimans 2022, eq. (6); guide.cfg).

    s = 0 is unconditional, s = 1 conditional, s > 1 extrapolates; with w = s - 1 it reads (1 + w) D_c - w D_u. A
    weaker model in the place of the unconditional one is autoguidance (Karras et al. 2024).
    """
    return lambda x, sigma: torch.lerp(unconditional(x, sigma), conditional(x, sigma), s)


def classifier(denoise: Denoise, gradient: LogGradient, s: float = 1.0) -> Denoise:
    r"""D + s sigma^2 grad log p(c | x; sigma) (Dhariwal and Nichol 2021, eq. (14); guide.bayes).

    By Bayes grad log p(x | c) = grad log p(x) + grad log p(c | x) at one noise level, and D = x + sigma^2 score. The
    classifier must have seen noisy x. s = 1 is the exact conditional denoiser.
    """
    return lambda x, sigma: torch.add(denoise(x, sigma), gradient(x, sigma), alpha=s * sigma**2)


def within(guided: Denoise, plain: Denoise, low: float, high: float) -> Denoise:
    """`guided` for low < sigma <= high, `plain` elsewhere (Kynkäänniemi et al. 2024)."""
    return lambda x, sigma: (guided if low < sigma <= high else plain)(x, sigma)


def rescaled(conditional: Denoise, unconditional: Denoise, s: float, phi: float = 0.7) -> Denoise:
    r"""Guidance whose denoised sample keeps the spread of the conditional one (Lin et al. 2023, eq. (15), (16)).

        D = (phi std(D_c)/std(D_s) + 1 - phi) D_s,    D_s = D_u + s (D_c - D_u).

    The deviation is over the entries of one sample, not over the batch; at phi = 1 it is restored exactly
    (guide.rescale). The rule is not affine: applied to the noise it would be another one.
    """

    def guided(x: Tensor, sigma: float) -> Tensor:
        wanted = conditional(x, sigma)
        found = torch.lerp(unconditional(x, sigma), wanted, s)
        ratio = _spread(wanted) / _spread(found)
        return found * (1 - phi + phi * ratio)

    return guided


def _spread(x: Tensor) -> Tensor:
    """Standard deviation over the entries of each sample, ready to broadcast against x."""
    return x.flatten(1).std(1).reshape(-1, *[1] * (x.dim() - 1))
