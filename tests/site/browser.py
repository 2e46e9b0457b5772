"""Finds the browser for the tests that need one, and says how to get it where there is none."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")
MENDING = "no browser: install Chromium, run `python -m playwright install chromium`, or set VERIFY_BROWSER to one"


def find_browser(own: str) -> str | None:
    """The browser to use: VERIFY_BROWSER, one on the PATH, or `own`, the one that playwright brings."""
    if named := os.environ.get("VERIFY_BROWSER"):
        return named
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    return found or (own if Path(own).exists() else None)


def is_required() -> bool:
    """In CI a missing browser is a failure; elsewhere the tests are skipped."""
    return bool(os.environ.get("CI"))
