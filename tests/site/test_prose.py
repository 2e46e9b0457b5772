"""The Chinese edition of what claims say: complete, nothing left over, and the same formulas."""

from __future__ import annotations

import re
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from verify.language.catalog import load_catalog
from verify.language.claim import Claim
from verify.language.document import read_document
from verify.site import words
from verify.site.cards import display
from verify.site.cards.card import Printer, Shelf
from verify.site.contents.lists import ListError
from verify.site.contents.model import Library
from verify.site.contents.prose import kept, read_prose

ROOT = Path(__file__).parents[2]
HEADER = "What these lines are.\n\n"


@pytest.fixture(scope="module")
def claims() -> dict[str, Claim]:
    catalog = load_catalog(ROOT)
    assert not catalog.errors
    return catalog.claims


@pytest.fixture(scope="module")
def prose() -> dict[str, dict[str, str]]:
    return read_prose(ROOT)


def test_every_passage_of_a_claim_is_translated(claims, prose) -> None:
    missing = [
        f"{claim.id}: {passage}"
        for claim in claims.values()
        for passage in claim.prose
        if passage and passage not in prose.get(claim.topic, {})
    ]
    assert not missing, "add these to the prose.zh.txt of their topics:\n" + "\n".join(missing)


def test_no_translation_is_left_over(claims, prose) -> None:
    said = {(claim.topic, passage) for claim in claims.values() for passage in claim.prose}
    stale = [
        f"{topic}: {english}" for topic, pairs in prose.items() for english in pairs if (topic, english) not in said
    ]
    assert not stale, "no claim says this any more:\n" + "\n".join(stale)


def test_every_title_slogan_and_statement_has_both_languages(claims) -> None:
    for claim in claims.values():
        for texts in (claim.title, claim.slogan, claim.words, claim.assumed):
            assert not texts or texts.keys() == {"en", "zh"}, claim.id
            assert not texts or kept(texts["en"]) == kept(texts["zh"]), claim.id
        assert claim.title and claim.slogan, claim.id
        for mistake in claim.mistakes:
            assert mistake.title.keys() == {"en", "zh"}, mistake.name
            assert kept(mistake.title["en"]) == kept(mistake.title["zh"]), mistake.name


def reasons(claims: dict[str, Claim]) -> set[str]:
    """The reasons that stand in the glossary or should, without the rules that they name."""
    said = {
        display.reason_prose(row.reason).strip() for claim in claims.values() for rows in claim.chains for row in rows
    }
    return {words.spoken(reason) for reason in said} - {""}


def test_the_glossary_of_reasons_is_complete(claims) -> None:
    known = words.glossary()
    assert not sorted(reasons(claims) - known.keys()), "add these to verify/site/reasons.zh.txt"
    assert not sorted(known.keys() - reasons(claims)), "no step gives these reasons any more"
    for english, chinese in known.items():
        assert kept(english) == kept(chinese), english


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        (r"the right side is $\frac{1}{2}$ times the left side", r"右边是左边的 $\frac{1}{2}$ 倍"),
        ("a change of one symbol (DROP-TERM) mends the right side: $a$", "改动一个符号（DROP-TERM）即可修正右边：$a$"),
        ("a sum or product of more than 200 terms", "求和或连乘超过 200 项"),
        ("something that nobody has said yet", ""),
    ],
)
def test_what_a_judge_says_is_translated_around_its_formulas(english: str, chinese: str) -> None:
    assert words.finding(english) == chinese


def test_no_declaration_keeps_english_words(claims) -> None:
    for claim in claims.values():
        for line in claim.declared:
            plain = re.sub(r"\$[^$]*\$", "", words.declaration(line, "zh"))
            for id_ in claim.premises:
                plain = plain.replace(id_, "")
            assert not re.search("[A-Za-z]{2,}", plain.replace("Rademacher", "")), f"{claim.id}: {line}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("One line.\n", ":3: a passage is two lines, English and 中文; here are 1"),
        ("One.\n一。\n二。\n", ":3: a passage is two lines, English and 中文; here are 3"),
        ("One.\n一。\n\nOne.\n又一。\n", ":6: this passage stands here twice"),
        ("With $a$ and $a$.\n有 $a$。\n", ":3: $a$ does not stand in both languages"),
        ("With $a$.\n有 $a$ 与 $b$。\n", ":3: $b$ does not stand in both languages"),
        ("See [gauss.sum][].\n见 [gauss.product][]。\n", ":3: [gauss.sum][] does not stand in both languages"),
    ],
)
def test_a_pair_that_cannot_be_right_is_refused_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "verify/theory/demo/prose.zh.txt"
    file.parent.mkdir(parents=True)
    file.write_text(HEADER + text, "utf-8")
    with pytest.raises(ListError, match="^" + re.escape(f"verify/theory/demo/prose.zh.txt{message}")):
        read_prose(tmp_path)


def test_a_passage_without_chinese_is_shown_in_english_and_says_so(tmp_path: Path) -> None:
    text = textwrap.dedent(r"""
        /// claim | demo.square
            title: The square
            title-zh: 平方
            slogan: Not told in the other language.

        - $a$ : real

        Of $a$ alone,
        on two lines:

        $$ (a+a)^2 = 4a^2 $$

        No more.
        ///
        """)
    (claim,) = read_document(text, "demo.md").claims
    pairs = {"demo": {"Of $a$ alone, on two lines:": "只有 $a$，写成两行："}}
    english, chinese = (
        Printer(Shelf(Library({}, {}, {}), language, prose=pairs), "index.html") for language in ("en", "zh")
    )

    def tell(printer: Printer, passage: str) -> str:
        return str(printer.tell(printer.shelf.passage(claim, passage)))

    assert tell(chinese, claim.prose[0]).startswith("只有 <vd-formula") and "lang=" not in tell(chinese, claim.prose[0])
    assert tell(chinese, claim.prose[1]) == '<span lang="en">No more.</span>'
    assert chinese.tell(claim.slogan).startswith('<span lang="en">Not told')
    assert tell(chinese, replace(claim, prose=("Changed.",)).prose[0]) == '<span lang="en">Changed.</span>'
    assert tell(english, claim.prose[1]) == "No more." and english.tell(claim.slogan).startswith("Not told")


@pytest.mark.parametrize(
    "said",
    [
        "by gauss.sum and edm.precond, then sign of the normal form, d = 1, 2, 3",
        "integrate by parts, then normal form, every d",
        "by induction on t, then normal form, scalar",
        "certified inequality, every d",
        "5 drawn points; the remainder over N^2 stays bounded from 1e-3 to 1e-6; evaluated in 50 digits",
        "d = 2: 5 drawn points; functions that solve the declared equations near one time",
    ],
)
def test_a_method_is_told_in_one_language(said: str) -> None:
    told = re.sub(r"[a-z]+\.[a-z]+", "", words.method(said, "zh"))
    assert not re.search(r"[a-z]{2,}|[\u4e00-\u9fff] ?[,;]", told), told
