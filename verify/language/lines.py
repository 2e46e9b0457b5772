r"""Declaration items to lines: a formula, the kinds in words after it, and the keyword before it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from verify.language.chain import _pieces
from verify.language.errors import LanguageError
from verify.language.reasons import PREMISE
from verify.language.scope import INDEX, INTEGER, NONNEGATIVE, POSITIVE, REAL, UNIT

KEYWORDS = ("boundary", "joint", "instance", "space", "dimensions", "dimension")
_DOMAINS = {
    "real": REAL,
    "number": REAL,
    "scalar": REAL,
    "nonnegative": NONNEGATIVE,
    "non-negative": NONNEGATIVE,
    "positive": POSITIVE,
    "(0,1)": UNIT,
    "unit": UNIT,
    "integer": INTEGER,
    "index": INDEX,
    "count": INDEX,
}
_FILLERS = frozenset(
    """
    a an the of in with and values value numbers number from to mean variance covariance
    """.split()
)
_SHAPES = frozenset(
    """
    vector function density family sequence random wiener relation equation sde vectors matrix
    symmetric semidefinite definite rademacher
    """.split()
)
_DEFINITE = re.compile(r"\bpositive[- ](semi-?)?definite\b")  # says nothing about single entries


@dataclass
class Line:
    """One declaration as written: where it begins in the document, its formula and its words."""

    text: str
    offset: int
    keyword: str = ""
    formula: str = ""
    formula_offset: int = 0
    words: str = ""
    inner: tuple[tuple[str, int], ...] = ()  # formulas among the words: mean, variance, range


def split_lines(text: str, offset: int) -> list[Line]:
    """Split an item at `;` outside formulas, then each part into formula and words."""
    out, start = [], 0
    formula = False
    for position, char in enumerate(text + ";"):
        if char == "$":
            formula = not formula
        elif char == ";" and not formula:
            part = text[start:position]
            if part.strip():
                lead = len(part) - len(part.lstrip())
                out.append(_line(part.strip(), offset + start + lead))
            start = position + 1
    if formula:
        raise LanguageError("a $ without its partner", (offset, offset + len(text)))
    return out


def _line(text: str, offset: int) -> Line:
    line = Line(text, offset)
    keyword = re.match(rf"({'|'.join(KEYWORDS)})\s*:\s*", text)
    body, at = text, offset
    if keyword:
        line.keyword = keyword[1].replace("dimensions", "dimension")
        body, at = text[keyword.end() :], offset + keyword.end()
    pieces = re.split(r"\$([^$]*)\$", body)
    if line.keyword == "dimension":
        line.words = body
        return line
    if len(pieces) < 2 or pieces[0].strip():
        raise LanguageError(
            "a declaration begins with a formula in $...$",
            (offset, offset + len(text)),
            "for example: - $\\sigma$ : positive",
        )
    line.formula, line.formula_offset = pieces[1], at + len(pieces[0]) + 1
    cursor = line.formula_offset + len(pieces[1]) + 1
    words, inner = [], []
    for number, piece in enumerate(pieces[2:]):
        if number % 2:
            inner.append((piece, cursor + 1))
            cursor += len(piece) + 2
        else:
            words.append(piece)
            cursor += len(piece)
    rest = " # ".join(words).strip().rstrip(".,")
    if rest and not rest.startswith(":"):
        after = line.formula_offset + len(line.formula) + 1
        raise LanguageError("expected ':' after the formula", (after, max(after, cursor)), "write - $name$ : kind")
    line.words = PREMISE.sub("", re.sub(r"\s+", " ", rest.removeprefix(":").strip()).lower())
    line.inner = tuple(inner)
    return line


def kinds_of(line: Line) -> list[str]:
    """The kinds among the words after the colon: domains and shapes, without the filling words."""
    words = re.findall(r"\(0,\s*1\)|[a-z-]+", _DEFINITE.sub(_one_word, line.words.replace("matrices", "matrix")))
    out = []
    for word in words:
        word = word.replace(" ", "")
        if word in _FILLERS and word != "number":
            continue
        if word not in _DOMAINS and word not in _SHAPES:
            span_start = line.offset - line.formula_offset
            raise LanguageError(
                f"unknown kind {word!r}",
                (span_start, span_start + len(line.text)),
                "kinds: real, positive, nonnegative, (0,1), integer, index, count, vector, function, "
                "density, family, sequence, random, Wiener, relation, equation, SDE, matrix, symmetric matrix, "
                "positive definite matrix, positive semidefinite matrix, Rademacher",
            )
        out.append(word.removesuffix("s") if word == "vectors" else word)
    return out


def _one_word(found: re.Match[str]) -> str:
    return "semidefinite" if found[1] else "definite"


def domain_of(words: list[str]) -> str:
    """The domain that the kinds name; real when they name none."""
    return next((_DOMAINS[w] for w in words if w in _DOMAINS), REAL)


def sides_of(formula: str) -> tuple[str, str | None]:
    """Left and right of a top-level `=`; right None when there is none."""
    pieces = _pieces(formula, 0, len(formula))
    if len(pieces) < 2 or pieces[1].relation != "=":
        return formula, None
    return formula[: pieces[0].end], formula[pieces[1].start :]


def is_assumption(formula: str) -> bool:
    """Is the formula one inequality?"""
    pieces = _pieces(formula, 0, len(formula))
    return len(pieces) == 2 and pieces[1].relation in ("<", ">")
