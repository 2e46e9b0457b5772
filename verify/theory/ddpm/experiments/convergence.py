r"""ddpm-t-convergence: with the exact score DDPM's final law approaches the data like 1/T.

Data N(0, s^2), rates beta_k = (0.1 + 19.9 (k - 1)/(T - 1))/T: the linear schedule, rescaled with T. The whole chain is
affine, so its final law is normal and its variance known exactly, in two ways. By formula: a variance v_k in place of
the exact v_k* leaves at the end

    V - s^2 = sum_k abar_{k-1} (s^2/m_{k-1})^2 (v_k - v_k*) + abar_T (s^2/m_T)^2 (1 - m_T)

with m_k = abar_k s^2 + 1 - abar_k, since the contractions telescope (ddpm.t-convergence); the last step adds no noise,
v_1 = 0. By running the sampler on unit inputs. For v = beta the sum tends to a constant over T, for v = beta-tilde to
log T over T.

At T = 25 the final variance is sampled as well, and there each wrong version of the step is told from the right one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

from torch import Tensor

from verify.experiments.affine import law
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
from verify.experiments.grids import alpha_bars, linear_betas, of_betas
from verify.experiments.oracles import Gaussian
from verify.experiments.samplers import Denoise, Noise, ancestral, beta, beta_tilde, reverse_variance
from verify.experiments.statistics import (
    FALSE_ALARM,
    ChiSquare,
    Interval,
    Span,
    around,
    exact,
    exact_blind,
    mean,
    order_interval,
)

DEVIATION = 0.5
STEPS = (50, 100, 200, 400, 800, 1600)
FEW, ROWS = 25, 200_000
ORDER_MARGIN, ERROR_MARGIN, SAMPLED_MARGIN = 0.1, 1e-3, 0.03
Variance = Callable[[float, float], float]
Table = Callable[[int], list[float]]


def rescaled(steps: int) -> list[float]:
    """The linear rates of a chain of that many steps; their sum hardly depends on it."""
    return linear_betas(steps, 0.1 / steps, 20.0 / steps)


@dataclass(frozen=True)
class Rule:
    """One step on sigma-space levels t -> after, x' = a x + b D + c z, as (a, b, c) from the step's variance v."""

    weights: Callable[[float, float, float], tuple[float, float, float]]

    def sample(self, denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise, variance: Variance) -> Tensor:
        for i, (t, after) in enumerate(zip(sigmas[:-1], sigmas[1:], strict=True)):
            a, b, c = self.weights(t, after, variance(t, after))
            x = a * x + b * denoise(x, t)
            if after > 0:
                x = x + c * noise(i)
        return x

    def variance(self, sigmas: Sequence[float], s: float, variance: Variance) -> float:
        """Final variance on N(0, s^2) from a start of N(0, 1) in DDPM's units, step by step."""
        total = 1 + sigmas[0] ** 2
        for t, after in zip(sigmas[:-1], sigmas[1:], strict=True):
            a, b, c = self.weights(t, after, variance(t, after))
            total = (a + b * s**2 / (s**2 + t**2)) ** 2 * total + (c**2 if after > 0 else 0.0)
        return total


def posterior(t: float, after: float, v: float) -> tuple[float, float, float]:
    """Mean and deviation of DDPM's posterior."""
    w = (after / t) ** 2
    return w, 1 - w, math.sqrt(v)


def variance_for_deviation(t: float, after: float, v: float) -> tuple[float, float, float]:
    """In DDPM's units the noise is multiplied by v abar' where its root belongs; then divided by sqrt(abar')."""
    w = (after / t) ** 2
    return w, 1 - w, v / math.sqrt(1 + after**2)


def root_over_both(t: float, after: float, v: float) -> tuple[float, float, float]:
    """The weight of x_t has sqrt(alpha (1 - abar')) in place of sqrt(alpha) (1 - abar')."""
    w = (after / t) ** 2
    return w * math.sqrt((1 + after**2) / after**2) if after > 0 else 0.0, 1 - w, math.sqrt(v)


def no_noise(t: float, after: float, v: float) -> tuple[float, float, float]:
    w = (after / t) ** 2
    return w, 1 - w, 0.0


Run = Callable[[Denoise, Tensor, Sequence[float], Noise, Variance], Tensor]


@dataclass(frozen=True)
class Chain:
    """A version of the chain: its step, the same as a sampler, its table of rates, and what is believed of it.

    `exact` is the variance said to be right for Gaussian data of deviation s, `order` the order said to hold.
    """

    rule: Rule = Rule(posterior)
    run: Run = ancestral
    table: Table = rescaled
    exact: Callable[[float], Variance] = lambda s: reverse_variance(s**2)
    order: float = 1.0

    def sigmas(self, steps: int) -> list[float]:
        return [*of_betas(self.table(steps)), 0.0]


