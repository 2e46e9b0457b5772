"""`verify new claim|question|page|experiment`: a start that passes, where it belongs, and what comes next."""

from __future__ import annotations

import argparse
import keyword
import sys
from datetime import date
from pathlib import Path

from verify.commands import common
from verify.files import write_atomically
from verify.intake import places, scaffold, schema
from verify.intake.text import shown
from verify.language.catalog import Catalog, link_document, load_catalog, load_vocabularies, theory_root
from verify.language.document import read_document
from verify.language.errors import LanguageError
from verify.language.ids import LIVE, load_register

HELP = "start a claim, a question, a page or an experiment; nothing is ever overwritten"
EXAMPLES = """examples:
  verify new claim edm.my-step --title "One line"        an example derivation, to be changed
  verify new claim edm.my-step --title "One line" --declare '$a, b$ : real' --formula '(a+b)^2 = a^2+2ab+b^2'
  verify new claim mine.step --in mine.md                a file of your own
  verify new question --kind Why --title "Why is it so?" --claims edm.precond
  verify new page edm/my-page --title "A page" --title-zh "一页" --claims edm.precond
  verify new experiment edm-my-law --title "A law" --title-zh "一条定律" --claims edm.precond

What is needed and not given is asked for."""
_SLUG = "small letters, digits and hyphens"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="claim|question|page|experiment")
    made = {
        "claim": kinds.add_parser("claim", help="a derivation"),
        "question": kinds.add_parser("question", help="something to be explained"),
        "page": kinds.add_parser("page", help="prose that shows claims, in both languages"),
        "experiment": kinds.add_parser("experiment", help="a measurement of what a claim predicts"),
    }
    for kind, parser_ in made.items():
        how = "topic.name" if kind == "claim" else "folder/name" if kind == "page" else "NAME"
        parser_.add_argument("name", metavar=how, nargs="?", default="")
        parser_.add_argument("--title", help="one line")
        parser_.add_argument("--title-zh", default="", metavar="标题", help="the same in 中文")
        if kind != "claim":
            parser_.add_argument("--claims", default="", metavar="ID,ID", help="the claims it is about")
    claim = made["claim"]
    claim.add_argument("--slogan", default="", help="one sentence without a formula")
    claim.add_argument("--slogan-zh", default="", metavar="短句")
    claim.add_argument("--source", default="", help="karras2022edm (7)")
    claim.add_argument("--declare", action="append", default=[], metavar="LINE", help="'$a, b$ : real'; repeatable")
    claim.add_argument("--formula", default="", metavar="LATEX", help="the chain, without the dollars")
    claim.add_argument("--in", dest="file", metavar="FILE", help="where, instead of the topic's claims")
    made["question"].add_argument("--kind", dest="asks", choices=schema.KINDS)


def run(arguments: argparse.Namespace) -> int:
    root = common.find_root()
    make = {"claim": _claim, "question": _question, "page": _page, "experiment": _experiment}[arguments.kind]
    try:
        make(root, arguments)
    except OSError as error:
        print(f"cannot write {error.filename}: {error.strerror}", file=sys.stderr)
        return common.UNREADABLE
    return common.WELL


def _claim(root: Path, arguments: argparse.Namespace) -> None:
    name = places.checked("claim", _needed(arguments.name, "topic.name", "like edm.precond"))
    _is_free(root, name, load_catalog(root))
    options = {"title": _needed(arguments.title, "--title"), "title-zh": _title_zh(arguments),
               "slogan": arguments.slogan, "slogan-zh": arguments.slogan_zh, "source": arguments.source}  # fmt: skip
    block = scaffold.claim(name, options, arguments.declare, arguments.formula)
    vocabularies, _ = load_vocabularies(theory_root(root))
    document = read_document(block, "(the new claim)", vocabularies)
    link_document(document, root)
    if document.errors:
        raise document.errors[0]
    if [claim.id for claim in document.claims] != [name]:
        raise LanguageError("this would be more than one claim", suggestion="give one formula and plain declarations")
    topic = name.split(".")[0]
    in_theory = not arguments.file and (root / "verify" / "theory").is_dir()
    if in_theory:
        path = places.inside(root / "verify" / "theory", topic, "claims.md")
    else:
        path = Path(arguments.file or f"{name}.md")
    _append(path, block, heading=f"# {topic}\n\n" if in_theory else "")
    _wrote(path, root)
    if in_theory:
        _next(f"verify run {name}", f"show it on a page of docs/ and docs/zh/:  /// card | {name}", "verify ids add")
    else:
        _next(f"verify check {path}")


def _question(root: Path, arguments: argparse.Namespace) -> None:
    title, title_zh = _needed(arguments.title, "--title"), _title_zh(arguments)
    if wrong := schema.QUESTION["title"].problem(title) or schema.QUESTION["title"].problem(title_zh or "-"):
        raise LanguageError(f"the title {wrong}")
    name = places.checked("question", arguments.name or places.slug(title, "") or _needed("", "NAME", _SLUG))
    catalog = load_catalog(root)
    _is_free(root, name, catalog)
    claims = _claims(arguments.claims, catalog)
    topics = list(dict.fromkeys(claim.split(".")[0] for claim in claims))
    kind = _needed(arguments.asks, "--kind", "What, Why or How").capitalize()
    data: dict[str, str | list[str]] = {
        "id": name, "kind": kind, "state": "open", "asked": date.today().isoformat(),
        "title": title, "claims": claims, "topics": topics,
    }  # fmt: skip
    data = {key: value for key, value in data.items() if value}
    paths = [places.inside(root / "questions", f"{name}.md")]
    titles = [title]
    if title_zh:
        paths.append(places.inside(root / "questions", "zh", f"{name}.md"))
        titles.append(title_zh)
    _write_all({path: scaffold.question(data, words) for path, words in zip(paths, titles, strict=True)}, root)
    _next("verify site build", "verify ids add")


