"""The ledger on disk: what is written is read, and a ledger behind another one answers but is never written to."""

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from verify.ledger.store import Ledger

IDS = st.sampled_from(["a.one", "a.two", "b.three"])
ENTRIES = st.dictionaries(IDS, st.fixed_dictionaries({"value": st.integers()}))


@given(ENTRIES, ENTRIES)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_ledger_answers_first_and_the_one_behind_it_keeps_what_it_has(tmp_path_factory, behind, own):
    root: Path = tmp_path_factory.mktemp("ledger")
    back = Ledger(root / "back")
    for name, entry in behind.items():
        back.write(name, entry)
    front = Ledger(root / "front", back)
    for name, entry in own.items():
        front.write(name, entry)
    values = {name: (front.entry(name) or {}).get("value") for name in ("a.one", "a.two", "b.three")}
    assert values == {name: {**behind, **own}.get(name, {}).get("value") for name in values}
    again = Ledger(root / "back")
    assert {name for name in values if again.entry(name)} == set(behind)
    assert all(again.entry(name)["value"] == entry["value"] for name, entry in behind.items())
