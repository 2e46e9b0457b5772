"""Stand-ins for libraries that the peers load at import and that the parts used here never use.

A peer's package pulls in data loaders, loggers and feature extractors. A stand-in lets that import pass. Its names make
inert objects: anything done with one raises, so that no result can rest on it. An installed library is never replaced.
"""

from __future__ import annotations

import importlib.util
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

NOT_NEEDED = frozenset(
    "accelerate cleanfid clip dctorch gdown jsonmerge kornia ot skimage torchdyn torchsde torchvision wandb".split()
)


class Inert(type):
    """A class whose instances take any argument and can do nothing; its own names are such classes again."""

    def __getattr__(cls, name: str) -> Inert:
        if name.startswith("__"):
            raise AttributeError(name)
        return inert(name)


def inert(name: str) -> Inert:
    return Inert(name, (), {"__init__": lambda self, *given, **named: None})


class StandIn(ModuleType):
    """A module in which every public name exists."""

    def __getattr__(self, name: str) -> Inert:
        if name.startswith("__"):
            raise AttributeError(name)
        return inert(name)


class Finder(MetaPathFinder, Loader):
    """Stands last in `sys.meta_path`, so it is asked only for what is not installed."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if name.split(".")[0] not in NOT_NEEDED:
            return None
        return importlib.util.spec_from_loader(name, self, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return StandIn(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Nothing to run."""


def install() -> None:
    """Adds the finder, once."""
    if not any(isinstance(finder, Finder) for finder in sys.meta_path):
        sys.meta_path.append(Finder())
