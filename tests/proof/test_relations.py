r"""Proportionality, sums with symbolic limits, and case distinctions."""

from __future__ import annotations

import pytest
import sympy as sp

from tests.declared import scope_of
from tests.proof.statements import both, judged
from verify.language.chain import read_chain
from verify.language.errors import LanguageError
from verify.language.printer import latex
from verify.language.reader import read_formula
from verify.ledger.verdict import PROVED, REFUTED, SUPPORTED, UNDECIDED
from verify.meaning.facts import Facts
from verify.proof.finite_sums import by_upper_limit

R, N = "$x, y$ : real", "$n, k$ : index"


def test_the_variable_of_a_proportionality() -> None:
    scope = scope_of("$x, m$ : vector", "$v$ : positive")
    gaussian, bell = r"\mathcal{N}(x;m,vI)", r"\exp\left(-\frac{\|x-m\|^2}{2v}\right)"
    rows = read_chain(rf"{gaussian} \propto {bell} \propto 2{bell} \propto_m {bell} \propto {bell}", scope)
    assert [row.relation for row in rows] == ["", "propto x", "propto x", "propto m", "propto m"]
    assert [row.relation for row in read_chain(rf"{bell} \propto {bell}", scope)] == ["", "propto"]


def test_a_ratio_that_depends_on_the_variable_is_refuted() -> None:
    lines = ("$x, m$ : vector", "$v$ : positive")
    text = r"\mathcal{N}(x;m,vI) \propto{} \exp\left(-\frac{\|x-m\|^2}{2v}\right)"
    assert judged(text.replace("{}", ""), *lines, dimensions="any") == (PROVED, SUPPORTED)
    assert judged(text.replace("{}", "_v"), *lines, dimensions="any") == (REFUTED, REFUTED)


@pytest.mark.parametrize("text", [r"|x| \propto_x x", r"x \propto_x 2x", r"1+\mathbf{1}_{x>0} \propto_x 1"])
def test_a_side_that_may_vanish_or_jump_is_not_proved(text: str) -> None:
    assert judged(text, R)[0] == UNDECIDED


@pytest.mark.parametrize("relation", [r"\to", r"\approx", r"\propto"])
def test_relations_that_say_too_little_name_what_to_write(relation: str) -> None:
    verdict, _ = both(f"x {relation} x", R)
    assert verdict.verdict == UNDECIDED and "write" in verdict.why


@pytest.mark.parametrize("power", range(7))
def test_sums_of_powers(power: int) -> None:
    n, k = sp.Symbol("n", integer=True, positive=True), sp.Symbol("k", integer=True)
    facts = Facts({n: "index", k: "integer"})
    exact = sp.summation(k**power, (k, 1, n))
    for closed, expected in ((exact, True), (exact + 1, False), (exact + n, False)):
        decisions = list(by_upper_limit(sp.Sum(k**power, (k, 1, n)) - closed, facts))
        assert any(all(d.zero for d in each) for each in decisions) is expected


def test_induction_does_not_use_an_assumption_about_its_own_index() -> None:
    assert judged(r"\sum_{k=1}^{n}k = \frac{n(n+1)}{2}", N, "$n-3>0$")[0] == PROVED
    assert judged(r"\sum_{k=1}^{n}k = n", N, "$2-n>0$")[0] != PROVED  # true for n = 1 only


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"\prod_{k=1}^{n}\frac{k+1}{k} = n+1", PROVED),
        (r"\prod_{k=1}^{n}\frac{k+1}{k} = n", REFUTED),
        (r"\frac1n\sum_{k=1}^{n}k = \frac{n+1}{2}", PROVED),
        (r"\sum_{k=1}^{n}\frac{1}{k(k+1)} = \frac{n}{n+1}", PROVED),
        (r"\sum_{k=1}^{n}\frac{1}{k(k+1)} = \frac{n}{n+2}", REFUTED),
    ],
)
def test_sums_and_products(text: str, expected: str) -> None:
    assert judged(text, N)[0] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"\operatorname{clip}(x,0,1) = \min(\max(x,0),1)", PROVED),
        (r"\operatorname{clip}(x,0,1) = \max(x,0)", REFUTED),
        (r"\begin{cases} x, & \text{if } x \ge 0, \\ -x, & \text{otherwise.} \end{cases} = |x|", PROVED),
        (r"\begin{cases} x & x > y \\ y & \text{otherwise} \end{cases} = \max(x,y)", PROVED),
        (r"\begin{cases} x & x > y \\ y & \text{otherwise} \end{cases} = \min(x,y)", REFUTED),
        (r"\mathbf{1}_{x>0} = \mathbf{1}_{x\ge 0}", REFUTED),
        (r"\mathbb{1}[0<x<1] = \mathbf{1}_{x>0}\mathbf{1}_{x<1}", PROVED),
        (r"\partial_x\mathbf{1}_{x>0} = 0", UNDECIDED),
    ],
)
def test_case_distinctions(text: str, expected: str) -> None:
    assert judged(text, R)[0] == expected


def test_cases_are_printed_as_they_are_read() -> None:
    scope = scope_of(R)
    node = read_formula(r"\begin{cases} 1 & 0<x\le 1 \\[2pt] \max(x,y) & y>x \\ 0 & \text{else} \end{cases}", scope)
    assert read_formula(latex(node), scope) == node


@pytest.mark.parametrize(
    "formula",
    [
        r"\begin{cases} 1 & x>0 \\ 0 & x\le 0 \end{cases}", r"\begin{cases} 1 \end{cases}", r"\mathbf{1}+x",
        r"\begin{cases} 1 & \text{otherwise} \end{cases}", r"\operatorname{clip}(x,0)",
    ],
)  # fmt: skip
def test_unclear_cases_are_refused(formula: str) -> None:
    with pytest.raises(LanguageError):
        read_formula(formula, scope_of(R))
