"""`verify question`: an issue becomes an open question with the asker's words and the claims they name."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import yaml

from tests.commands.test_command_line import ROOT, in_repository, named, small_repository
from verify.intake.front_matter import read_front_matter
from verify.intake.issue import read_issue
from verify.intake.schema import QUESTION

FORM = """### Kind

Why

### Question

Why does t.two hold? I know $(a+b)^2$ and [t.one][].

### What you know

_No response_

### Claims

t.two, t.none
"""
ISSUE = {
    "number": 12, "title": "[Question] Why does the square hold?", "body": FORM, "labels": [{"name": "question"}],
    "createdAt": "2026-11-21T10:00:00Z",
}  # fmt: skip


@pytest.fixture
def repository(tmp_path):
    upper = named("t.two").replace("title: A square", "title: A square\n    words: it holds\n    uses: t.one")
    assumed = upper[: upper.index("- $a")] + "///\n"
    folder = small_repository(tmp_path, named("t.one"), assumed.replace("    words", "    assumed: cited\n    words"))
    (folder / "questions").mkdir()
    return folder


def question(folder, *arguments, data=None):
    code = f"import os, sys; from verify.cli import main; os.chdir({str(folder)!r})\n"
    code += f"sys.exit(main(['question', *{list(arguments)!r}]))"
    return subprocess.run([sys.executable, "-c", code], input=json.dumps(data or ISSUE), cwd=ROOT, text=True,
                          capture_output=True, timeout=120, env=os.environ)  # fmt: skip


def test_an_issue_becomes_an_open_question(repository):
    done = question(repository, "import", "-")
    assert done.returncode == 0, done.stderr
    assert "wrote questions/why-does-the-square-hold.md: Why, open" in done.stdout
    assert "claims it names: t.two t.one" in done.stdout
    text = (repository / "questions" / "why-does-the-square-hold.md").read_text("utf-8")
    meta = read_front_matter(text, "q", QUESTION)
    assert meta.many("claims") == ("t.two", "t.one") and meta.many("topics") == ("t",)
    assert meta.text("issue") == "12" and meta.text("state") == "open" and meta.text("asked") == "2026-11-21"
    assert "## Question\n\nWhy does t.two hold? I know $(a+b)^2$ and [t.one][]." in text
    assert "No response" not in text and "## Kind" not in text and "## Claims" not in text
    again = question(repository, "import", "-")
    assert again.returncode == 2 and "is there already" in again.stderr
    assert question(repository, "import", "-", "--id", "another").returncode == 0
    listed = in_repository(repository, "question", "list")
    assert listed.returncode == 0 and "2 open, 0 discussed, 0 answered" in listed.stdout


def test_printing_writes_nothing(repository):
    done = question(repository, "import", "-", "--print")
    assert done.returncode == 0 and done.stdout.startswith("---\nid: why-does")
    assert not list((repository / "questions").iterdir())


def test_what_the_claims_rest_on_is_suggested(repository):
    only = {**ISSUE, "body": "Why t.two?"}
    assert "prerequisites: t.one" in question(repository, "import", "-", data=only).stdout


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"title": "How do I choose?", "body": "x"}, "How"),
        ({"title": "Is it so?", "body": "x", "labels": [{"name": "why"}]}, "Why"),
        ({"title": "Is it so?", "body": "x", "labels": ["what"]}, "What"),
        ({"title": "[Why] is it so?", "body": "### Kind\n\nHow\n\n### Question\n\nx"}, "How"),
    ],
)  # fmt: skip
def test_the_kind_comes_from_the_form_then_a_label_then_the_title(change, kind):
    assert read_issue({**ISSUE, **change}, set()).kind == kind


def test_a_chinese_title_gets_the_number_as_its_name():
    found = read_issue({**ISSUE, "title": "为什么成立？", "body": "### 类型\n\nWhy\n\n### 问题\n\n为什么？"}, set())
    assert found.id == "issue-12" and found.sections == (("问题", "为什么？"),)


@pytest.mark.parametrize("title", ["为什么噪声的步长是 dt 的平方根？", "Diffusion?", "σ"])
def test_a_name_has_two_words_or_is_the_number(title):
    assert read_issue({**ISSUE, "title": title}, set()).id == "issue-12"


def test_a_formula_of_the_title_that_cannot_be_set_is_plain_text():
    """One that can stays a formula; the site sets every other pair of dollars in a title."""
    page = read_issue({**ISSUE, "title": r"Is $\a$ like $\sigma$?"}, set(), lambda tex: tex == r"\sigma").markdown()
    assert read_front_matter(page, "q", QUESTION).text("title") == r"Is \a like $\sigma$?"
    assert "\n# Is \\a like $\\sigma$?\n" in page


def test_only_the_forms_own_headings_are_fields():
    """Words of the asker are never lost: not below a heading like a field's, nor in a fence that holds one."""
    body = "### Kind\n\nWhy\n\n### Question\n\n```\n### Kind\n\nHow\n```\n\n### Claims I doubt\n\nall of them"
    found = read_issue({**ISSUE, "title": "Is it so?", "body": body}, set())
    assert found.kind == "Why"
    assert found.sections == (("Question", "```\n### Kind\n\nHow\n```"), ("Claims I doubt", "all of them"))


def test_an_event_holds_the_issue():
    assert read_issue({"action": "opened", "issue": {**ISSUE, "created_at": "2026-01-02"}}, set()).asked == "2026-01-02"


def test_the_form_of_the_repository_is_understood():
    """Its labels are the headings that the import looks for."""
    form = yaml.safe_load((ROOT / ".github/ISSUE_TEMPLATE/1-question.yml").read_text("utf-8"))
    fields = {part["id"]: part["attributes"] for part in form["body"] if "id" in part}
    answers = {"kind": fields["kind"]["options"][0], "claims": "t.one"}
    body = "\n\n".join(f"### {field['label']}\n\n{answers.get(name, 'words')}" for name, field in fields.items())
    found = read_issue({**ISSUE, "title": "Is it so?", "body": body}, {"t.one"})
    assert found.kind == answers["kind"] and found.claims == ("t.one",)
    headings = [heading for heading, _ in found.sections]
    assert len(headings) == len(fields) - 2 and fields["question"]["label"] in headings


def test_every_question_of_the_repository_has_the_fields():
    for path in sorted((ROOT / "questions").rglob("*.md")):
        meta = read_front_matter(path.read_text("utf-8"), str(path.relative_to(ROOT)), QUESTION)
        assert meta.text("id") == path.stem
