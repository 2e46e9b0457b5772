"""What peers and we are run on: a mixture without symmetries, one start, one noise."""

from __future__ import annotations

import torch
from torch import Tensor

from verify.experiments.latents import Latents
from verify.experiments.oracles import Mixture

DOUBLE = torch.float64
ROWS, DIMENSIONS = 16, 2
LATENTS = Latents(11)


def mixture() -> Mixture:
    """Unequal weights, unequal and anisotropic components, off centre."""
    return Mixture(
        torch.tensor([0.3, 0.7], dtype=DOUBLE),
        torch.tensor([[-1.0, 0.2], [0.8, -0.5]], dtype=DOUBLE),
        torch.tensor([[0.04, 0.2], [0.12, 0.05]], dtype=DOUBLE),
    )


def start(sigma: float) -> Tensor:
    """(ROWS, DIMENSIONS) at noise level sigma."""
    return sigma * LATENTS.normal("start", ROWS, DIMENSIONS)


def noise(step: int) -> Tensor:
    """Standard normals of one step."""
    return LATENTS.normal(f"noise.{step}", ROWS, DIMENSIONS)


def difference(one: Tensor, other: Tensor) -> float:
    """Largest absolute difference."""
    return float((one - other).abs().max())
