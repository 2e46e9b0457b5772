"""The law of a sampler's output on Gaussian data: exact, whatever the sampler draws and in whichever order."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from verify.experiments.affine import law
from verify.experiments.experiment import Setting
from verify.experiments.grids import karras
from verify.experiments.oracles import Gaussian
from verify.experiments.samplers import ancestral, ddim, reverse_variance

SETTING = Setting()


def gaussian(mean, deviation):
    return Gaussian(*(torch.tensor([v], dtype=torch.float64) for v in (mean, deviation**2)))


@settings(max_examples=30, deadline=None)
@given(st.floats(-2, 2), st.floats(0.1, 2), st.floats(0, 1), st.integers(2, 12))
def test_response_and_sample_agree_on_every_draw(mean, deviation, eta, steps):
    """m + a x + sum b_i z_i with the coefficients found is what the sampler returns for x and z."""
    sigmas = karras(steps, 0.05, 5.0)
    denoise = gaussian(mean, deviation).denoise

    def run(denoise, x, noise):
        return ddim(denoise, x, sigmas, noise, eta)

    found = law(run, denoise, sigmas[0], steps, SETTING)
    latents = [SETTING.latents.normal(f"affine.{i}", 50, 1) for i in range(steps + 1)]
    out = run(denoise, sigmas[0] * latents[0], latents[1:].__getitem__)
    expected = found.mean + sum(c * z for c, z in zip(found.coefficients, latents, strict=True))
    assert torch.allclose(out, expected, atol=1e-12)


@pytest.mark.parametrize("deviation", [0.3, 1.0, 2.0])
def test_the_exact_variance_gives_the_exact_law_until_the_last_step(deviation):
    """ddpm.t-convergence: started from its own level a chain with the exact variance keeps every level's variance."""
    sigmas = karras(6, 0.1, 5.0, to_zero=False)

    def run(denoise, x, noise):
        return ancestral(denoise, x, sigmas, noise, reverse_variance(deviation**2))

    found = law(run, gaussian(0.7, deviation).denoise, math.hypot(deviation, sigmas[0]), 5, SETTING)
    assert found.variance == pytest.approx(deviation**2 + sigmas[-1] ** 2, rel=1e-12)


def test_nothing_drawn_is_nothing_added():
    found = law(lambda denoise, x, noise: denoise(x, 1.0), gaussian(1.0, 1.0).denoise, 2.0, 3, SETTING)
    assert found.mean == pytest.approx(0.5)
    assert found.coefficients == pytest.approx((1.0, 0.0, 0.0, 0.0))
