"""Samplers: what each computes, in how many evaluations and operations, and which of them are the same."""

import math
from collections import Counter
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from verify.experiments import grids, samplers
from verify.experiments.latents import Latents
from verify.experiments.oracles import DataSet, Gaussian
from verify.experiments.samplers import Counted, churn, euler, heun, inflate
from verify.experiments.samplers.forms import DATA
from verify.experiments.samplers.multistep import interpolation, multistep, two_point

DOUBLE = torch.float64
levels = st.floats(0.05, 20.0)
ratios = st.floats(0.05, 0.95)
seeds = st.integers(0, 2**32)


def data(seed):
    return DataSet(Latents(seed).normal("points", 7, 2))


def noise_of(seed, rows=4, dimensions=2):
    return lambda i: Latents(seed).normal(f"z{i}", rows, dimensions)


def close(a, b, scale=1.0):
    return torch.allclose(a, b, rtol=1e-10, atol=1e-10 * scale)


# Every sampler as run(denoise, x, sigmas, noise), with its evaluations for n steps that end at 0.
DETERMINISTIC = {
    "euler": (euler, lambda n: n),
    "heun": (heun, lambda n: 2 * n - 1),
    "midpoint": (samplers.two_stage, lambda n: 2 * n),
    "ddim": (samplers.ddim, lambda n: n),
    "dpm-solver-2": (samplers.dpm_solver, lambda n: 2 * n - 1),
    "dpm-solver-3": (partial(samplers.dpm_solver, order=3), lambda n: 3 * n - 2),
    "dpm-solver-2m": (samplers.dpm_solver_multistep, lambda n: n),
    "++2s": (samplers.dpmpp_single, lambda n: 2 * n - 1),
    "++3s": (partial(samplers.dpmpp_single, order=3), lambda n: 3 * n - 2),
    "++2m": (samplers.dpmpp_2m, lambda n: n),
    "++3m": (samplers.dpmpp_3m, lambda n: n + 1),
    "++3m-cold": (partial(samplers.dpmpp_3m, warm_start=False, lower_order_final=True), lambda n: n),
    "adams-bashforth": (partial(samplers.adams_bashforth, order=4), lambda n: n + 1),
    "exponential-adams": (samplers.exponential_adams, lambda n: n + 1),
}
STOCHASTIC = {
    "churn": (lambda d, x, s, z: churn(d, x, s, z, 40.0, 0.05, 50.0), lambda n: 2 * n - 1),
    "ddim-half": (partial(samplers.ddim, eta=0.5), lambda n: n),
    "ancestral": (samplers.ancestral, lambda n: n),
    "ancestral-beta": (partial(samplers.ancestral, variance=samplers.beta), lambda n: n),
    "renoised-heun": (partial(samplers.renoised, step=samplers.heun_step), lambda n: 2 * n - 1),
    "sde-++2m": (samplers.sde_dpmpp_2m, lambda n: n),
    "sde-++3m": (samplers.sde_dpmpp_3m, lambda n: n),
    "euler-maruyama": (partial(samplers.euler_maruyama, ell=samplers.constant(0.7)), lambda n: n),
    "exponential": (partial(samplers.exponential, ell=samplers.constant(0.7)), lambda n: n),
    "predictor-corrector": (
        partial(samplers.predictor_corrector, corrector=samplers.fixed_step(0.16), count=2), lambda n: 3 * n - 2,
    ),
    "predictor-norm": (partial(samplers.predictor_corrector, corrector=samplers.norm_step(0.16)), lambda n: 2 * n - 1),
    "annealed": (partial(samplers.annealed, count=3, relative=0.1), lambda n: 3 * n + 1),
    "consistency": (samplers.consistency, lambda n: n),
}  # fmt: skip
ALL = {name: (lambda d, x, s, z, run=run: run(d, x, s), calls) for name, (run, calls) in DETERMINISTIC.items()}
ALL |= STOCHASTIC


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("n", [2, 5, 18])
def test_evaluations_and_a_finite_end(name, n):
    run, calls = ALL[name]
    sigmas, counted = grids.karras(n), Counted(data(3).denoise)
    end = run(counted, 80 * Latents(3).normal("x", 4, 2), sigmas, noise_of(5))
    assert bool(end.isfinite().all())
    assert counted.calls == calls(n)


