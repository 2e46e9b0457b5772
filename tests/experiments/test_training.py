"""Training: parameterisations that agree, a resume that is equal bit for bit, checkpoints that survive, measures."""

import math
import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from verify.experiments.latents import Latents
from verify.experiments.oracles import Gaussian
from verify.experiments.quadrature import normal_mean, normal_rule
from verify.experiments.training import checkpoint, quality
from verify.experiments.training.config import FAMILIES, PARAMS, WEIGHTS, Config
from verify.experiments.training.data import SIGMA_DATA, Data, load, toy_law
from verify.experiments.training.loop import LOG_EVERY, rate_at, train
from verify.experiments.training.networks import MLP, UNet, build
from verify.experiments.training.objectives import (
    PARAMETERISATIONS,
    preconditioner,
    sampling_levels,
    training_levels,
)
from verify.experiments.training.problems import TrainingError
from verify.experiments.training.report import grid, png
from verify.experiments.training.sampling import SAMPLERS, sample

SMALL = Config("edm", "toy", steps=2 * LOG_EVERY, batch=32, width=16).complete()
LEVELS = (0.002, 0.1, 1.0, 30.0)


@pytest.fixture(scope="module")
def toy():
    data = load("toy")
    return replace(data, train=data.train[:2000], held_out=data.held_out[:200])


@pytest.mark.parametrize("name", PARAMS)
@given(sigma=st.floats(0.01, 100), y=st.floats(-3, 3), n=st.floats(-4, 4))
def test_the_denoiser_of_a_network_that_hits_its_target_is_the_data(name, sigma, y, n):
    chosen = PARAMETERISATIONS[name]()
    y, n = (torch.tensor([[v]], dtype=torch.float64) for v in (y, n))
    x = y + sigma * n
    target = chosen.target(y, x, sigma)
    assert torch.allclose(chosen.denoise(lambda u, level: target, x, sigma), y, atol=1e-9 * (1 + sigma))


def test_targets_are_what_the_names_say():
    sigma = 0.7
    y, n = torch.tensor([[0.4]], dtype=torch.float64), torch.tensor([[-1.2]], dtype=torch.float64)
    x = y + sigma * n
    a = 1 / math.sqrt(1 + sigma**2)
    wanted = {"eps": n, "x0": y, "v": a * n - a * sigma * y, "u": n - y}
    for name, target in wanted.items():
        assert torch.allclose(PARAMETERISATIONS[name]().target(y, x, sigma), target)


@pytest.mark.parametrize("name", PARAMS)
def test_coefficients_of_floats_and_of_columns_agree(name):
    chosen = PARAMETERISATIONS[name]()
    column = torch.tensor(LEVELS, dtype=torch.float64)[:, None]
    for coefficient in (chosen.c_skip, chosen.c_out, chosen.c_in, chosen.c_noise, chosen.weight):
        rows = torch.as_tensor(coefficient(column), dtype=torch.float64).expand(len(LEVELS), 1)[:, 0]
        assert torch.allclose(rows, torch.tensor([float(coefficient(s)) for s in LEVELS], dtype=torch.float64))


@pytest.mark.parametrize("name", PARAMS)
def test_the_simple_loss_is_the_plain_mean_square_of_what_the_network_returns(name):
    chosen = preconditioner(replace(SMALL, param=name))
    y, n = Latents(0).normal("y", 5, 3), Latents(0).normal("n", 5, 3)
    sigma = torch.tensor(LEVELS[:1] * 2 + LEVELS[1:], dtype=torch.float64)[:, None]
    plain = (torch.zeros_like(y) - chosen.target(y, y + sigma * n, sigma)).square().mean(-1)
    assert torch.allclose(chosen.loss(lambda u, level: torch.zeros_like(u), y, n, sigma), plain)


