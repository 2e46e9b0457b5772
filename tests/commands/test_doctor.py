"""`verify doctor`: every fault that it knows is planted, named, and comes with a way to mend it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

import pytest

from verify.commands import doctor

ROOT = Path(__file__).parents[2]


@pytest.fixture
def repository(tmp_path):
    """A small copy: two topics' worth of files would do, the register and the claims come whole."""
    shutil.copytree(ROOT / "verify" / "theory", tmp_path / "verify" / "theory", ignore=shutil.ignore_patterns("*.py"))
    (tmp_path / "docs").mkdir()
    for name in ("mkdocs.yml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def found(root, what, examinations):
    return next(one for examination in examinations for one in examination(root) if one.what == what)


def test_a_whole_run_ends_well_and_needs_no_repository(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "verify", "doctor", "--json"], cwd=tmp_path, capture_output=True, text=True, timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    findings = json.loads(done.stdout)["findings"]
    assert done.returncode == 0, done.stdout
    assert {one["state"] for one in findings} <= {"fine", "note"}
    assert {"Python", "installation", "prover", "torch", "formulas", "repository"} <= {one["what"] for one in findings}


def test_a_healthy_repository_has_nothing_broken(repository):
    for examination in (doctor._constraints, doctor._theory, doctor._verdicts, doctor._folder, doctor._clock):
        for one in examination(repository):
            assert one.state != doctor.BROKEN, one


def test_a_missing_and_an_old_package_are_named(monkeypatch):
    version = metadata.version

    def lacking(name):
        if name == "mpmath":
            raise metadata.PackageNotFoundError(name)
        return "1.0" if name == "sympy" else version(name)

    monkeypatch.setattr(doctor.metadata, "version", lacking)
    one = found(ROOT, "installation", [doctor._packages])
    assert one.state == doctor.BROKEN and one.mend
    assert "mpmath is missing" in one.found and "sympy 1.0 is not" in one.found


def test_a_version_that_is_not_the_tested_one_is_a_note(repository):
    (repository / "constraints.txt").write_text("# tested\nsympy==1.0\nno-such-package==3\n")
    one = found(repository, "tested versions", [doctor._constraints])
    assert one.state == doctor.NOTE and "sympy" in one.found and "no-such-package" not in one.found


def test_a_prover_that_says_yes_to_all_is_broken(monkeypatch):
    monkeypatch.setattr(doctor, "_DERIVATION", doctor._DERIVATION.replace("+b^2", "+b\\cdot b"))  # nothing to drop
    assert found(ROOT, "prover", [doctor._prover]).state == doctor.BROKEN


def test_damaged_claims_verdicts_and_records_are_named(repository):
    ledger = repository / ".verify" / "ledger"
    ledger.mkdir(parents=True)
    (ledger / "edm.score.json").write_text('{"schema": 1, "id"')
    records = repository / "records" / "edm"
    records.mkdir(parents=True)
    (records / "edm-cut-cpu-float64.json").write_text("{")
    with (repository / "verify" / "theory" / "edm" / "claims.md").open("a") as file:
        file.write("\n/// claim | edm.doctor-cannot-read\n    title: T\n\n$$ a = $$\n///\n")
    assert "edm.score" in found(repository, "ledger", [doctor._verdicts]).found
    one = found(repository, "records", [doctor._verdicts])
    assert one.state == doctor.BROKEN and "edm-cut" in one.found
    one = found(repository, "claims", [doctor._theory])
    assert one.state == doctor.BROKEN and "claims.md" in one.found


def test_a_folder_that_cannot_be_written_and_what_a_kill_left(repository, monkeypatch):
    kept = repository / ".verify" / "ledger"
    kept.mkdir(parents=True)
    (kept / ".edm.score.json.17.new").write_text("{")
    assert "edm.score" in found(repository, "leftovers", [doctor._folder]).found

    def refuse(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", refuse)
    one = found(repository, "folder", [doctor._folder])
    assert one.state == doctor.BROKEN and "Permission denied" in one.found


def test_a_full_disk_is_named(repository, monkeypatch):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1, 1, 1_000))
    assert found(repository, "folder", [doctor._folder]).state == doctor.BROKEN


def test_files_from_the_future_are_named(repository):
    path = repository / "verify" / "theory" / "edm" / "claims.md"
    os.utime(path, (time.time() + 9_000,) * 2)
    assert "claims.md" in found(repository, "clock", [doctor._clock]).found


def test_an_examination_that_fails_is_a_finding(repository, monkeypatch):
    def fails(root):
        raise RuntimeError("no such luck")
        yield

    monkeypatch.setattr(doctor, "_torch", fails)
    one = next(one for one in doctor.examine(repository) if "no such luck" in one.found)
    assert one.state == doctor.BROKEN and one.mend
