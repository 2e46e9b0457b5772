r"""cm-pd: the target of progressive distillation makes one step of the student two steps of the teacher.

The target lies where the line through both ends of the teacher's two Euler steps meets zero noise (cm.pd-target):

    D~ = (x_3 - (t_3/t_1) x) / (1 - t_3/t_1).

A student that meets its target exactly is again a denoiser, at every other noise level, and can teach the next one.
After k halvings its N steps are the first teacher's 2^k N steps, with their error and no more. That is measured on a
mixture, and on a Gaussian the ratio of N plain Euler steps' error to the student's, which is known.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

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
from verify.experiments.grids import karras
from verify.experiments.oracles.gaussian import Gaussian
from verify.experiments.orders import distance
from verify.experiments.samplers.common import Denoise
from verify.experiments.samplers.ode import euler, euler_step
from verify.experiments.statistics import Span, around, exact, exact_blind
from verify.experiments.targets import two_bumps

DEVIATION, LAST, FIRST = 0.5, 0.05, 5.0
STEPS, HALVINGS = 32, 3
POINTS = tuple(-1.8 + 0.3 * k for k in range(13))
MARGIN, RATIO_MARGIN = 1e-4, 0.02

Target = Callable[[Tensor, Tensor, Tensor, Tensor, float, float, float], Tensor]
"""`target(x, x3, first, second, t1, t2, t3)`: what the student should return at (x, t1), from both outputs."""


def line(x: Tensor, x3: Tensor, first: Tensor, second: Tensor, t1: float, t2: float, t3: float) -> Tensor:
    ratio = t3 / t1
    return (x3 - ratio * x) / (1 - ratio)


def average(x: Tensor, x3: Tensor, first: Tensor, second: Tensor, t1: float, t2: float, t3: float) -> Tensor:
    return (first + second) / 2


def middle_ratio(x: Tensor, x3: Tensor, first: Tensor, second: Tensor, t1: float, t2: float, t3: float) -> Tensor:
    ratio = t3 / t2
    return (x3 - ratio * x) / (1 - ratio)


def undivided(x: Tensor, x3: Tensor, first: Tensor, second: Tensor, t1: float, t2: float, t3: float) -> Tensor:
    """Points of a variance-preserving model, alpha x with alpha = 1/sqrt(1 + sigma^2), put into the same formula."""
    ratio = t3 / t1
    return (x3 / math.hypot(1, t3) - ratio * x / math.hypot(1, t1)) / (1 - ratio)


def distilled(denoise: Denoise, levels: Sequence[float], target: Target) -> Denoise:
    """The student of a teacher that walks `levels`: a denoiser at every other of them."""
    places = {t1: (t2, t3) for t1, t2, t3 in zip(levels[::2], levels[1::2], levels[2::2], strict=False)}

    def student(x: Tensor, sigma: float) -> Tensor:
        t2, t3 = places[sigma]
        first = denoise(x, sigma)
        middle = torch.lerp(first, x, t2 / sigma)
        second = denoise(middle, t2)
        return target(x, torch.lerp(second, middle, t3 / t2), first, second, sigma, t2, t3)

    return student


def gain(levels: Sequence[float]) -> float:
    """The factor of Euler's method on N(0, DEVIATION^2)."""
    return math.prod(1 + (after - t) * t / (DEVIATION**2 + t**2) for t, after in pairwise(levels))


def flow_gain(levels: Sequence[float]) -> float:
    return math.sqrt((DEVIATION**2 + levels[-1] ** 2) / (DEVIATION**2 + levels[0] ** 2))


def grid() -> list[float]:
    return karras(STEPS + 1, LAST, FIRST, to_zero=False)


