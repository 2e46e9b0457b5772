r"""The paths of the literature, each with its derivatives and the time of a noise level in closed form."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from verify.experiments.paths.path import Curve, Path

ONE, ZERO = Curve(torch.ones_like), Curve(torch.zeros_like)


@dataclass(frozen=True)
class LinearRate:
    """beta(t) = beta_min + (beta_max - beta_min) t on [0, 1], and its integral B(t)."""

    beta_min: float
    beta_max: float

    def rate(self, t: Tensor) -> Tensor:
        return self.beta_min + (self.beta_max - self.beta_min) * t

    def integral(self, t: Tensor) -> Tensor:
        return (self.beta_min + 0.5 * (self.beta_max - self.beta_min) * t) * t

    def time(self, integral: Tensor) -> Tensor:
        """The t with B(t) = integral, in the form of the root that does not cancel (sched.logsnr-linear-vp)."""
        root = (self.beta_min**2 + 2 * (self.beta_max - self.beta_min) * integral).sqrt()
        return 2 * integral / (root + self.beta_min)

    def alpha(self, t: Tensor) -> Tensor:
        return torch.exp(-0.5 * self.integral(t))

    def alpha_dot(self, t: Tensor) -> Tensor:
        return -0.5 * self.rate(t) * self.alpha(t)


def vp_linear(beta_min: float = 0.1, beta_max: float = 20.0) -> Path:
    r"""Variance preserving, linear rate (Song et al. 2021, eq. (29); sde.vp-kernel, edm.vp-row).

    alpha = e^{-B/2}, sigma^2 = 1 - e^{-B}. Then sigma sigma' = -alpha alpha' and level^2 = e^B - 1.
    """
    beta = LinearRate(beta_min, beta_max)

    def sigma(t: Tensor) -> Tensor:
        return (-torch.expm1(-beta.integral(t))).sqrt()

    return Path(
        "vp-linear",
        alpha=Curve(beta.alpha),
        sigma=Curve(sigma),
        alpha_dot=Curve(beta.alpha_dot),
        sigma_dot=Curve(lambda t: 0.5 * beta.rate(t) * beta.alpha(t) ** 2 / sigma(t)),
        noisy=1.0,
        clean=0.0,
        inverse=Curve(lambda level: beta.time(torch.log1p(level**2))),
    )


def sub_vp(beta_min: float = 0.1, beta_max: float = 20.0) -> Path:
    r"""The sub-VP SDE (Song et al. 2021, eq. (29); sde.subvp-kernel): alpha = e^{-B/2}, sigma = 1 - alpha^2.

    level = e^{B/2} - e^{-B/2} = 2 sinh(B/2). Not the `sub_vp_line` (sde.subvp-name-clash).
    """
    beta = LinearRate(beta_min, beta_max)
    return Path(
        "sub-vp",
        alpha=Curve(beta.alpha),
        sigma=Curve(lambda t: -torch.expm1(-beta.integral(t))),
        alpha_dot=Curve(beta.alpha_dot),
        sigma_dot=Curve(lambda t: beta.rate(t) * beta.alpha(t) ** 2),
        noisy=1.0,
        clean=0.0,
        inverse=Curve(lambda level: beta.time(2 * torch.asinh(0.5 * level))),
    )


def sub_vp_line(beta_min: float = 0.1, beta_max: float = 20.0) -> Path:
    r"""The other kernel called sub-VP (sde.subvp-name-clash): sigma = 1 - alpha, the line of rectified flow.

    Here at the alpha of the VP SDE, so that the two can be compared at equal alpha: their sigmas differ by the
    factor 1 + alpha. level = e^{B/2} - 1.
    """
    beta = LinearRate(beta_min, beta_max)
    return Path(
        "sub-vp-line",
        alpha=Curve(beta.alpha),
        sigma=Curve(lambda t: -torch.expm1(-0.5 * beta.integral(t))),
        alpha_dot=Curve(beta.alpha_dot),
        sigma_dot=Curve(lambda t: -beta.alpha_dot(t)),
        noisy=1.0,
        clean=0.0,
        inverse=Curve(lambda level: beta.time(2 * torch.log1p(level))),
    )


def cosine(offset: float = 0.0) -> Path:
    r"""The cosine schedule in continuous time (Nichol & Dhariwal 2021, eq. (17); sched.cosine).

    alpha^2 = f(t)/f(0), f = cos^2 u, u = (t + s)/(1 + s) pi/2, sigma^2 = 1 - alpha^2; the paper's offset s is 0.008,
    and s = 0 gives alpha = cos(pi t/2), sigma = sin(pi t/2). With u_0 = u(0) nothing cancels in

        sigma^2 = (cos^2 u_0 - cos^2 u)/cos^2 u_0 = sin(u - u_0) sin(u + u_0)/cos^2 u_0,
        tan u = sqrt(level^2 + sin^2 u_0)/cos u_0.
    """
    rate = 0.5 * math.pi / (1 + offset)
    start = rate * offset

    def alpha(t: Tensor) -> Tensor:
        return torch.cos(rate * (t + offset)) / math.cos(start)

    def alpha_dot(t: Tensor) -> Tensor:
        return -rate * torch.sin(rate * (t + offset)) / math.cos(start)

    def sigma(t: Tensor) -> Tensor:
        if offset == 0:
            return torch.sin(rate * t)
        return (torch.sin(rate * t) * torch.sin(rate * (t + 2 * offset))).sqrt() / math.cos(start)

    def sigma_dot(t: Tensor) -> Tensor:
        return rate * torch.cos(rate * t) if offset == 0 else -alpha(t) * alpha_dot(t) / sigma(t)

    def time(level: Tensor) -> Tensor:
        return torch.atan((level**2 + math.sin(start) ** 2).sqrt() / math.cos(start)) / rate - offset

    name = "cosine" if offset == 0 else f"cosine-{offset:g}"
    return Path(name, Curve(alpha), Curve(sigma), Curve(alpha_dot), Curve(sigma_dot), 1.0, 0.0, Curve(time))


def ve(sigma_min: float = 0.01, sigma_max: float = 50.0, from_data: bool = False) -> Path:
    r"""Variance exploding (Song et al. 2021, eq. (30); sde.ve-kernel): alpha = 1, sigma = sigma_min r^t, r = max/min.

    The SDE started from clean data has variance sigma_min^2 (r^{2t} - 1) instead (sde.ve-offset): `from_data`.
    """
    rate = math.log(sigma_max / sigma_min)

    def geometric(t: Tensor) -> Tensor:
        return sigma_min * torch.exp(rate * t)

    def offset(t: Tensor) -> Tensor:
        return sigma_min * torch.expm1(2 * rate * t).sqrt()

    return Path(
        "ve-from-data" if from_data else "ve",
        alpha=ONE,
        sigma=Curve(offset if from_data else geometric),
        alpha_dot=ZERO,
        sigma_dot=Curve(lambda t: rate * geometric(t) * (geometric(t) / offset(t) if from_data else 1.0)),
        noisy=1.0,
        clean=0.0,
        inverse=Curve(
            lambda level: (
                0.5 * torch.log1p((level / sigma_min) ** 2) if from_data else torch.log(level / sigma_min)
            ) / rate
        ),
    )


def brownian(sigma_min: float = 0.02, sigma_max: float = 100.0) -> Path:
    """The VE row of Karras et al. 2022, Table 1 (edm.ve-row): alpha = 1, sigma = sqrt t, the kernel of dx = dw."""
    return Path(
        "brownian",
        alpha=ONE,
        sigma=Curve(torch.sqrt),
        alpha_dot=ZERO,
        sigma_dot=Curve(lambda t: 0.5 / t.sqrt()),
        noisy=sigma_max**2,
        clean=sigma_min**2,
        inverse=Curve(torch.square),
    )


def edm(sigma_max: float = 80.0) -> Path:
    """EDM (Karras et al. 2022, Table 1; edm.tangent): alpha = 1, sigma = t."""
    return Path("edm", ONE, Curve(torch.clone), ZERO, ONE, sigma_max, 0.0, Curve(torch.clone))


def flow_matching(data_at: int = 0, sigma_min: float = 0.0) -> Path:
    r"""The straight line from noise to data (sched.cond-ot): alpha = 1 - t, sigma = sigma_min + (1 - sigma_min) t.

    data_at = 0 has the data at t = 0 (SD3), data_at = 1 at t = 1 (Lipman et al. 2023; fm.conditional-velocity). A
    positive sigma_min leaves that much noise on the data. level = sigma/(1 - t) gives t = (level - sigma_min)/
    (level + 1 - sigma_min), written in 1/level where that is small, as level may be infinite.
    """
    slope = 1 - sigma_min

    def time(level: Tensor) -> Tensor:
        by_inverse = (1 - sigma_min / level) / (1 + slope / level)
        return torch.where(level > 1, by_inverse, (level - sigma_min) / (level + slope))

    line = Path(
        "flow-matching",
        alpha=Curve(lambda t: 1 - t),
        sigma=Curve(lambda t: sigma_min + slope * t),
        alpha_dot=Curve(lambda t: -torch.ones_like(t)),
        sigma_dot=Curve(lambda t: torch.full_like(t, slope)),
        noisy=1.0,
        clean=0.0,
        inverse=Curve(time),
    )
    if data_at not in (0, 1):
        raise ValueError(f"the data of flow matching are at t = 0 or t = 1, not {data_at}")
    return line if data_at == 0 else flipped(line)


def flipped(path: Path) -> Path:
    """The same path with time t -> noisy + clean - t: velocities change their sign."""
    ends = path.noisy + path.clean

    def turned(curve: Curve, sign: float = 1.0) -> Curve:
        return Curve(lambda t: sign * curve.function(ends - t))

    return Path(
        f"{path.name}-flipped",
        alpha=turned(path.alpha),
        sigma=turned(path.sigma),
        alpha_dot=turned(path.alpha_dot, -1.0),
        sigma_dot=turned(path.sigma_dot, -1.0),
        noisy=path.clean,
        clean=path.noisy,
        inverse=Curve(lambda level: ends - path.time_of(level)),
    )


def shifted(path: Path, shift: float) -> Path:
    r"""The same path with every noise level multiplied by `shift`, logSNR - 2 ln shift (sched.shift).

    It is the path at the time tau(t) with level(tau) = shift level(t); on flow matching tau = s t/(1 + (s - 1) t), the
    form of SD3. From level' = w/alpha^2 with w = sigma' alpha - sigma alpha',

        tau' = shift w(t)/w(tau) r^2,     r = alpha(tau)/alpha(t) = sigma(tau)/(shift sigma(t)),

    the first form of r near the data, the second near the noise, where alpha may vanish. Time ends where the original
    path does: a path that stops at a finite level or short of 0 loses that part of its time.
    """
    if not shift > 0:
        raise ValueError(f"a shift multiplies noise levels and must be positive, not {shift:g}")

    def tau(t: Tensor) -> Tensor:
        return path.time_of(shift * path.noise_level(t))

    def tau_dot(t: Tensor) -> Tensor:
        later = tau(t)
        near_data = path.alpha(t) > path.sigma(t)
        top = torch.where(near_data, path.alpha(later), path.sigma(later))
        ratio = top / torch.where(near_data, path.alpha(t), shift * path.sigma(t))
        return shift * path.wronskian(t) / path.wronskian(later) * ratio**2

    return Path(
        f"{path.name}-shift-{shift:g}",
        alpha=Curve(lambda t: path.alpha(tau(t))),
        sigma=Curve(lambda t: path.sigma(tau(t))),
        alpha_dot=Curve(lambda t: path.alpha_dot(tau(t)) * tau_dot(t)),
        sigma_dot=Curve(lambda t: path.sigma_dot(tau(t)) * tau_dot(t)),
        noisy=path.time_of(path.noise_level(path.noisy) / max(shift, 1.0)),
        clean=path.time_of(path.noise_level(path.clean) / min(shift, 1.0)),
        inverse=Curve(lambda level: path.time_of(level / shift)),
    )


def from_functions(
    alpha: Callable[[Tensor], Tensor],
    sigma: Callable[[Tensor], Tensor],
    noisy: float = 1.0,
    clean: float = 0.0,
    name: str = "custom",
) -> Path:
    """Any path from alpha(t) and sigma(t), written with torch; derivatives by automatic differentiation in float64."""
    path = Path(name, Curve(alpha), Curve(sigma), _derivative(alpha), _derivative(sigma), noisy, clean)
    times = torch.linspace(noisy, clean, 513, dtype=torch.float64)
    for label, function in (("alpha", alpha), ("sigma", sigma)):
        values = function(times)
        if not isinstance(values, Tensor) or values.shape != times.shape:
            raise ValueError(f"{label} of the path {name} must map a tensor of times to one of its shape, with torch")
        bad = times[~(values.isfinite() & (values >= 0))]
        if len(bad):
            raise ValueError(f"{label} of the path {name} is negative or not finite at t = {float(bad[0]):g}")
    levels = path.noise_level(times)
    rising = times[1:][~(levels.diff() < 0)]
    if len(rising):
        raise ValueError(
            f"the noise level of the path {name} must fall from noisy to clean, not rise at t = {float(rising[0]):g}"
        )
    return path


def _derivative(function: Callable[[Tensor], Tensor]) -> Curve:
    def dot(t: Tensor) -> Tensor:
        with torch.enable_grad():
            moving = t.detach().clone().requires_grad_(True)
            value = function(moving)
            if not value.requires_grad:  # a constant
                return torch.zeros_like(t)
            return torch.autograd.grad(value.sum(), moving)[0]

    return Curve(dot)
