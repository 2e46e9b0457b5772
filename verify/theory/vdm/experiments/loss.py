r"""vdm-loss: the loss of T steps lies above the continuous one, falls towards it, and forgets the schedule.

In nats for each dimension, with E(lambda) the mean squared noise error of the exact predictor at logSNR lambda,

    L_T = 1/2 sum_i expm1(lambda_{i-1} - lambda_i) E(lambda_i),      L = 1/2 \int E(lambda) dlambda

(Kingma et al. 2021; vdm.discrete-loss, vdm.continuous-loss), where i counts towards noise. On N(0, s^2) the predictor
is linear, so E is a mean over four points, (+-s, +-1) for clean point and noise, and

    L = 1/2 (softplus(lambda_max + 2 ln s) - softplus(lambda_min + 2 ln s)).

In terms of the signal-to-noise ratio L is the integral of the clean point's error, which falls towards clean data;
L_T takes its value at the noisier end of each step, so it exceeds L, by a term of first order in 1/T. That term depends
on the schedule; L does not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

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
    slope,
)
from verify.experiments.oracles import Gaussian
from verify.experiments.statistics import Interval, around, exact, exact_blind, order_interval

LOW, HIGH, DEVIATION = -10.0, 10.0, 0.5
STEPS = (64, 128, 256, 512, 1024, 2048, 4096, 8192)
FEW = STEPS[0]
MARGIN, ORDER_MARGIN, LIMIT_MARGIN = 1e-3, 0.15, 1e-3

END = 2 / math.pi * math.atan(math.exp(-HIGH / 2))  # the cosine schedule's time of logSNR HIGH

Schedule = Callable[[float], float]
"""logSNR at time 0 (clean) to 1 (noise)."""

SCHEDULES: dict[str, Schedule] = {
    "straight": lambda t: HIGH + (LOW - HIGH) * t,
    "cosine": lambda t: -2 * math.log(math.tan(0.5 * math.pi * (END + t * (1 - 2 * END)))),
    "bent": lambda t: HIGH + (LOW - HIGH) * (t + 0.8 * math.sin(2 * math.pi * t) / (2 * math.pi)),
}

Weight = Callable[[float, float], float]
"""Of the noise error of a step from logSNR `before` (cleaner) to `after`."""


def growth(before: float, after: float) -> float:
    """Half the growth of the noise level: expm1 of the fall of logSNR."""
    return 0.5 * math.expm1(before - after)


def softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def closed(s: float) -> float:
    """L in closed form."""
    return 0.5 * (softplus(HIGH + 2 * math.log(s)) - softplus(LOW + 2 * math.log(s)))


def error(logsnr: float, s: float) -> float:
    """E(lambda) on N(0, s^2)."""
    return 1 / (1 + math.exp(-logsnr) / s**2)


@dataclass(frozen=True)
class Loss:
    """A version of the discrete loss: the weight of a step's noise error, and what each further step counts."""

    weight: Weight = growth
    schedules: dict[str, Schedule] = field(default_factory=lambda: SCHEDULES)

    def steps(self, schedule: str, count: int) -> list[tuple[float, float]]:
        """(weight, logSNR) of every step."""
        grid = [self.schedules[schedule](i / count) for i in range(count + 1)]
        return [(self.weight(before, after), after) for before, after in pairwise(grid)]

    def total(self, schedule: str, count: int) -> float:
        return math.fsum(weight * error(after, DEVIATION) for weight, after in self.steps(schedule, count))


def extrapolated(totals: Sequence[float]) -> float:
    """The limit of values that err like 1/T, T doubling: two Richardson steps."""
    first = [2 * fine - coarse for coarse, fine in pairwise(totals)]
    return (4 * first[-1] - first[-2]) / 3


