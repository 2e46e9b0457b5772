"""Verdicts are byte-identical under ten hash seeds, and with and without python-flint."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCRIPT = """
import hashlib, json
from pathlib import Path
from verify.language.catalog import load_catalog
from verify.language.document import read_document
from verify.running.tasks import prove_step

claims = read_document(Path("tests/contract/corpus.md").read_text("utf-8"), "corpus.md").claims
claims += list(load_catalog(Path(".")).claims.values())
for claim in claims:
    chains = [(claim.scope, chain) for chain in claim.chains] + [(m.scope, m.rows) for m in claim.mistakes]
    for scope, chain in chains:
        for left, right in zip(chain, chain[1:]):
            found = prove_step(left.expression, right, scope)
            found.pop("seconds", None)
            digest = hashlib.sha256(json.dumps(found).encode()).hexdigest()[:16]
            print(claim.id, digest, found["verdict"])
"""


def verdicts(seed: int, flint: bool) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": str(ROOT)}
    environment.pop("VERIFY_NO_FLINT", None)
    if not flint:
        environment["VERIFY_NO_FLINT"] = "1"
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_ten_hash_seeds_with_and_without_flint():
    settings = [(seed, seed != 9) for seed in range(10)]
    with ThreadPoolExecutor(max_workers=2) as pool:
        outputs = list(pool.map(lambda setting: verdicts(*setting), settings))
    first = outputs[0].splitlines()
    assert len(first) > 100
    for (seed, flint), output in zip(settings, outputs, strict=True):
        different = [(a, b) for a, b in zip(first, output.splitlines(), strict=True) if a != b]
        assert different == [], f"seed {seed}, flint {flint}"
