r"""What is minimised: a parameterisation, a weight, and the noise levels of each family.

    E over sigma of  lambda(sigma) |D(y + sigma n; sigma) - y|^2,  mean over the dimensions

The three families differ in where their noise levels come from, in training and in sampling; everything else is shared.
All of them are written in sigma-space: a path x_t = alpha y + b n is met at x = x_t / alpha, sigma = b / alpha.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from verify.experiments import grids
from verify.experiments.latents import Latents
from verify.experiments.preconditioning import (
    Coefficient,
    Preconditioner,
    data_prediction,
    edm,
    noise_prediction,
    v_prediction,
    velocity_prediction,
)
from verify.experiments.training.config import Config
from verify.experiments.training.data import SIGMA_DATA

P_MEAN, P_DEVIATION = -1.2, 1.2  # of ln sigma (Karras et al. 2022, table 1; edm.noise-distribution)
FLOW_EDGE = 1e-3  # t stays this far from 0 and 1, where sigma = t / (1 - t) is 0 or infinite
MIN_SNR = 5.0  # Hang et al. 2023

PARAMETERISATIONS = {
    "eps": noise_prediction,
    "x0": data_prediction,
    "v": v_prediction,
    "F": lambda: edm(SIGMA_DATA),
    "u": velocity_prediction,
}
WEIGHTS: dict[str, Coefficient] = {
    "edm": lambda sigma: (sigma**2 + SIGMA_DATA**2) / (sigma * SIGMA_DATA) ** 2,
    "eps": lambda sigma: 1 / sigma**2,
    "x0": lambda sigma: sigma**0,
    "min-snr": lambda sigma: (sigma**-2).clamp_max(MIN_SNR),
}


def preconditioner(config: Config) -> Preconditioner:
    """The run's parameterisation under its weight; `simple` is the parameterisation's own 1 / c_out^2."""
    chosen = PARAMETERISATIONS[config.param]()
    return chosen if config.weight == "simple" else replace(chosen, weight=WEIGHTS[config.weight])


def training_levels(family: str, latents: Latents, stream: str, rows: int) -> Tensor:
    """Noise levels of one batch, float64 (rows, 1).

    ddpm: uniform over the table. edm: ln sigma ~ N(P_MEAN, P_DEVIATION^2). flow: t uniform, sigma = t / (1 - t).
    """
    uniform = latents.uniform(stream, rows)
    if family == "ddpm":
        table = torch.tensor(grids.of_betas(grids.linear_betas()), dtype=torch.float64, device=uniform.device)
        return table[(uniform * len(table)).long()][:, None]
    if family == "edm":
        return torch.exp(P_MEAN + P_DEVIATION * torch.special.ndtri(uniform))[:, None]
    t = FLOW_EDGE + (1 - 2 * FLOW_EDGE) * uniform
    return (t / (1 - t))[:, None]


def sampling_levels(family: str, steps: int) -> list[float]:
    """Decreasing noise levels that end in 0: what the family's own papers use, `steps` of them above 0.

    ddpm: every (1000/steps)-th level of the table, the noisiest first. edm: rho = 7 from 80 to 0.002. flow: t in equal
    steps from just below 1, where sigma is infinite.
    """
    if family == "ddpm":
        table = grids.of_betas(grids.linear_betas())
        return [table[len(table) - 1 - k] for k in grids.subset(steps, len(table))] + [0.0]
    if family == "edm":
        return grids.karras(steps)
    times = [1 - FLOW_EDGE] + [1 - i / steps for i in range(1, steps)]
    return [t / (1 - t) for t in times] + [0.0]
