r"""The register of ids: every id that was ever published, what became of it, and where its link leads now.

An id is for ever. Papers, pages and issues link to `claims/edm.html#edm.precond`, so the address has to answer after
the claim is gone. `verify/theory/ids.txt` keeps one event a line, oldest first, and is only ever added to:

    live gauss.sum
    renamed gauss.sum to gauss.addition
    retired gauss.gone for gauss.addition: It held only for even d. | 它只对偶数维成立。
    retired gauss.lost: Nothing used it.

The last line about an id holds, so an event is undone by a later one, never by taking it out. The reason is in
English, after ` | ` also in 中文. An id with a dot is a claim's, one without is a question's. Lines that begin with #
are remarks.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from verify.files import write_atomically
from verify.language.errors import LanguageError

PATH = Path("verify") / "theory" / "ids.txt"
LIVE, RENAMED, RETIRED = "live", "renamed", "retired"
CLAIM_ID = re.compile(r"[a-z][a-z0-9]*(?:\.[a-z0-9][a-z0-9-]*)+")
QUESTION_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
MAX_REGISTER, MAX_LINE, MAX_ID = 5_000_000, 600, 100  # characters
_EVENT = re.compile(
    r"live (?P<live>\S+)|renamed (?P<old>\S+) to (?P<new>\S+)"
    r"|retired (?P<gone>[^\s:]+)(?: for (?P<successor>[^\s:]+))?: (?P<en>[^|]*[^|\s])(?: \| (?P<zh>[^|]*[^|\s]))?"
)
_FORMS = "live ID  |  renamed OLD to NEW  |  retired ID [for SUCCESSOR]: reason [| 理由]"


@dataclass(frozen=True)
class Id:
    """What became of one id. `to` is its new name or its successor, `reason` why it was retired, by language code."""

    id: str
    state: str
    to: str = ""
    reason: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_claim(self) -> bool:
        return "." in self.id


@dataclass(frozen=True)
class Register:
    """Every id in the order of its first event, with its last state."""

    ids: Mapping[str, Id] = field(default_factory=dict)

    def of(self, state: str) -> list[Id]:
        """The ids in one state, sorted by name."""
        return sorted((one for one in self.ids.values() if one.state == state), key=lambda one: one.id)

    @property
    def gone(self) -> list[Id]:
        """The renamed and the retired ones: no claim or question answers under them any more."""
        return [one for one in self.ids.values() if one.state != LIVE]

    def now(self, id_: str) -> str:
        """The live id that `id_` stands for today: itself, its newest name or successor; '' when there is none."""
        while id_ in self.ids and self.ids[id_].state != LIVE:
            id_ = self.ids[id_].to
        return id_ if id_ in self.ids else ""

    def new(self, present: Iterable[str]) -> list[str]:
        """The ids among `present` that the register does not know yet."""
        return [id_ for id_ in present if id_ not in self.ids]

    def faults(self, present: Iterable[str]) -> list[str]:
        """What the register and the ids that exist now say differently, one sentence each.

        New ids are no fault: a claim that is being written is registered when it is done (`new`).
        """
        present = set(present)
        lost = [one.id for one in self.of(LIVE) if one.id not in present]
        taken = [one for one in self.gone if one.id in present]
        return [
            f"{id_} is registered as live, but nothing defines it any more; its links would be dead. Put it back, "
            f"or say what became of it: verify ids retire {id_} --reason ...  or  verify ids rename {id_} NEW"
            for id_ in lost
        ] + [
            f"{one.id} is defined, but the register calls it {one.state} and its link leads "
            f"{'to ' + one.to if one.to else 'to its tombstone'}. Choose another id, or bring this one back: "
            f"verify ids add {one.id}"
            for one in taken
        ]


def read_register(text: str, file: str = str(PATH)) -> Register:
    """The register in `text`. LanguageError with the place of the first line that cannot be read."""
    if len(text) > MAX_REGISTER:
        raise LanguageError(f"{file}: larger than {MAX_REGISTER:,} characters")
    ids: dict[str, Id] = {}
    places: dict[str, tuple[int, int]] = {}
    offset = 0
    for line in text.split("\n"):
        if line.strip() and not line.startswith("#"):
            try:
                one = _read(line.rstrip())
            except LanguageError as error:
                raise error.located(file, text, offset) from None
            ids[one.id], places[one.id] = one, (offset, offset + len(line))
        offset += len(line) + 1
    for one in ids.values():
        if problem := _leads_nowhere(one, ids):
            raise LanguageError(problem, places[one.id]).located(file, text)
    return Register(ids)


def load_register(root: Path) -> Register:
    """The register of the repository at `root`; an empty one when there is no file."""
    return read_register(text_of(root))


def text_of(root: Path) -> str:
    """The register's file, '' when there is none."""
    path = root / PATH
    if not path.is_file():
        return ""
    data = path.read_bytes()
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        problem = LanguageError(f"byte {error.start} is not UTF-8 text", suggestion="save the file as UTF-8")
        problem.file, problem.line, problem.column = str(PATH), data.count(b"\n", 0, error.start) + 1, 1
        raise problem from None