@pytest.mark.parametrize("name", ALL)
def test_single_precision_stays_single_and_close(name):
    """1e-5 after 18 steps; the norm step divides by a score, of which (D - x)/sigma^2 has few digits at small sigma."""
    ends = []
    for dtype in (torch.float32, DOUBLE):
        latents = Latents(3, dtype=dtype)
        target = Gaussian(latents.normal("mean", 1, 2)[0], torch.tensor([0.04, 1.5], dtype=dtype))
        x = 80 * latents.normal("x", 4, 2)
        ends.append(ALL[name][0](target.denoise, x, grids.karras(18), lambda i, d=latents: d.normal(f"z{i}", 4, 2)))
    assert ends[0].dtype == torch.float32
    assert torch.allclose(ends[0].double(), ends[1], rtol=0, atol=1e-3 if name == "predictor-norm" else 1e-5)


class Operations(TorchDispatchMode):
    """Counts the tensor operations that run under it."""

    def __init__(self):
        super().__init__()
        self.counts = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.counts[func.overloadpacket.__name__] += 1
        return func(*args, **(kwargs or {}))


def operations(run, n):
    """What a run of n steps does besides the denoiser and the noise, both of which are given here."""
    x, denoised, drawn = (Latents(1).normal(name, 4, 2) for name in "xdz")
    with Operations() as seen:
        run(lambda x, sigma: denoised, x, grids.karras(n), lambda i: drawn)
    return seen.counts


@pytest.mark.parametrize("name", ALL)
def test_no_loop_waits_for_the_device(name):
    counts = operations(ALL[name][0], 9)
    assert not {"_local_scalar_dense", "item", "is_nonzero", "_to_copy", "nonzero"} & set(counts)


MOST = {"euler": 1, "ddim": 1, "heun": 3, "++2m": 2, "++3m": 3, "++2s": 2, "ancestral": 2, "ddim-half": 2,
        "sde-++2m": 3, "exponential": 2, "consistency": 1, "euler-maruyama": 2}  # fmt: skip


@pytest.mark.parametrize("name", MOST)
def test_operations_of_a_step(name):
    """Counted as the difference of a long and a short run, so that the ends do not enter."""
    run = ALL[name][0]
    assert (operations(run, 30).total() - operations(run, 10).total()) / 20 == MOST[name]


@settings(deadline=None, max_examples=25)
@given(seed=seeds, sigma=levels, name=st.sampled_from([n for n in DETERMINISTIC if n not in ("midpoint",)]))
def test_one_step_to_zero_lands_on_the_denoiser(seed, sigma, name):
    """All but the midpoint, which has a second slope inside the step."""
    target, x = data(seed), Latents(seed).normal("x", 4, 2)
    assert close(DETERMINISTIC[name][0](target.denoise, x, [sigma, 0.0]), target.denoise(x, sigma))


# -- algorithms as their papers print them ---------------------------------------------------------------------------


@settings(deadline=None, max_examples=25)
@given(seed=seeds, sigma=levels, ratio=ratios)
def test_heun_is_the_algorithm_as_printed(seed, sigma, ratio):
    target, x, after = data(seed), Latents(seed).normal("x", 4, 2), sigma * ratio
    d = (x - target.denoise(x, sigma)) / sigma
    y = x + (after - sigma) * d
    printed = x + (after - sigma) * (d + (y - target.denoise(y, after)) / after) / 2
    assert torch.allclose(heun(target.denoise, x, [sigma, after]), printed, rtol=1e-9, atol=1e-9)


@settings(deadline=None, max_examples=25)
@given(seed=seeds, sigma=levels, ratio=ratios, alpha=st.floats(0.2, 1.0))
def test_the_second_order_family_as_printed(seed, sigma, ratio, alpha):
    target, x, after = data(seed), Latents(seed).normal("x", 4, 2), sigma * ratio
    h, middle = after - sigma, sigma + alpha * (after - sigma)
    d = (x - target.denoise(x, sigma)) / sigma
    y = x + alpha * h * d
    printed = x + h * ((1 - 1 / (2 * alpha)) * d + (y - target.denoise(y, middle)) / (2 * alpha * middle))
    assert torch.allclose(samplers.two_stage(target.denoise, x, [sigma, after], alpha), printed, rtol=1e-9, atol=1e-9)


