"""Identities between integrals of undefined functions: merging, swapping, parts, the upper limit."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import sympy as sp
from sympy.core.function import AppliedUndef

from verify.language.scope import NONNEGATIVE, POSITIVE, UNIT
from verify.meaning.errors import MeaningError, Unsupported
from verify.meaning.evaluation import Evaluation, evaluate
from verify.meaning.expressions import differentiate, domain_of, substitute
from verify.meaning.facts import Facts
from verify.meaning.jets import canonical
from verify.meaning.positivity import provably_positive
from verify.meaning.sizes import expand
from verify.meaning.symbols import SymbolTable, depth_of

MAX_SPLIT = 3  # integrals tried in `split_at_upper_limit`
MAX_BLOCKS = 4  # vectors of one nested integral whose order is looked at
MAX_CONSTANTS = 12  # constant factors of boundary fields tried in `fit_boundary`
MAX_LOWERED = 12  # derivatives lowered in `primitive`


def merge_integrals(expression: sp.Expr) -> tuple[sp.Expr, tuple[sp.Symbol, ...]]:
    """`c_1 int f_1 dx + c_2 int f_2 dx + ...` as one integrand and its variables.

    The bound variables of the later integrals are renamed to those of the deepest one. Raises
    Unsupported unless every term is one integral, all over the same number of variables with the
    same limits.
    """
    pieces: list[tuple[sp.Expr, sp.Integral]] = []
    for term in sp.Add.make_args(expand(expression)):
        integrals = [factor for factor in sp.Mul.make_args(term) if isinstance(factor, sp.Integral)]
        if len(integrals) != 1:
            raise Unsupported("every term must be one integral")
        pieces.append((term / integrals[0], integrals[0]))
    deepest = max(pieces, key=lambda piece: depth_of(piece[1]))[1]
    variables = tuple(limit[0] for limit in deepest.limits)
    total = sp.Integer(0)
    for factor, integral in pieces:
        own = tuple(limit[0] for limit in integral.limits)
        if [limit[1:] for limit in integral.limits] != [limit[1:] for limit in deepest.limits]:
            raise Unsupported("the integrals run over different variables or limits")
        if [v.assumptions0 for v in own] != [v.assumptions0 for v in variables]:
            raise Unsupported("the integrals run over variables of different domains")
        moved = dict(zip(own, variables, strict=True))
        if own != variables and set(variables) & integral.function.atoms(sp.Symbol):
            raise Unsupported("the integrals are nested in different ways")
        total += factor * integral.function.xreplace(moved)
    return total, variables


def swap_integrals(expression: sp.Expr) -> sp.Expr:
    """Nested integrals in the reverse order (Fubini), where no limit depends on a bound variable."""

    def swapped(integral: sp.Integral) -> sp.Expr:
        bound = {limit[0] for limit in integral.limits}
        if any(bound & end.free_symbols for limit in integral.limits for end in limit[1:]):
            return integral
        return sp.Integral(integral.function, *integral.limits[::-1])

    return expression.replace(lambda e: isinstance(e, sp.Integral) and len(e.limits) > 1, swapped)


def ordered_integrals(expression: sp.Expr, size: int) -> sp.Expr:
    """Nested integrals multiplied out and in one fixed order (Fubini); `size` is the number of components of a vector.

    Only integrals with constant limits over variables of one domain change their order.
    """

    def ordered(integral: sp.Integral) -> sp.Expr:
        total = sp.Integer(0)
        for term in sp.Add.make_args(expand(integral.function)):
            inner = [factor for factor in sp.Mul.make_args(term) if isinstance(factor, sp.Integral)]
            body, limits = term, list(integral.limits)
            if len(inner) == 1:
                body, limits = term / inner[0] * inner[0].function, [*inner[0].limits, *limits]
            total += _least_order(body, limits, size)
        return total

    return expression.replace(lambda e: isinstance(e, sp.Integral), ordered)


def _least_order(body: sp.Expr, limits: list[sp.Tuple], size: int) -> sp.Expr:
    """One integral with the order of its vectors that comes first in SymPy's order of expressions."""
    variables = [limit[0] for limit in limits]
    same = len({(*limit[1:], *sorted(limit[0].assumptions0)) for limit in limits}) == 1
    distinct = len(set(variables)) == len(variables) and not set(variables) & set().union(
        *(end.free_symbols for limit in limits for end in limit[1:])
    )
    blocks = [variables[i : i + size] for i in range(0, len(variables), size)]
    if not same or not distinct or len(variables) % size or not 1 < len(blocks) <= MAX_BLOCKS:
        return sp.Integral(body, *limits)
    bodies = []
    for order in permutations(blocks):
        moved = dict(zip(variables, [symbol for block in order for symbol in block], strict=True))
        bodies.append(body.xreplace(moved))
    return sp.Integral(min(bodies, key=sp.default_sort_key), *limits)


