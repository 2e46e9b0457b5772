"""Judges claims: plans the tasks that are not answered by the ledger, runs them on an engine, writes each claim.

A claim is written to the ledger as soon as its last task is done, so an interrupted run keeps what it did.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any

from verify.language.claim import Claim, Row
from verify.language.notation import is_translation
from verify.ledger.keys import (
    DEFINITIONS,
    PROOF,
    SAMPLING,
    claim_key,
    definition_key,
    definitions_key,
    is_fresh,
    judge_version,
    step_key,
)
from verify.ledger.store import Ledger
from verify.ledger.verdict import PROVED, REFUTED, SUPPORTED, UNDECIDED, VACUOUS, worst
from verify.running import tasks
from verify.running.engine import SECONDS, Engine, OurError

Progress = Callable[[int, int, str], None]
Tell = Callable[[Claim, tuple[Any, ...], dict[str, Any]], None]  # a claim, which of its tasks, the answer
MUTANT_BATCH, MUTANT_SECONDS = 12, 120.0
SOME_MUTANTS = 8  # of each step; all of them take several times as long as everything else together
PATIENCE = 5.0  # seconds without an answer before the engine is asked whether it still runs


@dataclass
class _Job:
    """One task of a claim: which slot its result fills, and what to run."""

    slot: tuple[Any, ...]
    function: Callable[..., dict[str, Any]]
    arguments: tuple[Any, ...]
    seconds: float = SECONDS


@dataclass
class _Case:
    """A claim being judged: results so far by slot, and the jobs still open."""

    claim: Claim
    complete: bool
    results: dict[tuple[Any, ...], dict[str, Any]] = field(default_factory=dict)
    jobs: list[_Job] = field(default_factory=list)
    open: int = 0
    possible: int = 0  # mutants of its steps, tried or not


@dataclass
class Report:
    """What a run did: judged claim ids, crashes of ours by claim, and input that has no meaning."""

    judged: list[str] = field(default_factory=list)
    crashes: dict[str, str] = field(default_factory=dict)


def needs_judging(claim: Claim, ledger: Ledger) -> bool:
    """Is any verdict of this claim missing or stale?"""
    return bool(claim.chains) and not is_fresh(claim, ledger.entry(claim.id))


def judge_claims(
    claims: Iterable[Claim],
    ledger: Ledger,
    engine: Engine,
    fresh: bool = False,
    mutants: int | None = SOME_MUTANTS,
    progress: Progress | None = None,
    tell: Tell | None = None,
) -> Report:
    """Judge claims and write their ledger entries. With `fresh` nothing is taken from the ledger.

    `mutants` is how many of each step are tried, None for all. With 0 the entries are incomplete and judged again by
    the next full run.

    OSError from writing the ledger and EngineError from an engine that is lost are raised after the entries before
    them are safe.
    """
    report = Report()
    cases = [_plan(claim, None if fresh else ledger.entry(claim.id), mutants) for claim in claims]
    total, done = sum(len(case.jobs) for case in cases), 0
    futures: dict[Future[Any], tuple[_Case, _Job]] = {}
    finished: SimpleQueue[Future[Any]] = SimpleQueue()
    coming = ((case, job) for case in cases for job in case.jobs)
    for case in cases:
        case.open = len(case.jobs)
        if not case.open:
            _finish(case, ledger, report)
    while True:
        sent = next(coming, None) if len(futures) < engine.ahead else None
        if sent:
            future = engine.submit(sent[1].function, *sent[1].arguments, seconds=sent[1].seconds)
            futures[future] = sent
            future.add_done_callback(finished.put)
            if finished.empty():
                continue
        elif not futures:
            return report
        future = _next(finished, engine)
        case, job = futures.pop(future)
        try:
            case.results[job.slot] = engine.outcome(future, job.seconds)
        except OurError as error:
            report.crashes.setdefault(case.claim.id, str(error))
        else:
            if tell:
                tell(case.claim, job.slot, case.results[job.slot])
        case.open -= 1
        done += 1
        if progress:
            progress(done, total, case.claim.id)
        if not case.open and case.claim.id not in report.crashes:
            _finish(case, ledger, report)


def _next(finished: SimpleQueue[Future[Any]], engine: Engine) -> Future[Any]:
    """The next finished future. EngineError when the engine is lost, so that nobody waits for ever."""
    while True:
        try:
            return finished.get(timeout=PATIENCE)
        except Empty:
            engine.check()


# ---------------------------------------------------------------- planning


def _plan(claim: Claim, entry: dict[str, Any] | None, mutants: int | None) -> _Case:
    case = _Case(claim, complete=mutants != 0)
    known = _known(entry)
    _need(case, known, ("scope", PROOF), _scope_key(claim), tasks.find_admissible_point, (claim.scope,))
    for number, (chain, step, left, right) in enumerate(numbered_steps(claim)):
        for route, function in ((PROOF, tasks.prove_step), (SAMPLING, tasks.sample_step)):
            key = step_key(left.expression, right, claim.scope, route)
            hint = (True,) if route == PROOF else ()
            slot = ("step", route, chain, step)
            _need(case, known, slot, key, function, (left.expression, right, claim.scope, *hint))
        if mutants != 0 and not is_translation(claim):  # the claim's own mutants have shown that its steps can fail
            _plan_mutants(case, known, number, left, right, mutants)
    for mistake in claim.mistakes:
        for step, (left, right) in enumerate(zip(mistake.rows, mistake.rows[1:], strict=False), 1):
            key = step_key(left.expression, right, mistake.scope, PROOF)
            arguments = (left.expression, right, mistake.scope, True, True)
            _need(case, known, ("mistake", mistake.name, step), key, tasks.prove_step, arguments)
    for number, defined in enumerate(claim.defined):
        _need(case, known, (DEFINITIONS, number), definition_key(defined), tasks.compare_definition, (defined,))
    return case


def _plan_mutants(
    case: _Case, known: dict[str, dict[str, Any]], number: int, left: Row, right: Row, most: int | None
) -> None:
    """The mutants of a step in small batches, so that one slow mutant stops its batch only.

    Where all of them are known from an earlier run, none is left out.
    """
    from verify.proof.mutants import mutants, spread

    scope = case.claim.scope
    step = step_key(left.expression, right, scope, PROOF)
    found = list(mutants(right.expression, scope))
    case.possible += len(found)
    everyone = [range(first, min(first + MUTANT_BATCH, len(found))) for first in range(0, len(found), MUTANT_BATCH)]
    if most is None or all(_mutants_key(batch, step) in known for batch in everyone):
        batches: list[Sequence[int]] = [*everyone]
    else:
        batches = [spread(found, most)] * bool(found)
    for batch in batches:
        arguments = (left.expression, right, scope, tuple(batch))
        slot = ("mutants", number, batch[0])
        _need(case, known, slot, _mutants_key(batch, step), tasks.try_mutants, arguments, MUTANT_SECONDS)


def _mutants_key(batch: Sequence[int], step: str) -> str:
    return f"mutants:{','.join(map(str, batch))}:{step}"


def numbered_steps(claim: Claim) -> list[tuple[int, int, Row, Row]]:
    """(chain, step, left, right) of every step; steps count from one in each chain."""
    return [
        (number, step, left, right)
        for number, chain in enumerate(claim.chains)
        for step, (left, right) in enumerate(zip(chain, chain[1:], strict=False), 1)
    ]


def _scope_key(claim: Claim) -> str:
    first = claim.chains[0][0]
    return "scope:" + step_key(first.expression, first, claim.scope, PROOF)


def _known(entry: dict[str, Any] | None) -> dict[str, dict[str, Any]]:
    """Results of the ledger by key."""
    found: dict[str, dict[str, Any]] = {}
    for part in (entry or {}).get("results", []):
        found[part["key"]] = part["result"]
    return found


def _need(
    case: _Case,
    known: dict[str, dict[str, Any]],
    slot: tuple[Any, ...],
    key: str,
    function: Callable[..., dict[str, Any]],
    arguments: tuple[Any, ...],
    seconds: float = SECONDS,
) -> None:
    case.results[(*slot, "key")] = {"key": key}
    if key in known:
        case.results[slot] = known[key]
    else:
        case.jobs.append(_Job(slot, function, arguments, seconds))


# ---------------------------------------------------------------- the entry


def _finish(case: _Case, ledger: Ledger, report: Report) -> None:
    ledger.write(case.claim.id, _entry(case))
    report.judged.append(case.claim.id)


def _entry(case: _Case) -> dict[str, Any]:
    """The ledger entry of a judged claim. `results` keeps each task's answer under its own key."""
    results = [
        {"key": value["key"], "result": case.results[slot[:-1]]}
        for slot, value in case.results.items()
        if slot[-1] == "key"
    ]
    return {
        PROOF: _proof_part(case),
        SAMPLING: _route_part(case, SAMPLING),
        DEFINITIONS: _definitions(case),
        "definitions_key": definitions_key(case.claim),
        "results": results,
        "complete": case.complete,
    }


