"""The bibliography: every work says what it is good for, and what is known to be wrong in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.site.conftest import ROOT
from verify.language.catalog import load_catalog
from verify.language.claim import Claim
from verify.site.contents.bibliography import SHELVES, annotation, seen_in, work_faults, works
from verify.site.contents.papers import paper_map, read_papers

WORKS = works(ROOT / "docs/references.bib")
NOTES = {  # the reading lists that the project began from
    "sohldickstein2015deep", "ho2020ddpm", "song2021ddim", "song2021scoresde", "rombach2022ldm", "karras2022edm",
    "nichol2021iddpm", "kingma2021vdm", "luo2023lcm", "weng2021blog", "song2021blog", "dieleman2024schedules",
    "dieleman2022guidance", "dieleman2024paradox", "su2022one", "su2022two", "su2022three", "su2022four", "su2022five",
    "luo2022unified", "lee2023lecture", "cs231n", "unc", "kreis2023tutorial", "valse2023", "aittala2022talk",
    "song2022talk", "ho2020code", "song2020code", "rombach2022code", "schneider2022audio", "hf2022course",
    "showlab2023video",
}  # fmt: skip


@pytest.fixture(scope="module")
def claims() -> dict[str, Claim]:
    return load_catalog(ROOT).claims


def test_the_notes_reading_lists_are_all_there() -> None:
    assert not NOTES - WORKS.keys()
    assert {work.shelf for work in WORKS.values()} == set(SHELVES)


def test_every_work_says_what_it_supports(claims) -> None:
    assert list(work_faults(WORKS, claims, "docs/references.bib")) == []
    bare = [key for key, work in WORKS.items() if not annotation(work, claims, None).claims and not work.note]
    assert bare == []


def test_an_error_is_of_the_work_that_its_source_begins_with(claims) -> None:
    def errors(key: str) -> list[str]:
        return [mistake.name for _, mistake in annotation(WORKS[key], claims, None).errors]

    assert errors("weng2021blog") == ["sched.cosine/1"]
    assert errors("abramson2024alphafold") == ["edm.loss-weight/1"]
    described = next(one for one in claims["edm.vp-row"].mistakes if "described" in one.source.get("en", ""))
    assert "karras2022edm" not in seen_in(described) and described.name not in errors("karras2022edm")


def test_a_paper_that_differs_says_so_here_too(claims) -> None:
    paper = paper_map("ho2020ddpm", read_papers(ROOT)["ho2020ddpm"], claims)
    assert [equation.first for equation in annotation(WORKS["ho2020ddpm"], claims, paper).differs] == [14]


def test_a_source_in_words_has_both_languages(claims) -> None:
    untranslated = [
        mistake.name
        for claim in claims.values()
        for mistake in claim.mistakes
        if set(mistake.source.get("en", "").split()) & {"a", "the", "in", "of", "mended", "asked", "and", "has", "had"}
        and not mistake.source.get("zh")
    ]
    assert untranslated == []


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("keywords = {talk}", "keywords is one of tutorial, lecture, code, list, not 'talk'"),
        ("claims = {edm.ode, edm.oed}", "no claim `edm.oed`"),
        ("annote = {Good.}", "annote and annote-zh go together"),
    ],
)
def test_a_fault_in_an_entry_is_named(tmp_path: Path, claims, field: str, message: str) -> None:
    file = tmp_path / "references.bib"
    file.write_text("@misc{one2022,\n  author = {One, A.},\n  title = {One},\n  " + field + "\n}\n", "utf-8")
    (fault,) = work_faults(works(file), claims, "references.bib")
    assert fault == f"references.bib: one2022: {message}"


@pytest.mark.parametrize(("edition", "heading"), [("", "Lectures and talks"), ("zh/", "课程与报告")])
def test_the_page_shows_claims_and_errors_beside_a_work(site: Path, edition: str, heading: str) -> None:
    page = (site / f"{edition}references.html").read_text("utf-8")
    entry = page.partition('id="weng2021blog"')[2].partition("</li>\n<li id=")[0]
    assert heading in page and "claims/sched.html#sched.cosine" in entry
    assert "mistakes/sched.html#sched.cosine--" in entry
