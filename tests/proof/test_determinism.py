"""Verdicts, certificates and witnesses do not depend on hash order, nor on python-flint."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

PROGRAM = r"""
import json
import sys
from dataclasses import asdict

from verify.language.document import read_document
from verify.meaning.errors import MeaningError
from verify.proof.step import judge_step
from verify.proof.vacuity import admissible_point

TEXT = open("tests/proof/sample.md", encoding="utf-8").read()
document = read_document(TEXT, "sample.md")
found = []
for claim in document.claims:
    found.append([claim.id, admissible_point(claim.scope)])
    chains = [(claim.scope, rows) for rows in claim.chains] + [(m.scope, m.rows) for m in claim.mistakes]
    for scope, rows in chains:
        for before, row in zip(rows, rows[1:]):
            verdict = asdict(judge_step(before.expression, row.expression, scope, row.relation))
            del verdict["seconds"]
            found.append([claim.id, row.source, verdict])
json.dump(found, sys.stdout, indent=1)
"""


def _run(seed: str, **extra: str) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": seed, **extra}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    ).stdout


def test_the_same_bytes_for_every_hash_seed_and_ring() -> None:
    first = _run("0")
    verdicts = [entry[2]["verdict"] for entry in json.loads(first) if len(entry) == 3]
    assert {"proved", "refuted"} <= set(verdicts)
    assert _run("1") == first
    assert _run("4711", VERIFY_NO_FLINT="1") == first
