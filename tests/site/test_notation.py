"""The choice of a notation: on cards, across pages, without scripts, on paper; and the page of names."""

from __future__ import annotations

from verify.ledger.verdict import PROVED
from verify.site.contents.model import Library
from verify.site.contents.notation import ROWS, names, translations

CARD = 'section[data-claim="edm.loss-weight"]'


def own(page) -> list[bool]:
    """Which of the author's formulas on the card are shown."""
    found = page.locator(f"{CARD} > .vd-body > vd-formula.vd-display:not([data-notation])")
    return [found.nth(place).is_visible() for place in range(found.count())]


def test_every_claim_says_which_notations_it_has(library: Library, site):
    """Cards with translations offer them; every other card with a formula says that it is in its own notation."""
    assert len(library.translations) >= 20
    text = (site / "claims" / "edm.html").read_text("utf-8")
    mine = [claim for claim in library.claims.values() if claim.topic == "edm" and claim.chains]
    other = [claim for claim in mine if claim.id not in library.translations]
    assert text.count('class="vd-note vd-own-notation"') == len(other) > 0
    assert text.count('<fieldset class="vd-notation"') == len(mine) - len(other) > 0
    assert text.count("assets/notation.js") == 1


def test_a_card_shows_every_translation_with_its_verdict_and_its_letters(library: Library):
    shown = translations(library, "edm.loss-weight")
    assert [one.to for one in shown] == ["ddpm", "vp", "vdm", "flow"]
    chains = library.claims["edm.loss-weight"].chains
    for one in shown:
        assert one.verdict == PROVED and one.letters and len(one.chains) == len(chains)
    assert translations(library, "notation.edm") == []


def test_the_table_of_names_is_made_from_the_vocabularies(library: Library, site):
    columns = names(library)
    assert [one.name for one in columns] == list(library.notations)
    for one in columns:
        assert one.forward.keys() == ROWS.keys() and all(one.forward.values())
        assert len(one.back) == (0 if one.name == "edm" else len(one.claim.chains))
    for page in ("notation.html", "zh/notation.html"):
        text = (site / page).read_text("utf-8")
        assert text.count('<table class="vd-names">') == 2
        assert text.count(r"\sqrt{\frac{1-\bar{\alpha}_{t}}{\bar{\alpha}_{t}}}") >= 1


def test_the_choice_replaces_the_formulas_and_is_kept_on_other_pages(open_page):
    page = open_page("claims/edm.html#edm.loss-weight")
    assert all(own(page)) and page.locator(f"{CARD} .vd-notation").is_visible()
    group = page.locator(f"{CARD} .vd-notation")
    group.get_by_label("as written").focus()
    page.keyboard.press("ArrowRight")  # a radio group: the arrows choose
    assert group.get_by_label("DDPM").is_checked() and not any(own(page))
    told = page.locator(f"{CARD} > .vd-body > .vd-letters")
    assert told.is_visible() and "DDPM" in told.inner_text() and "proved" in told.inner_text()
    formulas = page.locator(f"{CARD} > .vd-body > vd-formula.vd-display:visible")
    assert formulas.count() == 3
    assert all(r"\bar{\alpha}_{t}" in tex for tex in formulas.locator("annotation").all_text_contents()[1:])
    assert page.locator('section[data-claim="edm.init-loss-one"] > .vd-body > .vd-letters').is_visible()
    page.goto(page.url.split("claims/")[0] + "claims/ddim.html")
    other = page.locator('section[data-claim="ddim.step"]')
    assert other.locator('.vd-notation input[value="ddpm"]').is_checked()
    other.locator('.vd-notation input[value=""]').check(force=True)
    assert other.locator("> .vd-body > .vd-letters").count() == 0
    page.reload()
    assert other.locator('.vd-notation input[value=""]').is_checked()


def test_without_scripts_all_translations_stand_in_a_folded_list(open_page):
    page = open_page("claims/edm.html#edm.loss-weight", java_script_enabled=False)
    assert not page.locator(f"{CARD} .vd-notation").is_visible() and all(own(page))
    folded = page.locator(f"{CARD} details.vd-notations")
    folded.locator("> summary").click()
    assert folded.locator("section[data-notation]").count() == 4
    assert folded.locator("section[data-notation] vd-formula.vd-display").first.is_visible()


def test_on_paper_the_chosen_notation_is_printed(open_page):
    page = open_page("claims/edm.html#edm.loss-weight")
    page.locator(f'{CARD} .vd-notation input[value="flow"]').check(force=True)
    page.emulate_media(media="print")
    assert not page.locator(f"{CARD} .vd-notation").is_visible() and not any(own(page))
    assert page.locator(f"{CARD} > .vd-body > .vd-letters").is_visible()


def test_the_choice_fits_a_phone(open_page):
    page = open_page("claims/edm.html#edm.loss-weight", width=390)
    page.locator(f'{CARD} .vd-notation input[value="vdm"]').check(force=True)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
