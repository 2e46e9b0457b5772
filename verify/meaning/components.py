"""The reading in explicit components, for d = 1, 2, 3: a vector is d scalars."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from verify.language.scope import NONNEGATIVE, POSITIVE, REAL, UNIT, Declaration, Scope
from verify.language.tree import Node
from verify.meaning.algebra import MATRIX, ROW, SCALAR, VECTOR, Row, Value
from verify.meaning.bases import diagonal_matrix
from verify.meaning.errors import MeaningError, Unsupported
from verify.meaning.evaluation import Evaluation
from verify.meaning.expressions import close, depends
from verify.meaning.gaussians import gaussian_weight, joint_gaussian_integral, polynomial_mean
from verify.meaning.jets import jet_of
from verify.meaning.matrices import NO_SPECTRAL_POWER, Matrices, is_diagonal
from verify.meaning.moments import MAX_MOMENT, gaussian_integral, polynomial_moment
from verify.meaning.positivity import provably_not_positive, provably_positive
from verify.meaning.sizes import expand, power, term_count
from verify.meaning.symbols import readable

Vector = tuple[Any, ...]  # of sp.Expr, one for each component


class Components(Evaluation):
    """Vectors are tuples of `size` expressions, matrices are SymPy matrices.

    `sides` are the formulas that will be read: they tell which declared matrix is taken diagonal. As a `sample`
    the declared matrices are one choice of numbers, enough for a counterexample and quick in a high dimension.
    """

    def __init__(self, scope: Scope, size: int, sides: Sequence[Node] = (), sample: bool = False) -> None:
        super().__init__(scope)
        self.sample = sample
        self._sampled: dict[str, int] = {}  # entry of a declared matrix -> its number
        self.size = size
        self.dimension = sp.Integer(size)
        self.label = f"d = {size}"
        # function name -> number of leading scalar arguments, and their domain
        self._densities: dict[str, tuple[int, str]] = {}
        self._matrices = Matrices(size, self.facts)
        self._own_matrices: dict[str, sp.ImmutableMatrix] = {}
        self.diagonal = diagonal_matrix(scope, sides) if size > 1 else None

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
        return self._matrices.summed(left, right)

    def map(self, change: Callable[[sp.Expr], sp.Expr], value: Value) -> Value:
        if _is_scalar(value):
            return change(value)
        if isinstance(value, Row):
            return Row(self.map(change, value.vector))
        if isinstance(value, tuple):
            return tuple(change(entry) for entry in value)
        return value.applyfunc(change)

    def scale(self, factor: sp.Expr, value: Value) -> Value:
        result = super().scale(factor, value)
        return self._matrices.scaled(factor, value, result) if self.shape(value) == MATRIX else result

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

    # ---------------------------------------------------------------- declared matrices, powers

    def own_matrix(self, declaration: Declaration) -> sp.ImmutableMatrix:
        name = readable(declaration.key)

        def entry(label: str, domain: str) -> sp.Expr:
            wanted = f"{name}_{label.replace(' ', '_')}"
            if self.sample:
                n = self._sampled.setdefault(f"{declaration.key} {label}", len(self._sampled) + 1)
                size = sp.Rational(1 + n * n % 11, 1 + n % 4)
                return size if domain in (POSITIVE, NONNEGATIVE) or n % 3 else -size
            return self.table.symbol(f"{declaration.key} {label}", domain, wanted=wanted)

        if declaration.key not in self._own_matrices:
            diagonal = declaration.key == self.diagonal
            if diagonal:
                self.condition(f"in the eigenbasis of {declaration.key}")
            self._own_matrices[declaration.key] = self._matrices.declared(declaration.structure, diagonal, entry)
        return self._own_matrices[declaration.key]

    def matrix_function(self, declaration: Declaration, values: Sequence[Value]) -> sp.ImmutableMatrix:
        name, arguments = readable(declaration.key), self._flat(values)

        def entry(label: str, domain: str) -> sp.Expr:
            key, wanted = f"{declaration.key} {label}", f"{name}_{label.replace(' ', '_')}"
            return self.table.function(key, domain, wanted=wanted)(*arguments)

        return self._matrices.declared(declaration.structure, False, entry)

    def determinant(self, matrix: sp.ImmutableMatrix) -> sp.Expr:
        return self._matrices.determinant(matrix)

    def matrix_power(self, matrix: sp.ImmutableMatrix, exponent: sp.Expr) -> sp.ImmutableMatrix:
        if exponent.is_Integer:
            if exponent < 0 and self._matrices.strength(matrix) < 2:
                determinant = self.determinant(matrix)
                if determinant == 0:
                    raise MeaningError("the inverse of a matrix whose determinant is zero")
                self.divisor(determinant)
            return self._matrices.whole_power(matrix, int(exponent))
        if not is_diagonal(matrix):
            raise Unsupported(NO_SPECTRAL_POWER)
        for entry in (matrix[i, i] for i in range(self.size)):
            if exponent.is_integer or entry.is_nonnegative or provably_positive(entry, self.facts):
                continue
            if provably_not_positive(entry, self.facts):
                raise MeaningError(f"a fractional power of a matrix with the eigenvalue {entry}")
            self.condition(f"positive definite under a fractional power: {sp.factor_terms(entry)} > 0", entry)
        entries = [power(matrix[i, i], exponent) for i in range(self.size)]
        return sp.ImmutableMatrix(self.size, self.size, lambda i, j: entries[i] if i == j else 0)

    def diagonal_of(self, value: Value) -> sp.ImmutableMatrix:
        entries = value if isinstance(value, tuple) else [value[i, i] for i in range(self.size)]
        return sp.ImmutableMatrix(self.size, self.size, lambda i, j: entries[i] if i == j else 0)

    def mean_over_signs(self, value: Value, variable: Value) -> Value:
        def one(entry: sp.Expr) -> sp.Expr:
            for symbol in self.parts(variable):
                sides = [self.scalar_substituted(entry, {symbol: sp.Integer(sign)}) for sign in (1, -1)]
                entry = sp.Add(*sides) / 2
            return entry

        return self.map(one, value)

    def covariance(self, matrix: sp.ImmutableMatrix) -> sp.ImmutableMatrix:
        if any(expand(matrix[i, j] - matrix[j, i]) != 0 for i in range(self.size) for j in range(i)):
            raise MeaningError("a covariance is a symmetric matrix: declare it a positive definite matrix")
        if self._matrices.strength(matrix) < 2:
            for minor in self._matrices.leading_minors(matrix):
                if provably_not_positive(minor, self.facts):
                    raise MeaningError(f"a covariance that is not positive definite: {minor} is not positive")
                if not provably_positive(minor, self.facts):
                    self.condition(f"the covariance is positive definite: {sp.factor_terms(minor)} > 0", minor)
        return matrix

    def log_density_parts(self, centred: Vector, covariance: sp.ImmutableMatrix) -> tuple[sp.Expr, sp.Expr]:
        inverse = self._matrices.inverse(covariance)
        return self.inner(centred, self.matrix_product(inverse, centred)), self.determinant(covariance)

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
            first = self.scope.get(declaration.parameters[0])
            domain = REAL if first is None else first.domain
            self._densities[function.__name__] = len(self.parts(values[0])), domain
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
        finished = [
            self._inner_first(term, symbols) if result is None else result
            for term, result in zip(terms, finished, strict=True)
        ]
        if all(result is None for result in finished):
            return self._kept(expression, symbols)
        left = sp.Add(*[term for term, result in zip(terms, finished, strict=True) if result is None])
        total = sp.Add(*[result for result in finished if result is not None])
        self.condition("every integral converges")
        return total if left == 0 else total + self._kept(left, symbols)

    def _inner_first(self, term: sp.Expr, symbols: Sequence[sp.Symbol]) -> sp.Expr | None:
        """A term with one integral inside, integrated over the outer variables first (Fubini); None if that is open."""
        inner = [factor for factor in sp.Mul.make_args(term) if factor.has(sp.Integral) and depends(factor, symbols)]
        if len(inner) != 1 or not isinstance(inner[0], sp.Integral):
            return None
        ((integral,), rest) = inner, term / inner[0]
        bound = [limit[0] for limit in integral.limits]
        if any(depends(end, [*symbols, *bound]) for limit in integral.limits for end in limit[1:]):
            return None
        fresh = [self.table.temporary(self.facts.symbols[old]) for old in bound]
        body = rest * integral.function.xreplace(dict(zip(bound, fresh, strict=True)))
        done: list[sp.Expr] = []
        kept: list[sp.Expr] = []
        for part in self._terms(body):
            closed = self._closed_form(part, symbols)
            closed = self._inner_first(part, symbols) if closed is None else closed
            (kept if closed is None else done).append(part if closed is None else closed)
        if not done:
            return None
        self.condition("the order of integration may be exchanged (Fubini)")
        ranges = list(zip(fresh, integral.limits, strict=True))
        result = self._over(sp.Add(*done), ranges)
        if not kept:
            return result
        inside = sp.Add(*kept)
        for symbol, (_, lower, upper) in ranges:
            inside = close(sp.Integral, inside, symbol, lower, upper, self.table)
        return result + self._kept(inside, symbols)

    def _over(self, result: sp.Expr, left: list[tuple[sp.Symbol, sp.Tuple]]) -> sp.Expr:
        """The integral over these ranges, innermost first; in closed form where there is one."""
        while left:
            count = self._group(result, left)
            group, left = left[:count], left[count:]
            closed = self._everywhere(result, group)
            if closed is not None:
                result = closed
                continue
            for symbol, (_, lower, upper) in group:
                result = close(sp.Integral, result, symbol, lower, upper, self.table)
        return result

    def _group(self, body: sp.Expr, left: list[tuple[sp.Symbol, sp.Tuple]]) -> int:
        """How many of the variables are integrated over in one go: those of one vector where that has a closed form."""
        for count in (len(left), self.size):
            if count <= len(left) and self._everywhere(body, left[:count]) is not None:
                return count
        return 1

    def _everywhere(self, body: sp.Expr, group: list[tuple[sp.Symbol, sp.Tuple]]) -> sp.Expr | None:
        """The closed form of an integral over the whole range of these variables, or None."""
        symbols = [symbol for symbol, _ in group]
        if any(tuple(limit[1:]) != self._all_values(symbol) for symbol, limit in group):
            return None
        done = [self._closed_form(term, symbols) for term in self._terms(body)]
        return None if any(term is None for term in done) else sp.Add(*done)

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
            mass = self._mass_in(factor, symbols)
            if mass is not None and not depends(expression / factor, symbols):
                return mass * expression / factor
            if self._is_density_slope_in(factor, symbols) and not depends(expression / factor, symbols):
                self.condition("a density may be differentiated under the integral sign")
                return sp.Integer(0)
        if any(self.facts.symbols[symbol] != REAL for symbol in symbols):
            return None
        needed: list[sp.Expr] = []
        result = joint_gaussian_integral(expression, symbols, self._matrices, needed.append)
        if result is None:
            needed, result = [], expression
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

    def _mass_in(self, factor: sp.Expr, symbols: Sequence[sp.Symbol]) -> sp.Expr | None:
        """The integral of a density at c x + b over all x of d components: |c|^{-d}; None for anything else."""
        if self._is_density_in(factor, symbols):
            return sp.Integer(1)
        if not isinstance(factor, AppliedUndef) or any(self.facts.symbols[symbol] != REAL for symbol in symbols):
            return None
        scale = sp.diff(factor.args[0], symbols[0])
        shifts = [argument - scale * x for argument, x in zip(factor.args, symbols, strict=False)]
        if any(depends(expand(part), symbols) for part in (scale, *shifts)):
            return None
        if not self._is_density_in(factor.func(*symbols, *factor.args[len(symbols) :]), symbols):
            return None
        size = next((s for s in (scale, -scale) if provably_positive(s, self.facts)), None)
        return None if size is None else size ** -len(symbols)

    def _is_density_slope_in(self, factor: sp.Expr, symbols: Sequence[sp.Symbol]) -> bool:
        """A derivative of a density in its parameters alone: it integrates to the derivative of 1."""
        parts = jet_of(factor) if isinstance(factor, sp.Derivative | sp.Subs) else None
        if parts is None:
            return False
        function, orders, arguments = parts
        leading, _ = self._densities.get(function.__name__, (0, REAL))
        parameters = not any(orders[:leading]) and any(orders[leading:])
        return leading > 0 and parameters and self._is_density_in(function(*arguments), symbols)

    def _is_density_in(self, factor: sp.Expr, symbols: Sequence[sp.Symbol]) -> bool:
        if not isinstance(factor, AppliedUndef):
            return False
        leading, domain = self._densities.get(factor.func.__name__, (0, REAL))
        return (
            leading == len(symbols)
            and all(self.facts.symbols[symbol] == domain for symbol in symbols)
            and list(factor.args[:leading]) == list(symbols)
            and not any(depends(argument, symbols) for argument in factor.args[leading:])
        )

    def expect(
        self, value: Value, variable: Value, mean: Value, variance: Value, highest: int | None, name: str
    ) -> Value:
        symbols, means = self.parts(variable), self.parts(mean)

        def one(entry: sp.Expr) -> sp.Expr:
            if highest is not None:
                _check_order(entry, symbols, highest, name)
            result: sp.Expr | None = entry
            if self.shape(variance) == MATRIX:
                result = polynomial_mean(entry, symbols, means, variance)
            else:
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
        variance: Value,
    ) -> sp.Expr:
        """Mean of something that is not a polynomial: an integral over a variable of its own."""
        fresh = [self.table.temporary(REAL) for _ in symbols]
        moved = self.scalar_substituted(entry, dict(zip(symbols, fresh, strict=True)))
        centred = tuple(x - m for x, m in zip(fresh, means, strict=True))
        if self.shape(variance) == MATRIX:
            length, determinant = self.log_density_parts(centred, variance)
        else:
            length, determinant = self.inner(centred, centred) / variance, variance ** len(fresh)
        return self._integral(moved * gaussian_weight(length, determinant, len(fresh)), fresh)


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
