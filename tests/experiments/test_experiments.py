"""Every experiment: declared as it must be, confirmed, its wrong versions rejected, its record whole."""

import ast
import json
import re
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
import torch

import verify
from verify.experiments import experiment as protocol
from verify.experiments.experiment import (
    Experiment,
    Measurement,
    Powerless,
    Prediction,
    Setting,
    Wrong,
    expected_of_wrong,
    experiment,
    judge,
)
from verify.experiments.records import load_records, read_record
from verify.experiments.registry import UnknownExperiment, all_experiments, find, select
from verify.experiments.run import LANGUAGES, SettingError, load, make_setting, perform, run_experiment
from verify.experiments.statistics import CONFIRMED, MISS, NormalMean, around
from verify.sources import source_hashes

pytestmark = pytest.mark.long
NAMES = [entry.name for entry in all_experiments().values() if entry.quick]
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
    """The closed forms are right for the wrong versions too: a second check of formula and code.

    A version whose sample leaves the range that its law allows has no interval, and is refuted for that.
    """
    record = run_once(outcomes, name).record
    sampled = {check["name"] for check in record.checks if check["false_alarm"] > 0}
    for variant in record.variants:
        if variant["check"] in sampled and variant["low"] != "nan":
            assert variant["low"] <= variant["expected"] <= variant["high"], variant["name"]


@pytest.mark.parametrize("name", NAMES)
def test_predictions_come_before_and_do_not_depend_on_measurements(name):
    cls = load(find(name))
    with torch.no_grad():
        assert cls(Setting(seed=1)).predict() == cls(Setting(seed=2)).predict()
        assert cls(Setting()).expect(cls.subject) == cls(Setting(seed=5)).expect(cls.subject)


# What the prose of an experiment says of a check, or of a wrong variant by its name. Where a prediction and its
# measurement share code, a fault there would move both; the number in print stays where it is.
PRINTED = {
    "cm-consistency": {"denoiser": "0.293"},
    "cm-multistep": {"growth": "1.97"},
    "cm-pd": {"ratio": "7.1"},
    "ddim-inversion": {"lossless": "1.49 %"},
    "ddim-previous-index": {"mean": "0.998", "deviation": "0.302"},
    "ddpm-last-step": {"noise-on-a-pixel": "1.275", "first-entry": "1.275"},
    "ddpm-t-convergence": {
        "error.beta": "6.48 %", "error.tilde": "21.4 %", "unit": "0.20 %", "smaller-is-right": "14.6 %",
    },
    "edm-ideal-denoiser": {"gain.0.5": "1.05525"},
    "fm-cfm-gap": {"gaussian.gap": "0.8"},
    "fm-ot-plan": {"signs": "0.2734", "bridge": "0.2736"},
    "graft-experts": {"at-splice": "0.1107", "below": "0.0450", "forgotten": "0.0712"},
    "graft-limits": {"langevin": "0.588", "score-formula": "0.402"},
    "guide-rescale": {"inflation": "24.2"},
    "guide-three-variances": {
        "ode.3": "0.25", "ode.5": "0.0625", "sde.3": "0.3875", "sde.5": "0.2218", "tilted": "0.5",
        "tilted-by-sde": "0.3333",
    },
    "ldm-scale-shift": {"same-level": "3.4058"},
    "rev-likelihood": {"shift.20": "0.0228", "shift.80": "0.0056"},
    "rev-score-error": {
        "ode.0.05": "0.60196", "ode.-0.05": "1.6611", "sde.0.05": "0.90909", "sde.-0.05": "1.1111",
    },
    "solver-gaussian": {"euler.0.5": "0.91979", "heun.0.5": "1.05525", "midpoint.0.5": "0.99556"},
    "solver-langevin": {"variance.1": "1.1428", "variance.0.4": "0.5818", "ratio.3": "6.25"},
    "train-ema": {"combined.0.05": "0.342269", "combined.0.1": "0.657731"},
    "vdm-loss": {"few.straight": "4.964", "limit.bent": "4.306938"},
}  # fmt: skip


@pytest.mark.parametrize("name", PRINTED)
def test_numbers_in_the_prose_are_the_predicted_ones(name):
    prose, running = load(find(name)).prediction, load(find(name))(Setting())
    with torch.no_grad():
        predictions = running.predict()
        values = expected_of_wrong(running, predictions) | {key: p.value for key, p in predictions.items()}
    for key, text in PRINTED[name].items():
        digits, _, percent = text.partition(" ")
        assert all(digits in prose[language] for language in LANGUAGES), f"{name}: {digits} is not in the prose"
        half = 0.5 * 10.0 ** -len(digits.partition(".")[2])
        found = abs(values[key]) * (100 if percent else 1)
        assert abs(found - float(digits)) <= half * (1 + 1e-9), f"{name}: {key} is {found}, not {text}"


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
        assert figure.stat().st_size < 60_000
    assert not [p for p in path.parent.iterdir() if p.name.startswith(".")]


def test_committed_records_cover_every_quick_experiment_on_cpu():
    """Long ones may wait for a machine; `verify status` and their claims' cards name those without a fresh record."""
    records, problems = load_records(RECORDS)
    assert problems == []
    assert {r.name for r in records if r.device == "cpu"} >= set(NAMES)
    assert {r.name for r in records} <= set(all_experiments())
    assert all(record.verdict == CONFIRMED for record in records)
    for record in records:
        assert record.contradictions() == []
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


