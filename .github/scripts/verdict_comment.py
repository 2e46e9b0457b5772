"""The comment under a pull request: what became of the verdicts, from the artifact of a run that nobody has to trust.

    verdict_comment.py ARTIFACT.zip FILES.txt > comment.md

FILES.txt lists the files that the pull request changes, one a line, as the API names them. A pull request may change
the tool that judges it; then the comment says so, since its own tool made the table.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from untrusted import Refused, code, member, parsed, text

MARK = "<!-- verdicts -->"
MAX_BYTES, MAX_CHANGES, MAX_WEAKER, SHOWN = 2_000_000, 5_000, 100_000, 100
# As in verify.ledger.changes, in the order of a report.
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
CONTENT = re.compile(r"(verify/theory/[a-z0-9]+/[a-z]+\.md|verify/theory/ids\.txt|(docs|questions)/.*\.(md|bib))")


def comment(diff: dict[str, Any], files: list[str]) -> str:
    """Markdown of some 60,000 characters at most. Refused when the diff is not of the form of `verify diff --json`."""
    weaker, changes, unreadable = (diff.get(name) for name in ("weaker", "changes", "unreadable"))
    if type(weaker) is not int or not 0 <= weaker <= MAX_WEAKER:
        raise Refused("the diff does not say how many places are weaker")
    if not isinstance(changes, list) or not isinstance(unreadable, list) or len(changes) > MAX_CHANGES:
        raise Refused(f"the diff needs a list of what is unreadable and at most {MAX_CHANGES:,} changes")
    rows = [_row(change) for change in changes]
    reason = code(text(diff.get("reason"), "the reason", 300))
    lines = [MARK, "### What this change does to the verdicts", ""]
    if not weaker:
        lines += ["Nothing became weaker."]
    elif reason:
        lines += [f"Weaker in {weaker} places, for this reason: {reason}"]
    else:
        lines += [f"**Weaker in {weaker} places, and no reason is given.** If that is meant, say why in the text of "
                  "the pull request, in a line that begins with `Weaker because:`."]  # fmt: skip
    if rows:
        lines += ["", "| | claim | what |", "| --- | --- | --- |", *rows[:SHOWN]]
    if len(rows) > SHOWN:
        lines += ["", f"{len(rows) - SHOWN} more are in the artifact `verdicts` of the run."]
    if unreadable:
        lines += ["", "**Cannot be read:**", ""]
        lines += [f"- {code(text(error, 'an error', 300))}" for error in unreadable[:20]]
    if any(not CONTENT.fullmatch(file) for file in files):
        lines += ["", "This pull request changes more than claims and prose. The table was made by its own version of "
                  "the tool: read the change before you rely on it."]  # fmt: skip
    return "\n".join(lines) + "\n"


def _row(change: Any) -> str:
    kind, weakens = (change.get("kind"), change.get("weakens")) if isinstance(change, dict) else ("", False)
    if not isinstance(kind, str) or kind not in KINDS or not isinstance(weakens, bool):
        raise Refused("a change has a kind that is known, and says whether it weakens")
    name, words = text(change.get("id"), "the id of a change", 120), text(change.get("words"), "a change", 300)
    return f"| {'✗ ' if weakens else ''}{KINDS[kind]} | {code(name)} | {code(words)} |"


def main(archive: str, files: str) -> int:
    try:
        diff = parsed(member(Path(archive), "diff.json", MAX_BYTES), "diff.json")
        print(comment(diff, Path(files).read_text("utf-8").splitlines()), end="")
    except Refused as refused:
        print(refused, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
