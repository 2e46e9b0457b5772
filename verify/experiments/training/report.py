"""What a finished run leaves beside its checkpoint: samples, the loss by logSNR, and every number in report.json."""

from __future__ import annotations

import json
import math
import platform
import struct
import zlib
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from verify.experiments.figure import draw
from verify.experiments.picture import Picture, Series
from verify.experiments.training.config import Config
from verify.experiments.training.data import Data
from verify.files import write_atomically
from verify.sources import source_hashes

COLUMNS, SHOWN = 16, 128
SMALLEST_SIDE = 24  # pixels of a shown image; smaller ones are enlarged by whole factors
LANGUAGES = ("en", "zh")
MODULES = tuple(f"verify.experiments.training.{part}" for part in ("loop", "quality", "sampling"))  # make the numbers
NOTHING = 1e-10  # of a loss, per dimension


def png(pixels: Tensor) -> bytes:
    """A PNG file of values 0 to 1, (1 or 3, height, width)."""
    channels, height, width = pixels.shape
    values = (pixels.clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).reshape(height, -1).cpu()
    lines = torch.cat([torch.zeros(height, 1, dtype=torch.uint8), values], 1)  # each line begins with its filter: none

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0 if channels == 1 else 2, 0, 0, 0)
    body = zlib.compress(lines.numpy().tobytes(), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def grid(images: Tensor) -> Tensor:
    """Images (N, channels, height, width) in rows of COLUMNS with a line of background between them."""
    images = images[: len(images) // COLUMNS * COLUMNS or len(images)]
    factor = max(1, math.ceil(SMALLEST_SIDE / images.shape[-1]))
    large = images.repeat_interleave(factor, 2).repeat_interleave(factor, 3)
    framed = torch.nn.functional.pad(large, (1, 1, 1, 1), value=0.5)
    columns = min(COLUMNS, len(framed))
    return torch.cat([torch.cat(list(row), 2) for row in framed.split(columns)], 1)


def points(samples: Tensor, data: Data, title: dict[str, str]) -> Picture:
    """Samples of a toy in the plane, over rows of the law."""
    rows = {"law": data.held_out[:400], "samples": samples[:400]}
    names = {"law": {"en": "the law", "zh": "真实分布"}, "samples": {"en": "samples", "zh": "样本"}}
    series = [Series(names[key], xy[:, 0].tolist(), xy[:, 1].tolist(), "points") for key, xy in rows.items()]
    return Picture(
        title=title,
        description={
            "en": f"{len(rows['samples'])} samples beside as many draws of the law, in the plane.",
            "zh": f"平面上的 {len(rows['samples'])} 个样本，与同样数目的真实抽样。",
        },
        x_title={"en": "first coordinate", "zh": "第一坐标"},
        y_title={"en": "second coordinate", "zh": "第二坐标"},
        series=series,
        equal=True,
    )


def loss_by_logsnr(errors: list[dict[str, float]], config: Config) -> Picture:
    """Error against the exact denoiser, and losses, by logSNR = -2 ln sigma."""
    logsnr = [-2 * math.log(row["sigma"]) for row in errors]
    names = {
        "train": {"en": "loss on training rows", "zh": "训练样本上的损失"},
        "held_out": {"en": "loss on held-out rows", "zh": "留出样本上的损失"},
        "floor": {"en": "loss of the exact denoiser", "zh": "精确去噪器的损失"},
        "error": {"en": "distance from the exact denoiser", "zh": "与精确去噪器的距离"},
    }
    worst = max(errors, key=lambda row: row["error"])
    return Picture(
        title={"en": "Loss and error by logSNR", "zh": "按 logSNR 的损失与误差"},
        description={
            "en": f"Mean squares per dimension of a run {config.family}, {config.param}: the loss on training and on "
            f"held-out rows, what the exact denoiser leaves, and the distance from it, largest at logSNR "
            f"{-2 * math.log(worst['sigma']):.1f} with {worst['error']:.2g}.",
            "zh": f"{config.family}、{config.param} 一次训练中每维的均方：训练与留出样本上的损失、"
            f"精确去噪器的损失，以及与精确去噪器的距离；后者在 logSNR 为 "
            f"{-2 * math.log(worst['sigma']):.1f} 处最大，为 {worst['error']:.2g}。",
        },
        x_title={"en": "logSNR", "zh": "logSNR"},
        y_title={"en": "mean square per dimension", "zh": "每维的均方"},
        series=[_curve(title, logsnr, [row[key] for row in errors]) for key, title in names.items()],
        y_log=True,
    )


def _curve(title: dict[str, str], x: list[float], y: list[float]) -> Series:
    """Without the values below NOTHING: where the exact denoiser knows the image, only rounding is left of its loss."""
    kept = [(a, b) for a, b in zip(x, y, strict=True) if b > NOTHING]
    return Series(title, [a for a, _ in kept], [b for _, b in kept], "marked")


def write(
    folder: Path,
    config: Config,
    data: Data,
    samples: dict[str, Tensor],
    errors: list[dict[str, float]],
    measures: dict[str, dict[str, dict[str, float]]],
    log: list[tuple[int, float, float]],
) -> list[Path]:
    """Writes everything into the folder; gives the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, rows in samples.items():
        if len(data.shape) == 3:
            paths.append(folder / f"samples.{name}.png")
            paths[-1].write_bytes(png(grid(data.grey(rows[:SHOWN]))))
            continue
        title = {"en": f"Samples by {name}", "zh": f"{name} 采样"}
        paths += _figures(folder, f"samples.{name}", points(rows, data, title))
    paths += _figures(folder, "loss-by-logsnr", loss_by_logsnr(errors, config))
    report: dict[str, Any] = {
        "config": config.plain(),
        "device": str(data.train.device),
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "sources": {name: digest for module in MODULES for name, digest in source_hashes(module).items()},
        "measures": measures,
        "by_level": errors,
        "log": log,
    }
    paths.append(folder / "report.json")
    write_atomically(paths[-1], json.dumps(report, indent=1) + "\n")
    return paths


def _figures(folder: Path, stem: str, picture: Picture) -> list[Path]:
    paths = []
    for language in LANGUAGES:
        paths.append(folder / f"{stem}.{language}.svg")
        write_atomically(paths[-1], draw(picture, language, stem))
    return paths
