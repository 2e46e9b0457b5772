"""One instance of a quoted equation: its names replaced by the author's formulas, every condition of it proved.

This is where a quote is trusted, so it is strict. A quoted claim holds for all values of its names in their
domains. An instance is made of any formulas at all; it holds when each of them lies in its domain, when every
assumption of the quoted claim holds for them, and when no variable is captured. Bound variables are renamed to
names that occur nowhere else. What cannot be carried over is refused by name, never dropped.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass, field

from verify.language.claim import SAME_LAW, Quote
from verify.language.mentions import Mentions
from verify.language.names import latex_of_key
from verify.language.printer import latex
from verify.language.scope import Declaration, Scope
from verify.language.tree import (
    Add,
    Call,
    Constant,
    Derivative,
    Divergence,
    Gaussian,
    Gradient,
    Hessian,
    Identity,
    Inner,
    Integral,
    Laplacian,
    Moment,
    Name,
    Negate,
    Node,
    Norm,
    Number,
    Power,
    Product,
    Summation,
    Trace,
    Transpose,
)
from verify.meaning.errors import MeaningError
from verify.proof.domains import Domains, lacks
from verify.proof.matching import Guess, with_arguments
from verify.proof.renaming import SPATIAL, DoesNotApply
from verify.proof.step import settled

VECTORIAL = (Identity, Norm, Inner, Trace, Transpose, *SPATIAL)


@dataclass
class Instance:
    """`left relation right` in `scope` (the author's, with fresh names), and what it rests on, in words."""

    left: Node
    relation: str
    right: Node
    scope: Scope
    conditions: list[str] = field(default_factory=list)
    random: tuple[str, ...] = ()


def instance_of(quote: Quote, equation: tuple[Node, str, Node], guess: Guess, scope: Scope) -> Instance:
    """The quoted equation for a guess of its names. DoesNotApply when a condition is not proved."""
    left, relation, right = equation
    maker = _Maker(quote, guess, scope, (left, right))
    found = Instance(maker.renamed(left), relation, maker.renamed(right), maker.scope)
    maker.check(relation)
    found.conditions, found.random = maker.conditions, tuple(sorted(maker.random_images()))
    return found


class _Maker(Domains):
    """Renames the two sides of a quoted equation and checks every condition of the quote for them."""

    # ---------------------------------------------------------------- conditions

    def check(self, relation: str) -> None:
        """Every condition of the quote, proved for this instance. DoesNotApply at the first that is not."""
        self.complete = True
        self._dimensions()
        self._captures()
        self._shapes_and_domains()
        self._random_names(relation)
        self._ties()
        self._assumptions()
        self._equations()
        self._boundary()

    def _dimensions(self) -> None:
        theirs, ours = self.theirs.dimension, self.ours.dimension
        if theirs == "any" or theirs == ours or self._scalar_only():
            return
        if ours == "any" or not set(ours) <= set(theirs):
            shown = ["every d" if d == "any" else "d = " + ", ".join(map(str, d)) for d in (theirs, ours)]
            raise DoesNotApply(f"it is stated for {shown[0]}, this step for {shown[1]}", 4)

    def _scalar_only(self) -> bool:
        """Whether nothing in the equation depends on the dimension."""
        names = self._reached(self.sides)
        if any((d := self.theirs.get(key)) is not None and d.value != "scalar" for key in names):
            return False
        nodes = [*self.sides, *(d.definition for key in names if (d := self.theirs.get(key)) and d.definition)]
        return not any(
            isinstance(part, VECTORIAL) or isinstance(part, Constant) and part.name == "dimension"
            for node in nodes
            for part in node.walk()
        )

    def _reached(self, nodes: Iterable[Node]) -> dict[str, None]:
        """Every quoted name behind some trees, without the rules of the scope."""
        mentions = Mentions(self.theirs)
        waiting = [key for node in nodes for key in mentions.of(node)]
        found: dict[str, None] = {}
        while waiting:
            key = waiting.pop()
            if key not in found and key in self.theirs:
                found[key] = None
                waiting += mentions.by(key)
        return found

    def _behind(self, node: Node) -> dict[str, None]:
        """Every name of the author behind a tree."""
        waiting = list(self.mentions.of(node))
        found: dict[str, None] = {}
        while waiting:
            key = waiting.pop()
            if key not in found and key in self.ours:
                found[key] = None
                waiting += self.mentions.by(key)
        return found

    def _captures(self) -> None:
        """A variable of differentiation must not be hidden in what another name stands for."""
        tied = [key for key in self._reached(self.sides) if self.theirs.declarations[key].root_of is not None]
        if tied and (self.bound or self.differentiated):
            raise DoesNotApply(f"{latex_of_key(tied[0])} is tied to other names under a derivative or an integral")
        for key in self.functions:
            body = self.theirs.declarations[key].definition
            hidden = [name for name in self.bound if body is not None and name in self._open_names(key)]
            if hidden:
                raise DoesNotApply(f"{latex_of_key(key)} depends on the bound variable {latex_of_key(hidden[0])}")
        for variable in self.differentiated:
            image = self.guess[variable]
            assert isinstance(image, Name)  # see `_variable`
            for other in self.free:
                if other != variable and image.key in self._behind(self.guess[other]):
                    names = f"{latex_of_key(other)} would depend on {latex_of_key(image.key)}"
                    raise DoesNotApply(f"{names}, which is differentiated in", 3)
            for function in self.functions.values():
                ours = self.ours.get(function)
                body = ours.definition if ours is not None and image.key not in ours.parameters else None
                if body is not None and image.key in self._behind(body):
                    raise DoesNotApply(f"{latex_of_key(function)} would depend on {latex_of_key(image.key)}", 3)

    def _open_names(self, key: str) -> dict[str, None]:
        """The names that the definition of a quoted function leaves open: no parameters, not bound in it."""
        declared = self.theirs.declarations[key]
        assert declared.definition is not None
        return self._open_in(declared.definition, declared.parameters, (key,))

    def _open_in(self, node: Node, bound: tuple[str, ...], within: tuple[str, ...]) -> dict[str, None]:
        found: dict[str, None] = {}
        inner = bound
        match node:
            case Name(key=key):
                declared = self.theirs.get(key)
                if key not in bound and declared is not None and declared.definition is not None:
                    return self._open_in(declared.definition, bound, within)
                return {} if key in bound else {key: None}
            case Call(key=key) if key not in within:
                declared = self.theirs.get(key)
                if declared is not None and declared.definition is not None:
                    found |= self._open_in(declared.definition, declared.parameters, (*within, key))
            case Integral(variables=variables):
                inner = (*bound, *variables)
            case Summation(index=index) | Product(index=index):
                inner = (*bound, index)
            case Derivative() | Gradient() | Divergence() | Laplacian() | Hessian():
                variable = node.variable or self.theirs.space
                found |= {} if variable in bound else {variable: None}
        limits = [getattr(node, end, None) for end in ("lower", "upper")]
        for child in node.children():
            found |= self._open_in(child, bound if any(child is end for end in limits) else inner, within)
        return found

    # ---------------------------------------------------------------- random names

    def random_images(self) -> dict[str, None]:
        """The author's random names that the instance is about."""
        images = [self.guess[key] for key in self.free if self.theirs.declarations[key].kind == "random"]
        return {image.key: None for image in images if isinstance(image, Name)}

    def _random_names(self, relation: str) -> None:
        theirs = [key for key in self.free if self.theirs.declarations[key].kind == "random"]
        uncertain = any(isinstance(part, Moment) for node in self.sides for part in node.walk())
        if not theirs and not uncertain and relation != SAME_LAW:
            return
        taken: dict[str, str] = {}
        for key in theirs:
            image = self.guess[key]
            ours = self.ours.get(image.key) if isinstance(image, Name) else None
            if ours is None or ours.kind != "random" or ours.key in taken:
                raise DoesNotApply(f"{latex_of_key(key)} must be a random name of its own", 2)
            taken[ours.key] = key
            self._same_law(self.theirs.declarations[key], ours)
        for key in list(self.free):
            if key not in theirs and self._is_random(self.guess[key]):
                raise DoesNotApply(f"{latex_of_key(key)} is a number, ${latex(self.guess[key])}$ is random", 3)
        for function in self.functions.values():
            ours = self.ours.get(function)
            if ours is not None and ours.definition is not None and self._is_random(ours.definition):
                raise DoesNotApply(f"{latex_of_key(function)} is random", 3)

    def _is_random(self, node: Node) -> bool:
        return any(self.ours.declarations[key].kind == "random" for key in self._behind(node))

    def _same_law(self, theirs: Declaration, ours: Declaration) -> None:
        names = f"${latex_of_key(theirs.key)} = {latex_of_key(ours.key)}$"
        plain = theirs.law is None or isinstance(theirs.law, Gaussian)
        if not plain or theirs.value != ours.value or lacks(ours, theirs):
            raise DoesNotApply(f"{names}: the two have different kinds of laws", 3)
        for have, want, words in (
            (ours.mean, theirs.mean, "mean"),
            (ours.variance, theirs.variance, "variance"),
        ):
            if have is None or want is None:
                raise DoesNotApply(f"{names}: a {words} is not declared", 3)
            if self._is_random(have) or not self._equal(have, self.renamed(want)):
                raise DoesNotApply(f"{names}: it is not certain that the {words} is the same", 3)
        self._note(f"{names} has the same declared law")

    def _equal(self, left: Node, right: Node) -> bool:
        try:
            return settled(left, right, self.scope) is not None
        except MeaningError:
            return False

    # ---------------------------------------------------------------- what else the quoted claim declares

    def _ties(self) -> None:
        for key in list(self.free):
            declared = self.theirs.declarations[key]
            if declared.root_of is not None:
                degree, base = declared.root_of
                name, image = latex_of_key(key), self.guess[key]
                self._positive(image, f"${name} = {latex(image)}$ is positive")
                if not self._equal(Power(image, Number(str(degree))), self.renamed(base)):
                    raise DoesNotApply(f"it is not certain that {name}^{degree} is ${latex(base)}$ here", 4)
        for declared in self.theirs:
            if declared.root_of is not None and declared.key not in self.free:
                self._holds_if_it_matters(declared.root_of[1])

    def _assumptions(self) -> None:
        ranges = [tree for declared in self.theirs for tree in range_of(declared) if declared.key not in self.free]
        for assumption in self.theirs.assumptions:
            if assumption not in ranges:
                self._holds_if_it_matters(assumption)

    def _holds_if_it_matters(self, assumption: Node) -> None:
        """An assumption about names that the equation does not have is satisfiable and does not matter."""
        reached = self._reached([assumption])
        about = [key for key in reached if key in self.free or key in self.functions]
        if about:
            self._positive(self.renamed(assumption), f"${latex(assumption)} > 0$ holds here")

    def _equations(self) -> None:
        """A declared equation holds for all arguments: so must its instance."""
        for left, right in [(self._explicit(a), self._explicit(b)) for a, b in self.theirs.equations]:
            reached = self._reached([left, right])
            if not any(key in self.free or key in self.functions for key in reached):
                continue
            if isinstance(left, Name):
                raise DoesNotApply(f"the equation for {latex_of_key(left.key)} cannot be carried over yet", 2)
            env = {}
            for key in _arguments(left) | _arguments(right):
                declared = self.theirs.get(key)
                if declared is None or declared.kind != "variable" or declared.definition is not None:
                    continue
                env[key] = self._put(dataclasses.replace(declared, lower=None, upper=None))
            if any(d.root_of is not None or d.kind == "random" for key in reached if (d := self.theirs.get(key))):
                raise DoesNotApply("a declared equation with tied or random names cannot be carried over yet", 2)
            if not self._equal(self.renamed(left, env), self.renamed(right, env)):
                raise DoesNotApply(f"it is not certain that ${latex(left)} = {latex(right)}$ holds here", 4)
            self._note(f"${latex(left)} = {latex(right)}$ holds here")

    def _explicit(self, node: Node) -> Node:
        """The tree with all arguments and the variables of all derivatives written out."""
        node = node.map_children(self._explicit)
        if isinstance(node, Call):
            return with_arguments(node, self.theirs)
        if isinstance(node, SPATIAL) and node.variable is None:
            return dataclasses.replace(node, variable=self.theirs.space)
        return node

    def _boundary(self) -> None:
        for boundary in self.theirs.boundary:
            reached = self._reached([boundary])
            if not any(key in self.free or key in self.functions or key in self.bound for key in reached):
                continue
            here = self.renamed(boundary, {self.theirs.space: self.ours.space})
            if not any(self._equal(here, own) for own in self.ours.boundary):
                raise DoesNotApply(f"it is not declared that ${latex(here)}$ vanishes at infinity", 4)
            self._note(f"vanishes at infinity: ${latex(here)}$")


def _arguments(node: Node) -> dict[str, None]:
    """The names that functions are taken at or differentiated in."""
    found: dict[str, None] = {}
    for part in node.walk():
        places = [*(part.arguments or ()), part.index] if isinstance(part, Call) else []
        found |= {inner.key: None for place in places if place for inner in place.walk() if isinstance(inner, Name)}
        if isinstance(part, (Derivative, *SPATIAL)) and part.variable is not None:
            found[part.variable] = None
    return found


def range_of(declared: Declaration) -> list[Node]:
    """What the declared range of an index says about it, as `verify.language.formulas` writes it down."""
    if declared.lower is None or declared.upper is None:
        return []
    index, one = Name(declared.key), Number("1")
    return [Add((index, one, Negate(declared.lower))), Add((declared.upper, one, Negate(index)))]
