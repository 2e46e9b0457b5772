"""Declarations and documents: what is declared, what is refused, and what one bad block does to the others."""

from __future__ import annotations

import pytest

from tests.declared import scope_of
from verify.language.catalog import load_catalog
from verify.language.document import read_document
from verify.language.errors import LanguageError


@pytest.mark.parametrize(
    ("item", "key", "kind", "value", "domain"),
    [
        (r"$\tau$ : positive", r"\tau", "variable", "scalar", "positive"),
        (r"$\bar\alpha_{t-1}$ : (0,1)", r"\bar{\alpha}_{t-1}", "variable", "scalar", "unit"),
        ("$N$ : count", "N", "variable", "scalar", "index"),
        ("$x_t$ : vector", "x_{t}", "variable", "vector", "real"),
        (r"$\alpha$ : sequence in (0,1)", r"\alpha_{.}", "function", "scalar", "unit"),
        ("$y$ : vector sequence", "y_{.}", "function", "vector", "real"),
        ("$p(x,t)$ : positive function", "p", "function", "scalar", "positive"),
        ("$f(x,t)$ : vector function", "f", "function", "vector", "real"),
        ("$p_t(x)$ : positive family", "p_{.}", "function", "scalar", "positive"),
        (r"$D^\star(x)$ : vector function", r"D^{\star}", "function", "vector", "real"),
        ("$w$ : Wiener vector", "w", "wiener", "vector", "real"),
        (r"$n \sim \mathcal{N}(0, \sigma^2 I)$", "n", "random", "vector", "real"),
        (r"$y$ : random with mean $0$ and variance $\sigma^2$", "y", "random", "scalar", "real"),
    ],
)
def test_kinds(item, key, kind, value, domain):
    declaration = scope_of(r"$\sigma, t$ : positive", "$x$ : vector", item).declarations[key]
    assert (declaration.kind, declaration.value, declaration.domain) == (kind, value, domain)


def test_the_domain_of_a_definition_is_an_assumption():
    assert len(scope_of("$x$ : real", "$y = x - 1$ : positive").assumptions) == 1
    assert scope_of("$x$ : real", "$y = x - 1$").assumptions == []


def test_a_family_takes_its_subscript_last():
    assert scope_of("$x$ : vector", "$t$ : real", "$p_t(x)$ : family").declarations["p_{.}"].parameters == ("x", "t")


def test_definitions_may_come_in_any_order():
    scope = scope_of("$a = 2 b$", "$b = c + 1$", "$c$ : real")
    assert scope.declarations["a"].definition is not None


def test_densities_of_other_arguments_are_told_apart():
    scope = scope_of("$x$ : vector", "$c$ : real", "$p(x), p(c), p(x|c)$ : density")
    assert scope.declarations["p"].signatures == ("x", "c", "x|c")
    assert scope.declarations["p(x|c)"].density


def test_several_declarations_on_one_line():
    assert {"a", "f"} <= set(scope_of("$a$ : real; $f(a)$ : function").declarations)


@pytest.mark.parametrize(
    ("items", "message"),
    [
        (["$a$ : wonderful"], "unknown kind 'wonderful'"),
        (["$a$"], "a name without a kind"),
        (["$a$ : real", "$a$ : positive"], "a is declared twice"),
        (["$a = 1$", "$a = 2$"], "a is defined twice"),
        (["$a = b$", "$b = a$"], "circular definition: a -> b -> a"),
        (["$a = a + 1$"], "circular definition"),
        (["$a + b = 1$", "$a, b$ : real"], "the left side of a definition is one name"),
        (["$a = q$"], "undeclared name q"),
        (["$a, b$ : positive", "$a^2 = b$ : relation", "$a^2 = 2b$ : relation"], "a is tied by two relations"),
        (["dimensions: 4"], "dimensions are"),
        (["$a + 1$ : real"], "unexpected"),
        ([r"$n \sim p$", "$p(n)$ : density"], "a declared law reads"),
        (["joint: $x$"], "a joint density reads"),
        (["$a^2 + 1 = 2$ : relation", "$a$ : real"], "a relation reads"),
        (["$a$ : index from $1$"], "expected two formulas"),
        (["$x_{'}$ : real"], "cannot be a name"),
    ],
)
def test_bad_declarations_are_refused(items, message):
    with pytest.raises(LanguageError, match=message.replace("(", r"\(")):
        scope_of(*items)


GOOD = """/// claim | ok.one
    title: Fine

- $a$ : real

$$ a = a $$
///
"""


def errors_of(text):
    document = read_document(text, "notes.md")
    return document, [str(error) for error in document.errors]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("/// claim | ok.two\n    title: T\n\n$$ a = b $$\n///\n", "undeclared name a"),
        ("/// claim | ok.two\n\n- $a$ : real\n\n$$ a = a $$\n///\n", "has no title"),
        ("/// claim | Not An Id\n    title: T\n\n$$ 1 = 1 $$\n///\n", "is not a claim id"),
        ("/// claim | ../../etc/passwd\n    title: T\n\n$$ 1 = 1 $$\n///\n", "is not a claim id"),
        ("/// claim | ok.two\n    title: T\n\n$$ 1 = 1 $$\n", "never closed"),
        ("///\n", "never opened"),
        ("/// claim | ok.two\n    title: T\n    colour: red\n\n$$ 1 = 1 $$\n///\n", "unknown option 'colour'"),
        ("/// claim | ok.two\n    title: T\n///\n", "states nothing"),
        ("/// claim | ok.two\n    title: T\n\n$$ 1 = 1\n///\n", "never closed"),
        ("/// claim | ok.one\n    title: T\n\n$$ 1 = 1 $$\n///\n", "defined twice"),
        ("/// claim | ok.two\n    title: T\n    use: nowhere\n\n$$ 1 = 1 $$\n///\n", "no shared vocabulary 'nowhere'"),
        ("/// mistake | ok.nine\n    title: T\n\n$$ 1 = 2 $$\n///\n", "no claim of this document"),
        ("/// mistake | ok.one\n\n$$ 1 = 2 $$\n///\n", "needs a title"),
        ("/// claim | ok.two\n    title: T\n\n$$ " + "1+" * 600_000 + "1 = 1 $$\n///\n", "characters"),
    ],
)
def test_a_bad_block_is_one_clear_error_and_the_others_are_read(text, message):
    document, errors = errors_of(GOOD + "\n" + text)
    assert [claim.id for claim in document.claims][:1] == ["ok.one"]
    assert len(errors) == 1 and message in errors[0]
    assert errors[0].startswith("notes.md:")
    assert len(errors[0]) < 1_000


