"""The prover against plain `sympy.simplify(left - right) == 0`, on the same steps in one run.

    python -m benchmarks.prover [--limit SECONDS] [--quick]

Both get the same difference, already read into SymPy. `simplify` is stopped after the limit; a stopped
step counts the limit and no more, so the printed ratio is a lower bound. Seconds are CPU seconds.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

import sympy as sp
from rich.console import Console
from rich.progress import track
from rich.table import Table
from sympy.core.cache import clear_cache

from verify.language.catalog import load_catalog
from verify.language.document import read_document
from verify.language.tree import ArgMin, Node
from verify.meaning.errors import Unsupported
from verify.meaning.expansions import order_of_step
from verify.meaning.facts import Facts
from verify.meaning.reading import Reading, read_in
from verify.proof.exact import prove
from verify.proof.refutation import compare
from verify.proof.step import judge_step

ROOT = Path(__file__).parent.parent


@dataclass
class Step:
    """One step as both sides of the comparison get it."""

    name: str
    residuals: list[sp.Expr]
    reading: Reading
    judge: tuple


def steps() -> list[Step]:
    """Every equality step of the corpus and of the theory that is a difference; rules and limits have none."""
    corpus = read_document((ROOT / "tests/contract/corpus.md").read_text("utf-8"), "corpus.md").claims
    found = []
    for claim in [*corpus, *load_catalog(ROOT).claims.values()]:
        for chain in claim.chains:
            for number, (left, right) in enumerate(zip(chain, chain[1:], strict=False), 1):
                if right.relation == "=" and right.rule is None and not isinstance(left.expression, ArgMin):
                    found.append(_step(f"{claim.id}:{number}", left.expression, right.expression, claim.scope))
    return [step for step in found if step is not None]


def _step(name: str, left: Node, right: Node, scope) -> Step | None:  # noqa: ANN001
    dimensions = [None, 1] if scope.dimension == "any" else [scope.dimension[0]]
    for dimension in dimensions:
        reading = read_in(scope, dimension, (left, right))
        try:
            comparison = compare(reading.value(left), reading.value(right), reading, order_of_step(left, right))
        except Unsupported:
            continue
        return Step(name, comparison.residuals, reading, (left, right, scope))
    return None


def _plain(expression: sp.Expr, facts: Facts) -> sp.Expr:
    """The difference as somebody without the prover would hand it over: ties inserted as roots."""
    return expression.subs({s: base ** sp.Rational(1, q) for s, (q, base) in facts.roots.items()})


def _simplify_in_child(pipe, expressions: list[sp.Expr]) -> None:  # noqa: ANN001
    started = time.process_time()
    decided = all(sp.simplify(e) == 0 for e in expressions)
    pipe.send((decided, time.process_time() - started))


def simplify(step: Step, limit: float) -> tuple[bool, float]:
    """Whether simplify gives zero, and its seconds; stopped (False, limit) after the limit."""
    here, there = multiprocessing.Pipe(duplex=False)
    plain = [_plain(e, step.reading.facts) for e in step.residuals]
    child = multiprocessing.get_context("fork").Process(target=_simplify_in_child, args=(there, plain))
    child.start()
    answer = here.recv() if here.poll(limit) else (False, limit)
    child.kill()
    child.join()
    return answer


def ours(step: Step) -> tuple[bool, float]:
    """Whether the exact routes prove it, and their seconds."""
    started = time.process_time()
    proved = prove(step.residuals, step.reading, step.judge[2]).proved
    return proved, time.process_time() - started


def passes(chosen: list[Step], count: int = 3) -> list[tuple[bool, float]]:
    """`ours` for every step: the median of several passes, each with SymPy's cache empty at its start."""
    runs = []
    for _ in range(count):
        clear_cache()
        runs.append([ours(step) for step in chosen])
    return [
        (several[0][0], statistics.median(seconds for _, seconds in several)) for several in zip(*runs, strict=True)
    ]


def whole(step: Step) -> float:
    """Seconds of the whole judgement: reading, every dimension, certificate."""
    started = time.process_time()
    judge_step(*step.judge)
    return time.process_time() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--limit", type=float, default=20.0, help="seconds for simplify per step (default 20)")
    parser.add_argument("--quick", action="store_true", help="every fifth step only")
    arguments = parser.parse_args()
    chosen = steps()[:: 5 if arguments.quick else 1]
    ours(chosen[0])  # both sides start warm
    # One pass each: forking a child for simplify slows the steps of this process that follow it.
    proofs = passes(chosen)
    judgements = [whole(step) for step in chosen]
    progress = track(chosen, "simplify", console=Console(stderr=True))
    simplified = [simplify(step, arguments.limit) for step in progress]
    rows = [
        (step.name, *proof, judgement, *plain)
        for step, proof, judgement, plain in zip(chosen, proofs, judgements, simplified, strict=True)
    ]
    report(rows)


def report(rows: list[tuple]) -> None:
    """Totals and the ratio; the steps that one side decides and the other does not."""
    mine, full, theirs = (sum(row[i] for row in rows) for i in (2, 3, 5))
    table = Table("", "prover", "whole judgement", "simplify", box=None)
    table.add_row("steps decided", str(sum(r[1] for r in rows)), "", str(sum(r[4] for r in rows)))
    table.add_row("total seconds", f"{mine:.2f}", f"{full:.2f}", f"{theirs:.1f}")
    medians = (statistics.median(row[i] for row in rows) for i in (2, 3, 5))
    table.add_row("median ms", *(f"{m * 1e3:.1f}" for m in medians))
    table.add_row("simplify takes", f"{theirs / mine:.0f} times", f"{theirs / full:.0f} times", "")
    console = Console()
    console.print(f"{len(rows)} steps")
    console.print(table)
    lost = [row[0] for row in rows if row[4] and not row[1]]
    console.print("decided by simplify and not by the prover: " + (", ".join(lost) or "none"))


if __name__ == "__main__":
    main()
