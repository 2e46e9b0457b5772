"""Laws that many experiments share: unequal weights and widths, so that no symmetry hides a wrong sign."""

from __future__ import annotations

import torch

from verify.experiments.oracles import Mixture


def two_bumps(device: str = "cpu", dtype: torch.dtype = torch.float64) -> Mixture:
    """0.3 N(-1, 0.2^2) + 0.7 N(0.8, 0.35^2), on the line."""
    return _mixture([0.3, 0.7], [[-1.0], [0.8]], [[0.2**2], [0.35**2]], device, dtype)


def two_clouds(device: str = "cpu", dtype: torch.dtype = torch.float64) -> Mixture:
    """Two components of the plane, each with its own axes."""
    return _mixture([0.3, 0.7], [[-1.0, 0.4], [0.8, -0.3]], [[0.04, 0.2], [0.16, 0.05]], device, dtype)


def _mixture(
    weights: list[float], means: list[list[float]], variances: list[list[float]], device: str, dtype: torch.dtype
) -> Mixture:
    return Mixture(*(torch.tensor(values, dtype=dtype, device=device) for values in (weights, means, variances)))
