"""Whether the declarations can hold at all: one admissible rational point, or none was found."""

from __future__ import annotations

import random

import sympy as sp

from verify.language.scope import INDEX, INTEGER, NONNEGATIVE, POSITIVE, REAL, UNIT, Declaration, Scope
from verify.language.tree import Call, Name, Node, Number
from verify.ledger.verdict import UNDECIDED, VACUOUS, StepVerdict
from verify.meaning.errors import MeaningError, Unsupported
from verify.meaning.facts import Facts
from verify.meaning.reading import read_in
from verify.proof import intervals
from verify.proof.enclosure import INSTANCES, separate
from verify.proof.intervals import NotEvaluable
from verify.proof.normal_form import decide_sign, decide_zero
from verify.proof.points import SEED, Concrete, admissible_points, complete, concrete

RANDOM_POINTS = 300
CLIMBS = 8
STEPS = 150
COARSE_DIGITS = 15
FACTORS = ((1, 10), (1, 2), (4, 5), (24, 25), (999, 1000), (1001, 1000), (25, 24), (5, 4), (2, 1), (10, 1))
WHOLE = (INTEGER, INDEX)


def admissible_point(scope: Scope) -> dict[str, str] | None:
    """Name -> value of one point where every declaration holds; None when the search finds none.

    Raises MeaningError for an assumption without meaning, Unsupported when none can be evaluated.
    """
    reading = read_in(scope, 1 if isinstance(scope.dimension, str) else scope.dimension[0])
    for declaration in scope:
        if declaration.root_of is not None:
            reading.value(Name(declaration.key))
    return admissible_point_of(reading.facts)


def witness(scope: Scope) -> dict[str, str] | None:
    """An admissible point that names every declared number and vector; None as `admissible_point`.

    It names functions too, unless they must do more than take values in their domain: densities, and all
    functions beside an equation or a boundary condition, are not chosen here. Those stand as assumptions.
    """
    point = admissible_point(scope)
    if point is None:
        return None
    reading = read_in(scope, 1 if isinstance(scope.dimension, str) else scope.dimension[0])
    named: list[sp.Expr] = []
    bound = bool(scope.equations or scope.boundary)
    for declaration in scope:
        if declaration.key.startswith("__") or declaration.definition is not None or declaration.signatures:
            continue
        if declaration.kind == "function" and (bound or declaration.density):
            continue
        try:
            value = reading.value(_as_declared(declaration))
            named += [value] if isinstance(value, sp.Expr) else list(value)
        except (MeaningError, Unsupported):
            continue
    try:
        statement = concrete(named, reading.facts)
        found = next(admissible_points(statement, RANDOM_POINTS), None)
    except NotEvaluable:
        return point
    return found.described() if found is not None else point


def _as_declared(declaration: Declaration) -> Node:
    """The name as its declaration writes it: with its own parameters."""
    if declaration.kind != "function":
        return Name(declaration.key)
    names: list[Node] = [Name(key) for key in declaration.parameters]
    if declaration.key.endswith("_{.}"):
        index = names.pop() if declaration.family else Number("1")
        return Call(declaration.key, tuple(names) if declaration.family and names else None, index)
    return Call(declaration.key, tuple(names))


def admissible_point_of(facts: Facts) -> dict[str, str] | None:
    """The same for the facts of a reading."""
    evaluable = False
    for attempt in range(INSTANCES):
        try:
            statement = concrete([], facts, attempt)
        except NotEvaluable as reason:
            if not evaluable:
                raise Unsupported(f"the assumptions have no numerical value: {reason}") from reason
            return None
        evaluable = True
        for point in admissible_points(statement, RANDOM_POINTS):
            return point.described()
        found = _climb(statement, random.Random(SEED + attempt))
        if found is not None:
            return found
    return None


