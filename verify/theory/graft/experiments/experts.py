r"""graft-experts: one denoiser above a noise level, another below; what an error of each becomes at the end.

Flows compose, so the splice of two exact denoisers at sigma_2 is exact although each has its own parameterisation.
Now let a denoiser be wrong by a constant e on its range. On N(m, s^2) the deviation w from the exact flow obeys
dw/dsigma = sigma w/(s^2 + sigma^2) - e/sigma, hence from level a down to b

    w(b) = e sqrt(s^2 + b^2)/s (asinh(s/b) - asinh(s/a)),

and what is wrong at b is carried on to c by the flow's Lipschitz factor sqrt((s^2 + c^2)/(s^2 + b^2))
(graft.experts-by-sigma). Everything is linear: errors of both ranges add.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

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
from verify.experiments.oracles.gaussian import Gaussian
from verify.experiments.oracles.mixture import Mixture
from verify.experiments.orders import trajectory
from verify.experiments.paths import cosine, vp_linear
from verify.experiments.samplers.common import Denoise
from verify.experiments.statistics.verdicts import exact
from verify.experiments.targets import two_clouds

TOP, SPLICE, BOTTOM = 10.0, 0.6, 0.05
MEAN, DEVIATION = 0.4, 0.5
ERROR_ABOVE, ERROR_BELOW = 0.1, 0.02
EXCHANGED = (ERROR_BELOW, 0.0)
LATENT_SCALE = 2.0
POINTS = 64
MARGIN = 1e-3


def gathered(error: float, a: float, b: float) -> float:
    """w(b) from a constant error between a and b."""
    return error * math.hypot(DEVIATION, b) / DEVIATION * (math.asinh(DEVIATION / b) - math.asinh(DEVIATION / a))


def lipschitz(b: float, c: float) -> float:
    return math.hypot(DEVIATION, c) / math.hypot(DEVIATION, b)


def own(denoise: Denoise) -> Denoise:
    return denoise


def other_scale(denoise: Denoise) -> Denoise:
    """A denoiser of data in units LATENT_SCALE times smaller, asked as if they were the same."""
    return lambda x, sigma: LATENT_SCALE * denoise(x / LATENT_SCALE, sigma / LATENT_SCALE)


def moved(denoise: Denoise, error: float) -> Denoise:
    return lambda x, sigma: denoise(x, sigma) + error


@dataclass(frozen=True)
class Splice:
    """The lower denoiser as it is used, the factor that is said to carry an error down, and which range errs."""

    below: Callable[[Denoise], Denoise] = own
    carry: Callable[[float, float], float] = lipschitz
    exchanged: bool = False


@experiment(
    name="graft-experts",
    title={
        "en": "Two denoisers spliced at a noise level: exact if both are, errors carried by the flow's factor",
        "zh": "在某个噪声水平上拼接两个去噪器：两者精确则结果精确，误差按流的系数传递",
    },
    claims=("graft.experts-by-sigma",),
    prediction={
        "en": "Exact denoisers, one as noise prediction on VP and one as v on the cosine path, splice to the exact "
        "flow on a mixture; an error of 0.1 above sigma = 0.6 is 0.1107 at the splice and 0.0712 at the end, an error "
        "of 0.02 below is 0.0450 there, and both together are their sum.",
        "zh": "两个精确的去噪器（一个在 VP 上预测噪声，一个在余弦路径上预测 v）拼接后，在高斯混合上就是精确的流；"
        "σ = 0.6 以上 0.1 的误差，到拼接处为 0.1107，到终点为 0.0712；以下 0.02 的误差到终点为 0.0450；"
        "两者同在时相加。",
    },
)
class Experts(Experiment):
    subject = Splice()
    wrong = {
        "unchanged": Wrong(
            {"en": "an error made above said to arrive unchanged", "zh": "以为上段的误差原样到达"},
            Splice(carry=lambda b, c: 1.0),
            "above",
        ),
        "forgotten": Wrong(
            {"en": "an error made above said to be forgotten below", "zh": "以为上段的误差在下段被遗忘"},
            Splice(carry=lambda b, c: 0.0),
            "above",
        ),
        "other-scale": Wrong(
            {"en": "the lower denoiser in another scale of the data", "zh": "下段去噪器的数据尺度不同而未换算"},
            Splice(below=other_scale),
            "splice",
        ),
        "exchanged": Wrong(
            {"en": "the two ranges said to be exchangeable", "zh": "以为两段可以互换"},
            Splice(exchanged=True),
            "below",
        ),
    }

    def predict(self) -> dict[str, Prediction]:
        titles: dict[str, Text] = {
            "splice": {"en": "largest distance of the splice from the exact flow", "zh": "拼接结果与精确流的最大距离"},
            "at-splice": {"en": "error at the splice from an error above", "zh": "上段的误差在拼接处"},
            "above": {
                "en": "error at the end from above, less the carried one",
                "zh": "上段的误差到终点，减去按系数传递的值",
            },
            "below": {"en": "error at the end from an error below", "zh": "下段的误差到终点"},
            "both": {"en": "error at the end from both less the sum", "zh": "两段同时出错的结果减去两者之和"},
        }
        return stated(self.expect(self.subject), titles, MARGIN, self._rounding, "extrapolated integration, order 8")

    def expect(self, subject: Splice) -> dict[str, float]:
        at_splice = gathered(ERROR_ABOVE, TOP, SPLICE)
        below = gathered(ERROR_BELOW, SPLICE, BOTTOM)
        if subject.exchanged:
            below = gathered(ERROR_BELOW, TOP, SPLICE) * lipschitz(SPLICE, BOTTOM)
        found = {
            "at-splice": at_splice,
            "above": at_splice * (lipschitz(SPLICE, BOTTOM) - subject.carry(SPLICE, BOTTOM)),
            "below": below,
        }
        return found | ({"splice": 0.0, "both": 0.0} if subject.below is own and not subject.exchanged else {})

    @property
    def _rounding(self) -> float:
        return 2000 * self.setting.rounding

    def _mixture(self) -> Mixture:
        return two_clouds(self.setting.device)

    def _experts(self) -> tuple[Denoise, Denoise]:
        """Noise prediction on VP, and v-prediction on the cosine path, each made a denoiser again."""
        law, vp, turning = self._mixture(), vp_linear(), cosine()
        above = vp.as_denoiser(lambda x, t: vp.epsilon(law, x, t), "epsilon")
        below = turning.as_denoiser(
            lambda x, t: turning.alpha(t) * turning.epsilon(law, x, t) - turning.sigma(t) * turning.denoise(law, x, t),
            "v",
        )
        return above, below

    @cached_property
    def _splice_errors(self) -> dict[Callable[[Denoise], Denoise], float]:
        """Largest distance from the exact flow by the way in which the lower expert is used."""
        start = TOP * self.setting.latents.normal("experts.start", POINTS, 2)
        above, below = self._experts()
        (middle,) = trajectory(above, start, TOP)([SPLICE])
        (exactly,) = trajectory(self._mixture().denoise, start, TOP)([BOTTOM])
        ends = {use: trajectory(use(below), middle, SPLICE)([BOTTOM])[0] for use in (own, other_scale)}
        return {use: float((end - exactly).abs().max()) for use, end in ends.items()}

    @cached_property
    def _gaussian_errors(self) -> dict[tuple[float, float], tuple[float, float]]:
        """(error above, error below) -> deviations from the exact flow at the splice and at the end."""
        one = self.setting.tensor([1.0])
        denoise, x = Gaussian(MEAN * one, DEVIATION**2 * one).denoise, TOP * self.setting.tensor([[0.3]])
        ends = {}
        for high, low in ((0.0, 0.0), (ERROR_ABOVE, 0.0), (0.0, ERROR_BELOW), (ERROR_ABOVE, ERROR_BELOW), EXCHANGED):
            (middle,) = trajectory(moved(denoise, high), x, TOP)([SPLICE])
            (end,) = trajectory(moved(denoise, low), middle, SPLICE)([BOTTOM])
            ends[high, low] = float(middle), float(end)
        at_splice, at_end = ends[0.0, 0.0]
        return {which: (a - at_splice, b - at_end) for which, (a, b) in ends.items()}

    def measure(self, subject: Splice) -> Measurement:
        errors = self._gaussian_errors
        at_splice, from_above = errors[ERROR_ABOVE, 0.0]
        from_below = errors[EXCHANGED if subject.exchanged else (0.0, ERROR_BELOW)][1]
        both = errors[ERROR_ABOVE, ERROR_BELOW][1]
        found = {
            "splice": self._splice_errors[subject.below],
            "at-splice": at_splice,
            "above": from_above - at_splice * subject.carry(SPLICE, BOTTOM),
            "below": from_below,
            "both": both - from_above - from_below,
        }
        intervals = {name: exact(value, self._rounding) for name, value in found.items()}
        return Measurement(intervals, {"above": from_above})

    def picture(self, measurements: dict[str, Measurement]) -> Picture:
        levels = [BOTTOM * (TOP / BOTTOM) ** (k / 60) for k in range(61)]
        from_above = [
            gathered(ERROR_ABOVE, TOP, t) if t >= SPLICE else gathered(ERROR_ABOVE, TOP, SPLICE) * lipschitz(SPLICE, t)
            for t in levels
        ]
        from_below = [gathered(ERROR_BELOW, SPLICE, t) if t < SPLICE else 0.0 for t in levels]
        found = measurements[""].intervals
        ends = [measurements[""].traces["above"], found["below"].estimate]
        return Picture(
            title={"en": "What an error of each denoiser becomes", "zh": "两个去噪器的误差各变成什么"},
            description={
                "en": f"Deviation from the exact flow on N({MEAN:g}, {DEVIATION:g}²) against the noise level, for an "
                f"error {ERROR_ABOVE:g} above {SPLICE:g} and {ERROR_BELOW:g} below. The first shrinks once the exact "
                f"denoiser takes over, to {ends[0]:.4f}; the second reaches {ends[1]:.4f}.",
                "zh": f"在 N({MEAN:g}, {DEVIATION:g}²) 上与精确流的偏差随噪声水平的变化：{SPLICE:g} 以上误差为 "
                f"{ERROR_ABOVE:g}，以下为 {ERROR_BELOW:g}。精确的去噪器接手后，前者缩小到 {ends[0]:.4f}；"
                f"后者增长到 {ends[1]:.4f}。",
            },
            x_title={"en": "noise level sigma", "zh": "噪声水平 σ"},
            y_title={"en": "deviation", "zh": "偏差"},
            series=[
                Series({"en": "error above", "zh": "上段出错"}, levels, from_above, tone=0),
                Series({"en": "error below", "zh": "下段出错"}, levels, from_below, tone=1),
                Series({"en": "measured", "zh": "实测"}, [BOTTOM, BOTTOM], ends, "points", tone=2),
            ],
            x_log=True,
        )

    def summary(self, measurement: Measurement) -> Text:
        found, above = measurement.intervals, measurement.traces["above"]
        return {
            "en": f"The splice is {found['splice'].estimate:.1e} from the exact flow. An error {ERROR_ABOVE:g} above "
            f"is {found['at-splice'].estimate:.4f} at the splice and {above:.4f} at the end; an error {ERROR_BELOW:g} "
            f"below is {found['below'].estimate:.4f}.",
            "zh": f"拼接结果与精确流相差 {found['splice'].estimate:.1e}。上段 {ERROR_ABOVE:g} 的误差在拼接处为 "
            f"{found['at-splice'].estimate:.4f}，到终点为 {above:.4f}；下段 {ERROR_BELOW:g} 的误差到终点为 "
            f"{found['below'].estimate:.4f}。",
        }
