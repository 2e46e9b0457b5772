"""A Markdown document to claims: finds the blocks, reads their options, declarations and displays.

    /// claim | topic.name          a claim, with its options indented below
    /// mistake | topic.name        a wrong version of that claim
    /// card | topic.name           shows a claim defined elsewhere

A block that cannot be read is an error of its own; the other blocks of the document are still read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from verify.language.chain import read_chain
from verify.language.claim import SLIPS, Citation, Claim, Mistake, Row
from verify.language.declare import declare, declared_keys, is_declaration
from verify.language.declared_names import read_names
from verify.language.errors import LanguageError
from verify.language.ids import CLAIM_ID
from verify.language.mentions import Mentions
from verify.language.reasons import premises_of
from verify.language.scope import Scope

MAX_DOCUMENT = 2_000_000
MAX_BYTES = 4 * MAX_DOCUMENT + 4  # a character of UTF-8 has four bytes at most
MAX_ERRORS = 50  # of one document; more tell nobody anything
_OPEN = re.compile(r"///\s*(?P<kind>[a-z]+)\s*(?:\|\s*(?P<name>.*?))?\s*$")
_FENCE = re.compile(r"\s*(`{3,}|~{3,})")
NOTATION_OPTIONS = ("vocabulary", "notation", "into", "letters")
CLAIM_OPTIONS = ("title", "slogan", "assumed", "source", "use", "uses", "after", "experiments", "words", "own",
                 *NOTATION_OPTIONS)  # fmt: skip
MISTAKE_OPTIONS = ("title", "source", "slip", "experiment")
TRANSLATION_OPTIONS = ("to",)


@dataclass
class Block:
    """One `///` block: where it is, its options and its body."""

    kind: str
    name: str
    options: dict[str, str]
    body: str
    start: int  # offset of the opening line
    body_start: int
    end: int


@dataclass(frozen=True)
class Written:
    r"""What a claim's options say about notation; see `verify.language.notation`.

    vocabulary  the notation that the claim declares, '' for an ordinary claim
    notation    the notation that it is written in, '' when it is in its own
    into        the notations that it is shown in, none for all; `letters` as written: `$a = \bar\alpha_t$`
    start       offset of the block
    """

    vocabulary: str
    notation: str
    into: tuple[str, ...]
    letters: str
    start: int


@dataclass
class Document:
    """What was read from one file. `shown` are the ids of its cards with their offsets, `written` the notation of its
    claims by id, `translations` the blocks that give a translation by hand."""

    file: str
    text: str
    claims: list[Claim] = field(default_factory=list)
    errors: list[LanguageError] = field(default_factory=list)
    shown: list[tuple[str, int]] = field(default_factory=list)
    written: dict[str, Written] = field(default_factory=dict)
    translations: list[Block] = field(default_factory=list)
    displays_outside: int = 0

    def refuse(self, error: LanguageError) -> None:
        """Keep an error with its place."""
        if len(self.errors) < MAX_ERRORS:
            self.errors.append(error.located(self.file, self.text))


def load_document(path: Path, name: str, vocabularies: Mapping[str, Vocabulary]) -> Document:
    """Read a file. One that is not UTF-8 gives a document with that error and no claims."""
    return decode_document(read_bytes(path), name, vocabularies)


def read_bytes(path: Path) -> bytes:
    """The bytes of a file, as many as are needed to see that it is too large."""
    with path.open("rb") as file:
        return file.read(MAX_BYTES)


def decode_document(data: bytes, name: str, vocabularies: Mapping[str, Vocabulary]) -> Document:
    """Read the bytes of a file, see `read_bytes`."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problem = LanguageError(f"byte {error.start} is not UTF-8 text", suggestion="save the file as UTF-8")
        problem.file, problem.line, problem.column = name, data.count(b"\n", 0, error.start) + 1, 1
        return Document(name, "", errors=[problem])
    return read_document(text, name, vocabularies)


def read_document(text: str, file: str, vocabularies: Mapping[str, Vocabulary] | None = None) -> Document:
    """All claims of a Markdown text, with their mistakes, and the errors of what could not be read."""
    document = Document(file, text)
    if len(text) > MAX_DOCUMENT:
        document.errors.append(LanguageError(f"{file}: larger than {MAX_DOCUMENT:,} characters"))
        return document
    blocks = find_blocks(document)
    document.displays_outside = _displays_outside(text, blocks)
    contexts: dict[str, tuple[Scope, Claim, int]] = {}
    for block in blocks:
        try:
            if block.kind == "claim":
                claim, scope = _claim(block, document, vocabularies or {})
                if claim.id in contexts:
                    raise LanguageError(f"the claim {claim.id} is defined twice", (block.start, block.start + 3))
                contexts[claim.id] = (scope, claim, len(document.claims))
                document.claims.append(claim)
                if any(name in block.options for name in NOTATION_OPTIONS):
                    document.written[claim.id] = _written(block)
            elif block.kind == "mistake":
                _attach_mistake(block, document, contexts)
            elif block.kind == "translation":
                _known_options(block, TRANSLATION_OPTIONS)
                document.translations.append(block)
            elif block.kind == "card":
                document.shown.append((block.name, block.start))
        except LanguageError as error:
            document.refuse(error)
    return document


