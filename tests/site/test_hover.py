"""The small cards beside links, the chips, and what a card lets one copy."""

from __future__ import annotations

import dataclasses
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from pybtex.database import parse_string

from tests.site.test_extensions import BIB, shelf  # noqa: F401 (a fixture)
from verify.site.cards import hover
from verify.site.cards.card import Printer, Shelf, address
from verify.site.cards.citation import Imprint, bibtex
from verify.site.contents.bibliography import works
from verify.site.pages import read_questions

ROOT = Path(__file__).parents[2]
AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text("utf-8")
HOSTILE = """</script><img src=x onerror=alert(1)> "quoted" 'too' & {un}bal}anced \\input{x} $x^2$ % # _ ~ \u2028"""
PAGE = "questions/why-preconditioners.html"
WAIT = 10_000  # milliseconds; far more than it takes


def cards(site: Path, name: str) -> dict[str, str]:
    """The cards in one script of a built site, read as data."""
    text = (site / "assets" / "hover" / f"{name}.js").read_text("utf-8")
    found = re.fullmatch(rf'vdHover\("{name}", (\{{.*\}})\);\n', text, re.S)
    assert found
    return json.loads(found[1])


class Elements(HTMLParser):
    """The tags and attributes of a piece of HTML, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


def hostile(shelf: Shelf) -> Shelf:  # noqa: F811
    """The shelf with HOSTILE for the title and the slogan of its claim."""
    library = shelf.library
    claim = library.claims["demo.square"]
    said = {"en": HOSTILE, "zh": HOSTILE}
    claims = {"demo.square": dataclasses.replace(claim, title=said, slogan={"en": HOSTILE.replace("$", "")})}
    changed = type(library)(claims, library.entries, library.standings)
    return dataclasses.replace(shelf, library=changed)


def test_every_claim_and_every_cited_work_has_a_card_in_both_languages(site: Path, library) -> None:
    for edition, language in ((site, "en"), (site / "zh", "zh")):
        found = {id_: card for topic in library.topics for id_, card in cards(edition, topic).items()}
        assert set(found) == set(library.claims)
        for id_, claim in library.claims.items():
            text = " ".join(Elements(found[id_]).text.split())
            assert " ".join(claim.title[language].split()) in text and id_ in text
            assert f"vd-badge vd-{library.standings[id_].verdict}" in found[id_]
        questions = cards(edition, "questions")
        assert set(questions) == {one.id for one in read_questions(ROOT, language)}
        assert all(len(Elements(card).text.split("\n")[-1]) > 20 for card in questions.values())  # its short answer
        assert set(cards(edition, "definitions")) == {one.id for one in library.definitions}
    works_ = re.findall(r'<li id="([\w:.-]+)"', (site / "references.html").read_text("utf-8"))
    assert set(cards(site, "references")) == set(works_) and works_


def test_a_page_does_not_grow_by_the_cards(site: Path) -> None:
    page = (site / PAGE).read_text("utf-8")
    assert "assets/hover/" not in page and page.count("assets/hover.js") == 1


def test_hostile_words_stay_words(shelf, tmp_path: Path) -> None:  # noqa: F811
    shelf = hostile(shelf)
    hover.write(shelf, tmp_path)
    card = cards(tmp_path, "demo")["demo.square"]
    found = Elements(card)
    assert not {"script", "img"} & set(found.tags) and not any(name.startswith("on") for name in found.attributes)
    assert "<img src=x onerror=alert(1)>" in found.text
    chip = Elements(str(Printer(shelf, "index.html").chip("demo.square")))
    assert chip.tags == ["a", "span", "span", "span"] and not any(name.startswith("on") for name in chip.attributes)


def test_a_topic_may_not_take_the_place_of_the_bibliography(shelf, tmp_path: Path) -> None:  # noqa: F811
    claim = dataclasses.replace(shelf.library.claims["demo.square"], id="references.x")
    library = type(shelf.library)({claim.id: claim}, {}, {})
    with pytest.raises(ValueError, match="references"):
        hover.write(dataclasses.replace(shelf, library=library), tmp_path)


def test_a_citation_is_bibtex_whatever_the_title(shelf) -> None:  # noqa: F811
    claim = hostile(shelf).library.claims["demo.square"]
    imprint = Imprint("Site & Co", ("A {B} C",), "1.0_2", "https://example.org/x/")
    text = bibtex(claim, HOSTILE, address(claim.id), imprint)
    (key, entry), *others = parse_string(text, "bibtex").entries.items()
    assert key == "demo.square" and not others
    assert entry.fields["url"] == "https://example.org/x/claims/demo.html#demo.square"
    title = entry.fields["title"]
    assert title.count("{") == title.count("}") and "\\input" not in title
    assert not re.search(r"(?<!\\)[&%$#_~^]", title)
    assert "url" not in parse_string(bibtex(claim, "T", address(claim.id), Imprint()), "bibtex").entries[key].fields


def test_all_claims_can_be_cited_at_their_permanent_address(site: Path, library) -> None:
    from tests.site.conftest import ADDRESS

    for edition, url in ((site, ADDRESS), (site / "zh", f"{ADDRESS}zh/")):
        entries = parse_string((edition / "claims.bib").read_text("utf-8"), "bibtex").entries
        assert set(entries) == {id_.lower() for id_ in library.claims}
        assert all(entries[id_].fields["url"] == f"{url}{address(id_)}" for id_ in library.claims)


def test_chips_name_every_use_in_both_directions_with_its_verdict(site: Path, library) -> None:
    for id_ in library.claims:
        card = library.card(id_)
        page = (site / address(id_).partition("#")[0]).read_text("utf-8")
        section = page.partition(f'data-claim="{id_}"')[2].partition('data-claim="')[0]
        found = re.findall(
            r'class="vd-chip" href="([^"]+)" title="[^"]*"><span class="vd-sign vd-(\w+)".*?</span>([\w.-]+)</a>',
            section,
        )
        assert [name for _, _, name in found] == [*card.claim.after, *card.claim.uses, *card.used_by], id_
        for target, verdict, name in found:
            assert verdict == library.standings[name].verdict
            file, _, anchor = target.partition("#")
            assert (
                anchor == name
                and f'id="{anchor}"' in (site / "claims" / (file or f"{card.claim.topic}.html")).read_text()
            )


# ---------------------------------------------------------------- in a browser


@pytest.fixture
def reference(open_page):
    """A page with a link to a claim in its text, and that link."""

    def find(path: str = PAGE, **options):
        page = open_page(path, **options)
        return page, page.locator('.md-content p a[href*="#edm.precond"], .md-content li a[href*="#edm.precond"]').first

    return find


def test_resting_on_a_link_shows_the_claim_and_the_pointer_may_enter(reference, library) -> None:
    page, link = reference()
    title = link.get_attribute("title")
    link.hover()
    card = page.locator("#vd-hover")
    card.wait_for(state="visible", timeout=WAIT)
    assert library.claims["edm.precond"].title["en"] in card.inner_text()
    assert card.locator(".vd-badge").first.is_visible() and card.locator(".katex").first.is_visible()
    assert link.get_attribute("title") is None and title  # not two notes, one over the other
    card.hover()
    page.wait_for_timeout(500)
    assert card.is_visible()
    page.mouse.move(5, 5)
    card.wait_for(state="hidden", timeout=WAIT)
    assert link.get_attribute("title") == title and link.get_attribute("aria-describedby") is None


def test_resting_on_a_question_shows_its_short_answer(open_page) -> None:
    page = open_page("edm/preconditioning.html")
    page.locator('.md-content a[href*="questions/why-preconditioners.html"]').first.hover()
    card = page.locator("#vd-hover")
    card.wait_for(state="visible", timeout=WAIT)
    (question,) = (one for one in read_questions(ROOT, "en") if one.id == "why-preconditioners")
    assert question.title in card.inner_text() and question.short in card.inner_text()


def test_the_keyboard_opens_it_and_escape_closes_it(reference) -> None:
    page, link = reference()
    page.keyboard.press("Tab")  # from here on the browser shows the focus
    link.focus()
    page.locator("#vd-hover").wait_for(state="visible", timeout=WAIT)
    told = page.evaluate("document.getElementById(document.activeElement.getAttribute('aria-describedby')).innerText")
    assert "edm.precond" in told
    page.keyboard.press("Escape")
    assert not page.locator("#vd-hover").is_visible()
    assert page.evaluate("document.activeElement.getAttribute('href')").endswith("#edm.precond")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_open_card_is_accessible(reference, scheme: str) -> None:
    page, link = reference(scheme=scheme)
    link.hover()
    page.locator("#vd-hover").wait_for(state="visible", timeout=WAIT)
    page.evaluate(AXE)
    found = page.evaluate(
        "async () => (await axe.run('#vd-hover')).violations.filter(one => one.impact !== 'minor').map(one => one.id)"
    )
    assert [one for one in found if one != "region"] == []


def test_a_long_press_shows_it_and_a_tap_follows_the_link(reference) -> None:
    page, link = reference("zh/" + PAGE, width=390, height=844, has_touch=True, is_mobile=True)
    box = link.bounding_box()
    point = [{"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}]
    finger = page.context.new_cdp_session(page)
    finger.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": point})
    card = page.locator("#vd-hover")
    card.wait_for(state="visible", timeout=WAIT)
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_timeout(100)
    assert card.is_visible() and page.url.endswith(PAGE)
    seen = card.bounding_box()
    assert seen["x"] >= 0 and seen["x"] + seen["width"] <= 390
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    link.tap()
    page.wait_for_url("**/zh/claims/edm.html#edm.precond", wait_until="commit")


def test_a_cited_work_shows_its_reference_and_a_name_on_its_own_card_nothing(open_page) -> None:
    page = open_page("claims/cm.html#cm.boundary")
    card, claim = page.locator("#vd-hover"), page.locator('[data-claim="cm.boundary"]')
    claim.locator('a[href*="references.html#"]').first.hover()
    card.wait_for(state="visible", timeout=WAIT)
    assert "Consistency" in card.inner_text()
    page.mouse.move(5, 5)
    card.wait_for(state="hidden", timeout=WAIT)
    claim.locator(".vd-line .vd-id").first.hover()
    page.wait_for_timeout(600)
    assert not card.is_visible()


def test_it_works_from_a_folder_without_a_server(chromium, site: Path) -> None:
    page = chromium.new_page()
    page.goto((site / PAGE).as_uri())
    page.locator('.md-content a[href*="#edm.precond"]').first.hover()
    page.locator("#vd-hover .katex").first.wait_for(state="visible", timeout=WAIT)
    page.close()


def test_without_scripts_the_link_and_the_texts_are_there(open_page) -> None:
    page = open_page("claims/cm.html", java_script_enabled=False)
    fold = page.locator('[data-claim="cm.boundary"] .vd-take')
    fold.locator("summary").click()
    assert fold.locator("[data-text=citation]").is_visible() and not page.locator(".vd-copy").first.is_visible()


def test_each_button_copies_what_it_says(open_page, library) -> None:
    page = open_page("claims/cm.html#cm.boundary", permissions=["clipboard-read", "clipboard-write"])
    claim = page.locator('[data-claim="cm.boundary"]')

    def copied(kind: str) -> str:
        claim.locator(f"[data-copies={kind}]").click()
        page.wait_for_timeout(50)
        return page.evaluate("navigator.clipboard.readText()")

    assert copied("link") == page.url
    latex = copied("latex")
    assert all(chain in latex for chain in library.claims["cm.boundary"].latex)
    assert list(parse_string(copied("citation"), "bibtex").entries) == ["cm.boundary"]
    assert copied("command") == "verify run cm.boundary"


def test_paper_shows_no_buttons(open_page) -> None:
    page = open_page("claims/cm.html")
    page.emulate_media(media="print")
    assert not page.locator(".vd-copies").first.is_visible() and not page.locator(".vd-take").first.is_visible()


def test_works_have_cards_where_there_are_works(shelf, tmp_path: Path) -> None:  # noqa: F811
    (tmp_path / "works.bib").write_text(BIB.replace("On squares", "On <b>squares</b> & </script>"), "utf-8")
    cited = dataclasses.replace(shelf, works=works(tmp_path / "works.bib"))
    hover.write(cited, tmp_path)
    found = Elements(cards(tmp_path, "references")["pythagoras500"])
    assert "script" not in found.tags and "Pythagoras" in found.text
