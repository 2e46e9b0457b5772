"""`verify train`: train a small denoiser, sample from it, and measure both against what is known exactly."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from verify.commands import common

if TYPE_CHECKING:
    from verify.experiments.training.config import Config
    from verify.experiments.training.data import Data
    from verify.experiments.training.loop import Trained

HELP = "train a small denoiser and measure it against the exact one"
EXAMPLES = """examples:
  verify train edm                                 scikit-learn's digits, under three minutes on two cores
  verify train ddpm --data digits --param v        another family, another parameterisation
  verify train flow --data toy                     points in the plane whose density is known
  verify train edm --data cifar10 --device cuda --out runs/cifar10
  verify train edm --out runs/mine --resume        go on where an interrupted run stopped

what the network returns: eps, x0, v, F (EDM) or u (the velocity of a straight path)"""
LEVELS = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 20.0)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("family", help="ddpm, edm or flow: where the noise levels come from")
    parser.add_argument("--data", default="digits", help="digits, mnist, cifar10 or toy (default: digits)")
    parser.add_argument("--param", default="", help="eps, x0, v, F or u (default: the family's own)")
    parser.add_argument("--weight", default="simple", help="simple, edm, eps, x0 or min-snr (default: simple)")
    parser.add_argument("--steps", type=int, default=0, help="default: what is usual for the data")
    parser.add_argument("--batch", type=int, default=0)
    parser.add_argument("--rate", type=float, default=0.0, help="largest learning rate")
    parser.add_argument("--width", type=int, default=0, help="channels, or units of a layer")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: cpu)")
    parser.add_argument("--out", type=Path, default=None, metavar="DIR", help="default: runs/FAMILY-DATA-PARAM")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint in DIR")
    parser.add_argument("--every", type=int, default=200, help="steps between checkpoints (default: 200)")
    parser.add_argument("--samples", type=int, default=360, help="samples to draw with each sampler (default: 360)")


def run(arguments: argparse.Namespace) -> int:
    from verify.experiments.training import checkpoint
    from verify.experiments.training.config import Config
    from verify.experiments.training.data import load
    from verify.experiments.training.loop import LOG_EVERY, train
    from verify.experiments.training.problems import TrainingError

    try:
        given = {name: getattr(arguments, name) for name in
                 ("family", "data", "param", "weight", "steps", "batch", "rate", "width", "seed")}  # fmt: skip
        config = Config(**given).complete()
        folder = arguments.out or Path("runs") / f"{config.family}-{config.data}-{config.param}"
        if arguments.every <= 0 or arguments.every % LOG_EVERY:
            raise TrainingError(f"--every is a multiple of {LOG_EVERY}, not {arguments.every}")
        if arguments.samples < 2:
            raise TrainingError(f"--samples is at least 2, not {arguments.samples}")
        if checkpoint.exists(folder) and not arguments.resume:
            raise TrainingError(f"{folder} holds a checkpoint: add --resume to go on with it, or choose another --out")
        _require_device(arguments.device)
        data = load(config.data).to(arguments.device)
        with common.progress_bar("training") as advance:
            trained = train(config, data, folder, arguments.resume, arguments.every, advance)
        _show(config, data, trained, folder, arguments.samples)
    except TrainingError as error:
        print(error, file=sys.stderr)
        return common.UNREADABLE
    except OSError as error:
        print(f"the run cannot be kept in {folder}: {error}", file=sys.stderr)
        return common.UNREADABLE
    return common.WELL


def _require_device(device: str) -> None:
    import torch

    from verify.experiments.training.problems import TrainingError

    if device not in ("cpu", "cuda"):
        raise TrainingError(f"no device is named {device!r}; there is: cpu, cuda")
    if device == "cuda" and not torch.cuda.is_available():
        raise TrainingError("torch finds no CUDA device here; leave out --device to train on the CPU")


def _show(config: Config, data: Data, trained: Trained, folder: Path, rows: int) -> None:
    """Samples, measures and figures of a finished run, printed and written."""
    from verify.experiments.latents import Latents
    from verify.experiments.training import quality, report
    from verify.experiments.training.sampling import SAMPLERS, sample

    latents = Latents(config.seed, str(data.train.device), data.train.dtype)
    samples = {}
    with common.progress_bar("sampling") as advance:
        for name in SAMPLERS:
            samples[name] = sample(trained.denoise, config.family, name, rows, data.dimensions, latents, advance)
    measures = {name: quality.measure(drawn, data, config.seed) for name, drawn in samples.items()}
    errors = quality.errors_by_level(trained.denoise, data, list(LEVELS), config.seed)
    paths = report.write(folder, config, data, samples, errors, measures, trained.log)

    first = next(iter(measures.values()))
    table = {f"samples by {name}": found["samples"] for name, found in measures.items()}
    table |= {name: found for name, found in first.items() if name != "samples"}
    columns = list(first["samples"])
    common.print_table(
        ("", *columns),
        [(name, *(f"{row[c]:.3f}" if c in row else "" for c in columns)) for name, row in table.items()],
    )
    print("energy: 0 is equal; confusion: 0.5 cannot be told apart; copies: 1 is new, 0 is memorised; "
          "legible: five nearest images agree")  # fmt: skip
    names = ("sigma", "error", "floor", "train", "held_out")
    common.print_table(names, [tuple(f"{row[name]:.3g}" for name in names) for row in errors],
                       title="per dimension: distance from the exact denoiser, and losses")  # fmt: skip
    print("written: " + ", ".join(str(path) for path in paths))
