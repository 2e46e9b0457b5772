"""Names of which only moments are declared have laws of their own; a law is nowhere negative; 0 has every shape."""

from __future__ import annotations

import pytest

from tests.declared import scope_of
from verify.language.reader import read_formula
from verify.language.scope import Scope
from verify.ledger.verdict import REFUTED, SUPPORTED, UNDECIDED
from verify.sampling.judge import judge_step

MOMENTS = scope_of("$u, v$ : random with mean $0$ and variance $1$", "$x = u+v$", "dimensions: 1")
NORMAL = scope_of(r"$a, b \sim \mathcal{N}(0,I)$", "dimensions: any")
DENSITIES = scope_of("$x$ : real", "$p(x), r(x)$ : density", "$m(x) = 2p(x)-r(x)$",
                     r"$n(x) = \frac13p(x)+\frac23r(x)$", "dimensions: 1")  # fmt: skip


def verdict(scope: Scope, left: str, right: str, relation: str = "=") -> str:
    return judge_step(read_formula(left, scope), read_formula(right, scope), scope, relation).verdict


@pytest.mark.parametrize("left, right, relation, wanted", [
    (r"\mathbb{E}[u^3]", r"\mathbb{E}[v^3]", "=", REFUTED),
    (r"\mathbb{E}[u^4]", r"\mathbb{E}[v^4]", "=", REFUTED),
    (r"\mathbb{E}[u^3]", "0", ">=", REFUTED),
    (r"\mathbb{E}[u^3]", "0", "<=", REFUTED),
    (r"\mathbb{E}[u|x]", r"\frac{x}{2}", "=", REFUTED),
    (r"\mathbb{E}[u|x]+\mathbb{E}[v|x]", "x", "=", SUPPORTED),
    (r"\mathbb{E}[u^2v^2]", "1", "=", SUPPORTED),
    (r"\mathbb{E}[u]", "0", "=", SUPPORTED),
])  # fmt: skip
def test_only_the_declared_moments_are_used(left: str, right: str, relation: str, wanted: str) -> None:
    assert verdict(MOMENTS, left, right, relation) == wanted


def test_a_law_with_negative_values_is_none() -> None:
    assert verdict(DENSITIES, r"\mathbb{E}_{x\sim m}[x^2]", "0", ">=") == UNDECIDED
    assert verdict(DENSITIES, r"\mathbb{E}_{x\sim n}[x^2]", "0", ">=") == SUPPORTED


@pytest.mark.parametrize(
    "left, right, wanted", [("a-b", "0", REFUTED), ("a-a", "0", SUPPORTED), ("0", "b-b", SUPPORTED)]
)
def test_zero_is_a_law_of_every_shape(left: str, right: str, wanted: str) -> None:
    assert verdict(NORMAL, left, right, "law") == wanted
