"""`verify diff`: every way to weaken a verdict is named, a comment shows a stranger's words and does nothing."""

from __future__ import annotations

import copy
import json
import os
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.commands.test_command_line import in_repository, named, small_repository
from verify.commands.diff import safe, sides, stated_reason
from verify.language.errors import LanguageError
from verify.language.ids import read_register
from verify.ledger.changes import KINDS, compare, edited_records
from verify.ledger.verdict import VERDICTS
from verify.running.revision import commit_of, commits_ledger, take_out

MISTAKE = "\n/// mistake | {name}\n    title: half of the product\n\n$$ = a^2+ab+b^2 $$\n///\n"


def claim(name="t.one", **fields):
    """One claim of a status document, proved unless told otherwise."""
    entry = {
        "id": name, "verdict": "proved", "routes": {"proof": "proved", "sampling": "supported"}, "dimensions": "any",
        "upstream": {"verdict": "", "weakest": ""}, "stale": False, "problems": [], "says": "s1",
        "declared": ["$a$ : real"], "uses": [], "survived": 0,
        "mistakes": [{"title": "half", "says": "m1", "verdict": "refuted"}],
    }  # fmt: skip
    return {**entry, **fields}


def status(*claims):
    return {"version": 1, "claims": list(claims), "judges": {"proof": "p", "sampling": "s"}}


def kinds(base, head):
    return [change.kind for change in compare(base, head)]


TRUE_NOW = [{"title": "half", "says": "m2", "verdict": "supported"}]
WEAKER = {
    "a proof becomes a refutation": (dict(verdict="refuted", says="s2"), "refuted"),
    "a failing proof is hidden as assumed": (dict(verdict="assumed", routes={}, says="s2"), "weakened"),
    "a proof is undecided": (dict(verdict="undecided", says="s2"), "weakened"),
    "contradictory declarations": (dict(verdict="vacuous", declared=["$a<0<a$"], says="s2"), "weakened"),
    "a mistake becomes true": (dict(mistakes=TRUE_NOW), "passes"),
    "a mistake is taken away": (dict(mistakes=[]), "dropped"),
    "a mutant survives": (dict(survived=1), "survives"),
    "fewer dimensions": (dict(dimensions="1, 2, 3", says="s2"), "weakened"),
    "the second reading no longer agrees": (
        dict(routes={"proof": "proved", "sampling": "undecided"}, says="s2"), "weakened",
    ),
    "a route is gone": (dict(routes={"proof": "proved"}, says="s2"), "dropped"),
    "nobody judged it again": (dict(stale=True, says="s2"), "stale"),
    "the readings disagree": (dict(problems=["the two readings disagree on step 1"]), "problem"),
    "the ledger was edited": (dict(routes={"proof": "supported", "sampling": "supported"}), "edited"),
}  # fmt: skip


@pytest.mark.parametrize("name", WEAKER)
def test_a_weakening_is_named_by_its_kind(name):
    fields, kind = WEAKER[name]
    changes = compare(status(claim()), status(claim(**fields)))
    assert any(change.kind == kind and change.weakens for change in changes)


def test_a_claim_that_others_use_is_named_with_them():
    user = claim("t.two", uses=["t.one"])
    (change,) = compare(status(claim(), user), status(user))
    assert change.kind == "removed" and "used by t.two" in change.words


RENAMED = "live t.one\nlive t.new\nrenamed t.one to t.new\n"
RETIRED = "live t.one\nlive t.two\nretired t.one for t.two: It held for even d only.\n"


def test_a_renamed_claim_is_compared_with_itself():
    base, head = status(claim("t.one")), status(claim("t.new"))
    assert [(c.kind, c.weakens) for c in compare(base, head, read_register(RENAMED))] == [("renamed", False)]
    worse = status(claim("t.new", verdict="undecided", says="s2"))
    assert {c.kind for c in compare(base, worse, read_register(RENAMED))} >= {"renamed", "weakened"}


def test_a_rename_onto_another_claim_hides_nothing():
    both = status(claim("t.one"), claim("t.new"))
    assert "removed" in {c.kind for c in compare(both, status(claim("t.new")), read_register(RENAMED))}


def test_a_retired_claim_still_weakens_and_says_why():
    base, head = status(claim("t.one"), claim("t.two")), status(claim("t.two"))
    (change,) = compare(base, head, read_register(RETIRED))
    assert change.weakens and "It held for even d only." in change.words
    assert "not in the register" in compare(base, head)[0].words


