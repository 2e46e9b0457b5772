"""Paths as laws: derivatives, inverses, continuity equation, conversions; each law refuses the known wrong versions."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from verify.experiments import paths, preconditioning
from verify.experiments.latents import Latents
from verify.experiments.oracles import Mixture
from verify.experiments.paths import Curve

DOUBLE = torch.float64
PATHS = [
    paths.vp_linear(),
    paths.sub_vp(),
    paths.sub_vp_line(),
    paths.cosine(),
    paths.cosine(0.008),
    paths.ve(),
    paths.ve(from_data=True),
    paths.brownian(),
    paths.edm(),
    paths.flow_matching(),
    paths.flow_matching(data_at=1),
    paths.flow_matching(sigma_min=0.01),
    paths.shifted(paths.flow_matching(), 3.0),
    paths.shifted(paths.flow_matching(data_at=1), 0.5),
    paths.shifted(paths.cosine(), 0.25),
    paths.shifted(paths.vp_linear(), 2.0),
    paths.from_functions(lambda t: 1 - t**2, lambda t: t * (2 - t), name="custom"),
]
named = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
places = st.floats(0.02, 0.98)
seeds = st.integers(0, 2**32)
KINDS = ("denoiser", "epsilon", "score", "velocity", "v", "F")


def at(path, place):
    """The time at a place between 0, the clean end, and 1, the noisy one."""
    return path.clean + place * (path.noisy - path.clean)


def mixture():
    return Mixture(*(torch.tensor(v, dtype=DOUBLE) for v in ([0.3, 0.7], [[-1.0], [0.8]], [[0.04], [0.1225]])))


def inner_times(path, count=41):
    return torch.linspace(at(path, 0.01), at(path, 0.99), count, dtype=DOUBLE)


# ---- the criteria, each a number that is 0 for a right path ----------------------------------------------------------


def derivative_error(path):
    """Of alpha_dot and sigma_dot, against automatic differentiation."""
    t = inner_times(path).requires_grad_(True)
    worst = 0.0
    for function, dot in ((path.alpha, path.alpha_dot), (path.sigma, path.sigma_dot)):
        value = function(t)
        found = torch.autograd.grad(value.sum(), t)[0] if value.requires_grad else torch.zeros_like(t)
        worst = max(worst, float(((dot(t.detach()) - found).abs() / (1 + found.abs())).max()))
    return worst


def inverse_error(path):
    """Of time_of(noise_level(t)), relative to the length of the path."""
    t = inner_times(path)
    return float((path.time_of(path.noise_level(t)) - t).abs().max()) / abs(path.noisy - path.clean)


def continuity_error(path, place):
    """Of d/dt cdf = -p u, integrated over x: the flux through x is the only way the mass left of x changes.

    P(x_t <= x) = cdf(x/alpha; level) is differentiated in t automatically; p and u are the path's.
    """
    law, x = mixture(), torch.linspace(-2, 2, 9, dtype=DOUBLE)[:, None]
    t = torch.full((9,), at(path, place), dtype=DOUBLE)
    x = x * (path.sigma(t) + path.alpha(t))[:, None]
    moving = t.clone().requires_grad_(True)
    mass = law.cdf(x / path.alpha(moving)[:, None], path.noise_level(moving))
    change = torch.autograd.grad(mass.sum(), moving)[0]
    flux = path.log_density(law, x, t).exp() * path.velocity(law, x, t)[:, 0]
    return float((change + flux).abs().max() / (flux.abs().max() + change.abs().max()))


@named
def test_derivatives(path):
    assert derivative_error(path) < 1e-9


@named
def test_inverse(path):
    assert inverse_error(path) < 1e-11
    levels = path.noise_level(inner_times(path))
    bisected = replace(path, inverse=None).time_of(levels)
    assert torch.allclose(path.noise_level(bisected), levels, rtol=1e-10)
    assert path.time_of(float(levels[7])) == pytest.approx(float(inner_times(path)[7]), rel=1e-9)


@named
@settings(deadline=None, max_examples=8)
@given(place=places)
def test_the_velocity_moves_the_density(path, place):
    assert continuity_error(path, place) < 1e-9


@named
def test_ends_and_monotone_levels(path):
    t = torch.linspace(path.noisy, path.clean, 200, dtype=DOUBLE)
    assert bool((path.noise_level(t).diff() < 0).all())
    assert bool((path.logsnr(t)[1:-1] - (-2 * path.noise_level(t)[1:-1].log())).abs().max() < 1e-9)
    for end in (path.noisy, path.clean):
        if 0 < path.noise_level(end) < math.inf:
            assert path.time_of(path.noise_level(end)) == pytest.approx(end, rel=1e-9, abs=1e-9)


@named
@settings(deadline=None, max_examples=8)
@given(place=places, seed=seeds)
def test_oracle_methods_are_one_law(path, place, seed):
    """The score is the gradient of the path's density; x = alpha D + sigma eps; numbers and rows alike."""
    law, t = mixture(), at(path, place)
    x = path.perturb(law.sample(Latents(seed), "y", 5), Latents(seed).normal("n", 5, 1), t)
    moving = x.clone().requires_grad_(True)
    gradient = torch.autograd.grad(path.log_density(law, moving, t).sum(), moving)[0]
    score, clean, noise = path.score(law, x, t), path.denoise(law, x, t), path.epsilon(law, x, t)
    assert torch.allclose(score, gradient, rtol=1e-8, atol=1e-10)
    assert torch.allclose(path.alpha(t) * clean + path.sigma(t) * noise, x, rtol=1e-9, atol=1e-9 * path.sigma(t))
    assert torch.allclose(noise, -path.sigma(t) * score, rtol=1e-10, atol=1e-12)
    rows = torch.full((5,), t, dtype=DOUBLE)
    for method in (path.score, path.denoise, path.epsilon, path.velocity, path.log_density):
        assert torch.allclose(method(law, x, rows), method(law, x, t), rtol=1e-9, atol=1e-10)


