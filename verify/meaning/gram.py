r"""The reading in symbolic d: vectors are sums `c_1 v_1 + ... + c_k v_k` of named vectors.

Scalars are functions of the inner products `<v_i, v_j>`, which are treated as independent symbols,
and of the symbol d. An identity proved this way holds for every d; a difference found this way is
none unless d is at least the number of vectors. Matrices are `a I + sum c_ij v_i v_j^T`.

Every operation that looks at coefficients only must first make sure that its variable does not hide
in the argument of a vector (`hides`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sympy as sp

from verify.language.scope import INDEX, NONNEGATIVE, REAL, Declaration, Scope
from verify.meaning.algebra import MATRIX, ROW, SCALAR, VECTOR, Row, Value
from verify.meaning.errors import Unsupported
from verify.meaning.evaluation import Evaluation
from verify.meaning.expressions import depends
from verify.meaning.gram_values import ONE, Atom, GramMatrix, GramVector, added, single
from verify.meaning.sizes import expand

SIMPLE_ENOUGH = 150  # operations of an argument that is brought to one fraction


class GramAlgebra(Evaluation):
    """Algebra, substitution and derivatives. Values are SymPy scalars, GramVector, GramMatrix and Row."""

    label = "every d"

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope)
        self.dimension = self.table.symbol("d", INDEX, kind="dimension")
        self._products: dict[tuple[Atom, Atom], sp.Symbol] = {}
        self._pairs: dict[sp.Symbol, tuple[Atom, Atom]] = {}
        self._stands_for: dict[sp.Symbol, GramVector] = {}  # vector arguments of scalar functions
        self._densities: set[str] = set()
        self._fresh = 0

    # ---------------------------------------------------------------- algebra

    def shape(self, value: Value) -> str:
        if isinstance(value, sp.Expr):
            return SCALAR
        if isinstance(value, GramVector):
            return VECTOR
        return ROW if isinstance(value, Row) else MATRIX

    def own_vector(self, key: str) -> GramVector:
        return GramVector(((Atom(self.table.name("vector", key)), ONE),))

    def fresh_vector(self, key: str) -> GramVector:
        self._fresh += 1
        return GramVector(((Atom(f"_v{self._fresh}"), ONE),))

    def zero_vector(self) -> GramVector:
        return GramVector()

    def identity(self) -> GramMatrix:
        return GramMatrix(ONE)

    def sum_of(self, left: Value, right: Value) -> Value:
        if isinstance(left, GramVector):
            return GramVector.of(added(left.terms, right.terms))
        return GramMatrix.of(left.scale + right.scale, added(left.outer, right.outer))

    def map(self, change: Callable[[sp.Expr], sp.Expr], value: Value) -> Value:
        if isinstance(value, sp.Expr):
            return change(value)
        if isinstance(value, Row):
            return Row(self.map(change, value.vector))
        if isinstance(value, GramVector):
            return GramVector.of({atom: change(c) for atom, c in value.terms})
        return GramMatrix.of(change(value.scale), {pair: change(c) for pair, c in value.outer})

    def product_symbol(self, left: Atom, right: Atom) -> sp.Symbol:
        """The symbol of the inner product of two atoms."""
        pair = (left, right) if left.label <= right.label else (right, left)
        if pair not in self._products:
            domain = NONNEGATIVE if left == right else REAL
            text = f"<{pair[0]},{pair[1]}>"
            key = f"{text} #{len(self._products)}"
            symbol = self.table.symbol(key, domain, kind="inner product", wanted=text)
            self._products[pair], self._pairs[symbol] = symbol, pair
        return self._products[pair]

    def inner(self, left: GramVector, right: GramVector) -> sp.Expr:
        return sp.Add(*[c * e * self.product_symbol(u, v) for u, c in left.terms for v, e in right.terms])

    def outer(self, left: GramVector, right: GramVector) -> GramMatrix:
        return GramMatrix.of(sp.Integer(0), {(u, v): c * e for u, c in left.terms for v, e in right.terms})

    def matrix_product(self, matrix: GramMatrix, other: Value) -> Value:
        if isinstance(other, GramVector):
            result = self.scale(matrix.scale, other)
            for (u, v), c in matrix.outer:
                result = self.sum_of(result, single(u, c * self.inner(single(v), other)))
            return result
        mixed = added(
            self.map(lambda c: c * matrix.scale, GramMatrix(sp.Integer(0), other.outer)).outer,
            self.map(lambda c: c * other.scale, GramMatrix(sp.Integer(0), matrix.outer)).outer,
        )
        for (u, v), c in matrix.outer:
            for (w, z), e in other.outer:
                mixed[u, z] = mixed.get((u, z), sp.Integer(0)) + c * e * self.product_symbol(v, w)
        return GramMatrix.of(matrix.scale * other.scale, mixed)

    def transposed(self, matrix: GramMatrix) -> GramMatrix:
        return GramMatrix.of(matrix.scale, {(v, u): c for (u, v), c in matrix.outer})

    def trace(self, matrix: GramMatrix) -> sp.Expr:
        return matrix.scale * self.dimension + sp.Add(
            *[c * self.product_symbol(u, v) for (u, v), c in matrix.outer]
        )

    def isotropic(self, matrix: GramMatrix) -> sp.Expr | None:
        return matrix.scale if all(expand(c) == 0 for _, c in matrix.outer) else None

    def parts(self, value: Value) -> list[sp.Expr]:
        if isinstance(value, sp.Expr):
            return [value]
        if isinstance(value, GramVector):
            return [c for _, c in value.terms] or [sp.Integer(0)]
        return [value.scale, *[c for _, c in value.outer]]

    def is_affine(self, value: Value, variables: Sequence[Value]) -> bool:
        if isinstance(value, GramVector):
            own = [variable.terms[0][0] for variable in variables if isinstance(variable, GramVector)]
            return all(
                (atom in own or not any(self._atom_depends(atom, v) for v in variables))
                and not any(self.depends(c, v) for v in variables)
                for atom, c in value.terms
            )
        symbols = [variable for variable in variables if isinstance(variable, sp.Symbol)]
        if not isinstance(value, sp.Expr) or any(self.hides(value, symbol) for symbol in symbols):
            return False
        if any(self.depends(value, v) for v in variables if not isinstance(v, sp.Symbol)):
            return False
        opened = expand(value)
        return not symbols or opened.is_polynomial(*symbols) and sp.Poly(opened, *symbols).total_degree() <= 1

    # ---------------------------------------------------------------- undefined functions

    def _canonical(self, value: Value) -> Value:
        def one(entry: sp.Expr) -> sp.Expr:
            return sp.cancel(entry) if sp.count_ops(entry) < SIMPLE_ENOUGH else expand(entry)

        return self.map(one, value)

    def vector_function(self, declaration: Declaration, values: Sequence[Value]) -> GramVector:
        arguments = tuple(self._canonical(value) for value in values)
        return single(Atom(self.table.name("vector", declaration.key), arguments, (0,) * len(arguments)))

    def scalar_function(self, declaration: Declaration, values: Sequence[Value]) -> sp.Expr:
        function = self.table.function(declaration.key, declaration.domain)
        if declaration.density:
            self._densities.add(function.__name__)
        return function(*[self._argument(value) for value in values])

    def _argument(self, value: Value) -> sp.Expr:
        """A scalar argument itself; for a vector argument the symbol that stands for it."""
        if isinstance(value, sp.Expr):
            return value
        vector = self._canonical(value)
        known = next((symbol for symbol, v in self._stands_for.items() if v == vector), None)
        if known is None:
            key = f"{vector} #{len(self._stands_for)}"
            known = self.table.symbol(key, REAL, kind="vector argument", wanted=f"[{vector}]")
            self._stands_for[known] = vector
        return known

    # ---------------------------------------------------------------- what is hidden where

    def _hidden_vectors(self, expression: sp.Expr) -> list[GramVector]:
        """The vectors behind the symbols of an expression, in a fixed order."""
        found = []
        for symbol in sorted(expression.free_symbols, key=lambda s: s.name):
            if symbol in self._pairs:
                found += [single(atom) for atom in self._pairs[symbol]]
            elif symbol in self._stands_for:
                found.append(self._stands_for[symbol])
        return found

    def _atom_depends(self, atom: Atom, variable: Value) -> bool:
        if isinstance(variable, GramVector) and atom == variable.terms[0][0]:
            return True
        return any(self.depends(argument, variable) for argument in atom.arguments)

    def depends(self, value: Value, variable: Value) -> bool:
        if isinstance(value, Row):
            return self.depends(value.vector, variable)
        if isinstance(value, sp.Expr):
            if isinstance(variable, sp.Symbol) and depends(value, [variable]):
                return True
            return any(self.depends(vector, variable) for vector in self._hidden_vectors(value))
        if isinstance(value, GramVector):
            return any(
                self._atom_depends(atom, variable) or self.depends(c, variable) for atom, c in value.terms
            )
        return self.depends(value.scale, variable) or any(
            self._atom_depends(u, variable) or self._atom_depends(v, variable) or self.depends(c, variable)
            for (u, v), c in value.outer
        )

    def hides(self, value: Value, symbol: sp.Symbol) -> bool:
        if isinstance(value, Row):
            return self.hides(value.vector, symbol)
        if isinstance(value, sp.Expr):
            return any(self.depends(vector, symbol) for vector in self._hidden_vectors(value))
        atoms = (
            [a for a, _ in value.terms]
            if isinstance(value, GramVector)
            else [a for p, _ in value.outer for a in p]
        )
        return any(self._atom_depends(atom, symbol) for atom in atoms) or any(
            self.hides(c, symbol) for c in self.parts(value)
        )

    def is_variable(self, value: Value) -> bool:
        if isinstance(value, GramVector):
            return len(value.terms) == 1 and value.terms[0][1] == 1 and not value.terms[0][0].arguments
        return isinstance(value, sp.Symbol)

    # ---------------------------------------------------------------- substitution

    def substituted(self, value: Value, variable: Value, replacement: Value) -> Value:
        if isinstance(value, Row):
            return Row(self.substituted(value.vector, variable, replacement))
        if isinstance(value, sp.Expr):
            return self._scalar_replaced(value, variable, replacement)
        if isinstance(value, GramVector):
            total = GramVector()
            for atom, c in value.terms:
                coefficient = self._scalar_replaced(c, variable, replacement)
                total = self.sum_of(
                    total, self.scale(coefficient, self._atom_replaced(atom, variable, replacement))
                )
            return total
        matrix = GramMatrix(self._scalar_replaced(value.scale, variable, replacement))
        for (u, v), c in value.outer:
            pair = [self._atom_replaced(atom, variable, replacement) for atom in (u, v)]
            coefficient = self._scalar_replaced(c, variable, replacement)
            matrix = self.sum_of(matrix, self.scale(coefficient, self.outer(*pair)))
        return matrix

    def _atom_replaced(self, atom: Atom, variable: Value, replacement: Value) -> GramVector:
        if isinstance(variable, GramVector) and atom == variable.terms[0][0]:
            return replacement
        if not self._atom_depends(atom, variable):
            return single(atom)
        arguments = tuple(
            self._canonical(self.substituted(argument, variable, replacement)) for argument in atom.arguments
        )
        return single(Atom(atom.name, arguments, atom.orders))

    def _scalar_replaced(self, expression: sp.Expr, variable: Value, replacement: Value) -> sp.Expr:
        values: dict[sp.Basic, sp.Expr] = {}
        if isinstance(variable, sp.Symbol):
            values[variable] = replacement
        for symbol in sorted(expression.free_symbols, key=lambda s: s.name):
            if symbol in self._pairs and any(self._atom_depends(a, variable) for a in self._pairs[symbol]):
                left, right = (self._atom_replaced(a, variable, replacement) for a in self._pairs[symbol])
                values[symbol] = self.inner(left, right)
            elif symbol in self._stands_for and self.depends(self._stands_for[symbol], variable):
                values[symbol] = self._argument(
                    self.substituted(self._stands_for[symbol], variable, replacement)
                )
        return self.scalar_substituted(expression, values)

    # ---------------------------------------------------------------- calculus

    def _atom_derivative(self, atom: Atom, symbol: sp.Symbol) -> GramVector:
        total = GramVector()
        for position, argument in enumerate(atom.arguments):
            if not self.depends(argument, symbol):
                continue
            if not isinstance(argument, sp.Expr):
                raise Unsupported(
                    f"the derivative of {atom.name} in a vector argument is not expressed in symbolic d"
                )
            orders = tuple(order + (place == position) for place, order in enumerate(atom.orders))
            inner = self.derivative(argument, symbol)
            total = self.sum_of(total, single(Atom(atom.name, atom.arguments, orders), inner))
        return total

    def derivative(self, value: Value, symbol: sp.Symbol) -> Value:
        if isinstance(value, Row):
            return Row(self.derivative(value.vector, symbol))
        if isinstance(value, sp.Expr):
            return self._scalar_rate(value, symbol)
        result = self.map(lambda c: self._scalar_rate(c, symbol), value)
        if isinstance(value, GramVector):
            for atom, c in value.terms:
                result = self.sum_of(result, self.scale(c, self._atom_derivative(atom, symbol)))
            return result
        for (u, v), c in value.outer:
            for left, right in (
                (self._atom_derivative(u, symbol), single(v)),
                (single(u), self._atom_derivative(v, symbol)),
            ):
                result = self.sum_of(result, self.scale(c, self.outer(left, right)))
        return result

    def _scalar_rate(self, expression: sp.Expr, symbol: sp.Symbol) -> sp.Expr:
        total = self.scalar_derivative(expression, symbol)
        for hidden in sorted(expression.free_symbols, key=lambda s: s.name):
            if hidden in self._stands_for and self.depends(self._stands_for[hidden], symbol):
                raise Unsupported("the derivative of a function of a vector is not expressed in symbolic d")
            if hidden in self._pairs:
                u, v = self._pairs[hidden]
                rate = self.inner(self._atom_derivative(u, symbol), single(v))
                rate += self.inner(single(u), self._atom_derivative(v, symbol))
                if rate != 0:
                    total += self.scalar_derivative(expression, hidden) * rate
        return total

    def gradient(self, scalar: sp.Expr, variable: GramVector) -> GramVector:
        ((own, _),) = variable.terms
        total = GramVector()
        for hidden in sorted(scalar.free_symbols, key=lambda s: s.name):
            if hidden in self._stands_for and self.depends(self._stands_for[hidden], variable):
                raise Unsupported("the gradient of an undefined function is not expressed in symbolic d")
            if hidden not in self._pairs:
                continue
            pair = self._pairs[hidden]
            if any(atom != own and self._atom_depends(atom, variable) for atom in pair):
                raise Unsupported("the gradient of an undefined function is not expressed in symbolic d")
            rate = self.scalar_derivative(scalar, hidden)
            for atom, other in (pair, pair[::-1]):
                if atom == own:
                    total = self.sum_of(total, single(other, rate))
        return total

    def _plain_in(self, vector: GramVector, variable: GramVector) -> Atom:
        ((own, _),) = variable.terms
        if any(atom != own and self._atom_depends(atom, variable) for atom, _ in vector.terms):
            raise Unsupported("the derivative of an undefined vector function is not expressed in symbolic d")
        return own

    def divergence(self, vector: GramVector, variable: GramVector) -> sp.Expr:
        own = self._plain_in(vector, variable)
        total = sp.Integer(0)
        for atom, c in vector.terms:
            total += self.inner(self.gradient(c, variable), single(atom))
            if atom == own:
                total += c * self.dimension
        return total

    def jacobian(self, vector: GramVector, variable: GramVector) -> GramMatrix:
        own = self._plain_in(vector, variable)
        total = GramMatrix(sp.Integer(0))
        for atom, c in vector.terms:
            total = self.sum_of(total, self.outer(single(atom), self.gradient(c, variable)))
            if atom == own:
                total = self.sum_of(total, GramMatrix(c))
        return total
