r"""guide-not-tilted: the guided field and the score of the noised tilted law part with the square of the noise level.

The tilted law is q(y) ~ p(y|c)^gamma p(y)^{1-gamma}. Without noise its score is the guided field. With noise,
d log p / d sigma^2 = (lap log p + |grad log p|^2) / 2 for each of the three laws (rev.fokker-planck); the Laplacians
cancel, the squares do not, and the field exceeds the score of the noised tilted law by

    - gamma (gamma - 1) sigma^2 / 2  grad |grad log p(c|x)|^2 + O(sigma^4)                        (guide.not-tilted).

So the field pulls, in addition, towards points where the label's log-probability is flat. The tilted law of a mixture
is no mixture, and its score is a ratio of two integrals here, exact to rounding. On Gaussians the difference is known
at every level.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

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
from verify.experiments.oracles.conditional import Conditional
from verify.experiments.oracles.mixture import Mixture
from verify.experiments.quadrature import normal_rule
from verify.experiments.statistics import Span, around, exact, exact_blind, order_interval

SHARES = (0.3, 0.7)
MEANS, VARIANCES = (-0.8, 0.7), (0.25, 0.36)
GAMMA = 3.0
LEVELS = tuple(0.4 / 2 ** (k / 2) for k in range(8))
POINTS = tuple(-1.6 + 0.2 * k for k in range(17))
GAUSSIAN_LEVEL = 1.0
ORDER_MARGIN, SHARE_MARGIN = 0.25, 0.03
NODES = 401

Field = Callable[["Laws", Tensor, float], Tensor]


@dataclass(frozen=True)
class Laws:
    """The conditional and the unconditional law, one-dimensional."""

    conditional: Mixture
    unconditional: Mixture

    def log_tilted(self, y: Tensor) -> Tensor:
        """log q up to a constant: y (B, 1) -> (B,)."""
        return GAMMA * self.conditional.log_density(y, 0.0) + (1 - GAMMA) * self.unconditional.log_density(y, 0.0)


def mixture_laws(device: str) -> Laws:
    weights, means, variances = (
        torch.tensor(v, dtype=torch.float64, device=device) for v in (SHARES, MEANS, VARIANCES)
    )
    whole = Mixture(weights, means[:, None], variances[:, None])
    return Laws(Conditional.of_mixture(whole, (0, 1)).given(1), whole)  # type: ignore[arg-type]


def gaussian_laws(device: str) -> Laws:
    """N(0, 1) and N(0, 2) of guide.gaussian-three-variances."""
    one = torch.ones(1, 1, dtype=torch.float64, device=device)
    return Laws(Mixture(one[0], 0 * one, one), Mixture(one[0], 0 * one, 2 * one))


def guided(laws: Laws, x: Tensor, sigma: float) -> Tensor:
    """The guided score, gamma s_c + (1 - gamma) s_u."""
    return GAMMA * laws.conditional.score(x, sigma) + (1 - GAMMA) * laws.unconditional.score(x, sigma)


def noised_tilted(laws: Laws, x: Tensor, sigma: float) -> Tensor:
    """The score of q noised to sigma: E[z q(x + sigma z)] / (sigma E[q(x + sigma z)]), z standard normal."""
    z, weights = (v.to(x.device) for v in normal_rule(NODES))
    near = x.double() + sigma * z
    logs = laws.log_tilted(near.reshape(-1, 1)).reshape(near.shape)
    shares = weights * (logs - logs.amax(1, keepdim=True)).exp()
    return ((shares @ z) / (sigma * shares.sum(1)))[:, None].to(x.dtype)


def sharpened(laws: Laws, x: Tensor, sigma: float) -> Tensor:
    """The score of p(x|c; sigma)^gamma."""
    return GAMMA * laws.conditional.score(x, sigma)


def half_noise(laws: Laws, x: Tensor, sigma: float) -> Tensor:
    """The tilted law with noise of variance sigma^2 / gamma: a power of the Gaussian kernel taken for the kernel."""
    return noised_tilted(laws, x, sigma / GAMMA**0.5)


@dataclass(frozen=True)
class Claim:
    """Which field is said to be that of the noised tilted law, and what the difference then is by formula.

    share      difference over the leading term of the right one, as sigma -> 0; None where no formula says
    gaussian   difference over x on the Gaussians at GAUSSIAN_LEVEL
    """

    field: Field = noised_tilted
    share: float | None = 1.0
    gaussian: float = -GAMMA * (GAMMA - 1) / (2 * 3 * (3 + GAMMA))


@experiment(
    name="guide-not-tilted",
    title={
        "en": "The guided field is not the score of the noised tilted law",
        "zh": "引导场不是加噪后倾斜分布的得分",
    },
    claims=("guide.not-tilted",),
    prediction={
        "en": "The guided field minus the score of the noised tilted law falls with the square of the noise level and "
        "tends to γ(1−γ)σ²/2 times the gradient of |∇ log p(c|x)|²; on N(0, 1) and N(0, 2) at weight 3 and "
        "noise level 1 it is −x/6.",
        "zh": "引导场减去加噪后倾斜分布的得分，按噪声水平的平方趋于零，首项是 γ(1−γ)σ²/2 乘以 |∇ log p(c|x)|² 的梯度；"
        "对 N(0, 1) 与 N(0, 2)，强度为 3、噪声水平为 1 时，差为 −x/6。",
    },
)
class NotTilted(Experiment):
    subject = Claim()
    wrong = {
        "commute": Wrong(
            {"en": "tilting the noised laws, as if noise and powers commuted", "zh": "倾斜加噪后的分布，以为次序可换"},
            Claim(guided, share=0.0, gaussian=0.0),
            "share",
        ),
        "sharpened": Wrong(
            {"en": "the conditional law sharpened at every level", "zh": "在每个噪声水平上把条件分布变尖"},
            Claim(sharpened, None, gaussian=(GAMMA - 1) / 3),
            "gaussian",
        ),
        "kernel-power": Wrong(
            {"en": "the noise made smaller by the weight as well", "zh": "噪声也随强度变小"},
            Claim(half_noise, None, gaussian=1 / (0.5 + 1 / GAMMA) - GAMMA / 2 - (1 - GAMMA) / 3),
            "gaussian",
        ),
    }

    def predict(self) -> dict[str, Prediction]:
        share = around(1.0, SHARE_MARGIN)
        value = self.subject.gaussian
        return {
            "order": stated_order(
                {"en": "order of the difference in the noise level", "zh": "差关于噪声水平的阶"},
                2.0,
                ORDER_MARGIN,
                method="quadrature",
            ),
            "share": self._arithmetic(
                {"en": "difference over its leading term, noise to zero", "zh": "噪声趋于零时，差与首项之比"},
                1.0,
                share,
                min(LEVELS),
            ),
            "gaussian": self._arithmetic(
                {
                    "en": "difference over x, two Gaussians, noise level 1",
                    "zh": "两个高斯、噪声水平为 1 时，差与 x 之比",
                },
                value,
                around(value, 1e-3),
                GAUSSIAN_LEVEL,
            ),
        }

    def _arithmetic(self, title: Text, value: float, margin: Span, level: float) -> Prediction:
        blind = exact_blind(margin, self._rounding(level))
        return Prediction(title, value, margin, blind, 0.0, f"quadrature, {NODES} nodes")

    def _rounding(self, level: float) -> float:
        """Of a difference of two fields of size 10, over the square of the level."""
        return 100 * self.setting.rounding / level**2

    def expect(self, subject: Claim) -> dict[str, float]:
        found = {"gaussian": subject.gaussian}
        if subject.share is not None:
            found["share"] = subject.share
        return found | ({"order": 2.0} if subject == self.subject else {})

    @cached_property
    def _points(self) -> Tensor:
        return self.setting.tensor(POINTS)[:, None]

    def _leading(self, laws: Laws) -> Tensor:
        """-gamma (gamma - 1) (s_c - s_u)(s_c' - s_u') at the points, with slopes by central differences of order 4."""
        x, h = self._points.double(), 1e-3

        def away(y: Tensor) -> Tensor:
            return laws.conditional.score(y, 0.0) - laws.unconditional.score(y, 0.0)

        slope = (8 * (away(x + h) - away(x - h)) - away(x + 2 * h) + away(x - 2 * h)) / (12 * h)
        return -GAMMA * (GAMMA - 1) * away(x) * slope

    def measure(self, subject: Claim) -> Measurement:
        x, laws = self._points, mixture_laws(self.setting.device)
        leading = self._leading(laws)
        sizes, shares = [], []
        for sigma in LEVELS:
            gap = (guided(laws, x, sigma) - subject.field(laws, x, sigma)).double()
            sizes.append(float(gap.square().mean().sqrt()))
            shares.append(float((gap * leading).sum() / (sigma**2 * leading.square().sum())))
        # The next term goes with sigma^2, which is halved from one level to the next: extrapolate.
        limit = 2 * shares[-1] - shares[-2]
        two = gaussian_laws(self.setting.device)
        gap = (guided(two, x, GAUSSIAN_LEVEL) - subject.field(two, x, GAUSSIAN_LEVEL)).double()
        slope = float((gap * x).sum() / x.double().square().sum())
        intervals = {
            "order": order_interval(LEVELS, sizes, self.setting.rounding),
            "share": exact(limit, self._rounding(min(LEVELS))),
            "gaussian": exact(slope, self._rounding(GAUSSIAN_LEVEL)),
        }
        return Measurement(intervals, {"sizes": sizes})

    def picture(self, measurements: dict[str, Measurement]) -> Picture:
        grid = torch.linspace(-2.0, 2.5, 91, dtype=torch.float64)[:, None]
        laws, level = mixture_laws("cpu"), 0.5
        lines: list[tuple[Text, Field]] = [
            ({"en": "guided field", "zh": "引导场"}, guided),
            ({"en": "noised tilted law", "zh": "加噪后的倾斜分布"}, noised_tilted),
            ({"en": "sharpened conditional law", "zh": "变尖的条件分布"}, sharpened),
        ]
        x = grid[:, 0].tolist()
        series = [
            Series(title, x, field(laws, grid, level)[:, 0].tolist(), tone=tone)
            for tone, (title, field) in enumerate(lines)
        ]
        gap = (guided(laws, grid, level) - noised_tilted(laws, grid, level)).abs()
        worst, where = float(gap.max()), float(grid[gap.argmax()])
        return Picture(
            title={"en": "Three scores that guidance is taken for", "zh": "常被混为一谈的三种得分"},
            description={
                "en": f"Weight {GAMMA:g}, noise level {level:g}, a mixture of two labels. The guided field is neither "
                "the score of the noised tilted law nor that of the sharpened conditional law; in the window it is "
                f"farthest from the former, by {worst:.2f}, at x = {where:.2f}.",
                "zh": f"强度 {GAMMA:g}，噪声水平 {level:g}，两个标签的混合分布。引导场既不是加噪后倾斜分布的得分，"
                f"也不是变尖的条件分布的得分；图中与前者相差最大处为 x = {where:.2f}，差 {worst:.2f}。",
            },
            x_title={"en": "x", "zh": "x"},
            y_title={"en": "score", "zh": "得分"},
            series=series,
        )

    def summary(self, measurement: Measurement) -> Text:
        order, share, slope = (measurement.intervals[k].estimate for k in ("order", "share", "gaussian"))
        return {
            "en": f"The difference goes with the noise level to the power {order:.3f}; its limit is {share:.4f} of the "
            f"predicted one. On the two Gaussians it is {slope:.5f} x at noise level 1.",
            "zh": f"差按噪声水平的 {order:.3f} 次方趋于零，极限是预测值的 {share:.4f} 倍。"
            f"对两个高斯，噪声水平为 1 时差为 {slope:.5f} x。",
        }
