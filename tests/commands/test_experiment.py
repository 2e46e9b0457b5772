"""`verify experiment` and what `verify status` says of experiments, as their users meet them."""

import json

import pytest
import torch

from verify.cli import main
from verify.experiments.registry import all_experiments
from verify.running import measure

NAME = "edm-schedules"
CLAIM = """/// claim | t.one
    title: A square
    experiments: {}

$$ 1+1 = 2 $$
///

/// mistake | t.one
    title: wrong
    experiment: {}

$$ = 3 $$
///
"""


@pytest.fixture
def verify(tmp_path, monkeypatch, capsys):
    """Runs the command in a repository of its own; gives exit code, output and errors."""
    (tmp_path / "verify" / "theory" / "t").mkdir(parents=True)
    (tmp_path / "mkdocs.yml").write_text("site_name: t\n")
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        code = main(list(arguments))
        out = capsys.readouterr()
        return code, out.out, out.err

    return run


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """One experiment's records by dtype and seed, measured once."""
    from verify.experiments.run import perform

    return {(dtype, seed): perform(NAME, dtype=dtype, seed=seed)
            for dtype, seed in (("float64", 0), ("float32", 0), ("float64", 1))}  # fmt: skip


def test_a_run_keeps_its_record_where_asked(verify, tmp_path):
    code, out, _ = verify("experiment", "run", NAME)
    assert code == 0 and "confirmed; wrong variants rejected: 12 of 12" in out
    assert (tmp_path / ".verify" / "records" / "edm" / f"{NAME}.cpu.float64.json").is_file()
    code, out, _ = verify("experiment", "run", NAME, "--record", "--json", "--dtype", "float32", "--seed", "3")
    record = json.loads(out)
    assert (code, record["dtype"], record["seed"]) == (0, "float32", 3)
    assert (tmp_path / "records" / "edm" / f"{NAME}.cpu.float32.json").is_file()
    code, out, _ = verify("experiment", "list", "--json")
    entry = next(e for e in json.loads(out) if e["name"] == NAME)
    assert [(r["dtype"], r["changed"]) for r in entry["records"]] == [("float64", []), ("float32", [])]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("edm-schedule",), "there are: edm-schedules,"),
        ((NAME, "--device", "tpu"), "no device is named 'tpu'; there is: cpu, cuda"),
        ((NAME, "--dtype", "float16"), "there is: float64, float32"),
        ((NAME, "--seed", "-1"), "a seed is a whole number"),
        ((NAME, "--address", "nowhere:1"), "--on ray"),
    ],
)
def test_what_cannot_be_run_is_said_in_one_sentence(verify, tmp_path, arguments, said):
    code, out, err = verify("experiment", "run", *arguments)
    assert code == 2 and said in err and "Traceback" not in err
    assert not (tmp_path / ".verify" / "records").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_cuda_asked_for_and_absent(verify):
    code, _, err = verify("experiment", "run", "all", "--device", "cuda")
    assert code == 2 and "CUDA was asked for" in err and "--device cpu" in err


def test_an_interrupted_run_keeps_what_is_done(verify, made, tmp_path, monkeypatch):
    def interrupted(*_):
        yield made["float64", 0]
        raise KeyboardInterrupt

    monkeypatch.setattr(measure, "measure", interrupted)
    code, _, _ = verify("experiment", "run", "all")
    assert code == 130
    assert (tmp_path / ".verify" / "records" / "edm" / f"{NAME}.cpu.float64.json").is_file()


def test_two_dtypes_agree_within_rounding(verify, made, tmp_path):
    for outcome in (made["float64", 0], made["float32", 0]):
        outcome.write(tmp_path / "records")
    stems = f"{NAME}.cpu.float64", f"{NAME}.cpu.float32"
    code, out, _ = verify("experiment", "compare", *stems)
    count = len(made["float64", 0].record.checks)
    assert code == 0 and f"{count} of {count} checks agree" in out
    path = tmp_path / "records" / "edm" / f"{stems[1]}.json"
    record = json.loads(path.read_text())
    record["checks"][-1]["estimate"] += 1e-3  # a hundredth of what sampling alone would hide
    path.write_text(json.dumps(record))
    code, out, _ = verify("experiment", "compare", stems[0], str(path))
    assert code == 1 and "DISAGREE" in out and f"{count - 1} of {count} checks agree" in out
    code, out, _ = verify("experiment", "compare", *stems, "--json")
    assert code == 1 and not json.loads(out)["agree"]


