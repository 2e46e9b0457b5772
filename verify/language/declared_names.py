r"""Names as a declaration writes them: `\sigma, D(x;\sigma), p_t(x)`."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from verify.language.errors import LanguageError
from verify.language.names import canonical, check_key
from verify.language.reader import Reader
from verify.language.scope import Scope
from verify.language.tokens import SYMBOL, tokenize


@dataclass
class DeclaredName:
    r"""`p_t^{\star}(x|c)`: base `p`, sub `t`, label `\star`, parameters `x`, `c`, signature `x|c`."""

    base: str
    sub: str | None
    label: str | None
    parameters: tuple[str, ...] | None
    signature: str

    @property
    def key(self) -> str:
        """The key under which the scope holds the name."""
        key = self.base if self.sub is None else f"{self.base}_{{{self.sub}}}"
        return key if self.label is None else f"{key}^{{{self.label}}}"


def read_names(text: str, scope: Scope, new: bool = False) -> list[DeclaredName]:
    r"""`\sigma, D(x;\sigma), p_t(x)`: the names in a declaration. With `new` also steps: `\Delta t`."""
    reader = Reader(tokenize(text), scope, len(text))
    reader.declaring = new
    out = []
    while True:
        out.append(_one_name(reader))
        if not reader.at(SYMBOL, ","):
            reader.expect_end()
            return out
        reader.advance()


def _one_name(reader: Reader) -> DeclaredName:
    start = reader.token.start
    written = reader.written_name()
    label, parameters, signature = None, None, ""
    if reader.at(SYMBOL, "'"):
        label = reader.primes()
    elif reader.at(SYMBOL, "^"):
        reader.advance()
        label = canonical(reader.group_tokens())
    if reader.at(SYMBOL, "("):
        reader.advance()
        names = []
        while True:
            key = _parameter(reader)
            names.append(key)
            signature += key
            if reader.token.kind == SYMBOL and reader.token.text in ",;|":
                signature += "|" if reader.advance().text == "|" else ","
                continue
            reader.expect(SYMBOL, ")")
            break
        parameters = tuple(names)
    declared = DeclaredName(written.base, written.sub, label, parameters, signature)
    check_key(declared.key, reader.span_from(start))
    return declared


def _parameter(reader: Reader) -> str:
    """The key of an argument of a declared function."""
    key = reader.written_name().key
    return f"{key}^{{{reader.primes()}}}" if reader.at(SYMBOL, "'") else key


def read_left_name(text: str, scope: Scope) -> DeclaredName | None:
    """The name that a definition defines, None when its left side is something else."""
    try:
        names = read_names(text, scope)
    except LanguageError:
        return None
    return _of_sequence(names[0], scope) if len(names) == 1 else None


def _of_sequence(name: DeclaredName, scope: Scope) -> DeclaredName:
    """`t_i` on the left of a definition, with `t` a sequence and `i` a name: every member is defined."""
    sequence = scope.get(f"{name.base}_{{.}}")
    if sequence is None or sequence.family or name.parameters is not None:
        return name
    if name.sub is None or name.sub not in scope:
        return name
    return dataclasses.replace(name, sub=".", parameters=(name.sub,))
