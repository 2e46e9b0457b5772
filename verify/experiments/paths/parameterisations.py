r"""Predictions on a path and the exact conversions between them (param.conversions).

At x_t = alpha y + sigma n every prediction estimates p y + q n with known p and q:

    denoiser  y                       epsilon  n                     score  -n/sigma
    velocity  alpha' y + sigma' n     v        alpha n - sigma y     F      (sigma y - s^2 alpha n) / (s h)

where s = sigma_data and h^2 = sigma^2 + s^2 alpha^2. F is what EDM's network returns (edm.precond: F =
(D - c_skip x)/c_out), and F = -v for sigma_data = 1 and alpha^2 + sigma^2 = 1 (param.v-equals-f). With x_t known,
y and n are the solution of two linear equations, so one formula converts any kind into any other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from torch import Tensor

from verify.experiments.oracles.protocol import Sigma, column

Kind = Literal["denoiser", "epsilon", "score", "velocity", "v", "F"]


@dataclass(frozen=True)
class Point:
    """The coefficients of a path at one time, or float64 (B,) at the time of each row; sigma_data is for F only."""

    alpha: Sigma
    sigma: Sigma
    alpha_dot: Sigma
    sigma_dot: Sigma
    sigma_data: float = 1.0


def weights(kind: Kind, at: Point) -> tuple[Sigma, Sigma]:
    """p and q: what `kind` estimates is p y + q n."""
    match kind:
        case "denoiser":
            return 1.0, 0.0
        case "epsilon":
            return 0.0, 1.0
        case "score":
            return 0.0, -1 / at.sigma
        case "velocity":
            return at.alpha_dot, at.sigma_dot
        case "v":
            return -at.sigma, at.alpha
        case "F":
            scale = (at.sigma**2 + (at.sigma_data * at.alpha) ** 2) ** 0.5
            return at.sigma / (at.sigma_data * scale), -at.sigma_data * at.alpha / scale
    raise ValueError(f"there is no prediction {kind!r}; there are {', '.join(get_args(Kind))}")


def convert(value: Tensor, x: Tensor, at: Point, source: Kind, target: Kind) -> Tensor:
    r"""`value`, a prediction of kind `source` at x_t = x (B, d), as a prediction of kind `target`.

    x = alpha y + sigma n and value = p y + q n have the solution y = (q x - sigma value)/det and
    n = (alpha value - p x)/det with det = alpha q - sigma p. So p' y + q' n is

        ((p' q - q' p) x + (alpha q' - sigma p') value) / det.

    Where det = 0 the prediction says nothing about y: epsilon at alpha = 0, the denoiser at sigma = 0.
    """
    p, q = weights(source, at)
    p_new, q_new = weights(target, at)
    determinant = at.alpha * q - at.sigma * p
    if not isinstance(determinant, Tensor) and determinant == 0:
        raise ValueError(
            f"{source} at alpha = {at.alpha:g}, sigma = {at.sigma:g} repeats x_t and says nothing about {target}"
        )
    of_x, of_value = (p_new * q - q_new * p) / determinant, (at.alpha * q_new - at.sigma * p_new) / determinant
    return column(of_x, x) * x + column(of_value, x) * value
