"""Writes the table of defects into docs/contribute/peers.md and its Chinese mirror.

    python -m tests.contract.peers.page

The rest of the page is prose. A claim that exists is linked, one that does not yet is only named.
"""

from __future__ import annotations

import math
import re
from importlib.metadata import version
from pathlib import Path

from tests.contract.peers.defects import DEFECTS, Defect, Value
from verify.language.catalog import load_catalog

ROOT = Path(__file__).parents[3]
PAGES = {"en": ROOT / "docs/contribute/peers.md", "zh": ROOT / "docs/zh/contribute/peers.md"}
TABLE = re.compile(r"(?<=<!-- defects -->\n).*(?=<!-- end -->)", re.S)
HEADS = {
    "en": ("release", "where", "what is wrong", "gives", "right", "claim", "report"),
    "zh": ("版本", "位置", "错在何处", "给出", "正确", "论断", "报告"),
}


def number(value: Value) -> str:
    if isinstance(value, str):
        return f"`{value}`"
    if math.isnan(value):
        return "NaN"
    return "∞" if math.isinf(value) else f"{value:.7g}"


def row(defect: Defect, language: str, known: set[str]) -> str:
    claim = f"[{defect.claim}][]" if defect.claim in known else f"`{defect.claim}`"
    report = defect.report or "–"
    cells = (
        f"{defect.peer} {version(defect.peer)}",
        f"`{defect.where}`",
        defect.title[language],
        number(defect.shows),
        number(defect.right),
        claim,
        report,
    )
    return "| " + " | ".join(cells) + " |"


def table(language: str, known: set[str]) -> str:
    """The Markdown table in one language; `known` are the claims that can be linked."""
    heads = HEADS[language]
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    return "\n" + "\n".join([*lines, *(row(defect, language, known) for defect in DEFECTS)]) + "\n\n"


def page(language: str, known: set[str]) -> str:
    """The whole page with its table renewed."""
    return TABLE.sub(lambda _: table(language, known), PAGES[language].read_text("utf-8"))


def main() -> None:
    known = set(load_catalog(ROOT).claims)
    for language, path in PAGES.items():
        path.write_text(page(language, known), "utf-8")


if __name__ == "__main__":
    main()
