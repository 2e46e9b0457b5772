"""The Markdown extensions by themselves, without MkDocs."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import markdown
import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.language.document import read_document
from verify.ledger.standing import Standing
from verify.site import words
from verify.site.cards import display
from verify.site.cards.card import Printer, Shelf
from verify.site.check import faults
from verify.site.contents.bibliography import works
from verify.site.contents.model import Library
from verify.site.markdown.blocks import BlocksExtension, definitions, outside_fences
from verify.site.markdown.cite import CitationExtension
from verify.site.markdown.maths import FormulaError, FormulaExtension, formula

CLAIM = r"""
/// claim | demo.square
    title: The square of a sum
    title-zh: 和的平方
    slogan: A square has a <cross> term.

- $a, b$ : real

$$
\begin{aligned}
(a+b)^2 &= a^2+2ab+b^2 && \text{expand} \\
&= (a-b)^2+4ab && \text{complete the square}
\end{aligned}
$$
///

/// mistake | demo.square
    title: the cross term is lost

$$ (a+b)^2 = a^2+b^2 $$
///
"""
BIB = "@article{pythagoras500, author={Pythagoras of Samos}, title={On squares}, year={500}, journal={J}}"


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    document = read_document(CLAIM, "demo.md")
    assert not document.errors
    steps = [
        {"chain": 0, "step": 1, "verdict": "proved", "method": "normal form, every d"},
        {"chain": 0, "step": 2, "verdict": "refuted", "witness": {"point": {"a": "1/2"}, "left": "1"}},
    ]
    judged = {"name": "demo.square/1", "verdict": "refuted", "witness": {"point": {"a": "3"}, "difference": "[6, 6]"}}
    entry = {"proof": {"verdict": "refuted", "steps": steps, "mistakes": [judged], "mutants": {}}}
    standing = Standing("refuted", "", "", {"proof": "refuted"}, "scalar", stale=True, seconds=0.1)
    library = Library({"demo.square": document.claims[0]}, {"demo.square": entry}, {"demo.square": standing})
    bib = tmp_path_factory.mktemp("bib") / "references.bib"
    bib.write_text(BIB)
    return Shelf(library, "en", works(bib))


def render(text: str, shelf: Shelf) -> str:
    blocks, cite = BlocksExtension(shelf=shelf), CitationExtension(shelf=shelf)
    return markdown.markdown(
        text,
        extensions=["footnotes", "pymdownx.arithmatex", blocks, cite, FormulaExtension()],
        extension_configs={"pymdownx.arithmatex": {"generic": True}},
    )


def test_a_card_shows_verdict_steps_witness_and_command(shelf: Shelf) -> None:
    page = render("/// card | demo.square\n///", shelf)
    assert 'id="demo.square"' in page and "vd-refuted" in page and "vd-is-stale" in page
    assert "✗</span> refuted" in page and "✓</span> proved" in page and "↻</span> stale" in page
    assert "1/2" in page and "[6, 6]" in page and "verify run demo.square" in page and "complete the square" in page


def test_text_of_a_claim_is_escaped(shelf: Shelf) -> None:
    page = render("/// card | demo.square\n///", shelf)
    assert "&lt;cross&gt;" in page and "<cross>" not in page


def test_a_definition_shows_its_card_once_and_its_mistake_only_there(shelf: Shelf) -> None:
    page = render(CLAIM, shelf)
    assert page.count("data-claim=") == 1 and page.count(">The square of a sum<") == 1
    assert page.count("<strong>the cross term is lost") == 1 and "///" not in page and "title-zh" not in page


def test_a_claim_shown_twice_has_one_anchor(shelf: Shelf) -> None:
    page = render("/// card | demo.square\n///\n\n/// card | demo.square\n///", shelf)
    assert page.count("data-claim=") == 2 and page.count('id="demo.square"') == 1


def test_a_block_in_a_code_fence_stays_code() -> None:
    lines = ["```markdown", *CLAIM.splitlines(), "```"]
    assert definitions(lines) == [] and not any(outside_fences(lines))
    assert [kind for _, _, kind, _ in definitions(CLAIM.splitlines())] == ["claim", "mistake"]


def test_a_reference_leads_to_the_permanent_address(shelf: Shelf) -> None:
    assert 'href="claims/demo.md#demo.square"' in render("see [demo.square][]", shelf)


def test_an_unknown_claim_or_work_stops_the_rendering(shelf: Shelf) -> None:
    with pytest.raises(ValueError, match="no claim 'demo.sqare'"):
        render("/// card | demo.sqare\n///", shelf)
    with pytest.raises(ValueError, match="no work 'nobody'"):
        render("as shown [@nobody]", shelf)


def test_a_citation_names_the_work_and_has_a_footnote(shelf: Shelf) -> None:
    page = render("[@pythagoras500] shows it", shelf)
    assert "footnote" in page and "On squares" in page
    assert re.search(r"<p>Samos 500<sup.*</sup> shows it", page)


def test_formulas_are_set_when_the_page_is_built_and_bad_ones_stop_it(shelf: Shelf) -> None:
    page = render(r"so $\sigma^2$ and" "\n\n$$\\frac12$$\n", shelf)
    assert page.count('class="katex"') == 2 and "\\(" not in page
    for bad in (r"\frac{1}{", r"\undefinedcommand", r"\href{javascript:alert(1)}{x}", r"\htmlClass{mine}{x}"):
        with pytest.raises(FormulaError):
            formula(bad)


def test_a_fault_names_the_line_and_the_nearest_claim() -> None:
    text = "# Title\n\n/// card | edm.scroe\n///\n\nsee [edm.scroe][] and `[not.this][]` and [@who]\n"
    found = [str(fault) for fault in faults(text, "docs/page.md", ["edm.score"], [])]
    assert found == [
        "docs/page.md:3: no claim `edm.scroe`; did you mean `edm.score`?",
        "docs/page.md:6: no claim `edm.scroe`; did you mean `edm.score`?",
        "docs/page.md:6: no work `who`",
    ]


def test_a_page_without_faults_has_none() -> None:
    prose = "[a.b][] [text][a.b] [x](y.md) [label][own]\n\n[own]: z.md\n"
    text = f"---\nclaims: [a.b]\n---\n{prose}\n/// table | claims\n///\n"
    assert faults(text, "p.md", ["a.b"], []) == []


CELL = st.text(alphabet="abxy+-^2 ", min_size=1, max_size=8)


@given(
    st.lists(st.tuples(CELL, CELL), min_size=1, max_size=4),
    st.lists(st.sampled_from(sorted(words.TEX_SIGNS)), min_size=1, max_size=5),
)
def test_marks_change_no_cell_and_stand_before_each_step(rows: list[tuple[str, str]], verdicts: list[str]) -> None:
    body = r"\\".join(rf"{left} &= {right} && \text{{why}}" for left, right in rows)
    out = display.marked(rf"\begin{{aligned}}{body}\end{{aligned}}", verdicts)
    cells = [
        cell.strip()
        for row in display.split(out.removeprefix(r"\begin{aligned}").removesuffix(r"\end{aligned}"))
        for cell in row
    ]
    for left, right in rows:
        assert left.strip() in cells and f"= {right}".strip() in cells
    marks = out.count(r"\htmlClass")
    assert marks == (len(verdicts) if len(verdicts) == len(rows) else 0)
    assert r"\text" not in out


def test_inner_blocks_and_continued_rows_are_not_split() -> None:
    latex = (
        r"\begin{aligned} f &= \begin{cases} a & b \\ c & d \end{cases} \\ &\quad + {x & y} \\ &= 1"
        r"\end{aligned}"
    )
    out = display.marked(latex, ["proved", "refuted"])
    assert out.count(r"\htmlClass") == 2 and r"\begin{cases} a & b \\ c & d \end{cases}" in out
    assert out.index("vd-refuted") > out.index("quad + ")


@pytest.mark.parametrize(
    ("reason", "prose"),
    [
        ("integrate by parts", "integrate by parts"),
        (r"by induction on $t$", r"by induction on $t$"),
        (r"\text{heat equation at } v=1/\gamma", r"heat equation at $v=1/\gamma$"),
        (r"\text{with } F_{t} \text{ as above}", "with $F_{t}$ as above"),
        (r"\text{the mean of $x_{t-1}$} ", "the mean of $x_{t-1}$ "),
    ],
)
def test_a_formula_beside_the_words_of_a_reason_is_set_as_one(reason: str, prose: str) -> None:
    assert display.reason_prose(reason) == prose
    out = display.marked(
        rf"\begin{{aligned}} a &= b && {reason if 'text' in reason else ''} \end{{aligned}}", ["proved"]
    )
    assert r"\text" not in out and "gamma" not in out


def test_every_word_has_both_languages() -> None:
    assert words.TEXT["en"].keys() == words.TEXT["zh"].keys()
    assert all(text for texts in words.TEXT.values() for text in texts.values())


def test_declarations_are_translated_outside_formulas_only(shelf: Shelf) -> None:
    assert words.declaration(r"$\text{vector}$ : positive function", "zh") == r"$\text{vector}$ : 正值函数"
    assert words.declaration("$a, b$ : (0,1)", "zh") == "$a, b$ : (0,1)"
    assert words.declaration("$a = b$ : equation, by rev.pf-ode", "zh") == "$a = b$ : 方程，依据 rev.pf-ode"
    assert words.declaration("$n$ : random with mean $0$ and variance $1$", "zh") == "$n$ : 随机量，均值 $0$，方差 $1$"
    assert "正" in Printer(Shelf(shelf.library, "zh"), "index.html").declaration("$x$ : positive")


def test_a_work_has_a_short_label(tmp_path: Path) -> None:
    bib = tmp_path / "r.bib"
    bib.write_text(
        BIB
        + textwrap.dedent("""
        @article{two, author={A Bee and C Dee}, title={T}, year={2001}, journal={J}}
        @article{many, author={A Bee and C Dee and E Eff}, title={T}, year={2002}, journal={J}}""")
    )
    labels = {key: work.label for key, work in works(bib).items()}
    assert labels["two"] == "Bee & Dee 2001" and labels["many"] == "Bee et al. 2002"
