"""Claims as data: what a page states, after reading, before judging."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from verify.language.scope import Scope
from verify.language.tree import Node

if TYPE_CHECKING:
    from verify.language.defined import Defined

# Relations a chain may hold; only "approx" and "to" are never decided.
EQUAL, SAME_LAW = "=", "law"
RELATIONS = (EQUAL, SAME_LAW, "<=", ">=", "<", ">", "approx", "propto", "to")

# The slips that a mistake may name: where the hand, or the argument, went wrong. `verify.site.words` says them.
SLIPS = (
    "sign",  # plus for minus, a direction
    "factor",  # a constant factor: a half, two, a number of dimensions
    "power",  # a square, a root, an exponent
    "spread",  # a standard deviation for a variance, or the other way round
    "alpha",  # alpha for alpha-bar
    "index",  # a neighbour, an end, counting from zero
    "swap",  # two quantities in each other's place
    "term",  # a term lost, or one too many
    "scale",  # the scale of the signal, the data or the units
    "average",  # a mean for a sum
    "logarithm",  # another base, half of logSNR
    "time",  # the direction or the unit of time
    "value",  # another number, or another quantity
    "dependence",  # noises shared or fresh, conditions dropped
    "domain",  # used where its assumptions do not hold
    "overreach",  # more is claimed than is true
)


@dataclass(frozen=True)
class Rule:
    """What a reason names: `kind` is quote, induction, parts or label (see `verify.language.reasons`).

    name      in words, as a verdict shows it
    quoted    ids of the quoted claims
    variable  the name that an induction runs over
    """

    kind: str
    name: str
    quoted: tuple[str, ...] = ()
    variable: str = ""


@dataclass(frozen=True)
class Quote:
    """A quoted claim as data: what it says about which names. `equations` are (left, relation, right)."""

    claim: str
    scope: Scope
    equations: tuple[tuple[Node, str, Node], ...]


@dataclass(frozen=True)
class Row:
    """One side of a chain. `relation` ties it to the row before; the first row has relation ''.

    `rule` is what the reason names, and `quotes` are the claims it quotes, once they are known
    (see `verify.language.quotes`).
    """

    relation: str
    expression: Node
    source: str
    line: int
    reason: str = ""
    rule: Rule | None = None
    quotes: tuple[Quote, ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True)
class Mistake:
    """A wrong version that people really write. `rows` is a chain of its own, read in `scope`.

    `source` says where it was seen, by language; empty when nobody has noted it. `experiment` names the one that
    measures it, '' when none does; `slip` is one of SLIPS, '' while nobody has said.
    """

    name: str
    title: dict[str, str]
    source: dict[str, str]
    rows: tuple[Row, ...]
    scope: Scope
    latex: str
    line: int = 0
    experiment: str = ""
    slip: str = ""


@dataclass(frozen=True)
class Citation:
    """A BibTeX key and where in the work: `karras2022edm`, `(7), (117)-(131)`."""

    key: str
    where: str = ""


@dataclass(frozen=True)
class Claim:
    r"""One claim.

    id          stable, `topic.name`
    title       by language code, `en` always present; likewise `slogan` (one sentence, no formula)
    chains      the displayed formulas, each a chain of rows that are judged step by step; empty for
                a claim that is only assumed or measured
    latex       the author's source of each chain, as shown on the page
    prose       the author's words before each chain and after the last, '' where there are none
    declared    the declaration lines as written: the shared ones that it uses, then its own
    words       the statement in words, for a claim that cannot be read (by language code)
    assumed     why nothing checks it, by language code; empty when something does
    premises    the claims that its declared equations are taken from
    uses        the claims that its steps and premises quote; as written until `verify.language.quotes` has linked it
    after       the claims to be read first; an order for readers, on which no verdict depends
    experiments names of the experiments that judge it
    own         names that mean something of this claim's own here, whatever their standard definition says, and why
    defined     what the claim says about names that have a standard definition, once the definitions are known
    """

    id: str
    title: dict[str, str]
    scope: Scope
    chains: tuple[tuple[Row, ...], ...]
    latex: tuple[str, ...]
    prose: tuple[str, ...] = ()
    declared: tuple[str, ...] = ()
    slogan: dict[str, str] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    assumed: dict[str, str] = field(default_factory=dict)
    sources: tuple[Citation, ...] = ()
    premises: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    experiments: tuple[str, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    own: tuple[str, ...] = ()
    own_words: dict[str, str] = field(default_factory=dict)
    defined: tuple[Defined, ...] = field(default=(), compare=False, repr=False)
    file: str = ""
    line: int = 0

    @property
    def topic(self) -> str:
        """The part of the id before the first dot."""
        return self.id.split(".", 1)[0]
