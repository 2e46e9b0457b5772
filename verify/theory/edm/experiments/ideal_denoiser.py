r"""edm-ideal-denoiser: the softmax average minimises the denoising loss; 35-NFE Heun widens a Gaussian as computed.

**The minimiser.** L(D) = E|D(x) - y|^2 is strictly convex in D, so D minimises it exactly when its first variation
E[h(x) (D(x) - y)] vanishes for every bounded h (edm.ideal-denoiser). It is measured for h = cos(w.x), sin(w.x). For a
wrong D theory gives the first variation as E[h (D - D*)], an integral over x = y_i + sigma n, done by Gauss-Hermite
quadrature. The gaps L(D') - L(D) to perturbed denoisers D' are measured with common random numbers against
L(D') - L(D*) = E|D' - D*|^2 from the same quadrature.

**The sampler.** On N(0, s^2), D(x; t) = x s^2/(s^2 + t^2), so a Heun step from t to t + h multiplies x by
1 + h/2 [f(t) + f(t + h)(1 + h f(t))], f(t) = t/(s^2 + t^2), and the last step by 1 - t f(t). The product over EDM's
default steps (N = 18, rho = 7, 80 to 0.002) times 80/s is the ratio of the sample's standard deviation to the data's:
1.05525 for s = sigma_data = 0.5 with an exact denoiser. It depends on s: see the figure.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache

import torch
from torch import Tensor

from verify.experiments.experiment import (
    Experiment,
    Measurement,
    Picture,
    Prediction,
    Series,
    Setting,
    Text,
    Wrong,
    experiment,
)
from verify.experiments.grids import karras
from verify.experiments.oracles import DataSet, Gaussian
from verify.experiments.samplers import Counted, Denoise, euler, heun
from verify.experiments.statistics import (
    FALSE_ALARM,
    BoundedMean,
    ChiSquare,
    Interval,
    Span,
    around,
    exact,
    exact_blind,
    mean,
)

POINTS = ((0.0, 0.0), (1.0, 0.0), (0.0, 2.0))
SIGMAS = (0.3, 0.5, 1.0)
FREQUENCIES = ((1.5, 0.0), (1.2, 0.8))
ROWS = 400_000
VARIATION_MARGIN = 0.015
GAP_MARGIN = 0.003
# smalldiffusion's IdealDenoiser at x = (0.4, 0.3), sigma = 0.5 on POINTS gives (x - D)/sigma = (-.000851702, .591164).
ANCHOR_X, ANCHOR_SIGMA, ANCHOR = (0.4, 0.3), 0.5, (-0.000851702, 0.591164)
FAR = 60.0

DEVIATIONS = (0.1, 0.5, 1.0, 2.0)
MAIN_DEVIATION = 0.5
LATENT_ROWS, LATENT_DIMENSIONS = 250_000, 4
DEVIATION_MARGIN = 0.01
STEPS, SIGMA_MIN, SIGMA_MAX, RHO = 18, 0.002, 80.0, 7.0
NODES = 48

Build = Callable[[Tensor], Denoise]
Sampler = Callable[[Denoise, Tensor, Sequence[float]], Tensor]
Levels = Callable[[int], list[float]]


# -- denoisers of a finite set: the ideal one and those mistaken for it ---------------------------------------------


def softmax_average(points: Tensor) -> Denoise:
    return DataSet(points).denoise


def half_missing(points: Tensor) -> Denoise:
    """exp(-|x - y|^2/sigma^2): the ideal denoiser of another noise level, sigma/sqrt 2."""
    ideal = DataSet(points).denoise
    return lambda x, sigma: ideal(x, sigma / math.sqrt(2))


def nearest(points: Tensor) -> Denoise:
    return lambda x, sigma: points[torch.cdist(x, points).argmin(1)]


def affine(points: Tensor) -> Denoise:
    """The best affine denoiser, mean + C (C + sigma^2 I)^{-1} (x - mean)."""
    mean = points.mean(0)
    covariance = (points - mean).T @ (points - mean) / len(points)
    identity = torch.eye(points.shape[1], dtype=points.dtype, device=points.device)

    def denoise(x: Tensor, sigma: float) -> Tensor:
        gain = torch.linalg.solve(covariance + sigma**2 * identity, covariance)
        return mean + (x - mean) @ gain

    return denoise


def bare_exponentials(points: Tensor) -> Denoise:
    """The same average without log-sum-exp: right near the data, 0/0 far away."""

    def denoise(x: Tensor, sigma: float) -> Tensor:
        weights = torch.exp(-torch.cdist(x, points).square() / (2 * sigma**2))
        return weights @ points / weights.sum(1, keepdim=True)

    return denoise


# -- samplers mistaken for Algorithm 1 ------------------------------------------------------------------------------


def correction_at_zero(denoise: Denoise, x: Tensor, sigmas: Sequence[float]) -> Tensor:
    """Heun with the correction also at sigma = 0, where the second slope is 0/0."""
    for t, after in zip(sigmas[:-1], sigmas[1:], strict=True):
        d = (x - denoise(x, t)) / t
        y = x + (after - t) * d
        x = x + (after - t) * (d + (y - denoise(y, after)) / after) / 2
    return x


def averaged_denoisers(denoise: Denoise, x: Tensor, sigmas: Sequence[float]) -> Tensor:
    """Averages the two denoiser outputs and takes an Euler step with the mean."""
    for t, after in zip(sigmas[:-1], sigmas[1:], strict=True):
        first = denoise(x, t)
        if after:
            first = (first + denoise(torch.lerp(first, x, after / t), after)) / 2
        x = torch.lerp(first, x, after / t)
    return x


def one_step(denoise: Denoise, x: Tensor, sigmas: Sequence[float]) -> Tensor:
    """A single Euler step from the top to 0."""
    return denoise(x, sigmas[0])


def exact_flow(denoise: Denoise, x: Tensor, sigmas: Sequence[float]) -> Tensor:
    """The ODE's solution on N(0, s^2), x s/sqrt(s^2 + t^2) = x sqrt(D/x): what '18 steps are exact' says comes out."""
    return x * (denoise(x, sigmas[0]) / x).sqrt()


