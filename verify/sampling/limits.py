r"""Limits in numbers: the body very near the limit, in many more digits than are compared.

The body is read at two distances. A limit that is approached slowly, or not at all, shows as a change between
the two and is undecided by name.
"""

from __future__ import annotations

from verify.language.scope import NONNEGATIVE, POSITIVE, UNIT
from verify.language.tree import Constant, Integral, KullbackLeibler, Limit, Moment, Negate, Node
from verify.sampling import values
from verify.sampling.errors import Undecidable
from verify.sampling.evaluate import Evaluator, Frame, reads
from verify.sampling.jets import mp
from verify.sampling.reach import trees_of
from verify.sampling.values import Value

DISTANCE_BITS = (150, 200)  # the body is read at the distances 2**-bits
BESIDE = {150: mp.mpf(1) / 2, 200: mp.mpf(2) / 7}  # added to a large number: what repeats over whole numbers is seen
LIMIT_DIGITS = 280
SETTLED = mp.mpf(10) ** -30  # change between the two distances, relative; what is below it and shrinks is zero
FROM_BOTH = mp.mpf(10) ** -20  # how far the limits from two sides may be apart, relative


@reads(Limit)
def _limit(evaluator: Evaluator, node: Limit) -> Value:
    """The value near the limit, from each side that the variable can come from."""
    if _integrates(evaluator, node.body):
        raise Undecidable("an integral under a limit: a quadrature does not see what narrows to a point")
    with mp.workdps(LIMIT_DIGITS):
        far, closer = (
            [_inside(evaluator, node, place) for place in _places(evaluator, node, bits)] for bits in DISTANCE_BITS
        )
        near = [_settled(a, b) for a, b in zip(far, closer, strict=True)]
        if len(near) == 2:
            apart = values.magnitude(values.add(near[0], values.negate(near[1])))
            if apart > FROM_BOTH * (1 + values.magnitude(near[0])):
                raise Undecidable("the limits from the two sides differ at a drawn point")
    return near[0]


def _integrates(evaluator: Evaluator, body: Node) -> bool:
    """Whether an integral or a mean is taken in the formula, or in a definition that it uses."""
    declared = [evaluator.scope.get(key) for key in evaluator.reach.names(body)]
    trees = [body, *(tree for one in declared if one is not None for tree in trees_of(one))]
    return any(isinstance(part, Integral | Moment | KullbackLeibler) for tree in trees for part in tree.walk())


def _settled(far: Value, near: Value) -> Value:
    """The value at the smaller distance, or an exact zero. Raises Undecidable where the two differ."""
    apart = values.magnitude(values.add(near, values.negate(far)))
    size = values.magnitude(near)
    if apart <= SETTLED * size:
        return near
    if size < values.magnitude(far) <= SETTLED:
        return values.scale(mp.zero, near)
    raise Undecidable("a limit is approached too slowly, or not at all, at a drawn point")


def _inside(evaluator: Evaluator, node: Limit, place: Value) -> Value:
    """The body read afresh: nothing that was rounded to fewer digits is used again."""
    inner = Evaluator(evaluator.scope, evaluator.point, evaluator.dimension, evaluator.level, evaluator.budget,
                      evaluator.reach)  # fmt: skip
    for outer in evaluator.frames[1:]:
        frame = Frame(outer.bound)
        frame.averaged = outer.averaged
        inner.frames.append(frame)
    inner.infinitesimals, inner.depth, inner.looked_up = evaluator.infinitesimals, evaluator.depth, evaluator.looked_up
    with inner.binding({node.variable: place}):
        return inner.value(node.body)


def _places(evaluator: Evaluator, node: Limit, bits: int) -> list[Value]:
    distance = mp.mpf(2) ** -bits
    infinite = _infinite(node.point)
    if infinite:
        return [infinite * (1 / distance + BESIDE[bits])]  # no whole number: a power of it is no repeated product
    start = evaluator.scalar(node.point)
    domain = evaluator.declaration(node.variable).domain
    signs = {"+": (1,), "-": (-1,), "": (1, -1)}[node.side]
    if not node.side and domain in (POSITIVE, NONNEGATIVE, UNIT) and start == 0:
        signs = (1,)
    elif not node.side and domain == UNIT and start == 1:
        signs = (-1,)
    return [values.add(start, sign * distance) for sign in signs]


def _infinite(point: Node) -> int:
    """+1 or -1 for an infinite limit point, else 0. Raises Undecidable where infinity is computed with."""
    if point == Constant("infinity"):
        return 1
    if point == Negate(Constant("infinity")):
        return -1
    if any(part == Constant("infinity") for part in point.walk()):
        raise Undecidable("a limit point that computes with infinity")
    return 0
