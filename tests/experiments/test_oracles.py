"""Oracles against each other: Tweedie's formula, limits, extremes, both dtypes."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from verify.experiments.latents import Latents
from verify.experiments.oracles import DataSet, Gaussian, Mixture

DOUBLE = torch.float64
levels = st.floats(0.05, 20.0)
seeds = st.integers(0, 2**32)


def make_targets(seed, dtype=DOUBLE):
    """A Gaussian, a diagonal mixture, a full mixture and a data set in three dimensions."""
    latents = Latents(seed, dtype=dtype)
    means, raw = latents.normal("means", 4, 3), latents.normal("factors", 12, 3).reshape(4, 3, 3)
    weights = latents.uniform("weights", 4).to(dtype) + 0.1
    variances = latents.normal("variances", 4, 3).square() + 0.05
    covariances = raw @ raw.mT + 0.05 * torch.eye(3, dtype=dtype)
    return {
        "gaussian": Gaussian(means[0], variances[0]),
        "mixture": Mixture(weights, means, variances),
        "full": Mixture.with_covariances(weights, means, covariances),
        "data": DataSet(latents.normal("points", 11, 3), chunk=4),
    }


@settings(deadline=None, max_examples=30)
@given(seed=seeds, sigma=levels)
def test_score_is_the_gradient_and_denoiser_is_tweedie(seed, sigma):
    x = (1 + sigma) * Latents(seed).normal("x", 6, 3)
    for target in make_targets(seed).values():
        moving = x.clone().requires_grad_(True)
        gradient = torch.autograd.grad(target.log_density(moving, sigma).sum(), moving)[0]
        scale = gradient.abs().max() + 1
        assert torch.allclose(target.score(x, sigma), gradient, rtol=1e-8, atol=float(1e-9 * scale))
        tweedie = x + sigma**2 * gradient
        assert torch.allclose(target.denoise(x, sigma), tweedie, rtol=1e-8, atol=1e-9 * (1 + sigma**2))


@settings(deadline=None, max_examples=30)
@given(seed=seeds, sigma=levels)
def test_sigma_may_be_a_number_or_one_per_row(seed, sigma):
    x = Latents(seed).normal("x", 5, 3)
    rows = torch.full((5,), sigma, dtype=DOUBLE)
    for target in make_targets(seed).values():
        for method in ("denoise", "score", "log_density"):
            found = getattr(target, method)(x, rows)
            assert torch.allclose(found, getattr(target, method)(x, sigma), rtol=1e-10, atol=1e-10)


@settings(deadline=None, max_examples=30)
@given(seed=seeds, sigma=levels)
def test_a_mixture_of_one_is_the_gaussian(seed, sigma):
    target = make_targets(seed)["gaussian"]
    one = Mixture(torch.ones(1, dtype=DOUBLE), target.mean[None], target.variance[None])
    x = Latents(seed).normal("x", 5, 3)
    for method in ("denoise", "score", "log_density"):
        assert torch.allclose(getattr(one, method)(x, sigma), getattr(target, method)(x, sigma), rtol=1e-9, atol=1e-10)


@settings(deadline=None, max_examples=30)
@given(seed=seeds, sigma=levels, chunk=st.integers(1, 12))
def test_a_data_set_is_a_mixture_of_atoms(seed, sigma, chunk):
    points, x = Latents(seed).normal("points", 11, 3), (1 + sigma) * Latents(seed).normal("x", 5, 3)
    atoms = Mixture(torch.ones(11, dtype=DOUBLE), points, torch.zeros(11, 3, dtype=DOUBLE))
    data = DataSet(points, chunk)
    assert torch.allclose(data.denoise(x, sigma), atoms.denoise(x, sigma), rtol=1e-7, atol=1e-8)
    assert torch.allclose(data.log_density(x, sigma), atoms.log_density(x, sigma), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_nothing_overflows_far_away(dtype):
    x = torch.full((2, 3), 1e4, dtype=dtype)
    for target in make_targets(1, dtype).values():
        for sigma in (0.002, 0.5, 80.0):
            for method in ("denoise", "score", "log_density"):
                assert bool(getattr(target, method)(x, sigma).isfinite().all()), method


def test_limits_of_the_ideal_denoiser():
    points = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]], dtype=DOUBLE)
    data, x = DataSet(points), torch.tensor([[0.4, 0.3], [0.1, 1.4]], dtype=DOUBLE)
    assert torch.allclose(data.denoise(x, 0.01), points[[0, 2]])
    assert torch.allclose(data.denoise(x, 1e6), points.mean(0).expand(2, 2), atol=1e-6)


@settings(deadline=None, max_examples=20)
@given(seed=seeds, cut=st.integers(0, 8))
def test_samples_do_not_depend_on_the_batch(seed, cut):
    for target in make_targets(seed).values():
        draw = target.sample
        whole = draw(Latents(seed), "s", 8)
        parts = [draw(Latents(seed), "s", cut), draw(Latents(seed), "s", 8 - cut, start=cut)]
        assert torch.allclose(whole, torch.cat(parts), rtol=1e-14, atol=0)


@pytest.mark.parametrize("name", ["gaussian", "mixture", "full", "data"])
def test_samples_have_the_moments_of_the_denoiser_at_great_noise(name):
    """As sigma grows, D(0) tends to the mean: one number that sampling and denoising must share."""
    target = make_targets(5)[name]
    drawn = target.sample(Latents(9), "s", 40_000)
    wanted = target.denoise(torch.zeros(1, 3, dtype=DOUBLE), 1e5)[0]
    assert bool(((drawn.mean(0) - wanted).abs() < 6.2 * drawn.std(0) / math.sqrt(40_000)).all())


def test_cdf_and_characteristic_function_of_a_mixture():
    target = Mixture(*(torch.tensor(v, dtype=DOUBLE) for v in ([0.3, 0.7], [[-1.0], [0.8]], [[0.04], [0.1]])))
    x = torch.linspace(-40, 40, 200_001, dtype=DOUBLE)[:, None]
    density = target.log_density(x, 0.7).exp()
    width = float(x[1] - x[0])
    assert torch.allclose(target.cdf(x, 0.7)[:, 0], density.cumsum(0) * width, atol=1e-3)
    w = torch.tensor([[0.4], [1.3]], dtype=DOUBLE)
    integral = (torch.exp(1j * (w @ x.T)) * density).sum(1) * width
    assert torch.allclose(target.characteristic(w, 0.7), integral, atol=1e-9)
    with pytest.raises(ValueError, match="dimension 1"):
        make_targets(1)["mixture"].cdf(torch.zeros(1, 3, dtype=DOUBLE), 1.0)
