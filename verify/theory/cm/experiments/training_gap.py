r"""cm-ct-gap: the gradient of consistency training tends to that of distillation as the steps get short.

Both compare f at level sigma with f, held fixed, at level sigma' = sigma - h. Distillation takes the second point from
an Euler step with the exact denoiser, x' = x + (sigma' - sigma)(x - D)/sigma; training from the same clean point and
noise, y + sigma' z, which is the Euler step with y in the place of D (cm.ct-estimator). Given x the mean of the second
is the first, and its variance is (h/sigma)^2 Var[y | x]. So the two gradients differ, to leading order, by

    g_CT - g_CD = - (h/sigma)^2 E[f''(x) Var[y | x] grad_theta f(x)],

while each of them is of order h: their ratio tends to 1, and at no finite number of steps is it 1. With the second
point's f not held fixed the loss itself is of order h^2, and the gap is as large as the gradient.

f has one neuron, f = c_skip x + c_out tanh(a x + b) with the scalings of cm.boundary; expectations over a mixture on
the line are sums over nodes, so nothing is sampled.
"""

from __future__ import annotations

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
from verify.experiments.oracles.mixture import Mixture
from verify.experiments.quadrature import normal_rule
from verify.experiments.samplers.consistency import boundary
from verify.experiments.samplers.ode import euler_step
from verify.experiments.statistics import Span, exact, exact_blind, order_interval

SHARES, CENTRES, SPREADS = (0.3, 0.7), (-1.0, 0.8), (0.2, 0.35)
SIGMA = 1.0
SIZES = tuple(0.5 / 2 ** (k / 2) for k in range(10))  # h, SIGMA over the number of steps
A, B = 0.9, 0.2
NODES, OTHER_NODES = 61, 15
ORDER_MARGIN, SHARE_MARGIN = 0.25, 0.05

SCALING = boundary()


def neuron(x: Tensor, sigma: float) -> tuple[Tensor, Tensor, Tensor]:
    """f and its derivatives in a and b, each of the shape of x."""
    skip, out = SCALING(sigma)
    wave = torch.tanh(A * x + B)
    slope = out * (1 - wave**2)
    return skip * x + out * wave, slope * x, slope


def curvature(x: Tensor, sigma: float) -> Tensor:
    """f'' in x."""
    _, out = SCALING(sigma)
    wave = torch.tanh(A * x + B)
    return -2 * A**2 * out * wave * (1 - wave**2)


@dataclass(frozen=True)
class Nodes:
    """Clean points, their noise, another independent noise, and weights that sum to 1; all (n,)."""

    y: Tensor
    z: Tensor
    other: Tensor
    weights: Tensor


Partner = Callable[[Nodes, Tensor, Tensor, float], Tensor]
"""`partner(nodes, x, euler, after)`: the point at the lower level that f(x) is compared with."""


def same_noise(nodes: Nodes, x: Tensor, euler: Tensor, after: float) -> Tensor:
    return nodes.y + after * nodes.z


def fresh_noise(nodes: Nodes, x: Tensor, euler: Tensor, after: float) -> Tensor:
    return nodes.y + after * nodes.other


def teacher(nodes: Nodes, x: Tensor, euler: Tensor, after: float) -> Tensor:
    return euler


@dataclass(frozen=True)
class Training:
    """The partner in consistency training, whether f is held fixed there, and by theory the orders in h of the gap and
    of gap over gradient, and the gap over the leading term."""

    partner: Partner = same_noise
    held: bool = True
    gap: float | None = 2.0
    relative: float | None = 1.0
    share: float | None = 1.0


