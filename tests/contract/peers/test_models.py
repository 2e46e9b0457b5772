"""Denoisers, preconditioning, conversions, couplings, guidance and likelihood: ours against the peers'."""

from __future__ import annotations

import math
from types import SimpleNamespace

import azula.denoise
import azula.linalg.covariance
import diffusers
import flow_matching.path
import k_diffusion.external
import k_diffusion.layers
import k_diffusion.sampling
import numpy as np
import pytest
import scipy.optimize
import smalldiffusion
import torch
import torchcfm.conditional_flow_matching as cfm
import torchcfm.optimal_transport
from flow_matching.path.scheduler import CondOTScheduler, CosineScheduler, ScheduleTransformedModel, VPScheduler
from flow_matching.utils import ModelWrapper

from tests.contract.peers.adapters import Grid
from tests.contract.peers.targets import DIMENSIONS, DOUBLE, LATENTS, ROWS, difference, mixture, start
from verify.experiments import paths, preconditioning
from verify.experiments.oracles import DataSet, Gaussian
from verify.experiments.samplers.consistency import boundary
from verify.experiments.samplers.guidance import classifier_free, scale_of

LEVELS = [0.002, 0.05, 0.5, 2.0, 80.0]


@pytest.mark.parametrize("sigma", LEVELS)
def test_edm_preconditioning(sigma):
    ours, level = preconditioning.edm(0.5), torch.tensor(sigma, dtype=DOUBLE)
    wanted = [ours.c_skip(sigma), ours.c_out(sigma), ours.c_in(sigma)]
    theirs = k_diffusion.layers.Denoiser(None, sigma_data=0.5).get_scalings(level)
    assert torch.allclose(torch.stack(theirs), torch.tensor(wanted, dtype=DOUBLE), rtol=1e-12)
    scheduler, x, f = diffusers.EDMEulerScheduler(sigma_data=0.5), start(sigma), start(1.0)
    assert difference(scheduler.precondition_outputs(x, f, level), wanted[0] * x + wanted[1] * f) < 1e-12
    assert difference(scheduler.precondition_inputs(x, level), wanted[2] * x) < 1e-9
    assert math.isclose(float(scheduler.precondition_noise(level)), ours.c_noise(sigma), rel_tol=1e-12)


@pytest.mark.parametrize("sigma", LEVELS)
def test_velocity_preconditioning_is_edm_at_unit_data(sigma):
    """k-diffusion's VDenoiser: EDM's coefficients at sigma_data = 1 with F = -v, and t = 2/pi arctan sigma."""
    level = torch.tensor(sigma, dtype=DOUBLE)
    denoiser, ours = k_diffusion.external.VDenoiser(None), preconditioning.edm(1.0)
    wanted = torch.tensor([ours.c_skip(sigma), -ours.c_out(sigma), ours.c_in(sigma)], dtype=DOUBLE)
    assert torch.allclose(torch.stack(denoiser.get_scalings(level)), wanted, rtol=1e-12)
    cosine = paths.cosine()
    assert math.isclose(float(denoiser.sigma_to_t(level)), cosine.time_of(sigma), rel_tol=1e-12)


@pytest.mark.parametrize("sigma", LEVELS)
def test_ideal_denoiser(sigma):
    """smalldiffusion's in float64: eps = (x - D)/sigma of the same finite set."""
    points = LATENTS.normal("points", 50, DIMENSIONS)
    x = points[:ROWS] + sigma * LATENTS.normal("x", ROWS, DIMENSIONS)
    theirs = smalldiffusion.IdealDenoiser(list(points))
    noise = theirs(x, torch.tensor(sigma, dtype=DOUBLE))
    assert difference(x - sigma * noise, DataSet(points).denoise(x, sigma)) < 1e-9 * max(1.0, sigma)


