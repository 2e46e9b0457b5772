r"""ddim-eta: how much of a step's noise is fresh, and what does not depend on it.

A step from level t to t' with the clean point y keeps noise of deviation sqrt(t'^2 - v) from what is there and draws
noise of variance v = eta^2 t'^2 (t^2 - t'^2)/t^2. Whatever eta, the noise after it has variance t'^2 (ddim.marginals).
eta decides how much neighbouring points share, sqrt(1 - v/t'^2) as a correlation, and v is eta^2 times DDPM's smaller
variance (ddim.eta-variance). All of this is read off the sampler's response to unit inputs, exactly; the law of a chain
on a mixture is sampled as well.

With the exact denoiser in place of y a chain of few steps misses the data. On N(0, s^2) by how much is known. The order
is one for every eta; the factor is least for eta = 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from verify.experiments.affine import law
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
from verify.experiments.grids import linear_betas, of_betas, subset
from verify.experiments.oracles import Gaussian, Mixture
from verify.experiments.samplers import Denoise, Noise, beta, beta_tilde, ddim
from verify.experiments.statistics import (
    FALSE_ALARM,
    CharacteristicFunction,
    Interval,
    Span,
    around,
    exact,
    exact_blind,
)
from verify.experiments.targets import two_bumps

ETAS = (0.0, 0.5, 1.0)
CHAIN = (20.0, 5.0, 1.5, 0.6)
T, AFTER = CHAIN[-2:]
DEVIATION = 0.5
FEW = (5, 10, 20, 50, 100, 200)
ROWS = 200_000
FREQUENCIES = tuple(0.4 * k for k in range(1, 9))
DISTANCE_MARGIN = 0.02
MARGIN = 1e-3


@dataclass(frozen=True)
class Rule:
    """A step: `fresh(t, after, eta)` is the variance of its noise, `kept(t, after, v)` the deviation of what it keeps.

    redrawn   what is kept is drawn anew
    advanced  the clean point is read with the next level's factors, though the noise is predicted at the present one
    """

    fresh: Callable[[float, float, float], float]
    kept: Callable[[float, float, float], float]
    redrawn: bool = False
    advanced: bool = False

    def weights(self, t: float, after: float, eta: float) -> tuple[float, float, float, float]:
        """(a, b, c, r) of x' = a x + b D + c z + r z_2."""
        v = self.fresh(t, after, eta)
        kept, c = self.kept(t, after, v), math.sqrt(v)
        if self.redrawn:
            return 0.0, 1.0, c, kept
        if self.advanced:
            # In DDPM's units x^_0 = (x_t - sqrt(1 - abar') e) / sqrt(abar'), with x_t = sqrt(abar) x, e = (x - D)/t.
            scale = math.hypot(1, after) / math.hypot(1, t)
            return scale + (kept - after) / t, (after - kept) / t, c, 0.0
        return kept / t, 1 - kept / t, c, 0.0

    def sample(self, denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise, eta: float) -> Tensor:
        count = len(sigmas) - 1
        for i, (t, after) in enumerate(zip(sigmas[:-1], sigmas[1:], strict=True)):
            a, b, c, r = self.weights(t, after, eta)
            x = a * x + b * denoise(x, t)
            if c > 0:
                x = x + c * noise(i)
            if r > 0:
                x = x + r * noise(count + i)
        return x

    def variance(self, sigmas: Sequence[float], eta: float, s: float, start: float) -> float:
        """Variance after the steps on N(0, s^2) from variance `start`; s = 0 is a known clean point."""
        total = start
        for t, after in zip(sigmas[:-1], sigmas[1:], strict=True):
            a, b, c, r = self.weights(t, after, eta)
            total = (a + b * s**2 / (s**2 + t**2)) ** 2 * total + c**2 + r**2
        return total


def fresh(t: float, after: float, eta: float) -> float:
    """eta^2 times DDPM's smaller variance, here from Ho et al.'s own table entries."""
    a, b = 1 / (1 + t**2), 1 / (1 + after**2)
    return eta**2 * (1 - b) / (1 - a) * (1 - a / b) / b


def kept(t: float, after: float, v: float) -> float:
    return math.sqrt(max(after**2 - v, 0.0))


