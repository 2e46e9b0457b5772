"""What must hold of a built site, as functions that list every breach; test_faults.py plants faults to see them caught.

`faults(site)` runs them all, over files alone: what holds here holds for a reader without scripts.
"""

from __future__ import annotations

import html
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from tests.site.built import EDITIONS, Site
from verify.ledger import verdict as verdicts
from verify.site import words
from verify.site.cards import display
from verify.site.cards.card import address

CARD = re.compile(r'<section [^>]*class="vd-card (vd-\w+)([^"]*)" data-claim="([^"]+)"')
SECTION = re.compile(r"<(/?)section\b")
BADGE = re.compile(r'<span class="vd-badge vd-(\w+)"><span class="vd-sign"[^>]*>([^<]*)</span>\s*([^<]*)</span>')
STEP = re.compile(r'<li class="vd-step vd-(\w+)"')
SET = re.compile(r"<vd-formula\b[^>]*>(.*?)</vd-formula>", re.S)
TALLY = re.compile(r"<div><dt><strong>(\d+)</strong>.*?</div>", re.S)
ARTICLE = re.compile(r"<article\b.*?</article>", re.S)
QUOTED = re.compile(r"<(code|pre|vd-formula|svg|textarea|template)\b[^>]*>.*?</\1>", re.S)
MARKS = re.compile(
    r"\\\(|\\\[|\$\$|vd-hole|katex-error|\]\[[\w.-]*\]|\[@[\w:.-]+\]|(?m:^\s*/{3,}(?:\s|$))|\{[{%]|\[\[[\w.-]+:"
)
ENGLISH = re.compile(
    r'<(span|div|p|li|h\d|q|a|em|section)\b[^>]*\blang="?en"?[^>]*>.*?</\1>'  # says that it is English
    r'|<(ol|ul) class="vd-references">.*?</\2>|<div class="footnote">.*?</div>',  # titles of works
    re.S,
)
BLOCK = re.compile(
    r"</?(?:p|div|li|ul|ol|dl|dt|dd|t[dhr]|table|section|details|summary|h\d|label|legend|button)\b[^>]*>"
)
ANY_TAG = re.compile(r"<[^>]+>")
HAN = re.compile(r"[\u4e00-\u9fff]")
WORD = re.compile(r"(?<![\w.-])[a-z]{3,}(?![\w-]|\.\w)")  # no part of an id
SENTENCE = 6  # lower-case English words in a row of text without a Chinese character


def faults(site: Site) -> list[str]:
    """Every breach on the site; of a site with planted faults, on the changed pages and on the site as a whole."""
    names = [name for name in site.changed or site.names if name in site.files and name.endswith(".html")]
    found = [fault for name in names for check in PAGE_CHECKS for fault in check(site, name)]
    return found + [fault for check in SITE_CHECKS for fault in check(site)]


def language_of(name: str) -> str:
    return "zh" if name.startswith("zh/") else "en"


# ---- of one page


def structure(site: Site, name: str) -> Iterator[str]:
    """One heading of the first level, no level left out, ids once, nothing nested that must not be, its language."""
    page = site.page(name)
    yield from page.faults
    for anchor, times in Counter(page.anchors).items():
        if times > 1 and not anchor.startswith("__"):  # the theme's own switches
            yield f"{name}: anchor {anchor} twice"
    if page.lang != language_of(name):
        yield f"{name}: its language is given as {page.lang!r}"
    if name.endswith("404.html"):
        return
    if page.headings.count(1) != 1 and "notebooks/" not in name:
        yield f"{name}: {page.headings.count(1)} headings of the first level"
    for before, after in zip(page.headings, page.headings[1:], strict=False):
        if after > before + 1:
            yield f"{name}: a heading of level {after} after one of level {before}"


def hosts(site: Site, name: str) -> Iterator[str]:
    """Nothing comes from another host, and nothing in the page runs but our scripts."""
    page = site.page(name)
    yield from (f"{name}: loads {url}" for url in page.loaded if urlsplit(url).netloc)
    yield from (f"{name}: a link of scheme {it}" for it in page.outside if it not in ("", "http", "https", "mailto"))
    yield from (f"{name}: an attribute {it} that runs" for it in page.handlers)


def leftovers(site: Site, name: str) -> Iterator[str]:
    """Markdown or LaTeX that nobody rendered; a formula without its picture."""
    text = site.page(name).text
    if SET.search(text) and any(not tex.strip() for tex in SET.findall(text)):
        yield f"{name}: a formula that is not set"
    article = ARTICLE.search(text)
    plain = ANY_TAG.sub("", QUOTED.sub("", article[0])) if article else ""
    yield from (f"{name}: {found[0].strip()!r} is left over" for found in MARKS.finditer(plain))


