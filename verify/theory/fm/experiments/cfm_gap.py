r"""fm-cfm-gap: regressing on conditional velocities has the right gradient, and a loss that never reaches zero.

On the straight path x = t y + (1 - t) n the target is w = y - n, and u(x) = E[w | x]. For every function f

    L_CFM(f) - L_FM(f) = E|w - f|^2 - E|u - f|^2 = E Var(w | x),

without f (fm.cfm-gradient). As w = (y - x)/(1 - t), the gap is that of the posterior: with level = (1 - t)/t,

    E Var(w | x) = E Var(y | x)/(1 - t)^2,     E Var(y | x) = level^2 - level^4 E|score|^2,

and s^2/((1 - t)^2 + t^2 s^2) for N(m, s^2), which is 0.8 half-way for s = 1/2. Nothing is trained and nothing drawn:
both losses of one small network are integrals in one or two variables.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from verify.experiments.arithmetic import stated
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
from verify.experiments.oracles.mixture import Mixture
from verify.experiments.paths import flow_matching
from verify.experiments.quadrature import normal_rule
from verify.experiments.statistics.verdicts import exact

TIME = 0.5
DEVIATION = 0.5
UNITS = 8
MARGIN = 1e-3
ROUNDINGS = 1000  # sums of up to 20,000 terms of both signs, losses of up to some tens
PATH = flow_matching(data_at=1)
GRID = torch.linspace(-8, 8, 2401, dtype=torch.float64)
LAWS: dict[str, tuple[tuple[list[float], list[list[float]], list[list[float]]], Text]] = {
    "gaussian": (([1.0], [[0.4]], [[DEVIATION**2]]), {"en": "Gaussian", "zh": "高斯"}),
    "mixture": (([0.3, 0.7], [[-1.0], [0.8]], [[0.04], [0.1225]]), {"en": "mixture", "zh": "混合"}),
}


def law_of(name: str) -> Mixture:
    return Mixture(*(torch.tensor(v, dtype=torch.float64) for v in LAWS[name][0]))


def gap(law: Mixture, t: float) -> float:
    """E Var(y - n | x) from the Fisher information of the noisy law, by the trapezoidal rule."""
    level = PATH.noise_level(t)
    x = max(1.0, level) * GRID[:, None]
    density = law.log_density(x, level).exp()
    information = (density * law.score(x, level)[:, 0] ** 2).sum() / density.sum()
    return float((level**2 - level**4 * information) / (1 - t) ** 2)


@dataclass(frozen=True)
class Objective:
    """The target p y + q n, the power of the error, and the loss that a perfect model is said to have."""

    y: float = 1.0
    n: float = -1.0
    power: int = 2
    floor: bool = True


@experiment(
    name="fm-cfm-gap",
    title={
        "en": "Regressing on conditional velocities has the right gradient and a loss above zero",
        "zh": "回归条件速度：梯度正确，损失却不为零",
    },
    claims=("fm.cfm-gradient",),
    prediction={
        "en": "For any network the gradients of both losses agree; the conditional loss is larger by the mean "
        "posterior variance of the velocity, 0.8 for N(0.4, 0.5²) half-way, and a perfect model keeps that loss.",
        "zh": "对任何网络，两个损失的梯度相同；条件损失多出速度的平均后验方差，"
        "对 N(0.4, 0.5²)，中途为 0.8；完美的模型也有这么大的损失。",
    },
)
class Gap(Experiment):
    subject = Objective()
    wrong = {
        "no-gap": Wrong(
            {"en": "a perfect model is said to have loss 0", "zh": "以为完美模型的损失为零"},
            Objective(floor=False),
            "gaussian.floor",
        ),
        "sign": Wrong(
            {"en": "the target noise - data", "zh": "目标写成噪声减数据"}, Objective(y=-1, n=1), "mixture.gradient"
        ),
        "data-as-target": Wrong(
            {"en": "the data as the target", "zh": "以数据为目标"}, Objective(n=0), "mixture.gradient"
        ),
        "fourth-power": Wrong(
            {"en": "the fourth power of the error", "zh": "误差的四次方"}, Objective(power=4), "mixture.gradient"
        ),
    }

    def predict(self) -> dict[str, Prediction]:
        words = {
            "gradient": ("largest difference of the gradients, over the largest", "两种梯度的最大差（相对）"),
            "gap": ("conditional loss less the marginal loss", "条件损失减去边缘损失"),
            "floor": ("conditional loss of the exact velocity less its formula", "精确速度的条件损失减去公式"),
        }
        titles = {
            f"{law}.{check}": {"en": f"{name['en']}: {en}", "zh": f"{name['zh']}：{zh}"}
            for law, (_, name) in LAWS.items()
            for check, (en, zh) in words.items()
        }
        return stated(self.expect(self.subject), titles, MARGIN, self._rounding, "trapezoidal rule")

    def expect(self, subject: Objective) -> dict[str, float]:
        if subject == Objective(floor=False):
            return {f"{law}.floor": gap(law_of(law), TIME) for law in LAWS}
        if subject != self.subject:
            return {}
        gaps = {"gaussian": DEVIATION**2 / ((1 - TIME) ** 2 + (TIME * DEVIATION) ** 2)}
        gaps["mixture"] = gap(law_of("mixture"), TIME)
        return {
            f"{law}.{check}": value
            for law in LAWS
            for check, value in (("gradient", 0.0), ("gap", gaps[law]), ("floor", 0.0))
        }

    @property
    def _rounding(self) -> float:
        return ROUNDINGS * self.setting.rounding

    def measure(self, subject: Objective) -> Measurement:
        found: dict[str, float] = {}
        for name in LAWS:
            found |= {f"{name}.{check}": value for check, value in self._one_law(name, subject).items()}
        return Measurement({name: exact(value, self._rounding) for name, value in found.items()})

    def _one_law(self, name: str, subject: Objective) -> dict[str, float]:
        law, make = law_of(name), self.setting.tensor
        z, w = normal_rule(97)
        y = (law.means + law.variances.sqrt() * z)[:, :, None].expand(-1, -1, len(z))  # (K, nodes, nodes)
        weights = (law.log_weights.exp()[:, None, None] * w[:, None] * w).reshape(-1)
        n = z.expand_as(y)
        x = TIME * y + (1 - TIME) * n
        velocity = make(PATH.velocity(law, x.reshape(-1, 1), TIME)[:, 0])
        target = make((subject.y * y + subject.n * n).reshape(-1))
        grid = GRID[:, None]
        density = make(PATH.log_density(law, grid, TIME).exp() * (GRID[1] - GRID[0]))
        on_grid = make(PATH.velocity(law, grid, TIME)[:, 0])
        points, weights, grid = make(x.reshape(-1, 1)), make(weights), make(grid)

        def loss(f: Tensor, goal: Tensor, measure: Tensor) -> Tensor:
            return (measure * (f - goal) ** subject.power).sum()

        with torch.enable_grad():
            parameters = 0.7 * self.setting.latents.normal("cfm.network", 3, UNITS)
            a, b, c = parts = parameters.requires_grad_().unbind(0)
            conditional = loss((a * torch.tanh(b * points + c)).sum(1), target, weights)
            marginal = loss((a * torch.tanh(b * grid + c)).sum(1), on_grid, density)
            first, second = (torch.cat(torch.autograd.grad(value, parts)) for value in (conditional, marginal))
        return {
            "gradient": float((first - second).abs().max() / second.abs().max()),
            "gap": float(conditional - marginal),
            "floor": float(loss(velocity, target, weights)) - (gap(law, TIME) if subject.floor else 0.0),
        }

    def picture(self, measurements: dict[str, Measurement]) -> Picture:
        times = [0.04 * k for k in range(1, 25)]
        series = [
            Series(name, times, [gap(law_of(law), t) for t in times], "marked", tone=tone)
            for tone, (law, (_, name)) in enumerate(LAWS.items())
        ]
        half = measurements[""].intervals["gaussian.gap"].estimate
        return Picture(
            title={"en": "The conditional loss of a perfect model", "zh": "完美模型的条件损失"},
            description={
                "en": "Mean posterior variance of the velocity against time, noise at 0 and data at 1: what is left "
                f"of the conditional loss when the model is exact. For N(0.4, 0.5²) half-way {half:.4f} was measured.",
                "zh": "速度的平均后验方差随时间的变化（0 为噪声，1 为数据）：模型精确时条件损失所剩的部分。"
                f"对 N(0.4, 0.5²)，中途测得 {half:.4f}。",
            },
            x_title={"en": "time t", "zh": "时间 t"},
            y_title={"en": "loss", "zh": "损失"},
            series=series,
        )

    def summary(self, measurement: Measurement) -> Text:
        found = measurement.intervals
        gaps = found["gaussian.gap"].estimate, found["mixture.gap"].estimate
        gradient = max(found["gaussian.gradient"].estimate, found["mixture.gradient"].estimate)
        return {
            "en": f"Gap of the losses half-way: {gaps[0]:.4f} for the Gaussian, {gaps[1]:.4f} for the mixture; the "
            f"gradients differ by {gradient:.1e} of the largest.",
            "zh": f"中途两个损失之差：高斯为 {gaps[0]:.4f}，混合为 {gaps[1]:.4f}；梯度的相对差为 {gradient:.1e}。",
        }
