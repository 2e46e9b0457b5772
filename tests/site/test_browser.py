"""The site in a real browser: search, filters, languages, light and dark, phone, paper, keyboard, accessibility."""

from __future__ import annotations

from pathlib import Path

import pytest

from verify.ledger.verdict import VERDICTS
from verify.site import words
from verify.site.cards import card

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text("utf-8")
PAGES = (
    "index.html",
    "claims/index.html",
    "claims/cm.html",
    "consistency/distillation.html",
    "questions/index.html",
    "questions/why-preconditioners.html",
    "coverage.html",
    "references.html",
    "notebooks/check-a-derivation.html",
)
SCHEMES = {"light": "default", "dark": "slate"}
BOTH = [*PAGES, *(f"zh/{page}" for page in PAGES)]
COLOUR = "element => getComputedStyle(element).color"
SERIOUS = """async () => (await axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]})).violations
  .filter(found => ["serious", "critical"].includes(found.impact))
  .map(found => `${found.id}: ${found.nodes.slice(0, 3).map(node => node.html.slice(0, 160)).join(" | ")}`)"""


@pytest.fixture
def breaches(open_page):
    """What axe-core finds serious on a page."""

    def find(page) -> list[str]:
        page.evaluate(AXE)
        return page.evaluate(SERIOUS)

    return find


