"""How authors really write: each habit is read as TeX sets it, or refused by its name. Never a third thing."""

from __future__ import annotations

import pytest

from tests.declared import scope_of
from verify.language.chain import read_chain
from verify.language.document import load_document, read_document
from verify.language.errors import LanguageError
from verify.language.printer import latex
from verify.language.reader import read_formula

SCOPE = scope_of(
    r"$a, b, x_t, \sigma, \sigma_t, t, s$ : real", "$N, i$ : count", r"$\alpha$ : sequence in (0,1)",
    r"$f(t), g(t), \beta(t)$ : function", "$p(x,t), q(x)$ : positive function", "$p_t(x)$ : positive family",
    r"$x, x', x_0, v, u, \mu$ : vector", r"$\Delta t$ : positive; $\kappa_t$ : family",
    r"$n \sim \mathcal{N}(0,I)$", "dimensions: 1, 2",
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        (r"\sigma^2_t", r"\sigma_{t}^{2}"),
        (r"\alpha^2_t", r"\left(\alpha_{t}\right)^{2}"),
        (r"p^2_t(x)", "p_{t}(x)^{2}"),
        (r"p_t^2(x)", "p_{t}(x)^{2}"),
        ("f'^2(t)", r"\left(f'(t)\right)^{2}"),
        (r"\dot f^2(t)", r"\left(\dot{f}(t)\right)^{2}"),
        (r"\|v\|^2_2", r"\left\|v\right\|^{2}"),
        (r"||v||^2", r"\left\|v\right\|^{2}"),
        (r"\mathcal{N}(x\mid\mathbf 0,\mathbf I)", r"\mathcal{N}\left(x;0,I\right)"),
        (r"D_{KL}(q||q)", r"D_{\mathrm{KL}}\left(q\,\|\,q\right)"),
        (r"\int_{\mathbb R^d} q(x)\,dx", r"\int q(x)\,\mathrm{d}x"),
        (r"\int_0^\infty f(t)dt", r"\int_{0}^{\infty} f(t)\,\mathrm{d}t"),
        (r"\int_0^t\!\int_0^s f(a)\,da\,ds", r"\int_{0}^{t} \left(\int_{0}^{s} f(a)\,\mathrm{d}a\right)\,\mathrm{d}s"),
        (r"e^{-\int_0^t\beta(s)ds}", r"\exp\left(-\int_{0}^{t} \beta(s)\,\mathrm{d}s\right)"),
        (r"\mathrm{e}^{a}", r"\exp\left(a\right)"),
        (r"\mathbb{E}\left[\left.x\right|v\right]", r"\mathbb{E}\left[x\,|\,v\right]"),
        (r"\sum^N_{i=1} a", r"\sum_{i=1}^{N} a"),
        (r"a^bs", r"a^{b}\,s"),
        (r"x_ta", r"x_{t}\,a"),
        ("a\r\n\tb\u00a0\\\n+ a % words", r"a\,b+a"),
        (r"\nabla q\cdot v", r"\nabla\left(q\right)\cdot v"),
        (r"\nicefrac12 a", r"\frac{1}{2}\,a"),
        (r"\int q(x)\mathop{}\!\mathrm{d}x", r"\int q(x)\,\mathrm{d}x"),
        (r"\int q(x)\,\text{d}x", r"\int q(x)\,\mathrm{d}x"),
        (r"\int_{x} q(x)\,dx", r"\int q(x)\,\mathrm{d}x"),
        (r"\mathcal{N}(0,\mathbf{I}_d)", r"\mathcal{N}\left(0,I\right)"),
        (r"\mathcal{N}(0,I_{d\times d})", r"\mathcal{N}\left(0,I\right)"),
        (r"KL(q\,\|\,q)", r"D_{\mathrm{KL}}\left(q\,\|\,q\right)"),
        (r"E_{x\sim q}[a]", r"\mathbb{E}_{x\sim q}\left[a\right]"),
        (r"E[n]", r"\mathbb{E}\left[n\right]"),
        (r"\mathbb{E}_{x\sim q}\mathbb{E}_{n}[a]", r"\mathbb{E}_{x\sim q}\left[\mathbb{E}_{n}\left[a\right]\right]"),
        (r"\underbrace{a}_{\text{``words $b$ 如果''}}+b", "a+b"),
        (r"\mathrm{div}(q(x)v)", r"\nabla\cdot\left(q(x)\,v\right)"),
        (r"\frac{d}{dt}f(t)", r"\frac{\mathrm{d}}{\mathrm{d} t}\left(f(t)\right)"),
        (r"\mathrm{d}f(t)/\mathrm{d}t", r"\frac{\mathrm{d}}{\mathrm{d} t}\left(f(t)\right)"),
        (r"\partial p(x,t)/\partial t\,a", r"\frac{\partial}{\partial t}\left(p(x,t)\right)\,a"),
        (r"\boxed{a+b}", "a+b"),
        (r"\dot{\kappa}_s a", r"\dot{\kappa}_{s}\,a"),
        (r"\Delta t^2+\Delta{t}", r"\Delta{t}^{2}+\Delta{t}"),
        (r"\nabla_{x'}\log q(x')", r"\nabla_{x^{\prime}}\left(\log\left(q(x^{\prime})\right)\right)"),
    ],
)
def test_read_as_tex_sets_it(text, reading):
    assert latex(read_formula(text, SCOPE)) == reading


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (r"\sigma^2(t)", "reads like a function call"),
        (r"\pi(a)", "reads like a function call"),
        ("e(a)", "reads like a function call"),
        (r"\alpha_t(s)", "reads like a function call"),
        (r"f^{-1}(t)", "the inverse function"),
        (r"f^{(2)}(t)", "a superscript in brackets"),
        (r"\sigma^{2(i)}", "a superscript in brackets"),
        ("a^10", "only the first digit"),
        ("x_10", "only the first digit"),
        ("a^2^3", "second superscript"),
        ("3 4", "two numbers"),
        ("2.5.1", "two decimal points"),
        (r"\log a/b", r"does \log apply"),
        (r"\log a\cdot b", r"does \log apply"),
        (r"\prod_{i=1}^N \alpha_i a", r"does \prod apply"),
        (r"\arg\min_a a^2+b", "the whole sum"),
        (r"\Delta s", "a step, or the Laplacian"),
        (r"v'", "is not a function"),
        (r"\mathrm{d}f(t)/a", "a differential outside"),
        (r"\partial a", "needs its variable"),
        (r"E_0", "undeclared name"),
        (r"\int_{v} q(x)\,dx", "both limits or none"),
        (r"\mathbb{E}_f[a]", "which variable"),
        (r"\mathcal{N}(0,I_k)", "undeclared name"),
        (r"\norm{a}", r"unknown macro \norm"),
        (r"\nabla\log q(v)", "without a variable means x"),
        (r"\frac{df}{dt}(s)", "the derivative at this point"),
        (r"\frac{a}{b}|_{t=0}", "a bar with a subscript"),
        (r"a \quad b", "two statements"),
        (r"f(t) \qquad (5)", "two statements"),
        ("p(x|t)", "here stands a bar"),
        ("a^T", "a is a number"),
        (r"a+\cdots+b", "an ellipsis"),
        (r"\p", r"unknown macro \p"),
        ("a，b", "fullwidth comma"),
        ("a−b", "minus sign"),
        (r"a\text{如果}", "words inside"),
        (r"\int dt\,f(t)", "the differential comes last"),
        ("()", "nothing stands between"),
        ("{x}_0", "a subscript belongs to a name"),
        (r"\alpha(t)", "without its subscript"),
        (r"\dot\alpha_t", "not a function"),
    ],
)
def test_refused_by_name(text, message):
    with pytest.raises(LanguageError) as caught:
        read_formula(text, SCOPE)
    assert message in caught.value.message