@named
@settings(deadline=None, max_examples=8)
@given(place=places, seed=seeds)
def test_conversions_agree_with_the_oracle(path, place, seed):
    law, t, rows = mixture(), at(path, place), 6
    x = path.perturb(law.sample(Latents(seed), "y", rows), Latents(seed).normal("n", rows, 1), t)
    clean, noise = path.denoise(law, x, t), path.epsilon(law, x, t)
    s, alpha, sigma = 0.5, path.alpha(t), path.sigma(t)
    edm, level = preconditioning.edm(s), path.noise_level(t)
    known = {
        "denoiser": clean,
        "epsilon": noise,
        "score": path.score(law, x, t),
        "velocity": path.velocity(law, x, t),
        "v": alpha * noise - sigma * clean,
        "F": edm.target(clean, x / alpha, level),
    }
    # what a conversion amplifies: at most the larger of the two ratios of signal and noise, and their derivatives
    room = 1e-11 * max(level, 1 / level) ** 2 * (1 + abs(path.alpha_dot(t)) + abs(path.sigma_dot(t)))
    for source in KINDS:
        for target in KINDS:
            found = path.convert(known[source], x, t, source, target, sigma_data=s)
            by_rows = path.convert(known[source], x, torch.full((rows,), t, dtype=DOUBLE), source, target, sigma_data=s)
            size = known[target].abs().max() + known[source].abs().max() + x.abs().max()
            assert float((found - known[target]).abs().max()) <= room * float(size), (source, target)
            assert torch.allclose(found, by_rows, rtol=1e-9, atol=1e-9 * float(size)), (source, target)


