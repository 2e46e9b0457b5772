"""The reader: accepted habits give one tree, traps are read rightly or refused by name."""

from __future__ import annotations

import pytest

from tests.declared import scope_of
from verify.language.chain import read_chain
from verify.language.errors import LanguageError
from verify.language.printer import latex
from verify.language.reader import read_formula
from verify.language.tree import Add, Call, Derivative, Differential, Dotted, Function, Gradient, Name, Power, Primed

SCALARS = scope_of(
    r"$a, b, c, \sigma, \sigma_{\mathrm{data}}, t, x_t$ : real",
    r"$f(t), g(t), \alpha(t)$ : function",
    r"$p(x,t)$ : positive function",
    r"$x, v$ : vector",
    "dimensions: 1, 2",
)


@pytest.mark.parametrize(
    "spellings",
    [
        [r"\frac{a}{b}", r"\dfrac ab", r"\tfrac{a}{b}", r"{a \over b}", r"a/b"],
        [r"\left(a+b\right)c", r"(a+b)\,c", r"\bigl(a+b\bigr) c", r"[a+b] c"],
        [r"\sigma_{\mathrm{data}}", r"\sigma_{data}", r"\sigma_\text{data}", r"\sigma_{\rm data}"],
        [r"\|x\|^2", r"\lVert x\rVert^2", r"\left\|x\right\|_2^2", r"\Vert x \Vert^{2}"],
        [r"\log a", r"\ln a", r"\log\left(a\right)", r"\log{(a)}"],
        [r"\frac{\partial p}{\partial t}", r"\partial_t p", r"\frac{\partial}{\partial t} p"],
        [r"\frac{\mathrm{d}}{\mathrm{d}t} f(t)", r"\frac{d}{dt} f(t)", r"\frac{df(t)}{dt}"],
        [r"e^{a+b}", r"\exp(a+b)", r"\exp\left\{a+b\right\}", r"\exp{(a+b)}"],
        [r"g^2(t)", r"g(t)^2", r"\left(g(t)\right)^2"],
        [r"\int_a^b f(t)\,dt", r"\int_{a}^{b}f(t)\mathrm{d}t", r"\int_a^b f(t) d t"],
        [r"x^\top v", r"x^{\top} v", r"x^T v", r"x^{\mathsf{T}} v", r"x^{\mathrm T} v"],
    ],
)
def test_one_formula_in_several_hands_is_one_tree(spellings):
    trees = {latex(read_formula(s, SCALARS)) for s in spellings}
    assert len(trees) == 1, trees


def test_a_power_of_a_declared_e_is_not_guessed():
    scope = scope_of(r"$e, a$ : real")
    with pytest.raises(LanguageError, match="ambiguous"):
        read_formula("e^{a}", scope)
    assert read_formula("a e", scope).factors[1].key == "e"


