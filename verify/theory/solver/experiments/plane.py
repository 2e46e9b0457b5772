"""What the experiments on orders share: a mixture in the plane, exact states on its flow, and grids that nest."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from verify.experiments.experiment import Setting
from verify.experiments.grids import karras
from verify.experiments.oracles.mixture import Mixture
from verify.experiments.orders import Exact, trajectory

TOP, BOTTOM, MIDDLE = 5.0, 0.3, 1.0
SMALL = 1e9  # the unit of orders that are ratios of errors down to 1e-9


def mixture(setting: Setting) -> Mixture:
    """Two anisotropic Gaussians of unequal weight, in float64."""
    values = [0.3, 0.7], [[-1.0, 0.2], [0.8, -0.4]], [[0.09, 0.16], [0.16, 0.3]]
    return Mixture(*(torch.tensor(v, dtype=torch.float64, device=setting.device) for v in values))


def exact_states(setting: Setting, target: Mixture, count: int) -> Exact:
    """States of `count` trajectories through level MIDDLE, each level computed once.

    In float64, since float32 would bury errors of fourth order; they start from numbers of the setting's dtype.
    """
    points = 1.2 * setting.latents.normal("orders", count, 2).double()
    flow = trajectory(target.denoise, points, MIDDLE)
    known: dict[float, Tensor] = {}

    def exact(levels: Sequence[float]) -> list[Tensor]:
        missing = [level for level in levels if level not in known]
        known.update(zip(missing, flow(missing), strict=True))
        return [known[level] for level in levels]

    return exact


def grid(n: int) -> list[float]:
    """n levels' steps from TOP to BOTTOM, whose ends do not depend on n."""
    return [TOP, *karras(n + 1, BOTTOM, TOP, to_zero=False)[1:-1], BOTTOM]