@pytest.mark.parametrize("place", [1e-3, 0.5, 0.999])
@named
def test_float32_rows_use_float64_coefficients(path, place):
    """At an end of the path the coefficients of a conversion cancel: in float32 nothing of them may be lost."""
    x, value, t = Latents(1).normal("x", 4, 2), Latents(1).normal("v", 4, 2), at(path, place)
    rows = torch.full((4,), t, dtype=DOUBLE)
    for source, target in (("v", "F"), ("F", "velocity"), ("velocity", "v"), ("epsilon", "v"), ("v", "score")):
        wanted = path.convert(value, x, t, source, target, sigma_data=0.5)
        found = path.convert(value.float(), x.float(), rows, source, target, sigma_data=0.5)
        single = path.convert(value.float(), x.float(), t, source, target, sigma_data=0.5)
        assert found.dtype == torch.float32
        assert torch.equal(found, single)
        of_value, of_x = (path.convert(*pair, t, source, target, 0.5) for pair in ((value, 0 * x), (0 * x, x)))
        assert bool(((found - wanted).abs() <= 4e-7 * (of_value.abs() + of_x.abs())).all()), (source, target)


@settings(deadline=None, max_examples=30)
@given(place=places, seed=seeds)
def test_f_is_minus_v_on_a_variance_preserving_path(place, seed):
    """param.v-equals-f, with sigma_data = 1 and not with 1/2."""
    path, x, value = paths.cosine(), Latents(seed).normal("x", 4, 3), Latents(seed).normal("f", 4, 3)
    t = at(path, place)
    assert torch.allclose(path.convert(value, x, t, "F", "v"), -value, atol=1e-12)
    assert not torch.allclose(path.convert(value, x, t, "F", "v", sigma_data=0.5), -value, atol=1e-3)


@settings(deadline=None, max_examples=20)
@given(place=places, seed=seeds, kind=st.sampled_from(KINDS), path=st.sampled_from(PATHS))
def test_a_network_on_a_path_becomes_the_denoiser(place, seed, kind, path):
    """graft.denoiser-invariance: one oracle behind every path and every kind of prediction gives one D(x; sigma)."""
    law, sigma = mixture(), path.noise_level(at(path, place))

    def network(x, t):
        return path.convert(path.denoise(law, x, t), x, t, "denoiser", kind)

    x = law.sample(Latents(seed), "y", 5) + sigma * Latents(seed).normal("n", 5, 1)
    found = path.as_denoiser(network, kind)(x, sigma)
    assert torch.allclose(found, law.denoise(x, sigma), rtol=1e-6, atol=1e-7 * (1 + sigma))


# ---- each path by its own definition ---------------------------------------------------------------------------------


def test_printed_numbers():
    """sde.vp-kernel, sde.subvp-kernel, sde.ve-kernel, sde.ve-offset, edm.vp-row, sched.cosine at t = 1/4 and 1/2."""
    vp, sub, ve, raised = paths.vp_linear(), paths.sub_vp(), paths.ve(), paths.ve(from_data=True)
    assert vp.alpha(0.25) == pytest.approx(0.7236571850, abs=1e-10)
    assert vp.sigma(0.25) == pytest.approx(0.6901596036, abs=1e-10)
    assert vp.noise_level(1.0) == pytest.approx(152.167, abs=5e-4)
    assert vp.noise_level(1e-3) == pytest.approx(0.0104860, abs=5e-8)
    assert sub.sigma(0.25) ** 2 == pytest.approx(0.2268810, abs=5e-8)
    assert sub.sigma(1.0) ** 2 == pytest.approx(0.9999136, abs=5e-8)
    assert math.sqrt(ve.diffusion_square(1.0)) == pytest.approx(206.363674, abs=5e-7)
    assert ve.sigma(0.25) ** 2 == pytest.approx(0.0070710678, abs=5e-11)
    assert raised.sigma(0.25) ** 2 == pytest.approx(0.0069710678, abs=5e-11)
    assert paths.cosine(0.008).alpha(0.5) ** 2 == pytest.approx(0.4938, abs=5e-5)
    assert [vp.logsnr(t) / 2 for t in (0.001, 0.1, 0.5, 1.0)] == pytest.approx(
        [4.55771, 1.07829, -1.22757, -5.02498], abs=5e-6
    )


