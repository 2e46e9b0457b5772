"""Brings the ledgers and records of several folders together: what the shards of one run left on several machines.

An entry that is good today is never replaced by one that is stale: the freshest wins, whatever the order.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from verify.experiments.records import LOCAL, RecordError, read_record
from verify.language.catalog import Catalog
from verify.ledger.keys import is_fresh
from verify.ledger.store import FOLDER, Ledger


@dataclass
class Merged:
    """What a merge did: entries and records taken, those that changed inputs made useless, and damaged files."""

    entries: int = 0
    records: int = 0
    stale: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)


def merge(catalog: Catalog, root: Path, folders: list[Path]) -> Merged:
    """Take into `root` what `folders` have and it lacks. A folder is a repository's root, or its `.verify`.

    Raises FileNotFoundError for a folder with neither a ledger nor records.
    """
    found = Merged()
    target = Ledger(root)
    for folder in folders:
        source = folder.parent if folder.name == FOLDER.parts[0] else folder
        if not (source / FOLDER).is_dir() and not (source / LOCAL).is_dir():
            raise FileNotFoundError(f"{folder} holds neither {FOLDER} nor {LOCAL}")
        _merge_entries(catalog, target, Ledger(source), found)
        _merge_records(root / LOCAL, source / LOCAL, found)
    return found


def _merge_entries(catalog: Catalog, target: Ledger, source: Ledger, found: Merged) -> None:
    for claim in catalog.judged():
        if is_fresh(claim, target.entry(claim.id)):
            continue
        entry = source.entry(claim.id)
        if is_fresh(claim, entry) and entry:
            target.write(claim.id, {k: v for k, v in entry.items() if k not in ("schema", "id")})
            found.entries += 1
        elif entry:
            found.stale.append(claim.id)
    found.damaged += [str(source.folder / f"{name}.json") for name in source.damaged]


def _merge_records(target: Path, source: Path, found: Merged) -> None:
    for path in sorted(source.glob("*/*.json")):
        try:
            record = read_record(path)
        except RecordError as error:
            found.damaged.append(str(error))
            continue
        if record.stale():
            found.stale.append(record.name)
        elif _lacks(target / path.relative_to(source)):
            try:
                figures = {lang: (path.parent / name).read_text("utf-8") for lang, name in record.figure.items()}
            except (OSError, UnicodeDecodeError) as error:
                found.damaged.append(f"{path}: its figure cannot be read ({error})")
                continue
            record.write(target, figures)
            found.records += 1


def _lacks(path: Path) -> bool:
    """Is there no fresh record at this place?"""
    try:
        return bool(read_record(path).stale())
    except RecordError:
        return True