def level_variance(t: float, after: float, eta: float) -> float:
    """eta^2 (1 - abar) in DDPM's units."""
    return eta**2 * t**2 / (1 + t**2) * (1 + after**2)


Run = Callable[[Denoise, Tensor, Sequence[float], Noise, float], Tensor]


@dataclass(frozen=True)
class Family:
    """A version of DDIM's family: its step, the same as a sampler, and the correlation said to tie neighbours."""

    rule: Rule = Rule(fresh, kept)
    run: Run = ddim
    shared: Callable[[float, float, float], float] = lambda t, after, eta: math.sqrt(1 - eta**2 * (1 - after**2 / t**2))


def version(rule: Rule) -> Family:
    return Family(rule, rule.sample)


def table(steps: int) -> list[float]:
    """That many of DDPM's 1000 levels, the noisiest among them, and zero."""
    levels = of_betas(linear_betas())
    return [*(levels[len(levels) - 1 - k] for k in subset(steps, len(levels))), 0.0]


@experiment(
    name="ddim-eta",
    title={
        "en": "Any eta keeps the marginals; eta squared is the share of DDPM's noise",
        "zh": "任何 η 都保持边缘分布；η 的平方是所用 DDPM 噪声的比例",
    },
    claims=("ddim.marginals", "ddim.step", "ddim.eta-variance"),
    prediction={
        "en": "For eta = 0, 0.5, 1 the noise after a chain of steps has exactly the variance of its level; a step "
        "draws eta squared of DDPM's smaller variance; neighbours share all their noise for eta = 0.",
        "zh": "η = 0、0.5、1 时，走过若干步之后的噪声方差恰好等于该水平的方差；"
        "一步新加的噪声是 DDPM 较小方差的 η² 倍；η = 0 时相邻两点的噪声完全相同。",
    },
)
class Eta(Experiment):
    subject = Family()
    wrong = {
        "eta-on-the-variance": Wrong(
            {"en": "eta multiplies the variance", "zh": "η 乘在方差上"},
            version(Rule(lambda t, after, eta: fresh(t, after, math.sqrt(eta)), kept)),
            "fresh.0.5",
            "azula 0.11.1",
        ),
        "one-is-beta": Wrong(
            {"en": "eta = 1 taken for DDPM's larger variance", "zh": "把 η = 1 当成 DDPM 的较大方差"},
            version(Rule(lambda t, after, eta: eta**2 * beta(t, after), kept)),
            "fresh.1",
        ),
        "level-variance": Wrong(
            {
                "en": "the whole variance of the level drawn, a clamp under the root",
                "zh": "抽取该层的全部方差，根号下再截断",
            },
            version(Rule(level_variance, kept)),
            "marginal.1",
            "jsboige/CoursIA pull request 16158",
        ),
        "deviations-subtracted": Wrong(
            {"en": "standard deviations subtracted", "zh": "把标准差直接相减"},
            version(Rule(fresh, lambda t, after, v: after - math.sqrt(v))),
            "marginal.0.5",
        ),
        "on-a-mixture": Wrong(
            {"en": "the same, on a mixture", "zh": "同上，用在高斯混合上"},
            version(Rule(fresh, lambda t, after, v: after - math.sqrt(v))),
            "mixture",
        ),
        "nothing-kept": Wrong(
            {"en": "fresh noise in place of what is kept", "zh": "应保留的噪声也重新抽取"},
            version(Rule(fresh, kept, redrawn=True)),
            "shared.0.5",
        ),
        "always-markov": Wrong(
            {"en": "DDPM's joint law said to hold for every eta", "zh": "声称任何 η 的联合分布都是 DDPM 的"},
            Family(shared=lambda t, after, eta: after / t),
            "shared.0",
        ),
        "next-level-factors": Wrong(
            {"en": "the clean point read with the next level's factors", "zh": "预测干净点时用了下一层的系数"},
            version(Rule(fresh, kept, advanced=True)),
            "few.0",
            "lucidrains/denoising-diffusion-pytorch issue 81",
        ),
    }

    def predict(self) -> dict[str, Prediction]:
        predictions = {}
        for name, value in self.expect(self.subject).items():
            if name == "mixture":
                near = Span(-math.inf, DISTANCE_MARGIN)
                predictions[name] = Prediction(
                    self._title(name), value, near, self._law.blind(near), FALSE_ALARM,
                    "characteristic function; Bernstein",
                )  # fmt: skip
            else:
                margin = around(value, MARGIN)
                blind = exact_blind(margin, self._rounding)
                method = "the sampler's response to unit inputs"
                predictions[name] = Prediction(self._title(name), value, margin, blind, 0.0, method)
        return predictions

    @staticmethod
    def _title(name: str) -> Text:
        kind, _, eta = name.partition(".")
        texts: dict[str, Text] = {
            "marginal": {
                "en": "variance after three steps over that of the level",
                "zh": "三步之后的方差与该水平方差之比",
            },
            "fresh": {
                "en": "fresh variance of a step over DDPM's smaller one",
                "zh": "一步新加的方差与 DDPM 较小方差之比",
            },
            "shared": {
                "en": "correlation of the noise of two neighbours, less the one said",
                "zh": "相邻两点噪声的相关系数，减去声称的值",
            },
            "few": {
                "en": f"relative error of the variance after {FEW[1]} steps on N(0, {DEVIATION**2:g})",
                "zh": f"在 N(0, {DEVIATION**2:g}) 上走 {FEW[1]} 步后方差的相对误差",
            },
            "mixture": {
                "en": "distance of the characteristic function from that of the level on a mixture",
                "zh": "在高斯混合上，特征函数与该水平特征函数的最大距离",
            },
        }
        if kind == "mixture":
            eta = "0.5"
        return {"en": f"{texts[kind]['en']}, eta = {eta}", "zh": f"{texts[kind]['zh']}，η = {eta}"}

    def expect(self, subject: Family) -> dict[str, float]:
        rule, few, values = subject.rule, table(FEW[1]), {}
        start = 1 + few[0] ** 2
        for eta in ETAS:
            a, _, c, _ = rule.weights(T, AFTER, eta)
            variance = rule.variance(CHAIN, eta, 0.0, CHAIN[0] ** 2)
            values[f"marginal.{eta:g}"] = variance / AFTER**2
            values[f"fresh.{eta:g}"] = c**2 / fresh(T, AFTER, 1.0)  # measured against the library's beta_tilde
            values[f"shared.{eta:g}"] = a * T / AFTER - subject.shared(T, AFTER, eta)
            values[f"few.{eta:g}"] = rule.variance(few, eta, DEVIATION, start) / DEVIATION**2 - 1
        half = rule.variance(CHAIN, 0.5, 0.0, CHAIN[0] ** 2)
        values["mixture"] = self._law.distance(self._mixture.characteristic(self._law.frequencies, math.sqrt(half)))
        return values

    @property
    def _rounding(self) -> float:
        return 100 * self.setting.rounding

    @property
    def _mixture(self) -> Mixture:
        return two_bumps(self.setting.device)

    @cached_property
    def _law(self) -> CharacteristicFunction:
        at = torch.tensor(FREQUENCIES, dtype=torch.float64, device=self.setting.device)[:, None]
        return CharacteristicFunction.of(lambda w: self._mixture.characteristic(w, AFTER), at, ROWS, FALSE_ALARM)

    def measure(self, subject: Family) -> Measurement:
        intervals = {"mixture": self._sampled(subject)}
        for eta in ETAS:
            whole = self._response(subject, eta, CHAIN, known=True)
            step = self._response(subject, eta, (T, AFTER), known=True)
            numbers = {
                "marginal": sum(c**2 for c in whole) / AFTER**2,
                "fresh": step[1] ** 2 / beta_tilde(T, AFTER),
                "shared": step[0] / AFTER - subject.shared(T, AFTER, eta),
                "few": self._error(subject, eta, FEW[1]),
            }
            intervals |= {f"{name}.{eta:g}": exact(value, self._rounding) for name, value in numbers.items()}
        return Measurement(intervals, {f"{eta:g}": [self._error(subject, eta, n) for n in FEW] for eta in ETAS})

    def _response(self, subject: Family, eta: float, sigmas: Sequence[float], known: bool) -> tuple[float, ...]:
        """Coefficients of the start and of every draw; for a known clean point, or with the exact denoiser."""
        zero = self.setting.tensor([0.0])
        oracle = Gaussian(zero, zero + (0.0 if known else DEVIATION**2))
        start = sigmas[0] if known else math.hypot(1, sigmas[0])
        draws = 2 * (len(sigmas) - 1)

        def run(denoise: Denoise, x: Tensor, noise: Noise) -> Tensor:
            return subject.run(denoise, x, sigmas, noise, eta)

        return law(run, oracle.denoise, start, draws, self.setting).coefficients

    def _error(self, subject: Family, eta: float, steps: int) -> float:
        return sum(c**2 for c in self._response(subject, eta, table(steps), known=False)) / DEVIATION**2 - 1

    @cached_property
    def _latents(self) -> list[Tensor]:
        """Clean points, the start's noise, and that of every draw."""
        latents = self.setting.latents
        points = self._mixture.sample(latents, "eta.data", ROWS)
        return [points, *(latents.normal(f"eta.{i}", ROWS, 1) for i in range(2 * len(CHAIN) - 1))]

    def _sampled(self, subject: Family) -> Interval:
        """A chain with eta = 0.5 from noisy clean points, each step given its clean point."""
        points, start, *noise = self._latents
        x = points + CHAIN[0] * start
        return self._law.interval(subject.run(lambda x, sigma: points, x, CHAIN, noise.__getitem__, 0.5))

    def picture(self, measurements: dict[str, Measurement]) -> Picture:
        traces, steps = measurements[""].traces, [float(n) for n in FEW]
        many = [abs(traces[f"{eta:g}"][FEW.index(100)]) for eta in ETAS]
        return Picture(
            title={"en": "Error of the variance against the number of steps", "zh": "方差的误差随步数的变化"},
            description={
                "en": "Relative error of the final variance on N(0, 0.25) with the exact denoiser, over steps taken "
                f"from DDPM's 1000 levels, both axes logarithmic. In a hundred steps {many[0]:.3f} for eta = 0, "
                f"{many[1]:.3f} for 0.5, {many[2]:.3f} for 1. All have slope minus one in the end; fresh noise costs "
                "about twice the steps.",
                "zh": "去噪器精确时，在 N(0, 0.25) 上最终方差的相对误差，步子取自 DDPM 的 1000 个水平，双对数坐标。"
                f"走一百步：η = 0 为 {many[0]:.3f}，0.5 为 {many[1]:.3f}，1 为 {many[2]:.3f}。"
                "各线最终斜率都是负一；η = 1 大约要多一倍的步数。",
            },
            x_title={"en": "number of steps", "zh": "步数"},
            y_title={"en": "relative error of the variance", "zh": "方差的相对误差"},
            series=[
                Series(
                    {"en": f"eta = {eta:g}", "zh": f"η = {eta:g}"},
                    steps,
                    [abs(v) for v in traces[f"{eta:g}"]],
                    "marked",
                )
                for eta in ETAS
            ],
            x_log=True,
            y_log=True,
        )

    def summary(self, measurement: Measurement) -> Text:
        found = measurement.intervals
        few = [found[f"few.{eta:g}"].estimate for eta in ETAS]
        return {
            "en": f"Fresh noise for eta = 0.5 and 1: {found['fresh.0.5'].estimate:.4f} and "
            f"{found['fresh.1'].estimate:.4f} of DDPM's smaller variance. On a mixture the law after three steps is "
            f"within {found['mixture'].high:.4f} of the level's. Ten steps on N(0, 0.25) miss the variance by "
            f"{few[0]:.3f}, {few[1]:.3f}, {few[2]:.3f} for eta = 0, 0.5, 1.",
            "zh": f"η = 0.5 与 1 时新加的噪声是 DDPM 较小方差的 {found['fresh.0.5'].estimate:.4f} 与 "
            f"{found['fresh.1'].estimate:.4f} 倍。在高斯混合上，三步之后的分布与该水平之差不超过 "
            f"{found['mixture'].high:.4f}。在 N(0, 0.25) 上走十步，η = 0、0.5、1 时方差的相对误差为 "
            f"{few[0]:.3f}、{few[1]:.3f}、{few[2]:.3f}。",
        }
