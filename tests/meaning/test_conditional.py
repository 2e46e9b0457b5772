r"""`E[. | x]` where x is defined by declared Gaussians; nothing else is taken for Gaussian."""

from __future__ import annotations

import pytest

from tests.declared import scope_of
from tests.proof.statements import judged
from verify.language.chain import read_chain
from verify.ledger.verdict import PROVED, REFUTED, SUPPORTED, UNDECIDED
from verify.proof.step import judge_step

SCALARS = (r"$s$ : positive", r"$a \sim \mathcal{N}(0,s^2)$", r"$b \sim \mathcal{N}(0,1)$", "$x = a+b$", "$z = a-b$")
NOISY = (r"$s, \alpha, \sigma$ : positive", "$m, y$ : vector", r"$x_0 \sim \mathcal{N}(m,s^2I)$",
         r"$\epsilon \sim \mathcal{N}(0,I)$", r"$x_t = \alpha x_0+\sigma\epsilon$ : vector",
         r"$g = \frac{\alpha s^2}{\alpha^2s^2+\sigma^2}$")  # fmt: skip
OBSERVED = ("$A$ : matrix", r"$S$ : positive definite matrix", r"$x \sim \mathcal{N}(0,S)$",
            r"$n \sim \mathcal{N}(0,I)$", "$y = A\\,x+n$ : vector")  # fmt: skip


@pytest.mark.parametrize("text, lines, dimensions, wanted", [
    (r"\mathbb{E}[a|x] = \frac{s^2}{1+s^2}x", SCALARS, "1", PROVED),
    (r"\mathbb{E}[a|x] = \frac{1}{1+s^2}x", SCALARS, "1", REFUTED),
    (r"\mathbb{E}[a|x] = \mathbb{E}[a|z]", SCALARS, "1", REFUTED),
    (r"\mathbb{E}[a\,b|x] = \mathbb{E}[a|x]\mathbb{E}[b|x]-\frac{s^2}{1+s^2}", SCALARS, "1", PROVED),
    (r"\mathbb{E}[a\,b|x] = \mathbb{E}[a|x]\mathbb{E}[b|x]", SCALARS, "1", REFUTED),
    (r"\mathbb{E}[a\,x|x] = x\,\mathbb{E}[a|x]", SCALARS, "1", PROVED),
    (r"\mathbb{E}[\mathrm{Var}[a|x]]+\mathrm{Var}[\mathbb{E}[a|x]] = \mathrm{Var}[a]", SCALARS, "1", PROVED),
    (r"\mathbb{E}\left[\mathbb{E}[a|x]^2\right] = \mathbb{E}[a^2]", SCALARS, "1", REFUTED),
    (r"\mathbb{E}[x_0|x_t] = m+g\,(x_t-\alpha m)", NOISY, "any", PROVED),
    (r"\mathbb{E}[x_0|x_t=y] = m+g\,(y-\alpha m)", NOISY, "any", PROVED),
    (r"\mathrm{Cov}[x_0|x_t] = s^2(1-\alpha g)I", NOISY, "any", PROVED),
    (r"\mathbb{E}[x_0|x_t] = m+g\,x_t", NOISY, "any", REFUTED),
    (r"\mathbb{E}[x|y] = S\,A^\top\left(A\,S\,A^\top+I\right)^{-1}y", OBSERVED, "1, 2", PROVED),
])  # fmt: skip
def test_gaussian_conditioning(text: str, lines: tuple[str, ...], dimensions: str, wanted: str) -> None:
    scope = scope_of(*lines, f"dimensions: {dimensions}")
    left, right = read_chain(text, scope)
    assert judge_step(left.expression, right.expression, scope).verdict == wanted


@pytest.mark.parametrize("right, wanted", [(r"\frac{s^2}{1+s^2}x", (PROVED, SUPPORTED)), ("x", (REFUTED, REFUTED))])
def test_both_readings_agree(right: str, wanted: tuple[str, str]) -> None:
    assert judged(rf"\mathbb{{E}}[a|x] = {right}", *SCALARS) == wanted


@pytest.mark.parametrize("lines", [
    ("$a, b$ : random with mean $0$ and variance $1$", "$x = a+b$"),
    (r"$a, b \sim \mathcal{N}(0,1)$", "$x = a^2+b$"),
    (r"$a, b \sim \mathcal{N}(0,1)$", r"$x = \max(a,b)$"),
])  # fmt: skip
def test_what_is_not_jointly_gaussian_is_not_decided(lines: tuple[str, ...]) -> None:
    scope = scope_of(*lines, "dimensions: 1")
    left, right = read_chain(r"\mathbb{E}[b|x] = \frac x2", scope)
    assert judge_step(left.expression, right.expression, scope).verdict == UNDECIDED
