"""The reading order: which claims a reader should know before another, and what is wrong with what claims say of it.

`after: a.b, c.d` names what a claim builds on in the field. It is no logical dependence: nothing is proved by it, and
no verdict looks at it. Together with what claims rest on it has to be an order, so that one can read along it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from verify.language.claim import Claim
from verify.language.errors import LanguageError


def order_errors(claims: Iterable[Claim], others: Mapping[str, Claim] | None = None) -> list[LanguageError]:
    """What is wrong with the `after` of these claims: an unknown id, the claim itself, a circle.

    `others` may be named too. A circle of `uses` alone is reported where claims are linked.
    """
    own = {claim.id: claim for claim in claims}
    known = {**(others or {}), **own}
    errors = []
    for claim in own.values():
        for name in claim.after:
            if name not in known:
                errors.append(_at(claim, f"{claim.id} is to be read after {name}, which does not exist"))
            elif name == claim.id:
                errors.append(_at(claim, f"{claim.id} is to be read after itself"))
    for circle in _circles(own, known):
        pairs = zip(circle, (*circle[1:], circle[0]), strict=True)
        if any(earlier in known[later].after for later, earlier in pairs):
            said = " after ".join((*circle, circle[0]))
            errors.append(_at(known[circle[0]], f"the reading order runs in a circle: {said}"))
    return errors


def _circles(starts: Iterable[str], known: Mapping[str, Claim]) -> Iterator[tuple[str, ...]]:
    """Circles of two or more claims, each later one first: none where there is an order, else at least one."""

    def before(id_: str) -> Iterator[str]:
        claim = known[id_]
        return iter([name for name in dict.fromkeys((*claim.after, *claim.uses)) if name in known and name != id_])

    done: set[str] = set()
    for start in starts:
        way = {} if start in done else {start: before(start)}  # the claims on the way down, in order
        while way:
            id_, ahead = next(reversed(way.items()))
            name = next(ahead, "")
            if not name:
                done.add(id_)
                del way[id_]
            elif name in way:
                yield tuple(way)[list(way).index(name) :]
            elif name not in done:
                way[name] = before(name)


def _at(claim: Claim, message: str) -> LanguageError:
    return LanguageError.at_line(claim.file, claim.line, message)
