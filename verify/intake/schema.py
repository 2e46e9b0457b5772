"""The fields of front matter and of claim blocks, and what each holds: one table for the reader and for editors.

`json_schemas` gives it to editors: the files stand in docs/reference/schema, and `verify fmt` keeps them up to date.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from verify.intake.places import CLAIM_ID, MAX_NAME, SLUG, TOPIC, WORK
from verify.intake.text import hidden, shown
from verify.language.claim import SLIPS
from verify.language.document import CLAIM_OPTIONS, MISTAKE_OPTIONS

FOLDER = Path("docs") / "reference" / "schema"
MAX_LINE = 300
MAX_ITEMS = 50
KINDS, STATES = ("What", "Why", "How"), ("open", "discussed", "answered")


@dataclass(frozen=True)
class Field:
    """One field: a line of text, or with `many` a list of them.

    choices  the only values; `pattern` what a value looks like, with `example`; `is_date` for a day
    """

    says: str
    needed: bool = False
    many: bool = False
    choices: tuple[str, ...] = ()
    pattern: str = ""
    example: str = ""
    is_date: bool = False

    def problem(self, value: str) -> str:
        """What is wrong with one value, '' when nothing is."""
        if bad := hidden(value):
            return f"holds the invisible character {bad[1]}"
        if "\n" in value:
            return "is one line"
        if len(value) > MAX_LINE:
            return f"has {len(value)} characters; at most {MAX_LINE}"
        if "<" in value or ">" in value:
            return "is plain text without < and >"
        if self.choices and value not in self.choices:
            return f"is one of {', '.join(self.choices)}, not {shown(value)!r}"
        if self.is_date and not _is_day(value):
            return f"is a day like 2026-11-21, not {shown(value)!r}"
        if self.pattern and (len(value) > MAX_NAME or not re.fullmatch(self.pattern, value, re.ASCII)):
            return f"looks like {self.example}, not {shown(value)!r}"
        return "is empty" if self.needed and not value.strip() else ""

    def schema(self) -> dict[str, Any]:
        one: dict[str, Any] = {"type": "string", "maxLength": MAX_LINE}
        if self.choices:
            one = {"enum": list(self.choices)}
        elif self.is_date:
            one |= {"format": "date"}
        elif self.pattern:
            one |= {"pattern": f"^{self.pattern}$", "maxLength": MAX_NAME, "examples": [self.example]}
        if self.many:
            one = {"type": "array", "items": one, "maxItems": MAX_ITEMS, "uniqueItems": True}
        return {"description": self.says, **one}


def _is_day(value: str) -> bool:
    try:
        return bool(re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII)) and bool(date.fromisoformat(value))
    except ValueError:
        return False


_CLAIMS = Field("ids of the claims it rests on", many=True, pattern=CLAIM_ID, example="edm.precond")
QUESTION: dict[str, Field] = {
    "id": Field("the file's name without its ending; it never changes", True, pattern=SLUG, example="why-sqrt-dt"),
    "kind": Field("what is asked for: what it is, why it is so, how it is done", True, choices=KINDS),
    "state": Field("how far it has come", True, choices=STATES),
    "asked": Field("the day it was asked", True, is_date=True),
    "title": Field("the question, one line", True),
    "claims": _CLAIMS,
    "topics": Field("the topics it belongs to", many=True, pattern=TOPIC, example="edm"),
    "sources": Field("keys of the bibliography", many=True, pattern=WORK, example="karras2022edm"),
    "issue": Field("number of the issue it came from", pattern="[1-9][0-9]{0,8}", example="12"),
}
PAGE: dict[str, Field] = {
    "title": Field("the page's title, where it is not the first heading"),
    "description": Field("one line for search engines"),
    "hide": Field("parts of the page that are not shown", many=True, choices=("navigation", "toc", "footer", "path")),
    "topic": Field("the topic whose claims it shows", pattern=TOPIC, example="edm"),
    "claims": _CLAIMS,
}
_OPTIONS = {
    "title": "one line; a formula may stand in it between dollar signs",
    "slogan": "one sentence without a formula",
    "assumed": "why nothing checks it",
    "source": "the paper's key in the bibliography and the equations: karras2022edm (7), (117)-(131)",
    "use": "the topic whose shared names it takes",
    "uses": "claims it rests on, for a claim stated in words",
    "after": "claims that a reader should know first: edm.ode, score.tweedie",
    "experiments": "the experiments that judge it",
    "vocabulary": "the notation that the claim declares: its own letters, and EDM's names in terms of them",
    "notation": "the notation whose names the claim is written in: edm, ddpm, vp, vdm, flow or path",
    "into": "the notations that it is shown in; all when left out",
    "letters": r"which of its letters are names of the notation: $\sigma$, $a = \bar\alpha_t$",
    "slip": "what kind of slip the mistake is",
    "experiment": "the experiment that measures the mistake",
    "words": "the statement in words, for a claim that cannot be read as a formula",
    "own": r"names with a meaning of their own, and why: $\sigma_t$ is the spread of a step here",
}


def problems(fields: Mapping[str, Field], data: Mapping[str, str | list[str]]) -> dict[str, str]:
    """What is wrong with front matter, by field; a field that is missing counts under its name too."""
    found = {name: "is needed" for name, field in fields.items() if field.needed and name not in data}
    for name, value in data.items():
        if name not in fields:
            found[name] = f"is no field here; there are {', '.join(fields)}"
        elif fields[name].many != isinstance(value, list):
            found[name] = "is a list: [one, two]" if fields[name].many else "is one value, not a list"
        elif isinstance(value, list) and len(value) > MAX_ITEMS:
            found[name] = f"has {len(value)} entries; at most {MAX_ITEMS}"
        elif wrong := next(filter(None, map(fields[name].problem, value if isinstance(value, list) else [value])), ""):
            found[name] = wrong
    return found


def json_schemas() -> dict[str, str]:
    """File name -> JSON schema of a question's front matter, a page's, and the options of claims and mistakes."""
    documents = {
        "question": ("Front matter of a question", QUESTION),
        "page": ("Front matter of a page", PAGE),
        "claim": ("Options of a claim block", _options(CLAIM_OPTIONS)),
        "mistake": ("Options of a mistake block", _options(MISTAKE_OPTIONS)),
    }
    return {f"{name}.json": _document(title, fields) for name, (title, fields) in documents.items()}


def _options(names: tuple[str, ...]) -> dict[str, Field]:
    """Every option, and its Chinese where it is a text for readers."""
    fields = {}
    for name in names:
        fields[name] = Field(_OPTIONS[name], needed=name == "title", choices=SLIPS if name == "slip" else ())
        if name in ("title", "slogan", "assumed", "words"):
            fields[f"{name}-zh"] = Field(f"{name} in Chinese")
    return fields


def _document(title: str, fields: Mapping[str, Field]) -> str:
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "type": "object",
        "properties": {name: field.schema() for name, field in fields.items()},
        "required": [name for name, field in fields.items() if field.needed],
        "additionalProperties": False,
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def written(data: Mapping[str, str | list[str]], fields: Mapping[str, Field] = QUESTION) -> str:
    """Front matter with both fences: the known fields in their order, then the others; lists on one line."""
    order = [*(name for name in fields if name in data), *(name for name in data if name not in fields)]
    lines = [f"{name}: {_value(data[name])}" for name in order]
    return "\n".join(["---", *lines, "---", ""])


def _value(value: str | list[str]) -> str:
    return f"[{', '.join(_scalar(item, ',[]{}') for item in value)}]" if isinstance(value, list) else _scalar(value)


def _scalar(text: str, more: str = "") -> str:
    """A text as YAML: plain where every reader takes it for the same text, in double quotes elsewhere."""
    plain: object = (
        re.match(r"[^\W_]", text)
        and not re.search(r": |:$| #|^[\d.+-]+$|\s$|[\n\t\"\\]", text)
        and text.lower() not in _WORDS
        and not any(c in text for c in more)
    )
    plain = plain or _is_day(text) or re.fullmatch("[1-9][0-9]{0,8}", text)
    return text if plain else json.dumps(text, ensure_ascii=False)


_WORDS = ("true", "false", "yes", "no", "on", "off", "null", "y", "n")
