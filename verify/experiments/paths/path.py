r"""A Gaussian path x_t = alpha(t) y + sigma(t) n, and how everything on it follows from one oracle in sigma-space.

Divided by alpha it is y + (sigma/alpha) n. One function D(x; sigma) therefore serves every path (edm.ode;
graft.denoiser-invariance): with level = sigma/alpha,

    E[y | x_t] = D(x_t/alpha; level),     E[n | x_t] = -level score(x_t/alpha; level),     grad log p_t = score / alpha.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import overload

import torch
from torch import Tensor

from verify.experiments.oracles.protocol import Oracle, Sigma, column
from verify.experiments.paths.parameterisations import Kind, Point, convert

HALVINGS = 128  # of the time interval: below the rounding of any time that is not 0


@dataclass(frozen=True)
class Curve:
    """A function of time, written with torch for float64 tensors: a number gives a number, a tensor a tensor."""

    function: Callable[[Tensor], Tensor]

    @overload
    def __call__(self, t: float) -> float: ...
    @overload
    def __call__(self, t: Tensor) -> Tensor: ...
    def __call__(self, t: Sigma) -> Sigma:
        if isinstance(t, Tensor):
            return self.function(t.double())
        return float(self.function(torch.tensor(t, dtype=torch.float64)))


@dataclass(frozen=True)
class Path:
    """x_t = alpha(t) y + sigma(t) n from t = noisy to t = clean, with the derivatives of alpha and sigma in t.

    The noise level sigma/alpha falls from `noisy` to `clean`; it may be infinite at `noisy` and 0 at `clean`. Times are
    numbers or one per row, (B,). `inverse` is the time of a noise level in closed form; without it time is bisected.
    """

    name: str
    alpha: Curve
    sigma: Curve
    alpha_dot: Curve
    sigma_dot: Curve
    noisy: float
    clean: float
    inverse: Curve | None = None

    @overload
    def noise_level(self, t: float) -> float: ...
    @overload
    def noise_level(self, t: Tensor) -> Tensor: ...
    def noise_level(self, t: Sigma) -> Sigma:
        """sigma/alpha: the level of the same noise in sigma-space."""
        return Curve(lambda t: self.sigma(t) / self.alpha(t))(t)

    def wronskian(self, t: Tensor) -> Tensor:
        """w = sigma' alpha - sigma alpha', finite also where alpha = 0 and the noise level is not."""
        return self.sigma_dot(t) * self.alpha(t) - self.sigma(t) * self.alpha_dot(t)

    def noise_level_dot(self, t: Tensor) -> Tensor:
        """Derivative of the noise level in t, w/alpha^2."""
        return self.wronskian(t) / self.alpha(t) ** 2

    @overload
    def logsnr(self, t: float) -> float: ...
    @overload
    def logsnr(self, t: Tensor) -> Tensor: ...
    def logsnr(self, t: Sigma) -> Sigma:
        """ln(alpha^2/sigma^2), the full logSNR; some papers call half of it lambda (notation.half-logsnr)."""
        return Curve(lambda t: 2 * (self.alpha(t).log() - self.sigma(t).log()))(t)

    @overload
    def time_of(self, level: float) -> float: ...
    @overload
    def time_of(self, level: Tensor) -> Tensor: ...
    def time_of(self, level: Sigma) -> Sigma:
        """The t with noise_level(t) = level. A level that the path does not reach is a ValueError."""
        high, low = self._levels
        if not isinstance(level, Tensor) or level.device.type == "cpu":  # on a device the test would wait for it
            values = torch.as_tensor(level, dtype=torch.float64)
            outside = values[~((values >= low * (1 - 1e-9)) & (values <= high * (1 + 1e-9)))]
            if len(outside.reshape(-1)):
                raise ValueError(
                    f"the path {self.name} has no noise level {float(outside.reshape(-1)[0]):g}: it runs from {high:g} "
                    f"at t = {self.noisy:g} to {low:g} at t = {self.clean:g}"
                )
        function = self.inverse.function if self.inverse else self._bisect
        first, last = sorted((self.noisy, self.clean))
        return Curve(lambda v: function(v).clamp(first, last))(level)

    @cached_property
    def _levels(self) -> tuple[float, float]:
        return self.noise_level(self.noisy), self.noise_level(self.clean)

    def _bisect(self, level: Tensor) -> Tensor:
        low, high = torch.full_like(level, self.clean), torch.full_like(level, self.noisy)
        for _ in range(HALVINGS):
            middle = 0.5 * (low + high)
            below = self.noise_level(middle) < level
            low, high = torch.where(below, middle, low), torch.where(below, high, middle)
        return high

    @overload
    def drift(self, t: float) -> float: ...
    @overload
    def drift(self, t: Tensor) -> Tensor: ...
    def drift(self, t: Sigma) -> Sigma:
        r"""f of the SDE dx = f x dt + g dw whose kernels are this path: f = alpha'/alpha (sde.linear-solution)."""
        return Curve(lambda t: self.alpha_dot(t) / self.alpha(t))(t)

    @overload
    def diffusion_square(self, t: float) -> float: ...
    @overload
    def diffusion_square(self, t: Tensor) -> Tensor: ...
    def diffusion_square(self, t: Sigma) -> Sigma:
        r"""g^2 of that SDE, from (sigma^2)' = 2 f sigma^2 + g^2; for data at the greater time g^2 is negative there:
        its SDE runs backwards in t.
        """
        return Curve(lambda t: 2 * self.sigma(t) * (self.sigma_dot(t) - self.drift(t) * self.sigma(t)))(t)

    def perturb(self, y: Tensor, noise: Tensor, t: Sigma) -> Tensor:
        """x_t = alpha y + sigma n, (B, d)."""
        return column(self.alpha(t), y) * y + column(self.sigma(t), y) * noise

    def denoise(self, oracle: Oracle, x: Tensor, t: Sigma) -> Tensor:
        """E[y | x_t = x], (B, d)."""
        return oracle.denoise(*self._in_sigma_space(x, t))

    def score(self, oracle: Oracle, x: Tensor, t: Sigma) -> Tensor:
        """Gradient of log p_t at x, (B, d)."""
        return oracle.score(*self._in_sigma_space(x, t)) / column(self.alpha(t), x)

    def epsilon(self, oracle: Oracle, x: Tensor, t: Sigma) -> Tensor:
        """E[n | x_t = x], (B, d)."""
        return oracle.velocity(*self._in_sigma_space(x, t))

    def velocity(self, oracle: Oracle, x: Tensor, t: Sigma) -> Tensor:
        """E[alpha' y + sigma' n | x_t = x], (B, d): the field of the probability-flow ODE (fm.velocity-from-denoiser).

        Denoiser and noise are both asked of the oracle: to get one from the other would cancel at an end of the path.
        """
        moved, level = self._in_sigma_space(x, t)
        clean, noise = oracle.denoise(moved, level), oracle.velocity(moved, level)
        return column(self.alpha_dot(t), x) * clean + column(self.sigma_dot(t), x) * noise

    def log_density(self, oracle: Oracle, x: Tensor, t: Sigma) -> Tensor:
        """log p_t(x), (B,): x -> x/alpha has the Jacobian alpha^-d."""
        alpha = self.alpha(t)
        log_alpha = alpha.log().to(x) if isinstance(alpha, Tensor) else math.log(alpha)
        return oracle.log_density(*self._in_sigma_space(x, t)) - x.shape[-1] * log_alpha

    def convert(
        self, value: Tensor, x: Tensor, t: Sigma, source: Kind, target: Kind, sigma_data: float = 1.0
    ) -> Tensor:
        """A prediction of one kind at x_t = x as another kind: see `parameterisations.convert`."""
        return convert(value, x, self.point(t, sigma_data), source, target)

    def as_denoiser(
        self, predict: Callable[[Tensor, float], Tensor], kind: Kind, sigma_data: float = 1.0
    ) -> Callable[[Tensor, float], Tensor]:
        """D(x; sigma) for the samplers, from a network that sees (x_t, t) and predicts `kind`."""

        def denoise(x: Tensor, sigma: float) -> Tensor:
            t = self.time_of(sigma)
            on_path = self.alpha(t) * x
            return self.convert(predict(on_path, t), on_path, t, kind, "denoiser", sigma_data)

        return denoise

    def point(self, t: Sigma, sigma_data: float = 1.0) -> Point:
        """The coefficients at t, numbers or one per row (B,)."""
        return Point(self.alpha(t), self.sigma(t), self.alpha_dot(t), self.sigma_dot(t), sigma_data)

    def _in_sigma_space(self, x: Tensor, t: Sigma) -> tuple[Tensor, Sigma]:
        """x_t/alpha and the noise level."""
        alpha = self.alpha(t)
        if not isinstance(alpha, Tensor) and alpha == 0:
            raise ValueError(f"the path {self.name} is pure noise at t = {t:g}: alpha = 0, and x_t/alpha is not finite")
        return x / column(alpha, x), self.noise_level(t)
