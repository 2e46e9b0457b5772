"""Wrong steps that people write, as rules and samplers of the same shape as the right ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from verify.experiments.samplers.common import Denoise, steps
from verify.experiments.samplers.forms import DATA, Form, interpolation_weights, psi
from verify.experiments.samplers.multistep import Rule, interpolation, two_point


def sharing(share: Callable[[float, float], float]) -> Rule:
    """A two-output rule with the weights 1 + w and -w, where w = share(h, the step before)."""

    def rule(form: Form, x: Tensor, outputs: Sequence[Tensor], levels: Sequence[float], after: float) -> Tensor:
        if len(outputs) == 1:
            return interpolation(form, x, outputs, levels, after)
        before, now, then = (form.coordinate(level) for level in (levels[1], levels[0], after))
        mass, w = form.moment(0, levels[0], after), share(then - now, now - before)
        return form.combine(x, outputs[:2], [mass * (1 + w), -mass * w], levels[0], after)

    return rule


inverted = sharing(lambda h, before: before / (2 * h))
"""The ratio of the two steps upside down: right on equal steps only."""

equal_steps = sharing(lambda h, before: 0.5)
"""3/2 and -1/2 on any grid."""

doubled = sharing(lambda h, before: 1.0)
"""2 and -1: smalldiffusion's gam = 2, right on no grid."""


def previous_length(form: Form, x: Tensor, outputs: Sequence[Tensor], levels: Sequence[float], after: float) -> Tensor:
    """2M with the decay factor of the step before (k-diffusion issue 56)."""
    if len(outputs) == 1 or after == 0:
        return two_point(form, x, outputs, levels, after)
    h, before = math.log(levels[0] / after), math.log(levels[1] / levels[0])
    denoised = torch.lerp(outputs[0], outputs[1], -h / (2 * before))
    return after / levels[0] * x - math.expm1(-before) * denoised


def third_term(factor: float, corrected: bool = True) -> Rule:
    r"""3M by divided differences with `factor` psi_2 times the second one; 2 is right, 1 is what is released.

    D_1 = g_1 + (h_1)(second difference) is the slope at the newest output; without that correction it is the slope in
    the middle of the step before.
    """

    def rule(form: Form, x: Tensor, outputs: Sequence[Tensor], levels: Sequence[float], after: float) -> Tensor:
        if len(outputs) < 3 or after == 0:
            return interpolation(form, x, outputs, levels, after)
        t = levels[0]
        now, last, older = (form.coordinate(level) for level in levels)
        recent, early = (outputs[0] - outputs[1]) / (now - last), (outputs[1] - outputs[2]) / (last - older)
        second = (recent - early) / (now - older)
        first = recent + (now - last) * second if corrected else recent
        frozen = form.combine(x, [outputs[0]], [form.moment(0, t, after)], t, after)
        return frozen + form.moment(1, t, after) * first + factor / 2 * form.moment(2, t, after) * second

    return rule


def log_weights(form: Form, x: Tensor, outputs: Sequence[Tensor], levels: Sequence[float], after: float) -> Tensor:
    """Slopes interpolated in ln sigma, and the weights used for sigma."""
    weights = interpolation_weights(DATA, tuple(levels), after)
    scale = (after - levels[0]) / sum(weights)
    return form.combine(x, outputs, [scale * weight for weight in weights], levels[0], after)


def swapped_weights(denoise: Denoise, x: Tensor, sigmas: Sequence[float], alpha: float = 2 / 3) -> Tensor:
    """The second-order family with its two weights exchanged."""
    for t, after in steps(sigmas):
        middle = t + alpha * (after - t)
        d = (x - denoise(x, t)) / t
        y = x + (middle - t) * d
        x = x + (after - t) * (d / (2 * alpha) + (1 - 1 / (2 * alpha)) * (y - denoise(y, middle)) / middle)
    return x


def full_logsnr(denoise: Denoise, x: Tensor, sigmas: Sequence[float]) -> Tensor:
    """DPM-Solver-1 with the step measured in the full logSNR, -ln sigma^2."""
    for t, after in steps(sigmas):
        x = x - after * math.expm1(2 * math.log(t / after)) * (x - denoise(x, t)) / t
    return x


def mixed_middle(denoise: Denoise, x: Tensor, sigmas: Sequence[float]) -> Tensor:
    """DPM-Solver-2 that moves the whole step, but takes the second slope at the level of its middle."""
    for t, after in steps(sigmas):
        middle = math.sqrt(t * after)
        y = x + (after - t) * (x - denoise(x, t)) / t
        x = x + (after - t) * (y - denoise(y, middle)) / middle
    return x


def late_stage(denoise: Denoise, x: Tensor, sigmas: Sequence[float]) -> Tensor:
    """DPM-Solver++(3S) with its last stage at 1/2 of the step in place of 2/3."""
    for t, after in steps(sigmas):
        h, first = math.log(t / after), denoise(x, t)
        third, half = t * math.exp(-h / 3), t * math.exp(-h / 2)
        second = denoise(torch.lerp(first, x, third / t), third)
        moved = torch.lerp(first, x, half / t) + psi(1, h / 2) / (h / 3) * (second - first)
        x = torch.lerp(first, x, after / t) + psi(1, h) / (h / 2) * (denoise(moved, half) - first)
    return x
