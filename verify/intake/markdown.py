"""A stranger's Markdown as harmless Markdown: the words stay, what would act on the site or on the build does not.

Kept: paragraphs, lists, emphasis, quotations, tables, code, formulas that can be set, links to the web, references to
claims that exist. Shown as text instead: HTML, blocks, attributes, images, other links, unknown references. A second
guard stands where pages are rendered (`verify.site.markdown.guard`), for text that came another way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

from verify.intake.text import visible
from verify.language.errors import LanguageError

MAX_TEXT = 20_000
MAX_FORMULA = 2_000
SHORTER = "say it in fewer words, or ask two questions"

_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.S)
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})([^\n`]*)$")
_CODE = r"(?P<ticks>`+)(?!`)(?:.*?)(?<!`)(?P=ticks)(?!`)"
_FORMULA = r"\$\$(?P<display>.*?)\$\$|\$(?P<inline>[^$\n]+)\$"
_INLINE = re.compile(r"\$([^$]+)\$")
_KEPT = re.compile(f"{_CODE}|{_FORMULA}", re.S)
_REFERENCE = re.compile(r"\[([^\[\]\n]{0,300})\]\[([^\[\]\n]{0,100})\]")
_LINK = re.compile(r"\[([^\[\]\n]{0,300})\]\((https?://[A-Za-z0-9][^\s()<>\"'{}\\]{0,500})\)")
_ENTITIES = {"[": "&#91;", "{": "&#123;", "<": "&lt;"}


def neutral(text: str, claims: Collection[str] = (), settable: Callable[[str], bool] = lambda tex: True) -> str:
    """`text` as Markdown that only shows something.

    claims    ids that may be referred to as [topic.name][]
    settable  whether a formula can be set; one that cannot is shown as code
    LanguageError for a text that is too long: nothing is cut off unseen.
    """
    text = _COMMENT.sub("", visible(text))
    if len(text) > MAX_TEXT:
        raise LanguageError(f"a text has {len(text):,} characters; at most {MAX_TEXT:,}", suggestion=SHORTER)
    out: list[str] = []
    prose: list[str] = []
    fence = ""
    for line in text.split("\n"):
        mark = _FENCE.match(line)
        if fence:
            closes = mark and mark[1].startswith(fence) and not mark[2].strip()
            out.append(fence if closes else line)
            fence = "" if closes else fence
        elif mark:
            out.append(_prose("\n".join(prose), claims, settable)) if prose else None
            prose = []
            fence = mark[1]
            out.append(fence + "".join(re.findall(r"\A\s*([A-Za-z0-9+#-]{1,20})", mark[2])))
        else:
            prose.append(line)
    out.append(fence or _prose("\n".join(prose), claims, settable))
    return "\n".join(out).strip("\n")


def _prose(text: str, claims: Collection[str], settable: Callable[[str], bool]) -> str:
    """Text outside fences: what stands between code and formulas is made harmless, formulas are looked at."""
    out, place = [], 0
    for kept in _KEPT.finditer(text):
        out.append(_plain(text[place : kept.start()], claims))
        tex = kept["display"] if kept["display"] is not None else kept["inline"]
        if tex is None or _may_be_set(tex, settable):
            out.append(kept[0])
        else:
            out.append(f"`{' '.join(tex.replace('`', ' ').split())[:MAX_FORMULA] or '$'}`")
        place = kept.end()
    out.append(_plain(text[place:], claims))
    return _lines("".join(out))


def without_unset(line: str, settable: Callable[[str], bool]) -> str:
    """A title in which a formula that cannot be set has lost its dollars."""
    return _INLINE.sub(lambda found: found[0] if _may_be_set(found[1], settable) else found[1], line)


def _may_be_set(tex: str, settable: Callable[[str], bool]) -> bool:
    """Is there a formula that can be set, and none that would wear the marks of a verdict?"""
    return bool(tex.strip()) and len(tex) <= MAX_FORMULA and "\\html" not in tex and settable(tex)


def _plain(text: str, claims: Collection[str]) -> str:
    """Brackets and braces that Markdown would act on become the characters themselves."""
    held: list[str] = []

    def hold(piece: str) -> str:
        held.append(piece)
        return f"\x00{len(held) - 1}\x00"  # `visible` has left no such character in the text

    def reference(found: re.Match[str]) -> str:
        name = found[2] or found[1]
        return hold(f"[{name}][]") if name in claims else found[0]

    def link(found: re.Match[str]) -> str:
        return hold(f"[{_entities(found[1])}]({found[2]})")

    text = _LINK.sub(link, _REFERENCE.sub(reference, text.replace("![", "[")))
    return re.sub(r"\x00(\d+)\x00", lambda found: held[int(found[1])], _entities(text))


def _entities(text: str) -> str:
    return re.sub(r"[\[{]|<(?=[A-Za-z/!?])", lambda found: _ENTITIES[found[0]], text)


def _lines(text: str) -> str:
    """Headings go below the page's own; lines that open blocks, admonitions or front matter lose their power."""
    text = re.sub(r"^( {0,3})#{1,6}(?=\s)", r"\1####", text, flags=re.M)
    text = re.sub(r"^([\s>]*)/(?=//)", r"\1&#47;", text, flags=re.M)
    text = re.sub(r"^([\s>]*)(!|\?)(?=\2\2)", lambda found: f"{found[1]}&#{ord(found[2])};", text, flags=re.M)
    return re.sub(r"^([\s>]*)([-=])(?=[-=]{2,}\s*$)", r"\1\\\2", text, flags=re.M)
