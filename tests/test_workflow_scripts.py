"""The scripts of the workflows that may write, run with a `gh` that answers from a table and writes down every call."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT / ".github" / "scripts"
GH = f"""#!{sys.executable}
import json, os, sys
from pathlib import Path
words = " ".join(sys.argv[1:])
with open(os.environ["CALLS"], "a") as calls:
    calls.write(json.dumps(sys.argv[1:]) + "\\n")
for part, answer in json.loads(Path(os.environ["ANSWERS"]).read_text()):
    if part in words:
        sys.stdout.flush()
        sys.stdout.buffer.write(Path(answer[1:]).read_bytes() if answer.startswith("@") else answer.encode())
        break
"""
DIFF = {"version": 1, "weaker": 0, "reason": "", "changes": [], "unreadable": []}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A checkout with the scripts, and a `gh` first on the PATH."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "gh").write_text(GH, "utf-8")
    (tmp_path / "bin" / "gh").chmod(0o755)
    (tmp_path / "work" / ".github").mkdir(parents=True)
    (tmp_path / "work" / ".github" / "scripts").symlink_to(SCRIPTS)
    return tmp_path


def run(project: Path, script: str, answers: list[tuple[str, str]], **given: str) -> tuple[int, list[list[str]]]:
    """Exit code of a script, and the calls of `gh` that it made."""
    (project / "answers.json").write_text(json.dumps(answers), "utf-8")
    calls = project / "calls.txt"
    calls.write_text("", "utf-8")
    environment = {
        "PATH": f"{project / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(project),
        "ANSWERS": str(project / "answers.json"),
        "CALLS": str(calls),
        "TMPDIR": str(project),
        "GITHUB_REPOSITORY": "o/r",
        "GITHUB_SERVER_URL": "https://example.org",
        "GITHUB_RUN_ID": "5",
        "GITHUB_STEP_SUMMARY": str(project / "summary.md"),
        **given,
    }
    words = ["bash", f".github/scripts/{script}"]
    done = subprocess.run(words, cwd=project / "work", env=environment, capture_output=True, text=True)
    return done.returncode, [json.loads(line) for line in calls.read_text("utf-8").splitlines()]


def written(calls: list[list[str]]) -> list[list[str]]:
    """The calls that change something."""
    return [call for call in calls if call[0] != "api" or {"POST", "PATCH", "PUT", "DELETE"} & set(call)]


def zipped(path: Path, **files: str) -> str:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "."), content)
    return f"@{path}"


# ---------------------------------------------------------------- the table of verdicts

STRANGER = {"RUN": "5", "SHA": "abc", "OWNER": "$(touch owned)", "BRANCH": "'; touch owned; \"`touch owned`"}


def verdicts(project: Path, diff: str, pull: str = "12\n", artifact: str = "77\n", comment: str = "") -> tuple:
    answers = [
        ("repos/o/r/pulls -f", pull),
        ("runs/5/artifacts", artifact),
        ("artifacts/77/zip", zipped(project / "a.zip", diff__json=diff)),
        ("pulls/12/files", "verify/theory/edm/claims.md\n"),
        ("repos/o/r/issues/12/comments", comment),
    ]
    return run(project, "post_verdicts.sh", answers, **STRANGER)


@pytest.mark.parametrize(
    ("comment", "method", "target"),
    [("", "POST", "repos/o/r/issues/12/comments"), ("31\n44\n", "PATCH", "repos/o/r/issues/comments/31")],
)
def test_the_table_is_posted_once_and_then_renewed(project: Path, comment: str, method: str, target: str) -> None:
    code, calls = verdicts(project, json.dumps(DIFF), comment=comment)
    (call,) = written(calls)
    assert code == 0 and call[1:4] == ["--method", method, target] and call[5].startswith("body=@")
    assert f"head={STRANGER['OWNER']}:{STRANGER['BRANCH']}" in calls[0]
    assert not list(project.rglob("owned"))


@pytest.mark.parametrize(
    ("missing", "code"),
    [({"pull": ""}, 0), ({"artifact": ""}, 0), ({"diff": "<script>"}, 2), ({"diff": '{"version": 2}'}, 2)],
)
def test_without_a_table_that_can_be_read_nothing_is_posted(project: Path, missing: dict[str, str], code: int) -> None:
    found, calls = verdicts(project, **{"diff": json.dumps(DIFF), **missing})
    assert (found, written(calls)) == (code, [])


# ---------------------------------------------------------------- the weekly issue


def weekly(project: Path, verdict: str, tests: str = "0\n", issue: str = "") -> tuple[int, list[list[str]]]:
    def status(word: str) -> str:
        return json.dumps({"version": 1, "claims": [{"id": "a.b", "verdict": word}]})

    zips = {
        name: zipped(project / f"{name}.zip", status__json=status(word), versions__txt="", tests__txt=code)
        for name, word, code in (("pinned", "proved", "0\n"), ("newest", verdict, tests))
    }
    (project / "bin" / "gh").write_text(
        GH.replace("for part", 'words += os.environ.get("NAME", "")\nfor part'), "utf-8"
    )
    answers = [
        ("artifacts/1/zip", zips["pinned"]),
        ("artifacts/2/zip", zips["newest"]),
        ("-f state=open", issue),
        ("weekly-pinned", "1\n"),
        ("weekly-newest", "2\n"),
    ]
    return run(project, "tell_weekly.sh", answers)


def test_no_change_opens_no_issue(project: Path) -> None:
    code, calls = weekly(project, "proved")
    assert code == 0 and written(calls) == []
    assert "change nothing" in (project / "summary.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("issue", "method", "target"), [("", "POST", "repos/o/r/issues"), ("9\n", "PATCH", "repos/o/r/issues/9")]
)
@pytest.mark.parametrize(("verdict", "tests"), [("refuted", "0\n"), ("proved", "1\n"), ("proved", "not a code")])
def test_a_change_opens_or_renews_the_issue(project: Path, issue, method, target, verdict, tests) -> None:
    code, calls = weekly(project, verdict, tests, issue)
    (call,) = written(calls)
    assert code == 0 and call[1:4] == ["--method", method, target]


# ---------------------------------------------------------------- a question as a pull request

PAGE = "---\nid: why-so\nkind: Why\nstate: open\n---\n\n# $(touch owned)\n\nBecause?\n"


@pytest.fixture
def cloned(project: Path) -> Path:
    """The checkout is a clone whose origin is a folder beside it."""
    work = project / "work"
    (work / "questions").mkdir()
    (work / "questions" / "index.md").write_text("", "utf-8")
    (work / "verify" / "theory").mkdir(parents=True)
    (work / "verify" / "theory" / "ids.txt").write_text("live a.b\n", "utf-8")
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main", "-C"]
    subprocess.run([*git, str(project), "init", "-q", "--bare", "origin"], check=True)
    for words in (
        ["init", "-q"], ["add", "questions", "verify"], ["commit", "-qm", "first"],
        ["remote", "add", "origin", str(project / "origin")],
    ):  # fmt: skip
        subprocess.run([*git, str(work), *words], check=True)
    return project


def offer(project: Path, page: str) -> tuple[int, list[list[str]]]:
    answers = [("runs/5/artifacts", "3\n"), ("artifacts/3/zip", zipped(project / "q.zip", question__md=page))]
    return run(project, "offer_question.sh", answers, ISSUE="12")


def test_a_question_becomes_one_commit_and_one_pull_request(cloned: Path) -> None:
    code, calls = offer(cloned, PAGE)
    assert code == 0 and calls[-1][:6] == ["pr", "create", "--base", "main", "--head", "question-12"]
    assert calls[-1][calls[-1].index("--title") + 1] == "Question why-so"
    git = ["git", "-C", str(cloned / "origin")]
    shown = subprocess.run(
        [*git, "show", "--stat=200", "question-12"], capture_output=True, text=True, check=True
    ).stdout
    assert "2 files changed" in shown and "questions/why-so.md" in shown and "verify/theory/ids.txt" in shown
    assert not list(cloned.rglob("owned"))


@pytest.mark.parametrize("id_", ["../../.github/x", "a.b", "why so"])
def test_a_page_that_is_refused_is_not_pushed(cloned: Path, id_: str) -> None:
    code, calls = offer(cloned, PAGE.replace("why-so", id_))
    assert code == 2 and not any(call[0] == "pr" for call in calls)
    branches = subprocess.run(["git", "-C", str(cloned / "origin"), "branch"], capture_output=True, text=True).stdout
    assert branches == ""
