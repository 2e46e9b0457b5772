"""Seconds until the playground's first verdict, and from an edit to its verdict, in a real browser.

    python -m benchmarks.playground [SITE]        SITE: a built site (default: site/)

Cold: a browser that has no file of the site in its cache; from the press of Run to the first step with a verdict, and
to the whole answer. Warm: the same page again, its files in the cache. Edit: one step of the derivation changed; from
the run to the verdict of that step, without the pause that the page leaves for typing, and to the whole answer. Wall
seconds, and the CPU seconds of all the browser's processes: on a busy machine the first are longer than the second.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path

from playwright.sync_api import Browser, CDPSession, Page, sync_playwright
from rich.console import Console
from rich.table import Table

from tests.site import browser as finding
from tests.site.serving import serving

GOAL_COLD, GOAL_EDIT = 8.0, 0.3
ROUNDS = 5
TEXT = r"""/// claim | mine.cout
    title: The variance of the target

- $\sigma, s$ : positive
- $c = \frac{s^2}{\sigma^2+s^2}$
- dimensions: 1

$$
\begin{aligned}
(1-c)^2s^2+c^2\sigma^2
 &= \frac{\sigma^4s^2+s^4\sigma^2}{(\sigma^2+s^2)^2} && \text{insert } c \\
 &= \frac{\sigma^2s^2}{\sigma^2+s^2} && \text{factor} \\
 &= \sigma^2 c
\end{aligned}
$$
///
"""
# Times every change that a reader would see: the first step with a verdict, and the end.
WATCH = """() => {
  window.seen = {};
  const state = document.querySelector("#vd-play-state"), steps = document.querySelector(".vd-play-sofar");
  const note = name => { window.seen[name] ??= performance.now(); };
  new MutationObserver(() => steps.childElementCount && note("first")).observe(steps, { childList: true });
  new MutationObserver(() => state.dataset.kind === "judged" && note("whole")).observe(state, { childList: true });
}"""
PRESS = """() => {
  window.seen = {};
  const started = performance.now();
  document.querySelector("[name=run]").click();
  return started;
}"""
DONE = "() => window.seen.whole !== undefined"


def timed(page: Page) -> dict[str, float]:
    """Seconds from the press of Run to the first verdict and to the last."""
    started = page.evaluate(PRESS)
    page.wait_for_function(DONE, timeout=120_000)
    return {name: (at - started) / 1000 for name, at in page.evaluate("() => window.seen").items()}


def cpu(session: CDPSession) -> float:
    """CPU seconds of all processes of the browser so far."""
    return sum(process["cpuTime"] for process in session.send("SystemInfo.getProcessInfo")["processInfo"])


def one_round(browser: Browser, address: str) -> dict[str, float]:
    """Cold, warm and edit times of one new browser profile."""
    found: dict[str, float] = {}
    session, context = browser.new_browser_cdp_session(), browser.new_context()
    for kind in ("cold", "warm"):
        page = context.new_page()
        page.goto(address, wait_until="networkidle")
        page.fill("[name=text]", TEXT)
        page.evaluate(WATCH)
        before = cpu(session)
        times = timed(page)
        found |= {f"{kind} {part}": seconds for part, seconds in times.items()} | {f"{kind} CPU": cpu(session) - before}
        if kind == "warm":
            edited = TEXT.replace(r"\sigma^2 c", r"2\sigma^2 c")
            before = cpu(session)
            page.evaluate("text => { document.querySelector('[name=text]').value = text; }", edited)
            times = timed(page)
            found |= {f"edit {part}": seconds for part, seconds in times.items()} | {"edit CPU": cpu(session) - before}
        page.close()
    context.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("site", nargs="?", type=Path, default=Path("site"))
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    arguments = parser.parse_args()
    if not (arguments.site / "playground.html").is_file():
        parser.error(f"{arguments.site} holds no built site: verify site build")
    with serving(arguments.site) as base, sync_playwright() as playwright:
        path = finding.find_browser(playwright.chromium.executable_path)
        if path is None:
            parser.error(finding.MENDING)
        browser = playwright.chromium.launch(executable_path=path, args=list(finding.ARGUMENTS))
        rounds = [one_round(browser, f"{base}playground.html") for _ in range(arguments.rounds)]
        browser.close()
    middle = {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}
    table = Table("", "first verdict", "all verdicts", "CPU", "goal, first", box=None)
    for kind, goal in (("cold", GOAL_COLD), ("warm", GOAL_COLD), ("edit", GOAL_EDIT)):
        reached = "reached" if middle[f"{kind} first"] < goal else "missed"
        table.add_row(kind, *(f"{middle[f'{kind} {part}']:.2f} s" for part in ("first", "whole", "CPU")),
                      f"{goal:g} s: {reached}")  # fmt: skip
    Console(width=100).print(table)
    Console().print(f"medians of {arguments.rounds} rounds")


if __name__ == "__main__":
    main()
