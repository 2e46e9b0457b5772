"""Words and tables for one judged claim: steps, mistakes, witnesses. Used by `check` and `show`."""

from __future__ import annotations

import re
from typing import Any

from rich.markup import escape

from verify.commands import common
from verify.language.claim import Claim
from verify.running.judge import numbered_steps


def print_claim(claim: Claim, entry: dict[str, Any] | None, verbose: bool = False) -> None:
    """The verdict of every step and mistake of a claim; with `verbose` also certificates and the second reading."""
    out = common.console()
    out.print(f"[bold]{escape(claim.title['en'])}[/bold]  {claim.id}  {claim.file}:{claim.line}")
    if entry is None:
        out.print("  not judged yet: verify run " + claim.id if claim.chains else "  " + _unjudged(claim))
        return
    proof, sampling = entry["proof"], entry["sampling"]
    for (chain, number, _, right), step, second in zip(
        numbered_steps(claim), proof["steps"], sampling["steps"], strict=True
    ):
        reason = f"  ({escape(_plain_reason(right.reason))})" if right.reason else ""
        where = f"chain {chain + 1}, step {number}" if len(claim.chains) > 1 else f"step {number}"
        out.print(f"  {claim.file}:{right.line}: {where}: {common.marked(step['verdict'])}"
                  f" {escape(step.get('method', ''))}{reason}")  # fmt: skip
        _print_details(step, escape(right.source))
        if verbose:
            for kind, lines in step.get("certificate", {}).items():
                out.print(f"      {kind}: {escape('; '.join(lines)) or 'none'}")
            detail = escape(second.get("method") or second.get("why", ""))
            out.print(f"      second reading: {common.marked(second['verdict'])} {detail}")
    for mistake, found in zip(claim.mistakes, proof["mistakes"], strict=True):
        out.print(f"  {claim.file}:{mistake.line}: mistake {mistake.name}: {common.marked(found['verdict'])}"
                  f" {escape(mistake.title['en'])}")  # fmt: skip
        if verbose or found["verdict"] != "refuted":
            _print_details(found, escape(mistake.latex))
    if proof.get("why"):
        out.print(f"  {common.marked(proof['verdict'])}: {escape(proof['why'])}")
    mutants = proof["mutants"]
    if mutants["made"]:
        possible = mutants.get("possible", mutants["made"])
        out.print(f"  mutants: {mutants['made']} of {possible} tried, {common.mutant_words(mutants)}")


def _plain_reason(reason: str) -> str:
    """A reason for the terminal: the words of \\text{...} without the command."""
    return re.sub(r"\\text\{([^{}]*)\}", r"\1", reason)


def _unjudged(claim: Claim) -> str:
    if claim.assumed:
        return "assumed: " + claim.assumed["en"]
    return "judged by experiment: " + ", ".join(claim.experiments)


def _print_details(step: dict[str, Any], source: str) -> None:
    out = common.console()
    if step["verdict"] == "refuted":
        out.print(f"      wrong: {source}")
        witness = step.get("witness", {})
        if witness.get("point"):
            point = ", ".join(f"{name} = {value}" for name, value in witness["point"].items())
            out.print(f"      at {escape(point)}")
        for name in ("left", "right", "difference"):
            if witness.get(name):
                out.print(f"      {name}: {escape(str(witness[name]))}")
        if step.get("hint"):
            out.print(f"      hint: {escape(step['hint'])}")
    elif step.get("why"):
        out.print(f"      {escape(step['why'])}")
