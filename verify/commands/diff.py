"""`verify diff BASE..HEAD`: what a change does to the verdicts, for people, for a comment, for programs."""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from verify.commands import common
from verify.intake.text import decode, read_bytes, read_json, shown, visible
from verify.language.errors import LanguageError
from verify.language.ids import load_register
from verify.ledger.changes import KINDS, Change, compare, edited_records, ordered
from verify.ledger.store import Ledger

HELP = "what a change does to the verdicts: proved, weakened, refuted, removed"
EXAMPLES = """examples:
  verify diff main                    the working tree against a branch
  verify diff main..HEAD              two revisions; only what differs is judged
  verify diff old.json new.json       two documents of `verify status --json`
  verify diff base/ head/             two checkouts with their ledgers
  verify diff main..HEAD --format markdown --body pull-request.txt

A weakening fails unless a reason is given: --reason TEXT, or in the text of the pull request a line
  Weaker because: TEXT

exit codes: 0 nothing weaker, or for a stated reason; 1 weaker; 2 unreadable"""

MAX_DOCUMENT = 20_000_000
MAX_SHOWN = 200  # changes in a comment
_REASON = re.compile(r"^[ \t]*Weaker because:[ \t]*(\S.*)$", re.M | re.I)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.S)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sides", nargs="+", metavar="BASE..HEAD", help="revisions, folders or status documents")
    parser.add_argument("--format", choices=("table", "markdown", "json"), default="table")
    parser.add_argument("--json", action="store_const", const="json", dest="format", help="the same as --format json")
    parser.add_argument("--reason", default="", help="why a verdict may become weaker")
    parser.add_argument("--body", metavar="FILE|-", help="the text of the pull request, where the reason may stand")
    parser.add_argument("--jobs", type=int, metavar="N", help="worker processes (default: one a core)")


@dataclass
class Found:
    """What differs between two sides, and what could not be read in the head."""

    base: str
    head: str
    changes: list[Change]
    unreadable: list[str] = field(default_factory=list)
    crashes: dict[str, str] = field(default_factory=dict)

    @property
    def weaker(self) -> int:
        return sum(change.weakens for change in self.changes)


def run(arguments: argparse.Namespace) -> int:
    base, head = sides(arguments.sides)
    reason = stated_reason(arguments.reason, arguments.body)
    found = _found(common.find_root(), base, head, arguments.jobs)
    common.print_crashes(found.crashes)
    {"table": _print_table, "markdown": _print_markdown, "json": _print_json}[arguments.format](found, reason)
    if found.crashes:
        return common.OUR_ERROR
    if found.unreadable:
        return common.UNREADABLE
    return common.REFUTED if found.weaker and not reason else common.WELL


def sides(words: list[str]) -> tuple[str, str]:
    """The two sides; the head is '' for the working tree. LanguageError for more than two."""
    if len(words) == 1 and ".." in words[0] and not Path(words[0]).exists():
        words = re.split(r"\.{2,3}", words[0], maxsplit=1)
        words = [words[0], words[1] or "HEAD"]
    if len(words) > 2 or not words[0]:
        raise LanguageError("two sides are compared", suggestion="verify diff main..HEAD")
    return words[0], words[1] if len(words) == 2 else ""


def stated_reason(reason: str, body: str | None) -> str:
    """Why a weakening is meant: from the option, or from a line of the pull request's text; one plain line."""
    if not reason.strip() and body is not None:
        text = _COMMENT.sub("", decode(read_bytes(body), body))
        line = _REASON.search(text)
        reason = line[1] if line else ""
    return shown(reason, 300)


# ---------------------------------------------------------------- the two sides


def _found(root: Path, base: str, head: str, jobs: int | None) -> Found:
    if base.endswith(".json") and head.endswith(".json"):
        return Found(base, head, compare(_document(base), _document(head)))
    with tempfile.TemporaryDirectory() as folder:
        left = _folder(root, base, Path(folder) / "base")
        right = _folder(root, head, Path(folder) / "head")
        return _between(root, (base, left), (head, right), jobs)


