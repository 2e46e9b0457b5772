r"""edm-churn: raising the noise level keeps the marginal exactly for S_noise = 1, and only then.

Three statements that must not be confused (Karras et al. 2022, Alg. 2; edm.churn):

1. *The noise step is exact.* If x ~ p(.; t), then x + sqrt(t'^2 - t^2) z ~ p(.; t'), because variances of independent
   Gaussians add. Measured on a mixture by its characteristic function and on a Gaussian by its variance; no ODE step
   is involved.
2. *A round trip, t up to (1 + g) t and one Heun step back, misses the marginal by O(g^3)*: the error of that step.
   On N(0, s^2) everything is linear, x' = A x + B z, so the variance A^2 (s^2 + t^2) + B^2 is known exactly. Adding
   the wrong amount of noise, or taking the slope from before the noise, leaves an error of lower order.
3. *The whole of Algorithm 2* on N(0, s^2) has the variance of the recursion V' = A_i^2 V + B_i^2. EDM's own S_churn is
   cut by the cap at every level, so that what gamma is without it never shows; a smaller S_churn in a narrow window
   shows it, read off the response to a unit start and to each unit noise.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
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
)
from verify.experiments.grids import karras
from verify.experiments.oracles import Gaussian, Mixture
from verify.experiments.samplers import Denoise, Noise, churn, inflate
from verify.experiments.statistics import (
    FALSE_ALARM,
    CharacteristicFunction,
    ChiSquare,
    Interval,
    Span,
    around,
    exact,
    exact_blind,
    mean,
    order_interval,
)
from verify.experiments.targets import two_bumps

LEVEL, RAISED = 1.0, math.sqrt(2)  # the largest step that Algorithm 2 allows
FREQUENCIES = tuple(0.3 * k for k in range(1, 9))
ROWS = 1_000_000
DISTANCE_MARGIN = 0.009
LEVEL_MARGIN = 0.015

DEVIATION = 0.5
ROUND_TRIP_LEVEL, ROUND_TRIP_SIZES = 0.5, tuple(0.4 / 2 ** (k / 2) for k in range(12))
ORDER, ORDER_MARGIN = 3.0, 0.25

STEPS = 18
FULL = 40.0, 0.05, 50.0  # S_churn, S_min, S_max
PARTIAL = 4.0, 0.2, 2.2  # gamma = 2/9 stays below the cap
RUN_ROWS, RUN_DIMENSIONS = 100_000, 4
VARIANCE_MARGIN = 0.025
PARTIAL_MARGIN = 1e-3

Inflate = Callable[[Tensor, float, float, Tensor], Tensor]


@dataclass(frozen=True)
class Rule:
    """What theory needs of a version of Algorithm 2: the added noise's deviation, the first slope's place, and gamma.

    gamma is the share of S_churn that one of so many steps gets, at most the cap, and 0 outside the window.
    """

    added: Callable[[float, float], float] = lambda t, raised: math.sqrt(raised**2 - t**2)
    stale: bool = False
    cap: float = math.sqrt(2) - 1
    share: Callable[[float, int], float] = lambda s_churn, steps: s_churn / steps
    windowed: bool = True

    def gamma(self, t: float, steps: int, s_churn: float, s_min: float, s_max: float) -> float:
        """By how much the level t is raised, relative to it."""
        inside = s_min <= t <= s_max or not self.windowed
        return min(self.share(s_churn, steps), self.cap) if inside else 0.0

    def step(self, t: float, after: float, gamma: float, s: float) -> tuple[float, float]:
        """A and B of one step x' = A x + B z on N(0, s^2), from level t by t (1 + gamma) to `after`."""

        def f(level: float) -> float:
            return level / (s**2 + level**2)

        raised = t * (1 + gamma)
        noise = self.added(t, raised) if gamma > 0 else 0.0
        h = after - raised
        old, new = (f(t) if self.stale else f(raised)), f(after)
        if after == 0:
            return 1 + h * old, noise * (1 if self.stale else 1 + h * old)
        full = 1 + h / 2 * (old + new * (1 + h * old))
        return full, noise * (1 + h / 2 * new if self.stale else full)

    def variance(self, sigmas: Sequence[float], s: float, churning: tuple[float, float, float]) -> float:
        """Variance after the whole run from N(0, sigma_max^2), over s^2; `churning` is S_churn, S_min, S_max."""
        total = sigmas[0] ** 2
        for t, after in zip(sigmas[:-1], sigmas[1:], strict=True):
            a, b = self.step(t, after, self.gamma(t, len(sigmas) - 1, *churning), s)
            total = a**2 * total + b**2
        return total / s**2


Run = Callable[[Denoise, Tensor, Sequence[float], Noise, float, float, float], Tensor]


