"""`verify question`: bring a question from an issue into the repository, and see where all of them stand."""

from __future__ import annotations

import argparse
import functools
import sys
from collections import Counter
from pathlib import Path

from verify.commands import common
from verify.intake import places, schema
from verify.intake.front_matter import read_front_matter
from verify.intake.issue import read_issue
from verify.intake.text import decode, read_bytes, read_json
from verify.language.catalog import Catalog, load_catalog
from verify.language.errors import LanguageError
from verify.language.ids import load_register

HELP = "import a question from an issue; list the questions"
EXAMPLES = """examples:
  gh issue view 12 --json number,title,body,createdAt,labels | verify question import -
  verify question import issue.json --id why-the-root
  verify question import issue.json --print       look at it, write nothing
  verify question list"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="import|list")
    bring = actions.add_parser("import", help="an issue's JSON to questions/ID.md, state open")
    bring.add_argument("issue", metavar="ISSUE.json|-", help="from `gh issue view`, the REST interface or an event")
    bring.add_argument("--id", default="", help="name of the file (default: made from the title)")
    bring.add_argument("--print", action="store_true", dest="show", help="print the file, write nothing")
    actions.add_parser("list", help="kind, state and title of each")


def run(arguments: argparse.Namespace) -> int:
    root = common.find_root()
    return _list(root) if arguments.action == "list" else _import(root, arguments)


def _import(root: Path, arguments: argparse.Namespace) -> int:
    catalog = load_catalog(root)
    data = read_json(decode(read_bytes(arguments.issue), arguments.issue), arguments.issue)
    question = read_issue(data, catalog.claims.keys(), _settable, arguments.id)
    if arguments.show:
        sys.stdout.write(question.markdown())
        return common.WELL
    if not (root / "questions").is_dir():
        raise LanguageError("there is no questions/ here", suggestion="run it inside the repository")
    register = load_register(root)
    if question.id in register.ids:
        raise LanguageError(f"the id {question.id} is taken or was", suggestion="give another with --id")
    path = places.inside(root / "questions", f"{question.id}.md")
    places.write_new(path, question.markdown())
    print(f"wrote {path.relative_to(root)}: {question.kind}, open")
    rests = _rests_on(catalog, question.claims)
    print(f"claims it names: {' '.join(question.claims) or 'none'}")
    if rests:
        print(f"prerequisites: {' '.join(rests)}")
    print("next: verify site build\nnext: verify ids add")
    return common.WELL


def _rests_on(catalog: Catalog, named: tuple[str, ...]) -> list[str]:
    """What somebody who asks about these claims may have to read first, nearest first."""
    found = [name for claim in named for name in catalog.upstream(claim) if name not in named]
    return list(dict.fromkeys(found))[:10]


@functools.lru_cache(maxsize=1000)
def _settable(tex: str) -> bool:
    """Can the site set this formula?"""
    from verify.site.markdown.maths import FormulaError, formula

    try:
        formula(tex)
    except FormulaError:
        return False
    return True


def _list(root: Path) -> int:
    rows, states, wrong = [], Counter[str](), 0
    for path in sorted((root / "questions").glob("*.md")):
        name = str(path.relative_to(root))
        try:
            meta = read_front_matter(decode(read_bytes(str(path)), name), name, schema.QUESTION)
        except LanguageError as error:
            print(error, file=sys.stderr)
            wrong += 1
            continue
        states[meta.text("state")] += 1
        rows.append((meta.text("id"), meta.text("kind"), meta.text("state"), meta.text("asked"), meta.text("title")))
    from rich.markup import escape

    common.print_table(("question", "kind", "state", "asked", "title"), [tuple(map(escape, row)) for row in rows])
    print(", ".join(f"{states[state]} {state}" for state in schema.STATES))
    return common.UNREADABLE if wrong else common.WELL
