r"""guide-classifier: at weight 1 the exact classifier of noisy points turns the law into the conditional law.

A mixture in the plane whose components carry two labels, of unequal weights, wider along one axis than along the other.
At every noise level grad log p(x | c) = grad log p(x) + grad log P(c | x) (guide.bayes), so the
probability-flow ODE with the guided denoiser

    D(x) + sigma^2 grad log P(c | x; sigma)

carries noised conditional points to conditional points. The start is drawn from the conditional law at SIGMA_MAX, so
no start bias mixes in, and the ends are compared with the conditional law's characteristic function. What a wrong
version gives is its own flow of a grid of starting points, summed with their weights: no sample enters.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from verify.experiments.experiment import (
    Density,
    Experiment,
    Measurement,
    Panel,
    Prediction,
    Sheet,
    Text,
    Traces,
    Wrong,
    experiment,
)
from verify.experiments.grids import karras
from verify.experiments.oracles.conditional import Conditional
from verify.experiments.oracles.mixture import Mixture
from verify.experiments.quadrature import normal_rule
from verify.experiments.samplers.common import Denoise
from verify.experiments.samplers.guidance import LogGradient, classifier
from verify.experiments.samplers.ode import euler_step, heun
from verify.experiments.statistics import FALSE_ALARM, CharacteristicFunction, Span, frequencies

WEIGHTS = (0.45, 0.35, 0.20)
MEANS = ((-0.3, 0.2), (0.3, -0.4), (0.5, 0.5))
VARIANCES = (0.16, 0.10)  # of all alike: the classifier of clean points then has a bounded gradient
LABELS = (0, 1, 1)  # the wanted label is not one blob, and the classes overlap
LABEL = 1
SIGMA_MAX, SIGMA_MIN, STEPS = 3.0, 0.02, 12
ROWS, FREQUENCIES = 12_000, 12
MARGIN = 0.085
NODES = 45
SHOWN, SHOWN_LEVEL = (1.0, 2.0, 5.0), 1.5


def labelled(device: str) -> Conditional:
    values = (torch.tensor(v, dtype=torch.float64, device=device) for v in (WEIGHTS, MEANS, VARIANCES))
    return Conditional.of_mixture(Mixture(*values), LABELS)


Gradient = Callable[[Conditional], LogGradient]


def noisy(law: Conditional) -> LogGradient:
    return lambda x, sigma: law.classifier_score(x, sigma, LABEL)


def clean(law: Conditional) -> LogGradient:
    """The classifier of clean points, asked at the noisy point. (Its log is finite at level 0: no atoms here.)"""
    return lambda x, sigma: law.classifier_score(x, 0.0, LABEL)


def lost_factor(law: Conditional) -> LogGradient:
    r"""eps - grad in the place of eps - sqrt(1 - abar) grad, with the gradient in x_t = alpha x.

    In sigma-space the step sigma^2 grad becomes sigma sqrt(1 + sigma^2) grad: too much where there is little noise.
    """
    return lambda x, sigma: law.classifier_score(x, sigma, LABEL) * (math.hypot(1.0, sigma) / sigma)


def plus_sign(law: Conditional) -> LogGradient:
    """eps + sqrt(1 - abar) grad."""
    return lambda x, sigma: -law.classifier_score(x, sigma, LABEL)


@dataclass(frozen=True)
class Guidance:
    """Where the classifier's gradient comes from, and its weight."""

    gradient: Gradient = noisy
    scale: float = 1.0

    def denoiser(self, law: Conditional) -> Denoise:
        return classifier(law.denoise, self.gradient(law), self.scale)


def flow(denoise: Denoise, x: Tensor, steps: int) -> Tensor:
    return heun(denoise, x, karras(steps, SIGMA_MIN, SIGMA_MAX, to_zero=False))


