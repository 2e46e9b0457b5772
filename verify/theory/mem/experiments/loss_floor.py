r"""mem-loss-floor: a training loss below the population's minimum is evidence of memorisation.

For n examples the smallest training loss belongs to the ideal denoiser of those examples; it is the posterior variance
of the empirical law. For the population it is E tr Cov[y | x]. The mean of minima is at most the minimum of means, and
the training loss of every fixed D has the population's loss as its mean:

    E min_D L_emp(D) <= min_D E L_emp(D) = min_D L_pop(D).

One example has floor 0 (mem.train-loss-floor). The inequality is one of means: some data sets have a floor above the
population's, and their share is predicted too.

The population has three points, so that a data set is a count of each and the mean over data sets is a finite sum:
predictions come from that sum, measurements from data sets that are drawn.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from verify.experiments.experiment import (
    Experiment,
    Measurement,
    Picture,
    Prediction,
    Series,
    Text,
    Wrong,
    experiment,
)
from verify.experiments.oracles.mixture import Mixture
from verify.experiments.quadrature import normal_rule
from verify.experiments.statistics import (
    FALSE_ALARM,
    BoundedMean,
    Interval,
    Proportion,
    Span,
    around,
    exact,
    exact_blind,
)

POINTS = (-1.0, 0.1, 0.9)
SHARES = (0.5, 0.2, 0.3)
SIGMA = 0.5
SIZES = (1, 2, 4, 8, 32)
SETS = 200_000
ABOVE = f"above.{SIZES[-1]}"
MARGIN = 0.04
SHARE_MARGIN = 0.02
POSTERIOR, POSTERIOR_MARGIN = "posterior", 1e-4
ROUNDING = 1e-5  # no floor lies so close to the population's
NODES = 73


def posterior_mean(x: Tensor, shares: Tensor) -> Tensor:
    """The ideal denoiser of weighted points: x (..., n), shares (M, 3) -> (M, n) or as they broadcast."""
    points = torch.tensor(POINTS).to(shares)
    logits = -((x[..., None] - points) ** 2) / (2 * SIGMA**2)
    weights = torch.exp(logits - logits.amax(-1, keepdim=True)) * shares[:, None]
    return (weights * points).sum(-1) / weights.sum(-1)


def loss(model: Tensor, data: Tensor) -> Tensor:
    """The loss of the ideal denoiser of the shares `model`, on examples of shares `data`; (M, 3) each -> (M,)."""
    z, w = normal_rule(NODES)
    z, w = z.to(data), w.to(data)
    total = torch.zeros(len(data), dtype=data.dtype, device=data.device)
    for k, point in enumerate(POINTS):
        error = posterior_mean(point + SIGMA * z, model) - point
        total = total + data[:, k] * (w * error.square()).sum(-1)
    return total


def on_training(own: Tensor, law: Tensor) -> Tensor:
    return loss(own, own)


def on_new(own: Tensor, law: Tensor) -> Tensor:
    return loss(own, law.expand_as(own))


def by_population(own: Tensor, law: Tensor) -> Tensor:
    return loss(law.expand_as(own), own)


def never_above(own: Tensor, law: Tensor) -> Tensor:
    return torch.minimum(loss(own, own), loss(law, law))


@dataclass(frozen=True)
class Floor:
    """Which loss of a data set is averaged, and how many examples stand for n."""

    loss: Callable[[Tensor, Tensor], Tensor] = on_training
    examples: Callable[[int], int] = lambda n: n


@experiment(
    name="mem-loss-floor",
    title={
        "en": "The smallest training loss of few examples lies below the population's",
        "zh": "样本少时，训练损失的最小值低于总体的最小值",
    },
    claims=("mem.train-loss-floor",),
    prediction={
        "en": "The smallest training loss, averaged over data sets of n examples, is 0 for one, rises with n and "
        "stays below the population's minimum, which the population's own denoiser reaches on any examples.",
        "zh": "对 n 个样本的数据集取平均，训练损失的最小值在 n = 1 时为零，随 n 上升，"
        "始终低于总体的最小值；总体的去噪器在任何样本上平均都达到后者。",
    },
)
class LossFloor(Experiment):
    subject = Floor()
    wrong = {
        "held-out": Wrong(
            {"en": "the loss of the same denoiser on new examples", "zh": "同一去噪器在新样本上的损失"},
            Floor(loss=on_new),
            "floor.2",
        ),
        "population": Wrong(
            {"en": "the training loss of the population's denoiser", "zh": "总体去噪器的训练损失"},
            Floor(loss=by_population),
            "floor.2",
        ),
        "independent-of-n": Wrong(
            {"en": "a floor that does not depend on n", "zh": "以为下限与 n 无关"},
            Floor(examples=lambda n: max(SIZES)),
            "floor.2",
        ),
        "every-set": Wrong(
            {"en": "no data set has a floor above the population's", "zh": "以为没有数据集的下限高于总体的下限"},
            Floor(loss=never_above),
            ABOVE,
        ),
    }

    @property
    def law(self) -> BoundedMean:
        """Every loss is a mean of squared differences of numbers between the outermost points."""
        return BoundedMean(SETS, (max(POINTS) - min(POINTS)) ** 2, FALSE_ALARM / (len(SIZES) + 1))

    @property
    def share(self) -> Proportion:
        return Proportion(SETS, self.law.false_alarm)

    def _is_above(self, losses: Tensor) -> Tensor:
        return losses > self.population * (1 + ROUNDING)

    @cached_property
    def population(self) -> float:
        shares = torch.tensor([SHARES], dtype=torch.float64)
        return float(loss(shares, shares))

    def predict(self) -> dict[str, Prediction]:
        predictions, law = {}, self.law
        for name, value in self.expect(self.subject).items():
            n = name.partition(".")[2]
            if name == POSTERIOR:
                title = {
                    "en": "largest difference of the denoiser in these losses from the oracle",
                    "zh": "这些损失所用的去噪器与精确去噪器的最大差别",
                }
                margin = around(value, POSTERIOR_MARGIN)
                blind = exact_blind(margin, self._rounding)
                predictions[name] = Prediction(title, value, margin, blind, 0.0, "on a grid of points")
                continue
            if name == ABOVE:
                title = {
                    "en": f"share of data sets with a floor above the population's, n = {n}",
                    "zh": f"下限高于总体下限的数据集所占比例，n = {n}",
                }
                margin = around(value, SHARE_MARGIN)
                blind, alarm = self.share.blind(margin), self.share.false_alarm
                predictions[name] = Prediction(title, value, margin, blind, alarm, "Chernoff's bound")
                continue
            title = {
                "en": f"smallest training loss over the population's minimum, n = {n}",
                "zh": f"最小训练损失与总体最小值之比，n = {n}",
            }
            margin = Span(value - MARGIN, min(value + MARGIN, 1.0))
            scaled = Span(margin.low * self.population, margin.high * self.population)
            blind = law.blind(scaled)
            seen = Span(blind.low / self.population, blind.high / self.population)
            predictions[name] = Prediction(title, value, margin, seen, law.false_alarm, "Bernstein's bound")
        return predictions

    def expect(self, subject: Floor) -> dict[str, float]:
        """The finite sum over all counts, relative to the population's minimum."""
        found = {}
        law = torch.tensor([SHARES], dtype=torch.float64)
        for n in SIZES:
            size = subject.examples(n)
            counts = [(a, b, size - a - b) for a in range(size + 1) for b in range(size + 1 - a)]
            chances = [
                math.factorial(size) * math.prod(p**k / math.factorial(k) for p, k in zip(SHARES, c, strict=True))
                for c in counts
            ]
            values = subject.loss(torch.tensor(counts, dtype=torch.float64) / size, law)
            found[f"floor.{n}"] = math.fsum(p * v for p, v in zip(chances, values.tolist(), strict=True))
        found = {name: value / self.population for name, value in found.items()}
        above = self._is_above(values).tolist()  # of the last and largest size
        found[ABOVE] = math.fsum(p for p, is_above in zip(chances, above, strict=True) if is_above)
        return found | {POSTERIOR: 0.0}

    @property
    def _rounding(self) -> float:
        return 100 * self.setting.rounding

    def _from_oracle(self) -> float:
        """The losses of prediction and measurement share one formula of the denoiser, which could be wrong in both."""
        points = torch.tensor(POINTS, dtype=torch.float64, device=self.setting.device)
        oracle = Mixture.of_atoms(points[:, None], points.new_tensor(SHARES))
        x = torch.linspace(-3, 3, 61, dtype=self.setting.dtype, device=self.setting.device)
        ours = posterior_mean(x, self.setting.tensor([SHARES]))[0]
        return float((ours - oracle.denoise(x[:, None], SIGMA)[:, 0]).abs().max())

    @cached_property
    def _counts(self) -> dict[int, Tensor]:
        """By size n: how many of the SETS data sets hold the points a, b, n - a - b times, at a (n + 1) + b."""
        first, second = SHARES[0], SHARES[0] + SHARES[1]
        found = {}
        for n in SIZES:
            u = self.setting.latents.uniform(f"floor.{n}", SETS * n).reshape(SETS, n)
            a = (u < first).sum(1)
            b = (u < second).sum(1) - a
            found[n] = torch.bincount(a * (n + 1) + b, minlength=(n + 1) ** 2)
        return found

    def measure(self, subject: Floor) -> Measurement:
        intervals = {}
        law = self.setting.tensor([SHARES])
        for n in SIZES:
            size = subject.examples(n)
            counted = self._counts[size]
            kinds = counted.nonzero()[:, 0]  # data sets of equal counts have equal losses: each is computed once
            a, b = kinds // (size + 1), kinds % (size + 1)
            shares = self.setting.tensor(torch.stack([a, b, size - a - b], 1)) / size
            losses = subject.loss(shares, law).double().repeat_interleave(counted[kinds])
            intervals[f"floor.{n}"] = self.law.interval(losses)
        scaled = {
            name: Interval(i.low / self.population, i.high / self.population, i.estimate / self.population)
            for name, i in intervals.items()
        }
        above = self.share.interval(float(self._is_above(losses).double().mean()))  # of the last and largest size
        return Measurement(scaled | {ABOVE: above, POSTERIOR: exact(self._from_oracle(), self._rounding)})

    def picture(self, measurements: dict[str, Measurement]) -> Picture:
        shown = {
            "": {"en": "smallest training loss", "zh": "最小训练损失"},
            "held-out": {"en": "the same denoiser, new examples", "zh": "同一去噪器，新样本"},
            "population": {"en": "the population's denoiser", "zh": "总体的去噪器"},
        }
        sizes = [float(n) for n in SIZES]
        series = []
        for tone, (key, title) in enumerate(shown.items()):
            found = self.expect(self.wrong[key].subject if key else self.subject)
            curve = [found[f"floor.{n}"] for n in SIZES]
            series.append(Series(title, sizes, curve, tone=tone))
            points = [measurements[key].intervals[f"floor.{n}"] for n in SIZES]
            measured = {"en": f"{title['en']}, measured", "zh": f"{title['zh']}，实测"}
            low, high = [p.low for p in points], [p.high for p in points]
            series.append(Series(measured, sizes, [p.estimate for p in points], "points", low, high, tone))
        floor = measurements[""].intervals["floor.4"].estimate
        return Picture(
            title={"en": "Losses of a memorising denoiser", "zh": "记忆型去噪器的损失"},
            description={
                "en": f"Losses over the population's minimum against the number of examples. At n = 4 the training "
                f"loss is {floor:.2f} of it, while the same denoiser does worse than 1 on new examples.",
                "zh": f"各种损失与总体最小值之比，随样本数的变化。n = 4 时训练损失只有它的 {floor:.2f}，"
                "而同一去噪器在新样本上的损失大于 1。",
            },
            x_title={"en": "examples n", "zh": "样本数 n"},
            y_title={"en": "loss over the population's minimum", "zh": "损失与总体最小值之比"},
            series=series,
            x_log=True,
        )

    def summary(self, measurement: Measurement) -> Text:
        listed = ", ".join(f"{measurement.intervals[f'floor.{n}'].estimate:.3f}" for n in SIZES)
        sizes = ", ".join(str(n) for n in SIZES)
        above = 100 * measurement.intervals[ABOVE].estimate
        return {
            "en": f"Smallest training loss over the population's minimum for n = {sizes}: {listed}. Of the sets "
            f"of {SIZES[-1]}, {above:.1f} % have a floor above it.",
            "zh": f"n = {sizes.replace(', ', '、')} 时，最小训练损失与总体最小值之比："
            f"{listed.replace(', ', '、')}。{SIZES[-1]} 个样本的数据集中，有 {above:.1f}% 的下限高于总体的下限。",
        }
