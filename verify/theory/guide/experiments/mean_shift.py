r"""guide-mean-shift: what the rule "shift the mean of a step by its variance times the gradient" leaves out.

A Gaussian step N(mu, v), tilted by the probability L of a label, has by Stein's identity the mean mu + v E f'(x') with
f = log L, which is, with everything at mu and f', f'', f''' the derivatives,

    mu + v f' + v^2 (f' f'' + f'''/2) + O(v^3).

The rule keeps two terms (guide.classifier-mean). Taking the gradient at the point x before the step, mu = x + v s(x),
or at the noise level before the step, adds another term in v^2:

    gradient at x             + s f''           sign as for exact minus rule
    gradient at level t       - d f' / d sigma^2

So none of the three has a higher order: they differ in the factor of v^2 only. The exact mean is a ratio of two
integrals. Two Gaussian classes of equal variance, where f is the log of a logistic function.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from verify.experiments.arithmetic import stated_order
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
from verify.experiments.oracles.conditional import Conditional
from verify.experiments.oracles.mixture import Mixture
from verify.experiments.quadrature import normal_rule
from verify.experiments.statistics import around, exact, exact_blind, order_interval

SHARES, MEANS, VARIANCE = (0.3, 0.7), (-0.8, 0.7), 0.36
LABEL = 1
LEVEL = 0.5  # the noise level after the step
SIZES = tuple(0.2 / 2 ** (k / 2) for k in range(9))  # variances v of the step
POINTS = tuple(-1.9 + 0.3 * k for k in range(12))
ORDER_MARGIN, SHARE_MARGIN = 0.25, 0.05


@dataclass(frozen=True)
class Derivatives:
    """f', f'', f''', the score s of all data and df'/dsigma^2 at points (B, 1), from the logistic formula, float64."""

    first: Tensor
    second: Tensor
    third: Tensor
    score: Tensor
    by_variance: Tensor

    @classmethod
    def at(cls, x: Tensor) -> Derivatives:
        (low, high), total = MEANS, VARIANCE + LEVEL**2
        a = (high - low) / total
        logit = a * x + math.log(SHARES[1] / SHARES[0]) + (low**2 - high**2) / (2 * total)
        r = torch.sigmoid(logit)
        moved = -(a * x + (low**2 - high**2) / (2 * total)) / total  # d logit / d sigma^2
        first = a * (1 - r)
        return cls(
            first,
            -(a**2) * r * (1 - r),
            -(a**3) * r * (1 - r) * (1 - 2 * r),
            ((1 - r) * (low - x) + r * (high - x)) / total,
            -first / total - a * r * (1 - r) * moved,
        )


Shift = Callable[[Conditional, Tensor, Tensor, float], Tensor]
"""`shift(law, x, mean, v)`: what the rule adds to the mean of the step of variance v that starts at x."""


def at_mean(law: Conditional, x: Tensor, mean: Tensor, v: float) -> Tensor:
    return v * law.classifier_score(mean, LEVEL, LABEL)


def at_start(law: Conditional, x: Tensor, mean: Tensor, v: float) -> Tensor:
    return v * law.classifier_score(x, LEVEL, LABEL)


def at_old_level(law: Conditional, x: Tensor, mean: Tensor, v: float) -> Tensor:
    return v * law.classifier_score(mean, math.sqrt(LEVEL**2 + v), LABEL)


def by_deviation(law: Conditional, x: Tensor, mean: Tensor, v: float) -> Tensor:
    return math.sqrt(v) * law.classifier_score(mean, LEVEL, LABEL)


def against(law: Conditional, x: Tensor, mean: Tensor, v: float) -> Tensor:
    return -at_mean(law, x, mean, v)


def lacks_mean(d: Derivatives) -> Tensor:
    """The factor of v^2 in exact mean minus rule, gradient at the mean."""
    return d.first * d.second + d.third / 2


def lacks_start(d: Derivatives) -> Tensor:
    return lacks_mean(d) + d.score * d.second


