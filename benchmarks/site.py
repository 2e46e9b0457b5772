"""The site beside a plain Material site with the same formulas set in the browser; and how a build grows.

    python -m benchmarks.site                   everything
    python -m benchmarks.site --pages           one formula-heavy page of ours beside the plain one
    python -m benchmarks.site --growth          building 500, 1,000 and 2,000 claims

The first part needs Chromium and Node; Lighthouse and KaTeX come from npm into a folder below the system's temporary
one and are kept there. Without Node it says so and measures the rest. Goals: performance at least 95, the other scores
100, layout shift under 0.01, maths at first paint, a build under a minute, 2,000 claims in under four minutes and three
gigabytes.
"""

from __future__ import annotations

import argparse
import functools
import gzip
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.site.serving import Quiet, serving

ROOT = Path(__file__).parent.parent
TOOLS = Path(tempfile.gettempdir()) / "verified-diffusion-npm"
PAGE = "edm/preconditioning.html"
SIZES = (500, 1000, 2000)
ROUNDS = 5
BROWSER = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
SCORES = ("performance", "accessibility", "best-practices", "seo")
TEX = re.compile(r'<vd-formula class="vd-(\w+)"[^>]*>.*?<annotation encoding="application/x-tex">(.*?)</annotation>'
                 r".*?</vd-formula>", re.S)  # fmt: skip
WATCH = """
window.shift = 0; window.maths = null;
new PerformanceObserver(list => { for (const entry of list.getEntries()) shift += entry.value; })
  .observe({type: "layout-shift", buffered: true});
const look = () => {
  const first = document.querySelector("article .katex");
  if (first && first.getClientRects().length && getComputedStyle(first).visibility === "visible") {
    requestAnimationFrame(() => { maths = performance.now(); });
  } else requestAnimationFrame(look);
};
requestAnimationFrame(look);"""
FIRST = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"
CONFIG = """site_name: Plain
docs_dir: docs
use_directory_urls: false
theme: {name: material, font: false}
markdown_extensions: [md_in_html]
extra_css: [katex/katex.min.css]
extra_javascript: [katex/katex.min.js, katex/auto-render.min.js, set.js]
"""
SET = "renderMathInElement(document.body, {trust: true, strict: false});\n"
BUILD = """
import resource, sys, time
from pathlib import Path
from verify.site.build import build_site
root, out = map(Path, sys.argv[1:])
started = time.perf_counter(), time.process_time()
build_site(root, out, strict=False)
print(time.perf_counter() - started[0], time.process_time() - started[1],
      resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)"""


