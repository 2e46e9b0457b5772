r"""The layout of claim blocks: options in one order, one blank line between parts, displays with room around them.

Layout only: what a block says is read the same before and after, and formatting twice changes nothing more. Prose
outside of blocks is left as its author wrote it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from verify.language.document import (
    CLAIM_OPTIONS,
    MAX_DOCUMENT,
    MISTAKE_OPTIONS,
    TRANSLATION_OPTIONS,
    Block,
    Document,
    find_blocks,
    item_extents,
)
from verify.language.errors import LanguageError

_ORDER = {
    kind: [form for name in names for form in (name, f"{name}-zh")]
    for kind, names in (
        ("claim", CLAIM_OPTIONS), ("mistake", MISTAKE_OPTIONS), ("translation", TRANSLATION_OPTIONS),
        ("card", ("level",)), ("table", ()),
    )  # fmt: skip
}
_OPTION = re.compile(r"\s{4}([a-z][a-z-]*):(?:\s+(.*))?$")
_DISPLAY = re.compile(r"\$\$(.*?)\$\$", re.S)


def formatted(text: str, file: str = "") -> str:
    """The same document in the one layout. LanguageError when its blocks cannot be told apart."""
    if len(text) > MAX_DOCUMENT:
        raise LanguageError(f"{file}: larger than {MAX_DOCUMENT:,} characters")
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    document = Document(file, text)
    blocks = find_blocks(document)
    if document.errors:
        raise document.errors[0]
    if not blocks:
        return text.rstrip("\n") + "\n" if text.strip() else text
    out, place = [], 0
    for block in blocks:
        out.append(_trimmed(text[place : block.start]))
        end = text.find("\n", block.end) + 1 or len(text)
        out.append(_block(block, text[block.start : end].rstrip("\n")))
        place = end
    out.append(_trimmed(text[place:]))
    return "\n\n".join(piece for piece in out if piece) + "\n"


def _trimmed(text: str) -> str:
    """A piece of prose without blank lines around it."""
    return re.sub(r"\A(?:[ \t]*\n)+|\s+\Z", "", text) if text.strip() else ""


def _block(block: Block, source: str) -> str:
    """One block in the layout; one of another kind, or that the reader refuses, as it stands."""
    options = _options(block, source)
    if options is None:
        return source
    body = _body(block.body)
    if body is None:
        return source
    head = [f"/// {block.kind} | {block.name}" if block.name else f"/// {block.kind}", *options]
    return "\n".join(head) + (f"\n\n{body}\n///" if body else "\n///")


def _options(block: Block, source: str) -> list[str] | None:
    """The lines of the options in their order; None when one is unknown or stands twice."""
    order = _ORDER.get(block.kind)
    if order is None:
        return None
    lines = source[source.find("\n") + 1 :][: block.body_start - block.start - source.find("\n") - 1].splitlines()
    found: dict[str, list[str]] = {}
    key = ""
    for line in lines:
        match = _OPTION.match(line)
        if match:
            key = match[1]
            if key not in order or key in found:
                return None
            found[key] = [f"    {key}: {(match[2] or '').strip()}".rstrip()]
        elif key:
            found[key].append(f"        {line.strip()}")
        else:
            return None
    return [line for key in order for line in found.get(key, ())]


def _body(body: str) -> str | None:
    """Prose, declarations and displays, a blank line between each; None when they cannot be told apart."""
    if body.count("$$") % 2 or _overlap(body):
        return None
    for begin, _ in reversed(item_extents(body)):
        start = body.rfind("\n", 0, begin) + 1
        body = f"{body[:start]}- {body[begin:]}"
    pieces = _DISPLAY.split(body)
    parts = [_display(piece) if place % 2 else _paragraphs(piece) for place, piece in enumerate(pieces)]
    return "\n\n".join(part for part in parts if part)


def _overlap(body: str) -> bool:
    """Does a display begin inside of a declaration?"""
    displays = [match.span() for match in _DISPLAY.finditer(body)]
    return any(begin < right and left < end for begin, end in item_extents(body) for left, right in displays)


def _paragraphs(text: str) -> str:
    lines: list[str] = []
    for line in map(_without_end, text.splitlines()):
        if line or (lines and lines[-1]):
            lines.append(line)
    return "\n".join(lines).rstrip("\n")


def _display(formula: str) -> str:
    inner = _lines(formula.strip().splitlines())
    return f"$$\n{inner}\n$$" if "\n" in formula else f"$$ {inner} $$"


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(map(_without_end, lines))


def _without_end(line: str) -> str:
    r"""The line without spaces at its end, but for the one that makes a backslash the command `\ `."""
    short = line.rstrip()
    backslashes = len(short) - len(short.rstrip("\\"))
    return f"{short} " if backslashes % 2 and len(line) > len(short) else short
