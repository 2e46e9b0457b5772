"""What samplers do to a Gaussian, exactly: a linear sampler's output law follows from its response to unit inputs."""

import math
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from verify.experiments import grids, samplers
from verify.experiments.latents import Latents
from verify.experiments.oracles import Gaussian, Mixture
from verify.experiments.samplers import Counted
from verify.experiments.statistics import CONFIRMED, REFUTED, around, order_interval, verdict

DOUBLE = torch.float64
variances = st.floats(0.05, 4.0)


def gaussian(variance):
    return Gaussian(torch.zeros(1, dtype=DOUBLE), torch.full((1,), variance, dtype=DOUBLE)).denoise


def factor(run, denoise, sigmas):
    """What a deterministic sampler multiplies x by."""
    return float(run(denoise, torch.ones(1, 1, dtype=DOUBLE), sigmas))


def end_variance(run, denoise, sigmas, start, draws=None):
    """The exact variance at the end for a start N(0, start): squares of the responses to x and to every noise.

    Row 0 carries a unit start, row i + 1 a unit noise at draw i; the sampler is linear, so the rows do not mix.
    """
    draws = len(sigmas) - 1 if draws is None else draws
    unit = torch.eye(draws + 1, dtype=DOUBLE)
    responses = run(denoise, unit[:, :1], sigmas, lambda i: unit[:, i + 1 : i + 2])[:, 0].square()
    return float(responses[0] * start + responses[1:].sum())


def falling_grid(seed, n=8, top=9.0):
    found = [top]
    for u in Latents(seed).uniform("grid", n).tolist():
        found.append(found[-1] * (0.2 + 0.75 * u))
    return found


# -- deterministic samplers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("run", "n", "ratio"),
    [
        (samplers.heun, 18, 1.0552492740),
        (samplers.euler, 35, 0.919794),
        (partial(samplers.two_stage, alpha=0.5), 18, 0.9955766),
    ],
    ids=["heun", "euler", "midpoint"],
)
def test_what_edm_s_default_grid_does_to_the_deviation(run, n, ratio):
    """s = 0.5, sigma from 80 to 0.002 and 0: 18 Heun steps inflate an exact denoiser's deviation by 5.5 %."""
    s, sigmas = 0.5, grids.karras(n)
    found = factor(run, gaussian(s**2), sigmas) * math.hypot(s, 80) / s
    assert found == pytest.approx(ratio, rel=2e-5)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32), variance=variances)
def test_factors_of_euler_and_heun(seed, variance):
    """prod (1 + h f) and prod (1 + h/2 (f + f' (1 + h f))) with f = t/(s^2 + t^2)."""
    sigmas, euler, heun = falling_grid(seed), 1.0, 1.0
    for t, after in zip(sigmas[:-1], sigmas[1:], strict=True):
        h, f, then = after - t, t / (variance + t**2), after / (variance + after**2)
        euler, heun = euler * (1 + h * f), heun * (1 + h / 2 * (f + then * (1 + h * f)))
    assert factor(samplers.euler, gaussian(variance), sigmas) == pytest.approx(euler, rel=1e-12)
    assert factor(samplers.heun, gaussian(variance), sigmas) == pytest.approx(heun, rel=1e-12)


@pytest.mark.parametrize("run", [samplers.heun, samplers.dpmpp_2m, samplers.dpmpp_3m, samplers.dpm_solver])
def test_fine_grids_reach_the_data(run):
    sigmas = [*grids.karras(400, 0.005, 80.0, to_zero=False), 0.0]
    assert factor(run, gaussian(0.25), sigmas) * math.hypot(0.5, 80) == pytest.approx(0.5, rel=2e-3)


# -- reverse SDEs and ancestral sampling -----------------------------------------------------------------------------


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32), variance=variances)
def test_the_exact_variance_is_exact_on_every_grid(seed, variance):
    """Var(x' | x) of the data makes ancestral sampling exact; on unit data that is beta, on one point beta-tilde."""
    sigmas = falling_grid(seed)
    run = partial(samplers.ancestral, variance=samplers.reverse_variance(variance))
    found = end_variance(run, gaussian(variance), sigmas, variance + sigmas[0] ** 2)
    assert found == pytest.approx(variance + sigmas[-1] ** 2, rel=1e-12)


