r"""train-importance: drawing noise levels by any frequencies keeps the mean of the loss, not its spread.

The loss to be estimated is L = sum_k w_k E l_k over K noise levels. Level k drawn with probability p_k gives the
estimate w_k l_k / p_k, whose mean is L for every p, and whose mean square

    sum_k w_k^2 E l_k^2 / p_k

is least, (sum_k w_k sqrt(E l_k^2))^2, at p_k ~ w_k sqrt(E l_k^2) (Cauchy-Schwarz; train.importance-sampling). Times in
[0, 1) drawn as (u + i/B) mod 1 for i < B cover the interval evenly, and each of them is uniform (Kingma et al. 2021).

The data are two points -m, m with the weights 0.3 and 0.7, the denoiser is the ideal one of equal weights: it is
wrong, and its squared error is at most 4 m^2, so that every mean has an interval that holds at any sample size.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
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
from verify.experiments.quadrature import normal_rule
from verify.experiments.statistics import FALSE_ALARM, BoundedMean, Interval, Span, around

M, UPPER = 1.0, 0.7
SIGMAS = (0.7, 1.0, 1.4, 2.0)
WEIGHTS = tuple(sigma**2 for sigma in SIGMAS)
DRAWS, BATCHES, TIMES = 300_000, 75_000, 4
FIRST, LAST = math.log(0.5), math.log(2.0)  # ln sigma at the times 0 and 1
CHECKS = 3
NODES = 97


def error(y: Tensor, noise: Tensor, sigma: Tensor | float) -> Tensor:
    """|D - y|^2 of D(x) = m tanh(m x / sigma^2) at x = y + sigma n."""
    return (M * torch.tanh(M * (y + sigma * noise) / sigma**2) - y).square()


def moment(sigma: float, power: int) -> float:
    """E l^power at one noise level, by quadrature."""
    z, weights = normal_rule(NODES)
    return sum(
        share * float((weights * error(torch.full_like(z, y), z, sigma) ** power).sum())
        for y, share in ((M, UPPER), (-M, 1 - UPPER))
    )


def shares(values: Sequence[float]) -> list[float]:
    return [value / math.fsum(values) for value in values]


def sizes() -> list[float]:
    """w sqrt(E l^2) of every level."""
    return [w * math.sqrt(moment(sigma, 2)) for w, sigma in zip(WEIGHTS, SIGMAS, strict=True)]


def best() -> list[float]:
    return shares(sizes())


def greedy() -> list[float]:
    """The hardest level nearly always."""
    hardest = max(sizes())
    return shares([22.0 if size == hardest else 1.0 for size in sizes()])


def wrapped(u: Tensor, shift: float) -> Tensor:
    return torch.remainder(u + shift, 1.0)


def unwrapped(u: Tensor, shift: float) -> Tensor:
    return u + shift


@dataclass(frozen=True)
class Drawing:
    """Frequencies of the levels, whether the loss is divided by them, and how a batch of times is spread."""

    frequencies: Callable[[], list[float]] = best
    divided: bool = True
    spread: Callable[[Tensor, float], Tensor] = wrapped


EVEN = Drawing(frequencies=lambda: [1 / len(SIGMAS)] * len(SIGMAS))


@experiment(
    name="train-importance",
    title={
        "en": "Importance sampling of noise levels keeps the loss and lowers its spread",
        "zh": "对噪声水平做重要性采样：损失不变，离散减小",
    },
    claims=("train.importance-sampling",),
    prediction={
        "en": "Divided by the frequency, the mean loss is the same for uniform and for best frequencies, and its mean "
        "square is least for the best ones; evenly spread times keep the mean when wrapped at one.",
        "zh": "除以频率之后，均匀频率与最优频率下损失的均值相同，而最优频率下均方最小；"
        "均匀铺开的时间在一处绕回，均值就不变。",
    },
)
class Importance(Experiment):
    subject = Drawing()
    wrong = {
        "not-divided": Wrong(
            {"en": "levels drawn more often without the division", "zh": "增加抽取频率却不做除法"},
            Drawing(divided=False),
            "mean",
        ),
        "harder-is-better": Wrong(
            {"en": "the hardest levels are drawn as often as can be", "zh": "以为越多抽取最难的水平越好"},
            Drawing(frequencies=greedy),
            "square",
        ),
        "uniform-is-best": Wrong(
            {"en": "uniform frequencies are said to be as good", "zh": "以为均匀频率同样好"},
            EVEN,
            "square",
        ),
        "not-wrapped": Wrong(
            {"en": "shifted times are not wrapped at one", "zh": "平移后的时间没有在一处绕回"},
            Drawing(spread=unwrapped),
            "even",
        ),
    }

    @cached_property
    def total(self) -> float:
        return math.fsum(w * moment(sigma, 1) for w, sigma in zip(WEIGHTS, SIGMAS, strict=True))

    def _largest(self, drawing: Drawing) -> float:
        """A bound of the estimates: the largest weight over frequency, times 4 m^2."""
        return max(w / p for w, p in zip(WEIGHTS, drawing.frequencies(), strict=True)) * 4 * M * M

    def _laws(self, drawing: Drawing) -> dict[str, tuple[BoundedMean, float]]:
        """The law of each check and the number by which it is divided."""
        alarm, largest, total = FALSE_ALARM / CHECKS, self._largest(drawing), self.total
        return {
            "mean": (BoundedMean(DRAWS, largest, alarm), total),
            "square": (BoundedMean(DRAWS, largest**2, alarm), total**2),
            "even": (BoundedMean(BATCHES, 4 * M * M, alarm), self._over_times(wrapped)),
        }

    def predict(self) -> dict[str, Prediction]:
        texts: dict[str, tuple[Text, float]] = {
            "mean": ({"en": "mean of the estimates, over the loss", "zh": "估计的均值与损失之比"}, 0.03),
            "square": (
                {"en": "mean square of the estimates, over the loss squared", "zh": "估计的均方与损失平方之比"},
                0.1,
            ),
            "even": (
                {"en": "mean over evenly spread times, over its value", "zh": "均匀铺开的时间上的均值与真值之比"},
                0.06,
            ),
        }
        predictions = {}
        for name, value in self.expect(self.subject).items():
            law, unit = self._laws(self.subject)[name]
            title, radius = texts[name]
            margin = around(value, radius)
            blind = law.blind(Span(margin.low * unit, margin.high * unit))
            seen = Span(blind.low / unit, blind.high / unit)
            predictions[name] = Prediction(title, value, margin, seen, law.false_alarm, "Bernstein's bound")
        return predictions

    def expect(self, subject: Drawing) -> dict[str, float]:
        found = {"even": self._over_times(subject.spread) / self._over_times(wrapped)}
        mean, square = self._moments(subject)
        return found | {"mean": mean, "square": square}

    def _moments(self, drawing: Drawing) -> tuple[float, float]:
        """Mean and mean square of an estimate over the loss and its square."""
        mean = square = 0.0
        for w, sigma, p in zip(WEIGHTS, SIGMAS, drawing.frequencies(), strict=True):
            factor = w / p if drawing.divided else w * len(SIGMAS)
            mean += p * factor * moment(sigma, 1)
            square += p * factor**2 * moment(sigma, 2)
        return mean / self.total, square / self.total**2

    @staticmethod
    def _over_times(spread: Callable[[Tensor, float], Tensor]) -> float:
        """Mean over the batch of the expected error at its times, by the midpoint rule in u."""
        u = (torch.arange(64, dtype=torch.float64) + 0.5) / 64
        found = [
            math.fsum(moment(math.exp(FIRST + (LAST - FIRST) * t), 1) for t in spread(u, i / TIMES).tolist()) / 64
            for i in range(TIMES)
        ]
        return math.fsum(found) / TIMES

    @cached_property
    def _drawn(self) -> tuple[Tensor, Tensor, Tensor]:
        """Uniforms for the level, examples and noise of every draw."""
        latents = self.setting.latents
        y = torch.where(latents.uniform("importance.y", DRAWS) < UPPER, M, -M).to(self.setting.dtype)
        return latents.uniform("importance.level", DRAWS), y, latents.normal("importance.noise", DRAWS, 1)[:, 0]

    def _estimates(self, drawing: Drawing) -> Tensor:
        u, y, noise = self._drawn
        p = torch.tensor(drawing.frequencies(), dtype=torch.float64, device=u.device)
        level = torch.searchsorted(p.cumsum(0), u).clamp_max(len(SIGMAS) - 1)
        divisor = p if drawing.divided else torch.full_like(p, 1 / len(SIGMAS))
        factor = self.setting.tensor(torch.tensor(WEIGHTS, dtype=torch.float64, device=u.device) / divisor)
        return factor[level] * error(y, noise, self.setting.tensor(SIGMAS)[level])

    def measure(self, subject: Drawing) -> Measurement:
        estimates = self._estimates(subject).double()
        values = {"mean": estimates, "square": estimates.square(), "even": self._by_time(subject.spread)}
        intervals = {}
        for name, (law, unit) in self._laws(subject).items():
            found = law.interval(values[name])
            intervals[name] = Interval(found.low / unit, found.high / unit, found.estimate / unit)
        return Measurement(intervals)

    def _by_time(self, spread: Callable[[Tensor, float], Tensor]) -> Tensor:
        """Mean error of each batch of TIMES evenly spread times."""
        u, y, noise = self._drawn
        first, size = u[:BATCHES], torch.zeros(BATCHES, dtype=torch.float64, device=u.device)
        for i in range(TIMES):
            rows = slice(i * BATCHES, (i + 1) * BATCHES)
            sigma = torch.exp(FIRST + (LAST - FIRST) * spread(first, i / TIMES)).to(self.setting.dtype)
            size = size + error(y[rows], noise[rows], sigma).double() / TIMES
        return size

    def picture(self, measurements: dict[str, Measurement]) -> Picture:
        loss = [w * moment(sigma, 1) / self.total for w, sigma in zip(WEIGHTS, SIGMAS, strict=True)]
        shown = (
            ({"en": "share of the loss", "zh": "占损失的比例"}, loss),
            ({"en": "best frequency", "zh": "最优频率"}, best()),
            (self.wrong["harder-is-better"].title, greedy()),
        )
        value = {key: measurements[key].intervals["square"].estimate for key in ("", *self.wrong)}
        plain = value["uniform-is-best"]
        return Picture(
            title={"en": "How often each noise level is drawn", "zh": "各噪声水平被抽取的频率"},
            description={
                "en": f"Mean square of an estimate over the squared loss: {plain:.2f} for uniform frequencies, "
                f"{value['']:.2f} for the best ones, {value['harder-is-better']:.2f} where the hardest are drawn most.",
                "zh": f"估计的均方与损失平方之比：均匀频率 {plain:.2f}，最优频率 {value['']:.2f}，"
                f"一味多抽最难的水平则为 {value['harder-is-better']:.2f}。",
            },
            x_title={"en": "noise level sigma", "zh": "噪声水平 σ"},
            y_title={"en": "share", "zh": "比例"},
            series=[Series(title, list(SIGMAS), values, "marked") for title, values in shown],
            x_log=True,
        )

    def summary(self, measurement: Measurement) -> Text:
        value = {name: interval.estimate for name, interval in measurement.intervals.items()}
        plain = self._moments(EVEN)[1]
        return {
            "en": f"With the best frequencies the mean is {value['mean']:.4f} of the loss and the mean square "
            f"{value['square']:.3f} of its square, against {plain:.3f} predicted for uniform ones; evenly spread times "
            f"give {value['even']:.4f} of their mean.",
            "zh": f"取最优频率时，均值为损失的 {value['mean']:.4f}，均方为其平方的 {value['square']:.3f}，"
            f"均匀频率的预测值为 {plain:.3f}；均匀铺开的时间给出真值的 {value['even']:.4f}。",
        }
