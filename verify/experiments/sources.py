"""Source hashes of an experiment: its module and every module of this package that it imports, found statically.

A record carries them. When one changes, the record is stale and says which module moved. No torch is imported.
"""

from __future__ import annotations

import ast
import hashlib
from pathlib import Path

import verify

PACKAGE = Path(verify.__file__).parent


def _file(module: str) -> Path | None:
    """The file of a module of this package, or None for a name that is no module."""
    base = PACKAGE.joinpath(*module.split(".")[1:])
    return next((p for p in (base.with_suffix(".py"), base / "__init__.py") if p.is_file()), None)


def _imports(path: Path) -> list[str]:
    """Names that may be modules of this package among a file's imports (relative imports are not used here)."""
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return [name for name in names if name.split(".")[0] == PACKAGE.name]


def source_hashes(module: str) -> dict[str, str]:
    """SHA-256 (first 16 digits) of `module` and of all it imports from this package, by module name."""
    hashes: dict[str, str] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = _file(name)
        if path is None or name in hashes:
            continue
        hashes[name] = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        waiting += _imports(path)
    return dict(sorted(hashes.items()))
