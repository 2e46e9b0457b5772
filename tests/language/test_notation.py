"""Claims in other notations: what is replaced, what is refused, and that a wrong translation does not pass."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from verify.language.claim import Claim
from verify.language.document import Document, load_document, read_document
from verify.language.notation import HUB, Notation, Translation, is_translation, notations_of
from verify.language.printer import latex
from verify.language.reader import read_formula
from verify.language.tidy import Tidy
from verify.language.translate import translate
from verify.ledger.keys import PROOF, claim_key
from verify.ledger.verdict import PROVED, REFUTED
from verify.running import tasks

NAMES = Path(__file__).parents[2] / "verify" / "theory" / "notation" / "claims.md"
PRECOND = r"""
/// claim | t.skip
    title: The best linear denoiser
    notation: edm
    letters: $\sigma$, $x$
    INTO

- $\sigma, \tau$ : positive
- $x$ : vector
- $c = \frac{\tau^2}{\sigma^2+\tau^2}$

$$
\begin{aligned}
c\,x &= \frac{\tau^2}{\sigma^2+\tau^2}x && \text{insert} \\
 &= x-\frac{\sigma^2}{\sigma^2+\tau^2}x
\end{aligned}
$$
///
"""
NOISE = r"""
/// claim | t.noise
    title: The noise that a point and its clean point imply
    notation: edm
    letters: $\sigma$, $x$, $y$
    into: TO

- $\sigma$ : positive
- $x, y, n$ : vector
- $n = \frac{x-y}{\sigma}$ : vector

$$
\begin{aligned}
y+\sigma n &= x && \text{the noisy point}
\end{aligned}
$$

$$
\begin{aligned}
-2\log\sigma &= \log\frac{1}{\sigma^2} && \text{logSNR}
\end{aligned}
$$
///
"""


@functools.cache
def notations() -> dict[str, Notation]:
    document = load_document(NAMES, NAMES.name, {})
    assert not document.errors
    return notations_of([document], {claim.id: claim for claim in document.claims})[0]


def read(text: str) -> tuple[Document, dict[str, Claim]]:
    document = read_document(text, "mine.md")
    assert not document.errors, [str(error) for error in document.errors]
    return document, {claim.id: claim for claim in document.claims}


def translated(text: str, known: dict[str, Notation] | None = None) -> dict[str, Translation]:
    """The translations of the one claim of a text, by notation."""
    document, claims = read(text)
    found, errors = translate([document], claims, known or notations())
    assert not errors, [str(error) for error in errors]
    (several,) = found.values()
    return {made.to: made for made in several}


def refused(text: str) -> str:
    document, claims = read(text)
    _, errors = translate([document], claims, notations())
    assert errors and all(error.file == "mine.md" and error.line for error in errors)
    return "\n".join(map(str, errors))


def verdicts(made: Translation) -> list[str]:
    """The prover's verdict on each step, those that compare with the claim included."""
    return [
        tasks.prove_step(left.expression, right, made.judged.scope)["verdict"]
        for chain in made.judged.chains
        for left, right in zip(chain, chain[1:], strict=False)
    ]


def by_hand(to: str, first: str, second: str, more: str = "") -> str:
    block = f"\n/// translation | t.noise\n    to: {to}\n\n{more}\n$$ {first} $$\n\n$$ {second} $$\n///\n"
    return NOISE.replace("TO", to) + block


def test_every_notation_defines_the_same_names():
    known = notations()
    assert list(known) == ["edm", "ddpm", "vp", "vdm", "flow"]
    common = {*known[HUB].own, *known[HUB].images} - {r"\epsilon"}  # a letter that all of them have
    for notation in known.values():
        assert common <= {*notation.images, *notation.own}, notation.name
        if notation.name != HUB:
            mentioned = {node for image in notation.images.values() for node in image.walk()}
            assert set(notation.back) <= mentioned, "a way back for letters that nothing uses"


