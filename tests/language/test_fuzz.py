"""Whatever text goes in: a result or a LanguageError with its place, never another exception, never a long wait."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from verify.language.catalog import load_vocabularies
from verify.language.chain import read_chain
from verify.language.declare import declare
from verify.language.document import load_document, read_document
from verify.language.errors import LanguageError
from verify.language.printer import latex
from verify.language.reader import read_formula

ROOT = Path(__file__).parents[2]
THEORY = ROOT / "verify" / "theory"
PAGES = [p.read_text("utf-8") for p in [ROOT / "tests/contract/corpus.md", *sorted(THEORY.glob("*/*.md"))]]
VOCABULARIES, _ = load_vocabularies(THEORY)
LINES = sorted({line for page in PAGES for line in page.splitlines() if "\\" in line})
DECLARATIONS = sorted({line[2:] for line in LINES if line.startswith("- $")})

ITEMS = (
    r"$a, b, t, \sigma, x_t$ : real", "$i, N$ : count", r"$\alpha$ : sequence in (0,1)", "$f(t), g(t)$ : function",
    "$x, v$ : vector", "$p(x,t)$ : positive function", "$p_t(x)$ : family", "$q(x|v), q(x)$ : density",
    r"$n \sim \mathcal{N}(0,I)$", "$w$ : Wiener vector", r"$\mathrm{d}x = f\,\mathrm{d}w$ : SDE",
)  # fmt: skip
SCOPE = declare([(item, 0) for item in ITEMS])
WORDS = r"""
\frac \tfrac \sqrt \left( \right) \left. \right| ( ) [ ] { } \{ \} | || \| \langle \rangle + - * / ^ _ ' ! , ; : = < >
& && \\ \cdot \times \partial_t \partial \nabla \nabla_x \Delta \int \iint \int_0^1 \sum_{i=1}^N \prod_i \log \exp \sin
\max \min \mathbb{E} \mathbb{E}_{x} \mathrm{Var} \mathcal{N} \mathcal{O} D_{KL} \mathrm{d}x \mathrm{d} dt d e I O T \pi
\infty \dot \ddot \bar \hat \mathrm \text{if} \mathbf \boldsymbol{x} ^\top ^T ^2 ^{-1} ^10 _t _{t-1} \quad \, \! ~ \ % $
\begin{aligned} \end{aligned} \over \operatorname*{arg\,min}_a \arg\min_a \underbrace \color{red} \cdots \label{x} \tag
\overset{d}{=} \approx \to \sim \le a b t x v f g p q n w i N \sigma x_t \alpha_t p_t(x) p(x,t) f(t) 1 2 0.5 10 .5 1e9
f' \dot\sigma g^2(t) f^{-1}(t) \sigm σ ， − “ 中文 € ² \mathbb{R} \prime \star \phantom
""".split()  # noqa: SIM905
SOUP = st.lists(st.sampled_from(WORDS), max_size=30).map(" ".join) | st.lists(st.sampled_from(WORDS)).map("".join)
QUICK = settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
FEW = settings(QUICK, max_examples=40)


def outcome(read, *arguments):
    """What reading gives, None when it is refused; anything else fails the test."""
    try:
        return read(*arguments)
    except LanguageError as error:
        assert error.message and len(str(error)) < 2_000
        assert 0 <= error.span[0] <= error.span[1]
        return None


@st.composite
def damaged(draw: st.DrawFn, texts: list[str], changes: int = 3) -> str:
    """One of the texts with pieces deleted, doubled, swapped or replaced."""
    text = draw(st.sampled_from(texts))
    for _ in range(draw(st.integers(1, changes))):
        begin = draw(st.integers(0, len(text)))
        end = min(len(text), begin + draw(st.integers(0, 12)))
        piece = text[begin:end]
        new = draw(
            st.just("") | st.just(piece * 2) | st.just(piece[::-1]) | st.sampled_from(WORDS) | st.text(max_size=3)
        )
        text = text[:begin] + new + text[end:]
    return text


@st.composite
def damaged_pages(draw: st.DrawFn) -> str:
    """A page of claims with lines deleted, doubled or swapped, and some characters changed."""
    lines = draw(st.sampled_from(PAGES)).splitlines(keepends=True)[: draw(st.integers(20, 90))]
    for _ in range(draw(st.integers(0, 4))):
        i, j = draw(st.integers(0, len(lines) - 1)), draw(st.integers(0, len(lines) - 1))
        lines[i], lines[j] = draw(st.sampled_from([(lines[j], lines[i]), ("", lines[j]), (lines[i] * 2, lines[j])]))
    return draw(damaged(["".join(lines)]))


@given(SOUP | st.text(max_size=60) | damaged(LINES))
@QUICK
def test_any_formula(text):
    tree = outcome(read_formula, text, SCOPE)
    if tree is not None:
        assert read_formula(latex(tree), SCOPE) == tree


@given(SOUP | st.text(max_size=60) | damaged(LINES))
@QUICK
def test_any_chain(text):
    rows = outcome(read_chain, text, SCOPE)
    assert rows is None or len(rows) > 1


@given(st.lists(damaged(DECLARATIONS) | SOUP.map(lambda text: f"${text}$ : real"), max_size=4))
@QUICK
def test_any_declaration(items):
    outcome(declare, [(item, 0) for item in items])


@given(damaged_pages() | st.text(max_size=200))
@FEW
def test_any_document(text):
    document = read_document(text, "page.md", VOCABULARIES)
    for error in document.errors:
        assert error.line >= 1 and error.column >= 1
        assert len(str(error)) < 2_000


@given(st.binary(max_size=60))
@FEW
def test_any_bytes(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("page") / "page.md"
    path.write_bytes(b"/// claim | a.b\n    title: T\n\n$$ 1 = " + data + b" $$\n///\n")
    for error in load_document(path, "page.md", {}).errors:
        assert str(error).startswith("page.md:")


UNITS = (
    *WORDS, "((", r"\bar{", r"\mathrm{", "f^{", r"\alpha_{", r"\frac{d", r"\frac{", "{a", "a(", "a(+", "a^{", "x_{",
    "_{", "a/", r"a\cdot ", "|", r"\log ", r"\nabla", r"\sum_i ", r"\int ", r"\overset{", r"\underbrace{", "'", "a'",
    "$$",
    "///\n", "/// claim | a.b\n", "```\n", "  x\n", "    title: x\n", "    more\n", "- $a$ : real\n", "\n", "; $",
    "\\\\\n &= a",
)  # fmt: skip


@pytest.mark.parametrize("unit", UNITS)
def test_any_unit_many_times(unit):
    """Long and deep input is refused or read, without recursion errors and without quadratic work."""
    for text in (unit * (3_000 // len(unit)), unit * (19_000 // len(unit))):
        outcome(read_formula, text, SCOPE)
        outcome(read_chain, text, SCOPE)
        outcome(declare, [(f"$a$ : real; ${text}$ : real", 0)])
    head = "/// claim | a.b\n    title: T\n"
    for text in (unit * (60_000 // len(unit)), head + unit * (60_000 // len(unit)) + "\n///\n"):
        document = read_document(text, "page.md", VOCABULARIES)
        assert all(len(str(error)) < 2_000 for error in document.errors[:20])
