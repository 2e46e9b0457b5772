"""Oracles against forty digits, against each other and against their own gradients; limits, extremes, both dtypes."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp
from torch.utils._python_dispatch import TorchDispatchMode

from verify.experiments.grids import karras
from verify.experiments.latents import Latents
from verify.experiments.oracles import Boxes, Conditional, DataSet, Decoder, Gaussian, Mixture

DOUBLE = torch.float64
METHODS = ("denoise", "score", "log_density", "velocity")
NAMES = ("gaussian", "gaussian-full", "isotropic", "narrow", "mixture", "full", "data", "boxes", "decoder", "labels")
levels = st.floats(0.05, 20.0)
seeds = st.integers(0, 2**32)


def make_targets(seed, dtype=DOUBLE):
    """One of every kind in three dimensions."""
    latents = Latents(seed, dtype=dtype)
    means, raw = latents.normal("means", 4, 3), latents.normal("factors", 12, 3).reshape(4, 3, 3)
    weights = latents.uniform("weights", 4).to(dtype) + 0.1
    variances = latents.normal("variances", 4, 3).square() + 0.05
    covariances = raw @ raw.mT + 0.05 * torch.eye(3, dtype=dtype)
    mixture = Mixture(weights, means, variances)
    flat = Mixture(weights, means[:, :2], variances[:, :2])
    return {
        "gaussian": Gaussian(means[0], variances[0]),
        "gaussian-full": Gaussian.with_covariance(means[0], covariances[0]),
        "isotropic": Mixture(weights, means, variances[:, :1]),
        "narrow": Mixture(weights, means, 1e-6 * variances[:, :1]),
        "mixture": mixture,
        "full": Mixture.with_covariances(weights, means, covariances),
        "data": DataSet(latents.normal("points", 11, 3), chunk=4),
        "boxes": Boxes(means, means + variances, weights),
        "decoder": Decoder(flat, latents.normal("decoder", 3, 2), means[1], noise=0.2),
        "labels": Conditional.of_mixture(mixture, [0, 1, 0, 2]),
    }


def largest(found, wanted, floor=0.0):
    """Largest error of a row over the length of the row, or over `floor` if that is more."""
    found, wanted = (v.reshape(len(v), -1).double() for v in (found, wanted))
    return float(((found - wanted).norm(dim=1) / wanted.norm(dim=1).clamp_min(floor)).max())


# ---- forty digits ----------------------------------------------------------------------------------------------------


def exact_mixture(weights, means, covariances, x, sigma):
    """log density, score and denoiser of a mixture at one point, by the definition, in mpmath."""
    d, level = len(x), mp.mpf(sigma)
    point, parts = mp.matrix([mp.mpf(v) for v in x]), []
    for w, m, c in zip(weights, means, covariances, strict=True):
        total = mp.matrix([[mp.mpf(v) for v in row] for row in c]) + level**2 * mp.eye(d)
        difference = mp.matrix([mp.mpf(v) for v in m]) - point
        pull = mp.lu_solve(total, difference)
        exponent = -(difference.T * pull)[0] / 2 - mp.log(mp.det(total)) / 2 - d * mp.log(2 * mp.pi) / 2
        parts.append((mp.log(mp.mpf(w)) + exponent, pull))
    peak = max(part[0] for part in parts)
    shares = [mp.exp(part[0] - peak) for part in parts]
    score = sum((s * part[1] for s, part in zip(shares, parts, strict=True)), mp.zeros(d, 1)) / sum(shares)
    return peak + mp.log(sum(shares)), list(score), list(point + level**2 * score)


def exact_boxes(low, high, weights, x, sigma):
    level, parts = mp.mpf(sigma), []
    for lo, hi, w in zip(low, high, weights, strict=True):
        density, pull = mp.mpf(w), []
        for a, b, v in zip(lo, hi, x, strict=True):
            a, b, width = (mp.mpf(a) - v) / level, (mp.mpf(b) - v) / level, mp.mpf(b) - mp.mpf(a)
            mass = (mp.erfc(a / mp.sqrt(2)) - mp.erfc(b / mp.sqrt(2))) / 2
            if a < 0:
                mass = (mp.erfc(-b / mp.sqrt(2)) - mp.erfc(-a / mp.sqrt(2))) / 2
            density *= mass / width
            pull.append((mp.npdf(a) - mp.npdf(b)) / mass)
        parts.append((density, pull))
    total = sum(part[0] for part in parts)
    score = [sum(p * pull[i] for p, pull in parts) / total / level for i in range(len(x))]
    return mp.log(total), score, [mp.mpf(v) + level**2 * s for v, s in zip(x, score, strict=True)]


def compare(target, exact, points, sigma, tolerance):
    for x in points:
        reference = exact(x.double().tolist(), sigma)
        for method, wanted in zip(("log_density", "score", "denoise"), reference, strict=True):
            rows = [[float(v) for v in wanted]] if isinstance(wanted, list) else [float(wanted)]
            error = largest(getattr(target, method)(x[None], sigma), torch.tensor(rows, dtype=DOUBLE))
            assert error < tolerance, (method, sigma, x.tolist(), error)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("kind", ["isotropic", "diagonal", "full", "atoms"])
@pytest.mark.parametrize("sigma", [0.002, 0.05, 0.8, 80.0])
def test_mixtures_against_forty_digits(kind, sigma, dtype):
    latents = Latents(7)
    weights, means = torch.tensor([0.2, 0.5, 0.3], dtype=DOUBLE), latents.normal("means", 3, 2)
    raw = latents.normal("factors", 6, 2).reshape(3, 2, 2)
    covariances = {
        "isotropic": 0.1 * torch.eye(2, dtype=DOUBLE).expand(3, 2, 2) * torch.tensor([1.0, 2, 3])[:, None, None],
        "diagonal": torch.diag_embed(raw[:, 0].square() + 0.01),
        "full": raw @ raw.mT,
        "atoms": torch.zeros(3, 2, 2, dtype=DOUBLE),
    }[kind]
    diagonal = covariances.diagonal(dim1=1, dim2=2)
    target = Mixture(weights, means, diagonal)
    if kind == "full":
        target = Mixture.with_covariances(weights, means, covariances)
    points = (target.sample(latents, "y", 3) + sigma * latents.normal("n", 3, 2)).to(dtype)
    tables = [v.tolist() for v in (weights / weights.sum(), means, covariances)]
    with mp.workdps(40):
        # float64: x - mean has lost 16 - log10(|x| / sigma) digits before the oracle sees it
        tolerance = 3e-7 if dtype == torch.float32 else 2e-12
        compare(target, lambda x, s: exact_mixture(*tables, x, s), points, sigma, tolerance)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("sigma", [0.002, 0.05, 0.8, 80.0])
def test_the_checkerboard_against_forty_digits(sigma, dtype):
    board, latents = Boxes.checkerboard(), Latents(3)
    points = (board.low[:3] + sigma * latents.normal("n", 3, 2)).to(dtype)  # at corners: inside, the score is 0
    tables = board.low.tolist(), board.high.tolist(), board.log_weights.exp().tolist()
    with mp.workdps(40):
        tolerance = 3e-7 if dtype == torch.float32 else 1e-9 if sigma == 80.0 else 1e-11
        compare(board, lambda x, s: exact_boxes(*tables, x, s), points, sigma, tolerance)


# ---- laws ------------------------------------------------------------------------------------------------------------


def disagreement(target, x, sigma):
    """Largest difference of score and denoiser from what the gradient of log_density makes of them, relative."""
    moving = x.clone().requires_grad_(True)
    gradient = torch.autograd.grad(target.log_density(moving, sigma).sum(), moving)[0]
    pairs = (
        (target.score(x, sigma), gradient),
        (target.denoise(x, sigma), x + sigma**2 * gradient),
        (target.velocity(x, sigma), -sigma * gradient),
    )
    return max(float(((a - b).abs() / (b.abs() + b.abs().max() + sigma**2)).max()) for a, b in pairs)


@settings(deadline=None, max_examples=20)
@given(seed=seeds, sigma=levels)
def test_score_is_the_gradient_and_denoiser_is_tweedie(seed, sigma):
    x = (1 + sigma) * Latents(seed).normal("x", 6, 3)
    for name, target in make_targets(seed).items():
        # a box far narrower than the noise leaves a small difference of its two ends
        assert disagreement(target, x, sigma) < (1e-6 if name == "boxes" else 1e-8), name


class NoHalf(Mixture):
    """exp(-d^2/sigma^2)."""

    def _log_joint(self, difference, total):
        return 2 * super()._log_joint(difference, total)


class PriorShares(Mixture):
    """An average over p(y) instead of the posterior."""

    def _average(self, log_joint, vectors):
        return super()._average(self.log_weights.expand_as(log_joint), vectors)


class LevelNotSquared(Mixture):
    """Tweedie's formula with sigma for sigma^2."""

    def denoise(self, x, sigma):
        return x + sigma * self.score(x, sigma)


