"""What a training run is: every choice that changes its numbers, and nothing else.

Two runs with equal configurations give equal weights, so a checkpoint of another configuration is refused; the device
and the folder are not part of it.
"""

from __future__ import annotations

import difflib
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from verify.experiments.training.problems import TrainingError

FAMILIES = ("ddpm", "edm", "flow")
DATA = ("digits", "mnist", "cifar10", "toy")
PARAMS = ("eps", "x0", "v", "F", "u")
WEIGHTS = ("simple", "edm", "eps", "x0", "min-snr")
# What each family's paper trains.
USUAL_PARAM = {"ddpm": "eps", "edm": "F", "flow": "u"}
# Steps, batch, learning rate and width that are usual for the data.
USUAL_SIZE = {
    "digits": (1200, 128, 2e-3, 32),
    "mnist": (10_000, 256, 1e-3, 64),
    "cifar10": (40_000, 128, 4e-4, 128),
    "toy": (3000, 512, 2e-3, 128),
}


@dataclass(frozen=True)
class Config:
    """One run.

    family   where the noise levels come from, in training and in sampling: ddpm, edm or flow
    data     digits, mnist, cifar10 or toy
    param    what the network returns: eps, x0, v, F or u (preconditioning.py)
    weight   of |D - y|^2: simple (the plain mean square of what the network returns), edm, eps, x0 or min-snr
    width    channels of the U-Net's finest level, or units of the MLP's layers
    ema      largest decay of the averaged weights
    """

    family: str
    data: str = "digits"
    param: str = ""
    weight: str = "simple"
    steps: int = 0
    batch: int = 0
    rate: float = 0.0
    width: int = 0
    ema: float = 0.995
    seed: int = 0

    def complete(self) -> Config:
        """This configuration with the usual values where none was given. TrainingError names a choice that is none."""
        for name, allowed in (("family", FAMILIES), ("data", DATA), ("weight", WEIGHTS)):
            _choice(name, getattr(self, name), allowed)
        steps, batch, rate, width = USUAL_SIZE[self.data]
        full = replace(
            self,
            param=self.param or USUAL_PARAM[self.family],
            steps=self.steps or steps,
            batch=self.batch or batch,
            rate=self.rate or rate,
            width=self.width or width,
        )
        _choice("param", full.param, PARAMS)
        for name in ("steps", "batch", "width", "rate"):
            if not getattr(full, name) > 0:
                raise TrainingError(f"{name} is a positive number, not {getattr(full, name)}")
        if not 0 <= full.ema < 1:
            raise TrainingError(f"ema is a decay from 0 to below 1, not {full.ema}")
        if not 0 <= full.seed < 2**64:
            raise TrainingError(f"a seed is a whole number from 0 to 2^64 - 1, not {full.seed}")
        return full

    def plain(self) -> dict[str, Any]:
        """As a dictionary of strings and numbers."""
        return asdict(self)

    @classmethod
    def from_plain(cls, values: dict[str, Any]) -> Config:
        """The inverse of `plain`; TrainingError when fields are missing or unknown."""
        names = {f.name for f in fields(cls)}
        if values.keys() != names:
            odd = ", ".join(sorted(values.keys() ^ names))
            raise TrainingError(f"the checkpoint was made by another version: its configuration differs in {odd}")
        return cls(**values)

    def differences(self, other: Config) -> list[str]:
        """The fields that differ, as 'batch (128, not 64)'."""
        mine, theirs = self.plain(), other.plain()
        return [f"{name} ({mine[name]}, not {theirs[name]})" for name in mine if mine[name] != theirs[name]]


def _choice(what: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        near = difflib.get_close_matches(value, allowed, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise TrainingError(f"{what} {value!r} does not exist; there is: {', '.join(allowed)}{hint}")
