"""The search finds a claim by its id, its title, its slogan and its formulas, in both languages."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.site.cards.card import address
from verify.site.programs.search import formula_words

# What a reader types, and a claim that must be among the first five shown before anything is unfolded.
ENGLISH = {
    "edm.precond": "edm.precond",
    "gauss.kl": "gauss.kl",
    "guide.cfg": "guide.cfg",
    "preconditioning unit variance": "edm.precond",
    "c_skip": "edm.precond",
    r"c_{\mathrm{skip}}": "edm.precond",
    "c_out": "edm.precond",
    r"\bar\alpha_t": "ddpm.t-convergence",
    "alpha-bar": "ddim.marginals",
    r"\tilde\beta_t": "ddpm.posterior",
    r"\gamma": "edm.churn",
    "posterior variance": "ddpm.posterior-logsnr",
    "Tweedie": "score.tweedie",
    "probability flow": "rev.pf-ode",
    "Karras": "sched.karras",
    "classifier-free guidance": "guide.not-tilted",
    "DDIM Euler": "ddim.is-euler",
    "log-normal": "edm.noise-distribution",
    "loss weight": "edm.loss-weight",
    "past slopes interpolated": "solver.lms",
}
CHINESE = {
    "edm.precond": "edm.precond",
    "c_skip": "edm.precond",
    r"\bar\alpha_t": "ddpm.t-convergence",
    "预条件": "edm.precond",
    "后验方差": "ddpm.posterior",
    "后验分布": "ddpm.posterior",
    "概率流": "rev.pf-ode",
    "得分函数": "score.fisher-hyvarinen",
    "一致性": "cm.self-consistency",
    "损失权重": "edm.loss-weight",
    "posterior variance": "ddpm.posterior",
}


@pytest.fixture(scope="module")
def find(chromium, served: str):
    """The addresses that the search of an edition shows for some words, best first."""
    pages = {edition: chromium.new_page() for edition in ("", "zh/")}
    for edition, page in pages.items():
        page.goto(f"{served}{edition}index.html", wait_until="networkidle")
        page.keyboard.press("/")

    def search(edition: str, words: str) -> list[str]:
        page, field = pages[edition], pages[edition].locator(".md-search__input")
        field.fill("")
        page.wait_for_function("!document.querySelector('.md-search-result__link')")
        field.fill(words)
        field.press("End")
        page.locator(".md-search-result__link").first.wait_for()
        return page.locator(".md-search-result__link").evaluate_all(
            """(links, root) => links.filter(link => link.checkVisibility())
                .map(link => link.href.replace(/[?][^#]*/, '').slice(root.length))""",
            served + edition,
        )

    yield search
    for page in pages.values():
        page.close()


@pytest.mark.parametrize(("words", "id_"), ENGLISH.items())
def test_it_finds_in_english(find, words: str, id_: str) -> None:
    parts = [link for link in find("", words) if "#" in link]
    assert address(id_) in parts[:5], parts[:8]


@pytest.mark.parametrize(("words", "id_"), CHINESE.items())
def test_it_finds_in_chinese(find, words: str, id_: str) -> None:
    parts = [link for link in find("zh/", words) if "#" in link]
    assert address(id_) in parts[:5], parts[:8]


def test_a_claim_is_found_at_its_permanent_address_alone(site: Path, library) -> None:
    for edition in (site, site / "zh"):
        entries = json.loads((edition / "search" / "search_index.json").read_text("utf-8"))["docs"]
        found = [entry["location"] for entry in entries if entry["location"].partition("#")[2] in library.claims]
        elsewhere = [place for place in found if not place.startswith(("claims/", "mistakes/"))]
        assert elsewhere == [] and {address(id_) for id_ in library.claims} <= set(found)


def test_results_show_no_machine_words(site: Path, library) -> None:
    entries = json.loads((site / "search" / "search_index.json").read_text("utf-8"))["docs"]
    named = {entry["location"]: entry for entry in entries if "names" in entry}
    assert set(named) == {address(id_) for id_ in library.claims}
    shown = named[address("edm.precond")]
    assert "c_skip" in shown["names"] and "c_skip" not in shown["title"] + shown["text"]
    assert not any(sign in entry["text"] for entry in named.values() for sign in ("\\frac", "{aligned}", "\\mathrm"))


def test_the_copy_for_sites_without_a_server_is_the_same(site: Path) -> None:
    for edition in (site, site / "zh"):
        text = (edition / "search" / "search_index.json").read_text("utf-8")
        assert (edition / "search" / "search_index.js").read_text("utf-8") == f"var __index = {text}"


def test_the_index_stays_light(site: Path) -> None:
    """A reader fetches it with the first search: less than a photograph."""
    for edition in (site, site / "zh"):
        assert len(gzip.compress((edition / "search" / "search_index.json").read_bytes())) < 400_000


@pytest.mark.parametrize(
    ("latex", "words"),
    [
        (r"c_{\mathrm{skip}}(\sigma)", {"c_skip", "cskip", "skip", "sigma"}),
        (r"\bar\alpha_t", {"baralpha_t", "alphabar_t", "alpha_t", "alpha", "bar"}),
        (r"\bar{\alpha}_{t-1}", {"baralpha_t1", "alpha"}),
        (r"\tilde\beta", {"tildebeta_t", "betatilde", "beta"}),
        (r"\sigma_{\mathrm{data}}^2", {"sigma_data", "sigmadata", "data", "sigma"}),
        (r"\frac{x}{y} && \text{expand the square}", set()),
    ],
)
def test_words_of_a_formula(latex: str, words: set[str]) -> None:
    found = set(formula_words(latex))
    assert words <= found
    assert not {"frac", "text", "expand", "mathrm"} & found
    assert words or not found


@given(st.text(alphabet="\\abct{}_^ $&|", max_size=60))
def test_any_text_gives_plain_words(latex: str) -> None:
    for word in formula_words(latex):
        assert word and not set(word) & set("\\{}^$& ")