@settings(deadline=None, max_examples=30)
@given(t=st.floats(0.001, 0.999))
def test_kernels_solve_their_equations(t):
    """sde.linear-solution: drift -b/2 on those of linear rate b; g^2 is b for VP and b (1 - e^-2B) for sub-VP."""
    rate = 0.1 + 19.9 * t
    integral = 0.1 * t + 0.5 * 19.9 * t**2
    for path, square in (
        (paths.vp_linear(), rate),
        (paths.sub_vp(), -rate * math.expm1(-2 * integral)),
        (paths.sub_vp_line(), rate * -math.expm1(-0.5 * integral)),
    ):
        assert path.drift(t) == pytest.approx(-0.5 * rate, rel=1e-12)
        assert path.diffusion_square(t) == pytest.approx(square, rel=1e-9)
    assert paths.brownian().diffusion_square(t) == pytest.approx(1.0)
    assert paths.edm().diffusion_square(t) == pytest.approx(2 * t)


@settings(deadline=None, max_examples=30)
@given(t=st.floats(0.001, 0.999), sigma_min=st.floats(0, 0.1))
def test_variance_preserving_or_below(t, sigma_min):
    for path in (paths.vp_linear(), paths.cosine(), paths.cosine(0.008)):
        assert path.alpha(t) ** 2 + path.sigma(t) ** 2 == pytest.approx(1, rel=1e-12)
    sub, line = paths.sub_vp(), paths.sub_vp_line()
    assert sub.sigma(t) == pytest.approx(line.sigma(t) * (1 + line.alpha(t)), rel=1e-12)  # sde.subvp-name-clash
    for path in (sub, line, paths.flow_matching()):
        assert path.alpha(t) ** 2 + path.sigma(t) ** 2 < 1
    forth, back = paths.flow_matching(0, sigma_min), paths.flow_matching(1, sigma_min)
    assert forth.noise_level(t) == pytest.approx(back.noise_level(1 - t), rel=1e-9)
    assert forth.time_of(forth.noise_level(t)) == pytest.approx(1 - back.time_of(back.noise_level(1 - t)), abs=1e-12)


@settings(deadline=None, max_examples=30)
@given(t=st.floats(0.0, 1.0), first=st.floats(0.1, 8.0), second=st.floats(0.1, 8.0))
def test_shifts(t, first, second):
    """sched.shift and sched.shift-compose: SD3's time, level times s, logSNR - 2 ln s, a group, ends that stay."""
    line = paths.flow_matching()
    once = paths.shifted(line, first)
    assert once.sigma(t) == pytest.approx(first * t / (1 + (first - 1) * t), rel=1e-12, abs=1e-15)
    assert once.sigma_dot(t) == pytest.approx(first / (1 + (first - 1) * t) ** 2, rel=1e-9)
    assert (once.noisy, once.clean, once.sigma(0.0), once.alpha(1.0)) == (1.0, 0.0, 0.0, 0.0)
    if 1e-6 < t < 1 - 1e-6:  # nearer to 1, 1 - t is rounding
        assert once.logsnr(t) == pytest.approx(line.logsnr(t) - 2 * math.log(first), abs=1e-9)
    twice, product = paths.shifted(once, second), paths.shifted(line, first * second)
    assert twice.sigma(t) == pytest.approx(product.sigma(t), rel=1e-9, abs=1e-15)


def test_a_shift_of_a_path_with_a_last_level_loses_time_not_levels():
    vp = paths.vp_linear()
    more, less = paths.shifted(vp, 4.0), paths.shifted(vp, 0.25)
    assert more.noise_level(more.noisy) == pytest.approx(vp.noise_level(1.0))
    assert more.noisy < 1
    assert less.noise_level(1.0) == pytest.approx(vp.noise_level(1.0) / 4)


# ---- wrong versions are refused by the same criteria -----------------------------------------------------------------

