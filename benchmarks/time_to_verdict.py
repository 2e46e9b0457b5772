"""Seconds until a wrong sampler is refuted: one-sample characteristic functions against a permutation MMD.

    python -m benchmarks.time_to_verdict

The target is a two-dimensional mixture. Both tests get samples of the same wrong version, and drawing them is in their
time. Ours knows the law and has a false alarm of at most 1e-9 by Bernstein's inequality. The MMD (Gretton et al. 2012,
unbiased, Gaussian kernel of the median distance) compares with exact draws. Its p-value is at least
1 / (permutations + 1), so 1e-9 takes 10^9 permutations: that many times the measured cost of one is a lower bound,
whether or not it would then decide. At 1e-3, which 999 permutations can reach, both are measured, each at the smallest
n of a ladder at which it decides.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import Tensor

from verify.experiments.grids import karras
from verify.experiments.latents import Latents
from verify.experiments.oracles import Mixture
from verify.experiments.samplers.ancestral import ancestral, beta_tilde
from verify.experiments.samplers.ode import euler
from verify.experiments.statistics import CharacteristicFunction, frequencies

PERMUTATIONS = 999
LADDER = (125, 250, 500, 1000, 2000)
OURS_LADDER = tuple(round(10 ** (k / 4)) for k in range(8, 22))  # 100 .. 178,000
GOAL_SECONDS, GOAL_RATIO = 2.0, 1000.0
Draw = Callable[[int], Tensor]


def mixture(weights: tuple[float, ...] = (0.2, 0.5, 0.3), scale: float = 1.0, width: float = 1.0) -> Mixture:
    means = torch.tensor([[-1.0, -0.5], [0.8, 0.2], [0.0, 1.2]], dtype=torch.float64)
    variances = torch.tensor([[0.04, 0.10], [0.09, 0.05], [0.02, 0.15]], dtype=torch.float64)
    return Mixture(torch.tensor(weights, dtype=torch.float64), means * scale, variances * (scale * width) ** 2)


TARGET, LATENTS = mixture(), Latents(7)
SPREAD = (0.8, 0.7)  # about the deviations of the target


@dataclass(frozen=True)
class Variant:
    """A wrong version, and how many samples are set aside to refute it at 1e-9."""

    name: str
    draw: Draw
    count: int


def exact(target: Mixture, shift: float = 0.0) -> Draw:
    return lambda n: target.sample(LATENTS, "sample", n) + shift


def steps(n: int, grid: list[float], run: Callable) -> Tensor:
    return run(TARGET.denoise, grid[0] * LATENTS.normal("start", n, 2), grid)


def by_ancestral(n: int, power: float) -> Tensor:
    """32 steps with beta-tilde to a wrong power as the variance; to the power inf it is none."""

    def variance(t: float, after: float) -> float:
        return 0.0 if math.isinf(power) else beta_tilde(t, after) ** power

    grid = karras(32)
    return steps(n, grid, partial(ancestral, noise=lambda i: LATENTS.normal(f"noise.{i}", n, 2), variance=variance))


VARIANTS = [
    Variant("no noise in ancestral steps", partial(by_ancestral, power=math.inf), 2_000),
    Variant("variance for deviation", partial(by_ancestral, power=2.0), 4_000),
    Variant("root of the deviation", partial(by_ancestral, power=0.5), 4_000),
    Variant("one mode lost", exact(mixture((1e-12, 0.625, 0.375))), 10_000),
    Variant("equal weights", exact(mixture((1.0, 1.0, 1.0))), 10_000),
    Variant("variances doubled", exact(mixture(width=math.sqrt(2))), 10_000),
    Variant("Euler, 18 steps", partial(steps, grid=karras(18), run=euler), 20_000),
    Variant("Euler, 64 steps", partial(steps, grid=karras(64), run=euler), 60_000),
    Variant("components 5 % wider", exact(mixture(width=1.05)), 200_000),
    Variant("everything 1 % larger", exact(mixture(scale=1.01)), 200_000),
    Variant("mean moved by 0.01", exact(TARGET, 0.01), 300_000),
]


def one_sample(draw: Draw, count: int, false_alarm: float) -> tuple[bool, float]:
    """Whether the sample is refuted, and the seconds of drawing and testing."""
    started = time.process_time()
    law = partial(TARGET.characteristic, sigma=0.0)
    test = CharacteristicFunction.of(law, frequencies(SPREAD, 32, finest=0.25), count, false_alarm)
    return test.interval(draw(count)).low > 0, time.process_time() - started


def permutation_mmd(x: Tensor, y: Tensor, permutations: int = PERMUTATIONS, chunk: int = 333) -> tuple[float, float]:
    """The p-value of H0: equal laws, for equal sizes, and the seconds of one permutation."""
    n, both = len(x), torch.cat([x, y]).float()
    distances = torch.cdist(both, both).square()
    kernel = torch.exp(-distances / distances.median()).fill_diagonal_(0)
    rows, total = kernel.sum(1), kernel.sum()

    def statistics(labels: Tensor) -> Tensor:
        """Unbiased MMD^2 of every column of 0/1 labels, (2n, R) -> (R,)."""
        inside = (labels * (kernel @ labels)).sum(0)
        edge = rows @ labels
        across, outside = edge - inside, total - 2 * edge + inside
        return (inside + outside) / (n * (n - 1)) - 2 * across / n**2

    first = torch.cat([torch.ones(n), torch.zeros(n)])
    found, generator = statistics(first[:, None])[0], torch.Generator().manual_seed(0)
    started, larger = time.process_time(), 0
    for _ in range(permutations // chunk):
        shuffled = torch.rand(2 * n, chunk, generator=generator).argsort(0)
        larger += int((statistics(first[shuffled]) >= found).sum())
    done = permutations // chunk * chunk
    return (1 + larger) / (1 + done), (time.process_time() - started) / done


def two_sample(draw: Draw, count: int) -> tuple[bool, float, float]:
    """Decided at 1e-3?, the seconds of it, and the seconds of one permutation."""
    started = time.process_time()
    p, each = permutation_mmd(draw(count), TARGET.sample(LATENTS, "reference", count))
    return p <= 1e-3, time.process_time() - started, each


def at_one_in_a_thousand(variant: Variant) -> tuple[float, float | None, float]:
    """Seconds of ours, of the MMD (None if it decides nowhere), and of one permutation at the last n tried."""
    ours, each = math.nan, math.nan
    for count in OURS_LADDER:
        decided, ours = one_sample(variant.draw, count, 1e-3)
        if decided:
            break
    for count in LADDER:
        decided, spent, each = two_sample(variant.draw, count)
        if decided:
            return ours, spent, each
    return ours, None, each


def main() -> None:
    torch.set_num_threads(1)
    console = Console(width=120)
    table = Table(
        "wrong version", "n", "ours, 1e-9", "MMD, 1e-9, at least", "times", "ours, 1e-3", "MMD, 1e-3", "times", box=None
    )
    met = True
    for variant in track(VARIANTS, "variants", console=Console(stderr=True)):
        refuted, spent = one_sample(variant.draw, variant.count, 1e-9)
        quick, mmd, each = at_one_in_a_thousand(variant)
        bound = each * 1e9
        met = met and refuted and spent < GOAL_SECONDS and bound / spent >= GOAL_RATIO
        table.add_row(
            variant.name, f"{variant.count:,}", f"{spent:.3f} s" if refuted else "not refuted", f"{bound:.1e} s",
            f"{bound / spent:.0e}", f"{quick:.4f} s", "never" if mmd is None else f"{mmd:.2f} s",
            "" if mmd is None else f"{mmd / quick:.0f}",
        )  # fmt: skip
    alarm = any(one_sample(exact(TARGET), n, 1e-9)[0] for n in sorted({v.count for v in VARIANTS}))
    console.print(table)
    console.print(f"the right version is {'REFUTED' if alarm else 'not refuted'} at any of these n")
    reached = "reached" if met else "missed"
    console.print(f"goals at 1e-9: under {GOAL_SECONDS:g} s each and {GOAL_RATIO:,.0f} times sooner: {reached}")


if __name__ == "__main__":
    main()
