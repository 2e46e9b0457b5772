"""The short round of the fuzzer that every test run makes, and everything that it ever found."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from tests.fuzz import inputs, targets
from verify.running.workers import Workers

CORPUS = sorted((Path(__file__).parent / "corpus").glob("*.txt"))
SHORT = settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def workers():
    with Workers(1) as pool:
        yield pool


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_what_was_found_once(path, workers):
    text = path.read_text("utf-8")
    targets.formula(text)
    targets.page(text)
    targets.claim(text, workers)


@given(inputs.formulas)
@SHORT
def test_formulas(text):
    targets.formula(text)


@given(text=inputs.claims())
@SHORT
def test_claims(workers, text):
    targets.claim(text, workers)