@settings(deadline=None, max_examples=30)
@given(t=st.floats(0.1, 20.0), ratio=st.floats(0.0, 0.99), variance=variances)
def test_choices_of_variance(t, ratio, variance):
    """beta-tilde <= exact <= beta for 0 <= s <= 1, equal at the ends; Analytic-DPM's is the exact one; beta in VP."""
    after = t * ratio
    lower, upper = samplers.beta_tilde(t, after), samplers.beta(t, after)
    exact = samplers.reverse_variance(variance)(t, after)
    assert lower <= exact * (1 + 1e-12)
    assert exact <= upper * (1 + 1e-12) or variance > 1
    assert lower == pytest.approx(after**2 * (t**2 - after**2) / t**2, rel=1e-12, abs=1e-300)
    assert upper / (1 + after**2) == pytest.approx(1 - (1 + after**2) / (1 + t**2), rel=1e-9)
    analytic = samplers.analytic(lambda t: variance * t**2 / (variance + t**2))(t, after)
    assert analytic == pytest.approx(exact, rel=1e-9)


def test_measured_residual_is_the_posterior_variance():
    variance, rows = 0.49, 200_000
    y, noise = 0.7 * Latents(1).normal("y", rows, 1), Latents(1).normal("n", rows, 1)
    residual = samplers.mean_residual(gaussian(variance), y, noise, [2.0, 0.5, 0.0])
    for t in (2.0, 0.5):
        exact = variance * t**2 / (variance + t**2)
        assert abs(residual(t) - exact) < 6.2 * exact * math.sqrt(2 / rows)
    with pytest.raises(ValueError, match="no residual was measured at noise level 0"):
        residual(0.0)


@pytest.mark.parametrize("variance", [0.05, 0.25])
def test_beta_and_beta_tilde_err_on_both_sides_and_vanish_like_the_step(variance):
    """On N(0, s^2), s < 1: beta-tilde ends too small and beta too large, both of order 1 in the step."""
    for choice, sign in ((samplers.beta_tilde, -1), (samplers.beta, 1)):
        errors, counts = [], (25, 50, 100, 200, 400)
        for n in counts:
            sigmas = grids.karras(n, 0.01, 30.0, to_zero=False)
            run = partial(samplers.ancestral, variance=choice)
            found = end_variance(run, gaussian(variance), sigmas, variance + 30.0**2)
            errors.append(sign * (found - variance - 0.01**2))
        assert min(errors) > 0
        assert verdict(order_interval([1 / n for n in counts], errors, 1e-15), around(1.0, 0.25)) == CONFIRMED


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 2**32), eta=st.floats(0.0, 1.0), name=st.sampled_from(["ddim", "renoised", "sde", "2m", "3m"])
)
def test_on_one_point_every_fraction_of_noise_keeps_the_level(seed, eta, name):
    """D = 0 everywhere: each step must leave variance t'^2 exactly, whatever eta and the order."""
    run = {
        "ddim": partial(samplers.ddim, eta=eta),
        "renoised": partial(samplers.renoised, eta=eta, step=samplers.heun_step),
        "sde": partial(samplers.exponential, ell=samplers.constant(2 * eta)),
        "2m": partial(samplers.sde_dpmpp_2m, eta=2 * eta),
        "3m": partial(samplers.sde_dpmpp_3m, eta=2 * eta),
    }[name]
    sigmas = falling_grid(seed)
    found = end_variance(run, lambda x, t: torch.zeros_like(x), sigmas, sigmas[0] ** 2)
    assert found == pytest.approx(sigmas[-1] ** 2, rel=1e-11)


def gaussian_step(mean, deviation):
    """A sampler from the coefficient of x - D and the deviation of its noise, each a function of t and t'."""

    def run(denoise, x, sigmas, noise):
        for i, (t, after) in enumerate(zip(sigmas[:-1], sigmas[1:], strict=True)):
            denoised = denoise(x, t)
            x = denoised + mean(t, after) * (x - denoised) + deviation(t, after) * noise(i)
        return x

    return run


def posterior_mean(t, after):
    return (after / t) ** 2


def up(t, after):
    return after * math.sqrt(1 - (after / t) ** 2)


