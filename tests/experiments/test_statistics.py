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
    KolmogorovSmirnov,
    NoncentralSquare,
    NormalDifference,
    NormalMean,
    Proportion,
    Span,
    around,
    chi_square_quantile,
    frequencies,
    mean,
    needed,
    order_interval,
    paired,
    plan,
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
    assert verdict(Interval(low, high, 0.5), Span(-math.inf, math.inf)) == REFUTED


@pytest.mark.parametrize("estimate", [math.nan, math.inf, -math.inf])
def test_an_estimate_that_is_not_finite_is_refuted_in_a_margin_without_end(estimate):
    assert verdict(Interval(1.0, 2.0, estimate), Span(0.0, math.inf)) == REFUTED
    assert verdict(Interval(estimate, estimate, estimate), Span(-math.inf, math.inf)) == REFUTED


def test_an_interval_with_its_ends_exchanged_is_refuted():
    assert verdict(Interval(2.0, 1.0, 1.5), Span(0.0, 3.0)) == REFUTED


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


# -- error rates at 5 %, where a bound that is wrong by a constant shows ---------------------------------------------

FIVE = 0.05
MOST_AT_FIVE = TRIALS * FIVE + LOG / 3 + math.sqrt((LOG / 3) ** 2 + 2 * TRIALS * FIVE * LOG)


def test_false_alarms_at_five_per_cent():
    z, u = draws("z"), draws("other").abs()
    squares = z.square().mean(1).tolist()
    found = {
        "chi-square": alarms((ChiSquare(COUNT, FIVE).interval(v) for v in squares), 1.0),
        "noncentral": alarms((NoncentralSquare(COUNT, FIVE).interval(v) for v in squares), 1.0),
        "normal": alarms((NormalMean(COUNT, 1.0, FIVE).interval(v) for v in z.mean(1).tolist()), 0.0),
        "difference": alarms((NormalDifference(COUNT, 1.0, FIVE).interval(row) for row in z), 0.0),
        "bounded": alarms((BoundedMean(COUNT, 2.0, FIVE).interval(row) for row in z.tanh()), 0.0),
        "proportion": alarms((Proportion(COUNT, FIVE).interval(v) for v in (u < 0.3).double().mean(1).tolist()),
                             math.erf(0.3 / math.sqrt(2))),
    }  # fmt: skip
    assert all(count <= MOST_AT_FIVE for count in found.values()), found
    # Exact laws use their level; the others are safe at every n and law, not sharp.
    assert min(found["chi-square"], found["normal"]) >= TRIALS * FIVE - (MOST_AT_FIVE - TRIALS * FIVE)


def test_false_alarms_of_distances_at_five_per_cent():
    z = draws("z")
    w = torch.tensor([[0.7], [1.4]], dtype=torch.float64)
    waves = CharacteristicFunction.of(lambda w: torch.exp(-w[:, 0].square() / 2).to(torch.complex128), w, COUNT, FIVE)
    steps = KolmogorovSmirnov(torch.ones(1, 1, dtype=torch.float64), [torch.special.ndtr], COUNT, FIVE)
    assert sum(waves.interval(row[:, None]).low > 0 for row in z) <= MOST_AT_FIVE
    beyond = sum(steps.interval(row[:, None]).low > 0 for row in z)
    assert TRIALS * FIVE / 3 <= beyond <= MOST_AT_FIVE  # Massart's constant is sharp


def test_what_is_confirmed_is_close_whatever_the_law():
    """The high end covers the distance of another law, with more variance than the stated one, at its level."""
    flips = draws("z").sign() * 1.5
    w = torch.tensor([[0.2], [1.0]], dtype=torch.float64)
    law = CharacteristicFunction.of(lambda w: torch.ones(len(w), dtype=torch.complex128), w, COUNT, FIVE)
    distance = law.distance(torch.cos(1.5 * w[:, 0]).to(torch.complex128))
    assert sum(law.interval(row[:, None]).high < distance for row in flips) <= MOST_AT_FIVE


# -- differences, proportions, distances, plans ---------------------------------------------------------------------


def test_common_latents_make_a_difference_sharp():
    """Two maps that differ by 1 %: 400 pairs see it, 400 samples of each do not."""
    z = Latents(3).normal("pairs", COUNT, 1)[:, 0]
    first, second = 1.01 * z + 0.01, z
    margin = around(0.0, 0.001)
    law = NormalDifference(COUNT, 0.01)
    assert verdict(law.interval(paired(first, second)), margin) == REFUTED
    apart = first - Latents(3).normal("others", COUNT, 1)[:, 0]
    assert verdict(NormalDifference(COUNT, 1.5).interval(apart), margin) == INCONCLUSIVE