@settings(deadline=None, max_examples=25)
@given(seed=seeds, abar=st.floats(0.01, 0.9), gain=st.floats(0.05, 0.95), eta=st.floats(0.0, 1.0))
def test_ddim_as_printed(seed, abar, gain, eta):
    """Song et al. 2021, eq. (12) and (16), in the variance-preserving variable; then its known wrong versions."""
    target, later = data(seed), abar + gain * (0.999 - abar)
    t, after = math.sqrt(1 / abar - 1), math.sqrt(1 / later - 1)
    vp, z = Latents(seed).normal("x", 4, 2), Latents(seed).normal("z", 4, 2)
    denoised = target.denoise(vp / math.sqrt(abar), t)
    predicted = (vp - math.sqrt(abar) * denoised) / math.sqrt(1 - abar)

    def printed(s):
        return math.sqrt(later) * denoised + math.sqrt(1 - later - s**2) * predicted + s * z

    deviation = eta * math.sqrt((1 - later) / (1 - abar)) * math.sqrt(1 - abar / later)
    run = samplers.ddim(target.denoise, vp / math.sqrt(abar), [t, after], lambda i: z, eta)
    found = math.sqrt(later) * run
    assert torch.allclose(found, printed(deviation), rtol=1e-9, atol=1e-9)
    if 0.1 < eta < 0.9:
        on_variance = deviation / math.sqrt(eta)  # eta on the variance, as azula has it
        assert not torch.allclose(found, printed(on_variance), rtol=1e-4, atol=1e-4)
        roots_apart = math.sqrt(later) * denoised + (math.sqrt(1 - later) - deviation) * predicted + deviation * z
        assert not torch.allclose(found, roots_apart, rtol=1e-5, atol=1e-5)


@settings(deadline=None, max_examples=25)
@given(seed=seeds, abar=st.floats(0.01, 0.9), gain=st.floats(0.05, 0.95), choice=st.sampled_from(["lower", "upper"]))
def test_ddpm_as_printed(seed, abar, gain, choice):
    """Ho et al. 2020, eq. (7) with the predicted x_0 and eq. (11), and both variances."""
    target, later = data(seed), abar + gain * (0.999 - abar)
    t, after = math.sqrt(1 / abar - 1), math.sqrt(1 / later - 1)
    alpha, beta = abar / later, 1 - abar / later
    vp, z = Latents(seed).normal("x", 4, 2), Latents(seed).normal("z", 4, 2)
    denoised = target.denoise(vp / math.sqrt(abar), t)
    mean = (math.sqrt(later) * beta * denoised + math.sqrt(alpha) * (1 - later) * vp) / (1 - abar)
    predicted = (vp - math.sqrt(abar) * denoised) / math.sqrt(1 - abar)
    assert torch.allclose(mean, (vp - beta / math.sqrt(1 - abar) * predicted) / math.sqrt(alpha), rtol=1e-9, atol=1e-9)
    variance = (1 - later) / (1 - abar) * beta if choice == "lower" else beta
    rule = samplers.beta_tilde if choice == "lower" else samplers.beta
    found = samplers.ancestral(target.denoise, vp / math.sqrt(abar), [t, after], lambda i: z, rule)
    assert torch.allclose(math.sqrt(later) * found, mean + math.sqrt(variance) * z, rtol=1e-9, atol=1e-9)


def test_song_s_ancestral_predictor():
    """Song et al. 2021, VE: x + (t^2 - t'^2) score + sqrt(t'^2 (t^2 - t'^2)/t^2) z; here (2 -> 1.2) .72 and .96."""
    assert samplers.split(2.0, 1.2) == pytest.approx((0.72, 0.96))
    target, x, z = data(2), Latents(1).normal("x", 4, 2), noise_of(1)
    score = target.score(x, 2.0)
    printed = x + (4 - 1.44) * score + 0.96 * z(0)
    assert close(samplers.predictor_corrector(target.denoise, x, [2.0, 1.2], z, samplers.fixed_step(0.1), 0), printed)