WRONG_ON_ONE_POINT = {
    "noise of the whole level": gaussian_step(posterior_mean, lambda t, after: after),
    "down = t' - up": gaussian_step(lambda t, after: (after - up(t, after)) / t, up),
    "variance for deviation": gaussian_step(posterior_mean, lambda t, after: up(t, after) ** 2),
    "root of the deviation": gaussian_step(posterior_mean, lambda t, after: math.sqrt(up(t, after))),
    "no noise": gaussian_step(posterior_mean, lambda t, after: 0.0),
    "beta on one point": partial(samplers.ancestral, variance=samplers.beta),
    "roots apart (DDIM)": gaussian_step(
        lambda t, after: (after - 0.5 * up(t, after)) / t, lambda t, after: 0.5 * up(t, after)
    ),
    "sde noise of eta = 1 at eta = 1/2": gaussian_step(
        lambda t, after: (after / t) ** 1.5, lambda t, after: after * math.sqrt(1 - (after / t) ** 2)
    ),
    "ode step, sde noise": gaussian_step(lambda t, after: after / t, up),
}


@pytest.mark.parametrize("name", WRONG_ON_ONE_POINT)
def test_wrong_noise_leaves_the_level(name):
    sigmas = grids.karras(12, 0.1, 9.0, to_zero=False)
    found = end_variance(WRONG_ON_ONE_POINT[name], lambda x, t: torch.zeros_like(x), sigmas, 81.0)
    assert abs(found / 0.01 - 1) > 0.05


def test_noise_in_the_last_step_stays_in_the_sample():
    """ddpm.final-noise: beta's variance at t' = 0 is t^2/(1 + t^2), added exactly."""
    sigmas = [*grids.karras(12, 0.1, 9.0, to_zero=False), 0.0]
    right = partial(samplers.ancestral, variance=samplers.beta)
    wrong = gaussian_step(posterior_mean, lambda t, after: math.sqrt(samplers.beta(t, after)))
    found = [end_variance(run, gaussian(0.25), sigmas, 81.25) for run in (right, wrong)]
    assert found[1] - found[0] == pytest.approx(0.01 / 1.01, rel=1e-9)


COUNTS = (50, 100, 200, 400, 800)


def variance_order(run, variance=0.25):
    errors = []
    for n in COUNTS:
        sigmas = grids.karras(n, 0.05, 20.0, to_zero=False)
        errors.append(abs(end_variance(run, gaussian(variance), sigmas, variance + 400.0) - variance - 0.05**2))
    return order_interval([1 / n for n in COUNTS], errors, 1e-15)


def turning(sigma):
    """More noise in the middle of the way than at its ends."""
    return 1.5 * math.exp(-(math.log(sigma) ** 2))


@pytest.mark.parametrize("ell", [samplers.constant(0.5), samplers.constant(1.0), samplers.constant(2.0), turning])
@pytest.mark.parametrize("method", [samplers.euler_maruyama, samplers.exponential])
def test_every_member_of_the_family_ends_at_the_data(method, ell):
    """rev.family: the marginal is the data's for every ell, to first order in the step."""
    assert verdict(variance_order(partial(method, ell=ell)), around(1.0, 0.25)) == CONFIRMED


def family(drift, deviation):
    """Euler-Maruyama with another factor before the score and another before the noise."""
    return gaussian_step(
        lambda t, after: 1 - drift / 2 * (1 - (after / t) ** 2),
        lambda t, after: deviation * math.sqrt(t**2 - after**2),
    )


@pytest.mark.parametrize(
    ("drift", "deviation", "ell"),
    [(1 + 2.0, 2.0, 2.0), (1 + 4.0, math.sqrt(2.0), 2.0), (1.0, 1.0, 1.0), (2.0, 0.0, 0.0)],
    ids=["1 + ell", "sqrt ell", "half g^2 with noise", "g^2 without noise"],
)
def test_wrong_members_of_the_family_miss_the_data(drift, deviation, ell):
    sigmas = grids.karras(800, 0.05, 20.0, to_zero=False)
    wrong = end_variance(family(drift, deviation), gaussian(0.25), sigmas, 400.25)
    assert abs(wrong / 0.2525 - 1) > 0.2
    right = end_variance(family(1 + ell**2, ell), gaussian(0.25), sigmas, 400.25)
    assert abs(right / 0.2525 - 1) < 0.05
    assert verdict(variance_order(family(drift, deviation)), around(1.0, 0.25)) == REFUTED


