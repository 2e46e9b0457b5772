r"""rev-hutchinson: the law of one probe's estimate of a trace, and why the probe must stay the same along a path.

The matrix is the Jacobian of a Gaussian's denoiser, J = C (C + sigma^2)^{-1}: symmetric, with off-diagonal entries.
For Gaussian probes z^T J z has the characteristic function prod_k (1 - 2 i w lambda_k)^{-1/2}; for random signs it
takes at most 2^{d-1} values, all of which can be counted. Both laws are tested whole, so their variances 2 |J|_F^2 and
2 sum_{i != j} J_ij^2 (rev.hutchinson) are too. Along a trajectory a Runge-Kutta method keeps its order 4 for a fixed
probe; with a fresh one at every stage the right side is random and no order is left.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from verify.experiments.arithmetic import stated_order
from verify.experiments.experiment import (
    Experiment,
    Measurement,
    Picture,
    Prediction,
    Series,
    Text,
    Wrong,
    experiment,
    slope,
)
from verify.experiments.latents import Latents
from verify.experiments.likelihood import Trace, gaussian_probes, hutchinson, log_likelihood, rademacher_probes
from verify.experiments.oracles.gaussian import Gaussian
from verify.experiments.oracles.mixture import Mixture
from verify.experiments.orders import distance
from verify.experiments.samplers.common import Denoise
from verify.experiments.statistics import (
    FALSE_ALARM,
    BoundedMean,
    CharacteristicFunction,
    Interval,
    Span,
    around,
    exact,
    exact_blind,
    order_interval,
)

COVARIANCE = ((1.0, 0.5, -0.2), (0.5, 0.6, 0.3), (-0.2, 0.3, 0.8))
SIGMA, ROWS = 0.4, 60_000
FREQUENCIES = (0.4, 0.8, 1.3, 1.9, 2.6, 3.5)
COUNTS, FINE = (10, 20, 40, 80), 200
LAW_MARGIN, MEAN_MARGIN, VARIANCE_MARGIN = 0.04, 0.04, 1e-3

Probes = Callable[[Latents, str, int, Tensor], list[Tensor]]


def uniform_probes(latents: Latents, stream: str, count: int, like: Tensor) -> list[Tensor]:
    """Uniform on [-1, 1]: variance 1/3."""
    return [torch.erf(probe / math.sqrt(2)) for probe in gaussian_probes(latents, stream, count, like)]


def fixed(latents: Latents, like: Tensor) -> Trace:
    """One probe of random signs for the whole trajectory."""
    return hutchinson(rademacher_probes(latents, "hutchinson.path", 1, like))


def fresh(latents: Latents, like: Tensor) -> Trace:
    """Another probe at every stage."""
    calls = itertools.count()

    def trace(denoise: Denoise, x: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
        return hutchinson(rademacher_probes(latents, f"hutchinson.path.{next(calls)}", 1, x))(denoise, x, sigma)

    return trace


@dataclass(frozen=True)
class Estimator:
    """Probes of signs and of normals, the one along a path, all vectors of signs; and the share of the trace found."""

    signs: Probes = rademacher_probes
    normals: Probes = gaussian_probes
    path: Callable[[Latents, Tensor], Trace] = fixed
    length: float = 1.0  # of the counted vectors' entries
    share: float = 1.0


@experiment(
    name="rev-hutchinson",
    title={
        "en": "One random probe finds a trace; its variance depends on the kind of probe",
        "zh": "一个随机探测向量就能估计迹，方差取决于探测的种类",
    },
    claims=("rev.hutchinson",),
    prediction={
        "en": "For the Jacobian of a denoiser in three dimensions a probe of signs and one of normals have the laws "
        "computed beforehand, mean tr J and variances 2 |J off the diagonal|² and 2 |J|². Along a path the "
        "log-likelihood converges with order 4 for a fixed probe.",
        "zh": "对三维去噪器的雅可比矩阵，随机正负号与高斯两种探测的估计服从事先算出的分布，均值为 tr J，方差分别为 "
        "2‖J 的非对角部分‖² 与 2‖J‖²。沿一条轨迹使用固定的探测，对数似然以四阶收敛。",
    },
)
class Hutchinson(Experiment):
    subject = Estimator()
    wrong = {
        "uniform-probes": Wrong(
            {"en": "probes uniform on [-1, 1]", "zh": "探测向量在 [−1, 1] 上均匀取值"},
            replace(Estimator(), signs=uniform_probes, share=1 / 3),
            "signs.mean",
        ),
        "normal-for-signs": Wrong(
            {"en": "random signs said to have the law of Gaussian probes", "zh": "声称随机正负号与高斯探测同分布"},
            replace(Estimator(), signs=gaussian_probes),
            "signs.law",
        ),
        "signs-for-normal": Wrong(
            {
                "en": "Gaussian probes said to have the smaller variance of signs",
                "zh": "声称高斯探测也有随机正负号那样小的方差",
            },
            replace(Estimator(), normals=rademacher_probes),
            "normals.law",
        ),
        "wrong-length": Wrong(
            {"en": "signs divided by the root of the dimension", "zh": "正负号除以了维数的平方根"},
            replace(Estimator(), length=1 / math.sqrt(3)),
            "signs.variance",
        ),
        "fresh-probes": Wrong(
            {"en": "a fresh probe at every stage of the solver", "zh": "求解器每一级都换新的探测向量"},
            replace(Estimator(), path=fresh),
            "path",
        ),
    }  # fmt: skip

    @property
    def share(self) -> float:
        """False alarm of each sampled check."""
        return FALSE_ALARM / 3

    @cached_property
    def _covariance(self) -> Tensor:
        return torch.tensor(COVARIANCE, dtype=torch.float64)

    @cached_property
    def _jacobian(self) -> Tensor:
        """C (C + sigma^2)^{-1}, by formula."""
        c = self._covariance
        return c @ torch.linalg.inv(c + SIGMA**2 * torch.eye(3, dtype=torch.float64))

    @cached_property
    def _values(self) -> Tensor:
        """e^T J e for all eight vectors of signs, equally likely."""
        signs = torch.tensor(list(itertools.product([-1.0, 1.0], repeat=3)), dtype=torch.float64)
        return torch.einsum("ki,ij,kj->k", signs, self._jacobian, signs)

    def _signs(self, w: Tensor) -> Tensor:
        return torch.exp(1j * w[:, :1] * self._values).mean(1)

    def _normals(self, w: Tensor) -> Tensor:
        return (1 - 2j * w[:, :1] * torch.linalg.eigvalsh(self._jacobian)).pow(-0.5).prod(1)

    def _law(self, characteristic: Callable[[Tensor], Tensor]) -> CharacteristicFunction:
        w = torch.tensor(FREQUENCIES, dtype=torch.float64)[:, None]
        return CharacteristicFunction.of(characteristic, w, ROWS, self.share)

    @property
    def _mean(self) -> BoundedMean:
        """A probe of signs, or a shorter one, gives between 0 and the largest value: J is positive."""
        return BoundedMean(ROWS, float(self._values.max()), self.share)

    def _variance(self) -> float:
        """2 sum of squares of J off its diagonal."""
        return 2 * float((self._jacobian - self._jacobian.diag().diag()).square().sum())

    @property
    def _rounding(self) -> float:
        return 100 * self.setting.rounding

    def predict(self) -> dict[str, Prediction]:
        near, trace, spread = Span(-math.inf, LAW_MARGIN), float(self._jacobian.trace()), self._variance()
        centre, small = around(trace, MEAN_MARGIN), around(spread, VARIANCE_MARGIN)
        law = {
            "signs": (
                {"en": "distance from the law of e'Je, signs", "zh": "与 e'Je 的分布之差，随机正负号"},
                self._signs,
            ),
            "normals": (
                {"en": "distance from the law of z'Jz, normals", "zh": "与 z'Jz 的分布之差，高斯"},
                self._normals,
            ),
        }
        found = {
            f"{name}.law": Prediction(
                title, 0.0, near, self._law(f).blind(near), self.share, "characteristic function; Bernstein"
            )
            for name, (title, f) in law.items()
        }
        return found | {
            "signs.mean": Prediction(
                {"en": "mean of e'Je, signs", "zh": "e'Je 的均值，随机正负号"},
                trace, centre, self._mean.blind(centre), self.share, "empirical Bernstein",
            ),
            "signs.variance": Prediction(
                {"en": "variance of e'Je over all eight vectors of signs", "zh": "e'Je 对全部八个正负号向量的方差"},
                spread, small, exact_blind(small, self._rounding), 0.0, "all cases counted",
            ),
            "path": stated_order(
                {"en": "order of the log-likelihood along a path", "zh": "沿轨迹对数似然的收敛阶"}, 4.0, 0.25, unit=1e8
            ),
        }  # fmt: skip

    def expect(self, subject: Estimator) -> dict[str, float]:
        laws = {rademacher_probes: self._signs, gaussian_probes: self._normals}
        w = torch.tensor(FREQUENCIES, dtype=torch.float64)[:, None]
        found = {
            f"{name}.law": self._law(right).distance(laws[probes](w))
            for name, right, probes in (
                ("signs", self._signs, subject.signs),
                ("normals", self._normals, subject.normals),
            )
            if probes in laws
        }
        found |= {"signs.mean": subject.share * float(self._jacobian.trace())}
        found |= {"signs.variance": subject.length**4 * self._variance()}
        return found | ({"path": 4.0} if subject.path is fixed else {})

    def measure(self, subject: Estimator) -> Measurement:
        signs, normals = (self._estimates(kind) for kind in (subject.signs, subject.normals))
        errors = self._path_errors(subject.path)
        return Measurement(
            {
                "signs.law": self._law(self._signs).interval(signs[:, None]),
                "normals.law": self._law(self._normals).interval(normals[:, None]),
                "signs.mean": self._mean.interval(signs),
                "signs.variance": self._counted(subject),
                "path": order_interval([1 / n for n in COUNTS], errors, torch.finfo(torch.float64).eps),
            },
            {"errors": errors, "signs": signs, "normals": normals},
        )

    @cached_property
    def _target(self) -> Gaussian:
        covariance = self._covariance.to(self.setting.device)
        return Gaussian.with_covariance(torch.zeros_like(covariance[0]), covariance)

    @cached_property
    def _known(self) -> dict[object, Any]:
        """What was measured already: a wrong version differs from the right one in one part."""
        return {}

    def _estimates(self, kind: Probes) -> Tensor:
        """One estimate of tr dD/dx for each row, each with a probe of its own."""
        if kind not in self._known:
            x = self.setting.latents.normal("hutchinson.x", ROWS, 3)
            probes = kind(self.setting.latents, "hutchinson.probe", 1, x)
            self._known[kind] = hutchinson(probes)(self._target.denoise, x, SIGMA)[1]
        return self._known[kind]

    def _counted(self, subject: Estimator) -> Interval:
        """Variance of the estimate over all eight vectors of signs."""
        x = self.setting.tensor([[0.3, -0.5, 1.1]])
        estimates = [
            hutchinson([subject.length * self.setting.tensor([signs])])(self._target.denoise, x, SIGMA)[1].double()
            for signs in itertools.product([-1.0, 1.0], repeat=3)
        ]
        return exact(float(torch.cat(estimates).var(correction=0)), self._rounding)

    def _path_errors(self, path: Callable[[Latents, Tensor], Trace]) -> list[float]:
        """On a mixture in the plane, against many more steps with the same probe; float64, as orders need."""
        if path in self._known:
            return self._known[path]
        values = [0.3, 0.7], [[-1.0, 0.2], [0.8, -0.4]], [[[0.3, 0.2], [0.2, 0.25]], [[0.2, -0.1], [-0.1, 0.4]]]
        double = (torch.tensor(v, dtype=torch.float64, device=self.setting.device) for v in values)
        target = Mixture.with_covariances(*double)
        x = target.sample(self.setting.latents, "hutchinson.data", 32).double()

        def run(count: int, trace: Trace) -> Tensor:
            sigmas = [0.25 * 32 ** (i / count) for i in range(count + 1)]
            return log_likelihood(target.denoise, x, sigmas, lambda y: target.log_density(y, sigmas[-1]), trace)[0]

        reference = run(FINE, fixed(self.setting.latents, x))
        self._known[path] = [distance(run(count, path(self.setting.latents, x)), reference) for count in COUNTS]
        return self._known[path]

    def picture(self, measurements: dict[str, Measurement]) -> Picture:
        counts = [float(n) for n in COUNTS]
        right, other = measurements[""].traces["errors"], measurements["fresh-probes"].traces["errors"]
        return Picture(
            title={"en": "A fixed probe and fresh ones along a path", "zh": "沿轨迹使用固定探测与不断更换的探测"},
            description={
                "en": "Error of the log-likelihood against the number of Runge-Kutta steps, logarithmic axes. With one "
                f"probe for the whole path it falls with slope four to {right[-1]:.1e}; with a fresh probe at every "
                f"stage it is still {other[-1]:.2f}, whatever the steps.",
                "zh": "对数似然的误差随龙格－库塔步数的变化，双对数坐标。整条轨迹用同一个探测，误差以四阶降到 "
                f"{right[-1]:.1e}；每一级都换探测，误差仍有 {other[-1]:.2f}，加多少步也无济于事。",
            },
            x_title={"en": "steps", "zh": "步数"},
            y_title={"en": "root mean square error in nats", "zh": "均方根误差（奈特）"},
            series=[
                Series({"en": "fixed probe", "zh": "固定的探测"}, counts, right, "marked"),
                Series({"en": "fresh probes", "zh": "不断更换的探测"}, counts, other, "marked"),
            ],
            guides=[slope((counts[-1], right[-1]), counts[0], -4)],
            x_log=True,
            y_log=True,
        )

    def summary(self, measurement: Measurement) -> Text:
        found = {name: interval.estimate for name, interval in measurement.intervals.items()}
        signs, normals = (float(measurement.traces[k].double().var()) for k in ("signs", "normals"))
        trace, spread = float(self._jacobian.trace()), 2 * float(self._jacobian.square().sum())
        return {
            "en": f"tr J = {trace:.4f}, estimated {found['signs.mean']:.4f} with signs. Variance "
            f"of one estimate: {signs:.3f} with signs, {normals:.3f} with normals, where theory gives "
            f"{self._variance():.3f} and {spread:.3f}.",
            "zh": f"tr J = {trace:.4f}，用随机正负号估得 {found['signs.mean']:.4f}。单次估计的方差："
            f"随机正负号 {signs:.3f}，高斯 {normals:.3f}；理论值为 {self._variance():.3f} 与 "
            f"{spread:.3f}。",
        }