def euler_operator(integrand: sp.Expr, variables: Sequence[sp.Symbol]) -> list[sp.Expr]:
    """Euler-Lagrange expressions in every undefined function of the variables.

    All zero means that the integrand is a divergence plus something without undefined functions,
    so that a boundary field is missing; otherwise no boundary field can make the integral vanish.
    """
    derivatives = sorted(
        integrand.atoms(sp.Derivative), key=lambda e: (-e.derivative_count, sp.default_sort_key(e))
    )
    functions = {d.expr for d in derivatives} | integrand.atoms(AppliedUndef)
    unknown = sorted((f for f in functions if set(variables) & set(f.args)), key=sp.default_sort_key)
    jets = {jet: sp.Dummy() for jet in [*derivatives, *unknown]}
    plain = integrand.xreplace({d: jets[d] for d in derivatives}).xreplace({f: jets[f] for f in unknown})
    back = {dummy: jet for jet, dummy in jets.items()}
    results = []
    for function in unknown:
        total = sp.Integer(0)
        for jet in [*(d for d in derivatives if d.expr == function), function]:
            steps = jet.variables if isinstance(jet, sp.Derivative) else ()
            if any(step not in variables for step in steps):
                raise Unsupported("a derivative in a variable that is not integrated over")
            part = sp.diff(plain, jets[jet]).xreplace(back)
            for step in steps:
                part = sp.diff(part, step)
            total += (-1) ** len(steps) * part
        results.append(total)
    return results


def primitive(integrand: sp.Expr, variable: sp.Symbol) -> sp.Expr | None:
    """F with `dF/dvariable = integrand` for undefined functions of one variable, or None.

    The highest derivative of each function must occur linearly; it is lowered by one, and what that
    leaves is treated in the same way. The result is checked by differentiation.
    """
    rest, total = sp.expand_log(canonical(integrand)), sp.Integer(0)
    for _ in range(MAX_LOWERED):
        rest = sp.expand(rest)
        jets = sorted(
            (d for d in rest.atoms(sp.Derivative) if d.variables[-1] == variable and len(set(d.variables)) == 1),
            key=lambda d: (-d.derivative_count, sp.default_sort_key(d)),
        )
        if rest == 0 or not jets:
            break
        high = jets[0]
        order = high.derivative_count - 1
        low = sp.Derivative(high.expr, (variable, order)) if order else high.expr
        top, below = sp.Dummy("top"), sp.Dummy("below", **low.assumptions0)
        plain = rest.xreplace({high: top}).xreplace({low: below})
        if sp.diff(plain, top, 2) != 0:
            return None
        lowered = sp.integrate(sp.diff(plain, top), below)
        if lowered.has(sp.Integral):
            return None
        piece = lowered.xreplace({below: low})
        total += piece
        rest = canonical(rest - sp.diff(piece, variable))
    if sp.expand(rest) != 0 or not total.has(AppliedUndef):
        return None
    return sp.factor_terms(total)


def missing_field(residual: sp.Expr, space: str) -> sp.Expr | None:
    """The field on a line whose vanishing at infinity would settle the residual, in the space variable; or None."""
    try:
        integrand, variables = merge_integrals(residual)
    except Unsupported:
        return None
    field = primitive(integrand, variables[0]) if len(variables) == 1 else None
    return None if field is None else field.xreplace({variables[0]: sp.Symbol(space, real=True)})


