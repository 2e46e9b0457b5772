"""The history of verdicts is only ever added to, and what it says is a change each."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.language.errors import LanguageError
from verify.ledger import history
from verify.ledger.history import Event, news, read_history
from verify.ledger.verdict import VERDICTS

STATES = st.dictionaries(st.sampled_from(["a.b", "a.c", "d.e-f"]), st.sampled_from(VERDICTS))


@given(st.lists(STATES, max_size=6))
def test_after_adding_there_is_no_news_and_every_event_is_a_change(states: list[dict[str, str]]) -> None:
    text = "# remark\n"
    for day, state in enumerate(states, start=1):
        text += "".join(f"{event}\n" for event in news(read_history(text), state, f"2026-01-0{day}"))
        assert news(read_history(text), state, "2026-02-01") == []
    for event in read_history(text):
        assert event.before != event.verdict


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2026-01-01 proved", "no event"),
        ("2026-01-01  proved a.b", "no event"),
        ("2026-01-01 proved ../a", "no event"),
        ("2026-1-1 proved a.b", "no date"),
        ("2026-02-30 proved a.b", "no date"),
        ("2026-01-01 true a.b", "no verdict"),
        ("2026-01-01 stale a.b", "no verdict"),
        ("2026-01-02 proved a.b\n2026-01-01 refuted a.b", "the newest comes last"),
        ("2026-01-01 proved a.b\n2026-01-02 proved a.b", "no change"),
        ("2026-01-01 removed a.b", "no change"),
    ],
)
def test_what_cannot_be_is_refused_with_its_line(text: str, said: str) -> None:
    with pytest.raises(LanguageError, match=said) as caught:
        read_history(text)
    assert caught.value.line == text.count("\n") + 1


def test_the_file_is_left_as_it_was_when_an_event_contradicts_it(tmp_path: Path) -> None:
    file = tmp_path / history.PATH
    file.parent.mkdir(parents=True)
    history.append(tmp_path, [Event("2026-01-01", "proved", "a.b")])
    before = file.read_bytes()
    with pytest.raises(LanguageError):
        history.append(tmp_path, [Event("2026-01-02", "proved", "a.b")])
    assert file.read_bytes() == before
    history.append(tmp_path, [Event("2026-01-02", "refuted", "a.b")])
    assert file.read_bytes().startswith(before)


def test_the_history_of_this_repository_can_be_read() -> None:
    events = history.load_history(Path(__file__).parents[2])
    assert events and all(event.before != event.verdict for event in events)
