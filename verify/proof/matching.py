"""Guesses of what the names of a quoted equation stand for, by matching trees up to the order of terms and factors.

Nothing here is trusted: a guess is put into the quoted equation and proved to be the author's formula
(`verify.proof.instances`). So a wrong guess costs time and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields

from verify.language.scope import Scope
from verify.language.tree import (
    Add,
    Call,
    Divergence,
    Divide,
    DotProduct,
    Gaussian,
    Gradient,
    Hessian,
    Inner,
    Integral,
    Laplacian,
    Multiply,
    Name,
    Negate,
    Node,
    Number,
    Power,
    Product,
    Root,
    Summation,
)  # fmt: skip

MAX_WORK = 10_000
ONE, MINUS = Number("1"), Negate(Number("1"))
Guess = dict[str, Node]  # a declared function stands for the Call of another one, every other name for a tree


class TooMuch(Exception):
    """The bound on work is reached: the remaining guesses are not looked at."""


def flat(node: Node) -> Node:
    """Sums and products flattened, differences and quotients as sums and products."""
    node = node.map_children(flat)
    match node:
        case Negate(operand=operand) if node != MINUS:
            return _product([MINUS, operand])
        case Divide(numerator=numerator, denominator=denominator):
            return _product([numerator, *(_inverse(f) for f in _factors(denominator))])
        case Multiply(factors=factors):
            return _product(list(factors))
        case Add(terms=terms):
            return Add(tuple(part for term in terms for part in _terms(term)))
    return node


def _inverse(node: Node) -> Node:
    return node if node in (ONE, MINUS) else Power(node, MINUS)


def _terms(node: Node) -> tuple[Node, ...]:
    return node.terms if isinstance(node, Add) else (node,)


def _factors(node: Node) -> tuple[Node, ...]:
    return node.factors if isinstance(node, Multiply) else (node,)


def _product(nodes: list[Node]) -> Node:
    parts = [part for node in nodes for part in _factors(node)]
    signs = sum(part == MINUS for part in parts)
    rest = [part for part in parts if part not in (MINUS, ONE)]
    rest = [MINUS, *rest] if signs % 2 else rest
    return rest[0] if len(rest) == 1 else Multiply(tuple(rest)) if rest else ONE


@dataclass
class Matcher:
    """Matches flat patterns in the names of `theirs` against flat formulas in the names of `ours`."""

    theirs: Scope
    ours: Scope
    work: int = field(default=0)

    def partial(self, pattern: Node, subject: Node) -> Iterator[tuple[Guess, list[Node]]]:
        """Guesses with the terms (or factors) of the subject that are left over."""
        kind = Add if isinstance(pattern, Add) else Multiply if isinstance(pattern, Multiply) else None
        if kind is not None and isinstance(subject, kind):
            parts = _terms(pattern) if kind is Add else _factors(pattern)
            whole = list(_terms(subject) if kind is Add else _factors(subject))
            yield from self._several(list(self._ordered(parts)), whole, {}, kind, True)
            return
        for guess in self.match(pattern, subject, {}):
            yield guess, []

    def match(self, pattern: Node, subject: Node, guess: Guess) -> Iterator[Guess]:
        """Every extension of the guess under which the pattern looks like the subject."""
        self.work += 1
        if self.work > MAX_WORK:
            raise TooMuch
        match pattern, subject:
            case Name(key=key), _:
                yield from self._name(key, subject, guess)
            case Call(), Call():
                yield from self._call(pattern, subject, guess)
            case Add(), _:
                for found, _ in self._several(self._ordered(pattern.terms), list(_terms(subject)), guess, Add, False):
                    yield found
            case Multiply(), _:
                parts = self._ordered(pattern.factors)
                for found, _ in self._several(parts, list(_factors(subject)), guess, Multiply, False):
                    yield found
            case (DotProduct(left=a, right=b), DotProduct(left=c, right=d)) | (
                Inner(left=a, right=b), Inner(left=c, right=d)
            ):
                yield from self._both([(a, c), (b, d)], guess)
                yield from self._both([(a, d), (b, c)], guess)
            case Gaussian(point=Node() as a, mean=b), Gaussian(point=Node() as c, mean=d):
                last = (pattern.covariance, subject.covariance)
                yield from self._both([last, (a, c), (b, d)], guess)
                yield from self._both([last, (a, d), (b, c)], guess)
            case Power(base=Name(key=key), exponent=Number("2")), _ if self._unknown(key, subject, guess):
                yield {**guess, key: Root(subject)}
            case _ if type(pattern) is type(subject):
                yield from self._fields(pattern, subject, guess)

    def _unknown(self, key: str, subject: Node, guess: Guess) -> bool:
        """Whether a square is to be matched by something that is not written as one."""
        square = isinstance(subject, Power) and subject.exponent == Number("2")
        return self._free(Name(key)) and key not in guess and not square

    def _ordered(self, parts: tuple[Node, ...]) -> list[Node]:
        """What says most first, free names last."""
        return sorted(parts, key=lambda part: (self._free(part), -sum(1 for _ in part.walk())))

    def _free(self, part: Node) -> bool:
        declared = self.theirs.get(part.key) if isinstance(part, Name) else None
        return declared is not None and declared.kind != "random"

    def _name(self, key: str, subject: Node, guess: Guess) -> Iterator[Guess]:
        if key in guess:
            if guess[key] == subject:
                yield guess
            return
        declared = self.theirs.get(key)
        if declared is None:
            return
        if declared.kind == "random":
            ours = self.ours.get(subject.key) if isinstance(subject, Name) else None
            taken = any(value == subject and self._random(name) for name, value in guess.items())
            if ours is None or ours.kind != "random" or taken:
                return
        yield {**guess, key: subject}

    def _random(self, key: str) -> bool:
        declared = self.theirs.get(key)
        return declared is not None and declared.kind == "random"

    def _call(self, pattern: Call, subject: Call, guess: Guess) -> Iterator[Guess]:
        known = guess.get(pattern.key)
        if known is not None and (not isinstance(known, Call) or known.key != subject.key):
            return
        mine, other = with_arguments(pattern, self.theirs), with_arguments(subject, self.ours)
        if len(mine.arguments or ()) != len(other.arguments or ()) or (mine.index is None) != (other.index is None):
            return
        pairs = list(zip(mine.arguments or (), other.arguments or (), strict=True))
        if mine.index is not None and other.index is not None:
            pairs.append((mine.index, other.index))
        yield from self._both(pairs, {**guess, pattern.key: Call(subject.key)})

    def _both(self, pairs: list[tuple[Node, Node]], guess: Guess) -> Iterator[Guess]:
        if not pairs:
            yield guess
            return
        for found in self.match(*pairs[0], guess):
            yield from self._both(pairs[1:], found)

    def _fields(self, pattern: Node, subject: Node, guess: Guess) -> Iterator[Guess]:
        pairs: list[tuple[Node, Node]] = []
        for item in fields(pattern):
            if not item.compare:
                continue
            mine, other = getattr(pattern, item.name), getattr(subject, item.name)
            if not self._pair(item.name, mine, other, pattern, pairs):
                return
        yield from self._both(pairs, guess)

    def _pair(self, name: str, mine: object, other: object, pattern: Node, pairs: list[tuple[Node, Node]]) -> bool:
        """Add what must match for two fields to agree; False when they cannot."""
        variables = (Integral, Summation, Product, Gradient, Divergence, Laplacian, Hessian)
        if isinstance(mine, Node) and isinstance(other, Node):
            pairs.append((mine, other))
            return True
        if name in ("variable", "variables", "index") and (isinstance(pattern, variables) or name == "variable"):
            space = self.theirs.space, self.ours.space
            keys = [value if isinstance(value, tuple) else (value or default,)
                    for value, default in zip((mine, other), space, strict=True)]  # fmt: skip
            if len(keys[0]) != len(keys[1]):
                return False
            pairs[:0] = [(Name(str(a)), Name(str(b))) for a, b in zip(*keys, strict=True)]
            return True
        if isinstance(mine, tuple) and isinstance(other, tuple) and len(mine) == len(other):
            return all(self._pair("", a, b, pattern, pairs) for a, b in zip(mine, other, strict=True))
        return mine == other

    def _several(
        self, parts: list[Node], subjects: list[Node], guess: Guess, kind: type, rest_allowed: bool
    ) -> Iterator[tuple[Guess, list[Node]]]:
        """The parts of a sum or product among those of another one, in any order."""
        if not parts:
            if rest_allowed or not subjects:
                yield guess, subjects
            return
        first, others = parts[0], parts[1:]
        if kind is Multiply and not subjects and not rest_allowed:
            if all(self._free(part) for part in parts):  # a factor that is not written is one
                for found in self._both([(part, ONE) for part in parts], guess):
                    yield found, []
            return
        if not others and not rest_allowed and self._free(first) and len(subjects) > 1:
            whole = Add(tuple(subjects)) if kind is Add else Multiply(tuple(subjects))
            for found in self.match(first, whole, guess):
                yield found, []
            return
        for place, subject in enumerate(subjects):
            rest = subjects[:place] + subjects[place + 1 :]
            for found in self.match(first, subject, guess):
                yield from self._several(others, rest, found, kind, rest_allowed)
        if not others and rest_allowed and self._free(first) and len(subjects) > 1:
            whole = Add(tuple(subjects)) if kind is Add else Multiply(tuple(subjects))
            for found in self.match(first, whole, guess):
                yield found, []


def with_arguments(call: Call, scope: Scope) -> Call:
    """The call with the arguments written out that the author left out."""
    declared = scope.get(call.key)
    if call.arguments is not None or declared is None or declared.key.endswith("_{.}") and not declared.family:
        return call
    names: Mapping[int, str] = dict(enumerate(declared.parameters[: len(declared.parameters) - declared.family]))
    index = call.index
    if index is None and declared.family:
        index = Name(declared.parameters[-1])
    return Call(call.key, tuple(Name(name) for name in names.values()), index, span=call.span)


