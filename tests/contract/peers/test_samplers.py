"""Our samplers against the peers' on the same denoiser, start, levels and noise, sample by sample.

The targets are of size 1, so the tolerances are in digits: 1e-12 where the peer keeps float64, 1e-5 where it keeps its
noise levels or its coefficients in float32.
"""

from __future__ import annotations

import math
from functools import partial
from unittest import mock

import azula.sample
import diffusers
import pytest
import smalldiffusion.diffusion
import torch

from tests.contract.peers.adapters import azula_run, crowson, diffusers_run, noise_levels, predict_noise
from tests.contract.peers.targets import DOUBLE, difference, mixture, noise, start
from verify.experiments.grids import karras
from verify.experiments.samplers.ancestral import ancestral, beta, renoised
from verify.experiments.samplers.ddim import ddim
from verify.experiments.samplers.dpm_solver import single_step
from verify.experiments.samplers.forms import DATA, NOISE, SLOPE, DataPrediction
from verify.experiments.samplers.ito import sde_dpmpp_2m
from verify.experiments.samplers.multistep import dpmpp_2m, multistep
from verify.experiments.samplers.ode import churn, euler, heun

KARRAS = karras(18)
POSITIVE = KARRAS[:-1]
CHURN = {"s_churn": 40.0, "s_noise": 1.003}
second_data, second_noise = partial(single_step, form=DATA, order=2), partial(single_step, form=NOISE, order=2)
slopes, data, noises = (partial(multistep, form=form) for form in (SLOPE, DATA, NOISE))

