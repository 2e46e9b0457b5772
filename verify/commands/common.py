"""What the subcommands share: exit codes, the repository they stand in, tables, progress bars."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from verify.language.errors import LanguageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from verify.language.catalog import Catalog
    from verify.language.claim import Claim

WELL, REFUTED, UNREADABLE, OUR_ERROR = 0, 1, 2, 3

# A mark and a word, so that colour is never the only sign.
MARKS = {
    "proved": ("✓", "green"),
    "supported": ("≈", "cyan"),
    "assumed": ("†", "blue"),
    "undecided": ("?", "yellow"),
    "vacuous": ("∅", "magenta"),
    "refuted": ("✗", "red"),
}


def find_root(start: Path | None = None) -> Path:
    """The repository around `start`: the nearest folder with verify/theory and docs; else `start` itself."""
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "verify" / "theory").is_dir() and (folder / "mkdocs.yml").is_file():
            return folder
    return here


def console(stderr: bool = False) -> Console:
    """A rich console; plain and unwrapped when the output is piped."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    return Console(
        stderr=stderr, highlight=False, width=None if stream.isatty() else 200, soft_wrap=not stream.isatty()
    )


def marked(verdict: str) -> str:
    """A verdict with its mark, in rich markup."""
    mark, colour = MARKS.get(verdict, ("·", "white"))
    return f"[{colour}]{mark} {verdict}[/{colour}]" if verdict else ""


def print_crashes(crashes: dict[str, str]) -> None:
    """Faults of ours on standard error; claims that met the same fault share one traceback."""
    by_trace: dict[str, list[str]] = {}
    for claim_id, trace in crashes.items():
        by_trace.setdefault(trace, []).append(claim_id)
    for trace, claims in by_trace.items():
        print(f"internal error while judging {', '.join(claims)}:\n{trace}", file=sys.stderr)


def mutant_words(counts: dict[str, Any]) -> str:
    """What became of the mutants, in words."""
    killed = counts["refuted"] + counts["refused"]
    words = [f"{killed} killed"] + [f"{counts[k]} {k}" for k in ("equivalent", "undecided", "survived")]
    return ", ".join(words + [f"{counts['stopped']} batches stopped"] * bool(counts["stopped"]))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]], title: str = "") -> None:
    """One aligned table."""
    from rich.table import Table

    table = Table(*columns, box=None, title=title or None, title_justify="left", pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*row)
    console().print(table)


def print_json(document: Any) -> None:
    """JSON on standard output."""
    json.dump(document, sys.stdout, ensure_ascii=False, indent=1)
    sys.stdout.write("\n")


def print_errors(errors: Iterable[LanguageError]) -> int:
    """Errors of input on standard error; returns how many."""
    count = 0
    for error in errors:
        print(error, file=sys.stderr)
        count += 1
    return count


def select(catalog: Catalog, targets: Sequence[str]) -> list[Claim]:
    """The claims that ids and topics name, all when none is named. LanguageError for an unknown name."""
    if not targets:
        return list(catalog.claims.values())
    chosen = []
    for target in targets:
        found = [c for c in catalog.claims.values() if target in (c.id, c.topic)]
        if not found:
            import difflib

            names = [*catalog.claims, *{c.topic: None for c in catalog.claims.values()}]
            near = difflib.get_close_matches(target, names, n=1)
            hint = _former(target) or (f"did you mean {near[0]}?" if near else "see: verify status")
            raise LanguageError(f"no claim and no topic is named {target!r}", suggestion=hint)
        chosen += [claim for claim in found if claim not in chosen]
    return chosen


def _former(id_: str) -> str:
    """What became of an id that is no more, '' when it never was one."""
    from verify.language.ids import LIVE, RENAMED, load_register

    register = load_register(find_root())
    one = register.ids.get(id_)
    if one is None or one.state == LIVE:
        return ""
    if one.state == RENAMED:
        return f"{id_} is now {register.now(id_) or one.to}"
    return f"{id_} was retired: {one.reason['en']}" + (f" See {register.now(id_) or one.to}" if one.to else "")


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[int, int, str], None]]:
    """A progress bar on standard error, silent when that is not a terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        console=console(stderr=True), transient=True, disable=not sys.stderr.isatty(),
    )  # fmt: skip
    with bar:
        task = bar.add_task(label, total=None)

        def advance(done: int, total: int, what: str) -> None:
            bar.update(task, completed=done, total=total, description=f"{label}  {what}")

        yield advance
