r"""graft-limits: where grafting ends. Another coupling is another denoiser, and the known levels end somewhere.

Half-way from N(0, 1) to N(0, s^2) the noisy point is x = n/2 + y/2. With independent ends the best prediction of y has
the slope Cov(y, x)/Var x = 2 s^2/(1 + s^2); with the optimal coupling y = s n it is 2s/(1 + s): 2/5 and 2/3 for s = 1/2
(graft.limits). Under the optimal coupling x has variance ((1 + s)/2)^2 = 9/16 and score -16/9 x. The formula of
independent ends, (t u - x)/(1 - t) with the coupling's velocity u = (s - 1) 2x/(1 + s), gives -8/3 x instead: Langevin
steps with it settle at the wrong variance. N steps of size h with the score -k x leave, from variance V,

    V_N = a^{2N} V + 2h (1 - a^{2N})/(1 - a^2),     a = 1 - h k.

Beyond the largest trained level a network that keeps its answer has the gain of that level.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

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
from verify.experiments.oracles.gaussian import Gaussian
from verify.experiments.statistics.moments import ChiSquare
from verify.experiments.statistics.verdicts import FALSE_ALARM, Span, exact, mean

DEVIATION = 0.5
ROWS = 100_000
SIZE, STEPS = 0.05, 24
TRAINED, ASKED = 2.0, 6.0
SHARE = FALSE_ALARM / 4
WIDTH = 0.045  # half the relative margin of every variance
MARGIN = 1e-4

INDEPENDENT_SLOPE = 2 * DEVIATION**2 / (1 + DEVIATION**2)
OPTIMAL_SLOPE = 2 * DEVIATION / (1 + DEVIATION)
OPTIMAL_VARIANCE = ((1 + DEVIATION) / 2) ** 2
TRUE_RATE = 1 / OPTIMAL_VARIANCE
FORMULA_RATE = -((DEVIATION - 1) / (1 + DEVIATION) - 1) / 0.5  # of (t u - x)/(1 - t) at t = 1/2


def settled(rate: float) -> float:
    a = 1 - SIZE * rate
    return a ** (2 * STEPS) * OPTIMAL_VARIANCE + 2 * SIZE * (1 - a ** (2 * STEPS)) / (1 - a**2)


def residual(slope: float, optimal: bool) -> float:
    """E(y - slope x)^2."""
    covariance = DEVIATION * (1 + DEVIATION) / 2 if optimal else DEVIATION**2 / 2
    variance = OPTIMAL_VARIANCE if optimal else (1 + DEVIATION**2) / 4
    return DEVIATION**2 - 2 * slope * covariance + slope**2 * variance


@dataclass(frozen=True)
class Belief:
    """The slopes of both denoisers, the rate of the score under the optimal coupling, the level asked for."""

    independent: float = INDEPENDENT_SLOPE
    optimal: float = OPTIMAL_SLOPE
    rate: float = TRUE_RATE
    asked: float = ASKED


@experiment(
    name="graft-limits",
    title={
        "en": "Another coupling of noise and data is another denoiser",
        "zh": "噪声与数据换一种耦合，就是另一个去噪器",
    },
    claims=("graft.limits",),
    prediction={
        "en": "Half-way from N(0, 1) to N(0, 0.5²) the best prediction of the data has slope 2/5 and error 0.2 with "
        "independent ends, slope 2/3 and no error with the optimal coupling; Langevin steps with the coupling's own "
        "score end at the variance 0.588 (9/16 but for their length), with the formula of independent ends at 0.402.",
        "zh": "从 N(0, 1) 到 N(0, 0.5²) 的中途，独立耦合下数据的最优预测斜率为 2/5、误差为 0.2；"
        "最优耦合下斜率为 2/3、没有误差。用耦合自身的得分走 Langevin 步，方差为 0.588（若非步长有限，应为 9/16）；"
        "套用独立耦合的公式，则为 0.402。",
    },
)
class Limits(Experiment):
    subject = Belief()
    wrong = {
        "one-denoiser": Wrong(
            {"en": "the denoiser of independent ends for all", "zh": "一律用独立耦合的去噪器"},
            Belief(optimal=INDEPENDENT_SLOPE),
            "optimal",
        ),
        "other-way": Wrong(
            {"en": "the denoiser of the optimal coupling for all", "zh": "一律用最优耦合的去噪器"},
            Belief(independent=OPTIMAL_SLOPE),
            "independent",
        ),
        "score-formula": Wrong(
            {"en": "the score formula of independent ends", "zh": "套用独立耦合的得分公式"},
            Belief(rate=FORMULA_RATE),
            "langevin",
        ),
        "beyond": Wrong(
            {"en": "beyond the largest level its answer kept", "zh": "超过最大的噪声水平时沿用其输出"},
            Belief(asked=TRAINED),
            "beyond",
        ),
    }

    def predict(self) -> dict[str, Prediction]:
        expected, law = self.expect(self.subject), ChiSquare(ROWS, SHARE)
        titles: dict[str, Text] = {
            "independent": {"en": "error of the prediction, independent ends", "zh": "独立耦合下预测的均方误差"},
            "optimal": {
                "en": "error of the prediction, optimal coupling, over the variance of the data",
                "zh": "最优耦合下预测的均方误差与数据方差之比",
            },
            "data": {"en": "variance of x under the optimal coupling", "zh": "最优耦合下 x 的方差"},
            "langevin": {"en": f"variance after {STEPS} Langevin steps", "zh": f"{STEPS} 步 Langevin 之后的方差"},
            "beyond": {"en": f"gain of the denoiser at sigma = {ASKED:g}", "zh": f"σ = {ASKED:g} 处去噪器的增益"},
        }
        fixed = {name: expected[name] for name in ("optimal", "beyond")}
        predictions = stated(fixed, titles, MARGIN, self._rounding, "closed forms")
        for name in ("independent", "data", "langevin"):
            margin = Span(expected[name] * (1 - WIDTH), expected[name] * (1 + WIDTH))
            predictions[name] = Prediction(
                titles[name], expected[name], margin, law.blind(margin), SHARE, "exact chi-square interval"
            )
        return predictions

    def expect(self, subject: Belief) -> dict[str, float]:
        return {
            "independent": residual(subject.independent, optimal=False),
            "optimal": residual(subject.optimal, optimal=True) / DEVIATION**2,
            "data": OPTIMAL_VARIANCE,
            "langevin": settled(subject.rate),
            "beyond": DEVIATION**2 / (DEVIATION**2 + subject.asked**2),
        }

    @property
    def _rounding(self) -> float:
        return 20 * self.setting.rounding

    @cached_property
    def _normals(self) -> list[Tensor]:
        """Noise, data of independent ends, and one draw for every Langevin step."""
        return [self.setting.latents.normal(f"limits.{i}", ROWS, 1) for i in range(STEPS + 2)]

    def measure(self, subject: Belief) -> Measurement:
        n, other, *fresh = self._normals
        law = ChiSquare(ROWS, SHARE)
        y = DEVIATION * other
        found = {"independent": law.interval(mean((y - subject.independent * (n + y) / 2).double().square()))}
        y = DEVIATION * n
        x = (n + y) / 2
        error = mean((y - subject.optimal * x).double().square()) / DEVIATION**2
        found["optimal"] = exact(error / mean(n.double().square()), self._rounding)
        found["data"] = law.interval(mean(x.double().square()))
        for z in fresh:
            x = x - SIZE * subject.rate * x + math.sqrt(2 * SIZE) * z
        found["langevin"] = law.interval(mean(x.double().square()))
        one = self.setting.tensor([1.0])
        ends = Gaussian(0 * one, DEVIATION**2 * one).denoise(one[:, None], subject.asked)
        found["beyond"] = exact(float(ends), self._rounding)
        return Measurement(found)

    def picture(self, measurements: dict[str, Measurement]) -> Picture:
        shown = 160
        n, other = (normals[:shown, 0].double().cpu() for normals in self._normals[:2])
        clouds: list[tuple[Text, Tensor, float]] = [
            ({"en": "independent ends", "zh": "独立耦合"}, DEVIATION * other, INDEPENDENT_SLOPE),
            ({"en": "optimal coupling", "zh": "最优耦合"}, DEVIATION * n, OPTIMAL_SLOPE),
        ]
        series = []
        for tone, (title, y, slope) in enumerate(clouds):
            x = (n + y) / 2
            series.append(Series(title, x.tolist(), y.tolist(), "points", tone=tone))
            line = {"en": f"slope {slope:.3f}", "zh": f"斜率 {slope:.3f}"}
            series.append(Series(line, [-1.8, 1.8], [-1.8 * slope, 1.8 * slope], tone=tone))
        variance = measurements[""].intervals["langevin"].estimate
        wrong = measurements["score-formula"].intervals["langevin"].estimate
        return Picture(
            title={"en": "Data behind a noisy point half-way, for two couplings", "zh": "两种耦合下含噪点背后的数据"},
            description={
                "en": "Data y against the noisy point x half-way from N(0, 1) to N(0, 0.5²). Independent ends scatter "
                "around the slope 2/5, the optimal coupling lies on the slope 2/3. Langevin steps with its own score "
                f"end at the variance {variance:.4f}, with the formula of independent ends at {wrong:.4f}.",
                "zh": "从 N(0, 1) 到 N(0, 0.5²) 的中途，数据 y 与含噪点 x。独立耦合散布在斜率 2/5 的直线周围，"
                f"最优耦合落在斜率 2/3 的直线上。用自身的得分走 Langevin 步，方差为 {variance:.4f}；"
                f"套用独立耦合的公式则为 {wrong:.4f}。",
            },
            x_title={"en": "noisy point x", "zh": "含噪点 x"},
            y_title={"en": "data y", "zh": "数据 y"},
            series=series,
        )

    def summary(self, measurement: Measurement) -> Text:
        found = {name: interval.estimate for name, interval in measurement.intervals.items()}
        return {
            "en": f"Errors of the best predictions: {found['independent']:.4f} with independent ends (slope 2/5), "
            f"{found['optimal']:.1e} with the optimal coupling (slope 2/3). Variance after {STEPS} Langevin steps "
            f"{found['langevin']:.4f}, {settled(TRUE_RATE):.4f} predicted.",
            "zh": f"最优预测的均方误差：独立耦合为 {found['independent']:.4f}（斜率 2/5），"
            f"最优耦合为 {found['optimal']:.1e}（斜率 2/3）。{STEPS} 步 Langevin 之后的方差为 {found['langevin']:.4f}，"
            f"预测值为 {settled(TRUE_RATE):.4f}。",
        }
