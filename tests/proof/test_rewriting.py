"""Steps that quote claims: what holds is proved by the quote, what does not hold is never proved by it."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verify.language.claim import Claim, Row
from verify.language.document import read_document
from verify.language.quotes import link
from verify.ledger.keys import PROOF, SAMPLING, step_key
from verify.ledger.verdict import PROVED, REFUTED
from verify.proof.matching import MAX_WORK, Matcher, TooMuch, flat
from verify.proof.rewriting import prove_by_quotes
from verify.running.tasks import prove_step

HERE = Path(__file__).parent


@functools.cache
def claims(name: str) -> dict[str, Claim]:
    text = (HERE / "quoted.md").read_text("utf-8") + "\n" + (HERE / name).read_text("utf-8")
    document = read_document(text, name)
    assert not document.errors
    linked, errors = link({claim.id: claim for claim in document.claims})
    assert not errors
    return {claim.id: claim for claim in linked}


def named(name: str, topic: str) -> list[str]:
    return [key for key in claims(name) if key.startswith(topic)]


def step(name: str, claim_id: str) -> tuple[Claim, Row, Row]:
    claim = claims(name)[claim_id]
    (left, right), = claim.chains
    return claim, left, right


@pytest.mark.parametrize("claim_id", named("quotes_right.md", "r."))
def test_a_quote_that_holds_is_used_and_its_conditions_are_shown(claim_id: str) -> None:
    claim, left, right = step("quotes_right.md", claim_id)
    found = prove_step(left.expression, right, claim.scope)
    quoted = claim.uses[0]
    assert found["verdict"] == PROVED, found
    assert found["method"].startswith(f"by {quoted}, then ")
    assert any(condition.startswith(f"{quoted}: ") for condition in found["certificate"]["conditions"])


@pytest.mark.parametrize("claim_id", named("quotes_wrong.md", "w."))
def test_a_quote_that_does_not_hold_proves_nothing(claim_id: str) -> None:
    claim, left, right = step("quotes_wrong.md", claim_id)
    alone = prove_by_quotes(left.expression, right.expression, claim.scope, right.relation, right.quotes)
    assert alone.verdict is None
    found = prove_step(left.expression, right, claim.scope)
    assert found["verdict"] != PROVED, found


@pytest.mark.parametrize(
    "claim_id, words",
    [
        ("w.idle", "nothing in this step has the form of an equation of q.root"),
        ("w.boundary", "it is not declared that"),
        ("w.density", "is not declared all that p is"),
        ("w.domain", "it is not certain that $x ="),
    ],
)
def test_a_quote_that_does_not_apply_is_an_error_that_says_why(claim_id: str, words: str) -> None:
    claim, left, right = step("quotes_wrong.md", claim_id)
    assert words in prove_step(left.expression, right, claim.scope)["problem"]


def test_the_prover_s_key_knows_what_is_quoted_and_the_sampler_s_does_not() -> None:
    claim, left, right = step("quotes_right.md", "r.root")
    _, _, other = step("quotes_right.md", "r.diff")
    plain = Row(right.relation, right.expression, right.source, right.line)
    swapped = Row(right.relation, right.expression, right.source, right.line, "", right.rule, other.quotes)
    keys = {step_key(left.expression, row, claim.scope, PROOF) for row in (right, plain, swapped)}
    assert len(keys) == 3
    assert len({step_key(left.expression, row, claim.scope, SAMPLING) for row in (right, plain, swapped)}) == 1


TRUE_SUM = r"""/// claim | t.step
    title: T

- $p, r$ : vector
- $t, u$ : positive
- $z_1, z_2, z \sim \mathcal{N}(0, I)$

"""


@settings(max_examples=25, deadline=None)
@given(st.permutations(["p", "t z_1", "u z_2", "r"]), st.sampled_from(["t^2+u^2", "u^2+t^2", "t^2+2u^2", "t^2"]))
def test_the_order_of_terms_does_not_matter_and_a_wrong_sum_is_not_proved(terms: list[str], variance: str) -> None:
    text = (HERE / "quoted.md").read_text("utf-8") + TRUE_SUM
    text += rf"$$ {'+'.join(terms)} \overset{{d}}{{=}} p+r+\sqrt{{{variance}}}\,z && \text{{by q.sum}} $$" + "\n///\n"
    linked, errors = link({claim.id: claim for claim in read_document(text, "t.md").claims})
    assert not errors
    claim = linked[-1]
    (left, right), = claim.chains
    found = prove_by_quotes(left.expression, right.expression, claim.scope, "law", right.quotes)
    assert (found.verdict is not None) == (variance in ("t^2+u^2", "u^2+t^2"))


def test_matching_is_bounded() -> None:
    names = "a, b, c, k, l, m, n, o"
    text = f"/// claim | t.a\n    title: T\n\n- ${names}$ : real\n\n$$ {names.replace(', ', '+')} = 1 $$\n///\n"
    claim = read_document(text, "t.md").claims[0]
    tree = flat(claim.chains[0][0].expression)
    matcher = Matcher(claim.scope, claim.scope)
    with pytest.raises(TooMuch):
        list(matcher.partial(tree, tree))
    assert matcher.work <= MAX_WORK + 1


def test_a_wrong_claim_that_is_quoted_does_not_hide_a_counterexample() -> None:
    one, two = ("/// claim | t.{}\n    title: T\n\n- ${}$ : real\n\n$$ {} $$\n///\n".format(*each) for each in (
        ("wrong", "a, b", r"(a+b)^2 = a^2+b^2"),
        ("quoting", "u, v", r"(u+v)^2 &= u^2+v^2 && \text{by t.wrong}"),
    ))  # fmt: skip
    linked, errors = link({claim.id: claim for claim in read_document(one + two, "t.md").claims})
    assert not errors
    (left, right), = linked[1].chains
    assert prove_step(left.expression, right, linked[1].scope)["verdict"] == REFUTED
