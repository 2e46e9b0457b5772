"""`verify fmt`: one layout for claim blocks and front matter, and the schemas that editors read."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Iterator
from pathlib import Path

from verify.commands import common
from verify.files import write_atomically
from verify.intake import schema
from verify.intake.front_matter import read_front_matter
from verify.intake.text import decode, read_bytes
from verify.language.document import MAX_DOCUMENT
from verify.language.errors import LanguageError
from verify.language.format import formatted

HELP = "lay out claim blocks and front matter; what they say is not touched"
EXAMPLES = """examples:
  verify fmt                   all claims, questions and pages of the repository
  verify fmt mine.md           one file
  verify fmt --check           change nothing, exit 1 where something would change
  verify fmt --check --diff    and show it
  verify fmt - < mine.md       standard input to standard output"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="*", metavar="FILE|-", help="Markdown (default: the repository's)")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file would change")
    parser.add_argument("--diff", action="store_true", help="show what changes")


def run(arguments: argparse.Namespace) -> int:
    root = common.find_root()
    if arguments.files == ["-"]:
        sys.stdout.write(laid_out(decode(read_bytes("-", MAX_DOCUMENT), "-"), "<stdin>"))
        return common.WELL
    changed = unreadable = 0
    for path, old, new in _texts(root, arguments.files):
        name = str(path.relative_to(root) if path.is_relative_to(root) else path)
        if isinstance(new, LanguageError):
            print(new, file=sys.stderr)
            unreadable += 1
        elif new != old:
            changed += 1
            print(f"{'would change' if arguments.check else 'changed'} {name}")
            if arguments.diff:
                print("\n".join(difflib.unified_diff(old.splitlines(), new.splitlines(), name, name, lineterm="")))
            if not arguments.check:
                _write(path, new)
    if changed and arguments.check:
        print("next: verify fmt", file=sys.stderr)
    return common.UNREADABLE if unreadable else common.REFUTED if changed and arguments.check else common.WELL


def laid_out(text: str, file: str) -> str:
    """A page with its front matter and its blocks in the one layout. LanguageError when either cannot be read."""
    page = read_front_matter(text, file)
    if not page.height:
        return formatted(text, file)
    fields = schema.QUESTION if "kind" in page.data else schema.PAGE
    head = text[: len(text) - len(page.body)]
    if "#" not in head:  # a remark would be lost
        head = schema.written(page.data, fields)
    return head + formatted(page.body, file)


def _texts(root: Path, files: list[str]) -> Iterator[tuple[Path, str, str | LanguageError]]:
    """Each file with its text now and in the layout, or with why it has none."""
    if not files:
        for name, wanted in schema.json_schemas().items() if (root / "mkdocs.yml").is_file() else ():
            path = root / schema.FOLDER / name
            yield path, path.read_text("utf-8") if path.is_file() else "", wanted
    for path in map(Path, files) if files else _pages(root):
        shown = str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
        try:
            data = read_bytes(str(path), MAX_DOCUMENT)
            text = decode(data, shown)
            yield path, data.decode("utf-8"), laid_out(text, shown)
        except LanguageError as error:
            yield path, "", error


def _pages(root: Path) -> list[Path]:
    theory = (root / "verify" / "theory").glob("*/*.md")
    return sorted([*theory, *(root / "questions").rglob("*.md"), *(root / "docs").rglob("*.md")])


def _write(path: Path, text: str) -> None:
    """Replace a file in one move; the folder of a new one is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, text)
