"""Checkpoints: one file, written beside its place and moved there, with the one before it kept.

A run that is killed at any moment leaves a whole checkpoint. A damaged one is named and never overwritten.
"""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import torch

from verify.experiments.training.config import Config
from verify.experiments.training.problems import TrainingError

SCHEMA = 1
NAME, PREVIOUS = "checkpoint.pt", "checkpoint.previous.pt"
FIELDS = {"schema", "config", "step", "network", "average", "optimiser", "log"}


def save(folder: Path, state: dict[str, Any]) -> None:
    """Writes the state and keeps the checkpoint before it as PREVIOUS; in no moment is there neither."""
    folder.mkdir(parents=True, exist_ok=True)
    path, beside = folder / NAME, folder / f".{NAME}.{os.getpid()}.new"
    try:
        with beside.open("wb") as file:
            torch.save(state | {"schema": SCHEMA}, file)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            os.replace(path, folder / PREVIOUS)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def exists(folder: Path) -> bool:
    """Whether the folder holds a checkpoint, the last or the one before it."""
    return (folder / NAME).exists() or (folder / PREVIOUS).exists()


def load(folder: Path) -> dict[str, Any]:
    """The last checkpoint of a folder, on the CPU. TrainingError when there is none, or when it is damaged."""
    path = folder / NAME if (folder / NAME).exists() else folder / PREVIOUS
    if not path.exists():
        raise TrainingError(f"{folder} holds no checkpoint to resume from; leave out --resume to start a new run")
    try:
        return read(path)
    except TrainingError as error:
        if path.name != NAME:
            raise
        raise TrainingError(f"{error}; {_advice(folder)}") from error


def read(path: Path) -> dict[str, Any]:
    """One checkpoint file. TrainingError says what is wrong with it."""
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
        if damaged:
            raise TrainingError(f"{path} is damaged (its part {damaged} does not match its checksum)")
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (zipfile.BadZipFile, EOFError, RuntimeError) as error:
        raise TrainingError(f"{path} is truncated or no checkpoint") from error
    if not isinstance(state, dict) or state.keys() != FIELDS or state["schema"] != SCHEMA:
        raise TrainingError(f"{path} is a checkpoint of another version")
    return state


def require(state: dict[str, Any], config: Config, folder: Path) -> None:
    """TrainingError, naming the fields that differ, unless the checkpoint is of this configuration."""
    differences = Config.from_plain(state["config"]).differences(config)
    if differences:
        raise TrainingError(
            f"the checkpoint in {folder} is of another configuration: {', '.join(differences)}; "
            "give the same options, or another --out"
        )


def _advice(folder: Path) -> str:
    try:
        step = read(folder / PREVIOUS)["step"]
    except (TrainingError, OSError):
        return "there is no whole one before it; remove both files to start a new run"
    return f"the one before it, of step {step}, is whole: remove {folder / NAME} and resume"
