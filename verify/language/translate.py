r"""Puts claims into other notations: letter for letter by substitution, or in an author's lines; see `notation`."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Container, Iterable, Mapping

from verify.language.claim import SAME_LAW, Claim, Row
from verify.language.declare import declare
from verify.language.document import Block, Document, items_of, read_displays
from verify.language.errors import LanguageError
from verify.language.letters import Letters
from verify.language.mentions import Mentions
from verify.language.names import latex_of_key
from verify.language.notation import Notation, Translation
from verify.language.printer import latex
from verify.language.reader import read_formula
from verify.language.scope import Declaration, Scope
from verify.language.substitution import Substitution
from verify.language.tidy import Tidy
from verify.language.tree import ArgMin, Call, Limit, Name, Node

_SIGNS = {"<=": r"\le", ">=": r"\ge", "law": r"\overset{d}{=}", "approx": r"\approx", "propto": r"\propto",
          "to": r"\to"}  # fmt: skip


def translate(
    documents: Iterable[Document],
    claims: Mapping[str, Claim],
    notations: Mapping[str, Notation],
    chosen: Container[str] | None = None,
) -> tuple[dict[str, tuple[Translation, ...]], list[LanguageError]]:
    """The translations of every claim, or of those `chosen`, in the order of the notations; and what cannot be
    translated, with its place."""
    found: dict[str, tuple[Translation, ...]] = {}
    errors: list[LanguageError] = []
    for document in documents:
        by_hand = {(block.name, block.options.get("to", "")): block for block in document.translations}
        used: set[tuple[str, str]] = set()
        asking = {id_: written for id_, written in document.written.items() if written.notation}
        left_out = set() if chosen is None else {id_ for id_ in asking if id_ not in chosen}
        for id_, written in asking.items():
            if id_ in left_out:
                continue
            try:
                letters = Letters(claims[id_], written, notations)
                source, targets = _Source(letters), letters.targets()
            except LanguageError as error:
                errors.append(_placed(error, document, written.start))
                continue
            for to in targets:
                block = by_hand.get((id_, to))
                used.add((id_, to))
                try:
                    made = source.by_hand(to, block, document) if block else source.into(to)
                    found[id_] = (*found.get(id_, ()), made)
                except LanguageError as error:
                    error.message = f"{id_} in the notation {to}: {error.message}"
                    errors.append(error if error.file else _placed(error, document, written.start))
        for id_, to in by_hand.keys() - used:
            if id_ in left_out:
                continue
            why = f"a translation of {id_ or 'nothing'} to {to or 'nothing'}, which is no claim here with that target"
            tip = "give the claim  notation: edm  (and  into: ...), and the block  to: ddpm"
            errors.append(_placed(LanguageError(why, suggestion=tip), document, by_hand[id_, to].start))
    return found, errors


def _placed(error: LanguageError, document: Document, start: int) -> LanguageError:
    """The error at the line of a block: its spans are those of an option, not of the document."""
    error.span = (start, start + 3)
    return error.located(document.file, document.text)


class _Source:
    """One claim to be translated."""

    def __init__(self, letters: Letters) -> None:
        self.letters, self.claim, self.notations = letters, letters.claim, letters.notations

    def into(self, to: str) -> Translation:
        """The claim in the notation `to`, by substitution."""
        raw, swap = self.letters.substitutions(to)
        scope = self._scope(to, swap)
        plain = Substitution(swap.images, self.claim.scope)
        loose = Substitution(swap.images, self.claim.scope, Tidy(()))
        chains = []
        for chain in self.claim.chains:
            rows: list[Row] = []
            for place, row in enumerate(chain):
                quoting = any(one.rule and one.rule.quoted and _keeps(one) for one in chain[place : place + 2])
                swapped = (loose if quoting else swap)(row.expression)  # a quote looks at the shape of a sum
                rows.append(_read_back(row, swapped, scope))
                if len(rows) > 1 and rows[-1].expression == rows[-2].expression:  # tidying made the step itself
                    before = chain[len(rows) - 2]
                    rows[-2] = _read_back(before, plain(before.expression), scope)
            chains.append(tuple(rows))
        return self._made(to, tuple(chains), scope, raw, swap)

    def by_hand(self, to: str, block: Block, document: Document) -> Translation:
        """The claim in the notation `to`, in an author's lines."""
        raw, swap = self.letters.substitutions(to)
        scope = self._scope(to, swap)
        try:
            own = declare(items_of(block.body, block.body_start), scope, override=True)
            _refuse_premises(own, scope)
            chains = tuple(read_displays(block, own, document))
        except LanguageError as error:
            raise error.located(document.file, document.text) from None
        shape = [[row.relation for row in chain] for chain in chains]
        if shape != [[row.relation for row in chain] for chain in self.claim.chains]:
            raise _placed(
                LanguageError("its rows are not those of the claim", suggestion="write the same chains, row by row"),
                document, block.start,
            )  # fmt: skip
        return self._made(to, chains, own, raw, swap, by_hand=True)

    def _made(
        self,
        to: str,
        chains: tuple[tuple[Row, ...], ...],
        scope: Scope,
        raw: Substitution,
        swap: Substitution,
        by_hand: bool = False,
    ) -> Translation:
        pairs = [
            (raw(row.expression), new)
            for chain, translated in zip(self.claim.chains, chains, strict=True)
            for row, new in zip(chain, translated, strict=True)
        ]
        same = [_same(before, after) for before, after in pairs if before != after.expression]
        same += self._same_definitions(scope, raw)
        judged = dataclasses.replace(
            self.claim,
            id=f"{self.claim.id}@{to}",
            scope=scope,
            chains=(*chains, *same),
            latex=tuple(map(_aligned, chains)),
            mistakes=(),
            experiments=(),
            premises=(),
        )
        return Translation(self.claim.id, to, judged, len(chains), self._told(scope, chains, swap), by_hand)

    def _same_definitions(self, scope: Scope, raw: Substitution) -> list[tuple[Row, ...]]:
        """Each definition that stays says what it said: the substituted one equals the one that is shown."""
        found = []
        for old in self.claim.scope:
            new = scope.get(old.key)
            if old.definition is None or new is None or new.definition is None or raw.names.get(old.key):
                continue
            before = raw.declaration(old).definition
            assert before is not None
            if before != new.definition:
                found.append(_same(before, Row("=", new.definition, latex(new.definition), self.claim.line)))
        return found

    # ---------------------------------------------------------------- the scope of a translation

    def _scope(self, to: str, swap: Substitution) -> Scope:
        """The claim's declarations in the letters of `to`: what is replaced goes, the letters of the images come."""
        old, target = self.claim.scope, self.notations[to]
        used = Mentions(old).through([row.expression for chain in self.claim.chains for row in chain])
        kept = [key for key in old.declarations if key in used and key not in swap.names]
        new = Scope(dimension=old.dimension, space=old.space)
        space = swap.names.get(old.space)
        new.space = space.key if isinstance(space, Name) else old.space
        images = list(self.letters.images(to).values())
        letters = Mentions(target.scope).through(images)
        new.declarations.update({key: target.scope.declarations[key] for key in letters})
        for key in kept:
            self._put(new, swap.declaration(self._plain(old.declarations[key], swap)), letters, to)
        for key in swap.dummies & set(used):
            self._put(new, old.declarations[key], letters, to)
        new.assumptions = [swap(node) for node in old.assumptions]
        new.equations = [(swap(left), swap(right)) for left, right in old.equations]
        new.boundary = [swap(node) for node in old.boundary]
        new.sde = {swap.variable(key): swap(node) for key, node in old.sde.items()}
        new.joint = {swap.variable(key): swap(node) for key, node in old.joint.items()}
        new.instances = [(left, swap(right)) for left, right in old.instances]
        return new

    def _plain(self, declared: Declaration, swap: Substitution) -> Declaration:
        """A function that is replaced at one point is no letter any more; elsewhere it has no translation."""
        if declared.key in swap.functions:
            raise LanguageError(f"{latex_of_key(declared.key)} is used beside {swap._known(declared.key)}")
        return declared

    def _put(self, scope: Scope, declared: Declaration, letters: list[str], to: str) -> None:
        if declared.key in letters:
            raise LanguageError(
                f"its own letter {latex_of_key(declared.key)} is a letter of that notation too",
                suggestion=f"map it under  letters:  or leave {to} out of  into:",
            )
        scope.put(declared)

    def _told(self, scope: Scope, chains: tuple[tuple[Row, ...], ...], swap: Substitution) -> tuple[str, ...]:
        """What the reader is told: which letter became what, and which definitions changed with it."""
        old = self.claim.scope
        used = Mentions(old).through([row.expression for chain in self.claim.chains for row in chain])
        told = [
            f"{latex(letter)} = {_plainer(latex(image))}"
            for letter, image in swap.images.items()
            if letter != image and (isinstance(letter, Call) or getattr(letter, "key", "") in used)
        ]
        shown = Mentions(scope).through([row.expression for chain in chains for row in chain])
        for key in shown:
            before, after = old.get(key), scope.declarations[key]
            if before is not None and after.definition is not None and before.definition != after.definition:
                told.append(f"{_defined(after)} = {_plainer(latex(after.definition))}")
        return tuple(told)


