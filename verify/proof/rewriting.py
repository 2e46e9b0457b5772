r"""A step that quotes claims: one side is rewritten by an instance of each, and the rest is proved exactly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from verify.language.claim import EQUAL, SAME_LAW, Quote
from verify.language.mentions import Mentions
from verify.language.printer import latex
from verify.language.scope import Scope
from verify.language.tree import (
    Add,
    ArgMin,
    Call,
    Constant,
    Identity,
    Multiply,
    Name,
    Node,
    Number,
)
from verify.ledger.verdict import PROVED, StepVerdict
from verify.meaning.errors import MeaningError, Unsupported
from verify.meaning.reading import read_in
from verify.proof.definedness import check_defined, inlined, partial_parts
from verify.proof.instances import Instance, instance_of
from verify.proof.matching import Guess, Matcher, TooMuch, flat
from verify.proof.normal_form import decide_zero
from verify.proof.places import Place, holds_under, places
from verify.proof.renaming import DoesNotApply
from verify.proof.step import judge_step, settled, unless_vacuous

MAX_INSTANCES = 24  # tried in one step, over all quotes
MAX_ALL_WORK = 200_000  # of matching, in one step
MAX_UNUSED = 3  # random names tried for one that only the other side has
MAX_AGAIN = 2  # further uses of the last quote
TOO_MANY = "there are too many ways to read it into this step: write it as the claim does"
Equation = tuple[Node, str, Node]


@dataclass
class Rewritten:
    """The two sides after a rewrite, with the conditions it rests on."""

    left: Node
    right: Node
    scope: Scope
    conditions: tuple[str, ...]


@dataclass
class Quoting:
    """What came of the quotes of a step: a proof; else whether all of them apply, and why one does not."""

    verdict: StepVerdict | None = None
    applies: bool = False
    why: str = ""


def prove_by_quotes(left: Node, right: Node, scope: Scope, relation: str, quotes: tuple[Quote, ...]) -> Quoting:
    """Prove a step by rewriting with each quote in turn, then exactly."""
    return _Search(scope, relation, [left, right]).run(left, right, quotes)


class _Search:
    def __init__(self, scope: Scope, relation: str, sides: list[Node]) -> None:
        self.scope, self.relation = scope, relation
        self.step = sides
        self.tried = self.work = 0
        self.why: list[tuple[int, str]] = []
        self.applied = False

    def run(self, left: Node, right: Node, quotes: tuple[Quote, ...]) -> Quoting:
        start = Rewritten(left, right, self.scope, ())
        try:
            verdict = self._then(start, [*quotes, *[quotes[-1]] * MAX_AGAIN], len(quotes))
        except TooMuch:
            verdict = None
            self.why.append((0, TOO_MANY))
        why = max(self.why, default=(0, ""), key=lambda pair: pair[0])[1]
        return Quoting(verdict, verdict is not None or self.applied, why)

    def _then(self, state: Rewritten, quotes: list[Quote], required: int) -> StepVerdict | None:
        """Depth first: one rewrite by the first quote, then the rest; the first proof that is found."""
        if required <= 0:
            self.applied = True
            verdict = self._closed(state)
            if verdict is not None:
                return verdict
        if not quotes:
            return None
        found_any = False
        for following in self._rewrites(state, quotes[0]):
            found_any = True
            verdict = self._then(following, quotes[1:], required - 1)
            if verdict is not None:
                return verdict
        if not found_any and required > 0:
            self.why.append((0, f"nothing in this step has the form of an equation of {quotes[0].claim}"))
        return None

    def _closed(self, state: Rewritten) -> StepVerdict | None:
        """The verdict when what remains is proved exactly."""
        try:
            if self.relation in (EQUAL, SAME_LAW) and not any(isinstance(s, ArgMin) for s in (state.left, state.right)):
                verdict = settled(state.left, state.right, state.scope, self.relation)
            else:
                verdict = judge_step(state.left, state.right, state.scope, self.relation)
        except MeaningError:
            return None
        if verdict is None or verdict.verdict != PROVED:
            return None
        verdict.certificate["conditions"] = [*state.conditions, *verdict.certificate.get("conditions", [])]
        return unless_vacuous(verdict, self.scope)

    # ---------------------------------------------------------------- one rewrite

    def _rewrites(self, state: Rewritten, quote: Quote) -> Iterator[Rewritten]:
        """Every rewrite of a side by an equation of the quote, the largest parts first."""
        patterns = list(self._patterns(quote))
        for on_left in (True, False):
            side, seen = state.left if on_left else state.right, set[str]()
            for form in dict.fromkeys((side, inlined(side, state.scope))):
                for place in places(form, state.scope):
                    for equation, pattern in patterns:
                        if equation[1] == EQUAL or place.part is form:
                            yield from self._at(state, quote, equation, pattern, place, on_left, seen)

    def _patterns(self, quote: Quote) -> Iterator[tuple[Equation, Node]]:
        """The equations of the quote in both directions, with the side that is looked for."""
        for left, relation, right in quote.equations:
            if relation == SAME_LAW and self.relation != SAME_LAW:
                self.why.append((1, f"{quote.claim} speaks of laws, this step of values"))
                continue
            for equation in ((left, relation, right), (right, relation, left)):
                pattern = flat(inlined(equation[0], quote.scope))
                if not isinstance(pattern, (Name, Number, Constant, Identity)):  # which look like everything
                    yield equation, pattern

    def _at(
        self, state: Rewritten, quote: Quote, equation: Equation, pattern: Node, place: Place, on_left: bool,
        seen: set[str],
    ) -> Iterator[Rewritten]:  # fmt: skip
        several = Add if isinstance(pattern, Add) else Multiply
        for guess, rest in self._guesses(quote, pattern, place.part, state.scope):
            key = repr((equation, place.part, rest, sorted(guess.items(), key=lambda item: item[0])))
            if key in seen:
                continue
            seen.add(key)
            for full in _completed(guess, quote, equation, state, rest):
                self.tried += 1
                if self.tried > MAX_INSTANCES:
                    raise TooMuch
                try:
                    yield self._rewritten(state, quote, equation, place, full, rest, several, on_left)
                except DoesNotApply as reason:
                    self.why.append((reason.depth, reason.message))

    def _guesses(self, quote: Quote, pattern: Node, part: Node, scope: Scope) -> Iterator[tuple[Guess, list[Node]]]:
        matcher = Matcher(quote.scope, scope)
        try:
            yield from matcher.partial(pattern, flat(part))
        except TooMuch:
            self.why.append((0, TOO_MANY))
        self.work += matcher.work
        if self.work > MAX_ALL_WORK:
            raise TooMuch

    def _rewritten(
        self, state: Rewritten, quote: Quote, equation: Equation, place: Place, guess: Guess,
        rest: list[Node], several: type[Add] | type[Multiply], on_left: bool,
    ) -> Rewritten:  # fmt: skip
        instance = instance_of(quote, equation, guess, state.scope)
        before = _together(instance.left, rest, several)
        after = _together(instance.right, rest, several)
        _same(place.part, before, instance.scope)
        holds_under(place, state.scope)
        if instance.relation == SAME_LAW:
            _independent(instance, rest, state.scope)
        known = [part for side in self.step for part in partial_parts(side, state.scope)]
        check_defined(instance.left, instance.right, instance.scope, known)
        shown = f"{quote.claim}: " + (", ".join(instance.conditions) or "no condition on its names")
        sides = (place.rebuilt(after), state.right) if on_left else (state.left, place.rebuilt(after))
        return Rewritten(*sides, instance.scope, (*state.conditions, shown))


def _together(node: Node, rest: list[Node], several: type[Add] | type[Multiply]) -> Node:
    return several((node, *rest)) if rest else node


def _same(part: Node, instance: Node, scope: Scope) -> None:
    """The author's formula is the side of the instance: proved, whatever the guess came from."""
    try:
        if part != instance and settled(part, instance, scope) is None:
            raise DoesNotApply(f"${latex(part)}$ is not certainly of the form of the quoted claim", 0)
        _no_zero_divisor(part, scope)
    except MeaningError as error:
        raise DoesNotApply(error.message, 0) from None


