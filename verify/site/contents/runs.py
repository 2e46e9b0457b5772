"""Training runs on pages: the reports of `verify train` that docs/training/runs holds, one for each seed.

A report stands under `<family>-<data>-<param>.<seed>.json`. A page shows the runs that differ in the seed alone as one
table, with what the seed makes of each number.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from verify.sources import source_hashes

FOLDER = Path("docs") / "training" / "runs"
SAMPLES = "samples"  # the row of each sampler's measures that is about what it drew


class RunError(ValueError):
    """A file that should hold the report of a run does not; the message names it."""


@dataclass(frozen=True)
class Run:
    """The same training under several seeds.

    reports  one for each seed, in the order of the seeds
    """

    name: str
    reports: tuple[Mapping[str, Any], ...]

    @property
    def seeds(self) -> list[int]:
        return [report["config"]["seed"] for report in self.reports]

    @property
    def measures(self) -> dict[str, dict[str, list[float]]]:
        """Who is measured -> measure -> its value under each seed; samplers first, then what they are compared with."""
        rows: dict[str, dict[str, list[float]]] = {}
        samplers = list(self.reports[0]["measures"])
        for sampler in samplers:
            rows[sampler] = self._values(sampler, SAMPLES)
        for other in self.reports[0]["measures"][samplers[0]]:
            if other != SAMPLES:
                rows[other] = self._values(samplers[0], other)
        return rows

    def _values(self, sampler: str, row: str) -> dict[str, list[float]]:
        found = [report["measures"][sampler][row] for report in self.reports]
        return {name: [one[name] for one in found] for name in found[0]}

    @property
    def levels(self) -> list[dict[str, list[float]]]:
        """For each noise level: quantity -> its value under each seed."""
        return [
            {name: [level[name] for level in several] for name in several[0]}
            for several in zip(*(report["by_level"] for report in self.reports), strict=True)
        ]

    @property
    def changed(self) -> list[str]:
        """The modules that have changed since one of the runs; empty while they are fresh."""
        made = {(module, digest) for report in self.reports for module, digest in report["sources"].items()}
        return sorted({module for module, digest in made if source_hashes(module).get(module) != digest})


def read_runs(root: Path) -> dict[str, Run]:
    """The runs that the project keeps, by name. RunError for a file that holds none."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for path in sorted((root / FOLDER).glob("*.json")):
        found.setdefault(path.name.split(".", 1)[0], []).append(_report(path))
    runs = {}
    for name, reports in found.items():
        reports.sort(key=lambda report: int(report["config"]["seed"]))
        if len({json.dumps({**report["config"], "seed": 0}, sort_keys=True) for report in reports}) > 1:
            raise RunError(f"{FOLDER / name}.*.json: the runs differ in more than their seeds")
        runs[name] = Run(name, tuple(reports))
    return runs


def _report(path: Path) -> Mapping[str, Any]:
    try:
        report = json.loads(path.read_text("utf-8"))
        name = f"{'-'.join(report['config'][key] for key in ('family', 'data', 'param'))}.{report['config']['seed']}"
        whole = all(report[key] for key in ("measures", "by_level", "sources"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{path}: cannot be read as the report of a run ({error!r})") from error
    if path.stem != name or not whole:
        raise RunError(f"{path}: holds the run {name}, or lacks a part; take the report.json of `verify train`")
    return report


def spread(values: Sequence[float], digits: int = 3) -> tuple[str, str]:
    """The mean over the seeds; and the least and the largest, '' where they do not differ in the digits shown."""
    mean, ends = sum(values) / len(values), [f"{value:.{digits}g}" for value in (min(values), max(values))]
    return f"{mean:.{digits}g}", "" if ends[0] == ends[1] else " – ".join(ends)