def against_the_slope(denoise: Denoise, x: Tensor, sigmas: Sequence[float]) -> Tensor:
    """Euler with dx/dsigma = (D - x)/sigma."""
    for t, after in zip(sigmas[:-1], sigmas[1:], strict=True):
        x = x + (after - t) * (denoise(x, t) - x) / t
    return x


def unreached_minimum(n: int) -> list[float]:
    """The ramp i/N instead of i/(N-1): sigma_min is never reached."""
    return karras(n + 1, SIGMA_MIN, SIGMA_MAX, RHO)[:-2] + [0.0]


def default_levels(n: int) -> list[float]:
    return karras(n, SIGMA_MIN, SIGMA_MAX, RHO)


# -- closed forms ---------------------------------------------------------------------------------------------------


def heun_gain(deviation: float, sigmas: Sequence[float]) -> float:
    """The factor by which Algorithm 1 multiplies x on N(0, deviation^2)."""

    def f(t: float) -> float:
        return t / (deviation**2 + t**2)

    gain = 1.0
    for t, after in itertools.pairwise(sigmas):
        h = after - t
        gain *= 1 + h / 2 * (f(t) + f(after) * (1 + h * f(t))) if after else 1 + h * f(t)
    return gain


def euler_gain(deviation: float, sigmas: Sequence[float], sign: float = 1.0) -> float:
    """The same for Euler's method; sign -1 for steps against the slope."""
    return math.prod(1 + sign * (after - t) * t / (deviation**2 + t**2) for t, after in itertools.pairwise(sigmas))


