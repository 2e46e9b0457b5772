"""`verify run`: judge claims whose verdicts are missing or stale, and run their experiments."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from verify.commands import common
from verify.ledger import snapshot
from verify.running.engine import EngineError
from verify.running.options import EVERYTHING, HERE, Place, Wanted, add_engine_arguments, place_of
from verify.running.shard import WHOLE

HELP = "judge claims and run their experiments; only what is missing or stale"
EXAMPLES = """examples:
  verify run                      everything that is missing or stale
  verify run edm.precond          one claim
  verify run edm --fresh          a topic, nothing taken from the ledger
  verify run changed              claims only, no experiments
  verify run --all-mutants        every small change of every step; slow
  verify run --on ray --address head:6379
                                  on a Ray cluster, the same ledger at the end
  verify run --shard 3/16         the third of sixteen parts, for job arrays
  verify run --json               the document of `verify status --json`"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("targets", nargs="*", metavar="ID|topic|changed", help="claims to judge (default: all)")
    parser.add_argument("--fresh", action="store_true", help="judge again, take nothing from the ledger")
    parser.add_argument("--json", action="store_true", help="print the status document")
    parser.add_argument("--jobs", type=int, metavar="N", help="worker processes (default: one a core)")
    parser.add_argument("--no-experiments", action="store_true", help="claims only")
    parser.add_argument("--all-mutants", action="store_true", help="try every small change of each step, not some")
    add_engine_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    targets = tuple(target for target in arguments.targets if target != "changed")
    experiments = not arguments.no_experiments and "changed" not in arguments.targets
    show = common.print_json if arguments.json else print_summary
    wanted = Wanted(targets, arguments.fresh, experiments, arguments.all_mutants, arguments.shard)
    try:
        return judge_and_show(common.find_root(), wanted, show, place_of(arguments))
    except EngineError as error:
        print(error, file=sys.stderr)
        return common.UNREADABLE


def judge_and_show(
    root: Path, wanted: Wanted, show: Callable[[dict[str, Any]], None] | None = None, place: Place = HERE
) -> int:
    """Judge and measure what is missing or stale among what is wanted, show the status, return the exit code.

    When all was well last time and nothing has been touched since, that status is shown again.
    """
    show = show or print_summary
    kept = snapshot.load(root) if wanted == EVERYTHING else None
    if kept is not None:
        show(kept)
        print("nothing has changed since the last run", file=sys.stderr)
        return common.WELL
    from verify.commands.judging import execute, exit_code

    found = execute(root, wanted, place)
    show(found.document)
    part = "this run" if wanted.shard == WHOLE else f"shard {wanted.shard}"
    print(f"judged {found.judged} claims, measured {found.measured} experiments in {part}", file=sys.stderr)
    for claim in found.chosen:
        for said in (found.ledger.entry(claim.id) or {}).get("definitions", []):
            if said["standing"] == "differs" and not said["mistake"]:
                of = f"{said['name']} differs from the standard definition of {said['title']['en']}"
                print(f"note: {claim.id}: {of}; see: verify show {claim.id}", file=sys.stderr)
    code = exit_code(found)
    if wanted == EVERYTHING and code == common.WELL:
        snapshot.keep(root, found.document)
    return code


def print_summary(document: dict[str, Any]) -> None:
    """The aligned summary: counts by kind, then what is not proved and why."""
    counts = document["counts"]
    words = ", ".join(f"{n} {verdict}" for verdict, n in sorted(counts["verdicts"].items(), key=lambda kv: -kv[1]))
    mutants = counts["mutants"]
    rows = [
        ("claims", f"{counts['claims']}", words),
        ("steps", f"{counts['steps']}", f"{counts['steps_proved']} proved"),
        ("mistakes", f"{counts['mistakes']}", f"{counts['mistakes_refuted']} refuted"),
        ("translations", f"{counts['translations']}", f"{counts['translations_proved']} proved"),
        ("mutants", f"{mutants['made']}", f"of {mutants['possible']}: {common.mutant_words(mutants)}"),
        ("experiments", f"{counts['experiments']}", f"{counts['experiments_confirmed']} confirmed"),
    ]
    common.print_table(("", "number", ""), rows)
    rest = [(e["id"], common.marked(e["verdict"]), e["why"]) for e in document["claims"] if e["why"]]
    if rest:
        common.print_table(("not proved", "verdict", "why"), rest)
