r"""What drawn points miss: closed ends, equal names, cuts, far numbers, sides that touch, differences of 1e-100."""

from __future__ import annotations

import pytest

from tests.declared import scope_of
from verify.language.chain import read_chain
from verify.ledger.verdict import REFUTED, SUPPORTED, UNDECIDED, StepVerdict
from verify.sampling import quadrature
from verify.sampling.jets import mp
from verify.sampling.judge import judge_step

X, XY, P, Z, N = "$x$ : real", "$x, y$ : real", "$p$ : positive", "$z$ : nonnegative", "$n, k$ : index"
H, A, F = "$h$ : real", "$a$ : real", "$f(x)$ : function"


def sampled(text: str, *lines: str) -> StepVerdict:
    scope = scope_of(*lines, "dimensions: 1")
    left, right = read_chain(text, scope)
    return judge_step(left.expression, right.expression, scope, right.relation)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (r"0^z = 0", Z),  # at the end of the domain
        (r"\mathbf{1}_{x<y}+\mathbf{1}_{x>y} = 1", XY),  # where two names are equal
        (r"\max(x,1000000) = 1000000", X), (r"\mathbf{1}_{x^2+y^2<10^{-8}} = 0", XY),  # beyond a cut
        (r"\mathbf{1}_{|x-1/3|<10^{-9}} = 0", X), (r"\mathbf{1}_{n>5} = \mathbf{1}_{n\ge 5}", N),
        (r"\prod_{k=1}^{7}(n-k) = 0", N),  # whole numbers that are not drawn
        (r"(x-1)(x-1-10^{-6}) \ge 0", X), (r"\log p \le 20", P), (r"(n-12345)^2 \ge 1", N),  # an inequality
        (r"(1-x)^5 \ge 1-5x", X), (r"(x-1)^2 \ge 10^{-30}", X), (r"\tanh(100) \ge 1", X),
        (r"\tanh(100) = 1", X), (r"x+e^{-150-x^2} = x", X), (r"\operatorname{erf}(15) = 1", X),  # more digits
        (r"\lim_{h\to 0}\frac{h}{h+a^2} = 0", H + " ; " + A),  # a limit at one value of another name
        (r"\tanh\frac1h = 1+O(h^2)", H), (r"\max(h,0) = h+O(h^2)", H),  # the other side of 0
    ],
)  # fmt: skip
def test_what_fails_in_a_small_or_distant_place_is_refuted(text: str, line: str) -> None:
    assert sampled(text, *line.split(" ; ")).verdict == REFUTED


@pytest.mark.parametrize(
    ("text", "lines", "word"),
    [
        (r"\log(x^2) = 2\log x", (X,), "the right side has no value"),
        (r"\sqrt{xy} = \sqrt x\sqrt y", (XY,), "the right side has no value"),
        (r"\frac{n}{n-1}\cdot\frac{n-1}{n} = 1", (N,), "the left side has no value"),
        (r"x^2 > 2x-1", (X,), "equal"), (r"|x-\sqrt 2| > 0", (X,), "so close"), (r"(x-y)^2 > 0", (XY,), "equal"),
        (r"\lim_{n\to\infty}\sin(\pi n) = 1", (N,), "limit"),
        (r"\lim_{h\to 0^+}\int_0^1\frac{h}{h^2+x^2}\,\mathrm{d}x = 0", (H, X), "under a limit"),
        (r"\lim_{x\to\infty}\frac{f(x)}{1+f(x)^2} = 0", (X, F), "far away"),
        (r"p\log p = O(p)", (P,), "settles"), (r"0 \propto_x e^x", (X,), "zero"),
    ],
)  # fmt: skip
def test_what_numbers_do_not_settle_is_undecided(text: str, lines: tuple[str, ...], word: str) -> None:
    verdict = sampled(text, *lines)
    assert verdict.verdict == UNDECIDED and word in verdict.why, verdict


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (r"\tanh x < 1", (X,)), (r"\frac{p}{p+z} \le 1", (P, Z)), (r"e^{-p} < 1", (P,)),
        (r"p-1-\log p > 0", (P, "$p>1$")),
        (r"x^2+10^{-12} > 0", (X,)), (r"\partial_x\max(x,0) = \mathbf{1}_{x>0}", (X,)), (r"\frac{x^2}{x} = x", (X,)),
        (r"\cos^2\left(\frac{1+1}{2}\cdot\frac{\pi}{2}\right) = 0", (X,)),
        (r"|h|^3 = O(h^3)", (H,)), (r"2^n \ge n+1", (N,)), (r"\max(x,y) = \frac{x+y+|x-y|}{2}", (XY,)),
    ],
)  # fmt: skip
def test_true_steps_stay_supported(text: str, lines: tuple[str, ...]) -> None:
    verdict = sampled(text, *lines)
    assert verdict.verdict == SUPPORTED, verdict


def test_poles_that_lie_evenly_do_not_cancel() -> None:
    first, second = (quadrature.interval(lambda x: 1 / x, mp.mpf(-1), mp.one, level) for level in (1, 2))
    assert abs(first - second) > 0.01

    def inner(y):
        return quadrature.interval(lambda x: (x - y) / (x + y) ** 3, mp.zero, mp.one, 1, 1)

    assert abs(quadrature.interval(inner, mp.zero, mp.one, 1)) > 0.01


def test_a_declaration_that_is_too_large_to_evaluate_far_out_crashes_nothing() -> None:
    assert sampled(r"\log p \le p-1", P, "$e^{p^2}+1 > 0$").verdict == SUPPORTED
