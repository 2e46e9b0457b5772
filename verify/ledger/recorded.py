"""Which records stand for an experiment: one for each device and dtype, and the one that decides.

No torch is imported. Records made here lie below `.verify/records`, committed ones below `records`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from verify.experiments.records import COMMITTED, DEVICES, LOCAL, Record, load_records
from verify.language.claim import Claim
from verify.language.errors import LanguageError
from verify.sources import Seen

_GRAVITY = ("refuted", "inconclusive", "confirmed")


@dataclass(frozen=True)
class Kept:
    """One record, the root folder it lies in, and the modules that changed since it was made."""

    record: Record
    root: Path
    changed: tuple[str, ...]

    @property
    def fresh(self) -> bool:
        return not self.changed

    @property
    def path(self) -> Path:
        return self.root / self.record.topic / f"{self.record.stem}.json"


def gather(*roots: Path) -> tuple[dict[str, list[Kept]], list[str]]:
    """The records of each experiment, the deciding one first; and one sentence for each file that holds no record.

    Of several records of one device and dtype the newest fresh one is kept. A fresh record decides before a stale
    one; among fresh ones the gravest verdict decides, so that one device cannot outvote another; then the newest.
    """
    kept: dict[tuple[str, str], Kept] = {}
    problems: list[str] = []
    seen: Seen = {}
    for root in roots:
        records, damaged = load_records(root)
        problems += damaged
        for record in records:
            new = Kept(record, root, tuple(record.stale(seen)))
            old = kept.get((record.name, record.stem))
            if old is None or (new.fresh, record.date) > (old.fresh, old.record.date):
                kept[record.name, record.stem] = new
    found: dict[str, list[Kept]] = {}
    for (name, _), one in kept.items():
        found.setdefault(name, []).append(one)
    return {name: _ordered(several) for name, several in sorted(found.items())}, problems


def _ordered(several: list[Kept]) -> list[Kept]:
    newest = sorted(several, key=lambda one: one.record.date, reverse=True)
    return sorted(newest, key=lambda one: (not one.fresh, _GRAVITY.index(one.record.verdict) if one.fresh else 0))


def deciding(kept: dict[str, list[Kept]]) -> dict[str, Record]:
    """The record that decides for each experiment, by name."""
    return {name: several[0].record for name, several in kept.items()}


def unrecorded(several: Iterable[Kept]) -> list[str]:
    """The devices from which an experiment with these records has no fresh one."""
    seen = {one.record.device for one in several if one.fresh}
    return [device for device in DEVICES if device not in seen]


def newest(*roots: Path) -> dict[str, Record]:
    """The deciding record of each experiment below `roots`; files that hold no record are left out."""
    return deciding(gather(*roots)[0])


def here(root: Path) -> dict[str, list[Kept]]:
    """The records of each experiment of a repository, made here or committed. Files that hold none are left out."""
    return gather(root / LOCAL, root / COMMITTED)[0]


def unknown_experiments(claims: Iterable[Claim], known: Collection[str]) -> list[LanguageError]:
    """One error for each experiment that a claim or one of its mistakes names and nobody has written."""
    errors = []
    for claim in claims:
        named = [*claim.experiments, *(m.experiment for m in claim.mistakes if m.experiment)]
        for name in dict.fromkeys(named):
            if name not in known:
                message = f"{claim.id} names the experiment {name}, which does not exist"
                tip = "see `verify experiment list`"
                errors.append(LanguageError.at_line(claim.file, claim.line, message, tip))
    return errors


def faults(root: Path, known: Collection[str]) -> Iterator[str]:
    """One sentence for each committed record that is damaged, contradicts itself, or has no experiment any more."""
    kept, damaged = gather(root / COMMITTED)
    yield from damaged
    for name, several in kept.items():
        if name not in known:
            for one in several:
                yield f"{one.path}: a record of the experiment {name}, which does not exist; remove it or rename it"
        for one in several:
            for contradiction in one.record.contradictions():
                yield f"{one.path}: {contradiction}; run its experiment again"
