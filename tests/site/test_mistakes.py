"""Famous mistakes: every wrong version beside the right one, with its slip, its place and a lasting anchor."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from tests.site.conftest import ROOT
from tests.site.test_browser import breaches  # noqa: F401  (a fixture)
from verify.language.claim import SLIPS
from verify.language.document import read_document
from verify.site import words
from verify.site.contents.mistakes import all_wrong, anchor, right_version, wrong_versions
from verify.site.contents.model import Library
from verify.site.markdown.maths import formula

CLAIM = r"""/// claim | t.one
    title: A square
- $a, b$ : real

$$
\begin{aligned}
(a+b)^2 &= a^2+2ab+b^2 \\ &= b^2+2ab+a^2
\end{aligned}
$$
///
"""
MISTAKE = r"""
/// mistake | t.one
    title: the factor two is lost
    %s

$$ (a+b)^2 = a^2+ab+b^2 $$
///
"""


def mistakes(site: Path, language: str) -> str:
    edition = site if language == "en" else site / language
    return "".join(file.read_text("utf-8") for file in sorted((edition / "mistakes").glob("*.html")))


def test_the_slips_have_words_in_both_languages() -> None:
    for language in ("en", "zh"):
        said = [words.TEXT[language][f"slip.{slip}"] for slip in SLIPS]
        assert all(said) and len(set(said)) == len(SLIPS)


def test_a_slip_that_the_vocabulary_does_not_have_is_refused_with_the_list() -> None:
    assert read_document(CLAIM + MISTAKE % "slip: factor", "t.md").claims[0].mistakes[0].slip == "factor"
    error = read_document(CLAIM + MISTAKE % "slip: fakctor", "t.md").errors[0]
    assert "'fakctor' is no slip" in str(error) and "sign, factor, power" in str(error)


def test_every_mistake_says_its_slip(library: Library) -> None:
    assert [wrong.mistake.name for wrong in all_wrong(library) if not wrong.mistake.slip] == []


def test_the_right_version_is_the_step_that_the_mistake_replaces(library: Library) -> None:
    claim = read_document(CLAIM + MISTAKE % "slip: factor", "t.md").claims[0]
    assert right_version(claim, claim.mistakes[0]) == "(a+b)^2 = a^2+2ab+b^2"
    tweedie = library.claims["score.tweedie"]
    rights = {right_version(tweedie, mistake) for mistake in tweedie.mistakes}
    assert rights == {r"\mathbb{E}[x_0|x] = \frac{x+\sigma^2\nabla_x\log p(x)}{\alpha}"}


def test_no_right_version_is_the_wrong_one_and_each_can_be_set(library: Library) -> None:
    for wrong in all_wrong(library):
        packed = "".join(wrong.right.split())
        assert packed != "".join(wrong.mistake.latex.split()), wrong.mistake.name
        if wrong.right:
            assert "katex" in formula(wrong.right, display=True)
            rows = [row.source for chain in wrong.claim.chains for row in chain]
            assert any(packed.startswith("".join(row.split())) for row in rows) or any(
                packed in "".join(line.split()) for line in wrong.claim.declared
            ), wrong.mistake.name


def test_an_anchor_names_one_mistake_and_stays_when_others_come_and_go(library: Library) -> None:
    anchors = [wrong.anchor for wrong in all_wrong(library)]
    assert len(set(anchors)) == len(anchors) and all(re.fullmatch(r"[\w.-]+", name) for name in anchors)
    for card in library.cards():
        turned = dataclasses.replace(
            card.claim,
            mistakes=tuple(
                dataclasses.replace(mistake, name=f"{card.claim.id}/{number}")
                for number, mistake in enumerate(reversed(card.claim.mistakes), start=1)
            ),
        )
        assert {anchor(turned, one) for one in turned.mistakes} == {wrong.anchor for wrong in wrong_versions(card)}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_mistake_stands_in_the_table_and_on_its_page_with_its_numbers(
    site: Path, library: Library, language: str
) -> None:
    edition = site if language == "en" else site / language
    index = (edition / "mistakes" / "index.html").read_text("utf-8")
    assert index.count("<tr data-row") == len(all_wrong(library))
    for wrong in all_wrong(library):
        page = (edition / wrong.page.split("#")[0]).read_text("utf-8")
        here = page.partition(f'id="{wrong.anchor}"')[2].partition('class="vd-mistake"')[0]
        assert wrong.page.removeprefix("mistakes/") in index
        for key in ("version.wrong", "version.right", "counterexample", "difference", "seen"):
            assert words.TEXT[language][key] in here, wrong.mistake.name
        if wrong.mistake.slip:
            assert words.TEXT[language][f"slip.{wrong.mistake.slip}"] in here


def test_false_alarms_point_to_the_same_claims_in_both_languages(library: Library) -> None:
    def pointed(file: Path) -> list[str]:
        return re.findall(r"\[([\w.-]+)\]\[\]", file.read_text("utf-8"))

    english = pointed(ROOT / "docs/mistakes/index.md")
    assert len(english) >= 8 and set(english) <= library.claims.keys()
    assert pointed(ROOT / "docs/zh/mistakes/index.md") == english


def test_topic_and_slip_narrow_the_table(open_page, library: Library) -> None:
    page = open_page("mistakes/index.html")
    page.select_option("[name=topic]", "edm")
    page.select_option("[name=slip]", "sign")
    chosen = [wrong for wrong in all_wrong(library) if (wrong.claim.topic, wrong.mistake.slip) == ("edm", "sign")]
    assert page.locator("[data-row]:visible").count() == len(chosen) > 2


def test_the_link_of_a_retitled_mistake_still_leads_to_its_claim(open_page) -> None:
    page = open_page("mistakes/edm.html#edm.churn--what-it-was-once-called")
    page.wait_for_url("**/mistakes/edm.html#edm.churn")
    assert page.locator(":target").inner_text().startswith("Churn")


@pytest.mark.parametrize("path", ["mistakes/index.html", "mistakes/sde.html", "zh/mistakes/sde.html"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_are_accessible_and_fit_a_phone(open_page, breaches, path: str, scheme: str) -> None:  # noqa: F811
    page = open_page(path, scheme=scheme, width=390, height=844)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert breaches(page) == []
