"""Numbers in prose: they come from records and claims, so a changed record changes the page or stops the build."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
from markdown import Markdown

from tests.site.conftest import ROOT
from verify.site.cards.card import Shelf
from verify.site.check import site_faults
from verify.site.contents.model import Library
from verify.site.markdown.blocks import outside_fences
from verify.site.markdown.numbers import QUOTE, UNMEASURED, NumbersExtension, number_faults, numbers, shown
from verify.site.pages import sources

LITERAL = re.compile(r"(?<![\w.:/-])\d+\.\d+(?![\w.])")
NO_PROSE = re.compile(r"\]\([^)]*\)|\$[^$]*\$|`[^`]*`")
SIGNIFICANT = 3  # fewer digits are round numbers of an example, and equal many values by chance


@pytest.fixture(scope="module")
def library() -> Library:
    return Library.load(ROOT)


def changed(library: Library, name: str, factor: float) -> Library:
    """The library with every number of one record multiplied."""
    (kept, *others) = library.records[name]

    def scaled(text: str) -> str:
        return re.sub(r"\d+\.\d+", lambda found: f"{factor * float(found[0]):.4f}", text)

    def entry(one: dict) -> dict:
        return {key: value * factor if isinstance(value, float) else value for key, value in one.items()}

    record = dataclasses.replace(
        kept.record,
        checks=[entry(one) for one in kept.record.checks],
        variants=[entry(one) for one in kept.record.variants],
        **{
            field: {language: scaled(text) for language, text in getattr(kept.record, field).items()}
            for field in ("prediction", "summary", "caption")
        },
    )
    records = {**library.records, name: [dataclasses.replace(kept, record=record), *others]}
    return Library(library.claims, library.entries, library.standings, records)


def test_a_check_is_shown_as_it_was_measured_or_predicted(library: Library) -> None:
    record = library.experiments["fm-ot-plan"].record
    check = next(one for one in record.checks if one["name"] == "signs")
    assert shown(library, "fm-ot-plan", "signs") == f"{check['estimate']:.3g}"
    assert shown(library, "fm-ot-plan", "signs predicted 5") == f"{check['predicted']:.5g}"
    assert shown(library, "fm-ot-plan", "batch-of-one predicted") == "0.5"


def test_a_changed_record_changes_the_page_or_is_refused(library: Library) -> None:
    other = changed(library, "fm-ot-plan", 1.5)
    assert shown(other, "fm-ot-plan", "signs") != shown(library, "fm-ot-plan", "signs")
    assert shown(library, "graft-scale-time", "0.81") == "0.81"
    with pytest.raises(ValueError, match=r"graft-scale-time has no number that rounds to 0\.81"):
        shown(changed(library, "graft-scale-time", 1.5), "graft-scale-time", "0.81")


def test_what_nobody_has_measured_yet_is_a_dash(library: Library) -> None:
    fresh = Library(library.claims, library.entries, library.standings)
    assert shown(fresh, "fm-ot-plan", "signs") == shown(fresh, "graft-scale-time", "0.81") == UNMEASURED


def test_a_number_of_a_claim_must_stand_in_its_formulas(library: Library) -> None:
    assert shown(library, "edm.vp-row", "19.9") == "19.9"
    with pytest.raises(ValueError, match=r"edm\.vp-row has no number 19\.1 in its formulas"):
        shown(library, "edm.vp-row", "19.1")  # it stands in a mistake


@pytest.mark.parametrize(
    ("name", "what", "message"),
    [
        ("fm-no-plan", "signs", "no claim and no experiment `fm-no-plan`"),
        ("fm-ot-plan", "sign", "no check 'sign'; there are plane, line"),
        ("fm-ot-plan", "signs guessed", "one of measured, predicted, and digits"),
        ("fm-ot-plan", "independent predicted", "no number predicted for independent"),
        ("fm-ot-plan", "", "no check ''"),
        ("edm.vp-row", "slope", "a number is quoted as it stands there"),
    ],
)
def test_what_nothing_holds_is_refused_in_a_sentence(library: Library, name: str, what: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        shown(library, name, what)


def test_the_build_names_file_and_line(library: Library, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/index.md").write_text("# One\n\n`[[a: b]]`\n\nAbout [[fm-ot-plan: sines]].\n", "utf-8")
    (fault,) = site_faults(tmp_path, library, ())
    assert str(fault).startswith("docs/index.md:5: fm-ot-plan has no check 'sines'")


def test_code_is_left_as_it_is(library: Library) -> None:
    text = "About [[edm.vp-row: 19.9]], not `[[edm.vp-row: 1]]`.\n\n```\n[[edm.vp-row: 2]]\n```\n"
    html = Markdown(extensions=["pymdownx.superfences", NumbersExtension(shelf=Shelf(library, "en"))]).convert(text)
    assert "About 19.9, not" in html and "[[edm.vp-row: 1]]" in html and "[[edm.vp-row: 2]]" in html
    assert list(number_faults(text, library)) == []


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_page_types_a_measured_number_by_hand(library: Library, language: str) -> None:
    held = {name: set(numbers(one.record)) for name, one in library.experiments.items() if one.record}
    typed = []
    for page, file in sources(ROOT, language).items():
        if not page.endswith(".md") or page.startswith(("contribute/", "reference/")):
            continue
        lines = file.read_text("utf-8").splitlines()
        for line, plain in zip(lines, outside_fences(lines), strict=True):
            for literal in LITERAL.findall(NO_PROSE.sub(" ", QUOTE.sub(" ", line))) if plain else ():
                places = len(literal.partition(".")[2])
                if len(literal.replace(".", "").strip("0")) >= SIGNIFICANT:
                    found = [n for n, values in held.items() if any(f"{abs(v):.{places}f}" == literal for v in values)]
                    typed += [f"{file.relative_to(ROOT)}: {literal} is a number of {', '.join(found)}"] if found else []
    assert not typed, "quote these as [[experiment: ...]]:\n" + "\n".join(typed)