def test_min_snr_is_bounded_and_the_other_weights_are_not():
    sigma = torch.tensor([[1e-3]])
    loss = {w: preconditioner(replace(SMALL, param="x0", weight=w)).weight(sigma).item() for w in WEIGHTS[1:]}
    assert loss["min-snr"] == 5.0
    assert loss["x0"] == 1.0
    assert loss["eps"] == pytest.approx(1e6)
    assert loss["edm"] == pytest.approx(1e6, rel=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_levels_fall_to_zero_and_cover_what_training_saw(family):
    sigmas = sampling_levels(family, 20)
    assert len(sigmas) == 21
    assert sigmas[-1] == 0.0
    assert all(a > b for a, b in zip(sigmas, sigmas[1:], strict=False))
    drawn = training_levels(family, Latents(1), "levels", 20_000)
    assert drawn.shape == (20_000, 1)
    assert drawn.min() > 0
    middle = drawn.median().item()
    wanted = {"ddpm": 0.0, "edm": math.exp(-1.2), "flow": 1.0}[family]
    assert middle == pytest.approx(wanted, rel=0.05) if wanted else 1 < middle < 10


def test_new_networks_return_zero_and_depend_on_the_seed_alone():
    torch.manual_seed(5)
    first = build((2,), 16, 3)
    torch.manual_seed(6)
    second, other = build((2,), 16, 3), build((2,), 16, 4)
    pairs = list(zip(first.parameters(), second.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b in pairs)
    assert any(not torch.equal(a, b) for a, b in zip(first.parameters(), other.parameters(), strict=True))
    for network, d in ((MLP(5, 16), 5), (UNet((1, 8, 8), 16), 64), (UNet((3, 16, 16), 16), 768)):
        out = network(torch.randn(4, d), torch.randn(4, 1))
        assert out.shape == (4, d)
        assert not out.any()


def test_the_network_hears_its_noise_level_and_rows_do_not_mix():
    network = UNet((1, 8, 8), 16)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    x = torch.randn(3, 64)
    level = torch.tensor([[0.1], [0.2], [0.3]])
    out = network(x, level)
    assert torch.allclose(out[1:], network(x[1:], level[1:]), atol=1e-5)
    assert not torch.allclose(out, network(x, level + 0.5), atol=1e-3)


def test_training_learns_the_exact_denoiser_of_a_gaussian():
    law = Gaussian(torch.zeros(2, dtype=torch.float64), torch.tensor([0.4, 0.1], dtype=torch.float64))
    rows = law.sample(Latents(2), "rows", 4000).float()
    data = Data(rows, rows[:500], (2,), law=law)
    trained = train(Config("edm", "toy", steps=250, batch=128, width=32).complete(), data)
    for row in quality.errors_by_level(trained.denoise, data, [0.1, 0.5, 2.0], 0):
        assert row["error"] < 0.05 * row["floor"] + 1e-4, row
    untrained = lambda x, sigma: x  # noqa: E731
    assert quality.errors_by_level(untrained, data, [0.5], 0)[0]["error"] > 0.05


def weights(trained):
    return torch.cat([p.flatten() for p in trained.network.parameters()])


def test_resume_is_equal_bit_for_bit(toy, tmp_path):
    whole = train(SMALL, toy)

    class Stop(Exception):
        pass

    def stop(done, total, what):
        if done == 2 * LOG_EVERY:
            raise Stop

    with pytest.raises(Stop):
        train(SMALL, toy, tmp_path, every=LOG_EVERY, progress=stop)
    assert checkpoint.load(tmp_path)["step"] == LOG_EVERY
    resumed = train(SMALL, toy, tmp_path, resume=True, every=LOG_EVERY)
    assert torch.equal(weights(whole), weights(resumed))
    assert whole.log == resumed.log


KILLED = """
import os, signal, sys
from pathlib import Path
from dataclasses import replace
import torch
torch.set_num_threads(1)
from verify.experiments.training.config import Config
from verify.experiments.training.data import load
from verify.experiments.training import checkpoint, loop
data = load("toy")
data = replace(data, train=data.train[:2000], held_out=data.held_out[:200])
config = Config("edm", "toy", steps=100, batch=32, width=16).complete()
update = loop._update
def kill_at(step, *rest):
    if step == 73:
        os.kill(os.getpid(), signal.SIGKILL)
    return update(step, *rest)
loop._update = kill_at
loop.train(config, data, Path(sys.argv[1]), every=50)
"""


def test_resume_after_kill_9_is_equal_bit_for_bit(toy, tmp_path):
    ended = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert ended.returncode == -signal.SIGKILL
    resumed = train(SMALL, toy, tmp_path, resume=True, every=LOG_EVERY)
    assert torch.equal(weights(train(SMALL, toy)), weights(resumed))


def test_another_seed_gives_another_result_and_order_of_calls_does_not(toy):
    short = replace(SMALL, steps=LOG_EVERY)
    assert not torch.equal(weights(train(short, toy)), weights(train(replace(short, seed=1), toy)))


def test_a_truncated_checkpoint_is_named_and_the_one_before_it_is_kept(toy, tmp_path):
    train(SMALL, toy, tmp_path, every=LOG_EVERY)
    path, previous = tmp_path / checkpoint.NAME, tmp_path / checkpoint.PREVIOUS
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:]):
        path.write_bytes(damaged)
        with pytest.raises(TrainingError, match=rf"checkpoint\.pt is .*of step {LOG_EVERY}, is whole"):
            train(SMALL, toy, tmp_path, resume=True)
        assert path.read_bytes() == damaged
    path.unlink()
    assert checkpoint.load(tmp_path)["step"] == LOG_EVERY
    previous.unlink()
    with pytest.raises(TrainingError, match="leave out --resume"):
        checkpoint.load(tmp_path)


