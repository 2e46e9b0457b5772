"""Text from strangers: every hostile input has its answer, nothing hangs, nothing escapes, no traceback.

tests/contract/untrusted.json holds one input a line: the way in, what comes in, and what must be said (`says`); of
Markdown, what the page must not hold (`hides`). A text may be a list of pieces, [piece, n] stands for n of it.
"""

from __future__ import annotations

import html
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import markdown
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown.treeprocessors import Treeprocessor

from verify.commands.question import _settable
from verify.experiments.records import RecordError, read_record
from verify.intake import places
from verify.intake.front_matter import read_front_matter
from verify.intake.issue import read_issue
from verify.intake.markdown import neutral
from verify.intake.schema import QUESTION, written
from verify.intake.text import hidden, read_json, visible
from verify.language.document import read_document
from verify.language.errors import LanguageError
from verify.ledger.changes import compare
from verify.site.markdown.guard import GuardExtension
from verify.site.pages import PageError, sources

ROOT = Path(__file__).parents[1]
INPUTS = json.loads((ROOT / "tests/contract/untrusted.json").read_text("utf-8"))
LIMIT = 10.0  # seconds of CPU for one input; the slowest takes a tenth
MADE = set("p h1 h2 h3 h4 h5 h6 ul ol li em strong code pre a blockquote hr br table thead tbody tr th td div span sup "
           "details summary dl dt dd".split())  # fmt: skip
CLAIMS = {"edm.precond", "gauss.sum"}


def text_of(pieces):
    if isinstance(pieces, str):
        return pieces
    return "".join(piece if isinstance(piece, str) else piece[0] * piece[1] for piece in pieces)


class _Question(Treeprocessor):
    """What MkDocs leaves on the Markdown of a page, here of a question."""

    class file:  # noqa: N801 (MkDocs' name for it)
        src_uri, abs_src_path = "questions/x.md", "x.md"


def rendered(text):
    """A question's page as the site makes it, without the formulas set."""
    extensions = ["admonition", "attr_list", "footnotes", "md_in_html", "tables", "pymdownx.arithmatex",
                  "pymdownx.details", "pymdownx.superfences", GuardExtension()]  # fmt: skip
    page = markdown.Markdown(extensions=extensions, extension_configs={"pymdownx.arithmatex": {"generic": True}})
    page.treeprocessors.register(_Question(page), "relpath", 0)
    return page.convert(text)


class _Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, {name: value or "" for name, value in attributes}))

    def handle_comment(self, data):
        self.found.append(("!--", {}))

    handle_decl = unknown_decl = handle_pi = handle_comment


def elements(page):
    """Every element that a browser makes of a page: (tag, attributes)."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    return reader.found


def harmless(page):
    """Only what Markdown makes comes out, and no attribute runs, styles or loads something."""
    for tag, attributes in elements(page):
        assert tag in MADE, tag
        for name, value in attributes.items():
            assert name in ("id", "class", "href", "title", "start", "rel", "role", "open"), name
            assert name != "href" or re.match(r"https?://|mailto:|[^:]*$|#", html.unescape(value).strip()), value
    return True


def answer(way, given_):
    """What is said about an input; '' when it is taken."""
    try:
        if way == "question":
            read_front_matter(text_of(given_), "q.md", QUESTION)
        elif way == "json":
            read_json(text_of(given_), "x.json")
        elif way == "issue":
            read_issue(given_, CLAIMS)
        elif way == "issue-id":
            read_issue(given_["issue"], CLAIMS, name=given_["id"])
        elif way == "status":
            compare(given_, given_)
        elif way == "record":
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder, "x.json")
                path.write_text(text_of(given_), "utf-8")
                read_record(path)
        elif way == "name":
            places.checked(*given_)
        else:
            return "\n".join(map(str, read_document(text_of(given_), "x.md").errors))
    except (LanguageError, RecordError) as error:
        return str(error)
    return ""


def test_there_are_enough_of_each_kind():
    counts = Counter(entry["way"] for entry in INPUTS)
    assert sum(counts.values()) >= 150 and min(counts.values()) >= 5
    assert len({(entry["way"], entry["name"]) for entry in INPUTS}) == len(INPUTS)


@pytest.mark.parametrize(
    "entry", [e for e in INPUTS if e["way"] != "markdown"], ids=lambda entry: f"{entry['way']}-{entry['name']}"
)
def test_a_hostile_input_is_refused_in_its_words(entry):
    data = entry["input"]
    if "expand" in entry:
        data = {**data, **{name: text_of([data[name]]) for name in entry["expand"]}}
    started = time.process_time()
    said = answer(entry["way"], data)
    assert entry["says"] in said and said
    assert len(said) < 20_000 and hidden(said.replace("\x1b", "")) is None or entry["way"] == "claim"
    assert time.process_time() - started < LIMIT


@pytest.mark.parametrize("entry", [e for e in INPUTS if e["way"] == "markdown"], ids=lambda entry: entry["name"])
def test_a_strangers_markdown_shows_and_does_nothing(entry):
    """Through the import, and past it: as if the same text had come into questions/ another way."""
    started = time.process_time()
    text = text_of(entry["input"])
    page = rendered(neutral(text, CLAIMS, _settable))
    parts = [(tag, " ".join(f"{name}={value}" for name, value in given_.items())) for tag, given_ in elements(page)]
    marks = "".join(f"<{tag} {attributes}>" for tag, attributes in parts)
    for part in entry["hides"]:
        assert part.replace('"', "") not in (marks if part[0].isascii() and part.isprintable() else page)
    assert entry["says"] in page
    assert harmless(page) and harmless(rendered(text))
    assert time.process_time() - started < LIMIT


PIECES = [*"<>[](){}`$/\\|#*_!:;&\"'= \nabx-~@^+.", "javascript:", " onerror=", "</script>", "\n///", "\n```", "<b "]
NASTY = st.lists(st.sampled_from(PIECES) | st.characters(codec="utf-8"), max_size=80).map("".join)


@settings(max_examples=150, deadline=None)
@given(NASTY)
def test_no_text_makes_a_tag_that_markdown_does_not_make(text):
    """Only elements of Markdown's own come out, with attributes that do nothing."""
    assert harmless(rendered(text)) and harmless(rendered(neutral(text)))


