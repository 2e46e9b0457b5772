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
from verify.experiments.statistics import CONFIRMED, INCONCLUSIVE, REFUTED, Interval, Span, verdict

Text = dict[str, str]  # by language: "en" and "zh"


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
    """

    title: Text
    value: float
    margin: Span
    blind: Span
    false_alarm: float
    method: str


@dataclass(frozen=True)
class Wrong:
    """A wrong version that people write. The named check must refute it, so that it falls for the right reason."""

    title: Text
    subject: Any
    check: str
    source: str = ""


@dataclass(frozen=True)
class Series:
    """One curve of a figure, drawn as a `line`, as `points` (with vertical intervals if given) or `marked` with both.

    Equal tones share colour, dash and marker.
    """

    title: Text
    x: list[float]
    y: list[float]
    style: str = "line"
    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)
    tone: int | None = None


@dataclass(frozen=True)
class Picture:
    """A figure as data; `figure.py` draws it."""

    title: Text
    description: Text
    x_title: Text
    y_title: Text
    series: list[Series]
    x_log: bool = False
    y_log: bool = False


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
    def picture(self, measurements: dict[str, Measurement]) -> Picture:
        """The figure; measurements by variant name, the right version under ''."""

    @abstractmethod
    def summary(self, measurement: Measurement) -> Text:
        """One or two sentences that state the figures measured on the right version."""


def experiment(
    *, name: str, title: Text, claims: tuple[str, ...], prediction: Text
) -> Callable[[type[Experiment]], type[Experiment]]:
    """Declares an experiment. All arguments are literals: the catalogue reads them without running the module.

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
        cls.name, cls.title, cls.claims, cls.prediction = name, title, claims, prediction
        return cls

    return declare


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
