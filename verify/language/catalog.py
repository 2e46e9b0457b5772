"""All claims of a repository: the theory of the package, and what questions and pages add."""

from __future__ import annotations

import functools
from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from verify.language.claim import Claim, Rule
from verify.language.defined import Names, unknown_claims, with_defined
from verify.language.definitions import Definition, load_definitions
from verify.language.document import Document, Vocabulary, decode_document, read_bytes, read_vocabulary
from verify.language.errors import LanguageError
from verify.language.notation import Notation, Translation, notations_of
from verify.language.order import order_errors
from verify.language.quotes import link
from verify.language.translate import translate

PACKAGED_THEORY = Path(__file__).parent.parent / "theory"


@dataclass
class Catalog:
    """Every claim by id, in the order of topics and files, its translations by its id, and what could not be read.

    `definitions` are the standard definitions, with which the claims are compared.
    """

    claims: dict[str, Claim] = field(default_factory=dict)
    notations: dict[str, Notation] = field(default_factory=dict)
    translations: dict[str, tuple[Translation, ...]] = field(default_factory=dict)
    errors: list[LanguageError] = field(default_factory=list)
    documents: list[Document] = field(default_factory=list)
    definitions: tuple[Definition, ...] = ()

    def judged(self, claims: Iterable[Claim] | None = None) -> list[Claim]:
        """What a run judges: the claims that state a formula (of those given, else all), each with its translations."""
        chosen = self.claims.values() if claims is None else claims
        return [
            one
            for claim in chosen
            if claim.chains
            for one in (claim, *(made.judged for made in self.translations.get(claim.id, ())))
        ]

    def translate(self, chosen: Container[str] | None = None) -> None:
        """Put the claims that ask for it, or those of them that are chosen, into the other notations."""
        self.translations, errors = translate(self.documents, self.claims, self.notations, chosen)
        self.errors += errors

    def used_by(self, claim_id: str) -> tuple[str, ...]:
        """The claims that rest directly on this one."""
        return tuple(c.id for c in self.claims.values() if claim_id in c.uses)

    def upstream(self, claim_id: str) -> tuple[str, ...]:
        """Every claim that this one rests on, directly or not, nearest first."""
        found: list[str] = []
        queue = list(self.claims[claim_id].uses)
        while queue:
            name = queue.pop(0)
            if name in self.claims and name not in found and name != claim_id:
                found.append(name)
                queue += self.claims[name].uses
        return tuple(found)


def theory_root(root: Path) -> Path:
    """Where the theory of a repository lies; the installed package's own when there is none."""
    own = root / "verify" / "theory"
    return own if own.is_dir() else PACKAGED_THEORY


def load_vocabularies(theory: Path) -> tuple[dict[str, Vocabulary], list[LanguageError]]:
    """The shared vocabularies, one a topic: `theory/<topic>/vocabulary.md`."""
    found, errors = _read_vocabularies(_vocabulary_texts(theory))
    return dict(found), list(errors)


def _vocabulary_texts(theory: Path) -> tuple[tuple[str, str, str], ...]:
    """(topic, file, text) of each."""
    paths = sorted(theory.glob("*/vocabulary.md"))
    return tuple((path.parent.name, _shown(path, theory), path.read_text("utf-8")) for path in paths)


@functools.lru_cache(maxsize=8)
def _read_vocabularies(
    texts: tuple[tuple[str, str, str], ...],
) -> tuple[dict[str, Vocabulary], list[LanguageError]]:
    found: dict[str, Vocabulary] = {}
    errors = []
    for topic, file, text in texts:
        try:
            found[topic] = read_vocabulary(text, file)
        except LanguageError as error:
            errors.append(error)
    return found, errors


@functools.lru_cache(maxsize=1024)
def _read(data: bytes, name: str, vocabularies: tuple[tuple[str, str, str], ...]) -> Document:
    """What stands in a file. It is read once: two revisions, or a repository before and after a save, share the most.

    Nobody may change the document.
    """
    return decode_document(data, name, _read_vocabularies(vocabularies)[0])


