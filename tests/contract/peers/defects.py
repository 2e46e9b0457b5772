"""Defects of named releases, each reproduced as one number beside the right one.

A defect says what its release computes on an input small enough for pencil and paper (`shows`) and what the equation
gives (`right`). The test fails in both directions: when the release gives the right number (it was mended), and when it
gives neither. `page.py` writes the table for the book from this list.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from unittest import mock

import azula.sample
import diffusers
import torch
from flow_matching.path.scheduler import CondOTScheduler, PolynomialConvexScheduler, ScheduleTransformedModel
from flow_matching.solver import ODESolver
from flow_matching.utils import ModelWrapper
from torch import Tensor

from tests.contract.peers.adapters import DOUBLE, Denoise, azula_run, crowson, diffusers_run

Value = float | str  # a number, or the name of the exception raised
Text = dict[str, str]  # by language


@dataclass(frozen=True)
class Defect:
    """One defect of one release.

    where    file and function
    claim    the claim whose equation decides, by its id
    report   where it was reported; empty where no report was found
    measure  runs the peer
    shows    what the release gives, to `digits` relative
    right    what the equation gives
    """

    name: str
    peer: str
    where: str
    title: Text
    claim: str
    report: str
    measure: Callable[[], Value]
    shows: Value
    right: float
    digits: float = 1e-6


def same(one: Value, other: Value, digits: float) -> bool:
    """Equal exceptions, both NaN, or equal up to a relative difference of `digits`."""
    if isinstance(one, str) or isinstance(other, str):
        return one == other
    return (math.isnan(one) and math.isnan(other)) or math.isclose(one, other, rel_tol=digits, abs_tol=digits)


def outcome(defect: Defect) -> Value:
    """The measured number, or the name of the exception."""
    try:
        return defect.measure()
    except (UnboundLocalError, TypeError, AttributeError) as error:
        return type(error).__name__


# -- multistep exponential integrators on a denoiser that depends on the noise level alone ----------------------------

STEP = 0.5
ONE = torch.ones(1, 1, dtype=DOUBLE)
NOTHING = torch.zeros(1, 1, dtype=DOUBLE)


def quadratic(x: Tensor, sigma: float) -> Tensor:
    """D = lambda^2 with lambda = -ln sigma: a method that interpolates three values of D is exact on it."""
    return torch.full_like(x, math.log(sigma) ** 2)


def slopes(x: Tensor, sigma: float) -> Tensor:
    """The same for methods that interpolate the noise: (x - D)/sigma = lambda^2."""
    return x - sigma * math.log(sigma) ** 2


def third_step(run: Callable[[int], float], rate: float) -> float:
    r"""What the step from lambda = 1 to 1.5 adds, from exact history: x_3 - exp(-rate h) x_2, with h = 1/2.

    The rate is that at which x itself decays: 1 for D and the ODE, 1 + eta for D and the SDE, 0 for the noise.
    """
    return run(3) - math.exp(-rate * STEP) * run(2)


def ode_third_step() -> float:
    r"""\int_1^{3/2} e^{-(3/2 - u)} u^2 du, by e^u u^2 = (e^u (u^2 - 2u + 2))'."""
    return (1.5**2 - 2 * 1.5 + 2) - math.exp(-STEP) * (1 - 2 + 2)


def sde_third_step() -> float:
    r"""2 \int_1^{3/2} e^{-2(3/2 - u)} u^2 du, by 2 e^{2u} u^2 = (e^{2u} (u^2 - u + 1/2))': the mean step at eta = 1."""
    return (1.5**2 - 1.5 + 0.5) - math.exp(-2 * STEP) * (1 - 1 + 0.5)


def noise_third_step() -> float:
    r"""\int_{e^{-1}}^{e^{-3/2}} ln^2 s ds, by ln^2 s = (s (ln^2 s - 2 ln s + 2))'."""

    def antiderivative(u: float) -> float:
        return math.exp(-u) * (u**2 + 2 * u + 2)

    return antiderivative(1.5) - antiderivative(1.0)


