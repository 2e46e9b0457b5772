"""Verdicts are byte-identical under ten hash seeds, and with and without python-flint.

Every statement is judged three times: under two seeds, one of them without python-flint, and under one of the eight
others, which share the statements out among themselves. Where the order of two things in a set decides, each pair of
seeds shows it with even odds: three times in four for one statement, and almost surely when it decides for several.
What goes unseen is an accident of a single statement under seeds that it does not meet.
"""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

pytestmark = pytest.mark.long
ROOT = Path(__file__).parents[2]
WHOLE, SHARES = {0: True, 9: False}, range(1, 9)  # seed -> with python-flint; seeds that judge a share each
SCRIPT = """
import hashlib, json, sys
from pathlib import Path
from verify.language.catalog import load_catalog
from verify.language.document import read_document
from verify.running.tasks import prove_step

share, shares = map(int, sys.argv[1:])
claims = read_document(Path("tests/contract/corpus.md").read_text("utf-8"), "corpus.md").claims
claims += load_catalog(Path("."), translated=False).claims.values()
number = 0
for claim in claims:
    chains = [(claim.scope, chain) for chain in claim.chains] + [(m.scope, m.rows) for m in claim.mistakes]
    for scope, chain in chains:
        for left, right in zip(chain, chain[1:]):
            number += 1
            if number % shares == share:
                found = prove_step(left.expression, right, scope)
                found.pop("seconds", None)
                digest = hashlib.sha256(json.dumps(found).encode()).hexdigest()[:16]
                print(number, claim.id, digest, found["verdict"])
"""


def verdicts(seed: int) -> set[str]:
    """One line a statement that is judged under the seed: its number, claim, digest and verdict."""
    environment = {**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": str(ROOT)}
    for name in [name for name in environment if name == "VERIFY_NO_FLINT" or name.startswith("COV")]:
        environment.pop(name)  # what is judged three times need not be traced as well
    if not WHOLE.get(seed, True):
        environment["VERIFY_NO_FLINT"] = "1"
    share = ["0", "1"] if seed in WHOLE else [str(seed % len(SHARES)), str(len(SHARES))]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *share], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return set(done.stdout.splitlines())


def test_ten_hash_seeds_with_and_without_flint():
    seeds = [*WHOLE, *SHARES]
    with ThreadPoolExecutor(max_workers=2) as pool:
        outputs = dict(zip(seeds, pool.map(verdicts, seeds), strict=True))
    first = outputs[0]
    assert len(first) > 100
    assert outputs[9] == first, "seed 9, without python-flint"
    for seed in SHARES:
        assert outputs[seed] <= first, f"seed {seed}"
    assert sum(len(outputs[seed]) for seed in SHARES) == len(first)
