"""The catalogue of experiments, read from their declarations without running them: no torch is imported.

An experiment is a class under `@experiment(name=..., title=..., claims=..., prediction=...)` in
`verify/theory/<topic>/experiments/*.py`. The arguments are literals, so the syntax tree holds all that a list shows.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

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


def _declarations(path: Path) -> list[dict]:
    """The keyword arguments of every @experiment decorator of a file."""
    found = []
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        for call in node.decorator_list if isinstance(node, ast.ClassDef) else ():
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "experiment":
                found.append({keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords})
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
    """One entry; UnknownExperiment lists what exists."""
    entries = all_experiments()
    if name not in entries:
        raise UnknownExperiment(f"no experiment is named {name!r}; there are: {', '.join(entries)}")
    return entries[name]
