"""Records: what deciding, comparing and damage mean. No experiment is run here."""

import dataclasses
import json
import math
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.experiments.compare import OtherQuestion, compare
from verify.experiments.records import SCHEMA, Record, RecordError, load_records, plain, read_record
from verify.experiments.statistics import Interval, Span, verdict
from verify.ledger.recorded import deciding, faults, gather, here
from verify.sources import source_hashes

MODULE = "verify.theory.edm.experiments.schedules"


def check(name="mean", estimate=0.5, kind="sampled", rounding=1e-6, half=0.01, verdict="confirmed"):
    return {
        "name": name, "title": {"en": "t", "zh": "题"}, "predicted": 0.5, "margin": [0.4, 0.6], "sees": [0.3, 0.7],
        "false_alarm": 1e-9 if kind == "sampled" else 0.0, "method": "m", "kind": kind, "rounding": rounding,
        "refuses": ["wrong"] if name == "mean" else [],
        "verdict": verdict, "estimate": plain(estimate), "low": plain(estimate - half), "high": plain(estimate + half),
    }  # fmt: skip


def variant(rejected=True):
    return {"name": "wrong", "title": {"en": "t", "zh": "题"}, "source": "", "verdict": "refuted", "rejected": rejected,
            "check": "mean", "expected": 0.8, "miss": 1e-3, "estimate": 0.8, "low": 0.79, "high": 0.81}  # fmt: skip


def record(checks=None, **changes):
    both = {"en": "t", "zh": "题"}
    values = {
        "name": "t-mean", "topic": "t", "module": MODULE, "title": both, "claims": ["t.mean"], "prediction": both,
        "summary": both, "verdict": "confirmed", "reason": "", "checks": checks or [check()],
        "variants": [variant()], "false_alarm": 1e-9, "miss": 1e-3, "device": "cpu",
        "device_name": "x86_64", "dtype": "float64", "seed": 0, "versions": {}, "sources": source_hashes(MODULE),
        "seconds": 1.0, "date": "2026-01-01", "figure": {}, "caption": both,
    } | changes  # fmt: skip
    return Record(**values)


# -- the disk -------------------------------------------------------------------------------------------------------


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=4))
def test_what_is_written_is_read_again(tmp_path_factory, estimates):
    made = record([check(f"c{k}", v) for k, v in enumerate(estimates)])
    path = made.write(tmp_path_factory.mktemp("records"), {})
    assert read_record(path) == made
    assert "NaN" not in path.read_text() and "Infinity" not in path.read_text()


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"schema": 99}', f'{{"schema": {SCHEMA}, "name": "x"}}', b"\xff"])
def test_a_damaged_record_is_named_and_the_others_are_read(tmp_path, damage):
    whole = record()
    whole.write(tmp_path, {})
    broken = tmp_path / "t" / "broken.json"
    broken.write_bytes(damage if isinstance(damage, bytes) else damage.encode())
    records, problems = load_records(tmp_path)
    assert records == [whole]
    assert len(problems) == 1 and "broken.json" in problems[0]
    with pytest.raises(RecordError, match=r"broken\.json"):
        read_record(broken)


@pytest.mark.parametrize(
    ("part", "changes", "said"),
    [
        ("checks", "x", "number 1 of its checks holds no fields"),
        *(("checks", {name: None}, f"number 1 of its checks holds no {name}") for name in check()),
        *(("variants", {name: []}, f"number 1 of its variants holds no {name}") for name in variant()),
        ("checks", {"margin": [0.4]}, "number 1 of its checks holds no margin"),
        ("checks", {"low": True}, "number 1 of its checks holds no low"),
        ("checks", {"estimate": "about a half"}, "number 1 of its checks holds no estimate"),
    ],
)
def test_a_record_with_a_damaged_part_is_none(tmp_path, part, changes, said):
    path = record().write(tmp_path, {})
    data = json.loads(path.read_text())
    data[part][0] = changes if isinstance(changes, str) else data[part][0] | changes
    path.write_text(json.dumps(data))
    with pytest.raises(RecordError, match=said):
        read_record(path)
    data[part][0] = {}
    path.write_text(json.dumps(data))
    with pytest.raises(RecordError, match="run its experiment again"):
        read_record(path)


def test_a_write_that_fails_leaves_the_old_record_whole(tmp_path, monkeypatch):
    path = record().write(tmp_path, {})
    before = path.read_bytes()

    def refuse(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="disk full"):
        record(seed=5).write(tmp_path, {})
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == [path.name]


# -- which record decides -------------------------------------------------------------------------------------------

STALE = {"sources": {MODULE: "0000"}}


def put(root, *records):
    for one in records:
        one.write(root, {})
    return gather(root)[0]


def test_records_of_several_devices_stand_side_by_side(tmp_path):
    kept = put(tmp_path, record(), record(device="cuda"), record(dtype="float32"))
    stems = {one.record.stem for one in kept["t-mean"]}
    assert stems == {"t-mean.cpu.float64", "t-mean.cuda.float64", "t-mean.cpu.float32"}
    assert all(one.fresh for one in kept["t-mean"])


@pytest.mark.parametrize("worse", ["refuted", "inconclusive"])
def test_one_device_cannot_outvote_another(tmp_path, worse):
    kept = put(tmp_path, record(date="2026-02-02"), record(device="cuda", verdict=worse))
    assert deciding(kept)["t-mean"].verdict == worse


def test_a_stale_record_decides_only_where_there_is_no_fresh_one(tmp_path):
    old = record(device="cuda", verdict="refuted", date="2026-03-03", **STALE)
    kept = put(tmp_path, old)
    assert deciding(kept)["t-mean"].verdict == "refuted"
    assert MODULE in kept["t-mean"][0].changed
    assert deciding(put(tmp_path, old, record()))["t-mean"].verdict == "confirmed"


