"""The examination of a denoiser names the first fault: which method, which noise level, which element."""

import pytest
import torch

from tests.experiments.test_oracles import NAMES, make_targets
from verify.experiments.latents import Latents
from verify.experiments.oracles import Fault, Gaussian, Mixture, examine


@pytest.mark.parametrize("name", NAMES)
def test_every_oracle_passes(name):
    examine(make_targets(3)[name])


@pytest.mark.parametrize("name", [name for name in NAMES if name != "data"])
def test_every_oracle_passes_in_float32(name):
    examine(make_targets(3, torch.float32)[name], dtype=torch.float32)


def test_a_good_bare_denoiser_passes_and_needs_its_dimension():
    good = Gaussian(torch.zeros(2, dtype=torch.float64), torch.ones(2, dtype=torch.float64)).denoise
    examine(good, dimensions=2)
    with pytest.raises(ValueError, match="number of dimensions"):
        examine(good)


def poisoned(x, sigma):
    out = x / (1 + sigma**2)
    if sigma < 0.01:
        out[5, 1] = float("nan")
    return out


def in_place(x, sigma):
    return x.div_(1 + sigma**2)


@pytest.mark.parametrize(
    ("denoise", "message"),
    [
        (poisoned, r"the denoiser at sigma = 0.002 gives nan in row 5, coordinate 1, where x = \("),
        (in_place, r"at sigma = 80 changes its argument x in place"),
        (lambda x, sigma: x[:, 0], r"gives the shape \(8,\) for x of shape \(8, 2\), not \(8, 2\)"),
        (lambda x, sigma: x.float(), r"gives torch.float32 on cpu for x of torch.float64"),
        (lambda x, sigma: x.tolist(), r"gives a list, not a tensor"),
        (lambda x, sigma: x - x.mean(0), r"depends on the other rows of the batch, in row 0, coordinate 0"),
        (lambda x, sigma: x / (sigma - 1.0), r"at sigma = 1 gives (-)?inf in row 0, coordinate 0"),
    ],
)
def test_faults_of_a_denoiser(denoise, message):
    with pytest.raises(Fault, match=message):
        examine(denoise, dimensions=2)


class WithoutSquare(Mixture):
    """Tweedie's formula with sigma for sigma^2."""

    def denoise(self, x, sigma):
        return x + sigma * self.score(x, sigma)


class NoiseOfTheWrongSign(Mixture):
    def velocity(self, x, sigma):
        return -super().velocity(x, sigma)


@pytest.mark.parametrize(
    ("kind", "message"),
    [(WithoutSquare, r"-sigma\^2 score and x - D differ at sigma = 80"), (NoiseOfTheWrongSign, "sigma velocity and x")],
)
def test_formulas_that_contradict_each_other(kind, message):
    means = Latents(1).normal("means", 3, 2)
    target = kind(torch.ones(3), means, torch.ones_like(means))
    with pytest.raises(Fault, match=message):
        examine(target)
