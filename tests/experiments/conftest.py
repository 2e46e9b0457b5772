"""Torch in one thread: the tests share their cores."""

import torch

torch.set_num_threads(1)
