"""`verify ids`: the register of ids. An id is for ever: what is renamed or retired keeps a link that answers."""

from __future__ import annotations

import argparse
import difflib
import subprocess
import sys
from pathlib import Path

from verify.commands import common
from verify.language import ids
from verify.language.errors import LanguageError
from verify.language.ids import Register

HELP = "the register of ids: add new ones, retire or rename old ones"
EXAMPLES = """examples:
  verify ids                                          what is new, what is missing
  verify ids add                                      register every new claim and question
  verify ids rename edm.old edm.new                   the old link leads to the new one
  verify ids retire edm.gone --reason "It was wrong for odd d." --successor edm.better
  verify ids check --against origin/main              nothing registered there was taken out"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="add|rename|retire|check")
    add = actions.add_parser("add", help="register ids that are new, or bring one back")
    add.add_argument("ids", nargs="*", metavar="ID", help="default: all that are new")
    rename = actions.add_parser("rename", help="send the links of an id to its new name")
    rename.add_argument("old", metavar="OLD")
    rename.add_argument("new", metavar="NEW")
    retire = actions.add_parser("retire", help="say why an id is gone and what came after it")
    retire.add_argument("id", metavar="ID")
    retire.add_argument("--reason", required=True, help="one sentence for the reader who follows the link")
    retire.add_argument("--reason-zh", default="", metavar="理由", help="the same in 中文")
    retire.add_argument("--successor", default="", metavar="ID", help="what to read in its place")
    check = actions.add_parser("check", help="fail on what is new, missing or taken out")
    check.add_argument("--against", metavar="REVISION", help="a Git revision whose register must still be there")


def run(arguments: argparse.Namespace) -> int:
    root = common.find_root()
    register = ids.load_register(root)
    events = {"add": _add, "rename": _rename, "retire": _retire}
    if arguments.action in events:
        ids.place(root)
        return _append(root, events[arguments.action](root, register, arguments))
    present = present_ids(root)
    new, faults = register.new(present), register.faults(present)
    if arguments.action == "check":
        faults += [f"not in the register: {' '.join(new)}; verify ids add"] if new else []
        if arguments.against:
            faults += [f"taken out of the register: {line}" for line in taken_out(root, arguments.against)]
    else:
        print(", ".join(f"{len(register.of(state))} {state}" for state in (ids.LIVE, ids.RENAMED, ids.RETIRED)))
        print(f"new, not registered: {' '.join(new)}" if new else "nothing new")
    for fault in faults:
        print(fault, file=sys.stderr)
    return common.UNREADABLE if faults else common.WELL


def _add(root: Path, register: Register, arguments: argparse.Namespace) -> list[str]:
    present = present_ids(root)
    lines = [ids.live(id_) for id_ in arguments.ids or register.new(present)]
    if undefined := [id_ for id_ in arguments.ids if id_ not in present]:
        raise LanguageError(f"nothing defines {' '.join(undefined)}", suggestion="write it first, or mend its name")
    return lines


def _rename(root: Path, register: Register, arguments: argparse.Namespace) -> list[str]:
    old = _known(register, arguments.old)
    return [*_registered(register, arguments.new), ids.renamed(old, arguments.new)]


def _retire(root: Path, register: Register, arguments: argparse.Namespace) -> list[str]:
    if not arguments.reason.strip():
        raise LanguageError("the reason is empty", suggestion="one sentence for the reader who follows the link")
    id_ = _known(register, arguments.id)
    return [ids.retired(id_, arguments.reason, arguments.reason_zh, arguments.successor)]


def present_ids(root: Path) -> list[str]:
    """The ids of all claims and questions of the repository, in its order."""
    from verify.language.catalog import load_catalog
    from verify.site.pages import PageError, read_questions

    try:
        questions = sorted(question.id for question in read_questions(root, "en"))
    except PageError as error:
        raise LanguageError(str(error)) from error
    return [*load_catalog(root, translated=False).claims, *questions]


def taken_out(root: Path, revision: str) -> list[str]:
    """Events that the register had at `revision` and has no more. LanguageError when there is no such revision."""
    if revision.startswith("-"):
        raise LanguageError(f"{revision!r} is no revision")
    git = ["git", "-C", str(root)]
    known = subprocess.run([*git, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}"], capture_output=True)
    if known.returncode:
        raise LanguageError(f"no revision {revision!r} here", suggestion="fetch it first: git fetch origin")
    held = subprocess.run([*git, "show", f"{revision}:{ids.PATH.as_posix()}"], capture_output=True)
    if held.returncode:  # the register is younger than that revision
        return []
    return ids.rewritten(held.stdout.decode("utf-8", "replace"), ids.text_of(root))


def _known(register: Register, id_: str) -> str:
    """An id that the register knows. LanguageError for another: what is written there by mistake stays for ever."""
    if id_ not in register.ids:
        near = difflib.get_close_matches(id_, register.ids, n=1)
        raise LanguageError(
            f"{id_!r} is not in the register", suggestion=f"did you mean {near[0]}?" if near else "see: verify ids"
        )
    return id_


def _registered(register: Register, id_: str) -> list[str]:
    return [] if id_ in register.ids else [ids.live(id_)]


def _append(root: Path, lines: list[str]) -> int:
    try:
        ids.append(root, lines)
    except OSError as error:
        print(f"the register could not be written: {error}", file=sys.stderr)
        return common.OUR_ERROR
    for line in lines:
        print(line)
    print(f"{ids.PATH}: {len(lines)} added")
    return common.WELL
