"""The catalogue of experiments, read from their declarations without running them: no torch is imported.

An experiment is a class under `@experiment(name=..., title=..., claims=..., prediction=..., quick=...)` in
`verify/theory/<topic>/experiments/*.py`. The arguments are literals, so the syntax tree holds all that a list shows.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import verify.theory

THEORY = Path(verify.theory.__file__).parent


class UnknownExperiment(LookupError):
    """No experiment has that name; the message lists those that exist."""


@dataclass(frozen=True)
class Entry:
    """One line of the catalogue."""

    name: str
    title: dict[str, str]
    claims: tuple[str, ...]
    prediction: dict[str, str]
    topic: str
    module: str
    quick: bool = True


def _declarations(path: Path) -> list[dict[str, Any]]:
    """The keyword arguments of every @experiment decorator of a file. ValueError for one that is no literal."""
    found = []
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        for call in node.decorator_list if isinstance(node, ast.ClassDef) else ():
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "experiment":
                try:
                    found.append({str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords})
                except ValueError:
                    raise ValueError(
                        f"{path}:{call.lineno}: the arguments of @experiment must be written out as literals; "
                        "the catalogue reads them without running the file"
                    ) from None
    return found


def all_experiments(theory: Path = THEORY) -> dict[str, Entry]:
    """Every experiment by name, in the order of topics and files. ValueError when two share a name."""
    entries: dict[str, Entry] = {}
    for path in sorted(theory.glob("*/experiments/*.py")):
        topic = path.parent.parent.name
        for declaration in _declarations(path):
            entry = Entry(**declaration, topic=topic, module=f"verify.theory.{topic}.experiments.{path.stem}")
            if entry.name in entries:
                raise ValueError(
                    f"two experiments are named {entry.name}: {entries[entry.name].module}, {entry.module}"
                )
            entries[entry.name] = entry
    return entries


def find(name: str) -> Entry:
    """One entry; UnknownExperiment lists what exists, the most alike first."""
    entries = all_experiments()
    if name not in entries:
        raise UnknownExperiment(f"no experiment is named {name!r}; there are: {', '.join(nearest(name, entries))}")
    return entries[name]


def select(targets: Sequence[str]) -> list[Entry]:
    """The experiments that names, topics or `all` stand for, each once, in the order asked for."""
    entries = all_experiments()
    chosen: dict[str, Entry] = {}
    for target in targets:
        found = {e.name: e for e in entries.values() if target in ("all", e.name, e.topic)}
        if not found:
            topics = dict.fromkeys(e.topic for e in entries.values())
            raise UnknownExperiment(
                f"no experiment and no topic is named {target!r}; there are: "
                f"{', '.join(nearest(target, [*entries, *topics, 'all']))}"
            )
        chosen |= found
    return list(chosen.values())


def nearest(name: str, names: Iterable[str]) -> list[str]:
    """All names, the most alike first, then as they stood."""
    return sorted(names, key=lambda other: -difflib.SequenceMatcher(None, name, other).ratio())
