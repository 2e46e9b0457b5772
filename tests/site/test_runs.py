"""Training runs on a page: every number comes from a report, seeds stand together, a changed module is named."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.site.cards.card import Printer, Shelf
from verify.site.contents.model import Library
from verify.site.contents.runs import FOLDER, RunError, read_runs, spread
from verify.sources import source_hashes

MODULE = "verify.experiments.training.loop"


def report(seed=0, confusion=0.6, **config):
    chosen = {"family": "ddpm", "data": "digits", "param": "eps", "steps": 1200, "seed": seed, **config}
    baseline = {"energy": 0.0, "confusion": 0.8, "copies": 1.7, "legible": 0.4}
    return {
        "config": chosen, "sources": source_hashes(MODULE),
        "measures": {"heun": {"samples": {**baseline, "confusion": confusion}, "one Gaussian": baseline},
                     "ddim": {"samples": baseline, "one Gaussian": baseline}},
        "by_level": [{"sigma": 0.5, "error": 0.0192, "floor": 0.0152, "train": 0.0334, "held_out": 0.0357}],
    }  # fmt: skip


def keep(root, *reports):
    (root / FOLDER).mkdir(parents=True, exist_ok=True)
    for one in reports:
        name = f"{one['config']['family']}-digits-eps.{one['config']['seed']}.json"
        (root / FOLDER / name).write_text(json.dumps(one))
    return root


def shown(root, language="en"):
    run = read_runs(root)["ddpm-digits-eps"]
    shelf = Shelf(Library({}, {}, {}), language)
    return Printer(shelf, "training/digits.html").render("run", run=run, spread=spread)


def test_seeds_stand_together_with_their_spread(tmp_path):
    html = shown(keep(tmp_path, report(1, 0.7), report(0, 0.5)))
    assert "<td>0.6<br>" in html and "0.5 – 0.7" in html and "seeds 0, 1" in html
    assert "0.0192" in html and "↻" not in html


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_word_is_there_in_both_languages(tmp_path, language):
    html = shown(keep(tmp_path, report()), language)
    assert ("Heun 采样" in html) == (language == "zh") and ("samples by Heun" in html) == (language == "en")


def test_a_changed_module_makes_a_run_stale_and_is_named(tmp_path):
    old = report()
    old["sources"][MODULE] = "0" * 16
    html = shown(keep(tmp_path, old))
    assert "vd-stale" in html and MODULE in html


@pytest.mark.parametrize(
    "break_it",
    [
        lambda one: one.pop("measures"),
        lambda one: one["config"].update(param="v"),
        lambda one: one["config"].pop("seed"),
        lambda one: one.update(by_level=[]),
    ],
)
def test_what_is_no_report_of_that_run_is_named(tmp_path, break_it):
    one = report()
    root = keep(tmp_path, one)
    break_it(one)
    (root / FOLDER / "ddpm-digits-eps.0.json").write_text(json.dumps(one))
    with pytest.raises(RunError, match=r"ddpm-digits-eps\.0\.json"):
        read_runs(root)


def test_runs_that_differ_in_more_than_the_seed_are_no_spread(tmp_path):
    with pytest.raises(RunError, match="more than their seeds"):
        read_runs(keep(tmp_path, report(0), report(1, steps=2400)))


@given(st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=5))
def test_a_spread_holds_its_mean(values):
    mean, ends = spread(values, 6)
    low, high = ends.split(" – ") if ends else (mean, mean)
    assert float(low) * (1 - 1e-5) <= float(mean) <= float(high) * (1 + 1e-5)
