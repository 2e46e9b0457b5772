"""Premises that cannot hold, and statements that hold in low dimensions only: nothing follows from either."""

from __future__ import annotations

import pytest

from tests.declared import scope_of
from tests.proof.statements import both, judged
from verify.language.errors import LanguageError
from verify.language.reader import read_formula
from verify.ledger.standing import disagreements
from verify.ledger.verdict import PROVED, REFUTED, SUPPORTED, UNDECIDED, VACUOUS
from verify.proof.boundaries import fields_that_exclude_each_other
from verify.proof.dimensions import next_dimension

RANDOM = ("$t$ : real", r"$y, n \sim \mathcal{N}(0,1)$", "$c = 2y$", "$a$ : positive", "$f(t)$ : function")


@pytest.mark.parametrize("premise", ["$y > 0$", "$1 > c$", "$y = t+n$ : equation", "$a^2 = y$ : relation",
                                     "$u = y+1$ : positive", "$f(t) = c$ : equation"])  # fmt: skip
def test_a_premise_about_the_values_of_a_random_name_is_refused(premise: str) -> None:
    with pytest.raises(LanguageError, match="is random"):
        scope_of(*RANDOM, premise)


def test_a_premise_about_a_law_is_none_about_values() -> None:
    scope_of(*RANDOM, r"$f(t) = \mathbb{E}[y^2]$ : equation", "$v = y+n$")


@pytest.mark.parametrize("domain", ["positive", "nonnegative", "(0,1)"])
@pytest.mark.parametrize("limits", [r"_{-\infty}^{\infty}", r"_{\mathbb{R}}"])
def test_the_whole_line_is_no_half_line(domain: str, limits: str) -> None:
    with pytest.raises(LanguageError, match="whole line"):
        read_formula(rf"\int{limits}|x|\,\mathrm{{d}}x", scope_of(f"$x$ : {domain}"))


@pytest.mark.parametrize("fields, kind, contradictory", [
    (["p", r"\frac{1}{p}"], "density", True),
    ([r"\log p"], "density", True),
    ([r"\log p"], "positive function", False),
    (["p", r"p+\tanh(x)"], "positive function", True),
    (["x^2p", r"\log(p)\,\partial_xp"], "density", False),
    ([r"\frac{x}{p}"], "positive function", False),
])  # fmt: skip
def test_boundary_fields_that_cannot_vanish_together(fields: list[str], kind: str, contradictory: bool) -> None:
    lines = ("$x$ : real", f"$p(x)$ : {kind}", *(f"boundary: ${field}$" for field in fields))
    assert bool(fields_that_exclude_each_other(scope_of(*lines, "dimensions: 1"))) is contradictory
    verdict, _ = judged(r"p(x)+p(x) = 2p(x)", *lines)
    assert verdict == (VACUOUS if contradictory else PROVED)


TRACES = ("$A$ : matrix", r"$t = \operatorname{tr}(A)$", r"$u = \operatorname{tr}(A^2)$",
          r"$v = \operatorname{tr}(A^3)$")  # fmt: skip
CAYLEY_HAMILTON = {  # the characteristic polynomial at A, in traces: an identity up to the number of factors
    2: r"A^2-t\,A+\frac{t^2-u}{2}I",
    3: r"A^3-t\,A^2+\frac{t^2-u}{2}A-\frac{t^3-3tu+2v}{6}I",
    4: r"A^4-t\,A^3+\frac{t^2-u}{2}A^2-\frac{t^3-3tu+2v}{6}A+\frac{t^4-6t^2u+3u^2+8tv-6\operatorname{tr}(A^4)}{24}I",
}


@pytest.mark.parametrize("factors", CAYLEY_HAMILTON)
def test_an_identity_of_n_matrices_is_looked_at_beyond_dimension_n(factors: int) -> None:
    scope = scope_of(*TRACES)
    assert next_dimension([read_formula(CAYLEY_HAMILTON[factors], scope)], scope) == max(4, factors + 1)
    verdict, _ = both(f"{CAYLEY_HAMILTON[factors]} = 0", *TRACES, dimensions="any")
    assert (verdict.verdict, verdict.dimensions) == (REFUTED, {2: "3", 3: "4", 4: "5"}[factors])


def test_what_is_seen_on_the_line_alone_does_not_support_matrices() -> None:
    lines = (r"$S, T$ : positive definite matrix",)
    text = r"\operatorname{tr}\left((STS)^{1/2}\right) = \operatorname{tr}(S\,T^{1/2})"
    found = judged(text, *lines, dimensions="any")
    assert found == (UNDECIDED, REFUTED)


@pytest.mark.parametrize("text", [r"\operatorname{tr}(I) \ge 2", r"(d-2)(d-3)\|x\|^2 = 0"])
def test_both_readings_see_what_fails_on_the_line_alone(text: str) -> None:
    assert judged(text, "$x$ : vector", dimensions="any") == (REFUTED, REFUTED)


def test_a_counterexample_in_a_higher_dimension_than_was_sampled_is_no_disagreement() -> None:
    def steps(verdict: str, dimensions: str) -> dict[str, list[dict[str, object]]]:
        return {"steps": [{"step": 1, "verdict": verdict, "dimensions": dimensions}]}

    assert not disagreements(steps(REFUTED, "4"), steps(SUPPORTED, "1, 2, 3"))
    for proof, sampling in (("2", "1, 2, 3"), ("1", "2, 3"), ("scalar", "scalar"), ("4", "scalar")):
        assert disagreements(steps(REFUTED, proof), steps(SUPPORTED, sampling))
    assert disagreements(steps(PROVED, "1, 2, 3"), steps(REFUTED, "2"))
