"""Whether a built site may be published: every id that was ever given out answers in both editions, nothing is stale.

Reads the files of the site, not the objects they were built from: what is missing here is missing for readers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

from verify.language.ids import Register
from verify.site.cards.card import address

EDITIONS = ("", "zh/")
_ANCHOR = re.compile(r"""\bid=["']?([^"'\s>]+)""")


def shortcomings(site: Path, register: Register, present: Iterable[str]) -> list[str]:
    """What keeps `site` from being published, one sentence each.

    present  ids of all claims and questions of the sources
    """
    present = list(present)
    found = [f"{id_} is not in the register: verify ids add" for id_ in register.new(present)]
    anchors: dict[str, set[str] | None] = {}
    for id_ in dict.fromkeys((*register.ids, *present)):
        for edition in EDITIONS:
            page, _, anchor = f"{edition}{address(id_)}".partition("#")
            if page not in anchors:
                anchors[page] = _anchors(site / page)
            held = anchors[page]
            if held is None:
                found.append(f"{id_}: the page {page} is missing")
            elif anchor and anchor not in held:
                found.append(f"{id_}: {page} has no anchor #{anchor}")
    return found + _unfit(site / "claims.json", {id_ for id_ in present if "." in id_})


def _anchors(page: Path) -> set[str] | None:
    return set(_ANCHOR.findall(page.read_text("utf-8"))) if page.is_file() else None


def _unfit(file: Path, claims: set[str]) -> list[str]:
    """Claims without a card's data, and claims whose verdict no longer belongs to what is shown."""
    if not file.is_file():
        return [f"{file.name} is missing"]
    shown = {entry["id"]: entry for entry in json.loads(file.read_text("utf-8"))["claims"]}
    absent = [f"{id_}: {file.name} does not have it" for id_ in sorted(claims - shown.keys())]
    extra = [f"{id_}: {file.name} has it, the sources do not" for id_ in sorted(shown.keys() - claims)]
    stale = [
        f"{id_}: its verdict is stale, or was never made: verify run {id_}" for id_ in shown if shown[id_]["stale"]
    ]
    return absent + extra + stale
