"""Ids are for ever: the register is only added to, every id leads somewhere, nothing that exists is missing in it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.cli import main
from verify.commands.ids import present_ids, taken_out
from verify.language import ids
from verify.language.errors import LanguageError
from verify.language.ids import LIVE, RENAMED, RETIRED, Register, load_register, read_register, rewritten

ROOT = Path(__file__).parents[1]
CLAIMS = st.from_regex(ids.CLAIM_ID, fullmatch=True).filter(lambda id_: len(id_) <= ids.MAX_ID)
REASONS = st.text(st.characters(blacklist_categories=["C", "Z"], blacklist_characters="|"), min_size=1, max_size=40)


# ---------------------------------------------------------------- this repository


def test_every_claim_and_question_is_registered_and_nothing_registered_is_missing() -> None:
    register, present = load_register(ROOT), present_ids(ROOT)
    assert register.faults(present) == []
    assert register.new(present) == [], "register them: verify ids add"


def test_nothing_was_taken_out_of_the_register() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a Git checkout")
    assert taken_out(ROOT, "HEAD") == []


# ---------------------------------------------------------------- laws


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[str], dict[str, str]]:
    """Lines of a register as the commands write them, and the state in which each id ends."""
    names = draw(st.lists(CLAIMS, min_size=1, max_size=6, unique=True))
    lines = [ids.live(name) for name in names]
    states = dict.fromkeys(names, LIVE)
    for name in draw(st.lists(st.sampled_from(names), max_size=6)):
        heirs = [other for other in names if states[other] == LIVE and other != name]
        kind = draw(st.sampled_from([LIVE, RETIRED, RENAMED] if heirs else [LIVE, RETIRED]))
        if kind == RENAMED:
            lines.append(ids.renamed(name, draw(st.sampled_from(heirs))))
        elif kind == RETIRED:
            lines.append(ids.retired(name, draw(REASONS), draw(st.just("") | REASONS)))
        else:
            lines.append(ids.live(name))
        states[name] = kind
    return lines, states


@given(histories())
def test_the_last_event_holds_and_every_link_ends(history: tuple[list[str], dict[str, str]]) -> None:
    lines, states = history
    register = read_register("\n".join(lines))
    assert {one.id: one.state for one in register.ids.values()} == states
    for one in register.gone:
        now = register.now(one.id)
        assert now == "" or register.ids[now].state == LIVE
    alive = [id_ for id_, state in states.items() if state == LIVE]
    assert register.faults(alive) == [] and register.new(alive) == []


@given(histories(), st.data())
def test_what_is_taken_out_is_seen_and_what_is_added_is_not(history, data: st.DataObject) -> None:
    lines, _ = history
    lost = data.draw(st.integers(0, len(lines) - 1))
    before, after = "\n".join(lines), "\n".join(lines[:lost] + lines[lost + 1 :])
    assert rewritten(before, after) == [lines[lost]]
    assert rewritten(before, f"# a remark\n{before}\nlive new.one\n") == []


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_with_a_place(text: str) -> None:
    try:
        read_register(text)
    except LanguageError as error:
        assert error.line and str(error).startswith(str(ids.PATH))


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gauss.sum", "no event of the register"),
        ("live gauss.sum and more", "no event of the register"),
        ("live Gauss.Sum", "'Gauss.Sum' is not an id"),
        ("live ../../etc/passwd", "is not an id"),
        ("live a.b/c", "is not an id"),
        ("live " + "a" * 200, "is not an id"),
        ("live a.b\nretired a.b", "no event of the register"),
        ("live a.b\nretired a.b:", "no event of the register"),
        ("live a.b\nretired a.b: | 只有中文", "no event of the register"),
        ("live a.b\nretired a.b: " + "x" * 700, "at most 600 characters"),
        ("renamed a.b to a.c", "a.b leads to a.c, which is not registered"),
        ("live a.b\nretired a.b for a.c: gone", "a.b leads to a.c, which is not registered"),
        ("live a.b\nlive a.c\nrenamed a.b to a.c\nrenamed a.c to a.b", "back to itself"),
        ("live a.b\nrenamed a.b to a.b", "back to itself"),
        ("live a.b\nlive why-so\nrenamed a.b to why-so", "a claim cannot become a question"),
    ],
)
def test_a_line_that_cannot_stand_is_refused(text: str, message: str) -> None:
    with pytest.raises(LanguageError, match=message) as caught:
        read_register(text)
    assert caught.value.line


def test_a_register_without_end_is_refused() -> None:
    with pytest.raises(LanguageError, match="larger than"):
        read_register("#" * (ids.MAX_REGISTER + 1))


def test_what_vanished_and_what_came_back_are_faults() -> None:
    register = read_register("live a.kept\nlive a.lost\nlive a.old\nrenamed a.old to a.kept")
    lost, taken = register.faults(["a.kept", "a.old", "a.new"])
    assert "a.lost is registered as live, but nothing defines it" in lost and "verify ids retire a.lost" in lost
    assert "a.old is defined, but the register calls it renamed and its link leads to a.kept" in taken
    assert register.new(["a.kept", "a.old", "a.new"]) == ["a.new"]


# ---------------------------------------------------------------- the command


QUESTION = """---
id: why-so
kind: Why
state: open
asked: 2026-11-21
title: Why so?
---