def _definitions(case: _Case) -> list[dict[str, Any]]:
    """What the standard definitions say to the claim's own; lines are today's, a kept result may have old ones."""
    found = [(defined, case.results[(DEFINITIONS, number)]) for number, defined in enumerate(case.claim.defined)]
    return [{**result, "line": defined.line, "mistake": defined.mistake} for defined, result in found
            if result.get("standing")]  # fmt: skip


def _route_part(case: _Case, route: str) -> dict[str, Any]:
    steps = []
    for chain, step, _, right in numbered_steps(case.claim):
        result = case.results[("step", route, chain, step)]
        steps.append({"chain": chain, "step": step, "line": right.line, **result})
    strongest = PROVED if route == PROOF else SUPPORTED
    verdicts = [step["verdict"] for step in steps]
    return {
        "key": claim_key(case.claim, route),
        "judge": judge_version(route),
        "verdict": worst(verdicts) if set(verdicts) != {strongest} else strongest,
        "dimensions": _dimensions(steps),
        "seconds": round(sum(step.get("seconds", 0.0) for step in steps), 4),
        "steps": steps,
    }


def _proof_part(case: _Case) -> dict[str, Any]:
    part = _route_part(case, PROOF)
    part["mistakes"] = [_mistake(case, mistake.name, len(mistake.rows)) for mistake in case.claim.mistakes]
    part["mutants"] = _mutants(case)
    part["why"] = ""
    satisfiable = case.results[("scope", PROOF)]
    part["witness_point"] = satisfiable.get("point", {})
    if satisfiable["verdict"] == VACUOUS:
        part["verdict"], part["why"] = VACUOUS, satisfiable["why"]
    elif part["mutants"]["survived"]:
        part["verdict"], part["why"] = VACUOUS, "a mutant that differs was proved too"
    return part