def version(weights: Callable[[float, float, float], tuple[float, float, float]]) -> Chain:
    rule = Rule(weights)
    return Chain(rule, rule.sample)


def entries(t: float, after: float) -> tuple[float, float]:
    """abar and the next abar of Ho et al.'s table."""
    return 1 / (1 + t**2), 1 / (1 + after**2)


def larger(t: float, after: float) -> float:
    """beta_t = 1 - abar/abar', in sigma-space. This and the next two are written apart from the sampler's own."""
    a, b = entries(t, after)
    return (1 - a / b) / b


def smaller(t: float, after: float) -> float:
    """(1 - abar')/(1 - abar) beta_t, in sigma-space."""
    a, b = entries(t, after)
    return (1 - b) / (1 - a) * (1 - a / b) / b


def ideal(t: float, after: float, s: float) -> float:
    """Precisions of the prior of x' and of x given x' add."""
    return 1 / (1 / (s**2 + after**2) + 1 / (t**2 - after**2))


def excess(betas: Sequence[float], variance: Variance, s: float) -> float:
    """V/s^2 - 1 by the telescoped sum above."""
    bars = [1.0, *alpha_bars(betas)]
    m = [bar * s**2 + 1 - bar for bar in bars]
    sigmas = [0.0, *of_betas(betas)[::-1]]
    total = bars[-1] * (s**2 / m[-1]) ** 2 * (1 - m[-1])
    for k in range(1, len(bars)):
        added = variance(sigmas[k], sigmas[k - 1]) if k > 1 else 0.0
        total += (s**2 / m[k - 1] * bars[k - 1]) ** 2 * (added - ideal(sigmas[k], sigmas[k - 1], s))
    return total / s**2


def _local_order(first: float, second: float) -> float:
    """The p of errors that fall like T^-p as T doubles; NaN where a wrong step made one of them overflow."""
    return math.log2(abs(first / second)) if math.isfinite(second) else math.nan


