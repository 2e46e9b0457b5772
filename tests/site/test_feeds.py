"""What the site tells other programs of itself: feeds, sitemap, and how a page looks where it is linked."""

from __future__ import annotations

import dataclasses
import re
import xml.etree.ElementTree as etree
from datetime import datetime
from html import unescape
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.site.conftest import ADDRESS, ROOT
from verify.ledger.history import Event, read_history
from verify.site.build import SiteError, addresses
from verify.site.cards.card import Question, Shelf
from verify.site.cards.citation import Imprint, read_imprint
from verify.site.contents.model import Library
from verify.site.programs import feeds

ATOM = "{http://www.w3.org/2005/Atom}"
MAP, XHTML = "{http://www.sitemaps.org/schemas/sitemap/0.9}", "{http://www.w3.org/1999/xhtml}"


def breaches(document: bytes, site: Path | None = None) -> list[str]:
    """What RFC 4287 asks of a feed and this one lacks; links into `site` must lead somewhere."""
    root, found = etree.fromstring(document), []
    if root.tag != f"{ATOM}feed":
        return [f"the root is {root.tag}"]
    entries = root.findall(f"{ATOM}entry")
    for element in (root, *entries):
        for name in ("id", "title", "updated"):
            if len(element.findall(f"{ATOM}{name}")) != 1 or not element.findtext(f"{ATOM}{name}"):
                found.append(f"not one {name}")
        if not re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", element.findtext(f"{ATOM}id") or ""):
            found.append("an id that is no IRI")
        try:
            datetime.strptime(element.findtext(f"{ATOM}updated") or "", "%Y-%m-%dT%H:%M:%SZ")
        except ValueError:
            found.append("updated is no date")
        links = element.findall(f"{ATOM}link")
        if not [link for link in links if link.get("rel") == "alternate"]:
            found.append("no link")
        for link in links:
            href = link.get("href") or ""
            file, _, anchor = href.removeprefix(ADDRESS).partition("#")
            if not urlsplit(href).scheme.startswith("http"):
                found.append(f"{href!r} is not absolute")
            elif site:
                target = site / unquote(file)
                target = target / "index.html" if target.is_dir() else target
                if not target.is_file() or (anchor and f'id="{anchor}"' not in target.read_text("utf-8")):
                    found.append(f"nothing at {href}")
    if not root.findall(f"{ATOM}author/{ATOM}name"):
        found.append("no author")
    if not [link for link in root.findall(f"{ATOM}link") if link.get("rel") == "self"]:
        found.append("no link to itself")
    ids = [entry.findtext(f"{ATOM}id") for entry in entries]
    if len(set(ids)) < len(ids):
        found.append("an id twice")
    dates = [entry.findtext(f"{ATOM}updated") or "" for entry in entries]
    if dates != sorted(dates, reverse=True) or root.findtext(f"{ATOM}updated") != max(dates, default=""):
        found.append("not the newest first")
    return found


@pytest.mark.parametrize("edition", ["", "zh/"])
@pytest.mark.parametrize("name", ["questions", "verdicts"])
def test_feeds_are_right_and_lead_somewhere(site: Path, edition: str, name: str) -> None:
    document = (site / edition / "feeds" / f"{name}.xml").read_bytes()
    assert breaches(document, site) == []
    assert len(etree.fromstring(document).findall(f"{ATOM}entry")) > 1


@pytest.mark.parametrize(
    ("was", "is_"),
    [
        (b"<entry>", b"<entry><id>x</id>"),
        (b"T00:00:00Z", b""),
        (b'href="https://example.org', b'href="'),
        (b"<name>", b"<nom>"),
        (b'rel="self"', b'rel="other"'),
        (b"claims/edm.html#edm.precond", b"claims/edm.html#edm.prefond"),
    ],
)
def test_the_check_of_a_feed_sees_a_fault(site: Path, was: bytes, is_: bytes) -> None:
    document = (site / "feeds" / "verdicts.xml").read_bytes()
    assert was in document
    planted = document.replace(was, is_).replace(b"</name>" if is_ == b"<nom>" else b"\0", b"</nom>")
    assert breaches(planted, site)


def test_changes_are_told_newest_first_with_what_was_before(site: Path) -> None:
    root = etree.fromstring((site / "feeds" / "verdicts.xml").read_bytes())
    titles = [entry.findtext(f"{ATOM}title") for entry in root.findall(f"{ATOM}entry")]
    assert titles == [
        "edm.precond: ✓ proved → ✗ refuted",
        "gauss.sum: ✓ proved → removed",
        "edm.precond: ? undecided → ✓ proved",
        "gauss.sum: ✓ proved",
        "edm.precond: ? undecided",
    ]


def one_feed(name: str, **values) -> str:
    library = Library({}, {}, {}, history=values.pop("history", ()))
    shelf = Shelf(library, imprint=Imprint("N", ("A",), "1", ADDRESS), **values)
    return feeds.feed(shelf, name, list(getattr(feeds, name)(shelf))).decode()


def test_ids_stay_when_the_site_moves_or_more_is_added() -> None:
    old = (Event("2026-01-01", "proved", "a.b"),)
    new = (*old, Event("2026-01-01", "refuted", "a.b", "proved"), Event("2026-01-02", "proved", "a.b", "refuted"))
    ids = [re.findall(r"<entry>\s*<id>(.*?)</id>", one_feed("verdicts", history=history)) for history in (old, new)]
    assert ids[0] == ids[1][-1:] and len(set(ids[1])) == 3


