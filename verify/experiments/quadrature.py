"""Expectations without sampling: the trapezoidal rule, exact to rounding for smooth Gaussian-like integrands."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

REACH = 9.0  # a standard normal leaves +-9 with probability 2e-19


def normal_rule(nodes: int = 145) -> tuple[Tensor, Tensor]:
    """Nodes and weights (nodes,) with sum w f(z) = E f(z) for a standard normal z; float64.

    For f analytic within a distance a of the real line the error is of order exp(-2 pi a / h), h = 18 / (nodes - 1).
    """
    z = torch.linspace(-REACH, REACH, nodes, dtype=torch.float64)
    weights = torch.exp(-0.5 * z * z)
    return z, weights / weights.sum()


def normal_mean(f: Callable[[Tensor], Tensor], nodes: int = 145) -> float:
    """E f(z) for a standard normal z; f takes and gives (nodes,)."""
    z, weights = normal_rule(nodes)
    return math.fsum((weights * f(z)).tolist())
