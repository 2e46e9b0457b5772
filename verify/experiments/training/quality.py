r"""How good samples are, against images that training never saw, and beside baselines that need no training.

    energy      2 E|a - b| - E|a - a'| - E|b - b'| (Szekely & Rizzo 2013): 0 only for equal laws; lower is better
    confusion   share of rows whose nearest neighbour, among both sets together, is from their own set: 0.5 when nobody
                can tell them apart (Lopez-Paz & Oquab 2017); above: different; below: one set copies the other
    legible     share of samples whose five nearest training images carry one label
    copies      median distance to the nearest training image, over the same for held-out images: 1 is as far as new
                images are, near 0 is memorised

Every number is also given for a set of real training images of the same size, the best that can be asked for, and for
two baselines that need no training of a network: one Gaussian fitted to all images, and one to each class.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from verify.experiments.latents import Latents
from verify.experiments.training.data import Data

NEIGHBOURS = 5


def energy(a: Tensor, b: Tensor) -> float:
    """The energy distance of two sets of rows, with no term of a row and itself: unbiased, so it may fall below 0."""
    within = [torch.cdist(rows, rows).sum() / (len(rows) * (len(rows) - 1)) for rows in (a, b)]
    return float(2 * torch.cdist(a, b).mean() - within[0] - within[1])


def confusion(a: Tensor, b: Tensor) -> float:
    """The leave-one-out accuracy of the nearest neighbour at telling two sets of equal size apart."""
    if len(a) != len(b):
        raise ValueError(f"the nearest neighbour's accuracy needs sets of equal size, not {len(a)} and {len(b)}")
    both = torch.cat([a, b])
    nearest = torch.cdist(both, both).fill_diagonal_(torch.inf).argmin(1)
    own = torch.arange(len(both), device=both.device) < len(a)
    return float((own[nearest] == own).double().mean())


def legible(rows: Tensor, images: Tensor, labels: Tensor) -> float:
    """The share of rows whose NEIGHBOURS nearest images carry one label."""
    nearest = torch.cdist(rows, images).topk(NEIGHBOURS, largest=False).indices
    classes = labels.to(rows.device)[nearest]
    return float((classes == classes[:, :1]).all(1).double().mean())


def nearest_distance(rows: Tensor, images: Tensor) -> float:
    """The median distance from a row to the nearest image."""
    return float(torch.cdist(rows, images).amin(1).median())


def gaussians(data: Data, labels: Tensor, rows: int, seed: int) -> Tensor:
    """Samples of the Gaussian fitted to each class, classes as frequent as in training: a baseline."""
    latents = Latents(seed)
    chosen = labels.cpu()[(latents.uniform("baseline.class", rows) * len(labels)).long()]
    noise = latents.normal("baseline.noise", rows, data.dimensions)
    out = torch.empty_like(noise)
    for label in chosen.unique():
        own = data.train[labels.to(data.train.device) == label].double().cpu()
        values, axes = torch.linalg.eigh(torch.cov(own.T))
        out[chosen == label] = own.mean(0) + (noise[chosen == label] * values.clamp_min(0).sqrt()) @ axes.T
    return out.to(data.train)


def measure(samples: Tensor, data: Data, seed: int) -> dict[str, dict[str, float]]:
    """The measures of the samples, of real training images and, where there are labels, of the baseline."""
    size = min(len(samples), len(data.held_out))
    real = data.train[(Latents(seed, str(data.train.device)).uniform("quality.real", size) * len(data.train)).long()]
    sets = {"samples": samples[:size], "training images": real}
    sets["one Gaussian"] = gaussians(data, torch.zeros(len(data.train), dtype=torch.int64), size, seed)
    if data.labels is not None:
        sets["Gaussian of each class"] = gaussians(data, data.labels[0], size, seed)
    held_out = data.held_out[:size]
    far = nearest_distance(held_out, data.train)
    measures: dict[str, Callable[[Tensor], float]] = {
        "energy": lambda rows: energy(rows, held_out),
        "confusion": lambda rows: confusion(rows, held_out),
        "copies": lambda rows: nearest_distance(rows, data.train) / far,
    }
    if data.labels is not None:
        labels = data.labels[0]
        measures["legible"] = lambda rows: legible(rows, data.train, labels)
        sets["held-out images"] = held_out
    # Held-out images against themselves say nothing about two of the measures.
    return {
        name: {key: f(rows) for key, f in measures.items() if rows is not held_out or key in ("legible", "copies")}
        for name, rows in sets.items()
    }


def errors_by_level(
    denoise: Callable[[Tensor, float], Tensor], data: Data, sigmas: list[float], seed: int, rows: int = 512
) -> list[dict[str, float]]:
    r"""Per noise level and dimension: the error against the exact denoiser, and the loss that is left.

    error      E|D - D*|^2 / d on training rows with fresh noise
    floor      E|D* - y|^2 / d: the loss of the exact denoiser. L(D) = floor + error in expectation, because
               D* - y is orthogonal to every function of x (score.dsm-equals-esm)
    train      E|D - y|^2 / d on those rows;     held_out  the same on rows that were not trained on
    """
    latents = Latents(seed, str(data.train.device), data.train.dtype)
    found = []
    for number, sigma in enumerate(sigmas):
        losses: dict[str, float] = {"sigma": sigma}
        for name, source in (("train", data.train), ("held_out", data.held_out)):
            y = source[(latents.uniform(f"levels.{name}.rows.{number}", rows) * len(source)).long()]
            x = y + sigma * latents.normal(f"levels.{name}.noise.{number}", rows, data.dimensions)
            found_d = denoise(x, sigma)
            losses[name] = float((found_d - y).double().square().mean())
            if name == "train":
                best = data.exact(x, sigma)
                losses["floor"] = float((best - y).double().square().mean())
                losses["error"] = float((found_d - best).double().square().mean())
        found.append(losses)
    return found