@dataclass(frozen=True)
class Vocabulary:
    """Shared declarations: their scope, and each line with the keys it declares."""

    scope: Scope
    lines: tuple[tuple[str, tuple[str, ...]], ...]

    def inherited(self, scope: Scope, used: Iterable[str]) -> list[str]:
        """The lines behind the used names of `scope` that still mean what the vocabulary says."""
        shared = {key for key in used if scope.get(key) is self.scope.get(key)}
        return [text for text, keys in self.lines if shared & set(keys)]


def read_vocabulary(text: str, file: str) -> Vocabulary:
    """Every declaration item of a document. Raises LanguageError with its place."""
    try:
        items = items_of(text, 0)
        scope = declare(items)
        return Vocabulary(scope, tuple((item, tuple(declared_keys(item, scope))) for item, _ in items))
    except LanguageError as error:
        raise error.located(file, text) from None


# ---------------------------------------------------------------- blocks


def find_blocks(document: Document) -> list[Block]:
    """The `///` blocks outside fenced code, in order."""
    blocks: list[Block] = []
    opened: tuple[str, str, int, int] | None = None
    fence = ""
    offset = 0
    for line in document.text.splitlines(keepends=True):
        stripped = line.strip()
        mark = re.match(r"(`{3,}|~{3,})", stripped)
        if mark and opened is None:
            fence = "" if fence and stripped.startswith(fence) else (fence or mark[1])
        elif not fence and line.startswith("///"):
            if stripped == "///" and opened:
                kind, name, start, body = opened
                blocks.append(_block(kind, name, start, body, offset, document.text))
                opened = None
            elif match := _OPEN.match(line.rstrip("\n")):
                if opened:
                    _unclosed(document, opened[2])
                opened = (match["kind"], match["name"] or "", offset, offset + len(line))
            elif stripped == "///":
                document.refuse(LanguageError("/// closes a block that was never opened", (offset, offset + 3)))
        offset += len(line)
    if opened:
        _unclosed(document, opened[2])
    return blocks


def _unclosed(document: Document, start: int) -> None:
    document.refuse(LanguageError("this block is never closed", (start, start + 3), "end it with a line ///"))


def _block(kind: str, name: str, start: int, body_start: int, end: int, text: str) -> Block:
    options: dict[str, list[str]] = {}
    position = body_start
    key = ""
    while position < end:
        stop = text.find("\n", position) + 1 or end
        line = text[position:stop]
        if not line.startswith("    ") or not line.strip():
            break
        match = re.match(r"\s{4}([a-z][a-z-]*):(?:\s+(.*))?$", line.rstrip("\n"))
        if match:
            key = match[1]
            options[key] = [_unquote((match[2] or "").strip())]
        elif key:
            options[key].append(line.strip())
        position = stop
    return Block(
        kind, name, {key: " ".join(lines) for key, lines in options.items()}, text[position:end], start, position, end
    )


