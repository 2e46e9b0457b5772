r"""Three ways to write the probability-flow ODE as a part solved exactly and a function to be interpolated.

    dx/dsigma = (x - D)/sigma = e                  slope:  e as a polynomial in sigma            (Adams-Bashforth, LMS)
    x' = x + \int e dsigma                         noise:  e as a polynomial in lambda = -ln sigma        (DPM-Solver)
    dx/dlambda = D - x                             data:   D as a polynomial in lambda, x exactly       (DPM-Solver++)

A step from level t to t' is x' = decay x + sum_j w_j o_j with outputs o_j (slopes e or denoised D) at known levels.
With u the coordinate counted from the present level, the weights integrate every polynomial exactly:
sum_j w_j p(u_j) = sum_k c_k m_k for p(u) = sum_k c_k u^k, where m_k is the moment of u^k over the step.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


def psi(k: int, h: float) -> float:
    r"""psi_k(h) = \int_0^h e^{-(h-u)} u^k/k! du, for any real h (solver.exp-integrator).

    By parts psi_k = h^k/k! - psi_{k-1} and psi_0 = 1 - e^{-h}. The recurrence cancels where h is small, and there the
    series sum_j (-1)^j h^{k+1+j} / (k+1+j)! is used. psi_0(inf) = 1.
    """
    if k == 0:
        return -math.expm1(-h)
    if abs(h) > 1:
        return h**k / math.factorial(k) - psi(k - 1, h)
    term, total = h ** (k + 1) / math.factorial(k + 1), 0.0
    for j in range(k + 2, k + 22):
        total += term
        term *= -h / j
    return total


def quadrature(nodes: Sequence[float], moments: Sequence[float]) -> list[float]:
    r"""Weights w_j = sum_k c_jk m_k, with c_jk the coefficients of the Lagrange polynomial of node j.

    They integrate every polynomial of degree below len(nodes) exactly, when moments[k] is the integral of u^k.
    """
    weights = []
    for j, node in enumerate(nodes):
        coefficients = [1.0]
        for other in (*nodes[:j], *nodes[j + 1 :]):
            pairs = zip([0.0, *coefficients], [*coefficients, 0.0], strict=True)
            coefficients = [(lower - other * same) / (node - other) for lower, same in pairs]
        weights.append(sum(c * moment for c, moment in zip(coefficients, moments, strict=True)))
    return weights


class Form(Protocol):
    """A row of the table above; equal forms hash alike, since weights are kept by form."""

    def __hash__(self) -> int: ...

    def coordinate(self, sigma: float) -> float:
        """The variable in which outputs are interpolated, infinite where noise level 0 is out of reach."""

    def moment(self, k: int, t: float, after: float) -> float:
        """The moment m_k of the step from t to `after`."""

    def output(self, x: Tensor, denoised: Tensor, t: float) -> Tensor:
        """The function to be interpolated, from x and D(x; t)."""

    def combine(self, x: Tensor, outputs: Sequence[Tensor], weights: Sequence[float], t: float, after: float) -> Tensor:
        """decay x + sum_j w_j o_j."""


def _weighted_sum(x: Tensor, outputs: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    for output, weight in zip(outputs, weights, strict=True):
        x = torch.add(x, output, alpha=weight)
    return x


@dataclass(frozen=True)
class Slope:
    r"""dx/dsigma = e: m_k = \int_0^{t'-t} u^k du = (t' - t)^{k+1} / (k+1) (solver.lms)."""

    def coordinate(self, sigma: float) -> float:
        return sigma

    def moment(self, k: int, t: float, after: float) -> float:
        return (after - t) ** (k + 1) / (k + 1)

    def output(self, x: Tensor, denoised: Tensor, t: float) -> Tensor:
        return (x - denoised) / t

    def combine(self, x: Tensor, outputs: Sequence[Tensor], weights: Sequence[float], t: float, after: float) -> Tensor:
        return _weighted_sum(x, outputs, weights)


@dataclass(frozen=True)
class NoisePrediction:
    r"""DPM-Solver's form (Lu et al. 2022a, eq. (3.4) with alpha = 1; solver.exp-integrator).

    With u = lambda - lambda_t and h the whole step, dsigma = -sigma dlambda = -t' e^{h-u} du, so

        m_k = -t' \int_0^h e^{h-u} u^k du = (-1)^k k! t' psi_k(-h),    m_0 = t' - t.
    """

    def coordinate(self, sigma: float) -> float:
        return -math.log(sigma) if sigma > 0 else math.inf

    def moment(self, k: int, t: float, after: float) -> float:
        if k == 0:
            return after - t
        return (-1) ** k * math.factorial(k) * after * psi(k, math.log(after / t))

    def output(self, x: Tensor, denoised: Tensor, t: float) -> Tensor:
        return (x - denoised) / t

    def combine(self, x: Tensor, outputs: Sequence[Tensor], weights: Sequence[float], t: float, after: float) -> Tensor:
        return _weighted_sum(x, outputs, weights)


@dataclass(frozen=True)
class DataPrediction:
    r"""DPM-Solver++'s form (Lu et al. 2022b, eq. (8) with alpha = 1; solver.exp-integrator), ODE or SDE.

    dx/dlambda = rate (D - x) with rate = 1 for the ODE and 1 + eta for the reverse SDE (solver.sde-dpmpp). In
    u = rate (lambda - lambda_t) the linear part decays as e^{-u}, so the decay is (t'/t)^rate and m_k = k! psi_k(h).
    Decay and weights sum to 1 (a constant D = x stays), so the combination is a chain of lerps.
    """

    rate: float = 1.0

    def coordinate(self, sigma: float) -> float:
        return -self.rate * math.log(sigma) if sigma > 0 else math.inf

    def moment(self, k: int, t: float, after: float) -> float:
        return math.factorial(k) * psi(k, self.coordinate(after) - self.coordinate(t))

    def output(self, x: Tensor, denoised: Tensor, t: float) -> Tensor:
        return denoised

    def combine(self, x: Tensor, outputs: Sequence[Tensor], weights: Sequence[float], t: float, after: float) -> Tensor:
        denoised, mass = outputs[-1], weights[-1]
        for output, weight in zip(outputs[-2::-1], weights[-2::-1], strict=True):
            denoised = torch.lerp(output, denoised, mass / (mass + weight))
            mass += weight
        return torch.lerp(denoised, x, (after / t) ** self.rate)


SLOPE, NOISE, DATA = Slope(), NoisePrediction(), DataPrediction()


@functools.lru_cache(maxsize=4096)
def interpolation_weights(form: Form, levels: tuple[float, ...], after: float) -> tuple[float, ...]:
    """Weights of the outputs at `levels` that integrate their polynomial from levels[0] to `after` exactly.

    Kept, because the next batch asks for the same grid: the host's arithmetic would cost more than the step.
    """
    origin = form.coordinate(levels[0])
    moments = [form.moment(k, levels[0], after) for k in range(len(levels))]
    return tuple(quadrature([form.coordinate(level) - origin for level in levels], moments))
