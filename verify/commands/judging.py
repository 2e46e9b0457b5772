"""One run: judges and measures what is missing or stale, and says what went wrong."""

from __future__ import annotations

import functools
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from verify.commands import common
from verify.experiments.records import COMMITTED, LOCAL
from verify.language.catalog import Catalog, load_catalog
from verify.language.claim import Claim
from verify.language.errors import LanguageError
from verify.language.printer import latex
from verify.ledger.standing import disagreements, newest
from verify.ledger.status import status_document
from verify.ledger.store import Ledger
from verify.running.judge import judge_claims, needs_judging, numbered_steps


@dataclass
class Run:
    """What one run found."""

    root: Path
    catalog: Catalog
    ledger: Ledger
    chosen: list[Claim]
    judged: int = 0
    measured: int = 0
    crashes: dict[str, str] = field(default_factory=dict)
    failure: str = ""

    @functools.cached_property
    def document(self) -> dict[str, Any]:
        """The status of the claims that were asked for, once everything is judged and measured."""
        records = newest(self.root / LOCAL, self.root / COMMITTED)
        return status_document(self.catalog, self.ledger, records, self.chosen)


def execute(root: Path, targets: list[str], fresh: bool, experiments: bool, jobs: int | None = None) -> Run:
    """Judge and measure what is missing or stale among `targets`. LanguageError for an unknown target."""
    catalog = load_catalog(root)
    found = Run(root, catalog, Ledger(root), common.select(catalog, targets))
    stale = [claim for claim in found.chosen if claim.chains and (fresh or needs_judging(claim, found.ledger))]
    if stale:
        _judge(found, stale, fresh, jobs)
    if experiments and not found.failure:
        _measure(found, fresh)
    return found


def _judge(found: Run, stale: list[Claim], fresh: bool, jobs: int | None) -> None:
    from verify.running.workers import Workers

    try:
        with Workers(jobs) as workers, common.progress_bar("judging") as advance:
            report = judge_claims(stale, found.ledger, workers, fresh, progress=advance)
    except OSError as error:
        found.failure = f"the ledger could not be written: {error}"
        return
    found.judged, found.crashes = len(report.judged), report.crashes


def _measure(found: Run, fresh: bool) -> None:
    """Run the experiments of the chosen claims that have no fresh record made here."""
    from verify.experiments.registry import all_experiments

    known = all_experiments()
    for claim in found.chosen:
        for name in claim.experiments:
            if name not in known:
                error = LanguageError(f"{claim.id} names the experiment {name}, which does not exist",
                                      suggestion="see `verify experiment list`")  # fmt: skip
                error.file, error.line, error.column = claim.file, claim.line, 1
                found.catalog.errors.append(error)
    wanted = list(dict.fromkeys(name for claim in found.chosen for name in claim.experiments))
    local = newest(found.root / LOCAL)
    todo = [n for n in wanted if n in known and (fresh or n not in local or local[n].stale())]
    if not todo:
        return
    from verify.experiments.run import perform

    with common.progress_bar("measuring") as advance:
        for number, name in enumerate(todo):
            advance(number, len(todo), name)
            try:
                perform(name).write(found.root / LOCAL)
            except OSError as error:
                found.failure = f"a record could not be written: {error}"
                return
            found.measured += 1
            advance(number + 1, len(todo), name)


def exit_code(found: Run) -> int:
    """3 for a fault of ours, 2 for input that could not be read, 1 for something refuted, 0 otherwise."""
    for claim_id, trace in found.crashes.items():
        print(f"internal error while judging {claim_id}:\n{trace}", file=sys.stderr)
    if found.failure:
        print(found.failure, file=sys.stderr)
    problems = [(entry["id"], problem) for entry in found.document["claims"] for problem in entry["problems"]]
    disagreeing = [(i, problem) for i, problem in problems if problem.startswith("the two readings disagree")]
    for claim_id, problem in disagreeing:
        print(f"internal error: {claim_id}: {problem}", file=sys.stderr)
        _print_both_readings(found, claim_id)
    unreadable = common.print_errors(found.catalog.errors) + _print_meaningless(found)
    if found.crashes or found.failure or disagreeing:
        return common.OUR_ERROR
    if unreadable:
        return common.UNREADABLE
    return common.REFUTED if problems else common.WELL


def _print_both_readings(found: Run, claim_id: str) -> None:
    """What the prover and the sampler each saw in the steps of a claim that they disagree on."""
    entry = found.ledger.entry(claim_id) or {}
    steps = numbered_steps(found.catalog.claims[claim_id])
    both = zip(steps, entry["proof"]["steps"], entry["sampling"]["steps"], strict=True)
    for (_, number, left, right), proof, sampling in both:
        if disagreements({"steps": [proof]}, {"steps": [sampling]}):
            print(f"  step {number}, as read: {latex(left.expression)} {right.relation} {latex(right.expression)}",
                  file=sys.stderr)  # fmt: skip
            for route, one in (("proof", proof), ("sampling", sampling)):
                print(f"  {route}: {one['verdict']}; {one['method'] or one['why']}; {one['witness']}", file=sys.stderr)


def _print_meaningless(found: Run) -> int:
    """Steps that read well and mean nothing (a vector plus a number): errors of input."""
    count = 0
    for claim in found.chosen:
        proof = (found.ledger.entry(claim.id) or {}).get("proof", {})
        for part in [*proof.get("steps", []), *proof.get("mistakes", [])]:
            if part.get("problem"):
                count += 1
                where = f"step {part['step']}" if "chain" in part else f"mistake {part['name']}"
                print(
                    f"{claim.file}:{part.get('line', claim.line)}: {claim.id}, {where}: {part['problem']}",
                    file=sys.stderr,
                )
    return count