def test_declarations_that_were_added_are_shown():
    changes = compare(status(claim()), status(claim(says="s2", declared=["$a$ : positive"])))
    assert [change.kind for change in changes] == ["restated"] and not changes[0].weakens
    assert "- $a$ : real" in changes[0].words and "+ $a$ : positive" in changes[0].words


def test_a_new_claim_whose_mistake_is_right_weakens():
    assert kinds(status(), status(claim(mistakes=TRUE_NOW))) == ["passes", "added"]


def test_a_new_proof_is_news_and_no_weakening():
    changes = compare(status(claim(verdict="undecided", says="s0")), status(claim()))
    assert [change.kind for change in changes] == ["restated", "proved"]
    assert not any(change.weakens for change in changes)


def test_a_record_with_other_numbers_from_the_same_run_was_edited():
    record = {"sources": {"m": "1"}, "device": "cpu", "seed": 0, "verdict": "refuted", "checks": [1], "variants": []}
    better = {**record, "verdict": "confirmed"}
    (change,) = edited_records({"records/t/x.json": record}, {"records/t/x.json": better})
    assert change.kind == "edited" and change.weakens
    assert not edited_records({"x": record}, {"x": {**better, "sources": {"m": "2"}}})


verdicts = st.sampled_from(VERDICTS)
claims = st.builds(
    lambda name, verdict, stale, survived, mistakes: claim(
        name, verdict=verdict, stale=stale, survived=survived, routes={"proof": verdict},
        mistakes=[{"title": f"m{says}", "says": f"m{says}", "verdict": found} for says, found in mistakes.items()],
    ),
    st.sampled_from(["t.a", "t.b", "t.c"]), verdicts, st.booleans(), st.integers(0, 2),
    st.dictionaries(st.integers(0, 3), verdicts, max_size=3),
)  # fmt: skip
documents = st.lists(claims, max_size=3, unique_by=lambda entry: entry["id"]).map(lambda found: status(*found))


@given(documents)
def test_nothing_differs_from_itself(document):
    assert compare(document, copy.deepcopy(document)) == []


@given(documents, documents)
def test_what_got_worse_weakens_and_reports_are_in_order(base, head):
    changes = compare(base, head)
    order = list(KINDS)
    assert [order.index(change.kind) for change in changes] == sorted(order.index(change.kind) for change in changes)
    before, after = ({entry["id"]: entry for entry in document["claims"]} for document in (base, head))
    worse = [
        name for name, entry in before.items()
        if name not in after or VERDICTS.index(after[name]["verdict"]) > VERDICTS.index(entry["verdict"])
    ]  # fmt: skip
    assert set(worse) <= {change.id for change in changes if change.weakens}


@given(st.text(max_size=200))
def test_a_strangers_words_do_nothing_in_a_comment(text):
    shown = safe(text)
    assert "\n" not in shown and len(shown) < 3_000
    for active in "<>`*[]!@$|\\~{}\"'":
        assert active not in shown
    assert "://" not in shown and "#" not in shown.replace("&#", "")


@pytest.mark.parametrize(
    ("text", "not_in_it"),
    [
        ("@everyone fixes #1", ("@", "#1 ")),
        ("see https://evil.example", ("https://", "evil.example")),
        ("www.evil.example", ("www.",)),
        ("[x](javascript:alert(1)) <script>", ("[", "<")),
        ("| a | b |\n|---|---|", ("|", "\n")),
        ("a\u202eb\u200bc", ("\u202e", "\u200b")),
    ],
)
def test_mentions_links_and_tables_are_words(text, not_in_it):
    for part in not_in_it:
        assert part not in safe(text)


class TestReason:
    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            ("Weaker because: the old proof used a wrong lemma.", "the old proof used a wrong lemma."),
            ("text\n\n  weaker because:  d = 1 only\nmore", "d = 1 only"),
            ("<!-- Weaker because: say why -->", ""),
            ("<!-- Weaker because: never closed", ""),
            ("Weaker because:\n", ""),
            ("nothing is Weaker because: of it", ""),
            ("Weaker because: a\u202e\u200b", "a"),
        ],
    )  # fmt: skip
    def test_it_is_a_line_of_the_pull_request(self, body, reason, tmp_path):
        (tmp_path / "body.txt").write_text(body, "utf-8")
        assert stated_reason("", str(tmp_path / "body.txt")) == reason

    def test_the_option_comes_first(self, tmp_path):
        (tmp_path / "b").write_text("Weaker because: two")
        assert stated_reason("one", str(tmp_path / "b")) == "one"


