r"""Convergence orders of samplers: over a fixed span, and of one step from an exact history.

A method of order p leaves an error O(h^p) over a span (the global order) and O(h^{p+1}) in one step from exact values
(the local order). Both are needed: an error that telescopes is invisible to the global order, and only the global
order sees a start or an end that spoils the rest. Exact values come from a closed form or from `trajectory`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from verify.experiments.samplers.common import Denoise
from verify.experiments.samplers.forms import Form
from verify.experiments.samplers.multistep import Rule
from verify.experiments.statistics import Interval, order_interval

Sampler = Callable[[Denoise, Tensor, Sequence[float]], Tensor]
Exact = Callable[[Sequence[float]], list[Tensor]]
"""`exact(levels)`: states of one and the same trajectory at each of the levels."""

SUBSTEPS = (2, 4, 6, 8)
LONGEST = 0.05


def _extrapolated(denoise: Denoise, x: Tensor, u: float, h: float) -> Tensor:
    r"""One step of dx/du = D(x; e^{-u}) - x by Gragg's midpoint rule, extrapolated: order 8.

    With n even substeps the midpoint rule's error is a series in (h/n)^2, so Neville's scheme in (h/n)^2 removes a
    power with each further n.
    """
    rows: list[list[Tensor]] = []
    for k, n in enumerate(SUBSTEPS):
        size = h / n
        before, now = x, x + size * (denoise(x, math.exp(-u)) - x)
        for i in range(1, n):
            before, now = now, before + 2 * size * (denoise(now, math.exp(-u - i * size)) - now)
        row = [now]
        for j in range(k):
            row.append(row[j] + (row[j] - rows[k - 1][j]) / ((n / SUBSTEPS[k - 1 - j]) ** 2 - 1))
        rows.append(row)
    return rows[-1][-1]


def trajectory(denoise: Denoise, x: Tensor, sigma: float) -> Exact:
    r"""The probability-flow trajectory through x at noise level sigma, to about rounding in float64.

    It is integrated in -ln sigma with extrapolated steps no longer than LONGEST, upwards and downwards from sigma;
    every level must be positive.
    """

    def exact(levels: Sequence[float]) -> list[Tensor]:
        states = {}
        for reached in (
            sorted((s for s in levels if s <= sigma), reverse=True),
            sorted(s for s in levels if s > sigma),
        ):
            state, u = x, -math.log(sigma)
            for level in reached:
                distance = -math.log(level) - u
                pieces = math.ceil(abs(distance) / LONGEST)
                for i in range(pieces):
                    state = _extrapolated(denoise, state, u + i * distance / pieces, distance / pieces)
                u += distance
                states[level] = state
        return [states[level] for level in levels]

    return exact


def distance(a: Tensor, b: Tensor) -> float:
    """Root mean square difference."""
    return float((a - b).double().square().mean().sqrt())


def global_errors(
    sampler: Sampler, denoise: Denoise, exact: Exact, grid: Callable[[int], Sequence[float]], counts: Sequence[int]
) -> list[float]:
    """Errors at the end of grid(n) for every n: levels of n steps that share both ends, none of them 0."""
    levels = grid(counts[0])
    start, end = exact([levels[0], levels[-1]])
    return [distance(sampler(denoise, start, grid(n)), end) for n in counts]


def global_order(
    sampler: Sampler, denoise: Denoise, exact: Exact, grid: Callable[[int], Sequence[float]], counts: Sequence[int]
) -> Interval:
    """The p in error ~ n^-p."""
    errors = global_errors(sampler, denoise, exact, grid, counts)
    return order_interval([1 / n for n in counts], errors, _rounding(exact([grid(counts[0])[0]])[0]))


def one_step(sampler: Sampler) -> Callable[[Denoise, Exact, float, float], float]:
    """The error of one step of size h in ln sigma from an exact point, for a method without history."""

    def error(denoise: Denoise, exact: Exact, sigma: float, h: float) -> float:
        after = sigma * math.exp(-h)
        start, end = exact([sigma, after])
        return distance(sampler(denoise, start, [sigma, after]), end)

    return error


def one_multistep(form: Form, rule: Rule, ratios: Sequence[float]) -> Callable[[Denoise, Exact, float, float], float]:
    r"""The same for a multistep rule whose earlier outputs are exact; ratios[j] h is the length of the step j + 1 ago.

    Ratios other than 1 matter: on equal steps a ratio written upside down is right.
    """

    def error(denoise: Denoise, exact: Exact, sigma: float, h: float) -> float:
        levels = [sigma * math.exp(h * sum(ratios[:j])) for j in range(len(ratios) + 1)]
        after = sigma * math.exp(-h)
        *states, end = exact([*levels, after])
        outputs = [form.output(x, denoise(x, level), level) for x, level in zip(states, levels, strict=True)]
        return distance(rule(form, states[0], outputs, levels, after), end)

    return error


def local_order(
    error: Callable[[Denoise, Exact, float, float], float],
    denoise: Denoise,
    exact: Exact,
    sigma: float,
    sizes: Sequence[float],
) -> Interval:
    """The q in error ~ h^q for one step from noise level sigma: p + 1 for a method of order p."""
    errors = [error(denoise, exact, sigma, size) for size in sizes]
    return order_interval(sizes, errors, _rounding(exact([sigma])[0]))


def _rounding(x: Tensor) -> float:
    """What one rounding does to the root mean square of x."""
    return torch.finfo(x.dtype).eps * float(x.double().square().mean().sqrt())
