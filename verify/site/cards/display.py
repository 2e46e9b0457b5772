r"""The author's displayed formula with a verdict mark before each step.

The LaTeX stays the author's. A mark is a column of the `aligned` block, so it moves with the formula,
never over it; where rows and steps do not match one to one, the formula is shown without marks.
"""

from __future__ import annotations

import re

from verify.site import words

ALIGNED = re.compile(r"\A\s*\\begin\{(aligned|align\*?|split)\}(.*)\\end\{\1\}\s*\Z", re.S)
RELATION = re.compile(
    r"\s*(?:=|<|>|:=|\\(?:le|leq|ge|geq|approx|propto|to|equiv|simeq|sim|stackrel|overset|coloneqq)(?![a-zA-Z]))"
)
TOKEN = re.compile(
    r"\\begin\{[^}]*\}|\\end\{[^}]*\}|\\\\(?:\[[^\]]*\])?|\\left(?![a-z])|\\right(?![a-z])|\\.|[{}&]", re.S
)
TEXT = re.compile(r"\\(?:text|textrm|mbox)\{((?:[^{}]|\{[^{}]*\})*)\}")
TEXT_CELL = re.compile(rf"\A\s*{TEXT.pattern}")
SIGNS = {
    "<=": r"\le",
    ">=": r"\ge",
    "approx": r"\approx",
    "propto": r"\propto",
    "to": r"\to",
    "law": r"\overset{d}{=}",
}


def split(body: str) -> list[list[str]]:
    r"""The cells of each row: `body` cut at every `\\` and `&` outside braces and inner blocks."""
    rows: list[list[str]] = [[]]
    depth = start = 0
    for token in TOKEN.finditer(body):
        text = token[0]
        if text in ("{", r"\left") or text.startswith(r"\begin"):
            depth += 1
        elif text in ("}", r"\right") or text.startswith(r"\end"):
            depth -= 1
        elif depth == 0 and (text == "&" or text.startswith("\\\\")):
            rows[-1].append(body[start : token.start()])
            start = token.end()
            if text != "&":
                rows.append([])
    rows[-1].append(body[start:])
    return [row for row in rows if any(cell.strip() for cell in row)]


def mark(verdict: str, number: int | None) -> str:
    """The verdict's sign, coloured by its class, after the number of the step."""
    sign = words.TEX_SIGNS[verdict]
    text = sign if number is None else rf"\scriptstyle {number}\;{sign}"
    return rf"\htmlClass{{vd-mark vd-{verdict}}}{{{text}}}"


def marked(latex: str, verdicts: list[str]) -> str:
    """`latex` with one mark a step before its row; `verdicts` in the order of the steps.

    The reasons at the ends of the rows are left out: the card gives them in a list of their own, in the reader's
    language, and the formula stays narrow.
    """
    block = ALIGNED.match(latex)
    rows = [_without_reason(row) for row in split(block[2])] if block else [[latex.strip()]]
    steps = [number for number, row in enumerate(rows) if _is_step(row)] if block else [0]
    if len(steps) == len(verdicts):
        marks = {
            row: mark(verdict, place if len(steps) > 1 else None)
            for place, (row, verdict) in enumerate(zip(steps, verdicts, strict=True), start=1)
        }
        rows = [[marks.get(number, ""), "", *row] for number, row in enumerate(rows)]
    lines = " \\\\\n".join("&".join(row) for row in rows)
    return rf"\begin{{aligned}}{lines}\end{{aligned}}"


def _is_step(row: list[str]) -> bool:
    """A row that begins a step: a relation follows its first `&`, or stands before it (`a = & b`)."""
    return len(row) > 1 and bool(RELATION.match(row[1]) or RELATION.search(row[0]))


def _without_reason(row: list[str]) -> list[str]:
    kept = row[:-1] if len(row) > 2 and TEXT_CELL.match(row[-1]) else row
    while len(kept) > 2 and not kept[-1].strip():
        kept = kept[:-1]
    return kept


def relation_sign(relation: str) -> str:
    """The LaTeX of a relation as the tree names it; `propto x` says in what it is proportional."""
    if relation.startswith("propto "):
        from verify.language.names import latex_of_key

        return rf"\propto_{{{latex_of_key(relation.removeprefix('propto '))}}}"
    return SIGNS.get(relation, relation)


def reason_prose(reason: str) -> str:
    r"""A reason as prose with `$formulas$`; where a formula stands beside the words it comes as `\text{at } v=1`."""
    parts = TEXT.split(reason)
    if len(parts) == 1:
        return reason
    return "".join(
        part if place % 2 else f"${part.strip()}$" if part.strip() else part for place, part in enumerate(parts)
    )