@pytest.mark.parametrize(
    ("text", "message", "help_"),
    [
        ("a + q", "undeclared name q", "declare it"),
        (r"\sigm", r"unknown macro \sigm", "author macros"),
        (r"\sigma(t)", "reads like a function call", "declare"),
        (r"a/b c", "ambiguous a/b c", "frac"),
        (r"\log a b", r"does \log apply", "brackets"),
        (r"\log p(x,t) a", r"does \log apply", "brackets"),
        (r"\exp(a)^2", r"a power of \exp", "write"),
        (r"\nabla p(x,t) v", r"does \nabla apply", "brackets"),
        (r"\nabla f(2 t)", "gradient of the composition", "name the variable"),
        (r"\frac{a}{b", "never closed", ""),
        (r"(a+b", "unbalanced '('", ""),
        ("a+b)", "unbalanced ')'", ""),
        (r"\left(a+b\right]", "unbalanced '('", ""),
        (r"f(a,b)", "f takes 1 argument, 2 given", ""),
        (r"c'", "not a function", ""),
        (r"\dot{a}", "which is not a function", "declare it as a function"),
        ("a, b", "several statements", "chain of its own"),
        (r"a \text{ for all } b", "words inside a formula", "reason"),
        ("a!", "factorials", ""),
        (r"\|x\|_1", "only the Euclidean norm", ""),
        (r"\int f(t)", "1 integral sign but 0 differentials", "mathrm{d}x"),
        (r"\begin{array} a \end{array}", "not read here", ""),
        ("a €", "has no meaning in a formula", "outside"),
        (r"\sin^{-1} a", "ambiguous exponent", ""),
        ("", "ends where a term is expected", ""),
        (r"a \cdot", "ends where a term is expected", ""),
        (r"\mathrm{d}x", "a differential outside an integral", "SDE"),
        (r"\nabla^3 a", "only \\nabla", ""),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place_and_a_way_out(text, message, help_):
    with pytest.raises(LanguageError) as caught:
        read_formula(text, SCALARS)
    error = caught.value
    assert message in error.message
    assert help_ in error.suggestion
    assert 0 <= error.span[0] <= len(text)


def test_the_message_shows_the_line_with_a_caret():
    with pytest.raises(LanguageError) as caught:
        read_formula("a + q", SCALARS)
    shown = str(caught.value.located("notes.md", "a + q"))
    assert shown.splitlines()[0] == "notes.md:1:5: undeclared name q"
    assert shown.splitlines()[1:3] == ["    a + q", "        ^"]


class TestTraps:
    def test_a_dot_belongs_to_the_function(self):
        tree = read_formula(r"\dot\alpha(0)", SCALARS)
        assert isinstance(tree, Dotted) and isinstance(tree.call, Call) and tree.call.arguments is not None

    def test_a_prime_belongs_to_the_function(self):
        assert isinstance(read_formula("f'(a)", SCALARS), Primed)

    def test_g_squared_of_t_is_no_product(self):
        tree = read_formula("g^2(t)", SCALARS)
        assert isinstance(tree, Power) and isinstance(tree.base, Call)

    def test_g_squared_before_a_bracket_keeps_its_power(self):
        with pytest.raises(LanguageError, match="takes 2 arguments, 1 given"):
            read_formula("p^2(t)", scope_of("$p(x,t)$ : function", "$x, t$ : real"))

    def test_d_t_with_a_space_is_refused_when_d_may_be_the_dimension(self):
        scope = scope_of("$t, a$ : real", "$f(t)$ : function", "dimensions: any")
        with pytest.raises(LanguageError, match="the dimension d, or a differential"):
            read_formula(r"\int_0^a f(t) d t\,f(t)", scope)
        closed, plain = r"\int_0^a f(t) d t", r"\int_0^a f(t)\,\mathrm{d}t"  # nothing else could be meant here
        assert read_formula(closed, scope) == read_formula(plain, scope)

    def test_d_is_the_dimension_outside_integrals(self):
        scope = scope_of(r"$\sigma$ : real", "dimensions: any")
        assert latex(read_formula(r"d\sigma", scope)) == r"{d}\,\sigma"

    def test_differentials_exist_only_beside_an_sde(self):
        scope = scope_of("$x$ : vector", "$w$ : Wiener vector", "$t$ : real", "$g(t)$ : function",
                         r"$\mathrm{d}x = g\,\mathrm{d}w$ : SDE")  # fmt: skip
        tree = read_formula(r"g\,\mathrm{d}w", scope)
        assert any(isinstance(node, Differential) for node in tree.walk())

    def test_a_dot_product_with_a_gradient_needs_no_bracket(self):
        tree = read_formula(r"v\cdot\nabla_x\log p(x,t)", SCALARS)
        assert any(isinstance(node, Gradient) for node in tree.walk())
        assert any(isinstance(node, Function) for node in tree.walk())

    def test_a_partial_derivative_keeps_its_operand(self):
        tree = read_formula(r"\partial_t p(x,t)+a", SCALARS)
        assert isinstance(tree, Add) and isinstance(tree.terms[0], Derivative) and isinstance(tree.terms[1], Name)

    def test_accents_and_fonts_are_one_name(self):
        scope = scope_of(r"$\bar\alpha_{t-1}$ : (0,1)")
        spellings = (r"\bar\alpha_{t-1}", r"\bar{\alpha}_{t-1}", r"\overline{\alpha}_{t - 1}", r"\bar{\alpha_{t-1}}")
        keys = {latex(read_formula(s, scope)) for s in spellings}
        assert len(keys) == 1


class TestChains:
    scope = scope_of("$a, b$ : real")

    def rows(self, text):
        return read_chain(text, self.scope)

    def test_aligned_rows_with_reasons(self):
        rows = self.rows(r"\begin{aligned} a &= a+b-b && \text{add zero} \\ &= b+a-b \end{aligned}")
        assert [row.relation for row in rows] == ["", "=", "="]
        assert rows[1].reason == "add zero"

    @pytest.mark.parametrize("text", ["a =& b \\\\ =& b", "a = b = b", "a &=& b \\\\ &=& b", "a = \\\\ b = b"])
    def test_alignment_habits(self, text):
        assert len(self.rows(text)) == 3

    def test_a_continuation_row_is_the_tail_of_the_side_above(self):
        rows = self.rows(r"(a+b)^2 &= a^2 \\ &\quad + a^2")
        assert len(rows) == 2
        assert latex(rows[1].expression) == "a^{2}+a^{2}"

    def test_an_operator_at_the_end_of_a_row_continues_too(self):
        assert latex(self.rows("a &= a + \\\\ & b")[1].expression) == "a+b"

    def test_a_list_of_equations_is_refused(self):
        with pytest.raises(LanguageError, match="list of equations"):
            self.rows(r"a &= b \\ b &= a")

    def test_a_row_without_relation_is_refused(self):
        with pytest.raises(LanguageError, match="does not say how it relates"):
            self.rows(r"a &= b \\ & b")

    def test_equality_in_law_is_told_apart(self):
        assert self.rows(r"a \overset{d}{=} b")[1].relation == "law"
        assert self.rows(r"a \overset{(i)}{=} b")[1].relation == "="

    def test_a_display_without_relation_states_nothing(self):
        with pytest.raises(LanguageError, match="nothing is stated"):
            self.rows("a + b")

    @pytest.mark.parametrize("text", ["", r"\begin{aligned}\end{aligned}"])
    def test_an_empty_chain_is_refused(self, text):
        with pytest.raises(LanguageError, match="empty"):
            self.rows(text)

    def test_closing_punctuation_and_labels_say_nothing(self):
        assert len(self.rows(r"a = b \tag{3} \label{eq}.")) == 2

    def test_inequalities_are_read_with_their_name(self):
        assert [row.relation for row in self.rows(r"a \le b \geq a < b > a \approx b")] == [
            "", "<=", ">=", "<", ">", "approx"]  # fmt: skip

    def test_an_equals_sign_in_brackets_cuts_nothing(self):
        scope = scope_of("$a, N$ : real", "$i$ : index")
        assert len(read_chain(r"\sum_{i=1}^{3} a = 3a", scope)) == 2


class TestSize:
    def test_a_megabyte_is_refused_at_once(self):
        with pytest.raises(LanguageError, match="characters"):
            read_formula("a+" * 500_000 + "a", SCALARS)

    @pytest.mark.parametrize(
        "text", ["(" * 10_000 + "a" + ")" * 10_000, r"\sqrt{" * 3_000 + "a" + "}" * 3_000, "{" * 10_000]
    )
    def test_deep_nesting_is_refused(self, text):
        with pytest.raises(LanguageError):
            read_formula(text, SCALARS)

    def test_a_tower_of_powers_is_only_read(self):
        assert latex(read_formula("9^{9^{9^9}}", SCALARS)) == "9^{9^{9^{9}}}"

    def test_long_numbers_are_refused(self):
        with pytest.raises(LanguageError, match="digits"):
            read_formula("1" * 100, SCALARS)
