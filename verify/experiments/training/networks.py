r"""The networks: a U-Net for images and an MLP for points. Both take rows (B, d) and c_noise (B, 1), and give rows.

c_noise = ln(sigma)/4 (or any number of order 1) becomes sines and cosines, and a small MLP turns those into one shift
and one scale for each block: the block learns what to do at each noise level. The last layer starts at zero, so a new
network returns 0 everywhere and the denoiser starts as c_skip x (edm.init-loss-one).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


class NoiseEmbedding(nn.Module):
    """c_noise (B, 1) -> (B, width): 32 frequencies between 0.3 and 30, then two layers."""

    frequencies: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("frequencies", torch.logspace(math.log10(0.3), math.log10(30), 32), persistent=False)
        self.layers = nn.Sequential(nn.Linear(64, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU())

    def forward(self, c_noise: Tensor) -> Tensor:
        angles = c_noise * self.frequencies
        return self.layers(torch.cat([angles.sin(), angles.cos()], 1))


def zeroed(layer: nn.Module) -> nn.Module:
    """The layer with all its parameters at 0."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


class MLP(nn.Module):
    """Residual layers of equal width for points of `dimensions` numbers."""

    def __init__(self, dimensions: int, width: int, depth: int = 3) -> None:
        super().__init__()
        self.embedding = NoiseEmbedding(width)
        self.enter = nn.Linear(dimensions, width)
        self.shifts = nn.ModuleList(nn.Linear(width, 2 * width) for _ in range(depth))
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.leave = zeroed(nn.Linear(width, dimensions))

    def forward(self, x: Tensor, c_noise: Tensor) -> Tensor:
        level, h = self.embedding(c_noise), self.enter(x)
        for shifts, layer in zip(self.shifts, self.layers, strict=True):
            scale, shift = shifts(level).chunk(2, 1)
            h = h + layer(functional.silu(functional.layer_norm(h, h.shape[1:]) * (1 + scale) + shift))
        return self.leave(functional.silu(h))


class Block(nn.Module):
    """Two convolutions around the noise level's scale and shift, and a residual connection (Ho et al. 2020, app. B)."""

    def __init__(self, channels_in: int, channels_out: int, level_width: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.GroupNorm(8, channels_in), nn.GroupNorm(8, channels_out)])
        self.first = nn.Conv2d(channels_in, channels_out, 3, padding=1)
        self.level = nn.Linear(level_width, 2 * channels_out)
        self.second = zeroed(nn.Conv2d(channels_out, channels_out, 3, padding=1))
        same = channels_in == channels_out
        self.skip = nn.Identity() if same else nn.Conv2d(channels_in, channels_out, 1)

    def forward(self, x: Tensor, level: Tensor) -> Tensor:
        h = self.first(functional.silu(self.norms[0](x)))
        scale, shift = self.level(level)[:, :, None, None].chunk(2, 1)
        h = self.second(functional.silu(self.norms[1](h) * (1 + scale) + shift))
        return self.skip(x) + h


class Attention(nn.Module):
    """Self-attention over the pixels of a small grid, one head for 32 channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.heads = max(1, channels // 32)
        self.norm = nn.GroupNorm(8, channels)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.leave = zeroed(nn.Conv2d(channels, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        rows, channels, height, width = x.shape
        qkv = self.qkv(self.norm(x)).reshape(rows, 3, self.heads, channels // self.heads, height * width)
        q, k, v = qkv.transpose(-1, -2).unbind(1)
        mixed = functional.scaled_dot_product_attention(q, k, v)
        return x + self.leave(mixed.transpose(-1, -2).reshape(x.shape))


class UNet(nn.Module):
    """Down to a grid of 4 x 4 with a block a level, attention there, and up again with a concatenation a level."""

    def __init__(self, shape: tuple[int, int, int], width: int) -> None:
        super().__init__()
        self.shape, channels_in = shape, shape[0]
        depth = int(math.log2(min(shape[1:]) / 4))
        widths = [width] + [2 * width] * depth
        self.embedding = NoiseEmbedding(4 * width)
        self.enter = nn.Conv2d(channels_in, width, 3, padding=1)
        self.down = nn.ModuleList(Block(a, b, 4 * width) for a, b in zip([width, *widths[:-1]], widths, strict=True))
        self.middle, self.attention = Block(widths[-1], widths[-1], 4 * width), Attention(widths[-1])
        self.up = nn.ModuleList(
            Block(a + b, b, 4 * width) for a, b in zip([widths[-1], *widths[:0:-1]], widths[::-1], strict=True)
        )
        self.leave = zeroed(nn.Conv2d(width, channels_in, 3, padding=1))
        self.norm = nn.GroupNorm(8, width)

    def forward(self, x: Tensor, c_noise: Tensor) -> Tensor:
        level = self.embedding(c_noise)
        h = self.enter(x.reshape(-1, *self.shape))
        kept = []
        for number, block in enumerate(self.down):
            h = block(functional.avg_pool2d(h, 2) if number else h, level)
            kept.append(h)
        h = self.attention(self.middle(h, level))
        for number, block in enumerate(self.up):
            h = functional.interpolate(h, scale_factor=2.0, mode="nearest") if number else h
            h = block(torch.cat([h, kept.pop()], 1), level)
        return self.leave(functional.silu(self.norm(h))).reshape(x.shape)


def build(shape: tuple[int, ...], width: int, seed: int) -> nn.Module:
    """The network for data of that shape, its weights drawn on the CPU from `seed` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed % 2**63)
        if len(shape) == 1:
            return MLP(shape[0], width)
        network = UNet((shape[0], shape[1], shape[2]), width)
    for parameter in network.parameters():
        if parameter.dim() == 4:  # convolutions are a quarter faster with the channels last
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return network
