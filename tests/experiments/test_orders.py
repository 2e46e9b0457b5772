"""Orders of every sampler, from exact histories and over a span; wrong versions fall short in one or the other."""

import math
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from verify.experiments import samplers
from verify.experiments.latents import Latents
from verify.experiments.oracles import Gaussian, Mixture
from verify.experiments.orders import global_order, local_order, one_multistep, one_step, trajectory
from verify.experiments.samplers.forms import DATA, NOISE, SLOPE, interpolation_weights, psi, quadrature
from verify.experiments.samplers.multistep import interpolation, multistep, two_point
from verify.experiments.statistics import CONFIRMED, REFUTED, around, verdict

MARGIN = 0.25
COUNTS = (16, 32, 64, 128, 256)


def tensor(values):
    return torch.tensor(values, dtype=torch.float64)


MIXTURE = Mixture(tensor([0.3, 0.7]), tensor([[-1.0, 0.2], [0.8, -0.4]]), tensor([[0.09, 0.16], [0.16, 0.3]]))
POINTS = 1.2 * Latents(1).normal("orders", 32, 2)
EXACT = trajectory(MIXTURE.denoise, POINTS, 1.0)


def grid(n, top=5.0, bottom=0.3, rho=7.0):
    a, b = top ** (1 / rho), bottom ** (1 / rho)
    return [(a + i / n * (b - a)) ** rho for i in range(n + 1)]


def found_local(error, largest=0.2):
    return local_order(error, MIXTURE.denoise, EXACT, 1.0, [largest / 2 ** (k / 2) for k in range(10)])


def found_global(sampler):
    return global_order(sampler, MIXTURE.denoise, EXACT, grid, COUNTS)


SINGLE = {
    "euler": (samplers.euler, 1),
    "heun": (samplers.heun, 2),
    "midpoint": (samplers.two_stage, 2),
    "ralston": (partial(samplers.two_stage, alpha=2 / 3), 2),
    "ddim": (samplers.ddim, 1),
    "dpm-1": (partial(samplers.dpm_solver, order=1), 1),
    "dpm-2": (partial(samplers.dpm_solver, order=2), 2),
    "dpm-3": (partial(samplers.dpm_solver, order=3), 3),
    "++1": (partial(samplers.dpmpp_single, order=1), 1),
    "++2S": (partial(samplers.dpmpp_single, order=2), 2),
    "++3S": (partial(samplers.dpmpp_single, order=3), 3),
}


@pytest.mark.parametrize("name", SINGLE)
def test_single_step_methods(name):
    sampler, order = SINGLE[name]
    assert verdict(found_local(one_step(sampler)), around(order + 1, MARGIN)) == CONFIRMED
    assert verdict(found_global(sampler), around(order, MARGIN)) == CONFIRMED


MULTI = {
    "++2M": (DATA, two_point, 2, samplers.dpmpp_2m),
    "++3M": (DATA, interpolation, 3, samplers.dpmpp_3m),
    "exponential-2": (DATA, interpolation, 2, samplers.exponential_adams),
    "dpm-2M": (NOISE, two_point, 2, samplers.dpm_solver_multistep),
    "dpm-3M": (NOISE, interpolation, 3, partial(samplers.dpm_solver_multistep, order=3)),
    "adams-2": (SLOPE, interpolation, 2, samplers.adams_bashforth),
    "adams-3": (SLOPE, interpolation, 3, partial(samplers.adams_bashforth, order=3)),
}
RATIOS = (3.0, 0.7)


@pytest.mark.parametrize("name", MULTI)
def test_multistep_methods(name):
    form, rule, order, sampler = MULTI[name]
    local = found_local(one_multistep(form, rule, RATIOS[: order - 1]), largest=0.1)
    assert verdict(local, around(order + 1, MARGIN)) == CONFIRMED
    assert verdict(found_global(sampler), around(order, MARGIN)) == CONFIRMED


# -- wrong versions that people write --------------------------------------------------------------------------------


def from_ratio(share):
    """A two-output rule with the weights (1 + w), -w, where w = share(h, the step before)."""

    def rule(form, x, outputs, levels, after):
        if len(outputs) == 1:
            return interpolation(form, x, outputs, levels, after)
        h = form.coordinate(after) - form.coordinate(levels[0])
        w = share(h, form.coordinate(levels[0]) - form.coordinate(levels[1]))
        mass = form.moment(0, levels[0], after)
        return form.combine(x, outputs[:2], [mass * (1 + w), -mass * w], levels[0], after)

    return rule


inverted = from_ratio(lambda h, before: before / (2 * h))
equal_steps = from_ratio(lambda h, before: 0.5)


