r"""Ito calculus in numbers: \mathrm d\phi is phi(x + dx, t + dt) - phi(x, t).

dt is an infinitesimal and each dw_i is a sum a_i + b_i of two, so that dw_i^2 = 2 a_i b_i. Reading
a_i b_i as dt/2 and dropping every other product is the table dt^2 = dt dw = 0, dw_i dw_j = delta_ij dt.
"""

from __future__ import annotations

from functools import partial

from verify.language.scope import Scope
from verify.language.tree import Differential, Name
from verify.sampling import jets, values
from verify.sampling.errors import Undecidable
from verify.sampling.evaluate import Evaluator, reads
from verify.sampling.jets import Jet, Number, mp
from verify.sampling.values import Value, Vector, each

TIME = 32  # infinitesimals from here on belong to dt and dw; derivatives use the lower ones
FIRST_NOISE = TIME + 1


def noise(i: int) -> tuple[Jet, Jet]:
    """The two infinitesimals of component i of a Wiener increment."""
    return jets.infinitesimal(FIRST_NOISE + 2 * i), jets.infinitesimal(FIRST_NOISE + 2 * i + 1)


def time_of(scope: Scope) -> str:
    """The variable whose differential is dt: the only plain variable under a d in the declared SDEs."""
    found = {
        node.operand.key
        for change in scope.sde.values()
        for node in change.walk()
        if isinstance(node, Differential) and isinstance(node.operand, Name)
        and (declared := scope.get(node.operand.key)) is not None and declared.kind == "variable"
    }  # fmt: skip
    if len(found) != 1:
        raise Undecidable("a differential needs one declared SDE with one time")
    return found.pop()


@reads(Differential)
def _differential(evaluator: Evaluator, node: Differential) -> Value:
    scope, time = evaluator.scope, time_of(evaluator.scope)
    if isinstance(node.operand, Name):
        key = node.operand.key
        if key == time:
            return jets.infinitesimal(TIME)
        declaration = evaluator.declaration(key)
        if declaration.kind == "wiener":
            count = evaluator.dimension if declaration.value == "vector" else 1
            steps = tuple(a + b for a, b in (noise(i) for i in range(count)))
            return Vector(steps) if declaration.value == "vector" else steps[0]
        if key in scope.sde:
            return evaluator.value(scope.sde[key])
        if declaration.definition is None:
            raise Undecidable(f"no stochastic differential is declared for {key}")
    moved: dict[str, Value] = {time: jets.infinitesimal(TIME) + evaluator.lookup(time)}
    for key, change in scope.sde.items():
        moved[key] = values.add(evaluator.lookup(key), evaluator.value(change))
    before = evaluator.value(node.operand)
    with evaluator.binding(moved):
        after = evaluator.value(node.operand)
    return values.add(after, values.negate(before))


def reduced(value: Value, dimension: int) -> list[Value]:
    """A side by Ito's table: its part without increments, in dt, and in each dw_i."""
    pairs = [max(a.terms) | max(b.terms) for a, b in (noise(i) for i in range(dimension))]

    def coefficient(item: Number, key: int) -> Number:
        return item.terms.get(key, mp.zero) if isinstance(item, Jet) else (item if key == 0 else mp.zero)

    def in_time(item: Number) -> Number:
        quadratic = sum((coefficient(item, pair) for pair in pairs), mp.zero)
        return coefficient(item, 1 << TIME) + quadratic / 2

    parts = [each(value, lambda item: coefficient(item, 0)), each(value, in_time)]
    for i in range(dimension):
        parts.append(each(value, partial(coefficient, key=max(noise(i)[0].terms))))
    return parts
