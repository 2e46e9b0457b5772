"""What became stronger, weaker or different between two status documents. Pure data in, pure data out.

A change that weakens must be explained by whoever makes it; every other one is news.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from verify.language.errors import LanguageError
from verify.language.ids import RETIRED, Register
from verify.ledger.verdict import PROVED, REFUTED, VERDICTS

# In the order of a report: what must be looked at comes first.
KINDS = {
    "refuted": "newly refuted",
    "weakened": "weakened",
    "removed": "ids removed",
    "passes": "mistakes no longer refuted",
    "dropped": "checks removed",
    "survives": "mutants surviving",
    "edited": "edited by hand",
    "strange": "no plain file",
    "problem": "new problems",
    "stale": "stale",
    "restated": "says something else",
    "upstream": "rests on something weaker",
    "renamed": "renamed",
    "proved": "newly proved",
    "stronger": "stronger",
    "added": "new claims",
}
WEAKENS = ("refuted", "weakened", "removed", "passes", "dropped", "survives", "edited", "strange", "problem", "stale")
UNREGISTERED = Register()
_WIDTH = {"any": 3, "scalar": 2, "1, 2, 3": 1}  # how much a proof covers
_SAID = ("a step is refuted", "the mistake ")  # problems that the verdicts and the mistakes already tell
_FIELDS = {
    "id": str, "verdict": str, "routes": dict, "dimensions": str, "upstream": dict, "stale": bool, "problems": list,
    "says": str, "declared": list, "uses": list, "mistakes": list, "survived": int,
}  # fmt: skip


@dataclass(frozen=True)
class Change:
    """One thing that differs: its kind (see KINDS), the claim or file it is about, and what, in words."""

    kind: str
    id: str
    words: str

    @property
    def weakens(self) -> bool:
        return self.kind in WEAKENS


def compare(base: dict[str, Any], head: dict[str, Any], register: Register = UNREGISTERED) -> list[Change]:
    """All changes from one status document to another, the gravest kind first, then by id.

    `register` says what became of the ids of the base: a renamed claim is compared with itself.
    """
    before, after = _by_id(base, "the base"), _by_id(head, "the head")
    judges = base.get("judges") if base.get("judges") == head.get("judges") else None
    found: list[Change] = []
    for name in sorted(before.keys() - after.keys()):
        new = register.now(name)
        if new in after and new not in before and register.ids[name].state != RETIRED:
            found.append(Change("renamed", name, f"now {new}"))
            before[new] = {**before.pop(name), "id": new}
    for name in sorted(before.keys() | after.keys()):
        if name not in after:
            found.append(_removed(name, before, after, register))
        elif name not in before:
            found += _added(after[name])
        else:
            found += _changed(before[name], after[name])
            if judges and (contradiction := _contradiction(before[name], after[name])):
                found.append(contradiction)
    return ordered(found)


def ordered(changes: list[Change]) -> list[Change]:
    """The gravest kind first, then by id."""
    order = list(KINDS)
    return sorted(changes, key=lambda change: (order.index(change.kind), change.id, change.words))


def _by_id(document: Any, name: str) -> dict[str, dict[str, Any]]:
    """The claims of a status document. LanguageError when it is none."""
    claims = document.get("claims") if isinstance(document, dict) and document.get("version") == 1 else None
    if not isinstance(claims, list):
        raise LanguageError(f"{name} is no status document", suggestion="verify status --json > status.json")
    for place, claim in enumerate(claims):
        for field, kind in _FIELDS.items():
            if not isinstance(claim, dict) or not isinstance(claim.get(field), kind):
                raise LanguageError(f"{name}: claims[{place}] has no {field} of the right kind",
                                    suggestion="write both documents with the same `verify`")  # fmt: skip
        if not all(isinstance(text, str) for field in ("declared", "uses", "problems") for text in claim[field]):
            raise LanguageError(f"{name}: claims[{place}]: declared holds more than texts, or uses or problems do")
        verdicts = [claim["verdict"], *claim["routes"].values(), *map(_verdict_of, claim["mistakes"])]
        for verdict in verdicts:
            if not isinstance(verdict, str) or verdict not in VERDICTS:
                raise LanguageError(f"{name}: claims[{place}] has a verdict that does not exist")
    found = {claim["id"]: claim for claim in claims}
    if len(found) < len(claims):
        raise LanguageError(f"{name} holds a claim twice")
    return found


def _verdict_of(mistake: Any) -> Any:
    """A mistake's verdict; None for what is no mistake."""
    named = isinstance(mistake, dict) and all(isinstance(mistake.get(name), str) for name in ("title", "says"))
    return mistake.get("verdict") if named else None


def _removed(
    name: str, before: dict[str, dict[str, Any]], after: dict[str, dict[str, Any]], register: Register
) -> Change:
    users = sorted(other for other, claim in before.items() if name in claim["uses"])
    left = [f"{user}{'' if user in after else ' (removed too)'}" for user in users]
    one = register.ids.get(name)
    why = f"retired: {one.reason['en']}" if one and one.state == RETIRED else "not in the register as retired"
    return Change("removed", name, f"was {before[name]['verdict']}; used by {', '.join(left) or 'nothing'}; {why}")


def _added(claim: dict[str, Any]) -> Iterator[Change]:
    name = claim["id"]
    kind = "refuted" if claim["verdict"] == REFUTED else "added"
    yield Change(kind, name, f"{claim['verdict']}, {len(claim['mistakes'])} mistakes")
    for mistake in claim["mistakes"]:
        if mistake["verdict"] != REFUTED:
            yield Change("passes", name, f"the mistake {mistake['title']!r} is {mistake['verdict']}")
    if claim["survived"]:
        yield Change("survives", name, f"{claim['survived']} wrong variants pass")
    for problem in claim["problems"]:
        if not str(problem).startswith(_SAID):
            yield Change("problem", name, str(problem))


