r"""A displayed formula to a chain of rows: `a = b = c`, with the reason behind each `&&`.

A chain is one statement after another about the same thing. What is not a chain is refused by name: a
list of equations, two statements on one line, a display without a relation.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from verify.language.cases import open_cases
from verify.language.claim import Row, Rule
from verify.language.declared_names import read_names
from verify.language.errors import LanguageError, placed
from verify.language.names import latex_of_key
from verify.language.proportions import proportional_rows
from verify.language.reader import read_formula
from verify.language.reasons import read_rule
from verify.language.scope import Scope
from verify.language.tokens import check_length
from verify.language.tree import Gaussian, Node

_LAYOUT = r"aligned|align\*?|alignedat|split|gathered|gather\*?|equation\*?|eqnarray\*?|multline\*?"
_ENVIRONMENT = re.compile(rf"\\(?:begin|end)\{{(?:{_LAYOUT})\}}")
_NOISE = re.compile(
    r"\\(?:label|tag\*?)\{[^{}]*\}|\\(?:hspace|vspace|phantom|hphantom|vphantom)\*?\{[^{}]*\}"
    r"|(?<!\\)%[^\n]*|\\(?:nonumber|notag)\b"
    r"|(?<=[=&\s])\{\}"
)
_OVER = r"\\(?:overset|stackrel)\s*\{(?P<over>(?:[^{}]|\{[^{}]*\})*)\}\s*(?:\{\s*(?::?=|\\equiv)\s*\}|=)"
_RELATION = re.compile(
    _OVER + r"|(?P<equal>:=|=:|=|\\(?:equiv|triangleq|coloneqq)(?![A-Za-z]))"
    r"|(?P<le>\\(?:le|leq|leqslant)(?![A-Za-z]))|(?P<ge>\\(?:ge|geq|geqslant)(?![A-Za-z]))"
    r"|(?P<lt><|\\lt(?![A-Za-z]))|(?P<gt>>|\\gt(?![A-Za-z]))|(?P<approx>\\(?:approx|simeq)(?![A-Za-z]))"
    r"|(?P<propto>\\propto(?![A-Za-z])(?:\s*_\s*(?:\{(?P<over_which>(?:[^{}]|\{[^{}]*\})*)\}|(?P<one>\\[A-Za-z]+|[A-Za-z])))?)|(?P<to>\\(?:to|rightarrow|longrightarrow)(?![A-Za-z]))"
    r"|(?P<bad>\\(?:Rightarrow|implies|Leftrightarrow|iff|neq|ne)(?![A-Za-z]))"
)
_TURN = re.compile(r"[\\(){}\[\]:=<>]")  # where a relation, a command or a bracket may begin
_NAMES = {
    "equal": "=",
    "le": "<=",
    "ge": ">=",
    "lt": "<",
    "gt": ">",
    "approx": "approx",
    "propto": "propto",
    "to": "to",
}
_ROW_END = re.compile(r"\\\\(?:\s*\[[^\]\n]*(?:pt|em|ex|mm|cm)\])?")
# What may stand beside the alignment mark &: something that relates or joins, or the edge of the row.
_JOINS_BEFORE = re.compile(r"(?:[-+*/=<>({\[,]|\{\}|\\(?:cdot|times|left|leq?|geq?|approx|equiv|to|propto))\s*$")
_JOINS_AFTER = re.compile(
    r"(?:\\[,;:!> ]|\\q?quad(?![a-z])|\{\}|\s)*"
    r"(?:[-+*/=<>:)}\]&.,;]|$|\\(?:\\|cdot|times|right|[bB]igg?|leq?|geq?|lt|gt|approx|simeq|equiv|to|propto"
    r"|coloneqq|triangleq|overset|stackrel|text|tag|label|end)(?![a-z]))"
)
_BLANK = re.compile(r"^(?:\\?\s)*|\s+$")  # `\\\ ` is a row end that Markdown escaped once too often
# How a display ends as a part of a sentence; the spacing before it goes along.
_PUNCTUATION = re.compile(
    r"(?:\\[,;:! ]|\\q?quad(?![A-Za-z])|\\(?:text|textrm|mbox) ?\{ ?[.,;] ?\}|[\s.,;~])\Z"
)
# Words at the end of a row, set apart by one & or by \quad. They are a reason, not a part of the formula.
_WORDS = r"\\(?:text|textrm|textit|mbox)\s*\{(?:[^{}]|\{[^{}]*\})*\}"
_REMARK = re.compile(
    r"(?:&|\\q?quad(?![A-Za-z]))"
    rf"(?=(?:[\s~(\[]|\\[,;:! ]|\\q?quad(?![A-Za-z])|\\(?:script|small|footnotesize)\w*){{0,8}}{_WORDS})"
)
_ONLY_WORDS = re.compile(rf"(?:[\s~.,;()\[\]]|\\[,;:! ]|\\q?quad(?![A-Za-z])|{_WORDS})*(?=\\\\|\Z)")
_SIDE_CONDITION = re.compile(
    r"(?:[,;.]\s*)?\\q?quad(?![A-Za-z])(?:\s|\\(?:text|textrm)\s*\{\s*(?:where|with)\s*\})*"
    r"(?=[^=<>]{1,200}?(?P<sim>\\sim(?![A-Za-z])))"
)
_CONDITION = re.compile(
    r"\{[^\w\u4e00-\u9fff]*(?:(?:if|when|whenever|unless|provided|otherwise|as|for|given|assuming)\b|若|当|如果|假设)"
)
_QUOTE_MARK = re.compile(r"^[ \t]*>(?=[ \t]*[^\s])", re.M)
_IN_LAW = ("d", "law", "D", "dist.", "\\mathcal{L}", "\\mathcal{D}")


@dataclass
class _Side:
    relation: str
    start: int
    end: int
    reason: str = ""
    variable: tuple[str, int] | None = None  # of \propto_x: the text of x and where it stands


def read_chain(text: str, scope: Scope, first: Node | None = None) -> tuple[Row, ...]:
    """The rows of one display.

    `first` is the side that a chain beginning with a relation sign starts from. `Row.line` counts from
    the first line of `text`. Raises LanguageError with spans in `text`.
    """
    check_length(text)
    text_shown, sides = _split(text)
    if len(sides) > 1:
        _check_side_conditions(text_shown, sides[-1], scope)
    rows = []
    for position, side in enumerate(sides):
        source = text_shown[side.start : side.end]
        if position == 0 and not source.strip():
            if first is None:
                raise LanguageError(
                    "the chain begins with a relation sign: the left side is missing", (side.start, side.end + 1)
                )
            rows.append(Row("", first, "", 1))
            continue
        try:
            node = read_formula(source, scope)
        except LanguageError as error:
            error.span = (error.span[0] + side.start, error.span[1] + side.start)
            raise
        line = text.count("\n", 0, side.start + len(source) - len(source.lstrip())) + 1
        rows.append(Row(side.relation, node, source.strip(), line, side.reason, _rule(side, scope)))
    return proportional_rows(rows, [side.variable for side in sides], scope)


def _rule(side: _Side, scope: Scope) -> Rule | None:
    try:
        return read_rule(side.reason, scope)
    except LanguageError as error:
        error.span = (side.start, side.end)
        raise


def _check_side_conditions(text: str, last: _Side, scope: Scope) -> None:
    r"""`..., \quad \epsilon \sim \mathcal{N}(0, I)` after a statement repeats a declaration, or is refused.

    It is cut off the formula when it says exactly what is declared.
    """
    mark = _SIDE_CONDITION.search(text, last.start, last.end)
    if mark is None:
        return
    begin = mark.end()
    names, law = text[begin : mark.start("sim")], text[mark.end("sim") : last.end]
    if any(names.count(opened) != names.count(closed) for opened, closed in ("{}", "()", "[]")):
        return  # the sign stands in a subscript: an expectation, not a remark
    with placed(begin):
        keys = [name.key for name in read_names(names, scope)]
    with placed(mark.end("sim")):
        node = read_formula(law, scope)
    for key in keys:
        declared = scope.get(key)
        said = None
        if declared is not None and declared.gaussian and declared.mean is not None and declared.variance is not None:
            said = Gaussian(None, declared.mean, declared.variance)
        if said != node:
            raise LanguageError(
                f"this says the law of {latex_of_key(key)}, which is not declared so",
                (begin, last.end),
                f"declare it: - ${names.strip()} \\sim {law.strip()}$",
            )
    last.end = mark.start()


def _split(text: str) -> tuple[str, list[_Side]]:
    """The text with layout blanked out (same length), and the extent of each side in it."""
    masked = open_cases(text)
    if mark := _QUOTE_MARK.search(text):
        raise LanguageError(
            "a line begins with >: a quote mark of Markdown, or a relation?",
            (mark.end() - 1, mark.end()),
            "leave it out, or write \\gt for the relation",
        )
    for pattern in (_ENVIRONMENT, _NOISE):
        masked = pattern.sub(lambda m: " " * len(m.group()), masked)
    rows, masked = _rows(masked)
    sides: list[_Side] = []
    for number, (start, end, reason) in enumerate(rows, 1):
        _add_row(masked, sides, start, end, reason, number)
    if not sides:
        raise LanguageError("the chain is empty", (0, max(1, len(text))))
    last = sides[-1]
    while ending := _PUNCTUATION.search(masked, max(last.start, last.end - 20), last.end):
        last.end = ending.start()
    if len(sides) == 1:
        raise LanguageError(
            "nothing is stated: there is no relation sign", (last.start, last.end), "write left side = right side"
        )
    for side in sides[1:]:
        if not masked[side.start : side.end].strip():
            raise LanguageError("a relation sign with nothing after it", (max(0, side.start - 1), side.start))
    return masked, sides


def _rows(masked: str) -> tuple[list[tuple[int, int, str]], str]:
    r"""Cut at `\\` and `&&` outside braces; blanks what is not formula."""
    rows, out = [], list(masked)
    depth = position = row_start = 0
    formula_end = None

    def close(end: int) -> None:
        nonlocal formula_end
        stop = formula_end if formula_end is not None else end
        reason = _reason(masked[stop:end]) if formula_end is not None else ""
        out[stop:end] = " " * (end - stop)
        if masked[row_start:stop].strip() or reason:
            rows.append((row_start, stop, reason))
        formula_end = None

    while position < len(masked):
        pair = masked[position : position + 2]
        if pair == "\\\\" and depth <= 0:
            close(position)
            skip = _ROW_END.match(masked, position)
            width = skip.end() - position if skip else 2
            out[position : position + width] = " " * width
            position += width
            row_start = position
            continue
        if pair[0] in "&\\" and depth <= 0 and formula_end is None and _is_remark(masked, row_start, position):
            formula_end = position
            position += 1
            continue
        if pair[0] == "\\":
            position += 2
            continue
        depth += (pair[0] == "{") - (pair[0] == "}")
        if pair[0] == "&" and depth <= 0:
            if formula_end is not None and position > formula_end + 1:
                raise LanguageError(
                    "an & in a reason: does a row begin here?", (position, position + 1), "end the row above with \\\\"
                )
            if pair == "&&" and masked[row_start:position].strip() and formula_end is None:
                formula_end = position
            elif formula_end is None:
                _check_alignment(masked, row_start, position)
            out[position] = " "
        position += 1
    close(len(masked))
    return rows, "".join(out)


def _is_remark(masked: str, row_start: int, position: int) -> bool:
    r"""Do words to the end of the row begin here, after `&` or `\quad`? LanguageError for a condition in words."""
    mark = _REMARK.match(masked, position)
    if mark is None or not masked[row_start:position].strip(" &\n"):
        return False
    if masked[position] == "&":
        row_end = masked.find("\\\\", position)
        rest = re.sub(_WORDS, "", masked[mark.end() : row_end if row_end >= 0 else len(masked)])
        if _RELATION.search(rest):
            return False
    elif not _ONLY_WORDS.match(masked, mark.end()):
        return False
    words = re.compile(_WORDS).search(masked, position)
    if words and _CONDITION.search(masked, words.start(), words.end()):
        raise LanguageError(
            "a condition in words: a step is judged under the declarations only",
            words.span(),
            "declare it: - $x$ : positive, or - $a-b > 0$",
        )
    return True


def _check_alignment(masked: str, row_start: int, position: int) -> None:
    """`a &= b & c &= d` is two equations side by side, not a product of b and c."""
    before = masked[max(row_start, position - 40) : position]
    if before.strip() and not _JOINS_BEFORE.search(before) and not _JOINS_AFTER.match(masked, position + 1):
        raise LanguageError(
            "& stands between two factors: are these two statements in one row?",
            (position, position + 1),
            "give each statement a chain of its own",
        )


def _reason(text: str) -> str:
    """The words of a reason; LaTeX is kept when it is more than one \\text."""
    text = re.sub(r"^(?:\\q?quad|\s)+", "", text.replace("&", " ")).strip()
    match = re.fullmatch(r"\\(?:text|textrm|mathrm)\{(.*)\}", text, re.S)
    return (match[1] if match and "}" not in match[1].replace("\\}", "") else text).strip()


def _add_row(masked: str, sides: list[_Side], start: int, end: int, reason: str, number: int) -> None:
    pieces = _pieces(masked, start, end)
    lead = pieces[0]
    lead_text = _BLANK.sub("", masked[lead.start : lead.end])
    if not sides:
        sides.append(lead)
    elif lead_text:
        before = masked[sides[-1].start : sides[-1].end].strip()
        if not before or _continues(before, lead_text):
            sides[-1].end = lead.end
        elif len(pieces) > 1:
            raise LanguageError(
                f"row {number} has a left side of its own: a list of equations is not a chain",
                (lead.start, lead.end),
                "give each equation a $$ display of its own",
            )
        else:
            raise LanguageError(
                f"row {number} does not say how it relates to the row before",
                (lead.start, lead.end),
                "begin it with = or, for a continuation, with + or -",
            )
    sides.extend(pieces[1:])
    if reason:
        sides[-1].reason = reason


def _continues(before: str, lead: str) -> bool:
    """Is this row the tail of the side before it?"""
    starts = re.match(r"(?:\\[,;:! ]|\\q?quad|\\left|\\right|\s)*(?:[+\-*/)\]]|\\cdot|\\times|\\Big|\\})", lead)
    return bool(starts or re.search(r"(?:[+\-*/]|\\cdot|\\times)$", before))


def _pieces(masked: str, start: int, end: int) -> list[_Side]:
    """One row, cut at the relation signs outside all brackets."""
    masked = open_cases(masked)
    pieces = [_Side("", start, end)]
    depth, position = 0, start
    while found := _TURN.search(masked, position, end):
        position = found.start()
        match = _RELATION.match(masked, position, end) if depth == 0 else None
        if match:
            pieces[-1].end = match.start()
            pieces.append(_Side(_relation(match), match.end(), end))
            for group in ("over_which", "one"):
                if match[group] is not None:
                    pieces[-1].variable = match[group], match.start(group)
            if match["over"] is not None and pieces[-1].relation == "=":
                pieces[-1].reason = match["over"]
            position = match.end()
            continue
        char = masked[position]
        if char == "\\":
            escaped = masked[position + 1 : position + 2]
            depth += (escaped == "{") - (escaped == "}")
            position += 2
            continue
        depth += (char in "({[") - (char in ")}]")
        depth = max(depth, 0)
        position += 1
    return pieces


def _relation(match: re.Match[str]) -> str:
    if match["bad"]:
        raise LanguageError(
            f"{match['bad']} is not a relation of a chain", match.span(), "state each equation on its own"
        )
    if match["over"] is not None:
        return "law" if re.sub(r"\\(?:mathrm|text)\{(.*)\}", r"\1", match["over"]).strip() in _IN_LAW else "="
    return next(name for group, name in _NAMES.items() if match[group])
