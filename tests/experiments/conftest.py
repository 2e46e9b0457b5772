"""Torch in one thread, for the tests share their cores; and no test that fails because a machine is busy."""

import torch
from hypothesis import settings

torch.set_num_threads(1)
settings.register_profile("no-clock", deadline=None)
settings.load_profile("no-clock")
