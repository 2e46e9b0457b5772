r"""solver-sde: the law of a step of SDE-DPM-Solver++ for eta = 0, 1/2 and 1, and of a whole run.

    x' = (t'/t)^{1+eta} x + (1 - (t'/t)^{1+eta}) D + t' sqrt(1 - (t'/t)^{2 eta}) z        (solver.sde-dpmpp)

With the clean point y in the place of D the step maps p(x; t) to p(x; t') exactly, whatever eta and the length: on a
mixture that is a law in closed form, tested by its characteristic function. With D itself eta = 0 is DDIM's step and
eta = 1 DDPM's. A whole run of the two-output sampler errs by its discretisation; on a Gaussian the sampler is linear,
so its law follows from the response to a unit start and to each unit noise, and nothing is sampled.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

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
from verify.experiments.grids import karras
from verify.experiments.oracles.gaussian import Gaussian
from verify.experiments.oracles.mixture import Mixture
from verify.experiments.samplers.ancestral import ancestral
from verify.experiments.samplers.common import Denoise, Noise
from verify.experiments.samplers.ddim import ddim
from verify.experiments.samplers.ito import constant, exponential, sde_dpmpp_2m
from verify.experiments.statistics import (
    FALSE_ALARM,
    CharacteristicFunction,
    Interval,
    Span,
    exact,
    exact_blind,
    frequencies,
)

LEVEL, AFTER = 1.2, 0.5
ETAS = (0.0, 0.5, 1.0)
ROWS = 300_000
FREQUENCIES = 10
MARGIN = 0.018
SAME = 1e-4

RUN_STEPS, RUN_TOP, RUN_BOTTOM, RUN_DEVIATION = 80, 20.0, 0.05, 0.5
RUN_MARGIN = 0.01

Step = Callable[[Denoise, Tensor, float, float, Noise, float], Tensor]
Deviation = Callable[[float, float, float], float]


def deviation(t: float, after: float, eta: float) -> float:
    """Of the fresh noise, by formula."""
    return after * math.sqrt(1 - (after / t) ** (2 * eta))


def right_step(denoise: Denoise, x: Tensor, t: float, after: float, noise: Noise, eta: float) -> Tensor:
    """One step of the sampler under test."""
    return exponential(denoise, x, [t, after], noise, constant(math.sqrt(eta)))


def shifted(noise: Noise, i: int, _: int) -> Tensor:
    """The noise of step i, for a step that asks for its first."""
    return noise(i)


@dataclass(frozen=True)
class Family:
    """A version of the family: the spread of its fresh noise, and the exponent of what is kept of x."""

    deviation: Deviation = deviation
    rate: Callable[[float], float] = lambda eta: 1 + eta
    step: Step | None = right_step

    def move(self, denoise: Denoise, x: Tensor, t: float, after: float, noise: Noise, eta: float) -> Tensor:
        if self.step is not None:
            return self.step(denoise, x, t, after, noise, eta)
        kept = (after / t) ** self.rate(eta)
        return torch.lerp(denoise(x, t), x, kept) + self.deviation(t, after, eta) * noise(0)

    def run(self, denoise: Denoise, x: Tensor, sigmas: list[float], noise: Noise, eta: float) -> Tensor:
        if self.step is not None:
            return sde_dpmpp_2m(denoise, x, sigmas, noise, eta)
        for i, (t, after) in enumerate(zip(sigmas[:-1], sigmas[1:], strict=True)):
            x = self.move(denoise, x, t, after, partial(shifted, noise, i), eta)
        return x

    def level(self, t: float, after: float, eta: float) -> float:
        """The noise level after a step from a known clean point: variances of independent Gaussians add."""
        return math.hypot(t * (after / t) ** self.rate(eta), self.deviation(t, after, eta))


def version(deviation: Deviation = deviation, rate: Callable[[float], float] = lambda eta: 1 + eta) -> Family:
    return Family(deviation, rate, None)


@experiment(
    name="solver-sde",
    title={
        "en": "Every member of the stochastic family keeps the law of the next level",
        "zh": "随机族的每个成员都保持下一噪声水平的分布",
    },
    claims=("solver.sde-dpmpp",),
    prediction={
        "en": "Applied with the known clean point, a step from 1.2 to 0.5 turns p(x; 1.2) of a mixture into p(x; 0.5) "
        "for eta = 0, 1/2 and 1; with the denoiser eta = 0 is DDIM's step and eta = 1 DDPM's; a run of 80 steps with "
        "two outputs keeps the variance of a Gaussian to one per cent.",
        "zh": "代入已知的干净点，从 1.2 到 0.5 的一步在 η = 0、1/2、1 时都把高斯混合的 p(x; 1.2) 变成 p(x; 0.5)；"
        "代入去噪器，η = 0 就是 DDIM 的一步，η = 1 就是 DDPM 的一步；"
        "用两次输出走 80 步，高斯的方差误差在百分之一以内。",
    },
)
class Stochastic(Experiment):
    subject = Family()
    wrong = {
        "noise-of-eta-one": Wrong(
            {"en": "fresh noise of eta = 1 whatever eta is", "zh": "无论 η 取何值，新噪声都按 η = 1 给"},
            version(lambda t, after, eta: deviation(t, after, 1.0)),
            "law.0.5",
        ),
        "ddim-eta": Wrong(
            {"en": "this eta taken for DDIM's", "zh": "把这里的 η 当成 DDIM 的 η"},
            version(lambda t, after, eta: eta * deviation(t, after, 1.0)),
            "law.0.5",
        ),
        "level-before": Wrong(
            {"en": "fresh noise of the size of the level before", "zh": "新噪声取了上一层的大小"},
            version(lambda t, after, eta: deviation(t, after, eta) * t / after),
            "law.1",
        ),
        "kept-as-ode": Wrong(
            {"en": "noise added to the step of the ODE", "zh": "照 ODE 走一步，再加噪声"},
            version(rate=lambda eta: 1.0),
            "run.1",
        ),
        "no-noise": Wrong(
            {"en": "the step of eta = 1 without its noise", "zh": "η = 1 的一步不加噪声"},
            version(lambda t, after, eta: 0.0),
            "ddpm",
        ),
    }

    @property
    def share(self) -> float:
        """False alarm of each sampled check."""
        return FALSE_ALARM / len(ETAS)

    @cached_property
    def _target(self) -> Mixture:
        values = [0.3, 0.7], [[-1.0, 0.2], [0.8, -0.4]], [[0.04, 0.16], [0.16, 0.06]]
        return Mixture(*(torch.tensor(v, dtype=torch.float64, device=self.setting.device) for v in values))

    @cached_property
    def _frequencies(self) -> Tensor:
        return frequencies([1.0, 0.6], FREQUENCIES, 0.5).to(self.setting.device)

    @cached_property
    def _law(self) -> CharacteristicFunction:
        return CharacteristicFunction.of(
            lambda w: self._target.characteristic(w, AFTER), self._frequencies, ROWS, self.share
        )

    def predict(self) -> dict[str, Prediction]:
        near, same, one = Span(-math.inf, MARGIN), Span(-SAME, SAME), Span(1 - RUN_MARGIN, 1 + RUN_MARGIN)
        found = {
            f"law.{eta:g}": Prediction(
                {
                    "en": f"distance of the characteristic function from that of p(x; {AFTER:g}), eta = {eta:g}",
                    "zh": f"特征函数与 p(x; {AFTER:g}) 的特征函数之差，η = {eta:g}",
                },
                0.0, near, self._law.blind(near), self.share, "characteristic function; Bernstein",
            )
            for eta in ETAS
        }  # fmt: skip
        for name, words in (
            ("ddim", {"en": "eta = 0 less DDIM's step, root mean square", "zh": "η = 0 与 DDIM 一步之差，均方根"}),
            ("ddpm", {"en": "eta = 1 less DDPM's step, root mean square", "zh": "η = 1 与 DDPM 一步之差，均方根"}),
        ):
            found[name] = Prediction(words, 0.0, same, exact_blind(same, self._rounding), 0.0, "same latents")
        for eta in ETAS:
            words = {
                "en": f"variance after a run over that of the data, eta = {eta:g}",
                "zh": f"全程之后的方差与数据方差之比，η = {eta:g}",
            }
            blind = exact_blind(one, self._run_rounding)
            found[f"run.{eta:g}"] = Prediction(words, 1.0, one, blind, 0.0, "squares of the linear responses")
        return found

    @property
    def _rounding(self) -> float:
        return 20 * self.setting.rounding

    @property
    def _run_rounding(self) -> float:
        return 20 * RUN_STEPS * self.setting.rounding

    def expect(self, subject: Family) -> dict[str, float]:
        w = self._frequencies
        found = {
            f"law.{eta:g}": self._law.distance(self._target.characteristic(w, subject.level(LEVEL, AFTER, eta)))
            for eta in ETAS
        }
        shifts = [subject.deviation(LEVEL, AFTER, eta) - deviation(LEVEL, AFTER, eta) for eta in (0.0, 1.0)]
        rates = [subject.rate(eta) == 1 + eta for eta in (0.0, 1.0)]
        names = zip(("ddim", "ddpm"), shifts, rates, strict=True)
        found |= {name: abs(shift) for name, shift, same in names if same}
        if subject == self.subject:
            found |= {f"run.{eta:g}": 1.0 for eta in ETAS}
        return found

    def measure(self, subject: Family) -> Measurement:
        clean, x, z = self._start
        intervals: dict[str, Interval] = {}
        for eta in ETAS:
            out = subject.move(lambda x, t: clean, x, LEVEL, AFTER, lambda i: z, eta)
            intervals[f"law.{eta:g}"] = self._law.interval(out)
        few = slice(0, 1000)
        denoise, noise = self._target.denoise, lambda i: z[few]
        for name, eta, other in (
            ("ddim", 0.0, ddim(denoise, x[few], [LEVEL, AFTER])),
            ("ddpm", 1.0, ancestral(denoise, x[few], [LEVEL, AFTER], noise)),
        ):
            out = subject.move(denoise, x[few], LEVEL, AFTER, noise, eta)
            apart = float((out - other).double().square().mean().sqrt() / z[few].double().square().mean().sqrt())
            intervals[name] = exact(apart, self._rounding)
        for eta in ETAS:
            intervals[f"run.{eta:g}"] = exact(self._spread(partial(subject.run, eta=eta)), self._run_rounding)
        return Measurement(intervals)

    @cached_property
    def _start(self) -> tuple[Tensor, Tensor, Tensor]:
        """Clean points, the same at LEVEL, and fresh noise."""
        latents = self.setting.latents
        y = self._target.sample(latents, "stochastic.data", ROWS)
        x = y + LEVEL * latents.normal("stochastic.level", ROWS, 2)
        return y, x, latents.normal("stochastic.added", ROWS, 2)

    def _spread(self, run: Callable[[Denoise, Tensor, list[float], Noise], Tensor], count: int = RUN_STEPS) -> float:
        """Variance at the end over that of the law there, from N(0, s^2 + top^2), exactly.

        Row 0 carries the start, row i + 1 the unit noise of step i; the sampler is linear and does not mix them.
        """
        sigmas = karras(count, RUN_BOTTOM, RUN_TOP, to_zero=False)
        one = self.setting.tensor([1.0])
        unit = torch.eye(count + 1, dtype=one.dtype, device=one.device)
        start = math.hypot(RUN_DEVIATION, RUN_TOP) * unit[:, :1]
        denoise = Gaussian(0 * one, RUN_DEVIATION**2 * one).denoise
        end = run(denoise, start, sigmas, lambda i: unit[:, i + 1 : i + 2])
        return float(end.double().square().sum()) / (RUN_DEVIATION**2 + RUN_BOTTOM**2)

    def picture(self, measurements: dict[str, Measurement]) -> Picture:
        counts = (10, 14, 20, 28, 40, 56, 80, 112, 160)
        series = []
        for eta in ETAS:
            for name, run in (
                ("one output", lambda d, x, s, n, eta=eta: exponential(d, x, s, n, constant(math.sqrt(eta)))),
                ("two outputs", lambda d, x, s, n, eta=eta: sde_dpmpp_2m(d, x, s, n, eta)),
            ):
                errors = [abs(self._spread(run, n) - 1) for n in counts]
                zh = {"one output": "一次输出", "two outputs": "两次输出"}[name]
                title = {"en": f"eta = {eta:g}, {name}", "zh": f"η = {eta:g}，{zh}"}
                series.append(Series(title, [float(n) for n in counts], errors, "marked"))
        return Picture(
            title={"en": "Error of the variance against the number of steps", "zh": "方差误差随步数的变化"},
            description={
                "en": "Relative error of the variance of a Gaussian after a run, logarithmic axes, nothing sampled. "
                "The error grows with eta; with two outputs it falls like the square of the step at eta = 0 and far "
                "below that of one output for every eta.",
                "zh": "高斯数据走完全程后方差的相对误差，双对数坐标，没有抽样。误差随 η 增大；用两次输出时，η = 0 "
                "的误差与步长的平方成正比，且对每个 η 都远小于只用一次输出的误差。",
            },
            x_title={"en": "steps", "zh": "步数"},
            y_title={"en": "relative error of the variance", "zh": "方差的相对误差"},
            series=series,
            x_log=True,
            y_log=True,
        )

    def summary(self, measurement: Measurement) -> Text:
        found = measurement.intervals
        laws = ", ".join(f"{found[f'law.{eta:g}'].estimate:.4f}" for eta in ETAS)
        runs = ", ".join(f"{found[f'run.{eta:g}'].estimate:.4f}" for eta in ETAS)
        return {
            "en": f"Distances from the law for eta = 0, 1/2, 1: {laws}, within what {ROWS} samples leave; variance "
            f"after {RUN_STEPS} steps over that of the data: {runs}.",
            "zh": f"η = 0、1/2、1 时与目标分布的距离：{laws.replace(', ', '、')}，均在 {ROWS} 个样本的误差之内；"
            f"{RUN_STEPS} 步之后方差与数据之比：{runs.replace(', ', '、')}。",
        }
