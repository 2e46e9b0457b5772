"""Learning paths: nothing before what it needs, a question with an answer at every step, ticks that stay."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.site.conftest import ROOT
from tests.site.test_browser import breaches  # noqa: F401  (a fixture)
from verify.site.check import list_faults
from verify.site.contents.lists import ListError
from verify.site.contents.model import Library
from verify.site.contents.paths import FILE, LearningPath, before, foundations, needs, path_faults, read_paths

PATHS = read_paths(ROOT)
ONE = """one:
  title: One
  title-zh: 一
  stages:
    - title: First
      title-zh: 甲
      steps:
        - {claim: ddim.step, minutes: 10, ask: "Why?", ask-zh: "为什么？"}
        - {claim: %s, minutes: 10, ask: "Why?", ask-zh: "为什么？"}
"""


def written(tmp_path: Path, text: str) -> dict[str, LearningPath]:
    (tmp_path / "docs").mkdir(exist_ok=True)
    (tmp_path / FILE).write_text(text, "utf-8")
    return read_paths(tmp_path)


def test_there_are_two_paths_of_five_stages() -> None:
    assert list(PATHS) == ["beginner", "advanced"]
    assert all(len(path.stages) == 5 and all(stage.steps for stage in path.stages) for path in PATHS.values())


def test_the_lists_of_the_project_have_no_faults(library: Library) -> None:
    works = {cited.key for claim in library.claims.values() for cited in claim.sources}
    assert list_faults(ROOT, library, works) == []


@pytest.mark.parametrize("name", PATHS)
def test_no_step_comes_before_what_it_needs(library: Library, name: str) -> None:
    path = PATHS[name]
    taught = {step.claim for step in before(path, PATHS)}
    coming = {step.claim for step in path.steps if not step.page} - taught
    for step in path.steps:
        assert not foundations(step.claim, library.claims) & coming - {step.claim}
        coming.discard(step.claim)


def test_what_a_step_needs_is_taught_or_named(library: Library) -> None:
    path = PATHS["advanced"]
    steps = before(path, PATHS)
    for step in path.steps:
        taught, others = needs(step, steps, library.claims)
        assert {one.claim for one in taught} | set(others) == foundations(step.claim, library.claims)
        steps = [*steps, step]


def test_every_step_asks_in_both_languages_what_its_claim_answers(library: Library) -> None:
    for path in PATHS.values():
        for step in path.steps:
            assert step.ask["en"].endswith("?") and step.ask["zh"].endswith("？"), step.claim
            assert library.claims[step.claim].slogan.keys() >= {"en", "zh"}


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        ("gauss.sum", "docs/paths.yml:8: ddim.step uses gauss.sum, which comes later in the path one"),
        (
            "ddpm.eps-mean",
            "docs/paths.yml:8: ddim.step is to be read after ddpm.eps-mean, which comes later in the path one",
        ),
        ("gauss.some", "docs/paths.yml:9: no claim `gauss.some`"),
        ("ddim.step", "docs/paths.yml:8: ddim.step is twice in the path one"),
    ],
)
def test_a_fault_in_a_path_is_named_with_its_line(tmp_path: Path, library: Library, claim: str, message: str) -> None:
    assert message in list(path_faults(written(tmp_path, ONE % claim), library.claims, set()))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("minutes: 10", "minutes: soon", ":8: minutes is"),
        (', ask-zh: "为什么？"', "", ":8: ask-zh is missing"),
        ("title: First", "titel: First", ":5: no key 'titel' here"),
        ("minutes: 10,", "minutes: 10, do: Read, do-zh: 读,", ":8: something to do has both"),
        ("title: One", "title: One\n  title: Two", ":2: title stands twice"),
        ("stages:", "stages: [", ":"),
    ],
)
def test_what_is_no_path_is_refused_with_its_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(ListError) as caught:
        written(tmp_path, (ONE % "gauss.sum").replace(old, new, 1))
    assert str(caught.value).startswith(FILE) and message in str(caught.value)


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("edition", ["", "zh/"])
def test_every_step_is_on_the_page_with_its_answer_folded(site: Path, name: str, edition: str) -> None:
    page = (site / f"{edition}paths/{name}.html").read_text("utf-8")
    steps = PATHS[name].steps
    assert re.findall(r'data-step="([^"]+)"', page) == [step.key for step in steps]
    assert page.count("<details><summary>") == len(steps) and "<details open" not in page


def test_a_tick_stays_and_counts_in_both_editions(open_page) -> None:
    page = open_page("paths/beginner.html")
    page.locator("[data-step='gauss.sum'] input").check()
    page.reload()
    assert page.locator("[data-step='gauss.sum'] input").is_checked()
    page.goto(page.url.replace("/paths/", "/zh/paths/"))
    assert page.locator("[data-step='gauss.sum'] input").is_checked()
    steps = PATHS["beginner"].steps
    left = sum(step.minutes for step in steps) - steps[0].minutes
    assert page.locator("[data-progress] output").inner_text() == f"已完成 1 / {len(steps)} 步，还需 {left} 分钟"
    page.locator("[data-clear]").click()
    page.reload()
    assert page.locator("[data-step] input:checked").count() == 0


def test_ticks_work_where_the_browser_keeps_nothing(open_page) -> None:
    page = open_page("index.html")
    page.add_init_script(
        "for (const name of ['getItem', 'setItem']) {"
        "  const kept = Storage.prototype[name];"
        "  Storage.prototype[name] = function (key, ...rest) {"
        "    if (key.includes('ticks')) throw new DOMException('no');"
        "    return kept.call(this, key, ...rest);"
        "  };"
        "}"
    )
    page.goto(page.url.replace("index.html", "paths/beginner.html"))
    page.locator("[data-step='gauss.sum'] input").check()
    page.locator("[data-step='gauss.kl'] input").check()
    assert page.locator("[data-step] input:checked").count() == 2


def test_a_path_reads_without_scripts(open_page) -> None:
    page = open_page("paths/advanced.html", java_script_enabled=False)
    assert not page.locator("[data-progress]").is_visible() and not page.locator(".vd-tick").first.is_visible()
    question = page.locator("[data-step] details").first
    question.locator("summary").click()
    assert question.locator("p").is_visible()


@pytest.mark.parametrize("path", ["paths/beginner.html", "zh/paths/advanced.html"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_path_is_accessible_and_fits_a_phone(open_page, breaches, path: str, scheme: str) -> None:  # noqa: F811
    page = open_page(path, scheme=scheme, width=390, height=844)
    page.evaluate("document.querySelectorAll('[data-step] details').forEach(part => part.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert breaches(page) == []


def test_a_printed_path_leaves_the_ticks_away(open_page) -> None:
    page = open_page("paths/beginner.html")
    page.emulate_media(media="print")
    assert not page.locator("[data-progress]").is_visible()
    assert page.locator("[data-step]").first.is_visible()
