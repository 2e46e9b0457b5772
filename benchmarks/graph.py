"""The graph of a large library: seconds of layout while the site is built, and until a reader can use the page.

    python -m benchmarks.graph [--site site] [--claims 500 1000 2000]

Claims are made up, with about 1.3 edges each, most of them within a topic. The page is that of a built site with the
drawing put in its place, served from this machine and opened cold in Chromium. Interactive means that the script has
run and two frames have been painted; a choice is timed from the click to the frame that shows it. The seconds of the
main thread do not depend on what else the machine does. The row of 0 claims is the page without its graph.
"""

from __future__ import annotations

import argparse
import gzip
import random
import re
import statistics
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from tests.site.serving import serving
from verify.language.claim import Claim
from verify.language.scope import Scope
from verify.ledger.standing import Standing
from verify.ledger.verdict import VERDICTS
from verify.site.cards.card import Printer, Shelf
from verify.site.contents.model import Library
from verify.site.graph.page import graph_page

GOAL = 1.5  # seconds until a page of 2,000 claims is interactive
ELEMENT = re.compile(r"<vd-graph\b.*?</vd-graph>", re.S)
WORDS = "noise score path bridge prior kernel drift bound weight level sampler target mean flow".split()
READY = """
new MutationObserver(() => {
  if (document.querySelector("vd-graph[data-ready]") && !globalThis.readyAt) {
    globalThis.readyAt = 1;
    requestAnimationFrame(() => requestAnimationFrame(() => { globalThis.readyAt = performance.now(); }));
  }
}).observe(document, {attributes: true, subtree: true});
"""
CHOOSE = """() => new Promise(done => {
  const start = performance.now();
  const box = document.querySelector(".vd-map .vd-node rect");
  box?.dispatchEvent(new MouseEvent("click", {bubbles: true, cancelable: true}));
  requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - start)));
})"""


def library(count: int, seed: int = 0, topics: int = 20) -> Library:
    """`count` claims in `topics` topics; each uses up to three earlier ones, four in five of its own topic."""
    draw = random.Random(seed)
    names = [f"t{number:02}" for number in range(topics)]
    ids = [f"{names[n % topics]}.{draw.choice(WORDS)}-{draw.choice(WORDS)}-{n}" for n in range(count)]
    claims, standings = {}, {}
    for number, id_ in enumerate(ids):
        near = [other for other in ids[:number] if other.startswith(id_[:4])][-30:]
        far = ids[:number]
        wanted = draw.choices((0, 1, 2, 3), (20, 40, 30, 10))[0] if far else 0
        uses = {draw.choice(near if near and draw.random() < 0.8 else far) for _ in range(wanted)}
        title = {
            "en": f"A {draw.choice(WORDS)} of the {draw.choice(WORDS)}, number {number}",
            "zh": f"第 {number} 条论断",
        }
        claims[id_] = Claim(id_, title, Scope(), (), (), uses=tuple(sorted(uses)), line=number)
        standings[id_] = Standing(draw.choices(VERDICTS, (80, 8, 4, 4, 2, 2))[0], "", "", {}, "any", False, 0.1)
    return Library(claims, {}, standings)


def measure(count: int, site: Path, browser, rounds: int) -> list[str]:
    """One row of the table."""
    made = library(count)
    started = time.perf_counter()
    values = graph_page(Shelf(made))
    laid_out = time.perf_counter()
    element = ELEMENT.search(Printer(Shelf(made), "graph.html").render("graph", **values))[0]
    written = time.perf_counter()
    page = ELEMENT.sub(lambda _: element, (site / "graph.html").read_text("utf-8"))
    ready, chosen, spent = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "graph.html").write_text(page, "utf-8")
        (Path(folder) / "assets").symlink_to((site / "assets").resolve())
        with serving(Path(folder)) as address:
            for _ in range(rounds):
                context = browser.new_context(viewport={"width": 1280, "height": 900})
                opened = context.new_page()
                opened.add_init_script(READY)
                session = context.new_cdp_session(opened)
                session.send("Performance.enable", {"timeDomain": "threadTicks"})
                opened.goto(f"{address}graph.html", wait_until="commit")
                opened.wait_for_function("globalThis.readyAt > 1")
                metrics = session.send("Performance.getMetrics")["metrics"]
                spent.append(next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration"))
                ready.append(opened.evaluate("readyAt") / 1000)
                chosen.append(opened.evaluate(CHOOSE) / 1000)
                context.close()
    return [
        f"{count}",
        f"{len(made.graph.edges)}",
        f"{laid_out - started:.2f}",
        f"{written - laid_out:.2f}",
        f"{len(page) / 1e6:.2f}",
        f"{len(gzip.compress(page.encode())) / 1e3:.0f}",
        f"{statistics.median(ready):.2f}",
        f"{max(ready):.2f}",
        f"{statistics.median(spent):.2f}",
        f"{statistics.median(chosen):.3f}",
    ]


def main() -> None:
    from playwright.sync_api import sync_playwright

    from tests.site.browser import ARGUMENTS, MENDING, find_browser

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--site", type=Path, default=Path("site"), help="a built site, as `verify site build` leaves it"
    )
    parser.add_argument("--claims", type=int, nargs="+", default=[0, 150, 500, 1000, 2000])
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    if not (asked.site / "graph.html").is_file():
        raise SystemExit(f"no graph.html in {asked.site}: run `verify site build` first")
    heads = (
        "claims",
        "edges",
        "layout s",
        "page s",
        "MB",
        "kB gzip",
        "interactive s",
        "slowest s",
        "thread s",
        "choice s",
    )
    table = Table(*heads, title=f"The graph; goal: 2,000 claims interactive in {GOAL} s")
    with sync_playwright() as playwright:
        path = find_browser(playwright.chromium.executable_path)
        if path is None:
            raise SystemExit(MENDING)
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=list(ARGUMENTS))
        for count in track(asked.claims, "graphs", console=Console(stderr=True)):
            table.add_row(*measure(count, asked.site, browser, asked.rounds))
        browser.close()
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
