r"""Functions declared to solve `\partial_t p = ...` or `\dot x(t) = ...`, as stand-ins that do solve it.

At one time, the first at which the formula asks for it, such a function is a generic one. Near that
time it moves on by the right side of its equation, to first order: that is all a first derivative
sees. A second derivative, or a value at another time, is not known and is never guessed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import mpmath

from verify.language.scope import Scope
from verify.language.tree import Call, Derivative, Dotted, Name, Node
from verify.sampling import jets, values
from verify.sampling.errors import Undecidable
from verify.sampling.jets import Jet, mp
from verify.sampling.values import Value, is_scalar


@dataclass(frozen=True)
class Evolution:
    """The equation of one function: its derivative in the argument at `position` is `rate`."""

    position: int
    rate: Node


def evolutions_of(scope: Scope) -> dict[str, Evolution]:
    """The declared equations that give an undefined function its first derivative in one argument.

    A function with two equations has none here: they may contradict each other.
    """
    found: dict[str, Evolution] = {}
    count: dict[str, int] = {}
    for left, right in scope.equations:
        moved = _moved(left, scope)
        if moved is None:
            continue
        call, position = moved
        count[call.key] = count.get(call.key, 0) + 1
        found[call.key] = Evolution(position, right)
    return {key: evolution for key, evolution in found.items() if count[key] == 1}


def left_over(scope: Scope) -> list[tuple[Node, Node]]:
    """The declared equations that no stand-in solves."""
    known = evolutions_of(scope)
    return [pair for pair in scope.equations if (moved := _moved(pair[0], scope)) is None or moved[0].key not in known]


def _moved(left: Node, scope: Scope) -> tuple[Call, int] | None:
    """The call under a first derivative in one of its own plain arguments, and the place of that argument."""
    if not isinstance(left, Derivative | Dotted):
        return None
    call = left.operand if isinstance(left, Derivative) else left.call
    if not isinstance(call, Call):
        return None
    declared = scope.get(call.key)
    if declared is None or declared.kind != "function" or declared.definition is not None or left.order != 1:
        return None
    names = declared.parameters
    if call.index is not None or call.arguments not in (None, tuple(Name(name) for name in names)):
        return None
    variable = left.variable if isinstance(left, Derivative) else "t" if "t" in names else names[0]
    if variable not in names or (isinstance(left, Dotted) and len(names) > 1 and "t" not in names):
        return None
    return call, names.index(variable)


def moved_on(
    evolution: Evolution, arguments: list[Value], anchor: Callable[[mpmath.mpf], None],
    generic: Callable[[list[Value]], Value], rate: Callable[[list[Value]], Value],
) -> Value:
    """The value at arguments whose time may carry infinitesimals.

    anchor   takes note of the time, and raises Undecidable when it is another one than before
    generic  the function at that time
    rate     the right side of its equation there
    """
    time = arguments[evolution.position]
    if not is_scalar(time):
        raise Undecidable("an equation for a derivative in a vector")
    anchor(jets.real(time))
    there = [*arguments[: evolution.position], jets.real(time), *arguments[evolution.position + 1 :]]
    start = generic(there)
    if not isinstance(time, Jet):
        return start
    step = Jet({**time.terms, 0: mp.zero})
    if jets.size(step * step) != 0:
        raise Undecidable("a second derivative of a function that is known by its first one")
    return values.add(start, values.multiply(step, rate(there)))