def _changed(old: dict[str, Any], new: dict[str, Any]) -> Iterator[Change]:
    name = old["id"]
    same = old["says"] == new["says"]
    yield from _verdicts(name, old, new)
    if not same or set(old["declared"]) != set(new["declared"]):
        yield Change("restated", name, _restated(old, new))
    yield from _mistakes(name, old["mistakes"], new["mistakes"])
    yield from _translations(name, old.get("translations", {}), new.get("translations", {}))
    if new["survived"] > old["survived"]:
        yield Change("survives", name, f"{new['survived']} wrong variants pass, {old['survived']} before")
    if new["stale"] and not old["stale"]:
        yield Change("stale", name, "what its verdict depends on changed; not judged again")
    for problem in new["problems"]:
        if problem not in old["problems"] and not str(problem).startswith(_SAID):
            yield Change("problem", name, str(problem))
    above, was = new["upstream"].get("verdict"), old["upstream"].get("verdict")
    if above in VERDICTS and _rank(above) > (_rank(was) if was in VERDICTS else 0):
        yield Change("upstream", name, f"{new['upstream'].get('weakest')} is {above}")


def _verdicts(name: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Change]:
    """The verdict itself; where it stands, what each route says and how much a proof covers."""
    was, now = old["verdict"], new["verdict"]
    if _rank(now) > _rank(was):
        yield Change("refuted" if now == REFUTED else "weakened", name, f"{was} -> {now}")
        return
    if _rank(now) < _rank(was):
        yield Change("proved" if now == PROVED else "stronger", name, f"{was} -> {now}")
        return
    for route, verdict in old["routes"].items():
        if route not in new["routes"]:
            yield Change("dropped", name, f"{route} judges it no longer (it was {verdict})")
        elif _rank(new["routes"][route]) > _rank(verdict):
            yield Change("weakened", name, f"{route}: {verdict} -> {new['routes'][route]}")
    if _WIDTH.get(new["dimensions"], 0) < _WIDTH.get(old["dimensions"], 0):
        yield Change("weakened", name, f"covered d = {old['dimensions']}, covers d = {new['dimensions'] or 'none'}")


def _contradiction(old: dict[str, Any], new: dict[str, Any]) -> Change | None:
    """The same judges gave the same statement another verdict: somebody wrote it, or a limit of time was hit."""
    if old["stale"] or new["stale"] or old["says"] != new["says"]:
        return None
    for route in ("proof", "sampling"):
        was, now = old["routes"].get(route), new["routes"].get(route)
        if was != now and [m["says"] for m in old["mistakes"]] == [m["says"] for m in new["mistakes"]]:
            words = f"{route}: {was} -> {now}, though neither the claim nor its judges changed"
            return Change("edited", old["id"], f"{words}; verify run {old['id']} --fresh")
    return None


def _restated(old: dict[str, Any], new: dict[str, Any]) -> str:
    more = [f"+ {line}" for line in new["declared"] if line not in old["declared"]]
    less = [f"- {line}" for line in old["declared"] if line not in new["declared"]]
    formulas = ["its formulas or what they quote"] if not more + less else []
    return "; ".join([*less, *more, *formulas])


def _mistakes(name: str, old: list[dict[str, str]], new: list[dict[str, str]]) -> Iterator[Change]:
    """Mistakes are told apart by what they say, and by their title when that changed."""
    before = {mistake["says"]: mistake for mistake in old}
    titles = {mistake["title"]: mistake for mistake in old}
    matched: set[str] = set()
    for mistake in new:
        was = before.get(mistake["says"]) or titles.get(mistake["title"])
        if was:
            matched.add(was["says"])
        if mistake["verdict"] != REFUTED and (was is None or was["verdict"] == REFUTED):
            yield Change("passes", name, f"the mistake {mistake['title']!r} is {mistake['verdict']}")
    for mistake in old:
        if mistake["says"] not in matched:
            yield Change("dropped", name, f"the mistake {mistake['title']!r} is gone")


def _translations(name: str, old: dict[str, str], new: dict[str, str]) -> Iterator[Change]:
    """A document from before there were translations holds none."""
    for to, verdict in old.items():
        if to not in new:
            yield Change("dropped", name, f"its translation to {to} is gone (it was {verdict})")
        elif verdict in VERDICTS and new[to] in VERDICTS and _rank(new[to]) > _rank(verdict):
            yield Change("weakened", name, f"its translation to {to}: {verdict} -> {new[to]}")


def _rank(verdict: str) -> int:
    return VERDICTS.index(verdict)


def edited_records(base: dict[str, dict[str, Any]], head: dict[str, dict[str, Any]]) -> list[Change]:
    """Records whose numbers changed though the same code made them on the same device from the same seed.

    Both map a record's path to its JSON. The same run gives the same numbers, so somebody wrote others.
    """
    same = ("sources", "versions", "device", "device_name", "dtype", "seed")
    what = ("verdict", "checks", "variants")
    return [
        Change("edited", path, "other numbers from the same sources, device and seed; run the experiment again")
        for path, record in sorted(head.items())
        if path in base
        and all(record.get(name) == base[path].get(name) for name in same)
        and any(record.get(name) != base[path].get(name) for name in what)
    ]
