"""What a sampler costs beyond its denoiser: ours, the textbook's, k-diffusion's and diffusers', side by side.

    python -m benchmarks.samplers

Everybody gets the same start and the same denoiser of one operation, 18 steps, batch 4, d = 2; seconds are CPU seconds
of one thread, medians of interleaved rounds. With a network of ordinary size none of this is seen; it is what oracles
of microseconds and captured graphs see. The second part shows it: an oracle of 3,072 dimensions at batch 256.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import diffusers
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

import tests.contract.peers  # noqa: F401  # makes k_diffusion importable
from benchmarks.common import interleaved, operations_and_syncs
from verify.experiments.capture import Survey
from verify.experiments.grids import karras
from verify.experiments.latents import Latents
from verify.experiments.oracles import DataSet
from verify.experiments.samplers import Counted
from verify.experiments.samplers.ancestral import ancestral
from verify.experiments.samplers.multistep import dpmpp_2m
from verify.experiments.samplers.ode import churn, euler, heun

Denoise = Callable[[Tensor, object], Tensor]
Run = Callable[[Denoise], Tensor]
STEPS = 18
GRID = karras(STEPS)
START = 80 * Latents(0).normal("start", 4, 2).float()


def half(x: Tensor, sigma: object) -> Tensor:
    """D = x/2, one operation. Peers pass the noise level as a tensor, which is not looked at."""
    return x * 0.5


def textbook(denoise: Denoise, x: Tensor, levels: Tensor, s_churn: float = 0.0) -> Tensor:
    """Karras et al. 2022, Alg. 2, line by line on tensors: float64 state, float32 network, as the paper's release."""
    s_min, s_max, s_noise = 0.0, math.inf, 1.0
    n, x = len(levels) - 1, x.double()
    for i, (t, after) in enumerate(zip(levels[:-1], levels[1:], strict=True)):
        gamma = min(s_churn / n, math.sqrt(2) - 1) if s_min <= t <= s_max else 0.0
        raised = t + gamma * t
        x = x + (raised**2 - t**2).sqrt() * s_noise * torch.randn_like(x)
        d = (x - denoise(x.float(), raised).double()) / raised
        moved = x + (after - raised) * d
        if i < n - 1:
            second = (moved - denoise(moved.float(), after).double()) / after
            moved = x + (after - raised) * (0.5 * d + 0.5 * second)
        x = moved
    return x


def crowson(name: str) -> Run:
    import k_diffusion.sampling

    sampler, levels = getattr(k_diffusion.sampling, f"sample_{name}"), torch.tensor(GRID)
    return lambda denoise: sampler(denoise, START, levels, disable=True)


def pipeline(scheduler: object) -> Run:
    """The loop of a diffusers pipeline, without its `set_timesteps`: a copy of the scheduler made ready beforehand."""
    scheduler.set_timesteps(STEPS)
    ready = dict(vars(scheduler))

    def run(denoise: Denoise) -> Tensor:
        vars(scheduler).update(ready)
        x = START
        for t in scheduler.timesteps:
            x = scheduler.step(denoise(scheduler.scale_model_input(x, t), t), t, x).prev_sample
        return x

    return run


@dataclass(frozen=True)
class Contest:
    """One of ours, and who is compared with it, each with the least ratio to reach if there is one."""

    ours: Run
    peers: dict[str, tuple[Run, float | None]]


def contests() -> dict[str, Contest]:
    levels = torch.tensor(GRID, dtype=torch.float64)
    noise = [Latents(0).normal(f"noise.{i}", 4, 2).float() for i in range(STEPS)]
    karras_heun = diffusers.HeunDiscreteScheduler(use_karras_sigmas=True)
    return {
        "Heun": Contest(
            lambda d: heun(d, START, GRID),
            {
                "EDM, Alg. 2": (lambda d: textbook(d, START, levels), 4.5),
                "k-diffusion": (crowson("heun"), 4.5),
                "diffusers": (pipeline(karras_heun), 7.0),
            },
        ),
        "DPM++(2M)": Contest(
            lambda d: dpmpp_2m(d, START, GRID),
            {
                "k-diffusion": (crowson("dpmpp_2m"), 8.0),
                "diffusers": (pipeline(diffusers.EDMDPMSolverMultistepScheduler()), 15.0),
            },
        ),
        "Euler": Contest(
            lambda d: euler(d, START, GRID),
            {"k-diffusion": (crowson("euler"), None), "diffusers": (pipeline(diffusers.EDMEulerScheduler()), None)},
        ),
        "churn": Contest(lambda d: churn(d, START, GRID, noise.__getitem__, 40.0, 0.05, 50.0), {}),
        "ancestral": Contest(
            lambda d: ancestral(d, START, GRID, noise.__getitem__),
            {"k-diffusion": (crowson("euler_ancestral"), None)},
        ),
    }


