r"""Lines as authors write them: nine in ten are read, none as something else, and no true one is refuted."""

from __future__ import annotations

from pathlib import Path

import pytest

from verify.language.document import Document, read_document
from verify.language.printer import latex
from verify.language.reader import read_formula
from verify.ledger.verdict import REFUTED, VACUOUS
from verify.running.tasks import prove_step

WILD = Path(__file__).parent / "wild.md"
SHARE = 0.9
# What is refused, and why. Nothing here may be read by a guess.
REFUSED = {
    "ddpm-ellipsis": "an ellipsis does not say what it leaves out",
    "ddpm-sum-above-one": "unexpected '>'",
    "vae-macro-e": r"unknown macro \E",
    "vae-macro-norm": r"unknown macro \norm",
    "cm-boundary": "are these several statements?",
    "uniform-time": r"undeclared name \mathcal{U}",
    "log-of-product": "does \\log apply to what follows?",
    "equation-list": "a list of equations is not a chain",
    "physics-order": "the differential comes last",
}
# Read, and not yet carried by the prover under the declarations that the line alone gives.
NO_MEANING = {"fm-conditional-mean": "a conditional expectation needs one declared joint density"}


def entries() -> list[str]:
    """The number and habit of every entry, as its claim id without the topic."""
    return [line.split("wild.", 1)[1] for line in WILD.read_text("utf-8").splitlines() if line.startswith("/// claim")]


@pytest.fixture(scope="module")
def wild() -> Document:
    return read_document(WILD.read_text("utf-8"), "wild.md")


def test_nine_in_ten_are_read(wild: Document) -> None:
    names = entries()
    share = len(wild.claims) / len(names)
    print(f"{len(wild.claims)} of {len(names)} lines are read: {share:.1%}")
    assert len(names) >= 60
    assert share >= SHARE


def test_what_is_refused_is_refused_by_its_name(wild: Document) -> None:
    read = {claim.id.removeprefix("wild.") for claim in wild.claims}
    refused = [name for name in entries() if name not in read]
    assert [name.split("-", 1)[1] for name in refused] == list(REFUSED)
    for error, words in zip(wild.errors, REFUSED.values(), strict=True):
        assert words in error.message and error.line > 1


def test_every_line_that_is_read_survives_printing(wild: Document) -> None:
    for claim in wild.claims:
        for row in (row for chain in claim.chains for row in chain):
            assert read_formula(latex(row.expression), claim.scope) == row.expression, claim.id


def test_none_of_them_is_refuted(wild: Document) -> None:
    """They are true under their declarations; one that is not decided is no failure of the reader."""
    wrong, proved, steps = [], 0, 0
    for claim in wild.claims:
        for left, right in ((a, b) for chain in claim.chains for a, b in zip(chain, chain[1:], strict=False)):
            found = prove_step(left.expression, right, claim.scope)
            steps += 1
            proved += found["verdict"] == "proved"
            unknown = NO_MEANING.get(claim.id.split("-", 1)[1])
            if unknown is not None:
                assert unknown in found["why"]
            elif found["verdict"] in (REFUTED, VACUOUS) or "problem" in found:
                wrong.append((claim.id, found["verdict"], found.get("why")))
    print(f"{proved} of {steps} steps are proved")
    assert not wrong
    assert proved >= 0.85 * steps
