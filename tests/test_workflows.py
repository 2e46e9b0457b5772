"""The workflows and forms: two linters find nothing, the rules for forks hold, and hostile artifacts stay data.

Each rule is also broken on purpose, in a copy, to see that it would be noticed.
"""

from __future__ import annotations

import importlib
import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from verify import cli
from verify.intake.issue import MAX_PAGE, read_issue
from verify.language.errors import LanguageError
from verify.ledger.changes import KINDS

ROOT = Path(__file__).parents[1]
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
FORMS = sorted((GITHUB / "ISSUE_TEMPLATE").glob("[0-9]*.yml")) + sorted((GITHUB / "DISCUSSION_TEMPLATE").glob("*.yml"))
sys.path.insert(0, str(GITHUB / "scripts"))
question_file, untrusted, verdict_comment, weekly_report = map(
    importlib.import_module, ("question_file", "untrusted", "verdict_comment", "weekly_report")
)


def named(path: Path) -> str:
    return path.name


# ---------------------------------------------------------------- the linters


def tool(name: str) -> str:
    """The linter beside this Python, or on the PATH."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    assert found, f"no {name}: make .venv/ready-to-test"
    return found


def actionlint(folder: Path) -> str:
    """What actionlint says, and shellcheck of the scripts inside the workflows; empty when all is well."""
    words = [tool("actionlint"), "-no-color", "-shellcheck", tool("shellcheck"), "-pyflakes="]
    return subprocess.run([*words, *sorted(folder.glob("*.yml"))], capture_output=True, text=True).stdout


def zizmor(folder: Path) -> set[str]:
    """The audits of zizmor that find something. Offline: it asks nobody."""
    words = [tool("zizmor"), "--offline", "--persona", "pedantic", "--no-config", "--no-exit-codes", "--format", "json"]
    found = subprocess.run([*words, str(folder)], capture_output=True, text=True, check=True)
    return {finding["ident"] for finding in json.loads(found.stdout) if not finding["ignored"]}


def test_the_linters_find_nothing() -> None:
    assert actionlint(GITHUB / "workflows") == ""
    assert zizmor(GITHUB) == set()
    scripts = sorted((GITHUB / "scripts").glob("*.sh"))
    found = subprocess.run([tool("shellcheck"), *map(str, scripts)], capture_output=True, text=True)
    assert found.stdout == ""


PINNED = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1"
BODY, SPILT = "printf '%s' \"$TEXT\"", "echo ${{ github.event.pull_request.body }}"


@pytest.mark.parametrize(
    ("file", "right", "wrong", "audit"),
    [
        ("ci.yml", PINNED, "actions/checkout@v7", "unpinned-uses"),
        ("ci.yml", "          persist-credentials: false\n          fetch", "          fetch", "artipacked"),
        ("ci.yml", "  pull_request:\n", "  pull_request_target:\n", "dangerous-triggers"),
        ("ci.yml", "permissions: {}", "permissions: write-all", "excessive-permissions"),
        ("verdicts.yml", BODY, SPILT, "template-injection"),
        ("verdict-comment.yml", "# zizmor: ignore[dangerous-triggers]", "#", "dangerous-triggers"),
    ],
)
def test_zizmor_sees_what_forks_could_use(tmp_path: Path, file: str, right: str, wrong: str, audit: str) -> None:
    assert audit in zizmor(broken(tmp_path, file, right, wrong))


@pytest.mark.parametrize(
    ("file", "right", "wrong", "message"),
    [
        ("ci.yml", "timeout-minutes: 60", "timeout-minute: 60", "timeout-minute"),
        ("ci.yml", "runs-on: ubuntu-24.04", "runs-on: ubuntu-1.04", "ubuntu-1.04"),
        ("publish.yml", "needs: ci", "needs: nobody", "nobody"),
        ("weekly.yml", "matrix.versions", "matrix.version", "version"),
        ("verdicts.yml", '"$TEXT"', "$TEXT", "SC2086"),
        ("verdicts.yml", BODY, SPILT, "untrusted"),
    ],
)
def test_actionlint_sees_what_would_not_run(tmp_path: Path, file: str, right: str, wrong: str, message: str) -> None:
    assert message in actionlint(broken(tmp_path, file, right, wrong))


def broken(folder: Path, file: str, right: str, wrong: str) -> Path:
    """A folder with one workflow in which `right` has become `wrong`."""
    text = (GITHUB / "workflows" / file).read_text("utf-8")
    assert right in text
    target = folder / ".github" / "workflows"
    target.mkdir(parents=True)
    (target / file).write_text(text.replace(right, wrong), "utf-8")
    return target


# ---------------------------------------------------------------- the rules of this house

STRANGERS = {"pull_request", "pull_request_target", "issue_comment", "fork"}  # anybody can set these off
RUNS_CODE = re.compile(r"\bmake\b|\bpip\b|\.ci/run|\.venv/|pytest|install\.sh|run_all\.sh")


def breaches(path: Path) -> list[str]:
    """What one workflow does against the rules for forks."""
    text = path.read_text("utf-8")
    flow = yaml.safe_load(text)
    triggers, found = set(flow[True]), []  # YAML reads `on` as true
    found += ["no top-level `permissions: {}`"] * (flow.get("permissions") != {})
    found += ["no concurrency"] * ("concurrency" not in flow)
    found += ["pull_request_target"] * ("pull_request_target" in triggers)
    for name, job in flow["jobs"].items():
        rights = job.get("permissions")
        writes = [right for right, level in (rights or {}).items() if level == "write"]
        found += [f"{name}: no permissions of its own"] * (not isinstance(rights, dict))
        found += [f"{name}: may write and strangers set it off"] * bool(writes and triggers & STRANGERS)
        if "uses" in job:
            continue
        found += [f"{name}: no time limit"] * (not 0 < job.get("timeout-minutes", 0) <= 120)
        runs = [step["run"] for step in job["steps"] if "run" in step]
        found += [f"{name}: ${{{{ }}}} inside a script"] * any("${{" in run for run in runs)
        found += [f"{name}: runs our code with a token that writes"] * bool(writes and any(map(RUNS_CODE.search, runs)))
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                kept = step.get("with", {}).get("persist-credentials", True)
                found += [f"{name}: the checkout keeps the token"] * (kept is not False)
                if "workflow_run" in triggers or writes and "issues" in triggers:
                    found += [f"{name}: checks out something else than main"] * (step["with"].get("ref") != "main")
    for line in re.findall(r"^\s*-?\s*uses:\s*(.*)$", text, re.M):
        if not line.startswith("./") and not re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line):
            found.append(f"not pinned by hash and version: {line}")
    return found


@pytest.mark.parametrize("path", WORKFLOWS, ids=named)
def test_a_workflow_keeps_the_rules_for_forks(path: Path) -> None:
    assert breaches(path) == []


@pytest.mark.parametrize(
    ("file", "right", "wrong", "breach"),
    [
        ("ci.yml", "permissions: {}\n", "", "no top-level"),
        ("ci.yml", "contents: read", "contents: write", "strangers set it off"),
        ("ci.yml", "timeout-minutes: 60", "continue-on-error: false", "no time limit"),
        ("ci.yml", "# v7.0.1", "# v7", "not pinned by hash and version"),
        ("verdicts.yml", BODY, SPILT, "inside a script"),
        ("verdicts.yml", "persist-credentials: false", "persist-credentials: true", "keeps the token"),
        ("verdict-comment.yml", "ref: main", "ref: ${{ github.event.workflow_run.head_sha }}", "else than main"),
        ("verdict-comment.yml", "run: bash", "run: make verify && bash", "runs our code with a token that writes"),
        ("weekly.yml", "concurrency:", "defaults:", "no concurrency"),
    ],
)
def test_a_broken_rule_is_seen(tmp_path: Path, file: str, right: str, wrong: str, breach: str) -> None:
    found = breaches(broken(tmp_path, file, right, wrong) / file)
    assert any(breach in line for line in found), found


def test_one_hash_stands_for_one_version() -> None:
    text = "".join(path.read_text("utf-8") for path in WORKFLOWS)
    versions: dict[str, set[str]] = {}
    for action, rest in re.findall(r"uses: ([\w./-]+)@(\S+ # \S+)", text):
        versions.setdefault(action, set()).add(rest)
    assert {action: len(found) for action, found in versions.items()} == dict.fromkeys(versions, 1)


def test_the_workflows_call_what_exists() -> None:
    files = [*WORKFLOWS, *(GITHUB / "scripts").iterdir()]
    text = "\n".join(path.read_text("utf-8") for path in files if path.is_file())
    called = set(re.findall(r"^(?!#).*\.venv/bin/verify ([a-z]+)", text, re.M))
    assert {"diff", "ids", "question", "run", "site"} <= called <= set(cli._COMMANDS)
    assert all((ROOT / name).is_file() for name in re.findall(r"\.github/scripts/\w+\.(?:sh|py)", text))
    options = (
        cli._parser("diff").format_help()
        and subprocess.run(
            [sys.executable, "-m", "verify", "diff", "--help"], capture_output=True, text=True, cwd=ROOT
        ).stdout
    )
    assert "--json" in options and "--body" in options


# ---------------------------------------------------------------- the forms


SCHEMA = json.loads((Path(__file__).parent / "issue-form.schema.json").read_text("utf-8"))
LABELS = {label["name"] for label in yaml.safe_load((GITHUB / "labels.yml").read_text("utf-8"))}


def form(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text("utf-8"))


@pytest.mark.parametrize("path", FORMS, ids=named)
def test_a_form_is_one_that_github_shows(path: Path) -> None:
    content = form(path)
    jsonschema.validate(content, SCHEMA)
    fields = [field for field in content["body"] if field["type"] != "markdown"]
    for key in ("id", "label"):
        values = [field.get(key) or field["attributes"][key] for field in fields]
        assert len(set(values)) == len(values)
    assert set(content.get("labels", [])) <= LABELS
    if path.parent.name == "ISSUE_TEMPLATE":
        assert {"name", "description", "title", "labels"} <= content.keys()
        assert re.search(r"[\u4e00-\u9fff]", content["description"])


@pytest.mark.parametrize(
    "wrong", [{"type": "text"}, {"id": "a b"}, {"attributes": {}}, {"validations": {"needed": True}}]
)
def test_the_schema_of_forms_sees_a_fault(wrong: dict[str, Any]) -> None:
    content = form(FORMS[1])
    content["body"][1] |= wrong
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content, SCHEMA)


def test_every_kind_of_help_has_a_form_and_every_label_a_use() -> None:
    assert [path.stem[2:] for path in FORMS[:5]] == ["question", "correction", "source", "translation", "fault"]
    text = "".join(path.read_text("utf-8") for path in [*WORKFLOWS, *FORMS, *(GITHUB / "scripts").glob("*.sh")])
    assert [label for label in LABELS if label not in text] == []


def test_the_answers_of_the_question_form_are_understood(tmp_path: Path) -> None:
    """As GitHub writes an issue from the form, through the import, to a page that the writing job takes."""
    answers = {"kind": "Why", "question": "Why is $x = y$?", "claims": "gauss.sum", "known": "_No response_"}
    fields = [field for field in form(FORMS[0])["body"] if field["type"] != "markdown"]
    body = "\n\n".join(
        f"### {field['attributes']['label']}\n\n{answers.get(field['id'], '_No response_')}" for field in fields
    )
    issue = {"number": 7, "title": "Why is it so?", "body": body, "created_at": "2026-11-21T10:00:00Z"}
    question = read_issue(issue, {"gauss.sum"})
    assert (question.kind, question.claims) == ("Why", ("gauss.sum",))
    assert question_file.question_id(question.markdown()) == question.id


def test_what_the_import_makes_is_small_enough_for_the_job_that_offers_it() -> None:
    assert MAX_PAGE == question_file.MAX_BYTES
    body = "\n\n".join(f"### Part {number}\n\n{'问' * 19_000}" for number in range(2))
    with pytest.raises(LanguageError, match="page has .* bytes; at most 64,000"):
        read_issue({"number": 7, "title": "Why so?", "body": body, "created_at": "2026-11-21"}, ()).markdown()


@pytest.mark.parametrize("path", FORMS[:5], ids=lambda path: path.stem)
def test_a_form_says_what_happens_next_in_both_languages(path: Path) -> None:
    words = "".join(part["attributes"]["value"] for part in form(path)["body"] if part["type"] == "markdown")
    assert "What happens next" in words and "之后会怎样" in words


# ---------------------------------------------------------------- what privileged jobs read


def zipped(folder: Path, **files: str | bytes) -> Path:
    """An artifact as the API serves it; `__` in a name stands for its dot."""
    with zipfile.ZipFile(folder / "artifact.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "."), content)
    return folder / "artifact.zip"


def difference(**changed: Any) -> dict[str, Any]:
    change = {"kind": "weakened", "id": "edm.precond", "words": "proved -> undecided", "weakens": True}
    return {"version": 1, "weaker": 1, "reason": "", "changes": [change], "unreadable": []} | changed


def test_the_comment_knows_every_kind_of_change() -> None:
    assert verdict_comment.KINDS == KINDS
    for kind, title in KINDS.items():
        change = {"kind": kind, "id": "a.b", "words": "why", "weakens": False}
        assert f"| {title} | `a.b` | `why` |" in verdict_comment.comment(difference(changes=[change]), [])


def test_the_comment_asks_for_a_reason_and_names_a_changed_tool() -> None:
    comment = verdict_comment.comment(difference(), ["verify/theory/edm/claims.md", "questions/zh/a.md"])
    assert comment.startswith("<!-- verdicts -->\n") and "no reason is given" in comment and "✗ weakened" in comment
    assert "more than claims and prose" not in comment
    for file in ("verify/proof/step.py", ".github/workflows/ci.yml", "verify/theory/edm/x.py", "docs/../a.py"):
        assert "more than claims and prose" in verdict_comment.comment(difference(reason="so"), [file])


TEXTS = st.text(st.sampled_from("ab|`@<>[]()!&$\\#*_~\n\r\u2028\u202e\u200b -/:.1") | st.characters(), max_size=60)


@given(words=TEXTS, name=TEXTS, reason=TEXTS, error=TEXTS)
def test_nothing_in_a_comment_is_more_than_text(words: str, name: str, reason: str, error: str) -> None:
    """Strangers' words stand on one line, each in a code span that they cannot leave."""
    change = {"kind": "added", "id": name, "words": words, "weakens": False}
    comment = verdict_comment.comment(difference(changes=[change], reason=reason, unreadable=[error]), [])
    stated = "r" if untrusted.text(reason, "", 300) else ""
    harmless = difference(changes=[change | {"id": "i", "words": "w"}], reason=stated, unreadable=["e"])
    outside, expected = (
        re.sub(r"`[^`]*`", "", text).split() for text in (comment, verdict_comment.comment(harmless, []))
    )
    assert outside == expected
    row = next(line for line in comment.split("\n") if line.startswith("| new claims"))
    assert row.count("|") == 4 and all(ord(letter) >= 32 for letter in row)
    assert not re.search("[\u202a-\u202e\u200b-\u200f\u2028\u2029]", comment)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*difference(), "kind", "id"]), inner),
    max_leaves=12,
)