def test_lms_weights_on_equal_steps():
    """Slopes 3/2, -1/2 and 23/12, -16/12, 5/12: the textbook's Adams-Bashforth."""
    target, x, sigmas = data(1), Latents(1).normal("x", 4, 2), [2.0, 1.7, 1.4, 1.1]
    slope = lambda x, t: (x - target.denoise(x, t)) / t  # noqa: E731
    one = samplers.adams_bashforth(target.denoise, x, sigmas[:2], order=3)
    d = [slope(x, 2.0), slope(one, 1.7)]
    two = one - 0.3 * (1.5 * d[1] - 0.5 * d[0])
    d.append(slope(two, 1.4))
    three = two - 0.3 * (23 * d[2] - 16 * d[1] + 5 * d[0]) / 12
    assert close(samplers.adams_bashforth(target.denoise, x, sigmas, order=3), three)


# -- samplers that are the same --------------------------------------------------------------------------------------


def grid(seed, n=6):
    """Falling levels with irregular steps, ending above 0."""
    steps = Latents(seed).uniform("grid", n).tolist()
    found = [8.0]
    for u in steps:
        found.append(found[-1] * (0.3 + 0.6 * u))
    return found


@settings(deadline=None, max_examples=20)
@given(seed=seeds, ends=st.booleans())
def test_first_order_methods_are_one(seed, ends):
    """DDIM at eta = 0, Euler, DPM-Solver-1, DPM-Solver++(1), and every family member without noise."""
    target, x = data(seed), 8 * Latents(seed).normal("x", 4, 2)
    sigmas = grid(seed) + [0.0] * ends
    wanted, still = euler(target.denoise, x, sigmas), noise_of(seed)
    for found in (
        samplers.ddim(target.denoise, x, sigmas),
        samplers.dpm_solver(target.denoise, x, sigmas, order=1),
        samplers.dpmpp_single(target.denoise, x, sigmas, order=1),
        samplers.dpm_solver_multistep(target.denoise, x, sigmas, order=1),
        samplers.exponential_adams(target.denoise, x, sigmas, order=1),
        samplers.adams_bashforth(target.denoise, x, sigmas, order=1),
        samplers.exponential(target.denoise, x, sigmas, still, samplers.constant(0.0)),
        samplers.renoised(target.denoise, x, sigmas, still, eta=0.0),
        samplers.predictor_corrector(target.denoise, x, sigmas, still, samplers.fixed_step(0.1), 0, eta=0.0),
    ):
        assert close(found, wanted, 8)


@settings(deadline=None, max_examples=20)
@given(seed=seeds)
def test_noisy_first_order_methods_are_one(seed):
    """DDIM at eta = 1, DDPM with beta-tilde, the SDE's exponential step at ell = 1, k-diffusion's ancestral Euler."""
    target, x, sigmas, z = data(seed), 8 * Latents(seed).normal("x", 4, 2), [*grid(seed), 0.0], noise_of(seed)
    wanted = samplers.ancestral(target.denoise, x, sigmas, z)
    for found in (
        samplers.ddim(target.denoise, x, sigmas, z, eta=1.0),
        samplers.exponential(target.denoise, x, sigmas, z, samplers.constant(1.0)),
        samplers.renoised(target.denoise, x, sigmas, z),
        samplers.ancestral(target.denoise, x, sigmas, z, samplers.analytic(lambda t: 0.0)),
    ):
        assert close(found, wanted, 8)
    step, one = sigmas[:2], samplers.ancestral(target.denoise, x, sigmas[:2], z)
    assert close(samplers.sde_dpmpp_2m(target.denoise, x, step, z), one, 8)
    assert close(samplers.sde_dpmpp_3m(target.denoise, x, step, z), one, 8)
    assert not close(samplers.ancestral(target.denoise, x, step, z, samplers.beta), one, 8)


@settings(deadline=None, max_examples=20)
@given(seed=seeds, eta=st.floats(0.1, 0.9))
def test_etas_of_ddim_and_of_the_sde_are_different_families(seed, eta):
    target, x, sigmas, z = data(seed), 8 * Latents(seed).normal("x", 4, 2), grid(seed), noise_of(seed)
    sde = samplers.exponential(target.denoise, x, sigmas, z, samplers.constant(math.sqrt(eta)))
    assert not close(samplers.ddim(target.denoise, x, sigmas, z, eta), sde, 8)


