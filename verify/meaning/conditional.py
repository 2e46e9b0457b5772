r"""Conditional means `E[. | x]`: by a declared joint density, or given an affine combination of declared Gaussians."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sympy as sp

from verify.language.scope import Declaration
from verify.language.tree import Moment, Node
from verify.meaning.algebra import MATRIX, SCALAR, VECTOR, Row, Value
from verify.meaning.binders import over_all
from verify.meaning.calculus import names_in
from verify.meaning.errors import MeaningError, Unsupported
from verify.meaning.evaluation import Evaluation, evaluate

MeanOver = Callable[[Value, Declaration, Value], Value]  # of a value, over a declared random name, as this variable


def by_joint_density(reading: Evaluation, node: Moment, body: Node) -> Value:
    """The mean of `body` under the declared joint density, divided by its mass (Bayes)."""
    named = [key for key, _ in node.laws if key in reading.scope.joint]
    candidates = named or list(reading.scope.joint)
    if len(candidates) != 1 or any(law is not None for _, law in node.laws):
        raise MeaningError("a conditional expectation needs one declared joint density", node.span)
    key = candidates[0]
    joint = reading.scope.joint[key]
    if node.given not in names_in(reading, joint) or node.given == key:
        raise MeaningError(f"the joint density does not contain {node.given}", node.span)
    for name in names_in(reading, body):
        other = reading.scope.get(name)
        if other is not None and other.kind == "random" and name != key:
            raise Unsupported(f"the joint law of {name} and {node.given} is not declared")
    variable = reading.fresh(key)
    with reading.bind({node.given: _given_value(reading, node), key: variable}):
        weight = reading.scalar(joint)
        value = reading.multiply(weight, evaluate(body, reading), node.span)
    total = over_all(reading, weight, key, variable, node.span)
    return reading.scale(1 / total, over_all(reading, value, key, variable, node.span))


def _given_value(reading: Evaluation, node: Moment) -> Value:
    """What the conditioning variable is set to: the written value, or the variable itself."""
    assert node.given is not None
    return reading.name_value(node.given, node.span) if node.value is None else evaluate(node.value, reading)


def given_gaussians(
    reading: Evaluation, node: Moment, body: Node, random: Sequence[Declaration], mean_over: MeanOver
) -> Value:
    r"""The mean of `body` given that a defined name Y, affine in declared Gaussians, is y. `random` names are drawn.

    Given Y = y, a Gaussian u has the law of `u + Cov(u, Y) Var(Y)^{-1} (y - Y)` with u and Y drawn anew: Matheron's
    rule (Doucet 2010). So the body is averaged with that in the place of u. Y is a scalar or a vector.
    """
    assert node.given is not None
    if node.laws or any(d.key in reading.bound_names() for d in random):
        raise Unsupported("a conditional expectation given a defined name, over some of its random names only")
    drawn = {d.key: reading.fresh(d.key) for d in random}
    with reading.bind(drawn):
        total = reading.name_value(node.given, node.span)
    behind = [d for d in random if reading.depends(total, drawn[d.key])]
    if not behind:
        raise MeaningError(f"{node.given} does not depend on anything random", node.span)
    gaussian = all(d.gaussian for d in behind) and reading.is_affine(total, [drawn[d.key] for d in behind])
    if not gaussian:
        raise Unsupported(f"{node.given} is no affine combination of Gaussians, and no joint density is declared")

    def mean(value: Value) -> Value:
        for declaration in reversed(random):
            value = mean_over(value, declaration, drawn[declaration.key])
        return value

    def covariance(value: Value) -> Value:
        """With Y, as a row where Y is a vector."""
        transposed = Row(total) if reading.shape(total) == VECTOR else total
        centre = Row(mean(total)) if reading.shape(total) == VECTOR else mean(total)
        second = mean(reading.multiply(value, transposed, node.span))
        return reading.subtract(second, reading.multiply(mean(value), centre, node.span))

    precision = _inverse(reading, covariance(total))
    given = reading.zero_like(_given_value(reading, node), total)
    surprise = reading.subtract(given, total, node.span)
    moved = {}
    for declaration in behind:
        own = drawn[declaration.key]
        gain = reading.multiply(covariance(own), precision, node.span)
        moved[declaration.key] = reading.add(own, reading.multiply(gain, surprise, node.span))
    with reading.bind({**drawn, **moved, node.given: given}):
        value = evaluate(body, reading)
    return mean(value)


def _inverse(reading: Evaluation, value: Value) -> Value:
    if reading.shape(value) == MATRIX:
        return reading.matrix_power(value, sp.Integer(-1))
    assert reading.shape(value) == SCALAR
    reading.divisor(value)
    return 1 / value
