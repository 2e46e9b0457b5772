"""Counter-based random latents: a number is a function of (seed, stream, index) and of nothing else.

Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3") in int64 tensor operations gives
the same bits on every device, torch version, thread count and batch split. The normal quantile (Wichura 1988, AS 241)
uses + - * / sqrt frexp only, each an operation of its own in float64, so its result is the same on every IEEE device.
Two devices can then be compared sample by sample instead of statistically.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import torch
from torch import Tensor

MASK = 0xFFFFFFFF
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)
ROUNDS = 10

# AS 241, PPND16: numerator and denominator, constant term first, for the centre, the shoulder and the far tail.
CENTRE = (
    (3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
     4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3),
    (1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
     2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3),
)  # fmt: skip
SHOULDER = (
    (1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0,
     1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4),
    (1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
     1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9),
)  # fmt: skip
TAIL = (
    (6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0, 2.96560571828504891230e-1,
     2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7),
    (1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
     7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15),
)  # fmt: skip
LN_2 = 0.6931471805599453
SQRT_HALF = 0.7071067811865476


def philox(counter: tuple[Tensor, Tensor, Tensor, Tensor], key: tuple[int, int]) -> tuple[Tensor, ...]:
    """Ten rounds of Philox4x32. Words are int64 tensors holding values below 2^32; four words in, four out."""
    a, b, c, d = counter
    low, high = key
    for _ in range(ROUNDS):
        # int64 wraps modulo 2^64, which leaves the low 64 bits of each product right.
        left, right = a * MULTIPLIERS[0], c * MULTIPLIERS[1]
        a, b, c, d = (right >> 32 & MASK) ^ b ^ low, right & MASK, (left >> 32 & MASK) ^ d ^ high, left & MASK
        low, high = (low + WEYL[0]) & MASK, (high + WEYL[1]) & MASK
    return a, b, c, d


def words(seed: int, stream: int, count: int, start: int = 0, device: torch.device | str = "cpu") -> Tensor:
    """Words start .. start+count-1 of a stream: int64 (count,), each below 2^32. Seed and stream have 64 bits."""
    first, last = start // 4, (start + count + 3) // 4
    block = torch.arange(first, last, dtype=torch.int64, device=device)
    zero = torch.zeros_like(block)
    counter = (block & MASK, block >> 32, zero + (stream & MASK), zero + (stream >> 32 & MASK))
    out = torch.stack(philox(counter, (seed & MASK, seed >> 32 & MASK)), 1).reshape(-1)
    return out[start - 4 * first : start - 4 * first + count]


def _ratio(tables: tuple[tuple[float, ...], tuple[float, ...]], x: Tensor) -> Tensor:
    values = []
    for coefficients in tables:
        value = torch.full_like(x, coefficients[-1])
        for coefficient in reversed(coefficients[:-1]):
            value = value * x
            value = value + coefficient
        values.append(value)
    return values[0] / values[1]


def _log(x: Tensor) -> Tensor:
    """log x = e log 2 + 2 artanh((m-1)/(m+1)) for x = m 2^e, m in [sqrt(1/2), sqrt 2): basic operations only."""
    mantissa, exponent = torch.frexp(x)
    small = mantissa < SQRT_HALF
    mantissa = torch.where(small, mantissa + mantissa, mantissa)
    exponent = (exponent - small.to(exponent.dtype)).to(x.dtype)
    ratio = (mantissa - 1) / (mantissa + 1)
    square = ratio * ratio
    series = torch.full_like(x, 1 / 27)
    for odd in range(25, 0, -2):
        series = series * square
        series = series + 1 / odd
    return exponent * LN_2 + (ratio + ratio) * series


def normal_quantile(p: Tensor) -> Tensor:
    """The z with Phi(z) = p, for float64 p in (0, 1); relative error about 1e-15 (Wichura 1988, AS 241)."""
    q = p - 0.5
    centre = q * _ratio(CENTRE, 0.180625 - q * q)
    depth = torch.sqrt(-_log(torch.minimum(p, 1 - p)))
    outer = torch.where(depth <= 5.0, _ratio(SHOULDER, depth - 1.6), _ratio(TAIL, depth - 5.0))
    return torch.where(q.abs() <= 0.425, centre, torch.where(q < 0, -outer, outer))


@dataclass(frozen=True)
class Latents:
    """Named streams of latents for one seed, delivered on `device` in `dtype` (rounded from float64).

    Row r of a stream is the same numbers whatever the batch that asks for it: normal("x", 8, 2) is
    normal("x", 5, 2) followed by normal("x", 3, 2, start=5).
    """

    seed: int
    device: str = "cpu"
    dtype: torch.dtype = torch.float64

    def _uniform(self, stream: str, count: int, start: int) -> Tensor:
        number = int.from_bytes(hashlib.sha256(stream.encode()).digest()[:8], "little")
        return (words(self.seed, number, count, start, self.device).to(torch.float64) + 0.5) * 2.0**-32

    def uniform(self, stream: str, rows: int, start: int = 0) -> Tensor:
        """(rows,) uniform on (0, 1), float64: never 0 or 1."""
        return self._uniform(stream, rows, start)

    def normal(self, stream: str, rows: int, dimensions: int, start: int = 0) -> Tensor:
        """(rows, dimensions) independent standard normals."""
        p = self._uniform(stream, rows * dimensions, start * dimensions)
        return normal_quantile(p).to(self.dtype).reshape(rows, dimensions)
