r"""guide-rescale: guidance inflates the spread of a sample's entries, and rescaling restores it exactly.

Label c says N(m, s^2 I) for a pattern m, all data say N(0, S^2 I). At x = m + sqrt(s^2 + sigma^2) z both denoisers are
affine, D_c = m + k (x - m) and D_u = K x with k = s^2/(s^2 + sigma^2), K = S^2/(S^2 + sigma^2), so the guided
prediction is

    D = D_u + g (D_c - D_u) = (g + (1 - g) K) m + (g k + (1 - g) K) (x - m),

and the mean square of its entries is known. Lin et al. divide by the deviation over the entries of *one* sample and
multiply by that of the conditional prediction, blended with weight phi (guide.rescale). The batch holds patterns of
unequal contrast: there a deviation over the batch is seen to be another number.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

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
from verify.experiments.samplers.common import Denoise
from verify.experiments.samplers.guidance import classifier_free, rescaled
from verify.experiments.statistics import FALSE_ALARM, Interval, NoncentralSquare, Span, exact, exact_blind

ROWS, ENTRIES = 64, 1024
DEVIATION, SPREAD, SIGMA = 0.3, 1.0, 1.0
CONTRASTS = (0.4, 0.8, 1.2, 1.6)
WEIGHT, PHI = 7.5, 0.7
MARGIN, INFLATION_MARGIN = 1e-4, 0.06  # the second is relative

KEPT, KEPT_ALL = (v**2 / (v**2 + SIGMA**2) for v in (DEVIATION, SPREAD))


def mean_square(weight: float) -> float:
    """Of the entries of the guided prediction, over the batch; the pattern has mean square 1 at contrast 1."""
    pattern = weight + (1 - weight) * KEPT_ALL
    noise = weight * KEPT + (1 - weight) * KEPT_ALL
    contrast = sum(c**2 for c in CONTRASTS) / len(CONTRASTS)
    return pattern**2 * contrast + noise**2 * (DEVIATION**2 + SIGMA**2)


Rule = Callable[[Denoise, Denoise, float, float], Denoise]
"""`rule(conditional, unconditional, weight, phi)`: the guided and rescaled denoiser."""


def variance_ratio(conditional: Denoise, unconditional: Denoise, weight: float, phi: float) -> Denoise:
    def guided(x: Tensor, sigma: float) -> Tensor:
        wanted, found = conditional(x, sigma), classifier_free(conditional, unconditional, weight)(x, sigma)
        ratio = wanted.var(1, keepdim=True) / found.var(1, keepdim=True)
        return found * (1 - phi + phi * ratio)

    return guided


def over_the_batch(conditional: Denoise, unconditional: Denoise, weight: float, phi: float) -> Denoise:
    def guided(x: Tensor, sigma: float) -> Tensor:
        wanted, found = conditional(x, sigma), classifier_free(conditional, unconditional, weight)(x, sigma)
        return found * (1 - phi + phi * wanted.std() / found.std())

    return guided


def on_the_noise(conditional: Denoise, unconditional: Denoise, weight: float, phi: float) -> Denoise:
    """The rule applied to the predicted noises (x - D)/sigma."""

    def noise(denoise: Denoise) -> Denoise:
        return lambda x, sigma: (x - denoise(x, sigma)) / sigma

    guided = rescaled(noise(conditional), noise(unconditional), weight, phi)
    return lambda x, sigma: x - sigma * guided(x, sigma)


def weight_one(conditional: Denoise, unconditional: Denoise, weight: float, phi: float) -> Denoise:
    return rescaled(conditional, unconditional, 1.0, phi)


@dataclass(frozen=True)
class Rescaling:
    """A rule, and the weight whose mean square it has before rescaling."""

    rule: Rule = rescaled
    weight: float = WEIGHT


@experiment(
    name="guide-rescale",
    title={
        "en": "Rescaling restores the spread of every sample",
        "zh": "重新缩放恢复每个样本的离散程度",
    },
    claims=("guide.rescale",),
    prediction={
        "en": "At weight 7.5 guidance multiplies the mean square of the predicted entries by 24.2; rescaled with "
        "φ = 1, every sample has the deviation of its conditional prediction, with φ = 0.7 the blend of both.",
        "zh": "强度为 7.5 时，引导使预测各分量的均方变为 24.2 倍；取 φ = 1 缩放后，"
        "每个样本的标准差都等于其条件预测的标准差，取 φ = 0.7 时为二者的加权。",
    },
)
class Rescale(Experiment):
    subject = Rescaling()
    wrong = {
        "variance-ratio": Wrong(
            {"en": "the ratio of variances", "zh": "用方差之比"},
            Rescaling(variance_ratio),
            "restored",
        ),
        "batch": Wrong(
            {"en": "deviations over the whole batch", "zh": "在整批样本上求标准差"},
            Rescaling(over_the_batch),
            "restored",
        ),
        "noise": Wrong(
            {"en": "the predicted noise rescaled as if it were the clean point", "zh": "把噪声预测当作干净点来缩放"},
            Rescaling(on_the_noise),
            "restored",
        ),
        "no-inflation": Wrong(
            {"en": "guidance said to leave the spread alone", "zh": "以为引导不改变离散程度"},
            Rescaling(weight_one, 1.0),
            "inflation",
        ),
    }

    @property
    def law(self) -> NoncentralSquare:
        return NoncentralSquare(ROWS * ENTRIES, FALSE_ALARM)

    def predict(self) -> dict[str, Prediction]:
        near = Span(-MARGIN, MARGIN)
        blind = exact_blind(near, self._rounding)
        value = self.expect(self.subject)["inflation"]
        margin = Span(value * (1 - INFLATION_MARGIN), value * (1 + INFLATION_MARGIN))
        return {
            "restored": Prediction(
                {
                    "en": "largest relative change of a sample's deviation, φ = 1",
                    "zh": "样本标准差的最大相对变化，φ = 1",
                },
                0.0, near, blind, 0.0, "arithmetic",
            ),
            "blend": Prediction(
                {
                    "en": "largest relative distance of a sample's deviation from the blend, φ = 0.7",
                    "zh": "样本标准差与加权值的最大相对差，φ = 0.7",
                },
                0.0, near, blind, 0.0, "arithmetic",
            ),
            "inflation": Prediction(
                {
                    "en": "mean square of the guided prediction over that of the conditional one",
                    "zh": "引导后预测的均方与条件预测的均方之比",
                },
                value, margin, self.law.blind(margin), FALSE_ALARM, "noncentral chi-square interval",
            ),
        }  # fmt: skip

    def expect(self, subject: Rescaling) -> dict[str, float]:
        found = {"inflation": mean_square(subject.weight) / mean_square(1.0)}
        return found | ({"restored": 0.0, "blend": 0.0} if subject == self.subject else {})

    @property
    def _rounding(self) -> float:
        return 100 * self.setting.rounding

    @cached_property
    def _patterns(self) -> Tensor:
        """(ROWS, ENTRIES): one wave of mean 0 and mean square 1, at each contrast in turn."""
        wave = self.setting.tensor([math.sqrt(2) * math.cos(2 * math.pi * 3 * i / ENTRIES) for i in range(ENTRIES)])
        return self.setting.tensor(CONTRASTS).repeat(ROWS // len(CONTRASTS))[:, None] * wave

    @cached_property
    def _point(self) -> Tensor:
        noise = self.setting.latents.normal("rescale", ROWS, ENTRIES)
        return self._patterns + math.hypot(DEVIATION, SIGMA) * noise

    def _conditional(self, x: Tensor, sigma: float) -> Tensor:
        """Of a batch with one label, hence one pattern, a row."""
        return torch.lerp(self._patterns, x, DEVIATION**2 / (DEVIATION**2 + sigma**2))

    @staticmethod
    def _unconditional(x: Tensor, sigma: float) -> Tensor:
        return x * (SPREAD**2 / (SPREAD**2 + sigma**2))

    def _deviations(self, rule: Rule, phi: float) -> Tensor:
        guided = rule(self._conditional, self._unconditional, WEIGHT, phi)
        return guided(self._point, SIGMA).double().std(1)

    def measure(self, subject: Rescaling) -> Measurement:
        wanted = self._conditional(self._point, SIGMA).double().std(1)
        plain = self._deviations(subject.rule, 0.0)
        full, blended = self._deviations(subject.rule, 1.0), self._deviations(subject.rule, PHI)
        blend = PHI * wanted + (1 - PHI) * plain
        guided = subject.rule(self._conditional, self._unconditional, WEIGHT, 0.0)(self._point, SIGMA)
        square = self.law.interval(float(guided.double().square().mean()))
        base = mean_square(1.0)
        intervals = {
            "restored": exact(float((full / wanted - 1).abs().max()), self._rounding),
            "blend": exact(float((blended / blend - 1).abs().max()), self._rounding),
            "inflation": Interval(square.low / base, square.high / base, square.estimate / base),
        }
        shown = [values[: len(CONTRASTS)].tolist() for values in (plain, full, blended)]
        return Measurement(intervals, {"plain": shown[0], "full": shown[1], "blended": shown[2]})

    def picture(self, measurements: dict[str, Measurement]) -> Picture:
        traces = measurements[""].traces
        contrasts = list(CONTRASTS)
        shown: list[tuple[Text, list[float]]] = [
            ({"en": "guided, weight 7.5", "zh": "引导后，强度 7.5"}, traces["plain"]),
            ({"en": "rescaled, φ = 0.7", "zh": "缩放，φ = 0.7"}, traces["blended"]),
            ({"en": "rescaled, φ = 1", "zh": "缩放，φ = 1"}, traces["full"]),
            ({"en": "deviation over the batch", "zh": "整批求标准差"}, measurements["batch"].traces["full"]),
        ]
        return Picture(
            title={"en": "Spread of the entries of one sample", "zh": "单个样本各分量的标准差"},
            description={
                "en": "Standard deviation of the predicted entries against the contrast of the pattern. At contrast "
                f"{contrasts[0]:g} guidance gives {traces['plain'][0]:.2f}; rescaled it is {traces['full'][0]:.2f}, as "
                f"without guidance, and {measurements['batch'].traces['full'][0]:.2f} with a deviation over the batch.",
                "zh": f"预测各分量的标准差随图案对比度的变化。对比度为 {contrasts[0]:g} 时，引导后为 "
                f"{traces['plain'][0]:.2f}，缩放后为 {traces['full'][0]:.2f}，与不引导时相同；"
                f"若在整批上求标准差，则为 {measurements['batch'].traces['full'][0]:.2f}。",
            },
            x_title={"en": "contrast of the pattern", "zh": "图案的对比度"},
            y_title={"en": "standard deviation", "zh": "标准差"},
            series=[Series(title, contrasts, values, "marked", tone=k) for k, (title, values) in enumerate(shown)],
        )

    def summary(self, measurement: Measurement) -> Text:
        found = {name: interval.estimate for name, interval in measurement.intervals.items()}
        return {
            "en": f"Guidance multiplies the mean square by {found['inflation']:.3f}; after rescaling no sample's "
            f"deviation is off by more than {found['restored']:.0e} of itself.",
            "zh": f"引导使均方变为 {found['inflation']:.3f} 倍；缩放之后，"
            f"各样本标准差的相对误差都不超过 {found['restored']:.0e}。",
        }
