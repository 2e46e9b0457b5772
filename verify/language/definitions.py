r"""The standard definitions of the field: what a name like `\tilde\beta_t` means, in every convention in use.

`theory/<topic>/definitions.md` holds them, in blocks that look like claims:

    /// definition | posterior-variance
        title: posterior variance
        claim: ddpm.posterior
        loose: \sigma_t^2
        spelled: $\bar\alpha_s$ for $\bar\alpha_{t-1}$
        letters: $\alpha_t$ for $\bar\alpha_t$, $\alpha_{t-1}$ for $\bar\alpha_{t-1}$

    - $\bar\alpha_t, \bar\alpha_{t-1}$ : (0,1)

    $$ \tilde\beta_t = \dots $$
    ///

    /// mistake | posterior-variance      a wrong version that was seen

The left side of the first display is the name. `names` are other names for it. A name under `loose` has other
meanings as well, so that it only counts where every name on its right side is one of the definition's. `spelled`
are other spellings of what stands on the right, `letters` those of another paper, which hold together or not at
all. Every further display is another convention, in the words before it (English | 中文).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from verify.language.claim import Citation
from verify.language.declare import declare
from verify.language.declared_names import read_names
from verify.language.document import Block, Document, displays_of, find_blocks, items_of, prose_of, read_citations
from verify.language.errors import LanguageError, placed
from verify.language.lines import sides_of
from verify.language.reader import read_formula
from verify.language.scope import Scope
from verify.language.spelling import left_letter, letter_among, spelled
from verify.language.tree import Node

OPTIONS = ("title", "claim", "source", "names", "loose", "spelled", "letters")
_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_FOR = re.compile(r"\$([^$]+)\$\s+for\s+\$([^$]+)\$")


@dataclass(frozen=True)
class Form:
    """The right side in one convention. `words` says which by language, empty for the standard one."""

    expression: Node
    latex: str
    words: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class WrongForm:
    """A wrong version that was seen, with its title by language and its source."""

    expression: Node
    latex: str
    title: Mapping[str, str]
    source: str
    line: int


@dataclass(frozen=True)
class Definition:
    """One standard definition.

    claims    the claims that state it or follow from it
    letter    the index of its name, or of the names on its right side; '' without one
    names     names that mean this; `loose` those with other meanings as well
    spelled   spelling -> the name of `scope` that it stands for; likewise `letters`, whose pairs `letters_latex` shows

    Names and spellings are as `verify.language.spelling` has them, with a mark in the place of the index.
    """

    id: str
    title: Mapping[str, str]
    claims: tuple[str, ...]
    sources: tuple[Citation, ...]
    letter: str
    names: frozenset[str]
    loose: frozenset[str]
    scope: Scope
    forms: tuple[Form, ...]
    spelled: Mapping[str, str]
    letters: Mapping[str, str]
    letters_latex: tuple[tuple[str, str], ...]
    mistakes: tuple[WrongForm, ...] = ()
    file: str = ""
    line: int = 0


def load_definitions(theory: Path) -> tuple[tuple[Definition, ...], list[LanguageError]]:
    """Every standard definition below `theory`, and what could not be read."""
    found: dict[str, Definition] = {}
    errors: list[LanguageError] = []
    for path in sorted(theory.glob("*/definitions.md")):
        shown = f"{theory.parent.name}/{theory.name}/{path.parent.name}/{path.name}"
        document = Document(shown, path.read_text("utf-8"))
        for definition in _read(document):
            if definition.id in found:
                at = document.text.find(f"| {definition.id}")
                document.refuse(LanguageError(f"{definition.id} is defined twice", (at, at + 3)))
            found.setdefault(definition.id, definition)
        errors += document.errors
    return tuple(found.values()), errors


def read_definitions(text: str, file: str = "definitions.md") -> tuple[Definition, ...]:
    """The definitions of one text. Raises LanguageError at the first that cannot be read."""
    document = Document(file, text)
    found = tuple(_read(document))
    if document.errors:
        raise document.errors[0]
    return found


def _read(document: Document) -> Iterator[Definition]:
    found: dict[str, Definition] = {}
    for block in find_blocks(document):
        try:
            if block.kind == "definition":
                found[block.name] = _definition(block, document)
            elif block.kind == "mistake":
                known = found.get(block.name)
                if known is None:
                    raise LanguageError(
                        f"a wrong version of {block.name or 'nothing'}, which is not defined above it",
                        (block.start, block.start + 3),
                    )
                found[block.name] = replace(known, mistakes=(*known.mistakes, _mistake(block, known, document)))
        except LanguageError as error:
            document.refuse(error)
    yield from found.values()


def _definition(block: Block, document: Document) -> Definition:
    here, options = (block.start, block.start + 3), block.options
    if not _ID.fullmatch(block.name):
        raise LanguageError(f"{block.name!r} is no id", here, "write small letters with hyphens: posterior-variance")
    unknown = [name for name in options if name.removesuffix("-zh") not in OPTIONS]
    if unknown:
        raise LanguageError(f"unknown option {unknown[0]!r}", here, "options: " + ", ".join(OPTIONS))
    if not options.get("title") or not options.get("claim"):
        raise LanguageError("a definition needs a title and the claim that states it", here, "title: ...  claim: ...")
    scope = declare(items_of(block.body, block.body_start))
    displays = displays_of(block.body, block.body_start)
    if not displays:
        raise LanguageError("a definition states nothing", here, "add a $$ display:  name = formula")
    words = [{}, *map(_by_language, prose_of(block.body)[1 : len(displays)])]
    lefts, forms = [], []
    for (formula, offset), said in zip(displays, words, strict=True):
        left, right, at = _sides(formula, offset)
        lefts.append(left)
        with placed(at):
            forms.append(Form(read_formula(right, scope), formula.strip(), said))
    first, *others = _keys(lefts[0], here)
    if others or any(_keys(left, here) != [first] for left in lefts):
        raise LanguageError("every display of a definition defines the same name", here)
    letter = left_letter(first) or letter_among(list(scope.declarations))

    def named(option: str) -> frozenset[str]:
        text = options.get(option, "")
        return frozenset(spelled(key, letter) for key in _keys(text, here)) if text else frozenset()

    def table(option: str) -> dict[str, str]:
        found = {}
        for other, own in _FOR.findall(options.get(option, "")):
            (ours,) = _keys(own, here)
            if ours not in scope:
                raise LanguageError(f"{own} is not declared in the definition {block.name}", here)
            found[spelled(_keys(other, here)[0], letter)] = ours
        return found

    loose = named("loose")
    return Definition(
        id=block.name,
        title={code: options[key] for code, key in (("en", "title"), ("zh", "title-zh")) if options.get(key)},
        claims=tuple(options["claim"].replace(",", " ").split()),
        sources=read_citations(options.get("source", "")),
        letter=letter,
        names=(named("names") | {spelled(first, letter)}) - loose,
        loose=loose,
        scope=scope,
        forms=tuple(forms),
        spelled=table("spelled"),
        letters=table("letters"),
        letters_latex=tuple(_FOR.findall(options.get("letters", ""))),
        file=document.file,
        line=document.text.count("\n", 0, block.start) + 1,
    )


def _mistake(block: Block, of: Definition, document: Document) -> WrongForm:
    here = (block.start, block.start + 3)
    displays = displays_of(block.body, block.body_start)
    if len(displays) != 1 or not block.options.get("title"):
        raise LanguageError("a wrong version has a title and one $$ display", here)
    ((formula, offset),) = displays
    _, right, at = _sides(formula, offset)
    with placed(at):
        expression = read_formula(right, of.scope)
    title = {code: block.options[key] for code, key in (("en", "title"), ("zh", "title-zh")) if block.options.get(key)}
    line = document.text.count("\n", 0, block.start) + 1
    return WrongForm(expression, formula.strip(), title, block.options.get("source", ""), line)


def _sides(formula: str, offset: int) -> tuple[str, str, int]:
    """Left and right of `name = formula`, and where the right begins."""
    left, right = sides_of(formula)
    if right is None:
        raise LanguageError("a definition reads  name = formula", (offset, offset + len(formula)))
    return left, right, offset + len(formula) - len(right)


def _keys(text: str, where: tuple[int, int]) -> list[str]:
    try:
        return [name.key for name in read_names(text, Scope(), new=True)]
    except LanguageError as error:
        raise LanguageError(f"{text.strip()!r} is no list of names: {error.message}", where) from None


def _by_language(words: str) -> dict[str, str]:
    english, _, chinese = (part.strip() for part in words.partition("|"))
    return {"en": english, "zh": chinese or english}
