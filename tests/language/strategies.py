"""Random declarations and random well-typed trees over them, every node class among them.

`formulas()` draws (scope, tree). The trees are those a reader can make: a sum has two terms or more,
a subtracted term is a `Negate`, numbers are not negative, and every name is declared.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from hypothesis import strategies as st

from verify.language.scope import INDEX, POSITIVE, REAL, UNIT, Declaration, Scope
from verify.language.tree import (
    ELEMENTARY,
    Absolute,
    Add,
    ArgMin,
    AtPoint,
    BigO,
    Call,
    Cases,
    Compare,
    Constant,
    Derivative,
    Differential,
    Divergence,
    Divide,
    DotProduct,
    Dotted,
    Extremum,
    Function,
    Gaussian,
    Gradient,
    Hessian,
    Identity,
    Inner,
    Integral,
    KullbackLeibler,
    Laplacian,
    Limit,
    Moment,
    Multiply,
    Name,
    Negate,
    Node,
    Norm,
    Number,
    Power,
    Primed,
    Product,
    Root,
    Summation,
    Trace,
    Transpose,
)

Trees = st.SearchStrategy[Node]
LIMIT_POINTS = st.sampled_from((Number("0"), Name("b"), Constant("infinity"), Negate(Constant("infinity"))))
SPARE_SCALARS = ("a", r"\sigma", r"\bar{\alpha}_{t-1}", r"\sigma_{data}", "c_{out}", r"\tilde{\beta}_{t}", "R")
SPARE_VECTORS = ("y", r"\mu", "x_{0}", r"\hat{x}", r"\epsilon", "y_{i}")


@st.composite
def scopes(draw: st.DrawFn) -> Scope:
    """A scope with a few names of every kind; which of the spare ones are there is drawn."""
    scope = Scope()
    for key in ("b", "h", *draw(st.lists(st.sampled_from(SPARE_SCALARS), unique=True))):
        scope.put(Declaration(key, domain=draw(st.sampled_from((REAL, POSITIVE, UNIT)))))
    for key in ("x", "z", *draw(st.lists(st.sampled_from(SPARE_VECTORS), unique=True))):
        scope.put(Declaration(key, value="vector"))
    scope.put(Declaration("t"))
    scope.put(Declaration("i", domain=INDEX, lower=Number("1"), upper=Number("5")))
    scope.put(Declaration("k", domain=INDEX))
    scope.put(Declaration("__index__", domain=INDEX))
    scope.put(Declaration("w", kind="wiener", value="vector"))
    scope.put(Declaration("n", kind="random", value="vector", mean=Number("0"), variance=Identity(), gaussian=True))
    scope.put(Declaration(r"\alpha_{.}", "function", "scalar", UNIT, ("__index__",)))
    scope.put(Declaration("p", "function", "scalar", POSITIVE, ("x", "t")))
    scope.put(Declaration("f", "function", "vector", REAL, ("x", "t")))
    scope.put(Declaration("g", "function", "scalar", REAL, ("t",)))
    scope.put(Declaration(r"\phi", "function", "scalar", REAL, ("b",)))
    scope.put(Declaration("q_{.}", "function", "scalar", POSITIVE, ("x", "t"), family=True))
    scope.sde["x"] = Add((Multiply((Name("b"), Differential(Name("t")))), Differential(Name("w"))))
    scope.joint["z"] = Gaussian(Name("x"), Name("z"), Identity())
    return scope


def _is_compound(node: Node) -> bool:
    return not isinstance(node, Name | Number)


class Typed:
    """Strategies for well-typed trees of one scope, by the depth that is left."""

    def __init__(self, scope: Scope) -> None:
        plain = [d.key for d in scope if d.kind == "variable" and not d.key.startswith("__")]
        self.scalars = [key for key in plain if scope.declarations[key].value == "scalar"]
        self.vectors = [key for key in plain if scope.declarations[key].value == "vector"]

    @cache  # noqa: B019, the object lives for one example
    def scalar(self, depth: int) -> Trees:
        """A number."""
        names = st.sampled_from(self.scalars).map(Name)
        numbers = st.sampled_from(("0", "1", "2", "17", "0.5", "1.25")).map(Number)
        constants = st.sampled_from(("pi", "dimension")).map(Constant)
        if depth == 0:
            return names | numbers | constants
        s, v, m = self.scalar(depth - 1), self.vector(depth - 1), self.matrix(depth - 1)
        vector_key, scalar_key = st.sampled_from(self.vectors), st.sampled_from(self.scalars)
        operand = self.scalar(depth - 1)
        return st.one_of(
            names, self.sum_of(self.scalar, depth), st.builds(Negate, s),
            st.lists(s, min_size=2, max_size=3).map(lambda factors: Multiply(tuple(factors))),
            st.builds(DotProduct, s, s), st.builds(DotProduct, v, v), st.builds(Divide, s, s),
            st.builds(Power, s, s), st.builds(Root, s), st.builds(Root, s, st.just(Number("3"))),
            st.builds(Function, st.sampled_from(ELEMENTARY), s),
            st.builds(Extremum, st.sampled_from(("max", "min")), st.tuples(s, s)),
            st.builds(Absolute, s), self.cases(depth), st.builds(Norm, v), st.builds(Inner, v, v), st.builds(Trace, m),
            self.calls(depth), self.derivatives(depth),
            st.builds(Derivative, scalar_key, st.integers(1, 2), operand, st.booleans()),
            st.builds(Divergence, vector_key, v), st.builds(Divergence, st.none(), self.in_space(v)),
            st.builds(Laplacian, vector_key, s.filter(_is_compound)), st.builds(Laplacian, st.none(), self.in_space(s)),
            st.builds(Integral, st.tuples(vector_key), st.none(), st.none(), s),
            st.builds(Integral, st.tuples(st.just("t")), s, s | st.just(Constant("infinity")), s),
            st.builds(Summation, st.just("k"), st.just(Number("1")), st.just(Number("4")), s),
            st.builds(Product, st.just("k"), st.just(Number("1")), st.just(Number("4")), s),
            st.builds(Summation, st.just("i"), st.none(), st.none(), s),
            st.builds(Gaussian, v, v, self.covariance(depth - 1)),
            st.builds(Moment, st.sampled_from(("E", "Var")), st.just(()), s),
            st.builds(Moment, st.just("E"), st.tuples(st.tuples(vector_key, self.law(depth - 1))), s),
            st.builds(Moment, st.just("E"), st.just(()), s, st.just("x")),
            st.builds(Moment, st.just("E"), st.just(()), s, st.just("x"), v),
            st.builds(KullbackLeibler, self.law(depth - 1), self.law(depth - 1)),
            st.builds(AtPoint, scalar_key, s, s), st.builds(Limit, scalar_key, LIMIT_POINTS, st.just(""), s),
            st.builds(Limit, scalar_key, st.just(Number("0")), st.sampled_from(("+", "-")), s),
            st.builds(ArgMin, scalar_key, s), st.builds(Differential, names),
        )  # fmt: skip

    @cache  # noqa: B019, the object lives for one example
    def vector(self, depth: int) -> Trees:
        """A vector."""
        names = st.sampled_from([*self.vectors, "n"]).map(Name)
        if depth == 0:
            return names
        s, v, m = self.scalar(depth - 1), self.vector(depth - 1), self.matrix(depth - 1)
        return st.one_of(
            names, self.sum_of(self.vector, depth), st.builds(Negate, v),
            st.tuples(s, v).map(Multiply), st.tuples(m, v).map(Multiply), st.builds(Divide, v, s),
            st.builds(Call, st.just("f"), st.tuples(v, s) | st.none()),
            st.builds(Gradient, st.sampled_from(self.vectors), s), st.builds(Gradient, st.none(), self.in_space(s)),
            st.builds(Differential, st.sampled_from(("x", "w")).map(Name)),
        )  # fmt: skip

    @cache  # noqa: B019, the object lives for one example
    def matrix(self, depth: int) -> Trees:
        """A matrix."""
        if depth == 0:
            return st.just(Identity())
        s, v, m = self.scalar(depth - 1), self.vector(depth - 1), self.matrix(depth - 1)
        return st.one_of(
            st.just(Identity()), self.sum_of(self.matrix, depth), st.tuples(s, m).map(Multiply),
            st.tuples(v, v.map(Transpose)).map(Multiply),
            st.builds(Hessian, st.sampled_from(self.vectors), s), st.builds(Hessian, st.none(), self.in_space(s)),
            st.builds(Moment, st.just("Cov"), st.just(()), v),
        )  # fmt: skip

    def in_space(self, operand: Trees) -> Trees:
        """An operand in which the space variable occurs, as an unmarked nabla demands."""
        return operand.map(lambda node: Multiply((Norm(Name("x")), node)))

    def sum_of(self, kind: Callable[[int], Trees], depth: int) -> Trees:
        """A sum of two or three terms, some of them subtracted."""
        term = kind(depth - 1)
        return st.lists(term | st.builds(Negate, term), min_size=2, max_size=3).map(lambda terms: Add(tuple(terms)))

    def cases(self, depth: int) -> Trees:
        """One case and what holds otherwise; a condition of one or two comparisons."""
        s = self.scalar(depth - 1)
        relation = st.sampled_from(("<", "<=", ">", ">="))
        one = st.builds(Compare, relation, s, s).map(lambda c: (c,))
        two = st.tuples(relation, relation, s, s, s).map(
            lambda t: (Compare(t[0], t[2], t[3]), Compare(t[1], t[3], t[4]))
        )
        return st.builds(lambda value, condition, rest: Cases(((value, condition),), rest), s, one | two, s)

    def calls(self, depth: int) -> Trees:
        """Functions with and without arguments, members of a sequence and of a family."""
        s, v = self.scalar(depth - 1), self.vector(depth - 1)
        index = st.sampled_from((Name("k"), Add((Name("k"), Negate(Number("1"))))))
        return st.one_of(
            st.builds(Call, st.just("p"), st.tuples(v, s) | st.none()),
            st.builds(Call, st.just("g"), st.tuples(s) | st.none()),
            st.builds(Call, st.just(r"\alpha_{.}"), st.none(), index),
            st.builds(Call, st.just("q_{.}"), st.tuples(v) | st.none(), st.just(Name("t"))),
        )

    def derivatives(self, depth: int) -> Trees:
        """Dots and primes on a call."""
        s = self.scalar(depth - 1)
        return st.one_of(
            st.builds(Dotted, st.builds(Call, st.just("g"), st.tuples(s)), st.integers(1, 2)),
            st.builds(Primed, st.builds(Call, st.just(r"\phi"), st.tuples(s)), st.integers(1, 2)),
        )

    def covariance(self, depth: int) -> Trees:
        """A multiple of the identity."""
        return st.just(Identity()) | st.tuples(self.scalar(depth), st.just(Identity())).map(Multiply)

    def law(self, depth: int) -> Trees:
        """A Gaussian law."""
        return st.builds(Gaussian, st.none(), self.vector(depth), self.covariance(depth))

    def side(self, depth: int) -> Trees:
        """A whole side: a scalar, a vector, a matrix, or a sum that ends in O(h^n)."""
        s = self.scalar(depth)
        order = st.builds(BigO, st.just("h"), st.integers(1, 4))
        return st.one_of(s, self.vector(depth), self.matrix(depth), st.tuples(s, order).map(Add))


@st.composite
def formulas(draw: st.DrawFn, depth: int = 3) -> tuple[Scope, Node]:
    """A scope and a well-typed tree of it."""
    scope = draw(scopes())
    return scope, draw(Typed(scope).side(draw(st.integers(0, depth))))