class NearestComponent(Mixture):
    """One-hot responsibilities at every noise level."""

    def _average(self, log_joint, vectors):
        return super()._average(torch.where(log_joint == log_joint.amax(1, keepdim=True), 0.0, -math.inf), vectors)


@pytest.mark.parametrize("kind", [NoHalf, PriorShares, LevelNotSquared, NearestComponent])
@pytest.mark.parametrize("sigma", [0.3, 2.0])
def test_wrong_mixtures_contradict_their_density(kind, sigma):
    right = make_targets(2)["mixture"]
    x = (1 + sigma) * Latents(2).normal("x", 6, 3)
    wrong = kind(right.log_weights.exp(), right.means, right.variances)
    assert disagreement(right, x, sigma) < 1e-12
    assert disagreement(wrong, x, sigma) > 1e-2


@settings(deadline=None, max_examples=20)
@given(seed=seeds, sigma=levels)
def test_sigma_may_be_a_number_or_one_per_row(seed, sigma):
    x = Latents(seed).normal("x", 5, 3)
    for name, target in make_targets(seed).items():
        rows = sigma * torch.tensor([1.0, 2, 3, 4, 5], dtype=DOUBLE)
        for method in METHODS:
            found = getattr(target, method)(x, rows)
            one_by_one = [getattr(target, method)(x[i : i + 1], float(rows[i])) for i in range(5)]
            assert torch.allclose(found, torch.cat(one_by_one), rtol=1e-9, atol=1e-9), (name, method)