def test_a_nested_subscript_is_not_a_sum_of_subscripts():
    scope = scope_of("$x_{t_{i+1}}, x_{t_i+1}$ : real")
    nested, flat = (latex(read_formula(text, scope)) for text in ("x_{t_{i+1}}", "x_{t_i+1}"))
    assert (nested, flat) == ("x_{t_{i+1}}", "x_{t_i+1}")


def test_the_dimension_before_a_letter_may_be_a_differential():
    with pytest.raises(LanguageError, match="dimension d, or a differential"):
        read_formula("f(t)dt", scope_of("$t$ : real", "$f(t)$ : function"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (r"a &= b & c &= d", "two statements in one row"),
        (r"a = b \quad c = d", "two statements"),
        ("a &= b && \\text{first} \\\n &= c", "an & in a reason"),
        ("a &= b \\\\\n> + c", "a quote mark of Markdown"),
    ],
)
def test_statements_are_never_run_together(text, message):
    with pytest.raises(LanguageError, match=message):
        read_chain(text, scope_of("$a, b, c, d$ : real"))


LAWS = scope_of(r"$a, b, c, s$ : positive", r"$n, m \sim \mathcal{N}(0,s^2)$", "dimensions: 1")


@pytest.mark.parametrize(
    "text",
    [
        r"a = b \, .",
        r"a = b\text{.}",
        r"a = b,\quad n \sim \mathcal{N}(0, s^2)",
        r"a = b \qquad \text{where } n, m\sim\mathcal{N}(0,s^2).",
        r"a = b & \text{(the first rule)}",
        r"a = b \quad (\text{the first rule})",
        r"a &= b \\ &\phantom{=} + \mathbb{E}[n]",
        r"a &= b \\ &\quad + \mathbb{E}_{n\sim\mathcal{N}(0,s^2)}[n]",
    ],
)
def test_the_end_of_a_sentence(text):
    rows = read_chain(text, LAWS)
    assert len(rows) == 2
    assert latex(rows[1].expression).startswith("b")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (r"a = b,\quad n \sim \mathcal{N}(0, s)", "which is not declared so"),
        (r"a = b,\quad c \sim \mathcal{N}(0, s^2)", "which is not declared so"),
        (r"a = b \quad \text{if } c > 1", "words inside|a condition in words"),
        (r"a = b & \text{for small } c", "a condition in words"),
        (r"a = b \quad\text{and}\quad b = c", "words inside"),
        (r"a = b & \text{and } b = c", "words inside"),
        (r"a = b, \quad b = c", "several statements"),
    ],
)
def test_what_follows_a_statement_is_never_dropped_unread(text, message):
    with pytest.raises(LanguageError, match=message):
        read_chain(text, LAWS)