def test_of_one_device_the_newest_fresh_record_is_kept(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    record(seed=1, date="2026-05-05", **STALE).write(one, {})
    record(seed=2, date="2026-01-01").write(two, {})
    (kept,) = gather(one, two)[0]["t-mean"]
    assert kept.record.seed == 2 and kept.path == two / "t" / "t-mean.cpu.float64.json"


def test_committed_records_without_an_experiment_or_damaged_are_faults(tmp_path):
    record().write(tmp_path / "records", {})
    record(name="t-gone").write(tmp_path / "records", {})
    record(name="t-lost").write(tmp_path / ".verify" / "records", {})
    (tmp_path / "records" / "t" / "half.json").write_text(record().to_json()[:300])
    found = list(faults(tmp_path, {"t-mean"}))
    assert len(found) == 2
    assert "half.json" in found[0] and "t-gone" in found[1] and "t-gone.cpu.float64.json" in found[1]
    assert set(here(tmp_path)) == {"t-mean", "t-gone", "t-lost"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"checks": [check(estimate=0.7)]}, "the check mean is called confirmed, but its numbers say refuted"),
        ({"checks": [check(half=0.2)]}, "the check mean is called confirmed, but its numbers say inconclusive"),
        ({"checks": [check(estimate=math.inf)]}, "the check mean is called confirmed, but its numbers say refuted"),
        ({"verdict": "refuted"}, "the verdict is refuted, but the checks and variants say confirmed"),
        ({"variants": [variant() | {"low": 0.5}]}, "the variant wrong is called refuted, its numbers say inconclusive"),
        ({"variants": [variant(rejected=False)]}, "the variant wrong is called refuted, its numbers say refuted"),
    ],
)
def test_a_verdict_that_does_not_follow_from_the_numbers_is_named(tmp_path, changes, words):
    assert record().contradictions() == []
    changed = record(**changes)
    assert words in changed.contradictions()
    changed.write(tmp_path / "records", {})
    assert any(words in fault for fault in faults(tmp_path, {"t-mean"}))


@given(
    low=st.floats(), width=st.floats(0, 2), estimate=st.floats(), margin=st.tuples(st.floats(-1, 0), st.floats(0, 1))
)
def test_a_record_and_the_experiment_judge_by_one_rule(low, width, estimate, margin):
    numbers = {"estimate": plain(estimate), "low": plain(low), "high": plain(low + width)}
    judged = verdict(Interval(low, low + width, estimate), Span(*margin))
    made = record([check() | numbers | {"margin": list(margin), "verdict": judged}], verdict=judged, variants=[])
    assert made.contradictions() == []


# -- comparing ------------------------------------------------------------------------------------------------------


@given(shift=st.floats(-1e-4, 1e-4), kind=st.sampled_from(["exact", "arithmetic", "sampled"]))
def test_numbers_agree_within_the_rounding_of_both_runs(shift, kind):
    rounding = 0.0 if kind == "exact" else 1e-5
    checks = [[check(estimate=v, kind=kind, rounding=rounding, half=2e-5)] for v in (0.5, 0.5 + shift)]
    (found,) = compare(record(checks[0]), record(checks[1], device="cuda")).checks
    allowed = 2 * rounding + (4e-5 if kind == "arithmetic" else 0.0)
    if abs(abs(found.difference) - allowed) > 1e-12:
        assert found.agree == (abs(found.difference) < allowed or found.difference == 0)


def test_the_interval_of_a_sample_does_not_excuse_a_difference():
    """Both runs drew the same latents: half a sampling error apart is a fault, not chance."""
    one, other = record([check(half=0.1)]), record([check(estimate=0.55, half=0.1)], device="cuda")
    assert not compare(one, other).agree


def test_another_verdict_or_variant_is_a_disagreement():
    assert compare(record(), record(device="cuda")).agree
    assert not compare(record(), record([check(verdict="inconclusive")], device="cuda")).agree
    found = compare(record(), record(variants=[variant(rejected=False)], device="cuda"))
    assert found.variants == ["wrong"] and not found.agree


def test_nan_agrees_with_nothing_but_nan():
    broken = record([check(estimate=math.nan, verdict="refuted")])
    assert compare(broken, dataclasses.replace(broken, device="cuda")).agree
    assert not compare(broken, record()).agree


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"name": "t-other"}, "two experiments: t-mean and t-other"),
        ({"seed": 7}, r"the seeds differ \(0 and 7\)"),
        (STALE, f"the code differs .*{MODULE}"),
        ({"checks": [check("median")]}, "the checks differ: mean, median"),
        ({"variants": []}, "the variants differ: wrong"),
        ({"checks": [check() | {"predicted": 0.501}]}, "the prediction of the check mean differs: 0.5 and 0.501"),
        ({"checks": [check() | {"kind": "arithmetic"}]}, "the kind of the check mean differs: sampled and arithmetic"),
        ({"checks": [check() | {"margin": [0.3, 0.6]}]}, "the margin of the check mean differs: 0.4, 0.6 and 0.3, 0.6"),
    ],
)
def test_another_question_is_not_compared(changes, part):
    with pytest.raises(OtherQuestion, match=part):
        compare(record(), record(**changes))


def test_a_record_says_what_its_schema_says():
    documented = Record.__doc__
    for word in ("checks", "variants", "false_alarm", "sources", "figure", "caption", "kind", "rounding", "sees"):
        assert word in documented
    assert json.loads(record().to_json())["schema"] == SCHEMA