@pytest.mark.parametrize("eta", [0.3, 1.0])
def test_two_outputs_make_the_sde_solver_better_than_one(eta):
    """The bias of the variance on a Gaussian, against that of one frozen output."""
    sigmas = grids.karras(40, 0.05, 20.0, to_zero=False)
    first = partial(samplers.exponential, ell=samplers.constant(math.sqrt(eta)))
    bias = [
        abs(end_variance(run, gaussian(0.25), sigmas, 400.25) - 0.2525)
        for run in (first, partial(samplers.sde_dpmpp_2m, eta=eta), partial(samplers.sde_dpmpp_3m, eta=eta))
    ]
    assert bias[1] < bias[0] / 4
    assert bias[2] < bias[0] / 4


# -- Langevin --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("variance", "h"), [(1.0, 0.5), (0.3, 0.1), (2.0, 3.0)])
def test_bias_of_unadjusted_langevin(variance, h):
    """v/(1 - h/(4v)) on N(0, v), here data of variance 3v/4 at level sqrt(v)/2."""
    target, sigma = gaussian(0.75 * variance), 0.5 * math.sqrt(variance)
    unit = torch.eye(401, dtype=DOUBLE)
    end = samplers.ula(target, unit[:, :1], sigma, h, 400, lambda i: unit[:, i + 1 : i + 2])
    wanted = variance / (1 - h / (4 * variance))
    decay = (1 - h / (2 * variance)) ** 800
    assert float(end.square().sum()) == pytest.approx(wanted + decay * (1 - wanted), rel=1e-9)


@pytest.mark.parametrize(
    "step",
    [
        lambda x, z, v, h: x - h / v * x + math.sqrt(h) * z,
        lambda x, z, v, h: x - h / (2 * v) * x + h * z,
        lambda x, z, v, h: x - h / (2 * v) * x + math.sqrt(2 * h) * z,
    ],
    ids=["drift h", "noise h", "noise sqrt(2h)"],
)
def test_wrong_langevin_steps_have_another_law(step):
    unit, h = torch.eye(401, dtype=DOUBLE), 0.1
    x = unit[:, :1]
    for i in range(400):
        x = step(x, unit[:, i + 1 : i + 2], 1.0, h)
    assert abs(float(x.square().sum()) * (1 - h / 4) - 1) > 0.3


@pytest.mark.parametrize("sigma", [0.1, 1.0, 30.0])
def test_the_norm_step_keeps_its_ratio_at_every_level(sigma):
    """Noise norm over drift norm is 1/snr (solver.langevin-snr), so the step grows like sigma^2."""
    snr, x, z = 0.16, Latents(1).normal("x", 64, 5) * sigma, Latents(1).normal("z", 64, 5)
    denoise = Gaussian(torch.zeros(5, dtype=DOUBLE), torch.full((5,), 0.09, dtype=DOUBLE)).denoise
    zero = torch.zeros_like(z)
    score = (denoise(x, sigma) - x) / sigma**2

    def norm(v):
        return float(v.norm(dim=1).mean())

    moved = samplers.norm_step(snr)(denoise, x, sigma, z) - x
    step = 2 * (snr * norm(z) / norm(score)) ** 2
    assert torch.allclose(moved, step * score + math.sqrt(2 * step) * z, rtol=1e-10)
    assert norm(math.sqrt(2 * step) * z) / norm(step * score) == pytest.approx(1 / snr)
    fixed = samplers.fixed_step(snr)(denoise, x, sigma, zero) - x
    assert torch.allclose(fixed, 2 * (snr * sigma) ** 2 * score, rtol=1e-10, atol=1e-12)
    assert step == pytest.approx(2 * (snr * sigma) ** 2, rel=0.3 if sigma > 0.3 else 400)


def test_correctors_repair_a_predictor():
    """On N(0, s^2) Euler ends too narrow; Langevin steps at every level bring the variance nearer."""
    sigmas = grids.karras(30, 0.05, 20.0, to_zero=False)
    bias = []
    for count in (0, 1, 4):
        run = partial(samplers.predictor_corrector, corrector=samplers.fixed_step(0.16), count=count, eta=0.0)
        bias.append(abs(end_variance(run, gaussian(0.25), sigmas, 400.25, 29 * (count + 1)) - 0.2525))
    assert bias[0] > bias[1] > bias[2]


