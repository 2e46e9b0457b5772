"""The page of standard definitions and the line on the cards, as templates print them and in a browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from markupsafe import escape

from tests.site.sample import finding, sample_library
from verify.site.cards.card import Printer, Shelf
from verify.site.contents.definitions import all_shown, on_card, said_by

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def known():
    return sample_library(ROOT)


def with_finding(known, standing):
    """A claim that defines a standard name, and an entry of the ledger with one finding of this standing."""
    claim = next(one for one in known.claims.values() if any(not part.mistake for part in one.defined))
    part = next(part for part in claim.defined if not part.mistake)
    return claim, {"definitions": [finding(part, standing)]}


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("standing", ["same", "convention", "differs"])
def test_a_card_names_the_definition_and_what_differs(known, standing, language):
    claim, entry = with_finding(known, standing)
    shelf = Shelf(known, language)
    before, known.entries[claim.id] = known.entries[claim.id], {**known.entries[claim.id], **entry}
    try:
        html = Printer(shelf, "claims/x.html").render("definition_names", claim=claim)
    finally:
        known.entries[claim.id] = before
    (one,) = on_card(claim, entry)
    assert f'href="../definitions.html#{one.finding["definition"]}"' in html
    assert one.finding["title"][language] in html
    assert ("<strong>! </strong>" in html) == (standing == "differs")
    if standing == "convention":
        assert one.finding["convention"][language] in html
    if standing == "differs":
        assert one.finding["yours_value"] in html and one.finding["standard_value"] in html


def test_a_claim_without_standard_names_has_no_line(known):
    claim = next(one for one in known.claims.values() if not one.defined and not one.own)
    assert not Printer(Shelf(known), "claims/x.html").render("definition_names", claim=claim).strip()


def test_a_finding_about_a_mistake_that_is_no_more_is_not_shown(known):
    claim, entry = with_finding(known, "differs")
    gone = {"definitions": [{**entry["definitions"][0], "mistake": f"{claim.id}/999"}]}
    assert said_by(claim, gone) == ()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_holds_every_definition_with_its_conventions_and_wrong_versions(known, language):
    shown = all_shown(known)
    html = Printer(Shelf(known, language), "definitions.html").render("definitions", shown=shown)
    assert [one.definition for one in shown] == list(known.definitions)
    for one in shown:
        assert f'id="{one.definition.id}"' in html
        for form in one.conventions:
            assert escape(form.words[language].partition("$")[0]) in html
        for id_ in one.definition.claims:
            assert id_ in known.claims and f">{id_}</a>" in html
    assert html.count('class="vd-mistake"') == sum(len(one.definition.mistakes) + len(one.caught) for one in shown)


def test_the_page_filters_and_unfolds_in_a_browser(open_page, library):
    page = open_page("definitions.html")
    assert page.locator(".vd-definition").count() == len(library.definitions)
    page.get_by_role("searchbox", name="Find").last.fill("posterior-variance")
    assert page.locator(".vd-definition:visible").count() == 1
    page.locator(".vd-definition:visible summary").focus()
    page.keyboard.press("Enter")
    assert page.locator(".vd-definition:visible .vd-mistake:visible").count() >= 3
    narrow = open_page("zh/definitions.html", width=390, scheme="dark")
    assert narrow.evaluate("document.documentElement.scrollWidth") <= 390
    plain = open_page("definitions.html", java_script_enabled=False)
    assert plain.locator(".vd-definition:visible").count() == len(library.definitions)
