"""Inequalities: every argument is exact, so nothing false is ever proved."""

from __future__ import annotations

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.proof.statements import both, judged
from verify.ledger.verdict import PROVED, REFUTED, SUPPORTED, UNDECIDED
from verify.meaning import evaluation
from verify.meaning.facts import Facts
from verify.proof import inequality
from verify.proof.inequality import certainly_nonnegative
from verify.proof.regions import regions

R, P = "$x, y$ : real", "$p, q$ : positive"


@pytest.mark.parametrize(
    "text",
    [
        r"x^2+y^2 \ge 2xy", r"p+q \ge 2\sqrt{pq}", r"\log p \le p-1", r"e^x \ge 1+x", r"\tanh p \le p",
        r"\sqrt{p+q} \le \sqrt p+\sqrt q", r"|x-y| \ge |x|-|y|", r"x^2-x+1 > 0", r"\frac{p}{p+q} < 1",
        r"\max(x,y)+\max(-x,-y) \ge 0", r"\min(x,y) \le \frac{x+y}{2}", r"-p\log p \le 1-p",
    ],
)  # fmt: skip
def test_true_inequalities_are_proved(text: str) -> None:
    assert judged(text, R, P) == (PROVED, SUPPORTED)


@pytest.mark.parametrize(
    "text",
    [
        r"x^2+y^2 \ge 3xy", r"p+q \ge 3\sqrt{pq}", r"\log p \ge p-1", r"e^x \ge 1+2x", r"x^3 \ge 0", r"p^2 > p",
        r"|x+y| \ge |x|+|y|", r"\frac1x \ge 2-x", r"\frac{1}{(x-3)^2}+\frac x4 \ge 1", r"\cos x \ge 1-\frac{x^2}{4}",
    ],
)  # fmt: skip
def test_false_inequalities_are_refuted(text: str) -> None:
    assert judged(text, R, P)[0] == REFUTED


def test_a_strict_inequality_that_touches_is_not_proved() -> None:
    assert judged(r"x^2 > 0", R)[0] == UNDECIDED
    assert judged(r"p-1 > \log p", P)[0] == UNDECIDED


def test_assumptions_are_used_and_named() -> None:
    verdict, _ = both(r"\frac{1}{p} < \frac{1}{q}", P, "$p>q$")
    assert verdict.verdict == PROVED
    assert judged(r"x^2 \ge y^2", R, "$x>y$")[0] == REFUTED


def test_the_certificate_names_the_argument() -> None:
    verdict, _ = both(r"\log p \le p-1", P)
    assert any("minimum at 1" in line for line in verdict.certificate["conditions"])


@pytest.mark.parametrize("text", [r"x \le y+O(h)", r"x+O(h) \ge y"])
def test_an_order_in_an_inequality_is_not_read(text: str) -> None:
    assert judged(text, R, "$h$ : real")[0] == UNDECIDED


X, Y, S = sp.Symbol("x", real=True), sp.Symbol("y", real=True), sp.Symbol("s", positive=True)
FACTS = Facts({X: "real", Y: "real", S: "positive"})
atoms = st.sampled_from((X, Y, S, sp.Integer(1), sp.Integer(2), sp.Rational(1, 2)))


@st.composite
def terms(draw: st.DrawFn, depth: int = 2) -> sp.Expr:
    """Small expressions, some of them with poles, roots and absolute values."""
    if depth == 0:
        return draw(atoms)
    a, b = draw(terms(depth - 1)), draw(terms(depth - 1))
    return draw(st.sampled_from((
        a + b, a - b, a * b, a**2, sp.Abs(a), sp.exp(a), sp.Max(a, b), sp.log(S + a**2), 1 / (S + b**2), sp.sqrt(S) * a,
        sp.Piecewise((a, X > 0), (b, True)),
    )))  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(terms(), st.lists(
    st.tuples(st.integers(-12, 12), st.integers(-12, 12), st.integers(1, 12)), min_size=8, max_size=8
))  # fmt: skip
def test_what_is_proved_holds_at_random_points(e: sp.Expr, points: list[tuple[int, int, int]]) -> None:
    if certainly_nonnegative(e, FACTS, False) is None:
        return
    for x, y, s in points:
        value = e.subs({X: sp.Rational(x, 4), Y: sp.Rational(y, 4), S: sp.Rational(s, 4)})
        assert sp.N(value, 30) >= -1e-20


def test_regions_are_cut_where_the_quantities_change_sign() -> None:
    parts = regions(sp.Abs(X) + sp.Abs(X - 1), FACTS)
    assert parts is not None and len(parts) == 5
    assert all(part.words for part in parts)


def test_what_has_names_inside_a_product_only_is_not_multiplied_out(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(inequality, "_numerator", lambda e, facts: asked.append(e))
    k = sp.Symbol("k", integer=True)
    inside = sp.Product(2 + (X + k) ** 7, (k, 0, 16)) - sp.Rational(21, 20)
    for e in (inside, inside + S):
        inequality._by_discriminant(e, FACTS, False, 1, inequality._Search())
    assert asked == [inside + S]


def test_no_root_is_looked_for_of_a_divisor_that_is_certainly_not_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(evaluation, "_whole_roots", lambda quantity, index: asked.append(quantity) or [])
    text = r"\sum_{i=0}^{16}\frac{1}{%s+\left(\frac{i}{17}80^{1/7}\right)^{14}} > 0"
    for first, searched in (("1", False), ("x", True)):
        both(text % first, R, "$i$ : index")
        assert bool(asked) == searched
