"""The symbolic reading of a scope: the one entrance of `verify.meaning`.

    reading = read_in(scope, None)            # symbolic d; an integer for explicit components
    left, right = reading.value(row_1), reading.value(row_2)
    reading.residuals(left, right)            # expressions that must all vanish

Importing this module registers how every node is read.
"""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from verify.language.scope import INDEX, INTEGER, Scope
from verify.language.tree import BigO, Limit, Node
from verify.meaning import arithmetic, binders, calculus, cases, functional, limits, probability
from verify.meaning.algebra import SCALAR, Row, Value
from verify.meaning.bases import coordinates_in
from verify.meaning.components import Components
from verify.meaning.equations import MAX_PASSES, contradictions, rules, use_equations
from verify.meaning.errors import MeaningError, Unsupported
from verify.meaning.evaluation import Evaluation, evaluate
from verify.meaning.expansions import order_of, taylor_coefficients
from verify.meaning.facts import Facts
from verify.meaning.gram_moments import Gram
from verify.meaning.ito import coefficients
from verify.meaning.products import peel_products

REGISTERED = (arithmetic, binders, calculus, cases, limits, probability)
MOST_COMPONENTS = 6  # the components of a vector that are written out at most


class Reading:
    """One scope read in one dimension: values of formulas, and what must vanish for two to be equal.

    facts        domains, tied roots and positive quantities of the symbols that occur
    conditions   side conditions in words, in the order in which they arose
    obligations  expressions that those conditions require to be positive
    label        `every d` or `d = 2`
    dimension    the symbol d, or a number
    """

    def __init__(self, evaluation: Evaluation) -> None:
        self._evaluation = evaluation
        self.lone_divisors: list[sp.Expr] = []

    @property
    def facts(self) -> Facts:
        """What is known about the symbols."""
        return self._evaluation.facts

    @property
    def conditions(self) -> list[str]:
        """Side conditions in words."""
        return self._evaluation.conditions

    @property
    def obligations(self) -> list[sp.Expr]:
        """Quantities that must be positive and are not provably so."""
        return self._evaluation.obligations

    @property
    def divisors(self) -> list[sp.Expr]:
        """Sums and products that the formulas divide by, whether they cancel or not."""
        return self._evaluation.divisors

    @property
    def identities(self) -> list[tuple[sp.Expr, str]]:
        """What must vanish for the formulas to have a meaning, with what is wrong otherwise."""
        return self._evaluation.identities

    @property
    def function_keys(self) -> dict[str, str]:
        """The name of each undefined function that occurs -> the key that declares it."""
        return self._evaluation.table.declared

    @property
    def label(self) -> str:
        """`every d`, or `d = 2`."""
        return self._evaluation.label

    @property
    def dimension(self) -> sp.Expr:
        """The symbol d, or the number of components."""
        return self._evaluation.dimension

    def value(self, node: Node) -> Value:
        """The value of one side of a step; `O(h^n)` at top level counts as 0.

        Raises MeaningError (with a span) or Unsupported.
        """
        order_of(node)
        foreign = coordinates_in([node]) if getattr(self._evaluation, "diagonal", None) is not None else None
        if foreign is not None:
            raise Unsupported(f"{foreign} may depend on the basis, and a matrix is read in its eigenbasis")
        return evaluate(node, self._evaluation)

    def sides(self, left: Node, right: Node) -> tuple[Value, Value]:
        """The values of both sides. `lone_divisors` keeps what one of them divides by and the other does not.

        Where such a divisor vanishes one side has a value and the other has none. Raises as `value` does.
        """
        values, divisors = [], []
        for side in (left, right):
            self._evaluation.written_divisors = []
            values.append(self.value(side))
            divisors.append(self._evaluation.written_divisors)
        for own, other in (divisors, divisors[::-1]):
            self.lone_divisors += [q for q in own if not any((q / o).is_Rational or q == -o for o in other)]
        return values[0], values[1]

    def counts_dimensions(self, value: Value) -> bool:
        """Whether the symbol d occurs in a value, in symbolic d."""
        parts = self._evaluation.parts(value.vector if isinstance(value, Row) else value)
        return any(part.has(self._evaluation.dimension) for part in parts)

    def shape(self, value: Value) -> str:
        """`scalar`, `vector`, `row vector` or `matrix`."""
        return self._evaluation.shape(value)

    def residuals(
        self, left: Value, right: Value, order: BigO | None = None, passes: int = MAX_PASSES
    ) -> list[sp.Expr]:
        """Expressions that vanish exactly when the two values are equal (up to `order`, if given).

        Declared equations are used at most `passes` times in a row.
        In symbolic d this is so for vectors in general position. Raises MeaningError, naming both
        shapes, when a vector is compared with a scalar and the like.
        """
        evaluation = self._evaluation
        left, right = evaluation.zero_like(left, right), evaluation.zero_like(right, left)
        shapes = evaluation.shape(left), evaluation.shape(right)
        if shapes[0] != shapes[1]:
            raise MeaningError(f"the left side is a {shapes[0]}, the right side a {shapes[1]}")
        for declaration in evaluation.scope:
            if declaration.rademacher and any(self.depends_on(side, declaration.key) for side in (left, right)):
                raise Unsupported(f"{declaration.key} outside an expectation: its components are 1 or -1")
        difference = evaluation.subtract(left, right)
        entries = evaluation.parts(difference.vector if isinstance(difference, Row) else difference)
        entries = [entry for part in entries for entry in coefficients(evaluation, part)]
        entries = [peel_products(use_equations(evaluation, entry, passes)) for entry in entries]
        if order is None:
            return entries
        return [c for entry in entries for c in taylor_coefficients(evaluation, entry, order)]

    def using_equations(self, expression: sp.Expr) -> sp.Expr:
        """The expression with the left sides of declared equations replaced by their right sides."""
        return use_equations(self._evaluation, expression)

    def contradictions(self) -> list[sp.Expr]:
        """Expressions that vanish when the declared equations do not contradict each other."""
        return contradictions(self._evaluation)

    def known_values(self) -> list[tuple[sp.Expr, sp.Expr]]:
        """(unknown, value) of each declared equation that can be used."""
        return rules(self._evaluation)

    def law_residuals(self, left: Value, right: Value) -> list[sp.Expr]:
        """What must vanish for two affine combinations of independent Gaussians to have the same law."""
        return [peel_products(r) for r in probability.law_residuals(self._evaluation, left, right)]

    def integrates_to_one(self, key: str) -> bool:
        """Whether a function given by a formula is seen to integrate to one. Raises MeaningError or Unsupported."""
        return probability.integrates_to_one(self._evaluation, key)

    def by_parts(self, residual: sp.Expr) -> sp.Expr:
        """The residual with the divergences of the declared boundary fields taken off.

        Raises Unsupported when no combination of those fields helps.
        """
        return functional.by_parts(self._evaluation, residual)

    def gradient_in(self, value: sp.Expr, name: str) -> Value:
        """Derivative (or gradient) of a scalar value in a free name, for `arg min`."""
        variable = self._minimised(value, name)
        if self._evaluation.shape(variable) == SCALAR:
            return self._evaluation.derivative(value, variable)
        return self._evaluation.gradient(value, variable)

    def limit(self, node: Limit) -> Value:
        """The value of a limit; that of a scalar may be infinite. Raises Unsupported and MeaningError."""
        return limits.limit_value(node, self._evaluation)

    def ratio_residuals(self, left: sp.Expr, right: sp.Expr, name: str) -> list[sp.Expr]:
        """Entries of `right * grad left - left * grad right` in a free name: zero where the ratio is constant."""
        gradients = self.gradient_in(left, name), self.gradient_in(right, name)
        evaluation = self._evaluation
        return self.residuals(evaluation.scale(right, gradients[0]), evaluation.scale(left, gradients[1]))

    def second_derivative_in(self, value: sp.Expr, name: str) -> sp.Expr:
        """Second derivative in a scalar name; `a` where the Hessian in a vector name is `a I`.

        Raises Unsupported for any other Hessian.
        """
        variable, first = self._minimised(value, name), self.gradient_in(value, name)
        if self._evaluation.shape(variable) == SCALAR:
            return self._evaluation.derivative(first, variable)
        scale = self._evaluation.isotropic(self._evaluation.jacobian(first, variable))
        if scale is None:
            raise Unsupported(f"the Hessian in {name} is not a multiple of the identity")
        return scale

    def substituted(self, value: Value, name: str, replacement: Value) -> Value:
        """The value with a free name replaced, e.g. the gradient of an objective at its minimiser."""
        return self._evaluation.substituted(value, self._evaluation.own_value(name), replacement)

    def depends_on(self, value: Value, name: str) -> bool:
        """Whether a free name occurs in a value."""
        return self._evaluation.depends(value, self._evaluation.own_value(name))

    def _minimised(self, value: Value, name: str) -> Value:
        if self._evaluation.shape(value) != SCALAR:
            raise MeaningError(f"the objective is a {self._evaluation.shape(value)}, not a scalar")
        declaration = self._evaluation.declaration(name)
        if declaration.definition is not None or declaration.root_of is not None:
            raise MeaningError(f"{name} is defined: it cannot be the variable of a minimisation")
        if calculus.tied_by_equation(self._evaluation, name):
            raise MeaningError(f"{name} is tied to another name by an equation: define that name instead")
        if declaration.domain in (INTEGER, INDEX):
            raise MeaningError(f"{name} is an integer: its minimum is not found by a derivative")
        return self._evaluation.own_value(name)


def read_in(scope: Scope, dimension: int | None, sides: Sequence[Node] = (), sample: bool = False) -> Reading:
    """A reading of the scope in symbolic d (`None`) or in explicit components.

    `sides` are the formulas that will be read, where they are known: they tell which declared matrix is
    taken diagonal. What is read later may then not depend on the basis. A `sample` has numbers for matrices.
    The declared positive quantities are read at once; a MeaningError in one of them is raised here.
    """
    if dimension is not None and not 1 <= dimension <= MOST_COMPONENTS:
        raise Unsupported(f"explicit components are read up to d = {MOST_COMPONENTS}")
    evaluation: Evaluation = Gram(scope) if dimension is None else Components(scope, dimension, sides, sample)
    for assumption in scope.assumptions:
        evaluation.facts.positive.append(evaluation.scalar(assumption))
    for declaration in scope:
        if declaration.root_of is not None:  # a tied root restricts the points even where it is not named
            evaluation.name_value(declaration.key)
    return Reading(evaluation)