@settings(deadline=None, max_examples=20)
@given(seed=seeds, sigma=levels)
def test_one_law_in_several_forms(seed, sigma):
    """A Gaussian and a mixture of one; diagonal and full; a data set and atoms; a decoder and its law."""
    targets, x = make_targets(seed), (1 + sigma) * Latents(seed).normal("x", 5, 3)
    gaussian, full, decoder = targets["gaussian"], targets["gaussian-full"], targets["decoder"]
    mixture, data = targets["mixture"], targets["data"]
    covariance = full.axes @ torch.diag(full.variance) @ full.axes.mT
    one, matrix = torch.ones(1, dtype=DOUBLE), decoder.matrix
    inner = matrix @ torch.diag_embed(decoder.latent.variances) @ matrix.mT + 0.04 * torch.eye(3, dtype=DOUBLE)
    weights, means = decoder.latent.log_weights.exp(), decoder.latent.means @ matrix.mT + decoder.offset
    rotation = torch.linalg.qr(Latents(seed).normal("turn", 3, 3))[0]
    pairs = {
        "gaussian": (gaussian, Mixture(one, gaussian.mean[None], gaussian.variance[None])),
        "diagonal": (gaussian, Gaussian.with_covariance(gaussian.mean, torch.diag(gaussian.variance))),
        "full": (full, Mixture.with_covariances(one, full.mean[None], covariance[None])),
        "decoder": (decoder, Mixture.with_covariances(weights, means, inner)),
        "labels": (targets["labels"], mixture),
        "atoms": (data, Mixture.of_atoms(Latents(seed).normal("points", 11, 3))),
        "there and back": (mixture, mixture.mapped(rotation).mapped(rotation.mT)),
        "gaussian there and back": (full, full.mapped(rotation, 1.0).mapped(rotation.mT, -rotation.sum(0))),
    }
    for name, (first, second) in pairs.items():
        for method in METHODS:
            found, wanted = getattr(first, method)(x, sigma), getattr(second, method)(x, sigma)
            assert torch.allclose(found, wanted, rtol=1e-7, atol=1e-8), (name, method)