def badges(site: Site, name: str) -> Iterator[str]:
    """Each badge has the sign and the word of its class, in the language of the page."""
    text = words.TEXT[language_of(name)]
    for verdict, sign, word in set(BADGE.findall(site.page(name).text)):
        if sign != words.SIGNS.get(verdict) or not re.fullmatch(rf"{text[verdict]}(?: \d+)?\s*", word):
            yield f"{name}: a badge {sign} {word!r} of class {verdict}"


def chinese(site: Site, name: str) -> Iterator[str]:
    """No English sentence in the Chinese edition but one that says so."""
    if language_of(name) != "zh" or "vd-untranslated" in site.page(name).text or "/notebooks/" in name:
        return
    article = ARTICLE.search(site.page(name).text)
    text = ENGLISH.sub("", QUOTED.sub(" ", article[0])) if article else ""
    for part in BLOCK.split(text):
        plain = html.unescape(ANY_TAG.sub("", part)).strip()
        if not HAN.search(plain) and len(WORD.findall(plain)) >= SENTENCE:
            yield f"{name}: English: {plain[:80]!r}"


def twins(site: Site, name: str) -> Iterator[str]:
    """The page stands in both editions, each leads to the other, with the same cards in the same order."""
    other = name.removeprefix("zh/") if language_of(name) == "zh" else f"zh/{name}"
    if other not in site.files:
        yield f"{other} is missing"
        return
    if name.endswith("404.html"):
        return
    page = site.page(name)
    if 'vd-language"' not in page.text or other not in {target for target, _, _ in page.links}:
        yield f"{name}: no link to {other}"
    here, there = (re.findall(r'data-claim="([^"]+)"', site.page(it).text) for it in (name, other))
    if here != there:
        yield f"{name}: its cards are not those of {other}"


def cards(site: Site, name: str) -> Iterator[str]:
    """A page of claims has the card of each of its topic, with all that the library knows."""
    language, library = language_of(name), site.library
    topic = re.fullmatch(r"(?:zh/)?claims/([\w-]+)\.html", name)
    wanted = [claim.id for claim in library.topics.get(topic[1], ())] if topic else []
    sections = card_sections(site.page(name).text) if wanted else {}
    if [id_ for id_ in sections if id_ in wanted] != [id_ for id_ in wanted if id_ in sections]:
        yield f"{name}: the cards do not stand in the order of the theory"
    for id_ in wanted:
        if id_ not in sections or id_ not in site.page(name).ids:
            yield f"{name}: no card {id_}"
            continue
        yield from (f"{name}: {id_}: {fault}" for fault in _card(site, id_, sections[id_], language))


def card_sections(text: str) -> dict[str, str]:
    """id -> HTML of its card, to the end of the section that opens it."""
    found = {}
    for opening in CARD.finditer(text):
        depth = 0
        for tag in SECTION.finditer(text, opening.start()):
            depth += -1 if tag[1] else 1
            if not depth:
                found[opening[3]] = text[opening.start() : tag.end()]
                break
    return found


def _card(site: Site, id_: str, body: str, language: str) -> Iterator[str]:
    card, text, opening = site.library.card(id_), words.TEXT[language], CARD.match(body)
    standing, claim = card.standing, card.claim
    if opening and (opening[1] != f"vd-{standing.verdict}" or ("vd-is-stale" in opening[2]) != standing.stale):
        yield f"class {opening[1]}{opening[2]}, but it is {standing.verdict}"
    line = BADGE.findall(body.partition('class="vd-line"')[2].partition("</div>")[0])
    wanted = [standing.verdict, *["stale"] * standing.stale, *[standing.upstream] * bool(standing.upstream)]
    if [verdict for verdict, _, _ in line] != wanted:
        yield f"badges {[verdict for verdict, _, _ in line]}, but it is {wanted}"
    if STEP.findall(body) != [step.verdict for step in card.steps]:
        yield "its steps have other verdicts"
    shown = [html.unescape(tex).strip() for tex in SET.findall(body)]
    for chain in card.chains:
        if display.marked(chain.latex, [step.verdict for step in chain.steps]).strip() not in shown:
            yield "a formula is lost"
    for item in card.mistakes:
        if item.mistake.latex.strip() not in shown:
            yield f"mistake {item.mistake.name} is lost"
    if body.count("<li>", 0, body.find("</ul>")) < len(claim.declared):
        yield "an assumption is lost"
    evidence = body.partition('class="vd-evidence"')[2].partition("</summary>")[0]
    if [verdict for verdict, _, _ in BADGE.findall(evidence)] != list(standing.routes.values()):
        yield "the evidence is lost"
    chips = {"read_first": claim.after, "uses": claim.uses, "used_by": card.used_by}
    for heading, linked in ((text[name], ids) for name, ids in chips.items()):
        if linked and f"<dt>{heading}</dt>" not in body or any(f"#{other}" not in body for other in linked):
            yield f"{heading}: a link is lost"