def _mistake(case: _Case, name: str, rows: int) -> dict[str, Any]:
    """A wrong chain is refuted when one of its steps is."""
    found = [case.results[("mistake", name, step)] for step in range(1, rows)]
    for step, result in enumerate(found, 1):
        if result["verdict"] == REFUTED:
            return {"name": name, "step": step, **result}
    undecided = next((r for r in found if r["verdict"] == UNDECIDED), found[-1])
    return {"name": name, "step": len(found), **undecided}


def _mutants(case: _Case) -> dict[str, Any]:
    total: dict[str, Any] = dict.fromkeys(tasks.MUTANT_COUNTS, 0)
    total |= {"possible": case.possible, "survivors": [], "equivalents": [], "stopped": 0}
    for slot, result in case.results.items():
        if slot[0] == "mutants" and slot[-1] != "key":
            if "made" not in result:  # the batch hit a limit
                total["stopped"] += 1
                continue
            for name in (*tasks.MUTANT_COUNTS, "survivors", "equivalents"):
                total[name] += result[name]
    return total


def _dimensions(steps: list[dict[str, Any]]) -> str:
    """What all steps cover together: the narrowest of them."""
    order = ("any", "1, 2, 3", "1, 2", "1", "scalar", "")
    named = [step.get("dimensions", "") for step in steps if step["verdict"] == PROVED]
    known = [name for name in named if name != "scalar"]
    if not known:
        return "scalar" if named else ""
    return max(known, key=lambda name: order.index(name) if name in order else len(order))