def test_annealing_follows_the_ladder():
    """Many small steps at each level end at the law of the last level, with Langevin's own bias."""
    sigmas, relative, count, variance = [3.0, 1.5, 0.8, 0.4], 0.2, 150, 0.25
    run = partial(samplers.annealed, count=count, relative=relative)
    found = end_variance(run, gaussian(variance), sigmas, 9.25, 3 * count)
    last, h = variance + 0.8**2, relative * 0.8**2  # a list that does not end at 0 stops before its last level
    assert found == pytest.approx(last / (1 - h / (4 * last)), rel=1e-3)


# -- consistency -----------------------------------------------------------------------------------------------------


def consistency_map(variance, epsilon):
    """f(x, sigma) = sqrt((s^2 + eps^2)/(s^2 + sigma^2)) x (cm.self-consistency)."""
    return lambda x, sigma: x * math.sqrt((variance + epsilon**2) / (variance + sigma**2))


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32), variance=variances, n=st.integers(1, 5))
def test_exact_consistency_functions_give_the_data_in_any_number_of_steps(seed, variance, n):
    epsilon, sigmas = 0.05, [*falling_grid(seed, n - 1), 0.0]
    f = consistency_map(variance, epsilon)
    sigmas = [s for s in sigmas if s > epsilon] + [0.0]
    run = partial(samplers.consistency, epsilon=epsilon)
    found = end_variance(run, f, sigmas, variance + sigmas[0] ** 2)
    assert found == pytest.approx(variance + epsilon**2, rel=1e-12)


def test_wrong_consistency_samplers_miss_the_data():
    """Noise tau, the same z in every step, and the denoiser in the place of f."""
    epsilon, variance, sigmas = 0.4, 0.25, [9.0, 1.0, 0.6, 0.0]
    f, wanted = consistency_map(variance, epsilon), variance + epsilon**2

    def error(run, f=f):
        return abs(end_variance(run, f, sigmas, variance + 81.0) / wanted - 1)

    right = partial(samplers.consistency, epsilon=epsilon)
    assert error(right) < 1e-12
    assert error(samplers.consistency) > 0.02
    assert error(lambda f, x, s, z: right(f, x, s, lambda i: z(0))) > 0.02
    assert error(right, gaussian(variance)) > 0.1


@settings(deadline=None, max_examples=30)
@given(sigma_data=st.floats(0.1, 3.0), epsilon=st.floats(1e-3, 0.1), seed=st.integers(0, 2**32))
def test_the_boundary_condition_holds_for_every_network(sigma_data, epsilon, seed):
    x, network = Latents(seed).normal("x", 3, 2), Counted(lambda x, sigma: torch.cos(7 * x) - 4)
    f = samplers.consistency_function(network, samplers.boundary(sigma_data, epsilon))
    assert torch.equal(f(x, epsilon), x)
    plain = samplers.consistency_function(network, samplers.boundary(sigma_data, 0.0))  # EDM's own scalings
    assert not torch.equal(plain(x, epsilon), x)
    assert samplers.boundary(sigma_data, 0.0)(2.0)[0] == pytest.approx(sigma_data**2 / (4 + sigma_data**2))


