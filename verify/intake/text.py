"""Bytes of unknown origin to plain text: a bound on the size, UTF-8, no invisible characters."""

from __future__ import annotations

import json
import re
import sys
import unicodedata
from pathlib import Path
from typing import Any

from verify.language.errors import LanguageError

MAX_BYTES = 1_000_000  # an issue of GitHub holds 65,536 characters
MAX_DEPTH = 40  # of nested JSON
# Line ends and tabs are text. Everything else that shows nothing can hide something: zero-width characters, marks of
# direction, tags, private use.
_SHOWS_NOTHING = ("Cc", "Cf", "Co", "Cs", "Cn")


def read_bytes(name: str, limit: int = MAX_BYTES) -> bytes:
    """The bytes of a file, or of standard input for `-`. LanguageError for more than `limit`; OSError as it comes."""
    if name == "-":
        data = sys.stdin.buffer.read(limit + 1)
    else:
        path = Path(name)
        if not path.is_file():
            raise LanguageError(f"{shown(name)} is no file", suggestion="give a file, or - for standard input")
        with path.open("rb") as file:
            data = file.read(limit + 1)
    if len(data) > limit:
        raise LanguageError(f"{_called(name)} is larger than {limit:,} bytes")
    return data


def decode(data: bytes, name: str) -> str:
    """UTF-8 text with plain line ends. LanguageError with the first byte that is no text."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise LanguageError(
            f"{_called(name)}: byte {error.start} is not UTF-8 text", suggestion="save the file as UTF-8"
        ) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def hidden(text: str) -> tuple[int, str] | None:
    """Place and name of the first character that shows nothing; None when there is none."""
    for place, character in enumerate(text):
        if character not in "\n\t" and unicodedata.category(character) in _SHOWS_NOTHING:
            return place, f"U+{ord(character):04X} {unicodedata.name(character, 'without a name')}"
    return None


def visible(text: str) -> str:
    """The text without characters that show nothing."""
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in _SHOWS_NOTHING)


def shown(text: str, limit: int = 60) -> str:
    """A short piece of unknown text that may stand in a message: one line, nothing hidden."""
    line = " ".join(visible(text[: 4 * limit]).split())
    return line if len(line) <= limit else line[: limit - 3] + "..."


def read_json(text: str, name: str) -> Any:
    """JSON with a bound on its depth and no key twice. LanguageError says where it ends to be JSON."""
    depth = deepest = 0
    for bracket in re.findall(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', text):
        depth += (bracket in "[{") - (bracket in "]}")
        deepest = max(deepest, depth)
    if deepest > MAX_DEPTH:
        raise LanguageError(f"{_called(name)}: JSON nested more than {MAX_DEPTH} deep")
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_number, parse_int=_whole)
    except json.JSONDecodeError as error:
        raise LanguageError(f"{_called(name)}:{error.lineno}:{error.colno}: not JSON: {error.msg}") from None
    except ValueError as error:
        raise LanguageError(f"{_called(name)}: {error}") from None


def _called(name: str) -> str:
    """A file's name as messages give it; standard input has one too."""
    return "<stdin>" if name == "-" else shown(name)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for place, (key, _) in enumerate(pairs) if key in dict(pairs[:place]))
        raise ValueError(f"the key {shown(twice)!r} stands twice in one object")
    return found


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is not JSON")


def _whole(digits: str) -> int:
    if len(digits) > 18:
        raise ValueError(f"a whole number of {len(digits)} digits; at most 18")
    return int(digits)
