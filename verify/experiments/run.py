"""Runs one experiment: predict, measure the right version and every wrong one, judge, make the record."""

from __future__ import annotations

import importlib
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from verify.experiments.experiment import (
    Check,
    Experiment,
    Measurement,
    Prediction,
    Setting,
    expected_of_wrong,
    judge,
    overall,
)
from verify.experiments.figure import draw
from verify.experiments.records import DEVICES, Record, plain
from verify.experiments.registry import Entry, find
from verify.experiments.statistics import CONFIRMED, INCONCLUSIVE, MISS, REFUTED
from verify.sources import source_hashes

DTYPES = {"float64": torch.float64, "float32": torch.float32}
LANGUAGES = ("en", "zh")
Progress = Callable[[int, int, str], None]


class SettingError(ValueError):
    """A device or dtype that does not exist here; the message lists what does."""


@dataclass(frozen=True)
class Outcome:
    """A record with its figures, not yet written."""

    record: Record
    figures: dict[str, str]

    def write(self, root: Path) -> Path:
        """Writes both below `root`; gives the record's path."""
        return self.record.write(root, self.figures)


def load(entry: Entry) -> type[Experiment]:
    """The experiment's class; this is where torch code of a topic is first imported."""
    module = importlib.import_module(entry.module)
    classes = [v for v in vars(module).values() if isinstance(v, type) and getattr(v, "name", None) == entry.name]
    return classes[0]


def make_setting(device: str, dtype: str, seed: int) -> Setting:
    """Checks what the command line gave. SettingError for an unknown dtype, an unknown or absent device, a bad seed."""
    if device not in DEVICES:
        raise SettingError(f"no device is named {device!r}; there is: {', '.join(DEVICES)}")
    if device == "cuda" and not torch.cuda.is_available():
        built = f"CUDA {torch.version.cuda}" if torch.version.cuda else "the CPU only"
        raise SettingError(
            f"CUDA was asked for, but torch {torch.__version__}, built for {built}, finds no CUDA device here; "
            "run with --device cpu"
        )
    if dtype not in DTYPES:
        raise SettingError(f"dtype {dtype!r} is not supported; there is: {', '.join(DTYPES)}")
    if not 0 <= seed < 2**64:
        raise SettingError(f"a seed is a whole number from 0 to 2^64 - 1, not {seed}")
    return Setting(device, DTYPES[dtype], seed)


def run_experiment(
    name: str, device: str = "cpu", dtype: str = "float64", seed: int = 0, progress: Progress | None = None
) -> Record:
    """The record of one run. `progress(done, total, what)` is called before each variant and at the end."""
    return perform(name, device, dtype, seed, progress).record


def perform(
    name: str, device: str = "cpu", dtype: str = "float64", seed: int = 0, progress: Progress | None = None
) -> Outcome:
    """As `run_experiment`, with the figures. A failed check is never retried: the verdict is the first one."""
    entry = find(name)
    setting = make_setting(device, dtype, seed)
    started = time.perf_counter()
    with torch.no_grad(), _full_precision():
        running = load(entry)(setting)
        predictions = running.predict()  # stated before anything is measured
        expected = expected_of_wrong(running, predictions)
        measurements = _measure_all(running, progress or (lambda done, total, what: None))
        checks = {variant: judge(predictions, measured) for variant, measured in measurements.items()}
        variants = [_variant(running, key, predictions, checks[key], expected[key]) for key in running.wrong]
        result, reason = _verdict(checks[""], variants)
        stem = f"{name}.{device}.{dtype}"
        picture = running.picture(measurements)
        record = Record(
            name=name,
            topic=entry.topic,
            module=entry.module,
            title=entry.title,
            claims=list(entry.claims),
            prediction=entry.prediction,
            summary=running.summary(measurements[""]),
            verdict=result,
            reason=reason,
            checks=[
                _check(predictions[check.name], check, setting)
                | {"refuses": [key for key in running.wrong if checks[key][place].verdict == REFUTED]}
                for place, check in enumerate(checks[""])
            ],
            variants=variants,
            false_alarm=sum(p.false_alarm for p in predictions.values()),
            miss=MISS,
            device=device,
            device_name=torch.cuda.get_device_name() if device == "cuda" else platform.machine(),
            dtype=dtype,
            seed=seed,
            versions={"python": platform.python_version(), "torch": torch.__version__},
            sources=source_hashes(entry.module),
            seconds=round(time.perf_counter() - started, 3),
            date=datetime.now(UTC).strftime("%Y-%m-%d"),
            figure={language: f"{stem}.{language}.svg" for language in LANGUAGES},
            caption=picture.description,
        )
    return Outcome(record, {language: draw(picture, language, stem) for language in LANGUAGES})


