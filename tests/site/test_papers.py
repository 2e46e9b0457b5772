"""Paper maps: every listed equation has a claim or a reason, every cited one is listed, and the share is computed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.site.conftest import ROOT
from tests.site.test_browser import breaches  # noqa: F401  (a fixture)
from verify.site.contents.bibliography import works
from verify.site.contents.lists import ListError
from verify.site.contents.model import Library
from verify.site.contents.papers import FILE, cited_numbers, paper_faults, paper_map, read_papers

PAPERS = read_papers(ROOT)
WORKS = works(ROOT / "docs/references.bib")


def listed(tmp_path: Path, text: str):
    (tmp_path / "docs").mkdir(exist_ok=True)
    (tmp_path / FILE).write_text(text, "utf-8")
    return read_papers(tmp_path)


def test_the_numbers_of_a_source_are_read() -> None:
    assert cited_numbers("(7), (117)-(119), Table 1, Algorithm 2 line 4") == [7, 117, 118, 119]
    assert cited_numbers("appendix B.6, section 3") == []


def test_the_six_papers_have_their_maps_and_no_faults(library: Library) -> None:
    assert set(PAPERS) == {
        "karras2022edm",
        "ho2020ddpm",
        "song2021ddim",
        "song2021scoresde",
        "kingma2021vdm",
        "lipman2023flow",
    }
    assert list(paper_faults(PAPERS, library.claims, WORKS)) == []


@pytest.mark.parametrize("key", PAPERS)
def test_an_equation_has_a_claim_or_a_reason_and_never_both(library: Library, key: str) -> None:
    found = paper_map(key, PAPERS[key], library.claims)
    assert all(bool(equation.claims) != bool(equation.why) for equation in found.equations)
    assert found.covered == found.listed - sum(equation.count for equation in found.equations if equation.why)
    assert 0 <= found.percent <= 100


@pytest.mark.parametrize("key", PAPERS)
def test_every_citation_of_a_mapped_paper_is_on_its_map(library: Library, key: str) -> None:
    found = paper_map(key, PAPERS[key], library.claims)
    shown = {id_ for equation in found.equations for id_ in equation.claims} | {id_ for id_, _ in found.elsewhere}
    cited = {claim.id for claim in library.claims.values() if key in {source.key for source in claim.sources}}
    assert cited <= shown


def test_a_difference_has_a_claim_with_a_counterexample(library: Library) -> None:
    for key, entry in PAPERS.items():
        for equation in paper_map(key, entry, library.claims).equations:
            if equation.differs:
                assert any(library.claims[id_].mistakes for id_ in equation.claims), (key, equation.label)


def test_the_figures_asked_for_are_reached(library: Library) -> None:
    shares = {key: paper_map(key, entry, library.claims).percent for key, entry in PAPERS.items()}
    assert shares["karras2022edm"] >= 60 and min(shares["ho2020ddpm"], shares["song2021ddim"]) >= 80


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ho2020ddpm:\n  3-7: {}\n  5: {}\n  11: {}\n", "docs/papers.yml:2: an equation of ho2020ddpm is listed twice"),
        ("ho2020ddpm:\n  3-7: {}\n", "ho2020ddpm (11) is not in docs/papers.yml: add it there if you have seen it"),
        ("ho2020ddpm:\n  3-7: {}\n  11: {}\n  2: {}\n", "no claim cites ho2020ddpm (2)"),
        ("ho2020ddpm:\n  3-7: {}\n  11: {}\n  2: {claims: [ddpm.no]}\n", "docs/papers.yml:4: no claim `ddpm.no`"),
        (
            "ho2020ddpm:\n  3-7: {}\n  11: {why: unread, why-zh: 未读}\n",
            "docs/papers.yml:3: ho2020ddpm (11) has a reason",
        ),
        ("ho2020ddpn:\n  1: {why: unread, why-zh: 未读}\n", "docs/papers.yml:2: no work `ho2020ddpn`"),
    ],
)
def test_a_fault_in_a_list_is_named_with_its_place(tmp_path: Path, library: Library, text: str, message: str) -> None:
    found = list(paper_faults(listed(tmp_path, text), library.claims, WORKS))
    assert any(message in line for line in found), found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ho2020ddpm:\n  seven: {}\n", ":2: 'seven' is neither a number nor a range"),
        ("ho2020ddpm:\n  7: {because: no}\n", ":2: no key 'because' here"),
        ("ho2020ddpm:\n  7: {why: unread}\n", ":2: why-zh is missing"),
        ("ho2020ddpm: 7\n", "ho2020ddpm is a list of equations"),
    ],
)
def test_what_is_no_list_is_refused_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ListError) as caught:
        listed(tmp_path, text)
    assert str(caught.value).startswith(FILE) and message in str(caught.value)


@pytest.mark.parametrize("edition", ["", "zh/"])
def test_the_share_on_the_pages_is_the_computed_one(site: Path, library: Library, edition: str) -> None:
    index = (site / f"{edition}papers/index.html").read_text("utf-8")
    for key, entry in PAPERS.items():
        found = paper_map(key, entry, library.claims)
        page = (site / f"{edition}papers/{key}.html").read_text("utf-8")
        assert f"{found.percent} %" in page and f"{key}.html" in index
        assert all(f'id="eq-{equation.first}"' in page for equation in found.equations)


@pytest.mark.parametrize("path", ["papers/index.html", "papers/karras2022edm.html", "zh/papers/lipman2023flow.html"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_map_is_accessible_and_fits_a_phone(open_page, breaches, path: str, scheme: str) -> None:  # noqa: F811
    page = open_page(path, scheme=scheme, width=390, height=844)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert breaches(page) == []
