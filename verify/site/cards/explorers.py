"""Explorers: pictures that follow a reader's settings, with the claims they illustrate.

The mathematics and the drawing are scripts in docs/assets/explorers that need no browser. The build runs them in its
own V8, so a page shows the picture of the default settings before any script runs, and with scripts off.
"""

from __future__ import annotations

import atexit
import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup

from verify.site.cards.card import Printer
from verify.site.contents.explorer_settings import EXPLORERS, Explorer
from verify.site.contents.model import Library

FOLDER = "assets/explorers"
SHARED = ("numerics.js", "figure.js")  # `controls.js`, the one file that knows the document, comes last


def read_scripts(root: Path) -> dict[str, str]:
    """The scripts of the project at `root`, by name."""
    return {file.name: file.read_text("utf-8") for file in sorted((root / "docs" / FOLDER).glob("*.js"))}


def faults(explorer: Explorer, library: Library) -> list[str]:
    """What keeps an explorer from being shown: claims that there are not."""
    return [f"the explorer {explorer.name} names {id_}, and there is no such claim"
            for id_ in explorer.claims if id_ not in library.claims]  # fmt: skip


def render(name: str, printer: Printer) -> str:
    """The explorer `name` as HTML for the printer's page."""
    explorer, language = EXPLORERS[name], printer.shelf.language
    scripts = (*SHARED, *explorer.scripts, "controls.js")
    return printer.render(
        "explorer",
        explorer=explorer,
        words=explorer.said(language),
        drawn=Markup(drawn(name, language, sources(printer.shelf.scripts))),
        style="assets/explorers.css",
        scripts=[f"{FOLDER}/{script}" for script in scripts],
    )


def sources(scripts: Mapping[str, str]) -> tuple[str, ...]:
    """What a V8 has to hold to draw, in order. ValueError for a script that is missing."""
    names = dict.fromkeys((*SHARED, *(script for explorer in EXPLORERS.values() for script in explorer.scripts)))
    if missing := [name for name in names if name not in scripts]:
        raise ValueError(f"docs/{FOLDER} lacks {', '.join(missing)}: the explorers cannot be drawn")
    return tuple(scripts[name] for name in names)


@functools.lru_cache(maxsize=16)
def drawn(name: str, language: str, texts: tuple[str, ...]) -> str:
    """The pictures and tables of the default settings, as the browser would draw them; what they say is escaped."""
    explorer = EXPLORERS[name]
    settings, words = json.dumps(explorer.defaults()), json.dumps(explorer.said(language))
    view = f"explorers.views[{json.dumps(name)}]({settings}, {words})"
    engine = v8(texts)
    return str(engine.eval(f"explorers.figure.toText(explorers.figure.page({view}))"))


@functools.lru_cache(maxsize=2)
def v8(texts: tuple[str, ...]) -> Any:
    """A V8 that holds the scripts of all explorers."""
    from py_mini_racer import MiniRacer

    engine = MiniRacer()
    atexit.register(engine.close)  # left open, mini-racer 0.14.1 hangs at exit in one run of twenty
    for text in texts:
        engine.eval(text + ";0")
    return engine