@given(JSON, JSON)
def test_any_json_is_shown_inert_or_refused(value: Any, change: Any) -> None:
    for wrong in (value, difference(changes=value), difference(changes=[change]), difference(weaker=value)):
        try:
            comment = verdict_comment.comment(untrusted.parsed(json.dumps(wrong), "diff.json"), [])
        except untrusted.Refused:
            continue
        assert comment.startswith(verdict_comment.MARK) and len(comment) < 65_000


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: zipped(folder, other__json="{}"), "cannot be read"),
        (lambda folder: zipped(folder, diff__json="{" * 100_000), "is not JSON"),
        (lambda folder: zipped(folder, diff__json="[]"), "not a JSON object of version 1"),
        (lambda folder: zipped(folder, diff__json=b"\xff\xfe"), "is not UTF-8"),
        (lambda folder: zipped(folder, diff__json=" " * 50_000_000), "larger than"),
        (lambda folder: zipped(folder, **{"../diff__json": "{}"}), "cannot be read"),
        (lambda folder: folder / "none.zip", "cannot be read"),
        (lambda folder: Path(__file__), "cannot be read"),
        (lambda folder: zipped(folder, diff__json=json.dumps(difference(weaker=-1))), "how many places"),
        (lambda folder: zipped(folder, diff__json=json.dumps(difference(changes=[{}] * 9000))), "at most 5,000"),
        (lambda folder: zipped(folder, diff__json=json.dumps(difference(changes=[{"kind": "<b>"}]))), "a kind"),
        (lambda folder: zipped(folder, diff__json=json.dumps(difference(reason=["x"]))), "is not text"),
    ],
)
def test_a_hostile_artifact_is_refused(tmp_path: Path, capsys, make: Callable[[Path], Path], message: str) -> None:
    (tmp_path / "files.txt").write_text("", "utf-8")
    assert verdict_comment.main(str(make(tmp_path)), str(tmp_path / "files.txt")) == 2
    shown = capsys.readouterr()
    assert message in shown.err and shown.out == ""


