"""One kind of error for everything that cannot be read: what, where, how to mend it."""

from __future__ import annotations

import unicodedata


class LanguageError(Exception):
    """Input that cannot be read.

    `span` is relative to `text`, the piece being read; `located` turns it into a place in a file.
    """

    def __init__(self, message: str, span: tuple[int, int] = (0, 0), suggestion: str = "") -> None:
        super().__init__(message)
        self.message = _shortened(message)
        self.span = span
        self.suggestion = _shortened(suggestion)
        self.file = ""
        self.line = 0
        self.column = 0
        self.source_line = ""
        self.width = max(1, span[1] - span[0])

    @classmethod
    def at_line(cls, file: str, line: int, message: str, suggestion: str = "") -> LanguageError:
        """An error about a line as a whole, such as the one where a claim begins."""
        error = cls(message, suggestion=suggestion)
        error.file, error.line, error.column = file, line, 1
        return error

    def located(self, file: str, text: str, offset: int = 0) -> LanguageError:
        """The same error with file, line and column, for a piece that starts at `offset` of `text`.

        An error that already knows its place keeps it.
        """
        if self.line:
            self.file = self.file or file
            return self
        at = min(max(self.span[0] + offset, 0), len(text))
        begin = text.rfind("\n", 0, at) + 1
        end = text.find("\n", at)
        self.file = file
        self.line = text.count("\n", 0, at) + 1
        self.column = at - begin + 1
        self.source_line = text[begin : end if end >= 0 else len(text)].rstrip("\r")
        return self

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}: " if self.line else ""
        out = [f"{place}{self.message}"]
        if self.line and self.source_line.strip():
            shown, before = _around(self.source_line, self.column - 1)
            under = shown[before : before + self.width] or " "
            out += [f"    {shown}", "    " + " " * _cells(shown[:before]) + "^" * _cells(under)]
        if self.suggestion:
            out.append(f"    help: {self.suggestion}")
        return "\n".join(out)


class placed:
    """Moves the span of a LanguageError by the offset of the piece it was raised in."""

    def __init__(self, offset: int) -> None:
        self.offset = offset

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, LanguageError) and not error.line:
            error.span = (error.span[0] + self.offset, error.span[1] + self.offset)


def _shortened(text: str, limit: int = 300) -> str:
    """A message never repeats a huge input."""
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _cells(text: str) -> int:
    """Columns of a terminal: Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _around(line: str, column: int, width: int = 100) -> tuple[str, int]:
    """At most `width` characters of a long line around `column`, and where the column is in them."""
    line = line.replace("\t", " ")
    if len(line) <= width:
        return line, column
    begin = max(0, min(column - width // 2, len(line) - width))
    return line[begin : begin + width], column - begin
