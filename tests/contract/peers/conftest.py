"""Torch in one thread, since the tests share their cores; and the peers' own deprecations are not ours to read."""

import pytest
import torch

torch.set_num_threads(1)


def pytest_collection_modifyitems(items):
    for item in items:
        if "peers" in item.path.parts:
            for ignored in ("DeprecationWarning:diffusers", "FutureWarning:diffusers", "DeprecationWarning:numpy"):
                item.add_marker(pytest.mark.filterwarnings(f"ignore::{ignored}"))
