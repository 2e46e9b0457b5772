"""The typed tree of a formula: what the reader makes, what every reading of a formula starts from.

A node is an immutable dataclass. Two trees are equal when they say the same thing: spans and the
record of the author's brackets do not take part in the comparison. This module knows no mathematics
library; `verify.meaning` and `verify.sampling` give the nodes their two independent readings.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

Span = tuple[int, int]
NOWHERE: Span = (0, 0)


@dataclass(frozen=True)
class Node:
    """Base of all nodes. `span` is the half-open character range in the formula's source."""

    span: Span = field(default=NOWHERE, compare=False, kw_only=True, repr=False)
    enclosed: bool = field(default=False, compare=False, kw_only=True, repr=False)

    def children(self) -> Iterator[Node]:
        """The direct child nodes, in the order of the fields."""
        for item in dataclasses.fields(self):
            yield from _nodes_in(getattr(self, item.name))

    def walk(self) -> Iterator[Node]:
        """This node and everything below it, parents first."""
        yield self
        for child in self.children():
            yield from child.walk()

    def map_children(self, change: Callable[[Node], Node]) -> Node:
        """The same node with `change` applied to each direct child."""
        updates = {}
        for item in dataclasses.fields(self):
            old = getattr(self, item.name)
            new = _map_nodes(old, change)
            if new is not old:
                updates[item.name] = new
        return dataclasses.replace(self, **updates) if updates else self


def _nodes_in(value: Any) -> Iterator[Node]:
    if isinstance(value, Node):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _nodes_in(item)


def _map_nodes(value: Any, change: Callable[[Node], Node]) -> Any:
    if isinstance(value, Node):
        return change(value)
    if isinstance(value, tuple):
        new = tuple(_map_nodes(item, change) for item in value)
        return new if any(a is not b for a, b in zip(new, value, strict=True)) else value
    return value


# ---------------------------------------------------------------- atoms


@dataclass(frozen=True)
class Number(Node):
    """A decimal literal, kept as written: `2`, `0.05`."""

    text: str


@dataclass(frozen=True)
class Constant(Node):
    r"""`pi`, `infinity` (only as a limit of integration), or `dimension` (the declared `d`)."""

    name: str


@dataclass(frozen=True)
class Identity(Node):
    """The identity matrix `I` of the claim's dimension."""


@dataclass(frozen=True)
class Name(Node):
    r"""A declared variable. `key` is canonical, e.g. `\sigma_{data}`, `\bar{\alpha}_{t-1}`."""

    key: str


@dataclass(frozen=True)
class Call(Node):
    r"""A declared function or sequence.

    `arguments` is None when the author leaves them out (`f p` for `f(x,t) p(x,t)`); the declared
    parameters are meant. `index` is the subscript of a sequence or of a family `p_t(x)`, whose key
    ends in `_{.}`.
    """

    key: str
    arguments: tuple[Node, ...] | None = None
    index: Node | None = None
    bar: int = field(default=0, compare=False, repr=False)  # how many arguments stand before a bar, for printing


# ---------------------------------------------------------------- arithmetic


@dataclass(frozen=True)
class Add(Node):
    """A sum of two or more terms; a subtracted term is a `Negate`."""

    terms: tuple[Node, ...]


@dataclass(frozen=True)
class Negate(Node):
    operand: Node


@dataclass(frozen=True)
class Multiply(Node):
    """Factors set side by side."""

    factors: tuple[Node, ...]


@dataclass(frozen=True)
class DotProduct(Node):
    r"""`a \cdot b`: the inner product of two vectors, otherwise an ordinary product."""

    left: Node
    right: Node


@dataclass(frozen=True)
class Divide(Node):
    numerator: Node
    denominator: Node


@dataclass(frozen=True)
class Power(Node):
    base: Node
    exponent: Node


@dataclass(frozen=True)
class Root(Node):
    radicand: Node
    degree: Node | None = None


@dataclass(frozen=True)
class Function(Node):
    """An elementary function of one argument: see `ELEMENTARY`."""

    name: str
    argument: Node


@dataclass(frozen=True)
class Extremum(Node):
    r"""`\max(a,b)` or `\min(a,b)`; `name` is `max` or `min`."""

    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True)
class Absolute(Node):
    operand: Node


ELEMENTARY = ("log", "exp", "sin", "cos", "tan", "arctan", "sinh", "cosh", "tanh", "sigmoid", "erf")


@dataclass(frozen=True)
class Compare(Node):
    """A condition `left relation right`; `relation` is `<`, `<=`, `>` or `>=`. Only inside `Cases`."""

    relation: str
    left: Node
    right: Node


@dataclass(frozen=True)
class Cases(Node):
    """The value of the first branch whose conditions all hold, else `otherwise`."""

    branches: tuple[tuple[Node, tuple[Compare, ...]], ...]
    otherwise: Node


