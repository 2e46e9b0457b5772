r"""solver-3m: DPM-Solver++(3M) with the factor 2 has order 3; as released it has order 2.

With D_2 = (g_1 - g_2)/(r_1 + r_2), which is h^2 D''/2, the step is phi_1 D + phi_2 D_1 - 2 phi_3 D_2
(solver.3m-factor). A denoiser that is a parabola in ln sigma and does not look at x shows the factor without any
limit: with 2 the step is exact, without it there remains h^2 phi_3 D''/2. On a mixture the same shows as an order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
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
    slope,
)
from verify.experiments.oracles.mixture import Mixture
from verify.experiments.orders import Exact, Sampler, global_errors, one_multistep
from verify.experiments.samplers.common import Denoise
from verify.experiments.samplers.forms import DATA, psi
from verify.experiments.samplers.multistep import Rule, dpmpp_2m, interpolation, multistep
from verify.experiments.statistics import Interval, Span, exact, exact_blind, order_interval
from verify.theory.solver.experiments import plane
from verify.theory.solver.experiments.mistakes import third_term

COUNTS = (16, 32, 64, 128, 256, 512)
SIZES = tuple(0.04 / 2 ** (k / 2) for k in range(9))
RATIOS = (1.5, 0.7)
H = 0.8
PARABOLA = (0.4, -1.1, 2.0)
POINTS = 16
ROUNDING = torch.finfo(torch.float64).eps


@dataclass(frozen=True)
class Third:
    """A 3M rule: the factor of its third term, whether its slope is corrected, and the order of one step by theory."""

    factor: float = 2.0
    corrected: bool = True
    order: int = 4

    @property
    def rule(self) -> Rule:
        return interpolation if self == Third() else third_term(self.factor, self.corrected)

    def residual(self) -> float:
        """What one step leaves of the parabola's integral: each wrong factor's share of psi_1 D' or psi_2 D''."""
        second = PARABOLA[2] / 2
        slope_error = 0.0 if self.corrected else -RATIOS[0] * H * second
        return psi(1, H) * slope_error + (self.factor - 2) * psi(2, H) * second


def run(rule: Rule, denoise: Denoise, x: Tensor, sigmas: Sequence[float]) -> Tensor:
    return multistep(denoise, x, sigmas, DATA, 3, rule, warm_start=True)


