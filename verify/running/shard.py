"""A part of a run, for job arrays and CI matrices: no engine, no messages, only an agreed split.

Every shard deals the same whole list, before anything is left out as fresh; so the shards of one checkout never overlap
and together are the unsharded run, whatever each one's ledger holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Shard:
    """Shard `number` of `total`, counted from one."""

    number: int = 1
    total: int = 1

    def of(self, things: Iterable[T]) -> list[T]:
        """This shard's share: every `total`-th thing, so that neighbours, which cost alike, are spread."""
        return list(things)[self.number - 1 :: self.total]

    def __str__(self) -> str:
        return f"{self.number}/{self.total}"


WHOLE = Shard()


def parse_shard(text: str) -> Shard:
    """`i/N` with 1 <= i <= N. ValueError with one sentence for anything else."""
    match = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text)
    if not match:
        raise ValueError(f"{text!r} is no shard: write i/N, as in 1/4")
    number, total = int(match[1]), int(match[2])
    if not 1 <= number <= total:
        raise ValueError(f"there is no shard {text}: i counts from 1 to N")
    return Shard(number, total)