# ---------------------------------------------------------------- the weekly report


def weekly(folder: Path, name: str, verdict: str = "proved", tests: str = "0\n1 passed\n", versions: str = "") -> Path:
    status = {"version": 1, "claims": [{"id": "a.b", "verdict": verdict}]}
    (folder / name).mkdir()
    files = {"status__json": json.dumps(status), "versions__txt": versions, "tests__txt": tests}
    return zipped(folder / name, **files)


def test_the_weekly_report_tells_only_of_changes(tmp_path: Path) -> None:
    pinned = weekly(tmp_path, "pinned", versions="torch==2.13.0\n-e ./x\n")
    newer = weekly(tmp_path, "newer", versions="torch==2.14.0\n")
    body, changed = weekly_report.report(pinned, newer)
    assert not changed and "torch 2.13.0 → 2.14.0" in body
    worse = weekly(tmp_path, "worse", "undecided", "1\nFAILED tests/a.py::test_b[<img @all>] - x\n")
    body, changed = weekly_report.report(pinned, worse)
    assert changed and "`a.b`: proved → undecided" in body and "`tests/a.py::test_b[<img @all>]`" in body
    assert weekly_report.report(pinned, weekly(tmp_path, "dead", tests="139\n"))[1]


@given(JSON)
def test_any_status_is_reported_or_refused(tmp_path_factory: pytest.TempPathFactory, value: Any) -> None:
    folder = tmp_path_factory.mktemp("status")
    right = weekly(folder, "right")
    for claims in (value, [value], [{"id": "a.b", "verdict": value}], [{"id": value, "verdict": "proved"}]):
        text = json.dumps({"version": 1, "claims": claims})
        wrong = zipped(folder, status__json=text, versions__txt="", tests__txt="0\n")
        try:
            body, _ = weekly_report.report(right, wrong)
        except untrusted.Refused:
            continue
        assert len(body) < 65_000