def sde_whole_step() -> float:
    r"""2 \int_0^{3/2} e^{-2(3/2 - u)} u^2 du, as above: one step of a single-step method, with its stages at 1/2, 1."""
    return (1.5**2 - 1.5 + 0.5) - math.exp(-3 * 2 * STEP) * 0.5


def crowson_third(eta: float) -> float:
    grid = [math.exp(-k * STEP) for k in range(4)]

    def run(steps: int) -> float:
        levels = grid[: steps + 1]
        return float(crowson("dpmpp_3m_sde", quadratic, NOTHING, levels, noise=lambda i: NOTHING, eta=eta))

    return third_step(run, 1 + eta)


def diffusers_steps(
    kind: type, denoise: Denoise, steps: int, algorithm: str, h: float = STEP, **settings: str
) -> float:
    """x after `steps` steps h in lambda of a scheduler of order 3, from x = 0 at lambda = 0, its noise left out."""
    scheduler = kind(solver_order=3, algorithm_type=algorithm, lower_order_final=False, **settings)
    scheduler.set_timesteps(steps + 3)  # none of these steps is among the last, which have rules of their own
    scheduler.sigmas = torch.tensor([math.exp(-k * h) for k in range(steps + 4)], dtype=DOUBLE)
    scheduler.set_begin_index(0)
    with mock.patch(f"{kind.__module__}.randn_tensor", lambda *_, **__: NOTHING):
        return float(diffusers_run(scheduler, denoise, NOTHING, steps))


def diffusers_third(kind: type, denoise: Denoise, algorithm: str, rate: float, **settings: str) -> float:
    return third_step(lambda steps: diffusers_steps(kind, denoise, steps, algorithm, **settings), rate)


# -- single steps -----------------------------------------------------------------------------------------------------


def reab_step() -> float:
    """azula's REAB of order 1 on D = x/(1+s^2) - s/sqrt(1+s^2), for which its own integrand f is constant 1."""

    def denoise(x: Tensor, sigma: float) -> Tensor:
        return x / (1 + sigma**2) - sigma / math.sqrt(1 + sigma**2)

    return float(azula_run(azula.sample.REABSampler, denoise, NOTHING, [2.0, 1.0], order=1))


def azula_eta() -> float:
    """Standard deviation of the noise of azula's DDIM from sigma = 2 to 1 at eta = 1/2: the step of x = D = 0."""
    step = partial(azula_run, azula.sample.DDIMSampler, lambda x, sigma: 0 * x, NOTHING, [2.0, 1.0], eta=0.5)
    return float(step(noise=lambda i: ONE))


def flow_shift() -> float:
    """Last noise level before 0 of five steps at shift 3."""
    scheduler = diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0)
    scheduler.set_timesteps(5)
    return float(scheduler.sigmas[-2])


def previous_index(spacing: str, steps: int) -> float:
    """The index t' whose abar the first DDIM step uses: at eps = 0 the step maps sqrt(abar_t) to sqrt(abar_t')."""
    scheduler = diffusers.DDIMScheduler(timestep_spacing=spacing, clip_sample=False)
    scheduler.set_timesteps(steps)
    table = scheduler.alphas_cumprod.to(DOUBLE)
    first = scheduler.timesteps[0]
    after = scheduler.step(NOTHING, first, table[first].sqrt() * ONE).prev_sample
    return float((table - float(after) ** 2).abs().argmin())


def large_log() -> float:
    """Standard deviation of DDPM's noise at t = 500 with variance_type 'fixed_large_log'."""
    scheduler = diffusers.DDPMScheduler(variance_type="fixed_large_log", clip_sample=False)
    with mock.patch("diffusers.schedulers.scheduling_ddpm.randn_tensor", lambda *_, **__: ONE):
        return float(scheduler.step(NOTHING, 500, NOTHING).prev_sample)


