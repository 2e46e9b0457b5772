r"""ddim-inversion: up with DDIM's inversion, down with DDIM, and how far from the start.

The step up from t' uses the noise predicted at (x'; t'), the step down that at (x; t). The difference is of second
order in one step and of first order over a span (ddim.inversion). On N(0, s^2) each step is a factor, so the whole
round trip is the product

    prod (1 + h t'/(s^2 + t'^2)) (1 - h t/(s^2 + t^2)),    t = t' + h,

below one. With the equation of the step solved for its start, by fixed-point iterations, the round trip is exact.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

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
from verify.experiments.grids import karras
from verify.experiments.oracles import Gaussian, Mixture
from verify.experiments.samplers import Denoise, ddim, ddim_inversion
from verify.experiments.statistics import Interval, around, exact, exact_blind, order_interval
from verify.experiments.targets import two_bumps

HIGH, LOW, DEEP = 10.0, 0.2, 0.01
STEPS = (32, 64, 128, 256, 512)
SOLVED, ITERATIONS = 128, 40
LOCAL_SIGMA, LOCAL_SIZES = 1.0, tuple(0.4 / 2 ** (k / 2) for k in range(10))
DEVIATION = 0.5
POINTS = 33
ORDER_MARGIN, FACTOR_MARGIN, SOLVED_MARGIN = 0.2, 1e-4, 1e-4

Invert = Callable[[Denoise, Tensor, Sequence[float]], Tensor]


def levels(steps: int, low: float = LOW) -> list[float]:
    return karras(steps + 1, low, HIGH, to_zero=False)


def factor(sigmas: Sequence[float], s: float) -> float:
    """What the round trip multiplies a point of N(0, s^2) by."""
    return math.prod(
        (1 + (t - below) * below / (s**2 + below**2)) * (1 - (t - below) * t / (s**2 + t**2))
        for t, below in pairwise(sigmas)
    )


def off_by_one(denoise: Denoise, x: Tensor, sigmas: Sequence[float]) -> Tensor:
    """Each step up ends at the level after the one it should."""
    up = sigmas[::-1]
    for k, below in enumerate(up[:-1]):
        x = torch.lerp(denoise(x, below), x, up[min(k + 2, len(up) - 1)] / below)
    return x


@dataclass(frozen=True)
class Inversion:
    """A version of the inversion, one said to be exact, and what is said of the first: its order and its factor."""

    invert: Invert = ddim_inversion
    solve: Invert = partial(ddim_inversion, iterations=ITERATIONS)
    order: float = 1.0
    factor: Callable[[Sequence[float], float], float] = factor


@experiment(
    name="ddim-inversion",
    title={
        "en": "DDIM's inversion returns to first order only, the solved one exactly",
        "zh": "DDIM 反演只以一阶精度返回起点，解方程则精确返回",
    },
    claims=("ddim.inversion", "ddim.is-euler"),
    prediction={
        "en": "Up and down again the error halves with twice the steps, and one step leaves an error of second order; "
        "on N(0, 0.25) 128 steps shrink every point by 1.49 %. Solving each step for its start leaves nothing.",
        "zh": "上去再下来，步数加倍误差减半，一步留下二阶误差；在 N(0, 0.25) 上走 128 步，每个点缩小 1.49 %。"
        "若每步都解方程求起点，则没有误差。",
    },
)
class RoundTrip(Experiment):
    subject = Inversion()
    wrong = {
        "lossless": Wrong(
            {"en": "the inversion said to lose nothing", "zh": "声称反演没有损失"},
            Inversion(factor=lambda sigmas, s: 1.0),
            "gaussian",
        ),
        "second-order": Wrong(
            {"en": "the order of one step taken for that of the whole", "zh": "把一步的阶当成整体的阶"},
            Inversion(order=2.0),
            "mixture",
        ),
        "off-by-one": Wrong(
            {"en": "the level after the next one as target", "zh": "目标层错开一位"},
            Inversion(invert=off_by_one),
            "mixture",
            "MONAI GenerativeModels pull request 446",
        ),
        "not-solved": Wrong(
            {"en": "the noise at the other end taken for the same", "zh": "把另一端预测的噪声当成同一个"},
            Inversion(solve=ddim_inversion),
            "solved",
        ),
    }

    def predict(self) -> dict[str, Prediction]:
        orders: dict[str, tuple[Text, float]] = {
            "mixture": (
                {
                    "en": "order of the round trip on a mixture, less the one said",
                    "zh": "在高斯混合上往返误差的阶，减去声称的阶",
                },
                0.0,
            ),
            "local": ({"en": "order of one step up and down", "zh": "上下各一步的误差的阶"}, 2.0),
        }
        predictions = {name: stated_order(title, value, ORDER_MARGIN) for name, (title, value) in orders.items()}
        near = around(0.0, FACTOR_MARGIN)
        predictions["gaussian"] = Prediction(
            {
                "en": f"factor of the round trip on N(0, 0.25), {SOLVED} steps, less the one said",
                "zh": f"在 N(0, 0.25) 上往返 {SOLVED} 步的系数，减去声称的值",
            },
            0.0, near, exact_blind(near, self._rounding), 0.0, "one point",
        )  # fmt: skip
        near = around(0.0, SOLVED_MARGIN)
        predictions["solved"] = Prediction(
            {
                "en": f"error of the solved inversion on the mixture, {SOLVED} steps",
                "zh": f"在高斯混合上解方程反演的误差，{SOLVED} 步",
            },
            0.0, near, exact_blind(near, self._rounding), 0.0, f"largest of {POINTS} points",
        )  # fmt: skip
        return predictions

    @property
    def _rounding(self) -> float:
        return 4 * SOLVED * self.setting.rounding

    def expect(self, subject: Inversion) -> dict[str, float]:
        grid = levels(SOLVED)
        order = 0.0 if subject.invert is off_by_one else 1.0
        known = {
            "mixture": order - subject.order,
            "local": 2.0,
            "gaussian": factor(grid, DEVIATION) - subject.factor(grid, DEVIATION),
        }
        return known | ({} if subject.solve is ddim_inversion else {"solved": 0.0})

    def measure(self, subject: Inversion) -> Measurement:
        sizes = [1 / n for n in STEPS]
        errors = [self._error(subject.invert, levels(n)) for n in STEPS]
        deep = [self._error(subject.invert, levels(n, DEEP)) for n in STEPS]
        local = [self._error(subject.invert, [LOCAL_SIGMA * math.exp(h), LOCAL_SIGMA]) for h in LOCAL_SIZES]
        whole = order_interval(sizes, errors, self.setting.rounding)
        grid = levels(SOLVED)
        solved = self._error(subject.solve, grid, largest=True)
        shrunk = self._shrunk(subject.invert, grid)
        intervals = {
            "mixture": Interval(*(v - subject.order for v in (whole.low, whole.high, whole.estimate))),
            "local": order_interval(LOCAL_SIZES, local, self.setting.rounding),
            "gaussian": exact(shrunk - subject.factor(grid, DEVIATION), self._rounding),
            "solved": exact(solved, self._rounding),
        }
        return Measurement(intervals, {"errors": errors, "deep": deep, "shrunk": shrunk, "solved": solved})

    @property
    def _mixture(self) -> Mixture:
        return two_bumps(self.setting.device, self.setting.dtype)

    def _error(self, invert: Invert, sigmas: Sequence[float], largest: bool = False) -> float:
        """Root mean square distance, or the largest, between the points and what comes back of them."""
        denoise = self._mixture.denoise
        x = self.setting.tensor(torch.linspace(-1.6, 1.6, POINTS, dtype=torch.float64))[:, None]
        off = (ddim(denoise, invert(denoise, x, sigmas), sigmas) - x).double()
        return float(off.abs().max() if largest else off.square().mean().sqrt())

    def _shrunk(self, invert: Invert, sigmas: Sequence[float]) -> float:
        one = self.setting.tensor([1.0])
        denoise = Gaussian(0 * one, DEVIATION**2 * one).denoise
        return float(ddim(denoise, invert(denoise, one[:, None], sigmas), sigmas))

    def picture(self, measurements: dict[str, Measurement]) -> Picture:
        traces, steps = measurements[""].traces, [float(n) for n in STEPS]
        errors, deep, wrong = traces["errors"], traces["deep"], measurements["off-by-one"].traces["errors"]
        return Picture(
            title={"en": "What a round trip of DDIM inversion leaves", "zh": "DDIM 反演往返一次留下的误差"},
            description={
                "en": "Root mean square distance from the start on a mixture of two Gaussians, both axes logarithmic. "
                f"From noise level {LOW:g} it falls from {errors[0]:.3f} in {STEPS[0]} steps to {errors[-1]:.4f} in "
                f"{STEPS[-1]}, with slope minus one. From {DEEP:g} it falls slowly at first, from {deep[0]:.3f} to "
                f"{deep[-1]:.3f}: there some points change sides between the two modes. With levels off by one it "
                f"stays at {wrong[-1]:.2f}.",
                "zh": "在两个高斯的混合上，往返之后与起点的均方根距离，双对数坐标。"
                f"从噪声水平 {LOW:g} 出发，{STEPS[0]} 步时为 {errors[0]:.3f}，{STEPS[-1]} 步时为 {errors[-1]:.4f}，"
                f"斜率为负一。从 {DEEP:g} 出发，起初下降很慢，从 {deep[0]:.3f} 到 {deep[-1]:.3f}："
                f"有些点会在两个模态之间换边。层数错开一位时停在 {wrong[-1]:.2f}。",
            },
            x_title={"en": "number of steps", "zh": "步数"},
            y_title={"en": "distance from the start", "zh": "与起点的距离"},
            series=[
                Series({"en": f"from {LOW:g}", "zh": f"从 {LOW:g} 出发"}, steps, errors, "marked"),
                Series({"en": f"from {DEEP:g}", "zh": f"从 {DEEP:g} 出发"}, steps, deep, "marked"),
                Series(self.wrong["off-by-one"].title, steps, wrong, "marked"),
            ],
            guides=[slope((steps[0], 0.5 * errors[0]), steps[-1], -1)],
            x_log=True,
            y_log=True,
        )

    def summary(self, measurement: Measurement) -> Text:
        traces, order = measurement.traces, 1 + measurement.intervals["mixture"].estimate
        lost = 100 * (1 - traces["shrunk"])
        return {
            "en": f"Order {order:.3f} over the span, {measurement.intervals['local'].estimate:.3f} in one step. In "
            f"{SOLVED} steps a point of N(0, 0.25) comes back {lost:.2f} % shorter; solved, points come back to within "
            f"{traces['solved']:.1e}.",
            "zh": f"整段为 {order:.3f} 阶，一步为 {measurement.intervals['local'].estimate:.3f} 阶。走 {SOLVED} 步，"
            f"N(0, 0.25) 上的点缩短 {lost:.2f} %；解方程时，返回的误差为 {traces['solved']:.1e}。",
        }
