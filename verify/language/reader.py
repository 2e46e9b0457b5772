r"""Strict LaTeX reader: formula text to typed tree. Nothing is guessed.

Every name must be declared in the scope, and an ambiguous juxtaposition is an error that says how to
write it. This module holds the expression grammar (sums, products, powers, brackets);
`verify.language.calls` reads names and calls, `verify.language.operators` finds the reader of a construct
that begins with a command (fractions, derivatives, integrals, expectations).

    expression = [+|-] term {(+|-) term}
    term       = factor {[\cdot|\times|*|/] factor}
    factor     = atom {^ group}
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager

from verify.language.algebra import read_big_o, read_norm_subscript
from verify.language.calls import read_name, read_variable, refuse_call
from verify.language.cases import open_cases
from verify.language.cursor import MAX_DEPTH, Cursor
from verify.language.derivatives import read_slash_derivative
from verify.language.errors import LanguageError
from verify.language.laws import read_kl_letter, read_plain_expectation
from verify.language.names import GREEK, LABELS, UPRIGHT, canonical, latex_of_key, starts_name
from verify.language.operators import operand_of, read_command
from verify.language.scope import Scope
from verify.language.tokens import COMMAND, END, LETTER, NUMBER, SYMBOL, Token, tokenize
from verify.language.tree import (
    ELEMENTARY,
    Absolute,
    Add,
    Call,
    Constant,
    Derivative,
    Differential,
    Divide,
    DotProduct,
    Function,
    Identity,
    Multiply,
    Name,
    Negate,
    Node,
    Number,
    Power,
    Span,
    Transpose,
)

# Commands that end a factor rather than begin one.
_NOT_A_FACTOR = frozenset(
    """
    } rangle sim propto approx le ge leq geq leqslant geqslant lt gt neq tag label to top cdot times equiv
    over in Rightarrow implies Leftrightarrow iff text begin end
    """.split()
)
_UPRIGHT_D = ("mathrm", "rm", "text", "operatorname")
_ONE_TOKEN_GROUPS = frozenset(["frac", "sqrt", "pi", "infty"])
_OPEN = {"(": ")", "[": "]", "{": "}"}

BAR, DOUBLE_BAR = "|", "\\|"  # what a bracket may have to stop at


def read_formula(text: str, scope: Scope) -> Node:
    """The tree of one formula (no relation sign in it).

    Raises LanguageError with a span in `text`.
    """
    reader = Reader(tokenize(open_cases(text)), scope, len(text))
    node = reader.expression()
    reader.expect_end()
    return node


class Reader(Cursor):
    """A recursive-descent reader over tokens. `scope` gives every name its kind."""

    def __init__(self, tokens: list[Token], scope: Scope, length: int, depth: int = 0) -> None:
        super().__init__(tokens, scope, length, depth)
        self.open_integrals = 0
        # Differentials of Ito calculus exist only where a stochastic process is declared.
        self.stochastic = bool(scope.sde) or any(d.kind == "wiener" for d in scope)

    def inside(self, tokens: list[Token]) -> Reader:
        """A reader for the inside of a group, one level deeper."""
        return Reader(tokens, self.scope, self.token.start, self.depth + 1)

    @contextmanager
    def brackets(self) -> Iterator[None]:
        """Inside brackets no outer integral waits for its differential."""
        outside, self.open_integrals = self.open_integrals, 0
        yield
        self.open_integrals = outside

    # ------------------------------------------------------------ expressions

    def expression(self, stops: tuple[str, ...] = ()) -> Node:
        """A sum of terms, up to something that cannot continue it or a token named in `stops`."""
        start, terms, minus = self.token.start, [], False
        if self.at_any(SYMBOL, "+-"):
            minus = self.advance().text == "-"
        while True:
            term = self.term(stops)
            terms.append(Negate(term, span=term.span) if minus else term)
            if not self.at_any(SYMBOL, "+-"):
                break
            minus = self.advance().text == "-"
        return terms[0] if len(terms) == 1 else Add(tuple(terms), span=self.span_from(start))

    def term(self, stops: tuple[str, ...] = ()) -> Node:
        """Factors side by side, with dots or slashes between them."""
        start = self.token.start
        factors = [self.factor(stops)]
        dangling, nested = _dangling(factors[0]), 0
        while True:
            dotted = self.at(COMMAND, "cdot") or self.at(COMMAND, "times") or self.at(SYMBOL, "*")
            if dotted or self.at(SYMBOL, "/"):
                nested += 1
                if nested > MAX_DEPTH:
                    raise self.too_deep()
                if dangling and (not dotted or dangling.removeprefix("\\") in ELEMENTARY):
                    raise self._ambiguous(dangling)
            if dotted:
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
                self._refuse_juxtaposition(factors[-1], dangling)
                factors.append(self.factor(stops))
                dangling = _dangling(factors[-1])
            else:
                break
        return factors[0] if len(factors) == 1 else Multiply(tuple(factors), span=self.span_from(start))

    def _ambiguous(self, dangling: str) -> LanguageError:
        return self.fail(
            f"ambiguous: does {dangling} apply to what follows?",
            suggestion="add brackets, or put the other factor first",
        )

    def _refuse_juxtaposition(self, before: Node, dangling: str) -> None:
        """Two factors side by side that may not be a product at all."""
        if dangling and not self.differential_length():
            raise self._ambiguous(dangling)
        if self.token.apart:
            raise self.fail(
                "\\quad stands between two factors: are these two statements?",
                suggestion="give each statement a chain of its own",
            )
        if self.token.kind == NUMBER and self.tokens[self.position - 1].kind == NUMBER:
            raise self.fail("two numbers side by side", suggestion="write \\cdot between them, or one number")
        if isinstance(before, Derivative) and isinstance(before.operand, Call) and self.at(SYMBOL, "("):
            raise self.fail(
                "ambiguous: the derivative at this point, or times the bracket?",
                suggestion="write a dot or a prime for the value, \\dot f(t), or put the factor first",
            )

    def continues(self, stops: tuple[str, ...]) -> bool:
        """Does another factor begin here?"""
        token = self.token
        if token.kind == END or (self.open_integrals and self.differential_length()):
            return False
        if token.kind == SYMBOL:
            return token.text in "([{" or (token.text == "|" and BAR not in stops)
        if token.kind == COMMAND:
            return DOUBLE_BAR not in stops if token.text == "|" else token.text not in _NOT_A_FACTOR
        return True

    def factor(self, stops: tuple[str, ...] = ()) -> Node:
        """An atom with its powers."""
        node = self.atom(stops)
        start = node.span[0]
        node = read_norm_subscript(self, node)
        while True:
            if self.at(SYMBOL, "'"):
                raise self.fail("a prime belongs to a function of one variable: f'(x)")
            if self.at(SYMBOL, "!"):
                raise self.fail("factorials are not supported")
            if self.at(SYMBOL, "_"):
                raise self.fail("a subscript belongs to a name", suggestion="write x_0")
            if not self.at(SYMBOL, "^"):
                return node
            if not node.enclosed and isinstance(node, Power | Transpose):
                raise self.fail("a second superscript", suggestion="write \\left(a^b\\right)^c or a^{bc}")
            if width := self.transpose_length():
                self._refuse_transposed_number(node)
                self.position += width
                node = Transpose(node, span=self.span_from(start), enclosed=True)
                continue
            node = Power(node, self.exponent(), span=self.span_from(start))
            if isinstance(node.base, Name) and not node.base.enclosed:
                refuse_call(self, latex_of_key(node.base.key), "no function", start)

    def _refuse_transposed_number(self, node: Node) -> None:
        key = node.key if isinstance(node, Name) else ""
        declaration = self.scope.get(key)
        if declaration is not None and declaration.value == "scalar":
            raise self.fail(
                f"{latex_of_key(key)} is a number: T as an exponent would be its transpose",
                suggestion="declare it a vector, or declare the exponent: - $T$ : positive",
            )

    def transpose_length(self) -> int:
        r"""Number of tokens of `^\top`, `^T`, `^{\mathrm{T}}` here, 0 if it is another exponent."""
        braced = self.at(SYMBOL, "{", 1)
        ahead = 2 if braced else 1
        width = 0
        if self.at(COMMAND, "top", ahead) or (self.at(LETTER, "T", ahead) and "T" not in self.scope):
            width = 1
        elif self.peek(ahead).kind == COMMAND and self.peek(ahead).text in UPRIGHT:
            if self.at(SYMBOL, "{", ahead + 1) and self.at(LETTER, "T", ahead + 2):
                width = 4
            elif self.at(LETTER, "T", ahead + 1):
                width = 2
        if not width or (braced and not self.at(SYMBOL, "}", ahead + width)):
            return 0
        return 1 + width + 2 * braced

    def exponent(self) -> Node:
        """`^` and its group; a lone `(n)` in it is a label or an order of derivation, no power."""
        self.expect(SYMBOL, "^")
        ahead = 2 if self.peek(1).kind == NUMBER and self.at(SYMBOL, "(", 2) else 1
        lone = self.peek(ahead + 1).kind == LETTER or (ahead == 1 and self.peek(2).kind == NUMBER)
        closed = self.at(SYMBOL, ")", ahead + 2) and self.at(SYMBOL, "}", ahead + 3)
        if self.at(SYMBOL, "{") and self.at(SYMBOL, "(", ahead) and lone and closed:
            raise self.fail(
                "a superscript in brackets: a power, a label, or an order of derivation?",
                suggestion="write the power without brackets, the derivative as f''(t), a label as a subscript",
            )
        return self.group()

    def group(self) -> Node:
        """`{expression}`, or the single token that TeX would take (`\\frac12`, `x^2`)."""
        token = self.token
        if token.is_(SYMBOL, "{"):
            return self._bracket()
        if token.kind == NUMBER:
            if len(token.text) > 1:
                raise self.long_number()
            self.advance()
            return Number(token.text, span=(token.start, token.end))
        if token.kind == COMMAND and token.text in _ONE_TOKEN_GROUPS:
            return self.atom()
        if token.kind == LETTER or (token.kind == COMMAND and token.text in GREEK):
            return self.inside([self.advance()]).atom()
        if token.kind == COMMAND and token.text in LABELS or token.is_(SYMBOL, "*"):
            raise self.fail(
                f"{self.shown(token)} is no exponent", suggestion="a labelled name is declared: - $a^{\\star}$ : real"
            )
        raise self.fail(f"expected a group in braces, found {self.shown(token)}")

    def digit_pair(self) -> None:
        r"""`\frac12` is two groups of one digit: cut the number here."""
        token = self.token
        if token.kind == NUMBER and len(token.text) == 2 and token.text.isdigit():
            middle = token.start + 1
            first = dataclasses.replace(token, text=token.text[0], end=middle)
            second = dataclasses.replace(token, text=token.text[1], start=middle)
            self.tokens[self.position : self.position + 1] = [first, second]

    # ------------------------------------------------------------ atoms

    def atom(self, stops: tuple[str, ...] = ()) -> Node:
        """What a factor begins with. Every recursion passes here, so the depth is counted here."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.too_deep()
        node = self._atom(stops)
        self.depth -= 1
        return node

    def _atom(self, stops: tuple[str, ...]) -> Node:
        token = self.token
        if token.kind == NUMBER:
            self.advance()
            if self.token.kind == NUMBER and self.token.start == token.end:
                raise self.fail("a number with two decimal points", (token.start, self.token.end))
            return Number(token.text, span=(token.start, token.end))
        if token.kind == SYMBOL:
            return self._bracket()
        if token.kind == END:
            raise self.fail("the formula ends where a term is expected")
        if length := self.differential_length():
            if self.open_integrals:
                raise self.fail("the differential comes last: \\int f(t)\\,\\mathrm{d}t")
            return self._differential(length)
        if token.kind == LETTER:
            special = self._reserved_letter(stops)
            return special if special is not None else self.name()
        return read_command(self, stops)

    def _bracket(self) -> Node:
        opening = self.advance()
        span = (opening.start, opening.end)
        with self.brackets():
            if opening.text in _OPEN:
                closing = _OPEN[opening.text]
                if self.at(SYMBOL, closing):
                    raise self.fail(f"nothing stands between {opening.text} and {closing}", self.span_from(span[0]))
                node = self.expression()
                if opening.text == "{" and self.at(COMMAND, "over"):
                    self.advance()
                    node = Divide(node, self.expression(), span=self.span_from(opening.start))
                if self.token.kind == END and opening.text == "{":
                    raise self.fail("unbalanced {: the group is never closed", span)
                if not self.at(SYMBOL, closing):
                    raise self.fail(
                        f"unbalanced {opening.text!r}: expected {closing!r} before {self.shown(self.token)}"
                    )
                self.advance()
            elif opening.text == "|":
                if self.at(SYMBOL, "_"):
                    written = "write \\left. f(s)\\right|_{s=0}, or the value itself: f(0)"
                    raise self.fail("a bar with a subscript, and no \\left. before it", span, written)
                node = Absolute(self.expression(stops=(BAR,)))
                self.expect(SYMBOL, "|")
            elif opening.text in ")]}":
                raise self.fail(f"unbalanced {opening.text!r}: nothing opens it", span)
            else:
                raise self.fail(f"unexpected {opening.text!r}", span)
        return _enclose(node, self.span_from(opening.start))

    def _reserved_letter(self, stops: tuple[str, ...]) -> Node | None:
        """`e`, `I`, `O(...)`, `D_{KL}` and the dimension `d`, unless the claim declares the letter."""
        token = self.token
        law = read_kl_letter(self) or read_plain_expectation(self, stops)
        if law is not None:
            return law
        if self.at(SYMBOL, "_", 1):
            return self._sized_identity()
        span = (token.start, token.end)
        if token.text in self.scope:
            if token.text == "e" and self.at(SYMBOL, "^", 1):
                raise self.fail(
                    "ambiguous: a power of the declared e, or the exponential?", span,
                    "declare another letter, and write \\exp(...) or e^{...} for the exponential",
                )
            return None
        if token.text == "O" and self.at(SYMBOL, "(", 1):
            self.advance()
            return read_big_o(self, token.start)
        node: Node
        if token.text == "e":
            return self.euler(self.advance().start)
        if token.text == "I":
            node = Identity(span=span)
        elif token.text == "d" and self.scope.dimension != (1,):
            node = Constant("dimension", span=span)
            if self.peek(1).kind == LETTER and self.peek(1).start == token.end:
                raise self.fail(
                    "ambiguous: the dimension d, or a differential?",
                    (token.start, self.peek(1).end),
                    "write \\mathrm{d} for the differential, d\\, for the dimension",
                )
        else:
            return None
        self.advance()
        refuse_call(self, token.text, "reserved unless declared", token.start)
        return node

    def _sized_identity(self) -> Node | None:
        r"""`I_d`: the identity matrix with its size, where neither `I_d` nor `d` is declared."""
        if not self.at(LETTER, "I") or "I" in self.scope or "I_{.}" in self.scope:
            return None
        mark, key = self.position, self.written_name().key
        self.position = mark
        if key in self.scope or key not in ("I_{d}", "I_{d\\times d}"):
            return None
        return self.identity(self.advance().start)

    def identity(self, start: int) -> Node:
        """The identity matrix, which begins at `start`, with its size d when that is written."""
        mark = self.position
        if self.at(SYMBOL, "_") and "d" not in self.scope:
            self.advance()
            if canonical(self.group_tokens()) not in ("d", "d\\times d"):
                self.position = mark
        return Identity(span=self.span_from(start))

    def euler(self, start: int) -> Node:
        """What follows Euler's number, which begins at `start`."""
        if self.at(SYMBOL, "^"):
            self.advance()
            return Function("exp", self.group(), span=self.span_from(start), enclosed=True)
        refuse_call(self, "e", "reserved unless declared", start)
        return Function("exp", Number("1"), span=self.span_from(start), enclosed=True)

    def differential_length(self) -> int:
        r"""Number of tokens of a differential sign `d` or `\mathrm{d}` here, 0 if there is none."""
        token = self.token
        if upright := self.upright_d():
            return upright
        if not self.at(LETTER, "d") or "d" in self.scope:
            return 0
        after = self.peek(1)
        if self.stochastic and not self.open_integrals:
            return 1 if starts_name(after) or after.is_(SYMBOL, "(") else 0
        if not self.open_integrals or not starts_name(after):
            return 0
        if self.scope.dimension == "any" and after.start > token.end and not self._closes_integral():
            raise self.fail(
                "ambiguous: the dimension d, or a differential?", suggestion="write \\mathrm{d} for the differential"
            )
        return 1

    def upright_d(self, ahead: int = 0) -> int:
        r"""Number of tokens of `\mathrm{d}`, `\text{d}`, `\operatorname{d}`, `\rm d` there, 0 if there is none."""
        token = self.peek(ahead)
        if token.kind != COMMAND or token.text not in _UPRIGHT_D:
            return 0
        if self.at(SYMBOL, "{", ahead + 1) and self.at(LETTER, "d", ahead + 2) and self.at(SYMBOL, "}", ahead + 3):
            return 4
        return 2 if self.at(LETTER, "d", ahead + 1) else 0

    def _closes_integral(self) -> bool:
        r"""`\int f d x` with nothing after it: as the dimension, this d would leave no differential."""
        mark, letter = self.position, self.token
        self.advance()
        try:
            self.written_name()
            return not self.at(LETTER, "d") and not self.upright_d() and not self.continues(())
        finally:
            self.position = mark
            assert self.token is letter

    def _differential(self, length: int) -> Node:
        start = self.token.start
        if not self.stochastic:
            derivative = read_slash_derivative(self, length)
            if derivative is not None:
                return derivative
            raise self.fail("a differential outside an integral", suggestion="declare the SDE: - $...$ : SDE")
        self.position += length
        if self.at(SYMBOL, "("):
            self.advance()
            operand = self.expression()
            self.expect(SYMBOL, ")")
        else:
            operand = self.name()
        return Differential(operand, span=self.span_from(start), enclosed=True)

    def name(self) -> Node:
        """A declared name here, with what belongs to it."""
        return read_name(self)

    def variable(self) -> str:
        """The key of a declared variable here."""
        return read_variable(self)


def _enclose(node: Node, span: Span) -> Node:
    return dataclasses.replace(node, span=span, enclosed=True)


def _dangling(node: Node) -> str:
    """The operator written without brackets that might also take the next factor, or ''."""
    operand = operand_of(node)
    if operand is None or node.enclosed:
        return ""
    name, inner = operand
    return "" if inner.enclosed else name