def _no_zero_divisor(part: Node, scope: Scope) -> None:
    for dimension in (None,) if isinstance(scope.dimension, str) else scope.dimension:
        try:
            reading = read_in(scope, dimension)
            reading.value(part)
        except Unsupported:
            continue
        if any(decide_zero(divisor, reading.facts).zero for divisor in reading.divisors):
            raise DoesNotApply("it would divide by zero", 6)


def _completed(
    guess: Guess, quote: Quote, equation: Equation, state: Rewritten, rest: list[Node]
) -> Iterator[Guess]:
    """A guess with what the matched side alone does not tell.

    What a declared law or equation of the quote says is looked up in the author's; random names that only the
    other side of the equation has are any unused ones.
    """
    guess = _from_declarations(guess, quote, state.scope)
    mentions = Mentions(quote.scope)
    wanted = [
        key for key in mentions.of(equation[2])
        if quote.scope.declarations[key].kind == "random" and key not in guess and _occurs(key, equation[2])
    ]  # fmt: skip
    if not wanted:
        yield guess
        return
    used = {part.key for node in (*guess.values(), *rest) for part in node.walk() if isinstance(part, Name)}
    unused = [d.key for d in state.scope if d.kind == "random" and d.key not in used]
    if len(wanted) == 1:
        asked = [part.key for part in state.right.walk() if isinstance(part, Name)]
        for key in sorted(unused, key=lambda name: (name not in asked, unused.index(name)))[:MAX_UNUSED]:
            yield {**guess, wanted[0]: Name(key)}


