"""Records: what an experiment found, as small committed JSON with a figure beside it. No torch is imported.

A record lies at records/<topic>/<name>.<device>.<dtype>.json; its figures, one a language, share that stem. Files are
written beside their place and moved there, so that a killed run leaves the old record whole.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from verify.files import write_atomically
from verify.sources import Seen, source_hashes

SCHEMA = 3
LOCAL = Path(".verify") / "records"  # made on this machine by `verify run`
VERDICTS = ("confirmed", "refuted", "inconclusive")
DEVICES = ("cpu", "cuda")  # where experiments run; each should have a record from both
_KINDS: dict[str, type | tuple[type, ...]] = {"str": str, "int": int, "float": (int, float), "dict": dict, "list": list}
COMMITTED = Path("records")  # made with --record, kept in the repository


def _number(value: Any) -> bool:
    """As `plain` writes it."""
    return (isinstance(value, float | int) and not isinstance(value, bool)) or value in ("nan", "inf", "-inf")


def _ends(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_number, value))


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _texts(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_text, value.values()))


def _names(value: Any) -> bool:
    return isinstance(value, list) and all(map(_text, value))


def _verdict(value: Any) -> bool:
    return value in VERDICTS


_NUMBERS = {"estimate": _number, "low": _number, "high": _number}
_PARTS: dict[str, dict[str, Callable[[Any], bool]]] = {
    "checks": _NUMBERS | {
        "name": _text, "title": _texts, "predicted": _number, "margin": _ends, "sees": _ends, "false_alarm": _number,
        "method": _text, "kind": _text, "rounding": _number, "verdict": _verdict, "refuses": _names,
    },
    "variants": _NUMBERS | {
        "name": _text, "title": _texts, "source": _text, "verdict": _verdict, "check": _text,
        "rejected": lambda value: isinstance(value, bool), "expected": lambda value: value is None or _number(value),
        "miss": lambda value: value is None or _number(value),
    },
}  # fmt: skip


class RecordError(ValueError):
    """A file that should hold a record does not; the message names the file."""


def plain(value: float) -> float | str:
    """A number JSON can hold: NaN and infinities become 'nan', 'inf', '-inf'."""
    return value if math.isfinite(value) else str(value)


@dataclass(frozen=True)
class Record:
    """One run of one experiment on one device.

    verdict      confirmed, refuted or inconclusive; `reason` says why when it is not confirmed
    checks       per prediction: name, title, predicted, margin, estimate, low, high, verdict, method, false_alarm,
                 sees (values at or beyond these two are refuted with probability at least 1 - miss), kind and
                 rounding (how two records of it are compared, see `compare`): `exact` numbers are equal on every
                 device, `arithmetic` and `sampled` ones differ by rounding only; the interval of an `order` rests on
                 an assumption and no error rate covers it; refuses: the wrong versions that this check refuted
    variants     per wrong version: name, title, source, the check that must refute it with its verdict, rejected,
                 expected (by theory, null where no formula says), estimate, low, high, and miss: the probability
                 that it would have passed (0 for arithmetic, null where theory promises nothing)
    false_alarm  bound on the probability that a right version fails any check
    sources      hash of every module that produced the numbers
    figure       file name by language
    caption      what the figure shows, by language
    """

    name: str
    topic: str
    module: str
    title: dict[str, str]
    claims: list[str]
    prediction: dict[str, str]
    summary: dict[str, str]
    verdict: str
    reason: str
    checks: list[dict[str, Any]]
    variants: list[dict[str, Any]]
    false_alarm: float
    miss: float
    device: str
    device_name: str
    dtype: str
    seed: int
    versions: dict[str, str]
    sources: dict[str, str]
    seconds: float
    date: str
    figure: dict[str, str]
    caption: dict[str, str]
    schema: int = SCHEMA

    def to_json(self) -> str:
        """Indented JSON, UTF-8, sorted as declared; never NaN."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1, allow_nan=False) + "\n"

    @property
    def stem(self) -> str:
        """File name without ending."""
        return f"{self.name}.{self.device}.{self.dtype}"

    def stale(self, seen: Seen | None = None) -> list[str]:
        """Modules that changed, came or went since this record was made; empty when it is fresh.

        Records looked at together share what they have `seen` of the sources.
        """
        now = source_hashes(self.module, seen)
        return sorted(m for m in now.keys() | self.sources.keys() if now.get(m) != self.sources.get(m))

    def contradictions(self) -> list[str]:
        """Where the verdicts do not follow from the numbers beside them; empty when they do.

        A record is a text file: a verdict changed by hand, or a number, no longer fits the rest.
        """
        found, margins = [], {check["name"]: check["margin"] for check in self.checks}
        for check in self.checks:
            follows = _follows(check, check["margin"])
            if check["verdict"] != follows:
                found.append(f"the check {check['name']} is called {check['verdict']}, but its numbers say {follows}")
        for variant in self.variants:
            margin = margins.get(variant["check"])
            follows = "unknown" if margin is None else _follows(variant, margin)
            if variant["verdict"] != follows or variant["rejected"] != (follows == "refuted"):
                found.append(f"the variant {variant['name']} is called {variant['verdict']}, its numbers say {follows}")
        refusing = {(name, check["name"]) for check in self.checks for name in check["refuses"]}
        for variant in self.variants:
            if variant["rejected"] != ((variant["name"], variant["check"]) in refusing):
                found.append(f"the check {variant['check']} and the variant {variant['name']} contradict each other")
        verdicts = {check["verdict"] for check in self.checks}
        alone = "refuted" if "refuted" in verdicts else "confirmed" if verdicts == {"confirmed"} else "inconclusive"
        passed = alone == "confirmed" and not all(variant["rejected"] for variant in self.variants)
        follows = "inconclusive" if passed else alone
        if self.verdict != follows:
            found.append(f"the verdict is {self.verdict}, but the checks and variants say {follows}")
        return found

    def write(self, root: Path, figures: dict[str, str]) -> Path:
        """Writes the figures (SVG by language) and then the record below `root`; gives the record's path."""
        folder = root / self.topic
        folder.mkdir(parents=True, exist_ok=True)
        for language, svg in figures.items():
            write_atomically(folder / self.figure[language], svg)
        path = folder / f"{self.stem}.json"
        write_atomically(path, self.to_json())
        return path


