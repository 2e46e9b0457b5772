"""What every command that runs tasks is asked: what to judge, where (`--on`, `--address`, `--jobs`), which part."""

from __future__ import annotations

import argparse
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from verify.running.engine import EngineError
from verify.running.shard import WHOLE, Shard, parse_shard

if TYPE_CHECKING:
    from verify.running.ray import Cluster

LOCAL, RAY = "local", "ray"


def add_engine_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds --on, --address and --shard; `place_of` reads the first two."""
    parser.add_argument("--on", choices=(LOCAL, RAY), default=LOCAL, help="this machine (default) or a Ray cluster")
    parser.add_argument("--address", metavar="HOST:PORT", help="the cluster's head node (default: RAY_ADDRESS, or one "
                        "running here, or one started for this run)")  # fmt: skip
    parser.add_argument("--shard", type=_shard, default=WHOLE, metavar="i/N", help="only part i of N, for job arrays")


@dataclass(frozen=True)
class Place:
    """Where tasks run: `jobs` processes of this machine, or the Ray cluster at `address`."""

    on: str = LOCAL
    address: str | None = None
    jobs: int | None = None

    def cluster(self) -> AbstractContextManager[Cluster | None]:
        """The cluster, None on this machine. EngineError when it cannot be used."""
        if self.on == LOCAL:
            return nullcontext()
        from verify.running.ray import Cluster

        return Cluster(self.address)


HERE = Place()


@dataclass(frozen=True)
class Wanted:
    """What a run is asked for: which claims, taken from the ledger or judged again, with what."""

    targets: tuple[str, ...] = ()
    fresh: bool = False
    experiments: bool = True
    all_mutants: bool = False
    shard: Shard = WHOLE


EVERYTHING = Wanted()


def place_of(arguments: argparse.Namespace) -> Place:
    """The place that the options name. EngineError for options that do not go together."""
    jobs = getattr(arguments, "jobs", None)
    if arguments.address and arguments.on != RAY:
        raise EngineError("--address names a Ray cluster: add --on ray")
    if arguments.on == RAY and jobs:
        raise EngineError("--jobs counts processes of this machine; with --on ray the cluster's CPUs decide")
    return Place(arguments.on, arguments.address, jobs)


def _shard(text: str) -> Shard:
    try:
        return parse_shard(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
