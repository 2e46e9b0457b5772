r"""train-ema: the power-law average reaches back over a fixed share of the training, and two of them make a third.

The average a_t = beta_t a_{t-1} + (1 - beta_t) theta_t with beta_t = (1 - 1/t)^{gamma+1} gives step k of T a weight
that tends to the density (gamma + 1) tau^gamma of tau = k/T. Its standard deviation is

    sqrt((gamma + 1) / ((gamma + 2)^2 (gamma + 3))),

whatever T: gamma = 16.97220 for a width of 0.05 and 6.93720 for 0.10 (train.ema-power; Karras et al. 2024,
(121)-(127)).
Two averages of widths 0.05 and 0.10 that were kept during one training give the one of width 0.075 nearly. The best
combination solves a linear system of inner products of the densities,

    int (a+1) tau^a (b+1) tau^b dtau = (a+1)(b+1)/(a+b+1),

and is then divided by its sum, so that a constant stays what it is: 0.342269 and 0.657731.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

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
from verify.experiments.statistics import around, exact, exact_blind

STEPS, WIDTHS, GOAL = 2000, (0.05, 0.10), 0.075
MARGIN = 1e-3  # a sum over T steps stands for an integral, and errs by about 1/T of it
COEFFICIENT_MARGIN = 0.005


def width(gamma: float) -> float:
    return math.sqrt((gamma + 1) / (gamma + 3)) / (gamma + 2)


@cache
def exponent(relative_width: float) -> float:
    """The gamma of a width, by bisection: the width falls as gamma grows."""
    low, high = 0.0, 1e4
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if width(middle) > relative_width else (low, middle)
    return low


def power_law(t: int, gamma: float) -> float:
    """Share of the old average at step t, counted from 1."""
    return (1 - 1 / t) ** (gamma + 1)


def without_one(t: int, gamma: float) -> float:
    return (1 - 1 / t) ** gamma


def classic(t: int, gamma: float) -> float:
    """A constant share, with the mean age that the power law has after STEPS steps."""
    return 1 - (gamma + 2) / STEPS


def inner(a: float, b: float) -> float:
    return (a + 1) * (b + 1) / (a + b + 1)


def normalised(found: Tensor) -> Tensor:
    return found / found.sum()


def as_found(found: Tensor) -> Tensor:
    return found


def solve(products: list[list[float]], goals: list[float]) -> Tensor:
    return torch.linalg.solve(torch.tensor(products, dtype=torch.float64), torch.tensor(goals, dtype=torch.float64))


@dataclass(frozen=True)
class Averaging:
    """How the share of the old average is chosen, and what is done with the solution of the linear system."""

    share: Callable[[int, float], float] = power_law
    finish: Callable[[Tensor], Tensor] = normalised


@experiment(
    name="train-ema",
    title={
        "en": "A power-law average has the same relative width at every moment of the training",
        "zh": "幂律平均的相对宽度在训练的任何时刻都相同",
    },
    claims=("train.ema-power",),
    prediction={
        "en": "The weights of the steps have widths 0.05 and 0.10 of the training so far, after half of it and after "
        "all; 0.342269 of the first and 0.657731 of the second give the average of width 0.075.",
        "zh": "各步权重的宽度为已训练时间的 0.05 与 0.10，训练过半时如此，结束时也如此；"
        "前者取 0.342269、后者取 0.657731，合成宽度为 0.075 的平均。",
    },
)
class Average(Experiment):
    subject = Averaging()
    wrong = {
        "gamma": Wrong(
            {"en": "gamma in the place of gamma + 1", "zh": "指数写成 γ 而不是 γ + 1"},
            Averaging(share=without_one),
            "width.0.05",
        ),
        "classic": Wrong(
            {"en": "the classic average of the same mean age", "zh": "平均年龄相同的经典平均"},
            Averaging(share=classic),
            "half.0.1",
        ),
        "not-normalised": Wrong(
            {"en": "the solution is not divided by its sum", "zh": "线性方程组的解没有除以其和"},
            Averaging(finish=as_found),
            "combined.0.1",
        ),
    }

    def predict(self) -> dict[str, Prediction]:
        predictions = {}
        for name, value in self.expect(self.subject).items():
            margin = around(value, COEFFICIENT_MARGIN if name.startswith("combined") else MARGIN)
            blind = exact_blind(margin, self._rounding)
            predictions[name] = Prediction(self._title(name), value, margin, blind, 0.0, "the averaging itself")
        return predictions

    @staticmethod
    def _title(name: str) -> Text:
        kind, _, w = name.partition(".")
        return {
            "width": {"en": f"width of the weights, gamma for {w}", "zh": f"权重的宽度，γ 取自 {w}"},
            "half": {"en": f"the same after half of the steps, {w}", "zh": f"步数过半时的宽度，{w}"},
            "combined": {"en": f"coefficient of the average of width {w}", "zh": f"宽度为 {w} 的平均的系数"},
        }[kind]

    def expect(self, subject: Averaging) -> dict[str, float]:
        found = {}
        for w in WIDTHS:
            gamma = exponent(w)
            if subject.share is classic:
                # Constant shares give weights e^{-age/m}, cut off at the first step; m is the mean age in steps.
                found[f"width.{w:g}"] = self._cut_exponential(STEPS / (gamma + 2), STEPS)
                found[f"half.{w:g}"] = self._cut_exponential(STEPS / (gamma + 2), STEPS // 2)
            else:
                found |= dict.fromkeys((f"width.{w:g}", f"half.{w:g}"), width(gamma - (subject.share is without_one)))
        if subject.share is power_law:
            gammas = [exponent(w) for w in WIDTHS]
            products = [[inner(a, b) for b in gammas] for a in gammas]
            coefficients = subject.finish(solve(products, [inner(a, exponent(GOAL)) for a in gammas])).tolist()
            found |= {f"combined.{w:g}": c for w, c in zip(WIDTHS, coefficients, strict=True)}
        return found

    @staticmethod
    def _cut_exponential(age: float, steps: int) -> float:
        """Relative deviation of weights e^{-x/age}/age on 0 < x < steps, with the rest of the weight at x = steps."""
        r = steps / age
        rest = math.exp(-r)
        mean, square = 1 - rest, 2 * (1 - rest * (1 + r))
        return math.sqrt(square - mean**2) / r

    @property
    def _rounding(self) -> float:
        return 400 * self.setting.rounding

    def _weights(self, subject: Averaging, gamma: float, steps: int) -> Tensor:
        """Weight of each step in the average (steps,): the averaging of unit vectors, one a step."""
        values = torch.eye(steps, dtype=self.setting.dtype, device=self.setting.device)
        average = values[0]
        for t in range(2, steps + 1):
            average = torch.lerp(values[t - 1], average, subject.share(t, gamma))
        return average.double()

    def measure(self, subject: Averaging) -> Measurement:
        found: dict[str, float] = {}
        for w in WIDTHS:
            for name, steps in (("width", STEPS), ("half", STEPS // 2)):
                weights = self._weights(subject, exponent(w), steps)
                tau = torch.arange(1, steps + 1, dtype=torch.float64, device=weights.device) / steps
                mean = (weights * tau).sum()
                found[f"{name}.{w:g}"] = float((weights * (tau - mean) ** 2).sum().sqrt())
        goal, *kept = (self._weights(subject, exponent(w), STEPS) for w in (GOAL, *WIDTHS))
        products = [[float(a @ b) for b in kept] for a in kept]
        coefficients = subject.finish(solve(products, [float(a @ goal) for a in kept])).tolist()
        found |= {f"combined.{w:g}": c for w, c in zip(WIDTHS, coefficients, strict=True)}
        made = sum(c * a for c, a in zip(coefficients, kept, strict=True))
        traces = {"made": made, "goal": goal, **{f"{w:g}": a for w, a in zip(WIDTHS, kept, strict=True)}}
        return Measurement(
            {name: exact(value, self._rounding) for name, value in found.items()},
            {name: (STEPS * weights).tolist() for name, weights in traces.items()},
        )

    def picture(self, measurements: dict[str, Measurement]) -> Picture:
        right = measurements[""].intervals
        shown = (
            ("", "0.05", {"en": "width 0.05", "zh": "宽度 0.05"}),
            ("", "0.1", {"en": "width 0.10", "zh": "宽度 0.10"}),
            ("", "goal", {"en": "width 0.075", "zh": "宽度 0.075"}),
            ("", "made", {"en": "made of the first two", "zh": "由前两者合成"}),
            ("classic", "0.1", {"en": "classic average", "zh": "经典平均"}),
        )
        every = range(STEPS // 2, STEPS + 1, 20)
        return Picture(
            title={"en": "Weight of each moment of the training", "zh": "训练各时刻的权重"},
            description={
                "en": f"Profiles of averages over the second half of the training; measured widths "
                f"{right['width.0.05'].estimate:.4f} and {right['width.0.1'].estimate:.4f}. The combination of the two "
                "lies close to the profile of width 0.075.",
                "zh": f"各种平均在训练后半程的权重；测得宽度 {right['width.0.05'].estimate:.4f} 与 "
                f"{right['width.0.1'].estimate:.4f}。两者合成的曲线与宽度 0.075 的曲线相近。",
            },
            x_title={"en": "share of the training", "zh": "训练进度"},
            y_title={"en": "weight, as a density", "zh": "权重（密度）"},
            series=[
                Series(title, [k / STEPS for k in every], [measurements[key].traces[name][k - 1] for k in every])
                for key, name, title in shown
            ],
        )

    def summary(self, measurement: Measurement) -> Text:
        value = {name: interval.estimate for name, interval in measurement.intervals.items()}
        return {
            "en": f"After {STEPS} steps the widths are {value['width.0.05']:.5f} and {value['width.0.1']:.5f}, after "
            f"half of them {value['half.0.05']:.5f} and {value['half.0.1']:.5f}; the coefficients are "
            f"{value['combined.0.05']:.5f} and {value['combined.0.1']:.5f}.",
            "zh": f"{STEPS} 步后宽度为 {value['width.0.05']:.5f} 与 {value['width.0.1']:.5f}，"
            f"过半时为 {value['half.0.05']:.5f} 与 {value['half.0.1']:.5f}；"
            f"系数为 {value['combined.0.05']:.5f} 与 {value['combined.0.1']:.5f}。",
        }