def _refuse_premises(own: Scope, given: Scope) -> None:
    """LanguageError where an author's block declares more than definitions: its rows would hold of less than the claim.

    A new name may stand for a formula, and a definition may be written otherwise; the judge compares it with the old.
    """
    for declared in own:
        old = given.get(declared.key)
        plain = old or Declaration(declared.key, declared.kind, declared.value, parameters=declared.parameters,
                                   family=declared.family)  # fmt: skip
        defined = declared.definition is not None and (old is None or old.definition is not None)
        if declared != old and not (defined and dataclasses.replace(declared, definition=plain.definition) == plain):
            raise LanguageError(f"{latex_of_key(declared.key)} may not be declared so in a translation",
                                suggestion="declare only what stands for a formula, like  - $a = 1-b$")  # fmt: skip
    rest = [dataclasses.replace(scope, declarations={}) for scope in (own, given)]
    if rest[0] != rest[1]:
        raise LanguageError("a translation adds no premise: no equation, assumption, instance or dimension of its own",
                            suggestion="declare it in the claim")  # fmt: skip


def _read_back(row: Row, node: Node, scope: Scope) -> Row:
    """The row as a reader would read it: printed, and read again."""
    text = latex(node)
    tree = read_formula(text, scope)
    plain = _plainer(text)
    if plain != text and read_formula(plain, scope) == tree:
        text = plain
    rule = row.rule if _keeps(row) else None
    return dataclasses.replace(row, expression=tree, source=text, rule=rule, quotes=row.quotes if rule else ())


