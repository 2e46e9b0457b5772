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
# # Training on digits
#
# A small network, 200 steps instead of the usual 1,200, so that this page runs in well under a minute. It needs
# scikit-learn for the images. [Training on digits](../training/digits.html) shows the full run.

# %%
import torch
from IPython.display import HTML, Image

from verify.experiments.figure import draw
from verify.experiments.latents import Latents
from verify.experiments.training import quality, report
from verify.experiments.training.config import Config
from verify.experiments.training.data import load
from verify.experiments.training.loop import train
from verify.experiments.training.sampling import sample

torch.set_num_threads(1)
config = Config("edm", "digits", steps=200, batch=64, width=16, ema=0.98).complete()
digits = load(config.data)
digits.train.shape, digits.held_out.shape

# %% [markdown]
# Images have mean 0 and standard deviation one half: the spread that EDM assumes
# ([edm.sigma-data-mismatch](../edm/training.html#edm.sigma-data-mismatch)). The loss begins near one at every noise
# level ([edm.init-loss-one](../edm/training.html#edm.init-loss-one)) and falls where there is something to learn.

# %%
trained = train(config, digits)
[(step, round(loss, 3), round(norm, 2)) for step, loss, norm in trained.log]

# %% [markdown]
# The exact denoiser of the training set is known, so the network's distance from it is too. `floor` is the loss of the
# exact denoiser: at low noise it is zero, and the network does not go there
# ([mem.train-loss-floor](../memorisation/index.html#mem.train-loss-floor)).

# %%
levels = [0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0]
errors = quality.errors_by_level(trained.denoise, digits, levels, config.seed)
HTML(draw(report.loss_by_logsnr(errors, config), "en", "loss-by-logsnr"))

# %% [markdown]
# Samples by Heun's method with 35 calls of the network
# ([edm.heun-algorithm](../edm/sampling.html#edm.heun-algorithm)). After so short a training they are rough.

# %%
latents = Latents(config.seed, "cpu", torch.float32)
drawn = sample(trained.denoise, "edm", "heun", 64, digits.dimensions, latents)
Image(report.png(report.grid(digits.grey(drawn))), alt="64 sampled digits")

# %% [markdown]
# The median distance of a sample to the nearest training image, over the same for new images: far below 1 would be
# memory.

# %%
new = quality.nearest_distance(digits.held_out, digits.train)
round(quality.nearest_distance(drawn, digits.train) / new, 3)
