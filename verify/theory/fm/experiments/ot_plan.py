r"""fm-ot-plan: what pairing inside a batch does, and what it does not.

1. *In a batch* an optimal plan is a permutation, found by the assignment problem: no permutation and no mixture of
   permutations costs less, and on a line it is the pairing in order (fm.ot-plan).
2. *Not in the population.* On a line the optimal map from N(0, 1) to N(0, s^2) keeps signs. In a batch of n the k-th
   smallest x meets the k-th smallest y, and the signs of a pair differ with probability mean_k 2 p_k (1 - p_k), where
   p_k = P(fewer than k of n are negative): 3/8 for n = 2, 0.2734 for n = 4. It falls with n and is never 0.
3. *With entropy* the coupling of Brownian motion with diffusion sigma from N(0, 1) to N(0, s^2) has the covariance
   c with c^2 + sigma^2 c - s^2 = 0: the off-diagonal precision c/(s^2 - c^2) of the pair is the kernel's 1/sigma^2.
   Sinkhorn's iteration with exp(-|x - y|^2/r) reaches it for the temperature r = 2 sigma^2.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from scipy.optimize import linear_sum_assignment
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
from verify.experiments.statistics.moments import Proportion
from verify.experiments.statistics.verdicts import FALSE_ALARM, Span, around, exact, mean

BATCH, BATCHES = 6, 20
SMALL, LARGE, ROWS = 4, 16, 20_000
SIGN_MARGIN = 0.04
DEVIATION, DIFFUSION = 0.5, 0.8
SIDE, REACH, ITERATIONS = 121, 6.0, 200
MARGIN = 1e-3

Plan = Callable[[Tensor], Tensor]  # costs (n, n) -> a plan (n, n) whose rows and columns sum to 1


def assignment(cost: Tensor) -> Tensor:
    rows, columns = linear_sum_assignment(cost.cpu().numpy())
    plan = torch.zeros_like(cost)
    plan[rows, columns] = 1.0
    return plan


def independent(cost: Tensor) -> Tensor:
    return torch.full_like(cost, 1 / len(cost))


def nearest(cost: Tensor) -> Tensor:
    """Every x takes the nearest y: no plan, since its columns do not sum to 1."""
    return torch.zeros_like(cost).scatter_(1, cost.argmin(1, keepdim=True), 1.0)


def halves(cost: Tensor) -> Tensor:
    """Half of the best pairing and half of it moved on by one."""
    best = assignment(cost)
    return 0.5 * (best + best.roll(1, 1))


def sign_share(n: int) -> float:
    """Probability that a pair of a batch of n has different signs."""
    p = [sum(math.comb(n, j) for j in range(k)) / 2**n for k in range(1, n + 1)]
    return sum(2 * q * (1 - q) for q in p) / n


def bridge_covariance(diffusion: float) -> float:
    square = diffusion**2
    return (math.sqrt(square**2 + 4 * DEVIATION**2) - square) / 2


@dataclass(frozen=True)
class Coupling:
    """How a batch is paired, how many pairs share a batch, and the temperature of a bridge over sigma^2."""

    plan: Plan = assignment
    batch: int = SMALL
    temperature: float = 2.0


@experiment(
    name="fm-ot-plan",
    title={
        "en": "Optimal pairing in a batch is a permutation, and not the optimal map",
        "zh": "批次内的最优配对是置换，却不是最优传输映射",
    },
    claims=("fm.ot-plan",),
    prediction={
        "en": "The assignment costs as little as the best of all 720 permutations of six points; from N(0, 1) to "
        "N(0, s²) a share 0.2734 of the pairs in batches of four changes sign, where the optimal map changes none; a "
        "bridge of diffusion 0.8 couples N(0, 1) and N(0, 0.5²) with covariance 0.2736.",
        "zh": "六个点的指派与 720 个置换中最好的代价相同；从 N(0, 1) 到 N(0, s²)，"
        "在四个一批的配对中有 0.2734 的比例变号，而最优映射一个也不变；"
        "扩散系数为 0.8 的桥使 N(0, 1) 与 N(0, 0.5²) 的协方差为 0.2736。",
    },
)
class OptimalPlan(Experiment):
    subject = Coupling()
    wrong = {
        "independent": Wrong(
            {"en": "independent ends said to be optimal", "zh": "以为独立耦合就是最优"},
            Coupling(plan=independent),
            "plane",
        ),
        "half-and-half": Wrong(
            {"en": "half of each of two pairings", "zh": "两种配对各取一半"}, Coupling(plan=halves), "plane"
        ),
        "nearest": Wrong({"en": "every point takes its nearest", "zh": "各取最近的点"}, Coupling(plan=nearest), "plan"),
        "larger-batch": Wrong(
            {"en": "the size of the batch said not to matter", "zh": "以为与批次大小无关"},
            Coupling(batch=LARGE),
            "signs",
        ),
        "batch-of-one": Wrong(
            {"en": "batches of one: independent ends", "zh": "每批一个：独立耦合"}, Coupling(batch=1), "signs"
        ),
        "temperature": Wrong(
            {"en": "sigma² as the temperature of the bridge", "zh": "把 σ² 当作桥的温度"},
            Coupling(temperature=1.0),
            "bridge",
        ),
    }

    def predict(self) -> dict[str, Prediction]:
        titles: dict[str, Text] = {
            "plane": {"en": "cost in the plane above the best permutation", "zh": "平面上的代价超出最优置换的部分"},
            "line": {"en": "cost on a line above the pairing in order", "zh": "直线上的代价超出按序配对的部分"},
            "plan": {"en": "largest deviation of a column sum from one", "zh": "列和与一的最大偏差"},
            "bridge": {"en": "covariance of the bridge's ends", "zh": "桥两端的协方差"},
        }
        expected = self.expect(self.subject)
        values = {name: expected[name] for name in titles}
        method = "all permutations; Sinkhorn's iteration on a grid"
        law, share = Proportion(ROWS), expected["signs"]
        near = around(share, SIGN_MARGIN)
        signs = Prediction(
            {"en": "share of pairs with different signs", "zh": "变号的配对所占比例"},
            share,
            near,
            law.blind(near),
            FALSE_ALARM,
            "binomial; Chernoff",
        )
        return stated(values, titles, MARGIN, self._rounding, method) | {"signs": signs}

    def expect(self, subject: Coupling) -> dict[str, float]:
        found = {
            "signs": sign_share(subject.batch),
            "bridge": bridge_covariance(DIFFUSION * math.sqrt(subject.temperature / 2)),
        }
        return found | ({"plane": 0.0, "line": 0.0, "plan": 0.0} if subject.plan is assignment else {})

    @property
    def _rounding(self) -> float:
        return 2000 * self.setting.rounding

    def measure(self, subject: Coupling) -> Measurement:
        found = {"bridge": self._bridge(subject)}
        found["plane"], found["plan"] = self._plane(subject.plan)
        found["line"] = self._line(subject.plan)
        intervals = {name: exact(value, self._rounding) for name, value in found.items()}
        return Measurement(intervals | {"signs": Proportion(ROWS).interval(self._signs(subject.batch))})

    def _points(self, stream: str, dimensions: int) -> tuple[Tensor, Tensor]:
        """Batches of starts and of data with another spread on each axis, (BATCHES, BATCH, d)."""
        latents = self.setting.latents
        x, y = (latents.normal(f"{stream}.{end}", BATCHES * BATCH, dimensions) for end in "xy")
        spread = self.setting.tensor([DEVIATION, 1.3][:dimensions])
        return x.reshape(BATCHES, BATCH, -1), (0.4 + spread * y).reshape(BATCHES, BATCH, -1)

    def _plane(self, plan: Plan) -> tuple[float, float]:
        """Largest excess over the best of all permutations, and largest error of a column sum, over the batches."""
        costs = [torch.cdist(x, y).square() for x, y in zip(*self._points("ot.plane", 2), strict=True)]
        orders = torch.tensor(list(itertools.permutations(range(BATCH))), device=self.setting.device)
        excess = columns = 0.0
        for cost in costs:
            best = cost[torch.arange(BATCH, device=cost.device), orders].sum(1).min()
            chosen = plan(cost)
            excess = max(excess, abs(float((chosen * cost).sum() - best)))
            columns = max(columns, float((chosen.sum(0) - 1).abs().max()))
        return excess, columns

    def _line(self, plan: Plan) -> float:
        excess = 0.0
        for x, y in zip(*self._points("ot.line", 1), strict=True):
            cost = (x - y.T).square()
            in_order = (x.sort(0).values - y.sort(0).values).square().sum()
            excess = max(excess, abs(float((plan(cost) * cost).sum() - in_order)))
        return excess

    def _signs(self, batch: int) -> float:
        """Share of pairs of different signs, one pair from each of ROWS independent batches."""
        x, y = (self.setting.latents.normal(f"ot.signs.{end}", ROWS, batch).sort(1).values for end in "xy")
        which = (self.setting.latents.uniform("ot.signs.pair", ROWS) * batch).long()[:, None]
        return mean((x.gather(1, which) * y.gather(1, which) < 0).double())

    def _bridge(self, subject: Coupling) -> float:
        """Covariance of the entropic coupling of the two Gaussians on a grid."""
        x = self.setting.tensor(torch.linspace(-REACH, REACH, SIDE))
        y = DEVIATION * x
        mass = torch.exp(-0.5 * x.square())
        mass = mass / mass.sum()
        kernel = torch.exp(-(x[:, None] - y).square() / (subject.temperature * DIFFUSION**2))
        column = torch.ones_like(x)
        for _ in range(ITERATIONS):
            row = mass / (kernel @ column)
            column = mass / (kernel.T @ row)
        return float(x @ (row[:, None] * kernel * column) @ y)

    def picture(self, measurements: dict[str, Measurement]) -> Sheet:
        latents = self.setting.latents
        x, y = (latents.normal(f"ot.picture.{end}", 32, 1)[:, 0].double().cpu() for end in "xy")
        y = 0.4 + DEVIATION * y
        panels = []
        shown = (1, "batches of 1", "每批 1 个"), (4, "batches of 4", "每批 4 个"), (32, "one batch", "全部一批")
        for tone, (n, en, zh) in enumerate(shown):
            pairs = [
                (float(a), float(b))
                for i in range(0, 32, n)
                for a, b in zip(x[i : i + n].sort().values, y[i : i + n].sort().values, strict=True)
            ]
            panels.append(
                Panel(
                    title={"en": en, "zh": zh},
                    x_title={"en": "time t", "zh": "时间 t"},
                    y_title={"en": "x", "zh": "x"},
                    series=[
                        Traces({"en": f"pairs, {en}", "zh": f"配对，{zh}"}, [([0, 1], list(p)) for p in pairs], tone)
                    ],
                )
            )
        share = measurements[""].intervals["signs"].estimate
        return Sheet(
            title={"en": "Pairs made in batches of several sizes", "zh": "不同大小的批次内的配对"},
            description={
                "en": "32 points of N(0, 1) at t = 0 paired with 32 of N(0.4, 0.5²) at t = 1, in order within batches "
                f"of 1, 4 and 32. The lines cross less the larger the batch. In batches of four {share:.4f} of the "
                "pairs from N(0, 1) to N(0, s²) change sign.",
                "zh": "t = 0 处 N(0, 1) 的 32 个点与 t = 1 处 N(0.4, 0.5²) 的 32 个点，在 1、4、32 个一批中按序配对。"
                f"批次越大，交叉越少。四个一批时，从 N(0, 1) 到 N(0, s²) 的配对有 {share:.4f} 变号。",
            },
            panels=panels,
            columns=2,
        )

    def summary(self, measurement: Measurement) -> Text:
        found = measurement.intervals
        signs, bridge = found["signs"], found["bridge"].estimate
        seen = Proportion(ROWS).blind(Span(signs.estimate, signs.estimate)).high - signs.estimate
        return {
            "en": f"In batches of {SMALL} a share {signs.estimate:.4f} of the pairs changes sign (a deviation of "
            f"{seen:.4f} would have been seen); the bridge's covariance is {bridge:.4f}; the assignment costs "
            f"{found['plane'].estimate:.1e} more than the best permutation.",
            "zh": f"每批 {SMALL} 个时，变号的配对占 {signs.estimate:.4f}（若偏差达 {seen:.4f}，必已察觉）；"
            f"桥的协方差为 {bridge:.4f}；指派的代价比最优置换多 {found['plane'].estimate:.1e}。",
        }
