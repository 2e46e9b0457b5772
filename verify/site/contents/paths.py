"""Learning paths: docs/paths.yml says which claims in which stage, the claims say what has to come before.

A path is a list of stages, a stage a list of steps. A step is one claim to understand, or something to do whose
question that claim answers. The site shows what each step needs and refuses a path that needs something too late.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from verify.language.claim import Claim
from verify.site.contents.lists import Entry, ListError, read_list, unknown

FILE = "docs/paths.yml"
PATH_KEYS = ("title", "after", "stages")
STAGE_KEYS = ("title", "steps")
STEP_KEYS = ("claim", "do", "page", "minutes", "ask")


@dataclass(frozen=True)
class Step:
    """One step. `claim` answers its question `ask`; `do` names what to do on `page`, a page of the site."""

    claim: str
    minutes: int
    ask: Mapping[str, str]
    do: Mapping[str, str]
    page: str
    line: int

    @property
    def key(self) -> str:
        """What its tick is kept under: a claim that two paths share is ticked in both."""
        return self.page.removesuffix(".html").replace("/", "-") if self.page else self.claim


@dataclass(frozen=True)
class Stage:
    title: Mapping[str, str]
    steps: tuple[Step, ...]

    @property
    def minutes(self) -> int:
        return sum(step.minutes for step in self.steps)


@dataclass(frozen=True)
class LearningPath:
    """`after` names the path that it goes on from, '' when it starts from nothing."""

    name: str
    title: Mapping[str, str]
    after: str
    stages: tuple[Stage, ...]
    line: int

    @property
    def steps(self) -> list[Step]:
        return [step for stage in self.stages for step in stage.steps]

    @property
    def minutes(self) -> int:
        return sum(stage.minutes for stage in self.stages)


def read_paths(root: Path) -> dict[str, LearningPath]:
    """The learning paths of the project at `root`. ListError with file and line for what is no path."""
    return {name: _path(name, entry) for name, entry in read_list(root / FILE, FILE).items()}


def _path(name: str, entry: Entry) -> LearningPath:
    _checked(entry, PATH_KEYS, "title", "stages")
    return LearningPath(
        name, entry.text("title"), entry.get("after", ""), tuple(map(_stage, entry["stages"])), entry.line
    )


def _stage(entry: Entry) -> Stage:
    _checked(entry, STAGE_KEYS, "title", "steps")
    return Stage(entry.text("title"), tuple(map(_step, entry["steps"])))


def _step(entry: Entry) -> Step:
    _checked(entry, STEP_KEYS, "claim", "minutes", "ask")
    if not isinstance(entry["minutes"], int) or not 0 < entry["minutes"] <= 600:
        raise ListError(entry.place(f"minutes is a whole number from 1 to 600, not {entry['minutes']!r}"))
    if bool(entry.get("do")) != bool(entry.get("page")):
        raise ListError(entry.place("something to do has both `do` and `page`"))
    page = str(entry.get("page", "")).removesuffix(".md")
    return Step(
        entry["claim"],
        entry["minutes"],
        entry.text("ask"),
        entry.text("do"),
        f"{page}.html" if page else "",
        entry.line,
    )


def _checked(entry: object, keys: tuple[str, ...], *needed: str) -> None:
    if not isinstance(entry, Entry):
        raise ListError(f"{FILE}:1: an entry with {', '.join(needed)} is expected, not {entry!r}")
    if wrong := unknown(entry, keys):
        raise ListError(entry.place(wrong))
    if missing := [name for name in needed if not entry.get(name)]:
        raise ListError(entry.place(f"{missing[0]} is missing"))
    for name in {"title", "ask", "do"} & entry.keys():
        if not entry.get(f"{name}-zh"):
            raise ListError(entry.place(f"{name}-zh is missing: the Chinese of {name}"))


def foundations(id_: str, claims: Mapping[str, Claim]) -> set[str]:
    """Every claim that `id_` rests on, directly or through others."""
    found: set[str] = set()
    ahead = list(claims[id_].uses)
    while ahead:
        used = ahead.pop()
        if used not in found and used in claims:
            found.add(used)
            ahead += claims[used].uses
    return found


def earlier(id_: str, claims: Mapping[str, Claim]) -> set[str]:
    """Every claim to be read before `id_`: what it rests on and what it says is to be read first, all the way."""
    found: set[str] = set()
    ahead = [id_]
    while ahead:
        claim = claims[ahead.pop()]
        fresh = {name for name in (*claim.uses, *claim.after) if name in claims} - found
        found |= fresh
        ahead += fresh
    return found - {id_}


def before(path: LearningPath, paths: Mapping[str, LearningPath]) -> list[Step]:
    """The steps of the paths that this one goes on from."""
    earlier: list[Step] = []
    seen = {path.name}
    while path.after in paths and path.after not in seen:
        path = paths[path.after]
        seen.add(path.name)
        earlier = [*path.steps, *earlier]
    return earlier


def needs(step: Step, steps: list[Step], claims: Mapping[str, Claim]) -> tuple[list[Step], list[str]]:
    """What a step rests on: the steps among `steps` that teach it, and the claims that none of them teaches."""
    used = foundations(step.claim, claims)
    taught = [other for other in steps if other.claim in used and not other.page]
    return taught, sorted(used - {other.claim for other in taught})


def path_faults(paths: Mapping[str, LearningPath], claims: Mapping[str, Claim], pages: set[str]) -> Iterator[str]:
    """What is wrong with the paths, as `file:line: message`.

    pages  addresses of the pages that a step may send its reader to
    """
    for path in paths.values():
        if path.after and path.after not in paths:
            yield f"{FILE}:{path.line}: no path {path.after!r} to come after"
        known = {step.claim for step in before(path, paths)}
        keys = [step.key for step in path.steps]
        later = {step.claim for step in path.steps if not step.page}
        for step in path.steps:
            place = f"{FILE}:{step.line}"
            if step.claim not in claims:
                yield f"{place}: no claim `{step.claim}`"
                continue
            if keys.count(step.key) > 1:
                yield f"{place}: {step.key} is twice in the path {path.name}"
            if step.page and step.page not in pages:
                yield f"{place}: no page {step.page}"
            used, ahead = foundations(step.claim, claims), later - known - {step.claim}
            for other in sorted(earlier(step.claim, claims) & ahead):
                tie = "uses" if other in used else "is to be read after"
                yield f"{place}: {step.claim} {tie} {other}, which comes later in the path {path.name}"
            known.add(step.claim)