VP, COSINE, FLOW, VE = paths.vp_linear(), paths.cosine(), paths.flow_matching(), paths.ve()
WRONG = {
    "sigma_dot without its half": replace(VP, sigma_dot=Curve(lambda t: 2 * VP.sigma_dot(t))),
    "sigma_dot of sigma^2": replace(VP, sigma_dot=Curve(lambda t: 2 * VP.sigma(t) * VP.sigma_dot(t))),
    "alpha_dot missing": replace(VP, alpha_dot=Curve(torch.zeros_like)),
    "alpha e^-B with the derivative of e^-B/2": replace(VP, alpha=Curve(lambda t: VP.alpha(t) ** 2)),
    "flow: alpha_dot of the other direction": replace(FLOW, alpha_dot=Curve(torch.ones_like)),
    "cosine without the square": replace(COSINE, alpha=Curve(lambda t: COSINE.alpha(t).sqrt())),
    "VE: ln of the ratio under a root": replace(VE, sigma_dot=Curve(lambda t: VE.sigma(t) * math.log(5000) ** 0.5)),
    "sub-VP with the sigma of VP": replace(paths.sub_vp(), sigma=VP.sigma),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_derivatives_are_refused(name):
    assert derivative_error(WRONG[name]) > 1e-2
    assert max(continuity_error(WRONG[name], place) for place in (0.2, 0.5, 0.8)) > 1e-3


@pytest.mark.parametrize(
    "path",
    [
        replace(VP, inverse=Curve(lambda level: VP.inverse.function(level.sqrt()))),
        replace(FLOW, inverse=Curve(lambda level: level / (1 + level) ** 2)),
        replace(paths.sub_vp(), inverse=VP.inverse),
        replace(paths.sub_vp(), inverse=paths.sub_vp_line().inverse),
        replace(COSINE, inverse=Curve(lambda level: torch.atan(level) / math.pi)),
        replace(paths.ve(from_data=True), inverse=VE.inverse),
    ],
)
def test_wrong_inverses_are_refused(path):
    assert inverse_error(path) > 1e-6


class ForgetsAlpha(paths.Path):
    """The velocity with its first term missing, sigma' E[n | x]."""

    def velocity(self, oracle, x, t):
        return self.sigma_dot(t)[:, None] * self.epsilon(oracle, x, t)


class AsksAtXt(paths.Path):
    """The oracle asked at x_t instead of x_t/alpha."""

    def _in_sigma_space(self, x, t):
        return x, self.noise_level(t)


class AsksAtSigma(paths.Path):
    """The oracle asked at the level sigma instead of sigma/alpha."""

    def _in_sigma_space(self, x, t):
        return x / self.alpha(t)[:, None], self.sigma(t)


@pytest.mark.parametrize("kind", [ForgetsAlpha, AsksAtXt, AsksAtSigma])
@pytest.mark.parametrize("path", [VP, FLOW, COSINE])
def test_wrong_velocities_do_not_move_the_density(kind, path):
    wrong = kind(*(getattr(path, field) for field in paths.Path.__dataclass_fields__))
    assert continuity_error(wrong, 0.5) > 1e-3


# ---- bad input -------------------------------------------------------------------------------------------------------

ONES = torch.ones(1, 1, dtype=DOUBLE)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: VP.time_of(200.0), r"vp-linear has no noise level 200: it runs from 152.167 at t = 1 to 0 at t = 0"),
        (lambda: VP.time_of(torch.tensor([1.0, -2.0])), "no noise level -2"),
        (lambda: VP.time_of(math.nan), "no noise level nan"),
        (lambda: FLOW.denoise(mixture(), ONES, 1.0), "pure noise at t = 1: alpha = 0"),
        (lambda: FLOW.convert(ONES, ONES, 1.0, "epsilon", "denoiser"), "epsilon at alpha = 0, sigma = 1"),
        (lambda: FLOW.convert(ONES, ONES, 0.0, "denoiser", "v"), "denoiser at alpha = 1, sigma = 0"),
        (lambda: VP.convert(ONES, ONES, 0.5, "noise", "v"), "no prediction 'noise'"),
        (lambda: paths.shifted(FLOW, 0.0), "must be positive, not 0"),
        (lambda: paths.flow_matching(data_at=2), "t = 0 or t = 1, not 2"),
        (lambda: paths.from_functions(lambda t: 1 - t, lambda t: 1 - t), "must fall from noisy to clean, not rise at"),
        (lambda: paths.from_functions(lambda t: 1 - 2 * t, lambda t: t), "alpha of the path custom is negative or not"),
        (lambda: paths.from_functions(lambda t: 1.0, lambda t: t), "alpha of the path custom must map"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
