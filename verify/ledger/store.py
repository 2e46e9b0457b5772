"""The ledger on disk: one small JSON file a claim, replaced in one piece.

An interrupted run leaves either the old file or the new one. A file that cannot be read counts as
missing, so that its claim is judged again, and is named in `damaged`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from verify.files import write_atomically

SCHEMA = 1
FOLDER = Path(".verify") / "ledger"


class Ledger:
    """The verdicts of a repository, below `root/.verify/ledger`.

    What it does not hold is looked up in the ledger `behind` it, which is never written to.
    """

    def __init__(self, root: Path, behind: Ledger | None = None) -> None:
        self.folder = root / FOLDER
        self.behind = behind
        self.damaged: list[str] = []
        self._entries: dict[str, dict[str, Any] | None] = {}

    def entry(self, claim_id: str) -> dict[str, Any] | None:
        """What is known about a claim, None when nothing is."""
        if claim_id not in self._entries:
            self._entries[claim_id] = self._read(claim_id)
        found = self._entries[claim_id]
        return self.behind.entry(claim_id) if found is None and self.behind else found

    def write(self, claim_id: str, entry: dict[str, Any]) -> None:
        """Keep one entry. OSError (a full disk) leaves the old file whole."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self._path(claim_id)
        kept = {"schema": SCHEMA, "id": claim_id, **entry}
        write_atomically(path, json.dumps(kept, ensure_ascii=False, indent=1) + "\n")
        self._entries[claim_id] = kept

    def _path(self, claim_id: str) -> Path:
        return self.folder / f"{claim_id}.json"

    def _read(self, claim_id: str) -> dict[str, Any] | None:
        try:
            data = json.loads(self._path(claim_id).read_text("utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, RecursionError):
            self.damaged.append(claim_id)
            return None
        if not isinstance(data, dict) or data.get("schema") != SCHEMA:
            self.damaged.append(claim_id)
            return None
        return data
