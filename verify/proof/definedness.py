"""Where formulas have a value: what a rewrite brings in must be defined wherever the step is.

An equality holds where both of its sides are defined. Two equalities in a row only give a third where the side
in the middle is defined too.
"""

from __future__ import annotations

from collections.abc import Iterator

from verify.language.printer import latex
from verify.language.scope import Scope
from verify.language.tree import (
    Call,
    Constant,
    Divide,
    Function,
    Gaussian,
    Identity,
    Multiply,
    Name,
    Negate,
    Node,
    Number,
    Power,
    Root,
)
from verify.meaning.errors import MeaningError, Unsupported
from verify.meaning.reading import read_in
from verify.proof.matching import flat
from verify.proof.normal_form import decide_sign
from verify.proof.renaming import DoesNotApply


def inlined(node: Node, scope: Scope) -> Node:
    """Names of defined quantities replaced by their definitions, which are abbreviations."""
    declared = scope.get(node.key) if isinstance(node, Name) else None
    if declared is not None and declared.definition is not None:
        return inlined(declared.definition, scope)
    return node.map_children(lambda child: inlined(child, scope))


def partial_parts(node: Node, scope: Scope, seen: tuple[str, ...] = ()) -> Iterator[Node]:
    """Parts that are not defined everywhere: quotients, roots, powers, logarithms; through all definitions."""
    for part in node.walk():
        partial = isinstance(part, Function) and part.name in ("log", "tan")
        if partial or isinstance(part, (Divide, Root, Power, Gaussian)):
            yield part
        if isinstance(part, (Name, Call)) and part.key not in seen:
            declared = scope.get(part.key)
            if declared is not None and declared.definition is not None:
                yield from partial_parts(declared.definition, scope, (*seen, part.key))


def check_defined(left: Node, right: Node, scope: Scope, known: list[Node]) -> None:
    """Both sides of an instance are defined where the step is: the same parts, or certainly defined ones."""
    given = [flat(inlined(part, scope)) for part in known]
    for side in (left, right):
        for part in partial_parts(side, scope):
            if flat(inlined(part, scope)) not in given and not certainly_defined(part, scope):
                raise DoesNotApply(f"${latex(part)}$ is not certain to be defined here", 6)


def certainly_defined(part: Node, scope: Scope) -> bool:
    """Whether a quotient, root, power, logarithm or Gaussian has a value on the whole declared domain."""
    match part:
        case Divide(denominator=Number() | Constant()):
            return True
        case Divide(denominator=denominator):
            return _signed(denominator, scope, both=True)
        case Root(radicand=radicand):
            return _signed(radicand, scope, strict=False)
        case Power(exponent=Number(text=text)) if text.isdigit():
            return True
        case Power(base=base, exponent=exponent):
            if isinstance(base, Constant) or _signed(base, scope):
                return True
            return _whole(exponent) and _signed(base, scope, both=True)
        case Function(name="log", argument=argument):
            return _signed(argument, scope)
        case Gaussian(covariance=Multiply(factors=factors)):
            scales = [factor for factor in factors if not isinstance(factor, Identity)]
            return len(scales) < len(factors) and all(_signed(scale, scope) for scale in scales)
        case Gaussian(covariance=Identity()):
            return True
        case Gaussian(covariance=covariance):
            return _signed(covariance, scope)
    return False


def _whole(node: Node) -> bool:
    inner = node.operand if isinstance(node, Negate) else node
    return isinstance(inner, Number) and inner.text.isdigit()


def _signed(node: Node, scope: Scope, strict: bool = True, both: bool = False) -> bool:
    """Whether a scalar is certainly positive (or not negative; or, with `both`, certainly not zero)."""
    for dimension in (None,) if isinstance(scope.dimension, str) else scope.dimension:
        try:
            reading = read_in(scope, dimension)
            found = decide_sign(reading.value(node), reading.facts)
        except (MeaningError, Unsupported):
            return False
        if not (found.value > 0 or both and found.value < 0) or strict and not found.strict:
            return False
    return True
