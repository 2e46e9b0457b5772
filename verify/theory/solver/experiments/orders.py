r"""solver-orders: every sampler's order, in one step from an exact history and over a span.

The target is a mixture of two anisotropic Gaussians of unequal weight in the plane; exact points come from
extrapolated integration of its flow. Of a method of order p one step errs by O(h^{p+1}). That is measured with earlier
outputs on the exact trajectory and with step ratios other than 1, because a multistep rule with its ratio upside down
telescopes over a run and the global order does not see it (`hidden`).

An order is the slope of errors far below one rounding of float32, so states are float64 whatever the setting; the
points start from numbers of the setting's dtype.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import torch
from torch import Tensor

from verify.experiments.arithmetic import stated_order
from verify.experiments.experiment import (
    Experiment,
    Measurement,
    Panel,
    Prediction,
    Series,
    Sheet,
    Text,
    Wrong,
    experiment,
    slope,
)
from verify.experiments.oracles.gaussian import Gaussian
from verify.experiments.oracles.mixture import Mixture
from verify.experiments.orders import Exact, Sampler, distance, global_errors, one_multistep, one_step
from verify.experiments.samplers.common import Denoise
from verify.experiments.samplers.ddim import ddim
from verify.experiments.samplers.dpm_solver import dpm_solver, dpmpp_single
from verify.experiments.samplers.forms import DATA, NOISE, SLOPE, Form
from verify.experiments.samplers.multistep import (
    Rule,
    adams_bashforth,
    dpm_solver_multistep,
    dpmpp_2m,
    dpmpp_3m,
    exponential_adams,
    interpolation,
    multistep,
    two_point,
)
from verify.experiments.samplers.ode import euler, heun, two_stage
from verify.experiments.statistics import Interval, order_interval
from verify.theory.solver.experiments import mistakes, plane

COUNTS = (32, 64, 128, 256, 512)
SIZES = tuple(0.1 / 2 ** (k / 2) for k in range(8))
RATIOS = (3.0, 0.7)
JUMPS = tuple(0.2 / 2**k for k in range(8))
POINTS = 16
MARGIN = 0.25
ROUNDING = torch.finfo(torch.float64).eps


@dataclass(frozen=True)
class Single:
    """A method without history, and its order by theory."""

    sampler: Sampler
    order: int

    def error(self, denoise: Denoise, exact: Exact, sigma: float, h: float) -> float:
        return one_step(self.sampler)(denoise, exact, sigma, h)


@dataclass(frozen=True)
class Multi:
    """A multistep rule, the order of its step by theory, and the sampler that uses it."""

    form: Form
    rule: Rule
    outputs: int
    order: int
    sampler: Sampler

    def error(self, denoise: Denoise, exact: Exact, sigma: float, h: float) -> float:
        return one_multistep(self.form, self.rule, RATIOS[: self.outputs - 1])(denoise, exact, sigma, h)


Method = Single | Multi


def inverted_2m(denoise: Denoise, x: Tensor, sigmas: Sequence[float]) -> Tensor:
    return multistep(denoise, x, sigmas, DATA, 2, mistakes.inverted)


dpm_2, dpm_3 = partial(dpm_solver, order=2), partial(dpm_solver, order=3)
METHODS: dict[str, Method] = {
    "euler": Single(euler, 1),
    "ddim": Single(ddim, 1),
    "heun": Single(heun, 2),
    "midpoint": Single(two_stage, 2),
    "ralston": Single(partial(two_stage, alpha=2 / 3), 2),
    "dpm-1": Single(partial(dpm_solver, order=1), 1),
    "dpm-2": Single(dpm_2, 2),
    "dpm-3": Single(dpm_3, 3),
    "dpm++2s": Single(partial(dpmpp_single, order=2), 2),
    "dpm++3s": Single(partial(dpmpp_single, order=3), 3),
    "dpm++2m": Multi(DATA, two_point, 2, 2, dpmpp_2m),
    "dpm++3m": Multi(DATA, interpolation, 3, 3, dpmpp_3m),
    "exponential-2": Multi(DATA, interpolation, 2, 2, exponential_adams),
    "dpm-2m": Multi(NOISE, two_point, 2, 2, dpm_solver_multistep),
    "dpm-3m": Multi(NOISE, interpolation, 3, 3, partial(dpm_solver_multistep, order=3)),
    "adams-2": Multi(SLOPE, interpolation, 2, 2, adams_bashforth),
    "adams-3": Multi(SLOPE, interpolation, 3, 3, partial(adams_bashforth, order=3)),
}
NAMES = {
    "euler": "Euler",
    "ddim": "DDIM",
    "heun": "Heun",
    "midpoint": "midpoint",
    "ralston": "Ralston",
    "dpm-1": "DPM-Solver-1",
    "dpm-2": "DPM-Solver-2",
    "dpm-3": "DPM-Solver-3",
    "dpm++2s": "DPM-Solver++(2S)",
    "dpm++3s": "DPM-Solver++(3S)",
    "dpm++2m": "DPM-Solver++(2M)",
    "dpm++3m": "DPM-Solver++(3M)",
    "exponential-2": "exponential Adams 2",
    "dpm-2m": "DPM-Solver 2M",
    "dpm-3m": "DPM-Solver 3M",
    "adams-2": "Adams-Bashforth 2",
    "adams-3": "Adams-Bashforth 3",
}
CHINESE = NAMES | {"midpoint": "中点法", "exponential-2": "指数 Adams 2"}


@dataclass(frozen=True)
class Suite:
    """All methods; and a step to 0, with the order of its error in the level (none for one without error).

    asked    the denoiser answers for this many times the noise level it is asked about
    """

    changed: tuple[tuple[str, Method], ...] = ()
    jump: tuple[Sampler, float] = (dpm_3, 2)
    asked: float = 1.0

    @property
    def methods(self) -> dict[str, Method]:
        return METHODS | dict(self.changed)


def replaced(name: str, order: int, sampler: Sampler | None = None, rule: Rule | None = None) -> Suite:
    """The suite with one method written wrongly; `order` is what theory leaves of it."""
    old = METHODS[name]
    if isinstance(old, Multi):
        assert rule is not None
        return Suite(((name, Multi(old.form, rule, old.outputs, order, old.sampler)),))
    assert sampler is not None
    return Suite(((name, Single(sampler, order)),))


def shrunk(denoise: Denoise, x: Tensor, sigmas: Sequence[float]) -> Tensor:
    """The flow of N(0, 1) itself: what a step to 0 that kept every order would come near to."""
    return x / (1 + sigmas[0] ** 2) ** 0.5


@experiment(
    name="solver-orders",
    title={
        "en": "The orders of seventeen samplers, in one step and over a run",
        "zh": "十七种采样器的阶：单步与全程",
    },
    claims=(
        "solver.euler",
        "solver.alpha-family",
        "solver.dpm1-is-ddim",
        "solver.exp-integrator",
        "solver.dpm-order",
        "solver.dpmpp2m",
        "solver.lms",
    ),
    prediction={
        "en": "One step of a method of order p errs like the power p + 1 of its length, with an exact history and "
        "unequal steps; over a run the error falls like the power p of the step. An inverted ratio in 2M shows in "
        "the first and not in the second. The step to zero noise errs like the square of its level.",
        "zh": "p 阶方法从精确的历史出发、步长不等时，单步误差与步长的 p + 1 次方成正比，全程误差与步长的 p 次方"
        "成正比。2M 中把步长之比写反，只在前者显现，后者看不出来。跳到零噪声的一步，误差与所在噪声水平的平方成正比。",
    },
)
class Orders(Experiment):
    subject = Suite()
    wrong = {
        "ratio-inverted": Wrong(
            {"en": "2M with the ratio of the steps inverted", "zh": "2M 中步长之比取了倒数"},
            replaced("dpm++2m", 1, rule=mistakes.inverted),
            "dpm++2m.step",
        ),
        "previous-length": Wrong(
            {"en": "2M with the decay factor of the step before", "zh": "2M 的衰减因子用了上一步的步长"},
            replaced("dpm++2m", 0, rule=mistakes.previous_length),
            "dpm++2m.step",
            "k-diffusion issue 56",
        ),
        "third-term": Wrong(
            {"en": "3M with the third term as released, without the 2", "zh": "3M 的第三项照已发布的代码，缺少因子 2"},
            replaced("dpm++3m", 2, rule=mistakes.third_term(1.0)),
            "dpm++3m.step",
            "dpm-solver, diffusers 0.42.1",
        ),
        "equal-steps": Wrong(
            {"en": "Adams-Bashforth 2 with the weights of equal steps", "zh": "Adams-Bashforth 2 套用等步长的权重"},
            replaced("adams-2", 1, rule=mistakes.equal_steps),
            "adams-2.step",
        ),
        "doubled": Wrong(
            {"en": "weights 2 and -1 as a second-order method", "zh": "把权重 2 与 −1 当作二阶方法"},
            replaced("adams-2", 1, rule=mistakes.doubled),
            "adams-2.step",
            "smalldiffusion with gam = 2",
        ),
        "log-weights": Wrong(
            {
                "en": "slopes interpolated in the logarithm, weights for sigma",
                "zh": "斜率按 σ 的对数插值，权重却给 σ 用",
            },
            replaced("adams-3", 2, rule=mistakes.log_weights),
            "adams-3.step",
        ),
        "weights-swapped": Wrong(
            {"en": "Ralston's two weights exchanged", "zh": "Ralston 法的两个权重写反"},
            replaced("ralston", 1, sampler=mistakes.swapped_weights),
            "ralston.step",
        ),
        "full-logsnr": Wrong(
            {"en": "DPM-Solver-1 with the full logSNR in the exponent", "zh": "DPM-Solver-1 的指数里用了完整的 logSNR"},
            replaced("dpm-1", 0, sampler=mistakes.full_logsnr),
            "dpm-1.step",
        ),
        "mixed-middle": Wrong(
            {
                "en": "DPM-Solver-2 with the middle level and the end point",
                "zh": "DPM-Solver-2 取了中间的噪声水平，却配终点的位置",
            },
            replaced("dpm-2", 1, sampler=mistakes.mixed_middle),
            "dpm-2.step",
        ),
        "late-stage": Wrong(
            {"en": "3S with its last stage at one half", "zh": "3S 的最后一级取在二分之一处"},
            replaced("dpm++3s", 2, sampler=mistakes.late_stage),
            "dpm++3s.step",
        ),
        "order-two-euler": Wrong(
            {"en": "Euler's method said to have order two", "zh": "声称 Euler 法为二阶"},
            Suite((("euler", Single(heun, 2)),)),
            "euler.run",
        ),
        "jump-exact": Wrong(
            {"en": "the order said to survive the step to zero noise", "zh": "声称跳到零噪声的一步仍保持阶数"},
            Suite(jump=(shrunk, math.nan)),
            "jump",
        ),
        "other-level": Wrong(
            {
                "en": "the denoiser asked about a level two per cent too high, by every method",
                "zh": "每种方法向去噪器询问的噪声水平都高了 2%",
            },
            Suite(asked=1.02),
            "heun.run",
        ),
    }

    def predict(self) -> dict[str, Prediction]:
        return {
            name: stated_order(self._title(name), value, MARGIN, plane.SMALL)
            for name, value in self.expect(self.subject).items()
        }

    @staticmethod
    def _title(name: str) -> Text:
        if name == "hidden":
            return {"en": "2M with its ratio inverted: order over a run", "zh": "步长之比写反的 2M：全程的阶"}
        if name == "jump":
            return {"en": "step to zero noise: order in its level", "zh": "跳到零噪声的一步：关于噪声水平的阶"}
        method, _, place = name.rpartition(".")
        words = {"step": {"en": "one step", "zh": "单步"}, "run": {"en": "over a run", "zh": "全程"}}[place]
        return {"en": f"{NAMES[method]}: {words['en']}", "zh": f"{CHINESE[method]}：{words['zh']}"}

    def expect(self, subject: Suite) -> dict[str, float]:
        found: dict[str, float] = {}
        right = subject.asked == 1.0  # another level gives another ODE: one step is off by its length, a run for good
        for name, method in subject.methods.items():
            found[f"{name}.step"] = method.order + 1.0 if right else 1.0
            found[f"{name}.run"] = float(method.order) if right else 0.0
        return found | {"hidden": 2.0 if right else 0.0, "jump": float(subject.jump[1])}

    def measure(self, subject: Suite) -> Measurement:
        intervals: dict[str, Interval] = {}
        traces: dict[str, list[float]] = {}
        for name, method in subject.methods.items():
            steps, runs = self._step_errors(method, subject.asked), self._run_errors(method.sampler, subject.asked)
            intervals[f"{name}.step"] = order_interval(SIZES, steps, ROUNDING)
            intervals[f"{name}.run"] = order_interval([1 / n for n in COUNTS], runs, ROUNDING)
            traces |= {f"{name}.step": steps, f"{name}.run": runs}
        hidden = self._run_errors(inverted_2m, subject.asked)
        intervals["hidden"] = order_interval([1 / n for n in COUNTS], hidden, ROUNDING)
        intervals["jump"] = order_interval(JUMPS, self._jump_errors(subject.jump[0]), ROUNDING)
        return Measurement(intervals, traces)

    @cached_property
    def _target(self) -> Mixture:
        return plane.mixture(self.setting)

    @cached_property
    def _exact(self) -> Exact:
        return plane.exact_states(self.setting, self._target, POINTS)

    @cached_property
    def _known(self) -> dict[object, list[float]]:
        """Errors already measured: a wrong suite differs from the right one in one method."""
        return {}

    def _denoise(self, asked: float) -> Denoise:
        return lambda x, sigma: self._target.denoise(x, asked * sigma)

    def _step_errors(self, method: Method, asked: float) -> list[float]:
        if (method, asked) not in self._known:
            denoise = self._denoise(asked)
            self._known[method, asked] = [method.error(denoise, self._exact, plane.MIDDLE, h) for h in SIZES]
        return self._known[method, asked]

    def _run_errors(self, sampler: Sampler, asked: float) -> list[float]:
        if (sampler, asked) not in self._known:
            runs = global_errors(sampler, self._denoise(asked), self._exact, plane.grid, COUNTS)
            self._known[sampler, asked] = runs
        return self._known[sampler, asked]

    def _jump_errors(self, sampler: Sampler) -> list[float]:
        """On N(0, 1), where the flow is known to 0: one step from each level, started on the flow through 1."""
        one = torch.ones(1, 1, dtype=torch.float64, device=self.setting.device)
        target = Gaussian(0 * one[0], one[0])
        return [distance(sampler(target.denoise, one * (1 + sigma**2) ** 0.5, [sigma, 0.0]), one) for sigma in JUMPS]

    def picture(self, measurements: dict[str, Measurement]) -> Sheet:
        right = measurements[""].traces
        shown = ("euler", "heun", "dpm++2m", "dpm++3m")
        runs = [Series(label(name), [float(n) for n in COUNTS], right[f"{name}.run"], "marked") for name in shown]
        steps = [Series(label(name), list(SIZES), right[f"{name}.step"], "marked") for name in shown]
        for key, name in (("ratio-inverted", "dpm++2m"), ("third-term", "dpm++3m")):
            steps.append(Series(self.wrong[key].title, list(SIZES), measurements[key].traces[f"{name}.step"], "marked"))
        guides = [
            slope((COUNTS[-1], right[f"{name}.run"][-1]), COUNTS[0] * 2, -order)
            for name, order in (("euler", 1), ("heun", 2), ("dpm++3m", 3))
        ]
        return Sheet(
            title={"en": "Errors of samplers and their slopes", "zh": "采样器的误差及其斜率"},
            description={
                "en": "Root mean square errors on a mixture in the plane, logarithmic axes. Over a run Euler's falls "
                "with slope 1, Heun's and 2M's with slope 2, 3M's with slope 3. In one step from an exact history "
                "2M with its ratio inverted and 3M without the factor 2 fall one power more slowly than they should.",
                "zh": "平面上的高斯混合，均方根误差，双对数坐标。全程误差：Euler 的斜率为 1，Heun 与 2M 为 2，3M 为 3。"
                "从精确的历史走一步：比值写反的 2M 与缺少因子 2 的 3M，下降都比应有的慢一阶。",
            },
            panels=[
                Panel(
                    title={"en": "Over a run", "zh": "全程"},
                    x_title={"en": "steps", "zh": "步数"},
                    y_title={"en": "error", "zh": "误差"},
                    series=runs,
                    guides=guides,
                    x_log=True,
                    y_log=True,
                ),
                Panel(
                    title={"en": "One step from an exact history", "zh": "从精确的历史走一步"},
                    x_title={"en": "length of the step in ln sigma", "zh": "步长（以 ln σ 计）"},
                    y_title={"en": "error", "zh": "误差"},
                    series=steps,
                    x_log=True,
                    y_log=True,
                ),
            ],
        )

    def summary(self, measurement: Measurement) -> Text:
        found = {name: interval.estimate for name, interval in measurement.intervals.items()}
        steps = {name: found[f"{name}.step"] for name in ("euler", "heun", "dpm++2m", "dpm++3m", "adams-3")}
        return {
            "en": "One step errs like the power "
            + ", ".join(f"{value:.2f} ({NAMES[name]})" for name, value in steps.items())
            + f" of its length. 2M with its ratio inverted has order {found['hidden']:.2f} over a run.",
            "zh": "单步误差的阶："
            + "，".join(f"{CHINESE[name]} {value:.2f}" for name, value in steps.items())
            + f"。步长之比写反的 2M，全程的阶仍为 {found['hidden']:.2f}。",
        }


def label(name: str) -> Text:
    return {"en": NAMES[name], "zh": CHINESE[name]}
