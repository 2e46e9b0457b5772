"""What an experiment is: a prediction stated first, a measurement, wrong variants that must be rejected.

A subclass names its subject (the right version of the thing under test) and its wrong variants, and writes

    predict()          from formulas alone: every number, its margin, and what the test is blind to
    expect(subject)    from formulas alone: the same numbers for any subject, right or wrong, where known
    measure(subject)   the numbers, as intervals, from running the subject

`judge` compares. The same measurement runs on the right version and on each wrong one, with the same latents.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor

from verify.experiments.latents import Latents
from verify.experiments.picture import Density, Guide, Panel, Picture, Series, Sheet, Text, Traces, slope
from verify.experiments.statistics import CONFIRMED, INCONCLUSIVE, MISS, REFUTED, Interval, Span, verdict

__all__ = [
    "Check",
    "Density",
    "Experiment",
    "Guide",
    "Measurement",
    "Panel",
    "Picture",
    "Powerless",
    "Prediction",
    "Series",
    "Setting",
    "Sheet",
    "Text",
    "Traces",
    "Wrong",
    "experiment",
    "expected_of_wrong",
    "judge",
    "overall",
    "seen",
    "slope",
]

ROUNDINGS = 100  # five experiments differ between float64 and float32 by at most 2


class Powerless(ValueError):
    """An experiment that could not tell a wrong variant from the right version; the message says which and why."""


@dataclass(frozen=True)
class Setting:
    """Where and how an experiment runs."""

    device: str = "cpu"
    dtype: torch.dtype = torch.float64
    seed: int = 0

    @property
    def latents(self) -> Latents:
        return Latents(self.seed, self.device, self.dtype)

    @property
    def rounding(self) -> float:
        """Unit roundoff of the dtype."""
        return torch.finfo(self.dtype).eps

    def tensor(self, values: Any) -> Tensor:
        """Values as a tensor of this setting."""
        return torch.as_tensor(values, dtype=self.dtype, device=self.device)


@dataclass(frozen=True)
class Prediction:
    """One number, stated before anything runs.

    margin       the estimand counts as confirmed only with its whole interval in here
    blind        values that the test may miss; anything outside is refuted with probability at least 1 - MISS
    false_alarm  probability that a right version's interval misses the truth; 0 where nothing is sampled
    counted      a whole number that is the same on every device (calls of a denoiser)
    order        an order of convergence: its interval rests on an assumption, see `order_interval`
    unit         size of the numbers that are averaged or subtracted to give the estimate. Two devices see the same
                 latents, so their estimates may differ by `ROUNDINGS` roundings of it and no more; set it where the
                 numbers are far from the larger of 1 and the prediction
    """

    title: Text
    value: float
    margin: Span
    blind: Span
    false_alarm: float
    method: str
    counted: bool = False
    unit: float | None = None
    order: bool = False

    @property
    def kind(self) -> str:
        """`exact`, `sampled`, `order` or `arithmetic`: how two runs of it are compared, and what its interval says."""
        if self.counted:
            return "exact"
        return "sampled" if self.false_alarm > 0 else "order" if self.order else "arithmetic"

    def tolerance(self, rounding: float) -> float:
        """How far rounding may move the estimate; `rounding` is the dtype's unit roundoff."""
        return 0.0 if self.counted else ROUNDINGS * rounding * (self.unit or max(1.0, abs(self.value)))


@dataclass(frozen=True)
class Wrong:
    """A wrong version that people write. The named check must refute it, so that it falls for the right reason."""

    title: Text
    subject: Any
    check: str
    source: str = ""


@dataclass(frozen=True)
class Measurement:
    """Intervals by prediction name, and whatever the figure needs."""

    intervals: dict[str, Interval]
    traces: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Check:
    """One prediction beside one interval."""

    name: str
    interval: Interval
    verdict: str


