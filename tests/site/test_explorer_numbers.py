"""The numbers of the explorers are those of the Python package; a wrong formula in the scripts is noticed."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from py_mini_racer import MiniRacer
from scipy.stats import kstest

from tests.site.conftest import ROOT
from verify.experiments import grids, orders, samplers
from verify.experiments.oracles.conditional import Conditional
from verify.experiments.oracles.gaussian import Gaussian
from verify.experiments.oracles.mixture import Mixture
from verify.experiments.paths import Path, cosine, flow_matching, shifted, sub_vp, ve, vp_linear
from verify.experiments.paths.families import from_functions
from verify.experiments.samplers.forms import DATA
from verify.experiments.samplers.multistep import interpolation, two_point
from verify.site.cards import explorers
from verify.site.contents.explorer_settings import EXPLORERS

Script = Callable[..., Any]  # run(body, **values): the value of a JavaScript expression, with these names bound
SCRIPTS = explorers.read_scripts(ROOT)
TIGHT = {"rel": 1e-10, "abs": 1e-12}

LAWS = {
    1: [(0.3, [-2.4], 0.12, 0), (0.2, [0.3], 0.06, 0), (0.2, [1.1], 0.25, 1), (0.3, [2.6], 0.09, 1)],
    2: [(0.5, [-2.0, 0.9], 0.15, 0), (0.25, [-0.2, -1.9], 0.08, 1), (0.25, [2.3, 1.9], 0.1, 1)],
}


def scripted(engine: MiniRacer) -> Script:
    def run(body: str, **values: Any) -> Any:
        names = "".join(f"const {name} = {json.dumps(value)};" for name, value in values.items())
        plain = "(key, value) => value instanceof Float64Array ? [...value] : value"
        return json.loads(str(engine.eval(f"(() => {{ {names} return JSON.stringify({body}, {plain}); }})()")))

    return run


@pytest.fixture(scope="module")
def run() -> Script:
    return scripted(explorers.v8(explorers.sources(SCRIPTS)))


def tensor(values: Any) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def close(found: Any, wanted: torch.Tensor, tolerance: float = 1e-10) -> None:
    wanted = wanted.double()
    assert float((tensor(found) - wanted).abs().max()) <= tolerance * max(1.0, float(wanted.abs().max()))


# ---- schedules ----------------------------------------------------------------------------------------------------


def python_path(family: str, p: dict[str, float]) -> Path:
    if family == "edm":
        low, high = p["sigma_min"] ** (1 / p["rho"]), p["sigma_max"] ** (1 / p["rho"])
        return from_functions(torch.ones_like, lambda t: (low + t * (high - low)) ** p["rho"], name="edm")
    return {
        "vp-linear": lambda: vp_linear(p["beta_min"], p["beta_max"]),
        "sub-vp": lambda: sub_vp(p["beta_min"], p["beta_max"]),
        "cosine": lambda: cosine(p["offset"]),
        "ve": lambda: ve(p["sigma_min"], p["sigma_max"]),
        "flow-matching": flow_matching,
    }[family]()


def check_path(run: Script, family: str, p: dict[str, float], times: Sequence[float]) -> None:
    path = python_path(family, p)
    found = run(
        "(path => times.map(t => [path.alpha(t), path.sigma(t), explorers.schedules.logsnr(path, t), path.slope(t), "
        "path.time(explorers.schedules.level(path, t)), explorers.schedules.uniformDensity(path, t)]))"
        "(explorers.schedules.families[family](p))",
        family=family, p=p, times=times,
    )  # fmt: skip
    for t, (alpha, sigma, logsnr, slope, time, density) in zip(times, found, strict=True):
        moving = tensor(t)
        rate = 2 * (path.alpha_dot(moving) / path.alpha(moving) - path.sigma_dot(moving) / path.sigma(moving))
        assert alpha == pytest.approx(path.alpha(t), **TIGHT) and sigma == pytest.approx(path.sigma(t), **TIGHT)
        assert logsnr == pytest.approx(path.logsnr(t), rel=1e-10, abs=1e-10)
        assert slope == pytest.approx(float(rate), rel=1e-10)
        assert density == pytest.approx(1 / abs(float(rate)), rel=1e-10)
        assert time == pytest.approx(t, abs=1e-9)


FAMILIES = list(EXPLORERS["schedules"].settings[0].options)
INSIDE = st.floats(0.01, 0.99)
PARAMETERS = st.fixed_dictionaries(
    {
        one.name: st.floats(one.low, one.high)
        for one in EXPLORERS["schedules"].settings
        if one.name in ("beta_min", "beta_max", "sigma_min", "sigma_max", "rho", "offset")
    }
)


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=15, deadline=None)
@given(p=PARAMETERS, times=st.lists(INSIDE, min_size=1, max_size=5))
def test_a_path_is_the_python_one(run: Script, family: str, p: dict[str, float], times: list[float]) -> None:
    check_path(run, family, p, times)


def check_shift(run: Script, family: str, p: dict[str, float], factor: float, share: float) -> None:
    path = shifted(python_path(family, p), factor)
    t = path.clean + share * (path.noisy - path.clean)
    noisy, clean, alpha, sigma, time = run(
        "(path => [path.noisy, path.clean, path.alpha(t), path.sigma(t), "
        "path.time(explorers.schedules.level(path, t))])"
        "(explorers.schedules.shifted(explorers.schedules.families[family](p), factor))",
        family=family, p=p, factor=factor, t=t,
    )  # fmt: skip
    assert (noisy, clean) == (pytest.approx(path.noisy, abs=1e-9), pytest.approx(path.clean, abs=1e-9))
    assert alpha == pytest.approx(path.alpha(t), **TIGHT) and sigma == pytest.approx(path.sigma(t), **TIGHT)
    assert time == pytest.approx(t, abs=1e-8)


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=10, deadline=None)
@given(p=PARAMETERS, factor=st.floats(0.25, 8), share=st.floats(0.05, 0.95))
def test_a_shifted_path_is_the_python_one(run: Script, family: str, p: dict, factor: float, share: float) -> None:
    check_shift(run, family, p, factor, share)


def check_grids(run: Script, n: int, low: float, high: float, rho: float) -> None:
    for to_zero in (True, False):
        found = run("explorers.schedules.karras(n, low, high, rho, to_zero)",
                    n=n, low=low, high=high, rho=rho, to_zero=to_zero)  # fmt: skip
        assert found == pytest.approx(grids.karras(n, low, high, rho, to_zero), rel=1e-10)
    path = "explorers.schedules.families[name]({beta_min: .1, beta_max: 20, offset: 0})"
    for name, python, ends in (
        ("vp-linear", vp_linear(), (1.0, 1e-3)),
        ("cosine", cosine(), (0.999, 1e-3)),
        ("flow-matching", flow_matching(), (0.999, 1e-3)),
    ):
        found = run(f"explorers.schedules.levels({path}, n)", name=name, n=n)
        assert found == pytest.approx(grids.uniform_time(python, n, *ends)[:n], rel=1e-10)


@settings(max_examples=10, deadline=None)
@given(n=st.integers(2, 64), low=st.floats(0.001, 0.1), high=st.floats(5, 160), rho=st.floats(1, 15))
def test_a_grid_is_the_python_one(run: Script, n: int, low: float, high: float, rho: float) -> None:
    check_grids(run, n, low, high, rho)


def check_training_density(run: Script, mean: float, deviation: float) -> None:
    """logSNR = -2 ln sigma of ln sigma ~ N(mean, deviation^2)."""
    values = [-8.0, -1.5, 0.0, 2.4, 7.0]
    found = run("values.map(v => explorers.schedules.normalDensity(v, mean, deviation))",
                values=values, mean=mean, deviation=deviation)  # fmt: skip
    law = torch.distributions.Normal(tensor(-2 * mean), tensor(2 * deviation))
    assert found == pytest.approx(law.log_prob(tensor(values)).exp().tolist(), rel=1e-10)


@settings(max_examples=10, deadline=None)
@given(mean=st.floats(-3, 3), deviation=st.floats(0.2, 3))
def test_the_training_density_is_the_normal_one(run: Script, mean: float, deviation: float) -> None:
    check_training_density(run, mean, deviation)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_uniform_time_is_somewhere(run: Script, family: str) -> None:
    """The density of logSNR, integrated over a part of the path, is the share of time spent there."""
    p = EXPLORERS["schedules"].defaults()
    found = run(
        "(path => explorers.numerics.linspace(.2, .8, 4001).map(t => "
        "[explorers.schedules.logsnr(path, t), explorers.schedules.uniformDensity(path, t)]))"
        "(explorers.schedules.families[family](p))",
        family=family, p=p,
    )  # fmt: skip
    values, densities = np.array(found).T
    assert -np.trapezoid(densities, values) == pytest.approx(0.6, rel=1e-6)


# ---- the mixture --------------------------------------------------------------------------------------------------

JS_LAW = "explorers.mixture.mixture(law.map(([weight, mean, variance, label]) => ({ weight, mean, variance, label })))"


def python_law(parts: list) -> tuple[Mixture, Conditional]:
    weights, means, variances, labels = zip(*parts, strict=True)
    whole = Mixture(tensor(weights), tensor(means), tensor([[v] for v in variances]))
    return whole, Conditional.of_mixture(whole, list(labels))


def check_denoiser(run: Script, dimensions: int, x: list[float], sigma: float, scale: float) -> None:
    whole, conditional = python_law(LAWS[dimensions])
    state = tensor(x).reshape(-1, dimensions)
    js = partial(run, law=LAWS[dimensions], x=x, sigma=sigma, s=scale)
    close(js(f"{JS_LAW}.denoise(x, sigma)"), whole.denoise(state, sigma).flatten())
    close(js(f"{JS_LAW}.logDensity(x, sigma)"), whole.log_density(state, sigma))
    for label in (0, 1):
        one = conditional.given(label)
        guided = samplers.classifier_free(one.denoise, conditional.denoise, scale)
        close(js(f"{JS_LAW}.denoise(x, sigma, {label}, s)"), guided(state, sigma).flatten())
        close(js(f"{JS_LAW}.logDensity(x, sigma, {label})"), one.log_density(state, sigma))
        close(js(f"{JS_LAW}.given({label}).denoise(x, sigma)"), one.denoise(state, sigma).flatten())


@pytest.mark.parametrize("dimensions", LAWS)
@settings(max_examples=20, deadline=None)
@given(
    x=st.lists(st.floats(-60, 60), min_size=4, max_size=4),
    sigma=st.floats(0.005, 80),
    scale=st.one_of(st.sampled_from([0.0, 1.0]), st.floats(0, 6)),
)
def test_the_denoiser_is_the_python_one(run: Script, dimensions: int, x: list, sigma: float, scale: float) -> None:
    check_denoiser(run, dimensions, x, sigma, scale)


def check_law(run: Script, x: list[float], sigma: float) -> None:
    whole, _ = python_law(LAWS[1])
    js = partial(run, law=LAWS[1], x=x, sigma=sigma)
    close(js(f"x.map(v => {JS_LAW}.cdf(v, sigma))"), whole.cdf(tensor(x)[:, None], sigma).flatten())
    close(js(f"x.map(v => {JS_LAW}.pdf(v, sigma))"), whole.log_density(tensor(x)[:, None], sigma).exp())
    below = [math.erfc(-value / math.sqrt(2)) / 2 for value in x]  # torch's own has eleven digits in the tail
    assert js("x.map(explorers.numerics.normalCdf)") == pytest.approx(below, rel=1e-13)
    mean = sum(weight * centre for weight, (centre,), _, _ in LAWS[1])
    square = sum(weight * (variance + centre**2) for weight, (centre,), variance, _ in LAWS[1])
    assert js(f"[{JS_LAW}.mean, {JS_LAW}.variance]") == pytest.approx([mean, square - mean**2])


@settings(max_examples=15, deadline=None)
@given(x=st.lists(st.floats(-12, 12), min_size=3, max_size=8), sigma=st.floats(0.0, 80))
def test_the_law_is_the_python_one(run: Script, x: list[float], sigma: float) -> None:
    check_law(run, x, sigma)


def check_flow(run: Script, law: list, top: float) -> None:
    """Along the probability flow: against the extrapolated integration, and the closed form of one Gaussian."""
    levels = [top, 3.0, 0.4, 0.02]
    states = tensor(run(f"explorers.mixture.trajectory({JS_LAW}, shares, levels)",
                        law=law, shares=[0.03, 0.2, 0.5, 0.71, 0.96], levels=levels))  # fmt: skip
    whole, _ = python_law(law) if len({label for *_, label in law}) > 1 else (None, None)
    if whole is None:
        (_, (mean,), variance, _) = law[0]
        scale = ((variance + tensor(levels) ** 2) / (variance + top**2)).sqrt()
        close(states.tolist(), mean + scale[:, None] * (states[0] - mean), 1e-11)
    else:
        exact = orders.trajectory(whole.denoise, states[0][:, None], top)(levels)
        for found, wanted in zip(states, exact, strict=True):
            close(found.tolist(), wanted.flatten(), 1e-9)


@pytest.mark.parametrize("law", [LAWS[1], [(1.0, [0.4], 0.25, 0)]], ids=["mixture", "gaussian"])
def test_the_exact_flow_is_exact(run: Script, law: list) -> None:
    check_flow(run, law, 20.0)


@settings(max_examples=10, deadline=None)
@given(points=st.lists(st.floats(-3, 3), min_size=1, max_size=60))
def test_the_distance_of_kolmogorov(run: Script, points: list[float]) -> None:
    found = run("explorers.mixture.kolmogorov(points, explorers.numerics.normalCdf)", points=points)
    assert found == pytest.approx(float(kstest(points, "norm").statistic), abs=1e-12)


def test_the_random_numbers_are_normal_and_their_streams_independent(run: Script) -> None:
    first, second = (np.array(run("explorers.numerics.normals(5, stream, 20000)", stream=k)) for k in (1, 2))
    assert float(kstest(first, "norm").pvalue) > 1e-3 and abs(np.corrcoef(first, second)[0, 1]) < 0.03
    assert abs(np.corrcoef(first[:-1], first[1:])[0, 1]) < 0.03
    assert run("explorers.numerics.normals(5, 1, 3)") == first[:3].tolist()


# ---- samplers -----------------------------------------------------------------------------------------------------

DETERMINISTIC: dict[str, Callable] = {
    "euler": samplers.euler,
    "heun": samplers.heun,
    "dpmpp2s": partial(samplers.dpmpp_single, order=2),
    "dpmpp2m": samplers.dpmpp_2m,
    "dpmpp3m": samplers.dpmpp_3m,
}
LEVELS = st.lists(st.floats(0.02, 40), min_size=2, max_size=9, unique=True).map(lambda v: sorted(v, reverse=True))
APART = LEVELS.filter(lambda levels: all(a > 1.05 * b for a, b in itertools.pairwise(levels)))


def check_sampler(run: Script, name: str, levels: list[float], start: list[float]) -> None:
    whole, _ = python_law(LAWS[1])
    counted = samplers.Counted(whole.denoise)
    wanted = DETERMINISTIC[name](counted, tensor(start)[:, None], levels)
    states, calls = run(
        f"(m => {{ let calls = 0; const d = (x, s) => (calls++, m.denoise(x, s)); return ["
        f"explorers.samplers.solve(explorers.samplers.methods[name], d, x, levels), calls]; }})({JS_LAW})",
        law=LAWS[1], name=name, x=start, levels=levels,
    )  # fmt: skip
    assert len(states) == len(levels) and calls == counted.calls
    close(states[-1], wanted.flatten(), 1e-9)


@pytest.mark.parametrize("name", DETERMINISTIC)
@pytest.mark.parametrize("to_zero", [False, True])
@settings(max_examples=8, deadline=None)
@given(levels=APART, start=st.lists(st.floats(-30, 30), min_size=3, max_size=3))
def test_a_sampler_is_the_python_one(run: Script, name: str, to_zero: bool, levels: list, start: list) -> None:
    check_sampler(run, name, [*levels, 0.0] if to_zero else levels, start)


def check_noisy(run: Script, levels: list[float], amount: float) -> None:
    """The same noise given to both: DDIM with eta, the reverse SDE, churn."""
    whole, _ = python_law(LAWS[1])
    generator = torch.Generator().manual_seed(len(levels))
    start, *noise = torch.randn(len(levels) + 1, 4, dtype=torch.float64, generator=generator)
    eta = amount / 40
    given_noise = lambda i: noise[i][:, None]  # noqa: E731
    wanted = {
        "ddim": samplers.ddim(whole.denoise, start[:, None], levels, given_noise, eta),
        "eulerMaruyama": samplers.euler_maruyama(
            whole.denoise, start[:, None], levels, given_noise, samplers.constant(eta)
        ),
        "churn": samplers.churn(whole.denoise, start[:, None], levels, given_noise, amount),
    }
    for name, end in wanted.items():
        states = run(
            f"(m => explorers.samplers[name]((x, s) => m.denoise(x, s), x, levels, i => noise[i], strength))({JS_LAW})",
            law=LAWS[1], name=name, x=start.tolist(), levels=levels, noise=[n.tolist() for n in noise],
            strength=amount if name == "churn" else eta,
        )  # fmt: skip
        close(states[-1], end.flatten(), 1e-9)


@settings(max_examples=15, deadline=None)
@given(levels=APART, amount=st.floats(0, 40))
def test_samplers_with_noise_are_the_python_ones(run: Script, levels: list[float], amount: float) -> None:
    check_noisy(run, [*levels, 0.0], amount)


def check_errors(run: Script, rho: float) -> None:
    """Global and local errors, as `orders` measures them."""
    law = run("explorers.errors.LAWS.gaussian.map(one => [one.weight, one.mean, one.variance, one.label])")
    oracle = Gaussian(tensor(law[0][1]), tensor([law[0][2]]))
    start = run(f"explorers.mixture.trajectory({JS_LAW}, explorers.errors.SHARES, [80])[0]", law=law)
    exact = orders.trajectory(oracle.denoise, tensor(start)[:, None], 80.0)
    grid = partial(grids.karras, sigma_min=0.002, sigma_max=80.0, rho=rho, to_zero=False)
    counts = [6, 12, 24]
    levels = grid(13)
    local = run(
        f"explorers.errors.localErrors({JS_LAW}, Object.values(explorers.samplers.methods), levels)",
        law=law,
        levels=levels,
    )
    states = exact(levels)
    for k, (name, sampler) in enumerate(DETERMINISTIC.items()):
        found = run(f"explorers.errors.globalErrors({JS_LAW}, explorers.samplers.methods[name], rho, counts)",
                    law=law, name=name, rho=rho, counts=counts)  # fmt: skip
        wanted = orders.global_errors(sampler, oracle.denoise, exact, grid, counts)
        assert [one["error"] for one in found] == pytest.approx(wanted, rel=1e-6, abs=1e-11)
        for i, error in enumerate(local[k]):
            reach = {"dpmpp2m": 2, "dpmpp3m": 3}.get(name, 1)
            past = range(i, max(i - reach, -1), -1)
            if len(past) == 1:
                end = sampler(oracle.denoise, states[i], [levels[i], levels[i + 1]])
            else:
                rule = two_point if name == "dpmpp2m" else interpolation
                outputs = [oracle.denoise(states[j], levels[j]) for j in past]
                end = rule(DATA, states[i], outputs, [levels[j] for j in past], levels[i + 1])
            assert error == pytest.approx(orders.distance(end, states[i + 1]), rel=1e-6, abs=1e-11)


@pytest.mark.parametrize("rho", [1.0, 7.0])
def test_the_errors_are_those_of_the_experiments(run: Script, rho: float) -> None:
    check_errors(run, rho)


@pytest.mark.parametrize("law", ["gaussian", "mixture"])
def test_the_orders_shown_are_those_of_theory(run: Script, law: str) -> None:
    found = run(
        "(m => Object.values(explorers.samplers.methods).map(one => "
        "[one.order, explorers.errors.measuredOrder(explorers.errors.globalErrors(m, one, 3, [256, 384, 512, 768]))]))"
        "(explorers.mixture.mixture(explorers.errors.LAWS[name]))",
        name=law,
    )
    assert [order for order, _ in found] == pytest.approx([measured for _, measured in found], abs=0.25)


# ---- wrong versions -----------------------------------------------------------------------------------------------

P = {"beta_min": 0.1, "beta_max": 20.0, "sigma_min": 0.01, "sigma_max": 50.0, "rho": 7.0, "offset": 0.008}
GRID = grids.karras(7, 0.05, 20.0)
FAULTS = [
    (
        "schedules.js",
        "0.5 * (high - low) * t) * t",
        "(high - low) * t) * t",
        lambda js: check_path(js, "vp-linear", P, [0.4]),
    ),
    (
        "schedules.js",
        "sigma: t => -Math.expm1(-integral(t))",
        "sigma: t => Math.sqrt(-Math.expm1(-integral(t)))",
        lambda js: check_path(js, "sub-vp", P, [0.4]),
    ),
    (
        "schedules.js",
        "/ Math.cos(start) ** 2",
        "/ Math.cos(start)",
        lambda js: check_path(js, "cosine", P, [0.4]),
    ),
    (
        "schedules.js",
        "-2 * rho * (high - low)",
        "-rho * (high - low)",
        lambda js: check_path(js, "edm", P, [0.4]),
    ),
    (
        "schedules.js",
        "time(factor * level(path, t))",
        "time(level(path, t) / factor)",
        lambda js: check_shift(js, "flow-matching", P, 3.0, 0.4),
    ),
    (
        "schedules.js",
        "value + 2 * mean",
        "value + mean",
        lambda js: check_training_density(js, -1.2, 1.2),
    ),
    (
        "schedules.js",
        "path.sigma(1 - i / (n - 1))",
        "path.sigma(1 - i / n)",
        lambda js: check_grids(js, 8, 0.01, 80, 7),
    ),
    (
        "numerics.js",
        "fraction = size + k / fraction",
        "fraction = size + 1 / fraction",
        lambda js: check_law(js, [-5.0], 1.0),
    ),
    (
        "mixture.js",
        "parts[k].variance / v",
        "sigma * sigma / v",
        lambda js: check_denoiser(js, 2, [1.0, 2, 3, 4], 0.7, 2),
    ),
    (
        "mixture.js",
        "ANY ? 1 : 1 - scale",
        "ANY ? 1 : 1",
        lambda js: check_denoiser(js, 1, [1.0, 2.0], 0.7, 2),
    ),
    (
        "mixture.js",
        "- prior);",
        ");",
        lambda js: check_denoiser(js, 1, [1.0, 2.0], 0.7, 2),
    ),
    (
        "samplers.js",
        "(t - after) / (2 * after)",
        "(t - after) / (2 * t)",
        lambda js: check_sampler(js, "heun", GRID, [3.0]),
    ),
    (
        "samplers.js",
        "/ (2 * Math.log(levels[1] / levels[0]))",
        "/ Math.log(levels[1] / levels[0])",
        lambda js: check_sampler(js, "dpmpp2m", GRID, [3.0]),
    ),
    (
        "samplers.js",
        "* [1, 1, 2][k]",
        "",
        lambda js: check_sampler(js, "dpmpp3m", GRID, [3.0]),
    ),
    (
        "samplers.js",
        "Math.sqrt(t * after)",
        "(t + after) / 2",
        lambda js: check_sampler(js, "dpmpp2s", GRID, [3.0]),
    ),
    (
        "samplers.js",
        "const fresh = eta * eta",
        "const fresh = eta",
        lambda js: check_noisy(js, GRID, 20.0),
    ),
    (
        "samplers.js",
        "(1 + ell * ell) / 2",
        "(1 + ell) / 2",
        lambda js: check_noisy(js, GRID, 20.0),
    ),
    (
        "samplers.js",
        "Math.SQRT2 - 1",
        "Math.SQRT2",
        lambda js: check_noisy(js, GRID, 20.0),
    ),
    (
        "view-errors.js",
        ".slice(Math.max(i + 1 - reach, 0), i + 1)",
        ".slice(0, i + 1)",
        lambda js: check_errors(js, 7.0),
    ),
]


@pytest.mark.parametrize(("file", "right", "wrong", "check"), FAULTS, ids=[f"{f[0]}: {f[2]}" for f in FAULTS])
def test_a_wrong_formula_is_noticed(file: str, right: str, wrong: str, check: Callable[[Script], None]) -> None:
    assert SCRIPTS[file].count(right) == 1
    with MiniRacer() as engine:
        for text in explorers.sources({**SCRIPTS, file: SCRIPTS[file].replace(right, wrong)}):
            engine.eval(text + ";0")
        with pytest.raises(AssertionError):
            check(scripted(engine))
