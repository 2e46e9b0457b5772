"""A revision of the repository as a folder of its own, with a ledger: only what it shares with no other is judged.

The theory, questions, pages and records are taken out of Git as plain files: no hook runs, no link is followed, no
code of the revision is used. The verdicts are those of the `verify` that runs here.
"""

from __future__ import annotations

import io
import json
import re
import subprocess
import tarfile
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from verify.experiments.records import COMMITTED, LOCAL
from verify.language.catalog import Catalog, load_catalog
from verify.language.claim import Claim
from verify.language.errors import LanguageError
from verify.ledger.keys import PROOF, SAMPLING, claim_key, definitions_key, is_fresh
from verify.ledger.recorded import deciding, gather
from verify.ledger.status import status_document
from verify.ledger.store import FOLDER, Ledger

TAKEN = ("verify/theory", "questions", "docs", "records")
SUFFIXES = (".md", ".json", ".txt")
MAX_FILES, MAX_FILE, MAX_TOTAL = 20_000, 5_000_000, 200_000_000  # bytes
SECONDS = 60.0
_REVISION = re.compile(r"[A-Za-z0-9_@][A-Za-z0-9_./@^~{}+-]{0,199}")


def commit_of(root: Path, revision: str) -> str:
    """The full hash of a revision. LanguageError for a name that Git does not know."""
    if not _REVISION.fullmatch(revision):
        raise LanguageError(f"{revision[:60]!r} is no revision", suggestion="a branch, a tag or a commit, like main")
    done = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if done.returncode:
        raise LanguageError(f"Git knows no revision {revision!r} here", suggestion="git fetch it first")
    return done.stdout.decode("ascii").strip()


def take_out(root: Path, commit: str, folder: Path) -> None:
    """Write the theory, pages, questions and records of a commit below `folder`."""
    present = [name for name in TAKEN if not _git(root, "cat-file", "-e", f"{commit}:{name}").returncode]
    if not present:
        return
    done = _git(root, "archive", "--format=tar", commit, "--", *present)
    if done.returncode:
        raise LanguageError(f"Git could not give the files of {commit[:12]}")
    count = total = 0
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        for member in archive:
            place = PurePosixPath(member.name)
            if not member.isreg() or place.suffix not in SUFFIXES or place.is_absolute() or ".." in place.parts:
                continue
            count, total = count + 1, total + member.size
            if count > MAX_FILES or member.size > MAX_FILE or total > MAX_TOTAL:
                raise LanguageError(
                    f"{commit[:12]} holds more than a repository of claims should: {place}, the file number {count:,} "
                    f"of {MAX_FILES:,}, has {member.size:,} of {MAX_FILE:,} bytes, all have {total:,} of {MAX_TOTAL:,}"
                )
            file = archive.extractfile(member)
            if file:
                path = folder / place
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(file.read())


def commits_ledger(root: Path, commit: str) -> bool:
    """Does a commit hold a ledger? It is computed, and nobody may hand one in."""
    return not _git(root, "cat-file", "-e", f"{commit}:{FOLDER.parts[0]}").returncode


def links_of(root: Path, commit: str) -> list[str]:
    """The links and submodules of a commit where only plain files belong. Nobody follows them."""
    listed = _git(root, "ls-tree", "-r", "-z", commit, "--", *TAKEN).stdout.decode("utf-8", "replace")
    entries = [entry.partition("\t") for entry in listed.split("\0") if entry]
    return [path for mode, _, path in entries if not mode.startswith("100")]


@dataclass(frozen=True)
class Side:
    """One side of a comparison: a folder, the claims read there, its ledger, and whether it was taken out of Git.

    The claims have no translations yet.
    """

    folder: Path
    taken_out: bool
    catalog: Catalog
    ledger: Ledger

    @classmethod
    def of(cls, folder: Path, taken_out: bool, known: Ledger) -> Side:
        """What was taken out has no ledger of its own; it has the answers that are `known`, by their keys."""
        ledger = Ledger(folder, known if taken_out else None)
        return cls(folder, taken_out, load_catalog(folder, translated=False), ledger)

    def status(self, known: Path) -> dict[str, Any]:
        """The status document. Records made in the repository `known` count for each side."""
        records = deciding(gather(known / LOCAL, self.folder / COMMITTED)[0])
        return status_document(self.catalog, self.ledger, records)


def judge_differences(base: Side, head: Side, jobs: int | None = None) -> dict[str, str]:
    """Judge on both sides the claims that one has and the other has not, or has otherwise. Returns our crashes.

    A checkout's own ledger is left alone.
    """
    crashes: dict[str, str] = {}
    todo: list[tuple[Ledger, list[Claim]]] = []
    differing = _differing(base.catalog, head.catalog)
    # What both sides say alike has the same translations, with the same verdicts where no side brings its own.
    chosen = differing if base.taken_out and head.taken_out else None
    for side in (base, head):
        side.catalog.translate(chosen)
        if side.taken_out:
            ledger, mine = side.ledger, side.catalog
            claims = mine.judged(claim for claim in mine.claims.values() if claim.id in differing)
            todo.append((ledger, [claim for claim in claims if not is_fresh(claim, ledger.entry(claim.id))]))
    if any(claims for _, claims in todo):
        from verify.running.judge import judge_claims
        from verify.running.workers import Workers

        with Workers(jobs) as workers:
            for ledger, claims in todo:
                crashes |= judge_claims(claims, ledger, workers).crashes
    return crashes


def records_of(folder: Path) -> dict[str, dict[str, Any]]:
    """The committed records of a folder by path, as plain data; damaged files are left to `verify status`."""
    found = {}
    for path in sorted((folder / COMMITTED).glob("*/*.json")):
        try:
            data = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError, RecursionError):
            continue
        if isinstance(data, dict):
            found[path.relative_to(folder).as_posix()] = data
    return found


def _differing(base: Catalog, head: Catalog) -> set[str]:
    """The claims that one side has and the other has not, or has otherwise."""
    before, after = _asked(base), _asked(head)
    differing = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    notations = [notation.claim.id for side in (base, head) for notation in side.notations.values()]
    return {*before, *after} if differing.intersection(notations) else differing


def _asked(catalog: Catalog) -> dict[str, list[object]]:
    """What is judged of each claim: its steps and mistakes, its defined names, and the translations it asks for."""
    found: dict[str, list[object]] = {
        claim.id: [claim_key(claim, PROOF), claim_key(claim, SAMPLING), definitions_key(claim)]
        for claim in catalog.claims.values()
    }
    for document in catalog.documents:
        for name, written in document.written.items():
            found[name].append(replace(written, start=0))
        for block in document.translations:
            found.setdefault(block.name, []).append((block.options, block.body))
    return found


def _git(root: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["git", *words], cwd=root, capture_output=True, timeout=SECONDS, check=False)
    except FileNotFoundError:
        raise LanguageError("Git is not installed", suggestion="give two folders or two status documents") from None
    except subprocess.TimeoutExpired:
        raise LanguageError(f"Git did not answer within {SECONDS:g} seconds") from None
