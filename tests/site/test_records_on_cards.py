"""What a claim's card shows of its experiments: every device side by side, and what has changed since."""

import pytest

from tests.experiments.test_records import MODULE, check, record
from verify.ledger.recorded import gather
from verify.site.cards.card import Printer, Shelf, percent
from verify.site.contents.model import Experiment, Library


def card(root, language="en", *records):
    for one in records:
        one.write(root, {})
    kept = tuple(gather(root)[0].get("t-mean", ()))
    shelf = Shelf(Library({}, {}, {}), language)
    return Printer(shelf, "claims/t.html").render("experiment", item=Experiment("t-mean", "supported", kept))


@pytest.mark.parametrize(("language", "stale"), [("en", "changed since"), ("zh", "此后有改动")])
def test_devices_stand_side_by_side_and_a_stale_record_is_named(tmp_path, language, stale):
    gpu = record(device="cuda", device_name="NVIDIA H200", sources={MODULE: "0000"})
    html = card(tmp_path, language, record(), gpu)
    assert html.count("x86_64") == html.count("NVIDIA H200") == 1
    assert html.index("x86_64") < html.index("NVIDIA H200")  # the fresh one decides
    assert html.count(stale) == 1 and MODULE in html[html.index(stale) :]


@pytest.mark.parametrize(("language", "said"), [("en", "no fresh record from a GPU (CUDA)"), ("zh", "GPU（CUDA）")])
def test_a_card_says_that_a_device_has_no_fresh_record(tmp_path, language, said):
    old = record(device="cuda", sources={MODULE: "0000"})
    assert said in card(tmp_path / "none", language, record())
    assert said in card(tmp_path / "old", language, record(), old)
    assert said not in card(tmp_path / "both", language, record(), record(device="cuda"))


@pytest.mark.parametrize(
    ("kinds", "said"),
    [
        (["sampled", "arithmetic"], ["at least 0.999"]),
        (["sampled", "order"], ["at least 0.999", "An order of convergence"]),
        (["arithmetic", "exact"], ["Nothing is sampled"]),
        (["order"], ["An order of convergence"]),
    ],
)
def test_a_card_states_the_error_rates_of_what_is_sampled_only(tmp_path, kinds, said):
    html = card(tmp_path, "en", record([check(f"c{n}", kind=kind) for n, kind in enumerate(kinds)]))
    words = ["at least 0.999", "Nothing is sampled", "An order of convergence"]
    assert [word for word in words if word in html] == said


def test_only_cpu_records_and_none_at_all(tmp_path):
    assert "x86_64" in card(tmp_path / "one", "en", record())
    assert "verify experiment run t-mean" in card(tmp_path / "none")


def test_a_record_is_published_with_its_figures(tmp_path):
    made = record(figure={"en": "t-mean.cpu.float64.en.svg"})
    made.write(tmp_path, {"en": "<svg/>"})
    files = Experiment("t-mean", "supported", tuple(gather(tmp_path)[0]["t-mean"])).files
    assert set(files) == {"records/t/t-mean.cpu.float64.json", "records/t/t-mean.cpu.float64.en.svg"}
    assert all(path.is_file() for path in files.values())


@pytest.mark.parametrize(
    ("sees", "said"),
    [
        ([0.49, 0.51], "a deviation of 2 % (≤ 0.49, ≥ 0.51)"),
        (["-inf", 0.018], "≥ 0.018"),
        (["-inf", "inf"], "–"),
        ([-1.0, 2.0], "≤ -1, ≥ 2"),
    ],
)
def test_a_card_says_what_would_have_been_seen(sees, said):
    printer = Printer(Shelf(Library({}, {}, {})), "claims/t.html")
    assert printer.sees({"predicted": 0.5, "sees": sees}) == said
    assert percent(0.0029) == "0.29 %"
