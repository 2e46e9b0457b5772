# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Noise schedules
#
# Every schedule is a path: a signal and a noise coefficient at each time. What a network and a sampler feel is their
# ratio alone. This notebook lays four schedules on one axis, and shows where a sampler's steps fall on it.

# %%
import math

from IPython.display import HTML

from verify.experiments import grids
from verify.experiments.figure import draw
from verify.experiments.paths import cosine, flow_matching, vp_linear
from verify.experiments.picture import Picture, Series


def show(picture):
    """A figure of the project, readable on light and on dark paper."""
    return HTML(draw(picture, "en", picture.title["en"]))


def both(text):
    """Figures carry their words in two languages; a notebook needs one."""
    return {"en": text, "zh": text}


def along(path, share):
    """The time at which this share of the way from noise to data is done."""
    return path.noisy + share * (path.clean - path.noisy)


paths = {"linear VP": vp_linear(), "cosine": cosine(), "straight path": flow_matching()}
{name: round(path.noise_level(along(path, 0.5)), 4) for name, path in paths.items()}

# %% [markdown]
# Above: the noise level half of the way. Below: logSNR over the whole way, from noise to data. The two schedules that
# are called linear are not alike. The claims are
# [sched.logsnr-linear-vp](../schedules/index.html#sched.logsnr-linear-vp) and
# [sched.cond-ot](../schedules/index.html#sched.cond-ot).

# %%
way = [k / 100 for k in range(2, 99)]
series = [
    Series(both(name), way, [path.logsnr(along(path, share)) for share in way])
    for name, path in paths.items()
]
show(Picture(
    title=both("logSNR from noise to data"),
    description=both("Three schedules on one axis."),
    x_title=both("share of the way"),
    y_title=both("logSNR"),
    series=series,
))

# %% [markdown]
# A table of a thousand rates is checked by its last product. These two numbers are enclosed by interval arithmetic on
# the card of [sched.linear](../schedules/in-use.html#sched.linear).

# %%
betas = {"DDPM": grids.linear_betas(), "Stable Diffusion": grids.scaled_linear_betas()}
{name: grids.alpha_bars(values)[-1] for name, values in betas.items()}

# %% [markdown]
# Steps of a sampler are placed on the same axis, and on their own. EDM's ramp lies between equal steps and equal
# ratios; the exponent says where ([sched.karras](../schedules/in-use.html#sched.karras)).

# %%
levels = {f"exponent {rho}": grids.karras(18, rho=rho, to_zero=False) for rho in (1, 3, 7)}
levels["equal ratios"] = grids.uniform_logsnr(18, to_zero=False)
steps = list(range(18))
show(Picture(
    title=both("Eighteen noise levels"),
    description=both("EDM's ramp for three exponents, and its limit."),
    x_title=both("step"),
    y_title=both("noise level"),
    series=[Series(both(name), steps, values, "marked") for name, values in levels.items()],
    y_log=True,
))

# %% [markdown]
# Where most of the steps are spent: the median of the eighteen levels, as logSNR.

# %%
{rho: round(-2 * math.log(grids.karras(18, rho=rho)[9]), 2) for rho in (1, 3, 7, 20)}