def _page(root: Path, arguments: argparse.Namespace) -> None:
    folder, _, name = _needed(arguments.name, "folder/name", "like edm/reverse-step").rpartition("/")
    parts = [places.checked("page", part) for part in (folder, name) if part]
    if parts[0] in ("zh", "claims", "questions", "assets", "records"):
        raise LanguageError(f"docs/{parts[0]}/ is not for pages", suggestion="choose another folder")
    title = _needed(arguments.title, "--title")
    claims = _claims(arguments.claims, load_catalog(root))
    file = f"{'/'.join(parts)}.md"
    docs = root / "docs"
    texts = {places.inside(docs, file): scaffold.page(title, claims),
             places.inside(docs, "zh", file): scaffold.page(_title_zh(arguments) or title, claims)}  # fmt: skip
    _write_all(texts, root)
    _next(f"put {file} into the nav of mkdocs.yml and of verify/site/mkdocs.zh.yml", "verify site build")


def _experiment(root: Path, arguments: argparse.Namespace) -> None:
    from verify.experiments.registry import all_experiments

    name = places.checked("experiment", _needed(arguments.name, "NAME", _SLUG))
    claims = _claims(_needed(arguments.claims, "--claims", "it judges at least one claim"), load_catalog(root))
    topic = claims[0].split(".")[0]
    folder = places.inside(root / "verify" / "theory", topic, "experiments")
    if name in all_experiments(root / "verify" / "theory"):
        raise LanguageError(f"an experiment is named {name} already", suggestion="choose another name")
    module = name.removeprefix(f"{topic}-").replace("-", "_")
    if not module.isidentifier() or keyword.iskeyword(module):
        raise LanguageError(f"{shown(module)!r} cannot be the name of a module", suggestion="begin with a letter")
    title = _needed(arguments.title, "--title")
    text = scaffold.experiment(name, {"en": title, "zh": _title_zh(arguments) or title}, claims)
    path = places.inside(folder, f"{module}.py")
    if not (folder / "__init__.py").exists():
        places.write_new(folder / "__init__.py", f'"""Experiments on the topic {topic}, one module each."""\n')
    _write_all({path: text}, root)
    _next(f"verify experiment run {name}", f"name it in each claim:  experiments: {name}")


# ---------------------------------------------------------------- what they share


def _needed(value: str | None, flag: str, looks: str = "") -> str:
    """A value that was given, or is asked for where somebody can answer; `looks` says what it looks like."""
    shape = f" ({looks})" if looks else ""
    if value := (value or _answer(f"{flag.removeprefix('--')}{shape}: ")).strip():
        return value
    raise LanguageError(f"{flag} is needed", suggestion=f"give it{shape}; at a terminal it is asked for")


def _title_zh(arguments: argparse.Namespace) -> str:
    """The title in 中文, '' where there is none. Asked for together with the title."""
    given: str = arguments.title_zh
    return given or ("" if arguments.title else _answer("title in 中文 (may stay empty): ").strip())


def _answer(question: str) -> str:
    """What somebody types at the terminal; '' where nobody sits, or who sits there ends the input."""
    if not sys.stdin.isatty():
        return ""
    try:
        return input(question)
    except EOFError:
        print()
        return ""


def _claims(text: str, catalog: Catalog) -> list[str]:
    names = [places.checked("claim", name) for name in text.replace(",", " ").split()]
    return [claim.id for claim in common.select(catalog, names)] if names else []


def _is_free(root: Path, name: str, catalog: Catalog) -> None:
    """An id is for ever: one that exists or existed is not given again."""
    if name in catalog.claims:
        claim = catalog.claims[name]
        raise LanguageError(f"the id {name} is taken: {claim.file}:{claim.line}", suggestion="choose another id")
    known = load_register(root).ids.get(name)
    if known and known.state != LIVE:
        raise LanguageError(f"the id {name} was {known.state}; its links still answer", suggestion="choose another id")


def _write_all(texts: dict[Path, str], root: Path) -> None:
    """All files or none: one that is there already stops before anything is written."""
    for path in texts:
        if path.exists() or path.is_symlink():
            raise LanguageError(f"{path} is there already; nothing was written", suggestion="choose another name")
    for path, text in texts.items():
        places.write_new(path, text)
        _wrote(path, root)


def _append(path: Path, block: str, heading: str) -> None:
    """Add a block at the end of a file, which is replaced in one move."""
    if path.exists() and not path.is_file():
        raise LanguageError(f"{path} is no file")
    try:
        before = path.read_text("utf-8").rstrip("\n") + "\n\n" if path.exists() else heading
    except UnicodeDecodeError:
        raise LanguageError(f"{path} is not UTF-8 text; nothing was written") from None
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, before + block)


def _wrote(path: Path, root: Path) -> None:
    print(f"wrote {path.relative_to(root) if path.is_relative_to(root) else path}")


def _next(*steps: str) -> None:
    print("\n".join(f"next: {step}" for step in steps))
