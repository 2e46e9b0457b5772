"""Makes sure that the browser tests find a browser: `python -m tests.site.prepare`.

Elsewhere than in CI nothing is installed: the mending command is printed and the browser tests are
skipped by name. In CI a browser is fetched, by Playwright or else from the system's packages.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from playwright.sync_api import sync_playwright

from tests.site.browser import MENDING, find_browser, is_required


def playwrights_own() -> str:
    """Where Playwright keeps its Chromium, whether it is there or not."""
    with sync_playwright() as playwright:
        return playwright.chromium.executable_path


def installers() -> list[list[str]]:
    """The commands that may bring a browser, best first."""
    commands = [[sys.executable, "-m", "playwright", "install", "chromium"]]
    if shutil.which("apt-get") and os.geteuid() == 0:
        commands.append(["sh", "-c", "apt-get update -qq && apt-get install -y -qq chromium"])
    return commands


def main() -> int:
    own = playwrights_own()
    if find_browser(own):
        return 0
    if not is_required():
        print(MENDING)
        return 0
    for command in installers():
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if find_browser(own):
            return 0
    print(MENDING, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