@experiment(
    name="cm-pd",
    title={
        "en": "One student step is two teacher steps, again and again",
        "zh": "学生的一步等于教师的两步，且可反复进行",
    },
    claims=("cm.pd-target",),
    prediction={
        "en": "With the target on the line through both ends, one Euler step of the student ends where two of the "
        "teacher end; after three halvings four steps have the error of 32, which is 7.1 times less than that of four "
        "plain steps on a Gaussian.",
        "zh": "目标取在过两端点的直线上时，学生的一步 Euler 恰好走到教师两步的终点；减半三次之后，"
        "四步的误差就是三十二步的误差；在高斯上，直接走四步的误差是它的 7.1 倍。",
    },
)
class Progressive(Experiment):
    @dataclass(frozen=True)
    class Student:
        """How the target is made."""

        target: Target = line

    subject = Student()
    wrong = {
        "average": Wrong(
            {"en": "the average of the teacher's two outputs", "zh": "教师两次输出的平均"},
            Student(average),
            "one-step",
        ),
        "middle-ratio": Wrong(
            {"en": "the ratio of the levels taken at the middle point", "zh": "噪声水平之比取在中间点"},
            Student(middle_ratio),
            "one-step",
        ),
        "undivided": Wrong(
            {"en": "variance-preserving points, not divided by the signal", "zh": "方差保持的点没有除以信号系数"},
            Student(undivided),
            "one-step",
        ),
    }

    def predict(self) -> dict[str, Prediction]:
        near = Span(-MARGIN, MARGIN)
        blind = exact_blind(near, self._rounding)
        value = self.expect(self.subject)["ratio"]
        margin = around(value, RATIO_MARGIN * value)
        return {
            "one-step": Prediction(
                {
                    "en": "distance of one student step from two teacher steps",
                    "zh": "学生一步与教师两步的距离",
                },
                0.0, near, blind, 0.0, "root mean square",
            ),
            "halved": Prediction(
                {
                    "en": "distance of four student steps from 32 teacher steps",
                    "zh": "学生四步与教师三十二步的距离",
                },
                0.0, near, blind, 0.0, "root mean square",
            ),
            "ratio": Prediction(
                {
                    "en": "error of four plain steps over that of the student, Gaussian",
                    "zh": "直接走四步的误差与学生误差之比，高斯",
                },
                value, margin, exact_blind(margin, 100 * self._rounding), 0.0, "arithmetic",
            ),
        }  # fmt: skip

    @property
    def _rounding(self) -> float:
        return 100 * self.setting.rounding

    def expect(self, subject: Student) -> dict[str, float]:
        if subject != self.subject:
            return {}
        levels, few = grid(), grid()[:: 2**HALVINGS]
        ratio = (gain(few) - flow_gain(few)) / (gain(levels) - flow_gain(levels))
        return {"one-step": 0.0, "halved": 0.0, "ratio": abs(ratio)}

    @cached_property
    def _mixture(self) -> Denoise:
        return two_bumps(self.setting.device).denoise

    @cached_property
    def _gaussian(self) -> Denoise:
        zero = self.setting.tensor([0.0])
        return Gaussian(zero, zero + DEVIATION**2).denoise

    @cached_property
    def _points(self) -> Tensor:
        return self.setting.tensor(POINTS)[:, None]

    @staticmethod
    def _students(teacher: Denoise, target: Target) -> list[tuple[Denoise, list[float]]]:
        """The teacher and each student, with the levels that it walks."""
        found = [(teacher, grid())]
        for _ in range(HALVINGS):
            denoise, levels = found[-1]
            found.append((distilled(denoise, levels, target), levels[::2]))
        return found

    def measure(self, subject: Student) -> Measurement:
        chain = self._students(self._mixture, subject.target)
        t1, t2, t3 = grid()[20:23]  # the student at t1 = levels[20]
        one = euler_step(chain[1][0], self._points, t1, t3)
        two = euler(self._mixture, self._points, [t1, t2, t3])
        start = FIRST * self._points
        ends = [euler(denoise, start, levels) for denoise, levels in chain]

        student, few = self._students(self._gaussian, subject.target)[-1]
        truth = flow_gain(few) * start
        plain, quick = (distance(euler(f, start, few), truth) for f in (self._gaussian, student))
        numbers = {"one-step": distance(one, two), "halved": distance(ends[-1], ends[0])}
        intervals = {name: exact(value, self._rounding) for name, value in numbers.items()}
        intervals["ratio"] = exact(plain / quick, 100 * self._rounding)
        return Measurement(intervals, {"halved": [distance(end, ends[0]) for end in ends]})

    def picture(self, measurements: dict[str, Measurement]) -> Picture:
        start = FIRST * self._points
        teacher = [levels for _, levels in self._students(self._mixture, line)]
        best = euler(self._mixture, start, teacher[0])
        plain = [
            float((euler(self._mixture, start, levels) - best).double().square().mean().sqrt()) for levels in teacher
        ]
        steps = [float(STEPS // 2**k) for k in range(HALVINGS + 1)]
        shown: list[tuple[Text, list[float]]] = [
            ({"en": "target on the line", "zh": "目标取在直线上"}, measurements[""].traces["halved"]),
            ({"en": "average of two outputs", "zh": "两次输出的平均"}, measurements["average"].traces["halved"]),
            ({"en": "not distilled", "zh": "不蒸馏"}, plain),
        ]
        return Picture(
            title={"en": "Distance from the teacher's 32 steps", "zh": "与教师三十二步的距离"},
            description={
                "en": "Root mean square distance against the number of steps, on a mixture. The students with the "
                f"target on the line stay at zero; four plain steps are {plain[-1]:.3f} away, and the students of "
                f"averages {measurements['average'].traces['halved'][-1]:.3f}.",
                "zh": "混合分布上的均方根距离随步数的变化。目标取在直线上的学生始终为零；"
                f"直接走四步相差 {plain[-1]:.3f}，目标取平均的学生相差 "
                f"{measurements['average'].traces['halved'][-1]:.3f}。",
            },
            x_title={"en": "steps", "zh": "步数"},
            y_title={"en": "root mean square distance", "zh": "均方根距离"},
            series=[Series(title, steps, values, "marked", tone=k) for k, (title, values) in enumerate(shown)],
            x_log=True,
        )

    def summary(self, measurement: Measurement) -> Text:
        found = {name: interval.estimate for name, interval in measurement.intervals.items()}
        return {
            "en": f"Student and teacher end {found['halved']:.1e} apart after three halvings; four plain steps err "
            f"{found['ratio']:.3f} times as much as four student steps on a Gaussian.",
            "zh": f"减半三次之后，学生与教师的终点相差 {found['halved']:.1e}；"
            f"在高斯上，直接走四步的误差是学生四步的 {found['ratio']:.3f} 倍。",
        }