@settings(deadline=None, max_examples=20)
@given(seed=seeds, eta=st.floats(0.0, 2.0))
def test_multistep_methods_on_a_constant_denoiser_are_exact(seed, eta):
    """With D = y everywhere all outputs agree, so every order is the first, and the noise is that of one step."""
    y, x, z = (Latents(seed).normal(name, 4, 2) for name in "yxz")
    sigmas = grid(seed)
    straight = torch.lerp(y, x, sigmas[-1] / sigmas[0])
    for run in (samplers.dpmpp_2m, samplers.dpmpp_3m, samplers.dpm_solver_multistep, heun, samplers.adams_bashforth):
        assert close(run(lambda x, t: y, x, sigmas), straight, 8)
    wanted = samplers.exponential(lambda x, t: y, x, sigmas, lambda i: z, samplers.constant(math.sqrt(eta)))
    for run in (samplers.sde_dpmpp_2m, samplers.sde_dpmpp_3m):
        assert close(run(lambda x, t: y, x, sigmas, lambda i: z, eta), wanted, 8)


@settings(deadline=None, max_examples=20)
@given(seed=seeds)
def test_second_order_methods_that_meet(seed):
    target, x, sigmas = data(seed), 8 * Latents(seed).normal("x", 4, 2), grid(seed)
    z, d = noise_of(seed), target.denoise
    assert close(samplers.two_stage(d, x, sigmas, alpha=1.0), heun(d, x, sigmas), 8)
    assert close(samplers.sde_dpmpp_2m(d, x, sigmas, z, eta=0.0), samplers.dpmpp_2m(d, x, sigmas), 8)
    cold = samplers.dpmpp_3m(d, x, sigmas, warm_start=False)
    assert close(samplers.sde_dpmpp_3m(d, x, sigmas, z, eta=0.0), cold, 8)
    assert close(samplers.dpmpp_3m(d, x, sigmas), samplers.exponential_adams(d, x, sigmas, order=3), 8)
    assert torch.equal(churn(d, x, sigmas, z, 0.0), heun(d, x, sigmas))
    for final in (False, True):
        written_out = multistep(d, x, sigmas, DATA, 2, two_point, lower_order_final=final)
        assert close(samplers.dpmpp_2m(d, x, sigmas, final), written_out, 8)
    assert not close(samplers.dpmpp_2m(d, x, sigmas), samplers.dpm_solver_multistep(d, x, sigmas), 8)


def test_dpm_solver_2_takes_its_second_slope_at_the_geometric_mean():
    target, x = data(1), Latents(1).normal("x", 4, 2)
    middle = math.sqrt(2.0 * 0.5)
    y = euler(target.denoise, x, [2.0, middle])
    printed = x + (0.5 - 2.0) * (y - target.denoise(y, middle)) / middle
    assert close(samplers.dpm_solver(target.denoise, x, [2.0, 0.5]), printed)


def test_lower_order_final_shortens_the_history():
    """Four steps down to a positive level: the last is first order, the one before second."""
    target, x, sigmas = data(4), 8 * Latents(4).normal("x", 4, 2), grid(4, 4)
    run = partial(samplers.dpmpp_3m, warm_start=False, lower_order_final=True)
    counted = Counted(target.denoise)
    found = run(counted, x, sigmas)
    before = samplers.dpmpp_3m(target.denoise, x, sigmas[:-2], warm_start=False)
    assert counted.calls == 4
    assert not close(found, samplers.dpmpp_3m(target.denoise, x, sigmas, warm_start=False), 8)
    t, after = sigmas[-3], sigmas[-2]
    outputs = [target.denoise(before, t)]
    earlier = samplers.dpmpp_3m(target.denoise, x, sigmas[:-3], warm_start=False)
    outputs.append(target.denoise(earlier, sigmas[-4]))
    second = interpolation(DATA, before, outputs, [t, sigmas[-4]], after)
    assert close(found, euler(target.denoise, second, sigmas[-2:]), 8)


