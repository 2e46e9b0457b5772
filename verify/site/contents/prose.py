"""What claims say between their displays, in 中文: `verify/theory/<topic>/prose.zh.txt`, beside the claims themselves.

The first paragraph of such a file says what it is. Each one after it has two lines: a passage as `claims.md` has it,
on one line, and the same passage in 中文. Formulas, references and code stand in both as they are.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from verify.site.contents.lists import ListError

NAME = "prose.zh.txt"
KEPT = re.compile(r"\$[^$]+\$|`[^`]+`|\[[^\[\]]*\]\[[^\[\]]*\]|\]\([^)]*\)|\[@[^\]]+\]")


def read_prose(root: Path) -> dict[str, dict[str, str]]:
    """Topic -> its passages, English -> 中文. ListError with file and line for a paragraph that is no such pair."""
    return {
        file.parent.name: _pairs(file.read_text("utf-8"), file.relative_to(root).as_posix())
        for file in sorted((root / "verify" / "theory").glob(f"*/{NAME}"))
    }


def _pairs(text: str, file: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line, lines in list(_paragraphs(text))[1:]:
        if len(lines) != 2:
            raise ListError(f"{file}:{line}: a passage is two lines, English and 中文; here are {len(lines)}")
        english, chinese = lines
        if english in found:
            raise ListError(f"{file}:{line}: this passage stands here twice")
        if different := kept(english) - kept(chinese) or kept(chinese) - kept(english):
            raise ListError(f"{file}:{line}: {next(iter(different))} does not stand in both languages")
        found[english] = chinese
    return found


def kept(passage: str) -> Counter[str]:
    """What is the same in both languages, and how often it stands there."""
    return Counter(KEPT.findall(passage))


def _paragraphs(text: str) -> Iterator[tuple[int, list[str]]]:
    """Lines between empty ones, with the number of the first."""
    first, lines = 0, list[str]()
    for number, line in enumerate([*text.splitlines(), ""], start=1):
        if line.strip():
            first = first if lines else number
            lines.append(" ".join(line.split()))
        elif lines:
            yield first, lines
            lines = []
