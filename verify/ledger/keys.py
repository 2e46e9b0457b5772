"""What a verdict depends on, as a hash: when the key changes, the verdict is stale.

A key covers the canonical text of the formulas, the declarations they use (transitively), the judging
modules with all they import, and the versions of the libraries behind them. It does not cover prose,
reasons or spacing.
"""

from __future__ import annotations

import functools
import hashlib
import json
import sys
from collections.abc import Iterable
from dataclasses import fields
from importlib import metadata
from typing import Any

from verify.language.claim import Claim, Row
from verify.language.printer import latex
from verify.language.scope import Declaration, Scope
from verify.language.tree import Moment, Node
from verify.sources import closure_hash

PROOF, SAMPLING = "proof", "sampling"
JUDGES = {PROOF: "verify.proof.step", SAMPLING: "verify.sampling.judge"}
_LIBRARIES = {PROOF: ("sympy", "mpmath", "python-flint"), SAMPLING: ("mpmath", "hypothesis")}
_DIGITS = 32


@functools.cache
def judge_version(route: str) -> str:
    """Hash of the code and library versions behind a route. Reads metadata, imports no library."""
    versions = {"python": f"{sys.version_info[0]}.{sys.version_info[1]}"}
    for name in _LIBRARIES[route]:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = ""
    return _hash([closure_hash(JUDGES[route]), versions])


def step_key(left: Node, right: Row, scope: Scope, route: str) -> str:
    """Key of one step on one route."""
    sides = [latex(left), right.relation, latex(right.expression)]
    return _hash([sides, scope_text([left, right.expression], scope), judge_version(route)])


def claim_key(claim: Claim, route: str) -> str:
    """Key of a whole claim on one route: every step and every mistake."""
    keys = [step_key(left.expression, right, claim.scope, route) for left, right in steps_of(claim)]
    for mistake in claim.mistakes:
        rows = mistake.rows
        keys += [step_key(a.expression, b, mistake.scope, route) for a, b in zip(rows, rows[1:], strict=False)]
        keys.append(mistake.name)
    return _hash([claim.id, keys])


def steps_of(claim: Claim) -> list[tuple[Row, Row]]:
    """Neighbouring rows of every chain, in order."""
    return [pair for chain in claim.chains for pair in zip(chain, chain[1:], strict=False)]


def _hash(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


# ---------------------------------------------------------------- what formulas depend on


def scope_text(nodes: Iterable[Node], scope: Scope) -> Any:
    """The part of a scope that these formulas can depend on, as plain data in canonical order."""
    rules = [*scope.assumptions, *scope.boundary, *(n for pair in scope.equations for n in pair)]
    rules += [*scope.sde.values(), *scope.joint.values(), *(n for pair in scope.instances for n in pair)]
    waiting = [key for node in [*nodes, *rules] for key in _mentioned(node, scope)]
    waiting += [*scope.sde, *scope.joint, scope.space]
    used: dict[str, Any] = {}
    while waiting:
        key = waiting.pop()
        declaration = scope.get(key)
        if declaration is None or key in used:
            continue
        used[key] = _plain(declaration)
        waiting += declaration.parameters
        for item in fields(declaration):
            value = getattr(declaration, item.name)
            for node in value if isinstance(value, tuple) else (value,):
                if isinstance(node, Node):
                    waiting += _mentioned(node, scope)
        waiting += [f"{key}({signature})" for signature in declaration.signatures]
    return [
        used,
        str(scope.dimension),
        scope.space,
        [[latex(a), latex(b)] for a, b in scope.equations],
        [latex(n) for n in scope.assumptions],
        [latex(n) for n in scope.boundary],
        {k: latex(n) for k, n in scope.sde.items()},
        {k: latex(n) for k, n in scope.joint.items()},
        [[latex(a), latex(b)] for a, b in scope.instances],
    ]


def _mentioned(node: Node, scope: Scope) -> list[str]:
    """Every declared key that a tree names, in any of its text fields."""
    found = []
    for part in node.walk():
        for item in fields(part):
            found += [text for text in _texts(getattr(part, item.name)) if text in scope]
        if isinstance(part, Moment):  # a moment may depend on the law of every random name
            found += [d.key for d in scope if d.kind == "random" or d.law is not None]
    return found


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, tuple):
        return [text for item in value for text in _texts(item)]
    return []


def _plain(value: Any) -> Any:
    """Declarations and trees as JSON data."""
    if isinstance(value, Node):
        return latex(value)
    if isinstance(value, Declaration):
        return {item.name: _plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value
