"""Whether a built site still is what a build would make: nothing behind it and nothing in it has been touched."""

from __future__ import annotations

import os
from pathlib import Path

from verify.ledger.snapshot import fingerprint

PATH = Path(".verify") / "site.txt"
EVERY_FILE = ("",)


def keep(root: Path, out: Path) -> None:
    """Remember the state from which `out` was just built."""
    (root / PATH).parent.mkdir(parents=True, exist_ok=True)
    (root / PATH).write_text(_state(root, out), "utf-8")


def is_current(root: Path, out: Path) -> bool:
    """When in doubt, no: then the site is built again."""
    try:
        return (root / PATH).read_text("utf-8") == _state(root, out)
    except OSError:
        return False


def _state(root: Path, out: Path) -> str:
    settings = (root / "mkdocs.yml").stat()
    wishes = [os.environ.get(name, "") for name in ("VERIFY_NOTEBOOKS", "VERIFY_SITE_URL")]
    return f"{fingerprint(root, (out,), EVERY_FILE)} {settings.st_size} {settings.st_mtime_ns} {wishes}"