def test_a_checkpoint_of_another_configuration_names_the_fields(toy, tmp_path):
    train(replace(SMALL, steps=LOG_EVERY), toy, tmp_path)
    with pytest.raises(TrainingError, match=r"steps \(50, not 100\), batch \(32, not 8\)"):
        train(replace(SMALL, batch=8), toy, tmp_path, resume=True)


def test_a_loss_that_is_lost_stops_with_advice(toy):
    with pytest.raises(TrainingError, match="--rate"):
        train(replace(SMALL, rate=1e30), toy)


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("can't allocate memory")])
def test_out_of_memory_says_which_batch_to_try(toy, monkeypatch, error):
    def fail(*_):
        raise error

    monkeypatch.setattr("verify.experiments.training.loop.loss_at", fail)
    with pytest.raises(TrainingError, match="--batch 16"):
        train(SMALL, toy)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"family": "eddm"}, "did you mean edm"),
        ({"data": "imagenet"}, "digits, mnist"),
        ({"param": "epsilon"}, "eps, x0"),
        ({"weight": "none"}, "simple"),
        ({"steps": -5}, "steps is a positive number"),
        ({"seed": -1}, "seed"),
    ],
)
def test_choices_that_do_not_exist_are_named(change, message):
    with pytest.raises(TrainingError, match=message):
        replace(SMALL, **change).complete()


def test_the_learning_rate_rises_and_falls_and_ends_small():
    config = replace(SMALL, steps=1000)
    rates = [rate_at(step, config) for step in range(1000)]
    assert max(rates) <= config.rate
    assert rates.index(max(rates)) in range(95, 105)
    assert rates[-1] < 0.03 * config.rate


def test_images_are_centred_of_the_deviation_that_preconditioning_asks_for():
    pytest.importorskip("sklearn")
    data = load("digits")
    assert data.train.shape == (1437, 64)
    assert data.held_out.shape == (360, 64)
    assert abs(data.train.double().mean()) < 1e-6
    assert data.train.double().std(correction=0).item() == pytest.approx(SIGMA_DATA, rel=1e-6)
    back = data.grey(data.train).double() * 16
    assert torch.allclose(back, back.round(), atol=1e-4)
    assert len(data.labels[0].unique()) == 10


def test_the_toy_is_centred_of_deviation_one_half():
    law = toy_law()
    weights = law.log_weights.exp()
    mean = weights @ law.means
    square = (weights[:, None] * (law.means**2 + law.variances)).sum() / 2
    assert mean.abs().max() < 1e-12
    assert math.sqrt(square) == pytest.approx(SIGMA_DATA, rel=0.01)


def test_missing_data_say_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    monkeypatch.setitem(sys.modules, "torchvision", None)
    for name, extra in (("digits", "train"), ("mnist", "images"), ("cifar10", "images")):
        with pytest.raises(TrainingError, match=rf"\[{extra}\]"):
            load(name, tmp_path)


class FakeVision:
    """torchvision with a data set of six pictures, or with no network."""

    def __init__(self, error=None):
        self.error, self.datasets = error, self

    def MNIST(self, root, train, download):  # noqa: N802
        if self.error:
            raise self.error
        part = type("Part", (), {})()
        part.data = torch.arange(6 * 28 * 28).reshape(6, 28, 28).remainder(256).to(torch.uint8)
        part.targets = torch.arange(6)
        return part

    def CIFAR10(self, root, train, download):  # noqa: N802
        part = self.MNIST(root, train, download)
        part.data = torch.arange(6 * 32 * 32 * 3).reshape(6, 32, 32, 3).remainder(256).to(torch.uint8).numpy()
        part.targets = list(range(6))
        return part


