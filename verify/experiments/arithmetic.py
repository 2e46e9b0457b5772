"""Predictions that nothing random enters: numbers known to a stated rounding, and orders of convergence."""

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


def stated_order(title: Text, value: float, margin: float, unit: float | None = None, method: str = "") -> Prediction:
    """A prediction of an order, measured by `order_interval` and confirmed within `margin` of `value`.

    An order three margins away is refuted where the interval reaches less than two margins to either side, and
    inconclusive otherwise. `unit` (see `Prediction`) is large where the errors are small: an order is a ratio of them.
    `method` says how the errors are found.
    """
    how = "; ".join(filter(None, (method, "interval from the drift of the local orders")))
    return Prediction(title, value, around(value, margin), around(value, 3 * margin), 0.0, how, unit=unit, order=True)