def load_catalog(root: Path, translated: bool = True) -> Catalog:
    """Read every claim under `root`, with its translations unless told not to. Errors are collected, never raised."""
    theory = theory_root(root)
    vocabularies = _vocabulary_texts(theory)
    catalog = Catalog(errors=list(_read_vocabularies(vocabularies)[1]))
    paths = [
        *sorted(theory.glob("*/claims.md")),
        *sorted((root / "questions").glob("*.md")),
        *sorted(p for p in (root / "docs").rglob("*.md") if _is_source(p, root)),
    ]
    for path in paths:
        document = _read(read_bytes(path), _shown(path, root), vocabularies)
        catalog.documents.append(document)
        catalog.errors += document.errors
        for claim in document.claims:
            if claim.id in catalog.claims:
                other = catalog.claims[claim.id]
                catalog.errors.append(
                    _at(claim, f"the id {claim.id} is taken: {other.file}:{other.line}", "choose another id")
                )
            else:
                catalog.claims[claim.id] = claim
    linked, broken = link(catalog.claims)
    catalog.definitions, unread = load_definitions(theory)
    names = Names(catalog.definitions)
    catalog.claims = {claim.id: with_defined(claim, names) for claim in linked}
    broken += [*unread, *unknown_claims(catalog.definitions, list(catalog.claims)), *order_errors(linked)]
    catalog.notations, unsound = notations_of(catalog.documents, catalog.claims)
    broken += unsound
    if translated:
        catalog.translate()
    catalog.errors += broken + _broken_cards(catalog)
    return catalog


def link_document(document: Document, root: Path) -> None:
    """Put the quotes of one document in place; the claims of the repository may be quoted too.

    What its claims say about names with a standard definition is noted as well.
    """
    definitions, unread = load_definitions(theory_root(root))
    names = Names(definitions)
    document.errors += unread
    document.claims = [with_defined(claim, names) for claim in document.claims]
    named = any(claim.uses or claim.premises or claim.after for claim in document.claims)
    if not named and not any(rule.quoted for rule in _rules(document)):
        return
    own = {claim.id: claim for claim in document.claims}
    others = {name: claim for name, claim in load_catalog(root, translated=False).claims.items() if name not in own}
    document.claims, errors = link(own, others)
    document.errors += [*errors, *order_errors(document.claims, others)]


def translate_document(document: Document, root: Path) -> list[Claim]:
    """The translations of one document's claims, as claims to be judged. Its errors get what cannot be translated."""
    if not document.written and not document.translations:
        return []
    own = {claim.id: claim for claim in document.claims}
    notations, unsound = notations_of([document], own, load_catalog(root, translated=False).notations)
    made, errors = translate([document], own, notations)
    document.errors += unsound + errors
    return [translation.judged for several in made.values() for translation in several]


def _rules(document: Document) -> list[Rule]:
    rows = [row for claim in document.claims for chain in claim.chains for row in chain]
    return [row.rule for row in rows if row.rule is not None]


def _is_source(path: Path, root: Path) -> bool:
    """Pages in the first language; translations define nothing, generated pages only repeat."""
    parts = path.relative_to(root / "docs").parts
    return parts[0] not in ("zh", "claims", "questions", "assets")


def _shown(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def _at(claim: Claim, message: str, suggestion: str = "") -> LanguageError:
    return LanguageError.at_line(claim.file, claim.line, message, suggestion)


def _broken_cards(catalog: Catalog) -> list[LanguageError]:
    errors = []
    for document in catalog.documents:
        for name, offset in document.shown:
            if name not in catalog.claims:
                error = LanguageError(
                    f"this page shows the claim {name or '(none named)'}, which does not exist",
                    (offset, offset + 3),
                    "see `verify status` for all ids",
                )
                errors.append(error.located(document.file, document.text))
    return errors