class Experiment(ABC):
    """Base of all experiments; `@experiment` fills in the class variables."""

    name: ClassVar[str]
    title: ClassVar[Text]
    claims: ClassVar[tuple[str, ...]]
    prediction: ClassVar[Text]
    quick: ClassVar[bool]
    wrong: ClassVar[dict[str, Wrong]]
    subject: ClassVar[Any]

    def __init__(self, setting: Setting) -> None:
        self.setting = setting

    @abstractmethod
    def predict(self) -> dict[str, Prediction]:
        """The predictions by name. Runs before any measurement."""

    @abstractmethod
    def expect(self, subject: Any) -> dict[str, float]:
        """What theory gives for `subject`, right or wrong; names without a formula are left out."""

    @abstractmethod
    def measure(self, subject: Any) -> Measurement:
        """Runs `subject`; one interval for every prediction."""

    @abstractmethod
    def picture(self, measurements: dict[str, Measurement]) -> Picture | Sheet:
        """The figure; measurements by variant name, the right version under ''."""

    @abstractmethod
    def summary(self, measurement: Measurement) -> Text:
        """One or two sentences that state the figures measured on the right version."""


def experiment(
    *, name: str, title: Text, claims: tuple[str, ...], prediction: Text, quick: bool = True
) -> Callable[[type[Experiment]], type[Experiment]]:
    """Declares an experiment. All arguments are literals: the catalogue reads them without running the module.

    `quick` ones run whenever all is verified; the others, of more than some seconds, only when asked for by name.
    Raises TypeError for an experiment without claims, without a text in either language, or without wrong variants:
    a check that nothing can fail shows nothing.
    """

    def declare(cls: type[Experiment]) -> type[Experiment]:
        for text in (title, prediction, *(variant.title for variant in getattr(cls, "wrong", {}).values())):
            if not (text.get("en") and text.get("zh")):
                raise TypeError(f"{name}: every text needs 'en' and 'zh'")
        if not claims:
            raise TypeError(f"{name}: an experiment judges at least one claim")
        if not getattr(cls, "wrong", {}):
            raise TypeError(f"{name}: an experiment without wrong variants shows nothing")
        cls.name, cls.title, cls.claims, cls.prediction, cls.quick = name, title, claims, prediction, quick
        return cls

    return declare


def expected_of_wrong(running: Experiment, predictions: dict[str, Prediction]) -> dict[str, float | None]:
    """What theory gives for each wrong variant's check, None where it gives nothing. Measures nothing.

    Powerless when a variant names a check that does not exist, or one that theory says would not refute it with
    probability at least 1 - MISS: a pass of such an experiment would mean little.
    """
    found = {}
    for key, wrong in running.wrong.items():
        if wrong.check not in predictions:
            raise Powerless(
                f"{running.name}: the wrong variant {key} names the check {wrong.check}, which is not predicted; "
                f"there are: {', '.join(predictions)}"
            )
        value = running.expect(wrong.subject).get(wrong.check)
        prediction = predictions[wrong.check]
        if value is not None and not seen(prediction, value):
            raise Powerless(
                f"{running.name}: the wrong variant {key} gives {value:.6g} in the check {wrong.check}, which is sure "
                f"(to {1 - MISS:g}) to refute only what is below {prediction.blind.low:.6g} or above "
                f"{prediction.blind.high:.6g}; take more samples, or name a check that sees it"
            )
        found[key] = value
    return found


def judge(predictions: dict[str, Prediction], measurement: Measurement) -> list[Check]:
    """Every prediction against its interval, in the order predicted; names must match exactly."""
    if predictions.keys() != measurement.intervals.keys():
        odd = sorted(predictions.keys() ^ measurement.intervals.keys())
        raise ValueError(f"predicted and measured names differ: {', '.join(odd)}")
    return [
        Check(name, measurement.intervals[name], verdict(measurement.intervals[name], prediction.margin))
        for name, prediction in predictions.items()
    ]


def overall(checks: list[Check]) -> str:
    """refuted if any check is, confirmed if all are, inconclusive otherwise."""
    verdicts = [check.verdict for check in checks]
    if REFUTED in verdicts:
        return REFUTED
    return CONFIRMED if all(v == CONFIRMED for v in verdicts) else INCONCLUSIVE


def seen(prediction: Prediction, value: float) -> bool:
    """Whether theory promises that this value is refuted, up to MISS."""
    return math.isnan(value) or not prediction.blind.low <= value <= prediction.blind.high