def test_another_seed_is_another_question(verify, made, tmp_path):
    paths = [str(made["float64", seed].write(tmp_path / str(seed))) for seed in (0, 1)]
    code, _, err = verify("experiment", "compare", *paths)
    assert code == 2 and "the seeds differ (0 and 1)" in err


def test_a_truncated_record_is_named_and_replaced_by_a_whole_one(verify, made, tmp_path):
    path = made["float64", 0].write(tmp_path / "records")
    whole = path.read_text()
    path.write_text(whole[: len(whole) // 2])
    code, _, err = verify("experiment", "compare", str(path), str(path))
    assert code == 2 and f"{path}: cannot be read as a record" in err
    code, _, err = verify("experiment", "list")
    assert code == 0 and str(path) in err
    code, _, err = verify("status")
    assert code == 2 and str(path) in err
    made["float64", 0].write(tmp_path / "records")
    assert path.read_text() == whole


def test_an_unknown_record_lists_those_that_exist(verify, made, tmp_path):
    made["float64", 0].write(tmp_path / "records")
    code, _, err = verify("experiment", "compare", f"{NAME}.cpu.float46", f"{NAME}.cpu.float64")
    assert code == 2 and f"there are: {NAME}.cpu.float64" in err


def test_status_names_what_has_no_fresh_record_and_what_does_not_exist(verify, made, tmp_path):
    claims = tmp_path / "verify" / "theory" / "t" / "claims.md"
    claims.write_text(CLAIM.format(NAME, NAME))
    code, out, _ = verify("status", "--json")
    assert code == 0 and json.loads(out)["unmeasured"] == [NAME]
    assert f"verify experiment run {NAME}" in json.loads(out)["claims"][0]["why"]
    made["float64", 0].write(tmp_path / "records")
    assert json.loads(verify("status", "--json")[1])["unmeasured"] == []
    claims.write_text(CLAIM.format("t-absent", "t-gone"))
    code, _, err = verify("status")
    assert code == 2 and "names the experiment t-absent" in err and "names the experiment t-gone" in err


def test_a_record_of_no_experiment_is_named(verify, made, tmp_path):
    path = made["float64", 0].write(tmp_path / "records")
    path.write_text(path.read_text().replace(f'"name": "{NAME}"', '"name": "t-renamed"', 1))
    code, _, err = verify("status")
    assert code == 2 and f"{path}: holds the record edm/t-renamed.cpu.float64.json; give it that name" in err
    path = path.rename(path.with_name("t-renamed.cpu.float64.json"))
    code, _, err = verify("status")
    assert code == 2 and f"{path}: a record of the experiment t-renamed, which does not exist" in err


def test_every_experiment_is_listed(verify):
    code, out, _ = verify("experiment", "list")
    assert code == 0
    assert all(name in out for name in all_experiments())


def test_the_list_says_which_device_has_no_fresh_record(verify, made, tmp_path):
    count = len(all_experiments())
    everything = verify("experiment", "list")[1]
    for device in ("cpu", "cuda"):
        assert f"{count} of {count} without a fresh record on {device}: verify experiment run all" in everything
    made["float64", 0].write(tmp_path / "records")
    lines = verify("experiment", "list")[1].splitlines()
    (cpu,), (cuda,) = ([line for line in lines if f"record on {device}:" in line] for device in ("cpu", "cuda"))
    assert cpu.startswith(f"{count - 1} of {count}") and f" {NAME} " not in cpu
    assert cuda.startswith(f"{count} of {count}") and cuda.endswith("run all --device cuda --record")
