r"""Strict LaTeX reader: formula text to typed tree. Nothing is guessed.

Every name must be declared in the scope, and an ambiguous juxtaposition is an error that says how to
write it. This module holds the expression grammar (sums, products, powers, brackets, names, calls);
`verify.language.operators` holds the constructs that begin with a command (fractions, derivatives,
integrals, expectations).

    expression = [+|-] term {(+|-) term}
    term       = factor {[\cdot|\times|*|/] factor}
    factor     = atom {^ group | '}
"""

from __future__ import annotations

from collections.abc import Sequence

from verify.language.errors import LanguageError
from verify.language.names import (
    ACCENTS,
    FONTS,
    GREEK,
    LABELS,
    UPRIGHT,
    WrittenName,
    canonical,
    latex_of_key,
    starts_name,
)
from verify.language.scope import Declaration, Scope
from verify.language.tokens import COMMAND, END, LETTER, NUMBER, SYMBOL, Token, tokenize
from verify.language.tree import (
    Absolute,
    Add,
    Call,
    Constant,
    Differential,
    Divide,
    DotProduct,
    Dotted,
    Function,
    Identity,
    Multiply,
    Name,
    Negate,
    Node,
    Number,
    Power,
    Primed,
    Span,
    Transpose,
)

MAX_DEPTH = 60

# Commands that end a factor rather than begin one.
_NOT_A_FACTOR = frozenset(
    """
    } rangle sim propto approx le ge leq geq leqslant geqslant neq tag label to top cdot times equiv
    over in Rightarrow implies Leftrightarrow iff
    """.split()
)
_OPEN = {"(": ")", "[": "]", "{": "}"}

BAR, DOUBLE_BAR = "|", "\\|"  # what a bracket may have to stop at


def read_formula(text: str, scope: Scope) -> Node:
    """The tree of one formula (no relation sign in it).

    Raises LanguageError with a span in `text`.
    """
    reader = Reader(tokenize(text), scope, len(text))
    node = reader.expression()
    reader.expect_end()
    return node


