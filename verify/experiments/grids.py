r"""Grids: decreasing lists of noise levels (Python floats) for the samplers, and the tables of betas behind some.

Levels are sigma in sigma-space. A grid of n noise levels ends with a jump to 0, n + 1 numbers and n steps, unless
`to_zero` is False. Levels of a discrete-time model are those of its table: sigma_t = sqrt((1 - abar_t)/abar_t).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import Literal

from verify.experiments.paths import Path, vp_linear


def fractions(n: int) -> list[float]:
    """0, 1/(n-1), .., 1."""
    if n < 2:
        raise ValueError(f"a grid needs N >= 2 noise levels, not {n}")
    return [i / (n - 1) for i in range(n)]


def ended(levels: list[float], to_zero: bool) -> list[float]:
    return [*levels, 0.0] if to_zero else levels


def karras(
    n: int, sigma_min: float = 0.002, sigma_max: float = 80.0, rho: float = 7.0, to_zero: bool = True
) -> list[float]:
    r"""EDM's noise levels (Karras et al. 2022, eq. (5); edm.time-steps): equal steps in sigma^(1/rho).

    rho = 1 is linear in sigma; rho -> infinity is `uniform_logsnr` (sched.karras).
    """
    top, bottom = sigma_max ** (1 / rho), sigma_min ** (1 / rho)
    return ended([(top + w * (bottom - top)) ** rho for w in fractions(n)], to_zero)


def uniform_logsnr(n: int, sigma_min: float = 0.002, sigma_max: float = 80.0, to_zero: bool = True) -> list[float]:
    """Equal steps in logSNR = -2 ln sigma: a geometric grid."""
    return ended([sigma_max * (sigma_min / sigma_max) ** w for w in fractions(n)], to_zero)


def uniform_time(path: Path, n: int, first: float | None = None, last: float | None = None) -> list[float]:
    """Levels of a path at n equal times from `first` to `last`, by default its noisy and its clean end.

    The first level must be finite: on flow matching start short of pure noise. The grid ends in a jump to 0 unless
    the path itself ends there.
    """
    start, stop = path.noisy if first is None else first, path.clean if last is None else last
    if not math.isfinite(path.noise_level(start)):
        raise ValueError(f"the path {path.name} is pure noise at t = {start:g}, its level is infinite: start later")
    levels = [path.noise_level(start + w * (stop - start)) for w in fractions(n)]
    return ended(levels, levels[-1] > 0)


def vp_times(n: int, eps_s: float = 1e-3) -> list[float]:
    """Times t_i = 1 + i/(N-1) (eps_s - 1) of the VP row (Karras et al. 2022, Table 1; edm.vp-row)."""
    return [1 + w * (eps_s - 1) for w in fractions(n)]


def vp(n: int, beta_min: float = 0.1, beta_max: float = 20.0, eps_s: float = 1e-3, to_zero: bool = True) -> list[float]:
    """Noise levels of the VP row at its times."""
    path = vp_linear(beta_min, beta_max)
    return ended([path.noise_level(t) for t in vp_times(n, eps_s)], to_zero)


def ve_times(n: int, sigma_min: float = 0.02, sigma_max: float = 100.0) -> list[float]:
    """Times t_i = sigma_max^2 (sigma_min^2/sigma_max^2)^(i/(N-1)) of the VE row (edm.ve-row); sigma = sqrt t_i.

    Its noise levels are `uniform_logsnr(n, sigma_min, sigma_max)`.
    """
    return [sigma_max**2 * (sigma_min**2 / sigma_max**2) ** w for w in fractions(n)]


def iddpm_table(m: int = 1000, c1: float = 0.001, c2: float = 0.008) -> list[float]:
    r"""u_0 .. u_M of the iDDPM row (Karras et al. 2022, Table 1; edm.iddpm-row): u_M = 0 and, downwards,

        u_{j-1} = sqrt((u_j^2 + 1) / max(a_{j-1}/a_j, C_1) - 1),   a_j = sin^2(pi/2 j / (M (C_2 + 1))).

    While C_1 does not bind, u_j^2 + 1 = a_M/a_j telescopes: the cosine schedule of iDDPM.
    """

    def a(j: int) -> float:
        return math.sin(0.5 * math.pi * j / (m * (c2 + 1))) ** 2

    u = [0.0] * (m + 1)
    for j in range(m, 0, -1):
        u[j - 1] = math.sqrt((u[j] ** 2 + 1) / max(a(j - 1) / a(j), c1) - 1)
    return u


def iddpm(n: int, first: int = 8, m: int = 1000, to_zero: bool = True) -> list[float]:
    """n levels of that table at equal steps of the index, rounded to the nearest, from u_first to u_{M-1}."""
    table = iddpm_table(m)
    return ended([table[math.floor(first + w * (m - 1 - first) + 0.5)] for w in fractions(n)], to_zero)


def linear_betas(steps: int = 1000, first: float = 1e-4, last: float = 0.02) -> list[float]:
    """DDPM's rates (Ho et al. 2020, section 4; sched.linear); index 0 is the cleanest step."""
    return [first + w * (last - first) for w in fractions(steps)]