@pytest.mark.parametrize("text", ["a &= b \\\\\\ \n &= c", "a =& b \\\\\r\n =& {} & + c", "a &=& b \\\\[2pt] &=& c"])
def test_damaged_and_odd_row_ends(text):
    assert len(read_chain(text, scope_of("$a, b, c$ : real"))) == 3


PAGE = "# 标题\n\n/// claim | a.b\n    title: T\n\n- $a$ : real\n\n$$\na = a\n + 中q\n$$\n///\n"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_place_of_an_error_in_a_page(end, tmp_path):
    page = tmp_path / "page.md"
    page.write_bytes(b"\xef\xbb\xbf" + PAGE.replace("中", "").replace("\n", end).encode())
    (error,) = load_document(page, "page.md", {}).errors
    assert (error.line, error.column) == (10, 4)
    assert str(error).splitlines()[1:3] == ["     + q", "       ^"]


def test_a_wide_character_gets_a_wide_caret():
    (error,) = read_document(PAGE, "page.md").errors
    assert str(error).splitlines()[1:3] == ["     + 中q", "       ^^"]


def test_a_huge_line_is_not_repeated():
    text = PAGE.replace("中q", "a+" * 1_500 + "q")
    (error,) = read_document(text, "page.md").errors
    assert "undeclared name q" in error.message and len(str(error)) < 400
