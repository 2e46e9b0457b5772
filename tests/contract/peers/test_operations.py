"""Counts that the speed rests on and that no machine changes: tensor operations a step, synchronisations, NFE."""

from __future__ import annotations

from functools import partial

import pytest
import torch

from benchmarks.samplers import GRID, START, STEPS, contests, counts
from verify.experiments.samplers.ddim import ddim
from verify.experiments.samplers.dpm_solver import dpmpp_single
from verify.experiments.samplers.ito import sde_dpmpp_2m
from verify.experiments.samplers.multistep import adams_bashforth, dpmpp_3m

CONTESTS = ("Heun", "DPM++(2M)", "Euler", "churn", "ancestral")
NOISE = [torch.ones_like(START)] * STEPS
MORE = {
    "DDIM": (ddim, 1, STEPS),
    "DPM++(2S)": (dpmpp_single, 2, 2 * STEPS - 1),
    "DPM++(3M)": (dpmpp_3m, 3, STEPS + 1),
    "SDE-DPM++(2M)": (partial(sde_dpmpp_2m, noise=NOISE.__getitem__), 3, STEPS),
    "Adams-Bashforth": (adams_bashforth, 5, STEPS + 1),
}


@pytest.mark.parametrize("name", CONTESTS)
def test_ours_against_peers(name):
    contest = contests()[name]
    nfe, operations, syncs = counts(contest.ours)
    assert syncs == 0
    assert operations <= 4 if name == "churn" else operations <= 3
    for peer, (run, _) in contest.peers.items():
        theirs = counts(run)
        assert theirs[0] == nfe, peer
        assert theirs[1] > 5 * operations, peer
        assert theirs[2] > 0, peer


def test_every_contest_is_counted():
    assert set(CONTESTS) == set(contests())


@pytest.mark.parametrize("name", MORE)
def test_the_others(name):
    sampler, most, evaluations = MORE[name]
    nfe, operations, syncs = counts(lambda denoise: sampler(denoise, START, GRID))
    assert (nfe, syncs) == (evaluations, 0)
    assert operations <= most
