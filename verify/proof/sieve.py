"""Many changed versions of one step: which of them are certainly wrong, with one reading for all of them.

A version that passes is not proved, and still has to be judged as a step of its own. What an earlier version needs
to be positive only narrows the points at which a later one is looked at, so whatever is refuted here is refuted.
"""

from __future__ import annotations

import sympy as sp

from verify.language.scope import Scope
from verify.language.tree import BigO, Node
from verify.meaning.algebra import SCALAR
from verify.meaning.errors import Unsupported
from verify.meaning.expansions import order_of_step
from verify.meaning.reading import read_in
from verify.proof.refutation import Comparison, instances_are_laws, refute, with_instances


class Sieve:
    """A step `left = right`, read once in explicit components of one dimension, and once with the declared instances.

    Raises MeaningError and Unsupported as the reading of the step does.
    """

    def __init__(self, left: Node, right: Node, scope: Scope, dimension: int) -> None:
        self.left, self.right = left, right
        self.readings = [_ReadStep(left, right, scope, dimension)]
        concrete = with_instances(scope)
        if concrete is not None and any(value.has(sp.Integral) for value in self.readings[0].parts()):
            self._add_instances(_ReadStep(left, right, concrete, dimension))

    def _add_instances(self, step: _ReadStep) -> None:
        if instances_are_laws(step.scope, step.reading):
            self.readings.append(step)

    def refutes(self, right: Node) -> bool:
        """Whether another right side is certainly wrong. Raises MeaningError when it has no meaning."""
        order = order_of_step(self.left, right)
        return any(step.refutes(right, order) for step in self.readings)

    def refutes_multiple(self, factor: Node) -> bool:
        """Whether `factor * left = right` is certainly wrong, for a scalar factor. Raises MeaningError.

        A step up to O(h^n) says nothing here: it would be compared as if it were exact.
        """
        if order_of_step(self.left, self.right) is not None:
            return False
        return any(step.refutes_multiple(factor) for step in self.readings)


class _ReadStep:
    """One reading of the step: the values of its sides, and what they are compared with."""

    def __init__(self, left: Node, right: Node, scope: Scope, dimension: int) -> None:
        self.scope = scope
        self.reading = read_in(scope, dimension, (left, right))
        self.left, self.right = self.reading.value(left), self.reading.value(right)

    def parts(self) -> list[sp.Expr]:
        """The scalars that both sides consist of."""
        zero = sp.Integer(0)
        return [part for side in (self.left, self.right) for part in self.reading.residuals(side, zero)]

    def refutes(self, right: Node, order: BigO | None) -> bool:
        try:
            residuals = self.reading.residuals(self.left, self.reading.value(right), order)
        except Unsupported:
            return False
        return self._refuted([(residual, sp.Integer(0)) for residual in residuals])

    def refutes_multiple(self, factor: Node) -> bool:
        try:
            number = self.reading.value(factor)
            if self.reading.shape(number) != SCALAR:  # a vector or a matrix is no factor
                return False
            left, right = (self.reading.residuals(side, sp.Integer(0)) for side in (self.left, self.right))
        except Unsupported:
            return False
        return len(left) == len(right) and self._refuted([(number * a, b) for a, b in zip(left, right, strict=True)])

    def _refuted(self, pairs: list[tuple[sp.Expr, sp.Expr]]) -> bool:
        comparison = Comparison(self.reading, pairs, [a - b for a, b in pairs])
        return refute(comparison, self.scope) is not None
