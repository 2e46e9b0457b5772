r"""What must hold for whatever is fed: only LanguageError and verdicts come out, in time, and the readings agree."""

from __future__ import annotations

import time
from typing import Any

from tests.language.test_fuzz import SCOPE, VOCABULARIES, outcome
from verify.language.chain import read_chain
from verify.language.document import read_document
from verify.language.printer import latex
from verify.language.reader import read_formula
from verify.ledger.verdict import PROVED, REFUTED
from verify.running import tasks
from verify.running.workers import Workers

READ_SECONDS, JUDGE_SECONDS = 5.0, 15.0


def formula(text: str) -> None:
    """Reading one formula and one chain: a result that survives printing, or LanguageError, in time."""
    started = time.process_time()
    tree = outcome(read_formula, text, SCOPE)
    if tree is not None:
        assert read_formula(latex(tree), SCOPE) == tree
    outcome(read_chain, text, SCOPE)
    assert time.process_time() - started < READ_SECONDS


def page(text: str) -> None:
    """Reading a whole page: every error knows its place."""
    started = time.process_time()
    for error in read_document(text, "page.md", VOCABULARIES).errors:
        assert error.line >= 1 and len(str(error)) < 2_000
    assert time.process_time() - started < READ_SECONDS


def claim(text: str, workers: Workers) -> list[str]:
    """Judging a claim in a worker that can be killed: verdicts, and never a proof of what numbers refute.

    Returns the verdicts of the prover. OurError for a crash is raised as it is.
    """
    seen = []
    for found in read_document(text, "page.md", VOCABULARIES).claims:
        for left, right in ((a, b) for chain in found.chains for a, b in zip(chain, chain[1:], strict=False)):
            answers = [
                judged(workers, function, left.expression, right, found.scope)
                for function in (tasks.prove_step, tasks.sample_step)
            ]
            seen.append("problem" if "problem" in answers[0] else answers[0]["verdict"])
            assert [a["verdict"] for a in answers] != [PROVED, REFUTED], f"the readings disagree: {answers}"
    return seen


def judged(workers: Workers, function: Any, *arguments: Any) -> dict[str, Any]:
    """The answer of one task, waited for."""
    future = workers.submit(function, *arguments, seconds=JUDGE_SECONDS)
    future.exception()
    return workers.outcome(future, JUDGE_SECONDS)


