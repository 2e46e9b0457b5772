"""Samplers in sigma-space: short loops over a falling list of noise levels that usually ends in 0.

`denoise(x, sigma)` is any function of that shape; the noise levels are Python floats and every coefficient is computed
on the host, so that no loop waits for a device. A loop that draws noise takes `noise(i)`.
"""

from verify.experiments.samplers.ancestral import (
    analytic,
    ancestral,
    beta,
    beta_tilde,
    mean_residual,
    renoised,
    reverse_variance,
    split,
)
from verify.experiments.samplers.common import Counted, Denoise, Noise
from verify.experiments.samplers.consistency import boundary, consistency, consistency_function
from verify.experiments.samplers.ddim import ddim, ddim_inversion
from verify.experiments.samplers.dpm_solver import dpm_solver, dpmpp_single, single_step
from verify.experiments.samplers.guidance import classifier, classifier_free, rescaled, scale_of, within
from verify.experiments.samplers.ito import constant, euler_maruyama, exponential, sde_dpmpp_2m, sde_dpmpp_3m
from verify.experiments.samplers.langevin import annealed, fixed_step, norm_step, predictor_corrector, ula
from verify.experiments.samplers.multistep import (
    adams_bashforth,
    dpm_solver_multistep,
    dpmpp_2m,
    dpmpp_3m,
    exponential_adams,
    multistep,
)
from verify.experiments.samplers.ode import churn, euler, euler_step, heun, heun_step, inflate, two_stage

__all__ = [
    "Counted",
    "Denoise",
    "Noise",
    "adams_bashforth",
    "analytic",
    "ancestral",
    "annealed",
    "beta",
    "beta_tilde",
    "boundary",
    "churn",
    "classifier",
    "classifier_free",
    "consistency",
    "consistency_function",
    "constant",
    "ddim",
    "ddim_inversion",
    "dpm_solver",
    "dpm_solver_multistep",
    "dpmpp_2m",
    "dpmpp_3m",
    "dpmpp_single",
    "euler",
    "euler_maruyama",
    "euler_step",
    "exponential",
    "exponential_adams",
    "fixed_step",
    "heun",
    "heun_step",
    "inflate",
    "mean_residual",
    "multistep",
    "norm_step",
    "predictor_corrector",
    "renoised",
    "rescaled",
    "reverse_variance",
    "scale_of",
    "sde_dpmpp_2m",
    "sde_dpmpp_3m",
    "single_step",
    "split",
    "two_stage",
    "ula",
    "within",
]
