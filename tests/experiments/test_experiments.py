"""Every experiment: declared as it must be, confirmed, its wrong versions rejected, its record whole."""

import ast
import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
import torch

import verify
from verify.experiments import experiment as protocol
from verify.experiments.experiment import Experiment, Measurement, Setting, experiment, judge
from verify.experiments.records import RecordError, load_records, read_record
from verify.experiments.registry import UnknownExperiment, all_experiments, find
from verify.experiments.run import LANGUAGES, SettingError, load, make_setting, perform, run_experiment
from verify.experiments.statistics import CONFIRMED, MISS
from verify.sources import source_hashes

NAMES = list(all_experiments())
RECORDS = Path(verify.__file__).parent.parent / "records"


@pytest.fixture(scope="module")
def outcomes():
    """One run of each experiment, shared by the tests below."""
    return {}


def run_once(outcomes, name, dtype="float64"):
    if (name, dtype) not in outcomes:
        outcomes[name, dtype] = perform(name, dtype=dtype)
    return outcomes[name, dtype]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_prediction_holds_and_every_wrong_version_is_rejected(outcomes, name, dtype):
    record = run_once(outcomes, name, dtype).record
    assert record.verdict == CONFIRMED, record.reason
    assert record.variants
    for variant in record.variants:
        assert variant["rejected"], variant
        assert variant["miss"] is not None, variant
        assert variant["miss"] <= MISS, variant
    assert record.false_alarm <= 1.001e-9


@pytest.mark.parametrize("name", NAMES)
def test_wrong_versions_measure_what_theory_gives_for_them(outcomes, name):
    """The closed forms are right for the wrong versions too: a second check of formula and code."""
    record = run_once(outcomes, name).record
    sampled = {check["name"] for check in record.checks if check["false_alarm"] > 0}
    for variant in record.variants:
        if variant["check"] in sampled:
            assert variant["low"] <= variant["expected"] <= variant["high"], variant["name"]


@pytest.mark.parametrize("name", NAMES)
def test_predictions_come_before_and_do_not_depend_on_measurements(name):
    cls = load(find(name))
    with torch.no_grad():
        assert cls(Setting(seed=1)).predict() == cls(Setting(seed=2)).predict()
        assert cls(Setting()).expect(cls.subject) == cls(Setting(seed=5)).expect(cls.subject)


def test_the_same_seed_gives_the_same_numbers_and_progress_counts_the_versions(outcomes):
    first, seen = run_once(outcomes, "edm-order").record, []
    again = run_experiment("edm-order", progress=lambda done, total, what: seen.append((done, total)))
    assert (first.checks, first.variants, first.summary) == (again.checks, again.variants, again.summary)
    total = len(again.variants) + 1
    assert seen == [(k, total) for k in range(total + 1)]


def test_another_seed_gives_other_numbers():
    cls = load(find("edm-order"))
    with torch.no_grad():
        first, other = (cls(Setting(seed=seed)).measure(cls.subject).intervals for seed in (0, 1))
    assert first != other


@pytest.mark.parametrize("name", NAMES)
def test_record_and_figures_survive_the_disk(outcomes, name, tmp_path):
    outcome = run_once(outcomes, name)
    path = outcome.write(tmp_path)
    assert read_record(path) == outcome.record
    assert load_records(tmp_path) == ([outcome.record], [])
    assert outcome.record.stale() == []
    for language in LANGUAGES:
        figure = path.parent / outcome.record.figure[language]
        root = ElementTree.fromstring(figure.read_text(encoding="utf-8"))
        names = [child.tag.split("}")[1] for child in root]
        assert names[:2] == ["title", "desc"]
        assert "nan" not in figure.read_text(encoding="utf-8")
        assert figure.stat().st_size < 40_000
    assert not [p for p in path.parent.iterdir() if p.name.startswith(".")]


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"schema": 99}', '{"schema": 1, "name": "x"}'])
def test_a_damaged_record_is_named_and_the_others_are_read(outcomes, tmp_path, damage):
    run_once(outcomes, "edm-order").write(tmp_path)
    (tmp_path / "edm" / "broken.json").write_text(damage)
    records, problems = load_records(tmp_path)
    assert [record.name for record in records] == ["edm-order"]
    assert len(problems) == 1
    assert "broken.json" in problems[0]
    with pytest.raises(RecordError):
        read_record(tmp_path / "edm" / "broken.json")


def test_committed_records_cover_every_experiment_on_cpu():
    records, problems = load_records(RECORDS)
    assert problems == []
    assert {r.name for r in records if r.device == "cpu"} == set(NAMES)
    assert all(record.verdict == CONFIRMED for record in records)
    for record in records:
        assert json.loads(record.to_json())["schema"] == record.schema
        assert all((RECORDS / record.topic / file).is_file() for file in record.figure.values())


def test_sources_are_the_modules_that_make_the_numbers():
    hashes = source_hashes(find("edm-churn").module)
    for wanted in ("latents", "oracles", "samplers", "statistics"):
        assert f"verify.experiments.{wanted}" in hashes
    assert not any(word in module for module in hashes for word in ("figure", "records", "meaning", "proof", "order"))


def test_catalogue_and_records_do_not_import_torch():
    code = (
        "import sys; from verify.experiments.registry import all_experiments; "
        "from verify.experiments.records import load_records; from pathlib import Path; "
        "assert all_experiments(); load_records(Path('records')); "
        "assert 'torch' not in sys.modules and 'sympy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=RECORDS.parent)


def test_experiments_need_only_torch_and_the_standard_library():
    folder = Path(protocol.__file__).parent
    files = [*folder.glob("*.py"), *(folder.parent / "theory").glob("*/experiments/*.py")]
    roots = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                roots |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                roots.add(node.module.split(".")[0])
                assert not node.module.startswith(("verify.meaning", "verify.proof", "verify.language")), file
    assert roots - set(sys.stdlib_module_names) == {"torch", "verify"}


def declare(**changes):
    texts = {"en": "a", "zh": "一"}
    keywords = {"name": "x", "title": texts, "claims": ("a.b",), "prediction": texts} | changes

    class Bare(Experiment):
        wrong = changes.get("wrong", {})

    return experiment(**{k: v for k, v in keywords.items() if k != "wrong"})(Bare)


@pytest.mark.parametrize(
    ("changes", "message"),
    [({}, "wrong variants"), ({"claims": ()}, "claim"), ({"title": {"en": "a", "zh": ""}}, "'zh'")],
)
def test_an_experiment_that_shows_nothing_is_refused(changes, message):
    with pytest.raises(TypeError, match=message):
        declare(**changes)


def test_names_of_predictions_and_measurements_must_agree():
    running = load(find("edm-order"))(Setting())
    with pytest.raises(ValueError, match=r"euler\.local"):
        judge(running.predict(), Measurement({}))


def test_errors_say_what_exists():
    with pytest.raises(UnknownExperiment, match="edm-order"):
        run_experiment("edm-ordr")
    with pytest.raises(SettingError, match="cpu"):
        make_setting("tpu", "float64", 0)
    with pytest.raises(SettingError, match="float32"):
        make_setting("cpu", "float16", 0)
    with pytest.raises(SettingError, match="seed"):
        make_setting("cpu", "float64", -1)
    if not torch.cuda.is_available():
        with pytest.raises(SettingError, match="cuda"):
            make_setting("cuda", "float64", 0)


def test_every_claim_named_exists():
    catalog = pytest.importorskip("verify.language.catalog")
    known = set(catalog.load_catalog(RECORDS.parent).claims)
    for entry in all_experiments().values():
        assert set(entry.claims) <= known, entry.name
