r"""DPM-Solver and DPM-Solver++ in single steps: exponential Runge-Kutta methods in lambda = -ln sigma.

DPM-Solver (Lu et al. 2022a) integrates the noise e = (x - D)/sigma, DPM-Solver++ (Lu et al. 2022b) the data D. Both
have the same stages and differ in their form. With h = ln(t/t') a stage at r h is the noise level t (t'/t)^r.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from verify.experiments.samplers.common import Denoise, steps
from verify.experiments.samplers.forms import DATA, NOISE, Form, interpolation_weights


def first_order_step(form: Form, x: Tensor, first: Tensor, t: float, after: float) -> Tensor:
    """One output over the whole step: Euler's method and DDIM in either form (solver.dpm1-is-ddim)."""
    return form.combine(x, [first], [form.moment(0, t, after)], t, after)


def second_order_step(form: Form, denoise: Denoise, x: Tensor, first: Tensor, t: float, after: float) -> Tensor:
    r"""DPM-Solver-2 and ++(2S) with r = 1/2 (Lu et al. 2022a, Alg. 1; 2022b, Alg. 1; solver.dpm-order).

    The output at h/2 takes the whole mass m_0: the midpoint rule. In the noise form this is EDM's midpoint with the
    geometric mean of the levels in place of the arithmetic one.
    """
    middle = (t * after) ** 0.5
    moved = first_order_step(form, x, first, t, middle)
    return first_order_step(form, x, form.output(moved, denoise(moved, middle), middle), t, after)


def third_order_step(form: Form, denoise: Denoise, x: Tensor, first: Tensor, t: float, after: float) -> Tensor:
    r"""DPM-Solver-3 and ++(3S) with r_1 = 1/3, r_2 = 2/3 (Lu et al. 2022a, Alg. 2; solver.dpm-order).

    The line through the outputs at 0 and h/3 is integrated exactly to 2h/3, the line through those at 0 and 2h/3 to h:

        x' = decay x + m_0 o_0 + (m_1/(r_2 h)) (o_2 - o_0).

    That line has the slope o' + o'' r_2 h/2, and m_1 r_2 h o''/2 = h^3 o''/6 + O(h^4) is the Taylor term m_2 o''/2
    just for r_2 = 2/3.
    """
    third, two_thirds = t * (after / t) ** (1 / 3), t * (after / t) ** (2 / 3)
    moved = first_order_step(form, x, first, t, third)
    outputs = [first, form.output(moved, denoise(moved, third), third)]
    moved = form.combine(x, outputs, interpolation_weights(form, (t, third), two_thirds), t, two_thirds)
    outputs = [first, form.output(moved, denoise(moved, two_thirds), two_thirds)]
    return form.combine(x, outputs, interpolation_weights(form, (t, two_thirds), after), t, after)


def single_step(denoise: Denoise, x: Tensor, t: float, after: float, form: Form = DATA, order: int = 2) -> Tensor:
    """One step of order 1, 2 or 3, with as many evaluations. A step to 0 is infinite in lambda: order 1 there."""
    first = form.output(x, denoise(x, t), t)
    if order == 1 or after == 0:
        return first_order_step(form, x, first, t, after)
    return (second_order_step if order == 2 else third_order_step)(form, denoise, x, first, t, after)


def _solve(denoise: Denoise, x: Tensor, sigmas: Sequence[float], form: Form, order: int) -> Tensor:
    if order not in (1, 2, 3):
        raise ValueError(f"DPM-Solver has order 1, 2 or 3, not {order}")
    for t, after in steps(sigmas):
        x = single_step(denoise, x, t, after, form, order)
    return x


def dpm_solver(denoise: Denoise, x: Tensor, sigmas: Sequence[float], order: int = 2) -> Tensor:
    """DPM-Solver-1, -2, -3 (Lu et al. 2022a): `order` evaluations a step, one for a step to 0."""
    return _solve(denoise, x, sigmas, NOISE, order)


def dpmpp_single(denoise: Denoise, x: Tensor, sigmas: Sequence[float], order: int = 2) -> Tensor:
    """DPM-Solver++(1), (2S), (3S) (Lu et al. 2022b): `order` evaluations a step, one for a step to 0."""
    return _solve(denoise, x, sigmas, DATA, order)