def scaled_linear_betas(steps: int = 1000, first: float = 0.00085, last: float = 0.012) -> list[float]:
    """Stable Diffusion's rates: linear in sqrt beta (sched.linear)."""
    return [root**2 for root in linear_betas(steps, math.sqrt(first), math.sqrt(last))]


def cosine_betas(steps: int = 1000, offset: float = 0.008, clip: float = 0.999) -> list[float]:
    """Rates 1 - f(t_k)/f(t_{k-1}) of the cosine schedule, clipped (Nichol & Dhariwal 2021, eq. (17); sched.cosine)."""

    def f(t: float) -> float:
        return math.cos((t + offset) / (1 + offset) * 0.5 * math.pi) ** 2

    return [min(1 - f((k + 1) / steps) / f(k / steps), clip) for k in range(steps)]


def alpha_bars(betas: Sequence[float]) -> list[float]:
    """abar_k = prod_{i<=k} (1 - beta_i) (gauss.chain-collapse)."""
    return list(accumulate((1 - beta for beta in betas), lambda a, b: a * b))


def zero_terminal(bars: Sequence[float]) -> list[float]:
    """sqrt(abar), moved and scaled: the last is 0, the first stays (Lin et al. 2023, Alg. 1; param.zero-snr)."""
    first, last = math.sqrt(bars[0]), math.sqrt(bars[-1])
    return [((math.sqrt(bar) - last) * first / (first - last)) ** 2 for bar in bars]


def of_betas(betas: Sequence[float]) -> list[float]:
    """The noise levels of a table of betas, noisiest first, without the jump to 0.

    sigma^2 = 1/abar - 1 is taken from ln abar = sum ln(1 - beta), which keeps the digits of the first small betas.
    """
    logs = accumulate(math.log1p(-beta) for beta in betas)
    return [math.sqrt(math.expm1(-log)) for log in logs][::-1]


def subset(n: int, steps: int, spacing: Literal["leading", "linspace", "trailing"] = "trailing") -> list[int]:
    """Which n of the indices 0 .. steps-1 of a table to use, noisiest first (Lin et al. 2023, Table 2).

    leading 0, c, 2c, .. with c = steps // n never sees the noisiest level; linspace takes both ends; trailing ends at
    the noisiest and leaves out the cleanest.
    """
    if not 1 <= n <= steps:
        raise ValueError(f"cannot take {n} of {steps} time steps")
    match spacing:
        case "leading":
            return [i * (steps // n) for i in range(n)][::-1]
        case "linspace":
            return [round(1 + w * (steps - 1)) - 1 for w in fractions(n)][::-1]
        case "trailing":
            return [round(steps - i * steps / n) - 1 for i in range(n)]
    raise ValueError(f"the spacing is leading, linspace or trailing, not {spacing!r}")
