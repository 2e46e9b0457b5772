"""`verify show ID`: one claim with its declarations, steps as read, certificates and counterexamples."""

from __future__ import annotations

import argparse

from verify.commands import common
from verify.language.catalog import load_catalog
from verify.language.printer import latex
from verify.ledger.store import Ledger

HELP = "one claim: declarations, how it was read, certificates, counterexamples"
EXAMPLES = """examples:
  verify show edm.precond
  verify show edm.precond --json"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", help="a claim, like edm.precond")
    parser.add_argument("--json", action="store_true", help="the ledger entry")


def run(arguments: argparse.Namespace) -> int:
    root = common.find_root()
    catalog, ledger = load_catalog(root), Ledger(root)
    (claim, *others) = common.select(catalog, [arguments.id])
    if others or claim.id != arguments.id:
        print(f"{arguments.id} is a topic; its claims: " + ", ".join(c.id for c in [claim, *others]))
        return common.UNREADABLE
    entry = ledger.entry(claim.id)
    if arguments.json:
        common.print_json(entry)
        return common.WELL
    from rich.markup import escape

    from verify.commands.report import print_claim, print_translation

    print_claim(claim, entry, verbose=True)
    out = common.console()
    for line in claim.declared:
        out.print(f"  let {escape(line)}")
    for chain in claim.chains:
        for row in chain:
            out.print(f"  as read: {row.relation or ' '} {escape(latex(row.expression))}")
    for made in catalog.translations.get(claim.id, ()):
        print_translation(made, ledger.entry(made.judged.id))
    rests, serves = ", ".join(claim.uses), ", ".join(catalog.used_by(claim.id))
    out.print(f"  rests on: {rests or 'nothing'};  used by: {serves or 'nothing'}")
    if claim.after:
        out.print(f"  read first: {', '.join(claim.after)}")
    return common.WELL