def fit_boundary(
    integrand: sp.Expr, divergences: Sequence[sp.Expr], variables: Sequence[sp.Symbol]
) -> list[sp.Expr] | None:
    """c_i without the variables and with `integrand = sum c_i divergence_i`, or None.

    Found by comparing coefficients of the expanded monomials: exact and deterministic. A c_i is a sum
    of rational multiples of the constant factors that the integrand itself has.
    """
    right = _monomials(integrand)
    if not right or not divergences:
        return [sp.Integer(0) for _ in divergences] if not right else None
    constants = sorted(
        {constant / other for constant in _constants(right, variables) for d in divergences
         for other in _constants(_monomials(d), variables)} | {sp.Integer(1)},
        key=sp.default_sort_key,
    )[:MAX_CONSTANTS]  # fmt: skip
    columns = [_monomials(constant * divergence) for divergence in divergences for constant in constants]
    factors = _rational_fit(right, columns)
    if factors is None:
        return None
    return [
        sp.Add(*[c * f for c, f in zip(constants, factors[i * len(constants) :], strict=False)])
        for i in range(len(divergences))
    ]


def _constants(monomials: dict[sp.Expr, sp.Rational], variables: Sequence[sp.Symbol]) -> set[sp.Expr]:
    """The factors of the monomials that do not depend on the variables."""
    return {monomial.as_independent(*variables, as_Add=False)[0] for monomial in monomials}


def _rational_fit(
    right: dict[sp.Expr, sp.Rational], columns: Sequence[dict[sp.Expr, sp.Rational]]
) -> list[sp.Rational] | None:
    """Rational factors with which the columns add up to the right side, or None."""
    keys = sorted({key for column in [right, *columns] for key in column}, key=sp.default_sort_key)
    matrix = sp.Matrix([[column.get(key, sp.Integer(0)) for column in [*columns, right]] for key in keys])
    reduced, pivots = matrix.rref()
    if len(columns) in pivots:
        return None
    solution = [sp.Integer(0)] * len(columns)
    for row, pivot in enumerate(pivots):
        solution[pivot] = reduced[row, len(columns)]
    return solution


def _monomials(expression: sp.Expr) -> dict[sp.Expr, sp.Rational]:
    """Rational coefficients by monomial."""
    found: dict[sp.Expr, sp.Rational] = {}
    opened = expand(sp.expand_log(canonical(expression)))
    for term in sp.Add.make_args(opened):
        number, monomial = term.as_coeff_Mul()
        if number != 0:
            found[monomial] = found.get(monomial, sp.Integer(0)) + number
    return {key: value for key, value in found.items() if value != 0}


def by_parts(evaluation: Evaluation, residual: sp.Expr) -> sp.Expr:
    """The integrand of a residual less the divergences of the declared boundary fields.

    The residual vanishes when the result does and the named fields vanish at infinity, which is
    recorded as a condition.
    """
    if not residual.has(sp.Integral):
        return residual
    if not evaluation.scope.boundary:
        raise Unsupported(
            "integration by parts needs a declared boundary field, one that vanishes at infinity"
        )
    integrand, variables = merge_integrals(residual)
    ends = [end for integral in residual.atoms(sp.Integral) for limit in integral.limits for end in limit[1:]]
    if not all(end in (sp.oo, -sp.oo) for end in ends):
        raise Unsupported("integration by parts over a range with an end: the field need not vanish there")
    space = evaluation.own_value(evaluation.scope.space)
    symbols = evaluation.parts(space)
    if len(symbols) != len(variables) or not all(isinstance(s, sp.Symbol) for s in symbols):
        raise Unsupported("integration by parts over other variables than the space of the claim")
    here = dict(zip(variables, symbols, strict=True))
    if set(symbols) & integrand.free_symbols:
        raise Unsupported("the space variable is also free in the integral")
    integrand = integrand.xreplace(here)
    fields = [evaluate(node, evaluation) for node in evaluation.scope.boundary]
    divergences = []
    for node, field in zip(evaluation.scope.boundary, fields, strict=True):
        if evaluation.shape(field) != evaluation.shape(space):
            raise MeaningError(f"a boundary field cannot be a {evaluation.shape(field)}", node.span)
        scalar = isinstance(space, sp.Expr)
        divergences.append(
            evaluation.derivative(field, space) if scalar else evaluation.divergence(field, space)
        )
    factors = fit_boundary(integrand, divergences, symbols)
    if factors is None:
        raise Unsupported("no combination of the declared boundary fields closes the integration by parts")
    for factor, field in zip(factors, fields, strict=True):
        if factor != 0:
            below = sp.fraction(sp.together(factor))[1]
            if not (below.is_nonzero or any(provably_positive(q, evaluation.facts) for q in (below, -below))):
                raise Unsupported(f"a boundary field says nothing where its factor {below} is zero")
            if not any(part.has(AppliedUndef) for part in evaluation.parts(field)):
                raise Unsupported("a boundary field without an undefined function: its limit is known, not declared")
            evaluation.condition(f"vanishes at infinity: {', '.join(map(str, evaluation.parts(field)))}")
    return integrand - sp.Add(*[c * d for c, d in zip(factors, divergences, strict=True)])


