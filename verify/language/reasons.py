r"""The reason of a step to a rule: `by gauss.product`, `by induction on $t$`, `integrate by parts`, or prose.

Most names only label a step. Three are checked: a quoted claim, induction and integration by parts. Prose
that names no rule has no effect.
"""

from __future__ import annotations

import re

from verify.language.claim import Rule
from verify.language.errors import LanguageError
from verify.language.reader import read_formula
from verify.language.scope import INDEX, Scope
from verify.language.tree import Name

QUOTE, INDUCTION, PARTS, LABEL = "quote", "induction", "parts", "label"

# Names of rules in both languages. A name of the second group labels a step and is not checked.
CHECKED = {
    PARTS: ("integrate by parts", "integration by parts", "integrating by parts", "分部积分"),
    INDUCTION: ("by induction", "by mathematical induction", "数学归纳法", "归纳法"),
}
LABELS = {
    "Bayes": ("Bayes' rule", "Bayes' theorem", "Bayes' formula", "Bayes", "贝叶斯公式", "贝叶斯定理"),
    "tower property": ("tower property", "tower rule", "law of total expectation", "重期望公式", "全期望公式"),
    "complete the square": ("complete the square", "completing the square", "配方"),
    "product rule": ("product rule", "乘积法则"),
    "chain rule": ("chain rule", "链式法则"),
    "divergence theorem": ("divergence theorem", "散度定理"),
    "change of variables": ("change of variables", "change the variable", "换元"),
    "Ito's formula": ("Itô's formula", "Ito's formula", "Itô's lemma", "Ito's lemma", "伊藤公式"),
}

_ID = r"[a-z][a-z0-9]*(?:\.[a-z0-9][a-z0-9-]*)+"
_ONE = rf"{_ID}(?:/\d+)?"
_QUOTE = re.compile(rf"(?:\b[Bb]y\s+|(?:由|根据)\s*){_ONE}(?:\s*(?:,\s*and\b|,|、|and\b|和|与)\s*{_ONE})*")
_EACH = re.compile(rf"({_ID})(/\d+)?")
PREMISE = re.compile(rf"(?<=equation),?\s+by\s+{_ID}(?:\s*(?:,|and\b)\s*{_ID})*")
_ABBREVIATIONS = ("e.g", "i.e", "a.e", "a.s", "w.r.t", "i.i.d", "r.h.s", "l.h.s", "w.l.o.g")
_INDUCTION = re.compile(r"induction\s+(?:on|in|over)\s+(?:\$([^$]+)\$|\\\(([^)]+)\\\)|(\\?[A-Za-z]+))")
_CHINESE_INDUCTION = re.compile(r"对\s*\$([^$]+)\$\s*(?:作|做|用|使用)?\s*(?:数学)?归纳")


def read_rule(reason: str, scope: Scope) -> Rule | None:
    """The rule that a reason names; None for prose. LanguageError for a rule without what it needs."""
    quoted = _quoted(reason)
    if quoted:
        return Rule(QUOTE, "by " + " and ".join(quoted), quoted)
    words = reason.casefold()
    if any(name in words for name in CHECKED[INDUCTION]) or _CHINESE_INDUCTION.search(reason):
        key = _induction_variable(reason, scope)
        return Rule(INDUCTION, f"by induction on {key}", (), key)
    if any(name in words for name in CHECKED[PARTS]):
        return Rule(PARTS, "integrate by parts")
    for name, wordings in LABELS.items():
        if any(wording.casefold() in words for wording in wordings):
            return Rule(LABEL, name)
    return None


def premises_of(item: str) -> tuple[str, ...]:
    """The claims that a declared equation is taken from: `$m_t = ...$ : equation, by gauss.step`."""
    words = item.rpartition("$")[2]
    return _quoted(words) if PREMISE.search(words) else ()


def _quoted(reason: str) -> tuple[str, ...]:
    found: list[str] = []
    for match in _QUOTE.finditer(reason):
        for claim_id, mistake in _EACH.findall(match.group()):
            if claim_id in _ABBREVIATIONS:
                continue
            if mistake:
                raise LanguageError(
                    f"{claim_id}{mistake} is a mistake: it cannot be quoted", suggestion=f"by {claim_id}"
                )
            found.append(claim_id)
    return tuple(dict.fromkeys(found))


def _induction_variable(reason: str, scope: Scope) -> str:
    match = _INDUCTION.search(reason) or _CHINESE_INDUCTION.search(reason)
    example = "write  by induction on $t$  with  - $t$ : count"
    if match is None:
        raise LanguageError("by induction: on what?", suggestion=example)
    text = next(group for group in match.groups() if group)
    try:
        node = read_formula(text, scope)
    except LanguageError as error:
        raise LanguageError(f"by induction on {text}: {error.message}", suggestion=example) from None
    declaration = scope.get(node.key) if isinstance(node, Name) else None
    if declaration is None or declaration.kind != "variable" or declaration.definition is not None:
        raise LanguageError(f"by induction on {text}: this is no name of a number", suggestion=example)
    if declaration.domain != INDEX:
        raise LanguageError(
            f"by induction on {text}: it is declared {declaration.domain}, not a count or an index", suggestion=example
        )
    return declaration.key
