"""Standard definitions: wrong ones differ, right ones in other letters are the same, nothing is said about others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from verify.language.catalog import load_catalog
from verify.language.declared_names import read_names
from verify.language.defined import Defined, Names, with_defined
from verify.language.definitions import load_definitions, read_definitions
from verify.language.document import read_document
from verify.language.errors import LanguageError
from verify.language.scope import Scope
from verify.proof.definitions import compare

ROOT = Path(__file__).parents[2]
DEFINITIONS, ERRORS = load_definitions(ROOT / "verify" / "theory")
NAMES = Names(DEFINITIONS)

CHAIN = r"$\bar\alpha, \alpha, \beta$ : sequence in (0,1); $t, k, n$ : count"
LINES = (Path(__file__).parent / "definitions.txt").read_text("utf-8").splitlines()
CASES = [tuple(line.split(" | ")) for line in LINES if line and not line.startswith("#")]
# Names on the left that stand for vectors.
VECTORS = (r"\tilde\mu", r"\mu_", r"\hat x", "x_{", r"\tilde\epsilon", r"\tilde D", "v =", "u =", r"\bar\theta", "f(x")
VECTORS += ("a+b", "D =")


def findings(declared: str, formula: str) -> list[dict | None]:
    """What is said about `formula`, declared as a definition."""
    kind = " : vector" if any(mark in formula.partition("=")[0] for mark in VECTORS) and "vector" in declared else ""
    lines = "".join(f"- {line.strip()}\n" for line in declared.split("; "))
    text = f"/// claim | a.b\n    title: T\n\n{lines}- ${formula}${kind}\n\n$$ 2 = 1+1 $$\n///\n"
    document = read_document(text, "page.md")
    assert not document.errors, document.errors[0]
    (claim,) = document.claims
    return [compare(one) for one in with_defined(claim, NAMES).defined if one.name not in ("\\beta",)]


def test_all_definitions_are_read():
    assert not ERRORS and len(DEFINITIONS) >= 30
    assert sum(expected.startswith("differs") for expected, _, _ in CASES) >= 25


@pytest.mark.parametrize(("expected", "declared", "formula"), CASES, ids=[formula for _, _, formula in CASES])
def test_what_is_said_about_a_formula(expected, declared, formula):
    """A wrong definition differs, with numbers; a right one is recognised; about anything else nothing is said."""
    *others, found = findings(declared, formula) or [None]
    assert len(others) <= declared.count("=")  # about what was declared on the way
    if expected == "nothing":
        assert found is None
        return
    assert found is not None and found["standing"] == expected.split()[0]
    if expected.startswith("differs from "):
        assert found["definition"] == expected.removeprefix("differs from ")
        assert found["yours_value"] != found["standard_value"] and found["point"]
    assert set(found.get("convention", {})) == ({"en", "zh"} if expected == "convention" else set())


def test_alpha_is_read_as_alpha_bar_only_where_the_author_does():
    """DDIM writes alpha for alpha-bar; who says that alpha is one minus beta, or writes both, does not."""
    formula = r"\tilde\beta_t = \frac{1-\alpha_{t-1}}{1-\alpha_t}\left(1-\frac{\alpha_t}{\alpha_{t-1}}\right)"
    (found,) = findings(r"$\alpha$ : sequence in (0,1); $t$ : count", formula)
    assert found is not None and found["standing"] == "convention"
    tied = r"$\alpha, \beta$ : sequence in (0,1); $t$ : count; $\alpha_t = 1-\beta_t$"
    (found,) = findings(tied, r"\tilde\beta_t = \frac{1-\alpha_{t-1}}{1-\alpha_t}\beta_t")
    assert found is not None and found["standing"] == "differs"
    (found,) = findings(CHAIN, formula)
    assert found is not None and found["standing"] == "differs"


NAMES_DRAWN = st.lists(st.sampled_from(list("abcghkmnpqruvwxyz")), min_size=3, max_size=3, unique=True)
LEFT = st.sampled_from([r"\tilde\beta", r"\bar\alpha", r"\lambda", r"\hat\sigma", r"\gamma", r"\mathrm{SNR}", "h", "r"])
SHAPES = (r"\frac{%s}{%s+%s}", r"%s-%s%s", r"\sqrt{%s^2+%s^2}-%s", r"\log\frac{%s}{%s}+%s", r"e^{-%s}+%s%s")


@given(LEFT, NAMES_DRAWN, st.sampled_from(SHAPES))
@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_formulas_in_unknown_letters_hear_nothing(left, names, shape):
    """Whatever the letters: where none of them belongs to the definition, the name is another one."""
    if left in names:
        return
    declared = f"${', '.join(names)}$ : positive"
    definitions = NAMES.of(read_names(left, Scope(), new=True)[0].key)
    if {key for one in definitions for key in (*one.scope.declarations, *one.spelled)} & set(names):
        return
    for found in findings(declared, f"{left} = {shape % tuple(names)}"):
        assert found is None, found


@given(st.permutations(list("abcghkmnpqruvwxyz")))
@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_letters_of_ones_own_are_matched_by_structure(letters):
    """A distinctive name with one known letter: the right formula is recognised in any other letters, the wrong not."""
    p, q = letters[:2]
    declared = rf"${p}, {q}$ : (0,1); $\beta = 1-\frac{{{p}}}{{{q}}}$"
    (right,) = findings(declared, rf"\tilde\beta = \frac{{1-{q}}}{{1-{p}}}\beta")
    (wrong,) = findings(declared, rf"\tilde\beta = \frac{{1-{p}}}{{1-{q}}}\beta")
    assert right is not None and right["standing"] == "same"
    assert wrong is not None and wrong["standing"] == "differs"


# ---------------------------------------------------------------- the vocabulary itself


def key_of(definition):
    return read_names(definition.forms[0].latex.partition("=")[0], Scope(), new=True)[0].key


@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda one: one.id)
def test_every_convention_is_recognised_and_every_wrong_version_differs(definition):
    """Among all definitions of the same name: conventions do not contradict each other, and nothing is proved twice."""
    key, known = key_of(definition), NAMES.of(key_of(definition))
    for form in definition.forms:
        alone = compare(Defined(key, form.expression, definition.scope, 1, (definition,)))
        assert alone is not None and alone["standing"] == ("convention" if form.words else "same"), form.latex
        found = compare(Defined(key, form.expression, definition.scope, 1, known))
        assert found is not None and found["standing"] != "differs", form.latex
    assert definition.mistakes or definition.id == "half-logsnr"
    for wrong in definition.mistakes:
        found = compare(Defined(key, wrong.expression, definition.scope, 1, known))
        assert found is not None and found["standing"] == "differs", wrong.latex
        assert set(wrong.title) == {"en", "zh"}


def test_titles_and_conventions_are_in_both_languages_and_sources_are_known():
    works = (ROOT / "docs" / "references.bib").read_text("utf-8")
    for definition in DEFINITIONS:
        assert set(definition.title) == {"en", "zh"} and definition.claims
        for form in definition.forms[1:]:
            assert form.words and form.words["en"] and form.words["zh"], definition.id
        for cited in definition.sources:
            assert f"{{{cited.key}," in works, cited.key


def test_the_catalogue_agrees_with_the_standard_or_says_its_convention():
    """No claim differs; the wrong versions among its mistakes are found."""
    catalog = load_catalog(ROOT)
    caught = 0
    for claim in catalog.claims.values():
        for one in claim.defined:
            found = compare(one)
            if not one.mistake:
                assert found is None or found["standing"] != "differs", (claim.id, found)
            caught += one.mistake != "" and found is not None and found["standing"] == "differs"
    assert caught >= 5


def test_own_names_are_left_alone():
    lines = CHAIN.replace("; ", "\n- ")
    text = (
        "/// claim | a.b\n    title: T\n    own: $\\tilde\\beta_t$ is a rate of this page\n\n"
        f"- {lines}\n- $\\tilde\\beta_t = \\frac{{1-\\alpha_{{t-1}}}}{{1-\\alpha_t}}\\beta_t$\n\n"
        "$$ 2 = 1+1 $$\n///\n"
    )
    (claim,) = read_document(text, "page.md").claims
    assert not with_defined(claim, NAMES).defined
    assert with_defined(replace(claim, own=()), NAMES).defined


@pytest.mark.parametrize("words", [r"$\tilde\beta_t$", "no name here", r"$\tilde\beta_t +$ why"])
def test_own_needs_a_name_and_a_reason(words):
    text = f"/// claim | a.b\n    title: T\n    own: {words}\n\n$$ 2 = 1+1 $$\n///\n"
    (error,) = read_document(text, "page.md").errors
    assert "own" in str(error) and "page.md:1:1" in str(error)


HEAD = "/// definition | a\n    title: T\n    claim: x.y\n\n- $b$ : positive\n\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("/// definition | A b\n    title: T\n    claim: x.y\n\n$$ a = 1 $$\n///", "is no id"),
        ("/// definition | a\n    title: T\n\n$$ a = 1 $$\n///", "needs a title and the claim"),
        ("/// definition | a\n    title: T\n    claim: x.y\n    colour: red\n\n$$ a = 1 $$\n///", "unknown option"),
        ("/// definition | a\n    title: T\n    claim: x.y\n\nnothing\n///", "states nothing"),
        (HEAD + "$$ a+b $$\n///", "name = formula"),
        (HEAD + "$$ a = c $$\n///", "undeclared name c"),
        (HEAD + "$$ a = b $$\n\nother | 别\n\n$$ e = b $$\n///", "defines the same name"),
        (HEAD.replace("claim:", "spelled: $c$ for $e$\n    claim:") + "$$ a = b $$\n///", "is not declared"),
        ("/// mistake | a\n    title: T\n\n$$ a = 1 $$\n///", "not defined above"),
        (HEAD + "$$ a = b $$\n///\n/// mistake | a\n\n$$ a = 2b $$\n///", "has a title"),
    ],
)
def test_bad_input_is_one_clear_sentence(text, said):
    with pytest.raises(LanguageError) as error:
        read_definitions(text)
    assert said in str(error.value) and "definitions.md:" in str(error.value)