def _unquote(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value


def _displays_outside(text: str, blocks: list[Block]) -> int:
    """How many $$ displays stand outside every block: shown to the reader, judged by nobody."""
    kept, position = [], 0
    for block in blocks:
        kept.append(text[position : block.start])
        position = block.end
    unfenced = "".join(line for line, fenced in _lines("".join([*kept, text[position:]])) if not fenced)
    return unfenced.count("$$") // 2


def _lines(text: str) -> Iterator[tuple[str, bool]]:
    """The lines of a text, each with whether it belongs to fenced code."""
    fence = ""
    for line in text.splitlines(keepends=True):
        mark = _FENCE.match(line)
        if fence:
            yield line, True
            fence = "" if mark and mark[1].startswith(fence) else fence
        else:
            fence = mark[1] if mark else ""
            yield line, bool(fence)


# ---------------------------------------------------------------- claims


def _claim(block: Block, document: Document, vocabularies: Mapping[str, Vocabulary]) -> tuple[Claim, Scope]:
    here = (block.start, block.start + 3)
    if not CLAIM_ID.fullmatch(block.name):
        raise LanguageError(f"{block.name!r} is not a claim id", here, "write topic.name, like edm.precond")
    _known_options(block, CLAIM_OPTIONS)
    if not block.options.get("title"):
        raise LanguageError(f"the claim {block.name} has no title", here, "add  title: ...  below, indented by four")
    items = items_of(block.body, block.body_start)
    vocabulary = _vocabulary(block, vocabularies)
    scope = declare(items, vocabulary.scope if vocabulary else None)
    chains, latex = [], []
    for formula, offset in displays_of(block.body, block.body_start):
        chains.append(_read_rows(formula, offset, scope, document.text))
        latex.append(formula.strip())
    rows = [row.expression for chain in chains for row in chain]
    inherited = vocabulary.inherited(scope, Mentions(scope).through(rows)) if vocabulary else []
    claim = Claim(
        id=block.name,
        title=_by_language(block.options, "title"),
        scope=scope,
        chains=tuple(chains),
        latex=tuple(latex),
        prose=prose_of(block.body),
        declared=(*inherited, *(text for text, _ in items)),
        slogan=_by_language(block.options, "slogan"),
        words=_by_language(block.options, "words"),
        assumed=_by_language(block.options, "assumed"),
        sources=read_citations(block.options.get("source", "")),
        premises=tuple(dict.fromkeys(name for text, _ in items for name in premises_of(text))),
        uses=_list(block.options.get("uses", "")),
        after=tuple(dict.fromkeys(_list(block.options.get("after", "")))),
        experiments=_list(block.options.get("experiments", "")),
        own=_own_names(block, scope),
        own_words=_by_language(block.options, "own"),
        file=document.file,
        line=document.text.count("\n", 0, block.start) + 1,
    )
    if not (claim.chains or claim.assumed or claim.experiments):
        raise LanguageError(
            f"the claim {claim.id} states nothing", here, "add a $$ display, or say why it is assumed:  assumed: ..."
        )
    if claim.chains and claim.assumed:
        raise LanguageError(
            f"the claim {claim.id} is called assumed and has a formula, which is judged", here,
            "take out  assumed:  or state the claim in words:  words: ...",
        )  # fmt: skip
    return claim, scope


def _written(block: Block) -> Written:
    options = block.options
    if "notation" not in options and ("into" in options or "letters" in options):
        raise LanguageError("into: and letters: say nothing without  notation:", (block.start, block.start + 3))
    return Written(
        options.get("vocabulary", ""),
        options.get("notation", ""),
        _list(options.get("into", "")),
        options.get("letters", ""),
        block.start,
    )


def read_displays(block: Block, scope: Scope, document: Document) -> list[tuple[Row, ...]]:
    """Every display of a block as a chain. LanguageError with spans in the document."""
    found = displays_of(block.body, block.body_start)
    return [_read_rows(formula, offset, scope, document.text) for formula, offset in found]


def _attach_mistake(block: Block, document: Document, contexts: dict[str, tuple[Scope, Claim, int]]) -> None:
    here = (block.start, block.start + 3)
    if block.name not in contexts:
        raise LanguageError(
            f"a mistake about {block.name or 'nothing'}, which is no claim of this document above it",
            here,
            "name the claim: /// mistake | topic.name",
        )
    _known_options(block, MISTAKE_OPTIONS)
    if not block.options.get("title"):
        raise LanguageError("a mistake needs a title", here, "add  title: ...  below, indented by four")
    slip = block.options.get("slip", "")
    if slip and slip not in SLIPS:
        raise LanguageError(f"{slip!r} is no slip", here, f"one of {', '.join(SLIPS)}")
    scope, claim, place = contexts[block.name]
    claim = document.claims[place]
    own_scope = declare(items_of(block.body, block.body_start), scope, override=True)
    displays = list(displays_of(block.body, block.body_start))
    if len(displays) != 1:
        raise LanguageError(f"a mistake has one $$ display, this one has {len(displays)}", here)
    formula, offset = displays[0]
    first = claim.chains[0][0].expression if claim.chains else None
    rows = _read_rows(formula, offset, own_scope, document.text, first)
    rows = tuple(replace(row, rule=None) for row in rows)  # a mistake is judged as it stands
    mistake = Mistake(
        name=f"{claim.id}/{len(claim.mistakes) + 1}",
        title=_by_language(block.options, "title"),
        source=_by_language(block.options, "source"),
        rows=rows,
        scope=own_scope,
        latex=formula.strip(),
        line=document.text.count("\n", 0, block.start) + 1,
        experiment=block.options.get("experiment", ""),
        slip=slip,
    )
    document.claims[place] = replace(claim, mistakes=(*claim.mistakes, mistake))


def _read_rows(formula: str, offset: int, scope: Scope, text: str, first: Any = None) -> tuple[Row, ...]:  # noqa: ANN001
    try:
        rows = read_chain(formula, scope, first)
    except LanguageError as error:
        error.span = (error.span[0] + offset, error.span[1] + offset)
        raise
    before = text.count("\n", 0, offset)
    return tuple(replace(row, line=row.line + before) for row in rows)


def _known_options(block: Block, known: tuple[str, ...]) -> None:
    for name in block.options:
        if name.removesuffix("-zh") not in known:
            raise LanguageError(
                f"unknown option {name!r}", (block.start, block.start + 3), "options: " + ", ".join(known)
            )


def _vocabulary(block: Block, vocabularies: Mapping[str, Vocabulary]) -> Vocabulary | None:
    name = block.options.get("use", "")
    if not name:
        return None
    if name not in vocabularies:
        known = ", ".join(sorted(vocabularies)) or "none here"
        raise LanguageError(
            f"there is no shared vocabulary {name!r}", (block.start, block.start + 3), f"known: {known}"
        )
    return vocabularies[name]


def _by_language(options: Mapping[str, str], name: str) -> dict[str, str]:
    found = {"en": options.get(name, ""), "zh": options.get(f"{name}-zh", "")}
    return {language: text for language, text in found.items() if text}


def _own_names(block: Block, scope: Scope) -> tuple[str, ...]:
    r"""`own: $\sigma_t$ is the spread of a step here`: names that do not mean what the standard definition says."""
    text = block.options.get("own", "")
    if not text:
        return ()
    here = (block.start, block.start + 3)
    formulas = re.findall(r"\$([^$]+)\$", text)
    if not formulas or not re.search(r"\w", re.sub(r"\$[^$]*\$", "", text)):
        raise LanguageError("own: needs a name and why", here, r"write  own: $\sigma_t$ is the spread of a step here")
    try:
        return tuple(name.key for formula in formulas for name in read_names(formula, scope))
    except LanguageError as error:
        raise LanguageError(f"own: {error.message}", here, error.suggestion) from None


def _list(text: str) -> tuple[str, ...]:
    return tuple(part for part in re.split(r"[,\s]+", text.strip("[] ")) if part)


def read_citations(text: str) -> tuple[Citation, ...]:
    """`karras2022edm (7), (117)-(131); song2021scoresde (11)`."""
    out = []
    for part in filter(None, (p.strip() for p in text.split(";"))):
        key, _, where = part.partition(" ")
        out.append(Citation(key.lstrip("@"), where.strip()))
    return tuple(out)


# ---------------------------------------------------------------- inside a body


def items_of(body: str, offset: int) -> list[tuple[str, int]]:
    """The declaration items of a body, outside displays: (text, offset in the document)."""
    return [(body[begin:end], offset + begin) for begin, end in item_extents(body)]


def item_extents(body: str) -> list[tuple[int, int]]:
    masked = re.sub(r"\$\$.*?\$\$", lambda m: re.sub(r"[^\n]", " ", m.group()), body, flags=re.S)
    extents: list[tuple[int, int]] = []
    position = 0
    open_item = False
    for line in masked.splitlines(keepends=True):
        end = position + len(line.rstrip())
        bullet = re.match(r"[-*]\s+", line)
        if bullet and is_declaration(line[bullet.end() :]):
            extents.append((position + bullet.end(), end))
            open_item = True
        elif open_item and line.startswith("  ") and line.strip():
            extents[-1] = (extents[-1][0], end)
        else:
            open_item = False
        position += len(line)
    return extents


def prose_of(body: str) -> tuple[str, ...]:
    """The words before each display and after the last one, without the declarations."""
    rest = body
    for begin, end in reversed(item_extents(body)):
        rest = rest[: rest.rfind("\n", 0, begin) + 1] + rest[end:]
    return tuple(" ".join(piece.split()) for piece in re.split(r"\$\$.*?\$\$", rest, flags=re.S))


def displays_of(body: str, offset: int) -> list[tuple[str, int]]:
    """The $$ displays of a body: (formula, offset in the document)."""
    if body.count("$$") % 2:
        at = offset + body.rfind("$$")
        raise LanguageError("a display is opened with $$ and never closed", (at, at + 2))
    return [(m[1], offset + m.start(1)) for m in re.finditer(r"\$\$(.*?)\$\$", body, re.S)]
