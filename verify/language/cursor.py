"""A place in a list of tokens: looking ahead, stepping on, groups, written names, errors with their place."""

from __future__ import annotations

from collections.abc import Sequence

from verify.language.errors import LanguageError
from verify.language.names import ACCENTS, FONTS, GREEK, UPRIGHT, WrittenName, canonical
from verify.language.scope import Scope
from verify.language.tokens import COMMAND, END, LETTER, NUMBER, SYMBOL, Token
from verify.language.tree import Span

MAX_DEPTH = 60
MAX_ACCENTS = 3
_STEPS = frozenset(["Delta", "delta"])


class Cursor:
    """Reads tokens one after another. Knows which names are declared, but no grammar of expressions."""

    def __init__(self, tokens: Sequence[Token], scope: Scope, length: int, depth: int = 0) -> None:
        end = tokens[-1].end if tokens else length
        self.tokens = [*tokens, Token(END, "", end, end + 1)]
        self.scope = scope
        self.position = 0
        self.depth = depth
        self.declaring = False  # may a step such as \\Delta t be named here for the first time?
        if depth > MAX_DEPTH:
            raise self.too_deep()

    @property
    def token(self) -> Token:
        return self.tokens[self.position]

    def peek(self, ahead: int) -> Token:
        at = self.position + ahead
        return self.tokens[at] if at < len(self.tokens) else self.tokens[-1]

    def at(self, kind: str, text: str, ahead: int = 0) -> bool:
        at = self.position + ahead
        token = self.tokens[at if at < len(self.tokens) else -1]
        return token.text == text and token.kind == kind

    def at_any(self, kind: str, texts: str | frozenset[str]) -> bool:
        """Is the token here of this kind and among `texts`?"""
        return self.token.kind == kind and self.token.text in texts

    def advance(self) -> Token:
        """The token here, stepping over it; the end stays where it is."""
        token = self.token
        if token.kind != END:
            self.position += 1
        return token

    def expect(self, kind: str, text: str) -> Token:
        if not self.at(kind, text):
            wanted = f"\\{text}" if kind == COMMAND else repr(text)
            raise self.fail(f"expected {wanted}, found {self.shown(self.token)}")
        return self.advance()

    def span_from(self, start: int) -> Span:
        return (start, self.tokens[self.position - 1].end if self.position else start)

    # ------------------------------------------------------------ errors

    def fail(self, message: str, span: Span | None = None, suggestion: str = "") -> LanguageError:
        return LanguageError(message, span or (self.token.start, self.token.end), suggestion)

    def too_deep(self) -> LanguageError:
        return self.fail(f"nested more than {MAX_DEPTH} levels deep", suggestion="name a part of it")

    @staticmethod
    def shown(token: Token) -> str:
        if token.kind == END:
            return "the end of the formula"
        return f"\\{token.text}" if token.kind == COMMAND else repr(token.text)

    def expect_end(self) -> None:
        """Refuse what is left over, by its name."""
        token = self.token
        if token.kind == END:
            return
        if token.is_(SYMBOL, ","):
            raise self.fail(
                "a comma at top level: are these several statements?",
                suggestion="give each statement a chain of its own",
            )
        if token.is_(COMMAND, "text"):
            raise self.fail("words inside a formula", suggestion="put them after && as the reason, or outside")
        if token.is_(SYMBOL, "|"):
            raise self.fail("a bar that nothing opens", suggestion="for a value at a point write f(0)")
        if token.text in ")]}":
            raise self.fail(f"unbalanced {token.text!r}: nothing opens it")
        raise self.fail(f"unexpected {self.shown(token)}")

    # ------------------------------------------------------------ groups

    def group_tokens(self) -> list[Token]:
        """The tokens of a `{...}` group, or of the one token (with its argument) that TeX would take."""
        fonts = []
        while self.token.kind == COMMAND and (self.token.text in FONTS or self.token.text in ACCENTS):
            fonts.append(self.advance())
        first = self.token
        if first.kind == END:
            raise self.fail("the formula ends where a group is expected")
        if first.kind == NUMBER and len(first.text) > 1:
            raise self.long_number()
        if first.kind == SYMBOL and first.text in "_^}&'":
            raise self.fail(f"expected a group in braces, found {self.shown(first)}")
        self.advance()
        if not first.is_(SYMBOL, "{"):
            return [*fonts, first]
        begin, depth = self.position, 1
        while depth:
            token = self.advance()
            if token.kind == END:
                raise self.fail("unbalanced {: the group is never closed", (first.start, first.end))
            depth += token.is_(SYMBOL, "{") - token.is_(SYMBOL, "}")
        inside = self.tokens[begin : self.position - 1]
        return [*fonts, first, *inside, self.tokens[self.position - 1]] if fonts else inside

    def long_number(self) -> LanguageError:
        number = self.token.text
        return self.fail(
            f"TeX takes only the first digit of {number} here", suggestion=f"put the number in braces: {{{number}}}"
        )

    # ------------------------------------------------------------ names

    def written_name(self) -> WrittenName:
        """The name that begins here: accents, base and subscript."""
        base, sub, tokens = self._base()
        if sub is None:
            self.subscript_first()
        if self.at(SYMBOL, "_"):
            if sub is not None:
                raise self.fail("a second subscript")
            start = self.advance().start
            tokens = tuple(self.group_tokens())
            sub = canonical(tokens)
            if not sub:
                raise self.fail("an empty subscript", self.span_from(start))
        return WrittenName(base, sub, tokens)

    def primes(self) -> str:
        r"""The primes here as the label that they are: `x'` is `x^{\prime}`."""
        count = 0
        while self.at(SYMBOL, "'"):
            self.advance()
            count += 1
        return "\\prime" * count

    def subscript_first(self) -> None:
        """TeX sets `x^2_t` and `x_t^2`, `f'_t` and `f_t'` alike: put the subscript first."""
        begin = self.position
        while self.at(SYMBOL, "'"):
            self.advance()
        if self.at(SYMBOL, "^"):
            self.advance()
            self.group_tokens()
        middle = self.position
        if middle > begin and self.at(SYMBOL, "_"):
            self.advance()
            self.group_tokens()
            end = self.position
            self.tokens[begin:end] = self.tokens[middle:end] + self.tokens[begin:middle]
        self.position = begin

    def _step(self) -> str:
        r"""The base of a declared step such as `\Delta t`, which is one name; '' when none begins here."""
        if not self.at_any(COMMAND, _STEPS):
            return ""
        mark, sign = self.position, self.advance().text
        token = self.token
        single = token.kind == LETTER or (token.kind == COMMAND and token.text in GREEK)
        base = ""
        if single or self.at(SYMBOL, "{"):
            base = f"\\{sign}{{{canonical(self.group_tokens())}}}"
        keys = (f"{base}_", f"{base}^")
        known = any(d.key == base or d.key.startswith(keys) for d in self.scope)
        if not base or not (known or (self.declaring and single)):
            self.position = mark
            return ""
        return base

    def _base(self, accents: int = 0) -> tuple[str, str | None, tuple[Token, ...]]:
        token = self.token
        if token.kind == LETTER:
            self.advance()
            return token.text, None, ()
        if step := self._step():
            return step, None, ()
        if token.kind == COMMAND and token.text in GREEK:
            self.advance()
            return "\\" + token.text, None, ()
        if token.kind == COMMAND and token.text in FONTS:
            self.advance()
            inner = canonical(self.group_tokens())
            upright_word = token.text in UPRIGHT and len(inner) > 1
            return (inner if upright_word else f"\\{token.text}{{{inner}}}"), None, ()
        if token.kind == COMMAND and token.text in ACCENTS:
            if accents >= MAX_ACCENTS:
                raise self.fail(f"more than {MAX_ACCENTS} accents on one name")
            self.advance()
            if not self.at(SYMBOL, "{"):
                base, sub, tokens = self._base(accents + 1)
                return f"\\{token.text}{{{base}}}", sub, tokens
            inner_cursor = Cursor(self.group_tokens(), self.scope, self.token.start, self.depth + 1)
            written = inner_cursor.written_name()
            inner_cursor.expect_end()
            return f"\\{token.text}{{{written.base}}}", written.sub, written.sub_tokens
        raise self.fail(f"a name is expected, found {self.shown(token)}")