@experiment(
    name="cm-ct-gap",
    title={
        "en": "Consistency training tends to distillation, and equals it at no finite number of steps",
        "zh": "一致性训练趋于蒸馏，但步数有限时从不相等",
    },
    claims=("cm.ct-estimator",),
    prediction={
        "en": "The gradients of training and distillation differ like the square of the step, and relative to the "
        "gradient like the step; the factor is the curvature of the network times the posterior variance.",
        "zh": "训练与蒸馏的梯度之差与步长的平方成正比，相对于梯度本身与步长成正比；系数是网络的曲率乘以后验方差。",
    },
)
class TrainingGap(Experiment):
    subject = Training()
    wrong = {
        "independent": Wrong(
            {"en": "independent noises at the two levels", "zh": "两个噪声水平用相互独立的噪声"},
            Training(fresh_noise, gap=0.0, relative=-1.0, share=None),
            "gap",
        ),
        "not-held": Wrong(
            {"en": "the gradient also taken through the target", "zh": "对目标也求梯度"},
            Training(held=False, gap=2.0, relative=0.0, share=None),
            "relative",
        ),
        "exact": Wrong(
            {"en": "no difference at a finite number of steps", "zh": "以为步数有限时也没有差别"},
            Training(teacher, gap=None, relative=None, share=0.0),
            "share",
        ),
    }

    def predict(self) -> dict[str, Prediction]:
        titles: dict[str, Text] = {
            "gap": {"en": "order in the step of the difference of the gradients", "zh": "梯度之差关于步长的阶"},
            "relative": {"en": "order of that difference over the gradient", "zh": "该差与梯度之比的阶"},
        }
        values = self.expect(self.subject)
        predictions = {
            name: stated_order(title, values[name], ORDER_MARGIN, method="sums over nodes")
            for name, title in titles.items()
        }
        margin = Span(1 - SHARE_MARGIN, 1 + SHARE_MARGIN)
        title = {"en": "difference over its leading term, steps to zero", "zh": "步长趋于零时，差与首项之比"}
        blind = exact_blind(margin, self._rounding)
        return predictions | {"share": Prediction(title, 1.0, margin, blind, 0.0, "sums over nodes; extrapolated")}

    @property
    def _rounding(self) -> float:
        return 2 * self.setting.rounding / min(SIZES) ** 2

    def expect(self, subject: Training) -> dict[str, float]:
        found = {"gap": subject.gap, "relative": subject.relative, "share": subject.share}
        return {name: value for name, value in found.items() if value is not None}

    @cached_property
    def _target(self) -> Mixture:
        shares, centres, spreads = (self.setting.tensor(v).double() for v in (SHARES, CENTRES, SPREADS))
        return Mixture(shares, centres[:, None], spreads[:, None] ** 2)

    @cached_property
    def _nodes(self) -> Nodes:
        u, p = normal_rule(NODES)
        v, q = normal_rule(OTHER_NODES)
        k = torch.arange(len(SHARES), dtype=torch.float64)
        component, own, noise, other = torch.cartesian_prod(k, u, u, v).unbind(1)
        index = component.long()
        y = torch.tensor(CENTRES, dtype=torch.float64)[index] + torch.tensor(SPREADS, dtype=torch.float64)[index] * own
        weights = torch.einsum("k,i,j,l->kijl", torch.tensor(SHARES, dtype=torch.float64), p, p, q).reshape(-1)
        return Nodes(*(self.setting.tensor(t) for t in (y, noise, other, weights)))

    def _gradient(self, nodes: Nodes, x: Tensor, partner: Tensor, after: float, held: bool) -> Tensor:
        """Of E (f(x, sigma) - f(partner, sigma'))^2 in (a, b); float64 (2,)."""
        here, *slopes = neuron(x, SIGMA)
        there, *moved = neuron(partner, after)
        gap = 2 * nodes.weights * (here - there)
        parts = [gap * (slope - (0.0 if held else other)) for slope, other in zip(slopes, moved, strict=True)]
        return torch.stack([part.double().sum() for part in parts])

    def measure(self, subject: Training) -> Measurement:
        nodes = self._nodes
        x = nodes.y + SIGMA * nodes.z
        denoised = self._target.denoise(x[:, None], SIGMA)[:, 0]
        variance = (nodes.y - denoised).square()  # its mean given x is Var[y | x]
        leading = torch.stack(
            [
                -(nodes.weights * curvature(x, SIGMA) * variance * slope).double().sum() / SIGMA**2
                for slope in neuron(x, SIGMA)[1:]
            ]
        )
        gaps, relative, shares = [], [], []
        for h in SIZES:
            after = SIGMA - h
            euler = euler_step(lambda point, sigma: denoised, x, SIGMA, after)
            distilled = self._gradient(nodes, x, euler, after, subject.held)
            partner = subject.partner(nodes, x, euler, after)
            gap = self._gradient(nodes, x, partner, after, subject.held) - distilled
            gaps.append(float(gap.norm()))
            relative.append(float(gap.norm() / distilled.norm()))
            shares.append(float((gap * leading).sum() / (h**2 * leading.square().sum())))
        return Measurement(
            {
                "gap": order_interval(SIZES, gaps, self.setting.rounding),
                "relative": order_interval(SIZES, relative, self.setting.rounding),
                "share": exact(2 * shares[-1] - shares[-3], self._rounding),
            },
            {"relative": relative},
        )

    def picture(self, measurements: dict[str, Measurement]) -> Picture:
        steps = [SIGMA / h for h in SIZES]
        shown = {"": {"en": "same noise, target held fixed", "zh": "同一噪声，目标固定"}} | {
            key: self.wrong[key].title for key in ("not-held", "independent")
        }
        series = [
            Series(title, steps, measurements[key].traces["relative"], "marked", tone=tone)
            for tone, (key, title) in enumerate(shown.items())
        ]
        last = measurements[""].traces["relative"][-1]
        return Picture(
            title={"en": "Training against distillation", "zh": "训练与蒸馏的差别"},
            description={
                "en": "Difference of the gradients of consistency training and distillation over the gradient, "
                "against the number of steps, both axes logarithmic. It falls like one over the number, to "
                f"{last:.3f} at {steps[-1]:.0f}; with a gradient through the target it does not fall, with independent "
                "noises it grows.",
                "zh": "一致性训练与蒸馏的梯度之差，与梯度之比，随步数的变化，双对数坐标。它与步数成反比，"
                f"{steps[-1]:.0f} 步时为 {last:.3f}；若对目标也求梯度则不下降，若两份噪声独立则反而增大。",
            },
            x_title={"en": "steps N", "zh": "步数 N"},
            y_title={"en": "relative difference", "zh": "相对差"},
            series=series,
            x_log=True,
            y_log=True,
        )

    def summary(self, measurement: Measurement) -> Text:
        gap, relative, share = (measurement.intervals[k].estimate for k in ("gap", "relative", "share"))
        return {
            "en": f"The gap has order {gap:.3f} in the step and order {relative:.3f} relative to the gradient; its "
            f"limit is {share:.4f} of the formula.",
            "zh": f"差关于步长的阶为 {gap:.3f}，相对于梯度为 {relative:.3f}；极限是公式的 {share:.4f} 倍。",
        }
