r"""score-denoising: matching the score of the noise kernel is matching the score of the noisy law, up to a constant.

With x = y + sigma n, the target t = -n/sigma has E[t | x] = s*(x), the score of q_sigma. So for every function s

    J_DSM(s) = 1/2 E|s(x) - t|^2 = 1/2 E|s(x) - s*(x)|^2 + 1/2 E|s* - t|^2,

which says three things: the gradients of J_DSM and of J_ESM = 1/2 E|s - s*|^2 in any parameter agree
(score.dsm-equals-esm); the excess over the optimum is half the squared distance from the score; and the constant is
1/2 (d/sigma^2 - E|s*|^2), never 0 (score.dsm-gap). No training and no sampling: both objectives of one small network
are integrals in one or two variables, taken to rounding.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

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
from verify.experiments.oracles import Mixture
from verify.experiments.quadrature import normal_rule
from verify.experiments.statistics import Interval, around, exact, exact_blind
from verify.experiments.targets import two_bumps

SIGMA = 0.3
GAUSSIAN_DEVIATION = 0.5
UNITS = 8
MARGIN = 1e-3
ROUNDINGS = 300  # sums of up to 50,000 terms of both signs
GRID = torch.linspace(-6, 6, 2401, dtype=torch.float64)  # in one variable, for the noisy law's own integrals

Target = Callable[[Tensor, Tensor], Tensor]  # of (score of the noisy law at x, noise)


@dataclass(frozen=True)
class Objective:
    """What s is regressed on, and what its optimum is said to be, as a noise level of the law's score."""

    target: Target = lambda score, noise: -noise / SIGMA
    level: float = SIGMA


def gaussian() -> Mixture:
    one = torch.ones(1, dtype=torch.float64)
    return Mixture(one, one[:, None] * 0.4, one[:, None] * GAUSSIAN_DEVIATION**2)


LAWS: dict[str, tuple[Callable[[], Mixture], Text]] = {
    "gaussian": (gaussian, {"en": "Gaussian", "zh": "高斯"}),
    "mixture": (two_bumps, {"en": "mixture", "zh": "混合"}),
}


def fisher(law: Mixture) -> float:
    """E|s*|^2 under the noisy law, by the trapezoidal rule in one variable."""
    x = GRID[:, None]
    density = law.log_density(x, SIGMA).exp()
    return float((density * law.score(x, SIGMA)[:, 0] ** 2).sum() * (GRID[1] - GRID[0]))