def _between(root: Path, base: tuple[str, Path], head: tuple[str, Path], jobs: int | None) -> Found:
    from verify.running.revision import Side, commit_of, commits_ledger, judge_differences, links_of, records_of

    known = Ledger(root)
    old, new = (Side.of(path, not _is_checkout(path), known) for _, path in (base, head))
    crashes = judge_differences(old, new, jobs)
    changes = compare(old.status(root), new.status(root), load_register(new.folder))
    changes += edited_records(records_of(old.folder), records_of(new.folder))
    if new.taken_out and head[0]:
        commit = commit_of(root, head[0])
        if commits_ledger(root, commit):
            changes.append(Change("edited", ".verify", "a ledger is computed, never committed; remove it"))
        changes += [Change("strange", path, "a link; commit the file itself") for path in links_of(root, commit)]
    unreadable = [str(error) for error in new.catalog.errors]
    return Found(base[0], head[0] or "working tree", ordered(changes), unreadable, crashes)


def _is_checkout(folder: Path) -> bool:
    return (folder / "mkdocs.yml").is_file()


def _folder(root: Path, side: str, target: Path) -> Path:
    """The folder of one side: a checkout as it stands with its ledger, or a revision taken out of Git."""
    from verify.running.revision import TAKEN, commit_of, take_out

    if side and _is_checkout(Path(side)):
        return Path(side).resolve()
    if side.endswith(".json") or "/" in side and Path(side).is_dir():
        raise LanguageError(f"{shown(side)} cannot be compared with the other side",
                            suggestion="two revisions, two checkouts or two status documents")  # fmt: skip
    (target / "verify" / "theory").mkdir(parents=True)
    if side:
        take_out(root, commit_of(root, side), target)
        return target
    for name in TAKEN:  # the working tree, without its ledger's folder being written to
        if (root / name).is_dir():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            if name == "verify/theory":
                (target / name).rmdir()
            (target / name).symlink_to(root / name, target_is_directory=True)
    return target


def _document(name: str) -> Any:
    return read_json(decode(read_bytes(name, MAX_DOCUMENT), name), name)


# ---------------------------------------------------------------- how it is shown


def _verdict(found: Found, reason: str) -> str:
    if not found.weaker:
        return "Nothing became weaker."
    places = "one place" if found.weaker == 1 else f"{found.weaker} places"
    return f"Weaker in {places}" + (", for this reason: " + reason if reason else "; no reason is given.")


def _print_table(found: Found, reason: str) -> None:
    from rich.markup import escape

    rows = []
    for change in found.changes:
        mark = "[red]✗[/red] " if change.weakens else "  "
        rows.append((mark + KINDS[change.kind], escape(shown(change.id, 80)), escape(shown(change.words, 300))))
    if rows:
        common.print_table(("", "claim", "what"), rows)
    for error in found.unreadable:
        print(error, file=sys.stderr)
    print(_verdict(found, reason))


def _print_json(found: Found, reason: str) -> None:
    common.print_json({
        "version": 1, "base": found.base, "head": found.head, "weaker": found.weaker, "reason": reason,
        "changes": [{"kind": c.kind, "id": c.id, "words": shown(c.words, 300), "weakens": c.weakens}
                    for c in found.changes],
        "unreadable": found.unreadable,
    })  # fmt: skip


def _print_markdown(found: Found, reason: str) -> None:
    """One comment. Every word of the change is a stranger's: it is shown, and does nothing."""
    print(f"### What this change does to the verdicts\n\n{safe(_verdict(found, reason))}\n")
    for kind, title in KINDS.items():
        lines = [c for c in found.changes[:MAX_SHOWN] if c.kind == kind]
        if lines:
            mark = "✗ " if lines[0].weakens else ""
            print(f"**{mark}{title}**\n")
            print("\n".join(f"- {safe(c.id, 80)}: {safe(c.words)}" for c in lines) + "\n")
    if len(found.changes) > MAX_SHOWN:
        print(f"and {len(found.changes) - MAX_SHOWN} more: verify diff\n")
    if found.unreadable:
        print("**✗ cannot be read**\n")
        print("\n".join(f"- {safe(error)}" for error in found.unreadable[:20]) + "\n")
    print(f"{safe(found.base, 60)} to {safe(found.head, 60)}")


def safe(text: str, limit: int = 300) -> str:
    """Unknown text inside Markdown: one line, every character that Markdown or the forge acts on as an entity."""
    line = visible(shown(text, limit))
    return re.sub(r"[^\w \-.,;=+/()%\u00b7-\uffff]|(?<=\w)\.(?=\w)|//|_|(?<=[Ww])ww", _entities, line)


def _entities(found: re.Match[str]) -> str:
    return "".join(f"&#{ord(character)};" for character in found[0])
