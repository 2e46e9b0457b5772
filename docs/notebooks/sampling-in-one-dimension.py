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
# # Sampling in one dimension
#
# For a mixture of Gaussians the denoiser, the score and the law at every noise level are known. So every error in a
# sample is the sampler's. Here: the flow from noise to data, the order of two solvers, and what a training set of four
# points does.

# %%
import torch
from IPython.display import HTML

from verify.experiments.figure import draw
from verify.experiments.grids import karras
from verify.experiments.latents import Latents
from verify.experiments.oracles.data_set import DataSet
from verify.experiments.oracles.mixture import Mixture
from verify.experiments.picture import Picture, Series, Traces
from verify.experiments.samplers.ancestral import ancestral
from verify.experiments.samplers.ode import euler, heun


def column(*values):
    return torch.tensor(values, dtype=torch.float64)[:, None]


def both(text):
    return {"en": text, "zh": text}


def show(title, x_title, y_title, series, **options):
    picture = Picture(
        title=both(title), description=both(title), x_title=both(x_title),
        y_title=both(y_title), series=series, **options,
    )
    return HTML(draw(picture, "en", title))


data = Mixture(torch.tensor([0.3, 0.7]), column(-1.0, 0.8), column(0.04, 0.1225))
data.denoise(column(-1.0, 0.0, 1.0), 0.5)[:, 0]

# %% [markdown]
# The flow. A small step at a time, from level 3 to 0: trajectories turn to one of the modes where the modes part
# ([mem.bifurcation](../memorisation/modes.html#mem.bifurcation)).

# %%
def trajectories(denoise, start, levels=60, top=3.0):
    """One path per starting point, as noise levels and places."""
    sigmas, states = karras(levels, 0.002, top), [start]
    for pair in zip(sigmas[:-1], sigmas[1:], strict=True):
        states.append(heun(denoise, states[-1], list(pair)))
    places = torch.cat(states, 1)
    return [(sigmas, row.tolist()) for row in places]


quantiles = (torch.arange(24, dtype=torch.float64)[:, None] + 0.5) / 24
start = 3.0 * torch.special.ndtri(quantiles)
paths = Traces(both("trajectories"), trajectories(data.denoise, start))
show("The flow to two modes", "noise level", "place", [paths])

# %% [markdown]
# The order. Twice the steps divide Euler's error by two and Heun's by four
# ([edm.heun-algorithm](../edm/sampling.html#edm.heun-algorithm)). The last level here is 0.1: at zero noise the flow
# is singular, and orders mean less.

# %%
exact = heun(data.denoise, start, karras(4001, 0.1, 3.0, to_zero=False))
counts, errors = [8, 16, 32, 64, 128, 256], {"Euler": [], "Heun": []}
for n in counts:
    sigmas = karras(n + 1, 0.1, 3.0, to_zero=False)
    for name, solver in (("Euler", euler), ("Heun", heun)):
        miss = solver(data.denoise, start, sigmas) - exact
        errors[name].append(float(miss.square().mean().sqrt()))
show(
    "Error against the number of steps", "steps", "root mean square error",
    [Series(both(name), counts, values, "marked") for name, values in errors.items()],
    x_log=True, y_log=True,
)

# %% [markdown]
# A training set of four points. Its exact denoiser leads every sample to one of them, without noise and with it
# ([mem.collapse-to-data](../memorisation/index.html#mem.collapse-to-data)).

# %%
points = column(-1.2, -0.8, 0.5, 1.1)
latents, sigmas = Latents(seed=0), karras(40, 0.002, 80.0)
noise = 80.0 * latents.normal("start", 2000, 1)
denoise = DataSet(points).denoise
ends = {
    "without noise": heun(denoise, noise, sigmas),
    "with noise": ancestral(
        denoise, noise, sigmas, lambda i: latents.normal(f"step {i}", 2000, 1)
    ),
}
distance = {name: (x - points.T).abs().amin(1) for name, x in ends.items()}
{name: float((d < 0.01).double().mean()) for name, d in distance.items()}