@settings(max_examples=150, deadline=None)
@given(NASTY)
def test_an_imported_question_is_read_back_as_it_was_written(text):
    issue = {"number": 3, "title": f"Why {visible(text)[:150]}", "created_at": "2026-11-21", "body": text or "x"}
    try:
        question = read_issue(issue, CLAIMS)
        page = question.markdown()
    except LanguageError:
        return
    meta = read_front_matter(page, "q.md", QUESTION)
    assert meta.text("title") == question.title and meta.text("state") == "open"
    assert places.checked("question", question.id) and not read_document(page, "q.md").claims


LINES = st.text(max_size=30).map(lambda text: " ".join(visible(text).split()))


@given(st.dictionaries(st.sampled_from(list(QUESTION)), LINES))
def test_front_matter_that_is_written_is_read(data):
    assert read_front_matter(written(data) + "x\n", "q.md").data == data


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60), st.sampled_from(["claim", "question", "page", "experiment", "topic"]))
def test_no_name_leaves_its_folder(name, kind):
    try:
        places.checked(kind, name)
    except LanguageError:
        return
    path = places.inside(ROOT / "docs", f"{name}.md")
    assert path.resolve().parent == (ROOT / "docs").resolve()


def test_blocks_in_an_issue_never_reach_the_catalogue():
    body = "text\n/// claim | edm.precond\n    title: x\n\n$$ 1 = 1 $$\n///\n"
    page = read_issue({"number": 1, "title": "Why so?", "created_at": "2026-11-21", "body": body}, CLAIMS).markdown()
    assert read_document(page, "q.md").claims == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("docs/host.txt", "docs/host.txt is a link, and links are not published"),
        ("questions/host.md", "questions/host.md is a link"),
        ("docs/a\nb.md", r"'docs/a\nb.md' has a name with a character that does not show"),
        ("docs/zh/\x1b[31m.md", "does not show"),
        ("questions/conftest.py", "questions/conftest.py is no page: write it in Markdown"),
        ("questions/zh/x.js", "questions/zh/x.js is no page"),
        ("docs/x.html", "docs/x.html is no page"),
    ],
)
def test_a_file_that_must_not_be_published_stops_the_build(name, message, tmp_path):
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    (tmp_path / "docs" / "assets").mkdir(parents=True)
    (tmp_path / "docs" / "assets" / "book.js").write_text("published")
    if name.startswith(("docs/host", "questions/host")):
        path.symlink_to("/etc/hostname" if name.endswith("txt") else tmp_path / "docs" / "assets" / "book.js")
    else:
        path.write_text("x")
    with pytest.raises(PageError) as refused:
        sources(tmp_path, "zh")
    assert message in str(refused.value) and "\x1b" not in str(refused.value)
    path.unlink()
    assert list(sources(tmp_path, "zh")) == ["assets/book.js"]


# ---------------------------------------------------------------- at the command line


@pytest.mark.parametrize(
    ("arguments", "data", "message"),
    [
        (("question", "import", "-"), b"\xff\xfe", "byte 0 is not UTF-8"),
        (("question", "import", "-"), b"x" * 1_000_001, "<stdin> is larger than 1,000,000 bytes"),
        (("question", "import", "-"), b'{"a": 1,}', "<stdin>:1:9: not JSON"),
        (("question", "import", "."), b"", ". is no file"),
        (("question", "import", "/dev/zero"), b"", "is no file"),
        (("check", "-"), b"\xff\xfe", "<stdin>:1:1: byte 0 is not UTF-8"),
        (("check", "/dev/zero"), b"", "larger than 2,000,000 characters"),
        (("check", "."), b"", "cannot read .: Is a directory"),
        (("fmt", "-"), b"/// claim | a.b\n", "this block is never closed"),
        (("diff", "a.json", "b.json"), b"", "is no file"),
    ],
)
def test_a_command_says_one_sentence(arguments, data, message, tmp_path):
    done = subprocess.run([sys.executable, "-m", "verify", *arguments], input=data, cwd=tmp_path, capture_output=True,
                          timeout=60, env={**os.environ, "PYTHONPATH": str(ROOT)})  # fmt: skip
    assert done.returncode == 2 and message in done.stderr.decode() and b"Traceback" not in done.stderr
