"""Everything a GPU machine is asked, in one call: accuracy, rates, kernels, captured runs, every experiment.

    python -m benchmarks.device --out FOLDER [--minutes 9] [--device cuda]

Needs torch and the standard library. Writes FOLDER/device.json after every part, so that a stopped call keeps what it
did; records and their figures go to FOLDER/records.tar.gz, to be unpacked into the repository's root. A part that
fails or runs out of time is named in the report with its reason, and the next one starts.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import platform
import signal
import statistics
import sys
import tarfile
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from verify.experiments.capture import capture, survey
from verify.experiments.grids import karras
from verify.experiments.kernels.products import dots
from verify.experiments.latents import Latents
from verify.experiments.oracles import DataSet, Gaussian, Mixture
from verify.experiments.records import RecordError, read_record
from verify.experiments.registry import all_experiments
from verify.experiments.run import perform
from verify.experiments.samplers.multistep import dpmpp_2m
from verify.experiments.samplers.ode import churn, euler, heun
from verify.files import write_atomically

LEVELS = karras(18)
RESERVE = 15.0  # seconds kept for packing


class OutOfTime(Exception):
    """A part reached its limit."""


@contextmanager
def limit(seconds: float) -> Iterator[None]:
    """Stops the work inside after so many seconds of wall time, as soon as Python gets its turn."""

    def stop(*_: object) -> None:
        raise OutOfTime(f"stopped after {seconds:.0f} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class Machine:
    """The device under test and how to time on it."""

    def __init__(self, device: str, tiny: bool) -> None:
        self.device, self.tiny = device, tiny
        self.cuda = device == "cuda"

    def wait(self) -> None:
        if self.cuda:
            torch.cuda.synchronize()

    def milliseconds(self, *runs: Callable[[], object], repeats: int = 20) -> list[float]:
        """Median milliseconds of each run, by device events on CUDA; interleaved, after three calls to warm up."""
        repeats = 3 if self.tiny else repeats
        for run in runs:
            for _ in range(3):
                run()
        times: list[list[float]] = [[] for _ in runs]
        for _ in range(repeats):
            for run, found in zip(runs, times, strict=True):
                found.append(self._once(run))
        return [statistics.median(found) for found in times]

    def _once(self, run: Callable[[], object]) -> float:
        if not self.cuda:
            started = time.process_time()
            run()
            return 1e3 * (time.process_time() - started)
        first, last = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        first.record()
        run()
        last.record()
        torch.cuda.synchronize()
        return first.elapsed_time(last)

    def random(self, *shape: int, dtype: torch.dtype = torch.float32, seed: int = 0) -> Tensor:
        return torch.randn(*shape, generator=torch.Generator(self.device).manual_seed(seed), device=self.device).to(
            dtype
        )


def relative(found: Tensor, truth: Tensor) -> float:
    """Largest relative error of a row."""
    return float(((found.double() - truth).norm(dim=1) / truth.norm(dim=1)).max())


# -- the parts ---------------------------------------------------------------------------------------------------------


def about(machine: Machine) -> dict:
    found = {"python": platform.python_version(), "torch": torch.__version__, "device": platform.machine()}
    if machine.cuda:
        properties = torch.cuda.get_device_properties(0)
        found |= {
            "device": properties.name,
            "multiprocessors": properties.multi_processor_count,
            "memory": properties.total_memory,
            "cuda": torch.version.cuda,
        }
    return found


def ceilings(machine: Machine) -> dict:
    """What the machine gives to anybody: a copy, and square products by kind."""
    size = 256 if machine.tiny else 8192
    source = machine.random(2**20 if machine.tiny else 2**29)
    target = torch.empty_like(source)
    found = {"copy TB/s": 2 * 4 * len(source) / machine.milliseconds(lambda: target.copy_(source))[0] / 1e9}
    a, b = machine.random(size, size), machine.random(size, size, seed=1)
    products: dict[str, Callable[[], object]] = {"float32": lambda: a @ b}
    if machine.cuda:
        h, k = a.half(), b.half()
        products |= {"float16, float32 out": lambda: torch.mm(h, k, out_dtype=torch.float32)}
    for name, milliseconds in zip(products, machine.milliseconds(*products.values()), strict=True):
        found[f"{name} TFLOP/s"] = 2 * size**3 / milliseconds / 1e9
    return found


def latents(machine: Machine) -> dict:
    """The same bits as on the CPU, where they were made on the same machine a moment before."""
    rows = 1000 if machine.tiny else 1_000_000
    here = Latents(5, machine.device).normal("device", rows, 2)
    there = Latents(5).normal("device", rows, 2)
    digest = hashlib.sha256(there.numpy().tobytes()).hexdigest()[:16]
    (milliseconds,) = machine.milliseconds(lambda: Latents(5, machine.device).normal("device", rows, 2))
    return {
        "identical to the CPU": bool(torch.equal(here.cpu(), there)),
        "sha256": digest,
        "normals/s": 2e3 * rows / milliseconds,
    }


def images(machine: Machine, count: int, dimensions: int) -> Tensor:
    fields = machine.random(count, 60) @ (
        machine.random(60, dimensions, seed=1) * torch.linspace(12, 2, 60, device=machine.device)[:, None]
    )
    found = (fields + 128).clamp(0, 255).round().to(torch.uint8)
    found[1] = found[0]
    found[2] = found[0]
    found[2, 5] ^= 1
    return found


def ideal_denoiser(machine: Machine) -> dict:
    """8-bit images: accuracy against float64 at the 18 Karras levels, and milliseconds by batch, per storage."""
    count, dimensions = (500, 48) if machine.tiny else (50_000, 3072)
    pictures = images(machine, count, dimensions)
    points = pictures.float() / 127.5 - 1
    exact = DataSet(pictures.double() / 127.5 - 1)
    kinds = {
        "float32": DataSet(points),
        "16 bits": DataSet.of_images(pictures, stored=torch.float16),
        "16 bits, 64 rescored": DataSet.of_images(pictures, stored=torch.float16, rescore=64),
    }
    found: dict = {"N": count, "d": dimensions, "largest error": dict.fromkeys(kinds, 0.0), "milliseconds": {}}
    for step, sigma in enumerate(LEVELS[:-1]):
        x = points[:16] + sigma * machine.random(16, dimensions, seed=step)
        truth = exact.denoise(x.double(), sigma)
        for name, data in kinds.items():
            found["largest error"][name] = max(found["largest error"][name], relative(data.denoise(x, sigma), truth))
    del exact
    for rows in (4,) if machine.tiny else (1, 64, 128, 256, 1024):
        x = points[:rows] + machine.random(rows, dimensions, seed=rows)
        runs = [lambda data=data, x=x: data.denoise(x, 1.0) for data in kinds.values()]
        found["milliseconds"][rows] = dict(zip(kinds, machine.milliseconds(*runs), strict=True))
    thin = kinds["16 bits"].table.table
    rows = thin[: 4 if machine.tiny else 256]
    (milliseconds,) = machine.milliseconds(lambda: dots(rows, thin))
    found["the first product alone, 256 rows, TFLOP/s"] = 2 * len(rows) * count * dimensions / milliseconds / 1e9
    if machine.cuda:
        found["peak memory, bytes"] = torch.cuda.max_memory_allocated()
    return found


def fused_kernel(machine: Machine) -> dict:
    """The Triton kernel for small d against two products: accuracy and milliseconds."""
    if not machine.cuda:
        return {"skipped": "the kernel runs on CUDA"}
    from verify.experiments.oracles.fused import FusedDataSet

    found = {}
    for dimensions, count, rows in (
        (2, 20_000, 65_536),
        (16, 20_000, 16_384),
        (64, 20_000, 16_384),
        (128, 20_000, 8192),
    ):
        points = machine.random(count, dimensions)
        x = points[torch.arange(rows, device=points.device) % count] + machine.random(rows, dimensions, seed=1)
        fused, plain = FusedDataSet(points), DataSet(points)
        truth = DataSet(points.double()).denoise(x[:256].double(), 1.0)
        quick, usual = machine.milliseconds(lambda: fused.denoise(x, 1.0), lambda: plain.denoise(x, 1.0), repeats=7)  # noqa: B023
        found[f"d = {dimensions}"] = {
            "rows": rows,
            "error": relative(fused.denoise(x[:256], 1.0), truth),
            "error of two products": relative(plain.denoise(x[:256], 1.0), truth),
            "milliseconds": quick,
            "milliseconds of two products": usual,
        }
    return found


def captured_runs(machine: Machine) -> dict:
    """Whole runs, batch 4 and 4,096: as they are and as one graph, whose samples must be the same bits."""
    dtype, found = torch.float32, {}
    source = Latents(1, machine.device, dtype)
    mixture = Mixture(
        torch.ones(8, dtype=dtype, device=machine.device),
        source.normal("means", 8, 2),
        0.05 + source.normal("s", 8, 2) ** 2,
    )
    gaussian = Gaussian(source.normal("m", 1, 2)[0], 1 + source.normal("v", 1, 2)[0] ** 2)
    for rows in (4, 64) if machine.tiny else (4, 4096):
        x = LEVELS[0] * source.normal("x", rows, 2)
        noises = [source.normal(f"z{i}", rows, 2) for i in range(len(LEVELS) - 1)]
        runs = {
            "euler": lambda x, *z: euler(gaussian.denoise, x, LEVELS),
            "heun": lambda x, *z: heun(mixture.denoise, x, LEVELS),
            "dpm++ 2m": lambda x, *z: dpmpp_2m(mixture.denoise, x, LEVELS),
            "churn": lambda x, *z: churn(mixture.denoise, x, LEVELS, z.__getitem__, 20.0),
        }
        for name, run in runs.items():
            counted, ready = survey(run, x, *noises), capture(run, x, *noises)
            other, plain = x.flip(0), run(x.flip(0), *noises)
            usual, replayed = machine.milliseconds(lambda: run(x, *noises), lambda: ready(x, *noises))  # noqa: B023
            found[f"{name}, B = {rows}"] = {
                "operations": counted.operations,
                "waits": len(counted.waits),
                "recorded": ready.graph is not None,
                "same bits": bool(torch.equal(ready(other, *noises), plain)),
                "milliseconds": usual,
                "milliseconds as one graph": replayed,
            }
    return found


PARTS: dict[str, Callable[[Machine], dict]] = {
    "about": about,
    "ceilings": ceilings,
    "latents": latents,
    "ideal denoiser": ideal_denoiser,
    "fused kernel": fused_kernel,
    "captured runs": captured_runs,
}


# -- the report --------------------------------------------------------------------------------------------------------


class Report:
    """What was found so far, on disk after every part."""

    def __init__(self, out: Path, ends: float) -> None:
        self.path, self.ends = out / "device.json", ends
        self.found: dict = {"parts": {}, "experiments": {}, "problems": {}}

    @property
    def left(self) -> float:
        return self.ends - time.monotonic()

    def part(self, group: str, name: str, work: Callable[[], dict], most: float = math.inf) -> None:
        """Does one piece of work and writes the report; what goes wrong is part of it."""
        seconds = min(most, self.left)
        if seconds < 1:
            self.found["problems"][name] = "no time left"
        else:
            started = time.monotonic()
            try:
                with limit(seconds), torch.no_grad():
                    self.found[group][name] = work()
            except Exception as error:  # one part must not cost the others: it is reported, with where it happened
                where = traceback.extract_tb(error.__traceback__)[-1]
                message = f"{type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})"
                self.found["problems"][name] = message[:600]
            self.found.setdefault("seconds", {})[name] = round(time.monotonic() - started, 2)
        write_atomically(self.path, json.dumps(self.found, indent=1, ensure_ascii=False) + "\n")
        outcome = self.found["problems"].get(name) or json.dumps(self.found[group][name], ensure_ascii=False)
        print(f"{name}: {outcome}", flush=True)


def one_experiment(name: str, device: str, dtype: str, records: Path) -> dict:
    """Runs and records one experiment; beside a CPU record of it that travelled along, the largest differences."""
    outcome = perform(name, device, dtype)
    outcome.write(records)
    record = outcome.record
    found = {"verdict": record.verdict, "seconds": record.seconds, "reason": record.reason}
    beside = Path("records") / record.topic / f"{record.name}.cpu.float64.json"
    try:
        other = {check["name"]: check["estimate"] for check in read_record(beside).checks}
    except RecordError:
        return found
    pairs = [(check["estimate"], other[check["name"]]) for check in record.checks if check["name"] in other]
    numbers = [(a, b) for a, b in pairs if isinstance(a, float) and isinstance(b, float)]
    return found | {
        "largest difference from the CPU": max((abs(a - b) / max(abs(b), 1) for a, b in numbers), default=0.0)
    }


def pack(out: Path, records: Path) -> None:
    """All records so far in one file: few files travel, and a killed call keeps them."""
    beside = out / ".records.tar.gz.new"
    with tarfile.open(beside, "w:gz") as archive:
        archive.add(records, "records")
    os.replace(beside, out / "records.tar.gz")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=9.0, help="wall time for everything")
    parser.add_argument("--device", default="cuda", choices=["cpu", "cuda"])
    parser.add_argument("--dtypes", nargs="*", default=["float64", "float32"])
    parser.add_argument("--experiments", nargs="*", default=None, help="these only; none when empty")
    parser.add_argument("--most", type=float, default=90.0, help="wall seconds for one part or experiment")
    parser.add_argument("--tiny", action="store_true", help="small sizes: does the script itself work?")
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        print(
            f"torch {torch.__version__} finds no CUDA device here; --device cpu --tiny tries the script",
            file=sys.stderr,
        )
        return 2
    options.out.mkdir(parents=True, exist_ok=True)
    report = Report(options.out, time.monotonic() + 60 * options.minutes - RESERVE)
    machine = Machine(options.device, options.tiny)
    with tempfile.TemporaryDirectory() as folder:
        for name, part in PARTS.items():
            report.part("parts", name, lambda part=part: part(machine), options.most)
        names = all_experiments() if options.experiments is None else options.experiments
        for dtype in options.dtypes:
            for name in names:
                work = lambda name=name, dtype=dtype: one_experiment(name, options.device, dtype, Path(folder))  # noqa: E731
                report.part("experiments", f"{name} {dtype}", work, options.most)
                pack(options.out, Path(folder))
    verdicts = [found["verdict"] for found in report.found["experiments"].values()]
    counts = ", ".join(f"{verdicts.count(v)} {v}" for v in sorted(set(verdicts))) or "none"
    print(f"experiments: {counts}; problems: {len(report.found['problems'])}; {options.out / 'device.json'}")
    return 1 if report.found["problems"] else 0


if __name__ == "__main__":
    sys.exit(main())
