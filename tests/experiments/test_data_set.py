"""The ideal denoiser of a data set: accuracy against float64 differences, laws, storage, memory."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from verify.experiments.kernels import tables
from verify.experiments.kernels.tables import Images
from verify.experiments.latents import Latents
from verify.experiments.oracles.data_set import DataSet

DOUBLE = torch.float64
KARRAS = [(80 ** (1 / 7) + i / 17 * (0.002 ** (1 / 7) - 80 ** (1 / 7))) ** 7 for i in range(18)]
seeds = st.integers(0, 2**32)
levels = st.floats(0.002, 80.0)


def pictures(count=600, dimensions=768, seed=1, cluster=20):
    """8-bit smooth fields with duplicates, and clusters of near duplicates closer than most noise levels."""
    latents = Latents(seed)
    fields = latents.normal("fields", count, 40) @ latents.normal("basis", 40, dimensions)
    found = (20 * fields + 128).clamp(0, 255).round().to(torch.uint8)
    found[1] = found[0]
    found[2] = found[0]
    found[2, 5] ^= 1
    found[3] = found[0]
    found[3, 7] ^= 1
    found[10 : 10 + cluster] = found[9]
    found[range(10, 10 + cluster), range(cluster)] ^= 3
    return found


def by_differences(points, x, sigma):
    """The definition, in float64 and with no rearrangement: the referee."""
    logits = torch.stack([-(row - points).square().sum(1) / (2 * sigma**2) for row in x.double()])
    return torch.softmax(logits, 1) @ points


def relative(found, truth):
    return float(((found.double() - truth).norm(dim=1) / truth.norm(dim=1)).max())


@pytest.fixture(scope="module")
def cases():
    """Noisy rows near duplicates, near duplicates and ordinary images at the 18 levels, with the true denoiser."""
    images = pictures()
    points = images.double() / 127.5 - 1
    start = points[[0, 2, 9, 24, 300, 301]]
    found = []
    for step, sigma in enumerate(KARRAS):
        x = (start + sigma * Latents(7).normal(f"x{step}", *start.shape)).float()
        found.append((sigma, x, by_differences(points, x, sigma)))
    return images, points, found


MAKERS = {
    "float64": (lambda images, points: DataSet(points), 1e-10),
    "float32": (lambda images, points: DataSet(points.float()), 4e-4),
    "float32, 64 rescored": (lambda images, points: DataSet(points.float(), rescore=64), 1e-6),
    "images": (lambda images, points: DataSet.of_images(images), 4e-4),
    "images, 64 rescored": (lambda images, points: DataSet.of_images(images, rescore=64), 1e-6),
    "float16 pieces": (lambda images, points: DataSet.of_images(images, stored=torch.float16), 4e-4),
    "float16 pieces, 64 rescored": (
        lambda images, points: DataSet.of_images(images, stored=torch.float16, rescore=64),
        1e-6,
    ),
}


@pytest.mark.parametrize("name", MAKERS)
def test_accuracy_at_the_karras_levels(name, cases):
    images, points, rows = cases
    make, allowed = MAKERS[name]
    data = make(images, points)
    for sigma, x, truth in rows:
        given_x = x.double() if name == "float64" else x
        assert relative(data.denoise(given_x, sigma), truth) <= allowed, sigma


def test_the_criterion_sees_careless_arithmetic(cases):
    """One float16 piece instead of two errs by more than 1e-4 where two stay below 1e-5."""
    images, _points, rows = cases

    class OnePiece(Images):
        def affinities(self, z):
            scale = tables.TOP / z.abs().amax(1, keepdim=True)
            return tables.dots((z * scale).half(), self.table) / scale.float() - self.halves.float()

        def combine(self, weights):
            return tables.combine((weights * tables.TOP).half(), self.table) / tables.TOP

    def worst(table):
        data = DataSet(table)
        return max(relative(data.denoise(x, sigma), truth) for sigma, x, truth in rows if sigma > 0.05)

    assert worst(OnePiece(images, torch.float16)) > 1e-4
    assert worst(Images(images, torch.float16)) < 1e-5


def test_a_large_common_offset_costs_no_digits():
    points = 1000 + Latents(3).normal("p", 200, 16).float()
    x = points[:5] + 0.5 * Latents(3).normal("n", 5, 16).float()
    truth = by_differences(points.double(), x, 0.5)
    assert float((DataSet(points).denoise(x, 0.5) - truth).abs().max()) < 2e-4  # half a unit of float32 at 1000 is 3e-5
    naive = torch.softmax((x @ points.T - points.square().sum(1) / 2) / 0.25, 1) @ points
    assert float((naive - truth).abs().max()) > 1e-2


@settings(deadline=None, max_examples=40)
@given(seed=seeds, sigma=levels, chunk=st.integers(1, 9), rescore=st.integers(0, 20))
def test_no_order_chunk_or_rescoring_changes_the_answer(seed, sigma, chunk, rescore):
    latents = Latents(seed)
    points, x = latents.normal("p", 13, 5), (1 + sigma) * latents.normal("x", 7, 5)
    shuffled = points[latents.uniform("order", 13).argsort()]
    plain, other = DataSet(points), DataSet(shuffled, chunk, rescore)
    for method in ("denoise", "log_density"):
        found, wanted = getattr(other, method)(x, sigma), getattr(plain, method)(x, sigma)
        assert torch.allclose(found, wanted, rtol=1e-7, atol=1e-7), method
    rows = torch.full((7,), sigma, dtype=DOUBLE)
    assert torch.allclose(other.denoise(x, rows), plain.denoise(x, sigma), rtol=1e-7, atol=1e-7)
    assert torch.allclose(other.velocity(x, sigma) * sigma, x - plain.denoise(x, sigma), rtol=1e-6, atol=1e-6)


@settings(deadline=None, max_examples=40)
@given(seed=seeds, sigma=levels, scale=st.sampled_from([1.0, 1e3, 1e6]), rescore=st.sampled_from([0, 4]))
def test_the_denoiser_stays_in_the_convex_hull(seed, sigma, scale, rescore):
    """In every direction u, min u.y_i <= u.D <= max u.y_i, however far away x is."""
    latents = Latents(seed, dtype=torch.float32)
    points, x = latents.normal("p", 9, 4), scale * latents.normal("x", 6, 4)
    along = DataSet(points, rescore=rescore).denoise(x, sigma) @ latents.normal("u", 30, 4).T
    bounds = points @ latents.normal("u", 30, 4).T
    slack = 1e-5 * (1 + bounds.abs().amax(0))
    assert bool((along <= bounds.amax(0) + slack).all()) and bool((along >= bounds.amin(0) - slack).all())


@pytest.mark.parametrize("rescore", [0, 8])
@pytest.mark.parametrize("dtype", [DOUBLE, torch.float32])
def test_limits(dtype, rescore):
    """sigma -> 0 gives the nearest point, even where sigma^2 underflows float32; sigma -> infinity gives the mean."""
    latents = Latents(11, dtype=dtype)
    points, x = latents.normal("p", 40, 6), latents.normal("x", 10, 6)
    data = DataSet(points, rescore=rescore)
    nearest = points[torch.cdist(x.double(), points.double()).argmin(1)]
    for sigma in (1e-3, 1e-8, 1e-25):
        assert torch.allclose(data.denoise(x, sigma), nearest, atol=1e-5), sigma
    assert torch.allclose(data.denoise(x, 1e7), points.mean(0).expand(10, 6), atol=1e-5)


@settings(deadline=None, max_examples=25)
@given(seed=seeds, stored=st.sampled_from([torch.float16, torch.bfloat16, torch.float32]))
def test_sixteen_bits_hold_images_exactly(seed, stored):
    latents = Latents(seed)
    images = (256 * latents.uniform("k", 5 * 12)).to(torch.uint8).reshape(5, 3, 2, 2)
    images[0], images[1] = 0, 255
    data = DataSet.of_images(images, stored=stored)
    back = (data.table.points(torch.arange(5)).double() + 1) * 127.5
    assert torch.equal(back.round().to(torch.uint8), images.flatten(1))
    assert float((back - back.round()).abs().max()) < 1e-4
    assert torch.equal(data.table.table.double(), data.table.table.double().round())


def test_the_score_is_the_gradient_of_the_log_density_for_images():
    images = pictures(30, 12, cluster=9)
    data = DataSet.of_images(images, stored=torch.float16)
    same = DataSet(images.double() / 127.5 - 1)
    x = Latents(2).normal("x", 4, 12)
    assert torch.allclose(data.score(x, 0.7), same.score(x, 0.7), rtol=1e-4, atol=1e-4)
    assert torch.allclose(data.log_density(x, 0.7), same.log_density(x, 0.7), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory"),
        MemoryError(),
    ],
)
def test_out_of_memory_halves_the_chunk_and_says_so_once(error, monkeypatch):
    points, x = Latents(1).normal("p", 20, 3), Latents(1).normal("x", 11, 3)
    wanted, data = DataSet(points).denoise(x, 0.5), DataSet(points)
    whole = data.table.affinities

    def small_memory(z):
        if len(z) > 6:
            raise error
        return whole(z)

    monkeypatch.setattr(data.table, "affinities", small_memory)
    with pytest.warns(RuntimeWarning, match=r"out of memory with 11 rows .* 5 at a time") as said:
        assert torch.allclose(data.denoise(x, 0.5), wanted)
        assert torch.allclose(data.denoise(x, 0.5), wanted)
    assert len(said) == 1 and data.chunk == 5


def test_errors_that_are_not_memory_pass_through(monkeypatch):
    data = DataSet(torch.zeros(2, 3))

    def broken(z):
        raise RuntimeError("something else")

    monkeypatch.setattr(data.table, "affinities", broken)
    with pytest.raises(RuntimeError, match="something else"):
        data.denoise(torch.zeros(4, 3), 1.0)


def test_bad_input_is_named():
    with pytest.raises(TypeError, match=r"uint8 with values 0..255 .* torch.float32"):
        DataSet.of_images(torch.zeros(3, 4))
    with pytest.raises(TypeError, match="8-bit images go through DataSet.of_images"):
        DataSet(torch.zeros(3, 4, dtype=torch.uint8))
    with pytest.raises(TypeError, match=r"N >= 1, not torch.float32 of shape \(0, 4\)"):
        DataSet(torch.zeros(0, 4))
    with pytest.raises(ValueError, match=r"x is \(B, 4\) for this data set, not \(2, 3\)"):
        DataSet(torch.zeros(3, 4)).denoise(torch.zeros(2, 3), 1.0)


def test_gradients_pass_through():
    """Likelihoods differentiate the denoiser: dD/dx = Cov[y|x] / sigma^2 (score.tweedie-cov), also when rescored."""
    points = Latents(4).normal("p", 6, 2)
    x = Latents(4).normal("x", 1, 2).requires_grad_(True)
    data = DataSet(points, rescore=3)
    jacobian = torch.stack([torch.autograd.grad(data.denoise(x, 0.8)[0, i], x)[0][0] for i in range(2)])
    weights = torch.softmax(-(x.detach() - points).square().sum(1) / (2 * 0.8**2), 0)
    mean = weights @ points
    covariance = (weights[:, None] * (points - mean)).T @ (points - mean)
    assert torch.allclose(jacobian, covariance / 0.8**2, rtol=1e-8, atol=1e-10)
    assert math.isclose(float(jacobian.trace()), float(covariance.trace()) / 0.64, rel_tol=1e-8)
