"""The open problems and the questions: each rests on something that exists, and both languages rest on the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.site.test_extensions import render
from verify.intake.front_matter import read_front_matter
from verify.site.cards.card import Shelf
from verify.site.check import faults
from verify.site.contents.model import Library
from verify.site.pages import read_questions

ROOT = Path(__file__).parents[2]
PROBLEMS = sorted(path.name for path in (ROOT / "docs" / "open-problems").glob("*.md") if path.stem != "index")
QUESTIONS = sorted(path.name for path in (ROOT / "questions").glob("*.md"))
STANDS_ON = re.compile(r"^/// experiment \| (\S+)|\[([a-z]+\.[\w-]+)\]\[\]|\[@(\w+)", re.M)


@pytest.fixture(scope="module")
def library() -> Library:
    return Library.load(ROOT)


def rests_on(path: Path) -> list[tuple[str, ...]]:
    return STANDS_ON.findall(path.read_text("utf-8"))


def test_there_are_ten_problems_and_the_index_leads_to_each() -> None:
    assert len(PROBLEMS) == 10
    for folder in ("docs/open-problems", "docs/zh/open-problems"):
        listed = re.findall(r"\]\(([\w-]+\.md)\)", (ROOT / folder / "index.md").read_text("utf-8"))
        assert sorted(listed) == PROBLEMS


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_problem_shows_a_run_experiment_and_says_what_it_cannot_show(name: str, library: Library) -> None:
    text = (ROOT / "docs" / "open-problems" / name).read_text("utf-8")
    shown = re.findall(r"^/// experiment \| (\S+)", text, re.M)
    assert shown and all(library.experiments[one].record for one in shown)
    assert "## What this cannot show" in text and "$" not in text.split("## What is known")[0]


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_problem_rests_on_the_same_in_both_languages(name: str) -> None:
    assert set(rests_on(ROOT / "docs/open-problems" / name)) == set(rests_on(ROOT / "docs/zh/open-problems" / name))


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_rests_on_the_same_in_both_languages_and_lists_it(name: str, library: Library) -> None:
    english, chinese = ROOT / "questions" / name, ROOT / "questions" / "zh" / name
    heads = [read_front_matter(path.read_text("utf-8"), path.name).data for path in (english, chinese)]
    for field in ("id", "kind", "state", "asked", "claims", "topics", "sources"):
        assert heads[0].get(field) == heads[1].get(field), field
    named = {claim for _, claim, _ in rests_on(english) if claim}
    assert named == {claim for _, claim, _ in rests_on(chinese) if claim}
    assert named <= set(heads[0]["claims"]) <= set(library.claims)
    assert heads[0]["topics"] and set(heads[0]["topics"]) <= set(library.topics)


def test_an_experiment_stands_on_a_page_by_its_name(library: Library) -> None:
    for language, word in (("en", "prediction"), ("zh", "预测")):
        page = render("/// experiment | mem-collapse\n///", Shelf(library, language))
        assert "vd-experiment" in page and word in page and "records/mem/mem-collapse" in page


def test_an_unknown_experiment_is_named_with_its_line() -> None:
    found = faults("# Page\n\n/// experiment | mem-colapse\n///\n", "p.md", [], [], experiments=["mem-collapse"])
    assert [str(fault) for fault in found] == ["p.md:3: no experiment `mem-colapse`; did you mean `mem-collapse`?"]


@pytest.mark.parametrize(("language", "name"), [("en", "Guidance"), ("zh", "引导")])
def test_the_list_of_questions_can_be_narrowed_to_a_topic_by_its_name(language, name, library: Library) -> None:
    questions = read_questions(ROOT, language)
    page = render("/// table | questions\n///", Shelf(library, language, questions=questions))
    assert f'<option value="guide">{name}</option>' in page
    rows = re.findall(r'data-row data-kind="\w+" data-state="\w+" data-topic="([\w ]+)"', page)
    assert len(rows) == len(questions) >= 20
    assert sum("guide" in row.split() for row in rows) == sum("guide" in one.topics for one in questions) > 0
