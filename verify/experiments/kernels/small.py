r"""The ideal denoiser for d <= 128 as one Triton kernel: one pass over the data, nothing of size B x N in memory.

With d small the B x N logits are larger than the data, so that writing and reading them is what two matrix products
wait for. A program keeps BLOCK_X rows of x in registers and walks over the points in blocks of BLOCK_Y with a running
maximum m, a running normaliser Z and a running average A (online softmax, edm.ideal-denoiser). For a block with
logits l and points y, in base 2:

    m' = max(m, max l),   Z' = 2^(m - m') Z + sum 2^(l - m'),   A' = 2^(m - m') A + sum 2^(l - m') y.

Products are full float32 (input_precision "ieee"): TF32 errs by 1e-3. This module needs Triton; nothing imports it
unless the kernel is asked for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import triton
import triton.language as tl
from torch import Tensor

LARGEST = 128


@triton.jit
def kernel(  # type: ignore[no-untyped-def]  # its arguments are places and numbers of the device
    x_at, y_at, halves_at, precision_at, mean_at, log_at, rows, points,
    D: tl.constexpr, BLOCK_X: tl.constexpr, BLOCK_Y: tl.constexpr,
):  # fmt: skip
    """mean (rows, D) and log2 of the normaliser (rows,) for x (rows, D), y (points, D), all contiguous float32."""
    row = tl.program_id(0) * BLOCK_X + tl.arange(0, BLOCK_X)
    column = tl.arange(0, D)
    x = tl.load(x_at + row[:, None] * D + column[None, :], mask=row[:, None] < rows, other=0.0)
    precision = tl.load(precision_at + row, mask=row < rows, other=1.0)
    peak = tl.full([BLOCK_X], -float("inf"), tl.float32)
    total = tl.zeros([BLOCK_X], tl.float32)
    average = tl.zeros([BLOCK_X, D], tl.float32)
    for first in range(0, points, BLOCK_Y):
        point = first + tl.arange(0, BLOCK_Y)
        y = tl.load(y_at + point[:, None] * D + column[None, :], mask=point[:, None] < points, other=0.0)
        halves = tl.load(halves_at + point, mask=point < points, other=float("inf"))
        logits = (tl.dot(x, tl.trans(y), input_precision="ieee") - halves[None, :]) * precision[:, None]
        higher = tl.maximum(peak, tl.max(logits, 1))
        shares = tl.exp2(logits - higher[:, None])
        fade = tl.exp2(peak - higher)
        total = total * fade + tl.sum(shares, 1)
        average = average * fade[:, None] + tl.dot(shares, y, input_precision="ieee")
        peak = higher
    tl.store(mean_at + row[:, None] * D + column[None, :], average / total[:, None], mask=row[:, None] < rows)
    tl.store(log_at + row, peak + tl.log2(total), mask=row < rows)


@dataclass(frozen=True)
class Shape:
    """How a launch is cut: chosen so that sm_90 code keeps everything in registers."""

    width: int
    block_x: int
    block_y: int
    warps: int
    stages: int = 3


SHAPES = (Shape(16, 64, 64, 4), Shape(32, 64, 64, 8), Shape(64, 64, 32, 8), Shape(128, 64, 16, 16, 2))


def shape_for(dimensions: int) -> Shape:
    """The narrowest launch that holds `dimensions` columns; ValueError above LARGEST."""
    for shape in SHAPES:
        if dimensions <= shape.width:
            return shape
    raise ValueError(f"the fused kernel holds at most {LARGEST} dimensions, not {dimensions}")


def padded(points: Tensor) -> Tensor:
    """Points (N, d) with zero columns up to the width of the launch: they change no product."""
    return torch.nn.functional.pad(points, (0, shape_for(points.shape[1]).width - points.shape[1])).contiguous()


def average(x: Tensor, table: Tensor, halves: Tensor, precision: Tensor) -> tuple[Tensor, Tensor]:
    """The softmax average of the points and the natural logarithm of its normaliser.

    x (B, d), table (N, D) from `padded`, halves |y|^2/2 (N,), precision 1/sigma^2 (B,): float32, on one CUDA device.
    Gives (B, d) and (B,).
    """
    rows, dimensions = x.shape
    shape = shape_for(dimensions)
    x = padded(x)
    mean, log = torch.empty_like(x), x.new_empty(rows)
    kernel[(triton.cdiv(rows, shape.block_x),)](
        x, table, halves, precision.contiguous() / math.log(2), mean, log, rows, len(table),
        D=shape.width, BLOCK_X=shape.block_x, BLOCK_Y=shape.block_y, num_warps=shape.warps, num_stages=shape.stages,
    )  # fmt: skip
    return mean[:, :dimensions], log * math.log(2)
