"""Links of ids that are no more: renamed ones lead on, retired ones say why and where to go, in both editions."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.site.sample import REGISTER
from verify.language.ids import read_register
from verify.site.build import SiteError, build_site
from verify.site.cards.card import address
from verify.site.complete import shortcomings
from verify.site.contents.model import Library

REGISTERED = read_register(REGISTER)


@pytest.mark.parametrize("edition", ["", "zh/"])
@pytest.mark.parametrize("id_", [one.id for one in REGISTERED.gone])
def test_a_former_id_answers_at_its_old_address(site: Path, edition: str, id_: str) -> None:
    page, _, anchor = address(id_).partition("#")
    text = (site / edition / page).read_text("utf-8")
    assert not anchor or text.count(f'id="{anchor}"') == 1
    sections = re.findall(r'<section class="vd-former".*?</section>', text, re.S)
    (section,) = [found for found in sections if not anchor or f'id="{anchor}"' in found]
    one = REGISTERED.ids[id_]
    assert f'data-state="{one.state}"' in section
    assert ("data-moved=" in section) == (one.state == "renamed")
    if now := REGISTERED.now(id_):
        assert re.search(rf'href="[^"]*{re.escape(now)}', section)


def test_a_tombstone_says_why_in_the_language_of_the_reader(site: Path) -> None:
    english, chinese = ((site / edition / "claims/edm.html").read_text("utf-8") for edition in (".", "zh"))
    assert "It held only for even" in english and "它只对偶数维" in chinese
    assert "<b>nobody</b>" not in (site / "claims/lost.html").read_text("utf-8")


def test_former_ids_are_in_the_data(site: Path) -> None:
    former = {one["id"]: one for one in json.loads((site / "claims.json").read_text("utf-8"))["former"]}
    assert former.keys() == {one.id for one in REGISTERED.gone}
    assert former["edm.older-name"]["now"] == "edm.precond" and former["lost.alone"]["now"] == ""


@pytest.mark.parametrize("edition", ["", "zh/"])
def test_the_link_of_a_renamed_claim_leads_on(open_page, served: str, edition: str) -> None:
    page = open_page(f"{edition}claims/edm.html#edm.older-name")
    page.wait_for_url(f"{served}{edition}claims/edm.html#edm.precond")


def test_the_link_of_a_renamed_question_leads_on(open_page, served: str) -> None:
    open_page("questions/why-the-root.html").wait_for_url(f"{served}questions/why-sqrt-dt.html")


def test_the_link_of_a_retired_claim_stays(open_page, served: str) -> None:
    page = open_page("claims/edm.html#edm.gone")
    assert page.url == f"{served}claims/edm.html#edm.gone"
    assert page.get_by_role("heading", name="edm.gone").is_visible()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("live edm.vanished", "edm.vanished is registered as live, but nothing defines it"),
        ("renamed gauss.sum to edm.precond", "gauss.sum is defined, but the register calls it renamed"),
        ("live why-nothing", "why-nothing is registered as live"),
    ],
)
def test_a_site_in_which_a_link_would_be_dead_is_not_built(library: Library, tmp_path: Path, more, message) -> None:
    root = Path(__file__).parents[2]
    wrong = Library(library.claims, library.entries, library.standings, register=read_register(REGISTER + more))
    with pytest.raises(SiteError, match=message):
        build_site(root, tmp_path / "site", library=wrong)
    assert not (tmp_path / "site").exists()


def test_a_site_is_published_only_when_it_is_complete_and_fresh(site: Path, library: Library, tmp_path: Path) -> None:
    stale = [f"{id_}: its verdict is stale" for id_, standing in library.standings.items() if standing.stale]
    present = list(library.claims)
    register = read_register(REGISTER + "\n".join(f"live {id_}" for id_ in present))
    found = shortcomings(site, register, present)
    assert len(found) == len(stale) and all(a.startswith(b) for a, b in zip(found, stale, strict=True))

    lost = read_register(REGISTER + "live edm.vanished\nlive none.here\nlive why-nothing")
    found = shortcomings(site, lost, [*present, "new.one"])
    for line in (
        "edm.vanished: claims/edm.html has no anchor #edm.vanished",
        "edm.vanished: zh/claims/edm.html has no anchor #edm.vanished",
        "none.here: the page claims/none.html is missing",
        "why-nothing: the page zh/questions/why-nothing.html is missing",
        "new.one is not in the register: verify ids add",
        "new.one: claims.json does not have it",
    ):
        assert line in found
    assert "claims.json is missing" in shortcomings(tmp_path, lost, [])
