"""One step judged: each verdict with its certificate, witness or reason."""

from __future__ import annotations

from fractions import Fraction

import pytest

from tests.declared import scope_of
from verify.language.reader import read_formula
from verify.ledger.verdict import PROVED, REFUTED, SUPPORTED, UNDECIDED, VACUOUS, StepVerdict
from verify.meaning.errors import MeaningError
from verify.proof.hints import hint_for
from verify.proof.step import judge_step
from verify.proof.vacuity import admissible_point, witness

SCALARS = (r"$x, y$ : real", r"$p, q$ : positive", r"$a$ : (0,1)", "dimensions: 1")
DENSITY = ("$x$ : vector", "$p(x)$ : positive function", "$s(x)$ : vector function", "dimensions: 1, 2")



def judge(left: str, right: str, *lines: str, relation: str = "=", reason: str = "") -> StepVerdict:
    scope = scope_of(*(lines or SCALARS))
    trees = read_formula(left, scope), read_formula(right, scope)
    verdict = judge_step(*trees, scope, relation, reason)
    if verdict.verdict == REFUTED:
        assert {"point", "left", "right", "difference"} <= set(verdict.witness)
        low, high = (Fraction(part) for part in verdict.witness["difference"][1:-1].split(", "))
        assert low <= high and (low > 0 or high < 0)
    if verdict.verdict == UNDECIDED:
        assert verdict.why
    return verdict


def test_a_proof_names_its_conditions() -> None:
    verdict = judge(r"\frac{x^2-y^2}{x-y}", "x+y")
    assert (verdict.verdict, verdict.dimensions) == (PROVED, "scalar")
    assert "not zero: x - y" in verdict.certificate["conditions"]
    assert verdict.certificate["generators"]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (r"\sqrt{x^2}", "x"),
        ("(x+y)^2", "x^2+y^2"),
        (r"\log(p+q)", r"\log p+\log q"),
        (r"\frac{1}{p+q}", r"\frac1p+\frac1q"),
    ],
)
def test_false_steps_are_refuted(left: str, right: str) -> None:
    assert judge(left, right).verdict == REFUTED


def test_no_real_value_is_undecided_not_refuted() -> None:
    assert judge(r"\sqrt{a-1}", r"\sqrt{1-a}").verdict == UNDECIDED


def test_numbers_that_agree_are_supported_not_proved() -> None:
    verdict = judge(r"x\sqrt{5+2\sqrt{6}}", r"x\left(\sqrt{2}+\sqrt{3}\right)")
    assert verdict.verdict == SUPPORTED
    assert "digits" in verdict.method and verdict.why


def test_a_reason_in_prose_changes_nothing() -> None:
    assert judge("x", "y", reason="integration by parts").verdict == REFUTED


def test_symbolic_dimension_first_then_components() -> None:
    lines = ("$x, y$ : vector", "dimensions: any")
    verdict = judge(r"\|x+y\|^2", r"\|x\|^2+2\langle x,y\rangle+\|y\|^2", *lines)
    assert (verdict.verdict, verdict.dimensions) == (PROVED, "any")
    verdict = judge(r"\|x+y\|^2", r"\|x\|^2+\langle x,y\rangle+\|y\|^2", *lines)
    assert verdict.verdict == REFUTED
    verdict = judge(r"\mathbb{E}\left[\|y\|^2\right]", "1", "$y \\sim \\mathcal{N}(0, I)$", "dimensions: any")
    assert (verdict.verdict, verdict.dimensions) == (REFUTED, "2"), "a lost factor d is not seen for d = 1"


def test_minimum() -> None:
    lines = ("$c$ : real", *SCALARS)
    right = judge(r"\operatorname*{arg\,min}_{c}\left((1-c)^2p+c^2q\right)", r"\frac{p}{p+q}", *lines)
    assert right.verdict == PROVED
    assert any("second derivative" in text for text in right.certificate["conditions"])
    assert judge(r"\operatorname*{arg\,min}_{c}\left((1-c)^2p+c^2q\right)", r"\frac{q}{p+q}", *lines).verdict == REFUTED
    for objective, formula in ((r"\left((1-c)^2x+c^2q\right)", r"\frac{x}{x+q}"), (r"\left(c^3-3c\right)", "1")):
        verdict = judge(rf"\operatorname*{{arg\,min}}_{{c}}{objective}", formula, *lines)
        assert verdict.verdict == UNDECIDED, "stationary, but not convex for every value"
    outside = judge(r"\operatorname*{arg\,min}_{c}\left((c-x)^2\right)", "x", "$c$ : positive", *SCALARS)
    assert outside.verdict == UNDECIDED


def test_expansions_keep_their_order() -> None:
    lines = ("$h$ : real", "$t$ : real", "$f(t)$ : function", "dimensions: 1")
    taylor = r"f(t)+h f'(t)+\frac{h^2}{2}f''(t)+O(h^3)"
    assert judge("f(t+h)", taylor, *lines).verdict == PROVED
    assert judge("f(t+h)", taylor.replace(r"\frac{h^2}{2}", "h^2"), *lines).verdict == REFUTED
    assert judge("f(t+h)", taylor.replace("O(h^3)", "O(h^4)"), *lines).verdict == REFUTED
    assert judge(taylor, "f(t)+h f'(t)+O(h^2)", *lines).verdict == PROVED
    for wrong in (r"f(t)+h f'(t)+\frac{h^2}{2}f''(t)", taylor.replace("O(h^3)", "O(h^4)")):
        with pytest.raises(MeaningError):
            judge(taylor, wrong, *lines)


