"""An issue of the forge, as its interface gives it, to a question file.

The form's sections come as `### Heading` lines with the answer below. What the asker wrote is data: it is bounded,
made harmless, and its ids are looked up; nothing in it chooses a folder or a state.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from verify.intake import places, schema
from verify.intake.markdown import MAX_TEXT, SHORTER, neutral, without_unset
from verify.intake.text import shown, visible
from verify.language.errors import LanguageError

MAX_TITLE = 200
MAX_SECTIONS = 20
MAX_PAGE = 64_000  # bytes; the job that offers the page takes no larger one
NO_ANSWER = "_No response_"
_SECTION = re.compile(r"^(?P<fence>```|~~~).*?^(?P=fence)|^### +(?P<heading>[^\n]+)$", re.M | re.S)  # none in a fence
_FIELD = re.compile(r"kind|claims?|类型|论断", re.I)  # a choice or a list of ids: no words of the asker
_ID = re.compile(rf"(?<![\w.-]){places.CLAIM_ID}(?![\w-])", re.ASCII)
_KIND = re.compile(r"\s*(what|why|how)\b", re.I)
_PREFIX = re.compile(r"[#\s]*(?:\[[^\]\n]{0,40}\]\s*|(?:question|what|why|how)\s*:\s*)?", re.I)
_EMPTY = re.compile(r"(?:what|why|how)?\W*", re.I)


@dataclass(frozen=True)
class Question:
    """What becomes a file in questions/. `sections` are (heading, text), already harmless."""

    id: str
    kind: str
    title: str
    asked: str
    claims: tuple[str, ...] = ()
    issue: str = ""
    sections: tuple[tuple[str, str], ...] = ()

    @property
    def topics(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name.split(".")[0] for name in self.claims))

    def markdown(self) -> str:
        """The file. Its state is open: only people change that."""
        values: dict[str, str | list[str]] = {
            "id": self.id, "kind": self.kind, "state": "open", "asked": self.asked, "title": self.title,
            "claims": list(self.claims), "topics": list(self.topics), "issue": self.issue,
        }  # fmt: skip
        data = {name: value for name, value in values.items() if value}
        for name, wrong in schema.problems(schema.QUESTION, data).items():
            raise LanguageError(f"the question's {name} {wrong}")
        origin = f"Asked in issue {self.issue}.\n\n" if self.issue else ""
        sections = "\n\n".join(f"## {heading}\n\n{text}" for heading, text in self.sections)
        page = f"{schema.written(data)}\n# {neutral(self.title)}\n\n{origin}{sections}\n"
        if (size := len(page.encode())) > MAX_PAGE:
            raise LanguageError(f"the question's page has {size:,} bytes; at most {MAX_PAGE:,}", suggestion=SHORTER)
        return page


def read_issue(
    data: Any, claims: Collection[str], settable: Callable[[str], bool] = lambda tex: True, name: str = ""
) -> Question:
    """The question in an issue, or in the event that brought it.

    claims    the ids that exist; those that the text names become its prerequisites
    settable  whether a formula can be set
    name      id of the question; made from the title unless given
    Raises LanguageError for what is no issue, holds no question or does not say its kind.
    """
    issue = data.get("issue", data) if isinstance(data, dict) else data
    if not isinstance(issue, dict):
        raise LanguageError("this JSON is no issue", suggestion="gh issue view N --json number,title,body,createdAt")
    if issue.get("pull_request"):
        raise LanguageError("this is a pull request, not an issue", suggestion="give the number of an issue")
    number = issue.get("number")
    if isinstance(number, bool) or not isinstance(number, int) or not 0 < number < 10**9:
        raise LanguageError("the issue has no number", suggestion='its JSON holds one: "number": 12')
    title = _title(_text(issue, "title"), settable)
    found = _sections(_text(issue, "body"))
    sections = tuple(
        (neutral(shown(heading, 80)), text)
        for heading, raw in found
        if not _FIELD.fullmatch(heading) and (text := neutral(raw, claims, settable)).strip()
    )
    if not sections:
        raise LanguageError("the issue asks nothing: its text is empty", suggestion="fill in the form's question")
    written = "\n".join((title, *(text for _, text in found)))
    named = [match[0] for match in _ID.finditer(written) if match[0] in claims]
    return Question(
        id=places.checked("question", name or places.slug(title, f"issue-{number}")),
        kind=_kind(found, issue, title),
        title=title,
        asked=_day(issue),
        claims=tuple(dict.fromkeys(named))[: schema.MAX_ITEMS],
        issue=str(number),
        sections=sections,
    )


def _text(issue: dict[str, Any], name: str) -> str:
    value = issue.get(name)
    if not isinstance(value, str) or not value.strip():
        raise LanguageError(f"the issue has no {name}", suggestion=f'its JSON holds a text: "{name}": "..."')
    if len(value) > 4 * MAX_TEXT:
        raise LanguageError(
            f"the issue's {name} has {len(value):,} characters; at most {4 * MAX_TEXT:,}", suggestion=SHORTER
        )
    return value.replace("\r\n", "\n").replace("\r", "\n")


def _title(raw: str, settable: Callable[[str], bool]) -> str:
    """One plain line; the form's prefix goes, and so does what could be a tag or a formula that cannot be set."""
    line = " ".join(visible(raw).split()).translate(str.maketrans("<>", "‹›"))
    line = _PREFIX.sub("", line, count=1).strip()
    if _EMPTY.fullmatch(line):
        raise LanguageError("the issue's title says nothing", suggestion="put the question into the title, in one line")
    if len(line) > MAX_TITLE:
        raise LanguageError(f"the issue's title has {len(line)} characters; at most {MAX_TITLE}", suggestion=SHORTER)
    return without_unset(line, settable)


def _sections(body: str) -> list[tuple[str, str]]:
    """(heading, text) of each section that was answered; a body without headings is one section."""
    marks = [mark for mark in _SECTION.finditer(body) if mark["heading"]]
    if len(marks) > MAX_SECTIONS:
        raise LanguageError(f"the issue has {len(marks)} sections; at most {MAX_SECTIONS}", suggestion=SHORTER)
    if not marks:
        return [("In the asker's words", body)]
    ends = [mark.start() for mark in marks[1:]] + [len(body)]
    parts = [(mark["heading"].strip(), body[mark.end() : end].strip()) for mark, end in zip(marks, ends, strict=True)]
    before = body[: marks[0].start()].strip()
    parts = [("In the asker's words", before), *parts] if before else parts
    return [(heading, text) for heading, text in parts if text and text != NO_ANSWER]


def _kind(sections: list[tuple[str, str]], issue: dict[str, Any], title: str) -> str:
    """What, Why or How: from the form, a label, or the first word of the title, in this order."""
    labels = issue.get("labels")
    labels = labels if isinstance(labels, list) else []
    names = [label.get("name") if isinstance(label, dict) else label for label in labels]
    answers = [text for heading, text in sections if re.fullmatch("kind|类型", heading, re.I)]
    raw = issue.get("title", "")
    for text in (*answers, *names, raw, title):
        if isinstance(text, str) and (found := _KIND.match(text)):
            return found[1].capitalize()
    raise LanguageError(
        "the issue does not say whether it asks What, Why or How", suggestion="begin its title with one of the three"
    )


def _day(issue: dict[str, Any]) -> str:
    when = issue.get("created_at", issue.get("createdAt"))
    if not isinstance(when, str) or schema.QUESTION["asked"].problem(when[:10]):
        example = 'its JSON holds the day: "created_at": "2026-11-21T10:00:00Z"'
        raise LanguageError("the issue does not say when it was made", suggestion=example)
    return when[:10]
