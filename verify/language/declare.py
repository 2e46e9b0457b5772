r"""Declaration lines to a scope: `- $\sigma, \sigma_{\mathrm{data}}$ : positive`.

One line declares names with a kind, defines a name, ties two names, or states an assumption. All lines
of a claim are read together: first the names, then the formulas, so that their order does not matter.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass, field

from verify.language.declared_names import DeclaredName, read_left_name, read_names
from verify.language.errors import LanguageError, placed
from verify.language.formulas import premises_of, read_formulas, refuse_circles, refuse_tied_laws
from verify.language.growth import refuse_growth
from verify.language.lines import KEYWORDS, Line, domain_of, is_assumption, kinds_of, sides_of, split_lines
from verify.language.names import latex_of_key
from verify.language.reader import Reader
from verify.language.scope import GENERAL, INDEX, POSITIVE, REAL, UNIT, Declaration, Scope
from verify.language.shapes import declared_shape
from verify.language.tokens import tokenize
from verify.language.tree import Add, Identity, Name, Negate, Number

MAX_DECLARATIONS = 200


def is_declaration(item: str) -> bool:
    """Is a Markdown list item a declaration?"""
    return item.startswith("$") or re.match(rf"(?:{'|'.join(KEYWORDS)})\s*:", item) is not None


def declare(items: list[tuple[str, int]], base: Scope | None = None, override: bool = False) -> Scope:
    """The scope of a claim from its declaration items `(text, offset in the document)`.

    `base` holds shared names, which the items may replace. With `override` (inside a mistake) so may a
    definition. Raises LanguageError with spans in the document's text.
    """
    scope = base.copy() if base else Scope()
    lines = [line for text, offset in items for line in split_lines(text, offset)]
    if len(lines) > MAX_DECLARATIONS:
        raise LanguageError(
            f"{len(lines)} declarations in one claim; the limit is {MAX_DECLARATIONS}",
            (lines[MAX_DECLARATIONS].offset, lines[MAX_DECLARATIONS].offset + 1),
            "split the claim",
        )
    own = _Own()
    for line in lines:
        if line.keyword:
            _keyword_setting(line, scope)
    for line in lines:
        if not line.keyword:
            with placed(line.formula_offset):
                _declare_names(line, scope, own, override)
    written: dict[int, Line] = {}
    for line in lines:
        read_formulas(line, scope)
        for premise in premises_of(scope):
            written.setdefault(id(premise), line)
    refuse_circles(scope, lines)
    refuse_growth(scope, lines[0].offset if lines else 0)
    _assume_domains_of_definitions(scope, own)
    if lines:
        refuse_tied_laws(scope, written, lines[0])
    return scope


def declared_keys(item: str, scope: Scope) -> list[str]:
    """The keys of `scope` that a declaration item declares or defines."""
    keys = []
    for line in split_lines(item, 0):
        if line.keyword or is_assumption(line.formula):
            continue
        left, _ = sides_of(line.formula.split("\\sim")[0])
        name = read_left_name(left, scope)
        names = [name] if name else read_names(left, scope) if left == line.formula else []
        for each in names:
            keys += [key for key in (each.key, each.key + "_{.}", each.base + "_{.}") if key in scope]
    return keys


@dataclass
class _Own:
    """What this list itself says: names given a kind, and names given a definition."""

    kinds: set[str] = field(default_factory=set)
    definitions: set[str] = field(default_factory=set)


def _keyword_setting(line: Line, scope: Scope) -> None:
    span = (line.offset, line.offset + len(line.text))
    if line.keyword == "dimension":
        words = line.words.strip().lower()
        if words in ("any", "d", "every d"):
            scope.dimension = "any"
        elif re.fullmatch(r"[123](\s*,\s*[123])*", words):
            scope.dimension = tuple(int(x) for x in words.split(","))
        else:
            raise LanguageError(f"dimensions are 'any' or a list of 1, 2, 3, not {words!r}", span)
    elif line.keyword == "space":
        reader = Reader(tokenize(line.formula), scope, len(line.formula))
        scope.space = reader.written_name().key


def _declare_names(line: Line, scope: Scope, own: _Own, override: bool) -> None:
    left, right = sides_of(line.formula)
    words = kinds_of(line)
    if right is not None:
        if {"relation", "equation", "sde"} & set(words) or "> 0" in line.formula or is_assumption(line.formula):
            return
        name = read_left_name(left, scope)
        if name is None:
            raise LanguageError(
                "the left side of a definition is one name or one function of names",
                (0, len(left)),
                "for a rule that may be used, add  : equation",
            )
        if name.key in own.definitions and not override:
            raise LanguageError(f"{latex_of_key(name.key)} is defined twice", (0, len(left)))
        _declare_defined(name, words, scope, own)
        return
    if is_assumption(line.formula):
        return
    if "\\sim" in line.formula:
        _declare_gaussian(line, scope, own)
        return
    if not line.words:
        raise LanguageError(
            "a name without a kind", (0, len(line.formula)), "say what it is: real, positive, vector, function ..."
        )
    for name in read_names(line.formula, scope, new=True):
        _declare_one(name, words, line, scope, own, override)


def _declare_defined(name: DeclaredName, words: list[str], scope: Scope, own: _Own) -> None:
    """Register the left side of a definition, keeping what is already declared about it."""
    old = scope.get(name.key)
    parameters = name.parameters or ()
    if old is not None and parameters and (old.signatures or old.density) and not words:
        conditional = "|" in name.signature
        new = Declaration(name.key, "function", "scalar", POSITIVE, parameters, conditional=conditional)
        if _overloaded(new, name, scope, own, defined=True):
            own.definitions.add(f"{name.key}({name.signature})")
            return
    if old is not None and old.signatures:
        raise LanguageError(f"{latex_of_key(name.key)} stands for several densities and cannot be defined", (0, 1))
    kind = "function" if parameters else "variable"
    if old is None or words:
        value, structure = declared_shape(words, (0, 1))
        if structure != GENERAL:
            raise LanguageError(
                f"{latex_of_key(name.key)} is defined: whether it is {structure} follows from its formula",
                (0, 1),
                "write : matrix",
            )
        value = value if words or old is None else old.value
        domain = domain_of(words) if words else REAL
        old = Declaration(name.key, kind, value, domain)
    if old.family and not parameters:
        parameters = old.parameters
    scope.put(
        dataclasses.replace(
            old,
            kind=kind,
            parameters=parameters or old.parameters,
            conditional="|" in name.signature or (old.conditional and not parameters),
            definition=None,
            root_of=None,
            mean=None,
            variance=None,
            law=None,
        )
    )
    own.definitions.add(name.key)


def _declare_gaussian(line: Line, scope: Scope, own: _Own) -> None:
    """`n \\sim \\mathcal{N}(0, \\sigma^2 I)`: a random name with that law."""
    left = line.formula.split("\\sim")[0]
    vector = bool(re.search(r"(?<![A-Za-z\\])I(?![A-Za-z])|\{I\}", line.formula.split("\\sim", 1)[1]))
    for name in read_names(left, scope):
        scope.put(Declaration(name.key, "random", "vector" if vector else "scalar", gaussian=True))
        own.kinds.add(name.key)


def _declare_one(name: DeclaredName, words: list[str], line: Line, scope: Scope, own: _Own, override: bool) -> None:
    shapes, domain, key = set(words), domain_of(words), name.key
    value, structure = declared_shape(words, (0, len(line.formula)))
    if "sequence" in shapes:
        key = (name.base if name.sub is None else key) + "_{.}"
        declaration = Declaration(key, "function", value, domain, ("__index__",), family=False)
        scope.put(Declaration("__index__", "variable", "scalar", INDEX))
    elif name.parameters is not None or shapes & {"function", "density", "family"}:
        declaration = _function(name, shapes, value, domain)
        if _overloaded(declaration, name, scope, own):
            return
        key = declaration.key
    elif "rademacher" in shapes:
        variance = Identity() if value == "vector" else Number("1")
        declaration = Declaration(key, "random", value, mean=Number("0"), variance=variance, rademacher=True)
    elif "random" in shapes:
        declaration = Declaration(key, "random", value)
    elif "wiener" in shapes:
        declaration = Declaration(key, "wiener", value)
    else:
        declaration = Declaration(key, "variable", value, domain)
    declaration = dataclasses.replace(declaration, structure=structure)
    if key in own.kinds and not override:
        raise LanguageError(f"{latex_of_key(key)} is declared twice", (0, len(line.formula)))
    scope.put(declaration)
    own.kinds.add(key)


def _function(name: DeclaredName, shapes: set[str], value: str, domain: str) -> Declaration:
    density = "density" in shapes
    domain = POSITIVE if density else domain
    parameters = name.parameters or ()
    if density and "," in name.signature.partition("|")[0]:
        first, *others = name.signature.partition("|")[0].split(",")
        raise LanguageError(
            f"is {latex_of_key(name.key)} a density of {', '.join(map(latex_of_key, [first, *others]))} together, "
            f"or of {latex_of_key(first)} alone?",
            (0, 1),
            f"of {latex_of_key(first)} alone: write a bar,  {latex_of_key(name.key)}({latex_of_key(first)}|"
            f"{','.join(map(latex_of_key, others))}) ; together: declare it a positive function",
        )
    if not parameters and "family" not in shapes:
        what = "density" if density else "function"
        raise LanguageError(
            f"{latex_of_key(name.key)} is declared a {what} without its argument",
            (0, 1),
            f"write - ${latex_of_key(name.key)}(x)$ : {what}",
        )
    if "family" in shapes and name.sub is not None:
        declaration = Declaration(name.base + "_{.}", "function", value, domain, (*parameters, name.sub), True, density)
    else:
        declaration = Declaration(name.key, "function", value, domain, parameters, False, density)
    return dataclasses.replace(declaration, conditional="|" in name.signature)


def _overloaded(
    new: Declaration, name: DeclaredName, scope: Scope, own: _Own, defined: bool = False
) -> bool:
    """A second declaration with other arguments makes both densities told apart by their arguments.

    With `defined`, so does a definition; one for arguments that are declared already replaces those.
    """
    old = scope.get(new.key)
    if old is None or new.key not in own.kinds or old.kind != "function" or not name.signature:
        return False
    if name.signature in (old.signatures or (_plain_signature(old),)):
        if defined and old.signatures:
            scope.put(dataclasses.replace(new, key=f"{new.key}({name.signature})"))
            return True
        return False
    if not old.signatures:
        first = _plain_signature(old)
        scope.put(dataclasses.replace(old, key=f"{old.key}({first})"))
        old = dataclasses.replace(old, signatures=(first,))
    scope.put(dataclasses.replace(old, signatures=(*old.signatures, name.signature)))
    scope.put(dataclasses.replace(new, key=f"{new.key}({name.signature})"))
    return True


def _plain_signature(declaration: Declaration) -> str:
    if declaration.conditional and len(declaration.parameters) > 1:
        return f"{declaration.parameters[0]}|{','.join(declaration.parameters[1:])}"
    return ",".join(declaration.parameters)


def _assume_domains_of_definitions(scope: Scope, own: _Own) -> None:
    """`- $y = x-1$ : positive` says that x-1 is positive: an assumption like any other."""
    for key in sorted(own.definitions):
        declaration = scope.declarations[key]
        if declaration.kind == "variable" and declaration.definition is not None:
            if declaration.domain in (POSITIVE, UNIT):
                scope.assumptions.append(Name(key))
            if declaration.domain == UNIT:
                scope.assumptions.append(Add((Number("1"), Negate(Name(key)))))