@experiment(
    name="score-denoising",
    title={
        "en": "Denoising score matching has the gradient and the optimum of explicit score matching",
        "zh": "去噪得分匹配与显式得分匹配有相同的梯度与最优解",
    },
    claims=("score.dsm-equals-esm", "score.dsm-gap"),
    prediction={
        "en": "For any network the gradients of both objectives agree; the loss exceeds that of the true score by half "
        "the squared distance from it; the two objectives differ by (1/sigma² - E|score|²)/2, which is 8.16993/2 for "
        "N(0.4, 0.5²) at sigma = 0.3.",
        "zh": "对任何网络，两个目标的梯度相同；损失比真实得分的损失多出与它的平方距离之半；"
        "两个目标相差 (1/σ² - E|得分|²)/2，对 N(0.4, 0.5²) 与 σ = 0.3 即 8.16993/2。",
    },
)
class Denoising(Experiment):
    subject = Objective()
    wrong = {
        "sign": Wrong(
            {"en": "target +noise/sigma", "zh": "目标写成 +噪声/σ"},
            Objective(target=lambda score, noise: noise / SIGMA),
            "mixture.gradient",
            "lebellig/flow-matching #2",
        ),
        "sigma-squared": Wrong(
            {"en": "target -noise/sigma²", "zh": "目标写成 -噪声/σ²"},
            Objective(target=lambda score, noise: -noise / SIGMA**2),
            "mixture.gradient",
        ),
        "score-of-data": Wrong(
            {"en": "the optimum is said to be the score of the data", "zh": "以为最优解是数据分布的得分"},
            Objective(level=0.0),
            "mixture.excess",
        ),
        "no-gap": Wrong(
            {"en": "a perfect model is said to have loss 0", "zh": "以为完美模型的损失为零"},
            Objective(target=lambda score, noise: score),
            "mixture.gap",
        ),
    }

    def predict(self) -> dict[str, Prediction]:
        predictions = {}
        for law, (_, name) in LAWS.items():
            titles = {
                "gradient": ("largest difference of the gradients, over the largest", "两种梯度的最大差（相对）"),
                "excess": ("excess loss less half the squared distance, over it", "超出的损失减去平方距离之半（相对）"),
                "gap": ("J_DSM - J_ESM", "J_DSM - J_ESM"),
            }
            for check, (en, zh) in titles.items():
                value = self.expect(self.subject)[f"{law}.{check}"]
                margin = around(value, MARGIN * max(1.0, value))
                title = {"en": f"{name['en']}: {en}", "zh": f"{name['zh']}：{zh}"}
                blind = exact_blind(margin, self._rounding(value))
                predictions[f"{law}.{check}"] = Prediction(title, value, margin, blind, 0.0, "trapezoidal rule")
        return predictions

    def expect(self, subject: Objective) -> dict[str, float]:
        if subject is not self.subject:
            return {}
        closed = 0.5 * (1 / SIGMA**2 - 1 / (GAUSSIAN_DEVIATION**2 + SIGMA**2))
        gaps = {"gaussian": closed, "mixture": 0.5 * (1 / SIGMA**2 - fisher(two_bumps()))}
        return {f"{law}.{check}": 0.0 for law in LAWS for check in ("gradient", "excess")} | {
            f"{law}.gap": gap for law, gap in gaps.items()
        }

    def _rounding(self, value: float) -> float:
        return ROUNDINGS * self.setting.rounding * max(1.0, value)

    def _network(self) -> Tensor:
        """Parameters a, b, c (3, UNITS) of s(x) = sum_j a_j tanh(b_j x + c_j)."""
        return 1.5 * self.setting.latents.normal("denoising.network", 3, UNITS)

    def measure(self, subject: Objective) -> Measurement:
        intervals: dict[str, Interval] = {}
        traces = {}
        for name, (make, _) in LAWS.items():
            found = self._one_law(make(), subject)
            intervals |= {f"{name}.{key}": exact(value, self._rounding(abs(value))) for key, value in found.items()}
            traces[name] = found
        return Measurement(intervals, traces)

    def _one_law(self, law: Mixture, subject: Objective) -> dict[str, float]:
        z, w = normal_rule(97)
        shares = law.log_weights.exp()
        y = law.means + law.variances.sqrt() * z  # (K, nodes)
        x = (y[:, :, None] + SIGMA * z).reshape(-1, 1)
        weights = self.setting.tensor((shares[:, None, None] * w[:, None] * w).reshape(-1))
        noise = self.setting.tensor(z.expand(*y.shape, -1).reshape(-1))
        score = self.setting.tensor(law.score(x, SIGMA)[:, 0])
        target = subject.target(score, noise)
        grid = GRID[:, None]
        density = self.setting.tensor(law.log_density(grid, SIGMA).exp() * (GRID[1] - GRID[0]))
        said = self.setting.tensor(law.score(grid, subject.level)[:, 0])  # what the optimum is said to be
        said_there = self.setting.tensor(law.score(x, subject.level)[:, 0])
        x, grid = self.setting.tensor(x), self.setting.tensor(grid)

        def loss(f: Tensor, goal: Tensor, measure: Tensor) -> Tensor:
            return 0.5 * (measure * (f - goal).square()).sum()

        with torch.enable_grad():
            a, b, c = parameters = self._network().requires_grad_().unbind(0)
            denoising = loss((a * torch.tanh(b * x + c)).sum(1), target, weights)
            explicit = loss((a * torch.tanh(b * grid + c)).sum(1), said, density)
            gradients = [torch.cat(torch.autograd.grad(value, parameters)) for value in (denoising, explicit)]
        difference = (gradients[0] - gradients[1]).abs().max() / gradients[1].abs().max()
        excess = denoising - loss(said_there, target, weights)
        return {
            "gradient": float(difference),
            "excess": float(excess / explicit) - 1,
            "gap": float(denoising - explicit),
        }

    def picture(self, measurements: dict[str, Measurement]) -> Picture:
        x = torch.linspace(-2.2, 2.2, 121, dtype=torch.float64)
        law = two_bumps()
        noisy, clean = law.score(x[:, None], SIGMA)[:, 0], law.score(x[:, None], 0.0)[:, 0]
        # The mean of the target given x: -noise/sigma averaged over the posterior of y.
        posterior = (law.denoise(x[:, None], SIGMA)[:, 0] - x) / SIGMA**2
        shown = clean.abs() < 12
        return Picture(
            title={"en": "What denoising score matching learns", "zh": "去噪得分匹配学到什么"},
            description={
                "en": f"Scores of a mixture at sigma = {SIGMA}. The mean of the target -noise/sigma lies on the score "
                "of the noisy law; the score of the data is far steeper.",
                "zh": f"混合分布在 σ = {SIGMA} 时的得分。目标 -噪声/σ 的条件均值落在加噪分布的得分上；"
                "数据分布的得分陡得多。",
            },
            x_title={"en": "x", "zh": "x"},
            y_title={"en": "score", "zh": "得分"},
            series=[
                Series({"en": "score of the noisy law", "zh": "加噪分布的得分"}, x.tolist(), noisy.tolist()),
                Series(
                    {"en": "mean of the target given x", "zh": "给定 x 时目标的均值"},
                    x[::8].tolist(),
                    posterior[::8].tolist(),
                    "points",
                ),
                Series(
                    {"en": "score of the data", "zh": "数据分布的得分"}, x[shown].tolist(), clean[shown].tolist()
                ),
            ],
        )

    def summary(self, measurement: Measurement) -> Text:
        found = measurement.traces["mixture"]
        gap = measurement.traces["gaussian"]["gap"]
        size = max(abs(found["gradient"]), abs(found["excess"]))
        power = math.ceil(math.log10(max(size, 1e-16)))
        return {
            "en": f"Gradients and excess loss agree within 1e{power} of their size; the constant between the two "
            f"objectives is {gap:.6f} for the Gaussian and {found['gap']:.6f} for the mixture.",
            "zh": f"梯度与超出的损失在相对 1e{power} 之内一致；两个目标之差对高斯为 {gap:.6f}，"
            f"对混合分布为 {found['gap']:.6f}。",
        }