def _keeps(row: Row) -> bool:
    """Does a translated row keep the rule of its step? A quote fits the letters it was written in; an equation stands
    without it, an equality in law does not."""
    return row.rule is not None and (not row.rule.quoted or row.relation == SAME_LAW)


def _plainer(text: str) -> str:
    r"""As an author writes: `c(y+n)` without brackets around a factor that is declared no function, `e^{u}`."""
    text = re.sub(r"\\left\(([^()+\-]+)\\right\)\\,(?=\\left\()", r"\1", text)
    text = re.sub(r"\\exp\\left\(([^()]*)\\right\)", r"e^{\1}", text)
    return re.sub(r"\\exp(\\frac(?:\{(?:[^{}]|\{[^{}]*\})*\}){2})", r"e^{\1}", text)


def _same(before: Node, after: Row) -> tuple[Row, ...]:
    """A chain of one step: the substituted formula is the one that is shown; of a minimiser or a limit, what is below
    the sign."""
    shown = after.expression
    while isinstance(before, ArgMin) and isinstance(shown, ArgMin) and before.variable == shown.variable:
        before, shown = before.objective, shown.objective
    while isinstance(before, Limit) and isinstance(shown, Limit) and _ends(before) == _ends(shown):
        before, shown = before.body, shown.body
    return (
        Row("", before, latex(before), after.line),
        Row("=", shown, after.source, after.line, "the same in the letters of the claim"),
    )


def _ends(limit: Limit) -> tuple[str, Node, str]:
    return limit.variable, limit.point, limit.side


def _defined(declared: Declaration) -> str:
    """The left side of a definition as one writes it."""
    if not declared.parameters:
        return latex_of_key(declared.key)
    if declared.key.endswith("_{.}"):
        return f"{latex_of_key(declared.key)}_{{{latex_of_key(declared.parameters[-1])}}}"
    return f"{latex_of_key(declared.key)}({','.join(map(latex_of_key, declared.parameters))})"


def _aligned(chain: tuple[Row, ...]) -> str:
    """A chain as one display."""
    rows = [rf" &{_SIGNS.get(row.relation, row.relation)} {row.source}" for row in chain[1:]]
    return "\\begin{aligned}\n" + chain[0].source + "\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"
