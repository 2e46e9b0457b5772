r"""train-uncertainty: a learned weight settles at the logarithm of the loss and leaves the best prediction alone.

At each noise level the network has a loss L_sigma and a number u_sigma of its own; what is minimised is

    sum over sigma of L_sigma e^{-u_sigma} + u_sigma.

In u the minimum is at u = ln L, with the value 1 + ln L, so that every level is divided by its own loss. In the
prediction the factor e^{-u} is positive and does not depend on it: the minimum stays (train.uncertainty; Karras et al.
2024, (14)-(16)).

Data of N(0, s^2) and predictions D(x) = c_sigma x: the losses (c - 1)^2 s^2 + c^2 sigma^2 are closed, their minima are
c = s^2/(s^2 + sigma^2) with L = s^2 sigma^2/(s^2 + sigma^2). Both c and u are found by descent from c = 0, u = 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

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

DEVIATION = 0.5
SIGMAS = (0.02, 0.1, 0.5, 2.0, 10.0)
STEPS, RATE = 120, 0.4
MARGIN = 1e-4


def learned(loss: Tensor, u: Tensor) -> Tensor:
    return loss * torch.exp(-u) + u


def half_lost(loss: Tensor, u: Tensor) -> Tensor:
    """The log-likelihood of a Gaussian of variance e^u with its half kept at one term only."""
    return loss * torch.exp(-u) + u / 2


def shared(loss: Tensor, u: Tensor) -> Tensor:
    """One number for all levels."""
    return loss * torch.exp(-u.mean()) + u.mean()


def least(sigma: float) -> float:
    return (DEVIATION * sigma) ** 2 / (DEVIATION**2 + sigma**2)


@dataclass(frozen=True)
class Weighting:
    """What is minimised, and what is said of the place where u settles."""

    objective: Callable[[Tensor, Tensor], Tensor] = learned
    settled: Callable[[float], float] = math.log


@experiment(
    name="train-uncertainty",
    title={
        "en": "A learned weight divides each noise level by its own loss",
        "zh": "学习得到的权重使每个噪声水平除以自己的损失",
    },
    claims=("train.uncertainty",),
    prediction={
        "en": "The learned number ends at the logarithm of the smallest loss of its level, negative values included; "
        "the predictions end at the best ones, as without weights.",
        "zh": "学到的数收敛到该水平最小损失的对数，可以为负；预测收敛到最优预测，与不加权时相同。",
    },
)
class Uncertainty(Experiment):
    subject = Weighting()
    wrong = {
        "settles-at-loss": Wrong(
            {"en": "it settles at the loss itself", "zh": "以为收敛到损失本身"},
            Weighting(settled=lambda loss: loss),
            "log.0.02",
        ),
        "half-lost": Wrong(
            {"en": "half of the number is added instead of all", "zh": "只加上它的一半"},
            Weighting(objective=half_lost),
            "log.0.5",
        ),
        "shared": Wrong(
            {"en": "one number for all noise levels", "zh": "所有噪声水平共用一个数"},
            Weighting(objective=shared),
            "log.0.02",
        ),
        "negative-is-a-fault": Wrong(
            {"en": "it cannot be negative", "zh": "以为它不能为负"},
            Weighting(settled=lambda loss: max(math.log(loss), 0.0)),
            "log.0.1",
        ),
    }

    def predict(self) -> dict[str, Prediction]:
        predictions = {}
        for name, value in self.expect(self.subject).items():
            kind, _, sigma = name.partition(".")
            title: Text = (
                {"en": f"learned number less ln L, sigma = {sigma}", "zh": f"学到的数减去 ln L，σ = {sigma}"}
                if kind == "log"
                else {"en": f"prediction over the best, sigma = {sigma}", "zh": f"预测与最优之比，σ = {sigma}"}
            )
            margin = around(value, MARGIN)
            blind = exact_blind(margin, self._rounding)
            predictions[name] = Prediction(title, value, margin, blind, 0.0, f"{STEPS} steps of descent")
        return predictions

    def expect(self, subject: Weighting) -> dict[str, float]:
        losses = [least(sigma) for sigma in SIGMAS]
        ends = [math.log(loss) for loss in losses]
        if subject.objective is half_lost:
            ends = [math.log(2 * loss) for loss in losses]
        if subject.objective is shared:
            ends = [math.log(math.fsum(losses) / len(losses))] * len(losses)
        found = {
            f"log.{sigma:g}": end - subject.settled(loss) for sigma, loss, end in zip(SIGMAS, losses, ends, strict=True)
        }
        return found | {f"best.{sigma:g}": 1.0 for sigma in SIGMAS}

    @property
    def _rounding(self) -> float:
        return 100 * self.setting.rounding

    def measure(self, subject: Weighting) -> Measurement:
        sigma = self.setting.tensor(SIGMAS)
        c, u = torch.zeros_like(sigma), torch.zeros_like(sigma)
        path = []
        for _ in range(STEPS):
            with torch.enable_grad():
                c, u = c.detach().requires_grad_(), u.detach().requires_grad_()
                loss = ((c - 1) * DEVIATION) ** 2 + (c * sigma) ** 2
                objective = subject.objective(loss, u).sum()
                slope_c, slope_u = torch.autograd.grad(objective, (c, u), create_graph=True)
                (curvature,) = torch.autograd.grad(slope_c.sum(), c)
            path.append(u.detach())
            # Newton's step in c, where all is a parabola; the weight stands in both and cancels.
            c, u = (c - slope_c / curvature).detach(), (u - RATE * slope_u).detach()
        found = {
            f"log.{s:g}": value - subject.settled(least(s))
            for s, value in zip(SIGMAS, u.double().tolist(), strict=True)
        }
        best = DEVIATION**2 / (DEVIATION**2 + sigma.double() ** 2)
        found |= {f"best.{s:g}": r for s, r in zip(SIGMAS, (c.double() / best).tolist(), strict=True)}
        intervals = {name: exact(value, self._rounding) for name, value in found.items()}
        return Measurement(intervals, {"u": u.double().tolist(), "path": torch.stack(path).double().T.tolist()})

    def picture(self, measurements: dict[str, Measurement]) -> Picture:
        steps = [float(k) for k in range(40)]
        right = measurements[""].traces
        series = []
        for tone, (sigma, path) in enumerate(zip(SIGMAS, right["path"], strict=True)):
            title = {"en": f"sigma = {sigma:g}", "zh": f"σ = {sigma:g}"}
            series.append(Series(title, steps, path[: len(steps)], tone=tone))
        logs = [math.log(least(sigma)) for sigma in SIGMAS]
        series.append(Series({"en": "ln L", "zh": "ln L"}, [steps[-1]] * len(SIGMAS), logs, "points", tone=len(SIGMAS)))
        return Picture(
            title={"en": "The learned number during descent", "zh": "下降过程中学到的数"},
            description={
                "en": f"The number of each noise level falls from 0 to the logarithm of its own loss, from "
                f"{right['u'][-1]:.2f} at the highest level to {right['u'][0]:.2f} at the lowest.",
                "zh": f"各噪声水平的数从 0 降到自身损失的对数：最高水平处为 {right['u'][-1]:.2f}，"
                f"最低水平处为 {right['u'][0]:.2f}。",
            },
            x_title={"en": "step", "zh": "步"},
            y_title={"en": "learned number u", "zh": "学到的数 u"},
            series=series,
        )

    def summary(self, measurement: Measurement) -> Text:
        u = measurement.traces["u"]
        low, high = least(SIGMAS[0]), least(SIGMAS[-1])
        return {
            "en": f"The number ends at {u[0]:.4f} where the loss is {low:.6f}, and at {u[-1]:.4f} where it is "
            f"{high:.6f}; all predictions end at the best ones.",
            "zh": f"损失为 {low:.6f} 处，学到的数收敛到 {u[0]:.4f}；损失为 {high:.6f} 处，收敛到 {u[-1]:.4f}；"
            "所有预测都收敛到最优。",
        }
