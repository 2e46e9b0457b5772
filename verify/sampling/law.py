"""Equality in law of affine combinations of independent Gaussian variables: mean and covariance."""

from __future__ import annotations

from verify.language.scope import Declaration
from verify.language.tree import Node
from verify.sampling import jets, values
from verify.sampling.calculus import derivative
from verify.sampling.errors import Undecidable
from verify.sampling.evaluate import Evaluator
from verify.sampling.probability import law_of
from verify.sampling.values import Matrix, Value, Vector, components


def same_law_sides(evaluator: Evaluator, left: Node, right: Node) -> tuple[Value, Value]:
    """Mean and covariance of each side, stacked in one vector. Raises Undecidable beyond affine sides."""
    sides = evaluator.value(left), evaluator.value(right)
    first, second = values.like_zero(sides[0], sides[1]), values.like_zero(sides[1], sides[0])
    if values.kind(first) != values.kind(second):
        raise Undecidable(f"a {values.kind(first)} is compared with a {values.kind(second)}")
    return _signature(evaluator, left, first), _signature(evaluator, right, second)


def _signature(evaluator: Evaluator, side: Node, shape: Value) -> Value:
    """Mean and covariance of a side; `shape` is its present value, a plain 0 in the shape of the other side."""
    reached = evaluator.reach.names(side)
    randoms = [
        declared for declared in evaluator.scope
        if declared.kind == "random" and declared.definition is None and declared.key in reached
    ]  # fmt: skip
    if any(not declared.gaussian for declared in randoms):
        raise Undecidable("equality in law is read for Gaussian variables only")
    means = {declared.key: law_of(evaluator, declared)[0] for declared in randoms}
    with evaluator.binding(means):
        mean = components(values.like_zero(evaluator.value(side), shape))
    size = len(mean)
    covariance: Value = Matrix(((jets.mp.zero,) * size,) * size)
    affine = list(mean)
    for declared in randoms:
        lower = law_of(evaluator, declared)[1].lower
        drawn = components(evaluator.lookup(declared.key))
        columns = [_column(evaluator, side, declared, means, i) for i in range(len(drawn))]
        for i, column in enumerate(columns):
            shift = drawn[i] - components(means[declared.key])[i]
            affine = [a + c * shift for a, c in zip(affine, column, strict=True)]
        for k in range(len(drawn)):  # the k-th independent coordinate enters by the k-th column of L
            weights = tuple(row[k] for row in lower)
            scaled = tuple(values.dot(row, weights) for row in zip(*columns, strict=True))
            covariance = values.add(covariance, values.outer(scaled, scaled))
    actual = components(shape)
    tolerance = jets.mp.mpf(10) ** (10 - jets.mp.dps)
    if any(jets.size(a - b) > tolerance * (1 + jets.size(a)) for a, b in zip(affine, actual, strict=True)):
        raise Undecidable("equality in law is read for affine combinations only")
    return Vector(tuple(mean) + tuple(components(covariance)))


def _column(evaluator: Evaluator, side: Node, declared: Declaration, means: dict[str, Value],
            i: int) -> list[jets.Number]:  # fmt: skip
    def body(value: Value) -> Value:
        with evaluator.binding(means | {declared.key: value}):
            return evaluator.value(side)

    return components(derivative(body, means[declared.key], (i,), evaluator))
