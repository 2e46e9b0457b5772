"""What a verdict depends on, as a hash: when the key changes, the verdict is stale.

A key covers the canonical text of the formulas, the declarations they use (transitively), the judging
modules with all they import, and the versions of the libraries behind them. It does not cover prose,
spacing or reasons; but the rule that a reason names, and what is quoted with it, count.
"""

from __future__ import annotations

import functools
import hashlib
import json
import sys
from collections.abc import Callable
from importlib import metadata
from typing import Any, Generic, TypeVar

from verify.language.claim import EQUAL, Claim, Quote, Row
from verify.language.defined import Defined
from verify.language.definitions import Definition
from verify.language.mentions import Mentions, field_names
from verify.language.printer import latex
from verify.language.scope import Declaration, Scope
from verify.language.tree import Node
from verify.sources import closure_hash

Thing = TypeVar("Thing")
Value = TypeVar("Value")

PROOF, SAMPLING, DEFINITIONS = "proof", "sampling", "definitions"
JUDGES = {PROOF: "verify.proof.rules", SAMPLING: "verify.sampling.judge", DEFINITIONS: "verify.proof.definitions"}
_EXACT = ("sympy", "mpmath", "python-flint")
_LIBRARIES = {PROOF: _EXACT, SAMPLING: ("mpmath", "hypothesis"), DEFINITIONS: _EXACT}
_DIGITS = 32
MAX_KNOWN = 50_000


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
    """Key of one step on one route. The rule that a reason names counts for the prover alone."""
    parts = [_scopes(scope).statement(left, right), judge_version(route)]
    if route == PROOF and right.rule is not None:
        parts += [right.rule.kind, right.rule.variable, *map(_quoted, right.quotes)]
    return _hash(parts)


def claim_key(claim: Claim, route: str) -> str:
    """Key of a whole claim on one route: every step and every mistake."""
    keys = [step_key(left.expression, right, claim.scope, route) for left, right in steps_of(claim)]
    for mistake in claim.mistakes:
        rows = mistake.rows
        keys += [step_key(a.expression, b, mistake.scope, route) for a, b in zip(rows, rows[1:], strict=False)]
        keys.append(mistake.name)
    return _hash([claim.id, keys])


def definition_key(defined: Defined) -> str:
    """Key of one comparison with the standard definitions of a name."""
    row = Row(EQUAL, defined.expression, "", 0)
    said = _scopes(defined.scope).statement(defined.expression, row)
    return _hash([defined.name, said, [_standard(one) for one in defined.definitions], judge_version(DEFINITIONS)])


def definitions_key(claim: Claim) -> str:
    """Key of everything that a claim says about names with a standard definition; '' when it says nothing."""
    return _hash([definition_key(one) for one in claim.defined]) if claim.defined else ""


def statement_hash(scope: Scope, steps: list[tuple[Row, Row]]) -> str:
    """Hash of what some steps say and assume, whoever judges them: formulas, declarations, rules, quoted claims."""
    parts: list[Any] = []
    for left, right in steps:
        rule = [right.rule.kind, right.rule.variable] if right.rule else []
        parts.append([_scopes(scope).statement(left.expression, right), rule, list(map(_quoted, right.quotes))])
    return _hash(parts)


def is_fresh(claim: Claim, entry: dict[str, Any] | None) -> bool:
    """Is this entry complete, and each of its verdicts made from what the claim depends on today?"""
    if not entry or not entry["complete"]:
        return False
    if entry.get("definitions_key", "") != definitions_key(claim):
        return False
    return all(entry[route]["key"] == claim_key(claim, route) for route in (PROOF, SAMPLING))


def steps_of(claim: Claim) -> list[tuple[Row, Row]]:
    """Neighbouring rows of every chain, in order."""
    return [pair for chain in claim.chains for pair in zip(chain, chain[1:], strict=False)]


def _hash(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


# ---------------------------------------------------------------- what formulas depend on


class _ByIdentity(Generic[Thing, Value]):
    """Values computed once per object. The object is kept, so that its id stays its own."""

    def __init__(self, compute: Callable[[Thing], Value]) -> None:
        self.compute = compute
        self.known: dict[int, tuple[Thing, Value]] = {}

    def __call__(self, thing: Thing) -> Value:
        hit = self.known.get(id(thing))
        if hit is None:
            if len(self.known) > MAX_KNOWN:  # a watching process reads the same files again and again
                self.known.clear()
            hit = self.known[id(thing)] = thing, self.compute(thing)
        return hit[1]


class _PreparedScope:
    """A scope prepared for many steps: what its rules and declarations say, as hashes computed once."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.mentions = Mentions(scope)
        self.rules = _hash(
            [
                str(scope.dimension),
                scope.space,
                [[_latex(a), _latex(b)] for a, b in scope.equations],
                [_latex(n) for n in scope.assumptions],
                [_latex(n) for n in scope.boundary],
                {k: _latex(n) for k, n in scope.sde.items()},
                {k: _latex(n) for k, n in scope.joint.items()},
                [[_latex(a), _latex(b)] for a, b in scope.instances],
            ]
        )

    def statement(self, left: Node, right: Row) -> str:
        """Hash of what a step says: its sides, the declarations they use (transitively), the scope's rules."""
        names = self.mentions.through([left, right.expression])
        used = {key: _declarations(self.scope.declarations[key]) for key in names}
        return _hash([_latex(left), right.relation, _latex(right.expression), used, self.rules])


def _plain(value: Any) -> Any:
    """Declarations and trees as JSON data."""
    if isinstance(value, Node):
        return _latex(value)
    if isinstance(value, Declaration):
        return {name: _plain(getattr(value, name)) for name in field_names(Declaration)}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


def _quotation(quote: Quote) -> str:
    """Hash of all that a quoted claim says and declares."""
    declared = {declaration.key: _declarations(declaration) for declaration in quote.scope}
    equations = [[_latex(left), relation, _latex(right)] for left, relation, right in quote.equations]
    return _hash([quote.claim, equations, declared, _scopes(quote.scope).rules])


def _definition(one: Definition) -> str:
    """Hash of all that a finding repeats of a standard definition or rests on."""
    forms = [_latex(form.expression) for form in one.forms]
    declared = {declaration.key: _declarations(declaration) for declaration in one.scope}
    names = [sorted(one.names), sorted(one.loose), dict(one.spelled), dict(one.letters)]
    words = [dict(form.words) for form in one.forms]
    return _hash([one.id, dict(one.title), one.claims, forms, words, declared, _scopes(one.scope).rules, *names])


_latex = _ByIdentity(latex)
_declarations: _ByIdentity[Declaration, str] = _ByIdentity(lambda declaration: _hash(_plain(declaration)))
_scopes = _ByIdentity(_PreparedScope)
_quoted = _ByIdentity(_quotation)
_standard: _ByIdentity[Definition, str] = _ByIdentity(_definition)