def test_inflation_adds_variances():
    assert torch.allclose(inflate(torch.zeros(3), 3.0, 5.0, torch.ones(3), 0.5), torch.full((3,), 2.0))


@settings(deadline=None, max_examples=15)
@given(seed=seeds, iterations=st.sampled_from([0, 60]))
def test_inversion_is_exact_only_when_its_equation_is_solved(seed, iterations):
    target = Gaussian(torch.zeros(2, dtype=DOUBLE), torch.tensor([0.3, 1.2], dtype=DOUBLE))
    x, sigmas = 3 * Latents(seed).normal("x", 4, 2), grids.karras(21, 0.1, 3.0, to_zero=False)
    clean = samplers.ddim(target.denoise, x, sigmas)
    error = float((samplers.ddim_inversion(target.denoise, clean, sigmas, iterations) - x).abs().max())
    assert error < 1e-10 if iterations else error > 1e-4


# -- bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sampler", [euler, samplers.dpmpp_2m, samplers.dpm_solver, samplers.adams_bashforth])
@pytest.mark.parametrize("sigmas", [[1.0], [1.0, 0.0, 0.0], [1.0, -1.0], [math.nan, 1.0], [math.inf, 1.0]])
def test_levels_that_make_no_sense(sampler, sigmas):
    with pytest.raises(ValueError, match="noise levels"):
        sampler(lambda x, t: x, torch.zeros(1, 1), sigmas)


@pytest.mark.parametrize(
    "sampler", [euler, samplers.dpmpp_2m, samplers.dpmpp_3m, partial(samplers.dpm_solver, order=3)]
)
def test_a_repeated_level_is_named(sampler):
    with pytest.raises(ValueError, match="noise levels 1 and 2 are both 0.5"):
        sampler(lambda x, t: x, torch.zeros(1, 1), [1.0, 0.5, 0.5, 0.0])


def test_churn_may_come_back_to_its_level():
    """One point at 0: raise 1 to 1 + gamma with noise, step back: x' = (x + sqrt(2 gamma + gamma^2) z)/(1 + gamma)."""
    gamma, x, z = 0.2, torch.ones(1, 1, dtype=DOUBLE), torch.ones(1, 1, dtype=DOUBLE)
    back = churn(lambda x, t: torch.zeros_like(x), x, [1.0, 1.0], lambda i: z, gamma)
    assert float(back) == pytest.approx((1 + math.sqrt(2 * gamma + gamma**2)) / (1 + gamma))


def test_noise_is_not_added_on_the_way_up():
    with pytest.raises(ValueError, match="must fall, but level 1 is 2 after 1"):
        samplers.ancestral(lambda x, t: x, torch.zeros(1, 1), [1.0, 2.0], lambda i: torch.zeros(1, 1))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda d, x, s, z: samplers.ddim(d, x, s, z, 1.5), "0 <= eta <= 1, not 1.5"),
        (lambda d, x, s, z: samplers.ddim(d, x, s, eta=0.5), "give `noise`"),
        (lambda d, x, s, z: samplers.renoised(d, x, s, z, 2.0), "0 <= eta <= 1, not 2"),
        (lambda d, x, s, z: samplers.sde_dpmpp_2m(d, x, s, z, -1.0), "eta >= 0, not -1"),
        (lambda d, x, s, z: samplers.constant(-1.0), "ell >= 0, not -1"),
        (lambda d, x, s, z: samplers.two_stage(d, x, s, 0.0), "0 < alpha <= 1, not 0"),
        (lambda d, x, s, z: samplers.dpm_solver(d, x, s, 4), "order 1, 2 or 3, not 4"),
        (lambda d, x, s, z: samplers.dpm_solver_multistep(d, x, s, 4), "order 1, 2 or 3, not 4"),
        (lambda d, x, s, z: samplers.adams_bashforth(d, x, s, 0), "order 1 or more, not 0"),
        (lambda d, x, s, z: samplers.ddim_inversion(d, x, [1.0, 0.0]), "above 0"),
    ],
)
def test_errors_say_how_to_mend_them(call, message):
    with pytest.raises(ValueError, match=message):
        call(lambda x, t: x, torch.zeros(1, 1), [1.0, 0.5], lambda i: torch.zeros(1, 1))
