"""Draws without Hypothesis, for a browser, where its compiled part does not run: the same combinators, one seed.

What `verify.sampling.draw` writes with `hypothesis.strategies` it writes with these, so that ranges and shapes are said
once. Uniform, nothing shrinks, and the same seed gives the same values in every run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

SEED = 20220601  # any number; the points of a scope must not change from run to run


@dataclass(frozen=True)
class SearchStrategy:
    """A way to make a value from a generator of random numbers."""

    make: Callable[[Random], Any]

    def map(self, function: Callable[[Any], Any]) -> SearchStrategy:
        return SearchStrategy(lambda random: function(self.make(random)))


def integers(low: int, high: int) -> SearchStrategy:
    """From `low` to `high`, both included."""
    return SearchStrategy(lambda random: random.randint(low, high))


def tuples(*parts: SearchStrategy) -> SearchStrategy:
    return SearchStrategy(lambda random: tuple(part.make(random) for part in parts))


def fixed_dictionaries(parts: Mapping[str, SearchStrategy]) -> SearchStrategy:
    return SearchStrategy(lambda random: {name: part.make(random) for name, part in parts.items()})


def builds(function: Callable[..., Any], *parts: SearchStrategy) -> SearchStrategy:
    return SearchStrategy(lambda random: function(*(part.make(random) for part in parts)))


def examples(strategy: SearchStrategy, count: int) -> Iterator[Any]:
    """The first `count` values that the seed gives."""
    random = Random(SEED)
    return (strategy.make(random) for _ in range(count))
