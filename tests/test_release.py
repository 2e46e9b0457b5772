"""What is released: the same bytes from the same sources, whole, and at work without the repository."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DERIVATION = """/// claim | mine.square
    title: A square

- $a, b$ : real
- dimensions: 1

$$ (a+b)^2 = a^2+2ab+b^2 $$
///
"""


def build(source, out):
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--directory", str(out)],
        cwd=source, check=True, capture_output=True, timeout=300,
    )  # fmt: skip
    return next(out.glob("*.whl")), next(out.glob("*.tar.gz"))


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    """The archives of this tree."""
    return build(ROOT, tmp_path_factory.mktemp("first"))


@pytest.fixture(scope="module")
def installed(release, tmp_path_factory):
    """A folder with nothing but the wheel, which comes before everything that is installed."""
    place = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(release[0]) as wheel:
        wheel.extractall(place)
    return place


def verify(installed, cwd, *arguments, text=None):
    return subprocess.run(
        [sys.executable, "-m", "verify", *arguments], cwd=cwd, input=text, capture_output=True, text=True, timeout=300,
        env={**os.environ, "PYTHONPATH": str(installed), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip


def test_the_same_sources_give_the_same_bytes_at_any_time(release, tmp_path):
    """Built again from the archive of the sources, in another place, with other times on every file."""
    wheel, archive = release
    with tarfile.open(archive) as sources:
        sources.extractall(tmp_path, filter="data")
    again = next(tmp_path.iterdir())
    for path in again.rglob("*"):
        os.utime(path, (1_700_000_000, 1_700_000_000))
    digest = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (wheel, *build(again, tmp_path / "out")[:1])]
    assert digest[0] == digest[1]


def test_the_wheel_is_whole_and_holds_nothing_else(release):
    with zipfile.ZipFile(release[0]) as wheel:
        held = {name for name in wheel.namelist() if name.startswith("verify/")}
        others = {name.split("/")[0] for name in wheel.namelist()} - {"verify"}
    kept = subprocess.run(["git", "ls-files", "verify"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert set(kept.split()) - held == set()
    assert all(name.endswith(".dist-info") for name in others)
    assert not any("__pycache__" in name for name in held)


def test_the_archive_of_the_sources_builds_the_site_too(release):
    with tarfile.open(release[1]) as sources:
        held = {name.split("/", 1)[1] for name in sources.getnames() if "/" in name}
    assert {"mkdocs.yml", "Makefile", "constraints.txt", "docs/index.md", "docs/zh/index.md", "README.md"} <= held
    assert any(name.startswith("questions/") for name in held) and any(name.startswith("records/") for name in held)


def test_the_wheel_checks_a_derivation_without_the_repository(installed, tmp_path):
    right = verify(installed, tmp_path, "check", "-", text=DERIVATION)
    wrong = verify(installed, tmp_path, "check", "-", text=DERIVATION.replace("+2ab", "+ab"))
    assert (right.returncode, wrong.returncode) == (0, 1), right.stderr + wrong.stderr
    assert "proved" in right.stdout and "at a = " in wrong.stdout


def test_the_wheel_measures_an_experiment_without_the_repository(installed, tmp_path):
    done = verify(installed, tmp_path, "experiment", "run", "train-mp-ops", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["verdict"] == "confirmed"


def test_the_wheel_trains_without_the_repository(installed, tmp_path):
    done = verify(installed, tmp_path, "train", "flow", "--data", "toy", "--steps", "20", "--out", "run")
    assert done.returncode == 0, done.stdout + done.stderr


def test_version_changelog_and_citation_agree():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert f"\n## {version}" in (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert f"\nversion: {version}" in (ROOT / "CITATION.cff").read_text("utf-8")


def test_every_optional_part_is_documented():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    for page in ("docs/contribute/maintaining.md", "docs/zh/contribute/maintaining.md"):
        text = (ROOT / page).read_text("utf-8")
        assert [name for name in extras if f"[{name}]" not in text] == []
