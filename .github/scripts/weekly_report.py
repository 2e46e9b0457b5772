"""What the newest releases change: compares two runs of everything, with pinned and with newest versions.

    weekly_report.py PINNED.zip NEWEST.zip > issue.md

Each artifact has status.json (`verify run --json`), versions.txt (`pip freeze`) and tests.txt (the last lines of
the tests, the exit code first). Exit code 0: nothing changed, 1: something did, 2: an artifact is not readable.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from untrusted import Refused, code, identifier, member, parsed, text

MAX_STATUS, MAX_TEXT, SHOWN = 5_000_000, 200_000, 60
VERDICTS = {"proved", "supported", "refuted", "undecided", "assumed", "vacuous"}
PINNED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]{0,99})==([A-Za-z0-9.+!_-]{1,60})")
FAILED = re.compile(r"(?:FAILED|ERROR) (\S.*)")


def verdicts(archive: Path) -> dict[str, str]:
    """claim -> verdict, from status.json; none when the run came to no status."""
    data = member(archive, "status.json", MAX_STATUS)
    if not data.strip():
        return {}
    claims = parsed(data, "status.json").get("claims")
    if not isinstance(claims, list):
        raise Refused("status.json has no claims")
    found = {}
    for entry in claims:
        verdict = entry.get("verdict") if isinstance(entry, dict) else None
        if not isinstance(verdict, str) or verdict not in VERDICTS:
            raise Refused("a claim of status.json has no verdict")
        found[identifier(entry.get("id"), "a claim of status.json")] = verdict
    return found


def versions(archive: Path) -> dict[str, str]:
    """package -> version; lines of another form (our own package, from a folder) are left out."""
    lines = member(archive, "versions.txt", MAX_TEXT).splitlines()
    return {found[1].lower(): found[2] for line in lines if (found := PINNED.fullmatch(line.strip()))}


def failed(archive: Path) -> tuple[int, list[str]]:
    """Exit code of the tests, and the names of those that failed."""
    first, _, rest = member(archive, "tests.txt", MAX_TEXT).partition("\n")
    if not re.fullmatch(r"\d{1,3}", first):
        raise Refused("tests.txt does not begin with an exit code")
    return int(first), [
        text(found[1].split(" - ")[0], "a test", 200) for line in rest.splitlines() if (found := FAILED.match(line))
    ]


def report(pinned: Path, newest: Path) -> tuple[str, bool]:
    """The issue in Markdown, and whether anything changed."""
    before, after = verdicts(pinned), verdicts(newest)
    old, new = versions(pinned), versions(newest)
    (code_before, failed_before), (code_after, failed_after) = failed(pinned), failed(newest)
    moved = [(id_, before.get(id_, ""), after.get(id_, "")) for id_ in sorted({*before, *after})]
    moved = [row for row in moved if row[1] != row[2]]
    broken = sorted(set(failed_after) - set(failed_before))
    mended = sorted(set(failed_before) - set(failed_after))
    changed = bool(moved or broken or mended or code_before != code_after)
    updates = [f"{name} {old.get(name, '–')} → {new[name]}" for name in sorted(new) if old.get(name) != new[name]]
    lines = ["The weekly run with the newest releases differs from the one with the pinned ones."
             if changed else "The newest releases change nothing.", ""]  # fmt: skip
    lines += [f"Tests: exit code {code_before} with the pinned versions, {code_after} with the newest.", ""]
    lines += _section("Verdicts", [f"`{id_}`: {was or 'none'} → {is_ or 'none'}" for id_, was, is_ in moved])
    lines += _section("Tests that fail now", [code(name) for name in broken])
    lines += _section("Tests that pass now", [code(name) for name in mended])
    lines += _section("Newer releases", [code(line) for line in updates])
    return "\n".join(lines), changed


def _section(title: str, rows: list[str]) -> list[str]:
    if not rows:
        return []
    more = [f"- and {len(rows) - SHOWN} more"] if len(rows) > SHOWN else []
    return [f"### {title}", "", *(f"- {row}" for row in rows[:SHOWN]), *more, ""]


def main(pinned: str, newest: str) -> int:
    try:
        body, changed = report(Path(pinned), Path(newest))
    except Refused as refused:
        print(refused, file=sys.stderr)
        return 2
    print(body)
    return int(changed)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
