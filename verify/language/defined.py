"""What a claim says about names that have a standard definition: each such formula, with the definitions of its name.

Looked at are declared definitions, chains and wrong versions whose first side is a name. Whether the formulas say the
same is for the prover, see `verify.proof.definitions`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from verify.language.claim import EQUAL, Claim, Row
from verify.language.definitions import Definition
from verify.language.errors import LanguageError
from verify.language.names import latex_of_key
from verify.language.scope import Declaration, Scope
from verify.language.spelling import declared_name, left_letter, name_of, spelled
from verify.language.tree import Node, Number


@dataclass(frozen=True)
class Defined:
    """`name = expression` in a scope, and the standard definitions of that name.

    name     its key, with the index as the author writes it
    mistake  the wrong version that says so, '' where the claim itself does
    """

    name: str
    expression: Node
    scope: Scope
    line: int
    definitions: tuple[Definition, ...]
    mistake: str = ""


class Names:
    """The standard definitions by the spelling of their names."""

    def __init__(self, definitions: Sequence[Definition]) -> None:
        self.definitions = definitions

    def of(self, key: str) -> tuple[Definition, ...]:
        """The definitions of a name, those first that no other meaning of it competes with."""
        own = spelled(key, left_letter(key))
        return tuple(
            definition
            for names in ("names", "loose")
            for definition in self.definitions
            if own in getattr(definition, names)
        )


def with_defined(claim: Claim, names: Names) -> Claim:
    """The claim with what it says about standard names."""
    found = tuple(_of_claim(claim, names))
    return replace(claim, defined=found) if found else claim


def unknown_claims(definitions: Sequence[Definition], known: Sequence[str]) -> list[LanguageError]:
    """Definitions that name a claim which does not exist."""
    errors = []
    for definition in definitions:
        for name in definition.claims:
            if name not in known:
                message = f"{definition.id} names the claim {name}, which does not exist"
                errors.append(LanguageError.at_line(definition.file, definition.line, message))
    return errors


def _of_claim(claim: Claim, names: Names) -> Iterator[Defined]:
    for declaration in claim.scope:
        yield from _of_declaration(declaration, claim, names)
    for chain in claim.chains:
        key = name_of(chain[0].expression)
        if key and not _has_definition(chain[0].expression, claim.scope):
            yield from _of_chain(key, chain, claim, claim.scope, names)
    for mistake in claim.mistakes:
        for declaration in mistake.scope:
            if declaration is not claim.scope.get(declaration.key):
                yield from _of_declaration(declaration, claim, names, mistake.name, mistake.scope, mistake.line)
        if key := name_of(mistake.rows[0].expression):
            yield from _of_chain(key, mistake.rows, claim, mistake.scope, names, mistake.name)


def _of_declaration(
    declaration: Declaration, claim: Claim, names: Names, mistake: str = "", scope: Scope | None = None, line: int = 0
) -> Iterator[Defined]:
    key, body = declared_name(declaration), declaration.definition
    if declaration.root_of is not None and declaration.root_of[0] == 2:
        key, body = f"{key}^{{2}}", declaration.root_of[1]
    if not key or body is None or isinstance(body, Number) or _is_own(key, claim):
        return
    if known := names.of(key):
        yield Defined(key, body, scope or claim.scope, line or claim.line, known, mistake)


def _of_chain(
    key: str, rows: tuple[Row, ...], claim: Claim, scope: Scope, names: Names, mistake: str = ""
) -> Iterator[Defined]:
    row, known = rows[1], names.of(key)
    if known and row.relation == EQUAL and not isinstance(row.expression, Number) and not _is_own(key, claim):
        yield Defined(key, row.expression, scope, row.line, known, mistake)


def _has_definition(node: Node, scope: Scope) -> bool:
    """Is the name on the left declared with a definition, so that the row is about that?"""
    for part in node.walk():
        declaration = scope.get(getattr(part, "key", ""))
        if declaration is not None and (declaration.definition is not None or declaration.root_of is not None):
            return True
    return False


def _is_own(key: str, claim: Claim) -> bool:
    return key in claim.own or key.removesuffix("^{2}") in claim.own


def shown_name(defined: Defined) -> str:
    """LaTeX of the name that a formula defines."""
    return latex_of_key(defined.name)
