"""What a worker does: judge one step on one route, try its mutants, look for a point that satisfies a scope.

Every function takes and returns plain data, so that it can run in another process or machine. Input that
has no meaning (`MeaningError`) is a result with `problem` set, not an exception.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from verify.language.claim import Row
from verify.language.defined import Defined
from verify.language.scope import Scope
from verify.language.tree import Node
from verify.ledger.verdict import PROVED, REFUTED, SUPPORTED, UNDECIDED, VACUOUS

MUTANT_COUNTS = ("made", "refuted", "refused", "equivalent", "undecided", "survived")


def prove_step(
    left: Node, right: Row, scope: Scope, hint: bool = False, doubtful: bool = False
) -> dict[str, Any]:
    """The prover's verdict on one step, with a hint when it is refuted and `hint` is set."""
    from verify.meaning.errors import MeaningError
    from verify.proof.rules import judge_row

    started = time.perf_counter()
    try:
        verdict = judge_row(left, right, scope, doubtful)
    except MeaningError as error:
        return {"verdict": UNDECIDED, "why": error.message, "problem": error.message, "span": list(error.span)}
    if hint and verdict.verdict == REFUTED and not verdict.hint:
        from verify.proof.hints import hint_for

        verdict.hint = hint_for(left, right.expression, scope, right.relation, repairs=not doubtful)
    verdict.seconds = round(time.perf_counter() - started, 4)
    return asdict(verdict)


def sample_step(left: Node, right: Row, scope: Scope) -> dict[str, Any]:
    """The second reading's verdict on one step."""
    from verify.sampling.judge import judge_step

    started = time.perf_counter()
    verdict = judge_step(left, right.expression, scope, right.relation)
    verdict.seconds = round(time.perf_counter() - started, 4)
    return asdict(verdict)


def compare_definition(defined: Defined) -> dict[str, Any]:
    """What the standard definitions of a name say to a formula that defines it; `standing` is '' when nothing."""
    from verify.proof.definitions import compare

    return compare(defined) or {"standing": ""}


def try_mutants(left: Node, right: Row, scope: Scope, numbers: Sequence[int]) -> dict[str, Any]:
    """Judge these small changes of the right side, by their numbers in the order of `mutants`.

    One that is proved must be equal to the right side by the second reading, or the check proves nothing.
    """
    from dataclasses import replace

    from verify.language.printer import latex
    from verify.proof.mutants import mutants

    counts: dict[str, Any] = dict.fromkeys(MUTANT_COUNTS, 0)
    survivors, equivalents = [], []
    # A changed bound of an inequality may hold as well: then it is the statement that must not be false.
    base = left if right.relation in ("<", "<=", ">", ">=") else right.expression
    wanted = set(numbers)
    for number, mutant in enumerate(mutants(right.expression, scope)):
        if number not in wanted:
            continue
        counts["made"] += 1
        found = prove_step(left, replace(right, expression=mutant.node), scope, doubtful=True)
        if "problem" in found:
            counts["refused"] += 1
        elif found["verdict"] == REFUTED:
            counts["refuted"] += 1
        elif found["verdict"] != PROVED:
            counts["undecided"] += 1
        elif sample_step(base, replace(right, expression=mutant.node), scope)["verdict"] == REFUTED:
            counts["survived"] += 1
            survivors.append({"operator": mutant.operator, "latex": latex(mutant.node)})
        else:
            counts["equivalent"] += 1
            equivalents.append({"operator": mutant.operator, "latex": latex(mutant.node)})
    return {**counts, "survivors": survivors, "equivalents": equivalents}


def find_admissible_point(scope: Scope) -> dict[str, Any]:
    """Vacuous when no point satisfies the declarations: they would prove anything."""
    from verify.meaning.errors import MeaningError
    from verify.proof.vacuity import witness

    try:
        point = witness(scope)
    except MeaningError as error:
        return {"verdict": UNDECIDED, "why": error.message, "problem": error.message}
    if point is None:
        return {"verdict": VACUOUS, "why": "no point satisfies the declarations"}
    return {"verdict": SUPPORTED, "point": {name: str(value) for name, value in point.items()}}
