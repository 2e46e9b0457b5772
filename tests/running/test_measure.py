"""Experiments measured here, one after another: a fault of one keeps nothing from the others."""

from __future__ import annotations

import pytest

from verify.running.engine import OurError
from verify.running.measure import measure


def test_a_crash_is_told_after_the_outcomes_of_all_others(monkeypatch):
    def perform(name, *_):
        if name == "b":
            raise ModuleNotFoundError("No module named 'missing'")
        return name

    monkeypatch.setattr("verify.experiments.run.perform", perform)
    outcomes = []
    with pytest.raises(OurError, match=r"(?s)^b:.*No module named 'missing'"):
        for outcome in measure(["a", "b", "c"]):
            outcomes.append(outcome)  # one by one: what came before the error is kept
    assert outcomes == ["a", "c"]


def test_outcomes_come_one_by_one(monkeypatch):
    monkeypatch.setattr("verify.experiments.run.perform", lambda name, *_: name)
    assert list(measure(["a", "b"])) == ["a", "b"]