# ---------------------------------------------------------------- linear algebra


@dataclass(frozen=True)
class Norm(Node):
    r"""The Euclidean norm `\|v\|` of a vector; with `frobenius` the norm `\|A\|_F` of a matrix."""

    operand: Node
    frobenius: bool = False


@dataclass(frozen=True)
class Inner(Node):
    r"""`\langle u, v\rangle`."""

    left: Node
    right: Node


@dataclass(frozen=True)
class Transpose(Node):
    operand: Node


@dataclass(frozen=True)
class Trace(Node):
    operand: Node


@dataclass(frozen=True)
class Determinant(Node):
    r"""`\det A`. Bars around a matrix, `|A|`, stay an `Absolute`: the reading sees that it is a matrix."""

    operand: Node


@dataclass(frozen=True)
class Diagonal(Node):
    r"""`\operatorname{diag}(v)`: the diagonal matrix with the entries of a vector, or with the diagonal of a matrix."""

    operand: Node


# ---------------------------------------------------------------- calculus


@dataclass(frozen=True)
class Derivative(Node):
    r"""A derivative of `order` in `variable`.

    `partial` tells `\partial_t` from `\frac{d}{dt}`. The operand is evaluated as a function first
    and differentiated then, with the variable free.
    """

    variable: str
    order: int
    operand: Node
    partial: bool = True


@dataclass(frozen=True)
class Dotted(Node):
    r"""`\dot\sigma(t)`: the derivative of the *function*, evaluated at the arguments of the call."""

    call: Call
    order: int = 1


@dataclass(frozen=True)
class Primed(Node):
    """`f'(x)`: the derivative of a one-argument function, evaluated at the argument of the call."""

    call: Call
    order: int = 1


@dataclass(frozen=True)
class Gradient(Node):
    """`variable` None means the space variable of the claim."""

    variable: str | None
    operand: Node


@dataclass(frozen=True)
class Divergence(Node):
    variable: str | None
    operand: Node


@dataclass(frozen=True)
class Laplacian(Node):
    variable: str | None
    operand: Node


@dataclass(frozen=True)
class Hessian(Node):
    variable: str | None
    operand: Node


@dataclass(frozen=True)
class Integral(Node):
    r"""Over all space in every variable when `lower` is None, else one variable from lower to upper."""

    variables: tuple[str, ...]
    lower: Node | None
    upper: Node | None
    integrand: Node


@dataclass(frozen=True)
class Summation(Node):
    """`lower` and `upper` None mean the declared range of the index."""

    index: str
    lower: Node | None
    upper: Node | None
    body: Node


@dataclass(frozen=True)
class Product(Node):
    index: str
    lower: Node | None
    upper: Node | None
    body: Node


@dataclass(frozen=True)
class AtPoint(Node):
    r"""`\left. f(s)\right|_{s=0}`: the operand, a function of `variable`, at the value `point`."""

    variable: str
    point: Node
    operand: Node


@dataclass(frozen=True)
class Differential(Node):
    r"""`\mathrm d(\cdot)` of Ito calculus."""

    operand: Node


@dataclass(frozen=True)
class BigO(Node):
    r"""`O(h^n)` as h tends to 0, with a negative order `O(N^{-n})` as N grows: only at top level of a side."""

    variable: str
    order: int


@dataclass(frozen=True)
class Limit(Node):
    r"""`\lim_{h\to 0^+} f`: `side` is `+`, `-`, or empty for both; `point` may be infinite."""

    variable: str
    point: Node
    side: str
    body: Node


# ---------------------------------------------------------------- probability


@dataclass(frozen=True)
class Gaussian(Node):
    r"""`\mathcal N(x;\mu,\Sigma)`, a density at `point`; a law when `point` is None."""

    point: Node | None
    mean: Node
    covariance: Node


@dataclass(frozen=True)
class Moment(Node):
    r"""`\mathbb E`, `\mathrm{Var}` or `\mathrm{Cov}` (`kind` is `E`, `Var`, `Cov`) of `body`.

    `laws` pairs a name with its law (a `Gaussian` without point, or a density); law None means the
    declared law. Empty `laws`: over every declared random variable of the body.
    `given` is the conditioning variable, `value` what it is set to (`E[y | x_t = x]`), if written.
    """

    kind: str
    laws: tuple[tuple[str, Node | None], ...]
    body: Node
    given: str | None = None
    value: Node | None = None


@dataclass(frozen=True)
class KullbackLeibler(Node):
    first: Node
    second: Node


@dataclass(frozen=True)
class ArgMin(Node):
    r"""`\operatorname*{arg\,min}_c f(c)`: the one minimiser of `objective` over `variable`."""

    variable: str
    objective: Node
