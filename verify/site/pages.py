"""The pages of both editions, laid out for MkDocs: authored ones as links to their source, generated ones as files.

An edition is a folder: docs/ and questions/, for 中文 with docs/zh/ and questions/zh/ laid over them, plus one
page a topic with the cards of all its claims (their permanent address) and the data a reader may fetch. What is
not translated stays English and says so.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from verify.intake.front_matter import read_front_matter
from verify.intake.schema import QUESTION, Field
from verify.language.errors import LanguageError
from verify.language.ids import Register
from verify.site import words
from verify.site.cards.card import Question
from verify.site.contents.model import Library
from verify.site.markdown.blocks import definitions, outside_fences

LANGUAGES = ("en", "zh")
LINK = re.compile(r"\[([^\]]*)\](?:\[\]|\([^)]*\))")
ONCE = "assets/vendor/pyodide/"  # too large to lie in every edition; all load it from the root


class PageError(ValueError):
    """A page that cannot be built; the message names the file and the line."""


def sources(root: Path, language: str) -> dict[str, Path]:
    """Address of each authored file in the edition -> the file itself."""
    found: dict[str, Path] = {}
    for base, folder in (("", root / "docs"), ("questions/", root / "questions")):
        for layer in (folder, folder / language) if language != "en" else (folder,):
            for file in sorted(layer.rglob("*")):
                name = file.relative_to(layer)
                if (
                    file.is_file()
                    and name.parts[0] not in LANGUAGES
                    and not any(part.startswith(".") for part in name.parts)
                    and not (language != "en" and name.as_posix().startswith(ONCE))
                ):
                    found[base + name.as_posix()] = _plain(file, root)
    # Of a notebook either the source is shown, and run, or its committed copy with outputs.
    unused = ".ipynb" if language == "en" and os.environ.get("VERIFY_NOTEBOOKS") else ".py"
    return {page: file for page, file in found.items() if not page.startswith("notebooks/") or file.suffix != unused}


def front_matter(
    text: str, file: str = "page", fields: Mapping[str, Field] | None = None
) -> tuple[dict[str, str | list[str]], int]:
    """A page's front matter and the number of lines it takes. PageError for what is no plain list of fields."""
    try:
        found = read_front_matter(text, file, fields)
    except LanguageError as error:
        raise PageError(str(error)) from None
    return found.data, found.height


def title(text: str, otherwise: str) -> str:
    """A page's first heading."""
    return next((line[2:].strip() for line in text.splitlines() if line.startswith("# ")), otherwise)


def first_paragraph(text: str) -> str:
    """What stands first below a page's first heading, as one line without the brackets of its links."""
    below = re.search(r"^# .*\n\s*([^#\s/|-].*(?:\n\S.*)*)", text, re.M)
    return LINK.sub(r"\1", " ".join(below[1].split())) if below else ""


def read_questions(root: Path, language: str) -> tuple[Question, ...]:
    """All questions in the language of the edition, newest first."""
    found = []
    for page, file in sources(root, language).items():
        if not page.startswith("questions/") or not page.endswith(".md") or page == "questions/index.md":
            continue
        text = file.read_text("utf-8")
        meta, _ = front_matter(text, _named(file, root), QUESTION)
        kind, state = str(meta["kind"]), str(meta["state"])
        if meta["id"] != file.stem:
            raise PageError(f"{_named(file, root)}:1: the id is the file's name: id: {file.stem}")
        found.append(
            Question(
                str(meta.get("id", file.stem)),
                str(meta["title"]),
                page[:-3] + ".html",
                kind,
                state,
                str(meta.get("asked", "")),
                tuple(map(str, meta.get("claims") or ())),
                {topic: topic_title(root, topic, language) for topic in map(str, meta.get("topics") or ())},
                first_paragraph(text),
            )
        )
    return tuple(sorted(found, key=lambda question: (question.asked, question.id), reverse=True))


def count_displays(root: Path, language: str) -> dict[str, int]:
    """Address -> number of displayed formulas that no claim holds, for each page of the edition that has prose."""
    found = {}
    for page, file in sources(root, language).items():
        if page.endswith(".md"):
            lines = file.read_text("utf-8").splitlines()
            for start, end, _, _ in reversed(definitions(lines)):
                del lines[start:end]
            text = "\n".join(line for line, plain in zip(lines, outside_fences(lines), strict=True) if plain)
            found[page[:-3] + ".html"] = text.count("$$") // 2
    return found


def lay_out(root: Path, language: str, folder: Path, library: Library) -> None:
    """Makes `folder` the docs_dir of one edition."""
    shutil.rmtree(folder, ignore_errors=True)
    for page, file in sources(root, language).items():
        _link(file, folder / page)
    for page, text in _generated(root, language, library):
        target = folder / page
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")
    for card in library.cards():
        for experiment in card.experiments:
            for address, file in experiment.files.items():
                _link(file, folder / address)


def _generated(root: Path, language: str, library: Library) -> Iterator[tuple[str, str]]:
    former = former_ids(library.register)
    for topic in dict.fromkeys((*library.topics, *former)):
        name = topic_title(root, topic, language)
        cards = "".join(f"\n/// card | {claim.id}\n    level: 2\n///\n" for claim in library.topics.get(topic, ()))
        stones = "".join(f"\n/// former | {id_}\n///\n" for id_ in former.get(topic, ()))
        end = f"\n## {words.TEXT[language]['former']} {{#former-ids}}\n{stones}" if stones else ""
        yield f"claims/{topic}.md", f"---\ntopic: {topic}\n---\n# {name}\n{cards}{end}"
        if wrong := [claim.id for claim in library.topics.get(topic, ()) if claim.mistakes]:
            heading = words.TEXT[language]["mistakes.of"].format(name)
            blocks = "".join(f"\n/// wrong | {id_}\n///\n" for id_ in wrong)
            yield f"mistakes/{topic}.md", f"---\ntopic: {topic}\n---\n# {heading}\n{blocks}"
    for one in library.register.gone:
        if not one.is_claim:
            yield f"questions/{one.id}.md", f"---\nformer: true\n---\n# {one.id}\n\n/// former | {one.id}\n///\n"


def former_ids(register: Register) -> dict[str, list[str]]:
    """topic -> the renamed and retired claims of it, whose links still lead to its page."""
    found: dict[str, list[str]] = {}
    for one in register.gone:
        if one.is_claim:
            found.setdefault(one.id.split(".", 1)[0], []).append(one.id)
    return found


def topic_title(root: Path, topic: str, language: str) -> str:
    """The heading of the topic's claims file; the topic's name where it has none."""
    file = root / "verify" / "theory" / topic / "claims.md"
    english = title(file.read_text("utf-8"), topic) if file.exists() else topic
    return words.TOPICS_ZH.get(topic, english) if language == "zh" else english


def _link(file: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.is_symlink():
        os.symlink(file.resolve(), target)


def _plain(file: Path, root: Path) -> Path:
    """The file itself. PageError for a link, which could publish what lies elsewhere on the machine, for HTML and for
    programs among the questions, which nothing would make harmless, and for a name that cannot be read."""
    name = _named(file, root)
    if not name.isprintable():
        raise PageError(f"{name!r} has a name with a character that does not show: rename it")
    if file.is_symlink():
        raise PageError(f"{name} is a link, and links are not published: put the file itself there")
    if file.suffix in (".html", ".htm", ".xhtml") or (name.startswith("questions") and file.suffix != ".md"):
        raise PageError(f"{name} is no page: write it in Markdown, NAME.md")
    return file


def _named(file: Path, root: Path) -> str:
    return os.path.relpath(file, root)
