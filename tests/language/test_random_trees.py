"""Shown = read for random trees: every node class, in every position that the grammar allows."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings

from tests.language.strategies import formulas
from verify.language.printer import latex
from verify.language.reader import read_formula


@given(formulas())
@settings(max_examples=250, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_a_printed_tree_is_read_back_as_itself(formula):
    scope, tree = formula
    assert read_formula(latex(tree), scope) == tree


@given(formulas())
@settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_spans_lie_in_the_text_and_in_their_parents(formula):
    scope, tree = formula
    text = latex(tree)
    for node in read_formula(text, scope).walk():
        begin, end = node.span
        assert 0 <= begin < end <= len(text)
