"""Predictions without chance: what is confirmed, what is refuted for sure, and the gap between."""

from hypothesis import given
from hypothesis import strategies as st

from verify.experiments.arithmetic import stated
from verify.experiments.experiment import seen
from verify.experiments.statistics.verdicts import CONFIRMED, REFUTED, exact, verdict

NUMBER = st.floats(-1e3, 1e3)
SIZE = st.floats(1e-6, 10.0)


@given(NUMBER, SIZE, st.floats(1e-9, 1e-7), NUMBER)
def test_what_is_said_to_be_seen_is_refuted_and_the_value_itself_confirmed(value, margin, rounding, other):
    prediction = stated({"n": value}, {"n": {"en": "n", "zh": "n"}}, margin, rounding, "arithmetic")["n"]
    assert prediction.kind == "arithmetic"
    assert verdict(exact(value, rounding), prediction.margin) == CONFIRMED
    if seen(prediction, other):
        assert verdict(exact(other, rounding), prediction.margin) == REFUTED
