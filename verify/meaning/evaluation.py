"""The state of one reading of the tree, and what both readings (components, Gram) share.

`evaluate` is a single-dispatch function on the class of the node; the modules `arithmetic`,
`calculus`, `binders`, `probability` and `ito` register how each node is read. A definition is an
abbreviation: its body is evaluated where it is used, with its parameters bound to *values*, so a
bound variable can never capture a name inside an argument.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import singledispatch

import sympy as sp

from verify.language.scope import INDEX, INTEGER, POSITIVE, REAL, Declaration, Scope
from verify.language.tree import NOWHERE, Call, Constant, Name, Negate, Node, Span
from verify.meaning.algebra import MATRIX, ROW, SCALAR, VECTOR, Algebra, Row, Value
from verify.meaning.errors import MeaningError, Unsupported
from verify.meaning.expressions import differentiate, domain_of, substitute
from verify.meaning.facts import Facts
from verify.meaning.sizes import power, product
from verify.meaning.symbols import SymbolTable


def is_sequence(declaration: Declaration) -> bool:
    """True for a name whose only argument is an integer subscript."""
    return declaration.kind == "sequence" or (
        declaration.key.endswith("_{.}") and not declaration.family and len(declaration.parameters) == 1
    )


def _whole_roots(quantity: sp.Expr, index: sp.Symbol) -> list[sp.Expr]:
    """The whole numbers at which a polynomial with rational coefficients in the index alone vanishes."""
    if quantity.free_symbols != {index} or not quantity.is_polynomial(index):
        return []
    place = sp.Dummy()
    return [root for root in sp.roots(quantity.xreplace({index: place}), place) if root.is_Integer]


@singledispatch
def evaluate(node: Node, reading: Evaluation) -> Value:
    """The value of a node. Raises MeaningError or Unsupported."""
    raise Unsupported(f"{type(node).__name__} is not read")


class Evaluation(Algebra):
    """One scope read in one dimension. `verify.meaning.reading.Reading` is its face to the prover.

    facts        domains, tied roots and positive quantities of the symbols that occur
    conditions   side conditions in words, in the order in which they arose
    obligations  expressions that the same conditions require to be positive
    divisors     sums and products that formulas divide by
    written_divisors  what the formula that is read divides by itself, not through a definition
    ranges       the limits of the indices of sums and products
    identities   (expression, words): what must vanish for a formula to have a meaning, and what is wrong otherwise
    label        `every d` or `d = 2`
    """

    label: str

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.facts = Facts()
        self.table = SymbolTable(self.facts)
        self.conditions: list[str] = []
        self.obligations: list[sp.Expr] = []
        self.divisors: list[sp.Expr] = []
        self.written_divisors: list[sp.Expr] = []
        self.ranges: dict[sp.Symbol, tuple[sp.Expr, sp.Expr]] = {}
        self.identities: list[tuple[sp.Expr, str]] = []
        self._frames: list[Mapping[str, Value]] = []
        self._open: list[str] = []
        self._known: dict[str, Value] = {}
        self.hidden: dict[str, dict[str, None]] | None = None  # see `verify.meaning.hidden`
        self.equation_rules: list[tuple[sp.Expr, sp.Expr]] | None = None  # see `equations.rules`
        self._made: set[Value] = set()  # by `fresh`: no formula can name them

    # ---------------------------------------------------------------- arithmetic on values

    def zero_like(self, value: Value, other: Value) -> Value:
        """The number 0 read as the zero vector or matrix where the other value is one."""
        if self.shape(value) == SCALAR and value == 0 and self.shape(other) in (VECTOR, MATRIX):
            return self.zero_vector() if self.shape(other) == VECTOR else self.scale(value, self.identity())
        return value

    def add(self, left: Value, right: Value, span: Span = NOWHERE) -> Value:
        """Sum of two values of the same shape."""
        shapes = self.shape(left), self.shape(right)
        if shapes[0] != shapes[1]:
            raise MeaningError(f"cannot add a {shapes[0]} and a {shapes[1]}", span)
        if shapes[0] == SCALAR:
            return left + right
        if shapes[0] == ROW:
            return Row(self.sum_of(left.vector, right.vector))
        return self.sum_of(left, right)

    def scale(self, factor: sp.Expr, value: Value) -> Value:
        """A scalar times any value."""
        shape = self.shape(value)
        if shape == SCALAR:
            return product(factor, value)
        if shape == ROW:
            return Row(self.scale(factor, value.vector))
        return self.map(lambda entry: product(factor, entry), value)

    def subtract(self, left: Value, right: Value, span: Span = NOWHERE) -> Value:
        """Difference of two values of the same shape."""
        return self.add(left, self.scale(sp.Integer(-1), right), span)

    def multiply(self, left: Value, right: Value, span: Span = NOWHERE) -> Value:
        """Product of two values set side by side."""
        shapes = self.shape(left), self.shape(right)
        if shapes[0] == SCALAR:
            return self.scale(left, right)
        if shapes[1] == SCALAR:
            return self.scale(right, left)
        if shapes == (ROW, VECTOR):
            return self.inner(left.vector, right)
        if shapes == (VECTOR, ROW):
            return self.outer(left, right.vector)
        if shapes in ((MATRIX, VECTOR), (MATRIX, MATRIX)):
            return self.matrix_product(left, right)
        if shapes == (ROW, MATRIX):
            return Row(self.matrix_product(self.transposed(right), left.vector))
        if shapes == (VECTOR, VECTOR):
            raise MeaningError("product of two vectors: write u \\cdot v, u^\\top v or u v^\\top", span)
        hint = ": write x^\\top A" if shapes == (VECTOR, MATRIX) else ""
        raise MeaningError(f"no product of a {shapes[0]} and a {shapes[1]}{hint}", span)

    # ---------------------------------------------------------------- matrices, where a reading has no more

    def own_matrix(self, declaration: Declaration) -> Value:
        """The matrix of a declared name."""
        raise Unsupported("declared matrices are read in explicit components")

    def matrix_function(self, declaration: Declaration, values: Sequence[Value]) -> Value:
        """An undefined matrix function applied to values."""
        raise Unsupported("declared matrices are read in explicit components")

    def determinant(self, matrix: Value) -> sp.Expr:
        """The determinant; here of a multiple of the identity."""
        factor = self.isotropic(matrix)
        if factor is None:
            raise Unsupported("determinants are read in explicit components")
        return power(factor, self.dimension)

    def matrix_power(self, matrix: Value, exponent: sp.Expr) -> Value:
        """A power of a matrix; here of a multiple of the identity. Raises MeaningError for 1/0."""
        factor = self.isotropic(matrix)
        if factor is None:
            raise Unsupported("powers of matrices are read in explicit components")
        if exponent.is_negative:
            if factor == 0:
                raise MeaningError("the inverse of a matrix whose determinant is zero")
            self.divisor(factor)
        return self.scale(power(factor, exponent), self.identity())

    def diagonal_of(self, value: Value) -> Value:
        """The diagonal matrix with the entries of a vector, or with the diagonal of a matrix."""
        raise Unsupported("diagonal matrices are read in explicit components")

    def mean_over_signs(self, value: Value, variable: Value) -> Value:
        """Mean over independent signs, one for each component of the variable."""
        raise Unsupported("means over random signs are read in explicit components")

    def covariance(self, matrix: Value) -> Value:
        """The matrix as a covariance, with what must be positive for that recorded."""
        raise Unsupported("only isotropic covariances \\sigma^2 I are read in symbolic d")

    def log_density_parts(self, centred: Value, covariance: Value) -> tuple[sp.Expr, sp.Expr]:
        """`c^T S^{-1} c` and `det S` for a covariance that is no multiple of the identity."""
        raise Unsupported("only isotropic covariances \\sigma^2 I are read in symbolic d")

    def squared_length(self, vector: Value) -> sp.Expr:
        """Inner product of a vector with itself."""
        return self.inner(vector, vector)

    # ---------------------------------------------------------------- evaluation helpers

    def scalar(self, node: Node) -> sp.Expr:
        """The value of a node that must be a scalar."""
        value = evaluate(node, self)
        if self.shape(value) != SCALAR:
            raise MeaningError(f"a scalar is expected here, this is a {self.shape(value)}", node.span)
        return value

    def condition(self, text: str, positive: sp.Expr | None = None) -> None:
        """Record a side condition once."""
        if text not in self.conditions:
            self.conditions.append(text)
            if positive is not None:
                self.obligations.append(positive)

    def divisor(self, quantity: sp.Expr) -> None:
        """Record what a formula divides by, unless it obviously is not zero."""
        if quantity.is_nonzero:
            return  # and no root is looked for, which takes long where the coefficients are surds
        for index, (lower, upper) in self.ranges.items():
            for root in _whole_roots(quantity, index):
                if (root - lower).is_negative is not True and (upper - root).is_negative is not True:
                    raise Unsupported(f"division by zero: {quantity} vanishes at one value of its index, {root}")
        if not self._open and quantity not in self.written_divisors:
            self.written_divisors.append(quantity)
        compound = quantity.is_Add or quantity.is_Mul or isinstance(quantity, sp.Sum | sp.Product)
        if compound and quantity not in self.divisors:
            self.divisors.append(quantity)

    def must_vanish(self, quantity: sp.Expr, otherwise: str) -> None:
        """Record what has to be zero for a formula to have a meaning, and the words if it is not."""
        if (quantity, otherwise) not in self.identities:
            self.identities.append((quantity, otherwise))

    @contextmanager
    def bind(self, values: Mapping[str, Value]) -> Iterator[None]:
        """Names that mean these values while the block runs."""
        self._frames.append(values)
        try:
            yield
        finally:
            self._frames.pop()

    @contextmanager
    def _unbound(self) -> Iterator[None]:
        frames, self._frames = self._frames, []
        try:
            yield
        finally:
            self._frames = frames

    def bound_value(self, key: str) -> Value | None:
        """What an enclosing operator or call has bound the name to, or None."""
        return next((frame[key] for frame in reversed(self._frames) if key in frame), None)

    def bound_names(self) -> list[str]:
        """All names that are bound here, innermost last."""
        return [key for frame in self._frames for key in frame]

    def bound_values(self) -> list[Value]:
        """What the names that are bound here stand for."""
        return [value for frame in self._frames for value in frame.values()]

    # ---------------------------------------------------------------- names

    def declaration(self, key: str, span: Span = NOWHERE) -> Declaration:
        """The declaration of a name."""
        found = self.scope.get(key)
        if found is None:
            raise MeaningError(f"{key} is not declared", span)
        return found

    def name_value(self, key: str, span: Span = NOWHERE) -> Value:
        """What a name means here."""
        bound = self.bound_value(key)
        if bound is not None:
            return bound
        declaration = self.declaration(key, span)
        if declaration.definition is None and declaration.root_of is None:
            return self._own(declaration, span)
        if self._frames:
            return self._worked_out(declaration, span)
        if key not in self._known:
            self._known[key] = self._worked_out(declaration, span)
        return self._known[key]

    def own_value(self, key: str, span: Span = NOWHERE) -> Value:
        """The free symbol (or vector) of a declared name, whatever is bound here."""
        return self._own(self.declaration(key, span), span)

    def _own(self, declaration: Declaration, span: Span) -> Value:
        if declaration.kind not in ("variable", "random"):
            hint = (
                "it only occurs as a differential" if declaration.kind == "wiener" else "write its argument"
            )
            raise MeaningError(f"{declaration.key} is a {declaration.kind}: {hint}", span)
        if declaration.value == VECTOR:
            return self.own_vector(declaration.key)
        if declaration.value == MATRIX:
            return self.own_matrix(declaration)
        return self.table.symbol(declaration.key, declaration.domain)

    def _worked_out(self, declaration: Declaration, span: Span) -> Value:
        """The value of a name that is defined, or tied by `name**q = base`."""
        with self._opened(declaration.key, span):
            if declaration.definition is not None:
                return evaluate(declaration.definition, self)
            assert declaration.root_of is not None  # see `name_value`
            degree, base_node = declaration.root_of
            base = self.scalar(base_node)
            with self._unbound():
                own_base = self.scalar(base_node)
        if base != own_base:
            return base ** sp.Rational(1, degree)
        domain = declaration.domain if declaration.domain != REAL else POSITIVE
        root = self.table.symbol(declaration.key, domain)
        if root not in self.facts.roots:
            self.facts.roots[root] = (degree, own_base)
        return root

    @contextmanager
    def _opened(self, key: str, span: Span) -> Iterator[None]:
        if key in self._open:
            raise MeaningError(f"{key} is defined through itself", span)
        self._open.append(key)
        try:
            yield
        finally:
            self._open.pop()

    # ---------------------------------------------------------------- calls

    def argument_values(self, call: Call) -> list[Value]:
        """The values of a call's arguments, in the order of the declared parameters.

        A subscript is the last argument. Arguments that the author leaves out are the declared
        parameters, with the values that these have here; a sequence needs its subscript.
        """
        declaration = self.declaration(call.key, call.span)
        names = declaration.parameters
        subscripted = call.index is not None or declaration.family
        if is_sequence(declaration) and (call.index is None or call.arguments):
            raise MeaningError(f"{call.key} is a sequence: it needs a subscript and nothing else", call.span)
        written: Sequence[Node | None]
        if call.arguments is not None:
            written = call.arguments
        else:
            written = [None] * max(len(names) - subscripted, 0)
        nodes = [*written, call.index] if subscripted else list(written)
        if len(nodes) != max(len(names), is_sequence(declaration)):
            raise MeaningError(f"{call.key} takes {len(names)} argument(s), not {len(nodes)}", call.span)
        values = []
        for position, node in enumerate(nodes):
            value = self.name_value(names[position], call.span) if node is None else evaluate(node, self)
            values.append(value)
        if is_sequence(declaration) and (self.shape(values[0]) != SCALAR or values[0].is_integer is not True):
            raise MeaningError(f"the subscript of {call.key} must be an integer", call.span)
        return values

    def apply(self, key: str, values: Sequence[Value], span: Span = NOWHERE) -> Value:
        """A declared function or sequence applied to values."""
        declaration = self.declaration(key, span)
        if declaration.kind not in ("function", "sequence"):
            raise MeaningError(f"{key} is not declared as a function", span)
        names = declaration.parameters
        if len(names) == len(values):
            values = [
                self._checked(key, name, value, span) for name, value in zip(names, values, strict=True)
            ]
        elif not is_sequence(declaration) or declaration.definition is not None:
            raise MeaningError(f"{key} takes {len(names)} argument(s), not {len(values)}", span)
        if declaration.definition is None:
            make = {VECTOR: self.vector_function, MATRIX: self.matrix_function}
            return make.get(declaration.value, self.scalar_function)(declaration, values)
        with self._opened(key, span), self.bind(dict(zip(names, values, strict=True))):
            return evaluate(declaration.definition, self)

    def _checked(self, key: str, parameter: str, value: Value, span: Span) -> Value:
        declared = self.scope.get(parameter)
        wanted = declared.value if declared is not None else SCALAR
        if wanted == VECTOR:
            value = self.zero_like(value, self.zero_vector())
        shape = self.shape(value)
        if shape != wanted and (declared is not None or shape not in (SCALAR, VECTOR)):
            raise MeaningError(
                f"the argument of {key} for {parameter} must be a {wanted}, not a {shape}", span
            )
        return value

    # ---------------------------------------------------------------- variables

    def fresh(self, key: str, like: Value | None = None) -> Value:
        """A variable that occurs nowhere else, for the declared name `key`.

        A scalar is known to lie in the domain of the value it stands for (`like`), or in the
        declared domain when there is no such value.
        """
        declared = self.scope.get(key)
        if like is not None:
            if self.shape(like) == MATRIX:
                raise Unsupported("a derivative or an integral in a matrix is not read")
            vector = self.shape(like) == VECTOR
        else:
            vector = declared is not None and declared.value == VECTOR
        if vector:
            made = self.fresh_vector(key)
        elif like is not None:
            domain = domain_of(like, self.facts)
            made = self.table.temporary(REAL if domain in (INTEGER, INDEX) else domain)
        else:
            made = self.table.temporary(declared.domain if declared is not None else REAL)
        self._made.add(made)
        return made

    def with_free(
        self, key: str, compute: Callable[[Value], Value], span: Span = NOWHERE, current: Value | None = None
    ) -> Value:
        """`compute(variable)` with the name `key` free, then the value it has here inserted.

        This is what a derivative needs: the operand is a function first, and what the name happens
        to be bound to (a number, another variable, a function of time) is inserted afterwards.
        """
        value = self.name_value(key, span) if current is None else current
        others = [v for frame in self._frames for k, v in frame.items() if k != key]
        # a name bound to another name, as in F(a) with F(x) = d/dx (a x), must not move with that one
        alone = value in self._made or (self.bound_value(key) is None and current is None)
        if alone and self.is_variable(value) and not any(self.depends(other, value) for other in others):
            return compute(value)
        variable = self.fresh(key, like=value)
        with self.bind({key: variable}):
            result = compute(variable)
        return self.substituted(result, variable, value)

    # ---------------------------------------------------------------- scalars, shared by both readings

    def scalar_derivative(self, expression: sp.Expr, symbol: sp.Symbol) -> sp.Expr:
        """Derivative of an expression without hidden vectors."""
        if any(symbol in integral.free_symbols and integral.has(sp.oo) for integral in expression.atoms(sp.Integral)):
            self.condition("the integrals may be differentiated under the integral sign")
        return differentiate(expression, symbol, self.facts)

    def scalar_substituted(self, expression: sp.Expr, values: Mapping[sp.Basic, sp.Expr]) -> sp.Expr:
        """Substitution in an expression without hidden vectors."""
        return substitute(expression, values, self.table)


def scalar_or_infinite(node: Node, reading: Evaluation) -> sp.Expr:
    """The end of an integral or sum, or the point of a limit: a scalar, or infinity with its sign."""
    match node:
        case Constant(name="infinity"):
            return sp.oo
        case Negate(operand=Constant(name="infinity")):
            return -sp.oo
        case _:
            return reading.scalar(node)


@evaluate.register
def _(node: Name, reading: Evaluation) -> Value:
    return reading.name_value(node.key, node.span)


@evaluate.register
def _(node: Call, reading: Evaluation) -> Value:
    return reading.apply(node.key, reading.argument_values(node), node.span)