# ---- of the whole site


def links(site: Site) -> Iterator[str]:
    """Every link and every file of a page is there, and so is the anchor it names."""
    names = set(site.names)
    for name in names:
        if name.endswith("404.html"):
            continue  # its links are absolute, for whatever address was asked for
        for target, fragment, url in site.page(name).links:
            if target not in site.files:
                yield f"{name}: nothing at {url}"
            elif fragment and target in names and fragment not in site.page(target).ids:
                yield f"{name}: no anchor {url}"


def presence(site: Site) -> Iterator[str]:
    """Every claim has its page in both editions, every other page its twin."""
    wanted = {
        f"{edition}{address(id_).partition('#')[0]}" for id_ in site.library.claims for edition in EDITIONS.values()
    }
    yield from (f"{name} is missing" for name in sorted(wanted - site.files))
    both = {name.removeprefix("zh/") for name in site.names}
    yield from (
        f"{edition}{name} is missing"
        for name in sorted(both)
        for edition in EDITIONS.values()
        if f"{edition}{name}" not in site.files
    )


def counts(site: Site) -> Iterator[str]:
    """The numbers on the front page and in the coverage are those of the library."""
    counted = site.library.counts()
    for language, edition in EDITIONS.items():
        home, coverage = site.page(f"{edition}index.html").text, site.page(f"{edition}coverage.html").text
        shown = [(int(found[1]), BADGE.findall(found[0])) for found in TALLY.finditer(home)]
        for place, kind in enumerate(("claims", "steps", "mistakes")):
            total, listed = shown[place] if place < len(shown) else (0, [])
            wanted = [
                f"{words.TEXT[language][verdict]} {n}" for verdict in verdicts.VERDICTS if (n := counted[kind][verdict])
            ]
            if total != sum(counted[kind].values()):
                yield f"{edition}index.html: {total} {kind}, but there are {sum(counted[kind].values())}"
            if [word for verdict, _, word in listed if verdict != "stale"] != wanted:
                yield f"{edition}index.html: {kind} by verdict, but they are {wanted}"
            if f'<td class="vd-number">{sum(counted[kind].values())}</td>' not in coverage:
                yield f"{edition}coverage.html: {kind} are not {sum(counted[kind].values())}"


def index(site: Site) -> Iterator[str]:
    """The list of claims has a row for each, with its verdict."""
    wanted = {(id_, standing.verdict) for id_, standing in site.library.standings.items()}
    for edition in EDITIONS.values():
        name = f"{edition}claims/index.html"
        rows = re.findall(r'<tr data-row[^>]*data-verdict="(\w+)".*?#([\w.-]+)"', site.page(name).text, re.S)
        yield from (f"{name}: the row of {id_} differs" for id_, _ in {(i, v) for v, i in rows} ^ wanted)


def data(site: Site) -> Iterator[str]:
    """claims.json and ledger.json say what the cards say."""
    claims = {claim["id"]: claim["verdict"] for claim in json.loads(site.source("claims.json"))["claims"]}
    known = {id_: standing.verdict for id_, standing in site.library.standings.items()}
    yield from (f"claims.json: {id_} differs" for id_ in sorted(dict(claims.items() ^ known.items())))
    if json.loads(site.source("ledger.json"))["claims"].keys() != site.library.claims.keys():
        yield "ledger.json: other claims than the library's"


def styles(site: Site) -> Iterator[str]:
    """No style sheet loads from another host."""
    for name in sorted(name for name in site.files if name.endswith(".css")):
        yield from (
            f"{name}: loads {url}"
            for url in re.findall(r"""(?:url\(|@import\s+)["']?((?:https?:)?//[^"')\s]+)""", site.source(name))
        )


PAGE_CHECKS: tuple[Callable[[Site, str], Iterator[str]], ...] = (
    structure,
    hosts,
    leftovers,
    badges,
    chinese,
    twins,
    cards,
)
SITE_CHECKS: tuple[Callable[[Site], Iterator[str]], ...] = (links, presence, counts, index, data, styles)
