"""`verify status`: where every claim stands, from the ledger alone."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from verify.commands import common
from verify.ledger import snapshot

HELP = "where every claim stands; judges nothing"
EXAMPLES = """examples:
  verify status
  verify status edm
  verify status --json | jq .counts"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("targets", nargs="*", metavar="ID|topic", help="claims to list (default: all)")
    parser.add_argument("--json", action="store_true", help="the documented JSON document")


def run(arguments: argparse.Namespace) -> int:
    root = common.find_root()
    kept = snapshot.load(root)
    if kept is not None and not arguments.targets:  # all was well, and nothing has been touched since
        (common.print_json if arguments.json else _print)(kept)
        return common.WELL
    return _computed(root, arguments)


def _computed(root: Path, arguments: argparse.Namespace) -> int:
    from verify.experiments.registry import all_experiments
    from verify.language.catalog import load_catalog
    from verify.ledger.recorded import deciding, faults, here, unknown_experiments
    from verify.ledger.status import status_document
    from verify.ledger.store import Ledger

    catalog, known = load_catalog(root), all_experiments()
    chosen = common.select(catalog, arguments.targets)
    document = status_document(catalog, Ledger(root), deciding(here(root)), chosen)
    (common.print_json if arguments.json else _print)(document)
    unreadable = common.print_errors([*catalog.errors, *unknown_experiments(catalog.claims.values(), known)])
    for fault in faults(root, known):
        print(fault, file=sys.stderr)
        unreadable += 1
    problems = any(entry["problems"] for entry in document["claims"])
    return common.UNREADABLE if unreadable else common.REFUTED if problems else common.WELL


def _print(document: dict[str, Any]) -> None:
    rows = []
    for entry in document["claims"]:
        upstream = entry["upstream"]
        above = f"{common.marked(upstream['verdict'])} {upstream['weakest']}" if upstream["verdict"] else "-"
        fresh = "[yellow]stale[/yellow]" if entry["stale"] else "fresh"
        rows.append((entry["id"], common.marked(entry["verdict"]), entry["dimensions"] or "-", above, fresh,
                     "; ".join(entry["problems"]), entry["title"]))  # fmt: skip
    common.print_table(("claim", "verdict", "dimensions", "weakest upstream", "", "problems", "title"), rows)
    if document["unmeasured"]:
        print(f"experiments without a fresh record: verify experiment run {' '.join(document['unmeasured'])}")
