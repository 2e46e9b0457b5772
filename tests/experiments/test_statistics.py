"""Verdicts and intervals: three outcomes, exact quantiles, measured error rates."""

import math
from statistics import NormalDist

import mpmath
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from verify.experiments.latents import Latents
from verify.experiments.oracles import Mixture
from verify.experiments.statistics import (
    CONFIRMED,
    INCONCLUSIVE,
    REFUTED,
    BoundedMean,
    CharacteristicFunction,
    ChiSquare,
    Interval,
    NoncentralSquare,
    NormalMean,
    Span,
    around,
    chi_square_quantile,
    mean,
    order_interval,
    verdict,
)

TRIALS, COUNT, ALARM = 2000, 400, 1e-2
# A right level makes more alarms than this with probability below 1e-9 (Bernstein).
LOG = math.log(1e9)
MOST = TRIALS * ALARM + LOG / 3 + math.sqrt((LOG / 3) ** 2 + 2 * TRIALS * ALARM * LOG)


@given(low=st.floats(-1, 1), width=st.floats(0, 1))
def test_three_outcomes(low, width):
    interval, margin = Interval(low, low + width, low), Span(0.0, 0.5)
    inside = low >= 0 and low + width <= 0.5
    outside = low > 0.5 or low + width < 0
    expected = CONFIRMED if inside else REFUTED if outside else INCONCLUSIVE
    assert verdict(interval, margin) == expected


@pytest.mark.parametrize("low,high", [(math.nan, 1.0), (0.0, math.nan), (math.nan, math.nan)])
def test_nan_is_refuted(low, high):
    assert verdict(Interval(low, high, math.nan), Span(-math.inf, math.inf)) == REFUTED


@pytest.mark.parametrize("degrees", [1, 5, 400, 1_000_000])
@pytest.mark.parametrize("p", [5e-10, 1e-3, 0.5, 0.999, 1 - 5e-10])
def test_chi_square_quantile_in_many_digits(degrees, p):
    half = mpmath.mpf(chi_square_quantile(p, degrees)) / 2
    if p < 0.5:
        tail, found = p, mpmath.gammainc(mpmath.mpf(degrees) / 2, 0, half, regularized=True)
    else:
        tail, found = 1 - p, mpmath.gammainc(mpmath.mpf(degrees) / 2, half, regularized=True)
    assert float(found) == pytest.approx(tail, rel=1e-5)


def draws(name):
    return Latents(11).normal(name, TRIALS, COUNT)


def alarms(intervals, truth):
    return sum(not i.low <= truth <= i.high for i in intervals)


def test_false_alarms_of_gaussian_intervals():
    z = draws("z")
    squares = z.square().mean(1).tolist()
    assert alarms((ChiSquare(COUNT, ALARM).interval(v) for v in squares), 1.0) <= MOST
    assert alarms((NoncentralSquare(COUNT, ALARM).interval(v) for v in squares), 1.0) <= MOST
    assert alarms((NormalMean(COUNT, 1.0, ALARM).interval(v) for v in z.mean(1).tolist()), 0.0) <= MOST
    # The exact interval is not merely safe: it does use its level.
    assert alarms((ChiSquare(COUNT, ALARM).interval(v) for v in squares), 1.0) >= 2


def test_false_alarms_of_the_noncentral_bound_on_atoms():
    squares = (1.3 * draws("z").sign() + 0.4 * draws("n")).square().mean(1).tolist()
    assert alarms((NoncentralSquare(COUNT, ALARM).interval(v) for v in squares), 1.3**2 + 0.4**2) <= MOST


def test_false_alarms_of_bounded_means():
    values = draws("z").tanh()
    law = BoundedMean(COUNT, 2.0, ALARM)
    assert alarms((law.interval(row) for row in values), 0.0) <= MOST


def characteristic(count, alarm=ALARM):
    target = Mixture(*(torch.tensor(v, dtype=torch.float64) for v in ([0.3, 0.7], [[-1.0], [0.8]], [[0.04], [0.1]])))
    w = torch.tensor([[0.5], [1.0], [2.0]], dtype=torch.float64)
    law = CharacteristicFunction(w, target.characteristic(w, 0.3), target.characteristic(2 * w, 0.3), count, alarm)
    return target, w, law


def test_false_alarms_and_power_of_the_characteristic_function():
    target, w, law = characteristic(COUNT)
    latents = Latents(4)
    y = target.sample(latents, "y", 500 * COUNT) + 0.3 * latents.normal("n", 500 * COUNT, 1)
    assert sum(law.interval(part).low > 0 for part in y.split(COUNT)) <= 5 + LOG + math.sqrt(LOG**2 + 10 * LOG)
    margin = Span(-math.inf, 0.01)
    shifted = target.characteristic(w, 0.3) * torch.exp(1j * w[:, 0])
    assert law.distance(shifted) > law.blind(margin).high
    assert all(verdict(law.interval(part + 1.0), margin) == REFUTED for part in y[: 50 * COUNT].split(COUNT))


@pytest.mark.parametrize("law", [ChiSquare(COUNT), NoncentralSquare(COUNT), NormalMean(COUNT, 1.0)])
def test_what_is_said_to_be_seen_is_seen(law):
    """At the edge of the blind span a value is refuted with probability 0.999."""
    centre = 0.0 if isinstance(law, NormalMean) else 1.0
    margin = around(centre, 0.05)
    blind, z = law.blind(margin), draws("z")
    for edge in (blind.low, blind.high):
        if isinstance(law, NormalMean):
            values = (edge + z.mean(1)).tolist()
        else:
            values = (edge * z.square().mean(1)).tolist()
        missed = sum(verdict(law.interval(v), margin) != REFUTED for v in values)
        assert missed <= 2 + LOG / 3 + math.sqrt((LOG / 3) ** 2 + 4 * LOG)


def test_bounded_means_see_what_they_say():
    law, margin = BoundedMean(4000, 1.0), around(0.0, 0.02)
    edge = law.blind(margin).high
    values = edge + 0.5 * Latents(2).normal("b", 200, 4000).sign()
    assert all(verdict(law.interval(row), margin) == REFUTED for row in values)


def test_means_are_summed_in_float64():
    values = torch.full((2_000_000,), 0.1, dtype=torch.float32)
    assert mean(values) == pytest.approx(float(torch.tensor(0.1, dtype=torch.float32)), rel=1e-12)


@given(order=st.integers(1, 4), constant=st.floats(0.1, 10), drift=st.floats(-0.3, 0.3))
def test_order_of_a_power_with_a_correction(order, constant, drift):
    sizes = [1 / n for n in (16, 32, 64, 128, 256, 512)]
    found = order_interval(sizes, [constant * h**order * (1 + drift * h) for h in sizes], 1e-16)
    assert found.low <= order <= found.high
    assert found.high - found.low < 0.5


@pytest.mark.parametrize("errors", [[1.0, math.nan, 0.1, 0.1], [1.0, 0.5, 0.25], [1e-15] * 6, [math.inf] * 5])
def test_an_order_without_levels_is_nan(errors):
    found = order_interval([2.0**-k for k in range(len(errors))], errors, 1e-14)
    assert verdict(found, Span(-math.inf, math.inf)) == REFUTED


def test_quantiles_of_the_normal_mean_are_the_standard_ones():
    interval = NormalMean(100, 2.0, 0.05).interval(0.0)
    assert interval.high == pytest.approx(NormalDist().inv_cdf(0.975) * 0.2)