@pytest.mark.parametrize("path", BOTH)
def test_a_page_is_accessible_in_both_schemes_and_fits_a_phone(open_page, breaches, path: str) -> None:
    wide, narrow = ("dark", "light") if path.startswith("zh/") else ("light", "dark")
    page = open_page(path, scheme=wide)
    assert breaches(page) == []
    page.locator("[data-md-component=palette] label:not([hidden])").first.click()
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_function("name => document.body.dataset.mdColorScheme === name", arg=SCHEMES[narrow])
    page.wait_for_timeout(300)  # the theme's colours fade
    assert breaches(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.evaluate("scrollTo(200, 0)")
    assert page.evaluate("scrollX") == 0


def test_an_open_card_is_accessible_in_the_dark(open_page, breaches) -> None:
    page = open_page("claims/edm.html", scheme="dark")
    page.evaluate("document.querySelectorAll('article details').forEach(part => part.open = true)")
    page.wait_for_timeout(300)
    assert breaches(page) == []


def test_the_check_of_accessibility_sees_a_fault(open_page, breaches) -> None:
    page = open_page("index.html")
    page.evaluate("document.querySelector('article p').style.color = '#ddd'")
    assert any("color-contrast" in line for line in breaches(page))


def test_a_card_of_each_verdict_shows_sign_word_and_colour(open_page, library) -> None:
    shown = {}
    (stale,) = (id_ for id_, standing in library.standings.items() if standing.stale)
    for address, ids in (
        ("claims/cm.html", [claim.id for claim in library.topics["cm"]]),
        (card.address(stale), [stale]),
    ):
        page = open_page(address)
        ink = page.locator("article").evaluate(COLOUR)
        for id_ in ids:
            standing = library.standings[id_]
            for place, verdict in enumerate([standing.verdict, *["stale"] * standing.stale]):
                badge = page.locator(f'[data-claim="{id_}"] .vd-line > .vd-badge').nth(place)
                assert (
                    badge.is_visible() and badge.inner_text() == f"{words.SIGNS[verdict]} {words.TEXT['en'][verdict]}"
                )
                shown[verdict] = badge.evaluate(COLOUR)
    assert shown.keys() == {*VERDICTS, "stale"} and ink not in shown.values()


def test_a_card_unfolds_with_the_keyboard(open_page) -> None:
    page = open_page("claims/edm.html")
    part = page.locator(".vd-step details:not([open])").first
    part.evaluate("part => { part.id = 'here'; part.querySelector('summary').focus(); }")
    page.keyboard.press("Enter")
    assert page.evaluate("document.getElementById('here').open")
    assert page.locator("#here .vd-display").is_visible()


def test_a_card_unfolds_without_scripts(open_page) -> None:
    page = open_page("claims/edm.html", java_script_enabled=False)
    part = page.locator("details.vd-mistakes").first
    assert not part.locator(".vd-mistake").first.is_visible()
    part.locator("summary").click()
    assert part.locator(".vd-mistake").first.is_visible() and part.locator(".katex").first.is_visible()


def test_the_language_link_stays_on_the_page_and_at_the_place(open_page) -> None:
    page = open_page("claims/edm.html#edm.precond")
    page.locator(".vd-language").click()
    page.wait_for_url("**/zh/claims/edm.html#edm.precond")
    assert page.locator("html").get_attribute("lang") == "zh"
    page.locator(".vd-language").click()
    page.wait_for_url(lambda url: "/zh/" not in url and url.endswith("claims/edm.html#edm.precond"))


def ask(page, words: str) -> None:
    """Types into the search field; the theme searches on the key that follows."""
    page.keyboard.press("/")
    page.locator(".md-search__input").fill(words)
    page.locator(".md-search__input").press("End")


@pytest.mark.parametrize(
    ("path", "asked", "found"),
    [
        ("index.html", "preconditioning", "claims/edm.html#edm.precond"),
        ("index.html", "edm.churn", "edm.churn"),
        ("zh/index.html", "预条件", "zh/claims/edm.html#edm.precond"),
        ("zh/index.html", "去噪器", "zh/"),
        ("zh/index.html", "概率流", "zh/claims/edm.html"),
    ],
)
def test_search_finds(open_page, path: str, asked: str, found: str) -> None:
    page = open_page(path)
    ask(page, asked)
    page.locator(".md-search-result__link").first.wait_for()
    links = page.locator(".md-search-result__link").evaluate_all(
        "links => links.map(link => link.href.replace(/[?][^#]*/, ''))"
    )
    assert any(found in link for link in links), links
    assert all(("/zh/" in link) == path.startswith("zh/") for link in links)


def test_search_says_when_there_is_nothing(open_page) -> None:
    page = open_page("index.html")
    ask(page, "xyzzy")
    page.get_by_text("No matching documents").wait_for()
    assert page.locator(".md-search-result__link").count() == 0


def test_filters_narrow_the_index_with_the_keyboard_alone(open_page, library) -> None:
    page = open_page("claims/index.html")
    assert len(page.locator("[data-row]:visible").all()) == len(library.claims)
    page.locator("[name=text]").focus()
    page.keyboard.type("precond")
    wanted = {
        id_
        for id_, claim in library.claims.items()
        if "precond" in " ".join([id_, *claim.title.values(), *claim.slogan.values()]).lower()
    }
    rows = page.locator("[data-row]:visible td:first-child").all_inner_texts()
    assert set(rows) == wanted and 0 < len(wanted) < len(library.claims)
    assert str(len(wanted)) in page.locator("output").inner_text()
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    page.keyboard.press("Tab")
    page.keyboard.type("gauss")
    rows = page.locator("[data-row]:visible td:first-child").all_inner_texts()
    assert set(rows) == {id_ for id_ in library.claims if id_.startswith("gauss.")}


def test_filters_by_verdict(open_page, library) -> None:
    page = open_page("claims/index.html")
    for verdict in VERDICTS:
        if verdict != "refuted":
            page.locator(f"[name=verdict][value={verdict}]").uncheck()
    rows = page.locator("[data-row]:visible td:first-child").all_inner_texts()
    assert set(rows) == {id_ for id_, standing in library.standings.items() if standing.verdict == "refuted"}
    page.locator("[name=verdict][value=refuted]").uncheck()
    assert page.locator("[data-row]:visible").count() == 0 and page.locator("output").inner_text()


def test_filters_of_questions(open_page) -> None:
    page = open_page("questions/index.html")
    whole = page.locator("[data-row]:visible").count()
    page.locator("[name=kind]").select_option("Why")
    kinds = page.locator("[data-row]:visible").evaluate_all("rows => rows.map(row => row.dataset.kind)")
    assert set(kinds) == {"Why"} and len(kinds) < whole
    page.locator("[name=kind]").select_option("")
    page.locator("[name=topic]").select_option(label="Guidance")
    topics = page.locator("[data-row]:visible").evaluate_all("rows => rows.map(row => row.dataset.topic.split(' '))")
    assert topics and all("guide" in found for found in topics) and len(topics) < whole


@pytest.mark.parametrize("scheme", SCHEMES)
def test_paper_shows_the_text_and_no_navigation(open_page, scheme: str) -> None:
    page = open_page("claims/cm.html", scheme=scheme)
    page.emulate_media(media="print")
    for part in (".md-header", ".md-tabs", ".md-sidebar--primary", ".md-footer", ".vd-copy"):
        assert not page.locator(part).first.is_visible(), part
    assert page.locator(".vd-card .katex").first.is_visible()
    folded, unfolded = (
        page.locator(f".vd-step details{state} .vd-route").first for state in (":not([open])", "[open]")
    )
    assert unfolded.is_visible() and not folded.is_visible()  # as the reader left it
    colours = [page.locator(f".vd-line .vd-{name}").first.evaluate(COLOUR) for name in ("proved", "refuted")]
    assert len({*colours, page.locator("article").evaluate(COLOUR)}) == 3
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert page.locator("article").evaluate(COLOUR) == "rgb(0, 0, 0)" and ground == "rgb(255, 255, 255)"


def test_paper_leaves_folded_what_the_reader_left_folded(open_page) -> None:
    page = open_page("claims/cm.html")
    page.evaluate("document.querySelector('.vd-step details:not([open])').open = true")
    left = page.locator(".vd-step details[open]").count()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")  # here the theme opens every fold
    page.emulate_media(media="print")
    assert page.locator(".vd-step details[open]").count() > left > 0
    assert page.locator(".vd-step > details > p:first-of-type:visible").count() == left


@pytest.mark.parametrize("path", ["claims/edm.html", "zh/claims/edm.html"])
def test_formulas_are_there_at_first_paint_and_nothing_moves(chromium, served: str, path: str) -> None:
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.add_init_script("""
      window.moved = 0;
      new PerformanceObserver(list => { for (const entry of list.getEntries()) moved += entry.value; })
        .observe({type: "layout-shift", buffered: true});""")
    page.goto(served + path, wait_until="networkidle")
    page.wait_for_timeout(300)
    assert page.evaluate("moved") < 0.05  # half of what counts as good
    text = page.evaluate("document.querySelector('article').innerText")
    assert "\\frac" not in text and "$$" not in text and "\\(" not in text
    context.close()


def test_search_and_language_work_from_a_folder_without_a_server(chromium, site: Path) -> None:
    context = chromium.new_context()
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((site / "index.html").as_uri(), wait_until="networkidle")
    ask(page, "preconditioning")
    page.locator(".md-search-result__link").first.wait_for()
    page.keyboard.press("Escape")
    page.locator(".vd-language").click()
    page.wait_for_url("**/zh/index.html")
    assert all(url.startswith(("file:", "data:", "blob:")) for url in asked)
    context.close()