@pytest.mark.parametrize("sigma", LEVELS)
def test_gaussian_denoiser(sigma):
    mean, variance = torch.tensor([0.3, -1.0], dtype=DOUBLE), torch.tensor([0.25, 2.0], dtype=DOUBLE)
    covariance = azula.linalg.covariance.DiagonalCovariance(variance)
    theirs = azula.denoise.GaussianDenoiser(mean, covariance, Grid([sigma]))
    x = start(1 + sigma)
    found = theirs(x, torch.zeros((), dtype=DOUBLE)).mean
    assert difference(found, Gaussian(mean, variance).denoise(x, sigma)) < 1e-11 * (1 + sigma)


CONVERSIONS = {
    "target_to_velocity": ("denoise", "velocity"),
    "epsilon_to_velocity": ("epsilon", "velocity"),
    "velocity_to_target": ("velocity", "denoise"),
    "epsilon_to_target": ("epsilon", "denoise"),
    "velocity_to_epsilon": ("velocity", "epsilon"),
    "target_to_epsilon": ("denoise", "epsilon"),
}


@pytest.mark.parametrize("name", CONVERSIONS)
@pytest.mark.parametrize(
    ("scheduler", "path"),
    [(CondOTScheduler, paths.flow_matching(data_at=1)), (VPScheduler, paths.flipped(paths.vp_linear()))],
)
def test_conversions(name, scheduler, path):
    """All six of flow_matching's, on the exact predictions of a mixture."""
    source, wanted = CONVERSIONS[name]
    target, x, t = mixture(), start(1.5), torch.linspace(0.1, 0.9, ROWS, dtype=DOUBLE)[:, None]
    theirs = getattr(flow_matching.path.AffineProbPath(scheduler()), name)
    given, found = (getattr(path, kind)(target, x, t[:, 0]) for kind in (source, wanted))
    assert difference(theirs(given, x, t), found) < 1e-9


class Velocity(ModelWrapper):
    """Exact velocity of a mixture on a path, as flow_matching wants it."""

    def __init__(self, path):
        super().__init__(None)
        self.path = path

    def forward(self, x, t, **_):
        return self.path.velocity(mixture(), x, t.expand(len(x)))


@pytest.mark.parametrize("r", [0.1, 0.37, 0.9])
def test_grafting(r):
    """A model of one path moved to another is the other path's own velocity."""
    line, cosine = paths.flow_matching(data_at=1), paths.flipped(paths.cosine())
    grafted = ScheduleTransformedModel(Velocity(line), CondOTScheduler(), CosineScheduler())
    x, time = start(1.0), torch.tensor(r, dtype=DOUBLE)
    assert difference(grafted(x, time), cosine.velocity(mixture(), x, time.expand(ROWS))) < 1e-11


CFM_PATHS = {
    "TargetConditionalFlowMatcher": paths.flow_matching(data_at=1, sigma_min=0.1),
    "VariancePreservingConditionalFlowMatcher": paths.flipped(paths.cosine()),
}


@pytest.mark.parametrize("name", CFM_PATHS)
def test_conditional_flows(name):
    """x_t = alpha x_1 + sigma x_0 and u_t = alpha' x_1 + sigma' x_0; Lipman's path has sigma_min."""
    path = CFM_PATHS[name]
    matcher = getattr(cfm, name)(sigma=0.1 if name.startswith("Target") else 0.0)
    noise, data = start(1.0), mixture().sample(LATENTS, "data", ROWS)
    t = torch.linspace(0.1, 0.9, ROWS, dtype=DOUBLE)
    column = t[:, None]
    x = path.alpha(column) * data + path.sigma(column) * noise
    # Lipman's mean is t x_1 and its noise is drawn apart; the other's mean already holds x_0.
    drawn = noise if name.startswith("Target") else torch.zeros_like(x)
    assert difference(matcher.sample_xt(noise, data, t, drawn), x) < 1e-12
    flow = path.alpha_dot(column) * data + path.sigma_dot(column) * noise
    assert difference(matcher.compute_conditional_flow(noise, data, t, x), flow) < 1e-12


