"""The playground's entry without a browser: only what changed is judged again, quotes are found, crashes are named."""

from __future__ import annotations

import json

import pytest

from verify.language.document import read_document
from verify.playground import Playground, load
from verify.running.engine import OurError
from verify.running.inline import Inline
from verify.sampling import draw, seeded

TEXT = r"""/// claim | mine.cout
    title: The target's variance
    title-zh: 目标的方差

- $\sigma, s$ : positive
- $c = \frac{s^2}{\sigma^2+s^2}$
- dimensions: 1

$$
\begin{aligned}
(1-c)^2s^2+c^2\sigma^2
 &= \frac{\sigma^4s^2+s^4\sigma^2}{(\sigma^2+s^2)^2} && \text{insert } c \\
 &= \frac{\sigma^2s^2}{\sigma^2+s^2}
\end{aligned}
$$
///
"""


def told(play: Playground, text: str) -> list[tuple[int, str]]:
    heard: list[tuple[int, str]] = []
    play.judge(text, lambda line, verdict: heard.append((line, verdict)))
    return heard


def test_only_a_changed_step_is_judged_again() -> None:
    play = Playground()
    assert told(play, TEXT) == [(12, "proved"), (13, "proved")]
    assert told(play, TEXT) == []
    assert told(play, TEXT.replace("insert", "put in")) == []  # a reason that names no rule changes nothing
    wrong = TEXT.replace(r"\sigma^2s^2}{\sigma^2+s^2}", r"\sigma^2s^2}{\sigma^2-s^2}")
    assert wrong != TEXT and told(play, wrong) == [(13, "refuted")]
    assert len(told(play, TEXT.replace("s$ : positive", "s$ : real"))) == 2  # the declarations are part of every step


def test_the_answer_is_json_in_the_reader_s_language() -> None:
    found = json.loads(Playground("zh").judge_json(TEXT))
    claim = found["claims"][0]
    assert claim["title"] == "目标的方差" and not found["errors"] and not found["faults"]
    assert claim["chains"][0]["steps"][0]["routes"][0]["method"].startswith("精确范式")


def test_a_text_may_quote_the_theory_and_only_what_exists() -> None:
    quoting = TEXT.replace(r"\text{insert } c", r"\text{by notation.edm}")
    assert Playground().judge(quoting)["claims"][0]["rests"] == ["notation.edm"]
    errors = Playground().judge(quoting.replace("notation.edm", "notation.no-such"))["errors"]
    assert len(errors) == 1 and "notation.no-such, which does not exist" in errors[0]["message"]


def test_an_error_has_its_place_and_the_others_are_still_judged() -> None:
    found = Playground().judge(TEXT + TEXT.replace("mine.cout", "mine.other").replace("- dimensions: 1", "- $q"))
    assert [claim["id"] for claim in found["claims"]] == ["mine.cout"]
    assert len(found["errors"]) == 1 and found["errors"][0]["line"] > TEXT.count("\n")


def test_loading_tells_how_far_it_is() -> None:
    load(lambda count: None)  # the modules are there already: nothing to count, and nothing to fail


def test_an_inline_crash_is_our_error_and_a_hit_limit_is_undecided() -> None:
    engine = Inline()

    def raising(error: Exception) -> None:
        raise error

    with pytest.raises(OurError, match="ZeroDivisionError"):
        engine.outcome(engine.submit(raising, ZeroDivisionError()))
    for limit in (RecursionError(), MemoryError()):
        assert engine.outcome(engine.submit(raising, limit))["verdict"] == "undecided"
    assert engine.outcome(engine.submit(dict)) == {}


def test_the_seeded_draws_keep_the_ranges_and_repeat(monkeypatch) -> None:
    monkeypatch.setattr(draw, "st", seeded)
    draw.candidates.cache_clear()
    names = (("s", "scalar", "positive"), ("x", "vector", "real"), ("k", "scalar", "index"))
    first = draw.candidates(names, 50)
    draw.candidates.cache_clear()
    assert first == draw.candidates(names, 50) and len(first) > 30 and all(point.generic() for point in first)
    low, high = draw.RANGES["positive"]
    assert all(low < point.values["s"][0] < high and len(point.values["x"]) == 3 for point in first)
    draw.candidates.cache_clear()


def test_the_seeded_draws_refute_and_support_like_the_others(monkeypatch) -> None:
    from verify.sampling.judge import judge_step

    monkeypatch.setattr(draw, "st", seeded)
    draw.candidates.cache_clear()
    claim = read_document(TEXT.replace(r"{\sigma^2+s^2}" + "\n", r"{\sigma^2-s^2}" + "\n"), "x.md").claims[0]
    rows = claim.chains[0]
    pairs = zip(rows, rows[1:], strict=False)
    found = [judge_step(a.expression, b.expression, claim.scope, b.relation).verdict for a, b in pairs]
    assert found == ["supported", "refuted"]
    draw.candidates.cache_clear()
