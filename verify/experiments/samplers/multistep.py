r"""Multistep methods: one evaluation a step, and the earlier outputs reused.

A method is a form (what is interpolated) and a rule (how): `rule(form, x, outputs, levels, after)` moves x from
levels[0] to `after`, with outputs and levels newest first; as many as are given, so that a short history means a lower
order.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from verify.experiments.samplers.common import Denoise, falling
from verify.experiments.samplers.dpm_solver import second_order_step
from verify.experiments.samplers.forms import DATA, NOISE, SLOPE, Form, interpolation_weights

Rule = Callable[[Form, Tensor, Sequence[Tensor], Sequence[float], float], Tensor]
Perturb = Callable[[Tensor, int, float, float], Tensor]


def interpolation(form: Form, x: Tensor, outputs: Sequence[Tensor], levels: Sequence[float], after: float) -> Tensor:
    """The polynomial through all given outputs, integrated exactly: order k from k outputs."""
    return form.combine(x, outputs, interpolation_weights(form, tuple(levels), after), levels[0], after)


def two_point(form: Form, x: Tensor, outputs: Sequence[Tensor], levels: Sequence[float], after: float) -> Tensor:
    r"""DPM-Solver++(2M)'s rule (Lu et al. 2022b, Alg. 2; solver.dpmpp2m): the line's value at the middle of the step.

    With h the step and h_1 the one before, r = h_1/h, the line through two outputs has at u = h/2 the value
    (1 + 1/(2r)) o_0 - o_1/(2r), and takes the whole mass m_0. Exact integration would put m_1/m_0 = h/2 + O(h^2) in
    place of h/2: the two rules differ by O(h^3) and both have order 2.
    """
    if len(outputs) == 1:
        return interpolation(form, x, outputs, levels, after)
    before, now, then = (form.coordinate(level) for level in (levels[1], levels[0], after))
    mass, share = form.moment(0, levels[0], after), (then - now) / (2 * (now - before))
    return form.combine(x, outputs[:2], [mass * (1 + share), -mass * share], levels[0], after)


def multistep(
    denoise: Denoise,
    x: Tensor,
    sigmas: Sequence[float],
    form: Form,
    order: int,
    rule: Rule = interpolation,
    lower_order_final: bool = False,
    warm_start: bool = False,
    perturb: Perturb | None = None,
) -> Tensor:
    r"""The loop of every multistep method.

    The first steps have a short history and so a lower order. A first step of order 1 leaves one local error O(h^2),
    which a method of order 2 forgives and one of order 3 does not: `warm_start` makes it second order for one more
    evaluation. `lower_order_final` shortens the history again in the last steps, where extrapolation from few, large
    steps does harm. A step to 0 is infinite in lambda; there the method uses its newest output only and returns
    D. `perturb(x, i, t, after)` adds the noise of an SDE.
    """
    if order < 1:
        raise ValueError(f"a multistep method has order 1 or more, not {order}")
    pairs = falling(sigmas)
    outputs: list[Tensor] = []
    levels: list[float] = []
    for i, (t, after) in enumerate(pairs):
        outputs = [form.output(x, denoise(x, t), t), *outputs[: order - 1]]
        levels = [t, *levels[: order - 1]]
        reach = min(order, len(pairs) - i) if lower_order_final else order
        if math.isinf(form.coordinate(after)):
            reach = 1
        if warm_start and i == 0 and order > 1 and after > 0:
            x = second_order_step(form, denoise, x, outputs[0], t, after)
        else:
            x = rule(form, x, outputs[:reach], levels[:reach], after)
        if perturb is not None and after > 0:
            x = perturb(x, i, t, after)
    return x


def adams_bashforth(denoise: Denoise, x: Tensor, sigmas: Sequence[float], order: int = 2) -> Tensor:
    r"""Slopes interpolated in sigma and integrated exactly on any grid (solver.lms); also called LMS.

    For two slopes with the step ratio r = h/h_1 the weights are h(1 + r/2) and -h r/2, and on equal steps the familiar
    3/2 and -1/2. The first step is second order, so the whole has order min(order, 3).
    """
    return multistep(denoise, x, sigmas, SLOPE, order, warm_start=True)


def exponential_adams(denoise: Denoise, x: Tensor, sigmas: Sequence[float], order: int = 2) -> Tensor:
    """D interpolated in lambda and integrated exactly against e^{-(h-u)} (solver.exp-integrator); orders 1 to 3."""
    _at_most_three(order)
    return multistep(denoise, x, sigmas, DATA, order, warm_start=True)


def dpmpp_2m(denoise: Denoise, x: Tensor, sigmas: Sequence[float], lower_order_final: bool = False) -> Tensor:
    r"""DPM-Solver++(2M) (Lu et al. 2022b, Alg. 2; solver.dpmpp2m): order 2, one evaluation and two lerps a step.

    `two_point` in the data form, written out because it is the sampler most used: with h = ln(t/t') and h_1 before it,

        D^ = D + (h / (2 h_1)) (D - D_1),    x' = D^ + (t'/t)(x - D^).

    The first step has no D_1, and the step to 0 (h infinite) takes D alone.
    """
    pairs = falling(sigmas)
    earlier, before = x, 0.0
    for i, (t, after) in enumerate(pairs):
        denoised = estimate = denoise(x, t)
        h = math.log(t / after) if after > 0 else math.inf
        if i > 0 and after > 0 and not (lower_order_final and i == len(pairs) - 1):
            estimate = torch.lerp(denoised, earlier, -h / (2 * before))
        x = torch.lerp(estimate, x, after / t)
        earlier, before = denoised, h
    return x


def dpmpp_3m(
    denoise: Denoise, x: Tensor, sigmas: Sequence[float], lower_order_final: bool = False, warm_start: bool = True
) -> Tensor:
    r"""DPM-Solver++(3M) with the right third term (solver.3m-factor): order 3.

    Released codes add psi_2 D_2 with D_2 the second divided difference, which is D''/2: half of the Taylor term
    psi_2 D''. With the factor 2 the three terms are the interpolation polynomial integrated exactly.
    """
    return multistep(denoise, x, sigmas, DATA, 3, interpolation, lower_order_final, warm_start)


def dpm_solver_multistep(
    denoise: Denoise, x: Tensor, sigmas: Sequence[float], order: int = 2, lower_order_final: bool = False
) -> Tensor:
    """DPM-Solver's multistep form: e interpolated in lambda; order 2 by the two-point rule, order 3 exactly."""
    _at_most_three(order)
    rule = two_point if order == 2 else interpolation
    return multistep(denoise, x, sigmas, NOISE, order, rule, lower_order_final, warm_start=order == 3)


def _at_most_three(order: int) -> None:
    if order not in (1, 2, 3):
        raise ValueError(f"this method has order 1, 2 or 3, not {order}")