def lacks_old_level(d: Derivatives) -> Tensor:
    return lacks_mean(d) - d.by_variance


@dataclass(frozen=True)
class Rule:
    """A shift, the order of its error, and the factor of v^2 in it where that is the order."""

    shift: Shift
    lacks: Callable[[Derivatives], Tensor] = lacks_mean
    order: float = 2.0


@dataclass(frozen=True)
class Rules:
    """The rule with the gradient at the mean, and the rule of guided-diffusion's first version."""

    mean: Rule = Rule(at_mean)
    start: Rule = Rule(at_start, lacks_start)


@experiment(
    name="guide-mean-shift",
    title={
        "en": "Gradient at the mean or before the step: the same order, another factor",
        "zh": "梯度取在均值处还是步前的点：同阶，系数不同",
    },
    claims=("guide.classifier-mean",),
    prediction={
        "en": "The shifted mean errs like the square of the variance of the step, with a factor made of three "
        "derivatives of the classifier; with the gradient at the point before the step the order is the same and the "
        "factor has one term more.",
        "zh": "移动后的均值，误差与这一步方差的平方成正比，系数由分类器的前三阶导数给出；"
        "梯度取在步前的点时阶数不变，系数多出一项。",
    },
)
class MeanShift(Experiment):
    subject = Rules()
    wrong = {
        "start": Wrong(
            {
                "en": "the gradient at the point before the step, as if nothing changed",
                "zh": "梯度取在步前的点，以为毫无差别",
            },
            Rules(mean=Rule(at_start, lacks_start)),
            "factor.mean",
            "openai/guided-diffusion issue 51",
        ),
        "old-level": Wrong(
            {"en": "the classifier asked at the noise level before the step", "zh": "分类器用的是步前的噪声水平"},
            Rules(mean=Rule(at_old_level, lacks_old_level)),
            "factor.mean",
        ),
        "deviation": Wrong(
            {"en": "the standard deviation times the gradient", "zh": "标准差乘以梯度"},
            Rules(mean=Rule(by_deviation, order=0.5)),
            "order.mean",
        ),
        "minus": Wrong(
            {"en": "the mean moved against the gradient", "zh": "逆着梯度移动均值"},
            Rules(mean=Rule(against, order=1.0)),
            "order.mean",
        ),
    }  # fmt: skip

    def predict(self) -> dict[str, Prediction]:
        where: dict[str, Text] = {
            "mean": {"en": "gradient at the mean of the step", "zh": "梯度取在均值处"},
            "start": {"en": "gradient at the point before the step", "zh": "梯度取在步前的点"},
        }
        predictions = {}
        for place, words in where.items():
            share = around(1.0, SHARE_MARGIN)
            title = {
                "en": f"order of the error in the variance, {words['en']}",
                "zh": f"误差关于方差的阶，{words['zh']}",
            }
            predictions[f"order.{place}"] = stated_order(title, 2.0, ORDER_MARGIN, method="quadrature")
            title = {"en": f"error over the formula's, {words['en']}", "zh": f"误差与公式之比，{words['zh']}"}
            blind = exact_blind(share, self._rounding)
            predictions[f"factor.{place}"] = Prediction(title, 1.0, share, blind, 0.0, "quadrature; extrapolated")
        return predictions

    @property
    def _rounding(self) -> float:
        return 30 * self.setting.rounding / min(SIZES) ** 2

    def expect(self, subject: Rules) -> dict[str, float]:
        d = Derivatives.at(torch.tensor(POINTS, dtype=torch.float64)[:, None])
        found = {}
        for place, rule, right in (("mean", subject.mean, lacks_mean), ("start", subject.start, lacks_start)):
            found[f"order.{place}"] = rule.order
            if rule.order == 2.0:
                found[f"factor.{place}"] = float((rule.lacks(d) * right(d)).sum() / right(d).square().sum())
        return found

    @cached_property
    def _law(self) -> Conditional:
        shares, means, variances = (
            self.setting.tensor(v).double() for v in (SHARES, [[m] for m in MEANS], [[VARIANCE], [VARIANCE]])
        )
        return Conditional.of_mixture(Mixture(shares, means, variances), (0, 1))

    @cached_property
    def _points(self) -> Tensor:
        return self.setting.tensor(POINTS)[:, None]

    def _mean(self, v: float) -> Tensor:
        """Of the step from the points: mu = x + v s(x)."""
        return self._points + v * self._law.score(self._points, LEVEL)

    @cached_property
    def _exact(self) -> dict[float, Tensor]:
        """By variance v: the exact shift sqrt(v) E[z L] / E[L] of the tilted step, (B, 1)."""
        z, weights = (rule.to(self._points) for rule in normal_rule())
        found = {}
        for v in SIZES:
            near = self._mean(v) + math.sqrt(v) * z
            chances = self._law.classify(near.reshape(-1, 1), LEVEL)[:, LABEL].exp().reshape(near.shape)
            found[v] = math.sqrt(v) * ((chances * weights * z).sum(1) / (chances * weights).sum(1))[:, None]
        return found

    def measure(self, subject: Rules) -> Measurement:
        d = Derivatives.at(self._points.double())
        intervals, traces = {}, {}
        for place, rule, right in (("mean", subject.mean, lacks_mean), ("start", subject.start, lacks_start)):
            errors, factors = [], []
            for v in SIZES:
                error = (self._exact[v] - rule.shift(self._law, self._points, self._mean(v), v)).double()
                errors.append(float(error.square().mean().sqrt()))
                factors.append(float((error * right(d)).sum() / (v**2 * right(d).square().sum())))
            intervals[f"order.{place}"] = order_interval(SIZES, errors, self.setting.rounding)
            intervals[f"factor.{place}"] = exact(2 * factors[-1] - factors[-3], self._rounding)
            traces[place] = errors
        return Measurement(intervals, traces)

    def picture(self, measurements: dict[str, Measurement]) -> Picture:
        traces = measurements[""].traces
        shown: list[tuple[Text, list[float]]] = [
            ({"en": "gradient at the mean", "zh": "梯度取在均值处"}, traces["mean"]),
            ({"en": "gradient before the step", "zh": "梯度取在步前的点"}, traces["start"]),
            (self.wrong["deviation"].title, measurements["deviation"].traces["mean"]),
        ]
        ratio = traces["start"][-1] / traces["mean"][-1]
        return Picture(
            title={"en": "Error of the shifted mean", "zh": "移动后均值的误差"},
            description={
                "en": "Root mean square error against the variance of the step, both axes logarithmic. Both places of "
                f"the gradient fall with slope two; before the step the error is {ratio:.2f} times that at the mean.",
                "zh": "均方根误差随这一步方差的变化，双对数坐标。两种取法斜率都是二；"
                f"取在步前时，误差是取在均值处的 {ratio:.2f} 倍。",
            },
            x_title={"en": "variance of the step", "zh": "这一步的方差"},
            y_title={"en": "root mean square error", "zh": "均方根误差"},
            series=[Series(title, list(SIZES), errors, "marked", tone=k) for k, (title, errors) in enumerate(shown)],
            x_log=True,
            y_log=True,
        )

    def summary(self, measurement: Measurement) -> Text:
        found = {name: interval.estimate for name, interval in measurement.intervals.items()}
        return {
            "en": f"Orders {found['order.mean']:.3f} (gradient at the mean) and {found['order.start']:.3f} (before the "
            f"step); factors {found['factor.mean']:.4f} and {found['factor.start']:.4f} of the formulas.",
            "zh": f"阶：{found['order.mean']:.3f}（取在均值处）与 {found['order.start']:.3f}（取在步前）；"
            f"系数为公式的 {found['factor.mean']:.4f} 与 {found['factor.start']:.4f} 倍。",
        }