@experiment(
    name="solver-3m",
    title={
        "en": "DPM-Solver++(3M) is of third order with the factor two, of second order as released",
        "zh": "DPM-Solver++(3M) 带上因子 2 才是三阶，已发布的代码只有二阶",
    },
    claims=("solver.3m-factor",),
    prediction={
        "en": "One step with the factor 2 integrates a parabola exactly and errs on a mixture like the fourth power of "
        "its length, a run like the third power. Without the factor the parabola is missed by h² φ₃ D''/2 and each "
        "order is one less.",
        "zh": "带因子 2 的一步精确积分抛物线，在高斯混合上单步误差为步长的四次方，全程为三次方。"
        "缺少这个因子时，抛物线的积分差 h² φ₃ D''/2，两个阶都少一。",
    },
)
class ThirdTerm(Experiment):
    subject = Third()
    wrong = {
        "released": Wrong(
            {"en": "the third term as released, without the 2", "zh": "第三项照已发布的代码，缺少因子 2"},
            Third(1.0, order=3),
            "parabola",
            "dpm-solver, diffusers 0.42.1, k-diffusion 0.1.1",
        ),
        "released-order": Wrong(
            {"en": "the released step said to be of third order", "zh": "声称已发布的方法是三阶"},
            Third(1.0, order=3),
            "run",
        ),
        "no-third-term": Wrong(
            {"en": "no third term", "zh": "没有第三项"},
            Third(0.0, order=3),
            "step",
        ),
        "slope-uncorrected": Wrong(
            {
                "en": "the slope of the step before, not moved to the newest point",
                "zh": "用上一步中点的斜率，没有移到最新点",
            },
            Third(2.0, False, 3),
            "parabola",
        ),
    }  # fmt: skip

    def predict(self) -> dict[str, Prediction]:
        zero = Span(-1e-3, 1e-3)
        return {
            "parabola": Prediction(
                {"en": "what one step leaves of a parabola's integral", "zh": "单步积分抛物线的余差"},
                0.0, zero, exact_blind(zero, self._rounding), 0.0, "exact for polynomials",
            ),
            "step": stated_order(
                {"en": "order of one step from an exact history", "zh": "从精确的历史走一步的阶"},
                4.0,
                0.25,
                plane.SMALL,
            ),
            "run": stated_order({"en": "order over a run", "zh": "全程的阶"}, 3.0, 0.25, plane.SMALL),
        }  # fmt: skip

    @property
    def _rounding(self) -> float:
        return 100 * self.setting.rounding

    def expect(self, subject: Third) -> dict[str, float]:
        return {"parabola": subject.residual(), "step": float(subject.order), "run": subject.order - 1.0}

    def measure(self, subject: Third) -> Measurement:
        runs = self._run_errors(subject.rule)
        steps = self._step_errors(subject.rule)
        return Measurement(
            {
                "parabola": self._parabola(subject.rule),
                "step": order_interval(SIZES, steps, ROUNDING),
                "run": order_interval([1 / n for n in COUNTS], runs, ROUNDING),
            },
            {"run": runs},
        )

    def _parabola(self, rule: Rule) -> Interval:
        """One step of dx/du = D(u) - x, u = -ln sigma, from x = 0 at u = 0: the integral of e^{u-h} D(u)."""

        def parabola(u: float) -> float:
            return PARABOLA[0] + PARABOLA[1] * u + PARABOLA[2] / 2 * u * u

        places = [0.0, -RATIOS[0] * H, -(RATIOS[0] + RATIOS[1]) * H]
        outputs = [self.setting.tensor([[parabola(u)]]) for u in places]
        end = rule(DATA, self.setting.tensor([[0.0]]), outputs, [math.exp(-u) for u in places], math.exp(-H))
        integral = sum(c * psi(k, H) for k, c in enumerate(PARABOLA))
        return exact(float(end) - integral, self._rounding)

    @cached_property
    def _target(self) -> Mixture:
        return plane.mixture(self.setting)

    @cached_property
    def _exact(self) -> Exact:
        return plane.exact_states(self.setting, self._target, POINTS)

    def _step_errors(self, rule: Rule) -> list[float]:
        error = one_multistep(DATA, rule, RATIOS)
        return [error(self._target.denoise, self._exact, plane.MIDDLE, h) for h in SIZES]

    def _run_errors(self, rule: Rule) -> list[float]:
        return self._errors(lambda denoise, x, sigmas: run(rule, denoise, x, sigmas))

    def _errors(self, sampler: Sampler) -> list[float]:
        return global_errors(sampler, self._target.denoise, self._exact, plane.grid, COUNTS)

    def picture(self, measurements: dict[str, Measurement]) -> Picture:
        right, released = (measurements[key].traces["run"] for key in ("", "released"))
        counts = [float(n) for n in COUNTS]
        middle = COUNTS.index(64)
        return Picture(
            title={"en": "Error of 3M with and without the factor", "zh": "3M 带与不带因子 2 的误差"},
            description={
                "en": "Root mean square error on a mixture against the number of steps, logarithmic axes. At "
                f"{COUNTS[middle]} steps 3M as released errs by {released[middle]:.2e}, with the factor 2 by "
                f"{right[middle]:.2e}; at {COUNTS[-1]} by {released[-1]:.2e} and {right[-1]:.2e}.",
                "zh": "高斯混合上的均方根误差随步数的变化，双对数坐标。"
                f"{COUNTS[middle]} 步时，已发布的 3M 误差为 {released[middle]:.2e}，带因子 2 为 {right[middle]:.2e}；"
                f"{COUNTS[-1]} 步时为 {released[-1]:.2e} 与 {right[-1]:.2e}。",
            },
            x_title={"en": "steps", "zh": "步数"},
            y_title={"en": "root mean square error", "zh": "均方根误差"},
            series=[
                Series({"en": "2M", "zh": "2M"}, counts, self._errors(dpmpp_2m), "marked"),
                Series({"en": "3M as released", "zh": "已发布的 3M"}, counts, released, "marked"),
                Series({"en": "3M with the factor 2", "zh": "带因子 2 的 3M"}, counts, right, "marked"),
            ],
            guides=[slope((COUNTS[-1], released[-1]), 40, -2), slope((COUNTS[-1], right[-1]), 160, -3)],
            x_log=True,
            y_log=True,
        )

    def summary(self, measurement: Measurement) -> Text:
        found = {name: interval.estimate for name, interval in measurement.intervals.items()}
        last = measurement.traces["run"][-1]
        return {
            "en": f"With the factor 2: order {found['step']:.2f} in one step, {found['run']:.2f} over a run; error "
            f"{last:.1e} at {COUNTS[-1]} steps.",
            "zh": f"带因子 2：单步的阶 {found['step']:.2f}，全程的阶 {found['run']:.2f}；"
            f"{COUNTS[-1]} 步时误差为 {last:.1e}。",
        }
