r"""Declaration lines to a scope: `- $\sigma, \sigma_{\mathrm{data}}$ : positive`.

One line declares names with a kind, defines a name, ties two names, or states an assumption. All lines
of a claim are read together: first the names, then the formulas, so that their order does not matter.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass, field

from verify.language.chain import _pieces
from verify.language.errors import LanguageError
from verify.language.names import canonical, check_key, latex_of_key
from verify.language.reader import Reader, read_formula
from verify.language.scope import INDEX, INTEGER, NONNEGATIVE, POSITIVE, REAL, UNIT, Declaration, Scope
from verify.language.tokens import SYMBOL, tokenize
from verify.language.tree import Add, Call, Gaussian, Identity, Name, Negate, Node, Number, Power

MAX_DECLARATIONS = 200
KEYWORDS = ("boundary", "joint", "instance", "space", "dimensions", "dimension")
_DOMAINS = {
    "real": REAL,
    "number": REAL,
    "scalar": REAL,
    "nonnegative": NONNEGATIVE,
    "non-negative": NONNEGATIVE,
    "positive": POSITIVE,
    "(0,1)": UNIT,
    "unit": UNIT,
    "integer": INTEGER,
    "index": INDEX,
    "count": INDEX,
}
_FILLERS = frozenset(
    """
    a an the of in with and values value numbers number from to mean variance covariance
    """.split()
)
_SHAPES = frozenset(
    """
    vector function density family sequence random wiener relation equation sde vectors
    """.split()
)


@dataclass
class Line:
    """One declaration as written: where it begins in the document, its formula and its words."""

    text: str
    offset: int
    keyword: str = ""
    formula: str = ""
    formula_offset: int = 0
    words: str = ""
    inner: tuple[tuple[str, int], ...] = ()  # formulas among the words: mean, variance, range


def is_declaration(item: str) -> bool:
    """Is a Markdown list item a declaration?"""
    return item.startswith("$") or re.match(rf"(?:{'|'.join(KEYWORDS)})\s*:", item) is not None


def declare(items: list[tuple[str, int]], base: Scope | None = None, override: bool = False) -> Scope:
    """The scope of a claim from its declaration items `(text, offset in the document)`.

    `base` holds shared names, which the items may replace. With `override` (inside a mistake) so may a
    definition. Raises LanguageError with spans in the document's text.
    """
    scope = base.copy() if base else Scope()
    lines = [line for text, offset in items for line in _lines(text, offset)]
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
            with _placed(line.formula_offset):
                _declare_names(line, scope, own, override)
    for line in lines:
        _read_formulas(line, scope)
    _refuse_circles(scope, lines)
    _assume_domains_of_definitions(scope, own)
    return scope


def _assume_domains_of_definitions(scope: Scope, own: _Own) -> None:
    """`- $y = x-1$ : positive` says that x-1 is positive: an assumption like any other."""
    for key in sorted(own.definitions):
        declaration = scope.declarations[key]
        if declaration.kind == "variable" and declaration.definition is not None:
            if declaration.domain in (POSITIVE, UNIT):
                scope.assumptions.append(Name(key))
            if declaration.domain == UNIT:
                scope.assumptions.append(Add((Number("1"), Negate(Name(key)))))


def declared_keys(item: str, scope: Scope) -> list[str]:
    """The keys of `scope` that a declaration item declares or defines."""
    keys = []
    for line in _lines(item, 0):
        if line.keyword or _is_assumption(line.formula):
            continue
        left, _ = _sides(line.formula.split("\\sim")[0])
        name = _left_name(left, scope)
        names = [name] if name else _names(left, scope) if left == line.formula else []
        for each in names:
            keys += [key for key in (each.key, each.key + "_{.}", each.base + "_{.}") if key in scope]
    return keys


@dataclass
class _Own:
    """What this list itself says: names given a kind, and names given a definition."""

    kinds: set[str] = field(default_factory=set)
    definitions: set[str] = field(default_factory=set)


class _placed:
    """Moves the span of a LanguageError by the offset of the piece it was raised in."""

    def __init__(self, offset: int) -> None:
        self.offset = offset

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, LanguageError) and not error.line:
            error.span = (error.span[0] + self.offset, error.span[1] + self.offset)


# ---------------------------------------------------------------- lines


def _lines(text: str, offset: int) -> list[Line]:
    """Split an item at `;` outside formulas, then each part into formula and words."""
    out, start = [], 0
    formula = False
    for position, char in enumerate(text + ";"):
        if char == "$":
            formula = not formula
        elif char == ";" and not formula:
            part = text[start:position]
            if part.strip():
                lead = len(part) - len(part.lstrip())
                out.append(_line(part.strip(), offset + start + lead))
            start = position + 1
    if formula:
        raise LanguageError("a $ without its partner", (offset, offset + len(text)))
    return out


def _line(text: str, offset: int) -> Line:
    line = Line(text, offset)
    keyword = re.match(rf"({'|'.join(KEYWORDS)})\s*:\s*", text)
    body, at = text, offset
    if keyword:
        line.keyword = keyword[1].replace("dimensions", "dimension")
        body, at = text[keyword.end() :], offset + keyword.end()
    pieces = re.split(r"\$([^$]*)\$", body)
    if line.keyword == "dimension":
        line.words = body
        return line
    if len(pieces) < 2 or pieces[0].strip():
        raise LanguageError(
            "a declaration begins with a formula in $...$",
            (offset, offset + len(text)),
            "for example: - $\\sigma$ : positive",
        )
    line.formula, line.formula_offset = pieces[1], at + len(pieces[0]) + 1
    cursor = line.formula_offset + len(pieces[1]) + 1
    words, inner = [], []
    for number, piece in enumerate(pieces[2:]):
        if number % 2:
            inner.append((piece, cursor + 1))
            cursor += len(piece) + 2
        else:
            words.append(piece)
            cursor += len(piece)
    rest = " # ".join(words).strip().rstrip(".,")
    if rest and not rest.startswith(":"):
        after = line.formula_offset + len(line.formula) + 1
        raise LanguageError("expected ':' after the formula", (after, max(after, cursor)), "write - $name$ : kind")
    line.words = re.sub(r"\s+", " ", rest.removeprefix(":").strip()).lower()
    line.inner = tuple(inner)
    return line


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


# ---------------------------------------------------------------- names


@dataclass
class _Declared:
    base: str
    sub: str | None
    label: str | None
    parameters: tuple[str, ...] | None
    signature: str

    @property
    def key(self) -> str:
        key = self.base if self.sub is None else f"{self.base}_{{{self.sub}}}"
        return key if self.label is None else f"{key}^{{{self.label}}}"


def _names(text: str, scope: Scope) -> list[_Declared]:
    """`\\sigma, D(x;\\sigma), p_t(x)`: the names in a declaration."""
    reader = Reader(tokenize(text), scope, len(text))
    out = []
    while True:
        out.append(_one_name(reader))
        if not reader.at(SYMBOL, ","):
            reader.expect_end()
            return out
        reader.advance()


def _one_name(reader: Reader) -> _Declared:
    start = reader.token.start
    written = reader.written_name()
    label, parameters, signature = None, None, ""
    if reader.at(SYMBOL, "^"):
        reader.advance()
        label = canonical(reader.group_tokens())
    if reader.at(SYMBOL, "("):
        reader.advance()
        names = []
        while True:
            key = reader.written_name().key
            names.append(key)
            signature += key
            if reader.token.kind == SYMBOL and reader.token.text in ",;|":
                signature += "|" if reader.advance().text == "|" else ","
                continue
            reader.expect(SYMBOL, ")")
            break
        parameters = tuple(names)
    declared = _Declared(written.base, written.sub, label, parameters, signature)
    check_key(declared.key, reader.span_from(start))
    return declared


def _left_name(text: str, scope: Scope) -> _Declared | None:
    """The name that a definition defines, None when its left side is something else."""
    try:
        names = _names(text, scope)
    except LanguageError:
        return None
    return _of_sequence(names[0], scope) if len(names) == 1 else None


def _of_sequence(name: _Declared, scope: Scope) -> _Declared:
    """`t_i` on the left of a definition, with `t` a sequence and `i` a name: every member is defined."""
    sequence = scope.get(f"{name.base}_{{.}}")
    if sequence is None or sequence.family or name.parameters is not None:
        return name
    if name.sub is None or name.sub not in scope:
        return name
    return dataclasses.replace(name, sub=".", parameters=(name.sub,))


def _declare_names(line: Line, scope: Scope, own: _Own, override: bool) -> None:
    left, right = _sides(line.formula)
    words = _words(line)
    if right is not None:
        if {"relation", "equation", "sde"} & set(words) or "> 0" in line.formula or _is_assumption(line.formula):
            return
        name = _left_name(left, scope)
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
    if _is_assumption(line.formula):
        return
    if "\\sim" in line.formula:
        _declare_gaussian(line, scope, own)
        return
    if not line.words:
        raise LanguageError(
            "a name without a kind", (0, len(line.formula)), "say what it is: real, positive, vector, function ..."
        )
    for name in _names(line.formula, scope):
        _declare_one(name, words, line, scope, own, override)


def _words(line: Line) -> list[str]:
    words = re.findall(r"\(0,\s*1\)|[a-z-]+", line.words)
    out = []
    for word in words:
        word = word.replace(" ", "")
        if word in _FILLERS and word != "number":
            continue
        if word not in _DOMAINS and word not in _SHAPES and word != "#":
            span_start = line.offset - line.formula_offset
            raise LanguageError(
                f"unknown kind {word!r}",
                (span_start, span_start + len(line.text)),
                "kinds: real, positive, nonnegative, (0,1), integer, index, count, vector, function, "
                "density, family, sequence, random, Wiener, relation, equation, SDE",
            )
        out.append(word.removesuffix("s") if word == "vectors" else word)
    return out


def _domain(words: list[str]) -> str:
    return next((_DOMAINS[w] for w in words if w in _DOMAINS), REAL)


def _declare_defined(name: _Declared, words: list[str], scope: Scope, own: _Own) -> None:
    """Register the left side of a definition, keeping what is already declared about it."""
    old = scope.get(name.key)
    parameters = name.parameters or ()
    if old is not None and old.signatures:
        raise LanguageError(f"{latex_of_key(name.key)} stands for several densities and cannot be defined", (0, 1))
    kind = "function" if parameters else "variable"
    if old is None or words:
        value = "vector" if "vector" in words else (old.value if old else "scalar")
        domain = _domain(words) if words else REAL
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
    for name in _names(left, scope):
        scope.put(Declaration(name.key, "random", "vector" if vector else "scalar", gaussian=True))
        own.kinds.add(name.key)


def _declare_one(name: _Declared, words: list[str], line: Line, scope: Scope, own: _Own, override: bool) -> None:
    shapes, domain, key = set(words), _domain(words), name.key
    value = "vector" if "vector" in shapes else "scalar"
    if "sequence" in shapes:
        key = (name.base if name.sub is None else key) + "_{.}"
        declaration = Declaration(key, "function", value, domain, ("__index__",), family=False)
        scope.put(Declaration("__index__", "variable", "scalar", INDEX))
    elif name.parameters is not None or shapes & {"function", "density", "family"}:
        declaration = _function(name, shapes, value, domain)
        if _overloaded(declaration, name, scope, own):
            return
        key = declaration.key
    elif "random" in shapes:
        declaration = Declaration(key, "random", value)
    elif "wiener" in shapes:
        declaration = Declaration(key, "wiener", value)
    else:
        declaration = Declaration(key, "variable", value, domain)
    if key in own.kinds and not override:
        raise LanguageError(f"{latex_of_key(key)} is declared twice", (0, len(line.formula)))
    scope.put(declaration)
    own.kinds.add(key)


def _function(name: _Declared, shapes: set[str], value: str, domain: str) -> Declaration:
    density = "density" in shapes
    domain = POSITIVE if density else domain
    parameters = name.parameters or ()
    if "family" in shapes and name.sub is not None:
        declaration = Declaration(name.base + "_{.}", "function", value, domain, (*parameters, name.sub), True, density)
    else:
        declaration = Declaration(name.key, "function", value, domain, parameters, False, density)
    return dataclasses.replace(declaration, conditional="|" in name.signature)


def _overloaded(new: Declaration, name: _Declared, scope: Scope, own: _Own) -> bool:
    """A second declaration with other arguments makes both densities told apart by their arguments."""
    old = scope.get(new.key)
    if old is None or new.key not in own.kinds or old.kind != "function" or not name.signature:
        return False
    if name.signature in (old.signatures or (_plain_signature(old),)):
        return False
    if not old.signatures:
        first = _plain_signature(old)
        scope.put(dataclasses.replace(old, key=f"{old.key}({first})"))
        old = dataclasses.replace(old, signatures=(first,))
    scope.put(dataclasses.replace(old, signatures=(*old.signatures, name.signature)))
    scope.put(dataclasses.replace(new, key=f"{new.key}({name.signature})"))
    return True


def _plain_signature(declaration: Declaration) -> str:
    return ",".join(declaration.parameters)


# ---------------------------------------------------------------- formulas


def _sides(formula: str) -> tuple[str, str | None]:
    """Left and right of a top-level `=`; right None when there is none."""
    pieces = _pieces(formula, 0, len(formula))
    if len(pieces) < 2 or pieces[1].relation != "=":
        return formula, None
    return formula[: pieces[0].end], formula[pieces[1].start :]


def _is_assumption(formula: str) -> bool:
    pieces = _pieces(formula, 0, len(formula))
    return len(pieces) == 2 and pieces[1].relation in ("<", ">")


def _read(text: str, offset: int, scope: Scope) -> Node:
    with _placed(offset):
        return read_formula(text, scope)


def _read_formulas(line: Line, scope: Scope) -> None:
    words = set(_words(line)) if not line.keyword else set()
    left, right = _sides(line.formula)
    at = line.formula_offset
    right_at = at + len(line.formula) - len(right) if right is not None else at
    if line.keyword in ("joint", "instance", "boundary"):
        _keyword_formula(line, scope, left, right, right_at)
    elif line.keyword:
        return
    elif _is_assumption(line.formula):
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
        name = _left_name(left, scope)
        assert name is not None  # checked when it was declared
        scope.put(dataclasses.replace(_defined(name, scope), definition=_read(right, right_at, scope)))


def _defined(name: _Declared, scope: Scope) -> Declaration:
    return scope.declarations[name.key]


def _read_stochastic(text: str, offset: int, scope: Scope, key: str) -> Node:
    probe = scope.copy()
    probe.sde[key] = Identity()
    return _read(text, offset, probe)


def _keyword_formula(line: Line, scope: Scope, left: str, right: str | None, right_at: int) -> None:
    at = line.formula_offset
    if line.keyword == "boundary":
        scope.boundary.append(_read(line.formula, at, scope))
    elif line.keyword == "joint":
        name, sign, density = line.formula.partition("\\sim")
        if not sign:
            raise LanguageError("a joint density reads  joint: $x_0 \\sim ...$", (at, at + len(line.formula)))
        with _placed(at):
            key = _names(name, scope)[0].key
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
        for name in _names(names, scope):
            scope.put(
                dataclasses.replace(scope.declarations[name.key], mean=node.mean, variance=node.covariance, law=node)
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
    for name in _names(line.formula, scope):
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


def _refuse_circles(scope: Scope, lines: list[Line]) -> None:
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
