"""Predictions that nothing random enters: numbers known to a stated rounding, compared with a stated margin."""

from __future__ import annotations

from collections.abc import Mapping

from verify.experiments.experiment import Prediction, Text
from verify.experiments.statistics.verdicts import around, exact_blind


def stated(
    values: Mapping[str, float], titles: Mapping[str, Text], margin: float, rounding: float, method: str
) -> dict[str, Prediction]:
    """A prediction for every value, confirmed within `margin` of it.

    The measured interval is `exact(estimate, rounding)`, so that what lies 2 `rounding` outside is refuted for sure.
    """
    predictions = {}
    for name, value in values.items():
        near = around(value, margin)
        predictions[name] = Prediction(titles[name], value, near, exact_blind(near, rounding), 0.0, method)
    return predictions
