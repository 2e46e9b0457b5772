"""Laws with labels: what guidance needs, exactly."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from verify.experiments.latents import Latents
from verify.experiments.oracles.mixture import Mixture
from verify.experiments.oracles.protocol import Oracle, Sigma, pick


class Conditional(Oracle):
    r"""p(x) = sum_c P(c) p(x | c): the unconditional law, with its classes beside it.

    The classes are any oracles of the same dimension; their log densities are compared in float64, to which a `DataSet`
    of float32 points adds its own rounding. Label and noise are independent given y, so by Bayes' rule at every noise
    level (guide.bayes)

        P(c | x; sigma) = P(c) p(x | c; sigma) / p(x; sigma),
        D(x; sigma) = sum_c P(c | x; sigma) D(x | c; sigma),    and the same for the score.
    """

    def __init__(self, weights: Tensor, classes: Sequence[Oracle]) -> None:
        if len(classes) < 2 or weights.shape != (len(classes),) or not bool((weights > 0).all()):
            raise ValueError("a conditional law needs two classes or more, and one positive weight for each")
        if len({law.dimensions for law in classes}) > 1:
            raise ValueError(f"the classes differ in dimension: {[law.dimensions for law in classes]}")
        self.classes, self.log_weights = list(classes), torch.log_softmax(weights.double().log(), 0)
        self.dimensions = classes[0].dimensions

    @classmethod
    def of_mixture(cls, mixture: Mixture, labels: Sequence[int]) -> Conditional:
        """The components of a mixture with one label each, from 0 up without a gap."""
        if len(labels) != len(mixture.means) or set(labels) != set(range(max(labels) + 1)):
            raise ValueError(f"{len(mixture.means)} components need as many labels, 0, 1, ... without a gap: {labels}")
        weights, classes = mixture.log_weights.exp(), []
        groups = [[k for k, label in enumerate(labels) if label == c] for c in range(max(labels) + 1)]
        for group in groups:
            axes = None if mixture.axes is None else mixture.axes[group]
            classes.append(Mixture(weights[group], mixture.means[group], mixture.variances[group], axes))
        return cls(torch.stack([weights[group].sum() for group in groups]), classes)

    def given(self, label: int) -> Oracle:
        """The law of y given its label."""
        return self.classes[label]

    def denoise(self, x: Tensor, sigma: Sigma) -> Tensor:
        return self._average([law.denoise(x, sigma) for law in self.classes], x, sigma)

    def score(self, x: Tensor, sigma: Sigma) -> Tensor:
        return self._average([law.score(x, sigma) for law in self.classes], x, sigma)

    def log_density(self, x: Tensor, sigma: Sigma) -> Tensor:
        return torch.logsumexp(self._log_joint(x, sigma), -1).to(x.dtype)

    def classify(self, x: Tensor, sigma: Sigma) -> Tensor:
        """log P(c | x; sigma) of every label, (B, C): the classifier of *noisy* data that guidance needs."""
        return torch.log_softmax(self._log_joint(x, sigma), -1).to(x.dtype)

    def classifier_score(self, x: Tensor, sigma: Sigma, label: int) -> Tensor:
        r"""Gradient of log P(c | x; sigma) in x, (B, d).

        It is score(x | c) - score(x) (guide.bayes), which cancels where the label is nearly certain. Written as
        sum_k P(k | x) (score(x | c) - score(x | k)) it does not: the term k = c is 0 and the others are small.
        """
        scores = [law.score(x, sigma).double() for law in self.classes]
        shares = torch.softmax(self._log_joint(x, sigma), -1)
        pairs = zip(shares.unbind(-1), scores, strict=True)
        away = [share[:, None] * (scores[label] - score) for share, score in pairs]
        return torch.stack(away).sum(0).to(x.dtype)

    def characteristic(self, frequencies: Tensor, sigma: float) -> Tensor:
        """E exp(i w.(y + sigma n)) for frequencies w (M, d), when every class has one: complex (M,)."""
        parts = [law.characteristic(frequencies, sigma) for law in self.classes]  # type: ignore[attr-defined]
        return (self.log_weights.exp()[:, None] * torch.stack(parts)).sum(0)

    def sample(self, latents: Latents, stream: str, rows: int, start: int = 0) -> Tensor:
        return self.sample_with_labels(latents, stream, rows, start)[0]

    def sample_with_labels(self, latents: Latents, stream: str, rows: int, start: int = 0) -> tuple[Tensor, Tensor]:
        """Samples (rows, d) and their labels, int64 (rows,)."""
        labels = pick(self.log_weights, latents, stream + ".label", rows, start)
        drawn = torch.stack([law.sample(latents, f"{stream}.{c}", rows, start) for c, law in enumerate(self.classes)])
        return drawn[labels, torch.arange(rows, device=labels.device)], labels

    def _log_joint(self, x: Tensor, sigma: Sigma) -> Tensor:
        """log P(c) p(x | c; sigma), float64 (B, C)."""
        return torch.stack([law.log_density(x.double(), sigma) for law in self.classes], -1) + self.log_weights

    def _average(self, parts: list[Tensor], x: Tensor, sigma: Sigma) -> Tensor:
        shares = torch.softmax(self._log_joint(x, sigma), -1)
        return (shares[..., None] * torch.stack(parts, 1)).sum(1).to(x.dtype)