def test_blocks_in_fenced_code_are_only_shown():
    document, errors = errors_of("```markdown\n" + GOOD + "```\n")
    assert document.claims == [] and errors == []


def test_words_between_the_displays_are_kept_for_the_reader():
    text = GOOD.replace("$$ a = a $$", "First, with $a$,\n\n$$ a = a $$\n\nand then\n\n$$ a = a $$\n\n- no declaration")
    document, errors = errors_of(text)
    assert errors == []
    assert document.claims[0].prose == ("First, with $a$,", "and then", "- no declaration")


def test_a_mistake_may_begin_with_the_relation_sign_and_override_names():
    text = GOOD + "\n/// mistake | ok.one\n    title: T\n\n- $c = 2$\n\n$$ = c a $$\n///\n"
    document, errors = errors_of(text)
    assert errors == []
    (mistake,) = document.claims[0].mistakes
    assert mistake.rows[0].expression == document.claims[0].chains[0][0].expression
    assert "c" not in document.claims[0].scope


def write(root, name, text):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())


def claim(name, extra=""):
    return f"/// claim | {name}\n    title: T\n{extra}\n$$ 1 = 1 $$\n///\n"


class TestCatalog:
    def errors(self, root):
        return "\n".join(str(error) for error in load_catalog(root).errors)

    def test_unknown_and_circular_uses(self, tmp_path):
        rests_on = {"t.a": "t.b", "t.b": "t.a", "t.c": "t.nine"}
        quoting = "".join(
            claim(name, "").replace("1 = 1", rf"1 &= 1 && \text{{by {other}}}") for name, other in rests_on.items()
        )
        write(tmp_path, "verify/theory/t/claims.md", quoting + claim("t.d", "    uses: t.ten\n"))
        text = self.errors(tmp_path)
        assert "circular uses: t.a rests on itself" in text
        assert "t.c quotes t.nine, which does not exist" in text
        assert "t.d uses t.ten, which does not exist" in text

    def test_nothing_is_proved_in_a_circle(self, tmp_path):
        rests_on = {"t.a": "t.b", "t.b": "t.a"}
        text = "".join(claim(n, "").replace("1 = 1", rf"1 &= 1 && \text{{by {o}}}") for n, o in rests_on.items())
        write(tmp_path, "verify/theory/t/claims.md", text)
        rows = [row for c in load_catalog(tmp_path).claims.values() for chain in c.chains for row in chain]
        assert not any(row.quotes for row in rows)

    def test_a_use_that_nothing_uses(self, tmp_path):
        write(tmp_path, "verify/theory/t/claims.md", claim("t.a") + claim("t.b", "    uses: t.a\n"))
        assert "t.b says that it uses t.a, and no step and no premise quotes it" in self.errors(tmp_path)

    def test_a_claim_that_quotes_itself(self, tmp_path):
        itself = claim("t.a").replace("1 = 1", r"1 &= 1 && \text{by t.a}")
        write(tmp_path, "verify/theory/t/claims.md", itself)
        assert "circular uses: t.a rests on itself" in self.errors(tmp_path)

    def test_a_premise_names_its_claim(self, tmp_path):
        premise = claim("t.b", "\n- $f(t)$ : function\n- $t$ : real\n- $f'(t) = 1$ : equation, by t.a\n")
        write(tmp_path, "verify/theory/t/claims.md", claim("t.a") + premise)
        catalog = load_catalog(tmp_path)
        assert not catalog.errors
        assert catalog.claims["t.b"].uses == ("t.a",)

    def test_one_id_in_two_files(self, tmp_path):
        write(tmp_path, "verify/theory/t/claims.md", claim("t.a"))
        write(tmp_path, "questions/q.md", claim("t.a"))
        assert "the id t.a is taken" in self.errors(tmp_path)

    def test_a_page_that_shows_what_does_not_exist(self, tmp_path):
        write(tmp_path, "verify/theory/t/claims.md", claim("t.a"))
        write(tmp_path, "docs/page.md", "text\n\n/// card | t.b\n///\n")
        assert "docs/page.md:3:1: this page shows the claim t.b, which does not exist" in self.errors(tmp_path)

    def test_a_file_that_is_not_utf8(self, tmp_path):
        write(tmp_path, "verify/theory/t/claims.md", claim("t.a"))
        write(tmp_path, "verify/theory/u/claims.md", b"ok\n\xff\xfe")
        catalog = load_catalog(tmp_path)
        assert list(catalog.claims) == ["t.a"]
        assert "verify/theory/u/claims.md:2:1: byte 3 is not UTF-8" in str(catalog.errors[0])
