"""`make fuzz`: feeds the reader and the prover for minutes. A failing input is made small and kept in the corpus.

    python -m tests.fuzz.run --minutes 10 --jobs 2
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from tests.fuzz import inputs, targets
from verify.running.workers import Workers

CORPUS = Path(__file__).parent / "corpus"
ROUND = {"formula": 400, "page": 25, "claim": 25}  # examples of each kind in one round


def rounds(kind: str, strategy: st.SearchStrategy[str], target: Callable[[str], object], number: int) -> bool:
    """One round of one kind. A failing input is shrunk and kept; returns whether there was one."""
    last = ""

    @seed(number)
    @settings(max_examples=ROUND[kind], deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(strategy)
    def body(text: str) -> None:
        nonlocal last
        try:
            target(text)
        except BaseException:
            last = text
            raise

    try:
        body()
    except KeyboardInterrupt:
        raise
    except BaseException:
        name = f"{kind}-{hashlib.sha256(last.encode()).hexdigest()[:12]}.txt"
        (CORPUS / name).write_text(last, "utf-8")
        print(f"{name}:\n{last}\n{traceback.format_exc(limit=-6)}", flush=True)
        return True
    return False


def main() -> int:
    """Alternates the kinds of input until the time is over; 1 when anything failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--jobs", type=int, default=1, help="worker processes of the prover")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    arguments = parser.parse_args()
    end, number, failures = time.monotonic() + 60 * arguments.minutes, arguments.seed, 0
    verdicts: Counter[str] = Counter()
    print(f"seed {number}", flush=True)
    with Workers(arguments.jobs) as workers:

        def claim(text: str) -> None:
            verdicts.update(targets.claim(text, workers) or ["unreadable"])

        kinds = {
            "formula": (inputs.formulas, targets.formula),
            "page": (inputs.pages, targets.page),
            "claim": (inputs.claims(), claim),
        }
        done = 0
        while time.monotonic() < end:
            for kind, (strategy, target) in kinds.items():
                failures += rounds(kind, strategy, target, number + done)
            done += 1
            print(f"round {done}: {failures} failures; claims: {dict(sorted(verdicts.items()))}", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
