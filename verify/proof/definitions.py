"""Does a formula say what the standard definition of its name says? Proved the same, refuted with numbers, or silence.

Nothing here is a verdict on the formula: an author may define what they like. So a difference is only reported where
the author's names leave no other way to read them, and where every convention in use is refuted rigorously.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from verify.language.defined import Defined, shown_name
from verify.language.definitions import Definition, Form
from verify.language.names import latex_of_key
from verify.language.printer import latex
from verify.language.scope import INDEX, INTEGER, Declaration, Scope
from verify.language.spelling import left_letter, spelled
from verify.language.tree import Call, Integral, Name, Node, Number, Product, Summation
from verify.ledger.verdict import PROVED, REFUTED, StepVerdict
from verify.meaning.errors import MeaningError, Unsupported
from verify.proof.step import judge_step, refuted_at_once
from verify.proof.translation import Translation, Untranslatable, index_letter

SAME, CONVENTION, DIFFERS = "same", "convention", "differs"
MAX_UNKNOWN = 4  # names without a known spelling
MAX_READINGS = 60  # ways to read them


@dataclass(frozen=True)
class _Reading:
    """The author's formula in the definition's names: by spelling alone, and in the letters of another paper?"""

    node: Node
    scope: Scope
    by_name: bool
    letters: bool
    direct: bool = False  # nothing was replaced by the author's own definition of it, and enough is known
    opened: bool = False  # all that the author defines was replaced by it


def compare(defined: Defined) -> dict[str, Any] | None:
    """What the standard definitions of this name say to the formula, as the ledger keeps it; None for nothing.

    `standing` is same, convention (then `convention` says which, by language) or differs (then with the point and
    the two values, exact or enclosed).
    """
    different: dict[str, Any] | None = None
    for definition in defined.definitions:
        found = _compared(defined, definition)
        if found is not None and found["standing"] != DIFFERS:
            return found
        different = different or found
    return different


def _compared(defined: Defined, definition: Definition) -> dict[str, Any] | None:
    letter = index_letter(defined.name, defined.expression, defined.scope)
    readings = [r for letters in (False, True)[: 2 if definition.letters else 1]
                for r in _readings(defined, definition, letter, letters)]  # fmt: skip
    for reading in readings:
        if reading.opened and (found := _at_its_word(defined, definition, reading)):
            return found
    refuted: list[tuple[_Reading, Form, StepVerdict]] = []
    certain = bool(readings)
    for reading in readings:
        for form in definition.forms:
            verdict = _judged(reading.node, form.expression, reading.scope)
            if verdict is None or verdict.verdict not in (PROVED, REFUTED):
                certain = False
            elif verdict.verdict == PROVED:
                return _same(defined, definition, form, reading)
            else:
                refuted.append((reading, form, verdict))
                if reading.by_name and (found := _special(defined, definition, form, reading)):
                    return found
    if not certain or not _may_differ(definition, defined, readings):
        return None
    return _different(defined, definition, *min(refuted, key=_distance))


# ---------------------------------------------------------------- readings


def _readings(defined: Defined, definition: Definition, letter: str, letters: bool) -> list[_Reading]:
    """Every way to read the author's names that their own declarations do not contradict."""
    first = Translation(definition, defined.scope, letter, letters)
    try:
        node = first.carried(defined.expression)
    except Untranslatable:
        return []
    if letters and (first.matched.keys() == {} or _writes_both(defined, definition)):
        return []
    if not first.unknown:
        fits = not _contradicted(first, first.scope)
        direct = not first.opened and len(first.matched) >= min(2, len(_reach(node, first.scope)))
        plain = [_Reading(node, first.scope, True, letters, direct)] if fits and first.matched else []
        tied = any(body is not None for body in first.matched.values())
        return plain + _opened(defined, definition, letter, letters) if plain and tied else plain
    if not first.matched or len(first.unknown) > MAX_UNKNOWN or _is_loose(defined, definition):
        return []
    found = []
    for assigned in _assignments(first, definition):
        other = Translation(definition, defined.scope, letter, letters, assigned)
        try:
            node = other.carried(defined.expression)
        except Untranslatable:
            continue
        if not other.unknown and not _contradicted(other, other.scope):
            found.append(_Reading(node, other.scope, False, letters))
    return found


