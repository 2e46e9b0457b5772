"""One run: judges and measures what is missing or stale, and says what went wrong."""

from __future__ import annotations

import functools
import sys
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from verify.commands import common
from verify.experiments.records import COMMITTED, LOCAL
from verify.language.catalog import Catalog, load_catalog
from verify.language.claim import Claim
from verify.language.printer import latex
from verify.ledger.recorded import newest, unknown_experiments
from verify.ledger.standing import disagreements
from verify.ledger.status import status_document
from verify.ledger.store import Ledger
from verify.running.engine import EngineError, OurError
from verify.running.judge import SOME_MUTANTS, judge_claims, needs_judging, numbered_steps
from verify.running.options import HERE, Place, Wanted

if TYPE_CHECKING:
    from verify.running.ray import Cluster


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


def execute(root: Path, wanted: Wanted, place: Place = HERE) -> Run:
    """Judge and measure what is missing or stale among what is wanted.

    LanguageError for an unknown target, EngineError when `place` cannot be used; nothing is judged then.
    """
    catalog = load_catalog(root)
    asked = common.select(catalog, wanted.targets)
    found = Run(root, catalog, Ledger(root), wanted.shard.of(asked))
    again = wanted.fresh or wanted.all_mutants  # a fresh verdict may have tried some mutants only
    stale = [claim for claim in catalog.judged(found.chosen) if again or needs_judging(claim, found.ledger)]
    todo = unmeasured(found, asked, wanted.fresh) if wanted.experiments else []
    if not stale and not todo:
        return found
    with place.cluster() as cluster:
        if stale:
            _judge(found, stale, wanted, cluster, place.jobs)
        if todo and not found.failure:
            _measure(found, todo, cluster)
    return found


def _judge(found: Run, stale: list[Claim], wanted: Wanted, cluster: Cluster | None, jobs: int | None) -> None:
    from verify.running.workers import Workers

    mutants = None if wanted.all_mutants else SOME_MUTANTS
    try:
        with nullcontext(cluster) if cluster else Workers(jobs) as engine, common.progress_bar("judging") as advance:
            report = judge_claims(stale, found.ledger, engine, wanted.fresh, mutants, advance)
    except OSError as error:
        found.failure = f"the ledger could not be written: {error}"
        return
    except EngineError as error:
        found.failure = str(error)
        return
    found.judged = sum(name in found.catalog.claims for name in report.judged)  # a translation counts with its claim
    found.crashes = report.crashes


def unmeasured(found: Run, asked: list[Claim], fresh: bool) -> list[str]:
    """The quick experiments of this shard that have no fresh record made here.

    An experiment goes to the shard of the first claim that names it, whose verdict then shows what it found.
    """
    from verify.experiments.registry import all_experiments

    known = all_experiments()
    found.catalog.errors += unknown_experiments(found.chosen, known)
    first: dict[str, str] = {}
    for claim in asked:
        for name in claim.experiments:
            first.setdefault(name, claim.id)
    mine = {claim.id for claim in found.chosen}
    wanted = [name for name, owner in first.items() if owner in mine and name in known and known[name].quick]
    local = newest(found.root / LOCAL)
    return [name for name in wanted if fresh or name not in local or local[name].stale()]


def _measure(found: Run, todo: list[str], cluster: Cluster | None) -> None:
    from verify.experiments.experiment import Powerless
    from verify.running.measure import measure

    try:
        with common.progress_bar("measuring") as advance:
            for outcome in measure(todo, cluster=cluster, progress=advance):
                outcome.write(found.root / LOCAL)
                found.measured += 1
    except OSError as error:
        found.failure = f"a record could not be written: {error}"
    except (EngineError, Powerless) as error:
        found.failure = str(error)
    except OurError as error:
        found.failure = f"internal error while measuring {error}"


def exit_code(found: Run) -> int:
    """3 for a fault of ours, 2 for input that could not be read, 1 for something refuted, 0 otherwise."""
    common.print_crashes(found.crashes)
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
