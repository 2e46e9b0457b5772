"""The ideal denoiser of a data set with d <= 128 on CUDA: one Triton kernel instead of two products and a softmax."""

from __future__ import annotations

import torch
from torch import Tensor

from verify.experiments.kernels import small
from verify.experiments.oracles.data_set import DataSet, within
from verify.experiments.oracles.protocol import Sigma


class FusedDataSet(DataSet):
    """`DataSet` with `kernels.small` inside: float32 points (N, d), d <= 128, any number of rows at once.

    Without rescoring: where points lie closer than sigma its error is float32's, 1e-4. Needs Triton (the extra
    `kernels`); this module is imported only by who wants it.
    """

    def __init__(self, points: Tensor) -> None:
        if points.dtype != torch.float32:
            raise TypeError(f"the fused kernel works in float32, not {points.dtype}; DataSet(points) takes both")
        super().__init__(points, chunk=2**31 - 1)
        self._padded = small.padded(points - self.table.centre.to(points))
        self._halves = self.table.halves.float()

    def _block(self, z: Tensor, precision: Sigma) -> tuple[Tensor, Tensor]:
        rates = torch.ones_like(self._halves[:1]) * within(precision, torch.float32)
        mean, log = small.average(z.float(), self._padded, self._halves, rates.flatten().expand(len(z)))
        return mean.double(), log[:, None].double()
