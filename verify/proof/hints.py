"""Short exact hints for a refuted step. Each is proved before it is given; none is a guess."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from verify.language.claim import EQUAL
from verify.language.growth import written_out
from verify.language.printer import latex
from verify.language.scope import Scope
from verify.language.tree import Add, ArgMin, BigO, Constant, Divide, Limit, Multiply, Name, Negate, Node, Number, Power
from verify.meaning.errors import MeaningError, Unsupported
from verify.proof.mutants import mutants
from verify.proof.sieve import Sieve
from verify.proof.step import INEQUALITIES, is_proved, lowest_dimension, refuted_at_once

MAX_ATTEMPTS = 48
WORK = 3_600  # symbols in all attempts together, with definitions written out
Candidate = tuple[str, Node, Node, Node | None]  # sentence, left, right, the factor on the left if that is the change


def hint_for(left: Node, right: Node, scope: Scope, relation: str = EQUAL, repairs: bool = True) -> str:
    """One sentence that says how the step can be mended, or '' when a bounded number of tries finds nothing.

    Without `repairs` no changed symbol is looked for: beside a known mistake the right version stands anyway.
    A strict inequality has no hint: a repair is proved as an equality, at which the strict relation fails.
    """
    if relation in ("<", ">"):
        return ""
    attempts = min(MAX_ATTEMPTS, WORK // (written_out(left, scope) + written_out(right, scope)))
    sources = [_repairs(left, right, scope)] if repairs else []
    if relation not in INEQUALITIES and not any(isinstance(side, ArgMin) for side in (left, right)):
        sources = [_factors(left, right, scope), _terms(left, right), *sources]
    sieve = _sieve(left, right, scope, relation)
    for sentence, first, second, factor in islice(_chain(sources), attempts):
        try:
            if sieve is None:
                wrong = refuted_at_once(first, second, scope, relation) is not None
            else:
                wrong = sieve.refutes_multiple(factor) if factor is not None else sieve.refutes(second)
            if not wrong and is_proved(first, second, scope, relation):
                return sentence
        except MeaningError:
            continue
    return ""


def _sieve(left: Node, right: Node, scope: Scope, relation: str) -> Sieve | None:
    if relation != EQUAL or any(isinstance(side, ArgMin | Limit) for side in (left, right)):
        return None
    try:
        return Sieve(left, right, scope, lowest_dimension(scope))
    except (MeaningError, Unsupported):
        return None


def _chain(sources: list[Iterator[Candidate]]) -> Iterator[Candidate]:
    for source in sources:
        yield from source


def _factors(left: Node, right: Node, scope: Scope) -> Iterator[Candidate]:
    """The right side is a simple multiple of the left side."""
    if any(isinstance(node, BigO) for side in (left, right) for node in side.walk()):
        return
    one, two = Number("1"), Number("2")
    factors: list[Node] = [Negate(one), two, Divide(one, two), Negate(two), Negate(Divide(one, two))]
    for number in (Number("3"), Number("4")):
        factors += [number, Divide(one, number)]
    shown = [(latex(factor), factor) for factor in factors]
    if scope.dimension != (1,):  # a sum over the components taken for their mean
        d = Constant("dimension")
        shown += [("d", d), (r"\frac{1}{d}", Divide(one, d))]
    for name in _scalar_names(left, right, scope):
        for power in (name, Power(name, two)):
            shown += [(latex(factor), factor) for factor in (power, Divide(one, power))]
    for text, factor in shown:
        sentence = f"the right side is ${text}$ times the left side"
        yield sentence, Multiply((_enclosed(factor), _enclosed(left))), right, factor


def _terms(left: Node, right: Node) -> Iterator[Candidate]:
    """One term of the right side is too much or has the wrong sign; one of the left is lost."""
    mine = _top_terms(right)
    for i, term in enumerate(mine):
        before, after = mine[:i], mine[i + 1:]
        flipped = term.operand if isinstance(term, Negate) else Negate(term)
        shown = latex(term.operand if isinstance(term, Negate) else term)
        yield f"the term ${shown}$ has the wrong sign", left, _sum([*before, flipped, *after]), None
        if len(mine) > 1:
            yield f"the term ${shown}$ of the right side is too much", left, _sum([*before, *after]), None
    if len(_top_terms(left)) > 1:
        for term in _top_terms(left):
            sentence = f"the term ${latex(term)}$ of the left side is missing on the right"
            yield sentence, left, _sum([*mine, term]), None


def _repairs(left: Node, right: Node, scope: Scope) -> Iterator[Candidate]:
    """The operators that make wrong versions, run backwards on the right side."""
    for mutant in mutants(right, scope):
        shown = f"a change of one symbol ({mutant.operator}) mends the right side: ${latex(mutant.node)}$"
        yield shown, left, mutant.node, None


def _top_terms(node: Node) -> list[Node]:
    return list(node.terms) if isinstance(node, Add) else [node]


def _sum(terms: list[Node]) -> Node:
    return terms[0] if len(terms) == 1 else Add(tuple(terms))


def _enclosed(node: Node) -> Node:
    return replace(node, enclosed=True)


def _scalar_names(left: Node, right: Node, scope: Scope) -> list[Name]:
    """The declared scalars of the step, in the order of first occurrence."""
    found: dict[str, Name] = {}
    for side in (left, right):
        for node in side.walk():
            if isinstance(node, Name) and node.key not in found:
                declaration = scope.get(node.key)
                if declaration and (declaration.kind, declaration.value) == ("variable", "scalar"):
                    found[node.key] = Name(node.key)
    return list(found.values())