@dataclass(frozen=True)
class Algorithm:
    """A version of Algorithm 2: its noise step, the whole loop, the same by formula, and the round trip's order."""

    inflate: Inflate = inflate
    run: Run = churn
    rule: Rule = Rule()
    order: float = ORDER


def version(rule: Rule, order: float) -> Algorithm:
    """A wrong Algorithm 2 built from its rule: Heun's step written out, with that rule's slope and noise."""

    def raise_level(x: Tensor, t: float, raised: float, noise: Tensor) -> Tensor:
        return x + rule.added(t, raised) * noise

    def run(
        denoise: Denoise,
        x: Tensor,
        sigmas: Sequence[float],
        noise: Noise,
        s_churn: float,
        s_min: float,
        s_max: float,
    ) -> Tensor:
        for number, (t, after) in enumerate(zip(sigmas[:-1], sigmas[1:], strict=True)):
            raised = t * (1 + rule.gamma(t, len(sigmas) - 1, s_churn, s_min, s_max))
            before = x
            if raised > t:
                x = raise_level(x, t, raised, noise(number))
            d = (before - denoise(before, t)) / t if rule.stale else (x - denoise(x, raised)) / raised
            y = x + (after - raised) * d
            if after > 0:
                y = x + (after - raised) * (d + (y - denoise(y, after)) / after) / 2
            x = y
        return x

    return Algorithm(raise_level, run, rule, order)


