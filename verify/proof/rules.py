r"""The rule that a reason names, put to use: the entrance of `verify.proof` for a step with its reason.

A quoted claim, an induction and an integration by parts are checked as such. A rule that does not apply is
never passed over in silence: the step is an error of input, unless it is refuted anyway. Prose and mere names
of rules change nothing.
"""

from __future__ import annotations

import time

from verify.language.claim import Row, Rule
from verify.language.reasons import INDUCTION, PARTS, QUOTE
from verify.language.scope import Scope
from verify.language.tree import Integral, Node
from verify.ledger.verdict import PROVED, REFUTED, UNDECIDED, VACUOUS, StepVerdict
from verify.meaning.errors import MeaningError, Unsupported
from verify.proof.advice import advice
from verify.proof.induction import first_stages, prove_by_induction
from verify.proof.rewriting import prove_by_quotes
from verify.proof.step import judge_step, refuted_at_once


def judge_row(left: Node, right: Row, scope: Scope, doubtful: bool = False) -> StepVerdict:
    """Judge the step from `left` to a row of a chain, by the rule that its reason names.

    A `doubtful` step is likely wrong: a counterexample in the lowest dimension is looked for before a proof,
    which changes the order of the work and not the verdict.

    Raises MeaningError for a side that is ill-typed and for a rule that does not apply to the step.
    """
    start = time.perf_counter()
    rule = right.rule
    if rule is not None and rule.kind == QUOTE:
        verdict = _by_quotes(left, right, scope, rule, doubtful)
    elif rule is not None and rule.kind == INDUCTION:
        verdict = _by_induction(left, right, scope, rule, doubtful)
    else:
        verdict = judge_step(left, right.expression, scope, right.relation, doubtful=doubtful)
        if rule is not None and rule.kind == PARTS:
            _by_parts(verdict, left, right, scope)
    if verdict.verdict == UNDECIDED and (instead := advice(verdict.why)):
        verdict.why += f"; what may help: {instead}"
    verdict.seconds = time.perf_counter() - start
    return verdict


def _by_quotes(left: Node, right: Row, scope: Scope, rule: Rule, doubtful: bool) -> StepVerdict:
    for quote in right.quotes:
        if not quote.equations:
            raise MeaningError(f"by {quote.claim}: that claim is stated in words, there is nothing to rewrite with")
    if len(right.quotes) != len(rule.quoted):
        raise MeaningError(f"{rule.name}: the quoted claim is not known here")
    step = left, right.expression, scope, right.relation
    plain = judge_step(*step, doubtful=doubtful)
    if plain.verdict in (REFUTED, VACUOUS):
        return plain  # no quote mends it, not even that of a wrong claim
    try:
        found = prove_by_quotes(*step, right.quotes)
    except Unsupported as reason:
        return StepVerdict(UNDECIDED, why=f"{rule.name}: {reason.message}")
    if found.verdict is not None:
        return _named(found.verdict, rule.name)
    if not found.applies:
        raise MeaningError(f"{rule.name}: {found.why or 'it does not apply to this step'}")
    why = "what remains after the rewrite is not proved; write the formula after the rewrite as a row of its own"
    return StepVerdict(UNDECIDED, why=f"{rule.name}: {why}")


def _by_induction(left: Node, right: Row, scope: Scope, rule: Rule, doubtful: bool) -> StepVerdict:
    if doubtful and (refuted := refuted_at_once(left, right.expression, scope, right.relation)) is not None:
        return refuted  # no rule mends it
    found = prove_by_induction(left, right.expression, scope, right.relation, rule.variable)
    if found.verdict is not None:
        return _named(found.verdict, rule.name)
    plain = judge_step(left, right.expression, scope, right.relation)
    if plain.verdict in (REFUTED, VACUOUS):
        return plain
    for before, after in first_stages(left, right.expression, scope, rule.variable):
        verdict = judge_step(before, after, scope, right.relation)
        if verdict.verdict == REFUTED:
            return verdict
    return StepVerdict(UNDECIDED, why=found.why)


def _by_parts(verdict: StepVerdict, left: Node, right: Row, scope: Scope) -> None:
    """Say where the rule was used, or what keeps it from being used."""
    used = [c for c in verdict.certificate.get("conditions", []) if c.startswith("vanishes at infinity")]
    if verdict.verdict == PROVED and used:
        _named(verdict, "integrate by parts")
    elif verdict.verdict == UNDECIDED and not scope.boundary:
        sides = [part for side in (left, right.expression) for part in side.walk()]
        if any(isinstance(part, Integral) and part.lower is None for part in sides):
            verdict.why = (
                "integrate by parts: no boundary field declared; add  boundary: $...$  with the field that vanishes"
            )


def _named(verdict: StepVerdict, name: str) -> StepVerdict:
    if verdict.verdict == PROVED:
        verdict.method = f"{name}, then {verdict.method}"
    return verdict
