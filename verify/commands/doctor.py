"""`verify doctor`: what is wrong with this installation and this repository, and how to mend it.

It prints without any library, because one that is missing is what it may have to report.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

from verify.commands import common

HELP = "what is wrong with this installation, and how to mend it"
EXAMPLES = """examples:
  verify doctor
  verify doctor --json

exit codes: 0 nothing is broken, 1 something is"""

FINE, NOTE, BROKEN = "fine", "note", "broken"
_MARKS = {FINE: "✓", NOTE: "·", BROKEN: "✗"}
_NAME = "verified-diffusion"
_ENOUGH = 200_000_000  # bytes: a whole run with its site writes about a quarter of it
_DERIVATION = """/// claim | doctor.square
    title: A square

- $a, b$ : real
- dimensions: 1

$$ (a+b)^2 = a^2+2ab+b^2 $$
///
"""


@dataclass(frozen=True)
class Finding:
    """What was looked at, how it stands, what was found, and how to mend it ('' when nothing is to be done)."""

    what: str
    state: str
    found: str
    mend: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")


def run(arguments: argparse.Namespace) -> int:
    findings = list(examine(common.find_root()))
    if arguments.json:
        print(json.dumps({"version": 1, "findings": [asdict(one) for one in findings]}, ensure_ascii=False, indent=1))
    else:
        _print(findings)
    return common.REFUTED if any(one.state == BROKEN for one in findings) else common.WELL


def _print(findings: list[Finding]) -> None:
    width = max(len(one.what) for one in findings)
    for one in findings:
        print(f"{_MARKS[one.state]} {one.what:<{width}}  {one.found}")
        if one.mend:
            print(f"  {'':<{width}}  {one.mend}")
    broken = sum(one.state == BROKEN for one in findings)
    print(f"\n{broken} of {len(findings)} must be mended" if broken else "\nnothing is broken")


def examine(root: Path) -> Iterator[Finding]:
    """Every finding in turn; an examination that fails is a finding itself."""
    inside = (root / "verify" / "theory").is_dir() and (root / "mkdocs.yml").is_file()
    examinations: list[Callable[[Path], Iterator[Finding]]] = [_python, _packages, _extras, _prover, _torch, _formulas]
    if inside:
        examinations += [_constraints, _theory, _verdicts, _folder, _clock, _tools]
    for examination in examinations:
        try:
            yield from examination(root)
        except Exception as error:  # whatever it is, the reader has to hear of it
            what = examination.__name__.strip("_")
            yield Finding(what, BROKEN, f"{type(error).__name__}: {error}", "install again: make clean && make verify")
    if not inside:
        yield Finding("repository", NOTE, "none here; `verify check` and `verify train` work without one")


def _python(root: Path) -> Iterator[Finding]:
    yield Finding("Python", FINE, f"{sys.version.split()[0]} on {sys.platform}")


def _packages(root: Path) -> Iterator[Finding]:
    """The package itself and what it requires, against the versions that it states."""
    try:
        own = metadata.version(_NAME)
    except metadata.PackageNotFoundError:
        yield Finding("installation", BROKEN, f"{_NAME} is not installed", "pip install -e . -c constraints.txt")
        return
    wrong = [fault for requirement in metadata.requires(_NAME) or () if (fault := _unmet(requirement, ""))]
    if wrong:
        yield Finding("installation", BROKEN, "; ".join(wrong), "pip install -e . -c constraints.txt")
    else:
        yield Finding("installation", FINE, f"{_NAME} {own} and all it requires, from {Path(__file__).parents[2]}")


def _extras(root: Path) -> Iterator[Finding]:
    """Which optional parts are there."""
    names = sorted(metadata.metadata(_NAME).get_all("Provides-Extra") or ())
    required = metadata.requires(_NAME) or ()
    lacking = {name: [fault for one in required if (fault := _unmet(one, name))] for name in names}
    there = [name for name in names if not lacking[name]]
    absent = [name for name in names if lacking[name]]
    found = f"there: {', '.join(there) or 'none'}" + (f"; not there: {', '.join(absent)}" if absent else "")
    yield Finding("optional parts", NOTE if absent else FINE, found,
                  f"when you need one: pip install '{_NAME}[{absent[0]}]'" if absent else "")  # fmt: skip


def _unmet(requirement: str, extra: str) -> str:
    """Why a requirement of the package, or of one of its extras, is not met; '' when it is or does not apply."""
    from packaging.requirements import Requirement

    wanted = Requirement(requirement)
    if wanted.marker and not wanted.marker.evaluate({"extra": extra}):
        return ""
    if extra and not (wanted.marker and "extra" in str(wanted.marker)):
        return ""  # required of everybody, not by this extra
    try:
        found = metadata.version(wanted.name)
    except metadata.PackageNotFoundError:
        return f"{wanted.name} is missing"
    return (
        "" if wanted.specifier.contains(found, prereleases=True) else f"{wanted.name} {found} is not {wanted.specifier}"
    )


def _constraints(root: Path) -> Iterator[Finding]:
    """Versions that differ from those the project is tested with."""
    from packaging.requirements import Requirement

    differs = []
    for line in (root / "constraints.txt").read_text("utf-8").splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        wanted = Requirement(line.split(" #", 1)[0])
        try:
            found = metadata.version(wanted.name)
        except metadata.PackageNotFoundError:
            continue
        if not wanted.specifier.contains(found, prereleases=True):
            differs.append(f"{wanted.name} {found}, not {str(wanted.specifier).removeprefix('==')}")
    if differs:
        yield Finding("tested versions", NOTE, "; ".join(differs), "verdicts are judged again; to go back: make verify")
    else:
        yield Finding("tested versions", FINE, "as in constraints.txt")


def _prover(root: Path) -> Iterator[Finding]:
    """A right derivation must be proved, the same one with a term dropped refuted, both in a worker process."""
    from verify.language.document import read_document
    from verify.ledger.store import Ledger
    from verify.running.judge import judge_claims
    from verify.running.workers import Workers

    wrong = _DERIVATION.replace("doctor.square", "doctor.dropped").replace("+b^2 $$", " $$")
    document = read_document(_DERIVATION + "\n" + wrong, "<doctor>")
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, Workers(1) as workers:
        ledger = Ledger(Path(folder))
        report = judge_claims(document.claims, ledger, workers, True, 0)
        verdicts = [(ledger.entry(claim.id) or {}).get("proof", {}).get("verdict") for claim in document.claims]
    if report.crashes or verdicts != ["proved", "refuted"]:
        found = next(iter(report.crashes.values()), f"a right and a wrong derivation came out as {verdicts}")
        yield Finding("prover", BROKEN, found, "install again: make clean && make verify")
    else:
        seconds = time.monotonic() - started
        yield Finding(
            "prover", FINE, f"proves a right derivation, refutes a wrong one ({seconds:.1f} s, start included)"
        )


def _torch(root: Path) -> Iterator[Finding]:
    import torch

    matrix = torch.eye(3, dtype=torch.float64)
    if not torch.equal(matrix @ matrix, matrix):
        yield Finding("torch", BROKEN, f"torch {torch.__version__} multiplies wrongly", "install torch again")
        return
    cuda = torch.cuda.get_device_name() if torch.cuda.is_available() else "no CUDA device, experiments run on the CPU"
    yield Finding("torch", FINE, f"{torch.__version__}, {torch.get_num_threads()} threads, {cuda}")


def _formulas(root: Path) -> Iterator[Finding]:
    from verify.site.markdown.maths import formula

    formula(r"\sigma^2")
    yield Finding("formulas", FINE, "KaTeX sets a formula")


def _theory(root: Path) -> Iterator[Finding]:
    from verify.language.catalog import load_catalog
    from verify.language.ids import load_register

    catalog = load_catalog(root)
    faults = [str(error) for error in catalog.errors]
    if faults:
        yield Finding("claims", BROKEN, f"{len(faults)} cannot be read; the first: {faults[0]}", "see: verify status")
    else:
        ids = len(load_register(root).ids)
        yield Finding("claims", FINE, f"{len(catalog.claims)} read, {ids} ids registered")


def _verdicts(root: Path) -> Iterator[Finding]:
    """The ledger and the records: what is there and what is damaged."""
    from verify.experiments.records import COMMITTED, LOCAL
    from verify.ledger.recorded import gather
    from verify.ledger.store import FOLDER, Ledger

    ledger = Ledger(root)
    kept = sorted(path.stem for path in (root / FOLDER).glob("*.json") if not path.name.startswith("."))
    readable = sum(ledger.entry(name) is not None for name in kept)
    if ledger.damaged:
        names = ", ".join(ledger.damaged)
        yield Finding("ledger", NOTE, f"{len(ledger.damaged)} damaged: {names}", "they are judged again: verify run")
    else:
        yield Finding("ledger", FINE if kept else NOTE, f"{readable} entries" if kept else "empty",
                      "" if kept else "fill it: make verify")  # fmt: skip
    records, damaged = gather(root / LOCAL, root / COMMITTED)
    if damaged:
        yield Finding("records", BROKEN, damaged[0], "measure it again: verify experiment run NAME --record")
    else:
        stale = [name for name, several in records.items() if not several[0].fresh]
        found = f"{len(records)} experiments" + (f", stale: {', '.join(stale)}" if stale else "")
        yield Finding("records", NOTE if stale else FINE, found,
                      f"measure again: verify experiment run {' '.join(stale)} --record" if stale else "")  # fmt: skip


def _folder(root: Path) -> Iterator[Finding]:
    """Whether there is the right and the room to write, and what an interrupted write has left."""
    free = shutil.disk_usage(root).free
    try:
        (root / ".verify").mkdir(exist_ok=True)
        with tempfile.TemporaryFile(dir=root / ".verify"):
            pass
    except OSError as error:
        yield Finding("folder", BROKEN, f"{root / '.verify'} cannot be written: {error.strerror}",
                      "take a clone of your own, or free the folder")  # fmt: skip
        return
    if free < _ENOUGH:
        yield Finding("folder", BROKEN, f"{free / 1e6:.0f} MB are free", f"free {_ENOUGH / 1e6:.0f} MB")
    else:
        yield Finding("folder", FINE, f"can be written, {free / 1e9:.0f} GB free")
    left = [path for path in (root / ".verify").rglob(".*.new") if path.is_file()]
    if left:
        yield Finding("leftovers", NOTE, f"{len(left)} files of writes that were killed, such as {left[0].name}",
                      "harmless; to remove them: make clean")  # fmt: skip


def _clock(root: Path) -> Iterator[Finding]:
    """Files from the future: freshness does not look at times, but the kept status and `verify watch` do."""
    now = time.time()
    ahead = [path for folder in ("verify", "docs", "questions") for path in (root / folder).rglob("*.*")
             if path.is_file() and path.stat().st_mtime > now + 60]  # fmt: skip
    if ahead:
        yield Finding("clock", NOTE, f"{len(ahead)} files are newer than now, such as {ahead[0].relative_to(root)}",
                      "set the clock, or: touch the files")  # fmt: skip
    else:
        yield Finding("clock", FINE, "no file is newer than now")


def _tools(root: Path) -> Iterator[Finding]:
    if shutil.which("git"):
        yield Finding("git", FINE, "there, for `verify diff`")
    else:
        yield Finding("git", NOTE, "not there", "`verify diff` needs it")
