"""Takes a question that a read-only job made from an issue into this checkout, after a look at its form.

    question_file.py ARTIFACT.zip

Writes questions/<id>.md and registers the id; prints the id. The artifact holds one file, question.md. What it says
was already made harmless by `verify question import`; here only its place and its frame are checked, since the job
before read a stranger's text and this one may write.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from untrusted import Refused, identifier, member

MAX_BYTES = 64_000
FRONT = re.compile(r"---\n(?P<front>(?:[a-z]+: [^\n]*\n)+)---\n\n# [^\n]+\n", re.A)
REGISTER = Path("verify") / "theory" / "ids.txt"


def question_id(page: str) -> str:
    """The id of a question's page, from its front matter. Refused unless it is a new, open question."""
    found = FRONT.match(page)
    if not found:
        raise Refused("the question has no front matter, or no heading below it")
    fields = dict(line.split(": ", 1) for line in found["front"].splitlines())
    if fields.get("kind") not in ("What", "Why", "How") or fields.get("state") != "open":
        raise Refused("an imported question has a kind (What, Why, How) and is open")
    id_ = identifier(fields.get("id"), "the question's id")
    if "." in id_:
        raise Refused("a question's id has no dot")
    return id_


def take(archive: Path, root: Path) -> str:
    """Write the page and the register's line under `root`; returns the id. Nothing is ever overwritten."""
    page = member(archive, "question.md", MAX_BYTES)
    id_ = question_id(page)
    target, register = root / "questions" / f"{id_}.md", root / REGISTER
    known = register.read_text("utf-8")
    if target.exists() or re.search(rf"^\S+ {re.escape(id_)}(?=[\s:]|$)", known, re.M):
        raise Refused(f"there is a question {id_} already")
    target.write_text(page, "utf-8")
    register.write_text(f"{known}live {id_}\n", "utf-8")
    return id_


def main(archive: str) -> int:
    try:
        print(take(Path(archive), Path.cwd()))
    except Refused as refused:
        print(refused, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
