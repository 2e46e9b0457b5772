"""Two records of one experiment, check by check: do two devices, or two dtypes, find the same numbers?

Latents are counter-based, so both runs drew the same samples and their estimates may differ by rounding only: this
sees a fault of one device some million times sooner than a comparison of two independent runs would. Each check keeps
its kind. An `exact` number must be equal. A `sampled` one may differ by the rounding of both runs. An `arithmetic` one
or an `order` may also differ by the widths of its intervals, which already say how well the number itself is known.
Both runs must have predicted the same. No torch is imported.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from verify.experiments.records import Record


class OtherQuestion(ValueError):
    """Two records that do not answer the same question; the message says which part differs."""


@dataclass(frozen=True)
class Compared:
    """One check side by side. `agree` needs numbers within the tolerance and one verdict."""

    name: str
    kind: str
    first: float | str
    second: float | str
    verdicts: tuple[str, str]
    difference: float | None
    tolerance: float
    agree: bool


@dataclass(frozen=True)
class Comparison:
    """All checks, and the wrong variants that only one of the two runs rejected."""

    checks: list[Compared]
    variants: list[str]

    @property
    def agree(self) -> bool:
        return all(check.agree for check in self.checks) and not self.variants


def compare(first: Record, second: Record) -> Comparison:
    """Compares two records. OtherQuestion when name, seed, code, predictions or wrong variants differ."""
    _same_question(first, second)
    rejected = [{v["name"] for v in record.variants if v["rejected"]} for record in (first, second)]
    return Comparison(
        [_compared(one, other) for one, other in zip(first.checks, second.checks, strict=True)],
        sorted(rejected[0] ^ rejected[1]),
    )


def _same_question(first: Record, second: Record) -> None:
    if first.name != second.name:
        raise OtherQuestion(f"these are two experiments: {first.name} and {second.name}")
    if first.seed != second.seed:
        raise OtherQuestion(f"the seeds differ ({first.seed} and {second.seed}), so other latents were drawn")
    modules = first.sources.keys() | second.sources.keys()
    changed = sorted(m for m in modules if first.sources.get(m) != second.sources.get(m))
    if changed:
        raise OtherQuestion(f"the code differs ({', '.join(changed)}); run the older one again")
    for what in ("checks", "variants"):
        names = [[part["name"] for part in getattr(record, what)] for record in (first, second)]
        if names[0] != names[1]:
            raise OtherQuestion(f"the {what} differ: {', '.join(sorted(set(names[0]) ^ set(names[1])))}")
    for one, other in zip(first.checks, second.checks, strict=True):
        _same_prediction(one, other, first.dtype == second.dtype)


def _same_prediction(one: dict[str, Any], other: dict[str, Any], same_dtype: bool) -> None:
    """A prediction comes from formulas and differs by rounding only; a margin may be a multiple of the dtype's."""
    room = one["rounding"] + other["rounding"]
    parts = {"prediction": ([one["predicted"]], [other["predicted"]]), "kind": ([one["kind"]], [other["kind"]])}
    if same_dtype:
        parts["margin"] = (one["margin"], other["margin"])
    for what, (mine, theirs) in parts.items():
        if not all(_close(a, b, room) for a, b in zip(mine, theirs, strict=True)):
            shown = " and ".join(", ".join(str(number) for number in numbers) for numbers in (mine, theirs))
            raise OtherQuestion(f"the {what} of the check {one['name']} differs: {shown}; run the older one again")


def _close(one: float | str, other: float | str, room: float) -> bool:
    """Texts (nan, infinities, a kind) must be equal."""
    return one == other if isinstance(one, str) or isinstance(other, str) else abs(one - other) <= room


def _compared(one: dict[str, Any], other: dict[str, Any]) -> Compared:
    tolerance = one["rounding"] + other["rounding"]
    if one["kind"] in ("arithmetic", "order"):
        tolerance += _half_width(one) + _half_width(other)
    first, second = one["estimate"], other["estimate"]
    difference = None if isinstance(first, str) or isinstance(second, str) else second - first
    verdicts = (one["verdict"], other["verdict"])
    agree = _close(first, second, tolerance) and verdicts[0] == verdicts[1]
    return Compared(one["name"], one["kind"], first, second, verdicts, difference, tolerance, agree)


def _half_width(check: dict[str, Any]) -> float:
    """Of a check's interval; nothing where an end is infinite or NaN."""
    ends = check["low"], check["high"]
    return 0.0 if any(isinstance(end, str) for end in ends) else (ends[1] - ends[0]) / 2
