"""`verify experiment list|run|compare`: the experiments behind claims, on the CPU or a GPU, here or on a cluster."""

from __future__ import annotations

import argparse
import dataclasses
import difflib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from verify.commands import common
from verify.experiments.records import COMMITTED, DEVICES, LOCAL, Record, RecordError, read_record
from verify.experiments.registry import Entry, all_experiments, select
from verify.ledger.recorded import Kept, gather, here, unrecorded
from verify.running.engine import EngineError
from verify.running.options import add_engine_arguments, place_of

if TYPE_CHECKING:
    from verify.experiments.compare import Comparison

HELP = "list experiments, run them and keep their records, compare two records"
EXAMPLES = """examples:
  verify experiment list
  verify experiment run edm-order
  verify experiment run edm --device cuda --dtype float32 --seed 1 --record
  verify experiment run all --shard 2/8
  verify experiment compare edm-order.cpu.float64 edm-order.cuda.float64"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="list|run|compare")
    listing = actions.add_parser("list", help="name, records, claims")
    listing.add_argument("--json", action="store_true")
    runner = actions.add_parser("run", help="run experiments by name or topic")
    runner.add_argument("names", nargs="+", metavar="NAME|topic|all", help="what to run")
    runner.add_argument("--device", default="cpu", help="cpu or cuda (default: cpu)")
    runner.add_argument("--dtype", default="float64", help="float64 or float32 (default: float64)")
    runner.add_argument("--seed", type=int, default=0)
    runner.add_argument("--record", action="store_true", help="keep the records in records/, to be committed")
    runner.add_argument("--json", action="store_true", help="print the record, or the list of records")
    add_engine_arguments(runner)
    comparing = actions.add_parser("compare", help="two records of one experiment, check by check")
    comparing.add_argument("first", metavar="A", help="a record: its path, or NAME.device.dtype")
    comparing.add_argument("second", metavar="B")
    comparing.add_argument("--json", action="store_true")


def run(arguments: argparse.Namespace) -> int:
    return {"list": _list, "run": _run, "compare": _compare}[arguments.action](arguments)


# -- list -----------------------------------------------------------------------------------------------------------


def _list(arguments: argparse.Namespace) -> int:
    root, entries = common.find_root(), all_experiments()
    kept, damaged = gather(root / LOCAL, root / COMMITTED)
    if arguments.json:
        common.print_json([
            {"name": e.name, "title": e.title["en"], "claims": list(e.claims), "topic": e.topic, "quick": e.quick,
             "verdict": kept[e.name][0].record.verdict if e.name in kept else None,
             "records": [_record_json(one) for one in kept.get(e.name, ())]} for e in entries.values()
        ])  # fmt: skip
    else:
        rows = [
            (e.name, "" if e.quick else "long", "; ".join(_state(one) for one in kept.get(e.name, ())) or "never run",
             ", ".join(e.claims), e.title["en"]) for e in entries.values()
        ]  # fmt: skip
        common.print_table(("experiment", "", "records", "claims", "title"), rows)
        for device in DEVICES:
            missing = [name for name in entries if device in unrecorded(kept.get(name, ()))]
            if missing:
                named = "all" if len(missing) == len(entries) else " ".join(missing)
                print(f"{len(missing)} of {len(entries)} without a fresh record on {device}: "
                      f"verify experiment run {named} --device {device} --record")  # fmt: skip
    for problem in damaged:
        print(problem, file=sys.stderr)
    return common.WELL


def _state(kept: Kept) -> str:
    record = kept.record
    return f"{record.verdict} on {record.device} {record.dtype}" + ("" if kept.fresh else " (stale)")


def _record_json(kept: Kept) -> dict[str, object]:
    record = kept.record
    return {"device": record.device, "dtype": record.dtype, "verdict": record.verdict, "date": record.date,
            "changed": list(kept.changed)}  # fmt: skip


# -- run ------------------------------------------------------------------------------------------------------------


def _run(arguments: argparse.Namespace) -> int:
    """Every record is written as soon as its experiment ends, so an interrupted run keeps what is done."""
    entries = arguments.shard.of(select(arguments.names))
    root = common.find_root()
    folder = root / (COMMITTED if arguments.record else LOCAL)
    records: list[Record] = []
    from verify.experiments.experiment import Powerless
    from verify.experiments.run import SettingError
    from verify.running.engine import OurError

    try:
        records += _measured(arguments, entries, folder)
    except (SettingError, EngineError, Powerless) as error:
        print(error, file=sys.stderr)
        return common.UNREADABLE
    except OurError as error:
        print(f"internal error while measuring {error}", file=sys.stderr)
        return common.OUR_ERROR
    except OSError as error:
        print(f"a record could not be written: {error}", file=sys.stderr)
        return common.OUR_ERROR
    if arguments.json:
        documents = [dataclasses.asdict(record) for record in records]
        common.print_json(documents[0] if len(documents) == 1 else documents)
    elif len(records) > 1:
        _print_summary(records)
    return common.WELL if all(record.verdict == "confirmed" for record in records) else common.REFUTED


def _measured(arguments: argparse.Namespace, entries: list[Entry], folder: Path) -> list[Record]:
    from verify.experiments.run import make_setting
    from verify.running.measure import measure

    if arguments.on == "local":  # a cluster's nodes know their own devices
        make_setting(arguments.device, arguments.dtype, arguments.seed)
    records = []
    with place_of(arguments).cluster() as cluster, common.progress_bar("measuring") as advance:
        names = [entry.name for entry in entries]
        for outcome in measure(names, arguments.device, arguments.dtype, arguments.seed, cluster, advance):
            path = outcome.write(folder)
            records.append(outcome.record)
            if not arguments.json:
                _print(outcome.record, path)
    return records


def _print(record: Record, path: Path) -> None:
    rows = [
        (check["name"], check["verdict"], _number(check["predicted"]), _number(check["estimate"]),
         f"[{_number(check['low'])}, {_number(check['high'])}]") for check in record.checks
    ]  # fmt: skip
    common.print_table(("check", "verdict", "predicted", "measured", "interval"), rows, title=record.name)
    print(f"{record.verdict}{': ' * bool(record.reason)}{record.reason}; wrong variants rejected: {_rejected(record)}; "
          f"{record.seconds:.1f} s on {record.device_name}; record: {path}", flush=True)  # fmt: skip


def _print_summary(records: list[Record]) -> None:
    rows = [(r.name, r.verdict, _rejected(r), f"{r.seconds:.1f} s", r.reason) for r in records]
    common.print_table(("experiment", "verdict", "wrong variants rejected", "", ""), rows)


def _rejected(record: Record) -> str:
    return f"{sum(bool(v['rejected']) for v in record.variants)} of {len(record.variants)}"


def _number(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float | int) else str(value)


# -- compare --------------------------------------------------------------------------------------------------------


def _compare(arguments: argparse.Namespace) -> int:
    from verify.experiments.compare import OtherQuestion, compare

    root = common.find_root()
    try:
        first, second = (_named(root, text) for text in (arguments.first, arguments.second))
        found = compare(first, second)
    except (RecordError, OtherQuestion) as error:
        print(error, file=sys.stderr)
        return common.UNREADABLE
    if arguments.json:
        common.print_json({
            "name": first.name, "first": _made(first), "second": _made(second), "agree": found.agree,
            "checks": [dataclasses.asdict(check) for check in found.checks], "variants": found.variants,
        })  # fmt: skip
    else:
        _print_comparison(found, first, second)
    return common.WELL if found.agree else common.REFUTED


def _named(root: Path, text: str) -> Record:
    """The record at a path, or the one with that stem: the newest fresh one made here or committed."""
    if Path(text).suffix == ".json" or Path(text).is_file():
        return read_record(Path(text))
    kept = {one.record.stem: one.record for several in here(root).values() for one in several}
    if text not in kept:
        near = sorted(kept, key=lambda name: -difflib.SequenceMatcher(None, text, name).ratio())
        raise RecordError(f"no record is named {text!r}; there are: {', '.join(near) or 'none'}")
    return kept[text]


def _made(record: Record) -> dict[str, object]:
    return {"device": record.device, "device_name": record.device_name, "dtype": record.dtype,
            "versions": record.versions, "date": record.date, "seconds": record.seconds}  # fmt: skip


def _print_comparison(found: Comparison, first: Record, second: Record) -> None:
    rows = [
        (c.name, c.kind, _number(c.first), _number(c.second), "-" if c.difference is None else f"{c.difference:.2g}",
         f"{c.tolerance:.2g}", "agree" if c.agree else f"DISAGREE ({c.verdicts[0]}, {c.verdicts[1]})")
        for c in found.checks
    ]  # fmt: skip
    columns = ("check", "kind", *(f"{r.device} {r.dtype}" for r in (first, second)), "difference", "tolerance", "")
    common.print_table(columns, rows, title=first.name)
    bad = sum(not check.agree for check in found.checks)
    for variant in found.variants:
        print(f"only one of the two rejects the wrong variant {variant}")
    print(f"{len(found.checks) - bad} of {len(found.checks)} checks agree, on the same latents (seed {first.seed})")
