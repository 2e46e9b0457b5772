"""Counter-based latents: the published vectors, the quantile, and independence of batch splits."""

import math
from statistics import NormalDist

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from verify.experiments.latents import MASK, Latents, normal_quantile, philox, words

# Known-answer vectors of the Random123 distribution for philox4x32-10: counter, key, result.
VECTORS = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((MASK,) * 4, (MASK,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@pytest.mark.parametrize(("counter", "key", "expected"), VECTORS)
def test_philox_gives_the_published_words(counter, key, expected):
    found = philox(tuple(torch.tensor([word]) for word in counter), key)
    assert tuple(int(word) for word in found) == expected


@settings(deadline=None)
@given(
    seed=st.integers(0, 2**64 - 1),
    stream=st.integers(0, 2**64 - 1),
    start=st.integers(0, 2**34),
    cut=st.integers(0, 40),
    count=st.integers(0, 40),
)
def test_words_do_not_depend_on_the_split(seed, stream, start, cut, count):
    whole = words(seed, stream, cut + count, start)
    parts = torch.cat([words(seed, stream, cut, start), words(seed, stream, count, start + cut)])
    assert torch.equal(whole, parts)
    assert bool(((whole >= 0) & (whole <= MASK)).all())


@settings(deadline=None)
@given(cut=st.integers(0, 9), dimensions=st.integers(1, 5), single=st.booleans())
def test_normal_rows_do_not_depend_on_the_batch(cut, dimensions, single):
    latents = Latents(7, dtype=torch.float32 if single else torch.float64)
    whole = latents.normal("x", 9, dimensions)
    parts = [latents.normal("x", cut, dimensions), latents.normal("x", 9 - cut, dimensions, start=cut)]
    assert torch.equal(whole, torch.cat(parts))


def test_streams_and_seeds_differ():
    drawn = [Latents(s).uniform(name, 64) for s in (0, 1) for name in ("a", "b")]
    assert len({tuple(d.tolist()) for d in drawn}) == 4


def test_thread_count_does_not_change_a_bit():
    one = Latents(3).normal("threads", 40_000, 3)
    torch.set_num_threads(2)
    try:
        assert torch.equal(one, Latents(3).normal("threads", 40_000, 3))
    finally:
        torch.set_num_threads(1)


@settings(deadline=None)
@given(st.floats(2**-33, 1 - 2**-33, exclude_min=True, exclude_max=True))
def test_normal_quantile_is_the_standard_library_s(p):
    found = float(normal_quantile(torch.tensor([p], dtype=torch.float64)))
    assert math.isclose(found, NormalDist().inv_cdf(p), rel_tol=1e-13, abs_tol=1e-15)
