"""Short ways to judge one written statement, for the tests of relations."""

from __future__ import annotations

from tests.declared import scope_of
from verify.language.chain import read_chain
from verify.ledger.verdict import StepVerdict
from verify.proof.step import judge_step
from verify.sampling.judge import judge_step as sample


def judged(text: str, *lines: str, dimensions: str = "1") -> tuple[str, str]:
    """(verdict of the proof, verdict of the sampling) of a chain of one step."""
    verdict, sampled = both(text, *lines, dimensions=dimensions)
    return verdict.verdict, sampled.verdict


def both(text: str, *lines: str, dimensions: str = "1") -> tuple[StepVerdict, StepVerdict]:
    scope = scope_of(*lines, f"dimensions: {dimensions}")
    left, right = read_chain(text, scope)
    arguments = left.expression, right.expression, scope, right.relation
    return judge_step(*arguments), sample(*arguments)