@settings(deadline=None, max_examples=20)
@given(seed=seeds, sigma=levels)
def test_the_product_form_of_wide_components_is_the_difference_form(seed, sigma):
    wide = make_targets(seed)["isotropic"]
    turned = Mixture(wide.log_weights.exp(), wide.means, wide.variances, torch.eye(3, dtype=DOUBLE).expand(4, 3, 3))
    assert wide._products
    assert not turned._products
    x = (1 + sigma) * Latents(seed).normal("x", 5, 3)
    for method in METHODS:
        found, wanted = getattr(wide, method)(x, sigma), getattr(turned, method)(x, sigma)
        assert torch.allclose(found, wanted, rtol=1e-10, atol=1e-10), method


class NoTraffic(TorchDispatchMode):
    """Refuses what stalls a device or breaks the capture of a graph: reading a value, a constant from the host."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        assert func.overloadpacket.__name__ not in ("_local_scalar_dense", "nonzero", "lift_fresh", "index"), func
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", [name for name in NAMES if name != "data"])
def test_a_call_makes_no_host_device_traffic(name):
    target, x = make_targets(1)[name], Latents(1).normal("x", 4, 3)
    with NoTraffic():
        for method in METHODS:
            getattr(target, method)(x, 0.7)
        if name == "labels":
            target.classify(x, 0.7)
            target.classifier_score(x, 0.7, 1)
    with pytest.raises(AssertionError), NoTraffic():
        x.max().item()


@settings(deadline=None, max_examples=15)
@given(seed=seeds, cut=st.integers(0, 8))
def test_samples_do_not_depend_on_the_batch(seed, cut):
    for target in make_targets(seed).values():
        draw = target.sample
        whole = draw(Latents(seed), "s", 8)
        parts = [draw(Latents(seed), "s", cut), draw(Latents(seed), "s", 8 - cut, start=cut)]
        assert torch.allclose(whole, torch.cat(parts), rtol=1e-13, atol=1e-15)


# ---- precision and extremes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in NAMES if name != "data"])
def test_float32_is_float64_rounded(name):
    """At every level of a Karras grid, on the same points: nothing is lost inside."""
    single, double = make_targets(4, torch.float32)[name], make_targets(4, torch.float64)[name]
    for sigma in karras(18)[:-1]:
        noise = sigma * Latents(2).normal("n", 32, 3)
        x = (double.sample(Latents(2), "y", 32) + noise).float()
        for method in METHODS:
            error = largest(getattr(single, method)(x, sigma), getattr(double, method)(x.double(), sigma), 1.0)
            # parameters of the two differ by float32 rounding too, which 1/sigma magnifies for the narrow ones
            assert error < 1e-6 * (1 + 1 / sigma if name in ("narrow", "boxes") else 20), (sigma, method, error)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_nothing_overflows_far_away(name, dtype):
    x = torch.full((2, 3), 1e4, dtype=dtype)
    target = make_targets(1, dtype)[name]
    for sigma in (0.002, 0.5, 80.0):
        for method in METHODS:
            value = getattr(target, method)(x, sigma)
            assert value.dtype == dtype
            assert bool(value.isfinite().all()), (sigma, method)


@pytest.mark.parametrize("make", [DataSet, Mixture.of_atoms])
def test_limits_of_the_ideal_denoiser(make):
    points = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]], dtype=DOUBLE)
    data, x = make(points), torch.tensor([[0.4, 0.3], [0.1, 1.4]], dtype=DOUBLE)
    assert torch.allclose(data.denoise(x, 0.01), points[[0, 2]])
    assert torch.allclose(data.denoise(x, 1e6), points.mean(0).expand(2, 2), atol=1e-6)


@pytest.mark.parametrize("sigma", [0.0, 1e-300, 1e-150, 1e-30, 1e-9])
def test_atoms_at_vanishing_noise_give_the_nearest(sigma):
    atoms = Mixture.of_atoms(torch.tensor([[0.0, 0.0], [1.0, 0.0]], dtype=DOUBLE))
    x = torch.tensor([[0.3, 5.0], [0.9, -1.0], [1e6, 1e6]], dtype=DOUBLE)
    assert torch.equal(atoms.denoise(x, sigma), torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.0, 0.0]], dtype=DOUBLE))


def test_without_noise_the_denoiser_of_a_density_is_the_identity():
    x = Latents(1).normal("x", 4, 3)
    for name in ("gaussian", "gaussian-full", "isotropic", "mixture", "full", "labels", "decoder"):
        assert torch.allclose(make_targets(1)[name].denoise(x, 0.0), x, rtol=1e-12), name


def test_what_has_no_density_says_so():
    x, points = torch.zeros(1, 2, dtype=DOUBLE), torch.eye(2, dtype=DOUBLE)
    plane = Decoder(Mixture(torch.ones(1), torch.zeros(1, 1), torch.ones(1, 1)), torch.ones(2, 1), torch.zeros(2))
    with pytest.raises(ValueError, match="atom has no density"):
        Mixture.of_atoms(points).log_density(x, 0.0)
    with pytest.raises(ValueError, match="without noise has no density"):
        plane.score(x, 0.0)


# ---- sampling and characteristic functions ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_samples_have_the_mean_of_the_denoiser_at_great_noise(name):
    """As sigma grows, D(0) tends to the mean: one number that sampling and denoising must share."""
    target = make_targets(5)[name]
    drawn = target.sample(Latents(9), "s", 40_000)
    wanted = target.denoise(torch.zeros(1, 3, dtype=DOUBLE), 1e4)[0]
    assert bool(((drawn.mean(0) - wanted).abs() < 6.2 * drawn.std(0) / math.sqrt(40_000) + 1e-6).all())


@pytest.mark.parametrize("name", [name for name in NAMES if hasattr(make_targets(5)[name], "characteristic")])
def test_samples_have_the_characteristic_function(name):
    target, sigma, rows = make_targets(5)[name], 0.3, 40_000
    w = torch.cat([Latents(1).normal("w", 6, 3), torch.zeros(1, 3, dtype=DOUBLE)])
    x = target.sample(Latents(9), "s", rows) + sigma * Latents(9).normal("n", rows, 3)
    found, wanted = torch.exp(1j * (x @ w.T)).mean(0), target.characteristic(w, sigma)
    assert abs(complex(wanted[-1]) - 1) < 1e-12
    assert float((found - wanted).abs().max()) < 6.2 / math.sqrt(rows)
    assert float((found - target.characteristic(1.3 * w, sigma)).abs().max()) > 6.2 / math.sqrt(rows)


def test_cdf_and_characteristic_function_of_a_mixture():
    target = Mixture(*(torch.tensor(v, dtype=DOUBLE) for v in ([0.3, 0.7], [[-1.0], [0.8]], [[0.04], [0.1]])))
    x = torch.linspace(-40, 40, 200_001, dtype=DOUBLE)[:, None]
    density = target.log_density(x, 0.7).exp()
    width = float(x[1] - x[0])
    assert torch.allclose(target.cdf(x, 0.7)[:, 0], density.cumsum(0) * width, atol=1e-3)
    w = torch.tensor([[0.4], [1.3]], dtype=DOUBLE)
    integral = (torch.exp(1j * (w @ x.T)) * density).sum(1) * width
    assert torch.allclose(target.characteristic(w, 0.7), integral, atol=1e-9)
    with pytest.raises(ValueError, match="dimension 1"):
        make_targets(1)["mixture"].cdf(torch.zeros(1, 3, dtype=DOUBLE), 1.0)


def test_a_checkerboard_has_half_the_squares():
    board = Boxes.checkerboard(4, 2.0)
    assert len(board.low) == 8
    y = board.sample(Latents(1), "s", 2000)
    assert bool((((y + 2).floor().sum(1) % 2) == 0).all())
    assert float(board.log_density(y[:50], 1e-3).exp().median()) == pytest.approx(1 / 8)


# ---- labels ----------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=20)
@given(seed=seeds, sigma=levels, label=st.integers(0, 2))
def test_bayes_at_every_noise_level(seed, sigma, label):
    """guide.bayes: the classifier's gradient, differentiated and by formula; the classes average to the whole."""
    law, x = make_targets(seed)["labels"], (1 + sigma) * Latents(seed).normal("x", 5, 3)
    moving = x.clone().requires_grad_(True)
    gradient = torch.autograd.grad(law.classify(moving, sigma)[:, label].sum(), moving)[0]
    found = law.classifier_score(x, sigma, label)
    assert torch.allclose(found, gradient, rtol=1e-7, atol=1e-9)
    assert torch.allclose(law.score(x, sigma) + found, law.given(label).score(x, sigma), rtol=1e-8, atol=1e-9)
    shares = law.classify(x, sigma).exp()
    assert torch.allclose(shares.sum(1), torch.ones(5, dtype=DOUBLE))
    parts = sum(shares[:, c, None] * law.given(c).denoise(x, sigma) for c in range(3))
    assert torch.allclose(law.denoise(x, sigma), parts, rtol=1e-8, atol=1e-9)


