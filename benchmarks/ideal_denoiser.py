"""The ideal denoiser of 50,000 points in 3,072 dimensions: ours and four others, side by side.

    python -m benchmarks.ideal_denoiser [--points 50000] [--rows 64] [--rounds 5]

Seconds are CPU seconds of one thread, medians of interleaved rounds at sigma = 1. A ratio is printed only when our
largest relative error over the 18 Karras levels, against float64, is below the gate. The textbook broadcast runs on
500 points and is scaled up: its cost is proportional to them, and so is its memory, which is B x N x d. smalldiffusion
(Permenter & Yuan, MIT) and einops come from pip; without them their line says so.
"""

from __future__ import annotations

import argparse
import importlib.util
import multiprocessing
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from benchmarks.common import interleaved
from verify.experiments.grids import karras
from verify.experiments.kernels.products import TOLERANCE, onednn_error
from verify.experiments.latents import Latents
from verify.experiments.oracles import DataSet

Denoise = Callable[[Tensor, float], Tensor]
DIMENSIONS, SIGMA, GATE, ROWS_FOR_ERRORS, FEW = 3072, 1.0, 1e-4, 8, 500


def pictures(count: int) -> Tensor:
    """Smooth random fields of 8-bit values in [-1, 1], float32 (count, 3072), correlated as images are."""
    latents = Latents(0, dtype=torch.float32)
    basis = latents.normal("basis", 60, DIMENSIONS) * torch.linspace(12, 2, 60)[:, None]
    parts = [latents.normal("fields", min(5000, count - i), 60, start=i) @ basis for i in range(0, count, 5000)]
    return torch.cat([(part + 128).clamp_(0, 255).round_().div_(127.5).sub_(1) for part in parts])


# -- the contestants ---------------------------------------------------------------------------------------------------


def ours(points: Tensor) -> Denoise:
    return DataSet(points).denoise


def rescored(points: Tensor) -> Denoise:
    return DataSet(points, rescore=64).denoise


def two_products(points: Tensor) -> Denoise:
    """The plain form: |x|^2 - 2 x.y + |y|^2, softmax, product."""
    squares = points.square().sum(1)

    def denoise(x: Tensor, sigma: float) -> Tensor:
        distances = x.square().sum(1, keepdim=True) - 2 * x @ points.T + squares
        return torch.softmax(-distances / (2 * sigma**2), 1) @ points

    return denoise


def by_cdist(points: Tensor) -> Denoise:
    return lambda x, sigma: torch.softmax(-torch.cdist(x, points).square() / (2 * sigma**2), 1) @ points


def broadcast(points: Tensor) -> Denoise:
    """The formula as printed: every difference is stored."""

    def denoise(x: Tensor, sigma: float) -> Tensor:
        logits = -(x[:, None] - points).square().sum(2) / (2 * sigma**2)
        return torch.softmax(logits, 1) @ points

    return denoise


