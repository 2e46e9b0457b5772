"""The history of verdicts: when each claim was first judged, and each time its verdict changed.

The ledger knows only how things stand, and the files of a release know no earlier one. So `verify/theory/verdicts.txt`
keeps one event a line, oldest first, and is only ever added to:

    2026-11-21 proved edm.precond
    2026-12-03 refuted edm.precond
    2026-12-04 removed edm.precond

No verdict is read from it: it is what the feeds tell and how old a claim is. `verify history add` writes what the
ledger says and the history does not say yet. Lines that begin with # are remarks.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from verify.files import write_atomically
from verify.language.errors import LanguageError
from verify.language.ids import CLAIM_ID
from verify.ledger.verdict import VERDICTS

PATH = Path("verify") / "theory" / "verdicts.txt"
REMOVED = "removed"
_FORM = "write DATE VERDICT ID, such as  2026-11-21 proved edm.precond"


@dataclass(frozen=True)
class Event:
    """On `date` (year-month-day) the claim `id` was found to be `verdict`, or was removed; `before`: what it was."""

    date: str
    verdict: str
    id: str
    before: str = ""

    def __str__(self) -> str:
        return f"{self.date} {self.verdict} {self.id}"


def read_history(text: str, file: str = str(PATH)) -> tuple[Event, ...]:
    """The events in `text`, oldest first. LanguageError with the place of the first line that cannot be right."""
    events: list[Event] = []
    now: dict[str, str] = {}
    offset = 0
    for line in text.split("\n"):
        if line.strip() and not line.startswith("#"):
            try:
                event = _read(line, events[-1].date if events else "", now)
            except LanguageError as error:
                raise error.located(file, text, offset) from None
            events.append(event)
            now[event.id] = event.verdict
        offset += len(line) + 1
    return tuple(events)


def load_history(root: Path) -> tuple[Event, ...]:
    """The history of the repository at `root`; empty when there is no file."""
    return read_history(_text(root))


def news(events: Iterable[Event], verdicts: Mapping[str, str], date: str) -> list[Event]:
    """What `verdicts` (id -> verdict) say and the history does not, as events of `date`; sorted by id."""
    now = {event.id: event.verdict for event in events}
    found = [
        Event(date, verdict, id_, now.get(id_, "")) for id_, verdict in verdicts.items() if now.get(id_) != verdict
    ]
    gone = [id_ for id_, verdict in now.items() if verdict != REMOVED and id_ not in verdicts]
    return sorted([*found, *(Event(date, REMOVED, id_, now[id_]) for id_ in gone)], key=lambda event: event.id)


def append(root: Path, events: Iterable[Event]) -> None:
    """Adds events at the end of the history. LanguageError when they contradict it; it is then left as it was."""
    before = _text(root)
    after = "".join([before, "" if before.endswith("\n") or not before else "\n", *(f"{event}\n" for event in events)])
    read_history(after)
    write_atomically(root / PATH, after)


def _read(line: str, last: str, now: Mapping[str, str]) -> Event:
    date, verdict, id_ = (*line.split(), "", "", "")[:3]
    if line != f"{date} {verdict} {id_}" or not CLAIM_ID.fullmatch(id_):
        raise LanguageError("this is no event of the history", (0, len(line)), _FORM)
    try:
        right = datetime.date.fromisoformat(date).isoformat() == date
    except ValueError:
        right = False
    if not right:
        raise LanguageError(f"{date!r} is no date", (0, len(date)), _FORM)
    if date < last:
        raise LanguageError(f"an event of {date} stands after one of {last}; the newest comes last", (0, len(date)))
    if verdict not in (*VERDICTS, REMOVED):
        raise LanguageError(f"no verdict {verdict!r}; there are {', '.join((*VERDICTS, REMOVED))}")
    if now.get(id_) == verdict or (verdict == REMOVED and id_ not in now):
        raise LanguageError(f"{id_} was {now.get(id_, 'not there')} before: that is no change", (0, len(line)))
    return Event(date, verdict, id_, now.get(id_, ""))


def _text(root: Path) -> str:
    return (root / PATH).read_text("utf-8") if (root / PATH).is_file() else ""
