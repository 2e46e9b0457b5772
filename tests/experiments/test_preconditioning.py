"""Preconditioning as the rows of EDM's table say."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from verify.experiments import grids, paths, preconditioning
from verify.experiments.latents import Latents

levels = st.floats(0.05, 20.0)


@settings(deadline=None, max_examples=40)
@given(sigma=levels, seed=st.integers(0, 2**32))
def test_a_network_that_returns_its_target_has_no_loss(sigma, seed):
    y, noise = Latents(seed).normal("y", 3, 2), Latents(seed).normal("n", 3, 2)
    x = y + sigma * noise
    rows = [preconditioning.edm(0.5), preconditioning.vp(), preconditioning.ve()]
    for row in [*rows, preconditioning.iddpm(grids.iddpm_table())]:
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
    u = grids.iddpm_table()
    iddpm = preconditioning.iddpm(u)
    assert preconditioning.edm().c_noise(math.e**4) == pytest.approx(1)
    assert preconditioning.ve().c_noise(2 * math.e) == pytest.approx(1)
    assert preconditioning.vp().c_noise(paths.vp_linear().noise_level(0.37)) == pytest.approx(0.37 * 999)
    assert [iddpm.c_noise(u[0]), iddpm.c_noise(u[999]), iddpm.c_noise(0.002)] == [999, 0, 0]
