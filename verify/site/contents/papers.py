"""Paper maps: which claim checks which numbered equation of a paper, and what is not covered or differs.

The claims' `source` fields say most of it. docs/papers.yml lists the numbers that somebody has seen in the paper,
names the claim where a source names no number, and gives the reason where there is no claim.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from verify.language.claim import Claim
from verify.site.contents.lists import Entry, ListError, read_list, unknown

FILE = "docs/papers.yml"
KEYS = ("claims", "why", "differs")
_NUMBERS = re.compile(r"\((\d+)\)(?:\s*[-–]\s*\((\d+)\))?")
_RANGE = re.compile(r"(\d+)(?:-(\d+))?")


@dataclass(frozen=True)
class Equation:
    """One row of a map: neighbouring numbers of which the same is true.

    claims   that check them
    why      the reason why none does, by language
    differs  what is different in the paper, by language
    """

    first: int
    last: int
    claims: tuple[str, ...]
    why: Mapping[str, str]
    differs: Mapping[str, str]

    @property
    def label(self) -> str:
        return f"({self.first})" if self.first == self.last else f"({self.first})–({self.last})"

    @property
    def count(self) -> int:
        return self.last - self.first + 1


@dataclass(frozen=True)
class PaperMap:
    """The map of one paper. `elsewhere`: (claim, place) for what is cited without the number of an equation."""

    key: str
    equations: tuple[Equation, ...]
    elsewhere: tuple[tuple[str, str], ...]

    @property
    def listed(self) -> int:
        return sum(equation.count for equation in self.equations)

    @property
    def covered(self) -> int:
        return sum(equation.count for equation in self.equations if equation.claims)

    @property
    def percent(self) -> int:
        """Share of the listed equations that a claim checks, rounded down."""
        return 100 * self.covered // self.listed if self.listed else 0


def read_papers(root: Path) -> dict[str, Entry]:
    """Work -> its list. ListError with file and line for what is no list of equations."""
    papers = read_list(root / FILE, FILE)
    for key, listed in papers.items():
        if not isinstance(listed, Entry):
            raise ListError(papers.place(f"{key} is a list of equations: `7: {{claims: [edm.precond]}}`"))
        for label, entry in listed.items():
            if not _RANGE.fullmatch(str(label)):
                raise ListError(listed.place(f"{label!r} is neither a number nor a range like 212-217"))
            if not isinstance(entry, Entry):
                raise ListError(listed.place(f"equation {label} needs an entry; {{}} where the claims say it all"))
            if wrong := unknown(entry, KEYS):
                raise ListError(entry.place(wrong))
            for name in {"why", "differs"} & entry.keys():
                if not entry.get(f"{name}-zh"):
                    raise ListError(entry.place(f"{name}-zh is missing: the Chinese of {name}"))
    return {str(key): listed for key, listed in papers.items()}


def cited_numbers(where: str) -> list[int]:
    """The equations that a source names: `(7), (117)-(119), Table 1` gives 7, 117, 118, 119."""
    return [number for first, last in _NUMBERS.findall(where) for number in range(int(first), int(last or first) + 1)]


def _spread(listed: Entry) -> dict[int, Entry]:
    """Every listed number with its entry."""
    found: dict[int, Entry] = {}
    for label, entry in listed.items():
        first, _, last = str(label).partition("-")
        found |= {number: entry for number in range(int(first), int(last or first) + 1)}
    return found


def _checkers(key: str, numbers: Mapping[int, Entry], claims: Mapping[str, Claim]) -> dict[int, tuple[str, ...]]:
    """Number -> the claims that check it: those whose source names it, then those that the list names."""
    found: dict[int, list[str]] = {number: [] for number in numbers}
    for claim in claims.values():
        for cited in claim.sources:
            for number in cited_numbers(cited.where) if cited.key == key else ():
                found.setdefault(number, []).append(claim.id)
    for number, entry in numbers.items():
        found[number] += entry.get("claims", ())
    return {number: tuple(dict.fromkeys(ids)) for number, ids in found.items()}


def paper_map(key: str, listed: Entry, claims: Mapping[str, Claim]) -> PaperMap:
    """The map of one paper; neighbouring numbers with the same claims and remarks are one row."""
    numbers = _spread(listed)
    checkers = _checkers(key, numbers, claims)
    rows: list[Equation] = []
    for number in sorted(numbers):
        entry = numbers[number]
        row = Equation(number, number, checkers[number], entry.text("why"), entry.text("differs"))
        last = rows[-1] if rows else None
        if last and last.last + 1 == number and _same(last, row):
            rows[-1] = Equation(last.first, number, row.claims, row.why, row.differs)
        else:
            rows.append(row)
    elsewhere = [
        (claim.id, cited.where)
        for claim in claims.values()
        for cited in claim.sources
        if cited.key == key and not cited_numbers(cited.where)
    ]
    return PaperMap(key, tuple(rows), tuple(elsewhere))


def _same(one: Equation, other: Equation) -> bool:
    return (one.claims, one.why, one.differs) == (other.claims, other.why, other.differs)


def paper_faults(papers: Mapping[str, Entry], claims: Mapping[str, Claim], works: Collection[str]) -> Iterator[str]:
    """What is wrong with the lists, and sources that name an equation which a list does not have."""
    for key, listed in papers.items():
        if key not in works:
            yield listed.place(f"no work `{key}` in the bibliography")
        numbers = _spread(listed)
        labels = [str(label) for label in listed]
        if len(numbers) < sum(_length(label) for label in labels):
            yield listed.place(f"an equation of {key} is listed twice")
        for number, ids in _checkers(key, numbers, claims).items():
            entry = numbers.get(number)
            if entry is None:
                claim = claims[ids[0]]
                yield f"{claim.file}:{claim.line}: {key} ({number}) is not in {FILE}: add it there if you have seen it"
                continue
            for id_ in entry.get("claims", ()):
                if id_ not in claims:
                    yield entry.place(f"no claim `{id_}`")
            if not ids and not entry.get("why"):
                yield entry.place(f"no claim cites {key} ({number}): say `claims` or `why` not")
            if ids and entry.get("why"):
                yield entry.place(f"{key} ({number}) has a reason for not being covered, and is covered by {ids[0]}")


def _length(label: str) -> int:
    first, _, last = label.partition("-")
    return int(last or first) - int(first) + 1