@pytest.mark.parametrize(("name", "shape"), [("mnist", (1, 32, 32)), ("cifar10", (3, 32, 32))])
def test_torchvision_pictures_keep_their_pixels(monkeypatch, tmp_path, name, shape):
    fake = FakeVision()
    monkeypatch.setitem(sys.modules, "torchvision", fake)
    data = load(name, tmp_path)
    assert data.shape == shape
    pictures = (data.grey(data.train) * 255).round().to(torch.uint8)
    wanted = torch.as_tensor(getattr(fake, name.upper())("", True, True).data)
    inner = pictures[:, 0, 2:-2, 2:-2] if name == "mnist" else pictures.permute(0, 2, 3, 1)
    assert torch.equal(inner, wanted)


def test_data_that_cannot_be_fetched_say_so(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "torchvision", FakeVision(OSError("no route to host")))
    with pytest.raises(TrainingError, match="no route to host.*--data digits"):
        load("mnist", tmp_path)


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("family", FAMILIES)
def test_samples_of_the_exact_denoiser_have_the_law(family, sampler):
    law = Gaussian(torch.zeros(3, dtype=torch.float64), torch.tensor([0.3, 0.2, 0.25], dtype=torch.float64))
    rows = sample(law.denoise, family, sampler, 1500, 3, Latents(4))
    assert torch.allclose(rows.var(0), law.variance, rtol=0.2)
    again = sample(law.denoise, family, sampler, 700, 3, Latents(4))
    assert torch.equal(rows[:700], again)


def test_measures_know_equal_other_and_copied_sets():
    latents = Latents(9)
    first, second, third = (latents.normal(name, 300, 4) for name in ("a", "b", "c"))
    assert abs(quality.energy(first, second)) < 0.05
    assert quality.energy(first, second + 1) > 0.5
    assert quality.confusion(first, second) == pytest.approx(0.5, abs=0.1)
    assert quality.confusion(first, 3 * second) > 0.6
    assert quality.confusion(first, first + 1e-6 * second) < 0.05
    copies = quality.nearest_distance(first[:50] + 1e-6, first)
    assert copies < 1e-3 * quality.nearest_distance(third, first)
    with pytest.raises(ValueError, match="equal size"):
        quality.confusion(first, second[:10])


def test_errors_by_level_add_up(toy):
    rows = quality.errors_by_level(lambda x, sigma: 0.5 * x, toy, [0.1, 1.0], 0, rows=20_000)
    for row in rows:
        assert row["train"] == pytest.approx(row["floor"] + row["error"], rel=0.05)
    exact = quality.errors_by_level(toy.exact, toy, [0.1, 1.0], 0)
    assert all(row["error"] == 0 for row in exact)


def test_png_is_read_back_by_its_own_checksum_and_size():
    import struct
    import zlib

    pixels = torch.rand(3, 5, 7)
    data = png(pixels)
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    width, height, depth, colour = struct.unpack(">IIBB", data[16:26])
    assert (width, height, depth, colour) == (7, 5, 8, 2)
    start = data.index(b"IDAT") + 4
    (length,) = struct.unpack(">I", data[start - 8 : start - 4])
    lines = zlib.decompress(data[start : start + length])
    assert len(lines) == 5 * (1 + 7 * 3)
    assert lines[1] == round(float(pixels[0, 0, 0]) * 255)
    assert grid(torch.rand(40, 1, 8, 8)).shape == (1, 2 * 26, 16 * 26)


@given(st.floats(0.1, 2), st.floats(-1, 1))
def test_quadrature_knows_gaussian_means(scale, shift):
    z, w = normal_rule()
    assert w.sum() == pytest.approx(1)
    assert normal_mean(lambda z: (scale * z + shift) ** 4) == pytest.approx(
        3 * scale**4 + 6 * scale**2 * shift**2 + shift**4, rel=1e-12
    )
    assert normal_mean(lambda z: torch.cos(scale * z)) == pytest.approx(math.exp(-(scale**2) / 2), rel=1e-12)


def test_killed_in_the_middle_of_writing_leaves_the_old_checkpoint(toy, tmp_path, monkeypatch):
    train(replace(SMALL, steps=LOG_EVERY), toy, tmp_path)
    before = (tmp_path / checkpoint.NAME).read_bytes()

    def half(state, file):
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(KeyboardInterrupt):
        checkpoint.save(tmp_path, {"step": 1})
    assert (tmp_path / checkpoint.NAME).read_bytes() == before
    assert os.listdir(tmp_path) == [checkpoint.NAME]
