"""Names that strangers choose, and the files they become: one pattern each, and no way out of the folder."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

from verify.intake.text import shown
from verify.language.errors import LanguageError

MAX_NAME = 80
CLAIM_ID = r"[a-z][a-z0-9]*(\.[a-z0-9][a-z0-9-]*)+"
SLUG = r"[a-z0-9]+(-[a-z0-9]+)*"
TOPIC = r"[a-z][a-z0-9]*"
WORK = r"[A-Za-z][A-Za-z0-9_:-]*"  # a key of the bibliography
_KINDS = {
    "claim": (CLAIM_ID, "topic.name in small letters, like edm.precond"),
    "question": (SLUG, "small letters, digits and single hyphens, like why-sqrt-dt"),
    "experiment": (SLUG, "small letters, digits and single hyphens, like edm-order"),
    "page": (SLUG, "small letters, digits and single hyphens, like reverse-step"),
    "topic": (TOPIC, "small letters and digits, like edm"),
}
# Windows opens a device for these, whatever the ending.
_DEVICES = {"con", "prn", "aux", "nul", *(f"{name}{n}" for name in ("com", "lpt") for n in range(1, 10))}


def checked(kind: str, name: str) -> str:
    """The name, when it may be one of this kind. LanguageError otherwise."""
    pattern, example = _KINDS[kind]
    article = "an" if kind[0] in "aeiou" else "a"
    if not re.fullmatch(pattern, name, re.ASCII):
        raise LanguageError(f"{shown(name)!r} cannot be the name of {article} {kind}", suggestion=f"write {example}")
    if len(name) > MAX_NAME:
        raise LanguageError(f"the name {shown(name)!r} has {len(name)} characters; at most {MAX_NAME}")
    if name.split(".")[0] in _DEVICES:
        raise LanguageError(f"{name!r} names a device on some systems", suggestion="choose another name")
    return name


def slug(title: str, otherwise: str) -> str:
    """A name made from a title: at most eight of its words in plain letters; `otherwise` when it has fewer than two.

    A name is for ever, and one word does not say what is asked: of a Chinese title often only a symbol is left.
    """
    plain = unicodedata.normalize("NFKD", title[:500]).encode("ascii", "ignore").decode().lower()
    words = re.findall(r"[a-z0-9]+", plain.replace("'", ""))
    name = "-".join(words[:8])[:60].strip("-")
    return name if "-" in name else otherwise


def inside(folder: Path, *parts: str) -> Path:
    """`folder/parts` when it lies in the folder, links followed. LanguageError otherwise."""
    path = folder.joinpath(*parts)
    if not path.resolve().is_relative_to(folder.resolve()):
        raise LanguageError(f"{shown('/'.join(parts))!r} lies outside of {folder.name}/")
    return path


def write_new(path: Path, text: str) -> None:
    """Write a file that did not exist, whole or not at all. LanguageError when there is one already."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise LanguageError(
            f"{path} is there already; nothing was written", suggestion="choose another name, or edit that file"
        ) from None
    except OSError:
        path.unlink(missing_ok=True)
        raise
