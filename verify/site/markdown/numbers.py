"""Numbers in prose: `[[fm-ot-plan: signs]]` shows what a record holds, `[[graft-scale-time: 0.81]]` what it must hold.

    [[fm-ot-plan: signs]]               what the experiment measured in this check or wrong version, three digits
    [[fm-ot-plan: signs predicted 2]]   what was predicted, two digits
    [[graft-scale-time: 0.81]]          this number, as long as the record has one that rounds to it
    [[sched.linear: 0.0046]]            this number, as long as a formula or a declaration of the claim has it

So a new record changes the page, or stops the build where it no longer says what the page says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from markdown import Markdown
from markdown.extensions import Extension
from markdown.preprocessors import Preprocessor

from verify.language.claim import Claim
from verify.site.contents.model import Library
from verify.site.markdown.blocks import outside_fences, shelf_of, shelf_options

if TYPE_CHECKING:
    from verify.experiments.records import Record

QUOTE = re.compile(r"(?<!\\)\[\[([\w.-]+):\s*([^\[\]]*?)\s*\]\]")
LITERAL = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")
FIELDS = ("measured", "predicted")
UNMEASURED = "–"  # its experiment has no record yet; the experiment's card says so
_CODE = re.compile(r"(`+.*?`+)")


def shown(library: Library, name: str, what: str) -> str:
    """The number that `[[name: what]]` stands for. ValueError with one sentence where there is none."""
    if name in library.claims:
        return _of_claim(library.claims[name], what)
    if name not in library.experiments:
        raise ValueError(f"no claim and no experiment `{name}` to take a number from")
    record = library.experiments[name].record
    if record is None:
        return UNMEASURED
    return _literal(record, what) if LITERAL.fullmatch(what) else _named(record, what)


def _of_claim(claim: Claim, what: str) -> str:
    """A literal that stands in the claim."""
    if not LITERAL.fullmatch(what):
        raise ValueError(f"of a claim a number is quoted as it stands there: [[{claim.id}: 0.5]], not {what!r}")
    if what not in LITERAL.findall(" ".join((*claim.latex, *claim.declared))):
        raise ValueError(f"{claim.id} has no number {what} in its formulas")
    return what


def _literal(record: Record, what: str) -> str:
    """A literal to which a number of the record rounds."""
    places = max(0, -int(Decimal(what).as_tuple().exponent))
    if not any(f"{value:.{places}f}" == f"{float(what):.{places}f}" for value in numbers(record)):
        raise ValueError(f"{record.name} has no number that rounds to {what}")
    return what


def _named(record: Record, what: str) -> str:
    """What a check or a wrong version found, or what was predicted of it."""
    check, *options = what.split() or [""]
    digits = int(options.pop()) if options and options[-1].isdigit() else 3
    field = options.pop() if options else FIELDS[0]
    entries = {str(entry["name"]): entry for entry in (*record.checks, *record.variants)}
    if options or field not in FIELDS or not 0 < digits < 16:
        raise ValueError(f"[[{record.name}: {what}]]: after the check stand one of {', '.join(FIELDS)}, and digits")
    if check not in entries:
        raise ValueError(f"{record.name} has no check {check!r}; there are {', '.join(entries)}")
    entry = entries[check]
    value = entry["estimate"] if field == "measured" else entry.get("predicted", entry.get("expected"))
    if not isinstance(value, int | float):
        raise ValueError(f"{record.name} has no number {field} for {check}")
    return f"{value:.{digits}g}"


def numbers(record: Record) -> Iterator[float]:
    """Every number of a record that a reader may meet: of its checks, its wrong versions and its sentences."""
    for entry in (*record.checks, *record.variants):
        for field in ("predicted", "expected", "estimate"):
            if isinstance(value := entry.get(field), int | float):
                yield float(value)
    for texts in (record.prediction, record.summary, record.caption):
        yield from map(float, LITERAL.findall(texts.get("en", "")))


def replaced(line: str, say: Callable[[str, str], str]) -> str:
    """A line of Markdown with its quoted numbers in their places; code stays as it is."""
    return "".join(
        part if part.startswith("`") else QUOTE.sub(lambda found: say(found[1], found[2]), part)
        for part in _CODE.split(line)
    )


def number_faults(text: str, library: Library) -> Iterator[tuple[int, str]]:
    """The line, from 0, and the sentence of every quoted number of a page that nothing holds."""
    lines = text.splitlines()
    for number, (line, plain) in enumerate(zip(lines, outside_fences(lines), strict=True)):
        try:
            if plain:
                replaced(line, lambda name, what: shown(library, name, what))
        except ValueError as error:
            yield number, str(error)


class _Numbers(Preprocessor):
    def __init__(self, md: Markdown, extension: NumbersExtension) -> None:
        super().__init__(md)
        self.extension = extension

    def run(self, lines: list[str]) -> list[str]:
        if not any("[[" in line for line in lines):
            return lines
        library = shelf_of(self.extension).library
        return [
            replaced(line, lambda name, what: shown(library, name, what)) if plain else line
            for line, plain in zip(lines, outside_fences(lines), strict=True)
        ]


class NumbersExtension(Extension):
    """Options: see `shelf_options`."""

    def __init__(self, **options: Any) -> None:
        self.config = shelf_options()
        super().__init__(**options)

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802 (Markdown's name for it)
        md.preprocessors.register(_Numbers(md, self), "verify.numbers", 45)


def makeExtension(**options: Any) -> NumbersExtension:  # noqa: N802 (Markdown's name for it)
    return NumbersExtension(**options)
