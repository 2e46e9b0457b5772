"""The order of convergence as an interval, from errors on refining grids."""

from __future__ import annotations

import math
from collections.abc import Sequence

from verify.experiments.statistics.verdicts import Interval


def order_interval(sizes: Sequence[float], errors: Sequence[float], floor: float) -> Interval:
    """The order p in error ~ size^p, from refining sizes: the last local order, with an interval from its drift.

    Where the bias b_k = p_k - p of the local orders falls by a quarter or more at each level, |b_k+1| <= 3/4 |b_k|,
    the interval covers p: |b_k| <= |b_k+1| + |p_k+1 - p_k|, hence |b_k+1| <= 3 |p_k+1 - p_k|. A bias of O(size) falls
    so on sizes that shrink by sqrt 2 or more, once they are small enough; that they are is assumed and not proved. Half
    the change before counts too, in case the last one is small by chance. Levels within 200 roundings (`floor`) of
    zero are dropped; fewer than four levels, or an error that is not finite, give NaN, which is refuted.
    """
    kept = [(s, e) for s, e in zip(sizes, errors, strict=True) if not e <= 200 * floor]
    if len(kept) < 4 or not all(math.isfinite(e) for _, e in kept):
        return Interval(math.nan, math.nan, math.nan)
    local = [math.log(e / f) / math.log(s / t) for (s, e), (t, f) in zip(kept[:-1], kept[1:], strict=True)]
    width = 3 * max(abs(local[-1] - local[-2]), 0.5 * abs(local[-2] - local[-3]), 0.01)
    return Interval(local[-1] - width, local[-1] + width, local[-1])
