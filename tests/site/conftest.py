"""One site for all tests of this folder, with every kind of verdict on it, and a browser to look at it."""

from __future__ import annotations

import fcntl
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.site import browser as finding
from tests.site.sample import sample_library
from tests.site.serving import serving
from verify.site.contents.model import Library

ROOT = Path(__file__).parents[2]
ADDRESS = "https://example.org/diffusion/"  # where the site says it is published
# In a process of its own, which then tells what a build imports.
BUILD = f"""import pickle, sys
from pathlib import Path
from verify.site.build import build_site
root, out, library, modules = map(Path, sys.argv[1:])
build_site(root, out, library=pickle.loads(library.read_bytes()), url={ADDRESS!r})
modules.write_text("\\n".join(sys.modules))"""


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Library]:
    """The site and what is on it: built by the worker that comes first, the others wait for it."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "site"  # of all workers of this run
    shared.mkdir(exist_ok=True)
    site, kept = shared / "built", shared / "library.pickle"
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if kept.exists():
            return site, pickle.loads(kept.read_bytes())
        library, fresh = sample_library(ROOT), shared / "library.new"
        fresh.write_bytes(pickle.dumps(library))
        subprocess.run([sys.executable, "-c", BUILD, ROOT, site, fresh, shared / "modules.txt"], cwd=ROOT, check=True)
        fresh.rename(kept)
    return site, library


@pytest.fixture(scope="session")
def library(built: tuple[Path, Library]) -> Library:
    return built[1]


@pytest.fixture(scope="session")
def site(built: tuple[Path, Library]) -> Path:
    """Nobody writes into it: other workers read it too."""
    return built[0]


@pytest.fixture(scope="session")
def served(site: Path) -> Iterator[str]:
    with serving(site) as address:
        yield address


@pytest.fixture(scope="session")
def chromium():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = finding.find_browser(playwright.chromium.executable_path)
        if path is None:
            (pytest.fail if finding.is_required() else pytest.skip)(finding.MENDING)
        running = playwright.chromium.launch(executable_path=path, headless=True, args=list(finding.ARGUMENTS))
        yield running
        running.close()


@pytest.fixture
def open_page(chromium, served: str):
    """Opens a page of the site; at the end of the test nothing may have been asked of another host or gone wrong."""
    contexts, wrong = [], []

    def open_(path: str, width: int = 1280, height: int = 900, scheme: str = "light", **options):
        context = chromium.new_context(viewport={"width": width, "height": height}, color_scheme=scheme, **options)
        contexts.append(context)
        page = context.new_page()
        page.on(
            "request",
            lambda request: (
                request.url.startswith((served, "data:", "blob:")) or wrong.append(f"asked for {request.url}")
            ),
        )
        page.on("response", lambda answer: answer.status < 400 or wrong.append(f"{answer.status} {answer.url}"))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda line: line.type == "error" and wrong.append(line.text))
        page.goto(served + path, wait_until="networkidle")
        page.evaluate("document.fonts.ready.then(() => null)")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project's pages that a test may spoil; everything else is the project's own."""
    root = tmp_path / "project"
    (root / "verify").mkdir(parents=True)
    for name in ("docs", "questions"):
        subprocess.run(["cp", "-R", str(ROOT / name), str(root / name)], check=True)
    (root / "mkdocs.yml").symlink_to(ROOT / "mkdocs.yml")
    for name in ("site", "theory"):
        (root / "verify" / name).symlink_to(ROOT / "verify" / name)
    return root
