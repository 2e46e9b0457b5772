"""Exact zero test: an expression becomes one quotient over Q[generators] modulo their relations.

`zero=True` is a proof on the whole declared domain, given the recorded conditions. `zero=False`
only says that the normal form is not zero: with hidden identities between generators it need not be
a refutation. `zero=None` says why nothing was decided.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from verify.language.scope import NONNEGATIVE, POSITIVE, REAL
from verify.meaning.facts import Facts
from verify.proof.algebra import COMPLEX, Algebra, NeedsMoreGenerators, Quotient, Undecidable
from verify.proof.branches import absolute, imaginary_unit, logarithm, rational_power
from verify.proof.exponentials import Angle, is_exponential, open_exponentials
from verify.proof.jets import NoJet, carry_out, is_jet, jet_of
from verify.proof.operators import OPERATORS, linear_operator, product, rename_bound
from verify.proof.polynomials import Polynomial
from verify.proof.signs import UNKNOWN, Sign, sign, sign_of_quotient

MAX_GENERATORS = 192
MAX_ROOT_DEGREE = 24
FIRST_RINGS = (8, 16, 24, 48, 96, MAX_GENERATORS)
HYPERBOLIC = (sp.sinh, sp.cosh, sp.tanh, sp.coth)
ODD_OPAQUE = {sp.erf: "erf", sp.atan: "arctan"}


@dataclass(frozen=True)
class ZeroDecision:
    """zero: True proof, False the normal form is not zero, None not decided (see `why`).

    generators, relations and conditions are texts for the certificate, in a fixed order. The
    denominators are the quantities that the proof divides by and whose sign is not certain.
    """

    zero: bool | None
    why: str = ""
    generators: list[str] = field(default_factory=list)
    relations: list[str] = field(default_factory=list)
    conditions: list[str] = field(default_factory=list)
    denominators: list[sp.Expr] = field(default_factory=list)


def decide_zero(expr: sp.Expr, facts: Facts, pure: bool = False) -> ZeroDecision:
    """Whether `expr` is identically zero on the declared domain. `pure` forces the pure Python ring."""
    if expr == 0:
        return ZeroDecision(True)
    try:
        form, value = _normal_form(expr, facts, pure)
    except (Undecidable, NoJet) as reason:
        return ZeroDecision(None, str(reason))
    try:
        zero = form.algebra.is_zero(value)
        if not zero:
            return ZeroDecision(False, "the normal form of the difference is not zero")
        denominators = form.uncertain_denominators()
    except Undecidable as reason:
        return ZeroDecision(None, str(reason))
    return ZeroDecision(True, "", *form.certificate(denominators), denominators)


def decide_sign(expr: sp.Expr, facts: Facts, pure: bool = False) -> Sign:
    """A provable sign of `expr` on the whole declared domain; value 0 when undecided."""
    try:
        form, value = _normal_form(expr, facts, pure)
        return sign_of_quotient(form.algebra, value)
    except (Undecidable, NoJet):
        return UNKNOWN


def _normal_form(expr: sp.Expr, facts: Facts, pure: bool) -> tuple[NormalForm, Quotient]:
    expr = _prepare(expr, facts)
    domains: dict[sp.Symbol, str] = {}
    expr = rename_bound(expr, facts, domains)
    for size in FIRST_RINGS:
        try:
            form = NormalForm(Algebra(facts, size, pure), domains)
            return form, form.quotient_of(expr)
        except NeedsMoreGenerators:
            continue
        except RecursionError as error:
            raise Undecidable("the expression is nested too deeply") from error
    raise Undecidable(f"more than {MAX_GENERATORS} generators")


def _prepare(expr: sp.Expr, facts: Facts) -> sp.Expr:
    """Carry out derivatives of everything but undefined functions; hyperbolic functions become exp."""
    if expr.has(sp.Derivative):
        expr = expr.replace(
            lambda e: isinstance(e, sp.Derivative) and not isinstance(e.expr, AppliedUndef),
            lambda e: carry_out(e, facts.roots),
        )
    if expr.has(*HYPERBOLIC):
        expr = expr.rewrite(list(HYPERBOLIC), sp.exp)
    return expr


class NormalForm:
    """Translation of SymPy expressions into one algebra."""

    def __init__(self, algebra: Algebra, bound: dict[sp.Symbol, str]) -> None:
        self.algebra = algebra
        self.bound = bound
        self.known: dict[sp.Expr, Quotient] = {}
        self.powers: dict[sp.Expr, Quotient] = {}
        self.angles: dict[sp.Expr, Angle] = {}
        self.roots_in_progress: list[sp.Symbol] = []

    def quotient_of(self, expr: sp.Expr) -> Quotient:
        """The normal form of `expr`, with the facts that concern it taken in first."""
        facts = self.algebra.facts
        symbols = _closed_under_roots(expr.free_symbols, facts)
        assumed = [_prepare(p, facts) for p in facts.positive]
        assumed = [p for p in assumed if p.free_symbols <= symbols and not p.has(*OPERATORS)]
        for symbol in sorted(symbols, key=_symbol_order):
            if symbol not in facts.roots:
                self.translate(symbol)
        roots = [s for s in sorted(symbols, key=_symbol_order) if s in facts.roots]
        bases = [facts.roots[s][1] for s in roots]
        degrees = [facts.roots[s][0] for s in roots]
        self.algebra.root_degree = _common_degree([*bases, *assumed, expr], degrees)
        open_exponentials(self.algebra, self.translate, [*bases, *assumed, expr], self.powers, self.angles)
        for p in assumed:
            self._assume_positive(self.translate(p))
        for symbol in roots:
            self.translate(symbol)
        return self.translate(expr)

    def _assume_positive(self, q: Quotient) -> None:
        content, factors = self.algebra.factored(self.algebra.reduce(q))
        value, odd = (1 if content > 0 else -1), []
        for f, exponent in factors:
            if exponent % 2 == 0:
                continue
            found = sign(self.algebra, f)
            if found.value and found.strict:
                value *= found.value
            else:
                odd.append(self.algebra.ring.key(f))
        if odd:
            self.algebra.assumed[tuple(odd)] = value

    def translate(self, e: sp.Expr) -> Quotient:
        """The quotient of one expression; shared parts are translated once."""
        if e not in self.known:
            self.known[e] = self._translate(e)
        return self.known[e]

    def _translate(self, e: sp.Expr) -> Quotient:
        algebra = self.algebra
        if e.is_Rational:
            return algebra.constant(Fraction(int(e.p), int(e.q)))
        if e.is_Symbol:
            return self._symbol(e)
        if e.is_Add:
            return algebra.total(self.translate(a) for a in e.args)
        if e.is_Mul:
            result = self.translate(e.args[0])
            for a in e.args[1:]:
                result = algebra.multiply(result, self.translate(a))
            return result
        if is_exponential(e):
            return self.powers[e]
        if e.is_Pow:
            return rational_power(algebra, self.translate(e.base), Fraction(int(e.exp.p), int(e.exp.q)))
        if e is sp.pi:
            return algebra.generator(
                ("pi",), kind="constant", domain=POSITIVE, build=lambda: sp.pi, symbols=frozenset(),
                independent=True,
            )
        if e is sp.I:
            return imaginary_unit(algebra)
        if isinstance(e, sp.log):
            return logarithm(algebra, self.translate(e.args[0]))
        if isinstance(e, sp.Abs):
            return absolute(algebra, self.translate(e.args[0]))
        if isinstance(e, sp.sign):
            return self._certain_sign(e)
        if isinstance(e, sp.sin | sp.cos | sp.tan):
            return self._trigonometric(e)
        if isinstance(e, sp.Max | sp.Min):
            return self._extremum(e)
        if type(e) in ODD_OPAQUE:
            return self._odd_opaque(e)
        if is_jet(e):
            return self._jet(e)
        if isinstance(e, sp.Integral | sp.Sum):
            return linear_operator(algebra, self.translate, e)
        if isinstance(e, sp.Product):
            return product(algebra, self.translate, e)
        if e.is_Float:
            raise Undecidable("a floating-point number in an exact statement")
        raise Undecidable(f"{type(e).__name__} has no normal form")

    def _certain_sign(self, e: sp.sign) -> Quotient:
        """The slope of an absolute value: +1 or -1 where that is certain."""
        found = sign_of_quotient(self.algebra, self.translate(e.args[0]))
        if not found.strict or not found.value:
            raise Undecidable("the slope of an absolute value whose sign is not certain")
        return self.algebra.constant(found.value)

    # ---- atoms

    def _symbol(self, s: sp.Symbol) -> Quotient:
        facts = self.algebra.facts
        if s in facts.roots:
            if s in self.roots_in_progress:
                raise Undecidable("the relations between the roots are circular")
            self.roots_in_progress.append(s)
            degree, base = facts.roots[s]
            value = rational_power(self.algebra, self.translate(base), Fraction(1, degree), positive=True)
            self.roots_in_progress.pop()
            return value
        return self.algebra.generator(
            ("symbol", s), kind="symbol", domain=self.bound.get(s) or facts.domain(s), build=lambda: s,
            symbols=frozenset([s]), independent=True,
        )

    def _trigonometric(self, e: sp.Expr) -> Quotient:
        cosine, sine = self.angles[e.args[0]]
        if isinstance(e, sp.sin):
            return sine
        return cosine if isinstance(e, sp.cos) else self.algebra.multiply(sine, self.algebra.invert(cosine))

    def _extremum(self, e: sp.Expr) -> Quotient:
        """Resolved when one argument certainly dominates, else opaque."""
        algebra, sense = self.algebra, 1 if isinstance(e, sp.Max) else -1
        values = [self.translate(a) for a in e.args]
        for i, candidate in enumerate(values):
            others = values[:i] + values[i + 1:]
            gaps = [algebra.add(candidate, algebra.negate(other)) for other in others]
            if all(sign_of_quotient(algebra, gap).value == sense for gap in gaps):
                return candidate
        if not all(algebra.is_real(v) for v in values):
            raise Undecidable("an extremum of quantities that may be complex")
        key = (type(e).__name__, tuple(sorted((algebra.identity(v) for v in values), key=repr)))
        signs = [sign_of_quotient(algebra, v) for v in values]
        enough = any if sense > 0 else all
        positive = enough(s.value > 0 and s.strict for s in signs)
        return algebra.generator(
            key, kind="opaque", domain=POSITIVE if positive else REAL, build=lambda: e,
            symbols=frozenset().union(*(algebra.symbols(v) for v in values)),
        )

    def _odd_opaque(self, e: sp.Expr) -> Quotient:
        """An odd function without relations: f(-x) = -f(x) is all that is known."""
        algebra, name = self.algebra, ODD_OPAQUE[type(e)]
        argument = algebra.reduce(self.translate(e.args[0]))
        if not argument.numerator:
            return algebra.constant(0)
        negative = algebra.factored(argument)[0] < 0
        if negative:
            argument = algebra.negate(argument)
        function = type(e)
        result = algebra.generator(
            (name, algebra.identity(argument)), kind="opaque",
            domain=self._value_domain(argument), symbols=algebra.symbols(argument),
            build=lambda: function(algebra.expression(argument)),
        )
        return algebra.negate(result) if negative else result

    def _value_domain(self, argument: Quotient) -> str:
        found = sign_of_quotient(self.algebra, argument)
        if not self.algebra.is_real(argument):
            return COMPLEX
        return REAL if found.value <= 0 else POSITIVE if found.strict else NONNEGATIVE

    def _jet(self, e: sp.Expr) -> Quotient:
        """An undefined function or a derivative of one, evaluated somewhere."""
        algebra = self.algebra
        try:
            jet = jet_of(e)
        except NoJet as reason:
            raise Undecidable(str(reason)) from reason
        values = [self.translate(a) for a in jet.arguments]
        name = jet.function.__name__
        domain = REAL if any(jet.orders) else algebra.facts.functions.get(name, REAL)
        return algebra.generator(
            ("jet", name, jet.orders, tuple(algebra.identity(v) for v in values)), kind="function",
            domain=domain, build=lambda: e, independent=True,
            symbols=frozenset().union(*(algebra.symbols(v) for v in values)),
        )

    # ---- certificates

    def uncertain_denominators(self) -> list[sp.Expr]:
        """Everything inverted whose sign is not certain; refuses what may vanish identically.

        A polynomial in independent generators that is not the zero polynomial does not vanish
        identically. Anything else must be shown different from zero at one admissible point.
        """
        from verify.proof.enclosure import different_from_zero_somewhere

        algebra = self.algebra
        facts = replace(algebra.facts, symbols=algebra.facts.symbols | self.bound)
        found = []
        for p in algebra.inverted.values():
            used = algebra.used(p)
            if not used or self._certainly_nonzero(p, used):
                continue
            expression = algebra.expression(Quotient(p))
            if not all(algebra.generators[i].independent for i in used):
                outcome = different_from_zero_somewhere(expression, facts)
                if outcome is False:
                    raise Undecidable(f"a denominator may vanish identically: {expression}")
            found.append(expression)
        return found

    def _certainly_nonzero(self, p: Polynomial, used: list[int]) -> bool:
        single = len(used) == 1 and p == self.algebra.ring.generator(used[0])
        if single and self.algebra.generators[used[0]].kind == "exponential":
            return True
        return sign(self.algebra, p).strict

    def certificate(self, denominators: list[sp.Expr]) -> tuple[list[str], list[str], list[str]]:
        """(generators, relations, conditions) as texts."""
        algebra = self.algebra
        generators = [f"{_text(g.expr)}: {g.domain}" for g in algebra.generators]
        relations = []
        for relation in algebra.relations:
            g = algebra.generators[relation.generator].expr
            relations.append(f"({_text(g)})**{relation.degree} = {_text(algebra.expression(relation.base))}")
        conditions = sorted(algebra.conditions) + [f"not zero: {_text(d)}" for d in denominators]
        return generators, relations, conditions


@functools.lru_cache(maxsize=20_000)
def _text(expression: sp.Expr) -> str:
    """`str`, remembered: the same generators occur in step after step."""
    return str(expression)


def _common_degree(expressions: list[sp.Expr], degrees: list[int]) -> int:
    """The least common multiple of all degrees of roots that may occur; 1 when that is too large."""
    for e in expressions:
        exponents = [power.exp for power in e.atoms(sp.Pow)]
        exponents += [power.args[0] for power in e.atoms(sp.exp) if power.has(sp.log)]
        degrees = degrees + [int(c.q) for exponent in exponents for c in exponent.atoms(sp.Rational)]
    common = math.lcm(*degrees)
    return common if common <= MAX_ROOT_DEGREE else 1


def _closed_under_roots(symbols: set[sp.Symbol], facts: Facts) -> set[sp.Symbol]:
    """The symbols together with all that their root relations mention."""
    found, waiting = set(), set(symbols)
    while waiting:
        symbol = waiting.pop()
        found.add(symbol)
        if symbol in facts.roots:
            waiting |= facts.roots[symbol][1].free_symbols - found
    return found


def _symbol_order(symbol: sp.Symbol) -> tuple[Any, ...]:
    return (symbol.name, str(symbol.sort_key()))