def _from_declarations(guess: Guess, quote: Quote, scope: Scope) -> Guess:
    """The guess extended by matching the definitions, declared moments and equations of both claims."""
    matcher = Matcher(quote.scope, scope)
    pairs: list[tuple[Node | None, Node | None]] = []
    for key, image in guess.items():
        theirs, ours = quote.scope.get(key), scope.get(image.key) if isinstance(image, Name) else None
        if theirs is not None and ours is not None and theirs.kind == ours.kind == "random":
            pairs += [(theirs.mean, ours.mean), (theirs.variance, ours.variance)]
    for key, image in list(guess.items()):
        theirs, ours = quote.scope.get(key), scope.get(image.key) if isinstance(image, Call) else None
        if theirs is None or ours is None or theirs.definition is None or ours.definition is None:
            continue
        inside = dict(zip(theirs.parameters, map(Name, ours.parameters), strict=False))
        found = next(matcher.match(flat(theirs.definition), flat(ours.definition), {**guess, **inside}), None)
        guess = {**{k: v for k, v in (found or {}).items() if k not in inside}, **guess}
    for theirs_both in quote.scope.equations:
        for ours_both in scope.equations:
            found = next(matcher.match(flat(theirs_both[0]), flat(ours_both[0]), guess), None)
            if found is not None:
                guess = next(matcher.match(flat(theirs_both[1]), flat(ours_both[1]), found), guess)
    for mine, other in pairs:
        if mine is not None and other is not None:
            pattern = flat(inlined(mine, quote.scope))
            for form in (other, inlined(other, scope)):
                guess = next(matcher.match(pattern, flat(form), guess), guess)
    return guess


def _occurs(key: str, node: Node) -> bool:
    return any(isinstance(part, Name) and part.key == key for part in node.walk())


def _independent(instance: Instance, rest: list[Node], scope: Scope) -> None:
    """What stays beside a sum of random names must not depend on them."""
    mentions = Mentions(scope)
    waiting = [key for node in rest for key in mentions.of(node)]
    reached: dict[str, None] = {}
    while waiting:
        key = waiting.pop()
        if key not in reached:
            reached[key] = None
            waiting += mentions.by(key)
    for key in instance.random:
        if key in reached:
            raise DoesNotApply(f"{key} also stands outside: the two are not independent", 4)