def _opened(defined: Defined, definition: Definition, letter: str, letters: bool) -> list[_Reading]:
    r"""The reading that takes the author at their word: \sqrt{1-\bar\alpha_t} for a \sigma_t that is defined so."""
    other = Translation(definition, defined.scope, letter, letters, opening=True)
    try:
        node = other.carried(defined.expression)
    except Untranslatable:
        return []
    known = other.opened and other.matched and not other.unknown
    return [_Reading(node, other.scope, True, letters, opened=True)] if known else []


def _assignments(translation: Translation, definition: Definition) -> Iterator[dict[str, str]]:
    """Ways to put the definition's remaining names in the place of the unknown ones, kind by kind."""
    free = [
        declared
        for declared in definition.scope
        if declared.key in _reached(definition) and declared.key not in translation.matched
        and declared.kind == "variable" and declared.domain not in (INDEX, INTEGER)
    ]  # fmt: skip
    unknown = list(translation.unknown.items())
    ways = (
        {key: image.key for (key, _), image in zip(unknown, images, strict=True)}
        for images in itertools.permutations(free, len(unknown))
        if all(image.value == value for (_, value), image in zip(unknown, images, strict=True))
    )
    return itertools.islice(ways, MAX_READINGS)


def _is_loose(defined: Defined, definition: Definition) -> bool:
    """Has the name other meanings as well, so that it only counts beside names that are all known?"""
    return spelled(defined.name, left_letter(defined.name)) in definition.loose


def _writes_both(defined: Defined, definition: Definition) -> bool:
    """An author who declares the standard letters too does not write in the other paper's."""
    own = {key.partition("_{")[0] for key in definition.letters.values()}
    own -= {key.partition("_{")[0] for key in definition.letters}
    return any(declared.key.partition("_{")[0] in own for declared in defined.scope)


def _contradicted(translation: Translation, scope: Scope) -> bool:
    """Does the author define one of the matched names as something else, in names that are all matched?

    Only where the standard definition ties these names to each other; others the author may tie as they like.
    """
    for name, body in list(translation.matched.items()):
        if body is None:
            continue
        before = len(translation.unknown)
        try:
            node = translation.carried(body)
        except Untranslatable:
            continue
        if len(translation.unknown) > before:
            continue
        derived = any(_is_derived(part, scope) for part in (Name(name), *node.walk()))
        if derived and _reach(node, scope) and node != Name(name):
            verdict = _judged(node, Name(name), scope)
            if verdict is not None and verdict.verdict == REFUTED:
                return True
    return False


def _is_derived(node: Node, scope: Scope) -> bool:
    """Does the standard definition say what this name is?"""
    declared = scope.get(node.key) if isinstance(node, Name | Call) else None
    return declared is not None and declared.definition is not None


# ---------------------------------------------------------------- verdicts


def _at_its_word(defined: Defined, definition: Definition, reading: _Reading) -> dict[str, Any] | None:
    """What an opened reading decides: it is about the very names of a form, so no convention is left between them."""
    about, decided = _reach(reading.node, reading.scope), None
    for form in definition.forms:
        if about and _reach(form.expression, definition.scope) == about:
            verdict = _judged(reading.node, form.expression, reading.scope)
            if verdict is not None and verdict.verdict == PROVED:
                return _same(defined, definition, form, reading)
            if verdict is not None and verdict.verdict == REFUTED:
                decided = decided or _different(defined, definition, reading, form, verdict)
    return decided


def _judged(left: Node, right: Node, scope: Scope) -> StepVerdict | None:
    """The prover's verdict on an equality; None where the two are of different kinds."""
    try:
        return refuted_at_once(left, right, scope) or judge_step(left, right, scope)
    except (MeaningError, Unsupported):
        return None


def _special(defined: Defined, definition: Definition, form: Form, reading: _Reading) -> dict[str, Any] | None:
    """The definition with the names that the author leaves out set to one: data of unit variance, for instance."""
    used, scope = _reach(reading.node, reading.scope), reading.scope.copy()
    left_out = [key for key in _reach(form.expression, reading.scope) if key not in used]
    if not used or not left_out or any(scope.declarations[key].value != "scalar" for key in left_out):
        return None
    for key in left_out:
        scope.put(replace(scope.declarations[key], definition=Number("1"), domain="real"))
    verdict = _judged(reading.node, form.expression, scope)
    if verdict is None or verdict.verdict != PROVED:
        return None
    ones = ", ".join(f"${latex_of_key(key)}=1$" for key in left_out)
    return _found(defined, definition, CONVENTION) | {"convention": {"en": f"with {ones}", "zh": f"取 {ones}"}}


