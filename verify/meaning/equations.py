"""Declared equations put to use: a derivative or a value of an undefined function, wherever it occurs.

An equation such as `\\partial_t p = ...` holds for every value of the arguments of p. So each
occurrence of that derivative, at whatever arguments and with further derivatives on top, is replaced
by the right side, differentiated and taken at those arguments.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from verify.meaning.algebra import SCALAR
from verify.meaning.errors import MeaningError
from verify.meaning.evaluation import Evaluation, evaluate
from verify.meaning.expressions import differentiate, substitute
from verify.meaning.facts import Facts
from verify.meaning.jets import jet_of
from verify.meaning.positivity import may_stand, provably_positive

MAX_PASSES = 4


def use_equations(evaluation: Evaluation, expression: sp.Expr, passes: int = MAX_PASSES) -> sp.Expr:
    """The expression with the left sides of declared equations replaced by their right sides.

    Only equations whose left side is a single unknown (a derivative, a function value or a name)
    are used, each at most `passes` times in a row.
    """
    known_rules = rules(evaluation)
    for _ in range(passes if known_rules else 0):
        unknowns = sorted(
            expression.atoms(sp.Derivative, sp.Subs, AppliedUndef, sp.Symbol), key=_deepest_first
        )
        replacements = {}
        for unknown in unknowns:
            known = next((k for rule in known_rules if (k := _apply(evaluation, rule, unknown)) is not None), None)
            if known is not None:
                replacements[unknown] = known
        if not replacements:
            break
        expression = expression.xreplace(replacements)
    return expression


def _deepest_first(expression: sp.Expr) -> tuple[Any, ...]:
    return (isinstance(expression, sp.Symbol), sp.default_sort_key(expression))


def rules(evaluation: Evaluation) -> list[tuple[sp.Expr, sp.Expr]]:
    """(left, right) of the declared equations, in components where they are vectors; read once."""
    if evaluation.equation_rules is None:
        evaluation.equation_rules = _rules(evaluation)
    return evaluation.equation_rules


def _rules(evaluation: Evaluation) -> list[tuple[sp.Expr, sp.Expr]]:
    found = []
    for left_node, right_node in evaluation.scope.equations:
        left, right = evaluate(left_node, evaluation), evaluate(right_node, evaluation)
        right = evaluation.zero_like(right, left)
        shapes = evaluation.shape(left), evaluation.shape(right)
        if shapes[0] != shapes[1]:
            raise MeaningError(
                f"a declared equation sets a {shapes[0]} equal to a {shapes[1]}", left_node.span
            )
        if shapes[0] == SCALAR and (left.is_Symbol or jet_of(left) is not None) and right.has(left):
            raise MeaningError("the right side of an equation contains its left side", right_node.span)
        if shapes[0] != SCALAR and not evaluation.dimension.is_Integer:
            continue  # coefficients in symbolic d belong to vectors, they are no unknowns of their own
        found += list(zip(evaluation.parts(left), evaluation.parts(right), strict=True))
    return found


def _apply(evaluation: Evaluation, rule: tuple[sp.Expr, sp.Expr], unknown: sp.Expr) -> sp.Expr | None:
    """What the rule says about an unknown; None when it says nothing."""
    left, right = rule
    if left == unknown:
        return right
    known, wanted = jet_of(left), jet_of(unknown)
    if known is None or wanted is None or known[0] != wanted[0]:
        return None
    extra = [have - need for have, need in zip(wanted[1], known[1], strict=True)]
    if min(extra, default=-1) < 0 or not _all_symbols(known[2]):
        return None
    facts = evaluation.facts
    if not all(a == b or may_stand(facts, facts.domain(a), b) for a, b in zip(known[2], wanted[2], strict=True)):
        return None
    if not _within_assumptions(facts, dict(zip(known[2], wanted[2], strict=True))):
        return None
    for argument, order in zip(known[2], extra, strict=True):
        for _ in range(order):
            right = differentiate(right, argument, evaluation.facts)
    return substitute(right, dict(zip(known[2], wanted[2], strict=True)), evaluation.table)


def _within_assumptions(facts: Facts, places: dict[sp.Expr, sp.Expr]) -> bool:
    """Whether what is assumed of the arguments of an equation, as the range of an index, certainly holds there."""
    moved = {a: b for a, b in places.items() if a != b}
    about = [p for p in facts.positive if any(a in p.free_symbols for a in moved)]
    return all(provably_positive(p.subs(moved, simultaneous=True), facts) for p in about)


def contradictions(evaluation: Evaluation) -> list[sp.Expr]:
    """What must vanish for the declared equations to agree with each other.

    One rule put into the left side of another must give its right side; an equation between numbers
    must be true.
    """
    known_rules, found = rules(evaluation), []
    for number, (left, right) in enumerate(known_rules):
        if left.is_number:
            found.append(left - right)
        for other in known_rules[:number] + known_rules[number + 1 :]:
            known = _apply(evaluation, other, left)
            if known is not None:
                found.append(right - known)
    return found


def _all_symbols(arguments: Sequence[sp.Expr]) -> bool:
    return all(a.is_Symbol for a in arguments) and len(set(arguments)) == len(arguments)