def test_sides():
    assert sides(["main..HEAD"]) == ("main", "HEAD") == sides(["main.."])
    assert sides(["main"]) == ("main", "")
    assert sides(["a.json", "b.json"]) == ("a.json", "b.json")
    for wrong in (["..HEAD"], ["a", "b", "c"]):
        with pytest.raises(LanguageError, match="two sides"):
            sides(wrong)


# ---------------------------------------------------------------- with Git


def git(folder, *words):
    quiet = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    who = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True, env={**os.environ, **quiet})


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """Three claims on `main`; on `change` one is weakened in each of three ways and one is as it was."""
    folder = small_repository(
        tmp_path_factory.mktemp("diff"),
        named("t.same"), named("t.wrong"), named("t.narrow"), named("t.gone"), named("t.kept"),
        MISTAKE.format(name="t.kept"),
    )  # fmt: skip
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "base")
    git(folder, "checkout", "-qb", "change")
    path = folder / "verify" / "theory" / "t" / "claims.md"
    wrong = named("t.wrong", "(a+b)^2 = a^2+3ab+b^2")
    assumed = "/// claim | t.narrow\n    title: A square\n    assumed: everybody knows\n///\n"
    path.write_text("\n".join([named("t.same"), wrong, assumed, named("t.kept"),
                               MISTAKE.format(name="t.kept").replace("+ab+", "+2ab+")]))  # fmt: skip
    git(folder, "commit", "-qam", "a change")
    return folder


def test_each_way_to_weaken_is_found_between_two_revisions(repository):
    done = in_repository(repository, "diff", "main..change", "--json", "--jobs", "1")
    assert done.returncode == 1, done.stderr
    found = {(change["kind"], change["id"]) for change in json.loads(done.stdout)["changes"]}
    wanted = {("refuted", "t.wrong"), ("weakened", "t.narrow"), ("removed", "t.gone"), ("passes", "t.kept")}
    assert wanted <= found and not any(name == "t.same" for _, name in found)
    assert not (repository / ".verify").exists()
    explained = in_repository(repository, "diff", "main..change", "--format", "markdown", "--jobs", "1",
                              "--reason", "a test")  # fmt: skip
    assert explained.returncode == 0, explained.stderr
    assert "**✗ newly refuted**" in explained.stdout and "a test" in explained.stdout


def test_what_a_commit_must_not_hold_is_left_in_git(tmp_path):
    """Links, programs and a ledger of its own: the links stay, the ledger is named, nothing is run."""
    folder = small_repository(tmp_path / "repository", named("t.one"))
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "base")
    (folder / "verify" / "theory" / "out").symlink_to("/etc", target_is_directory=True)
    (folder / "docs").mkdir()
    (folder / "docs" / "passwd.md").symlink_to("/etc/passwd")
    (folder / "verify" / "theory" / "t" / "run.py").write_text("raise SystemExit('ran')")
    (folder / ".verify" / "ledger").mkdir(parents=True)
    (folder / ".verify" / "ledger" / "t.one.json").write_text("{}")
    git(folder, "add", "-f", ".")
    git(folder, "commit", "-qm", "planted")
    commit = commit_of(folder, "HEAD")
    take_out(folder, commit, tmp_path / "taken")
    assert [p.name for p in (tmp_path / "taken").rglob("*") if not p.is_dir()] == ["claims.md"]
    assert commits_ledger(folder, commit) and not commits_ledger(folder, commit_of(folder, "HEAD~1"))
    done = in_repository(folder, "diff", "HEAD~1..HEAD", "--json", "--jobs", "1")
    named_in_it = {change["id"] for change in json.loads(done.stdout)["changes"] if change["weakens"]}
    assert done.returncode == 1 and named_in_it == {".verify", "docs/passwd.md", "verify/theory/out"}


@pytest.mark.parametrize(
    ("side", "message"),
    [
        ("--upload-pack=x..main", "required: BASE..HEAD"),
        ("nowhere..main", "Git knows no revision 'nowhere'"),
        ("main;id..main", "is no revision"),
        ("main:verify..main", "is no revision"),
        ("$(id)..main", "is no revision"),
        ("main..change..main", "is no revision|knows no revision"),
        ("x.json", "cannot be compared"),
    ],
)
def test_a_side_that_is_none_is_refused(repository, side, message):
    done = in_repository(repository, "diff", side)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert any(words in done.stderr for words in message.split("|")), done.stderr
