"""The status document of the last run, good as long as nothing that it was computed from has been touched.

Reading, hashing and weighing every claim takes longer than a command should take to start. The
fingerprint covers the place, size and time of every file that can matter, of ours and of the installed
libraries: when in doubt it differs, and the document is computed again.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from verify.files import write_atomically

PATH = Path(".verify") / "status.json"
_PACKAGE = Path(__file__).parent.parent
_FOLDERS = ("verify/theory", "questions", "docs", ".verify/ledger", ".verify/records", "records")
_SUFFIXES = (".py", ".md", ".json")


def load(root: Path) -> dict[str, Any] | None:
    """The document, or None when there is none or something has been touched."""
    try:
        kept = json.loads((root / PATH).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(kept, dict) or kept.get("fingerprint") != fingerprint(root):
        return None
    return kept["document"]


def keep(root: Path, document: dict[str, Any]) -> None:
    """Keep the document for the next command. One that cannot be kept is computed again, nothing is lost."""
    with suppress(OSError):
        (root / PATH).parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"fingerprint": fingerprint(root), "document": document}, ensure_ascii=False)
        write_atomically(root / PATH, text)


def fingerprint(root: Path, more: tuple[Path, ...] = (), suffixes: tuple[str, ...] = _SUFFIXES) -> str:
    """Hash over place, size and time of every file behind a status document, and of all below `more`.

    Of each folder only the files with one of the `suffixes` count.
    """
    digest = hashlib.sha256(sys.version.encode())
    for folder in (_PACKAGE, *(root / name for name in _FOLDERS), *more):
        for path, size, time in _files(str(folder), suffixes):
            digest.update(f"{path} {size} {time}\n".encode())
    for place in sys.path:
        if place.endswith("site-packages") and os.path.isdir(place):
            installed = sorted(name for name in os.listdir(place) if name.endswith(".dist-info"))
            digest.update("\n".join(installed).encode())
    return digest.hexdigest()


def _files(folder: str, suffixes: tuple[str, ...]) -> Iterator[tuple[str, int, int]]:
    """(path, size, time) of every file that matters below a folder, in a fixed order."""
    if not os.path.isdir(folder):
        return
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        if entry.is_dir() and entry.name != "__pycache__":
            yield from _files(entry.path, suffixes)
        elif entry.name.endswith(suffixes) and not entry.name.endswith(".pyc"):
            status = entry.stat()
            yield entry.path, status.st_size, status.st_mtime_ns
