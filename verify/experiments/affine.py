r"""The law of a sampler's output on Gaussian data, without a single random number.

On a Gaussian the denoiser is affine, so every sampler here is: its output is m + a x + sum_i b_i z_i, where x is the
standard normal it starts from and z_i the noise of step i. Fed with zeros it returns m, and fed with a one in a single
place the coefficient of that place. The output is then normal with mean m and variance a^2 + sum_i b_i^2, exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from verify.experiments.experiment import Setting
from verify.experiments.samplers.common import Denoise, Noise

Run = Callable[[Denoise, torch.Tensor, Noise], torch.Tensor]
"""`run(denoise, x, noise)`: the samples that start at x, (B, 1) like x."""


@dataclass(frozen=True)
class Law:
    """m + a x + sum b_i z_i: `coefficients` holds a, then every b_i."""

    mean: float
    coefficients: tuple[float, ...]

    @property
    def variance(self) -> float:
        return sum(c * c for c in self.coefficients)


def law(run: Run, denoise: Denoise, start: float, draws: int, setting: Setting) -> Law:
    """The law of one component of `run`, started from N(0, start^2), with noise(i) for i < `draws`.

    Row 0 is fed with zeros, row 1 starts at `start`, row i + 2 gets z_i = 1. The rows of noise i are a window on one
    vector with a single one, so nothing of size draws^2 is held.
    """
    rows = draws + 2
    one = setting.tensor(torch.zeros(2 * rows, 1))
    one[rows] = 1.0

    def noise(i: int) -> torch.Tensor:
        return one[rows - 2 - i : 2 * rows - 2 - i]

    out = run(denoise, start * noise(-1), noise)[:, 0].double().tolist()
    return Law(out[0], tuple(value - out[0] for value in out[1:]))