def averaged_gain(deviation: float, sigmas: Sequence[float]) -> float:
    """The same when denoiser outputs are averaged; c(t) = s^2/(s^2 + t^2)."""

    def c(t: float) -> float:
        return deviation**2 / (deviation**2 + t**2)

    gain = 1.0
    for t, after in itertools.pairwise(sigmas):
        r = after / t
        first = c(t)
        if after:
            first = (first + c(after) * (first + r * (1 - first))) / 2
        gain *= first + r * (1 - first)
    return gain


@dataclass(frozen=True)
class Method:
    """A denoiser of finite data, a sampler with its noise levels, and the sampler's gain on a Gaussian by formula."""

    build: Build = softmax_average
    sampler: Sampler = heun
    last_step: Sampler = euler
    levels: Levels = default_levels
    gain: Callable[[float, Sequence[float]], float] = heun_gain
    calls: int = 2 * STEPS - 1


@experiment(
    name="edm-ideal-denoiser",
    title={
        "en": "The ideal denoiser minimises the loss; 35-NFE Heun widens a Gaussian by 5.5 %",
        "zh": "理想去噪器使损失最小；35 次求值的 Heun 使高斯的标准差增大 5.5%",
    },
    claims=("edm.ideal-denoiser", "edm.heun-algorithm", "edm.tangent"),
    prediction={
        "en": "The first variation of the denoising loss at the softmax average is zero in every direction. EDM's "
        "default sampler (N = 18, rho = 7, sigma from 80 to 0.002) with an exact denoiser multiplies the standard "
        "deviation of N(0, 0.5²) by 1.05525, the product of its per-step factors; for another deviation the factor is "
        "another.",
        "zh": "去噪损失在 softmax 平均处沿任何方向的一阶变分为零。EDM 的默认采样器（N = 18，ρ = 7，σ 由 80 到 0.002）"
        "配合精确的去噪器，使 N(0, 0.5²) 的标准差乘以 1.05525，即各步因子之积；数据的标准差不同，这个倍数也不同。",
    },
)
class IdealDenoiser(Experiment):
    subject = Method()
    wrong = {
        "half-missing": Wrong(
            {"en": "the 1/2 missing in the exponent", "zh": "指数中缺少 1/2"},
            Method(build=half_missing),
            "variation.cos1.1.1",
        ),
        "nearest": Wrong(
            {"en": "the nearest neighbour at every sigma", "zh": "在每个 σ 上取最近邻"},
            Method(build=nearest),
            "variation.cos1.1.1",
        ),
        "affine": Wrong(
            {"en": "the best affine denoiser", "zh": "最优仿射去噪器"},
            Method(build=affine),
            "gap.shrunk.0.5",
        ),
        "bare-exponentials": Wrong(
            {"en": "no log-sum-exp: NaN far from the data", "zh": "不用 log-sum-exp：远离数据处为 NaN"},
            Method(build=bare_exponentials),
            "far",
            "NVlabs/edm2, toy example",
        ),
        "exact-flow": Wrong(
            {"en": "18 Heun steps taken to be numerically exact", "zh": "以为 18 步 Heun 在数值上是精确的"},
            Method(sampler=exact_flow, gain=lambda s, sigmas: s / math.hypot(s, sigmas[0]), calls=1),
            "variance",
        ),
        "euler": Wrong(
            {"en": "Euler's method", "zh": "Euler 方法"},
            Method(sampler=euler, gain=euler_gain, calls=STEPS),
            "variance",
        ),
        "averaged-denoisers": Wrong(
            {"en": "denoiser outputs averaged instead of slopes", "zh": "对去噪器输出取平均，而不是对斜率取平均"},
            Method(sampler=averaged_denoisers, gain=averaged_gain),
            "variance",
        ),
        "correction-at-zero": Wrong(
            {"en": "the correction also at sigma = 0 (NFE 2N)", "zh": "在 σ = 0 处也做修正（NFE 为 2N）"},
            Method(sampler=correction_at_zero, gain=lambda s, _: math.nan, calls=2 * STEPS),
            "gain.0.5",
        ),
        "one-step": Wrong(
            {"en": "one step suffices: it lands on the posterior mean", "zh": "以为一步即可：其实落在后验均值上"},
            Method(sampler=one_step, gain=lambda s, sigmas: s**2 / (s**2 + sigmas[0] ** 2), calls=1),
            "variance",
        ),
        "against-the-slope": Wrong(
            {"en": "dx/dsigma = (D - x)/sigma", "zh": "dx/dσ 写成 (D − x)/σ"},
            Method(sampler=against_the_slope, last_step=against_the_slope, calls=STEPS,
                   gain=lambda s, sigmas: euler_gain(s, sigmas, -1.0)),
            "tangent",
        ),
        "unreached-minimum": Wrong(
            {"en": "time steps with the ramp i/N", "zh": "时间步写成 i/N"},
            Method(levels=unreached_minimum),
            "gain.0.5",
        ),
    }  # fmt: skip

    # -- predictions --

    @property
    def share(self) -> float:
        """False alarm of each sampled check."""
        return FALSE_ALARM / (len(SIGMAS) * (len(FREQUENCIES) * 4 + len(COMPETITORS)) + 1)

    def _bounded(self, width: float) -> BoundedMean:
        return BoundedMean(ROWS, width, self.share)

    def predict(self) -> dict[str, Prediction]:
        expected = self.expect(self.subject)
        points = self._points(torch.float64)
        predictions = {}

        def bounded(title: Text, value: float, radius: float, width: float, method: str) -> Prediction:
            margin = around(value, radius)
            return Prediction(title, value, margin, self._bounded(width).blind(margin), self.share, method)

        for sigma in SIGMAS:
            for name, width in variation_widths(points, sigma).items():
                title = {
                    "en": f"first variation of the loss, {name.split('.')[1]}, component {name.split('.')[2]}, "
                    f"sigma = {sigma:g}",
                    "zh": f"损失的一阶变分，{name.split('.')[1]}，第 {name.split('.')[2]} 个分量，σ = {sigma:g}",
                }
                predictions[name] = bounded(title, 0.0, VARIATION_MARGIN, width, "empirical Bernstein")
            for competitor, words in COMPETITORS.items():
                name, width = f"gap.{competitor}.{sigma:g}", gap_width(points, competitor)
                title = {key: f"{text}, sigma = {sigma:g}" for key, text in words.items()}
                predictions[name] = bounded(title, expected[name], GAP_MARGIN, width, "paired; empirical Bernstein")
        return predictions | self._exact_predictions() | self._gaussian_predictions(expected)

    def _exact_predictions(self) -> dict[str, Prediction]:
        def arithmetic(title: Text, value: float, tolerance: float) -> Prediction:
            margin = around(value, tolerance)
            return Prediction(title, value, margin, exact_blind(margin, 0.0), 0.0, "arithmetic")

        slack = 1e4 * self.setting.rounding
        # The anchor is printed to 6 digits; half a unit of the last one, and rounding in the dtype.
        printed = 5e-7 + self.setting.rounding * 100
        far = {"en": "distance to the nearest point 60 sigma away", "zh": "在 60σ 之外与最近数据点的距离"}
        tangent = {"en": "Euler step to sigma = 0 minus D", "zh": "Euler 一步到 σ = 0 与 D 之差"}
        predictions = {
            f"anchor.{axis}": arithmetic(
                {"en": f"(x - D)/sigma, component {axis}", "zh": f"(x − D)/σ 的第 {axis} 个分量"},
                value,
                printed,
            )
            for axis, value in enumerate(ANCHOR, 1)
        }
        predictions["far"] = arithmetic(far, 0.0, slack)
        predictions["tangent"] = arithmetic(tangent, 0.0, slack)
        calls = {"en": "evaluations of the denoiser (NFE)", "zh": "去噪器的求值次数（NFE）"}
        predictions["calls"] = replace(arithmetic(calls, 2.0 * STEPS - 1, 0.5), counted=True)
        return predictions

    def _gaussian_predictions(self, expected: dict[str, float]) -> dict[str, Prediction]:
        value, law = expected["variance"], ChiSquare(LATENT_ROWS * LATENT_DIMENSIONS, self.share)
        margin = Span(value * (1 - DEVIATION_MARGIN) ** 2, value * (1 + DEVIATION_MARGIN) ** 2)
        title = {
            "en": f"variance of Heun's samples over that of the data, s = {MAIN_DEVIATION:g}",
            "zh": f"Heun 样本的方差与数据方差之比，s = {MAIN_DEVIATION:g}",
        }
        predictions = {
            "variance": Prediction(title, value, margin, law.blind(margin), self.share, "exact chi-square interval")
        }
        for deviation in DEVIATIONS:
            value = expected[f"gain.{deviation:g}"]
            tolerance = around(value, 200 * self.setting.rounding * value)
            title = {
                "en": f"standard deviation of samples over that of the data, s = {deviation:g} (the linear map itself)",
                "zh": f"样本标准差与数据标准差之比，s = {deviation:g}（线性映射本身）",
            }
            predictions[f"gain.{deviation:g}"] = Prediction(title, value, tolerance, tolerance, 0.0, "arithmetic")
        return predictions

    def expect(self, subject: Method) -> dict[str, float]:
        expected = {}
        points = self._points(torch.float64)
        ideal, denoise = softmax_average(points), subject.build(points)
        for sigma in SIGMAS:
            x, weights = self._quadrature(sigma)
            difference = (denoise(x, sigma) - ideal(x, sigma))[:, :, None] * directions(x)[:, None]
            means = (weights[:, None, None] * difference).sum(0)
            for name, value in zip(variation_widths(points, sigma), means.reshape(-1).tolist(), strict=True):
                expected[name] = value
            for competitor in COMPETITORS:
                other = perturbed(ideal, competitor)(x, sigma)
                before, after = denoise(x, sigma), ideal(x, sigma)
                gap = (other - after).square().sum(1) - (before - after).square().sum(1)
                expected[f"gap.{competitor}.{sigma:g}"] = float((weights * gap).sum())
        levels = subject.levels(STEPS)
        for deviation in DEVIATIONS:
            expected[f"gain.{deviation:g}"] = subject.gain(deviation, levels) * SIGMA_MAX / deviation
        return expected | {
            "variance": expected[f"gain.{MAIN_DEVIATION:g}"] ** 2,
            "calls": float(subject.calls),
        }

    # -- the finite data set --

    def _points(self, dtype: torch.dtype) -> Tensor:
        return torch.tensor(POINTS, dtype=dtype, device=self.setting.device)

    def _quadrature(self, sigma: float) -> tuple[Tensor, Tensor]:
        """Nodes x (M, 2) and weights (M,) of the law of y + sigma n: Gauss-Hermite around every point."""
        nodes, weights = gauss_hermite(NODES)
        grid = torch.cartesian_prod(nodes, nodes).to(self.setting.device)
        product = torch.cartesian_prod(weights, weights).prod(1).to(self.setting.device)
        points = self._points(torch.float64)
        x = (points[:, None] + sigma * grid).reshape(-1, 2)
        return x, product.repeat(len(points)) / len(points)

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        # Most wrong versions change the denoiser or the sampler, not both: each is run once.
        self._denoising, self._sampling = cache(self._run_denoiser), cache(self._run_sampler)

    def measure(self, subject: Method) -> Measurement:
        denoising, sampling = self._denoising(subject.build), self._sampling(subject.sampler, subject.levels)
        return Measurement(denoising | sampling | {"tangent": self._last_step(subject.last_step)})

    def _run_denoiser(self, build: Build) -> dict[str, Interval]:
        """First variations and gaps at noisy data, and two exact values."""
        intervals: dict[str, Interval] = {}
        points, latents = self._points(self.setting.dtype), self.setting.latents
        y = DataSet(points).sample(latents, "ideal-denoiser.data", ROWS)
        noise = latents.normal("ideal-denoiser.noise", ROWS, 2)
        denoise, ideal = build(points), softmax_average(points)
        for sigma in SIGMAS:
            x = y + sigma * noise
            residual = denoise(x, sigma) - y
            products = residual[:, :, None] * directions(x)[:, None]
            widths = variation_widths(points, sigma)
            for (name, width), values in zip(widths.items(), products.reshape(ROWS, -1).T, strict=True):
                intervals[name] = self._bounded(width).interval(values)
            for competitor in COMPETITORS:
                other = perturbed(ideal, competitor)(x, sigma) - y
                gap = other.square().sum(1) - residual.square().sum(1)
                law = self._bounded(gap_width(points, competitor))
                intervals[f"gap.{competitor}.{sigma:g}"] = law.interval(gap)
        x = self.setting.tensor([ANCHOR_X])
        anchor = ((x - denoise(x, ANCHOR_SIGMA)) / ANCHOR_SIGMA)[0].tolist()
        far = denoise(self.setting.tensor([[FAR * ANCHOR_SIGMA, 0.0]]), ANCHOR_SIGMA)
        intervals |= {f"anchor.{axis}": exact(value, 0.0) for axis, value in enumerate(anchor, 1)}
        return intervals | {"far": exact(float((far - points[1]).abs().max()), 0.0)}

    def _last_step(self, sampler: Sampler) -> Interval:
        """How far a step to sigma = 0 lands from D."""
        ideal, x = softmax_average(self._points(self.setting.dtype)), self.setting.tensor([ANCHOR_X])
        landed = sampler(ideal, x, [ANCHOR_SIGMA, 0.0]) - ideal(x, ANCHOR_SIGMA)
        return exact(float(landed.abs().max()), 0.0)

    def _run_sampler(self, sampler: Sampler, levels: Levels) -> dict[str, Interval]:
        """The sampler's factor on one number per deviation, its NFE, and the variance of a whole sample."""
        sigmas, zero = levels(STEPS), self.setting.tensor([0.0])
        intervals = {}
        for deviation in DEVIATIONS:
            counted = Counted(Gaussian(zero, zero + deviation**2).denoise)
            out = sampler(counted, self.setting.tensor([[SIGMA_MAX]]), sigmas)
            intervals[f"gain.{deviation:g}"] = exact(float(out) / deviation, 0.0)
            intervals["calls"] = exact(float(counted.calls), 0.0)
        start = SIGMA_MAX * self.setting.latents.normal("ideal-denoiser.latent", LATENT_ROWS, LATENT_DIMENSIONS)
        out = sampler(Gaussian(zero, zero + MAIN_DEVIATION**2).denoise, start, sigmas)
        law = ChiSquare(out.numel(), self.share)
        return intervals | {"variance": law.interval(mean((out / MAIN_DEVIATION).double().square()))}

    # -- words and figure --

    def picture(self, measurements: dict[str, Measurement]) -> Picture:
        spread = [10 ** (-1.5 + 0.05 * k) for k in range(51)]
        lines = [
            ({"en": "Heun, N = 18, 35 evaluations", "zh": "Heun，N = 18，35 次求值"}, default_levels(18)),
            ({"en": "Heun, N = 36, 71 evaluations", "zh": "Heun，N = 36，71 次求值"}, default_levels(36)),
        ]
        series = [
            Series(title, spread, [heun_gain(s, levels) * SIGMA_MAX / s for s in spread]) for title, levels in lines
        ]
        found = [measurements[""].intervals[f"gain.{s:g}"].estimate for s in DEVIATIONS]
        series.append(Series({"en": "measured", "zh": "实测"}, list(DEVIATIONS), found, "points"))
        return Picture(
            title={"en": "How much EDM's sampler widens a Gaussian", "zh": "EDM 采样器使高斯变宽多少"},
            description={
                "en": "Ratio of the samples' standard deviation to the data's, against the data's, for an exact "
                "denoiser. The curve for 35 evaluations passes 1.055 at 0.5 and falls as the deviation grows.",
                "zh": "使用精确去噪器时，样本标准差与数据标准差之比随数据标准差的变化。"
                "35 次求值的曲线在 0.5 处为 1.055，并随标准差增大而下降。",
            },
            x_title={"en": "standard deviation of the data, s", "zh": "数据的标准差 s"},
            y_title={"en": "standard deviation of samples / s", "zh": "样本标准差 / s"},
            series=series,
            x_log=True,
        )

    def summary(self, measurement: Measurement) -> Text:
        found = measurement.intervals["variance"]
        ratio, low, high = (math.sqrt(v) for v in (found.estimate, found.low, found.high))
        gain = measurement.intervals[f"gain.{MAIN_DEVIATION:g}"].estimate
        largest = max(abs(i.estimate) for name, i in measurement.intervals.items() if name.startswith("variation"))
        return {
            "en": f"For s = {MAIN_DEVIATION:g} the samples' standard deviation is {ratio:.4f} times the data's "
            f"({low:.4f} to {high:.4f}); the factor itself is {gain:.8f}. Largest first variation of the loss: "
            f"{largest:.4f}.",
            "zh": f"s = {MAIN_DEVIATION:g} 时，"
            f"样本标准差为数据的 {ratio:.4f} 倍（{low:.4f} 至 {high:.4f}），该倍数本身为 {gain:.8f}。"
            f"损失一阶变分的最大绝对值为 {largest:.4f}。",
        }