def test_pairs_are_row_by_row():
    with pytest.raises(ValueError, match="same shape"):
        paired(torch.zeros(4, 1), torch.zeros(4))


def test_differences_see_what_they_say():
    law, margin = NormalDifference(COUNT, 2.0), around(0.0, 0.1)
    edge = law.blind(margin).high
    missed = sum(verdict(law.interval(edge + 2 * row), margin) != REFUTED for row in draws("z"))
    assert missed <= 2 + LOG / 3 + math.sqrt((LOG / 3) ** 2 + 4 * LOG)


@pytest.mark.parametrize("truth", [0.0, 1e-4, 0.3, 0.999, 1.0])
def test_proportions_cover_and_see_what_they_say(truth):
    law, margin = Proportion(5000), Span(max(truth - 0.02, 0.0), min(truth + 0.02, 1.0))
    uniform = Latents(5).uniform("p", 200 * 5000).reshape(200, 5000)
    shares = (uniform < truth).double().mean(1).tolist()
    assert all(law.interval(v).low <= truth <= law.interval(v).high for v in shares)
    edges = law.blind(margin)
    for edge in (edges.low, edges.high):
        if math.isfinite(edge):
            found = (uniform < edge).double().mean(1).tolist()
            assert sum(verdict(law.interval(v), margin) != REFUTED for v in found) <= 8


def test_proportions_nearly_reach_the_exact_binomial_interval():
    """Clopper and Pearson's upper limit after k = 300 of 1000, in many digits, is only a little lower."""
    limit = Proportion(1000, 1e-9).interval(0.3).high
    tail = mpmath.betainc(1000 - 300, 301, 0, 1 - mpmath.mpf(limit), regularized=True)
    assert 1e-11 < tail < 5e-10


def test_a_sample_wider_than_its_law_allows_is_refuted():
    values = torch.linspace(0, 3, 1000, dtype=torch.float64)
    assert verdict(BoundedMean(1000, 2.0).interval(values), Span(-math.inf, math.inf)) == REFUTED


def correlated(rows):
    """N(0, [[1, .6], [.6, 1]]) and its cdfs and characteristic function."""
    z = Latents(8).normal("correlated", rows, 2)
    return torch.stack([z[:, 0], 0.6 * z[:, 0] + 0.8 * z[:, 1]], 1)


COVARIANCE = torch.tensor([[1.0, 0.6], [0.6, 1.0]], dtype=torch.float64)


def gaussian_characteristic(covariance):
    return lambda w: torch.exp(-torch.einsum("md,de,me->m", w, covariance, w) / 2).to(torch.complex128)


def test_frequencies_in_two_dimensions_see_a_lost_correlation():
    """Both margins are right, only the correlation is missing: the axes are blind to it, the plan is not."""
    rows = 20_000
    independent, x = gaussian_characteristic(torch.eye(2, dtype=torch.float64)), correlated(rows)
    axes = torch.eye(2, dtype=torch.float64).repeat(3, 1) * torch.tensor([0.5, 0.5, 1, 1, 2, 2.0])[:, None]
    margin = Span(-math.inf, 0.01)
    assert verdict(CharacteristicFunction.of(independent, axes, rows).interval(x), margin) != REFUTED
    law = CharacteristicFunction.of(independent, frequencies([1.0, 1.0], 24), rows)
    assert law.distance(gaussian_characteristic(COVARIANCE)(law.frequencies)) > law.blind(margin).high
    assert verdict(law.interval(x), margin) == REFUTED
    right = CharacteristicFunction.of(gaussian_characteristic(COVARIANCE), law.frequencies, rows)
    assert verdict(right.interval(x), Span(-math.inf, 0.1)) == CONFIRMED


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=4), st.integers(1, 40), st.floats(0.05, 1))
def test_frequencies_are_scaled_to_the_law(spread, count, finest):
    w = frequencies(spread, count, finest)
    size = (w * torch.tensor(spread, dtype=torch.float64)).norm(dim=1)
    assert w.shape == (count, len(spread))
    assert float(size.min()) >= 0.5 - 1e-9 and float(size.max()) <= 2 / finest + 1e-9


@pytest.mark.parametrize("bad", [([1.0], 0, 1.0), ([0.0], 4, 1.0), ([1.0], 4, 0.0), ([1.0], 4, 2.0)])
def test_frequencies_refuse_what_has_no_scale(bad):
    with pytest.raises(ValueError, match="frequencies need"):
        frequencies(*bad)