@pytest.mark.parametrize("tests", ["", "no code\n", "-1\n", "99999\n"])
def test_a_weekly_run_without_a_report_is_said(tmp_path: Path, capsys, tests: str) -> None:
    wrong = weekly(tmp_path, "wrong", tests=tests)
    assert weekly_report.main(str(weekly(tmp_path, "right")), str(wrong)) == 2
    assert weekly_report.main(str(tmp_path / "none.zip"), str(wrong)) == 2
    assert "exit code" in capsys.readouterr().err


# ---------------------------------------------------------------- a question's page

PAGE = "---\nid: why-so\nkind: Why\nstate: open\nasked: 2026-11-21\n---\n\n# Why so?\n\nBecause?\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "questions").mkdir()
    (tmp_path / "verify" / "theory").mkdir(parents=True)
    (tmp_path / question_file.REGISTER).write_text("live a.b\nlive old-one\nretired old-one: gone\n", "utf-8")
    return tmp_path


def test_a_question_is_taken_once(project: Path) -> None:
    artifact = zipped(project, question__md=PAGE)
    assert question_file.take(artifact, project) == "why-so"
    assert (project / "questions" / "why-so.md").read_text("utf-8") == PAGE
    assert (project / question_file.REGISTER).read_text("utf-8").endswith("gone\nlive why-so\n")
    with pytest.raises(untrusted.Refused, match="already"):
        question_file.take(artifact, project)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("why-so", "../../.github/workflows/x"),
        ("why-so", "a.b"),
        ("why-so", "old-one"),
        ("why-so", "Why So"),
        ("why-so", "a" * 300),
        ("kind: Why", "kind: Whence"),
        ("state: open", "state: answered"),
        ("---\n\n# Why", "\n\n# Why"),
        ("# Why so?", "Why so?"),
        ("Because?", "x" * 70_000),
    ],
)
def test_a_page_that_is_no_open_question_is_refused(project: Path, right: str, wrong: str) -> None:
    before = (project / question_file.REGISTER).read_text("utf-8")
    with pytest.raises(untrusted.Refused):
        question_file.take(zipped(project, question__md=PAGE.replace(right, wrong)), project)
    assert list((project / "questions").iterdir()) == []
    assert (project / question_file.REGISTER).read_text("utf-8") == before