# -- directions and competitors -------------------------------------------------------------------------------------

COMPETITORS: dict[str, Text] = {
    "shifted": {
        "en": "loss of D shifted by 0.1, less the subject's",
        "zh": "D 平移 0.1 后的损失减去受检者的损失",
    },
    "shrunk": {"en": "loss of 0.9 D, less the subject's", "zh": "0.9 D 的损失减去受检者的损失"},
}


def perturbed(ideal: Denoise, competitor: str) -> Denoise:
    """The ideal denoiser pushed off its optimum."""
    if competitor == "shifted":
        return lambda x, sigma: ideal(x, sigma) + 0.1
    return lambda x, sigma: 0.9 * ideal(x, sigma)


def variation_widths(points: Tensor, sigma: float) -> dict[str, float]:
    """Names and ranges of the first variations, in the order of `residual[:, :, None] * directions(x)[:, None]`.

    |h| <= 1, and D* and y lie between the points, so h (D* - y) spans at most twice their range.
    """
    waves = [f"{wave}{number}" for wave in ("cos", "sin") for number in range(1, len(FREQUENCIES) + 1)]
    ranges = (points.amax(0) - points.amin(0)).tolist()
    return {f"variation.{w}.{axis}.{sigma:g}": 2 * r for axis, r in enumerate(ranges, 1) for w in waves}


def gap_width(points: Tensor, competitor: str) -> float:
    """|D' - y|^2 - |D* - y|^2 = (D' - D*).(D' - D* + 2 (D* - y)), with D* and y in the convex hull of the points."""
    push = 0.1 * (math.sqrt(points.shape[1]) if competitor == "shifted" else float(points.norm(dim=1).max()))
    return 2 * push * (push + 2 * float(torch.cdist(points, points).max()))


def directions(x: Tensor) -> Tensor:
    """The test functions h(x), each bounded by 1: (B, 2 len(FREQUENCIES))."""
    phase = x @ torch.tensor(FREQUENCIES, dtype=x.dtype, device=x.device).T
    return torch.cat([phase.cos(), phase.sin()], 1)


def gauss_hermite(count: int) -> tuple[Tensor, Tensor]:
    """Nodes and weights for E f(n), n standard normal: eigenvalues of the Jacobi matrix (Golub & Welsch 1969)."""
    off = torch.arange(1, count, dtype=torch.float64).sqrt()
    nodes, vectors = torch.linalg.eigh(torch.diag(off, 1) + torch.diag(off, -1))
    return nodes, vectors[0].square()
