r"""solver-nfe-table: the error of six samplers at equal calls of an exact denoiser.

The target is 0.3 N(-1, 0.2^2) + 0.7 N(0.8, 0.35^2), the levels are EDM's from 80 to 0.002 and then 0. In one dimension
the flow keeps each point's quantile, so the end of every trajectory is the inverse of a known distribution function and
the reference has no error of its own. The starts are 80 z for 2001 normal quantiles z. The predicted numbers were found
with other people's code on the same target.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from statistics import NormalDist

import torch
from torch import Tensor

from verify.experiments.experiment import (
    Density,
    Experiment,
    Measurement,
    Panel,
    Prediction,
    Series,
    Sheet,
    Text,
    Traces,
    Wrong,
    experiment,
)
from verify.experiments.grids import karras
from verify.experiments.oracles.mixture import Mixture
from verify.experiments.orders import Sampler, distance
from verify.experiments.samplers.common import Counted, Denoise
from verify.experiments.samplers.dpm_solver import dpm_solver
from verify.experiments.samplers.forms import DATA, SLOPE
from verify.experiments.samplers.multistep import dpmpp_2m, multistep
from verify.experiments.samplers.ode import euler, heun, two_stage
from verify.experiments.statistics import Span, around, exact, exact_blind
from verify.experiments.targets import two_bumps
from verify.theory.solver.experiments.mistakes import equal_steps, previous_length

CALLS = (9, 19, 35, 79, 159)
SHOWN = 35  # where the calls are counted
POINTS = 2001
SEEN = 2.6  # the trajectories are drawn below this level
TOP = 80.0
MARGIN = 0.02  # relative

PRINTED = {
    "euler": (0.2430, 0.1235, 0.0733, 0.0365, 0.0196),
    "heun": (1.0528, 0.1269, 0.0278, 0.00526, 0.00134),
    "midpoint": (0.2120, 0.0486, 0.0191, 0.00472, 0.00127),
    "dpm-2": (0.8704, 0.0725, 0.0164, 0.00288, 0.00070),
    "2m": (0.1984, 0.0394, 0.0102, 0.00189, 0.00045),
    "lms-4": (0.1761, 0.0470, 0.0111, 0.00080, 0.000059),
}
EXACT_FLOW: Text = {"en": "exact flow", "zh": "精确的流"}
NAMES: dict[str, Text] = {
    "euler": {"en": "Euler", "zh": "Euler"},
    "heun": {"en": "Heun", "zh": "Heun"},
    "midpoint": {"en": "midpoint", "zh": "中点法"},
    "dpm-2": {"en": "DPM-Solver-2", "zh": "DPM-Solver-2"},
    "2m": {"en": "DPM-Solver++(2M)", "zh": "DPM-Solver++(2M)"},
    "lms-4": {"en": "LMS-4", "zh": "LMS-4"},
}


def one_a_step(calls: int) -> int:
    return calls


def two_a_step(calls: int) -> int:
    """Two calls a step and one in the last."""
    return (calls + 1) // 2


@dataclass(frozen=True)
class Method:
    """A sampler and how many steps it makes of a number of calls."""

    sampler: Sampler
    steps: Callable[[int], int]


def midpoint(denoise: Denoise, x: Tensor, sigmas: Sequence[float]) -> Tensor:
    """The midpoint method with an Euler step to 0, like Heun's."""
    return denoise(two_stage(denoise, x, sigmas[:-1]), sigmas[-2])


lms_4 = partial(multistep, form=SLOPE, order=4)
METHODS = {
    "euler": Method(euler, one_a_step),
    "heun": Method(heun, two_a_step),
    "midpoint": Method(midpoint, two_a_step),
    "dpm-2": Method(dpm_solver, two_a_step),
    "2m": Method(dpmpp_2m, one_a_step),
    "lms-4": Method(lms_4, one_a_step),
}


