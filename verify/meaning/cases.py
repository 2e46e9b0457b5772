"""Case distinctions as SymPy piecewise expressions; `verify.proof.regions` proves them region by region."""

from __future__ import annotations

import sympy as sp

from verify.language.tree import Cases, Compare, Node
from verify.meaning.algebra import Value
from verify.meaning.errors import MeaningError
from verify.meaning.evaluation import Evaluation, evaluate

RELATIONS = {
    "<": sp.StrictLessThan,
    "<=": sp.LessThan,
    ">": sp.StrictGreaterThan,
    ">=": sp.GreaterThan,
}


@evaluate.register
def _(node: Cases, reading: Evaluation) -> Value:
    value = reading.scalar(node.otherwise)
    for branch, conditions in reversed(node.branches):
        chosen = reading.scalar(branch)
        for condition in reversed(conditions):
            chosen = sp.Piecewise((chosen, _condition(condition, reading)), (value, True), evaluate=False)
        value = chosen
    return _folded(value)


def _condition(node: Node, reading: Evaluation) -> sp.Basic:
    if not isinstance(node, Compare):
        raise MeaningError("a condition compares two numbers", node.span)
    return RELATIONS[node.relation](reading.scalar(node.left), reading.scalar(node.right))


def _folded(value: sp.Expr) -> sp.Expr:
    """The value itself where its condition is certain."""
    while isinstance(value, sp.Piecewise):
        chosen, condition = value.args[0]
        if condition == True:  # noqa: E712, a truth value of SymPy
            value = chosen
        elif condition == False:  # noqa: E712
            value = value.args[1][0]
        else:
            break
    return value
