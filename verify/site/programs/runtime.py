"""What a browser needs to judge: archives of the installed libraries and of this package, for Pyodide to unpack.

The libraries are those that the build itself has installed, without their tests: as bytecode where the bytecode of
these versions lies beside Pyodide, which is much faster to read, else as sources. Of this package go in the entry of
the playground with all that it imports (`verify.sources` finds that), and the theory, whose claims a text may quote.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import json
import zipfile
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path, PurePath

from verify.files import write_atomically
from verify.sources import PACKAGE, source_hashes

LIBRARIES = ("mpmath", "sympy")
ENTRY = "verify.playground"
DATA = ("site/reasons.zh.txt",)  # what its modules read beside their code
LEFT_OUT = {"tests", "benchmarks", "__pycache__"}
LIST = "runtime.json"
COMPILED = ".bytecode.zip"  # made by tests/site/bytecode.py


class RuntimeMissing(Exception):
    """A library is not installed as files, so that it cannot be packed."""


def publish(cache: Path, out: Path, compiled: Path, address: str) -> list[str]:
    """Writes the archives and `runtime.json`, the list of their addresses from there, into `out`; returns that list.

    cache     keeps the archive of the libraries' sources, which takes seconds to pack, from one build to the next
    compiled  where their bytecode lies, if it is there for these versions; `address` is where the site has it
    """
    out.mkdir(parents=True, exist_ok=True)
    bytecode = compiled / f"{versions()}{COMPILED}"
    names = [f"{address}/{bytecode.name}" if bytecode.is_file() else _write(out, *packed_libraries(cache))]
    names.append(_write(out, "verify", _zip(package_files(), PACKAGE.parent)))
    write_atomically(out / LIST, json.dumps({"archives": names}) + "\n")
    return names


def _write(out: Path, name: str, data: bytes) -> str:
    """Writes an archive under a name of its content, so that a browser never takes an old one from its cache."""
    named = f"{name}-{hashlib.sha256(data).hexdigest()[:12]}.zip"
    (out / named).write_bytes(data)
    return named


def versions() -> str:
    """The libraries with the versions that are installed."""
    return "-".join(f"{library}-{metadata.version(library)}" for library in LIBRARIES)


def package_files() -> list[Path]:
    """The files of this package that go to the browser."""
    modules = source_hashes(ENTRY)
    found = set()
    for name in modules:
        parts = name.split(".")[1:]
        for depth in range(len(parts) + 1):
            base = PACKAGE.joinpath(*parts[:depth])
            found |= {file for file in (base.with_suffix(".py"), base / "__init__.py") if file.is_file()}
    return sorted({*found, *(PACKAGE / "theory").glob("*/*.md"), *(PACKAGE / name for name in DATA)})


def packed_libraries(cache: Path) -> tuple[str, bytes]:
    """The name and the archive of the libraries' sources, from `cache` where it has one of the same versions."""
    name = versions()
    kept = cache / f"{name}.zip"
    if not kept.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        root, files = _installed()
        beside = kept.with_suffix(".new")
        beside.write_bytes(_zip(files, root))
        beside.replace(kept)
    return name, kept.read_bytes()


def _installed() -> tuple[Path, list[Path]]:
    """Where the libraries are installed, and their modules and licences. They are found, not imported."""
    files: list[Path] = []
    root = Path()
    for library in LIBRARIES:
        spec = importlib.util.find_spec(library)
        if spec is None or not spec.origin or not Path(spec.origin).is_file():
            raise RuntimeMissing(f"{library} is not installed as files, and the playground needs it: pip install .")
        folder = Path(spec.origin).parent
        root = folder.parent
        files += (file for file in folder.rglob("*.py") if not LEFT_OUT & {*file.relative_to(folder).parts})
        files += (Path(str(file.locate())) for file in metadata.files(library) or () if _is_licence(file))
    return root, files


def _is_licence(file: PurePath) -> bool:
    return file.name.startswith(("LICENSE", "COPYING")) and any(part.endswith(".dist-info") for part in file.parts)


def _zip(files: Iterable[Path], root: Path) -> bytes:
    """An archive whose bytes depend on the names and contents of the files alone."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(files):
            entry = zipfile.ZipInfo(file.resolve().relative_to(root.resolve()).as_posix())
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, file.read_bytes())
    return held.getvalue()
