"""The built site, read as files: every card, every link, both editions; and the faults that must stop a build."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.site.checks import card_breaches, link_breaches
from tests.site.conftest import ROOT
from verify.ledger.verdict import VERDICTS
from verify.site.build import SiteError, build_site
from verify.site.card import address
from verify.site.model import Library
from verify.site.serve import Version, rebuild, snapshot


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_claim_has_its_card_at_its_permanent_address(site: Path, library: Library, language: str) -> None:
    assert card_breaches(site, library, language) == []


def test_every_kind_of_verdict_is_on_the_site(library: Library) -> None:
    assert {standing.verdict for standing in library.standings.values()} == set(VERDICTS)


def test_every_link_and_anchor_leads_somewhere(site: Path) -> None:
    assert link_breaches(site) == []


def test_both_editions_have_the_same_pages(site: Path) -> None:
    chinese = {file.relative_to(site / "zh") for file in (site / "zh").rglob("*.html")}
    english = {file.relative_to(site) for file in site.rglob("*.html")} - {Path("zh") / file for file in chinese}
    assert chinese == english


def test_no_latex_is_left_for_the_browser(site: Path) -> None:
    for file in site.rglob("*.html"):
        text = re.sub(r"<(code|pre|annotation|script)\b.*?</\1>", "", file.read_text("utf-8"), flags=re.S)
        assert not re.search(r"\\\(|\\\[|\$\$|vd-hole|katex-error", text), file


def test_the_data_of_the_cards_is_published(site: Path, library: Library) -> None:
    claims = json.loads((site / "claims.json").read_text("utf-8"))["claims"]
    assert {claim["id"]: claim["verdict"] for claim in claims} == {
        id_: standing.verdict for id_, standing in library.standings.items()
    }
    assert json.loads((site / "ledger.json").read_text("utf-8"))["claims"].keys() == library.claims.keys()


def test_home_and_coverage_show_the_counts_of_the_library(site: Path, library: Library) -> None:
    counts = library.counts()
    home, coverage = ((site / name).read_text("utf-8") for name in ("index.html", "coverage.html"))
    for kind in ("claims", "steps", "mistakes"):
        assert f"<strong>{sum(counts[kind].values())}</strong>" in home
        assert f'<td class="vd-number">{sum(counts[kind].values())}</td>' in coverage


@pytest.mark.parametrize("source", sorted((ROOT / "docs" / "notebooks").glob("*.py")), ids=lambda path: path.stem)
def test_the_shown_notebook_is_the_one_that_is_written(source: Path) -> None:
    import jupytext

    written, shown = (jupytext.read(source.with_suffix(kind)) for kind in (".py", ".ipynb"))
    assert [cell.source for cell in written.cells] == [cell.source for cell in shown.cells]
    outputs = [output for cell in shown.cells if cell.cell_type == "code" for output in cell.outputs]
    assert len(outputs) == sum(cell.cell_type == "code" for cell in shown.cells)
    assert all(output.output_type != "error" for output in outputs)


@pytest.mark.parametrize(
    ("old", "new", "breach"),
    [
        (r'class="vd-card[^>]*data-claim="{id}"', 'class="gone"', "no card"),
        (r'(class="vd-card) vd-\w+([^>]*data-claim="{id}")', r"\1 vd-proved\2", "class vd-proved"),
        (r'(data-claim="{id}".*?aria-hidden="true">).(</span>)', r"\1✓\2", "no badge"),
        (r'(data-claim="{id}".*?)<annotation[^>]*>[^<]*htmlClass[^<]*</annotation>', r"\1", "a formula is lost"),
    ],
)
def test_the_checks_see_a_fault_in_a_card(
    site: Path, library: Library, tmp_path: Path, old: str, new: str, breach: str
) -> None:
    id_ = next(
        id_ for id_, claim in library.claims.items() if claim.chains and library.standings[id_].verdict == "refuted"
    )
    for page in {address(other).split("#")[0] for other in library.claims}:
        (tmp_path / page).parent.mkdir(exist_ok=True)
        text = (site / page).read_text("utf-8")
        changed = re.sub(old.replace("{id}", re.escape(id_)), new, text, count=1, flags=re.S)
        (tmp_path / page).write_text(changed, "utf-8")
    assert [line for line in card_breaches(tmp_path, library, "en") if line.startswith(f"{id_}: {breach}")]


def test_the_checks_see_a_dead_link_a_lost_anchor_and_another_host(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<p id="x" ></p><p id="x"></p><a href="b.html"></a><a href="a.html#y"></a>'
        '<script src="https://example.org/x.js"></script>'
    )
    assert link_breaches(tmp_path) == [
        "a.html: anchor x twice",
        "a.html: loads https://example.org/x.js",
        "a.html: nothing at b.html",
        "a.html: no anchor a.html#y",
    ]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project's pages that a test may spoil; everything else is the project's own."""
    root = tmp_path / "project"
    (root / "verify").mkdir(parents=True)
    for name in ("docs", "questions"):
        subprocess.run(["cp", "-R", str(ROOT / name), str(root / name)], check=True)
    (root / "mkdocs.yml").symlink_to(ROOT / "mkdocs.yml")
    for name in ("site", "theory"):
        (root / "verify" / name).symlink_to(ROOT / "verify" / name)
    return root