def split_at_upper_limit(expression: sp.Expr, facts: Facts) -> tuple[sp.Expr, sp.Expr] | None:
    """`R(b) = 0` for all b follows from `dR/db = 0` and `R(a) = 0`: the two, for an integral from a to b.

    None when no integral has a free symbol as its upper limit, or the derivative still has it.
    """
    integrals = sorted(expression.atoms(sp.Integral), key=sp.default_sort_key)
    for integral in integrals[:MAX_SPLIT]:
        if len(integral.limits) != 1 or len(integral.limits[0]) != 3:
            continue
        _, start, end = integral.limits[0]
        if not isinstance(end, sp.Symbol) or end in integral.function.free_symbols or start.is_infinite:
            continue
        if end in start.free_symbols or end.is_integer:
            continue
        if any(end in base.free_symbols for root, (_, base) in facts.roots.items() if expression.has(root)):
            continue  # the root would have to move with the limit
        alone = _isolated(expression, integral, facts)
        if not _reaches(end, start, facts) or not _regular(alone, facts):
            continue  # a jump or a pole between the ends would go unseen
        rate = differentiate(alone, end, facts)
        if rate.has(integral):
            continue
        empty = {
            other: sp.Integer(0)
            for other in integrals
            if len(other.limits) == 1 and other.limits[0][1:] == integral.limits[0][1:]
        }
        first = substitute(alone.xreplace(empty), {end: start}, SymbolTable(facts))
        if first.has(sp.zoo, sp.nan, sp.oo):
            continue
        return rate, first
    return None


def _isolated(expression: sp.Expr, integral: sp.Integral, facts: Facts) -> sp.Expr:
    """`a I + b` with a certain sign of `a` becomes `I + b/a`, which has the same zeros; others stay as they are."""
    opened, place = expand(expression), sp.Dummy(real=True)
    form = opened.xreplace({integral: place})
    factor = sp.diff(form, place)
    if factor.has(place) or factor.is_number:
        return expression
    if not provably_positive(factor, facts) and not provably_positive(-factor, facts):
        return expression
    return integral + expand(form.xreplace({place: sp.Integer(0)}) / factor)


def _reaches(end: sp.Symbol, start: sp.Expr, facts: Facts) -> bool:
    """Whether the declared domain of the upper limit, closed, contains the lower limit."""
    match facts.domain(end):
        case "real":
            return True
        case domain if domain in (POSITIVE, NONNEGATIVE):
            return bool(start.is_nonnegative) or provably_positive(start, facts)
        case domain if domain == UNIT:
            return start in (0, 1) or domain_of(start, facts) == UNIT
        case _:
            return False


def _regular(expression: sp.Expr, facts: Facts) -> bool:
    """Whether nothing in the expression can jump or have a pole on the declared domain."""
    if expression.has(sp.tan, sp.coth, sp.sign, sp.Heaviside):
        return False
    for power in expression.atoms(sp.Pow):
        base, exponent = power.args
        if exponent.is_Integer:
            smooth = exponent > 0 or bool(base.is_nonzero) or provably_positive(base, facts)
        else:
            smooth = provably_positive(base, facts) or (bool(base.is_nonnegative) and bool(exponent.is_positive))
        if not smooth:
            return False
    return all(provably_positive(logarithm.args[0], facts) for logarithm in expression.atoms(sp.log))
