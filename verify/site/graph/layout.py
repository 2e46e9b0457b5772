"""Positions for the boxes and arrows of a graph, by Graphviz (Viz.js) in the V8 that also sets the formulas.

Only numbers leave the engine and only numbered boxes enter it: no id or title ever reaches Graphviz.
"""

from __future__ import annotations

import atexit
import functools
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VIZ = Path(__file__).parent.parent / "vendor" / "viz" / "viz-global.js"
WAIT = 30.0  # seconds for the engine to start; it takes 0.2
POINTS = 72  # to an inch, in which Graphviz wants the sizes of boxes

# What Viz.js expects of a browser and plain V8 lacks.
SHIM = r"""
var self = globalThis, window = globalThis, location = {href: ""}, document = {currentScript: null, baseURI: ""};
var console = {log() {}, error() {}, warn() {}};
var URL = class { constructor(url) { this.href = String(url); } };
var atob = text => {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  let bytes = "", bits = 0, held = 0;
  for (const letter of text) {
    if (letter === "=") break;
    bits = bits * 64 + letters.indexOf(letter);
    held += 6;
    if (held >= 8) { held -= 8; bytes += String.fromCharCode(Math.floor(bits / 2 ** held) & 255); bits %= 2 ** held; }
  }
  return bytes;
};
var TextDecoder = class {
  decode(bytes) { return decodeURIComponent(escape(Array.from(bytes, byte => String.fromCharCode(byte)).join(""))); }
};
var TextEncoder = class {
  encode(text) { return Uint8Array.from(unescape(encodeURIComponent(text)), letter => letter.charCodeAt(0)); }
};
0
"""


@dataclass(frozen=True)
class Placed:
    """A laid-out graph; the origin is at its top left, y grows downwards, all in CSS pixels.

    centres  of the boxes, in the order in which they were given
    curves   one a link: start, then two handles and an end for each cubic piece
    """

    width: float
    height: float
    centres: tuple[tuple[float, float], ...]
    curves: tuple[tuple[tuple[float, float], ...], ...]


@functools.cache
def _engine() -> Any:
    from py_mini_racer import MiniRacer

    engine = MiniRacer()
    atexit.register(engine.close)  # left open, mini-racer 0.14.1 hangs at exit in one run of twenty
    engine.eval(SHIM)
    engine.eval(VIZ.read_text("utf-8") + ";0")
    engine.eval("var viz = null, fault = ''; Viz.instance().then(v => { viz = v; }, e => { fault = String(e); }); 0")
    end = time.monotonic() + WAIT
    while not engine.eval("Boolean(viz)"):
        if fault := engine.eval("fault"):
            raise RuntimeError(f"Graphviz did not start: {fault}")
        if time.monotonic() > end:
            raise TimeoutError(f"Graphviz did not start within {WAIT:.0f} s")
        time.sleep(0.005)
    return engine


@functools.lru_cache(maxsize=4096)
def place(widths: tuple[float, ...], links: tuple[tuple[int, int], ...], height: float) -> Placed:
    """Boxes `widths` by `height` in columns from left to right, so that each link (from, to) leads to the right."""
    drawing = {
        "directed": True,
        "graphAttributes": {"rankdir": "LR", "nodesep": 0.12, "ranksep": 0.42},
        "nodeAttributes": {"shape": "box", "fixedsize": True, "label": "", "height": height / POINTS},
        "edgeAttributes": {"tailport": "e", "headport": "w", "arrowhead": "none"},
        "nodes": [
            {"name": str(number), "attributes": {"width": width / POINTS}} for number, width in enumerate(widths)
        ],
        "edges": [{"tail": str(start), "head": str(end)} for start, end in links],
    }
    found = _drawn(json.dumps(drawing))
    _, _, wide, high = map(float, found["bb"].split(","))
    objects = found.get("objects", ())
    centres = {int(box["name"]): _point(box["pos"], high) for box in objects}
    names = {box["_gvid"]: int(box["name"]) for box in objects}
    curves = {
        (names[edge["tail"]], names[edge["head"]]): tuple(_point(point, high) for point in edge["pos"].split())
        for edge in found.get("edges", ())
    }
    return Placed(
        wide, high, tuple(centres[number] for number in range(len(widths))), tuple(curves[link] for link in links)
    )


def _drawn(drawing: str) -> dict[str, Any]:
    from py_mini_racer import JSEvalException

    engine = _engine()
    try:
        return json.loads(engine.eval(f"JSON.stringify(viz.renderJSON({drawing}, {{engine: 'dot'}}))"))
    except JSEvalException as error:  # its text holds the whole source of Viz.js
        raise RuntimeError(f"Graphviz failed: {str(error)[-200:].strip()}") from None


def _point(text: str, high: float) -> tuple[float, float]:
    x, y = text.split(",")
    return round(float(x), 1), round(high - float(y), 1)
