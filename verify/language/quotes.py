r"""Claims that quote claims: each `\text{by gauss.sum}` gets the claim it names, each claim what it rests on.

What a claim rests on is what its steps quote, and where its declared equations come from. A hand-written `uses`
only serves where one of the two claims is stated in words; elsewhere it must repeat what the steps say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from verify.language.claim import EQUAL, SAME_LAW, Claim, Quote, Row
from verify.language.errors import LanguageError

MAX_EQUATIONS = 40


def quoted_by(claim: Claim) -> tuple[str, ...]:
    """Ids of the claims that the steps of a claim quote, each once, in the order of the steps."""
    rules = [row.rule for chain in claim.chains for row in chain if row.rule is not None]
    return tuple(dict.fromkeys(name for rule in rules for name in rule.quoted))


def quote_of(claim: Claim) -> Quote:
    """What may be quoted from a claim: each chain as a whole first, then all pairs of its rows."""
    found: dict[tuple[object, ...], None] = {}
    for chain in claim.chains:
        size = len(chain)
        pairs = [(i, j) for i in range(size) for j in range(i + 1, size)]
        for i, j in sorted(pairs, key=lambda pair: (pair[0] - pair[1], pair)):
            relations = {row.relation for row in chain[i + 1 : j + 1]}
            if relations <= {EQUAL, SAME_LAW}:
                relation = SAME_LAW if SAME_LAW in relations else EQUAL
                found[chain[i].expression, relation, chain[j].expression] = None
    return Quote(claim.id, claim.scope, tuple(list(found)[:MAX_EQUATIONS]))  # type: ignore[arg-type]


def link(
    claims: Mapping[str, Claim], others: Mapping[str, Claim] | None = None
) -> tuple[list[Claim], list[LanguageError]]:
    """The claims with their quotes in place and `uses` computed, and what is wrong with them.

    `others` may be quoted too. An unknown id, a circle and a `uses` that nothing uses are errors.
    """
    known = {**(others or {}), **claims}
    linked, errors = [], []
    for claim in claims.values():
        chains = tuple(tuple(_linked(row, claim, known) for row in chain) for chain in claim.chains)
        quoted = quoted_by(claim)
        in_words = tuple(name for name in claim.uses if name in known and _cannot_be_quoted(claim, known[name]))
        uses = tuple(dict.fromkeys([*quoted, *claim.premises, *in_words]))
        linked.append(replace(claim, chains=chains, uses=uses))
        errors += _unknown(claim, known) + _idle(claim, uses, known)
    resting = {claim.id: claim.uses for claim in [*(others or {}).values(), *linked]}
    circular = [claim.id for claim in linked if claim.id in _above(claim.id, resting)]
    for place, claim in enumerate(linked):
        if claim.id in circular:
            errors.append(_at(claim, f"circular uses: {claim.id} rests on itself"))
            linked[place] = replace(claim, chains=tuple(tuple(map(_unlinked, chain)) for chain in claim.chains))
    return linked, errors


def _cannot_be_quoted(claim: Claim, used: Claim) -> bool:
    """Where one of the two is stated in words, `uses` is written by hand."""
    return not claim.chains or not used.chains


def _unknown(claim: Claim, known: Mapping[str, Claim]) -> list[LanguageError]:
    quoting = [(row.line, name) for chain in claim.chains for row in chain if row.rule for name in row.rule.quoted]
    errors = [
        _at(claim, f"{claim.id} quotes {name}, which does not exist", line)
        for line, name in quoting
        if name not in known
    ]
    named = dict.fromkeys([*claim.premises, *claim.uses])
    return errors + [_at(claim, f"{claim.id} uses {name}, which does not exist") for name in named if name not in known]


def _idle(claim: Claim, uses: tuple[str, ...], known: Mapping[str, Claim]) -> list[LanguageError]:
    return [
        _at(
            claim, f"{claim.id} says that it uses {name}, and no step and no premise quotes it",
            suggestion=rf"write \text{{by {name}}} at the step that uses it, or leave it out of  uses:",
        )
        for name in claim.uses
        if name in known and name not in uses
    ]


def _linked(row: Row, claim: Claim, known: Mapping[str, Claim]) -> Row:
    if row.rule is None or not row.rule.quoted:
        return row
    names = [name for name in row.rule.quoted if name in known and name != claim.id]
    return replace(row, quotes=tuple(quote_of(known[name]) for name in names))


def _unlinked(row: Row) -> Row:
    """Nothing is proved by a quote in a circle."""
    return replace(row, quotes=())


def _above(start: str, resting: Mapping[str, tuple[str, ...]]) -> dict[str, None]:
    found: dict[str, None] = {}
    waiting = list(resting[start])
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = None
            waiting += resting.get(name, ())
    return found


def _at(claim: Claim, message: str, line: int = 0, suggestion: str = "") -> LanguageError:
    return LanguageError.at_line(claim.file, line or claim.line, message, suggestion)
