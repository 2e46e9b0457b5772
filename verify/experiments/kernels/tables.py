r"""How a data set lies in memory, and its two products with x and with weights.

A table works in coordinates of its own, z = unit x - centre, in which noise of level sigma has level unit sigma.
|x|^2 is the same for every point and leaves the softmax, so all that the ideal denoiser needs of a point is

    affinity_i = z.z_i - |z_i|^2 / 2 = (|z|^2 - |z - z_i|^2) / 2.

Coordinates are centred: |z_i|^2 then has no large part common to all points, which float32 could not tell apart.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from verify.experiments.kernels.products import BLOCK, HALVES, combine, dots, pieces

TOP = 2.0**15  # the largest magnitude of what is split into float16 pieces


class Table(Protocol):
    """N points in d dimensions. Coordinates z are float64, (B, d); everything between is the table's own dtype."""

    unit: float
    centre: Tensor
    halves: Tensor  # |z_i|^2 / 2, float64 (N,)

    def __len__(self) -> int: ...

    def affinities(self, z: Tensor) -> Tensor:
        """(B, N), float32 or float64."""

    def combine(self, weights: Tensor) -> Tensor:
        """sum_i w_i z_i for weights (B, N) in [0, 1]: (B, d)."""

    def exact(self, index: Tensor) -> Tensor:
        """z_i in float64 for an index of any shape: (..., d)."""

    def points(self, index: Tensor) -> Tensor:
        """The points themselves, as they were given: (..., d)."""


class Floats:
    """Points in float64 or float32: products in that dtype, on a centred copy."""

    unit = 1.0

    def __init__(self, points: Tensor) -> None:
        if points.ndim != 2 or not len(points) or not points.is_floating_point():
            raise TypeError(
                f"points are floating-point rows (N, d) with N >= 1, not {points.dtype} of shape "
                f"{tuple(points.shape)}; 8-bit images go through DataSet.of_images"
            )
        self.given = points
        centre = _mean(points).to(points)
        self.table = points - centre
        self.centre = centre.double()
        self.halves = _halves(self.table)

    def __len__(self) -> int:
        return len(self.table)

    def affinities(self, z: Tensor) -> Tensor:
        return dots(z.to(self.table), self.table) - self.halves.to(self.table)

    def combine(self, weights: Tensor) -> Tensor:
        return combine(weights, self.table)

    def exact(self, index: Tensor) -> Tensor:
        return self.given[index].double() - self.centre

    def points(self, index: Tensor) -> Tensor:
        return self.given[index]


class Images:
    r"""8-bit images k in 0..255 standing for k/127.5 - 1, held without error in 16 bits.

    The centre is the mean image rounded to whole numbers, so k - centre is a whole number of at most 255, which
    float16 and bfloat16 both hold exactly: 16 bits cost no accuracy on this side. x and the weights are split into
    two pieces (22 bits in float16), stacked, so that each product reads the images once. On the CPU, which has no fast
    16-bit product, `dtype` is float32 and nothing is split.
    """

    unit = 127.5

    def __init__(self, images: Tensor, dtype: torch.dtype) -> None:
        if images.dtype != torch.uint8 or not len(images):
            raise TypeError(
                f"images are uint8 with values 0..255 and N >= 1, not {images.dtype} of shape {tuple(images.shape)}; "
                "points that are no 8-bit images go to DataSet(points)"
            )
        flat = images.flatten(1)
        whole = _mean(flat).round()
        self.table = torch.empty(flat.shape, dtype=dtype, device=flat.device)
        for place, block in zip(self.table.split(BLOCK), flat.split(BLOCK), strict=True):
            torch.sub(block.to(dtype), whole.to(dtype), out=place)
        self.centre = whole - self.unit
        self.halves = _halves(self.table)

    def __len__(self) -> int:
        return len(self.table)

    def affinities(self, z: Tensor) -> Tensor:
        if self.table.dtype not in HALVES:
            return dots(z.to(self.table), self.table) - self.halves.to(self.table)
        scale = TOP / z.abs().amax(1, keepdim=True).clamp_min(1e-30)
        first, second = dots(pieces(z * scale, self.table.dtype), self.table).chunk(2)
        return (first + second) / scale.float() - self.halves.float()

    def combine(self, weights: Tensor) -> Tensor:
        if self.table.dtype not in HALVES:
            return combine(weights, self.table)
        first, second = combine(pieces(weights * TOP, self.table.dtype), self.table).double().chunk(2)
        return (first + second) / TOP

    def exact(self, index: Tensor) -> Tensor:
        return self.table[index].double()

    def points(self, index: Tensor) -> Tensor:
        return ((self.exact(index) + self.centre) / self.unit).float()


def _mean(rows: Tensor) -> Tensor:
    """In float64, block by block: a sum of the whole in another dtype would first copy the whole."""
    return torch.stack([block.sum(0, dtype=torch.float64) for block in rows.split(BLOCK)]).sum(0) / len(rows)


def _halves(table: Tensor) -> Tensor:
    return torch.cat([0.5 * block.double().square().sum(-1) for block in table.split(BLOCK)])
