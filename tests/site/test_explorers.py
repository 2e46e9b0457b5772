"""The explorers' pictures and pages: what a reader or a stranger's link can set, and what it does."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence

import markdown
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.site.test_browser import breaches  # noqa: F401  (a fixture)
from tests.site.test_explorer_numbers import SCRIPTS, Script, scripted
from verify.experiments.contours import regions
from verify.site.cards import explorers
from verify.site.cards.card import Printer, Shelf
from verify.site.contents.explorer_settings import EXPLORERS
from verify.site.contents.model import Library
from verify.site.markdown.blocks import BlocksExtension


@pytest.fixture(scope="module")
def run() -> Script:
    return scripted(explorers.v8(explorers.sources(SCRIPTS)))


# ---- pictures -----------------------------------------------------------------------------------------------------


def area(loops: Sequence[Sequence[Sequence[float]]]) -> float:
    """The sum of what each loop encloses, holes too."""
    return sum(
        abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in itertools.pairwise([*loop, loop[0]]))) / 2 for loop in loops
    )


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_regions_are_those_of_the_experiments_figures(run: Script, data: st.DataObject) -> None:
    rows, columns = data.draw(st.integers(2, 6)), data.draw(st.integers(2, 6))
    row = st.lists(st.sampled_from([0.0, 0.2, 0.45, 0.8, 1.0]), min_size=columns, max_size=columns)
    values = data.draw(st.lists(row, min_size=rows, max_size=rows))
    found, wanted = run("explorers.figure.regions(values, 0.5)", values=values), regions(values, 0.5)
    assert len(found) == len(wanted) and area(found) == pytest.approx(area(wanted))
    assert {(round(a, 9), round(b, 9)) for loop in found for a, b in loop} == {
        (round(a, 9), round(b, 9)) for loop in wanted for a, b in loop
    }


@settings(max_examples=30, deadline=None)
@given(value=st.floats(-1e9, 1e9), digits=st.integers(2, 4))
def test_a_number_in_type_says_what_it_is(run: Script, value: float, digits: int) -> None:
    text = run("explorers.figure.typed(value, digits)", value=value, digits=digits).replace("−", "-")
    mantissa, _, exponent = text.partition("·10")
    read = float(mantissa) * 10 ** int(exponent.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")) or 1) \
        if exponent or text.endswith("·10") else float(mantissa)  # fmt: skip
    assert read == pytest.approx(value, rel=10 ** (1 - digits), abs=1e-300)


ANY_SETTINGS = {
    name: st.fixed_dictionaries(
        {
            one.name: st.sampled_from(list(one.options)) if one.options
            else st.integers(0, int(round((one.high - one.low) / one.step))).map(
                lambda k, one=one: one.low + k * one.step)
            for one in explorer.settings
        }
    )
    for name, explorer in EXPLORERS.items()
}  # fmt: skip


@pytest.mark.parametrize("name", EXPLORERS)
@settings(max_examples=12, deadline=None)
@given(st.data())
def test_every_setting_can_be_drawn_in_both_languages(run: Script, name: str, data: st.DataObject) -> None:
    """No word is missing, no picture is empty, and no place in it is not a number."""
    strict = (
        "new Proxy(words, { get: (all, key) => { if (key in all) return all[key]; throw new Error(String(key)); } })"
    )
    chosen = data.draw(ANY_SETTINGS[name])
    for language in ("en", "zh"):
        drawn = run(
            f"explorers.figure.toText(explorers.figure.page(explorers.views[name](chosen, {strict})))",
            name=name, chosen=chosen, words=EXPLORERS[name].said(language),
        )  # fmt: skip
        assert "undefined" not in drawn
        for places in re.findall(r' (?:d|x|y|transform|viewBox|height)="([^"]*)"', drawn):
            assert "NaN" not in places and "Infinity" not in places
        panels = drawn.split("<figure")[1:]
        assert len(panels) >= 2 and all(re.search(r'<path d="M[^"]*[LVh]', panel) for panel in panels)
        assert re.search("[一-鿿]", drawn) is None or language == "zh"


def test_what_is_drawn_is_escaped(run: Script) -> None:
    drawn = run("""explorers.figure.toText(["p", { title: '"<b>' }, "<script>alert(1)</script> & more"])""")
    assert drawn == '<p title="&quot;&lt;b&gt;">&lt;script&gt;alert(1)&lt;/script&gt; &amp; more</p>'


# ---- the block ----------------------------------------------------------------------------------------------------


def rendered(text: str, shelf: Shelf) -> str:
    return markdown.markdown(text, extensions=[BlocksExtension(shelf=shelf)])


@pytest.mark.parametrize("name", EXPLORERS)
def test_an_explorer_stands_without_scripts_and_names_its_claims(library: Library, name: str) -> None:
    for language in ("en", "zh"):
        html = rendered(f"/// explorer | {name}\n///\n", Shelf(library, language, scripts=SCRIPTS))
        assert explorers.drawn(name, language, explorers.sources(SCRIPTS)) in html and html.count("<svg ") >= 2
        for id_ in EXPLORERS[name].claims:
            badge = Printer(Shelf(library, language), "index.html").badge(library.standings[id_].verdict)
            assert f"#{id_}" in html and str(badge) in html
        for one in EXPLORERS[name].settings:
            assert f'name="{one.name}"' in html and one.label[language] in html


def test_an_unknown_explorer_and_an_unknown_claim_stop_the_build(library: Library) -> None:
    with pytest.raises(ValueError, match="no explorer 'magic'; there are schedules"):
        rendered("/// explorer | magic\n///\n", Shelf(library))
    lost = Library({id_: claim for id_, claim in library.claims.items() if id_ != "sched.shift"}, {}, library.standings)
    with pytest.raises(ValueError, match=r"schedules names sched\.shift, and there is no such claim"):
        rendered("/// explorer | schedules\n///\n", Shelf(lost))
    some = {name: text for name, text in SCRIPTS.items() if name != "numerics.js"}
    with pytest.raises(ValueError, match=r"docs/assets/explorers lacks numerics\.js"):
        rendered("/// explorer | schedules\n///\n", Shelf(library, scripts=some))


def test_first_settings_are_settings() -> None:
    for explorer in EXPLORERS.values():
        for one in explorer.settings:
            if one.options:
                assert one.value in one.options
            else:
                steps = (float(one.value) - one.low) / one.step
                assert one.low <= float(one.value) <= one.high and steps == pytest.approx(round(steps))
            assert all(one.label.values()) and math.isfinite(one.high)


# ---- in a browser -------------------------------------------------------------------------------------------------

STAGE = "document.querySelector('[data-stage]').innerHTML"


def settled(page) -> str:
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(null))))")
    return page.evaluate(STAGE)


def field(page, name: str):
    return page.locator(f'[data-explorer] [name="{name}"]')


def test_a_setting_changes_the_pictures_and_the_address_and_comes_back(open_page) -> None:
    page = open_page("explorers/schedules.html")
    first = page.evaluate(STAGE)
    field(page, "first").select_option("flow-matching")
    field(page, "first_shift").focus()
    page.keyboard.press("ArrowRight")
    changed = settled(page)
    assert changed != first and "A: flow matching × 1.25" in changed
    assert page.evaluate("location.hash") == "#first=flow-matching&first_shift=1.25"
    page.reload(wait_until="networkidle")
    assert settled(page) == changed
    page.locator(".vd-language").first.click()
    page.wait_for_url("**/zh/explorers/schedules.html#first=flow-matching&first_shift=1.25")
    assert "A: 流匹配 × 1.25" in settled(page)
    page.locator('.vd-controls button[type="reset"]').click()
    page.wait_for_function("location.hash === ''")
    assert "A: 余弦" in settled(page)


@pytest.mark.parametrize("name", EXPLORERS)
def test_the_browser_draws_what_the_build_drew(open_page, name: str) -> None:
    page = open_page(f"explorers/{name}.html")
    before = page.evaluate(STAGE)
    page.evaluate("document.querySelector('.vd-controls').dispatchEvent(new Event('input'))")
    strip = lambda html: re.sub(r' (?:tabindex|role|aria-label)="[^"]*"|(?<=\d)\.\d+', "", html)  # noqa: E731
    after = settled(page)
    assert "<svg" in before and len(strip(before)) == pytest.approx(len(strip(after)), rel=0.01)
    assert re.findall("<text.*?</text>", strip(before)) == re.findall("<text.*?</text>", strip(after))


@pytest.mark.parametrize(
    "hash_",
    [
        "#steps=1e12&at=-5&rho=NaN&seed=Infinity&scale=",
        "#sampler=<img src=x onerror=alert(1)>&label=__proto__&dimensions=1'; alert(1)//",
        "#constructor=1&__proto__=2&steps=%3Cscript%3E&%E0%A4%A=1&" + "steps=9&" * 4000,
    ],
)
def test_a_hostile_address_sets_nothing_out_of_bounds(open_page, hash_: str) -> None:
    page = open_page("explorers/trajectories.html" + hash_)
    settled(page)
    for one in EXPLORERS["trajectories"].settings:
        value = field(page, one.name).input_value()
        assert value in one.options if one.options else one.low <= float(value) <= one.high
    assert page.locator("[data-stage] svg").count() == 2 and page.locator("[data-stage] img").count() == 0


def test_play_walks_through_the_noise_levels_and_stops(open_page) -> None:
    page = open_page("explorers/trajectories.html#at=97&dimensions=2", reduced_motion="no-preference")
    button = page.locator("[data-play]")
    assert "step 17 of 18" in settled(page)
    button.focus()
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('[data-explorer] [name=at]').value === '100'")
    page.wait_for_function("document.querySelector('[data-play]').textContent === 'Play'")
    assert "step 18 of 18" in settled(page) and "at=" not in page.evaluate("location.hash")


def test_nothing_plays_where_motion_is_unwanted(open_page) -> None:
    page = open_page("explorers/trajectories.html", reduced_motion="reduce")
    assert page.locator("[data-play]").is_hidden() and field(page, "at").is_visible()


def test_without_scripts_the_pictures_stand_and_no_control_pretends(open_page) -> None:
    page = open_page("zh/explorers/errors.html", java_script_enabled=False)
    assert page.locator("[data-stage] svg").first.is_visible() and page.locator(".vd-shown .vd-badge").count() >= 3
    assert page.locator(".vd-controls").is_hidden() and "脚本已停用" in page.locator("article").inner_text()


@pytest.mark.parametrize(
    ("path", "scheme"),
    [
        ("explorers/schedules.html", "light"),
        ("zh/explorers/trajectories.html", "dark"),
        ("explorers/errors.html", "dark"),
    ],
)
def test_an_explorer_is_accessible_and_fits_a_phone(open_page, breaches, path: str, scheme: str) -> None:  # noqa: F811
    page = open_page(path, width=390, height=844, scheme=scheme)
    page.evaluate("document.querySelectorAll('article details').forEach(part => part.open = true)")
    page.evaluate("document.querySelector('.vd-controls').dispatchEvent(new Event('input'))")
    settled(page)
    assert breaches(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_nothing_jumps_when_the_scripts_arrive(open_page) -> None:
    page = open_page("explorers/schedules.html")
    box = page.locator("[data-stage]").bounding_box()
    page.evaluate("document.querySelector('.vd-controls').dispatchEvent(new Event('input'))")
    settled(page)
    assert page.locator("[data-stage]").bounding_box() == box


def test_paper_shows_the_pictures_and_not_the_controls(open_page) -> None:
    page = open_page("explorers/errors.html")
    page.emulate_media(media="print")
    assert page.locator("[data-stage] svg").first.is_visible() and page.locator(".vd-controls").is_hidden()
