"""Builds both editions of the site.

`build_site(root, out)` makes out/ in English, out/zh/ in 中文, claims.json and ledger.json. A failed build leaves the
site that was there.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from verify.language.ids import PATH
from verify.site import pages
from verify.site.bibliography import works
from verify.site.card import Shelf, address
from verify.site.check import list_faults, site_faults
from verify.site.maths import FormulaError
from verify.site.model import Library
from verify.site.papers import read_papers
from verify.site.paths import read_paths
from verify.site.prose import read_prose
from verify.site.serve import serve

__all__ = ["SiteError", "build_site", "serve"]

Progress = Callable[[int, int, str], None]  # done, of how many, what comes next
ZH_CONFIG = Path("verify/site/mkdocs.zh.yml")
EXTENSIONS = ("verify.site.blocks", "verify.site.cite")  # those that need the shelf


class SiteError(Exception):
    """The site cannot be built; each line of the message names a place and what is wrong there."""


def build_site(
    root: Path, out: Path, strict: bool = True, progress: Progress | None = None, library: Library | None = None
) -> Path:
    """Builds the site of the project at `root` into `out` and returns its first page.

    strict    a warning of MkDocs (a dead link, a missing anchor) fails the build too
    progress  is told how far the build is: (done, of how many, what comes next)
    library   what to show; read from the project unless given
    Raises SiteError with file and line of everything that is wrong; `out` is then left as it was.
    """
    root, tell = root.resolve(), progress or (lambda done, total, what: None)
    library = library or Library.load(root)
    bibliography = works(root / "docs" / "references.bib")
    wrong = [
        *map(str, library.errors),
        *map(str, site_faults(root, library, bibliography)),
        *list_faults(root, library, bibliography),
        *_id_faults(root, library),
    ]
    if wrong:
        raise SiteError("\n".join(wrong))
    fresh = out.with_name(f".{out.name}.{os.getpid()}.new")
    try:
        for done, language in enumerate(pages.LANGUAGES):
            tell(done, len(pages.LANGUAGES), {"en": "English", "zh": "中文"}[language])
            _edition(root, language, fresh, library, bibliography, strict)
        tell(len(pages.LANGUAGES), len(pages.LANGUAGES), "")
        _data(fresh, library)
        shutil.rmtree(out, ignore_errors=True)
        fresh.rename(out)
    except pages.PageError as error:
        raise SiteError(str(error)) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return out / "index.html"


def _id_faults(root: Path, library: Library) -> list[str]:
    """Ids that would have no address any more, or two."""
    try:
        present = [*library.claims, *(question.id for question in pages.read_questions(root, "en"))]
    except pages.PageError as error:
        return [str(error)]
    return [f"{PATH}: {fault}" for fault in library.register.faults(present)]


def _edition(root: Path, language: str, out: Path, library: Library, bibliography, strict: bool) -> None:
    os.environ.setdefault("NO_MKDOCS_2_WARNING", "1")  # the theme's notice about its own future
    from mkdocs.commands.build import build
    from mkdocs.config import load_config
    from mkdocs.exceptions import Abort, ConfigurationError

    questions = pages.read_questions(root, language)
    displays = pages.count_displays(root, language)
    paths, papers = read_paths(root), read_papers(root)
    shelf = Shelf(library, language, bibliography, questions, displays, read_prose(root), paths, papers)
    folder = root / ".verify" / "pages" / language
    pages.lay_out(root, language, folder, library)
    logger = logging.getLogger("mkdocs")
    heard, spread = _Listener(), logger.propagate
    logger.addHandler(heard)
    logger.propagate = False  # what is wrong comes out as one error, not twice
    try:
        config = load_config(
            str(root / ("mkdocs.yml" if language == "en" else ZH_CONFIG)),
            strict=strict,
            docs_dir=str(folder),
            site_dir=str(out if language == "en" else out / language),
        )
        for name in EXTENSIONS:
            config.mdx_configs[name] = {"shelf": shelf}
        config.extra["root"] = str(root)
        config.nav = _with_folders(config.nav or [], folder)
        _segment(config, language)
        build(config)
    except FormulaError as error:
        raise SiteError(str(error)) from error
    except (Abort, ConfigurationError, ValueError) as error:
        raise SiteError("\n".join(heard.lines) or str(error)) from error
    finally:
        logger.removeHandler(heard)
        logger.propagate = spread


def _segment(config, language: str) -> None:
    """Has the search index cut Chinese at the words of the field, without a word on standard error.

    The plugin segments in both editions, and would look for the list of terms in the working folder.
    """
    import jieba

    jieba.setLogLevel(logging.WARNING)
    if language == "zh":
        config.plugins["material/search"].config.jieba_dict_user = str(Path(__file__).parent / "terms.zh.txt")


class _Listener(logging.Handler):
    """Keeps the warnings of MkDocs, which it would otherwise only print."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def _with_folders(nav: list, folder: Path) -> list:
    """The navigation with each `name/` replaced by the pages of that folder, the index first."""

    def entries(name: str) -> list[str]:
        files = (folder / name).iterdir() if (folder / name).is_dir() else ()
        found = sorted(
            (file for file in files if file.suffix in (".md", ".py", ".ipynb")),
            key=lambda file: (file.stem != "index", file.stem),
        )
        return [f"{name}{file.name}" for file in found]

    filled = []
    for entry in nav:
        for title, item in entry.items():
            shown = entries(item) if isinstance(item, str) and item.endswith("/") else item
            filled += [{title: shown}] if shown else []
    return filled


def _data(out: Path, library: Library) -> None:
    """claims.json and ledger.json: what the cards show, for programs; and where each former id leads."""
    claims = [
        {
            "id": card.claim.id,
            "title": card.claim.title,
            "topic": card.claim.topic,
            "address": address(card.claim.id),
            "slogan": card.claim.slogan,
            "declared": list(card.claim.declared),
            "latex": list(card.claim.latex),
            "uses": list(card.claim.uses),
            "used_by": list(card.used_by),
            "sources": [{"key": cited.key, "where": cited.where} for cited in card.claim.sources],
            "mistakes": [
                {
                    "name": judged.mistake.name,
                    "title": judged.mistake.title,
                    "latex": judged.mistake.latex,
                    "verdict": judged.verdict,
                }
                for judged in card.mistakes
            ],
            "verdict": card.standing.verdict,
            "upstream": card.standing.upstream,
            "stale": card.standing.stale,
            "routes": card.standing.routes,
            "dimensions": card.standing.dimensions,
        }
        for card in library.cards()
    ]
    register = library.register
    former = [
        {
            "id": one.id,
            "state": one.state,
            "address": address(one.id),
            "now": register.now(one.id),
            "reason": one.reason,
        }
        for one in register.gone
    ]
    _write(out / "claims.json", {"version": 1, "claims": claims, "former": former})
    _write(out / "ledger.json", {"version": 1, "claims": {id_: library.entries.get(id_) for id_ in library.claims}})


def _write(path: Path, data: object) -> None:
    path.write_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n", "utf-8")
