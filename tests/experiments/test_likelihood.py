"""Likelihoods by the probability-flow ODE against exact densities, with every kind of divergence."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from verify.experiments.latents import Latents
from verify.experiments.likelihood import (
    bits_per_dimension,
    closed_trace,
    exact_trace,
    gaussian_probes,
    hutchinson,
    log_likelihood,
    normal_prior,
    rademacher_probes,
)
from verify.experiments.oracles import Gaussian, Mixture


def tensor(values):
    return torch.tensor(values, dtype=torch.float64)


def levels(n, low=0.1, high=20.0):
    return [low * (high / low) ** (i / n) for i in range(n + 1)]


MIXTURE = Mixture.with_covariances(
    tensor([0.3, 0.7]),
    tensor([[-1.0, 0.2], [0.8, -0.4]]),
    tensor([[[0.3, 0.2], [0.2, 0.25]], [[0.2, -0.1], [-0.1, 0.4]]]),
)


def run(target, x, n, trace=exact_trace):
    grid = levels(n)
    return log_likelihood(target.denoise, x, grid, lambda y: target.log_density(y, grid[-1]), trace)


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 2**32))
def test_a_gaussian_s_density_is_its_own(seed):
    latents = Latents(seed)
    target = Gaussian(latents.normal("mean", 1, 3)[0], latents.normal("variance", 1, 3)[0].square() + 0.05)
    x = latents.normal("x", 5, 3)

    def trace(x, sigma):
        return (target.variance / (target.variance + sigma**2)).sum().expand(len(x))

    found, latent = run(target, x, 100, closed_trace(trace))
    assert torch.allclose(found, target.log_density(x, 0.1), rtol=1e-6, atol=1e-5)
    assert torch.allclose(found, run(target, x, 100)[0], rtol=1e-12, atol=1e-12)
    scale = ((target.variance + 20.0**2) / (target.variance + 0.1**2)).sqrt()
    assert torch.allclose(latent, target.mean + scale * (x - target.mean), rtol=1e-6, atol=1e-5)


def test_a_mixture_s_density_is_reached_with_order_four():
    x = MIXTURE.sample(Latents(3), "x", 16)
    truth = MIXTURE.log_density(x, 0.1)
    errors = [float((run(MIXTURE, x, n)[0] - truth).abs().max()) for n in (40, 80, 160)]
    assert errors[-1] < 1e-5
    assert all(math.log2(a / b) == pytest.approx(4, abs=0.4) for a, b in itertools.pairwise(errors))


def wrong_sign(denoise, x, sigma):
    denoised, trace = exact_trace(denoise, x, sigma)
    return denoised, 2 * x[0].numel() - trace  # d - tr becomes tr - d


def reverse_sde_drift(denoise, x, sigma):
    """The drift of the reverse SDE has twice the divergence."""
    denoised, trace = exact_trace(denoise, x, sigma)
    return denoised, 2 * trace - x[0].numel()


def mean_over_dimensions(denoise, x, sigma):
    denoised, trace = exact_trace(denoise, x, sigma)
    return denoised, trace / x[0].numel()


@pytest.mark.parametrize("trace", [wrong_sign, reverse_sde_drift, mean_over_dimensions])
def test_wrong_divergences_miss_the_density(trace):
    x = MIXTURE.sample(Latents(3), "x", 16)
    assert float((run(MIXTURE, x, 40, trace)[0] - MIXTURE.log_density(x, 0.1)).abs().min()) > 0.1


def test_one_sign_is_exact_in_one_dimension_and_all_signs_in_any():
    one = Mixture(tensor([0.3, 0.7]), tensor([[-1.0], [0.8]]), tensor([[0.04], [0.1]]))
    x = one.sample(Latents(1), "x", 8)
    probes = rademacher_probes(Latents(2), "probe", 1, x)
    assert set(probes[0].flatten().tolist()) == {-1.0, 1.0}
    assert torch.allclose(run(one, x, 30, hutchinson(probes))[0], run(one, x, 30)[0], rtol=1e-12, atol=1e-12)
    x = MIXTURE.sample(Latents(1), "x", 8)
    signs = [tensor(pair).expand_as(x) for pair in itertools.product([-1.0, 1.0], repeat=2)]
    assert torch.allclose(run(MIXTURE, x, 30, hutchinson(signs))[0], run(MIXTURE, x, 30)[0], rtol=1e-12, atol=1e-12)


ROWS = 40_000
JACOBIAN = tensor([[0.9, 0.4, -0.2], [0.4, 0.5, 0.3], [-0.2, 0.3, 0.7]])


def linear(x, sigma):
    return x @ JACOBIAN


def reach(variance):
    """What a mean of ROWS numbers of that variance leaves with probability 1e-9 (normal law)."""
    return 6.2 * math.sqrt(variance / ROWS)


@pytest.mark.parametrize("kind", ["rademacher", "gaussian"])
def test_mean_and_variance_of_hutchinson_s_estimate(kind):
    x = torch.zeros(ROWS, 3, dtype=torch.float64)
    make = rademacher_probes if kind == "rademacher" else gaussian_probes
    found = hutchinson(make(Latents(5), "probe", 1, x))(linear, x, 1.0)[1]
    whole, diagonal = float(JACOBIAN.square().sum()), float(JACOBIAN.diagonal().square().sum())
    variance = 2 * (whole - diagonal if kind == "rademacher" else whole)
    assert abs(float(found.mean() - JACOBIAN.trace())) < reach(variance)
    fourth = float((found - found.mean()).pow(4).mean())
    assert abs(float(found.var()) - variance) < reach(fourth - variance**2)


def test_uniform_probes_see_a_third_of_the_trace():
    x = torch.zeros(ROWS, 3, dtype=torch.float64)
    probe = 2 * Latents(5).uniform("probe", 3 * ROWS).reshape(ROWS, 3) - 1
    found = float(hutchinson([probe])(linear, x, 1.0)[1].mean())
    trace = float(JACOBIAN.trace())
    assert abs(found - trace / 3) < 0.05
    assert abs(found - trace) > 1


def test_probes_do_not_depend_on_the_batch():
    like = torch.zeros(8, 2, 3, dtype=torch.float32)
    probes = rademacher_probes(Latents(5), "probe", 2, like)
    assert [(p.shape, p.dtype) for p in probes] == [(like.shape, like.dtype)] * 2
    assert torch.equal(probes[1][:3], rademacher_probes(Latents(5), "probe", 2, like[:3])[1])


def test_a_model_s_prior_shifts_the_answer_by_its_mean():
    """About -mean.x_T / sigma_max^2 (rev.likelihood-prior-bias)."""
    target = Gaussian(tensor([3.0, -2.0]), tensor([0.2, 0.3]))
    x, grid = target.sample(Latents(2), "x", 6), levels(120, 0.1, 80.0)
    exact, latent = log_likelihood(target.denoise, x, grid, lambda y: target.log_density(y, 80.0))
    shifted, _ = log_likelihood(target.denoise, x, grid, normal_prior(80.0))
    predicted = -(latent @ target.mean) / 80.0**2 + target.mean.square().sum() / (2 * 80.0**2)
    assert torch.allclose(shifted - exact, predicted, atol=5e-4)
    assert float(predicted.abs().max()) > 5e-3
    assert not torch.allclose(shifted - exact, -predicted, atol=5e-4)


def test_images_keep_their_shape_and_no_graph_is_left():
    x = Latents(1).normal("x", 4, 6).reshape(4, 2, 3).requires_grad_(False)
    found, latent = log_likelihood(lambda x, sigma: x / (1 + sigma**2), x, levels(10), normal_prior(20.0))
    assert (found.shape, latent.shape) == ((4,), (4, 2, 3))
    assert not found.requires_grad and not latent.requires_grad


def test_bits_per_dimension_add_seven():
    """-log_2 of 128^-d exp(l), over d."""
    density, d = tensor([-3.0, 2.5]), 5
    by_hand = -(density - d * math.log(128)) / math.log(2) / d
    assert torch.allclose(bits_per_dimension(density, d), by_hand)
    assert torch.allclose(bits_per_dimension(density, d) + density / (d * math.log(2)), tensor([7.0, 7.0]))


@pytest.mark.parametrize("bad", [[1.0, 0.1], [0.0, 1.0], [1.0]])
def test_levels_must_rise_from_above_zero(bad):
    with pytest.raises(ValueError, match="level"):
        log_likelihood(MIXTURE.denoise, torch.zeros(1, 2, dtype=torch.float64), bad, normal_prior(1.0))
