r"""cm-multistep: between two steps of a consistency model only the missing variance is added.

A point of the law at epsilon has noise already, so sqrt(tau^2 - epsilon^2) z brings it to level tau exactly
(cm.multistep). Measured by the characteristic function of a mixture, after the noise alone and after two steps with
the exact map. With an inexact map more steps are no cure by themselves: if f is stretched by 1 + delta on N(0, s^2),
every step errs anew and passes a part of what it was given,

    V' = (1 + delta)^2 (s^2 + epsilon^2)/(s^2 + tau^2) (V + tau^2 - epsilon^2).
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
from verify.experiments.oracles.gaussian import Gaussian
from verify.experiments.samplers.common import Denoise, Noise
from verify.experiments.samplers.consistency import consistency
from verify.experiments.statistics import (
    FALSE_ALARM,
    CharacteristicFunction,
    Span,
    around,
    exact,
    exact_blind,
    frequencies,
)
from verify.experiments.targets import two_bumps
from verify.theory.cm.experiments.maps import gaussian_map, quantile_map

EPSILON, TAU, SIGMA_MAX = 1.0, 1.4, 40.0
ROWS, FREQUENCIES = 40_000, 12
MARGIN = 0.05

DEVIATION, SMALL, STRETCH = 0.5, 0.05, 0.01
LEVELS = (1.0, 0.8, 0.6, 0.4)  # from which the inexact map is applied
GROWTH_MARGIN = 0.02

Sampler = Callable[[Denoise, Tensor, Sequence[float], Noise, float], Tensor]


def version(add: Callable[[Tensor, float, float, Tensor, Tensor], Tensor]) -> Sampler:
    """Multistep sampling with another noise step: add(x, tau, epsilon, fresh, the noise before)."""

    def sampler(f: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise, epsilon: float) -> Tensor:
        before = noise(-1)
        for i, (t, after) in enumerate(zip(sigmas[:-1], sigmas[1:], strict=True)):
            x = f(x, t)
            if after > epsilon:
                x, before = add(x, after, epsilon, noise(i), before), noise(i)
        return x

    return sampler


def whole(x: Tensor, tau: float, epsilon: float, fresh: Tensor, before: Tensor) -> Tensor:
    return x + tau * fresh


def difference(x: Tensor, tau: float, epsilon: float, fresh: Tensor, before: Tensor) -> Tensor:
    return x + (tau - epsilon) * fresh


def reused(x: Tensor, tau: float, epsilon: float, fresh: Tensor, before: Tensor) -> Tensor:
    return x + math.sqrt(tau**2 - epsilon**2) * before


def growth(fresh_errors: Sequence[bool]) -> float:
    """Relative error of the variance after steps with (True) and without the stretch, over that of one step."""
    level, square = DEVIATION**2 + SMALL**2, (1 + STRETCH) ** 2
    total = level  # at SMALL, of the data themselves
    for errs, tau in zip(fresh_errors, LEVELS, strict=True):
        passed = level / (DEVIATION**2 + tau**2) * (total + tau**2 - SMALL**2)
        total = passed * (square if errs else 1.0)
    return (total / level - 1) / (square - 1)


@dataclass(frozen=True)
class Walk:
    """A sampler, the noise level that its noise step truly reaches, and which of its steps err."""

    sampler: Sampler = consistency
    reached: float = TAU
    errs: tuple[bool, ...] = (True,) * len(LEVELS)


@experiment(
    name="cm-multistep",
    title={
        "en": "Adding the missing variance restores the law of a level",
        "zh": "补上缺少的方差，恰好恢复该层的分布",
    },
    claims=("cm.multistep",),
    prediction={
        "en": "Noise of variance τ² − ε² turns a sample at ε into one at τ, and two steps with the exact map end "
        "in the law at ε. With a map stretched by 1 %, four steps err 1.97 times as much as one.",
        "zh": "方差为 τ² − ε² 的噪声把 ε 处的样本变成 τ 处的样本，用精确映射走两步仍得到 ε 处的分布；"
        "若映射放大了 1%，走四步的误差是一步的 1.97 倍。",
    },
)
class Multistep(Experiment):
    subject = Walk()
    wrong = {
        "whole": Wrong(
            {"en": "noise of the whole level", "zh": "加上该层的全部噪声"},
            Walk(version(whole), math.hypot(EPSILON, TAU)),
            "renoised",
        ),
        "difference": Wrong(
            {"en": "noise of deviation τ − ε", "zh": "噪声的标准差取 τ − ε"},
            Walk(version(difference), math.hypot(EPSILON, TAU - EPSILON)),
            "renoised",
        ),
        "reused": Wrong(
            {"en": "the noise that is in the point used again", "zh": "重复使用该点已有的噪声"},
            Walk(version(reused), EPSILON + math.sqrt(TAU**2 - EPSILON**2)),
            "renoised",
        ),
        "repaired": Wrong(
            {"en": "later steps said to repair the errors of earlier ones", "zh": "以为后面的步会修正前面的误差"},
            Walk(errs=(False, False, False, True)),
            "growth",
        ),
    }

    def _law(self, level: float) -> CharacteristicFunction:
        target = two_bumps()
        return CharacteristicFunction.of(
            lambda w: target.characteristic(w, level), frequencies((1.6,), FREQUENCIES), ROWS, FALSE_ALARM / 2
        )

    def predict(self) -> dict[str, Prediction]:
        near = Span(-math.inf, MARGIN)
        value = self.expect(self.subject)["growth"]
        margin = around(value, GROWTH_MARGIN)
        method = "characteristic function; Bernstein"
        return {
            "renoised": Prediction(
                {
                    "en": "distance of the characteristic function from that at level τ, after the noise",
                    "zh": "加噪之后，特征函数与 τ 层的距离",
                },
                0.0, near, self._law(TAU).blind(near), FALSE_ALARM / 2, method,
            ),
            "two-steps": Prediction(
                {
                    "en": "distance of the characteristic function from that at ε, after two steps",
                    "zh": "走完两步之后，特征函数与 ε 层的距离",
                },
                0.0, near, self._law(EPSILON).blind(near), FALSE_ALARM / 2, method,
            ),
            "growth": Prediction(
                {
                    "en": "error of the variance after four inexact steps over that after one",
                    "zh": "四步不精确映射之后方差的误差，与一步之比",
                },
                value, margin, exact_blind(margin, self._rounding), 0.0, "arithmetic",
            ),
        }  # fmt: skip

    def expect(self, subject: Walk) -> dict[str, float]:
        target = two_bumps()
        law = self._law(TAU)
        found = {
            "renoised": law.distance(target.characteristic(law.frequencies, subject.reached)),
            "growth": growth(subject.errs),
        }
        return found | ({"two-steps": 0.0} if subject == self.subject else {})

    @property
    def _rounding(self) -> float:
        return 20 * self.setting.rounding / STRETCH

    @cached_property
    def _draws(self) -> list[Tensor]:
        """Noise of the start or of the point, then fresh noise."""
        return [self.setting.latents.normal(f"multistep.{name}", ROWS, 1) for name in ("own", "fresh")]

    @cached_property
    def _clean(self) -> Tensor:
        return two_bumps(self.setting.device).sample(self.setting.latents, "multistep.data", ROWS)

    def measure(self, subject: Walk) -> Measurement:
        own, fresh = self._draws

        def noise(i: int) -> Tensor:
            return own if i < 0 else fresh

        def identity(x: Tensor, sigma: float) -> Tensor:
            return x

        point = torch.add(self._clean, own, alpha=EPSILON)
        renoised = subject.sampler(identity, point, [2 * TAU, TAU, EPSILON], noise, EPSILON)
        f = quantile_map(two_bumps(self.setting.device), EPSILON)
        walked = subject.sampler(f, SIGMA_MAX * own, [SIGMA_MAX, TAU, EPSILON], noise, EPSILON)
        return Measurement(
            {
                "renoised": self._law(TAU).interval(renoised),
                "two-steps": self._law(EPSILON).interval(walked),
                "growth": exact(self._growth(subject), self._rounding),
            }
        )

    def _growth(self, subject: Walk) -> float:
        """From the responses of the whole walk to a unit start and to a unit of each step's noise."""
        zero = self.setting.tensor([0.0])
        right = gaussian_map(Gaussian(zero, zero + DEVIATION**2), SMALL)
        calls = iter(subject.errs)

        def f(x: Tensor, sigma: float) -> Tensor:
            return (1 + STRETCH * next(calls)) * right(x, sigma)

        unit = torch.eye(len(LEVELS), dtype=self.setting.dtype, device=self.setting.device)
        start = unit[:, :1] * math.hypot(DEVIATION, LEVELS[0])
        out = subject.sampler(f, start, [*LEVELS, SMALL], lambda i: unit[:, i + 1, None], SMALL)
        level = DEVIATION**2 + SMALL**2
        return (float(out.double().square().sum()) / level - 1) / ((1 + STRETCH) ** 2 - 1)

    def picture(self, measurements: dict[str, Measurement]) -> Picture:
        grid = [0.02 * k for k in range(round(EPSILON / 0.02), 101)]
        beliefs: list[tuple[Text, Callable[[float], float]]] = [
            ({"en": "variance τ² − ε²", "zh": "方差 τ² − ε²"}, lambda tau: tau),
            (self.wrong["whole"].title, lambda tau: math.hypot(EPSILON, tau)),
            (self.wrong["difference"].title, lambda tau: math.hypot(EPSILON, tau - EPSILON)),
            (self.wrong["reused"].title, lambda tau: EPSILON + math.sqrt(max(tau**2 - EPSILON**2, 0.0))),
        ]
        series = [Series(title, grid, [f(tau) for tau in grid], tone=k) for k, (title, f) in enumerate(beliefs)]
        walk = measurements[""].intervals
        return Picture(
            title={"en": "Noise level after the noise step", "zh": "加噪一步之后的噪声水平"},
            description={
                "en": f"The level that is reached against the level τ that is wanted, from ε = {EPSILON:g}. Only the "
                "missing variance gives the diagonal. With the map stretched by 1 % at every step, four steps err "
                f"{walk['growth'].estimate:.3f} times as much as one.",
                "zh": f"从 ε = {EPSILON:g} 出发，实际达到的噪声水平随目标 τ 的变化。只有补上缺少的方差才落在对角线上。"
                f"若映射每步都放大 1%，四步的误差是一步的 {walk['growth'].estimate:.3f} 倍。",
            },
            x_title={"en": "wanted level τ", "zh": "目标噪声水平 τ"},
            y_title={"en": "level reached", "zh": "达到的噪声水平"},
            series=series,
        )

    def summary(self, measurement: Measurement) -> Text:
        found = measurement.intervals
        first, second = found["renoised"], found["two-steps"]
        return {
            "en": f"Distance of the characteristic function after the noise {first.estimate:.4f}, at most "
            f"{first.high:.3f}; after two steps {second.estimate:.4f}, at most {second.high:.3f}. "
            f"Growth of the error over four steps: {found['growth'].estimate:.4f}.",
            "zh": f"特征函数的距离：加噪之后 {first.estimate:.4f}，不超过 {first.high:.3f}；"
            f"两步之后 {second.estimate:.4f}，不超过 {second.high:.3f}。四步之间误差增长为 "
            f"{found['growth'].estimate:.4f} 倍。",
        }
