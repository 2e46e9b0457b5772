r"""Formulas of declaration lines to a scope: definitions, relations, equations, laws, moments, assumptions."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from verify.language.chain import _pieces
from verify.language.declared_names import read_left_name, read_names
from verify.language.errors import LanguageError, placed
from verify.language.lines import Line, is_assumption, kinds_of, sides_of
from verify.language.names import latex_of_key
from verify.language.reader import read_formula
from verify.language.scope import NONNEGATIVE, POSITIVE, UNIT, Scope
from verify.language.shapes import is_matrix
from verify.language.tree import Add, Call, Gaussian, Identity, Moment, Name, Negate, Node, Number, Power


def read_formulas(line: Line, scope: Scope) -> None:
    """Read the formulas of one line into the scope; its names are declared already."""
    words = set(kinds_of(line)) if not line.keyword else set()
    left, right = sides_of(line.formula)
    at = line.formula_offset
    right_at = at + len(line.formula) - len(right) if right is not None else at
    if line.keyword in ("joint", "instance", "boundary"):
        _keyword_formula(line, scope, left, right, right_at)
    elif line.keyword:
        return
    elif is_assumption(line.formula):
        _assumption(line, scope)
    elif right is None:
        _moments_and_ranges(line, words, scope)
    elif "sde" in words:
        scope.sde = {**scope.sde, "": Identity()}  # differentials may be read from here on
        differential = _read(left, at, scope)
        operand = getattr(differential, "operand", None)
        del scope.sde[""]
        if not isinstance(operand, Name):
            raise LanguageError("an SDE reads \\mathrm{d}x = ...", (at, at + len(left)))
        scope.sde[operand.key] = _read_stochastic(right, right_at, scope, operand.key)
    elif "relation" in words:
        _root_relation(line, scope, left, right, right_at)
    elif "equation" in words:
        scope.equations.append((_read(left, at, scope), _read(right, right_at, scope)))
    else:
        name = read_left_name(left, scope)
        assert name is not None  # checked when it was declared
        overloaded = f"{name.key}({name.signature})"
        key = overloaded if overloaded in scope and scope.declarations[name.key].signatures else name.key
        scope.put(dataclasses.replace(scope.declarations[key], definition=_read(right, right_at, scope)))


def _keyword_formula(line: Line, scope: Scope, left: str, right: str | None, right_at: int) -> None:
    at = line.formula_offset
    if line.keyword == "boundary":
        scope.boundary.append(_read(line.formula, at, scope))
    elif line.keyword == "joint":
        name, sign, density = line.formula.partition("\\sim")
        if not sign:
            raise LanguageError("a joint density reads  joint: $x_0 \\sim ...$", (at, at + len(line.formula)))
        with placed(at):
            key = read_names(name, scope)[0].key
        scope.joint[key] = _read(density, at + len(name) + len(sign), scope)
    else:
        if right is None:
            raise LanguageError("an instance reads  instance: $p(x) = ...$", (at, at + len(line.formula)))
        scope.instances.append((_read(left, at, scope), _read(right, right_at, scope)))


def _assumption(line: Line, scope: Scope) -> None:
    pieces = _pieces(line.formula, 0, len(line.formula))
    at = line.formula_offset
    sides = [line.formula[p.start : p.end] for p in pieces]
    bigger, smaller = (0, 1) if pieces[1].relation == ">" else (1, 0)
    big = _read(sides[bigger], at + pieces[bigger].start, scope)
    small = _read(sides[smaller], at + pieces[smaller].start, scope)
    scope.assumptions.append(_difference(big, small))


def _difference(big: Node, small: Node) -> Node:
    return big if small == Number("0") else Add((big, Negate(small)))


def _moments_and_ranges(line: Line, words: set[str], scope: Scope) -> None:
    if "\\sim" in line.formula:
        names, law = line.formula.split("\\sim", 1)
        node = _read(law, line.formula_offset + len(names) + 4, scope)
        if not isinstance(node, Gaussian) or node.point is not None:
            raise LanguageError(
                "a declared law reads  n \\sim \\mathcal{N}(\\mu, \\sigma^2 I)",
                (line.formula_offset, line.formula_offset + len(line.formula)),
            )
        for name in read_names(names, scope):
            old = scope.declarations[name.key]
            value = "vector" if is_matrix(node.covariance, scope) else old.value
            scope.put(
                dataclasses.replace(old, value=value, mean=node.mean, variance=node.covariance, law=node)
            )
        return
    if not line.inner:
        return
    values = [_read(text, offset, scope) for text, offset in line.inner]
    if len(values) != 2:
        raise LanguageError(
            "expected two formulas: mean and variance, or the ends of a range",
            (line.offset, line.offset + len(line.text)),
        )
    for name in read_names(line.formula, scope):
        old = scope.declarations[name.key]
        if "random" in words:
            scope.put(dataclasses.replace(old, mean=values[0], variance=values[1]))
        else:
            scope.put(dataclasses.replace(old, lower=values[0], upper=values[1]))
            index, one = Name(name.key), Number("1")
            scope.assumptions.append(Add((index, one, Negate(values[0]))))  # the range holds where the index is free
            scope.assumptions.append(Add((values[1], one, Negate(index))))


def _root_relation(line: Line, scope: Scope, left: str, right: str, right_at: int) -> None:
    node = _read(left, line.formula_offset, scope)
    match node:
        case Power(base=Name(key=key), exponent=Number(text=text)) if text.isdigit() and 2 <= int(text) <= 6:
            old = scope.declarations[key]
            if old.domain not in (POSITIVE, NONNEGATIVE, UNIT):
                raise LanguageError(
                    f"{latex_of_key(key)} is not declared positive: a relation does not tell which root it is",
                    (line.formula_offset, line.formula_offset + len(left)),
                )
            if old.root_of is not None:
                raise LanguageError(
                    f"{latex_of_key(key)} is tied by two relations",
                    (line.formula_offset, line.formula_offset + len(left)),
                    "write the second one as an assumption or an equation",
                )
            base = _read(right, right_at, scope)
            domain = UNIT if old.domain == UNIT else POSITIVE
            scope.put(dataclasses.replace(old, domain=domain, root_of=(int(text), base)))
        case _:
            raise LanguageError(
                "a relation reads name^2 = formula, with a positive name",
                (line.formula_offset, line.formula_offset + len(left)),
            )


def _read(text: str, offset: int, scope: Scope) -> Node:
    with placed(offset):
        return read_formula(text, scope)


def _read_stochastic(text: str, offset: int, scope: Scope, key: str) -> Node:
    probe = scope.copy()
    probe.sde[key] = Identity()
    return _read(text, offset, probe)


def refuse_tied_laws(scope: Scope, lines: dict[int, Line], first: Line) -> None:
    """LanguageError for a premise about the values of a random name: they have its law, independent of the others.

    Such a premise would change the law, and what is computed from the declared one would be false. `lines` says
    by the id of a tree where a premise stands, `first` where the declarations begin.
    """
    for node in premises_of(scope):
        for key in _random_values(node, scope):
            line = lines.get(id(node), first)
            raise LanguageError(
                f"{latex_of_key(key)} is random: no equation or inequality may restrict its values",
                (line.formula_offset, line.formula_offset + len(line.formula)),
                "define the name that depends on it by a formula, and leave out its domain",
            )


def premises_of(scope: Scope) -> list[Node]:
    """What the scope says of the values of its names: assumptions, equations, relations."""
    roots = [d.root_of[1] for d in scope if d.root_of is not None]
    return [*scope.assumptions, *(side for pair in scope.equations for side in pair), *roots]


def _random_values(node: Node, scope: Scope, seen: frozenset[str] = frozenset()) -> Iterator[str]:
    """The random names on whose values a formula depends, through definitions; a moment depends on laws only."""
    if isinstance(node, Moment):
        return
    key = node.key if isinstance(node, Name | Call) else ""
    declared = scope.get(key)
    if declared is not None and key not in seen:
        if declared.kind == "random":
            yield key
        if declared.definition is not None:
            yield from _random_values(declared.definition, scope, seen | {key})
    for child in node.children():
        yield from _random_values(child, scope, seen)


def refuse_circles(scope: Scope, lines: list[Line]) -> None:
    """A definition that leads back to itself defines nothing."""
    visiting: list[str] = []
    done: set[str] = set()

    def visit(key: str) -> None:
        if key in done or key not in scope:
            return
        if key in visiting:
            circle = " -> ".join(latex_of_key(k) for k in [*visiting[visiting.index(key) :], key])
            at = lines[0].offset if lines else 0
            raise LanguageError(f"circular definition: {circle}", (at, at + 1))
        declaration = scope.declarations[key]
        formula = declaration.definition or (declaration.root_of[1] if declaration.root_of else None)
        if formula is not None:
            visiting.append(key)
            for node in formula.walk():
                if isinstance(node, Name | Call) and not (
                    isinstance(node, Name) and node.key in declaration.parameters
                ):
                    visit(node.key)
            visiting.pop()
        done.add(key)

    for declaration in list(scope):
        visit(declaration.key)