@pytest.mark.parametrize("to", ["ddpm", "vp", "vdm", "flow"])
def test_a_translation_is_proved_and_says_what_the_claim_says(to):
    made = translated(PRECOND.replace("INTO", f"into: {to}"))[to]
    assert made.shown == 1 and len(made.judged.chains) > 1 and is_translation(made.judged)
    assert set(verdicts(made)) == {PROVED}
    for chain in made.judged.chains[: made.shown]:
        for row in chain:
            assert read_formula(row.source, made.judged.scope) == row.expression


def test_the_letters_are_those_of_the_target_and_the_reader_is_told():
    made = translated(PRECOND.replace("    INTO\n", ""))
    assert list(made) == ["ddpm", "vp", "vdm", "flow"]
    assert r"\sigma = \frac{\sqrt{1-\bar{\alpha}_{t}}}{\sqrt{\bar{\alpha}_{t}}}" in made["ddpm"].letters
    assert any(letter.startswith("c = ") and "t" in letter for letter in made["flow"].letters)
    for translation in made.values():
        assert r"\sigma" not in translation.judged.scope and r"\tau" in translation.judged.scope


def test_hand_written_lines_take_the_place_of_the_automatic_ones():
    right = by_hand(
        "ddpm",
        r"x_0+\frac{\sqrt{1-\bar\alpha_t}}{\sqrt{\bar\alpha_t}}n = \frac{x_t}{\sqrt{\bar\alpha_t}}",
        r"\log\frac{\bar\alpha_t}{1-\bar\alpha_t} = \log\frac{\bar\alpha_t}{1-\bar\alpha_t}",
    )
    made = translated(right)["ddpm"]
    assert made.by_hand and set(verdicts(made)) == {PROVED}