def previous_length(form, x, outputs, levels, after):
    """k-diffusion issue 56: the decay takes the step before instead of the step."""
    if len(outputs) == 1:
        return interpolation(form, x, outputs, levels, after)
    h, before = math.log(levels[0] / after), math.log(levels[1] / levels[0])
    denoised = torch.lerp(outputs[0], outputs[1], -h / (2 * before))
    return after / levels[0] * x - math.expm1(-before) * denoised


def half_third_term(form, x, outputs, levels, after):
    """The 3M step as released: psi_2 times the second divided difference, without the factor 2."""
    if len(outputs) < 3:
        return two_point(form, x, outputs, levels, after)
    t = levels[0]
    now, last, older = (form.coordinate(level) for level in levels)
    recent, early = (outputs[0] - outputs[1]) / (now - last), (outputs[1] - outputs[2]) / (last - older)
    second = (recent - early) / (now - older)
    first = recent + (now - last) * second
    straight = form.combine(x, [outputs[0]], [form.moment(0, t, after)], t, after)
    return straight + form.moment(1, t, after) * first + form.moment(2, t, after) / 2 * second


def log_weights(form, x, outputs, levels, after):
    """Slopes interpolated in ln sigma, and the weights used for sigma: of second order at most."""
    weights = interpolation_weights(DATA, tuple(levels), after)
    scale = (after - levels[0]) / sum(weights)
    return form.combine(x, outputs, [scale * weight for weight in weights], levels[0], after)


@pytest.mark.parametrize(
    ("form", "rule", "order"),
    [
        (DATA, inverted, 2),
        (DATA, equal_steps, 2),
        (DATA, previous_length, 2),
        (DATA, half_third_term, 3),
        (SLOPE, equal_steps, 2),
        (SLOPE, log_weights, 3),
    ],
    ids=["2M-inverted", "2M-equal", "2M-length", "3M-half", "adams-equal", "adams-3-log"],
)
def test_wrong_multistep_rules_lose_their_local_order(form, rule, order):
    found = found_local(one_multistep(form, rule, RATIOS[: order - 1]), largest=0.05)
    assert verdict(found, around(order + 1, MARGIN)) == REFUTED


def test_an_inverted_ratio_hides_from_the_global_order():
    """Its extra error telescopes over the steps: why every multistep method needs the local check."""
    found = found_global(lambda denoise, x, sigmas: multistep(denoise, x, sigmas, DATA, 2, inverted))
    assert verdict(found, around(2, MARGIN)) == CONFIRMED


def test_the_released_third_term_gives_second_order():
    local = found_local(one_multistep(DATA, half_third_term, RATIOS), largest=0.01)
    assert verdict(local, around(3, MARGIN)) == CONFIRMED

    def sampler(denoise, x, sigmas):
        return multistep(denoise, x, sigmas, DATA, 3, half_third_term, warm_start=True)

    assert (
        verdict(global_order(sampler, MIXTURE.denoise, EXACT, grid, (64, 128, 256, 512)), around(3, MARGIN)) == REFUTED
    )


def test_a_first_order_start_caps_a_third_order_method():
    counts = (32, 64, 128, 256, 512)
    cold = partial(samplers.dpmpp_3m, warm_start=False)
    errors = [global_order(s, MIXTURE.denoise, EXACT, grid, counts).estimate for s in (cold, samplers.dpmpp_3m)]
    assert errors[0] < 2.5 < errors[1]


def weights_swapped(denoise, x, sigmas, alpha=2 / 3):
    for t, after in zip(sigmas[:-1], sigmas[1:], strict=True):
        d, middle = (x - denoise(x, t)) / t, t + alpha * (after - t)
        y = x + (middle - t) * d
        x = x + (after - t) * (d / (2 * alpha) + (1 - 1 / (2 * alpha)) * (y - denoise(y, middle)) / middle)
    return x


def full_logsnr(denoise, x, sigmas):
    """DPM-Solver-1 with h = -ln sigma^2 in place of -ln sigma."""
    for t, after in zip(sigmas[:-1], sigmas[1:], strict=True):
        x = x - after * math.expm1(2 * math.log(t / after)) * (x - denoise(x, t)) / t
    return x


def third_with(stage, share):
    """DPM-Solver++(3S) with its last stage elsewhere, or with another share of the difference."""

    def sampler(denoise, x, sigmas):
        for t, after in zip(sigmas[:-1], sigmas[1:], strict=True):
            h, first = math.log(t / after), denoise(x, t)
            third, late = t * math.exp(-h / 3), t * math.exp(-stage * h)
            second = denoise(torch.lerp(first, x, third / t), third)
            moved = torch.lerp(first, x, late / t) + psi(1, stage * h) / (h / 3) * (second - first)
            x = torch.lerp(first, x, after / t) + share * psi(1, h) / (stage * h) * (denoise(moved, late) - first)
        return x

    return sampler


