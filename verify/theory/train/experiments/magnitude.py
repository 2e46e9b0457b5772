r"""train-mp-ops: sums, joins and activations that keep unit magnitude, through a network of any depth.

For independent inputs of mean square 1 the sum (1 - t) a + t b has mean square (1 - t)^2 + t^2, and a join of N_a and
N_b channels with the weights w_a / sqrt(N_a), w_b / sqrt(N_b) has w_a^2 + w_b^2 over N_a + N_b channels: both are
divided by the root (train.mp-ops; Karras et al. 2024, (88) and (103)). The activation silu(z) = z / (1 + e^-z) of a
standard normal has root mean square 0.5964692 and is divided by that.

Nothing is drawn: the inputs are the rows of a Hadamard matrix, which have mean square 1 and are exactly uncorrelated,
and the normal of the activation is a quadrature.
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
from verify.experiments.quadrature import normal_rule
from verify.experiments.statistics import around, exact, exact_blind

SIZE, DEPTH, SHARE = 64, 24, 0.3
GROUPS, WEIGHTS = (40, 24), (0.7, 0.3)
SILU = 0.5964692
CORRELATION = 0.5
MARGIN = 2e-5


def mp_silu(z: Tensor) -> Tensor:
    return torch.nn.functional.silu(z) / SILU


def mp_sum(a: Tensor, b: Tensor, t: float) -> Tensor:
    return torch.lerp(a, b, t) / math.hypot(1 - t, t)


def mp_cat(a: Tensor, b: Tensor, first: float, second: float) -> Tensor:
    """Joins channels, the last axis."""
    scale = math.sqrt((a.shape[-1] + b.shape[-1]) / (first**2 + second**2))
    return torch.cat([scale * first / math.sqrt(a.shape[-1]) * a, scale * second / math.sqrt(b.shape[-1]) * b], -1)


def cat_twice(a: Tensor, b: Tensor, first: float, second: float) -> Tensor:
    """The numbers of channels enter the scale and not the groups."""
    scale = math.sqrt((a.shape[-1] + b.shape[-1]) / (first**2 + second**2))
    return torch.cat([scale * first * a, scale * second * b], -1)


def hadamard(size: int) -> Tensor:
    """Rows of signs (size, size), orthogonal; size is a power of two."""
    found = torch.ones(1, 1, dtype=torch.float64)
    while len(found) < size:
        found = torch.cat([torch.cat([found, found], 1), torch.cat([found, -found], 1)])
    return found


@dataclass(frozen=True)
class Operations:
    """The three operations, and how strongly a branch follows the trunk that it is added to."""

    silu: Callable[[Tensor], Tensor] = mp_silu
    sum: Callable[[Tensor, Tensor, float], Tensor] = mp_sum
    cat: Callable[[Tensor, Tensor, float, float], Tensor] = mp_cat
    correlation: float = 0.0


@experiment(
    name="train-mp-ops",
    title={
        "en": "Magnitude-preserving operations keep unit size through any depth",
        "zh": "保持幅度的运算，经过任意多层仍是单位大小",
    },
    claims=("train.mp-ops",),
    prediction={
        "en": "silu of a standard normal has root mean square 0.5964692; after 24 sums the root mean square is still "
        "1, and a join of 40 and 24 channels has it too.",
        "zh": "标准正态变量经过 silu 后均方根为 0.5964692；做 24 次求和之后均方根仍为一，40 与 24 个通道拼接后亦然。",
    },
)
class Magnitude(Experiment):
    subject = Operations()
    wrong = {
        "silu-half": Wrong(
            {"en": "silu divided by 0.5", "zh": "silu 除以 0.5"},
            Operations(silu=lambda z: torch.nn.functional.silu(z) / 0.5),
            "silu",
        ),
        "no-root": Wrong(
            {"en": "the sum without the root of the squared weights", "zh": "求和不除以权重平方和的平方根"},
            Operations(sum=torch.lerp),
            "sums",
        ),
        "correlated": Wrong(
            {"en": "the same for a branch that follows the trunk", "zh": "支路与主干相关时照用"},
            Operations(correlation=CORRELATION),
            "sums",
        ),
        "cat-twice": Wrong(
            {"en": "the groups are not divided by the root of their size", "zh": "拼接时各组没有除以通道数的平方根"},
            Operations(cat=cat_twice),
            "join",
        ),
    }

    def predict(self) -> dict[str, Prediction]:
        texts: dict[str, Text] = {
            "silu": {"en": "root mean square after the activation", "zh": "激活之后的均方根"},
            "sums": {"en": f"root mean square after {DEPTH} sums", "zh": f"{DEPTH} 次求和之后的均方根"},
            "join": {"en": "root mean square after the join", "zh": "拼接之后的均方根"},
        }
        predictions = {}
        for name, value in self.expect(self.subject).items():
            margin = around(value, MARGIN)
            blind = exact_blind(margin, self._rounding)
            predictions[name] = Prediction(texts[name], value, margin, blind, 0.0, "exact second moments")
        return predictions

    def expect(self, subject: Operations) -> dict[str, float]:
        found = {"silu": SILU / 0.5 if subject.silu is not mp_silu else 1.0, "join": 1.0}
        scale = 1.0 if subject.sum is torch.lerp else 1 / math.hypot(1 - SHARE, SHARE)
        square = 1.0
        for _ in range(DEPTH):  # the branch has unit size and the stated correlation with the trunk
            cross = 2 * SHARE * (1 - SHARE) * subject.correlation * math.sqrt(square)
            square = scale**2 * ((1 - SHARE) ** 2 * square + SHARE**2 + cross)
        found["sums"] = math.sqrt(square)
        if subject.cat is cat_twice:
            found["join"] = math.sqrt(sum(n * w * w for n, w in zip(GROUPS, WEIGHTS, strict=True)) / sum(
                w * w for w in WEIGHTS
            ))  # fmt: skip
        return found

    @property
    def _rounding(self) -> float:
        return 2e-7 + 20 * self.setting.rounding  # the constant of silu has seven digits

    def measure(self, subject: Operations) -> Measurement:
        z, weights = (self.setting.tensor(part) for part in normal_rule())
        rows = self.setting.tensor(hadamard(SIZE))
        trunk, sizes = rows[0], [1.0]
        for k in range(1, DEPTH + 1):
            size = trunk.square().mean().sqrt()
            along, fresh = subject.correlation, math.sqrt(1 - subject.correlation**2)
            trunk = subject.sum(trunk, along * trunk / size + fresh * rows[k], SHARE)
            sizes.append(float(trunk.double().square().mean().sqrt()))
        joined = subject.cat(rows[: GROUPS[0]].mT, rows[GROUPS[0] : sum(GROUPS)].mT, *WEIGHTS)
        found = {
            "silu": float((weights * subject.silu(z).square()).double().sum().sqrt()),
            "sums": sizes[-1],
            "join": float(joined.double().square().mean().sqrt()),
        }
        return Measurement({name: exact(value, self._rounding) for name, value in found.items()}, {"sizes": sizes})

    def picture(self, measurements: dict[str, Measurement]) -> Picture:
        depth = [float(k) for k in range(DEPTH + 1)]
        titles = {"": {"en": "divided by the root", "zh": "除以平方根"}} | {
            key: self.wrong[key].title for key in ("no-root", "correlated")
        }
        ends = {key: measurements[key].traces["sizes"][-1] for key in titles}
        return Picture(
            title={"en": "Magnitude after each sum", "zh": "每次求和之后的幅度"},
            description={
                "en": f"Root mean square of the trunk against depth. After {DEPTH} sums it is {ends['']:.3f}, without "
                f"the root {ends['no-root']:.3f}, and {ends['correlated']:.3f} where the branches follow the trunk.",
                "zh": f"主干的均方根随深度的变化。{DEPTH} 次求和后为 {ends['']:.3f}；不除以平方根时为 "
                f"{ends['no-root']:.3f}；支路与主干相关时为 {ends['correlated']:.3f}。",
            },
            x_title={"en": "sums so far", "zh": "已做的求和次数"},
            y_title={"en": "root mean square", "zh": "均方根"},
            series=[Series(title, depth, measurements[key].traces["sizes"]) for key, title in titles.items()],
        )

    def summary(self, measurement: Measurement) -> Text:
        value = {name: interval.estimate for name, interval in measurement.intervals.items()}
        return {
            "en": f"silu has root mean square {SILU * value['silu']:.7f}; after {DEPTH} sums it is "
            f"{value['sums']:.7f}, after the join {value['join']:.7f}.",
            "zh": f"silu 的均方根为 {SILU * value['silu']:.7f}；{DEPTH} 次求和后为 {value['sums']:.7f}，"
            f"拼接后为 {value['join']:.7f}。",
        }
