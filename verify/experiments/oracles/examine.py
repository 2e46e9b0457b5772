"""A look at somebody's denoiser or oracle before it is trusted: the first fault, in one sentence."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from verify.experiments.latents import Latents
from verify.experiments.oracles.protocol import Oracle

LEVELS = (80.0, 10.0, 1.0, 0.1, 0.002)
ROWS = 8
ALIKE, BATCH = 1e3, 1e5  # units of rounding: between two formulas, and between two batch sizes


class Fault(ValueError):
    """What is wrong with a denoiser or an oracle, at which noise level and in which element."""


def examine(
    target: Oracle | Callable[[Tensor, float], Tensor],
    dimensions: int | None = None,
    sigmas: Sequence[float] = LEVELS,
    device: str = "cpu",
    dtype: torch.dtype = torch.float64,
    tolerance: float | None = None,
) -> None:
    r"""Raises `Fault` at the first fault of a denoiser D(x, sigma), or of each method of an oracle.

    At every level ROWS points x = sqrt(1 + sigma^2) z are tried: the result must have the shape, dtype and device of x
    and be finite, x must stay as it was, and a row must not depend on the rows beside it. An oracle's score must be
    the gradient's other form, (D - x)/sigma^2 (score.tweedie), and its velocity (x - D)/sigma, within `tolerance` of
    what D and x allow after rounding (ALIKE units of rounding by default).
    """
    methods = ("denoise", "score", "velocity", "log_density") if hasattr(target, "denoise") else ()
    size = dimensions if dimensions is not None else getattr(target, "dimensions", None)
    if size is None:
        raise ValueError("examine needs the number of dimensions of a bare denoiser: examine(denoise, dimensions=2)")
    slack = ALIKE * torch.finfo(dtype).eps if tolerance is None else tolerance
    latents = Latents(0, device, dtype)
    for sigma in sigmas:
        x = (1 + sigma**2) ** 0.5 * latents.normal(f"examine.{sigma!r}", ROWS, size)
        found = {name: _call(getattr(target, name), name, x, sigma) for name in methods}
        if not found:
            _call(target, "the denoiser", x, sigma)  # type: ignore[arg-type]
            continue
        room = slack * (1 + sigma + x.abs() + found["denoise"].abs())
        for name, wanted in (("score", -sigma**2), ("velocity", sigma)):
            _agrees(name, wanted * found[name], x - found["denoise"], room, x, sigma)


def _call(method: Callable[[Tensor, float], Tensor], name: str, x: Tensor, sigma: float) -> Tensor:
    given = x.clone()
    value = method(x, sigma)
    shape = x.shape[:1] if name == "log_density" else x.shape
    at = f"{name} at sigma = {sigma:g}"
    if not isinstance(value, Tensor):
        raise Fault(f"{at} gives a {type(value).__name__}, not a tensor")
    if value.shape != shape:
        raise Fault(f"{at} gives the shape {tuple(value.shape)} for x of shape {tuple(x.shape)}, not {tuple(shape)}")
    if value.dtype != x.dtype or value.device != x.device:
        raise Fault(f"{at} gives {value.dtype} on {value.device} for x of {x.dtype} on {x.device}")
    _first(~value.isfinite(), lambda i: f"{at} gives {_number(value, i)} in {_element(i)}, where x = {_row(given, i)}")
    if not torch.equal(x, given):
        raise Fault(f"{at} changes its argument x in place; it must work on a copy")
    part = method(x[: ROWS // 2], sigma)
    rounding = torch.finfo(x.dtype).eps
    near = torch.isclose(part, value[: ROWS // 2], rtol=BATCH * rounding, atol=BATCH * rounding)
    _first(~near, lambda i: f"{at} depends on the other rows of the batch, in {_element(i)}: {_number(value, i)} among "
           f"{ROWS} rows, {_number(part, i)} among {ROWS // 2}")  # fmt: skip
    return value


def _agrees(name: str, value: Tensor, wanted: Tensor, room: Tensor, x: Tensor, sigma: float) -> None:
    scaled = "-sigma^2 score" if name == "score" else "sigma velocity"
    _first((value - wanted).abs() > room, lambda i: f"{scaled} and x - D differ at sigma = {sigma:g} in {_element(i)}: "
           f"{_number(value, i)} and {_number(wanted, i)}, where x = {_row(x, i)}")  # fmt: skip


def _first(bad: Tensor, sentence: Callable[[tuple[int, ...]], str]) -> None:
    if bool(bad.any()):
        raise Fault(sentence(tuple(bad.nonzero()[0].tolist())))


def _element(index: tuple[int, ...]) -> str:
    return f"row {index[0]}" + "".join(f", coordinate {i}" for i in index[1:])


def _number(value: Tensor, index: tuple[int, ...]) -> str:
    return f"{float(value[index]):.6g}"


def _row(x: Tensor, index: tuple[int, ...]) -> str:
    numbers = ", ".join(f"{v:.4g}" for v in x[index[0], :4].tolist())
    return f"({numbers}{', ...' if x.shape[1] > 4 else ''})"