def test_hostile_words_stay_words() -> None:
    asked = Question("x", '</title><script>alert("1")</script>&\x0b', "questions/x.html", "Why", "open", "2026-01-01")
    document = one_feed("questions", questions=(asked,))
    assert breaches(document.encode()) == []
    root = etree.fromstring(document)
    assert root.findtext(f"{ATOM}entry/{ATOM}title") == '</title><script>alert("1")</script>&'
    assert {element.tag.removeprefix(ATOM) for element in root.iter()} <= {
        "feed", "id", "title", "updated", "link", "author", "name", "entry", "summary",
    }  # fmt: skip


def test_no_address_no_feed(tmp_path: Path) -> None:
    feeds.write(Shelf(Library({}, {}, {}, history=read_history("2026-01-01 proved a.b"))), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_sitemap_pairs_every_page_with_its_counterpart(site: Path) -> None:
    root = etree.fromstring((site / "sitemap.xml").read_bytes())
    found = {}
    for url in root.findall(f"{MAP}url"):
        found[url.findtext(f"{MAP}loc")] = {
            link.get("hreflang"): link.get("href") for link in url.findall(f"{XHTML}link[@rel='alternate']")
        }
    pages = {file.relative_to(site).as_posix() for file in site.rglob("*.html") if file.name != "404.html"}
    pages = {page for page in pages if not page.startswith(("assets/", "zh/assets/"))}
    assert {place.removeprefix(ADDRESS) for place in found} == pages
    for place, pair in found.items():
        page = place.removeprefix(ADDRESS).removeprefix("zh/")
        assert pair == {"en": f"{ADDRESS}{page}", "zh": f"{ADDRESS}zh/{page}"}


def head(page: str) -> dict[str, str]:
    """Property or name -> content of a page's meta elements, and the canonical link."""
    tags = re.findall(r"<(?:meta|link)\b[^>]*>", page.partition("</head>")[0])
    attributes = [dict(re.findall(r'([\w-]+)="([^"]*)"', tag)) for tag in tags]
    said = {one.get("property") or one.get("name"): unescape(one.get("content", "")) for one in attributes}
    canonical = [one["href"] for one in attributes if one.get("rel") == "canonical"]
    return said | {"canonical": "".join(canonical)}


@pytest.mark.parametrize("edition", ["", "zh/"])
@pytest.mark.parametrize(
    "page", ["index.html", "claims/edm.html", "questions/why-preconditioners.html", "edm/index.html"]
)
def test_a_page_says_what_it_is_where_it_is_linked(site: Path, edition: str, page: str) -> None:
    said = head((site / edition / page).read_text("utf-8"))
    assert said["canonical"] == said["og:url"] == f"{ADDRESS}{edition}{page}"
    assert len(said["og:title"]) > 2 and len(said["og:description"]) > 20
    assert said["og:description"] == said["description"]
    assert (site / said["og:image"].removeprefix(ADDRESS)).is_file() and said["twitter:card"] == "summary_large_image"


def test_titles_and_descriptions_differ(site: Path) -> None:
    said = [head(file.read_text("utf-8")) for file in sorted((site / "claims").glob("*.html"))]
    for name in ("og:title", "og:description"):
        texts = [one[name] for one in said]
        assert len(set(texts)) == len(texts), name


def test_a_hostile_title_stays_in_its_attribute() -> None:
    import jinja2

    source = (ROOT / "verify/site/theme/main.html").read_text("utf-8")
    block = re.search(r"{% block site_meta %}(.*?){% endblock %}", source, re.S)
    assert block
    hostile = '"><script>alert(1)</script> & "quoted" &quot;>'
    page = {"title": hostile, "meta": {"description": hostile}, "canonical_url": "", "is_homepage": False}
    config = {"site_name": hostile, "site_description": hostile, "theme": {"language": "en"}}
    theme = jinja2.Environment()
    theme.filters["url"] = str
    shown = theme.from_string(block[1].replace("{{ super() }}", "")).render(page=page, config=config)
    assert "<script" not in shown and shown.count("<meta") == len(
        re.findall(r'<meta \w+="[^"]*" content="[^"]*">', shown)
    )


@pytest.mark.parametrize(
    "url", ["example.org", "ftp://example.org/", "https://", "https://example.org/?a", "javascript:x"]
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(SiteError, match="address"):
        addresses(url)


def test_the_address_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VERIFY_SITE_URL", raising=False)
    assert addresses() == {}
    monkeypatch.setenv("VERIFY_SITE_URL", "https://example.org/kb")
    assert addresses() == {"en": "https://example.org/kb/", "zh": "https://example.org/kb/zh/"}


def test_the_imprint_is_the_one_of_the_citation_file() -> None:
    imprint = read_imprint(ROOT, ADDRESS)
    text = (ROOT / "CITATION.cff").read_text("utf-8")
    assert all(said in text for said in (imprint.name, imprint.version, *imprint.authors)) and imprint.authors


def test_a_shelf_without_an_imprint_can_still_cite(library) -> None:
    shelf = dataclasses.replace(Shelf(library))
    assert "@misc{edm.precond" in shelf.cite(library.claims["edm.precond"])
