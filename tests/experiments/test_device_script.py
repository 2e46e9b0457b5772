"""The script for GPU machines, on what needs no GPU: it keeps what it did, and one failure costs one part."""

import json
import math
import time

import pytest

from benchmarks.device import Machine, OutOfTime, Report, ideal_denoiser, limit


def endless():
    while True:
        math.sqrt(2.0)


def test_a_failing_part_is_reported_and_the_next_one_starts(tmp_path):
    report = Report(tmp_path, time.monotonic() + 100)
    report.part("parts", "good", lambda: {"value": 1})
    report.part("parts", "bad", lambda: {"value": 1 // 0})
    report.part("parts", "endless", endless, most=1.0)
    report.part("parts", "after", lambda: {"value": 2})
    kept = json.loads((tmp_path / "device.json").read_text())
    assert kept["parts"] == {"good": {"value": 1}, "after": {"value": 2}}
    assert "ZeroDivisionError" in kept["problems"]["bad"] and "OutOfTime" in kept["problems"]["endless"]


def test_nothing_starts_when_no_time_is_left(tmp_path):
    report = Report(tmp_path, time.monotonic() - 1)
    report.part("parts", "late", lambda: {"value": 1})
    assert report.found["problems"] == {"late": "no time left"}


def test_the_limit_is_lifted_afterwards():
    with pytest.raises(OutOfTime), limit(0.01):
        endless()
    with limit(100.0):
        pass
    time.sleep(0.02)


def test_the_accuracy_part_finds_the_known_errors():
    """At toy size on the CPU, where 16 bits are emulated: two pieces are float32-grade, rescoring better still."""
    errors = ideal_denoiser(Machine("cpu", tiny=True))["largest error"]
    assert 1e-9 < errors["16 bits, 64 rescored"] < 2e-6
    assert errors["16 bits"] < 4e-4 and errors["float32"] < 4e-4
