"""`verify history`: when verdicts changed. The feeds of the site tell it to readers."""

from __future__ import annotations

import argparse
import datetime
from pathlib import Path

from verify.commands import common
from verify.ledger import history
from verify.ledger.history import Event

HELP = "the history of verdicts: what changed since its last line"
EXAMPLES = """examples:
  verify history                what the ledger says and the history does not
  verify history add            write it there, under today's date"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", nargs="?", choices=["add"], help="write what is new")
    parser.add_argument("--date", type=_day, default=None, help="year-month-day (default: today)")


def run(arguments: argparse.Namespace) -> int:
    root = common.find_root()
    events = missing(root, arguments.date or datetime.date.today().isoformat())
    if arguments.action == "add":
        history.append(root, events)
    for event in events:
        print(event, f"(was {event.before})" if event.before else "(new)")
    print(f"{history.PATH}: {len(events)} {'added' if arguments.action == 'add' else 'not there yet'}")
    return common.WELL


def missing(root: Path, date: str) -> list[Event]:
    """What the history of the repository at `root` does not say yet. A stale verdict is none: it waits for the next."""
    from verify.language.catalog import load_catalog
    from verify.ledger.recorded import deciding, here
    from verify.ledger.standing import standings
    from verify.ledger.store import Ledger

    events = history.load_history(root)
    now = {event.id: event.verdict for event in events}
    found = standings(load_catalog(root), Ledger(root), deciding(here(root)))
    verdicts = {id_: now.get(id_, "") if stands.stale else stands.verdict for id_, stands in found.items()}
    return [event for event in history.news(events, verdicts, date) if event.verdict]


def _day(text: str) -> str:
    try:
        return datetime.date.fromisoformat(text).isoformat()
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day like 2026-11-21") from None
