r"""The training loop: AdamW, averaged weights, and a resume that is equal bit for bit.

Rows, noise levels and noise of step k come from counter-based latents of (seed, k), so a checkpoint holds no state of
a random generator, and two runs of one configuration on one CPU are equal whether or not either was interrupted. On a
GPU they see the same batches, but its sums may be taken in another order.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from verify.experiments.latents import Latents
from verify.experiments.preconditioning import Preconditioner
from verify.experiments.training import checkpoint
from verify.experiments.training.config import Config
from verify.experiments.training.data import Data
from verify.experiments.training.networks import build
from verify.experiments.training.objectives import preconditioner, training_levels
from verify.experiments.training.problems import TrainingError

WARM_UP = 100  # steps over which the learning rate rises
FLOOR = 0.02  # of the learning rate, reached at the last step
LOG_EVERY = 50
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Trained:
    """The result: averaged weights in their parameterisation, and (step, loss, gradient norm) every LOG_EVERY steps."""

    network: nn.Module
    preconditioner: Preconditioner
    log: list[tuple[int, float, float]]

    @torch.no_grad()
    def denoise(self, x: Tensor, sigma: float) -> Tensor:
        """D(x; sigma) for every row, (B, d); what the samplers ask for."""
        return self.preconditioner.denoise(_levelled(self.network), x, sigma)


def _levelled(network: nn.Module) -> Callable[[Tensor, Any], Tensor]:
    """The network under a single noise level given as a float."""

    def call(x: Tensor, c_noise: Any) -> Tensor:
        level = c_noise if isinstance(c_noise, Tensor) else x.new_full((len(x), 1), c_noise)
        return network(x, level)

    return call


def rate_at(step: int, config: Config) -> float:
    """A linear rise, then half a cosine down to FLOOR."""
    rise = min(1.0, (step + 1) / WARM_UP)
    return config.rate * rise * (FLOOR + (1 - FLOOR) * 0.5 * (1 + math.cos(math.pi * step / config.steps)))


def loss_at(step: int, config: Config, data: Data, chosen: Preconditioner, network: nn.Module) -> Tensor:
    """The loss of the batch of one step, which (seed, step) alone determine."""
    latents = Latents(config.seed, str(data.train.device), data.train.dtype)
    rows = (latents.uniform(f"train.rows.{step}", config.batch) * len(data.train)).long()
    sigma = training_levels(config.family, latents, f"train.levels.{step}", config.batch).to(data.train)
    noise = latents.normal(f"train.noise.{step}", config.batch, data.dimensions)
    return chosen.loss(network, data.train[rows], noise, sigma).mean()


def train(
    config: Config,
    data: Data,
    folder: Path | None = None,
    resume: bool = False,
    every: int = 200,
    progress: Progress = lambda done, total, what: None,
    chosen: Preconditioner | None = None,
) -> Trained:
    """Trains on the device where `data` is, with a checkpoint in `folder` every `every` steps (a multiple of
    LOG_EVERY, so that the log resumes too) and at the end. `chosen` replaces the configuration's parameterisation.

    TrainingError when the checkpoint cannot be resumed from, when memory does not suffice, when the loss is lost.
    """
    device = data.train.device
    network = build(data.shape, config.width, config.seed).to(device)
    average = {name: value.clone() for name, value in network.state_dict().items()}
    optimiser = torch.optim.AdamW(network.parameters(), lr=config.rate, weight_decay=0.0, foreach=True)
    start, log = 0, []
    if resume and folder is not None:
        state = checkpoint.load(folder)
        checkpoint.require(state, config, folder)
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        average = {name: value.to(device) for name, value in state["average"].items()}
        start, log = state["step"], state["log"]
    chosen = chosen or preconditioner(config)
    recent: list[tuple[int, Tensor, Tensor]] = []
    for step in range(start, config.steps):
        loss, norm = _update(step, config, data, chosen, network, optimiser)
        _follow(average, network, min(config.ema, (1 + step) / (10 + step)))
        recent.append((step, loss, norm))
        last = step + 1 == config.steps
        if (step + 1) % LOG_EVERY == 0 or last:
            log.append(_entry(recent))
            recent = []
            progress(step + 1, config.steps, f"loss {log[-1][1]:.4f}")
            if folder is not None and ((step + 1) % every == 0 or last):
                checkpoint.save(folder, {
                    "config": config.plain(), "step": step + 1, "network": network.state_dict(), "average": average,
                    "optimiser": optimiser.state_dict(), "log": log,
                })  # fmt: skip
    network.load_state_dict(average)
    return Trained(network.requires_grad_(False), chosen, log)


def _update(
    step: int, config: Config, data: Data, chosen: Preconditioner, network: nn.Module, optimiser: torch.optim.Optimizer
) -> tuple[Tensor, Tensor]:
    """One step of AdamW; the loss and the gradient's norm before it."""
    for group in optimiser.param_groups:
        group["lr"] = rate_at(step, config)
    optimiser.zero_grad()
    try:
        loss = loss_at(step, config, data, chosen, network)
        loss.backward()
    except RuntimeError as error:  # torch's out-of-memory errors, of the GPU and of the CPU's allocator
        if not (isinstance(error, torch.OutOfMemoryError) or "allocate memory" in str(error)):
            raise
        raise TrainingError(
            f"out of memory with a batch of {config.batch}; halve it: --batch {max(1, config.batch // 2)}"
        ) from error
    norm = torch.nn.utils.clip_grad_norm_(network.parameters(), math.inf)  # measured, not clipped
    optimiser.step()
    return loss.detach(), norm


@torch.no_grad()
def _follow(average: dict[str, Tensor], network: nn.Module, decay: float) -> None:
    now = network.state_dict()
    torch._foreach_lerp_([average[name] for name in now], list(now.values()), 1 - decay)


def _entry(recent: list[tuple[int, Tensor, Tensor]]) -> tuple[int, float, float]:
    """Mean loss and largest gradient norm since the last entry. TrainingError when either is not finite."""
    loss = float(torch.stack([loss for _, loss, _ in recent]).mean())
    norm = float(torch.stack([norm for _, _, norm in recent]).max())
    step = recent[-1][0] + 1
    if not (math.isfinite(loss) and math.isfinite(norm)):
        raise TrainingError(
            f"the loss is not finite before step {step}: lower the learning rate (--rate), "
            "or choose a weight that bounds the gradient (--weight simple)"
        )
    return step, loss, norm
