r"""train-weight-growth: a layer that normalises its weights makes them grow, and slows its own training.

If the loss does not change when w is multiplied by a positive number, then differentiating L(c w) = L(w) in c at c = 1
gives <w, grad L(w)> = 0, and in w grad L(c w) = grad L(w) / c. Gradient descent w' = w - eta grad L(w) therefore makes
a right-angled step, and Pythagoras says

    |w'|^2 = |w|^2 + eta^2 |grad L(w)|^2:

the norm can only grow, and the angle of a step, whose tangent is eta |grad L(w)| / |w| = eta |grad L(w/|w|)| / |w|^2,
shrinks with its square (train.weight-growth; Karras et al. 2024, section 2).
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
from verify.experiments.statistics import Interval, around, exact, exact_blind

ROWS, INPUTS = 64, 8
STEPS, RATE, FACTOR = 60, 1.5, 3.0
MARGIN = 1e-3
ROUNDINGS = 100

Layer = Callable[[Tensor, Tensor], Tensor]  # (rows, weights) -> outputs
State = dict[str, Tensor]
Update = Callable[[Tensor, Tensor, State], Tensor]  # (weights, gradient, state) -> the next weights


def normalised(x: Tensor, w: Tensor) -> Tensor:
    return x @ (w / w.norm())


def descent(w: Tensor, gradient: Tensor, state: State) -> Tensor:
    return w - RATE * gradient


def momentum(w: Tensor, gradient: Tensor, state: State) -> Tensor:
    state["speed"] = gradient + 0.9 * state.get("speed", torch.zeros_like(w))
    return w - RATE * state["speed"]


def adam(w: Tensor, gradient: Tensor, state: State) -> Tensor:
    step = state.get("step", torch.zeros_like(w)) + 1
    first = 0.9 * state.get("first", torch.zeros_like(w)) + 0.1 * gradient
    second = 0.99 * state.get("second", torch.zeros_like(w)) + 0.01 * gradient**2
    state |= {"step": step, "first": first, "second": second}
    return w - 0.1 * first / (1 - 0.9**step) / ((second / (1 - 0.99**step)).sqrt() + 1e-8)


@dataclass(frozen=True)
class Training:
    """A layer and the rule that moves its weights."""

    layer: Layer = normalised
    update: Update = descent


@experiment(
    name="train-weight-growth",
    title={
        "en": "Weights that are normalised grow at every step of gradient descent",
        "zh": "归一化的权重在梯度下降的每一步都会增大",
    },
    claims=("train.weight-growth",),
    prediction={
        "en": "The gradient is orthogonal to the weights, is three times smaller at three times the weights, and each "
        "step adds the square of its length to the square of the norm.",
        "zh": "梯度与权重正交；权重放大三倍，梯度缩小三倍；每一步使范数的平方增加步长的平方。",
    },
)
class WeightGrowth(Experiment):
    subject = Training()
    wrong = {
        "plain": Wrong(
            {"en": "a layer that does not normalise", "zh": "不做归一化的层"},
            Training(layer=lambda x, w: x @ w),
            "angle",
        ),
        "softened": Wrong(
            {"en": "w / (|w| + 0.1) instead of w / |w|", "zh": "写成 w / (|w| + 0.1)"},
            Training(layer=lambda x, w: x @ (w / (w.norm() + 0.1))),
            "angle",
        ),
        "momentum": Wrong(
            {"en": "the same law for momentum", "zh": "以为动量法也服从此律"},
            Training(update=momentum),
            "growth",
        ),
        "adam": Wrong({"en": "the same law for Adam", "zh": "以为 Adam 也服从此律"}, Training(update=adam), "growth"),
        "decay": Wrong(
            {"en": "with weight decay", "zh": "带权重衰减"},
            Training(update=lambda w, gradient, state: 0.99 * w - RATE * gradient),
            "growth",
        ),
    }

    def predict(self) -> dict[str, Prediction]:
        texts: dict[str, Text] = {
            "angle": {"en": "largest cosine between weights and gradient", "zh": "权重与梯度夹角余弦的最大值"},
            "scale": {"en": "gradient at w over gradient at 3 w", "zh": "w 处与 3w 处梯度之比"},
            "growth": {
                "en": "growth of |w|², over the sum of the squared steps",
                "zh": "|w|² 的增量与各步步长平方和之比",
            },
        }
        predictions = {}
        for name, value in self.expect(self.subject).items():
            margin = around(value, MARGIN)
            blind = exact_blind(margin, self._rounding)
            predictions[name] = Prediction(texts[name], value, margin, blind, 0.0, "autograd")
        return predictions

    def expect(self, subject: Training) -> dict[str, float]:
        return {"angle": 0.0, "scale": FACTOR, "growth": 1.0} if subject is self.subject else {}

    @property
    def _rounding(self) -> float:
        return ROUNDINGS * self.setting.rounding

    def measure(self, subject: Training) -> Measurement:
        latents = self.setting.latents
        x = latents.normal("growth.rows", ROWS, INPUTS)
        goal = torch.sin(2 * x[:, 0]) + 0.3 * latents.normal("growth.noise", ROWS, 1)[:, 0]

        def gradient(w: Tensor) -> Tensor:
            with torch.enable_grad():
                w = w.detach().requires_grad_()
                return torch.autograd.grad((torch.tanh(subject.layer(x, w)) - goal).square().mean(), w)[0]

        w = latents.normal("growth.weights", 1, INPUTS)[0]
        scale = gradient(w).norm() / gradient(FACTOR * w).norm()
        squares, steps, cosines, angles = [w.square().sum()], [], [], []
        state: State = {}
        for _ in range(STEPS):
            g = gradient(w)
            moved = subject.update(w, g, state)
            cosines.append((w @ g).abs() / (w.norm() * g.norm()))
            angles.append(RATE * g.norm() / w.norm())
            steps.append((RATE * g).square().sum())
            w = moved
            squares.append(w.square().sum())
        growth = (squares[-1] - squares[0]) / torch.stack(steps).sum()
        found = {"angle": torch.stack(cosines).max(), "scale": scale, "growth": growth}
        intervals: dict[str, Interval] = {k: exact(float(v), self._rounding) for k, v in found.items()}
        traces = {"norms": torch.stack(squares).sqrt().tolist(), "angles": torch.stack(angles).tolist()}
        return Measurement(intervals, traces)

    def picture(self, measurements: dict[str, Measurement]) -> Picture:
        shown = {"": {"en": "gradient descent", "zh": "梯度下降"}} | {
            key: self.wrong[key].title for key in ("plain", "momentum", "decay")
        }
        steps = [float(k) for k in range(STEPS + 1)]
        norms = measurements[""].traces["norms"]
        return Picture(
            title={"en": "Norm of the weights during training", "zh": "训练中权重的范数"},
            description={
                "en": f"The norm of a normalised layer's weights grows under gradient descent at every step, here from "
                f"{norms[0]:.2f} to {norms[-1]:.2f}; without normalisation or with decay it need not.",
                "zh": f"归一化层的权重范数在梯度下降的每一步都增大，此处从 {norms[0]:.2f} 到 {norms[-1]:.2f}；"
                "不归一化或有衰减时则未必。",
            },
            x_title={"en": "step", "zh": "步"},
            y_title={"en": "norm", "zh": "范数"},
            series=[Series(title, steps, measurements[key].traces["norms"]) for key, title in shown.items()],
        )

    def summary(self, measurement: Measurement) -> Text:
        norms, angles = measurement.traces["norms"], measurement.traces["angles"]
        power = math.ceil(math.log10(max(abs(measurement.intervals["growth"].estimate - 1), 1e-16)))
        return {
            "en": f"In {STEPS} steps the norm grows from {norms[0]:.3f} to {norms[-1]:.3f}, by the sum of the squared "
            f"steps up to 1e{power}; the tangent of a step's angle falls from {angles[0]:.3f} to {angles[-1]:.3f}.",
            "zh": f"{STEPS} 步之内，范数从 {norms[0]:.3f} 增至 {norms[-1]:.3f}，"
            f"其平方的增量等于步长平方之和，相对误差 1e{power} 以内；"
            f"每步转角的正切从 {angles[0]:.3f} 降至 {angles[-1]:.3f}。",
        }
