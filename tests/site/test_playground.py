"""The playground in a real browser: Python is started once, for all tests of this module."""

from __future__ import annotations

import _imp
import base64
import hashlib
import importlib.util
import json
import re
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.site.test_browser import AXE, SERIOUS
from verify.site.cards.card import Shelf
from verify.site.programs import runtime
from verify.site.programs.playground import LIMITS, examples, sources

ROOT = Path(__file__).parents[2]
VENDOR = ROOT / "docs" / "assets" / "vendor" / "pyodide"
HEAVY = re.compile(r"pyodide|\.zip|\.wasm|playground-worker")
IDLE = "() => !document.querySelector('[name=run]').disabled"
ANSWERED = "() => document.querySelector('#vd-play-state[data-kind]') && !document.querySelector('[name=run]').disabled"
TAMPERED = "img, script, iframe, [onerror], [onclick], [href^='javascript:']"
HOSTILE = r"""/// claim | mine.<img/src=x/onerror=window.pwned=1>
    title: <script>window.pwned=1</script>
///
/// claim | mine.hostile
    title: <img src=x onerror="window.pwned=1">

- $x$ : positive

$$
\begin{aligned}
x &= x+0 && \text{<b onclick="window.pwned=1">bold</b>} \\
 &= \href{javascript:window.pwned=1}{x}
\end{aligned}
$$
///
"""


# ---------------------------------------------------------------- without Python in the page


def test_the_vendored_files_are_those_of_the_list() -> None:
    listed = json.loads((VENDOR / "files.json").read_text("utf-8"))["files"]
    there = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in VENDOR.iterdir()}
    assert there.pop("files.json") and there == listed


def test_python_lies_in_the_site_once(site: Path) -> None:
    assert [file.relative_to(site).parts[0] for file in site.rglob("pyodide.asm.wasm")] == ["assets"]
    names = json.loads((site / "assets/playground" / runtime.LIST).read_text("utf-8"))["archives"]
    there = [file.name for file in site.rglob("*.zip") if file.name != "python_stdlib.zip"]
    assert sorted(Path(name).name for name in names) == sorted(there)
    assert all((site / "assets/playground" / name).is_file() for name in names)


def test_the_bytecode_was_made_from_the_libraries_that_are_installed() -> None:
    archive = VENDOR / f"{runtime.versions()}{runtime.COMPILED}"
    if not archive.is_file():  # other versions than the pinned ones: their sources are packed
        constraints = (ROOT / "constraints.txt").read_text("utf-8")
        assert not all(part in constraints for part in pinned()), "python -m tests.site.bytecode"
        return
    installed = Path(importlib.util.find_spec("sympy").origin).parents[1]
    with zipfile.ZipFile(archive) as held:
        compiled = {name: held.read(name)[:16] for name in held.namelist() if name.endswith(".pyc")}
    sources_of = {name: (installed / name.removesuffix("c")).read_bytes() for name in compiled}
    assert len(compiled) > 500
    key = int.from_bytes(next(iter(compiled.values()))[:4], "little")  # of the Python that compiled them
    for name, source in sources_of.items():
        assert compiled[name][8:] == _imp.source_hash(key, source), name


def pinned() -> list[str]:
    return [f"{name}=={metadata.version(name)}\n" for name in runtime.LIBRARIES]


def test_the_package_of_the_browser_leaves_out_what_it_does_not_need() -> None:
    names = {file.relative_to(ROOT).as_posix() for file in runtime.package_files()}
    assert {"verify/playground.py", "verify/proof/rules.py", "verify/theory/gauss/claims.md"} <= names
    assert not [name for name in names if re.match(r"verify/(commands|cli|experiments/\w+/|theory/.*\.py)", name)]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_example_is_what_its_name_says(library, language: str) -> None:
    from verify.playground import Playground

    play, texts = Playground(language), examples(Shelf(library, language))
    found = {name: play.judge(text) for name, text in texts.items() if name != "question"}  # the browser judges that
    assert list(texts) == ["right", "wrong", "unreadable", "question"]
    assert {claim["verdict"] for claim in found["right"]["claims"]} == {"proved"} and not found["right"]["errors"]
    steps = [step["verdict"] for chain in found["wrong"]["claims"][0]["chains"] for step in chain["steps"]]
    assert steps[0] == "refuted" and "proved" in steps
    assert found["unreadable"]["errors"] and not found["unreadable"]["claims"]
    assert not any(answer["faults"] for answer in found.values())


def test_every_claim_can_be_opened(library) -> None:
    texts = sources(ROOT, library)
    for claim in library.claims.values():
        text = texts[claim.topic][claim.id]
        assert text.startswith(f"/// claim | {claim.id}\n") and text.endswith("///\n")
        assert text.count(f"/// mistake | {claim.id}") == len(claim.mistakes)


# ---------------------------------------------------------------- the page before Python is there