def zero_terminal() -> float:
    """Largest sigma of a schedule rescaled to zero terminal SNR."""
    scheduler = diffusers.EulerDiscreteScheduler(rescale_betas_zero_snr=True, timestep_spacing="trailing")
    scheduler.set_timesteps(10)
    return float(scheduler.sigmas[0])


# -- flow_matching ----------------------------------------------------------------------------------------------------


class GaussianVelocity(ModelWrapper):
    """Exact velocity of the path t x_1 + (1 - t) x_0 from N(0, 1) to N(0, s^2)."""

    def __init__(self, s: float) -> None:
        super().__init__(None)
        self.variance = s**2

    def forward(self, x: Tensor, t: Tensor, **_: object) -> Tensor:
        return (t * self.variance - (1 - t)) / (t**2 * self.variance + (1 - t) ** 2) * x


def graft_at_the_end() -> float:
    """Velocity at x = 1, r = 1 of the exact model grafted from alpha = t to alpha = t^2: alpha' x = 2."""
    grafted = ScheduleTransformedModel(GaussianVelocity(1.0), CondOTScheduler(), PolynomialConvexScheduler(n=2))
    return float(grafted(ONE, torch.ones((), dtype=DOUBLE)))


def likelihood_gradient() -> float:
    """d log p / dx at x = 0.7 for N(0, 1/4), asked for with enable_grad."""
    x = (0.7 * ONE).requires_grad_()
    grid = torch.tensor([1.0, 0.0], dtype=DOUBLE)
    standard = torch.distributions.Normal(torch.zeros((), dtype=DOUBLE), 1.0)
    solver = ODESolver(GaussianVelocity(0.5))
    settings = {"step_size": 0.01, "method": "midpoint", "time_grid": grid, "exact_divergence": True}
    _, value = solver.compute_likelihood(x, lambda z: standard.log_prob(z).sum(-1), enable_grad=True, **settings)
    return float(torch.autograd.grad(value.sum(), x)[0])


# -- the list ---------------------------------------------------------------------------------------------------------

MULTISTEP, EDM_MULTISTEP = diffusers.DPMSolverMultistepScheduler, diffusers.EDMDPMSolverMultistepScheduler
SINGLESTEP = diffusers.DPMSolverSinglestepScheduler
FACTOR: Text = {
    "en": "The second difference is half of h² D''; the step weights it as if it were the whole. "
    "The third-order method is second order.",
    "zh": "二阶差商只是 h² D'' 的一半，该步却按整个 h² D'' 加权。名为三阶的方法只有二阶。",
}
SIGN: Text = {
    "en": "The constant 1/2 of the second difference has the wrong sign: its weight tends to -1 instead of 0 as h → 0. "
    "The third-order method is first order.",
    "zh": "二阶差商权重中的常数 1/2 符号错误：h → 0 时权重趋于 -1 而不是 0。名为三阶的方法只有一阶。",
}
UNWRITTEN: Text = {
    "en": "The third-order branch is not written: the step stops with an exception at its third call.",
    "zh": "三阶分支没有写出：第三次调用时抛出异常。",
}

