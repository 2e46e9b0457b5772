r"""Data sets as rows of numbers: scikit-learn's digits, MNIST and CIFAR-10 from torchvision, a toy of known density.

Images are scaled to mean 0 and standard deviation 1/2 over all pixels of the training set, EDM's sigma_data: the
preconditioning asks for centred data of that deviation (edm.sigma-data-mismatch). `grey` undoes it.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from verify.experiments.latents import Latents
from verify.experiments.oracles import DataSet, Mixture
from verify.experiments.training.problems import TrainingError

SIGMA_DATA = 0.5
FOLDER = Path(".verify") / "data"
HELD_OUT = 360  # of the 1,797 digits
SPLIT_SEED = 20_240_101  # one split for every run: samples of two runs are measured against the same images


@dataclass(frozen=True, eq=False)
class Data:
    """Rows to train on and rows held out, (N, d) float32, centred and of deviation SIGMA_DATA.

    shape    (channels, height, width) of an image, or (d,)
    labels   class of each training row and of each held-out row, int64; None for toys
    law      the law of the rows, where it is known
    centre   and scale: original values are centre + scale * row
    """

    train: Tensor
    held_out: Tensor
    shape: tuple[int, ...]
    labels: tuple[Tensor, Tensor] | None = None
    law: Mixture | None = None
    centre: float = 0.0
    scale: float = 1.0

    @property
    def dimensions(self) -> int:
        return math.prod(self.shape)

    def to(self, device: str) -> Data:
        """The same data there."""
        return replace(self, train=self.train.to(device), held_out=self.held_out.to(device))

    def exact(self, x: Tensor, sigma: float) -> Tensor:
        """The exact denoiser, of the law where it is known and else of the training set; x and result (B, d)."""
        if self.law is not None:
            return self.law.denoise(x.double().cpu(), sigma).to(x)
        return self._ideal(x.device).denoise(x, sigma)

    @functools.cache  # noqa: B019  # one data set lives as long as its run
    def _ideal(self, device: torch.device) -> DataSet:
        return DataSet(self.train.to(device))

    def grey(self, rows: Tensor) -> Tensor:
        """Rows as images of values 0 to 1, (N, channels, height, width)."""
        return (self.centre + self.scale * rows).clamp(0, 1).reshape(-1, *self.shape)


def load(name: str, folder: Path = FOLDER) -> Data:
    """The data set of that name. TrainingError says what to install, or why nothing could be fetched."""
    return {"digits": _digits, "mnist": _mnist, "cifar10": _cifar10, "toy": _toy}[name](folder)


def _images(train: Tensor, held_out: Tensor, shape: tuple[int, ...], labels: tuple[Tensor, Tensor]) -> Data:
    """From values 0 to 1, (N, d) float64."""
    centre, scale = float(train.mean()), float(train.std(correction=0)) / SIGMA_DATA
    rows = ((train - centre) / scale).float()
    rest = ((held_out - centre) / scale).float()
    return Data(rows, rest, shape, labels, centre=centre, scale=scale)


def _digits(folder: Path) -> Data:
    """1,797 digits of 8 x 8 pixels with 17 levels, split once and for all into 1,437 and 360."""
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise TrainingError("the digits come with scikit-learn: pip install 'verified-diffusion[train]'") from error
    table = load_digits()
    order = torch.argsort(Latents(SPLIT_SEED).uniform("digits.split", len(table.data)))
    pixels, classes = torch.from_numpy(table.data)[order] / 16, torch.from_numpy(table.target).long()[order]
    return _images(pixels[HELD_OUT:], pixels[:HELD_OUT], (1, 8, 8), (classes[HELD_OUT:], classes[:HELD_OUT]))


def _mnist(folder: Path) -> Data:
    """MNIST with its edges of two black pixels, 32 x 32, so that the U-Net can halve it three times."""
    train, test = _torchvision("MNIST", folder)
    pixels = [torch.nn.functional.pad(part.data.double() / 255, (2, 2, 2, 2)).flatten(1) for part in (train, test)]
    return _images(pixels[0], pixels[1], (1, 32, 32), (train.targets, test.targets))


def _cifar10(folder: Path) -> Data:
    train, test = _torchvision("CIFAR10", folder)
    pixels = [torch.from_numpy(part.data).double().permute(0, 3, 1, 2).flatten(1) / 255 for part in (train, test)]
    labels = torch.tensor(train.targets), torch.tensor(test.targets)
    return _images(pixels[0], pixels[1], (3, 32, 32), labels)


def _torchvision(name: str, folder: Path) -> tuple[Any, ...]:
    try:
        from torchvision import datasets
    except ImportError as error:
        raise TrainingError(f"{name} is read by torchvision: pip install 'verified-diffusion[images]'") from error
    try:
        return tuple(getattr(datasets, name)(str(folder), train=part, download=True) for part in (True, False))
    except (OSError, RuntimeError) as error:  # urllib's errors are OSErrors; a bad checksum is a RuntimeError
        raise TrainingError(
            f"{name} is not in {folder} and could not be fetched ({error}); copy its files there, "
            "or use --data digits, which needs no network"
        ) from error


def toy_law() -> Mixture:
    """Eight Gaussians of unequal weight and width on a circle; mean 0 and deviation 1/2 a dimension up to 1 %."""
    angle = torch.arange(8, dtype=torch.float64) * (math.pi / 4)
    means = 0.7 * torch.stack([angle.cos(), angle.sin()], 1)
    weights = torch.tensor([3.0, 1.0, 2.0, 1.0, 3.0, 1.0, 2.0, 1.0], dtype=torch.float64)
    deviations = torch.tensor([0.04, 0.08, 0.05, 0.1, 0.04, 0.08, 0.05, 0.1], dtype=torch.float64)
    return Mixture(weights / weights.sum(), means, deviations[:, None] ** 2)


def _toy(folder: Path) -> Data:
    law = toy_law()
    latents = Latents(SPLIT_SEED)
    train, held_out = law.sample(latents, "toy.train", 50_000), law.sample(latents, "toy.held-out", 2_000)
    return Data(train.float(), held_out.float(), (2,), law=law)
