r"""The trees of a quoted claim in the names of the author who quotes it.

Free names become the author's formulas, unspecified functions the author's functions, bound variables names that
occur nowhere else. A variable that is differentiated in stays a variable.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping

from verify.language.claim import Quote
from verify.language.mentions import Mentions
from verify.language.names import latex_of_key
from verify.language.scope import Declaration, Scope
from verify.language.tree import (
    Absolute,
    Add,
    Call,
    Constant,
    Derivative,
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
    Laplacian,
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
from verify.proof.matching import Guess, with_arguments

ALGEBRAIC = (
    Number, Constant, Identity, Add, Negate, Multiply, DotProduct, Divide, Power, Root, Function, Extremum, Absolute,
    Norm, Inner, Transpose, Trace, Gaussian,
)  # fmt: skip
PLAIN = (*ALGEBRAIC, Dotted, Primed)
SPATIAL = (Gradient, Divergence, Laplacian, Hessian)


class DoesNotApply(Exception):
    """Why a quote does not hold here, in one sentence. `depth` orders reasons: the deeper, the closer to a fit."""

    def __init__(self, message: str, depth: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.depth = depth


class Renaming(ABC):
    """Renames the trees of a quote into the author's names. What it met on the way is kept for the checks."""

    def __init__(self, quote: Quote, guess: Guess, scope: Scope, sides: tuple[Node, Node]) -> None:
        self.quote, self.theirs, self.guess, self.sides = quote, quote.scope, guess, sides
        self.ours, self.scope = scope, scope.copy()
        self.mentions = Mentions(scope)
        self.conditions: list[str] = []
        self.free: dict[str, None] = {}  # names that the equation leaves free
        self.bound: dict[str, None] = {}
        self.differentiated: dict[str, None] = {}
        self.functions: dict[str, str] = {}
        self.fresh_count = 0
        self.complete = False  # set once the sides are renamed: no further name may come in

    # ---------------------------------------------------------------- renaming

    def renamed(self, node: Node, env: Mapping[str, str] | None = None) -> Node:
        """The tree in the author's names. `env` holds the fresh names of bound variables."""
        env = env or {}

        def go(child: Node) -> Node:
            return self.renamed(child, env)

        match node:
            case Name(key=key):
                return self._name(key, env)
            case Call():
                call = with_arguments(node, self.theirs)
                arguments = None if call.arguments is None else tuple(go(a) for a in call.arguments)
                index = None if call.index is None else go(call.index)
                return Call(self._function(call.key), arguments, index)
            case Derivative(variable=variable):
                return dataclasses.replace(node, variable=self._variable(variable, env), operand=go(node.operand))
            case Gradient() | Divergence() | Laplacian() | Hessian():
                variable = self._variable(node.variable or self.theirs.space, env)
                return dataclasses.replace(node, variable=variable, operand=go(node.operand))
            case Integral(variables=variables):
                inner = {**env, **{key: self._fresh(key, env) for key in variables}}
                return Integral(
                    tuple(inner[key] for key in variables),
                    None if node.lower is None else go(node.lower),
                    None if node.upper is None else go(node.upper),
                    self.renamed(node.integrand, inner),
                )
            case Summation(index=key) | Product(index=key):
                inner = {**env, key: self._fresh(key, env)}
                lower = None if node.lower is None else go(node.lower)
                upper = None if node.upper is None else go(node.upper)
                return type(node)(inner[key], lower, upper, self.renamed(node.body, inner))
            case Moment(laws=(), given=None, value=None):
                return Moment(node.kind, (), go(node.body))
        if isinstance(node, PLAIN):
            return node.map_children(go)
        raise DoesNotApply(f"a formula with {type(node).__name__} cannot be quoted yet")

    def _name(self, key: str, env: Mapping[str, str]) -> Node:
        if key in env:
            return Name(env[key])
        declared = self.theirs.get(key)
        if declared is not None and declared.definition is not None:
            return self.renamed(declared.definition, env)  # an abbreviation, read where it is used
        if self.complete and key not in self.free:
            raise DoesNotApply(f"nothing here tells what {latex_of_key(key)} stands for", 2)
        self.free[key] = None
        image = self.guess.get(key)
        if declared is None or image is None or isinstance(image, Call) and declared.kind == "function":
            raise DoesNotApply(f"nothing here tells what {latex_of_key(key)} stands for")
        return image

    def _variable(self, key: str, env: Mapping[str, str]) -> str:
        """A variable that is differentiated in: it stays a variable."""
        if key in env:
            return env[key]
        self.differentiated[key] = None
        image = self._name(key, env)
        ours = self.ours.get(image.key) if isinstance(image, Name) else None
        if ours is None or ours.kind != "variable" or ours.definition is not None or ours.root_of is not None:
            raise DoesNotApply(f"{latex_of_key(key)} is differentiated in and must stay a variable")
        return ours.key

    def _fresh(self, key: str, env: Mapping[str, str]) -> str:
        """A new name for a bound variable, with the declaration of the old one."""
        declared = self.theirs.declarations[key]
        if declared.definition is not None or declared.root_of is not None or declared.kind != "variable":
            raise DoesNotApply(f"{latex_of_key(key)} is defined and bound at once")
        self.bound[key] = None
        ends = [None if end is None else self.renamed(end, env) for end in (declared.lower, declared.upper)]
        return self._put(dataclasses.replace(declared, lower=ends[0], upper=ends[1]))

    def _put(self, declared: Declaration) -> str:
        suffix = "_{.}" if declared.key.endswith("_{.}") else ""
        key = f"q_{{{self.fresh_count}}}{suffix}"
        while key in self.scope:
            self.fresh_count += 1
            key = f"q_{{{self.fresh_count}}}{suffix}"
        self.scope.put(dataclasses.replace(declared, key=key))
        return key

    def _function(self, key: str) -> str:
        if key in self.functions:
            return self.functions[key]
        declared = self.theirs.get(key)
        if declared is None or declared.signatures or "(" in key:
            raise DoesNotApply(f"{latex_of_key(key)} cannot be quoted yet")
        if declared.definition is None:
            self.functions[key] = self.own_function(declared)
        else:
            fresh = self._put(dataclasses.replace(declared, definition=None))
            self.functions[key] = fresh
            names = {name: self._parameter(name) for name in declared.parameters}
            body = self.renamed(declared.definition, names)
            parameters = tuple(names[name] for name in declared.parameters)
            kept = self.scope.declarations[fresh]
            self.scope.put(dataclasses.replace(kept, parameters=parameters, definition=body))
        return self.functions[key]

    def _parameter(self, name: str) -> str:
        declared = self.theirs.get(name) or Declaration(name)
        return self._put(Declaration(name, "variable", declared.value, declared.domain))

    @abstractmethod
    def own_function(self, declared: Declaration) -> str:
        """The author's function for an unspecified one of the quote. DoesNotApply when it cannot stand for it."""
