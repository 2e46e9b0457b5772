"""Exact consistency maps: of a Gaussian in closed form, of any one-dimensional law by its quantiles."""

from __future__ import annotations

import torch
from torch import Tensor

from verify.experiments.oracles.gaussian import Gaussian
from verify.experiments.oracles.mixture import Mixture
from verify.experiments.samplers.common import Denoise


def gaussian_map(target: Gaussian, epsilon: float) -> Denoise:
    """mean + sqrt((s^2 + epsilon^2)/(s^2 + sigma^2)) (x - mean), with s^2 by axis (cm.self-consistency)."""

    def f(x: Tensor, sigma: float) -> Tensor:
        ratio = (target.variance + epsilon**2) / (target.variance + sigma**2)
        return torch.lerp(target.mean, x, ratio.sqrt())

    return f


def quantile_map(target: Mixture, epsilon: float) -> Denoise:
    """A flow on the line keeps each point's quantile: the x' with cdf(x'; epsilon) = cdf(x; sigma), by bisection."""

    def f(x: Tensor, sigma: float) -> Tensor:
        level = target.cdf(x.double(), sigma)
        reach = target.means.abs().max() + 12 * (target.variances.max() + epsilon**2).sqrt()
        low, high = torch.zeros_like(level) - reach, torch.zeros_like(level) + reach
        for _ in range(56):
            middle = (low + high) / 2
            below = target.cdf(middle, epsilon) < level
            low, high = torch.where(below, middle, low), torch.where(below, high, middle)
        return ((low + high) / 2).to(x.dtype)

    return f