def rewritten(before: str, after: str) -> list[str]:
    """The events of `before` that `after` lacks: what was taken out of a register that is only ever added to."""
    kept = Counter(_events(after))
    kept.subtract(Counter(_events(before)))
    return [line for line in dict.fromkeys(_events(before)) if kept[line] < 0]


def live(id_: str) -> str:
    """The line that registers an id, or brings it back."""
    return _line(f"live {id_}")


def renamed(old: str, new: str) -> str:
    """The line that sends the links of `old` to `new`."""
    return _line(f"renamed {old} to {new}")


def retired(id_: str, reason: str, reason_zh: str = "", successor: str = "") -> str:
    """The line that retires an id."""
    heirs = f" for {successor}" if successor else ""
    more = f" | {' '.join(reason_zh.split())}" if reason_zh else ""
    return _line(f"retired {id_}{heirs}: {' '.join(reason.split())}{more}")


def place(root: Path) -> Path:
    """Where the register is written. LanguageError outside of a repository."""
    if not (root / PATH).parent.is_dir():
        raise LanguageError(f"there is no {PATH.parent} here", suggestion="run it inside the repository")
    return root / PATH


def append(root: Path, lines: Iterable[str]) -> Register:
    """Add events at the end of the register and return what it says then.

    LanguageError when an event contradicts it; the file is then left as it was. It is replaced in one move, so a
    reader never sees half of it.
    """
    path, before = place(root), text_of(root)
    after = "".join([before, "" if before.endswith("\n") or not before else "\n", *(f"{line}\n" for line in lines)])
    register = read_register(after)
    write_atomically(path, after)
    return register


def _read(line: str) -> Id:
    if len(line) > MAX_LINE:
        raise LanguageError(f"a line of the register has at most {MAX_LINE} characters", (0, MAX_LINE))
    found = _EVENT.fullmatch(line)
    if not found:
        raise LanguageError("this is no event of the register", (0, len(line)), f"write one of:  {_FORMS}")
    for name in ("live", "old", "new", "gone", "successor"):
        if found[name] is not None and not _is_id(found[name]):
            help_ = "write topic.name for a claim, some-words for a question"
            raise LanguageError(f"{found[name]!r} is not an id", found.span(name), help_)
    if found["live"]:
        return Id(found["live"], LIVE)
    if found["old"]:
        return Id(found["old"], RENAMED, found["new"])
    reason = {"en": found["en"], **({"zh": found["zh"]} if found["zh"] else {})}
    return Id(found["gone"], RETIRED, found["successor"] or "", reason)


def _line(text: str) -> str:
    """`text` as a line of the register. LanguageError when it would not read back."""
    try:
        _read(text)
    except LanguageError as error:
        raise error.located("(new event)", text) from None
    return text


def _leads_nowhere(one: Id, ids: Mapping[str, Id]) -> str:
    """Why the link of a renamed or retired id would not end, '' when it does."""
    seen = [one.id]
    while one.state != LIVE and one.to:
        if one.to not in ids:
            return f"{one.id} leads to {one.to}, which is not registered"
        if ("." in one.to) != ("." in one.id):
            return f"{one.id} leads to {one.to}; a claim cannot become a question, nor a question a claim"
        one = ids[one.to]
        if one.id in seen:
            return "this leads back to itself: " + " -> ".join([*seen, one.id])
        seen.append(one.id)
    return ""


def _is_id(text: str) -> bool:
    return len(text) <= MAX_ID and bool((CLAIM_ID if "." in text else QUESTION_ID).fullmatch(text))


def _events(text: str) -> list[str]:
    return [line.rstrip() for line in text.split("\n") if line.strip() and not line.startswith("#")]
