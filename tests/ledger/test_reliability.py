"""The ledger survives what machines do: kills at any moment, two runs at once, full disks, wrong clocks."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from verify.ledger.store import FOLDER, Ledger

ROOT = Path(__file__).parents[2]
KILLS = 500

# Forks writers and kills each at a random moment. A process of its own: the tests' one has threads, which do not fork.
KILLER = """
import json, os, random, signal, sys, time
from pathlib import Path
from verify.ledger.store import Ledger

root, kills = Path(sys.argv[1]), int(sys.argv[2])
draw, generation, promised, faults, midway = random.Random(7), 0, {}, [], 0
for kill in range(kills):
    told, tell = os.pipe()
    child = os.fork()
    if not child:
        os.close(told)
        ledger = Ledger(root)
        os.write(tell, b"r")
        for n in range(generation, generation + 100_000):
            ledger.write(f"c.{n % 7}", {"n": n, "text": "x" * 300_000})
            os.write(tell, b"%d\\n" % n)
    os.close(tell)
    os.read(told, 1)  # it is at work
    time.sleep(draw.random() * 0.008)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with os.fdopen(told) as finished:
        for line in finished:
            if line.endswith("\\n"):
                generation = int(line) + 1
                promised[f"c.{int(line) % 7}"] = int(line)
    left = list((root / ".verify" / "ledger").glob(".*.new"))
    midway += bool(left)
    for path in left:
        path.unlink()
    ledger = Ledger(root)
    for name, n in promised.items():
        entry = ledger.entry(name)
        if entry is None or entry["n"] < n:
            faults.append(f"kill {kill}: {name} {n} is lost")
    faults += [f"kill {kill}: {name} is damaged" for name in ledger.damaged]
print(json.dumps({"finished": generation, "midway": midway, "faults": faults}))
"""


def run(script, *arguments, **options):
    return subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, timeout=300,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, **options,
    )  # fmt: skip


def test_no_kill_loses_or_damages_what_was_written(tmp_path):
    done = run(KILLER, str(tmp_path), str(KILLS))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["faults"] == []
    assert found["finished"] and found["midway"] > KILLS / 50  # the kills did meet writes, on a busy machine too


def test_the_test_of_kills_sees_a_file_that_is_written_in_place(tmp_path):
    """Its wrong version: without the move, a kill leaves halves."""
    broken = "import verify.ledger.store as store\nstore.write_atomically = lambda path, text: path.write_text(text)\n"
    found = json.loads(run(broken + KILLER, str(tmp_path), str(KILLS)).stdout)
    assert found["faults"]


def test_two_runs_at_once_leave_whole_entries(tmp_path):
    writer = """
import sys
from pathlib import Path
from verify.ledger.store import Ledger
ledger = Ledger(Path(sys.argv[1]))
for n in range(300):
    ledger.write(f"c.{n % 3}", {"who": sys.argv[2], "n": n, "text": sys.argv[2] * 50_000})
"""
    own = {**os.environ, "PYTHONPATH": str(ROOT)}
    writers = [subprocess.Popen([sys.executable, "-c", writer, str(tmp_path), who], env=own) for who in "ab"]
    assert [one.wait(timeout=120) for one in writers] == [0, 0]
    ledger = Ledger(tmp_path)
    entries = [ledger.entry(f"c.{k}") for k in range(3)]
    assert not ledger.damaged
    assert all(entry["text"] == entry["who"] * 50_000 and entry["n"] >= 297 for entry in entries)


SMALL = """
import sys
from pathlib import Path
from verify.ledger.store import Ledger
try:
    Ledger(Path(sys.argv[1])).write("c.one", {"n": 2, "text": "x" * 4_000_000})
except OSError as error:
    print(error.strerror)
"""


def test_a_file_that_may_not_grow_leaves_the_old_entry(tmp_path):
    """The kernel refuses in the middle of the write, as on a full disk or beyond a quota."""
    Ledger(tmp_path).write("c.one", {"n": 1})

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    assert run(SMALL, str(tmp_path), preexec_fn=limit).stdout.strip() == "File too large"
    assert Ledger(tmp_path).entry("c.one")["n"] == 1
    assert [path.name for path in (tmp_path / FOLDER).iterdir()] == ["c.one.json"]


@pytest.fixture
def disk(tmp_path):
    """A real file system of 2 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)]
    mounted = subprocess.run(mount, capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("mounting a file system needs rights that are not there")
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_full_disk_leaves_the_old_entry_and_frees_what_it_took(disk):
    Ledger(disk).write("c.one", {"n": 1})
    assert run(SMALL, str(disk)).stdout.strip() == "No space left on device"
    assert Ledger(disk).entry("c.one")["n"] == 1
    assert [path.name for path in (disk / FOLDER).iterdir()] == ["c.one.json"]


def small_repository(place):
    """A repository with one claim and without experiments."""
    (place / "verify" / "theory" / "mine").mkdir(parents=True)
    (place / "mkdocs.yml").write_text("site_name: small\n")
    (place / "verify" / "theory" / "mine" / "claims.md").write_text(
        "/// claim | mine.square\n    title: A square\n\n- $a, b$ : real\n- dimensions: 1\n\n"
        "$$ (a+b)^2 = a^2+2ab+b^2 $$\n///\n"
    )
    return place


def command(root, *arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "verify", *arguments], cwd=root, capture_output=True, text=True, timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COVERAGE_FILE": str(ROOT / ".coverage")},  # never on the full disk
        **options,
    )  # fmt: skip


def test_a_disk_that_fills_during_a_run_is_one_sentence_and_no_verdict(disk):
    root = small_repository(disk)
    (root / "filler").write_bytes(b"x" * max(0, shutil.disk_usage(root).free - 4096))
    done = command(root, "run", "mine")
    assert done.returncode == 3 and "Traceback" not in done.stderr
    assert "No space left" in done.stderr
    (root / "filler").unlink()
    assert command(root, "run", "mine").returncode == 0


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    root = small_repository(tmp_path)
    (root / ".verify").write_text("a file stands where the folder should be")
    done = command(root, "run", "mine")
    assert done.returncode == 3 and "Traceback" not in done.stderr
    assert str(root / ".verify") in done.stderr


def test_a_clock_that_jumps_changes_no_verdict_and_no_freshness(tmp_path):
    """What is fresh is decided by what the inputs say, never by when they were touched."""
    root = small_repository(tmp_path)
    assert command(root, "run", "mine").returncode == 0
    before = json.loads(command(root, "status", "--json").stdout)["claims"]
    entry = root / FOLDER / "mine.square.json"
    written = entry.read_bytes()
    for jump in (-10**8, 10**8):
        for path in root.rglob("*"):
            os.utime(path, (time.time() + jump,) * 2)
        assert json.loads(command(root, "status", "--json").stdout)["claims"] == before
        assert "judged 0 claims" in command(root, "run", "changed").stderr
        assert entry.read_bytes() == written
