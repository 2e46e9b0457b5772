"""Grids fall from end to end and reproduce the printed numbers; the known wrong tables do not."""

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verify.experiments import grids, paths

counts = st.integers(2, 200)
GRIDS = {
    "karras": grids.karras,
    "uniform-logsnr": grids.uniform_logsnr,
    "vp": grids.vp,
    "iddpm": grids.iddpm,
    "cosine": lambda n: grids.uniform_time(paths.cosine(), n, first=0.98),
    "flow": lambda n: grids.uniform_time(paths.shifted(paths.flow_matching(data_at=1), 3.0), n, first=0.01),
    "ve": lambda n: grids.uniform_time(paths.ve(), n),
}


@pytest.mark.parametrize("name", GRIDS)
@settings(deadline=None, max_examples=20)
@given(n=counts)
def test_grids_fall_to_zero(name, n):
    levels = GRIDS[name](n)
    assert len(levels) == n + (name not in ("cosine", "flow"))  # a path that ends at 0 brings its own
    assert levels[-1] == pytest.approx(0, abs=1e-15)
    assert all(isinstance(level, float) and math.isfinite(level) for level in levels)
    assert all(a > b for a, b in itertools.pairwise(levels))


@settings(deadline=None, max_examples=40)
@given(n=counts, rho=st.floats(1.0, 20.0), bottom=st.floats(1e-3, 0.5), top=st.floats(1.0, 100.0))
def test_karras_goes_from_end_to_end(n, rho, bottom, top):
    levels = grids.karras(n, bottom, top, rho, to_zero=False)
    assert levels[0] == pytest.approx(top, rel=1e-9)
    assert levels[-1] == pytest.approx(bottom, rel=1e-6)
    roots = [level ** (1 / rho) for level in levels]
    steps = [a - b for a, b in itertools.pairwise(roots)]
    assert max(steps) == pytest.approx(min(steps), rel=1e-6)


@settings(deadline=None, max_examples=20)
@given(n=counts)
def test_members_of_the_karras_family(n):
    """sched.karras: linear at rho = 1, uniform in logSNR as rho -> infinity; the VE row is the latter."""
    linear = grids.karras(n, rho=1.0, to_zero=False)
    assert linear == pytest.approx([80 + i / (n - 1) * (0.002 - 80) for i in range(n)], rel=1e-9, abs=1e-12)
    assert grids.karras(n, rho=1e7) == pytest.approx(grids.uniform_logsnr(n), rel=1e-4)
    rows = [math.sqrt(t) for t in grids.ve_times(n)]
    assert rows == pytest.approx(grids.uniform_logsnr(n, 0.02, 100.0, to_zero=False), rel=1e-12)


def test_printed_numbers_of_the_rows():
    """edm.time-steps, edm.vp-row, edm.iddpm-row."""
    karras, vp, table = grids.karras(18), grids.vp(18), grids.iddpm_table()
    printed = [80, 57.58598, 40.78557, 0.00752802, 0.002]
    assert [karras[i] for i in (0, 1, 2, 16, 17)] == pytest.approx(printed, rel=2e-7)
    assert [vp[0], vp[-2]] == pytest.approx([152.167, 0.0104860], rel=5e-6)
    assert grids.vp_times(128)[-1] == pytest.approx(1e-3)
    printed = [20291.2, 641.66, 320.83, 213.89, 160.41, 128.33, 106.94, 91.66, 80.20, 71.29]
    assert table[:10] == pytest.approx(printed, rel=5e-5)
    assert table[999:] == pytest.approx([0.00642541, 0.0], abs=5e-9)
    ends = grids.iddpm(18)
    assert (ends[0], ends[-2], ends[-1]) == (table[8], table[999], 0.0)