@experiment(
    name="ddpm-t-convergence",
    title={
        "en": "With the exact score DDPM errs like one over the number of steps",
        "zh": "得分精确时，DDPM 的误差与步数成反比",
    },
    claims=("ddpm.t-convergence", "ddpm.variance-bounds", "ddpm.posterior"),
    prediction={
        "en": "On N(0, 0.25) the final variance misses the data's by a relative 6.48 % at T = 50 with the variance "
        "beta, and by order 1 in 1/T; with beta-tilde by 21.4 %, approaching order 1 from below. On N(0, 1) at T = 50 "
        "beta errs by 0.20 % and beta-tilde by 14.6 %.",
        "zh": "在 N(0, 0.25) 上，T = 50 时取方差 β，最终方差的相对误差为 6.48 %，对 1/T 为一阶；取 β̃ 时为 21.4 %，"
        "阶数从下方趋于一。在 N(0, 1) 上 T = 50 时，β 的误差为 0.20 %，β̃ 为 14.6 %。",
    },
)
class Convergence(Experiment):
    subject = Chain()
    wrong = {
        "order-half": Wrong(
            {
                "en": "order 1/2 expected, as if noise of the steps were an error",
                "zh": "以为是二分之一阶，把各步噪声当作误差",
            },
            Chain(order=0.5),
            "order.beta",
        ),
        "not-rescaled": Wrong(
            {"en": "the rates of T = 1000 used for every T", "zh": "任何 T 都用 T = 1000 的噪声率"},
            Chain(table=lambda steps: linear_betas(steps)),
            "error.beta",
        ),
        "smaller-is-right": Wrong(
            {"en": "beta-tilde taken for the right variance of any data", "zh": "认为 β̃ 对任何数据都是正确的方差"},
            Chain(exact=lambda s: beta_tilde),
            "unit",
        ),
        "larger-is-right": Wrong(
            {"en": "beta taken for the right variance of any data", "zh": "认为 β 对任何数据都是正确的方差"},
            Chain(exact=lambda s: beta),
            "sampled",
        ),
        "variance-for-deviation": Wrong(
            {"en": "the noise multiplied by the variance instead of its root", "zh": "噪声乘了方差，而不是其平方根"},
            version(variance_for_deviation),
            "sampled",
            "Y-debug-sys/Diffusion-TS issue 135",
        ),
        "root-over-both": Wrong(
            {"en": "the root of DDPM (7) drawn over the variance as well", "zh": "DDPM (7) 的根号把方差也包了进去"},
            version(root_over_both),
            "sampled",
        ),
        "no-noise": Wrong(
            {"en": "the mean of every step without its noise", "zh": "每一步只取均值，不加噪声"},
            version(no_noise),
            "sampled",
        ),
    }

    def predict(self) -> dict[str, Prediction]:
        titles: dict[str, Text] = {
            "order.beta": {
                "en": "order in 1/T with beta, less the order said",
                "zh": "取 β 时关于 1/T 的阶，减去声称的阶",
            },
            "order.tilde": {
                "en": "local order with beta-tilde, T = 800 to 1600",
                "zh": "取 β̃ 时的局部阶，T = 800 到 1600",
            },
            "error.beta": {
                "en": "relative error of the variance with beta, T = 50",
                "zh": "取 β 时方差的相对误差，T = 50",
            },
            "error.tilde": {
                "en": "relative error of the variance with beta-tilde, T = 50",
                "zh": "取 β̃ 时方差的相对误差，T = 50",
            },
            "unit": {
                "en": "relative error with the variance said to be right, data N(0, 1), T = 50",
                "zh": "取声称正确的方差时的相对误差，数据 N(0, 1)，T = 50",
            },
            "sampled": {
                "en": f"sampled final variance over the data's, T = {FEW}",
                "zh": f"采样得到的最终方差与数据方差之比，T = {FEW}",
            },
        }
        predictions = {}
        for name, value in self._formula().items():
            if name.startswith("order"):
                predictions[name] = stated_order(titles[name], value, ORDER_MARGIN)
                continue
            if name == "sampled":
                margin = Span(value * (1 - SAMPLED_MARGIN), value * (1 + SAMPLED_MARGIN))
                blind, alarm, method = ChiSquare(ROWS).blind(margin), FALSE_ALARM, "exact chi-square interval"
            else:
                margin = around(value, ERROR_MARGIN)
                blind, alarm = exact_blind(margin, self._rounding), 0.0
                method = "the sampler's response to unit inputs"
            predictions[name] = Prediction(titles[name], value, margin, blind, alarm, method)
        return predictions

    def _formula(self) -> dict[str, float]:
        """The right version by the telescoped sum."""
        s = DEVIATION
        last = [excess(rescaled(steps), smaller, s) for steps in STEPS[-2:]]
        return {
            "order.beta": 0.0,
            "order.tilde": _local_order(*last),
            "error.beta": excess(rescaled(STEPS[0]), larger, s),
            "error.tilde": excess(rescaled(STEPS[0]), smaller, s),
            "unit": excess(rescaled(STEPS[0]), larger, 1.0),
            "sampled": 1 + excess(rescaled(FEW), partial(ideal, s=s), s),
        }

    def expect(self, subject: Chain) -> dict[str, float]:
        """Any version by the recursion of its variance."""
        s = DEVIATION

        def error(steps: int, s: float, variance: Variance) -> float:
            return subject.rule.variance(subject.sigmas(steps), s, variance) / s**2 - 1

        tilde = [error(steps, s, beta_tilde) for steps in STEPS[-2:]]
        larger = [error(steps, s, beta) for steps in STEPS[-2:]]
        return {
            "order.beta": _local_order(*larger) - subject.order,
            "order.tilde": _local_order(*tilde),
            "error.beta": error(STEPS[0], s, beta),
            "error.tilde": error(STEPS[0], s, beta_tilde),
            "unit": error(STEPS[0], 1.0, subject.exact(1.0)),
            "sampled": 1 + error(FEW, s, subject.exact(s)),
        }

    @property
    def _rounding(self) -> float:
        return 4 * STEPS[0] * self.setting.rounding

    def measure(self, subject: Chain) -> Measurement:
        errors = {
            name: [self._error(subject, steps, DEVIATION, variance) for steps in STEPS]
            for name, variance in (("beta", beta), ("tilde", beta_tilde))
        }
        sizes = [1 / steps for steps in STEPS]
        intervals = {f"order.{name}": self._order(sizes, found) for name, found in errors.items()}
        said = intervals["order.beta"]
        intervals["order.beta"] = Interval(*(v - subject.order for v in (said.low, said.high, said.estimate)))
        intervals |= {f"error.{name}": exact(found[0], self._rounding) for name, found in errors.items()}
        intervals["unit"] = exact(self._error(subject, STEPS[0], 1.0, subject.exact(1.0)), self._rounding)
        intervals["sampled"] = self._sampled(subject)
        ideal = [self._error(subject, steps, DEVIATION, subject.exact(DEVIATION)) for steps in STEPS]
        return Measurement(intervals, errors | {"ideal": ideal})

    def _order(self, sizes: list[float], errors: list[float]) -> Interval:
        return order_interval(sizes, [abs(error) for error in errors], self.setting.rounding)

    def _denoise(self, s: float) -> Denoise:
        zero = self.setting.tensor([0.0])
        return Gaussian(zero, zero + s**2).denoise

    def _error(self, subject: Chain, steps: int, s: float, variance: Variance) -> float:
        sigmas = subject.sigmas(steps)

        def run(denoise: Denoise, x: Tensor, noise: Noise) -> Tensor:
            return subject.run(denoise, x, sigmas, noise, variance)

        found = law(run, self._denoise(s), math.hypot(1, sigmas[0]), steps - 1, self.setting)
        return found.variance / s**2 - 1

    @cached_property
    def _latents(self) -> list[Tensor]:
        """The start and the noise of every step."""
        return [self.setting.latents.normal(f"ddpm.{i}", ROWS, 1) for i in range(FEW)]

    def _sampled(self, subject: Chain) -> Interval:
        start, *noise = self._latents
        sigmas, variance = subject.sigmas(FEW), subject.exact(DEVIATION)
        x = math.hypot(1, sigmas[0]) * start
        out = subject.run(self._denoise(DEVIATION), x, sigmas, noise.__getitem__, variance)
        return ChiSquare(ROWS).interval(mean((out / DEVIATION).double().square()))

    def picture(self, measurements: dict[str, Measurement]) -> Picture:
        traces, steps = measurements[""].traces, [float(n) for n in STEPS]
        shown: list[tuple[str, Text]] = [
            ("tilde", {"en": "variance beta-tilde", "zh": "方差取 β̃"}),
            ("beta", {"en": "variance beta", "zh": "方差取 β"}),
            ("ideal", {"en": "the exact variance", "zh": "精确方差"}),
        ]
        first, last = abs(traces["beta"][0]), abs(traces["beta"][-1])
        return Picture(
            title={"en": "Error of the final variance against the number of steps", "zh": "最终方差的误差随步数的变化"},
            description={
                "en": "Relative error of DDPM's final variance on N(0, 0.25), exact score, both axes logarithmic. With "
                f"beta it falls from {first:.4f} at T = 50 to {last:.2e} at T = 1600, with slope minus one. With "
                f"beta-tilde it is {abs(traces['tilde'][0] / traces['beta'][0]):.1f} times as large at T = 50 and "
                f"{abs(traces['tilde'][-1] / traces['beta'][-1]):.1f} times at T = 1600. What the exact variance "
                "leaves is the last step, which adds no noise.",
                "zh": "得分精确时，DDPM 在 N(0, 0.25) 上最终方差的相对误差，双对数坐标。取 β 时从 T = 50 的 "
                f"{first:.4f} 降到 T = 1600 的 {last:.2e}，斜率为负一；取 β̃ 时，误差在 T = 50 是它的 "
                f"{abs(traces['tilde'][0] / traces['beta'][0]):.1f} 倍，在 T = 1600 是 "
                f"{abs(traces['tilde'][-1] / traces['beta'][-1]):.1f} 倍。精确方差剩下的误差来自不加噪声的最后一步。",
            },
            x_title={"en": "number of steps T", "zh": "步数 T"},
            y_title={"en": "relative error of the variance", "zh": "方差的相对误差"},
            series=[
                Series(title, steps, [abs(v) for v in traces[key]], "marked", tone=tone)
                for tone, (key, title) in enumerate(shown)
            ],
            guides=[slope((STEPS[0], 0.6 * first), STEPS[-1], -1)],
            x_log=True,
            y_log=True,
        )

    def summary(self, measurement: Measurement) -> Text:
        found, traces = measurement.intervals, measurement.traces
        order = found["order.beta"].estimate + 1
        absolute = [DEVIATION**2 * traces[name][k] for name in ("beta", "tilde") for k in (0, -1)]
        numbers = [f"{value:.2e}" for value in absolute]
        return {
            "en": f"Final variance less 0.25, from T = 50 to 1600: {numbers[0]} to {numbers[1]} with beta (order "
            f"{order:.3f}), {numbers[2]} to {numbers[3]} with beta-tilde (order "
            f"{found['order.tilde'].estimate:.3f}). Data N(0, 1), T = 50: beta errs by {found['unit'].estimate:.4f}. "
            f"Sampled at T = {FEW} with the exact variance: {found['sampled'].estimate:.4f} of the data's.",
            "zh": f"最终方差减去 0.25，T 从 50 到 1600：取 β 时从 {numbers[0]} 到 {numbers[1]}（{order:.3f} 阶），"
            f"取 β̃ 时从 {numbers[2]} 到 {numbers[3]}（{found['order.tilde'].estimate:.3f} 阶）。"
            f"数据为 N(0, 1)、T = 50 时，β 的误差为 {found['unit'].estimate:.4f}。"
            f"T = {FEW} 取精确方差采样，方差为数据的 {found['sampled'].estimate:.4f} 倍。",
        }