def smalldiffusion(points: Tensor) -> Denoise:
    """Its model module by itself: the package's front also imports torchvision and accelerate, which are not needed."""
    package = importlib.util.find_spec("smalldiffusion")
    if package is None or not package.submodule_search_locations:
        raise ModuleNotFoundError("smalldiffusion is not installed: pip install --no-deps smalldiffusion einops")
    path = Path(package.submodule_search_locations[0]) / "model.py"
    spec = importlib.util.spec_from_file_location("smalldiffusion_model", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    ideal = module.IdealDenoiser(points)
    return lambda x, sigma: x - sigma * ideal(x, torch.tensor(sigma, dtype=x.dtype))


CONTESTANTS: dict[str, Callable[[Tensor], Denoise]] = {
    "ours": ours,
    "ours, 64 rescored": rescored,
    "smalldiffusion": smalldiffusion,
    "two products": two_products,
    "torch.cdist": by_cdist,
    "broadcast": broadcast,
}


# -- measuring ---------------------------------------------------------------------------------------------------------


@dataclass
class Line:
    """One contestant's results."""

    seconds: float
    error: float
    memory: float


def truth(points: Tensor, x: Tensor, sigmas: Tensor) -> Tensor:
    """The denoiser in float64, one level a row, without any code of ours."""
    x, blocks = x.double(), points.split(5000)
    affinities = torch.cat([x @ b.double().T - 0.5 * b.double().square().sum(1) for b in blocks], 1)
    weights = torch.softmax(affinities / sigmas[:, None] ** 2, 1)
    return sum(w @ b.double() for w, b in zip(weights.split(5000, 1), blocks, strict=True))


def noisy(points: Tensor, rows: int, sigma: float, stream: str) -> Tensor:
    return points[:rows] + sigma * Latents(1, dtype=torch.float32).normal(stream, rows, DIMENSIONS)


def errors(contestants: dict[str, Denoise], points: Tensor) -> dict[str, float]:
    """Largest relative error of each over the 18 Karras levels and eight rows a level, half of them far from data."""
    levels = karras(18)[:-1]
    rows = [noisy(points, ROWS_FOR_ERRORS, sigma, f"x{i}") for i, sigma in enumerate(levels)]
    sigmas = torch.tensor(levels, dtype=torch.float64).repeat_interleave(ROWS_FOR_ERRORS)
    wanted = truth(points, torch.cat(rows), sigmas).split(ROWS_FOR_ERRORS)

    def worst(denoise: Denoise) -> float:
        return max(
            float(((denoise(x, sigma) - right).norm(dim=1) / right.norm(dim=1)).max())
            for x, sigma, right in zip(rows, levels, wanted, strict=True)
        )

    return {name: worst(denoise) for name, denoise in contestants.items()}


def rate() -> float:
    """The machine's float32 products, in flops a second: the better of torch's two, the second only if it is exact."""
    a = torch.randn(2048, 2048, generator=torch.Generator().manual_seed(0))
    best = 0.0
    for precision in ("highest", "medium"):
        if precision == "highest" or onednn_error() <= TOLERANCE:
            torch.set_float32_matmul_precision(precision)
            best = max(best, 2 * 2048**3 / interleaved({"": lambda: a @ a}, rounds=5, repeats=1)[""])
    torch.set_float32_matmul_precision("highest")
    return best


def _peak(name: str, count: int, rows: int, answer: multiprocessing.Queue) -> None:
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    points = pictures(count)
    x = noisy(points, rows, SIGMA, "x")
    points[:64] @ points[:64].T  # the libraries' own workspaces
    Path("/proc/self/clear_refs").write_text("5")  # Linux: the high-water mark starts again from here
    before = high_water()
    CONTESTANTS[name](points)(x, SIGMA)
    answer.put(high_water() - before)


def high_water() -> int:
    """The most bytes this process has held in memory since the mark was last reset."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.split("VmHWM:")[1].split()[0])


def memory(name: str, count: int, rows: int) -> float:
    """Peak bytes beyond the caller's points, of building and one call, in a process of its own."""
    context = multiprocessing.get_context("spawn")
    answer = context.Queue()
    child = context.Process(target=_peak, args=(name, count, rows, answer))
    child.start()
    found = answer.get(timeout=600)
    child.join()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--points", type=int, default=50_000)
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    console, points = Console(), pictures(options.points)
    ready, missing = {}, []
    for name, make in CONTESTANTS.items():
        try:
            ready[name] = make(points[:FEW] if name == "broadcast" else points)
        except ModuleNotFoundError as error:
            missing.append(str(error))
    x = noisy(points, options.rows, SIGMA, "x")
    peak = rate()
    times = interleaved(
        {name: (lambda denoise=denoise: denoise(x, SIGMA)) for name, denoise in ready.items()}, options.rounds, 1
    )
    times["broadcast"] *= options.points / FEW
    found = errors({name: denoise for name, denoise in ready.items() if name != "broadcast"}, points)
    holds = found["ours"] <= GATE
    flops = 4 * options.rows * options.points * DIMENSIONS
    table = Table("", "ms", "GFLOP/s", "of the GEMM rate", "time / ours", "largest error", "peak memory", box=None)
    for name, seconds in times.items():
        table.add_row(
            name,
            f"{1e3 * seconds:.0f}",
            f"{flops / seconds / 1e9:.1f}",
            f"{flops / seconds / peak:.0%}",
            f"{seconds / times['ours']:.2f}" if holds else "gate failed",
            f"{found[name]:.1e}" if name in found else "",
            f"{memory(name, options.points, options.rows) / 1e9:.2f} GB" if name in found else "B x N x d",
        )
    console.print(
        f"N = {options.points}, d = {DIMENSIONS}, B = {options.rows}; float32 products {peak / 1e9:.0f} GFLOP/s"
    )
    console.print(table)
    for sentence in missing:
        console.print(sentence)


if __name__ == "__main__":
    main()
