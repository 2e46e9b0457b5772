"""Declarations: every name a claim may use, with its kind, domain and definition.

The declarations are the claim's assumptions. They are read from the page (`verify.language.declare`)
and used by both readings of the tree; this module only holds them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from verify.language.tree import Node

# What a scalar (or the value of a scalar function) may be.
REAL, NONNEGATIVE, POSITIVE, UNIT = "real", "nonnegative", "positive", "unit"
INTEGER, INDEX = "integer", "index"  # index: a positive integer
DOMAINS = (REAL, NONNEGATIVE, POSITIVE, UNIT, INTEGER, INDEX)

# What a matrix may be, from the weakest to the strongest; a semidefinite or definite one is symmetric.
GENERAL, SYMMETRIC, SEMIDEFINITE, DEFINITE = "", "symmetric", "semidefinite", "definite"
STRUCTURES = (GENERAL, SYMMETRIC, SEMIDEFINITE, DEFINITE)


@dataclass(frozen=True)
class Declaration:
    r"""One name.

    kind        `variable`, `function`, `sequence` (a subscript is its argument), `random`, `wiener`
    value       `scalar`, `vector` or `matrix` (of the claim's dimension, d x d)
    domain      one of DOMAINS, for scalars
    parameters  names of the arguments of a function; for a family `p_t(x)` the subscript comes last
    family      the last parameter is written as a subscript
    density     a function that integrates to one over its first parameter
    signatures  for an overloaded density `p(x)`, `p(x|c)`: the declared argument patterns, each with
                a declaration of its own under the key `p(x|c)`
    definition  the right side of `name = ...`; its free parameters are `parameters`
    root_of     (q, base): the name is positive and satisfies name**q = base
    mean, variance, gaussian   the declared moments (or law) of a random variable
    lower, upper  the declared range of an index
    law         a Gaussian or density that an expectation uses when it names none
    conditional the arguments are declared with a bar, `q(x|c)`
    structure   of a matrix: one of STRUCTURES
    rademacher  a random name with independent components that are 1 or -1 with equal probability
    """

    key: str
    kind: str = "variable"
    value: str = "scalar"
    domain: str = REAL
    parameters: tuple[str, ...] = ()
    family: bool = False
    density: bool = False
    signatures: tuple[str, ...] = ()
    definition: Node | None = None
    root_of: tuple[int, Node] | None = None
    mean: Node | None = None
    variance: Node | None = None
    gaussian: bool = False
    lower: Node | None = None
    upper: Node | None = None
    law: Node | None = None
    conditional: bool = False
    structure: str = ""
    rademacher: bool = False


@dataclass
class Scope:
    r"""All declarations of one claim, in the order of declaration.

    dimension    `any` (symbolic d) or a tuple of dimensions to expand, e.g. (1, 2, 3)
    space        the variable of an unmarked `\nabla`
    equations    declared equations whose left side is not a name, e.g. a Fokker-Planck equation:
                 (left, right); a step may replace left by right
    assumptions  trees that are declared positive
    boundary     vector fields declared to vanish at infinity
    sde          variable -> its declared stochastic differential
    joint        conditioned variable -> joint density, for `E[. | x]`
    instances    (call, body): concrete functions on which generic statements are also evaluated
    """

    declarations: dict[str, Declaration] = field(default_factory=dict)
    dimension: str | tuple[int, ...] = "any"
    space: str = "x"
    equations: list[tuple[Node, Node]] = field(default_factory=list)
    assumptions: list[Node] = field(default_factory=list)
    boundary: list[Node] = field(default_factory=list)
    sde: dict[str, Node] = field(default_factory=dict)
    joint: dict[str, Node] = field(default_factory=dict)
    instances: list[tuple[Node, Node]] = field(default_factory=list)

    def get(self, key: str) -> Declaration | None:
        """The declaration of `key`, or None."""
        return self.declarations.get(key)

    def __contains__(self, key: str) -> bool:
        return key in self.declarations

    def __iter__(self) -> Iterator[Declaration]:
        return iter(self.declarations.values())

    def put(self, declaration: Declaration) -> None:
        """Add or replace one declaration, keeping the place of an old one."""
        self.declarations[declaration.key] = declaration

    def copy(self) -> Scope:
        """An independent copy; declarations and trees are immutable and shared."""
        return Scope(
            dict(self.declarations),
            self.dimension,
            self.space,
            list(self.equations),
            list(self.assumptions),
            list(self.boundary),
            dict(self.sde),
            dict(self.joint),
            list(self.instances),
        )
