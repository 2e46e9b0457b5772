"""Words and tables for one judged claim: steps, mistakes, witnesses. Used by `check` and `show`."""

from __future__ import annotations

import re
from typing import Any

from rich.markup import escape

from verify.commands import common
from verify.language.claim import Claim
from verify.language.notation import Translation
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
    for found in entry.get("definitions", []):
        if verbose or not found["mistake"]:
            _print_definition(found, claim)
    mutants = proof["mutants"]
    if mutants["made"]:
        possible = mutants.get("possible", mutants["made"])
        out.print(f"  mutants: {mutants['made']} of {possible} tried, {common.mutant_words(mutants)}")


def _print_definition(found: dict[str, Any], claim: Claim) -> None:
    """What the standard definition of a name says to the claim's own: a remark, never a verdict."""
    out = common.console()
    of = f"the standard definition of {found['title']['en']} ({', '.join(found['claims'])})"
    name = f"{claim.file}:{found['line']}: {found['mistake'] and found['mistake'] + ': '}{found['name']}"
    if found["standing"] == "same":
        out.print(f"  {escape(name)}: same as {escape(of)}")
    elif found["standing"] == "convention":
        out.print(f"  {escape(name)}: {escape(of)}, {escape(found['convention']['en'])}")
    else:
        point = ", ".join(f"{key} = {value}" for key, value in found["point"].items())
        values = f"{found['yours_value']} here and {found['standard_value']} there"
        out.print(f"  [yellow]![/yellow] {escape(name)}: differs from {escape(of)}")
        out.print(f"      standard: {escape(found['standard'])}")
        out.print(f"      here: {escape(found['yours'])}")
        out.print(f"      at {escape(point)} they give {escape(values)}")
        out.print(f"      if the name means something else here, say so:  own: ${escape(found['name'])}$ is ...")


def print_translation(made: Translation, entry: dict[str, Any] | None) -> None:
    """A claim in another notation: its verdict, what was put for what, and its formulas; where it fails, how."""
    out = common.console()
    verdict = common.marked(entry["proof"]["verdict"]) if entry else "not judged yet"
    out.print(f"  in the notation {made.to}: {verdict}{'  (by hand)' if made.by_hand else ''}")
    for letter in made.letters:
        out.print(f"    with {escape(letter)}")
    for chain in made.judged.chains[: made.shown]:
        for row in chain:
            out.print(f"    {row.relation or ' '} {escape(row.source)}")
    for step in entry["proof"]["steps"] if entry else ():
        if step["verdict"] != "proved":
            row = made.judged.chains[step["chain"]][step["step"]]
            what = "" if step["chain"] < made.shown else " (not what substitution gives)"
            out.print(f"      {common.marked(step['verdict'])}{what}: {escape(row.source)}")
            _print_details(step, escape(row.source))


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
