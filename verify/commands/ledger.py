"""`verify ledger merge`: bring together what the shards of a run left in several folders."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from verify.commands import common

HELP = "merge the ledgers and records of several folders"
EXAMPLES = """examples:
  verify ledger merge shard-1 shard-2 shard-3     each a folder with .verify in it
  verify ledger merge artifacts/*                 then: verify status"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="merge")
    merging = actions.add_parser("merge", help="take what other folders have and this repository lacks")
    merging.add_argument("folders", nargs="+", type=Path, metavar="DIR", help="a repository's root, or its .verify")


def run(arguments: argparse.Namespace) -> int:
    from verify.language.catalog import load_catalog
    from verify.ledger.merge import merge

    root = common.find_root()
    try:
        found = merge(load_catalog(root), root, arguments.folders)
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return common.UNREADABLE
    except OSError as error:
        print(f"the ledger could not be written: {error}", file=sys.stderr)
        return common.OUR_ERROR
    print(f"took {found.entries} claims and {found.records} records")
    if found.stale:
        names = ", ".join(dict.fromkeys(found.stale))
        print(f"left out as stale, from another state of the sources: {names}", file=sys.stderr)
    for damaged in found.damaged:
        print(f"left out as damaged: {damaged}", file=sys.stderr)
    return common.UNREADABLE if found.damaged else common.WELL
