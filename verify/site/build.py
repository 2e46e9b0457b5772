"""Builds both editions of the site.

`build_site(root, out)` makes out/ in English, out/zh/ in 中文, and the documents for programs. A failed build leaves
the site that was there.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from verify.language.ids import PATH
from verify.site import pages
from verify.site.cards import citation, hover
from verify.site.check import list_faults, site_faults
from verify.site.contents.bibliography import Work, work_faults, works
from verify.site.contents.model import Library
from verify.site.edition import gather
from verify.site.markdown.maths import FormulaError
from verify.site.programs import data, feeds, playground
from verify.site.serve import serve

__all__ = ["SiteError", "build_site", "serve"]

Progress = Callable[[int, int, str], None]  # done, of how many, what comes next
ZH_CONFIG = Path("verify/site/mkdocs.zh.yml")
BIBLIOGRAPHY = "docs/references.bib"
SHELF = ("blocks", "cite", "numbers")  # the extensions that need it
EXTENSIONS = tuple(f"verify.site.markdown.{name}" for name in SHELF)


class SiteError(Exception):
    """The site cannot be built; each line of the message names a place and what is wrong there."""


def build_site(
    root: Path,
    out: Path,
    strict: bool = True,
    progress: Progress | None = None,
    library: Library | None = None,
    url: str | None = None,
) -> Path:
    """Builds the site of the project at `root` into `out` and returns its first page.

    strict    a warning of MkDocs (a dead link, a missing anchor) fails the build too
    progress  is told how far the build is: (done, of how many, what comes next)
    library   what to show; read from the project unless given
    url       where the site will be published (VERIFY_SITE_URL unless given); without it no page can say its address,
              and there are no feeds and no sitemap
    Raises SiteError with file and line of everything that is wrong; `out` is then left as it was.
    """
    root, tell = root.resolve(), progress or (lambda done, total, what: None)
    library, urls = library or Library.load(root), addresses(url)
    bibliography = works(root / BIBLIOGRAPHY)
    wrong = [
        *map(str, library.errors),
        *map(str, site_faults(root, library, bibliography)),
        *list_faults(root, library, bibliography),
        *work_faults(bibliography, library.claims, BIBLIOGRAPHY),
        *_id_faults(root, library),
    ]
    if wrong:
        raise SiteError("\n".join(wrong))
    fresh = out.with_name(f".{out.name}.{os.getpid()}.new")
    staged = root / ".verify" / "pages" / str(os.getpid())  # two builds at once do not meet
    try:
        for done, language in enumerate(pages.LANGUAGES):
            tell(done, len(pages.LANGUAGES), {"en": "English", "zh": "中文"}[language])
            _edition(root, language, fresh, staged, library, bibliography, strict, urls)
        tell(len(pages.LANGUAGES), len(pages.LANGUAGES), "")
        data.write(fresh, library)
        playground.publish(root, fresh, library)
        shutil.rmtree(out, ignore_errors=True)
        fresh.rename(out)
    except pages.PageError as error:
        raise SiteError(str(error)) from error
    finally:
        for folder in (fresh, staged):
            shutil.rmtree(folder, ignore_errors=True)
    return out / "index.html"


def addresses(url: str | None = None) -> dict[str, str]:
    """Language -> where its edition is published, nothing when nobody says. SiteError for what is no address."""
    named = os.environ.get("VERIFY_SITE_URL", "") if url is None else url
    if not named:
        return {}
    parts = urlsplit(named)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        raise SiteError(f"{named!r} is no address of a site; write one such as https://example.org/diffusion/")
    base = named.rstrip("/") + "/"
    return {language: base if language == "en" else f"{base}{language}/" for language in pages.LANGUAGES}


def _id_faults(root: Path, library: Library) -> list[str]:
    """Ids that would have no address any more, or two."""
    try:
        present = [*library.claims, *(question.id for question in pages.read_questions(root, "en"))]
    except pages.PageError as error:
        return [str(error)]
    return [f"{PATH}: {fault}" for fault in library.register.faults(present)]


def _edition(
    root: Path,
    language: str,
    out: Path,
    staged: Path,
    library: Library,
    bibliography: Mapping[str, Work],
    strict: bool,
    urls: Mapping[str, str],
) -> None:
    os.environ.setdefault("NO_MKDOCS_2_WARNING", "1")  # the theme's notice about its own future
    from mkdocs.commands.build import build
    from mkdocs.config import load_config
    from mkdocs.exceptions import Abort, ConfigurationError

    shelf = gather(root, language, library, bibliography, urls.get(language, ""))
    folder = staged / language
    pages.lay_out(root, language, folder, library)
    for companion in (hover, citation, feeds):
        companion.write(shelf, folder)
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
            site_url=urls.get(language, ""),
        )
        for name in EXTENSIONS:
            config.mdx_configs[name] = {"shelf": shelf}
        config.extra["root"] = str(root)
        config.extra["addresses"] = urls
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


def _segment(config: Any, language: str) -> None:
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


def _with_folders(nav: list[Any], folder: Path) -> list[Any]:
    """The navigation with each `name/` replaced by the pages of that folder, the index first."""

    def entries(name: str) -> list[str]:
        files = (folder / name).iterdir() if (folder / name).is_dir() else ()
        found = sorted(
            (file for file in files if file.suffix in (".md", ".py", ".ipynb")),
            key=lambda file: (file.stem != "index", file.stem),
        )
        return [f"{name}{file.name}" for file in found]

    def filled(listed: list[Any]) -> list[Any]:
        shown = []
        for entry in listed:
            if not isinstance(entry, dict):  # a page by its path alone
                shown.append(entry)
                continue
            for title, item in entry.items():
                if isinstance(item, list):
                    item = filled(item)
                elif item.endswith("/"):
                    item = entries(item)
                shown += [{title: item}] if item else []
        return shown

    return filled(nav)
