"""Sampling from a trained denoiser, with any of three samplers on the noise levels of the run's family."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from verify.experiments.latents import Latents
from verify.experiments.samplers import ancestral, ddim, heun
from verify.experiments.samplers.common import Denoise, Noise
from verify.experiments.training.objectives import sampling_levels

CHUNK = 512
Progress = Callable[[int, int, str], None]


def _heun(denoise: Denoise, x: Tensor, sigmas: list[float], noise: Noise) -> Tensor:
    return heun(denoise, x, sigmas)


# Each with its number of noise levels; Heun's evaluates twice a level but for the last.
SAMPLERS: dict[str, tuple[Callable[[Denoise, Tensor, list[float], Noise], Tensor], int]] = {
    "heun": (_heun, 18),
    "ddim": (ddim, 50),
    "ddpm": (ancestral, 100),
}


@torch.no_grad()
def sample(
    denoise: Denoise,
    family: str,
    sampler: str,
    rows: int,
    dimensions: int,
    latents: Latents,
    progress: Progress = lambda done, total, what: None,
) -> Tensor:
    """`rows` samples, (rows, dimensions); row r is the same whatever the number of rows."""
    step, levels = SAMPLERS[sampler]
    sigmas = sampling_levels(family, levels)
    done = []
    for start in range(0, rows, CHUNK):
        count = min(CHUNK, rows - start)

        def normal(name: str, first: int = start, rows_here: int = count) -> Tensor:
            return latents.normal(f"sample.{sampler}.{name}", rows_here, dimensions, first)

        noise = partial(lambda normal, i: normal(str(i)), normal)
        done.append(step(denoise, sigmas[0] * normal("start"), sigmas, noise))
        progress(start + count, rows, f"sampling, {sampler}")
    return torch.cat(done)