@experiment(
    name="edm-churn",
    title={
        "en": "Churn keeps the marginal for S_noise = 1",
        "zh": "S_noise = 1 时，加噪（churn）保持边缘分布",
    },
    claims=("edm.churn",),
    prediction={
        "en": "Adding noise of variance t'^2 - t^2 turns p(x; t) into p(x; t') exactly; a round trip of relative size "
        "g then misses the marginal by O(g^3), the error of its Heun step; the whole run has the variance of a "
        "closed recursion.",
        "zh": "加入方差为 t'² − t² 的噪声，恰好把 p(x; t) 变成 p(x; t')；"
        "相对幅度为 g 的一次往返与边缘分布只差 O(g³)，"
        "即其中 Heun 一步的误差；整个过程的方差由一个封闭的递推给出。",
    },
)
class Churn(Experiment):
    subject = Algorithm()
    wrong = {
        "difference-of-levels": Wrong(
            {"en": "noise of deviation t' - t", "zh": "噪声的标准差写成 t' − t"},
            version(Rule(added=lambda t, raised: raised - t), 1.0),
            "noise-step",
        ),
        "s-noise-1.05": Wrong(
            {"en": "S_noise = 1.05", "zh": "S_noise = 1.05"},
            version(Rule(added=lambda t, raised: 1.05 * math.sqrt(raised**2 - t**2)), 1.0),
            "noise-variance",
        ),
        "no-noise": Wrong(
            {"en": "the level raised without noise", "zh": "只提高噪声水平而不加噪声"},
            version(Rule(added=lambda t, raised: 0.0), 1.0),
            "noise-step",
        ),
        "variance-as-deviation": Wrong(
            {"en": "noise of deviation t'² - t²", "zh": "噪声的标准差写成 t'² − t²"},
            version(Rule(added=lambda t, raised: raised**2 - t**2), 1.0),
            "round-trip",
        ),
        "stale-slope": Wrong(
            {"en": "D evaluated at (x, t), before the noise", "zh": "在加噪之前的 (x, t) 处求 D"},
            version(Rule(stale=True), 2.0),
            "round-trip",
        ),
        "no-cap": Wrong(
            {"en": "gamma without its cap", "zh": "γ 不设上限"},
            version(Rule(cap=math.inf), ORDER),
            "variance",
        ),
        "not-divided": Wrong(
            {"en": "gamma = S_churn, not divided by the steps", "zh": "γ = S_churn，没有除以步数"},
            version(Rule(share=lambda s_churn, steps: s_churn), ORDER),
            "partial",
        ),
        "levels-counted": Wrong(
            {
                "en": "S_churn divided by the number of levels, one more than the steps",
                "zh": "S_churn 除以噪声水平的个数，比步数多一",
            },
            version(Rule(share=lambda s_churn, steps: s_churn / (steps + 1)), ORDER),
            "partial",
        ),
        "no-window": Wrong(
            {"en": "S_min and S_max ignored", "zh": "忽略 S_min 与 S_max"},
            version(Rule(windowed=False), ORDER),
            "partial",
        ),
    }

    @property
    def share(self) -> float:
        """False alarm of each sampled check."""
        return FALSE_ALARM / 3

    def _law(self) -> CharacteristicFunction:
        """Of the mixture at the raised level."""
        at = torch.tensor(FREQUENCIES, dtype=torch.float64, device=self.setting.device)[:, None]
        mixture = self._mixture(torch.float64)
        return CharacteristicFunction.of(lambda w: mixture.characteristic(w, RAISED), at, ROWS, self.share)

    def _mixture(self, dtype: torch.dtype) -> Mixture:
        return two_bumps(self.setting.device, dtype)

    def predict(self) -> dict[str, Prediction]:
        expected, law = self.expect(self.subject), self._law()
        moments = ChiSquare(RUN_ROWS * RUN_DIMENSIONS, self.share)
        near = Span(-math.inf, DISTANCE_MARGIN)
        one, level = Span(1 - LEVEL_MARGIN, 1 + LEVEL_MARGIN), ChiSquare(ROWS, self.share)
        value = expected["variance"]
        margin = Span(value * (1 - VARIANCE_MARGIN), value * (1 + VARIANCE_MARGIN))
        partial = around(expected["partial"], PARTIAL_MARGIN)
        return {
            "noise-step": Prediction(
                {
                    "en": "distance of the characteristic function from that of p(x; t') after the noise step",
                    "zh": "加噪一步之后，特征函数与 p(x; t') 的特征函数之间的最大距离",
                },
                0.0, near, law.blind(near), self.share, "characteristic function; Bernstein",
            ),
            "noise-variance": Prediction(
                {
                    "en": "variance after the noise step over s^2 + t'^2, on a Gaussian",
                    "zh": "在高斯上，加噪一步之后的方差与 s² + t'² 之比",
                },
                1.0, one, level.blind(one), self.share, "exact chi-square interval",
            ),
            "round-trip": stated_order(
                {
                    "en": "order in g of the variance error of a round trip",
                    "zh": "一次往返后方差误差关于 g 的阶",
                },
                ORDER, ORDER_MARGIN,
            ),
            "variance": Prediction(
                {
                    "en": f"variance after all of Algorithm 2 over that of the data, s = {DEVIATION:g}",
                    "zh": f"算法 2 全程之后的方差与数据方差之比，s = {DEVIATION:g}",
                },
                value, margin, moments.blind(margin), self.share, "exact chi-square interval",
            ),
            "partial": Prediction(
                {
                    "en": f"the same for S_churn = {PARTIAL[0]:g} between sigma = {PARTIAL[1]:g} and {PARTIAL[2]:g}",
                    "zh": f"同上，S_churn = {PARTIAL[0]:g}，只在 σ = {PARTIAL[1]:g} 与 {PARTIAL[2]:g} 之间",
                },
                expected["partial"], partial, exact_blind(partial, self._rounding), 0.0,
                "the sampler's response to unit inputs",
            ),
        }  # fmt: skip

    def expect(self, subject: Algorithm) -> dict[str, float]:
        level, law = math.sqrt(LEVEL**2 + subject.rule.added(LEVEL, RAISED) ** 2), self._law()
        return {
            "noise-step": law.distance(self._mixture(torch.float64).characteristic(law.frequencies, level)),
            "noise-variance": (DEVIATION**2 + level**2) / (DEVIATION**2 + RAISED**2),
            "round-trip": subject.order,
            "variance": subject.rule.variance(karras(STEPS), DEVIATION, FULL),
            "partial": subject.rule.variance(karras(STEPS), DEVIATION, PARTIAL),
        }

    @property
    def _rounding(self) -> float:
        return 20 * STEPS * self.setting.rounding

    def measure(self, subject: Algorithm) -> Measurement:
        defects = [self._round_trip(subject, size) for size in ROUND_TRIP_SIZES]
        order = order_interval(ROUND_TRIP_SIZES, [abs(d) for d in defects], 4 * self.setting.rounding)
        steps = {"noise-step": self._noise_step(subject), "noise-variance": self._noise_variance(subject)}
        runs = {"variance": self._whole_run(subject), "partial": exact(self._partial(subject), self._rounding)}
        return Measurement(steps | {"round-trip": order} | runs, {"defects": defects})

    @cached_property
    def _start(self) -> tuple[Tensor, Tensor]:
        """A sample of p(x; LEVEL) of the mixture, and fresh noise."""
        latents = self.setting.latents
        y = self._mixture(self.setting.dtype).sample(latents, "churn.data", ROWS)
        x = y + LEVEL * latents.normal("churn.level", ROWS, 1)
        return x, latents.normal("churn.added", ROWS, 1)

    @cached_property
    def _gaussian_start(self) -> Tensor:
        """A sample of N(0, DEVIATION^2 + LEVEL^2)."""
        return math.hypot(DEVIATION, LEVEL) * self.setting.latents.normal("churn.gaussian", ROWS, 1)

    def _noise_step(self, subject: Algorithm) -> Interval:
        x, noise = self._start
        return self._law().interval(subject.inflate(x, LEVEL, RAISED, noise))

    def _noise_variance(self, subject: Algorithm) -> Interval:
        out = subject.inflate(self._gaussian_start, LEVEL, RAISED, self._start[1])
        return ChiSquare(ROWS, self.share).interval(mean(out.double().square()) / (DEVIATION**2 + RAISED**2))

    def _round_trip(self, subject: Algorithm, size: float) -> float:
        """Relative error of the variance after t -> (1 + size) t -> t, from the responses to x = 1 and to z = 1."""
        t, zero = ROUND_TRIP_LEVEL, self.setting.tensor([0.0])
        denoise = Gaussian(zero, zero + DEVIATION**2).denoise
        x, z = self.setting.tensor([[1.0], [0.0]]), self.setting.tensor([[0.0], [1.0]])
        a, b = subject.run(denoise, x, [t, t], lambda step: z, size, 0.0, math.inf).double().flatten().tolist()
        total = DEVIATION**2 + t**2
        return (a**2 * total + b**2) / total - 1

    @cached_property
    def _latents(self) -> list[Tensor]:
        """Start and per-step noise of the whole run."""
        latents = self.setting.latents
        return [latents.normal(f"churn.run.{i}", RUN_ROWS, RUN_DIMENSIONS) for i in range(STEPS + 1)]

    def _whole_run(self, subject: Algorithm) -> Interval:
        start, *noise = self._latents
        zero = self.setting.tensor([0.0])
        denoise, sigmas = Gaussian(zero, zero + DEVIATION**2).denoise, karras(STEPS)
        out = subject.run(denoise, sigmas[0] * start, sigmas, noise.__getitem__, *FULL)
        return ChiSquare(out.numel(), self.share).interval(mean((out / DEVIATION).double().square()))

    def _partial(self, subject: Algorithm) -> float:
        """Variance over s^2 after the run with PARTIAL, exactly."""
        zero, sigmas = self.setting.tensor([0.0]), karras(STEPS)

        def run(denoise: Denoise, x: Tensor, noise: Noise) -> Tensor:
            return subject.run(denoise, x, sigmas, noise, *PARTIAL)

        denoise = Gaussian(zero, zero + DEVIATION**2).denoise
        return law(run, denoise, sigmas[0], STEPS, self.setting).variance / DEVIATION**2

    def picture(self, measurements: dict[str, Measurement]) -> Picture:
        shown = {"": {"en": "Algorithm 2", "zh": "算法 2"}} | {
            key: self.wrong[key].title for key in ("stale-slope", "s-noise-1.05", "no-noise")
        }
        sizes = list(ROUND_TRIP_SIZES)
        series = [
            Series(title, sizes, [abs(d) for d in measurements[key].traces["defects"]], "marked")
            for key, title in shown.items()
        ]
        return Picture(
            title={"en": "What a round trip of churn does to the variance", "zh": "一次加噪往返对方差的影响"},
            description={
                "en": "Relative error of the variance against the relative size g of the round trip, both axes "
                "logarithmic. Algorithm 2 falls with slope three; every wrong version falls more slowly.",
                "zh": "方差的相对误差随往返相对幅度 g 的变化，双对数坐标。"
                "算法 2 的斜率为三，各种错误写法都下降得更慢。",
            },
            x_title={"en": "relative size of the round trip, g", "zh": "往返的相对幅度 g"},
            y_title={"en": "relative error of the variance", "zh": "方差的相对误差"},
            series=series,
            x_log=True,
            y_log=True,
        )

    def summary(self, measurement: Measurement) -> Text:
        found = measurement.intervals
        distance, order, variance = (found[k].estimate for k in ("noise-step", "round-trip", "variance"))
        predicted = self.expect(self.subject)["variance"]
        blind = self._law().blind(Span(-math.inf, DISTANCE_MARGIN)).high
        return {
            "en": f"After the noise step the characteristic function is within {found['noise-step'].high:.4f} of the "
            f"predicted one ({distance:.4f} measured; {blind:.4f} would have been seen). Round trip: order "
            f"{order:.3f}. Whole run: variance {variance:.4f} of the data's, "
            f"{predicted:.4f} by recursion.",
            "zh": f"加噪一步之后，特征函数与预言之差不超过 {found['noise-step'].high:.4f}（实测 {distance:.4f}；"
            f"若差 {blind:.4f}，必已察觉）。往返的阶为 {order:.3f}。全程之后方差为数据的 {variance:.4f} 倍，"
            f"递推给出 {predicted:.4f}。",
        }
