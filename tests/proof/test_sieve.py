"""A sieve refutes what is certainly wrong, keeps what is true, whatever it has looked at before."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.declared import scope_of
from verify.language.chain import read_chain
from verify.language.tree import Node
from verify.proof.sieve import Sieve

SCOPE = scope_of("$a, b$ : positive", "$x$ : vector", "$h$ : real", "dimensions: 1, 2, 3")


def sides(text: str) -> tuple[Node, Node]:
    left, right = read_chain(text, SCOPE)
    return left.expression, right.expression


@pytest.mark.parametrize("right, wrong", [("a^2+2ab+b^2", False), ("a^2+b^2", True), ("(a+b)^2", False), ("a+b", True)])
def test_a_version_of_the_right_side(right: str, wrong: bool) -> None:
    left, other = sides(f"(a+b)^2 &= {right}")
    assert Sieve(left, sides("a &= ab")[1], SCOPE, 1).refutes(other) is wrong


@pytest.mark.parametrize("factor, wrong", [("2", False), ("3", True), ("a", True), (r"\frac{2b}{b}", False)])
def test_a_multiple_of_the_left_side(factor: str, wrong: bool) -> None:
    left, right = sides(r"\frac{1}{2} a\,x &= a\,x")
    assert Sieve(left, right, SCOPE, 1).refutes_multiple(sides(f"{factor} &= a")[0]) is wrong


@pytest.mark.parametrize("factor", ["x", r"-x", r"2\,x"])
def test_a_vector_is_no_factor(factor: str) -> None:
    left, right = sides(r"a\,x &= b\,x")
    assert Sieve(left, right, SCOPE, 2).refutes_multiple(sides(f"{factor} &= x")[0]) is False


def test_a_multiple_up_to_an_order_is_left_open() -> None:
    left, right = sides(r"\frac{a}{1-h} &= a+ah+O(h^2)")
    assert Sieve(left, right, SCOPE, 1).refutes_multiple(sides("1 &= a")[0]) is False


TRUE = ("a^2+2ab+b^2", r"\frac{(a+b)^3}{a+b}", "(a+b)(a+b)")


@settings(max_examples=20, deadline=None)
@given(st.permutations([*TRUE, "a^2+b^2", r"\frac{a}{b-a}", r"\sqrt{a-b}"]))
def test_what_was_looked_at_before_refutes_no_true_version(versions: list[str]) -> None:
    left, right = sides("(a+b)^2 &= ab")
    sieve = Sieve(left, right, SCOPE, 1)
    for text in versions:
        refuted = sieve.refutes(sides(f"a &= {text}")[1])
        assert not refuted if text in TRUE else refuted or text == r"\sqrt{a-b}"