def equations_contradict(scope: Scope) -> StepVerdict | None:
    """Vacuous when the declared equations exclude each other, undecided when that cannot be told."""
    reading = read_in(scope, 1 if isinstance(scope.dimension, str) else scope.dimension[0])
    facts = reading.facts
    try:
        apart, known = reading.contradictions(), reading.known_values()
    except Unsupported as reason:
        return StepVerdict(UNDECIDED, why=f"the declared equations could not be compared: {reason.message}")
    for difference in apart:
        if not decide_zero(difference, facts).zero:
            sure = difference.is_number or separate(difference, sp.Integer(0), facts) is not None
            return StepVerdict(
                VACUOUS if sure else UNDECIDED, why=f"two declared equations differ by {difference}"
            )
    for unknown, value in known:
        domain = facts.domain(unknown)
        margins = {POSITIVE: [value], NONNEGATIVE: [value], UNIT: [value, 1 - value]}.get(domain, [])
        if any((found := decide_sign(m, facts)).value < 0 and found.strict for m in margins):
            return StepVerdict(VACUOUS, why=f"{unknown} is declared {domain}, an equation says {value}")
    return None


def _climb(statement: Concrete, generator: random.Random) -> dict[str, str] | None:
    """Improve the worst margin coordinate by coordinate, from several starts."""
    facts = statement.facts
    symbols: set[sp.Symbol] = set()
    for e in [*facts.positive, *(base for _, base in facts.roots.values())]:
        symbols |= e.free_symbols
    free = sorted(symbols - set(facts.roots), key=lambda s: s.name)
    for _ in range(CLIMBS if free else 0):
        values = {s: _start(facts.domain(s), generator) for s in free}
        worst = _margin(values, statement)
        for _ in range(STEPS):
            s = free[generator.randrange(len(free))]
            moved = values | {s: _move(values[s], facts.domain(s), generator)}
            margin = _margin(moved, statement)
            if margin >= worst:
                values, worst = moved, margin
            if worst > 0 and (point := complete(values, statement)) is not None:
                return point.described()
    return None


def _margin(values: dict[sp.Symbol, sp.Rational], statement: Concrete) -> float:
    """The least of all quantities that must be positive; minus infinity where one has no value."""
    facts, known = statement.facts, dict(values)
    margins = []
    try:
        for s, (degree, base) in facts.roots.items():
            enclosed = intervals.enclose(base, known, COARSE_DIGITS)
            margins.append(float(enclosed.a))
            if enclosed.a > 0:
                known[s] = intervals.enclose(base ** sp.Rational(1, degree), known, COARSE_DIGITS)
        margins += [float(intervals.enclose(p, known, COARSE_DIGITS).a) for p in facts.positive]
    except NotEvaluable:
        return min(margins, default=float("-inf")) if margins and min(margins) <= 0 else float("-inf")
    return min(margins, default=1.0)


def _start(domain: str, generator: random.Random) -> sp.Rational:
    if domain in WHOLE:
        return sp.Integer(generator.randint(1, 9))
    value = sp.Rational(generator.randint(1, 99), 100)
    return value if domain in (UNIT, POSITIVE) else value - sp.Rational(1, 2)


def _move(value: sp.Rational, domain: str, generator: random.Random) -> sp.Rational:
    if domain in WHOLE:
        least = 1 if domain == INDEX else -50
        return sp.Integer(max(least, int(value) + generator.choice((-3, -1, 1, 3))))
    factor = sp.Rational(*generator.choice(FACTORS))
    if domain == UNIT:  # move towards 0 or towards 1
        part = factor if factor < 1 else 1 / factor
        value = value * part if generator.random() < 0.5 else 1 - (1 - value) * part
        inner = sp.Rational(round(value * 100_000), 100_000)
        return min(max(inner, sp.Rational(1, 100_000)), sp.Rational(99_999, 100_000))
    if domain == REAL and generator.random() < 0.3:
        return -value
    return sp.Rational(round(value * factor * 10_000) or 1, 10_000)
