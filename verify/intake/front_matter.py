"""Front matter: the YAML between two `---` lines, of which only plain values and lists of them are taken.

No tag, anchor, alias or merge key is followed, no value is converted, and its size and depth are bounded before
anything is built: neither code nor a bomb can be written in what is left.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import yaml

from verify.intake.schema import Field, problems
from verify.intake.text import hidden, shown
from verify.language.errors import LanguageError

MAX_FRONT_MATTER = 16_000
_FRAME = (yaml.StreamStartEvent, yaml.StreamEndEvent, yaml.DocumentStartEvent, yaml.DocumentEndEvent)
_FLAT = "a field holds a text or a list of texts, nothing nested"
_error = LanguageError.at_line
_HELP = "write  field: text  or  field: [one, two]"


@dataclass
class FrontMatter:
    """`data` maps a field to its text or its list of texts, `lines` to the line it stands on (from 1).

    `height` is the number of lines that it takes with both fences, 0 when there is none; `body` the rest.
    """

    data: dict[str, str | list[str]] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    height: int = 0
    body: str = ""

    def text(self, name: str) -> str:
        """A field's text, '' when it has none."""
        value = self.data.get(name, "")
        return value if isinstance(value, str) else ""

    def many(self, name: str) -> tuple[str, ...]:
        """A field's list, empty when it has none."""
        value = self.data.get(name, [])
        return tuple(value) if isinstance(value, list) else ()


def read_front_matter(text: str, file: str, fields: Mapping[str, Field] | None = None) -> FrontMatter:
    """The front matter of a page, checked against `fields` when they are given. LanguageError with file and line."""
    if not text.startswith("---\n"):
        return _checked(FrontMatter(body=text), file, fields)
    end = text.find("\n---\n", 3)
    if end < 0 and text.endswith("\n---"):
        end = len(text) - 4
    if end < 0:
        raise _error(file, 1, "the front matter is never closed", "end it with a line ---")
    block = text[4 : end + 1]
    if len(block) > MAX_FRONT_MATTER:
        raise _error(file, 1, f"the front matter has {len(block):,} characters; at most {MAX_FRONT_MATTER:,}")
    if bad := hidden(block):
        raise _error(file, block.count("\n", 0, bad[0]) + 2, f"the front matter holds {bad[1]}", "remove it")
    found = FrontMatter(height=block.count("\n") + 2, body=text[end + 5 :])
    for name, line, value in _fields(block, file):
        if name in found.data:
            raise _error(file, line, f"the field {shown(name)!r} stands twice")
        found.data[name], found.lines[name] = value, line
    return _checked(found, file, fields)


def _checked(found: FrontMatter, file: str, fields: Mapping[str, Field] | None) -> FrontMatter:
    for name, wrong in (problems(fields, found.data) if fields else {}).items():
        raise _error(file, found.lines.get(name, 1), f"{shown(name)} {wrong}")
    return found


def _fields(block: str, file: str) -> Iterator[tuple[str, int, str | list[str]]]:
    """Name, line and value of each field, from the events of the YAML parser: nothing is resolved or built."""
    events = _events(block, file)
    if not events:
        return
    if not isinstance(events[0], yaml.MappingStartEvent):
        raise _error(file, 2, "the front matter is no list of fields", _HELP)
    place = 1
    while not isinstance(events[place], yaml.MappingEndEvent):
        key = events[place]
        line = key.start_mark.line + 2
        if not isinstance(key, yaml.ScalarEvent) or key.value == "<<":
            raise _error(file, line, "a field's name is one word", _HELP)
        value, place = _value(events, place + 1, file, line)
        yield key.value, line, value


def _events(block: str, file: str) -> list[yaml.Event]:
    """The events of one flat document. The parser is left at the first one that is refused: it is slow in the deep."""
    events: list[yaml.Event] = []
    depth = documents = 0
    try:
        for event in yaml.parse(block, Loader=yaml.SafeLoader):
            _refuse(event, file)
            documents += isinstance(event, yaml.DocumentStartEvent)
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if documents > 1:
                raise _error(file, event.start_mark.line + 2, "the front matter is several documents", _HELP)
            if depth > 2:
                raise _error(file, event.start_mark.line + 2, _FLAT, _HELP)
            if not isinstance(event, _FRAME):
                events.append(event)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        reason = shown(getattr(error, "problem", None) or "it cannot be read", 100)
        raise _error(file, (mark.line if mark else 0) + 2, f"the front matter is not YAML: {reason}", _HELP) from None
    return events


def _value(events: list[yaml.Event], place: int, file: str, line: int) -> tuple[str | list[str], int]:
    if isinstance(events[place], yaml.ScalarEvent):
        return events[place].value, place + 1
    items: list[str] = []
    if isinstance(events[place], yaml.SequenceStartEvent):
        for item in events[place + 1 :]:
            if isinstance(item, yaml.SequenceEndEvent):
                return items, place + len(items) + 2
            if not isinstance(item, yaml.ScalarEvent):
                break
            items.append(item.value)
    raise _error(file, line, _FLAT, _HELP)


def _refuse(event: yaml.Event, file: str) -> None:
    line = event.start_mark.line + 2
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
        raise _error(file, line, "anchors and aliases (&name, *name) are not allowed in front matter", "write it out")
    if getattr(event, "tag", None):
        raise _error(file, line, f"the tag {shown(event.tag)!r} is not allowed in front matter", _HELP)