@dataclass(frozen=True)
class Table:
    """The six methods, one of them possibly written wrongly.

    asked    the denoiser answers for this many times the noise level it is asked about
    twice    the first call is made twice
    """

    changed: tuple[tuple[str, Method], ...] = ()
    asked: float = 1.0
    twice: bool = False

    @property
    def methods(self) -> dict[str, Method]:
        return METHODS | dict(self.changed)


def made(name: str, method: Method) -> int:
    """Calls of a budget of SHOWN: two a step but one in the last, or one a step."""
    count = method.steps(SHOWN)
    return 2 * count - 1 if METHODS[name].steps is two_a_step and method.sampler is METHODS[name].sampler else count


def replaced(name: str, method: Method) -> Table:
    return Table(((name, method),))


@experiment(
    name="solver-nfe-table",
    title={
        "en": "Six samplers at equal calls of an exact denoiser",
        "zh": "精确去噪器下，六种采样器在相同调用次数时的误差",
    },
    claims=("solver.alpha-family", "solver.heun-gaussian", "solver.dpmpp2m", "solver.lms"),
    prediction={
        "en": "At 9 calls Euler errs by 0.243 and Heun by 1.053; at 19 they are level; at 35 Heun errs by 0.0278, "
        "DPM-Solver++(2M) by 0.0102; at 159 LMS-4 by 0.00006. Multistep methods err least at every number of calls.",
        "zh": "调用 9 次时 Euler 的误差为 0.243，Heun 为 1.053；19 次时两者相当；35 次时 Heun 为 0.0278，"
        "DPM-Solver++(2M) 为 0.0102；159 次时 LMS-4 为 0.00006。无论调用多少次，多步法的误差都最小。",
    },
)
class CallsTable(Experiment):
    subject = Table()
    wrong = {
        "heun-always-better": Wrong(
            {
                "en": "Heun's method said to do no worse than Euler's at nine calls",
                "zh": "声称调用九次时 Heun 不逊于 Euler",
            },
            replaced("heun", METHODS["euler"]),
            "heun.9",
        ),
        "calls-are-steps": Wrong(
            {"en": "Heun's steps counted as calls", "zh": "把 Heun 的步数当成调用次数"},
            replaced("heun", Method(heun, one_a_step)),
            "calls.heun",
        ),
        "euler-order-two": Wrong(
            {"en": "Euler's method said to be as good as the midpoint method", "zh": "声称 Euler 与中点法一样好"},
            replaced("euler", METHODS["midpoint"]),
            "euler.79",
        ),
        "previous-length": Wrong(
            {"en": "2M with the decay factor of the step before", "zh": "2M 的衰减因子用了上一步的步长"},
            replaced("2m", Method(partial(multistep, form=DATA, order=2, rule=previous_length), one_a_step)),
            "2m.79",
            "k-diffusion issue 56",
        ),
        "equal-steps": Wrong(
            {"en": "two slopes with the weights of equal steps for LMS-4", "zh": "LMS-4 换成套用等步长权重的两点法"},
            replaced("lms-4", Method(partial(multistep, form=SLOPE, order=2, rule=equal_steps), one_a_step)),
            "lms-4.159",
        ),
        "other-level": Wrong(
            {
                "en": "the denoiser asked about a level five per cent too high, by every method",
                "zh": "每种方法向去噪器询问的噪声水平都高了 5%",
            },
            Table(asked=1.05),
            "dpm-2.35",
        ),
        "asked-twice": Wrong(
            {"en": "the first call made twice, by every method", "zh": "每种方法的第一次调用都做了两遍"},
            Table(twice=True),
            "calls.dpm-2",
        ),
    }  # fmt: skip

    def predict(self) -> dict[str, Prediction]:
        found = {}
        for name, value in self.expect(self.subject).items():
            if name.startswith("calls."):
                words = NAMES[name.removeprefix("calls.")]
                title = {
                    "en": f"calls that {words['en']} makes of {SHOWN}",
                    "zh": f"{words['zh']} 在 {SHOWN} 次预算下的调用次数",
                }
                one = around(value, 0.0)
                found[name] = Prediction(title, value, one, one, 0.0, "counted", counted=True)
                continue
            method, _, calls = name.partition(".")
            margin = Span(value * (1 - MARGIN), value * (1 + MARGIN))
            title = {
                "en": f"error of {NAMES[method]['en']} at {calls} calls",
                "zh": f"{NAMES[method]['zh']} 调用 {calls} 次的误差",
            }
            found[name] = Prediction(
                title, value, margin, exact_blind(margin, self._rounding), 0.0, "against exact quantiles"
            )
        return found

    @property
    def _rounding(self) -> float:
        """Errors are root mean squares over ends of size 1; a start of size 80 shrinks with its rounding."""
        return 4 * self.setting.rounding

    def expect(self, subject: Table) -> dict[str, float]:
        """The printed numbers; for a wrong table where its method stands elsewhere in the print."""
        found = {f"calls.{name}": float(made(name, method) + subject.twice) for name, method in subject.methods.items()}
        if subject.asked != 1.0:
            return found
        for name, method in subject.methods.items():
            known = next((other for other, right in METHODS.items() if right == method), None)
            if known is not None:
                found |= {f"{name}.{calls}": value for calls, value in zip(CALLS, PRINTED[known], strict=True)}
        return found

    def measure(self, subject: Table) -> Measurement:
        how = subject.asked, subject.twice
        found = {name: [self._run(method, calls, *how) for calls in CALLS] for name, method in subject.methods.items()}
        counts = {f"calls.{name}": exact(row[CALLS.index(SHOWN)][0], 0.0) for name, row in found.items()}
        return Measurement(
            counts
            | {
                f"{name}.{calls}": exact(error, self._rounding)
                for name, row in found.items()
                for calls, (_, error) in zip(CALLS, row, strict=True)
            },
            {name: [error for _, error in row] for name, row in found.items()},
        )

    @cached_property
    def _known(self) -> dict[tuple[Method, int, float, bool], tuple[int, float]]:
        """Runs already measured: a wrong table differs from the right one in one method."""
        return {}

    def _run(self, method: Method, calls: int, asked: float, twice: bool) -> tuple[int, float]:
        """The calls made and the error at the end."""
        key = method, calls, asked, twice
        if key not in self._known:
            counted = Counted(lambda x, sigma: self._target.denoise(x, asked * sigma))
            start, levels = self._start.to(self.setting.dtype), karras(method.steps(calls))
            if twice:
                counted(start, levels[0])
            error = distance(method.sampler(counted, start, levels), self._end)
            self._known[key] = counted.calls, error
        return self._known[key]

    @cached_property
    def _target(self) -> Mixture:
        return two_bumps(self.setting.device)

    @cached_property
    def _start(self) -> Tensor:
        z = [NormalDist().inv_cdf((i + 0.5) / POINTS) for i in range(POINTS)]
        return TOP * torch.tensor(z, dtype=torch.float64, device=self.setting.device)[:, None]

    @cached_property
    def _end(self) -> Tensor:
        """Where the flow takes the starts: the same quantiles of the data."""
        return self._quantile(self._target.cdf(self._start, TOP), 0.0)

    def _quantile(self, level: Tensor, sigma: float) -> Tensor:
        """The x (B, 1) with cdf(x; sigma) = level, by bisection down to neighbouring floats."""
        low, high = (torch.zeros_like(level) + way * (10 + 8 * sigma) for way in (-1, 1))
        for _ in range(64):
            middle = (low + high) / 2
            below = self._target.cdf(middle, sigma) < level
            low, high = torch.where(below, middle, low), torch.where(below, high, middle)
        return (low + high) / 2

    def picture(self, measurements: dict[str, Measurement]) -> Sheet:
        errors = measurements[""].traces
        calls = [float(n) for n in CALLS]
        return Sheet(
            title={"en": "Six samplers at equal calls", "zh": "相同调用次数下的六种采样器"},
            description={
                "en": "Top: root mean square error against the calls of the denoiser, logarithmic axes. Heun's method "
                f"is the worst at 9 calls, with {errors['heun'][0]:.2f} against {errors['euler'][0]:.2f} for Euler's, "
                "and the multistep methods are the best throughout. Bottom: trajectories over the density at 9 calls; "
                "Heun's few long steps throw the points past the data.",
                "zh": "上：均方根误差随去噪器调用次数的变化，双对数坐标。调用 9 次时 Heun 最差，误差为 "
                f"{errors['heun'][0]:.2f}，Euler 为 {errors['euler'][0]:.2f}；多步法始终最好。"
                "下：调用 9 次时密度上的轨迹；Heun 的几个大步把点甩过了数据。",
            },
            panels=[
                Panel(
                    title={"en": "Error", "zh": "误差"},
                    x_title={"en": "calls of the denoiser", "zh": "去噪器调用次数"},
                    y_title={"en": "root mean square error", "zh": "均方根误差"},
                    series=[Series(NAMES[name], calls, row, "marked") for name, row in errors.items()],
                    x_log=True,
                    y_log=True,
                ),
                self._trajectories(),
            ],
        )

    def _trajectories(self) -> Panel:
        """Points followed by each method below the level SEEN, over the density at each level."""
        picked = self._start[POINTS // 14 :: POINTS // 7][:7]
        traces = []
        for title, sigmas, states in (
            (
                EXACT_FLOW,
                fine := [SEEN * (1 - k / 60) for k in range(61)],
                [self._quantile(self._target.cdf(picked, TOP), sigma) for sigma in fine],
            ),
            *((NAMES[name], *self._walk(METHODS[name], picked)) for name in ("euler", "heun")),
        ):
            columns = torch.stack([state[:, 0] for state in states]).T.tolist()
            traces.append(Traces(title, [(sigmas, column) for column in columns], 4 if title is EXACT_FLOW else None))
        levels, places = [SEEN / 50 * k for k in range(51)], [0.08 * k for k in range(-50, 51)]
        x = torch.tensor(places, dtype=torch.float64, device=self.setting.device)[:, None]
        columns = [self._target.log_density(x, level).exp() for level in levels]
        values = torch.stack([column / column.max() for column in columns], 1).tolist()
        return Panel(
            title={
                "en": "Trajectories at nine calls, over the density at each level",
                "zh": "调用九次的轨迹与各噪声水平上的密度",
            },
            x_title={"en": "noise level", "zh": "噪声水平"},
            y_title={"en": "x", "zh": "x"},
            series=traces,
            density=Density(levels, places, values),
        )  # fmt: skip

    def _walk(self, method: Method, x: Tensor) -> tuple[list[float], list[Tensor]]:
        """Levels below SEEN and the states there, each from a run that ends at it."""
        sigmas = karras(method.steps(CALLS[0]))
        shown = [k for k, sigma in enumerate(sigmas) if sigma < SEEN and k > 0]
        states = [method.sampler(self._target.denoise, x, sigmas[: k + 1]) for k in shown]
        return [sigmas[k] for k in shown], states

    def summary(self, measurement: Measurement) -> Text:
        rows = measurement.traces
        best = {calls: min((row[k], name) for name, row in rows.items())[1] for k, calls in enumerate(CALLS)}
        return {
            "en": "Least error: "
            + ", ".join(f"{NAMES[name]['en']} at {calls} calls" for calls, name in best.items())
            + f". Euler and Heun: {rows['euler'][0]:.3f} and {rows['heun'][0]:.3f} at {CALLS[0]} calls, "
            f"{rows['euler'][1]:.4f} and {rows['heun'][1]:.4f} at {CALLS[1]}.",
            "zh": "误差最小者："
            + "，".join(f"{calls} 次为 {NAMES[name]['zh']}" for calls, name in best.items())
            + f"。Euler 与 Heun：{CALLS[0]} 次时为 {rows['euler'][0]:.3f} 与 {rows['heun'][0]:.3f}，"
            f"{CALLS[1]} 次时为 {rows['euler'][1]:.4f} 与 {rows['heun'][1]:.4f}。",
        }
