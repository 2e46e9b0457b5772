"""What must stop a build, and what the author is told; test_faults.py reads what was built."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.site.conftest import ROOT
from verify.site.build import SiteError, build_site
from verify.site.contents.model import Library
from verify.site.serve import Version, rebuild, snapshot


@pytest.mark.parametrize("source", sorted((ROOT / "docs" / "notebooks").glob("*.py")), ids=lambda path: path.stem)
def test_the_shown_notebook_is_the_one_that_is_written(source: Path) -> None:
    import jupytext

    written, shown = (jupytext.read(source.with_suffix(kind)) for kind in (".py", ".ipynb"))
    assert [cell.source for cell in written.cells] == [cell.source for cell in shown.cells]
    outputs = [output for cell in shown.cells if cell.cell_type == "code" for output in cell.outputs]
    assert len(outputs) == sum(cell.cell_type == "code" for cell in shown.cells)
    assert all(output.output_type != "error" for output in outputs)


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


def test_a_build_imports_neither_sympy_nor_torch(site: Path) -> None:
    imported = (site.parent / "modules.txt").read_text("utf-8").split()
    assert "mkdocs" in imported and not {"sympy", "torch"} & set(imported)


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


@pytest.mark.parametrize("edition", ["", "zh/"])
def test_home_shows_a_proof_beside_a_slip_with_its_numbers_and_three_doors(site: Path, edition: str) -> None:
    page = (site / edition / "index.html").read_text("utf-8")
    proof, _, slip = page.partition('class="vd-glance"')[2].partition('<div class="vd-glance-half')[2].partition(
        '<div class="vd-glance-half'
    )
    assert "katex" in proof and "vd-witness" not in proof
    assert slip.partition("</dl>")[0].count("<dd>") == 4  # point, both values, difference
    assert "references.html#" in slip
    doors = page.partition('class="vd-doors"')[2].partition("</div>")[0]
    ways = ["paths/index.html", "questions/index.html", "playground.html"]
    assert re.findall(r'<strong><a href="([^"]+)"', doors) == ways