def test_nothing_of_python_is_loaded_before_run(open_page) -> None:
    page = open_page("playground.html")
    loaded = page.evaluate("performance.getEntriesByType('resource').map(entry => entry.name)")
    assert [name for name in loaded if HEAVY.search(name)] == []
    assert page.locator(".vd-play-shown .katex").count() > 3  # the first example, as typed


def test_without_scripts_the_page_says_what_to_do(open_page) -> None:
    page = open_page("playground.html", java_script_enabled=False)
    assert "verify check mine.md" in page.inner_text("noscript") and not page.locator("#vd-play").is_visible()


def test_a_card_opens_its_claim(open_page, library) -> None:
    page = open_page("zh/claims/edm.html")
    page.click('[data-claim="edm.precond"] .vd-try')
    page.wait_for_function("document.querySelector('[name=text]').value.includes('edm.precond')")
    assert page.input_value("[name=text]") == sources(ROOT, library)["edm"]["edm.precond"]
    assert page.locator("#vd-play-state").inner_text().startswith("按")


@pytest.mark.parametrize(
    "fragment",
    ["#text=%3Cscript%3E", "#text=javascript:alert(1)", "#text=abcde", "#text=_w", "#text=" + "A" * 200_000,
     "#text=" + base64.urlsafe_b64encode(b"x" * (LIMITS["characters"] + 1)).decode().rstrip("=")],
    ids=["tags", "scheme", "length", "no-utf8", "huge", "too-long"],
)  # fmt: skip
def test_a_fragment_that_is_no_text_is_refused(open_page, fragment: str) -> None:
    page = open_page("playground.html" + fragment)
    assert "link does not hold a text" in page.inner_text("#vd-play-state")


def test_a_hostile_text_in_a_link_is_shown_as_text(open_page) -> None:
    nested = "{" * 3000 + "x" + "}" * 3000
    text = HOSTILE + f"$${nested}$$ $\\htmlClass{{md-header}}{{x}}$ $\\url{{javascript:window.pwned=1}}$"
    page = open_page("playground.html#text=" + base64.urlsafe_b64encode(text.encode()).decode().rstrip("="))
    assert page.input_value("[name=text]") == text and "<script>" in page.inner_text(".vd-play-shown")
    assert page.locator(f".vd-play-shown :is({TAMPERED}, .md-header)").count() == 0
    assert page.evaluate("window.pwned") is None


def test_the_hostile_check_sees_a_text_that_was_parsed_as_html(open_page) -> None:
    page = open_page("playground.html")
    page.evaluate("document.querySelector('.vd-play-shown').innerHTML = '<img src=data:, alt=x>'")
    assert page.locator(f".vd-play-shown :is({TAMPERED})").count() == 1


def test_a_text_beyond_the_bound_is_refused_in_a_sentence(open_page) -> None:
    page = open_page("playground.html")
    page.fill("[name=text]", "x" * (LIMITS["characters"] + 1))
    page.click("[name=run]")
    assert f"{LIMITS['characters']:,}" in page.inner_text("#vd-play-state")


def test_stop_while_python_is_loading(open_page) -> None:
    page = open_page("playground.html")
    page.click("[name=run]")
    assert page.locator("[name=run]").is_disabled()
    page.click("[name=stop]")
    page.wait_for_function(IDLE)
    assert page.inner_text("#vd-play-state").startswith("Stopped.") and page.locator("progress").is_hidden()


def test_a_run_that_takes_too_long_is_stopped_and_keeps_what_was_judged(open_page) -> None:
    page = open_page("playground.html")
    page.evaluate("""() => {
      window.Worker = class {
        postMessage({ number }) {
          this.onmessage({ data: { kind: "judging", number } });
          this.onmessage({ data: { kind: "step", number, line: 11, verdict: "proved" } });
        }
        terminate() { window.ended = true; }
      };
      const later = window.setTimeout;
      window.setTimeout = (what, ms) => later(what, ms / 1000);
    }""")
    page.click("[name=run]")
    page.wait_for_function("window.ended")
    assert f"Stopped after {LIMITS['seconds']} s" in page.inner_text("#vd-play-state")
    assert "proved" in page.inner_text(".vd-play-sofar")


def test_a_contribution_names_its_file(open_page) -> None:
    page = open_page("playground.html")
    page.fill("[name=text]", "/// claim | gauss.mine\n    title: x\n///\n")
    page.click("[name=contribute]")
    assert page.inner_text(".vd-play-file") == "verify/theory/gauss/claims.md"
    assert page.text_content(".vd-play-block") == page.input_value("[name=text]")


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=60), min_size=1, max_size=12))
def test_a_link_gives_back_its_text(codec, texts: list[str]) -> None:
    assert codec(texts) == texts


@pytest.fixture(scope="module")
def codec(chromium, served: str):
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"{served}playground.html")
    yield lambda texts: page.evaluate(
        "texts => texts.map(text => Playground.decode(new URL(Playground.encode(text), location).hash, 1000))", texts
    )
    context.close()


# ---------------------------------------------------------------- with Python in the page