def test_optimal_transport_coupling(monkeypatch):
    """torchcfm asks for the plan of squared distances and uniform weights: for equal batches, the best assignment."""

    def plan(a, b, cost, **_):
        rows, columns = scipy.optimize.linear_sum_assignment(cost)
        matrix = np.zeros_like(cost)
        matrix[rows, columns] = a
        return matrix

    solver = SimpleNamespace(emd=plan, unif=lambda n: np.full(n, 1 / n))
    monkeypatch.setattr(torchcfm.optimal_transport, "pot", solver)
    sampler = torchcfm.optimal_transport.OTPlanSampler("exact")
    noise, data = start(1.0), mixture().sample(LATENTS, "data", ROWS)
    matrix = sampler.get_map(noise, data)
    assert np.allclose(matrix.sum(0), 1 / ROWS)
    assert np.allclose(matrix.sum(1), 1 / ROWS)
    # In one dimension the best assignment of squared distances is the monotone one.
    line = sampler.get_map(noise[:, :1], data[:, :1])
    order = [int(line[i].argmax()) for i in np.argsort(noise[:, 0].numpy())]
    assert order == np.argsort(data[:, 0].numpy()).tolist()


def test_guidance_scales():
    """smalldiffusion's cfg_scale is w: w = s - 1."""
    conditional, unconditional, w = start(1.0), 2 * start(1.0) + 1, 1.5

    class Model(smalldiffusion.ModelMixin):
        cond_embed = SimpleNamespace(null_cond=0)

        def predict_eps(self, x, sigma, cond=None):
            return torch.cat([conditional, unconditional])

    theirs = Model().predict_eps_cfg(conditional, torch.tensor(1.0), torch.ones(ROWS, dtype=torch.long), w)
    ours = classifier_free(lambda x, sigma: conditional, lambda x, sigma: unconditional, scale_of(w))
    assert difference(theirs, ours(conditional, 1.0)) < 1e-12


def test_consistency_boundary():
    """diffusers' LCM scalings are those at epsilon = 0 of the scaled time; ours carry epsilon (Song et al. 2023)."""
    scheduler = diffusers.LCMScheduler()
    scheduler.sigma_data = 0.5
    scaling = boundary(0.5, 0.0)
    for timestep in (0.0, 0.1, 3.0):
        sigma = timestep * scheduler.config.timestep_scaling
        theirs = scheduler.get_scalings_for_boundary_condition_discrete(torch.tensor(timestep, dtype=DOUBLE))
        skip, out = (float(c) for c in theirs)
        mine = scaling(sigma) if sigma else (1.0, 0.0)
        assert math.isclose(skip, mine[0], rel_tol=1e-12)
        # Theirs divides by sqrt(sigma^2 + sigma_data^2) alone, without the factor sigma_data of c_out.
        assert math.isclose(out, mine[1] / 0.5, rel_tol=1e-12, abs_tol=1e-15)


def test_likelihood_differs_by_the_prior():
    """k-diffusion takes the prior N(0, s_T^2) for the marginal p(x_T; s_T): its value is off by ln prior - ln p."""
    target = Gaussian(torch.tensor([0.8, -0.4], dtype=DOUBLE), torch.tensor([0.3, 1.5], dtype=DOUBLE))
    low, high = 0.01, 10.0
    x = target.sample(LATENTS, "likelihood", 4)
    value, _ = k_diffusion.sampling.log_likelihood(
        lambda y, sigma: target.denoise(y, sigma[0]), x, low, high, atol=1e-9, rtol=1e-9
    )
    growth = ((target.variance + high**2) / (target.variance + low**2)).sqrt()
    end = target.mean + growth * (x - target.mean)
    prior = torch.distributions.Normal(0.0, high).log_prob(end).sum(-1)
    bias = prior - target.log_density(end, high)
    assert difference(value, target.log_density(x, low) + bias) < 1e-6
    assert float(bias.abs().min()) > 1e-4
