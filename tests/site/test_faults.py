"""The checks of the built site hold, and have power: each fault planted in the built HTML is noticed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.site.built import Site
from tests.site.checks import card_sections, faults
from verify.ledger.verdict import VERDICTS
from verify.site import words
from verify.site.cards.card import address
from verify.site.contents.model import Library

EN, ZH = "claims/cm.html", "zh/claims/cm.html"  # a small page with a card of each verdict
STALE = "the page of the claim that is stale"
Change = Callable[[str], str]


@pytest.fixture(scope="module")
def whole(site: Path, library: Library) -> Site:
    return Site(site, library)


def test_every_kind_of_verdict_is_on_the_site(library: Library) -> None:
    assert {standing.verdict for standing in library.standings.values()} == set(VERDICTS)
    assert any(standing.stale for standing in library.standings.values())


def test_the_site_has_no_fault(whole: Site) -> None:
    assert faults(whole) == []


def sub(old: str, new: str) -> Change:
    """Replaces the first match of `old`."""

    def change(text: str) -> str:
        return re.sub(old, new, text, count=1, flags=re.S)

    return change


def swapped(text: str) -> str:
    """The first two cards change places."""
    first, second = list(card_sections(text).values())[:2]
    return text.replace(first, "@", 1).replace(second, first, 1).replace("@", second, 1)


def raised(text: str) -> str:
    """The verdict of the first claim that is not proved is raised in claims.json."""
    data = json.loads(text)
    next(claim for claim in data["claims"] if claim["verdict"] != "proved")["verdict"] = "proved"
    return json.dumps(data)


PLANTED = {
    "a card is missing": (EN, sub(r'<section [^>]*class="vd-card.*?</section>', ""), "no card"),
    "a card of the wrong class": (
        EN,
        sub(r'class="vd-card vd-(?!proved)\w+', 'class="vd-card vd-proved'),
        "class vd-proved",
    ),
    "a badge with another word": (
        EN,
        sub(r"(vd-badge vd-refuted.*?</span>) refuted", r"\1 proved"),
        "of class refuted",
    ),
    "a badge with another sign": (EN, sub(r'(vd-badge vd-refuted"><span[^>]*>)✗', r"\1✓"), "a badge ✓"),
    "a badge of another verdict": (
        EN,
        sub(
            r'(class="vd-line">(?:(?!</div>).)*?)<span class="vd-badge vd-(?!proved).*?</span>\s*\w+</span>',
            r'\1<span class="vd-badge vd-proved"><span class="vd-sign" aria-hidden="true">✓</span> proved</span>',
        ),
        "badges",
    ),
    "a stale mark is lost": (
        STALE,
        sub(r'<span class="vd-badge vd-stale">.*?</span>[^<]*</span>', ""),
        "badges",
    ),
    "a step of another verdict": (
        EN,
        sub(r'<li class="vd-step vd-(?!proved)\w+"', '<li class="vd-step vd-proved"'),
        "its steps",
    ),
    "a formula is lost": (
        EN,
        sub(r'(class="vd-card.*?)<vd-formula class="vd-display".*?</vd-formula>', r"\1"),
        "a formula is lost",
    ),
    "a formula without its picture": (EN, sub(r'<span class="katex-html".*?</vd-formula>', "</vd-formula>"), "not set"),
    "a mistake is lost": (EN, sub(r'(<div class="vd-mistake">.*?)<vd-formula.*?</vd-formula>', r"\1"), "mistake"),
    "an assumption is lost": (EN, sub(r'(class="vd-assumptions".*?)<li>.*?</li>', r"\1"), "an assumption is lost"),
    "an evidence block is lost": (EN, sub(r'<details class="vd-evidence">.*?</details>', ""), "the evidence is lost"),
    "a link to what it uses is lost": (
        EN,
        sub(rf"<dt>{words.TEXT['en']['uses']}</dt><dd[^>]*>.*?</dd>", ""),
        "a link is lost",
    ),
    "the cards in another order": (EN, swapped, "order of the theory"),
    "the cards of one language in another order": ("zh/edm/preconditioning.html", swapped, "are not those of"),
    "raw display maths": (EN, sub(r"</article>", "<p>$$ x = 1 $$</p></article>"), "'$$' is left over"),
    "a reference that nobody resolved": (
        EN,
        sub(r"</article>", "<p>[the score][edm.scroe]</p></article>"),
        "is left over",
    ),
    "a citation that nobody resolved": (EN, sub(r"</article>", "<p>[@nobody1999]</p></article>"), "is left over"),
    "a block that nobody rendered": (
        EN,
        sub(r"</article>", "<p>\n/// card | edm.precond\n///</p></article>"),
        "is left over",
    ),
    "a script of another host": (
        EN,
        sub(r"</body>", '<script src="https://example.org/x.js"></script></body>'),
        "loads https:",
    ),
    "a style sheet of another host": (
        EN,
        sub(r"</head>", '<link rel="stylesheet" href="//example.org/x.css"></head>'),
        "loads //",
    ),
    "a style that loads from another host": (
        "assets/book.css",
        lambda text: text + "@import url(https://example.org/x.css);",
        "loads https:",
    ),
    "a link that runs": (EN, sub(r"</article>", '<a href="javascript:alert(1)">x</a></article>'), "scheme javascript"),
    "an attribute that runs": (EN, sub(r"<article\b", '<article onclick="alert(1)"'), "onclick that runs"),
    "a link in a formula": (
        EN,
        sub(r'<span class="katex">', '<span class="katex"><a href="x.html"></a>'),
        "a formula with",
    ),
    "an anchor is lost": (EN, sub(r' id="cm\.[\w.-]+"', ""), "no anchor"),
    "an anchor is there twice": (
        EN,
        sub(r"</article>", '<p id="former-ids"></p><p id="former-ids"></p></article>'),
        "twice",
    ),
    "a link leads nowhere": (EN, sub(r"</article>", '<a href="gone.html">x</a></article>'), "nothing at gone.html"),
    "a link inside a link": (
        EN,
        sub(r"</article>", '<a href="cm.html">x <a href="cm.html">y</a></a></article>'),
        "inside a link",
    ),
    "a picture without words": (EN, sub(r"</article>", '<img src="../assets/logo.svg"></article>'), "without words"),
    "a second first heading": (EN, sub(r"</article>", "<h1>Again</h1></article>"), "2 headings"),
    "a level of headings left out": (EN, sub(r"</article>", "<h2>a</h2><h4>b</h4></article>"), "level 4 after"),
    "English left in Chinese": (
        ZH,
        sub(r"</article>", "<p>Every claim has a card with its verdict.</p></article>"),
        "English:",
    ),
    "an English badge in Chinese": (
        ZH,
        sub(r"(vd-badge vd-refuted.*?</span>) 已否定", r"\1 refuted"),
        "of class refuted",
    ),
    "a page that calls itself English": (ZH, sub(r'<html lang="zh"', '<html lang="en"'), "language is given as 'en'"),
    "no link to the other language": (EN, sub(r'<a [^>]*vd-language"[^>]*>.*?</a>', ""), "no link to zh/"),
    "a page is missing": (EN, None, "claims/cm.html is missing"),
    "a Chinese page is missing": ("zh/notation.html", None, "zh/notation.html is missing"),
    "a count on the front page": (
        "index.html",
        sub(r"<dt><strong>\d+</strong>", "<dt><strong>9999</strong>"),
        "9999 claims",
    ),
    "a verdict's count on the front page": (
        "zh/index.html",
        sub(r"(</span> 已证明) \d+", r"\1 9999"),
        "claims by verdict",
    ),
    "a total of the coverage": (
        "coverage.html",
        sub(r'(vd-total.*?vd-number">)\d+', r"\g<1>9999"),
        "coverage.html: claims",
    ),
    "a row of the list is lost": ("claims/index.html", sub(r"<tr data-row.*?</tr>", ""), "the row of"),
    "a row with another verdict": (
        "zh/claims/index.html",
        sub(r'data-verdict="(?!proved)\w+"', 'data-verdict="proved"'),
        "the row of",
    ),
    "another verdict in the data": ("claims.json", raised, "claims.json:"),
    "a claim is not in the ledger's data": (
        "ledger.json",
        lambda text: text.replace('"edm.precond": {', '"edm.x": {'),
        "ledger.json:",
    ),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_noticed(whole: Site, fault: str) -> None:
    name, change, said = PLANTED[fault]
    if name == STALE:
        stale = next(id_ for id_, standing in whole.library.standings.items() if standing.stale)
        name = address(stale).partition("#")[0]
    text = change(whole.source(name)) if change else None
    assert text != whole.source(name), "nothing was planted"
    found = faults(whole.with_file(name, text))
    assert any(said in line for line in found), found[:5]
