"""The content does not depend on MkDocs: Markdown alone makes the same claims, verdicts and formulas of it.

What MkDocs and its theme add, and another generator would have to bring, is in `ADDED`.
"""

from __future__ import annotations

import re
from pathlib import Path

import markdown
import pytest
import yaml

from tests.site.built import EDITIONS, Page, Site
from tests.site.checks import ARTICLE, BADGE, SET
from tests.site.conftest import ROOT
from verify.site import pages
from verify.site.build import EXTENSIONS
from verify.site.contents.bibliography import works
from verify.site.contents.model import Library
from verify.site.edition import gather
from verify.site.markdown.place import Place, PlaceExtension

ADDED = {
    "navigation and search": r'class="md-nav|class="md-search',
    "the link to the other language": "vd-language",
    "the description in the head": '<meta name="description"',
}
CLAIM = re.compile(r'data-claim="([^"]+)"')


def extensions() -> tuple[list[str], dict[str, dict]]:
    """The Markdown extensions of mkdocs.yml and their options."""
    listed = yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))["markdown_extensions"]
    options = {name: value for item in listed if isinstance(item, dict) for name, value in item.items()}
    return [name for item in listed for name in (item if isinstance(item, dict) else [item])], options


@pytest.fixture(scope="module", params=EDITIONS)
def rendered(request, library: Library, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Address in the site -> HTML, by Markdown alone: the pages of claims of one edition, and one page of each kind."""
    language, folder = request.param, tmp_path_factory.mktemp("laid") / request.param
    pages.lay_out(ROOT, language, folder, library)
    shelf = gather(ROOT, language, library, works(ROOT / "docs" / "references.bib"))
    names, options = extensions()
    options |= {name: {"shelf": shelf} for name in EXTENSIONS}
    chosen = [
        "index.md",
        "coverage.md",
        "references.md",
        "papers/index.md",
        "edm/preconditioning.md",
        "questions/index.md",
    ]
    found = {}
    for file in [*sorted((folder / "claims").glob("*.md")), *(folder / name for name in chosen)]:
        name, text = file.relative_to(folder).as_posix(), file.read_text("utf-8")
        place = PlaceExtension(Place(name, name.removesuffix(".md") + ".html", str(file)))
        _, height = pages.front_matter(text, name)
        body = "\n".join(text.splitlines()[height:])
        html = markdown.markdown(body, extensions=[*names, place], extension_configs=options)
        found[f"{EDITIONS[language]}{name.removesuffix('.md')}.html"] = html
    return found


def content(name: str, html: str) -> dict[str, list]:
    """The claims, verdicts and formulas of a page, in order."""
    text = Page.read(name, html).text
    return {"claims": CLAIM.findall(text), "verdicts": BADGE.findall(text), "formulas": SET.findall(text)}


def test_markdown_alone_makes_the_same_content(rendered: dict[str, str], site: Path) -> None:
    for name, html in rendered.items():
        article = ARTICLE.search((site / name).read_text("utf-8"))
        assert article and content(name, html) == content(name, article[0]), name


def test_every_claim_is_there(rendered: dict[str, str], library: Library) -> None:
    shown = {id_ for html in rendered.values() for id_ in CLAIM.findall(html)}
    assert shown == library.claims.keys()


def test_its_links_lead_where_those_of_the_site_lead(rendered: dict[str, str], site: Path, library: Library) -> None:
    whole = Site(site, library)
    for name, html in rendered.items():
        for target, fragment, _ in Page.read(name, html).links:
            target = re.sub(r"\.(md|py|ipynb)$", ".html", target)
            assert target in whole.files, (name, target)
            assert not fragment or not target.endswith(".html") or fragment in whole.page(target).ids, (name, fragment)


def test_what_is_missing_is_what_the_theme_adds(rendered: dict[str, str], site: Path) -> None:
    for name, html in rendered.items():
        built = (site / name).read_text("utf-8")
        for what, sign in ADDED.items():
            assert re.search(sign, built) and not re.search(sign, html), (name, what)
