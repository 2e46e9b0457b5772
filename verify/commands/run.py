"""`verify run`: judge claims whose verdicts are missing or stale, and run their experiments."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from verify.commands import common
from verify.experiments.records import COMMITTED, LOCAL
from verify.language.catalog import Catalog, load_catalog
from verify.language.claim import Claim
from verify.language.printer import latex
from verify.ledger.standing import Standing, disagreements, newest, standings, status_document, summary
from verify.ledger.store import Ledger
from verify.running.judge import judge_claims, needs_judging, numbered_steps

HELP = "judge claims and run their experiments; only what is missing or stale"
EXAMPLES = """examples:
  verify run                      everything that is missing or stale
  verify run edm.precond          one claim
  verify run edm --fresh          a topic, nothing taken from the ledger
  verify run changed              claims only, no experiments
  verify run --json               the document of `verify status --json`"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("targets", nargs="*", metavar="ID|topic|changed", help="claims to judge (default: all)")
    parser.add_argument("--fresh", action="store_true", help="judge again, take nothing from the ledger")
    parser.add_argument("--json", action="store_true", help="print the status document")
    parser.add_argument("--jobs", type=int, metavar="N", help="worker processes (default: one a core)")
    parser.add_argument("--no-experiments", action="store_true", help="claims only")


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

    def standings(self) -> dict[str, Standing]:
        """Standing of the claims that were asked for."""
        everywhere = standings(self.catalog, self.ledger, self.records())
        return {claim.id: everywhere[claim.id] for claim in self.chosen}

    def records(self) -> dict[str, Any]:
        """The newest record of every experiment."""
        return newest(self.root / LOCAL, self.root / COMMITTED)


def run(arguments: argparse.Namespace) -> int:
    targets = [t for t in arguments.targets if t != "changed"]
    experiments = not arguments.no_experiments and "changed" not in arguments.targets
    found = execute(common.find_root(), targets, arguments.fresh, experiments, arguments.jobs)
    if arguments.json:
        common.print_json(status_document(found.catalog, found.ledger, found.records()))
    else:
        print_summary(found)
    return exit_code(found)


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

    wanted = list(dict.fromkeys(name for claim in found.chosen for name in claim.experiments))
    known = all_experiments()
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
    all_standings = found.standings()
    disagreeing = [
        (claim_id, problem)
        for claim_id, standing in all_standings.items()
        for problem in standing.problems
        if problem.startswith("the two readings disagree")
    ]
    for claim_id, problem in disagreeing:
        print(f"internal error: {claim_id}: {problem}", file=sys.stderr)
        _print_both_readings(found, claim_id)
    unreadable = common.print_errors(found.catalog.errors) + _print_meaningless(found)
    if found.crashes or found.failure or disagreeing:
        return common.OUR_ERROR
    if unreadable:
        return common.UNREADABLE
    return common.REFUTED if any(s.problems for s in all_standings.values()) else common.WELL


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


def print_summary(found: Run) -> None:
    """The aligned summary: counts by kind, then what is not proved and why."""
    all_standings = found.standings()
    counts = summary(found.catalog, all_standings, found.ledger)
    mutants = counts["mutants"]
    wanted = {name for claim in found.chosen for name in claim.experiments}
    records = {name: record for name, record in found.records().items() if name in wanted}
    confirmed = sum(record.verdict == "confirmed" for record in records.values())
    words = ", ".join(f"{n} {v}" for v, n in sorted(counts["verdicts"].items(), key=lambda kv: -kv[1]))
    rows = [
        ("claims", f"{counts['claims']}", words),
        ("steps", f"{counts['steps']}", f"{counts['steps_proved']} proved"),
        ("mistakes", f"{counts['mistakes']}", f"{counts['mistakes_refuted']} refuted"),
        ("mutants", f"{mutants['made']}", common.mutant_words(mutants)),
        ("experiments", f"{len(records)}", f"{confirmed} confirmed"),
    ]
    common.print_table(("", "number", ""), rows)
    open_claims = [(i, s) for i, s in all_standings.items() if s.verdict != "proved" or s.problems or s.stale]
    if open_claims:
        lines = [(i, common.marked(s.verdict), _why(found, i, s)) for i, s in open_claims]
        common.print_table(("not proved", "verdict", "why"), lines, title="")
    print(f"judged {found.judged} claims, measured {found.measured} experiments in this run")


def _why(found: Run, claim_id: str, standing: Any) -> str:
    """One line on why a claim is not proved."""
    if standing.problems:
        return "; ".join(standing.problems)
    if standing.stale:
        return "stale or not judged yet: verify run " + claim_id
    claim = found.catalog.claims[claim_id]
    if claim.assumed:
        return claim.assumed["en"]
    proof = (found.ledger.entry(claim_id) or {}).get("proof", {})
    reasons = [step["why"] for step in proof.get("steps", []) if step["verdict"] != "proved" and step.get("why")]
    if reasons:
        return reasons[0]
    return "judged by experiment: " + ", ".join(claim.experiments) if claim.experiments else ""
