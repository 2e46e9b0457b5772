"""Compiles the playground's libraries with the Python of the vendored Pyodide: `python -m tests.site.bytecode`.

Reading SymPy's sources takes Pyodide several times as long as reading its bytecode, and no other Python makes the
bytecode that this one reads. To be run again when SymPy, mpmath or Pyodide change; until then a build with other
versions packs the sources, and a test names what is out of date.
"""

from __future__ import annotations

import base64
import hashlib
import json
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.site import browser as finding
from tests.site.serving import serving
from verify.site.programs import runtime

VENDOR = Path(__file__).parents[2] / "docs" / "assets" / "vendor" / "pyodide"
# Sourceless modules: x.pyc in the place of x.py. The hash of the source in each says what it was made from.
COMPILE = """
import base64, io, pathlib, py_compile, zipfile
unchecked, held = py_compile.PycInvalidationMode.UNCHECKED_HASH, io.BytesIO()
root = pathlib.Path("/lib/libraries")
with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
    for file in sorted(file for file in root.rglob("*") if file.is_file()):
        name = file.relative_to(root).as_posix()
        if file.suffix == ".py":
            made = py_compile.compile(str(file), "/tmp/made.pyc", name, doraise=True, invalidation_mode=unchecked)
            name, file = name + "c", pathlib.Path(made)
        entry = zipfile.ZipInfo(name)
        entry.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(entry, file.read_bytes())
base64.b64encode(held.getvalue()).decode()
"""
RUN = """async ([name, code]) => {
  const { loadPyodide } = await import("/pyodide/pyodide.mjs");
  const python = await loadPyodide({ indexURL: "/pyodide/" });
  python.unpackArchive(await (await fetch(name)).arrayBuffer(), "zip", { extractDir: "/lib/libraries" });
  return python.runPython(code);
}"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        place = Path(folder)
        name, data = runtime.packed_libraries(place)
        (place / "libraries.zip").write_bytes(data)
        (place / "index.html").write_text("<!doctype html><title>compiling</title>", "utf-8")
        (place / "pyodide").symlink_to(VENDOR)
        path = finding.find_browser(playwright.chromium.executable_path)
        if path is None:
            raise SystemExit(finding.MENDING)
        running = playwright.chromium.launch(executable_path=path, args=list(finding.ARGUMENTS))
        with serving(place) as address:
            page = running.new_page()
            page.goto(address)
            made = base64.b64decode(page.evaluate(RUN, ["/libraries.zip", COMPILE]))
        running.close()
    for old in VENDOR.glob(f"*{runtime.COMPILED}"):
        old.unlink()
    (VENDOR / f"{name}{runtime.COMPILED}").write_bytes(made)
    files = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(VENDOR.iterdir())}
    listed = json.loads((VENDOR / "files.json").read_text("utf-8"))
    listed["files"] = {name: value for name, value in files.items() if name != "files.json"}
    (VENDOR / "files.json").write_text(json.dumps(listed, indent=1) + "\n", "utf-8")
    print(f"{name}{runtime.COMPILED}: {len(made):,} bytes")


if __name__ == "__main__":
    main()
