"""`verify watch FILE`: what changed and nothing else, through errors and missing files, until Ctrl-C."""

from __future__ import annotations

import os
import queue
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CLAIM = """/// claim | mine.{name}
    title: A square

- $a, b$ : real
- dimensions: 1

$$ {formula} $$
///
"""
GOOD = CLAIM.format(name="good", formula="(a+b)^2 = a^2+2ab+b^2")
OTHER = CLAIM.format(name="other", formula="(a-b)^2 = a^2-2ab+b^2")


class Watching:
    """A running `verify watch` on a file of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-m", "verify", "watch", path.name, "--jobs", "1"], cwd=path.parent,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        self.lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._collect, daemon=True).start()

    def _collect(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.put(line)

    def round(self) -> str:
        """What one look prints, to its last line."""
        text = ""
        while not re.search(r"^\d\d:\d\d:\d\d  ", text, re.M):
            text += self.lines.get(timeout=90)
        return text

    def save(self, text: str) -> str:
        """As an editor saves: a new file in place of the old one."""
        other = self.path.with_suffix(".new")
        other.write_text(text)
        other.replace(self.path)
        return self.round()


@pytest.fixture
def watching(tmp_path):
    path = tmp_path / "mine.md"
    path.write_text(GOOD + OTHER)
    running = Watching(path)
    yield running
    if running.process.poll() is None:
        os.killpg(running.process.pid, signal.SIGKILL)
    running.process.wait()


def test_a_session_of_editing(watching):
    first = watching.round()
    assert "mine.good" in first and "mine.other" in first and first.count("✓ proved") == 2

    wrong = watching.save(GOOD.replace("+2ab", "+3ab") + OTHER)
    assert "✗ refuted" in wrong and "mine.other" not in wrong and "1 of 2 claims changed" in wrong

    broken = watching.save(GOOD.replace("+2ab", "+3qb") + OTHER)
    assert "undeclared name q" in broken and "mine.good: not read" in broken and "mine.other" not in broken

    watching.path.unlink()  # an editor may take a while
    mended = watching.save("some words\n\n" + GOOD + OTHER)
    assert "every block can be read again" in mended
    assert "mine.md:9: step 1: ✓ proved" in mended and "mine.other" not in mended

    words = watching.save("other words, the same claims\n\n" + GOOD + OTHER)
    assert "nothing changed" in words and "proved" not in words

    assert "mine.other: not in the file any more" in watching.save(GOOD)

    checked = subprocess.run(
        [sys.executable, "-m", "verify", "check", "mine.md"], cwd=watching.path.parent, capture_output=True,
        text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    shown = watching.save(GOOD.replace("square", "Square")).replace("Square", "square").splitlines()
    assert [line for line in shown if "claims changed" not in line] == checked.stdout.splitlines()

    os.killpg(watching.process.pid, signal.SIGINT)  # Ctrl-C reaches the workers too
    assert watching.process.wait(timeout=30) == 0
    rest = "".join(iter(lambda: watching.lines.get(timeout=5), "stopped\n"))
    assert "Traceback" not in rest


def test_a_file_that_does_not_exist(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "verify", "watch", "nowhere.md"], cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2 and "cannot read nowhere.md" in done.stderr
