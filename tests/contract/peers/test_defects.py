"""Each listed defect is still in the pinned release, with exactly these numbers; a mended release is noticed."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import partial
from importlib.metadata import version

import diffusers
import pytest
import torch

from tests.contract.peers import page
from tests.contract.peers.defects import (
    DEFECTS,
    NOTHING,
    ONE,
    STEP,
    Defect,
    diffusers_steps,
    outcome,
    quadratic,
    same,
    slopes,
    third_step,
)
from verify.experiments import grids, paths
from verify.experiments.oracles import Gaussian
from verify.experiments.samplers.ddim import ddim
from verify.experiments.samplers.forms import DATA, NOISE
from verify.experiments.samplers.ito import sde_dpmpp_3m
from verify.experiments.samplers.multistep import multistep


def named(defect: Defect) -> str:
    """Such as `diffusers-0.42.1-flow-shift-twice`."""
    return f"{defect.peer}-{version(defect.peer)}-{defect.name}"


@pytest.mark.parametrize("defect", DEFECTS, ids=named)
def test_defect(defect):
    assert not same(defect.shows, defect.right, defect.digits), "the two numbers must tell the versions apart"
    found, release = outcome(defect), f"{defect.peer} {version(defect.peer)}"
    if same(found, defect.right, defect.digits):
        pytest.fail(f"{defect.name} is fixed upstream in {release}: take it off the list and run `python -m "
                    "tests.contract.peers.page`, which updates docs/contribute/peers.md")  # fmt: skip
    assert same(found, defect.shows, defect.digits), (
        f"{release} gives {found} for {defect.name}, neither the known {defect.shows} nor the right {defect.right}: "
        "read its release notes and mend the entry"
    )


def our_third_step(run: Callable[..., torch.Tensor], rate: float) -> float:
    grid = [math.exp(-k * STEP) for k in range(4)]
    return third_step(lambda steps: float(run(sigmas=grid[: steps + 1])), rate)


def ours() -> dict[tuple[str, str], float]:
    """The right number of each defect by our own code."""
    ode = our_third_step(partial(multistep, quadratic, NOTHING, form=DATA, order=3), 1.0)
    sde = our_third_step(partial(sde_dpmpp_3m, quadratic, NOTHING, noise=lambda i: NOTHING), 2.0)
    noise = our_third_step(partial(multistep, slopes, NOTHING, form=NOISE, order=3), 0.0)
    bars = grids.zero_terminal(grids.alpha_bars(grids.scaled_linear_betas()))
    squared = paths.from_functions(lambda t: t**2, lambda t: 1 - t**2, noisy=0.0, clean=1.0)
    unit, narrow = (Gaussian(NOTHING[0], v * ONE[0]) for v in (1.0, 0.25))
    return {
        ("k-diffusion", "dpmpp-3m"): ode,
        ("k-diffusion", "dpmpp-3m-sde"): sde,
        ("diffusers", "dpmpp-3m"): ode,
        ("diffusers", "edm-dpmpp-3m"): ode,
        ("diffusers", "dpm-3m"): noise,
        ("diffusers", "sde-dpmpp-3m"): sde,
        ("diffusers", "edm-sde-dpmpp-3m"): sde,
        ("diffusers", "sde-dpm-3"): 2 * noise,
        ("diffusers", "flow-shift-twice"): paths.shifted(paths.flow_matching(), 3.0).sigma(0.001),
        ("diffusers", "ddim-linspace"): grids.subset(10, 1000, "linspace")[1],
        ("diffusers", "ddim-trailing"): grids.subset(7, 1000, "trailing")[1],
        ("diffusers", "fixed-large-log"): math.sqrt(grids.linear_betas()[500]),
        ("diffusers", "zero-terminal-snr"): math.inf if bars[-1] == 0 else math.sqrt(1 / bars[-1] - 1),
        ("azula", "ddim-eta"): float(ddim(lambda x, sigma: 0 * x, NOTHING, [2.0, 1.0], lambda i: ONE, 0.5)),
        ("flow-matching", "graft-at-the-end"): float(squared.velocity(unit, ONE, 1.0)),
        ("flow-matching", "likelihood-gradient"): float(narrow.score(0.7 * ONE, 0.0)),
    }


@pytest.mark.parametrize("defect", DEFECTS, ids=named)
def test_ours_is_right(defect):
    """Two are decided by formula alone: we have no REAB, and no single-step SDE solver."""
    found = ours().get((defect.peer, defect.name))
    if found is None:
        assert defect.name in ("reab-factor", "sde-dpmpp-3s")
    else:
        assert same(found, defect.right, 1e-12)


def wave(x: torch.Tensor, sigma: float) -> torch.Tensor:
    """D = sin 2 lambda."""
    return torch.full_like(x, math.sin(-2 * math.log(sigma)))


def after_the_wave(rate: float, end: float) -> float:
    r"""rate \int_0^end e^{-rate (end - u)} sin 2u du."""
    return rate * (rate * math.sin(2 * end) - 2 * math.cos(2 * end) + 2 * math.exp(-rate * end)) / (rate**2 + 4)


@pytest.mark.parametrize(
    ("kind", "algorithm", "solver", "rate", "order"),
    [
        (diffusers.DPMSolverSinglestepScheduler, "dpmsolver++", "heun", 1.0, 3.0),
        (diffusers.DPMSolverSinglestepScheduler, "sde-dpmsolver++", "heun", 2.0, 1.0),
        (diffusers.DPMSolverMultistepScheduler, "sde-dpmsolver++", "midpoint", 2.0, 1.0),
        (diffusers.DPMSolverMultistepScheduler, "dpmsolver++", "midpoint", 1.0, 2.0),
    ],
)
def test_the_orders_that_the_page_states(kind, algorithm, solver, rate, order):
    """Global orders of four third-order methods on refining grids; one of them has its order."""

    def error(steps: int) -> float:
        found = diffusers_steps(kind, wave, steps, algorithm, 1.5 / steps, solver_type=solver)
        return abs(found - after_the_wave(rate, 1.5))

    assert math.isclose(math.log2(error(48) / error(96)), order, abs_tol=0.25)


def test_names_are_unique():
    names = [(defect.peer, defect.name) for defect in DEFECTS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_shows_this_list(language):
    """Whether a claim is linked or only named depends on the claims, and is left aside."""

    def plain(text: str) -> str:
        return re.sub(r"\[([\w.-]+)\]\[\]", r"`\1`", text)

    shown = page.PAGES[language].read_text("utf-8")
    assert plain(page.page(language, set())) == plain(shown), "run `python -m tests.contract.peers.page`"
