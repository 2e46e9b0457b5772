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
from importlib import metadata
from typing import Any

from verify.language.claim import Claim, Row
from verify.language.mentions import Mentions, field_names
from verify.language.printer import latex
from verify.language.scope import Declaration, Scope
from verify.language.tree import Node
from verify.sources import closure_hash

PROOF, SAMPLING = "proof", "sampling"
JUDGES = {PROOF: "verify.proof.step", SAMPLING: "verify.sampling.judge"}
_LIBRARIES = {PROOF: ("sympy", "mpmath", "python-flint"), SAMPLING: ("mpmath", "hypothesis")}
_DIGITS = 32
MAX_INDICES = 2_000


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
    return _index(scope).text(nodes)


class _ScopeIndex:
    """A scope prepared for many steps: its rules and declarations as plain data, computed once."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.mentions = Mentions(scope)
        self.plain = functools.cache(lambda key: _plain(scope.declarations[key]))
        self.rules = [
            str(scope.dimension),
            scope.space,
            [[latex(a), latex(b)] for a, b in scope.equations],
            [latex(n) for n in scope.assumptions],
            [latex(n) for n in scope.boundary],
            {k: latex(n) for k, n in scope.sde.items()},
            {k: latex(n) for k, n in scope.joint.items()},
            [[latex(a), latex(b)] for a, b in scope.instances],
        ]

    def text(self, nodes: Iterable[Node]) -> Any:
        """The declarations that the formulas use, transitively, and all rules of the scope."""
        return [{key: self.plain(key) for key in self.mentions.through(nodes)}, *self.rules]


_indices: dict[int, _ScopeIndex] = {}


def _index(scope: Scope) -> _ScopeIndex:
    """The prepared scope; a claim's steps share one. Scopes are not changed after reading."""
    known = _indices.get(id(scope))
    if known is None or known.scope is not scope:
        if len(_indices) > MAX_INDICES:  # a watching process reads the same files again and again
            _indices.clear()
        known = _indices[id(scope)] = _ScopeIndex(scope)
    return known


def _plain(value: Any) -> Any:
    """Declarations and trees as JSON data."""
    if isinstance(value, Node):
        return latex(value)
    if isinstance(value, Declaration):
        return {name: _plain(getattr(value, name)) for name in field_names(Declaration)}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value
