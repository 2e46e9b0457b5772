"""What can go wrong while a tree is given its meaning."""

from __future__ import annotations

from verify.language.tree import NOWHERE, Span


class MeaningError(Exception):
    """The formula says something that has no meaning, e.g. a vector plus a scalar.

    `span` is the half-open character range of the offending node in the formula's source.
    """

    def __init__(self, message: str, span: Span = NOWHERE) -> None:
        super().__init__(message)
        self.message = message
        self.span = span


class Unsupported(Exception):
    """The formula may be meaningful, but this reading cannot express it. Leads to `undecided`."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
