"""`verify new`: what it writes passes, nothing is overwritten, no name leaves its folder."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys

import pytest

from tests.commands.test_command_line import ROOT, broken_copy, in_repository, named, small_repository
from verify.intake import scaffold
from verify.intake.front_matter import read_front_matter
from verify.intake.schema import QUESTION
from verify.language.document import read_document


@pytest.fixture
def repository(tmp_path):
    folder = small_repository(tmp_path, named("t.one"))
    (folder / "questions").mkdir()
    (folder / "docs").mkdir()
    return folder


def new(folder, *arguments):
    return in_repository(folder, "new", *arguments)


def contents(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_claim_from_flags_is_proved_in_the_repository(repository):
    done = new(repository, "claim", "t.two", "--title", "A square", "--declare", "$u$ : real", "--declare",
               "dimensions: 1", "--formula", r"(u+1)^2 &= u^2+2u+1")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "wrote verify/theory/t/claims.md" in done.stdout and "next: verify run t.two" in done.stdout
    run = in_repository(repository, "run", "t", "--no-experiments", "--json", "--jobs", "1")
    assert run.returncode == 0, run.stderr
    assert [claim["verdict"] for claim in json.loads(run.stdout)["claims"]] == ["proved", "proved"]


def test_the_example_is_read_with_its_mistake():
    (claim,) = read_document(scaffold.claim("t.x", {"title": "T"}, (), ""), "x").claims
    assert len(claim.mistakes) == 1 and len(claim.chains[0]) == 2


def test_a_question_in_both_languages(repository):
    done = new(repository, "question", "--kind", "Why", "--title", "Why: is it <= so?".replace("<=", "at most"),
               "--title-zh", "为什么？", "--claims", "t.one")  # fmt: skip
    assert done.returncode == 0, done.stderr
    for path in (repository / "questions").rglob("*.md"):
        meta = read_front_matter(path.read_text("utf-8"), path.name, QUESTION)
        assert meta.text("id") == path.stem == "why-is-it-at-most-so" and meta.many("claims") == ("t.one",)


def test_a_page_in_both_languages_shows_the_same_claims(repository):
    done = new(repository, "page", "part/one", "--title", "One", "--title-zh", "一", "--claims", "t.one")
    assert done.returncode == 0, done.stderr
    for name in ("docs/part/one.md", "docs/zh/part/one.md"):
        assert "/// card | t.one\n///" in (repository / name).read_text("utf-8")


def test_an_experiment_is_confirmed_and_rejects_its_wrong_variants(tmp_path):
    folder = broken_copy(tmp_path, "language/ids.py", 'LIVE, RENAMED', 'LIVE, RENAMED')
    code = "from verify.cli import main; import sys; "
    code += "a = main(['new', 'experiment', 'edm-planted', '--title', 'A \"law\" \\\\', '--claims', 'edm.precond']); "
    code += "sys.exit(a or main(['experiment', 'run', 'edm-planted', '--json']))"
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=200,
                          env={**os.environ, "PYTHONPATH": str(folder)})  # fmt: skip
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout[done.stdout.index("{") :])
    assert record["verdict"] == "confirmed" and all(variant["rejected"] for variant in record["variants"])


REFUSED = [
    (("claim", "t.one", "--title", "T"), "the id t.one is taken: verify/theory/t/claims.md:1"),
    (("claim", "../../x.y", "--title", "T"), "cannot be the name of a claim"),
    (("claim", "T.One", "--title", "T"), "write topic.name in small letters"),
    (("claim", "con.name", "--title", "T"), "names a device"),
    (("claim", "t." + "a" * 200, "--title", "T"), "at most 80"),
    (("claim", "t.two"), "--title is needed"),
    (("claim",), "topic.name is needed"),
    (("question", "--title", "为什么？", "--kind", "Why"), "NAME is needed"),
    (("claim", "t.two", "--title", "T\n    assumed: x"), "title is one line"),
    (("claim", "t.two", "--title", "T", "--formula", "x = 1"), "undeclared name x"),
    (("claim", "t.two", "--title", "T", "--declare", "$x$ : real", "--formula", "x = x $$\n///\n\n/// claim | t.x"),
     "help"),
    (("claim", "t.gone", "--title", "T"), "was retired"),
    (("question", "--title", "Why <script>", "--kind", "Why"), "plain text without < and >"),
    (("question", "a/b", "--title", "T", "--kind", "Why"), "cannot be the name of a question"),
    (("question", "there", "--title", "T", "--kind", "Why"), "is there already"),
    (("question", "x", "--title", "T", "--kind", "Why", "--claims", "t.none"), "no claim and no topic"),
    (("page", "../x", "--title", "T"), "cannot be the name of a page"),
    (("page", "zh/x", "--title", "T"), "is not for pages"),
    (("page", "there", "--title", "T"), "is there already"),
    (("experiment", "x", "--title", "T"), "judges at least one claim"),
    (("experiment", "t-1x", "--title", "T", "--claims", "t.one"), "cannot be the name of a module"),
    (("experiment", "t-class", "--title", "T", "--claims", "t.one"), "cannot be the name of a module"),
    (("experiment", "../x", "--title", "T", "--claims", "t.one"), "cannot be the name of an experiment"),
]  # fmt: skip


def test_what_is_refused_says_why_and_leaves_everything_as_it_was(repository):
    """One process for all, so that the test is quick."""
    (repository / "questions" / "there.md").write_text("kept")
    (repository / "docs" / "there.md").write_text("kept")
    (repository / "verify" / "theory" / "ids.txt").write_text("live t.gone\nretired t.gone: It was wrong.\n")
    before = contents(repository)
    code = f"import os, sys; from verify.cli import main; os.chdir({str(repository)!r})\n"
    code += f"for words in {[list(words) for words, _ in REFUSED]!r}:\n"
    code += "    print('--', main(['new', *words]), file=sys.stderr, flush=True)\n"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True,
                          timeout=200, env=os.environ, stdin=subprocess.DEVNULL)  # fmt: skip
    answers = done.stderr.split("-- ")
    for (words, message), text, code_ in zip(REFUSED, answers, answers[1:], strict=False):
        assert message in text, (words, text)
        assert code_.startswith("2"), words
    assert "Traceback" not in done.stderr
    assert contents(repository) == before


def test_what_is_not_given_is_asked_for_at_a_terminal(repository):
    """The end of the input at a question is no answer, and no fault of ours."""
    talks = [
        (["question"], "为什么？\n\nfirst-of-mine\nwhy\n", 0),
        (["experiment"], "t-law\nt.one\nA law\n一条定律\n", 0),
        (["page", "mine"], "A page\n\n", 0),
        (["claim"], "t.two\n   \n", 2),
        (["claim", "t.two"], "\x04", 2),
    ]
    code = f"import os, sys; from verify.cli import main; os.chdir({str(repository)!r})\n"
    code += f"print([main(['new', *words]) for words in {[words for words, _, _ in talks]!r}])"
    ours, theirs = pty.openpty()
    os.write(ours, "".join(answers for _, answers, _ in talks).encode())
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=200,
                          env=os.environ, stdin=theirs)  # fmt: skip
    os.close(ours)
    os.close(theirs)
    assert done.stdout.splitlines()[-1] == str([code for _, _, code in talks]), done.stderr
    assert done.stderr.count("--title is needed") == 2 and "Traceback" not in done.stderr
    meta = read_front_matter((repository / "questions" / "first-of-mine.md").read_text("utf-8"), "q", QUESTION)
    assert (meta.text("kind"), meta.text("title")) == ("Why", "为什么？")
    assert '"zh": "一条定律"' in (repository / "verify/theory/t/experiments/law.py").read_text("utf-8")


def test_a_link_out_of_the_folder_is_not_followed(repository, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (repository / "docs" / "out").symlink_to(elsewhere, target_is_directory=True)
    done = new(repository, "page", "out/x", "--title", "T")
    assert done.returncode == 2 and "lies outside of docs/" in done.stderr
    assert not list(elsewhere.iterdir())