@experiment(
    name="guide-classifier",
    title={
        "en": "Guided by the exact noisy classifier, the flow samples the conditional law",
        "zh": "用精确的含噪分类器引导，流采样出条件分布",
    },
    claims=("guide.bayes",),
    prediction={
        "en": "At weight 1 the guided flow of a labelled mixture ends in the law of one label. Guided by the "
        "classifier of clean points, without the factor of the noise, or with the other sign, it does not.",
        "zh": "引导强度为 1 时，带标签混合分布的引导流给出该标签下的条件分布；"
        "改用干净点的分类器、丢掉噪声系数或弄反符号，都得不到它。",
    },
)
class NoisyClassifier(Experiment):
    subject = Guidance()
    wrong = {
        "clean": Wrong(
            {"en": "the classifier of clean points, used at noisy ones", "zh": "在含噪点上使用干净点的分类器"},
            Guidance(clean),
            "distance",
        ),
        "lost-factor": Wrong(
            {"en": "the gradient without the factor of the noise", "zh": "梯度缺少噪声系数"},
            Guidance(lost_factor),
            "distance",
        ),
        "plus-sign": Wrong(
            {"en": "the gradient added to the predicted noise", "zh": "梯度加到噪声预测上"},
            Guidance(plus_sign),
            "distance",
        ),
        "weight-3": Wrong(
            {"en": "weight 3 said to sample the conditional law", "zh": "以为强度为 3 时采样的仍是条件分布"},
            Guidance(scale=3.0),
            "distance",
        ),
    }

    @cached_property
    def law(self) -> CharacteristicFunction:
        """Of the conditional law at the last noise level."""
        target = labelled("cpu").given(LABEL)
        return CharacteristicFunction.of(
            lambda w: target.characteristic(w, SIGMA_MIN),  # type: ignore[attr-defined]
            frequencies((0.35, 0.6), FREQUENCIES, finest=0.4),
            ROWS,
            FALSE_ALARM,
        )

    def predict(self) -> dict[str, Prediction]:
        near = Span(-math.inf, MARGIN)
        return {
            "distance": Prediction(
                {
                    "en": "largest distance of the characteristic function from the conditional law's",
                    "zh": "特征函数与条件分布的特征函数之间的最大距离",
                },
                0.0,
                near,
                self.law.blind(near),
                FALSE_ALARM,
                f"characteristic function; Bernstein; Heun's method, {STEPS} steps",
            )
        }

    def expect(self, subject: Guidance) -> dict[str, float]:
        """0 for the right version; for another its own flow of the starting law's nodes, in float64."""
        if subject == self.subject:
            return {"distance": 0.0}
        law = labelled("cpu")
        start, weights = self._nodes(law.given(LABEL))  # type: ignore[arg-type]
        ends = flow(subject.denoiser(law), start, STEPS)
        phases = ends @ self.law.frequencies.T
        return {"distance": self.law.distance((weights[:, None] * torch.polar(torch.ones_like(phases), phases)).sum(0))}

    @staticmethod
    def _nodes(law: Mixture) -> tuple[Tensor, Tensor]:
        """Points (n, 2) and weights of the law at SIGMA_MAX: a product rule for each component."""
        z, w = normal_rule(NODES)
        plane = torch.cartesian_prod(z, z)
        weight = torch.outer(w, w).reshape(-1)
        points, weights = [], []
        for k, share in enumerate(law.log_weights.exp()):
            points.append(law.means[k] + plane * (law.variances[k] + SIGMA_MAX**2).sqrt())
            weights.append(share * weight)
        return torch.cat(points), torch.cat(weights)

    @cached_property
    def _target(self) -> Conditional:
        return labelled(self.setting.device)

    @cached_property
    def _start(self) -> Tensor:
        latents = self.setting.latents
        y = self._target.given(LABEL).sample(latents, "classifier.data", ROWS)
        return y + SIGMA_MAX * latents.normal("classifier.level", ROWS, 2)

    def measure(self, subject: Guidance) -> Measurement:
        ends = flow(subject.denoiser(self._target), self._start, STEPS)
        return Measurement({"distance": self.law.interval(ends)})

    def picture(self, measurements: dict[str, Measurement]) -> Sheet:
        """One family of trajectories for each weight, from the same starting points, on the conditional density."""
        law = labelled("cpu")
        x, y = torch.linspace(-1.2, 1.8, 41), torch.linspace(-1.6, 1.6, 41)
        plane = torch.cartesian_prod(y, x).flip(1).double()
        density = law.given(LABEL).log_density(plane, 0.1).exp().reshape(41, 41)
        shade = Density(x.tolist(), y.tolist(), density.tolist())
        start = torch.tensor([[1.5 * math.cos(k * math.pi / 8), 1.5 * math.sin(k * math.pi / 8)] for k in range(16)])
        levels = karras(24, SIGMA_MIN, SHOWN_LEVEL, to_zero=False)
        panels = []
        for scale in SHOWN:
            denoise, state = Guidance(scale=scale).denoiser(law), start.double()
            states = [state]
            for t, after in zip(levels[:-1], levels[1:], strict=True):
                state = euler_step(denoise, state, t, after)
                states.append(state)
            walked = torch.stack(states, 1)
            paths = [(walk[:, 0].tolist(), walk[:, 1].tolist()) for walk in walked]
            panels.append(
                Panel(
                    title={"en": f"weight {scale:g}", "zh": f"引导强度 {scale:g}"},
                    x_title={"en": "x₁", "zh": "x₁"},
                    y_title={"en": "x₂", "zh": "x₂"},
                    series=[Traces({"en": "trajectories", "zh": "轨迹"}, paths)],
                    density=shade,
                    equal=True,
                )
            )
        measured = measurements[""].intervals["distance"].estimate
        strong = measurements["weight-3"].intervals["distance"].estimate
        return Sheet(
            title={"en": "The same starting points at three guidance weights", "zh": "同样的出发点，三种引导强度"},
            description={
                "en": "Trajectories of the guided flow on the density of the wanted label. At weight 1 they spread "
                f"over it: the ends miss its characteristic function by {measured:.3f}, sampling noise. Stronger "
                f"guidance bends them away from the other label; at weight 3 the ends miss it by {strong:.3f}.",
                "zh": "引导流的轨迹，底色是目标标签的概率密度。强度为 1 时轨迹铺满它，终点的特征函数与之相差 "
                f"{measured:.3f}，属抽样误差；强度越大，轨迹越被推离另一标签，强度为 3 时终点与之相差 {strong:.3f}。",
            },
            panels=panels,
            columns=2,
        )

    def summary(self, measurement: Measurement) -> Text:
        found = measurement.intervals["distance"]
        blind = self.law.blind(Span(-math.inf, MARGIN)).high
        return {
            "en": f"The ends of {ROWS} guided trajectories are within {found.high:.3f} of the conditional law's "
            f"characteristic function ({found.estimate:.4f} measured; {blind:.3f} would have been seen).",
            "zh": f"{ROWS} 条引导轨迹的终点，其特征函数与条件分布的相差不超过 {found.high:.3f}"
            f"（实测 {found.estimate:.4f}；{blind:.3f} 的偏差即可察觉）。",
        }
