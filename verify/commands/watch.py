"""`verify watch FILE`: judge a file of one's own again at every save, in workers that stay warm."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from verify.commands import check, common
from verify.language.catalog import load_vocabularies, theory_root, translate_document
from verify.language.claim import Claim
from verify.ledger.store import Ledger

if TYPE_CHECKING:
    from verify.running.workers import Workers

HELP = "judge a Markdown file at every save; what changed is printed"
EXAMPLES = """examples:
  verify watch my-derivation.md      leave it with Ctrl-C"""

PAUSE = 0.2  # seconds between two looks at the file


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="Markdown with /// claim blocks")
    parser.add_argument("--verbose", action="store_true", help="show certificates and the second reading")
    parser.add_argument("--jobs", type=int, metavar="N", help="worker processes (default: one a core)")


def run(arguments: argparse.Namespace) -> int:
    from verify.running.workers import Workers

    path = Path(arguments.file)
    if not path.is_file():
        print(f"cannot read {arguments.file}: no such file", file=sys.stderr)
        return common.UNREADABLE
    try:
        with tempfile.TemporaryDirectory() as folder, Workers(arguments.jobs) as workers:
            workers.warm()
            watch(path, Watcher(arguments.file, Ledger(Path(folder)), workers, arguments.verbose).look)
    except KeyboardInterrupt:
        print("stopped", flush=True)
    return common.WELL


def watch(path: Path, look: Callable[[], None]) -> None:
    """Call `look` now and whenever the file's bytes are others than before, until interrupted.

    A file that is missing for a moment, as editors have it while they save, is waited for.
    """
    seen: bytes | None = None
    while True:
        try:
            now: bytes | None = path.read_bytes()
        except OSError:
            now = seen
        if now is not None and now != seen:
            seen = now
            look()
        else:
            time.sleep(PAUSE)


class Watcher:
    """Judges the file and prints what is new since the last look. Verdicts of unchanged steps are kept."""

    def __init__(self, file: str, ledger: Ledger, workers: Workers, verbose: bool = False) -> None:
        self.file, self.ledger, self.workers, self.verbose = file, ledger, workers, verbose
        self.shown: dict[str, str] = {}
        self.errors = ""

    def look(self) -> None:
        """One look: read, judge, print. What is wrong with the file is printed, and the next save is awaited."""
        from verify.running.judge import judge_claims

        started = time.perf_counter()
        vocabularies, errors = load_vocabularies(theory_root(common.find_root()))
        try:
            document = check.read(self.file, vocabularies)
        except OSError as error:
            print(f"cannot read {self.file}: {error.strerror}", file=sys.stderr, flush=True)
            return
        claims = [*document.claims, *translate_document(document, common.find_root())]
        errors = [*errors, *document.errors]
        self._print_errors([str(error) for error in errors])
        judged = [claim for claim in claims if claim.chains]
        report = judge_claims(judged, self.ledger, self.workers, mutants=0)
        changed = [claim for claim in claims if self._is_news(claim)]
        check.print_claims(changed, self.ledger, self.verbose)
        check.exit_code(changed, self.ledger, report.crashes, len(errors))
        gone = [name for name in self.shown if name not in {claim.id for claim in claims}]
        for name in gone:
            print(f"{name}: not in the file any more" if not errors else f"{name}: not read")
            del self.shown[name]
        seconds = time.perf_counter() - started
        what = f"{len(changed)} of {len(document.claims)} claims changed" if changed or gone else "nothing changed"
        print(f"{time.strftime('%H:%M:%S')}  {what}, {seconds:.2f} s", flush=True)

    def _print_errors(self, errors: list[str]) -> None:
        text = "\n".join(errors)
        if text != self.errors:
            print(text or "every block can be read again", file=sys.stderr, flush=True)
        self.errors = text

    def _is_news(self, claim: Claim) -> bool:
        """Is what the claim says, or what was found about it, other than last time? Places do not count."""
        entry = self.ledger.entry(claim.id) if claim.chains else None
        new = json.dumps([claim.title, claim.latex, _findings(entry)])
        old, self.shown[claim.id] = self.shown.get(claim.id), new
        return new != old


def _findings(entry: dict[str, Any] | None) -> list[Any]:
    """The verdicts of an entry without places and times."""
    if entry is None:
        return []
    parts = [*entry["proof"]["steps"], *entry["proof"]["mistakes"], *entry["sampling"]["steps"]]
    parts += entry.get("definitions", [])
    return [{name: value for name, value in part.items() if name not in ("line", "seconds")} for part in parts]
