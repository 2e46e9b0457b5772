"""Source hashes: a module and everything of this package that it imports, found statically.

A verdict and a record carry the hash of the code that made them; when it changes, they are stale. The
imports are found with a regular expression rather than a parse: this runs at every `verify status`.
"""

from __future__ import annotations

import functools
import hashlib
import re
from pathlib import Path

PACKAGE = Path(__file__).parent
_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+(verify(?:\.\w+)*)[ \t]+import[ \t]+(\([^)]*\)|[^\n]*)|import[ \t]+(verify(?:\.\w+)*))",
    re.M,
)


def _file(module: str) -> Path | None:
    """The file of a module of this package, or None for a name that is no module."""
    base = PACKAGE.joinpath(*module.split(".")[1:])
    return next((p for p in (base.with_suffix(".py"), base / "__init__.py") if p.is_file()), None)


def _imported(text: str) -> list[str]:
    names = []
    for match in _IMPORT.finditer(re.sub(r"#[^\n]*", "", text)):  # a comment may hold brackets
        if match[3]:
            names.append(match[3])
        else:
            names.append(match[1])
            names += [f"{match[1]}.{name}" for name in re.findall(r"\w+", re.sub(r"\s+as\s+\w+", "", match[2]))]
    return names


@functools.lru_cache(maxsize=4096)
def _read(path: Path, size: int, time: int) -> tuple[str, list[str]]:
    """Hash and imports of a file as it was at that size and time: sixty records share most of their modules."""
    data = path.read_bytes()
    return hashlib.sha256(data).hexdigest()[:16], _imported(data.decode("utf-8"))


Seen = dict[str, tuple[str, list[str]] | None]  # module -> hash and imports, None for a name that is no module


def source_hashes(module: str, seen: Seen | None = None) -> dict[str, str]:
    """SHA-256 (first 16 digits) of `module` and of all it imports from this package, by module name.

    Calls that share `seen` look at each file once; it must not outlive a moment in which files may change.
    """
    seen = {} if seen is None else seen
    hashes: dict[str, str] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen[name] = _look(name)
        found = seen[name]
        if found and name not in hashes:
            hashes[name] = found[0]
            waiting += found[1]
    return dict(sorted(hashes.items()))


def _look(module: str) -> tuple[str, list[str]] | None:
    path = _file(module)
    if path is None:
        return None
    status = path.stat()
    return _read(path, status.st_size, status.st_mtime_ns)


@functools.cache
def closure_hash(module: str) -> str:
    """One hash of `source_hashes(module)`, computed once in a process."""
    text = "\n".join(f"{name} {value}" for name, value in source_hashes(module).items())
    return hashlib.sha256(text.encode()).hexdigest()[:16]
