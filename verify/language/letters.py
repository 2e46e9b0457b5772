r"""The letters of one claim that are names of a notation, and what stands for them in every other notation."""

from __future__ import annotations

import re
from collections.abc import Mapping

from verify.language.claim import Claim
from verify.language.document import Written
from verify.language.errors import LanguageError
from verify.language.mentions import Mentions
from verify.language.notation import HUB, PATH, Notation
from verify.language.printer import latex
from verify.language.reader import read_formula
from verify.language.substitution import Substitution
from verify.language.tidy import Tidy
from verify.language.tree import Call, Name, Node

Letter = Name | Call
_HELP = r"write  letters: $\sigma$, $a = \bar\alpha_t$"


class Letters:
    """What the options `notation:`, `letters:` and `into:` of a claim say. LanguageError for what they cannot mean."""

    def __init__(self, claim: Claim, written: Written, notations: Mapping[str, Notation]) -> None:
        self.claim, self.written, self.notations = claim, written, notations
        if written.notation not in (*notations, PATH):
            known = ", ".join([*notations, PATH])
            raise LanguageError(f"there is no notation {written.notation!r}", suggestion=f"known: {known}")
        if not claim.chains:
            raise LanguageError(f"{claim.id} has no formula to translate", suggestion="leave out  notation:")
        base = notations[HUB if written.notation == PATH else written.notation]
        self.listed = self._read(base)

    def targets(self) -> list[str]:
        """The notations that the claim is shown in, in the order of the notations."""
        renamed = any(letter != name for letter, name in self.listed.items())
        every = [name for name in self.notations if renamed or name != self.written.notation]
        for name in self.written.into:
            if name not in self.notations:
                raise LanguageError(f"there is no notation {name!r}", suggestion="known: " + ", ".join(self.notations))
        return [name for name in self.notations if name in (self.written.into or every)]

    def _read(self, base: Notation) -> dict[Letter, Letter]:
        """Letter of the claim -> name of its notation, as `letters:` lists them; nothing is guessed."""
        names = self._names(base)
        listed: dict[Letter, Letter] = {}
        for pair in re.findall(r"\$([^$]+)\$", self.written.letters):
            left, _, right = pair.partition("=")
            letter = read_formula(left.strip(), self.claim.scope)
            name = read_formula((right or left).strip(), base.scope)
            if not isinstance(letter, Letter) or not isinstance(name, Letter):
                raise LanguageError(f"{pair!r} is no pair of letters", suggestion=_HELP)
            declared = self.claim.scope.get(letter.key)
            if declared is not None and declared.definition is not None:
                raise LanguageError(f"{latex(letter)} is defined in the claim, so it is no letter of a notation")
            if declared is not None and declared.kind == "random":
                raise LanguageError(f"{latex(letter)} is random; a letter of {self.written.notation} is not")
            if isinstance(name, Name) and name.key not in names:
                raise LanguageError(f"{latex(name)} is no letter of {self.written.notation}")
            listed[letter] = name
        if not listed:
            raise LanguageError("letters: does not say which letters are those of the notation", suggestion=_HELP)
        self._kept_apart(listed)
        return listed

    def _kept_apart(self, listed: Mapping[Letter, Letter]) -> None:
        """Two letters under one name would make of the claim a special case, which says less than the claim."""
        last = {name: letter for letter, name in listed.items()}
        for letter, name in listed.items():
            other = last[name]
            if name not in listed and name.key in self.claim.scope and name.key in self._mentioned():
                other = name  # a letter of the claim that keeps its name
            if other != letter:
                raise LanguageError(f"{latex(letter)} and {latex(other)} would both be called {latex(name)}",
                                    suggestion="give each letter of the claim a name of its own")  # fmt: skip

    def _mentioned(self) -> list[str]:
        formulas = [row.expression for chain in self.claim.chains for row in chain]
        return Mentions(self.claim.scope).through(formulas)

    def _names(self, base: Notation) -> set[str]:
        if self.written.notation == PATH:  # the coefficients, and what EDM's notation has too
            defined = {d.key for d in base.scope if d.definition is not None}
            return {*defined, *base.own} - {key for key in base.own if base.scope.declarations[key].value != "vector"}
        return set(base.own)

    def substitutions(self, to: str) -> tuple[Substitution, Substitution]:
        """What replaces the letters of the claim in the notation `to`: as put together, and tidied."""
        images, given = self.images(to), self.notations[to].images
        plain = Tidy([*given.values(), *images.values()])
        neat = {letter: _tidied(image, plain) for letter, image in images.items()}
        tidy = Tidy([*given.values(), *neat.values()])
        return Substitution(images, self.claim.scope), Substitution(neat, self.claim.scope, tidy)

    def images(self, to: str) -> dict[Node, Node]:
        """Letter of the claim -> formula in the letters of `to`, as put together."""
        target = self.notations[to]
        found: dict[Node, Node] = {}
        express = Substitution({Name(k): v for k, v in target.images.items()}, target.scope)
        for letter, name in self.listed.items():
            if self.written.notation == to:
                found[letter] = name
            elif self.written.notation in (HUB, PATH):
                found[letter] = express(name)
            else:
                found[letter] = express(self._meaning(name))
        return found

    def _meaning(self, name: Node) -> Node:
        back = self.notations[self.written.notation].back
        if isinstance(name, Name) and name.key in self.notations[HUB].own:
            return name  # a letter that both notations have
        if name not in back:
            raise LanguageError(f"{latex(name)} is not said in EDM's names by {self.written.notation}")
        return back[name]


def _tidied(node: Node, tidy: Tidy) -> Node:
    """Tidied from below."""
    return tidy(node.map_children(lambda child: _tidied(child, tidy)))
