"""The uniform law on finitely many points: the ideal denoiser of a training set."""

from __future__ import annotations

import math
import warnings
from typing import TypeGuard

import torch
from torch import Tensor

from verify.experiments.kernels.tables import Floats, Images, Table
from verify.experiments.latents import Latents
from verify.experiments.oracles.protocol import Oracle, Sigma

LOGITS = 2**25  # B x N at a time: 128 MiB in float32
GATHERED = 2**26  # float64 numbers gathered at a time for rescoring: 512 MiB
GATHERED_ON_CPU = 2**18  # there a cache should hold them


class DataSet(Oracle):
    r"""The uniform law on N points y_i, with the ideal denoiser (Karras et al. 2022, eq. (57), edm.ideal-denoiser):

        D(x; sigma) = sum_i softmax_i(-|x - y_i|^2 / (2 sigma^2)) y_i.

    Two matrix products and a softmax (see `kernels.tables`): memory holds rows of x against points, B x N numbers,
    and never N x B x d differences. The largest affinity is subtracted before the division by sigma^2, so that near
    ties keep their digits at small sigma.

    points   (N, d), float64 or float32; the arithmetic is theirs, results have the dtype of x. Or a `kernels.tables`
             table
    chunk    rows of x at a time; by default as many as keep B x N at 128 MiB. Out of memory halves it, with a warning
    rescore  so many of the nearest points of each row get their logits again in float64. float32 errs by up to 1e-4
             (3e-4 among near duplicates) where few points compete at small sigma; 64 bring that to 1e-6 as long as
             no more than 64 compete

    For d <= 128 on CUDA see also `oracles.fused`.
    """

    def __init__(self, points: Tensor | Table, chunk: int | None = None, rescore: int = 0) -> None:
        self.table: Table = Floats(points) if isinstance(points, Tensor) else points
        self.dimensions = len(self.table.centre)
        self.chunk = max(1, LOGITS // len(self.table)) if chunk is None else chunk
        self.rescore = min(rescore, len(self.table))

    @classmethod
    def of_images(
        cls, images: Tensor, chunk: int | None = None, rescore: int = 0, stored: torch.dtype | None = None
    ) -> DataSet:
        """Images of uint8, (N, ...), each standing for the point k/127.5 - 1 of [-1, 1]^d.

        They are held exactly: in float16 on CUDA, in float32 on the CPU, or as `stored` says (float16, bfloat16 or
        float32). TypeError for any other input: that numbers are 8-bit images is said, never guessed.
        """
        return cls(Images(images, stored or (torch.float16 if images.is_cuda else torch.float32)), chunk, rescore)

    def denoise(self, x: Tensor, sigma: Sigma) -> Tensor:
        mean = self._average(x, sigma)[0]
        return ((mean + self.table.centre) / self.table.unit).to(x)

    def score(self, x: Tensor, sigma: Sigma) -> Tensor:
        """(D - x) / sigma^2, the difference taken in the centred coordinates."""
        moved = (self._average(x, sigma)[0] - self._coordinates(x)) / self.table.unit
        return (moved / wide(sigma) ** 2).to(x)

    def log_density(self, x: Tensor, sigma: Sigma) -> Tensor:
        spread = self.table.unit * wide(sigma)
        log_sum = self._average(x, sigma)[1] - 0.5 * (self._coordinates(x) / spread).square().sum(-1, keepdim=True)
        scale = sigma.double().reshape(-1, 1).log() if isinstance(sigma, Tensor) else math.log(sigma)
        constant = math.log(len(self.table)) + self.dimensions * (0.5 * math.log(2 * math.pi) + scale)
        return (log_sum - constant)[:, 0].to(x)

    def sample(self, latents: Latents, stream: str, rows: int, start: int = 0) -> Tensor:
        return self.table.points(self.sample_index(latents, stream, rows, start))

    def sample_index(self, latents: Latents, stream: str, rows: int, start: int = 0) -> Tensor:
        """Which point each row of `sample` is, int64 (rows,)."""
        return (latents.uniform(stream + ".point", rows, start) * len(self.table)).long()

    def _coordinates(self, x: Tensor) -> Tensor:
        """x as the table counts, float64: it is small, and the rounding of x - centre would count at small sigma."""
        return self.table.unit * x.double() - self.table.centre

    def _average(self, x: Tensor, sigma: Sigma) -> tuple[Tensor, Tensor]:
        """The softmax average of the points in the table's coordinates (B, d), and log sum_i exp(affinity_i/sigma^2)
        (B, 1), both float64."""
        if x.ndim != 2 or x.shape[1] != self.dimensions:
            raise ValueError(f"x is (B, {self.dimensions}) for this data set, not {tuple(x.shape)}")
        precision = 1.0 / (self.table.unit * wide(sigma)) ** 2
        z, first = self._coordinates(x), 0
        found: list[tuple[Tensor, Tensor]] = []
        while first < len(x) or not found:
            rows = slice(first, first + self.chunk)
            try:
                found.append(self._block(z[rows], precision[rows] if _by_row(precision) else precision))
            except (RuntimeError, MemoryError) as error:
                if not _out_of_memory(error) or self.chunk == 1:
                    raise
                self._halve(min(self.chunk, len(x)))
            else:
                first = rows.stop
        return torch.cat([mean for mean, _ in found]), torch.cat([log for _, log in found])

    def _halve(self, rows: int) -> None:
        self.chunk = max(1, rows // 2)
        warnings.warn(
            f"out of memory with {rows} rows of x against {len(self.table)} points; going on with "
            f"{self.chunk} at a time (DataSet(..., chunk={self.chunk}) starts there)",
            RuntimeWarning,
            stacklevel=4,
        )

    def _block(self, z: Tensor, precision: Sigma) -> tuple[Tensor, Tensor]:
        """`_average` for rows that fit memory."""
        affinities = self.table.affinities(z)
        if self.rescore:
            near = affinities.topk(self.rescore).indices
            exact = self._exact_affinities(z, near)
            peak = exact.amax(1, keepdim=True)
        else:
            peak = affinities.amax(1, keepdim=True).double()
        # Rounding may put another point above the best exact one; none is nearer than the nearest.
        logits = (affinities - peak.to(affinities)).clamp_max(0) * within(precision, affinities.dtype)
        if self.rescore:
            logits = logits.scatter(1, near, ((exact - peak) * precision).to(logits))
        weights = logits.exp()
        total = weights.sum(1, keepdim=True, dtype=torch.float64)
        return self.table.combine(weights).double() / total, peak * precision + total.log()

    def _exact_affinities(self, z: Tensor, index: Tensor) -> Tensor:
        """Affinities in float64 of the points index (B, k): (B, k)."""
        limit = GATHERED_ON_CPU if z.device.type == "cpu" else GATHERED
        rows = max(1, limit // (self.dimensions * self.rescore))
        parts = [
            torch.bmm(self.table.exact(chosen), block[:, :, None])[..., 0]
            for block, chosen in zip(z.split(rows), index.split(rows), strict=True)
        ]
        return torch.cat(parts) - self.table.halves[index]


def wide(sigma: Sigma) -> Sigma:
    """A float as it is, a tensor as a float64 column."""
    return sigma.double().reshape(-1, 1) if isinstance(sigma, Tensor) else sigma


def _by_row(precision: Sigma) -> TypeGuard[Tensor]:
    return isinstance(precision, Tensor) and len(precision) > 1


def within(precision: Sigma, dtype: torch.dtype) -> Sigma:
    """1/sigma^2 in a narrower dtype, kept finite: 0 times infinity would be NaN for the nearest point itself."""
    largest = torch.finfo(dtype).max
    return precision.clamp_max(largest).to(dtype) if isinstance(precision, Tensor) else min(precision, largest)


def _out_of_memory(error: BaseException) -> bool:
    """torch says it in three ways: a class of its own on CUDA, a sentence on the CPU, Python's MemoryError."""
    words = ("out of memory", "can't allocate memory", "not enough memory")
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or any(w in str(error) for w in words)