def build(root: Path, out: Path) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds and peak memory in GB of one build in a fresh process."""
    done = subprocess.run(
        [sys.executable, "-c", BUILD, root, out], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"the build of {root} failed:\n{done.stderr[-2000:]}")
    wall, cpu, memory = map(float, done.stdout.split()[-3:])
    return wall, cpu, memory


# ---- one page beside the plain one


def npm() -> Path | None:
    """The folder with Lighthouse and KaTeX, fetched the first time; None where there is no Node."""
    if not shutil.which("npm"):
        return None
    if not (TOOLS / "node_modules" / "lighthouse").exists():
        command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(TOOLS), "lighthouse@12", "katex@0.19"]
        TOOLS.mkdir(exist_ok=True)
        if subprocess.run(command, capture_output=True, check=False).returncode:
            return None
    return TOOLS / "node_modules"


def plain(ours: Path, folder: Path, modules: Path) -> Path:
    """A plain Material site with the text of our page, its formulas left to KaTeX in the browser."""
    docs = folder / "docs"
    shutil.copytree(modules / "katex" / "dist", docs / "katex")
    shutil.copy(modules / "katex" / "dist" / "contrib" / "auto-render.min.js", docs / "katex")
    (docs / "set.js").write_text(SET, "utf-8")
    article = re.search(r"<article\b[^>]*>(.*?)</article>", (ours / PAGE).read_text("utf-8"), re.S)
    if article is None:
        raise SystemExit(f"{PAGE} has no article")

    def source(found: re.Match[str]) -> str:
        return rf"<div>\[{found[2]}\]</div>" if found[1] == "display" else rf"<span>\({found[2]}\)</span>"

    text = re.sub(r"\n\s*\n", "\n", TEX.sub(source, article[1]))  # an empty line would end the HTML
    (docs / "index.md").write_text("# Home\n", "utf-8")
    (docs / PAGE).parent.mkdir()
    (docs / PAGE).with_suffix(".md").write_text(f"# Page\n\n<div>\n{text}\n</div>\n", "utf-8")
    (folder / "mkdocs.yml").write_text(CONFIG, "utf-8")
    subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "-q", "-f", folder / "mkdocs.yml", "-d", folder / "site"],
        check=True,
        capture_output=True,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )
    return folder / "site"


@functools.cache
def _packed(file: str) -> bytes:
    return gzip.compress(Path(file).read_bytes(), 6)


class _Packing(Quiet):
    """Sends text compressed, as a host of pages does."""

    def do_GET(self) -> None:  # noqa: N802 (the name that http.server calls)
        file = Path(self.translate_path(self.path))
        if file.suffix not in (".html", ".css", ".js", ".json", ".svg") or not file.is_file():
            super().do_GET()
            return
        body = _packed(str(file))
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(file)))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def paints(url: str, rounds: int = ROUNDS) -> dict[str, float]:
    """Medians over cold loads: first paint and first formula in ms, layout shift, kilobytes transferred."""
    from playwright.sync_api import sync_playwright

    from tests.site.browser import MENDING, find_browser

    found: dict[str, list[float]] = {"first paint": [], "first maths": [], "layout shift": [], "kB": []}
    with sync_playwright() as playwright:
        path = find_browser(playwright.chromium.executable_path)
        if path is None:
            raise SystemExit(MENDING)
        running = playwright.chromium.launch(executable_path=path, args=list(BROWSER))
        for _ in range(rounds):
            context = running.new_context(viewport={"width": 1280, "height": 900})
            page = context.new_page()
            sizes: list[int] = []
            page.on("response", lambda answer: sizes.append(int(answer.headers.get("content-length", 0))))  # noqa: B023
            page.add_init_script(WATCH)
            page.goto(url, wait_until="networkidle")
            page.wait_for_function("() => window.maths !== null", timeout=60_000)
            found["first paint"].append(page.evaluate(FIRST))
            found["first maths"].append(page.evaluate("maths"))
            found["layout shift"].append(page.evaluate("shift"))
            found["kB"].append(sum(sizes) / 1024)
            context.close()
        running.close()
    return {name: statistics.median(values) for name, values in found.items()}


def lighthouse(url: str, modules: Path, folder: Path) -> dict[str, float | str]:
    """The four scores of Lighthouse for a desktop, and the audits that failed where one is below 100."""
    from playwright.sync_api import sync_playwright

    from tests.site.browser import find_browser

    with sync_playwright() as playwright:
        chrome = find_browser(playwright.chromium.executable_path) or ""
    out = folder / "lighthouse.json"
    command = [str(modules / ".bin" / "lighthouse"), url, "--quiet", "--preset=desktop"]
    command += ["--output=json", f"--output-path={out}"]
    flags = f"--chrome-flags=--headless=new {' '.join(BROWSER)}"
    done = subprocess.run(
        [*command, flags], env={**os.environ, "CHROME_PATH": chrome}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"Lighthouse failed on {url}:\n{done.stderr[-2000:]}")
    report = json.loads(out.read_text("utf-8"))
    metrics = ("first-contentful-paint", "largest-contentful-paint", "total-blocking-time", "speed-index")
    scores: dict[str, float | str] = {name: 100 * (report["categories"][name]["score"] or 0) for name in SCORES}
    wrong = {
        audit
        for name in SCORES[1:]
        for audit in (entry["id"] for entry in report["categories"][name]["auditRefs"] if entry["weight"])
        if report["audits"][audit]["score"] == 0
    }
    scores |= {f"Lighthouse: {name}": report["audits"][name]["numericValue"] for name in metrics}
    if wrong:
        scores["failed audits"] = ", ".join(sorted(wrong))
    return scores


def compare(console: Console) -> None:
    """Prints our page beside the plain one."""
    modules = npm()
    if modules is None:
        console.print("No Node, or npm cannot fetch Lighthouse: the pages are not compared.")
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wall, cpu, memory = build(ROOT, folder / "ours")
        console.print(
            f"both editions of the real content: {wall:.1f} s, {cpu:.1f} s of CPU, {memory:.2f} GB (goal: 60 s)"
        )
        sites = {"ours": folder / "ours", "plain": plain(folder / "ours", folder / "plain", modules)}
        found = {}
        for kind, site in sites.items():
            with serving(site, _Packing) as address:
                url = f"{address}{PAGE}"
                found[kind] = {**paints(url), **lighthouse(url, modules, folder)}
        table = Table(title=PAGE)
        table.add_column("")
        for kind in found:
            table.add_column(kind, justify="right")
        for row in dict.fromkeys(key for values in found.values() for key in values):
            cells = (values.get(row, "") for values in found.values())
            table.add_row(row, *(cell if isinstance(cell, str) else f"{cell:.4g}" for cell in cells))
        console.print(table)


# ---- growth


def synthetic(root: Path, claims: int) -> Path:
    """A project of `claims` claims, fifty to a topic: each rests on the one before and has a chain and a mistake."""
    (root / "verify" / "site").mkdir(parents=True)
    (root / "docs" / "claims").mkdir(parents=True)
    (root / "questions").mkdir()
    for name in ("theme", "hooks.py"):
        (root / "verify" / "site" / name).symlink_to(ROOT / "verify" / "site" / name)
    (root / "docs" / "assets").symlink_to(ROOT / "docs" / "assets")
    (root / "docs" / "references.bib").touch()
    (root / "docs" / "index.md").write_text("# Home\n\n/// table | tally\n///\n", "utf-8")
    (root / "docs" / "claims" / "index.md").write_text("# Claims\n\n/// table | claims\n///\n", "utf-8")
    for name in ("mkdocs.yml", "verify/site/mkdocs.zh.yml"):
        head = (ROOT / name).read_text("utf-8").partition("\nnav:")[0]
        (root / name).write_text(f"{head}\nnav:\n  - Home: index.md\n  - Claims: claims/\n", "utf-8")
    for first in range(0, claims, 50):
        topic = f"t{first // 50:02}"
        folder = root / "verify" / "theory" / topic
        folder.mkdir(parents=True)
        blocks = (_claim(topic, number, first) for number in range(first, min(first + 50, claims)))
        (folder / "claims.md").write_text(f"# Topic {topic}\n" + "\n".join(blocks), "utf-8")
    return root


def _claim(topic: str, number: int, first: int) -> str:
    before = f"{topic}.c{number - 1}"
    uses, by = (f"    uses: {before}\n", f", by {before}") if number > first else ("", "")
    return rf"""