def _follows(numbers: dict[str, Any], margin: list[float | str]) -> str:
    """The verdict of low, high and estimate, as `statistics.verdict` gives it."""
    low, high, estimate, least, most = (
        float(v) for v in (numbers["low"], numbers["high"], numbers["estimate"], *margin)
    )
    if not low <= high or not math.isfinite(estimate) or high < least or most < low:
        return "refuted"
    return "confirmed" if least <= low and high <= most else "inconclusive"


def read_record(path: Path) -> Record:
    """One record; RecordError for anything else."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise RecordError(f"{path}: cannot be read as a record ({error})") from error
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise RecordError(f"{path}: not a record of schema {SCHEMA}; run its experiment again")
    names = {f.name for f in fields(Record)}
    if data.keys() != names:
        raise RecordError(f"{path}: wrong fields: {', '.join(sorted(data.keys() ^ names))}")
    wrong = [f.name for f in fields(Record) if not isinstance(data[f.name], _KINDS[str(f.type).split("[")[0]])]
    if wrong or data["verdict"] not in VERDICTS:
        raise RecordError(f"{path}: holds no {(wrong or ['verdict'])[0]} of the right kind; run its experiment again")
    for name, shape in _PARTS.items():
        for number, part in enumerate(data[name], 1):
            if odd := _odd(part, shape):
                raise RecordError(f"{path}: number {number} of its {name} holds no {odd}; run its experiment again")
    return Record(**data)


def _odd(part: Any, shape: dict[str, Callable[[Any], bool]]) -> str:
    """The first field that is missing or of another kind; empty when there is none."""
    if not isinstance(part, dict):
        return "fields"
    return next((name for name, fits in shape.items() if name not in part or not fits(part[name])), "")


def load_records(root: Path) -> tuple[list[Record], list[str]]:
    """All records below `root` in the order of their paths, and one sentence for each file that holds none.

    A record under another name than its own counts as none: its figures and its address could not be found.
    """
    records, problems = [], []
    for path in sorted(root.glob("*/*.json")):
        try:
            record = read_record(path)
        except RecordError as error:
            problems.append(str(error))
            continue
        if path != root / record.topic / f"{record.stem}.json":
            problems.append(f"{path}: holds the record {record.topic}/{record.stem}.json; give it that name")
            continue
        records.append(record)
    return records, problems
