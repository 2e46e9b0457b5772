"""Predictions without chance: what is confirmed, what is refuted for sure, and the gap between."""

from hypothesis import given
from hypothesis import strategies as st

from verify.experiments.arithmetic import stated, stated_order
from verify.experiments.experiment import seen
from verify.experiments.statistics import CONFIRMED, INCONCLUSIVE, REFUTED, Interval, exact, verdict

NUMBER = st.floats(-1e3, 1e3)
SIZE = st.floats(1e-6, 10.0)


@given(NUMBER, SIZE, st.floats(1e-9, 1e-7), NUMBER)
def test_what_is_said_to_be_seen_is_refuted_and_the_value_itself_confirmed(value, margin, rounding, other):
    prediction = stated({"n": value}, {"n": {"en": "n", "zh": "n"}}, margin, rounding, "arithmetic")["n"]
    assert prediction.kind == "arithmetic"
    assert verdict(exact(value, rounding), prediction.margin) == CONFIRMED
    if seen(prediction, other):
        assert verdict(exact(other, rounding), prediction.margin) == REFUTED


@given(st.integers(1, 5), st.floats(0.05, 0.5), st.floats(0.01, 1.99), st.sampled_from([-1, 1]))
def test_a_wrong_order_is_refuted_or_inconclusive_and_is_named_an_order(value, margin, width, side):
    prediction = stated_order({"en": "n", "zh": "n"}, value, margin)
    wrong = value + side * 3.01 * margin
    assert prediction.kind == "order" and prediction.false_alarm == 0 and seen(prediction, wrong)
    assert verdict(Interval(wrong - width * margin, wrong + width * margin, wrong), prediction.margin) == REFUTED
    assert verdict(Interval(wrong - 4 * margin, wrong + 4 * margin, wrong), prediction.margin) == INCONCLUSIVE
