"""What an author waits for: one edited step in warm workers, an unchanged run, and the start of the command.

    python -m benchmarks.waiting

Run it after `verify run`: the second part needs a ledger in which nothing is stale.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from verify.language.catalog import load_catalog
from verify.language.claim import Claim
from verify.language.tree import Add, Number
from verify.ledger.store import Ledger
from verify.running.judge import judge_claims
from verify.running.tasks import prove_step, sample_step
from verify.running.workers import Workers

ROOT = Path(__file__).parent.parent


def edited(claim: Claim, chain: int, row: int) -> Claim:
    """The claim with one row changed so that it means the same and reads differently: `+ 0` on a scalar."""
    rows = list(claim.chains[chain])
    old = rows[row]
    rows[row] = replace(old, expression=Add((old.expression, Number("0"))))
    chains = list(claim.chains)
    chains[chain] = tuple(rows)
    return replace(claim, chains=tuple(chains))


def edits() -> list[float]:
    """Seconds from an edit of the last row of each chain to its written verdict, workers warm, no mutants."""
    claims = list(load_catalog(ROOT).claims.values())
    seconds = []
    with tempfile.TemporaryDirectory() as folder, Workers() as workers:
        ledger = Ledger(Path(folder))
        judge_claims(claims, ledger, workers, with_mutants=False)
        for claim in track(claims, "edits", console=Console(stderr=True)):
            for chain in range(len(claim.chains)):
                changed = edited(claim, chain, len(claim.chains[chain]) - 1)
                started = time.perf_counter()
                judge_claims([changed], ledger, workers, with_mutants=False)
                seconds.append(time.perf_counter() - started)
    return seconds


def steps() -> tuple[list[float], list[float]]:
    """Seconds of every step on both routes, in this warm process."""
    proof, sampling = [], []
    for claim in load_catalog(ROOT).claims.values():
        for chain in claim.chains:
            for left, right in zip(chain, chain[1:], strict=False):
                for function, times in ((prove_step, proof), (sample_step, sampling)):
                    started = time.perf_counter()
                    function(left.expression, right, claim.scope)
                    times.append(time.perf_counter() - started)
    return proof, sampling


def command(*arguments: str, times: int = 5) -> float:
    """Median seconds of a whole process."""
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "verify", *arguments], cwd=ROOT, capture_output=True, check=False)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def main() -> None:
    table = Table("", "median", "95th percentile", box=None)
    changes = edits()
    proof, sampling = steps()
    for name, seconds in (
        ("one edit in warm workers, both routes", changes),
        ("one step proved in a warm process", proof),
        ("one step sampled in a warm process", sampling),
    ):
        table.add_row(name, f"{statistics.median(seconds) * 1e3:.0f} ms", f"{_high(seconds) * 1e3:.0f} ms")
    for arguments in (["--help"], ["status"], ["run"]):
        table.add_row("verify " + " ".join(arguments), f"{command(*arguments) * 1e3:.0f} ms", "")
    Console().print(table)


def _high(seconds: list[float]) -> float:
    return sorted(seconds)[int(0.95 * (len(seconds) - 1))]


if __name__ == "__main__":
    main()
