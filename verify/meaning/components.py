"""The reading in explicit components, for d = 1, 2, 3: a vector is d scalars."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sympy as sp
from sympy.core.function import AppliedUndef

from verify.language.scope import NONNEGATIVE, POSITIVE, REAL, UNIT, Declaration, Scope
from verify.meaning.algebra import MATRIX, ROW, SCALAR, VECTOR, Row, Value
from verify.meaning.errors import Unsupported
from verify.meaning.evaluation import Evaluation
from verify.meaning.expressions import close, depends
from verify.meaning.moments import MAX_MOMENT, gaussian_integral, polynomial_moment
from verify.meaning.positivity import provably_not_positive, provably_positive
from verify.meaning.sizes import expand, term_count
from verify.meaning.symbols import readable

Vector = tuple  # of sp.Expr, one for each component


class Components(Evaluation):
    """Vectors are tuples of `size` expressions, matrices are SymPy matrices."""

    def __init__(self, scope: Scope, size: int) -> None:
        super().__init__(scope)
        self.size = size
        self.dimension = sp.Integer(size)
        self.label = f"d = {size}"
        self._densities: dict[str, int] = {}  # function name -> number of leading scalar arguments

    # ---------------------------------------------------------------- algebra

    def shape(self, value: Value) -> str:
        if _is_scalar(value):
            return SCALAR
        if isinstance(value, tuple):
            return VECTOR
        return ROW if isinstance(value, Row) else MATRIX

    def own_vector(self, key: str) -> Vector:
        return tuple(
            self.table.symbol(f"{key} component {i}", REAL, wanted=f"{readable(key)}_{i}")
            for i in range(1, self.size + 1)
        )

    def fresh_vector(self, key: str) -> Vector:
        return tuple(self.table.temporary(REAL) for _ in range(self.size))

    def zero_vector(self) -> Vector:
        return (sp.Integer(0),) * self.size

    def identity(self) -> sp.ImmutableMatrix:
        return sp.ImmutableMatrix(sp.eye(self.size))

    def sum_of(self, left: Value, right: Value) -> Value:
        if isinstance(left, tuple):
            return tuple(a + b for a, b in zip(left, right, strict=True))
        return left + right

    def map(self, change: Callable[[sp.Expr], sp.Expr], value: Value) -> Value:
        if _is_scalar(value):
            return change(value)
        if isinstance(value, Row):
            return Row(self.map(change, value.vector))
        if isinstance(value, tuple):
            return tuple(change(entry) for entry in value)
        return value.applyfunc(change)

    def inner(self, left: Vector, right: Vector) -> sp.Expr:
        return sp.Add(*[a * b for a, b in zip(left, right, strict=True)])

    def outer(self, left: Vector, right: Vector) -> sp.ImmutableMatrix:
        return sp.ImmutableMatrix(self.size, self.size, lambda i, j: left[i] * right[j])

    def matrix_product(self, matrix: sp.ImmutableMatrix, other: Value) -> Value:
        if isinstance(other, tuple):
            return tuple(matrix * sp.Matrix(other))
        return matrix * other

    def transposed(self, matrix: sp.ImmutableMatrix) -> sp.ImmutableMatrix:
        return matrix.T

    def trace(self, matrix: sp.ImmutableMatrix) -> sp.Expr:
        return sp.Add(*[matrix[i, i] for i in range(self.size)])

    def isotropic(self, matrix: sp.ImmutableMatrix) -> sp.Expr | None:
        expected = sp.ImmutableMatrix(matrix[0, 0] * sp.eye(self.size))
        same = (matrix - expected).applyfunc(expand)
        return matrix[0, 0] if all(entry == 0 for entry in same) else None

    def parts(self, value: Value) -> list[sp.Expr]:
        return [value] if _is_scalar(value) else list(value)

    def is_affine(self, value: Value, variables: Sequence[Value]) -> bool:
        symbols = self._flat(variables)
        entries = [expand(entry) for entry in self._entries(value)]
        if not symbols:
            return True
        return all(e.is_polynomial(*symbols) and sp.Poly(e, *symbols).total_degree() <= 1 for e in entries)

    # ---------------------------------------------------------------- undefined functions

    def _flat(self, values: Sequence[Value]) -> list[sp.Expr]:
        return [entry for value in values for entry in self.parts(value)]

    def scalar_function(self, declaration: Declaration, values: Sequence[Value]) -> sp.Expr:
        function = self.table.function(declaration.key, declaration.domain)
        if declaration.density:
            self._densities[function.__name__] = len(self.parts(values[0]))
        return function(*self._flat(values))

    def vector_function(self, declaration: Declaration, values: Sequence[Value]) -> Vector:
        return tuple(
            self.table.function(declaration.key, REAL, component)(*self._flat(values))
            for component in range(1, self.size + 1)
        )

    # ---------------------------------------------------------------- calculus

    def is_variable(self, value: Value) -> bool:
        entries = self.parts(value)
        return all(entry.is_Symbol for entry in entries) and len(set(entries)) == len(entries)

    def depends(self, value: Value, variable: Value) -> bool:
        symbols = self.parts(variable)
        return any(depends(entry, symbols) for entry in self._entries(value))

    def _entries(self, value: Value) -> list[sp.Expr]:
        return self.parts(value.vector if isinstance(value, Row) else value)

    def hides(self, value: Value, symbol: sp.Symbol) -> bool:
        return False

    def substituted(self, value: Value, variable: Value, replacement: Value) -> Value:
        values = dict(zip(self.parts(variable), self.parts(replacement), strict=True))
        return self.map(lambda entry: self.scalar_substituted(entry, values), value)

    def derivative(self, value: Value, symbol: sp.Symbol) -> Value:
        return self.map(lambda entry: self.scalar_derivative(entry, symbol), value)

    def gradient(self, scalar: sp.Expr, variable: Vector) -> Vector:
        return tuple(self.scalar_derivative(scalar, symbol) for symbol in variable)

    def divergence(self, vector: Vector, variable: Vector) -> sp.Expr:
        return sp.Add(*[self.scalar_derivative(f, x) for f, x in zip(vector, variable, strict=True)])

    def jacobian(self, vector: Vector, variable: Vector) -> sp.ImmutableMatrix:
        return sp.ImmutableMatrix(
            self.size, self.size, lambda i, j: self.scalar_derivative(vector[i], variable[j])
        )

    # ---------------------------------------------------------------- integration

    def integrate_everywhere(self, value: Value, variable: Value) -> Value:
        symbols = self.parts(variable)
        return self.map(lambda entry: self._integral(entry, symbols), value)

    def _integral(self, expression: sp.Expr, symbols: Sequence[sp.Symbol]) -> sp.Expr:
        """In closed form where densities and Gaussians allow it; what is left stays an integral."""
        done = self._closed_form(expression, symbols)
        if done is not None:
            return done
        terms = self._terms(expression)
        finished = [self._closed_form(term, symbols) for term in terms] if len(terms) > 1 else [None]
        if all(result is None for result in finished):
            return self._kept(expression, symbols)
        left = sp.Add(*[term for term, result in zip(terms, finished, strict=True) if result is None])
        total = sp.Add(*[result for result in finished if result is not None])
        self.condition("every integral converges")
        return total if left == 0 else total + self._kept(left, symbols)

    @staticmethod
    def _terms(expression: sp.Expr) -> Sequence[sp.Expr]:
        try:
            term_count(expression)
        except Unsupported:
            return sp.Add.make_args(expression)
        return sp.Add.make_args(expand(expression))

    def _kept(self, expression: sp.Expr, symbols: Sequence[sp.Symbol]) -> sp.Expr:
        self.condition("every integral converges")
        for symbol in symbols:
            if self.facts.symbols[symbol] != UNIT and expression.is_polynomial(symbol):
                raise Unsupported(f"an integral does not converge: {expression} does not decay")
            expression = close(sp.Integral, expression, symbol, *self._all_values(symbol), self.table)
        return expression

    def _all_values(self, symbol: sp.Symbol) -> tuple[sp.Expr, sp.Expr]:
        match self.facts.symbols[symbol]:
            case "real":
                return -sp.oo, sp.oo
            case domain if domain in (POSITIVE, NONNEGATIVE):
                return sp.Integer(0), sp.oo
            case domain if domain == UNIT:
                return sp.Integer(0), sp.Integer(1)
            case domain:
                raise Unsupported(f"an integral over {domain} values")

    def _closed_form(self, expression: sp.Expr, symbols: Sequence[sp.Symbol]) -> sp.Expr | None:
        if expression == 0:
            return expression
        for factor in sp.Mul.make_args(expression):
            if self._is_density_in(factor, symbols) and not depends(expression / factor, symbols):
                return expression / factor
        if any(self.facts.symbols[symbol] != REAL for symbol in symbols):
            return None
        needed: list[sp.Expr] = []
        result: sp.Expr | None = expression
        for symbol in symbols:
            result = gaussian_integral(result, symbol, needed.append)
            if result is None:
                return None
        for quantity in needed:
            if provably_not_positive(quantity, self.facts):
                raise Unsupported(f"an integral does not converge: {quantity} is not positive")
            if not provably_positive(quantity, self.facts):
                self.condition(f"integral converges: {sp.factor_terms(quantity)} > 0", quantity)
        return result

    def _is_density_in(self, factor: sp.Expr, symbols: Sequence[sp.Symbol]) -> bool:
        if not isinstance(factor, AppliedUndef):
            return False
        leading = self._densities.get(factor.func.__name__, 0)
        return (
            leading == len(symbols)
            and list(factor.args[:leading]) == list(symbols)
            and not any(depends(argument, symbols) for argument in factor.args[leading:])
        )

    def expect(
        self, value: Value, variable: Value, mean: Value, variance: sp.Expr, highest: int | None, name: str
    ) -> Value:
        symbols, means = self.parts(variable), self.parts(mean)

        def one(entry: sp.Expr) -> sp.Expr:
            if highest is not None:
                _check_order(entry, symbols, highest, name)
            result: sp.Expr | None = entry
            for symbol, centre in zip(symbols, means, strict=True):
                result = polynomial_moment(result, symbol, centre, variance, highest, name)
                if result is None:
                    break
            if result is not None:
                return result
            if highest is not None:
                raise Unsupported(
                    f"only the first {highest} moments of {name} are known, this is no polynomial in it"
                )
            return self._gaussian_mean(entry, variable, symbols, means, variance)

        return self.map(one, value)

    def _gaussian_mean(
        self,
        entry: sp.Expr,
        variable: Value,
        symbols: Sequence[sp.Symbol],
        means: Sequence[sp.Expr],
        variance: sp.Expr,
    ) -> sp.Expr:
        """Mean of something that is not a polynomial: an integral over a variable of its own."""
        fresh = [self.table.temporary(REAL) for _ in symbols]
        moved = self.scalar_substituted(entry, dict(zip(symbols, fresh, strict=True)))
        length = sp.Add(*[(x - m) ** 2 for x, m in zip(fresh, means, strict=True)])
        weight = sp.exp(-length / (2 * variance)) * (2 * sp.pi * variance) ** (-sp.Rational(len(fresh), 2))
        return self._integral(moved * weight, fresh)


def _is_scalar(value: Value) -> bool:
    return isinstance(value, sp.Expr) and not isinstance(value, sp.MatrixBase)  # a SymPy matrix is an Expr


def _check_order(entry: sp.Expr, symbols: Sequence[sp.Symbol], highest: int, name: str) -> None:
    """Refuse a moment beyond the declared ones, counted over all components together."""
    opened = expand(entry)
    if not depends(opened, symbols) or not opened.is_polynomial(*symbols):
        return
    order = sp.Poly(opened, *symbols).total_degree()
    if order > min(highest, MAX_MOMENT):
        raise Unsupported(f"only the first {highest} moments of {name} are declared, order {order} is needed")
