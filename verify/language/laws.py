r"""Commands of probability: Gaussian densities, moments under a law, the Kullback-Leibler divergence."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from verify.language.names import canonical
from verify.language.operands import BAR, CLOSING, DOUBLE_BAR, font_word, skip_word
from verify.language.tokens import COMMAND, LETTER, SYMBOL, Token
from verify.language.tree import Call, Gaussian, KullbackLeibler, Moment, Name, Node

if TYPE_CHECKING:
    from verify.language.reader import Reader


def read_gaussian(reader: Reader, stops: tuple[str, ...]) -> Node:
    r"""`\mathcal{N}(x;\mu,\sigma^2 I)`, `\mathcal{N}(\mu,\sigma^2 I)`."""
    start = skip_word(reader)
    if not (reader.at(SYMBOL, "(") or reader.at(SYMBOL, "[")):
        raise reader.fail("\\mathcal{N} needs its arguments: \\mathcal{N}(x;\\mu,\\sigma^2 I)")
    closing = CLOSING[reader.advance().text]
    with reader.brackets():
        point, mean = None, reader.expression(stops=(BAR,))
        if reader.at_any(SYMBOL, ";|"):
            reader.advance()
            point, mean = mean, reader.expression()
        if not reader.at(SYMBOL, ","):
            raise reader.fail("\\mathcal{N} needs a mean and a covariance, separated by a comma")
        reader.advance()
        covariance = reader.expression()
    reader.expect(*closing)
    return Gaussian(point, mean, covariance, span=reader.span_from(start))


def moment_reader(kind: str) -> Callable[[Reader, tuple[str, ...]], Node]:
    r"""A reader of `\mathbb{E}[x]`, `\mathbb{E}_{x\sim p}[f(x)|y=c]`; `kind` is E, Var or Cov."""

    def read(reader: Reader, stops: tuple[str, ...]) -> Node:
        start = reader.advance().start if reader.token.kind == LETTER else skip_word(reader)
        laws: tuple[tuple[str, Node | None], ...] = ()
        if reader.at(SYMBOL, "_"):
            reader.advance()
            laws = _laws(reader, reader.group_tokens())
        if reader.at(COMMAND, "|") or (kind == "E" and _is_expectation(reader)):
            return Moment(kind, laws, reader.factor(stops), span=reader.span_from(start))
        closing = CLOSING.get(reader.token.text)
        if closing is None:
            raise reader.fail(f"{kind} needs brackets: {kind}[...]")
        reader.advance()
        with reader.brackets():
            body, given, value = reader.expression(stops=(BAR,)), None, None
            if reader.at(SYMBOL, "|"):
                reader.advance()
                given = reader.variable()
                if reader.at(SYMBOL, "="):
                    reader.advance()
                    value = reader.expression()
        reader.expect(*closing)
        return Moment(kind, laws, body, given, value, span=reader.span_from(start), enclosed=True)

    return read


def _is_expectation(reader: Reader) -> bool:
    r"""`\mathbb{E}_{x}\mathbb{E}_{y}[f]`: the inner expectation is all that the outer one can apply to."""
    return reader.token.kind == COMMAND and font_word(reader) == "E"


def _laws(reader: Reader, tokens: list[Token]) -> tuple[tuple[str, Node | None], ...]:
    r"""The subscript of an expectation: `x\sim p`, `q(x_0)`, or names whose law is declared."""
    inner = reader.inside(tokens)
    laws: list[tuple[str, Node | None]] = []
    while True:
        mark = inner.position
        key = inner.written_name().key
        if inner.at(COMMAND, "sim"):
            inner.advance()
            if key not in inner.scope:
                raise inner.fail(f"undeclared name {key}")
            laws.append((key, inner.factor()))
        elif inner.at(SYMBOL, "("):
            inner.position = mark
            density = inner.name()
            first = density.arguments[0] if isinstance(density, Call) and density.arguments else None
            if not isinstance(first, Name):
                raise inner.fail("the expectation's law must name its variable", suggestion="write x\\sim p(x)")
            laws.append((first.key, density))
        else:
            inner.position = mark
            key = inner.variable()
            if inner.scope.declarations[key].kind == "function":
                laws.append(_law_of_density(inner, key))
            else:
                laws.append((key, None))
        if not inner.at(SYMBOL, ","):
            inner.expect_end()
            return tuple(laws)
        inner.advance()


def _law_of_density(reader: Reader, key: str) -> tuple[str, Node | None]:
    r"""`\mathbb{E}_q` with `q(x)` declared as a density of one variable: that variable is meant."""
    declaration = reader.scope.declarations[key]
    if not declaration.density or len(declaration.parameters) != 1 or declaration.signatures:
        raise reader.fail(f"expectation over {key}: which variable?", suggestion=f"write x\\sim {key}")
    (variable,) = declaration.parameters
    return variable, Call(key, (Name(variable),))


def read_kl_word(reader: Reader, stops: tuple[str, ...]) -> Node:
    r"""`\mathrm{KL}(p\,\|\,q)`."""
    return _kullback_leibler(reader, skip_word(reader))


def read_kl_letter(reader: Reader) -> Node | None:
    r"""`D_{\mathrm{KL}}(p\|q)`, `KL(p\|q)`; None when these letters are something else."""
    mark, start = reader.position, reader.token.start
    letters = reader.at(LETTER, "K") and reader.at(LETTER, "L", 1) and reader.peek(2).text in ("(", "[")
    if letters and "K" not in reader.scope and "L" not in reader.scope:
        reader.position += 2
        return _kullback_leibler(reader, start)
    if reader.at(LETTER, "D") and reader.at(SYMBOL, "_", 1):
        reader.position += 2
        if canonical(reader.group_tokens()) == "KL":
            return _kullback_leibler(reader, start)
        reader.position = mark
    return None


def read_plain_expectation(reader: Reader, stops: tuple[str, ...]) -> Node | None:
    r"""`E_{x\sim p}[f(x)]`, `E[x]` in italics, where no E is declared; None when this E is something else."""
    after = reader.peek(1)
    known = any(d.key == "E" or d.key.startswith(("E_", "E(")) for d in reader.scope)
    if known or not reader.at(LETTER, "E") or after.kind != SYMBOL or after.text not in "[_":
        return None
    mark = reader.position
    reader.advance()
    if reader.at(SYMBOL, "_"):
        reader.advance()
        reader.group_tokens()
    bracket = reader.at(SYMBOL, "[")
    reader.position = mark
    if not bracket:
        return None
    return moment_reader("E")(reader, stops)


def _kullback_leibler(reader: Reader, start: int) -> Node:
    if reader.token.text not in "([" or reader.token.kind != SYMBOL:
        raise reader.fail("D_{KL} needs brackets: D_{\\mathrm{KL}}(p\\,\\|\\,q)")
    closing = CLOSING[reader.advance().text]
    first = reader.expression(stops=(DOUBLE_BAR,))
    reader.expect(COMMAND, "|")
    second = reader.expression()
    reader.expect(*closing)
    return KullbackLeibler(first, second, span=reader.span_from(start), enclosed=True)
