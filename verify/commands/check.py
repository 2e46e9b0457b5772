"""`verify check FILE`: judge a file of one's own. No repository, no ledger, no setup."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

from verify.commands import common
from verify.language.catalog import link_document, load_vocabularies, theory_root, translate_document
from verify.language.claim import Claim
from verify.language.document import MAX_BYTES, Document, decode_document, load_document
from verify.ledger.standing import disagreements
from verify.ledger.store import Ledger

HELP = "judge the derivations of a Markdown file (or of standard input: -)"
EXAMPLES = """examples:
  verify check my-derivation.md
  verify check - < notes.md
  verify check my-derivation.md --json
  verify check my-derivation.md --mutants      also try every small change"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE|-", help="Markdown with /// claim blocks")
    parser.add_argument("--json", action="store_true", help="print the ledger entries")
    parser.add_argument("--mutants", action="store_true", help="also judge every mutant of every step")
    parser.add_argument("--verbose", action="store_true", help="show certificates and the second reading")
    parser.add_argument("--jobs", type=int, metavar="N", help="worker processes (default: one a core)")


def run(arguments: argparse.Namespace) -> int:
    vocabularies, errors = load_vocabularies(theory_root(common.find_root()))
    try:
        document = read(arguments.file, vocabularies)
    except OSError as error:
        print(f"cannot read {arguments.file}: {error.strerror}", file=sys.stderr)
        return common.UNREADABLE
    claims = [*document.claims, *translate_document(document, common.find_root())]
    judged = [claim for claim in claims if claim.chains]
    unreadable = common.print_errors([*errors, *document.errors])
    if not document.claims and not unreadable:
        print(f"{arguments.file}: no claim found; a claim begins with a line  /// claim | topic.name", file=sys.stderr)
        return common.UNREADABLE
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(Path(folder))
        crashes = _judge(judged, ledger, arguments)
        if arguments.json:
            common.print_json({claim.id: ledger.entry(claim.id) for claim in judged})
        else:
            print_claims(claims, ledger, arguments.verbose)
        return exit_code(claims, ledger, crashes, unreadable)


def read(file: str, vocabularies: dict[str, Any]) -> Document:
    """The claims of a file, or of standard input for `-`. OSError when it cannot be opened."""
    if file == "-":
        document = decode_document(sys.stdin.buffer.read(MAX_BYTES), "<stdin>", vocabularies)
    else:
        document = load_document(Path(file), file, vocabularies)
    link_document(document, common.find_root())
    return document


def _judge(claims: list[Any], ledger: Ledger, arguments: argparse.Namespace) -> dict[str, str]:
    if not claims:
        return {}
    from verify.running.judge import judge_claims
    from verify.running.workers import Workers

    with Workers(arguments.jobs) as workers, common.progress_bar("judging") as advance:
        report = judge_claims(claims, ledger, workers, True, None if arguments.mutants else 0, advance)
    return report.crashes


def print_claims(claims: list[Claim], ledger: Ledger, verbose: bool) -> None:
    """The verdicts of these claims, as `check` and `watch` show them."""
    from verify.commands.report import print_claim

    for claim in claims:
        print_claim(claim, ledger.entry(claim.id), verbose)
        for name in claim.uses:
            common.console().print(f"  rests on {name}: {_standing(ledger.entry(name), name)}")


def _standing(entry: dict[str, Any] | None, name: str) -> str:
    """The verdict of a quoted claim; a proof by a claim is worth no more than that claim."""
    return common.marked(entry["proof"]["verdict"]) if entry else f"not judged here: verify run {name}"


def exit_code(claims: list[Claim], ledger: Ledger, crashes: dict[str, str], unreadable: int) -> int:
    """The exit code that these verdicts deserve; says on standard error what has no meaning and what is our fault."""
    common.print_crashes(crashes)
    refuted = disagree = False
    for claim in claims:
        entry = ledger.entry(claim.id)
        if entry is None:
            continue
        proof = entry["proof"]
        refuted |= proof["verdict"] in ("refuted", "vacuous") or entry["sampling"]["verdict"] == "refuted"
        refuted |= any(mistake["verdict"] != "refuted" for mistake in proof["mistakes"])
        for step in proof["steps"]:
            if step.get("problem"):
                unreadable += 1
                print(
                    f"{claim.file}:{step['line']}: {claim.id}, step {step['step']}: {step['problem']}", file=sys.stderr
                )
        for problem in disagreements(proof, entry["sampling"]):
            disagree = True
            print(f"internal error: {claim.id}: {problem}", file=sys.stderr)
    if crashes or disagree:
        return common.OUR_ERROR
    return common.UNREADABLE if unreadable else common.REFUTED if refuted else common.WELL