def test_the_gradient_of_a_certain_label_keeps_its_digits():
    """Two atoms at +-1, sigma = 1/2: log P(+|x) = -log(1 + exp(-8x)), with slope 8 / (1 + e^32) at x = 4."""
    pair = Conditional.of_mixture(Mixture.of_atoms(torch.tensor([[-1.0], [1.0]], dtype=DOUBLE)), [0, 1])
    x = torch.tensor([[4.0]], dtype=DOUBLE)
    wanted = 8 / (1 + math.exp(32))
    assert math.isclose(float(pair.classifier_score(x, 0.5, 1)), wanted, rel_tol=1e-12)
    naive = pair.given(1).score(x, 0.5) - pair.score(x, 0.5)
    assert not math.isclose(float(naive), wanted, rel_tol=1e-5)


def test_labels_come_with_their_samples():
    law = make_targets(3)["labels"]
    y, labels = law.sample_with_labels(Latents(2), "s", 20_000)
    for c in range(3):
        share = float((labels == c).double().mean())
        assert abs(share - float(law.log_weights[c].exp())) < 6.2 * 0.5 / math.sqrt(20_000)
        centre = law.given(c).denoise(torch.zeros(1, 3, dtype=DOUBLE), 1e4)[0]
        mine = y[labels == c]
        assert bool(((mine.mean(0) - centre).abs() < 6.2 * mine.std(0) / math.sqrt(len(mine)) + 1e-6).all())