def test_experiments_need_only_a_bare_machine_with_torch():
    """Nothing else is imported when a module is; what is optional is imported where it is used.

    The modules that hold Triton code are such a place: they are imported on a machine that has it.
    """
    folder = Path(protocol.__file__).parent
    files = [*folder.rglob("*.py"), *(folder.parent / "theory").glob("*/experiments/*.py")]
    roots = set()
    for file in files:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                assert not node.module.startswith(("verify.meaning", "verify.proof", "verify.language")), file
        for node in tree.body:
            if isinstance(node, ast.Import):
                roots |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                roots.add(node.module.split(".")[0])
    roots -= {*sys.stdlib_module_names, "verify", "triton"}
    assert roots <= {"torch", "numpy", "scipy", "tqdm", "rich"}
    project = tomllib.loads((folder.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    installed = {re.split(r"[^a-z0-9-]", line)[0] for line in project["dependencies"]}
    assert roots <= installed, "a plain installation must be able to run every experiment"


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


class Mean(Experiment):
    """The mean of numbers that are all the subject's shift, from a sample of the given size."""

    name, wrong, subject = "mean", {"one": Wrong({"en": "a", "zh": "一"}, 0.2, "mean")}, 0.0
    count = 10_000

    @property
    def law(self):
        return NormalMean(self.count, 1.0)

    def predict(self):
        margin = around(0.0, 0.01)
        return {"mean": Prediction({}, 0.0, margin, self.law.blind(margin), 1e-9, "normal")}

    def expect(self, subject):
        return {"mean": subject}

    def measure(self, subject):
        raise AssertionError("measured before the lint")

    def picture(self, measurements): ...

    def summary(self, measurement): ...


def test_an_experiment_that_would_miss_a_wrong_variant_is_refused_before_it_measures():
    class Small(Mean):
        count = 100

    running = Mean(Setting())
    assert expected_of_wrong(running, running.predict()) == {"one": 0.2}
    running = Small(Setting())
    with pytest.raises(Powerless, match=r"one gives 0\.2 in the check mean, which is sure \(to 0\.999\)"):
        expected_of_wrong(running, running.predict())


def test_a_wrong_variant_must_name_a_check_that_is_predicted():
    class Lost(Mean):
        wrong = {"one": Wrong({"en": "a", "zh": "一"}, 0.1, "median")}

    running = Lost(Setting())
    with pytest.raises(Powerless, match="names the check median, which is not predicted; there are: mean"):
        expected_of_wrong(running, running.predict())


def test_a_check_keeps_its_kind_and_knows_its_rounding():
    def prediction(value, false_alarm, **options):
        return Prediction({}, value, around(value, 1.0), around(value, 2.0), false_alarm, "m", **options)

    assert prediction(35.0, 0.0, counted=True).kind == "exact"
    assert prediction(35.0, 0.0, counted=True).tolerance(1e-7) == 0
    assert prediction(0.0, 1e-9).kind == "sampled"
    assert prediction(0.0, 0.0).kind == "arithmetic"
    assert prediction(50.0, 0.0).tolerance(1e-7) == 50 * prediction(0.0, 0.0).tolerance(1e-7)
    assert prediction(50.0, 0.0, unit=0.5).tolerance(1e-7) == prediction(0.0, 0.0, unit=0.5).tolerance(1e-7)


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
        with pytest.raises(SettingError, match="CUDA was asked for.*--device cpu"):
            make_setting("cuda", "float64", 0)


def test_a_name_or_a_topic_or_all_is_found_and_the_nearest_is_named_first():
    assert [entry.name for entry in select(["edm-order", "edm-order"])] == ["edm-order"]
    assert {entry.topic for entry in select(["edm"])} == {"edm"}
    assert [entry.name for entry in select(["all"])] == list(all_experiments())
    with pytest.raises(UnknownExperiment, match="there are: edm-churn,"):
        select(["edm-chrn"])


def test_the_catalogue_reads_literals_only(tmp_path):
    folder = tmp_path / "t" / "experiments"
    folder.mkdir(parents=True)
    declared = '@experiment(name="{}", title={{}}, claims=("t.a",), prediction={{}}{})\nclass A:\n    pass\n'
    (folder / "one.py").write_text(declared.format("t-one", "") + declared.format("t-two", ", quick=False"))
    found = all_experiments(tmp_path)
    assert {name: entry.quick for name, entry in found.items()} == {"t-one": True, "t-two": False}
    (folder / "two.py").write_text(declared.format("t-three", ", quick=not True"))
    with pytest.raises(ValueError, match=r"two\.py:1: .* literals"):
        all_experiments(tmp_path)
    (folder / "two.py").write_text(declared.format("t-one", ""))
    with pytest.raises(ValueError, match="two experiments are named t-one"):
        all_experiments(tmp_path)


def test_every_claim_named_exists():
    catalog = pytest.importorskip("verify.language.catalog")
    known = set(catalog.load_catalog(RECORDS.parent).claims)
    for entry in all_experiments().values():
        assert set(entry.claims) <= known, entry.name
