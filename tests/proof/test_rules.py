r"""Reasons that name rules: which are read, what is checked, and that prose changes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from verify.language.document import read_document
from verify.language.errors import LanguageError
from verify.language.reasons import INDUCTION, LABEL, PARTS, QUOTE, read_rule
from verify.language.scope import Declaration, Scope
from verify.ledger.verdict import PROVED, REFUTED, UNDECIDED
from verify.proof.advice import advice
from verify.running.tasks import prove_step

RECURSION = r"""- $a, m$ : positive sequence
- $V$ : sequence
- $c$ : real
- $t, k$ : count
- $i$ : index
- $m_t = a_tm_{t-1}$ : equation
- $m_0 = c$ : equation
- $V_t = 2V_{t-1}+1$ : equation
- $V_0 = 0$ : equation
"""


def judged(formula: str, declarations: str = RECURSION, dimensions: str = "1") -> dict[str, Any]:
    text = f"/// claim | t.one\n    title: T\n\n{declarations}- dimensions: {dimensions}\n\n$$ {formula} $$\n///\n"
    document = read_document(text, "t.md")
    assert not document.errors, document.errors[0]
    claim = document.claims[0]
    left, right = claim.chains[0]
    return prove_step(left.expression, right, claim.scope)


def scope() -> Scope:
    found = Scope()
    found.put(Declaration("t", domain="index"))
    found.put(Declaration("s", domain="positive"))
    return found


class TestReading:
    @pytest.mark.parametrize(
        "reason, kind, name",
        [
            ("by gauss.sum", QUOTE, "by gauss.sum"),
            ("independent noises, by gauss.sum.", QUOTE, "by gauss.sum"),
            ("by gauss.sum and edm.ode", QUOTE, "by gauss.sum and edm.ode"),
            ("由 gauss.sum", QUOTE, "by gauss.sum"),
            ("by induction on $t$", INDUCTION, "by induction on t"),
            ("对 $t$ 用数学归纳法", INDUCTION, "by induction on t"),
            ("integration by parts", PARTS, "integrate by parts"),
            ("分部积分", PARTS, "integrate by parts"),
            ("Bayes' rule", LABEL, "Bayes"),
            ("tower property", LABEL, "tower property"),
            ("complete the square", LABEL, "complete the square"),
        ],
    )
    def test_a_reason_names_a_rule(self, reason: str, kind: str, name: str) -> None:
        rule = read_rule(reason, scope())
        assert rule is not None and (rule.kind, rule.name) == (kind, name)

    @pytest.mark.parametrize("reason", ["", "expand", "by e.g. symmetry", "by definition", "by i.i.d. noise"])
    def test_prose_names_none(self, reason: str) -> None:
        assert read_rule(reason, scope()) is None

    @pytest.mark.parametrize(
        "reason, words",
        [
            ("by induction", "on what?"),
            ("by induction on $s$", "it is declared positive"),
            ("by induction on $u$", "undeclared name u"),
            ("by gauss.sum/1", "is a mistake: it cannot be quoted"),
        ],
    )
    def test_a_rule_without_what_it_needs_is_an_error(self, reason: str, words: str) -> None:
        with pytest.raises(LanguageError, match=words.replace("?", r"\?")):
            read_rule(reason, scope())


class TestInduction:
    @pytest.mark.parametrize(
        "formula",
        [
            r"m_t &= c\prod_{i=1}^ta_i",
            r"V_t &= 2^t-1",
            r"\sum_{i=1}^t(2i-1) &= t^2",
            r"\sum_{i=1}^ti &= \frac{t(t+1)}{2}",
        ],
    )
    def test_base_and_step_are_shown(self, formula: str) -> None:
        found = judged(formula + r" && \text{by induction on $t$}")
        assert found["verdict"] == PROVED, found
        assert found["method"].startswith("by induction on t, then ")
        assert found["certificate"]["conditions"][:2] == [
            "base: the two sides agree at t = 1",
            "step: they agree at t+1 when they agree at t",
        ]

    @pytest.mark.parametrize(
        "formula",
        [
            r"m_t &= c\prod_{i=1}^ta_i^2",  # the base fails
            r"m_t &= c\,a_1^t",  # the base holds, the step does not
            r"V_t &= 2^t",
            r"V_t &= t^2",
            r"\sum_{i=1}^ti &= t^2",
            r"a_{t+1} &= a_t",  # the hypothesis is no general rule
            r"a_t &= a_1",
        ],
    )
    def test_a_wrong_one_is_not_proved(self, formula: str) -> None:
        assert judged(formula + r" && \text{by induction on $t$}")["verdict"] in (REFUTED, UNDECIDED)

    def test_a_wrong_base_is_refuted(self) -> None:
        assert judged(r"V_t &= 2^t && \text{by induction on $t$}")["verdict"] == REFUTED

    def test_the_count_must_not_be_bound(self) -> None:
        found = judged(r"\sum_{t=1}^kt &= k^2-k+1 && \text{by induction on $t$}")
        assert found["verdict"] != PROVED

    def test_a_step_without_the_count(self) -> None:
        assert "t does not occur" in judged(r"c+c &= 2c && \text{by induction on $t$}")["why"]


class TestParts:
    FUNCTIONS = "- $x$ : real\n- $u(x), v(x)$ : function\n"
    FORMULA = r"\int u(x)\,v'(x)\,\mathrm{d}x &= -\int u'(x)\,v(x)\,\mathrm{d}x && \text{integrate by parts}"

    def test_without_a_boundary_field_it_says_what_to_add(self) -> None:
        found = judged(self.FORMULA, self.FUNCTIONS)
        assert found["verdict"] == UNDECIDED
        assert "no boundary field declared; add  boundary:" in found["why"]

    def test_with_one_the_condition_is_shown(self) -> None:
        found = judged(self.FORMULA, self.FUNCTIONS + "- boundary: $u(x)v(x)$\n")
        assert found["verdict"] == PROVED and found["method"].startswith("integrate by parts, then ")
        assert any(c.startswith("vanishes at infinity") for c in found["certificate"]["conditions"])


def test_a_label_changes_nothing() -> None:
    assert judged(r"(c+1)^2 &= c^2+2c+1 && \text{complete the square}")["method"].startswith("normal form")
    assert judged(r"(c+1)^2 &= c^2+c+1 && \text{complete the square}")["verdict"] == REFUTED


def test_an_unknown_claim_is_an_error() -> None:
    assert "not known here" in judged(r"c+c &= 2c && \text{by no.such}")["problem"]


class TestExplanations:
    @pytest.mark.parametrize(
        "formula, words",
        [
            (r"\frac12 c^2 &= \frac32 c^2", "the right side is $3$ times the left side"),
            (r"c^2-c &= c^2+c", "has the wrong sign"),
            (r"c^2+c+1 &= c^2+c", "is missing on the right"),
        ],
    )
    def test_a_refuted_step_says_what_differs(self, formula: str, words: str) -> None:
        text = f"/// claim | t.a\n    title: T\n\n- $c$ : real\n\n$$ {formula} $$\n///\n"
        claim = read_document(text, "t.md").claims[0]
        left, right = claim.chains[0]
        found = prove_step(left.expression, right, claim.scope, hint=True)
        assert found["verdict"] == REFUTED and words in found["hint"]

    def test_a_sum_over_the_dimensions_taken_for_the_mean(self) -> None:
        noise = r"- $z \sim \mathcal{N}(0, I)$"
        text = f"/// claim | t.a\n    title: T\n\n{noise}\n\n" + r"$$ 1 = \mathbb{E}[\|z\|^2] $$" + "\n///\n"
        claim = read_document(text, "t.md").claims[0]
        left, right = claim.chains[0]
        found = prove_step(left.expression, right, claim.scope, hint=True)
        assert found["verdict"] == REFUTED and "$d$ times" in found["hint"]

    @pytest.mark.parametrize(
        "why, words",
        [
            ("every d: a scalar integral that is not Gaussian, in symbolic d", "dimensions: 1, 2, 3"),
            ("d = 1: the joint law of x and y is not declared", "joint:"),
            ("nothing of the kind", ""),
        ],
    )
    def test_an_undecided_step_says_what_may_help(self, why: str, words: str) -> None:
        assert words in advice(why) if words else advice(why) == ""
