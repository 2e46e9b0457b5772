r"""fm-marginal: the posterior mean of the conditional velocities moves the marginal density, the prior mean does not.

On the straight path x_t = t y + (1 - t) n every data point y has its own velocity y - n. Averaged over the y that may
stand behind x (fm.marginal-velocity) it is u = alpha' D + sigma' E[n | x], and p_t obeys the continuity equation
d p_t/dt + div(p_t u) = 0. The density of a mixture is known, so both terms come from automatic differentiation of
closed forms: no sampling, no grid in space. A field R without divergence may be added to the flux, u + R/p_t.

As noise and data are independent, u also holds the score, (alpha u - alpha' x)/(sigma (alpha' sigma - alpha sigma')),
which must be the gradient of the known log density (fm.score-from-velocity).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from verify.experiments.arithmetic import stated
from verify.experiments.experiment import (
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
from verify.experiments.oracles.mixture import Mixture
from verify.experiments.oracles.protocol import column
from verify.experiments.paths import Path, flow_matching
from verify.experiments.statistics.verdicts import exact
from verify.experiments.targets import two_bumps, two_clouds

TIMES = (0.2, 0.5, 0.8)
SIDE, REACH = 15, 1.6
SWIRL = 0.05
MARGIN = 1e-3
ROUNDINGS = 500  # second derivatives of log densities of a few units
PATH = flow_matching(data_at=1)

Field = Callable[[Path, Mixture, Tensor, Tensor], Tensor]  # velocities (B, d) at points (B, d) and times (B,)
Scored = Callable[[Path, Tensor, Tensor, Tensor], Tensor]  # the score from (path, u, x, t)
Flux = Callable[[Tensor], Tensor]  # what is added to the flux p u, (B, 2) -> (B, 2)


def of_denoised(path: Path, x: Tensor, t: Tensor, denoised: Tensor) -> Tensor:
    """alpha' D + sigma' (x - alpha D)/sigma (fm.velocity-from-denoiser)."""
    alpha, sigma, alpha_dot, sigma_dot = (
        column(curve(t), x) for curve in (path.alpha, path.sigma, path.alpha_dot, path.sigma_dot)
    )
    return alpha_dot * denoised + sigma_dot * (x - alpha * denoised) / sigma


def posterior_mean(path: Path, law: Mixture, x: Tensor, t: Tensor) -> Tensor:
    return of_denoised(path, x, t, path.denoise(law, x, t))


def prior_mean(path: Path, law: Mixture, x: Tensor, t: Tensor) -> Tensor:
    mean = (law.log_weights.exp() @ law.means).to(x)
    return of_denoised(path, x, t, mean.expand_as(x))


def minus_score(path: Path, law: Mixture, x: Tensor, t: Tensor) -> Tensor:
    return -path.score(law, x, t)


def data_only(path: Path, law: Mixture, x: Tensor, t: Tensor) -> Tensor:
    return column(path.alpha_dot(t), x) * path.denoise(law, x, t)


def no_signal_coefficient(path: Path, law: Mixture, x: Tensor, t: Tensor) -> Tensor:
    sigma, alpha_dot, sigma_dot = (column(curve(t), x) for curve in (path.sigma, path.alpha_dot, path.sigma_dot))
    return sigma_dot / sigma * x + (alpha_dot * sigma - sigma_dot) / sigma * path.denoise(law, x, t)


def score_of_velocity(path: Path, u: Tensor, x: Tensor, t: Tensor) -> Tensor:
    alpha, sigma, alpha_dot = (column(curve(t), x) for curve in (path.alpha, path.sigma, path.alpha_dot))
    return (alpha * u - alpha_dot * x) / (-sigma * column(path.wronskian(t), x))


def minus_over_spread(path: Path, u: Tensor, x: Tensor, t: Tensor) -> Tensor:
    return -u / column(path.sigma(t), x)


def spread_missing(path: Path, u: Tensor, x: Tensor, t: Tensor) -> Tensor:
    return column(path.sigma(t), x) * score_of_velocity(path, u, x, t)


def rotation(x: Tensor) -> Tensor:
    return SWIRL * torch.stack([-x[:, 1], x[:, 0]], 1)


def expansion(x: Tensor) -> Tensor:
    return SWIRL * x


@dataclass(frozen=True)
class Velocity:
    """The field said to move the density, a flux said to leave it alone, and how the score is read off the field."""

    field: Field = posterior_mean
    flux: Flux = rotation
    score: Scored = score_of_velocity


@experiment(
    name="fm-marginal",
    title={
        "en": "Velocities averaged over the posterior move the density, averaged over all data they do not",
        "zh": "对后验取平均的速度推动密度，对全部数据取平均则不然",
    },
    claims=("fm.marginal-velocity", "fm.velocity-from-denoiser", "fm.score-from-velocity"),
    prediction={
        "en": "On a mixture in the plane the continuity equation holds at t = 0.2, 0.5 and 0.8 with no residual but "
        "rounding, also after a rotation is added to the flux; the score read off the velocity is that of the density.",
        "zh": "在平面高斯混合上，连续性方程在 t = 0.2、0.5、0.8 处成立，残差只有舍入误差；"
        "给通量加上一个旋转场之后仍然成立；由速度读出的得分就是密度的得分。",
    },
)
class Marginal(Experiment):
    subject = Velocity()
    wrong = {
        "prior": Wrong(
            {"en": "conditional velocities averaged over all data", "zh": "条件速度对全部数据取平均"},
            Velocity(prior_mean),
            "residual.0.5",
        ),
        "minus-score": Wrong(
            {"en": "velocity = -score", "zh": "速度 = 得分取负"}, Velocity(minus_score), "residual.0.5"
        ),
        "data-only": Wrong(
            {"en": "only the data part, alpha' D", "zh": "只取数据部分 α' D"}, Velocity(data_only), "residual.0.5"
        ),
        "no-alpha": Wrong(
            {"en": "the signal coefficient lost", "zh": "丢掉信号系数"},
            Velocity(no_signal_coefficient),
            "residual.0.5",
        ),
        "any-flux": Wrong(
            {"en": "a flux with divergence added", "zh": "加上散度不为零的通量"}, Velocity(flux=expansion), "added"
        ),
        "minus-over-spread": Wrong(
            {"en": "score = -velocity/sigma", "zh": "得分 = −速度/σ"}, Velocity(score=minus_over_spread), "score"
        ),
        "spread-missing": Wrong(
            {"en": "sigma missing in the denominator of the score", "zh": "得分的分母漏掉 σ"},
            Velocity(score=spread_missing),
            "score",
        ),
    }

    def predict(self) -> dict[str, Prediction]:
        titles: dict[str, Text] = {
            f"residual.{t:g}": {
                "en": f"residual of the continuity equation at t = {t:g}, over the largest rate",
                "zh": f"t = {t:g} 处连续性方程的残差与最大变化率之比",
            }
            for t in TIMES
        }
        titles["added"] = {
            "en": "the same at t = 0.5 with a rotation added to the flux",
            "zh": "t = 0.5 处给通量加上旋转场后的同一比值",
        }
        titles["score"] = {
            "en": "error of the score read off the velocity, over the largest, t = 0.5",
            "zh": "t = 0.5 处由速度读出的得分的误差与最大值之比",
        }
        method = "automatic differentiation of closed forms"
        return stated(self.expect(self.subject), titles, MARGIN, self._rounding, method)

    def expect(self, subject: Velocity) -> dict[str, float]:
        if subject is not self.subject:
            return {}
        return {f"residual.{t:g}": 0.0 for t in TIMES} | {"added": 0.0, "score": 0.0}

    @property
    def _rounding(self) -> float:
        return ROUNDINGS * self.setting.rounding

    def _law(self) -> Mixture:
        return two_clouds(self.setting.device)

    def _residual(self, subject: Velocity, time: float, with_flux: bool) -> float:
        law, line = self._law(), self.setting.tensor(torch.linspace(-REACH, REACH, SIDE))
        with torch.enable_grad():
            x = torch.cartesian_prod(line, line).requires_grad_()
            t = torch.full((len(x),), time, dtype=torch.float64, device=x.device, requires_grad=True)
            density = PATH.log_density(law, x, t).exp()
            flux = density[:, None] * subject.field(PATH, law, x, t)
            if with_flux:
                flux = flux + subject.flux(x)
            (rate,) = torch.autograd.grad(density.sum(), t, retain_graph=True)
            divergence = sum(
                torch.autograd.grad(flux[:, i].sum(), x, retain_graph=True)[0][:, i] for i in range(x.shape[1])
            )
        return float((rate + divergence).abs().max() / rate.abs().max())

    def _score_error(self, subject: Velocity, time: float) -> float:
        law, line = self._law(), self.setting.tensor(torch.linspace(-REACH, REACH, SIDE))
        with torch.enable_grad():
            x = torch.cartesian_prod(line, line).requires_grad_()
            t = torch.full((len(x),), time, dtype=torch.float64, device=x.device)
            (score,) = torch.autograd.grad(PATH.log_density(law, x, t).sum(), x)
        read = subject.score(PATH, posterior_mean(PATH, law, x.detach(), t), x.detach(), t)
        return float((read - score).abs().max() / score.abs().max())

    def measure(self, subject: Velocity) -> Measurement:
        found = {f"residual.{t:g}": self._residual(subject, t, False) for t in TIMES}
        found["added"] = self._residual(subject, 0.5, True)
        found["score"] = self._score_error(subject, 0.5)
        return Measurement({name: exact(value, self._rounding) for name, value in found.items()})

    def picture(self, measurements: dict[str, Measurement]) -> Sheet:
        law = two_bumps()
        start = torch.linspace(-1.8, 1.8, 19, dtype=torch.float64)[:, None]
        shown: list[tuple[Field, Text]] = [
            (posterior_mean, {"en": "averaged over the data behind the point", "zh": "对该点背后的数据取平均"}),
            (prior_mean, {"en": "averaged over all data", "zh": "对全部数据取平均"}),
        ]
        panels = []
        for tone, (field, title) in enumerate(shown):
            times, states = carried(field, law, start)
            curves = [(times, [float(state[k]) for state in states]) for k in range(len(start))]
            name = {"en": f"paths, {title['en']}", "zh": f"轨迹：{title['zh']}"}
            panels.append(
                Panel(
                    title=title,
                    x_title={"en": "time t", "zh": "时间 t"},
                    y_title={"en": "x", "zh": "x"},
                    series=[Traces(name, curves, tone)],
                )
            )
        return Sheet(
            title={"en": "Where the two averages lead", "zh": "两种平均各通向哪里"},
            description={
                "en": "Paths of a two-component mixture in one dimension from noise at t = 0 to t = 1. With the "
                "posterior average they end in the two components; with the average over all data every path ends in "
                "the mean of the data.",
                "zh": "一维两分量混合的轨迹，从 t = 0 的噪声到 t = 1。按后验平均，轨迹落入两个分量；"
                "对全部数据平均，所有轨迹都落到数据的均值上。",
            },
            panels=panels,
            columns=2,
        )

    def summary(self, measurement: Measurement) -> Text:
        found = {name: interval.estimate for name, interval in measurement.intervals.items()}
        score = found.pop("score")
        largest = max(found.values())
        return {
            "en": f"Largest residual of the continuity equation: {largest:.1e} of the largest rate; "
            f"{MARGIN:g} would have been seen. The score read off the velocity errs by {score:.1e}.",
            "zh": f"连续性方程的最大残差为最大变化率的 {largest:.1e}；若达到 {MARGIN:g}，必已察觉。"
            f"由速度读出的得分误差为 {score:.1e}。",
        }


def carried(field: Field, law: Mixture, x: Tensor, steps: int = 48) -> tuple[list[float], list[Tensor]]:
    """Times and states of Heun's method from t = 0.002 to 0.998, to be looked at."""
    times = [0.002 + 0.996 * k / steps for k in range(steps + 1)]
    states = [x]
    for t, after in zip(times[:-1], times[1:], strict=True):
        first = field(PATH, law, x, torch.full((len(x),), t, dtype=torch.float64))
        second = field(PATH, law, x + (after - t) * first, torch.full((len(x),), after, dtype=torch.float64))
        x = x + (after - t) * (first + second) / 2
        states.append(x)
    return times, states
