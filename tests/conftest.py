"""The order in which test files are handed to the workers: long ones first, so that none is left alone at the end."""

from __future__ import annotations

from collections import Counter

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files marked `long` first, then those with the most tests; the tests of a file stay in order."""
    tests = Counter(item.path for item in items)
    items.sort(key=lambda item: (item.get_closest_marker("long") is None, -tests[item.path], item.path))
