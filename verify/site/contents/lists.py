"""The small lists behind generated pages: docs/paths.yml and docs/papers.yml, read with the line of every entry."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml


class ListError(ValueError):
    """A list that cannot be read; the message is `file:line: what is wrong`."""


class Entry(dict[str, Any]):
    """A mapping that knows the file and the line it stands on."""

    file: str = ""
    line: int = 0

    def text(self, name: str) -> dict[str, str]:
        """A text for readers by language, from `name` and `name-zh`; empty when it is not there."""
        found = {"en": self.get(name), "zh": self.get(f"{name}-zh")}
        return {language: str(text) for language, text in found.items() if text}

    def place(self, message: str) -> str:
        return f"{self.file}:{self.line}: {message}"


class _Loader(yaml.SafeLoader):
    file = ""


def _entry(loader: _Loader, node: yaml.MappingNode) -> Entry:
    entry = Entry(loader.construct_mapping(node, deep=True))
    entry.file, entry.line = loader.file, node.start_mark.line + 1
    keys = [loader.construct_object(key) for key, _ in node.value]
    if twice := next((key for key in keys if keys.count(key) > 1), None):
        raise ListError(entry.place(f"{twice} stands twice in one entry"))
    return entry


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _entry)


def read_list(path: Path, name: str) -> Entry:
    """The list at `path`, empty when there is no such file. `name` is what messages call it."""
    if not path.exists():
        return Entry()
    loader = _Loader(path.read_text("utf-8"))
    loader.file = name
    try:
        data = loader.get_single_data()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ListError(f"{name}:{line}: {error.problem}") from None
    finally:
        loader.dispose()
    if not isinstance(data, Entry):
        raise ListError(f"{name}:1: a list of names with their entries is expected")
    return data


def unknown(entry: Mapping[str, Any], known: tuple[str, ...]) -> str:
    """What is wrong with the keys of an entry, '' when nothing is."""
    strange = [str(key) for key in entry if str(key).removesuffix("-zh") not in known]
    return f"no key {strange[0]!r} here; there are {', '.join(known)}" if strange else ""
