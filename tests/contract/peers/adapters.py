"""Every peer behind one call: `denoise(x, sigma)` in, the peer's own loop, a sample out.

A peer gets the same denoiser, the same start and the same noise as ours. Nothing of its arithmetic is repeated here;
an adapter only turns D(x; sigma) into what the peer expects its network to return.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from unittest import mock

import azula.denoise
import azula.noise
import k_diffusion.sampling
import torch
from torch import Tensor

Denoise = Callable[[Tensor, float], Tensor]
Noise = Callable[[int], Tensor]
DOUBLE = torch.float64


@contextmanager
def drawing(noise: Noise | None) -> Iterator[None]:
    """Inside, the k-th call of `torch.randn_like` returns noise(k): for peers that take no noise of their own."""
    if noise is None:
        yield
        return
    draws = count()
    with mock.patch("torch.randn_like", lambda *_, **__: noise(next(draws))):
        yield


def crowson(
    name: str, denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise | None = None, **given: object
) -> Tensor:
    """k-diffusion's `sample_<name>`. `noise(i)` goes through its `noise_sampler` where it has one."""
    sampler = getattr(k_diffusion.sampling, f"sample_{name}")
    levels = torch.tensor(sigmas, dtype=x.dtype)
    if noise is not None and "noise_sampler" in sampler.__wrapped__.__code__.co_varnames:
        draws = count()
        given["noise_sampler"] = lambda before, after: noise(next(draws))
    with drawing(noise):
        return sampler(lambda y, sigma: denoise(y, float(sigma[0])), x, levels, disable=True, **given)


def diffusers_run(scheduler, denoise: Denoise, x: Tensor, steps: int | None = None) -> Tensor:  # noqa: ANN001
    """A diffusers scheduler with its timesteps set, from x at its largest sigma; its first `steps` steps, or all.

    x and the result are in sigma-space: DPM-Solver's schedulers keep alpha (y + sigma n), and are told so here.
    """
    scale = getattr(scheduler, "_sigma_to_alpha_sigma_t", lambda sigma: (1.0, sigma))
    x = x * scale(scheduler.sigmas[0])[0]
    for timestep in scheduler.timesteps[:steps]:
        scheduler.scale_model_input(x, timestep)  # tells some schedulers which step they are at
        index = 0 if scheduler.step_index is None else scheduler.step_index
        level = scheduler.sigmas[index]
        if not getattr(scheduler, "state_in_first_order", True) and hasattr(scheduler, "sigmas_interpol"):
            level = scheduler.sigmas_interpol[index - ("Ancestral" in type(scheduler).__name__)]
        sigma, unscaled = float(level), x / scale(level)[0]
        output = _network(scheduler, denoise(unscaled, sigma), unscaled, sigma)
        x = scheduler.step(output, timestep, x).prev_sample
    return x / scale(scheduler.sigmas[scheduler.step_index])[0]


def _network(scheduler, denoised: Tensor, x: Tensor, sigma: float) -> Tensor:  # noqa: ANN001
    """The network output that the scheduler turns back into `denoised`: eps, or F of EDM's eq. (7)."""
    data = scheduler.config.get("sigma_data")
    if data is None:
        return (x - denoised) / sigma
    total = sigma**2 + data**2
    return (denoised - data**2 / total * x) * total**0.5 / (sigma * data)


def noise_levels(alphas_cumprod: Tensor) -> Tensor:
    """sigma = sqrt((1 - abar) / abar): a VP table in sigma-space, float64."""
    alphas = alphas_cumprod.to(DOUBLE)
    return ((1 - alphas) / alphas).sqrt()


def predict_noise(denoise: Denoise, x: Tensor, alpha_bar: Tensor) -> Tensor:
    """eps(x_t) at a variance-preserving sample x_t = sqrt(abar) (y + sigma n)."""
    alpha, sigma = float(alpha_bar.to(DOUBLE).sqrt()), float(noise_levels(alpha_bar))
    return (x / alpha - denoise(x / alpha, sigma)) / sigma


class Grid(azula.noise.Schedule):
    """azula's schedule at the times 0, 1, .. N: alpha = 1 and a given list of noise levels, in float64."""

    def __init__(self, sigmas: Sequence[float]) -> None:
        self.sigmas = torch.tensor(sigmas, dtype=DOUBLE)

    def __call__(self, t: Tensor) -> tuple[Tensor, Tensor]:
        sigma = self.sigmas[t.round().long()]
        return torch.ones_like(sigma), sigma


class Exact(azula.denoise.Denoiser):
    """azula's denoiser interface around D(x; sigma)."""

    def __init__(self, denoise: Denoise, schedule: azula.noise.Schedule) -> None:
        super().__init__()
        self.inner, self.schedule = denoise, schedule

    def forward(self, x_t: Tensor, t: Tensor, **_: object) -> azula.denoise.DiracPosterior:
        alpha, sigma = self.schedule(t)
        return azula.denoise.DiracPosterior(mean=self.inner(x_t / alpha, float(sigma / alpha)))


def azula_run(
    kind: type, denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise | None = None, **given: object
) -> Tensor:
    """One of azula's samplers over the noise levels."""
    steps = len(sigmas) - 1
    sampler = kind(Exact(denoise, Grid(sigmas)), start=0.0, stop=float(steps), steps=steps, silent=True, **given)
    with drawing(noise):
        return sampler(x)
