"""Whether what stands for a quoted name lies where the quoted claim says: shape, domain, range, kind of function."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from verify.language.names import latex_of_key
from verify.language.printer import latex
from verify.language.scope import INDEX, INTEGER, NONNEGATIVE, POSITIVE, REAL, UNIT, Declaration
from verify.language.tree import (
    Add,
    Call,
    Constant,
    Divide,
    DotProduct,
    Function,
    Identity,
    Inner,
    Multiply,
    Name,
    Negate,
    Node,
    Number,
    Power,
)
from verify.meaning.errors import MeaningError, Unsupported
from verify.meaning.reading import read_in
from verify.proof.normal_form import decide_sign
from verify.proof.renaming import DoesNotApply, Renaming

SMOOTH = ("exp", "sin", "cos", "sinh", "cosh", "tanh", "arctan", "sigmoid", "erf")
# A value in the first domain also lies in each of the others.
WITHIN = {
    UNIT: (UNIT, POSITIVE, NONNEGATIVE, REAL),
    POSITIVE: (POSITIVE, NONNEGATIVE, REAL),
    NONNEGATIVE: (NONNEGATIVE, REAL),
    INDEX: (INDEX, INTEGER, POSITIVE, NONNEGATIVE, REAL),
    INTEGER: (INTEGER, REAL),
    REAL: (REAL,),
}


class Domains(Renaming):
    """A renaming whose images are checked one by one. What was proved is kept in words in `conditions`."""

    def own_function(self, declared: Declaration) -> str:
        """The author's function for an unspecified one of the quote."""
        name = latex_of_key(declared.key)
        image = self.guess.get(declared.key)
        ours = self.ours.get(image.key) if isinstance(image, Call) else None
        if ours is None or ours.kind != "function" or ours.signatures or "(" in ours.key:
            raise DoesNotApply(f"nothing here tells what the function {name} stands for")
        same = (ours.value, ours.family, len(ours.parameters)) == (
            declared.value, declared.family, len(declared.parameters)
        )  # fmt: skip
        if not same or declared.key.endswith("_{.}") != ours.key.endswith("_{.}"):
            raise DoesNotApply(f"{latex_of_key(ours.key)} is another kind of function than {name}", 2)
        if declared.value not in ("scalar", "vector"):
            raise DoesNotApply(f"{name} is a {declared.value} function and cannot be quoted yet")
        if lacks(ours, declared):
            raise DoesNotApply(f"{latex_of_key(ours.key)} is not declared all that {name} is", 2)
        for wanted, have in zip(declared.parameters, ours.parameters, strict=True):
            theirs = self.theirs.get(wanted) or Declaration("")
            mine = self.ours.get(have) or Declaration("")
            if theirs.value != mine.value or mine.domain not in WITHIN[theirs.domain]:
                raise DoesNotApply(f"the arguments of {latex_of_key(ours.key)} and {name} lie in different domains", 2)
        if ours.definition is None:
            if declared.domain not in WITHIN[ours.domain]:
                raise DoesNotApply(f"{latex_of_key(ours.key)} is not known to be {declared.domain}, as {name} is", 2)
        else:
            self._smooth(ours.definition, ours.key)
            self._in_domain(ours.definition, declared.domain, latex_of_key(ours.key))
        return ours.key

    def _smooth(self, node: Node, key: str) -> None:
        """An unspecified function is smooth; a defined one that stands for it must be so for sure."""
        for part in node.walk():
            simple = isinstance(part, (Number, Constant, Name, Add, Negate, Multiply, Identity, DotProduct, Inner))
            whole = isinstance(part, Power) and isinstance(part.exponent, Number) and part.exponent.text.isdigit()
            halves = isinstance(part, Divide) and isinstance(part.denominator, (Number, Constant))
            if not (simple or whole or halves or isinstance(part, Function) and part.name in SMOOTH):
                raise DoesNotApply(f"the definition of {latex_of_key(key)} is not known to be smooth", 2)
            declared = self.ours.get(part.key) if isinstance(part, Name) else None
            if declared is not None and (declared.definition is not None or declared.root_of is not None):
                raise DoesNotApply(f"the definition of {latex_of_key(key)} uses another definition", 2)

    def _shapes_and_domains(self) -> None:
        for key in list(self.free):
            declared, image = self.theirs.declarations[key], self.guess[key]
            name = latex_of_key(key)
            if declared.kind == "random":
                continue
            if declared.kind != "variable":
                raise DoesNotApply(f"{name} is a {declared.kind} and cannot be quoted yet")
            if declared.value not in ("scalar", "vector") or declared.law is not None:
                raise DoesNotApply(f"{name} has a shape or a law of its own and cannot be quoted yet")
            self._shape(image, declared.value, name)
            if declared.value == "scalar" and declared.root_of is None:
                self._in_domain(image, declared.domain, name)
            for end, sign in ((declared.lower, 1), (declared.upper, -1)):
                if end is not None:
                    distance = Add((image, Negate(self.renamed(end))))
                    margin = Add((distance if sign > 0 else Negate(distance), Number("1")))
                    self._positive(margin, f"${name} = {latex(image)}$ lies in its range")

    def _shape(self, image: Node, wanted: str, name: str) -> None:
        dimension = 2 if isinstance(self.ours.dimension, str) else self.ours.dimension[-1]
        try:
            reading = read_in(self.ours, dimension)
            found = reading.shape(reading.value(image))
        except (MeaningError, Unsupported) as error:
            raise DoesNotApply(f"{name} would be ${latex(image)}$: {error.message}") from None
        if found != wanted:
            raise DoesNotApply(f"{name} is a {wanted}, ${latex(image)}$ is a {found}", 2)

    def _in_domain(self, image: Node, domain: str, name: str) -> None:
        shown = f"${name} = {latex(image)}$"
        match domain:
            case "real":
                return
            case "positive":
                self._positive(image, f"{shown} is positive")
            case "nonnegative":
                self._signed(image, f"{shown} is not negative", False)
            case "unit":
                self._positive(image, f"{shown} is positive")
                self._positive(Add((Number("1"), Negate(image))), f"{shown} is less than 1")
            case "integer" | "index":
                self._whole(image, f"{shown} is an integer")
                if domain == INDEX:
                    self._positive(image, f"{shown} is positive")
            case _:
                raise DoesNotApply(f"the domain {domain} of {name} cannot be checked yet")

    def _positive(self, node: Node, words: str) -> None:
        self._signed(node, words, True)

    def _signed(self, node: Node, words: str, strict: bool) -> None:
        def holds(reading: Any) -> bool:  # noqa: ANN001
            found = decide_sign(reading.value(node), reading.facts)
            return found.value > 0 and (found.strict or not strict)

        self._everywhere(holds, words)

    def _whole(self, node: Node, words: str) -> None:
        self._everywhere(lambda reading: reading.value(node).is_integer is True, words)

    def _everywhere(self, holds: Callable[..., Any], words: str) -> None:
        """A condition that must be certain in every dimension of the step."""
        dimensions = (None,) if isinstance(self.scope.dimension, str) else self.scope.dimension
        try:
            certain = all(holds(read_in(self.scope, dimension)) for dimension in dimensions)
        except (MeaningError, Unsupported) as error:
            raise DoesNotApply(f"it is not certain that {words}: {error.message}", 3) from None
        if not certain:
            raise DoesNotApply(f"it is not certain that {words}", 5)
        self._note(words)

    def _note(self, words: str) -> None:
        if words not in self.conditions:
            self.conditions.append(words)


def lacks(ours: Declaration, theirs: Declaration) -> bool:
    """Whether the quoted name is declared something (a density, Gaussian) that the author's is not."""
    flags = [item.name for item in dataclasses.fields(Declaration) if isinstance(getattr(theirs, item.name), bool)]
    return any(getattr(theirs, name) and not getattr(ours, name) for name in flags)
