"""Mutants: each operator changes something, in a fixed order, and stays within the language."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.language.strategies import formulas
from verify.language.document import read_document
from verify.language.errors import LanguageError
from verify.language.printer import latex
from verify.language.reader import read_formula
from verify.language.scope import INDEX, POSITIVE, UNIT, Declaration, Scope
from verify.language.tree import (
    Add,
    Call,
    Constant,
    Divide,
    Dotted,
    Gaussian,
    Identity,
    KullbackLeibler,
    Multiply,
    Name,
    Negate,
    Number,
    Power,
    Root,
)
from verify.proof.mutants import OPERATORS, mutants, shape, spread

CORPUS = read_document((Path(__file__).parents[1] / "contract/corpus.md").read_text("utf-8"), "").claims
a, b, x, y, t = (Name(key) for key in "abxyt")


def scope() -> Scope:
    result = Scope()
    for key in "ab":
        result.put(Declaration(key, domain=POSITIVE))
    for key in "xy":
        result.put(Declaration(key, value="vector"))
    result.put(Declaration("t", domain=INDEX))
    result.put(Declaration(r"\alpha_{.}", "function", "scalar", UNIT, ("__index__",)))
    result.put(Declaration("g", "function", "scalar", POSITIVE, ("t",)))
    return result


EXAMPLES = {
    "SIGN": (Add((a, b)), Add((a, Negate(b)))),
    "DROP-TERM": (Add((a, b)), b),
    "DROP-FACTOR": (Multiply((a, b)), a),
    "NUMBER": (Multiply((Number("2"), a)), Multiply((Number("3"), a))),
    "INVERT": (Divide(a, b), Divide(b, a)),
    "DROP-POWER": (Power(a, Number("2")), a),
    "DROP-SQRT": (Root(a), a),
    "SQUARE": (Root(a), Root(Power(a, Number("2")))),
    "RENAME": (Add((x, x)), Add((x, y))),
    "INDEX": (Call(r"\alpha_{.}", None, t), Call(r"\alpha_{.}", None, Add((t, Negate(Number("1")))))),
    "DERIV": (Dotted(Call("g", (t,))), Call("g", (t,))),
    "SWAP": (KullbackLeibler(Gaussian(None, x, Identity()), Gaussian(None, y, Multiply((a, Identity())))),
             KullbackLeibler(Gaussian(None, y, Multiply((a, Identity()))), Gaussian(None, x, Identity()))),
}  # fmt: skip
d = Constant("dimension")
NUMBERS = {
    Number("2.4"): [Number("2.5"), Number("2.3")],
    Number("10.05"): [Number("10.06"), Number("10.04")],
    Number("0.9"): [Number("1.0"), Number("0.8")],
    Number("0.1"): [Number("0.2")],
    Number("0.000000000000000000000000000000019"): [
        Number("0.000000000000000000000000000000020"),
        Number("0.000000000000000000000000000000018"),
    ],
    Number("1"): [Number("2")],
    Number("0"): [Number("1")],
    d: [Add((d, Number("1"))), Number("1")],
}
SYMMETRIC = (
    Gaussian(x, y, Identity()),  # the density is the same with point and mean exchanged
    KullbackLeibler(Gaussian(None, x, Identity()), Gaussian(None, y, Identity())),
)


def test_every_operator_has_an_example():
    assert tuple(sorted(EXAMPLES)) == tuple(sorted(OPERATORS))


@pytest.mark.parametrize("operator", EXAMPLES)
def test_an_operator_makes_the_change_it_is_named_for(operator):
    node, wanted = EXAMPLES[operator]
    assert wanted in [mutant.node for mutant in mutants(node, scope()) if mutant.operator == operator]


@pytest.mark.parametrize("node", NUMBERS, ids=str)
def test_a_number_moves_by_one_in_its_last_digit_and_the_dimension_by_one_or_to_one(node):
    assert [mutant.node for mutant in mutants(node, scope()) if mutant.operator == "NUMBER"] == NUMBERS[node]


@pytest.mark.parametrize("node", SYMMETRIC, ids=("density", "divergence"))
def test_a_swap_that_says_the_same_is_not_made(node):
    assert "SWAP" not in {mutant.operator for mutant in mutants(node, scope())}


@given(formulas(2))
@settings(max_examples=100, deadline=None)
def test_mutants_differ_from_the_original_and_from_each_other(drawn):
    where, node = drawn
    made = [mutant.node for mutant in mutants(node, where)]
    assert node not in made
    assert len(set(made)) == len(made)
    assert made == [mutant.node for mutant in mutants(node, where)]


@given(formulas(2))
@settings(max_examples=100, deadline=None)
def test_mutants_keep_the_shape_of_the_whole(drawn):
    where, node = drawn
    whole = shape(node, where)
    assume(whole)  # 0 + 0 is a number and a vector; 0 + 1 is not
    for mutant in mutants(node, where):
        assert shape(mutant.node, where) == whole


def test_mutants_of_the_corpus_can_be_read_back():
    """At least 1,500 of them, and all but a few survive printing: the rest is what a reader must refuse."""
    made, lost = 0, []
    for claim in CORPUS:
        for chain in claim.chains:
            for row in chain[1:]:
                for mutant in mutants(row.expression, claim.scope):
                    made += 1
                    try:
                        back = read_formula(latex(mutant.node), claim.scope)
                    except LanguageError as error:
                        lost.append((mutant.operator, str(error)))
                        continue
                    assert back == mutant.node
    assert made >= 1500
    assert lost == []


@given(formulas(2), st.integers(0, 12))
@settings(max_examples=100, deadline=None)
def test_a_choice_takes_every_operator_before_any_twice(drawn, most):
    where, node = drawn
    everything = list(mutants(node, where))
    chosen = spread(everything, most)
    assert len(chosen) == len(set(chosen)) == min(most, len(everything))
    assert chosen == sorted(chosen)
    taken = Counter(everything[number].operator for number in chosen)
    offered = Counter(mutant.operator for mutant in everything)
    if most >= len(offered):
        assert taken.keys() == offered.keys()
    assert all(taken[one] >= taken[other] - 1 or taken[one] == offered[one] for one in offered for other in offered)
