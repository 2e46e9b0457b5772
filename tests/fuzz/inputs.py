r"""What the fuzzer feeds: arbitrary text, damaged formulas of real pages, and real claims with small changes."""

from __future__ import annotations

import re

from hypothesis import strategies as st

from tests.language.test_fuzz import LINES, ROOT, SOUP, WORDS, damaged, damaged_pages

PAGES = [ROOT / "tests/contract" / f"{name}.md" for name in ("corpus", "hostile", "delicate", "wild")]
PAGES += sorted((ROOT / "verify/theory").glob("*/claims.md"))
BLOCK = re.compile(r"^/// claim \| .*?^///$", re.M | re.S)
TOKEN = re.compile(r"\\[A-Za-z]+|\\.|[0-9]+|[A-Za-z]|.", re.S)
KINDS = (
    "real", "positive", "nonnegative", "(0,1)", "integer", "count", "vector", "function", "positive function",
    "vector function", "density", "sequence in real", "positive family", "Wiener vector", "matrix", "relation",
    "equation",
)  # fmt: skip
DIMENSIONS = ("any", "1", "2", "1, 2, 3")

BLOCKS = [
    block for page in PAGES for block in BLOCK.findall(page.read_text("utf-8")) if "$$" in block and len(block) < 3_000
]
WILD = re.findall(r"\$\$\n(.*?)\n\$\$", (ROOT / "tests/contract/wild.md").read_text("utf-8"), re.S)

formulas = SOUP | st.text(max_size=80) | damaged([*LINES, *WILD], 4)
pages = damaged_pages()


@st.composite
def claims(draw: st.DrawFn) -> str:
    """A real claim with one to three small changes: most of them can still be read."""
    text = draw(st.sampled_from(BLOCKS))
    for _ in range(draw(st.integers(1, 3))):
        text = draw(st.sampled_from((_token, _token, _number, _kind, _dimension, _dropped, _damaged)))(draw, text)
    return text


def _displayed(text: str) -> tuple[int, int]:
    begin = text.index("$$") + 2 if "$$" in text else 0
    end = text.rfind("$$")
    return (begin, end) if begin < end else (0, len(text))


def _token(draw: st.DrawFn, text: str) -> str:
    """A token of the formula replaced by another one of the same block, or removed, or doubled."""
    begin, end = _displayed(text)
    tokens = TOKEN.findall(text[begin:end])
    if not tokens:
        return text
    place = draw(st.integers(0, len(tokens) - 1))
    old = tokens[place]
    tokens[place] = draw(st.sampled_from((draw(st.sampled_from(tokens)), "", old * 2, draw(st.sampled_from(WORDS)))))
    return text[:begin] + "".join(tokens) + text[end:]


def _number(draw: st.DrawFn, text: str) -> str:
    numbers = list(re.finditer(r"(?<![A-Za-z_.-])[0-9]+", text))
    if not numbers:
        return text
    chosen = draw(st.sampled_from(numbers))
    number = draw(st.sampled_from(("0", "1", "2", "3", "-1", "10", "0.5")))
    return text[: chosen.start()] + number + text[chosen.end() :]


def _kind(draw: st.DrawFn, text: str) -> str:
    kinds = list(re.finditer(r"(?<=\$ : )[^;\n$]+", text))
    if not kinds:
        return text
    chosen = draw(st.sampled_from(kinds))
    return text[: chosen.start()] + draw(st.sampled_from(KINDS)) + text[chosen.end() :]


def _dimension(draw: st.DrawFn, text: str) -> str:
    other = draw(st.sampled_from(DIMENSIONS))
    if "- dimensions:" in text:
        return re.sub(r"- dimensions: .*", f"- dimensions: {other}", text)
    begin = text.index("$$")
    return f"{text[:begin]}- dimensions: {other}\n\n{text[begin:]}"


def _dropped(draw: st.DrawFn, text: str) -> str:
    lines = text.splitlines(keepends=True)
    items = [n for n, line in enumerate(lines) if line.startswith("- ")]
    if items:
        del lines[draw(st.sampled_from(items))]
    return "".join(lines)


def _damaged(draw: st.DrawFn, text: str) -> str:
    begin, end = _displayed(text)
    inner = text[begin:end]
    return text[:begin] + draw(damaged([inner], 1)) + text[end:] if inner else text