def test_the_reference_for_wrong_third_order_steps_is_right():
    right = third_with(2 / 3, 1.0)(MIXTURE.denoise, POINTS, [1.0, 0.7])
    assert torch.allclose(right, samplers.dpmpp_single(MIXTURE.denoise, POINTS, [1.0, 0.7], order=3), rtol=1e-13)


@pytest.mark.parametrize(
    ("sampler", "order"),
    [(weights_swapped, 2), (full_logsnr, 1), (third_with(1 / 2, 1.0), 3), (third_with(2 / 3, 0.5), 3)],
    ids=["alpha-weights", "full-logsnr", "stage-at-half", "half-share"],
)
def test_wrong_single_steps_lose_their_local_order(sampler, order):
    assert verdict(found_local(one_step(sampler)), around(order + 1, MARGIN)) == REFUTED


# -- the instruments --------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 2**32), sigma=st.floats(0.1, 20.0), after=st.floats(0.1, 20.0))
def test_trajectories_of_a_gaussian_are_known(seed, sigma, after):
    latents = Latents(seed)
    target = Gaussian(latents.normal("mean", 1, 3)[0], latents.normal("variance", 1, 3)[0].square() + 0.05)
    x = sigma * latents.normal("x", 4, 3)
    scale = ((target.variance + after**2) / (target.variance + sigma**2)).sqrt()
    found = trajectory(target.denoise, x, sigma)([after])[0]
    assert torch.allclose(found, target.mean + scale * (x - target.mean), rtol=1e-11, atol=1e-11)


def test_trajectories_of_a_mixture_keep_their_quantiles():
    target = Mixture(tensor([0.3, 0.7]), tensor([[-1.0], [0.8]]), tensor([[0.04], [0.1]]))
    x = torch.linspace(-4, 4, 9, dtype=torch.float64)[:, None]
    for level, state in zip((6.0, 1.0, 0.3), trajectory(target.denoise, x, 2.0)((6.0, 1.0, 0.3)), strict=True):
        assert torch.allclose(target.cdf(state, level), target.cdf(x, 2.0), rtol=1e-10, atol=1e-13)


@settings(deadline=None, max_examples=60)
@given(k=st.integers(0, 3), h=st.floats(-3.0, 6.0))
def test_psi_is_its_integral(k, h):
    """Against Gauss-Legendre quadrature on 20 intervals."""
    nodes, weights = (tensor([-math.sqrt(0.6), 0.0, math.sqrt(0.6)]), tensor([5 / 9, 8 / 9, 5 / 9]))
    width = h / 400
    u = width * (torch.arange(400, dtype=torch.float64)[:, None] + (nodes + 1) / 2)
    integral = float((torch.exp(u - h) * u**k * weights).sum()) * width / 2 / math.factorial(k)
    assert psi(k, h) == pytest.approx(integral, rel=1e-9, abs=1e-300)


@settings(deadline=None, max_examples=60)
@given(data=st.data(), count=st.integers(1, 4))
def test_quadrature_is_exact_for_polynomials(data, count):
    nodes = [i * 0.7 + data.draw(st.floats(0, 0.4)) for i in range(count)]
    coefficients = data.draw(st.lists(st.floats(-3, 3), min_size=count, max_size=count))
    weights = quadrature(nodes, [2.0 ** (k + 1) / (k + 1) for k in range(count)])
    found = sum(w * sum(c * u**k for k, c in enumerate(coefficients)) for w, u in zip(weights, nodes, strict=True))
    assert found == pytest.approx(sum(c * 2.0 ** (k + 1) / (k + 1) for k, c in enumerate(coefficients)), abs=1e-9)


@settings(deadline=None, max_examples=40)
@given(t=st.floats(0.5, 5.0), ratio=st.floats(0.3, 0.9), before=st.floats(1.05, 3.0))
def test_adams_weights_of_two_slopes(t, ratio, before):
    """h(1 + r/2) and -h r/2 with r = h/h_1; on equal steps the 3/2 and -1/2 of textbooks."""
    h, r = t * (ratio - 1), (1 - ratio) / (before - 1)
    found = interpolation_weights(SLOPE, (t, t * before), t * ratio)
    assert found == pytest.approx([h * (1 + r / 2), -h * r / 2])
