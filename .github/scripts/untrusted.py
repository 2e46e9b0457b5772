"""What a privileged workflow needs to handle what a pull request or a stranger made: read it bounded, show it inert.

Standard library only, and nothing of the artifact is ever run. An artifact is opened as the zip that the API serves;
one member is read by its exact name up to a limit, so neither paths nor sizes inside the zip matter.
"""

from __future__ import annotations

import json
import lzma
import re
import zipfile
import zlib
from pathlib import Path
from typing import Any

ID = re.compile(r"[a-z][a-z0-9]*(?:\.[a-z0-9][a-z0-9-]*)+|[a-z0-9]+(?:-[a-z0-9]+)*")
MAX_ID = 100
_UNREADABLE = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, LookupError, OSError, RuntimeError, EOFError, ValueError
)  # fmt: skip
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+")


class Refused(Exception):
    """What was handed over is not what it should be; the message says what and why."""


def member(archive: Path, name: str, limit: int) -> str:
    """The text of one file of a zip, at most `limit` bytes of it."""
    try:
        with zipfile.ZipFile(archive) as opened, opened.open(name) as file:
            data = file.read(limit + 1)
    except _UNREADABLE as error:
        raise Refused(f"{name} cannot be read from the artifact: {type(error).__name__}") from error
    if len(data) > limit:
        raise Refused(f"{name} is larger than {limit:,} bytes")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused(f"{name} is not UTF-8 text") from error


def parsed(text: str, name: str) -> dict[str, Any]:
    """A JSON object of version 1."""
    try:
        data = json.loads(text, parse_constant=lambda word: None)
    except (ValueError, RecursionError) as error:
        raise Refused(f"{name} is not JSON") from error
    if not isinstance(data, dict) or data.get("version") != 1:
        raise Refused(f"{name} is not a JSON object of version 1")
    return data


def text(value: Any, what: str, limit: int) -> str:
    """A string on one line without control characters, nor those that turn or hide text; cut at `limit`."""
    if not isinstance(value, str):
        raise Refused(f"{what} is not text")
    line = _CONTROL.sub(" ", value).strip()
    return line if len(line) <= limit else line[: limit - 1] + "…"


def code(line: str) -> str:
    """A line as inline code for a Markdown table: no mention, link, HTML or formula in it does anything."""
    inert = line.replace("`", "'").replace("|", "¦")
    return f"`{inert}`" if inert else ""


def identifier(value: Any, what: str) -> str:
    """A claim's or a question's id."""
    if not isinstance(value, str) or len(value) > MAX_ID or not ID.fullmatch(value):
        raise Refused(f"{what} is not an id")
    return value