# ---- bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Mixture(torch.ones(2), torch.zeros(3, 1), torch.ones(3, 1)), "3 components needs that many"),
        (lambda: Mixture(torch.tensor([1.0, 0.0]), torch.zeros(2, 1), torch.ones(2, 1)), "positive weights"),
        (lambda: Mixture(torch.ones(1), torch.zeros(1, 1), -torch.ones(1, 1)), "must not be negative"),
        (lambda: Gaussian.with_covariance(torch.zeros(2), torch.tensor([[1.0, 2], [0, 1]])), "must be symmetric"),
        (lambda: Gaussian.with_covariance(torch.zeros(2), torch.tensor([[1.0, 2], [2, 1]])), "negative eigenvalue"),
        (lambda: Boxes(torch.ones(1, 2), torch.zeros(1, 2)), "low < high"),
        (lambda: Decoder(make_targets(1)["gaussian"], torch.ones(3, 1), torch.zeros(3)), r"must be \(3, 3\)"),
        (lambda: Conditional(torch.ones(1), [Gaussian(torch.zeros(1), torch.ones(1))]), "two classes or more"),
        (lambda: Conditional(torch.ones(2), [make_targets(1)["full"], Boxes.checkerboard()]), r"dimension: \[3, 2\]"),
        (lambda: Conditional.of_mixture(make_targets(1)["mixture"], [0, 2, 0, 2]), "without a gap"),
    ],
)
def test_bad_parameters_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