/// claim | {topic}.c{number}
    title: The square number {number}
    title-zh: 第 {number} 个平方
    slogan: The cross term of square {number}.
    slogan-zh: 第 {number} 个平方的交叉项。
{uses}
- $a, b$ : real

$$
\begin{{aligned}}
({number}a+b)^2 &= {number}^2a^2+2\cdot {number}ab+b^2 && \text{{expand{by}}} \\
&= ({number}a-b)^2+4\cdot {number}ab && \text{{complete the square}}
\end{{aligned}}
$$
///

/// mistake | {topic}.c{number}
    title: the cross term of {number} is lost
    title-zh: 漏了 {number} 的交叉项

$$ ({number}a+b)^2 = {number}^2a^2+b^2 $$
///
"""


def growth(console: Console) -> None:
    """Prints what building more and more claims takes."""
    table = Table(title="synthetic repositories, both editions (goal for 2,000: 240 s, 3 GB, linear)")
    for heading in ("claims", "seconds", "CPU seconds", "CPU ms a claim", "peak GB"):
        table.add_column(heading, justify="right")
    with tempfile.TemporaryDirectory() as name:
        for size in SIZES:
            root = synthetic(Path(name) / str(size), size)
            wall, cpu, memory = build(root, root / "site")
            table.add_row(f"{size:,}", f"{wall:.1f}", f"{cpu:.1f}", f"{1000 * cpu / size:.1f}", f"{memory:.2f}")
            shutil.rmtree(root)
    console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pages", action="store_true", help="compare a page with the plain one, and nothing else")
    parser.add_argument("--growth", action="store_true", help="build synthetic repositories, and nothing else")
    asked, console = parser.parse_args(), Console()
    if asked.pages or not asked.growth:
        compare(console)
    if asked.growth or not asked.pages:
        growth(console)


if __name__ == "__main__":
    main()
