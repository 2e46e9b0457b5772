"""Products of a few rows with a whole data set: the two matrix products of the ideal denoiser, in float32 or better.

`dots(rows, table)` is rows @ table^T and `combine(weights, table)` is weights @ table, for a table (N, d) of float64,
float32 or 16-bit numbers. What each device gets:

    CUDA, 16 bits   one product on the matrix units with float32 sums (torch.mm with out_dtype)
    CUDA, float32   plain products, never TF32, which errs by 1e-3
    CPU, float32    oneDNN's product where it proves to be float32 (up to twice the default's rate), else the default
    CPU, 16 bits    the same numbers in float32, block by block: what the matrix units compute, for tests
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

BLOCK = 4096  # points at a time on the CPU: a block of 3,072-d points stays near the caches
TOLERANCE = 1e-6
HALVES = (torch.float16, torch.bfloat16)


def dots(rows: Tensor, table: Tensor) -> Tensor:
    """rows @ table^T: (B, d) and (N, d) of one dtype give (B, N), float32 for 16-bit input."""
    if table.dtype in HALVES and not _mixes(table):
        return torch.cat([dots(rows.float(), block.float()) for block in table.split(BLOCK)], 1)
    if table.dtype in HALVES:
        return torch.mm(rows, table.T, out_dtype=torch.float32)
    with _precision(table):
        return (table @ rows.T).T if table.device.type == "cpu" else rows @ table.T


def combine(weights: Tensor, table: Tensor) -> Tensor:
    """weights @ table: (B, N) and (N, d) of one dtype give (B, d); float64 on the CPU, where blocks are summed."""
    if table.device.type == "cpu":
        total = torch.zeros(len(weights), table.shape[1], dtype=torch.float64)
        exact = torch.promote_types(table.dtype, torch.float32)
        with _precision(table):
            for part, block in zip(weights.split(BLOCK, 1), table.split(BLOCK), strict=True):
                total += part.to(exact) @ block.to(exact)
        return total
    if table.dtype in HALVES and not _mixes(table):
        parts = zip(weights.split(BLOCK, 1), table.split(BLOCK), strict=True)
        return torch.stack([combine(part.float(), block.float()) for part, block in parts]).sum(0)
    if table.dtype in HALVES:
        return torch.mm(weights, table, out_dtype=torch.float32)
    with _precision(table):
        return weights @ table


def pieces(values: Tensor, dtype: torch.dtype, count: int = 2) -> Tensor:
    """`count` tensors of a 16-bit dtype, one below the other, whose sum is `values` up to `count` roundings.

    values (B, n) give (count B, n): stacked, so that one product reads the other factor once. Two pieces of float16
    hold 22 bits. Magnitudes should reach up to about 2^15, so that the second piece is not below float16's range.
    """
    rest, found = values, []
    for _ in range(count):
        found.append(rest.to(dtype))
        rest = rest - found[-1].to(rest.dtype)
    return torch.cat(found)


def _mixes(table: Tensor) -> bool:
    """Whether torch.mm takes 16-bit factors and gives float32 here."""
    return table.is_cuda and "dtype" in torch.ops.aten.mm.overloads()


@contextmanager
def _precision(table: Tensor) -> Iterator[None]:
    """Torch's float32 matrix products as they must be for this table; restored afterwards."""
    before = torch.get_float32_matmul_precision()
    fast = table.dtype == torch.float32 and table.device.type == "cpu" and onednn_error() <= TOLERANCE
    torch.set_float32_matmul_precision("medium" if fast else "highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


@functools.cache
def onednn_error() -> float:
    """Relative error of both products under `set_float32_matmul_precision("medium")`, measured once in a process.

    "medium" lets oneDNN use bfloat16. On processors without bfloat16 matrix units it keeps float32 and is only
    faster; elsewhere it errs by 1e-3. So it is never trusted: whoever exceeds TOLERANCE gets the default product.
    """
    generator = torch.Generator().manual_seed(0)
    table = torch.randn(1024, 3072, generator=generator)
    rows, weights = torch.randn(64, 3072, generator=generator), torch.rand(64, 1024, generator=generator)
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        found = ((table @ rows.T).T, weights @ table)
    finally:
        torch.set_float32_matmul_precision(before)
    wide = table.double()
    truth = (rows.double() @ wide.T, weights.double() @ wide)
    return max(float((f - t).norm() / t.norm()) for f, t in zip(found, truth, strict=True))