def test_equality_in_law() -> None:
    lines = (r"$\epsilon, \eta \sim \mathcal{N}(0, I)$", r"$p, q$ : positive", "dimensions: any")
    assert judge(r"p\epsilon+q\eta", r"\sqrt{p^2+q^2}\,\epsilon", *lines, relation="law").verdict == PROVED
    assert judge(r"p\epsilon+q\eta", r"(p+q)\,\epsilon", *lines, relation="law").verdict == REFUTED


def test_inequalities() -> None:
    assert judge("x^2+y^2", "0", relation=">=").verdict == PROVED
    assert judge("x^2+p", "0", relation=">").verdict == PROVED
    assert judge("x^2", "0", relation=">").verdict != PROVED
    assert judge("a^2", "a", relation="<").verdict == PROVED
    assert judge("p^2", "p", relation="<=").verdict == REFUTED
    assert judge("x", "y", relation="approx").verdict == UNDECIDED


def test_integration_by_parts_needs_the_named_field() -> None:
    left = r"\int p(x)\,\nabla\cdot s(x)\,\mathrm{d}x"
    right = r"-\int \langle s(x),\nabla p(x)\rangle\,\mathrm{d}x"
    missing = judge(left, right, *DENSITY)
    assert missing.verdict == UNDECIDED
    assert "boundary field is missing" in missing.why
    named = judge(left, right, *DENSITY, r"boundary: $p\,s$")
    assert named.verdict == PROVED
    assert any("vanishes at infinity" in text for text in named.certificate["conditions"])
    wrong = judge(left, right.replace("-", "", 1), *DENSITY, r"boundary: $p\,s$")
    assert wrong.verdict == REFUTED
    assert "no boundary field can repair this" in wrong.why


def test_a_declared_equation_is_used_and_never_broken_by_a_witness() -> None:
    names = ("$x, t$ : real", "$u(x,t)$ : function", "space: $x$", "dimensions: 1")
    lines = (*names, r"$\partial_t u = \partial_x u$ : equation")
    assert judge(r"\partial_t u(x,t)", r"\partial_x u(x,t)", *lines).verdict == PROVED
    assert judge(r"\partial_t u(x,t)", r"-\partial_x u(x,t)", *lines).verdict == REFUTED
    assert judge(r"\partial_t\left(\partial_x u(x,t)\right)", r"\partial_x^2 u(x,t)", *lines).verdict != REFUTED


def test_two_densities_are_not_told_apart_by_the_euler_operator() -> None:
    """The difference of two integrals of densities may vanish by normalisation."""
    lines = ("$x$ : vector", "$p(x), r(x)$ : density", "dimensions: 1")
    assert judge(r"\int p(x)\,\mathrm{d}x", r"\int r(x)\,\mathrm{d}x", *lines).verdict != REFUTED


def test_declarations_that_nothing_satisfies_are_vacuous() -> None:
    lines = (*SCALARS, "$p-q > 0$", "$q-p > 0$")
    assert judge("x", "x", *lines).verdict == VACUOUS
    assert admissible_point(scope_of(*lines)) is None
    assert admissible_point(scope_of(*SCALARS, "$p-q > 0$")) is not None


def test_ill_typed_steps_are_errors() -> None:
    with pytest.raises(MeaningError):
        judge("x", r"\|x\|", "$x$ : vector", "dimensions: any")


@pytest.mark.parametrize(
    ("left", "right", "words"),
    [
        ("p+q", "2p+2q", "2"),
        ("x^2-y^2", "y^2-x^2", "-1"),
        ("(x+y)^2", "x^2-2xy+y^2", "wrong sign"),
        ("(x+y)^2", "x^2+2xy+y^2+p", "too much"),
        ("x^2+2xy+y^2", "(x+y)^3", "mends"),
        (r"\sqrt{pq}", "pq", ""),
    ],
)
def test_hints_are_proved(left: str, right: str, words: str) -> None:
    scope = scope_of(*SCALARS)
    hint = hint_for(read_formula(left, scope), read_formula(right, scope), scope)
    assert words in hint
    assert bool(hint) == bool(words)


@pytest.mark.parametrize("relation, found", [("<=", True), ("<", False)])
def test_a_hint_for_an_inequality_makes_it_hold(relation: str, found: bool) -> None:
    scope = scope_of(*SCALARS)
    left, right = read_formula("x^2+2xy+y^2", scope), read_formula("(x-y)^2", scope)
    assert bool(hint_for(left, right, scope, relation)) is found


def test_the_kept_point_names_every_number_and_satisfies_every_declaration():
    scope = scope_of(
        "$p, q, r$ : positive", "$a$ : (0,1)", "$x$ : vector", "$f(x)$ : positive function", "$h(x)$ : density",
        "$p-q-2a > 0$", "$r^2 = p+1$ : relation",
    )  # fmt: skip
    point = witness(scope)
    p, q, a = (Fraction(point[name]) for name in ("p", "q", "a"))
    assert p > 0 and q > 0 and 0 < a < 1 and p - q - 2 * a > 0
    assert {"r", "x_1"} < set(point) and any(name.startswith("f(") for name in point)
    assert not any(name.startswith("h(") for name in point)
    assert witness(scope_of("$p$ : positive", "$-p > 0$")) is None