def test_projections_against_their_cdfs():
    rows, direction = 20_000, torch.tensor([[1.0, 0.0], [0.8, 0.6]], dtype=torch.float64)
    spread = [float((v @ COVARIANCE @ v).sqrt()) for v in direction]
    cdfs = [lambda z, s=s: torch.special.ndtr(z / s) for s in spread]
    wrong = [lambda z, s=s: torch.special.ndtr(z / (1.2 * s)) for s in spread]
    x, margin = correlated(rows), Span(-math.inf, 0.03)
    law = KolmogorovSmirnov(direction, cdfs, rows)
    assert verdict(law.interval(x), margin) == CONFIRMED
    grid = torch.linspace(-4, 4, 801, dtype=torch.float64)
    needs = needed(lambda n: KolmogorovSmirnov(direction, cdfs, n), Span(-math.inf, 0.0), law.distance(wrong, grid))
    assert needs <= rows
    assert verdict(KolmogorovSmirnov(direction, wrong, rows).interval(x), Span(-math.inf, 0.0)) == REFUTED
    broken = x.clone()
    broken[7, 0] = math.nan
    assert verdict(law.interval(broken), Span(-math.inf, math.inf)) == REFUTED


@pytest.mark.parametrize("make", [lambda n: ChiSquare(n), lambda n: NoncentralSquare(n), lambda n: NormalMean(n, 1.0)])
@pytest.mark.parametrize("value", [0.5, 0.93, 1.05, 3.0])
def test_the_planned_sample_is_the_smallest_that_sees(make, value):
    margin = around(1.0, 0.02)
    count = needed(make, margin, value)
    assert not make(count).blind(margin).low <= value <= make(count).blind(margin).high
    if count > 2:
        assert make(count - 1).blind(margin).low <= value <= make(count - 1).blind(margin).high


def test_a_plan_refuses_what_no_sample_shows():
    margin = around(1.0, 0.02)
    assert plan(lambda n: ChiSquare(n), margin, {"far": 2.0, "near": 1.1})["near"] > 1000
    with pytest.raises(ValueError, match="inside the margin"):
        needed(lambda n: ChiSquare(n), margin, 1.01)
    with pytest.raises(ValueError, match="more than 1000"):
        needed(lambda n: ChiSquare(n), margin, 1.021, most=1000)


def test_means_are_summed_in_float64():
    values = torch.full((2_000_000,), 0.1, dtype=torch.float32)
    assert mean(values) == pytest.approx(float(torch.tensor(0.1, dtype=torch.float32)), rel=1e-12)


@given(order=st.integers(1, 4), constant=st.floats(0.1, 10), drift=st.floats(-0.3, 0.3))
def test_order_of_a_power_with_a_correction(order, constant, drift):
    sizes = [1 / n for n in (16, 32, 64, 128, 256, 512)]
    found = order_interval(sizes, [constant * h**order * (1 + drift * h) for h in sizes], 1e-16)
    assert found.low <= order <= found.high
    assert found.high - found.low < 0.5


@given(
    order=st.floats(0.5, 5), bias=st.floats(-0.5, 0.5), ratios=st.lists(st.floats(-0.75, 0.75), min_size=2, max_size=5)
)
def test_an_order_is_covered_where_the_bias_falls_by_a_quarter(order, bias, ratios):
    """Whatever else the biases of the local orders do: the assumption under which the interval is a bound."""
    sizes, errors = [1.0], [1.0]
    for ratio in (1.0, *ratios):
        bias *= ratio
        sizes.append(sizes[-1] / 2)
        errors.append(errors[-1] / 2 ** (order + bias))
    found = order_interval(sizes, errors, 0.0)
    assert found.low - 1e-9 <= order <= found.high + 1e-9


@pytest.mark.parametrize("errors", [[1.0, math.nan, 0.1, 0.1], [1.0, 0.5, 0.25], [1e-15] * 6, [math.inf] * 5])
def test_an_order_without_levels_is_nan(errors):
    found = order_interval([2.0**-k for k in range(len(errors))], errors, 1e-14)
    assert verdict(found, Span(-math.inf, math.inf)) == REFUTED


def test_quantiles_of_the_normal_mean_are_the_standard_ones():
    interval = NormalMean(100, 2.0, 0.05).interval(0.0)
    assert interval.high == pytest.approx(NormalDist().inv_cdf(0.975) * 0.2)
