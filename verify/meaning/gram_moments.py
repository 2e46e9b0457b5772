"""Gaussian integrals and means in symbolic d.

A Gaussian integral is done by completing the square in the inner products; a mean by Stein's
recursion `E <z,w> p(z) = E <w, grad p(z)>`. Vectors and matrices are carried through a scalar: the
inner product with a new vector, which is taken off again afterwards.
"""

from __future__ import annotations

from collections.abc import Callable

import sympy as sp
from sympy.core.function import AppliedUndef

from verify.language.scope import REAL
from verify.meaning.algebra import Row, Value
from verify.meaning.errors import Unsupported
from verify.meaning.expressions import depends
from verify.meaning.gram import GramAlgebra
from verify.meaning.gram_values import GramMatrix, GramVector, single
from verify.meaning.moments import MAX_MOMENT, gaussian_integral, polynomial_moment, split_exponent
from verify.meaning.positivity import provably_not_positive, provably_positive
from verify.meaning.sizes import expand


class Gram(GramAlgebra):
    """The reading in symbolic d."""

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
            total = self.sum_of(total, single(v if u == own else u, sp.diff(scalar, symbol)))
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
                slope = self.sum_of(slope, single(v if u == own else u, c))
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
                reduced = self.inner(single(v if u == own else u), slope)
            total += c * self._stein(expand(reduced), standard)
        return expand(total)
