"""Samplers, schedules and preconditioning as the equations say."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from verify.experiments import preconditioning, schedules
from verify.experiments.latents import Latents
from verify.experiments.oracles import DataSet, Gaussian
from verify.experiments.samplers import Counted, churn, euler, heun, inflate

DOUBLE = torch.float64
levels = st.floats(0.05, 20.0)


def data(seed):
    return DataSet(Latents(seed).normal("points", 7, 2))


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32), sigma=levels, sampler=st.sampled_from([euler, heun]))
def test_one_step_to_zero_lands_on_the_denoiser(seed, sigma, sampler):
    target, x = data(seed), Latents(seed).normal("x", 4, 2)
    assert torch.equal(sampler(target.denoise, x, [sigma, 0.0]), target.denoise(x, sigma))


@settings(deadline=None, max_examples=30)
@given(n=st.integers(2, 30), seed=st.integers(0, 2**32))
def test_evaluations(n, seed):
    sigmas, x = schedules.karras_steps(n), 80 * Latents(seed).normal("x", 2, 2)
    for run, calls in (
        (lambda d: euler(d, x, sigmas), n),
        (lambda d: heun(d, x, sigmas), 2 * n - 1),
        (lambda d: churn(d, x, sigmas, lambda i: torch.ones_like(x), 40.0, 0.05, 50.0), 2 * n - 1),
    ):
        counted = Counted(data(seed).denoise)
        assert bool(run(counted).isfinite().all())
        assert counted.calls == calls


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32), sigma=levels, ratio=st.floats(0.05, 0.95))
def test_heun_is_the_algorithm_as_printed(seed, sigma, ratio):
    target, x, after = data(seed), Latents(seed).normal("x", 4, 2), sigma * ratio
    d = (x - target.denoise(x, sigma)) / sigma
    y = x + (after - sigma) * d
    printed = x + (after - sigma) * (d + (y - target.denoise(y, after)) / after) / 2
    assert torch.allclose(heun(target.denoise, x, [sigma, after]), printed, rtol=1e-9, atol=1e-9)


def test_churn_without_churn_is_heun_and_noise_is_inflation():
    target, x, sigmas = data(1), 80 * Latents(1).normal("x", 4, 2), schedules.karras_steps(12)
    assert torch.equal(churn(target.denoise, x, sigmas, lambda i: x, 0.0), heun(target.denoise, x, sigmas))
    assert torch.allclose(inflate(torch.zeros(3), 3.0, 5.0, torch.ones(3), 0.5), torch.full((3,), 2.0))


@settings(deadline=None, max_examples=40)
@given(n=st.integers(2, 200), rho=st.floats(1.0, 20.0))
def test_karras_steps_fall_from_end_to_end(n, rho):
    sigmas = schedules.karras_steps(n, rho=rho)
    assert len(sigmas) == n + 1
    assert sigmas[-1] == 0
    assert math.isclose(sigmas[0], 80, rel_tol=1e-9)
    assert math.isclose(sigmas[-2], 0.002, rel_tol=1e-6)
    assert all(a > b for a, b in itertools.pairwise(sigmas))


def test_karras_steps_need_two_levels():
    with pytest.raises(ValueError, match="N >= 2"):
        schedules.karras_steps(1)


@pytest.mark.parametrize("schedule", [schedules.vp(), schedules.ve(), schedules.edm()])
def test_derivatives(schedule):
    t = torch.linspace(0.01, 1, 50, dtype=DOUBLE, requires_grad=True)
    for function, dot in ((schedule.sigma, schedule.sigma_dot), (schedule.s, schedule.s_dot)):
        value = function(t)
        found = torch.autograd.grad(value.sum(), t)[0] if value.requires_grad else torch.zeros_like(t)
        assert torch.allclose(found, dot(t), rtol=1e-10, atol=1e-12)


@settings(deadline=None, max_examples=40)
@given(sigma=levels, seed=st.integers(0, 2**32))
def test_a_network_that_returns_its_target_has_no_loss(sigma, seed):
    y, noise = Latents(seed).normal("y", 3, 2), Latents(seed).normal("n", 3, 2)
    x = y + sigma * noise
    rows = [preconditioning.edm(0.5), preconditioning.vp(), preconditioning.ve()]
    for row in [*rows, preconditioning.iddpm(schedules.iddpm_sigmas())]:
        seen = []

        def network(scaled, c_noise, row=row, seen=seen):
            seen.append((scaled, c_noise))
            return row.target(y, x, sigma)

        loss = row.loss(network, y, noise, sigma)
        assert loss.shape == (3,)
        assert bool((loss < 1e-20 * (1 + 1 / sigma**2) * (1 + sigma**2)).all())
        assert torch.allclose(seen[0][0], row.c_in(sigma) * x)
        assert math.isfinite(seen[0][1])


def test_noise_labels_of_the_rows():
    """c_noise: EDM's ln(sigma)/4, VE's ln(sigma/2), VP's time times M - 1, iDDPM's nearest level but never u_M = 0."""
    u = schedules.iddpm_sigmas()
    iddpm = preconditioning.iddpm(u)
    assert preconditioning.edm().c_noise(math.e**4) == pytest.approx(1)
    assert preconditioning.ve().c_noise(2 * math.e) == pytest.approx(1)
    assert preconditioning.vp().c_noise(schedules.vp_sigma(0.37)) == pytest.approx(0.37 * 999)
    assert [iddpm.c_noise(u[0]), iddpm.c_noise(u[999]), iddpm.c_noise(0.002)] == [999, 0, 0]


def test_gaussian_flow_of_many_heun_steps():
    s, zero = 0.5, torch.zeros(1, dtype=DOUBLE)
    x = torch.tensor([[3.0]], dtype=DOUBLE)
    out = heun(Gaussian(zero, zero + s**2).denoise, x, schedules.power_grid(2000, 0.1, 5.0, 7.0))
    assert float(out) == pytest.approx(3 * math.hypot(s, 0.1) / math.hypot(s, 5.0), rel=1e-5)
