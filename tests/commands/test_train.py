"""`verify train` as its users meet it: what it writes, what it refuses, and how it goes on."""

import json
from xml.etree import ElementTree

import pytest
import torch

from verify.cli import main

TOY = ["train", "edm", "--data", "toy", "--steps", "50", "--batch", "32", "--width", "16", "--every", "50"]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """The current folder; few samples, and one thread."""
    monkeypatch.chdir(tmp_path)
    torch.set_num_threads(1)


def train(*more):
    return main([*TOY, "--samples", "64", *more])


def test_a_run_leaves_samples_figures_and_every_number(tmp_path, capsys):
    assert train("--out", "mine") == 0
    folder = tmp_path / "mine"
    names = {path.name for path in folder.iterdir()}
    figures = {f"samples.{s}.{language}.svg" for s in ("heun", "ddim", "ddpm") for language in ("en", "zh")}
    figures |= {f"loss-by-logsnr.{language}.svg" for language in ("en", "zh")}
    assert names == figures | {"checkpoint.pt", "report.json"}
    for name in figures:
        ElementTree.fromstring((folder / name).read_text(encoding="utf-8"))
    report = json.loads((folder / "report.json").read_text())
    assert report["config"]["param"] == "F"
    assert {row["sigma"] for row in report["by_level"]} >= {0.02, 20.0}
    assert set(report["measures"]["ddpm"]) == {"samples", "training images", "one Gaussian"}
    printed = capsys.readouterr().out
    assert "samples by ddim" in printed
    assert "report.json" in printed


def test_a_finished_run_is_shown_again_and_never_overwritten(tmp_path, capsys):
    assert train("--out", "mine") == 0
    before = (tmp_path / "mine" / "checkpoint.pt").read_bytes()
    report = (tmp_path / "mine" / "report.json").read_bytes()
    assert train("--out", "mine") == 2
    assert "add --resume" in capsys.readouterr().err
    assert train("--out", "mine", "--resume") == 0
    assert (tmp_path / "mine" / "checkpoint.pt").read_bytes() == before
    assert (tmp_path / "mine" / "report.json").read_bytes() == report


def test_resume_of_another_configuration_names_what_differs(capsys):
    assert train("--out", "mine") == 0
    assert train("--out", "mine", "--resume", "--param", "eps", "--seed", "7") == 2
    message = capsys.readouterr().err
    assert "param (F, not eps)" in message
    assert "seed (0, not 7)" in message


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "diffusion"], "there is: ddpm, edm, flow"),
        (["train", "edm", "--data", "digit"], "did you mean digits"),
        (["train", "edm", "--param", "noise"], "eps, x0, v, F, u"),
        (["train", "edm", "--weight", "snr"], "min-snr"),
        (["train", "edm", "--data", "toy", "--device", "tpu"], "cpu, cuda"),
        (["train", "edm", "--data", "toy", "--every", "30"], "multiple of 50"),
        (["train", "edm", "--data", "toy", "--samples", "1"], "at least 2"),
        (["train", "edm", "--data", "toy", "--resume"], "no checkpoint"),
    ],
)
def test_bad_input_is_one_sentence(words, message, capsys):
    assert main(words) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1


def test_an_absent_gpu_is_said(monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert train("--device", "cuda") == 2
    assert "no CUDA device" in capsys.readouterr().err


def test_digits_become_a_sheet_of_pictures(tmp_path):
    pytest.importorskip("sklearn")
    small = ["--steps", "50", "--batch", "8", "--width", "8", "--samples", "16"]
    assert main(["train", "flow", *small]) == 0
    folder = tmp_path / "runs" / "flow-digits-u"
    assert (folder / "samples.ddim.png").read_bytes().startswith(b"\x89PNG")
    measures = json.loads((folder / "report.json").read_text())["measures"]["heun"]
    assert measures["held-out images"]["copies"] == pytest.approx(1.0)
    assert set(measures["Gaussian of each class"]) == {"energy", "confusion", "copies", "legible"}
