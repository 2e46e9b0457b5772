"""Serves the site to an author: rebuilds when a source changes, and the open page reloads itself."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

WATCHED = (
    "docs/**/*",
    "questions/**/*",
    "verify/theory/**/*.md",
    "verify/theory/**/*.zh.txt",
    "records/**/*",
    "mkdocs.yml",
)
PAUSE = 0.3  # seconds between two looks at the sources
RELOAD = b"""<script>
(async () => { for (let seen = null;;) {
  const now = await fetch("/.version?" + seen).then(answer => answer.text(), () => null);
  if (seen !== null && now !== null && now !== seen) return location.reload();
  if (now === null) await new Promise(again => setTimeout(again, 1000)); else seen = now;
} })();
</script></body>"""


class Version:
    """How many builds there were; pages wait on it for the next one."""

    def __init__(self) -> None:
        self._count, self._changed = 0, threading.Condition()

    def advance(self) -> None:
        """One more build is there."""
        with self._changed:
            self._count += 1
            self._changed.notify_all()

    def wait(self, known: str, seconds: float = 20) -> str:
        """The present count; waits for a new one when the caller knows the present one."""
        with self._changed:
            if known == str(self._count):
                self._changed.wait(seconds)
            return str(self._count)


def serve(
    root: Path, port: int = 8000, on_change: Callable[[], None] | None = None, tell: Callable[[str], None] = print
) -> None:
    """Serves the site of the project at `root` on this machine only, until Ctrl-C.

    on_change  is called before each rebuild; the command line uses it to judge again what changed
    tell       is given one line for each build, and what is wrong where one fails
    """
    out, version = root / ".verify" / "served", Version()
    rebuild(root, out, tell)
    server = ThreadingHTTPServer(("127.0.0.1", port), partial(_Pages, version=version, directory=str(out)))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    tell(f"http://127.0.0.1:{server.server_address[1]}/")
    seen = snapshot(root)
    try:
        while True:
            time.sleep(PAUSE)
            if (now := snapshot(root)) != seen:
                seen = now
                if on_change:
                    on_change()
                rebuild(root, out, tell)
                version.advance()
    except KeyboardInterrupt:
        tell("stopped")
    finally:
        server.shutdown()
        server.server_close()


def rebuild(root: Path, out: Path, tell: Callable[[str], None]) -> bool:
    """Builds once; what is wrong is told, and the site that was there stays."""
    from verify.site.build import SiteError, build_site

    started = time.monotonic()
    try:
        build_site(root, out)
    except SiteError as error:
        tell(str(error))
        return False
    tell(f"site built in {time.monotonic() - started:.1f} s")
    return True


def snapshot(root: Path) -> dict[str, int]:
    """When each source of the site last changed."""
    return {str(file): file.stat().st_mtime_ns for pattern in WATCHED for file in root.glob(pattern) if file.is_file()}


class _Pages(SimpleHTTPRequestHandler):
    """The built files; a page gets the script that reloads it."""

    def __init__(self, *args: Any, version: Version, **options: Any) -> None:
        self.version = version
        super().__init__(*args, **options)

    def do_GET(self) -> None:  # noqa: N802 (the name that http.server calls)
        if self.path.startswith("/.version"):
            self._answer(self.version.wait(self.path.partition("?")[2]).encode(), "text/plain")
        elif self.path.partition("?")[0].endswith((".html", "/")):
            file = Path(self.translate_path(self.path))
            file = file / "index.html" if file.is_dir() else file
            if file.is_file():
                self._answer(file.read_bytes().replace(b"</body>", RELOAD), "text/html; charset=utf-8")
            else:
                self.send_error(404)
        else:
            super().do_GET()

    def _answer(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.copyfile(io.BytesIO(body), self.wfile)

    def log_message(self, *args: object) -> None:
        """A line for every file would bury the messages about the build."""