@pytest.mark.parametrize(
    ("spoiled", "line", "message"),
    [
        ("/// card | edm.scroe\n///", 0, "edm.scroe"),
        ("see [edm.scroe][]", 0, "no claim `edm.scroe`"),
        ("see [@nobody1999]", 0, "no work `nobody1999`"),
        ("/// table | clams\n///", 0, "no table `clams`; did you mean `claims`?"),
        (r"so $\frac{1}{$ it is", 0, "KaTeX|Expected|expected"),
    ],
)
def test_a_fault_in_a_page_stops_the_build_and_names_its_line(
    project: Path, library: Library, spoiled: str, line: int, message: str
) -> None:
    page = project / "docs" / "edm" / "sampling.md"
    text = page.read_text("utf-8")
    page.write_text(f"{text}\n{spoiled}\n", "utf-8")
    out = project / "site"
    out.mkdir()
    (out / "index.html").write_text("the old site")
    with pytest.raises(SiteError) as caught:
        build_site(project, out, library=library)
    place = f"docs/edm/sampling.md:{text.count(chr(10)) + 2}"
    assert place in str(caught.value) and re.search(message, str(caught.value))
    assert len(str(caught.value).splitlines()) == 1
    assert (out / "index.html").read_text() == "the old site"


def test_a_dead_link_stops_a_strict_build(project: Path, library: Library) -> None:
    page = project / "docs" / "edm" / "sampling.md"
    page.write_text(page.read_text("utf-8") + "\n[gone](gone.md)\n", "utf-8")
    with pytest.raises(SiteError, match=r"gone\.md"):
        build_site(project, project / "site", library=library)


def test_a_question_without_its_kind_stops_the_build(project: Path, library: Library) -> None:
    (project / "questions" / "bad.md").write_text("---\nid: bad\nstate: open\n---\n# Bad\n", "utf-8")
    with pytest.raises(SiteError, match="questions/bad.md:1"):
        build_site(project, project / "site", library=library)


def test_a_build_imports_neither_sympy_nor_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from tests.site.sample import sample_library\n"
        "from verify.site.build import build_site\n"
        f"root, out = Path({str(ROOT)!r}), Path({str(tmp_path / 'site')!r})\n"
        "build_site(root, out, library=sample_library(root))\n"
        "print([name for name in ('sympy', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_author_is_told_what_is_wrong_and_keeps_the_old_site(project: Path) -> None:
    before, told = snapshot(project), []
    page = project / "docs" / "coverage.md"
    page.write_text(page.read_text("utf-8") + "\n[edm.nothing][]\n", "utf-8")
    assert snapshot(project) != before
    assert not rebuild(project, project / ".verify" / "served", told.append)
    assert "edm.nothing" in told[0] and not (project / ".verify" / "served").exists()


def test_an_open_page_learns_of_a_new_build() -> None:
    version = Version()
    known = version.wait("none")
    assert version.wait(known, seconds=0.01) == known
    version.advance()
    assert version.wait(known) != known