class Reader:
    """A recursive-descent reader over tokens. `scope` gives every name its kind."""

    def __init__(self, tokens: Sequence[Token], scope: Scope, length: int, depth: int = 0) -> None:
        self.tokens = list(tokens)
        self.scope = scope
        self.length = length
        self.position = 0
        self.depth = depth
        self.open_integrals = 0
        # Differentials of Ito calculus exist only where a stochastic process is declared.
        self.stochastic = bool(scope.sde) or any(d.kind == "wiener" for d in scope)

    # ------------------------------------------------------------ tokens

    @property
    def token(self) -> Token:
        return self.peek(0)

    def peek(self, ahead: int) -> Token:
        at = self.position + ahead
        if at < len(self.tokens):
            return self.tokens[at]
        end = self.tokens[-1].end if self.tokens else self.length
        return Token(END, "", end, end + 1)

    def at(self, kind: str, text: str, ahead: int = 0) -> bool:
        return self.peek(ahead).is_(kind, text)

    def advance(self) -> Token:
        token = self.token
        self.position += 1
        return token

    def fail(self, message: str, span: Span | None = None, suggestion: str = "") -> LanguageError:
        return LanguageError(message, span or (self.token.start, self.token.end), suggestion)

    def expect(self, kind: str, text: str) -> Token:
        if not self.at(kind, text):
            raise self.fail(f"expected {text!r}, found {self._shown(self.token)}")
        return self.advance()

    def expect_end(self) -> None:
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
        if token.text in ")]}":
            raise self.fail(f"unbalanced {token.text!r}: nothing opens it")
        raise self.fail(f"unexpected {self._shown(token)}")

    def span_from(self, start: int) -> Span:
        return (start, self.tokens[self.position - 1].end if self.position else start)

    @staticmethod
    def _shown(token: Token) -> str:
        if token.kind == END:
            return "the end of the formula"
        return f"\\{token.text}" if token.kind == COMMAND else repr(token.text)

    def group_tokens(self) -> list[Token]:
        """The tokens of a `{...}` group, or of the one token (with its argument) that TeX would take."""
        first = self.advance()
        if first.kind == END:
            raise self.fail("the formula ends where a group is expected")
        if not first.is_(SYMBOL, "{"):
            if first.kind == COMMAND and (first.text in FONTS or first.text in ACCENTS):
                return [first, *self.group_tokens()]
            return [first]
        depth, out = 1, []
        while True:
            token = self.advance()
            if token.kind == END:
                raise self.fail("unbalanced {: the group is never closed", (first.start, first.end))
            depth += token.is_(SYMBOL, "{") - token.is_(SYMBOL, "}")
            if depth == 0:
                return out
            out.append(token)

    def sub_reader(self, tokens: list[Token]) -> Reader:
        """A reader for the inside of a group, at the same depth."""
        end = tokens[-1].end if tokens else self.token.start
        return Reader(tokens, self.scope, end, self.depth + 1)

    # ------------------------------------------------------------ expressions

    def expression(self, stops: tuple[str, ...] = ()) -> Node:
        """A sum of terms, up to something that cannot continue it or a token named in `stops`."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.fail(f"nested more than {MAX_DEPTH} levels deep", suggestion="name a part of it")
        start, terms, minus = self.token.start, [], False
        if self.token.kind == SYMBOL and self.token.text in "+-":
            minus = self.advance().text == "-"
        while True:
            term = self.term(stops)
            terms.append(Negate(term, span=term.span) if minus else term)
            if not (self.token.kind == SYMBOL and self.token.text in "+-"):
                break
            minus = self.advance().text == "-"
        self.depth -= 1
        return terms[0] if len(terms) == 1 else Add(tuple(terms), span=self.span_from(start))

    def term(self, stops: tuple[str, ...] = ()) -> Node:
        start = self.token.start
        factors = [self.factor(stops)]
        dangling = _dangling(factors[0])
        while True:
            if self.at(COMMAND, "cdot") or self.at(COMMAND, "times") or self.at(SYMBOL, "*"):
                operator = self.advance().text
                right = self.factor(stops)
                dangling = _dangling(right)
                if operator == "cdot":
                    right = DotProduct(factors.pop(), right, span=self.span_from(start))
                factors.append(right)
            elif self.at(SYMBOL, "/"):
                self.advance()
                below = self.factor(stops)
                if self.continues(stops):
                    raise self.fail(
                        "ambiguous a/b c: is c above or below the line?",
                        suggestion="write \\frac{...}{...} or use brackets",
                    )
                above = factors[0] if len(factors) == 1 else Multiply(tuple(factors), span=self.span_from(start))
                factors, dangling = [Divide(above, below, span=self.span_from(start))], _dangling(below)
            elif self.continues(stops):
                if dangling and not self.differential_length():
                    raise self.fail(
                        f"ambiguous: does {dangling} apply to what follows?",
                        suggestion="add brackets, or put the other factor first",
                    )
                factors.append(self.factor(stops))
                dangling = _dangling(factors[-1])
            else:
                break
        return factors[0] if len(factors) == 1 else Multiply(tuple(factors), span=self.span_from(start))

    def continues(self, stops: tuple[str, ...]) -> bool:
        """Does another factor begin here?"""
        token = self.token
        if token.kind == END or (self.open_integrals and self.differential_length()):
            return False
        if token.kind == SYMBOL:
            return token.text in "([{" or (token.text == "|" and BAR not in stops)
        if token.kind == COMMAND:
            if token.text == "|":
                return DOUBLE_BAR not in stops
            if token.text in ("text", "label", "tag", "begin", "end"):
                return False
            return token.text not in _NOT_A_FACTOR
        return True

    def factor(self, stops: tuple[str, ...] = ()) -> Node:
        from verify.language.operators import skip_norm_subscript

        node = self.atom(stops)
        start = node.span[0]
        skip_norm_subscript(self, node)
        while True:
            if self.at(SYMBOL, "'"):
                raise self.fail("a prime belongs to a function of one variable: f'(x)")
            if self.at(SYMBOL, "!"):
                raise self.fail("factorials are not supported")
            if not self.at(SYMBOL, "^"):
                return node
            self.advance()
            if self._transpose_mark():
                node = Transpose(node, span=self.span_from(start), enclosed=True)
                continue
            exponent = self.group()
            node = Power(node, exponent, span=self.span_from(start))

    def _transpose_mark(self) -> bool:
        braced = self.at(SYMBOL, "{")
        ahead = 1 if braced else 0
        width = 0
        if self.at(COMMAND, "top", ahead) or self.at(LETTER, "T", ahead) and "T" not in self.scope:
            width = 1
        elif (
            self.peek(ahead).kind == COMMAND
            and self.peek(ahead).text in UPRIGHT
            and self.at(SYMBOL, "{", ahead + 1)
            and self.at(LETTER, "T", ahead + 2)
        ):
            width = 4
        elif self.peek(ahead).kind == COMMAND and self.peek(ahead).text in UPRIGHT and self.at(LETTER, "T", ahead + 1):
            width = 2
        if not width or (braced and not self.at(SYMBOL, "}", ahead + width)):
            return False
        self.position += width + 2 * braced
        return True

    def group(self) -> Node:
        """`{expression}`, or the single token that TeX would take (`\\frac12`, `x^2`)."""
        token = self.token
        if token.is_(SYMBOL, "{"):
            self.advance()
            node = self.expression()
            if self.at(COMMAND, "over"):
                self.advance()
                node = Divide(node, self.expression(), span=self.span_from(token.start))
            if self.token.kind == END:
                raise self.fail("unbalanced {: the group is never closed", (token.start, token.end))
            self.expect(SYMBOL, "}")
            return node
        if token.kind == NUMBER:
            self.advance()
            if len(token.text) > 1:  # TeX takes one digit
                if not token.text.isdigit():
                    raise self.fail("put this number in braces", (token.start, token.end))
                rest = [Token(NUMBER, c, token.start + i, token.start + i + 1) for i, c in enumerate(token.text)]
                self.tokens[self.position - 1 : self.position] = rest
            return Number(token.text[0], span=(token.start, token.start + 1))
        if token.kind == COMMAND and token.text in ("frac", "sqrt", "pi"):
            return self.atom()
        if token.kind == LETTER or (token.kind == COMMAND and token.text in GREEK):
            reader = self.sub_reader([self.advance()])
            return reader.atom()
        raise self.fail(f"expected a group in braces, found {self._shown(token)}")

    # ------------------------------------------------------------ atoms

    def atom(self, stops: tuple[str, ...] = ()) -> Node:
        from verify.language.operators import read_command

        token = self.token
        if token.kind == NUMBER:
            self.advance()
            return Number(token.text, span=(token.start, token.end))
        if token.kind == SYMBOL:
            return self._bracket()
        if token.kind == END:
            raise self.fail("the formula ends where a term is expected")
        length = self.differential_length()
        if length and not self.open_integrals:
            return self._differential(length)
        if token.kind == LETTER:
            special = self._reserved_letter()
            return special if special is not None else self.name()
        return read_command(self, stops)

    def _bracket(self) -> Node:
        opening = self.advance()
        inside, self.open_integrals = self.open_integrals, 0
        if opening.text in _OPEN:
            node = self.expression()
            if opening.text == "{" and self.at(COMMAND, "over"):
                self.advance()
                node = Divide(node, self.expression(), span=self.span_from(opening.start))
            if not self.at(SYMBOL, _OPEN[opening.text]):
                raise self.fail(
                    f"unbalanced {opening.text!r}: expected {_OPEN[opening.text]!r} before {self._shown(self.token)}"
                )
            self.advance()
        elif opening.text == "|":
            node = Absolute(self.expression(stops=(BAR,)))
            self.expect(SYMBOL, "|")
        else:
            self.position -= 1
            if opening.text in ")]}":
                raise self.fail(f"unbalanced {opening.text!r}: nothing opens it")
            raise self.fail(f"unexpected {opening.text!r}")
        self.open_integrals = inside
        return _enclose(node, self.span_from(opening.start))

    def _reserved_letter(self) -> Node | None:
        """`e`, `I`, `O(...)`, `D_{KL}` and the dimension `d`, unless the claim declares the letter."""
        from verify.language.operators import read_big_o, read_kl_letter

        token = self.token
        if self.at(SYMBOL, "_", 1):
            return read_kl_letter(self)
        if token.text in self.scope:
            return None
        span = (token.start, token.end)
        if token.text == "O" and self.at(SYMBOL, "(", 1):
            self.advance()
            return read_big_o(self, token.start)
        if token.text == "e":
            self.advance()
            if not self.at(SYMBOL, "^"):
                return Function("exp", Number("1"), span=span, enclosed=True)
            self.advance()
            return Function("exp", self.group(), span=self.span_from(token.start), enclosed=True)
        if token.text == "I":
            self.advance()
            return Identity(span=span)
        if token.text == "d" and self.scope.dimension == "any":
            self.advance()
            return Constant("dimension", span=span)
        return None

    def differential_length(self) -> int:
        r"""Number of tokens of a differential sign `d` or `\mathrm{d}` here, 0 if there is none."""
        if self.at(COMMAND, "mathrm") or self.at(COMMAND, "rm"):
            if self.at(SYMBOL, "{", 1) and self.at(LETTER, "d", 2) and self.at(SYMBOL, "}", 3):
                return 4
            if self.at(LETTER, "d", 1):
                return 2
        if not self.at(LETTER, "d") or "d" in self.scope:
            return 0
        after = self.peek(1)
        if self.stochastic and not self.open_integrals:
            return 1 if starts_name(after) or after.is_(SYMBOL, "(") else 0
        if not self.open_integrals or not starts_name(after):
            return 0
        if self.scope.dimension == "any" and after.start > self.token.end:
            raise self.fail(
                "ambiguous: the dimension d, or a differential?", suggestion="write \\mathrm{d} for the differential"
            )
        return 1

    def _differential(self, length: int) -> Node:
        start = self.token.start
        if not self.stochastic:
            raise self.fail("a differential outside an integral", suggestion="declare the SDE: - $...$ : SDE")
        self.position += length
        if self.at(SYMBOL, "("):
            self.advance()
            operand = self.expression()
            self.expect(SYMBOL, ")")
        else:
            operand = self.name()
        return Differential(operand, span=self.span_from(start), enclosed=True)

    # ------------------------------------------------------------ names and calls

    def written_name(self) -> WrittenName:
        """The name that begins here: accents, base and subscript."""
        base, sub, tokens = self._base()
        if self.at(SYMBOL, "_"):
            self.advance()
            tokens = tuple(self.group_tokens())
            sub = canonical(tokens)
        return WrittenName(base, sub, tokens)

    def _base(self) -> tuple[str, str | None, tuple[Token, ...]]:
        token = self.advance()
        if token.kind == LETTER:
            return token.text, None, ()
        if token.kind == COMMAND and token.text in GREEK:
            return "\\" + token.text, None, ()
        if token.kind == COMMAND and token.text in FONTS:
            inner = canonical(self.group_tokens())
            upright_word = token.text in UPRIGHT and len(inner) > 1
            return (inner if upright_word else f"\\{token.text}{{{inner}}}"), None, ()
        if token.kind == COMMAND and token.text in ACCENTS:
            if not self.at(SYMBOL, "{"):
                base, sub, tokens = self._base()
                return f"\\{token.text}{{{base}}}", sub, tokens
            inner_reader = self.sub_reader(self.group_tokens())
            written = inner_reader.written_name()
            inner_reader.expect_end()
            return f"\\{token.text}{{{written.base}}}", written.sub, written.sub_tokens
        self.position -= 1
        raise self.fail(f"a name is expected, found {self._shown(token)}")

    def variable(self) -> str:
        r"""The key of a declared variable, as after `\nabla_`, `\partial_` and `d`."""
        start = self.token.start
        key = self.written_name().key
        if key not in self.scope:
            raise self._undeclared(key, start)
        return key

    def name(self) -> Node:
        """A declared name here: a variable, or a function with or without its arguments."""
        start = self.token.start
        written = self.written_name()
        labelled = self._superscript_label(written)
        if labelled is not None:
            return self._finish(labelled, start)
        declaration = self.scope.get(written.key)
        if declaration is not None:
            return self._finish(declaration, start)
        if written.sub is not None:
            sequence = self.scope.get(written.base + "_{.}")
            if sequence is not None:
                return self._indexed(sequence, written, start)
        dotted = self._dotted(written, start)
        if dotted is not None:
            return dotted
        raise self._undeclared(written.key, start)

    def _superscript_label(self, written: WrittenName) -> Declaration | None:
        r"""`D^\star`: a superscript that is part of a declared name."""
        if not self.at(SYMBOL, "^"):
            return None
        mark = self.position
        self.advance()
        if self.token.kind == COMMAND and self.token.text in LABELS:
            tokens = [self.advance()]
        else:
            tokens = self.group_tokens()
        declaration = self.scope.get(f"{written.key}^{{{canonical(tokens)}}}")
        if declaration is None:
            self.position = mark
        return declaration

    def _indexed(self, sequence: Declaration, written: WrittenName, start: int) -> Node:
        reader = self.sub_reader(list(written.sub_tokens))
        index = reader.expression()
        reader.expect_end()
        arguments = None
        if sequence.family and self.at(SYMBOL, "("):
            arguments, _ = self.call_arguments()
            self._check_arity(sequence, len(arguments), len(sequence.parameters) - 1, start)
        return Call(sequence.key, arguments, index, span=self.span_from(start))

    def _dotted(self, written: WrittenName, start: int) -> Node | None:
        for accent, order in (("dot", 1), ("ddot", 2)):
            if written.base.startswith(f"\\{accent}{{"):
                plain = WrittenName(written.base[len(accent) + 2 : -1], written.sub)
                declaration = self.scope.get(plain.key)
                if declaration is None:
                    raise self._undeclared(plain.key, start)
                if declaration.kind != "function":
                    raise self.fail(
                        f"a dot over {latex_of_key(plain.key)}, which is not a function",
                        self.span_from(start),
                        f"declare it as a function of time: - ${latex_of_key(plain.key)}(t)$ : function",
                    )
                call = self._finish(declaration, start)
                if isinstance(call, Power):
                    assert isinstance(call.base, Call)
                    return Power(Dotted(call.base, order, span=call.span), call.exponent, span=call.span)
                assert isinstance(call, Call)
                return Dotted(call, order, span=call.span)
        return None

    def _finish(self, declaration: Declaration, start: int) -> Node:
        """What follows the name: primes, a power before the arguments, the arguments."""
        primes = 0
        while self.at(SYMBOL, "'"):
            self.advance()
            primes += 1
        if declaration.kind != "function":
            if primes:
                raise self.fail(
                    f"{latex_of_key(declaration.key)} is not a function: ' has no meaning here", self.span_from(start)
                )
            self._refuse_call_of_variable(declaration, start)
            return Name(declaration.key, span=self.span_from(start))
        if not primes and self.at(SYMBOL, "^"):  # g^2(t) is g(t)^2, never g^2 times t
            mark = self.position
            self.advance()
            if not self._transpose_mark():
                exponent = self.group()
                if self.at(SYMBOL, "("):
                    call = self._call(declaration, start)
                    return Power(call, exponent, span=self.span_from(start))
            self.position = mark
        call = self._call(declaration, start)
        if not primes:
            return call
        if len(declaration.parameters) != 1:
            raise self.fail(
                "' needs a function of one variable",
                self.span_from(start),
                "write \\partial_x f or \\frac{\\partial f}{\\partial x}",
            )
        return Primed(call, primes, span=self.span_from(start))

    def _call(self, declaration: Declaration, start: int) -> Call:
        key = declaration.key
        if not self.at(SYMBOL, "("):
            if declaration.signatures:
                raise self.fail(
                    f"{latex_of_key(key)} stands for several densities here: write its arguments",
                    self.span_from(start),
                    "one of " + ", ".join(f"{key}({s})" for s in declaration.signatures),
                )
            return Call(key, None, span=self.span_from(start))
        arguments, separators = self.call_arguments()
        if declaration.signatures:
            key = self._overload(declaration, arguments, separators, start)
        else:
            self._check_arity(declaration, len(arguments), len(declaration.parameters), start)
        return Call(key, arguments, span=self.span_from(start))

    def _check_arity(self, declaration: Declaration, given: int, wanted: int, start: int) -> None:
        if given != wanted:
            name = latex_of_key(declaration.key)
            raise self.fail(
                f"{name} takes {wanted} argument{'s' * (wanted != 1)}, {given} given", self.span_from(start)
            )

    def _overload(
        self, declaration: Declaration, arguments: tuple[Node, ...], separators: list[str], start: int
    ) -> str:
        """An overloaded density is told by the names of its arguments: `p(x|c)`, `p(c)`."""
        pattern = ""
        for argument, separator in zip(arguments, [*separators, ""], strict=True):
            pattern += (argument.key if isinstance(argument, Name) else "?") + separator
        if pattern not in declaration.signatures:
            raise self.fail(
                f"{declaration.key}({pattern}) is not declared",
                self.span_from(start),
                "declared: " + ", ".join(f"{declaration.key}({s})" for s in declaration.signatures),
            )
        return f"{declaration.key}({pattern})"

    def call_arguments(self) -> tuple[tuple[Node, ...], list[str]]:
        """The arguments in brackets and the separators between them (`;` counts as `,`)."""
        self.expect(SYMBOL, "(")
        inside, self.open_integrals = self.open_integrals, 0
        arguments, separators = [self.expression(stops=(BAR,))], []
        while self.token.kind == SYMBOL and self.token.text in ",;|":
            separators.append("|" if self.advance().text == "|" else ",")
            arguments.append(self.expression(stops=(BAR,)))
        self.expect(SYMBOL, ")")
        self.open_integrals = inside
        return tuple(arguments), separators

    def _refuse_call_of_variable(self, declaration: Declaration, start: int) -> None:
        """`\\sigma(t)` with `\\sigma` declared a number looks like a call and is refused."""
        if not self.at(SYMBOL, "("):
            return
        ahead, depth, looks_like_call = 1, 1, True
        while depth and self.peek(ahead).kind != END:
            token = self.peek(ahead)
            depth += token.is_(SYMBOL, "(") - token.is_(SYMBOL, ")")
            if (token.kind == SYMBOL and token.text in "+-=") or (
                token.kind == COMMAND and token.text in ("frac", "sqrt")
            ):
                looks_like_call = False
            ahead += 1
        if looks_like_call:
            name = latex_of_key(declaration.key)
            end = self.peek(ahead - 1).end
            inner = ", ".join(t.text for t in self.tokens[self.position + 1 : self.position + ahead - 1])
            raise self.fail(
                f"{name}(...) reads like a function call, but {name} is declared a {declaration.value}",
                (start, end),
                f"did you mean to declare ${name}({inner})$ as a function? For a product write {name}\\cdot(...)",
            )

    def _undeclared(self, key: str, start: int) -> LanguageError:
        name = latex_of_key(key)
        near = _nearest(key, [d.key for d in self.scope])
        hint = f"did you mean {latex_of_key(near)}? Else declare it" if near else "declare it"
        return self.fail(f"undeclared name {name}", self.span_from(start), f"{hint}: - ${name}$ : real")


def _nearest(key: str, keys: list[str]) -> str:
    import difflib

    found = difflib.get_close_matches(key, keys, n=1, cutoff=0.75)
    return found[0] if found else ""


def _enclose(node: Node, span: Span) -> Node:
    import dataclasses

    return dataclasses.replace(node, span=span, enclosed=True)


def _dangling(node: Node) -> str:
    """The operator written without brackets that might also take the next factor, or ''."""
    from verify.language.operators import operand_of

    operand = operand_of(node)
    if operand is None or node.enclosed:
        return ""
    name, inner = operand
    return "" if inner.enclosed else name
