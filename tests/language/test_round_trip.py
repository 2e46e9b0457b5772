"""Shown = read: printing a tree and reading it back gives the same tree."""

from __future__ import annotations

from pathlib import Path

import pytest

from verify.language.catalog import load_catalog
from verify.language.document import read_document
from verify.language.printer import latex
from verify.language.reader import read_formula

ROOT = Path(__file__).parents[2]
CORPUS = read_document((ROOT / "tests/contract/corpus.md").read_text("utf-8"), "corpus.md")


def test_the_corpus_is_read_without_an_error():
    assert [str(error) for error in CORPUS.errors] == []
    assert len(CORPUS.claims) == 25
    assert sum(len(chain) - 1 for claim in CORPUS.claims for chain in claim.chains) == 55


@pytest.mark.parametrize("claim", CORPUS.claims, ids=lambda claim: claim.id)
def test_every_row_of_the_corpus_survives_printing(claim):
    for chain in claim.chains:
        for row in chain:
            assert read_formula(latex(row.expression), claim.scope) == row.expression


def test_every_formula_of_the_repository_survives_printing():
    catalog = load_catalog(ROOT)
    rows = 0
    for claim in catalog.claims.values():
        chains = [(claim.scope, chain) for chain in claim.chains]
        chains += [(mistake.scope, mistake.rows) for mistake in claim.mistakes]
        for scope, chain in chains:
            for row in chain:
                assert read_formula(latex(row.expression), scope) == row.expression, row.source
                rows += 1
    assert rows > 0


def test_spans_point_into_the_source():
    for claim in CORPUS.claims:
        for chain in claim.chains:
            for row in chain:
                for node in row.expression.walk():
                    begin, end = node.span
                    assert 0 <= begin <= end