@pytest.fixture(scope="module")
def play(chromium, served: str):
    """Judges a text in the one page that has Python; nothing may have been asked of another host or gone wrong."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page, wrong = context.new_page(), []
    page.on("request", lambda request: request.url.startswith((served, "data:", "blob:")) or wrong.append(request.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda line: line.type == "error" and wrong.append(line.text))
    page.goto(f"{served}playground.html")
    page.uncheck("[name=follow]")

    def judge(text: str):
        page.fill("[name=text]", text)
        page.evaluate("delete document.querySelector('#vd-play-state').dataset.kind")
        page.click("[name=run]")
        page.wait_for_function(ANSWERED, timeout=300_000)
        return page

    yield judge
    context.close()
    assert wrong == []


def test_a_right_derivation_is_proved(play, library) -> None:
    page = play(examples(Shelf(library))["right"])
    assert page.get_attribute("#vd-play-state", "data-kind") == "judged"
    steps = page.locator(".vd-step > details > summary .vd-badge").all_inner_texts()
    assert len(steps) > 3 and all("proved" in step for step in steps)
    page.evaluate(AXE)
    assert page.evaluate(SERIOUS) == []


def test_a_wrong_step_is_named_with_numbers(play, library) -> None:
    page = play(examples(Shelf(library))["wrong"])
    wrong = page.locator(".vd-step.vd-refuted")
    assert wrong.count() == 1 and wrong.locator("details").first.get_attribute("open") is not None
    assert "counterexample" in wrong.inner_text() and "difference lies in" in wrong.inner_text()
    assert "the first wrong step: line" in page.locator(".vd-card .vd-line").inner_text()
    assert page.locator(".vd-mark.vd-refuted").count() == 1 and page.locator(".vd-mark.vd-proved").count() >= 1


def test_what_cannot_be_read_has_its_caret_and_its_place(play, library) -> None:
    page = play(examples(Shelf(library))["unreadable"])
    shown = page.text_content(".vd-play-error pre")
    line, under = shown.split("\n")
    assert line[under.index("^") :].startswith(r"\alpha") and under.count("^") == len(r"\alpha")
    page.click(".vd-play-error .vd-play-goto")
    chosen = page.evaluate("(() => { const t = document.querySelector('[name=text]');"
                           "return t.value.slice(t.selectionStart, t.selectionEnd); })()")  # fmt: skip
    assert chosen == r"\alpha"


def test_a_hostile_text_is_judged_and_shown_as_text(play) -> None:
    page = play(HOSTILE)
    assert "no claim id" in page.inner_text(".vd-play-shown") or page.locator(".vd-play-error").count() >= 1
    assert page.locator(f".vd-play-shown :is({TAMPERED})").count() == 0
    assert page.evaluate("window.pwned") is None
    page = play(HOSTILE.replace(r"\href{javascript:window.pwned=1}{x}", "x"))
    assert "<img src=x" in page.inner_text(".vd-card .vd-title") and "<b onclick" in page.inner_text(".vd-steps")


def test_the_browser_finds_what_verify_check_finds(play, library, tmp_path: Path) -> None:
    texts = sources(ROOT, library)
    chosen = ("edm.loss-weight", "guide.cfg", "notation.half-logsnr")
    file = tmp_path / "chosen.md"
    file.write_text("\n".join(texts[library.claims[id_].topic][id_] for id_ in chosen), "utf-8")
    check = [sys.executable, "-m", "verify", "check", str(file), "--json", "--jobs", "1"]
    entries = json.loads(subprocess.run(check, cwd=ROOT, capture_output=True, text=True, check=False).stdout)
    page = play(file.read_text("utf-8"))
    for id_ in chosen:
        card = page.locator(f'.vd-card[data-claim="{id_}"]')
        for route in ("proof", "sampling"):
            routes = card.locator(f".vd-route:has(> p:text-matches('^{route}'))").all()
            shown = [part.locator(".vd-badge").first.get_attribute("class").split()[-1] for part in routes]
            assert shown == [f"vd-{step['verdict']}" for step in entries[id_][route]["steps"]]
        mistakes = [part.get_attribute("class").split()[-1] for part in card.locator(".vd-mistake .vd-badge").all()]
        assert mistakes == [f"vd-{mistake['verdict']}" for mistake in entries[id_]["proof"]["mistakes"]]


def test_an_edit_is_judged_without_a_press(play, library) -> None:
    text = examples(Shelf(library))["unreadable"]
    page = play(text)
    page.check("[name=follow]")
    page.fill("[name=text]", text.replace("- $\\gamma", "- $\\alpha, \\sigma$ : positive\n- $\\gamma"))
    page.wait_for_selector(".vd-card.vd-proved")
    page.uncheck("[name=follow]")


def test_the_judged_page_fits_a_phone(play, library) -> None:
    page = play(examples(Shelf(library))["question"])
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator(".vd-card.vd-refuted").count() == 1
    page.set_viewport_size({"width": 1280, "height": 900})