# Why so?
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with two claims, one question and no register yet."""
    claim = "/// claim | t.{0}\n    title: {0}\n\n- $x$ : real\n\n$$ x + x = 2x $$\n///\n\n"
    claims = claim.format("one") + claim.format("two")
    for file, text in {
        "mkdocs.yml": "",
        "docs/index.md": "# Home\n",
        "verify/theory/t/claims.md": claims,
        "questions/why-so.md": QUESTION,
    }.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text, "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_life_of_an_id(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ids", "check"]) == 2
    assert "not in the register: t.one t.two why-so; verify ids add" in capsys.readouterr().err
    assert main(["ids", "add"]) == 0 and main(["ids", "check"]) == 0
    assert load_register(project).ids.keys() == {"t.one", "t.two", "why-so"}

    claims = project / "verify/theory/t/claims.md"
    claims.write_text(claims.read_text("utf-8").replace("t.one", "t.first"), "utf-8")
    assert main(["ids", "check"]) == 2
    assert main(["ids", "rename", "t.one", "t.first"]) == 0 and main(["ids", "check"]) == 0

    claims.write_text(claims.read_text("utf-8").split("/// claim | t.two")[0], "utf-8")
    capsys.readouterr()
    assert main(["ids"]) == 2
    assert "t.two is registered as live, but nothing defines it any more" in capsys.readouterr().err
    assert main(["ids", "retire", "t.two", "--reason", "It said\nnothing.", "--reason-zh", "无内容。"]) == 0
    assert main(["ids", "check"]) == 0
    register = load_register(project)
    assert register.now("t.one") == "t.first" and register.now("t.two") == ""
    assert register.ids["t.two"].reason == {"en": "It said nothing.", "zh": "无内容。"}


def test_who_asks_for_a_former_id_is_told_where_it_went(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gone = [ids.renamed("t.old", "t.one"), ids.live("t.bad"), ids.retired("t.bad", "It was wrong.", successor="t.two")]
    ids.append(project, [ids.live(id_) for id_ in present_ids(project)] + gone)
    for id_, hint in {"t.old": "t.old is now t.one", "t.bad": "t.bad was retired: It was wrong. See t.two"}.items():
        assert main(["show", id_]) == 2
        assert hint in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["rename", "t.one", "t.nobody/.."], "is not an id"),
        (["retire", "t.one", "--reason", " "], "the reason is empty"),
        (["retire", "t.on", "--reason", "gone"], "did you mean t.one?"),
        (["rename", "t.tow", "t.one"], "'t.tow' is not in the register"),
        (["add", "t.tree"], "nothing defines t.tree"),
        (["retire", "t.one", "--reason", "gone", "--successor", "t.none"], "t.none, which is not registered"),
        (["add", "../t.one"], "is not an id"),
        (["check", "--against", "--output=x"], "expected one argument"),
        (["check", "--against=--output=x"], "is no revision"),
        (["check", "--against", "no-such-branch"], "no revision 'no-such-branch' here"),
    ],
)
def test_a_bad_event_leaves_the_register_as_it_was(project: Path, capsys, words: list[str], message: str) -> None:
    main(["ids", "add"])
    before = (project / ids.PATH).read_bytes()
    try:
        code = main(["ids", *words])
    except SystemExit as left:
        code = left.code
    assert code == 2 and message in capsys.readouterr().err
    assert (project / ids.PATH).read_bytes() == before
    assert [file.name for file in (project / ids.PATH).parent.iterdir() if file.is_file()] == ["ids.txt"]


def test_a_register_that_cannot_be_read_or_written_is_said(project: Path, capsys, monkeypatch) -> None:
    (project / ids.PATH).write_bytes(b"live a.b\nlive \xff\n")
    assert main(["ids"]) == 2
    assert f"{ids.PATH}:2:1: byte 14 is not UTF-8 text" in capsys.readouterr().err
    (project / ids.PATH).unlink()
    monkeypatch.setattr("os.replace", lambda *places: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    assert main(["ids", "add"]) == 3
    assert "could not be written: [Errno 28] No space left on device" in capsys.readouterr().err
    assert not (project / ids.PATH).exists()


def test_outside_a_repository_nothing_is_registered(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["ids", "add", "a.b"]) == 2
    assert "there is no verify/theory here" in capsys.readouterr().err and list(tmp_path.iterdir()) == []


def test_an_event_taken_out_since_a_revision_is_named(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["ids", "add"])
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-C", str(project)]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *words], check=True)
    assert main(["ids", "check", "--against", "HEAD"]) == 0
    register = project / ids.PATH
    register.write_text(register.read_text("utf-8").replace("live t.two\n", ""), "utf-8")
    capsys.readouterr()
    assert main(["ids", "check", "--against", "HEAD"]) == 2
    assert "taken out of the register: live t.two" in capsys.readouterr().err


def test_an_empty_register_knows_nothing() -> None:
    assert Register().faults(["a.b"]) == [] and Register().new(["a.b"]) == ["a.b"] and Register().now("a.b") == ""