DEFECTS = [
    Defect(
        name="dpmpp-3m", peer="k-diffusion", where="sampling.py::sample_dpmpp_3m_sde", title=FACTOR,
        claim="solver.3m-factor", report="", measure=partial(crowson_third, 0.0),
        shows=0.625, right=ode_third_step(),
    ),
    Defect(
        name="dpmpp-3m-sde", peer="k-diffusion", where="sampling.py::sample_dpmpp_3m_sde, eta = 1", title=FACTOR,
        claim="solver.3m-factor", report="", measure=partial(crowson_third, 1.0),
        shows=1.0330301397071393, right=sde_third_step(),
    ),
    Defect(
        name="dpmpp-3m", peer="diffusers", title=FACTOR, claim="solver.3m-factor", report="",
        where="scheduling_dpmsolver_multistep.py::multistep_dpm_solver_third_order_update",
        measure=partial(diffusers_third, MULTISTEP, quadratic, "dpmsolver++", 1.0), shows=0.625, right=ode_third_step(),
    ),
    Defect(
        name="edm-dpmpp-3m", peer="diffusers", title=FACTOR, claim="solver.3m-factor", report="",
        where="scheduling_edm_dpmsolver_multistep.py::multistep_dpm_solver_third_order_update",
        measure=partial(diffusers_third, EDM_MULTISTEP, quadratic, "dpmsolver++", 1.0),
        shows=0.625, right=ode_third_step(),
    ),
    Defect(
        name="dpm-3m", peer="diffusers", title=FACTOR, claim="solver.3m-factor", report="",
        where="scheduling_dpmsolver_multistep.py::multistep_dpm_solver_third_order_update, dpmsolver",
        measure=partial(diffusers_third, MULTISTEP, slopes, "dpmsolver", 0.0, final_sigmas_type="sigma_min"),
        shows=-0.2164106170518927, right=noise_third_step(),
    ),
    Defect(
        name="sde-dpmpp-3s", peer="diffusers", title=SIGN, claim="solver.3m-factor", report="",
        where="scheduling_dpmsolver_singlestep.py::singlestep_dpm_solver_third_order_update, sde-dpmsolver++ with heun",
        measure=partial(diffusers_steps, SINGLESTEP, quadratic, 3, "sde-dpmsolver++", solver_type="heun"),
        shows=-3.2748935341839287, right=sde_whole_step(),
    ),
    Defect(
        name="sde-dpmpp-3m", peer="diffusers", title=SIGN, claim="solver.3m-factor", report="",
        where="scheduling_dpmsolver_multistep.py::multistep_dpm_solver_third_order_update, sde-dpmsolver++",
        measure=partial(diffusers_third, MULTISTEP, quadratic, "sde-dpmsolver++", 2.0),
        shows=0.7830301397071394, right=sde_third_step(),
    ),
    Defect(
        name="sde-dpm-3", peer="diffusers", title=UNWRITTEN, claim="solver.3m-factor", report="PR #13778",
        where="scheduling_dpmsolver_multistep.py::multistep_dpm_solver_third_order_update, sde-dpmsolver",
        measure=partial(diffusers_third, MULTISTEP, slopes, "sde-dpmsolver", 0.0, final_sigmas_type="sigma_min"),
        shows="UnboundLocalError", right=2 * noise_third_step(),
    ),
    Defect(
        name="edm-sde-dpmpp-3m", peer="diffusers", title=UNWRITTEN, claim="solver.3m-factor", report="",
        where="scheduling_edm_dpmsolver_multistep.py::multistep_dpm_solver_third_order_update, sde-dpmsolver++",
        measure=partial(diffusers_third, EDM_MULTISTEP, quadratic, "sde-dpmsolver++", 2.0),
        shows="UnboundLocalError", right=sde_third_step(),
    ),
    Defect(
        name="flow-shift-twice", peer="diffusers", claim="sched.shift", report="issue #13243",
        title={
            "en": "The flow shift is applied to the end of the grid when the scheduler is made, and to the whole grid "
            "again when its steps are set.",
            "zh": "构造调度器时已对网格端点做过一次 shift，设定步数时又对整个网格再做一次。",
        },
        where="scheduling_flow_match_euler_discrete.py::set_timesteps", measure=flow_shift,
        shows=0.008928571827709675, right=3 * 0.001 / (1 + 2 * 0.001),
    ),
    Defect(
        name="ddim-linspace", peer="diffusers", claim="ddim.previous-index", report="issues #11347, #9261",
        title={
            "en": "With 'linspace' spacing the previous step is t - T/n instead of the next entry of the list.",
            "zh": "'linspace' 间距下，前一步取 t - T/n，而不是列表的下一项。",
        },
        where="scheduling_ddim.py::step", measure=partial(previous_index, "linspace", 10), shows=899.0, right=888.0,
    ),
    Defect(
        name="ddim-trailing", peer="diffusers", claim="ddim.previous-index", report="issues #11347, #9261",
        title={
            "en": "With 'trailing' spacing and n that does not divide T the previous step is one off.",
            "zh": "'trailing' 间距且 n 不整除 T 时，前一步差一。",
        },
        where="scheduling_ddim.py::step", measure=partial(previous_index, "trailing", 7), shows=857.0, right=856.0,
    ),
    Defect(
        name="fixed-large-log", peer="diffusers", claim="ddpm.posterior", report="issue #14569",
        title={
            "en": "'fixed_large_log' returns ln β as the variance; its square root is not a number.",
            "zh": "'fixed_large_log' 把 ln β 当作方差返回，其平方根不是数。",
        },
        where="scheduling_ddpm.py::_get_variance", measure=large_log,
        shows=math.nan, right=math.sqrt(1e-4 + 500 / 999 * (0.02 - 1e-4)), digits=1e-5,
    ),
    Defect(
        name="zero-terminal-snr", peer="diffusers", claim="sched.zero-terminal-bias", report="PR #6024",
        title={
            "en": "Zero terminal SNR is replaced by ᾱ = 2⁻²⁴, so that σ has a largest value at all.",
            "zh": "终端零信噪比被换成 ᾱ = 2⁻²⁴，σ 因此才有最大值。",
        },
        where="scheduling_euler_discrete.py::__init__", measure=zero_terminal, shows=4096.0, right=math.inf,
    ),
    Defect(
        name="reab-factor", peer="azula", claim="solver.exp-integrator", report="",
        title={
            "en": "The prefactor mixes two times: α_s² + σ_t² where α_s² + σ_s² belongs. Every order becomes one.",
            "zh": "前因子混用了两个时刻：应为 α_s² + σ_s²，写成了 α_s² + σ_t²。任何阶都退化为一阶。",
        },
        where="sample.py::REABSampler", measure=reab_step,
        shows=math.sqrt(5) * (math.atan(1) - math.atan(2)), right=math.sqrt(2) * (math.atan(1) - math.atan(2)),
    ),
    Defect(
        name="ddim-eta", peer="azula", claim="ddim.eta-variance", report="",
        title={
            "en": "η multiplies the variance of DDIM's noise; in DDIM (16) it multiplies the standard deviation.",
            "zh": "η 乘在 DDIM 噪声的方差上；DDIM (16) 中它乘在标准差上。",
        },
        where="sample.py::DDIMSampler", measure=azula_eta,
        shows=math.sqrt(0.5 * 0.75), right=0.5 * math.sqrt(0.75),
    ),
    Defect(
        name="graft-at-the-end", peer="flow-matching", claim="graft.scale-time", report="",
        title={
            "en": "A grafted velocity is 0/0 at the data end r = 1, where its limit is finite.",
            "zh": "换时间表后的速度在数据端 r = 1 处为 0/0，而其极限有限。",
        },
        where="path/scheduler/schedule_transform.py::ScheduleTransformedModel.forward", measure=graft_at_the_end,
        shows=math.nan, right=2.0,
    ),
    Defect(
        name="likelihood-gradient", peer="flow-matching", claim="rev.likelihood", report="issue #59, PR #91",
        title={
            "en": "With enable_grad the velocity and its divergence are still detached: the gradient of log p is that "
            "of the prior at the end point, as if the flow were a translation.",
            "zh": "即使设 enable_grad，速度及其散度仍被 detach：log p 的梯度成了先验在终点的梯度，仿佛流只是平移。",
        },
        where="solver/ode_solver.py::ODESolver.compute_likelihood", measure=likelihood_gradient,
        shows=-1.4, right=-0.7 / 0.25, digits=1e-3,
    ),
]  # fmt: skip