def test_printed_numbers_of_the_tables():
    """sched.linear, sched.cosine; float64 products (float32 ones differ in the eighth digit)."""
    linear, scaled, cosine = (f() for f in (grids.linear_betas, grids.scaled_linear_betas, grids.cosine_betas))
    assert grids.alpha_bars(linear)[-1] == pytest.approx(4.0358297654e-5, rel=1e-9)
    assert grids.alpha_bars(scaled)[-1] == pytest.approx(0.0046600985, abs=5e-11)
    assert grids.alpha_bars(cosine)[-1] == pytest.approx(2.42877e-9, rel=2e-6)
    assert grids.of_betas(scaled)[0] == pytest.approx(14.61464, abs=5e-6)
    assert grids.of_betas(scaled)[-1] == pytest.approx(0.029167, abs=5e-7)
    assert -2 * math.log(grids.of_betas(linear)[0]) == pytest.approx(-10.1177, abs=5e-5)
    assert -2 * math.log(grids.of_betas(linear)[-1]) == pytest.approx(9.2102, abs=5e-5)
    # the discretised cosine is iDDPM's row of EDM's Table 1: u_j belongs to time step M - j
    assert grids.of_betas(cosine)[1:] == pytest.approx(grids.iddpm_table()[1:-1], rel=1e-9)
    assert grids.alpha_bars(cosine)[499] == pytest.approx(paths.cosine(0.008).alpha(0.5) ** 2, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("betas equally spaced instead of their roots", lambda: grids.linear_betas(1000, 0.00085, 0.012)),
        ("roots not squared", lambda: [math.sqrt(beta) for beta in grids.scaled_linear_betas()]),
        ("DDPM's betas", grids.linear_betas),
    ],
)
def test_wrong_tables_have_other_ends(name, wrong):
    assert grids.alpha_bars(wrong())[-1] != pytest.approx(0.0046600985, abs=1e-6)


def test_a_table_is_a_discretisation_only_if_its_betas_are_rescaled():
    """sde.discrete-limit: with betas over N the end tends to e^-B(1); DDPM's own betas in 100 steps end at 0.36."""
    limit = paths.vp_linear().alpha(1.0) ** 2
    ends = [grids.alpha_bars(grids.linear_betas(n, 0.1 / n, 20 / n))[-1] for n in (100, 1000, 10_000)]
    assert ends == pytest.approx([2.0390e-5, 4.0358e-5, 4.2897e-5], rel=5e-5)
    assert [abs(end - limit) for end in ends] == sorted((abs(end - limit) for end in ends), reverse=True)
    assert grids.alpha_bars(grids.linear_betas(100))[-1] == pytest.approx(0.36356, abs=5e-6)


@pytest.mark.parametrize("betas", [grids.linear_betas(), grids.scaled_linear_betas(), grids.cosine_betas()])
def test_zero_terminal_snr(betas):
    bars = grids.alpha_bars(betas)
    rescaled = grids.zero_terminal(bars)
    assert rescaled[-1] == 0
    assert rescaled[0] == pytest.approx(bars[0], rel=1e-12)
    assert all(a > b for a, b in itertools.pairwise(rescaled))
    roots, moved = [math.sqrt(b) for b in bars], [math.sqrt(b) for b in rescaled]
    pairs = zip(itertools.pairwise(moved), itertools.pairwise(roots), strict=True)
    slopes = [(a - b) / (c - d) for (a, b), (c, d) in pairs]
    assert max(slopes) == pytest.approx(min(slopes), rel=1e-6)  # affine in the root, not in abar itself


@settings(deadline=None, max_examples=60)
@given(n=st.integers(2, 100), spacing=st.sampled_from(["leading", "linspace", "trailing"]))
def test_subsets_of_a_table(n, spacing):
    chosen = grids.subset(n, 1000, spacing)
    assert len(chosen) == n
    assert all(1000 > a > b >= 0 for a, b in itertools.pairwise(chosen))
    assert (chosen[0] == 999) == (spacing != "leading" or n == 1000)
    assert (chosen[-1] == 0) == (spacing != "trailing" or n == 1000)


def test_subsets_as_printed():
    """Lin et al. 2023, Table 2, T = 1000 and S = 10, there counted from 1."""
    assert grids.subset(10, 1000, "leading") == [900, 800, 700, 600, 500, 400, 300, 200, 100, 0]
    assert grids.subset(10, 1000, "linspace") == [999, 888, 777, 666, 555, 444, 333, 222, 111, 0]
    assert grids.subset(10, 1000, "trailing") == [999, 899, 799, 699, 599, 499, 399, 299, 199, 99]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: grids.karras(1), "N >= 2 noise levels, not 1"),
        (lambda: grids.uniform_time(paths.flow_matching(), 5), "pure noise at t = 1, its level is infinite"),
        (lambda: grids.subset(0, 10), "cannot take 0 of 10"),
        (lambda: grids.subset(11, 10), "cannot take 11 of 10"),
        (lambda: grids.subset(5, 10, "quadratic"), "not 'quadratic'"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
