r"""The reading in symbolic d: vectors are sums `c_1 v_1 + ... + c_k v_k` of named vectors.

Scalars are functions of the inner products `<v_i, v_j>`, which are treated as independent symbols,
and of the symbol d. An identity proved this way holds for every d; a difference found this way is
none unless d is at least the number of vectors. Matrices are `a I + sum c_ij v_i v_j^T`.

Every operation that looks at coefficients only must first make sure that its variable does not hide
in the argument of a vector (`hides`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from verify.language.scope import INDEX, NONNEGATIVE, REAL, Declaration, Scope
from verify.meaning.errors import Unsupported
from verify.meaning.evaluation import MATRIX, ROW, SCALAR, VECTOR, Evaluation, Row, Value
from verify.meaning.expressions import depends
from verify.meaning.moments import MAX_MOMENT, gaussian_integral, polynomial_moment, split_exponent
from verify.meaning.positivity import provably_not_positive, provably_positive
from verify.meaning.sizes import expand

SIMPLE_ENOUGH = 150  # operations of an argument that is brought to one fraction


@dataclass(frozen=True)
class Atom:
    """A named vector, or a vector function at canonical arguments with its derivative orders."""

    name: str
    arguments: tuple[Value, ...] = ()
    orders: tuple[int, ...] = ()

    @property
    def label(self) -> str:
        """Readable; atoms are ordered by it."""
        if not self.arguments:
            return self.name
        marks = "".join(f"^{order}" for order in self.orders if any(self.orders))
        return f"{self.name}{marks}({', '.join(map(str, self.arguments))})"

    def __str__(self) -> str:
        return self.label


@dataclass(frozen=True)
class GramVector:
    """Atoms with nonzero coefficients, in the order of their labels."""

    terms: tuple[tuple[Atom, sp.Expr], ...] = ()

    @staticmethod
    def of(coefficients: Mapping[Atom, sp.Expr]) -> GramVector:
        """From a dictionary; zero coefficients are left out."""
        kept = [(atom, c) for atom, c in coefficients.items() if c != 0]
        return GramVector(tuple(sorted(kept, key=lambda term: term[0].label)))

    def __str__(self) -> str:
        return " + ".join(f"({c})*{atom}" for atom, c in self.terms) or "0"


@dataclass(frozen=True)
class GramMatrix:
    """`scale I + sum c u v^T` over pairs of atoms (u, v)."""

    scale: sp.Expr
    outer: tuple[tuple[tuple[Atom, Atom], sp.Expr], ...] = field(default=())

    @staticmethod
    def of(scale: sp.Expr, coefficients: Mapping[tuple[Atom, Atom], sp.Expr]) -> GramMatrix:
        """From a dictionary; zero coefficients are left out."""
        kept = [(pair, c) for pair, c in coefficients.items() if c != 0]
        return GramMatrix(scale, tuple(sorted(kept, key=lambda term: (term[0][0].label, term[0][1].label))))


ONE = sp.Integer(1)


class Gram(Evaluation):
    """Values are SymPy scalars, GramVector, GramMatrix and Row."""

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
            return GramVector.of(_added(left.terms, right.terms))
        return GramMatrix.of(left.scale + right.scale, _added(left.outer, right.outer))

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
                result = self.sum_of(result, _single(u, c * self.inner(_single(v), other)))
            return result
        mixed = _added(
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
        return _single(Atom(self.table.name("vector", declaration.key), arguments, (0,) * len(arguments)))

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
                found += [_single(atom) for atom in self._pairs[symbol]]
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
        total = GramMatrix(self._scalar_replaced(value.scale, variable, replacement))
        for (u, v), c in value.outer:
            pair = [self._atom_replaced(atom, variable, replacement) for atom in (u, v)]
            coefficient = self._scalar_replaced(c, variable, replacement)
            total = self.sum_of(total, self.scale(coefficient, self.outer(*pair)))
        return total

    def _atom_replaced(self, atom: Atom, variable: Value, replacement: Value) -> GramVector:
        if isinstance(variable, GramVector) and atom == variable.terms[0][0]:
            return replacement
        if not self._atom_depends(atom, variable):
            return _single(atom)
        arguments = tuple(
            self._canonical(self.substituted(argument, variable, replacement)) for argument in atom.arguments
        )
        return _single(Atom(atom.name, arguments, atom.orders))

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
            total = self.sum_of(total, _single(Atom(atom.name, atom.arguments, orders), inner))
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
                (self._atom_derivative(u, symbol), _single(v)),
                (_single(u), self._atom_derivative(v, symbol)),
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
                rate = self.inner(self._atom_derivative(u, symbol), _single(v))
                rate += self.inner(_single(u), self._atom_derivative(v, symbol))
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
                    total = self.sum_of(total, _single(other, rate))
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
            total += self.inner(self.gradient(c, variable), _single(atom))
            if atom == own:
                total += c * self.dimension
        return total

    def jacobian(self, vector: GramVector, variable: GramVector) -> GramMatrix:
        own = self._plain_in(vector, variable)
        total = GramMatrix(sp.Integer(0))
        for atom, c in vector.terms:
            total = self.sum_of(total, self.outer(_single(atom), self.gradient(c, variable)))
            if atom == own:
                total = self.sum_of(total, GramMatrix(c))
        return total

    # ---------------------------------------------------------------- Gaussian integrals and moments

    def _through_probes(self, value: Value, change: Callable[[sp.Expr], sp.Expr]) -> Value:
        """A linear operation on scalars carried to vectors: `<value, w>` for a new w, then w taken off."""
        if isinstance(value, sp.Expr):
            return change(value)
        if isinstance(value, Row):
            return Row(self._through_probes(value.vector, change))
        left, right = self.fresh_vector("w"), self.fresh_vector("w")
        if isinstance(value, GramVector):
            return self._without_probe(change(self.inner(value, left)), left)
        scalar = change(self.inner(left, self.matrix_product(value, right)))
        ((probe, _),) = left.terms
        rows = self._without_probe(scalar, right)
        scale, outer = sp.Integer(0), {}
        for atom, c in rows.terms:
            if atom == probe:
                scale += c
                continue
            for other, e in self._without_probe(c, left).terms:
                outer[other, atom] = e
        return GramMatrix.of(scale, outer)

    def _without_probe(self, scalar: sp.Expr, probe: GramVector) -> GramVector:
        """The vector u of a scalar `<u, w>`."""
        ((own, _),) = probe.terms
        symbols = [s for s, pair in self._pairs.items() if own in pair and s in scalar.free_symbols]
        total = GramVector()
        for symbol in symbols:
            u, v = self._pairs[symbol]
            total = self.sum_of(total, _single(v if u == own else u, sp.diff(scalar, symbol)))
        return total

    def integrate_everywhere(self, value: Value, variable: Value) -> Value:
        if isinstance(variable, sp.Symbol):
            if self.hides(value, variable):
                raise Unsupported("an integral over the argument of a vector is not expressed in symbolic d")
            return self.map(lambda entry: self._scalar_integral(entry, variable), value)
        return self._through_probes(value, lambda entry: self._vector_integral(entry, variable))

    def _needs(self, quantity: sp.Expr) -> None:
        if provably_not_positive(quantity, self.facts):
            raise Unsupported(f"an integral does not converge: {quantity} is not positive")
        if not provably_positive(quantity, self.facts):
            self.condition(f"integral converges: {sp.factor_terms(quantity)} > 0", quantity)

    def _scalar_integral(self, expression: sp.Expr, symbol: sp.Symbol) -> sp.Expr:
        terms = [
            gaussian_integral(term, symbol, self._needs) for term in sp.Add.make_args(expand(expression))
        ]
        if self.facts.symbols[symbol] != REAL or any(term is None for term in terms):
            raise Unsupported("a scalar integral that is not Gaussian, in symbolic d")
        return sp.Add(*terms)

    def _vector_integral(self, expression: sp.Expr, variable: GramVector) -> sp.Expr:
        total = sp.Integer(0)
        for term in sp.Add.make_args(expression):
            done = self._gaussian_term(term, variable)
            if done is None and term.is_Mul:
                opened = expand(term)
                parts = sp.Add.make_args(opened)
                results = [self._gaussian_term(part, variable) for part in parts]
                done = None if any(result is None for result in results) else sp.Add(*results)
            if done is None:
                raise Unsupported("an integral that is not Gaussian, in symbolic d")
            total += done
        return total

    def _symbols_with(self, variable: GramVector) -> list[sp.Symbol]:
        ((own, _),) = variable.terms
        return [symbol for symbol, pair in self._pairs.items() if own in pair]

    def _opaque_in(self, expression: sp.Expr, variable: GramVector) -> bool:
        """True when the variable hides in the argument of a function."""
        ((own, _),) = variable.terms
        for symbol in sorted(expression.free_symbols, key=lambda s: s.name):
            if symbol in self._stands_for and self.depends(self._stands_for[symbol], variable):
                return True
            if symbol in self._pairs and any(
                atom != own and self._atom_depends(atom, variable) for atom in self._pairs[symbol]
            ):
                return True
        return False

    def _gaussian_term(self, term: sp.Expr, variable: GramVector) -> sp.Expr | None:
        """`int p(x) exp(-a|x|^2/2 + <b,x> + c) dx` over R^d, or the integral of one density."""
        if term == 0:
            return term
        if self._opaque_in(term, variable):
            return self._density_term(term, variable)
        symbols = self._symbols_with(variable)
        exponent, inside, outside = split_exponent(term, symbols)
        opened = expand(exponent)
        if (
            not depends(opened, symbols)
            or not opened.is_polynomial(*symbols)
            or not inside.is_polynomial(*symbols)
        ):
            return None
        quadratic = sp.Poly(opened, *symbols)
        if quadratic.total_degree() != 1:
            return None
        ((own, _),) = variable.terms
        curvature, slope, rest = sp.Integer(0), GramVector(), sp.Integer(0)
        for powers, c in quadratic.terms():
            if not any(powers):
                rest += c
                continue
            u, v = self._pairs[symbols[powers.index(1)]]
            if u == v:
                curvature -= 2 * c
            else:
                slope = self.sum_of(slope, _single(v if u == own else u, c))
        curvature = sp.together(curvature)
        if curvature == 0:
            return None
        self._needs(curvature)
        moment = self._moment(inside, variable, self.scale(1 / curvature, slope), 1 / curvature)
        size = (2 * sp.pi / curvature) ** (self.dimension / 2)
        return outside * size * sp.exp(rest + self.squared_length(slope) / (2 * curvature)) * moment

    def _density_term(self, term: sp.Expr, variable: GramVector) -> sp.Expr | None:
        for factor in sp.Mul.make_args(term):
            if isinstance(factor, AppliedUndef) and factor.func.__name__ in self._densities:
                first, *others = factor.args
                alone = self._stands_for.get(first) == variable
                rest = term / factor
                if (
                    alone
                    and not any(self.depends(other, variable) for other in others)
                    and not self.depends(rest, variable)
                ):
                    return rest
        return None

    def expect(
        self, value: Value, variable: Value, mean: Value, variance: sp.Expr, highest: int | None, name: str
    ) -> Value:
        if isinstance(variable, sp.Symbol):
            if self.hides(value, variable):
                raise Unsupported("a mean over the argument of a vector is not expressed in symbolic d")

            def scalar_mean(entry: sp.Expr) -> sp.Expr:
                result = polynomial_moment(entry, variable, mean, variance, highest, name)
                if result is None:
                    raise Unsupported(
                        f"the mean of something that is not a polynomial in {name}, in symbolic d"
                    )
                return result

            return self.map(scalar_mean, value)

        def vector_mean(entry: sp.Expr) -> sp.Expr:
            if not self.depends(entry, variable):
                return entry
            if self._opaque_in(entry, variable):
                raise Unsupported(f"the mean of an undefined function of {name}, in symbolic d")
            self._check_order(entry, variable, highest, name)
            return self._moment(entry, variable, mean, variance)

        return self._through_probes(value, vector_mean)

    def _check_order(self, entry: sp.Expr, variable: GramVector, highest: int | None, name: str) -> None:
        symbols = self._symbols_with(variable)
        opened = expand(entry)
        if not opened.is_polynomial(*symbols):
            raise Unsupported(f"the mean of something that is not a polynomial in {name}, in symbolic d")
        weights = [2 if len(set(self._pairs[symbol])) == 1 else 1 for symbol in symbols]
        monomials = sp.Poly(opened, *symbols).monoms()
        order = max(sum(w * k for w, k in zip(weights, powers, strict=True)) for powers in monomials)
        limit = MAX_MOMENT if highest is None else highest
        if order > limit:
            raise Unsupported(f"only the first {limit} moments of {name} are known, order {order} is needed")

    def _moment(
        self, expression: sp.Expr, variable: GramVector, mean: GramVector, variance: sp.Expr
    ) -> sp.Expr:
        """`E p(x)` for x ~ N(mean, variance I) and a polynomial p in the inner products of x."""
        if not self.depends(expression, variable):
            return expression
        standard = self.fresh_vector("z")
        moved = self.sum_of(mean, self.scale(sp.sqrt(variance), standard))
        opened = expand(self.substituted(expression, variable, moved))
        return self._stein(opened, standard)

    def _stein(self, expression: sp.Expr, standard: GramVector) -> sp.Expr:
        """`E p(z)` for a standard Gaussian z by `E[<z,w> p] = E[<w, grad p>]`, `E[<z,z> p] = E[d p + <z, grad p>]`."""
        symbols = self._symbols_with(standard)
        if not depends(expression, symbols):
            return expression
        ((own, _),) = standard.terms
        total = sp.Integer(0)
        for powers, c in sp.Poly(expression, *symbols).terms():
            if not any(powers):
                total += c
                continue
            used = [i for i, power in enumerate(powers) if power]
            first = next((i for i in used if self._pairs[symbols[i]] != (own, own)), used[0])
            rest = sp.Mul(
                *[s ** (k - (i == first)) for i, (s, k) in enumerate(zip(symbols, powers, strict=True))]
            )
            u, v = self._pairs[symbols[first]]
            slope = self.gradient(rest, standard)
            if u == v:
                reduced = self.dimension * rest + self.inner(standard, slope)
            else:
                reduced = self.inner(_single(v if u == own else u), slope)
            total += c * self._stein(expand(reduced), standard)
        return expand(total)


def _single(atom: Atom, coefficient: sp.Expr = ONE) -> GramVector:
    return GramVector(((atom, coefficient),)) if coefficient != 0 else GramVector()


def _added(left: Sequence[tuple[Any, sp.Expr]], right: Sequence[tuple[Any, sp.Expr]]) -> dict[Any, sp.Expr]:
    total = dict(left)
    for key, c in right:
        total[key] = total.get(key, sp.Integer(0)) + c
    return total
