"""Verdicts as plain data: what a route found about a step, a mistake or a claim."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

PROVED = "proved"  # exact normal form, dimensions named
SUPPORTED = "supported"  # numbers agree: digits, points, smallest deviation that would show
REFUTED = "refuted"  # a point inside the declared domain with a rigorous enclosure, or a failed experiment
UNDECIDED = "undecided"  # neither; the reason is stated
ASSUMED = "assumed"  # cited, not checked
VACUOUS = "vacuous"  # declarations nothing satisfies, or a wrong mutant passed
VERDICTS = (PROVED, SUPPORTED, ASSUMED, UNDECIDED, VACUOUS, REFUTED)  # from best to worst


@dataclass
class StepVerdict:
    """One step (or one mistake) judged by one route.

    method       in words: `normal form, every d`, `normal form, d = 1, 2, 3`, `interval enclosure`
    dimensions   `any`, `scalar`, or `1, 2, 3`
    certificate  for a proof: generators, relations, side conditions (lists of strings)
    witness      for a refutation: `point` {name: exact value as text}, `left`, `right`,
                 `difference` (an interval as text)
    why          for undecided: one sentence, what was missing
    hint         a repair that was itself proved, in one sentence
    """

    verdict: str
    method: str = ""
    dimensions: str = ""
    certificate: dict[str, list[str]] = field(default_factory=dict)
    witness: dict[str, Any] = field(default_factory=dict)
    why: str = ""
    hint: str = ""
    seconds: float = 0.0


def worst(verdicts: list[str]) -> str:
    """The weakest of several verdicts; `undecided` for none."""
    return max(verdicts, key=VERDICTS.index) if verdicts else UNDECIDED
