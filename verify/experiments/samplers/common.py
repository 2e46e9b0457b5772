"""What every sampler shares: the types of its arguments, the walk over noise levels, the count of evaluations."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

from torch import Tensor

Denoise = Callable[[Tensor, float], Tensor]
"""`denoise(x, sigma)`: E[y | x] at noise level sigma, of the shape of x."""

Noise = Callable[[int], Tensor]
"""`noise(i)`: the standard normals of draw i, of the shape of x. Draws are counted from 0, one a step unless said."""

Step = Callable[[Denoise, Tensor, float, float], Tensor]
"""`step(denoise, x, t, after)`: x moved from noise level t to `after`."""


class Counted:
    """A denoiser that counts its evaluations: `calls` is the NFE."""

    def __init__(self, denoise: Denoise) -> None:
        self.denoise, self.calls = denoise, 0

    def __call__(self, x: Tensor, sigma: float) -> Tensor:
        self.calls += 1
        return self.denoise(x, sigma)


def steps(sigmas: Sequence[float], repeats: bool = False) -> list[tuple[float, float]]:
    """The steps (t, after) of a list of noise levels, in either direction; only the last level may be 0.

    ValueError for fewer than two levels, for a level that is not finite and positive, and, unless `repeats`, for a
    step that stays where it is: it wastes an evaluation, and methods that divide by earlier steps break at it.
    """
    if len(sigmas) < 2:
        raise ValueError(f"a sampler needs two noise levels or more, not {len(sigmas)}: give [sigma_max, ..., 0]")
    if not (all(0 < sigma < math.inf for sigma in sigmas[:-1]) and 0 <= sigmas[-1] < math.inf):
        raise ValueError(f"noise levels must be finite and positive, and only the last may be 0: {list(sigmas)}")
    pairs = list(itertools.pairwise(sigmas))
    for i, (t, after) in enumerate(pairs):
        if t == after and not repeats:
            raise ValueError(f"noise levels {i} and {i + 1} are both {t:g}: leave one out")
    return pairs


def falling(sigmas: Sequence[float], repeats: bool = False) -> list[tuple[float, float]]:
    """The steps of a list that never rises: where noise is added on the way down, a step up has no meaning."""
    pairs = steps(sigmas, repeats)
    for i, (t, after) in enumerate(pairs):
        if after > t:
            raise ValueError(f"noise levels must fall, but level {i + 1} is {after:g} after {t:g}: sort them")
    return pairs