class _full_precision:
    """Products and convolutions of float32 numbers in float32: TF32 would make theory look approximate."""

    def __enter__(self) -> None:
        self.before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
        torch.set_float32_matmul_precision("highest")
        torch.backends.cudnn.allow_tf32 = False

    def __exit__(self, *_: object) -> None:
        torch.set_float32_matmul_precision(self.before[0])
        torch.backends.cudnn.allow_tf32 = self.before[1]


def _measure_all(running: Experiment, progress: Progress) -> dict[str, Measurement]:
    subjects = {"": running.subject} | {key: wrong.subject for key, wrong in running.wrong.items()}
    measurements = {}
    for done, (key, subject) in enumerate(subjects.items()):
        progress(done, len(subjects), key or "right version")
        measurements[key] = running.measure(subject)
    progress(len(subjects), len(subjects), "done")
    return measurements


def _check(prediction: Prediction, check: Check, setting: Setting) -> dict[str, Any]:
    return {
        "name": check.name,
        "title": prediction.title,
        "predicted": prediction.value,
        "margin": [plain(prediction.margin.low), plain(prediction.margin.high)],
        "sees": [plain(prediction.blind.low), plain(prediction.blind.high)],
        "false_alarm": prediction.false_alarm,
        "method": prediction.method,
        "kind": prediction.kind,
        "rounding": prediction.tolerance(setting.rounding),
        "verdict": check.verdict,
    } | _numbers(check)


def _numbers(check: Check) -> dict[str, Any]:
    return {key: plain(getattr(check.interval, key)) for key in ("estimate", "low", "high")}


def _variant(
    running: Experiment, key: str, predictions: dict[str, Prediction], checks: list[Check], expected: float | None
) -> dict[str, Any]:
    """`miss` is what theory promises: nothing where it gives no number for a sampled check, see `expected_of_wrong`."""
    wrong = running.wrong[key]
    check = next(check for check in checks if check.name == wrong.check)
    sampled = predictions[wrong.check].false_alarm > 0
    return {
        "name": key,
        "title": wrong.title,
        "source": wrong.source,
        "verdict": check.verdict,
        "rejected": check.verdict == REFUTED,
        "check": wrong.check,
        "expected": None if expected is None else plain(expected),
        "miss": (None if expected is None else MISS) if sampled else 0.0,
    } | _numbers(check)


def _verdict(checks: list[Check], variants: list[dict[str, Any]]) -> tuple[str, str]:
    """The record's verdict and, unless confirmed, the reason. An unrejected variant takes the power away."""
    result = overall(checks)
    if result != CONFIRMED:
        return result, "; ".join(f"{c.name}: {c.verdict}" for c in checks if c.verdict != CONFIRMED)
    passed = [variant["name"] for variant in variants if not variant["rejected"]]
    if passed:
        return INCONCLUSIVE, f"wrong variants not rejected: {', '.join(passed)}"
    return CONFIRMED, ""


def main() -> int:
    """Runs experiments by name or topic (all by default): `python -m verify.experiments.run`, with torch alone."""
    import argparse

    from verify.experiments.registry import UnknownExperiment, select

    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("names", nargs="*", help="experiments or topics; all when none is given")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float64")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--record", type=Path, default=None, metavar="FOLDER", help="write records below this folder")
    options = parser.parse_args()
    try:
        entries = select(options.names or ["all"])
        make_setting(options.device, options.dtype, options.seed)
    except (UnknownExperiment, SettingError) as error:
        print(error, file=sys.stderr)
        return 2
    bad = 0
    for entry in entries:
        outcome = perform(entry.name, options.device, options.dtype, options.seed)
        record = outcome.record
        rejected = sum(variant["rejected"] for variant in record.variants)
        print(f"{entry.name:20s} {record.verdict:12s} {rejected}/{len(record.variants)} wrong variants rejected "
              f"{record.seconds:6.1f} s  {record.reason}", flush=True)  # fmt: skip
        bad += record.verdict != CONFIRMED
        if options.record:
            outcome.write(options.record)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
