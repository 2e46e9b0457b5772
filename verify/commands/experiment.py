"""`verify experiment list|run`: the experiments behind claims, on the CPU or a GPU."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from verify.commands import common
from verify.experiments.records import COMMITTED, LOCAL
from verify.experiments.registry import UnknownExperiment, all_experiments

HELP = "list experiments, or run one and keep its record"
EXAMPLES = """examples:
  verify experiment list
  verify experiment run edm-order
  verify experiment run edm --device cuda --dtype float32 --seed 1 --record"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="list|run")
    listing = actions.add_parser("list", help="name, claims, newest record")
    listing.add_argument("--json", action="store_true")
    runner = actions.add_parser("run", help="run experiments by name or topic")
    runner.add_argument("name", help="an experiment or a topic")
    runner.add_argument("--device", default="cpu", help="cpu or cuda (default: cpu)")
    runner.add_argument("--dtype", default="float64", help="float64 or float32 (default: float64)")
    runner.add_argument("--seed", type=int, default=0)
    runner.add_argument("--record", action="store_true", help="keep the record in records/, to be committed")
    runner.add_argument("--json", action="store_true", help="print the record")


def run(arguments: argparse.Namespace) -> int:
    return _list(arguments) if arguments.action == "list" else _run(arguments)


def _list(arguments: argparse.Namespace) -> int:
    from verify.ledger.standing import newest

    root = common.find_root()
    records = newest(root / LOCAL, root / COMMITTED)
    entries = all_experiments()
    if arguments.json:
        common.print_json([
            {"name": e.name, "title": e.title["en"], "claims": list(e.claims), "topic": e.topic,
             "verdict": records[e.name].verdict if e.name in records else None} for e in entries.values()
        ])  # fmt: skip
        return common.WELL
    rows = []
    for entry in entries.values():
        record = records.get(entry.name)
        state = (
            f"{record.verdict} on {record.device}" + (" (stale)" if record.stale() else "") if record else "never run"
        )
        rows.append((entry.name, state, ", ".join(entry.claims), entry.title["en"]))
    common.print_table(("experiment", "newest record", "claims", "title"), rows)
    return common.WELL


def _run(arguments: argparse.Namespace) -> int:
    entries = all_experiments()
    names = [e.name for e in entries.values() if arguments.name in (e.name, e.topic)]
    if not names:
        raise UnknownExperiment(
            f"no experiment and no topic is named {arguments.name!r}; there are: {', '.join(entries)}"
        )
    from verify.experiments.run import SettingError, perform

    root = common.find_root()
    folder = root / (COMMITTED if arguments.record else LOCAL)
    code = common.WELL
    for name in names:
        try:
            with common.progress_bar(name) as advance:
                outcome = perform(name, arguments.device, arguments.dtype, arguments.seed, advance)
        except SettingError as error:
            print(error, file=sys.stderr)
            return common.UNREADABLE
        path = outcome.write(folder)
        _print(outcome.record, path, arguments.json)
        if outcome.record.verdict != "confirmed":
            code = common.REFUTED
    return code


def _print(record, path: Path, as_json: bool) -> None:  # noqa: ANN001
    if as_json:
        print(record.to_json())
        return
    rows = [
        (check["name"], check["verdict"], _number(check["predicted"]), _number(check["estimate"]),
         f"[{_number(check['low'])}, {_number(check['high'])}]") for check in record.checks
    ]  # fmt: skip
    common.print_table(("check", "verdict", "predicted", "measured", "interval"), rows, title=record.name)
    rejected = sum(bool(variant["rejected"]) for variant in record.variants)
    print(f"{record.verdict}; wrong variants rejected: {rejected} of {len(record.variants)}; "
          f"{record.seconds:.1f} s on {record.device_name}; record: {path}")  # fmt: skip


def _number(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float | int) else str(value)
