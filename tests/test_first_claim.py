"""The five-minute guide is true: its files are written, its commands run, and the terminal shows what it shows."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```(\w+)(?: title=\"([^\"]*)\")?\n(.*?)^```$", re.M | re.S)
GUIDES = ("docs/contribute/first-claim.md", "docs/zh/contribute/first-claim.md")


def blocks(guide):
    return [match.groups() for match in BLOCK.finditer((ROOT / guide).read_text("utf-8"))]


def sessions(text):
    """Command and output, in order."""
    parts = re.split(r"^\$ (.*)\n", text, flags=re.M)[1:]
    return list(zip(parts[::2], parts[1::2], strict=True))


def test_the_english_guide_is_what_happens(tmp_path):
    for kind, title, text in blocks(GUIDES[0]):
        if kind == "markdown":
            name = title.split()[-1]
            with (tmp_path / name).open("a" if title != name else "w", encoding="utf-8") as file:
                file.write(text)
        elif kind == "diff":
            (_, old), (_, new) = ((line[0], line[1:]) for line in text.splitlines())
            page = (tmp_path / "gain.md").read_text("utf-8")
            assert page.count(old) == 1
            (tmp_path / "gain.md").write_text(page.replace(old, new), "utf-8")
        elif kind == "console":
            for command, output in sessions(text):
                program, *words = shlex.split(command)
                assert program == "verify"
                done = subprocess.run([sys.executable, "-m", "verify", *words], cwd=tmp_path, capture_output=True,
                                      text=True, timeout=120, env={**os.environ, "PYTHONPATH": str(ROOT)})  # fmt: skip
                assert done.stdout == output, f"{command}\n{done.stdout}\n{done.stderr}"
                assert done.returncode == ("refuted interval" in output)


@pytest.mark.parametrize("guide", GUIDES[1:])
def test_the_other_language_shows_the_same(guide):
    spoken = re.compile(r"#.*")
    assert [(k, t, spoken.sub("", b)) for k, t, b in blocks(guide)] == [
        (k, t, spoken.sub("", b)) for k, t, b in blocks(GUIDES[0])
    ]
