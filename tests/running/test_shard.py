"""Shards: an agreed split whose parts together are the whole run, and a merge that never takes stale for fresh."""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.running.repository import make, verdicts
from verify.cli import main
from verify.commands.judging import Run, execute, unmeasured
from verify.experiments.records import LOCAL
from verify.language.catalog import load_catalog
from verify.ledger.merge import merge
from verify.ledger.store import FOLDER, Ledger
from verify.running.options import Place, Wanted, add_engine_arguments
from verify.running.shard import Shard, parse_shard

ROOT = Path(__file__).parents[2]


@given(st.lists(st.integers(), max_size=50), st.integers(1, 60))
def test_shards_are_a_partition_of_even_size(things, total):
    numbered = list(enumerate(things))
    shards = [Shard(number, total).of(numbered) for number in range(1, total + 1)]
    assert sorted(thing for shard in shards for thing in shard) == numbered
    assert max(map(len, shards)) - min(map(len, shards)) <= 1


@given(st.integers(1, 99), st.integers(1, 99))
def test_what_is_printed_is_read(number, total):
    if number <= total:
        assert parse_shard(str(Shard(number, total))) == Shard(number, total)
    else:
        with pytest.raises(ValueError, match="there is no shard"):
            parse_shard(f"{number}/{total}")


@pytest.mark.parametrize("text", ["", "1", "1/", "/4", "0/4", "5/4", "1/0", "-1/4", "1/4/2", "one/two", "1 / 4", "٣/٤"])
def test_a_bad_shard_is_one_sentence(text, capsys):
    parser = argparse.ArgumentParser("verify run")
    add_engine_arguments(parser)
    with pytest.raises(SystemExit) as stopped:
        parser.parse_args([f"--shard={text}"])
    assert stopped.value.code == 2
    assert "shard" in capsys.readouterr().err.splitlines()[-1]


def test_every_experiment_is_in_one_shard_with_a_claim_that_names_it():
    """Fresh or not, whatever the ledgers hold: `fresh` asks for all."""
    catalog = load_catalog(ROOT)
    claims = list(catalog.claims.values())

    def measured(shard):
        chosen = shard.of(claims)
        found = unmeasured(Run(ROOT, catalog, Ledger(ROOT), chosen), claims, fresh=True)
        assert set(found) <= {name for claim in chosen for name in claim.experiments}
        return found

    whole = measured(Shard())
    assert whole
    parts = [name for number in (1, 2, 3) for name in measured(Shard(number, 3))]
    assert sorted(parts) == sorted(whole)


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """One repository judged whole, and in three shards on three `machines`."""
    folder = tmp_path_factory.mktemp("shards")
    whole = make(folder / "whole", 7)
    execute(whole, Wanted(experiments=False), Place(jobs=1))
    machines = [make(folder / str(number), 7) for number in (1, 2, 3)]
    for number, machine in enumerate(machines, 1):
        execute(machine, Wanted(experiments=False, shard=Shard(number, 3)), Place(jobs=1))
    return whole, machines


def test_the_shards_together_are_the_whole_run(judged, tmp_path):
    whole, machines = judged
    target = make(tmp_path / "target", 7)
    found = merge(load_catalog(target), target, [*machines, machines[0] / ".verify"])
    assert (found.entries, found.stale, found.damaged) == (7, [], [])
    assert verdicts(target) == verdicts(whole)
    assert [len(verdicts(machine)) for machine in machines] == [3, 2, 2]


def test_copying_the_folders_is_as_good(judged, tmp_path):
    whole, machines = judged
    for machine in machines:
        shutil.copytree(machine / ".verify", tmp_path / ".verify", dirs_exist_ok=True)
    assert verdicts(tmp_path) == verdicts(whole)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_stale_entry_never_replaces_a_fresh_one(judged, tmp_path, order):
    whole, _ = judged
    old = make(tmp_path / "old", 7)
    shutil.copytree(whole / ".verify", old / ".verify")
    path = old / FOLDER / "t.c3.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"complete": False}))
    target = make(tmp_path / "target", 7)
    folders = [whole, old]
    merge(load_catalog(target), target, [folders[number] for number in order])
    assert verdicts(target) == verdicts(whole)


def test_a_damaged_entry_is_named_and_the_others_are_taken(judged, tmp_path, monkeypatch, capsys):
    whole, _ = judged
    half = make(tmp_path / "half", 7)
    shutil.copytree(whole / ".verify", half / ".verify")
    (half / FOLDER / "t.c3.json").write_text('{"schema": 1, "id"')
    target = make(tmp_path / "target", 7)
    monkeypatch.chdir(target)
    assert main(["ledger", "merge", str(half)]) == 2
    said = capsys.readouterr()
    assert "took 6 claims" in said.out and "t.c3.json" in said.err
    assert "t.c3" not in verdicts(target)


def test_a_folder_without_a_ledger_is_one_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(make(tmp_path / "target", 1))
    assert main(["ledger", "merge", str(tmp_path / "nowhere")]) == 2
    assert "holds neither" in capsys.readouterr().err


def test_records_are_merged_with_their_figures(tmp_path):
    """A record made here arrives whole; a stale one and one without its figure do not."""
    from verify.running.measure import measure

    name = "edm-schedules"
    (outcome,) = measure([name])
    source = make(tmp_path / "source", 1)
    path = outcome.write(source / LOCAL)
    target = make(tmp_path / "target", 1)
    catalog = load_catalog(target)
    assert merge(catalog, target, [source]).records == 1
    kept = {p.name: p.read_text() for p in (target / LOCAL / path.parent.name).iterdir()}
    assert kept == {p.name: p.read_text() for p in path.parent.iterdir()}
    assert merge(catalog, target, [source]).records == 0  # nothing new

    other = make(tmp_path / "other", 1)
    for figure in path.parent.glob("*.svg"):
        figure.unlink()
    assert "figure" in merge(catalog, other, [source]).damaged[0]
    data = json.loads(path.read_text())
    path.write_text(json.dumps(data | {"sources": {**data["sources"], "verify.gone": "0"}}))
    assert merge(catalog, other, [source]).stale == [name]
    assert not list((other / LOCAL).glob("*/*.json"))
