r"""Sides that are not defined everywhere: what is named, what is not supported, what a few points must not settle."""

from __future__ import annotations

import pytest

from tests.declared import scope_of
from tests.proof.statements import both, judged
from verify.language.chain import read_chain
from verify.ledger.verdict import PROVED, REFUTED, UNDECIDED
from verify.proof.step import judge_step

R, N, U = "$x, y$ : real", "$n, m, k$ : index", "$u, v$ : positive"


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        (r"\frac{x}{x} = 1", "not zero: x"),
        (r"\frac{n}{n-1}\cdot\frac{n-1}{n} = 1", "not zero: n - 1"),
        (r"\frac{1}{\cos^2 x} \ge 1", "not zero: cos(x)**2"),
        (r"\sum_{k=1}^{n}\frac{a_k}{\sum_{m=1}^{n}a_m} = 1", "not zero: Sum"),
    ],
)
def test_a_divisor_that_cancels_is_a_condition(text: str, condition: str) -> None:
    verdict, _ = both(text, R, N, "$a$ : sequence")
    assert verdict.verdict == PROVED
    assert any(line.startswith(condition) for line in verdict.certificate["conditions"]), verdict.certificate


@pytest.mark.parametrize("text", [r"\frac{1}{x} = \frac{2}{2x}", r"\frac{u}{u} = 1"])
def test_a_divisor_of_both_sides_or_a_certain_one_is_none(text: str) -> None:
    verdict, _ = both(text, R, U)
    assert verdict.verdict == PROVED and not verdict.certificate["conditions"]


@pytest.mark.parametrize(
    "text",
    [
        r"\log(xy) = \log x+\log y", r"\log(x^2) = 2\log x", r"\sqrt{xy} = \sqrt x\sqrt y", r"(x^3)^{1/3} = x",
        r"\sum_{k=m}^{n}1 = n-m+1", r"\sum_{k=1}^{n}k = \frac{n(n+1)}{2}+(n-1)(n-2)(n-3)",
    ],
)  # fmt: skip
def test_agreement_at_a_few_points_is_no_support(text: str) -> None:
    assert judged(text, R, N)[0] in (UNDECIDED, REFUTED)


@pytest.mark.parametrize(
    "text", [r"\max(x,1000000) = 1000000", r"|x-10^6|+|x| = 10^6", r"\operatorname{clip}(x,-10^7,10^7) = x",
             r"\operatorname{erf}(15) = 1", r"\operatorname{erf}(x^2+20) = 1"],
)  # fmt: skip
def test_a_distant_region_and_a_small_tail_are_seen(text: str) -> None:
    assert judged(text, R) == (REFUTED, REFUTED)


def test_a_kink_has_no_slope_at_the_cut() -> None:
    assert judged(r"\partial_x\max(x,0) = \mathbf{1}_{x>0}", R)[0] == UNDECIDED


@pytest.mark.parametrize("end", [r"1", r"\infty"])
def test_integrals_change_places_only_without_a_pole(end: str) -> None:
    inner = r"\frac{u-v}{(u+v)^3}"
    first = rf"\int_0^{{{end}}}\int_0^{{{end}}}{inner}\,\mathrm{{d}}u\,\mathrm{{d}}v"
    second = rf"\int_0^{{{end}}}\int_0^{{{end}}}{inner}\,\mathrm{{d}}v\,\mathrm{{d}}u"
    scope = scope_of(U, "dimensions: 1")
    left, right = read_chain(rf"{first} = {second}", scope)
    assert judge_step(left.expression, right.expression, scope).verdict == UNDECIDED


def test_a_falling_exponential_is_integrated_to_infinity() -> None:
    assert judged(r"\int_0^\infty ve^{-uv}\,\mathrm{d}v = \frac{1}{u^2}", U)[0] == PROVED
    assert judged(r"\int_0^\infty e^{uv}\,\mathrm{d}v = -\frac1u", U)[0] == UNDECIDED
