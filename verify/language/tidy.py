r"""A formula after a change of notation, written as one would write it by hand.

`\left(\frac{\sqrt{1-a}}{\sqrt a}\right)^2+s^2` becomes `\frac{1-a+as^2}{a}`: powers and roots are multiplied out,
equal factors cancelled, exponentials joined, and the denominators that came with the notation cleared. The rules
assume what the reader assumes (bases of roots are positive), so nothing here is trusted: what comes out is compared
with what went in by the prover, like any other step.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction

from verify.language.printer import latex
from verify.language.tree import Add, Divide, Function, Multiply, Negate, Node, Norm, Number, Power, Root

HALF = Fraction(1, 2)
_KINDS = (Add, Negate, Multiply, Divide, Power, Root, Norm)


@dataclass
class Term:
    """A product: a number times powers of bases. Bases are kept by what they say, in the order they came."""

    number: Fraction = Fraction(1)
    bases: dict[str, tuple[Node, Fraction]] = field(default_factory=dict)

    def times(self, other: Term) -> Term:
        found = Term(self.number * other.number, dict(self.bases))
        for key, (base, exponent) in other.bases.items():
            total = found.exponent(key) + exponent
            if total:
                found.bases[key] = base, total
            else:
                found.bases.pop(key, None)
        return found

    def raised(self, exponent: Fraction) -> Term | None:
        """None when the number has no such power that is a number."""
        if exponent.denominator == 1:
            number = self.number ** int(exponent) if self.number else None
        else:
            number = self.number if self.number == 1 else None
        if number is None:
            return None
        return Term(Fraction(number), {key: (base, e * exponent) for key, (base, e) in self.bases.items()})

    def exponent(self, key: str) -> Fraction:
        return self.bases[key][1] if key in self.bases else Fraction(0)

    @property
    def like(self) -> frozenset[tuple[str, Fraction]]:
        """What terms must share to be added up."""
        return frozenset((key, exponent) for key, (_, exponent) in self.bases.items())


class Tidy:
    """Tidies nodes; `images` are the formulas that a notation brings.

    cleared   what they are made of: a sum that is divided by it gets one denominator; `dividing` what they divide by
    """

    def __init__(self, images: Iterable[Node]) -> None:
        self.cleared: set[str] = set()
        self.dividing: set[str] = set()
        self._known: dict[int, tuple[Node, Term]] = {}  # by identity; the node is kept, so that its id stays its own
        for node in [node for image in images for node in image.walk()]:
            bases = {key: e for key, (base, e) in self.term(node).bases.items() if not _is_exp(base)}
            self.cleared |= bases.keys()
            self.dividing |= {key for key, e in bases.items() if e < 0}
        self._known.clear()

    def __call__(self, node: Node) -> Node:
        """The node rewritten; one of another kind as it stands."""
        if isinstance(node, _KINDS) or _is_exp(node):
            term = self.term(node)
            new = written(term)
            self._known[id(new)] = new, term  # its parents are tidied next, and ask for it
            return new
        return node

    def term(self, node: Node) -> Term:
        """A node as a product."""
        known = self._known.get(id(node))
        if known is None:
            known = self._known[id(node)] = node, self._term(node)
        return known[1]

    def _term(self, node: Node) -> Term:
        match node:
            case Number(text=text) if text.isdigit():
                return Term(Fraction(text))
            case Negate(operand=operand):
                return Term(Fraction(-1)).times(self.term(operand))
            case Multiply(factors=factors):
                found = Term()
                for factor in factors:
                    found = found.times(self.term(factor))
                return found
            case Divide(numerator=above, denominator=below):
                inverse = self.term(below).raised(Fraction(-1))
                return self.term(above).times(inverse) if inverse else _atom(node)
            case Power(base=base, exponent=exponent) if (value := _rational(exponent)) is not None:
                return self.term(base).raised(value) or _atom(node)
            case Root(radicand=radicand, degree=None):
                return self.term(radicand).raised(HALF) or _atom(node)
            case Function(name="exp", argument=argument):
                return self._exponential(argument)
            case Norm(operand=operand, frobenius=False):
                return self._norm(operand)
            case Add(terms=terms):
                return self._sum([self.term(term) for term in terms], node)
        return _atom(node)

    def _exponential(self, argument: Node) -> Term:
        """`e^{a+2b}` as the power one of `e^a` times the second power of `e^b`."""
        found = Term()
        for part in argument.terms if isinstance(argument, Add) else (argument,):
            term = self.term(part)
            base = Function("exp", written(Term(Fraction(1), term.bases)))
            if term.number:
                found = found.times(Term(bases={latex(base): (base, term.number)}))
        return found

    def _norm(self, operand: Node) -> Term:
        """What a notation divides by, or takes the root of, comes out of a norm: it is positive."""
        term = self.term(operand)
        outside = Term(abs(term.number))
        inside = Term()
        for key, (base, exponent) in term.bases.items():
            side = outside if key in self.dividing or exponent.denominator > 1 else inside
            side.bases[key] = base, exponent
        return outside.times(_atom(Norm(written(inside))))

    def _sum(self, terms: list[Term], node: Node) -> Term:
        common = Term()
        below = {key: base for term in terms for key, (base, e) in term.bases.items() if e < 0 and not _is_exp(base)}
        for key, base in below.items():
            if key in self.cleared:
                common.bases[key] = base, min(term.exponent(key) for term in terms)
        inverse = common.raised(Fraction(-1))
        assert inverse is not None  # the common factor has no number
        rest = [term.times(inverse) for term in terms]
        plain, opened = _collected(_opened(rest, only_plain=True)), _collected(_opened(rest, only_plain=False))
        kept = opened if len(opened) < len(plain) else plain
        if not kept:
            return Term(Fraction(0))
        if len(kept) == 1:
            return common.times(kept[0])
        whole = Add(tuple(written(term) for term in kept))
        return common.times(Term(bases={_sum_key(whole): (whole, Fraction(1))}))


def _atom(node: Node) -> Term:
    key = _sum_key(node) if isinstance(node, Add) else latex(node)
    return Term(bases={key: (node, Fraction(1))})


def _sum_key(node: Add) -> str:
    """Sums that differ in their order are one base."""
    return "+".join(sorted(latex(term) for term in node.terms))


def _opened(terms: list[Term], only_plain: bool) -> list[Term]:
    """The terms with those that are a sum themselves opened; with `only_plain` those without a factor."""
    plain, found = Tidy(()), []
    for term in terms:
        base, exponent = next(iter(term.bases.values()), (None, Fraction(0)))
        alone = len(term.bases) == 1 and exponent == 1
        if alone and isinstance(base, Add) and (term.number == 1 or not only_plain):
            found += [Term(term.number).times(plain.term(part)) for part in base.terms]
        else:
            found.append(term)
    return found


def _collected(terms: list[Term]) -> list[Term]:
    """Like terms added up."""
    found: dict[frozenset[tuple[str, Fraction]], Term] = {}
    for term in terms:
        old = found.get(term.like)
        found[term.like] = Term(term.number + (old.number if old else 0), (old or term).bases)
    return [term for term in found.values() if term.number]


# ---------------------------------------------------------------- back to a tree


def written(term: Term) -> Node:
    """The tree of a product: one fraction, one root above and one below."""
    above, below = _factors(term, 1), _factors(term, -1)
    size = abs(term.number)
    if size.numerator != 1 or not above:
        above.insert(0, Number(str(size.numerator)))
    if size.denominator != 1:
        below.insert(0, Number(str(size.denominator)))
    node = _product(above)
    if below:
        node = Divide(node, _product(below))
    return Negate(node) if term.number < 0 else node


def _factors(term: Term, side: int) -> list[Node]:
    """What stands above (1) or below (-1) the line; exponentials stand above, as one, with their sign."""
    factors: list[Node] = []
    under: list[Node] = []
    for base, exponent in term.bases.values():
        power = exponent * side
        if power <= 0 or _is_exp(base):
            continue
        whole, part = divmod(power, 1)
        if part not in (0, HALF):
            factors.append(Power(base, _number(power)))
            continue
        if whole:
            factors.append(base if whole == 1 else Power(base, Number(str(whole))))
        if part:
            under.append(base)
    if side > 0:
        factors[:0] = _exponential(term)
    if under:
        factors.insert(0, Root(_product(under)))
    return factors


def _exponential(term: Term) -> list[Node]:
    """All exponentials of a product as one."""
    inner = Tidy(())
    exponents = [
        inner.term(base.argument).times(Term(exponent))
        for base, exponent in term.bases.values()
        if isinstance(base, Function) and _is_exp(base)
    ]
    if not exponents:
        return []
    exponents.sort(key=lambda exponent: exponent.number < 0)  # b-a rather than -a+b
    terms = tuple(map(written, exponents))
    return [Function("exp", terms[0] if len(terms) == 1 else Add(terms))]


def _is_exp(node: Node) -> bool:
    return isinstance(node, Function) and node.name == "exp"


def _number(value: Fraction) -> Node:
    whole = Number(str(value.numerator))
    return whole if value.denominator == 1 else Divide(whole, Number(str(value.denominator)))


def _product(factors: list[Node]) -> Node:
    """Sums first, after the number: a name before a bracket would look like a function."""
    factors = sorted(factors, key=_rank)
    return factors[0] if len(factors) == 1 else Multiply(tuple(factors))


def _rank(factor: Node) -> int:
    if isinstance(factor, Power):
        return 2 if isinstance(factor.base, Add) else 3
    return 0 if isinstance(factor, Number) else 1 if isinstance(factor, Add) else 3


def _rational(node: Node) -> Fraction | None:
    match node:
        case Number(text=text) if text.isdigit():
            return Fraction(text)
        case Negate(operand=operand):
            value = _rational(operand)
            return None if value is None else -value
        case Divide(numerator=Number(text=above), denominator=Number(text=below)) if (above + below).isdigit():
            return Fraction(int(above), int(below)) if int(below) else None
    return None