# -- guidance --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("run", "closed"),
    [
        (samplers.heun, lambda gamma: 2 ** (1 - gamma)),
        (
            partial(samplers.exponential, ell=samplers.constant(1.0)),
            lambda gamma: (2 - 2 ** (2 - 2 * gamma)) / (2 * gamma - 1),
        ),
    ],
    ids=["ode", "sde"],
)
@pytest.mark.parametrize("gamma", [1.0, 3.0, 5.0])
def test_guided_gaussians_have_the_three_known_variances(run, closed, gamma):
    """p = N(0, 2), p(.|c) = N(0, 1) (guide.gaussian-three-variances): neither is the tilted law's 2/(gamma + 1)."""
    guided = samplers.classifier_free(gaussian(1.0), gaussian(2.0), gamma)
    sigmas = [*grids.karras(1500, 1e-3, 2000.0, to_zero=False), 0.0]
    if run is samplers.heun:
        found = factor(run, guided, sigmas) ** 2 * (1 + 2000.0**2)
    else:
        found = end_variance(run, guided, sigmas, 1 + 2000.0**2)
    assert found == pytest.approx(closed(gamma), rel=0.02)
    if gamma > 1:
        assert abs(found - 2 / (gamma + 1)) > 0.05


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32), s=st.floats(-1, 6), sigma=st.floats(0.1, 5.0))
def test_both_conventions_of_guidance(seed, s, sigma):
    """D_u + s (D_c - D_u) = (1 + w) D_c - w D_u with w = s - 1; 0 is unconditional and 1 conditional."""
    x = Latents(seed).normal("x", 3, 1)
    conditional, unconditional = gaussian(1.0), gaussian(2.0)
    c, u, w = conditional(x, sigma), unconditional(x, sigma), s - 1
    found = samplers.classifier_free(conditional, unconditional, s)(x, sigma)
    assert torch.allclose(found, (1 + w) * c - w * u, rtol=1e-10, atol=1e-12)
    assert samplers.scale_of(w) == pytest.approx(s)
    assert torch.equal(samplers.classifier_free(conditional, unconditional, 0.0)(x, sigma), u)
    assert torch.allclose(samplers.classifier_free(conditional, unconditional, 1.0)(x, sigma), c)
    confused = samplers.classifier_free(conditional, unconditional, w)(x, sigma)
    assert not torch.allclose(found, confused, rtol=1e-6, atol=1e-9)


def labelled():
    weights, means = torch.tensor([0.3, 0.7], dtype=DOUBLE), torch.tensor([[-1.0, 0.5], [0.8, -0.2]], dtype=DOUBLE)
    return Mixture(weights, means, torch.full((2, 2), 0.2, dtype=DOUBLE)), means


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32), sigma=st.floats(0.1, 5.0))
def test_the_noisy_classifier_gives_the_conditional_denoiser(seed, sigma):
    """guide.bayes: p(x | c) = p(x) p(c | x) / p(c) at the same noise level."""
    mixture, means = labelled()
    x = (1 + sigma) * Latents(seed).normal("x", 5, 2)
    component = Gaussian(means[1], torch.full((2,), 0.2, dtype=DOUBLE))

    def gradient(x, level):
        return component.score(x, level) - mixture.score(x, level)

    wanted = component.denoise(x, sigma)
    assert torch.allclose(samplers.classifier(mixture.denoise, gradient)(x, sigma), wanted, rtol=1e-8, atol=1e-8)
    clean = samplers.classifier(mixture.denoise, lambda x, level: gradient(x, 1e-3))  # trained without noise
    minus = samplers.classifier(mixture.denoise, gradient, -1.0)
    for wrong in (clean, minus):
        assert not torch.allclose(wrong(x, sigma), wanted, rtol=1e-6, atol=1e-9)


def test_guidance_only_within_its_interval():
    guided, plain = Counted(gaussian(1.0)), Counted(gaussian(2.0))
    denoise, x = samplers.within(guided, plain, 0.5, 2.0), torch.ones(1, 1, dtype=DOUBLE)
    for sigma in (0.4, 0.5, 0.6, 2.0, 2.1):
        denoise(x, sigma)
    assert (guided.calls, plain.calls) == (2, 3)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32), s=st.floats(1.5, 8.0))
def test_rescaling_restores_each_sample_s_deviation(seed, s):
    """guide.rescale: exactly at phi = 1, for every sample by itself; phi = 0 is plain guidance."""
    latents = Latents(seed)
    c, u = latents.normal("c", 4, 30).reshape(4, 3, 10), latents.normal("u", 4, 30).reshape(4, 3, 10)
    conditional, unconditional = (lambda x, t: c), (lambda x, t: u)

    def spread(x):
        return x.flatten(1).std(1)

    whole = samplers.rescaled(conditional, unconditional, s, 1.0)(c, 1.0)
    assert torch.allclose(spread(whole), spread(c))
    plain = samplers.classifier_free(conditional, unconditional, s)(c, 1.0)
    assert torch.allclose(samplers.rescaled(conditional, unconditional, s, 0.0)(c, 1.0), plain)
    by_batch = plain * (c.std() / plain.std())
    by_variance = plain * (spread(c) / spread(plain)).square()[:, None, None]
    for wrong in (by_batch, by_variance):
        assert not torch.allclose(spread(wrong), spread(c), rtol=1e-3)
