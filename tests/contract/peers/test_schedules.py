"""Noise levels, tables and paths: ours against the peers', at the precision in which the peer keeps them."""

from __future__ import annotations

import math

import azula.noise
import diffusers
import flow_matching.path.scheduler as fm
import k_diffusion.external
import k_diffusion.sampling
import pytest
import smalldiffusion
import torch
from diffusers.schedulers.scheduling_ddim import rescale_zero_terminal_snr

from tests.contract.peers.targets import DOUBLE
from verify.experiments import grids, paths

SINGLE = 2e-6  # relative, for tables of float32: a product of a thousand of them


def close(one, other, digits=SINGLE):
    one, other = torch.as_tensor(one, dtype=DOUBLE), torch.as_tensor(other, dtype=DOUBLE)
    assert one.shape == other.shape
    assert torch.allclose(one, other, rtol=digits, atol=digits * 1e-3), float(((one - other) / other).abs().max())


@pytest.mark.parametrize(("n", "rho"), [(10, 7.0), (18, 7.0), (40, 3.0)])
def test_karras(n, rho):
    close(k_diffusion.sampling.get_sigmas_karras(n, 0.002, 80.0, rho), grids.karras(n, rho=rho), 1e-5)
    scheduler = diffusers.EDMEulerScheduler(rho=rho)
    scheduler.set_timesteps(n)
    close(scheduler.sigmas, grids.karras(n, rho=rho))


def test_uniform_logsnr():
    close(k_diffusion.sampling.get_sigmas_exponential(20, 0.002, 80.0), grids.uniform_logsnr(20), 1e-5)


def test_vp_levels():
    """k-diffusion's beta_d is beta_max - beta_min; its exp(B) - 1 in float32 keeps three digits of the last level."""
    close(k_diffusion.sampling.get_sigmas_vp(64), grids.vp(64, beta_min=0.1, beta_max=20.0), 1e-3)


@pytest.mark.parametrize(
    ("name", "betas"),
    [
        ("linear", grids.linear_betas()),
        ("scaled_linear", grids.scaled_linear_betas()),
        ("squaredcos_cap_v2", grids.cosine_betas()),
    ],
)
def test_tables(name, betas):
    ends = {"scaled_linear": {"beta_start": 0.00085, "beta_end": 0.012}}.get(name, {})
    scheduler = diffusers.DDIMScheduler(beta_schedule=name, **ends)
    close(scheduler.betas, betas)
    close(scheduler.alphas_cumprod, grids.alpha_bars(betas), 1e-4)


@pytest.mark.parametrize(
    ("kind", "betas", "digits"),
    [
        (smalldiffusion.ScheduleDDPM, grids.linear_betas(), 1e-3),
        (smalldiffusion.ScheduleLDM, grids.scaled_linear_betas(), 1e-3),
        (smalldiffusion.ScheduleCosine, grids.cosine_betas(), 1e-2),
    ],
)
def test_smalldiffusion_tables(kind, betas, digits):
    """sqrt(1/abar - 1) in float32 keeps three digits of the first levels, and two of the cosine's."""
    close(kind().sigmas.flip(0), grids.of_betas(betas), digits)


def test_zero_terminal_snr():
    rescaled = grids.zero_terminal(grids.alpha_bars(grids.scaled_linear_betas()))
    theirs = rescale_zero_terminal_snr(torch.tensor(grids.scaled_linear_betas()))
    close((1 - theirs).cumprod(0), rescaled, 1e-4)
    assert rescaled[-1] == 0


@pytest.mark.parametrize("spacing", ["leading", "linspace", "trailing"])
@pytest.mark.parametrize("n", [10, 12, 50])
def test_spacings(spacing, n):
    """At odd n the middle of linspace falls on a half, and diffusers and the paper's table round it apart."""
    scheduler = diffusers.DDIMScheduler(timestep_spacing=spacing)
    scheduler.set_timesteps(n)
    assert scheduler.timesteps.tolist() == grids.subset(n, 1000, spacing)


def test_flow_shift():
    """set_timesteps of a scheduler that was made without a shift applies it once."""
    scheduler = diffusers.FlowMatchEulerDiscreteScheduler()
    scheduler.set_shift(3.0)
    scheduler.set_timesteps(5)
    path = paths.shifted(paths.flow_matching(), 3.0)
    times = torch.linspace(1, 0.001, 5, dtype=DOUBLE)
    close(scheduler.sigmas[:-1], path.sigma(times))


def test_discrete_levels():
    """k-diffusion's index of a level: linear in ln sigma between the table's entries, and back."""
    table = torch.tensor(grids.of_betas(grids.linear_betas())[::-1], dtype=DOUBLE)
    schedule = k_diffusion.external.DiscreteSchedule(table, quantize=False)
    index = torch.tensor([0.0, 10.25, 500.5, 999.0], dtype=DOUBLE)
    low, high = table[index.floor().long()], table[index.ceil().long()]
    levels = (low.log() * (1 - index.frac()) + high.log() * index.frac()).exp()
    close(schedule.t_to_sigma(index), levels)
    close(schedule.sigma_to_t(levels), index, 1e-9)


FLOW_MATCHING = {
    "CondOTScheduler": paths.flow_matching(data_at=1),
    "CosineScheduler": paths.flipped(paths.cosine()),
    "VPScheduler": paths.flipped(paths.vp_linear(0.1, 20.0)),
}


@pytest.mark.parametrize("name", FLOW_MATCHING)
def test_flow_matching_paths(name):
    """alpha, sigma and both derivatives; their time runs from noise to data, and their `snr` is alpha/sigma."""
    ours, scheduler = FLOW_MATCHING[name], getattr(fm, name)()
    t = torch.linspace(0.05, 0.95, 19, dtype=DOUBLE)
    theirs = scheduler(t)
    for part, mine in (
        ("alpha_t", ours.alpha),
        ("sigma_t", ours.sigma),
        ("d_alpha_t", ours.alpha_dot),
        ("d_sigma_t", ours.sigma_dot),
    ):
        close(getattr(theirs, part), mine(t), 1e-12)
    close(scheduler.snr_inverse(1 / ours.noise_level(t)), t, 1e-9)


def test_flow_matching_polynomial_is_a_custom_path():
    theirs = fm.PolynomialConvexScheduler(n=3)
    t = torch.linspace(0.05, 0.95, 19, dtype=DOUBLE)
    ours = paths.from_functions(lambda t: t**3, lambda t: 1 - t**3, noisy=0.0, clean=1.0)
    close(theirs(t).d_sigma_t, ours.sigma_dot(t), 1e-12)


def test_azula_schedules():
    """Its VP schedule is alpha = exp(t^2 ln alpha_min), not Song's: beta_min = 0 and beta_max = -4 ln alpha_min."""
    t = torch.linspace(0.05, 1.0, 20, dtype=DOUBLE)
    alpha, _ = azula.noise.VPSchedule(alpha_min=1e-3)(t)
    close(alpha, paths.vp_linear(0.0, -4 * math.log(1e-3)).alpha(t), 1e-12)
    _, sigma = azula.noise.VESchedule(sigma_min=0.01, sigma_max=50.0)(t)
    close(sigma, paths.ve(0.01, 50.0).sigma(t), 1e-12)