def _may_differ(definition: Definition, defined: Defined, readings: list[_Reading]) -> bool:
    """Whether a difference is worth a word: the name means this and the formula is about the same names."""
    standard = [_reach(form.expression, definition.scope) for form in definition.forms]
    about = [_reach(reading.node, reading.scope) for reading in readings]
    if _is_loose(defined, definition):
        return all(reading.direct for reading in readings) and any(names in standard for names in about)
    if any(_numbers(reading.node) - _numbers_of(definition) for reading in readings):
        return any(names in standard for names in about)
    return all(about)


def _distance(refuted: tuple[_Reading, Form, StepVerdict]) -> int:
    """How far the names of the two sides are from being the same: the closest convention is shown."""
    reading, form, _ = refuted
    return len(_reach(reading.node, reading.scope) ^ _reach(form.expression, reading.scope))


def _numbers_of(definition: Definition) -> set[str]:
    """The numbers in every convention of a definition, and those that slips bring in."""
    return {"0", "1", "2", "3", "4"}.union(*(_numbers(form.expression) for form in definition.forms))


def _numbers(node: Node) -> set[str]:
    return {part.text for part in node.walk() if isinstance(part, Number)}


def _reached(definition: Definition) -> set[str]:
    """Every name that some form of a definition is about, directly or through a definition."""
    found: set[str] = set()
    waiting = [form.expression for form in definition.forms]
    while waiting:
        for part in waiting.pop().walk():
            key = part.key if isinstance(part, Name | Call) else ""
            declared = definition.scope.get(key)
            if declared is not None and key not in found:
                found.add(key)
                waiting += [declared.definition] if declared.definition is not None else []
    named = set(definition.spelled.values()) | set(definition.letters.values())
    return found | {key for key in named if _reach(Name(key), definition.scope) <= found}


def _reach(node: Node, scope: Scope, bound: frozenset[str] = frozenset()) -> set[str]:
    """The names without a definition that a formula depends on, but for bound ones."""
    found: set[str] = set()
    if isinstance(node, Integral):
        bound |= frozenset(node.variables)
    elif isinstance(node, Summation | Product):
        bound |= {node.index}
    elif isinstance(node, Name | Call) and node.key not in bound:
        declared: Declaration | None = scope.get(node.key)
        if declared is not None and declared.definition is not None:
            found |= _reach(declared.definition, scope, bound | frozenset(declared.parameters))
        elif declared is not None:
            found.add(node.key)
    for child in node.children():
        found |= _reach(child, scope, bound)
    return found


# ---------------------------------------------------------------- findings


def _found(defined: Defined, definition: Definition, standing: str) -> dict[str, Any]:
    return {
        "name": shown_name(defined),
        "line": defined.line,
        "mistake": defined.mistake,
        "definition": definition.id,
        "title": dict(definition.title),
        "claims": list(definition.claims),
        "standing": standing,
        "convention": {},
    }


def _same(defined: Defined, definition: Definition, form: Form, reading: _Reading) -> dict[str, Any]:
    words = dict(form.words)
    if reading.letters:
        pairs = definition.letters_latex
        english = "with " + ", ".join(f"${other}$ for ${own}$" for other, own in pairs)
        chinese = "其中 " + "，".join(f"${other}$ 即 ${own}$" for other, own in pairs)
        words = {
            "en": ", ".join(filter(None, [words.get("en"), english])),
            "zh": "，".join(filter(None, [words.get("zh"), chinese])),
        }
    return _found(defined, definition, CONVENTION if words else SAME) | {"convention": words}


def _different(
    defined: Defined, definition: Definition, reading: _Reading, form: Form, verdict: StepVerdict
) -> dict[str, Any]:
    witness = verdict.witness
    return _found(defined, definition, DIFFERS) | {
        "standard": latex(form.expression),
        "yours": latex(reading.node),
        "point": dict(witness.get("point", {})),
        "yours_value": witness.get("left", ""),
        "standard_value": witness.get("right", ""),
    }
