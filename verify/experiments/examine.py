r"""A look at somebody's sampler before it is trusted: its order, its law, the first step that differs from another's.

    examine.deterministic(sampler, order=2)      sampler(denoise, x, sigmas): the probability-flow ODE, any history
    examine.stochastic(sampler)                  sampler(denoise, x, sigmas, noise): takes z_i as noise(i)
    examine.alike(sampler, reference)            the same numbers as another sampler, step by step
    examine.denoiser(denoise, dimensions=2)      a denoiser or an oracle, see `verify.experiments.oracles.examine`

Each takes seconds on a CPU and raises `Fault` with one sentence at the first fault. The first two return what they
measured. sigmas is a falling list of Python floats; denoise(x, sigma) is exact, so every error is the sampler's own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from verify.experiments.affine import Law, law
from verify.experiments.experiment import Setting
from verify.experiments.grids import karras
from verify.experiments.oracles import Fault, Gaussian
from verify.experiments.oracles import examine as denoiser
from verify.experiments.orders import Exact, distance, global_errors, trajectory
from verify.experiments.samplers import Denoise, Noise
from verify.experiments.statistics import CONFIRMED, INCONCLUSIVE, Interval, Span, order_interval, verdict
from verify.experiments.targets import two_clouds

__all__ = ["Fault", "alike", "denoiser", "deterministic", "stochastic"]

Sampler = Callable[..., Tensor]
TOP, MIDDLE, BOTTOM = 5.0, 1.0, 0.3
COUNTS = (32, 64, 128, 256, 512)
SIZES = tuple(0.1 / 2 ** (k / 2) for k in range(8))
RATIOS = (1.0, 0.7, 1.6, 0.8, 3.0, 0.7)  # steps before the last one, in its length: equal steps hide a ratio inverted
ROWS = 16
MARGIN = 0.25
MEAN, DEVIATION = 0.4, 0.5
ALIKE = 1e-9  # two orders of summation differ by less, two formulas by more
ROUNDING = torch.finfo(torch.float64).eps


def deterministic(sampler: Sampler, order: int, to_zero: bool = True) -> dict[str, Interval]:
    r"""A sampler of the probability-flow ODE that is said to be of this order, on a mixture in the plane.

    Over a run the error falls like the power `order` of the step. Of one step from sigma = 1 it falls like the power
    order + 1 of its length in ln sigma, after steps of unequal length: the run up to that step gives the exact flow's
    start, so that a multistep rule has a history as good as its own steps, and errors that telescope over a run show.
    Levels that end in 0 must give finite numbers, unless `to_zero` is False. Returns both orders, "run" and "step".
    """
    setting, target = Setting(), two_clouds()
    points = 1.2 * setting.latents.normal("examine.points", ROWS, 2)
    exact = trajectory(target.denoise, points, MIDDLE)
    (start,) = exact([TOP])
    _sound(sampler, target.denoise, start, to_zero)
    found = {}
    errors = global_errors(sampler, target.denoise, exact, _grid, COUNTS)
    found["run"] = _order("the error of a run", [1 / n for n in COUNTS], errors, order, order)
    steps = [_last_step(sampler, target.denoise, exact, h) for h in SIZES]
    found["step"] = _order("the error of one step", SIZES, steps, order + 1, order)
    return found


def stochastic(sampler: Sampler, order: float = 1.0, to_zero: bool = True) -> Interval:
    r"""A sampler with fresh noise, on N(0.4, 0.5^2): its law must tend to the right one as the steps are refined.

    On a Gaussian an exact denoiser is affine, so the output of a sampler that is linear in x, D and its noise has a
    normal law, read off from its responses without any sampling (`affine`). Its Wasserstein-2 distance to the right
    one must fall like the power `order` of the step, 1 for ancestral sampling and Euler-Maruyama; the measured power
    is returned, infinite where the law is right for every step. Two samplers with one law, such as DDIM at two values
    of eta, are told apart by `alike`.
    """
    setting = Setting()
    mean = setting.tensor([MEAN])
    denoise = Gaussian(mean, 0 * mean + DEVIATION**2).denoise
    _sound(sampler, denoise, mean + TOP * setting.latents.normal("examine.points", ROWS, 1), to_zero, draws=True)
    errors = []
    for count in COUNTS:
        levels = _grid(count)
        found = _law(sampler, denoise, levels, setting)
        right = math.hypot(DEVIATION, levels[-1])
        errors.append(math.hypot(found.mean - MEAN, found.variance**0.5 - right))
    if max(errors) < ALIKE:
        return Interval(math.inf, math.inf, math.inf)
    return _order("the distance of its law from the right one", [1 / n for n in COUNTS], errors, order, order)


def alike(sampler: Sampler, reference: Sampler, draws: bool = False) -> None:
    """The same states as `reference` from the same start and, where it `draws`, the same noise, on a mixture.

    The first step that differs is named, with what each of the two keeps of x and adds of noise in it, read off from
    a Gaussian. Levels fall from 5 to 0 by unequal steps.
    """
    setting, target = Setting(), two_clouds()
    start = TOP * setting.latents.normal("examine.points", ROWS, 2)
    levels = [*_grid(8), 0.0]
    for i in range(1, len(levels)):
        outs = [_run(one, target.denoise, start, levels[: i + 1], draws) for one in (sampler, reference)]
        apart = distance(*outs)
        if not apart <= ALIKE:
            words = _coefficients(sampler, reference, levels[i - 1 : i + 1], setting) if draws else ""
            raise Fault(
                f"the two differ in step {i}, from sigma = {levels[i - 1]:.4g} to {levels[i]:.4g}, by {apart:.2g} "
                f"(root mean square){words}"
            )


def _grid(count: int) -> list[float]:
    """`count` steps from TOP to BOTTOM."""
    return karras(count + 1, BOTTOM, TOP, to_zero=False)


def _noise(shape: torch.Size) -> Noise:
    """The same normals for the same i."""
    return lambda i: Setting().latents.normal(f"examine.{i}", shape[0], shape[1])


def _run(sampler: Sampler, denoise: Denoise, x: Tensor, levels: Sequence[float], draws: bool) -> Tensor:
    """One run, which must leave x alone and give finite numbers of its shape and dtype."""
    given, words = x.clone(), f"on {len(levels) - 1} steps from {levels[0]:g} to {levels[-1]:.3g}"
    extra: tuple[Any, ...] = (_noise(x.shape),) if draws else ()
    try:
        out = sampler(denoise, x, list(levels), *extra)
    except (ArithmeticError, ValueError) as error:
        raise Fault(f"the sampler fails {words}: {error}") from error
    if not isinstance(out, Tensor):
        raise Fault(f"the sampler gives a {type(out).__name__}, not a tensor, {words}")
    if out.shape != x.shape or out.dtype != x.dtype:
        raise Fault(f"the sampler gives {tuple(out.shape)} of {out.dtype} for {tuple(x.shape)} of {x.dtype}, {words}")
    if not torch.equal(x, given):
        raise Fault("the sampler changes its argument x in place; it must work on a copy")
    if not bool(out.isfinite().all()):
        raise Fault(f"the sampler gives {float(out[~out.isfinite()][0])} {words}")
    return out


def _sound(sampler: Sampler, denoise: Denoise, x: Tensor, to_zero: bool, draws: bool = False) -> None:
    """Runs that end above 0 and at 0, the same twice, each row for itself."""
    for levels in (_grid(4), [*_grid(4), 0.0])[: 1 + to_zero]:
        out = _run(sampler, denoise, x, levels, draws)
        if not torch.equal(out, _run(sampler, denoise, x, levels, draws)):
            given = "the same noise(i)" if draws else "one start"
            raise Fault(f"two runs from {given} differ: the sampler draws random numbers of its own")
        if distance(_run(sampler, denoise, x[: ROWS // 2], levels, draws), out[: ROWS // 2]) > ALIKE:
            raise Fault("a row of the result depends on the other rows of the batch")


def _last_step(sampler: Sampler, denoise: Denoise, exact: Exact, h: float) -> float:
    """The error of a step of length h from MIDDLE, after steps of RATIOS h."""
    levels = [MIDDLE * math.exp(h * sum(RATIOS[i:])) for i in range(len(RATIOS) + 1)]
    after = MIDDLE * math.exp(-h)
    (start,) = exact(levels[:1])
    before = _run(sampler, denoise, start, levels, False)
    (end,) = trajectory(denoise, before, MIDDLE)([after])
    return distance(_run(sampler, denoise, start, [*levels, after], False), end)


def _order(what: str, sizes: Sequence[float], errors: list[float], power: float, said: float) -> Interval:
    """The interval of the power of the step; Fault unless all of it lies above `power` - MARGIN."""
    found = order_interval(sizes, errors, ROUNDING)
    outcome = verdict(found, Span(power - MARGIN, math.inf))
    if outcome == CONFIRMED:
        return found
    listed = f"as steps shrink it is {', '.join(f'{error:.2g}' for error in errors)}"
    if math.isnan(found.estimate):
        raise Fault(f"{what} falls below rounding too soon for its order to be told: {listed}")
    unsure = ", too widely to tell" if outcome == INCONCLUSIVE else ""
    raise Fault(
        f"{what} falls like the power {found.estimate:.2f} of the step (between {found.low:.2f} and "
        f"{found.high:.2f}{unsure}), and order {said:g} needs {power:g}: {listed}"
    )


def _law(sampler: Sampler, denoise: Denoise, levels: Sequence[float], setting: Setting) -> Law:
    """The law at the end of the levels, started from the right one. Fault for an output that is not affine."""
    asked: set[int] = set()

    def listen(i: int) -> Tensor:
        asked.add(i)
        return setting.tensor([[0.0]])

    sampler(denoise, setting.tensor([[MEAN]]), list(levels), listen)
    if asked and min(asked) < 0:
        raise Fault(f"the sampler asks for noise({min(asked)}); draws are counted from 0")
    spread = math.hypot(DEVIATION, levels[0])

    def run(denoise: Denoise, x: Tensor, noise: Noise) -> Tensor:
        return sampler(denoise, MEAN + x, list(levels), noise)

    draws = max(asked, default=-1) + 1
    found = law(run, denoise, spread, draws, setting)
    all_at_once = setting.tensor([[-2.0]])  # no power and no absolute value agrees with the responses here
    whole = float(run(denoise, spread * all_at_once, lambda i: all_at_once))
    if abs(whole - found.mean + 2 * math.fsum(found.coefficients)) > ALIKE * (1 + abs(whole)):
        raise Fault("the sampler is not linear in x, D and its noise, so that its law on a Gaussian cannot be read off")
    return found


def _coefficients(sampler: Sampler, reference: Sampler, levels: Sequence[float], setting: Setting) -> str:
    """What one step of each keeps of a deviation of its start and adds of noise."""
    mean = setting.tensor([MEAN])
    denoise = Gaussian(mean, 0 * mean + DEVIATION**2).denoise
    spread, words = math.hypot(DEVIATION, levels[0]), []
    for name, one in (("the sampler", sampler), ("the reference", reference)):
        found = _law(one, denoise, levels, setting).coefficients
        words.append(f"{name} keeps {found[0] / spread:.6g} of x - mean and adds {math.hypot(*found[1:]):.6g} z")
    return "; on N(0.4, 0.5^2) " + ", ".join(words)