K_DIFFUSION = {
    "euler": ({}, euler),
    "heun": ({}, heun),
    "heun with churn": (
        {"s_tmin": 0.05, "s_tmax": 50.0, **CHURN}, partial(churn, noise=noise, s_min=0.05, s_max=50.0, **CHURN),
    ),
    "dpm_2": ({}, partial(renoised, noise=noise, eta=0.0, step=second_noise)),
    "lms of order 2": ({"order": 2}, partial(slopes, order=2)),
    "lms of order 4": ({"order": 4}, partial(slopes, order=4)),
    "euler_ancestral": ({}, partial(ancestral, noise=noise)),
    "euler_ancestral at eta 0.5": ({"eta": 0.5}, partial(ddim, noise=noise, eta=0.5)),
    "dpm_2_ancestral": ({}, partial(renoised, noise=noise, step=second_noise)),
    "dpmpp_2s_ancestral": ({}, partial(renoised, noise=noise, step=second_data)),
    "dpmpp_2m": ({}, dpmpp_2m),
    "dpmpp_2m_sde": ({}, partial(sde_dpmpp_2m, noise=noise)),
    "dpmpp_2m_sde at eta 0.5": ({"eta": 0.5}, partial(sde_dpmpp_2m, noise=noise, eta=0.5)),
    "dpmpp_2m_sde at eta 0, integrated exactly": (
        {"eta": 0.0, "solver_type": "heun"}, partial(multistep, form=DataPrediction(1.0), order=2),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", K_DIFFUSION)
def test_k_diffusion(name):
    settings, ours = K_DIFFUSION[name]
    target, x = mixture(), start(80.0)
    theirs = crowson(name.split(" ")[0], target.denoise, x, KARRAS, noise, **settings)
    assert difference(theirs, ours(target.denoise, x, KARRAS)) < 1e-11


AZULA = {
    "EulerSampler": ({}, euler),
    "HeunSampler": ({}, heun),
    "DDIMSampler": ({}, euler),
    "DDPMSampler": ({}, partial(ancestral, noise=noise)),
    "DDIMSampler at eta 1": ({"eta": 1.0}, partial(ddim, noise=noise, eta=1.0)),
    "zABSampler": ({"order": 3}, partial(slopes, order=3)),
    "zEABSampler": ({"order": 2}, partial(noises, order=2)),
    "xEABSampler": ({"order": 2}, partial(data, order=2)),
    "xEABSampler of order 3": ({"order": 3}, partial(data, order=3)),
}


@pytest.mark.parametrize("name", AZULA)
def test_azula(name):
    settings, ours = AZULA[name]
    target, x = mixture(), start(80.0)
    kind = getattr(azula.sample, name.split(" ")[0])
    assert difference(azula_run(kind, target.denoise, x, POSITIVE, noise, **settings),
                      ours(target.denoise, x, POSITIVE)) < 1e-10  # fmt: skip


DIFFUSERS = {
    "EDM Euler": (diffusers.EDMEulerScheduler, euler),
    "EDM DPM++(2M)": (partial(diffusers.EDMDPMSolverMultistepScheduler, lower_order_final=False), dpmpp_2m),
    "EDM DPM++(2M), lower order at the end": (
        diffusers.EDMDPMSolverMultistepScheduler, partial(dpmpp_2m, lower_order_final=True),
    ),
    "EDM DPM++(2M), integrated exactly": (
        partial(diffusers.EDMDPMSolverMultistepScheduler, solver_type="heun", lower_order_final=False),
        partial(data, order=2),
    ),
    "EDM DPM++(2M) SDE": (
        partial(diffusers.EDMDPMSolverMultistepScheduler, algorithm_type="sde-dpmsolver++", lower_order_final=False),
        partial(sde_dpmpp_2m, noise=noise),
    ),
    "Euler": (partial(diffusers.EulerDiscreteScheduler, use_karras_sigmas=True), euler),
    "Heun": (partial(diffusers.HeunDiscreteScheduler, use_karras_sigmas=True), heun),
    "KDPM2": (
        partial(diffusers.KDPM2DiscreteScheduler, use_karras_sigmas=True),
        partial(renoised, noise=noise, eta=0.0, step=second_noise),
    ),
    "KDPM2 ancestral": (
        partial(diffusers.KDPM2AncestralDiscreteScheduler, use_karras_sigmas=True),
        partial(renoised, noise=noise, step=second_noise),
    ),
    "LMS": (partial(diffusers.LMSDiscreteScheduler, use_karras_sigmas=True), partial(slopes, order=4)),
    "DPM++(2M)": (
        partial(diffusers.DPMSolverMultistepScheduler, use_karras_sigmas=True, lower_order_final=False), dpmpp_2m,
    ),
    "DEIS of order 3": (
        partial(diffusers.DEISMultistepScheduler, solver_order=3, lower_order_final=False),
        partial(noises, order=3),
    ),
    "Euler ancestral": (diffusers.EulerAncestralDiscreteScheduler, partial(ancestral, noise=noise)),
}  # fmt: skip


@pytest.mark.parametrize("name", DIFFUSERS)
def test_diffusers(name):
    """On the scheduler's own grid; a level that a two-stage method lists twice counts once."""
    make, ours = DIFFUSERS[name]
    scheduler = make()
    scheduler.set_timesteps(18)
    levels = sorted({float(sigma) for sigma in scheduler.sigmas}, reverse=True)
    target, x = mixture(), start(levels[0])
    draws = iter(range(len(levels)))
    with mock.patch(f"{type(scheduler).__module__}.randn_tensor", lambda *_, **__: noise(next(draws)), create=True):
        theirs = diffusers_run(scheduler, target.denoise, x)
    digits = 1e-4 if name.startswith("DEIS") else 1e-5  # its coefficients cancel in float32
    assert difference(theirs, ours(target.denoise, x, levels)) < digits


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_diffusers_ddim(eta):
    """Variance-preserving samples; 'leading' spacing, where the previous index is right."""
    scheduler = diffusers.DDIMScheduler(clip_sample=False)
    scheduler.set_timesteps(20)
    levels = [float(noise_levels(scheduler.alphas_cumprod[t])) for t in scheduler.timesteps]
    target, x = mixture(), start(levels[0])
    ours = ddim(target.denoise, x, [*levels, 0.0], noise, eta)
    theirs = x * scheduler.alphas_cumprod[scheduler.timesteps[0]].to(DOUBLE).sqrt()
    for step, t in enumerate(scheduler.timesteps):
        output = predict_noise(target.denoise, theirs, scheduler.alphas_cumprod[t])
        theirs = scheduler.step(output, t, theirs, eta=eta, variance_noise=noise(step) if eta else None).prev_sample
    assert difference(theirs, ours) < 1e-5


@pytest.mark.parametrize(("kind", "variance"), [("fixed_small", None), ("fixed_large", beta)])
def test_diffusers_ddpm(kind, variance):
    """Both of DDPM's variances. beta_t is exact for unit variance, which is what `beta` says in sigma-space."""
    scheduler = diffusers.DDPMScheduler(clip_sample=False, variance_type=kind, timestep_spacing="leading")
    scheduler.set_timesteps(50)
    levels = [float(noise_levels(scheduler.alphas_cumprod[t])) for t in scheduler.timesteps]
    target, x = mixture(), start(levels[0])
    given = {} if variance is None else {"variance": variance}
    ours = ancestral(target.denoise, x, [*levels, 0.0], noise, **given)
    theirs = x * scheduler.alphas_cumprod[scheduler.timesteps[0]].to(DOUBLE).sqrt()
    for step, t in enumerate(scheduler.timesteps):
        output = predict_noise(target.denoise, theirs, scheduler.alphas_cumprod[t])
        with mock.patch("diffusers.schedulers.scheduling_ddpm.randn_tensor", lambda *_, i=step, **__: noise(i)):
            theirs = scheduler.step(output, t, theirs).prev_sample
    assert difference(theirs, ours) < 1e-4


class Predictor(smalldiffusion.model.ModelMixin, torch.nn.Module):
    """smalldiffusion's network interface around an exact denoiser."""

    input_dims = (2,)

    def __init__(self, denoise):
        super().__init__()
        self.inner, self.draws = denoise, iter(range(10**6))

    def rand_input(self, batchsize):
        return noise(next(self.draws))

    def predict_eps(self, x, sigma, cond=None):
        return (x - self.inner(x, float(sigma))) / float(sigma)


def smalldiffusion_run(denoise, x, sigmas, **given):
    levels = torch.tensor(sigmas, dtype=DOUBLE)
    accelerator = mock.Mock(device="cpu")
    *_, last = smalldiffusion.diffusion.samples(Predictor(denoise), levels, xt=x, accelerator=accelerator, **given)
    return last


def test_smalldiffusion():
    """Its two numbers: gam = 1, mu = 0 is DDIM; mu = 1/2 is DDPM; gam = 3/2 on equal steps is Adams-Bashforth 2."""
    target, x = mixture(), start(80.0)
    assert difference(smalldiffusion_run(target.denoise, x, KARRAS), euler(target.denoise, x, KARRAS)) < 1e-11
    theirs = smalldiffusion_run(target.denoise, x, POSITIVE, mu=0.5)
    assert difference(theirs, ancestral(target.denoise, x, POSITIVE, noise)) < 1e-11
    equal = [4.0 - 0.2 * k for k in range(19)]
    x = start(equal[0])
    theirs = smalldiffusion_run(target.denoise, x, equal, gam=1.5)
    assert difference(theirs, slopes(target.denoise, x, equal, order=2)) < 1e-11


def test_the_splits_differ_between_peers_only_by_name():
    """k-diffusion's ancestral split of the noise at eta = 1 is the DDPM posterior: down = t'^2/t."""
    import k_diffusion.sampling

    down, up = k_diffusion.sampling.get_ancestral_step(torch.tensor(2.0), torch.tensor(1.2), 1.0)
    assert math.isclose(float(down), 1.2**2 / 2, rel_tol=1e-6)
    assert math.isclose(float(up), math.sqrt(1.2**2 - (1.2**2 / 2) ** 2), rel_tol=1e-6)