@experiment(
    name="vdm-loss",
    title={
        "en": "The discrete loss falls to the continuous one, whatever the schedule",
        "zh": "离散损失下降到连续损失，与时间表无关",
    },
    claims=("vdm.discrete-loss", "vdm.continuous-loss"),
    prediction={
        "en": "On N(0, 0.25) with logSNR from 10 to -10 the loss of 64 steps is 4.964 nats on the straight schedule "
        "and larger on two others; with more steps all fall to 4.306938 like 1/T.",
        "zh": "在 N(0, 0.25) 上，logSNR 从 10 到 −10，直线时间表走 64 步的损失为 4.964 奈特，另两种时间表更大；"
        "步数增加时，各损失都以 1/T 的速度降到 4.306938。",
    },
)
class DiscreteLoss(Experiment):
    subject = Loss()
    wrong = {
        "inverse-growth": Wrong(
            {"en": "weight one minus the inverse growth", "zh": "权重写成一减去增长率的倒数"},
            Loss(lambda before, after: -0.5 * math.expm1(after - before)),
            "few.straight",
        ),
        "no-half": Wrong(
            {"en": "the half is missing", "zh": "漏掉了二分之一"},
            Loss(lambda before, after: 2 * growth(before, after)),
            "limit.straight",
        ),
        "wrong-way-round": Wrong(
            {"en": "the signal-to-noise ratios subtracted the wrong way round", "zh": "信噪比之差的方向写反"},
            Loss(lambda before, after: -growth(before, after)),
            "few.straight",
        ),
        "difference-of-ratios": Wrong(
            {
                "en": "the difference of signal-to-noise ratios, the clean point's weight, on the noise error",
                "zh": "把信噪比之差（干净点误差的权重）用在噪声误差上",
            },
            Loss(lambda before, after: 0.5 * (math.exp(before) - math.exp(after))),
            "limit.straight",
        ),
        "speed-twice": Wrong(
            {"en": "the speed of the schedule enters twice", "zh": "时间表的速度被算了两次"},
            Loss(lambda before, after: growth(before, after) * (before - after)),
            "limit.bent",
        ),
    }

    def predict(self) -> dict[str, Prediction]:
        predictions = {}
        for name, value in self.expect(self.subject).items():
            kind, _, schedule = name.partition(".")
            title = self._title(kind, schedule)
            if kind == "order":
                predictions[name] = stated_order(title, value, ORDER_MARGIN)
                continue
            margin = around(value, MARGIN)
            method = "four points a level" + ("; extrapolated in 1/T" if kind == "limit" else "")
            blind = exact_blind(margin, self._rounding)
            predictions[name] = Prediction(title, value, margin, blind, 0.0, method)
        return predictions

    @staticmethod
    def _title(kind: str, schedule: str) -> Text:
        en = {"straight": "straight", "cosine": "cosine", "bent": "bent"}[schedule]
        zh = {"straight": "直线", "cosine": "余弦", "bent": "弯曲"}[schedule]
        return {
            "few": {"en": f"loss of {FEW} steps in nats, {en} schedule", "zh": f"{FEW} 步的损失（奈特），{zh}时间表"},
            "limit": {
                "en": f"limit of many steps in nats, {en} schedule",
                "zh": f"步数趋于无穷的极限（奈特），{zh}时间表",
            },
            "order": {
                "en": f"order in 1/T of what is above it, {en} schedule",
                "zh": f"高出部分关于 1/T 的阶，{zh}时间表",
            },
        }[kind]

    def expect(self, subject: Loss) -> dict[str, float]:
        """The right version has the closed limit and order one; a wrong one what its own sums give."""
        found = {}
        for schedule in subject.schedules:
            totals = [subject.total(schedule, count) for count in STEPS]
            found[f"few.{schedule}"] = totals[0]
            right = subject.weight is growth
            found[f"limit.{schedule}"] = closed(DEVIATION) if right else extrapolated(totals)
            if right:
                found[f"order.{schedule}"] = 1.0
        return found

    @property
    def _rounding(self) -> float:
        return 500 * self.setting.rounding

    def measure(self, subject: Loss) -> Measurement:
        intervals: dict[str, Interval] = {}
        traces = {}
        limit = closed(DEVIATION)
        for schedule in subject.schedules:
            totals = [self._total(subject, schedule, count) for count in STEPS]
            above = [abs(total - limit) for total in totals]
            intervals[f"few.{schedule}"] = exact(totals[0], self._rounding)
            intervals[f"limit.{schedule}"] = exact(extrapolated(totals), self._rounding)
            intervals[f"order.{schedule}"] = order_interval([1 / n for n in STEPS], above, self.setting.rounding)
            traces[schedule] = totals
        return Measurement(intervals, traces)

    def _total(self, subject: Loss, schedule: str, count: int) -> float:
        """The loss with the oracle's own noise predictions."""
        weights, levels = zip(*subject.steps(schedule, count), strict=True)
        weight = self.setting.tensor(weights).double()
        return float((weight * self._errors(self.setting.tensor([math.exp(-v / 2) for v in levels])).double()).sum())

    def _errors(self, sigma: Tensor) -> Tensor:
        """E of the squared noise error at each level (T,): a quadratic in clean point and noise, so four points do."""
        zero = self.setting.tensor([0.0])
        oracle = Gaussian(zero, zero + DEVIATION**2)
        squares = []
        for y in (-DEVIATION, DEVIATION):
            for n in (-1.0, 1.0):
                x = (y + sigma * n)[:, None]
                squares.append((oracle.velocity(x, sigma)[:, 0] - n) ** 2)
        return sum(squares[1:], squares[0]) / 4

    def picture(self, measurements: dict[str, Measurement]) -> Picture:
        traces, limit, steps = measurements[""].traces, closed(DEVIATION), [float(n) for n in STEPS]
        names: dict[str, Text] = {
            "straight": {"en": "straight in logSNR", "zh": "logSNR 直线"},
            "cosine": {"en": "cosine", "zh": "余弦"},
            "bent": {"en": "bent", "zh": "弯曲"},
        }
        first = [traces[key][0] for key in names]
        last = [traces[key][-1] - limit for key in names]
        return Picture(
            title={"en": "Discrete loss above the continuous one", "zh": "离散损失高出连续损失的部分"},
            description={
                "en": "Loss of T steps less the continuous loss, nats, on N(0, 0.25) with the exact predictor, both "
                f"axes logarithmic. In {FEW} steps the losses are {first[0]:.3f}, {first[1]:.3f}, {first[2]:.3f} on "
                f"the straight, the cosine and the bent schedule; at {STEPS[-1]} they are {last[0]:.4f}, "
                f"{last[1]:.4f}, {last[2]:.4f} above the common limit {limit:.4f}.",
                "zh": "预测器精确时，在 N(0, 0.25) 上 T 步损失减去连续损失（奈特），双对数坐标。"
                f"{FEW} 步时，直线、余弦、弯曲三种时间表的损失为 {first[0]:.3f}、{first[1]:.3f}、{first[2]:.3f}；"
                f"{STEPS[-1]} 步时，比共同的极限 {limit:.4f} 高出 {last[0]:.4f}、{last[1]:.4f}、{last[2]:.4f}。",
            },
            x_title={"en": "number of steps T", "zh": "步数 T"},
            y_title={"en": "nats above the limit", "zh": "高出极限的奈特数"},
            series=[Series(title, steps, [v - limit for v in traces[key]], "marked") for key, title in names.items()],
            guides=[slope((steps[0], 0.6 * (first[0] - limit)), steps[-1], -1)],
            x_log=True,
            y_log=True,
        )

    def summary(self, measurement: Measurement) -> Text:
        found = measurement.intervals
        few = ", ".join(f"{found[f'few.{key}'].estimate:.4f}" for key in SCHEDULES)
        limits = ", ".join(f"{found[f'limit.{key}'].estimate:.5f}" for key in SCHEDULES)
        return {
            "en": f"Loss of {FEW} steps on three schedules: {few} nats. Limits: {limits}; the closed form gives "
            f"{closed(DEVIATION):.6f}.",
            "zh": f"三种时间表走 {FEW} 步的损失为 {few.replace(', ', '、')} 奈特；极限为 "
            f"{limits.replace(', ', '、')}，封闭公式给出 {closed(DEVIATION):.6f}。",
        }
