r"""Ito calculus: `\mathrm d(\cdot)` by the table dt dt = 0, dt dw = 0, dw_i dw_j = delta_ij dt."""

from __future__ import annotations

import sympy as sp

from verify.language.scope import POSITIVE, REAL
from verify.language.tree import Differential, Name
from verify.meaning.algebra import SCALAR, VECTOR, Value
from verify.meaning.errors import MeaningError, Unsupported
from verify.meaning.evaluation import Evaluation, evaluate
from verify.meaning.sizes import expand
from verify.meaning.symbols import readable


def _time(reading: Evaluation) -> str | None:
    """The name of time: the plain variable under a d in the declared SDEs, or t where they name none."""
    written = {
        node.operand.key: node
        for change in reading.scope.sde.values()
        for node in change.walk()
        if isinstance(node, Differential) and isinstance(node.operand, Name)
    }
    times = {key: node for key, node in written.items() if _is_time(reading, key, node)}
    if len(times) > 1:
        raise MeaningError(f"the declared SDEs have several times: {', '.join(times)}", next(iter(times.values())).span)
    return next(iter(times), "t" if "t" in reading.scope else None)


def _is_time(reading: Evaluation, key: str, node: Differential) -> bool:
    declaration = reading.declaration(key, node.span)
    plain = declaration.kind == "variable" and declaration.value == SCALAR and declaration.definition is None
    return plain and key not in reading.scope.sde


def _time_step(reading: Evaluation) -> sp.Symbol:
    return reading.table.symbol("dt", POSITIVE, kind="differential")


def _noise(reading: Evaluation, key: str) -> Value:
    """The differential of a declared Wiener process."""
    if reading.declaration(key).value != VECTOR:
        return reading.table.symbol(key, REAL, kind="differential", wanted=f"d{readable(key)}")
    size = _size(reading)
    return tuple(
        reading.table.symbol(f"{key} {i}", REAL, kind="differential", wanted=f"d{readable(key)}_{i}")
        for i in range(1, size + 1)
    )


def _size(reading: Evaluation) -> int:
    if not reading.dimension.is_Integer:
        raise Unsupported("stochastic differentials are not expressed in symbolic d")
    return int(reading.dimension)


def _noises(reading: Evaluation) -> list[sp.Symbol]:
    keys = [d.key for d in reading.scope if d.kind == "wiener"]
    return [symbol for key in keys for symbol in reading.parts(_noise(reading, key))]


@evaluate.register
def _(node: Differential, reading: Evaluation) -> Value:
    _size(reading)
    if isinstance(node.operand, Name):
        key = node.operand.key
        if key == _time(reading):
            return _time_step(reading)
        if reading.declaration(key, node.span).kind == "wiener":
            return _noise(reading, key)
        if key in reading.scope.sde:
            return evaluate(reading.scope.sde[key], reading)
        if reading.declaration(key).definition is None:
            raise MeaningError(f"no stochastic differential is declared for {key}", node.span)
    value = evaluate(node.operand, reading)
    if reading.shape(value) not in (SCALAR, VECTOR):
        raise Unsupported("the differential of a matrix is not read")
    return reading.map(lambda entry: _formula(reading, entry, node), value)


def _formula(reading: Evaluation, expression: sp.Expr, node: Differential) -> sp.Expr:
    """Ito's formula for a function of t and of the variables with a declared differential."""
    total = sp.Integer(0)
    time = _time(reading)
    if time is not None:
        total += reading.scalar_derivative(expression, reading.own_value(time)) * _time_step(reading)
    variables, changes = [], []
    for key, right in reading.scope.sde.items():
        variables += reading.parts(reading.own_value(key))
        changes += reading.parts(evaluate(right, reading))
    for x, dx in zip(variables, changes, strict=True):
        slope = reading.scalar_derivative(expression, x)
        total += slope * dx
        for y, dy in zip(variables, changes, strict=True):
            total += reading.scalar_derivative(slope, y) * dx * dy / 2
    return total


def coefficients(reading: Evaluation, expression: sp.Expr) -> list[sp.Expr]:
    """An expression in differentials, reduced by the table: the coefficients of dt and of each dw.

    An expression without differentials is returned alone.
    """
    if not reading.scope.sde and not any(d.kind == "wiener" for d in reading.scope):
        return [expression]
    if not reading.dimension.is_Integer:
        return [expression]
    step, noises = _time_step(reading), _noises(reading)
    symbols = [step, *noises]
    if not expression.free_symbols.intersection(symbols):
        return [expression]
    opened = expand(expression)
    if not opened.is_polynomial(*symbols):
        raise Unsupported("a differential in a place where it is not a factor")
    found: dict[tuple[int, ...], sp.Expr] = {}
    for powers, coefficient in sp.Poly(opened, *symbols).terms():
        time, noise = powers[0], powers[1:]
        if time == 0 and sum(noise) == 2:
            if 2 not in noise:
                continue
            key = (1, *(0,) * len(noise))
        elif time + sum(noise) > 1:
            continue
        else:
            key = powers
        found[key] = found.get(key, sp.Integer(0)) + coefficient
    return [found[key] for key in sorted(found)] or [sp.Integer(0)]