def counts(run: Run) -> tuple[int, float, int]:
    """NFE, tensor operations a step without the denoiser's own, synchronisations a run."""
    denoise = Counted(half)
    with Survey() as counted:
        run(denoise)
    operations, syncs = operations_and_syncs(counted)
    return denoise.calls, (operations - denoise.calls) / STEPS, syncs


def overhead(rounds: int) -> Table:
    """The first part: seconds and counts of every contest, with the goals."""
    table = Table("sampler", "code", "NFE", "ops/step", "syncs", "us/step", "ratio", "goal", box=None)
    for name, contest in contests().items():
        runs = {"ours": contest.ours} | {peer: run for peer, (run, _) in contest.peers.items()}
        times = interleaved({who: partial(run, half) for who, run in runs.items()}, rounds)
        for who, run in runs.items():
            nfe, operations, syncs = counts(run)
            ratio, goal = times[who] / times["ours"], contest.peers.get(who, (None, None))[1]
            shown = "" if goal is None else f"{goal:g} {'reached' if ratio >= goal else 'missed'}"
            step = f"{times[who] / STEPS * 1e6:.1f}"
            table.add_row(name, who, f"{nfe}", f"{operations:.1f}", f"{syncs}", step, f"{ratio:.1f}", shown)
    return table


class Timed:
    """A denoiser that adds up its own CPU seconds."""

    def __init__(self, denoise: Denoise) -> None:
        self.denoise, self.seconds = denoise, 0.0

    def __call__(self, x: Tensor, sigma: float) -> Tensor:
        started = time.process_time()
        denoised = self.denoise(x, sigma)
        self.seconds += time.process_time() - started
        return denoised


def inside_and_outside(run: Callable[[Denoise], object], denoise: Denoise) -> tuple[float, float]:
    """CPU seconds in the denoiser and beside it, of one run."""
    timed, started = Timed(denoise), time.process_time()
    run(timed)
    return timed.seconds, time.process_time() - started - timed.seconds


def share(rounds: int) -> Table:
    """The second part: time outside the oracle as a share of the time inside it, in the same run."""
    latents = Latents(1, dtype=torch.float32)
    oracle, x = DataSet(latents.normal("points", 5000, 3072)), 80 * latents.normal("x", 256, 3072)
    table = Table("sampler", "seconds in the oracle", "outside", "share", "goal", box=None)
    for name, sampler in (("Euler", euler), ("Heun", heun), ("DPM++(2M)", dpmpp_2m)):
        run = partial(sampler, x=x, sigmas=GRID)
        both = [inside_and_outside(run, oracle.denoise) for _ in range(rounds)]
        inside, outside = (statistics.median(column) for column in zip(*both, strict=True))
        reached = "reached" if outside / inside < 0.02 else "missed"
        table.add_row(name, f"{inside:.2f}", f"{outside:.4f}", f"{100 * outside / inside:.2f} %", f"2 % {reached}")
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9, help="interleaved rounds, of which the median counts")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    console = Console(width=110)
    console.print(f"batch 4, d = 2, {STEPS} steps, denoiser of one operation; torch {torch.__version__}, CPU, 1 thread")
    console.print(overhead(arguments.rounds))
    console.print("batch 256, d = 3,072, ideal denoiser of 5,000 points")
    console.print(share(max(3, arguments.rounds // 3)))


if __name__ == "__main__":
    main()