LOG = r"\log\frac{\bar\alpha_t}{1-\bar\alpha_t} = \log\frac{\bar\alpha_t}{1-\bar\alpha_t}"
POINT = r"x_0+\frac{\sqrt{1-\bar\alpha_t}}{\sqrt{\bar\alpha_t}}n = \frac{x_t}{\sqrt{\bar\alpha_t}}"
TWICE = r"\log\frac{\bar\alpha_t^2}{1-\bar\alpha_t^2}"
WRONG = {
    "the root is dropped": ("ddpm", r"x_0+\frac{1-\bar\alpha_t}{\bar\alpha_t}n = \frac{x_t}{\sqrt{\bar\alpha_t}}", LOG),
    "the scale is dropped": ("ddpm", r"x_0+\frac{\sqrt{1-\bar\alpha_t}}{\sqrt{\bar\alpha_t}}n = x_t", LOG),
    "alpha-bar is squared": ("ddpm", POINT, f"{TWICE} = {TWICE}"),
    "true, and of something else": ("ddpm", POINT, r"\log\bar\alpha_t = \log\bar\alpha_t"),
    "the sign of logSNR": ("vdm", r"x_0+e^{\frac12\gamma_t}n = \sqrt{1+e^{\gamma_t}}\,z_t", r"\gamma_t = \gamma_t"),
    "the other direction of time": ("flow", r"x_0+\frac{1-t}{t}n = \frac{x_t}{t}", r"\log t = \log t"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_translation_is_refuted_with_numbers(what):
    made = translated(by_hand(*WRONG[what]))[WRONG[what][0]]
    found = [
        tasks.prove_step(left.expression, right, made.judged.scope)
        for chain in made.judged.chains
        for left, right in zip(chain, chain[1:], strict=False)
    ]
    wrong = [one for one in found if one["verdict"] == REFUTED]
    assert wrong and wrong[0]["witness"]["point"], what


def test_a_wrong_definition_is_not_hidden_behind_its_name():
    text = PRECOND.replace("    INTO\n", "    into: ddpm\n") + r"""
/// translation | t.skip
    to: ddpm

- $c = \frac{\tau^2\bar\alpha_t^2}{1-\bar\alpha_t+\tau^2\bar\alpha_t}$

$$
\begin{aligned}
\frac{c\,x_t}{\sqrt{\bar\alpha_t}} &= \frac{c\,x_t}{\sqrt{\bar\alpha_t}} \\
 &= \frac{c\,x_t}{\sqrt{\bar\alpha_t}}
\end{aligned}
$$
///
"""
    assert REFUTED in verdicts(translated(text)["ddpm"])


def test_a_wrong_vocabulary_is_refuted_by_its_own_claim():
    text = NAMES.read_text("utf-8").replace(r"- $\sigma = e^{\frac12\gamma_t}$", r"- $\sigma = e^{-\frac12\gamma_t}$")
    assert text != NAMES.read_text("utf-8")
    claim = next(one for one in read(text)[1].values() if one.id == "notation.names-vdm")
    left, right = claim.chains[0]
    assert tasks.prove_step(left.expression, right, claim.scope)["verdict"] == REFUTED


def test_a_change_of_the_vocabulary_makes_its_translations_stale_and_no_other():
    text = NAMES.read_text("utf-8").replace(r"- $\sigma = \frac{t}{1-t}$", r"- $\sigma = \frac{t^2}{1-t}$")
    document, claims = read(text)
    other = translated(PRECOND.replace("    INTO\n", ""), notations_of([document], claims)[0])
    for to, made in translated(PRECOND.replace("    INTO\n", "")).items():
        assert (claim_key(made.judged, PROOF) != claim_key(other[to].judged, PROOF)) == (to == "flow")


LETTERS = PRECOND.replace("    INTO\n", "").replace("$\\sigma$, $x$\n", "LETTERS\n", 1)
REFUSED = {
    "there is no notation 'edn'": PRECOND.replace("notation: edm", "notation: edn").replace("    INTO\n", ""),
    "there is no notation 'ddim'": PRECOND.replace("INTO", "into: ddim"),
    "does not say which letters": PRECOND.replace("    INTO\n", "").replace("    letters: $\\sigma$, $x$\n", ""),
    "c is defined in the claim": PRECOND.replace("    INTO\n", "").replace("$x$\n", "$c = x$\n", 1),
    r"\sigma and \tau would both be called \sigma": LETTERS.replace("LETTERS", r"$\sigma$, $\tau = \sigma$"),
    r"\tau and \sigma would both be called \sigma": LETTERS.replace("LETTERS", r"$\tau = \sigma$"),
    "is no letter of edm": PRECOND.replace("    INTO\n", "").replace("$x$\n", "$x = \\alpha_t$\n", 1),
    "its own letter t is a letter of that notation too": PRECOND.replace("INTO", "into: flow").replace(r"\tau", "t"),
    "its rows are not those of the claim": by_hand("ddpm", POINT + r" = x_0", LOG),
    r"\bar{\alpha}_{t} may not be declared so": by_hand("ddpm", POINT, LOG, "- $\\bar\\alpha_t$ : positive\n"),
    "which is no claim here with that target": PRECOND.replace("    INTO\n", "")
    + "\n/// translation | t.skipp\n    to: ddpm\n\n$$ 1 = 1 $$\n///\n",
    "is a variable here": NOISE.replace("TO", "ddpm").replace(r"y+\sigma n &= x", r"\nabla_x\|x\|^2 &= 2x"),
}


@pytest.mark.parametrize("why", REFUSED)
def test_what_cannot_be_translated_is_refused_in_words(why):
    assert why in refused(REFUSED[why])


@pytest.mark.parametrize(
    "line",
    [
        r"- $\bar\alpha_t = \frac12$ : equation", r"- $n = x_0$ : equation", r"- $1-\bar\alpha_t > \frac12$",
        r"- $x_0$ : scalar", r"- $\bar\alpha_t = \frac12$", r"- $q = \bar\alpha_t$ : positive", "- dimensions: 1",
        r"- $q$ : real",
    ],
)  # fmt: skip
def test_an_authors_translation_adds_no_premise(line):
    said = refused(by_hand("ddpm", POINT, LOG, line + "\n"))
    assert "may not be declared so" in said or "adds no premise" in said, said
    allowed = by_hand("ddpm", POINT, LOG, r"- $q = \frac{1-\bar\alpha_t}{\bar\alpha_t}$" + "\n")
    assert translated(allowed)["ddpm"].by_hand


MINE = r"""
/// claim | t.mine
    title: Names of my own
    vocabulary: mine

- $q$ : positive
- $x, y, D$ : vector
- $\sigma, \sigma_{\mathrm{next}}$ : positive
LINES
///
"""
UNSOUND = {
    "is no equation": ("- $\\sigma = q$", "$$ q < \\sigma+1 $$"),
    "displayed twice": ("- $\\sigma = q$", "$$ q = \\sigma $$\n\n$$ q = 2\\sigma $$"),
    "begins with one of its own letters": ("- $\\sigma = q$", "$$ \\sigma = q $$"),
    "said in its own letters": ("- $\\sigma = q$", "$$ q = q $$"),
    "does not depend on any of its letters": ("- $\\sigma = 1$", "$$ q = q $$"),
    "are one and the same": ("- $\\sigma = q$\n- $\\sigma_{\\mathrm{next}} = q$", "$$ q = \\sigma $$"),
}


@pytest.mark.parametrize("why", UNSOUND)
def test_a_vocabulary_that_cannot_be_read_there_and_back_is_no_notation(why):
    lines, display = UNSOUND[why]
    text = MINE.replace("- $\\sigma, \\sigma_{\\mathrm{next}}$ : positive\n", "").replace(
        "LINES", lines + ("" if "next" in lines else "\n- $\\sigma_{\\mathrm{next}} = 2q$") + "\n\n" + display
    )
    document = read_document(text, "mine.md")
    assert not document.errors, document.errors[0]
    found, errors = notations_of([document], {c.id: c for c in document.claims}, notations())
    assert "mine" not in found and why in str(errors[0])


@pytest.mark.parametrize("name", ["edm", "ddpm", "path"])
def test_a_name_of_a_notation_cannot_be_taken(name):
    text = MINE.replace("mine\n\n", f"{name}\n\n").replace("LINES", "\n$$ q = q $$")
    document = read_document(text, "mine.md")
    found, errors = notations_of([document], {c.id: c for c in document.claims}, notations())
    assert errors and found.get(name) == notations().get(name)


def test_a_random_name_is_no_letter():
    text = r"""
/// claim | t.random
    title: A random letter
    notation: edm
    letters: $a = \sigma$
    into: ddpm

- $a, n$ : random with mean $0$ and variance $1$
- dimensions: 1

$$ \mathrm{Var}[a+n] = \mathrm{Var}[n+a] $$
///
"""
    assert "a is random" in refused(text)


def test_into_and_letters_need_a_notation():
    document = read_document(PRECOND.replace("    notation: edm\n", "").replace("    INTO\n", ""), "mine.md")
    assert "say nothing without  notation:" in str(document.errors[0])


def test_a_dummy_is_not_captured():
    text = r"""
/// claim | t.sum
    title: A sum whose index is a letter of the other notation
    notation: edm
    letters: $\sigma$
    into: flow

- $\sigma$ : positive
- $t$ : index
- $N$ : count

$$ \sum_{t=1}^N\sigma t = \sigma\sum_{t=1}^Nt $$
///
"""
    assert "letter of th" in refused(text)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (r"\left(\frac{\sqrt{1-a}}{\sqrt{a}}\right)^2+s^2", r"\frac{1-a+s^2a}{a}"),
        (r"1+\left(\sqrt{\frac{1-a}{a}}\right)^2", r"\frac{1}{a}"),
        (r"\frac{\frac{s}{\sqrt a}}{\sqrt{\frac{1-a}{a}}}", r"\frac{s}{\sqrt{1-a}}"),
        (r"e^{\frac12 s}\left(e^{\frac12 s}\right)^3", r"\exp\left(2\,s\right)"),
        (r"s-s", "0"),
    ],
)
def test_tidying(text, wanted):
    document, _ = read("/// claim | t.a\n    title: t\n\n- $a$ : (0,1)\n- $s$ : positive\n\n$$ a = a $$\n///\n")
    scope = document.claims[0].scope
    tidy = Tidy([read_formula(r"\sqrt{\frac{1-a}{a}}", scope)])

    def tidied(node):
        return tidy(node.map_children(tidied))

    assert latex(tidied(read_formula(text, scope))) == latex(read_formula(wanted, scope))
