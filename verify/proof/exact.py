"""One residual of a step, proved by the exact routes in turn.

The routes: large exponents compared first, the normal form as it stands, nested integrals swapped (Fubini), the
upper limit differentiated, and integration by parts with the declared boundary fields only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import sympy as sp

from verify.language.scope import NONNEGATIVE, Scope
from verify.meaning.errors import Unsupported
from verify.meaning.facts import Facts
from verify.meaning.functional import ordered_integrals, split_at_upper_limit, swap_integrals
from verify.meaning.reading import Reading
from verify.proof.finite_sums import by_upper_limit
from verify.proof.merging import by_equal_exponents
from verify.proof.normal_form import ZeroDecision, decide_sign, decide_zero
from verify.proof.numbers import may_vanish
from verify.proof.regions import BRANCHING, regions

LONGEST_WRITTEN = 60  # operations of a divisor that is written out in a certificate
NOT_ZERO = "the normal form of the difference is not zero"


@dataclass
class Proof:
    """What an exact route found about several residuals: proved, or `why` not."""

    proved: bool = True
    why: str = ""
    generators: list[str] = field(default_factory=list)
    relations: list[str] = field(default_factory=list)
    conditions: list[str] = field(default_factory=list)
    denominators: list[sp.Expr] = field(default_factory=list)

    def include(self, decision: ZeroDecision) -> None:
        """Add what one decision used; each text is kept once, in the order of first use."""
        for own, new in (
            (self.generators, decision.generators),
            (self.relations, decision.relations),
            (self.conditions, decision.conditions),
        ):
            own += [text for text in new if text not in own]
        self.denominators += decision.denominators

    def merge(self, other: Proof) -> None:
        """Take over another proof's certificate."""
        self.include(
            ZeroDecision(True, "", other.generators, other.relations, other.conditions, other.denominators)
        )
        self.proved &= other.proved
        self.why = self.why or other.why

    def certificate(self) -> dict[str, list[str]]:
        """As a `StepVerdict` keeps it."""
        return {"generators": self.generators, "relations": self.relations, "conditions": self.conditions}


def prove(residuals: list[sp.Expr], reading: Reading, scope: Scope) -> Proof:
    """Prove that all residuals vanish; stops at the first one that no route settles."""
    proof = Proof()
    for residual in residuals:
        settled, why = False, ""
        for attempt in _routes(residual, reading, scope):
            if not isinstance(attempt, str):
                settled = all(decision.zero for decision in attempt)
                if settled:
                    for decision in attempt:
                        proof.include(decision)
                    break
            why = why or (attempt if isinstance(attempt, str) else next(d.why for d in attempt if not d.zero))
        if not settled:
            proof.proved, proof.why = False, why
            return proof
    if missing := obstacle(reading):
        return Proof(False, missing)
    proof.conditions += [c for c in obligations(reading, proof.denominators) if c not in proof.conditions]
    return proof


def _routes(residual: sp.Expr, reading: Reading, scope: Scope) -> Iterator[list[ZeroDecision] | str]:
    """Decisions that together settle the residual, or a sentence why a route does not apply."""
    merged = by_equal_exponents(residual, reading.facts) if residual.has(sp.exp) else None
    if merged is not None:
        yield merged
    yield [decide_zero(residual, reading.facts)]
    if residual.has(sp.Sum, sp.Product):
        yield from by_upper_limit(residual, reading.facts)
    if residual.has(*BRANCHING):
        parts = regions(residual, reading.facts)
        if parts is not None:
            yield [decide_zero(part.expression, part.facts) for part in parts]
    if not residual.has(sp.Integral):
        return
    if not _has_pole(residual, reading.facts):
        yield from _reordered(residual, reading)
    tied = any(symbol in reading.facts.roots for symbol in residual.free_symbols)
    halves = None if tied else split_at_upper_limit(residual, reading.facts)
    if halves is not None:
        yield [decide_zero(reading.using_equations(part), reading.facts) for part in halves]
    if scope.boundary:
        before = len(reading.conditions)
        try:
            rest = reading.by_parts(residual)
        except Unsupported as reason:
            yield reason.message
            return
        decision = decide_zero(rest, reading.facts)
        if not decision.zero:
            del reading.conditions[before:]
        yield [decision]


def _has_pole(residual: sp.Expr, facts: Facts) -> bool:
    r"""Whether an integrand may be unbounded by its form: \frac{x-y}{(x+y)^3} has two integrals over the square."""
    for integral in residual.atoms(sp.Integral):
        closed = {v: sp.Dummy(nonnegative=True) for v, *_ in integral.limits if v.is_positive}
        body = integral.function.xreplace(closed)
        running = {closed.get(v, v) for v, *_ in integral.limits}
        wider = replace(facts, symbols=facts.symbols | dict.fromkeys(closed.values(), NONNEGATIVE))
        steep = [p.base for p in body.atoms(sp.Pow) if not p.exp.is_nonnegative]
        for base in [*steep, *(log.args[0] for log in body.atoms(sp.log))]:
            found = decide_sign(base, wider) if base.free_symbols & running else None
            if found is not None and not (found.value and found.strict):
                return True
    return False


def _reordered(residual: sp.Expr, reading: Reading) -> Iterator[list[ZeroDecision]]:
    swapped = swap_integrals(residual)
    if swapped != residual:
        decision = decide_zero(swapped, reading.facts)
        decision.conditions.append("the order of integration may be exchanged (Fubini)")
        yield [decision]
    if any(len(integral.limits) > 1 or integral.function.has(sp.Integral) for integral in residual.atoms(sp.Integral)):
        size = int(reading.dimension) if reading.dimension.is_Integer else 1
        decision = decide_zero(ordered_integrals(residual, size), reading.facts)
        decision.conditions.append("the order of integration may be exchanged (Fubini)")
        yield [decision]


def obstacle(reading: Reading) -> str:
    """What keeps any proof in this reading from counting: a divisor that may vanish, a law that is none; or ''."""
    for divisor in reading.divisors:
        if may_vanish(divisor, reading.facts):
            return f"division by zero: {divisor}"
    for quantity, otherwise in reading.identities:
        if not decide_zero(quantity, reading.facts).zero:
            return otherwise
    return ""


def obligations(reading: Reading, named: Sequence[sp.Expr] = ()) -> list[str]:
    """Conditions of the reading in words, and what it needs positive, or not zero, without a proof of it.

    A divisor of one side only may cancel before anything is decided. It is a condition nevertheless, unless it is
    `named` already.
    """
    words = list(dict.fromkeys(reading.conditions))
    for divisor in reading.lone_divisors:
        found = decide_sign(divisor, reading.facts)
        known = found.value and found.strict or divisor in named or -divisor in named
        bound = any(symbol.name.startswith("_") for symbol in divisor.free_symbols)  # no name of the page
        if not known and not bound:
            long = divisor.count_ops() > LONGEST_WRITTEN
            words.append("not zero: what one side divides by" if long else f"not zero: {divisor}")
    for quantity in reading.obligations:
        found = decide_sign(quantity, reading.facts)
        if not (found.value > 0 and found.strict):
            words.append(f"positive: {quantity}")
    return list(dict.fromkeys(words))
